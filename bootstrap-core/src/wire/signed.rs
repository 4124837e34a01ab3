//! A signed statement as it travels: COSE_Sign of attest-core's strict layer.

use attest_core::cbor::{Decoder, Encoder};
use attest_core::cose::{Sign, Signer};
use attest_core::error::{Malformed, Problem};
use attest_core::reader::Reader;

use super::error::Error;
use super::field::{Field, List, bounds};
use super::identity::Algorithm;
use super::string::StatementPayload;
use crate::ids::KeyId;

/// What the payload is (body-header).
const CONTENT_TYPE: &str = "application/attestrap-statement+cbor";

/// The most signatures of one statement: as many as there may be operators, or these and two keys of the CA.
const MAX_SIGNATURES: usize = 10;

/// The largest statement with its signatures, in bytes: the payload, and less than 128 for each signature.
const MAX_SIGNED: usize = StatementPayload::MAX + 2048;

/// A statement with its signatures. Nothing in it is believed before [`crate::authority`] has looked at it.
///
/// All of its encoding is fixed, so what is written again is what was received.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a COSE_Sign of the protocol's first version")]
pub struct Signed {
    /// The statement as bytes: what is hashed and, inside the Sig_structure, signed.
    pub payload: StatementPayload,
    /// The signatures.
    pub signatures: List<Signature, 1, MAX_SIGNATURES>,
}

/// One signature, of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a COSE_Signature of the protocol's first version")]
pub struct Signature {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Who made it.
    pub key: KeyId,
    /// The signature: for P-256 r, then s.
    pub bytes: [u8; 64],
}

impl Signed {
    /// The bytes of a statement file, and of its byte string in a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.cose().to_bytes()
    }

    /// Reads what [`Signed::to_bytes`] writes.
    ///
    /// # Errors
    /// [`Error`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::read(bytes)?)
    }

    /// What a key of this id signs in this algorithm: the Sig_structure of RFC 9052, 4.4.
    pub fn signed_bytes(payload: &StatementPayload, algorithm: Algorithm, key: KeyId) -> Vec<u8> {
        let signer = Signer { algorithm: algorithm.cose(), key_id: key.as_bytes(), signature: &[] };
        let whole = Sign { content_type: CONTENT_TYPE, payload: payload.as_bytes(), signers: vec![signer] };
        whole.signed_bytes(&signer, EXTERNAL_AAD)
    }

    fn cose(&self) -> Sign<'_> {
        let signers = self.signatures.iter().map(|signature| Signer {
            algorithm: signature.algorithm.cose(),
            key_id: signature.key.as_bytes(),
            signature: &signature.bytes,
        });
        Sign { content_type: CONTENT_TYPE, payload: self.payload.as_bytes(), signers: signers.collect() }
    }
}

/// What the signatures are over beside the statement: no signature made for another use of a key is one of these.
const EXTERNAL_AAD: &[u8] = b"attestrap/1";

impl Signed {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = |field, problem| Reader::new("signed", bytes).malformed(field, problem);
        let sign = Sign::parse("signed", bytes, MAX_SIGNED, CONTENT_TYPE, MAX_SIGNATURES)?;
        let mut signatures = Vec::new();
        for signer in &sign.signers {
            signatures.push(Signature::of(signer).map_err(|problem| malformed("signature", problem))?);
        }
        let payload = StatementPayload::new(sign.payload.to_vec())
            .map_err(|_| malformed("payload", bounds(1, StatementPayload::MAX, sign.payload.len())))?;
        let signatures = List::new(signatures).map_err(|_| malformed("signatures", Problem::Absent))?;
        Ok(Self { payload, signatures })
    }
}

impl Signature {
    fn of(signer: &Signer<'_>) -> Result<Self, Problem> {
        let algorithm = Algorithm::from_cose(signer.algorithm).ok_or(Problem::Type("EdDSA or ES256"))?;
        let key = signer.key_id.try_into().map_err(|_| bounds(8, 8, signer.key_id.len()))?;
        let bytes = signer.signature.try_into().map_err(|_| bounds(64, 64, signer.signature.len()))?;
        Ok(Self { algorithm, key: KeyId::new(key), bytes })
    }
}

impl Field for Signed {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.bytes(&self.to_bytes());
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Self::read(decoder.bytes(field)?)
    }
}
