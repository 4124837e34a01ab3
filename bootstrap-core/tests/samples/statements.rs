//! Statements, one of each kind and form.

use super::*;

pub(super) fn statements() -> Vec<Statement> {
    let rule = Rule {
        id: 10,
        role: Role::Worker,
        sets: list(vec![SET]),
        same_node: SameNodeClass::SnpKey,
        machines: Some(list(vec![MachineId::new([7; 32])])),
        name: Some(NamePattern::new("worker-{machine8}").unwrap()),
        voucher: Some(true),
        token: Some(false),
        lock: LeastLock::Class(LockClass::Software),
    };
    let bare =
        Rule { machines: None, name: None, voucher: None, token: None, lock: LeastLock::Any, ..rule.clone() };
    let set = ReferenceSet {
        id: SET,
        kind: Kind::new("tpm").unwrap(),
        rules: SetRules::new(b"{}".to_vec()).unwrap(),
        not_after: time(100),
        security_version: 3,
        roles: list(vec![Role::Worker, Role::Seat]),
    };
    let replacement = Replacement {
        from: list(vec![SET]),
        to: list(vec![SET]),
        uses: Uses::DISK.and(Uses::SEAT),
        not_after: time(100),
    };
    let policy = PolicyStatement {
        cluster: CLUSTER,
        epoch: 1,
        previous: HASH,
        not_before: time(0),
        not_after: time(100),
        authority: authority(),
        sets: list(vec![set]),
        replacements: list(vec![replacement]),
        rules: list(vec![rule, bare]),
        revoked: Revoked {
            sets: list(vec![SET]),
            nodes: list(vec![NODE]),
            machines: list(vec![MachineId::new([8; 32])]),
            urgent: true,
        },
        limits: Limits {
            certificate: Bounded::new(86_400).unwrap(),
            policy: Bounded::new(604_800).unwrap(),
            evidence: Bounded::new(7).unwrap(),
        },
    };
    let voucher = Voucher {
        cluster: CLUSTER,
        id: VoucherId::new([9; 16]),
        machine: VoucherMachine::Any,
        role: Role::Worker,
        name: Some(name("db-1")),
        addresses: list(vec![name("10.0.0.1")]),
        not_before: time(0),
        not_after: time(1),
        usage: VoucherUse::Replace,
        node: Some(NODE),
    };
    let transition = Transition {
        cluster: CLUSTER,
        counter: 1,
        from: KeyEpoch::FIRST,
        to: KeyEpoch::new(2).unwrap(),
        phase: TransitionPhase::Begin,
        ca: Some(CaKey::new(vec![0x30; 91]).unwrap()),
        data_check: Some(CheckValue::new([1; 16])),
    };
    let machine = VoucherMachine::One(MachineId::new([7; 32]));
    vec![
        Statement::Policy(policy),
        Statement::Voucher(Voucher {
            machine,
            usage: VoucherUse::Join,
            name: None,
            node: None,
            ..voucher.clone()
        }),
        Statement::Voucher(voucher),
        Statement::Transition(Transition {
            phase: TransitionPhase::Commit,
            ca: None,
            data_check: None,
            ..transition.clone()
        }),
        Statement::Transition(transition),
        Statement::Rescue(rescue()),
    ]
}

pub(super) fn rescue() -> Rescue {
    Rescue {
        cluster: CLUSTER,
        epoch: 1,
        previous: HASH,
        kept: list(vec![NODE]),
        cast_out: list(vec![NodeId::new([1; 16])]),
    }
}
