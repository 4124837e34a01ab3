//! The invariants of protocol section 12 over a trace: I1 to I4, I6 and I6b. I5 is the contract of the channel, and tested there.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{BootId, ClusterId, NodeId, Role};
use crate::machine::message::{GrantFacts, TicketFacts};
use crate::machine::record::{MemberPhase, Record};
use crate::machine::store::Transaction;
use crate::machine::{Action, DiskAction, DriverAction, Event, Message};
use crate::peer::Facts;

use super::host::HostId;
use super::trace::{ConnectionId, Entry, Trace, What};

/// An invariant that a trace breaks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(clippy::exhaustive_structs, reason = "read by whoever judges a run")]
pub struct Broken {
    /// Which invariant.
    pub invariant: &'static str,
    /// On which host.
    pub host: HostId,
    /// Which entry of the trace, from 0.
    pub entry: usize,
    /// How.
    pub how: &'static str,
}

/// All that a trace breaks. `rule` is what the policy gives to whom: the role, by what was verified.
pub fn broken(trace: &Trace, rule: impl Fn(&Facts) -> Role) -> Vec<Broken> {
    let mut judge = Judge::new(&rule);
    for (number, entry) in trace.entries().iter().enumerate() {
        judge.now = number;
        judge.take(entry);
    }
    judge.broken
}

struct Judge<'a> {
    rule: &'a dyn Fn(&Facts) -> Role,
    now: usize,
    broken: Vec<Broken>,
    hosts: BTreeMap<HostId, Seen>,
    /// Acc: what each end of a connection has accepted of the other one.
    accepted: BTreeMap<(HostId, ConnectionId), Facts>,
    opened: BTreeSet<(HostId, ConnectionId)>,
    /// Locked, as received.
    locked: BTreeMap<(HostId, ConnectionId), ClusterId>,
    /// Hosts on which a cluster was made.
    founders: BTreeMap<ClusterId, BTreeSet<HostId>>,
    reserved: BTreeSet<NodeId>,
    granted: BTreeSet<(NodeId, u32)>,
}

/// What was seen of one host.
#[derive(Default)]
struct Seen {
    boot: Option<BootId>,
    /// Of this boot.
    lock: Option<ClusterId>,
    extended: BTreeSet<ClusterId>,
    member_of: BTreeSet<ClusterId>,
    /// Of this process.
    disks: u32,
    cluster: Option<ClusterId>,
    quorum: bool,
    confirmed: bool,
    pushed: bool,
    /// Grants received, and what was written since the first of them.
    grants: BTreeSet<ConnectionId>,
    written: bool,
}

impl<'a> Judge<'a> {
    fn new(rule: &'a dyn Fn(&Facts) -> Role) -> Self {
        Self {
            rule,
            now: 0,
            broken: Vec::new(),
            hosts: BTreeMap::new(),
            accepted: BTreeMap::new(),
            opened: BTreeSet::new(),
            locked: BTreeMap::new(),
            founders: BTreeMap::new(),
            reserved: BTreeSet::new(),
            granted: BTreeSet::new(),
        }
    }

    fn holds(&mut self, host: HostId, invariant: &'static str, how: &'static str, holds: bool) {
        if !holds {
            self.broken.push(Broken { invariant, host, entry: self.now, how });
        }
    }

    fn seen(&mut self, host: HostId) -> &mut Seen {
        self.hosts.entry(host).or_default()
    }

    fn take(&mut self, entry: &Entry) {
        let host = entry.host;
        match &entry.what {
            What::Boot(boot) => self.boot(host, *boot),
            What::Believed { connection, facts, .. } => {
                self.accepted.insert((host, *connection), (**facts).clone());
            }
            What::Opened(connection, ..) => {
                self.opened.insert((host, *connection));
            }
            What::Sent(connection, to, message) => self.sent(host, *connection, *to, message),
            What::Received(connection, _, message) => self.received(host, *connection, message),
            What::Done(action) => self.done(host, action),
            What::Quorum => self.seen(host).quorum = true,
            What::Event(Event::ServicesOpen { alone }) => {
                let seen = self.seen(host);
                let (confirmed, pushed) = (seen.confirmed || seen.quorum, seen.pushed);
                let (how, holds) = if *alone {
                    ("services open alone, and nobody said so", pushed)
                } else {
                    ("services open without a peer, a quorum, or a word", confirmed)
                };
                self.holds(host, "I6b", how, holds);
            }
            _ => {}
        }
    }

    fn boot(&mut self, host: HostId, boot: BootId) {
        let seen = self.seen(host);
        let same = seen.boot == Some(boot);
        let before = core::mem::take(seen);
        seen.boot = Some(boot);
        if same {
            seen.lock = before.lock;
            seen.extended = before.extended;
            seen.member_of = before.member_of;
        }
        seen.cluster = before.cluster;
    }

    fn sent(&mut self, host: HostId, connection: ConnectionId, to: HostId, message: &Message) {
        match message {
            Message::Grant(grant) => self.grant(host, connection, to, &grant.facts),
            Message::Done(done) if (50..=52).contains(&done.code.number()) => {
                let seen = self.seen(host);
                let only = seen.grants.len() == 1 && seen.grants.contains(&connection);
                let written = seen.written;
                self.holds(host, "I6", "written, and then refused", !(only && written));
            }
            _ => {}
        }
    }

    fn grant(&mut self, host: HostId, connection: ConnectionId, to: HostId, facts: &GrantFacts) {
        let accepted = self.accepted.get(&(host, connection)).cloned();
        let open = self.opened.contains(&(host, connection));
        self.holds(host, "I1", "a grant to nobody that was accepted here", accepted.is_some() && open);
        let cluster = facts.cluster();
        if !matches!(facts, GrantFacts::Renew { .. } | GrantFacts::Rotate { .. }) {
            let said = self.locked.get(&(host, connection)) == Some(&cluster);
            self.holds(host, "I3", "a grant ahead of Locked", said);
        }
        let held = self.seen(to).lock == Some(cluster);
        self.holds(to, "I3", "a grant to a boot that is not locked to its cluster", held);
        if let (GrantFacts::Join { ticket, role, .. }, Some(accepted)) = (facts, accepted) {
            let TicketFacts { node, generation, roots, .. } = ticket;
            let reserved = self.reserved.contains(node) && self.granted.contains(&(*node, *generation));
            self.holds(host, "I4", "a ticket ahead of its place in the store", reserved);
            let by_rule = (self.rule)(&accepted) == *role;
            self.holds(host, "I4", "another role than the rule gives", by_rule);
            self.holds(host, "I4", "a worker's ticket with roots", *role == Role::Seat || !roots);
        }
    }

    fn received(&mut self, host: HostId, connection: ConnectionId, message: &Message) {
        match message {
            Message::Locked(locked) => {
                self.locked.insert((host, connection), locked.cluster);
            }
            Message::Grant(grant) => {
                let seen = self.seen(host);
                seen.grants.insert(connection);
                seen.cluster = Some(grant.facts.cluster());
                match &grant.facts {
                    GrantFacts::Rejoin { provisional: true, .. } | GrantFacts::Rotate { .. } => {}
                    GrantFacts::Recover { .. } | GrantFacts::Share { .. } => seen.pushed = true,
                    GrantFacts::Init { .. }
                    | GrantFacts::Join { .. }
                    | GrantFacts::Rejoin { .. }
                    | GrantFacts::Renew { .. } => seen.confirmed = true,
                }
            }
            _ => {}
        }
    }

    fn done(&mut self, host: HostId, action: &Action) {
        match action {
            Action::Persist(Record::Lock(file)) => {
                let seen = self.seen(host);
                let same = seen.lock.is_none_or(|lock| lock == file.cluster);
                if file.held {
                    seen.lock = Some(file.cluster);
                }
                self.holds(host, "I3", "a second lock in one boot", same);
            }
            Action::ExtendRegister { cluster, .. } => {
                let seen = self.seen(host);
                seen.extended.insert(*cluster);
                let one = seen.extended.len() == 1;
                self.holds(host, "I3", "the register extended for two clusters", one);
            }
            Action::Persist(Record::Member(member)) => {
                let seen = self.seen(host);
                seen.written = true;
                if member.phase == MemberPhase::Member {
                    seen.member_of.insert(member.cluster);
                }
                let one = seen.member_of.len() <= 1;
                self.holds(host, "I2", "a member of two clusters in one boot", one);
                self.uses(host, member.cluster);
            }
            Action::Disk(DiskAction::Format { header, .. }) => {
                self.seen(host).written = true;
                self.uses(host, header.cluster);
                self.disk(host);
            }
            Action::Disk(DiskAction::Open { .. }) => {
                if let Some(cluster) = self.seen(host).cluster {
                    self.uses(host, cluster);
                }
                self.disk(host);
            }
            Action::Driver(DriverAction::Init { .. }) => {
                let cluster = self.seen(host).cluster;
                if let Some(cluster) = cluster {
                    let founders = self.founders.entry(cluster).or_default();
                    founders.insert(host);
                    let one = founders.len() == 1;
                    self.holds(host, "I2", "one genesis, two first nodes", one);
                }
            }
            Action::Store(Transaction::Reserve { entry, .. }) => {
                self.reserved.insert(entry.node);
            }
            Action::Store(Transaction::Grant { entry, .. }) => {
                if let crate::machine::store::Standing::Granted(generation, _) = entry.standing {
                    self.granted.insert((entry.node, generation));
                }
            }
            _ => {}
        }
    }

    /// Use: a secret of this cluster does something.
    fn uses(&mut self, host: HostId, cluster: ClusterId) {
        let held = self.seen(host).lock == Some(cluster);
        self.holds(host, "I3", "a secret used ahead of the lock", held);
    }

    fn disk(&mut self, host: HostId) {
        let seen = self.seen(host);
        seen.disks = seen.disks.saturating_add(1);
        let once = seen.disks == 1;
        self.holds(host, "I6", "a disk opened twice by one process", once);
    }
}
