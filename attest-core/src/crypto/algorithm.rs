//! Names of signature schemes and hash functions, all parameters fixed.

/// A signature scheme with all its parameters fixed. Every scheme hashes the message itself.
///
/// Keys and signatures have one form each, and every provider demands it before its library sees a byte:
///
/// - ECDSA key: SEC 1 point, uncompressed (`04`, x, y). Signature: r then s, each as long as the curve's field (32, 48 or 66
///   bytes), big-endian.
/// - RSA key: PKCS #1 RSAPublicKey in DER, 2048 to 8192 bits, exponent odd and from 65537 to 2^33 - 1. Signature: as long as
///   the modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA over NIST P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA over NIST P-256 with SHA-384.
    EcdsaP256Sha384,
    /// ECDSA over NIST P-256 with SHA-512.
    EcdsaP256Sha512,
    /// ECDSA over NIST P-384 with SHA-256.
    EcdsaP384Sha256,
    /// ECDSA over NIST P-384 with SHA-384.
    EcdsaP384Sha384,
    /// ECDSA over NIST P-384 with SHA-512.
    EcdsaP384Sha512,
    /// ECDSA over NIST P-521 with SHA-256.
    EcdsaP521Sha256,
    /// ECDSA over NIST P-521 with SHA-384.
    EcdsaP521Sha384,
    /// ECDSA over NIST P-521 with SHA-512.
    EcdsaP521Sha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and 32 bytes of salt.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, MGF1-SHA-384 and 48 bytes of salt.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512, MGF1-SHA-512 and 64 bytes of salt.
    RsaPssSha512,
    /// [`Family::RsaPssTpm`] with SHA-256.
    RsaPssTpmSha256,
    /// [`Family::RsaPssTpm`] with SHA-384.
    RsaPssTpmSha384,
    /// [`Family::RsaPssTpm`] with SHA-512.
    RsaPssTpmSha512,
}

/// A signature scheme without its hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// ECDSA over this curve.
    Ecdsa(Curve),
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1,
    /// RSASSA-PSS, MGF1 with the same hash, the salt as long as the digest.
    RsaPss,
    /// RSASSA-PSS as TPMs make it: the salt is as long as the digest, or as long as the key allows, and nothing between.
    ///
    /// A TPM signs no word about the length of its salt. TCG's TPM 2.0 library, part 1, B.7 knows these two: the largest, and
    /// the digest's where FIPS 186 is followed. A provider whose library can only ask for the digest's does not list the
    /// scheme: there a signature with the other salt must be *unsupported*, not *wrong*.
    RsaPssTpm,
}

/// A curve, by NIST's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Curve {
    /// P-256, secp256r1.
    P256,
    /// P-384, secp384r1.
    P384,
    /// P-521, secp521r1.
    P521,
}

impl Curve {
    /// Length of a coordinate, and of each half of a signature, in bytes.
    pub const fn field_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Length of an uncompressed point, in bytes.
    pub const fn point_len(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
            Self::P521 => 133,
        }
    }

    /// NIST's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }
}

impl SignatureAlgorithm {
    /// All schemes.
    pub const ALL: &[Self] = &[
        Self::EcdsaP256Sha256,
        Self::EcdsaP256Sha384,
        Self::EcdsaP256Sha512,
        Self::EcdsaP384Sha256,
        Self::EcdsaP384Sha384,
        Self::EcdsaP384Sha512,
        Self::EcdsaP521Sha256,
        Self::EcdsaP521Sha384,
        Self::EcdsaP521Sha512,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::RsaPssTpmSha256,
        Self::RsaPssTpmSha384,
        Self::RsaPssTpmSha512,
    ];

    /// The scheme of this family with this hash function; `None` with SHA-1, which signs nothing here.
    pub fn of(family: Family, hash: HashAlgorithm) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.family() == family && algorithm.hash() == hash)
    }

    /// What it is without its hash function.
    pub const fn family(self) -> Family {
        match self {
            Self::EcdsaP256Sha256 | Self::EcdsaP256Sha384 | Self::EcdsaP256Sha512 => {
                Family::Ecdsa(Curve::P256)
            }
            Self::EcdsaP384Sha256 | Self::EcdsaP384Sha384 | Self::EcdsaP384Sha512 => {
                Family::Ecdsa(Curve::P384)
            }
            Self::EcdsaP521Sha256 | Self::EcdsaP521Sha384 | Self::EcdsaP521Sha512 => {
                Family::Ecdsa(Curve::P521)
            }
            Self::RsaPkcs1Sha256 | Self::RsaPkcs1Sha384 | Self::RsaPkcs1Sha512 => Family::RsaPkcs1,
            Self::RsaPssSha256 | Self::RsaPssSha384 | Self::RsaPssSha512 => Family::RsaPss,
            Self::RsaPssTpmSha256 | Self::RsaPssTpmSha384 | Self::RsaPssTpmSha512 => Family::RsaPssTpm,
        }
    }

    /// The hash function of the message.
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::EcdsaP256Sha256
            | Self::EcdsaP384Sha256
            | Self::EcdsaP521Sha256
            | Self::RsaPkcs1Sha256
            | Self::RsaPssSha256
            | Self::RsaPssTpmSha256 => HashAlgorithm::Sha256,
            Self::EcdsaP256Sha384
            | Self::EcdsaP384Sha384
            | Self::EcdsaP521Sha384
            | Self::RsaPkcs1Sha384
            | Self::RsaPssSha384
            | Self::RsaPssTpmSha384 => HashAlgorithm::Sha384,
            Self::EcdsaP256Sha512
            | Self::EcdsaP384Sha512
            | Self::EcdsaP521Sha512
            | Self::RsaPkcs1Sha512
            | Self::RsaPssSha512
            | Self::RsaPssTpmSha512 => HashAlgorithm::Sha512,
        }
    }
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1, 20 bytes. For logs and registers of old; nothing is believed on its word.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// All hash functions.
    pub const ALL: &[Self] = &[Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Length of a digest, in bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Stable name: `sha1`, `sha256`, `sha384`, `sha512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The hash function of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }
}
