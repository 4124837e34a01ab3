//! Why key work was refused. No variant carries a byte of a secret.

use attest_core::error::Malformed;

use super::certificate::CertificateFault;
use super::csr::CsrFault;
use super::shares::ShareFault;
use crate::authority::Fault;
use crate::error::Code;
use crate::ids::{ClusterId, KeyEpoch};
use crate::wire;

/// Why key work was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A record is not the one that the audit key chained here.
    #[error("audit record: its code does not follow from the record before it")]
    Audit,
    /// A node certificate that is not believed.
    #[error("node certificate: {0}")]
    Certificate(#[from] CertificateFault),
    /// A certificate request that is not signed.
    #[error("certificate request: {0}")]
    Csr(#[from] CsrFault),
    /// Material of another epoch than is asked for.
    #[error("{what}: expected epoch {expected}, got {actual}")]
    Epoch {
        /// Which material.
        what: &'static str,
        /// The epoch asked for.
        expected: KeyEpoch,
        /// The epoch of the material.
        actual: KeyEpoch,
    },
    /// More material than is ever held at once, or an epoch twice.
    #[error("no room for more: {held} pieces are held")]
    Full {
        /// How many are held.
        held: usize,
    },
    /// A handle that names nothing, or material of another kind than the work needs.
    #[error("handle {number}: expected {expected}, got {actual}")]
    Handle {
        /// The handle.
        number: u32,
        /// What it should name.
        expected: &'static str,
        /// What it names.
        actual: &'static str,
    },
    /// Secret material of the wrong length.
    #[error("{what}: expected {expected} bytes, got {actual}")]
    Length {
        /// Which secret.
        what: &'static str,
        /// How many bytes it has.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// Bytes that do not have the form that they claim.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// This process has made no key for its certificates yet.
    #[error("this node has no key of its own yet")]
    NoNodeKey,
    /// No policy holds, so that none says how long a certificate does.
    #[error("no policy holds: nothing is issued")]
    NoPolicy,
    /// No roots of one's own for a cluster.
    #[error("no roots of cluster {cluster} are held")]
    NoRoots {
        /// The cluster.
        cluster: ClusterId,
    },
    /// Something for another node, or for another key, than the one that asked.
    #[error("{what}: for another node or another key than this one's")]
    NotMine {
        /// What.
        what: &'static str,
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
    Statement(#[from] Box<Fault>),
    /// Terms of a certificate that no service may issue.
    #[error("certificate terms: {field}: {problem}")]
    Terms {
        /// Which of them.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A share that does not fit.
    #[error(transparent)]
    Share(#[from] ShareFault),
    /// More bytes than a field of the schedule holds.
    #[error("{what}: at most {max} bytes, got {actual}")]
    TooLong {
        /// Which field.
        what: &'static str,
        /// How many it holds.
        max: usize,
        /// How many were given.
        actual: usize,
    },
    /// Nothing of that epoch is known here.
    #[error("{what} of epoch {epoch}: not known here")]
    Unknown {
        /// What.
        what: &'static str,
        /// Which epoch.
        epoch: KeyEpoch,
    },
    /// Wrapped roots that this key does not open: another key, another place, or other bytes. Which one is not told.
    #[error("wrapped roots do not open")]
    Unwrap,
    /// A secret that is not the one that the genesis or a transition fixes.
    #[error("{what}: not the one that the cluster's records fix")]
    Wrong {
        /// Which secret.
        what: &'static str,
    },
    /// Bytes that are not what a rule of the wire asks for.
    #[error(transparent)]
    Wire(#[from] wire::Error),
    /// Secret material whose bytes are all zero: never drawn, only ever forgotten.
    #[error("{what}: all bytes are zero")]
    Zero {
        /// Which secret.
        what: &'static str,
    },
}

impl KeyError {
    /// What the peer is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::Certificate(_) | Self::NotMine { .. } => Code::KEY_PROOF,
            Self::Csr(_) => Code::CSR,
            Self::Epoch { .. } | Self::Unknown { .. } => Code::KEY_EPOCH,
            Self::OtherCluster { .. } => Code::WRONG_VALUE,
            Self::Statement(fault) => fault.code(),
            Self::Malformed(_) => Code::MALFORMED,
            Self::Share(fault) => fault.code(),
            Self::Wire(error) => error.code(),
            Self::Unwrap | Self::Wrong { .. } => Code::WRONG_SECRET,
            Self::Length { .. } | Self::TooLong { .. } | Self::Zero { .. } => Code::WRONG_VALUE,
            Self::Audit
            | Self::Full { .. }
            | Self::Handle { .. }
            | Self::NoNodeKey
            | Self::NoPolicy
            | Self::NoRoots { .. }
            | Self::Terms { .. } => Code::INTERNAL,
        }
    }
}

impl From<Fault> for KeyError {
    fn from(fault: Fault) -> Self {
        Self::Statement(Box::new(fault))
    }
}
