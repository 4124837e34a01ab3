//! The first node's side of an init (protocol section 5, table `init_node`).
//!
//! A *session* is one channel with an operator, from N0 to a grant that was checked. The *work* (format, driver) goes on without it:
//! an operator that lost its channel comes back with the same attempt, and a new session takes up whatever the work has come to.

mod work;

use std::sync::Arc;

use crate::error::Code;
use crate::ids::AttemptId;
use crate::keys::Handle;
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use self::work::{Job, Work};
use crate::machine::facts::{Custody, Genesis, InitClaims, PolicyTip};
use crate::machine::guard::{Guard, removed};
use crate::machine::lock::{Held, Taken, Want};
use crate::machine::message::{Flow, GrantFacts, GrantRef};
use crate::machine::node::Shared;
use crate::machine::record::MemberRecord;
use crate::machine::{ActionId, ChannelId, KeyAction, KeyOutcome, Message, Outcome};

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
                let channel = session.channel;
                shared.unexpected(channel, self.word(), &message);
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
}

/// The code of a key action that was refused; `otherwise` where it could not be done.
pub(super) fn refusal(outcome: &Outcome, otherwise: Code) -> Code {
    match outcome {
        Outcome::Keys(KeyOutcome::Refused(code)) => *code,
        _ => otherwise,
    }
}
