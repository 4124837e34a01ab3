//! A key that signs for a TPM, in the form that providers take, and signatures under it.

use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::public::{Key, Public};
use super::signature::{Signature, SignatureValue, fixed};
use crate::crypto::{BadSignature, CryptoProvider, Curve, Family, HashAlgorithm, SignatureAlgorithm};
use crate::error::{Error, Unsupported};
use crate::values::Value;
use crate::x509::{PublicKey, key_algorithm};

/// The numbers of a key and nothing else: no scheme, no attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SigningKey {
    /// SEC 1 point, uncompressed.
    Ecc {
        /// The curve.
        curve: Curve,
        /// 04, x, y.
        point: Vec<u8>,
    },
    /// PKCS #1 RSAPublicKey in DER.
    Rsa {
        /// The key.
        der: Vec<u8>,
        /// The modulus, without leading zeros.
        modulus: Vec<u8>,
        /// Length of the modulus.
        bits: u32,
        /// The public exponent.
        exponent: u64,
    },
}

impl SigningKey {
    /// The key of a public area.
    ///
    /// # Errors
    /// [`Unsupported`] for a curve that no provider has.
    pub(super) fn of_public(public: &Public<'_>) -> Result<Self, Unsupported> {
        match public.key() {
            Key::Ecc { curve, x, y } => match curve.curve() {
                Some(curve) => Ok(Self::Ecc { curve, point: [&[4], x, y].concat() }),
                None => Err(Unsupported::Format(Value::Bits(u64::from(curve.0)))),
            },
            Key::Rsa { bits, exponent, modulus } => Ok(Self::rsa(modulus, bits, exponent)),
        }
    }

    /// An RSA key by its numbers; the modulus has no leading zeros.
    pub(super) fn rsa(modulus: &[u8], bits: u16, exponent: u32) -> Self {
        Self::Rsa {
            der: rsa_public_key(modulus, exponent),
            modulus: modulus.to_vec(),
            bits: u32::from(bits),
            exponent: u64::from(exponent),
        }
    }

    /// The key of a SubjectPublicKeyInfo or of a certificate; `None` for one that is not understood.
    pub(super) fn of_spki(key: &PublicKey<'_>) -> Option<Self> {
        match *key {
            PublicKey::P256(point) | PublicKey::P384(point) | PublicKey::P521(point) => {
                Some(Self::Ecc { curve: key.curve()?, point: point.to_vec() })
            }
            PublicKey::Rsa { der, modulus, bits, exponent } => {
                Some(Self::Rsa { der: der.to_vec(), modulus: modulus.to_vec(), bits, exponent })
            }
            PublicKey::Other => None,
        }
    }

    /// The key in the form that providers take.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ecc { point, .. } => point,
            Self::Rsa { der, .. } => der,
        }
    }

    /// SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
    pub(super) fn spki(&self) -> Vec<u8> {
        let curve = match self {
            Self::Ecc { curve, .. } => Some(*curve),
            Self::Rsa { .. } => None,
        };
        let bits = tlv(0x03, &[&[0], self.as_bytes()].concat());
        tlv(0x30, &[key_algorithm(curve), &bits].concat())
    }

    /// Whether a scheme is one for this kind of key.
    pub(super) const fn takes(&self, scheme: AlgorithmId) -> bool {
        match self {
            Self::Ecc { .. } => matches!(scheme, AlgorithmId::ECDSA),
            Self::Rsa { .. } => matches!(scheme, AlgorithmId::RSASSA | AlgorithmId::RSAPSS),
        }
    }

    /// Verifies a signature over what a TPM signed; whether it holds is the inner result.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a number that is longer than the curve's field, [`Unsupported`] if the provider lacks the scheme.
    pub(super) fn verify(
        &self,
        message: &[u8],
        signature: &Signature<'_>,
        hash: HashAlgorithm,
        provider: &CryptoProvider,
    ) -> Result<Result<(), BadSignature>, Error> {
        match (self, signature.value) {
            (Self::Ecc { curve, point }, SignatureValue::Ecdsa { r, s }) => {
                let (both, len) = fixed(r, s, curve.field_len())?;
                let both = both.get(..len).unwrap_or_default();
                verify(Family::Ecdsa(*curve), hash, provider, point, message, both)
            }
            (Self::Rsa { der, .. }, SignatureValue::Rsa(number)) => match signature.scheme {
                AlgorithmId::RSAPSS => pss(hash, provider, der, message, number),
                _ => verify(Family::RsaPkcs1, hash, provider, der, message, number),
            },
            // A scheme of another kind of key.
            (Self::Ecc { .. } | Self::Rsa { .. }, _) => Ok(Err(BadSignature)),
        }
    }
}

fn verify(
    family: Family,
    hash: HashAlgorithm,
    provider: &CryptoProvider,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<Result<(), BadSignature>, Error> {
    match SignatureAlgorithm::of(family, hash) {
        Some(algorithm) => Ok(provider.verify(algorithm, key, message, signature)?),
        None => Ok(Err(BadSignature)),
    }
}

/// A TPM's salt is as long as the digest or as the key allows. A provider that can only ask for the first cannot tell a
/// signature with the second from a wrong one: there the answer is *unsupported*.
fn pss(
    hash: HashAlgorithm,
    provider: &CryptoProvider,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<Result<(), BadSignature>, Error> {
    match SignatureAlgorithm::of(Family::RsaPssTpm, hash) {
        Some(either) if provider.supports(either) => {
            verify(Family::RsaPssTpm, hash, provider, key, message, signature)
        }
        Some(either) => match verify(Family::RsaPss, hash, provider, key, message, signature)? {
            Ok(()) => Ok(Ok(())),
            Err(BadSignature) => {
                Err(Unsupported::Algorithm { provider: provider.name, algorithm: either }.into())
            }
        },
        None => Ok(Err(BadSignature)),
    }
}

/// RSAPublicKey of PKCS #1 in DER (RFC 8017, A.1.1).
fn rsa_public_key(modulus: &[u8], exponent: u32) -> Vec<u8> {
    let exponent = exponent.to_be_bytes();
    let content = [integer(modulus), integer(&exponent)].concat();
    tlv(0x30, &content)
}

fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let digits = octets.get(zeros..).unwrap_or_default();
    // A first octet with the top bit set would read as a negative number; zero is one octet.
    let pad: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tlv(0x02, &[pad, digits].concat())
}

/// Tag, length and value, for at most 64 KiB.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let length: &[u8] = match content.len() {
        0..=0x7f => &[low],
        0x80..=0xff => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], length, content].concat()
}

impl Public<'_> {
    /// The key as SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
    ///
    /// # Errors
    /// [`Unsupported`] for a curve that no provider has.
    pub fn spki(&self) -> Result<Vec<u8>, Unsupported> {
        SigningKey::of_public(self).map(|key| key.spki())
    }
}

/// Reads one SubjectPublicKeyInfo.
pub(super) fn read_spki(spki: &[u8]) -> Result<SigningKey, Error> {
    let key = PublicKey::parse(spki)?;
    SigningKey::of_spki(&key).ok_or_else(|| Unsupported::Format(Value::Phrase(key.name())).into())
}
