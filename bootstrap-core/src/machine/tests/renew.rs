use super::*;
use crate::machine::message::{GrantFacts, GrantRef};
use crate::machine::record::MemberRecord;
use crate::machine::symbolic::*;
use crate::time::Timer;

/// A member of cluster 2 whose first renewal is due.
fn member() -> Rig {
    let mut rig = Rig::start(Host::member(PCR, 2, 2, 3, 4)).0;
    rig.dial(CH, service_peer(2, 9), service_claims(2, 9));
    rig.message(CH, Message::Offer(offer(2, 3, 5)));
    let ticket = ticket(2, 3, 5);
    let facts = GrantFacts::Rejoin { ticket, provisional: false };
    rig.message(CH, Message::Grant(GrantRef { handle: disk_keys(2, 3), facts }));
    assert!(rig.host.services);
    rig
}

fn renewal(number: u8, node: u8, generation: u32) -> Message {
    Message::Grant(GrantRef {
        handle: disk_keys(number, node),
        facts: GrantFacts::Renew { ticket: ticket(2, node, generation) },
    })
}

#[test]
fn a_renewal_is_written_before_its_done_and_the_next_comes_at_half_of_the_life() {
    let mut rig = member();
    assert!(rig.dial(OTHER, service_peer(2, 9), service_claims(2, 9)).is_empty());
    let outputs = rig.message(OTHER, renewal(2, 3, 5));
    assert!(matches!(written(&outputs)[..], [Record::Member(MemberRecord { generation: 5, .. })]));
    assert!(matches!(sent(&outputs)[..], [Message::Done(_)]));
    let deadline = rig.node.deadline().unwrap();
    let wait = deadline.at.as_millis() - rig.now.as_millis();
    assert_eq!(deadline.timer, Timer::Renew);
    assert!((38_880_000..47_520_000).contains(&wait), "{wait} ms of a day");
}

#[test]
fn a_service_that_may_not_be_followed_or_is_behind_is_left() {
    let mut rig = member();
    assert_eq!(closes(&rig.dial(OTHER, service_peer(1, 9), service_claims(1, 9))), [25]);
    let old = Claims::Service(crate::machine::facts::ServiceClaims {
        genesis: genesis(2),
        policy: tip(2, 0),
        node: node_id(9),
    });
    assert_eq!(closes(&rig.dial(OTHER, service_peer(2, 9), old)), [44]);
    let fork = Claims::Service(crate::machine::facts::ServiceClaims {
        genesis: genesis(2),
        policy: tip(7, 1),
        node: node_id(9),
    });
    assert_eq!(closes(&rig.dial(OTHER, service_peer(2, 9), fork)), [38]);
}

#[test]
fn a_ticket_for_another_node_or_generation_changes_nothing() {
    let mut rig = member();
    rig.dial(OTHER, service_peer(2, 9), service_claims(2, 9));
    for wrong in [renewal(2, 4, 5), renewal(2, 3, 4)] {
        let outputs = rig.message(OTHER, wrong);
        assert_eq!(refusals(&outputs), [25]);
        assert!(written(&outputs).is_empty());
    }
    let outputs = rig.message(
        OTHER,
        Message::Grant(GrantRef {
            handle: disk_keys(1, 3),
            facts: GrantFacts::Renew { ticket: ticket(2, 3, 5) },
        }),
    );
    assert_eq!(closes(&outputs), [28]);
    assert!(written(&outputs).is_empty());
}

#[test]
fn another_boot_of_this_node_puts_this_one_out() {
    let mut rig = member();
    rig.dial(OTHER, service_peer(2, 9), service_claims(2, 9));
    let outputs = rig.input(closed(OTHER, Code::GENERATION));
    assert_eq!(events(&outputs), [&Event::Clone]);
    assert_eq!(rig.node.deadline(), None);
}

#[test]
fn other_ends_are_tried_again_with_backoff() {
    let mut rig = member();
    rig.dial(OTHER, service_peer(2, 9), service_claims(2, 9));
    rig.input(closed(OTHER, Code::BUSY));
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Backoff);
    rig.dial(CH, service_peer(2, 9), service_claims(2, 9));
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Grant);
    assert_eq!(closes(&rig.wait()), [17]);
    assert_eq!(rig.node.deadline().unwrap().timer, Timer::Backoff);
}
