//! TPM 2.0: quotes, attestation keys and event logs, of discrete, firmware and cloud-operated TPMs alike.
//!
//! ```text
//! TpmEvidence ──wire──▶ Attest, Signature, Public ──verify──▶ Verified<Claims> (VerifiedPcrs, LogClaims) ──policy──▶ Verdict
//! ```
//!
//! A quote proves that some key signed some registers. It counts once something vouches for the key ([`AkPath`]), and then
//! only the registers that it covers come out ([`VerifiedPcrs`]). An event log proves nothing by itself: see [`eventlog`].
//!
//! Sources: TCG TPM 2.0 Library, Parts 1 to 3; PC Client Platform Firmware Profile; EK Credential Profile.

mod algorithm;
mod anchors;
mod body;
pub mod certify;
pub mod checks;
mod claims;
pub mod creation;
#[cfg(feature = "credential")]
pub mod credential;
mod ek_certificate;
#[cfg(all(test, feature = "credential"))]
mod ek_tests;
mod endorsement;
pub use crate::eventlog;
mod gce;
mod judge;
mod key;
mod key_certificate;
mod log;
mod pcr;
pub mod pcrsig;
pub mod policy;
mod public;
mod revocation;
mod signature;
pub mod signed;
pub(crate) mod template;
#[cfg(test)]
mod tests;
mod verify;
mod wire;

pub use algorithm::AlgorithmId;
pub use anchors::{AkPath, Anchors, TpmKind, TrustedAk};
pub use body::{AttestationKey, MAX_QUOTES, MAX_VALUES, TpmEvidence, TpmQuote};
pub use claims::{CertificateClaims, Claims, Revocation};
pub use ek_certificate::{EkCertificate, EkClaims, EkIdentity};
pub use gce::{GCE_INSTANCE_ID, GceInfo, GceInstance};
pub use key_certificate::{KeyCertificate, KeyPurpose};
pub use log::{BankClaims, LogClaims, compare};
pub use pcr::{PcrValue, VerifiedPcrs};
pub use policy::Policy;
pub use public::{Attributes, CurveId, Hierarchy, Key, Name, Public, Scheme, Symmetric};
pub use signature::{Signature, SignatureValue};
pub use wire::{
    Attest, Attested, ClockInfo, MAGIC, MAX_ATTEST, MAX_SELECTIONS, Selection, TYPE_CERTIFY, TYPE_CREATION,
    TYPE_QUOTE,
};

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use crate::collateral::{Need, NeedKind, Needs, Store};
use crate::context::Context;
use crate::error::{Error, Refused};
use crate::evidence::{Evidence, Format};
use crate::tee::Tee;
use crate::verified::Verified;

/// What this verifier does not look at, and why. Every verdict lists it.
pub const NOT_CHECKED: &[(&str, &str)] = &[
    ("who runs the TPM", "a quote cannot tell a chip from software; `root` says what vouches for the key"),
    (
        "event types, labels and the order between registers",
        "no register covers them; only digests and their order inside one register are proven",
    ),
    ("registers 16 and 23", "whoever may talk to the TPM can set them back"),
    ("banks that were not quoted", "their digests in a log are free text"),
    (
        "banks that firmware does not extend",
        "a guest can extend them as it likes (CVE-2021-42299); allow only banks that the machine's firmware extends",
    ),
    (
        "whose Secure Boot keys",
        "`secure_boot` says that something was verified, not by whose keys; register 7 does",
    ),
    (
        "revocation where no list was supplied",
        "most clouds serve none for attestation keys; the claim `revocation` says whether it was looked up",
    ),
    (
        "the machine around the TPM",
        "a discrete TPM can be carried to another machine, or its bus be spoken for",
    ),
];

/// The TPM line as the verifier sees it.
pub(crate) struct Vtpm;

impl Tee for Vtpm {
    fn format(&self) -> Format {
        Format::Vtpm
    }

    fn detect(&self, bytes: &[u8]) -> Option<Result<Evidence, Error>> {
        bytes.starts_with(body::PREFIX).then(|| Ok(Evidence::new(Format::Vtpm, bytes.to_vec())))
    }

    /// A key's certificate comes with the evidence or from the cloud's metadata: there is no address to fetch it from.
    fn needs(&self, evidence: &Evidence, store: &Store, _now: UnixTime) -> Result<Needs, Error> {
        TpmEvidence::parse(&evidence.bytes)?;
        let mut certificates = evidence.carried.certificates().chain(store.supplied().certificates());
        if certificates.next().is_some() {
            return Ok(Needs::default());
        }
        let why = "the attestation key's certificate; the machine that quotes has it. Not needed for a key that is pinned";
        let kind = NeedKind::EndorsementKey;
        let need = Need { kind, url: String::new(), chain_header: "", why, required: false };
        Ok(Needs(Vec::from([need])))
    }

    fn verify(
        &self,
        evidence: &Evidence,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<crate::claims::Claims>, Refused> {
        let parts = body::Parts::parse(&evidence.bytes)?;
        parts.verify_as(&evidence.carried, store, context, |claims| {
            crate::claims::Claims::Vtpm(Box::new(claims))
        })
    }

    /// Nothing is remembered: a quote's own signature is the dearest part of it.
    fn warm(&self, evidence: &Evidence, _store: &mut Store, _context: &Context<'_>) -> Result<(), Refused> {
        TpmEvidence::parse(&evidence.bytes).map(drop).map_err(Refused::from)
    }
}
