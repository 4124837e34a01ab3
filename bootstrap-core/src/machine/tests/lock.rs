use super::*;
use crate::machine::message::Flow;
use crate::machine::record::LockFile;
use crate::machine::symbolic::*;
use crate::peer::LockClaim;

fn file(number: u8, held: bool) -> LockFile {
    LockFile {
        boot: boot_id(1),
        cluster: cluster(number),
        flow: Flow::Init,
        attempt: Some(attempt(number)),
        held,
    }
}

fn init(rig: &mut Rig, channel: ChannelId, number: u8) -> Vec<Output> {
    rig.input(opened(channel, operator_peer(number), init_claims(number)))
}

/// A node that anybody with the key of cluster 1 or 2 may init: two operators for one lock.
fn two_operators() -> Rig {
    let host = Host::blank(PCR, 1);
    let config =
        NodeConfig { authority: None, init_secret: Some([9; 16]), endpoints: 0, ..node_config(&host) };
    Rig::configured(host, config).0
}

fn by_secret(rig: &mut Rig, channel: ChannelId, number: u8) -> Vec<Output> {
    let facts = crate::peer::Facts { macs: vec![[9; 16]], ..crate::peer::Facts::nothing(u64::MAX) };
    rig.input(opened(channel, peer(facts), init_claims(number)))
}

#[test]
fn l0_writes_the_intent_before_it_extends_and_holds_after_the_read_back() {
    let (mut rig, _) = Rig::start(Host::blank(PCR, 1));
    let outputs = init(&mut rig, CH, 1);
    let at = |fits: &dyn Fn(&Output) -> bool| outputs.iter().position(fits).unwrap();
    let intent =
        at(&|output| matches!(output, Output::Do(_, Action::Persist(Record::Lock(file))) if !file.held));
    let extend = at(&|output| matches!(output, Output::Do(_, Action::ExtendRegister { .. })));
    let held =
        at(&|output| matches!(output, Output::Do(_, Action::Persist(Record::Lock(file))) if file.held));
    let reattest = at(&|output| matches!(output, Output::Do(_, Action::Reattest { .. })));
    let locked = at(&|output| matches!(output, Output::Send(_, Message::Locked(_))));
    assert!(intent < extend && extend < held && held < reattest && reattest < locked);
    assert_eq!(rig.node.lock_claim(), LockClaim::Pcr(cluster(1)));
}

#[test]
fn l0_nothing_is_extended_before_the_intent_is_durable() {
    let (mut rig, _) = Rig::start(Host::blank(PCR, 1));
    rig.hold = |action| matches!(action, Action::Persist(_));
    init(&mut rig, CH, 1);
    assert_eq!(rig.held.len(), 1);
    assert!(rig.host.extended.is_empty());
    rig.hold = |_| false;
    rig.release(Outcome::Written);
    assert_eq!(rig.host.extended, [cluster(1)]);
}

#[test]
fn l0_a_write_that_fails_stops_the_node() {
    let (mut rig, _) = Rig::start(Host::blank(PCR, 1));
    rig.hold = |action| matches!(action, Action::Persist(_));
    init(&mut rig, CH, 1);
    let outputs = rig.release(Outcome::Failed);
    assert_eq!(events(&outputs), [&Event::StorageFailed]);
    assert!(rig.host.extended.is_empty());
    assert!(init(&mut rig, OTHER, 1).is_empty());
    assert_eq!(rig.node.deadline(), None, "it would be woken for ever");
}

#[test]
fn l0_without_a_register_the_file_is_the_lock() {
    let (mut rig, _) = Rig::start(Host::blank(facts::LockRegister::Software, 1));
    let outputs = init(&mut rig, CH, 1);
    assert_eq!(written(&outputs), [&Record::Lock(file(1, false)), &Record::Lock(file(1, true))]);
    assert!(matches!(sent(&outputs)[..], [Message::Locked(locked)] if locked.class == 1));
    assert!(action(&outputs, |action| matches!(action, Action::Reattest { .. })).is_none());
}

#[test]
fn l1_another_value_is_the_end_for_this_boot() {
    let (mut rig, _) = Rig::start(Host::blank(PCR, 1));
    rig.host.value = Some(vec![1; 32]);
    let outputs = init(&mut rig, CH, 1);
    assert!(events(&outputs).contains(&&Event::LockFailed));
    assert_eq!(closes(&outputs), [26]);
    assert_eq!(closes(&init(&mut rig, OTHER, 1)), [26]);
    assert_eq!(rig.node.lock_claim(), LockClaim::Open);
}

#[test]
fn l1_an_extension_that_fails_is_the_end_for_this_boot() {
    let (mut rig, _) = Rig::start(Host::blank(PCR, 1));
    rig.hold = |action| matches!(action, Action::ExtendRegister { .. });
    init(&mut rig, CH, 1);
    assert_eq!(closes(&rig.release(Outcome::Failed)), [26]);
}

#[test]
fn l1_and_l2_refuse_another_cluster() {
    let mut rig = two_operators();
    rig.hold = |action| matches!(action, Action::ExtendRegister { .. });
    by_secret(&mut rig, CH, 1);
    rig.input(closed(CH, Code::TIMEOUT));
    assert_eq!(closes(&by_secret(&mut rig, OTHER, 2)), [42]);
    rig.hold = |_| false;
    let value = PCR.locked_to(&cluster(1)).unwrap();
    rig.host.value = Some(value.clone());
    rig.release(Outcome::Register(value));
    assert_eq!(rig.node.lock_claim(), LockClaim::Pcr(cluster(1)));
    assert_eq!(closes(&by_secret(&mut rig, ChannelId::new(3), 2)), [42]);
    assert_eq!(rig.host.extended, [] as [crate::ids::ClusterId; 0]);
}

#[test]
fn l2_the_same_cluster_gets_the_token_again_and_nothing_is_extended_twice() {
    let (mut rig, _) = Rig::start(Host::blank(PCR, 1));
    init(&mut rig, CH, 1);
    rig.input(closed(CH, Code::TIMEOUT));
    let outputs = init(&mut rig, OTHER, 1);
    assert!(matches!(sent(&outputs)[..], [Message::Locked(_)]));
    assert!(written(&outputs).is_empty());
    assert_eq!(rig.host.extended, [cluster(1)]);
}

#[test]
fn start_rows() {
    let locked_to = |number| PCR.locked_to(&cluster(number));
    let open = PCR.open().map(<[u8]>::to_vec);
    let start = |file, value, header: Option<u8>| {
        let mut host = Host { file, value, ..Host::blank(PCR, 1) };
        host.header = header.map(|number| crate::machine::symbolic::header(number, 1));
        let (rig, outputs) = Rig::start(host);
        let failed = events(&outputs).contains(&&Event::LockFailed);
        (rig.node.lock_claim(), rig.host.extended.len(), written(&outputs).len(), failed)
    };
    let held = LockClaim::Pcr(cluster(1));
    // no file, register = pre
    assert_eq!(start(None, open.clone(), None), (LockClaim::Open, 0, 0, false));
    // file c, register = pre: extended now
    assert_eq!(start(Some(file(1, false)), open.clone(), None), (held, 1, 1, false));
    // file c, register = ext(pre, ev(c)): nothing left to do but to say so
    assert_eq!(start(Some(file(1, false)), locked_to(1), None), (held, 0, 1, false));
    assert_eq!(start(Some(file(1, true)), locked_to(1), None), (held, 0, 0, false));
    // no file, register = ext(pre, ev(h)), h of the header
    assert_eq!(start(None, locked_to(1), Some(1)), (held, 0, 1, false));
    // all else
    assert_eq!(start(None, locked_to(1), None), (LockClaim::Open, 0, 0, true));
    assert_eq!(start(None, locked_to(1), Some(2)), (LockClaim::Open, 0, 0, true));
    assert_eq!(start(Some(file(1, true)), locked_to(2), Some(2)), (LockClaim::Open, 0, 0, true));
    assert_eq!(start(None, None, None), (LockClaim::Open, 0, 0, true));
    assert_eq!(start(Some(file(1, true)), None, None), (LockClaim::Open, 0, 0, true));
    let other_boot = LockFile { boot: boot_id(2), ..file(1, true) };
    assert_eq!(start(Some(other_boot), locked_to(1), None), (LockClaim::Open, 0, 0, true));
}

#[test]
fn start_rows_without_a_register() {
    let start = |file| {
        let host = Host { file, ..Host::blank(facts::LockRegister::Software, 1) };
        let (rig, outputs) = Rig::start(host);
        (rig.node.lock_claim(), written(&outputs).len())
    };
    let held = LockClaim::Software(cluster(1));
    assert_eq!(start(None), (LockClaim::Open, 0));
    assert_eq!(start(Some(file(1, false))), (held, 1));
    assert_eq!(start(Some(file(1, true))), (held, 0));
}

#[test]
fn l9_serves_probes_and_nothing_else() {
    let mut host = Host::blank(PCR, 1);
    host.value = Some(vec![1; 32]);
    let (mut rig, _) = Rig::start(host);
    assert_eq!(closes(&init(&mut rig, CH, 1)), [26]);
    let probe = opened(OTHER, peer(crate::peer::Facts::nothing(1)), Claims::Author(cluster(1)));
    assert_eq!(closes(&rig.input(probe)), [0]);
}

use crate::machine::facts;
