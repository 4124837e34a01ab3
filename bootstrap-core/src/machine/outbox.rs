//! Outputs in order, with the rule of protocol section 5: a durable write completes before anything behind it leaves.

use std::collections::VecDeque;

use crate::error::Code;
use crate::time::Deadline;

use super::action::{Action, ActionId, ChannelId, Outcome};
use super::message::{Message, Progress};
use super::record::Record;
use super::{Event, Output};

/// Messages of progress that wait behind a durable write.
const MOST_PROGRESS: usize = 16;

/// The outputs of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    queue: VecDeque<Output>,
    next: u32,
    /// The durable write that was handed out and is not answered yet.
    writing: Option<ActionId>,
    /// A write failed: nothing leaves any more. What is durable decides at the next start, as after a crash.
    stopped: bool,
}

/// What an answer meant to the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was not about a durable write: the machine's own.
    NotMine,
    /// A write is durable; what waited behind it may leave.
    Written,
    /// A write failed; this machine is over.
    Stopped,
}

impl Outbox {
    pub(super) fn send(&mut self, channel: ChannelId, message: Message) {
        self.push(Output::Send(channel, message));
    }

    /// Progress to a peer: at most [`MOST_PROGRESS`] of them wait here, and the oldest goes first.
    pub(super) fn progress(&mut self, channel: ChannelId, progress: Progress) {
        let is_progress = |output: &Output| matches!(output, Output::Send(_, Message::Progress(_)));
        if self.queue.iter().filter(|output| is_progress(output)).count() >= MOST_PROGRESS
            && let Some(oldest) = self.queue.iter().position(is_progress)
        {
            self.queue.remove(oldest);
        }
        self.send(channel, Message::Progress(progress));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    pub(super) fn refuse(&mut self, channel: ChannelId, code: Code) {
        self.push(Output::Refuse(channel, code));
    }

    pub(super) fn close(&mut self, channel: ChannelId, code: Code) {
        self.perform(Action::Close { channel, code, retry: 0 });
    }

    pub(super) fn persist(&mut self, record: Record) {
        self.perform(Action::Persist(record));
    }

    pub(super) fn perform(&mut self, action: Action) -> ActionId {
        let id = ActionId::new(self.next);
        self.next = self.next.wrapping_add(1);
        self.push(Output::Do(id, action));
        id
    }

    /// The next output that may leave now.
    pub(super) fn poll(&mut self) -> Option<Output> {
        if self.writing.is_some() {
            return None;
        }
        let output = self.queue.pop_front()?;
        if let Output::Do(id, Action::Persist(_)) = output {
            self.writing = Some(id);
        }
        Some(output)
    }

    /// What to hand out while nothing may leave. Once a write failed no input moves anything, so there is nothing to wait for: at a
    /// deadline that stays, a host would come back at once, for ever.
    pub(super) fn wait(&self, deadline: Option<Deadline>) -> Output {
        Output::Wait(deadline.filter(|_| !self.stopped))
    }

    /// What `poll` would hand out.
    #[cfg(test)]
    pub(super) fn peek(&self) -> Option<&Output> {
        self.queue.front().filter(|_| self.writing.is_none())
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn answered(&mut self, id: ActionId, outcome: &Outcome) -> Answer {
        if self.writing != Some(id) {
            return Answer::NotMine;
        }
        self.writing = None;
        if *outcome == Outcome::Written {
            return Answer::Written;
        }
        self.queue.clear();
        self.event(Event::StorageFailed);
        self.stopped = true;
        Answer::Stopped
    }

    fn push(&mut self, output: Output) {
        if !self.stopped {
            self.queue.push_back(output);
        }
    }
}
