//! Distinguished names, read as far as vendors write them: one attribute to a level, in printable or UTF-8 form.

use der::{AnyRef, Decode, Reader as _, SliceReader, Tag, Tagged};

use super::malformed;
use crate::error::Malformed;

/// A distinguished name, as received. Two names are equal if their bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    der: &'a [u8],
    common_name: Option<&'a str>,
}

/// An attribute type under 2.5.4: common name and its kin.
pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

impl<'a> Name<'a> {
    /// No name at all, for a structure under construction.
    pub(super) const EMPTY: Self = Self { der: &[], common_name: None };

    /// Reads a name.
    ///
    /// # Errors
    /// [`Malformed`] for a level with several attributes, or text that is neither printable nor UTF-8.
    pub fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut name = Self { der, common_name: None };
        let mut found = None;
        name.for_each(|kind, value| {
            if kind == COMMON_NAME {
                found = Some(value);
            }
        })?;
        name.common_name = found;
        Ok(name)
    }

    /// The name in DER, tag and length included.
    pub const fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// Whether it names nothing. A TPM's certificate has such a subject, and says who it is in subjectAltName.
    pub const fn is_empty(&self) -> bool {
        matches!(self.der, [] | [0x30, 0])
    }

    /// The common name, the last if there are several.
    pub const fn common_name(&self) -> Option<&'a str> {
        self.common_name
    }

    /// Calls `f` with each attribute's type (content octets of its object identifier) and text, in order.
    ///
    /// # Errors
    /// [`Malformed`] for a level with several attributes, or text that is neither printable nor UTF-8.
    pub fn for_each(&self, mut f: impl FnMut(&'a [u8], &'a str)) -> Result<(), Malformed> {
        let mut read = || {
            let mut reader = SliceReader::new(self.der)?;
            reader.sequence(|levels| {
                while !levels.is_finished() {
                    let set = AnyRef::decode(levels)?;
                    set.tag().assert_eq(Tag::Set)?;
                    let mut level = SliceReader::new(set.value())?;
                    level.sequence(|attribute| {
                        let kind = AnyRef::decode(attribute)?;
                        kind.tag().assert_eq(Tag::ObjectIdentifier)?;
                        let value = AnyRef::decode(attribute)?;
                        let actual = value.tag();
                        if !matches!(actual, Tag::PrintableString | Tag::Utf8String | Tag::Ia5String) {
                            let expected = Some(Tag::Utf8String);
                            return Err(der::ErrorKind::TagUnexpected { expected, actual }.into());
                        }
                        f(kind.value(), core::str::from_utf8(value.value())?);
                        Ok::<_, der::Error>(())
                    })?;
                    level.finish()?;
                }
                Ok::<_, der::Error>(())
            })?;
            reader.finish()
        };
        read().map_err(|error| malformed("certificate", "name", error))
    }
}
