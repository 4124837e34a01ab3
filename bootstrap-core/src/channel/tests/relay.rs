//! An attacker in the middle of real TLS, who holds the private TLS keys of both honest ends and so reads and writes every frame.

use super::*;
use crate::channel::binding::Side;
use crate::channel::guard::Guard;
use crate::channel::tls::Tls;
use crate::error::Code;
use crate::wire::{Frame, FrameKind, FrameReader};

/// What the attacker makes of a frame on its way.
type Edit = fn(from: Side, FrameKind, &[u8]) -> Vec<u8>;

/// Two sessions of the attacker, one with each victim.
struct Middle {
    /// Towards the client, then towards the server: transport, what arrived on it in part, and what waits for the other one.
    legs: [(Tls, FrameReader, Vec<u8>); 2],
    edit: Edit,
}

impl Middle {
    fn new(towards_client: &Identity, towards_server: &Identity, edit: Edit) -> Self {
        let leg = |identity, side| {
            (Tls::new(identity, side, wall()).unwrap(), FrameReader::new(FrameKind::MESSAGE), Vec::new())
        };
        Self { legs: [leg(towards_client, Side::Server), leg(towards_server, Side::Client)], edit }
    }

    /// Bytes of a victim arrive; its frames go to the other leg, edited.
    fn take(&mut self, from: usize, bytes: &[u8]) {
        let (mut input, mut plaintext) = (bytes, Vec::new());
        while !input.is_empty() {
            let (tls, ..) = &mut self.legs[from];
            // A victim that refuses may send an alert: nothing more comes then.
            if tls.receive(&mut input, &mut plaintext).is_err() {
                break;
            }
        }
        let mut rest = &plaintext[..];
        while let Some(frame) = self.legs[from].1.read(&mut rest).unwrap() {
            let side = [Side::Client, Side::Server][from];
            let body = (self.edit)(side, frame.kind, &frame.body).into();
            let bytes = Frame { kind: frame.kind, body }.to_bytes().unwrap();
            self.legs[1 - from].2.extend_from_slice(&bytes);
        }
        for (tls, _, waiting) in &mut self.legs {
            if tls.is_established().unwrap() {
                tls.write(waiting).unwrap();
                waiting.clear();
            }
        }
    }

    fn give(&mut self, to: usize) -> Vec<u8> {
        let mut out = Vec::new();
        self.legs[to].0.transmit(&mut out);
        out
    }
}

/// Runs two honest ends through the middle. Whether any of them opened, and the codes that both ended with.
fn relay(order: Order, keys: [bool; 2], edit: Edit) -> (bool, [Option<u8>; 2]) {
    let identities = [Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap()];
    let [client_key, server_key] = &identities;
    let mut pair = Pair::mutual(order);
    pair.ends = [
        session(client(terms(true, true, order), 1), client_key),
        session(server(terms(true, true, order), 2), server_key),
    ];
    // The key that each leg shows: that of the end which it stands for, where it was stolen.
    let own = Identity::ephemeral().unwrap();
    let shown = |stolen: bool, of| if stolen { of } else { &own };
    let mut middle = Middle::new(shown(keys[1], server_key), shown(keys[0], client_key), edit);
    for _ in 0..40 {
        for end in 0..2 {
            loop {
                let event = pair.ends[end].poll();
                if matches!(event, ChannelEvent::Wait(_)) {
                    break;
                }
                pair.hosts[end].on(&mut pair.ends[end], event, at(10));
            }
            let bytes = pair.ends[end].transmit();
            middle.take(end, &bytes);
        }
        for end in 0..2 {
            let bytes = middle.give(end);
            pair.ends[end].receive(&bytes, at(10));
        }
    }
    let opened = pair.hosts.iter().any(|host| !host.opened.is_empty());
    (opened, [pair.hosts[0].code(), pair.hosts[1].code()])
}

fn unchanged(_: Side, _: FrameKind, body: &[u8]) -> Vec<u8> {
    body.to_vec()
}

/// The attack fails, and succeeds without these guards.
fn stopped_only_by(guards: &'static [Guard], order: Order, keys: [bool; 2], edit: Edit) {
    let (opened, codes) = relay(order, keys, edit);
    assert!(!opened, "{codes:?}");
    assert!(codes.contains(&Some(Code::NOT_BOUND.number())), "{codes:?}");
    let (opened, codes) = guard::without(guards, || relay(order, keys, edit));
    assert!(opened, "without {guards:?}: {codes:?}");
}

#[test]
fn relay_two_sessions() {
    for order in [Order::Both, Order::ClientFirst, Order::ServerFirst] {
        stopped_only_by(&[guard::SLOT], order, [false, false], unchanged);
    }
}

#[test]
fn relay_with_tls_key() {
    // One key, the other, both: the exporter alone still tells the two sessions apart.
    for keys in [[true, false], [false, true], [true, true]] {
        stopped_only_by(&[guard::SLOT], Order::Both, keys, unchanged);
    }
}

#[test]
fn a_relay_that_changes_a_hello_needs_two_guards_away() {
    fn drop_the_clock(from: Side, kind: FrameKind, body: &[u8]) -> Vec<u8> {
        // The nonce of the client's Hello, by one bit.
        let mut body = body.to_vec();
        if from == Side::Client && kind == FrameKind::Hello {
            body[10] ^= 1;
        }
        body
    }
    stopped_only_by(&[guard::SLOT, guard::TRANSCRIPT], Order::Both, [true, true], drop_the_clock);
    let (opened, codes) = guard::without(&[guard::SLOT], || relay(Order::Both, [true, true], drop_the_clock));
    assert!(!opened);
    assert!(codes.contains(&Some(Code::TRANSCRIPT.number())), "{codes:?}");
}
