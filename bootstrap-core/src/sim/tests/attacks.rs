//! The attacks of protocol section 12 that are about machines. Each one is run twice: it fails as things are, and it succeeds once the
//! guard that stops it is taken out, so that none of them passes for another reason than its guard.

use std::rc::Rc;

use crate::error::Code;
use crate::ids::{ClusterId, ReferenceSetId};
use crate::machine::guard::{Guard, without};
use crate::machine::message::{Flow, GrantFacts, Locked};
use crate::machine::record::OperatorPhase;
use crate::machine::{
    Action, ActionId, ChannelId, Claims, DriverAction, Event, Input, KeyAction, Message, Output,
};
use crate::peer::PublicKey;
use crate::sim::cast::{Cast, Casting, IMAGE, OTHER_IMAGE, genuine};
use crate::sim::clock::Time;
use crate::sim::device::{Disk, Register};
use crate::sim::host::{Host, HostId, Identity, Machine, Program, Start};
use crate::sim::plan::{Crash, Plan};
use crate::sim::programs::{NodeProgram, Operator, shared};
use crate::sim::ring::Material;
use crate::sim::store::ClusterStore;
use crate::sim::symbol::Roots;
use crate::sim::trace::{Entry, Trace, What};
use crate::sim::world::World;
use crate::time::Instant;

/// The attack fails, and without the guard it does not.
fn stopped_by(guard: Guard, attack: impl Fn() -> bool) {
    assert!(!attack(), "the attack succeeds");
    assert!(without(Some(guard), &attack), "the attack fails without {guard:?} too");
}

fn founded(casting: Casting) -> Cast {
    let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), casting);
    assert!(cast.settle(600), "{}", cast.world.trace.to_mermaid(|host| host.number().to_string()));
    cast
}

fn happened(cast: &Cast, what: impl Fn(&Entry) -> bool) -> bool {
    cast.world.trace.entries().iter().any(what)
}

fn sent_locked(cast: &Cast, host: HostId) -> bool {
    happened(cast, |entry| entry.host == host && matches!(entry.what, What::Sent(_, _, Message::Locked(_))))
}

fn opened_services(cast: &Cast, host: HostId) -> bool {
    cast.world.host(host).unwrap().memory.services
}

/// Adds a genuine node that the attacker tells where to dial.
fn add_node(cast: &mut Cast, image: ReferenceSetId, program: NodeProgram, endpoints: &[HostId]) -> HostId {
    let number = u32::try_from(cast.world.hosts().len()).unwrap();
    let now = cast.world.now();
    let tpm = cast.casting.tpm;
    let id = cast.world.add(genuine(number, image, tpm), shared(program), endpoints.into(), now);
    let host = cast.world.host_mut(id).unwrap();
    host.devices.register = tpm.then(Register::zero);
    host.devices.counter = tpm.then_some(0);
    id
}

/// Adds an operator of the attacker, with a genesis of its own, who means this node.
fn add_operator(cast: &mut Cast, key: PublicKey, target: HostId) -> HostId {
    let mut program: Operator = cast.casting.operator();
    program.authority.operators = vec![key.clone()];
    let identity = Identity::person(vec![key]);
    let id = cast.world.add(identity, shared(program), Rc::from([target]), cast.world.now());
    cast.world.host_mut(id).unwrap().devices.desk = Some(Box::default());
    id
}

fn stranger() -> PublicKey {
    PublicKey::Ed25519([0xbb; 32])
}

/// A second cluster, of a stranger, made of genuine machines with our image.
fn strange_cluster(cast: &mut Cast) -> HostId {
    let mut program = cast.casting.node();
    program.authority.as_mut().unwrap().operators = vec![stranger()];
    let first = add_node(cast, IMAGE, program, &[]);
    let operator = add_operator(cast, stranger(), first);
    let done = cast.run_until(300, |cast| {
        let desk = cast.world.host(operator).unwrap().devices.desk.as_deref().unwrap();
        desk.record.as_ref().is_some_and(|record| record.phase == OperatorPhase::Member)
    });
    assert!(done);
    first
}

#[test]
fn malicious_service() {
    stopped_by(Guard::JoinerCluster, || {
        let mut cast = founded(Casting::of(0, 0));
        let pinned = cast.cluster();
        let service = strange_cluster(&mut cast);
        let program = NodeProgram { pinned, ..cast.casting.node() };
        let joiner = add_node(&mut cast, IMAGE, program, &[service]);
        cast.run_for(120);
        opened_services(&cast, joiner)
    });
}

/// A genuine machine with our image says that it is a service of the cluster, and has no certificate of it.
#[derive(Debug)]
struct Impostor {
    claims: Claims,
    offer: Message,
}

impl Machine for Option<Output> {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, _: Instant) {
        if let (Input::Opened(opened), Some(Output::Send(channel, _))) = (input, self) {
            *channel = opened.channel;
        }
    }

    fn poll(&mut self) -> Output {
        match self {
            Some(Output::Send(channel, _)) if channel.number() != 0 => self.take().unwrap(),
            _ => Output::Wait(None),
        }
    }
}

impl Program for Impostor {
    fn boot(&self, _: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        Some(Box::new(Some(Output::Send(ChannelId::new(0), self.offer.clone()))))
    }

    fn serve(&self, _: &mut Start<'_>, _: Flow, _: ChannelId) -> Option<Box<dyn Machine>> {
        None
    }

    fn serves(&self, _: &Host, _: Flow) -> bool {
        true
    }

    fn claims(&self, _: &Host, _: Flow, _: bool, _: Option<&ClusterStore>) -> Option<Claims> {
        Some(self.claims.clone())
    }

    fn sets(&self, _: &Host, image: ReferenceSetId, _: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        vec![image]
    }

    fn first_policy(&self, _: &Host, _: ClusterId) -> Option<Vec<u8>> {
        None
    }
}

#[test]
fn service_without_a_certificate() {
    stopped_by(Guard::JoinerChain, || {
        let mut cast = founded(Casting::of(1, 0));
        let cluster = cast.cluster().unwrap();
        let offer = cast.world.trace.entries().iter().find_map(|entry| match &entry.what {
            What::Sent(_, _, offer @ Message::Offer(_)) => Some(offer.clone()),
            _ => None,
        });
        let first = cast.world.host(cast.first).unwrap();
        let claims =
            cast.casting.node().claims(first, Flow::Join, false, cast.world.store(&cluster)).unwrap();
        let program = Rc::new(Impostor { claims, offer: offer.unwrap() });
        let now = cast.world.now();
        let service = cast.world.add(genuine(90, IMAGE, true), program, Rc::from([]), now);
        // The lock claim of c costs the impostor nothing: its register does not, so it locks itself like a member.
        let locked = cast.world.host(cast.first).unwrap().devices.clone();
        let host = cast.world.host_mut(service).unwrap();
        (host.devices.register, host.devices.lock_file) = (locked.register, locked.lock_file);
        let program = NodeProgram { pinned: Some(cluster), ..cast.casting.node() };
        let joiner = add_node(&mut cast, IMAGE, program, &[service]);
        cast.run_for(60);
        sent_locked(&cast, joiner)
    });
}

/// A node that asks to join, or lets itself be initialised, and says Locked without a lock.
#[derive(Debug)]
struct Unlocked(NodeProgram);

#[derive(Debug, Default)]
struct SaysLocked {
    dialled: bool,
    says: Option<Output>,
}

impl Machine for SaysLocked {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, _: Instant) {
        let locked = |channel, cluster| {
            Some(Output::Send(channel, Message::Locked(Locked { cluster, class: 2, genesis: None })))
        };
        match input {
            Input::Message(channel, Message::Offer(offer)) => self.says = locked(channel, offer.cluster),
            Input::Opened(opened) => {
                if let Claims::Init(claims) = &opened.claims {
                    self.says = locked(opened.channel, claims.genesis.cluster().unwrap());
                }
            }
            _ => {}
        }
    }

    fn poll(&mut self) -> Output {
        if !core::mem::replace(&mut self.dialled, true) {
            return Output::Do(ActionId::new(0), Action::Dial { endpoint: 0, flow: Flow::Join });
        }
        self.says.take().unwrap_or(Output::Wait(None))
    }
}

impl Program for Unlocked {
    fn boot(&self, _: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        Some(Box::new(SaysLocked::default()))
    }

    fn serve(&self, _: &mut Start<'_>, _: Flow, _: ChannelId) -> Option<Box<dyn Machine>> {
        None
    }

    fn serves(&self, host: &Host, flow: Flow) -> bool {
        self.0.serves(host, flow)
    }

    fn claims(&self, host: &Host, flow: Flow, dialled: bool, store: Option<&ClusterStore>) -> Option<Claims> {
        self.0.claims(host, flow, dialled, store)
    }

    fn sets(&self, host: &Host, image: ReferenceSetId, store: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        self.0.sets(host, image, store)
    }

    fn first_policy(&self, _: &Host, _: ClusterId) -> Option<Vec<u8>> {
        None
    }
}

fn got_a_grant(cast: &Cast, host: HostId) -> bool {
    happened(cast, |entry| {
        entry.host == host && matches!(entry.what, What::Received(_, _, Message::Grant(_)))
    })
}

#[test]
fn ticket_without_a_lock() {
    stopped_by(Guard::ServiceLocked, || {
        let mut cast = founded(Casting::of(0, 0));
        let program = Rc::new(Unlocked(cast.casting.node()));
        let (now, endpoints) = (cast.world.now(), Rc::from([cast.first]));
        let node = cast.world.add(genuine(90, IMAGE, true), program, endpoints, now);
        cast.world.host_mut(node).unwrap().devices.register = Some(Register::zero());
        cast.run_for(60);
        got_a_grant(&cast, node)
    });
}

#[test]
fn roots_without_a_lock() {
    stopped_by(Guard::OperatorLocked, || {
        let mut cast = founded(Casting::of(0, 0));
        let program = Rc::new(Unlocked(cast.casting.node()));
        let now = cast.world.now();
        let node = cast.world.add(genuine(90, IMAGE, true), program, Rc::from([]), now);
        cast.world.host_mut(node).unwrap().devices.register = Some(Register::zero());
        add_operator(&mut cast, stranger(), node);
        cast.run_for(60);
        got_a_grant(&cast, node)
    });
}

#[test]
fn unknown_operator_inits() {
    stopped_by(Guard::InitKey, || {
        let mut cast = founded(Casting::of(0, 0));
        let node = {
            let program = cast.casting.node();
            add_node(&mut cast, IMAGE, program, &[])
        };
        // It names our authority in its genesis, and has another key.
        let program = cast.casting.operator();
        let id = cast.world.add(
            Identity::person(vec![stranger()]),
            shared(Operator { authority: program.authority.clone(), ..program }),
            Rc::from([node]),
            cast.world.now(),
        );
        cast.world.host_mut(id).unwrap().devices.desk = Some(Box::default());
        cast.run_for(60);
        // Without the guard it comes as far as the policy, which it could not sign either.
        let checks = |action: &Action| matches!(action, Action::Keys(KeyAction::CheckPolicies { .. }));
        happened(&cast, |entry| {
            entry.host == node && matches!(&entry.what, What::Asked(action) if checks(action))
        })
    });
}

#[test]
fn foreign_config() {
    stopped_by(Guard::OperatorConfiguration, || {
        let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), Casting::of(0, 0));
        let first = cast.first;
        cast.world.host_mut(first).unwrap().identity.configuration =
            crate::ids::ConfigDigest::new([0xcc; 32]);
        cast.run_for(60);
        got_a_grant(&cast, first)
    });
}

#[test]
fn other_image() {
    // The judge of the channel refuses it; no machine is asked. There is no guard of a machine to take out.
    let mut cast = founded(Casting::of(0, 0));
    let program = cast.casting.node();
    let service = cast.first;
    let node = add_node(&mut cast, OTHER_IMAGE, program, &[service]);
    cast.run_for(60);
    assert!(happened(&cast, |entry| matches!(
        entry.what,
        What::NotBelieved(_, who, Code::POLICY) if who == node
    )));
    assert!(!got_a_grant(&cast, node));
}

/// One genesis meets two nodes: the operator crashes in the middle, and its host leads it to another node.
#[test]
fn double_init() {
    stopped_by(Guard::OperatorBound, || {
        let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), Casting::of(0, 0));
        let operator = cast.operator;
        let granting = cast.run_until(60, |cast| {
            let desk = cast.world.host(operator).unwrap().devices.desk.as_deref().unwrap();
            desk.record.as_ref().is_some_and(|record| record.phase == OperatorPhase::Granting)
        });
        assert!(granting);
        let program = cast.casting.node();
        let other = add_node(&mut cast, IMAGE, program, &[]);
        cast.world.host_mut(operator).unwrap().endpoints = Rc::from([other]);
        cast.world.crash(operator, Crash::Process);
        cast.run_for(60);
        happened(&cast, |entry| {
            entry.host == other && matches!(entry.what, What::Done(Action::Driver(DriverAction::Init { .. })))
        })
    });
}

/// A node is initialised by one and invited by another at once; under some timing each would win half.
#[test]
fn init_join_race() {
    stopped_by(Guard::LockOneCluster, || {
        (0..40).any(|seed| {
            // A lock in software: with a register, whoever is told Locked sees for himself.
            let casting = Casting { tpm: false, ..Casting::of(0, 0) };
            let mut cast = Cast::new(seed, Plan::calm(), Trace::whole(), casting);
            assert!(cast.settle(600));
            let mut program = cast.casting.node();
            program.authority.as_mut().unwrap().operators = vec![stranger()];
            let service = cast.first;
            let node = add_node(&mut cast, IMAGE, program, &[service]);
            // The first dial of the node comes within five seconds of its boot; the operator's comes at once.
            let until = cast.world.now().after(125_000 * seed);
            cast.world.run(until, 100_000).unwrap();
            cast.world.rest(until);
            add_operator(&mut cast, stranger(), node);
            cast.run_for(60);
            let broken = cast.broken();
            broken.iter().any(|broken| broken.host == node && broken.invariant != "I6")
        })
    });
}

#[test]
fn register_that_somebody_else_extended() {
    stopped_by(Guard::LockReadBack, || {
        let mut cast = founded(Casting::of(0, 0));
        let (program, service) = (cast.casting.node(), cast.first);
        let node = add_node(&mut cast, IMAGE, program, &[service]);
        cast.world.run(cast.world.now(), 1_000).unwrap();
        cast.world.host_mut(node).unwrap().devices.register.as_mut().unwrap().extend(b"somebody else");
        cast.run_for(60);
        sent_locked(&cast, node)
    });
}

/// The operator's host hands it another master file than the one of the genesis.
#[test]
fn wrong_roots() {
    stopped_by(Guard::InitRoots, || {
        let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), Casting::of(0, 0));
        let operator = cast.operator;
        let until = Time::from_secs(60);
        let unmade = |world: &World| world.host(operator).unwrap().ring.roots.is_none();
        cast.world.run_while(until, 100_000, unmade).unwrap();
        cast.world.host_mut(operator).unwrap().ring.roots = Some(Roots::of_master(&[0xdd; 32]));
        cast.run_for(60);
        cast.world.host(cast.first).unwrap().devices.disk.header.is_some()
    });
}

/// A service hands out a ticket for another node than it offered.
#[test]
fn ticket_of_another_node() {
    stopped_by(Guard::JoinerOffer, || {
        let mut cast = founded(Casting::of(1, 0));
        let replayed = cast.world.trace.entries().iter().find_map(|entry| match &entry.what {
            What::Sent(_, _, Message::Grant(grant)) => match &grant.facts {
                GrantFacts::Join { ticket, .. } => Some(ticket.node),
                _ => None,
            },
            _ => None,
        });
        let (program, service) = (cast.casting.node(), cast.first);
        cast.world.host_mut(service).unwrap().relabels = replayed;
        let node = add_node(&mut cast, IMAGE, program, &[service]);
        cast.run_for(60);
        cast.world.host(node).unwrap().devices.disk.header.is_some()
    });
}

/// Another machine boots with a copy of a node's disk, and asks for its keys.
#[test]
fn other_disk() {
    stopped_by(Guard::ServiceSameNode, || {
        let mut cast = founded(Casting::of(1, 0));
        let (victim, service) = (cast.nodes[0], cast.first);
        let thief = thief(&mut cast, victim, &[service]);
        cast.run_for(60);
        cast.world.host(thief).unwrap().devices.disk.mounted
    });
}

/// A worker's machine boots with a copy of a seat's disk: its ticket would bring the roots.
#[test]
fn worker_wants_seat() {
    stopped_by(Guard::ServiceSameNode, || {
        let mut cast = founded(Casting::of(2, 1));
        let (seat, service) = (cast.nodes[0], cast.first);
        let thief = thief(&mut cast, seat, &[service]);
        cast.run_for(60);
        cast.world.host(thief).unwrap().ring.roots.is_some()
    });
}

/// What a worker gets holds no roots, whatever it would like to be: the role comes from the machine list.
#[test]
fn worker_gets_no_roots() {
    let cast = founded(Casting::of(2, 1));
    let roots = |host: HostId| cast.world.host(host).unwrap().ring.roots.is_some();
    assert!(roots(cast.nodes[0]));
    assert!(!roots(cast.nodes[1]));
    assert_eq!(cast.broken(), Vec::new());
}

fn thief(cast: &mut Cast, victim: HostId, endpoints: &[HostId]) -> HostId {
    let disk = cast.world.host(victim).unwrap().devices.disk.clone();
    let program = cast.casting.node();
    let thief = add_node(cast, IMAGE, program, endpoints);
    let host = cast.world.host_mut(thief).unwrap();
    host.devices.disk = disk;
    host.devices.disk.mounted = false;
    thief
}

/// An operator is led to another machine that has a copy of the disk.
#[test]
fn divert_operator() {
    stopped_by(Guard::PusherSameNode, || {
        let mut cast = founded(Casting::of(1, 0));
        let victim = cast.nodes[0];
        let thief = thief(&mut cast, victim, &[]);
        let pusher = cast.push(victim, true, None).unwrap();
        cast.world.host_mut(pusher).unwrap().endpoints = Rc::from([thief]);
        cast.run_for(120);
        cast.world.host(thief).unwrap().devices.disk.mounted
    });
}

/// The host gives a node a disk of two boots ago.
#[test]
fn rollback_of_a_disk() {
    stopped_by(Guard::RecoveryGeneration, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = cast.nodes[0];
        let old = cast.world.host(node).unwrap().devices.disk.clone();
        for _ in 0..2 {
            cast.reboot(node, None);
            assert!(cast.settle(300));
        }
        cast.reboot(node, None);
        cast.world.host_mut(node).unwrap().devices.disk = old;
        cast.run_for(120);
        opened_services(&cast, node)
    });
}

/// The same with no peer, on an operator's word: the counter of the TPM is what remembers.
#[test]
fn rollback_without_peers() {
    stopped_by(Guard::RecoveryGeneration, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = cast.nodes[0];
        let old = cast.world.host(node).unwrap().devices.disk.clone();
        for _ in 0..2 {
            cast.reboot(node, None);
            assert!(cast.settle(300));
        }
        let host = cast.world.host_mut(node).unwrap();
        host.endpoints = Rc::from([]);
        cast.reboot(node, None);
        cast.world.host_mut(node).unwrap().devices.disk = Disk { mounted: false, ..old };
        cast.run_for(10);
        cast.push(node, true, None).unwrap();
        cast.run_for(120);
        opened_services(&cast, node)
    });
}

/// Two boots of one machine with one disk: the older one must be out at its next renewal.
#[test]
fn clone_two_boots() {
    stopped_by(Guard::ServiceBoot, || {
        let mut cast = founded(Casting::of(1, 0));
        let (node, service) = (cast.nodes[0], cast.first);
        // Its certificate is fresh, and so is the renewal that says so.
        cast.run_for(60);
        let identity = cast.world.host(node).unwrap().identity.clone();
        let clone = thief(&mut cast, node, &[service]);
        cast.world.host_mut(clone).unwrap().identity = identity;
        assert!(
            cast.run_until(300, |cast| opened_services(cast, clone)),
            "the clone is as genuine as the node"
        );
        let since = cast.world.now();
        cast.run_for(60_000);
        cast.world.trace.entries().iter().any(|entry| {
            entry.at > since
                && entry.host == node
                && matches!(entry.what, What::Received(_, _, Message::Grant(_)))
        })
    });
}

/// The clone is named where it is found, on both sides.
#[test]
fn clone_is_named() {
    let mut cast = founded(Casting::of(1, 0));
    let (node, service) = (cast.nodes[0], cast.first);
    cast.run_for(60);
    let identity = cast.world.host(node).unwrap().identity.clone();
    let clone = thief(&mut cast, node, &[service]);
    cast.world.host_mut(clone).unwrap().identity = identity;
    cast.run_for(60_000);
    for host in [node, service] {
        assert!(happened(&cast, |entry| entry.host == host && entry.what == What::Event(Event::Clone)));
    }
}

fn down_without_peers(cast: &mut Cast) -> HostId {
    let node = cast.nodes[0];
    cast.world.host_mut(node).unwrap().endpoints = Rc::from([]);
    cast.reboot(node, None);
    cast.run_for(10);
    node
}

#[test]
fn unknown_pusher() {
    stopped_by(Guard::PusherKey, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = down_without_peers(&mut cast);
        let pusher = cast.push(node, false, Some(Material::Master([0xdd; 32]))).unwrap();
        cast.world.host_mut(pusher).unwrap().identity.keys = vec![stranger()];
        cast.run_for(120);
        cast.world.host(node).unwrap().devices.lock_file.is_some()
    });
}

/// Everything that a host keeps over a boot.
fn kept(cast: &Cast, host: HostId) -> (Disk, Option<u32>) {
    let devices = &cast.world.host(host).unwrap().devices;
    (devices.disk.clone(), devices.counter)
}

#[test]
fn wrong_secret_changes_nothing() {
    let mut cast = founded(Casting::of(1, 0));
    let node = down_without_peers(&mut cast);
    let before = kept(&cast, node);
    let pusher = cast.push(node, false, Some(Material::Master([0xdd; 32]))).unwrap();
    cast.run_for(120);
    assert_eq!(kept(&cast, node), before);
    assert!(happened(&cast, |entry| entry.host == pusher
        && entry.what == What::Event(Event::Stopped { code: Code::WRONG_SECRET, state: "U3" })));
    // The right one still opens it.
    cast.push(node, true, None).unwrap();
    assert!(cast.run_until(120, |cast| opened_services(cast, node)));
    assert_eq!(cast.broken(), Vec::new());
}

/// An operator beside live peers: the disk may open by its word, the services only by a peer's.
#[test]
fn services_stay_shut() {
    stopped_by(Guard::RecoveryShut, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = down_without_peers(&mut cast);
        // Its store is cut off too.
        let cut = crate::sim::plan::Partition {
            from: Time::default(),
            until: Time::from_secs(u64::MAX),
            hosts: vec![node, HostId::new(u32::try_from(cast.world.hosts().len()).unwrap())],
        };
        cast.world.plan.partitions.push(cut);
        cast.push(node, false, None).unwrap();
        cast.run_for(120);
        assert!(cast.world.host(node).unwrap().devices.disk.mounted);
        opened_services(&cast, node)
    });
}

/// Two sources at once: one opens the disk, and the other is told so.
#[test]
fn recover_race() {
    stopped_by(Guard::RecoveryFirst, || {
        (0..20).any(|seed| {
            let mut cast = Cast::new(seed, Plan::calm(), Trace::whole(), Casting::of(1, 0));
            assert!(cast.settle(600));
            let node = down_without_peers(&mut cast);
            for _ in 0..3 {
                cast.push(node, false, None).unwrap();
            }
            cast.run_for(120);
            cast.broken().iter().any(|broken| broken.invariant == "I6")
        })
    });
}

/// The late source is told 53, and whoever won gave the same key.
#[test]
fn recover_race_has_one_winner() {
    for seed in 0..20 {
        let mut cast = Cast::new(seed, Plan::calm(), Trace::whole(), Casting::of(1, 0));
        assert!(cast.settle(600));
        let node = cast.nodes[0];
        cast.reboot(node, None);
        cast.run_for(6);
        let pushers: Vec<_> = (0..2).map(|_| cast.push(node, false, None).unwrap()).collect();
        assert!(cast.run_until(300, |cast| opened_services(cast, node)), "seed {seed}");
        cast.run_for(60);
        assert_eq!(cast.broken(), Vec::new(), "seed {seed}");
        let late = pushers.iter().filter(|pusher| {
            happened(&cast, |entry| {
                entry.host == **pusher
                    && matches!(entry.what, What::Event(Event::Stopped { code: Code::ALREADY_UP, .. }))
            })
        });
        assert!(late.count() >= 1, "seed {seed}: three sources, and at most one of them a pusher's");
    }
}

/// A wrong share, and one of another split, are named by the custodian's key; the right ones still combine.
#[test]
fn share_named() {
    let mut cast = founded(Casting::of(1, 0));
    let node = down_without_peers(&mut cast);
    let before = kept(&cast, node);
    let right = |index| cast.share(index).unwrap();
    let (first, mut wrong, mut foreign, second) = (right(1), right(2), right(3), right(3));
    wrong.fits = false;
    foreign.cluster = ClusterId::new([0x72; 32]);
    cast.push_share(node, first).unwrap();
    cast.run_for(5);
    assert_eq!(cast.broken(), Vec::new());
    for (share, code) in [(wrong, Code::SHARE_WRONG), (foreign, Code::SHARE_FOREIGN)] {
        let named = crate::sim::cast::custodian_key(share.index).id();
        cast.push_share(node, share).unwrap();
        cast.run_for(5);
        assert_eq!(kept(&cast, node), before);
        let named = happened(&cast, |entry| {
            entry.host == node && entry.what == What::Event(Event::CustodianWrong { custodian: named, code })
        });
        assert!(named, "{code}");
    }
    cast.push_share(node, second).unwrap();
    cast.run_for(60);
    assert!(cast.world.host(node).unwrap().devices.disk.mounted);
}

/// Every host lies now and then on channels that it opened as itself: nobody else breaks an invariant by it.
#[test]
fn liars() {
    for seed in 0..60 {
        let plan = Plan { lie: 200_000, ..Plan::rough() };
        let mut cast = Cast::new(seed, plan, Trace::whole(), Casting::of(3, 1));
        let liar = HostId::new(u32::try_from(seed % 5).unwrap());
        cast.world.host_mut(liar).unwrap().lies = true;
        cast.run_for(600);
        // What a liar sends is its own breach; what others do is theirs.
        let broken: Vec<_> = cast.broken().into_iter().filter(|broken| broken.host != liar).collect();
        assert_eq!(broken, Vec::new(), "seed {seed}, liar {liar:?}");
    }
}
