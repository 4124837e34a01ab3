//! The one form of keys and signatures, demanded before a library sees them.
//!
//! Libraries differ in what else they take: compressed points, SubjectPublicKeyInfo where a point is due, an RSA exponent of
//! 3, a modulus of 2047 bits. An answer must not depend on the provider, so none of that reaches them.

use der::asn1::UintRef;
use der::{Decode, ErrorKind, Reader as _, SliceReader};

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use super::Curve;
#[cfg(any(feature = "aws-lc-rs", feature = "ring", feature = "rustcrypto"))]
use super::{BadSignature, Family, SignatureAlgorithm};

/// Numbers of an RSAPublicKey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RsaNumbers<'a> {
    /// The modulus, without leading zeros.
    pub(crate) modulus: &'a [u8],
    /// Length of the modulus.
    pub(crate) bits: u32,
    /// Whether the modulus is odd, as a product of two large primes is.
    pub(crate) odd: bool,
    /// The public exponent; [`u64::MAX`] stands for all that are larger.
    pub(crate) exponent: u64,
}

impl<'a> RsaNumbers<'a> {
    /// Reads one RSAPublicKey of PKCS #1 and nothing else.
    pub(crate) fn read(key: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(key)?;
        let (modulus, exponent) = reader.sequence(|r| {
            Ok::<_, der::Error>((UintRef::decode(r)?.as_bytes(), UintRef::decode(r)?.as_bytes()))
        })?;
        reader.finish()?;
        let unused = modulus.first().map_or(0, |first| first.leading_zeros());
        let length = u32::try_from(modulus.len()).map_err(|_| ErrorKind::Overlength)?;
        let exponent = match exponent.len() {
            ..=8 => exponent.iter().fold(0, |number: u64, octet| number << 8 | u64::from(*octet)),
            _ => u64::MAX,
        };
        Ok(Self {
            modulus,
            bits: length.saturating_mul(8).saturating_sub(unused),
            odd: modulus.last().is_some_and(|last| last & 1 == 1),
            exponent,
        })
    }
}

/// Whether key and signature have the form that the algorithm documents.
#[cfg(any(feature = "aws-lc-rs", feature = "ring", feature = "rustcrypto"))]
pub(super) fn check(algorithm: SignatureAlgorithm, key: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    let ok = match algorithm.family() {
        Family::Ecdsa(curve) => {
            let two = curve.field_len().saturating_mul(2);
            key.len() == curve.point_len() && key.first() == Some(&4) && signature.len() == two
        }
        Family::RsaPkcs1 | Family::RsaPss | Family::RsaPssTpm => {
            let numbers = RsaNumbers::read(key).map_err(|_| BadSignature)?;
            let length = usize::try_from(numbers.bits.div_ceil(8)).map_err(|_| BadSignature)?;
            // The upper end of the exponent is that of all three libraries; the lower is SP 800-56B's, 6.2.
            matches!(numbers.bits, 2048..=8192)
                && matches!(numbers.exponent, 65_537..=0x1_ffff_ffff)
                && numbers.exponent & 1 == 1
                && numbers.odd
                && signature.len() == length
        }
    };
    if ok { Ok(()) } else { Err(BadSignature) }
}

/// A signature over P-256 or P-384 as `SEQUENCE { r INTEGER, s INTEGER }`, on the stack.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub(super) struct EcdsaDer {
    bytes: [u8; Self::MAX],
    len: usize,
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
impl EcdsaDer {
    /// Two INTEGERs of 48 octets with a leading zero each, and three headers.
    const MAX: usize = 2 * (2 + 1 + 48) + 2;

    /// Writes r || s as DER. `None` for a curve whose signatures may need a long length: its libraries take r || s.
    pub(super) fn new(curve: Curve, signature: &[u8]) -> Option<Self> {
        if curve.field_len() > 48 {
            return None;
        }
        let (r, s) = signature.split_at_checked(curve.field_len())?;
        let mut der = Self { bytes: [0; Self::MAX], len: 2 };
        for scalar in [r, s] {
            let zeros = scalar.iter().take_while(|octet| **octet == 0).count();
            let digits = scalar.get(zeros..)?;
            // Zero is one octet; a first octet with the top bit set would read as a negative number.
            let pad = digits.first().is_none_or(|first| *first >= 0x80);
            let length = digits.len().checked_add(usize::from(pad))?;
            der.push(&[0x02, u8::try_from(length).ok()?])?;
            der.push(if pad { &[0] } else { &[] })?;
            der.push(digits)?;
        }
        let content = u8::try_from(der.len.checked_sub(2)?).ok()?;
        der.bytes.get_mut(..2)?.copy_from_slice(&[0x30, content]);
        Some(der)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.len.checked_add(octets.len())?;
        self.bytes.get_mut(self.len..end)?.copy_from_slice(octets);
        self.len = end;
        Some(())
    }
}
