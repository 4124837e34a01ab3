//! The usual parts of a run: an operator, a first node, others that join.

use std::rc::Rc;

use crate::error::Code;
use crate::ids::{
    AttemptId, ClusterId, ConfigDigest, DiskId, MachineId, NodeId, ReferenceSetId, Role, ShareSetId,
};
use crate::machine::facts::{Authority, Custody, Floors, LockRegister, Name, Source};
use crate::machine::record::{MemberPhase, OperatorPhase};
use crate::machine::{Event, PusherConfig};
use crate::peer::{PublicKey, SameNode, SameNodeClass};

use super::clock::Time;
use super::device::{Desk, Register};
use super::host::{Host, HostId, Identity};
use super::invariant::{Broken, broken};
use super::law::Content;
use super::plan::{Crash, Plan};
use super::programs::{NodeProgram, Operator, Publisher, Pusher, shared};
use super::ring::{Material, Share};
use super::symbol::Policy;
use super::trace::{Trace, What};
use super::world::World;

/// The image of the first policy.
pub const IMAGE: ReferenceSetId = ReferenceSetId::new([0x11; 32]);
/// The image that a rolling upgrade leads to.
pub const NEXT_IMAGE: ReferenceSetId = ReferenceSetId::new([0x12; 32]);
/// An image that nobody accepts.
pub const OTHER_IMAGE: ReferenceSetId = ReferenceSetId::new([0x13; 32]);
/// The configuration of all nodes.
pub const CONFIGURATION: ConfigDigest = ConfigDigest::new([0x21; 32]);
/// The first node's id.
pub const FIRST: NodeId = NodeId::new([0x31; 16]);
/// The run of init.
pub const ATTEMPT: AttemptId = AttemptId::new([0x41; 16]);

/// How a run is cast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Casting {
    /// Nodes beside the first one.
    pub nodes: u32,
    /// How many of them may be seats.
    pub seats: u32,
    /// Whether nodes have a TPM: a lock register, a counter, and an attestation key.
    pub tpm: bool,
    /// How the secrets are kept.
    pub custody: Custody,
    /// Within how many seconds the others boot, once the first node has had a minute.
    pub within: u64,
}

impl Casting {
    /// A first node and others with TPMs.
    pub const fn of(nodes: u32, seats: u32) -> Self {
        Self { nodes, seats, tpm: true, custody: Custody::Joint, within: 10 }
    }

    const fn register(&self) -> LockRegister {
        if self.tpm { LockRegister::Pcr([0; 32]) } else { LockRegister::Software }
    }
}

/// A run and who is who in it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "read by whoever cast it")]
pub struct Cast {
    /// The run.
    pub world: World,
    /// How it was cast.
    pub casting: Casting,
    /// The operator.
    pub operator: HostId,
    /// The first node.
    pub first: HostId,
    /// The others, seats first.
    pub nodes: Vec<HostId>,
    /// Where services may be found.
    pub services: Rc<[HostId]>,
    /// When a person looks again.
    pub look: Time,
}

/// The operator's key.
pub fn operator_key() -> PublicKey {
    PublicKey::Ed25519([0x51; 32])
}

/// The key of a custodian.
pub fn custodian_key(index: u8) -> PublicKey {
    PublicKey::Ed25519([0x60_u8.wrapping_add(index); 32])
}

/// Who has authority: one operator, three custodians.
pub fn authority() -> Authority {
    Authority {
        operators: vec![operator_key()],
        threshold: 1,
        custodians: (1..=3).map(custodian_key).collect(),
    }
}

/// The machine of a host with this number.
pub fn machine(number: u32) -> MachineId {
    let mut id = [0xa0; 32];
    for (byte, drawn) in id.iter_mut().zip(number.to_be_bytes()) {
        *byte = drawn;
    }
    MachineId::new(id)
}

/// A genuine machine with this image.
pub fn genuine(number: u32, image: ReferenceSetId, tpm: bool) -> Identity {
    let machine = machine(number);
    let same_node = if tpm {
        SameNode { class: SameNodeClass::Tpm, id: machine.as_bytes().to_vec() }
    } else {
        // The firmware derives another key for another image.
        let id = [machine.as_bytes().as_slice(), image.as_bytes().as_slice()].concat();
        SameNode { class: SameNodeClass::SnpKey, id }
    };
    Identity {
        image: Some(image),
        machine: Some(machine),
        same_node: vec![same_node],
        configuration: CONFIGURATION,
        keys: Vec::new(),
        macs: Vec::new(),
    }
}

impl Cast {
    /// Casts a run. The operator is host 0, the first node host 1.
    pub fn new(seed: u64, plan: Plan, trace: Trace, casting: Casting) -> Self {
        let mut world = World::new(seed, plan, trace);
        let first = HostId::new(1);
        let services: Rc<[HostId]> = (1..=casting.seats.saturating_add(1)).map(HostId::new).collect();
        let operator = world.add(
            Identity::person(vec![operator_key()]),
            shared(casting.operator()),
            Rc::from([first]),
            Time::from_micros(0),
        );
        let look = Time::default().after(ATTENDED);
        let mut cast = Self { world, casting, operator, first, nodes: Vec::new(), services, look };
        if let Some(host) = cast.world.host_mut(operator) {
            host.devices.desk = Some(Box::default());
        }
        let program = shared(casting.node());
        cast.node(&program, 1, Time::from_micros(0));
        for number in 0..casting.nodes {
            let spread = u64::from(number).saturating_mul(casting.within.saturating_mul(1_000_000));
            let after = spread.checked_div(u64::from(casting.nodes)).unwrap_or_default();
            let at = Time::from_secs(60).after(after);
            let node = cast.node(&program, number.saturating_add(2), at);
            cast.nodes.push(node);
        }
        cast
    }

    fn node(&mut self, program: &Rc<dyn super::host::Program>, number: u32, at: Time) -> HostId {
        let identity = genuine(number, IMAGE, self.casting.tpm);
        let own = HostId::new(number);
        let endpoints = if self.services.contains(&own) {
            self.services.iter().copied().filter(|service| *service != own).collect()
        } else {
            self.services.clone()
        };
        let id = self.world.add(identity, program.clone(), endpoints, at);
        let tpm = self.casting.tpm;
        if let Some(host) = self.world.host_mut(id).filter(|_| tpm) {
            host.devices.register = Some(Register::zero());
            host.devices.counter = Some(0);
        }
        id
    }

    /// The cluster, once the operator has made its genesis.
    pub fn cluster(&self) -> Option<ClusterId> {
        let desk = self.world.host(self.operator)?.devices.desk.as_deref()?;
        desk.record.as_ref()?.genesis.cluster()
    }

    /// Whether the operator's init is done.
    pub fn is_founded(&self) -> bool {
        self.world
            .host(self.operator)
            .and_then(|host| host.devices.desk.as_deref()?.record.as_ref())
            .is_some_and(|record| record.phase == OperatorPhase::Member)
    }

    /// Whether this node is a member with open services.
    pub fn is_member(&self, node: HostId) -> bool {
        self.world.host(node).is_some_and(|host| {
            host.is_up()
                && host.memory.services
                && host
                    .devices
                    .disk
                    .member
                    .as_deref()
                    .is_some_and(|member| member.phase == MemberPhase::Member)
        })
    }

    /// Whether every node is.
    pub fn all_members(&self) -> bool {
        core::iter::once(&self.first).chain(&self.nodes).all(|node| self.is_member(*node))
    }

    /// Runs until all nodes are members; whether they are before that many seconds are over.
    pub fn settle(&mut self, seconds: u64) -> bool {
        self.run_until(seconds, |cast| cast.is_founded() && cast.all_members())
    }

    /// What a person does who looks after the run every ten minutes: starts again what stopped, gives up an init whose node lost the
    /// boot that the roots were for (protocol section 5, O1 and O9), and brings back the seats of a cluster without a quorum.
    pub fn attend(&mut self) {
        let stopped: Vec<HostId> =
            self.world.hosts().iter().filter(|host| host.stopped).map(|host| host.id).collect();
        if !self.is_founded() {
            self.give_up_a_lost_boot();
        }
        for host in stopped {
            self.world.crash(host, Crash::Process);
        }
        if self.is_founded() && !self.has_quorum() {
            let waiting: Vec<HostId> =
                self.world.hosts().iter().filter(|host| self.waits(host)).map(|host| host.id).collect();
            for node in waiting {
                self.push(node, false, None);
            }
        }
    }

    /// Whether some seat reaches more than half of the seats.
    fn has_quorum(&self) -> bool {
        self.services.iter().any(|seat| self.world.quorum_of(*seat))
    }

    /// Whether a seat asks for its disk, and none is left to answer.
    fn waits(&self, host: &Host) -> bool {
        let seat = host.devices.disk.member.as_deref().is_some_and(|member| member.role == Role::Seat);
        seat && host.is_up() && !host.devices.disk.mounted
    }

    fn give_up_a_lost_boot(&mut self) {
        let Some(first) = self.world.host(self.first) else { return };
        let (boot, blank) = (first.devices.boot, first.devices.disk.header.is_none());
        let desk = self.world.host_mut(self.operator).and_then(|host| host.devices.desk.as_deref_mut());
        let Some(desk) = desk else { return };
        let lost = desk.record.as_ref().is_some_and(|record| {
            record.phase == OperatorPhase::Granting
                && blank
                && record.bound.as_ref().is_some_and(|bound| bound.boot != boot)
        });
        if lost {
            *desk = Desk::default();
            self.world.crash(self.operator, Crash::Process);
            self.world.crash(self.first, Crash::Machine);
        }
    }

    /// Runs until something holds; whether it does before that many more seconds are over.
    pub fn run_until(&mut self, seconds: u64, done: impl Fn(&Self) -> bool) -> bool {
        let until = self.world.now().after(seconds.saturating_mul(1_000_000));
        while !done(self) {
            if self.world.now() >= self.look {
                self.attend();
                self.look = self.world.now().after(ATTENDED);
            }
            let step = self.world.now().after(100_000);
            if step > until || self.world.run(step, STEPS).is_err() {
                return false;
            }
            self.world.rest(step);
        }
        true
    }

    /// Runs for a while.
    pub fn run_for(&mut self, seconds: u64) {
        self.run_until(seconds, |_| false);
    }

    /// A reboot, with another image if one is named: the SNP firmware then derives another key.
    pub fn reboot(&mut self, node: HostId, image: Option<ReferenceSetId>) {
        self.world.crash(node, Crash::Machine);
        let tpm = self.casting.tpm;
        if let (Some(host), Some(image)) = (self.world.host_mut(node), image) {
            let before = host.identity.same_node.clone();
            host.identity = genuine(node.number(), image, tpm);
            // What an upgrade announces: the platform's proof of before still counts beside the new one.
            host.identity.same_node.extend(before);
            host.identity.same_node.dedup();
        }
    }

    /// An operator who brings a node's disk back.
    pub fn push(&mut self, node: HostId, alone: bool, secret: Option<Material>) -> Option<HostId> {
        let desk = self.world.host(self.operator)?.devices.desk.as_deref()?.clone();
        let master = secret.or_else(|| desk.master.clone());
        let pusher = self.pusher(node, Source::Operator, alone)?;
        let id = self.world.add(
            Identity::person(vec![operator_key()]),
            shared(pusher),
            Rc::from([node]),
            self.world.now(),
        );
        if let Some(host) = self.world.host_mut(id) {
            host.devices.desk = Some(Box::new(Desk { master, record: desk.record, ..Desk::default() }));
        }
        Some(id)
    }

    /// A custodian who brings a share.
    pub fn push_share(&mut self, node: HostId, share: Share) -> Option<HostId> {
        let desk = self.world.host(self.operator)?.devices.desk.as_deref()?.clone();
        let pusher = self.pusher(node, Source::Custodian, false)?;
        let id = self.world.add(
            Identity::person(vec![custodian_key(share.index)]),
            shared(pusher),
            Rc::from([node]),
            self.world.now(),
        );
        if let Some(host) = self.world.host_mut(id) {
            host.devices.desk = Some(Box::new(Desk { record: desk.record, ..Desk::default() }));
            host.ring.share = Some(share);
        }
        Some(id)
    }

    /// Two of three shares of the operator's master secret are enough.
    pub fn share(&self, index: u8) -> Option<Share> {
        let desk = self.world.host(self.operator)?.devices.desk.as_deref()?;
        let Some(Material::Master(secret)) = desk.master else { return None };
        let (cluster, set) = (self.cluster()?, ShareSetId::new([0x71; 16]));
        Some(Share { cluster, set, index, needed: 2, secret, fits: true })
    }

    fn pusher(&self, node: HostId, source: Source, alone: bool) -> Option<Pusher> {
        let member = self.world.host(node)?.devices.disk.member.as_deref()?.clone();
        let same_node = self.world.host(node)?.identity.same_node.first().cloned();
        Some(Pusher {
            config: PusherConfig {
                cluster: member.cluster,
                node: member.node,
                disk: Some(member.disk),
                same_node,
                source,
                role: member.role,
                roots: false,
                register: self.casting.register(),
                least_lock: 1,
            },
            floors: Floors::default(),
            alone,
            sets: vec![IMAGE, NEXT_IMAGE],
        })
    }

    /// An operator who publishes the next policy at the first node.
    pub fn publish(&mut self, content: &Content) -> Option<HostId> {
        let cluster = self.cluster()?;
        let tip = self.world.store(&cluster)?.tip()?;
        let policy = Policy {
            cluster,
            epoch: tip.epoch.saturating_add(1),
            previous: tip.hash,
            content: content.to_bytes(),
            signers: vec![operator_key()],
        };
        let program =
            Publisher { cluster, statements: vec![policy.to_bytes()], sets: vec![IMAGE, NEXT_IMAGE] };
        let identity = Identity::person(vec![operator_key()]);
        Some(self.world.add(identity, shared(program), Rc::from([self.first]), self.world.now()))
    }

    /// What the run breaks of protocol section 12.
    pub fn broken(&self) -> Vec<Broken> {
        let content = self.casting.content();
        broken(&self.world.trace, |facts| {
            let listed = facts.machine.is_some_and(|machine| content.seats.contains(&machine));
            if listed { Role::Seat } else { Role::Worker }
        })
    }

    /// The codes by which machines of this host turned somebody away, with their guards.
    pub fn refusals(&self, host: HostId) -> Vec<(Code, &'static str)> {
        self.world
            .trace
            .entries()
            .iter()
            .filter(|entry| entry.host == host)
            .filter_map(|entry| match &entry.what {
                What::Event(Event::Refused { code, guard }) => Some((*code, *guard)),
                _ => None,
            })
            .collect()
    }

    /// A host that is there.
    pub fn disk_of(&self, host: HostId) -> Option<DiskId> {
        self.world
            .host(host)
            .and_then(|host: &Host| host.devices.disk.header.as_ref())
            .map(|header| header.disk)
    }
}

/// How often a person looks, in microseconds.
const ATTENDED: u64 = 600_000_000;
/// Most steps of a tenth of a simulated second.
const STEPS: u64 = 5_000_000;

impl Casting {
    /// The operator's program.
    pub fn operator(&self) -> Operator {
        Operator {
            authority: authority(),
            custody: self.custody,
            configurations: vec![CONFIGURATION],
            register: self.register(),
            least_lock: if self.tpm { 2 } else { 1 },
            attempt: ATTEMPT,
            node: FIRST,
            name: Name::new("first"),
            content: self.content(),
        }
    }

    /// The program of all nodes.
    pub fn node(&self) -> NodeProgram {
        NodeProgram {
            register: self.register(),
            seat_sets: vec![IMAGE, NEXT_IMAGE],
            authority: Some(authority()),
            pinned: None,
            largest_role: Role::Seat,
        }
    }

    /// What the first policy says.
    pub fn content(&self) -> Content {
        Content {
            sets: vec![IMAGE],
            seat_sets: vec![IMAGE],
            seats: (1..=self.seats.saturating_add(1)).map(machine).collect(),
            replace: Vec::new(),
            revoked: Vec::new(),
            least_lock: if self.tpm { 2 } else { 1 },
            least_class: 1,
        }
    }
}
