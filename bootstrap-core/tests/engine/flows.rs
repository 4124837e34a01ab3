//! The flows of protocol section 4, honest.

use std::rc::Rc;

use bootstrap_core::authority::Draft;
use bootstrap_core::engine::{Engine, PublisherSetup, PusherSetup};
use bootstrap_core::ids::{BootId, ClusterId, KeyEpoch, Role, ShareSetId};
use bootstrap_core::keyring::{Keyring, Roots};
use bootstrap_core::keys::{MasterSecret, Salt, Secret, shares};
use bootstrap_core::machine::facts::{Custody, LockRegister, Source};
use bootstrap_core::machine::store::Standing;
use bootstrap_core::machine::{Event, PusherConfig};
use bootstrap_core::wire::{self, Encoded, Floors, Signed, Statement};

use super::cast::{Guest, belief, custodian_key, list, operator_key, policy, set_id, wall};
use super::rig::Rig;

/// Whether this host became a member.
pub(crate) fn is_member(rig: &Rig, host: usize) -> bool {
    rig.hosts[host].events.iter().any(|event| matches!(event, Event::Member { .. }))
}

/// One operator, one seat, and a blank node that knows the seat.
pub(crate) struct Cluster {
    pub(crate) rig: Rig,
    pub(crate) operator: usize,
    pub(crate) seat: usize,
    pub(crate) node: usize,
}

pub(crate) const FIRST: &[u8] = &[0x11];

impl Cluster {
    pub(crate) fn new(custody: Custody) -> Self {
        let mut rig = Rig::cast();
        let store = Rc::default();
        let seat = rig.node(Guest::new(1, 0x11), 1, Vec::new(), &store);
        let operator = rig.operator(seat, custody, FIRST, vec![Guest::new(1, 0x11).machine()]);
        let node = rig.node(Guest::new(2, 0x11), 2, vec![seat], &store);
        let mut cluster = Self { rig, operator, seat, node };
        let (seat, node) = (cluster.seat, cluster.node);
        cluster.comes("init and join", |rig| is_member(rig, seat) && is_member(rig, node));
        cluster
    }

    #[track_caller]
    pub(crate) fn comes(&mut self, what: &str, until: impl Fn(&Rig) -> bool) {
        let came = self.rig.run(600_000, until);
        let events: Vec<_> = self.rig.hosts.iter().map(|host| (&host.events, &host.disbeliefs)).collect();
        assert!(came, "{what}: {events:#?}");
    }

    pub(crate) fn id(&self) -> ClusterId {
        self.rig.hosts[self.seat].engine.cluster().unwrap()
    }

    pub(crate) fn genesis(&self) -> Encoded<wire::Genesis> {
        self.rig.hosts[self.seat].engine.keyring().genesis(&self.id()).unwrap().clone()
    }

    /// A key ring with the master secret that the operator kept.
    pub(crate) fn kept(&self) -> Keyring {
        let salt = Salt::new(self.genesis().value().salt).unwrap();
        let master = Secret::new("master secret", &self.rig.hosts[self.operator].devices.master.unwrap());
        let master = MasterSecret::new(master.unwrap(), salt, KeyEpoch::FIRST);
        let mut keyring = Keyring::new();
        let roots = keyring.hold_roots(Roots::of_master(master, salt).unwrap()).unwrap();
        keyring.adopt(self.id(), roots).unwrap();
        keyring
    }

    pub(crate) fn pusher(&self, node: usize, source: Source) -> PusherSetup {
        let host = &self.rig.hosts[node];
        let member = host.devices.member.as_ref().unwrap();
        PusherSetup {
            machine: PusherConfig {
                cluster: member.cluster,
                node: member.node,
                disk: Some(member.disk),
                same_node: None,
                source,
                role: member.role,
                roots: false,
                register: LockRegister::Software,
                least_lock: 1,
            },
            belief: belief(FIRST),
            floors: Floors { policy_epoch: 1, generation: 1, recovery_epoch: 0, time: wall() },
            alone: true,
            share: None,
            genesis: Some(self.genesis()),
            authority: Vec::new(),
        }
    }

    /// Publishes the next policy to the seat.
    pub(crate) fn publish(
        &mut self,
        epoch: u32,
        change: impl FnOnce(&mut wire::PolicyStatement),
        images: &[u8],
    ) {
        let held = self.rig.hosts[self.seat].engine.keyring().policies(&self.id()).unwrap().tip().unwrap();
        let mut statement = policy(self.id(), epoch, held.hash, images, vec![Guest::new(1, 0x11).machine()]);
        change(&mut statement);
        let setup = PublisherSetup {
            cluster: self.id(),
            belief: belief(FIRST),
            statements: vec![signed(&Statement::Policy(statement))],
        };
        let engine = Engine::publisher(setup).unwrap();
        let publisher = self.rig.person(engine, operator_key());
        self.rig.connect(publisher, self.seat);
        self.comes("publication", move |rig| {
            let published = |event: &Event| matches!(event, Event::Published(tip) if tip.epoch == epoch);
            rig.hosts[publisher].events.iter().any(published)
        });
    }
}

pub(crate) fn signed(statement: &Statement) -> Signed {
    let mut draft = Draft::new(statement).unwrap();
    draft.sign(&operator_key()).unwrap();
    draft.finish().unwrap()
}

#[test]
fn a_cluster_is_initialised_and_joined() {
    for custody in [Custody::Joint, Custody::Split, Custody::NodeBorn] {
        let cluster = Cluster::new(custody);
        let hosts = &cluster.rig.hosts;
        let member = hosts[cluster.node].devices.member.as_ref().unwrap();
        assert_eq!((member.role, member.name.as_str()), (Role::Worker, "worker-1"));
        assert!(hosts[cluster.node].devices.roots.is_none(), "a worker's disk has no roots");
        assert!(hosts[cluster.seat].devices.roots.is_some());
        let store = hosts[cluster.seat].store.borrow();
        let entry = store.entry(&member.node).unwrap();
        assert_eq!(entry.standing, Standing::Confirmed);
        assert_eq!(entry.set, set_id(0x11));
    }
}

#[test]
fn a_member_that_restarts_rejoins_and_renews() {
    let mut cluster = Cluster::new(Custody::Joint);
    let node = cluster.node;
    cluster.rig.power_cycle(node, 3);
    cluster.comes("rejoin", |rig| is_member(rig, node));
    assert_eq!(cluster.rig.hosts[node].devices.member.as_ref().unwrap().generation, 2);
    let id = cluster.rig.hosts[node].devices.member.as_ref().unwrap().node;
    let store = Rc::clone(&cluster.rig.hosts[node].store);
    assert_eq!(store.borrow().entry(&id).unwrap().confirmed, (2, Some(BootId::new([3; 16]))));
    // The first renewal comes soon after; its audit record is the store's.
    let before = store.borrow().audited;
    cluster.comes("renewal", |_| store.borrow().audited > before);
}

#[test]
fn a_lost_cluster_is_recovered_with_the_master_secret() {
    let mut cluster = Cluster::new(Custody::Joint);
    let (seat, node) = (cluster.seat, cluster.node);
    cluster.rig.power_cycle(seat, 3);
    cluster.rig.power_cycle(node, 4);
    let setup = cluster.pusher(seat, Source::Operator);
    let engine = Engine::pusher(setup, cluster.kept()).unwrap();
    let operator = cluster.rig.person(engine, operator_key());
    cluster.rig.run(31_000, |_| false);
    cluster.rig.connect(operator, seat);
    cluster.comes("recovery of the seat", |rig| is_member(rig, seat));
    // A seat's roots were on its disk, so it serves again, and its peers come back by it.
    cluster.comes("rejoin by the recovered seat", |rig| is_member(rig, node));
}

#[test]
fn two_of_three_custodians_bring_a_seat_back() {
    let mut cluster = Cluster::new(Custody::Joint);
    let seat = cluster.seat;
    let master = Secret::new("master secret", &cluster.rig.hosts[cluster.operator].devices.master.unwrap());
    let split = shares::Split {
        secret: wire::SecretKind::Master,
        cluster: cluster.id(),
        set: ShareSetId::new([0xc0; 16]),
        epoch: KeyEpoch::FIRST,
        threshold: 2,
        count: 3,
    };
    let parts = split.make(&master.unwrap(), &[7; 32]).unwrap();
    cluster.rig.power_cycle(seat, 3);
    cluster.rig.run(31_000, |_| false);
    for part in parts.into_iter().take(2) {
        let mut keyring = Keyring::new();
        let share = keyring.hold_share(part).unwrap();
        let mut setup = cluster.pusher(seat, Source::Custodian);
        setup.share = Some((share, split.set));
        let engine = Engine::pusher(setup, keyring).unwrap();
        let custodian = cluster.rig.person(engine, custodian_key());
        cluster.rig.connect(custodian, seat);
    }
    cluster.comes("recovery by shares", |rig| is_member(rig, seat));
}

#[test]
fn a_rolling_upgrade_lets_the_new_image_in_until_it_is_out() {
    let mut cluster = Cluster::new(Custody::Joint);
    let (seat, node) = (cluster.seat, cluster.node);
    let store = Rc::clone(&cluster.rig.hosts[seat].store);
    let early = cluster.rig.node(Guest::new(3, 0x22), 5, vec![seat], &store);
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, early)), "the set is not in yet");
    cluster.publish(2, |_| (), &[0x11, 0x22]);
    let newcomer = cluster.rig.node(Guest::new(4, 0x22), 6, vec![seat], &store);
    cluster.comes("a newcomer of the new image", |rig| is_member(rig, newcomer));
    // Members learn the policy by the tickets of their renewals.
    let epoch = |rig: &Rig, host: usize| {
        rig.hosts[host].devices.member.as_ref().and_then(|member| member.policy).map_or(0, |tip| tip.epoch)
    };
    assert_eq!(epoch(&cluster.rig, newcomer), 2);
    assert!(cluster.rig.run(50_000_000, |rig| epoch(rig, node) == 2), "a member renews");
    let out = |statement: &mut wire::PolicyStatement| statement.revoked.sets = list(vec![set_id(0x22)]);
    cluster.publish(3, out, &[0x11, 0x22]);
    let late = cluster.rig.node(Guest::new(5, 0x22), 7, vec![seat], &store);
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, late)), "the set is out");
}
