//! CEL-CBOR (TCG Canonical Event Log Format 1.1, 5.2): one array of records, each a map of five pairs.
//!
//! ```text
//! { 0: recnum, 1: pcr or 2: nv_index, 3: [+ { 0: hashAlg, 1: digest }], 9: content_type, 10: content }
//! ```
//!
//! The specification's CDDL leaves the form of the items open; here it is the deterministic one, as RFC 8949, 4.2.1 has it. The
//! numbers count from 0 in each index on its own (4.2.2), and not over the whole log as Google's TLV does.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{
    CelLog, CelRecord, CelRegister, Content, MAX_CEL, MAX_CEL_RECORDS, STRUCTURE, add_digest, checks,
};
use crate::cbor::Decoder;
use crate::checks::holds;
use crate::error::{Malformed, Problem};
use crate::eventlog::header::Bank;
use crate::eventlog::{EventKind, MAX_DIGESTS, REGISTERS};
use crate::values::Value;

const NV_INDEX: u64 = 2;
/// NV indices as handles (TPM 2.0 Part 2, 7.3: TPM_HT_NV_INDEX is 1); the specification takes the range 20xxxxxx.
const NV_INDICES: core::ops::RangeInclusive<u64> = 0x2000_0000..=0x20ff_ffff;

// content_type, Table 2.
const MANAGEMENT: u64 = 4;
const PC_CLIENT: u64 = 5;
const IMA_TEMPLATE: u64 = 7;
const IMA_TLV: u64 = 8;
const SYSTEMD: u64 = 9;
// Types of management content that extend nothing, Table 4.
const VERSION: u64 = 1;
const FIRMWARE_END: u64 = 2;

impl<'a> CelLog<'a> {
    /// Reads a whole log in CBOR and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for a log past the stated bounds, cut short, out of sequence, for an encoding that is not the deterministic one,
    /// or against a rule of [`super::super::checks::cel`]. Content types that are not known are values.
    pub fn parse_cbor(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(STRUCTURE, bytes, MAX_CEL)?;
        let mut log = Self::default();
        let mut numbers = BTreeMap::new();
        decoder.items("log", 0..=MAX_CEL_RECORDS, |decoder| {
            let record = CelRecord::read_cbor(decoder, &mut numbers)?;
            log.records.push(record);
            Ok(())
        })?;
        decoder.finish("log")?;
        Ok(log)
    }
}

impl<'a> CelRecord<'a> {
    /// `numbers` holds how many records each index has so far.
    fn read_cbor(
        decoder: &mut Decoder<'a>,
        numbers: &mut BTreeMap<(u64, u64), u64>,
    ) -> Result<Self, Malformed> {
        decoder.map("record", 5)?;
        decoder.key("recnum", 0)?;
        let at = decoder.clone();
        let number = decoder.uint("recnum")?;
        let kind = decoder.uint_in("pcr", 1..=NV_INDEX)?;
        let (register, index) = read_register(decoder, kind)?;
        let expected = numbers.entry((kind, index)).or_default();
        if !holds(&checks::SEQUENCE, number == *expected) {
            return Err(at.malformed("recnum", Problem::value(&checks::SEQUENCE, *expected, number)));
        }
        *expected = expected.saturating_add(1);
        decoder.key("digests", 3)?;
        let mut digests = Vec::new();
        decoder.items("digests", 1..=MAX_DIGESTS, |decoder| {
            decoder.map("digest", 2)?;
            decoder.key("hashAlg", 0)?;
            let id = decoder.uint_in("hashAlg", 0..=u64::from(u16::MAX))?;
            decoder.key("digest", 1)?;
            let at = decoder.clone();
            let bytes = decoder.bytes("digest")?;
            let bank = u16::try_from(id).ok().and_then(|id| Bank::unsized_of(id).algorithm());
            add_digest(at.reader(), &mut digests, bank, bytes)
        })?;
        decoder.key("content_type", 9)?;
        let content_type = decoder.uint("content_type")?;
        decoder.key("content", 10)?;
        let (content, measured) = read_content(decoder, content_type)?;
        Ok(Self { register, digests, content, measured })
    }
}

fn read_register(decoder: &mut Decoder<'_>, kind: u64) -> Result<(CelRegister, u64), Malformed> {
    if kind == NV_INDEX {
        return Ok((CelRegister::Other, decoder.uint_in("nv_index", NV_INDICES)?));
    }
    let at = decoder.clone();
    let index = decoder.uint("pcr")?;
    let register = u8::try_from(index).ok().map(CelRegister::Pcr);
    match register.filter(|register| holds(&checks::REGISTER, register.exists())) {
        Some(register) => Ok((register, index)),
        None => {
            let problem = Problem::value(&checks::REGISTER, Value::OneOf(REGISTERS), index);
            Err(at.malformed("pcr", problem))
        }
    }
}

/// The content, and whether a record of this kind extends its register.
fn read_content<'a>(decoder: &mut Decoder<'a>, content_type: u64) -> Result<(Content<'a>, bool), Malformed> {
    Ok(match content_type {
        MANAGEMENT => {
            let (kind, label) = read_management(decoder)?;
            (Content::Label(label.into()), !matches!(kind, VERSION | FIRMWARE_END))
        }
        PC_CLIENT => {
            decoder.map("content", 2)?;
            decoder.key("event_type", 0)?;
            let measured = !is_no_action(decoder)?;
            decoder.key("event_data", 1)?;
            (Content::Preimage(decoder.bytes("event_data")?.into()), measured)
        }
        IMA_TEMPLATE => {
            decoder.map("content", 2)?;
            decoder.key("template_name", 0)?;
            decoder.text("template_name")?;
            decoder.key("template_data", 1)?;
            (Content::Preimage(decoder.bytes("template_data")?.into()), true)
        }
        IMA_TLV | SYSTEMD => (Content::Preimage(decoder.bytes("content")?.into()), true),
        _ => (Content::Label(read_item(decoder)?.into()), true),
    })
}

/// TPMS_EVENT_CELMGT: its type, and all of it.
fn read_management<'a>(decoder: &mut Decoder<'a>) -> Result<(u64, &'a [u8]), Malformed> {
    let before = decoder.clone();
    let has_data = decoder.map_with_optional("content", 1)?;
    decoder.key("type", 0)?;
    let kind = decoder.uint("type")?;
    if has_data {
        decoder.key("data", 1)?;
        decoder.skip("data")?;
    }
    Ok((kind, before.reader().until(decoder.reader())))
}

/// event_type, as a number or by the profile's name for it.
fn is_no_action(decoder: &mut Decoder<'_>) -> Result<bool, Malformed> {
    let mut ahead = decoder.clone();
    if let Ok(name) = ahead.text("event_type") {
        *decoder = ahead;
        return Ok(Some(name) == EventKind::NO_ACTION.name());
    }
    let kind = decoder.uint_in("event_type", 0..=u64::from(u32::MAX))?;
    Ok(kind == u64::from(EventKind::NO_ACTION.0))
}

/// One item of any kind, as it stands there.
fn read_item<'a>(decoder: &mut Decoder<'a>) -> Result<&'a [u8], Malformed> {
    let before = decoder.clone();
    decoder.skip("content")?;
    Ok(before.reader().until(decoder.reader()))
}
