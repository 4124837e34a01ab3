//! TPMT_PUBLIC: the public area of a key, its name, and what its attributes promise (TPM 2.0 Part 2, 12.2; Part 1, 16).

use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::checks::wire as checks;
use super::wire::sized;
use crate::checks::holds;
use crate::crypto::{CryptoProvider, Curve};
use crate::error::{Malformed, Problem, Unsupported};
use crate::reader::Reader;
use crate::values::{Digest, Value};

const STRUCTURE: &str = "TPMT_PUBLIC";

/// A public area, borrowed from its bytes. Alone it proves nothing: its *name* must be vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public<'a> {
    raw: &'a [u8],
    name_alg: AlgorithmId,
    attributes: Attributes,
    auth_policy: &'a [u8],
    symmetric: Symmetric,
    scheme: Scheme,
    key: Key<'a>,
}

/// TPMA_OBJECT.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Attributes(pub u32);

/// The symmetric algorithm of a storage or endorsement key; null on a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Symmetric {
    /// AES, or null.
    pub algorithm: AlgorithmId,
    /// Key length in bits; 0 if null.
    pub bits: u16,
    /// CFB, or null.
    pub mode: AlgorithmId,
}

/// What the key is fixed to; null leaves it to each command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scheme {
    /// RSASSA, RSAPSS, ECDSA, or null.
    pub scheme: AlgorithmId,
    /// The hash algorithm; null if the scheme is.
    pub hash: AlgorithmId,
}

/// The key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "two kinds of key")]
pub enum Key<'a> {
    /// A point.
    Ecc {
        /// The curve.
        curve: CurveId,
        /// x, big-endian, of the field's length.
        x: &'a [u8],
        /// y, big-endian, of the field's length.
        y: &'a [u8],
    },
    /// A modulus.
    Rsa {
        /// keyBits.
        bits: u16,
        /// The public exponent; the specification's 0 is read as 65537.
        exponent: u32,
        /// The modulus, big-endian.
        modulus: &'a [u8],
    },
}

/// TPM_ECC_CURVE, known or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct CurveId(pub u16);

impl CurveId {
    /// The curve, if a provider can have it.
    pub const fn curve(self) -> Option<Curve> {
        match self.0 {
            3 => Some(Curve::P256),
            4 => Some(Curve::P384),
            5 => Some(Curve::P521),
            _ => None,
        }
    }

    /// The number of a curve.
    pub const fn of(curve: Curve) -> Self {
        match curve {
            Curve::P256 => Self(3),
            Curve::P384 => Self(4),
            Curve::P521 => Self(5),
        }
    }
}

impl Scheme {
    /// Whether the key is fixed to none.
    pub fn is_null(&self) -> bool {
        self.scheme == AlgorithmId::NULL
    }
}

impl Attributes {
    /// The bits by name (Part 2, 8.3).
    pub const NAMES: &[(u8, &str)] = &[
        (1, "fixedTPM"),
        (2, "stClear"),
        (4, "fixedParent"),
        (5, "sensitiveDataOrigin"),
        (6, "userWithAuth"),
        (7, "adminWithPolicy"),
        (8, "firmwareLimited"),
        (9, "svnLimited"),
        (10, "noDA"),
        (11, "encryptedDuplication"),
        (16, "restricted"),
        (17, "decrypt"),
        (18, "sign"),
        (19, "x509sign"),
    ];
    /// What an attestation key must have: restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin.
    pub const AK: u32 = (1 << 16) | (1 << 18) | (1 << 1) | (1 << 4) | (1 << 5);
    /// What an attestation key must not have: decrypt.
    pub const NOT_AK: u32 = 1 << 17;

    /// Whether a key with these attributes signs nothing but what its TPM built, and never leaves it.
    pub const fn are_an_attestation_keys(self) -> bool {
        self.0 & Self::AK == Self::AK && self.0 & Self::NOT_AK == 0
    }

    fn are_known(self) -> bool {
        let known = Self::NAMES.iter().fold(0, |known, (bit, _)| known | (1_u32 << *bit));
        self.0 & !known == 0
    }
}

impl core::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl<'a> Public<'a> {
    /// Reads one TPMT_PUBLIC and nothing else: the union is walked as its selectors say, never guessed from lengths.
    ///
    /// # Errors
    /// [`Malformed`] for a key that is neither RSA nor ECC, a nameAlg that is not known, reserved attributes, a coordinate or
    /// modulus of the wrong length, and any length that does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(STRUCTURE, bytes);
        let kind = AlgorithmId(r.u16_be("type")?);
        let name_alg = AlgorithmId(r.u16_be("nameAlg")?);
        if !holds(&checks::NAME_ALG, name_alg.digest_len().is_some()) {
            let actual = Value::Bits(u64::from(name_alg.0));
            return Err(r.unexpected(&checks::NAME_ALG, "nameAlg", 2, "a known hash algorithm", actual));
        }
        let attributes = Attributes(r.u32_be("objectAttributes")?);
        if !holds(&checks::ATTRIBUTES, attributes.are_known()) {
            let actual = Value::Bits(u64::from(attributes.0));
            return Err(r.unexpected(&checks::ATTRIBUTES, "objectAttributes", 4, "known bits", actual));
        }
        let auth_policy = sized(&mut r, "authPolicy")?;
        let (symmetric, scheme, key) = match kind {
            AlgorithmId::RSA => {
                let symmetric = symmetric(&mut r)?;
                let scheme = scheme(&mut r)?;
                let bits = r.u16_be("keyBits")?;
                let exponent = match r.u32_be("exponent")? {
                    0 => 65_537,
                    exponent => exponent,
                };
                let modulus = sized(&mut r, "unique.rsa")?;
                let fits = modulus.len().checked_mul(8) == Some(usize::from(bits))
                    && modulus.first().is_some_and(|first| *first >= 0x80);
                if !holds(&checks::POINT, fits) {
                    let actual = Value::Number(u64::try_from(modulus.len()).unwrap_or(u64::MAX));
                    let expected = "a modulus of keyBits bits";
                    return Err(r.unexpected(&checks::POINT, "unique.rsa", modulus.len(), expected, actual));
                }
                (symmetric, scheme, Key::Rsa { bits, exponent, modulus })
            }
            AlgorithmId::ECC => {
                let symmetric = symmetric(&mut r)?;
                let scheme = scheme(&mut r)?;
                let curve = CurveId(r.u16_be("curveID")?);
                if AlgorithmId(r.u16_be("kdf")?) != AlgorithmId::NULL {
                    r.u16_be("kdf.hash")?;
                }
                let x = coordinate(&mut r, "unique.ecc.x", curve)?;
                let y = coordinate(&mut r, "unique.ecc.y", curve)?;
                (symmetric, scheme, Key::Ecc { curve, x, y })
            }
            other => {
                // Without a known type there is no way on, with the check or without it.
                if holds(&checks::PUBLIC_TYPE, false) {
                    return Err(r.malformed("type", Problem::Encoding("a type that is not known")));
                }
                return Err(r.unexpected(&checks::PUBLIC_TYPE, "type", r.offset(), "rsa or ecc", other));
            }
        };
        r.finish("unique")?;
        Ok(Self { raw: bytes, name_alg, attributes, auth_policy, symmetric, scheme, key })
    }

    /// The bytes that the name is made of.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// nameAlg.
    pub const fn name_alg(&self) -> AlgorithmId {
        self.name_alg
    }

    /// objectAttributes.
    pub const fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// authPolicy.
    pub const fn auth_policy(&self) -> &'a [u8] {
        self.auth_policy
    }

    /// The symmetric algorithm.
    pub const fn symmetric(&self) -> Symmetric {
        self.symmetric
    }

    /// What the key is fixed to.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The key.
    pub const fn key(&self) -> Key<'a> {
        self.key
    }

    /// The name: nameAlg and the digest of the public area.
    ///
    /// # Errors
    /// [`Unsupported`] if the provider lacks the hash function.
    pub fn name(&self, provider: &CryptoProvider) -> Result<Name, Unsupported> {
        Name::of(self.name_alg, &[self.raw], provider)
    }
}

/// A name or a qualified name: two bytes of algorithm, then a digest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    /// The name of what `parts` say.
    pub(super) fn of(
        algorithm: AlgorithmId,
        parts: &[&[u8]],
        provider: &CryptoProvider,
    ) -> Result<Self, Unsupported> {
        let Some(hash) = algorithm.hash() else {
            return Err(Unsupported::Format(algorithm.into()));
        };
        let digest: Digest = provider.digest(hash, parts)?;
        let mut name = Vec::from(algorithm.0.to_be_bytes());
        name.extend_from_slice(digest.as_bytes());
        Ok(Self(name))
    }

    /// A name as bytes say it; `None` for bytes that are none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        super::wire::is_name(bytes).then(|| Self(bytes.to_vec()))
    }

    /// Whether two public areas with this name can be found (SHA-1).
    pub(super) fn can_collide(&self) -> bool {
        self.0.starts_with(&AlgorithmId::SHA1.0.to_be_bytes())
    }

    /// Algorithm and digest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The qualified name under a parent's: a primary key's parent is its hierarchy, whose name is the handle (Part 1, 16).
    ///
    /// # Errors
    /// [`Unsupported`] if the provider lacks the hash function.
    pub fn qualified(&self, parent: &[u8], provider: &CryptoProvider) -> Result<Self, Unsupported> {
        let algorithm = match *self.0.as_slice() {
            [high, low, ..] => AlgorithmId(u16::from_be_bytes([high, low])),
            _ => AlgorithmId::NULL,
        };
        Self::of(algorithm, &[parent, &self.0], provider)
    }
}

impl core::fmt::Debug for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", crate::values::Hex(&self.0))
    }
}

/// The hierarchies by handle (Part 2, 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the specification has four")]
pub enum Hierarchy {
    /// TPM_RH_ENDORSEMENT: the device's identity. Its keys attest true counters.
    Endorsement,
    /// TPM_RH_NULL.
    Null,
    /// TPM_RH_OWNER.
    Owner,
    /// TPM_RH_PLATFORM.
    Platform,
}

impl Hierarchy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Endorsement, Self::Owner, Self::Platform, Self::Null];

    /// The handle.
    pub const fn handle(self) -> [u8; 4] {
        match self {
            Self::Endorsement => [0x40, 0, 0, 0x0b],
            Self::Null => [0x40, 0, 0, 0x07],
            Self::Owner => [0x40, 0, 0, 0x01],
            Self::Platform => [0x40, 0, 0, 0x0c],
        }
    }

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Endorsement => "endorsement",
            Self::Null => "null",
            Self::Owner => "owner",
            Self::Platform => "platform",
        }
    }

    /// The hierarchy of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hierarchy| hierarchy.name() == name)
    }
}

fn symmetric(r: &mut Reader<'_>) -> Result<Symmetric, Malformed> {
    let algorithm = AlgorithmId(r.u16_be("symmetric.algorithm")?);
    Ok(match algorithm {
        AlgorithmId::NULL => Symmetric { algorithm, bits: 0, mode: AlgorithmId::NULL },
        _ => Symmetric {
            algorithm,
            bits: r.u16_be("symmetric.keyBits")?,
            mode: AlgorithmId(r.u16_be("symmetric.mode")?),
        },
    })
}

fn scheme(r: &mut Reader<'_>) -> Result<Scheme, Malformed> {
    let scheme = AlgorithmId(r.u16_be("scheme.scheme")?);
    let hash = match scheme {
        AlgorithmId::NULL => AlgorithmId::NULL,
        _ => AlgorithmId(r.u16_be("scheme.hashAlg")?),
    };
    if scheme == AlgorithmId::ECDAA {
        r.u16_be("scheme.count")?;
    }
    Ok(Scheme { scheme, hash })
}

fn coordinate<'a>(r: &mut Reader<'a>, field: &'static str, curve: CurveId) -> Result<&'a [u8], Malformed> {
    let octets = sized(r, field)?;
    let fits = curve.curve().is_none_or(|curve| octets.len() == curve.field_len());
    if !holds(&checks::POINT, fits) {
        let actual = Value::Number(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        return Err(r.unexpected(&checks::POINT, field, octets.len(), "the length of the field", actual));
    }
    Ok(octets)
}
