//! The one bounds-checked cursor. Every read names its field; an error carries that name and the offset.

use crate::checks::{Check, holds};
use crate::error::{Malformed, Problem};
use crate::values::Value;

/// Reads fixed layouts from a byte string, front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    structure: &'static str,
}

impl<'a> Reader<'a> {
    /// A cursor at the front of `bytes`; `structure` names the whole in errors.
    pub const fn new(structure: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, structure }
    }

    /// Where the next read starts, in bytes from the front.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer are left.
    pub fn bytes(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.get(..len) else {
            let problem = Problem::TooShort { needed: len, left: rest.len() };
            return Err(self.malformed(field, problem));
        };
        self.at = self.at.saturating_add(len);
        Ok(taken)
    }

    /// Whether all that is left is zeros, or all of it ones.
    pub(crate) fn is_filling(&self) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().all(|octet| *octet == 0) || rest.iter().all(|octet| *octet == 0xff)
    }

    /// Ends where a later cursor over the same bytes stands.
    pub(crate) fn cut(&mut self, later: &Self) {
        self.bytes = self.bytes.get(..later.at).unwrap_or_default();
    }

    /// What lies between this cursor and a later one over the same bytes.
    pub(crate) fn until(&self, later: &Self) -> &'a [u8] {
        self.bytes.get(self.at..later.at).unwrap_or_default()
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer are left.
    pub fn take<const N: usize>(&mut self, field: &'static str) -> Result<&'a [u8; N], Malformed> {
        let at = self.at;
        let taken = self.bytes(field, N)?;
        taken.try_into().map_err(|_| Malformed {
            structure: self.structure,
            field,
            offset: at,
            problem: Problem::TooShort { needed: N, left: taken.len() },
        })
    }

    /// One octet.
    ///
    /// # Errors
    /// [`Problem::TooShort`] at the end.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, Malformed> {
        let [octet] = *self.take::<1>(field)?;
        Ok(octet)
    }

    /// A little-endian 16-bit number.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer than two bytes are left.
    pub fn u16_le(&mut self, field: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(*self.take(field)?))
    }

    /// A big-endian 16-bit number.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer than two bytes are left.
    pub fn u16_be(&mut self, field: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(*self.take(field)?))
    }

    /// A big-endian 32-bit number.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer than four bytes are left.
    pub fn u32_be(&mut self, field: &'static str) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(*self.take(field)?))
    }

    /// A big-endian 64-bit number.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer than eight bytes are left.
    pub fn u64_be(&mut self, field: &'static str) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(*self.take(field)?))
    }

    /// A little-endian 32-bit number.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer than four bytes are left.
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(*self.take(field)?))
    }

    /// A little-endian 64-bit number.
    ///
    /// # Errors
    /// [`Problem::TooShort`] if fewer than eight bytes are left.
    pub fn u64_le(&mut self, field: &'static str) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(*self.take(field)?))
    }

    /// `len` bytes that the specification reserves; each must be zero.
    ///
    /// # Errors
    /// [`Problem::NotZero`] with the offset of the first byte that is not, under `check`.
    pub fn zero(&mut self, check: &'static Check, field: &'static str, len: usize) -> Result<(), Malformed> {
        let start = self.at;
        let reserved = self.bytes(field, len)?;
        match reserved.iter().enumerate().find(|(_, octet)| **octet != 0) {
            Some((index, octet)) if !holds(check, false) => Err(Malformed {
                structure: self.structure,
                field,
                offset: start.saturating_add(index),
                problem: Problem::NotZero { check, actual: *octet },
            }),
            _ => Ok(()),
        }
    }

    /// Says that nothing may be left.
    ///
    /// # Errors
    /// [`Problem::TooLong`] if something is.
    pub fn finish(self, field: &'static str) -> Result<(), Malformed> {
        match self.left() {
            0 => Ok(()),
            left => Err(self.malformed(field, Problem::TooLong { left })),
        }
    }

    /// An error at the current offset.
    pub const fn malformed(&self, field: &'static str, problem: Problem) -> Malformed {
        Malformed { structure: self.structure, field, offset: self.at, problem }
    }

    /// An error that says which value a field must have and which it has, `width` bytes back.
    pub fn unexpected(
        &self,
        check: &'static Check,
        field: &'static str,
        width: usize,
        expected: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> Malformed {
        Malformed {
            structure: self.structure,
            field,
            offset: self.at.saturating_sub(width),
            problem: Problem::value(check, expected, actual),
        }
    }
}
