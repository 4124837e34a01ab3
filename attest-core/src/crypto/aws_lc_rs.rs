//! Provider over the crate `aws-lc-rs`.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::{
    BadSignature, CryptoProvider, HashAlgorithm, HashFunction, SignatureAlgorithm, SignatureVerifier,
};
use crate::values::Digest;

/// All that `aws-lc-rs` has for us.
pub static PROVIDER: CryptoProvider = CryptoProvider::new("aws-lc-rs", SCHEMES, HASHES);

static SCHEMES: &[&dyn SignatureVerifier] = &[
    &Scheme(SignatureAlgorithm::EcdsaP256Sha256, &signature::ECDSA_P256_SHA256_FIXED),
    &Scheme(SignatureAlgorithm::EcdsaP384Sha384, &signature::ECDSA_P384_SHA384_FIXED),
    &Scheme(SignatureAlgorithm::RsaPssSha256, &signature::RSA_PSS_2048_8192_SHA256),
    &Scheme(SignatureAlgorithm::RsaPssSha384, &signature::RSA_PSS_2048_8192_SHA384),
];

static HASHES: &[&dyn HashFunction] = &[
    &Hash(HashAlgorithm::Sha1, &digest::SHA1_FOR_LEGACY_USE_ONLY),
    &Hash(HashAlgorithm::Sha256, &digest::SHA256),
    &Hash(HashAlgorithm::Sha384, &digest::SHA384),
    &Hash(HashAlgorithm::Sha512, &digest::SHA512),
];

#[derive(Debug)]
struct Hash(HashAlgorithm, &'static digest::Algorithm);

impl HashFunction for Hash {
    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }

    fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut context = digest::Context::new(self.1);
        parts.iter().for_each(|part| context.update(part));
        // Never longer than 64 bytes.
        Digest::new(context.finish().as_ref()).unwrap_or_else(|| Digest::filled(0, 0))
    }
}

#[derive(Debug)]
struct Scheme(SignatureAlgorithm, &'static dyn VerificationAlgorithm);

impl SignatureVerifier for Scheme {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(self.1, public_key).verify(message, signature).map_err(|_| BadSignature)
    }
}
