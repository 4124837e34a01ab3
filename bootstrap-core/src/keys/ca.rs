//! The cluster's certificate authority: derived from the identity root, so that every seat has it and a recovery makes no new one
//! (protocol sections 2 and 7).

use der::asn1::GeneralizedTime;
use der::{DateTime, Encode};
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::Curve;
use p256::elliptic_curve::bigint::{NonZero, U256, U384};
use p256::pkcs8::EncodePublicKey;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfo;
use x509_cert::time::{Time, Validity};
use zeroize::{Zeroize, Zeroizing};

use super::csr::CheckedCsr;
use super::error::KeyError;
use super::profile::{AuthorityProfile, NodeProfile, authority_name, key_identifier};
use super::public_key::PublicKey;
use super::terms::Terms;
use crate::ids::{ClusterId, KeyEpoch};

/// The authority of one epoch, with its private key.
pub struct ClusterCa {
    key: SigningKey,
    epoch: KeyEpoch,
}

impl ClusterCa {
    /// How many bytes of key material make a scalar: enough that none is more likely than another (FIPS 186-5, A.2.1).
    pub(super) const MATERIAL: usize = 48;

    /// scalar = int(48 bytes) mod (n - 1) + 1.
    pub(super) fn derive(wide: &[u8; Self::MATERIAL], epoch: KeyEpoch) -> Result<Self, KeyError> {
        Ok(Self { key: SigningKey::from(&scalar(wide)?), epoch })
    }

    /// The epoch of its root.
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// SubjectPublicKeyInfo in DER, 91 bytes: what a genesis or a transition fixes.
    ///
    /// # Errors
    /// [`KeyError::Terms`] if it cannot be encoded.
    pub fn spki(&self) -> Result<Vec<u8>, KeyError> {
        let document = self.key.verifying_key().to_public_key_der().map_err(|_| encoding("public key"))?;
        Ok(document.into_vec())
    }

    /// The public key, as statements name it.
    pub fn public_key(&self) -> PublicKey {
        let point = self.key.verifying_key().to_sec1_point(false);
        PublicKey::P256(*point.as_bytes().first_chunk().unwrap_or(&[0; 65]))
    }

    /// Signs a transition's `Sig_structure` with ES256 (section 10): deterministic (RFC 6979), r and s side by side.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.key.sign(message);
        signature.to_bytes().into()
    }

    /// Issues the certificate of a node: the key is the request's, all else is the service's. `serial` is 16 random bytes.
    ///
    /// # Errors
    /// [`KeyError::Terms`] for terms that no service may issue; [`KeyError::Zero`] for a serial that was not drawn.
    pub fn issue(
        &self,
        request: &CheckedCsr,
        terms: &Terms<'_>,
        serial: [u8; 16],
    ) -> Result<Vec<u8>, KeyError> {
        terms.check()?;
        if serial == [0; 16] {
            return Err(KeyError::Zero { what: "serial number" });
        }
        let spki = SubjectPublicKeyInfo::try_from(request.spki()).map_err(|_| encoding("public key"))?;
        let validity = Validity::new(time(terms.not_before)?, time(terms.not_after)?);
        let profile = NodeProfile { terms, issuer: self.name(&terms.cluster)? };
        self.build(profile, &serial, validity, spki)
    }

    /// The authority's own certificate, for TLS stacks that take no bare key. Every seat makes the same bytes.
    ///
    /// # Errors
    /// [`KeyError::Terms`] if the time of the genesis cannot be written.
    pub fn certificate(&self, cluster: &ClusterId, created: u64) -> Result<Vec<u8>, KeyError> {
        let own = self.spki()?;
        let spki = SubjectPublicKeyInfo::try_from(own.as_slice()).map_err(|_| encoding("public key"))?;
        // It ends with its epoch, which is never a date: RFC 5280, 4.1.2.5, has a value for that.
        let never = DateTime::new(9999, 12, 31, 23, 59, 59).map_err(|_| encoding("validity"))?;
        let never = Time::GeneralTime(GeneralizedTime::from_date_time(never));
        let validity = Validity::new(time(created)?, never);
        let serial = key_identifier(&own);
        self.build(AuthorityProfile { name: self.name(cluster)? }, &serial, validity, spki)
    }

    fn name(&self, cluster: &ClusterId) -> Result<Name, KeyError> {
        authority_name(cluster, self.epoch).map_err(|_| encoding("issuer"))
    }

    pub(super) fn build(
        &self,
        profile: impl x509_cert::builder::profile::BuilderProfile,
        serial: &[u8],
        validity: Validity,
        spki: SubjectPublicKeyInfo<der::Any, der::asn1::BitString>,
    ) -> Result<Vec<u8>, KeyError> {
        let serial = SerialNumber::new(serial).map_err(|_| encoding("serial number"))?;
        let builder = CertificateBuilder::new(profile, serial, validity, spki);
        let builder = builder.map_err(|_| encoding("certificate"))?;
        let certificate = builder.build::<_, p256::ecdsa::DerSignature>(&self.key);
        let certificate = certificate.map_err(|_| encoding("certificate"))?;
        certificate.to_der().map_err(|_| encoding("certificate"))
    }
}

/// A P-256 private key from 48 uniform bytes.
pub(super) fn scalar(wide: &[u8; ClusterCa::MATERIAL]) -> Result<SecretKey, KeyError> {
    const WHAT: &str = "P-256 key";
    let order = p256::NistP256::ORDER.as_ref();
    let below = NonZero::new(order.wrapping_sub(&U256::ONE).resize::<{ U384::LIMBS }>());
    let below = Option::from(below).ok_or(KeyError::Wrong { what: WHAT })?;
    let mut material = Zeroizing::new(U384::from_be_slice(wide));
    let mut scalar = material.rem(&below).wrapping_add(&U384::ONE).resize::<{ U256::LIMBS }>();
    material.zeroize();
    let bytes = Zeroizing::new(<[u8; 32]>::from(scalar.to_be_bytes()));
    scalar.zeroize();
    // 1 to n - 1, so this does not fail.
    SecretKey::from_slice(bytes.as_slice()).map_err(|_| KeyError::Wrong { what: WHAT })
}

/// UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5).
fn time(seconds: u64) -> Result<Time, KeyError> {
    let since = core::time::Duration::from_secs(seconds);
    let out_of_range = KeyError::Terms { field: "validity", problem: "a time that no certificate can state" };
    let time = DateTime::from_unix_duration(since).map_err(|_| out_of_range)?;
    Ok(match time.year() {
        ..2050 => Time::UtcTime(der::asn1::UtcTime::from_date_time(time).map_err(|_| encoding("validity"))?),
        2050.. => Time::GeneralTime(GeneralizedTime::from_date_time(time)),
    })
}

pub(super) const fn encoding(field: &'static str) -> KeyError {
    KeyError::Terms { field, problem: "cannot be encoded" }
}
