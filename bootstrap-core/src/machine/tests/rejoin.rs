use super::*;
use crate::machine::facts::{Floors, RecoverClaims, Source};
use crate::machine::message::{Done, GrantFacts, GrantRef};
use crate::machine::record::{MemberPhase, MemberRecord};
use crate::machine::symbolic::*;
use crate::machine::{DiskAction, DriverAction, Step};
use crate::peer::Facts;
use crate::time::Timer;

/// A boot of node 3 of cluster 2, with generation 4 on its disk.
fn host() -> Host {
    Host::member(PCR, 2, 2, 3, 4)
}

fn boot() -> Rig {
    Rig::start(host()).0
}

fn ticket_of(generation: u32, provisional: bool) -> Message {
    Message::Grant(GrantRef {
        handle: disk_keys(2, 3),
        facts: GrantFacts::Rejoin { ticket: ticket(2, 3, generation), provisional },
    })
}

fn dones(outputs: &[Output]) -> Vec<(u8, u32)> {
    sent(outputs)
        .iter()
        .filter_map(|message| match message {
            Message::Done(Done { code, generation }) => Some((code.number(), *generation)),
            _ => None,
        })
        .collect()
}

/// A channel to a service, up to V3.
fn peer_v3(rig: &mut Rig, channel: ChannelId, generation: u32) {
    let outputs = rig.dial(channel, service_peer(2, 9), service_claims(2, 9));
    assert!(
        outputs.iter().all(|output| !matches!(output, Output::Do(_, Action::Close { .. }))),
        "{outputs:?}"
    );
    let outputs = rig.message(channel, Message::Offer(offer(2, 3, generation)));
    assert!(matches!(sent(&outputs)[..], [Message::Locked(_)]));
}

fn push(rig: &mut Rig, channel: ChannelId, claims: Claims, peer: Peer) -> Vec<Output> {
    rig.input(opened(channel, peer, claims))
}

fn operator_v3(rig: &mut Rig, channel: ChannelId, alone: bool) {
    let outputs = push(rig, channel, recover_claims(2, Source::Operator, alone), operator_peer(2));
    assert!(matches!(sent(&outputs)[..], [Message::Locked(_)]), "{outputs:?}");
}

fn custodian(which: u8) -> Peer {
    peer(Facts { keys: vec![custodian_key(2, which)], ..Facts::nothing(u64::MAX) })
}

fn custodian_v3(rig: &mut Rig, channel: ChannelId, which: u8) -> Vec<Output> {
    push(rig, channel, recover_claims(2, Source::Custodian, false), custodian(which))
}

#[test]
fn v1_to_v7_by_a_peer_in_order() {
    let mut rig = boot();
    peer_v3(&mut rig, CH, 5);
    let outputs = rig.message(CH, ticket_of(5, false));
    let at = |fits: &dyn Fn(&Output) -> bool| outputs.iter().position(fits).unwrap();
    let test = at(&|output| matches!(output, Output::Do(_, Action::Disk(DiskAction::TestOpen { .. }))));
    let open = at(&|output| matches!(output, Output::Do(_, Action::Disk(DiskAction::Open { .. }))));
    let write = at(
        &|output| matches!(output, Output::Do(_, Action::Persist(Record::Member(member))) if member.generation == 5),
    );
    let counter = at(&|output| matches!(output, Output::Do(_, Action::Nv { generation: 5 })));
    let done = at(&|output| {
        matches!(output, Output::Send(_, Message::Done(Done { code: Code::ACCEPTED, generation: 5 })))
    });
    let services = at(&|output| matches!(output, Output::Do(_, Action::Driver(DriverAction::OpenServices))));
    assert!(test < open && open < write && write < counter && counter < done && done < services);
    assert!(rig.host.services);
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Renew);
}

#[test]
fn v1_a_peer_of_another_cluster_or_an_offer_for_another_node() {
    let mut rig = boot();
    assert_eq!(closes(&rig.dial(CH, service_peer(1, 9), service_claims(1, 9))), [25]);
    assert!(rig.dial(CH, service_peer(2, 9), service_claims(2, 9)).is_empty());
    let outputs = rig.message(CH, Message::Offer(offer(2, 4, 5)));
    assert_eq!(closes(&outputs), [25]);
    assert_eq!(rig.host.file, None);
}

#[test]
fn v1_an_unknown_pusher_fails_before_the_lock() {
    let try_push = |claims: Claims, peer: Peer| {
        let mut rig = boot();
        let outputs = push(&mut rig, CH, claims, peer);
        assert_eq!(rig.host == host(), !closes(&outputs).is_empty());
        closes(&outputs)
    };
    let operator = || recover_claims(2, Source::Operator, false);
    assert_eq!(try_push(operator(), operator_peer(2)), [] as [u8; 0]);
    assert_eq!(try_push(operator(), operator_peer(1)), [28]);
    assert_eq!(try_push(operator(), peer(Facts::nothing(1))), [28]);
    assert_eq!(try_push(operator(), custodian(0)), [28], "a custodian is no operator");
    assert_eq!(try_push(recover_claims(2, Source::Custodian, false), operator_peer(2)), [28]);
    assert_eq!(try_push(recover_claims(1, Source::Operator, false), operator_peer(1)), [25]);
}

#[test]
fn v1_a_header_without_its_genesis_takes_only_one_that_hashes_to_c() {
    let try_genesis = |genesis| {
        let host = host();
        let config = NodeConfig { genesis: None, ..node_config(&host) };
        let (mut rig, _) = Rig::configured(host, config);
        let Claims::Recover(claims) = recover_claims(2, Source::Operator, false) else { panic!() };
        closes(&push(&mut rig, CH, Claims::Recover(RecoverClaims { genesis, ..claims }), operator_peer(2)))
    };
    assert_eq!(try_genesis(Some(genesis(2))), [] as [u8; 0]);
    assert_eq!(try_genesis(Some(genesis(1))), [37]);
    assert_eq!(try_genesis(None), [37]);
}

#[test]
fn v1_a_blank_node_serves_no_recovery() {
    let (mut rig, _) = Rig::start(Host::blank(PCR, 1));
    let outputs = push(&mut rig, CH, recover_claims(2, Source::Operator, false), operator_peer(2));
    assert_eq!(closes(&outputs), [15]);
}

#[test]
fn v4_a_wrong_secret_changes_nothing_and_the_next_source_may_come() {
    let mut rig = boot();
    operator_v3(&mut rig, CH, false);
    let before = rig.host.clone();
    let outputs = rig.message(CH, Message::Grant(recover_grant(1, 2, 3)));
    assert_eq!(dones(&outputs), [(50, 0)]);
    assert_eq!(rig.host, before);
    operator_v3(&mut rig, OTHER, false);
    let outputs = rig.message(OTHER, Message::Grant(recover_grant(2, 2, 3)));
    assert_eq!(dones(&outputs), [(0, 4)]);
}

#[test]
fn v3_grants_that_are_not_of_the_flow() {
    let mut rig = boot();
    operator_v3(&mut rig, CH, false);
    assert_eq!(refusals(&rig.message(CH, Message::Grant(recover_grant(2, 1, 3)))), [25]);
    assert_eq!(refusals(&rig.message(CH, Message::Grant(recover_grant(2, 2, 4)))), [25]);
    assert_eq!(refusals(&rig.message(CH, ticket_of(5, false))), [16]);
    custodian_v3(&mut rig, OTHER, 0);
    assert_eq!(
        refusals(&rig.message(OTHER, Message::Grant(recover_grant(2, 2, 3)))),
        [16],
        "a custodian has shares"
    );
}

#[test]
fn v3_shares_from_two_custodians_open_the_disk() {
    let mut rig = boot();
    custodian_v3(&mut rig, CH, 0);
    custodian_v3(&mut rig, OTHER, 1);
    let outputs = rig.message(CH, Message::Grant(share(2, SET, 1, false)));
    assert!(matches!(sent(&outputs)[..], [Message::Held(held)] if held.held == 1 && held.needed == 2));
    // The same share again counts once.
    let outputs = rig.message(CH, Message::Grant(share(2, SET, 1, false)));
    assert!(matches!(sent(&outputs)[..], [Message::Held(held)] if held.held == 1));
    let outputs = rig.message(OTHER, Message::Grant(share(2, SET, 2, false)));
    assert_eq!(dones(&outputs), [(0, 4)]);
    assert!(!rig.host.services, "no peer has confirmed it");
}

#[test]
fn v3_a_wrong_share_is_named_and_five_bar_the_custodian() {
    let mut rig = boot();
    custodian_v3(&mut rig, CH, 0);
    let named = |outputs: &[Output], number: u8| {
        events(outputs).iter().any(|event| {
            matches!(event, Event::CustodianWrong { custodian, code }
                if *custodian == custodian_key(2, 0).id() && code.number() == number)
        })
    };
    let outputs = rig.message(CH, Message::Grant(share(2, SET, 1, true)));
    assert!(named(&outputs, 51) && refusals(&outputs) == [51]);
    let outputs = rig.message(CH, Message::Grant(share(2, LYING_SET, 1, false)));
    assert!(named(&outputs, 52) && refusals(&outputs) == [52]);
    let outputs = rig.message(CH, Message::Grant(share(1, SET, 1, false)));
    assert!(named(&outputs, 52) && refusals(&outputs) == [52]);
    rig.message(CH, Message::Grant(share(2, SET, 0, false)));
    rig.message(CH, Message::Grant(share(2, SET, 1, true)));
    rig.input(closed(CH, Code::ACCEPTED));
    assert_eq!(closes(&custodian_v3(&mut rig, CH, 0)), [48]);
    assert!(closes(&custodian_v3(&mut rig, OTHER, 1)).is_empty());
    rig.now = later(600);
    assert!(closes(&custodian_v3(&mut rig, CH, 0)).is_empty());
}

#[test]
fn v3_a_set_that_lies_does_not_keep_the_true_one_from_opening() {
    let mut rig = boot();
    let Claims::Recover(claims) = recover_claims(2, Source::Custodian, false) else { panic!() };
    let lying = Claims::Recover(RecoverClaims { shares: Some(LYING_SET), ..claims });
    let liar = ChannelId::new(3);
    push(&mut rig, liar, lying, custodian(2));
    rig.message(liar, Message::Grant(share(2, LYING_SET, 1, false)));
    let outputs = rig.message(liar, Message::Grant(share(2, LYING_SET, 2, false)));
    assert!(refusals(&outputs).contains(&51));
    assert!(dones(&outputs).is_empty());
    custodian_v3(&mut rig, CH, 0);
    custodian_v3(&mut rig, OTHER, 1);
    rig.message(CH, Message::Grant(share(2, SET, 1, false)));
    let outputs = rig.message(OTHER, Message::Grant(share(2, SET, 2, false)));
    assert_eq!(dones(&outputs), [(0, 4)]);
}

#[test]
fn v3_shares_are_forgotten_after_a_quarter_of_an_hour() {
    let mut rig = boot();
    custodian_v3(&mut rig, CH, 0);
    rig.message(CH, Message::Grant(share(2, SET, 1, false)));
    rig.now = later(900);
    let outputs = rig.input(Input::Tick);
    assert!(outputs.iter().any(|output| matches!(output, Output::Do(_, Action::Keys(KeyAction::Forget(_))))));
    custodian_v3(&mut rig, OTHER, 1);
    let outputs = rig.message(OTHER, Message::Grant(share(2, SET, 2, false)));
    assert!(matches!(sent(&outputs)[..], [Message::Held(held)] if held.held == 1));
}

#[test]
fn v4_the_first_that_opens_the_disk_has_it_and_the_others_get_53() {
    let mut rig = boot();
    operator_v3(&mut rig, CH, false);
    operator_v3(&mut rig, OTHER, false);
    rig.hold = |action| matches!(action, Action::Disk(DiskAction::TestOpen { .. } | DiskAction::Open { .. }));
    rig.message(CH, Message::Grant(recover_grant(2, 2, 3)));
    rig.message(OTHER, Message::Grant(recover_grant(2, 2, 3)));
    assert_eq!(rig.held.len(), 2);
    assert!(dones(&rig.release(Outcome::Applied)).is_empty());
    let outputs = rig.release(Outcome::Applied);
    assert_eq!(dones(&outputs), [(53, 0)]);
    assert_eq!(rig.held.len(), 1, "opened once");
}

#[test]
fn v5_the_generation_rule_of_a_ticket() {
    let rejoin = |disk: u32, ticket: u32, counter: Option<u32>| {
        let mut rig = Rig::start(Host { counter, ..Host::member(PCR, 2, 2, 3, disk) }).0;
        peer_v3(&mut rig, CH, ticket);
        let outputs = rig.message(CH, ticket_of(ticket, false));
        let closed = action(&outputs, |action| matches!(action, Action::Disk(DiskAction::Close))).is_some();
        let rollback = events(&outputs).iter().any(|event| matches!(event, Event::Rollback { .. }));
        assert_eq!((closed, rollback), (!rig.host.services, !rig.host.services));
        dones(&outputs)
    };
    assert_eq!(rejoin(4, 5, None), [(0, 5)]);
    assert_eq!(rejoin(5, 5, None), [(0, 5)]);
    assert_eq!(rejoin(3, 5, None), [(35, 0)]);
    assert_eq!(rejoin(6, 5, None), [(35, 0)]);
    assert_eq!(rejoin(4, 5, Some(4)), [(0, 5)]);
    assert_eq!(rejoin(4, 5, Some(3)), [(0, 5)], "the counter comes after the disk");
    assert_eq!(rejoin(4, 5, Some(5)), [(35, 0)], "the disk was rolled back");
    assert_eq!(rejoin(4, 5, Some(2)), [(35, 0)]);
}

#[test]
fn v5_the_floors_of_a_recovery() {
    let recover = |floors: Floors| {
        let mut rig = boot();
        let Claims::Recover(claims) = recover_claims(2, Source::Operator, false) else { panic!() };
        push(&mut rig, CH, Claims::Recover(RecoverClaims { floors, ..claims }), operator_peer(2));
        dones(&rig.message(CH, Message::Grant(recover_grant(2, 2, 3))))
    };
    assert_eq!(recover(Floors { generation: 4, policy: 1, ..Floors::default() }), [(0, 4)]);
    assert_eq!(recover(Floors { generation: 5, ..Floors::default() }), [(55, 0)]);
    assert_eq!(recover(Floors { policy: 2, ..Floors::default() }), [(55, 0)]);
    assert_eq!(recover(Floors { recovery: 1, ..Floors::default() }), [(55, 0)]);
}

#[test]
fn v5_a_record_of_another_node_or_disk_is_quarantined() {
    for member in [
        MemberRecord { cluster: cluster(1), ..member_record(2, 3, 4) },
        MemberRecord { node: node_id(4), ..member_record(2, 3, 4) },
        MemberRecord { disk: disk_id(4), ..member_record(2, 3, 4) },
    ] {
        let mut rig = Rig::start(Host { member: Some(member), ..host() }).0;
        peer_v3(&mut rig, CH, 5);
        assert_eq!(dones(&rig.message(CH, ticket_of(5, false))), [(34, 0)]);
        assert_eq!(rig.node.deadline(), None);
    }
}

#[test]
fn v5_a_disk_without_a_record_goes_on_with_its_first_ticket_only() {
    let blank = || Host { member: None, counter: Some(0), ..host() };
    let mut rig = Rig::start(blank()).0;
    peer_v3(&mut rig, CH, 1);
    let outputs = rig.message(CH, ticket_of(1, false));
    assert_eq!(dones(&outputs), [(0, 1)]);
    assert!(action(&outputs, |action| matches!(action, Action::Driver(DriverAction::Join))).is_some());
    let mut rig = Rig::start(blank()).0;
    peer_v3(&mut rig, CH, 5);
    assert_eq!(dones(&rig.message(CH, ticket_of(5, false))), [(35, 0)]);
    let mut rig = Rig::start(blank()).0;
    operator_v3(&mut rig, CH, false);
    assert_eq!(dones(&rig.message(CH, Message::Grant(recover_grant(2, 2, 3)))), [(55, 0)]);
    peer_v3(&mut rig, OTHER, 1);
    assert_eq!(dones(&rig.message(OTHER, ticket_of(1, false))), [(0, 1)], "a peer may still say what it is");
}

#[test]
fn v5_the_driver_goes_on_where_it_was() {
    let mode = |phase, of| {
        let member = MemberRecord { phase, attempt: of, ..member_record(2, 3, 4) };
        let mut rig = Rig::start(Host { member: Some(member), ..host() }).0;
        peer_v3(&mut rig, CH, 5);
        let outputs = rig.message(CH, ticket_of(5, false));
        outputs
            .iter()
            .find_map(|output| match output {
                Output::Do(_, Action::Driver(run)) if *run != DriverAction::OpenServices => Some(run.clone()),
                _ => None,
            })
            .unwrap()
    };
    assert_eq!(mode(MemberPhase::Member, None), DriverAction::Resume);
    assert_eq!(mode(MemberPhase::Driver, None), DriverAction::Join);
    assert_eq!(mode(MemberPhase::Failed, Some(attempt(2))), DriverAction::Init { attempt: attempt(2) });
}

#[test]
fn v9_nothing_is_served_any_more() {
    let mut rig = boot();
    peer_v3(&mut rig, CH, 7);
    rig.message(CH, ticket_of(7, false));
    let before = rig.host.clone();
    let outputs = push(&mut rig, OTHER, recover_claims(2, Source::Operator, true), operator_peer(2));
    assert_eq!(closes(&outputs), [35]);
    assert_eq!((rig.node.deadline(), rig.host == before), (None, true));
}

#[test]
fn v6_services_stay_shut_until_a_peer_confirms() {
    let mut rig = boot();
    operator_v3(&mut rig, CH, false);
    let outputs = rig.message(CH, Message::Grant(recover_grant(2, 2, 3)));
    assert!(action(&outputs, |action| matches!(action, Action::Driver(DriverAction::Resume))).is_some());
    assert!(!rig.host.services);
    peer_v3(&mut rig, OTHER, 5);
    let outputs = rig.message(OTHER, ticket_of(5, false));
    assert_eq!(dones(&outputs), [(0, 5)]);
    assert!(action(&outputs, |action| matches!(action, Action::Disk(_))).is_none());
    assert!(rig.host.services);
    assert_eq!(rig.host.member.as_ref().unwrap().generation, 5);
}

#[test]
fn v6_a_provisional_ticket_opens_no_services() {
    let mut rig = boot();
    peer_v3(&mut rig, CH, 5);
    assert_eq!(dones(&rig.message(CH, ticket_of(5, true))), [(0, 5)]);
    assert!(!rig.host.services);
    peer_v3(&mut rig, OTHER, 5);
    rig.message(OTHER, ticket_of(5, false));
    assert!(rig.host.services);
}

#[test]
fn v6_a_quorum_of_the_store_confirms_too() {
    let mut rig = boot();
    operator_v3(&mut rig, CH, false);
    rig.hold = |action| matches!(action, Action::Driver(DriverAction::Resume));
    rig.message(CH, Message::Grant(recover_grant(2, 2, 3)));
    assert!(!rig.host.services);
    let (id, _) = rig.held[0].clone();
    rig.clone().input(Input::Step(ActionId::new(9_999), Step::Quorum));
    assert!(!rig.host.services);
    rig.input(Input::Step(id, Step::Quorum));
    assert!(rig.host.services);
}

#[test]
fn v6_a_peer_that_knows_a_newer_disk_shows_the_rollback() {
    let mut rig = boot();
    operator_v3(&mut rig, CH, false);
    rig.message(CH, Message::Grant(recover_grant(2, 2, 3)));
    peer_v3(&mut rig, OTHER, 9);
    let outputs = rig.message(OTHER, ticket_of(9, false));
    assert_eq!(dones(&outputs), [(35, 0)]);
    assert!(!rig.host.services);
}

#[test]
fn alone_waits_for_the_peers_and_is_refused_when_one_is_live() {
    let alone = || recover_claims(2, Source::Operator, true);
    let mut rig = boot();
    assert!(sent(&push(&mut rig, CH, alone(), operator_peer(2))).is_empty());
    let outputs = rig.dial(OTHER, service_peer(2, 9), service_claims(2, 9));
    assert_eq!(closes(&outputs), [54]);
    assert_eq!(closes(&push(&mut rig, CH, alone(), operator_peer(2))), [54]);
}

#[test]
fn alone_opens_the_services_once_no_peer_came() {
    let host = host();
    let config = NodeConfig { endpoints: 0, ..node_config(&host) };
    let (mut rig, _) = Rig::configured(host, config);
    push(&mut rig, CH, recover_claims(2, Source::Operator, true), operator_peer(2));
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Peers);
    assert!(matches!(sent(&rig.wait())[..], [Message::Locked(_)]));
    let outputs = rig.message(CH, Message::Grant(recover_grant(2, 2, 3)));
    assert!(events(&outputs).contains(&&Event::ServicesOpen { alone: true }));
    assert!(rig.host.services);
}

#[test]
fn v1_to_v3_end_in_time_and_keep_the_lock() {
    let mut rig = boot();
    operator_v3(&mut rig, CH, false);
    for _ in 0..10 {
        let outputs = rig.wait();
        for output in &outputs {
            if let Output::Do(id, Action::Dial { .. }) = output {
                rig.input(Input::Done(*id, Outcome::Failed));
            }
        }
        if closes(&outputs) == [17] {
            assert_eq!(rig.node.cluster(), Some(cluster(2)));
            return;
        }
    }
    panic!("T-grant does not end");
}

#[test]
fn what_no_row_has_is_answered_with_16_and_changes_nothing() {
    let mut offered = boot();
    offered.dial(CH, service_peer(2, 9), service_claims(2, 9));
    let mut third = boot();
    operator_v3(&mut third, CH, false);
    let mut up = boot();
    peer_v3(&mut up, CH, 5);
    up.message(CH, ticket_of(5, false));
    for rig in [boot(), offered, third, up] {
        for message in [
            Message::Locked(crate::machine::message::Locked { cluster: cluster(2), class: 2, genesis: None }),
            Message::Done(Done { code: Code::ACCEPTED, generation: 1 }),
            Message::Ack(tip(2, 1)),
            Message::Publish(Vec::new()),
        ] {
            assert_out_of_order(&rig.node, Input::Message(CH, message.clone()));
            assert_out_of_order(&rig.node, Input::Message(OTHER, message));
        }
        assert_out_of_order(&rig.node, opened(ChannelId::new(7), service_peer(2, 9), service_claims(2, 9)));
    }
}

#[test]
fn without_its_guard_a_stranger_gets_the_lock() {
    without(Some(Guard::PusherKey), || {
        let mut rig = boot();
        let outputs = push(&mut rig, CH, recover_claims(2, Source::Operator, false), operator_peer(1));
        assert!(matches!(sent(&outputs)[..], [Message::Locked(_)]), "{outputs:?}");
    });
}
