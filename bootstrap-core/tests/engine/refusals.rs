//! Who is turned away, and what it leaves behind: by the code that its peer's host sees, with everything else as it was.

use std::rc::Rc;

use bootstrap_core::engine::{Engine, NodeSetup};
use bootstrap_core::error::Code;
use bootstrap_core::ids::{ClusterId, KeyEpoch, Role, TokenId, VoucherId};
use bootstrap_core::keyring::{Keyring, Roots};
use bootstrap_core::keys::{MasterSecret, Salt, Secret};
use bootstrap_core::machine::Event;
use bootstrap_core::machine::facts::{Custody, Source};
use bootstrap_core::wire::{List, Name, Statement, Voucher, VoucherMachine, VoucherUse};

use super::cast::{Guest, custodian_key, operator_key, wall};
use super::flows::{Cluster, is_member, signed};
use super::rig::Rig;

/// Codes that a host's machines turned peers away with.
fn refused(rig: &Rig, host: usize) -> Vec<Code> {
    let code = |event: &Event| match event {
        Event::Refused { code, .. } | Event::Stopped { code, .. } => Some(*code),
        _ => None,
    };
    rig.hosts[host].events.iter().filter_map(code).collect()
}

/// A blank machine that asks to join by the seat.
fn newcomer(cluster: &mut Cluster, guest: Guest, boot: u8, change: impl FnOnce(&mut NodeSetup)) -> usize {
    let store = Rc::clone(&cluster.rig.hosts[cluster.seat].store);
    cluster.rig.node_with(guest, boot, vec![cluster.seat], &store, change)
}

#[test]
fn a_token_is_asked_for_once_the_rule_says_so() {
    let mut cluster = Cluster::new(Custody::Joint);
    cluster.publish(2, |statement| demand(statement, |rule| rule.token = Some(true)), &[0x11]);
    let bare = newcomer(&mut cluster, Guest::new(3, 0x11), 5, |_| ());
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, bare)));
    assert!(refused(&cluster.rig, cluster.seat).contains(&Code::VOUCHER));
    // u32 expiry, u8 role, 11 random bytes.
    let mut id = [0x33; 16];
    id[..4].copy_from_slice(&u32::try_from(wall().as_secs() + 80_000).unwrap().to_be_bytes());
    id[4] = Role::Worker.number();
    let secret = cluster.kept().join_token(&cluster.id(), &TokenId::new(id)).unwrap();
    let wrong = newcomer(&mut cluster, Guest::new(4, 0x11), 6, |_| ());
    cluster.rig.hosts[wrong].token = Some((id, Secret::new("token", &[9; 32]).unwrap()));
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, wrong)));
    let right = newcomer(&mut cluster, Guest::new(5, 0x11), 7, |_| ());
    cluster.rig.hosts[right].token = Some((id, secret));
    cluster.comes("a join with the token", |rig| is_member(rig, right));
}

#[test]
fn a_voucher_lets_one_node_in_under_its_name_and_once() {
    let mut cluster = Cluster::new(Custody::Joint);
    cluster.publish(2, |statement| demand(statement, |rule| rule.voucher = Some(true)), &[0x11]);
    let voucher = |cluster: ClusterId| {
        signed(&Statement::Voucher(Voucher {
            cluster,
            id: VoucherId::new([0x44; 16]),
            machine: VoucherMachine::Any,
            role: Role::Worker,
            name: Some(Name::new("db-1").unwrap()),
            addresses: List::default(),
            not_before: wall(),
            not_after: attest_core::UnixTime::since_unix_epoch(std::time::Duration::from_secs(
                wall().as_secs() + 80_000,
            )),
            usage: VoucherUse::Join,
            node: None,
        }))
    };
    let shown = voucher(cluster.id());
    let holder = newcomer(&mut cluster, Guest::new(3, 0x11), 5, |setup| setup.voucher = Some(shown.clone()));
    cluster.comes("a join with the voucher", |rig| is_member(rig, holder));
    assert_eq!(cluster.rig.hosts[holder].devices.member.as_ref().unwrap().name.as_str(), "db-1");
    let copy = newcomer(&mut cluster, Guest::new(4, 0x11), 6, |setup| setup.voucher = Some(shown));
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, copy)));
    assert!(refused(&cluster.rig, cluster.seat).contains(&Code::VOUCHER));
    let foreign = voucher(ClusterId::new([9; 32]));
    let stranger = newcomer(&mut cluster, Guest::new(5, 0x11), 7, |setup| setup.voucher = Some(foreign));
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, stranger)));
    assert!(refused(&cluster.rig, cluster.seat).contains(&Code::STATEMENT));
}

#[test]
fn another_image_is_not_let_in_and_an_image_that_is_not_believed_is_not_followed() {
    let mut cluster = Cluster::new(Custody::Joint);
    let other = newcomer(&mut cluster, Guest::new(3, 0x33), 5, |_| ());
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, other)));
    let disbelief = &cluster.rig.hosts[cluster.seat].disbeliefs;
    assert!(disbelief.iter().all(|disbelief| disbelief.code() == Code::POLICY) && !disbelief.is_empty());
    // And the reverse: the newcomer takes services of another image only.
    let choosy =
        newcomer(&mut cluster, Guest::new(4, 0x11), 6, |setup| setup.belief = super::cast::belief(&[0x22]));
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, choosy)));
    assert!(cluster.rig.hosts[choosy].disbeliefs.iter().all(|disbelief| disbelief.code() == Code::POLICY));
    assert!(cluster.rig.hosts[choosy].devices.lock_file.is_none(), "nothing is locked");
}

#[test]
fn a_pinned_node_follows_no_other_cluster() {
    let mut cluster = Cluster::new(Custody::Joint);
    let pinned = Some(ClusterId::new([7; 32]));
    let node = newcomer(&mut cluster, Guest::new(3, 0x11), 5, |setup| setup.machine.pinned = pinned);
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, node)));
    assert!(cluster.rig.hosts[node].devices.lock_file.is_none());
}

#[test]
fn a_recovery_with_another_secret_changes_nothing_and_the_right_one_still_works() {
    let mut cluster = Cluster::new(Custody::Joint);
    let seat = cluster.seat;
    cluster.rig.power_cycle(seat, 3);
    cluster.rig.run(31_000, |_| false);
    let member = cluster.rig.hosts[seat].devices.member.clone();
    let salt = Salt::new(cluster.genesis().value().salt).unwrap();
    let wrong = MasterSecret::new(Secret::new("master secret", &[8; 32]).unwrap(), salt, KeyEpoch::FIRST);
    let mut keyring = Keyring::new();
    let roots = keyring.hold_roots(Roots::of_master(wrong, salt).unwrap()).unwrap();
    keyring.adopt(cluster.id(), roots).unwrap();
    let engine = Engine::pusher(cluster.pusher(seat, Source::Operator), keyring).unwrap();
    let person = cluster.rig.person(engine, operator_key());
    cluster.rig.connect(person, seat);
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, seat)));
    assert!(refused(&cluster.rig, person).contains(&Code::WRONG_SECRET));
    assert_eq!(cluster.rig.hosts[seat].devices.member, member);
    let engine = Engine::pusher(cluster.pusher(seat, Source::Operator), cluster.kept()).unwrap();
    let person = cluster.rig.person(engine, operator_key());
    cluster.rig.connect(person, seat);
    cluster.comes("recovery", |rig| is_member(rig, seat));
}

#[test]
fn whoever_is_no_operator_recovers_nothing_and_initialises_nothing() {
    let mut cluster = Cluster::new(Custody::Joint);
    let seat = cluster.seat;
    cluster.rig.power_cycle(seat, 3);
    cluster.rig.run(31_000, |_| false);
    // A custodian's key does not make an operator.
    let engine = Engine::pusher(cluster.pusher(seat, Source::Operator), cluster.kept()).unwrap();
    let person = cluster.rig.person(engine, custodian_key());
    cluster.rig.connect(person, seat);
    assert!(!cluster.rig.run(60_000, |rig| is_member(rig, seat)));
    assert!(cluster.rig.hosts[seat].devices.lock_file.is_none(), "it failed before the lock");

    let mut rig = Rig::cast();
    let node = rig.node(Guest::new(1, 0x11), 1, Vec::new(), &Rc::default());
    let operator =
        rig.operator(node, Custody::Joint, super::flows::FIRST, vec![Guest::new(1, 0x11).machine()]);
    rig.hosts[operator].key = Some(custodian_key());
    assert!(!rig.run(60_000, |rig| is_member(rig, node)));
    assert!(rig.hosts[node].devices.lock_file.is_none());
}

#[test]
fn bytes_that_are_changed_on_the_way_end_a_channel_and_the_next_one_works() {
    let mut cluster = Cluster::new(Custody::Joint);
    let node = newcomer(&mut cluster, Guest::new(3, 0x11), 5, |_| ());
    cluster.rig.spoil = Some(7);
    cluster.comes("a join after a broken record", |rig| is_member(rig, node));
    assert_eq!(cluster.rig.spoil, None, "nothing was changed");
}

fn demand(
    statement: &mut bootstrap_core::wire::PolicyStatement,
    change: impl Fn(&mut bootstrap_core::wire::Rule),
) {
    let mut rules = statement.rules.to_vec();
    rules.iter_mut().filter(|rule| rule.role == Role::Worker).for_each(change);
    statement.rules = super::cast::list(rules);
}
