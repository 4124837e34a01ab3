//! Signed CoRIM: a COSE_Sign1 around a manifest (draft-ietf-rats-corim, section 4.2), with ES256.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use attest_core::UnixTime;
use attest_core::cbor::Encoder;
use attest_core::cbor::foreign::{Foreign, Key, Lengths};
use attest_core::cose::Sign1;
use attest_core::crypto::{CryptoProvider, SignatureAlgorithm};
use attest_core::error::{Malformed, Problem};
use attest_core::rules::Limit;
use attest_core::x509::PublicKey;

use super::{Step, TrustError, Trusted, Validity, VerifyingKey};
use crate::formats::corim::{Corim, MAX_CORIM, MAX_ITEMS, read_validity, tag};
use crate::reference::bound_of;

const META: &str = "corim-meta";

/// The tag of a COSE_Sign1 (RFC 9052, 2).
const COSE_SIGN1: u64 = 18;

/// ES256 (RFC 9053, 2.1).
const ES256: i128 = -7;

/// The content type of a manifest in CBOR.
const CONTENT_TYPE: &str = "application/rim+cbor";

/// Verifies that `key` signed a manifest, and that the signature is valid at `now`. What is trusted is the manifest inside.
///
/// # Errors
/// [`TrustError`], with the step.
pub fn verify<'a>(
    bytes: &'a [u8],
    key: &VerifyingKey,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Result<Trusted<'a>, TrustError> {
    let refused = |found: &'static str| TrustError::refused(Step::Signature, found);
    let (mut algorithm, mut content_type) = (None, None);
    let mut validity: Option<Result<Validity, Malformed>> = None;
    let mut strange = None;
    let signed = Sign1::parse(
        bytes,
        MAX_CORIM,
        |r, label| {
            match label {
                Key::Int(1) => algorithm = Some(r.int("alg")?),
                Key::Int(3) => content_type = Some(r.text("content type")?),
                Key::Int(8) => validity = Some(read_meta(r.bytes("corim-meta")?)),
                Key::Int(15) => validity = Some(Ok(read_claims(r)?)),
                Key::Int(2) => {
                    strange = Some("critical headers");
                    r.skip("crit")?;
                }
                Key::Int(258..=260) => {
                    strange = Some("a hash in place of the manifest");
                    r.skip("hash envelope")?;
                }
                // What is not critical may be passed over (RFC 9052, 3.1).
                Key::Bytes | Key::Int(_) | Key::Text(_) => r.skip("header")?,
            }
            Ok(())
        },
        |r, _| r.skip("header"),
    )?;
    if let Some(what) = strange {
        return Err(TrustError::unsupported(Step::Signature, what));
    }
    match algorithm {
        Some(ES256) => {}
        Some(other) => return Err(TrustError::unsupported(Step::Signature, format!("algorithm {other}"))),
        None => return Err(refused("no algorithm in the protected header")),
    }
    if content_type != Some(CONTENT_TYPE) {
        return Err(refused("the content type is not application/rim+cbor"));
    }
    let validity = validity.ok_or_else(|| refused("neither corim-meta nor CWT claims"))??;
    let point = PublicKey::parse(key.as_der())?;
    provider
        .verify(
            SignatureAlgorithm::EcdsaP256Sha256,
            point.as_bytes(),
            &signed.signed_bytes(&[]),
            signed.signature(),
        )?
        .map_err(|_| refused("the signature does not verify"))?;
    // Only now is the validity anybody's word.
    if !validity.holds_at(now.as_secs()) {
        let (from, until) = (validity.from, bound_of(validity.until));
        let found = format!("valid from {from} to {until:?}, and it is {}", now.as_secs());
        return Err(TrustError::refused(Step::Time, found));
    }
    Ok(Trusted::assertion(signed.payload(), None))
}

/// What a signer of a manifest says about itself, and when its signature is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement<'a> {
    /// The signer's name.
    pub signer: &'a str,
    /// The first and the last second of the signature, in Unix seconds.
    pub validity: (u64, u64),
}

impl<'a> Statement<'a> {
    /// A statement.
    ///
    /// # Errors
    /// [`TrustError`] for a signer without a name, and for a signature that ends before it begins.
    pub fn new(signer: &'a str, (from, until): (u64, u64)) -> Result<Self, TrustError> {
        let refused = |found: &'static str| TrustError::refused(Step::Signature, found);
        if signer.is_empty() {
            return Err(refused("a signer without a name"));
        }
        if until < from {
            return Err(refused("a signature that ends before it begins"));
        }
        Ok(Self { signer, validity: (from, until) })
    }

    fn protected(&self) -> Vec<u8> {
        let (from, until) = self.validity;
        let mut meta = Encoder::default();
        meta.map(2).uint(0).map(1).uint(0).text(self.signer);
        meta.uint(1).map(2).uint(0).tag(tag::EPOCH).uint(from).uint(1).tag(tag::EPOCH).uint(until);
        let mut out = Encoder::default();
        // -7 is ES256.
        out.map(3).uint(1).int(-7).uint(3).text(CONTENT_TYPE).uint(8).bytes(&meta.into_bytes());
        out.into_bytes()
    }

    /// What the key signs: ECDSA on P-256 with SHA-256 (RFC 9052, 4.4).
    pub fn bytes_to_sign(&self, manifest: &[u8]) -> Vec<u8> {
        let mut out = Encoder::default();
        out.array(4).text("Signature1").bytes(&self.protected()).bytes(&[]).bytes(manifest);
        out.into_bytes()
    }

    /// The signed manifest, with a signature over [`Statement::bytes_to_sign`]: r, then s, 32 bytes each. One that `key` did not
    /// make is not written, nor is a manifest that cannot be read.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn to_signed(
        &self,
        manifest: &[u8],
        signature: &[u8; 64],
        key: &VerifyingKey,
        provider: &CryptoProvider,
    ) -> Result<Vec<u8>, TrustError> {
        Corim::parse(manifest)?;
        let mut out = Encoder::default();
        out.tag(COSE_SIGN1).array(4).bytes(&self.protected()).map(0).bytes(manifest).bytes(signature);
        let bytes = out.into_bytes();
        let from = UnixTime::since_unix_epoch(Duration::from_secs(self.validity.0));
        verify(&bytes, key, from, provider).map(|_| ())?;
        Ok(bytes)
    }
}

/// corim-meta: who signed, and when the signature is valid. A name is nobody's word beside a key, and is not looked at.
fn read_meta(bytes: &[u8]) -> Result<Validity, Malformed> {
    let mut r = Foreign::new(META, bytes, MAX_CORIM, Lengths::Definite)?;
    let start = r.clone();
    let (mut signer, mut validity) = (false, (Limit::Any, Limit::Any));
    r.map(META, MAX_ITEMS, |r, key| {
        match key {
            Key::Int(0) => {
                signer = true;
                r.skip("signer")?;
            }
            Key::Int(1) => validity = read_validity(r)?,
            Key::Bytes | Key::Int(_) | Key::Text(_) => {
                return Err(r.malformed(META, Problem::Encoding("an unknown key")));
            }
        }
        Ok(())
    })?;
    r.finish(META)?;
    let (from, until) = validity;
    match signer {
        true => Ok(Validity::new(bound_of(from).unwrap_or(0), until)),
        false => Err(start.malformed(META, Problem::Encoding("no signer"))),
    }
}

/// CWT claims (RFC 8392, 3.1): 4 is exp, 5 is nbf.
fn read_claims(r: &mut Foreign<'_>) -> Result<Validity, Malformed> {
    let (mut from, mut until) = (0, Limit::Any);
    r.map("CWT claims", MAX_ITEMS, |r, key| {
        match key {
            // Valid before this second, and not in it.
            Key::Int(4) => until = Limit::To(r.uint("exp")?.saturating_sub(1)),
            Key::Int(5) => from = r.uint("nbf")?,
            Key::Bytes | Key::Int(_) | Key::Text(_) => r.skip("claim")?,
        }
        Ok(())
    })?;
    Ok(Validity::new(from, until))
}
