//! Messages of the wire as machines see them, and back. A grant that comes goes into the key ring and is a handle from then on; one that
//! is sent is taken out of it.

use std::sync::Arc;

use super::Error;
use crate::keyring::{Keyring, genesis_facts};
use crate::machine::Message;
use crate::machine::facts::{Genesis, Name, PolicyTip};
use crate::machine::message::{Done, Held, InitResult, Locked, Offer, Progress};
use crate::wire::{
    self, Bounded, Der, DriverPayload, Encoded, List, LockClass, LockProof, ProgressText, Signed,
};

/// A message that came.
///
/// # Errors
/// [`Error`] if the key ring has no room for a grant.
pub(super) fn received(message: wire::Message, keyring: &mut Keyring) -> Result<Message, Error> {
    Ok(match message {
        wire::Message::Offer(offer) => Message::Offer(Offer {
            cluster: offer.cluster,
            node: offer.node,
            role: offer.role,
            name: name(&offer.name)?,
            policy: offer.policy_epoch,
            evidence: offer.proof == LockProof::Evidence,
            generation: offer.generation,
        }),
        wire::Message::Locked(locked) => Message::Locked(Locked {
            cluster: locked.cluster,
            class: locked.class.number(),
            genesis: locked.genesis.as_ref().map(genesis_facts),
        }),
        wire::Message::Grant(grant) => {
            let handle = keyring.receive(grant)?;
            Message::Grant(keyring.describe(handle)?)
        }
        wire::Message::Done(done) => Message::Done(Done { code: done.code, generation: done.generation }),
        wire::Message::Progress(progress) => Message::Progress(Progress {
            sequence: progress.sequence,
            stage: small(progress.stage.number()),
            per_mille: u16::try_from(progress.per_mille.number()).unwrap_or(u16::MAX),
            text: progress.text.map(|text| Arc::from(text.as_str())),
        }),
        wire::Message::Result(result) => Message::Result(InitResult {
            cluster: result.cluster,
            genesis: genesis_facts(&result.genesis),
            node: result.node,
            chain: result.chain.iter().map(|der| der.as_bytes().to_vec()).collect(),
            payload: result.payload.as_bytes().to_vec(),
            generation: result.generation,
        }),
        wire::Message::Publish(publish) => {
            Message::Publish(publish.statements.iter().map(Signed::to_bytes).collect())
        }
        wire::Message::Ack(ack) => Message::Ack(PolicyTip { epoch: ack.policy_epoch, hash: ack.policy }),
        wire::Message::Held(held) => Message::Held(Held {
            set: held.set,
            held: small(held.held.number()),
            needed: small(held.needed.number()),
        }),
    })
}

/// A message that is to be sent.
///
/// # Errors
/// [`Error`] for what no wire message can hold, or a grant that is not there.
pub(super) fn to_send(message: Message, keyring: &mut Keyring) -> Result<wire::Message, Error> {
    Ok(match message {
        Message::Offer(offer) => wire::Message::Offer(wire::Offer {
            cluster: offer.cluster,
            node: offer.node,
            role: offer.role,
            name: wire::Name::new(offer.name.as_str())?,
            policy_epoch: offer.policy,
            proof: if offer.evidence { LockProof::Evidence } else { LockProof::Claim },
            generation: offer.generation,
        }),
        Message::Locked(locked) => wire::Message::Locked(wire::Locked {
            cluster: locked.cluster,
            class: LockClass::from_number(locked.class).ok_or(Error::Unsayable { what: "class of lock" })?,
            genesis: locked.genesis.as_ref().map(encoded).transpose()?,
        }),
        Message::Grant(grant) => wire::Message::Grant(keyring.release(grant.handle)?),
        Message::Done(done) => {
            wire::Message::Done(wire::Done { code: done.code, generation: done.generation })
        }
        Message::Progress(progress) => wire::Message::Progress(wire::Progress {
            sequence: progress.sequence,
            stage: Bounded::clamped(progress.stage.into()),
            per_mille: Bounded::clamped(progress.per_mille.into()),
            text: progress.text.as_deref().map(redacted).transpose()?,
        }),
        Message::Result(result) => wire::Message::Result(wire::InitResult {
            cluster: result.cluster,
            genesis: encoded(&result.genesis)?,
            node: result.node,
            chain: List::new(result.chain.into_iter().map(Der::new).collect::<Result<_, _>>()?)?,
            payload: DriverPayload::new(result.payload)?,
            generation: result.generation,
        }),
        Message::Publish(statements) => {
            let statements: Result<_, _> = statements.iter().map(|bytes| Signed::from_bytes(bytes)).collect();
            wire::Message::Publish(wire::Publish { statements: List::new(statements?)? })
        }
        Message::Ack(tip) => {
            wire::Message::Ack(wire::Acknowledged { policy_epoch: tip.epoch, policy: tip.hash })
        }
        Message::Held(held) => wire::Message::Held(wire::Held {
            set: held.set,
            held: Bounded::clamped(held.held.into()),
            needed: Bounded::clamped(held.needed.into()),
        }),
    })
}

/// A name as machines have it.
pub(super) fn name(name: &wire::Name) -> Result<Name, Error> {
    Name::new(name.as_str()).ok_or(Error::Unsayable { what: "name" })
}

/// A complete genesis as it travels.
pub(super) fn encoded(genesis: &Genesis) -> Result<Encoded<wire::Genesis>, Error> {
    Ok(Encoded::from_bytes(&genesis.bytes)?)
}

/// What a driver says, cut at the last character that fits.
fn redacted(text: &str) -> Result<ProgressText, Error> {
    let ends = text.char_indices().map(|(at, letter)| at.saturating_add(letter.len_utf8()));
    let end = ends.take_while(|end| *end <= ProgressText::MAX).last().unwrap_or_default();
    Ok(ProgressText::new(text.get(..end).unwrap_or_default())?)
}

fn small(number: u32) -> u8 {
    // The rules' numbers go to 255.
    u8::try_from(number).unwrap_or(u8::MAX)
}
