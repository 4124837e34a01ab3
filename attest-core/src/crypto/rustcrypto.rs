//! Provider over the RustCrypto crates `p256`, `p384`, `rsa`, `sha1` and `sha2`: pure Rust, for WASM and bare metal.

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{
    BadSignature, CryptoProvider, HashAlgorithm, HashFunction, SignatureAlgorithm, SignatureVerifier,
};
use crate::values::Digest;

/// All that the RustCrypto crates have for us.
pub static PROVIDER: CryptoProvider =
    CryptoProvider::new("rustcrypto", &[&EcdsaP256, &EcdsaP384, &RsaPss256, &RsaPss384], HASHES);

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
    // Never longer than 64 bytes.
    Digest::new(&hash.finalize()).unwrap_or_else(|| Digest::filled(0, 0))
}

#[derive(Debug)]
struct EcdsaP256;

impl SignatureVerifier for EcdsaP256 {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(public_key).map_err(|_| BadSignature)?;
        let signature = p256::ecdsa::Signature::from_slice(signature).map_err(|_| BadSignature)?;
        key.verify_prehash(&Sha256::digest(message), &signature).map_err(|_| BadSignature)
    }
}

#[derive(Debug)]
struct EcdsaP384;

impl SignatureVerifier for EcdsaP384 {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP384Sha384
    }

    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(public_key).map_err(|_| BadSignature)?;
        let signature = p384::ecdsa::Signature::from_slice(signature).map_err(|_| BadSignature)?;
        key.verify_prehash(&Sha384::digest(message), &signature).map_err(|_| BadSignature)
    }
}

/// RSA keys from 2048 to 8192 bits with an exponent of at most 33 bits, as the other providers demand.
fn rsa_key(der: &[u8]) -> Result<rsa::PublicKey, BadSignature> {
    let key = rsa::PublicKey::from_pkcs1_der(der).map_err(|_| BadSignature)?;
    match key.n().bit_width() {
        2048..=8192 => Ok(key),
        _ => Err(BadSignature),
    }
}

#[derive(Debug)]
struct RsaPss256;

impl SignatureVerifier for RsaPss256 {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaPssSha256
    }

    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let scheme = rsa::Pss::<Sha256>::new_with_salt(32);
        rsa_key(public_key)?.verify(scheme, &Sha256::digest(message), signature).map_err(|_| BadSignature)
    }
}

#[derive(Debug)]
struct RsaPss384;

impl SignatureVerifier for RsaPss384 {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaPssSha384
    }

    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let scheme = rsa::Pss::<Sha384>::new_with_salt(48);
        rsa_key(public_key)?.verify(scheme, &Sha384::digest(message), signature).map_err(|_| BadSignature)
    }
}
