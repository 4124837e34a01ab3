//! Keys that verify.

use alloc::format;
use alloc::vec::Vec;

use attest_core::crypto::{CryptoProvider, Curve, HashAlgorithm};
use attest_core::values::Digest;
use attest_core::x509::{PublicKey, SignatureScheme};

use super::{Step, TrustError};

/// The largest key file, in bytes.
const MAX_PEM: usize = 4096;

/// What stands in front of an uncompressed point of P-256 in a SubjectPublicKeyInfo (RFC 5480, 2).
const P256_FRONT: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// A P-256 key, whose signatures are ECDSA with SHA-256: what cosign makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    spki: Vec<u8>,
}

impl VerifyingKey {
    /// A SubjectPublicKeyInfo in PEM (RFC 7468), as cosign and OpenSSL write it.
    ///
    /// # Errors
    /// [`TrustError`] if it is not one, or of another algorithm.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        if pem.len() > MAX_PEM {
            return Err(TrustError::refused(Step::Key, format!("a file of {} bytes", pem.len())));
        }
        Self::from_der(&decode_pem(pem, "PUBLIC KEY", Step::Key)?)
    }

    /// A SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// As [`VerifyingKey::from_pem`].
    pub fn from_der(spki: &[u8]) -> Result<Self, TrustError> {
        let key = PublicKey::parse(spki)?;
        if key.curve() != Some(Curve::P256) {
            return Err(TrustError::unsupported(Step::Key, format!("{}, where P-256 is due", key.name())));
        }
        Ok(Self { spki: spki.into() })
    }

    /// A point on P-256, uncompressed (SEC 1, 2.3.3).
    ///
    /// # Errors
    /// As [`VerifyingKey::from_pem`].
    pub fn from_p256_point(point: &[u8]) -> Result<Self, TrustError> {
        Self::from_der(&[P256_FRONT, point].concat())
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the SubjectPublicKeyInfo: what logs call their id.
    ///
    /// # Errors
    /// [`TrustError::Unsupported`] if the provider lacks SHA-256.
    pub fn id(&self, provider: &CryptoProvider) -> Result<Digest, TrustError> {
        Ok(provider.digest(HashAlgorithm::Sha256, &[&self.spki])?)
    }

    /// Verifies `SEQUENCE { r, s }` in DER over `message`. Both halves of the range of s are taken, as everywhere outside of
    /// currencies: a signature is no identifier.
    pub(crate) fn verify(
        &self,
        step: Step,
        message: &[u8],
        signature: &[u8],
        provider: &CryptoProvider,
    ) -> Result<(), TrustError> {
        let key = PublicKey::parse(&self.spki)?;
        let scheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha256);
        key.verify(scheme, provider, message, signature)?
            .map_err(|_| TrustError::refused(step, "the signature does not verify"))
    }
}

/// The content of one PEM block with this label.
pub(super) fn decode_pem(pem: &[u8], label: &str, step: Step) -> Result<Vec<u8>, TrustError> {
    match pem_rfc7468::decode_vec(pem) {
        Ok((found, der)) if found == label => Ok(der),
        Ok((found, _)) => {
            Err(TrustError::refused(step, format!("PEM with the label {found:?}, where {label:?} is due")))
        }
        Err(error) => Err(TrustError::refused(step, format!("{error}"))),
    }
}
