//! Protection against documents that are older than the last one accepted.
//!
//! A signature never ends. Whoever serves an old document with its old and good signature serves old machines, so the caller
//! remembers what it accepted: a [`Watermark`], one for each name.

use alloc::format;
use alloc::string::String;

use attest_core::UnixTime;
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::error::Unsupported;
use attest_core::values::{Digest, Hex};

use super::{MAX_SKEW, Trusted};
use crate::document::{self, MAX_BYTES, Node, hex};
use crate::error::{FormError, FormProblem};
use crate::reference::ReferenceValues;

const FORMAT: &str = "watermark";

/// What was accepted last of one series of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    name: String,
    serial: u64,
    issued: u64,
    sha256: Digest,
}

/// Why a document does not follow the one accepted last.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// It claims to be issued later than now.
    #[error("issued at {issued}, which is after {now}")]
    FromTheFuture {
        /// When it claims to be issued, in Unix seconds.
        issued: u64,
        /// When it was asked, in Unix seconds.
        now: u64,
    },
    /// It has a lower number.
    #[error("serial number {serial}, and {last} was accepted already")]
    LowerSerial {
        /// Its number.
        serial: u64,
        /// The last one.
        last: u64,
    },
    /// It was issued earlier.
    #[error("issued at {issued}, and one of {last} was accepted already")]
    Older {
        /// When it was issued, in Unix seconds.
        issued: u64,
        /// When the last one was.
        last: u64,
    },
    /// It belongs to another series.
    #[error("a document of {found:?}, where one of {expected:?} was accepted")]
    OtherSeries {
        /// The series of the last one.
        expected: String,
        /// The series of this one.
        found: String,
    },
    /// Two documents have one number.
    #[error("serial number {serial} was accepted with another content")]
    SerialTwice {
        /// The number.
        serial: u64,
    },
    /// The provider lacks SHA-256.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

impl Watermark {
    /// The mark after `document`, read from bytes that are trusted, was accepted. `last` is what was accepted before it; `None`
    /// says that this is the first.
    ///
    /// # Errors
    /// [`RollbackError`] if the document must not be accepted.
    pub fn advance(
        last: Option<&Self>,
        document: &ReferenceValues,
        trusted: &Trusted<'_>,
        now: UnixTime,
        provider: &CryptoProvider,
    ) -> Result<Self, RollbackError> {
        let sha256 = provider.digest(HashAlgorithm::Sha256, &[trusted.bytes()])?;
        let (name, serial, issued) = (document.name().into(), document.serial(), document.issued());
        let new = Self { name, serial, issued, sha256 };
        if new.issued > now.as_secs().saturating_add(MAX_SKEW) {
            return Err(RollbackError::FromTheFuture { issued: new.issued, now: now.as_secs() });
        }
        match last {
            None => Ok(new),
            Some(last) if last.name != new.name => {
                Err(RollbackError::OtherSeries { expected: last.name.clone(), found: new.name })
            }
            Some(last) if new.serial < last.serial => {
                Err(RollbackError::LowerSerial { serial: new.serial, last: last.serial })
            }
            Some(last) if new.serial == last.serial && new.sha256 != last.sha256 => {
                Err(RollbackError::SerialTwice { serial: new.serial })
            }
            Some(last) if new.issued < last.issued => {
                Err(RollbackError::Older { issued: new.issued, last: last.issued })
            }
            Some(_) => Ok(new),
        }
    }

    /// The number accepted last.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// Writes the mark as JSON, for the caller to keep.
    pub fn to_json(&self) -> String {
        let name = serde_json::to_string(&self.name).unwrap_or_default();
        format!(
            "{{\"name\":{name},\"serial\":{},\"issued\":{},\"sha256\":\"{}\"}}\n",
            self.serial,
            self.issued,
            Hex(self.sha256.as_bytes())
        )
    }

    /// Reads a mark. One that cannot be read must not count as none: the caller stops there.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormError> {
        let tree = document::json(FORMAT, bytes, MAX_BYTES)?;
        let fields = Node::root(FORMAT, &tree).fields(&["name", "serial", "issued", "sha256"])?;
        let digest = fields.required("sha256")?;
        let bytes = hex(digest.text()?).ok_or_else(|| digest.unexpected("hexadecimal digits"))?;
        let (expected, actual) = (HashAlgorithm::Sha256.digest_len(), bytes.len());
        let sha256 = Digest::new(&bytes)
            .filter(|_| actual == expected)
            .ok_or_else(|| digest.error(FormProblem::Length { expected, actual }))?;
        Ok(Self {
            name: fields.required("name")?.name()?.into(),
            serial: fields.required("serial")?.unsigned()?,
            issued: fields.required("issued")?.unsigned()?,
            sha256,
        })
    }
}

#[cfg(test)]
mod tests;
