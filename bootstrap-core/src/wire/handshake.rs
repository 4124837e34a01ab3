//! Frames before a channel is open: Hello, Evidence, Verdict; and Refusal, which may come at any time.

use attest_core::UnixTime;

use super::error::Error;
use super::field::{List, Record, whole, written};
use super::number::{Bounded, Flow, Order};
use super::record::record;
use super::string::{Cmw, Companions, Der, EncodedClaims, Kind, Name};
use crate::error::Code;
use crate::ids::{ClusterId, NodeId};

record! {
    /// What both sides say first (frame 01).
    pub struct Hello = "hello" {
        /// Wire versions, ascending; the highest common one is used.
        0 => versions: List<u16, 1, 8>,
        /// 32 fresh random bytes.
        1 => nonce: [u8; 32],
        /// What the channel is for; both sides say the same.
        2 => flow: Flow,
        /// Kinds of evidence that this side can show.
        3 => shows: List<Kind, 0, 8>,
        /// Kinds of evidence that this side accepts; empty if it asks for none.
        4 => accepts: List<Kind, 0, 8>,
        /// Whom this side expects.
        5 => expects: Expected,
        /// Who shows first.
        6 => order: Order,
        /// This side's clock, for reports only.
        7 => clock: Option<UnixTime>,
    }
}

record! {
    /// Whom a side expects; what is left out, it does not know beforehand.
    #[derive(Default)]
    pub struct Expected = "expect" {
        /// A member of this cluster.
        0 => cluster: Option<ClusterId>,
        /// The node of this name.
        1 => name: Option<Name>,
        /// The node of this id.
        2 => node: Option<NodeId>,
    }
}

record! {
    /// Evidence and the request that it vouches for (frame 02).
    pub struct Evidence = "evidence" {
        /// Evidence, each item over its own slot.
        0 => items: List<Item, 0, 8>,
        /// The claims as bytes: their hash is in the binder.
        1 => claims: EncodedClaims,
        /// The certificate chain of a member, leaf first.
        2 => chain: Option<List<Der, 1, 4>>,
    }
}

/// One piece of evidence over one slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an array of the protocol's first version")]
pub struct Item {
    /// The slot, 0 to 7.
    pub slot: Bounded<0, 7>,
    /// The kind of evidence.
    pub kind: Kind,
    /// What the slot commits to beside the binder.
    pub companions: Companions,
    /// The evidence, or the proof of a key.
    pub cmw: Cmw,
}

record! {
    /// What a side thinks of the other's evidence (frame 03).
    pub struct Verdict = "verdict" {
        /// Accepted, or why not.
        0 => code: Code,
        /// The transcript hash T.
        1 => transcript: [u8; 32],
        /// When to come again, in milliseconds.
        2 => retry_after: Option<Bounded<0, 86_400_000>>,
    }
}

record! {
    /// The end of a channel, with its reason (frame 04).
    pub struct Refusal = "refusal" {
        /// Why.
        0 => code: Code,
        /// When to come again, in milliseconds.
        1 => retry_after: Option<Bounded<0, 86_400_000>>,
        /// The policy epoch that this side holds.
        2 => policy_epoch: Option<u32>,
    }
}

mod item {
    use attest_core::cbor::{Decoder, Encoder};
    use attest_core::error::Malformed;

    use super::super::field::Field;
    use super::Item;

    impl Field for Item {
        fn encode(&self, encoder: &mut Encoder<'_>) {
            encoder.array(4);
            self.slot.encode(encoder);
            self.kind.encode(encoder);
            self.companions.encode(encoder);
            self.cmw.encode(encoder);
        }

        fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
            decoder.tuple(field, 4, |decoder| {
                Ok(Self {
                    slot: Field::decode("slot", decoder)?,
                    kind: Field::decode("kind", decoder)?,
                    companions: Field::decode("companions", decoder)?,
                    cmw: Field::decode("cmw", decoder)?,
                })
            })
        }
    }
}

macro_rules! bodies {
    ($($name:ident)*) => {
        $(
            impl $name {
                /// The body of its frame.
                pub fn to_bytes(&self) -> Vec<u8> {
                    written(self)
                }

                /// Reads the body of its frame.
                ///
                /// # Errors
                /// [`Error`] unless it is one map of the rule and nothing else.
                pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
                    Ok(whole(Self::RULE, bytes, super::frame::FrameKind::$name.limit())?)
                }
            }
        )*
    };
}

bodies! { Hello Evidence Verdict Refusal }
