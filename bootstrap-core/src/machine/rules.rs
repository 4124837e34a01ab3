//! What a policy decides about a peer, as join services ask it (protocol sections 7 and 8).

use core::fmt::Debug;

use crate::error::Code;
use crate::ids::{ReferenceSetId, Role, VoucherId};
use crate::peer::Peer;

use super::facts::{JoinClaims, Name, PolicyTip};
use super::store::{Entry, View};

/// A policy that stands, at the wall clock of the moment it is asked. Everything it decides comes from what was verified of the peer;
/// what the peer would like counts only where it says so.
pub trait Rules: Debug {
    /// The statement that it is.
    fn tip(&self) -> PolicyTip;

    /// Whether it may still be granted by: its not-after is ahead, and the clock is not before its time floor.
    fn is_fresh(&self) -> bool;

    /// The first rule that takes this newcomer, and what it yields.
    ///
    /// # Errors
    /// Refusal 30, 32 or 33.
    fn admit(&self, peer: &Peer, claims: &JoinClaims, view: &View) -> Result<Decision, Code>;

    /// Whether this member may have its disk again: its set, or a replace statement, and the least class of the same node.
    ///
    /// # Errors
    /// Refusal 23, 30, 33 or 34.
    fn readmit(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code>;

    /// Whether this member may have a new certificate: not revoked, and its evidence no older than limit 2.
    ///
    /// # Errors
    /// Refusal 20, 23 or 33.
    fn renew(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code>;
}

/// What a rule yields.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever evaluates a policy")]
pub struct Decision {
    /// The role.
    pub role: Role,
    /// The name.
    pub name: Name,
    /// The set by which the peer was taken.
    pub set: ReferenceSetId,
    /// The least class of lock.
    pub least_lock: u8,
    /// The voucher that is spent by it.
    pub voucher: Option<VoucherId>,
}
