//! Makes a cluster of machines that attest-core believes: keys, attested channel, and the machines that initialise, join, rejoin and
//! recover. Sans-IO: inputs and time come in as arguments, messages and actions go out.
//!
//! ```text
//! bytes ──channel──▶ Message ──machine──▶ Action | Message ──channel──▶ bytes
//! ```
//!
//! A host drives one [`engine::Engine`], whose page has an example of a whole init and join.
//!
//! The contract is `protocol.md` beside this crate: its section numbers are the ones that comments cite.

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

pub mod authority;
pub mod channel;
pub mod engine;
pub mod error;
pub mod files;
pub mod ids;
pub mod keyring;
pub mod keys;
pub mod machine;
pub mod peer;
#[cfg(feature = "sim")]
pub mod sim;
pub mod ticket;
pub mod time;
pub mod wire;
