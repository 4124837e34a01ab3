//! The front door: any evidence in, claims out.

use rustls_pki_types::UnixTime;

use crate::claims::Claims;
use crate::collateral::{Needs, Store};
use crate::context::Context;
use crate::error::{Error, Refused, Unsupported};
use crate::evidence::Evidence;
use crate::tee::{TEES, Tee};
use crate::values::Value;
use crate::verified::Verified;

/// Verifies evidence of every TEE that this crate knows.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Verifier;

impl Verifier {
    /// A verifier. It holds no state: what it depends on is in [`Context`] and [`Store`].
    pub const fn new() -> Self {
        Self
    }

    /// Finds out what `bytes` are: an envelope, or the raw form that one of the TEEs' devices makes.
    ///
    /// # Errors
    /// [`Unsupported::Format`] if nobody reads it, [`Error::Malformed`] if somebody does and it is broken.
    pub fn detect(&self, bytes: &[u8]) -> Result<Evidence, Error> {
        // A CBOR map with the envelope's first key and type.
        if bytes.get(1..).is_some_and(|rest| rest.starts_with(b"\x00\x72attestrap/evidence"))
            && matches!(bytes, [0xa6 | 0xa7, ..])
        {
            return Ok(Evidence::from_envelope(bytes)?);
        }
        TEES.iter().find_map(|tee| tee.detect(bytes)).unwrap_or_else(|| {
            Err(Unsupported::Format(Value::bytes(bytes.get(..16).unwrap_or(bytes))).into())
        })
    }

    /// Lists the collateral that verification will want and that neither `evidence` nor `store` has.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the evidence cannot be read.
    pub fn needs(&self, evidence: &Evidence, store: &Store, now: UnixTime) -> Result<Needs, Error> {
        tee(evidence)?.needs(evidence, store, now)
    }

    /// Verifies evidence: chain, signature, endorsement, revocation, freshness.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made and the most telling failure.
    pub fn verify(
        &self,
        evidence: &Evidence,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<Claims>, Refused> {
        tee(evidence)?.verify(evidence, store, context)
    }

    /// Proves chains and CRLs once and remembers them in the store, so that [`Verifier::verify`] costs one signature for
    /// evidence under the same certificates. Nothing is believed sooner: dates, revocation and anchors are looked at again.
    ///
    /// # Errors
    /// [`Refused`], as [`Verifier::verify`].
    pub fn warm(&self, evidence: &Evidence, store: &mut Store, context: &Context<'_>) -> Result<(), Refused> {
        tee(evidence)?.warm(evidence, store, context)
    }
}

fn tee(evidence: &Evidence) -> Result<&'static dyn Tee, Error> {
    TEES.iter()
        .copied()
        .find(|tee| tee.format() == evidence.format)
        .ok_or_else(|| Unsupported::Format(Value::Phrase(evidence.format.id())).into())
}
