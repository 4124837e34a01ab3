//! The certificate table of an extended report: shape only (AMD 56421, SNP extended guest request).

use alloc::vec::Vec;

use super::checks::wire as checks;
use crate::checks::holds;
use crate::error::{Malformed, Problem};
use crate::reader::Reader;
use crate::values::Value;

/// An entry of the certificate table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableEntry<'a> {
    /// What it is, in the order in which the GUID is written as text.
    pub guid: [u8; 16],
    /// Where it starts, from the front of the table.
    pub offset: u32,
    /// Its bytes.
    pub data: &'a [u8],
}

/// The largest certificate table that is read: what Linux hands out is at most 16 KiB.
pub(super) const MAX_TABLE: usize = 64 * 1024;
/// The most entries that are read.
pub(super) const MAX_TABLE_ENTRIES: usize = 32;
const ENTRY_LEN: usize = 24;

/// GUIDs whose entries are certificates or a CRL (AMD 56421): VCEK, VLEK, ASK or ASVK, ARK, CRL.
pub(super) const CERTIFICATE_GUIDS: [[u8; 16]; 4] = [
    *b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd",
    *b"\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1",
    *b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82",
    *b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae",
];
/// GUID of a CRL entry.
pub(super) const CRL_GUID: [u8; 16] = *b"\x92\xf8\x1b\xc3\x58\x11\x4d\x3d\x97\xff\xd1\x9f\x88\xdc\x67\xea";

/// Reads a certificate table (AMD 56421, SNP extended guest request): entries of GUID, offset and length, ended by a zero
/// entry. GUIDs written in Windows' mixed order, as some hosts do, are turned around if that makes them known.
///
/// # Errors
/// [`Malformed`] if the table has no end, is over 64 KiB or 32 entries, if an entry lies outside it or over
/// the header or over another entry, is empty, or is named twice.
pub fn parse_table(bytes: &[u8]) -> Result<Vec<TableEntry<'_>>, Malformed> {
    let structure = "certificate table";
    let too_large = |max, actual| Malformed {
        structure,
        field: "entries",
        offset: 0,
        problem: Problem::TooLarge { max, actual },
    };
    if bytes.len() > MAX_TABLE {
        return Err(too_large(MAX_TABLE, bytes.len()));
    }
    let mut r = Reader::new(structure, bytes);
    let mut entries: Vec<TableEntry<'_>> = Vec::new();
    loop {
        let entry = r.clone();
        let guid = turned(*r.take("guid")?);
        let offset = r.u32_le("offset")?;
        let length = r.u32_le("length")?;
        if guid == [0; 16] && offset == 0 && length == 0 {
            break;
        }
        if entries.len() >= MAX_TABLE_ENTRIES {
            return Err(too_large(MAX_TABLE_ENTRIES, entries.len().saturating_add(1)));
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let data = match bytes.get(start..end) {
            Some(data) if !data.is_empty() => data,
            _ => {
                let inside = Value::Phrase("a non-empty range inside the table");
                return Err(r.unexpected(&checks::TABLE, "offset", 8, inside, offset));
            }
        };
        if entries.iter().any(|entry| entry.guid == guid) {
            return Err(entry.malformed("guid", Problem::Duplicate));
        }
        entries.push(TableEntry { guid, offset, data });
    }
    let header = r.offset();
    let mut ranges: Vec<_> = entries.iter().enumerate().map(|(index, entry)| (range(entry), index)).collect();
    ranges.sort_unstable();
    let mut free_from = header;
    for ((start, end), index) in ranges {
        if start < free_from && !holds(&checks::TABLE, false) {
            let number = |position| Value::Number(u64::try_from(position).unwrap_or(u64::MAX));
            let expected = Value::AtLeast(u64::try_from(free_from).unwrap_or(u64::MAX));
            let problem = Problem::value(&checks::TABLE, expected, number(start));
            // The offset stands behind the GUID of its entry.
            let offset = index.saturating_mul(ENTRY_LEN).saturating_add(16);
            return Err(Malformed { structure, field: "offset", offset, problem });
        }
        free_from = end;
    }
    Ok(entries)
}

fn range(entry: &TableEntry<'_>) -> (usize, usize) {
    let start = usize::try_from(entry.offset).unwrap_or(usize::MAX);
    (start, start.saturating_add(entry.data.len()))
}

fn turned(guid: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
    let [i, j, k, l, m, n, o, p] = rest;
    let mixed = [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p];
    let known = |guid: &[u8; 16]| CERTIFICATE_GUIDS.contains(guid) || CRL_GUID == *guid;
    if known(&mixed) && !known(&guid) { mixed } else { guid }
}
