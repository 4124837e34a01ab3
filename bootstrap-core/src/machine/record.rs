//! What machines make durable, and what they start from after a crash (protocol section 3).

use std::sync::Arc;

use crate::ids::{AttemptId, BootId, ClusterId, DiskId, NodeId, Role};
use crate::keys::Handle;

use super::facts::{Fingerprint, Floors, Genesis, Name, PolicyTip};
use super::message::Flow;

/// A durable write. It replaces what was there as a whole.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Record {
    /// The operator's master file, of what this handle stands for. It is never overwritten.
    Master(Handle),
    /// The node's lock file, gone with the boot.
    Lock(LockFile),
    /// The node's record on its encrypted disk.
    Member(MemberRecord),
    /// The operator's state file.
    Operator(OperatorRecord),
    /// What a pusher last saw of a node, in its state file.
    Seen {
        /// The node.
        node: NodeId,
        /// The generation on its disk.
        generation: u32,
    },
}

/// The lock file: written before the register is extended, and again after.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 3, the boot-scoped file")]
pub struct LockFile {
    /// The boot that wrote it.
    pub boot: BootId,
    /// The only cluster that this boot may be of.
    pub cluster: ClusterId,
    /// The flow that took the lock.
    pub flow: Flow,
    /// The run of init, where that was the flow.
    pub attempt: Option<AttemptId>,
    /// Whether the register holds it (or needs not); else it was about to.
    pub held: bool,
}

/// How far a member has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 5")]
pub enum MemberPhase {
    /// Its driver runs for the first time, or is to.
    Driver,
    /// Its driver gave up.
    Failed,
    /// It is one.
    Member,
}

/// The record on a node's encrypted disk.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 3, `member.cbor`")]
pub struct MemberRecord {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The disk that it stands on.
    pub disk: DiskId,
    /// The node's role.
    pub role: Role,
    /// The node's name.
    pub name: Name,
    /// The disk's generation.
    pub generation: u32,
    /// The newest policy held.
    pub policy: Option<PolicyTip>,
    /// Recovery epoch.
    pub recovery: u32,
    /// No time before this one is believed, in Unix seconds.
    pub time: u64,
    /// How far it has come.
    pub phase: MemberPhase,
    /// The run of init that made it, for the first node.
    pub attempt: Option<AttemptId>,
    /// What the driver handed to the operator, for the first node. Opaque.
    pub payload: Arc<[u8]>,
    /// New roots to be wrapped and kept beside it (a seat); `None` leaves what is there. The handle is never written.
    pub roots: Option<Handle>,
}

/// How far an operator's init has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 3, `phase`")]
pub enum OperatorPhase {
    /// Secrets and genesis are made.
    Prepared,
    /// One node was believed; no other one will do.
    Bound,
    /// The roots are about to be sent, or were.
    Granting,
    /// The node is a member.
    Member,
    /// Given up by a person: this genesis meets no node any more.
    Abandoned,
}

/// The operator's state file, as far as an init needs it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 3, `attestrap-state.json`")]
pub struct OperatorRecord {
    /// How far.
    pub phase: OperatorPhase,
    /// The genesis; completed by the node under a node-born custody.
    pub genesis: Genesis,
    /// Which run.
    pub attempt: AttemptId,
    /// The only node that will do.
    pub bound: Option<Fingerprint>,
    /// The first member.
    pub node: Option<NodeId>,
    /// What is known of its disk.
    pub floors: Floors,
}
