//! A seat's roots at rest (protocol section 2, root wrap).

use super::roots::{EpochRoots, Roots};
use super::{Error, Keyring};
use crate::ids::{ClusterId, KeyEpoch, NodeId};
use crate::keys::{DataRoot, Handle, IdentityRoot, Salt, Secret, WrapKey, Wrapped};

/// The wrapped roots of one epoch, with the public facts that open them, and what stands beside them on the encrypted disk.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct SealedRoots {
    /// The epoch.
    pub epoch: KeyEpoch,
    /// key(data, `wrap`, lp(node id)): a seat has its disk when it starts, and not yet the data root, so this lies beside what it
    /// helps to open. It opens nothing without the node's sealed key.
    pub wrap_input: Secret,
    /// The identity root.
    pub identity: Wrapped,
    /// The data root.
    pub data: Wrapped,
}

impl Keyring {
    /// Wraps both roots of an epoch for a seat's disk. `nonces` are random, and never used twice.
    ///
    /// # Errors
    /// [`Error::Unknown`] if one of them is not here; [`Error::Key`] for a nonce that was not drawn; [`Error::Wrong`] if both
    /// nonces are the same.
    pub fn seal_roots(
        &self,
        roots: Handle,
        epoch: KeyEpoch,
        place: (&ClusterId, &NodeId),
        node_sealed: &Secret,
        nonces: [[u8; 12]; 2],
    ) -> Result<SealedRoots, Error> {
        let (cluster, node) = place;
        let [first, second] = nonces;
        if first == second {
            return Err(Error::Wrong { what: "nonces, which are one" });
        }
        let roots = self.roots(roots)?;
        let (identity, data) = (roots.identity(epoch)?, roots.data(epoch)?);
        let wrap_input = data.wrap_input(node)?;
        let key = WrapKey::derive(&wrap_input, node_sealed, node, epoch)?;
        Ok(SealedRoots {
            epoch,
            identity: key.wrap(identity.secret(), cluster, first)?,
            data: key.wrap(data.secret(), cluster, second)?,
            wrap_input,
        })
    }

    /// Opens what a seat finds on its disk.
    ///
    /// # Errors
    /// [`Error::Key`] if the node's sealed key is another one, or anything was changed.
    pub fn open_roots(
        &mut self,
        sealed: &[SealedRoots],
        salt: Salt,
        place: (&ClusterId, &NodeId),
        node_sealed: &Secret,
    ) -> Result<Handle, Error> {
        let (cluster, node) = place;
        let mut roots = Roots::new(salt);
        for SealedRoots { epoch, wrap_input, identity, data } in sealed {
            let key = WrapKey::derive(wrap_input, node_sealed, node, *epoch)?;
            let identity = key.unwrap("identity root", identity, cluster)?;
            let data = key.unwrap("data root", data, cluster)?;
            roots.add(EpochRoots {
                identity: Some(IdentityRoot::new(identity, salt, *epoch)),
                data: Some(DataRoot::new(data, salt, *epoch)),
            })?;
        }
        self.hold_roots(roots)
    }
}
