//! TPM_ALG_ID (TCG Algorithm Registry): hash algorithms, schemes and curves by number.

use core::fmt;

use crate::crypto::HashAlgorithm;
use crate::values::Value;

/// A TPM_ALG_ID, known or not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct AlgorithmId(pub u16);

impl AlgorithmId {
    /// TPM_ALG_RSA.
    pub const RSA: Self = Self(0x0001);
    /// TPM_ALG_SHA1.
    pub const SHA1: Self = Self(0x0004);
    /// TPM_ALG_AES.
    pub const AES: Self = Self(0x0006);
    /// TPM_ALG_SHA256.
    pub const SHA256: Self = Self(0x000b);
    /// TPM_ALG_SHA384.
    pub const SHA384: Self = Self(0x000c);
    /// TPM_ALG_SHA512.
    pub const SHA512: Self = Self(0x000d);
    /// TPM_ALG_NULL.
    pub const NULL: Self = Self(0x0010);
    /// TPM_ALG_RSASSA.
    pub const RSASSA: Self = Self(0x0014);
    /// TPM_ALG_RSAPSS.
    pub const RSAPSS: Self = Self(0x0016);
    /// TPM_ALG_ECDSA.
    pub const ECDSA: Self = Self(0x0018);
    /// TPM_ALG_ECDAA.
    pub const ECDAA: Self = Self(0x001a);
    /// TPM_ALG_ECC.
    pub const ECC: Self = Self(0x0023);
    /// TPM_ALG_CFB.
    pub const CFB: Self = Self(0x0043);

    /// The hash function, if a provider can have it.
    pub const fn hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::SHA1 => Some(HashAlgorithm::Sha1),
            Self::SHA256 => Some(HashAlgorithm::Sha256),
            Self::SHA384 => Some(HashAlgorithm::Sha384),
            Self::SHA512 => Some(HashAlgorithm::Sha512),
            _ => None,
        }
    }

    /// The number of a hash function.
    pub const fn of(hash: HashAlgorithm) -> Self {
        match hash {
            HashAlgorithm::Sha1 => Self::SHA1,
            HashAlgorithm::Sha256 => Self::SHA256,
            HashAlgorithm::Sha384 => Self::SHA384,
            HashAlgorithm::Sha512 => Self::SHA512,
        }
    }

    /// Length of the digests of a hash algorithm, in bytes: also of those that no provider has (SM3-256, SHA-3).
    pub const fn digest_len(self) -> Option<usize> {
        match self.0 {
            0x0004 => Some(20),
            0x000b | 0x0012 | 0x0027 => Some(32),
            0x000c | 0x0028 => Some(48),
            0x000d | 0x0029 => Some(64),
            _ => None,
        }
    }

    /// Stable name; `None` for a number that is not known.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0001 => "rsa",
            0x0004 => "sha1",
            0x0006 => "aes",
            0x000b => "sha256",
            0x000c => "sha384",
            0x000d => "sha512",
            0x0010 => "null",
            0x0012 => "sm3-256",
            0x0014 => "rsassa",
            0x0016 => "rsapss",
            0x0018 => "ecdsa",
            0x001a => "ecdaa",
            0x0023 => "ecc",
            0x0027 => "sha3-256",
            0x0028 => "sha3-384",
            0x0029 => "sha3-512",
            0x0043 => "cfb",
            _ => return None,
        })
    }
}

impl From<AlgorithmId> for Value {
    fn from(algorithm: AlgorithmId) -> Self {
        match algorithm.name() {
            Some(name) => Self::Phrase(name),
            None => Self::Bits(u64::from(algorithm.0)),
        }
    }
}

impl fmt::Display for AlgorithmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

impl fmt::Debug for AlgorithmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
