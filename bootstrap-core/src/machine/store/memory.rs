//! A store in memory: the contract of [`Transaction`] as code. A simulator's cluster runs on it, and so can a cluster that needs to outlive
//! nothing.
//!
//! Only what a look showed can make a transaction fail, so that newcomers do not wait for one another.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{NodeId, Role, VoucherId};
use crate::peer::SameNode;
use crate::time::Instant;

use super::{Audit, Entry, Standing, Stored, Transaction, Version, View};
use crate::machine::facts::PolicyTip;

/// The store of one cluster.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    version: u64,
    nodes: BTreeMap<NodeId, Kept>,
    /// Which node proves itself by what.
    proofs: BTreeMap<(u8, Vec<u8>), NodeId>,
    vouchers: BTreeSet<VoucherId>,
    vouchers_at: u64,
    pending: Option<(NodeId, Instant)>,
    pending_at: u64,
    sequence: u32,
    tip: Option<PolicyTip>,
    policies: Vec<Vec<u8>>,
    /// How many audit records were written.
    pub audited: u64,
    /// The last of them; older ones are dropped, so that a large run stays small.
    pub audit: Vec<Audit>,
    /// How many transactions came too late.
    pub conflicts: u64,
}

#[derive(Clone, Debug)]
struct Kept {
    entry: Entry,
    changed: u64,
}

/// Audit records kept.
const AUDIT: usize = 256;

impl MemoryStore {
    /// Applies a transaction, or says why not. `quorum` is whether the store can decide.
    pub fn apply(&mut self, transaction: &Transaction, quorum: bool) -> Stored {
        if let Transaction::Look { same_node, node, voucher } = transaction {
            return Stored::View(Box::new(self.look(same_node, *node, *voucher, quorum)));
        }
        if !quorum {
            return Stored::NoQuorum;
        }
        let applied = match transaction {
            Transaction::Look { .. } => false,
            Transaction::Reserve { expect, entry, voucher } => self.reserve(*expect, entry, *voucher),
            Transaction::Grant { expect, entry, audit } => self.grant(*expect, entry, audit),
            Transaction::Confirm { expect, node, generation, boot } => {
                self.unchanged(*expect, *node)
                    && self.change(*node, |entry| {
                        entry.standing = Standing::Confirmed;
                        entry.confirmed = (*generation, Some(*boot));
                    })
            }
            Transaction::Audit(audit) => {
                self.record(audit);
                true
            }
            Transaction::Release { node } => {
                self.settle(*node);
                self.forget_reservation(*node);
                true
            }
            Transaction::Publish { held, tip, statements } => {
                let goes_on = self.tip == *held;
                if goes_on {
                    self.publish(*tip, statements.iter().cloned());
                }
                goes_on
            }
        };
        if !applied {
            self.conflicts = self.conflicts.saturating_add(1);
            return Stored::Conflict;
        }
        self.version = self.version.saturating_add(1);
        Stored::Applied(Version::new(self.version))
    }

    /// Puts policies in that were checked.
    pub fn publish(&mut self, tip: PolicyTip, statements: impl IntoIterator<Item = Vec<u8>>) {
        self.tip = Some(tip);
        self.policies.extend(statements);
    }

    /// The newest policy.
    pub const fn tip(&self) -> Option<PolicyTip> {
        self.tip
    }

    /// All policies, as signed.
    pub fn policies(&self) -> &[Vec<u8>] {
        &self.policies
    }

    /// A node's entry.
    pub fn entry(&self, node: &NodeId) -> Option<&Entry> {
        self.nodes.get(node).map(|kept| &kept.entry)
    }

    /// All entries.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.nodes.values().map(|kept| &kept.entry)
    }

    /// Puts a node in that came about without a join: the first one.
    pub fn found(&mut self, entry: Entry) {
        self.version = self.version.saturating_add(1);
        self.put(entry);
    }

    /// A seat is a full member, or out: the next one may come.
    pub fn settle(&mut self, node: NodeId) {
        if self.pending.is_some_and(|(pending, _)| pending == node) {
            self.pending = None;
            self.pending_at = self.version.saturating_add(1);
        }
    }

    fn look(
        &mut self,
        same_node: &[SameNode],
        node: Option<NodeId>,
        voucher: Option<VoucherId>,
        quorum: bool,
    ) -> View {
        let by_proof = same_node.iter().find_map(|proof| self.proofs.get(&key(proof)));
        let found = node.as_ref().filter(|node| self.nodes.contains_key(node)).or(by_proof);
        // Numbers may be skipped, and none comes twice.
        self.sequence = self.sequence.saturating_add(1);
        View {
            version: Version::new(self.version),
            quorum,
            entry: found.and_then(|node| self.entry(node)).cloned(),
            pending_seat: self.pending,
            voucher_spent: voucher.is_some_and(|voucher| self.vouchers.contains(&voucher)),
            sequence: self.sequence,
        }
    }

    fn reserve(&mut self, expect: Version, entry: &Entry, voucher: Option<VoucherId>) -> bool {
        let seat_changed = entry.role == Role::Seat && self.pending_at > expect.number();
        let voucher_changed = voucher.is_some() && self.vouchers_at > expect.number();
        let proof_taken = self
            .proofs
            .get(&key(&entry.same_node))
            .and_then(|node| self.nodes.get(node))
            .is_some_and(|kept| kept.changed > expect.number());
        if !self.unchanged(expect, entry.node) || seat_changed || voucher_changed || proof_taken {
            return false;
        }
        let now = self.version.saturating_add(1);
        if let (Role::Seat, Standing::Reserved(_, until)) = (entry.role, &entry.standing) {
            (self.pending, self.pending_at) = (Some((entry.node, *until)), now);
        }
        if let Some(voucher) = voucher {
            self.vouchers.insert(voucher);
            self.vouchers_at = now;
        }
        self.put(entry.clone());
        true
    }

    fn grant(&mut self, expect: Version, entry: &Entry, audit: &Audit) -> bool {
        if !self.unchanged(expect, entry.node) {
            return false;
        }
        self.record(audit);
        self.put(entry.clone());
        true
    }

    fn put(&mut self, entry: Entry) {
        let changed = self.version.saturating_add(1);
        if let Some(before) = self.nodes.get(&entry.node)
            && before.entry.same_node != entry.same_node
        {
            self.proofs.remove(&key(&before.entry.same_node));
        }
        self.proofs.insert(key(&entry.same_node), entry.node);
        self.nodes.insert(entry.node, Kept { entry, changed });
    }

    fn change(&mut self, node: NodeId, change: impl FnOnce(&mut Entry)) -> bool {
        let changed = self.version.saturating_add(1);
        let Some(kept) = self.nodes.get_mut(&node) else { return false };
        change(&mut kept.entry);
        kept.changed = changed;
        true
    }

    /// Nobody changed the entry since that look.
    fn unchanged(&self, expect: Version, node: NodeId) -> bool {
        self.nodes.get(&node).is_none_or(|kept| kept.changed <= expect.number())
    }

    fn forget_reservation(&mut self, node: NodeId) {
        let reserved =
            self.entry(&node).is_some_and(|entry| matches!(entry.standing, Standing::Reserved(..)));
        if reserved && let Some(kept) = self.nodes.remove(&node) {
            self.proofs.remove(&key(&kept.entry.same_node));
        }
    }

    fn record(&mut self, audit: &Audit) {
        self.audited = self.audited.saturating_add(1);
        if self.audit.len() >= AUDIT {
            self.audit.remove(0);
        }
        self.audit.push(audit.clone());
    }
}

fn key(proof: &SameNode) -> (u8, Vec<u8>) {
    (proof.class.number(), proof.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BootId, DiskId, ReferenceSetId};
    use crate::machine::facts::Name;
    use crate::peer::SameNodeClass;

    fn entry(node: u8, role: Role) -> Entry {
        Entry {
            node: NodeId::new([node; 16]),
            role,
            name: Name::new("node").unwrap(),
            same_node: SameNode { class: SameNodeClass::Tpm, id: vec![node] },
            machine: None,
            set: ReferenceSetId::new([1; 32]),
            disk: DiskId::new([node; 16]),
            standing: Standing::Reserved(BootId::new([node; 16]), Instant::from_millis(1)),
            confirmed: (0, None),
        }
    }

    fn view(store: &mut MemoryStore, node: u8) -> View {
        let look = Transaction::Look {
            same_node: Vec::new(),
            node: Some(NodeId::new([node; 16])),
            voucher: Some(VoucherId::new([9; 16])),
        };
        match store.apply(&look, true) {
            Stored::View(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    fn reserve(store: &mut MemoryStore, expect: Version, entry: Entry, voucher: bool) -> bool {
        let voucher = voucher.then(|| VoucherId::new([9; 16]));
        matches!(store.apply(&Transaction::Reserve { expect, entry, voucher }, true), Stored::Applied(_))
    }

    #[test]
    fn two_newcomers_do_not_wait_for_one_another_and_two_of_one_name_do() {
        let mut store = MemoryStore::default();
        let seen = view(&mut store, 1).version;
        assert!(reserve(&mut store, seen, entry(1, Role::Worker), false));
        assert!(reserve(&mut store, seen, entry(2, Role::Worker), false));
        assert!(!reserve(&mut store, seen, entry(1, Role::Worker), false));
        assert_eq!(store.conflicts, 1);
    }

    #[test]
    fn a_seat_and_a_voucher_go_to_one() {
        let mut store = MemoryStore::default();
        let seen = view(&mut store, 1).version;
        assert!(reserve(&mut store, seen, entry(1, Role::Seat), true));
        assert!(!reserve(&mut store, seen, entry(2, Role::Seat), false));
        assert!(!reserve(&mut store, seen, entry(3, Role::Worker), true));
        let after = view(&mut store, 2);
        assert!(after.voucher_spent);
        assert_eq!(after.pending_seat.map(|(node, _)| node), Some(NodeId::new([1; 16])));
        store.apply(&Transaction::Release { node: NodeId::new([1; 16]) }, true);
        let after = view(&mut store, 1);
        assert_eq!((after.entry, after.pending_seat), (None, None));
    }

    #[test]
    fn without_a_quorum_it_shows_and_decides_nothing() {
        let mut store = MemoryStore::default();
        let seen = view(&mut store, 1).version;
        let refused = store.apply(
            &Transaction::Reserve { expect: seen, entry: entry(1, Role::Worker), voucher: None },
            false,
        );
        assert_eq!(refused, Stored::NoQuorum);
        assert_eq!(view(&mut store, 1).entry, None);
    }
}
