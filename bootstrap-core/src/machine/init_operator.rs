//! The operator's side of an init (protocol section 5, table `init_operator`): one genesis meets one node.

use core::time::Duration;

use crate::error::{Class, Code};
use crate::ids::{AttemptId, ConfigDigest, NodeId};
use crate::keys::Handle;
use crate::peer::{LockClaim, Peer};
use crate::ticket::{InitGrant, LockShown};
use crate::time::{Deadline, Instant, Timer};

use super::backoff::Backoff;
use super::facts::{Authority, Custody, Fingerprint, Floors, Genesis, LockRegister, Name};
use super::guard::{Guard, removed};
use super::message::{Done, Flow, GrantRef, InitResult, Locked};
use super::outbox::{Answer, Outbox};
use super::record::{OperatorPhase, OperatorRecord, Record};
use super::{
    Action, ActionId, ChannelId, Claims, Event, Input, KeyAction, KeyOutcome, Message, Opened, Outcome,
    Output,
};

/// What an operator decides before an init.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "all of it is the caller's decision")]
pub struct OperatorConfig {
    /// Which run of init. Random; kept in the state file.
    pub attempt: AttemptId,
    /// Who will have authority.
    pub authority: Authority,
    /// How secrets are kept.
    pub custody: Custody,
    /// Configurations that the first node may run.
    pub configurations: Vec<ConfigDigest>,
    /// The lock register that an accepted node has, with its open value.
    pub register: LockRegister,
    /// The least class of lock: 1 permits one in software.
    pub least_lock: u8,
    /// The first node's id. Random.
    pub node: NodeId,
    /// The first node's name.
    pub name: Name,
}

/// An operator that makes a cluster out of one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InitOperator {
    config: OperatorConfig,
    state: State,
    record: Option<OperatorRecord>,
    master: Option<Handle>,
    backoff: Backoff,
    out: Outbox,
    /// T-init: the whole of it.
    whole: Deadline,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// O0: secrets and genesis are being made.
    Making(ActionId),
    /// O1, between dials.
    Waiting(Deadline),
    /// O1, a dial is out.
    Dialling(ActionId),
    /// O1, the channel is on its way.
    Opening(ChannelId, Deadline),
    /// O2.
    Bound { channel: ChannelId, renewed: Option<Box<Peer>>, deadline: Deadline },
    /// O2, the lock was shown; the grant is being made.
    Granting { channel: ChannelId, action: ActionId },
    /// O3.
    Granted { channel: ChannelId, deadline: Deadline },
    /// O3, the result's chain is being checked.
    Checking { channel: ChannelId, action: ActionId, result: Box<InitResult> },
    /// O4.
    Member,
    /// A refusal that a person must look at, or O9.
    Stopped,
}

impl InitOperator {
    /// O0: a new cluster, or, from a state file, the one of that file. `found.1` is the key ring's handle to the master secret.
    pub fn start(
        config: OperatorConfig,
        found: Option<(OperatorRecord, Handle)>,
        seed: [u8; 32],
        now: Instant,
    ) -> Self {
        let mut out = Outbox::default();
        let (state, record, master) = match found {
            Some((record, master)) if record.phase != OperatorPhase::Abandoned => {
                let state = match record.phase {
                    OperatorPhase::Member => State::Member,
                    OperatorPhase::Prepared
                    | OperatorPhase::Bound
                    | OperatorPhase::Granting
                    | OperatorPhase::Abandoned => dial(&mut out),
                };
                (state, Some(record), Some(master))
            }
            Some(_) | None => {
                let action =
                    KeyAction::NewMaster { authority: config.authority.clone(), custody: config.custody };
                (State::Making(out.perform(Action::Keys(action))), None, None)
            }
        };
        let whole = Deadline::start(Timer::Init, now);
        Self { config, state, record, master, backoff: Backoff::new(seed), out, whole }
    }

    /// One input.
    pub fn handle(&mut self, input: Input, now: Instant) {
        if self.out.is_stopped() {
            return;
        }
        if let Input::Done(id, outcome) = &input {
            match self.out.answered(*id, outcome) {
                Answer::NotMine => {}
                Answer::Written | Answer::Stopped => return,
            }
        }
        match input {
            Input::Opened(opened) => self.opened(*opened, now),
            Input::Reopened(channel, peer) => self.reopened(channel, peer),
            Input::Message(channel, message) => self.message(channel, message, now),
            Input::Closed(channel, code, hint) => self.closed(channel, code, hint, now),
            Input::Done(id, outcome) => self.done(id, outcome, now),
            Input::Step(..) => self.out_of_order(None, "a step of an action"),
            Input::Tick => self.tick(now),
        }
    }

    /// What `poll` would hand out, unless that is to wait.
    #[cfg(test)]
    pub(super) fn peek(&self) -> Option<&Output> {
        self.out.peek()
    }

    /// The next output.
    pub fn poll(&mut self) -> Output {
        self.out.poll().unwrap_or_else(|| self.out.wait(self.deadline()))
    }

    /// Gives this genesis up for good; a later init makes a new one, so that no genesis meets two nodes.
    pub fn abandon(&mut self) {
        if let Some(record) = &mut self.record {
            if record.phase == OperatorPhase::Member {
                return;
            }
            record.phase = OperatorPhase::Abandoned;
            self.out.persist(Record::Operator(record.clone()));
        }
        if let Some(channel) = self.channel() {
            self.out.close(channel, Code::SHUTTING_DOWN);
        }
        self.stop(Code::SHUTTING_DOWN);
    }

    /// What the state file says, once there is one.
    pub const fn record(&self) -> Option<&OperatorRecord> {
        self.record.as_ref()
    }

    fn opened(&mut self, opened: Opened, now: Instant) {
        let Opened { channel, peer, claims } = opened;
        let (State::Opening(expected, _), Some(record)) = (&self.state, &mut self.record) else {
            return self.out_of_order(Some(channel), "Opened");
        };
        if *expected != channel {
            return self.out_of_order(Some(channel), "Opened");
        }
        let bound = match may_bind(&self.config, record, &peer, &claims) {
            Ok(fingerprint) => fingerprint,
            Err((code, guard)) => {
                self.out.event(Event::Refused { code, guard });
                self.out.close(channel, code);
                return self.failed(code, 0, now);
            }
        };
        if record.phase == OperatorPhase::Prepared {
            record.phase = OperatorPhase::Bound;
        }
        record.bound = Some(bound);
        self.out.persist(Record::Operator(record.clone()));
        self.backoff.opened(now);
        self.state = State::Bound { channel, renewed: None, deadline: Deadline::start(Timer::Lock, now) };
    }

    fn reopened(&mut self, channel: ChannelId, peer: Box<Peer>) {
        match &mut self.state {
            State::Bound { channel: bound, renewed, .. } if *bound == channel => *renewed = Some(peer),
            State::Making(_)
            | State::Waiting(_)
            | State::Dialling(_)
            | State::Opening(..)
            | State::Bound { .. }
            | State::Granting { .. }
            | State::Granted { .. }
            | State::Checking { .. }
            | State::Member
            | State::Stopped => self.out_of_order(Some(channel), "Reopened"),
        }
    }

    fn message(&mut self, channel: ChannelId, message: Message, now: Instant) {
        match (&self.state, message) {
            (State::Bound { channel: bound, .. }, Message::Locked(locked)) if *bound == channel => {
                self.locked(channel, locked);
            }
            (State::Granted { channel: bound, .. }, Message::Progress(progress)) if *bound == channel => {
                self.out.event(Event::Progress(progress));
                self.state = State::Granted { channel, deadline: Deadline::start(Timer::Progress, now) };
            }
            (State::Granted { channel: bound, .. }, Message::Result(result)) if *bound == channel => {
                self.result(channel, result);
            }
            (_, message) => self.out_of_order(Some(channel), message.word()),
        }
    }

    /// O2: Locked.
    fn locked(&mut self, channel: ChannelId, locked: Locked) {
        let (State::Bound { renewed, .. }, Some(record)) = (&self.state, &mut self.record) else { return };
        let genesis = match (self.config.custody, locked.genesis, record.phase) {
            // The node completes a genesis once; what was granted under one is never granted under another.
            (Custody::NodeBorn, Some(genesis), OperatorPhase::Bound)
                if genesis.complete && genesis.authority == record.genesis.authority =>
            {
                genesis
            }
            (Custody::NodeBorn, Some(genesis), OperatorPhase::Granting) if genesis == record.genesis => {
                genesis
            }
            (Custody::Joint | Custody::Split, None, _) => record.genesis.clone(),
            _ => return self.refuse(channel, Code::TRANSCRIPT, "O2: the genesis is the one of this init"),
        };
        if genesis.cluster() != Some(locked.cluster) {
            return self.refuse(channel, Code::LOCK_STATE, "O2: Locked names c");
        }
        let shown = LockShown::check(
            locked.cluster,
            locked.class,
            renewed.as_deref(),
            &self.config.register,
            self.config.least_lock,
            Guard::OperatorLocked,
        );
        let shown = match shown {
            Ok(shown) => shown,
            Err(code) => {
                return self.refuse(channel, code, "O2: the register shows c, or its class needs none");
            }
        };
        record.phase = OperatorPhase::Granting;
        record.genesis = genesis;
        self.out.persist(Record::Operator(record.clone()));
        let grant = InitGrant::new(shown, record.attempt, self.config.node, self.config.name.clone());
        let action = self.out.perform(Action::Keys(KeyAction::InitGrant(grant)));
        self.state = State::Granting { channel, action };
    }

    /// O3: Result.
    fn result(&mut self, channel: ChannelId, result: InitResult) {
        let Some(record) = &self.record else { return };
        if result.genesis != record.genesis
            || record.genesis.cluster() != Some(result.cluster)
            || result.node != self.config.node
        {
            return self.refuse(channel, Code::TRANSCRIPT, "O3: genesis and node are those of this init");
        }
        let check = KeyAction::CheckResult {
            genesis: record.genesis.clone(),
            node: result.node,
            chain: result.chain.clone(),
        };
        let action = self.out.perform(Action::Keys(check));
        self.state = State::Checking { channel, action, result: Box::new(result) };
    }

    fn done(&mut self, id: ActionId, outcome: Outcome, now: Instant) {
        match (&self.state, outcome) {
            (State::Making(action), Outcome::Keys(KeyOutcome::Cluster { genesis, roots }))
                if *action == id =>
            {
                self.made(genesis, roots);
            }
            (State::Making(action), _) if *action == id => self.stop(Code::INTERNAL),
            (State::Dialling(action), Outcome::Dialled(channel)) if *action == id => {
                self.state = State::Opening(channel, Deadline::start(Timer::Open, now));
            }
            (State::Dialling(action), _) if *action == id => self.failed(Code::TIMEOUT, 0, now),
            (State::Granting { channel, action }, Outcome::Keys(KeyOutcome::Grant(grant)))
                if *action == id =>
            {
                self.granted(*channel, grant, now);
            }
            (State::Granting { channel, action }, _) if *action == id => {
                let channel = *channel;
                self.out.close(channel, Code::INTERNAL);
                self.stop(Code::INTERNAL);
            }
            (State::Checking { channel, action, result }, Outcome::Keys(KeyOutcome::Matches))
                if *action == id =>
            {
                let (channel, generation, cluster) = (*channel, result.generation, result.cluster);
                self.member(channel, generation, cluster);
            }
            (State::Checking { channel, action, .. }, _) if *action == id => {
                let channel = *channel;
                self.out.close(channel, Code::KEY_PROOF);
                self.stop(Code::KEY_PROOF);
            }
            _ => self.out_of_order(None, "Done of an action"),
        }
    }

    fn made(&mut self, genesis: Genesis, master: Handle) {
        let record = OperatorRecord {
            phase: OperatorPhase::Prepared,
            genesis,
            attempt: self.config.attempt,
            bound: None,
            node: None,
            floors: Floors::default(),
        };
        self.out.persist(Record::Master(master));
        self.out.persist(Record::Operator(record.clone()));
        self.record = Some(record);
        self.master = Some(master);
        self.state = dial(&mut self.out);
    }

    fn granted(&mut self, channel: ChannelId, grant: GrantRef, now: Instant) {
        self.out.send(channel, Message::Grant(grant));
        self.state = State::Granted { channel, deadline: Deadline::start(Timer::Progress, now) };
    }

    fn member(&mut self, channel: ChannelId, generation: u32, cluster: crate::ids::ClusterId) {
        if let Some(record) = &mut self.record {
            record.phase = OperatorPhase::Member;
            record.node = Some(self.config.node);
            record.floors.generation = generation;
            self.out.persist(Record::Operator(record.clone()));
        }
        self.out.send(channel, Message::Done(Done { code: Code::ACCEPTED, generation }));
        self.out.event(Event::Member { cluster, node: self.config.node });
        self.state = State::Member;
    }

    fn closed(&mut self, channel: ChannelId, code: Code, hint: u32, now: Instant) {
        if self.channel() != Some(channel) {
            return; // a channel that was given up already
        }
        self.failed(code, hint, now);
    }

    fn tick(&mut self, now: Instant) {
        if matches!(self.state, State::Member | State::Stopped) {
            return;
        }
        if self.whole.is_over(now) {
            if let Some(channel) = self.channel() {
                self.out.close(channel, Code::TIMEOUT);
            }
            return self.stop(Code::TIMEOUT);
        }
        match &self.state {
            State::Waiting(deadline) if deadline.is_over(now) => self.state = dial(&mut self.out),
            State::Opening(channel, deadline)
            | State::Bound { channel, deadline, .. }
            | State::Granted { channel, deadline }
                if deadline.is_over(now) =>
            {
                let channel = *channel;
                self.out.close(channel, Code::TIMEOUT);
                self.failed(Code::TIMEOUT, 0, now);
            }
            State::Making(_)
            | State::Waiting(_)
            | State::Dialling(_)
            | State::Opening(..)
            | State::Bound { .. }
            | State::Granting { .. }
            | State::Granted { .. }
            | State::Checking { .. }
            | State::Member
            | State::Stopped => {}
        }
    }

    /// O1..O3, the channel is gone: back to O1 for what can be asked again, else it waits for a person.
    fn failed(&mut self, code: Code, hint: u32, now: Instant) {
        match code.class() {
            Class::Retry | Class::RetryOrPeer | Class::Peer => self.wait(hint, now),
            Class::Fix if code.is_accepted() => self.wait(hint, now), // closed without a word
            Class::Fix | Class::Boot => self.stop(code),
        }
    }

    fn wait(&mut self, hint: u32, now: Instant) {
        let wait: Duration = self.backoff.failed(hint, now);
        self.state = State::Waiting(Deadline { at: now.after(wait), timer: Timer::Backoff });
    }

    fn stop(&mut self, code: Code) {
        self.out.event(Event::Stopped { code, state: self.state.word() });
        self.state = State::Stopped;
    }

    fn refuse(&mut self, channel: ChannelId, code: Code, guard: &'static str) {
        self.out.event(Event::Refused { code, guard });
        self.out.refuse(channel, code);
    }

    fn out_of_order(&mut self, channel: Option<ChannelId>, input: &'static str) {
        self.out.event(Event::OutOfOrder { state: self.state.word(), input });
        if let Some(channel) = channel {
            self.out.refuse(channel, Code::OUT_OF_ORDER);
        }
    }

    const fn channel(&self) -> Option<ChannelId> {
        match &self.state {
            State::Opening(channel, _)
            | State::Bound { channel, .. }
            | State::Granting { channel, .. }
            | State::Granted { channel, .. }
            | State::Checking { channel, .. } => Some(*channel),
            State::Making(_) | State::Waiting(_) | State::Dialling(_) | State::Member | State::Stopped => {
                None
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::Waiting(deadline)
            | State::Opening(_, deadline)
            | State::Bound { deadline, .. }
            | State::Granted { deadline, .. } => Some((*deadline).min_by_time(self.whole)),
            State::Making(_) | State::Dialling(_) | State::Granting { .. } | State::Checking { .. } => {
                Some(self.whole)
            }
            State::Member | State::Stopped => None,
        }
    }
}

fn dial(out: &mut Outbox) -> State {
    State::Dialling(out.perform(Action::Dial { endpoint: 0, flow: Flow::Init }))
}

/// The guard of O1.
fn may_bind(
    config: &OperatorConfig,
    record: &OperatorRecord,
    peer: &Peer,
    claims: &Claims,
) -> Result<Fingerprint, (Code, &'static str)> {
    let Claims::Node(node) = claims else {
        return Err((Code::NOT_EXPECTED, "O1: the peer is a node"));
    };
    let facts = peer.facts();
    if !facts.is_attested() {
        return Err((Code::UNTRUSTED, "O1: its evidence was accepted"));
    }
    let Some(fingerprint) = Fingerprint::of(facts) else {
        return Err((Code::WRONG_VALUE, "O1: it names its configuration and its boot"));
    };
    let known = config.configurations.contains(&fingerprint.configuration);
    if !known && !removed(Guard::OperatorConfiguration) {
        return Err((Code::CONFIGURATION, "O1: its configuration is one of mine"));
    }
    let cluster = record.genesis.cluster();
    let lock = facts.lock.as_ref().ok_or((Code::LOCK_STATE, "O1: it says where its lock stands"))?;
    if *lock == LockClaim::Open {
        let reads_open = match config.register.open() {
            None => true,
            Some(open) => facts.register.is_some_and(|read| open == read),
        };
        if !reads_open {
            return Err((Code::LOCK_STATE, "O1: an open lock has an open register"));
        }
    } else if !match &cluster {
        Some(cluster) => lock.cluster() == Some(cluster),
        // Node-born: the node that is bound may have completed the genesis already; Locked will say how.
        None => record.phase == OperatorPhase::Bound,
    } {
        return Err((Code::LOCKED, "O1: its lock is open or of c"));
    }
    if node.header.as_ref().is_some_and(|header| Some(header.cluster) != cluster) {
        return Err((Code::LOCKED, "O1: its disk is blank or of c"));
    }
    let known = match (&record.bound, record.phase) {
        (None, OperatorPhase::Prepared) => true,
        (Some(bound), OperatorPhase::Granting) if node.header.is_none() => *bound == fingerprint,
        (Some(bound), _) => bound.is_same_node(&fingerprint),
        (None, _) => false,
    };
    if !known && !removed(Guard::OperatorBound) {
        return Err((Code::NOT_EXPECTED, "O1: the node that this genesis is bound to"));
    }
    Ok(fingerprint)
}

impl State {
    const fn word(&self) -> &'static str {
        match self {
            Self::Making(_) => "O0",
            Self::Waiting(_) | Self::Dialling(_) | Self::Opening(..) => "O1",
            Self::Bound { .. } | Self::Granting { .. } => "O2",
            Self::Granted { .. } | Self::Checking { .. } => "O3",
            Self::Member => "O4",
            Self::Stopped => "O9",
        }
    }
}
