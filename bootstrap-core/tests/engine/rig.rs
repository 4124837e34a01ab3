//! Hosts with devices in memory, and a network that carries bytes in order.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use attest_core::{Store, TrustAnchors, UnixTime, crypto::aws_lc_rs::PROVIDER};
use bootstrap_core::authority::Draft;
use bootstrap_core::channel::judge::{Disbelief, SNP};
use bootstrap_core::channel::record::Record as Shown;
use bootstrap_core::engine::{Ask, Engine, Given, Work, WorkId};
use bootstrap_core::ids::{ClusterId, KeyEpoch};
use bootstrap_core::keyring::SealedRoots;
use bootstrap_core::keys::{OperatorKey, Salt, Secret};
use bootstrap_core::machine::facts::{DiskHeader, Genesis};
use bootstrap_core::machine::record::{LockFile, MemberRecord, OperatorRecord, Record};
use bootstrap_core::machine::store::{Entry, MemoryStore};
use bootstrap_core::machine::{Action, ChannelId, DiskAction, DriverAction, Event, Outcome};
use bootstrap_core::time::Instant;
use bootstrap_core::wire::{Signed, Statement};

use super::cast::Guest;

/// What survives a restart of one host.
#[derive(Default)]
pub(crate) struct Devices {
    pub(crate) lock_file: Option<LockFile>,
    pub(crate) header: Option<DiskHeader>,
    pub(crate) genesis: Option<Genesis>,
    pub(crate) member: Option<MemberRecord>,
    pub(crate) roots: Option<SealedRoots>,
    pub(crate) statements: Vec<Signed>,
    slots: Vec<[u8; 32]>,
    mounted: bool,
    pub(crate) operator: Option<OperatorRecord>,
    pub(crate) master: Option<[u8; 32]>,
    pub(crate) seen: BTreeMap<bootstrap_core::ids::NodeId, u32>,
}

/// What the store has of the node with this record.
pub(crate) type EntryOf = dyn Fn(&MemberRecord) -> Entry;

/// One host.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) guest: Option<Guest>,
    pub(crate) devices: Devices,
    /// Whom its dials reach, by the number of the endpoint.
    pub(crate) endpoints: Vec<usize>,
    pub(crate) key: Option<OperatorKey>,
    /// The statement of a cluster's first policy.
    pub(crate) first: Option<Box<dyn Fn(ClusterId) -> Statement>>,
    /// The store that its services ask.
    pub(crate) store: Rc<RefCell<MemoryStore>>,
    /// The first node's own entry.
    pub(crate) entry: Option<Box<EntryOf>>,
    /// A join token that it was handed.
    pub(crate) token: Option<([u8; 16], Secret)>,
    /// The key that the firmware derives.
    pub(crate) sealed: Secret,
    pub(crate) events: Vec<Event>,
    pub(crate) disbeliefs: Vec<Disbelief>,
}

/// Two ends of a connection, each with the host and its channel.
type End = (usize, ChannelId);

/// All hosts.
pub(crate) struct Rig {
    pub(crate) hosts: Vec<Host>,
    anchors: TrustAnchors,
    collateral: Store,
    pub(crate) now: Instant,
    peers: BTreeMap<End, End>,
    pub(crate) sent: VecDeque<(End, Vec<u8>)>,
    entropy: Cell<u64>,
    /// Turns one bit in the piece of bytes with this number, counted from here.
    pub(crate) spoil: Option<usize>,
}

impl Rig {
    pub(crate) fn new(anchors: TrustAnchors, collateral: Store) -> Self {
        Self {
            hosts: Vec::new(),
            anchors,
            collateral,
            now: Instant::from_millis(0),
            peers: BTreeMap::new(),
            sent: VecDeque::new(),
            entropy: Cell::new(0),
            spoil: None,
        }
    }

    /// A generator that gives the same bytes in every run.
    pub(crate) fn draw(&self) -> impl Fn(&mut [u8]) + use<> {
        use sha2::{Digest, Sha256};
        let seed = self.entropy.get();
        self.entropy.set(seed + 1);
        let count = Cell::new(0_u64);
        move |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(32) {
                count.set(count.get() + 1);
                let block = Sha256::digest([seed.to_be_bytes(), count.get().to_be_bytes()].concat());
                chunk.copy_from_slice(&block[..chunk.len()]);
            }
        }
    }

    pub(crate) fn wall(&self) -> UnixTime {
        super::cast::wall().max(UnixTime::since_unix_epoch(
            Duration::from_secs(super::cast::wall().as_secs()) + Duration::from_millis(self.now.as_millis()),
        ))
    }

    pub(crate) fn given<R>(&self, f: impl FnOnce(Given<'_>) -> R) -> R {
        let draw = self.draw();
        f(Given { now: self.now, wall: self.wall(), draw: &draw })
    }

    /// Calls an engine at this moment.
    pub(crate) fn with<R>(&mut self, host: usize, f: impl FnOnce(&mut Engine, Given<'_>) -> R) -> R {
        let (now, wall, draw) = (self.now, self.wall(), self.draw());
        f(&mut self.hosts[host].engine, Given { now, wall, draw: &draw })
    }

    /// Runs until `until`, or until `millis` have passed. Whether it came.
    pub(crate) fn run(&mut self, millis: u64, until: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::from_millis(self.now.as_millis() + millis);
        loop {
            self.settle();
            if until(self) {
                return true;
            }
            let wake = (0..self.hosts.len()).filter_map(|host| self.next_wake(host)).min();
            match wake.filter(|wake| *wake <= end) {
                Some(wake) => self.now = wake.max(Instant::from_millis(self.now.as_millis() + 1)),
                None => return false,
            }
            for host in 0..self.hosts.len() {
                self.with(host, Engine::tick);
            }
        }
    }

    fn next_wake(&mut self, host: usize) -> Option<Instant> {
        match self.hosts[host].engine.poll() {
            Work::Wait(wake) => wake,
            other => panic!("{other:?} was left undone"),
        }
    }

    /// Does all work and moves all bytes.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut moved = false;
            for host in 0..self.hosts.len() {
                loop {
                    let work = self.hosts[host].engine.poll();
                    if matches!(work, Work::Wait(_)) {
                        break;
                    }
                    moved = true;
                    self.work(host, work);
                }
            }
            while let Some((to, bytes)) = self.sent.pop_front() {
                moved = true;
                self.with(to.0, |engine, given| engine.receive(to.1, &bytes, given));
            }
            if !moved {
                return;
            }
        }
    }

    fn work(&mut self, host: usize, work: Work) {
        match work {
            Work::Dial { id, endpoint, .. } => self.dial(host, id, endpoint),
            Work::Send(channel, mut bytes) => {
                self.spoil = match self.spoil {
                    Some(0) => {
                        *bytes.last_mut().unwrap() ^= 1;
                        None
                    }
                    other => other.map(|left| left - 1),
                };
                if let Some(peer) = self.peers.get(&(host, channel)) {
                    self.sent.push_back((*peer, bytes));
                }
            }
            Work::Close(channel) => {
                if let Some(peer) = self.peers.remove(&(host, channel)) {
                    // Bytes that are on their way arrive first.
                    while let Some(at) = self.sent.iter().position(|(to, _)| *to == peer) {
                        let (_, bytes) = self.sent.remove(at).unwrap();
                        self.with(peer.0, |engine, given| engine.receive(peer.1, &bytes, given));
                    }
                    self.with(peer.0, |engine, given| engine.disconnected(peer.1, given));
                }
            }
            Work::Show(channel, ask) => self.show(host, channel, *ask),
            Work::Judge(channel, trial) => {
                let verdict = trial.judge(&PROVIDER, &self.anchors, &self.collateral, self.wall());
                self.with(host, |engine, given| engine.judged(channel, verdict.as_ref(), given)).unwrap();
                self.hosts[host].disbeliefs.extend(verdict.err());
            }
            Work::Do(id, action) => {
                let outcome = self.device(host, &action);
                self.with(host, |engine, given| engine.done(id, outcome, given)).unwrap();
            }
            Work::SignPolicy(cluster) => {
                let signed = self.hosts[host].sign(cluster);
                self.with(host, |engine, given| engine.sign_policy(signed, given));
            }
            Work::Event(event) => self.hosts[host].events.push(event),
            Work::Wait(_) => {}
        }
    }

    fn dial(&mut self, host: usize, id: WorkId, endpoint: u16) {
        let target = self.hosts[host].endpoints[usize::from(endpoint)];
        let Ok(theirs) = self.with(target, Engine::accept) else {
            return self.with(host, |engine, given| engine.done(id, Outcome::Failed, given)).unwrap();
        };
        let mine = self.with(host, |engine, given| engine.dialled(id, given)).unwrap();
        self.join((host, mine), (target, theirs));
    }

    /// Connects a pusher or a publisher to another host.
    pub(crate) fn connect(&mut self, host: usize, target: usize) {
        let theirs = self.with(target, Engine::accept).unwrap();
        let mine = self.with(host, Engine::connect).unwrap();
        self.join((host, mine), (target, theirs));
    }

    fn join(&mut self, one: End, two: End) {
        self.peers.insert(one, two);
        self.peers.insert(two, one);
    }

    fn show(&mut self, host: usize, channel: ChannelId, mut ask: Ask) {
        let shown = &self.hosts[host];
        if let Some(guest) = shown.guest.as_ref().filter(|_| ask.wants(SNP)) {
            let evidence = guest.quote(*ask.slot(SNP, b"").as_bytes());
            ask.add(SNP, Vec::new(), Shown::Plain(evidence).to_bytes()).unwrap();
        }
        if let Some(key) = &shown.key {
            ask.prove(key).unwrap();
        }
        if let Some(key) = shown.guest.as_ref().and_then(|guest| guest.same_node.as_ref()) {
            ask.prove_same_node(key).unwrap();
        }
        if let Some((id, secret)) = &shown.token {
            ask.prove_secret(id, secret).unwrap();
        }
        self.with(host, |engine, given| engine.show(channel, ask, given)).unwrap();
    }

    fn device(&mut self, host: usize, action: &Action) -> Outcome {
        match action {
            Action::Persist(record) => self.hosts[host].persist(record),
            Action::Disk(action) => {
                let outcome = self.hosts[host].disk(action);
                if matches!(outcome, Outcome::Mounted { .. }) {
                    let statements = self.hosts[host].devices.statements.clone();
                    self.with(host, |engine, given| engine.learn(&statements, given)).unwrap();
                }
                outcome
            }
            Action::Nv { .. } => Outcome::Applied,
            Action::Driver(action) => self.hosts[host].drive(action),
            Action::Store(transaction) => {
                Outcome::Store(self.hosts[host].store.borrow_mut().apply(transaction, true))
            }
            other => panic!("{other:?}: not for a device"),
        }
    }
}

impl Host {
    fn sign(&self, cluster: ClusterId) -> Signed {
        let statement = (self.first.as_ref().unwrap())(cluster);
        let mut draft = Draft::new(&statement).unwrap();
        draft.sign(self.key.as_ref().unwrap()).unwrap();
        draft.finish().unwrap()
    }

    fn persist(&mut self, record: &Record) -> Outcome {
        let keyring = self.engine.keyring();
        match record {
            Record::Lock(file) => self.devices.lock_file = Some(*file),
            Record::Master(handle) => {
                let roots = keyring.roots(*handle).unwrap();
                let master = roots.master().map(|master| *master.secret().expose());
                assert!(self.devices.master.is_none() || self.devices.master == master, "never overwritten");
                self.devices.master = master;
            }
            Record::Operator(record) => self.devices.operator = Some(record.clone()),
            Record::Seen { node, generation } => drop(self.devices.seen.insert(*node, *generation)),
            Record::Member(member) => {
                assert!(self.devices.mounted, "a record on a closed disk");
                if let Some(roots) = member.roots {
                    let place = (&member.cluster, &member.node);
                    let nonces = [[1; 12], [2; 12]];
                    let sealed = keyring.seal_roots(roots, KeyEpoch::FIRST, place, &self.sealed, nonces);
                    self.devices.roots = Some(sealed.unwrap());
                }
                self.devices.statements = keyring.statements(&member.cluster).to_vec();
                self.devices.member = Some(MemberRecord { roots: None, ..member.clone() });
            }
            _ => return Outcome::Failed,
        }
        Outcome::Written
    }

    fn disk(&mut self, action: &DiskAction) -> Outcome {
        let keys = |keys| -> Vec<[u8; 32]> {
            let keys = self.engine.keyring().disk_keys(keys).unwrap();
            keys.iter().map(|key| *key.key.expose()).collect()
        };
        match action {
            DiskAction::Format { keys: handle, header } => {
                self.devices.slots = keys(*handle);
                self.devices.header = Some(header.clone());
                let genesis = self.engine.keyring().genesis(&header.cluster).unwrap();
                self.devices.genesis = Some(bootstrap_core::keyring::genesis_facts(genesis));
                (self.devices.member, self.devices.roots, self.devices.mounted) = (None, None, true);
                Outcome::Applied
            }
            DiskAction::TestOpen { keys: handle } => match self.devices.opens(&keys(*handle)) {
                true => Outcome::Applied,
                false => Outcome::Failed,
            },
            DiskAction::Open { keys: handle } => {
                if !self.devices.opens(&keys(*handle)) {
                    return Outcome::Failed;
                }
                self.devices.mounted = true;
                let mut member = self.devices.member.clone();
                if let (Some(member), Some(sealed)) = (&mut member, self.devices.roots.take()) {
                    let genesis = self.engine.keyring().genesis(&member.cluster).unwrap().value();
                    let salt = Salt::new(genesis.salt).unwrap();
                    let place = (&member.cluster, &member.node);
                    let sealed = [sealed];
                    let roots = self.engine.keyring_mut().open_roots(&sealed, salt, place, &self.sealed);
                    member.roots = Some(roots.unwrap());
                    let [sealed] = sealed;
                    self.devices.roots = Some(sealed);
                }
                Outcome::Mounted { member, counter: None }
            }
            DiskAction::Close => {
                self.devices.mounted = false;
                Outcome::Applied
            }
            _ => Outcome::Failed,
        }
    }

    fn drive(&mut self, action: &DriverAction) -> Outcome {
        match action {
            DriverAction::Init { .. } | DriverAction::Join | DriverAction::Resume => {
                let member = self.devices.member.clone().unwrap();
                if let (DriverAction::Init { .. }, Some(entry)) = (action, &self.entry) {
                    let statements = self.devices.statements.iter().map(Signed::to_bytes);
                    let mut store = self.store.borrow_mut();
                    store.found(entry(&member));
                    store.publish(member.policy.unwrap(), statements);
                }
                Outcome::Driven { payload: b"kubeconfig".to_vec(), quorum: true }
            }
            DriverAction::Promote { node } => {
                self.store.borrow_mut().settle(*node);
                Outcome::Applied
            }
            DriverAction::OpenServices | DriverAction::Remove { .. } => Outcome::Applied,
            _ => Outcome::Failed,
        }
    }
}

impl Devices {
    fn opens(&self, keys: &[[u8; 32]]) -> bool {
        keys.iter().any(|key| self.slots.contains(key))
    }

    /// What a power cycle leaves.
    pub(crate) fn power_cycle(&mut self) {
        self.lock_file = None;
        self.mounted = false;
    }
}
