//! Messages on an open channel (frame 10).

use attest_core::cbor::{Decoder, Encoder};
use attest_core::error::{Malformed, Problem};
use zeroize::Zeroizing;

use super::error::Error;
use super::field::{Encoded, Field, List, whole, written};
use super::frame::FrameKind;
use super::grant::Grant;
use super::identity::Genesis;
use super::number::{Bounded, LockClass, LockProof};
use super::record::record;
use super::signed::Signed;
use super::string::{Der, DriverPayload, Name, ProgressText};
use crate::error::Code;
use crate::ids::{ClusterId, NodeId, Role, ShareSetId, StatementHash};

/// One message.
#[derive(PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message that is not known is refused, and each machine matches all of them"
)]
pub enum Message {
    /// 1: what a node would get.
    Offer(Offer),
    /// 2: the node is locked.
    Locked(Locked),
    /// 3: secrets.
    Grant(Grant),
    /// 4: what became of a grant.
    Done(Done),
    /// 5: how far an init is.
    Progress(Progress),
    /// 6: what an init gave.
    Result(InitResult),
    /// 7: statements.
    Publish(Publish),
    /// 8: what is held after a publication.
    Ack(Acknowledged),
    /// 9: how many shares are held.
    Held(Held),
}

record! {
    /// What a node would get. Never a secret.
    pub struct Offer = "offer" {
        /// The cluster.
        0 => cluster: ClusterId,
        /// The node's id.
        1 => node: NodeId,
        /// The node's role.
        2 => role: Role,
        /// The node's name.
        3 => name: Name,
        /// The policy epoch that this follows from.
        4 => policy_epoch: u32,
        /// How the lock is to be proved.
        5 => proof: LockProof,
        /// The generation that the ticket will make.
        6 => generation: u32,
    }
}

record! {
    /// The node is locked.
    pub struct Locked = "locked" {
        /// To whom.
        0 => cluster: ClusterId,
        /// By what.
        1 => class: LockClass,
        /// The genesis, where the node completed it.
        2 => genesis: Option<Encoded<Genesis>>,
    }
}

record! {
    /// What became of a grant.
    pub struct Done = "done" {
        /// Applied, or why not.
        0 => code: Code,
        /// The generation that is on the disk now.
        1 => generation: u32,
    }
}

record! {
    /// How far an init is.
    pub struct Progress = "progress" {
        /// One more each time.
        0 => sequence: u32,
        /// The stage.
        1 => stage: Bounded<0, 15>,
        /// How much of it is done, in thousandths.
        2 => per_mille: Bounded<0, 1000>,
        /// What the driver says, redacted.
        3 => text: Option<ProgressText>,
    }
}

record! {
    /// What an init gave.
    pub struct InitResult = "result" {
        /// The cluster.
        0 => cluster: ClusterId,
        /// The genesis: its hash is the cluster id.
        1 => genesis: Encoded<Genesis>,
        /// The node's id.
        2 => node: NodeId,
        /// The node's certificate, and those above it.
        3 => chain: List<Der, 1, 4>,
        /// What the driver gave, for the operator.
        4 => payload: DriverPayload,
        /// The generation that is on the disk.
        5 => generation: u32,
    }
}

record! {
    /// Statements for a cluster.
    pub struct Publish = "publish" {
        /// The statements, in order.
        0 => statements: List<Signed, 1, 64>,
    }
}

record! {
    /// What is held after a publication.
    pub struct Acknowledged = "ack" {
        /// The newest policy epoch.
        0 => policy_epoch: u32,
        /// The hash of that policy.
        1 => policy: StatementHash,
    }
}

record! {
    /// How many shares are held.
    pub struct Held = "held" {
        /// The set.
        0 => set: ShareSetId,
        /// How many.
        1 => held: Bounded<1, 255>,
        /// Of how many.
        2 => needed: Bounded<1, 255>,
    }
}

impl Message {
    /// The body of its frame.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(written(self))
    }

    /// Reads the body of its frame.
    ///
    /// # Errors
    /// [`Error`] unless it is one message and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(whole("message", bytes, FrameKind::Message.limit())?)
    }
}

impl Message {
    /// Its number on the wire.
    pub const fn number(&self) -> u8 {
        match self {
            Self::Offer(_) => 1,
            Self::Locked(_) => 2,
            Self::Grant(_) => 3,
            Self::Done(_) => 4,
            Self::Progress(_) => 5,
            Self::Result(_) => 6,
            Self::Publish(_) => 7,
            Self::Ack(_) => 8,
            Self::Held(_) => 9,
        }
    }
}

impl Field for Message {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.number().encode(encoder.array(2));
        match self {
            Self::Offer(message) => message.encode(encoder),
            Self::Locked(message) => message.encode(encoder),
            Self::Grant(message) => message.encode(encoder),
            Self::Done(message) => message.encode(encoder),
            Self::Progress(message) => message.encode(encoder),
            Self::Result(message) => message.encode(encoder),
            Self::Publish(message) => message.encode(encoder),
            Self::Ack(message) => message.encode(encoder),
            Self::Held(message) => message.encode(encoder),
        }
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.tuple(field, 2, |decoder| {
            let unknown = decoder.malformed(field, Problem::Encoding("a message that is not known"));
            Ok(match decoder.uint(field)? {
                1 => Self::Offer(Field::decode("offer", decoder)?),
                2 => Self::Locked(Field::decode("locked", decoder)?),
                3 => Self::Grant(Field::decode("grant", decoder)?),
                4 => Self::Done(Field::decode("done", decoder)?),
                5 => Self::Progress(Field::decode("progress", decoder)?),
                6 => Self::Result(Field::decode("result", decoder)?),
                7 => Self::Publish(Field::decode("publish", decoder)?),
                8 => Self::Ack(Field::decode("ack", decoder)?),
                9 => Self::Held(Field::decode("held", decoder)?),
                _ => return Err(unknown),
            })
        })
    }
}
