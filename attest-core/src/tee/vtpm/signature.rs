//! TPMT_SIGNATURE: shape only (TPM 2.0 Part 2, 11.3.4).

use super::algorithm::AlgorithmId;
use super::checks::wire as checks;
use super::wire::sized;
use crate::checks::{Checks, holds};
use crate::error::{Error, Malformed, Refused};
use crate::reader::Reader;
use crate::values::Value;

/// A signature by its scheme; numbers are unsigned and big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature<'a> {
    /// RSASSA, RSAPSS or ECDSA.
    pub scheme: AlgorithmId,
    /// The hash algorithm.
    pub hash: AlgorithmId,
    /// The number or numbers.
    pub value: SignatureValue<'a>,
}

/// What a signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "two kinds of key")]
pub enum SignatureValue<'a> {
    /// r and s; a TPM may strip leading zeros.
    Ecdsa {
        /// r.
        r: &'a [u8],
        /// s.
        s: &'a [u8],
    },
    /// One number of the modulus's length.
    Rsa(&'a [u8]),
}

impl<'a> Signature<'a> {
    /// Reads one TPMT_SIGNATURE and nothing else.
    ///
    /// # Errors
    /// [`Error::Malformed`] for lengths that do not fit, [`Error::Unsupported`] for another scheme.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new("TPMT_SIGNATURE", bytes);
        let scheme = AlgorithmId(r.u16_be("sigAlg")?);
        let value = match scheme {
            AlgorithmId::RSASSA | AlgorithmId::RSAPSS => {
                let hash = AlgorithmId(r.u16_be("hash")?);
                Self { scheme, hash, value: SignatureValue::Rsa(sized(&mut r, "sig")?) }
            }
            AlgorithmId::ECDSA => {
                let hash = AlgorithmId(r.u16_be("hash")?);
                let value = SignatureValue::Ecdsa {
                    r: sized(&mut r, "signatureR")?,
                    s: sized(&mut r, "signatureS")?,
                };
                Self { scheme, hash, value }
            }
            other => return Err(unsupported(other)),
        };
        r.finish("sig")?;
        Ok(value)
    }
}

/// As an entry, so that the refusal names the check and both sides.
fn unsupported(scheme: AlgorithmId) -> Error {
    let mut record = Checks::new();
    record.require(&checks::SIGNATURE_ALG, false, "RSASSA, RSAPSS or ECDSA", scheme);
    match Refused::of(&record) {
        Some(refused) => refused.error,
        None => crate::error::Unsupported::Format(scheme.into()).into(),
    }
}

/// r and s of a curve whose field has `len` bytes, each padded to it: the form that providers take.
///
/// # Errors
/// [`Malformed`] for a number that is longer than the field, even if it starts with zeros: a TPM never writes one.
pub(super) fn fixed(r: &[u8], s: &[u8], len: usize) -> Result<([u8; 132], usize), Malformed> {
    let mut out = [0; 132];
    let mut at = 0_usize;
    for (field, number) in [("signatureR", r), ("signatureS", s)] {
        let number = match number.len().checked_sub(len) {
            None | Some(0) => number,
            Some(extra) if holds(&checks::SIGNATURE_SCALAR, false) => number.get(extra..).unwrap_or_default(),
            Some(_) => {
                let expected = Value::Number(u64::try_from(len).unwrap_or(u64::MAX));
                let actual = Value::Number(u64::try_from(number.len()).unwrap_or(u64::MAX));
                let problem = crate::error::Problem::value(&checks::SIGNATURE_SCALAR, expected, actual);
                return Err(Malformed { structure: "TPMT_SIGNATURE", field, offset: 4, problem });
            }
        };
        let pad = len.saturating_sub(number.len());
        let slot = out.get_mut(at.saturating_add(pad)..at.saturating_add(len)).unwrap_or_default();
        slot.iter_mut().zip(number).for_each(|(slot, octet)| *slot = *octet);
        at = at.saturating_add(len);
    }
    Ok((out, at))
}
