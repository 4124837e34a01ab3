//! Detached signatures as `cosign sign-blob --key` makes them: base64 of an ECDSA P-256 signature in DER, over SHA-256 of the
//! file's exact bytes, and a line feed.

use alloc::string::String;

use attest_core::crypto::CryptoProvider;

use super::{Step, TrustError, Trusted, VerifyingKey};
use crate::document::{base64, to_base64};

/// The longest signature file, in bytes: 72 bytes of DER have 96 digits.
const MAX_FILE: usize = 128;

/// Verifies the signature file of `bytes`.
///
/// # Errors
/// [`TrustError`], with the step.
pub fn verify<'a>(
    bytes: &'a [u8],
    file: &[u8],
    key: &VerifyingKey,
    provider: &CryptoProvider,
) -> Result<Trusted<'a>, TrustError> {
    key.verify(Step::Signature, bytes, &decode(file)?, provider)?;
    Ok(Trusted::assertion(bytes, None))
}

/// Writes the signature file for a signature in DER that the holder of `key` made over `bytes`. A signature that does not verify
/// is not written.
///
/// # Errors
/// [`TrustError`] if the signature is not one of `key` over `bytes`.
pub fn encode(
    bytes: &[u8],
    signature: &[u8],
    key: &VerifyingKey,
    provider: &CryptoProvider,
) -> Result<String, TrustError> {
    key.verify(Step::Signature, bytes, signature, provider)?;
    let mut file = to_base64(signature);
    file.push('\n');
    Ok(file)
}

/// One line of base64; its end may be written.
fn decode(file: &[u8]) -> Result<alloc::vec::Vec<u8>, TrustError> {
    let refused = |found: &'static str| TrustError::refused(Step::Signature, found);
    if file.len() > MAX_FILE {
        return Err(refused("a file that is too long for a signature"));
    }
    let text = core::str::from_utf8(file).map_err(|_| refused("not base64"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match base64(line) {
        Some(signature) if !signature.is_empty() => Ok(signature),
        Some(_) => Err(refused("no signature")),
        None => Err(refused("not base64")),
    }
}
