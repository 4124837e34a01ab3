//! What the bytes of a genesis fix: the cluster id, and the lock register of a node that is locked to it (protocol section 2).

use sha2::{Digest, Sha256, Sha384};

use super::error::KeyError;
use super::kdf::push_lp;
use crate::ids::ClusterId;

/// `c`: the hash of the genesis, over the bytes received or made, never over a re-encoding.
///
/// # Errors
/// [`KeyError::TooLong`] if the genesis does not fit a length of 16 bits.
pub fn cluster_id(genesis: &[u8]) -> Result<ClusterId, KeyError> {
    let mut input = Vec::new();
    push_lp(&mut input, "label", b"attestrap/cluster-id/1")?;
    push_lp(&mut input, "genesis", genesis)?;
    Ok(ClusterId::new(Sha256::digest(&input).into()))
}

/// What locks a node to a cluster, before it is hashed for a bank. Not a secret: anybody may write it, and only a chain of
/// certificates proves membership.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterEvent(Vec<u8>);

impl RegisterEvent {
    /// `ev`.
    ///
    /// # Errors
    /// [`KeyError`] if the label does not fit, which it does.
    pub fn new(cluster: &ClusterId) -> Result<Self, KeyError> {
        let mut event = Vec::new();
        push_lp(&mut event, "label", b"attestrap/register/1")?;
        push_lp(&mut event, "cluster id", cluster.as_bytes())?;
        Ok(Self(event))
    }

    /// The bytes that each active bank hashes with its own algorithm.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// PCR 15 of the SHA-256 bank once extended, from its value before.
    pub fn pcr_sha256(&self, before: &[u8; 32]) -> [u8; 32] {
        Sha256::new().chain_update(before).chain_update(Sha256::digest(&self.0)).finalize().into()
    }

    /// PCR 15 of the SHA-384 bank, or RTMR3, once extended, from its value before.
    pub fn register_sha384(&self, before: &[u8; 48]) -> [u8; 48] {
        Sha384::new().chain_update(before).chain_update(Sha384::digest(&self.0)).finalize().into()
    }
}
