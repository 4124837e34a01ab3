//! Peers that do not speak the protocol's TLS, and frames that are none.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore};

use super::*;
use crate::channel::binding::Side;
use crate::channel::error::Error;
use crate::channel::session::{MAX_EVENTS, MAX_WAITING};
use crate::channel::tls::{ALPN, Tls, TlsError};
use crate::error::Code;
use crate::ids::KeyId;
use crate::wire::{Algorithm, Done, FrameKind, Message, Publish, Signature, Signed, StatementPayload};

/// A client of stock rustls, as a proxy or a browser would dial.
fn stock_client(alpn: &[&[u8]]) -> Connection {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("attestrap.invalid").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap().into()
}

fn dial(mut stock: Connection) -> Host {
    let mut server = session(server(terms(true, true, Order::Both), 2), &Identity::ephemeral().unwrap());
    let mut host = Host::new(Some(Guest::new(2)), &node());
    for _ in 0..4 {
        let mut bytes = Vec::new();
        while stock.wants_write() {
            stock.write_tls(&mut bytes).unwrap();
        }
        server.receive(&bytes, at(1));
        loop {
            let event = server.poll();
            if matches!(event, ChannelEvent::Wait(_)) {
                break;
            }
            host.on(&mut server, event, at(1));
        }
        let mut answer = &server.transmit()[..];
        while !answer.is_empty() && stock.read_tls(&mut answer).is_ok() {
            if stock.process_new_packets().is_err() {
                break;
            }
        }
    }
    host
}

#[test]
fn stock_clients_are_refused() {
    for stock in [
        stock_client(&[]),
        stock_client(&[b"h2"]),
        // All right but for the certificate type.
        stock_client(&[ALPN]),
    ] {
        let host = dial(stock);
        let Some(Ended::ByUs(Error::Tls(TlsError::Failed(_)))) = host.closed else {
            panic!("{:?}", host.closed)
        };
        assert!(host.opened.is_empty());
    }
}

#[test]
fn tls_1_2_is_refused() {
    // A ClientHello without the extension that names TLS 1.3 (RFC 8446, 4.2.1), written by hand: rustls here cannot.
    let mut hello = vec![3, 3];
    hello.extend([0x42; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    // signature_algorithms, so that nothing else is missing.
    hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(hello.len()).unwrap();
    let record = [&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
    let mut server = session(server(terms(true, true, Order::Both), 2), &Identity::ephemeral().unwrap());
    server.receive(&record, at(1));
    let ChannelEvent::Closed(Ended::ByUs(error)) = server.poll() else { panic!() };
    assert!(error.to_string().contains("SupportedVersions"), "{error}");
    // A fatal alert, and nothing else is said.
    assert!(matches!(server.transmit()[..], [0x15, 3, 3, 0, 2, 2, _]));
}

/// A client that holds a raw key and speaks TLS 1.3, with what `change` makes of its configuration.
fn odd_client(change: impl FnOnce(&mut ClientConfig)) -> Connection {
    Tls::odd_client(&Identity::ephemeral().unwrap(), change).unwrap()
}

#[test]
fn a_client_without_the_protocol_is_refused_behind_the_handshake() {
    // rustls lets a client pass that names no protocol at all: only the guard behind the handshake sees it.
    let attack = || dial(odd_client(|config| config.alpn_protocols.clear()));
    assert_eq!(attack().closed, Some(Ended::ByUs(TlsError::Alpn(None).into())));
    assert_eq!(guard::without(&[guard::ALPN], attack).closed, None);
    assert_eq!(dial(odd_client(|_| ())).closed, None);
}

#[test]
fn nothing_is_resumed() {
    // A client that would keep tickets gets none, and dials a second time in full.
    let store = Arc::new(rustls::client::ClientSessionMemoryCache::new(8));
    for _ in 0..2 {
        let mut kept = odd_client(|config| {
            config.resumption = rustls::client::Resumption::store(store.clone());
        });
        let identity = Identity::ephemeral().unwrap();
        let mut server = session(server(terms(true, true, Order::Both), 2), &identity);
        for _ in 0..4 {
            let mut bytes = Vec::new();
            while kept.wants_write() {
                kept.write_tls(&mut bytes).unwrap();
            }
            server.receive(&bytes, at(1));
            let mut answer = &server.transmit()[..];
            while !answer.is_empty() {
                kept.read_tls(&mut answer).unwrap();
                kept.process_new_packets().unwrap();
            }
        }
        assert_eq!(kept.handshake_kind(), Some(rustls::HandshakeKind::Full));
        let Connection::Client(kept) = kept else { panic!() };
        assert_eq!(kept.tls13_tickets_received(), 0);
    }
}

/// Two raw transports, one of them of an honest session that has just been established.
fn established() -> (Tls, Session) {
    let mut attacker = Tls::new(&Identity::ephemeral().unwrap(), Side::Client, wall()).unwrap();
    let mut server = session(server(terms(true, true, Order::Both), 2), &Identity::ephemeral().unwrap());
    for _ in 0..3 {
        let mut bytes = Vec::new();
        attacker.transmit(&mut bytes);
        server.receive(&bytes, at(1));
        let answer = server.transmit();
        let mut input = &answer[..];
        while !input.is_empty() {
            attacker.receive(&mut input, &mut Vec::new()).unwrap();
        }
    }
    assert_eq!(server.state(), "C1");
    (attacker, server)
}

fn after(bytes: &[u8]) -> Option<Ended> {
    let (mut attacker, mut server) = established();
    attacker.write(bytes).unwrap();
    let mut sent = Vec::new();
    attacker.transmit(&mut sent);
    server.receive(&sent, at(1));
    if let ChannelEvent::Closed(ended) = server.poll() { Some(ended) } else { None }
}

#[test]
fn frames_that_are_none_end_the_channel() {
    let code = |bytes: &[u8]| after(bytes).map(|ended| ended.code());
    let head = |kind: u8, len: u32| [&[kind][..], &len.to_be_bytes()].concat();
    // The head alone says enough: no body is waited for, and none is allocated.
    for kind in [FrameKind::Hello, FrameKind::Evidence, FrameKind::Verdict, FrameKind::Refusal] {
        let over = u32::try_from(kind.limit()).unwrap() + 1;
        assert_eq!(code(&head(kind.number(), over)), Some(Code::TOO_LARGE), "{kind:?}");
        assert_eq!(code(&head(kind.number(), over - 1)), None, "{kind:?}");
    }
    assert_eq!(code(&head(0x55, 0)), Some(Code::MALFORMED));
    assert_eq!(code(&head(FrameKind::Message.number(), 1)), Some(Code::OUT_OF_ORDER));
    assert_eq!(code(&head(FrameKind::Message.number(), u32::MAX)), Some(Code::OUT_OF_ORDER));
    assert_eq!(code(&head(FrameKind::Hello.number(), 0)), Some(Code::MALFORMED));
}

#[test]
fn bytes_that_are_cut_or_changed_end_the_channel() {
    let mut pair = Pair::mutual(Order::Both);
    pair.run(at(10));
    pair.ends[0].disconnected();
    pair.run(at(20));
    assert_eq!(pair.hosts[0].closed, Some(Ended::ByUs(TlsError::CutOff.into())));

    let mut pair = Pair::mutual(Order::Both);
    pair.run(at(10));
    pair.ends[0].reattest(true, at(20)).unwrap();
    let mut bytes = pair.ends[0].transmit();
    *bytes.last_mut().unwrap() ^= 1;
    pair.ends[1].receive(&bytes, at(20));
    pair.run(at(20));
    assert!(matches!(pair.hosts[1].closed, Some(Ended::ByUs(Error::Tls(TlsError::Failed(_))))));
}

#[test]
fn what_came_before_a_changed_record_counts() {
    let done = Message::Done(Done { code: Code::ACCEPTED, generation: 7 });
    let mut pair = Pair::mutual(Order::Both);
    pair.run(at(10));
    pair.ends[0].send(&done, at(20)).unwrap();
    let mut bytes = pair.ends[0].transmit();
    pair.ends[0].send(&done, at(20)).unwrap();
    bytes.extend(pair.ends[0].transmit());
    *bytes.last_mut().unwrap() ^= 1;
    pair.ends[1].receive(&bytes, at(20));
    pair.run(at(20));
    assert_eq!(pair.hosts[1].messages, 1);
    assert!(matches!(pair.hosts[1].closed, Some(Ended::ByUs(Error::Tls(TlsError::Failed(_))))));
}

/// How many of these messages one end takes while its host is away, before it cuts the other one off.
fn taken_while_away(message: &Message, most: usize) -> usize {
    let mut pair = Pair::mutual(Order::Both);
    pair.run(at(10));
    for _ in 0..most {
        pair.ends[0].send(message, at(20)).unwrap();
        let bytes = pair.ends[0].transmit();
        pair.ends[1].receive(&bytes, at(20));
    }
    pair.run(at(20));
    let host = &pair.hosts[1];
    let fast = matches!(host.closed, Some(Ended::ByUs(Error::TooFast { .. })));
    assert_eq!(fast, host.messages < most, "{:?}", host.closed);
    host.messages
}

#[test]
fn a_peer_that_sends_while_the_host_is_away_is_cut_off() {
    let small = Message::Done(Done { code: Code::ACCEPTED, generation: 7 });
    assert_eq!(taken_while_away(&small, MAX_EVENTS + 2), MAX_EVENTS);
    let payload = StatementPayload::new(vec![0; 100_000]).unwrap();
    let signature = Signature { algorithm: Algorithm::Ed25519, key: KeyId::new([1; 8]), bytes: [0; 64] };
    let signed = Signed { payload, signatures: List::new(vec![signature]).unwrap() };
    let large = Message::Publish(Publish { statements: List::new(vec![signed]).unwrap() });
    let fit = MAX_WAITING / large.to_bytes().len();
    assert_eq!(taken_while_away(&large, fit + 1), fit);
    assert_eq!(taken_while_away(&large, fit), fit);
}

#[test]
fn a_key_of_another_curve_is_no_identity() {
    // A PKCS #8 key of another curve is refused before it can be shown.
    let p384 = p384_key();
    assert!(Identity::from_pkcs8(&p384).is_err());
    assert!(Identity::from_pkcs8(b"").is_err());
}

fn p384_key() -> Vec<u8> {
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};
    let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    key.to_pkcs8v1().unwrap().as_ref().to_vec()
}
