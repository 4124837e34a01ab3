//! Roots at rest on a seat's disk: AES-256-GCM under a key that takes both the data root and the node's sealed key (protocol
//! section 2).

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::kdf::{Branch, Extracted, info, push_lp};
use super::secret::Secret;
use crate::ids::{ClusterId, KeyEpoch, NodeId};

/// Wraps and opens the secrets of one node in one epoch.
pub struct WrapKey {
    kek: Secret,
    node: NodeId,
    epoch: KeyEpoch,
}

/// A wrapped secret, as it lies on disk: nonce, cipher text, tag.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Wrapped([u8; Self::LEN]);

impl Wrapped {
    /// How many bytes it has.
    pub const LEN: usize = NONCE + Secret::LEN + TAG;

    /// What lies on disk.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

const NONCE: usize = 12;
const TAG: usize = 16;

impl WrapKey {
    /// From the data root's part (`DataRoot::wrap_input`) and the key that the node's machine seals.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn derive(
        wrap_input: &Secret,
        node_sealed: &Secret,
        node: &NodeId,
        epoch: KeyEpoch,
    ) -> Result<Self, KeyError> {
        let mut context = Vec::new();
        push_lp(&mut context, "node id", node.as_bytes())?;
        let info = info(Branch::Data, "wrap-kek", Some(epoch), &context)?;
        let kek = Extracted::new(node_sealed.expose(), wrap_input).secret("wrap key", &info)?;
        Ok(Self { kek, node: *node, epoch })
    }

    /// Wraps `secret`. The nonce is random and never used twice with this key: two secrets under one nonce give both away.
    ///
    /// # Errors
    /// [`KeyError::Zero`] for a nonce that was not drawn.
    pub fn wrap(&self, secret: &Secret, cluster: &ClusterId, nonce: [u8; 12]) -> Result<Wrapped, KeyError> {
        if nonce == [0; NONCE] {
            return Err(KeyError::Zero { what: "nonce" });
        }
        let mut body = Zeroizing::new(*secret.expose());
        let tag = self
            .cipher()
            .encrypt_inout_detached(&Nonce::from(nonce), &self.place(cluster), body.as_mut_slice().into())
            .map_err(|_| KeyError::Unwrap)?;
        let mut bytes = [0; Wrapped::LEN];
        let parts = nonce.iter().chain(body.iter()).chain(tag.iter());
        bytes.iter_mut().zip(parts).for_each(|(slot, octet)| *slot = *octet);
        Ok(Wrapped(bytes))
    }

    /// Opens what [`Self::wrap`] made for the same cluster, node and epoch.
    ///
    /// # Errors
    /// [`KeyError::Unwrap`] for anything else, without a word on what differs.
    pub fn unwrap(
        &self,
        what: &'static str,
        wrapped: &Wrapped,
        cluster: &ClusterId,
    ) -> Result<Secret, KeyError> {
        let (nonce, rest) = wrapped.0.split_first_chunk::<NONCE>().ok_or(KeyError::Unwrap)?;
        let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(KeyError::Unwrap)?;
        Secret::filled(what, |secret| {
            secret.copy_from_slice(body);
            self.cipher()
                .decrypt_inout_detached(
                    &Nonce::from(*nonce),
                    &self.place(cluster),
                    secret.as_mut_slice().into(),
                    &Tag::from(*tag),
                )
                .map_err(|_| KeyError::Unwrap)
        })
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.kek.expose().into())
    }

    /// Where the secret belongs: `c ++ node id ++ u32(e)`.
    fn place(&self, cluster: &ClusterId) -> Vec<u8> {
        [cluster.as_bytes().as_slice(), self.node.as_bytes(), &self.epoch.number().to_be_bytes()].concat()
    }

    #[cfg(test)]
    pub(super) const fn kek(&self) -> &Secret {
        &self.kek
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8, node: u8, epoch: u32) -> WrapKey {
        let kek = Secret::new("kek", &[octet; 32]).unwrap();
        WrapKey { kek, node: NodeId::new([node; 16]), epoch: KeyEpoch::new(epoch).unwrap() }
    }

    #[test]
    fn a_wrapped_root_opens_in_its_own_place_only() {
        let (cluster, root) = (ClusterId::new([3; 32]), Secret::new("data root", &[9; 32]).unwrap());
        let wrapped = key(1, 2, 1).wrap(&root, &cluster, [5; 12]).unwrap();
        let open = |key: WrapKey, cluster: [u8; 32], wrapped: &Wrapped| {
            key.unwrap("data root", wrapped, &ClusterId::new(cluster))
        };
        assert!(open(key(1, 2, 1), [3; 32], &wrapped).is_ok_and(|opened| opened == root));
        assert_eq!(open(key(8, 2, 1), [3; 32], &wrapped).err(), Some(KeyError::Unwrap), "another key");
        assert_eq!(open(key(1, 8, 1), [3; 32], &wrapped).err(), Some(KeyError::Unwrap), "another node");
        assert_eq!(open(key(1, 2, 8), [3; 32], &wrapped).err(), Some(KeyError::Unwrap), "another epoch");
        assert_eq!(open(key(1, 2, 1), [8; 32], &wrapped).err(), Some(KeyError::Unwrap), "another cluster");
        for index in 0..Wrapped::LEN {
            let mut bytes = *wrapped.as_bytes();
            bytes[index] ^= 1;
            let opened = open(key(1, 2, 1), [3; 32], &Wrapped::new(bytes));
            assert_eq!(opened.err(), Some(KeyError::Unwrap), "byte {index}");
        }
    }

    #[test]
    fn the_secret_does_not_show() {
        let (cluster, root) = (ClusterId::new([3; 32]), Secret::new("data root", &[9; 32]).unwrap());
        let wrapped = key(1, 2, 1).wrap(&root, &cluster, [5; 12]).unwrap();
        assert!(!wrapped.as_bytes().windows(8).any(|window| window == [9; 8]));
        assert_eq!(key(1, 2, 1).wrap(&root, &cluster, [0; 12]).err(), Some(KeyError::Zero { what: "nonce" }));
    }
}
