//! The parties of a model, and everything that may happen to them.

mod channels;
mod hosts;
mod moves;

use std::collections::VecDeque;

use crate::error::Code;
use crate::ids::{BootId, ClusterId, NodeId};
use crate::machine::facts::*;
use crate::machine::message::{Flow, GrantFacts, Message};
use crate::machine::record::{OperatorRecord, Record};
use crate::machine::store::{Standing, Transaction};
use crate::machine::symbolic::*;
use crate::machine::{
    Action, ActionId, ChannelId, DiskAction, DriverAction, InitOperator, Input, JoinService, KeyAction, Node,
    NodeConfig, Opened, OperatorConfig, Outcome, Output, PusherConfig, RecoverPusher,
};
use crate::peer::{Facts, Member};
use crate::time::Instant;

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) enum Broken {
    GrantUnlocked,
    TwoClusters,
    TwoInitNodes,
    UsedUnlocked,
    LockNotInRegister,
    NotWritten,
    Stranger,
    FalseConfirmation,
    WroteByWrongInput,
    OpenedTwice,
    RolledBack,
    ServicesUnconfirmed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) enum Who {
    Node(usize),
    Operator(usize),
    Pusher(usize),
    /// A seat of this cluster; one machine for each channel.
    Service(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Move {
    /// The host of this one does the next durable thing that it is asked to.
    Work(Who),
    /// The oldest message of that channel to the client (or to the server) arrives.
    Deliver(ChannelId, bool),
    /// The network ends a channel.
    Drop(ChannelId),
    /// A dial reaches this party, with what it proves there.
    Connect(Who, ActionId, Who),
    /// A dial reaches nobody.
    Fail(Who, ActionId),
    /// Time comes to the next deadline of this one.
    Tick(Who),
    /// The machine is killed; a node may lose its boot with it.
    Crash(Who, bool),
    /// A person pushes.
    Push(usize),
    /// The host puts an older disk under a node that is down, and boots it.
    Rollback(usize),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct NodeParty {
    pub(in super::super) number: u8,
    pub(in super::super) config: NodeConfig,
    pub(in super::super) host: Host,
    machine: Option<Node>,
    dials: Vec<(ActionId, Flow)>,
    now: Instant,
    boots: u8,
    /// (boot, cluster) of every lock that was held.
    locks: Vec<(BootId, ClusterId)>,
    /// Clusters whose secrets its disk was worked on with, by an init.
    inited: Vec<ClusterId>,
    opened: u8,
    /// (boot, generation) of every record that was made durable.
    recorded: Vec<(BootId, u32)>,
    /// The generation on the disk when it was opened.
    opened_at: u32,
    wrong: bool,
    /// Services may be open: a peer confirmed, a quorum, or alone.
    confirmed: bool,
    /// The disk as it was at the start.
    pub(in super::super) old_disk: Option<Box<Host>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct OperatorParty {
    pub(in super::super) number: u8,
    pub(in super::super) config: OperatorConfig,
    /// Whether it knows the secret that a node asks for.
    pub(in super::super) trusted: bool,
    record: Option<OperatorRecord>,
    machine: Option<InitOperator>,
    dials: Vec<ActionId>,
    now: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct PusherParty {
    pub(in super::super) config: PusherConfig,
    /// Whose key it proves.
    pub(in super::super) key: crate::peer::PublicKey,
    /// Whose secret it has.
    pub(in super::super) secret: u8,
    pub(in super::super) alone: bool,
    pub(in super::super) target: usize,
    machine: Option<RecoverPusher>,
    pushed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Channel {
    id: ChannelId,
    client: Who,
    server: Who,
    to_client: VecDeque<Input>,
    to_server: VecDeque<Input>,
    /// The boot of the node on it.
    boot: BootId,
    node: usize,
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in super::super) struct Budget {
    pub(in super::super) connects: u8,
    pub(in super::super) failed_dials: u8,
    pub(in super::super) drops: u8,
    pub(in super::super) ticks: u8,
    pub(in super::super) crashes: u8,
    pub(in super::super) rollbacks: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct World {
    pub(in super::super) nodes: Vec<NodeParty>,
    pub(in super::super) operators: Vec<OperatorParty>,
    pub(in super::super) pushers: Vec<PusherParty>,
    /// Clusters that have a service, and what their store holds.
    pub(in super::super) services: Vec<(u8, Store)>,
    pub(in super::super) rules: AllOf,
    pub(in super::super) budget: Budget,
    /// A cluster that nobody here may be led into.
    pub(in super::super) foreign: Option<u8>,
    /// Whether somebody can become a member at all.
    pub(in super::super) expects_member: bool,
    sessions: Vec<(ChannelId, u8, JoinService)>,
    channels: Vec<Channel>,
    next: u32,
    broken: Vec<Broken>,
    member: bool,
}

const IN_FLIGHT: usize = 4;

impl NodeParty {
    pub(in super::super) fn new(number: u8, host: Host, config: NodeConfig) -> Self {
        Self {
            number,
            config,
            boots: host.boot.as_bytes()[0],
            host,
            machine: None,
            dials: Vec::new(),
            now: NOW,
            locks: Vec::new(),
            inited: Vec::new(),
            opened: 0,
            recorded: Vec::new(),
            opened_at: u32::MAX,
            wrong: false,
            confirmed: false,
            old_disk: None,
        }
    }

    fn start(&mut self) {
        let config = NodeConfig {
            boot: self.host.boot,
            header: self.host.header.clone(),
            genesis: self.host.header.as_ref().map(|header| genesis(number_of(header.cluster))),
            fresh_disk: disk_id(self.number),
            ..self.config.clone()
        };
        self.machine = Some(Node::start(config, &self.host.found(), [self.number; 32], self.now));
        self.dials.clear();
        self.opened = 0;
        self.confirmed = false;
    }

    fn facts(&self) -> Facts {
        node_facts(self.number, &self.host)
    }

    fn client(&self, flow: Flow) -> (Facts, Claims) {
        let member = self.host.member.as_ref();
        match (flow, &self.host.header) {
            (Flow::Rejoin, Some(header)) => {
                let claims = RejoinClaims {
                    csr: Vec::new(),
                    disk: header.disk,
                    node: header.node,
                    generation: member.map_or(0, |member| member.generation),
                    enrol: None,
                };
                (self.facts(), Claims::Rejoin(claims))
            }
            (Flow::Renew, Some(header)) => {
                let certificate = Member {
                    cluster: header.cluster,
                    node: header.node,
                    role: crate::ids::Role::Worker,
                    ca_epoch: crate::ids::KeyEpoch::FIRST,
                    policy_epoch: 1,
                    generation: 1,
                    name: "worker-1".into(),
                    not_after: u64::MAX,
                };
                let claims = RenewClaims {
                    csr: Vec::new(),
                    node: header.node,
                    generation: member.map_or(0, |member| member.generation),
                    policy: tip(number_of(header.cluster), 1),
                    epochs: header.epochs.clone(),
                };
                (Facts { member: Some(certificate), ..self.facts() }, Claims::Renew(claims))
            }
            _ => (self.facts(), join_claims(self.number)),
        }
    }
}

impl OperatorParty {
    pub(in super::super) fn new(number: u8, trusted: bool) -> Self {
        let config = operator_config(number);
        Self { number, config, trusted, record: None, machine: None, dials: Vec::new(), now: NOW }
    }

    fn start(&mut self) {
        let found = self.record.clone().map(|record| (record, roots(self.number)));
        self.machine = Some(InitOperator::start(self.config.clone(), found, [self.number; 32], self.now));
        self.dials.clear();
    }
}

impl PusherParty {
    pub(in super::super) fn new(
        config: PusherConfig,
        key: crate::peer::PublicKey,
        secret: u8,
        alone: bool,
    ) -> Self {
        Self { config, key, secret, alone, target: 0, machine: None, pushed: false }
    }
}

impl World {
    pub(in super::super) fn new(budget: Budget) -> Self {
        Self {
            nodes: Vec::new(),
            operators: Vec::new(),
            pushers: Vec::new(),
            services: Vec::new(),
            rules: AllOf::workers(2),
            budget,
            foreign: None,
            expects_member: true,
            sessions: Vec::new(),
            channels: Vec::new(),
            next: 1,
            broken: Vec::new(),
            member: false,
        }
    }

    pub(in super::super) fn begin(&mut self) {
        for node in &mut self.nodes {
            node.start();
        }
        for operator in &mut self.operators {
            operator.start();
        }
        self.settle();
    }

    pub(in super::super) fn bounds(&self) -> String {
        format!(
            "bounds: in flight <= {IN_FLIGHT}, each message delivered once (TLS), {} nodes, {} operators, {} pushers, {:?}",
            self.nodes.len(),
            self.operators.len(),
            self.pushers.len(),
            self.budget
        )
    }

    pub(in super::super) fn is_broken(&self, what: Broken) -> bool {
        self.broken.contains(&what)
    }

    pub(in super::super) const fn has_member(&self) -> bool {
        self.member || !self.expects_member
    }

    fn breaks(&mut self, what: Broken) {
        if !self.broken.contains(&what) {
            self.broken.push(what);
            self.broken.sort();
        }
    }

    pub(in super::super) fn step(&mut self, step: &Move) {
        match step {
            Move::Work(who) => self.work(*who),
            Move::Deliver(id, to_client) => self.deliver(*id, *to_client),
            Move::Drop(id) => {
                self.budget.drops -= 1;
                self.end(*id, Code::TIMEOUT);
            }
            Move::Connect(who, id, target) => self.connect(*who, *id, *target),
            Move::Fail(who, id) => {
                self.budget.failed_dials -= 1;
                self.take_dial(*who, *id);
                self.tell(*who, Input::Done(*id, Outcome::Failed));
            }
            Move::Tick(who) => {
                self.budget.ticks -= 1;
                if let Some(at) = self.deadline(*who) {
                    match who {
                        Who::Node(node) => self.nodes[*node].now = at,
                        Who::Operator(operator) => self.operators[*operator].now = at,
                        Who::Pusher(_) | Who::Service(_) => {}
                    }
                    self.tell(*who, Input::Tick);
                }
            }
            Move::Crash(who, reboot) => {
                self.budget.crashes -= 1;
                self.crash(*who, *reboot);
            }
            Move::Push(at) => self.push(*at),
            Move::Rollback(at) => {
                self.budget.rollbacks -= 1;
                if let Some(old) = self.nodes[*at].old_disk.take() {
                    self.nodes[*at].host.member = old.member.clone();
                    self.crash(Who::Node(*at), true);
                }
            }
        }
        self.settle();
        self.channels.retain(|channel| {
            !channel.closed || !channel.to_client.is_empty() || !channel.to_server.is_empty()
        });
        self.sessions.retain(|(_, _, service)| !service.is_over());
    }

    fn crash(&mut self, who: Who, reboot: bool) {
        let ends: Vec<_> = self
            .channels
            .iter_mut()
            .filter(|channel| channel.client == who || channel.server == who)
            .map(|channel| {
                if channel.client == who {
                    channel.to_client.clear();
                } else {
                    channel.to_server.clear();
                }
                channel.id
            })
            .collect();
        match who {
            Who::Node(at) => {
                let node = &mut self.nodes[at];
                if reboot {
                    node.boots += 1;
                    let boots = node.boots;
                    node.host.reboot(boots);
                }
                node.start();
            }
            Who::Operator(at) => self.operators[at].start(),
            Who::Pusher(_) | Who::Service(_) => {}
        }
        for id in ends {
            self.end_for_other(id, who, Code::TIMEOUT);
        }
    }
}

impl NodeParty {
    /// Whether this node started with the disk of a member, so that somebody has to confirm it.
    fn old_disk_known(&self) -> bool {
        self.config.header.is_some()
    }
}
