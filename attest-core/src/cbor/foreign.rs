//! CBOR that others wrote: well-formed and valid (RFC 8949, 5.3.1), bounded, and no more deterministic than its writers are.
//!
//! The strict layer demands the one deterministic encoding, because it reads what we write. Firmware does not write that:
//! documents of AWS's hypervisor are maps of indefinite length with their keys in the order of a struct (RFC 8949, 3.2.2).
//! Where the caller says so, containers of indefinite length are read, in any order; nothing else is let through:
//!
//! - every head is the shortest (RFC 8949, 4.1), so that equal keys have equal bytes and none can stand twice unseen;
//! - strings have a definite length, so that they can be borrowed from what was signed;
//! - keys are integers or strings;
//! - containers have as many items as the caller allows, and values that nobody asks for are skipped to `MAX_DEPTH` only.

use alloc::vec::Vec;

use super::head::{Head, Major};
use crate::checks::{Check, holds};
use crate::error::{Malformed, Problem};
use crate::reader::Reader;
use crate::values::Value;

/// How deep a value that is skipped may be nested. Nothing that is read here nests deeper than four.
const MAX_DEPTH: usize = 8;

/// How many items a container may have that is skipped.
pub(super) const MAX_SKIPPED: usize = 128;

const BREAK: u8 = 0xff;
const NULL: u8 = 0xf6;

/// Which lengths a container may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a length is definite or it is not")]
pub enum Lengths {
    /// Definite ones, and indefinite ones that end with a break.
    Any,
    /// Definite ones only.
    Definite,
}

/// The key of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "all keys that are let through")]
pub enum Key<'a> {
    /// A byte string; nobody asks for one.
    Bytes,
    /// An integer, of the 65 bits that CBOR has.
    Int(i128),
    /// A text string.
    Text(&'a str),
}

/// Reads items in order.
#[derive(Clone, Debug)]
pub struct Foreign<'a> {
    reader: Reader<'a>,
    lengths: Lengths,
}

impl<'a> Foreign<'a> {
    /// A reader at the front of `bytes`, of which there are at most `max`; `structure` names the whole in errors.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn new(
        structure: &'static str,
        bytes: &'a [u8],
        max: usize,
        lengths: Lengths,
    ) -> Result<Self, Malformed> {
        let reader = Reader::new(structure, bytes);
        match bytes.len() {
            actual if actual > max => Err(reader.malformed("length", Problem::TooLarge { max, actual })),
            _ => Ok(Self { reader, lengths }),
        }
    }

    /// Where the next item starts, in bytes from the front.
    pub const fn offset(&self) -> usize {
        self.reader.offset()
    }

    /// An error at the next item.
    pub const fn malformed(&self, field: &'static str, problem: Problem) -> Malformed {
        self.reader.malformed(field, problem)
    }

    /// Demands that `check` holds of the field at `offset`.
    pub(crate) fn demand(
        &self,
        check: &'static Check,
        ok: bool,
        (field, offset): (&'static str, usize),
        expected: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> Result<(), Malformed> {
        match holds(check, ok) {
            true => Ok(()),
            false => {
                let problem = Problem::value(check, expected, actual);
                Err(Malformed { offset, ..self.malformed(field, problem) })
            }
        }
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn uint(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.definite(field, Major::Unsigned, "not an unsigned integer")
    }

    /// An integer.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn int(&mut self, field: &'static str) -> Result<i128, Malformed> {
        let here = self.clone();
        match self.head(field)? {
            Head { major: Major::Unsigned, argument: Some(value) } => Ok(i128::from(value)),
            // -1 - n is n with every bit turned.
            Head { major: Major::Negative, argument: Some(value) } => Ok(!i128::from(value)),
            _ => Err(here.malformed(field, Problem::Encoding("not an integer"))),
        }
    }

    /// A text string.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn text(&mut self, field: &'static str) -> Result<&'a str, Malformed> {
        let here = self.clone();
        let octets = self.string(field, Major::Text, "not a text string of definite length")?;
        core::str::from_utf8(octets).map_err(|_| here.malformed(field, Problem::Encoding("not UTF-8")))
    }

    /// A byte string.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        self.string(field, Major::Bytes, "not a byte string of definite length")
    }

    /// A byte string, or null for none.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn bytes_or_null(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, Malformed> {
        if self.next_is(field, NULL)? {
            return Ok(None);
        }
        self.string(field, Major::Bytes, "neither a byte string of definite length nor null").map(Some)
    }

    /// The tag in front of the next item, if there is one.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn tag(&mut self, field: &'static str) -> Result<Option<u64>, Malformed> {
        let here = self.clone();
        match self.head(field)? {
            Head { major: Major::Tag, argument: Some(tag) } => Ok(Some(tag)),
            _ => {
                *self = here;
                Ok(None)
            }
        }
    }

    /// An array of at most `max` items, each read by `each`; how many there are.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn array(
        &mut self,
        field: &'static str,
        max: usize,
        each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<usize, Malformed> {
        self.items(field, Major::Array, "not an array", max, each)
    }

    /// A map of at most `max` pairs, whose values `each` reads; how many there are. No key stands twice.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn map(
        &mut self,
        field: &'static str,
        max: usize,
        mut each: impl FnMut(&mut Self, Key<'a>) -> Result<(), Malformed>,
    ) -> Result<usize, Malformed> {
        let mut keys: Vec<&'a [u8]> = Vec::new();
        self.items(field, Major::Map, "not a map", max, |r| {
            let mut here = r.reader.clone();
            let key = r.key(field)?;
            let duplicate = here.malformed(field, Problem::Duplicate);
            // Every head is the shortest, so equal keys have equal bytes.
            let encoded = here.bytes(field, r.offset().saturating_sub(here.offset()))?;
            if keys.contains(&encoded) {
                return Err(duplicate);
            }
            keys.push(encoded);
            each(r, key)
        })
    }

    /// One item of any kind, which nobody reads.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn skip(&mut self, field: &'static str) -> Result<(), Malformed> {
        self.skip_at(field, 1)
    }

    /// Says that nothing may be left.
    ///
    /// # Errors
    /// [`Malformed`], for anything else.
    pub fn finish(self, field: &'static str) -> Result<(), Malformed> {
        self.reader.finish(field)
    }

    fn skip_at(&mut self, field: &'static str, depth: usize) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(self.malformed(field, Problem::TooLarge { max: MAX_DEPTH, actual: depth }));
        }
        let deeper = depth.saturating_add(1);
        let here = self.clone();
        let head = self.head(field)?;
        match (head.major, head.argument) {
            (Major::Unsigned | Major::Negative | Major::Simple, Some(_)) => Ok(()),
            (Major::Tag, Some(_)) => self.skip_at(field, deeper),
            (Major::Unsigned | Major::Negative | Major::Simple | Major::Tag, None) => {
                Err(here.malformed(field, Problem::Encoding("a break where an item is due")))
            }
            (major, _) => {
                *self = here;
                match major {
                    Major::Array => self.array(field, MAX_SKIPPED, |r| r.skip_at(field, deeper)).map(drop),
                    Major::Map => self.map(field, MAX_SKIPPED, |r, _| r.skip_at(field, deeper)).map(drop),
                    Major::Text => self.text(field).map(drop),
                    Major::Bytes | Major::Unsigned | Major::Negative | Major::Simple | Major::Tag => {
                        self.bytes(field).map(drop)
                    }
                }
            }
        }
    }

    fn key(&mut self, field: &'static str) -> Result<Key<'a>, Malformed> {
        let mut ahead = self.clone();
        match ahead.head(field)?.major {
            Major::Unsigned | Major::Negative => self.int(field).map(Key::Int),
            Major::Text => self.text(field).map(Key::Text),
            Major::Bytes => self.bytes(field).map(|_| Key::Bytes),
            Major::Array | Major::Map | Major::Tag | Major::Simple => {
                Err(self.malformed(field, Problem::Encoding("a key that is neither integer nor string")))
            }
        }
    }

    fn items(
        &mut self,
        field: &'static str,
        major: Major,
        otherwise: &'static str,
        max: usize,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<usize, Malformed> {
        let here = self.clone();
        let count = match self.head(field)? {
            Head { major: found, argument } if found == major => argument,
            _ => return Err(here.malformed(field, Problem::Encoding(otherwise))),
        };
        let count = match count {
            None if self.lengths == Lengths::Definite => {
                return Err(here.malformed(field, Problem::Encoding("a container of indefinite length")));
            }
            // A length beyond memory is beyond any bound.
            count => count.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        };
        let mut read = 0_usize;
        while match count {
            Some(count) => read < count,
            None => !self.next_is(field, BREAK)?,
        } {
            let actual = count.unwrap_or_else(|| read.saturating_add(1));
            if actual > max {
                return Err(here.malformed(field, Problem::TooLarge { max, actual }));
            }
            each(self)?;
            read = read.saturating_add(1);
        }
        Ok(read)
    }

    fn string(
        &mut self,
        field: &'static str,
        major: Major,
        otherwise: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let len = self.definite(field, major, otherwise)?;
        // A length beyond memory is beyond the input as well.
        self.reader.bytes(field, usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn definite(
        &mut self,
        field: &'static str,
        major: Major,
        otherwise: &'static str,
    ) -> Result<u64, Malformed> {
        let here = self.clone();
        match self.head(field)? {
            Head { major: found, argument: Some(value) } if found == major => Ok(value),
            _ => Err(here.malformed(field, Problem::Encoding(otherwise))),
        }
    }

    /// Whether the next byte is this one, which is then passed.
    fn next_is(&mut self, field: &'static str, octet: u8) -> Result<bool, Malformed> {
        let mut ahead = self.reader.clone();
        let is = ahead.u8(field)? == octet;
        if is {
            self.reader = ahead;
        }
        Ok(is)
    }

    fn head(&mut self, field: &'static str) -> Result<Head, Malformed> {
        Head::read(&mut self.reader, field)
    }
}
