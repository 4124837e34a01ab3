//! Rules, vouchers, tokens, revocation, and members that come back.

use super::people::*;
use crate::authority::{Applicant, Enrolled, Fault, PolicyChain};
use crate::error::Code;
use crate::ids::{Role, TokenId};
use crate::peer::{Facts, SameNode, SameNodeClass};
use crate::wire::{
    LeastLock, LockClass, PolicyStatement, Replacement, Revoked, Rule, Uses, Voucher, VoucherMachine,
    VoucherUse,
};

fn applicant(facts: &Facts) -> Applicant<'_> {
    Applicant { facts, lock: LockClass::Software, voucher: None, token: None, sequence: 5 }
}

fn with_rules(rules: Vec<Rule>) -> PolicyChain {
    let sets = list(vec![set(1, 3, &[Role::Worker, Role::Seat]), set(2, 3, &[Role::Worker])]);
    chain(PolicyStatement { sets, rules: list(rules), ..first() })
}

fn with_rule(change: impl FnOnce(&mut Rule)) -> PolicyChain {
    let mut one = rule(10, Role::Worker, &[1]);
    change(&mut one);
    with_rules(vec![one])
}

#[test]
fn the_first_rule_that_matches_decides() {
    let mut strict = rule(10, Role::Seat, &[1]);
    strict.same_node = SameNodeClass::Tpm;
    let chain = with_rules(vec![strict, rule(20, Role::Worker, &[2, 1]), rule(30, Role::Seat, &[1])]);
    let (mut facts, now) = (facts(), at(100));
    let decision = chain.decide(&applicant(&facts), now).unwrap();
    assert_eq!((decision.rule, decision.role, decision.set), (20, Role::Worker, set_id(1)));
    assert_eq!(decision.name.as_str(), "worker-07070707");
    assert!(decision.any_machine && decision.lock_register_absent);
    facts.same_node.push(SameNode { class: SameNodeClass::Tpm, id: vec![1] });
    assert_eq!(chain.decide(&applicant(&facts), now).map(|decision| decision.rule), Ok(10));
    facts.sets = vec![set_id(9)];
    assert_eq!(chain.decide(&applicant(&facts), now), Err(Fault::NoRule));
    facts.sets.clear();
    assert_eq!(chain.decide(&applicant(&facts), now), Err(Fault::NoRule));
    assert_eq!(Fault::NoRule.code(), Code::NO_RULE);
}

#[test]
fn each_condition_of_a_rule_counts() {
    let now = at(100);
    let rule = |change: fn(&mut Rule)| with_rule(change).decide(&applicant(&facts()), now);
    assert!(rule(|_| {}).is_ok());
    assert_eq!(rule(|rule| rule.same_node = SameNodeClass::SnpKey), Err(Fault::NoRule));
    assert_eq!(rule(|rule| rule.lock = LeastLock::Class(LockClass::TpmPcr)), Err(Fault::NoRule));
    assert_eq!(rule(|rule| rule.machines = Some(list(vec![machine(8)]))), Err(Fault::NoRule));
    let listed = rule(|rule| rule.machines = Some(list(vec![machine(8), machine(7)]))).unwrap();
    assert!(!listed.any_machine);
    assert_eq!(rule(|rule| rule.voucher = Some(true)), Err(Fault::VoucherNeeded { rule: 10 }));
    assert_eq!(rule(|rule| rule.token = Some(true)), Err(Fault::VoucherNeeded { rule: 10 }));
    assert_eq!(Fault::VoucherNeeded { rule: 10 }.code(), Code::VOUCHER);
    assert!(rule(|rule| rule.voucher = Some(false)).is_ok());
    assert_eq!(rule(|rule| rule.name = None), Err(Fault::NoName { rule: 10 }));
    // A machine that hides itself is on no list.
    let hidden = Facts { machine: None, ..facts() };
    let chain = with_rule(|rule| rule.machines = Some(list(vec![machine(7)])));
    assert_eq!(chain.decide(&applicant(&hidden), now), Err(Fault::NoRule));
}

#[test]
fn a_voucher_fits_or_is_none() {
    let now = at(100);
    let chain = with_rule(|rule| rule.voucher = Some(true));
    let (facts, needed) = (facts(), Err(Fault::VoucherNeeded { rule: 10 }));
    let decide = |voucher: Voucher, facts: &Facts| {
        chain.decide(&Applicant { voucher: Some(&voucher), ..applicant(facts) }, now)
    };
    let decision = decide(voucher(), &facts).unwrap();
    assert_eq!((decision.name.as_str(), decision.voucher), ("db-1", Some(voucher().id)));
    assert_eq!(decision.addresses[0].as_str(), "10.0.0.7");
    assert!(!decision.any_machine);
    assert_eq!(decide(Voucher { machine: VoucherMachine::One(machine(8)), ..voucher() }, &facts), needed);
    assert_eq!(decide(Voucher { role: Role::Seat, ..voucher() }, &facts), needed);
    assert_eq!(decide(Voucher { usage: VoucherUse::Wipe, ..voucher() }, &facts), needed);
    assert_eq!(decide(Voucher { not_after: at(100), ..voucher() }, &facts), needed);
    assert_eq!(decide(Voucher { not_before: at(101), ..voucher() }, &facts), needed);
    let any = decide(Voucher { machine: VoucherMachine::Any, ..voucher() }, &facts).unwrap();
    assert!(any.any_machine);
    let hidden = Facts { machine: None, ..facts.clone() };
    assert_eq!(decide(voucher(), &hidden), needed);
}

#[test]
fn a_token_is_for_its_role_and_time_and_must_be_proven() {
    let now = at(100);
    let chain = with_rule(|rule| rule.token = Some(true));
    let token = |expiry: u64, role: u8| {
        let mut id = [0x55; 16];
        id[..4].copy_from_slice(&u32::try_from(START + expiry).unwrap().to_be_bytes());
        id[4] = role;
        id
    };
    let decide = |id: [u8; 16], proven: Vec<[u8; 16]>, named: bool| {
        let facts = Facts { macs: proven, ..facts() };
        let token = named.then(|| TokenId::new(id));
        chain.decide(&Applicant { token, ..applicant(&facts) }, now).is_ok()
    };
    let good = token(101, 1);
    assert!(decide(good, vec![good], true));
    assert!(!decide(good, vec![], true), "named and not proven");
    assert!(!decide(good, vec![good], false), "proven as something else");
    let (expired, other) = (token(100, 1), token(101, 2));
    assert!(!decide(expired, vec![expired], true));
    assert!(!decide(other, vec![other], true));
}

#[test]
fn nobody_is_let_in_without_a_policy_that_holds() {
    let facts = facts();
    let none = PolicyChain::of(&genesis()).unwrap();
    assert_eq!(none.decide(&applicant(&facts), at(100)), Err(Fault::NoPolicy));
    let chain = with_rule(|_| {});
    assert!(chain.decide(&applicant(&facts), at(499_999)).is_ok());
    let ended = chain.decide(&applicant(&facts), at(500_000)).unwrap_err();
    assert_eq!((ended.code(), &ended), (Code::OLD_POLICY, &Fault::PolicyEnded { not_after: at(500_000) }));
    assert!(matches!(chain.decide(&applicant(&facts), at(0)), Err(Fault::Clock { .. })));
    // A set may end before its policy.
    let mut short = set(1, 3, &[Role::Worker]);
    short.not_after = at(100);
    let chain = super::people::chain(PolicyStatement { sets: list(vec![short]), ..first() });
    assert!(chain.decide(&applicant(&facts), at(99)).is_ok());
    assert_eq!(chain.decide(&applicant(&facts), at(100)), Err(Fault::NoRule));
}

fn revoking(revoked: Revoked) -> PolicyChain {
    chain(PolicyStatement { revoked, ..first() })
}

fn nobody() -> Revoked {
    first().revoked
}

const MEMBER: fn() -> Enrolled = || Enrolled { node: node(1), role: Role::Worker, set: set_id(1) };

#[test]
fn who_is_revoked_is_out() {
    let (facts, now) = (facts(), at(100));
    let sets = revoking(Revoked { sets: list(vec![set_id(1)]), ..nobody() });
    assert_eq!(sets.decide(&applicant(&facts), now), Err(Fault::NoRule));
    assert_eq!(sets.readmit(&MEMBER(), &facts, now), Err(Fault::Revoked { what: "set" }));
    let machines = revoking(Revoked { machines: list(vec![machine(7)]), ..nobody() });
    let out = Fault::Revoked { what: "machine" };
    assert_eq!(out.code(), Code::NO_MEMBER);
    assert_eq!(machines.decide(&applicant(&facts), now), Err(out.clone()));
    assert_eq!(machines.readmit(&MEMBER(), &facts, now), Err(out.clone()));
    // A machine that hides itself may be the one that is revoked.
    let hidden = Facts { machine: None, ..facts.clone() };
    assert_eq!(machines.decide(&applicant(&hidden), now), Err(out.clone()));
    let other = Facts { machine: Some(machine(8)), ..facts.clone() };
    assert!(machines.decide(&applicant(&other), now).is_ok());
    let nodes = revoking(Revoked { nodes: list(vec![node(1)]), ..nobody() });
    assert!(nodes.is_cast_out(&node(1)) && !nodes.is_cast_out(&node(2)));
    assert_eq!(nodes.readmit(&MEMBER(), &facts, now), Err(Fault::Revoked { what: "node" }));
    assert!(nodes.readmit(&Enrolled { node: node(2), ..MEMBER() }, &facts, now).is_ok());
}

/// Enrolled with set 1; sets 2 and 3 stand now, 3 of a lower version; a rule from 1 to both.
fn upgraded(uses: Uses, roles: &[Role]) -> PolicyChain {
    let chain = chain(PolicyStatement {
        sets: list(vec![set(1, 3, roles)]),
        rules: list(vec![rule(10, roles[0], &[1])]),
        ..first()
    });
    let mut next = policy(2, chain.tip().unwrap().hash);
    next.sets = list(vec![set(2, 3, roles), set(3, 2, roles)]);
    next.rules = list(roles.iter().zip(1..).map(|(role, id)| rule(id, *role, &[2, 3])).collect());
    let (from, to) = (list(vec![set_id(1)]), list(vec![set_id(2), set_id(3)]));
    next.replacements = list(vec![Replacement { from, to, uses, not_after: at(1000) }]);
    chain.publish(&signed_policy(next), at(100)).unwrap()
}

#[test]
fn another_set_takes_a_place_only_by_a_rule_for_that_use() {
    let shows = |number| Facts { sets: vec![set_id(number)], ..facts() };
    let worker = upgraded(Uses::DISK, &[Role::Worker]);
    let readmitted = worker.readmit(&MEMBER(), &shows(2), at(100)).unwrap();
    assert_eq!((readmitted.set, readmitted.replaced), (set_id(2), true));
    let no = Err(Fault::NotReplaceable { enrolled: set_id(1) });
    assert_eq!(worker.readmit(&MEMBER(), &shows(3), at(100)), no, "a lower security version");
    assert_eq!(worker.readmit(&MEMBER(), &shows(1), at(100)), no, "the old set is gone");
    assert_eq!(worker.readmit(&MEMBER(), &shows(2), at(1000)), no, "the rule is past its time");
    let unheard = Enrolled { set: set_id(9), ..MEMBER() };
    assert!(worker.readmit(&unheard, &shows(2), at(100)).is_err());
    assert!(
        upgraded(Uses::SEAT.and(Uses::ROOTS), &[Role::Worker])
            .readmit(&MEMBER(), &shows(2), at(100))
            .is_err()
    );
    let seat = Enrolled { role: Role::Seat, ..MEMBER() };
    let all = Uses::DISK.and(Uses::SEAT).and(Uses::ROOTS);
    for uses in
        [Uses::DISK, Uses::DISK.and(Uses::SEAT), Uses::DISK.and(Uses::ROOTS), Uses::SEAT.and(Uses::ROOTS)]
    {
        assert!(upgraded(uses, &[Role::Seat]).readmit(&seat, &shows(2), at(100)).is_err(), "{uses:?}");
    }
    assert!(upgraded(all, &[Role::Seat]).readmit(&seat, &shows(2), at(100)).is_ok());
    // A worker's set is no seat's.
    assert!(upgraded(all, &[Role::Worker]).readmit(&seat, &shows(2), at(100)).is_err());
}

#[test]
fn a_member_shows_the_class_that_its_rule_demands() {
    let chain = with_rule(|rule| rule.same_node = SameNodeClass::SnpKey);
    let weak = chain.readmit(&MEMBER(), &facts(), at(100)).unwrap_err();
    let (needed, actual) = (SameNodeClass::SnpKey, SameNodeClass::Platform);
    assert_eq!((weak.code(), &weak), (Code::SAME_NODE, &Fault::SameNodeClass { needed, actual }));
    let mut strong = facts();
    strong.same_node.push(SameNode { class: SameNodeClass::SnpKey, id: vec![1] });
    let readmitted = chain.readmit(&MEMBER(), &strong, at(100)).unwrap();
    assert_eq!((readmitted.set, readmitted.replaced), (set_id(1), false));
}
