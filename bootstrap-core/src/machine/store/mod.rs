//! What a join service asks of the cluster's store: one look, then compare-and-swap transactions on what it saw.

mod memory;

use crate::error::Code;
use crate::ids::{BootId, DiskId, MachineId, NodeId, ReferenceSetId, Role, VoucherId};
use crate::peer::SameNode;
use crate::time::Instant;

pub use memory::MemoryStore;

use crate::machine::facts::{Name, PolicyTip};
use crate::machine::message::Flow;

/// The state of the store that a transaction was decided on. It fails with [`Stored::Conflict`] if anything that the look showed has
/// changed since.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(u64);

impl Version {
    /// The version with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// One transaction. It is applied as a whole and durable when it is answered, or not applied.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Transaction {
    /// Read what is known of whoever shows one of these proofs, or has this id. Answer [`Stored::View`].
    Look {
        /// What the peer proved.
        same_node: Vec<SameNode>,
        /// The id that it claims.
        node: Option<NodeId>,
        /// The voucher that it shows, to see whether it is spent.
        voucher: Option<VoucherId>,
    },
    /// A place for a newcomer, with its voucher spent. Answer [`Stored::Applied`].
    Reserve {
        /// What it was decided on.
        expect: Version,
        /// The place.
        entry: Entry,
        /// The voucher that is spent by it.
        voucher: Option<VoucherId>,
    },
    /// A grant, before it is made. Answer [`Stored::Applied`].
    Grant {
        /// What it was decided on.
        expect: Version,
        /// Its receiver's new entry.
        entry: Entry,
        /// Why.
        audit: Audit,
    },
    /// What was granted is on the disk. Answer [`Stored::Applied`].
    Confirm {
        /// What it was decided on.
        expect: Version,
        /// Whose.
        node: NodeId,
        /// Which generation.
        generation: u32,
        /// In which boot.
        boot: BootId,
    },
    /// Only a record. Answer [`Stored::Applied`].
    Audit(Audit),
    /// A seat that was not promoted is free again. Answer [`Stored::Applied`].
    Release {
        /// Whose.
        node: NodeId,
    },
    /// A checked chain of statements goes on from the held one. Answer [`Stored::Applied`].
    Publish {
        /// The held one.
        held: Option<PolicyTip>,
        /// The newest one.
        tip: PolicyTip,
        /// The statements, as received.
        statements: Vec<Vec<u8>>,
    },
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Stored {
    /// It is durable; the version after it.
    Applied(Version),
    /// What it was decided on has changed.
    Conflict,
    /// The store cannot decide.
    NoQuorum,
    /// Answer to a look.
    View(Box<View>),
}

/// What a look showed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever holds a store")]
pub struct View {
    /// As of which state.
    pub version: Version,
    /// Whether the store can decide. Without, it is what this seat last applied.
    pub quorum: bool,
    /// The entry found.
    pub entry: Option<Entry>,
    /// A seat that is reserved or granted and not yet promoted: one at a time.
    pub pending_seat: Option<(NodeId, Instant)>,
    /// Whether the voucher asked for is spent.
    pub voucher_spent: bool,
    /// A number that no node's name has had yet.
    pub sequence: u32,
}

/// One node in the store.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever holds a store")]
pub struct Entry {
    /// Its id.
    pub node: NodeId,
    /// Its role.
    pub role: Role,
    /// Its name.
    pub name: Name,
    /// What it proves itself by.
    pub same_node: SameNode,
    /// Its machine.
    pub machine: Option<MachineId>,
    /// The set by which it was last accepted.
    pub set: ReferenceSetId,
    /// Its disk.
    pub disk: DiskId,
    /// How far it has come.
    pub standing: Standing,
    /// The last confirmed generation and its boot; 0 and no boot before the first.
    pub confirmed: (u32, Option<BootId>),
}

/// How far a node has come in the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 5, join_service")]
pub enum Standing {
    /// Cast out or revoked.
    CastOut,
    /// All that was granted is confirmed.
    Confirmed,
    /// This generation was granted to this boot and is not yet confirmed.
    Granted(u32, BootId),
    /// A place, until then, for this boot. The end is the store's to keep, as a lease: seats do not share a monotonic clock, so whoever
    /// answers a look says it by the clock of the one who looks.
    Reserved(BootId, Instant),
}

/// A record of the audit log: what was decided about whom.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written into the log as it stands")]
pub struct Audit {
    /// In which flow.
    pub flow: Flow,
    /// About which node, if it is known.
    pub node: Option<NodeId>,
    /// On which machine.
    pub machine: Option<MachineId>,
    /// In which boot.
    pub boot: Option<BootId>,
    /// What was decided.
    pub code: Code,
    /// Under which policy epoch.
    pub policy: u32,
}
