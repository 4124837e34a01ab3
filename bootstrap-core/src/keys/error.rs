//! Why key work was refused. No variant carries a byte of a secret.

use attest_core::error::Malformed;

use super::certificate::CertificateFault;
use super::csr::CsrFault;
use super::shares::ShareFault;
use crate::error::Code;
use crate::ids::KeyEpoch;
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
            Self::Certificate(_) => Code::KEY_PROOF,
            Self::Csr(_) => Code::CSR,
            Self::Epoch { .. } => Code::KEY_EPOCH,
            Self::Malformed(_) => Code::MALFORMED,
            Self::Share(fault) => fault.code(),
            Self::Wire(error) => error.code(),
            Self::Unwrap | Self::Wrong { .. } => Code::WRONG_SECRET,
            Self::Length { .. } | Self::TooLong { .. } | Self::Zero { .. } => Code::WRONG_VALUE,
            Self::Audit | Self::Terms { .. } => Code::INTERNAL,
        }
    }
}
