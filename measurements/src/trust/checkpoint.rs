//! Checkpoints: the head of a log's tree, signed as a note (C2SP tlog-checkpoint and signed-note).

use alloc::format;
use alloc::vec::Vec;

use attest_core::crypto::CryptoProvider;

use super::root::Log;
use super::{Step, TrustError};
use crate::document::{base64, decimal};

/// The longest note, in bytes. Rekor's have some 250; witnesses add a line each.
const MAX_NOTE: usize = 8192;

/// The most signature lines.
const MAX_SIGNATURES: usize = 16;

/// A head that its log signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) size: u64,
    pub(super) root: Vec<u8>,
}

impl Checkpoint {
    /// Reads a note and verifies the signature of `log`. Signatures of others, such as witnesses, are passed over: they are
    /// nobody's whom the caller named.
    pub(super) fn verify(note: &str, log: &Log, provider: &CryptoProvider) -> Result<Self, TrustError> {
        let refused = |found: &'static str| TrustError::refused(Step::Checkpoint, found);
        if note.len() > MAX_NOTE {
            return Err(TrustError::refused(Step::Checkpoint, format!("a note of {} bytes", note.len())));
        }
        // The signed text ends with the line feed before the empty line.
        let (text, signatures) =
            note.split_once("\n\n").ok_or_else(|| refused("a note without an empty line"))?;
        let signed = note.get(..text.len().saturating_add(1)).unwrap_or_default();
        let lines: Vec<&str> = signatures
            .strip_suffix('\n')
            .ok_or_else(|| refused("a note without an end"))?
            .split('\n')
            .collect();
        if lines.len() > MAX_SIGNATURES {
            return Err(TrustError::refused(Step::Checkpoint, format!("{} signatures", lines.len())));
        }
        let hint = log.hint(provider)?;
        let mut verified = false;
        for line in lines {
            let (name, encoded) = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| refused("a signature line of another form"))?;
            let blob = base64(encoded).ok_or_else(|| refused("a signature that is not base64"))?;
            let Some((found, signature)) = blob.split_at_checked(4) else {
                return Err(refused("a signature without the hint of its key"));
            };
            if found == hint && name == log.name {
                log.key.verify(Step::Checkpoint, signed.as_bytes(), signature, provider)?;
                verified = true;
            }
        }
        if !verified {
            return Err(refused("no signature of the log"));
        }
        let mut lines = text.split('\n');
        let origin = lines.next().unwrap_or_default();
        // Rekor's origin has the number of the tree after the log's name.
        if origin != log.name
            && !origin.strip_prefix(log.name.as_str()).is_some_and(|rest| rest.starts_with(" - "))
        {
            return Err(refused("a note of another origin"));
        }
        let size = lines.next().and_then(decimal).ok_or_else(|| refused("no size of the tree"))?;
        let root = lines.next().and_then(base64).filter(|root| root.len() == 32);
        Ok(Self { size, root: root.ok_or_else(|| refused("no root of the tree"))? })
    }
}
