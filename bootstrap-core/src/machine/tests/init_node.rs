use super::*;
use crate::machine::facts::{Custody, Genesis, InitClaims, LockRegister};
use crate::machine::message::{Done, Locked, Progress};
use crate::machine::record::{MemberPhase, MemberRecord};
use crate::machine::symbolic::*;
use crate::machine::{DiskAction, DriverAction, Step};
use crate::time::Timer;

fn blank() -> Rig {
    let host = Host::blank(PCR, 1);
    let config = NodeConfig { endpoints: 0, ..node_config(&host) };
    Rig::configured(host, config).0
}

fn init(rig: &mut Rig, channel: ChannelId) -> Vec<Output> {
    rig.input(opened(channel, operator_peer(1), init_claims(1)))
}

/// N2.
fn awaiting_grant() -> Rig {
    let mut rig = blank();
    assert!(matches!(sent(&init(&mut rig, CH))[..], [Message::Locked(_)]));
    rig
}

fn is_driver(action: &Action) -> bool {
    matches!(action, Action::Driver(DriverAction::Init { .. }))
}

/// N4.
fn driving() -> Rig {
    let mut rig = awaiting_grant();
    rig.hold = is_driver;
    rig.message(CH, Message::Grant(init_grant(1, 1)));
    assert_eq!(rig.held.len(), 1);
    rig
}

fn driven() -> Outcome {
    Outcome::Driven { payload: vec![0xda], quorum: true }
}

#[test]
fn n0_each_guard_alone_turns_an_operator_away() {
    let try_init = |config: fn(NodeConfig) -> NodeConfig, peer: Peer, claims: InitClaims| {
        let host = Host::blank(PCR, 1);
        let (mut rig, _) =
            Rig::configured(host.clone(), config(NodeConfig { endpoints: 0, ..node_config(&host) }));
        let outputs = rig.input(opened(CH, peer, Claims::Init(claims)));
        assert_eq!(
            rig.host.file.is_some(),
            closes(&outputs).is_empty(),
            "nothing is locked before the guards"
        );
        closes(&outputs)
    };
    let same: fn(NodeConfig) -> NodeConfig = |config| config;
    let Claims::Init(good) = init_claims(1) else { panic!() };
    assert_eq!(try_init(same, operator_peer(1), good.clone()), [] as [u8; 0]);
    assert_eq!(try_init(same, operator_peer(2), good.clone()), [28]);
    let Claims::Init(other) = init_claims(2) else { panic!() };
    assert_eq!(try_init(same, operator_peer(2), other.clone()), [27]);
    let stolen = InitClaims { genesis: Genesis { authority: authority(1), ..genesis(2) }, ..other };
    assert_eq!(try_init(same, operator_peer(2), stolen), [28]);
    let foreign_policy = InitClaims { policy: Some(policy(2, 1)), ..good.clone() };
    assert_eq!(try_init(same, operator_peer(1), foreign_policy), [37]);
    assert_eq!(try_init(same, operator_peer(1), InitClaims { policy: None, ..good.clone() }), [12]);
    let node_born = InitClaims { custody: Custody::NodeBorn, ..good.clone() };
    assert_eq!(try_init(same, operator_peer(1), node_born), [12]);
    let pinned: fn(NodeConfig) -> NodeConfig = |config| NodeConfig { pinned: Some(cluster(2)), ..config };
    assert_eq!(try_init(pinned, operator_peer(1), good.clone()), [42]);
    let nobody: fn(NodeConfig) -> NodeConfig = |config| NodeConfig { authority: None, ..config };
    assert_eq!(try_init(nobody, operator_peer(1), good.clone()), [15]);
    let secret: fn(NodeConfig) -> NodeConfig =
        |config| NodeConfig { authority: None, init_secret: Some([9; 16]), ..config };
    assert_eq!(try_init(secret, operator_peer(1), good.clone()), [28]);
    let bearer = crate::peer::Facts { macs: vec![[9; 16]], ..crate::peer::Facts::nothing(1) };
    assert_eq!(try_init(secret, peer(bearer.clone()), good.clone()), [] as [u8; 0]);
    let both: fn(NodeConfig) -> NodeConfig = |config| NodeConfig { init_secret: Some([9; 16]), ..config };
    assert_eq!(try_init(both, peer(bearer), good), [28], "the secret is nothing beside an authority");
}

#[test]
fn n0_a_disk_of_another_cluster_is_never_touched() {
    let host = Host::member(PCR, 1, 2, 1, 1);
    let (mut rig, _) = Rig::configured(host.clone(), NodeConfig { endpoints: 0, ..node_config(&host) });
    assert_eq!(closes(&init(&mut rig, CH)), [42]);
    assert_eq!(rig.host, host);
}

#[test]
fn n0_a_second_init_of_another_attempt_is_refused_and_the_first_goes_on() {
    let mut rig = awaiting_grant();
    let Claims::Init(claims) = init_claims(1) else { panic!() };
    let second = InitClaims { attempt: attempt(2), ..claims };
    assert_eq!(closes(&rig.input(opened(OTHER, operator_peer(1), Claims::Init(second)))), [43]);
    rig.message(CH, Message::Grant(init_grant(1, 1)));
    assert!(rig.host.member.is_some());
}

#[test]
fn n0_the_same_attempt_on_a_new_channel_takes_over() {
    let mut rig = awaiting_grant();
    let outputs = init(&mut rig, OTHER);
    assert_eq!(closes(&outputs), [43]);
    assert!(matches!(sent(&outputs)[..], [Message::Locked(_)]));
    assert_eq!(refusals(&rig.message(CH, Message::Grant(init_grant(1, 1)))), [16]);
    assert!(matches!(sent(&rig.message(OTHER, Message::Grant(init_grant(1, 1))))[..], [Message::Result(_)]));
}

#[test]
fn n0_node_born_makes_its_root_once_and_gives_the_genesis() {
    let mut rig = blank();
    let claims = || {
        Claims::Init(InitClaims {
            genesis: Genesis { complete: false, ..genesis(1) },
            attempt: attempt(1),
            custody: Custody::NodeBorn,
            policy: None,
        })
    };
    let outputs = rig.input(opened(CH, operator_peer(1), claims()));
    assert!(matches!(key_action(&outputs), Some((_, KeyAction::MakeIdentityRoot { .. }))));
    let complete = born(1, boot_id(1));
    let is_complete = |outputs: &[Output]| matches!(sent(outputs)[..], [Message::Locked(Locked { genesis: Some(genesis), .. })] if *genesis == complete);
    assert!(is_complete(&outputs));
    rig.input(closed(CH, Code::TIMEOUT));
    let outputs = rig.input(opened(OTHER, operator_peer(1), claims()));
    assert!(key_action(&outputs).is_none());
    assert!(is_complete(&outputs));
    let mut grant = init_grant(1, 1);
    let message::GrantFacts::Init { cluster, .. } = &mut grant.facts else { panic!() };
    *cluster = complete.cluster().unwrap();
    assert_eq!(refusals(&rig.clone().message(OTHER, Message::Grant(grant.clone()))), [50], "no policy came");
    let message::GrantFacts::Init { policy: given, .. } = &mut grant.facts else { panic!() };
    *given = Some(policy(1, 1));
    assert!(matches!(sent(&rig.message(OTHER, Message::Grant(grant)))[..], [Message::Result(_)]));
}

#[test]
fn n1_the_lock_failed() {
    let mut rig = blank();
    rig.host.value = Some(vec![1; 32]);
    assert_eq!(closes(&init(&mut rig, CH)), [26]);
}

#[test]
fn n2_a_grant_that_does_not_match_changes_nothing() {
    let rig = awaiting_grant();
    let try_grant = |grant: message::GrantRef| {
        let mut rig = rig.clone();
        let host = rig.host.clone();
        let outputs = rig.message(CH, Message::Grant(grant));
        assert_eq!(rig.host, host);
        assert_eq!(rig.node.deadline().map(|deadline| deadline.timer), Some(Timer::Grant));
        refusals(&outputs)
    };
    assert_eq!(try_grant(init_grant(2, 1)), [50], "roots of another cluster");
    assert_eq!(try_grant(init_grant(2, 2)), [50], "names another cluster");
    assert_eq!(try_grant(recover_grant(1, 1, 1)), [16]);
    let mut other = init_grant(1, 1);
    if let message::GrantFacts::Init { attempt: of, .. } = &mut other.facts {
        *of = attempt(2);
    }
    assert_eq!(try_grant(other), [50]);
    let mut rig = rig.clone();
    rig.message(CH, Message::Grant(init_grant(2, 1)));
    assert!(matches!(sent(&rig.message(CH, Message::Grant(init_grant(1, 1))))[..], [Message::Result(_)]));
}

#[test]
fn n3_formats_a_blank_disk_and_writes_the_record_before_the_driver_runs() {
    let mut rig = awaiting_grant();
    let outputs = rig.message(CH, Message::Grant(init_grant(1, 1)));
    let at = |fits: &dyn Fn(&Action) -> bool| {
        outputs.iter().position(|output| matches!(output, Output::Do(_, action) if fits(action))).unwrap()
    };
    let format = at(&|action| matches!(action, Action::Disk(DiskAction::Format { .. })));
    let record = at(
        &|action| matches!(action, Action::Persist(Record::Member(member)) if member.phase == MemberPhase::Driver),
    );
    let counter = at(&|action| matches!(action, Action::Nv { generation: 1 }));
    let driver = at(&is_driver);
    assert!(format < record && record < counter && counter < driver);
    assert_eq!(rig.host.opens_with, Some(disk_keys(1, 1)));
}

#[test]
fn n3_a_disk_that_cannot_be_formatted_leaves_the_node_free() {
    let mut rig = awaiting_grant();
    rig.hold = |action| matches!(action, Action::Disk(_));
    rig.message(CH, Message::Grant(init_grant(1, 1)));
    assert_eq!(closes(&rig.release(Outcome::Failed)), [60]);
    rig.hold = |_| false;
    init(&mut rig, OTHER);
    assert!(matches!(sent(&rig.message(OTHER, Message::Grant(init_grant(1, 1))))[..], [Message::Result(_)]));
}

/// A boot that finds a header of c and a record of an earlier run of init.
fn with_record(member: Option<MemberRecord>) -> (Rig, Vec<Output>) {
    let host = Host { member, ..Host::member(PCR, 2, 1, 1, 1) };
    let (mut rig, _) = Rig::configured(host.clone(), NodeConfig { endpoints: 0, ..node_config(&host) });
    init(&mut rig, CH);
    let outputs = rig.message(CH, Message::Grant(init_grant(1, 1)));
    (rig, outputs)
}

#[test]
fn n3_a_disk_of_the_same_attempt_is_opened_never_formatted() {
    let record = |phase| MemberRecord {
        phase,
        attempt: Some(attempt(1)),
        role: crate::ids::Role::Seat,
        ..member_record(1, 1, 1)
    };
    for member in [None, Some(record(MemberPhase::Driver)), Some(record(MemberPhase::Failed))] {
        let (_, outputs) = with_record(member);
        assert!(
            action(&outputs, |action| matches!(action, Action::Disk(DiskAction::Format { .. }))).is_none()
        );
        assert!(action(&outputs, is_driver).is_some());
        assert!(matches!(sent(&outputs)[..], [Message::Result(_)]));
    }
}

#[test]
fn n3_a_record_of_another_attempt_is_left_alone() {
    let other =
        MemberRecord { phase: MemberPhase::Driver, attempt: Some(attempt(2)), ..member_record(1, 1, 1) };
    let (rig, outputs) = with_record(Some(other.clone()));
    assert_eq!(closes(&outputs), [43]);
    assert_eq!(rig.host.member, Some(other));
}

#[test]
fn n3_a_member_comes_back_with_its_services_shut() {
    let member = MemberRecord { attempt: Some(attempt(1)), ..member_record(1, 1, 1) };
    let (rig, outputs) = with_record(Some(member));
    assert!(action(&outputs, |action| matches!(action, Action::Driver(DriverAction::Resume))).is_some());
    assert!(!rig.host.services);
}

#[test]
fn n4_progress_goes_to_the_operator_bounded_and_the_oldest_is_dropped() {
    let mut rig = driving();
    let (id, _) = rig.held[0].clone();
    let progress = |sequence| Progress { sequence, stage: 1, per_mille: 1, text: None };
    let outputs = rig.input(Input::Step(id, Step::Progress(progress(0))));
    assert_eq!(sent(&outputs), [&Message::Progress(progress(0))]);
    for sequence in 1..=100 {
        rig.node.handle(Input::Step(id, Step::Progress(progress(sequence))), NOW);
    }
    let outputs = rig.input(Input::Tick);
    let kept: Vec<u32> = sent(&outputs)
        .iter()
        .map(|message| match message {
            Message::Progress(progress) => progress.sequence,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kept, (85..=100).collect::<Vec<u32>>());
}

#[test]
fn n4_without_its_operator_the_driver_goes_on_and_the_same_attempt_gets_the_result() {
    let mut rig = driving();
    rig.input(closed(CH, Code::TIMEOUT));
    let (id, _) = rig.held[0].clone();
    let progress = Progress { sequence: 0, stage: 1, per_mille: 1, text: None };
    assert!(rig.input(Input::Step(id, Step::Progress(progress))).is_empty());
    init(&mut rig, OTHER);
    rig.message(OTHER, Message::Grant(init_grant(1, 1)));
    assert_eq!(rig.held.len(), 1, "no second run of the driver");
    let outputs = rig.release(driven());
    assert!(matches!(&outputs[..], outputs if matches!(sent(outputs)[..], [Message::Result(_)])));
}

#[test]
fn n4_n5_the_record_is_durable_before_the_result_is_sent_and_services_open() {
    let mut rig = driving();
    rig.hold = |action| matches!(action, Action::Persist(_));
    let outputs = rig.release(driven());
    assert!(sent(&outputs).is_empty() && !rig.host.services);
    rig.hold = |_| false;
    assert!(matches!(sent(&rig.release(Outcome::Written))[..], [Message::Result(_)]));
    assert!(rig.host.services);
}

#[test]
fn n6_a_driver_that_failed_is_run_again_by_the_same_attempt_only() {
    let mut rig = driving();
    let outputs = rig.release(Outcome::Failed);
    assert_eq!(closes(&outputs), [61]);
    assert!(matches!(&rig.host.member, Some(member) if member.phase == MemberPhase::Failed));
    let Claims::Init(claims) = init_claims(1) else { panic!() };
    let other = InitClaims { attempt: attempt(2), ..claims };
    assert_eq!(closes(&rig.input(opened(OTHER, operator_peer(1), Claims::Init(other)))), [43]);
    init(&mut rig, OTHER);
    rig.message(OTHER, Message::Grant(init_grant(1, 1)));
    assert!(matches!(sent(&rig.release(driven()))[..], [Message::Result(_)]));
}

#[test]
fn n5_done_or_closed_make_no_difference() {
    let mut rig = driving();
    rig.release(driven());
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 1 });
    assert!(rig.message(CH, done.clone()).is_empty());
    assert_eq!(refusals(&rig.message(CH, done)), [16]);
    rig.input(closed(CH, Code::ACCEPTED));
    assert!(rig.host.services);
}

#[test]
fn n1_n2_closed_or_late_keep_the_lock_and_nothing_else() {
    let mut rig = awaiting_grant();
    let outputs = rig.wait();
    assert_eq!(closes(&outputs), [17]);
    assert_eq!(rig.node.cluster(), Some(cluster(1)));
    assert_eq!(rig.node.deadline(), None);
    assert!(matches!(sent(&init(&mut rig, OTHER))[..], [Message::Locked(_)]));
}

#[test]
fn a_clock_that_jumps_ends_each_timer_once() {
    let mut rig = awaiting_grant();
    rig.now = Instant::from_millis(0);
    assert!(rig.input(Input::Tick).is_empty());
    rig.now = Instant::from_millis(u64::MAX);
    assert_eq!(closes(&rig.input(Input::Tick)), [17]);
    assert!(rig.input(Input::Tick).is_empty());
}

#[test]
fn a_node_without_a_register_shows_a_claim() {
    let host = Host::blank(LockRegister::Software, 1);
    let (mut rig, _) = Rig::configured(host.clone(), NodeConfig { endpoints: 0, ..node_config(&host) });
    let outputs = init(&mut rig, CH);
    assert!(matches!(sent(&outputs)[..], [Message::Locked(Locked { class: 1, .. })]));
}

#[test]
fn what_no_row_has_is_answered_with_16_and_changes_nothing() {
    let messages = [
        Message::Offer(offer(1, 1, 1)),
        Message::Locked(Locked { cluster: cluster(1), class: 2, genesis: None }),
        Message::Done(Done { code: Code::ACCEPTED, generation: 1 }),
        Message::Progress(Progress { sequence: 0, stage: 0, per_mille: 0, text: None }),
        Message::Publish(Vec::new()),
        Message::Ack(tip(1, 1)),
    ];
    let mut locking = blank();
    locking.hold = |action| matches!(action, Action::ExtendRegister { .. });
    init(&mut locking, CH);
    for rig in [locking, awaiting_grant(), driving()] {
        for message in &messages {
            assert_out_of_order(&rig.node, Input::Message(CH, message.clone()));
            assert_out_of_order(&rig.node, Input::Message(OTHER, message.clone()));
        }
        assert_out_of_order(&rig.node, opened(CH, operator_peer(1), init_claims(1)));
    }
}

use crate::machine::message;

#[test]
fn without_its_guard_foreign_roots_make_the_disk() {
    without(Some(Guard::InitRoots), || {
        let mut rig = awaiting_grant();
        rig.message(CH, Message::Grant(init_grant(2, 1)));
        assert_eq!(rig.host.opens_with, Some(disk_keys(2, 1)));
    });
}
