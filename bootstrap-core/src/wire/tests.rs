//! The samples of protocol section 4, byte for byte.

use super::*;
use crate::error::Code;
use crate::ids::{ClusterId, NodeId, Role};

/// The cluster id of the vectors of section 2.
pub(crate) const CLUSTER: &str = "f0a21ab96d68be00145ca4063edba503bded8af906e6e3c64c583fc56edeb8fd";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn cluster() -> ClusterId {
    ClusterId::from_hex(CLUSTER).unwrap()
}

fn node() -> NodeId {
    NodeId::new(core::array::from_fn(|i| 0x40 + u8::try_from(i).unwrap()))
}

#[test]
fn the_hello_of_the_protocol() {
    let bytes = hex(
        "a700810101582011111111111111111111111111111111111111111111111111111111111111110202038163736e70048163736e7005a1005820f0a2\
         1ab96d68be00145ca4063edba503bded8af906e6e3c64c583fc56edeb8fd0600",
    );
    assert_eq!(bytes.len(), 92);
    let snp = || List::new(vec![Kind::new("snp").unwrap()]).unwrap();
    let hello = Hello {
        versions: List::new(vec![1]).unwrap(),
        nonce: [0x11; 32],
        flow: Flow::Join,
        shows: snp(),
        accepts: snp(),
        expects: Expected { cluster: Some(cluster()), ..Expected::default() },
        order: Order::Both,
        clock: None,
    };
    assert_eq!(hello.to_bytes(), bytes);
    assert_eq!(Hello::from_bytes(&bytes), Ok(hello));
}

#[test]
fn the_messages_of_the_protocol() {
    let offer = Offer {
        cluster: cluster(),
        node: node(),
        role: Role::Worker,
        name: Name::new("worker-7").unwrap(),
        policy_epoch: 1,
        proof: LockProof::Claim,
        generation: 1,
    };
    let locked = Locked { cluster: cluster(), class: LockClass::Software, genesis: None };
    for (message, bytes) in [
        (
            Message::Offer(offer),
            format!(
                "8201a7005820{CLUSTER}0150404142434445464748494a4b4c4d4e4f02010368776f726b65722d37040105000601"
            ),
        ),
        (Message::Locked(locked), format!("8202a2005820{CLUSTER}0101")),
        (Message::Done(Done { code: Code::ACCEPTED, generation: 1 }), "8204a200000101".to_owned()),
    ] {
        let bytes = hex(&bytes);
        assert_eq!(*message.to_bytes(), bytes);
        assert!(Message::from_bytes(&bytes) == Ok(message));
    }
    let refusal =
        Refusal { code: Code::BUSY, retry_after: Some(Bounded::clamped(1500)), policy_epoch: Some(7) };
    let bytes = hex("a3001828011905dc0207");
    assert_eq!(refusal.to_bytes(), bytes);
    assert_eq!(Refusal::from_bytes(&bytes), Ok(refusal));
}

#[test]
fn a_genesis_has_one_ca_key() {
    let genesis = Genesis {
        salt: [1; 32],
        ca: CaKey::new(vec![1]).unwrap(),
        authority: Authority {
            operators: List::new(vec![crate::keys::PublicKey::Ed25519([1; 32])]).unwrap(),
            threshold: Bounded::new(1).unwrap(),
            custodians: List::default(),
        },
        created: attest_core::UnixTime::since_unix_epoch(core::time::Duration::from_secs(1)),
        data_check: None,
        name: None,
    };
    let request = GenesisRequest::from(genesis.clone());
    assert_eq!(request.complete(genesis.ca.clone()), Some(genesis));
    assert_eq!(request.complete(CaKey::new(vec![2]).unwrap()), None);
}
