//! TPM2_MakeCredential in software (TPM 2.0 Part 1, 24; Part 3, 12.6). All that is random is an argument.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Sensitive;
use super::ek::TrustedEk;
use super::kdf::{kdfa, kdfe};
use super::primitives::{NoAgreement, aes_cfb, agree, hmac, oaep};
use super::wire::{Challenge, push};
use crate::crypto::Curve;
use crate::crypto::HashAlgorithm;
use crate::error::Error;
use crate::tee::vtpm::algorithm::AlgorithmId;
use crate::tee::vtpm::checks::credential as checks;
use crate::tee::vtpm::public::{CurveId, Key, Name, Public};
use crate::values::Value;

/// How many random octets a challenge takes: 32 of secret, 64 of seed, 66 of OAEP seed or ephemeral scalar.
pub const RANDOM_LEN: usize = 162;
/// Length of the secret: what every hash function that we take leaves room for (Part 1, 24.4).
pub(super) const SECRET_LEN: usize = 32;
const SEED_END: usize = 96;

/// The caller's random octets for one challenge. Used once, cleared when dropped, never shown.
pub struct Randomness(Zeroizing<[u8; RANDOM_LEN]>);

impl Randomness {
    /// Octets of a cryptographic generator: a secret (32), then a seed for RSA keys (64), then what encrypts it (66), which is
    /// the seed of OAEP or the ephemeral scalar. Each starts in front; octets that an algorithm does not need are left over.
    pub fn new(octets: [u8; RANDOM_LEN]) -> Self {
        Self(Zeroizing::new(octets))
    }

    pub(super) fn secret(&self) -> &[u8] {
        self.0.get(..SECRET_LEN).unwrap_or_default()
    }

    fn seed(&self, len: usize) -> &[u8] {
        self.0.get(SECRET_LEN..SEED_END).and_then(|seed| seed.get(..len)).unwrap_or_default()
    }

    fn blind(&self, len: usize) -> &[u8] {
        self.0.get(SEED_END..).and_then(|blind| blind.get(..len)).unwrap_or_default()
    }
}

/// What a seed is for. It is part of the encryption, so that a TPM does not decrypt for one purpose what was sent for another
/// (Part 1, B.10.3 and C.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Label {
    /// TPM2_Duplicate and TPM2_Import.
    Duplicate,
    /// TPM2_MakeCredential.
    Identity,
    /// TPM2_StartAuthSession.
    Secret,
}

impl Label {
    const fn text(self) -> &'static str {
        match self {
            Self::Duplicate => "DUPLICATE",
            Self::Identity => "IDENTITY",
            Self::Secret => "SECRET",
        }
    }

    /// RSA's form has the zero octet (Part 1, B.4).
    const fn with_zero(self) -> &'static [u8] {
        match self {
            Self::Duplicate => b"DUPLICATE\0",
            Self::Identity => b"IDENTITY\0",
            Self::Secret => b"SECRET\0",
        }
    }
}

/// A seed that only the key's TPM can read.
#[non_exhaustive]
pub struct Encapsulation {
    /// The seed.
    pub seed: Sensitive,
    /// TPM2B_ENCRYPTED_SECRET, with its size.
    pub encrypted: Vec<u8>,
}

/// Makes a seed and encrypts it to `public`: OAEP for RSA (Part 1, B.10.3), one-pass Diffie-Hellman and KDFe for ECC (C.6.1).
///
/// # Errors
/// [`Error::Unsupported`] for a key that is not one of ours, or a random number that is no scalar of the curve (draw again: on
/// P-256 one in four billion is not, on the others none that anyone will see); [`Error::Untrusted`] for a point that is not on
/// its curve, or a modulus that is none.
pub fn encapsulate(
    public: &Public<'_>,
    label: Label,
    randomness: &Randomness,
) -> Result<Encapsulation, Error> {
    let (hash, key) = (hash(public)?, public.key());
    let len = hash.digest_len();
    let mut encrypted = Vec::new();
    let seed = match key {
        Key::Rsa { bits, exponent, modulus } => {
            let known = matches!(bits, 2048 | 3072 | 4096);
            Error::unless(&checks::EK_KEY, known, "2048, 3072 or 4096 bits", u32::from(bits))?;
            let seed = randomness.seed(len);
            let Some(cipher) =
                oaep(hash, (modulus, exponent), label.with_zero(), randomness.blind(len), seed)
            else {
                return Err(Error::refusal(&checks::EK_POINT, "a modulus", "none"));
            };
            push(&mut encrypted, &cipher);
            Sensitive::new(seed)
        }
        Key::Ecc { curve, x, y } => {
            let scalar = scalar(curve, randomness);
            let agreement = match agree(curve, &scalar, x, y) {
                Ok(agreement) => agreement,
                Err(NoAgreement::Curve) => {
                    let actual = Value::Number(u64::from(curve.0));
                    return Err(Error::refusal(&checks::EK_KEY, "p-256, p-384 or p-521", actual));
                }
                Err(NoAgreement::Point) => {
                    return Err(Error::refusal(&checks::EK_POINT, "a point of the curve", "none"));
                }
                // The number itself stays out of the error.
                Err(NoAgreement::Scalar) => {
                    return Err(Error::refusal(&checks::EPHEMERAL, "1 to the order", "outside"));
                }
            };
            let mut point = Vec::new();
            push(&mut point, &agreement.x);
            push(&mut point, &agreement.y);
            push(&mut encrypted, &point);
            kdfe(hash, agreement.z.as_bytes(), label.text(), &agreement.x, x, bits_of(hash))
        }
    };
    Ok(Encapsulation { seed, encrypted })
}

/// Encrypts `secret` so that only the TPM of `ek` can read it, and gives it out only where an object of this `name` is loaded.
/// Hash function and key size are those of the endorsement key's public area, whatever `name` is made with.
///
/// # Errors
/// As [`encapsulate`].
pub fn make_credential(
    ek: &TrustedEk,
    name: &Name,
    secret: &Sensitive,
    randomness: &Randomness,
) -> Result<Challenge, Error> {
    let public = ek.public()?;
    let hash = hash(&public)?;
    let Encapsulation { seed, encrypted } = encapsulate(&public, Label::Identity, randomness)?;
    let (seed, name) = (seed.as_bytes(), name.as_bytes());

    // Part 1, 24.4: the sized secret is what is encrypted.
    let bits = public.symmetric().bits;
    let key = kdfa(hash, seed, "STORAGE", name, &[], bits);
    let mut identity = Vec::with_capacity(secret.as_bytes().len().saturating_add(2));
    push(&mut identity, secret.as_bytes());
    if aes_cfb(key.as_bytes(), &mut identity).is_none() {
        // Before anything leaves; a trusted key was asked already.
        zeroize::Zeroize::zeroize(&mut identity);
        return Err(Error::refusal(&checks::EK_SYMMETRIC, "aes-128 or aes-256, cfb", u32::from(bits)));
    }

    // Part 1, 24.5: the integrity value covers the ciphertext and the name.
    let key = kdfa(hash, seed, "INTEGRITY", &[], &[], bits_of(hash));
    let integrity = hmac(hash, key.as_bytes(), &[&identity, name]);
    let mut credential = Vec::new();
    push(&mut credential, integrity.as_bytes());
    credential.extend_from_slice(&identity);
    let mut id_object = Vec::new();
    push(&mut id_object, &credential);
    Ok(Challenge { id_object, encrypted_secret: encrypted })
}

/// nameAlg, but for an RSA key whose scheme names another hash (Part 1, B.4): such a key is no endorsement key.
fn hash(public: &Public<'_>) -> Result<HashAlgorithm, Error> {
    let scheme = public.scheme().hash;
    let algorithm = match public.key() {
        Key::Rsa { .. } if scheme != AlgorithmId::NULL => scheme,
        Key::Rsa { .. } | Key::Ecc { .. } => public.name_alg(),
    };
    algorithm
        .hash()
        .ok_or_else(|| Error::refusal(&checks::EK_HASH, "sha1, sha256, sha384 or sha512", algorithm))
}

/// The scalar, of the field's length; P-521's has 521 bits.
fn scalar(curve: CurveId, randomness: &Randomness) -> Zeroizing<Vec<u8>> {
    let mut scalar = Zeroizing::new(randomness.blind(curve.curve().map_or(0, Curve::field_len)).to_vec());
    if let (Some(Curve::P521), Some(first)) = (curve.curve(), scalar.first_mut()) {
        *first &= 1;
    }
    scalar
}

fn bits_of(hash: HashAlgorithm) -> u16 {
    match hash {
        HashAlgorithm::Sha1 => 160,
        HashAlgorithm::Sha256 => 256,
        HashAlgorithm::Sha384 => 384,
        HashAlgorithm::Sha512 => 512,
    }
}
