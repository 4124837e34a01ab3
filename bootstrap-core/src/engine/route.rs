//! What goes where: events of channels to machines, outputs of machines to channels, the key ring and the host.

use super::alarms::Waiter;
use super::claims::Own;
use super::line::Line;
use super::message::{received, to_send};
use super::party::{Owner, Party, SERVICES, Service};
use super::show::Ask;
use super::standing::Standing;
use super::{Asked, Engine, Error, Follows, Given, Work};
use crate::channel::binding::Side;
use crate::channel::evidence::EvidenceRequest;
use crate::channel::session::ChannelEvent;
use crate::error::Code;
use crate::ids::{KeyEpoch, NodeId};
use crate::machine::message::Flow;
use crate::machine::store::Transaction;
use crate::machine::{
    Action, ActionId, ChannelId, DriverAction, Input, JoinService, Message, Opened, Output, ServiceConfig,
    StatementService,
};
use crate::wire::{self, Claims, LockClass};

impl Engine {
    /// Moves everything that can move without the host. Only what was stirred is looked at.
    pub(super) fn settle(&mut self, given: Given<'_>) {
        loop {
            if let Some(channel) = self.stirred_lines.pop_first() {
                self.settle_line(channel, given);
            } else if let Some(owner) = self.stirred.pop_first() {
                self.settle_machine(owner, given);
            } else {
                break;
            }
        }
    }

    fn settle_line(&mut self, channel: ChannelId, given: Given<'_>) {
        while let Some(line) = self.lines.get_mut(&channel) {
            match line.session.poll() {
                ChannelEvent::Wait(wake) => {
                    let bytes = line.session.transmit();
                    self.alarms.set(Waiter::Line(channel), wake);
                    if !bytes.is_empty() {
                        self.out.push_back(Work::Send(channel, bytes));
                    }
                    break;
                }
                event => self.event(channel, event, given),
            }
        }
    }

    fn settle_machine(&mut self, owner: Owner, given: Given<'_>) {
        loop {
            let output = match owner {
                Owner::Main => self.party.poll(),
                Owner::Service(channel) => match self.services.get_mut(&channel) {
                    Some(service) => service.poll(),
                    None => return,
                },
            };
            if let Output::Wait(deadline) = output {
                self.alarms.set(Waiter::Machine(owner), deadline.map(|deadline| deadline.at));
                break;
            }
            self.output(owner, output, given);
        }
        self.forget_service(owner);
    }

    /// A service whose channel is gone and that has come to its end leaves nothing behind.
    fn forget_service(&mut self, owner: Owner) {
        let Owner::Service(channel) = owner else { return };
        let over = self.services.get(&channel).is_some_and(Service::is_over);
        if over && !self.lines.contains_key(&channel) {
            self.services.remove(&channel);
            self.alarms.set(Waiter::Machine(owner), None);
        }
    }

    /// A line that something is done to: it is looked at when all settles.
    pub(super) fn stir_line(&mut self, channel: ChannelId) -> Option<&mut Line> {
        let line = self.lines.get_mut(&channel)?;
        self.stirred_lines.insert(channel);
        Some(line)
    }

    pub(super) fn input(&mut self, owner: Owner, input: Input, given: Given<'_>) {
        self.stirred.insert(owner);
        let Owner::Service(channel) = owner else { return self.party.handle(input, given.now) };
        let Some(service) = self.services.get_mut(&channel) else { return };
        let cluster = service.cluster();
        if let (Some(chain), Some(lock)) = (self.keyring.policies(&cluster), lock_class(&self.party)) {
            service.handle(input, Standing { chain, now: given.wall, lock }, given.now);
        }
    }

    /// The machine that a channel belongs to.
    fn owner(&self, channel: ChannelId) -> Owner {
        if self.services.contains_key(&channel) { Owner::Service(channel) } else { Owner::Main }
    }

    fn takes_grants(&self, channel: ChannelId) -> bool {
        matches!(self.party, Party::Node(..)) && self.owner(channel) == Owner::Main
    }

    pub(super) fn event(&mut self, channel: ChannelId, event: ChannelEvent, given: Given<'_>) {
        match event {
            ChannelEvent::ProduceEvidence(request) => {
                if let Some(line) = self.lines.get_mut(&channel) {
                    line.owed = Some(request);
                }
                self.show_owed(channel, given);
            }
            ChannelEvent::Judge(request) => match self.trial(request, given) {
                Ok(trial) => self.out.push_back(Work::Judge(channel, Box::new(trial))),
                Err(error) => self.refuse(channel, error.code(), 0, given),
            },
            ChannelEvent::Opened { peer, claims } => {
                let result = Claims::from_bytes(claims.as_bytes()).map_err(Error::from);
                let result = result.and_then(|claims| Ok((super::asked::asked(&claims)?, claims)));
                match result {
                    Ok((asked, claims)) => {
                        let opened = Opened { channel, peer, claims: asked };
                        self.opened(channel, opened, claims, given);
                    }
                    Err(error) => self.refuse(channel, error.code(), 0, given),
                }
            }
            ChannelEvent::Reopened { peer, .. } => {
                self.input(self.owner(channel), Input::Reopened(channel, Box::new(peer)), given);
                if let Some(line) = self.stir_line(channel)
                    && line.flush(given.now).is_err()
                {
                    self.refuse(channel, Code::RATE, 0, given);
                }
            }
            // Nobody but a node's own machine takes a grant, and what nobody takes nobody would forget.
            ChannelEvent::Message(wire::Message::Grant(_)) if !self.takes_grants(channel) => {
                self.refuse(channel, Code::OUT_OF_ORDER, 0, given);
            }
            ChannelEvent::Message(message) => match received(message, &mut self.keyring) {
                Ok(message) => {
                    self.learn_completed(&message);
                    self.input(self.owner(channel), Input::Message(channel, message), given);
                }
                Err(error) => self.refuse(channel, error.code(), 0, given),
            },
            ChannelEvent::Closed(ended) => {
                let hint = match &ended {
                    crate::channel::machine::Ended::ByPeer(refusal) => refusal.retry_after,
                    crate::channel::machine::Ended::ByUs(_) => None,
                };
                let hint = hint.map_or(0, wire::Bounded::number);
                let owner = self.owner(channel);
                self.drop_line(channel);
                self.input(owner, Input::Closed(channel, ended.code(), hint), given);
            }
            ChannelEvent::Wait(_) => {}
        }
    }

    /// What is left of a channel goes out, and then it is gone.
    fn drop_line(&mut self, channel: ChannelId) {
        if let Some(mut line) = self.lines.remove(&channel) {
            self.alarms.set(Waiter::Line(channel), None);
            let bytes = line.session.transmit();
            if !bytes.is_empty() {
                self.out.push_back(Work::Send(channel, bytes));
            }
            self.out.push_back(Work::Close(channel));
        }
    }

    /// A service's channel gets a machine of its own.
    fn opened(&mut self, channel: ChannelId, opened: Opened, claims: Claims, given: Given<'_>) {
        let Some(line) = self.lines.get_mut(&channel) else { return };
        line.claims = Some(claims);
        let flow = line.session.flow().filter(|flow| line.side == Side::Server && SERVICES.contains(flow));
        if let Some(flow) = flow {
            match self.service(channel, flow, given) {
                Some(service) => drop(self.services.insert(channel, service)),
                // It was open when the flow was agreed on, and is not any more.
                None => return self.refuse(channel, Code::SHUTTING_DOWN, 0, given),
            }
        }
        self.input(self.owner(channel), Input::Opened(Box::new(opened)), given);
    }

    fn service(&self, channel: ChannelId, flow: Flow, given: Given<'_>) -> Option<Service> {
        let Party::Node(setup, node) = &self.party else { return None };
        let (cluster, _) = node.member()?;
        if flow == Flow::Statement {
            let genesis = crate::keyring::genesis_facts(self.keyring.genesis(&cluster)?);
            let held = self.keyring.policies(&cluster)?.tip()?;
            let machine = StatementService::start(cluster, genesis, held, channel);
            return Some(Service::Statement(cluster, Box::new(machine)));
        }
        let config = ServiceConfig {
            cluster,
            register: setup.machine.service_register,
            epochs: vec![KeyEpoch::FIRST],
            fresh: NodeId::new(given.drawn()),
            up: self.open,
        };
        Some(Service::Join(cluster, Box::new(JoinService::start(config, channel))))
    }

    fn output(&mut self, owner: Owner, output: Output, given: Given<'_>) {
        match output {
            Output::Send(channel, message) => {
                let sent = to_send(message, &mut self.keyring).and_then(|message| {
                    let line = self.stir_line(channel);
                    line.map_or(Ok(()), |line| line.send(message, given.now)).map_err(Error::from)
                });
                if let Err(error) = sent {
                    self.refuse(channel, error.code(), 0, given);
                }
            }
            // A refusal ends a channel on the wire, and its machine hears of that end.
            Output::Refuse(channel, code) => self.refuse(channel, code, 0, given),
            Output::Do(action, work) => self.work(owner, action, work, given),
            Output::Event(event) => self.out.push_back(Work::Event(event)),
            Output::Wait(_) => {}
        }
    }

    fn work(&mut self, owner: Owner, action: ActionId, work: Action, given: Given<'_>) {
        match work {
            Action::Keys(work) => self.keys(owner, action, work, given),
            Action::Close { channel, code, retry } => {
                if code.is_accepted() {
                    if let Some(line) = self.lines.get_mut(&channel) {
                        line.session.close();
                    }
                } else {
                    self.refuse(channel, code, retry, given);
                }
                self.drop_line(channel);
            }
            Action::Reattest { channel } => {
                let line = self.stir_line(channel);
                let asked = line.map(|line| line.session.reattest(false, given.now));
                if asked.is_some_and(|asked| asked.is_err()) {
                    self.refuse(channel, Code::INTERNAL, 0, given);
                }
            }
            Action::Dial { endpoint, flow } => {
                let id = self.ask(Asked { owner, action, dial: Some(flow), follows: Follows::Nothing });
                self.out.push_back(Work::Dial { id, endpoint, flow });
            }
            Action::Persist(_)
            | Action::ExtendRegister { .. }
            | Action::Disk(_)
            | Action::Nv { .. }
            | Action::Driver(_)
            | Action::Store(_) => {
                let follows = match &work {
                    Action::Driver(DriverAction::OpenServices) => Follows::Open,
                    Action::Store(Transaction::Publish { statements, .. }) => {
                        Follows::Published(statements.clone())
                    }
                    _ => Follows::Nothing,
                };
                let id = self.ask(Asked { owner, action, dial: None, follows });
                self.out.push_back(Work::Do(id, Box::new(work)));
            }
        }
    }

    /// Evidence that is owed goes to the host, once its claims can be made.
    pub(super) fn show_owed(&mut self, channel: ChannelId, given: Given<'_>) {
        let Some(line) = self.lines.get_mut(&channel) else { return };
        let Some(request) = line.owed.take() else { return };
        match self.ask_for(channel, &request) {
            Ok(Some(ask)) => self.out.push_back(Work::Show(channel, Box::new(ask))),
            Ok(None) if matches!(self.party, Party::Operator(..)) => {
                if let Some(line) = self.lines.get_mut(&channel) {
                    line.owed = Some(request);
                }
            }
            Ok(None) => self.refuse(channel, Code::NOT_SERVED, 0, given),
            Err(error) => self.refuse(channel, error.code(), 0, given),
        }
    }

    fn ask_for(&self, channel: ChannelId, request: &EvidenceRequest) -> Result<Option<Ask>, Error> {
        let Some(line) = self.lines.get(&channel) else { return Ok(None) };
        let own = Own {
            keyring: &self.keyring,
            csr: &self.csr,
            genesis: self.genesis.as_ref(),
            first_policy: self.first_policy.as_ref(),
            cluster: self.cluster(),
        };
        let Some(claims) = own.claims(&self.party, request.flow(), line.side)? else { return Ok(None) };
        // A newcomer's certificate is another boot's, or another cluster's.
        let member = !matches!(request.flow(), Flow::Init | Flow::Recover) && claims_membership(&claims);
        let chain = self.chain.clone().filter(|_| member);
        Ok(Some(Ask::new(request.clone(), claims.encode_bytes()?, chain)))
    }

    /// Under a node-born custody the genesis is complete only once the node has locked to it.
    fn learn_completed(&mut self, message: &Message) {
        let Message::Locked(locked) = message else { return };
        let (Some(genesis), Party::Operator(..)) = (&locked.genesis, &self.party) else { return };
        if let Ok(genesis) = super::message::encoded(genesis) {
            // The machine compares it with what was asked, and a grant with the one that was learned.
            self.keyring.learn(genesis).ok();
        }
    }
}

/// Whether these are claims of a member, which shows its certificate.
const fn claims_membership(claims: &Claims) -> bool {
    matches!(claims, Claims::Service(_) | Claims::Renew(_) | Claims::Node(_))
}

fn lock_class(party: &Party) -> Option<LockClass> {
    match party {
        Party::Node(setup, _) => LockClass::from_number(setup.machine.service_register.class()),
        Party::Operator(..) | Party::Pusher(..) | Party::Publisher(..) => None,
    }
}
