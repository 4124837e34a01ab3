//! Why the key ring refused. No variant carries a byte of a secret.

use crate::authority::Fault;
use crate::error::Code;
use crate::ids::{ClusterId, KeyEpoch};
use crate::keys::{CertificateFault, CsrFault, Handle, KeyError, ShareFault};
use crate::wire;

/// Why the key ring refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More than is ever held at once, or an epoch twice.
    #[error("no room for more: {held} are held")]
    Full {
        /// How many are held.
        held: usize,
    },
    /// A handle that names nothing, or material of another kind than the work needs.
    #[error("{handle:?}: expected {expected}, got {actual}")]
    Handle {
        /// The handle.
        handle: Handle,
        /// What it should name.
        expected: &'static str,
        /// What it names.
        actual: &'static str,
    },
    /// Work on one key or secret.
    #[error(transparent)]
    Key(KeyError),
    /// Something for another node, or for another key, than the one that asked.
    #[error("{what}: for another node or another key than this one's")]
    NotMine {
        /// What.
        what: &'static str,
    },
    /// Something that this process does not have, and the work needs.
    #[error("there is no {what}")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// No roots of one's own for a cluster.
    #[error("no roots of cluster {cluster} are held")]
    NoRoots {
        /// The cluster.
        cluster: ClusterId,
    },
    /// Something of another cluster.
    #[error("expected cluster {expected}, got {actual}")]
    OtherCluster {
        /// The cluster asked for.
        expected: ClusterId,
        /// The one that it names.
        actual: ClusterId,
    },
    /// A statement that does not hold.
    #[error(transparent)]
    Statement(Box<Fault>),
    /// Nothing of that epoch is known here.
    #[error("{what} of epoch {epoch}: not known here")]
    Unknown {
        /// What.
        what: &'static str,
        /// Which epoch.
        epoch: KeyEpoch,
    },
    /// A secret, or a record, that is not the one that the cluster's records fix.
    #[error("{what}: not the one that the cluster's records fix")]
    Wrong {
        /// Which.
        what: &'static str,
    },
}

impl Error {
    /// What the peer is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::Full { .. } | Self::Handle { .. } | Self::Missing { .. } | Self::NoRoots { .. } => {
                Code::INTERNAL
            }
            Self::Key(error) => error.code(),
            Self::NotMine { .. } => Code::KEY_PROOF,
            Self::OtherCluster { .. } => Code::WRONG_VALUE,
            Self::Statement(fault) => fault.code(),
            Self::Unknown { .. } => Code::KEY_EPOCH,
            Self::Wrong { .. } => Code::WRONG_SECRET,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Statement(Box::new(fault))
    }
}

macro_rules! through_key_error {
    ($($name:ty)*) => {
        $(
            impl From<$name> for Error {
                fn from(error: $name) -> Self {
                    Self::Key(error.into())
                }
            }
        )*
    };
}

through_key_error! { KeyError CertificateFault CsrFault ShareFault wire::Error }
