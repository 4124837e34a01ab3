//! The key that an end shows in TLS, and the one form that it has there.

use core::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use super::config::provider;
use super::error::TlsError;
use crate::channel::binding::finish_256;

/// The TLS key of one end: one for each boot, and the key of the node's certificate where it has one (protocol section 2).
#[derive(Clone)]
pub struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) spki_hash: [u8; 32],
    spki: Vec<u8>,
}

impl Identity {
    /// A new P-256 key from the provider's entropy.
    ///
    /// # Errors
    /// [`TlsError::Failed`] if the provider has none.
    pub fn ephemeral() -> Result<Self, TlsError> {
        let failed = |_| rustls::Error::FailedToGetRandomBytes;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;
        Self::from_pkcs8(key.to_pkcs8v1().map_err(failed)?.as_ref())
    }

    /// A key that the host made, P-256 or Ed25519, as PKCS #8.
    ///
    /// # Errors
    /// [`TlsError::Failed`] for anything else.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.to_vec()));
        let key = provider.key_provider.load_private_key(key)?;
        let spki = key.public_key().ok_or(rustls::Error::NoCertificatesPresented)?.to_vec();
        check_key(&spki)?;
        let certified = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki.clone())], key));
        let spki_hash = finish_256(Sha256::new_with_prefix(&spki));
        Ok(Self { certified, provider, spki_hash, spki })
    }

    /// The public key, as SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("spki", &attest_core::values::Hex(&self.spki))
            .finish_non_exhaustive()
    }
}

/// DER of what stands before a P-256 point and before an Ed25519 key: one form for each key, so one hash.
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\0\x04";
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\0";

pub(super) fn check_key(spki: &[u8]) -> Result<(), rustls::Error> {
    let p256 = spki.starts_with(P256) && spki.len() == 91;
    let ed25519 = spki.starts_with(ED25519) && spki.len() == 44;
    match p256 || ed25519 {
        true => Ok(()),
        false => Err(rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_form() {
        let identity = Identity::ephemeral().unwrap();
        let spki = identity.spki().to_vec();
        assert_eq!(check_key(&spki), Ok(()));
        assert!(check_key(&[&spki[..], &[0]].concat()).is_err());
        assert!(check_key(&spki[..90]).is_err());
        assert!(check_key(&[0x30; 91]).is_err());
        assert!(!format!("{identity:?}").contains("key:"), "no private part is shown");
    }
}
