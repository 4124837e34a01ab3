//! Subject public keys, and what an AlgorithmIdentifier says about a signature.

use der::asn1::UintRef;
use der::{Decode, Reader as _, SliceReader};

use super::octets_of_bit_string;
use crate::crypto::form::RsaNumbers;
use crate::crypto::{BadSignature, CryptoProvider, Curve, Family, HashAlgorithm, SignatureAlgorithm};
use crate::error::{Malformed, Unsupported};

/// Subject public key algorithms that are understood, compared as whole DER values (RFC 3279, 2.3.1; RFC 5480, 2.1.1).
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const CURVES: [(&[u8], Curve); 3] = [
    (b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", Curve::P256),
    (b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22", Curve::P384),
    (b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23", Curve::P521),
];

/// AlgorithmIdentifiers that are understood, compared as whole DER values, so that no parameter goes unread.
const SCHEMES: [(&[u8], SignatureScheme); 8] = [
    (
        // RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48 (RFC 4055).
        b"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\
          \x03\x04\x02\x02\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\
          \x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa2\x03\x02\x01\x30",
        SignatureScheme::RsaPss(HashAlgorithm::Sha384),
    ),
    (
        // The same with the default trailerField written out. Not DER, but what AMD signed with until 2024.
        b"\x30\x46\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x39\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\
          \x03\x04\x02\x02\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\
          \x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa2\x03\x02\x01\x30\xa3\x03\x02\x01\x01",
        SignatureScheme::RsaPss(HashAlgorithm::Sha384),
    ),
    // ecdsa-with-SHA2, without parameters (RFC 5758, 3.2).
    (b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", SignatureScheme::Ecdsa(HashAlgorithm::Sha256)),
    (b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", SignatureScheme::Ecdsa(HashAlgorithm::Sha384)),
    (b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04", SignatureScheme::Ecdsa(HashAlgorithm::Sha512)),
    // sha2WithRSAEncryption, with NULL (RFC 4055, 5).
    (
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
        SignatureScheme::RsaPkcs1(HashAlgorithm::Sha256),
    ),
    (
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00",
        SignatureScheme::RsaPkcs1(HashAlgorithm::Sha384),
    ),
    (
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00",
        SignatureScheme::RsaPkcs1(HashAlgorithm::Sha512),
    ),
];

/// The AlgorithmIdentifier of a subject public key: that of a curve, or rsaEncryption.
pub(crate) fn key_algorithm(curve: Option<Curve>) -> &'static [u8] {
    CURVES.iter().find(|(_, known)| Some(*known) == curve).map_or(RSA, |(identifier, _)| *identifier)
}

/// What an AlgorithmIdentifier says: all of a scheme but the curve, which is that of the signer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureScheme {
    /// ECDSA with this hash function.
    Ecdsa(HashAlgorithm),
    /// RSASSA-PKCS1-v1_5 with this hash function.
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS with this hash function, MGF1 with the same, and salt of its length.
    RsaPss(HashAlgorithm),
}

impl SignatureScheme {
    /// The scheme that an AlgorithmIdentifier in DER names; `None` for one that is not understood.
    pub fn from_identifier(identifier: &[u8]) -> Option<Self> {
        SCHEMES.iter().find(|(known, _)| *known == identifier).map(|(_, scheme)| *scheme)
    }

    /// The whole scheme if `key` signed; `None` for a key of another kind.
    pub fn with(self, key: &PublicKey<'_>) -> Option<SignatureAlgorithm> {
        let (family, hash) = match (self, key) {
            (Self::Ecdsa(hash), _) => (Family::Ecdsa(key.curve()?), hash),
            (Self::RsaPkcs1(hash), PublicKey::Rsa { .. }) => (Family::RsaPkcs1, hash),
            (Self::RsaPss(hash), PublicKey::Rsa { .. }) => (Family::RsaPss, hash),
            (Self::RsaPkcs1(_) | Self::RsaPss(_), _) => return None,
        };
        SignatureAlgorithm::of(family, hash)
    }

    /// What it is, for findings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecdsa(_) => "ECDSA",
            Self::RsaPkcs1(_) => "RSASSA-PKCS1-v1_5",
            Self::RsaPss(_) => "RSASSA-PSS",
        }
    }
}

/// A subject public key by its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey<'a> {
    /// A key of an algorithm that is not understood.
    Other,
    /// SEC 1 point of NIST P-256, uncompressed.
    P256(&'a [u8]),
    /// SEC 1 point of NIST P-384, uncompressed.
    P384(&'a [u8]),
    /// SEC 1 point of NIST P-521, uncompressed.
    P521(&'a [u8]),
    /// PKCS #1 RSAPublicKey in DER, and its numbers.
    Rsa {
        /// The key.
        der: &'a [u8],
        /// The modulus, big-endian, without leading zeros.
        modulus: &'a [u8],
        /// Length of the modulus.
        bits: u32,
        /// The public exponent; [`u64::MAX`] stands for all that are larger.
        exponent: u64,
    },
}

impl<'a> PublicKey<'a> {
    /// Reads one SubjectPublicKeyInfo and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for anything that is not DER, or that has bytes after it.
    pub fn parse(spki: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(spki).map_err(|error| super::malformed("key", "subjectPublicKeyInfo", error))
    }

    pub(super) fn read(spki: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(spki)?;
        let key = reader.sequence(|r| {
            let algorithm = r.tlv_bytes()?;
            let key = octets_of_bit_string(r)?;
            if algorithm == RSA {
                let RsaNumbers { modulus, bits, exponent, .. } = RsaNumbers::read(key)?;
                return Ok::<_, der::Error>(Self::Rsa { der: key, modulus, bits, exponent });
            }
            // Uncompressed points only: 04 || x || y. Whether it lies on the curve, a provider finds out.
            let of = |curve: Curve| key.first() == Some(&4) && key.len() == curve.point_len();
            Ok(match CURVES.iter().find(|(known, _)| *known == algorithm).map(|(_, curve)| *curve) {
                Some(curve @ Curve::P256) if of(curve) => Self::P256(key),
                Some(curve @ Curve::P384) if of(curve) => Self::P384(key),
                Some(curve @ Curve::P521) if of(curve) => Self::P521(key),
                _ => Self::Other,
            })
        })?;
        reader.finish()?;
        Ok(key)
    }

    /// The curve that the key lies on; `None` if it is none of ours.
    pub const fn curve(&self) -> Option<Curve> {
        match self {
            Self::P256(_) => Some(Curve::P256),
            Self::P384(_) => Some(Curve::P384),
            Self::P521(_) => Some(Curve::P521),
            Self::Rsa { .. } | Self::Other => None,
        }
    }

    /// The key in the form that providers take; empty for one that is not understood.
    pub const fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::P256(key) | Self::P384(key) | Self::P521(key) | Self::Rsa { der: key, .. } => key,
            Self::Other => &[],
        }
    }

    /// What it is, for findings.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::P521(_) => "P-521",
            Self::Rsa { .. } => "RSA",
            Self::Other => "another key",
        }
    }

    /// Verifies a signature as X.509 writes it: RSA as it is, ECDSA as `SEQUENCE { r, s }` in DER. A scheme that does not fit
    /// the key is a bad signature.
    ///
    /// # Errors
    /// [`Unsupported::Algorithm`] if the provider lacks the scheme.
    pub fn verify(
        &self,
        scheme: SignatureScheme,
        provider: &CryptoProvider,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Result<(), BadSignature>, Unsupported> {
        let Some(algorithm) = scheme.with(self) else { return Ok(Err(BadSignature)) };
        let Some(curve) = self.curve() else {
            return provider.verify(algorithm, self.as_bytes(), message, signature);
        };
        // Asked first: that the form is bad must not hide that nothing here could have told.
        if !provider.supports(algorithm) {
            return Err(Unsupported::Algorithm { provider: provider.name, algorithm });
        }
        match FixedSignature::from_der(signature, curve) {
            Some(fixed) => provider.verify(algorithm, self.as_bytes(), message, fixed.as_bytes()),
            None => Ok(Err(BadSignature)),
        }
    }
}

/// r and s, each as long as the field.
struct FixedSignature {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl FixedSignature {
    /// Two halves of the longest field.
    const MAX: usize = 2 * Curve::P521.field_len();

    /// Reads `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279, 2.2.3): minimal, positive, no longer than the field, and nothing
    /// after. Another encoding of the same numbers would be another certificate with the same meaning.
    fn from_der(der: &[u8], curve: Curve) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let scalars = reader.sequence(|r| Ok::<_, der::Error>([UintRef::decode(r)?, UintRef::decode(r)?]));
        let scalars = scalars.ok()?;
        reader.finish().ok()?;
        let field = curve.field_len();
        let len = field.checked_mul(2)?;
        let mut fixed = Self { bytes: [0; Self::MAX], len };
        for (half, scalar) in fixed.bytes.get_mut(..len)?.chunks_exact_mut(field).zip(scalars) {
            // Without leading zeros; a zero is one octet.
            let digits = scalar.as_bytes();
            if matches!(digits, [] | [0]) {
                return None;
            }
            half.get_mut(field.checked_sub(digits.len())?..)?.copy_from_slice(digits);
        }
        Some(fixed)
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(der: &[u8]) -> Option<FixedSignature> {
        FixedSignature::from_der(der, Curve::P256)
    }

    #[test]
    fn a_signature_has_one_encoding() {
        let fixed = read(&[0x30, 7, 2, 1, 0x7f, 2, 2, 0, 0x80]).unwrap();
        assert_eq!((fixed.as_bytes()[31], fixed.as_bytes()[63], fixed.as_bytes().len()), (0x7f, 0x80, 64));
        let long = [&[0x30, 38, 2, 33, 1][..], &[0; 32], &[2, 1, 1]].concat();
        for (why, der) in [
            ("r is negative", &[0x30, 6, 2, 1, 0x80, 2, 1, 1][..]),
            ("s is negative", &[0x30, 6, 2, 1, 1, 2, 1, 0xff]),
            ("r is not minimal", &[0x30, 7, 2, 2, 0, 1, 2, 1, 1]),
            ("s is not minimal", &[0x30, 7, 2, 1, 1, 2, 2, 0, 1]),
            ("r is zero", &[0x30, 6, 2, 1, 0, 2, 1, 1]),
            ("s is zero", &[0x30, 6, 2, 1, 1, 2, 1, 0]),
            ("r is empty", &[0x30, 5, 2, 0, 2, 1, 1]),
            ("a byte after", &[0x30, 6, 2, 1, 1, 2, 1, 1, 0]),
            ("a byte inside", &[0x30, 7, 2, 1, 1, 2, 1, 1, 0]),
            ("a third number", &[0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1]),
            ("s is missing", &[0x30, 3, 2, 1, 1]),
            ("a long length", &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1]),
            ("another tag", &[0x31, 6, 2, 1, 1, 2, 1, 1]),
            ("r is longer than the field", &long),
            ("nothing", &[]),
        ] {
            assert!(read(der).is_none(), "{why}");
        }
    }
}
