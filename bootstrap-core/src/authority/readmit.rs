//! Who comes back: members that show another set than the one they were enrolled with (section 8, replace).

use attest_core::UnixTime;

use super::chain::{Current, PolicyChain};
use super::fault::Fault;
use crate::ids::{NodeId, ReferenceSetId, Role};
use crate::peer::Facts;
use crate::wire::Uses;

/// A member as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "whoever asks must say all of it")]
pub struct Enrolled {
    /// Its id.
    pub node: NodeId,
    /// Its role.
    pub role: Role,
    /// The set that it was last accepted by.
    pub set: ReferenceSetId,
}

/// How a member comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Readmission {
    /// The set that it is enrolled with from now on.
    pub set: ReferenceSetId,
    /// Whether it took another set's place, by a replace rule.
    pub replaced: bool,
    /// The rule that holds for its role and that set.
    pub rule: u16,
}

impl PolicyChain {
    /// Whether a member may come back (flows 3 and 6).
    ///
    /// # Errors
    /// [`Fault`]: 33 if it is out, or if no set that accepts it may take the place of the one it was enrolled with; 34 if its proof of the
    /// same node is weaker than the rule of its role demands.
    pub fn readmit(&self, enrolled: &Enrolled, facts: &Facts, now: UnixTime) -> Result<Readmission, Fault> {
        let current = self.granting(now)?;
        if self.is_cast_out(&enrolled.node) {
            return Err(Fault::Revoked { what: "node" });
        }
        current.check_machine(facts.machine.as_ref())?;
        // A set that is revoked is out, also as the one before.
        if current.policy.revoked.sets.contains(&enrolled.set) && facts.sets.contains(&enrolled.set) {
            return Err(Fault::Revoked { what: "set" });
        }
        let stands = |set: &ReferenceSetId| current.may_have(set, enrolled.role, now);
        let (set, replaced) = match facts.sets.contains(&enrolled.set) && stands(&enrolled.set) {
            true => (enrolled.set, false),
            false => {
                let mut others = facts.sets.iter().filter(|set| stands(set));
                let set = others.find(|set| self.may_replace(current, enrolled, set, now));
                let set = set.ok_or(Fault::NotReplaceable { enrolled: enrolled.set })?;
                (*set, true)
            }
        };
        let mut rules = current.policy.rules.iter();
        let rule = rules.find(|rule| rule.role == enrolled.role && rule.sets.contains(&set));
        let rule = rule.ok_or(Fault::NoRule)?;
        let (needed, actual) = (rule.same_node, Self::class_of(facts));
        match actual >= needed {
            true => Ok(Readmission { set, replaced, rule: rule.id }),
            false => Err(Fault::SameNodeClass { needed, actual }),
        }
    }

    fn may_replace(
        &self,
        current: &Current,
        enrolled: &Enrolled,
        to: &ReferenceSetId,
        now: UnixTime,
    ) -> bool {
        // A seat opens its disk, takes a seat's place and gets roots; a worker opens its disk.
        let uses = match enrolled.role {
            Role::Worker => Uses::DISK,
            Role::Seat => Uses::DISK.and(Uses::SEAT).and(Uses::ROOTS),
        };
        // A set that this chain never named has no version to compare: then no.
        let version = |set| self.security_version(set);
        let not_lower = match (version(&enrolled.set), version(to)) {
            (Some(from), Some(to)) => to >= from,
            (None, _) | (_, None) => false,
        };
        not_lower
            && current.policy.replacements.iter().any(|replacement| {
                replacement.from.contains(&enrolled.set)
                    && replacement.to.contains(to)
                    && replacement.uses.contains(uses)
                    && now < replacement.not_after
            })
    }
}

impl Current {
    /// Whether a set stands at `now` and may have this role.
    fn may_have(&self, id: &ReferenceSetId, role: Role, now: UnixTime) -> bool {
        self.is_live(id, now)
            && self.sets.iter().any(|set| set.set.id == *id && set.set.roles.contains(&role))
    }
}
