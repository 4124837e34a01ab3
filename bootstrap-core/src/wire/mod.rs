//! Messages as bytes: deterministic CBOR, frames, limits (protocol section 4).
//!
//! One struct for each rule of `protocol.cddl`, which is the contract. A value that exists can be written: what a rule forbids, its type
//! cannot hold, so that writing never fails and reading is the one place where a peer is refused.
//!
//! - A map of a rule is a struct made by `record!`, whose numbers are the keys.
//! - Where a rule says `bstr .cbor x` and x may grow, the bytes as received stand beside the value ([`Encoded`]): hashes are over those.
//! - Unknown keys of zero or more are skipped, unknown negative keys are refused ([`Error::code`] 13).
//! - Secrets are [`crate::keys::Secret`]: a message with one in it is not copied and not shown, and its bytes are cleared.

mod claims;
mod error;
mod field;
mod frame;
mod grant;
mod handshake;
mod identity;
mod message;
mod number;
mod record;
mod share;
mod signed;
mod statement;
mod string;
#[cfg(test)]
mod tests;

pub use claims::{
    AuthorClaims, Claims, Enrolment, Floors, InitClaims, JoinClaims, NodeClaims, RecoverClaims, RejoinClaims,
    RenewClaims, ServiceClaims,
};
pub use error::Error;
pub use field::{Encoded, Field, List};
pub use frame::{Frame, FrameKind, FrameReader};
pub use grant::{
    DiskKey, Grant, InitGrant, InitKeys, JoinTicket, Place, RecoverGrant, RejoinTicket, RenewTicket, Root,
    RotateGrant, ShareGrant,
};
pub use handshake::{Evidence, Expected, Hello, Item, Refusal, Verdict};
pub use identity::{Algorithm, Authority, DiskHeader, Genesis, GenesisRequest, NodeConfig};
pub use message::{Acknowledged, Done, Held, InitResult, Locked, Message, Offer, Progress, Publish};
pub use number::{
    Bounded, Custody, Flow, LeastLock, LockClass, LockProof, LockState, Order, RecoverySource, SecretKind,
    TransitionPhase, Uses, VoucherUse,
};
pub use share::Share;
pub use signed::{Signature, Signed};
pub use statement::{
    Limits, PolicyStatement, ReferenceSet, Replacement, Rescue, Revoked, Rule, Statement, Transition,
    Voucher, VoucherMachine,
};
pub use string::{
    AgentConfig, CaKey, Cmw, Companions, Der, DriverConfig, DriverPayload, EncodedClaims, Enrolled,
    KeySource, Kind, Name, NamePattern, ProgressText, SetRules, StatementPayload,
};
