//! One host of a run: its devices, its key ring, what runs on it, and what it shows of itself.

use core::fmt;
use std::collections::BTreeMap;
use std::rc::Rc;

use attest_core::claims::Root;

use crate::error::Code;
use crate::ids::{ClusterId, ConfigDigest, DiskId, MachineId, NodeId, ReferenceSetId};
use crate::machine::admission::{Admission, Source};
use crate::machine::facts::Genesis;
use crate::machine::message::Flow;
use crate::machine::{Action, ActionId, ChannelId, Claims, Input, Output};
use crate::peer::{Facts, LockClaim, Member, PublicKey, SameNode};
use crate::time::Instant;

use super::channel::Piece;
use super::clock::{HostClock, Time};
use super::device::Devices;
use super::ring::Ring;
use super::store::ClusterStore;
use super::symbol;
use super::trace::ConnectionId;

/// A host, by its number in the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostId(u32);

impl HostId {
    /// The host with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// One of the shipping machines, as the host drives it.
pub trait Machine: fmt::Debug {
    /// One input. `store` is the one that this host's services watch.
    fn handle(&mut self, input: Input, store: Option<&ClusterStore>, now: Instant);
    /// The next output.
    fn poll(&mut self) -> Output;
}

/// What a host is: the machines that it runs, and what they are told.
pub trait Program: fmt::Debug {
    /// The machine of a boot, or of a process that starts again in one.
    fn boot(&self, start: &mut Start<'_>) -> Option<Box<dyn Machine>>;

    /// A machine of its own for one channel that another host dialled. Without one, the boot's machine has it.
    fn serve(&self, start: &mut Start<'_>, flow: Flow, channel: ChannelId) -> Option<Box<dyn Machine>>;

    /// Whether another host may dial it for this flow.
    fn serves(&self, host: &Host, flow: Flow) -> bool;

    /// What it asks for on a channel of this flow that it dialled, or says of itself on one that it was dialled for.
    fn claims(&self, host: &Host, flow: Flow, dialled: bool, store: Option<&ClusterStore>) -> Option<Claims>;

    /// The first policy of a cluster, signed, where this is its operator.
    fn first_policy(&self, host: &Host, cluster: ClusterId) -> Option<Vec<u8>>;

    /// The sets of reference values of its policy that take this image.
    fn sets(&self, host: &Host, image: ReferenceSetId, store: Option<&ClusterStore>) -> Vec<ReferenceSetId>;
}

/// What a machine starts from.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the world, read by programs")]
pub struct Start<'a> {
    /// Who it is.
    pub identity: &'a Identity,
    /// What is on its devices.
    pub devices: &'a Devices,
    /// Its key ring.
    pub ring: &'a mut Ring,
    /// What it remembers that is no secret.
    pub memory: &'a mut Memory,
    /// The store, where its driver runs.
    pub store: Option<&'a ClusterStore>,
    /// How many endpoints it can dial.
    pub endpoints: u16,
    /// Entropy.
    pub seed: [u8; 32],
    /// Its clock.
    pub now: Instant,
}

/// What a host can prove, whatever runs on it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Identity {
    /// The image that it booted; `None` without a TEE.
    pub image: Option<ReferenceSetId>,
    /// Its machine.
    pub machine: Option<MachineId>,
    /// Its proofs of the same node.
    pub same_node: Vec<SameNode>,
    /// Its measured configuration.
    pub configuration: ConfigDigest,
    /// Keys that it signs slots with: an operator's, a custodian's.
    pub keys: Vec<PublicKey>,
    /// Secrets that it proves: tokens, vouchers.
    pub macs: Vec<[u8; 16]>,
}

impl Identity {
    /// Of somebody without a TEE.
    pub const fn person(keys: Vec<PublicKey>) -> Self {
        Self {
            image: None,
            machine: None,
            same_node: Vec::new(),
            configuration: ConfigDigest::new([0; 32]),
            keys,
            macs: Vec::new(),
        }
    }
}

/// What a process remembers beside its key ring; gone when it ends.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "read by programs")]
pub struct Memory {
    /// The request for a certificate, of a key of this process.
    pub csr: Vec<u8>,
    /// Its certificate.
    pub certificate: Option<Vec<u8>>,
    /// The genesis of the cluster that it follows.
    pub genesis: Option<Genesis>,
    /// The first policy, on the node of an init.
    pub first_policy: Option<Vec<u8>>,
    /// The disk that it will format.
    pub fresh_disk: Option<DiskId>,
    /// Whether its driver runs.
    pub driver: bool,
    /// Whether its services are open.
    pub services: bool,
}

/// What one end shows on a channel.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) image: Option<ReferenceSetId>,
    pub(super) facts: Facts,
    pub(super) claims: Claims,
}

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Its number.
    pub id: HostId,
    /// Who it is. An attacker may change it between boots.
    pub identity: Identity,
    /// Its devices.
    pub devices: Devices,
    /// What it remembers.
    pub memory: Memory,
    /// Its keys.
    pub ring: Ring,
    /// Its clock.
    pub clock: HostClock,
    /// Whom it can dial.
    pub endpoints: Rc<[HostId]>,
    /// Whether it says other things than its machine does.
    pub lies: bool,
    /// Whom the grants that it sends are said to be for, in place of their receivers.
    pub relabels: Option<NodeId>,
    pub(super) program: Rc<dyn Program>,
    pub(super) maker: Maker,
    pub(super) cpu: Cpu,
    pub(super) gate: Option<Box<Gate>>,
    pub(super) up: bool,
    /// A machine of this process said that it waits for a person.
    pub(super) stopped: bool,
    pub(super) life: u32,
    pub(super) outputs: u32,
    pub(super) slots: BTreeMap<u32, Slot>,
    pub(super) next_slot: u32,
    pub(super) next_channel: u32,
    pub(super) next_work: u32,
    pub(super) channels: BTreeMap<ChannelId, ConnectionId>,
    pub(super) works: Vec<Work>,
}

/// A machine that runs.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) machine: Box<dyn Machine>,
    /// The channel that it is for, where it is for one.
    pub(super) channel: Option<ChannelId>,
    /// When it wants to be woken.
    pub(super) wake: Option<Instant>,
}

/// What a device is at.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) number: u32,
    pub(super) slot: u32,
    pub(super) id: ActionId,
    pub(super) action: Action,
    /// A driver that waits for the quorum of its store.
    pub(super) waits: bool,
}

impl Host {
    /// A number for a channel that no other one of this host has.
    pub(super) fn fresh_channel(&mut self) -> ChannelId {
        let number = self.next_channel;
        self.next_channel = number.wrapping_add(1);
        ChannelId::new(number)
    }

    /// The lock as its image states it.
    pub fn lock_claim(&self) -> LockClaim {
        match (&self.devices.lock_file, self.devices.register) {
            (Some(file), Some(_)) if file.held => LockClaim::Pcr(file.cluster),
            (Some(file), None) if file.held => LockClaim::Software(file.cluster),
            _ => LockClaim::Open,
        }
    }

    /// The cluster of its lock, or of its disk.
    pub fn cluster(&self) -> Option<ClusterId> {
        self.devices.lock_file.map(|file| file.cluster).or_else(|| self.devices.disk.cluster())
    }

    /// What the cluster's certificate says of it, if it has one of this cluster.
    pub fn member(&self) -> Option<Member> {
        let (ca, member, csr) = symbol::read_certificate(self.memory.certificate.as_ref()?)?;
        let wanted = symbol::GenesisParts::of(self.memory.genesis.as_ref()?)?.ca;
        (Some(ca) == wanted && csr == self.memory.csr).then_some(member)
    }

    /// Whether it runs.
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// How many outputs its machines have made, over all boots.
    pub const fn outputs(&self) -> u32 {
        self.outputs
    }

    /// What it shows on a channel of this flow.
    pub(super) fn shows(
        &self,
        flow: Flow,
        dialled: bool,
        store: Option<&ClusterStore>,
        valid_until: u64,
    ) -> Option<Shown> {
        let claims = self.program.claims(self, flow, dialled, store)?;
        let attested = self.identity.image.is_some();
        let facts = Facts {
            machine: self.identity.machine,
            same_node: self.identity.same_node.clone(),
            lock: attested.then(|| self.lock_claim()),
            register: self.devices.register.map(|register| register.value),
            configuration: attested.then_some(self.identity.configuration),
            configuration_in_evidence: attested,
            boot: attested.then_some(self.devices.boot),
            member: self.member(),
            keys: self.identity.keys.clone(),
            macs: self.identity.macs.clone(),
            root: attested.then_some(Root::Hardware),
            ..Facts::nothing(valid_until)
        };
        Some(Shown { image: self.identity.image, facts, claims })
    }

    /// Judges what the other end shows.
    pub(super) fn judges(&self, shown: &Shown, store: Option<&ClusterStore>) -> Result<Facts, Code> {
        let sets = match shown.image {
            None => Vec::new(),
            Some(image) => {
                let sets = self.program.sets(self, image, store);
                if sets.is_empty() {
                    return Err(Code::POLICY);
                }
                sets
            }
        };
        Ok(Facts { sets, ..shown.facts.clone() })
    }
}

/// Who waits for a judge of a service, and in which order (protocol section 11).
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) admission: Admission,
    pub(super) waiting: BTreeMap<u64, (ConnectionId, Box<Piece>)>,
    pub(super) next: u64,
    size: (u16, u32),
}

impl Gate {
    pub(super) fn new(judges: u16, rate: u32) -> Self {
        let admission = Admission::new(judges, rate);
        Self { admission, waiting: BTreeMap::new(), next: 0, size: (judges, rate) }
    }

    /// What a process that starts again has of it: whoever waited is gone with the channels, and numbers go on.
    pub(super) fn emptied(&self) -> Self {
        let (judges, rate) = self.size;
        Self { next: self.next, ..Self::new(judges, rate) }
    }
}

/// Sixteen hosts share one source.
pub(super) fn source_of(host: HostId) -> Source {
    let [_, a, b, c] = (host.0 >> 4).to_be_bytes();
    Source::v4([a, b, c, 0])
}

/// A device that makes evidence: one report at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Evidence {
    /// How long one report takes, in microseconds.
    pub takes: u64,
    /// Whether one report serves all who wait when it is begun (protocol section 4, batches).
    pub batched: bool,
}

/// What that device is at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Maker {
    pub(super) evidence: Evidence,
    /// When the report that is being made is ready.
    current: Time,
    /// When the last one that was asked for is ready.
    last: Time,
    /// How many reports were made.
    pub(super) reports: u64,
}

impl Maker {
    /// When the evidence is ready that is asked for now.
    pub(super) fn ready(&mut self, now: Time) -> Time {
        if self.last <= now {
            // It is idle.
            self.reports = self.reports.saturating_add(1);
            self.last = now.after(self.evidence.takes);
            self.current = self.last;
        } else if !self.evidence.batched {
            self.reports = self.reports.saturating_add(1);
            self.last = self.last.after(self.evidence.takes);
        } else if self.current == self.last || self.current <= now {
            // One is being made and none waits behind it; or the one that waited is being made now.
            self.reports = self.reports.saturating_add(1);
            self.current = self.last;
            self.last = self.last.after(self.evidence.takes);
        }
        self.last
    }
}

/// A processor that does one thing after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cpu {
    free: Time,
    /// How long one judgement of a peer takes, in microseconds: the handshake, the signatures, the policy.
    pub(super) judging: u64,
}

impl Cpu {
    /// When the judgement is done that is asked for now.
    pub(super) fn ready(&mut self, now: Time) -> Time {
        self.free = self.free.max(now).after(self.judging);
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(maker: &mut Maker, now: u64) -> u64 {
        maker.ready(Time::from_micros(now)).as_micros()
    }

    #[test]
    fn reports_are_made_one_by_one_or_for_all_who_wait() {
        let of = |batched| Maker { evidence: Evidence { takes: 100, batched }, ..Maker::default() };
        let mut single = of(false);
        let times = [0, 10, 20, 350].map(|now| ready(&mut single, now));
        assert_eq!((times, single.reports), ([100, 200, 300, 450], 4));
        let mut batched = of(true);
        let times = [0, 10, 20, 99, 120, 150, 250, 420].map(|now| ready(&mut batched, now));
        assert_eq!(times, [100, 200, 200, 200, 300, 300, 400, 520]);
        assert_eq!(batched.reports, 5);
    }
}
