//! What machines read in claims and grants: the public facts, small enough to be part of a state.

use core::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256, Sha384};

pub use crate::authority::PolicyTip;
use crate::ids::{
    AttemptId, BootId, ClusterId, ConfigDigest, DiskId, KeyEpoch, MachineId, NodeId, ShareSetId, VoucherId,
};
use crate::peer::{Facts, LockClaim, PublicKey, SameNode};
pub use crate::wire::{Custody, RecoverySource as Source};

/// A node's name: 1 to 253 bytes of UTF-8 (protocol section 4, `name`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The name with this text; `None` if it is empty or too long.
    pub fn new(text: &str) -> Option<Self> {
        (1..=253).contains(&text.len()).then(|| Self(text.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A genesis, as bytes and as the facts that machines compare. Complete, or without the CA key that a node-born custody adds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever decodes a genesis")]
pub struct Genesis {
    /// The bytes, as received or as made.
    pub bytes: Arc<[u8]>,
    /// Who has authority in it.
    pub authority: Authority,
    /// Whether it names the CA key, so that its hash is a cluster id.
    pub complete: bool,
}

impl Genesis {
    /// The cluster id: `H(lp("attestrap/cluster-id/1") || lp(genesis bytes))`; `None` while the genesis is not complete, or is longer
    /// than its length prefix can say.
    pub fn cluster(&self) -> Option<ClusterId> {
        let length = u16::try_from(self.bytes.len()).ok()?;
        self.complete.then(|| {
            let mut hash = Sha256::new();
            hash.update([0, 22]);
            hash.update(b"attestrap/cluster-id/1");
            hash.update(length.to_be_bytes());
            hash.update(&self.bytes);
            ClusterId::new(hash.finalize().into())
        })
    }
}

/// Who may sign, and how many of them must (protocol section 4, `authority`).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever decodes an authority")]
pub struct Authority {
    /// Operators.
    pub operators: Vec<PublicKey>,
    /// How many operators a statement needs.
    pub threshold: u8,
    /// Custodians.
    pub custodians: Vec<PublicKey>,
}

/// The clear header of a disk. The host writes it at will: a hint, checked through the cluster id.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `header`")]
pub struct DiskHeader {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The disk.
    pub disk: DiskId,
    /// Key epochs that open it.
    pub epochs: Vec<KeyEpoch>,
}

/// What an operator last saw; nothing older is accepted where they count (protocol section 4, `floors`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `floors`")]
pub struct Floors {
    /// Policy epoch.
    pub policy: u32,
    /// Disk generation.
    pub generation: u32,
    /// Recovery epoch.
    pub recovery: u32,
    /// Unix seconds.
    pub time: u64,
}

/// What a peer asked for, under the binder of its evidence (protocol section 4, claims). What it shows of lock, configuration and boot
/// stands in the `Peer`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Claims {
    /// 1.
    Init(InitClaims),
    /// 2.
    Node(NodeClaims),
    /// 3.
    Join(JoinClaims),
    /// 4.
    Rejoin(RejoinClaims),
    /// 5.
    Service(ServiceClaims),
    /// 6.
    Recover(RecoverClaims),
    /// 7: the cluster meant.
    Author(ClusterId),
    /// 8.
    Renew(RenewClaims),
}

/// Claims 1: the operator's, at an init.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `init-claims`")]
pub struct InitClaims {
    /// The genesis; without the CA key for a node-born custody.
    pub genesis: Genesis,
    /// Which run of init.
    pub attempt: AttemptId,
    /// How secrets are kept.
    pub custody: Custody,
    /// The first policy, signed; `None` for a node-born custody, whose cluster id is not known yet.
    pub policy: Option<Vec<u8>>,
}

/// Claims 2: a node's, towards an operator.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `node-claims`")]
pub struct NodeClaims {
    /// What its disk says, if it has a header.
    pub header: Option<DiskHeader>,
    /// The generation that the header names.
    pub generation: Option<u32>,
}

/// Claims 3: a newcomer's.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `join-claims`")]
pub struct JoinClaims {
    /// Its certificate request.
    pub csr: Vec<u8>,
    /// What it can prove at a later boot.
    pub enrol: SameNode,
    /// The disk that it will format.
    pub disk: DiskId,
    /// The name it would like; counts only where a voucher says the same.
    pub wish: Option<Name>,
    /// The node it was told to be, when it goes on with a join.
    pub node: Option<NodeId>,
    /// A voucher that it was handed.
    pub voucher: Option<ShownVoucher>,
}

/// A voucher that somebody shows. Nothing in it is believed before a policy's authority was asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever decodes claims")]
pub struct ShownVoucher {
    /// The id that it says.
    pub id: VoucherId,
    /// The statement, as received.
    pub signed: Vec<u8>,
}

/// Claims 4: a node's after a boot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `rejoin-claims`")]
pub struct RejoinClaims {
    /// Its certificate request.
    pub csr: Vec<u8>,
    /// Its disk.
    pub disk: DiskId,
    /// Its id.
    pub node: NodeId,
    /// The generation its header names.
    pub generation: u32,
    /// A new enrolment, after an upgrade.
    pub enrol: Option<SameNode>,
}

/// Claims 5: a join service's.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `service-claims`")]
pub struct ServiceClaims {
    /// Its cluster's genesis.
    pub genesis: Genesis,
    /// The newest policy it holds.
    pub policy: PolicyTip,
    /// Its own node.
    pub node: NodeId,
}

/// Claims 6: an operator's or a custodian's, at a recovery.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `recover-claims`")]
pub struct RecoverClaims {
    /// The cluster meant.
    pub cluster: ClusterId,
    /// What the sender is.
    pub source: Source,
    /// What it last saw.
    pub floors: Floors,
    /// No peer will come: open the services without one.
    pub alone: bool,
    /// The set of the shares that will come.
    pub shares: Option<ShareSetId>,
    /// The genesis, for a header that lost it.
    pub genesis: Option<Genesis>,
    /// Statements that changed the authority since.
    pub statements: Vec<Vec<u8>>,
}

/// Claims 8: a member's, for a new certificate.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 4, rule `renew-claims`")]
pub struct RenewClaims {
    /// Its certificate request.
    pub csr: Vec<u8>,
    /// Its id.
    pub node: NodeId,
    /// The generation on its disk.
    pub generation: u32,
    /// The newest policy it holds.
    pub policy: PolicyTip,
    /// The key epochs on its disk.
    pub epochs: Vec<KeyEpoch>,
}

/// Where a lock is held by what (protocol section 4, `lock`), and what the register shows while nobody holds it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 4, rule `lock`, is closed")]
pub enum LockRegister {
    /// Class 1: no register, the measured image keeps the lock.
    Software,
    /// Class 2: PCR of the SHA-256 bank, with its open value.
    Pcr([u8; 32]),
    /// Class 3: RTMR3, with its open value.
    Rtmr([u8; 48]),
}

impl LockRegister {
    /// The class on the wire.
    pub const fn class(&self) -> u8 {
        match self {
            Self::Software => 1,
            Self::Pcr(_) => 2,
            Self::Rtmr(_) => 3,
        }
    }

    /// The open value; `None` without a register.
    pub fn open(&self) -> Option<&[u8]> {
        match self {
            Self::Software => None,
            Self::Pcr(value) => Some(value),
            Self::Rtmr(value) => Some(value),
        }
    }

    /// The value once extended for this cluster: `ext(pre, ev(c))` of protocol section 5; `None` without a register.
    pub fn locked_to(&self, cluster: &ClusterId) -> Option<Vec<u8>> {
        let event = register_event(cluster);
        match self {
            Self::Software => None,
            Self::Pcr(open) => Some(
                Sha256::new().chain_update(open).chain_update(Sha256::digest(&event)).finalize().to_vec(),
            ),
            Self::Rtmr(open) => Some(
                Sha384::new().chain_update(open).chain_update(Sha384::digest(&event)).finalize().to_vec(),
            ),
        }
    }

    /// The claim of a node that is locked to this cluster.
    pub const fn claim(&self, cluster: &ClusterId) -> LockClaim {
        match self {
            Self::Software => LockClaim::Software(*cluster),
            Self::Pcr(_) => LockClaim::Pcr(*cluster),
            Self::Rtmr(_) => LockClaim::Rtmr(*cluster),
        }
    }
}

/// The event of the lock register: `lp("attestrap/register/1") || lp(c)` (protocol section 2).
pub fn register_event(cluster: &ClusterId) -> Vec<u8> {
    let mut event = vec![0, 20];
    event.extend_from_slice(b"attestrap/register/1");
    event.extend_from_slice(&[0, 32]);
    event.extend_from_slice(cluster.as_bytes());
    event
}

/// What an operator remembers a node by, from the moment it is bound to an init (protocol section 5, O1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 5, O1")]
pub struct Fingerprint {
    /// What it can prove of being the same node.
    pub same_node: Vec<SameNode>,
    /// Its machine.
    pub machine: Option<MachineId>,
    /// Its configuration.
    pub configuration: ConfigDigest,
    /// Its boot.
    pub boot: BootId,
}

impl Fingerprint {
    /// Of this peer; `None` if it shows no configuration or no boot.
    pub fn of(facts: &Facts) -> Option<Self> {
        Some(Self {
            same_node: facts.same_node.clone(),
            machine: facts.machine,
            configuration: facts.configuration?,
            boot: facts.boot?,
        })
    }

    /// Whether this is the same node, in whatever boot. Of nodes that prove nothing, only the same boot is the same node: they
    /// are all alike.
    pub fn is_same_node(&self, other: &Self) -> bool {
        let proven = !self.same_node.is_empty() || self.boot == other.boot;
        proven
            && self.same_node == other.same_node
            && self.machine == other.machine
            && self.configuration == other.configuration
    }
}

/// Whether a peer's lock stands for this cluster: the claim names it, and where the class has a register, the evidence shows that
/// register extended for this cluster and for nothing else.
pub(crate) fn lock_holds(facts: &Facts, cluster: &ClusterId, register: &LockRegister) -> bool {
    if facts.lock != Some(register.claim(cluster)) {
        return false;
    }
    match register.locked_to(cluster) {
        None => true,
        Some(wanted) => facts.register.is_some_and(|read| wanted == read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 2, vectors "H(ev); PCR 15 SHA-256 after; RTMR3 after".
    #[test]
    fn the_register_ends_where_the_protocol_says() {
        let cluster =
            ClusterId::from_hex("f0a21ab96d68be00145ca4063edba503bded8af906e6e3c64c583fc56edeb8fd").unwrap();
        let hex = |bytes: &[u8]| attest_core::values::Hex(bytes).to_string();
        assert_eq!(
            hex(&Sha256::digest(register_event(&cluster))),
            "286d04af3be80974c08699660d60f0d59f2b1d63b5a7db069244c4bb2bc7ff9e"
        );
        assert_eq!(
            hex(&LockRegister::Pcr([0; 32]).locked_to(&cluster).unwrap()),
            "7dde13cea34efe310377f0a97bd53433221ce726e3cfbd26cfcaa8b1aa8dda9a"
        );
        assert_eq!(
            hex(&LockRegister::Rtmr([0; 48]).locked_to(&cluster).unwrap()),
            "1cabf3788164efbe1da31dce8e911c54ff476dded98f86744f02a404f717e62bda5dbc41c743f27316e3d849de92f505"
        );
        assert_eq!(LockRegister::Software.locked_to(&cluster), None);
    }

    #[test]
    fn nodes_that_prove_nothing_are_not_one_node() {
        let boot = |octet| BootId::new([octet; 16]);
        let print = |same_node: Vec<SameNode>, boot| Fingerprint {
            same_node,
            machine: None,
            configuration: ConfigDigest::new([1; 32]),
            boot,
        };
        let key = || vec![SameNode { class: crate::peer::SameNodeClass::SnpKey, id: vec![7; 32] }];
        assert!(print(key(), boot(1)).is_same_node(&print(key(), boot(2))));
        assert!(print(Vec::new(), boot(1)).is_same_node(&print(Vec::new(), boot(1))));
        assert!(!print(Vec::new(), boot(1)).is_same_node(&print(Vec::new(), boot(2))));
        assert!(!print(key(), boot(1)).is_same_node(&print(Vec::new(), boot(1))));
    }
}
