//! Azure's confidential machines: a virtual TPM inside a paravisor, and a hardware report that vouches for it.
//!
//! ```text
//! HclReport ──wire──▶ hardware report ──tee::snp──▶ policy ──▶ Accepted ──bind_snp──▶ TrustedAk ──tee::vtpm──▶ Verified<Claims>
//!              └────▶ runtime data (JSON: the key) ◀── SHA-256 in REPORT_DATA
//! ```
//!
//! What vouches for which: the hardware report proves the paravisor (MEASUREMENT, ID_KEY_DIGEST and GUEST_SVN are *its*), and
//! that it wrote the runtime data. The runtime data names the attestation key of the TPM that the paravisor runs. So the key is
//! as good as the paravisor, and only a hardware report that a policy accepted vouches for one: a policy that lists the
//! paravisor, by its measurement or its signer, of a guest that cannot be debugged. Both are checked. The guest's own boot is in the registers of the TPM, and in no hardware report.
//!
//! Nobody but the TPM is asked for anything fresh: REPORT_DATA is the paravisor's, and since the key outlives a boot, a report may
//! come from any earlier boot of that machine, with the paravisor and the firmware that it had then. The nonce goes into the
//! quote; [`RuntimeData::user_data`] is a second slot, which [`HclReport::bind_snp`] compares, and which alone makes the report
//! fresh.
//!
//! A TDX machine has a TDREPORT, which only its own chip can tell from a forged one. It is read, and its binding compared, but
//! it vouches for nothing: that takes a TDX quote over the same runtime data.
//!
//! Sources: Microsoft, "Guest attestation for confidential VMs"; AMD 56860; Intel TDX Module ABI, TDREPORT_STRUCT.

pub mod checks;
#[cfg(feature = "json")]
mod runtime;
mod verify;
mod wire;

#[cfg(all(test, feature = "json"))]
mod tests;

#[cfg(feature = "json")]
pub use runtime::{HclAk, HclKey, MAX_RUNTIME_DATA, RuntimeData, Setting};
#[cfg(feature = "json")]
pub use verify::BoundAk;
pub use wire::{HclReport, MAX_HCL_REPORT, ReportType};
