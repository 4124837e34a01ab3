//! Who reaches whom, what arrives, and how a channel ends.

use super::*;

impl World {
    /// The channel is gone for both.
    pub(super) fn end(&mut self, id: ChannelId, code: Code) {
        if let Some(channel) = self.channels.iter_mut().find(|channel| channel.id == id && !channel.closed) {
            channel.closed = true;
            channel.to_client.push_back(Input::Closed(id, code, 0));
            channel.to_server.push_back(Input::Closed(id, code, 0));
        }
    }

    pub(super) fn end_for_other(&mut self, id: ChannelId, who: Who, code: Code) {
        if let Some(channel) = self.channels.iter_mut().find(|channel| channel.id == id && !channel.closed) {
            channel.closed = true;
            let other = if channel.client == who { &mut channel.to_server } else { &mut channel.to_client };
            other.push_back(Input::Closed(id, code, 0));
            let own = if channel.client == who { &mut channel.to_client } else { &mut channel.to_server };
            own.clear();
        }
    }

    pub(super) fn take_dial(&mut self, who: Who, id: ActionId) -> Option<Flow> {
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

    pub(super) fn connect(&mut self, who: Who, id: ActionId, target: Who) {
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

    pub(super) fn push(&mut self, at: usize) {
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

    pub(super) fn deliver(&mut self, id: ChannelId, to_client: bool) {
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

    pub(super) fn tell(&mut self, who: Who, input: Input) {
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

    pub(super) fn tell_session(&mut self, id: ChannelId, input: Input) {
        let rules = self.rules.clone();
        if let Some((_, number, service)) = self.sessions.iter_mut().find(|(channel, ..)| *channel == id) {
            let rules = AllOf { cluster: *number, ..rules };
            service.handle(input, &rules, NOW);
        }
    }
}
