//! Every row of the tables of protocol section 5: the state, the input, its guard true and false. The names of tests start with the
//! state.

mod init_node;
mod init_operator;
mod join_node;
mod join_service;
mod lock;
mod recover_pusher;
mod rejoin;
mod renew;
mod statement;

use super::guard::{Guard, without};
use super::record::Record;
use super::symbolic::{Host, Machine, NOW, keys, node_config};
use super::{
    Action, ActionId, ChannelId, Event, Input, KeyAction, Message, Node, NodeConfig, Opened, Outcome, Output,
};
use crate::error::Code;
use crate::peer::Peer;
use crate::time::Instant;

use super::facts::Claims;

pub(super) const CH: ChannelId = ChannelId::new(1);
pub(super) const OTHER: ChannelId = ChannelId::new(2);

pub(super) fn opened(channel: ChannelId, peer: Peer, claims: Claims) -> Input {
    Input::Opened(Box::new(Opened { channel, peer, claims }))
}

pub(super) fn sent(outputs: &[Output]) -> Vec<&Message> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send(_, message) => Some(message),
            _ => None,
        })
        .collect()
}

pub(super) fn written(outputs: &[Output]) -> Vec<&Record> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Do(_, Action::Persist(record)) => Some(record),
            _ => None,
        })
        .collect()
}

pub(super) fn refusals(outputs: &[Output]) -> Vec<u8> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Refuse(_, code) => Some(code.number()),
            _ => None,
        })
        .collect()
}

pub(super) fn closes(outputs: &[Output]) -> Vec<u8> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Do(_, Action::Close { code, .. }) => Some(code.number()),
            _ => None,
        })
        .collect()
}

pub(super) fn events(outputs: &[Output]) -> Vec<&Event> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// The one action that fits.
pub(super) fn action(outputs: &[Output], fits: impl Fn(&Action) -> bool) -> Option<ActionId> {
    let mut found = outputs.iter().filter_map(|output| match output {
        Output::Do(id, action) if fits(action) => Some(*id),
        _ => None,
    });
    let first = found.next();
    assert!(found.next().is_none(), "more than one");
    first
}

pub(super) fn key_action(outputs: &[Output]) -> Option<(ActionId, KeyAction)> {
    outputs.iter().find_map(|output| match output {
        Output::Do(_, Action::Keys(KeyAction::Forget(_))) => None,
        Output::Do(id, Action::Keys(action)) => Some((*id, action.clone())),
        _ => None,
    })
}

/// A machine that gets this input says 16 to the channel, and is what it was.
pub(super) fn assert_out_of_order<M: Machine>(machine: &M, input: Input) {
    let mut after = machine.clone();
    let outputs = after.run(input.clone(), NOW);
    assert_eq!(refusals(&outputs), [16], "{input:?}");
    assert!(sent(&outputs).is_empty() && written(&outputs).is_empty() && closes(&outputs).is_empty());
    assert_eq!(&after, machine, "{input:?}");
}

/// A node with its host: what the machine asks of its host is done at once, unless it is held back.
#[derive(Clone, Debug)]
pub(super) struct Rig {
    pub(super) node: Node,
    pub(super) host: Host,
    pub(super) now: Instant,
    /// Actions that are not done.
    pub(super) hold: fn(&Action) -> bool,
    pub(super) held: Vec<(ActionId, Action)>,
}

impl Rig {
    pub(super) fn start(host: Host) -> (Self, Vec<Output>) {
        let config = node_config(&host);
        Self::configured(host, config)
    }

    pub(super) fn configured(host: Host, config: NodeConfig) -> (Self, Vec<Output>) {
        let node = Node::start(config, &host.found(), [7; 32], NOW);
        let mut rig = Self { node, host, now: NOW, hold: |_| false, held: Vec::new() };
        let outputs = rig.settle();
        (rig, outputs)
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<Output> {
        self.node.handle(input, self.now);
        self.settle()
    }

    pub(super) fn message(&mut self, channel: ChannelId, message: Message) -> Vec<Output> {
        self.input(Input::Message(channel, message))
    }

    pub(super) fn release(&mut self, outcome: Outcome) -> Vec<Output> {
        let (id, _) = self.held.remove(0);
        self.input(Input::Done(id, outcome))
    }

    /// Until the next deadline, and one tick.
    pub(super) fn wait(&mut self) -> Vec<Output> {
        let deadline = self.node.deadline().expect("a deadline");
        self.now = deadline.at;
        self.input(Input::Tick)
    }

    /// Waits until the node dials, answers with this channel, and opens it.
    pub(super) fn dial(&mut self, channel: ChannelId, peer: Peer, claims: Claims) -> Vec<Output> {
        for _ in 0..10 {
            let outputs = self.wait();
            if let Some(id) = action(&outputs, |action| matches!(action, Action::Dial { .. })) {
                assert!(self.input(Input::Done(id, Outcome::Dialled(channel))).is_empty());
                return self.input(opened(channel, peer, claims));
            }
        }
        panic!("it does not dial")
    }

    fn settle(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        loop {
            let output = Node::poll(&mut self.node);
            let done = match &output {
                Output::Wait(_) => return outputs,
                Output::Do(id, action) if (self.hold)(action) => {
                    self.held.push((*id, action.clone()));
                    None
                }
                Output::Do(id, action) => self.host.perform(action).map(|outcome| (*id, outcome)),
                Output::Send(..) | Output::Refuse(..) | Output::Event(_) => None,
            };
            outputs.push(output);
            if let Some((id, outcome)) = done {
                self.node.handle(Input::Done(id, outcome), self.now);
            }
            assert!(outputs.len() < 1_000, "a machine that never waits");
        }
    }
}

/// Answers the key action among these outputs as the key ring of that cluster's operator or service does.
pub(super) fn answer_keys<M: Machine>(machine: &mut M, outputs: &[Output], own: u8) -> Vec<Output> {
    let (id, action) = key_action(outputs).expect("a key action");
    let outcome = Outcome::Keys(keys(&action, own, super::symbolic::boot_id(1)));
    machine.run(Input::Done(id, outcome), NOW)
}

pub(super) fn closed(channel: ChannelId, code: Code) -> Input {
    Input::Closed(channel, code, 0)
}
