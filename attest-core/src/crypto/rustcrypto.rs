//! Provider over the RustCrypto crates `p256`, `p384`, `p521`, `rsa`, `sha1` and `sha2`: every scheme, in pure Rust, for WASM
//! and bare metal.

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::{PublicKeyParts, SignatureScheme};
use sha1::Sha1;
use sha2::digest::FixedOutputReset;
use sha2::digest::const_oid::AssociatedOid;
use sha2::{Sha256, Sha384, Sha512};

use super::{
    BadSignature, CryptoProvider, HashAlgorithm, HashFunction, SignatureAlgorithm, SignatureVerifier, form,
};
use crate::values::Digest;

/// All that the RustCrypto crates have for us.
pub static PROVIDER: CryptoProvider = CryptoProvider::new("rustcrypto", SCHEMES, HASHES);

/// Those of every SNP verification first: a look-up walks the list.
static SCHEMES: &[&dyn SignatureVerifier] = &[
    &Scheme(SignatureAlgorithm::EcdsaP384Sha384, p384::<Sha384>),
    &Scheme(SignatureAlgorithm::RsaPssSha384, pss::<Sha384>),
    &Scheme(SignatureAlgorithm::EcdsaP256Sha256, p256::<Sha256>),
    &Scheme(SignatureAlgorithm::EcdsaP256Sha384, p256::<Sha384>),
    &Scheme(SignatureAlgorithm::EcdsaP256Sha512, p256::<Sha512>),
    &Scheme(SignatureAlgorithm::EcdsaP384Sha256, p384::<Sha256>),
    &Scheme(SignatureAlgorithm::EcdsaP384Sha512, p384::<Sha512>),
    &Scheme(SignatureAlgorithm::EcdsaP521Sha256, p521::<Sha256>),
    &Scheme(SignatureAlgorithm::EcdsaP521Sha384, p521::<Sha384>),
    &Scheme(SignatureAlgorithm::EcdsaP521Sha512, p521::<Sha512>),
    &Scheme(SignatureAlgorithm::RsaPkcs1Sha256, pkcs1::<Sha256>),
    &Scheme(SignatureAlgorithm::RsaPkcs1Sha384, pkcs1::<Sha384>),
    &Scheme(SignatureAlgorithm::RsaPkcs1Sha512, pkcs1::<Sha512>),
    &Scheme(SignatureAlgorithm::RsaPssSha256, pss::<Sha256>),
    &Scheme(SignatureAlgorithm::RsaPssSha512, pss::<Sha512>),
    &Scheme(SignatureAlgorithm::RsaPssTpmSha256, pss_tpm::<Sha256>),
    &Scheme(SignatureAlgorithm::RsaPssTpmSha384, pss_tpm::<Sha384>),
    &Scheme(SignatureAlgorithm::RsaPssTpmSha512, pss_tpm::<Sha512>),
];

static HASHES: &[&dyn HashFunction] = &[
    &Hash(HashAlgorithm::Sha1, digest::<Sha1>),
    &Hash(HashAlgorithm::Sha256, digest::<Sha256>),
    &Hash(HashAlgorithm::Sha384, digest::<Sha384>),
    &Hash(HashAlgorithm::Sha512, digest::<Sha512>),
];

#[derive(Debug)]
struct Hash(HashAlgorithm, fn(&[&[u8]]) -> Digest);

impl HashFunction for Hash {
    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }

    fn digest(&self, parts: &[&[u8]]) -> Digest {
        (self.1)(parts)
    }
}

fn digest<H: sha2::Digest>(parts: &[&[u8]]) -> Digest {
    let mut hash = H::new();
    parts.iter().for_each(|part| hash.update(part));
    Digest::of_hash(&hash.finalize())
}

/// A scheme and what verifies key, message and signature once their form was checked.
#[derive(Debug)]
struct Scheme(SignatureAlgorithm, Verify);

type Verify = fn(&[u8], &[u8], &[u8]) -> Option<()>;

impl SignatureVerifier for Scheme {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        form::check(self.0, public_key, signature)?;
        (self.1)(public_key, message, signature).ok_or(BadSignature)
    }
}

/// ECDSA over the curve of the crate of the same name.
macro_rules! ecdsa {
    ($($curve:ident)*) => {$(
        fn $curve<H: sha2::Digest>(public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(public_key).ok()?;
            let signature = $curve::ecdsa::Signature::from_slice(signature).ok()?;
            key.verify_prehash(&H::digest(message), &signature).ok()
        }
    )*};
}
ecdsa!(p256 p384 p521);

fn pkcs1<H: sha2::Digest + AssociatedOid>(public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = rsa::PublicKey::from_pkcs1_der(public_key).ok()?;
    rsa::Pkcs1v15Sign::new::<H>().verify(&key, &H::digest(message), signature).ok()
}

fn pss<H: sha2::Digest + FixedOutputReset>(
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Option<()> {
    let key = rsa::PublicKey::from_pkcs1_der(public_key).ok()?;
    rsa::Pss::<H>::new().verify(&key, &H::digest(message), signature).ok()
}

/// Salt of the digest's length or, failing that, the longest. The crate could find any length by itself, but a TPM makes these
/// two only, and the answer must be that of the other providers.
fn pss_tpm<H: sha2::Digest + FixedOutputReset>(
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Option<()> {
    let key = rsa::PublicKey::from_pkcs1_der(public_key).ok()?;
    let digest = H::digest(message);
    // RFC 8017, 9.1.1: the encoded message has one bit less than the modulus, and holds digest, salt and two octets.
    let encoded = usize::try_from(key.n().bit_width().checked_sub(1)?.div_ceil(8)).ok()?;
    let longest = encoded.checked_sub(digest.len())?.checked_sub(2)?;
    [digest.len(), longest]
        .into_iter()
        .find_map(|salt| rsa::Pss::<H>::new_with_salt(salt).verify(&key, &digest, signature).ok())
}
