use super::*;
use crate::ids::{Role, VoucherId};
use crate::machine::facts::{JoinClaims, RejoinClaims, RenewClaims, ShownVoucher};
use crate::machine::message::{Done, GrantFacts, GrantRef, Locked};
use crate::machine::store::{Standing, Stored, Transaction};
use crate::machine::symbolic::*;
use crate::machine::{DriverAction, JoinService};
use crate::peer::{Facts, Member, SameNode, SameNodeClass};
use crate::time::Timer;

/// A service on its store, both driven until they are quiet.
#[derive(Clone, Debug)]
struct Service {
    serving: Serving,
    store: Store,
    now: Instant,
}

impl Service {
    fn new(rules: AllOf, store: Store) -> Self {
        let service = JoinService::start(service_config(2, 3), CH);
        Self { serving: Serving { service, rules }, store, now: NOW }
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.serving.handle(input, self.now);
        let mut outputs = Vec::new();
        loop {
            let output = Machine::poll(&mut self.serving);
            let done = match &output {
                Output::Wait(_) => return outputs,
                Output::Do(id, Action::Store(transaction)) => {
                    Some((*id, Outcome::Store(self.store.apply(transaction))))
                }
                Output::Do(id, Action::Keys(action)) => {
                    Some((*id, Outcome::Keys(keys(action, 2, boot_id(9)))))
                }
                _ => None,
            };
            outputs.push(output);
            if let Some((id, outcome)) = done {
                self.serving.handle(Input::Done(id, outcome), self.now);
            }
        }
    }

    fn open(&mut self, facts: Facts, claims: Claims) -> Vec<Output> {
        self.input(opened(CH, peer(facts), claims))
    }

    fn lock(&mut self, machine: u8, host: &Host) -> Vec<Output> {
        self.input(Input::Reopened(CH, Box::new(peer(node_facts(machine, host)))));
        self.input(Input::Message(
            CH,
            Message::Locked(Locked { cluster: cluster(2), class: 2, genesis: None }),
        ))
    }

    fn done(&mut self, code: Code, generation: u32) -> Vec<Output> {
        self.input(Input::Message(CH, Message::Done(Done { code, generation })))
    }

    fn standing(&self) -> Option<Standing> {
        self.store.entries.first().map(|entry| entry.standing)
    }
}

fn new_node(boot: u8) -> Host {
    Host::blank(PCR, boot)
}

/// The host of a node that is locked to cluster 2.
fn locked(host: &Host) -> Host {
    let file = crate::machine::record::LockFile {
        boot: host.boot,
        cluster: cluster(2),
        flow: crate::machine::message::Flow::Join,
        attempt: None,
        held: true,
    };
    Host { value: PCR.locked_to(&cluster(2)), file: Some(file), ..host.clone() }
}

/// S1, for node 3 on machine 1.
fn offered() -> Service {
    let mut service = Service::new(AllOf::workers(2), Store::empty());
    let outputs = service.open(node_facts(1, &new_node(1)), join_claims(1));
    assert!(matches!(sent(&outputs)[..], [Message::Offer(offer)]
        if offer.node == node_id(3) && offer.role == Role::Worker && offer.generation == 1 && offer.evidence));
    assert!(matches!(service.standing(), Some(Standing::Reserved(..))));
    service
}

/// S2.
fn granted() -> Service {
    let mut service = offered();
    let outputs = service.lock(1, &locked(&new_node(1)));
    assert!(matches!(sent(&outputs)[..], [Message::Grant(GrantRef { facts: GrantFacts::Join { .. }, .. })]));
    assert_eq!(service.standing(), Some(Standing::Granted(1, boot_id(1))));
    service
}

fn rejoin_claims(node: u8, disk: u8) -> Claims {
    Claims::Rejoin(RejoinClaims {
        csr: vec![node],
        disk: disk_id(disk),
        node: node_id(node),
        generation: 1,
        enrol: None,
    })
}

fn renew_claims(node: u8, generation: u32, epoch: u32) -> Claims {
    Claims::Renew(RenewClaims {
        csr: vec![node],
        node: node_id(node),
        generation,
        policy: tip(2, epoch),
        epochs: vec![crate::ids::KeyEpoch::FIRST],
    })
}

fn member_facts(node: u8, boot: u8) -> Facts {
    let host = locked(&new_node(boot));
    Facts {
        member: Some(Member {
            cluster: cluster(2),
            node: node_id(node),
            role: Role::Worker,
            ca_epoch: crate::ids::KeyEpoch::FIRST,
            policy_epoch: 1,
            generation: 1,
            name: "worker-1".into(),
            not_after: u64::MAX,
        }),
        ..node_facts(node, &host)
    }
}

#[test]
fn s0_each_guard_alone_refuses_and_the_refusal_is_written_first() {
    let try_join = |rules: AllOf, store: Store, facts: Facts, claims: Claims| {
        let mut service = Service::new(rules, store);
        let before = service.store.entries.clone();
        let outputs = service.open(facts, claims);
        assert_eq!(service.store.entries == before, !closes(&outputs).is_empty());
        let audits = service.store.audits;
        (closes(&outputs), audits)
    };
    let rules = || AllOf::workers(2);
    let facts = node_facts(1, &new_node(1));
    assert_eq!(try_join(rules(), Store::empty(), facts.clone(), join_claims(1)), (vec![], 0));
    assert_eq!(
        try_join(AllOf { fresh: false, ..rules() }, Store::empty(), facts.clone(), join_claims(1)),
        (vec![44], 1)
    );
    let no_quorum = Store { quorum: false, ..Store::empty() };
    assert_eq!(try_join(rules(), no_quorum, facts.clone(), join_claims(1)).0, [45]);
    assert_eq!(
        try_join(AllOf { set: SEATS, ..rules() }, Store::empty(), facts.clone(), join_claims(1)),
        (vec![30], 1)
    );
    assert_eq!(
        try_join(rules(), Store::empty(), facts.clone(), join_claims(2)),
        (vec![34], 1),
        "enrols what it did not prove"
    );
    let mut unknown = plain_claims(1);
    unknown.node = Some(node_id(8));
    let unknown = Claims::Join(unknown);
    assert_eq!(try_join(rules(), Store::empty(), facts.clone(), unknown), (vec![33], 1));
    assert_eq!(
        try_join(rules(), Store::empty(), Facts { sets: vec![], ..facts.clone() }, join_claims(1)),
        (vec![22], 0)
    );
    assert_eq!(
        try_join(rules(), Store::empty(), Facts { boot: None, ..facts.clone() }, join_claims(1)),
        (vec![12], 0)
    );
    assert_eq!(try_join(rules(), Store::empty(), facts.clone(), service_claims(2, 9)), (vec![15], 0));
    let voucher = VoucherId::new([4; 16]);
    let with_voucher = AllOf { voucher: Some(voucher), ..rules() };
    let spent = Store { spent: vec![voucher], ..Store::empty() };
    assert_eq!(try_join(with_voucher.clone(), spent, facts.clone(), shows(1, voucher)), (vec![32], 1));
    // A rule that took another voucher than the one that the store was asked about.
    let other = VoucherId::new([5; 16]);
    assert_eq!(try_join(with_voucher.clone(), Store::empty(), facts.clone(), shows(1, other)), (vec![32], 1));
    assert_eq!(try_join(with_voucher, Store::empty(), facts, join_claims(1)), (vec![32], 1));
}

fn plain_claims(machine: u8) -> JoinClaims {
    match join_claims(machine) {
        Claims::Join(claims) => claims,
        other => panic!("{other:?}"),
    }
}

fn shows(machine: u8, id: VoucherId) -> Claims {
    let voucher = Some(ShownVoucher { id, signed: Vec::new() });
    Claims::Join(JoinClaims { voucher, ..plain_claims(machine) })
}

#[test]
fn s0_a_voucher_is_spent_by_the_reservation() {
    let voucher = VoucherId::new([4; 16]);
    let rules = AllOf { voucher: Some(voucher), ..AllOf::workers(2) };
    let mut service = Service::new(rules.clone(), Store::empty());
    service.open(node_facts(1, &new_node(1)), shows(1, voucher));
    assert_eq!(service.store.spent, [voucher]);
    let mut second = Service::new(rules, service.store);
    let outputs = second.open(node_facts(2, &new_node(2)), shows(2, voucher));
    assert_eq!(closes(&outputs), [32]);
}

#[test]
fn s0_one_new_seat_at_a_time() {
    let rules = AllOf { role: Role::Seat, ..AllOf::workers(2) };
    let mut service = Service::new(rules.clone(), Store::empty());
    service.open(node_facts(1, &new_node(1)), join_claims(1));
    let mut second = Service::new(rules, service.store.clone());
    assert_eq!(closes(&second.clone().open(node_facts(2, &new_node(2)), join_claims(2))), [47]);
    second.now = later(600);
    assert_eq!(closes(&second.open(node_facts(2, &new_node(2)), join_claims(2))), [] as [u8; 0]);
}

#[test]
fn s0_a_conflict_looks_again_and_gives_up_in_the_end() {
    let mut service = Service::new(AllOf::workers(2), Store::empty());
    service.serving.handle(opened(CH, peer(node_facts(1, &new_node(1))), join_claims(1)), NOW);
    let mut looks = 0;
    loop {
        match Machine::poll(&mut service.serving) {
            Output::Do(id, Action::Store(transaction)) => {
                let stored = if matches!(transaction, Transaction::Look { .. }) {
                    looks += 1;
                    service.store.apply(&transaction)
                } else {
                    Stored::Conflict
                };
                service.serving.handle(Input::Done(id, Outcome::Store(stored)), NOW);
            }
            Output::Do(_, Action::Close { code, .. }) => {
                assert_eq!((code, looks), (Code::BUSY, 4));
                break;
            }
            Output::Wait(_) => panic!("it waits"),
            _ => {}
        }
    }
}

#[test]
fn s0_a_join_is_resumed_by_the_same_node_only() {
    let store = offered().store;
    let try_join = |facts: Facts, claims: JoinClaims| {
        let mut service = Service::new(AllOf::workers(2), store.clone());
        let outputs = service.open(facts, Claims::Join(claims));
        (closes(&outputs), service.store.entries.len())
    };
    let Claims::Join(claims) = join_claims(1) else { panic!() };
    let resumed = JoinClaims { node: Some(node_id(3)), ..claims.clone() };
    assert_eq!(try_join(node_facts(1, &new_node(1)), resumed.clone()), (vec![], 1));
    assert_eq!(
        try_join(node_facts(1, &new_node(1)), claims),
        (vec![], 1),
        "also without the id, which a crash forgets"
    );
    let Claims::Join(other) = join_claims(2) else { panic!() };
    assert_eq!(
        try_join(node_facts(2, &new_node(1)), JoinClaims { node: Some(node_id(3)), ..other }),
        (vec![34], 1)
    );
    // Class 3 survives a reboot; classes 0 and 1 must be of the same boot.
    assert_eq!(try_join(node_facts(1, &new_node(2)), resumed.clone()), (vec![], 1));
    let weak = SameNode { class: SameNodeClass::Platform, id: vec![1] };
    let mut store = store.clone();
    store.entries[0].same_node = weak.clone();
    let try_boot = |boot| {
        let mut service = Service::new(AllOf::workers(2), store.clone());
        let facts = Facts { same_node: vec![weak.clone()], ..node_facts(1, &new_node(boot)) };
        closes(&service.open(facts, Claims::Join(JoinClaims { enrol: weak.clone(), ..resumed.clone() })))
    };
    assert_eq!(try_boot(1), [] as [u8; 0]);
    assert_eq!(try_boot(2), [34]);
}

#[test]
fn s0_a_member_with_a_blank_disk_is_not_let_in_anew() {
    let mut service = Service::new(AllOf::workers(2), Store::with_member(2, 3, 4, 1));
    let outputs = service.open(node_facts(3, &new_node(2)), join_claims(3));
    assert_eq!(closes(&outputs), [35]);
}

#[test]
fn s1_nothing_is_granted_before_the_lock_is_shown_and_the_grant_is_written() {
    let refused = |reopened: Option<Host>, locked: Locked| {
        let mut service = offered();
        if let Some(host) = reopened {
            service.input(Input::Reopened(CH, Box::new(peer(node_facts(1, &host)))));
        }
        let outputs = service.input(Input::Message(CH, Message::Locked(locked)));
        assert!(sent(&outputs).is_empty());
        assert!(matches!(service.standing(), Some(Standing::Reserved(..))));
        closes(&outputs)
    };
    let word = |number, class| Locked { cluster: cluster(number), class, genesis: None };
    assert_eq!(refused(None, word(2, 2)), [26]);
    assert_eq!(refused(Some(new_node(1)), word(2, 2)), [26]);
    assert_eq!(refused(Some(locked(&new_node(1))), word(1, 2)), [26]);
    assert_eq!(refused(Some(locked(&new_node(1))), word(2, 1)), [26]);
    assert_eq!(refused(Some(locked(&new_node(1))), word(2, 3)), [26]);
    let mut lying = locked(&new_node(1));
    lying.value = Some(vec![0; 32]);
    assert_eq!(refused(Some(lying), word(2, 2)), [26]);
    granted();
}

#[test]
fn s1_a_grant_that_the_store_does_not_take_is_not_made() {
    let mut service = offered();
    service.store.version += 1;
    let outputs = service.lock(1, &locked(&new_node(1)));
    assert_eq!(closes(&outputs), [40]);
    assert!(key_action(&outputs).is_none());
    let mut service = offered();
    service.store.quorum = false;
    assert_eq!(closes(&service.lock(1, &locked(&new_node(1)))), [45]);
}

#[test]
fn s1_a_workers_ticket_has_no_roots_and_a_seats_has() {
    let roots = |role| {
        let rules = AllOf { role, ..AllOf::workers(2) };
        let mut service = Service::new(rules, Store::empty());
        service.open(node_facts(1, &new_node(1)), join_claims(1));
        let outputs = service.lock(1, &locked(&new_node(1)));
        match sent(&outputs)[..] {
            [Message::Grant(GrantRef { facts: GrantFacts::Join { ticket, role: granted, .. }, .. })] => {
                assert_eq!(*granted, role);
                ticket.roots
            }
            _ => panic!("{outputs:?}"),
        }
    };
    assert!(!roots(Role::Worker));
    assert!(roots(Role::Seat));
}

#[test]
fn s2_done_is_confirmed_once_and_a_seat_is_promoted_only_then() {
    let mut service = granted();
    let outputs = service.done(Code::ACCEPTED, 1);
    assert_eq!(closes(&outputs), [0]);
    assert_eq!(service.store.entries[0].confirmed, (1, Some(boot_id(1))));
    assert!(service.serving.service.is_over());
    assert!(action(&outputs, |action| matches!(action, Action::Driver(_))).is_none());
    let rules = AllOf { role: Role::Seat, ..AllOf::workers(2) };
    let mut service = Service::new(rules, Store::empty());
    service.open(node_facts(1, &new_node(1)), join_claims(1));
    let outputs = service.lock(1, &locked(&new_node(1)));
    assert!(action(&outputs, |action| matches!(action, Action::Driver(_))).is_none());
    let outputs = service.done(Code::ACCEPTED, 1);
    assert!(
        action(&outputs, |action| matches!(action, Action::Driver(DriverAction::Promote { .. }))).is_some()
    );
}

/// The receiver said Done and went: what it has is written down, and a seat is promoted.
#[test]
fn s2_a_channel_that_closes_behind_its_done_is_confirmed() {
    let rules = AllOf { role: Role::Seat, ..AllOf::workers(2) };
    let mut service = Service::new(rules, Store::empty());
    service.open(node_facts(1, &new_node(1)), join_claims(1));
    service.lock(1, &locked(&new_node(1)));
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 1 });
    service.serving.handle(Input::Message(CH, done), NOW);
    let Output::Do(id, Action::Store(confirm)) = Machine::poll(&mut service.serving) else {
        panic!("the confirmation");
    };
    service.input(Input::Closed(CH, Code::SHUTTING_DOWN, 0));
    let stored = service.store.apply(&confirm);
    let outputs = service.input(Input::Done(id, Outcome::Store(stored)));
    assert_eq!(service.standing(), Some(Standing::Confirmed));
    assert!(
        action(&outputs, |action| matches!(action, Action::Driver(DriverAction::Promote { .. }))).is_some()
    );
}

#[test]
fn s2_another_generation_or_a_grant_to_another_boot_is_no_confirmation() {
    let mut service = granted();
    let outputs = service.done(Code::ACCEPTED, 2);
    assert_eq!(closes(&outputs), [35]);
    assert!(events(&outputs).contains(&&Event::Clone));
    let mut service = granted();
    service.store.entries[0].standing = Standing::Granted(1, boot_id(7));
    assert_eq!(closes(&service.done(Code::ACCEPTED, 1)), [35]);
    assert_eq!(service.store.entries[0].confirmed, (0, None));
}

#[test]
fn s4_what_was_granted_stays_and_a_seat_is_taken_out() {
    for end in [
        closed(CH, Code::TIMEOUT),
        Input::Message(CH, Message::Done(Done { code: Code::DRIVER, generation: 0 })),
    ] {
        let mut service = granted();
        service.input(end);
        assert_eq!(service.standing(), Some(Standing::Granted(1, boot_id(1))));
        assert!(service.serving.service.is_over());
    }
    let rules = AllOf { role: Role::Seat, ..AllOf::workers(2) };
    let mut service = Service::new(rules, Store::empty());
    service.open(node_facts(1, &new_node(1)), join_claims(1));
    assert!(service.store.pending_seat.is_some());
    let outputs = service.input(closed(CH, Code::TIMEOUT));
    assert!(
        action(&outputs, |action| matches!(action, Action::Driver(DriverAction::Remove { .. }))).is_some()
    );
    assert_eq!(service.store.pending_seat, None);
}

#[test]
fn s1_s2_are_timed() {
    for (mut service, timer) in [(offered(), Timer::Lock), (granted(), Timer::Done)] {
        let deadline = service.serving.deadline().unwrap();
        assert_eq!(deadline.timer, timer);
        service.now = deadline.at;
        assert_eq!(closes(&service.input(Input::Tick)), [17]);
        assert!(service.serving.service.is_over());
    }
}

#[test]
fn s0_rejoin_each_guard_alone() {
    let try_rejoin = |store: Store, facts: Facts, claims: Claims| {
        let mut service = Service::new(AllOf::workers(2), store);
        let outputs = service.open(facts, claims);
        match sent(&outputs)[..] {
            [Message::Offer(offer)] => Ok(offer.generation),
            _ => Err(closes(&outputs)),
        }
    };
    let store = || Store::with_member(2, 3, 4, 1);
    let facts = node_facts(3, &new_node(2));
    assert_eq!(try_rejoin(store(), facts.clone(), rejoin_claims(3, 3)), Ok(5));
    assert_eq!(try_rejoin(store(), facts.clone(), rejoin_claims(4, 3)), Err(vec![33]));
    assert_eq!(try_rejoin(store(), facts.clone(), rejoin_claims(3, 4)), Err(vec![34]));
    assert_eq!(try_rejoin(store(), node_facts(4, &new_node(2)), rejoin_claims(3, 3)), Err(vec![34]));
    let mut cast_out = store();
    cast_out.entries[0].standing = Standing::CastOut;
    assert_eq!(try_rejoin(cast_out, facts.clone(), rejoin_claims(3, 3)), Err(vec![33]));
    let mut reserved = store();
    reserved.entries[0].standing = Standing::Reserved(boot_id(1), later(600));
    assert_eq!(try_rejoin(reserved, facts.clone(), rejoin_claims(3, 3)), Err(vec![33]));
    let mut unconfirmed = store();
    unconfirmed.entries[0].standing = Standing::Granted(5, boot_id(7));
    assert_eq!(
        try_rejoin(unconfirmed, facts.clone(), rejoin_claims(3, 3)),
        Ok(5),
        "the unconfirmed one again"
    );
    assert_eq!(try_rejoin(store(), Facts { sets: vec![SEATS], ..facts }, rejoin_claims(3, 3)), Err(vec![30]));
}

#[test]
fn s0_without_a_quorum_only_a_seat_gets_something_and_it_is_provisional() {
    let mut store = Store { quorum: false, ..Store::with_member(2, 3, 4, 1) };
    let facts = node_facts(3, &new_node(2));
    let mut service = Service::new(AllOf::workers(2), store.clone());
    assert_eq!(closes(&service.open(facts.clone(), rejoin_claims(3, 3))), [45]);
    store.entries[0].role = Role::Seat;
    let mut service = Service::new(AllOf::workers(2), store.clone());
    service.open(facts.clone(), rejoin_claims(3, 3));
    let outputs = service.lock(3, &locked(&new_node(2)));
    assert!(matches!(
        sent(&outputs)[..],
        [Message::Grant(GrantRef { facts: GrantFacts::Rejoin { provisional: true, .. }, .. })]
    ));
    assert_eq!(service.store.entries[0].standing, Standing::Confirmed);
    let mut down = Service::new(AllOf::workers(2), store);
    let config = crate::machine::ServiceConfig { up: false, ..service_config(2, 3) };
    down.serving.service = JoinService::start(config, CH);
    assert_eq!(closes(&down.open(facts, rejoin_claims(3, 3))), [45]);
}

#[test]
fn s0_renew_each_guard_alone() {
    let try_renew = |store: Store, rules: AllOf, facts: Facts, claims: Claims| {
        let mut service = Service::new(rules, store);
        let outputs = service.open(facts, claims);
        match sent(&outputs)[..] {
            [Message::Grant(GrantRef { facts: GrantFacts::Renew { .. }, .. })] => {
                assert!(service.store.audits > 0);
                Ok(service.store.entries[0].confirmed)
            }
            _ => Err(closes(&outputs)),
        }
    };
    let store = || Store::with_member(2, 3, 4, 1);
    let rules = || AllOf::workers(2);
    let ok = Ok((4, Some(boot_id(1))));
    assert_eq!(try_renew(store(), rules(), member_facts(3, 1), renew_claims(3, 4, 1)), ok);
    assert_eq!(
        try_renew(store(), rules(), member_facts(3, 2), renew_claims(3, 4, 1)),
        Err(vec![35]),
        "another boot"
    );
    assert_eq!(try_renew(store(), rules(), member_facts(3, 1), renew_claims(3, 3, 1)), Err(vec![35]));
    assert_eq!(try_renew(store(), rules(), member_facts(4, 1), renew_claims(3, 4, 1)), Err(vec![33]));
    assert_eq!(
        try_renew(store(), rules(), Facts { member: None, ..member_facts(3, 1) }, renew_claims(3, 4, 1)),
        Err(vec![33])
    );
    assert_eq!(try_renew(store(), rules(), member_facts(3, 1), renew_claims(3, 4, 2)), Err(vec![44]));
    let forked = AllOf { cluster: 2, ..rules() };
    let Claims::Renew(claims) = renew_claims(3, 4, 1) else { panic!() };
    let other = Claims::Renew(RenewClaims { policy: tip(5, 1), ..claims });
    assert_eq!(try_renew(store(), forked, member_facts(3, 1), other), Err(vec![38]));
    let unlocked = Facts { lock: Some(crate::peer::LockClaim::Open), ..member_facts(3, 1) };
    assert_eq!(try_renew(store(), rules(), unlocked, renew_claims(3, 4, 1)), Err(vec![26]));
    let no_quorum = Store { quorum: false, ..store() };
    assert_eq!(try_renew(no_quorum, rules(), member_facts(3, 1), renew_claims(3, 4, 1)), Err(vec![45]));
}

#[test]
fn s0_a_renewal_by_the_boot_that_was_granted_is_the_done_that_was_lost() {
    let mut store = granted().store;
    store.entries[0].standing = Standing::Granted(1, boot_id(1));
    let renew = |boot| {
        let mut service = Service::new(AllOf::workers(2), store.clone());
        let facts = Facts { same_node: vec![same_node(1)], ..member_facts(3, boot) };
        let outputs = service.open(facts, renew_claims(3, 1, 1));
        (closes(&outputs), service.store.entries[0].confirmed)
    };
    assert_eq!(renew(1), (vec![], (1, Some(boot_id(1)))));
    assert_eq!(renew(2), (vec![35], (0, None)));
}

#[test]
fn what_no_row_has_is_answered_with_16_and_changes_nothing() {
    let start = Service::new(AllOf::workers(2), Store::empty());
    for service in [&start, &offered(), &granted()] {
        for message in [
            Message::Offer(offer(2, 3, 1)),
            Message::Grant(init_grant(1, 1)),
            Message::Ack(tip(2, 1)),
            Message::Publish(Vec::new()),
        ] {
            assert_out_of_order(&service.serving, Input::Message(CH, message));
        }
    }
    let locked_word = Message::Locked(Locked { cluster: cluster(2), class: 2, genesis: None });
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 1 });
    assert_out_of_order(&start.serving, Input::Message(CH, locked_word.clone()));
    assert_out_of_order(&granted().serving, Input::Message(CH, locked_word));
    assert_out_of_order(&offered().serving, Input::Message(CH, done));
    assert_out_of_order(&offered().serving, opened(CH, peer(node_facts(1, &new_node(1))), join_claims(1)));
    assert_out_of_order(&granted().serving, Input::Reopened(CH, Box::new(operator_peer(1))));
}

#[test]
fn without_its_guard_each_refusal_of_a_service_is_a_grant() {
    without(Some(Guard::ServiceLocked), || {
        let mut service = offered();
        let word = Locked { cluster: cluster(2), class: 2, genesis: None };
        let outputs = service.input(Input::Message(CH, Message::Locked(word)));
        assert!(matches!(sent(&outputs)[..], [Message::Grant(_)]));
    });
    without(Some(Guard::ServiceSameNode), || {
        let mut service = Service::new(AllOf::workers(2), Store::with_member(2, 3, 4, 1));
        let outputs = service.open(node_facts(4, &new_node(2)), rejoin_claims(3, 3));
        assert!(matches!(sent(&outputs)[..], [Message::Offer(_)]));
    });
    without(Some(Guard::ServiceBoot), || {
        let mut service = Service::new(AllOf::workers(2), Store::with_member(2, 3, 4, 1));
        let outputs = service.open(member_facts(3, 2), renew_claims(3, 4, 1));
        assert!(matches!(sent(&outputs)[..], [Message::Grant(_)]));
    });
}
