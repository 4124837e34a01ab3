//! Reference values: what a machine that may be believed looks like, who says so, and since when. Sans-IO: all inputs are bytes.
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

mod document;
pub mod error;
pub mod formats;
pub mod merge;
pub mod policy;
pub mod reference;
pub mod trust;
pub mod update;

pub use document::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
