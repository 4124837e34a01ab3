use super::*;
use crate::machine::facts::{Custody, Genesis, LockRegister};
use crate::machine::message::{Done, InitResult, Locked, Progress};
use crate::machine::record::{OperatorPhase, OperatorRecord};
use crate::machine::symbolic::*;
use crate::machine::{InitOperator, OperatorConfig};
use crate::time::Timer;

fn dial_id(outputs: &[Output]) -> ActionId {
    action(outputs, |action| matches!(action, Action::Dial { .. })).expect("a dial")
}

/// O1, with the channel on its way.
fn dialled(config: OperatorConfig, found: Option<OperatorRecord>) -> InitOperator {
    let found = found.map(|record| (record, roots(1)));
    let mut operator = InitOperator::start(config, found, [1; 32], NOW);
    let mut outputs = operator.drain(NOW);
    if key_action(&outputs).is_some() {
        outputs = answer_keys(&mut operator, &outputs, 1);
        let phases: Vec<_> = written(&outputs);
        assert!(
            matches!(phases[..], [Record::Master(_), Record::Operator(record)] if record.phase == OperatorPhase::Prepared)
        );
    }
    assert!(operator.run(Input::Done(dial_id(&outputs), Outcome::Dialled(CH)), NOW).is_empty());
    operator
}

/// O2.
fn bound(host: &Host) -> InitOperator {
    let mut operator = dialled(operator_config(1), None);
    let outputs = open(&mut operator, host);
    assert!(
        matches!(written(&outputs)[..], [Record::Operator(record)] if record.phase == OperatorPhase::Bound)
    );
    operator
}

fn open(operator: &mut InitOperator, host: &Host) -> Vec<Output> {
    operator.run(opened(CH, peer(node_facts(1, host)), node_claims(host)), NOW)
}

fn locked_host() -> Host {
    let mut host = Host::blank(PCR, 1);
    host.value = PCR.locked_to(&cluster(1));
    host.file = Some(crate::machine::record::LockFile {
        boot: host.boot,
        cluster: cluster(1),
        flow: crate::machine::message::Flow::Init,
        attempt: None,
        held: true,
    });
    host
}

fn locked(number: u8, class: u8) -> Input {
    Input::Message(CH, Message::Locked(Locked { cluster: cluster(number), class, genesis: None }))
}

/// O3.
fn granted() -> InitOperator {
    let mut operator = bound(&Host::blank(PCR, 1));
    operator.run(Input::Reopened(CH, Box::new(peer(node_facts(1, &locked_host())))), NOW);
    let outputs = operator.run(locked(1, 2), NOW);
    assert!(
        matches!(written(&outputs)[..], [Record::Operator(record)] if record.phase == OperatorPhase::Granting)
    );
    assert!(sent(&outputs).is_empty());
    let outputs = answer_keys(&mut operator, &outputs, 1);
    assert!(matches!(sent(&outputs)[..], [Message::Grant(_)]));
    operator
}

fn result() -> InitResult {
    InitResult {
        cluster: cluster(1),
        genesis: genesis(1),
        node: node_id(1),
        chain: vec![vec![1, 1]],
        payload: Vec::new(),
        generation: 1,
    }
}

fn record(phase: OperatorPhase, host: &Host) -> OperatorRecord {
    OperatorRecord {
        phase,
        genesis: genesis(1),
        attempt: attempt(1),
        bound: (phase != OperatorPhase::Prepared)
            .then(|| crate::machine::facts::Fingerprint::of(&node_facts(1, host)).unwrap()),
        node: None,
        floors: crate::machine::facts::Floors::default(),
    }
}

#[test]
fn o0_makes_secrets_and_writes_them_before_it_dials() {
    dialled(operator_config(1), None);
    dialled(operator_config(1), Some(record(OperatorPhase::Prepared, &Host::blank(PCR, 1))));
}

#[test]
fn o0_an_abandoned_genesis_is_not_taken_up_again() {
    let found = record(OperatorPhase::Abandoned, &Host::blank(PCR, 1));
    let mut operator = InitOperator::start(operator_config(1), Some((found, roots(1))), [1; 32], NOW);
    let outputs = operator.drain(NOW);
    assert!(matches!(key_action(&outputs), Some((_, KeyAction::NewMaster { .. }))));
}

#[test]
fn o0_a_key_ring_that_fails_stops_it() {
    let mut operator = InitOperator::start(operator_config(1), None, [1; 32], NOW);
    let (id, _) = key_action(&operator.drain(NOW)).unwrap();
    let outputs = operator.run(Input::Done(id, Outcome::Failed), NOW);
    assert!(matches!(events(&outputs)[..], [Event::Stopped { code, .. }] if *code == Code::INTERNAL));
}

#[test]
fn o0_a_write_that_fails_stops_it_and_nothing_is_waited_for() {
    let mut operator = dialled(operator_config(1), None);
    let host = Host::blank(PCR, 1);
    operator.handle(opened(CH, peer(node_facts(1, &host)), node_claims(&host)), NOW);
    let write = loop {
        match operator.poll() {
            Output::Do(id, Action::Persist(_)) => break id,
            Output::Wait(_) => panic!("no write"),
            _ => {}
        }
    };
    assert!(operator.deadline().is_some(), "the write itself may take its time");
    let outputs = operator.run(Input::Done(write, Outcome::Failed), NOW);
    assert_eq!(events(&outputs), [&Event::StorageFailed]);
    assert_eq!(operator.deadline(), None, "it would be woken for ever");
}

#[test]
fn o1_each_guard_alone_turns_a_node_away() {
    let good = Host::blank(PCR, 1);
    let operator = dialled(operator_config(1), None);
    let try_node = |facts: crate::peer::Facts, claims: Claims| {
        let mut operator = operator.clone();
        let outputs = operator.run(opened(CH, peer(facts), claims), NOW);
        assert!(written(&outputs).is_empty() || closes(&outputs).is_empty());
        closes(&outputs)
    };
    let facts = node_facts(1, &good);
    assert_eq!(try_node(facts.clone(), node_claims(&good)), [] as [u8; 0]);
    assert_eq!(try_node(facts.clone(), join_claims(1)), [25]);
    assert_eq!(try_node(crate::peer::Facts { sets: vec![], ..facts.clone() }, node_claims(&good)), [22]);
    let other = Some(crate::ids::ConfigDigest::new([1; 32]));
    assert_eq!(
        try_node(crate::peer::Facts { configuration: other, ..facts.clone() }, node_claims(&good)),
        [27]
    );
    assert_eq!(
        try_node(crate::peer::Facts { configuration: None, ..facts.clone() }, node_claims(&good)),
        [12]
    );
    assert_eq!(try_node(crate::peer::Facts { boot: None, ..facts.clone() }, node_claims(&good)), [12]);
    assert_eq!(try_node(crate::peer::Facts { lock: None, ..facts.clone() }, node_claims(&good)), [26]);
    assert_eq!(try_node(crate::peer::Facts { register: None, ..facts.clone() }, node_claims(&good)), [26]);
    assert_eq!(
        try_node(crate::peer::Facts { register: Some([1; 32]), ..facts.clone() }, node_claims(&good)),
        [26]
    );
    let foreign = Some(crate::peer::LockClaim::Pcr(cluster(2)));
    assert_eq!(try_node(crate::peer::Facts { lock: foreign, ..facts.clone() }, node_claims(&good)), [42]);
    let foreign = Host { header: Some(header(2, 1)), ..good.clone() };
    assert_eq!(try_node(facts, node_claims(&foreign)), [42]);
}

#[test]
fn o1_only_the_bound_node_will_do() {
    let host = Host::blank(PCR, 1);
    let operator = dialled(operator_config(1), Some(record(OperatorPhase::Bound, &host)));
    let next_boot = Host::blank(PCR, 2);
    assert!(closes(&open(&mut operator.clone(), &next_boot)).is_empty());
    let outputs = operator.clone().run(opened(CH, peer(node_facts(2, &host)), node_claims(&host)), NOW);
    assert_eq!(closes(&outputs), [25]);
}

#[test]
fn o1_once_granted_a_blank_disk_must_be_of_the_same_boot() {
    let host = Host::blank(PCR, 1);
    let operator = dialled(operator_config(1), Some(record(OperatorPhase::Granting, &host)));
    assert!(closes(&open(&mut operator.clone(), &host)).is_empty());
    let next_boot = Host::blank(PCR, 2);
    assert_eq!(closes(&open(&mut operator.clone(), &next_boot)), [25]);
    let formatted = Host { header: Some(header(1, 1)), ..next_boot };
    assert!(closes(&open(&mut operator.clone(), &formatted)).is_empty());
}

#[test]
fn o2_the_lock_must_be_shown() {
    let renewed = |host: &Host| Input::Reopened(CH, Box::new(peer(node_facts(1, host))));
    let attempt = |reopened: Option<Input>, message: Input| {
        let mut operator = bound(&Host::blank(PCR, 1));
        reopened.map(|input| operator.run(input, NOW));
        let outputs = operator.run(message, NOW);
        (refusals(&outputs), key_action(&outputs).is_some())
    };
    assert_eq!(attempt(Some(renewed(&locked_host())), locked(1, 2)), (vec![], true));
    assert_eq!(attempt(None, locked(1, 2)), (vec![26], false));
    assert_eq!(attempt(Some(renewed(&Host::blank(PCR, 1))), locked(1, 2)), (vec![26], false));
    assert_eq!(attempt(Some(renewed(&locked_host())), locked(2, 2)), (vec![26], false));
    assert_eq!(attempt(Some(renewed(&locked_host())), locked(1, 1)), (vec![26], false));
    assert_eq!(attempt(None, locked(1, 1)), (vec![26], false));
    let mut unlocked = locked_host();
    unlocked.value = Some(vec![0; 32]);
    assert_eq!(attempt(Some(renewed(&unlocked)), locked(1, 2)), (vec![26], false));
}

#[test]
fn o2_a_lock_in_software_needs_to_be_permitted() {
    let host = Host::blank(LockRegister::Software, 1);
    let config = OperatorConfig { register: LockRegister::Software, least_lock: 1, ..operator_config(1) };
    let mut operator = dialled(config, None);
    open(&mut operator, &host);
    let outputs = operator.run(locked(1, 1), NOW);
    assert!(matches!(key_action(&outputs), Some((_, KeyAction::InitGrant(_)))));
}

#[test]
fn o2_a_node_born_genesis_is_completed_once() {
    let config = OperatorConfig { custody: Custody::NodeBorn, ..operator_config(1) };
    let mut operator = dialled(config.clone(), None);
    open(&mut operator, &Host::blank(PCR, 1));
    let complete = born(1, boot_id(1));
    let mut host = locked_host();
    let cluster = complete.cluster().unwrap();
    host.value = PCR.locked_to(&cluster);
    host.file = host.file.map(|file| crate::machine::record::LockFile { cluster, ..file });
    operator.run(Input::Reopened(CH, Box::new(peer(node_facts(1, &host)))), NOW);
    let locked =
        |genesis: Option<Genesis>| Input::Message(CH, Message::Locked(Locked { cluster, class: 2, genesis }));
    assert_eq!(refusals(&operator.clone().run(locked(None), NOW)), [18]);
    let stranger = Genesis { authority: authority(2), ..complete.clone() };
    assert_eq!(refusals(&operator.clone().run(locked(Some(stranger)), NOW)), [18]);
    let outputs = operator.run(locked(Some(complete.clone())), NOW);
    let [Record::Operator(found)] = written(&outputs)[..] else { panic!() };
    assert_eq!((found.phase, &found.genesis), (OperatorPhase::Granting, &complete));
    // After a crash, the genesis that was granted under is the only one.
    let mut again = dialled(config, Some(found.clone()));
    open(&mut again, &host);
    again.run(Input::Reopened(CH, Box::new(peer(node_facts(1, &host)))), NOW);
    assert!(refusals(&again.clone().run(locked(Some(complete)), NOW)).is_empty());
    assert_eq!(refusals(&again.run(locked(Some(born(1, boot_id(2)))), NOW)), [18]);
}

#[test]
fn o3_progress_starts_its_timer_again() {
    let mut operator = granted();
    let progress = Progress { sequence: 1, stage: 1, per_mille: 5, text: None };
    let outputs = operator.run(Input::Message(CH, Message::Progress(progress.clone())), later(100));
    assert_eq!(events(&outputs), [&Event::Progress(progress)]);
    let deadline = operator.deadline().unwrap();
    assert_eq!((deadline.timer, deadline.at), (Timer::Progress, later(220)));
}

#[test]
fn o3_a_result_of_this_init_ends_it() {
    let mut operator = granted();
    let outputs = operator.run(Input::Message(CH, Message::Result(result())), NOW);
    let outputs = answer_keys(&mut operator, &outputs, 1);
    assert!(matches!(written(&outputs)[..], [Record::Operator(record)]
        if record.phase == OperatorPhase::Member && record.floors.generation == 1));
    assert!(matches!(sent(&outputs)[..], [Message::Done(Done { code: Code::ACCEPTED, generation: 1 })]));
    assert_eq!(operator.deadline(), None);
}

#[test]
fn o3_any_other_result_changes_nothing() {
    for wrong in [
        InitResult { cluster: cluster(2), ..result() },
        InitResult { genesis: genesis(2), ..result() },
        InitResult { node: node_id(2), ..result() },
    ] {
        let mut operator = granted();
        let before = operator.clone();
        let outputs = operator.run(Input::Message(CH, Message::Result(wrong)), NOW);
        assert_eq!(refusals(&outputs), [18]);
        assert_eq!(operator, before);
    }
    let mut operator = granted();
    let wrong = InitResult { chain: vec![vec![2, 1]], ..result() };
    let outputs = operator.run(Input::Message(CH, Message::Result(wrong)), NOW);
    let outputs = answer_keys(&mut operator, &outputs, 1);
    assert_eq!(closes(&outputs), [28]);
    assert!(written(&outputs).is_empty());
}

#[test]
fn o1_to_o3_come_back_for_codes_that_may_change_and_stop_for_others() {
    for code in [17, 24, 40, 41, 45, 15, 25, 46, 60] {
        let mut operator = granted();
        let outputs = operator.run(closed(CH, Code::new(code)), NOW);
        assert!(events(&outputs).is_empty(), "{code}");
        let deadline = operator.deadline().unwrap();
        assert_eq!(deadline.timer, Timer::Backoff);
        dial_id(&operator.run(Input::Tick, deadline.at));
    }
    for code in [10, 22, 23, 26, 42, 50, 61] {
        let mut operator = granted();
        let outputs = operator.run(closed(CH, Code::new(code)), NOW);
        assert!(matches!(events(&outputs)[..], [Event::Stopped { .. }]), "{code}");
        assert_eq!(operator.deadline(), None);
    }
}

#[test]
fn every_timer_ends_in_a_new_dial_and_all_of_it_in_half_an_hour() {
    for (mut operator, timer) in [
        (dialled(operator_config(1), None), Timer::Open),
        (bound(&Host::blank(PCR, 1)), Timer::Lock),
        (granted(), Timer::Progress),
    ] {
        let deadline = operator.deadline().unwrap();
        assert_eq!(deadline.timer, timer);
        let outputs = operator.run(Input::Tick, deadline.at);
        assert_eq!(closes(&outputs), [17]);
        let mut late = granted();
        let outputs = late.run(Input::Tick, later(1_800));
        assert_eq!(closes(&outputs), [17]);
        assert!(matches!(events(&outputs)[..], [Event::Stopped { code: Code::TIMEOUT, .. }]));
    }
}

#[test]
fn a_clock_that_goes_back_ends_no_timer() {
    let operator = granted();
    let mut after = operator.clone();
    assert!(after.run(Input::Tick, Instant::from_millis(0)).is_empty());
    assert_eq!(after, operator);
}

#[test]
fn o9_abandoned_is_written_and_final() {
    let mut operator = granted();
    operator.abandon();
    let outputs = operator.drain(NOW);
    assert!(
        matches!(written(&outputs)[..], [Record::Operator(record)] if record.phase == OperatorPhase::Abandoned)
    );
    assert_out_of_order(&operator, opened(OTHER, operator_peer(1), init_claims(1)));
    assert_eq!(operator.deadline(), None);
}

#[test]
fn what_no_row_has_is_answered_with_16_and_changes_nothing() {
    let host = Host::blank(PCR, 1);
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 1 });
    let progress = Message::Progress(Progress { sequence: 0, stage: 0, per_mille: 0, text: None });
    let states = [dialled(operator_config(1), None), bound(&host), granted()];
    for operator in &states {
        for message in [
            done.clone(),
            Message::Offer(offer(1, 1, 1)),
            Message::Grant(init_grant(1, 1)),
            Message::Ack(tip(1, 1)),
        ] {
            assert_out_of_order(operator, Input::Message(CH, message));
        }
        assert_out_of_order(operator, Input::Message(OTHER, progress.clone()));
        assert_out_of_order(operator, Input::Message(OTHER, Message::Result(result())));
    }
    assert_out_of_order(&states[0], Input::Message(CH, progress.clone()));
    assert_out_of_order(&states[1], Input::Message(CH, progress));
    assert_out_of_order(&states[1], opened(CH, peer(node_facts(1, &host)), node_claims(&host)));
    assert_out_of_order(&states[2], locked(1, 2));
    assert_out_of_order(&states[2], Input::Reopened(CH, Box::new(operator_peer(1))));
}

#[test]
fn without_its_guard_the_grant_goes_out_before_the_lock() {
    without(Some(Guard::OperatorLocked), || {
        let mut operator = bound(&Host::blank(PCR, 1));
        assert!(key_action(&operator.run(locked(1, 2), NOW)).is_some());
    });
}
