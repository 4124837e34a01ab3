//! A node that boots with a disk (protocol section 5, tables `rejoin` and `recover_node`): it asks its peers and listens for pushers at
//! once. V1 to V4 exist for each channel; what follows exists once, and the first source whose keys open the disk has it.

mod pusher;
mod session;

use crate::error::Code;
use crate::keys::Handle;
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use self::session::{From, Session, Stage};
use crate::machine::dialler::{Dialled, Dialler};
use crate::machine::disk::{Basis, Core, Generation};
use crate::machine::facts::{DiskHeader, Floors, PolicyTip, ServiceClaims, Source};
use crate::machine::guard::{Guard, removed};
use crate::machine::init_node::refusal;
use crate::machine::join_node::may_follow;
use crate::machine::lock::{Held, Taken, Want};
use crate::machine::message::{Done, Flow, GrantFacts, GrantRef, Offer};
use crate::machine::node::Shared;
use crate::machine::shares::Shares;
use crate::machine::{Action, ActionId, ChannelId, DiskAction, KeyAction, KeyOutcome, Message, Outcome};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rejoin {
    header: DiskHeader,
    dialler: Dialler,
    sessions: Vec<Session>,
    shares: Shares,
    pub(super) core: Core,
    /// Before it is over, a peer may still come.
    peers: Deadline,
}

impl Rejoin {
    pub(super) fn start(header: DiskHeader, seed: [u8; 32], shared: &Shared, now: Instant) -> Self {
        Self {
            header,
            dialler: Dialler::start(Flow::Rejoin, seed, shared.config.endpoints, now),
            sessions: Vec::new(),
            shares: Shares::default(),
            core: Core::Closed,
            peers: Deadline::start(Timer::Peers, now),
        }
    }

    pub(super) fn owns(&self, channel: ChannelId) -> bool {
        self.sessions.iter().any(|session| session.channel == channel) || self.dialler.owns(channel)
    }

    /// V1: Opened rejoin.
    pub(super) fn opened_peer(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        claims: &ServiceClaims,
        held: Option<PolicyTip>,
        shared: &mut Shared,
        now: Instant,
    ) {
        self.dialler.let_go(channel);
        if let Err((code, guard)) = may_follow(peer, claims, Some(self.header.cluster), held, shared) {
            shared.turn_away(channel, code, guard);
            return self.again(code, 0, now);
        }
        if !self.core.wants_peer() {
            return shared.turn_away(channel, Code::ALREADY_UP, "V1: not up already");
        }
        self.dialler.found(now);
        let stage = Stage::AwaitOffer(Deadline::start(Timer::Offer, now));
        self.sessions.push(Session { channel, source: From::Peer, stage });
        // Whoever waited for the peers not to come has waited in vain.
        self.drop_sessions(shared, Code::PEERS_LIVE, |session| session.stage == Stage::Patience);
    }

    pub(super) fn message(
        &mut self,
        channel: ChannelId,
        message: Message,
        shared: &mut Shared,
        now: Instant,
    ) {
        let Some(session) = self.sessions.iter().find(|session| session.channel == channel) else {
            return shared.unexpected(channel, "V1", &message);
        };
        match (session.stage.clone(), message) {
            (Stage::AwaitOffer(_), Message::Offer(offer)) => {
                if offer.cluster == self.header.cluster && offer.node == self.header.node {
                    self.take_lock(channel, Some(offer), shared, now);
                } else {
                    self.end(channel, Code::NOT_EXPECTED, "V1: an offer for the node of the header", shared);
                    self.again(Code::NOT_EXPECTED, 0, now);
                }
            }
            (Stage::AwaitGrant(offer, _), Message::Grant(grant)) => {
                self.grant(channel, offer, grant, shared, now);
            }
            (stage, message) => shared.unexpected(channel, stage.word(), &message),
        }
    }

    /// V1 to V2.
    fn take_lock(&mut self, channel: ChannelId, offer: Option<Offer>, shared: &mut Shared, now: Instant) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        let flow = if session.source == From::Peer { Flow::Rejoin } else { Flow::Recover };
        session.stage = Stage::Locking(offer);
        let want = Want { cluster: self.header.cluster, flow, attempt: None, channel };
        match shared.lock.take(want, &mut shared.out) {
            Taken::Held(held) => self.locked(channel, held, shared, now),
            Taken::Waiting => {}
            Taken::Refused(code) => self.lock_refused(channel, code, shared),
        }
    }

    /// V2: token.
    pub(super) fn locked(&mut self, channel: ChannelId, held: Held, shared: &mut Shared, now: Instant) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        let Stage::Locking(offer) = &session.stage else { return };
        let offer = offer.clone();
        let renew = offer.as_ref().is_none_or(|offer| offer.evidence);
        shared.say_locked(channel, held, None, renew);
        session.stage = Stage::AwaitGrant(offer, Deadline::start(Timer::Grant, now));
    }

    pub(super) fn lock_refused(&mut self, channel: ChannelId, code: Code, shared: &mut Shared) {
        self.end(channel, code, "V2: Lock.take(c)", shared);
    }

    /// V3.
    fn grant(
        &mut self,
        channel: ChannelId,
        offer: Option<Offer>,
        grant: GrantRef,
        shared: &mut Shared,
        now: Instant,
    ) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        let (cluster, node) = (self.header.cluster, self.header.node);
        match (&grant.facts, &session.source, offer) {
            (GrantFacts::Rejoin { ticket, .. }, From::Peer, Some(offer)) => {
                if ticket.cluster != cluster || ticket.node != node || ticket.generation != offer.generation {
                    return shared.refuse_grant(
                        channel,
                        &grant,
                        Code::NOT_EXPECTED,
                        "V3: the ids of the offer",
                    );
                }
                let held = self.core.policy();
                let check = KeyAction::CheckTicket { grant: grant.handle, cluster, node, held };
                session.stage = Stage::CheckingTicket(offer, shared.keys(check), grant);
            }
            (GrantFacts::Recover { cluster: of, node: to, .. }, From::Pusher { claims, .. }, None)
                if claims.source == Source::Operator =>
            {
                if *of != cluster || *to != node {
                    return shared.refuse_grant(channel, &grant, Code::NOT_EXPECTED, "V3: keys of this node");
                }
                let basis = Basis::pushed(channel, claims.floors, claims.alone);
                self.test(channel, grant.handle, basis, shared);
            }
            (GrantFacts::Share { .. }, From::Pusher { key, claims }, None) => {
                match self.shares.may_put(&grant, &self.header, claims, *key) {
                    Err(code) => self.wrong_share(channel, &grant, code, shared, now),
                    Ok(with) => {
                        let check = KeyAction::CheckShare { share: grant.handle, cluster, with };
                        session.stage = Stage::CheckingShare(shared.keys(check), grant);
                    }
                }
            }
            _ => shared.refuse_grant(channel, &grant, Code::OUT_OF_ORDER, "V3: a grant of this flow"),
        }
    }

    /// V3 to V4: reads only.
    fn test(&mut self, channel: ChannelId, keys: Handle, basis: Basis, shared: &mut Shared) {
        if !self.core.is_closed() && !removed(Guard::RecoveryFirst) {
            return self.late(channel, keys, shared);
        }
        let action = shared.out.perform(Action::Disk(DiskAction::TestOpen { keys }));
        if let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) {
            session.stage = Stage::Testing(action, keys, basis);
        }
    }

    /// The answer to an action; whether it is one of this machine's.
    pub(super) fn done(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) -> bool {
        match self.dialler.answered(id, outcome, self.core.wants_peer(), &mut shared.out, now) {
            Dialled::NotMine => {}
            Dialled::Answered => return true,
            Dialled::Failed => {
                self.again(Code::TIMEOUT, 0, now);
                return true;
            }
        }
        let asked = self.sessions.iter().find(|session| session.stage.action() == Some(id)).cloned();
        if let Some(Session { channel, stage, .. }) = asked {
            self.session_done(channel, stage, outcome, shared, now);
            return true;
        }
        if let Some(put) = self.shares.done(id, outcome, &self.header, shared) {
            self.combined(put, shared);
            return true;
        }
        let was_shut = self.core.wants_peer();
        let handled = self.core.done(id, outcome, &self.header, shared);
        if handled {
            self.after_core(was_shut, shared, now);
        }
        handled
    }

    fn session_done(
        &mut self,
        channel: ChannelId,
        stage: Stage,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) {
        match stage {
            Stage::Proving(_, peer) => self.proven(channel, outcome, &peer, shared, now),
            Stage::CheckingTicket(offer, _, grant) => match outcome {
                Outcome::Keys(KeyOutcome::Policy(tip)) => {
                    self.ticket(channel, &offer, &grant, *tip, shared, now);
                }
                other => {
                    let code = refusal(other, Code::KEY_PROOF);
                    shared.forget(grant.handle);
                    self.end(channel, code, "V3: chain, key of my CSR, policies", shared);
                    self.again(code, 0, now);
                }
            },
            Stage::CheckingShare(_, grant) => match outcome {
                Outcome::Keys(KeyOutcome::Matches) => self.share(channel, &grant, shared, now),
                other => {
                    self.wrong_share(channel, &grant, refusal(other, Code::SHARE_WRONG), shared, now);
                }
            },
            Stage::Testing(_, keys, basis) => {
                if *outcome != Outcome::Applied {
                    shared.forget(keys);
                    return self.answer_done(channel, Code::WRONG_SECRET, shared, now);
                }
                self.open(keys, basis, shared);
            }
            Stage::AwaitOffer(_)
            | Stage::Patience
            | Stage::Locking(_)
            | Stage::AwaitGrant(..)
            | Stage::Waiting => {}
        }
    }

    /// V3, Grant 3, checked. In V6 the disk is open already, and only the generation is judged.
    fn ticket(
        &mut self,
        channel: ChannelId,
        offer: &Offer,
        grant: &GrantRef,
        policy: PolicyTip,
        shared: &mut Shared,
        now: Instant,
    ) {
        let provisional = matches!(&grant.facts, GrantFacts::Rejoin { provisional: true, .. });
        let basis = Basis {
            channel: Some(channel),
            generation: Generation::Ticket(offer.generation),
            confirmed: !provisional,
            alone: false,
            policy: Some(policy),
            seat: Some((offer.role, offer.name.clone())),
            roots: matches!(&grant.facts, GrantFacts::Rejoin { ticket, .. } if ticket.roots)
                .then_some(grant.handle),
        };
        if self.core.is_closed() {
            return self.test(channel, grant.handle, basis, shared);
        }
        if let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) {
            session.stage = Stage::Waiting;
        }
        if self.core.confirm(basis, &self.header, shared) {
            self.after_core(true, shared, now);
        } else {
            self.late(channel, grant.handle, shared);
        }
    }

    /// V4: the first whose keys open it.
    fn open(&mut self, keys: Handle, basis: Basis, shared: &mut Shared) {
        let channel = basis.channel;
        let first = self.core.is_closed() && shared.claim(Flow::Rejoin);
        if !first && !removed(Guard::RecoveryFirst) {
            if let Some(channel) = channel {
                self.late(channel, keys, shared);
            }
            return;
        }
        self.core = Core::opening(keys, basis, shared);
        if let Some(session) = self.sessions.iter_mut().find(|session| Some(session.channel) == channel) {
            session.stage = Stage::Waiting;
        }
    }

    /// V5 by another way: an init of the same attempt opened the disk.
    pub(super) fn opened_by_init(
        &mut self,
        member: super::record::MemberRecord,
        counter: Option<u32>,
        shared: &mut Shared,
        now: Instant,
    ) {
        let basis = Basis::unasked(Floors::default());
        self.core.mounted(Some(member), counter, basis, &self.header, shared);
        self.after_core(false, shared, now);
    }

    /// Whatever the end shared by all sources has come to.
    fn after_core(&mut self, was_shut: bool, shared: &mut Shared, now: Instant) {
        if self.core.is_closed() || self.core.is_over() {
            // V5 refused a disk: its source was told, and the next one may try, unless the node is quarantined.
            self.drop_sessions(shared, Code::ACCEPTED, |session| session.stage == Stage::Waiting);
        }
        if self.core.is_over() {
            self.drop_sessions(shared, Code::GENERATION, |_| true);
            self.dialler.rest();
        } else if self.core.is_up() && !self.core.wants_peer() {
            self.drop_sessions(shared, Code::ALREADY_UP, |session| session.stage != Stage::Waiting);
            self.drop_sessions(shared, Code::ACCEPTED, |_| true);
            self.dialler.rest();
            self.shares.clear(shared);
        } else if self.core.wants_peer() && !was_shut {
            self.again(Code::BUSY, 0, now);
        }
    }

    fn late(&mut self, channel: ChannelId, keys: Handle, shared: &mut Shared) {
        shared.forget(keys);
        shared.out.send(channel, Message::Done(Done { code: Code::ALREADY_UP, generation: 0 }));
        self.sessions.retain(|session| session.channel != channel);
        shared.out.close(channel, Code::ACCEPTED);
    }

    fn answer_done(&mut self, channel: ChannelId, code: Code, shared: &mut Shared, now: Instant) {
        shared.out.send(channel, Message::Done(Done { code, generation: 0 }));
        self.sessions.retain(|session| session.channel != channel);
        shared.out.close(channel, Code::ACCEPTED);
        self.again(code, 0, now);
    }

    /// A step of the driver: the store behind it has a quorum.
    pub(super) fn quorum(&mut self, id: ActionId, shared: &mut Shared, now: Instant) -> bool {
        let handled = self.core.quorum(id, shared);
        if handled {
            self.after_core(true, shared, now);
        }
        handled
    }

    pub(super) fn closed(
        &mut self,
        channel: ChannelId,
        code: Code,
        hint: u32,
        shared: &mut Shared,
        now: Instant,
    ) {
        if self.owns(channel) {
            shared.lock.forget(channel);
            self.dialler.let_go(channel);
            self.sessions.retain(|session| session.channel != channel);
            self.again(code, hint, now);
        }
    }

    fn again(&mut self, code: Code, hint: u32, now: Instant) {
        if self.core.wants_peer() {
            self.dialler.again(code, hint, now);
        }
    }

    pub(super) fn tick(&mut self, shared: &mut Shared, now: Instant) {
        let peers = self.sessions.iter().filter(|session| session.source == From::Peer).count();
        let unopened = self.dialler.tick(peers, &mut shared.out, now);
        self.shares.tick(shared, now);
        let silent = self
            .sessions
            .iter()
            .filter(|session| session.stage.deadline().is_some_and(|deadline| deadline.is_over(now)))
            .map(|session| session.channel);
        let late: Vec<ChannelId> = silent.chain(unopened).collect();
        for channel in late {
            self.end(channel, Code::TIMEOUT, "V1..V3: in time", shared);
            self.again(Code::TIMEOUT, 0, now);
        }
        if self.peers.is_over(now) {
            let patient: Vec<ChannelId> = self
                .sessions
                .iter()
                .filter(|session| session.stage == Stage::Patience)
                .map(|session| session.channel)
                .collect();
            for channel in patient {
                self.take_lock(channel, None, shared, now);
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let patience =
            self.sessions.iter().any(|session| session.stage == Stage::Patience).then_some(self.peers);
        let sessions = self.sessions.iter().filter_map(|session| session.stage.deadline());
        sessions
            .chain(self.dialler.deadlines())
            .chain(patience)
            .chain(self.shares.deadline())
            .reduce(Deadline::min_by_time)
    }

    fn end(&mut self, channel: ChannelId, code: Code, guard: &'static str, shared: &mut Shared) {
        shared.lock.forget(channel);
        self.sessions.retain(|session| session.channel != channel);
        shared.turn_away(channel, code, guard);
    }

    fn drop_sessions(&mut self, shared: &mut Shared, code: Code, which: impl Fn(&Session) -> bool) {
        for session in core::mem::take(&mut self.sessions) {
            if which(&session) {
                shared.lock.forget(session.channel);
                shared.out.close(session.channel, code);
            } else {
                self.sessions.push(session);
            }
        }
    }
}
