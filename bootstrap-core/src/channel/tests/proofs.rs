//! Keys and secrets that are proven over a channel's slots: operator, custodian, voucher, init secret, same-node key.

use super::*;
use crate::channel::proof::{BadProof, KEY, MAC, key_companions, key_message, mac_companions};
use crate::error::Code;
use crate::keys::{OperatorKey, SameNodeKey};
use crate::peer::{PublicKey, SameNode, SameNodeClass};

const VOUCHER: [u8; 16] = [0x70; 16];
const INIT: [u8; 16] = [0x71; 16];
/// The secrets that the judge of the tests knows.
pub(super) const KNOWN: [([u8; 16], [u8; 32]); 2] = [(VOUCHER, [0x7a; 32]), (INIT, [0x7b; 32])];

fn operator(seed: u8) -> OperatorKey {
    OperatorKey::from_seed(&Secret::new("seed", &[seed; 32]).unwrap())
}

/// An item that proves `signer` and names `named`, over the slot with this much added to its number.
fn key_item(named: u8, signer: u8, off: u8) -> Box<Show> {
    Box::new(move |binding, number| {
        let companions = key_companions(&operator(named).public_key());
        let slot = binding.slot(number + off, KEY, &companions);
        item_at(number, KEY, &companions, operator(signer).prove(slot.as_bytes()).unwrap().to_vec())
    })
}

fn mac_item(id: [u8; 16], secret: u8, off: u8) -> Box<Show> {
    Box::new(move |binding, number| {
        let companions = mac_companions(&id);
        let slot = binding.slot(number + off, MAC, &companions);
        let secret = Secret::new("secret", &[secret; 32]).unwrap();
        item_at(number, MAC, &companions, secret.prove(slot.as_bytes()).unwrap().to_vec())
    })
}

/// An operator dials a node, which shows first.
fn dial(demands: &[&str], proofs: Vec<Box<Show>>) -> Pair {
    let client = showing(&[KEY, MAC], &[SNP], Order::ServerFirst);
    let mut pair = Pair::new(client, showing(&[SNP], demands, Order::ServerFirst));
    pair.hosts[0].more = proofs;
    pair.run(at(10));
    pair
}

#[test]
fn keys_and_secrets_are_proven_together() {
    let proofs =
        vec![key_item(1, 1, 0), key_item(2, 2, 0), mac_item(VOUCHER, 0x7a, 0), mac_item(INIT, 0x7b, 0)];
    let pair = dial(&[KEY, MAC], proofs);
    pair.assert_open();
    let peer = &pair.hosts[1].opened[0];
    for seed in 1..=3 {
        assert_eq!(peer.proved_key(&operator(seed).public_key()), seed < 3, "operator {seed}");
    }
    assert!(peer.proved_mac(&VOUCHER) && peer.proved_mac(&INIT) && !peer.proved_mac(&[0x72; 16]));
    let facts = peer.facts();
    assert!(!facts.is_attested() && facts.root.is_none() && facts.same_node.is_empty(), "{facts:?}");
}

#[test]
fn a_proof_of_another_key_secret_or_slot_opens_nothing() {
    for (demanded, proof) in [
        (KEY, || key_item(1, 2, 0)),
        (KEY, || key_item(1, 1, 1)),
        (MAC, || mac_item(VOUCHER, 0x7b, 0)),
        (MAC, || mac_item(INIT, 0x7b, 1)),
    ] as [(&str, fn() -> Box<Show>); 4]
    {
        let attack = || dial(&[demanded], vec![proof()]);
        let refused = attack();
        let Some(Disbelief::Proof { kind, why: BadProof::Proof }) = refused.hosts[1].disbelief.take() else {
            panic!("{:?}", refused.hosts[1].closed)
        };
        assert_eq!(kind, demanded);
        for host in &refused.hosts {
            assert!(host.opened.is_empty());
            assert_eq!(host.code(), Some(Code::KEY_PROOF.number()));
        }
        guard::without(&[guard::PROOF], attack).assert_open();
    }
}

#[test]
fn a_secret_that_nobody_knows_proves_nothing() {
    let pair = dial(&[MAC], vec![mac_item([0x72; 16], 0x7a, 0)]);
    let disbelief = pair.hosts[1].disbelief.take();
    let unknown = matches!(disbelief, Some(Disbelief::Proof { why: BadProof::UnknownSecret, .. }));
    assert!(unknown, "{disbelief:?}");
    // The peer learns no more than from a wrong proof.
    assert_eq!(pair.hosts[0].code(), Some(Code::KEY_PROOF.number()));
}

#[test]
fn a_proof_that_is_demanded_and_does_not_come_ends_the_channel() {
    let attack = |shown: fn() -> Vec<Box<Show>>| dial(&[KEY, MAC], shown());
    for shown in [Vec::new as fn() -> Vec<_>, || vec![key_item(1, 1, 0)], || vec![mac_item(INIT, 0x7b, 0)]] {
        assert_eq!(attack(shown).hosts[1].code(), Some(Code::KIND.number()));
        guard::without(&[guard::DEMAND], || attack(shown)).assert_open();
    }
}

/// A guest dials a service with its report, and a key beside it.
fn beside_a_report(item: Box<Show>) -> Vec<SameNode> {
    let client = showing(&[SNP, KEY], &[SNP], Order::Both);
    let mut pair = Pair::new(client, showing(&[SNP], &[SNP, KEY], Order::Both));
    pair.hosts[0].more = vec![item];
    pair.run(at(10));
    pair.assert_open();
    pair.hosts[1].opened[0].facts().same_node.clone()
}

#[test]
fn a_derived_key_beside_a_report_is_a_same_node_proof() {
    let derive = || {
        let firmware = Secret::new("derived key", &[0x60; 32]).unwrap();
        SameNodeKey::derive(&ClusterId::new([0xc1; 32]), &firmware, None).unwrap()
    };
    let proven = beside_a_report(Box::new(move |binding, number| {
        let companions = key_companions(&derive().public_key());
        let slot = binding.slot(number, KEY, &companions);
        item_at(number, KEY, &companions, derive().prove(slot.as_bytes()).unwrap().to_vec())
    }));
    let enrolled = SameNode { class: SameNodeClass::SnpKey, id: derive().public_key().as_bytes().to_vec() };
    assert_eq!(proven.len(), 2, "the chip and the key");
    assert!(proven.contains(&enrolled));
}

#[test]
fn a_key_that_no_firmware_derives_is_no_same_node_proof() {
    use p256::ecdsa::signature::Signer as _;
    let proven = beside_a_report(Box::new(|binding, number| {
        let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
        let public = PublicKey::new(2, key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
        let companions = key_companions(&public);
        let slot = binding.slot(number, KEY, &companions);
        let proof: p256::ecdsa::Signature = key.sign(&key_message(&slot).unwrap());
        item_at(number, KEY, &companions, proof.to_bytes().to_vec())
    }));
    assert!(proven.iter().all(|proof| proof.class == SameNodeClass::Platform), "{proven:?}");
}
