use super::*;
use crate::ids::Role;
use crate::machine::facts::ServiceClaims;
use crate::machine::message::{Done, GrantFacts, GrantRef, Offer};
use crate::machine::record::MemberPhase;
use crate::machine::symbolic::*;
use crate::machine::{DiskAction, DriverAction};
use crate::peer::{Facts, LockClaim};
use crate::time::Timer;

fn grant(number: u8, node: u8) -> GrantRef {
    GrantRef {
        handle: disk_keys(number, node),
        facts: GrantFacts::Join {
            ticket: ticket(number, node, 1),
            role: Role::Worker,
            name: name("worker-1"),
        },
    }
}

/// J1, the channel is open.
fn open(config: fn(NodeConfig) -> NodeConfig) -> Rig {
    let host = Host::blank(PCR, 1);
    let (mut rig, _) = Rig::configured(host.clone(), config(node_config(&host)));
    let outputs = rig.dial(CH, service_peer(2, 9), service_claims(2, 9));
    assert!(outputs.is_empty(), "{outputs:?}");
    rig
}

/// J3.
fn awaiting_grant() -> Rig {
    let mut rig = open(|config| config);
    let outputs = rig.message(CH, Message::Offer(offer(2, 3, 1)));
    assert!(matches!(sent(&outputs)[..], [Message::Locked(locked)] if locked.cluster == cluster(2)));
    assert!(action(&outputs, |action| matches!(action, Action::Reattest { .. })).is_some());
    rig
}

#[test]
fn j1_a_grant_that_comes_too_early_is_forgotten() {
    let mut rig = open(|config| config);
    let early = grant(2, 3);
    let outputs = rig.message(CH, Message::Grant(early.clone()));
    assert!(outputs.contains(&Output::Refuse(CH, Code::OUT_OF_ORDER)), "{outputs:?}");
    let forgotten = |action: &Action| *action == Action::Keys(KeyAction::Forget(early.handle));
    assert!(action(&outputs, forgotten).is_some(), "{outputs:?}");
}

fn is_driver(action: &Action) -> bool {
    matches!(action, Action::Driver(DriverAction::Join))
}

/// J5.
fn driving() -> Rig {
    let mut rig = awaiting_grant();
    rig.hold = is_driver;
    rig.message(CH, Message::Grant(grant(2, 3)));
    assert_eq!(rig.held.len(), 1);
    rig
}

#[test]
fn j0_dials_up_to_three_and_comes_back() {
    let host = Host::blank(PCR, 1);
    let (mut rig, _) = Rig::configured(host.clone(), NodeConfig { endpoints: 7, ..node_config(&host) });
    let outputs = rig.wait();
    let dials: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Do(id, Action::Dial { endpoint, .. }) => Some((*id, *endpoint)),
            _ => None,
        })
        .collect();
    assert_eq!(dials.len(), 3);
    assert!(dials[0].1 != dials[1].1 && dials[1].1 != dials[2].1 && dials[0].1 != dials[2].1);
    for (id, _) in dials {
        rig.input(Input::Done(id, Outcome::Failed));
    }
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Backoff);
    assert!(!rig.wait().is_empty());
}

#[test]
fn j1_each_guard_alone_turns_a_service_away() {
    let try_service = |config: fn(NodeConfig) -> NodeConfig, facts: Facts, claims: Claims| {
        let host = Host::blank(PCR, 1);
        let (mut rig, _) = Rig::configured(host.clone(), config(node_config(&host)));
        let outputs = rig.dial(CH, peer(facts), claims);
        closes(&outputs)
    };
    let same: fn(NodeConfig) -> NodeConfig = |config| config;
    let facts = service_peer(2, 9).facts().clone();
    let good = || service_claims(2, 9);
    assert_eq!(try_service(same, facts.clone(), good()), [] as [u8; 0]);
    assert_eq!(try_service(same, Facts { sets: vec![WORKERS], ..facts.clone() }, good()), [22]);
    assert_eq!(try_service(same, Facts { member: None, ..facts.clone() }, good()), [33]);
    assert_eq!(
        try_service(same, service_peer(1, 9).facts().clone(), good()),
        [33],
        "a chain of another cluster"
    );
    let mut worker = facts.clone();
    worker.member.as_mut().unwrap().role = Role::Worker;
    assert_eq!(try_service(same, worker, good()), [33]);
    assert_eq!(try_service(same, facts.clone(), service_claims(2, 8)), [33], "another node's certificate");
    assert_eq!(try_service(same, Facts { lock: None, ..facts.clone() }, good()), [26]);
    assert_eq!(try_service(same, Facts { lock: Some(LockClaim::Open), ..facts.clone() }, good()), [26]);
    assert_eq!(
        try_service(same, Facts { lock: Some(LockClaim::Software(cluster(2))), ..facts.clone() }, good()),
        [26]
    );
    assert_eq!(try_service(same, Facts { register: None, ..facts.clone() }, good()), [26]);
    assert_eq!(try_service(same, Facts { register: Some([0; 32]), ..facts.clone() }, good()), [26]);
    let pinned: fn(NodeConfig) -> NodeConfig = |config| NodeConfig { pinned: Some(cluster(1)), ..config };
    assert_eq!(try_service(pinned, facts.clone(), good()), [25]);
    let incomplete = Claims::Service(ServiceClaims {
        genesis: crate::machine::facts::Genesis { complete: false, ..genesis(2) },
        policy: tip(2, 1),
        node: node_id(9),
    });
    assert_eq!(try_service(same, facts, incomplete), [12]);
}

#[test]
fn j1_each_guard_of_an_offer() {
    let try_offer = |offer: Offer| {
        let mut rig = open(|config| NodeConfig { largest_role: Role::Worker, ..config });
        let outputs = rig.message(CH, Message::Offer(offer));
        assert_eq!(rig.host.file.is_some(), closes(&outputs).is_empty());
        closes(&outputs)
    };
    assert_eq!(try_offer(offer(2, 3, 1)), [] as [u8; 0]);
    assert_eq!(try_offer(offer(1, 3, 1)), [25]);
    assert_eq!(try_offer(Offer { role: Role::Seat, ..offer(2, 3, 1) }), [30]);
    assert_eq!(try_offer(Offer { policy: 0, ..offer(2, 3, 1) }), [44]);
    assert_eq!(try_offer(offer(2, 3, 0)), [12]);
}

#[test]
fn j2_only_one_channel_goes_on() {
    let host = Host::blank(PCR, 1);
    let (mut rig, _) = Rig::configured(host.clone(), NodeConfig { endpoints: 2, ..node_config(&host) });
    let outputs = rig.wait();
    let mut channel = 0;
    for output in &outputs {
        if let Output::Do(id, Action::Dial { .. }) = output {
            channel += 1;
            rig.input(Input::Done(*id, Outcome::Dialled(ChannelId::new(channel))));
        }
    }
    assert_eq!(channel, 2);
    rig.input(opened(CH, service_peer(2, 9), service_claims(2, 9)));
    rig.input(opened(OTHER, service_peer(1, 9), service_claims(1, 9)));
    let outputs = rig.message(OTHER, Message::Offer(offer(1, 3, 1)));
    assert!(matches!(&outputs[..], outputs if closes(outputs) == [46]));
    assert_eq!(rig.node.cluster(), Some(cluster(1)));
    assert_eq!(refusals(&rig.message(CH, Message::Offer(offer(2, 3, 1)))), [16]);
}

#[test]
fn j2_when_init_won_for_another_cluster_the_join_ends() {
    let mut rig = open(|config| config);
    rig.input(opened(OTHER, operator_peer(1), init_claims(1)));
    assert_eq!(rig.node.cluster(), Some(cluster(1)));
    let outputs = rig.message(CH, Message::Offer(offer(2, 3, 1)));
    assert_eq!(closes(&outputs), [42]);
    assert_eq!(rig.host.extended, [cluster(1)]);
    assert!(matches!(sent(&rig.message(OTHER, Message::Grant(init_grant(1, 1))))[..], [Message::Result(_)]));
}

#[test]
fn j2_when_join_won_an_init_of_another_cluster_is_refused() {
    let mut rig = awaiting_grant();
    assert_eq!(closes(&rig.input(opened(OTHER, operator_peer(1), init_claims(1)))), [42]);
    assert_eq!(rig.host.extended, [cluster(2)]);
}

#[test]
fn j3_an_init_of_the_same_cluster_does_not_take_a_disk_that_a_join_has() {
    let mut rig = driving();
    assert_eq!(closes(&rig.input(opened(OTHER, operator_peer(1), init_claims(1)))), [53]);
}

#[test]
fn j3_a_ticket_that_is_not_the_offer_changes_nothing() {
    let rig = awaiting_grant();
    let facts = |ticket, role, text| GrantFacts::Join { ticket, role, name: name(text) };
    let good = || ticket(2, 3, 1);
    for wrong in [
        facts(ticket(1, 3, 1), Role::Worker, "worker-1"),
        facts(ticket(2, 4, 1), Role::Worker, "worker-1"),
        facts(ticket(2, 3, 2), Role::Worker, "worker-1"),
        facts(good(), Role::Seat, "worker-1"),
        facts(good(), Role::Worker, "worker-2"),
        facts(crate::machine::message::TicketFacts { roots: true, ..good() }, Role::Worker, "worker-1"),
        GrantFacts::Renew { ticket: good() },
    ] {
        let mut rig = rig.clone();
        let host = rig.host.clone();
        let outputs = rig.message(CH, Message::Grant(GrantRef { handle: disk_keys(2, 3), facts: wrong }));
        assert_eq!(refusals(&outputs), [25]);
        assert_eq!(rig.host, host);
        assert!(matches!(sent(&rig.message(CH, Message::Grant(grant(2, 3))))[..], [Message::Done(_)]));
    }
}

#[test]
fn j3_a_ticket_whose_chain_or_key_is_wrong_ends_the_channel() {
    let mut rig = awaiting_grant();
    let forged = GrantRef { handle: disk_keys(9, 3), ..grant(2, 3) };
    let outputs = rig.message(CH, Message::Grant(forged));
    assert_eq!((refusals(&outputs), closes(&outputs)), (vec![28], vec![28]));
    assert_eq!(rig.host.header, None);
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Backoff);
}

#[test]
fn j4_j5_j6_in_order() {
    let mut rig = awaiting_grant();
    let outputs = rig.message(CH, Message::Grant(grant(2, 3)));
    let at = |fits: &dyn Fn(&Output) -> bool| outputs.iter().position(fits).unwrap();
    let member = |phase| {
        at(
            &|output| matches!(output, Output::Do(_, Action::Persist(Record::Member(member))) if member.phase == phase),
        )
    };
    let format = at(&|output| matches!(output, Output::Do(_, Action::Disk(DiskAction::Format { .. }))));
    let driver = at(&|output| matches!(output, Output::Do(_, action) if is_driver(action)));
    let done = at(&|output| {
        matches!(output, Output::Send(_, Message::Done(Done { code: Code::ACCEPTED, generation: 1 })))
    });
    assert!(format < member(MemberPhase::Driver) && member(MemberPhase::Driver) < driver);
    assert!(driver < member(MemberPhase::Member) && member(MemberPhase::Member) < done);
    assert_eq!(rig.host.counter, Some(1));
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Renew);
}

#[test]
fn j5_goes_on_without_its_channel() {
    let mut rig = driving();
    rig.input(closed(CH, Code::TIMEOUT));
    let outputs = rig.release(Outcome::Driven { payload: vec![], quorum: true });
    assert!(sent(&outputs).is_empty());
    assert!(matches!(&rig.host.member, Some(member) if member.phase == MemberPhase::Member));
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Renew, "the first renewal says the Done");
}

#[test]
fn j8_says_so_once_tries_five_times_more_and_then_waits_for_a_person() {
    let mut rig = driving();
    let outputs = rig.release(Outcome::Failed);
    assert!(matches!(sent(&outputs)[..], [Message::Done(Done { code: Code::DRIVER, generation: 0 })]));
    for _ in 0..5 {
        assert_eq!(rig.node.deadline().unwrap().timer, Timer::Backoff);
        rig.wait();
        assert_eq!(rig.held.len(), 1);
        let outputs = rig.release(Outcome::Failed);
        assert!(sent(&outputs).is_empty());
    }
    assert_eq!(rig.node.deadline(), None);
    assert!(rig.host.member.is_some(), "nothing is wiped");
}

#[test]
fn j8_a_disk_that_cannot_be_formatted_waits_for_a_person() {
    let mut rig = awaiting_grant();
    rig.hold = |action| matches!(action, Action::Disk(_));
    rig.message(CH, Message::Grant(grant(2, 3)));
    let outputs = rig.release(Outcome::Failed);
    assert!(matches!(sent(&outputs)[..], [Message::Done(Done { code: Code::DRIVER, .. })]));
    assert_eq!(rig.node.deadline(), None);
}

#[test]
fn j1_to_j3_closed_or_late_go_back_to_j0_and_keep_the_lock() {
    for code in [17, 24, 40, 41, 44, 45, 47, 48, 15, 25, 46, 60] {
        let mut rig = awaiting_grant();
        rig.input(closed(CH, Code::new(code)));
        assert_eq!(rig.node.deadline().unwrap().timer, Timer::Backoff, "{code}");
        assert_eq!(rig.node.cluster(), Some(cluster(2)));
        let outputs = rig.dial(OTHER, service_peer(1, 9), service_claims(1, 9));
        assert_eq!(closes(&outputs), [25], "only the lock's cluster from here");
    }
    let mut rig = open(|config| config);
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Offer);
    assert_eq!(closes(&rig.wait()), [17]);
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Backoff);
}

#[test]
fn restart_without_a_header_follows_the_clusters_lock_only() {
    let rig = awaiting_grant();
    let (mut again, _) = Rig::start(rig.host);
    assert_eq!(again.node.cluster(), Some(cluster(2)));
    let outputs = again.dial(CH, service_peer(1, 9), service_claims(1, 9));
    assert_eq!(closes(&outputs), [25]);
    assert!(again.dial(OTHER, service_peer(2, 9), service_claims(2, 9)).is_empty());
}

#[test]
fn what_no_row_has_is_answered_with_16_and_changes_nothing() {
    for rig in [open(|config| config), awaiting_grant(), driving()] {
        for message in [
            Message::Locked(crate::machine::message::Locked { cluster: cluster(2), class: 2, genesis: None }),
            Message::Done(Done { code: Code::ACCEPTED, generation: 1 }),
            Message::Ack(tip(2, 1)),
            Message::Publish(Vec::new()),
        ] {
            assert_out_of_order(&rig.node, Input::Message(CH, message.clone()));
            assert_out_of_order(&rig.node, Input::Message(OTHER, message));
        }
    }
    for rig in [awaiting_grant(), driving()] {
        assert_out_of_order(&rig.node, Input::Message(CH, Message::Offer(offer(2, 3, 1))));
    }
    assert_out_of_order(&open(|config| config).node, opened(OTHER, service_peer(2, 9), service_claims(2, 9)));
}

#[test]
fn without_its_guard_each_stranger_is_followed() {
    let host = Host::blank(PCR, 1);
    let dial = |config, peer, claims| {
        let (mut rig, _) = Rig::configured(host.clone(), config);
        rig.dial(CH, peer, claims)
    };
    without(Some(Guard::JoinerCluster), || {
        let pinned = NodeConfig { pinned: Some(cluster(1)), ..node_config(&host) };
        assert!(dial(pinned, service_peer(2, 9), service_claims(2, 9)).is_empty());
    });
    without(Some(Guard::JoinerChain), || {
        let facts = Facts { member: None, ..service_peer(2, 9).facts().clone() };
        assert!(dial(node_config(&host), peer(facts), service_claims(2, 9)).is_empty());
    });
    without(Some(Guard::JoinerOffer), || {
        let mut rig = awaiting_grant();
        let facts = GrantFacts::Join { ticket: ticket(2, 3, 2), role: Role::Seat, name: name("seat-1") };
        rig.message(CH, Message::Grant(GrantRef { handle: disk_keys(2, 3), facts }));
        assert!(rig.host.member.is_some());
    });
}
