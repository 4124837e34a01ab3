//! The other side: TPM2_ActivateCredential in software, for tests. It decrypts with other code than the library encrypts with,
//! wherever the crates have some.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use attest_core::crypto::HashAlgorithm;
use attest_core::error::{Malformed, Problem};
use attest_core::tee::vtpm::credential::{Challenge, EncryptedSecret, IdObject, Label, kdf};
use attest_core::tee::vtpm::{CurveId, Key, Name, Public};
use hmac::{Hmac, Mac};
use p256::elliptic_curve::point::AffineCoordinates;
use rsa::{BoxedUint, Oaep};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

macro_rules! point {
    ($key:expr) => {{
        let public = $key.public_key();
        [public.as_affine().x().to_vec(), public.as_affine().y().to_vec()]
    }};
}
/// A private endorsement key.
pub(crate) enum Private {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
    Rsa(Box<rsa::PrivateKey>),
}

/// What a device learns on the way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Activated {
    pub(crate) secret: Vec<u8>,
    pub(crate) seed: Vec<u8>,
    pub(crate) storage_key: Vec<u8>,
    pub(crate) integrity_key: Vec<u8>,
}

/// Why a device refuses; the words are the manifest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The seed does not decrypt, or the integrity value is another.
    Integrity,
    Trailing,
    Truncated,
}

impl Why {
    pub(crate) fn verdict(self) -> &'static str {
        match self {
            Self::Integrity => "integrity-failed",
            Self::Trailing => "trailing-bytes",
            Self::Truncated => "truncated",
        }
    }
}

impl From<Malformed> for Why {
    fn from(malformed: Malformed) -> Self {
        if matches!(malformed.problem, Problem::TooLong { .. }) {
            return Self::Trailing;
        }
        assert!(matches!(malformed.problem, Problem::TooShort { .. }), "{malformed}");
        Self::Truncated
    }
}

impl Private {
    pub(crate) fn rsa(p: &str, q: &str) -> Self {
        let number = |hex: &str| BoxedUint::from_be_slice_vartime(&vectors::unhex(hex).unwrap());
        let key = rsa::PrivateKey::from_p_q(number(p), number(q), BoxedUint::from(65_537_u64)).unwrap();
        Self::Rsa(Box::new(key))
    }

    /// TPM2_ActivateCredential (Part 3, 12.5): integrity first, then the secret.
    pub(crate) fn activate(
        &self,
        ek: &Public<'_>,
        ak: &Name,
        challenge: &Challenge,
    ) -> Result<Activated, Why> {
        let id_object = IdObject::parse(&challenge.id_object)?;
        let hash = ek.name_alg().hash().unwrap();
        let seed = self.decapsulate(ek, Label::Identity, &challenge.encrypted_secret)?;
        let bits = u16::try_from(hash.digest_len() * 8).unwrap();
        let integrity_key = kdf::kdfa(hash, &seed, "INTEGRITY", &[], &[], bits).as_bytes().to_vec();
        let mac = hmac(hash, &integrity_key, &[id_object.identity, ak.as_bytes()]);
        if mac != id_object.integrity {
            return Err(Why::Integrity);
        }
        let storage_key = kdf::kdfa(hash, &seed, "STORAGE", ak.as_bytes(), &[], ek.symmetric().bits);
        let storage_key = storage_key.as_bytes().to_vec();
        let plain = uncfb(&storage_key, id_object.identity);
        let [high, low, secret @ ..] = plain.as_slice() else { return Err(Why::Truncated) };
        assert_eq!(usize::from(u16::from_be_bytes([*high, *low])), secret.len());
        Ok(Activated { secret: secret.to_vec(), seed, storage_key, integrity_key })
    }

    /// The seed of a TPM2B_ENCRYPTED_SECRET.
    pub(crate) fn decapsulate(
        &self,
        public: &Public<'_>,
        label: Label,
        encrypted: &[u8],
    ) -> Result<Vec<u8>, Why> {
        let text = match label {
            Label::Duplicate => "DUPLICATE",
            Label::Identity => "IDENTITY",
            Label::Secret => "SECRET",
            other => panic!("{other:?}"),
        };
        if let Self::Rsa(key) = self {
            let EncryptedSecret::Rsa(cipher) = EncryptedSecret::parse_rsa(encrypted)? else { panic!() };
            let scheme = public.scheme().hash;
            let hash = scheme.hash().or_else(|| public.name_alg().hash()).unwrap();
            let label = format!("{text}\0").into_bytes().into_boxed_slice();
            let seed = match hash {
                HashAlgorithm::Sha1 => key.decrypt(Oaep::<Sha1>::new_with_label(label), cipher),
                HashAlgorithm::Sha256 => key.decrypt(Oaep::<Sha256>::new_with_label(label), cipher),
                HashAlgorithm::Sha384 => key.decrypt(Oaep::<Sha384>::new_with_label(label), cipher),
                HashAlgorithm::Sha512 => key.decrypt(Oaep::<Sha512>::new_with_label(label), cipher),
                other => panic!("{other:?}"),
            };
            return seed.map_err(|_| Why::Integrity);
        }
        let hash = public.name_alg().hash().unwrap();
        let EncryptedSecret::Ecc { x, y } = EncryptedSecret::parse_ecc(encrypted)? else { panic!() };
        let sec1 = [&[4], x, y].concat();
        macro_rules! shared {
            ($curve:ident, $key:expr) => {{
                let point = $curve::PublicKey::from_sec1_bytes(&sec1).map_err(|_| Why::Integrity)?;
                let shared = point.to_projective() * *$key.to_nonzero_scalar();
                let own = $key.public_key().as_affine().x();
                (shared.to_affine().x().to_vec(), own.to_vec())
            }};
        }
        let (z, own) = match self {
            Self::P256(key) => shared!(p256, key),
            Self::P384(key) => shared!(p384, key),
            Self::P521(key) => shared!(p521, key),
            Self::Rsa(_) => unreachable!(),
        };
        let bits = u16::try_from(hash.digest_len() * 8).unwrap();
        Ok(kdf::kdfe(hash, &z, text, x, &own, bits).as_bytes().to_vec())
    }

    /// TPMT_PUBLIC of an endorsement key made of this one: the low-range template's attributes, an empty policy.
    pub(crate) fn ek_public(&self, name_alg: u16, aes_bits: u16) -> Vec<u8> {
        let mut out = Vec::new();
        let rsa = matches!(self, Self::Rsa(_));
        out.extend(if rsa { 0x0001_u16 } else { 0x0023 }.to_be_bytes());
        out.extend(name_alg.to_be_bytes());
        out.extend(0x0003_00b2_u32.to_be_bytes());
        out.extend([0, 0, 0, 6]);
        out.extend(aes_bits.to_be_bytes());
        out.extend([0, 0x43, 0, 0x10]);
        let (curve, coordinates) = match self {
            Self::Rsa(key) => {
                use rsa::traits::PublicKeyParts;
                let modulus = key.n().to_be_bytes_trimmed_vartime();
                out.extend(u16::try_from(modulus.len() * 8).unwrap().to_be_bytes());
                out.extend([0; 4]);
                push(&mut out, &modulus);
                return out;
            }
            Self::P256(key) => (3, point!(key)),
            Self::P384(key) => (4, point!(key)),
            Self::P521(key) => (5, point!(key)),
        };
        out.extend([0, curve, 0, 0x10]);
        coordinates.iter().for_each(|coordinate| push(&mut out, coordinate));
        out
    }
}

pub(crate) fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend(bytes);
}

/// Whether a private key belongs to a public area.
pub(crate) fn belongs(private: &Private, public: &Public<'_>) -> bool {
    use rsa::traits::PublicKeyParts;
    match (private, public.key()) {
        (Private::Rsa(key), Key::Rsa { modulus, .. }) => *key.n().to_be_bytes_trimmed_vartime() == *modulus,
        (Private::P256(key), Key::Ecc { curve: CurveId(3), x, y }) => point!(key) == [x, y],
        (Private::P384(key), Key::Ecc { curve: CurveId(4), x, y }) => point!(key) == [x, y],
        (Private::P521(key), Key::Ecc { curve: CurveId(5), x, y }) => point!(key) == [x, y],
        _ => false,
    }
}

fn hmac(hash: HashAlgorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    fn run<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
    match hash {
        HashAlgorithm::Sha1 => run::<Hmac<Sha1>>(key, parts),
        HashAlgorithm::Sha256 => run::<Hmac<Sha256>>(key, parts),
        HashAlgorithm::Sha384 => run::<Hmac<Sha384>>(key, parts),
        HashAlgorithm::Sha512 => run::<Hmac<Sha512>>(key, parts),
        other => panic!("{other:?}"),
    }
}

/// AES-CFB the other way round.
fn uncfb(key: &[u8], cipher: &[u8]) -> Vec<u8> {
    fn run<C: BlockCipherEncrypt + KeyInit>(key: &[u8], cipher: &[u8]) -> Vec<u8> {
        let aes = C::new_from_slice(key).unwrap();
        let mut register = aes::cipher::Block::<C>::default();
        let mut plain = Vec::new();
        for chunk in cipher.chunks(16) {
            aes.encrypt_block(&mut register);
            plain.extend(chunk.iter().zip(register.iter()).map(|(octet, mask)| octet ^ mask));
            register.iter_mut().zip(chunk).for_each(|(slot, octet)| *slot = *octet);
        }
        plain
    }
    match key.len() {
        16 => run::<aes::Aes128>(key, cipher),
        32 => run::<aes::Aes256>(key, cipher),
        other => panic!("{other}"),
    }
}
