//! Providers of signatures and hashes: a plain struct of trait objects, passed in by the caller.
//!
//! Every backend is one module and one additive feature; several may be on at once. Nothing is picked behind the caller's
//! back, and a provider that lacks an algorithm makes the verdict *unsupported*, never *untrusted*:
//! [`CryptoProvider::supports`] says so beforehand.
//!
#![doc = include_str!("providers.md")]

use core::fmt;

use crate::error::Unsupported;
use crate::values::Digest;

mod algorithm;
#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc_rs;
pub(crate) mod form;
#[cfg(feature = "ring")]
pub mod ring;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod ring_api;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;

pub use algorithm::{Curve, Family, HashAlgorithm, SignatureAlgorithm};

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
        self.hash(algorithm)
            .map(|hash| hash.digest(parts))
            .ok_or(Unsupported::Hash { provider: self.name, algorithm })
    }

    /// The hash function, looked up once for many digests.
    pub(crate) fn hash(&self, algorithm: HashAlgorithm) -> Option<&'static dyn HashFunction> {
        self.hashes.iter().copied().find(|hash| hash.algorithm() == algorithm)
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
