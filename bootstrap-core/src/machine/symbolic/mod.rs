//! The world around a machine, for tests and models: a key ring whose handles say what they stand for, a disk, a lock register, a
//! store. Nothing in it is random, and nothing in it is a secret.

mod driving;
mod host;
mod ring;
mod store;

use std::sync::{Arc, OnceLock};

use core::time::Duration;

use crate::error::Code;
use crate::ids::{
    AttemptId, BootId, ClusterId, ConfigDigest, DiskId, KeyEpoch, MachineId, NodeId, ReferenceSetId, Role,
    ShareSetId, StatementHash, VoucherId,
};
use crate::keys::Handle;
use crate::peer::{Facts, LockClaim, Member, Peer, PublicKey, SameNode, SameNodeClass};
use crate::time::Instant;

use crate::machine::facts::*;
use crate::machine::message::*;
use crate::machine::record::*;
use crate::machine::rules::{Decision, Rules};
use crate::machine::store::*;
use crate::machine::{
    Action, DiskAction, DriverAction, InitOperator, Input, JoinService, KeyAction, KeyOutcome, Node,
    NodeConfig, OperatorConfig, Outcome, Output, PusherConfig, RecoverPusher, ServiceConfig,
    StatementService,
};

pub(super) use self::driving::{Machine, Serving};
pub(super) use self::host::Host;
pub(super) use self::ring::*;
pub(super) use self::store::{AllOf, Store};

pub(super) const NOW: Instant = Instant::from_millis(1_000_000);
pub(super) const SEATS: ReferenceSetId = ReferenceSetId::new([0x5e; 32]);
pub(super) const WORKERS: ReferenceSetId = ReferenceSetId::new([0x30; 32]);
pub(super) const CONFIG: ConfigDigest = ConfigDigest::new([0xcf; 32]);
pub(super) const PCR: LockRegister = LockRegister::Pcr([0; 32]);
pub(super) const SET: ShareSetId = ShareSetId::new([0x55; 16]);
/// A set of shares whose secret is another one than that of the genesis.
pub(super) const LYING_SET: ShareSetId = ShareSetId::new([0x66; 16]);

pub(super) fn later(seconds: u64) -> Instant {
    NOW.after(Duration::from_secs(seconds))
}

// ---- names by number

pub(super) const fn operator_key(cluster: u8) -> PublicKey {
    PublicKey::Ed25519([cluster; 32])
}

pub(super) const fn custodian_key(cluster: u8, which: u8) -> PublicKey {
    let mut key = [cluster; 32];
    key[31] = 0x80 + which;
    PublicKey::Ed25519(key)
}

pub(super) fn authority(cluster: u8) -> Authority {
    Authority {
        operators: vec![operator_key(cluster)],
        threshold: 1,
        custodians: (0..3).map(|which| custodian_key(cluster, which)).collect(),
    }
}

pub(super) fn genesis(cluster: u8) -> Genesis {
    Genesis { bytes: Arc::from([cluster]), authority: authority(cluster), complete: true }
}

/// Of a node-born custody: the boot that completes it is in it.
pub(super) fn born(cluster: u8, boot: BootId) -> Genesis {
    Genesis { bytes: Arc::from([cluster, boot.as_bytes()[0]]), authority: authority(cluster), complete: true }
}

pub(super) fn cluster(number: u8) -> ClusterId {
    static KNOWN: OnceLock<Vec<ClusterId>> = OnceLock::new();
    KNOWN.get_or_init(|| (0..10).map(|number| genesis(number).cluster().unwrap()).collect())
        [usize::from(number)]
}

pub(super) fn node_id(number: u8) -> NodeId {
    NodeId::new([number; 16])
}

pub(super) fn disk_id(number: u8) -> DiskId {
    DiskId::new([number; 16])
}

pub(super) fn boot_id(number: u8) -> BootId {
    BootId::new([number; 16])
}

pub(super) fn attempt(number: u8) -> AttemptId {
    AttemptId::new([number; 16])
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(super) fn tip(cluster: u8, epoch: u32) -> PolicyTip {
    PolicyTip { epoch, hash: StatementHash::new([cluster; 32]) }
}

/// A signed policy: cluster and epoch. Signed by nobody who may: any other first byte.
pub(super) fn policy(cluster: u8, epoch: u8) -> Vec<u8> {
    vec![cluster, epoch]
}

pub(super) fn header(cluster_number: u8, node: u8) -> DiskHeader {
    DiskHeader {
        cluster: cluster(cluster_number),
        node: node_id(node),
        disk: disk_id(node),
        epochs: vec![KeyEpoch::FIRST],
    }
}

pub(super) fn same_node(node: u8) -> SameNode {
    SameNode { class: SameNodeClass::Tpm, id: vec![node] }
}

pub(super) fn member_record(cluster_number: u8, node: u8, generation: u32) -> MemberRecord {
    MemberRecord {
        cluster: cluster(cluster_number),
        node: node_id(node),
        disk: disk_id(node),
        role: Role::Worker,
        name: name("worker-1"),
        generation,
        policy: Some(tip(cluster_number, 1)),
        recovery: 0,
        time: 0,
        phase: MemberPhase::Member,
        attempt: None,
        payload: Arc::from([]),
        roots: None,
    }
}

// ---- configurations and peers

pub(super) fn node_config(host: &Host) -> NodeConfig {
    NodeConfig {
        boot: host.boot,
        register: host.register,
        service_register: host.register,
        seat_sets: vec![SEATS],
        authority: Some(authority(1)),
        init_secret: None,
        pinned: None,
        largest_role: Role::Seat,
        endpoints: 1,
        header: host.header.clone(),
        genesis: host.header.as_ref().map(|header| genesis(number_of(header.cluster))),
        fresh_disk: disk_id(1),
        certificate_life: Duration::from_secs(86_400),
    }
}

pub(super) fn operator_config(cluster: u8) -> OperatorConfig {
    OperatorConfig {
        attempt: attempt(cluster),
        authority: authority(cluster),
        custody: Custody::Joint,
        configurations: vec![CONFIG],
        register: PCR,
        least_lock: 2,
        node: node_id(1),
        name: name("seat-1"),
    }
}

pub(super) fn service_config(number: u8, fresh: u8) -> ServiceConfig {
    ServiceConfig {
        cluster: cluster(number),
        register: PCR,
        epochs: vec![KeyEpoch::FIRST],
        fresh: node_id(fresh),
        up: true,
    }
}

pub(super) fn pusher_config(number: u8, node: u8, source: Source) -> PusherConfig {
    PusherConfig {
        cluster: cluster(number),
        node: node_id(node),
        disk: Some(disk_id(node)),
        same_node: Some(same_node(node)),
        source,
        role: Role::Worker,
        roots: false,
        register: PCR,
        least_lock: 2,
    }
}

/// An attested node on machine `machine`, with the lock as its host has it.
pub(super) fn node_facts(machine: u8, host: &Host) -> Facts {
    let held = host.file.filter(|file| file.held).map(|file| file.cluster);
    Facts {
        sets: vec![WORKERS],
        machine: Some(MachineId::new([machine; 32])),
        same_node: vec![same_node(machine)],
        lock: Some(held.map_or(LockClaim::Open, |cluster| host.register.claim(&cluster))),
        register: host.value.as_ref().and_then(|value| value.as_slice().try_into().ok()),
        configuration: Some(CONFIG),
        boot: Some(host.boot),
        ..Facts::nothing(u64::MAX)
    }
}

pub(super) fn node_claims(host: &Host) -> Claims {
    Claims::Node(NodeClaims {
        header: host.header.clone(),
        generation: host.member.as_ref().map(|member| member.generation),
    })
}

pub(super) fn peer(facts: Facts) -> Peer {
    Peer::symbolic_without_proof(facts)
}

pub(super) fn operator_peer(cluster: u8) -> Peer {
    peer(Facts { keys: vec![operator_key(cluster)], ..Facts::nothing(u64::MAX) })
}

pub(super) fn init_claims(number: u8) -> Claims {
    Claims::Init(InitClaims {
        genesis: genesis(number),
        attempt: attempt(number),
        custody: Custody::Joint,
        policy: Some(policy(number, 1)),
    })
}

/// A seat of this cluster.
pub(super) fn service_peer(number: u8, node: u8) -> Peer {
    peer(Facts {
        sets: vec![SEATS],
        lock: Some(LockClaim::Pcr(cluster(number))),
        register: PCR.locked_to(&cluster(number)).and_then(|value| value.try_into().ok()),
        member: Some(Member {
            cluster: cluster(number),
            node: node_id(node),
            role: Role::Seat,
            ca_epoch: KeyEpoch::FIRST,
            policy_epoch: 1,
            generation: 1,
            name: "seat-1".into(),
            not_after: u64::MAX,
        }),
        ..Facts::nothing(u64::MAX)
    })
}

pub(super) fn service_claims(number: u8, node: u8) -> Claims {
    Claims::Service(ServiceClaims { genesis: genesis(number), policy: tip(number, 1), node: node_id(node) })
}

pub(super) fn recover_claims(number: u8, source: Source, alone: bool) -> Claims {
    Claims::Recover(RecoverClaims {
        cluster: cluster(number),
        source,
        floors: Floors::default(),
        alone,
        shares: (source == Source::Custodian).then_some(SET),
        genesis: None,
        statements: Vec::new(),
    })
}

pub(super) fn join_claims(machine: u8) -> Claims {
    Claims::Join(JoinClaims {
        csr: vec![machine],
        enrol: same_node(machine),
        disk: disk_id(machine),
        wish: None,
        node: None,
        voucher: None,
    })
}

pub(super) fn offer(number: u8, node: u8, generation: u32) -> Offer {
    Offer {
        cluster: cluster(number),
        node: node_id(node),
        role: Role::Worker,
        name: name("worker-1"),
        policy: 1,
        evidence: true,
        generation,
    }
}

pub(super) fn ticket(number: u8, node: u8, generation: u32) -> TicketFacts {
    TicketFacts {
        cluster: cluster(number),
        node: node_id(node),
        generation,
        epochs: vec![KeyEpoch::FIRST],
        roots: false,
    }
}
