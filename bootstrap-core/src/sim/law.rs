//! What policies say in a run, and how services judge by them. A small stand-in for `authority`, which knows all of section 8: sets,
//! replacements, a machine list for seats, revocations.

use std::rc::Rc;

use crate::error::Code;
use crate::ids::{MachineId, NodeId, ReferenceSetId, Role};
use crate::machine::facts::{JoinClaims, Name, PolicyTip};
use crate::machine::rules::{Decision, Rules};
use crate::machine::store::{Entry, View};
use crate::peer::{Peer, SameNodeClass};

use super::symbol::{join, split};

/// The content of a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plays the operator writes it out")]
pub struct Content {
    /// Sets that are accepted.
    pub sets: Vec<ReferenceSetId>,
    /// Sets whose machines may be seats.
    pub seat_sets: Vec<ReferenceSetId>,
    /// Machines that become seats; all others become workers.
    pub seats: Vec<MachineId>,
    /// Which set may take the place of which.
    pub replace: Vec<(ReferenceSetId, ReferenceSetId)>,
    /// Nodes that are out.
    pub revoked: Vec<NodeId>,
    /// The least class of lock.
    pub least_lock: u8,
    /// The least class of same-node proof.
    pub least_class: u8,
}

impl Content {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let sets = |sets: &[ReferenceSetId]| sets.iter().flat_map(|set| *set.as_bytes()).collect::<Vec<u8>>();
        let pairs: Vec<ReferenceSetId> = self.replace.iter().flat_map(|(from, to)| [*from, *to]).collect();
        join(
            "content",
            &[
                &sets(&self.sets),
                &sets(&self.seat_sets),
                &self.seats.iter().flat_map(|machine| *machine.as_bytes()).collect::<Vec<u8>>(),
                &sets(&pairs),
                &self.revoked.iter().flat_map(|node| *node.as_bytes()).collect::<Vec<u8>>(),
                &[self.least_lock, self.least_class],
            ],
        )
    }

    /// Of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let parts = split("content", bytes)?;
        let [sets, seat_sets, seats, replace, revoked, [least_lock, least_class]] = parts.as_slice() else {
            return None;
        };
        let pairs = ids::<32>(replace)?;
        Some(Self {
            sets: ids::<32>(sets)?.into_iter().map(ReferenceSetId::new).collect(),
            seat_sets: ids::<32>(seat_sets)?.into_iter().map(ReferenceSetId::new).collect(),
            seats: ids::<32>(seats)?.into_iter().map(MachineId::new).collect(),
            replace: pairs
                .chunks_exact(2)
                .filter_map(|pair| match pair {
                    [from, to] => Some((ReferenceSetId::new(*from), ReferenceSetId::new(*to))),
                    _ => None,
                })
                .collect(),
            revoked: ids::<16>(revoked)?.into_iter().map(NodeId::new).collect(),
            least_lock: *least_lock,
            least_class: *least_class,
        })
    }
}

fn ids<const N: usize>(bytes: &[u8]) -> Option<Vec<[u8; N]>> {
    let chunks = bytes.chunks_exact(N);
    chunks.remainder().is_empty().then(|| chunks.filter_map(|id| id.try_into().ok()).collect())
}

/// A policy that stands.
#[derive(Clone, Debug)]
pub struct Law {
    pub(super) tip: PolicyTip,
    pub(super) content: Rc<Content>,
}

impl Law {
    /// What it says.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The role that a machine of this set gets, and the set.
    fn role(&self, peer: &Peer) -> Result<(Role, ReferenceSetId), Code> {
        let facts = peer.facts();
        let set =
            facts.sets.iter().find(|set| self.content.sets.contains(set)).copied().ok_or(Code::NO_RULE)?;
        let listed = facts.machine.is_some_and(|machine| self.content.seats.contains(&machine));
        let role = if listed && self.content.seat_sets.contains(&set) { Role::Seat } else { Role::Worker };
        Ok((role, set))
    }

    fn decision(&self, role: Role, set: ReferenceSetId, name: Name) -> Decision {
        Decision { role, name, set, least_lock: self.content.least_lock, voucher: None }
    }

    fn has_class(&self, class: SameNodeClass) -> bool {
        class.number() >= self.content.least_class
    }
}

impl Rules for Law {
    fn tip(&self) -> PolicyTip {
        self.tip
    }

    fn is_fresh(&self) -> bool {
        true
    }

    fn admit(&self, peer: &Peer, claims: &JoinClaims, view: &View) -> Result<Decision, Code> {
        let (role, set) = self.role(peer)?;
        if !self.has_class(claims.enrol.class) {
            return Err(Code::NO_RULE);
        }
        let name = Name::new(&format!("{role}-{}", view.sequence)).ok_or(Code::INTERNAL)?;
        Ok(self.decision(role, set, name))
    }

    fn readmit(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        let (_, set) = self.role(peer)?;
        if set != entry.set && !self.content.replace.contains(&(entry.set, set)) {
            return Err(Code::POLICY);
        }
        if entry.role == Role::Seat && !self.content.seat_sets.contains(&set) {
            return Err(Code::NO_RULE);
        }
        if self.content.revoked.contains(&entry.node) {
            return Err(Code::NO_MEMBER);
        }
        if !self.has_class(entry.same_node.class) {
            return Err(Code::SAME_NODE);
        }
        Ok(self.decision(entry.role, set, entry.name.clone()))
    }

    fn renew(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        if self.content.revoked.contains(&entry.node) {
            return Err(Code::NO_MEMBER);
        }
        let (_, set) = self.role(peer).map_err(|_| Code::POLICY)?;
        Ok(self.decision(entry.role, set, entry.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_read_as_it_was_written() {
        let set = |byte| ReferenceSetId::new([byte; 32]);
        let content = Content {
            sets: vec![set(1), set(2)],
            seat_sets: vec![set(1)],
            seats: vec![MachineId::new([3; 32])],
            replace: vec![(set(1), set(2))],
            revoked: vec![NodeId::new([4; 16])],
            least_lock: 2,
            least_class: 1,
        };
        assert_eq!(Content::from_bytes(&content.to_bytes()), Some(content));
        assert_eq!(Content::from_bytes(b"content"), None);
    }
}
