//! Whose engine it is: the machine that runs all the time, and one for each channel that a service has.

use super::setup::{NodeSetup, OperatorSetup, PublisherSetup, PusherSetup};
use super::standing::Standing;
use crate::error::Code;
use crate::ids::{ClusterId, Role};
use crate::machine::message::Flow;
use crate::machine::{
    Action, ActionId, ChannelId, Claims, Event, InitOperator, Input, JoinService, Message, Node, Output,
    RecoverPusher, StatementService,
};
use crate::time::Instant;
use crate::wire::Signed;

/// Which machine of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Main,
    Service(ChannelId),
}

/// The machine that runs all the time, with what its channels say.
pub(super) enum Party {
    Operator(Box<OperatorSetup>, Box<InitOperator>),
    Node(Box<NodeSetup>, Box<Node>),
    /// One push, once there is a channel for it.
    Pusher(Box<PusherSetup>, Option<Box<RecoverPusher>>),
    Publisher(Box<PublisherSetup>, Publisher),
}

/// A machine of one channel that a service has.
pub(super) enum Service {
    Join(ClusterId, Box<JoinService>),
    Statement(ClusterId, Box<StatementService>),
}

impl Party {
    pub(super) fn handle(&mut self, input: Input, now: Instant) {
        match self {
            Self::Operator(_, machine) => machine.handle(input, now),
            Self::Node(_, machine) => machine.handle(input, now),
            Self::Pusher(_, Some(machine)) => machine.handle(input, now),
            Self::Pusher(_, None) => {}
            Self::Publisher(setup, machine) => machine.handle(input, setup),
        }
    }

    pub(super) fn poll(&mut self) -> Output {
        match self {
            Self::Operator(_, machine) => machine.poll(),
            Self::Node(_, machine) => machine.poll(),
            Self::Pusher(_, Some(machine)) => machine.poll(),
            Self::Pusher(_, None) => Output::Wait(None),
            Self::Publisher(_, machine) => machine.poll(),
        }
    }
}

impl Service {
    pub(super) const fn cluster(&self) -> ClusterId {
        match self {
            Self::Join(cluster, _) | Self::Statement(cluster, _) => *cluster,
        }
    }

    /// Whether nothing more comes of it. What it asked to be written down is answered whether its channel is there or not.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Join(_, machine) => machine.is_over(),
            Self::Statement(_, machine) => machine.is_over(),
        }
    }

    pub(super) fn handle(&mut self, input: Input, rules: Standing<'_>, now: Instant) {
        match self {
            Self::Join(_, machine) => machine.handle(input, &rules, now),
            Self::Statement(_, machine) => machine.handle(input, now),
        }
    }

    pub(super) fn poll(&mut self) -> Output {
        match self {
            Self::Join(_, machine) => machine.poll(),
            Self::Statement(_, machine) => machine.poll(),
        }
    }
}

/// The client's side of flow 5, which has no table: publish, and wait for the answer. The peer is a seat by its chain, and a machine of
/// an accepted set by its evidence, before this is asked.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    out: Vec<Output>,
}

impl Publisher {
    fn handle(&mut self, input: Input, setup: &PublisherSetup) {
        match input {
            Input::Opened(opened) => {
                let channel = opened.channel;
                let member = opened.peer.facts().member.as_ref();
                let seat =
                    member.is_some_and(|member| member.cluster == setup.cluster && member.role == Role::Seat);
                let statements = setup.statements.iter().map(Signed::to_bytes).collect();
                self.out.push(match opened.claims {
                    Claims::Service(claims) if seat && claims.genesis.cluster() == Some(setup.cluster) => {
                        Output::Send(channel, Message::Publish(statements))
                    }
                    _ => Output::Refuse(channel, Code::NOT_EXPECTED),
                });
            }
            Input::Message(channel, Message::Ack(tip)) => {
                self.out.push(Output::Event(Event::Published(tip)));
                let close = Action::Close { channel, code: Code::ACCEPTED, retry: 0 };
                self.out.push(Output::Do(ActionId::new(0), close));
            }
            Input::Message(channel, _) => self.out.push(Output::Refuse(channel, Code::OUT_OF_ORDER)),
            Input::Reopened(..) | Input::Closed(..) | Input::Done(..) | Input::Step(..) | Input::Tick => {}
        }
    }

    fn poll(&mut self) -> Output {
        if self.out.is_empty() { Output::Wait(None) } else { self.out.remove(0) }
    }
}

/// Flows that a seat's services serve, beside those of every node.
pub(super) const SERVICES: [Flow; 4] = [Flow::Join, Flow::Rejoin, Flow::Statement, Flow::Renew];
