//! What can go wrong, and whose fault it is.

use alloc::boxed::Box;

use crate::checks::{Check, Checks, Class, Entry, Outcome, holds};
use crate::collateral::Needs;
use crate::values::Value;

/// Why there is no verdict, or why evidence is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not have the form that they claim.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Genuine parts that do not belong together, or that answer another question.
    #[error("{}: expected {}, got {}", .0.check.id, .0.expected, .0.actual)]
    Mismatch(Box<Entry>),
    /// Collateral is absent or too old.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A signature, a chain or a revocation says no.
    #[error("{}: expected {}, got {}", .0.check.id, .0.expected, .0.actual)]
    Untrusted(Box<Entry>),
    /// Nothing here can tell.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

impl Error {
    /// The class of this error; exit codes and peer codes derive from it by a total match.
    pub const fn class(&self) -> Class {
        match self {
            Self::Malformed(_) => Class::Malformed,
            Self::Mismatch(_) => Class::Mismatch,
            Self::Missing(_) => Class::Missing,
            Self::Untrusted(_) => Class::Untrusted,
            Self::Unsupported(_) => Class::Unsupported,
        }
    }

    /// Refuses unless `ok`, for checks that are made one by one and keep no record.
    pub(crate) fn unless(
        check: &'static Check,
        ok: bool,
        expected: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> Result<(), Self> {
        if holds(check, ok) {
            return Ok(());
        }
        Err(Self::refusal(check, expected, actual))
    }

    /// The refusal of one check, for those that there is no way on without.
    pub(crate) fn refusal(
        check: &'static Check,
        expected: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> Self {
        let (expected, actual) = (expected.into(), actual.into());
        Self::of(Entry { check, outcome: Outcome::Failed, expected, actual })
    }

    /// The error that a failed check stands for.
    fn of(entry: Entry) -> Self {
        match entry.check.class {
            Class::Missing => Missing::Stale(Box::new(entry)).into(),
            Class::Unsupported => Unsupported::Check(Box::new(entry)).into(),
            Class::Policy | Class::Mismatch => Self::Mismatch(Box::new(entry)),
            Class::Untrusted | Class::Malformed => Self::Untrusted(Box::new(entry)),
        }
    }

    /// The id of the check that refuses, where one does.
    pub fn check_id(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(malformed) => Some(malformed.check_id()),
            Self::Mismatch(entry) | Self::Untrusted(entry) => Some(entry.check.id),
            Self::Missing(missing) => Some(missing.check_id()),
            Self::Unsupported(unsupported) => Some(unsupported.check_id()),
        }
    }
}

/// Evidence that is not believed: the most telling error, and every check made before the end.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct Refused {
    /// The most telling failure.
    pub error: Error,
    /// Every check that was made.
    pub checks: Box<Checks>,
}

impl Refused {
    /// The refusal that the gravest failure in `checks` stands for; `None` if nothing failed.
    pub(crate) fn of(checks: &Checks) -> Option<Self> {
        let error = Error::of(*checks.gravest()?);
        Some(Self { error, checks: Box::new(checks.clone()) })
    }

    pub(crate) fn with(error: impl Into<Error>, checks: &Checks) -> Self {
        Self { error: error.into(), checks: Box::new(checks.clone()) }
    }
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), checks: Box::default() }
    }
}

/// Bytes that do not have the form they claim: which structure, which field, where, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{structure}: {field} at offset {offset:#x}: {problem}")]
#[non_exhaustive]
pub struct Malformed {
    /// The structure that was read.
    pub structure: &'static str,
    /// The field, as the specification names it.
    pub field: &'static str,
    /// Offset of the field from the front of the structure, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub problem: Problem,
}

impl Malformed {
    /// A stable id for what is wrong.
    pub fn check_id(&self) -> &'static str {
        match &self.problem {
            Problem::Absent => "form.absent",
            Problem::Critical { .. } => "form.critical",
            Problem::Der(_) => "form.der",
            Problem::Duplicate => "form.duplicate",
            Problem::Encoding(_) | Problem::Type(_) => "form.encoding",
            Problem::NotZero { check, .. } => check.id,
            Problem::Value(unexpected) => unexpected.check.id,
            Problem::OutOfRange { .. } | Problem::TooFew { .. } => "form.range",
            Problem::TooLarge { .. } => "form.budget",
            Problem::TooLong { .. } | Problem::TooShort { .. } => "form.length",
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Must be there and is not.
    #[error("is absent")]
    Absent,
    /// A field that the writer will not have skipped, and that is not known here.
    #[error("the critical key {key} is not known")]
    Critical {
        /// The key, below zero.
        key: i128,
    },
    /// Not DER, or not the DER that the specification asks for.
    #[error("{0}")]
    Der(&'static str),
    /// Stands twice where it may stand once.
    #[error("stands twice")]
    Duplicate,
    /// Not the text or CBOR form that the format asks for.
    #[error("{0}")]
    Encoding(&'static str),
    /// A reserved byte is set.
    #[error("reserved, must be zero, is {actual:#04x}")]
    NotZero {
        /// The rule.
        check: &'static Check,
        /// The byte.
        actual: u8,
    },
    /// A number outside its range.
    #[error("{min} to {max}, is {actual}")]
    OutOfRange {
        /// The least.
        min: u64,
        /// The largest.
        max: u64,
        /// The number.
        actual: u64,
    },
    /// Fewer than the format asks for.
    #[error("at least {min}, is {actual}")]
    TooFew {
        /// The least.
        min: usize,
        /// How many there are.
        actual: usize,
    },
    /// More than the stated bound.
    #[error("at most {max}, is {actual}")]
    TooLarge {
        /// The bound.
        max: usize,
        /// The size asked for.
        actual: usize,
    },
    /// Bytes are left over.
    #[error("{left} bytes too many")]
    TooLong {
        /// How many.
        left: usize,
    },
    /// The input ends too early.
    #[error("{needed} bytes needed, {left} left")]
    TooShort {
        /// Bytes the field has.
        needed: usize,
        /// Bytes left.
        left: usize,
    },
    /// Another item than the format asks for.
    #[error("not {0}")]
    Type(&'static str),
    /// A value that the field cannot have.
    #[error("expected {}, is {}", .0.expected, .0.actual)]
    Value(Box<Unexpected>),
}

/// A value that a field cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unexpected {
    /// The rule.
    pub check: &'static Check,
    /// What it may be.
    pub expected: Value,
    /// What it is.
    pub actual: Value,
}

impl Problem {
    pub(crate) fn value(check: &'static Check, expected: impl Into<Value>, actual: impl Into<Value>) -> Self {
        Self::Value(Box::new(Unexpected { check, expected: expected.into(), actual: actual.into() }))
    }
}

/// Collateral that is absent or too old.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// It was not supplied; the list says where it is to be had.
    #[error("collateral is missing: {0}")]
    Absent(Needs),
    /// It was supplied and is past its time.
    #[error("{}: expected {}, got {}", .0.check.id, .0.expected, .0.actual)]
    Stale(Box<Entry>),
}

impl Missing {
    const fn check_id(&self) -> &'static str {
        match self {
            Self::Absent(_) => "collateral.absent",
            Self::Stale(entry) => entry.check.id,
        }
    }
}

/// Nothing here can tell whether it is genuine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The crypto provider does not have the algorithm.
    #[error("provider {provider} does not support {algorithm:?}")]
    Algorithm {
        /// Name of the provider.
        provider: &'static str,
        /// The algorithm.
        algorithm: crate::crypto::SignatureAlgorithm,
    },
    /// The crypto provider does not have the hash function.
    #[error("provider {provider} does not support {}", .algorithm.name())]
    Hash {
        /// Name of the provider.
        provider: &'static str,
        /// The hash function.
        algorithm: crate::crypto::HashAlgorithm,
    },
    /// A field asks for something that the specification does not define.
    #[error("{}: expected {}, got {}", .0.check.id, .0.expected, .0.actual)]
    Check(Box<Entry>),
    /// No TEE here reads this format.
    #[error("no verifier reads the format {0}")]
    Format(Value),
    /// A version that is known and refused, with the reason.
    #[error("{structure} version {version} is not supported: {reason}")]
    Version {
        /// The structure.
        structure: &'static str,
        /// Its version.
        version: u32,
        /// Why.
        reason: &'static str,
    },
}

impl Unsupported {
    const fn check_id(&self) -> &'static str {
        match self {
            Self::Algorithm { .. } | Self::Hash { .. } => "provider.algorithm",
            Self::Check(entry) => entry.check.id,
            Self::Format(_) => "evidence.format",
            Self::Version { .. } => "evidence.version",
        }
    }
}
