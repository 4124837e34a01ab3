//! A cluster's secrets from the first draw to a newcomer's disk, and what is wrong at each step.

mod init;
mod machines;
mod material;
mod tickets;

use std::time::Duration;

use attest_core::UnixTime;

use super::*;
use crate::authority::{CaChain, Draft, PolicyChain};
use crate::ids::{AttemptId, MachineId, ReferenceSetId, Role, ShareSetId, StatementHash};
use crate::keys::shares::Split;
use crate::keys::tests::{DISK, NODE, counted};
use crate::keys::{CertificateFault, KeyError, OperatorKey, Secret, ShareFault, Terms};
use crate::machine::facts::Name;
use crate::peer::{Facts, LockClaim, Member, Peer, SameNodeClass};
use crate::ticket::{self, Holding, LockShown, Receiver};
use crate::wire::{
    Authority, Bounded, Custody, Der, DriverPayload, Encoded, Genesis, InitKeys, Kind, LeastLock, Limits,
    PolicyStatement, ReferenceSet, Revoked, Rule, SecretKind, SetRules, Signed, Statement,
};

const START: u64 = 1_790_000_000;
const FIRST: KeyEpoch = KeyEpoch::FIRST;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(START + seconds))
}

fn entropy(seed: u8) -> Entropy {
    Entropy::new(counted(seed))
}

fn operator() -> OperatorKey {
    OperatorKey::from_seed(&Secret::new("seed", &[7; 32]).unwrap())
}

fn authority() -> Authority {
    Authority {
        operators: list(vec![operator().public_key()]).unwrap(),
        threshold: Bounded::new(1).unwrap(),
        custodians: List::default(),
    }
}

fn plan(custody: Custody) -> GenesisPlan {
    GenesisPlan { authority: authority(), custody, created: at(0), name: None }
}

fn policy(cluster: ClusterId) -> Signed {
    let set = ReferenceSetId::new([1; 32]);
    let statement = PolicyStatement {
        cluster,
        epoch: 1,
        previous: StatementHash::new(*cluster.as_bytes()),
        not_before: at(0),
        not_after: at(500_000),
        authority: authority(),
        sets: list(vec![ReferenceSet {
            id: set,
            kind: Kind::new("snp").unwrap(),
            rules: SetRules::new(b"{}".to_vec()).unwrap(),
            not_after: at(1_000_000),
            security_version: 1,
            roles: list(vec![Role::Worker]).unwrap(),
        }])
        .unwrap(),
        replacements: List::default(),
        rules: list(vec![Rule {
            id: 1,
            role: Role::Worker,
            sets: list(vec![set]).unwrap(),
            same_node: SameNodeClass::Platform,
            machines: Some(list(vec![MachineId::new([7; 32])]).unwrap()),
            name: Some(crate::wire::NamePattern::new("worker-{machine8}").unwrap()),
            voucher: None,
            token: None,
            lock: LeastLock::Any,
        }])
        .unwrap(),
        revoked: Revoked::default(),
        limits: Limits { evidence: Bounded::new(7).unwrap(), ..Limits::default() },
    };
    let mut draft = Draft::new(&Statement::Policy(statement)).unwrap();
    draft.sign(&operator()).unwrap();
    draft.finish().unwrap()
}

/// A cluster whose roots one key ring holds: the operator's, and then a seat's.
struct Cast {
    ring: Keyring,
    genesis: Encoded<Genesis>,
    cluster: ClusterId,
    roots: Handle,
    policies: PolicyChain,
    statement: Signed,
    ca: CaChain,
    payload: DriverPayload,
}

impl Cast {
    fn new(seed: u8) -> Self {
        let mut ring = Keyring::new();
        let (request, roots) = ring.new_master(&plan(Custody::Joint), &entropy(seed)).unwrap();
        let genesis = request.as_genesis().unwrap();
        let cluster = cluster_id_of(&genesis);
        ring.adopt(cluster, roots).unwrap();
        let statement = policy(cluster);
        let policies = PolicyChain::first(&genesis, &statement, at(1)).unwrap();
        let ca = CaChain::of(&genesis).unwrap();
        let payload = DriverPayload::new(b"join here".to_vec()).unwrap();
        Self { ring, genesis, cluster, roots, policies, statement, ca, payload }
    }

    fn issuing(&self) -> Issuing<'_> {
        Issuing {
            policies: &self.policies,
            statements: core::slice::from_ref(&self.statement),
            ca: &self.ca,
            transitions: &[],
            payload: &self.payload,
            addresses: &[],
            voucher_secret: true,
            now: at(10),
        }
    }

    /// Makes a ticket and hands it to a node, as the wire would.
    fn give(&mut self, holding: Holding, node: &mut Keyring) -> Handle {
        let csr = node.make_node_key(&counted(0x11)).unwrap();
        let ticket = ticket::JoinTicket::new(shown(self.cluster), receiver(csr, holding));
        let ring = std::mem::take(&mut self.ring);
        let mut service = ring;
        let handle = service.join_ticket(&ticket, &self.issuing(), &entropy(0x40)).unwrap();
        let grant = service.release(handle).unwrap();
        self.ring = service;
        node.receive(grant).unwrap()
    }

    fn check<'a>(&'a self, held: &'a PolicyChain) -> TicketCheck<'a> {
        TicketCheck { genesis: &self.genesis, node: NODE, held, now: at(20) }
    }

    fn init_grant(&mut self) -> Handle {
        let name = crate::wire::Name::new("seat-1").unwrap();
        self.ring.make_init_grant(self.cluster, AttemptId::new([1; 16]), (NODE, name), None).unwrap()
    }
}

fn cluster_id_of(genesis: &Encoded<Genesis>) -> ClusterId {
    crate::keys::cluster_id(genesis.bytes()).unwrap()
}

/// A lock that was shown, by a peer that nobody verified.
fn shown(cluster: ClusterId) -> LockShown {
    let member = Member {
        cluster,
        node: NODE,
        role: Role::Worker,
        ca_epoch: FIRST,
        policy_epoch: 1,
        generation: 1,
        name: "worker-7".to_owned(),
        not_after: START,
    };
    let facts = Facts {
        member: Some(member),
        lock: Some(LockClaim::Software(cluster)),
        ..Facts::nothing(START + 1000)
    };
    LockShown::of_member(&Peer::symbolic_without_proof(facts), cluster).unwrap()
}

fn receiver(csr: Vec<u8>, holding: Holding) -> Receiver {
    Receiver {
        node: NODE,
        name: Name::new("worker-7").unwrap(),
        disk: DISK,
        generation: 1,
        csr,
        held: None,
        epochs: vec![FIRST],
        holding,
    }
}

fn keys_of(ring: &Keyring, handle: Handle) -> Vec<[u8; 32]> {
    ring.disk_keys(handle).unwrap().iter().map(|key| *key.key.expose()).collect()
}
