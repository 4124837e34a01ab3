//! A member's renewals (protocol section 5, T-renew; flow 6): a new certificate and newer policies, before half of the old one's life is
//! over. The first one after a join or a rejoin whose Done was lost also says that Done.

use core::time::Duration;

use crate::error::Code;
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use super::backoff::Backoff;
use super::facts::ServiceClaims;
use super::init_node::refusal;
use super::join_node::may_follow;
use super::message::{Done, Flow, GrantFacts, GrantRef};
use super::node::Shared;
use super::record::{MemberRecord, Record};
use super::{Action, ActionId, ChannelId, Event, KeyAction, KeyOutcome, Message, Outcome};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Renew {
    record: MemberRecord,
    state: State,
    backoff: Backoff,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Waiting(Deadline),
    Dialling(ActionId),
    Opening(ChannelId, Deadline),
    AwaitGrant(ChannelId, Deadline),
    Checking(ChannelId, ActionId, GrantRef),
    /// Another boot has this node's place.
    Out,
}

impl Renew {
    /// The first renewal comes within the backoff's first wait, so that a Done that was lost is said soon.
    pub(super) fn start(record: MemberRecord, seed: [u8; 32], now: Instant) -> Self {
        let mut backoff = Backoff::new(seed);
        let first = Deadline { at: now.after(backoff.first()), timer: Timer::Renew };
        Self { record, state: State::Waiting(first), backoff }
    }

    pub(super) const fn record(&self) -> &MemberRecord {
        &self.record
    }

    pub(super) fn owns(&self, channel: ChannelId) -> bool {
        self.channel() == Some(channel)
    }

    pub(super) fn opened(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        claims: &ServiceClaims,
        shared: &mut Shared,
        now: Instant,
    ) {
        if !matches!(&self.state, State::Opening(expected, _) if *expected == channel) {
            return shared.out_of_order(Some(channel), self.word(), "Opened");
        }
        // A service behind my policy is told so and asks for the chain by a statement flow.
        if let Err((code, guard)) =
            may_follow(peer, claims, Some(self.record.cluster), self.record.policy, shared)
        {
            shared.turn_away(channel, code, guard);
            return self.again(0, now);
        }
        self.backoff.opened(now);
        self.state = State::AwaitGrant(channel, Deadline::start(Timer::Grant, now));
    }

    pub(super) fn message(&mut self, channel: ChannelId, message: Message, shared: &mut Shared) {
        match (&self.state, message) {
            (State::AwaitGrant(mine, _), Message::Grant(grant)) if *mine == channel => {
                let fits = matches!(&grant.facts, GrantFacts::Renew { ticket }
                    if ticket.cluster == self.record.cluster
                        && ticket.node == self.record.node
                        && ticket.generation == self.record.generation);
                if !fits {
                    return shared.refuse_grant(channel, &grant, Code::NOT_EXPECTED, "renew: my ids");
                }
                let check = KeyAction::CheckTicket {
                    grant: grant.handle,
                    cluster: self.record.cluster,
                    node: self.record.node,
                    held: self.record.policy,
                };
                self.state = State::Checking(channel, shared.keys(check), grant);
            }
            (_, message) => shared.unexpected(channel, self.word(), &message),
        }
    }

    /// The answer to an action; whether it is one of this machine's.
    pub(super) fn done(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) -> bool {
        match &self.state {
            State::Dialling(action) if *action == id => match outcome {
                Outcome::Dialled(channel) => {
                    self.state = State::Opening(*channel, Deadline::start(Timer::Open, now));
                }
                _ => self.again(0, now),
            },
            State::Checking(channel, action, grant) if *action == id => {
                let (channel, grant) = (*channel, grant.clone());
                self.checked(channel, &grant, outcome, shared, now);
            }
            State::Waiting(_)
            | State::Dialling(_)
            | State::Opening(..)
            | State::AwaitGrant(..)
            | State::Checking(..)
            | State::Out => return false,
        }
        true
    }

    fn checked(
        &mut self,
        channel: ChannelId,
        grant: &GrantRef,
        outcome: &Outcome,
        shared: &mut Shared,
        now: Instant,
    ) {
        let Outcome::Keys(KeyOutcome::Policy(tip)) = outcome else {
            let code = refusal(outcome, Code::KEY_PROOF);
            shared.forget(grant.handle);
            shared.turn_away(channel, code, "renew: chain, key of my CSR, policies");
            return self.again(0, now);
        };
        self.record.policy = Some(*tip);
        shared.out.persist(Record::Member(self.record.clone()));
        let done = Done { code: Code::ACCEPTED, generation: self.record.generation };
        shared.out.send(channel, Message::Done(done));
        shared.out.close(channel, Code::ACCEPTED);
        let at = now.after(half_life(&mut self.backoff, shared.config.certificate_life));
        self.state = State::Waiting(Deadline { at, timer: Timer::Renew });
    }

    pub(super) fn closed(
        &mut self,
        channel: ChannelId,
        code: Code,
        hint: u32,
        shared: &mut Shared,
        now: Instant,
    ) {
        if !self.owns(channel) {
            return;
        }
        if code == Code::GENERATION {
            shared.out.event(Event::Clone);
            self.state = State::Out;
        } else {
            self.again(hint, now);
        }
    }

    pub(super) fn tick(&mut self, shared: &mut Shared, now: Instant) {
        match &self.state {
            State::Waiting(deadline) if deadline.is_over(now) && shared.config.endpoints > 0 => {
                let endpoint = self.backoff.below(shared.config.endpoints);
                self.state =
                    State::Dialling(shared.out.perform(Action::Dial { endpoint, flow: Flow::Renew }));
            }
            State::Opening(channel, deadline) | State::AwaitGrant(channel, deadline)
                if deadline.is_over(now) =>
            {
                let channel = *channel;
                shared.turn_away(channel, Code::TIMEOUT, "renew: in time");
                self.again(0, now);
            }
            State::Waiting(_)
            | State::Dialling(_)
            | State::Opening(..)
            | State::AwaitGrant(..)
            | State::Checking(..)
            | State::Out => {}
        }
    }

    pub(super) const fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::Waiting(deadline) | State::Opening(_, deadline) | State::AwaitGrant(_, deadline) => {
                Some(*deadline)
            }
            State::Dialling(_) | State::Checking(..) | State::Out => None,
        }
    }

    fn again(&mut self, hint: u32, now: Instant) {
        let at = now.after(self.backoff.failed(hint, now));
        self.state = State::Waiting(Deadline { at, timer: Timer::Backoff });
    }

    const fn channel(&self) -> Option<ChannelId> {
        match &self.state {
            State::Opening(channel, _) | State::AwaitGrant(channel, _) | State::Checking(channel, ..) => {
                Some(*channel)
            }
            State::Waiting(_) | State::Dialling(_) | State::Out => None,
        }
    }

    const fn word(&self) -> &'static str {
        match &self.state {
            State::Waiting(_) | State::Dialling(_) | State::Opening(..) => "renew: idle",
            State::AwaitGrant(..) | State::Checking(..) => "renew: S2",
            State::Out => "renew: out",
        }
    }
}

/// Half of the certificate's life, ten per cent more or less, so that two more tries fit before it ends.
fn half_life(backoff: &mut Backoff, life: Duration) -> Duration {
    let seconds = life.as_secs();
    let least = seconds.saturating_mul(9).checked_div(20).unwrap_or_default();
    let span = u16::try_from(seconds.checked_div(10).unwrap_or_default()).unwrap_or(u16::MAX);
    Duration::from_secs(least.saturating_add(u64::from(backoff.below(span))))
}
