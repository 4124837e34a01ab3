//! What the hosts of a model do with the outputs of their machines, and what must not be seen there.

use super::*;

impl World {
    /// Everything that is not durable happens at once.
    pub(super) fn settle(&mut self) {
        for at in 0..self.nodes.len() {
            self.drain(Who::Node(at), false);
        }
        for at in 0..self.operators.len() {
            self.drain(Who::Operator(at), false);
        }
        for at in 0..self.pushers.len() {
            self.drain(Who::Pusher(at), true);
        }
        let sessions: Vec<ChannelId> = self.sessions.iter().map(|(channel, ..)| *channel).collect();
        for channel in sessions {
            self.serve(channel);
        }
    }

    pub(super) fn work(&mut self, who: Who) {
        self.drain(who, true);
    }

    /// Outputs up to the first durable effect; with `once`, that one too.
    pub(super) fn drain(&mut self, who: Who, mut once: bool) {
        loop {
            let next = match who {
                Who::Node(at) => self.nodes[at].machine.as_ref().and_then(Node::peek),
                Who::Operator(at) => self.operators[at].machine.as_ref().and_then(InitOperator::peek),
                Who::Pusher(at) => self.pushers[at].machine.as_ref().and_then(RecoverPusher::peek),
                Who::Service(_) => None,
            };
            let Some(next) = next else { return };
            if is_durable(next) {
                if !once {
                    return;
                }
                once = matches!(who, Who::Pusher(_));
            }
            let output = match who {
                Who::Node(at) => self.nodes[at].machine.as_mut().map(Node::poll),
                Who::Operator(at) => self.operators[at].machine.as_mut().map(InitOperator::poll),
                Who::Pusher(at) => self.pushers[at].machine.as_mut().map(RecoverPusher::poll),
                Who::Service(_) => None,
            };
            if let Some(output) = output {
                self.output(who, output);
            }
        }
    }

    fn output(&mut self, who: Who, output: Output) {
        match output {
            Output::Send(id, message) => self.send(who, id, message),
            Output::Refuse(id, code) => self.end(id, code),
            Output::Do(_, Action::Close { channel, code, .. }) => self.end_for_other(channel, who, code),
            Output::Do(_, Action::Reattest { channel }) => self.reattest(who, channel),
            Output::Do(id, Action::Dial { flow, .. }) => match who {
                Who::Node(at) => self.nodes[at].dials.push((id, flow)),
                Who::Operator(at) => self.operators[at].dials.push(id),
                Who::Pusher(_) | Who::Service(_) => {}
            },
            Output::Do(id, action) => self.perform(who, id, &action),
            Output::Event(crate::machine::Event::Member { .. }) => self.member = true,
            Output::Event(_) | Output::Wait(_) => {}
        }
    }

    fn perform(&mut self, who: Who, id: ActionId, action: &Action) {
        let outcome = match who {
            Who::Node(at) => self.perform_at_node(at, action),
            Who::Operator(at) => {
                let operator = &mut self.operators[at];
                match action {
                    Action::Persist(Record::Operator(record)) => {
                        operator.record = Some(record.clone());
                        Some(Outcome::Written)
                    }
                    Action::Persist(_) => Some(Outcome::Written),
                    Action::Keys(action) => Some(Outcome::Keys(keys(action, operator.number, boot_id(1)))),
                    _ => None,
                }
            }
            Who::Pusher(at) => match action {
                Action::Persist(_) => Some(Outcome::Written),
                Action::Keys(action) => {
                    Some(Outcome::Keys(keys(action, self.pushers[at].secret, boot_id(1))))
                }
                _ => None,
            },
            Who::Service(_) => None,
        };
        if let Some(outcome) = outcome {
            self.tell(who, Input::Done(id, outcome));
        }
    }

    fn perform_at_node(&mut self, at: usize, action: &Action) -> Option<Outcome> {
        let confirmed_generation = self.confirmed_generation(at);
        let node = &mut self.nodes[at];
        let mut broken = Vec::new();
        match action {
            Action::Disk(DiskAction::Format { keys, .. } | DiskAction::Open { keys }) => {
                let of = secret_of(*keys);
                if !node.locks.contains(&(node.host.boot, cluster(of))) {
                    broken.push(Broken::UsedUnlocked);
                }
                node.opened += 1;
                node.opened_at = node.host.member.as_ref().map_or(0, |member| member.generation);
                if node.opened > 1 {
                    broken.push(Broken::OpenedTwice);
                }
            }
            Action::Keys(KeyAction::CheckRoots { grant, .. }) => {
                let of = cluster(secret_of(*grant));
                if !node.inited.contains(&of) {
                    node.inited.push(of);
                }
            }
            Action::Persist(Record::Lock(file)) if file.held => {
                node.locks.push((node.host.boot, file.cluster));
                if node.host.value != node.host.register.locked_to(&file.cluster) {
                    broken.push(Broken::LockNotInRegister);
                }
                if self
                    .operators
                    .iter()
                    .any(|operator| !operator.trusted && cluster(operator.number) == file.cluster)
                    || self.foreign.is_some_and(|foreign| cluster(foreign) == file.cluster)
                {
                    broken.push(Broken::Stranger);
                }
            }
            Action::Persist(Record::Member(record)) => {
                if node.wrong {
                    broken.push(Broken::WroteByWrongInput);
                }
                let recorded = (node.host.boot, record.generation);
                if !node.recorded.contains(&recorded) {
                    node.recorded.push(recorded);
                }
            }
            Action::Driver(DriverAction::OpenServices) => {
                if node.opened_at < confirmed_generation {
                    broken.push(Broken::RolledBack);
                }
                let alone = self.pushers.iter().any(|pusher| pusher.pushed && pusher.alone);
                if node.old_disk_known() && !node.confirmed && !alone {
                    broken.push(Broken::ServicesUnconfirmed);
                }
            }
            _ => {}
        }
        let extended = node.host.extended.len();
        let outcome = node.host.perform(action);
        if node.host.extended.len() > extended && node.host.extended.windows(2).any(|pair| pair[0] != pair[1])
        {
            broken.push(Broken::TwoClusters);
        }
        let mut clusters: Vec<_> = node
            .locks
            .iter()
            .filter(|(boot, _)| *boot == node.host.boot)
            .map(|(_, cluster)| *cluster)
            .collect();
        clusters.dedup();
        if clusters.len() > 1 {
            broken.push(Broken::TwoClusters);
        }
        for of in 1..=3 {
            let used = self.nodes.iter().filter(|node| node.inited.contains(&cluster(of))).count();
            if used > 1 {
                broken.push(Broken::TwoInitNodes);
            }
        }
        for what in broken {
            self.breaks(what);
        }
        outcome
    }

    fn confirmed_generation(&self, at: usize) -> u32 {
        let Some(header) = &self.nodes[at].host.header else { return 0 };
        self.services
            .iter()
            .find(|(number, _)| cluster(*number) == header.cluster)
            .and_then(|(_, store)| store.entries.iter().find(|entry| entry.node == header.node))
            .map_or(0, |entry| entry.confirmed.0)
    }

    fn reattest(&mut self, who: Who, id: ChannelId) {
        let Who::Node(at) = who else { return };
        let facts = self.nodes[at].facts();
        let Some(channel) = self.channels.iter_mut().find(|channel| channel.id == id && !channel.closed)
        else {
            return;
        };
        let other = if channel.client == who { &mut channel.to_server } else { &mut channel.to_client };
        other.push_back(Input::Reopened(id, Box::new(peer(facts))));
    }

    fn send(&mut self, who: Who, id: ChannelId, message: Message) {
        let Some(at) = self.channels.iter().position(|channel| channel.id == id && !channel.closed) else {
            return;
        };
        let (boot, node) = (self.channels[at].boot, self.channels[at].node);
        if let Message::Grant(grant) = &message
            && !self.nodes[node].locks.contains(&(boot, grant.facts.cluster()))
        {
            self.breaks(Broken::GrantUnlocked);
        }
        let channel = &mut self.channels[at];
        let other = if channel.client == who { &mut channel.to_server } else { &mut channel.to_client };
        other.push_back(Input::Message(id, message));
    }

    /// A session of a service: its store and its key ring answer at once.
    fn serve(&mut self, id: ChannelId) {
        loop {
            let Some(at) = self.sessions.iter().position(|(channel, ..)| *channel == id) else { return };
            let (_, number, service) = &mut self.sessions[at];
            let number = *number;
            let output = service.poll();
            match output {
                Output::Wait(_) => return,
                Output::Send(_, message) => {
                    self.check_written(id, number, &message);
                    self.send(Who::Service(number), id, message);
                }
                Output::Refuse(_, code) => self.end(id, code),
                Output::Do(_, Action::Close { code, .. }) => {
                    self.end_for_other(id, Who::Service(number), code)
                }
                Output::Do(action, Action::Store(transaction)) => {
                    self.check_confirmation(id, &transaction);
                    let stored = self
                        .services
                        .iter_mut()
                        .find(|(service, _)| *service == number)
                        .map(|(_, store)| store.apply(&transaction));
                    if let Some(stored) = stored {
                        self.tell_session(id, Input::Done(action, Outcome::Store(stored)));
                    }
                }
                Output::Do(action, Action::Keys(key)) => {
                    let outcome = Outcome::Keys(keys(&key, number, boot_id(9)));
                    self.tell_session(id, Input::Done(action, outcome));
                }
                Output::Do(..) | Output::Event(_) => {}
            }
        }
    }

    fn check_written(&mut self, id: ChannelId, number: u8, message: &Message) {
        let Some(channel) = self.channels.iter().find(|channel| channel.id == id) else { return };
        let standing = |node: NodeId| {
            let (_, store) = self.services.iter().find(|(service, _)| *service == number)?;
            store.entries.iter().find(|entry| entry.node == node).map(|entry| entry.standing)
        };
        let written = match message {
            Message::Offer(offer) => standing(offer.node).is_some(),
            Message::Grant(grant) => match &grant.facts {
                GrantFacts::Join { ticket, .. } | GrantFacts::Rejoin { ticket, provisional: false } => {
                    standing(ticket.node) == Some(Standing::Granted(ticket.generation, channel.boot))
                }
                _ => true,
            },
            _ => true,
        };
        if let Message::Grant(grant) = message
            && matches!(&grant.facts, GrantFacts::Rejoin { provisional: false, .. })
        {
            let node = channel.node;
            self.nodes[node].confirmed = true;
        }
        if !written {
            self.breaks(Broken::NotWritten);
        }
    }

    fn check_confirmation(&mut self, id: ChannelId, transaction: &Transaction) {
        let Transaction::Confirm { generation, boot, .. } = transaction else { return };
        let Some(channel) = self.channels.iter().find(|channel| channel.id == id) else { return };
        let recorded = self.nodes[channel.node].recorded.contains(&(*boot, *generation));
        if !recorded || channel.boot != *boot {
            self.breaks(Broken::FalseConfirmation);
        }
    }
}

fn is_durable(output: &Output) -> bool {
    matches!(
        output,
        Output::Do(
            _,
            Action::Persist(_) | Action::ExtendRegister { .. } | Action::Disk(DiskAction::Format { .. })
        )
    )
}
