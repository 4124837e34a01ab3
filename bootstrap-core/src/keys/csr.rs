//! Certificate requests (PKCS #10, RFC 2986), as bare as they can be: a key and the proof that one has it (protocol section 7).

use der::asn1::BitStringRef;
use der::{AnyRef, Decode, Encode, Reader, SliceReader, Tag, Tagged};
use ed25519_dalek::VerifyingKey as Ed25519Key;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey};
use zeroize::Zeroizing;

use super::ca::{encoding, scalar};
use super::error::KeyError;
use super::public_key::PublicKey;

/// The largest request that is read. A bare one has under 250 bytes.
pub const MAX_CSR: usize = 8192;

/// Version 1, as an INTEGER of PKCS #10.
const VERSION: &[u8] = b"\x02\x01\x00";
/// A subject without attributes.
const NO_SUBJECT: &[u8] = b"\x30\x00";
/// `[0] IMPLICIT SET OF Attribute` without members. Requested extensions would stand here.
const NO_ATTRIBUTES: &[u8] = b"\xa0\x00";
/// SubjectPublicKeyInfo up to the key (RFC 5480, 2.1.1; RFC 8410, 4).
const P256_SPKI: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const ED25519_SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// AlgorithmIdentifiers without parameters (RFC 5758, 3.2; RFC 8410, 3).
const ECDSA_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

/// What is wrong with a request. The peer is told code 31 for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrFault {
    /// The signature algorithm is not the one of the key.
    #[error("signed with another algorithm than its key has")]
    Algorithm,
    /// It asks for attributes, which extensions are among.
    #[error("it has attributes; all content is the service's")]
    Attributes,
    /// Not the DER of a request, at this field.
    #[error("{0}: not the DER of a request")]
    Form(&'static str),
    /// A key that is neither P-256, uncompressed, nor Ed25519.
    #[error("its key is neither P-256 nor Ed25519")]
    Key,
    /// Bytes are left over, in the whole or inside.
    #[error("{0}: bytes are left over")]
    LeftOver(&'static str),
    /// Its own key did not sign it.
    #[error("its own key did not sign it")]
    Signature,
    /// It names a subject.
    #[error("it names a subject; all content is the service's")]
    Subject,
    /// More bytes than [`MAX_CSR`].
    #[error("at most {MAX_CSR} bytes, got {0}")]
    TooLarge(usize),
    /// Another version than 1.
    #[error("another version than 1")]
    Version,
}

/// A request that was checked: its key signed it, and it asks for nothing. There is one origin, [`CheckedCsr::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCsr {
    key: PublicKey,
    spki: Vec<u8>,
}

impl CheckedCsr {
    /// Reads a request and checks all of it: form, key, signature over the bytes received, and that there is nothing else.
    ///
    /// # Errors
    /// [`CsrFault`].
    pub fn check(bytes: &[u8]) -> Result<Self, CsrFault> {
        if bytes.len() > MAX_CSR {
            return Err(CsrFault::TooLarge(bytes.len()));
        }
        let mut whole = only_sequence("request", bytes)?;
        let signed = whole.tlv_bytes().map_err(|_| CsrFault::Form("certificationRequestInfo"))?;
        let algorithm = whole.tlv_bytes().map_err(|_| CsrFault::Form("signatureAlgorithm"))?;
        let signature = BitStringRef::decode(&mut whole).ok().and_then(|bits| bits.as_bytes());
        let signature = signature.ok_or(CsrFault::Form("signature"))?;
        whole.finish().map_err(|_| CsrFault::LeftOver("request"))?;

        let mut info = only_sequence("certificationRequestInfo", signed)?;
        let mut field = |name| info.tlv_bytes().map_err(|_| CsrFault::Form(name));
        let (version, subject) = (field("version")?, field("subject")?);
        let (spki, attributes) = (field("subjectPKInfo")?, field("attributes")?);
        info.finish().map_err(|_| CsrFault::LeftOver("certificationRequestInfo"))?;
        if version != VERSION {
            return Err(CsrFault::Version);
        }
        if subject != NO_SUBJECT {
            return Err(CsrFault::Subject);
        }
        if attributes != NO_ATTRIBUTES {
            return Err(CsrFault::Attributes);
        }
        let key = public_key(spki).ok_or(CsrFault::Key)?;
        verify(&key, algorithm, signed, signature)?;
        Ok(Self { key, spki: spki.to_vec() })
    }

    /// The key that asks.
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Its SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

/// The key of a node's certificate: drawn at each boot, kept in memory only.
pub struct NodeKey(SigningKey);

impl NodeKey {
    /// How many random bytes make a key.
    pub const ENTROPY: usize = 48;

    /// The P-256 key of these random bytes. The caller's own are the caller's to clear.
    ///
    /// # Errors
    /// [`KeyError::Zero`] if all of them are zero.
    pub fn make(entropy: &[u8; Self::ENTROPY]) -> Result<Self, KeyError> {
        if *entropy == [0; Self::ENTROPY] {
            return Err(KeyError::Zero { what: "node key" });
        }
        Ok(Self(SigningKey::from(&scalar(entropy)?)))
    }

    /// The request for its certificate.
    ///
    /// # Errors
    /// [`KeyError::Terms`] if it cannot be encoded.
    pub fn request(&self) -> Result<Vec<u8>, KeyError> {
        let failed = |_| encoding("certificate request");
        let spki = self.0.verifying_key().to_public_key_der().map_err(|_| encoding("public key"))?;
        let content = [VERSION, NO_SUBJECT, spki.as_bytes(), NO_ATTRIBUTES].concat();
        let info = sequence(&content).map_err(failed)?;
        let signature: DerSignature = self.0.sign(&info);
        let signature = BitStringRef::from_bytes(signature.as_bytes()).and_then(|bits| bits.to_der());
        let content = [info.as_slice(), ECDSA_SHA256, &signature.map_err(failed)?].concat();
        sequence(&content).map_err(failed)
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        let point = self.0.verifying_key().to_sec1_point(false);
        PublicKey::P256(*point.as_bytes().first_chunk().unwrap_or(&[0; 65]))
    }

    /// The private key as PKCS #8, for the TLS stack. Cleared when dropped.
    ///
    /// # Errors
    /// [`KeyError::Terms`] if it cannot be encoded.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.0.to_pkcs8_der().map_err(|_| encoding("private key"))?;
        Ok(document.to_bytes())
    }
}

/// The key in a SubjectPublicKeyInfo of one of our two kinds; whether it is a point, its use shows.
pub(super) fn public_key(spki: &[u8]) -> Option<PublicKey> {
    if let Some(point) = spki.strip_prefix(P256_SPKI) {
        return point.first_chunk().filter(|_| point.len() == 65).copied().map(PublicKey::P256);
    }
    let key = spki.strip_prefix(ED25519_SPKI)?;
    key.first_chunk().filter(|_| key.len() == 32).copied().map(PublicKey::Ed25519)
}

fn verify(key: &PublicKey, algorithm: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CsrFault> {
    match key {
        PublicKey::P256(_) if algorithm != ECDSA_SHA256 => Err(CsrFault::Algorithm),
        PublicKey::Ed25519(_) if algorithm != ED25519 => Err(CsrFault::Algorithm),
        PublicKey::P256(point) => {
            let key = VerifyingKey::from_sec1_bytes(point).map_err(|_| CsrFault::Key)?;
            let signature = DerSignature::try_from(signature).map_err(|_| CsrFault::Signature)?;
            key.verify(message, &signature).map_err(|_| CsrFault::Signature)
        }
        PublicKey::Ed25519(bytes) => {
            let key = Ed25519Key::from_bytes(bytes).map_err(|_| CsrFault::Key)?;
            let signature =
                ed25519_dalek::Signature::from_slice(signature).map_err(|_| CsrFault::Signature)?;
            // Strict: a key of small order signs everything.
            key.verify_strict(message, &signature).map_err(|_| CsrFault::Signature)
        }
    }
}

/// A reader over the content of the one SEQUENCE that `bytes` are.
fn only_sequence<'a>(what: &'static str, bytes: &'a [u8]) -> Result<SliceReader<'a>, CsrFault> {
    let form = |_: der::Error| CsrFault::Form(what);
    let mut reader = SliceReader::new(bytes).map_err(form)?;
    let sequence = AnyRef::decode(&mut reader).map_err(form)?;
    sequence.tag().assert_eq(Tag::Sequence).map_err(form)?;
    reader.finish().map_err(|_| CsrFault::LeftOver(what))?;
    SliceReader::new(sequence.value()).map_err(form)
}

fn sequence(content: &[u8]) -> der::Result<Vec<u8>> {
    AnyRef::new(Tag::Sequence, content)?.to_der()
}
