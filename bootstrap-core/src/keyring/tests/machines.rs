//! The whole line as machines ask for it.

use super::*;
use crate::machine::{KeyAction, KeyOutcome};

fn host<'a>(payload: &'a DriverPayload) -> Host<'a> {
    Host {
        now: at(10),
        cluster_name: None,
        first_policy: None,
        payload,
        addresses: &[],
        voucher_secret: false,
        share: None,
    }
}

#[test]
fn machines_are_answered_from_a_node_born_genesis_to_a_newcomers_policy() {
    use crate::machine::facts::Authority as Wanted;
    use crate::machine::message::GrantFacts;
    let payload = DriverPayload::new(b"join".to_vec()).unwrap();
    let (mut operators, mut first, mut newcomer) = (Keyring::new(), Keyring::new(), Keyring::new());
    let wanted = Wanted { operators: vec![operator().public_key()], threshold: 1, custodians: Vec::new() };
    let make = KeyAction::NewMaster { authority: wanted, custody: Custody::NodeBorn };
    let KeyOutcome::Cluster { genesis, .. } = operators.execute(&make, &host(&payload), &entropy(1)) else {
        panic!("a genesis")
    };
    assert!(!genesis.complete);
    let born = KeyAction::MakeIdentityRoot { genesis };
    let KeyOutcome::Cluster { genesis, roots } = first.execute(&born, &host(&payload), &entropy(5)) else {
        panic!("a complete genesis")
    };
    let cluster = genesis.cluster().unwrap();
    let complete = Encoded::<Genesis>::from_bytes(&genesis.bytes).unwrap();
    assert_eq!(cluster, cluster_id_of(&complete));
    let statement = policy(cluster);

    // The operator knows the genesis from Locked. One that changed more than the CA key meets no roots.
    let grant =
        ticket::InitGrant::new(shown(cluster), AttemptId::new([1; 16]), NODE, Name::new("seat-1").unwrap());
    let grant = KeyAction::InitGrant(grant);
    let unknown = operators.attempt(&grant, &host(&payload), &entropy(2)).err();
    assert_eq!(unknown, Some(Error::Missing { what: "genesis of that cluster" }));
    let mut changed = complete.value().clone();
    changed.created = at(99);
    let changed = operators.learn(Encoded::new(changed)).unwrap();
    let lie =
        ticket::InitGrant::new(shown(changed), AttemptId::new([1; 16]), NODE, Name::new("seat-1").unwrap());
    let lie = operators.attempt(&KeyAction::InitGrant(lie), &host(&payload), &entropy(2)).err();
    assert_eq!(lie, Some(Error::Wrong { what: "genesis" }));
    operators.learn(complete.clone()).unwrap();
    let with_policy = Host { first_policy: Some(&statement), ..host(&payload) };
    let KeyOutcome::Grant(made) = operators.execute(&grant, &with_policy, &entropy(2)) else {
        panic!("Grant 1")
    };
    let GrantFacts::Init { policy: Some(sent), epochs, .. } = made.facts else { panic!("with a policy") };
    assert_eq!(epochs, [FIRST]);

    // The node.
    let sent = KeyAction::CheckPolicies { genesis: genesis.clone(), held: None, statements: vec![sent] };
    let KeyOutcome::Policy(tip) = first.execute(&sent, &host(&payload), &entropy(3)) else {
        panic!("a policy")
    };
    let grant = first.receive(operators.release(made.handle).unwrap()).unwrap();
    let check = KeyAction::CheckRoots { grant, identity: Some(roots), genesis: genesis.clone() };
    assert_eq!(first.execute(&check, &host(&payload), &entropy(3)), KeyOutcome::Matches);
    let derive = KeyAction::DeriveDiskKeys { roots: grant, node: NODE, disk: DISK, epochs: vec![FIRST] };
    let KeyOutcome::Made(keys) = first.execute(&derive, &host(&payload), &entropy(3)) else { panic!("keys") };
    first.make_node_key(&counted(0x33)).unwrap();
    let name = Name::new("seat-1").unwrap();
    let certificate = KeyAction::OwnCertificate { roots: grant, cluster, node: NODE, name };
    let KeyOutcome::Chain(chain) = first.execute(&certificate, &host(&payload), &entropy(4)) else {
        panic!("a chain")
    };
    let result = KeyAction::CheckResult { genesis: genesis.clone(), node: NODE, chain };
    assert_eq!(operators.execute(&result, &host(&payload), &entropy(4)), KeyOutcome::Matches);

    // A newcomer, of the same id and disk so that the keys can be compared.
    let csr = newcomer.make_node_key(&counted(0x11)).unwrap();
    let join = ticket::JoinTicket::new(shown(cluster), receiver(csr, Holding::Worker));
    let join = KeyAction::JoinTicket(join);
    let KeyOutcome::Grant(made) = first.execute(&join, &host(&payload), &entropy(6)) else {
        panic!("Grant 2")
    };
    let grant = newcomer.receive(first.release(made.handle).unwrap()).unwrap();
    assert_eq!(keys_of(&newcomer, grant), keys_of(&first, keys));
    let check = |held| KeyAction::CheckTicket { grant, cluster, node: NODE, held };
    let unknown = newcomer.attempt(&check(None), &host(&payload), &entropy(7)).err();
    assert_eq!(unknown, Some(Error::Missing { what: "genesis of that cluster" }));
    newcomer.learn(complete).unwrap();
    let outcome = newcomer.execute(&check(None), &host(&payload), &entropy(7));
    assert_eq!(outcome, KeyOutcome::Policy(tip));
    assert_eq!(newcomer.policies(&cluster).unwrap().tip(), Some(tip));
    assert_eq!(newcomer.execute(&check(Some(tip)), &host(&payload), &entropy(7)), outcome);
    let gone = KeyAction::Forget(grant);
    assert_eq!(newcomer.execute(&gone, &host(&payload), &entropy(7)), KeyOutcome::Matches);
    let refused = newcomer.execute(&check(None), &host(&payload), &entropy(7));
    assert_eq!(refused, KeyOutcome::Refused(crate::error::Code::INTERNAL));
}

/// A service holds what is published once its store has it: a store that refuses leaves the key ring as it was.
#[test]
fn statements_that_go_on_are_checked_and_not_yet_held() {
    let payload = DriverPayload::new(Vec::new()).unwrap();
    let cast = Cast::new(1);
    let cluster = cluster_id_of(&cast.genesis);
    let genesis = genesis_facts(&cast.genesis);
    let mut service = Keyring::new();
    service.learn(cast.genesis.clone()).unwrap();
    let first = policy(cluster);
    service.learn_statements(&cluster, std::slice::from_ref(&first), host(&payload).now).unwrap();
    let held = service.policies(&cluster).unwrap().tip();
    let Ok(Statement::Policy(next)) = Statement::from_payload(&first.payload) else { panic!("a policy") };
    let next = PolicyStatement { epoch: 2, previous: held.unwrap().hash, ..next };
    let next = Draft::signed(&Statement::Policy(next), &operator()).unwrap();
    let check = KeyAction::CheckPolicies { genesis, held, statements: vec![next.to_bytes()] };
    let KeyOutcome::Policy(tip) = service.execute(&check, &host(&payload), &entropy(1)) else {
        panic!("a policy that goes on")
    };
    assert_eq!((tip.epoch, service.policies(&cluster).unwrap().tip()), (2, held));
    service.learn_statements(&cluster, &[next], host(&payload).now).unwrap();
    assert_eq!(service.policies(&cluster).unwrap().tip(), Some(tip));
}

#[test]
fn an_authority_is_that_at_the_end_of_its_chain() {
    let payload = DriverPayload::new(Vec::new()).unwrap();
    let cast = Cast::new(1);
    let genesis = genesis_facts(&cast.genesis);
    let mut node = Keyring::new();
    let check =
        |cluster, statements| KeyAction::CheckAuthority { cluster, genesis: genesis.clone(), statements };
    let outcome =
        node.execute(&check(cast.cluster, vec![cast.statement.to_bytes()]), &host(&payload), &entropy(1));
    let operators = vec![operator().public_key()];
    assert_eq!(outcome, KeyOutcome::Authority { operators, custodians: Vec::new() });
    let other = node.attempt(&check(ClusterId::new([9; 32]), Vec::new()), &host(&payload), &entropy(1));
    assert!(matches!(other, Err(Error::OtherCluster { .. })));
    let refused = node.execute(&check(cast.cluster, vec![vec![1, 2, 3]]), &host(&payload), &entropy(1));
    assert_eq!(refused, KeyOutcome::Refused(crate::error::Code::STATEMENT));
    assert!(node.policies(&cast.cluster).is_none(), "who is believed for one recovery is not learned from");
}

#[test]
fn no_more_clusters_are_known_than_anybody_meets() {
    let mut node = Keyring::new();
    let genesis = Cast::new(1).genesis;
    let created_at = |second| Encoded::new(Genesis { created: at(second), ..genesis.value().clone() });
    for second in 0..64 {
        node.learn(created_at(second)).unwrap();
    }
    assert_eq!(node.learn(created_at(64)).err(), Some(Error::Full { held: 64 }));
    assert!(node.learn(created_at(0)).is_ok(), "one that is known");
}
