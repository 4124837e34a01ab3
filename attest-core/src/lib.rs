//! Verifies the evidence of confidential machines. Sans-IO: bytes, time and collateral come in as arguments, a verdict goes out.
//!
//! ```text
//! bytes ──wire──▶ Report ──verify──▶ Verified<Claims> ──policy──▶ Verdict (Accepted | Rejected), with every finding
//! ```
//!
//! Read `tee/snp` in that order and every other TEE reads the same. Three things hold everywhere:
//!
//! - **Belief has a type.** [`Verified`] comes from one constructor, and [`policy::Accepted`] from one place.
//! - **Nothing is skipped.** No feature, environment variable or argument removes a check. What was not checked, a verdict lists.
//! - **Bad input is a value.** [`error::Malformed`] names the field, the offset, and what stands there; nothing panics, and
//!   [`collateral`], [`evidence`] and [`x509`] state the bounds of what is read.
//!
//! ```
//! # #[cfg(feature = "aws-lc-rs")] {
//! use attest_core::{Context, Evidence, Expect, Store, TrustAnchors, UnixTime, Verifier, crypto};
//! # let bytes: &[u8] = &[];
//! let verifier = Verifier::new();
//! let anchors = TrustAnchors::pinned();
//! let now = UnixTime::since_unix_epoch(core::time::Duration::from_secs(1_790_000_000));
//! let context = Context::new(&crypto::aws_lc_rs::PROVIDER, &anchors, now, Expect::ReportData([7; 64]));
//! let outcome = verifier
//!     .detect(bytes)
//!     .map_err(Into::into)
//!     .and_then(|evidence: Evidence| verifier.verify(&evidence, &Store::new(), &context));
//! assert!(outcome.is_err(), "an empty string is no evidence");
//! # }
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::exhaustive_enums,
        clippy::exhaustive_structs,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cbor;
pub mod checks;
pub mod claims;
pub mod collateral;
mod context;
pub mod cose;
pub mod crypto;
pub mod document;
#[cfg(feature = "json")]
mod encoding;
pub mod error;
pub mod eventlog;
pub mod evidence;
pub mod explain;
#[cfg(feature = "json")]
mod json;
mod json_tree;
pub mod manual;
pub mod policy;
pub mod reader;
pub mod rules;
pub mod tee;
pub mod transition;
pub mod values;
mod verified;
mod verifier;
pub mod x509;

pub use claims::Claims;
pub use collateral::Store;
pub use context::{Context, Expect, TrustAnchors};
pub use error::{Error, Refused};
pub use evidence::{Evidence, Format};
#[cfg(feature = "json")]
pub use json::{refused_to_json, verdict_to_json};
pub use policy::{Policy, Verdict};
pub use rustls_pki_types::UnixTime;
pub use verified::Verified;
pub use verifier::Verifier;
