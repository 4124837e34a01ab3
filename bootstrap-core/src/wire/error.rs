//! What is wrong with bytes, and the code that a peer is told.

use attest_core::error::{Malformed, Problem};

use crate::error::Code;

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A frame of a type that section 4 does not have.
    #[error("frame: the type {0:#04x} is not known")]
    FrameKind(u8),
    /// A frame that says to be longer than its type may be.
    #[error("frame of type {kind:#04x}: at most {max} bytes, says {actual}")]
    FrameTooLarge {
        /// The type.
        kind: u8,
        /// The most bytes that it may have here.
        max: usize,
        /// How many it says to have.
        actual: u32,
    },
    /// A frame where another one is due.
    #[error("frame: expected type {expected:#04x}, got {actual:#04x}")]
    FrameUnexpected {
        /// The type that is due.
        expected: u8,
        /// The type that came.
        actual: u8,
    },
    /// More or fewer than a rule allows, in a value made here.
    #[error("{min} to {max}, is {actual}")]
    Count {
        /// The least.
        min: usize,
        /// The most.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// The body is not what its rule says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Error {
    /// What the peer is told: 10 if it is not deterministic CBOR or no frame, 11 if a stated bound is passed, 12 if it is against its
    /// rule, 13 for a critical field that is not known.
    pub const fn code(&self) -> Code {
        match self {
            Self::FrameKind(_) => Code::MALFORMED,
            Self::FrameTooLarge { .. } => Code::TOO_LARGE,
            Self::FrameUnexpected { .. } => Code::OUT_OF_ORDER,
            Self::Count { .. } => Code::WRONG_VALUE,
            Self::Malformed(malformed) => match malformed.problem {
                Problem::TooLarge { .. } => Code::TOO_LARGE,
                Problem::Critical { .. } => Code::UNKNOWN_CRITICAL,
                Problem::Absent
                | Problem::NotZero { .. }
                | Problem::OutOfRange { .. }
                | Problem::TooFew { .. }
                | Problem::Type(_)
                | Problem::Value(_) => Code::WRONG_VALUE,
                // And what attest-core may learn to say.
                Problem::Der(_)
                | Problem::Duplicate
                | Problem::Encoding(_)
                | Problem::TooLong { .. }
                | Problem::TooShort { .. }
                | _ => Code::MALFORMED,
            },
        }
    }
}
