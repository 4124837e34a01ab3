//! Reads deterministic CBOR, and nothing else.

use core::ops::RangeInclusive;

use super::head::{Head, Major};
use crate::error::{Malformed, Problem};
use crate::reader::Reader;

/// How deep items may be nested, the outermost container counting as one.
pub const MAX_DEPTH: usize = 8;

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

/// Reads items in order. Every read names its field; an error carries that name and the offset.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    reader: Reader<'a>,
    depth: usize,
    skipped: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder at the front of `bytes`, of which there are at most `max`; `structure` names the whole in errors.
    ///
    /// # Errors
    /// [`Problem::TooLarge`] for more than `max` bytes.
    pub const fn new(structure: &'static str, bytes: &'a [u8], max: usize) -> Result<Self, Malformed> {
        let reader = Reader::new(structure, bytes);
        let actual = bytes.len();
        match actual > max {
            true => Err(reader.malformed("length", Problem::TooLarge { max, actual })),
            false => Ok(Self { reader, depth: 0, skipped: 0 }),
        }
    }

    /// Where the next item starts, in bytes from the front.
    pub const fn offset(&self) -> usize {
        self.reader.offset()
    }

    /// How many pairs were skipped because their keys are not known: what is read again from a copy lacks them.
    pub const fn skipped(&self) -> usize {
        self.skipped
    }

    /// The cursor at the next item.
    pub(crate) const fn reader(&self) -> &Reader<'a> {
        &self.reader
    }

    /// An error at the next item.
    pub const fn malformed(&self, field: &'static str, problem: Problem) -> Malformed {
        self.reader.malformed(field, problem)
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`Malformed`] for another item.
    pub fn uint(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.argument(field, Major::Unsigned, "an unsigned integer")
    }

    /// An unsigned integer in this range.
    ///
    /// # Errors
    /// [`Malformed`] for another item, [`Problem::OutOfRange`] for another value.
    pub fn uint_in(&mut self, field: &'static str, range: RangeInclusive<u64>) -> Result<u64, Malformed> {
        let here = self.clone();
        let actual = self.uint(field)?;
        match range.contains(&actual) {
            true => Ok(actual),
            false => {
                let problem = Problem::OutOfRange { min: *range.start(), max: *range.end(), actual };
                Err(here.malformed(field, problem))
            }
        }
    }

    /// An integer.
    ///
    /// # Errors
    /// [`Malformed`] for another item.
    pub fn int(&mut self, field: &'static str) -> Result<i128, Malformed> {
        let here = self.clone();
        int(&Head::read(&mut self.reader, field)?)
            .ok_or_else(|| here.malformed(field, Problem::Type("an integer")))
    }

    /// True or false.
    ///
    /// # Errors
    /// [`Malformed`] for another item.
    pub fn boolean(&mut self, field: &'static str) -> Result<bool, Malformed> {
        let here = self.clone();
        match self.reader.u8(field)? {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(here.malformed(field, Problem::Type("true or false"))),
        }
    }

    /// Whether the next item is null, which is then passed.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn null(&mut self, field: &'static str) -> Result<bool, Malformed> {
        let mut ahead = self.reader.clone();
        let is = ahead.u8(field)? == NULL;
        if is {
            self.reader = ahead;
        }
        Ok(is)
    }

    /// A text string.
    ///
    /// # Errors
    /// [`Malformed`] for another item, and for text that is not UTF-8.
    pub fn text(&mut self, field: &'static str) -> Result<&'a str, Malformed> {
        let here = self.clone();
        let octets = self.string(field, Major::Text, "a text string")?;
        core::str::from_utf8(octets).map_err(|_| here.malformed(field, Problem::Encoding("not UTF-8")))
    }

    /// A byte string.
    ///
    /// # Errors
    /// [`Malformed`] for another item.
    pub fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        self.string(field, Major::Bytes, "a byte string")
    }

    /// The head of a map of exactly `len` pairs.
    ///
    /// # Errors
    /// [`Malformed`] for another item.
    pub fn map(&mut self, field: &'static str, len: usize) -> Result<(), Malformed> {
        let here = self.clone();
        match self.argument(field, Major::Map, "a map")? == u64::try_from(len).unwrap_or(u64::MAX) {
            true => Ok(()),
            false => Err(here.malformed(field, Problem::Encoding("a map of another size"))),
        }
    }

    /// A map of `len` pairs, or of one more that may be left out; whether that one is there.
    ///
    /// # Errors
    /// [`Malformed`] for anything else.
    pub(crate) fn map_with_optional(&mut self, field: &'static str, len: usize) -> Result<bool, Malformed> {
        let before = self.clone();
        if self.map(field, len).is_ok() {
            return Ok(false);
        }
        *self = before;
        self.map(field, len.saturating_add(1)).map(|()| true)
    }

    /// The map key `key`, and no other.
    ///
    /// # Errors
    /// [`Malformed`] for another item.
    pub fn key(&mut self, field: &'static str, key: u8) -> Result<(), Malformed> {
        let here = self.clone();
        match self.uint(field)? == u64::from(key) {
            true => Ok(()),
            false => Err(here.malformed(field, Problem::Encoding("another key than this one"))),
        }
    }

    /// The head of an array of at most `max` items; how many there are.
    ///
    /// # Errors
    /// [`Malformed`] for another item.
    pub fn array(&mut self, field: &'static str, max: usize) -> Result<usize, Malformed> {
        let here = self.clone();
        let count = self.argument(field, Major::Array, "an array")?;
        // A length beyond memory is beyond any bound.
        let actual = usize::try_from(count).unwrap_or(usize::MAX);
        match actual > max {
            true => Err(here.malformed(field, Problem::TooLarge { max, actual })),
            false => Ok(actual),
        }
    }

    /// An array with so many items as `counts` allows, each read by `each`.
    ///
    /// # Errors
    /// [`Malformed`] in the words of `each`, and for another item or another count.
    pub fn items(
        &mut self,
        field: &'static str,
        counts: RangeInclusive<usize>,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let here = self.clone();
        let count = self.array(field, *counts.end())?;
        if count < *counts.start() {
            return Err(here.malformed(field, Problem::TooFew { min: *counts.start(), actual: count }));
        }
        self.deeper(field, |decoder| (0..count).try_for_each(|_| each(decoder)))
    }

    /// An array of exactly `len` items, which `read` reads.
    ///
    /// # Errors
    /// [`Malformed`] in the words of `read`, and for another item or another count.
    pub fn tuple<T>(
        &mut self,
        field: &'static str,
        len: u64,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let here = self.clone();
        let actual = self.argument(field, Major::Array, "an array")?;
        match actual == len {
            true => self.deeper(field, read),
            false => Err(here.malformed(field, Problem::OutOfRange { min: len, max: len, actual })),
        }
    }

    /// A map whose fields `read` takes in ascending order of their keys. Unknown keys of zero or more are skipped, unknown negative
    /// keys are refused.
    ///
    /// # Errors
    /// [`Malformed`] in the words of `read`; [`Problem::Critical`] for a negative key; and for another item, for keys that are not
    /// integers, out of order or twice.
    pub fn fields<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Fields<'_, 'a>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let left = self.argument(field, Major::Map, "a map")?;
        self.deeper(field, |decoder| {
            let mut fields = Fields { decoder, left, last: None, field };
            let value = read(&mut fields)?;
            fields.close()?;
            Ok(value)
        })
    }

    /// One item of any kind, which nobody reads. It must be deterministic all the same.
    ///
    /// # Errors
    /// [`Malformed`] if it is not, or if it is nested deeper than [`MAX_DEPTH`].
    pub fn skip(&mut self, field: &'static str) -> Result<(), Malformed> {
        let here = self.clone();
        let head = Head::read(&mut self.reader, field)?;
        match (head.major, head.argument) {
            (Major::Unsigned | Major::Negative, Some(_)) => Ok(()),
            (Major::Bytes, Some(_)) => {
                *self = here;
                self.bytes(field).map(drop)
            }
            (Major::Text, Some(_)) => {
                *self = here;
                self.text(field).map(drop)
            }
            (Major::Array, Some(count)) => {
                self.deeper(field, |decoder| (0..count).try_for_each(|_| decoder.skip(field)))
            }
            (Major::Map, Some(count)) => self.deeper(field, |decoder| {
                let mut last = None;
                (0..count).try_for_each(|_| {
                    let front = decoder.reader.clone();
                    match Head::read(&mut front.clone(), field)?.major {
                        Major::Unsigned | Major::Negative | Major::Bytes | Major::Text => {
                            decoder.skip(field)?
                        }
                        Major::Array | Major::Map | Major::Tag | Major::Simple => {
                            let problem = Problem::Encoding("a key that is neither integer nor string");
                            return Err(front.malformed(field, problem));
                        }
                    }
                    in_order(&mut last, &front, &decoder.reader, field)?;
                    decoder.skip(field)
                })
            }),
            (Major::Simple, Some(20..=22)) => Ok(()),
            (Major::Simple | Major::Tag, Some(_)) => {
                Err(here.malformed(field, Problem::Encoding("a tag, a float or another simple value")))
            }
            (_, None) => Err(here.malformed(field, Problem::Encoding(INDEFINITE))),
        }
    }

    /// Says that nothing may be left.
    ///
    /// # Errors
    /// [`Problem::TooLong`] if something is.
    pub fn finish(self, field: &'static str) -> Result<(), Malformed> {
        self.reader.finish(field)
    }

    fn deeper<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let actual = self.depth.saturating_add(1);
        if actual > MAX_DEPTH {
            return Err(self.malformed(field, Problem::TooLarge { max: MAX_DEPTH, actual }));
        }
        self.depth = actual;
        let value = read(self)?;
        // An error ends all reading, so the depth matters on this way only.
        self.depth = actual.saturating_sub(1);
        Ok(value)
    }

    fn string(
        &mut self,
        field: &'static str,
        major: Major,
        expected: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let len = self.argument(field, major, expected)?;
        // A length beyond memory is beyond the input as well.
        self.reader.bytes(field, usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn argument(
        &mut self,
        field: &'static str,
        major: Major,
        expected: &'static str,
    ) -> Result<u64, Malformed> {
        let here = self.clone();
        match Head::read(&mut self.reader, field)? {
            Head { major: found, argument } if found == major => {
                argument.ok_or_else(|| here.malformed(field, Problem::Encoding(INDEFINITE)))
            }
            _ => Err(here.malformed(field, Problem::Type(expected))),
        }
    }
}

const INDEFINITE: &str = "an indefinite length, or a break";

/// The fields of one map, taken in ascending order of their keys.
#[derive(Debug)]
pub struct Fields<'d, 'a> {
    decoder: &'d mut Decoder<'a>,
    left: u64,
    /// The last key, as it is encoded.
    last: Option<&'a [u8]>,
    field: &'static str,
}

impl<'a> Fields<'_, 'a> {
    /// The value of `key`, which must be there.
    ///
    /// # Errors
    /// [`Problem::Absent`] if it is not; [`Malformed`] in the words of `read`.
    pub fn required<T>(
        &mut self,
        field: &'static str,
        key: u64,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        if self.find(key)? {
            return read(self.decoder);
        }
        let absent = self.decoder.malformed(field, Problem::Absent);
        // Where a later version replaced the field by a critical one, that is the telling error.
        self.close()?;
        Err(absent)
    }

    /// The value of `key`, if it is there.
    ///
    /// # Errors
    /// [`Malformed`] in the words of `read`.
    pub fn optional<T>(
        &mut self,
        key: u64,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.find(key)? {
            true => read(self.decoder).map(Some),
            false => Ok(None),
        }
    }

    /// Goes to the value of `key`, past smaller keys that nobody asked for; stays before a larger one.
    fn find(&mut self, wanted: u64) -> Result<bool, Malformed> {
        while let Some((key, after)) = self.peek()? {
            if key > i128::from(wanted) || key < 0 {
                return Ok(false);
            }
            self.pass(after)?;
            if key == i128::from(wanted) {
                return Ok(true);
            }
            self.decoder.skipped = self.decoder.skipped.saturating_add(1);
            self.decoder.skip(self.field)?;
        }
        Ok(false)
    }

    /// Skips what is left, and refuses critical keys.
    fn close(&mut self) -> Result<(), Malformed> {
        while let Some((key, after)) = self.peek()? {
            if key < 0 {
                return Err(self.decoder.malformed(self.field, Problem::Critical { key }));
            }
            self.pass(after)?;
            self.decoder.skipped = self.decoder.skipped.saturating_add(1);
            self.decoder.skip(self.field)?;
        }
        Ok(())
    }

    /// The next key, and the reader behind it.
    fn peek(&self) -> Result<Option<(i128, Reader<'a>)>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut after = self.decoder.reader.clone();
        match int(&Head::read(&mut after, self.field)?) {
            Some(key) => Ok(Some((key, after))),
            None => Err(self.decoder.malformed(self.field, Problem::Type("an integer as key"))),
        }
    }

    fn pass(&mut self, after: Reader<'a>) -> Result<(), Malformed> {
        in_order(&mut self.last, &self.decoder.reader, &after, self.field)?;
        self.decoder.reader = after;
        self.left = self.left.saturating_sub(1);
        Ok(())
    }
}

/// The integer of a head, if it is one.
fn int(head: &Head) -> Option<i128> {
    match head {
        Head { major: Major::Unsigned, argument: Some(value) } => Some(i128::from(*value)),
        // -1 - n is n with every bit turned.
        Head { major: Major::Negative, argument: Some(value) } => Some(!i128::from(*value)),
        _ => None,
    }
}

/// Demands that the key between two readers is above the last one (RFC 8949, 4.2.1), and makes it the last.
fn in_order<'a>(
    last: &mut Option<&'a [u8]>,
    front: &Reader<'a>,
    after: &Reader<'a>,
    field: &'static str,
) -> Result<(), Malformed> {
    let key = front.until(after);
    match last.replace(key) {
        Some(before) if before == key => Err(front.malformed(field, Problem::Duplicate)),
        Some(before) if before > key => {
            Err(front.malformed(field, Problem::Encoding("a key that is out of order")))
        }
        _ => Ok(()),
    }
}
