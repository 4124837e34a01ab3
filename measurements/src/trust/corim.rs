//! Signed CoRIM: a COSE_Sign1 around a manifest (draft-ietf-rats-corim, section 4.2), with ES256.

use alloc::format;

use attest_core::UnixTime;
use attest_core::cbor::foreign::{Foreign, Key, Lengths};
use attest_core::cose::Sign1;
use attest_core::crypto::{CryptoProvider, SignatureAlgorithm};
use attest_core::error::{Malformed, Problem};
use attest_core::rules::Limit;
use attest_core::x509::PublicKey;

use super::{Step, TrustError, Trusted, Validity, VerifyingKey};
use crate::formats::corim::{MAX_CORIM, MAX_ITEMS, read_validity};
use crate::reference::bound_of;

const META: &str = "corim-meta";

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
