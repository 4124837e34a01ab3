//! Writes CBOR in its one deterministic form, over the primitives of `cbor4ii`.

use alloc::vec::Vec;

use cbor4ii::core::enc::{self, Encode};
use cbor4ii::core::types::{Array, Bytes, Map, Tag};

/// Writes items in order, in their shortest form. The order of map keys is the caller's to keep.
#[derive(Debug, Default)]
pub struct Encoder<'a> {
    out: Vec<u8>,
    purpose: Purpose<'a>,
}

/// What becomes of the bytes.
#[derive(Debug, Default)]
enum Purpose<'a> {
    /// They are kept.
    #[default]
    Keep,
    /// They are counted.
    Count(usize),
    /// They are compared with those expected; so many were the same, and none are kept.
    Compare { expected: &'a [u8], same: usize, differs: bool },
}

impl enc::Write for Encoder<'_> {
    type Error = core::convert::Infallible;

    fn push(&mut self, input: &[u8]) -> Result<(), Self::Error> {
        match &mut self.purpose {
            Purpose::Keep => self.out.extend_from_slice(input),
            Purpose::Count(count) => *count = count.saturating_add(input.len()),
            Purpose::Compare { expected, same, differs } => {
                let rest = expected.get(*same..).filter(|_| !*differs).unwrap_or_default();
                // A long string that was read from this very place is the same without a look at its bytes.
                let here = rest.get(..input.len()).is_some_and(|here| core::ptr::eq(here, input));
                if here || rest.starts_with(input) {
                    *same = same.saturating_add(input.len());
                } else if !*differs {
                    *differs = true;
                    let count = rest.iter().zip(input).take_while(|(a, b)| a == b).count();
                    *same = same.saturating_add(count);
                }
            }
        }
        Ok(())
    }
}

impl<'a> Encoder<'a> {
    /// One with room for so many bytes, for content whose size is known.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), purpose: Purpose::Keep }
    }

    /// One that keeps nothing and compares with `expected`.
    pub(super) const fn comparing(expected: &'a [u8]) -> Self {
        Self { out: Vec::new(), purpose: Purpose::Compare { expected, same: 0, differs: false } }
    }

    /// For an encoder that compares: `Ok` if it was given the expected bytes, all of them, else how many were the same.
    pub(super) const fn compared(&self) -> Result<(), usize> {
        match self.purpose {
            Purpose::Compare { expected, same, differs: false } if same == expected.len() => Ok(()),
            Purpose::Compare { same, .. } => Err(same),
            Purpose::Keep | Purpose::Count(_) => Err(0),
        }
    }

    /// How many bytes `write` writes, without keeping one: secrets are written into a buffer that never moves.
    pub fn measure(write: impl FnOnce(&mut Encoder<'_>)) -> usize {
        let mut encoder = Encoder { out: Vec::new(), purpose: Purpose::Count(0) };
        write(&mut encoder);
        match encoder.purpose {
            Purpose::Count(count) => count,
            Purpose::Keep | Purpose::Compare { .. } => 0,
        }
    }
}

impl Encoder<'_> {
    /// The head of a map of `len` pairs, which follow.
    pub fn map(&mut self, len: usize) -> &mut Self {
        drop(Map::bounded(len, self));
        self
    }

    /// The head of an array of `len` items, which follow.
    pub fn array(&mut self, len: usize) -> &mut Self {
        drop(Array::bounded(len, self));
        self
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        drop(value.encode(self));
        self
    }

    /// An integer.
    pub fn int(&mut self, value: i64) -> &mut Self {
        drop(value.encode(self));
        self
    }

    /// True or false.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        drop(value.encode(self));
        self
    }

    /// Null.
    pub fn null(&mut self) -> &mut Self {
        drop(cbor4ii::core::types::Null.encode(self));
        self
    }

    /// The tag of the next item (RFC 8949, 3.4), for formats of others: ours have none.
    pub fn tag(&mut self, tag: u64) -> &mut Self {
        drop(Tag(tag, Nothing).encode(self));
        self
    }

    /// A text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        drop(value.encode(self));
        self
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        drop(Bytes(value).encode(self));
        self
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}

/// Stands where an item follows that is written on its own.
struct Nothing;

impl Encode for Nothing {
    fn encode<W: enc::Write>(&self, _writer: &mut W) -> Result<(), enc::Error<W::Error>> {
        Ok(())
    }
}
