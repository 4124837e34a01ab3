//! What is wrong with a document: which format, which place in it, and what stands there.

use alloc::string::String;

/// A document that does not have the form it claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{format}: {at}: {problem}")]
#[non_exhaustive]
pub struct FormError {
    /// The format that was read.
    pub format: &'static str,
    /// The place, as a path from the root (`$`): `$.sets[0].registers["tpm.sha256.4"]`.
    pub at: String,
    /// What is wrong there.
    pub problem: FormProblem,
}

/// What is wrong with a place in a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormProblem {
    /// Every rule of a set only warns, and nobody asked for such a set by its name.
    #[error("set {0:?} refuses nothing: every rule only warns; name it to take it all the same")]
    AllWarn(String),
    /// Stands twice where it may stand once.
    #[error("{0:?} stands twice")]
    Duplicate(String),
    /// Holds nothing.
    #[error("is empty")]
    Empty,
    /// A digest of another length than its register has.
    #[error("a digest of {expected} bytes is due, this one has {actual}")]
    Length {
        /// Bytes the register has.
        expected: usize,
        /// Bytes that stand there.
        actual: usize,
    },
    /// A key that must be there is not.
    #[error("has no {0:?}")]
    Missing(&'static str),
    /// Two sets of one name are valid at the same time.
    #[error("set {0:?} is valid at the same time as an earlier set of that name")]
    Overlap(String),
    /// The text cannot be read.
    #[error("{0}")]
    Syntax(String),
    /// More than the stated bound.
    #[error("at most {max} {what}, is {actual}")]
    TooLarge {
        /// What is bounded.
        what: &'static str,
        /// The bound.
        max: usize,
        /// What stands there; for what is counted on the way, the first number over the bound.
        actual: usize,
    },
    /// A value that cannot stand here.
    #[error("expected {expected}, is {actual}")]
    Unexpected {
        /// What may stand here.
        expected: &'static str,
        /// What does, cut short.
        actual: String,
    },
    /// A key that nobody reads.
    #[error("unknown key {0:?}")]
    UnknownKey(String),
}

impl FormError {
    pub(crate) fn new(format: &'static str, at: impl Into<String>, problem: FormProblem) -> Self {
        Self { format, at: at.into(), problem }
    }
}

impl FormProblem {
    /// `actual` is cut, because it comes from outside.
    pub(crate) fn unexpected(expected: &'static str, actual: &str) -> Self {
        Self::Unexpected { expected, actual: shown(actual) }
    }
}

/// Text from outside, as an error shows it: at most 64 characters, on one line.
pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(64).flat_map(char::escape_debug).collect();
    if text.chars().nth(64).is_some() {
        short.push_str("...");
    }
    short
}
