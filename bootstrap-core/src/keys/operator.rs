//! Ed25519 keys that come from a seed: the operator's, and the one by which an SNP guest is known again (protocol sections 2 and 6).

use ed25519_dalek::{Signer, SigningKey};

use super::error::KeyError;
use super::kdf::{Branch, Extracted, info, push_lp};
use super::public_key::PublicKey;
use super::secret::Secret;
use crate::ids::{ClusterId, NodeId};

/// An operator's signing key.
pub struct OperatorKey(SigningKey);

impl OperatorKey {
    /// The key with this seed: drawn on its own, or derived from a master secret where one file must restore all.
    pub fn from_seed(seed: &Secret) -> Self {
        Self(SigningKey::from_bytes(seed.expose()))
    }

    /// The public key, as a genesis lists it.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    /// Signs a statement's `Sig_structure` (section 8).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Proves the key over the slot of a channel (section 4, additions c).
    ///
    /// # Errors
    /// [`KeyError`] if the label does not fit, which it does.
    pub fn prove(&self, slot: &[u8; 64]) -> Result<[u8; 64], KeyError> {
        Ok(self.sign(&key_proof(slot)?))
    }
}

/// By what an SNP guest is known again: from a key that the firmware derives for this image on this chip.
pub struct SameNodeKey(SigningKey);

impl SameNodeKey {
    /// From the firmware's answer to MSG_KEY_REQ. A node that has no id yet is `None`.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn derive(cluster: &ClusterId, firmware: &Secret, node: Option<&NodeId>) -> Result<Self, KeyError> {
        let mut context = Vec::new();
        push_lp(&mut context, "node id", node.map_or(&[0; NodeId::LEN], NodeId::as_bytes).as_slice())?;
        let info = info(Branch::Node, "same-node", None, &context)?;
        let seed = Extracted::new(cluster.as_bytes(), firmware).secret("same-node seed", &info)?;
        Ok(Self(SigningKey::from_bytes(seed.expose())))
    }

    /// The public key, as it is enrolled.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    /// Proves the key over the slot of a channel (section 4, additions c).
    ///
    /// # Errors
    /// [`KeyError`] if the label does not fit, which it does.
    pub fn prove(&self, slot: &[u8; 64]) -> Result<[u8; 64], KeyError> {
        Ok(self.0.sign(&key_proof(slot)?).to_bytes())
    }
}

/// What a `key` item signs: `lp("attestrap/key-proof/1") || slot`.
pub(crate) fn key_proof(slot: &[u8; 64]) -> Result<Vec<u8>, KeyError> {
    let mut message = Vec::new();
    push_lp(&mut message, "label", b"attestrap/key-proof/1")?;
    message.extend_from_slice(slot);
    Ok(message)
}
