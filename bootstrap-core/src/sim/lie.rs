//! A peer that lies: on a channel that it opened as itself, it says what no machine would say there and then.

use crate::error::Code;
use crate::ids::NodeId;
use crate::machine::Message;
use crate::machine::message::{Done, GrantFacts};

use super::entropy::Entropy;
use super::ring::Grant;

/// What a liar remembers of one channel.
#[derive(Debug, Default)]
pub(super) struct Liar {
    heard: Vec<Message>,
    said: Vec<(Message, Option<Box<Grant>>)>,
}

impl Liar {
    /// What the other end said.
    pub(super) fn heard(&mut self, message: &Message) {
        if !matches!(message, Message::Grant(_)) {
            self.heard.push(message.clone());
        }
    }

    /// What it says in place of this.
    pub(super) fn says(
        &mut self,
        message: Message,
        grant: Option<Box<Grant>>,
        entropy: &mut Entropy,
    ) -> Vec<(Message, Option<Box<Grant>>)> {
        let honest = (message.clone(), grant.clone());
        self.said.push(honest.clone());
        match entropy.below(6) {
            0 => Vec::new(),
            1 => vec![honest.clone(), honest],
            // Something it said before, ahead of it: out of order.
            2 => self.said.first().cloned().into_iter().chain([honest]).collect(),
            // The other end's own words.
            3 => self.heard.last().cloned().map(|heard| (heard, None)).into_iter().chain([honest]).collect(),
            4 => vec![(Message::Done(Done { code: Code::ACCEPTED, generation: u32::MAX }), None), honest],
            _ => vec![altered(message, grant)],
        }
    }
}

/// The message, wrong in one thing.
fn altered(message: Message, grant: Option<Box<Grant>>) -> (Message, Option<Box<Grant>>) {
    let stranger = NodeId::new([0xee; 16]);
    match message {
        Message::Offer(mut offer) => {
            offer.node = stranger;
            (Message::Offer(offer), grant)
        }
        Message::Done(mut done) => {
            done.generation = done.generation.wrapping_add(1);
            (Message::Done(done), grant)
        }
        Message::Locked(mut locked) => {
            locked.class = if locked.class == 1 { 2 } else { 1 };
            (Message::Locked(locked), grant)
        }
        message => relabelled(stranger, message, grant),
    }
}

/// A grant, as if it were for another node. Other messages stay as they are.
pub(super) fn relabelled(
    node: NodeId,
    message: Message,
    grant: Option<Box<Grant>>,
) -> (Message, Option<Box<Grant>>) {
    match message {
        Message::Grant(mut reference) => {
            let other = |facts: &mut GrantFacts| match facts {
                GrantFacts::Init { node: of, .. } | GrantFacts::Recover { node: of, .. } => *of = node,
                GrantFacts::Join { ticket, .. }
                | GrantFacts::Rejoin { ticket, .. }
                | GrantFacts::Renew { ticket } => ticket.node = node,
                GrantFacts::Share { index, .. } => *index = index.wrapping_add(1),
                GrantFacts::Rotate { .. } => {}
            };
            other(&mut reference.facts);
            let grant = grant.map(|mut grant| {
                other(&mut grant.facts);
                grant
            });
            (Message::Grant(reference), grant)
        }
        other => (other, grant),
    }
}
