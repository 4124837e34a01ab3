//! One folder a TEE, the same file names in each: `wire` (shape), `endorsement` (whose key), `verify` (belief), `claims`
//! (what is vouched for), `policy` (judgement), `checks` (every check by name).
//!
//! A composite (`azure`) ties evidence of several TEEs together, and says which part vouches for which. Only composites may use
//! the other folders.
//!
//! To add one: make the folder, add it to `TEES` here and to [`Claims`], [`Format`] and `Policy`, and give it vectors.

use rustls_pki_types::UnixTime;

use crate::claims::Claims;
use crate::collateral::{Needs, Store};
use crate::context::Context;
use crate::error::{Error, Refused};
use crate::evidence::{Evidence, Format};
use crate::verified::Verified;

pub mod azure;
pub mod nitro;
pub mod snp;
pub mod tdx;
#[cfg(test)]
pub(crate) mod testing;
pub mod vtpm;

/// What every TEE offers to [`crate::Verifier`].
pub(crate) trait Tee: Sync {
    /// Which format it reads.
    fn format(&self) -> Format;

    /// Evidence in the raw form of the device; `None` if `bytes` are not this TEE's.
    fn detect(&self, bytes: &[u8]) -> Option<Result<Evidence, Error>>;

    /// Which collateral is missing.
    fn needs(&self, evidence: &Evidence, store: &Store, now: UnixTime) -> Result<Needs, Error>;

    /// The whole verify line.
    fn verify(
        &self,
        evidence: &Evidence,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<Claims>, Refused>;

    /// Proves what can be proven without the evidence's own signature, and remembers it.
    fn warm(&self, evidence: &Evidence, store: &mut Store, context: &Context<'_>) -> Result<(), Refused>;
}

/// The TEEs, in the order in which raw bytes are offered to them.
pub(crate) static TEES: &[&dyn Tee] = &[&snp::Snp, &vtpm::Vtpm, &tdx::Tdx, &nitro::Nitro];
