//! What `ring` and `aws-lc-rs` have in common: the same interface, with types of their own.

/// Two digests of the longest hash: what a register is extended with.
pub(super) const JOINED: usize = 128;

/// The parts one after the other in `buffer`; `None` if they do not fit. `aws-lc-rs` allocates a context for hashing piece by
/// piece, and a log of many events is many short pieces.
pub(super) fn join<'b>(parts: &[&[u8]], buffer: &'b mut [u8; JOINED]) -> Option<&'b [u8]> {
    let mut len = 0_usize;
    for part in parts {
        let end = len.checked_add(part.len())?;
        buffer.get_mut(len..end)?.copy_from_slice(part);
        len = end;
    }
    buffer.get(..len)
}

/// Two digests of 32 bytes, joined: what each event of a log costs, so that lengths known beforehand are worth their own line.
pub(super) fn join_two(parts: &[&[u8]]) -> Option<[u8; 64]> {
    let [first, second] = *parts else { return None };
    let mut joined = [0; 64];
    let (front, back) = joined.split_at_mut(32);
    *front.first_chunk_mut::<32>()? = first.try_into().ok()?;
    *back.first_chunk_mut::<32>()? = second.try_into().ok()?;
    Some(joined)
}

/// Hashes and signature schemes over a library with ring's interface. The module names its `SCHEMES`, in order of use.
macro_rules! ring_api {
    ($library:ident) => {
        use $library::digest;
        use $library::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

        use super::form::{self, EcdsaDer};
        use super::ring_api::{JOINED, join, join_two};
        use super::{
            BadSignature, CryptoProvider, Family, HashAlgorithm, HashFunction, SignatureAlgorithm,
            SignatureVerifier,
        };
        use crate::values::Digest;

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
                let digest = match (parts, join_two(parts)) {
                    ([whole], _) => digest::digest(self.1, whole),
                    (_, Some(joined)) => digest::digest(self.1, &joined),
                    _ => match join(parts, &mut [0; JOINED]) {
                        Some(joined) => digest::digest(self.1, joined),
                        None => {
                            let mut context = digest::Context::new(self.1);
                            parts.iter().for_each(|part| context.update(part));
                            context.finish()
                        }
                    },
                };
                Digest::of_hash(digest.as_ref())
            }
        }

        /// RSA, and ECDSA where the library takes r and s as they are.
        #[derive(Debug)]
        struct Plain(SignatureAlgorithm, &'static dyn VerificationAlgorithm);

        impl SignatureVerifier for Plain {
            fn algorithm(&self) -> SignatureAlgorithm {
                self.0
            }

            fn verify(
                &self,
                public_key: &[u8],
                message: &[u8],
                signature: &[u8],
            ) -> Result<(), BadSignature> {
                form::check(self.0, public_key, signature)?;
                verify(self.1, public_key, message, signature)
            }
        }

        /// ECDSA where the library takes DER only.
        #[derive(Debug)]
        struct Der(SignatureAlgorithm, &'static dyn VerificationAlgorithm);

        impl SignatureVerifier for Der {
            fn algorithm(&self) -> SignatureAlgorithm {
                self.0
            }

            fn verify(
                &self,
                public_key: &[u8],
                message: &[u8],
                signature: &[u8],
            ) -> Result<(), BadSignature> {
                form::check(self.0, public_key, signature)?;
                let Family::Ecdsa(curve) = self.0.family() else { return Err(BadSignature) };
                let der = EcdsaDer::new(curve, signature).ok_or(BadSignature)?;
                verify(self.1, public_key, message, der.as_bytes())
            }
        }

        fn verify(
            algorithm: &'static dyn VerificationAlgorithm,
            public_key: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Result<(), BadSignature> {
            UnparsedPublicKey::new(algorithm, public_key).verify(message, signature).map_err(|_| BadSignature)
        }
    };
}
pub(super) use ring_api;
