//! Who plays: guests with genuine-format reports of the test PKI, an operator, the policy that it signs.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use attest_core::claims::Root;
use attest_core::policy::Policy;
use attest_core::rules::OneOf;
use attest_core::tee::snp;
use attest_core::{Evidence, Format, Store, TrustAnchors, UnixTime};
use bootstrap_core::channel::judge::{ReferenceSet, SNP};
use bootstrap_core::engine::{Belief, Engine, NodeSetup, OperatorSetup};
use bootstrap_core::ids::*;
use bootstrap_core::keyring::Keyring;
use bootstrap_core::keys::{OperatorKey, SameNodeKey, Secret};
use bootstrap_core::machine::facts::{Custody, LockRegister, Name};
use bootstrap_core::machine::store::{Entry, MemoryStore, Standing};
use bootstrap_core::machine::{LockFound, NodeConfig, OperatorConfig};
use bootstrap_core::peer::{SameNode, SameNodeClass};
use bootstrap_core::wire::{self, Bounded, DriverConfig, DriverPayload, Enrolled, Enrolment, Kind, List};
use bootstrap_core::wire::{LeastLock, Limits, PolicyStatement, Revoked, Rule, SetRules, Statement};
use sha2::{Digest, Sha256};
use vectors_generate::{CertSpec, CrlSpec, Platform, Product, Role as Tier, time};

use super::rig::{Devices, Host, Rig};

pub(crate) fn wall() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time::unix(time::NOW)))
}

pub(crate) fn set_id(image: u8) -> ReferenceSetId {
    ReferenceSetId::new([image; 32])
}

pub(crate) fn kind(name: &str) -> Kind {
    Kind::new(name).unwrap()
}

pub(crate) fn list<T, const MIN: usize, const MAX: usize>(items: Vec<T>) -> List<T, MIN, MAX> {
    List::new(items).ok().unwrap()
}

/// A genuine SNP guest: a chip, an image, and the key that its firmware derives for it.
pub(crate) struct Guest {
    chip: Platform,
    image: u8,
    pub(crate) same_node: Option<SameNodeKey>,
}

impl Guest {
    pub(crate) fn new(chip: u32, image: u8) -> Self {
        let derived = Secret::new("derived key", &[image.wrapping_add(u8::try_from(chip).unwrap()); 32]);
        let cluster = ClusterId::new([0; 32]);
        let key = SameNodeKey::derive(&cluster, &derived.unwrap(), None).unwrap();
        Self { chip: Platform::numbered(Product::Genoa, chip), image, same_node: Some(key) }
    }

    pub(crate) fn quote(&self, report_data: [u8; 64]) -> Evidence {
        let report = self.chip.report(5).with(|report| {
            report.report_data = report_data;
            report.measurement = [self.image; 48];
        });
        let mut evidence = Evidence::new(Format::Snp, report.signed_with(&self.chip.vcek_key()));
        let line = self.chip.product.line();
        for certificate in [self.chip.vcek().build(), CertSpec::ca(line, Tier::Ask).build()] {
            evidence.carried.add(&certificate).unwrap();
        }
        evidence
    }

    pub(crate) fn machine(&self) -> MachineId {
        MachineId::new(Sha256::digest(self.chip.chip_id()).into())
    }

    fn enrolled(&self) -> SameNode {
        let key = self.same_node.as_ref().unwrap().public_key();
        SameNode { class: SameNodeClass::SnpKey, id: key.as_bytes().to_vec() }
    }
}

pub(crate) fn anchors() -> TrustAnchors {
    let mut anchors = snp::Anchors::none();
    let root = CertSpec::ca(Product::Genoa.line(), Tier::Ark).build();
    anchors.add_root(snp::ProductLine::Genoa, &root).unwrap();
    TrustAnchors::new(anchors)
}

pub(crate) fn collateral() -> Store {
    let mut store = Store::new();
    store.add(&CrlSpec::new(Product::Genoa.line()).build()).unwrap();
    store
}

/// The rules of an image.
pub(crate) fn rules(image: u8) -> Policy {
    let mut policy = snp::Policy::strict(snp::MARCH_2026, OneOf::only([image; 48]));
    policy.roots = OneOf::only(Root::Caller);
    Policy::for_snp(policy)
}

pub(crate) fn belief(images: &[u8]) -> Belief {
    let far = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX / 2));
    let set = |image: &u8| ReferenceSet {
        id: set_id(*image),
        kind: kind(SNP),
        policy: rules(*image),
        not_after: far,
    };
    Belief { sets: images.iter().map(set).collect(), lifetime: Duration::from_secs(86_400) }
}

/// A policy statement: which images, which machines may be seats.
pub(crate) fn policy(
    cluster: ClusterId,
    epoch: u32,
    previous: StatementHash,
    images: &[u8],
    seats: Vec<MachineId>,
) -> PolicyStatement {
    let from = wall();
    let until = UnixTime::since_unix_epoch(Duration::from_secs(from.as_secs() + 86_400));
    let roles = || list(vec![Role::Worker, Role::Seat]);
    let sets = images.iter().map(|image| wire::ReferenceSet {
        id: set_id(*image),
        kind: kind(SNP),
        rules: SetRules::new(rules(*image).to_json().into_bytes()).unwrap(),
        not_after: until,
        security_version: 1,
        roles: roles(),
    });
    let rule = |id, role, machines, name| Rule {
        id,
        role,
        sets: list(images.iter().map(|image| set_id(*image)).collect()),
        same_node: SameNodeClass::SnpKey,
        machines,
        name: Some(wire::NamePattern::new(name).unwrap()),
        voucher: None,
        token: None,
        lock: LeastLock::Any,
    };
    PolicyStatement {
        cluster,
        epoch,
        previous,
        not_before: from,
        not_after: until,
        authority: authority(),
        sets: list(sets.collect()),
        replacements: List::default(),
        rules: list(vec![
            rule(1, Role::Seat, Some(list(seats)), "seat-{machine8}"),
            rule(2, Role::Worker, None, "worker-{seq}"),
        ]),
        revoked: Revoked::default(),
        limits: Limits::default(),
    }
}

pub(crate) fn operator_key() -> OperatorKey {
    OperatorKey::from_seed(&Secret::new("seed", &[0xa0; 32]).unwrap())
}

pub(crate) fn custodian_key() -> OperatorKey {
    OperatorKey::from_seed(&Secret::new("seed", &[0xb0; 32]).unwrap())
}

pub(crate) fn authority() -> wire::Authority {
    wire::Authority {
        operators: list(vec![operator_key().public_key()]),
        threshold: Bounded::new(1).unwrap(),
        custodians: list(vec![custodian_key().public_key()]),
    }
}

pub(crate) fn authority_facts() -> bootstrap_core::machine::facts::Authority {
    bootstrap_core::machine::facts::Authority {
        operators: vec![operator_key().public_key()],
        threshold: 1,
        custodians: vec![custodian_key().public_key()],
    }
}

const CONFIGURATION: ConfigDigest = ConfigDigest::new([0xc0; 32]);

impl Rig {
    pub(crate) fn cast() -> Self {
        Self::new(anchors(), collateral())
    }

    fn host(&mut self, engine: Engine, guest: Option<Guest>, store: Rc<RefCell<MemoryStore>>) -> usize {
        self.hosts.push(Host {
            engine,
            guest,
            devices: Devices::default(),
            endpoints: Vec::new(),
            key: None,
            first: None,
            store,
            entry: None,
            token: None,
            sealed: Secret::new("node-sealed key", &[0x77; 32]).unwrap(),
            events: Vec::new(),
            disbeliefs: Vec::new(),
        });
        self.hosts.len() - 1
    }

    /// Somebody without a machine that is attested.
    pub(crate) fn person(&mut self, engine: Engine, key: OperatorKey) -> usize {
        let host = self.host(engine, None, Rc::default());
        self.hosts[host].key = Some(key);
        host
    }

    /// An operator that will initialise `node`, whose policy takes these images and these seats.
    pub(crate) fn operator(
        &mut self,
        node: usize,
        custody: Custody,
        images: &'static [u8],
        seats: Vec<MachineId>,
    ) -> usize {
        let setup = OperatorSetup {
            machine: OperatorConfig {
                attempt: AttemptId::new([1; 16]),
                authority: authority_facts(),
                custody,
                configurations: vec![CONFIGURATION],
                register: LockRegister::Software,
                least_lock: 1,
                node: NodeId::new([1; 16]),
                name: Name::new("seat-1").unwrap(),
            },
            found: None,
            belief: belief(images),
            cluster_name: None,
            driver: DriverConfig::new(Vec::new()).unwrap(),
        };
        let engine = self.given(|given| Engine::operator(setup, Keyring::new(), given)).unwrap();
        let host = self.host(engine, None, Rc::default());
        self.hosts[host].key = Some(operator_key());
        self.hosts[host].endpoints = vec![node];
        self.hosts[host].first = Some(Box::new(move |cluster| {
            let genesis = StatementHash::new(*cluster.as_bytes());
            Statement::Policy(policy(cluster, 1, genesis, images, seats.clone()))
        }));
        host
    }

    /// What a node starts from in this boot.
    pub(crate) fn setup(&self, guest: &Guest, boot: u8, devices: &Devices, endpoints: usize) -> NodeSetup {
        let enrolled = Enrolled::new(guest.enrolled().id).unwrap();
        NodeSetup {
            machine: NodeConfig {
                boot: BootId::new([boot; 16]),
                register: LockRegister::Software,
                service_register: LockRegister::Software,
                seat_sets: vec![set_id(0x11), set_id(0x22)],
                authority: Some(authority_facts()),
                init_secret: None,
                pinned: None,
                largest_role: Role::Seat,
                endpoints: u16::try_from(endpoints).unwrap(),
                header: devices.header.clone(),
                genesis: devices.genesis.clone(),
                fresh_disk: DiskId::new([boot; 16]),
                certificate_life: Duration::from_secs(86_400),
            },
            found: LockFound { file: devices.lock_file, register: None },
            configuration: CONFIGURATION,
            belief: belief(&[0x11, 0x22]),
            shows: vec![kind(SNP)],
            enrolment: Enrolment::SnpKey(enrolled),
            wish: None,
            voucher: None,
            generation: devices.member.as_ref().map(|member| member.generation),
            init_secret: None,
            payload: DriverPayload::new(b"join here".to_vec()).unwrap(),
        }
    }

    /// A blank node that knows these hosts as services.
    pub(crate) fn node(
        &mut self,
        guest: Guest,
        boot: u8,
        endpoints: Vec<usize>,
        store: &Rc<RefCell<MemoryStore>>,
    ) -> usize {
        self.node_with(guest, boot, endpoints, store, |_| ())
    }

    /// The same, with other decisions.
    pub(crate) fn node_with(
        &mut self,
        guest: Guest,
        boot: u8,
        endpoints: Vec<usize>,
        store: &Rc<RefCell<MemoryStore>>,
        change: impl FnOnce(&mut NodeSetup),
    ) -> usize {
        let mut setup = self.setup(&guest, boot, &Devices::default(), endpoints.len());
        change(&mut setup);
        let engine = self.given(|given| Engine::node(setup, Keyring::new(), given)).unwrap();
        let (same_node, machine, image) = (guest.enrolled(), guest.machine(), guest.image);
        let host = self.host(engine, Some(guest), Rc::clone(store));
        self.hosts[host].endpoints = endpoints;
        self.hosts[host].entry = Some(Box::new(move |member| Entry {
            node: member.node,
            role: Role::Seat,
            name: member.name.clone(),
            same_node: same_node.clone(),
            machine: Some(machine),
            set: set_id(image),
            disk: member.disk,
            standing: Standing::Confirmed,
            confirmed: (member.generation, Some(BootId::new([boot; 16]))),
        }));
        host
    }

    /// The same machine, after a power cycle.
    pub(crate) fn power_cycle(&mut self, host: usize, boot: u8) {
        self.hosts[host].devices.power_cycle();
        let guest = self.hosts[host].guest.take().unwrap();
        let endpoints = self.hosts[host].endpoints.len();
        let setup = self.setup(&guest, boot, &self.hosts[host].devices, endpoints);
        let mut keyring = Keyring::new();
        if let Some(genesis) = &setup.machine.genesis {
            keyring.learn(wire::Encoded::from_bytes(&genesis.bytes).unwrap()).unwrap();
        }
        let engine = self.given(|given| Engine::node(setup, keyring, given)).unwrap();
        self.hosts[host].engine = engine;
        self.hosts[host].guest = Some(guest);
        self.hosts[host].events.clear();
    }
}
