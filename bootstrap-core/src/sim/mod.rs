//! A deterministic network of machines: fake hosts, fake links, one fake clock, a plan of faults.
//!
//! One seed and one [`plan::Plan`] are one run. Nothing else is drawn, and nothing is read from the host that runs it: no clock, no
//! file, no entropy. The machines are those that ship; what is fake is around them.
//!
//! ```text
//! World ── Queue (what is to come) ─▶ Host ── Input ─▶ Machine ── Output ─▶ World ─▶ Queue
//!                                      └ Devices, Ring, Memory: disk, register, keys, what a process knows
//! ```
//!
//! An operator makes a cluster of one node, and three others join it, over a network that loses and delays, with hosts that crash:
//!
//! ```
//! use bootstrap_core::sim::cast::{Cast, Casting};
//! use bootstrap_core::sim::{plan::Plan, trace::Trace};
//!
//! let run = |seed| {
//!     let mut cast = Cast::new(seed, Plan::rough(), Trace::whole(), Casting::of(3, 1));
//!     assert!(cast.settle(3_000));
//!     assert_eq!(cast.broken(), Vec::new());
//!     cast.world.trace
//! };
//! let trace = run(7);
//! assert_eq!(trace.digest(), run(7).digest());
//! assert!(trace.to_mermaid(|host| format!("host {}", host.number())).contains("Grant 2"));
//! ```

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a fake host, a liar and a judge of traces name what they know of, and everything else is as it was"
)]

pub mod cast;
mod channel;
pub mod clock;
pub mod device;
pub mod entropy;
mod gate;
pub mod host;
pub mod invariant;
pub mod law;
mod lie;
pub mod net;
pub mod plan;
pub mod programs;
pub mod ring;
pub mod store;
pub mod symbol;
pub mod trace;
mod work;
pub mod world;

#[cfg(test)]
mod tests;
