//! Messages as machines see them: those of protocol section 4, a grant by its handle and its public facts.

use std::sync::Arc;

use crate::error::Code;
use crate::ids::{AttemptId, ClusterId, KeyEpoch, NodeId, Role, ShareSetId};
use crate::keys::Handle;

use super::facts::{Genesis, Name, PolicyTip};

pub use crate::wire::Flow;

/// A message on an open channel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Message {
    /// 1.
    Offer(Offer),
    /// 2.
    Locked(Locked),
    /// 3. What arrives is put into the key ring first; what is sent is taken out of it by its handle.
    Grant(GrantRef),
    /// 4.
    Done(Done),
    /// 5.
    Progress(Progress),
    /// 6.
    Result(InitResult),
    /// 7: signed statements, as received.
    Publish(Vec<Vec<u8>>),
    /// 8: the newest policy held.
    Ack(PolicyTip),
    /// 9.
    Held(Held),
}

/// Message 1: who a newcomer will be. Never a secret.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `offer`")]
pub struct Offer {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// Its role.
    pub role: Role,
    /// Its name.
    pub name: Name,
    /// The policy epoch under which it was decided.
    pub policy: u32,
    /// Whether the lock is to be shown by new evidence, or a claim is enough.
    pub evidence: bool,
    /// The generation that the disk will have.
    pub generation: u32,
}

/// Message 2: the sender's lock is held.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `locked`")]
pub struct Locked {
    /// For this cluster.
    pub cluster: ClusterId,
    /// By this class of lock.
    pub class: u8,
    /// The genesis completed by the node (custody 2).
    pub genesis: Option<Genesis>,
}

/// Message 3 without its secrets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a handle and what it is shown by")]
pub struct GrantRef {
    /// What the key ring knows it by.
    pub handle: Handle,
    /// Its public fields.
    pub facts: GrantFacts,
}

/// The public fields of a grant, by its kind.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GrantFacts {
    /// Grant 1.
    Init {
        /// The cluster.
        cluster: ClusterId,
        /// Which run of init.
        attempt: AttemptId,
        /// The node's id.
        node: NodeId,
        /// The node's name.
        name: Name,
        /// Epochs of the roots inside.
        epochs: Vec<KeyEpoch>,
        /// The first policy, signed, where the claims could not have it.
        policy: Option<Vec<u8>>,
    },
    /// Grant 2.
    Join {
        /// What every ticket has.
        ticket: TicketFacts,
        /// The role.
        role: Role,
        /// The name.
        name: Name,
    },
    /// Grant 3.
    Rejoin {
        /// What every ticket has.
        ticket: TicketFacts,
        /// Given without a quorum: open the disk and the store, serve nothing.
        provisional: bool,
    },
    /// Grant 4.
    Recover {
        /// The cluster.
        cluster: ClusterId,
        /// The node.
        node: NodeId,
        /// Epochs of the disk keys inside.
        epochs: Vec<KeyEpoch>,
    },
    /// Grant 5.
    Share {
        /// The cluster.
        cluster: ClusterId,
        /// Which split.
        set: ShareSetId,
        /// Epoch of the secret.
        epoch: KeyEpoch,
        /// Which share.
        index: u8,
        /// Shares needed.
        needed: u8,
    },
    /// Grant 6.
    Renew {
        /// What every ticket has.
        ticket: TicketFacts,
    },
    /// Grant 7.
    Rotate {
        /// The cluster.
        cluster: ClusterId,
        /// The new epoch.
        epoch: KeyEpoch,
    },
}

/// The public fields that grants 2, 3 and 6 share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever decodes a ticket")]
pub struct TicketFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The generation that the disk will have.
    pub generation: u32,
    /// Epochs of the disk keys inside.
    pub epochs: Vec<KeyEpoch>,
    /// Whether roots are inside.
    pub roots: bool,
}

/// Message 4: what became of a grant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `done`")]
pub struct Done {
    /// Accepted: applied.
    pub code: Code,
    /// The generation now on the disk.
    pub generation: u32,
}

/// Message 5.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `progress`")]
pub struct Progress {
    /// Counts up.
    pub sequence: u32,
    /// Which stage, up to 15.
    pub stage: u8,
    /// How far, up to 1000.
    pub per_mille: u16,
    /// Redacted words, up to 256 bytes.
    pub text: Option<Arc<str>>,
}

/// Message 6.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `result`")]
pub struct InitResult {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its genesis.
    pub genesis: Genesis,
    /// The first node.
    pub node: NodeId,
    /// The node's chain, as received.
    pub chain: Vec<Vec<u8>>,
    /// The driver's payload. Opaque.
    pub payload: Vec<u8>,
    /// The disk's generation.
    pub generation: u32,
}

/// Message 9: shares held so far.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `held`")]
pub struct Held {
    /// Which split.
    pub set: ShareSetId,
    /// Shares held.
    pub held: u8,
    /// Shares needed.
    pub needed: u8,
}

impl Message {
    /// What it is, in the words of the tables.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Offer(_) => "Offer",
            Self::Locked(_) => "Locked",
            Self::Grant(_) => "Grant",
            Self::Done(_) => "Done",
            Self::Progress(_) => "Progress",
            Self::Result(_) => "Result",
            Self::Publish(_) => "Publish",
            Self::Ack(_) => "Ack",
            Self::Held(_) => "Held",
        }
    }
}

impl GrantFacts {
    /// The cluster that it is of.
    pub const fn cluster(&self) -> ClusterId {
        match self {
            Self::Init { cluster, .. }
            | Self::Recover { cluster, .. }
            | Self::Share { cluster, .. }
            | Self::Rotate { cluster, .. } => *cluster,
            Self::Join { ticket, .. } | Self::Rejoin { ticket, .. } | Self::Renew { ticket } => {
                ticket.cluster
            }
        }
    }
}
