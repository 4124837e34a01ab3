//! One channel of an engine: its session, what waits to be sent, and what the other end asked.

use std::collections::VecDeque;

use crate::channel::binding::Side;
use crate::channel::error::Misuse;
use crate::channel::evidence::EvidenceRequest;
use crate::channel::session::Session;
use crate::time::Instant;
use crate::wire::{Claims, Message};

/// Messages that may wait for new verdicts.
const MAX_WAITING: usize = 64;

pub(super) struct Line {
    pub(super) session: Session,
    pub(super) side: Side,
    /// What is sent once the channel is open again.
    waiting: VecDeque<Message>,
    /// Evidence that is owed, and cannot be made yet.
    pub(super) owed: Option<EvidenceRequest>,
    /// What the other end asks or says of itself, under its evidence.
    pub(super) claims: Option<Claims>,
}

impl Line {
    pub(super) const fn new(session: Session, side: Side) -> Self {
        Self { session, side, waiting: VecDeque::new(), owed: None, claims: None }
    }

    /// Sends a message, or keeps it until the verdicts are renewed.
    pub(super) fn send(&mut self, message: Message, now: Instant) -> Result<(), Misuse> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(Misuse::Full);
        }
        self.waiting.push_back(message);
        self.flush(now)
    }

    /// Sends what waits, if the channel is open.
    pub(super) fn flush(&mut self, now: Instant) -> Result<(), Misuse> {
        while self.session.is_open() {
            let Some(message) = self.waiting.pop_front() else { break };
            self.session.send(&message, now)?;
        }
        Ok(())
    }
}
