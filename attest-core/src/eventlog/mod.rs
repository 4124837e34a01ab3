//! Event logs: what was extended into the registers, in whose words, and how much of those words is proven.
//!
//! ```text
//! bytes ──tcg──▶ Log ──replay──▶ Replay ──compare (verified registers)──▶ Compared ──coverage──▶ Judged events ──▶ claims
//! ```
//!
//! A log is not evidence. It is the attester's own story, and only one thing in it is held down by a quote: the digests that
//! one register was extended with, and their order *inside that register*. Types, labels, the order between registers,
//! EV_NO_ACTION entries and the digests of banks that were not quoted are free text. So:
//!
//! - everything of an [`Event`] comes out as [`Untrusted`];
//! - a register counts only if replaying the log gives the value that a verified quote gave ([`Outcome::Replayed`]);
//! - data counts only if it is the preimage of a digest in such a register ([`Coverage::Covered`]), and then only the bytes
//!   that were hashed ([`ProvenData`]);
//! - a claim is made of such data and of whole registers, and refused when one event of the register is not understood.

mod boot_chain;
mod cel;
pub mod checks;
mod coverage;
mod header;
mod ima;
mod kinds;
mod loaders;
mod replay;
mod secure_boot;
mod signatures;
mod story;
mod tcg;
#[cfg(test)]
mod tests;
mod untrusted;
mod variables;

pub use boot_chain::BootChain;
pub use cel::{CelJudged, CelLog, CelProven, CelRecord, CelRegister, MAX_CEL, MAX_CEL_RECORDS};
pub use coverage::{Coverage, Judged, ProvenData, Rule};
pub use header::{Bank, MAX_DIGESTS, SpecId};
pub use ima::{
    IMA_REGISTER, ImaHashing, ImaJudged, ImaLog, ImaProven, ImaRecord, ImaReplay, MAX_IMA_LOG,
    MAX_IMA_RECORDS, boot_aggregate,
};
pub use kinds::EventKind;
pub use loaders::{Firmware, GrubLine, Loaded, MemoryEncryption, Section};
pub use replay::{Compared, Outcome, Register, Replay, Unreplayable};
pub use secure_boot::{SecureBoot, State};
pub use signatures::{Signature, Signatures};
pub use story::{Boot, Story};
pub use tcg::{Event, Events, Log, MAX_EVENTS, MAX_LOG, Startup};
pub use untrusted::Untrusted;
pub use variables::Variable;

/// How many registers a PC client TPM has.
pub const REGISTERS: usize = 24;
