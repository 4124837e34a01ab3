//! The one strict CBOR layer (RFC 8949, core deterministic encoding) over the primitives of `cbor4ii`.
//!
//! `cbor4ii` reads more than one form of a value. Here a value counts only if writing it again gives the bytes received:
//! that one comparison refuses indefinite lengths, long integers, keys out of order, keys twice and bytes left over.
//!
//! That is for formats that we write. What firmware and vendors write is read by [`foreign`].

pub(crate) mod foreign;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use cbor4ii::core::dec::Decode;
use cbor4ii::core::enc::{self, Encode};
use cbor4ii::core::types::{Array, Bytes, Map};
use cbor4ii::core::utils::SliceReader;

use crate::error::{Malformed, Problem};

/// Reads `bytes` with `decode` and believes the result only if `encode` gives the same bytes again.
pub(crate) fn strict<'a, T>(
    structure: &'static str,
    bytes: &'a [u8],
    max: usize,
    decode: impl FnOnce(&mut Decoder<'a>) -> Result<T, Malformed>,
    encode: impl FnOnce(&T, &mut Encoder<'_>),
) -> Result<T, Malformed> {
    let error = |field, offset, problem| Malformed { structure, field, offset, problem };
    if bytes.len() > max {
        return Err(error("length", 0, Problem::TooLarge { max, actual: bytes.len() }));
    }
    let mut decoder = Decoder { structure, reader: SliceReader::new(bytes) };
    let value = decode(&mut decoder)?;
    let mut again = Encoder { out: Vec::new(), expected: Some(bytes), same: 0, differs: false };
    encode(&value, &mut again);
    if again.differs || again.same != bytes.len() {
        return Err(error("encoding", again.same, Problem::Encoding("not the one deterministic encoding")));
    }
    Ok(value)
}

/// Reads items in order.
pub(crate) struct Decoder<'a> {
    structure: &'static str,
    reader: SliceReader<'a>,
}

impl<'a> Decoder<'a> {
    fn read<T: Decode<'a>>(&mut self, field: &'static str) -> Result<T, Malformed> {
        T::decode(&mut self.reader)
            .map_err(|_| self.malformed(field, Problem::Encoding("another item than this one")))
    }

    pub(crate) const fn malformed(&self, field: &'static str, problem: Problem) -> Malformed {
        // The cursor of `cbor4ii` does not tell its offset; the field does.
        Malformed { structure: self.structure, field, offset: 0, problem }
    }

    /// A map of exactly `len` pairs.
    pub(crate) fn map(&mut self, field: &'static str, len: usize) -> Result<(), Malformed> {
        match Map::len(&mut self.reader) {
            Ok(Some(found)) if found == len => Ok(()),
            _ => Err(self.malformed(field, Problem::Encoding("a map of another size"))),
        }
    }

    /// An array of at most `max` items; its length.
    pub(crate) fn array(&mut self, field: &'static str, max: usize) -> Result<usize, Malformed> {
        match Array::len(&mut self.reader) {
            Ok(Some(found)) if found <= max => Ok(found),
            Ok(Some(actual)) => Err(self.malformed(field, Problem::TooLarge { max, actual })),
            _ => Err(self.malformed(field, Problem::Encoding("not an array"))),
        }
    }

    /// The map key `key`.
    pub(crate) fn key(&mut self, field: &'static str, key: u8) -> Result<(), Malformed> {
        match self.read::<u8>(field)? == key {
            true => Ok(()),
            false => Err(self.malformed(field, Problem::Encoding("another key than this one"))),
        }
    }

    pub(crate) fn uint(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.read(field)
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, Malformed> {
        self.read(field)
    }

    pub(crate) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        self.read::<Bytes<&'a [u8]>>(field).map(|bytes| bytes.0)
    }
}

/// Writes items in order, in their shortest form; or, over bytes that it is to give, compares with them and keeps nothing.
#[derive(Default)]
pub(crate) struct Encoder<'a> {
    out: Vec<u8>,
    expected: Option<&'a [u8]>,
    /// How many bytes were the expected ones.
    same: usize,
    differs: bool,
}

impl enc::Write for Encoder<'_> {
    type Error = core::convert::Infallible;

    fn push(&mut self, input: &[u8]) -> Result<(), Self::Error> {
        let Some(expected) = self.expected else {
            self.out.extend_from_slice(input);
            return Ok(());
        };
        let rest = expected.get(self.same..).filter(|_| !self.differs).unwrap_or_default();
        // A long string that was read from this very place is the same without a look at its bytes.
        let here = rest.get(..input.len()).is_some_and(|here| core::ptr::eq(here, input));
        if here || rest.starts_with(input) {
            self.same = self.same.saturating_add(input.len());
        } else if !self.differs {
            self.differs = true;
            let count = rest.iter().zip(input).take_while(|(a, b)| a == b).count();
            self.same = self.same.saturating_add(count);
        }
        Ok(())
    }
}

impl Encoder<'_> {
    /// One with room for so many bytes, for content whose size is known.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), ..Self::default() }
    }

    pub(crate) fn map(&mut self, len: usize) -> &mut Self {
        drop(Map::bounded(len, self));
        self
    }

    pub(crate) fn array(&mut self, len: usize) -> &mut Self {
        drop(Array::bounded(len, self));
        self
    }

    pub(crate) fn uint(&mut self, value: u64) -> &mut Self {
        drop(value.encode(self));
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        drop(value.encode(self));
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        drop(Bytes(value).encode(self));
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}
