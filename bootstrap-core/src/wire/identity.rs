//! What a cluster is: its genesis, who has authority over it, and what of both stands in a node.

use attest_core::UnixTime;
use attest_core::cbor::{Decoder, Encoder};
use attest_core::error::{Malformed, Problem};

use super::error::Error;
use super::field::{Encoded, Field, List, Record, whole, written};
use super::number::Bounded;
use super::record::record;
use super::string::{AgentConfig, CaKey, Name};
use crate::ids::{ClusterId, DiskId, KeyEpoch, NodeId};
use crate::keys::CheckValue;
use crate::keys::PublicKey;

/// The largest measured configuration, in bytes.
const MAX_NODE_CONFIG: usize = AgentConfig::MAX + 4096;

record! {
    /// The record whose hash is the cluster id.
    pub struct Genesis = "genesis" [1] {
        /// S: 32 random public bytes, fixed for the life of the cluster.
        1 => salt: [u8; 32],
        /// The CA's key of epoch 1.
        2 => ca: CaKey,
        /// Who has authority over the first policy.
        3 => authority: Authority,
        /// When.
        4 => created: UnixTime,
        /// The check of the data root of epoch 1.
        5 => data_check: Option<CheckValue>,
        /// The name of the cluster.
        6 => name: Option<Name>,
    }
}

record! {
    /// A genesis in the making: where the node makes the identity root, the CA's key is not known yet.
    pub struct GenesisRequest = "genesis-in" [1] {
        /// S.
        1 => salt: [u8; 32],
        /// The CA's key of epoch 1, unless the node makes it.
        2 => ca: Option<CaKey>,
        /// Who has authority over the first policy.
        3 => authority: Authority,
        /// When.
        4 => created: UnixTime,
        /// The check of the data root of epoch 1.
        5 => data_check: Option<CheckValue>,
        /// The name of the cluster.
        6 => name: Option<Name>,
    }
}

record! {
    /// Who may sign what.
    pub struct Authority = "authority" {
        /// Keys of the operators.
        0 => operators: List<PublicKey, 1, 8>,
        /// How many of them must sign.
        1 => threshold: Bounded<1, 8>,
        /// Keys of the custodians.
        2 => custodians: List<PublicKey, 0, 16>,
    }
}

record! {
    /// The clear header of a disk. The host can write what it likes here: a hint, checked through the cluster id.
    pub struct DiskHeader = "header" {
        /// Whose node it is.
        0 => cluster: ClusterId,
        /// Which node.
        1 => node: NodeId,
        /// Which disk.
        2 => disk: DiskId,
        /// The key epochs that open it, ascending.
        3 => epochs: List<KeyEpoch, 1, 4>,
    }
}

record! {
    /// The measured configuration of a node (section 7).
    pub struct NodeConfig = "node-config" {
        /// What only the agent reads.
        0 => agent: AgentConfig,
        /// Operators that may initialise.
        1 => authority: Option<Authority>,
        /// The one cluster that this node may ever belong to.
        2 => cluster: Option<ClusterId>,
        /// The register that holds the lock; 65535 for none.
        3 => register: u16,
    }
}

/// Algorithms of operators' and custodians' keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "another algorithm is refused, so a new one is a new version")]
pub enum Algorithm {
    /// 1: Ed25519.
    Ed25519,
    /// 2: ECDSA over P-256 with SHA-256.
    P256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Ed25519, Self::P256];

    /// Of this key.
    pub const fn of(key: &PublicKey) -> Self {
        match key {
            PublicKey::Ed25519(_) => Self::Ed25519,
            PublicKey::P256(_) => Self::P256,
        }
    }

    /// Its number in COSE (RFC 9053, 2): EdDSA, ES256.
    pub const fn cose(self) -> i64 {
        match self {
            Self::Ed25519 => -8,
            Self::P256 => -7,
        }
    }

    /// The algorithm of this number in COSE.
    pub fn from_cose(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.cose() == number)
    }
}

impl Field for PublicKey {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.array(2).uint(u64::from(self.algorithm())).bytes(self.as_bytes());
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.tuple(field, 2, |decoder| {
            let here = decoder.clone();
            match decoder.uint(field)? {
                1 => Field::decode(field, decoder).map(Self::Ed25519),
                2 => {
                    let here = decoder.clone();
                    let point: [u8; 65] = Field::decode(field, decoder)?;
                    match point.first() {
                        Some(4) => Ok(Self::P256(point)),
                        _ => Err(here.malformed(field, Problem::Type("an uncompressed point"))),
                    }
                }
                _ => Err(here.malformed(field, Problem::Type("an algorithm of keys, 1 or 2"))),
            }
        })
    }
}

impl GenesisRequest {
    /// The genesis that this is once the CA's key is known; `None` if another key stands here already.
    pub fn complete(&self, ca: CaKey) -> Option<Genesis> {
        if self.ca.as_ref().is_some_and(|known| *known != ca) {
            return None;
        }
        Some(Genesis {
            salt: self.salt,
            ca,
            authority: self.authority.clone(),
            created: self.created,
            data_check: self.data_check,
            name: self.name.clone(),
        })
    }
}

impl From<Genesis> for GenesisRequest {
    fn from(genesis: Genesis) -> Self {
        Self {
            salt: genesis.salt,
            ca: Some(genesis.ca),
            authority: genesis.authority,
            created: genesis.created,
            data_check: genesis.data_check,
            name: genesis.name,
        }
    }
}

impl Encoded<GenesisRequest> {
    /// The same bytes as a genesis, if they are complete: its hash is over what was received.
    pub fn as_genesis(&self) -> Option<Encoded<Genesis>> {
        Encoded::from_bytes(self.bytes()).ok()
    }
}

impl NodeConfig {
    /// The bytes that are measured.
    pub fn to_bytes(&self) -> Vec<u8> {
        written(self)
    }

    /// Reads the bytes that are measured.
    ///
    /// # Errors
    /// [`Error`] unless they are one map of the rule and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(whole(Self::RULE, bytes, MAX_NODE_CONFIG)?)
    }
}

impl DiskHeader {
    /// The bytes in the clear area of a disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        written(self)
    }

    /// Reads the bytes in the clear area of a disk.
    ///
    /// # Errors
    /// [`Error`] unless they are one map of the rule and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(whole(Self::RULE, bytes, 4096)?)
    }
}
