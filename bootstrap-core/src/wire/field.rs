//! How values of the rules are written and read.

use std::ops::Deref;

use attest_core::UnixTime;
use attest_core::cbor::{Decoder, Encoder, Fields};
use attest_core::error::{Malformed, Problem};
use std::time::Duration;

use super::error::Error;
use crate::error::Code;
use crate::ids::{
    AttemptId, BootId, ClusterId, ConfigDigest, DiskId, KeyEpoch, KeyId, MachineId, NodeId, ReferenceSetId,
    Role, ShareSetId, StatementHash, TokenId, VoucherId,
};
use crate::keys::Secret;

/// A value of a rule, as one CBOR item.
pub trait Field: Sized {
    /// Writes it.
    fn encode(&self, encoder: &mut Encoder<'_>);

    /// Reads it; `field` names it in errors.
    ///
    /// # Errors
    /// [`Malformed`] for any item that the rule does not allow.
    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed>;
}

/// Reads `bytes`, of which there are at most `max`, as one item and nothing else.
pub(super) fn whole<T: Field>(rule: &'static str, bytes: &[u8], max: usize) -> Result<T, Malformed> {
    let mut decoder = Decoder::new(rule, bytes, max)?;
    let value = T::decode(rule, &mut decoder)?;
    decoder.finish(rule)?;
    Ok(value)
}

/// Writes one item.
pub(super) fn written<T: Field>(value: &T) -> Vec<u8> {
    let mut encoder = Encoder::with_capacity(Encoder::measure(|encoder| value.encode(encoder)));
    value.encode(&mut encoder);
    encoder.into_bytes()
}

/// A map of a rule; made by `record!`.
pub(super) trait Record: Sized {
    /// Name of the rule.
    const RULE: &'static str;
    /// What key 0 holds, where that is a constant.
    const TAG: Option<u64>;

    /// How many pairs it has, the constant one included.
    fn pairs(&self) -> usize;

    /// Writes the pairs behind the constant one.
    fn write(&self, encoder: &mut Encoder<'_>);

    /// Reads the pairs behind the constant one.
    fn read(fields: &mut Fields<'_, '_>) -> Result<Self, Malformed>;
}

impl<R: Record> Field for R {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.map(self.pairs());
        if let Some(tag) = Self::TAG {
            encoder.uint(0).uint(tag);
        }
        self.write(encoder);
    }

    fn decode(_: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.fields(Self::RULE, |fields| {
            if let Some(tag) = Self::TAG {
                fields.required("kind", 0, |decoder| decoder.uint_in("kind", tag..=tag))?;
            }
            Self::read(fields)
        })
    }
}

/// The place of a value in a map: one that must be filled, or one that may be left out.
pub(super) trait Slot: Sized {
    fn is_present(&self) -> bool;
    fn write(key: u64, value: &Self, encoder: &mut Encoder<'_>);
    fn read(field: &'static str, key: u64, fields: &mut Fields<'_, '_>) -> Result<Self, Malformed>;
}

impl<T: Field> Slot for T {
    fn is_present(&self) -> bool {
        true
    }

    fn write(key: u64, value: &Self, encoder: &mut Encoder<'_>) {
        value.encode(encoder.uint(key));
    }

    fn read(field: &'static str, key: u64, fields: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        fields.required(field, key, |decoder| T::decode(field, decoder))
    }
}

impl<T: Field> Slot for Option<T> {
    fn is_present(&self) -> bool {
        self.is_some()
    }

    fn write(key: u64, value: &Self, encoder: &mut Encoder<'_>) {
        if let Some(value) = value {
            value.encode(encoder.uint(key));
        }
    }

    fn read(field: &'static str, key: u64, fields: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        fields.optional(key, |decoder| T::decode(field, decoder))
    }
}

/// Refuses a field that another one excludes.
pub(super) fn absent(field: &'static str, key: u64, fields: &mut Fields<'_, '_>) -> Result<(), Malformed> {
    let stands = fields.optional(key, |decoder| {
        let error = decoder.malformed(field, Problem::Type("absent here, as another field says"));
        decoder.skip(field).map(|()| error)
    })?;
    stands.map_or(Ok(()), Err)
}

/// Key 0 where it says which of several maps this is, and the error for one that is none of them.
pub(super) fn kind(
    fields: &mut Fields<'_, '_>,
    unknown: &'static str,
) -> Result<(u64, Malformed), Malformed> {
    fields.required("kind", 0, |decoder| {
        let unknown = decoder.malformed("kind", Problem::Encoding(unknown));
        Ok((decoder.uint("kind")?, unknown))
    })
}

/// An array of `MIN` to `MAX` items.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct List<T, const MIN: usize, const MAX: usize>(Vec<T>);

impl<T, const MIN: usize, const MAX: usize> List<T, MIN, MAX> {
    /// A list of these items.
    ///
    /// # Errors
    /// [`Error::Count`] for fewer than `MIN` or more than `MAX`.
    pub fn new(items: Vec<T>) -> Result<Self, Error> {
        match (MIN..=MAX).contains(&items.len()) {
            true => Ok(Self(items)),
            false => Err(Error::Count { min: MIN, max: MAX, actual: items.len() }),
        }
    }

    /// The items.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The list with each item turned by `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<List<U, MIN, MAX>, E> {
        self.0.into_iter().map(f).collect::<Result<_, _>>().map(List)
    }
}

impl<T, const MAX: usize> Default for List<T, 0, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MIN: usize, const MAX: usize> Deref for List<T, MIN, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T, const MIN: usize, const MAX: usize> IntoIterator for &'a List<T, MIN, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Field, const MIN: usize, const MAX: usize> Field for List<T, MIN, MAX> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.array(self.0.len());
        self.0.iter().for_each(|item| item.encode(encoder));
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut items = Vec::new();
        decoder.items(field, MIN..=MAX, |decoder| {
            items.push(T::decode(field, decoder)?);
            Ok(())
        })?;
        Ok(Self(items))
    }
}

/// `bstr .cbor x`: a value, and the bytes that it was read from. Unknown fields stand in the bytes only, and hashes are over the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoded<T> {
    bytes: Vec<u8>,
    value: T,
}

impl<T: Field> Encoded<T> {
    /// A value that was made here, with its encoding.
    pub fn new(value: T) -> Self {
        Self { bytes: written(&value), value }
    }

    /// Reads bytes that came by another way.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless they are one item of the rule and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::read("encoded", bytes)?)
    }

    fn read(field: &'static str, bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { value: whole(field, bytes, MAX_ENCODED)?, bytes: bytes.to_vec() })
    }
}

impl<T> Encoded<T> {
    /// The bytes as received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they say.
    pub const fn value(&self) -> &T {
        &self.value
    }
}

impl<T: Field> Field for Encoded<T> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.bytes(&self.bytes);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Self::read(field, decoder.bytes(field)?)
    }
}

/// The largest value inside a byte string, in bytes: genesis records and requests for one.
const MAX_ENCODED: usize = 16 * 1024;

macro_rules! fixed {
    ($($name:ident)*) => {
        $(
            impl Field for $name {
                fn encode(&self, encoder: &mut Encoder<'_>) {
                    encoder.bytes(self.as_bytes());
                }

                fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
                    array(field, decoder).map(Self::new)
                }
            }
        )*
    };
}

fixed! {
    AttemptId BootId ClusterId ConfigDigest DiskId KeyId MachineId NodeId ReferenceSetId ShareSetId StatementHash TokenId VoucherId
}

impl<const N: usize> Field for [u8; N] {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.bytes(self);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        array(field, decoder)
    }
}

/// A byte string of one size. Another size is another type, not a bound that was passed.
fn array<const N: usize>(field: &'static str, decoder: &mut Decoder<'_>) -> Result<[u8; N], Malformed> {
    let here = decoder.clone();
    let bytes = decoder.bytes(field)?;
    bytes.try_into().map_err(|_| here.malformed(field, bounds(N, N, bytes.len())))
}

/// A count outside `min` to `max`.
pub(super) fn bounds(min: usize, max: usize, actual: usize) -> Problem {
    let wide = |count| u64::try_from(count).unwrap_or(u64::MAX);
    Problem::OutOfRange { min: wide(min), max: wide(max), actual: wide(actual) }
}

impl Field for Secret {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.bytes(self.expose());
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let here = decoder.clone();
        Self::new(field, decoder.bytes(field)?)
            .map_err(|_| here.malformed(field, Problem::Type("32 secret bytes that are not all zero")))
    }
}

macro_rules! unsigned {
    ($($name:ident)*) => {
        $(
            impl Field for $name {
                fn encode(&self, encoder: &mut Encoder<'_>) {
                    encoder.uint(u64::from(*self));
                }

                fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
                    let here = decoder.clone();
                    let value = decoder.uint_in(field, 0..=u64::from(Self::MAX))?;
                    Self::try_from(value).map_err(|_| here.malformed(field, Problem::Type("an integer of its size")))
                }
            }
        )*
    };
}

unsigned! { u8 u16 u32 u64 }

impl Field for bool {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.boolean(*self);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.boolean(field)
    }
}

impl Field for UnixTime {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.uint(self.as_secs());
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        decoder.uint(field).map(Duration::from_secs).map(Self::since_unix_epoch)
    }
}

impl Field for Code {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.number().encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        u8::decode(field, decoder).map(Self::new)
    }
}

impl Field for Role {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.number().encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let here = decoder.clone();
        Self::from_number(u8::decode(field, decoder)?)
            .ok_or_else(|| here.malformed(field, Problem::Type("a role")))
    }
}

impl Field for KeyEpoch {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.number().encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let here = decoder.clone();
        Self::new(u32::decode(field, decoder)?)
            .ok_or_else(|| here.malformed(field, Problem::Type("an epoch")))
    }
}
