//! The key schedule of protocol section 2: from the master secret to roots, from a root to keys.
//!
//! A root is a type, and each type has the keys of its own branch only: whoever holds a data root finds no function that makes an
//! identity key of it.
//!
//! ```compile_fail,E0599
//! fn steal(root: &bootstrap_core::keys::DataRoot) {
//!     let _ = root.cluster_ca();
//! }
//! ```
//!
//! ```compile_fail,E0308
//! fn mistake(root: bootstrap_core::keys::DataRoot) -> bootstrap_core::keys::IdentityRoot {
//!     root
//! }
//! ```

use super::audit::AuditKey;
use super::ca::ClusterCa;
use super::error::KeyError;
use super::kdf::{Branch, Extracted, info, push_lp};
use super::operator::OperatorKey;
use super::secret::Secret;
use crate::ids::{DiskId, KeyEpoch, NodeId, TokenId};
use attest_core::values::Hex;

/// The public salt of a cluster, fixed for its life by its genesis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; Self::LEN]);

impl Salt {
    /// How many bytes it has.
    pub const LEN: usize = 32;

    /// The salt with these bytes.
    ///
    /// # Errors
    /// [`KeyError::Zero`] if all of them are zero.
    pub fn new(bytes: [u8; Self::LEN]) -> Result<Self, KeyError> {
        match bytes == [0; Self::LEN] {
            true => Err(KeyError::Zero { what: "salt" }),
            false => Ok(Self(bytes)),
        }
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl core::fmt::Debug for Salt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Salt({})", Hex(&self.0))
    }
}

/// Tells a wrong secret without using it: public, 128 bits of output over 256 secret ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckValue([u8; Self::LEN]);

impl CheckValue {
    /// How many bytes it has.
    pub const LEN: usize = 16;

    /// The value with these bytes.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn of(keys: &Extracted, branch: Branch, epoch: KeyEpoch) -> Result<Self, KeyError> {
        let mut value = [0; Self::LEN];
        keys.expand("check value", &info(branch, "check", Some(epoch), b"")?, &mut value)?;
        Ok(Self(value))
    }
}

impl core::fmt::Debug for CheckValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CheckValue({})", Hex(&self.0))
    }
}

/// The master secret of one epoch. It never leaves the operator: nodes get roots.
pub struct MasterSecret {
    secret: Secret,
    salt: Salt,
    epoch: KeyEpoch,
}

impl MasterSecret {
    /// The master secret of `epoch` in the cluster with this salt.
    pub const fn new(secret: Secret, salt: Salt, epoch: KeyEpoch) -> Self {
        Self { secret, salt, epoch }
    }

    /// The secret itself, for the one file that keeps it and for shares.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Its epoch.
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// The root of node certificates and tokens.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn identity_root(&self) -> Result<IdentityRoot, KeyError> {
        Ok(IdentityRoot(self.root("identity root", Branch::Identity)?))
    }

    /// The root of disk and application keys.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn data_root(&self) -> Result<DataRoot, KeyError> {
        Ok(DataRoot(self.root("data root", Branch::Data)?))
    }

    /// The operator's signing key, where one file must restore all. It comes from the first epoch whatever becomes of the others:
    /// a rotation of the master secret does not change who the operator is.
    ///
    /// # Errors
    /// [`KeyError::Epoch`] for any epoch but the first.
    pub fn operator_key(&self) -> Result<OperatorKey, KeyError> {
        if self.epoch != KeyEpoch::FIRST {
            let (expected, actual) = (KeyEpoch::FIRST, self.epoch);
            return Err(KeyError::Epoch { what: "operator root", expected, actual });
        }
        let seed = self.root("operator root", Branch::Operator)?.secret("operator key", "sign", b"")?;
        Ok(OperatorKey::from_seed(&seed))
    }

    /// Tells this master secret from another.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation fails.
    pub fn check(&self) -> Result<CheckValue, KeyError> {
        CheckValue::of(&self.extract(), Branch::Root, self.epoch)
    }

    fn extract(&self) -> Extracted {
        Extracted::new(self.salt.as_bytes(), &self.secret)
    }

    fn root(&self, what: &'static str, branch: Branch) -> Result<Root, KeyError> {
        let info = info(Branch::Root, branch.word(), Some(self.epoch), b"")?;
        let secret = self.extract().secret(what, &info)?;
        Ok(Root { secret, salt: self.salt, epoch: self.epoch, branch })
    }
}

/// What roots of all branches have in common.
struct Root {
    secret: Secret,
    salt: Salt,
    epoch: KeyEpoch,
    branch: Branch,
}

impl Root {
    fn extract(&self) -> Extracted {
        Extracted::new(self.salt.as_bytes(), &self.secret)
    }

    fn secret(&self, what: &'static str, purpose: &str, context: &[u8]) -> Result<Secret, KeyError> {
        self.extract().secret(what, &info(self.branch, purpose, Some(self.epoch), context)?)
    }

    fn check(&self) -> Result<CheckValue, KeyError> {
        CheckValue::of(&self.extract(), self.branch, self.epoch)
    }

    fn duplicate(&self) -> Self {
        Self { secret: self.secret.duplicate(), ..*self }
    }
}

/// The root of everything that says who is a member. Held by seats, and by the identity custodian where custody is split.
pub struct IdentityRoot(Root);

impl IdentityRoot {
    /// The identity root of `epoch` in the cluster with this salt: drawn on its own where custody is split, or received.
    pub const fn new(secret: Secret, salt: Salt, epoch: KeyEpoch) -> Self {
        Self(Root { secret, salt, epoch, branch: Branch::Identity })
    }

    /// The secret itself, for tickets, files and shares.
    pub const fn secret(&self) -> &Secret {
        &self.0.secret
    }

    /// Its epoch.
    pub const fn epoch(&self) -> KeyEpoch {
        self.0.epoch
    }

    /// A second copy, spelled out.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }

    /// The cluster's certificate authority.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation fails.
    pub fn cluster_ca(&self) -> Result<ClusterCa, KeyError> {
        let mut wide = zeroize::Zeroizing::new([0; ClusterCa::MATERIAL]);
        let info = info(Branch::Identity, "ca", Some(self.epoch()), b"")?;
        self.0.extract().expand("cluster CA", &info, wide.as_mut_slice())?;
        ClusterCa::derive(&wide, self.epoch())
    }

    /// Ed25519 seed of the authority over SSH host and user certificates.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn ssh_ca_seed(&self) -> Result<Secret, KeyError> {
        self.0.secret("SSH CA seed", "ssh-ca", b"")
    }

    /// The secret of a join token.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn join_token(&self, id: &TokenId) -> Result<Secret, KeyError> {
        self.0.secret("join token", "token", id.as_bytes())
    }

    /// What a member of the seats' store shares with the others.
    ///
    /// # Errors
    /// [`KeyError::TooLong`] if the name does not fit a length of 16 bits.
    pub fn store_key(&self, member: &str) -> Result<Secret, KeyError> {
        self.0.secret("store key", "store", member.as_bytes())
    }

    /// Tells this root from another.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation fails.
    pub fn check(&self) -> Result<CheckValue, KeyError> {
        self.0.check()
    }
}

/// The root of everything that keeps data. Held by seats, and by the data owner where custody is split.
pub struct DataRoot(Root);

impl DataRoot {
    /// The data root of `epoch` in the cluster with this salt: drawn on its own where custody is split, or received.
    pub const fn new(secret: Secret, salt: Salt, epoch: KeyEpoch) -> Self {
        Self(Root { secret, salt, epoch, branch: Branch::Data })
    }

    /// The secret itself, for tickets, files and shares.
    pub const fn secret(&self) -> &Secret {
        &self.0.secret
    }

    /// Its epoch.
    pub const fn epoch(&self) -> KeyEpoch {
        self.0.epoch
    }

    /// A second copy, spelled out.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }

    /// The key of one disk of one node. Both ids come from the store, never from whoever asks (section 6).
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn disk_key(&self, node: &NodeId, disk: &DiskId) -> Result<Secret, KeyError> {
        let mut context = Vec::new();
        push_lp(&mut context, "node id", node.as_bytes())?;
        push_lp(&mut context, "disk id", disk.as_bytes())?;
        self.0.secret("disk key", "disk", &context)
    }

    /// The key that chains the audit records.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn audit_key(&self) -> Result<AuditKey, KeyError> {
        Ok(AuditKey::new(self.0.secret("audit key", "audit", b"")?))
    }

    /// The key of an application: a volume, a proxy.
    ///
    /// # Errors
    /// [`KeyError::TooLong`] if the name does not fit a length of 16 bits.
    pub fn application_key(&self, name: &str) -> Result<Secret, KeyError> {
        let mut context = Vec::new();
        push_lp(&mut context, "application name", name.as_bytes())?;
        self.0.secret("application key", "app", &context)
    }

    /// This root's part in what wraps the roots on a seat's disk; the other part is a key that only the seat's machine can unseal, so
    /// that the data root alone opens nothing.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn wrap_input(&self, node: &NodeId) -> Result<Secret, KeyError> {
        let mut context = Vec::new();
        push_lp(&mut context, "node id", node.as_bytes())?;
        self.0.secret("wrap input", "wrap", &context)
    }

    /// Tells this root from another.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation fails.
    pub fn check(&self) -> Result<CheckValue, KeyError> {
        self.0.check()
    }
}
