//! Provider over the crate `ring`.
//!
//! It has no P-521, no SHA-512 with ECDSA, and for RSASSA-PSS no salt but the digest's length.

super::ring_api::ring_api!(ring);

/// All that `ring` has for us.
pub static PROVIDER: CryptoProvider = CryptoProvider::new("ring", SCHEMES, HASHES);

/// Those of every SNP verification first: a look-up walks the list.
static SCHEMES: &[&dyn SignatureVerifier] = &[
    &Plain(SignatureAlgorithm::EcdsaP384Sha384, &signature::ECDSA_P384_SHA384_FIXED),
    &Plain(SignatureAlgorithm::RsaPssSha384, &signature::RSA_PSS_2048_8192_SHA384),
    &Plain(SignatureAlgorithm::EcdsaP256Sha256, &signature::ECDSA_P256_SHA256_FIXED),
    &Der(SignatureAlgorithm::EcdsaP256Sha384, &signature::ECDSA_P256_SHA384_ASN1),
    &Der(SignatureAlgorithm::EcdsaP384Sha256, &signature::ECDSA_P384_SHA256_ASN1),
    &Plain(SignatureAlgorithm::RsaPkcs1Sha256, &signature::RSA_PKCS1_2048_8192_SHA256),
    &Plain(SignatureAlgorithm::RsaPkcs1Sha384, &signature::RSA_PKCS1_2048_8192_SHA384),
    &Plain(SignatureAlgorithm::RsaPkcs1Sha512, &signature::RSA_PKCS1_2048_8192_SHA512),
    &Plain(SignatureAlgorithm::RsaPssSha256, &signature::RSA_PSS_2048_8192_SHA256),
    &Plain(SignatureAlgorithm::RsaPssSha512, &signature::RSA_PSS_2048_8192_SHA512),
];
