//! What a machine asks of its host, and what the host answers.
//!
//! An action never carries a secret: it names secret material by [`Handle`], and `keys::Keyring` (or the host, with a key source of
//! its own) holds what the handle stands for.

use crate::error::Code;
use crate::ids::{AttemptId, ClusterId, DiskId, KeyEpoch, NodeId};
use crate::keys::Handle;
use crate::peer::PublicKey;
use crate::ticket::{InitGrant, JoinTicket, RecoverGrant, RejoinTicket, RenewTicket, ShareGrant};

use super::facts::{Authority, Custody, DiskHeader, Genesis, Name, PolicyTip};
use super::message::{Flow, GrantRef, Progress};
use super::record::{MemberRecord, Record};
use super::store::{Stored, Transaction};

/// One action, numbered by the machine that asked for it. The answer carries the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ActionId(u32);

impl ActionId {
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// One connection of this host. The host numbers them and never uses a number twice in one life of a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelId(u32);

impl ChannelId {
    /// The channel with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What the host is to do. Each is answered by one `Input::Done` with the number it came with, except where it says otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Make this record durable: written, synced, renamed, the folder synced. Answer [`Outcome::Written`]. No output follows it until
    /// that answer is in.
    Persist(Record),
    /// Extend the lock register by the event of this cluster and read it back. Answer [`Outcome::Register`].
    ExtendRegister {
        /// Which cluster.
        cluster: ClusterId,
        /// The event of protocol section 2: what every active bank, or RTMR3, is extended by once hashed.
        event: Vec<u8>,
    },
    /// Show fresh evidence on this channel (a new pair of Hellos). No answer: what the peer shows comes as `Input::Reopened`. The
    /// channel sends every message given to it later only after the new verdicts.
    Reattest {
        /// Which channel.
        channel: ChannelId,
    },
    /// Work on secrets. Answer [`Outcome::Keys`].
    Keys(KeyAction),
    /// Work on this node's disk.
    Disk(DiskAction),
    /// Set the counter of this node's TPM, if it has one. Answer [`Outcome::Applied`], also where there is none.
    Nv {
        /// The disk generation that the counter is to stand for; it never goes back.
        generation: u32,
    },
    /// Work for the software that makes the cluster.
    Driver(DriverAction),
    /// A transaction of the service's store. Answer [`Outcome::Store`].
    Store(Transaction),
    /// Connect to this endpoint of the machine's list. Answer [`Outcome::Dialled`] or [`Outcome::Failed`]; the channel's own inputs
    /// follow.
    Dial {
        /// Index into the list of endpoints that the host holds.
        endpoint: u16,
        /// What for.
        flow: Flow,
    },
    /// Send this refusal (none for [`Code::ACCEPTED`]) and close. No answer: the machine counts the channel as closed.
    Close {
        /// Which channel.
        channel: ChannelId,
        /// Why.
        code: Code,
        /// When to ask again, in milliseconds; 0 says nothing.
        retry: u32,
    },
}

/// Work on a node's disk.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DiskAction {
    /// Format with the disk keys that this handle stands for; the clear header is written last, so that a crash before it leaves a
    /// blank disk. Answer [`Outcome::Applied`].
    Format {
        /// A handle to the disk keys.
        keys: Handle,
        /// What the clear header will say.
        header: DiskHeader,
    },
    /// Read-only: does one of these keys open the disk? Newest epoch first. Answer [`Outcome::Applied`] or [`Outcome::Failed`].
    TestOpen {
        /// A handle to the disk keys.
        keys: Handle,
    },
    /// Open and mount. Answer [`Outcome::Mounted`].
    Open {
        /// A handle to the disk keys.
        keys: Handle,
    },
    /// Unmount and close. Answer [`Outcome::Applied`].
    Close,
}

/// Work for a cluster driver. Every mode may be repeated after a crash and has the effect of once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DriverAction {
    /// Make the cluster. Answered by any number of `Input::Progress`, then [`Outcome::Driven`] or [`Outcome::Failed`].
    Init {
        /// The run of init that this belongs to.
        attempt: AttemptId,
    },
    /// Enter the cluster. Answered like `Init`.
    Join,
    /// Start again what was running before the boot. Answered like `Init`.
    Resume,
    /// Open the node's services. Answer [`Outcome::Applied`].
    OpenServices,
    /// Service: a seat becomes a full member. Answer [`Outcome::Applied`].
    Promote {
        /// Which.
        node: NodeId,
    },
    /// Service: a seat that was reserved and never came is taken out. Answer [`Outcome::Applied`].
    Remove {
        /// Which.
        node: NodeId,
    },
}

/// Work on secrets and signatures, by `keys::Keyring` or a host with an external key source.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyAction {
    /// Operator: draw salt and master secret (or the roots of a split custody) and make the genesis of them; for a node-born custody
    /// without the CA key. Answer [`KeyOutcome::Cluster`].
    NewMaster {
        /// Who will have authority.
        authority: Authority,
        /// How secrets are kept.
        custody: Custody,
    },
    /// First node: the certificate of itself, by the identity root. Answer [`KeyOutcome::Chain`].
    OwnCertificate {
        /// A handle to the identity root.
        roots: Handle,
        /// The cluster.
        cluster: ClusterId,
        /// Itself.
        node: NodeId,
        /// Its name.
        name: Name,
    },
    /// Node-born custody: make the identity root here and complete the genesis by its CA key. Answer [`KeyOutcome::Cluster`].
    MakeIdentityRoot {
        /// The genesis without a CA key, as the operator sent it.
        genesis: Genesis,
    },
    /// Do these signed policies start (or go on) a chain of this cluster? Threshold of the predecessor's authority, genesis for the
    /// first; epochs by one; hashes. Those that start a chain hold from then on; those that go on, once the store has them. Answer
    /// [`KeyOutcome::Policy`], or a refusal 37 or 38.
    CheckPolicies {
        /// Whose chain.
        genesis: Genesis,
        /// The last one already held; `None` before the first.
        held: Option<PolicyTip>,
        /// The statements, as received.
        statements: Vec<Vec<u8>>,
    },
    /// Which authority stands at the end of this chain? Answer [`KeyOutcome::Authority`], or a refusal 37.
    CheckAuthority {
        /// The cluster that the genesis must hash to.
        cluster: ClusterId,
        /// Its genesis.
        genesis: Genesis,
        /// The chain of statements, as received.
        statements: Vec<Vec<u8>>,
    },
    /// Operator: make Grant 1 of the held roots. Answer [`KeyOutcome::Grant`].
    InitGrant(InitGrant),
    /// Node: do the roots of this Grant 1 belong to the genesis? CA(identity root) = genesis 2, check(data root) = genesis 5. Answer
    /// [`KeyOutcome::Matches`], from when on the grant's handle stands for both roots, or a refusal 50.
    CheckRoots {
        /// The grant.
        grant: Handle,
        /// The identity root made here (custody 2), else the grant's own counts.
        identity: Option<Handle>,
        /// The genesis.
        genesis: Genesis,
    },
    /// Derive the keys of one disk from the roots behind this handle. Answer [`KeyOutcome::Made`].
    DeriveDiskKeys {
        /// Roots, or shares that were combined.
        roots: Handle,
        /// Whose disk.
        node: NodeId,
        /// Which disk.
        disk: DiskId,
        /// For which epochs.
        epochs: Vec<KeyEpoch>,
    },
    /// Service: derive and sign Grant 2. Answer [`KeyOutcome::Grant`].
    JoinTicket(JoinTicket),
    /// Service: derive and sign Grant 3. Answer [`KeyOutcome::Grant`].
    RejoinTicket(RejoinTicket),
    /// Service: derive and sign Grant 6. Answer [`KeyOutcome::Grant`].
    RenewTicket(RenewTicket),
    /// Pusher: make Grant 4 of the held roots. Answer [`KeyOutcome::Grant`].
    RecoverGrant(RecoverGrant),
    /// Pusher: make Grant 5 of the held share. Answer [`KeyOutcome::Grant`].
    ShareGrant(ShareGrant),
    /// Node: is this ticket's chain one of the cluster, for the key of my CSR and this node, and do its policies go on from mine? Answer
    /// [`KeyOutcome::Policy`] with the newest policy, or a refusal 28, 31, 37 or 38.
    CheckTicket {
        /// The ticket.
        grant: Handle,
        /// The cluster.
        cluster: ClusterId,
        /// The node.
        node: NodeId,
        /// The policy held so far.
        held: Option<PolicyTip>,
    },
    /// Operator: is the chain in this result one of the cluster, for this node? Answer [`KeyOutcome::Matches`] or a refusal 28.
    CheckResult {
        /// The genesis that it must hang under.
        genesis: Genesis,
        /// The node that it must name.
        node: NodeId,
        /// Certificates, as received.
        chain: Vec<Vec<u8>>,
    },
    /// Node: does this share belong to its set (commitment, checksum)? Answer [`KeyOutcome::Matches`], or a refusal 51 or 52.
    CheckShare {
        /// The share.
        share: Handle,
        /// The cluster that it must name.
        cluster: ClusterId,
        /// The set of the shares held so far, whose commitments it must repeat.
        with: Option<Handle>,
    },
    /// Combine shares and compare with genesis or transition. Answer [`KeyOutcome::Made`] or a refusal 51.
    CombineShares {
        /// The shares, as many as are needed.
        shares: Vec<Handle>,
        /// The genesis.
        genesis: Genesis,
    },
    /// Overwrite what this handle stands for. Answer [`KeyOutcome::Matches`].
    Forget(Handle),
}

/// What became of a [`KeyAction`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyOutcome {
    /// The authority at the end of a chain.
    Authority {
        /// Keys of its operators.
        operators: Vec<PublicKey>,
        /// Keys of its custodians.
        custodians: Vec<PublicKey>,
    },
    /// A certificate chain, leaf first.
    Chain(Vec<Vec<u8>>),
    /// A genesis is made.
    Cluster {
        /// The genesis.
        genesis: Genesis,
        /// The master secret, the roots, or the identity root behind it.
        roots: Handle,
    },
    /// A grant is ready to be sent.
    Grant(GrantRef),
    /// New secret material has this handle.
    Made(Handle),
    /// The check holds.
    Matches,
    /// The newest policy of the chain that was checked.
    Policy(PolicyTip),
    /// The check does not hold, or the material is not there.
    Refused(Code),
}

/// What became of an action.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It was done, and there is nothing to say of it.
    Applied,
    /// A dial was answered; the channel's number.
    Dialled(ChannelId),
    /// A driver is up.
    Driven {
        /// What it hands to the operator (a kubeconfig). Opaque.
        payload: Vec<u8>,
        /// Whether the store behind it has a quorum.
        quorum: bool,
    },
    /// It could not be done. Nothing is half done that its documentation does not name.
    Failed,
    /// Answer to [`Action::Keys`].
    Keys(KeyOutcome),
    /// The disk is mounted.
    Mounted {
        /// The record on it, if it has one.
        member: Option<MemberRecord>,
        /// What the TPM's counter says, where there is one.
        counter: Option<u32>,
    },
    /// The lock register as read back.
    Register(Vec<u8>),
    /// Answer to [`Action::Store`].
    Store(Stored),
    /// A record is durable.
    Written,
}

/// A step of a driver, or of a store behind it, that ends no action.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Step {
    /// To be shown to the operator.
    Progress(Progress),
    /// The store behind the driver has a quorum now.
    Quorum,
}
