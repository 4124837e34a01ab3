//! An operator or a custodian that brings a node's disk back (protocol section 5, `recover_pusher`): it pushes once, and reports.

use crate::error::Code;
use crate::ids::{ClusterId, DiskId, NodeId, Role};
use crate::peer::{Peer, SameNode};
use crate::ticket::{Holding, LockShown, RecoverGrant, ShareGrant};
use crate::time::{Deadline, Instant, Timer};

use super::facts::{Claims, DiskHeader, LockRegister, Source};
use super::guard::{Guard, removed};
use super::message::{Done, Locked};
use super::outbox::{Answer, Outbox};
use super::record::Record;
use super::{
    Action, ActionId, ChannelId, Event, Input, KeyAction, KeyOutcome, Message, Opened, Outcome, Output,
};

/// What a pusher knows of the node that it means.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "all of it is the caller's decision")]
pub struct PusherConfig {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node, of the state file.
    pub node: NodeId,
    /// Its disk, of the state file; `None` if it is not known there, which a person has said is right.
    pub disk: Option<DiskId>,
    /// What the node proves itself by, of the state file; `None` for a node whose machine was replaced, which a person has said.
    pub same_node: Option<SameNode>,
    /// What the sender is.
    pub source: Source,
    /// The node's role; roots go with it only for a seat, and only with `roots`.
    pub role: Role,
    /// Whether roots are to go with it.
    pub roots: bool,
    /// The lock register of the nodes that are accepted here.
    pub register: LockRegister,
    /// The least class of lock.
    pub least_lock: u8,
}

/// One push, on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecoverPusher {
    config: PusherConfig,
    channel: ChannelId,
    state: State,
    out: Outbox,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// U1.
    Start(Deadline),
    /// U2.
    AwaitLocked { header: DiskHeader, renewed: Option<Box<Peer>>, deadline: Deadline },
    /// U3, the grant is being made.
    Making { header: DiskHeader, action: ActionId },
    /// U3.
    AwaitDone { header: DiskHeader, deadline: Deadline },
    /// U4.
    Up,
    /// U9.
    Failed(Code),
}

impl RecoverPusher {
    /// U1: on this channel, before it is open.
    pub fn start(config: PusherConfig, channel: ChannelId, now: Instant) -> Self {
        let state = State::Start(Deadline::start(Timer::Open, now));
        Self { config, channel, state, out: Outbox::default() }
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
        match (&mut self.state, input) {
            (State::Start(_), Input::Opened(opened)) if opened.channel == self.channel => {
                self.opened(*opened, now);
            }
            (State::AwaitLocked { renewed, .. }, Input::Reopened(channel, peer))
                if channel == self.channel =>
            {
                *renewed = Some(peer);
            }
            (State::AwaitLocked { .. }, Input::Message(channel, Message::Locked(locked)))
                if channel == self.channel =>
            {
                self.locked(&locked);
            }
            (State::Making { action, .. }, Input::Done(id, outcome)) if *action == id => {
                self.made(&outcome, now);
            }
            (State::AwaitDone { .. }, Input::Message(channel, Message::Done(done)))
                if channel == self.channel =>
            {
                self.done(done);
            }
            // Shares are counted; the node says how many it holds.
            (State::AwaitDone { header, .. }, Input::Message(channel, Message::Held(_)))
                if channel == self.channel =>
            {
                let header = header.clone();
                self.state = State::AwaitDone { header, deadline: Deadline::start(Timer::Shares, now) };
            }
            (State::Up | State::Failed(_), Input::Closed(..)) => {}
            (_, Input::Closed(channel, code, _)) if channel == self.channel => self.failed(code),
            (_, Input::Done(..) | Input::Closed(..)) => {}
            (_, Input::Tick) => {
                if self.deadline().is_some_and(|deadline| deadline.is_over(now)) {
                    self.out.close(self.channel, Code::TIMEOUT);
                    self.failed(Code::TIMEOUT);
                }
            }
            (_, input) => {
                self.out.event(Event::OutOfOrder { state: self.state.word(), input: input.word() });
                self.out.refuse(self.channel, Code::OUT_OF_ORDER);
            }
        }
    }

    /// What `poll` would hand out, unless that is to wait.
    #[cfg(test)]
    pub(super) fn peek(&self) -> Option<&Output> {
        self.out.peek()
    }

    /// The next output.
    pub fn poll(&mut self) -> Output {
        self.out.poll().unwrap_or_else(|| Output::Wait(self.deadline()))
    }

    /// What became of it: `None` while it is under way, and then accepted, or the code of what failed.
    pub const fn result(&self) -> Option<Code> {
        match &self.state {
            State::Up => Some(Code::ACCEPTED),
            State::Failed(code) => Some(*code),
            State::Start(_) | State::AwaitLocked { .. } | State::Making { .. } | State::AwaitDone { .. } => {
                None
            }
        }
    }

    /// U1 to U2.
    fn opened(&mut self, opened: Opened, now: Instant) {
        match self.may_push(&opened.peer, opened.claims) {
            Ok(header) => {
                let deadline = Deadline::start(Timer::Lock, now);
                self.state = State::AwaitLocked { header, renewed: None, deadline };
            }
            Err((code, guard)) => self.turn_away(code, guard),
        }
    }

    fn may_push(&self, peer: &Peer, claims: Claims) -> Result<DiskHeader, (Code, &'static str)> {
        let config = &self.config;
        let Claims::Node(claims) = claims else {
            return Err((Code::NOT_EXPECTED, "U1: the peer is a node"));
        };
        if !peer.facts().is_attested() {
            return Err((Code::UNTRUSTED, "U1: its evidence was accepted"));
        }
        let header = claims.header.ok_or((Code::NOT_EXPECTED, "U1: its disk has a header"))?;
        if header.cluster != config.cluster {
            return Err((Code::LOCKED, "U1: header c"));
        }
        if header.node != config.node || config.disk.is_some_and(|disk| disk != header.disk) {
            return Err((Code::NOT_EXPECTED, "U1: node and disk as in my state file"));
        }
        let other = config.same_node.as_ref().is_some_and(|enrolled| !peer.proved_same_node(enrolled));
        if other && !removed(Guard::PusherSameNode) {
            return Err((Code::SAME_NODE, "U1: same node as in my state file"));
        }
        Ok(header)
    }

    /// U2 to U3.
    fn locked(&mut self, locked: &Locked) {
        let State::AwaitLocked { header, renewed, .. } = &self.state else { return };
        let config = &self.config;
        if locked.cluster != config.cluster {
            return self.turn_away(Code::LOCK_STATE, "U2: Locked names c");
        }
        let shown = LockShown::check(
            config.cluster,
            locked.class,
            renewed.as_deref(),
            &config.register,
            config.least_lock,
            Guard::OperatorLocked,
        );
        let shown = match shown {
            Ok(shown) => shown,
            Err(code) => return self.turn_away(code, "U2: the register shows c, or its class needs none"),
        };
        let header = header.clone();
        let action = match config.source {
            Source::Custodian => KeyAction::ShareGrant(ShareGrant::new(shown)),
            Source::Operator => {
                let holding =
                    if config.roots { Holding::of(config.role, &header.epochs) } else { Holding::Worker };
                let epochs = header.epochs.clone();
                KeyAction::RecoverGrant(RecoverGrant::new(shown, header.node, header.disk, epochs, holding))
            }
        };
        let action = self.out.perform(Action::Keys(action));
        self.state = State::Making { header, action };
    }

    fn made(&mut self, outcome: &Outcome, now: Instant) {
        let State::Making { header, .. } = &self.state else { return };
        let header = header.clone();
        match outcome {
            Outcome::Keys(KeyOutcome::Grant(grant)) => {
                self.out.send(self.channel, Message::Grant(grant.clone()));
                self.state = State::AwaitDone { header, deadline: Deadline::start(Timer::Done, now) };
            }
            Outcome::Keys(KeyOutcome::Refused(code)) => self.turn_away(*code, "U3: the grant"),
            _ => self.turn_away(Code::INTERNAL, "U3: the grant"),
        }
    }

    /// U3 to U4, or to U9.
    fn done(&mut self, done: Done) {
        let State::AwaitDone { header, .. } = &self.state else { return };
        if !done.code.is_accepted() {
            self.out.close(self.channel, Code::ACCEPTED);
            return self.failed(done.code);
        }
        self.out.persist(Record::Seen { node: header.node, generation: done.generation });
        self.out.close(self.channel, Code::ACCEPTED);
        self.state = State::Up;
    }

    fn turn_away(&mut self, code: Code, guard: &'static str) {
        self.out.event(Event::Refused { code, guard });
        self.out.close(self.channel, code);
        self.failed(code);
    }

    /// U9: reported, never repeated by itself.
    fn failed(&mut self, code: Code) {
        self.out.event(Event::Stopped { code, state: self.state.word() });
        self.state = State::Failed(code);
    }

    const fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::Start(deadline)
            | State::AwaitLocked { deadline, .. }
            | State::AwaitDone { deadline, .. } => Some(*deadline),
            State::Making { .. } | State::Up | State::Failed(_) => None,
        }
    }
}

impl State {
    const fn word(&self) -> &'static str {
        match self {
            Self::Start(_) => "U1",
            Self::AwaitLocked { .. } => "U2",
            Self::Making { .. } | Self::AwaitDone { .. } => "U3",
            Self::Up => "U4",
            Self::Failed(_) => "U9",
        }
    }
}
