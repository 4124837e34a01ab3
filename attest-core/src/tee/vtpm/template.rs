//! Public areas of keys that are known by their numbers only.
//!
//! A cloud's attestation key is a primary of the endorsement hierarchy with a fixed template. So a bare key, put into each known
//! template, gives a public area whose qualified name either is the quote's qualifiedSigner or is not (TPM 2.0 Part 1, 16). It
//! is evidence of consistency: a key that is not restricted could sign any qualifiedSigner. It counts beside what vouches for
//! the key, never instead.

use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::key::SigningKey;
use super::public::{Attributes, CurveId, Hierarchy, Name};
use crate::crypto::CryptoProvider;
use crate::error::Unsupported;

/// restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth.
const PLAIN: u32 = Attributes::AK | (1 << 6);
/// Azure's: noDA too.
const AZURE: u32 = PLAIN | (1 << 10);
/// Attributes of the known templates: Google's keys and tpm2-tools' have the first.
const ATTRIBUTES: [u32; 2] = [PLAIN, AZURE];

/// The public area of this key whose qualified name, in the endorsement hierarchy, is `qualified_signer`.
///
/// # Errors
/// [`Unsupported`] if the provider lacks SHA-256.
pub(super) fn rebuild(
    key: &SigningKey,
    qualified_signer: &[u8],
    provider: &CryptoProvider,
) -> Result<Option<Vec<u8>>, Unsupported> {
    for attributes in ATTRIBUTES {
        let Some(public) = public_area(key, attributes) else { continue };
        let name = Name::of(AlgorithmId::SHA256, &[&public], provider)?;
        if name.qualified(&Hierarchy::Endorsement.handle(), provider)?.as_bytes() == qualified_signer {
            return Ok(Some(public));
        }
    }
    Ok(None)
}

/// The public area of an RSA key in the template of Azure's attestation keys (persistent handle 81000003h), which Azure's own
/// quotes confirm by their qualifiedSigner. `None` for a modulus that has no such public area.
#[cfg(feature = "json")]
pub(crate) fn azure(modulus: &[u8], exponent: u32) -> Option<Vec<u8>> {
    let bits = u16::try_from(modulus.len().checked_mul(8)?).ok()?;
    public_area(&SigningKey::rsa(modulus, bits, exponent), AZURE)
}

/// TPMT_PUBLIC with nameAlg SHA-256, an empty policy, no symmetric algorithm, and RSASSA or ECDSA with SHA-256.
fn public_area(key: &SigningKey, attributes: u32) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut push = |number: u16| out.extend_from_slice(&number.to_be_bytes());
    let kind = match key {
        SigningKey::Ecc { .. } => AlgorithmId::ECC,
        SigningKey::Rsa { .. } => AlgorithmId::RSA,
    };
    push(kind.0);
    push(AlgorithmId::SHA256.0);
    let [a, b, c, d] = attributes.to_be_bytes();
    push(u16::from_be_bytes([a, b]));
    push(u16::from_be_bytes([c, d]));
    // authPolicy, symmetric.
    push(0);
    push(AlgorithmId::NULL.0);
    match key {
        SigningKey::Ecc { curve, point } => {
            push(AlgorithmId::ECDSA.0);
            push(AlgorithmId::SHA256.0);
            push(CurveId::of(*curve).0);
            push(AlgorithmId::NULL.0);
            let (x, y) = point.get(1..)?.split_at_checked(curve.field_len())?;
            for coordinate in [x, y] {
                out.extend_from_slice(&u16::try_from(coordinate.len()).ok()?.to_be_bytes());
                out.extend_from_slice(coordinate);
            }
        }
        SigningKey::Rsa { modulus, bits, exponent, .. } => {
            push(AlgorithmId::RSASSA.0);
            push(AlgorithmId::SHA256.0);
            push(u16::try_from(*bits).ok()?);
            // 65537 is written as 0 (Part 2, 12.2.3.5).
            let exponent = if *exponent == 65_537 { 0 } else { u32::try_from(*exponent).ok()? };
            out.extend_from_slice(&exponent.to_be_bytes());
            out.extend_from_slice(&u16::try_from(modulus.len()).ok()?.to_be_bytes());
            out.extend_from_slice(modulus);
        }
    }
    Some(out)
}
