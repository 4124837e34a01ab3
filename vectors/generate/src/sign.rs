//! Signatures over certificates and CRLs, reproducible to the bit.
//!
//! The paddings are written out here, because a library would draw the PSS salt at random and would refuse the odd
//! combinations that negative cases need.

use p384::ecdsa::Signature;
use p384::ecdsa::signature::hazmat::PrehashSigner;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::der_out::{context, null, octets, oid, seq, uint, uint_bytes};
use crate::keys::{P256Key, P384Key, RsaKey};

/// A digest algorithm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// TPM_ALG_ID.
    pub const fn tpm(self) -> u16 {
        match self {
            Self::Sha256 => 0x000b,
            Self::Sha384 => 0x000c,
            Self::Sha512 => 0x000d,
        }
    }
}

impl Hash {
    /// The digest of `message`.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// AlgorithmIdentifier with a NULL parameter.
    pub fn algorithm(self) -> Vec<u8> {
        seq(&[&oid(self.oid()), &null()])
    }

    fn oid(self) -> &'static str {
        match self {
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        }
    }

    /// The last arc of `<hash>WithRSAEncryption` under PKCS #1, and of `ecdsa-with-<hash>` under ANSI X9.62.
    fn arcs(self) -> (u8, u8) {
        match self {
            Self::Sha256 => (11, 2),
            Self::Sha384 => (12, 3),
            Self::Sha512 => (13, 4),
        }
    }
}

/// A signature scheme.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// ECDSA with SHA-384, nonce by RFC 6979.
    Ecdsa,
    /// ECDSA on P-256 with SHA-256, nonce by RFC 6979: Intel's.
    EcdsaP256,
    /// RSASSA-PKCS1-v1_5.
    Pkcs1v15(Hash),
    /// RSASSA-PSS.
    Pss {
        /// The digest of the message.
        hash: Hash,
        /// The digest inside MGF1.
        mgf: Hash,
        /// The salt's length in octets.
        salt: usize,
        /// Whether the parameters spell out trailerField, although 1 is its default.
        trailer: bool,
    },
}

impl Scheme {
    /// AMD's scheme as written since mid 2024: the default trailerField is left out.
    pub const AMD: Self = Self::Pss { hash: Hash::Sha384, mgf: Hash::Sha384, salt: 48, trailer: false };

    /// AMD's scheme as written in CA certificates and in leaves until mid 2024.
    pub const AMD_TRAILER: Self =
        Self::Pss { hash: Hash::Sha384, mgf: Hash::Sha384, salt: 48, trailer: true };

    /// AMD's scheme with a salt of another length, 32 for example.
    pub const fn salt(salt: usize) -> Self {
        Self::Pss { hash: Hash::Sha384, mgf: Hash::Sha384, salt, trailer: false }
    }

    /// The AlgorithmIdentifier.
    pub fn algorithm(self) -> Vec<u8> {
        match self {
            Self::Ecdsa => seq(&[&oid(&format!("1.2.840.10045.4.3.{}", Hash::Sha384.arcs().1))]),
            Self::EcdsaP256 => seq(&[&oid(&format!("1.2.840.10045.4.3.{}", Hash::Sha256.arcs().1))]),
            Self::Pkcs1v15(hash) => seq(&[&oid(&format!("1.2.840.113549.1.1.{}", hash.arcs().0)), &null()]),
            Self::Pss { hash, mgf, salt, trailer } => {
                let mgf1 = seq(&[&oid("1.2.840.113549.1.1.8"), &mgf.algorithm()]);
                let mut parameters = context(0, &[&hash.algorithm()]);
                parameters.extend(context(1, &[&mgf1]));
                parameters.extend(context(2, &[&uint(salt as u64)]));
                if trailer {
                    parameters.extend(context(3, &[&uint(1)]));
                }
                seq(&[&oid("1.2.840.113549.1.1.10"), &seq(&[&parameters])])
            }
        }
    }
}

/// Who signs.
#[derive(Clone, Debug)]
pub enum Signer {
    /// A P-256 key, for [`Scheme::EcdsaP256`].
    P256(Box<P256Key>),
    /// A P-384 key, for [`Scheme::Ecdsa`].
    P384(Box<P384Key>),
    /// An RSA key, for the other schemes.
    Rsa(&'static RsaKey),
}

impl Signer {
    /// The signature, always the same for the same message.
    ///
    /// # Panics
    ///
    /// When the scheme is not one for this kind of key.
    pub fn sign(&self, scheme: Scheme, message: &[u8]) -> Vec<u8> {
        match (self, scheme) {
            (Self::P384(key), Scheme::Ecdsa) => ecdsa_der(&ecdsa_prehash(key, &Hash::Sha384.digest(message))),
            (Self::Rsa(key), Scheme::Pkcs1v15(hash)) => key.raw_private(&pkcs1v15(key.size(), hash, message)),
            (Self::Rsa(key), Scheme::Pss { hash, mgf, salt, .. }) => {
                key.raw_private(&pss(key.size(), hash, mgf, &salt_of(message, salt), message))
            }
            (Self::P256(key), Scheme::EcdsaP256) => {
                let signature = key.sign(message);
                let (r, s) = signature.split_at(32);
                seq(&[&uint_bytes(r), &uint_bytes(s)])
            }
            (Self::P256(_) | Self::P384(_) | Self::Rsa(_), _) => panic!("{scheme:?} does not fit the signer"),
        }
    }
}

impl From<&'static RsaKey> for Signer {
    fn from(key: &'static RsaKey) -> Self {
        Self::Rsa(key)
    }
}

impl From<&P256Key> for Signer {
    fn from(key: &P256Key) -> Self {
        Self::P256(Box::new(key.clone()))
    }
}

impl From<&P384Key> for Signer {
    fn from(key: &P384Key) -> Self {
        Self::P384(Box::new(key.clone()))
    }
}

/// ECDSA over a digest, nonce by RFC 6979.
pub(crate) fn ecdsa_prehash(key: &P384Key, digest: &[u8]) -> Signature {
    key.signing_key().sign_prehash(digest).expect("a SHA-384 digest fits P-384")
}

fn ecdsa_der(signature: &Signature) -> Vec<u8> {
    let (r, s) = signature.split_bytes();
    seq(&[&uint_bytes(&r), &uint_bytes(&s)])
}

/// A salt that depends on the message alone.
pub(crate) fn salt_of(message: &[u8], len: usize) -> Vec<u8> {
    let seed = Sha384::digest([b"salt".as_slice(), message].concat());
    mgf1(Hash::Sha384, &seed, len)
}

/// EMSA-PKCS1-v1_5 of RFC 8017, section 9.2.
pub(crate) fn pkcs1v15(size: usize, hash: Hash, message: &[u8]) -> Vec<u8> {
    let info = seq(&[&hash.algorithm(), &octets(&hash.digest(message))]);
    let mut out = vec![0xFF; size];
    out[0] = 0;
    out[1] = 1;
    out[size - info.len() - 1] = 0;
    out[size - info.len()..].copy_from_slice(&info);
    out
}

/// EMSA-PSS of RFC 8017, section 9.1.1, for a modulus of whole octets.
pub(crate) fn pss(size: usize, hash: Hash, mgf: Hash, salt: &[u8], message: &[u8]) -> Vec<u8> {
    let digest = hash.digest(&[&[0; 8], hash.digest(message).as_slice(), salt].concat());
    let mut out = vec![0; size - digest.len() - salt.len() - 2];
    out.push(1);
    out.extend_from_slice(salt);
    let mask = mgf1(mgf, &digest, out.len());
    for (byte, mask) in out.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    // The encoded message has one bit less than the modulus.
    out[0] &= 0x7F;
    out.extend_from_slice(&digest);
    out.push(0xBC);
    out
}

fn mgf1(hash: Hash, seed: &[u8], len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 64);
    let mut counter = 0_u32;
    while out.len() < len {
        out.extend(hash.digest(&[seed, &counter.to_be_bytes()].concat()));
        counter += 1;
    }
    out.truncate(len);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SMALL;

    #[test]
    fn signatures_repeat() {
        let signer = Signer::from(&SMALL);
        assert_eq!(signer.sign(Scheme::AMD, b"m"), signer.sign(Scheme::AMD, b"m"));
        assert_ne!(signer.sign(Scheme::AMD, b"m"), signer.sign(Scheme::AMD, b"n"));
        let signer = Signer::from(&P384Key::from_label("k"));
        assert_eq!(signer.sign(Scheme::Ecdsa, b"m"), signer.sign(Scheme::Ecdsa, b"m"));
    }

    #[test]
    fn parameters_are_as_long_as_amds() {
        assert_eq!(Scheme::AMD.algorithm().len(), 2 + 65);
        assert_eq!(Scheme::AMD_TRAILER.algorithm().len(), 2 + 70);
    }
}
