//! What a grant will hold, before there is one. Each of these has private fields and one way into the world: a peer whose evidence
//! was accepted on the very channel that the grant leaves by, a decision that was made from what was verified of it, and a lock that
//! was shown there (protocol section 12, I1, I3 and I4).
//!
//! A worker's ticket has no field for roots, so it cannot hold any.

use crate::error::Code;
use crate::ids::{AttemptId, ClusterId, DiskId, KeyEpoch, NodeId, Role};
use crate::machine::facts::{LockRegister, Name, PolicyTip, lock_holds};
use crate::machine::guard::{Guard, removed};
use crate::peer::{LockClaim, Peer};

/// Proof that the peer of one channel showed its lock held for one cluster. Not `Clone`: one showing, one grant.
#[derive(Debug)]
pub(crate) struct LockShown {
    cluster: ClusterId,
}

impl LockShown {
    /// The peer's own word in `Locked`, against the newest evidence of its channel. `renewed` is the peer of a re-attestation that came
    /// after the lock; without one, only a lock that is a claim counts, and only where `least_class` takes it.
    pub(crate) fn check(
        cluster: ClusterId,
        class: u8,
        renewed: Option<&Peer>,
        register: &LockRegister,
        least_class: u8,
        guard: Guard,
    ) -> Result<Self, Code> {
        if removed(guard) {
            return Ok(Self { cluster });
        }
        if class < least_class {
            return Err(Code::LOCK_STATE);
        }
        match renewed {
            Some(peer) if peer.facts().is_attested() && lock_holds(peer.facts(), &cluster, register) => {
                (class == register.class()).then_some(Self { cluster }).ok_or(Code::LOCK_STATE)
            }
            Some(_) => Err(Code::LOCK_STATE),
            None if class == 1 => Ok(Self { cluster }),
            None => Err(Code::LOCK_STATE),
        }
    }

    /// Flow 6: the certificate and the lock claim under the evidence say the cluster already.
    pub(crate) fn of_member(peer: &Peer, cluster: ClusterId) -> Result<Self, Code> {
        let facts = peer.facts();
        let member = facts.member.as_ref().is_some_and(|member| member.cluster == cluster);
        let locked = facts.lock.as_ref().and_then(LockClaim::cluster) == Some(&cluster);
        (member && locked).then_some(Self { cluster }).ok_or(Code::LOCK_STATE)
    }
}

/// Which roots a receiver gets: only a seat has a place for them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Holding {
    /// A seat: roots of these epochs.
    Seat {
        /// The live epochs.
        roots: Vec<KeyEpoch>,
    },
    /// A worker: none.
    Worker,
}

impl Holding {
    /// What this role may hold.
    pub(crate) fn of(role: Role, live: &[KeyEpoch]) -> Self {
        match role {
            Role::Seat => Self::Seat { roots: live.to_vec() },
            Role::Worker => Self::Worker,
        }
    }

    /// The role.
    pub const fn role(&self) -> Role {
        match self {
            Self::Seat { .. } => Role::Seat,
            Self::Worker => Role::Worker,
        }
    }
}

/// Grant 1, to be made: the roots, for the first node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct InitGrant {
    cluster: ClusterId,
    attempt: AttemptId,
    node: NodeId,
    name: Name,
}

impl InitGrant {
    pub(crate) fn new(shown: LockShown, attempt: AttemptId, node: NodeId, name: Name) -> Self {
        let LockShown { cluster } = shown;
        Self { cluster, attempt, node, name }
    }

    /// The cluster that is made.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Which run of init.
    pub const fn attempt(&self) -> AttemptId {
        self.attempt
    }

    /// The first node's id.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Its name.
    pub const fn name(&self) -> &Name {
        &self.name
    }
}

/// What the service knows of a receiver when its tickets are made, all of it from the store and from what was verified.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the parts of a ticket, by name")]
pub struct Receiver {
    /// Its id.
    pub node: NodeId,
    /// Its name.
    pub name: Name,
    /// Its disk.
    pub disk: DiskId,
    /// The generation that the disk will have.
    pub generation: u32,
    /// Its certificate request, as received; checked when the ticket is signed.
    pub csr: Vec<u8>,
    /// The newest policy it said to hold: the chain goes on from there.
    pub held: Option<PolicyTip>,
    /// Key epochs that its disk gets keys of.
    pub epochs: Vec<KeyEpoch>,
    /// What its role may hold.
    pub holding: Holding,
}

macro_rules! tickets {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, Hash, Debug)]
            pub struct $name {
                cluster: ClusterId,
                receiver: Receiver,
            }

            impl $name {
                /// The cluster.
                pub const fn cluster(&self) -> ClusterId {
                    self.cluster
                }

                /// For whom, and what of.
                pub const fn receiver(&self) -> &Receiver {
                    &self.receiver
                }
            }
        )*
    };
}

tickets! {
    /// Grant 2, to be made: a newcomer's.
    JoinTicket;
    /// Grant 6, to be made: a member's new certificate.
    RenewTicket;
}

impl JoinTicket {
    pub(crate) fn new(shown: LockShown, receiver: Receiver) -> Self {
        let LockShown { cluster } = shown;
        Self { cluster, receiver }
    }
}

/// Grant 3, to be made: a member's after a boot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RejoinTicket {
    cluster: ClusterId,
    receiver: Receiver,
    provisional: bool,
}

impl RejoinTicket {
    pub(crate) fn new(shown: LockShown, receiver: Receiver, provisional: bool) -> Self {
        let LockShown { cluster } = shown;
        Self { cluster, receiver, provisional }
    }

    /// The cluster.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// For whom, and what of.
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Whether it is given without a quorum: the node serves nothing by it.
    pub const fn is_provisional(&self) -> bool {
        self.provisional
    }
}

impl RenewTicket {
    pub(crate) fn new(shown: LockShown, receiver: Receiver) -> Self {
        let LockShown { cluster } = shown;
        Self { cluster, receiver }
    }
}

/// Grant 4, to be made: the keys of one disk, and for seats perhaps the roots.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RecoverGrant {
    cluster: ClusterId,
    node: NodeId,
    disk: DiskId,
    epochs: Vec<KeyEpoch>,
    holding: Holding,
}

impl RecoverGrant {
    pub(crate) fn new(
        shown: LockShown,
        node: NodeId,
        disk: DiskId,
        epochs: Vec<KeyEpoch>,
        holding: Holding,
    ) -> Self {
        let LockShown { cluster } = shown;
        Self { cluster, node, disk, epochs, holding }
    }

    /// The cluster.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Whose disk.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Which disk.
    pub const fn disk(&self) -> DiskId {
        self.disk
    }

    /// The epochs of its header.
    pub fn epochs(&self) -> &[KeyEpoch] {
        &self.epochs
    }

    /// Whether roots go with it.
    pub const fn holding(&self) -> &Holding {
        &self.holding
    }
}

/// Grant 5, to be made: one share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ShareGrant {
    cluster: ClusterId,
}

impl ShareGrant {
    pub(crate) fn new(shown: LockShown) -> Self {
        let LockShown { cluster } = shown;
        Self { cluster }
    }

    /// The cluster that the share must be of.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }
}
