//! The attested channel as machines see it: both ends show, both judge, and then messages flow.
//!
//! It stands for C0 to C5 of protocol section 5, with invariant I5 as its contract: who a channel is opened to, is who is at its other
//! end. That the real channel keeps this is the work of its own tests.

use crate::error::Code;
use crate::machine::message::Flow;
use crate::machine::{ActionId, ChannelId, Claims, Input, Message, Opened, Outcome};
use crate::peer::{Facts, Peer};

use super::clock::Time;
use super::host::{HostId, Shown};
use super::lie::{Liar, relabelled};
use super::net::Fate;
use super::ring::Grant;
use super::trace::{ConnectionId, What};
use super::world::{Event, World};

/// The end that dialled, and the one that was dialled.
pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;
/// How long a dial to a host that is not there takes to fail, in microseconds.
const NO_ANSWER: u64 = 3_000_000;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) flow: Flow,
    /// Whether the server's admission counts it as half open.
    pub(super) half_open: bool,
    /// By which action of which machine it was dialled, until that is answered.
    dialled: Option<(u32, ActionId)>,
    ends: [End; 2],
}

#[derive(Debug)]
struct End {
    host: HostId,
    life: u32,
    slot: u32,
    channel: ChannelId,
    /// When the last piece arrives that this end sent.
    behind: Time,
    stage: Stage,
    /// What the peer asked for, with what it proved, until the channel is open.
    peer: Option<Box<(Facts, Claims)>>,
    /// Whether the peer's "accepted" is here.
    verdict: bool,
    /// New evidence is on its way: what is sent now waits for its verdict.
    renewing: bool,
    waiting: Vec<Piece>,
    liar: Option<Box<Liar>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opening,
    Open,
    Gone,
}

/// What goes over a stream.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// A wish to show again, and the nonce for it.
    Hello {
        answer: bool,
    },
    Evidence {
        shown: Box<Shown>,
        again: bool,
    },
    Accepted {
        again: bool,
    },
    Message(Message, Option<Box<Grant>>),
    /// A refusal, or, with no code, the end of the stream.
    Refusal(Code, u32),
}

impl World {
    /// `Action::Dial`.
    pub(super) fn dial(&mut self, id: HostId, slot: u32, action: ActionId, endpoint: u16, flow: Flow) {
        let now = self.now();
        let number = self.next_connection;
        let Some(host) = self.host_mut(id) else { return };
        let life = host.life;
        let target = host.endpoints.get(usize::from(endpoint)).copied();
        let channel = host.fresh_channel();
        let client = End::new(id, life, slot, channel);
        let Some(target) = target else {
            return self.queue.put(now, Event::Answer { host: id, life, slot, id: action, channel: None });
        };
        let connection = ConnectionId::new(number);
        self.next_connection = number.wrapping_add(1);
        self.record(id, What::Dialled(connection, target, flow));
        match self.net.carry(&self.plan, id, target, now, now) {
            Fate::Arrives(at) => {
                let server = End::new(target, 0, 0, ChannelId::new(0));
                let ends = [client, server];
                self.connections.insert(
                    connection,
                    Connection { flow, half_open: false, dialled: Some((slot, action)), ends },
                );
                if let Some(host) = self.host_mut(id) {
                    host.channels.insert(channel, connection);
                }
                self.queue.put(at, Event::Arrive { connection });
                if self.net.duplicates(&self.plan) {
                    self.queue.put(at.after(1), Event::Arrive { connection });
                }
            }
            Fate::Broken(at) => {
                self.queue.put(at, Event::Answer { host: id, life, slot, id: action, channel: None });
            }
        }
    }

    /// A dial is at its target.
    pub(super) fn arrive(&mut self, connection: ConnectionId) {
        let now = self.now();
        let Some(at) = self.connections.get(&connection) else { return };
        let (flow, Some((slot, action))) = (at.flow, at.dialled) else { return };
        let [client, server] = &at.ends;
        // The second copy of a dial finds the channel there.
        if server.channel != ChannelId::new(0) {
            return;
        }
        let (from, life, to, channel) = (client.host, client.life, server.host, client.channel);
        let serves = self.host(to).is_some_and(|host| host.up && host.program.serves(host, flow));
        if !serves {
            let is_up = self.host(to).is_some_and(super::host::Host::is_up);
            self.connections.remove(&connection);
            if let Some(host) = self.host_mut(from) {
                host.channels.remove(&channel);
            }
            let answer = Event::Answer { host: from, life, slot, id: action, channel: None };
            return self.queue.put(now.after(if is_up { 1_000 } else { NO_ANSWER }), answer);
        }
        if !self.accepts(to, from) {
            let answer = Event::Answer { host: from, life, slot, id: action, channel: None };
            self.connections.remove(&connection);
            if let Some(host) = self.host_mut(from) {
                host.channels.remove(&channel);
            }
            return self.queue.put(now.after(1_000), answer);
        }
        let Some(host) = self.host_mut(to) else { return };
        let (life_of_server, own) = (host.life, host.fresh_channel());
        host.channels.insert(own, connection);
        let serving = self.serve(to, flow, own);
        if let Some(at) = self.connections.get_mut(&connection) {
            let [_, server] = &mut at.ends;
            (server.life, server.slot, server.channel) = (life_of_server, serving, own);
            at.half_open = true;
        }
        match self.net.carry(&self.plan, to, from, now, now) {
            Fate::Broken(at) => self.queue.put(at, Event::Break { connection }),
            Fate::Arrives(at) => {
                let answer = Event::Answer { host: from, life, slot, id: action, channel: Some(channel) };
                self.queue.put(at, answer);
                if let Some(server) = self.end_mut(connection, SERVER) {
                    server.behind = at;
                }
            }
        }
        self.make(connection, SERVER, false);
    }

    /// The dial's answer is here: TLS stands.
    pub(super) fn dialled(&mut self, host: HostId, slot: u32, id: ActionId, channel: Option<ChannelId>) {
        let found =
            channel.filter(|channel| self.host(host).is_some_and(|host| host.channels.contains_key(channel)));
        match found {
            None => self.tell(host, slot, Input::Done(id, Outcome::Failed)),
            Some(channel) => {
                let connection = self.connection_of(host, channel);
                if let Some(at) = connection.and_then(|connection| self.connections.get_mut(&connection)) {
                    at.dialled = None;
                }
                self.tell(host, slot, Input::Done(id, Outcome::Dialled(channel)));
                if let Some(connection) = connection {
                    self.make(connection, CLIENT, false);
                }
            }
        }
    }

    /// Asks for evidence.
    fn make(&mut self, connection: ConnectionId, side: usize, again: bool) {
        let now = self.now();
        let Some(end) = self.end(connection, side) else { return };
        let Some(host) = self.host_mut(end.host) else { return };
        // Whoever has no TEE signs, which takes no time that counts.
        let ready = if host.identity.image.is_some() { host.maker.ready(now) } else { now };
        self.queue.put(ready, Event::Made { connection, side, again });
    }

    /// Evidence is made: it says how things are now.
    pub(super) fn made(&mut self, connection: ConnectionId, side: usize, again: bool) {
        let valid_until = self.valid_until();
        let Some(at) = self.connections.get(&connection) else { return };
        let flow = at.flow;
        let Some(end) = at.ends.get(side).filter(|end| end.stage != Stage::Gone) else { return };
        let Some(host) = self.host(end.host).filter(|host| host.up && host.life == end.life) else { return };
        let store = host.cluster().and_then(|cluster| self.stores.get(&cluster));
        match host.shows(flow, side == CLIENT, store, valid_until) {
            Some(shown) => self.put(connection, side, Piece::Evidence { shown: Box::new(shown), again }),
            None => self.hang_up(connection, side, Code::NOT_SERVED, 0),
        }
    }

    /// A piece arrives.
    pub(super) fn piece(&mut self, connection: ConnectionId, side: usize, piece: Piece) {
        let now = self.now();
        let Some(end) = self.end(connection, side).filter(|end| end.stage != Stage::Gone) else { return };
        let (id, life, slot, channel) = (end.host, end.life, end.slot, end.channel);
        if !self.lives(id, life) {
            return;
        }
        match piece {
            Piece::Hello { answer: false } => self.put(connection, side, Piece::Hello { answer: true }),
            Piece::Hello { answer: true } => self.make(connection, side, true),
            Piece::Evidence { .. } if side == SERVER && self.is_gated(id) => {
                self.enter(id, connection, piece)
            }
            Piece::Evidence { .. } => {
                let slow = self.entropy.within(&self.plan.collateral);
                let Some(host) = self.host_mut(id) else { return };
                let ready = host.cpu.ready(now).after(slow);
                let piece = Box::new(piece);
                self.queue.put(ready, Event::Judge { connection, side, piece, gate: None });
            }
            Piece::Accepted { again } => {
                if let Some(end) = self.end_mut(connection, side) {
                    if again {
                        end.renewing = false;
                        for piece in core::mem::take(&mut end.waiting) {
                            self.put(connection, side, piece);
                        }
                    } else {
                        end.verdict = true;
                        self.open(connection, side);
                    }
                }
            }
            Piece::Message(message, grant) => {
                let peer = self.peer_of(connection, side);
                self.record(id, What::Received(connection, peer, message.clone()));
                let message = match (message, grant) {
                    (Message::Grant(_), Some(grant)) => {
                        let Some(host) = self.host_mut(id) else { return };
                        Message::Grant(host.ring.receive(*grant))
                    }
                    (message, _) => message,
                };
                self.overhear(id, connection, side, &message);
                self.tell(id, slot, Input::Message(channel, message));
            }
            Piece::Refusal(code, retry) => self.closed(connection, side, code, retry),
        }
    }

    /// What the other end showed is judged.
    ///
    /// Whether it was refused: of a channel that is gone, nothing was.
    pub(super) fn judge(&mut self, connection: ConnectionId, side: usize, piece: Piece) -> bool {
        let Piece::Evidence { shown, again } = piece else { return false };
        let Some(end) = self.end(connection, side).filter(|end| end.stage != Stage::Gone) else {
            return false;
        };
        let (id, life, slot, channel) = (end.host, end.life, end.slot, end.channel);
        let lacks = self.entropy.happens(self.plan.no_collateral);
        let peer = self.peer_of(connection, side);
        let Some(host) = self.host(id).filter(|host| host.up && host.life == life) else { return false };
        let store = host.cluster().and_then(|cluster| self.stores.get(&cluster));
        let judged =
            if lacks && shown.image.is_some() { Err(Code::COLLATERAL) } else { host.judges(&shown, store) };
        let facts = match judged {
            Ok(facts) => facts,
            Err(code) => {
                self.record(id, What::NotBelieved(connection, peer, code));
                self.hang_up(connection, side, code, 0);
                return true;
            }
        };
        let believed = What::Believed { connection, peer, facts: Box::new(facts.clone()), again };
        self.record(id, believed);
        if let (Claims::Service(claims), Some(host)) = (&shown.claims, self.host_mut(id)) {
            // The genesis hashes to the cluster id, so whoever said it is nobody to be believed.
            host.memory.genesis.get_or_insert_with(|| claims.genesis.clone());
        }
        self.put(connection, side, Piece::Accepted { again });
        if again {
            let peer = Peer::symbolic_without_proof(facts);
            self.tell(id, slot, Input::Reopened(channel, Box::new(peer)));
            return false;
        }
        if let Some(end) = self.end_mut(connection, side) {
            end.peer = Some(Box::new((facts, shown.claims)));
        }
        self.open(connection, side);
        false
    }

    /// Both verdicts are in: the channel stands for this end.
    fn open(&mut self, connection: ConnectionId, side: usize) {
        let Some(at) = self.connections.get_mut(&connection) else { return };
        let flow = at.flow;
        let Some(end) = at.ends.get_mut(side) else { return };
        if end.stage != Stage::Opening || !end.verdict {
            return;
        }
        let Some(shown) = end.peer.take() else { return };
        end.stage = Stage::Open;
        self.settled(connection, side);
        let Some(end) = self.end(connection, side) else { return };
        let (id, slot, channel) = (end.host, end.slot, end.channel);
        let peer = self.peer_of(connection, side);
        self.record(id, What::Opened(connection, peer, flow));
        let (facts, claims) = *shown;
        if let (Claims::Init(claims), Some(host)) = (&claims, self.host_mut(id)) {
            host.memory.first_policy.clone_from(&claims.policy);
            host.memory.genesis = Some(claims.genesis.clone());
        }
        let opened = Opened { channel, peer: Peer::symbolic_without_proof(facts), claims };
        self.tell(id, slot, Input::Opened(Box::new(opened)));
    }

    /// `Output::Send`.
    pub(super) fn send(&mut self, id: HostId, channel: ChannelId, message: Message) {
        let Some((connection, side)) = self.side_of(id, channel) else { return };
        let open = self.end(connection, side).is_some_and(|end| end.stage == Stage::Open);
        if !open {
            return;
        }
        let grant = match (&message, self.host_mut(id)) {
            (Message::Grant(grant), Some(host)) => host.ring.send(grant.handle).map(Box::new),
            _ => None,
        };
        let relabels = self.host(id).and_then(|host| host.relabels);
        let (message, grant) = match relabels {
            Some(node) => relabelled(node, message, grant),
            None => (message, grant),
        };
        for (message, grant) in self.as_told(id, connection, side, message, grant) {
            let peer = self.peer_of(connection, side);
            self.record(id, What::Sent(connection, peer, message.clone()));
            let piece = Piece::Message(message, grant);
            let Some(end) = self.end_mut(connection, side) else { return };
            if end.renewing {
                end.waiting.push(piece);
            } else {
                self.put(connection, side, piece);
            }
        }
    }

    /// `Output::Refuse`.
    pub(super) fn refuse(&mut self, id: HostId, channel: ChannelId, code: Code) {
        let Some((connection, side)) = self.side_of(id, channel) else { return };
        let peer = self.peer_of(connection, side);
        self.record(id, What::Refused(connection, peer, code));
        self.put(connection, side, Piece::Refusal(code, 0));
    }

    /// `Action::Close`.
    pub(super) fn close(&mut self, id: HostId, channel: ChannelId, code: Code, retry: u32) {
        let Some((connection, side)) = self.side_of(id, channel) else { return };
        if !code.is_accepted() {
            let peer = self.peer_of(connection, side);
            self.record(id, What::Refused(connection, peer, code));
        }
        self.put(connection, side, Piece::Refusal(code, retry));
        self.forget(connection, side);
    }

    /// `Action::Reattest`.
    pub(super) fn reattest(&mut self, id: HostId, channel: ChannelId) {
        let Some((connection, side)) = self.side_of(id, channel) else { return };
        if let Some(end) = self.end_mut(connection, side).filter(|end| end.stage == Stage::Open) {
            end.renewing = true;
            self.put(connection, side, Piece::Hello { answer: false });
        }
    }

    /// The stream broke: neither end hears another word.
    pub(super) fn broke(&mut self, connection: ConnectionId) {
        let dialled = self.connections.get_mut(&connection).and_then(|at| {
            let [client, _] = &mut at.ends;
            let dialled = at.dialled.take()?;
            client.stage = Stage::Gone;
            Some((client.host, client.life, client.channel, dialled))
        });
        if let Some((host, life, channel, (slot, id))) = dialled {
            if let Some(host) = self.host_mut(host) {
                host.channels.remove(&channel);
            }
            if self.lives(host, life) {
                self.tell(host, slot, Input::Done(id, Outcome::Failed));
            }
        }
        for side in [CLIENT, SERVER] {
            self.closed(connection, side, Code::ACCEPTED, 0);
        }
        self.connections.remove(&connection);
    }

    /// All channels of a host that starts again, or whose process is gone.
    pub(super) fn drop_channels(&mut self, id: HostId) {
        let now = self.now();
        let Some(host) = self.host_mut(id) else { return };
        for connection in core::mem::take(&mut host.channels).into_values() {
            self.queue.put(now.after(1_000), Event::Break { connection });
        }
    }

    /// The channel's own refusal: the machine never had it, or is told that it is gone.
    pub(super) fn hang_up(&mut self, connection: ConnectionId, side: usize, code: Code, retry: u32) {
        self.put(connection, side, Piece::Refusal(code, retry));
        self.closed(connection, side, code, 0);
    }

    /// The end is gone, and its machine is told.
    fn closed(&mut self, connection: ConnectionId, side: usize, code: Code, retry: u32) {
        let Some(end) = self.end(connection, side).filter(|end| end.stage != Stage::Gone) else { return };
        let (id, life, slot, channel) = (end.host, end.life, end.slot, end.channel);
        self.put(connection, side, Piece::Refusal(Code::ACCEPTED, 0));
        self.forget(connection, side);
        if channel != ChannelId::new(0) && self.lives(id, life) {
            self.record(id, What::Closed(connection, code));
            self.tell(id, slot, Input::Closed(channel, code, retry));
            self.retire(id, slot);
        }
    }

    fn forget(&mut self, connection: ConnectionId, side: usize) {
        self.settled(connection, side);
        let Some(end) = self.end_mut(connection, side) else { return };
        end.stage = Stage::Gone;
        end.waiting = Vec::new();
        let (id, slot, channel) = (end.host, end.slot, end.channel);
        if let Some(host) = self.host_mut(id) {
            host.channels.remove(&channel);
        }
        self.retire(id, slot);
        let all = |at: &Connection| at.ends.iter().all(|end| end.stage == Stage::Gone);
        if self.connections.get(&connection).is_some_and(all) {
            self.connections.remove(&connection);
        }
    }

    /// Puts a piece on the stream.
    pub(super) fn put(&mut self, connection: ConnectionId, side: usize, piece: Piece) {
        let now = self.now();
        let Some(at) = self.connections.get_mut(&connection) else { return };
        let other = other(side);
        let Some(to) = at.ends.get(other).map(|end| end.host) else { return };
        let Some(end) = at.ends.get_mut(side) else { return };
        match self.net.carry(&self.plan, end.host, to, now, end.behind) {
            Fate::Arrives(at) => {
                end.behind = at;
                self.queue.put(at, Event::Piece { connection, side: other, piece: Box::new(piece) });
            }
            Fate::Broken(at) => self.queue.put(at, Event::Break { connection }),
        }
    }

    fn end(&self, connection: ConnectionId, side: usize) -> Option<&End> {
        self.connections.get(&connection)?.ends.get(side)
    }

    fn end_mut(&mut self, connection: ConnectionId, side: usize) -> Option<&mut End> {
        self.connections.get_mut(&connection)?.ends.get_mut(side)
    }

    fn connection_of(&self, host: HostId, channel: ChannelId) -> Option<ConnectionId> {
        self.host(host)?.channels.get(&channel).copied()
    }

    fn side_of(&self, host: HostId, channel: ChannelId) -> Option<(ConnectionId, usize)> {
        let connection = self.connection_of(host, channel)?;
        let at = self.connections.get(&connection)?;
        let is = |end: &End| end.host == host && end.channel == channel;
        at.ends.iter().position(is).map(|side| (connection, side))
    }

    pub(super) fn peer_of(&self, connection: ConnectionId, side: usize) -> HostId {
        self.end(connection, other(side)).map_or(HostId::new(u32::MAX), |end| end.host)
    }

    fn overhear(&mut self, id: HostId, connection: ConnectionId, side: usize, message: &Message) {
        let lies = self.host(id).is_some_and(|host| host.lies);
        if lies && let Some(end) = self.end_mut(connection, side) {
            end.liar.get_or_insert_default().heard(message);
        }
    }

    /// What a host that lies says in place of what its machine does.
    fn as_told(
        &mut self,
        id: HostId,
        connection: ConnectionId,
        side: usize,
        message: Message,
        grant: Option<Box<Grant>>,
    ) -> Vec<(Message, Option<Box<Grant>>)> {
        let lies = self.host(id).is_some_and(|host| host.lies);
        if !lies || !self.entropy.happens(self.plan.lie) {
            return vec![(message, grant)];
        }
        let mut entropy = self.entropy.fork(self.queue.now().as_micros());
        match self.end_mut(connection, side) {
            Some(end) => end.liar.get_or_insert_default().says(message, grant, &mut entropy),
            None => Vec::new(),
        }
    }
}

impl End {
    const fn new(host: HostId, life: u32, slot: u32, channel: ChannelId) -> Self {
        Self {
            host,
            life,
            slot,
            channel,
            behind: Time::from_micros(0),
            stage: Stage::Opening,
            peer: None,
            verdict: false,
            renewing: false,
            waiting: Vec::new(),
            liar: None,
        }
    }
}

const fn other(side: usize) -> usize {
    if side == CLIENT { SERVER } else { CLIENT }
}
