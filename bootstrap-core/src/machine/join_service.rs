//! A seat's answer to join, rejoin and renew (protocol section 5, table `join_service`): one for each channel. No lock is held around
//! anything; the store decides by compare-and-swap on what was looked at.

use crate::error::Code;
use crate::ids::{ClusterId, KeyEpoch, NodeId, Role};
use crate::peer::Peer;
use crate::ticket::{Holding, JoinTicket, LockShown, Receiver, RejoinTicket, RenewTicket};
use crate::time::{Deadline, Instant, Timer};

use super::facts::LockRegister;
use super::guard::{Guard, removed};
use super::message::{Done, Flow, Locked, Offer};
use super::outbox::Outbox;
use super::request::{Plan, Request};
use super::rules::Rules;
use super::store::{Audit, Standing, Stored, Transaction};
use super::{
    Action, ActionId, ChannelId, DriverAction, Event, Input, KeyAction, KeyOutcome, Message, Opened, Outcome,
    Output,
};

/// Looks at the store until it stands still.
const LOOKS: u8 = 4;

/// What a service knows when a channel opens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "all of it is the host's to say")]
pub struct ServiceConfig {
    /// The cluster.
    pub cluster: ClusterId,
    /// The lock register of the nodes that are accepted here.
    pub register: LockRegister,
    /// Live key epochs.
    pub epochs: Vec<KeyEpoch>,
    /// The id of a newcomer. Random, for this channel only.
    pub fresh: NodeId,
    /// Whether this seat's own services are open.
    pub up: bool,
}

/// One channel of a join service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JoinService {
    config: ServiceConfig,
    channel: ChannelId,
    state: State,
    out: Outbox,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// S0.
    Start,
    /// S0, the store is being looked at.
    Looking { action: ActionId, request: Box<Request>, looks: u8 },
    /// S0, a place is being reserved.
    Reserving { action: ActionId, plan: Box<Plan>, request: Box<Request>, looks: u8 },
    /// S0, a renewal is being written down: first a Done that was lost, then the audit.
    Writing { action: ActionId, plan: Box<Plan>, ticket: RenewTicket, confirms: bool },
    /// S1.
    AwaitLocked { plan: Box<Plan>, renewed: Option<Box<Peer>>, deadline: Deadline },
    /// S1, the grant is being written down.
    Granting { action: ActionId, plan: Box<Plan>, ticket: KeyAction },
    /// S1, the ticket is being made.
    Making { action: ActionId, plan: Box<Plan> },
    /// S2.
    AwaitDone { plan: Box<Plan>, deadline: Deadline },
    /// S2, the Done is being written down.
    Confirming { action: ActionId, plan: Box<Plan> },
    /// S9, the refusal is being written down.
    Auditing { action: ActionId, code: Code, guard: &'static str },
    /// S3, S4, S9.
    Over,
}

impl JoinService {
    /// For this channel, before it is open.
    pub fn start(config: ServiceConfig, channel: ChannelId) -> Self {
        Self { config, channel, state: State::Start, out: Outbox::default() }
    }

    /// One input, under the policy that stands.
    pub fn handle(&mut self, input: Input, rules: &dyn Rules, now: Instant) {
        match input {
            Input::Opened(opened) if opened.channel == self.channel => self.opened(*opened, rules),
            Input::Reopened(channel, peer) if channel == self.channel => match &mut self.state {
                State::AwaitLocked { renewed, .. } => *renewed = Some(peer),
                _ => self.out_of_order("Reopened"),
            },
            Input::Message(channel, message) if channel == self.channel => self.message(message),
            Input::Closed(channel, ..) if channel == self.channel => self.gone(),
            Input::Done(id, outcome) => self.done(id, &outcome, rules, now),
            Input::Tick => self.tick(now),
            Input::Opened(_)
            | Input::Reopened(..)
            | Input::Message(..)
            | Input::Closed(..)
            | Input::Step(..) => {
                self.out.event(Event::OutOfOrder { state: self.state.word(), input: input.word() });
            }
        }
    }

    /// The next output.
    pub fn poll(&mut self) -> Output {
        self.out.poll().unwrap_or_else(|| Output::Wait(self.deadline()))
    }

    /// Whether this channel has come to its end.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// S0.
    fn opened(&mut self, opened: Opened, rules: &dyn Rules) {
        if self.state != State::Start {
            return self.out_of_order("Opened");
        }
        let request = match Request::of(opened.peer, opened.claims) {
            Ok(request) => request,
            Err((code, guard)) => return self.turn_away(code, guard),
        };
        if !rules.is_fresh() {
            return self.refuse(request.audit(Code::OLD_POLICY, rules.tip()), "S0: the policy is fresh");
        }
        self.look(request, 1);
    }

    fn look(&mut self, request: Request, looks: u8) {
        let action = self.out.perform(Action::Store(request.look()));
        self.state = State::Looking { action, request: Box::new(request), looks };
    }

    fn message(&mut self, message: Message) {
        match (&self.state, message) {
            (State::AwaitLocked { .. }, Message::Locked(locked)) => self.locked(&locked),
            (State::AwaitDone { .. }, Message::Done(done)) => self.applied(done),
            (_, message) => self.out_of_order(message.word()),
        }
    }

    /// S1: Locked.
    fn locked(&mut self, locked: &Locked) {
        let State::AwaitLocked { plan, renewed, .. } = &self.state else { return };
        let plan = plan.clone();
        if locked.cluster != self.config.cluster || locked.genesis.is_some() {
            return self.refuse(plan.audit(Code::LOCK_STATE), "S1: Locked names c");
        }
        let shown = LockShown::check(
            self.config.cluster,
            locked.class,
            renewed.as_deref(),
            &self.config.register,
            plan.least_lock,
            Guard::ServiceLocked,
        );
        let shown = match shown {
            Ok(shown) => shown,
            Err(code) => {
                return self.refuse(plan.audit(code), "S1: the register shows c, or its class needs none");
            }
        };
        let receiver = self.receiver(&plan);
        let ticket = if plan.flow == Flow::Join {
            KeyAction::JoinTicket(JoinTicket::new(shown, receiver))
        } else {
            KeyAction::RejoinTicket(RejoinTicket::new(shown, receiver, plan.provisional))
        };
        if plan.provisional {
            // No quorum: nothing can be written, and nothing is opened by it.
            return self.make(plan, ticket);
        }
        let transaction = Transaction::Grant {
            expect: plan.version,
            entry: plan.granted_entry(),
            audit: plan.audit(Code::ACCEPTED),
        };
        let action = self.out.perform(Action::Store(transaction));
        self.state = State::Granting { action, plan, ticket };
    }

    /// S2: Done.
    fn applied(&mut self, done: Done) {
        let State::AwaitDone { plan, .. } = &self.state else { return };
        let plan = plan.clone();
        if !done.code.is_accepted() {
            self.out.event(Event::Refused { code: done.code, guard: "S2: the receiver could use its grant" });
            return self.gone();
        }
        if done.generation != plan.generation {
            self.out.event(Event::Clone);
            return self.refuse(plan.audit(Code::GENERATION), "S2: generation as granted");
        }
        if plan.provisional || plan.flow == Flow::Renew {
            self.out.close(self.channel, Code::ACCEPTED);
            self.state = State::Over;
            return;
        }
        self.confirm(plan);
    }

    fn confirm(&mut self, plan: Box<Plan>) {
        let action = self.out.perform(Action::Store(plan.confirmation()));
        self.state = State::Confirming { action, plan };
    }

    fn done(&mut self, id: ActionId, outcome: &Outcome, rules: &dyn Rules, now: Instant) {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Looking { action, request, looks } if action == id => {
                self.looked(*request, looks, outcome, rules, now);
            }
            State::Reserving { action, mut plan, request, looks } if action == id => match outcome {
                Outcome::Store(Stored::Applied(version)) => {
                    plan.version = *version;
                    self.offer(plan, now);
                }
                Outcome::Store(Stored::Conflict) if looks < LOOKS => {
                    self.look(*request, looks.saturating_add(1))
                }
                other => self.turn_away(store_code(other), "S0: the reservation"),
            },
            State::Writing { action, mut plan, ticket, confirms } if action == id => match outcome {
                Outcome::Store(Stored::Applied(version)) => {
                    plan.version = *version;
                    if confirms {
                        self.write(plan, ticket);
                    } else {
                        self.make(plan, KeyAction::RenewTicket(ticket));
                    }
                }
                other => self.turn_away(store_code(other), "S0: the audit record"),
            },
            State::Granting { action, mut plan, ticket } if action == id => match outcome {
                Outcome::Store(Stored::Applied(version)) => {
                    plan.version = *version;
                    self.make(plan, ticket);
                }
                other => self.turn_away(store_code(other), "S1: the grant's transaction"),
            },
            State::Making { action, plan } if action == id => match outcome {
                Outcome::Keys(KeyOutcome::Grant(grant)) => {
                    self.out.send(self.channel, Message::Grant(grant.clone()));
                    self.state = State::AwaitDone { plan, deadline: Deadline::start(Timer::Done, now) };
                }
                Outcome::Keys(KeyOutcome::Refused(code)) => self.refuse(plan.audit(*code), "S1: the ticket"),
                _ => self.turn_away(Code::INTERNAL, "S1: the ticket"),
            },
            State::Confirming { action, plan } if action == id => match outcome {
                Outcome::Store(Stored::Applied(_)) => self.confirmed(&plan),
                Outcome::Store(Stored::Conflict) => self.turn_away(Code::GENERATION, "S2: boot as granted"),
                other => self.turn_away(store_code(other), "S2: the confirmation"),
            },
            State::Auditing { action, code, guard } if action == id => self.turn_away(code, guard),
            other => self.state = other,
        }
    }

    /// S0, with what the store knows.
    fn looked(&mut self, request: Request, looks: u8, outcome: &Outcome, rules: &dyn Rules, now: Instant) {
        let Outcome::Store(Stored::View(view)) = outcome else {
            return self.turn_away(store_code(outcome), "S0: the store answers");
        };
        let plan = match request.plan(view, rules, &self.config, now) {
            Ok(plan) => Box::new(plan),
            Err((code, guard)) => {
                if code == Code::GENERATION {
                    self.out.event(Event::Clone);
                }
                return self.refuse(request.audit(code, rules.tip()), guard);
            }
        };
        match (plan.flow, plan.entry.standing) {
            (Flow::Renew, standing) => {
                let shown = match LockShown::of_member(&request.peer, self.config.cluster) {
                    Ok(shown) => shown,
                    Err(code) => return self.refuse(plan.audit(code), "S0: certificate and lock claim of c"),
                };
                let ticket = RenewTicket::new(shown, self.receiver(&plan));
                if matches!(standing, Standing::Granted(..)) {
                    // A renewal of the boot that was granted, at the generation that was granted, is the Done that was lost.
                    let action = self.out.perform(Action::Store(plan.confirmation()));
                    self.state = State::Writing { action, plan, ticket, confirms: true };
                } else {
                    self.write(plan, ticket);
                }
            }
            (Flow::Join, Standing::Reserved(..)) if plan.reserve && !removed(Guard::ServiceReserved) => {
                let transaction = Transaction::Reserve {
                    expect: plan.version,
                    entry: plan.entry.clone(),
                    voucher: plan.voucher,
                };
                let action = self.out.perform(Action::Store(transaction));
                self.state = State::Reserving { action, plan, request: Box::new(request), looks };
            }
            _ => self.offer(plan, now),
        }
    }

    fn write(&mut self, plan: Box<Plan>, ticket: RenewTicket) {
        let action = self.out.perform(Action::Store(Transaction::Audit(plan.audit(Code::ACCEPTED))));
        self.state = State::Writing { action, plan, ticket, confirms: false };
    }

    /// S0 to S1.
    fn offer(&mut self, plan: Box<Plan>, now: Instant) {
        let offer = Offer {
            cluster: self.config.cluster,
            node: plan.entry.node,
            role: plan.entry.role,
            name: plan.entry.name.clone(),
            policy: plan.policy.epoch,
            evidence: self.config.register.class() > 1,
            generation: plan.generation,
        };
        self.out.send(self.channel, Message::Offer(offer));
        self.state = State::AwaitLocked { plan, renewed: None, deadline: Deadline::start(Timer::Lock, now) };
    }

    fn make(&mut self, plan: Box<Plan>, ticket: KeyAction) {
        let action = self.out.perform(Action::Keys(ticket));
        self.state = State::Making { action, plan };
    }

    /// S3.
    fn confirmed(&mut self, plan: &Plan) {
        if plan.entry.role == Role::Seat && plan.flow == Flow::Join {
            self.out.perform(Action::Driver(DriverAction::Promote { node: plan.entry.node }));
        }
        self.out.event(Event::Member { cluster: self.config.cluster, node: plan.entry.node });
        self.out.close(self.channel, Code::ACCEPTED);
        self.state = State::Over;
    }

    /// S4: the reservation ends at its deadline, what was granted stays granted, a seat that was not promoted is taken out.
    fn gone(&mut self) {
        // A Done that came is written down, whoever hears of it.
        if matches!(self.state, State::Confirming { .. }) {
            return;
        }
        let state = core::mem::replace(&mut self.state, State::Over);
        if let State::AwaitLocked { plan, .. } | State::AwaitDone { plan, .. } = state
            && plan.flow == Flow::Join
            && plan.entry.role == Role::Seat
        {
            let node = plan.entry.node;
            self.out.perform(Action::Driver(DriverAction::Remove { node }));
            self.out.perform(Action::Store(Transaction::Release { node }));
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline.is_over(now)) {
            self.out.event(Event::Refused { code: Code::TIMEOUT, guard: "S1, S2: in time" });
            self.out.close(self.channel, Code::TIMEOUT);
            self.gone();
        }
    }

    /// S9: written down, then said.
    fn refuse(&mut self, audit: Audit, guard: &'static str) {
        let code = audit.code;
        let action = self.out.perform(Action::Store(Transaction::Audit(audit)));
        self.state = State::Auditing { action, code, guard };
    }

    fn turn_away(&mut self, code: Code, guard: &'static str) {
        self.out.event(Event::Refused { code, guard });
        self.out.close(self.channel, code);
        self.state = State::Over;
    }

    fn out_of_order(&mut self, input: &'static str) {
        self.out.event(Event::OutOfOrder { state: self.state.word(), input });
        self.out.refuse(self.channel, Code::OUT_OF_ORDER);
    }

    fn receiver(&self, plan: &Plan) -> Receiver {
        Receiver {
            node: plan.entry.node,
            name: plan.entry.name.clone(),
            disk: plan.entry.disk,
            generation: plan.generation,
            csr: plan.csr.clone(),
            held: plan.held,
            epochs: self.config.epochs.clone(),
            holding: Holding::of(plan.entry.role, &self.config.epochs),
        }
    }

    const fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::AwaitLocked { deadline, .. } | State::AwaitDone { deadline, .. } => Some(*deadline),
            State::Start
            | State::Looking { .. }
            | State::Reserving { .. }
            | State::Writing { .. }
            | State::Granting { .. }
            | State::Making { .. }
            | State::Confirming { .. }
            | State::Auditing { .. }
            | State::Over => None,
        }
    }
}

impl State {
    const fn word(&self) -> &'static str {
        match self {
            Self::Start | Self::Looking { .. } | Self::Reserving { .. } | Self::Writing { .. } => "S0",
            Self::AwaitLocked { .. } | Self::Granting { .. } | Self::Making { .. } => "S1",
            Self::AwaitDone { .. } | Self::Confirming { .. } => "S2",
            Self::Auditing { .. } => "S9",
            Self::Over => "S3, S4 or S9",
        }
    }
}

/// What a store that did not apply a transaction means to the peer.
fn store_code(outcome: &Outcome) -> Code {
    match outcome {
        Outcome::Store(Stored::NoQuorum) => Code::NO_QUORUM,
        Outcome::Store(Stored::Conflict) => Code::BUSY,
        _ => Code::INTERNAL,
    }
}
