//! The run: hosts, the network between them, the store of each cluster, one queue of what is to come.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::ids::{ClusterId, DiskId, NodeId};
use crate::machine::message::Flow;
use crate::machine::{ActionId, ChannelId, Event as MachineEvent, Input, Output, Step};
use crate::time::Instant;

use super::channel::{Connection, Piece};
use super::clock::{HostClock, Queue, Time};
use super::device::Devices;
use super::entropy::Entropy;
use super::gate::Pass;
use super::host::{Cpu, Evidence, Gate, Host, HostId, Identity, Maker, Memory, Program, Slot, Start};
use super::net::Net;
use super::plan::{Crash, Plan};
use super::ring::Ring;
use super::store::ClusterStore;
use super::trace::{ConnectionId, Entry, Trace, What};

/// Unix seconds at which every run begins: 2026-09-21, 13:33:20 UTC.
pub const BEGIN: u64 = 1_790_000_000;
/// How long a verdict lives, in seconds.
const VERDICT: u64 = 86_400;

/// A run.
#[derive(Debug)]
pub struct World {
    /// What goes wrong. It may be changed in the middle of a run.
    pub plan: Plan,
    /// What happened.
    pub trace: Trace,
    pub(super) entropy: Entropy,
    pub(super) queue: Queue<Event>,
    pub(super) net: Net,
    pub(super) hosts: Vec<Host>,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) next_connection: u32,
    pub(super) stores: BTreeMap<ClusterId, ClusterStore>,
    /// Seats that vote in each cluster's store.
    pub(super) voters: BTreeMap<ClusterId, BTreeSet<NodeId>>,
    pub(super) nodes: BTreeMap<NodeId, HostId>,
    steps: u64,
}

/// What is to come.
#[derive(Debug)]
pub(super) enum Event {
    /// A host starts, or starts again.
    Boot(HostId),
    /// A machine wanted to be woken then.
    Wake { host: HostId, life: u32, slot: u32, at: Instant },
    /// A device is done.
    Finish { host: HostId, life: u32, work: u32 },
    /// A device has something to say in between.
    Say { host: HostId, life: u32, slot: u32, id: ActionId, step: Box<Step> },
    /// A dial reaches its target.
    Arrive { connection: ConnectionId },
    /// The answer to a dial reaches the one who dialled.
    Answer { host: HostId, life: u32, slot: u32, id: ActionId, channel: Option<ChannelId> },
    /// Evidence is made.
    Made { connection: ConnectionId, side: usize, again: bool },
    /// Evidence of the other side is judged.
    Judge { connection: ConnectionId, side: usize, piece: Box<Piece>, gate: Option<Pass> },
    /// A piece arrives at this side.
    Piece { connection: ConnectionId, side: usize, piece: Box<Piece> },
    /// The stream broke.
    Break { connection: ConnectionId },
}

/// A run that would not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{steps} steps in {seconds} simulated seconds, and no end")]
#[non_exhaustive]
pub struct NoEnd {
    /// How many steps were made.
    pub steps: u64,
    /// How far time had come.
    pub seconds: u64,
}

/// Figures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Events handled.
    pub steps: u64,
    /// Pieces carried.
    pub carried: u64,
    /// Pieces sent again.
    pub lost: u64,
    /// Streams that broke.
    pub broken: u64,
    /// Reports made.
    pub reports: u64,
    /// Transactions that came too late.
    pub conflicts: u64,
}

impl World {
    /// A run of this plan from this seed, with a trace.
    pub fn new(seed: u64, plan: Plan, trace: Trace) -> Self {
        let entropy = Entropy::new(seed);
        Self {
            plan,
            trace,
            net: Net::new(entropy.fork(1)),
            entropy: entropy.fork(2),
            queue: Queue::default(),
            hosts: Vec::new(),
            connections: BTreeMap::new(),
            next_connection: 1,
            stores: BTreeMap::new(),
            voters: BTreeMap::new(),
            nodes: BTreeMap::new(),
            steps: 0,
        }
    }

    /// Adds a host, which boots at `at`.
    pub fn add(
        &mut self,
        identity: Identity,
        program: Rc<dyn Program>,
        endpoints: Rc<[HostId]>,
        at: Time,
    ) -> HostId {
        let number = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let id = HostId::new(number);
        let mut entropy = self.entropy.fork(u64::from(number).saturating_add(1000));
        let wide = u64::from(self.plan.drift).saturating_mul(2).saturating_add(1);
        let drawn = i64::try_from(entropy.below(wide)).unwrap_or_default();
        let drift = drawn.saturating_sub(i64::from(self.plan.drift));
        let clock =
            HostClock { offset: entropy.below(1 << 40), drift: i32::try_from(drift).unwrap_or_default() };
        self.hosts.push(Host {
            id,
            identity,
            devices: Devices::blank(&mut entropy),
            memory: Memory::default(),
            ring: Ring::new(entropy.fork(0)),
            clock,
            endpoints,
            lies: false,
            relabels: None,
            program,
            maker: Maker::default(),
            cpu: Cpu::default(),
            gate: None,
            up: false,
            stopped: false,
            life: 0,
            outputs: 0,
            slots: BTreeMap::new(),
            next_slot: 0,
            next_channel: 1,
            next_work: 0,
            channels: BTreeMap::new(),
            works: Vec::new(),
        });
        self.queue.put(at, Event::Boot(id));
        id
    }

    /// How a host makes evidence, and how long its processor judges one peer, in microseconds.
    pub fn equip(&mut self, host: HostId, evidence: Evidence, judging: u64) {
        if let Some(host) = self.host_mut(host) {
            host.maker.evidence = evidence;
            host.cpu.judging = judging;
        }
    }

    /// Puts admission ahead of a host's judges: `judges` at once, each of which does `rate` in a second.
    pub fn admit(&mut self, host: HostId, judges: u16, rate: u32) {
        if let Some(host) = self.host_mut(host) {
            host.gate = Some(Box::new(Gate::new(judges, rate)));
        }
    }

    /// A host. One that was never added is a mistake of the caller.
    pub fn host(&self, id: HostId) -> Option<&Host> {
        self.hosts.get(index(id))
    }

    /// A host, to be tampered with.
    pub fn host_mut(&mut self, id: HostId) -> Option<&mut Host> {
        self.hosts.get_mut(index(id))
    }

    /// All hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The store of a cluster.
    pub fn store(&self, cluster: &ClusterId) -> Option<&ClusterStore> {
        self.stores.get(cluster)
    }

    /// The store of a cluster, to publish to.
    pub fn store_mut(&mut self, cluster: &ClusterId) -> Option<&mut ClusterStore> {
        self.stores.get_mut(cluster)
    }

    /// The time.
    pub const fn now(&self) -> Time {
        self.queue.now()
    }

    /// Unix seconds.
    pub const fn unix_now(&self) -> u64 {
        BEGIN.saturating_add(self.queue.now().as_micros() / 1_000_000)
    }

    /// The figures so far.
    pub fn figures(&self) -> Figures {
        Figures {
            steps: self.steps,
            carried: self.net.carried,
            lost: self.net.lost,
            broken: self.net.broken,
            reports: self.hosts.iter().map(|host| host.maker.reports).sum(),
            conflicts: self.stores.values().map(|store| store.conflicts).sum(),
        }
    }

    /// Runs until `until`, or until nothing is to come.
    ///
    /// # Errors
    /// [`NoEnd`] after `bound` steps.
    pub fn run(&mut self, until: Time, bound: u64) -> Result<(), NoEnd> {
        self.run_while(until, bound, |_| true)
    }

    /// Lets time pass to `until`, if nothing comes before.
    pub fn rest(&mut self, until: Time) {
        self.queue.rest(until);
    }

    /// Runs until `until`, or while `go` holds.
    ///
    /// # Errors
    /// [`NoEnd`] after `bound` steps.
    pub fn run_while(
        &mut self,
        until: Time,
        bound: u64,
        mut go: impl FnMut(&Self) -> bool,
    ) -> Result<(), NoEnd> {
        let last = self.steps.saturating_add(bound);
        while self.queue.next_at().is_some_and(|next| next <= until) && go(self) {
            if self.steps >= last {
                return Err(NoEnd { steps: bound, seconds: self.now().as_micros() / 1_000_000 });
            }
            self.steps = self.steps.saturating_add(1);
            let Some(event) = self.queue.take() else { break };
            self.step(event);
        }
        Ok(())
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Boot(host) => self.boot(host),
            Event::Wake { host, life, slot, at } => {
                let due = self
                    .host_mut(host)
                    .filter(|host| host.life == life)
                    .and_then(|host| host.slots.get_mut(&slot))
                    .filter(|slot| slot.wake == Some(at));
                if let Some(due) = due {
                    due.wake = None;
                    self.tell(host, slot, Input::Tick);
                }
            }
            Event::Finish { host, life, work } => self.finish(host, life, work),
            Event::Say { host, life, slot, id, step } => {
                if self.lives(host, life) {
                    self.tell(host, slot, Input::Step(id, *step));
                }
            }
            Event::Arrive { connection } => self.arrive(connection),
            Event::Answer { host, life, slot, id, channel } => {
                if self.lives(host, life) {
                    self.dialled(host, slot, id, channel);
                }
            }
            Event::Made { connection, side, again } => self.made(connection, side, again),
            Event::Judge { connection, side, piece, gate } => {
                let refused = self.judge(connection, side, *piece);
                if let Some(pass) = gate {
                    self.judged(&pass, !refused);
                }
            }
            Event::Piece { connection, side, piece } => self.piece(connection, side, *piece),
            Event::Break { connection } => self.broke(connection),
        }
    }

    pub(super) fn lives(&self, host: HostId, life: u32) -> bool {
        self.host(host).is_some_and(|host| host.up && host.life == life)
    }

    fn boot(&mut self, id: HostId) {
        self.drop_channels(id);
        let now = self.now();
        let Some(at) = self.hosts.get_mut(index(id)) else { return };
        if at.up {
            return;
        }
        let mut entropy = self.entropy.fork((u64::from(id.number()) << 32) | u64::from(at.life));
        at.up = true;
        at.stopped = false;
        let share = at.ring.share.take();
        at.ring = Ring::new(entropy.fork(1));
        at.ring.share = share;
        at.memory = Memory {
            csr: entropy.bytes::<32>().to_vec(),
            genesis: at.devices.disk.genesis.clone(),
            fresh_disk: Some(DiskId::new(entropy.bytes())),
            ..Memory::default()
        };
        let boot = at.devices.boot;
        self.trace.record(Entry { at: now, host: id, what: What::Boot(boot) });
        let program = at.program.clone();
        let mut start = Start {
            identity: &at.identity,
            devices: &at.devices,
            ring: &mut at.ring,
            memory: &mut at.memory,
            store: None,
            endpoints: u16::try_from(at.endpoints.len()).unwrap_or(u16::MAX),
            seed: entropy.bytes(),
            now: at.clock.read(now),
        };
        let machine = program.boot(&mut start);
        at.next_slot = 0;
        match machine {
            Some(machine) => {
                let slot = at.add_slot(machine, None);
                self.drain(id, slot);
            }
            // Number 0 is the boot's machine, also where there is none.
            None => at.next_slot = 1,
        }
    }

    /// A host stops where it is. What its devices were at may have come about or not, in order.
    pub fn crash(&mut self, id: HostId, crash: Crash) {
        let now = self.now();
        let mut entropy = self.entropy.fork(now.as_micros().wrapping_add(u64::from(id.number())));
        let Some(host) = self.host_mut(id).filter(|host| host.up) else { return };
        let works = core::mem::take(&mut host.works);
        let done = entropy.below(u64::try_from(works.len()).unwrap_or_default().saturating_add(1));
        for work in works.iter().take(usize::try_from(done).unwrap_or_default()) {
            self.effect(id, &work.action);
        }
        let Some(host) = self.host_mut(id) else { return };
        host.up = false;
        host.life = host.life.wrapping_add(1);
        host.slots.clear();
        host.gate = host.gate.take().map(|gate| Box::new(gate.emptied()));
        host.memory = Memory::default();
        host.devices.crash(crash, &mut entropy);
        self.record(id, What::Crash(crash));
        if crash == Crash::Process {
            // The kernel resets the streams of a process that is gone; those of a machine hang until it answers again.
            self.drop_channels(id);
        }
        let away = entropy.within(&self.plan.away);
        self.queue.put(now.after(away), Event::Boot(id));
    }

    /// A machine for one channel, where the host's program has one for such.
    pub(super) fn serve(&mut self, id: HostId, flow: Flow, channel: ChannelId) -> u32 {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(index(id)) else { return 0 };
        let slot = u64::from(host.next_slot);
        let mut entropy = self.entropy.fork((u64::from(id.number()) << 40) | (1 << 39) | slot);
        let program = host.program.clone();
        let cluster = host.cluster();
        let mut start = Start {
            identity: &host.identity,
            devices: &host.devices,
            ring: &mut host.ring,
            memory: &mut host.memory,
            store: cluster.and_then(|cluster| self.stores.get(&cluster)),
            endpoints: u16::try_from(host.endpoints.len()).unwrap_or(u16::MAX),
            seed: entropy.bytes(),
            now: host.clock.read(now),
        };
        match program.serve(&mut start, flow, channel) {
            Some(machine) => host.add_slot(machine, Some(channel)),
            None => 0,
        }
    }

    /// Tells a machine something, and does what it says.
    pub(super) fn tell(&mut self, id: HostId, slot: u32, input: Input) {
        let now = self.now();
        let stores = &self.stores;
        let Some(host) = self.hosts.get_mut(index(id)).filter(|host| host.up) else { return };
        let now = host.clock.read(now);
        let store = host.cluster().and_then(|cluster| stores.get(&cluster));
        let Some(at) = host.slots.get_mut(&slot) else { return };
        at.machine.handle(input, store, now);
        self.drain(id, slot);
    }

    fn drain(&mut self, id: HostId, slot: u32) {
        loop {
            let Some(host) = self.host_mut(id).filter(|host| host.up) else { return };
            let Some(at) = host.slots.get_mut(&slot) else { return };
            let output = at.machine.poll();
            if let Output::Wait(deadline) = output {
                let wanted = deadline.map(|deadline| deadline.at);
                let clock = host.clock;
                let life = host.life;
                let is_over = wanted.is_none() && at.channel.is_some();
                if at.wake != wanted {
                    at.wake = wanted;
                    if let Some(wanted) = wanted {
                        let event = Event::Wake { host: id, life, slot, at: wanted };
                        self.queue.put(clock.reaches(wanted), event);
                    }
                }
                if is_over {
                    self.retire(id, slot);
                }
                return;
            }
            host.outputs = host.outputs.saturating_add(1);
            let number = host.outputs;
            if let Some(crash) = self.crashes_at(id, number) {
                return self.crash(id, crash);
            }
            self.perform(id, slot, output);
        }
    }

    fn crashes_at(&mut self, host: HostId, output: u32) -> Option<Crash> {
        if let Some(at) = self.plan.crash_at
            && at.host == host
            && at.output == output
        {
            return Some(at.crash);
        }
        let chance = self.plan.crash;
        if !self.entropy.happens(chance) {
            return None;
        }
        Some(if self.entropy.below(2) == 0 { Crash::Process } else { Crash::Machine })
    }

    /// Forgets the machine of a channel that is gone, once it waits for nothing.
    pub(super) fn retire(&mut self, id: HostId, slot: u32) {
        let Some(host) = self.host_mut(id) else { return };
        let open = host
            .slots
            .get(&slot)
            .is_none_or(|slot| slot.channel.is_none_or(|channel| host.channels.contains_key(&channel)));
        if !open && host.works.iter().all(|work| work.slot != slot) {
            host.slots.remove(&slot);
        }
    }

    fn perform(&mut self, host: HostId, slot: u32, output: Output) {
        match output {
            Output::Send(channel, message) => self.send(host, channel, message),
            Output::Refuse(channel, code) => self.refuse(host, channel, code),
            Output::Do(id, action) => self.act(host, slot, id, action),
            Output::Event(event) => {
                let stops = matches!(
                    event,
                    MachineEvent::Stopped { .. }
                        | MachineEvent::DriverFailed { last: true, .. }
                        | MachineEvent::StorageFailed
                );
                if let Some(host) = self.host_mut(host) {
                    host.stopped |= stops;
                }
                self.record(host, What::Event(event));
            }
            Output::Wait(_) => {}
        }
    }

    pub(super) fn record(&mut self, host: HostId, what: What) {
        let at = self.now();
        self.trace.record(Entry { at, host, what });
    }

    /// Until when a verdict holds that is given now.
    pub(super) const fn valid_until(&self) -> u64 {
        self.unix_now().saturating_add(VERDICT)
    }
}

pub(super) fn index(id: HostId) -> usize {
    usize::try_from(id.number()).unwrap_or(usize::MAX)
}

impl Host {
    fn add_slot(&mut self, machine: Box<dyn super::host::Machine>, channel: Option<ChannelId>) -> u32 {
        let number = self.next_slot;
        self.next_slot = self.next_slot.wrapping_add(1);
        self.slots.insert(number, Slot { machine, channel, wake: None });
        number
    }
}
