//! Providers of signatures and hashes: a plain struct of trait objects, passed in by the caller.
//!
//! Every backend is one module and one additive feature; several may be on at once. Nothing is picked behind the caller's
//! back, and a provider that lacks an algorithm makes the verdict *unsupported*, never *untrusted*.

use core::fmt;

use crate::error::Unsupported;
use crate::values::Digest;

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc_rs;
#[cfg(feature = "ring")]
pub mod ring;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;

/// A signature scheme with all its parameters fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA over NIST P-256 with SHA-256. Key: SEC 1 point, 65 bytes. Signature: r then s, 32 bytes each, big-endian.
    EcdsaP256Sha256,
    /// ECDSA over NIST P-384 with SHA-384. Key: SEC 1 point, 97 bytes. Signature: r then s, 48 bytes each, big-endian.
    EcdsaP384Sha384,
    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and 32 bytes of salt. Key: PKCS #1 RSAPublicKey in DER, 2048 to 8192 bits.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, MGF1-SHA-384 and 48 bytes of salt. Key: PKCS #1 RSAPublicKey in DER, 2048 to 8192 bits.
    RsaPssSha384,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1, 20 bytes. For logs and registers of old; nothing is believed on its word.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// All hash functions.
    pub const ALL: &[Self] = &[Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Length of a digest, in bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Stable name: `sha1`, `sha256`, `sha384`, `sha512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The hash function of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }
}

/// One hash function of a provider.
pub trait HashFunction: fmt::Debug + Send + Sync {
    /// Which one this is.
    fn algorithm(&self) -> HashAlgorithm;

    /// The digest of `parts`, one after the other.
    fn digest(&self, parts: &[&[u8]]) -> Digest;
}

/// One signature scheme of a provider.
pub trait SignatureVerifier: fmt::Debug + Send + Sync {
    /// Which scheme this is.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Verifies `signature` over `message`. All three arguments are untrusted; forms as the algorithm documents them.
    ///
    /// # Errors
    /// [`BadSignature`], with no detail: it would help only an attacker.
    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature>;
}

/// A set of signature schemes and hash functions from one library.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CryptoProvider {
    /// Short name, for reports.
    pub name: &'static str,
    /// The signature schemes it has.
    pub signatures: &'static [&'static dyn SignatureVerifier],
    /// The hash functions it has.
    pub hashes: &'static [&'static dyn HashFunction],
}

impl CryptoProvider {
    /// A provider of the caller's own making.
    pub const fn new(
        name: &'static str,
        signatures: &'static [&'static dyn SignatureVerifier],
        hashes: &'static [&'static dyn HashFunction],
    ) -> Self {
        Self { name, signatures, hashes }
    }

    /// The digest of `parts`, one after the other.
    ///
    /// # Errors
    /// [`Unsupported::Hash`] if the provider lacks the hash function.
    pub fn digest(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Result<Digest, Unsupported> {
        self.hashes
            .iter()
            .find(|hash| hash.algorithm() == algorithm)
            .map(|hash| hash.digest(parts))
            .ok_or(Unsupported::Hash { provider: self.name, algorithm })
    }

    /// Whether the provider has this scheme.
    pub fn supports(&self, algorithm: SignatureAlgorithm) -> bool {
        self.signatures.iter().any(|scheme| scheme.algorithm() == algorithm)
    }

    /// Verifies one signature; whether it holds is the inner result.
    ///
    /// # Errors
    /// [`Unsupported::Algorithm`] if the provider lacks the scheme.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<Result<(), BadSignature>, Unsupported> {
        self.signatures
            .iter()
            .find(|scheme| scheme.algorithm() == algorithm)
            .map(|scheme| scheme.verify(public_key, message, signature))
            .ok_or(Unsupported::Algorithm { provider: self.name, algorithm })
    }
}

/// The providers that this build has, in a fixed order.
pub static BUILT_IN: &[&CryptoProvider] = &[
    #[cfg(feature = "aws-lc-rs")]
    &aws_lc_rs::PROVIDER,
    #[cfg(feature = "ring")]
    &ring::PROVIDER,
    #[cfg(feature = "rustcrypto")]
    &rustcrypto::PROVIDER,
];

/// The signature does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
#[non_exhaustive]
pub struct BadSignature;
