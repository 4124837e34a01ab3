//! The shapes that a policy rule can have. `Any` is always written out: a rule that is left out is no rule.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::crypto::HashAlgorithm;
use crate::tee::snp::Part;
use crate::values::{Digest, Value};

#[cfg(feature = "serde")]
mod files;
pub(crate) mod judge;

/// A listed value, or any.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OneOf<T> {
    /// Every value passes.
    Any,
    /// One of these. An empty list refuses everything.
    Listed(Vec<T>),
}

impl<T: PartialEq> OneOf<T> {
    /// Exactly one value.
    pub fn only(value: T) -> Self {
        Self::Listed(Vec::from([value]))
    }

    pub(crate) fn allows(&self, actual: &T) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.contains(actual),
        }
    }

    pub(crate) const fn expected(&self) -> Value {
        match self {
            Self::Any => Value::Phrase("any"),
            Self::Listed(listed) => Value::OneOf(listed.len()),
        }
    }
}

impl<T: Copy + PartialEq + Into<Value>> OneOf<T> {
    /// What is expected, shown as itself if it is one value.
    pub(crate) fn expected_one(&self) -> Value {
        match self {
            Self::Listed(listed) => match listed.as_slice() {
                [one] => (*one).into(),
                _ => self.expected(),
            },
            Self::Any => self.expected(),
        }
    }
}

/// All of the listed values must hold, or nothing is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(
        serialize = "OneOf<T>: serde::Serialize",
        deserialize = "OneOf<T>: serde::Deserialize<'de>"
    ))
)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct AllOf<T>(pub OneOf<T>);

/// Values that measurement registers may have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registers {
    /// No register is looked at.
    Any,
    /// By bank and number; a register that stands here and is not covered by evidence is refused.
    Listed(BTreeMap<(HashAlgorithm, u8), OneOf<Digest>>),
}

impl Registers {
    /// The banks in which values are named, each once.
    pub(crate) fn banks(&self) -> Vec<HashAlgorithm> {
        match self {
            Self::Any => Vec::new(),
            Self::Listed(rules) => {
                let mut banks: Vec<HashAlgorithm> = rules.keys().map(|(bank, _)| *bank).collect();
                banks.dedup();
                banks
            }
        }
    }
}

/// A bound, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit<T> {
    /// No bound.
    Any,
    /// This bound. Whether it is a minimum or a maximum, the field says.
    To(T),
}

/// What one bit must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Bit {
    /// Either.
    Any,
    /// Zero.
    Clear,
    /// One.
    Set,
}

impl Bit {
    pub(crate) const fn allows(self, bit: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Clear => !bit,
            Self::Set => bit,
        }
    }

    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Clear => "clear",
            Self::Set => "set",
        }
    }
}

/// Whether something out of the ordinary is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Unusual {
    /// It passes.
    Any,
    /// It is refused.
    Refuse,
}

impl Unusual {
    pub(crate) const fn allows(self, unusual: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Refuse => !unusual,
        }
    }
}

/// A minimum for each part, or none. A part that has no minimum is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Floors<T> {
    /// No minimum.
    Any,
    /// By part.
    PerPart(BTreeMap<Part, T>),
}

/// A firmware version: major, minor, build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Firmware(pub [u8; 3]);

/// An ABI version: major, minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Abi(pub [u8; 2]);

/// A bit field under a mask, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Masked {
    /// Nothing is asked.
    Any,
    /// The bits of `mask` are those of `value`; the others are not looked at.
    To {
        /// Which bits count.
        mask: u64,
        /// What they must be.
        value: u64,
    },
}

/// Bytes of a fixed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Octets<const N: usize>(pub [u8; N]);

/// A moment: seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Instant(pub u64);

/// Bits of which all must be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a newtype over its whole content")]
pub struct Mask(pub u64);
