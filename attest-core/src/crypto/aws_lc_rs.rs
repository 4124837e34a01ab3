//! Provider over the crate `aws-lc-rs`.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::{BadSignature, CryptoProvider, SignatureAlgorithm, SignatureVerifier};

/// All schemes that `aws-lc-rs` has for us.
pub static PROVIDER: CryptoProvider = CryptoProvider::new("aws-lc-rs", SCHEMES);

static SCHEMES: &[&dyn SignatureVerifier] = &[
    &Scheme(SignatureAlgorithm::EcdsaP256Sha256, &signature::ECDSA_P256_SHA256_FIXED),
    &Scheme(SignatureAlgorithm::EcdsaP384Sha384, &signature::ECDSA_P384_SHA384_FIXED),
    &Scheme(SignatureAlgorithm::RsaPssSha256, &signature::RSA_PSS_2048_8192_SHA256),
    &Scheme(SignatureAlgorithm::RsaPssSha384, &signature::RSA_PSS_2048_8192_SHA384),
];

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
