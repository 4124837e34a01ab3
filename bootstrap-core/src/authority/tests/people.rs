//! The cast: operators with fixed keys, one genesis, and policies to change one thing of.

use std::time::Duration;

use attest_core::UnixTime;

use crate::authority::{Draft, PolicyChain};
use crate::ids::{ClusterId, MachineId, NodeId, ReferenceSetId, Role, StatementHash, VoucherId};
use crate::keys::{OperatorKey, Secret};
use crate::peer::{Facts, PublicKey, SameNode, SameNodeClass};
use crate::wire::{
    Authority, Bounded, CaKey, Encoded, Genesis, Kind, LeastLock, Limits, List, Name, NamePattern,
    PolicyStatement, ReferenceSet, Revoked, Rule, SetRules, Signed, Statement, Voucher, VoucherMachine,
    VoucherUse,
};

pub(super) const START: u64 = 1_790_000_000;

pub(super) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(START + seconds))
}

pub(super) fn operator(number: u8) -> OperatorKey {
    OperatorKey::from_seed(&Secret::new("seed", &[number; 32]).unwrap())
}

pub(super) fn list<T: std::fmt::Debug, const MIN: usize, const MAX: usize>(
    items: Vec<T>,
) -> List<T, MIN, MAX> {
    List::new(items).unwrap()
}

pub(super) fn authority(threshold: u32, operators: &[u8]) -> Authority {
    Authority {
        operators: list(operators.iter().map(|number| operator(*number).public_key()).collect()),
        threshold: Bounded::new(threshold).unwrap(),
        custodians: List::default(),
    }
}

/// Operators 1, 2, 3, of whom two must sign; the CA is what the caller says.
pub(super) fn genesis_of(ca: Vec<u8>) -> Encoded<Genesis> {
    Encoded::new(Genesis {
        salt: [0x20; 32],
        ca: CaKey::new(ca).unwrap(),
        authority: authority(2, &[1, 2, 3]),
        created: at(0),
        data_check: None,
        name: None,
    })
}

pub(super) fn genesis() -> Encoded<Genesis> {
    genesis_of(vec![0x30])
}

pub(super) fn cluster() -> ClusterId {
    PolicyChain::of(&genesis()).unwrap().cluster()
}

pub(super) fn set_id(number: u8) -> ReferenceSetId {
    ReferenceSetId::new([number; 32])
}

pub(super) fn machine(number: u8) -> MachineId {
    MachineId::new([number; 32])
}

pub(super) fn node(number: u8) -> NodeId {
    NodeId::new([number; 16])
}

pub(super) fn set(number: u8, version: u32, roles: &[Role]) -> ReferenceSet {
    ReferenceSet {
        id: set_id(number),
        kind: Kind::new("snp").unwrap(),
        rules: SetRules::new(b"{}".to_vec()).unwrap(),
        not_after: at(1_000_000),
        security_version: version,
        roles: list(roles.to_vec()),
    }
}

pub(super) fn rule(id: u16, role: Role, sets: &[u8]) -> Rule {
    Rule {
        id,
        role,
        sets: list(sets.iter().map(|number| set_id(*number)).collect()),
        same_node: SameNodeClass::Platform,
        machines: None,
        name: Some(NamePattern::new("worker-{machine8}").unwrap()),
        voucher: None,
        token: None,
        lock: LeastLock::Any,
    }
}

pub(super) fn policy(epoch: u32, previous: StatementHash) -> PolicyStatement {
    PolicyStatement {
        cluster: cluster(),
        epoch,
        previous,
        not_before: at(u64::from(epoch)),
        not_after: at(500_000),
        authority: authority(2, &[1, 2, 3]),
        sets: list(vec![set(1, 3, &[Role::Worker])]),
        replacements: List::default(),
        rules: list(vec![rule(10, Role::Worker, &[1])]),
        revoked: Revoked::default(),
        limits: Limits { evidence: Bounded::new(7).unwrap(), ..Limits::default() },
    }
}

pub(super) fn first() -> PolicyStatement {
    policy(1, StatementHash::new(*cluster().as_bytes()))
}

pub(super) fn signed(statement: Statement, operators: &[u8]) -> Signed {
    let mut draft = Draft::new(&statement).unwrap();
    for number in operators {
        draft.sign(&operator(*number)).unwrap();
    }
    draft.finish().unwrap()
}

pub(super) fn signed_policy(policy: PolicyStatement) -> Signed {
    signed(Statement::Policy(policy), &[1, 2])
}

/// A chain with this first policy.
pub(super) fn chain(policy: PolicyStatement) -> PolicyChain {
    PolicyChain::first(&genesis(), &signed_policy(policy), at(100)).unwrap()
}

/// A chain and the policy that would follow it, to change one thing of.
pub(super) fn second() -> (PolicyChain, PolicyStatement) {
    let chain = chain(first());
    let next = policy(2, chain.tip().unwrap().hash);
    (chain, next)
}

/// A peer that set 1 accepts, on machine 7, with a platform proof.
pub(super) fn facts() -> Facts {
    Facts {
        sets: vec![set_id(1)],
        machine: Some(machine(7)),
        same_node: vec![SameNode { class: SameNodeClass::Platform, id: vec![7; 32] }],
        ..Facts::nothing(START + 1000)
    }
}

pub(super) fn voucher() -> Voucher {
    Voucher {
        cluster: cluster(),
        id: VoucherId::new([0x77; 16]),
        machine: VoucherMachine::One(machine(7)),
        role: Role::Worker,
        name: Some(Name::new("db-1").unwrap()),
        addresses: list(vec![Name::new("10.0.0.7").unwrap()]),
        not_before: at(0),
        not_after: at(1000),
        usage: VoucherUse::Join,
        node: None,
    }
}

pub(super) fn p256_scalar() -> (Secret, PublicKey) {
    let scalar = Secret::new("scalar", &[9; 32]).unwrap();
    let key = p256::ecdsa::SigningKey::from_slice(scalar.expose()).unwrap();
    let public = PublicKey::new(2, key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
    (scalar, public)
}
