//! Intel TDX: quotes of versions 4 and 5 over TD reports 1.0, 1.5 and 1.5 extended.
//!
//! ```text
//! Quote ──wire──▶ TdReport, QeReport ──verify (TCB info, QE identity, CRLs)──▶ Verified<Claims> ──policy──▶ Verdict
//! ```
//!
//! A quote proves little by itself. Intel's root certifies the platform's key (PCK), that key the quoting enclave, the enclave an
//! attestation key, and that key the TD. Whether any of them is still to be trusted, Intel says elsewhere, in signed statements:
//! [`Collateral::check`] looks at them apart from any quote.
//!
//! Sources: Intel TDX DCAP Quoting Library API, appendix A; Intel SGX PCK Certificate and CRL Profile; Intel Provisioning
//! Certification Service, version 4; Intel TDX Module ABI.

mod anchors;
mod body;
pub mod checks;
mod claims;
mod collateral;
mod endorsement;
mod judge;
mod log;
mod needs;
mod pck;
pub mod policy;
mod report;
mod revocation;
mod statement;
mod tcb;
mod verify;
mod wire;

#[cfg(test)]
mod tests;

pub use anchors::Anchors;
pub use body::TdxEvidence;
pub use claims::{Claims, Tcb, Trailer};
pub use collateral::Collateral;
pub use endorsement::Endorsement;
pub use log::LogClaims;
pub use pck::Pck;
pub use policy::{ExceptionName, Policy, TcbException};
pub use report::{Extended, TdReport};
pub use tcb::{Level, TcbStatus};
pub use wire::{MAX_QUOTE, MAX_TRAILER, QeReport, Quote};

use alloc::boxed::Box;

use rustls_pki_types::UnixTime;

use crate::collateral::{Needs, Store};
use crate::context::Context;
use crate::error::{Error, Refused};
use crate::evidence::{Evidence, Format};
use crate::tee::Tee;
use crate::verified::Verified;

/// What this verifier does not look at, and why. Every verdict lists it.
pub const NOT_CHECKED: &[(&str, &str)] = &[
    (
        "physical attacks",
        "a quote cannot show an interposer on the memory bus (WireTap, Battering RAM, TEE.fail)",
    ),
    (
        "key extraction",
        "whoever has a machine's attestation key signs any quote for it, and its TCB status does not show it; list machines",
    ),
    ("whose machine", "any genuine machine with the same image passes unless platform instances are listed"),
    (
        "MRCONFIGID, MROWNER and MROWNERCONFIG",
        "they are the host's word at launch; the guest must hold them against what it does",
    ),
    ("MRTD behind a paravisor", "on Azure MRTD is the paravisor's; the guest's boot is in its virtual TPM"),
    ("the extended form of report 1.5", "its fields on devices and service TDs are shown and not judged"),
    (
        "event types and labels",
        "no register covers them; only digests and their order inside one register are proven",
    ),
    ("bytes behind the quote", "nobody signed them; their number and whether they are zero are claims"),
    ("who runs the host", "a PCK certificate names no owner"),
];

/// The TDX line as the verifier sees it.
pub(crate) struct Tdx;

impl Tee for Tdx {
    fn format(&self) -> Format {
        Format::Tdx
    }

    /// A quote, by its TEE type or by Intel's quoting enclave, or a map of ours. Zeros behind a quote are left where they are.
    fn detect(&self, bytes: &[u8]) -> Option<Result<Evidence, Error>> {
        if bytes.starts_with(body::PREFIX) {
            return Some(Ok(Evidence::new(Format::Tdx, bytes.to_vec())));
        }
        let version = bytes.first_chunk().copied().map(u16::from_le_bytes)?;
        let tee = bytes.get(4..8) == Some(&[0x81, 0, 0, 0]);
        let vendor = bytes.get(12..28) == Some(&wire::INTEL_QE);
        if !(3..=15).contains(&version) || !(tee || vendor) {
            return None;
        }
        // One that cannot be read is kept whole, so that it is told what is wrong with it.
        let kept = Quote::parse(bytes).ok().filter(|quote| quote.trailer().iter().all(|octet| *octet == 0));
        let kept = kept.map_or(bytes, |quote| quote.as_bytes());
        Some(Ok(Evidence::new(Format::Tdx, kept.to_vec())))
    }

    fn needs(&self, evidence: &Evidence, store: &Store, now: UnixTime) -> Result<Needs, Error> {
        needs::list(evidence, store, now)
    }

    fn verify(
        &self,
        evidence: &Evidence,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<crate::claims::Claims>, Refused> {
        let parts = body::Parts::parse(&evidence.bytes)?;
        let verified =
            Quote::parse(parts.quote)?.verify(parts.event_log, &evidence.carried, store, context)?;
        Ok(verified.map(|claims| crate::claims::Claims::Tdx(Box::new(claims))))
    }

    fn warm(&self, evidence: &Evidence, store: &mut Store, context: &Context<'_>) -> Result<(), Refused> {
        let parts = body::Parts::parse(&evidence.bytes)?;
        collateral::warm(&Quote::parse(parts.quote)?, &evidence.carried, store, context)
    }
}
