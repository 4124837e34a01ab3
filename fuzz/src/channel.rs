//! Two ends of a channel over a symbolic transport, and the network between them, which is the fuzzer's.
//!
//! What a genuine machine signs is the slot that its own channel gave it, so a slot in clear stands for its evidence.

use std::collections::VecDeque;

use bootstrap_core::channel::binding::{Binder, Hellos, Side};
use bootstrap_core::channel::error::Misuse;
use bootstrap_core::channel::evidence::{OwnEvidence, item};
use bootstrap_core::channel::machine::{Input, Judgement, Machine, Output};
use bootstrap_core::channel::session::{ChannelEvent, Session};
use bootstrap_core::channel::terms::{Config, Demand, OneOf, Terms};
use bootstrap_core::channel::tls::Identity;
use bootstrap_core::error::Code;
use bootstrap_core::ids::ClusterId;
use bootstrap_core::peer::{Facts, Peer};
use bootstrap_core::time::Instant;
use bootstrap_core::wire::{
    AuthorClaims, Bounded, Claims, Expected, Flow, FrameKind, Hello, Kind, List, Order, Refusal,
};

use crate::protocol::NOW;

const KIND: &str = "snp";

fn kinds() -> List<Kind, 0, 8> {
    List::new(vec![Kind::new(KIND).expect("a kind")]).unwrap_or_default()
}

fn config(side: Side, order: Order) -> Config {
    let demand = Demand::All(vec![OneOf::Kinds(kinds().to_vec())]);
    let terms = Terms { flow: Flow::Probe, shows: kinds(), accepts: kinds(), demand, order };
    let (nobody, seed) = (Expected::default(), [1 + side as u8; 32]);
    match side {
        Side::Client => Config::client(terms, nobody.clone(), nobody, seed),
        Side::Server => Config::server(vec![terms], nobody.clone(), nobody, seed),
    }
    .expect("terms that fit")
}

/// The exporter of the one session: a function of the side and of both Hellos.
struct Exporter(Side);

impl Binder for Exporter {
    fn export(&self, side: Side, hellos: &Hellos) -> Option<[u8; 32]> {
        Some(hellos.as_bytes().map(|octet| octet ^ side as u8))
    }

    fn own_key(&self) -> Option<[u8; 32]> {
        Some([self.0 as u8; 32])
    }

    fn peer_key(&self) -> Option<[u8; 32]> {
        Some([self.0.other() as u8; 32])
    }
}

/// One end and its honest host.
struct End {
    machine: Machine,
    exporter: Exporter,
    /// Hello and Evidence of each round, as sent and as received.
    sent: Vec<[Vec<u8>; 2]>,
    received: Vec<[Vec<u8>; 2]>,
    opened: bool,
    closed: bool,
    accepted: usize,
    /// Frames that wait to be delivered.
    out: VecDeque<(FrameKind, Vec<u8>)>,
}

fn note(rounds: &mut Vec<[Vec<u8>; 2]>, kind: FrameKind, body: &[u8]) {
    match (kind, rounds.last_mut()) {
        (FrameKind::Hello, _) => rounds.push([body.to_vec(), Vec::new()]),
        (FrameKind::Evidence, Some([_, evidence])) => *evidence = body.to_vec(),
        _ => {}
    }
}

impl End {
    fn new(side: Side, order: Order) -> Self {
        let mut end = Self {
            machine: Machine::new(config(side, order), Instant::from_millis(0)),
            exporter: Exporter(side),
            sent: Vec::new(),
            received: Vec::new(),
            opened: false,
            closed: false,
            accepted: 0,
            out: VecDeque::new(),
        };
        end.feed(Input::Established, 0);
        end
    }

    fn frame(&mut self, kind: FrameKind, body: &[u8], now: u64) {
        note(&mut self.received, kind, body);
        self.feed(Input::Frame(kind, body), now);
    }

    fn feed(&mut self, input: Input<'_>, now: u64) {
        let answer = self.machine.handle(input, Instant::from_millis(now), &self.exporter);
        let outputs = match answer {
            Ok(outputs) => outputs,
            Err(misuse) => return assert!(misuse != Misuse::Ended || self.closed),
        };
        assert!(!self.closed || outputs.is_empty(), "it speaks after its end");
        for output in outputs {
            self.put_out(output, now);
        }
    }

    fn put_out(&mut self, output: Output, now: u64) {
        match output {
            Output::Send(kind, body) => {
                note(&mut self.sent, kind, &body);
                self.out.push_back((kind, body));
            }
            Output::ProduceEvidence(request) => {
                let claims = Claims::Author(AuthorClaims { cluster: ClusterId::new([0xc1; 32]) });
                let claims = claims.encode_bytes().expect("short");
                let slot = request.binding(&claims).slot(0, KIND, b"");
                let items = request.kinds().iter().map(|kind| {
                    item(Bounded::clamped(0), kind.clone(), Vec::new(), slot.as_bytes().to_vec())
                });
                let items = List::new(items.map(|item| item.expect("short")).collect()).unwrap_or_default();
                self.feed(Input::Evidence(OwnEvidence { claims, items, chain: None }), now);
            }
            Output::Judge(request) => {
                let bound = request.items.iter().all(|(item, slot)| item.cmw.as_bytes() == slot.as_bytes());
                self.accepted += usize::from(bound);
                let peer = Peer::symbolic_without_proof(Facts::nothing(u64::MAX));
                let judgement = match bound {
                    true => Judgement::Accepted { peer, until: Instant::from_millis(now + 3_600_000) },
                    false => Judgement::Rejected { code: Code::NOT_BOUND, retry_after: None },
                };
                self.feed(Input::Judged(judgement), now);
            }
            Output::Opened { .. } => {
                assert!(!self.opened && self.accepted == 1, "it opens once, to one that was believed");
                self.opened = true;
            }
            Output::Reopened { claims, .. } => {
                assert!(self.opened && (claims.is_none() || self.accepted > 1))
            }
            Output::TakeMessage => assert!(self.opened, "a message before its time"),
            Output::Closed(_) => {
                assert!(!self.closed);
                self.closed = true;
            }
            _ => {}
        }
    }

    /// Whoever is open has seen what the other end sent, in one round of it.
    fn agrees_with(&self, peer: &Self) {
        if self.machine.is_open() {
            let last = self.received.last().expect("an open channel had a round");
            assert!(peer.sent.contains(last), "it believes what nobody sent");
        }
    }
}

/// Runs a script: two bytes a step, what to do and with what. Whether both ends opened.
///
/// # Panics
/// If an end opens to what its peer did not send, or speaks after its end.
pub fn run(order: u8, script: &[u8]) -> bool {
    let order = [Order::Both, Order::ClientFirst, Order::ServerFirst][usize::from(order % 3)];
    let mut ends = [End::new(Side::Client, order), End::new(Side::Server, order)];
    let mut history: Vec<(FrameKind, Vec<u8>)> = Vec::new();
    let mut now = 1;
    let mut rest = script;
    while let [step, with, more @ ..] = rest {
        rest = more;
        let from = usize::from(step >> 7);
        let (with, to) = (usize::from(*with), 1 - from);
        match step & 0x7f {
            // A frame goes its way: whole, changed, lost.
            what @ 0..=2 => {
                let Some((kind, mut body)) = ends[from].out.pop_front() else { continue };
                history.push((kind, body.clone()));
                if let (1, Some(octet)) = (what, body.get_mut(with / 8)) {
                    *octet ^= 1 << (with % 8);
                }
                if what != 2 {
                    ends[to].frame(kind, &body, now);
                }
            }
            // One of before comes again, at either end.
            3 => {
                if let Some((kind, body)) = history.get(with) {
                    ends[to].frame(*kind, body, now);
                }
            }
            4 => {
                now += u64::try_from(with).unwrap_or_default() * 1_000;
                ends.iter_mut().for_each(|end| end.feed(Input::Tick, now));
            }
            5 => ends[from].feed(Input::Reattest { ask: with % 2 == 1 }, now),
            6 => ends[to].frame(FrameKind::Message, b"", now),
            7 => {
                let refusal = Refusal { code: Code::BUSY, retry_after: None, policy_epoch: None };
                ends[from].feed(Input::Refuse(refusal), now);
            }
            // Bytes that nobody sent.
            other => {
                let kind = FrameKind::ALL[usize::from(other) % FrameKind::ALL.len()];
                let (body, more) = rest.split_at(with.min(rest.len()));
                rest = more;
                ends[to].frame(kind, body, now);
            }
        }
        let [client, server] = &ends;
        client.agrees_with(server);
        server.agrees_with(client);
    }
    ends.iter().all(|end| end.opened)
}

/// Bytes of a stranger into a session, in one piece or two. In which state it is, and whether it ended.
///
/// # Panics
/// If it opens.
pub fn stranger(side: Side, bytes: &[u8], first: usize) -> (&'static str, bool) {
    static IDENTITY: std::sync::LazyLock<Identity> =
        std::sync::LazyLock::new(|| Identity::ephemeral().expect("entropy"));
    let start = Instant::from_millis(0);
    let mut session =
        Session::new(config(side, Order::Both), &IDENTITY, start, *NOW).expect("our own configuration");
    session.transmit();
    let (one, two) = bytes.split_at(first.min(bytes.len()));
    let mut ended = false;
    for piece in [one, two] {
        session.receive(piece, start);
        session.transmit();
        while let event @ (ChannelEvent::Closed(_) | ChannelEvent::Opened { .. } | ChannelEvent::Message(_)) =
            session.poll()
        {
            assert!(matches!(event, ChannelEvent::Closed(_)), "{event:?}");
            ended = true;
        }
    }
    (session.state(), ended)
}

/// Honest runs in every order, with new verdicts; an attacker's steps; a stranger's bytes.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    // Both ends deliver all that they have, some times over.
    let deliver = |times: usize| [0, 0, 0x80, 0].repeat(times);
    let mut seeds = Vec::new();
    for order in 0..3 {
        let honest = deliver(5);
        seeds.push((format!("honest-{order}"), [&[order][..], &honest].concat()));
        let again = [&[order][..], &honest, &[6, 0, 5, 1], &deliver(5), &[0x85, 0], &deliver(5)].concat();
        seeds.push((format!("again-{order}"), again));
    }
    let hello = Hello {
        versions: List::new(vec![1]).unwrap_or_else(|error| panic!("{error}")),
        nonce: [0x11; 32],
        flow: Flow::Probe,
        shows: kinds(),
        accepts: kinds(),
        expects: Expected::default(),
        order: Order::Both,
        clock: None,
    };
    let hello = hello.to_bytes();
    let step = [0, 10, u8::try_from(hello.len()).expect("short")];
    seeds.push(("hello-of-a-stranger".to_owned(), [&step[..], &hello].concat()));
    seeds.push(("changed".to_owned(), [&[0, 0, 0, 0x80, 0, 1, 80][..], &deliver(4)].concat()));
    seeds.push(("lost".to_owned(), [&[1, 0, 0, 2, 0][..], &deliver(4), &[4, 91]].concat()));
    seeds
        .push(("replayed".to_owned(), [&[2][..], &deliver(5), &[3, 0, 0x83, 1, 7, 0], &deliver(2)].concat()));
    let record = |side: u8, bytes: &[u8]| [&[side, 3][..], bytes].concat();
    seeds.push(("tls-alert".to_owned(), record(0x81, b"\x15\x03\x03\0\x02\x02\x28")));
    seeds.push(("tls-client-hello".to_owned(), record(0x81, CLIENT_HELLO)));
    seeds.push(("tls-server-hello".to_owned(), record(0x80, b"\x16\x03\x03\0\x04\x02\0\0\0")));
    seeds
}

/// A ClientHello that names TLS 1.2 only.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\0\x3b\x01\0\0\x37\x03\x03BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\0\0\x02\xc0\x2b\x01\0\0\x0c\0\x0d\0\x08\0\x06\x04\x03\x04\x03\x04\x03";
