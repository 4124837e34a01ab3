//! What stands for cryptography where a run has too many nodes for the real thing: hashes in place of key derivation and signatures.
//!
//! It keeps what the machines rely on. Whoever lacks an input cannot name the output, other inputs give other outputs, and a
//! certificate or a statement is only taken from whoever its maker says it is. It is no cryptography: who signs is written, not
//! proven, and a test that plays the attacker must not write what its attacker could not sign.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::ids::{ClusterId, DiskId, KeyEpoch, NodeId, Role, StatementHash};
use crate::machine::facts::{Authority, Genesis, PolicyTip};
use crate::peer::{Member, PublicKey};

/// `HMAC`, `HKDF` and signatures in one: a hash over a label and parts, each with its length.
pub fn hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(join(label, parts)).into()
}

/// Parts as one string.
pub fn join(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in core::iter::once(&label.as_bytes()).chain(parts) {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The parts behind a label; `None` for any other string.
pub fn split<'a>(label: &str, bytes: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, after) = after.split_at_checked(length)?;
        parts.push(part);
        rest = after;
    }
    (parts.first() == Some(&label.as_bytes())).then(|| parts.into_iter().skip(1).collect())
}

/// The two roots of one epoch. Either may be absent, where custody is split.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a pair over its whole content")]
pub struct Roots {
    /// The identity branch.
    pub identity: Option<[u8; 32]>,
    /// The data branch.
    pub data: Option<[u8; 32]>,
}

impl Roots {
    /// The roots that follow from a master secret.
    pub fn of_master(master: &[u8; 32]) -> Self {
        Self { identity: Some(hash("identity", &[master])), data: Some(hash("data", &[master])) }
    }

    /// The public key of the cluster's CA.
    pub fn ca(&self) -> Option<[u8; 32]> {
        self.identity.map(|root| hash("ca", &[&root]))
    }

    /// The check value of the data root.
    pub fn check(&self) -> Option<[u8; 32]> {
        self.data.map(|root| hash("check", &[&root]))
    }

    /// The key of one disk.
    pub fn disk_key(&self, node: NodeId, disk: DiskId, epoch: KeyEpoch) -> Option<[u8; 32]> {
        let epoch = epoch.number().to_be_bytes();
        self.data.map(|root| hash("disk", &[&root, node.as_bytes(), disk.as_bytes(), &epoch]))
    }
}

/// A genesis; without the CA's key where that is made in the first node.
pub fn genesis(
    salt: [u8; 32],
    authority: Authority,
    ca: Option<[u8; 32]>,
    check: Option<[u8; 32]>,
) -> Genesis {
    let operators: Vec<&[u8]> = authority.operators.iter().map(PublicKey::as_bytes).collect();
    let custodians: Vec<&[u8]> = authority.custodians.iter().map(PublicKey::as_bytes).collect();
    let bytes = join(
        "genesis",
        &[
            &salt,
            ca.as_ref().map_or(&[], |ca| ca.as_slice()),
            check.as_ref().map_or(&[], |check| check.as_slice()),
            &join("operators", &operators),
            &[authority.threshold],
            &join("custodians", &custodians),
        ],
    );
    Genesis { bytes: Arc::from(bytes), authority, complete: ca.is_some() }
}

/// What a genesis fixes, read from its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GenesisParts {
    /// The salt.
    pub salt: [u8; 32],
    /// The CA's key.
    pub ca: Option<[u8; 32]>,
    /// The check value of the data root.
    pub check: Option<[u8; 32]>,
}

impl GenesisParts {
    /// Of this genesis; `None` for bytes that are none.
    pub fn of(genesis: &Genesis) -> Option<Self> {
        let parts = split("genesis", &genesis.bytes)?;
        let [salt, ca, check, ..] = parts.as_slice() else { return None };
        Some(Self {
            salt: (*salt).try_into().ok()?,
            ca: (*ca).try_into().ok(),
            check: (*check).try_into().ok(),
        })
    }
}

/// A signed policy.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever plays the operator")]
pub struct Policy {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its epoch.
    pub epoch: u32,
    /// The hash of the one before; the cluster id for the first.
    pub previous: StatementHash,
    /// What it says. Opaque here.
    pub content: Vec<u8>,
    /// Who signed it.
    pub signers: Vec<PublicKey>,
}

impl Policy {
    /// What it is known by.
    pub fn tip(&self) -> PolicyTip {
        let digest = hash("policy", &[&self.payload()]);
        PolicyTip { epoch: self.epoch, hash: StatementHash::new(digest) }
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signers: Vec<Vec<u8>> =
            self.signers.iter().map(|key| join("key", &[&[key.algorithm()], key.as_bytes()])).collect();
        let signers: Vec<&[u8]> = signers.iter().map(Vec::as_slice).collect();
        join("signed", &[&self.payload(), &join("signers", &signers)])
    }

    /// Of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let signed = split("signed", bytes)?;
        let [payload, signers] = signed.as_slice() else { return None };
        let parts = split("payload", payload)?;
        let [cluster, epoch, previous, content] = parts.as_slice() else { return None };
        let key = |bytes: &&[u8]| {
            let parts = split("key", bytes)?;
            let [[algorithm], key] = parts.as_slice() else { return None };
            PublicKey::new(*algorithm, key)
        };
        Some(Self {
            cluster: ClusterId::new((*cluster).try_into().ok()?),
            epoch: u32::from_be_bytes((*epoch).try_into().ok()?),
            previous: StatementHash::new((*previous).try_into().ok()?),
            content: content.to_vec(),
            signers: split("signers", signers)?.iter().map(key).collect::<Option<_>>()?,
        })
    }

    /// Whether it goes on from `held` under this authority.
    pub fn follows(&self, cluster: ClusterId, authority: &Authority, held: Option<PolicyTip>) -> bool {
        let (epoch, previous) = match held {
            None => (1, StatementHash::new(*cluster.as_bytes())),
            Some(tip) => (tip.epoch.saturating_add(1), tip.hash),
        };
        let mut signers = self.signers.clone();
        signers.sort();
        signers.dedup();
        let signed = signers.iter().filter(|key| authority.operators.contains(key)).count();
        self.cluster == cluster
            && self.epoch == epoch
            && self.previous == previous
            && signed >= usize::from(authority.threshold.max(1))
    }

    fn payload(&self) -> Vec<u8> {
        let epoch = self.epoch.to_be_bytes();
        join("payload", &[self.cluster.as_bytes(), &epoch, self.previous.as_bytes(), &self.content])
    }
}

/// A certificate of a node, by the CA with this key, for the key of this request.
pub fn certificate(ca: [u8; 32], member: &Member, csr: &[u8]) -> Vec<u8> {
    join(
        "certificate",
        &[
            &ca,
            member.cluster.as_bytes(),
            member.node.as_bytes(),
            &[member.role.number()],
            &member.policy_epoch.to_be_bytes(),
            &member.generation.to_be_bytes(),
            member.name.as_bytes(),
            &member.not_after.to_be_bytes(),
            csr,
        ],
    )
}

/// The CA's key, the member and the request of a certificate.
pub fn read_certificate(bytes: &[u8]) -> Option<([u8; 32], Member, Vec<u8>)> {
    let parts = split("certificate", bytes)?;
    let [ca, cluster, node, [role], policy, generation, name, not_after, csr] = parts.as_slice() else {
        return None;
    };
    let member = Member {
        cluster: ClusterId::new((*cluster).try_into().ok()?),
        node: NodeId::new((*node).try_into().ok()?),
        role: Role::from_number(*role)?,
        ca_epoch: KeyEpoch::FIRST,
        policy_epoch: u32::from_be_bytes((*policy).try_into().ok()?),
        generation: u32::from_be_bytes((*generation).try_into().ok()?),
        name: core::str::from_utf8(name).ok()?.to_owned(),
        not_after: u64::from_be_bytes((*not_after).try_into().ok()?),
    };
    Some(((*ca).try_into().ok()?, member, csr.to_vec()))
}
