//! The keys of the test PKI. TEST KEYS ONLY: all of them are public.

use std::sync::{LazyLock, OnceLock};

use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p384::ecdsa::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PrivateKey, hazmat, rand_core};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};

use crate::der_out::{bits, null, oid, seq, uint_bytes};
use crate::platform::{Line, Role};

/// An RSA key of the test PKI.
#[derive(Debug)]
pub struct RsaKey {
    name: &'static str,
    pkcs8: &'static [u8],
    private: OnceLock<PrivateKey>,
}

impl RsaKey {
    const fn new(name: &'static str, pkcs8: &'static [u8]) -> Self {
        Self { name, pkcs8, private: OnceLock::new() }
    }

    /// The name of the key's file, without its ending.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The modulus in octets.
    pub fn size(&self) -> usize {
        self.private().size()
    }

    /// The modulus, big-endian.
    pub fn modulus(&self) -> Vec<u8> {
        self.private().n_bytes().to_vec()
    }

    /// RSAPublicKey of PKCS #1.
    pub fn pkcs1_public(&self) -> Vec<u8> {
        let key = self.private();
        seq(&[&uint_bytes(&key.n_bytes()), &uint_bytes(&key.e_bytes())])
    }

    /// SubjectPublicKeyInfo with AMD's algorithm identifier, rsaEncryption.
    pub fn spki(&self) -> Vec<u8> {
        seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &null()]), &bits(&self.pkcs1_public())])
    }

    /// SHA-256 of the SubjectPublicKeyInfo: what a pinned root is.
    pub fn spki_sha256(&self) -> [u8; 32] {
        Sha256::digest(self.spki()).into()
    }

    /// The subject key identifier that AMD gives: SHA-1 of the RSAPublicKey.
    pub fn ski(&self) -> [u8; 20] {
        Sha1::digest(self.pkcs1_public()).into()
    }

    /// The private operation on an encoded message as long as the modulus.
    ///
    /// # Panics
    ///
    /// When the message is not below the modulus.
    pub(crate) fn raw_private(&self, message: &[u8]) -> Vec<u8> {
        let key = self.private();
        let message =
            BoxedUint::from_be_slice(message, key.n().bits_precision()).expect("as long as the modulus");
        let none: Option<&mut dyn rand_core::CryptoRng> = None;
        let signature = hazmat::rsa_decrypt(none, key, &message).expect("below the modulus");
        let bytes = signature.to_be_bytes();
        bytes[bytes.len() - self.size()..].to_vec()
    }

    fn private(&self) -> &PrivateKey {
        self.private
            .get_or_init(|| PrivateKey::from_pkcs8_der(self.pkcs8).expect("the checked-in keys are PKCS #8"))
    }
}

/// The CA key of a line.
pub fn ca(line: Line, role: Role) -> &'static RsaKey {
    match (line, role) {
        (Line::Milan, Role::Ark) => &ARK_MILAN,
        (Line::Milan, Role::Ask) => &ASK_MILAN,
        (Line::Milan, Role::Asvk) => &ASVK_MILAN,
        (Line::Genoa, Role::Ark) => &ARK_GENOA,
        (Line::Genoa, Role::Ask) => &ASK_GENOA,
        (Line::Genoa, Role::Asvk) => &ASVK_GENOA,
        (Line::Turin, Role::Ark) => &ARK_TURIN,
        (Line::Turin, Role::Ask) => &ASK_TURIN,
        (Line::Turin, Role::Asvk) => &ASVK_TURIN,
    }
}

macro_rules! checked_in {
    ($($(#[$doc:meta])* $vis:vis $name:ident = $file:literal;)*) => {$(
        $(#[$doc])*
        $vis static $name: RsaKey = RsaKey::new($file, include_bytes!(concat!("../keys/", $file, ".p8")));
    )*};
}

checked_in! {
    ARK_MILAN = "ark-milan";
    ASK_MILAN = "ask-milan";
    ASVK_MILAN = "asvk-milan";
    ARK_GENOA = "ark-genoa";
    ASK_GENOA = "ask-genoa";
    ASVK_GENOA = "asvk-genoa";
    ARK_TURIN = "ark-turin";
    ASK_TURIN = "ask-turin";
    ASVK_TURIN = "asvk-turin";
    /// The key of the Genoa ASK with serial 0x20001, which the CRL lists.
    pub ASK_GENOA_WITHDRAWN = "ask-genoa-withdrawn";
    /// A stranger's root key.
    pub ARK_ROGUE = "ark-rogue";
    /// A stranger's intermediate key.
    pub ASK_ROGUE = "ask-rogue";
    /// An RSA-2048 key.
    pub SMALL = "small";
}

/// A P-384 key that a label determines.
#[derive(Clone, Debug)]
pub struct P384Key(SigningKey);

impl P384Key {
    /// The key whose private scalar is SHA-384 of the label.
    ///
    /// # Panics
    ///
    /// When the digest is not below the group order, one case in 2^190.
    pub fn from_label(label: &str) -> Self {
        Self(SigningKey::from_slice(&Sha384::digest(label)).expect("the digest is below the group order"))
    }

    /// The public point, uncompressed.
    pub fn sec1(&self) -> Vec<u8> {
        self.0.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// SubjectPublicKeyInfo of the key.
    pub fn spki(&self) -> Vec<u8> {
        ec_spki("1.3.132.0.34", &self.sec1())
    }

    /// The key for signing.
    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0
    }
}

/// A P-256 key that a label determines.
#[derive(Clone, Debug)]
pub struct P256Key(p256::ecdsa::SigningKey);

impl P256Key {
    /// The key whose private scalar is SHA-256 of the label.
    ///
    /// # Panics
    ///
    /// When the digest is not below the group order, one case in 2^32.
    pub fn from_label(label: &str) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&Sha256::digest(label));
        Self(key.expect("the digest is below the group order"))
    }

    /// The public point, uncompressed.
    pub fn sec1(&self) -> Vec<u8> {
        self.0.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// SubjectPublicKeyInfo of the key.
    pub fn spki(&self) -> Vec<u8> {
        ec_spki("1.2.840.10045.3.1.7", &self.sec1())
    }

    /// ECDSA with SHA-256, nonce by RFC 6979: r, then s.
    ///
    /// # Panics
    ///
    /// Never: a digest of SHA-256 fits.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::Signature =
            self.0.sign_prehash(&Sha256::digest(message)).expect("a SHA-256 digest fits P-256");
        let (r, s) = signature.split_bytes();
        [r.as_slice(), s.as_slice()].concat()
    }
}

/// SubjectPublicKeyInfo of an EC point on any named curve.
///
/// `1.2.840.10045.3.1.7` is P-256, `1.3.132.0.34` P-384, `1.3.132.0.35` P-521.
pub fn ec_spki(curve: &str, point: &[u8]) -> Vec<u8> {
    seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid(curve)]), &bits(point)])
}

/// SubjectPublicKeyInfo of the P-256 generator, a valid key on the wrong curve.
pub static P256_SPKI: LazyLock<Vec<u8>> = LazyLock::new(|| ec_spki("1.2.840.10045.3.1.7", &P256_GENERATOR));

const P256_GENERATOR: [u8; 65] = [
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
    0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F,
    0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE,
    0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_determine_keys() {
        assert_eq!(P384Key::from_label("a").sec1(), P384Key::from_label("a").sec1());
        assert_ne!(P384Key::from_label("a").sec1(), P384Key::from_label("b").sec1());
    }

    #[test]
    fn sizes() {
        assert_eq!(ca(Line::Turin, Role::Ask).size(), 512);
        assert_eq!(SMALL.size(), 256);
    }
}
