//! Pieces of DER that timestamps and certificates share.

use alloc::format;
use alloc::vec::Vec;

use attest_core::crypto::HashAlgorithm;
use der::{AnyRef, Decode, Reader as _, SliceReader, Tag, Tagged};

use super::{Step, TrustError};

/// Hash functions by content octets of their object identifiers (RFC 5754, 2).
const HASHES: [(&[u8], HashAlgorithm); 3] = [
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", HashAlgorithm::Sha256),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", HashAlgorithm::Sha384),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", HashAlgorithm::Sha512),
];

/// Reads one structure and nothing after it.
pub(super) fn whole<'a, T>(
    step: Step,
    bytes: &'a [u8],
    read: impl FnOnce(&mut SliceReader<'a>) -> der::Result<T>,
) -> Result<T, TrustError> {
    let read = || {
        let mut reader = SliceReader::new(bytes)?;
        let value = read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    };
    read().map_err(|error: der::Error| TrustError::refused(step, format!("not the DER that is due: {error}")))
}

/// The content of the next value, which must have this tag.
pub(super) fn content<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<&'a [u8]> {
    let any = AnyRef::decode(reader)?;
    any.tag().assert_eq(tag)?;
    Ok(any.value())
}

/// The content of `[number]`, constructed, if it comes next.
pub(super) fn context<'a>(reader: &mut SliceReader<'a>, number: u8) -> der::Result<Option<&'a [u8]>> {
    let follows = |tag: Tag| matches!(tag, Tag::ContextSpecific { constructed: true, number: found } if found.value() == u32::from(number));
    match !reader.is_finished() && follows(Tag::peek(reader)?) {
        true => AnyRef::decode(reader).map(|any| Some(any.value())),
        false => Ok(None),
    }
}

/// The content of `[number]`, which must come next.
pub(super) fn explicit<'a>(reader: &mut SliceReader<'a>, number: u8) -> der::Result<&'a [u8]> {
    context(reader, number)?.ok_or_else(|| der::ErrorKind::TagUnknown { byte: 0xa0 | number }.into())
}

/// Whether the next value has this tag.
pub(super) fn next_is(reader: &SliceReader<'_>, tag: Tag) -> bool {
    !reader.is_finished() && Tag::peek(reader).is_ok_and(|found| found == tag)
}

/// AlgorithmIdentifier of a hash function, its parameters left out or NULL; `None` for one that is not known.
pub(super) fn hash(reader: &mut SliceReader<'_>) -> der::Result<Option<HashAlgorithm>> {
    let identifier = content(reader, Tag::Sequence)?;
    let mut inner = SliceReader::new(identifier)?;
    let id = content(&mut inner, Tag::ObjectIdentifier)?;
    if !inner.is_finished() {
        content(&mut inner, Tag::Null)?;
    }
    inner.finish()?;
    Ok(HASHES.iter().find(|(known, _)| *known == id).map(|(_, hash)| *hash))
}

/// Tag, length and content.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::from([tag]);
    let len = content.len();
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let octets = len.to_be_bytes();
            let first = octets.iter().position(|octet| *octet != 0).unwrap_or_default();
            let octets = octets.get(first..).unwrap_or_default();
            out.push(0x80 | u8::try_from(octets.len()).unwrap_or_default());
            out.extend_from_slice(octets);
        }
    }
    out.extend_from_slice(content);
    out
}
