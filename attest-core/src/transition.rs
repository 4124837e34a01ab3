//! Measurement transitions: a signed word that machines of one set of reference values may give way to machines of another, until a
//! time.
//!
//! A set is named by a digest; whoever writes statements says over what. The form is one payload in the strict CBOR of this crate,
//! in a COSE_Sign with one ES256 signature, whose key id is SHA-256 of the key's SubjectPublicKeyInfo:
//!
//! ```text
//! transition = { 0: tstr .size (1..256), 1: bstr .size 32, 2: bstr .size 32, 3: uint, 4: uint }
//!                series                  from              to                not before, not after: Unix seconds, both included
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use crate::cbor::{Decoder, Encoder, strict};
use crate::cose::{Sign, Signer};
use crate::crypto::{CryptoProvider, Curve, HashAlgorithm, SignatureAlgorithm};
use crate::error::{Malformed, Problem, Unsupported};
use crate::x509::PublicKey;

/// The largest statement, signed, in bytes.
pub const MAX_STATEMENT: usize = 1024;

/// The longest name of a series, in bytes.
pub const MAX_SERIES: usize = 256;

/// What the payload is.
pub const CONTENT_TYPE: &str = "application/attestrap-transition+cbor";

const STRUCTURE: &str = "transition";

/// ES256 (RFC 9053, 2.1).
const ES256: i64 = -7;

/// Which set may give way to which. Nothing says yet that anybody means it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The series of documents that the sets belong to.
    pub series: String,
    /// The set that machines have.
    pub from: [u8; 32],
    /// The set that they may have next.
    pub to: [u8; 32],
    /// The first second of the transition.
    pub not_before: u64,
    /// The last second.
    pub not_after: u64,
}

/// Why a statement permits nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransitionError {
    /// Not a statement, or not in its one form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It ends before it begins, or names one set twice.
    #[error("the statement contradicts itself")]
    Contradiction,
    /// The key is not one of those given.
    #[error("signed with a key that is not one of those given")]
    OtherKey,
    /// The statement is about another series.
    #[error("about another series than the one asked for")]
    OtherSeries,
    /// It is not valid now.
    #[error("valid from {not_before} to {not_after}, and it is {now}")]
    OutsideWindow {
        /// The first second.
        not_before: u64,
        /// The last second.
        not_after: u64,
        /// When it was asked.
        now: u64,
    },
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// Nothing here can tell.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// A transition that a trusted key signed, at a time at which it was valid. There is no other way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Permitted(Transition);

impl Permitted {
    /// The transition.
    pub const fn transition(&self) -> &Transition {
        &self.0
    }

    /// Whether a machine of the set `from` may give way to one of the set `to` at `now`. The time is asked again, because a verified
    /// statement may be kept for long.
    pub fn allows(&self, from: &[u8; 32], to: &[u8; 32], now: UnixTime) -> bool {
        self.0.from == *from && self.0.to == *to && self.0.holds_at(now)
    }
}

impl Transition {
    /// A transition.
    ///
    /// # Errors
    /// [`TransitionError::Contradiction`] for an empty or long series, one set twice, or an end before the beginning.
    pub fn new(
        series: &str,
        from: [u8; 32],
        to: [u8; 32],
        not_before: u64,
        not_after: u64,
    ) -> Result<Self, TransitionError> {
        let series_fits = (1..=MAX_SERIES).contains(&series.len());
        match series_fits && from != to && not_before <= not_after {
            true => Ok(Self { series: series.into(), from, to, not_before, not_after }),
            false => Err(TransitionError::Contradiction),
        }
    }

    fn holds_at(&self, now: UnixTime) -> bool {
        (self.not_before..=self.not_after).contains(&now.as_secs())
    }

    /// The payload.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        self.encode(&mut out);
        out.into_bytes()
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.map(5).uint(0).text(&self.series).uint(1).bytes(&self.from).uint(2).bytes(&self.to);
        out.uint(3).uint(self.not_before).uint(4).uint(self.not_after);
    }

    fn parse(bytes: &[u8]) -> Result<Self, TransitionError> {
        let read = strict(STRUCTURE, bytes, MAX_STATEMENT, Self::decode, Self::encode)?;
        Self::new(&read.series, read.from, read.to, read.not_before, read.not_after)
    }

    fn decode(r: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let digest = |r: &mut Decoder<'_>, field| {
            let here = r.clone();
            let bytes = r.bytes(field)?;
            bytes.try_into().map_err(|_| here.malformed(field, Problem::Encoding("not 32 bytes")))
        };
        r.map(STRUCTURE, 5)?;
        r.key("series", 0)?;
        let series = r.text("series")?.into();
        r.key("from", 1)?;
        let from = digest(r, "from")?;
        r.key("to", 2)?;
        let to = digest(r, "to")?;
        r.key("not before", 3)?;
        let not_before = r.uint("not before")?;
        r.key("not after", 4)?;
        let not_after = r.uint("not after")?;
        Ok(Self { series, from, to, not_before, not_after })
    }

    /// What the holder of the key with this id signs: ECDSA on P-256 with SHA-256.
    pub fn bytes_to_sign(&self, key_id: &[u8; 32]) -> Vec<u8> {
        let payload = self.to_bytes();
        let signer = Signer { algorithm: ES256, key_id, signature: &[] };
        Sign { content_type: CONTENT_TYPE, payload: &payload, signers: Vec::new() }.signed_bytes(&signer, &[])
    }

    /// The statement, with a signature over [`Transition::bytes_to_sign`]: r, then s, 32 bytes each.
    pub fn to_statement(&self, key_id: &[u8; 32], signature: &[u8; 64]) -> Vec<u8> {
        let payload = self.to_bytes();
        let signer = Signer { algorithm: ES256, key_id, signature };
        Sign { content_type: CONTENT_TYPE, payload: &payload, signers: Vec::from([signer]) }.to_bytes()
    }

    /// Verifies a statement about `series` that one of `keys` signed, each a SubjectPublicKeyInfo of P-256 in DER.
    ///
    /// # Errors
    /// [`TransitionError`]. Nothing that a statement says is believed before its signature is.
    pub fn verify(
        statement: &[u8],
        series: &str,
        keys: &[&[u8]],
        now: UnixTime,
        provider: &CryptoProvider,
    ) -> Result<Permitted, TransitionError> {
        let sign = Sign::parse(STRUCTURE, statement, MAX_STATEMENT, CONTENT_TYPE, 1)?;
        let [signer] = sign.signers.as_slice() else { return Err(TransitionError::Signature) };
        let mut signed = Err(TransitionError::OtherKey);
        for spki in keys {
            let id = provider.digest(HashAlgorithm::Sha256, &[spki])?;
            if id.as_bytes() != signer.key_id {
                continue;
            }
            let key = PublicKey::parse(spki)?;
            if signer.algorithm != ES256 || key.curve() != Some(Curve::P256) {
                return Err(TransitionError::Signature);
            }
            let (algorithm, message) = (SignatureAlgorithm::EcdsaP256Sha256, sign.signed_bytes(signer, &[]));
            let outcome = provider.verify(algorithm, key.as_bytes(), &message, signer.signature)?;
            signed = outcome.map_err(|_| TransitionError::Signature);
            break;
        }
        signed?;
        let transition = Self::parse(sign.payload)?;
        if transition.series != series {
            return Err(TransitionError::OtherSeries);
        }
        match transition.holds_at(now) {
            true => Ok(Permitted(transition)),
            false => Err(TransitionError::OutsideWindow {
                not_before: transition.not_before,
                not_after: transition.not_after,
                now: now.as_secs(),
            }),
        }
    }
}
