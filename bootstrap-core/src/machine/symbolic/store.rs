//! A service's rules and its store.

use super::*;

/// A policy that takes every attested peer of one set, for one role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::machine) struct AllOf {
    pub(in crate::machine) cluster: u8,
    pub(in crate::machine) epoch: u32,
    pub(in crate::machine) set: ReferenceSetId,
    pub(in crate::machine) role: Role,
    pub(in crate::machine) least_lock: u8,
    pub(in crate::machine) voucher: Option<VoucherId>,
    pub(in crate::machine) fresh: bool,
}

impl AllOf {
    pub(in crate::machine) fn workers(cluster: u8) -> Self {
        Self {
            cluster,
            epoch: 1,
            set: WORKERS,
            role: Role::Worker,
            least_lock: 2,
            voucher: None,
            fresh: true,
        }
    }

    fn decide(&self, peer: &Peer, role: Role, name: Name) -> Result<Decision, Code> {
        if !peer.facts().sets.contains(&self.set) {
            return Err(Code::NO_RULE);
        }
        Ok(Decision { role, name, set: self.set, least_lock: self.least_lock, voucher: self.voucher })
    }
}

impl Rules for AllOf {
    fn tip(&self) -> PolicyTip {
        tip(self.cluster, self.epoch)
    }

    fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn admit(&self, peer: &Peer, _: &JoinClaims, view: &View) -> Result<Decision, Code> {
        self.decide(peer, self.role, name(&format!("{}-{}", self.role.word(), view.sequence)))
    }

    fn readmit(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        self.decide(peer, entry.role, entry.name.clone())
    }

    fn renew(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        self.decide(peer, entry.role, entry.name.clone())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::machine) struct Store {
    pub(in crate::machine) entries: Vec<Entry>,
    pub(in crate::machine) version: u64,
    pub(in crate::machine) quorum: bool,
    pub(in crate::machine) spent: Vec<VoucherId>,
    pub(in crate::machine) pending_seat: Option<(NodeId, Instant)>,
    pub(in crate::machine) audits: u32,
}

impl Store {
    pub(in crate::machine) fn empty() -> Self {
        Self {
            entries: Vec::new(),
            version: 0,
            quorum: true,
            spent: Vec::new(),
            pending_seat: None,
            audits: 0,
        }
    }

    pub(in crate::machine) fn with_member(number: u8, node: u8, generation: u32, boot: u8) -> Self {
        let record = member_record(number, node, generation);
        let entry = Entry {
            node: record.node,
            role: record.role,
            name: record.name,
            same_node: same_node(node),
            machine: None,
            set: WORKERS,
            disk: record.disk,
            standing: Standing::Confirmed,
            confirmed: (generation, Some(boot_id(boot))),
        };
        Self { entries: vec![entry], ..Self::empty() }
    }

    pub(in crate::machine) fn apply(&mut self, transaction: &Transaction) -> Stored {
        if let Transaction::Look { same_node, node, voucher } = transaction {
            let entry = self.entries.iter().find(|entry| {
                node.map_or_else(|| same_node.contains(&entry.same_node), |node| entry.node == node)
            });
            return Stored::View(Box::new(View {
                version: Version::new(self.version),
                quorum: self.quorum,
                entry: entry.cloned(),
                pending_seat: self.pending_seat,
                voucher_spent: voucher.is_some_and(|voucher| self.spent.contains(&voucher)),
                sequence: 1,
            }));
        }
        if !self.quorum {
            return Stored::NoQuorum;
        }
        let expected = match transaction {
            Transaction::Reserve { expect, .. }
            | Transaction::Grant { expect, .. }
            | Transaction::Confirm { expect, .. } => Some(*expect),
            _ => None,
        };
        if expected.is_some_and(|expected| expected.number() != self.version) {
            return Stored::Conflict;
        }
        match transaction {
            Transaction::Reserve { entry, voucher, .. } => {
                self.spent.extend(*voucher);
                if let (Role::Seat, Standing::Reserved(_, until)) = (entry.role, entry.standing) {
                    self.pending_seat = Some((entry.node, until));
                }
                self.put(entry.clone());
            }
            Transaction::Grant { entry, .. } => self.put(entry.clone()),
            Transaction::Confirm { node, generation, boot, .. } => {
                let Some(entry) = self.entries.iter_mut().find(|entry| entry.node == *node) else {
                    return Stored::Conflict;
                };
                if entry.standing != Standing::Granted(*generation, *boot) {
                    return Stored::Conflict;
                }
                entry.standing = Standing::Confirmed;
                entry.confirmed = (*generation, Some(*boot));
            }
            Transaction::Release { node } => {
                if self.pending_seat.is_some_and(|(pending, _)| pending == *node) {
                    self.pending_seat = None;
                }
            }
            // A log: it decides nothing, so it moves no version that others decided on.
            Transaction::Audit(_) => {
                self.audits += 1;
                return Stored::Applied(Version::new(self.version));
            }
            Transaction::Publish { .. } | Transaction::Look { .. } => {}
        }
        self.version += 1;
        Stored::Applied(Version::new(self.version))
    }

    fn put(&mut self, entry: Entry) {
        self.entries.retain(|kept| kept.node != entry.node);
        self.entries.push(entry);
    }
}
