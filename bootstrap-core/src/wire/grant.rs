//! Grants: the only messages with secrets. They are not `Clone` and not `Debug`, as the secrets in them are not.

use attest_core::cbor::{Decoder, Encoder, Fields};
use attest_core::error::{Malformed, Problem};

use super::field::{Field, List, Record, Slot, absent, kind};
use super::record::record;
use super::share::Share;
use super::signed::Signed;
use super::string::{Der, DriverPayload, KeySource, Name};
use crate::ids::{AttemptId, ClusterId, KeyEpoch, NodeId, Role};
use crate::keys::Secret;

/// What a peer is given once it has locked.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a grant that is not known is refused")]
pub enum Grant {
    /// 1: an operator's, to the first node.
    Init(InitGrant),
    /// 2: a service's, to a newcomer.
    Join(JoinTicket),
    /// 3: a service's, to a member after a boot.
    Rejoin(RejoinTicket),
    /// 4: an operator's, to a node that no peer opens.
    Recover(RecoverGrant),
    /// 5: a custodian's.
    Share(ShareGrant),
    /// 6: a service's, to a member.
    Renew(RenewTicket),
    /// 7: an operator's, to a seat.
    Rotate(RotateGrant),
}

/// The roots of one epoch: one of them, or both.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an array of the protocol's first version")]
pub struct Root {
    /// The epoch.
    pub epoch: KeyEpoch,
    /// The identity root, unless another one brings it.
    pub identity: Option<Secret>,
    /// The data root, unless another one brings it.
    pub data: Option<Secret>,
}

/// The key of one disk in one epoch.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an array of the protocol's first version")]
pub struct DiskKey {
    /// The epoch.
    pub epoch: KeyEpoch,
    /// The key.
    pub key: Secret,
}

/// Grant 1.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct InitGrant {
    /// The cluster.
    pub cluster: ClusterId,
    /// The init that this answers.
    pub attempt: AttemptId,
    /// The node's id.
    pub node: NodeId,
    /// The node's name.
    pub name: Name,
    /// The epoch of the roots.
    pub epoch: KeyEpoch,
    /// The roots, or where they are to be had.
    pub keys: InitKeys,
    /// The first policy, where the claims could not have it: the node completed the genesis, so c came later.
    pub policy: Option<Signed>,
}

/// The roots of an init, or where the node takes them from.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one or the other, by the rule")]
pub enum InitKeys {
    /// The roots.
    Roots(List<Root, 1, 4>),
    /// A key source, which the node asks itself.
    Source(KeySource),
}

/// Grant 2.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct JoinTicket {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node's id.
    pub node: NodeId,
    /// The node's role, with what only that role gets.
    pub place: Place,
    /// The node's name.
    pub name: Name,
    /// The generation that this ticket makes.
    pub generation: u32,
    /// Keys of the node's disk.
    pub disk_keys: List<DiskKey, 1, 4>,
    /// The node's certificate, and those above it.
    pub chain: List<Der, 1, 4>,
    /// Policies, in order, from what the node holds on.
    pub policies: List<Signed, 1, 64>,
    /// What the driver is told.
    pub payload: DriverPayload,
    /// The secret that proves the platform again.
    pub voucher_secret: Option<Secret>,
    /// Transitions of the CA since genesis.
    pub transitions: List<Signed, 0, 16>,
}

/// A role with the secrets that only it gets: a worker's ticket has no place for a root.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one for each role")]
pub enum Place {
    /// Role 1.
    Worker,
    /// Role 2, with the roots of all live epochs.
    Seat(List<Root, 1, 4>),
}

impl Place {
    /// The role.
    pub const fn role(&self) -> Role {
        match self {
            Self::Worker => Role::Worker,
            Self::Seat(_) => Role::Seat,
        }
    }
}

record! {
    secret
    /// Grant 3.
    pub struct RejoinTicket = "rejoin-ticket" [3] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// The node's id.
        2 => node: NodeId,
        /// The generation that this ticket makes.
        5 => generation: u32,
        /// Keys of the node's disk.
        6 => disk_keys: List<DiskKey, 1, 4>,
        /// The node's certificate, and those above it.
        7 => chain: List<Der, 1, 4>,
        /// Policies, in order.
        8 => policies: List<Signed, 1, 64>,
        /// Roots of all live epochs, for a seat that lost its own.
        10 => roots: Option<List<Root, 1, 4>>,
        /// The secret that proves the platform again.
        11 => voucher_secret: Option<Secret>,
        /// Transitions of the CA since genesis.
        12 => transitions: List<Signed, 0, 16>,
        /// Whether it was given without a quorum: the node serves nothing yet.
        14 => provisional: Option<bool>,
    }
}

record! {
    secret
    /// Grant 4.
    pub struct RecoverGrant = "recover-grant" [4] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// The node's id.
        2 => node: NodeId,
        /// Keys of the node's disk.
        6 => disk_keys: List<DiskKey, 1, 4>,
        /// Roots, for a seat.
        10 => roots: Option<List<Root, 1, 4>>,
    }
}

/// Grant 5.
#[derive(PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct ShareGrant {
    /// The cluster.
    pub cluster: ClusterId,
    /// The share.
    pub share: Share,
}

record! {
    secret
    /// Grant 6.
    pub struct RenewTicket = "renew-ticket" [6] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// The node's id.
        2 => node: NodeId,
        /// The node's generation.
        5 => generation: u32,
        /// Keys of the node's disk, where there is a new one.
        6 => disk_keys: Option<List<DiskKey, 1, 4>>,
        /// The node's certificate, and those above it.
        7 => chain: List<Der, 1, 4>,
        /// Policies, in order, that the node does not hold.
        8 => policies: List<Signed, 0, 64>,
        /// Roots of a new epoch, for a seat.
        10 => roots: Option<List<Root, 1, 4>>,
        /// A new secret that proves the platform again.
        11 => voucher_secret: Option<Secret>,
        /// Transitions of the CA since genesis.
        12 => transitions: List<Signed, 0, 16>,
    }
}

record! {
    secret
    /// Grant 7.
    pub struct RotateGrant = "rotate-grant" [7] {
        /// The cluster.
        1 => cluster: ClusterId,
        /// The new epoch.
        5 => epoch: KeyEpoch,
        /// The roots.
        10 => roots: List<Root, 1, 4>,
        /// The transition that permits it, and those before.
        12 => transitions: List<Signed, 1, 16>,
    }
}

impl Field for Root {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.epoch.encode(encoder.array(3));
        for root in [&self.identity, &self.data] {
            match root {
                Some(root) => root.encode(encoder),
                None => drop(encoder.null()),
            }
        }
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let here = decoder.clone();
        let root = decoder.tuple(field, 3, |decoder| {
            let epoch = Field::decode(field, decoder)?;
            let mut root = |field| match decoder.null(field)? {
                true => Ok(None),
                false => Secret::decode(field, decoder).map(Some),
            };
            Ok(Self { epoch, identity: root("identity root")?, data: root("data root")? })
        })?;
        match root {
            Self { identity: None, data: None, .. } => {
                Err(here.malformed(field, Problem::Type("an epoch with a root")))
            }
            root => Ok(root),
        }
    }
}

impl Field for DiskKey {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.epoch.encode(encoder.array(2));
        self.key.encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.tuple(field, 2, |decoder| {
            Ok(Self { epoch: Field::decode(field, decoder)?, key: Field::decode(field, decoder)? })
        })
    }
}

impl Record for InitGrant {
    const RULE: &'static str = "init-grant";
    const TAG: Option<u64> = Some(1);

    fn pairs(&self) -> usize {
        7_usize.saturating_add(usize::from(self.policy.is_some()))
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        Slot::write(1, &self.cluster, encoder);
        Slot::write(2, &self.attempt, encoder);
        Slot::write(3, &self.node, encoder);
        Slot::write(4, &self.name, encoder);
        Slot::write(5, &self.epoch, encoder);
        match &self.keys {
            InitKeys::Roots(roots) => Slot::write(6, roots, encoder),
            InitKeys::Source(source) => Slot::write(7, source, encoder),
        }
        Slot::write(8, &self.policy, encoder);
    }

    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Ok(Self {
            cluster: Slot::read("cluster", 1, fields)?,
            attempt: Slot::read("attempt", 2, fields)?,
            node: Slot::read("node", 3, fields)?,
            name: Slot::read("name", 4, fields)?,
            epoch: Slot::read("epoch", 5, fields)?,
            keys: match Slot::read("roots", 6, fields)? {
                Some(roots) => {
                    absent("key source", 7, fields)?;
                    InitKeys::Roots(roots)
                }
                None => InitKeys::Source(Slot::read("key source", 7, fields)?),
            },
            policy: Slot::read("policy", 8, fields)?,
        })
    }
}

impl Record for JoinTicket {
    const RULE: &'static str = "join-ticket";
    const TAG: Option<u64> = Some(2);

    fn pairs(&self) -> usize {
        let seat = matches!(self.place, Place::Seat(_));
        [seat, self.voucher_secret.is_some()]
            .into_iter()
            .fold(11, |pairs, is| pairs.saturating_add(usize::from(is)))
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        Slot::write(1, &self.cluster, encoder);
        Slot::write(2, &self.node, encoder);
        Slot::write(3, &self.place.role(), encoder);
        Slot::write(4, &self.name, encoder);
        Slot::write(5, &self.generation, encoder);
        Slot::write(6, &self.disk_keys, encoder);
        Slot::write(7, &self.chain, encoder);
        Slot::write(8, &self.policies, encoder);
        Slot::write(9, &self.payload, encoder);
        if let Place::Seat(roots) = &self.place {
            Slot::write(10, roots, encoder);
        }
        Slot::write(11, &self.voucher_secret, encoder);
        Slot::write(12, &self.transitions, encoder);
    }

    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let cluster = Slot::read("cluster", 1, fields)?;
        let node = Slot::read("node", 2, fields)?;
        let role = Slot::read("role", 3, fields)?;
        Ok(Self {
            cluster,
            node,
            name: Slot::read("name", 4, fields)?,
            generation: Slot::read("generation", 5, fields)?,
            disk_keys: Slot::read("disk keys", 6, fields)?,
            chain: Slot::read("chain", 7, fields)?,
            policies: Slot::read("policies", 8, fields)?,
            payload: Slot::read("payload", 9, fields)?,
            place: match role {
                Role::Worker => absent("roots", 10, fields).map(|()| Place::Worker)?,
                Role::Seat => Place::Seat(Slot::read("roots", 10, fields)?),
            },
            voucher_secret: Slot::read("voucher secret", 11, fields)?,
            transitions: Slot::read("transitions", 12, fields)?,
        })
    }
}

impl Record for ShareGrant {
    const RULE: &'static str = "share-grant";
    const TAG: Option<u64> = Some(5);

    fn pairs(&self) -> usize {
        3
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        Slot::write(1, &self.cluster, encoder);
        encoder.uint(13).bytes(&self.share.to_bytes());
    }

    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Ok(Self {
            cluster: Slot::read("cluster", 1, fields)?,
            share: fields.required("share", 13, |decoder| Share::read_bytes(decoder.bytes("share")?))?,
        })
    }
}

impl Field for Grant {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Init(grant) => grant.encode(encoder),
            Self::Join(grant) => grant.encode(encoder),
            Self::Rejoin(grant) => grant.encode(encoder),
            Self::Recover(grant) => grant.encode(encoder),
            Self::Share(grant) => grant.encode(encoder),
            Self::Renew(grant) => grant.encode(encoder),
            Self::Rotate(grant) => grant.encode(encoder),
        }
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.fields(field, |fields| {
            let (kind, unknown) = kind(fields, "a grant of a kind that is not known")?;
            Ok(match kind {
                1 => Self::Init(Record::read(fields)?),
                2 => Self::Join(Record::read(fields)?),
                3 => Self::Rejoin(Record::read(fields)?),
                4 => Self::Recover(Record::read(fields)?),
                5 => Self::Share(Record::read(fields)?),
                6 => Self::Renew(Record::read(fields)?),
                7 => Self::Rotate(Record::read(fields)?),
                _ => return Err(unknown),
            })
        })
    }
}
