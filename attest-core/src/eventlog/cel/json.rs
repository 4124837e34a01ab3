//! systemd's log: JSON text sequence (RFC 7464), one record each.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::{
    CelLog, CelRecord, CelRegister, Content, MAX_CEL, MAX_CEL_RECORDS, STRUCTURE, add_digest, bounded, checks,
};
use crate::checks::holds;
use crate::crypto::HashAlgorithm;
use crate::error::{Malformed, Problem};
use crate::eventlog::REGISTERS;
use crate::reader::Reader;
use crate::values::Value;

/// A field that stands twice is an error; one that is not known is passed over.
#[derive(Deserialize)]
struct Record {
    pcr: Option<u8>,
    rtmr: Option<u8>,
    digests: Vec<Entry>,
    content_type: Option<String>,
    content: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "hashAlg")]
    hash_alg: String,
    digest: String,
}

impl CelLog<'_> {
    /// Reads `/run/log/systemd/tpm2-measure.log`: records of JSON, each after a record separator (1Eh) and with a newline.
    ///
    /// # Errors
    /// [`Malformed`] for a log past the stated bounds, for text that is no such record, or against a rule of
    /// [`super::super::checks::cel`].
    pub fn parse_json(bytes: &[u8]) -> Result<CelLog<'static>, Malformed> {
        let mut r = Reader::new(STRUCTURE, bytes);
        bounded(&r, "log", MAX_CEL, bytes.len())?;
        let mut log = CelLog::default();
        for (position, text) in bytes.split(|octet| *octet == 0x1e).enumerate() {
            if position == 0 {
                // Nothing may stand before the first separator.
                if !text.is_empty() {
                    return Err(r.malformed("record", Problem::Encoding("no record separator")));
                }
                continue;
            }
            bounded(&r, "records", MAX_CEL_RECORDS, position)?;
            r.u8("record separator")?;
            let record = CelRecord::from_json(&r, text)?;
            r.bytes("record", text.len())?;
            log.records.push(record);
        }
        Ok(log)
    }
}

impl CelRecord<'_> {
    fn from_json(at: &Reader<'_>, text: &[u8]) -> Result<CelRecord<'static>, Malformed> {
        let encoding = |what| at.malformed("record", Problem::Encoding(what));
        let text = text.strip_suffix(b"\n").ok_or_else(|| encoding("a record without its newline"))?;
        let record: Record = serde_json::from_slice(text).map_err(|_| encoding("no JSON record of a log"))?;
        let register = match (record.pcr, record.rtmr) {
            (Some(pcr), None) => CelRegister::Pcr(pcr),
            (None, Some(rtmr)) => CelRegister::Cc(rtmr.saturating_add(1)),
            (Some(_), Some(_)) => return Err(encoding("two registers")),
            (None, None) => CelRegister::Other,
        };
        if !holds(&checks::REGISTER, register.exists()) {
            let number = u32::from(record.pcr.or(record.rtmr).unwrap_or_default());
            return Err(at.unexpected(&checks::REGISTER, "pcr", 0, Value::OneOf(REGISTERS), number));
        }
        let mut digests = Vec::new();
        for Entry { hash_alg, digest } in &record.digests {
            let bytes = unhex(digest).ok_or_else(|| encoding("a digest that is not hexadecimal"))?;
            add_digest(at, &mut digests, HashAlgorithm::from_name(hash_alg), &bytes)?;
        }
        let text = record.content.as_ref().and_then(|content| content.get("string")?.as_str());
        let content = match (record.content_type.as_deref(), text) {
            (Some("systemd"), Some(text)) => Content::Preimage(text.as_bytes().to_owned().into()),
            _ => Content::Label(Vec::new().into()),
        };
        Ok(CelRecord { register, digests, content, measured: true })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > 128 || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some((digit(high)? << 4) | digit(low)?),
        _ => None,
    });
    pairs.collect()
}
