//! Why a peer is not believed, and what it is told of it.

use attest_core::checks::Class;
use attest_core::policy::Rejected;

use crate::channel::batch::BadPlace;
use crate::channel::binding::Side;
use crate::channel::proof::BadProof;
use crate::error::Code;
use crate::ids::{ConfigDigest, ReferenceSetId};
use crate::keys::KeyError;
use crate::wire::{self, Flow};

/// Why a peer is not believed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Disbelief {
    /// A chain came, and no cluster is known here.
    #[error("a certificate chain came, and no cluster is known here")]
    ChainUnasked,
    /// The chain does not hold.
    #[error("certificate chain: {0}")]
    Chain(#[from] KeyError),
    /// The claims are not those of the flow and the side.
    #[error("claims: not those that the {side:?} of flow {flow:?} makes")]
    ClaimsKind {
        /// The flow.
        flow: Flow,
        /// Who made them.
        side: Side,
    },
    /// Items of several TEEs that are not tied to one another.
    #[error("evidence of several devices, and nothing ties them together")]
    Composite,
    /// The evidence carries another configuration than the claims.
    #[error("configuration: claimed {claimed}, the evidence carries {shown}")]
    Configuration {
        /// What the claims say.
        claimed: ConfigDigest,
        /// What HOST_DATA says.
        shown: ConfigDigest,
    },
    /// Evidence of another format than its kind says, or of a kind that nobody reads.
    #[error("evidence of kind `{0}` is not read here, or is another one's")]
    Kind(String),
    /// The evidence stands over something else than this channel's slot.
    #[error("`{kind}`: not over this channel's slot")]
    NotBound {
        /// The kind of the item.
        kind: String,
    },
    /// A place in a batch that no batch has.
    #[error(transparent)]
    Place(#[from] BadPlace),
    /// The policy refuses: the first set of this kind, or none has the kind.
    #[error("no set accepts the `{kind}` evidence")]
    Policy {
        /// The kind of the item.
        kind: String,
        /// What the sets found, in their order.
        rejections: Vec<(ReferenceSetId, Box<Rejected>)>,
    },
    /// A key or a secret is not proven.
    #[error("`{kind}`: {why}")]
    Proof {
        /// The kind of the item.
        kind: &'static str,
        /// What is wrong.
        why: BadProof,
    },
    /// The evidence is not genuine, or cannot be judged.
    #[error(transparent)]
    Refused(#[from] attest_core::Refused),
    /// Claims or a record are not what the protocol says.
    #[error(transparent)]
    Wire(#[from] wire::Error),
}

impl Disbelief {
    /// What the peer is told.
    pub fn code(&self) -> Code {
        match self {
            Self::ChainUnasked | Self::Chain(_) => Code::NO_MEMBER,
            Self::ClaimsKind { .. } | Self::Place(_) => Code::WRONG_VALUE,
            Self::Composite | Self::NotBound { .. } => Code::NOT_BOUND,
            Self::Configuration { .. } => Code::CONFIGURATION,
            Self::Kind(_) => Code::KIND,
            Self::Policy { rejections, .. } => {
                let fresher = |(_, rejected): &(_, Box<Rejected>)| rejected.only_collateral_is_missing();
                if rejections.iter().any(fresher) { Code::COLLATERAL } else { Code::POLICY }
            }
            Self::Proof { .. } => Code::KEY_PROOF,
            Self::Refused(refused) => match refused.error.class() {
                Class::Missing => Code::COLLATERAL,
                Class::Unsupported => Code::KIND,
                Class::Policy => Code::POLICY,
                Class::Mismatch | Class::Untrusted | Class::Malformed => Code::UNTRUSTED,
            },
            Self::Wire(error) => error.code(),
        }
    }
}
