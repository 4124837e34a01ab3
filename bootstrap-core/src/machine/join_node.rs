//! A newcomer's side of a join (protocol section 5, table `join_node`).
//!
//! Up to three channels are open to services at once until one of them leads to the lock. From then on only that cluster counts, and
//! only one channel goes on.

use std::sync::Arc;

use crate::error::Code;
use crate::ids::{ClusterId, Role};
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use super::dialler::{Dialled, Dialler};
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

/// Tries of the driver.
const TRIES: u8 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct JoinNode {
    /// The pinned cluster, or the one that the lock came to.
    cluster: Option<ClusterId>,
    dialler: Dialler,
    sessions: Vec<Session>,
    work: Work,
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
        Self {
            cluster: shared.lock.cluster().or(shared.config.pinned),
            dialler: Dialler::start(Flow::Join, seed, shared.config.endpoints, now),
            sessions: Vec::new(),
            work: Work::None,
        }
    }

    pub(super) fn owns(&self, channel: ChannelId) -> bool {
        self.sessions.iter().any(|session| session.channel == channel) || self.dialler.owns(channel)
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
        self.dialler.let_go(channel);
        let cluster = match may_follow(peer, claims, self.cluster, None, shared) {
            Ok(cluster) if self.work == Work::None => cluster,
            Ok(_) => return shared.turn_away(channel, Code::ALREADY_UP, "J1: not joined already"),
            Err((code, guard)) => {
                shared.turn_away(channel, code, guard);
                return self.again(code, 0, now);
            }
        };
        self.dialler.found(now);
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
            return shared.unexpected(channel, "J5", &message);
        };
        match (&session.stage, message) {
            (Stage::AwaitOffer(_), Message::Offer(offer)) => self.offer(channel, offer, shared, now),
            (Stage::AwaitGrant(offer, _), Message::Grant(grant)) => {
                let offer = offer.clone();
                self.grant(channel, offer, grant, shared);
            }
            (stage, message) => shared.unexpected(channel, stage.word(), &message),
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
        let wanted = self.work == Work::None && self.one_left(shared);
        match self.dialler.answered(id, outcome, wanted, &mut shared.out, now) {
            Dialled::NotMine => {}
            Dialled::Answered => return Some(None),
            Dialled::Failed => {
                self.again(Code::TIMEOUT, 0, now);
                return Some(None);
            }
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
                self.work = Work::Retrying(self.dialler.wait(0, now), job);
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
            self.dialler.let_go(channel);
            self.drop_session(channel);
            self.again(code, hint, now);
        }
    }

    /// J1..J3, closed: J0 for what may be asked again, here or elsewhere. A person must mend what else there is; the others of the
    /// list are still asked.
    fn again(&mut self, code: Code, hint: u32, now: Instant) {
        if self.work == Work::None {
            self.dialler.again(code, hint, now);
        }
    }

    pub(super) fn tick(&mut self, shared: &mut Shared, now: Instant) {
        let unopened = self.dialler.tick(self.sessions.len(), &mut shared.out, now);
        let silent = self
            .sessions
            .iter()
            .filter(|session| session.deadline().is_some_and(|deadline| deadline.is_over(now)))
            .map(|session| session.channel);
        let late: Vec<ChannelId> = silent.chain(unopened).collect();
        for channel in late {
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
        sessions.chain(self.dialler.deadlines()).chain(retry).reduce(Deadline::min_by_time)
    }

    /// Init won, or a join did: no dial, no channel, no work of this machine any more.
    pub(super) fn give_up(&mut self, shared: &mut Shared) {
        for session in core::mem::take(&mut self.sessions) {
            shared.lock.forget(session.channel);
            shared.out.close(session.channel, Code::LOCKED);
        }
        self.dialler.close(Code::LOCKED, &mut shared.out);
        self.dialler.rest();
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
        self.dialler.close(Code::SHUTTING_DOWN, &mut shared.out);
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
