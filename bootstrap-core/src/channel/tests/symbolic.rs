//! The machine over a symbolic transport, with symbolic evidence: what a genuine machine signs is the slot that its own
//! channel gave it, so a slot in clear stands for its evidence, and nobody can make one for another session.

use sha2::{Digest, Sha256};

use super::*;
use crate::channel::binding::{Binder, Hellos, Side};
use crate::channel::guard::{self, Guard, holds};
use crate::channel::machine::{Input, Machine, Output};
use crate::error::Code;
use crate::peer::Facts;
use crate::wire::FrameKind;

/// The ends of a session share its number; the exporter is a function of that.
pub(super) struct Sym {
    pub(super) session: u8,
    pub(super) own: [u8; 32],
    pub(super) peer: [u8; 32],
}

impl Binder for Sym {
    fn export(&self, side: Side, hellos: &Hellos) -> Option<[u8; 32]> {
        let hash = Sha256::new_with_prefix(side.exporter_label());
        Some(hash.chain_update([self.session]).chain_update(hellos.as_bytes()).finalize().into())
    }

    fn own_key(&self) -> Option<[u8; 32]> {
        Some(self.own)
    }

    fn peer_key(&self) -> Option<[u8; 32]> {
        Some(self.peer)
    }
}

pub(super) const CLIENT_KEY: [u8; 32] = [0xaa; 32];
pub(super) const SERVER_KEY: [u8; 32] = [0xbb; 32];

/// One end with its host.
pub(super) struct End {
    pub(super) machine: Machine,
    pub(super) binder: Sym,
    pub(super) claims: EncodedClaims,
    pub(super) sent: Vec<(FrameKind, Vec<u8>)>,
    pub(super) opened: bool,
    pub(super) messages: usize,
    pub(super) ended: Option<Ended>,
    /// Whether the host answers at all.
    pub(super) silent: bool,
}

impl End {
    pub(super) fn new(config: Config, session: u8) -> Self {
        let side = config.side;
        let keys = [CLIENT_KEY, SERVER_KEY];
        let [own, peer] = if side == Side::Client { keys } else { [SERVER_KEY, CLIENT_KEY] };
        let claims = if side == Side::Client { author() } else { node() };
        let mut end = Self {
            machine: Machine::new(config, at(0)),
            binder: Sym { session, own, peer },
            claims: claims.encode_bytes().unwrap(),
            sent: Vec::new(),
            opened: false,
            messages: 0,
            ended: None,
            silent: false,
        };
        end.feed(Input::Established, at(0));
        end
    }

    pub(super) fn client(session: u8) -> Self {
        Self::new(client(terms(true, true, Order::Both), session), session)
    }

    pub(super) fn server(session: u8) -> Self {
        Self::new(server(terms(true, true, Order::Both), session ^ 0x80), session)
    }

    pub(super) fn feed(&mut self, input: Input<'_>, now: Instant) {
        for output in self.machine.handle(input, now, &self.binder).unwrap_or_default() {
            match output {
                Output::Send(kind, body) => self.sent.push((kind, body)),
                Output::ProduceEvidence(request) if !self.silent => {
                    let slot = request.binding(&self.claims).slot(0, SNP, b"");
                    let items = vec![symbolic(slot.as_bytes())];
                    let items = if request.kinds().is_empty() { Vec::new() } else { items };
                    let items = List::new(items).unwrap();
                    let claims = self.claims.clone();
                    self.feed(Input::Evidence(OwnEvidence { claims, items, chain: None }), now);
                }
                Output::Judge(request) if !self.silent => {
                    let bound = |(item, slot): &(Item, _)| {
                        let slot: &super::super::binding::Slot = slot;
                        holds(guard::SLOT, item.cmw.as_bytes() == slot.as_bytes())
                    };
                    let judgement = match request.items.iter().all(bound) {
                        true => Judgement::Accepted {
                            peer: Peer::symbolic_without_proof(Facts::nothing(u64::MAX)),
                            until: at(u64::MAX),
                        },
                        false => Judgement::Rejected { code: Code::NOT_BOUND, retry_after: None },
                    };
                    self.feed(Input::Judged(judgement), now);
                }
                Output::Opened { .. } => self.opened = true,
                Output::TakeMessage => self.messages += 1,
                Output::Closed(ended) => self.ended = Some(ended),
                Output::ProduceEvidence(_) | Output::Judge(_) | Output::Reopened { .. } => {}
            }
        }
    }

    pub(super) fn frame(&mut self, kind: FrameKind, body: &[u8]) {
        self.feed(Input::Frame(kind, body), at(1));
    }

    pub(super) fn code(&self) -> Option<u8> {
        self.ended.as_ref().map(|ended| ended.code().number())
    }

    pub(super) fn error(&self) -> String {
        match &self.ended {
            Some(Ended::ByUs(error)) => error.to_string(),
            other => format!("{other:?}"),
        }
    }
}

pub(super) fn symbolic(slot: &[u8]) -> Item {
    item(Bounded::clamped(0), kind(SNP), Vec::new(), slot.to_vec()).unwrap()
}

/// Moves frames between two ends; `edit` sees each, with the side that sent it.
pub(super) fn talk(
    client: &mut End,
    server: &mut End,
    mut edit: impl FnMut(Side, FrameKind, Vec<u8>) -> Vec<u8>,
) {
    loop {
        let (up, down) = (std::mem::take(&mut client.sent), std::mem::take(&mut server.sent));
        if up.is_empty() && down.is_empty() {
            return;
        }
        for (kind, body) in up {
            server.frame(kind, &edit(Side::Client, kind, body));
        }
        for (kind, body) in down {
            client.frame(kind, &edit(Side::Server, kind, body));
        }
    }
}

/// `attack` says whether it succeeded: it must not, and must without these guards.
pub(super) fn stopped_only_by(guards: &'static [Guard], attack: impl Fn() -> bool) {
    assert!(!attack(), "the attack succeeds");
    assert!(guard::without(guards, attack), "{guards:?} stop nothing");
}

pub(super) fn opened() -> (End, End) {
    let (mut client, mut server) = (End::client(1), End::server(1));
    talk(&mut client, &mut server, |_, _, body| body);
    assert!(client.opened && server.opened, "{:?} {:?}", client.ended, server.ended);
    (client, server)
}
