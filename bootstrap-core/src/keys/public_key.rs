//! Public keys of operators, custodians and nodes.

use sha2::{Digest, Sha256};

use crate::ids::KeyId;

/// A public key of rule `pubkey` in protocol section 4.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a new algorithm is a new wire version of `key`")]
pub enum PublicKey {
    /// 1: Ed25519.
    Ed25519([u8; 32]),
    /// 2: P-256, uncompressed.
    P256([u8; 65]),
}

impl PublicKey {
    /// The key of an algorithm's number and its bytes; `None` for an unknown number or another length. Whether the bytes are a
    /// point of the curve shows when a signature is checked.
    pub fn new(algorithm: u8, bytes: &[u8]) -> Option<Self> {
        match algorithm {
            1 => bytes.try_into().ok().map(Self::Ed25519),
            2 => bytes.try_into().ok().map(Self::P256),
            _ => None,
        }
    }

    /// The algorithm's number on the wire.
    pub const fn algorithm(&self) -> u8 {
        match self {
            Self::Ed25519(_) => 1,
            Self::P256(_) => 2,
        }
    }

    /// The key's bytes on the wire.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::P256(bytes) => bytes,
        }
    }

    /// The id by which statements name it: the first 8 bytes of SHA-256 over its bytes.
    pub fn id(&self) -> KeyId {
        let digest: [u8; 32] = Sha256::digest(self.as_bytes()).into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        KeyId::new([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_is_that_of_the_protocol() {
        // Section 2, vector "operator public; key id".
        let hex = "4fd099ccd47d7893dfe9ec24414ecb0d9b5420232aad30d91c465be33cbe65c4";
        let bytes: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let key = PublicKey::new(1, &bytes).unwrap();
        assert_eq!(key.id().to_string(), "a18112b0b7b4225f");
        assert_eq!(PublicKey::new(2, &bytes), None);
        assert_eq!(PublicKey::new(3, &bytes), None);
    }
}
