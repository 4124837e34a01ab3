//! A seat's answer to a published statement (protocol section 5, statements; section 8): the chain is checked, the store swaps it in,
//! and only then it is acknowledged and applied.

use crate::error::Code;
use crate::ids::ClusterId;
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use super::facts::{Claims, Genesis, PolicyTip};
use super::message::Flow;
use super::outbox::Outbox;
use super::store::{Audit, Stored, Transaction};
use super::{
    Action, ActionId, ChannelId, Event, Input, KeyAction, KeyOutcome, Message, Opened, Outcome, Output,
};

/// One channel of flow 5, at the service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StatementService {
    cluster: ClusterId,
    genesis: Genesis,
    held: PolicyTip,
    channel: ChannelId,
    state: State,
    out: Outbox,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Start,
    AwaitPublish(Deadline),
    Checking(ActionId, Vec<Vec<u8>>),
    Storing(ActionId, PolicyTip),
    Auditing(ActionId, Code),
    Over(Option<PolicyTip>),
}

impl StatementService {
    /// On this channel, before it is open. `held` is the newest policy of the store.
    pub fn start(cluster: ClusterId, genesis: Genesis, held: PolicyTip, channel: ChannelId) -> Self {
        Self { cluster, genesis, held, channel, state: State::Start, out: Outbox::default() }
    }

    /// One input.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match (&self.state, input) {
            (State::Start, Input::Opened(opened)) if opened.channel == self.channel => {
                self.opened(&opened, now)
            }
            (State::AwaitPublish(_), Input::Message(channel, Message::Publish(statements)))
                if channel == self.channel =>
            {
                let check = KeyAction::CheckPolicies {
                    genesis: self.genesis.clone(),
                    held: Some(self.held),
                    statements: statements.clone(),
                };
                self.state = State::Checking(self.out.perform(Action::Keys(check)), statements);
            }
            (State::Checking(action, statements), Input::Done(id, outcome)) if *action == id => {
                let statements = statements.clone();
                self.checked(statements, &outcome);
            }
            (State::Storing(action, tip), Input::Done(id, outcome)) if *action == id => {
                let tip = *tip;
                self.stored(tip, &outcome);
            }
            (State::Auditing(action, code), Input::Done(id, _)) if *action == id => {
                let code = *code;
                self.turn_away(code, "statement: chain, threshold of the predecessor, epoch, c");
            }
            (_, Input::Closed(channel, ..)) if channel == self.channel => self.state = State::Over(None),
            (_, Input::Done(..) | Input::Closed(..)) => {}
            (_, Input::Tick) => {
                if self.deadline().is_some_and(|deadline| deadline.is_over(now)) {
                    self.turn_away(Code::TIMEOUT, "statement: in time");
                }
            }
            (_, input) => {
                self.out.event(Event::OutOfOrder { state: "statement", input: input.word() });
                self.out.refuse(self.channel, Code::OUT_OF_ORDER);
            }
        }
    }

    /// The next output.
    pub fn poll(&mut self) -> Output {
        self.out.poll().unwrap_or_else(|| Output::Wait(self.deadline()))
    }

    /// Whether this channel has come to its end.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// The policy that the store holds because of this channel: every open channel is judged by it again if it is urgent.
    pub const fn applied(&self) -> Option<PolicyTip> {
        match &self.state {
            State::Over(tip) => *tip,
            State::Start
            | State::AwaitPublish(_)
            | State::Checking(..)
            | State::Storing(..)
            | State::Auditing(..) => None,
        }
    }

    /// Who publishes is not asked for a role: the signatures of the statements are what counts, and the channel took a key or a chain.
    fn opened(&mut self, opened: &Opened, now: Instant) {
        let proven = |peer: &Peer| !peer.facts().keys.is_empty() || peer.facts().member.is_some();
        match &opened.claims {
            Claims::Author(cluster) if *cluster == self.cluster && proven(&opened.peer) => {
                self.state = State::AwaitPublish(Deadline::start(Timer::Grant, now));
            }
            Claims::Author(cluster) if *cluster == self.cluster => {
                self.turn_away(Code::KEY_PROOF, "statement: an operator's key or a member's chain");
            }
            _ => self.turn_away(Code::NOT_EXPECTED, "statement: c"),
        }
    }

    fn checked(&mut self, statements: Vec<Vec<u8>>, outcome: &Outcome) {
        match outcome {
            Outcome::Keys(KeyOutcome::Policy(tip)) if *tip == self.held => self.acknowledge(*tip),
            Outcome::Keys(KeyOutcome::Policy(tip)) if tip.epoch == self.held.epoch => {
                self.out.event(Event::Fork { held: self.held, other: *tip });
                self.audit(Code::FORKED);
            }
            Outcome::Keys(KeyOutcome::Policy(tip)) if tip.epoch > self.held.epoch => {
                let publish = Transaction::Publish { held: Some(self.held), tip: *tip, statements };
                self.state = State::Storing(self.out.perform(Action::Store(publish)), *tip);
            }
            Outcome::Keys(KeyOutcome::Policy(_)) => self.audit(Code::FORKED),
            Outcome::Keys(KeyOutcome::Refused(code)) => self.audit(*code),
            _ => self.turn_away(Code::INTERNAL, "statement: the check"),
        }
    }

    fn stored(&mut self, tip: PolicyTip, outcome: &Outcome) {
        match outcome {
            Outcome::Store(Stored::Applied(_)) => self.acknowledge(tip),
            Outcome::Store(Stored::NoQuorum) => self.turn_away(Code::NO_QUORUM, "statement: the store"),
            _ => self.turn_away(Code::BUSY, "statement: nobody else published meanwhile"),
        }
    }

    fn acknowledge(&mut self, tip: PolicyTip) {
        self.out.send(self.channel, Message::Ack(tip));
        self.out.close(self.channel, Code::ACCEPTED);
        self.state = State::Over(Some(tip));
    }

    fn audit(&mut self, code: Code) {
        let audit = Audit {
            flow: Flow::Statement,
            node: None,
            machine: None,
            boot: None,
            code,
            policy: self.held.epoch,
        };
        self.state = State::Auditing(self.out.perform(Action::Store(Transaction::Audit(audit))), code);
    }

    fn turn_away(&mut self, code: Code, guard: &'static str) {
        self.out.event(Event::Refused { code, guard });
        self.out.close(self.channel, code);
        self.state = State::Over(None);
    }

    const fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::AwaitPublish(deadline) => Some(*deadline),
            State::Start
            | State::Checking(..)
            | State::Storing(..)
            | State::Auditing(..)
            | State::Over(_) => None,
        }
    }
}
