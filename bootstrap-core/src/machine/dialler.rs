//! How a node finds a service, the same for join and rejoin (protocol sections 5 and 11): a few dials at once, from a random place of
//! the list, and after a failure a wait before the next few.

use crate::error::{Class, Code};
use crate::time::{Deadline, Instant, Timer};

use super::backoff::Backoff;
use super::message::Flow;
use super::outbox::Outbox;
use super::{Action, ActionId, ChannelId, Outcome};

/// Channels and dials at once.
const PARALLEL: usize = 3;
/// Whom a person must mend is asked again no sooner, in milliseconds: the others of the list come first.
const MENDING: u32 = 30_000;

/// The dials of one machine, and the channels that came of them and are not open yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dialler {
    flow: Flow,
    endpoints: u16,
    dials: Vec<ActionId>,
    opening: Vec<(ChannelId, Deadline)>,
    redial: Option<Deadline>,
    backoff: Backoff,
}

/// What came of a dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialled {
    /// The answer is to something else.
    NotMine,
    /// A channel is on its way, or was one too many and is closed.
    Answered,
    /// Nobody is there.
    Failed,
}

impl Dialler {
    /// The first dials come within the backoff's first wait; none ever without endpoints.
    pub(super) fn start(flow: Flow, seed: [u8; 32], endpoints: u16, now: Instant) -> Self {
        let mut backoff = Backoff::new(seed);
        let first = Deadline { at: now.after(backoff.first()), timer: Timer::Backoff };
        let redial = (endpoints > 0).then_some(first);
        Self { flow, endpoints, dials: Vec::new(), opening: Vec::new(), redial, backoff }
    }

    /// Whether this channel is on its way.
    pub(super) fn owns(&self, channel: ChannelId) -> bool {
        self.opening.iter().any(|(opening, _)| *opening == channel)
    }

    /// The channel is open, or gone: it is on its way no more.
    pub(super) fn let_go(&mut self, channel: ChannelId) {
        self.opening.retain(|(opening, _)| *opening != channel);
    }

    /// A peer was found.
    pub(super) const fn found(&mut self, now: Instant) {
        self.backoff.opened(now);
    }

    /// Dials as many as are missing beside `open` channels.
    fn dial(&mut self, open: usize, out: &mut Outbox) {
        self.redial = None;
        let busy = self.dials.len().saturating_add(self.opening.len()).saturating_add(open);
        let start = self.backoff.below(self.endpoints);
        let wanted = PARALLEL.saturating_sub(busy).min(usize::from(self.endpoints));
        for step in (0..self.endpoints).take(wanted) {
            let endpoint = start.saturating_add(step).checked_rem(self.endpoints).unwrap_or_default();
            self.dials.push(out.perform(Action::Dial { endpoint, flow: self.flow }));
        }
    }

    /// The answer to an action. `wanted`: whether one more channel may come.
    pub(super) fn answered(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        wanted: bool,
        out: &mut Outbox,
        now: Instant,
    ) -> Dialled {
        let Some(at) = self.dials.iter().position(|dial| *dial == id) else { return Dialled::NotMine };
        self.dials.remove(at);
        match outcome {
            Outcome::Dialled(channel) if wanted => {
                self.opening.push((*channel, Deadline::start(Timer::Open, now)));
                Dialled::Answered
            }
            Outcome::Dialled(channel) => {
                out.close(*channel, Code::SHUTTING_DOWN);
                Dialled::Answered
            }
            _ => Dialled::Failed,
        }
    }

    /// The next dials come after one more failure's wait, unless they are to come already.
    pub(super) fn again(&mut self, code: Code, hint: u32, now: Instant) {
        if self.redial.is_some() {
            return;
        }
        let hint = if code.class() == Class::Fix { hint.max(MENDING) } else { hint };
        self.redial = Some(self.wait(hint, now));
    }

    /// The end of one more failure's wait.
    pub(super) fn wait(&mut self, hint: u32, now: Instant) -> Deadline {
        Deadline { at: now.after(self.backoff.failed(hint, now)), timer: Timer::Backoff }
    }

    /// Dials if it is time to, beside `open` channels; then the channels that did not open in time, which are let go.
    pub(super) fn tick(&mut self, open: usize, out: &mut Outbox, now: Instant) -> Vec<ChannelId> {
        if self.redial.is_some_and(|deadline| deadline.is_over(now)) {
            self.dial(open, out);
        }
        let late = self.opening.extract_if(.., |(_, deadline)| deadline.is_over(now));
        late.map(|(channel, _)| channel).collect()
    }

    /// No dials for now; those that are out are answered as ever.
    pub(super) const fn rest(&mut self) {
        self.redial = None;
    }

    /// Closes what is on its way.
    pub(super) fn close(&mut self, code: Code, out: &mut Outbox) {
        for (channel, _) in self.opening.drain(..) {
            out.close(channel, code);
        }
    }

    /// When it wants to be told the time.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Deadline> + '_ {
        self.opening.iter().map(|(_, deadline)| *deadline).chain(self.redial)
    }
}
