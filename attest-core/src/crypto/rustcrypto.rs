//! Provider over the RustCrypto crates `p256`, `p384`, `rsa` and `sha2`: pure Rust, for WASM and bare metal.

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256, Sha384};

use super::{BadSignature, CryptoProvider, SignatureAlgorithm, SignatureVerifier};

/// All schemes that the RustCrypto crates have for us.
pub static PROVIDER: CryptoProvider =
    CryptoProvider::new("rustcrypto", &[&EcdsaP256, &EcdsaP384, &RsaPss256, &RsaPss384]);

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
