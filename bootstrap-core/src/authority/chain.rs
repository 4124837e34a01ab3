//! The chain of policies, and what holds at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attest_core::{Claims, UnixTime, Verified};

use super::fault::Fault;
use super::names::is_pattern;
use super::sets::{Acceptance, Readable};
use super::signers::{check_authority, demand_threshold, hash};
use crate::ids::{ClusterId, ReferenceSetId, StatementHash};
use crate::keys::cluster_id;
use crate::wire::{
    Authority, Encoded, Genesis, Limits, PolicyStatement, ReferenceSet, Signed, Statement, Voucher,
    VoucherUse,
};

/// How many hashes of old policies are kept, to tell a fork from a copy.
const MAX_HELD: usize = 1024;

/// How many ids of sets are kept, to tell a lower security version. A policy names 64 at most.
const MAX_VERSIONS: usize = 65_536;

/// The newest statement of a chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a pair over its whole content")]
pub struct PolicyTip {
    /// Policy epoch, from 1.
    pub epoch: u32,
    /// Hash of its payload.
    pub hash: StatementHash,
}

/// What a cluster's operators have said so far: a value that the next statement turns into the next one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyChain {
    cluster: ClusterId,
    authority: Authority,
    /// Who signed the newest policy: a fork of it is theirs as well.
    before: Authority,
    /// Hashes by policy epoch.
    held: BTreeMap<u32, StatementHash>,
    /// Security versions of all sets that were named, also of those that are gone: nodes that were enrolled with them come back.
    versions: BTreeMap<ReferenceSetId, u32>,
    current: Option<Arc<Current>>,
}

/// The policy that holds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Current {
    pub(super) policy: PolicyStatement,
    pub(super) sets: Vec<Readable>,
}

impl PolicyChain {
    /// The chain of a cluster before its first policy: it lets nobody in.
    ///
    /// # Errors
    /// [`Fault::Content`] for a genesis whose authority could never sign.
    pub fn of(genesis: &Encoded<Genesis>) -> Result<Self, Fault> {
        let authority = genesis.value().authority.clone();
        check_authority(&authority)?;
        let cluster = cluster_id(genesis.bytes())
            .map_err(|_| Fault::Content { field: "genesis", problem: "longer than 65535 bytes" })?;
        Ok(Self {
            cluster,
            before: authority.clone(),
            authority,
            held: BTreeMap::new(),
            versions: BTreeMap::new(),
            current: None,
        })
    }

    /// The cluster.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Who may sign the next statement.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The newest policy; `None` before the first.
    pub fn tip(&self) -> Option<PolicyTip> {
        self.held.last_key_value().map(|(epoch, hash)| PolicyTip { epoch: *epoch, hash: *hash })
    }

    /// The policy that holds; `None` before the first.
    pub fn policy(&self) -> Option<&PolicyStatement> {
        self.current.as_ref().map(|current| &current.policy)
    }

    /// How long things hold; `None` before the first policy.
    pub fn limits(&self) -> Option<&Limits> {
        self.policy().map(|policy| &policy.limits)
    }

    /// Sets whose rules this version cannot read: they accept nothing.
    pub fn unreadable_sets(&self) -> Vec<ReferenceSetId> {
        let sets = self.current.iter().flat_map(|current| &current.sets);
        sets.filter(|set| !set.is_readable()).map(|set| set.set.id).collect()
    }

    /// A policy, at the place where it counts for the cluster: it must be the next one. The very policy that is held changes nothing.
    ///
    /// # Errors
    /// [`Fault`], and this chain stays as it is.
    pub fn publish(&self, signed: &Signed, now: UnixTime) -> Result<Self, Fault> {
        self.follow(signed, now, false)
    }

    /// Policies that a service shows to one that was away, in order. Those that are held already are compared. Some may be missing, if
    /// the authority did not change in between: each is believed by the authority of the one before it here.
    ///
    /// # Errors
    /// [`Fault`], and this chain stays as it is.
    pub fn catch_up<'a>(
        &self,
        statements: impl IntoIterator<Item = &'a Signed>,
        now: UnixTime,
    ) -> Result<Self, Fault> {
        statements.into_iter().try_fold(self.clone(), |chain, signed| chain.follow(signed, now, true))
    }

    /// The first statement of a chain, when an init brings it: it must be policy 1.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn first(genesis: &Encoded<Genesis>, signed: &Signed, now: UnixTime) -> Result<Self, Fault> {
        Self::of(genesis)?.publish(signed, now)
    }

    fn follow(&self, signed: &Signed, now: UnixTime, gaps: bool) -> Result<Self, Fault> {
        let statement = Statement::from_payload(&signed.payload)?;
        let actual = kind_of(&statement);
        let Statement::Policy(policy) = statement else {
            return Err(Fault::Kind { expected: "policy", actual });
        };
        self.demand_cluster(policy.cluster)?;
        let (shown, epoch) = (hash(&signed.payload), policy.epoch);
        let newest = self.tip().map_or(0, |tip| tip.epoch);
        if epoch <= newest {
            return match self.held.get(&epoch) {
                Some(held) if *held == shown => Ok(self.clone()),
                // It is a fork only if somebody with authority signed it: a mere word is no event.
                Some(held) => {
                    demand_threshold(signed, &self.before)
                        .or_else(|_| demand_threshold(signed, &self.authority))?;
                    Err(Fault::Forked { what: "policy", number: epoch, held: *held, shown })
                }
                None => Err(Fault::Old { what: "policy", held: newest, actual: epoch }),
            };
        }
        let expected = newest.saturating_add(1);
        if epoch != expected && !gaps {
            return Err(Fault::Sequence { what: "policy", expected, actual: epoch });
        }
        demand_threshold(signed, &self.authority)?;
        // Before the first there is the genesis, which the cluster id names.
        let before = self.tip().map_or_else(|| StatementHash::new(*self.cluster.as_bytes()), |tip| tip.hash);
        if epoch == expected && policy.previous != before {
            let shown = policy.previous;
            return Err(Fault::Forked { what: "policy", number: newest, held: before, shown });
        }
        if now < policy.not_before {
            return Err(Fault::Clock { floor: policy.not_before, now });
        }
        self.check(&policy)?;
        Ok(self.with(policy, shown))
    }

    fn with(&self, policy: PolicyStatement, shown: StatementHash) -> Self {
        let mut next = self.clone();
        next.before = std::mem::replace(&mut next.authority, policy.authority.clone());
        next.held.insert(policy.epoch, shown);
        while next.held.len() > MAX_HELD {
            next.held.pop_first();
        }
        next.versions.extend(policy.sets.iter().map(|set| (set.id, set.security_version)));
        let sets = policy.sets.iter().cloned().map(Readable::new).collect();
        next.current = Some(Arc::new(Current { policy, sets }));
        next
    }

    /// What a policy must be beside well signed. A set or a rule of no use is no reason to refuse it; one that would not do what it says
    /// is.
    fn check(&self, policy: &PolicyStatement) -> Result<(), Fault> {
        let content = |field, problem| Err(Fault::Content { field, problem });
        check_authority(&policy.authority)?;
        if policy.not_before >= policy.not_after {
            return content("not after", "it ends before it begins");
        }
        let sets: BTreeMap<_, _> = policy.sets.iter().map(|set| (set.id, set)).collect();
        if sets.len() != policy.sets.len() {
            return content("sets", "an id stands twice");
        }
        if policy
            .sets
            .iter()
            .any(|set| self.versions.get(&set.id).is_some_and(|was| set.security_version < *was))
        {
            return content("sets", "the security version of a set went down");
        }
        if self.versions.len().saturating_add(sets.len()) > MAX_VERSIONS {
            return content("sets", "more ids than one chain may name");
        }
        let ids: BTreeSet<_> = policy.rules.iter().map(|rule| rule.id).collect();
        if ids.len() != policy.rules.len() {
            return content("rules", "an id stands twice");
        }
        for rule in &policy.rules {
            let role_fits = |set: &&ReferenceSet| set.roles.contains(&rule.role);
            if !rule.sets.iter().all(|id| sets.get(id).is_some_and(role_fits)) {
                return content("rules", "a set that is not in the policy, or that may not have the role");
            }
            if rule.name.as_ref().is_some_and(|pattern| !is_pattern(pattern)) {
                return content("rules", "a name pattern that names two nodes alike, or gives no DNS name");
            }
        }
        if !policy.replacements.iter().flat_map(|replacement| &replacement.to).all(|id| sets.contains_key(id))
        {
            return content("replacements", "a set that is not in the policy may take another's place");
        }
        Ok(())
    }

    /// Refuses a clock that stands before a time that is known to have been.
    ///
    /// # Errors
    /// [`Fault::Clock`].
    pub fn check_clock(&self, now: UnixTime) -> Result<(), Fault> {
        match self.time_floor() {
            Some(floor) if now < floor => Err(Fault::Clock { floor, now }),
            _ => Ok(()),
        }
    }

    /// A time that is known to have been: the newest policy's start. `None` before the first.
    pub fn time_floor(&self) -> Option<UnixTime> {
        self.policy().map(|policy| policy.not_before)
    }

    /// Which sets accept this evidence at `now`, each with its verdict. Empty if none does, and before the first policy.
    ///
    /// # Errors
    /// [`Fault::Clock`]: dates cannot be judged then.
    pub fn accepting(&self, verified: &Verified<Claims>, now: UnixTime) -> Result<Vec<Acceptance>, Fault> {
        self.check_clock(now)?;
        let Some(current) = &self.current else {
            return Ok(Vec::new());
        };
        let live = current.sets.iter().filter(|set| current.is_live(&set.set.id, now));
        Ok(live.filter_map(|set| set.judge(verified)).collect())
    }

    /// The voucher in a statement, if it is this cluster's and may be used at `now`. Whether it was spent, the store knows.
    ///
    /// # Errors
    /// [`Fault`]: 37 if it is not well signed, 32 if its time is not now.
    pub fn voucher(&self, signed: &Signed, now: UnixTime) -> Result<Voucher, Fault> {
        self.check_clock(now)?;
        let statement = Statement::from_payload(&signed.payload)?;
        let actual = kind_of(&statement);
        let Statement::Voucher(voucher) = statement else {
            return Err(Fault::Kind { expected: "voucher", actual });
        };
        self.demand_cluster(voucher.cluster)?;
        demand_threshold(signed, &self.authority)?;
        if voucher.node.is_some() != (voucher.usage == VoucherUse::Replace) {
            return Err(Fault::Content {
                field: "voucher",
                problem: "a node is named for a replacement, and only there",
            });
        }
        match voucher.not_before <= now && now < voucher.not_after {
            true => Ok(voucher),
            false => Err(Fault::Voucher { field: "time" }),
        }
    }

    pub(super) fn demand_cluster(&self, actual: ClusterId) -> Result<(), Fault> {
        match actual == self.cluster {
            true => Ok(()),
            false => Err(Fault::OtherCluster { expected: self.cluster, actual }),
        }
    }

    /// Whether services may grant by it at `now`.
    pub fn grants_at(&self, now: UnixTime) -> bool {
        self.granting(now).is_ok()
    }

    /// The sets that stand at `now`: neither past their end nor revoked.
    pub fn live_sets(&self, now: UnixTime) -> impl Iterator<Item = &ReferenceSet> {
        let current = self.current.as_deref();
        let sets =
            current.into_iter().flat_map(|current| current.sets.iter().map(move |set| (current, &set.set)));
        sets.filter(move |(current, set)| current.is_live(&set.id, now)).map(|(_, set)| set)
    }

    /// The policy that lets people in at `now`.
    pub(super) fn granting(&self, now: UnixTime) -> Result<&Current, Fault> {
        self.check_clock(now)?;
        let current = self.current.as_deref().ok_or(Fault::NoPolicy)?;
        let not_after = current.policy.not_after;
        match now < not_after {
            true => Ok(current),
            false => Err(Fault::PolicyEnded { not_after }),
        }
    }

    pub(super) fn security_version(&self, set: &ReferenceSetId) -> Option<u32> {
        self.versions.get(set).copied()
    }
}

impl Current {
    pub(super) fn is_live(&self, id: &ReferenceSetId, now: UnixTime) -> bool {
        self.sets.iter().any(|set| set.set.id == *id && set.is_live(now))
            && !self.policy.revoked.sets.contains(id)
    }
}

/// The word for a statement in errors.
pub(super) const fn kind_of(statement: &Statement) -> &'static str {
    match statement {
        Statement::Policy(_) => "policy",
        Statement::Voucher(_) => "voucher",
        Statement::Transition(_) => "transition",
        Statement::Rescue(_) => "rescue",
    }
}
