//! Claims: a flow's request, hashed into the binder of the evidence that carries it (section 4, channel additions a).

use attest_core::UnixTime;
use attest_core::cbor::{Decoder, Encoder, Fields};
use attest_core::error::Malformed;

use super::error::Error;
use super::field::{Encoded, Field, List, Record, Slot, absent, kind, whole, written};
use super::identity::{DiskHeader, Genesis, GenesisRequest};
use super::number::{Custody, LockState, RecoverySource};
use super::record::record;
use super::signed::Signed;
use super::string::{Der, DriverConfig, EncodedClaims, Enrolled, Name};
use crate::ids::SameNodeClass;
use crate::ids::{
    AttemptId, BootId, ClusterId, ConfigDigest, DiskId, KeyEpoch, NodeId, ShareSetId, StatementHash,
};

/// What a side asks for, or says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "claims of a later version are refused, and each flow matches all of them"
)]
pub enum Claims {
    /// 1: an operator initialises.
    Init(InitClaims),
    /// 2: a node says what it is.
    Node(NodeClaims),
    /// 3: a node asks to join.
    Join(JoinClaims),
    /// 4: a member comes back.
    Rejoin(RejoinClaims),
    /// 5: a service says what it serves.
    Service(ServiceClaims),
    /// 6: somebody recovers a node.
    Recover(RecoverClaims),
    /// 7: an operator or a service brings statements or roots, or anybody looks.
    Author(AuthorClaims),
    /// 8: a member renews.
    Renew(RenewClaims),
}

record! {
    /// An operator's request to initialise the node that it talks to.
    pub struct InitClaims = "init-claims" [1] {
        /// The genesis, complete, or without the CA where the node makes it.
        1 => genesis: Encoded<GenesisRequest>,
        /// This init, the same one when it is repeated.
        2 => attempt: AttemptId,
        /// The epoch of the roots.
        3 => epoch: KeyEpoch,
        /// Who holds what.
        4 => custody: Custody,
        /// What the cluster driver is told.
        5 => driver: DriverConfig,
        /// The first policy, but for a node-born custody: c is not known yet, and the grant brings it.
        6 => policy: Option<Signed>,
    }
}

record! {
    /// What a node says of itself as a server.
    pub struct NodeClaims = "node-claims" [2] {
        /// Whether it is locked.
        1 => lock: LockState,
        /// Its measured configuration.
        2 => config: ConfigDigest,
        /// This boot.
        3 => boot: BootId,
        /// The header of its disk, if it has one.
        4 => header: Option<DiskHeader>,
        /// The generation that the header names.
        5 => generation: Option<u32>,
    }
}

record! {
    /// A node's request to join.
    pub struct JoinClaims = "join-claims" [3] {
        /// Whether it is locked.
        1 => lock: LockState,
        /// Its measured configuration.
        2 => config: ConfigDigest,
        /// This boot.
        3 => boot: BootId,
        /// A CSR for this boot's key.
        4 => csr: Der,
        /// What will prove the same node after a boot.
        5 => enrolment: Enrolment,
        /// The disk to be formatted.
        6 => disk: DiskId,
        /// The name that it would like.
        7 => name: Option<Name>,
        /// The node id that it was offered, when a join is resumed.
        8 => node: Option<NodeId>,
        /// A voucher that it was handed.
        14 => voucher: Option<Signed>,
    }
}

record! {
    /// A member's request for its disk keys, after a boot.
    pub struct RejoinClaims = "rejoin-claims" [4] {
        /// Whether it is locked.
        1 => lock: LockState,
        /// Its measured configuration.
        2 => config: ConfigDigest,
        /// This boot.
        3 => boot: BootId,
        /// A CSR for this boot's key.
        4 => csr: Der,
        /// Its disk.
        6 => disk: DiskId,
        /// Its node id.
        8 => node: NodeId,
        /// The generation that the header names.
        9 => generation: u32,
        /// A new enrolment, after an upgrade.
        10 => enrolment: Option<Enrolment>,
        /// A voucher to take the node's place on a new machine.
        14 => voucher: Option<Signed>,
    }
}

record! {
    /// What a join service says of itself and its cluster.
    pub struct ServiceClaims = "service-claims" [5] {
        /// Its lock.
        1 => lock: LockState,
        /// The genesis: its hash is the cluster id.
        2 => genesis: Encoded<Genesis>,
        /// Transitions of the CA since then, in order.
        3 => transitions: List<Signed, 0, 16>,
        /// The policy epoch that it holds.
        4 => policy_epoch: u32,
        /// The hash of that policy.
        5 => policy: StatementHash,
        /// Its own node id.
        6 => node: NodeId,
    }
}

record! {
    /// A request to open a node's disk.
    pub struct RecoverClaims = "recover-claims" [6] {
        /// Whose node it is to be.
        1 => cluster: ClusterId,
        /// Who asks.
        2 => source: RecoverySource,
        /// The epoch of what is brought.
        3 => epoch: KeyEpoch,
        /// The least that the disk may show.
        4 => floors: Floors,
        /// Whether no peer will come.
        5 => alone: bool,
        /// The set of the share.
        6 => shares: Option<ShareSetId>,
        /// The genesis, for a header that is damaged.
        7 => genesis: Option<Encoded<Genesis>>,
        /// Policies, in order: they say who may ask.
        8 => authority: List<Signed, 0, 16>,
    }
}

record! {
    /// Who comes to publish, to rotate or to look says which cluster it means.
    pub struct AuthorClaims = "author-claims" [7] {
        /// The cluster.
        1 => cluster: ClusterId,
    }
}

record! {
    /// A member's request for a new certificate and what is new.
    pub struct RenewClaims = "renew-claims" [8] {
        /// Its lock.
        1 => lock: LockState,
        /// Its measured configuration.
        2 => config: ConfigDigest,
        /// This boot.
        3 => boot: BootId,
        /// A CSR for this boot's key.
        4 => csr: Der,
        /// Its node id.
        8 => node: NodeId,
        /// Its generation.
        9 => generation: u32,
        /// The policy epoch that it holds.
        11 => policy_epoch: u32,
        /// The hash of that policy.
        12 => policy: StatementHash,
        /// The key epochs that open its disk, ascending.
        13 => epochs: List<KeyEpoch, 1, 4>,
    }
}

/// What will prove the same node after a boot (section 6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one for each class of section 6")]
pub enum Enrolment {
    /// Class 0: nothing will.
    None,
    /// Class 1: the id of the platform.
    Platform(Enrolled),
    /// Class 2: the public key that the SNP firmware's derived key gives.
    SnpKey(Enrolled),
    /// Class 3: the name of the attestation key.
    Tpm(Enrolled),
}

record! {
    /// What an operator saw last, and a disk may not be older than.
    pub struct Floors = "floors" {
        /// Policy epoch.
        0 => policy_epoch: u32,
        /// Generation of the node.
        1 => generation: u32,
        /// Recovery epoch of the cluster.
        2 => recovery_epoch: u32,
        /// Time.
        3 => time: UnixTime,
    }
}

impl Enrolment {
    /// How much it will prove.
    pub const fn class(&self) -> SameNodeClass {
        match self {
            Self::None => SameNodeClass::None,
            Self::Platform(_) => SameNodeClass::Platform,
            Self::SnpKey(_) => SameNodeClass::SnpKey,
            Self::Tpm(_) => SameNodeClass::Tpm,
        }
    }

    /// The id or the key.
    pub const fn proof(&self) -> Option<&Enrolled> {
        match self {
            Self::None => None,
            Self::Platform(proof) | Self::SnpKey(proof) | Self::Tpm(proof) => Some(proof),
        }
    }
}

impl Record for Enrolment {
    const RULE: &'static str = "enrol";
    const TAG: Option<u64> = None;

    fn pairs(&self) -> usize {
        if self.proof().is_some() { 2 } else { 1 }
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        self.class().encode(encoder.uint(0));
        if let Some(proof) = self.proof() {
            proof.encode(encoder.uint(1));
        }
    }

    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let of: fn(Enrolled) -> Self = match Slot::read("class", 0, fields)? {
            SameNodeClass::None => return absent("proof", 1, fields).map(|()| Self::None),
            SameNodeClass::Platform => Self::Platform,
            SameNodeClass::SnpKey => Self::SnpKey,
            SameNodeClass::Tpm => Self::Tpm,
        };
        Slot::read("proof", 1, fields).map(of)
    }
}

impl Claims {
    /// The bytes that stand in Evidence and whose hash is in the binder.
    ///
    /// # Errors
    /// [`Error::Count`] if the parts are more than one Evidence may carry.
    pub fn encode_bytes(&self) -> Result<EncodedClaims, Error> {
        EncodedClaims::new(written(self))
    }

    /// Reads the bytes of an Evidence frame.
    ///
    /// # Errors
    /// [`Error`] unless they are one map of the rule and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(whole("claims", bytes, EncodedClaims::MAX)?)
    }
}

impl Field for Claims {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Init(claims) => claims.encode(encoder),
            Self::Node(claims) => claims.encode(encoder),
            Self::Join(claims) => claims.encode(encoder),
            Self::Rejoin(claims) => claims.encode(encoder),
            Self::Service(claims) => claims.encode(encoder),
            Self::Recover(claims) => claims.encode(encoder),
            Self::Author(claims) => claims.encode(encoder),
            Self::Renew(claims) => claims.encode(encoder),
        }
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.fields(field, |fields| {
            let (kind, unknown) = kind(fields, "claims of a kind that is not known")?;
            Ok(match kind {
                1 => Self::Init(Record::read(fields)?),
                2 => Self::Node(Record::read(fields)?),
                3 => Self::Join(Record::read(fields)?),
                4 => Self::Rejoin(Record::read(fields)?),
                5 => Self::Service(Record::read(fields)?),
                6 => Self::Recover(Record::read(fields)?),
                7 => Self::Author(Record::read(fields)?),
                8 => Self::Renew(Record::read(fields)?),
                _ => return Err(unknown),
            })
        })
    }
}
