//! Exit codes: one table, one total match, and the error that carries one.

use std::fmt;

use attest_core::checks::Class;
use attest_core::{Error, Refused, Verdict};

/// How the tool ends. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: accepted, or the question was answered.
    Accepted,
    /// 1: a fault of the tool or of the system under it.
    Internal,
    /// 2: bad arguments, an unreadable file, a bad policy file.
    Usage,
    /// 10: genuine, and the policy refuses it.
    Rejected,
    /// 11: a signature, a chain, a revocation or a comparison says no.
    Untrusted,
    /// 12: collateral is missing or too old.
    Missing,
    /// 20: nothing here can tell.
    Unsupported,
    /// 30: bytes that do not have the form they claim.
    Malformed,
}

impl Exit {
    /// Every way to end, in the order of the numbers.
    pub const ALL: &[Self] = &[
        Self::Accepted,
        Self::Internal,
        Self::Usage,
        Self::Rejected,
        Self::Untrusted,
        Self::Missing,
        Self::Unsupported,
        Self::Malformed,
    ];

    /// The number and what it means: the one table of exit codes.
    pub const fn code(self) -> (u8, &'static str) {
        match self {
            Self::Accepted => (0, "accepted, or the question was answered"),
            Self::Internal => (1, "a fault of the tool or of the system under it"),
            Self::Usage => (2, "bad arguments, an unreadable file, a bad policy file"),
            Self::Rejected => (10, "genuine, and rejected by policy"),
            Self::Untrusted => (11, "untrusted: signature, chain, revocation or mismatch"),
            Self::Missing => (12, "collateral is missing or too old"),
            Self::Unsupported => (20, "not supported: nothing here can tell"),
            Self::Malformed => (30, "malformed: the bytes do not have the form they claim"),
        }
    }

    /// The table as text, one line for each code.
    pub fn table() -> String {
        let lines = Self::ALL.iter().map(|exit| exit.code());
        lines.fold(String::from("Exit codes:"), |text, (code, meaning)| {
            format!("{text}\n  {code:>2}  {meaning}")
        })
    }
}

impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::Missing => Self::Missing,
            Class::Unsupported => Self::Unsupported,
            Class::Policy => Self::Rejected,
            Class::Mismatch | Class::Untrusted => Self::Untrusted,
            Class::Malformed => Self::Malformed,
        }
    }
}

impl From<&Verdict> for Exit {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted(_) => Self::Accepted,
            Verdict::Rejected(rejected) if rejected.only_collateral_is_missing() => Self::Missing,
            Verdict::Rejected(_) => Self::Rejected,
        }
    }
}

impl From<&Refused> for Exit {
    fn from(refused: &Refused) -> Self {
        refused.error.class().into()
    }
}

/// Why a command has no answer: one line, and the code to end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How to end.
    pub exit: Exit,
    /// One line for the operator.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// Bad arguments or files.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// An error of the core, about the file of this name.
    pub fn about(name: impl fmt::Display, error: impl Into<Error>) -> Self {
        let error = error.into();
        Self::new(error.class().into(), format_args!("{name}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use attest_core::checks::Class;

    use super::Exit;

    #[test]
    fn the_numbers_are_the_cores() {
        for class in [
            Class::Missing,
            Class::Unsupported,
            Class::Policy,
            Class::Mismatch,
            Class::Untrusted,
            Class::Malformed,
        ] {
            assert_eq!(Exit::from(class).code().0, class.exit_code(), "{class:?}");
        }
        assert!(Exit::ALL.is_sorted_by_key(|exit| exit.code()));
    }
}
