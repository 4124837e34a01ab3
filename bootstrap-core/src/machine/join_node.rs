//! A newcomer's side of a join (protocol section 5, table `join_node`).
//!
//! Up to three channels are open to services at once until one of them leads to the lock. From then on only that cluster counts, and
//! only one channel goes on.

use std::sync::Arc;

use crate::error::{Class, Code};
use crate::ids::{ClusterId, Role};
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use super::backoff::Backoff;
use super::facts::{DiskHeader, PolicyTip, ServiceClaims, lock_holds};
use super::guard::{Guard, removed};
use super::init_node::refusal;
use super::lock::{Held, Taken, Want};
use super::message::{Done, Flow, GrantFacts, GrantRef, Offer, TicketFacts};
use super::node::Shared;
use super::record::{MemberPhase, MemberRecord, Record};
use super::{
    Action, ActionId, ChannelId, DiskAction, DriverAction, Event, KeyAction, KeyOutcome, Message, Outcome,
};

/// Channels and dials at once.
const PARALLEL: usize = 3;
/// Tries of the driver.
const TRIES: u8 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct JoinNode {
    /// The pinned cluster, or the one that the lock came to.
    cluster: Option<ClusterId>,
    dials: Vec<ActionId>,
    opening: Vec<(ChannelId, Deadline)>,
    sessions: Vec<Session>,
    work: Work,
    redial: Option<Deadline>,
    backoff: Backoff,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Session {
    channel: ChannelId,
    cluster: ClusterId,
    policy: PolicyTip,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// J1.
    AwaitOffer(Deadline),
    /// J2.
    Locking(Offer),
    /// J3.
    AwaitGrant(Offer, Deadline),
    /// J3, the ticket is being checked.
    Checking(Offer, ActionId, GrantRef),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Work {
    /// J0 to J3.
    None,
    /// J4.
    Formatting(ActionId, Job),
    /// J5.
    Driving(ActionId, Job),
    /// J8, with another try to come.
    Retrying(Deadline, Job),
    /// J8 for good, J9, or J6: this machine has no more to do.
    Over,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job {
    record: MemberRecord,
    /// Where the Done goes, while that channel is there.
    channel: Option<ChannelId>,
    tries: u8,
}

impl JoinNode {
    pub(super) fn start(seed: [u8; 32], shared: &Shared, now: Instant) -> Self {
        let mut backoff = Backoff::new(seed);
        let first = Deadline { at: now.after(backoff.first()), timer: Timer::Backoff };
        Self {
            cluster: shared.lock.cluster().or(shared.config.pinned),
            dials: Vec::new(),
            opening: Vec::new(),
            sessions: Vec::new(),
            work: Work::None,
            redial: (shared.config.endpoints > 0).then_some(first),
            backoff,
        }
    }

    pub(super) fn owns(&self, channel: ChannelId) -> bool {
        self.sessions.iter().any(|session| session.channel == channel)
            || self.opening.iter().any(|(opening, _)| *opening == channel)
    }

    /// J0 to J1: up to three dials.
    fn dial(&mut self, shared: &mut Shared) {
        self.redial = None;
        let busy = self.dials.len().saturating_add(self.opening.len()).saturating_add(self.sessions.len());
        let endpoints = shared.config.endpoints;
        let start = self.backoff.below(endpoints);
        let wanted = PARALLEL.saturating_sub(busy).min(usize::from(endpoints));
        for step in (0..endpoints).take(wanted) {
            let endpoint = start.saturating_add(step).checked_rem(endpoints).unwrap_or_default();
            self.dials.push(shared.out.perform(Action::Dial { endpoint, flow: Flow::Join }));
        }
    }

    /// J1: Opened join.
    pub(super) fn opened(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        claims: &ServiceClaims,
        shared: &mut Shared,
        now: Instant,
    ) {
        self.opening.retain(|(opening, _)| *opening != channel);
        let cluster = match may_follow(peer, claims, self.cluster, None, shared) {
            Ok(cluster) if self.work == Work::None => cluster,
            Ok(_) => return shared.turn_away(channel, Code::ALREADY_UP, "J1: not joined already"),
            Err((code, guard)) => {
                shared.turn_away(channel, code, guard);
                return self.again(code, 0, now);
            }
        };
        self.backoff.opened(now);
        let stage = Stage::AwaitOffer(Deadline::start(Timer::Offer, now));
        self.sessions.push(Session { channel, cluster, policy: claims.policy, stage });
    }

    pub(super) fn message(
        &mut self,
        channel: ChannelId,
        message: Message,
        shared: &mut Shared,
        now: Instant,
    ) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return shared.out_of_order(Some(channel), "J5", message.word());
        };
        match (&session.stage, message) {
            (Stage::AwaitOffer(_), Message::Offer(offer)) => self.offer(channel, offer, shared, now),
            (Stage::AwaitGrant(offer, _), Message::Grant(grant)) => {
                let offer = offer.clone();
                self.grant(channel, offer, grant, shared);
            }
            (stage, message) => shared.out_of_order(Some(channel), stage.word(), message.word()),
        }
    }

    /// J1 to J2: Offer.
    fn offer(&mut self, channel: ChannelId, offer: Offer, shared: &mut Shared, now: Instant) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        let cluster = session.cluster;
        if let Err((code, guard)) = may_take(&offer, session, shared.config.largest_role) {
            self.drop_session(channel);
            shared.turn_away(channel, code, guard);
            return self.again(code, 0, now);
        }
        session.stage = Stage::Locking(offer);
        let want = Want { cluster, flow: Flow::Join, attempt: None, channel };
        match shared.lock.take(want, &mut shared.out) {
            Taken::Held(held) => self.locked(channel, held, shared, now),
            Taken::Waiting => self.only(channel, cluster, shared),
            Taken::Refused(code) => self.lock_refused(channel, code, shared, now),
        }
    }

    /// J2: token. From here on there is one cluster and one channel.
    pub(super) fn locked(&mut self, channel: ChannelId, held: Held, shared: &mut Shared, now: Instant) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        let Stage::Locking(offer) = &session.stage else { return };
        let offer = offer.clone();
        let cluster = session.cluster;
        shared.say_locked(channel, held, None, offer.evidence);
        session.stage = Stage::AwaitGrant(offer, Deadline::start(Timer::Grant, now));
        self.only(channel, cluster, shared);
    }

    /// J2: refused. Another flow of this boot has the lock for another cluster.
    pub(super) fn lock_refused(&mut self, channel: ChannelId, code: Code, shared: &mut Shared, now: Instant) {
        self.drop_session(channel);
        shared.turn_away(channel, code, "J2: Lock.take(c)");
        match shared.lock.cluster() {
            // What the lock came to may still be joined.
            Some(cluster) if self.cluster.is_none() => {
                self.cluster = Some(cluster);
                self.again(Code::BUSY, 0, now);
            }
            _ => {
                shared.out.event(Event::Stopped { code, state: "J9" });
                self.give_up(shared);
            }
        }
    }

    /// J3: Grant 2.
    fn grant(&mut self, channel: ChannelId, offer: Offer, grant: GrantRef, shared: &mut Shared) {
        let wanted = TicketFacts {
            cluster: offer.cluster,
            node: offer.node,
            generation: offer.generation,
            epochs: Vec::new(),
            roots: offer.role == Role::Seat,
        };
        let as_offered = match &grant.facts {
            GrantFacts::Join { ticket, role, name } => {
                *role == offer.role
                    && *name == offer.name
                    && TicketFacts { epochs: Vec::new(), ..ticket.clone() } == wanted
            }
            _ => false,
        };
        if !as_offered && !removed(Guard::JoinerOffer) {
            return shared.refuse_grant(channel, &grant, Code::NOT_EXPECTED, "J3: the ids of the offer");
        }
        let check = KeyAction::CheckTicket {
            grant: grant.handle,
            cluster: offer.cluster,
            node: offer.node,
            held: None,
        };
        let action = shared.keys(check);
        if let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) {
            session.stage = Stage::Checking(offer, action, grant);
        }
    }

    /// The answer to an action; `None` if it is not one of this machine's. `Some(Some(record))`: the node is a member.
    pub(super) fn done(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) -> Option<Option<MemberRecord>> {
        if let Some(at) = self.dials.iter().position(|dial| *dial == id) {
            self.dials.remove(at);
            self.dialled(outcome, shared, now);
            return Some(None);
        }
        let checked = self.sessions.iter().find_map(|session| match &session.stage {
            Stage::Checking(offer, action, grant) if *action == id => {
                Some((session.channel, offer.clone(), grant.clone()))
            }
            _ => None,
        });
        if let Some((channel, offer, grant)) = checked {
            self.checked(channel, offer, &grant, outcome, shared, now);
            return Some(None);
        }
        match core::mem::replace(&mut self.work, Work::Over) {
            Work::Formatting(action, job) if action == id => {
                self.formatted(job, outcome, shared);
                Some(None)
            }
            Work::Driving(action, job) if action == id => Some(self.driven(job, outcome, shared, now)),
            other => {
                self.work = other;
                None
            }
        }
    }

    fn dialled(&mut self, outcome: &Outcome, shared: &mut Shared, now: Instant) {
        match outcome {
            Outcome::Dialled(channel) if self.work == Work::None && self.one_left(shared) => {
                self.opening.push((*channel, Deadline::start(Timer::Open, now)));
            }
            Outcome::Dialled(channel) => shared.out.close(*channel, Code::SHUTTING_DOWN),
            _ => self.again(Code::TIMEOUT, 0, now),
        }
    }

    /// Whether one more channel may be opened: not once one has the lock.
    fn one_left(&self, shared: &Shared) -> bool {
        let locked = self.sessions.iter().any(|session| !matches!(session.stage, Stage::AwaitOffer(_)));
        !locked && !shared.lock.has_failed()
    }

    /// J3 to J4.
    fn checked(
        &mut self,
        channel: ChannelId,
        offer: Offer,
        grant: &GrantRef,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) {
        let Outcome::Keys(KeyOutcome::Policy(policy)) = outcome else {
            let code = refusal(outcome, Code::KEY_PROOF);
            self.drop_session(channel);
            shared.refuse_grant(channel, grant, code, "J3: chain, key of my CSR, policies");
            shared.out.close(channel, code);
            return self.again(code, 0, now);
        };
        self.drop_session(channel);
        self.cluster = Some(offer.cluster);
        if !shared.claim(Flow::Join) {
            shared.refuse_grant(channel, grant, Code::ALREADY_UP, "J3: no init has the disk");
            shared.out.close(channel, Code::ALREADY_UP);
            return self.give_up(shared);
        }
        let (epochs, roots) = match &grant.facts {
            GrantFacts::Join { ticket, .. } => (ticket.epochs.clone(), ticket.roots),
            _ => (Vec::new(), false),
        };
        let disk = shared.config.fresh_disk;
        let header = DiskHeader { cluster: offer.cluster, node: offer.node, disk, epochs };
        let record = MemberRecord {
            cluster: offer.cluster,
            node: offer.node,
            disk,
            role: offer.role,
            name: offer.name,
            generation: offer.generation,
            policy: Some(*policy),
            recovery: 0,
            time: 0,
            phase: MemberPhase::Driver,
            attempt: None,
            payload: Arc::from([]),
            roots: roots.then_some(grant.handle),
        };
        let format = Action::Disk(DiskAction::Format { keys: grant.handle, header });
        let job = Job { record, channel: Some(channel), tries: 0 };
        self.work = Work::Formatting(shared.out.perform(format), job);
    }

    /// J4 to J5.
    fn formatted(&mut self, job: Job, outcome: &Outcome, shared: &mut Shared) {
        if *outcome != Outcome::Applied {
            // J8: without a disk there is nothing to try again by itself.
            shared.out.event(Event::Stopped { code: Code::INTERNAL, state: "J8" });
            return self.report(&job, Code::DRIVER, shared);
        }
        shared.out.persist(Record::Member(job.record.clone()));
        shared.out.perform(Action::Nv { generation: job.record.generation });
        self.work = Work::Driving(shared.out.perform(Action::Driver(DriverAction::Join)), job);
    }

    /// J5 to J6, or to J8.
    fn driven(
        &mut self,
        mut job: Job,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) -> Option<MemberRecord> {
        if !matches!(outcome, Outcome::Driven { .. }) {
            job.tries = job.tries.saturating_add(1);
            let last = job.tries > TRIES;
            if job.tries == 1 {
                self.report(&job, Code::DRIVER, shared);
            }
            shared.out.event(Event::DriverFailed { tries: job.tries, last });
            if !last {
                let at = now.after(self.backoff.failed(0, now));
                self.work = Work::Retrying(Deadline { at, timer: Timer::Backoff }, job);
            }
            return None;
        }
        job.record.phase = MemberPhase::Member;
        shared.out.persist(Record::Member(job.record.clone()));
        shared.out.perform(Action::Driver(DriverAction::OpenServices));
        shared.out.event(Event::ServicesOpen { alone: false });
        shared.out.event(Event::Member { cluster: job.record.cluster, node: job.record.node });
        self.report(&job, Code::ACCEPTED, shared);
        Some(job.record)
    }

    /// Done, if the channel is still there. If it is not, the first renewal says the same.
    fn report(&self, job: &Job, code: Code, shared: &mut Shared) {
        if let Some(channel) = job.channel {
            let generation = if code.is_accepted() { job.record.generation } else { 0 };
            shared.out.send(channel, Message::Done(Done { code, generation }));
        }
    }

    pub(super) fn closed(
        &mut self,
        channel: ChannelId,
        code: Code,
        hint: u32,
        shared: &mut Shared,
        now: Instant,
    ) {
        if let Work::Formatting(_, job) | Work::Driving(_, job) | Work::Retrying(_, job) = &mut self.work
            && job.channel == Some(channel)
        {
            job.channel = None;
        }
        if self.owns(channel) {
            shared.lock.forget(channel);
            self.opening.retain(|(opening, _)| *opening != channel);
            self.drop_session(channel);
            self.again(code, hint, now);
        }
    }

    /// J1..J3, closed: J0 for what may be asked again, here or elsewhere. A person must mend what else there is; the others of the
    /// list are still asked.
    fn again(&mut self, code: Code, hint: u32, now: Instant) {
        if self.work != Work::None || self.redial.is_some() {
            return;
        }
        let hint = if code.class() == Class::Fix { hint.max(30_000) } else { hint };
        let at = now.after(self.backoff.failed(hint, now));
        self.redial = Some(Deadline { at, timer: Timer::Backoff });
    }

    pub(super) fn tick(&mut self, shared: &mut Shared, now: Instant) {
        if self.redial.is_some_and(|deadline| deadline.is_over(now)) {
            self.dial(shared);
        }
        let late: Vec<ChannelId> = self
            .sessions
            .iter()
            .filter(|session| session.deadline().is_some_and(|deadline| deadline.is_over(now)))
            .map(|session| session.channel)
            .chain(self.opening.iter().filter(|(_, end)| end.is_over(now)).map(|(channel, _)| *channel))
            .collect();
        for channel in late {
            self.opening.retain(|(opening, _)| *opening != channel);
            self.drop_session(channel);
            shared.turn_away(channel, Code::TIMEOUT, "J1..J3: in time");
            self.again(Code::TIMEOUT, 0, now);
        }
        match core::mem::replace(&mut self.work, Work::Over) {
            Work::Retrying(deadline, job) if deadline.is_over(now) => {
                self.work = Work::Driving(shared.out.perform(Action::Driver(DriverAction::Join)), job);
            }
            other => self.work = other,
        }
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let retry = match &self.work {
            Work::Retrying(deadline, _) => Some(*deadline),
            Work::None | Work::Formatting(..) | Work::Driving(..) | Work::Over => None,
        };
        let sessions = self.sessions.iter().filter_map(Session::deadline);
        let opening = self.opening.iter().map(|(_, deadline)| *deadline);
        sessions.chain(opening).chain(self.redial).chain(retry).reduce(Deadline::min_by_time)
    }

    /// Init won, or a join did: no dial, no channel, no work of this machine any more.
    pub(super) fn give_up(&mut self, shared: &mut Shared) {
        for session in core::mem::take(&mut self.sessions) {
            shared.lock.forget(session.channel);
            shared.out.close(session.channel, Code::LOCKED);
        }
        for (channel, _) in core::mem::take(&mut self.opening) {
            shared.out.close(channel, Code::LOCKED);
        }
        self.redial = None;
        self.work = Work::Over;
    }

    /// Closes all channels but this one.
    fn only(&mut self, channel: ChannelId, cluster: ClusterId, shared: &mut Shared) {
        self.cluster = Some(cluster);
        for session in core::mem::take(&mut self.sessions) {
            if session.channel == channel {
                self.sessions.push(session);
            } else {
                shared.lock.forget(session.channel);
                shared.out.close(session.channel, Code::SHUTTING_DOWN);
            }
        }
        for (opening, _) in core::mem::take(&mut self.opening) {
            shared.out.close(opening, Code::SHUTTING_DOWN);
        }
    }

    fn drop_session(&mut self, channel: ChannelId) {
        self.sessions.retain(|session| session.channel != channel);
    }
}

impl Session {
    const fn deadline(&self) -> Option<Deadline> {
        match &self.stage {
            Stage::AwaitOffer(deadline) | Stage::AwaitGrant(_, deadline) => Some(*deadline),
            Stage::Locking(_) | Stage::Checking(..) => None,
        }
    }
}

impl Stage {
    const fn word(&self) -> &'static str {
        match self {
            Self::AwaitOffer(_) => "J1",
            Self::Locking(_) => "J2",
            Self::AwaitGrant(..) | Self::Checking(..) => "J3",
        }
    }
}

/// The guard of J1, and of V1 for a rejoin: is this peer a service of the cluster that may be followed?
pub(super) fn may_follow(
    peer: &Peer,
    claims: &ServiceClaims,
    wanted: Option<ClusterId>,
    held: Option<PolicyTip>,
    shared: &Shared,
) -> Result<ClusterId, (Code, &'static str)> {
    let facts = peer.facts();
    if !facts.sets.iter().any(|set| shared.config.seat_sets.contains(set)) {
        return Err((Code::UNTRUSTED, "J1: the peer's set has role 2"));
    }
    let cluster = claims.genesis.cluster().ok_or((Code::WRONG_VALUE, "J1: the genesis is complete"))?;
    if wanted.is_some_and(|wanted| wanted != cluster) && !removed(Guard::JoinerCluster) {
        return Err((Code::NOT_EXPECTED, "J1: H(genesis claim) = pinned or chosen c"));
    }
    let is_seat = facts.member.as_ref().is_some_and(|member| {
        member.cluster == cluster && member.role == Role::Seat && member.node == claims.node
    });
    if !is_seat && !removed(Guard::JoinerChain) {
        return Err((Code::NO_MEMBER, "J1: a chain to the CA of that genesis"));
    }
    if !lock_holds(facts, &cluster, &shared.config.service_register) {
        return Err((Code::LOCK_STATE, "J1: lock claim c, register if it has one"));
    }
    if held.is_some_and(|held| claims.policy.epoch < held.epoch) {
        return Err((Code::OLD_POLICY, "J1: policy epoch >= mine"));
    }
    if held.is_some_and(|held| claims.policy.epoch == held.epoch && claims.policy != held) {
        return Err((Code::FORKED, "J1: one policy of each epoch"));
    }
    Ok(cluster)
}

/// The guard of J1's Offer.
fn may_take(offer: &Offer, session: &Session, largest: Role) -> Result<(), (Code, &'static str)> {
    if offer.cluster != session.cluster {
        return Err((Code::NOT_EXPECTED, "J1: an offer of c"));
    }
    if offer.role > largest {
        return Err((Code::NO_RULE, "J1: role <= own configured limit"));
    }
    if offer.policy < session.policy.epoch {
        return Err((Code::OLD_POLICY, "J1: the policy epoch that was claimed"));
    }
    if offer.generation == 0 {
        return Err((Code::WRONG_VALUE, "J1: generations start at 1"));
    }
    Ok(())
}
