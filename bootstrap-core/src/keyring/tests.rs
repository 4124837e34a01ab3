//! A cluster's secrets from the first draw to a newcomer's disk, and what is wrong at each step.

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
        revoked: Revoked {
            sets: List::default(),
            nodes: List::default(),
            machines: List::default(),
            urgent: false,
        },
        limits: Limits {
            certificate: Bounded::new(86_400).unwrap(),
            policy: Bounded::new(604_800).unwrap(),
            evidence: Bounded::new(7).unwrap(),
        },
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

#[test]
fn an_init_ends_with_the_keys_that_the_operator_could_derive_as_well() {
    let mut cast = Cast::new(1);
    let grant = cast.init_grant();
    let mut node = Keyring::new();
    let held = node.receive(cast.ring.release(grant).unwrap()).unwrap();
    // Before the check nothing is derived of it.
    let early = node.derive_disk_keys(held, &NODE, &DISK, &[FIRST]);
    let grant = Error::Handle { handle: held, expected: "roots", actual: "grant" };
    assert_eq!(early.err(), Some(grant));
    node.check_roots(held, None, &cast.genesis).unwrap();
    let keys = node.derive_disk_keys(held, &NODE, &DISK, &[FIRST]).unwrap();
    let operators = cast.ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
    assert_eq!(keys_of(&node, keys), keys_of(&cast.ring, operators));

    node.make_node_key(&counted(0x11)).unwrap();
    let terms = Terms {
        cluster: cast.cluster,
        node: NODE,
        role: Role::Seat,
        name: "seat-1",
        addresses: &[],
        policy_epoch: 1,
        generation: 1,
        not_before: START,
        not_after: START + 86_400,
        longest_life: 86_400,
    };
    let chain = [Der::new(node.own_certificate(held, &terms, &entropy(3)).unwrap()).unwrap()];
    assert_eq!(check_result(&cast.genesis, &NODE, &chain, at(10)), Ok(()));
    let other = check_result(&cast.genesis, &NodeId::new([9; 16]), &chain, at(10));
    assert_eq!(other, Err(Error::NotMine { what: "certificate" }));
    let foreign = check_result(&Cast::new(50).genesis, &NODE, &chain, at(10));
    assert_eq!(foreign, Err(CertificateFault::Issuer.into()));
    assert_eq!(check_result(&cast.genesis, &NODE, &[], at(10)), Err(Error::NotMine { what: "certificate" }));
}

#[test]
fn roots_that_the_genesis_does_not_fix_are_refused_and_nothing_changes() {
    let mut cast = Cast::new(1);
    let mut other = Cast::new(60);
    // A stranger's roots under the right cluster id.
    let cluster = cast.cluster;
    let adopted = other.roots;
    other.ring.adopt(cluster, adopted).unwrap();
    other.cluster = cluster;
    let grant = other.init_grant();
    let mut node = Keyring::new();
    let held = node.receive(other.ring.release(grant).unwrap()).unwrap();
    let refused = node.check_roots(held, None, &cast.genesis);
    assert_eq!(refused, Err(Error::Wrong { what: "identity root" }));
    assert_eq!(refused.unwrap_err().code(), crate::error::Code::WRONG_SECRET);
    assert!(node.grant(held).is_ok(), "still a grant, and no roots");

    // The right identity root beside a stranger's data root.
    let grant = cast.init_grant();
    let mut right = cast.ring.release(grant).unwrap();
    let stranger = other.ring.roots(other.roots).unwrap().data(FIRST).unwrap().secret().duplicate();
    if let Grant::Init(init) = &mut right
        && let InitKeys::Roots(roots) = &init.keys
    {
        let identity = roots[0].identity.as_ref().map(Secret::duplicate);
        let root = crate::wire::Root { epoch: FIRST, identity, data: Some(stranger) };
        init.keys = InitKeys::Roots(list(vec![root]).unwrap());
    }
    let held = node.receive(right).unwrap();
    let wrong = Err(Error::Wrong { what: "data root" });
    assert_eq!(node.check_roots(held, None, &cast.genesis), wrong);
    // The grant of another cluster, under this genesis.
    let mut third = Cast::new(90);
    let grant = third.init_grant();
    let held = node.receive(third.ring.release(grant).unwrap()).unwrap();
    let wrong = Err(Error::Wrong { what: "cluster" });
    assert_eq!(node.check_roots(held, None, &cast.genesis), wrong);
}

#[test]
fn a_node_born_identity_root_completes_the_genesis() {
    let mut operator = Keyring::new();
    let (request, roots) = operator.new_master(&plan(Custody::NodeBorn), &entropy(1)).unwrap();
    assert!(request.value().ca.is_none() && request.as_genesis().is_none());
    let mut node = Keyring::new();
    let (genesis, born) = node.make_identity_root(request.value(), &entropy(5)).unwrap();
    let cluster = cluster_id_of(&genesis);
    operator.adopt(cluster, roots).unwrap();
    let name = crate::wire::Name::new("seat-1").unwrap();
    let grant = operator.make_init_grant(cluster, AttemptId::new([1; 16]), (NODE, name), None).unwrap();
    let grant = node.receive(operator.release(grant).unwrap()).unwrap();
    // Without the root that was born here, one is missing.
    let missing = Err(Error::Wrong { what: "pair of roots" });
    assert_eq!(node.check_roots(grant, None, &genesis), missing);
    node.check_roots(grant, Some(born), &genesis).unwrap();
    assert!(node.roots(grant).unwrap().identity(FIRST).is_ok());
    // Another node's birth does not fit this genesis.
    let mut other = Keyring::new();
    let (_, born) = other.make_identity_root(request.value(), &entropy(6)).unwrap();
    let name = crate::wire::Name::new("seat-1").unwrap();
    let grant = operator.make_init_grant(cluster, AttemptId::new([1; 16]), (NODE, name), None).unwrap();
    let grant = other.receive(operator.release(grant).unwrap()).unwrap();
    let wrong = Err(Error::Wrong { what: "identity root" });
    assert_eq!(other.check_roots(grant, Some(born), &genesis), wrong);
    let complete = GenesisRequest::from(genesis.value().clone());
    assert!(node.make_identity_root(&complete, &entropy(5)).is_err());
}

#[test]
fn split_custody_draws_two_roots_that_have_nothing_in_common() {
    let mut ring = Keyring::new();
    let (request, handle) = ring.new_master(&plan(Custody::Split), &entropy(1)).unwrap();
    let roots = ring.roots(handle).unwrap();
    assert!(roots.master().is_none());
    assert!(roots.identity(FIRST).unwrap().secret() != roots.data(FIRST).unwrap().secret());
    assert!(request.as_genesis().is_some());
    for custody in Custody::ALL {
        let zero = ring.new_master(&plan(*custody), &Entropy::new([0; 96])).err();
        assert_eq!(zero, Some(KeyError::Zero { what: "salt" }.into()));
    }
}

#[test]
fn a_workers_ticket_opens_its_disk_and_holds_no_root() {
    let mut cast = Cast::new(1);
    let mut node = Keyring::new();
    let ticket = cast.give(Holding::Worker, &mut node);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let policies = node.check_ticket(ticket, &cast.check(&none)).unwrap();
    assert_eq!(policies.tip(), cast.policies.tip());
    assert!(node.roots(ticket).is_err());
    let derived = cast.ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
    assert_eq!(keys_of(&node, ticket), keys_of(&cast.ring, derived));
    let Grant::Join(join) = node.grant(ticket).unwrap() else { panic!("a join ticket") };
    assert!(matches!(join.place, crate::wire::Place::Worker));
    assert!(join.voucher_secret.is_some());
    // Again, by a node that holds the policy already.
    assert!(node.check_ticket(ticket, &cast.check(&policies)).is_ok());
}

#[test]
fn a_seats_ticket_brings_roots_that_are_compared() {
    let mut cast = Cast::new(1);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let mut node = Keyring::new();
    let ticket = cast.give(Holding::Seat { roots: vec![FIRST] }, &mut node);
    assert!(node.roots(ticket).is_err(), "nothing is believed before it was compared");
    node.check_ticket(ticket, &cast.check(&none)).unwrap();
    let roots = node.roots(ticket).unwrap();
    let own = cast.ring.roots(cast.roots).unwrap();
    assert!(roots.identity(FIRST).unwrap().secret() == own.identity(FIRST).unwrap().secret());
    // A seat that has the CA key and lies about the data root.
    let mut grant = node.release(ticket).unwrap();
    if let Grant::Join(join) = &mut grant {
        let identity = own.identity(FIRST).unwrap().secret().duplicate();
        let data = Some(Secret::new("data root", &[9; 32]).unwrap());
        let root = crate::wire::Root { epoch: FIRST, identity: Some(identity), data };
        join.place = crate::wire::Place::Seat(list(vec![root]).unwrap());
    }
    let lie = node.receive(grant).unwrap();
    let wrong = Error::Wrong { what: "data root" };
    assert_eq!(node.check_ticket(lie, &cast.check(&none)).err(), Some(wrong));
    assert!(node.roots(lie).is_err());
}

#[test]
fn a_ticket_of_another_node_key_cluster_or_policy_is_refused() {
    let mut cast = Cast::new(1);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let mut node = Keyring::new();
    let ticket = cast.give(Holding::Worker, &mut node);
    let refused = |node: &mut Keyring, check: &TicketCheck<'_>| node.check_ticket(ticket, check).err();
    let mine = cast.check(&none);
    let other = TicketCheck { node: NodeId::new([9; 16]), ..mine };
    assert_eq!(refused(&mut node, &other), Some(Error::NotMine { what: "certificate" }));
    let foreign = Cast::new(60);
    let elsewhere = TicketCheck { genesis: &foreign.genesis, ..mine };
    assert_eq!(refused(&mut node, &elsewhere), Some(Error::NotMine { what: "cluster" }));
    let late = TicketCheck { now: at(86_411), ..mine };
    assert!(matches!(
        refused(&mut node, &late),
        Some(Error::Key(KeyError::Certificate(CertificateFault::Validity { .. })))
    ));
    // A key of another boot.
    node.make_node_key(&counted(0x22)).unwrap();
    assert_eq!(refused(&mut node, &mine), Some(Error::NotMine { what: "certificate" }));
    node.make_node_key(&counted(0x11)).unwrap();
    assert_eq!(refused(&mut node, &mine), None);
    // A generation that the certificate does not say; a policy chain of a stranger.
    let change = |node: &mut Keyring, change: &dyn Fn(&mut crate::wire::JoinTicket)| {
        let mut grant = node.release(ticket).unwrap();
        if let Grant::Join(join) = &mut grant {
            change(join);
        }
        node.receive(grant).unwrap()
    };
    let changed = change(&mut node, &|join| join.generation = 2);
    let error = node.check_ticket(changed, &mine).err();
    assert_eq!(error, Some(Error::NotMine { what: "generation" }));
    let foreign = foreign.statement;
    let ticket = cast.give(Holding::Worker, &mut node);
    let mut grant = node.release(ticket).unwrap();
    if let Grant::Join(join) = &mut grant {
        join.policies = list(vec![foreign]).unwrap();
    }
    let changed = node.receive(grant).unwrap();
    let error = node.check_ticket(changed, &cast.check(&none)).err().unwrap();
    assert_eq!(error.code(), crate::error::Code::STATEMENT);
}

#[test]
fn nothing_is_issued_without_a_policy_roots_or_a_good_request() {
    let mut cast = Cast::new(1);
    let csr = Keyring::new().make_node_key(&counted(0x11)).unwrap();
    let ticket = |cluster, csr: &[u8]| {
        ticket::JoinTicket::new(shown(cluster), receiver(csr.to_vec(), Holding::Worker))
    };
    let mut ring = std::mem::take(&mut cast.ring);
    let good = ticket(cast.cluster, &csr);
    let none = PolicyChain::of(&cast.genesis).unwrap();
    let without = Issuing { policies: &none, ..cast.issuing() };
    assert_eq!(
        ring.join_ticket(&good, &without, &entropy(1)).err(),
        Some(Error::Missing { what: "policy that holds" })
    );
    let late = Issuing { now: at(500_001), ..cast.issuing() };
    assert_eq!(
        ring.join_ticket(&good, &late, &entropy(1)).err(),
        Some(Error::Missing { what: "policy that holds" })
    );
    let bad = ticket(cast.cluster, &csr[1..]);
    let error = ring.join_ticket(&bad, &cast.issuing(), &entropy(1)).err().unwrap();
    assert_eq!(error.code(), crate::error::Code::CSR);
    let elsewhere = ClusterId::new([9; 32]);
    let error = ring.join_ticket(&ticket(elsewhere, &csr), &cast.issuing(), &entropy(1)).err();
    assert_eq!(error, Some(Error::NoRoots { cluster: elsewhere }));
    assert!(ring.join_ticket(&good, &cast.issuing(), &entropy(1)).is_ok());
    // Forgotten roots make nothing.
    ring.forget(cast.roots);
    let error = ring.join_ticket(&good, &cast.issuing(), &entropy(1)).err();
    assert_eq!(error, Some(Error::NoRoots { cluster: cast.cluster }));
}

#[test]
fn rejoin_renew_and_recover_give_the_same_disk_key() {
    let mut cast = Cast::new(1);
    let csr = Keyring::new().make_node_key(&counted(0x11)).unwrap();
    let mut ring = std::mem::take(&mut cast.ring);
    let derived = ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
    let expected = keys_of(&ring, derived);
    let receiver = receiver(csr, Holding::Worker);
    let rejoin = ticket::RejoinTicket::new(shown(cast.cluster), receiver.clone(), true);
    let rejoin = ring.rejoin_ticket(&rejoin, &cast.issuing(), &entropy(1)).unwrap();
    assert_eq!(keys_of(&ring, rejoin), expected);
    assert!(matches!(ring.grant(rejoin), Ok(Grant::Rejoin(ticket)) if ticket.provisional == Some(true)));
    let renew = ticket::RenewTicket::new(shown(cast.cluster), receiver.clone());
    let renew = ring.renew_ticket(&renew, &cast.issuing(), &entropy(1)).unwrap();
    assert_eq!(keys_of(&ring, renew), expected);
    let same = Receiver { epochs: Vec::new(), ..receiver };
    let renew = ticket::RenewTicket::new(shown(cast.cluster), same);
    let renew = ring.renew_ticket(&renew, &cast.issuing(), &entropy(1)).unwrap();
    assert!(ring.disk_keys(renew).is_err(), "no new epoch, no key");
    let recover = ticket::RecoverGrant::new(shown(cast.cluster), NODE, DISK, vec![FIRST], Holding::Worker);
    let recover = ring.recover_grant(&recover).unwrap();
    assert_eq!(keys_of(&ring, recover), expected);
    let later = ticket::RecoverGrant::new(
        shown(cast.cluster),
        NODE,
        DISK,
        vec![FIRST.next().unwrap()],
        Holding::Worker,
    );
    let unknown = Error::Unknown { what: "data root", epoch: FIRST.next().unwrap() };
    assert_eq!(ring.recover_grant(&later).err(), Some(unknown));
}

#[test]
fn shares_are_checked_combined_and_compared() {
    let mut cast = Cast::new(1);
    let split = |cluster, secret| Split {
        secret,
        cluster,
        set: ShareSetId::new([3; 16]),
        epoch: FIRST,
        threshold: 2,
        count: 3,
    };
    let roots = cast.ring.roots(cast.roots).unwrap();
    let secrets = [
        (SecretKind::Master, roots.master().unwrap().secret().duplicate()),
        (SecretKind::Identity, roots.identity(FIRST).unwrap().secret().duplicate()),
        (SecretKind::Data, roots.data(FIRST).unwrap().secret().duplicate()),
    ];
    for (kind, secret) in secrets {
        let mut node = Keyring::new();
        let deal = split(cast.cluster, kind).make(&secret, &[0x5a; 32]).unwrap();
        let handles: Vec<Handle> = deal
            .into_iter()
            .map(|share| {
                let pushed = cast.ring.hold_share(share).unwrap();
                let push = ticket::ShareGrant::new(shown(cast.cluster));
                let grant = cast.ring.share_grant(&push, pushed).unwrap();
                node.receive(cast.ring.release(grant).unwrap()).unwrap()
            })
            .collect();
        assert_eq!(node.check_share(handles[0], &cast.cluster, None), Ok(()));
        assert_eq!(node.check_share(handles[2], &cast.cluster, Some(handles[0])), Ok(()));
        let few = node.combine_shares(&handles[..1], &cast.genesis, &cast.ca).err();
        assert_eq!(few, Some(ShareFault::Few { held: 1, needed: 2 }.into()));
        let combined = node.combine_shares(&handles[1..], &cast.genesis, &cast.ca).unwrap();
        let keys = node.derive_disk_keys(combined, &NODE, &DISK, &[FIRST]);
        if kind == SecretKind::Identity {
            assert_eq!(keys.err(), Some(Error::Unknown { what: "data root", epoch: FIRST }));
        } else {
            let derived = cast.ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
            assert_eq!(keys_of(&node, keys.unwrap()), keys_of(&cast.ring, derived));
        }
        let elsewhere = ClusterId::new([9; 32]);
        let other = ShareFault::Cluster { index: 1, expected: elsewhere, actual: cast.cluster };
        assert_eq!(node.check_share(handles[0], &elsewhere, None), Err(other.into()));
    }
    // A dealer who dealt something else: every share fits its set, and the secret does not fit the genesis.
    for (kind, what) in [
        (SecretKind::Master, "identity root"),
        (SecretKind::Identity, "identity root"),
        (SecretKind::Data, "data root"),
    ] {
        let other = Secret::new("other", &[9; 32]).unwrap();
        let deal = split(cast.cluster, kind).make(&other, &[0x5a; 32]).unwrap();
        let handles: Vec<Handle> =
            deal.into_iter().map(|share| cast.ring.hold_share(share).unwrap()).collect();
        let combined = cast.ring.combine_shares(&handles, &cast.genesis, &cast.ca).err();
        assert_eq!(combined, Some(Error::Wrong { what }));
    }
}

#[test]
fn a_seats_roots_are_sealed_to_its_machine() {
    let mut cast = Cast::new(1);
    let sealed_key = Secret::new("node-sealed key", &[4; 32]).unwrap();
    let place = (&cast.cluster, &NODE);
    let seal = |ring: &Keyring, nonces| ring.seal_roots(cast.roots, FIRST, place, &sealed_key, nonces);
    let sealed = seal(&cast.ring, [[1; 12], [2; 12]]).unwrap();
    let salt = *cast.ring.roots(cast.roots).unwrap().salt();
    let mut seat = Keyring::new();
    let opened = seat.open_roots(core::slice::from_ref(&sealed), salt, place, &sealed_key).unwrap();
    let (there, here) = (seat.roots(opened).unwrap(), cast.ring.roots(cast.roots).unwrap());
    assert!(there.identity(FIRST).unwrap().secret() == here.identity(FIRST).unwrap().secret());
    assert!(there.data(FIRST).unwrap().secret() == here.data(FIRST).unwrap().secret());
    let one = core::slice::from_ref(&sealed);
    let another = Secret::new("node-sealed key", &[5; 32]).unwrap();
    assert_eq!(seat.open_roots(one, salt, place, &another).err(), Some(KeyError::Unwrap.into()));
    let elsewhere = (&cast.cluster, &NodeId::new([9; 16]));
    assert_eq!(seat.open_roots(one, salt, elsewhere, &sealed_key).err(), Some(KeyError::Unwrap.into()));
    assert!(seal(&cast.ring, [[1; 12], [1; 12]]).is_err(), "one nonce for two secrets");
    assert!(seal(&cast.ring, [[0; 12], [1; 12]]).is_err(), "a nonce that was not drawn");
    let _ = cast.init_grant();
}

#[test]
fn a_handle_is_never_given_out_twice() {
    let mut cast = Cast::new(1);
    let first = cast.init_grant();
    cast.ring.forget(first);
    let second = cast.init_grant();
    assert_ne!(first, second);
    let gone = Error::Handle { handle: first, expected: "grant", actual: "nothing" };
    assert_eq!(cast.ring.grant(first).err(), Some(gone));
    cast.ring.forget(first);
    let grant = cast.ring.release(second).unwrap();
    assert!(cast.ring.grant(second).is_err(), "what was sent is not held");
    drop(grant);
    assert!(cast.ring.disk_keys(cast.roots).is_err());
    let unknown = Handle::new(9999);
    assert!(cast.ring.adopt(cast.cluster, unknown).is_err());
}

#[test]
fn roots_of_one_epoch_belong_together() {
    let salt = *Cast::new(1).ring.roots(Handle::new(1)).unwrap().salt();
    let secret = |octet| Secret::new("root", &[octet; 32]).unwrap();
    let second = FIRST.next().unwrap();
    let mut roots = Roots::new(salt);
    let mixed = roots.add(EpochRoots {
        identity: Some(crate::keys::IdentityRoot::new(secret(1), salt, FIRST)),
        data: Some(crate::keys::DataRoot::new(secret(2), salt, second)),
    });
    assert!(matches!(mixed, Err(Error::Key(KeyError::Epoch { .. }))));
    let data = |epoch| EpochRoots {
        identity: None,
        data: Some(crate::keys::DataRoot::new(secret(2), salt, KeyEpoch::new(epoch).unwrap())),
    };
    for epoch in 1..=4 {
        roots.add(data(epoch)).unwrap();
    }
    assert_eq!(roots.add(data(4)).err(), Some(Error::Full { held: 4 }));
    assert_eq!(roots.add(data(5)).err(), Some(Error::Full { held: 4 }));
    assert_eq!(roots.epochs().count(), 4);
}

// --- as machines ask

fn host<'a>(payload: &'a DriverPayload) -> Host<'a> {
    Host {
        now: at(10),
        cluster_name: None,
        first_policy: None,
        payload,
        addresses: &[],
        voucher_secret: false,
        share: None,
    }
}

#[test]
fn machines_are_answered_from_a_node_born_genesis_to_a_newcomers_policy() {
    use crate::machine::facts::{Authority as Wanted, Custody as Kept};
    use crate::machine::message::GrantFacts;
    use crate::machine::{KeyAction, KeyOutcome};

    let payload = DriverPayload::new(b"join".to_vec()).unwrap();
    let (mut operators, mut first, mut newcomer) = (Keyring::new(), Keyring::new(), Keyring::new());
    let wanted = Wanted { operators: vec![operator().public_key()], threshold: 1, custodians: Vec::new() };
    let make = KeyAction::NewMaster { authority: wanted, custody: Kept::NodeBorn };
    let KeyOutcome::Cluster { genesis, .. } = operators.execute(&make, &host(&payload), &entropy(1)) else {
        panic!("a genesis")
    };
    assert!(!genesis.complete);
    let born = KeyAction::MakeIdentityRoot { genesis };
    let KeyOutcome::Cluster { genesis, roots } = first.execute(&born, &host(&payload), &entropy(5)) else {
        panic!("a complete genesis")
    };
    let cluster = genesis.cluster().unwrap();
    let complete = Encoded::<Genesis>::from_bytes(&genesis.bytes).unwrap();
    assert_eq!(cluster, cluster_id_of(&complete));
    let statement = policy(cluster);

    // The operator knows the genesis from Locked. One that changed more than the CA key meets no roots.
    let grant =
        ticket::InitGrant::new(shown(cluster), AttemptId::new([1; 16]), NODE, Name::new("seat-1").unwrap());
    let grant = KeyAction::InitGrant(grant);
    let unknown = operators.attempt(&grant, &host(&payload), &entropy(2)).err();
    assert_eq!(unknown, Some(Error::Missing { what: "genesis of that cluster" }));
    let mut changed = complete.value().clone();
    changed.created = at(99);
    let changed = operators.learn(Encoded::new(changed)).unwrap();
    let lie =
        ticket::InitGrant::new(shown(changed), AttemptId::new([1; 16]), NODE, Name::new("seat-1").unwrap());
    let lie = operators.attempt(&KeyAction::InitGrant(lie), &host(&payload), &entropy(2)).err();
    assert_eq!(lie, Some(Error::Wrong { what: "genesis" }));
    operators.learn(complete.clone()).unwrap();
    let with_policy = Host { first_policy: Some(&statement), ..host(&payload) };
    let KeyOutcome::Grant(made) = operators.execute(&grant, &with_policy, &entropy(2)) else {
        panic!("Grant 1")
    };
    let GrantFacts::Init { policy: Some(sent), epochs, .. } = made.facts else { panic!("with a policy") };
    assert_eq!(epochs, [FIRST]);

    // The node.
    let sent = KeyAction::CheckPolicies { genesis: genesis.clone(), held: None, statements: vec![sent] };
    let KeyOutcome::Policy(tip) = first.execute(&sent, &host(&payload), &entropy(3)) else {
        panic!("a policy")
    };
    let grant = first.receive(operators.release(made.handle).unwrap()).unwrap();
    let check = KeyAction::CheckRoots { grant, identity: Some(roots), genesis: genesis.clone() };
    assert_eq!(first.execute(&check, &host(&payload), &entropy(3)), KeyOutcome::Matches);
    let derive = KeyAction::DeriveDiskKeys { roots: grant, node: NODE, disk: DISK, epochs: vec![FIRST] };
    let KeyOutcome::Made(keys) = first.execute(&derive, &host(&payload), &entropy(3)) else { panic!("keys") };
    first.make_node_key(&counted(0x33)).unwrap();
    let name = Name::new("seat-1").unwrap();
    let certificate = KeyAction::OwnCertificate { roots: grant, cluster, node: NODE, name };
    let KeyOutcome::Chain(chain) = first.execute(&certificate, &host(&payload), &entropy(4)) else {
        panic!("a chain")
    };
    let result = KeyAction::CheckResult { genesis: genesis.clone(), node: NODE, chain };
    assert_eq!(operators.execute(&result, &host(&payload), &entropy(4)), KeyOutcome::Matches);

    // A newcomer, of the same id and disk so that the keys can be compared.
    let csr = newcomer.make_node_key(&counted(0x11)).unwrap();
    let join = ticket::JoinTicket::new(shown(cluster), receiver(csr, Holding::Worker));
    let join = KeyAction::JoinTicket(join);
    let KeyOutcome::Grant(made) = first.execute(&join, &host(&payload), &entropy(6)) else {
        panic!("Grant 2")
    };
    let grant = newcomer.receive(first.release(made.handle).unwrap()).unwrap();
    assert_eq!(keys_of(&newcomer, grant), keys_of(&first, keys));
    let check = |held| KeyAction::CheckTicket { grant, cluster, node: NODE, held };
    let unknown = newcomer.attempt(&check(None), &host(&payload), &entropy(7)).err();
    assert_eq!(unknown, Some(Error::Missing { what: "genesis of that cluster" }));
    newcomer.learn(complete).unwrap();
    let outcome = newcomer.execute(&check(None), &host(&payload), &entropy(7));
    assert_eq!(outcome, KeyOutcome::Policy(tip));
    assert_eq!(newcomer.policies(&cluster).unwrap().tip(), Some(tip));
    assert_eq!(newcomer.execute(&check(Some(tip)), &host(&payload), &entropy(7)), outcome);
    let gone = KeyAction::Forget(grant);
    assert_eq!(newcomer.execute(&gone, &host(&payload), &entropy(7)), KeyOutcome::Matches);
    let refused = newcomer.execute(&check(None), &host(&payload), &entropy(7));
    assert_eq!(refused, KeyOutcome::Refused(crate::error::Code::INTERNAL));
}

#[test]
fn an_authority_is_that_at_the_end_of_its_chain() {
    use crate::machine::{KeyAction, KeyOutcome};

    let payload = DriverPayload::new(Vec::new()).unwrap();
    let cast = Cast::new(1);
    let genesis = genesis_facts(&cast.genesis);
    let mut node = Keyring::new();
    let check =
        |cluster, statements| KeyAction::CheckAuthority { cluster, genesis: genesis.clone(), statements };
    let outcome =
        node.execute(&check(cast.cluster, vec![cast.statement.to_bytes()]), &host(&payload), &entropy(1));
    let operators = vec![operator().public_key()];
    assert_eq!(outcome, KeyOutcome::Authority { operators, custodians: Vec::new() });
    let other = node.attempt(&check(ClusterId::new([9; 32]), Vec::new()), &host(&payload), &entropy(1));
    assert!(matches!(other, Err(Error::OtherCluster { .. })));
    let refused = node.execute(&check(cast.cluster, vec![vec![1, 2, 3]]), &host(&payload), &entropy(1));
    assert_eq!(refused, KeyOutcome::Refused(crate::error::Code::STATEMENT));
    assert!(node.policies(&cast.cluster).is_none(), "who is believed for one recovery is not learned from");
}
