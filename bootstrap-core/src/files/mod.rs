//! The files of operators and custodians (protocol section 3), as bytes: what is written where, with which mode, is the host's.
//!
//! JSON, UTF-8, hexadecimal for bytes, one object, `format` first. A reader keeps what it does not know and writes it back; a higher
//! minor version is read, a higher major one is refused. Secrets go from the text straight into a [`Secret`] and back: no string of
//! ours holds one without being cleared.
//!
//! [`Secret`]: crate::keys::Secret

pub mod constellation;
mod error;
mod json;
mod master;
mod root;
mod share;
mod state;
#[cfg(test)]
mod tests;
mod yaml;

pub use error::FileError;
pub use json::{Kept, MAX_FILE};
pub use master::{EpochState, MasterEpoch, MasterFile, Material, OperatorSource};
pub use root::{RootFile, RootKind};
pub use share::ShareFile;
pub use state::{Bound, Floors, MemberEntry, Phase, StateFile};
