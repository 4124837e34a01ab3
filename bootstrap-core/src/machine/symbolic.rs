//! The world around a machine, for tests and models: a key ring whose handles say what they stand for, a disk, a lock register, a
//! store. Nothing in it is random, and nothing in it is a secret.

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

use super::facts::*;
use super::message::*;
use super::record::*;
use super::rules::{Decision, Rules};
use super::store::*;
use super::{
    Action, DiskAction, DriverAction, InitOperator, Input, JoinService, KeyAction, KeyOutcome, Node,
    NodeConfig, OperatorConfig, Outcome, Output, PusherConfig, RecoverPusher, ServiceConfig,
    StatementService,
};

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

// ---- secrets by handle: kind, cluster, node, extra

const ROOTS: u8 = 1;
const DISK: u8 = 2;
const SHARE: u8 = 3;

fn handle(parts: [u8; 4]) -> Handle {
    Handle::new(u32::from_be_bytes(parts))
}

fn parts(handle: Handle) -> [u8; 4] {
    handle.number().to_be_bytes()
}

pub(super) fn roots(cluster: u8) -> Handle {
    handle([ROOTS, cluster, 0, 0])
}

pub(super) fn disk_keys(cluster: u8, node: u8) -> Handle {
    handle([DISK, cluster, node, 0])
}

/// The cluster whose secret a handle stands for.
pub(super) fn secret_of(handle: Handle) -> u8 {
    parts(handle)[1]
}

/// A share; a damaged one does not fit its commitment.
pub(super) fn share(cluster_number: u8, set: ShareSetId, index: u8, damaged: bool) -> GrantRef {
    GrantRef {
        handle: handle([SHARE, cluster_number, u8::from(damaged) << 7 | index, set.as_bytes()[0]]),
        facts: GrantFacts::Share {
            cluster: cluster(cluster_number),
            set,
            epoch: KeyEpoch::FIRST,
            index,
            needed: 2,
        },
    }
}

pub(super) fn number_of(id: ClusterId) -> u8 {
    (1..=9).find(|number| cluster(*number) == id).unwrap_or(0)
}

fn number_of_genesis(genesis: &Genesis) -> u8 {
    genesis.bytes.first().copied().unwrap_or(0)
}

fn ticket_facts(cluster: ClusterId, receiver: &crate::ticket::Receiver) -> TicketFacts {
    TicketFacts {
        cluster,
        node: receiver.node,
        generation: receiver.generation,
        epochs: receiver.epochs.clone(),
        roots: receiver.holding.role() == Role::Seat,
    }
}

fn ticket_handle(cluster: ClusterId, receiver: &crate::ticket::Receiver) -> Handle {
    disk_keys(number_of(cluster), receiver.node.as_bytes()[0])
}

/// A Grant 1 for node 1.
pub(super) fn init_grant(secret_of: u8, named: u8) -> GrantRef {
    GrantRef {
        handle: roots(secret_of),
        facts: GrantFacts::Init {
            cluster: cluster(named),
            attempt: attempt(named),
            node: node_id(1),
            name: name("seat-1"),
            epochs: vec![KeyEpoch::FIRST],
            policy: None,
        },
    }
}

pub(super) fn recover_grant(secret_of: u8, named: u8, node: u8) -> GrantRef {
    GrantRef {
        handle: disk_keys(secret_of, node),
        facts: GrantFacts::Recover {
            cluster: cluster(named),
            node: node_id(node),
            epochs: vec![KeyEpoch::FIRST],
        },
    }
}

/// What a key ring of the party that works for cluster `own` answers, in boot `boot`.
pub(super) fn keys(action: &KeyAction, own: u8, boot: BootId) -> KeyOutcome {
    match action {
        KeyAction::NewMaster { custody, .. } => {
            let complete = *custody != Custody::NodeBorn;
            KeyOutcome::Cluster { genesis: Genesis { complete, ..genesis(own) }, roots: roots(own) }
        }
        KeyAction::MakeIdentityRoot { genesis } => {
            let number = number_of_genesis(genesis);
            KeyOutcome::Cluster { genesis: born(number, boot), roots: roots(number) }
        }
        KeyAction::CheckPolicies { genesis, held, statements } => {
            let number = number_of_genesis(genesis);
            let newest = statements.last().filter(|statement| statement.first() == Some(&number));
            match newest.map(|statement| u32::from(statement[1])) {
                Some(epoch) if epoch >= held.map_or(1, |held| held.epoch) => {
                    let fork = newest.is_some_and(|statement| statement.len() > 2);
                    KeyOutcome::Policy(if fork { tip(0xff, epoch) } else { tip(number, epoch) })
                }
                _ => KeyOutcome::Refused(Code::STATEMENT),
            }
        }
        KeyAction::CheckAuthority { cluster, genesis, .. } => {
            if genesis.cluster() == Some(*cluster) {
                let Authority { operators, custodians, .. } = genesis.authority.clone();
                KeyOutcome::Authority { operators, custodians }
            } else {
                KeyOutcome::Refused(Code::STATEMENT)
            }
        }
        KeyAction::InitGrant(grant) => {
            let GrantRef { handle, facts } = init_grant(own, own);
            match facts {
                GrantFacts::Init { epochs, policy, .. } => KeyOutcome::Grant(GrantRef {
                    handle,
                    facts: GrantFacts::Init {
                        cluster: grant.cluster(),
                        attempt: grant.attempt(),
                        node: grant.node(),
                        name: grant.name().clone(),
                        epochs,
                        policy,
                    },
                }),
                _ => KeyOutcome::Refused(Code::INTERNAL),
            }
        }
        KeyAction::CheckRoots { grant, genesis, .. } => {
            if secret_of(*grant) == number_of_genesis(genesis) {
                KeyOutcome::Matches
            } else {
                KeyOutcome::Refused(Code::WRONG_SECRET)
            }
        }
        KeyAction::DeriveDiskKeys { roots, node, .. } => {
            KeyOutcome::Made(disk_keys(secret_of(*roots), node.as_bytes()[0]))
        }
        KeyAction::OwnCertificate { cluster, node, .. } => {
            KeyOutcome::Chain(vec![vec![number_of(*cluster), node.as_bytes()[0]]])
        }
        KeyAction::CheckResult { genesis, node, chain } => {
            if *chain == [vec![number_of_genesis(genesis), node.as_bytes()[0]]] {
                KeyOutcome::Matches
            } else {
                KeyOutcome::Refused(Code::KEY_PROOF)
            }
        }
        KeyAction::JoinTicket(ticket) => KeyOutcome::Grant(GrantRef {
            handle: ticket_handle(ticket.cluster(), ticket.receiver()),
            facts: GrantFacts::Join {
                ticket: ticket_facts(ticket.cluster(), ticket.receiver()),
                role: ticket.receiver().holding.role(),
                name: ticket.receiver().name.clone(),
            },
        }),
        KeyAction::RejoinTicket(ticket) => KeyOutcome::Grant(GrantRef {
            handle: ticket_handle(ticket.cluster(), ticket.receiver()),
            facts: GrantFacts::Rejoin {
                ticket: ticket_facts(ticket.cluster(), ticket.receiver()),
                provisional: ticket.is_provisional(),
            },
        }),
        KeyAction::RenewTicket(ticket) => KeyOutcome::Grant(GrantRef {
            handle: ticket_handle(ticket.cluster(), ticket.receiver()),
            facts: GrantFacts::Renew { ticket: ticket_facts(ticket.cluster(), ticket.receiver()) },
        }),
        KeyAction::RecoverGrant(grant) => {
            KeyOutcome::Grant(recover_grant(own, number_of(grant.cluster()), grant.node().as_bytes()[0]))
        }
        KeyAction::ShareGrant(grant) => KeyOutcome::Grant(share(number_of(grant.cluster()), SET, own, false)),
        KeyAction::CheckTicket { grant, cluster, node, .. } => {
            if *grant == disk_keys(number_of(*cluster), node.as_bytes()[0]) {
                KeyOutcome::Policy(tip(number_of(*cluster), 1))
            } else {
                KeyOutcome::Refused(Code::KEY_PROOF)
            }
        }
        KeyAction::CheckShare { share, .. } => {
            if parts(*share)[2] & 0x80 == 0 {
                KeyOutcome::Matches
            } else {
                KeyOutcome::Refused(Code::SHARE_WRONG)
            }
        }
        KeyAction::CombineShares { shares, genesis } => {
            let number = number_of_genesis(genesis);
            let fit = |share: &Handle| secret_of(*share) == number && parts(*share)[3] == SET.as_bytes()[0];
            if shares.len() >= 2 && shares.iter().all(fit) {
                KeyOutcome::Made(roots(number))
            } else {
                KeyOutcome::Refused(Code::SHARE_WRONG)
            }
        }
        KeyAction::Forget(_) => KeyOutcome::Matches,
    }
}

// ---- a node's machine

/// What a node's host keeps, and what of it outlives a boot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Host {
    pub(super) register: LockRegister,
    pub(super) value: Option<Vec<u8>>,
    pub(super) file: Option<LockFile>,
    pub(super) header: Option<DiskHeader>,
    pub(super) opens_with: Option<Handle>,
    pub(super) member: Option<MemberRecord>,
    pub(super) counter: Option<u32>,
    pub(super) boot: BootId,
    /// Every cluster that the register was extended for in this boot.
    pub(super) extended: Vec<ClusterId>,
    pub(super) services: bool,
    /// A register that reads as nobody asked for.
    pub(super) extends_to_nonsense: bool,
}

impl Host {
    pub(super) fn blank(register: LockRegister, boot: u8) -> Self {
        Self {
            register,
            value: register.open().map(<[u8]>::to_vec),
            file: None,
            header: None,
            opens_with: None,
            member: None,
            counter: register.open().map(|_| 0),
            boot: boot_id(boot),
            extended: Vec::new(),
            services: false,
            extends_to_nonsense: false,
        }
    }

    /// With the disk of a member.
    pub(super) fn member(register: LockRegister, boot: u8, cluster: u8, node: u8, generation: u32) -> Self {
        Self {
            header: Some(header(cluster, node)),
            opens_with: Some(disk_keys(cluster, node)),
            member: Some(member_record(cluster, node, generation)),
            counter: register.open().map(|_| generation),
            ..Self::blank(register, boot)
        }
    }

    pub(super) fn found(&self) -> super::LockFound {
        super::LockFound { file: self.file, register: self.value.clone() }
    }

    /// A new boot: what is not on the disk or in the TPM is gone.
    pub(super) fn reboot(&mut self, boot: u8) {
        self.value = self.register.open().map(<[u8]>::to_vec);
        self.file = None;
        self.boot = boot_id(boot);
        self.extended.clear();
        self.services = false;
    }

    /// Does it, and answers; `None` for what has no answer, or is answered by the world.
    pub(super) fn perform(&mut self, action: &Action) -> Option<Outcome> {
        Some(match action {
            Action::Persist(record) => {
                match record {
                    Record::Lock(file) => self.file = Some(*file),
                    Record::Member(member) => self.member = Some(member.clone()),
                    Record::Operator(_) | Record::Master(_) | Record::Seen { .. } => {}
                }
                Outcome::Written
            }
            Action::ExtendRegister { cluster, .. } => {
                self.extended.push(*cluster);
                // What is extended twice, or from another value, reads as something that no machine expects.
                self.value = if self.value.as_deref() == self.register.open() && !self.extends_to_nonsense {
                    self.register.locked_to(cluster)
                } else {
                    Some(vec![0xbb; 32])
                };
                Outcome::Register(self.value.clone().unwrap_or_default())
            }
            Action::Keys(action) => Outcome::Keys(keys(action, 0, self.boot)),
            Action::Disk(DiskAction::Format { keys, header }) => {
                self.header = Some(header.clone());
                self.opens_with = Some(*keys);
                self.member = None;
                Outcome::Applied
            }
            Action::Disk(DiskAction::TestOpen { keys }) => {
                if self.opens_with == Some(*keys) {
                    Outcome::Applied
                } else {
                    Outcome::Failed
                }
            }
            Action::Disk(DiskAction::Open { keys }) => {
                if self.opens_with == Some(*keys) {
                    Outcome::Mounted { member: self.member.clone(), counter: self.counter }
                } else {
                    Outcome::Failed
                }
            }
            Action::Disk(DiskAction::Close) => Outcome::Applied,
            Action::Nv { generation } => {
                self.counter = self.counter.map(|counter| counter.max(*generation));
                Outcome::Applied
            }
            Action::Driver(DriverAction::OpenServices) => {
                self.services = true;
                Outcome::Applied
            }
            Action::Driver(DriverAction::Init { .. } | DriverAction::Join | DriverAction::Resume) => {
                Outcome::Driven { payload: vec![0xda], quorum: false }
            }
            Action::Driver(DriverAction::Promote { .. } | DriverAction::Remove { .. }) => Outcome::Applied,
            Action::Reattest { .. } | Action::Store(_) | Action::Dial { .. } | Action::Close { .. } => {
                return None;
            }
        })
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

// ---- a service's rules and store

/// A policy that takes every attested peer of one set, for one role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AllOf {
    pub(super) cluster: u8,
    pub(super) epoch: u32,
    pub(super) set: ReferenceSetId,
    pub(super) role: Role,
    pub(super) least_lock: u8,
    pub(super) voucher: Option<VoucherId>,
    pub(super) fresh: bool,
}

impl AllOf {
    pub(super) fn workers(cluster: u8) -> Self {
        Self {
            cluster,
            epoch: 1,
            set: WORKERS,
            role: Role::Worker,
            least_lock: 2,
            voucher: None,
            fresh: true,
        }
    }

    fn decide(&self, peer: &Peer, role: Role, name: Name) -> Result<Decision, Code> {
        if !peer.facts().sets.contains(&self.set) {
            return Err(Code::NO_RULE);
        }
        Ok(Decision { role, name, set: self.set, least_lock: self.least_lock, voucher: self.voucher })
    }
}

impl Rules for AllOf {
    fn tip(&self) -> PolicyTip {
        tip(self.cluster, self.epoch)
    }

    fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn admit(&self, peer: &Peer, _: &JoinClaims, view: &View) -> Result<Decision, Code> {
        self.decide(peer, self.role, name(&format!("{}-{}", self.role.word(), view.sequence)))
    }

    fn readmit(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        self.decide(peer, entry.role, entry.name.clone())
    }

    fn renew(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        self.decide(peer, entry.role, entry.name.clone())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) entries: Vec<Entry>,
    pub(super) version: u64,
    pub(super) quorum: bool,
    pub(super) spent: Vec<VoucherId>,
    pub(super) pending_seat: Option<(NodeId, Instant)>,
    pub(super) audits: u32,
}

impl Store {
    pub(super) fn empty() -> Self {
        Self {
            entries: Vec::new(),
            version: 0,
            quorum: true,
            spent: Vec::new(),
            pending_seat: None,
            audits: 0,
        }
    }

    pub(super) fn with_member(number: u8, node: u8, generation: u32, boot: u8) -> Self {
        let record = member_record(number, node, generation);
        let entry = Entry {
            node: record.node,
            role: record.role,
            name: record.name,
            same_node: same_node(node),
            machine: None,
            set: WORKERS,
            disk: record.disk,
            standing: Standing::Confirmed,
            confirmed: (generation, Some(boot_id(boot))),
        };
        Self { entries: vec![entry], ..Self::empty() }
    }

    pub(super) fn apply(&mut self, transaction: &Transaction) -> Stored {
        if let Transaction::Look { same_node, node, voucher } = transaction {
            let entry = self.entries.iter().find(|entry| {
                node.map_or_else(|| same_node.contains(&entry.same_node), |node| entry.node == node)
            });
            return Stored::View(Box::new(View {
                version: Version::new(self.version),
                quorum: self.quorum,
                entry: entry.cloned(),
                pending_seat: self.pending_seat,
                voucher_spent: voucher.is_some_and(|voucher| self.spent.contains(&voucher)),
                sequence: 1,
            }));
        }
        if !self.quorum {
            return Stored::NoQuorum;
        }
        let expected = match transaction {
            Transaction::Reserve { expect, .. }
            | Transaction::Grant { expect, .. }
            | Transaction::Confirm { expect, .. } => Some(*expect),
            _ => None,
        };
        if expected.is_some_and(|expected| expected.number() != self.version) {
            return Stored::Conflict;
        }
        match transaction {
            Transaction::Reserve { entry, voucher, .. } => {
                self.spent.extend(*voucher);
                if let (Role::Seat, Standing::Reserved(_, until)) = (entry.role, entry.standing) {
                    self.pending_seat = Some((entry.node, until));
                }
                self.put(entry.clone());
            }
            Transaction::Grant { entry, .. } => self.put(entry.clone()),
            Transaction::Confirm { node, generation, boot, .. } => {
                let Some(entry) = self.entries.iter_mut().find(|entry| entry.node == *node) else {
                    return Stored::Conflict;
                };
                if entry.standing != Standing::Granted(*generation, *boot) {
                    return Stored::Conflict;
                }
                entry.standing = Standing::Confirmed;
                entry.confirmed = (*generation, Some(*boot));
            }
            Transaction::Release { node } => {
                if self.pending_seat.is_some_and(|(pending, _)| pending == *node) {
                    self.pending_seat = None;
                }
            }
            // A log: it decides nothing, so it moves no version that others decided on.
            Transaction::Audit(_) => {
                self.audits += 1;
                return Stored::Applied(Version::new(self.version));
            }
            Transaction::Publish { .. } | Transaction::Look { .. } => {}
        }
        self.version += 1;
        Stored::Applied(Version::new(self.version))
    }

    fn put(&mut self, entry: Entry) {
        self.entries.retain(|kept| kept.node != entry.node);
        self.entries.push(entry);
    }
}

// ---- driving one machine

/// Any machine, to be driven alike.
pub(super) trait Machine: Clone + PartialEq + core::fmt::Debug {
    fn handle(&mut self, input: Input, now: Instant);
    fn poll(&mut self) -> Output;

    /// One input, and all outputs that follow from it, with every durable write answered.
    fn run(&mut self, input: Input, now: Instant) -> Vec<Output> {
        self.handle(input, now);
        self.drain(now)
    }

    fn drain(&mut self, now: Instant) -> Vec<Output> {
        let mut outputs = Vec::new();
        loop {
            match self.poll() {
                Output::Wait(_) => return outputs,
                output @ Output::Do(id, Action::Persist(_)) => {
                    outputs.push(output);
                    self.handle(Input::Done(id, Outcome::Written), now);
                }
                output => outputs.push(output),
            }
            assert!(outputs.len() < 1_000, "a machine that never waits");
        }
    }

    fn deadline(&mut self) -> Option<crate::time::Deadline> {
        match self.poll() {
            Output::Wait(deadline) => deadline,
            output => panic!("not drained: {output:?}"),
        }
    }
}

macro_rules! machines {
    ($($name:ty)*) => { $(
        impl Machine for $name {
            fn handle(&mut self, input: Input, now: Instant) {
                <$name>::handle(self, input, now);
            }
            fn poll(&mut self) -> Output {
                <$name>::poll(self)
            }
        }
    )* };
}

machines! { Node InitOperator RecoverPusher StatementService }

/// A service under its rules.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Serving {
    pub(super) service: JoinService,
    pub(super) rules: AllOf,
}

impl Machine for Serving {
    fn handle(&mut self, input: Input, now: Instant) {
        self.service.handle(input, &self.rules, now);
    }

    fn poll(&mut self) -> Output {
        self.service.poll()
    }
}
