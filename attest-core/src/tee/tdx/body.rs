//! A quote as it travels: by itself, or with the event log in one CBOR map.

use alloc::vec::Vec;

use super::wire::{MAX_QUOTE, MAX_TRAILER};
use crate::cbor::{Decoder, Encoder, strict};
use crate::collateral::header;
use crate::error::{Malformed, Problem};
use crate::eventlog::MAX_LOG;
use crate::evidence::MAX_EVIDENCE;

const STRUCTURE: &str = "TDX evidence";
const TYPE: &str = "attestrap/tdx-quote";
/// The first bytes of every such map: its size, its first key, its type.
pub(super) const PREFIX: &[u8] = b"\xa4\x00\x73attestrap/tdx-quote";

/// A quote and the log of what was measured into the TD's registers. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TdxEvidence {
    /// The quote.
    pub quote: Vec<u8>,
    /// The area that the ACPI table CCEL points to, with or without what fills it up.
    pub event_log: Vec<u8>,
}

impl TdxEvidence {
    /// Both, by name.
    pub const fn new(quote: Vec<u8>, event_log: Vec<u8>) -> Self {
        Self { quote, event_log }
    }

    /// Reads a bare quote, or one map as [`TdxEvidence::to_bytes`] writes it.
    ///
    /// # Errors
    /// [`Malformed`] for a map of another form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let Parts { quote, event_log } = Parts::parse(bytes)?;
        Ok(Self { quote: quote.to_vec(), event_log: event_log.to_vec() })
    }

    /// Writes the map (see `formats.cddl`).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        let parts = Parts { quote: &self.quote, event_log: &self.event_log };
        parts.encode(&mut encoder);
        encoder.into_bytes()
    }
}

/// The same, where it was received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) quote: &'a [u8],
    /// Empty if none travels.
    pub(super) event_log: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if !bytes.starts_with(PREFIX) {
            return Ok(Self { quote: bytes, event_log: &[] });
        }
        let decode = |decoder: &mut Decoder<'a>| {
            decoder.map("evidence", 4)?;
            header(decoder, TYPE)?;
            decoder.key("quote", 2)?;
            let quote = bounded(decoder, "quote", MAX_QUOTE.saturating_add(MAX_TRAILER))?;
            decoder.key("event log", 3)?;
            Ok(Self { quote, event_log: bounded(decoder, "event log", MAX_LOG)? })
        };
        strict(STRUCTURE, bytes, MAX_EVIDENCE, decode, Self::encode)
    }

    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.map(4).uint(0).text(TYPE).uint(1).uint(1);
        encoder.uint(2).bytes(self.quote).uint(3).bytes(self.event_log);
    }
}

fn bounded<'a>(decoder: &mut Decoder<'a>, field: &'static str, max: usize) -> Result<&'a [u8], Malformed> {
    let bytes = decoder.bytes(field)?;
    match bytes.len() {
        len if len <= max => Ok(bytes),
        actual => Err(decoder.malformed(field, Problem::TooLarge { max, actual })),
    }
}
