//! Who says so: signatures over documents, verified offline.
//!
//! | function | what it believes |
//! | --- | --- |
//! | [`blob::verify`] | a key signed these bytes, the way `cosign sign-blob` does |
//! | [`bundle::verify`] | the same, or an identity that a given authority vouched for; and a given transparency log has the signature |
//! | [`corim::verify`] | a key signed this manifest, and the signature is valid now |
//! | [`rollback::Watermark`] | a document is not older than the last one accepted |
//!
//! Each ends in a [`Trusted`] or in an error that names the step. Nothing between exists: a log that does not answer, an entry that
//! is about something else or a proof that does not fit is never "verified without the log". Keys of logs and authorities come
//! from the caller, never from what is being verified.
//!
//! Documents are to be read after they were verified, not before: take the bytes from [`Trusted::bytes`].

use alloc::string::String;

use attest_core::error::{Malformed, Unsupported};
use attest_core::x509::chain::ChainError;

use crate::error::FormError;

pub mod blob;
pub mod bundle;
mod certificate;
mod checkpoint;
pub mod corim;
mod der_form;
mod entry;
mod key;
pub mod merkle;
pub mod rollback;
mod root;
mod timestamp;

pub use certificate::Identity;
pub use key::VerifyingKey;
pub use root::{TrustRoot, Validity};

/// How far ahead of the caller's clock a signing time may lie, in seconds.
pub const MAX_SKEW: u64 = 300;

/// Bytes that somebody the caller trusts has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Trusted<'a> {
    bytes: &'a [u8],
    signed_at: Option<u64>,
}

impl<'a> Trusted<'a> {
    /// Asserts that every step of a verification was made and none failed. Search for it to audit every origin.
    const fn assertion(bytes: &'a [u8], signed_at: Option<u64>) -> Self {
        Self { bytes, signed_at }
    }

    /// What was signed.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// When, in Unix seconds, as a log or a timestamp authority vouches for it: the earliest such time. `None` for a bare
    /// signature, which has no time.
    pub const fn signed_at(&self) -> Option<u64> {
        self.signed_at
    }
}

/// Why bytes are not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The signer's certificate does not lead to an authority of the root.
    #[error("{step}: {error}")]
    Chain {
        /// Whose certificate.
        step: Step,
        /// What is wrong with the chain.
        error: ChainError,
    },
    /// A JSON document does not have the form it claims.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A binary structure does not have the form it claims.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A step says no.
    #[error("{step}: {found}")]
    Refused {
        /// The step.
        step: Step,
        /// What was found.
        found: String,
    },
    /// Nothing here can tell.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// A form that is known and not read here.
    #[error("{step}: not supported: {what}")]
    UnsupportedForm {
        /// The step.
        step: Step,
        /// What is not supported.
        what: String,
    },
}

impl TrustError {
    pub(crate) fn refused(step: Step, found: impl Into<String>) -> Self {
        Self::Refused { step, found: found.into() }
    }

    pub(crate) fn unsupported(step: Step, what: impl Into<String>) -> Self {
        Self::UnsupportedForm { step, what: what.into() }
    }

    /// The step that says no; `None` if something could not be read, or nothing here can tell.
    pub const fn step(&self) -> Option<Step> {
        match self {
            Self::Chain { step, .. } | Self::Refused { step, .. } | Self::UnsupportedForm { step, .. } => {
                Some(*step)
            }
            Self::Form(_) | Self::Malformed(_) | Self::Unsupported(_) => None,
        }
    }
}

/// A step of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Step {
    /// The digest in the bundle is that of the artifact.
    #[error("artifact digest")]
    ArtifactDigest,
    /// A given authority issued the certificate, and it was valid when it signed.
    #[error("signing certificate")]
    Certificate,
    /// A given certificate transparency log has the certificate.
    #[error("certificate transparency")]
    CertificateLog,
    /// The log signed the head of its tree, and it is the head that the proof leads to.
    #[error("log checkpoint")]
    Checkpoint,
    /// The signer is the one that was asked for.
    #[error("signer")]
    Identity,
    /// The path leads from the entry to the head of the tree.
    #[error("inclusion proof")]
    InclusionProof,
    /// The key is one that can sign.
    #[error("key")]
    Key,
    /// The log is one of those given, and its key was in use.
    #[error("log")]
    Log,
    /// The entry in the log is about this signature, this key and this artifact.
    #[error("log entry")]
    LogEntry,
    /// The log promised to take the entry, at the time it names.
    #[error("signed entry timestamp")]
    Promise,
    /// The key signed the bytes.
    #[error("signature")]
    Signature,
    /// The signed statement is about the artifact.
    #[error("statement")]
    Statement,
    /// Somebody who is given vouches for the time of signing, and it is not in the future.
    #[error("signing time")]
    Time,
    /// A given timestamp authority signed the time.
    #[error("timestamp")]
    Timestamp,
}
