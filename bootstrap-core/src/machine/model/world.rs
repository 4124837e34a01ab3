//! The parties of a model, and everything that may happen to them.

mod hosts;

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

    // ---- what may happen

    pub(in super::super) fn moves(&self, moves: &mut Vec<Move>) {
        if let Some(who) = self.busy() {
            moves.push(Move::Work(who));
            if self.budget.crashes > 0 {
                self.crashes(who, moves);
            }
            return;
        }
        for channel in &self.channels {
            if !channel.to_client.is_empty() {
                moves.push(Move::Deliver(channel.id, true));
            }
            if !channel.to_server.is_empty() {
                moves.push(Move::Deliver(channel.id, false));
            }
            if !channel.closed && self.budget.drops > 0 {
                moves.push(Move::Drop(channel.id));
            }
        }
        for (at, operator) in self.operators.iter().enumerate() {
            let who = Who::Operator(at);
            for id in &operator.dials {
                self.connects(who, *id, (0..self.nodes.len()).map(Who::Node), moves);
            }
            self.ticks(who, moves);
            if self.budget.crashes > 0 {
                self.crashes(who, moves);
            }
        }
        for (at, node) in self.nodes.iter().enumerate() {
            let who = Who::Node(at);
            for (id, _) in &node.dials {
                self.connects(who, *id, self.services.iter().map(|(number, _)| Who::Service(*number)), moves);
            }
            self.ticks(who, moves);
            if self.budget.crashes > 0 {
                self.crashes(who, moves);
            }
            if self.budget.rollbacks > 0 && node.old_disk.is_some() {
                moves.push(Move::Rollback(at));
            }
        }
        for (at, pusher) in self.pushers.iter().enumerate() {
            if !pusher.pushed && self.in_flight() < IN_FLIGHT {
                moves.push(Move::Push(at));
            }
        }
    }

    fn in_flight(&self) -> usize {
        self.channels.iter().map(|channel| channel.to_client.len() + channel.to_server.len()).sum()
    }

    fn connects(&self, who: Who, id: ActionId, targets: impl Iterator<Item = Who>, moves: &mut Vec<Move>) {
        if self.budget.connects > 0 && self.in_flight() < IN_FLIGHT {
            moves.extend(targets.map(|target| Move::Connect(who, id, target)));
        }
        if self.budget.failed_dials > 0 {
            moves.push(Move::Fail(who, id));
        }
    }

    fn ticks(&self, who: Who, moves: &mut Vec<Move>) {
        if self.budget.ticks > 0 && self.deadline(who).is_some() {
            moves.push(Move::Tick(who));
        }
    }

    fn crashes(&self, who: Who, moves: &mut Vec<Move>) {
        match who {
            Who::Node(_) => moves.extend([Move::Crash(who, false), Move::Crash(who, true)]),
            Who::Operator(_) => moves.push(Move::Crash(who, false)),
            Who::Pusher(_) | Who::Service(_) => {}
        }
    }

    fn deadline(&self, who: Who) -> Option<Instant> {
        let output = match who {
            Who::Node(at) => self.nodes[at].machine.clone()?.poll(),
            Who::Operator(at) => self.operators[at].machine.clone()?.poll(),
            Who::Pusher(_) | Who::Service(_) => return None,
        };
        match output {
            Output::Wait(deadline) => deadline.map(|deadline| deadline.at),
            _ => None,
        }
    }

    /// Whoever has something durable to do.
    fn busy(&self) -> Option<Who> {
        let node =
            self.nodes.iter().position(|node| node.machine.as_ref().is_some_and(|it| it.peek().is_some()));
        let operator = self
            .operators
            .iter()
            .position(|party| party.machine.as_ref().is_some_and(|it| it.peek().is_some()));
        node.map(Who::Node).or_else(|| operator.map(Who::Operator))
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

    /// The channel is gone for both.
    fn end(&mut self, id: ChannelId, code: Code) {
        if let Some(channel) = self.channels.iter_mut().find(|channel| channel.id == id && !channel.closed) {
            channel.closed = true;
            channel.to_client.push_back(Input::Closed(id, code, 0));
            channel.to_server.push_back(Input::Closed(id, code, 0));
        }
    }

    fn end_for_other(&mut self, id: ChannelId, who: Who, code: Code) {
        if let Some(channel) = self.channels.iter_mut().find(|channel| channel.id == id && !channel.closed) {
            channel.closed = true;
            let other = if channel.client == who { &mut channel.to_server } else { &mut channel.to_client };
            other.push_back(Input::Closed(id, code, 0));
            let own = if channel.client == who { &mut channel.to_client } else { &mut channel.to_server };
            own.clear();
        }
    }

    fn take_dial(&mut self, who: Who, id: ActionId) -> Option<Flow> {
        match who {
            Who::Node(at) => {
                let dials = &mut self.nodes[at].dials;
                let found = dials.iter().position(|(dial, _)| *dial == id)?;
                Some(dials.remove(found).1)
            }
            Who::Operator(at) => {
                self.operators[at].dials.retain(|dial| *dial != id);
                Some(Flow::Init)
            }
            Who::Pusher(_) | Who::Service(_) => None,
        }
    }

    fn connect(&mut self, who: Who, id: ActionId, target: Who) {
        self.budget.connects -= 1;
        let Some(flow) = self.take_dial(who, id) else { return };
        let channel = ChannelId::new(self.next);
        self.tell(who, Input::Done(id, Outcome::Dialled(channel)));
        match (who, target) {
            (Who::Node(at), Who::Service(number)) => {
                let (facts, claims) = self.nodes[at].client(flow);
                let config = crate::machine::ServiceConfig {
                    fresh: node_id(u8::try_from(10 + self.next).unwrap_or(u8::MAX)),
                    ..service_config(number, 1)
                };
                self.sessions.push((channel, number, JoinService::start(config, channel)));
                self.open(
                    who,
                    target,
                    at,
                    (service_peer(number, 9).facts().clone(), service_claims(number, 9)),
                    (facts, claims),
                );
            }
            (Who::Operator(at), Who::Node(node)) => {
                let operator = &self.operators[at];
                let macs = if operator.trusted { vec![[9; 16]] } else { Vec::new() };
                let facts = Facts { macs, ..Facts::nothing(u64::MAX) };
                let claims = init_claims(operator.number);
                let told = (self.nodes[node].facts(), node_claims(&self.nodes[node].host));
                self.open(who, target, node, told, (facts, claims));
            }
            _ => {}
        }
    }

    fn push(&mut self, at: usize) {
        let pusher = &mut self.pushers[at];
        pusher.pushed = true;
        let channel = ChannelId::new(self.next);
        let node = pusher.target;
        pusher.machine = Some(RecoverPusher::start(pusher.config.clone(), channel, NOW));
        let facts = Facts { keys: vec![pusher.key.clone()], ..Facts::nothing(u64::MAX) };
        let claims = recover_claims(2, pusher.config.source, pusher.alone);
        let told = (self.nodes[node].facts(), node_claims(&self.nodes[node].host));
        self.open(Who::Pusher(at), Who::Node(node), node, told, (facts, claims));
    }

    /// Both ends are told who the other is.
    fn open(
        &mut self,
        client: Who,
        server: Who,
        node: usize,
        to_client: (Facts, Claims),
        to_server: (Facts, Claims),
    ) {
        let id = ChannelId::new(self.next);
        self.next += 1;
        let opened = |(facts, claims): (Facts, Claims)| {
            VecDeque::from([Input::Opened(Box::new(Opened { channel: id, peer: peer(facts), claims }))])
        };
        self.channels.push(Channel {
            id,
            client,
            server,
            to_client: opened(to_client),
            to_server: opened(to_server),
            boot: self.nodes[node].host.boot,
            node,
            closed: false,
        });
    }

    fn deliver(&mut self, id: ChannelId, to_client: bool) {
        let Some(channel) = self.channels.iter_mut().find(|channel| channel.id == id) else { return };
        let (who, queue) = if to_client {
            (channel.client, &mut channel.to_client)
        } else {
            (channel.server, &mut channel.to_server)
        };
        let Some(input) = queue.pop_front() else { return };
        if let (Who::Node(at), Input::Message(_, Message::Grant(grant))) = (who, &input) {
            // A wrong secret: whatever is written because of it is written by wrong input.
            let node = &mut self.nodes[at];
            node.wrong = node
                .host
                .header
                .as_ref()
                .is_some_and(|header| secret_of(grant.handle) != number_of(header.cluster));
        }
        match who {
            Who::Service(_) => self.tell_session(id, input),
            _ => self.tell(who, input),
        }
    }

    fn tell(&mut self, who: Who, input: Input) {
        match who {
            Who::Node(at) => {
                let node = &mut self.nodes[at];
                let now = node.now;
                node.machine.iter_mut().for_each(|machine| machine.handle(input.clone(), now));
            }
            Who::Operator(at) => {
                let operator = &mut self.operators[at];
                let now = operator.now;
                operator.machine.iter_mut().for_each(|machine| machine.handle(input.clone(), now));
            }
            Who::Pusher(at) => {
                self.pushers[at].machine.iter_mut().for_each(|machine| machine.handle(input.clone(), NOW));
            }
            Who::Service(_) => {}
        }
    }

    fn tell_session(&mut self, id: ChannelId, input: Input) {
        let rules = self.rules.clone();
        if let Some((_, number, service)) = self.sessions.iter_mut().find(|(channel, ..)| *channel == id) {
            let rules = AllOf { cluster: *number, ..rules };
            service.handle(input, &rules, NOW);
        }
    }
}

impl NodeParty {
    /// Whether this node started with the disk of a member, so that somebody has to confirm it.
    fn old_disk_known(&self) -> bool {
        self.config.header.is_some()
    }
}
