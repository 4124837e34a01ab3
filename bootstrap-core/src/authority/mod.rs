//! Who may do what: statements and their chain, thresholds, and the rules that give a role (protocol sections 7 and 8).
//!
//! ```text
//! Signed ──chain──▶ PolicyChain (what holds now) ──sets──▶ which sets accept the evidence ──rules──▶ Decision (role, name, rule)
//! ```
//!
//! Belief starts at a genesis, whose hash is the cluster id, and each statement is believed by the authority of the one before. A
//! [`PolicyChain`] is a value: a statement gives a new one or a [`Fault`], and the old one is as it was.
//!
//! A new measurement is admitted by a policy with a `replace` rule, and by nothing else: that rule is the measurement-transition
//! statement of the architecture, and `readmit` is where it counts.
//!
//! Signing keys are elsewhere: [`Draft`] hands out the bytes to be signed and takes signatures in, from a PKCS #11 module or from a key
//! in memory.

mod chain;
mod draft;
mod fault;
mod names;
mod readmit;
mod rescue;
mod rules;
mod sets;
mod signers;
#[cfg(test)]
mod tests;
mod transitions;

pub use chain::{PolicyChain, PolicyTip};
pub use draft::Draft;
pub use fault::Fault;
pub use readmit::{Enrolled, Readmission};
pub use rescue::RescueChain;
pub use rules::{Applicant, Decision};
pub use sets::Acceptance;
pub use transitions::CaChain;
