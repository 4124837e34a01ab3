//! The first node's side of an init (protocol section 5, table `init_node`).
//!
//! A *session* is one channel with an operator, from N0 to a grant that was checked. The *work* (format, driver) goes on without it:
//! an operator that lost its channel comes back with the same attempt, and a new session takes up whatever the work has come to.

use std::sync::Arc;

use crate::error::Code;
use crate::ids::{AttemptId, ClusterId, DiskId, KeyEpoch, NodeId, Role};
use crate::keys::Handle;
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use super::facts::{Custody, DiskHeader, Genesis, InitClaims, Name, PolicyTip};
use super::guard::{Guard, removed};
use super::lock::{Held, Taken, Want};
use super::message::{Flow, GrantFacts, GrantRef, InitResult, Progress};
use super::node::Shared;
use super::record::{MemberPhase, MemberRecord, Record};
use super::{
    Action, ActionId, ChannelId, DiskAction, DriverAction, Event, KeyAction, KeyOutcome, Message, Outcome,
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct InitNode {
    session: Option<Session>,
    work: Work,
    /// The identity root made here, for this attempt: made once in a boot, or the lock would be of another cluster than the genesis.
    born: Option<(AttemptId, Genesis, Handle)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Session {
    channel: ChannelId,
    attempt: AttemptId,
    custody: Custody,
    genesis: Genesis,
    policy: Option<PolicyTip>,
    stage: Stage,
    whole: Deadline,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// N0: the guards that need keys.
    CheckingPolicy(ActionId),
    /// N0, custody 2.
    MakingRoot(ActionId),
    /// N1.
    Locking,
    /// N2.
    AwaitGrant(Deadline),
    /// N2, the roots are being compared with the genesis.
    CheckingRoots(ActionId, GrantRef),
    /// N2, custody 2: the policy came with the grant.
    CheckingGrantPolicy(ActionId, GrantRef),
    /// N3 and on: the work's messages go here.
    Attached,
    /// N5: the result is out.
    AwaitDone(Deadline),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Work {
    #[default]
    None,
    /// N3, the disk key is being derived.
    Deriving(ActionId, Job),
    /// N3.
    Preparing(ActionId, Job),
    /// N4.
    Driving(ActionId, Job),
    /// N5, the node's own certificate is being made.
    Certifying(ActionId, Job),
    /// N5 once more: the same, for a member that is asked again.
    Repeating(ActionId, Job),
    /// N5, N7.
    Member(Job, Vec<Vec<u8>>),
    /// N6.
    Failed(Job),
}

/// What the work is about, as a grant that was checked gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job {
    cluster: ClusterId,
    attempt: AttemptId,
    genesis: Genesis,
    node: NodeId,
    name: Name,
    disk: DiskId,
    epochs: Vec<KeyEpoch>,
    roots: Handle,
    policy: Option<PolicyTip>,
    payload: Arc<[u8]>,
    /// Of the disk.
    generation: u32,
}

/// What a node does next because of its init.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum After {
    /// Nothing of its own.
    Nothing,
    /// The node is a member: renewals start.
    Member(MemberRecord),
    /// The disk is a member's already, of this very attempt: it goes on as after a recovery with alone = false.
    Recover { member: MemberRecord, counter: Option<u32> },
}

impl InitNode {
    pub(super) fn owns(&self, channel: ChannelId) -> bool {
        self.session.as_ref().is_some_and(|session| session.channel == channel)
    }

    /// N0: Opened init.
    pub(super) fn opened(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        claims: InitClaims,
        shared: &mut Shared,
        now: Instant,
    ) {
        if let Err((code, guard)) = self.may_open(peer, &claims, shared) {
            return shared.turn_away(channel, code, guard);
        }
        // The operator's earlier channel, if it had one, is dead to it.
        if let Some(before) = self.session.take() {
            shared.lock.forget(before.channel);
            shared.out.close(before.channel, Code::OTHER_ATTEMPT);
        }
        let InitClaims { genesis, attempt, custody, policy } = claims;
        let born =
            self.born.as_ref().filter(|(of, ..)| *of == attempt).map(|(_, genesis, _)| genesis.clone());
        let (stage, genesis) = match (policy, born) {
            (Some(policy), _) => {
                let check = KeyAction::CheckPolicies {
                    genesis: genesis.clone(),
                    held: None,
                    statements: vec![policy],
                };
                (Stage::CheckingPolicy(shared.keys(check)), genesis)
            }
            (None, Some(completed)) => (Stage::Locking, completed),
            (None, None) => {
                let make = KeyAction::MakeIdentityRoot { genesis: genesis.clone() };
                (Stage::MakingRoot(shared.keys(make)), genesis)
            }
        };
        let take = stage == Stage::Locking;
        let whole = Deadline::start(Timer::Init, now);
        self.session = Some(Session { channel, attempt, custody, genesis, policy: None, stage, whole });
        if take {
            self.take_lock(shared, now);
        }
    }

    fn may_open(
        &self,
        peer: &Peer,
        claims: &InitClaims,
        shared: &Shared,
    ) -> Result<(), (Code, &'static str)> {
        let config = &shared.config;
        let proven = match (&config.authority, &config.init_secret) {
            (Some(authority), _) => {
                if claims.genesis.authority != *authority {
                    return Err((
                        Code::CONFIGURATION,
                        "N0: the genesis has the authority of my configuration",
                    ));
                }
                authority.operators.iter().any(|key| peer.proved_key(key))
            }
            (None, Some(secret)) => peer.proved_mac(secret),
            (None, None) => return Err((Code::NOT_SERVED, "N0: somebody may init this node")),
        };
        if !proven && !removed(Guard::InitKey) {
            return Err((Code::KEY_PROOF, "N0: key-proof by an operator of the configuration"));
        }
        if (claims.custody == Custody::NodeBorn) == claims.genesis.complete
            || claims.policy.is_some() != claims.genesis.complete
        {
            return Err((Code::WRONG_VALUE, "N0: genesis and first policy are those of the custody"));
        }
        if shared.lock.has_failed() {
            return Err((Code::LOCK_STATE, "N0: the lock can be taken"));
        }
        if config.pinned.is_some() && config.pinned != claims.genesis.cluster() {
            return Err((Code::LOCKED, "N0: the cluster pinned in the configuration"));
        }
        let header = config.header.as_ref().map(|header| header.cluster);
        if header.is_some() && header != claims.genesis.cluster() {
            return Err((Code::LOCKED, "N0: the disk is blank or of c"));
        }
        if shared.is_claimed_by_other(Flow::Init) {
            return Err((Code::ALREADY_UP, "N0: no join or recovery has the disk"));
        }
        if self.session.as_ref().is_some_and(|session| session.attempt != claims.attempt)
            || self.job().is_some_and(|job| job.attempt != claims.attempt)
        {
            return Err((Code::OTHER_ATTEMPT, "N0: no other attempt is bound"));
        }
        Ok(())
    }

    /// N0 to N1: Lock.take(c).
    fn take_lock(&mut self, shared: &mut Shared, now: Instant) {
        let Some(session) = &mut self.session else { return };
        let channel = session.channel;
        let Some(cluster) = session.genesis.cluster() else {
            self.session = None;
            return shared.turn_away(channel, Code::WRONG_VALUE, "N1: the genesis is complete");
        };
        session.stage = Stage::Locking;
        let want = Want { cluster, flow: Flow::Init, attempt: Some(session.attempt), channel };
        match shared.lock.take(want, &mut shared.out) {
            Taken::Held(held) => self.locked(held, shared, now),
            Taken::Waiting => {}
            Taken::Refused(code) => self.lock_refused(code, shared),
        }
    }

    /// N1: token.
    pub(super) fn locked(&mut self, held: Held, shared: &mut Shared, now: Instant) {
        let Some(session) = &mut self.session else { return };
        let genesis = (session.custody == Custody::NodeBorn).then(|| session.genesis.clone());
        shared.say_locked(session.channel, held, genesis, true);
        session.stage = Stage::AwaitGrant(Deadline::start(Timer::Grant, now));
    }

    pub(super) fn lock_refused(&mut self, code: Code, shared: &mut Shared) {
        if let Some(session) = self.session.take() {
            shared.turn_away(session.channel, code, "N1: Lock.take(c)");
        }
    }

    /// A message on this machine's channel.
    pub(super) fn message(&mut self, message: Message, shared: &mut Shared) {
        let Some(session) = &mut self.session else { return };
        match (&session.stage, message) {
            (Stage::AwaitGrant(_), Message::Grant(grant)) => self.grant(grant, shared),
            (Stage::AwaitDone(_), Message::Done(done)) if done.code.is_accepted() => {
                session.stage = Stage::Attached;
            }
            (_, message) => {
                let state = self.word();
                shared.out_of_order(
                    self.session.as_ref().map(|session| session.channel),
                    state,
                    message.word(),
                );
            }
        }
    }

    /// N2: Grant 1.
    fn grant(&mut self, grant: GrantRef, shared: &mut Shared) {
        let Some(session) = &mut self.session else { return };
        let GrantFacts::Init { cluster, attempt, node, policy, .. } = &grant.facts else {
            return shared.refuse_grant(session.channel, &grant, Code::OUT_OF_ORDER, "N2: Grant 1");
        };
        let of_header = shared.config.header.as_ref().is_none_or(|header| header.node == *node);
        let of_job = self.work.job().is_none_or(|job| job.node == *node);
        if Some(*cluster) != session.genesis.cluster()
            || *attempt != session.attempt
            || !of_header
            || !of_job
            || policy.is_some() != (session.custody == Custody::NodeBorn)
        {
            return shared.refuse_grant(
                session.channel,
                &grant,
                Code::WRONG_SECRET,
                "N2: attempt, c and node",
            );
        }
        let identity = self.born.as_ref().filter(|(of, ..)| *of == session.attempt).map(|(.., root)| *root);
        let check = KeyAction::CheckRoots { grant: grant.handle, identity, genesis: session.genesis.clone() };
        session.stage = Stage::CheckingRoots(shared.keys(check), grant);
    }

    /// N3: a grant that belongs to the genesis meets whatever the work has come to.
    fn granted(&mut self, grant: GrantRef, shared: &mut Shared, now: Instant) -> After {
        let Some(session) = &mut self.session else { return After::Nothing };
        let GrantFacts::Init { cluster, attempt, node, name, epochs, .. } = grant.facts else {
            return After::Nothing;
        };
        session.stage = Stage::Attached;
        match core::mem::take(&mut self.work) {
            Work::None if !shared.claim(Flow::Init) => {
                shared.forget(grant.handle);
                self.end(Code::ALREADY_UP, "N3: no join or recovery has the disk", shared);
            }
            Work::None => {
                let disk =
                    shared.config.header.as_ref().map_or(shared.config.fresh_disk, |header| header.disk);
                let job = Job {
                    cluster,
                    attempt,
                    genesis: session.genesis.clone(),
                    node,
                    name,
                    disk,
                    epochs: epochs.clone(),
                    roots: grant.handle,
                    policy: session.policy,
                    payload: Arc::from([]),
                    generation: 1,
                };
                let derive = KeyAction::DeriveDiskKeys { roots: grant.handle, node, disk, epochs };
                self.work = Work::Deriving(shared.keys(derive), job);
            }
            Work::Failed(job) => {
                shared.forget(grant.handle);
                self.drive(job, shared);
            }
            Work::Member(job, chain) => {
                shared.forget(grant.handle);
                self.work = Work::Member(job, chain);
                self.send_result(shared);
                self.await_done(now);
            }
            busy @ (Work::Deriving(..)
            | Work::Preparing(..)
            | Work::Driving(..)
            | Work::Certifying(..)
            | Work::Repeating(..)) => {
                shared.forget(grant.handle);
                self.work = busy;
            }
        }
        After::Nothing
    }

    /// The answer to an action; `None` if it is not one of this machine's.
    pub(super) fn done(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) -> Option<After> {
        if let Some(after) = self.session_done(id, outcome, shared, now) {
            return Some(after);
        }
        let action = match &self.work {
            Work::Deriving(action, _)
            | Work::Preparing(action, _)
            | Work::Driving(action, _)
            | Work::Certifying(action, _)
            | Work::Repeating(action, _) => *action,
            Work::None | Work::Member(..) | Work::Failed(_) => return None,
        };
        (action == id).then(|| self.work_done(outcome, shared, now))
    }

    fn session_done(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) -> Option<After> {
        let session = self.session.as_mut()?;
        let stage = session.stage.clone();
        match (stage, outcome) {
            (Stage::CheckingPolicy(action), outcome) if action == id => {
                match outcome {
                    Outcome::Keys(KeyOutcome::Policy(tip)) => {
                        session.policy = Some(*tip);
                        self.take_lock(shared, now);
                    }
                    other => self.end(refusal(other, Code::STATEMENT), "N0: the first policy", shared),
                }
                Some(After::Nothing)
            }
            (Stage::MakingRoot(action), outcome) if action == id => {
                match outcome {
                    Outcome::Keys(KeyOutcome::Cluster { genesis, roots })
                        if genesis.complete && genesis.authority == session.genesis.authority =>
                    {
                        session.genesis = genesis.clone();
                        self.born = Some((session.attempt, genesis.clone(), *roots));
                        self.take_lock(shared, now);
                    }
                    other => self.end(refusal(other, Code::INTERNAL), "N0: the identity root", shared),
                }
                Some(After::Nothing)
            }
            (Stage::CheckingRoots(action, grant), outcome) if action == id => {
                let matches = *outcome == Outcome::Keys(KeyOutcome::Matches) || removed(Guard::InitRoots);
                let policy = match &grant.facts {
                    GrantFacts::Init { policy, .. } => policy.clone(),
                    _ => None,
                };
                match policy {
                    _ if !matches => {
                        session.stage = Stage::AwaitGrant(Deadline::start(Timer::Grant, now));
                        let code = refusal(outcome, Code::WRONG_SECRET);
                        shared.refuse_grant(session.channel, &grant, code, "N2: the roots of the genesis");
                        Some(After::Nothing)
                    }
                    Some(policy) => {
                        let genesis = session.genesis.clone();
                        let check =
                            KeyAction::CheckPolicies { genesis, held: None, statements: vec![policy] };
                        session.stage = Stage::CheckingGrantPolicy(shared.keys(check), grant);
                        Some(After::Nothing)
                    }
                    None => Some(self.granted(grant, shared, now)),
                }
            }
            (Stage::CheckingGrantPolicy(action, grant), outcome) if action == id => match outcome {
                Outcome::Keys(KeyOutcome::Policy(tip)) => {
                    session.policy = Some(*tip);
                    Some(self.granted(grant, shared, now))
                }
                other => {
                    session.stage = Stage::AwaitGrant(Deadline::start(Timer::Grant, now));
                    let code = refusal(other, Code::STATEMENT);
                    shared.refuse_grant(session.channel, &grant, code, "N2: the first policy");
                    Some(After::Nothing)
                }
            },
            _ => None,
        }
    }

    fn work_done(&mut self, outcome: &Outcome, shared: &mut Shared, now: Instant) -> After {
        match (core::mem::take(&mut self.work), outcome) {
            (Work::Deriving(_, job), Outcome::Keys(KeyOutcome::Made(keys))) => {
                let keys = *keys;
                let disk = if shared.config.header.is_some() {
                    DiskAction::Open { keys }
                } else {
                    let header = DiskHeader {
                        cluster: job.cluster,
                        node: job.node,
                        disk: job.disk,
                        epochs: job.epochs.clone(),
                    };
                    DiskAction::Format { keys, header }
                };
                self.work = Work::Preparing(shared.out.perform(Action::Disk(disk)), job);
            }
            (Work::Preparing(_, job), Outcome::Applied) => self.drive(job, shared),
            (Work::Preparing(_, job), Outcome::Mounted { member: None, .. }) => self.drive(job, shared),
            (Work::Preparing(_, job), Outcome::Mounted { member: Some(member), counter }) => {
                let same = member.cluster == job.cluster
                    && member.node == job.node
                    && member.disk == job.disk
                    && member.attempt == Some(job.attempt);
                if !same {
                    shared.release();
                    shared.out.perform(Action::Disk(DiskAction::Close));
                    self.end(Code::OTHER_ATTEMPT, "N3: the record is of this attempt", shared);
                } else if member.phase == MemberPhase::Member {
                    // The operator has no result yet, or lost it. The disk goes on as after any boot.
                    let job = Job { payload: member.payload.clone(), generation: member.generation, ..job };
                    self.work = Work::Repeating(self.certify(&job, shared), job);
                    return After::Recover { member: member.clone(), counter: *counter };
                } else {
                    self.drive(job, shared);
                }
            }
            (Work::Driving(_, mut job), Outcome::Driven { payload, .. }) => {
                job.payload = payload.clone().into();
                self.work = Work::Certifying(self.certify(&job, shared), job);
            }
            (Work::Repeating(_, job), Outcome::Keys(KeyOutcome::Chain(chain))) => {
                self.work = Work::Member(job, chain.clone());
                self.send_result(shared);
                self.await_done(now);
            }
            (Work::Repeating(action, job), _) => {
                self.work = Work::Repeating(action, job);
                self.end(Code::INTERNAL, "N5: the node's own certificate", shared);
            }
            (Work::Certifying(_, job), Outcome::Keys(KeyOutcome::Chain(chain))) => {
                let record = job.record(MemberPhase::Member);
                shared.out.persist(Record::Member(record.clone()));
                shared.out.perform(Action::Driver(DriverAction::OpenServices));
                shared.out.event(Event::ServicesOpen { alone: false });
                shared.out.event(Event::Member { cluster: job.cluster, node: job.node });
                self.work = Work::Member(job, chain.clone());
                self.send_result(shared);
                self.await_done(now);
                return After::Member(record);
            }
            (Work::Driving(_, job) | Work::Certifying(_, job), _) => {
                shared.out.persist(Record::Member(job.record(MemberPhase::Failed)));
                shared.out.event(Event::DriverFailed { tries: 1, last: true });
                self.work = Work::Failed(job);
                self.end(Code::DRIVER, "N4: the driver", shared);
            }
            // The disk could be neither formatted nor opened: nothing is on it that counts.
            (_, _) => {
                shared.release();
                self.end(Code::INTERNAL, "N3: the disk", shared);
            }
        }
        After::Nothing
    }

    /// N3 to N4.
    fn drive(&mut self, job: Job, shared: &mut Shared) {
        shared.out.persist(Record::Member(job.record(MemberPhase::Driver)));
        shared.out.perform(Action::Nv { generation: 1 });
        let run = DriverAction::Init { attempt: job.attempt };
        self.work = Work::Driving(shared.out.perform(Action::Driver(run)), job);
    }

    fn certify(&self, job: &Job, shared: &mut Shared) -> ActionId {
        shared.keys(KeyAction::OwnCertificate {
            roots: self.born.as_ref().map_or(job.roots, |(.., root)| *root),
            cluster: job.cluster,
            node: job.node,
            name: job.name.clone(),
        })
    }

    fn send_result(&mut self, shared: &mut Shared) {
        let (Some(session), Work::Member(job, chain)) = (&self.session, &self.work) else { return };
        let result = InitResult {
            cluster: job.cluster,
            genesis: job.genesis.clone(),
            node: job.node,
            chain: chain.clone(),
            payload: job.payload.to_vec(),
            generation: job.generation,
        };
        shared.out.send(session.channel, Message::Result(result));
    }

    fn await_done(&mut self, now: Instant) {
        if let Some(session) = &mut self.session {
            session.stage = Stage::AwaitDone(Deadline::start(Timer::Done, now));
        }
    }

    /// N4: driver progress; whether the action is this machine's.
    pub(super) fn progress(&mut self, id: ActionId, progress: &Progress, shared: &mut Shared) -> bool {
        if !matches!(&self.work, Work::Driving(action, _) if *action == id) {
            return false;
        }
        if let Some(session) = self.session.as_ref().filter(|session| session.stage == Stage::Attached) {
            shared.out.progress(session.channel, progress.clone());
        }
        true
    }

    /// Closed, in any state: the lock is kept, and so is the work.
    pub(super) fn closed(&mut self, channel: ChannelId, shared: &mut Shared) {
        if self.owns(channel) {
            shared.lock.forget(channel);
            self.session = None;
        }
    }

    pub(super) fn tick(&mut self, shared: &mut Shared, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline.is_over(now)) {
            self.end(Code::TIMEOUT, "N0..N5: in time", shared);
        }
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let session = self.session.as_ref()?;
        Some(match &session.stage {
            Stage::AwaitGrant(deadline) | Stage::AwaitDone(deadline) => deadline.min_by_time(session.whole),
            Stage::CheckingPolicy(_)
            | Stage::MakingRoot(_)
            | Stage::Locking
            | Stage::CheckingRoots(..)
            | Stage::CheckingGrantPolicy(..)
            | Stage::Attached => session.whole,
        })
    }

    pub(super) const fn word(&self) -> &'static str {
        match (&self.session, &self.work) {
            (Some(Session { stage: Stage::Locking, .. }), _) => "N1",
            (Some(Session { stage: Stage::AwaitGrant(_), .. }), _) => "N2",
            (_, Work::Deriving(..) | Work::Preparing(..)) => "N3",
            (_, Work::Driving(..)) => "N4",
            (_, Work::Certifying(..) | Work::Repeating(..)) => "N5",
            (Some(_), Work::Member(..)) => "N5",
            (None, Work::Member(..)) => "N7",
            (_, Work::Failed(_)) => "N6",
            (_, Work::None) => "N0",
        }
    }

    fn end(&mut self, code: Code, guard: &'static str, shared: &mut Shared) {
        if let Some(session) = self.session.take() {
            shared.lock.forget(session.channel);
            shared.turn_away(session.channel, code, guard);
        }
    }

    fn job(&self) -> Option<&Job> {
        self.work.job()
    }
}

impl Work {
    const fn job(&self) -> Option<&Job> {
        match self {
            Self::None => None,
            Self::Deriving(_, job)
            | Self::Preparing(_, job)
            | Self::Driving(_, job)
            | Self::Certifying(_, job)
            | Self::Repeating(_, job)
            | Self::Member(job, _)
            | Self::Failed(job) => Some(job),
        }
    }
}

impl Job {
    fn record(&self, phase: MemberPhase) -> MemberRecord {
        MemberRecord {
            cluster: self.cluster,
            node: self.node,
            disk: self.disk,
            role: Role::Seat,
            name: self.name.clone(),
            generation: 1,
            policy: self.policy,
            recovery: 0,
            time: 0,
            phase,
            attempt: Some(self.attempt),
            payload: self.payload.clone(),
            roots: Some(self.roots),
        }
    }
}

/// The code of a key action that was refused; `otherwise` where it could not be done.
pub(super) fn refusal(outcome: &Outcome, otherwise: Code) -> Code {
    match outcome {
        Outcome::Keys(KeyOutcome::Refused(code)) => *code,
        _ => otherwise,
    }
}
