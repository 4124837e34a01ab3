use super::*;
use crate::ids::Role;
use crate::machine::facts::Source;
use crate::machine::message::{Done, GrantFacts, GrantRef, Held, Locked};
use crate::machine::symbolic::*;
use crate::machine::{PusherConfig, RecoverPusher};
use crate::time::Timer;

fn host() -> Host {
    Host::member(PCR, 2, 2, 3, 4)
}

fn locked_host() -> Host {
    let file = crate::machine::record::LockFile {
        boot: boot_id(2),
        cluster: cluster(2),
        flow: crate::machine::message::Flow::Recover,
        attempt: None,
        held: true,
    };
    Host { value: PCR.locked_to(&cluster(2)), file: Some(file), ..host() }
}

/// U2.
fn opened_by(
    config: PusherConfig,
    facts: crate::peer::Facts,
    claims: Claims,
) -> (RecoverPusher, Vec<Output>) {
    let mut pusher = RecoverPusher::start(config, CH, NOW);
    let outputs = pusher.run(opened(CH, peer(facts), claims), NOW);
    (pusher, outputs)
}

fn config() -> PusherConfig {
    pusher_config(2, 3, Source::Operator)
}

fn u2() -> RecoverPusher {
    let (pusher, outputs) = opened_by(config(), node_facts(3, &host()), node_claims(&host()));
    assert!(outputs.is_empty());
    pusher
}

/// U3.
fn u3(config: PusherConfig) -> (RecoverPusher, GrantRef) {
    let (mut pusher, _) = opened_by(config, node_facts(3, &host()), node_claims(&host()));
    pusher.run(Input::Reopened(CH, Box::new(peer(node_facts(3, &locked_host())))), NOW);
    let outputs = pusher.run(locked(2, 2), NOW);
    let outputs = answer_keys(&mut pusher, &outputs, 2);
    let [Message::Grant(grant)] = sent(&outputs)[..] else { panic!("{outputs:?}") };
    (pusher, grant.clone())
}

fn locked(number: u8, class: u8) -> Input {
    Input::Message(CH, Message::Locked(Locked { cluster: cluster(number), class, genesis: None }))
}

fn done(code: Code, generation: u32) -> Input {
    Input::Message(CH, Message::Done(Done { code, generation }))
}

#[test]
fn u1_each_guard_alone() {
    let try_node = |config: PusherConfig, machine: u8, host: &Host, claims: Claims| {
        let (pusher, outputs) = opened_by(config, node_facts(machine, host), claims);
        let codes = closes(&outputs);
        assert_eq!(pusher.result().map(Code::number), codes.first().copied());
        codes
    };
    let good = host();
    assert_eq!(try_node(config(), 3, &good, node_claims(&good)), [] as [u8; 0]);
    assert_eq!(try_node(config(), 3, &good, join_claims(3)), [25]);
    assert_eq!(try_node(config(), 3, &good, node_claims(&Host::blank(PCR, 1))), [25]);
    assert_eq!(try_node(config(), 3, &good, node_claims(&Host::member(PCR, 2, 1, 3, 4))), [42]);
    assert_eq!(try_node(config(), 3, &good, node_claims(&Host::member(PCR, 2, 2, 4, 4))), [25]);
    assert_eq!(try_node(config(), 4, &good, node_claims(&good)), [34]);
    assert_eq!(
        try_node(PusherConfig { same_node: None, ..config() }, 4, &good, node_claims(&good)),
        [] as [u8; 0]
    );
    assert_eq!(
        try_node(PusherConfig { disk: Some(disk_id(4)), ..config() }, 3, &good, node_claims(&good)),
        [25]
    );
    let (_, outputs) =
        opened_by(config(), crate::peer::Facts { sets: vec![], ..node_facts(3, &good) }, node_claims(&good));
    assert_eq!(closes(&outputs), [22]);
}

#[test]
fn u2_nothing_is_pushed_before_the_lock_is_shown() {
    let push = |reopened: Option<Host>, word: Input| {
        let mut pusher = u2();
        reopened.map(|host| pusher.run(Input::Reopened(CH, Box::new(peer(node_facts(3, &host)))), NOW));
        let outputs = pusher.run(word, NOW);
        (closes(&outputs), key_action(&outputs).is_some())
    };
    assert_eq!(push(Some(locked_host()), locked(2, 2)), (vec![], true));
    assert_eq!(push(None, locked(2, 2)), (vec![26], false));
    assert_eq!(push(Some(host()), locked(2, 2)), (vec![26], false));
    assert_eq!(push(Some(locked_host()), locked(1, 2)), (vec![26], false));
    assert_eq!(push(Some(locked_host()), locked(2, 1)), (vec![26], false));
}

#[test]
fn u3_an_operator_sends_disk_keys_and_a_custodian_a_share() {
    let (_, grant) = u3(config());
    assert!(matches!(grant.facts, GrantFacts::Recover { node, .. } if node == node_id(3)));
    let (_, grant) = u3(pusher_config(2, 3, Source::Custodian));
    assert!(matches!(grant.facts, GrantFacts::Share { .. }));
}

#[test]
fn u3_roots_go_to_seats_only() {
    let holding = |roots, role| {
        let (mut pusher, _) =
            opened_by(PusherConfig { roots, role, ..config() }, node_facts(3, &host()), node_claims(&host()));
        pusher.run(Input::Reopened(CH, Box::new(peer(node_facts(3, &locked_host())))), NOW);
        match key_action(&pusher.run(locked(2, 2), NOW)) {
            Some((_, KeyAction::RecoverGrant(grant))) => grant.holding().role(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(holding(false, Role::Seat), Role::Worker);
    assert_eq!(holding(true, Role::Worker), Role::Worker);
    assert_eq!(holding(true, Role::Seat), Role::Seat);
}

#[test]
fn u4_done_is_written_down() {
    let (mut pusher, _) = u3(config());
    let outputs = pusher.run(done(Code::ACCEPTED, 7), NOW);
    assert_eq!(written(&outputs), [&Record::Seen { node: node_id(3), generation: 7 }]);
    assert_eq!(pusher.result(), Some(Code::ACCEPTED));
}

#[test]
fn u9_is_reported_and_never_repeated() {
    for code in [50, 35, 55, 53] {
        let (mut pusher, _) = u3(config());
        let outputs = pusher.run(done(Code::new(code), 0), NOW);
        assert!(written(&outputs).is_empty());
        assert_eq!(pusher.result(), Some(Code::new(code)));
        assert_eq!(pusher.deadline(), None);
    }
}

#[test]
fn u3_held_gives_the_other_custodians_their_time() {
    let (mut pusher, _) = u3(pusher_config(2, 3, Source::Custodian));
    let held = Message::Held(Held { set: SET, held: 1, needed: 2 });
    pusher.run(Input::Message(CH, held), later(60));
    let deadline = pusher.deadline().unwrap();
    assert_eq!((deadline.timer, deadline.at), (Timer::Shares, later(960)));
}

#[test]
fn every_state_is_timed_and_ends_when_its_channel_does() {
    let start = RecoverPusher::start(config(), CH, NOW);
    for (pusher, timer) in [(start, Timer::Open), (u2(), Timer::Lock), (u3(config()).0, Timer::Done)] {
        let mut late = pusher.clone();
        let deadline = late.deadline().unwrap();
        assert_eq!(deadline.timer, timer);
        assert_eq!(closes(&late.run(Input::Tick, deadline.at)), [17]);
        assert_eq!(late.result(), Some(Code::TIMEOUT));
        let mut gone = pusher.clone();
        gone.run(closed(CH, Code::PEERS_LIVE), NOW);
        assert_eq!(gone.result(), Some(Code::PEERS_LIVE));
    }
}

#[test]
fn what_no_row_has_is_answered_with_16_and_changes_nothing() {
    for pusher in [RecoverPusher::start(config(), CH, NOW), u2(), u3(config()).0] {
        for message in [Message::Offer(offer(2, 3, 1)), Message::Ack(tip(2, 1)), Message::Publish(Vec::new())]
        {
            assert_out_of_order(&pusher, Input::Message(CH, message));
        }
    }
    assert_out_of_order(&u2(), done(Code::ACCEPTED, 1));
    assert_out_of_order(&u3(config()).0, locked(2, 2));
    assert_out_of_order(&u2(), opened(CH, peer(node_facts(3, &host())), node_claims(&host())));
}
