//! Provider over the crate `aws-lc-rs`: every scheme.

use aws_lc_rs::signature::RsaPssSaltLength;

super::ring_api::ring_api!(aws_lc_rs);

/// All that `aws-lc-rs` has for us.
pub static PROVIDER: CryptoProvider = CryptoProvider::new("aws-lc-rs", SCHEMES, HASHES);

/// Those of every SNP verification first: a look-up walks the list.
static SCHEMES: &[&dyn SignatureVerifier] = &[
    &Plain(SignatureAlgorithm::EcdsaP384Sha384, &signature::ECDSA_P384_SHA384_FIXED),
    &Plain(SignatureAlgorithm::RsaPssSha384, &signature::RSA_PSS_2048_8192_SHA384),
    &Plain(SignatureAlgorithm::EcdsaP256Sha256, &signature::ECDSA_P256_SHA256_FIXED),
    &Der(SignatureAlgorithm::EcdsaP256Sha384, &signature::ECDSA_P256_SHA384_ASN1),
    &Der(SignatureAlgorithm::EcdsaP256Sha512, &signature::ECDSA_P256_SHA512_ASN1),
    &Der(SignatureAlgorithm::EcdsaP384Sha256, &signature::ECDSA_P384_SHA256_ASN1),
    &Der(SignatureAlgorithm::EcdsaP384Sha512, &signature::ECDSA_P384_SHA512_ASN1),
    &Plain(SignatureAlgorithm::EcdsaP521Sha256, &signature::ECDSA_P521_SHA256_FIXED),
    &Plain(SignatureAlgorithm::EcdsaP521Sha384, &signature::ECDSA_P521_SHA384_FIXED),
    &Plain(SignatureAlgorithm::EcdsaP521Sha512, &signature::ECDSA_P521_SHA512_FIXED),
    &Plain(SignatureAlgorithm::RsaPkcs1Sha256, &signature::RSA_PKCS1_2048_8192_SHA256),
    &Plain(SignatureAlgorithm::RsaPkcs1Sha384, &signature::RSA_PKCS1_2048_8192_SHA384),
    &Plain(SignatureAlgorithm::RsaPkcs1Sha512, &signature::RSA_PKCS1_2048_8192_SHA512),
    &Plain(SignatureAlgorithm::RsaPssSha256, &signature::RSA_PSS_2048_8192_SHA256),
    &Plain(SignatureAlgorithm::RsaPssSha512, &signature::RSA_PSS_2048_8192_SHA512),
    &TwoSalts(
        SignatureAlgorithm::RsaPssTpmSha256,
        &signature::RSA_PSS_2048_8192_SHA256,
        &const { signature::RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Max) },
    ),
    &TwoSalts(
        SignatureAlgorithm::RsaPssTpmSha384,
        &signature::RSA_PSS_2048_8192_SHA384,
        &const { signature::RSA_PSS_2048_8192_SHA384.with_pss_salt_length(RsaPssSaltLength::Max) },
    ),
    &TwoSalts(
        SignatureAlgorithm::RsaPssTpmSha512,
        &signature::RSA_PSS_2048_8192_SHA512,
        &const { signature::RSA_PSS_2048_8192_SHA512.with_pss_salt_length(RsaPssSaltLength::Max) },
    ),
];

/// RSASSA-PSS with the salt of the digest's length or, failing that, the longest.
#[derive(Debug)]
struct TwoSalts(SignatureAlgorithm, &'static dyn VerificationAlgorithm, &'static dyn VerificationAlgorithm);

impl SignatureVerifier for TwoSalts {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn verify(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        form::check(self.0, public_key, signature)?;
        verify(self.1, public_key, message, signature)
            .or_else(|BadSignature| verify(self.2, public_key, message, signature))
    }
}
