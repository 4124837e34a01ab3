use super::*;
use crate::machine::StatementService;
use crate::machine::store::{Stored, Transaction, Version};
use crate::machine::symbolic::*;

/// A service that holds policy 3 of cluster 2 and waits for statements.
fn waiting() -> StatementService {
    let mut service = StatementService::start(cluster(2), genesis(2), tip(2, 3), CH);
    assert!(service.run(opened(CH, operator_peer(2), Claims::Author(cluster(2))), NOW).is_empty());
    service
}

fn publish(service: &mut StatementService, statement: Vec<u8>) -> Vec<Output> {
    let outputs = service.run(Input::Message(CH, Message::Publish(vec![statement])), NOW);
    assert!(
        matches!(key_action(&outputs), Some((_, KeyAction::CheckPolicies { held: Some(held), .. })) if held == tip(2, 3))
    );
    answer_keys(service, &outputs, 2)
}

fn store(service: &mut StatementService, outputs: &[Output], stored: Stored) -> (Transaction, Vec<Output>) {
    let (id, transaction) = outputs
        .iter()
        .find_map(|output| match output {
            Output::Do(id, Action::Store(transaction)) => Some((*id, transaction.clone())),
            _ => None,
        })
        .expect("a transaction");
    let outputs = service.run(Input::Done(id, Outcome::Store(stored)), NOW);
    (transaction, outputs)
}

#[test]
fn a_chain_that_goes_on_is_swapped_in_before_it_is_acknowledged() {
    let mut service = waiting();
    let outputs = publish(&mut service, policy(2, 4));
    assert!(sent(&outputs).is_empty());
    let (transaction, outputs) = store(&mut service, &outputs, Stored::Applied(Version::new(1)));
    assert!(
        matches!(transaction, Transaction::Publish { held: Some(held), tip: new, .. } if held == tip(2, 3) && new == tip(2, 4))
    );
    assert_eq!(sent(&outputs), [&Message::Ack(tip(2, 4))]);
    assert_eq!(service.applied(), Some(tip(2, 4)));
}

#[test]
fn a_race_is_lost_without_harm() {
    for (stored, code) in [(Stored::Conflict, 40), (Stored::NoQuorum, 45)] {
        let mut service = waiting();
        let outputs = publish(&mut service, policy(2, 4));
        let (_, outputs) = store(&mut service, &outputs, stored);
        assert_eq!(closes(&outputs), [code]);
        assert_eq!(service.applied(), None);
    }
}

#[test]
fn what_is_held_already_is_acknowledged_and_a_fork_is_shown() {
    let mut service = waiting();
    let outputs = publish(&mut service, policy(2, 3));
    assert_eq!(sent(&outputs), [&Message::Ack(tip(2, 3))]);
    let mut service = waiting();
    let outputs = publish(&mut service, vec![2, 3, 0]);
    assert_eq!(events(&outputs), [&Event::Fork { held: tip(2, 3), other: tip(0xff, 3) }]);
    let (transaction, outputs) = store(&mut service, &outputs, Stored::Applied(Version::new(1)));
    assert!(matches!(transaction, Transaction::Audit(_)));
    assert_eq!(closes(&outputs), [38]);
}

#[test]
fn a_chain_that_does_not_verify_is_refused_after_it_is_written_down() {
    for statement in [policy(1, 4), policy(2, 2)] {
        let mut service = waiting();
        let outputs = publish(&mut service, statement);
        let (transaction, outputs) = store(&mut service, &outputs, Stored::Applied(Version::new(1)));
        assert!(matches!(transaction, Transaction::Audit(_)));
        assert_eq!(closes(&outputs), [37]);
    }
}

#[test]
fn who_proves_no_key_or_means_another_cluster_does_not_publish() {
    let try_open = |peer: Peer, claims: Claims| {
        let mut service = StatementService::start(cluster(2), genesis(2), tip(2, 3), CH);
        closes(&service.run(opened(CH, peer, claims), NOW))
    };
    assert_eq!(try_open(peer(crate::peer::Facts::nothing(1)), Claims::Author(cluster(2))), [28]);
    assert_eq!(try_open(operator_peer(2), Claims::Author(cluster(1))), [25]);
    assert_eq!(try_open(service_peer(2, 9), Claims::Author(cluster(2))), [] as [u8; 0]);
    assert_eq!(try_open(operator_peer(2), join_claims(1)), [25]);
}

#[test]
fn what_no_row_has_is_answered_with_16_and_changes_nothing() {
    let service = waiting();
    for message in [Message::Ack(tip(2, 1)), Message::Offer(offer(2, 3, 1)), Message::Grant(init_grant(2, 2))]
    {
        assert_out_of_order(&service, Input::Message(CH, message));
    }
    let mut late = service.clone();
    assert_eq!(closes(&late.run(Input::Tick, later(30))), [17]);
}
