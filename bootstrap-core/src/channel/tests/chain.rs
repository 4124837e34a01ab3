//! A cluster's member shows its certificate: the chain holds, and its leaf has the key of TLS.

use super::*;
use crate::channel::error::Error;
use crate::error::Code;
use crate::ids::{KeyEpoch, Role};
use crate::keys::tests::{NODE, counted, salt};
use crate::keys::{
    CertificateFault, CheckedCsr, ClusterCa, KeyError, MasterSecret, NodeKey, Terms as Issued,
};
use crate::peer::Member;

const CLUSTER: ClusterId = ClusterId::new([0xc1; 32]);

fn authority(master: u8) -> ClusterCa {
    let master = Secret::new("master secret", &[master; 32]).unwrap();
    let master = MasterSecret::new(master, salt(), KeyEpoch::FIRST);
    master.identity_root().unwrap().cluster_ca().unwrap()
}

/// The cluster that the judge of the tests knows.
pub(super) fn known() -> (ClusterId, Vec<ClusterCaKey>) {
    let spki = authority(1).spki().unwrap();
    (CLUSTER, vec![ClusterCaKey::new(KeyEpoch::FIRST, &spki).unwrap()])
}

fn node_key() -> NodeKey {
    NodeKey::make(&counted(0x11)).unwrap()
}

fn certificate(authority: &ClusterCa, not_after: u64) -> List<Der, 1, 4> {
    let request = CheckedCsr::check(&node_key().request().unwrap()).unwrap();
    let terms = Issued {
        cluster: CLUSTER,
        node: NODE,
        role: Role::Seat,
        name: "seat-1",
        addresses: &[],
        policy_epoch: 3,
        generation: 5,
        not_before: not_after - 1000,
        not_after,
        longest_life: 1000,
    };
    let der = authority.issue(&request, &terms, [7; 16]).unwrap();
    List::new(vec![Der::new(der).unwrap()]).unwrap()
}

/// A member that serves, dialled by one that demands evidence and a chain.
fn served(identity: &Identity, chain: Option<List<Der, 1, 4>>) -> Pair {
    let mut asks = terms(true, true, Order::Both);
    let Demand::All(demands) = &mut asks.demand else { panic!() };
    demands.push(OneOf::Chain);
    let mut pair = Pair::with_server(asks, terms(true, true, Order::Both), identity);
    pair.hosts[1].chain = chain;
    pair.run(at(10));
    pair
}

fn own() -> Identity {
    Identity::from_pkcs8(&node_key().to_pkcs8().unwrap()).unwrap()
}

fn soon() -> u64 {
    wall().as_secs() + 300
}

#[test]
fn a_member_is_believed_as_long_as_its_certificate() {
    let pair = served(&own(), Some(certificate(&authority(1), soon())));
    pair.assert_open();
    let facts = pair.hosts[0].opened[0].facts();
    let member = Member {
        cluster: CLUSTER,
        node: NODE,
        role: Role::Seat,
        ca_epoch: KeyEpoch::FIRST,
        policy_epoch: 3,
        generation: 5,
        name: "seat-1".to_owned(),
        not_after: soon(),
    };
    assert_eq!(facts.member, Some(member));
    assert!(facts.is_attested());
    assert_eq!(facts.valid_until, soon() + 1, "its last second counts");
    assert_eq!(pair.hosts[1].opened[0].facts().member, None);
}

#[test]
fn a_chain_whose_leaf_has_another_key_is_refused() {
    let attack = || served(&Identity::ephemeral().unwrap(), Some(certificate(&authority(1), soon())));
    let refused = attack();
    assert_eq!(refused.hosts[0].closed, Some(Ended::ByUs(Error::ChainKey)));
    assert_eq!(refused.hosts[1].code(), Some(Code::NOT_BOUND.number()));
    // Without the guard the thief of a certificate is that member.
    let opened = guard::without(&[guard::CHAIN_KEY], attack);
    opened.assert_open();
    assert!(opened.hosts[0].opened[0].facts().member.is_some());
}

#[test]
fn a_chain_of_a_stranger_or_of_yesterday_is_refused() {
    let fault = |chain| {
        let pair = served(&own(), Some(chain));
        assert!(pair.hosts[0].opened.is_empty());
        assert_eq!(pair.hosts[1].code(), Some(Code::NO_MEMBER.number()));
        match pair.hosts[0].disbelief.take() {
            Some(Disbelief::Chain(KeyError::Certificate(fault))) => fault,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fault(certificate(&authority(2), soon())), CertificateFault::Signature);
    let ended = fault(certificate(&authority(1), wall().as_secs() - 1));
    assert!(matches!(ended, CertificateFault::Validity { .. }), "{ended}");
}

#[test]
fn a_chain_that_is_demanded_and_does_not_come_ends_the_channel() {
    let attack = || served(&own(), None);
    assert_eq!(attack().hosts[0].closed, Some(Ended::ByUs(Error::Demand("a certificate chain"))));
    guard::without(&[guard::DEMAND], attack).assert_open();
}

#[test]
fn a_chain_is_refused_where_no_cluster_is_known() {
    let world = World { cluster: None, ..World::new() };
    let request = JudgeRequest {
        flow: Flow::Probe,
        side: crate::channel::binding::Side::Client,
        items: Vec::new(),
        claims: author().encode_bytes().unwrap(),
        chain: Some(certificate(&authority(1), soon())),
    };
    let refused = world.judge(&request).unwrap_err();
    assert!(matches!(refused, Disbelief::ChainUnasked), "{refused}");
    assert!(World::new().judge(&request).is_ok());
}
