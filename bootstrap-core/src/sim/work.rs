//! What a host does for its machines: the work of its devices, its key ring, its store and its driver.

use crate::error::Code;
use crate::ids::{ClusterId, NodeId, Role};
use crate::machine::message::Progress;
use crate::machine::record::{MemberRecord, Record};
use crate::machine::store::{Entry, Standing, Stored, Transaction};
use crate::machine::{
    Action, ActionId, DiskAction, DriverAction, Input, KeyAction, KeyOutcome, Outcome, Step,
};
use crate::time::Instant;

use super::clock::Time;
use super::host::{Host, HostId, Work};
use super::ring::{Known, Material};
use super::store::ClusterStore;
use super::symbol::{Policy, Roots};
use super::trace::What;
use super::world::{Event, World, index};

/// How long a certificate lives, in seconds.
const CERTIFICATE: u64 = 86_400;
/// How often a driver looks whether its store has a quorum, in microseconds.
const QUORUM: u64 = 1_000_000;

impl World {
    /// `Output::Do`.
    pub(super) fn act(&mut self, id: HostId, slot: u32, action_id: ActionId, action: Action) {
        self.record(id, What::Asked(action.clone()));
        match action {
            Action::Dial { endpoint, flow } => return self.dial(id, slot, action_id, endpoint, flow),
            Action::Close { channel, code, retry } => return self.close(id, channel, code, retry),
            Action::Reattest { channel } => return self.reattest(id, channel),
            Action::Persist(_)
            | Action::ExtendRegister { .. }
            | Action::Keys(_)
            | Action::Disk(_)
            | Action::Nv { .. }
            | Action::Driver(_)
            | Action::Store(_) => {}
        }
        let takes = match &action {
            Action::Keys(_) => 100,
            Action::Driver(DriverAction::Init { .. } | DriverAction::Join | DriverAction::Resume) => {
                self.entropy.within(&self.plan.driver_time)
            }
            Action::Driver(_) => 1_000,
            Action::Store(_) => self.entropy.within(&self.plan.latency).saturating_mul(2),
            _ => self.entropy.within(&self.plan.device_time),
        };
        let at = self.now().after(takes);
        let half = self.now().after(takes / 2);
        let Some(host) = self.host_mut(id) else { return };
        let number = host.next_work;
        host.next_work = number.wrapping_add(1);
        let life = host.life;
        if matches!(action, Action::Driver(DriverAction::Init { .. })) {
            let progress = Progress { sequence: number, stage: 1, per_mille: 500, text: None };
            let step = Box::new(Step::Progress(progress));
            self.queue.put(half, Event::Say { host: id, life, slot, id: action_id, step });
        }
        if let Some(host) = self.host_mut(id) {
            host.works.push(Work { number, slot, id: action_id, action, waits: false });
        }
        self.queue.put(at, Event::Finish { host: id, life, work: number });
    }

    /// A device is done: what it did takes effect, and its machine is told.
    pub(super) fn finish(&mut self, id: HostId, life: u32, work: u32) {
        if !self.lives(id, life) {
            return;
        }
        let Some(host) = self.host_mut(id) else { return };
        let Some(at) = host.works.iter().position(|kept| kept.number == work) else { return };
        let Work { number, slot, id: action_id, action, waits } = host.works.swap_remove(at);
        let outcome = if waits {
            Outcome::Driven { payload: Vec::new(), quorum: false }
        } else if self.device_fails(&action) {
            self.record(id, What::Failed(action.clone()));
            Outcome::Failed
        } else {
            self.effect(id, &action)
        };
        if let Outcome::Driven { payload, quorum: false } = outcome {
            // The driver runs, and goes on until its store can decide.
            if self.quorum_of(id) {
                self.record(id, What::Quorum);
                self.tell(id, slot, Input::Step(action_id, Step::Quorum));
                let outcome = Outcome::Driven { payload, quorum: true };
                return self.tell(id, slot, Input::Done(action_id, outcome));
            }
            let again = self.now().after(QUORUM);
            if let Some(host) = self.host_mut(id) {
                host.works.push(Work { number, slot, id: action_id, action, waits: true });
            }
            return self.queue.put(again, Event::Finish { host: id, life, work: number });
        }
        if matches!(outcome, Outcome::Driven { quorum: true, .. }) {
            self.record(id, What::Quorum);
        }
        self.tell(id, slot, Input::Done(action_id, outcome));
        self.retire(id, slot);
    }

    fn device_fails(&mut self, action: &Action) -> bool {
        let chance = match action {
            Action::Driver(DriverAction::Init { .. } | DriverAction::Join | DriverAction::Resume) => {
                self.plan.driver
            }
            Action::Persist(_) | Action::ExtendRegister { .. } | Action::Disk(_) => self.plan.device,
            _ => 0,
        };
        self.entropy.happens(chance)
    }

    /// Does what was asked. A crash in the middle of the asking calls it too, where the work came about all the same.
    pub(super) fn effect(&mut self, id: HostId, action: &Action) -> Outcome {
        let outcome = match action {
            Action::Keys(action) => Outcome::Keys(self.keys(id, action)),
            Action::Store(transaction) => {
                let stored = self.transact(id, transaction);
                self.record(id, What::Stored(stored.clone()));
                Outcome::Store(stored)
            }
            Action::Driver(action) => self.drive(id, action),
            device => self.host_mut(id).map_or(Outcome::Failed, |host| host.device(device)),
        };
        let what = if outcome == Outcome::Failed {
            What::Failed(action.clone())
        } else {
            What::Done(action.clone())
        };
        self.record(id, what);
        outcome
    }

    fn keys(&mut self, id: HostId, action: &KeyAction) -> KeyOutcome {
        let certified_until = self.unix_now().saturating_add(CERTIFICATE);
        let stores = &self.stores;
        let Some(host) = self.hosts.get_mut(index(id)) else {
            return KeyOutcome::Refused(Code::INTERNAL);
        };
        let first = match action {
            KeyAction::InitGrant(grant) => host.program.clone().first_policy(host, grant.cluster()),
            _ => None,
        };
        let store = host.cluster().and_then(|cluster| stores.get(&cluster));
        let known = Known {
            genesis: host.memory.genesis.as_ref(),
            policies: store.map_or(&[], |store| store.policies()),
            csr: &host.memory.csr,
            certified_until,
            first_policy: first,
        };
        let outcome = host.ring.perform(action, &known);
        host.remember(action, &outcome);
        outcome
    }

    fn transact(&mut self, id: HostId, transaction: &Transaction) -> Stored {
        let quorum = self.quorum_of(id);
        let Some(host) = self.host(id) else { return Stored::NoQuorum };
        let (cluster, clock) = (host.cluster(), host.clock);
        let Some(store) = cluster.and_then(|cluster| self.stores.get_mut(&cluster)) else {
            return Stored::NoQuorum;
        };
        // A lease is the store's: every seat reads its end on its own clock.
        let kept = |at: Instant| Instant::from_millis(clock.reaches(at).as_micros() / 1_000);
        let shown = |at: Instant| clock.read(Time::from_micros(at.as_millis().saturating_mul(1_000)));
        let mut transaction = transaction.clone();
        if let Transaction::Reserve { entry, .. } | Transaction::Grant { entry, .. } = &mut transaction {
            lease(entry, kept);
        }
        let mut stored = store.apply(&transaction, quorum);
        if let Stored::View(view) = &mut stored {
            view.pending_seat = view.pending_seat.map(|(node, until)| (node, shown(until)));
            if let Some(entry) = &mut view.entry {
                lease(entry, shown);
            }
        }
        stored
    }

    /// Whether this host reaches more than half of the seats that vote.
    pub(super) fn quorum_of(&self, id: HostId) -> bool {
        let Some(voters) = self.host(id).and_then(Host::cluster).and_then(|c| self.voters.get(&c)) else {
            return false;
        };
        let reached = voters.iter().filter(|node| self.reaches(id, node)).count();
        reached.saturating_mul(2) > voters.len()
    }

    fn reaches(&self, from: HostId, node: &NodeId) -> bool {
        self.nodes
            .get(node)
            .and_then(|to| self.host(*to))
            .is_some_and(|to| to.up && to.memory.driver && self.plan.connected(from, to.id, self.now()))
    }

    fn drive(&mut self, id: HostId, action: &DriverAction) -> Outcome {
        let Some(host) = self.host_mut(id) else { return Outcome::Failed };
        match action {
            DriverAction::OpenServices => {
                host.memory.services = true;
                return Outcome::Applied;
            }
            DriverAction::Promote { node } => {
                let cluster = host.cluster();
                if let Some(cluster) = cluster {
                    self.voters.entry(cluster).or_default().insert(*node);
                    if let Some(store) = self.stores.get_mut(&cluster) {
                        store.settle(*node);
                    }
                }
                return Outcome::Applied;
            }
            DriverAction::Remove { node } => {
                let cluster = host.cluster();
                if let Some(voters) = cluster.and_then(|cluster| self.voters.get_mut(&cluster)) {
                    voters.remove(node);
                }
                return Outcome::Applied;
            }
            DriverAction::Init { .. } | DriverAction::Join | DriverAction::Resume => {}
        }
        let Some(member) = host.devices.disk.member.as_deref().cloned() else { return Outcome::Failed };
        host.memory.driver = true;
        let node = host.id;
        self.nodes.insert(member.node, node);
        if matches!(action, DriverAction::Init { .. }) {
            self.found(id, &member);
        }
        let quorum = self.quorum_of(id);
        if matches!(action, DriverAction::Join) && !quorum {
            return Outcome::Failed;
        }
        Outcome::Driven { payload: b"kubeconfig".to_vec(), quorum }
    }

    /// The first node's driver makes the store.
    fn found(&mut self, id: HostId, member: &MemberRecord) {
        self.voters.entry(member.cluster).or_default().insert(member.node);
        let Some(host) = self.host(id) else { return };
        let policy = host.memory.first_policy.clone();
        let entry =
            host.identity.image.zip(host.identity.same_node.first().cloned()).map(|(set, same_node)| Entry {
                node: member.node,
                role: Role::Seat,
                name: member.name.clone(),
                same_node,
                machine: host.identity.machine,
                set,
                disk: member.disk,
                standing: Standing::Confirmed,
                confirmed: (member.generation, Some(host.devices.boot)),
            });
        if self.stores.contains_key(&member.cluster) {
            return;
        }
        let mut store = ClusterStore::default();
        if let Some(entry) = entry {
            store.found(entry);
        }
        let tip = policy.as_deref().and_then(Policy::from_bytes).map(|policy| policy.tip());
        if let Some((tip, policy)) = tip.zip(policy) {
            store.publish(tip, [policy]);
        }
        self.stores.insert(member.cluster, store);
    }

    /// Whether the store of this cluster is there.
    pub fn has_store(&self, cluster: &ClusterId) -> bool {
        self.stores.contains_key(cluster)
    }
}

fn lease(entry: &mut Entry, clock: impl Fn(Instant) -> Instant) {
    if let Standing::Reserved(_, until) = &mut entry.standing {
        *until = clock(*until);
    }
}

impl Host {
    /// The work of a device.
    fn device(&mut self, action: &Action) -> Outcome {
        match action {
            Action::Persist(record) => self.persist(record),
            Action::ExtendRegister { event, .. } => match &mut self.devices.register {
                Some(register) => {
                    register.extend(event);
                    Outcome::Register(register.value.to_vec())
                }
                None => Outcome::Failed,
            },
            Action::Disk(action) => self.disk(action),
            Action::Nv { generation } => {
                if let Some(counter) = &mut self.devices.counter {
                    *counter = (*counter).max(*generation);
                }
                Outcome::Applied
            }
            Action::Reattest { .. }
            | Action::Keys(_)
            | Action::Driver(_)
            | Action::Store(_)
            | Action::Dial { .. }
            | Action::Close { .. } => Outcome::Failed,
        }
    }

    fn persist(&mut self, record: &Record) -> Outcome {
        match record {
            Record::Lock(file) => self.devices.lock_file = Some(*file),
            Record::Member(member) => {
                if !self.devices.disk.mounted {
                    return Outcome::Failed;
                }
                if let Some(roots) = member.roots.and_then(|roots| self.ring.roots_of(roots)) {
                    self.devices.disk.roots = Some(roots);
                    self.ring.roots = Some(roots);
                }
                self.devices.disk.member = Some(Box::new(MemberRecord { roots: None, ..member.clone() }));
            }
            Record::Operator(operator) => {
                let Some(desk) = &mut self.devices.desk else { return Outcome::Failed };
                desk.record = Some(operator.clone());
            }
            Record::Master(handle) => {
                let material = self.ring.material(*handle).cloned();
                let Some(desk) = &mut self.devices.desk else { return Outcome::Failed };
                // Never overwritten.
                if material.is_none()
                    || desk.master.as_ref().is_some_and(|kept| Some(kept) != material.as_ref())
                {
                    return Outcome::Failed;
                }
                desk.master = material;
            }
            Record::Seen { node, generation } => {
                let Some(desk) = &mut self.devices.desk else { return Outcome::Failed };
                desk.seen.insert(*node, *generation);
            }
        }
        Outcome::Written
    }

    fn disk(&mut self, action: &DiskAction) -> Outcome {
        match action {
            DiskAction::Format { keys, header } => {
                let Some(keys) = self.ring.disk_keys(*keys) else { return Outcome::Failed };
                self.devices.disk.format(header.clone(), keys);
                self.devices.disk.genesis = self.memory.genesis.clone();
                Outcome::Applied
            }
            DiskAction::TestOpen { keys } => {
                let opens = self.ring.disk_keys(*keys).is_some_and(|keys| self.devices.disk.opens(keys));
                if opens { Outcome::Applied } else { Outcome::Failed }
            }
            DiskAction::Open { keys } => {
                if !self.ring.disk_keys(*keys).is_some_and(|keys| self.devices.disk.opens(keys)) {
                    return Outcome::Failed;
                }
                self.devices.disk.mounted = true;
                let roots = self.devices.disk.roots;
                if let Some(roots) = roots {
                    self.ring.roots = Some(roots);
                }
                let handle = roots.map(|roots| self.ring.put(Material::Roots(roots)));
                let member = self.devices.disk.member.as_deref().cloned();
                Outcome::Mounted {
                    member: member.map(|member| MemberRecord { roots: handle, ..member }),
                    counter: self.devices.counter,
                }
            }
            DiskAction::Close => {
                self.devices.disk.mounted = false;
                Outcome::Applied
            }
        }
    }

    /// What a process keeps of the work on its keys.
    fn remember(&mut self, action: &KeyAction, outcome: &KeyOutcome) {
        match (action, outcome) {
            (KeyAction::OwnCertificate { .. }, KeyOutcome::Chain(chain)) => {
                self.memory.certificate = chain.first().cloned();
            }
            (KeyAction::CheckTicket { grant, .. }, KeyOutcome::Policy(_)) => {
                if let Some(Material::Grant(grant)) = self.ring.material(*grant) {
                    self.memory.certificate = grant.chain.first().cloned();
                    self.ring.roots = grant.roots.or(self.ring.roots);
                }
            }
            (_, KeyOutcome::Cluster { genesis, .. }) => self.memory.genesis = Some(genesis.clone()),
            _ => {}
        }
    }

    /// The master secret of an operator, once it is drawn.
    pub fn roots(&self) -> Option<Roots> {
        self.ring.roots
    }
}
