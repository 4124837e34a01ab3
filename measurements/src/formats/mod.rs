//! Reference values in the formats of others: read, written, and what is lost on the way.
//!
//! No format holds everything. A reader that met a constraint it cannot keep, and a writer that must leave one out, say so in a
//! list of [`Loss`]es, and what they give is to be had only by naming each of those: a constraint is never lost in silence.

use alloc::string::String;
use alloc::vec::Vec;

use attest_core::crypto::HashAlgorithm;
use attest_core::values::Digest;

use crate::document::{self, Node};
use crate::error::{FormError, FormProblem};
use crate::reference::{Register, index};

pub mod constellation;
pub mod corim;
pub mod flashbots;
pub mod rvps;

/// What a document of another format does not say about itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Origin<'a> {
    /// What the document describes.
    pub name: &'a str,
    /// Its number in the series of that name.
    pub serial: u64,
    /// When it was issued, in Unix seconds.
    pub issued: u64,
}

impl<'a> Origin<'a> {
    /// All three, by name.
    pub const fn new(name: &'a str, serial: u64, issued: u64) -> Self {
        Self { name, serial, issued }
    }
}

/// Something that the other side cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
#[non_exhaustive]
pub struct Loss {
    /// The place in the document that was read, or the set that was written.
    pub at: String,
    /// What it is.
    pub what: Lost,
}

impl Loss {
    pub(crate) fn new(at: impl Into<String>, what: Lost) -> Self {
        Self { at: at.into(), what }
    }
}

/// What is lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// A constraint that nothing here can hold.
    #[error("a constraint is not kept: {0}")]
    Constraint(String),
    /// What the document says about itself: name, serial number, time of issue, comment.
    #[error("not kept: {0}")]
    Description(String),
    /// A least number.
    #[error("the least {0} is not kept")]
    Minimum(&'static str),
    /// That a rule only warns: it now refuses.
    #[error("{0} refuses now")]
    Warning(String),
    /// The window of validity: the values are now valid at any time.
    #[error("the window of validity is not kept")]
    Window,
}

impl Lost {
    /// Whether more machines are believed without it.
    pub const fn weakens(&self) -> bool {
        match self {
            Self::Constraint(_) | Self::Minimum(_) | Self::Window => true,
            Self::Description(_) | Self::Warning(_) => false,
        }
    }
}

/// Something converted, and what was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Converted<T> {
    content: T,
    losses: Vec<Loss>,
}

/// Losses that nobody consented to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{} constraints would be lost, the first at {}", .0.len(), .0.first().map_or_else(String::new, alloc::string::ToString::to_string))]
pub struct Weakened(pub Vec<Loss>);

impl<T> Converted<T> {
    pub(crate) const fn new(content: T, losses: Vec<Loss>) -> Self {
        Self { content, losses }
    }

    /// Everything that was lost.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// The content, if no constraint was lost.
    ///
    /// # Errors
    /// [`Weakened`], with every constraint that was.
    pub fn complete(self) -> Result<T, Weakened> {
        self.despite(&[])
    }

    /// The content, if every constraint that was lost is at one of these places.
    ///
    /// # Errors
    /// [`Weakened`], with the others.
    pub fn despite(self, places: &[&str]) -> Result<T, Weakened> {
        let unnamed = |loss: &Loss| loss.what.weakens() && !places.contains(&loss.at.as_str());
        let weakened: Vec<Loss> = self.losses.into_iter().filter(unnamed).collect();
        if weakened.is_empty() { Ok(self.content) } else { Err(Weakened(weakened)) }
    }
}

/// A set that a format cannot write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The format has no place for this register.
    #[error("set {set:?}: the format has no place for {register}")]
    Register {
        /// The set.
        set: String,
        /// The register.
        register: String,
    },
    /// The format holds one value for a register.
    #[error("set {set:?}: the format holds one value for {register}, there are {count}")]
    SeveralValues {
        /// The set.
        set: String,
        /// The register.
        register: String,
        /// How many there are.
        count: usize,
    },
    /// The format wants another name than the set has.
    #[error("set {set:?}: the format wants a name of the form {expected}")]
    SetName {
        /// The set.
        set: String,
        /// The form.
        expected: &'static str,
    },
}

/// Which registers the numbers of a list stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Numbering {
    /// Registers of an AWS Nitro document.
    Nitro,
    /// 0 is MRTD, 1 to 4 are RTMR 0 to 3.
    Tdx,
    /// Platform configuration registers of the SHA-256 bank.
    TpmSha256,
}

impl Numbering {
    /// The register of this number.
    pub(crate) fn register(self, number: &str) -> Option<Register> {
        match self {
            Self::Nitro => index(number, 32).map(Register::NitroPcr),
            Self::Tdx => match index(number, 5)? {
                0 => Some(Register::TdxMrtd),
                number => Some(Register::TdxRtmr(number.saturating_sub(1))),
            },
            Self::TpmSha256 => index(number, 24).map(|n| Register::TpmPcr(HashAlgorithm::Sha256, n)),
        }
    }

    /// The number of this register.
    pub(crate) const fn number(self, register: Register) -> Option<u8> {
        match (self, register) {
            (Self::Nitro, Register::NitroPcr(number))
            | (Self::TpmSha256, Register::TpmPcr(HashAlgorithm::Sha256, number)) => Some(number),
            (Self::Tdx, Register::TdxMrtd) => Some(0),
            (Self::Tdx, Register::TdxRtmr(number)) => Some(number.saturating_add(1)),
            _ => None,
        }
    }
}

/// A digest as text: hexadecimal digits, or base64 with padding. Text of hexadecimal digits alone is never base64: 64 of them,
/// a digest of 32 bytes, would be another one of 48.
pub(crate) fn digest(node: &Node<'_>, register: Register) -> Result<Digest, FormError> {
    let text = node.text()?;
    let expected = register.digest_len();
    let plain = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let bytes = if plain { document::hex(text) } else { document::base64(text) };
    let bytes = bytes.ok_or_else(|| node.unexpected("hexadecimal digits or base64"))?;
    match Digest::new(&bytes) {
        Some(digest) if bytes.len() == expected => Ok(digest),
        _ => Err(node.error(FormProblem::Length { expected, actual: bytes.len() })),
    }
}

#[cfg(test)]
mod tests;
