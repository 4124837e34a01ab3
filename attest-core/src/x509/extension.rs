//! Extensions, and those of them that any certificate may carry.

use der::asn1::OctetStringRef;
use der::{AnyRef, Decode, ErrorKind, Reader as _, SliceReader, Tag, Tagged};

use super::malformed;
use crate::error::{Malformed, Problem};

/// How many extensions one list may have. Vendors have at most 14.
const MAX_EXTENSIONS: usize = 32;

/// Content octets of object identifiers under 2.5.29.
pub mod id {
    /// keyUsage (RFC 5280, 4.2.1.3).
    pub const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    /// subjectAltName (RFC 5280, 4.2.1.6).
    pub const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    /// basicConstraints (RFC 5280, 4.2.1.9).
    pub const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    /// cRLNumber (RFC 5280, 5.2.3).
    pub const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
    /// authorityKeyIdentifier (RFC 5280, 4.2.1.1).
    pub const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
    /// extKeyUsage (RFC 5280, 4.2.1.12).
    pub const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
}

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// Content octets of the object identifier.
    pub id: &'a [u8],
    /// Whether a reader that does not know it must refuse.
    pub critical: bool,
    /// Content of the OCTET STRING.
    pub value: &'a [u8],
    /// Offset in the list of extensions.
    pub offset: usize,
}

/// Reads extensions one by one.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    structure: &'static str,
    field: &'static str,
    rest: &'a [u8],
    at: usize,
}

impl<'a> Extensions<'a> {
    /// The content of a list that was read.
    pub(super) const fn over(structure: &'static str, field: &'static str, content: &'a [u8]) -> Self {
        Self { structure, field, rest: content, at: 0 }
    }

    /// What is left of the list: all of it before the first step.
    pub(super) const fn content(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a list, `SEQUENCE SIZE (1..MAX) OF Extension`, from front to back, so that a later look cannot fail.
    pub(super) fn read(
        structure: &'static str,
        field: &'static str,
        list: &'a [u8],
    ) -> Result<Self, Malformed> {
        let content = || {
            let whole = AnyRef::try_from(list)?;
            whole.tag().assert_eq(Tag::Sequence)?;
            match whole.value() {
                [] => Err(ErrorKind::Length { tag: Tag::Sequence }.into()),
                content => Ok(content),
            }
        };
        let rest = content().map_err(|error| malformed(structure, field, error))?;
        let extensions = Self::over(structure, field, rest);
        let mut ids: [&[u8]; MAX_EXTENSIONS] = [&[]; MAX_EXTENSIONS];
        for (index, extension) in extensions.clone().enumerate() {
            let extension = extension?;
            let error = |problem| Malformed { structure, field, offset: extension.offset, problem };
            if ids.iter().take(index).any(|earlier| *earlier == extension.id) {
                return Err(error(Problem::Duplicate));
            }
            match ids.get_mut(index) {
                Some(slot) => *slot = extension.id,
                None => return Err(error(Problem::TooLarge { max: MAX_EXTENSIONS, actual: index })),
            }
        }
        Ok(extensions)
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.at;
        let mut read = || {
            let mut reader = SliceReader::new(self.rest)?;
            let extension = reader.sequence(|r| {
                let id = AnyRef::decode(r)?;
                id.tag().assert_eq(Tag::ObjectIdentifier)?;
                // FALSE is the default, so DER leaves it out.
                let critical = Tag::peek(r)? == Tag::Boolean;
                if critical && !bool::decode(r)? {
                    return Err(ErrorKind::Noncanonical { tag: Tag::Boolean }.into());
                }
                let value = <&OctetStringRef>::decode(r)?.as_bytes();
                Ok::<_, der::Error>(Extension { id: id.value(), critical, value, offset })
            })?;
            let used = usize::try_from(reader.position())?;
            self.rest = self.rest.get(used..).unwrap_or_default();
            self.at = self.at.saturating_add(used);
            Ok(extension)
        };
        let item = read();
        if item.is_err() {
            self.rest = &[];
        }
        Some(item.map_err(|error| malformed(self.structure, self.field, error)))
    }
}

/// keyUsage: what the key may be used for. At least one bit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// keyCertSign as AMD's intermediates write it: DER leaves out the zero bit behind it.
    const AMD: &[u8] = &[0x03, 0x02, 0x01, 0x04];

    pub(super) fn read(value: &[u8]) -> der::Result<Self> {
        let bits = AnyRef::try_from(value)?;
        bits.tag().assert_eq(Tag::BitString)?;
        let refuse = || Err(ErrorKind::Noncanonical { tag: Tag::BitString }.into());
        let (unused, first, second) = match *bits.value() {
            [unused, first] => (unused, first, 0),
            [unused, first, second] => (unused, first, second),
            _ => return Err(ErrorKind::Length { tag: Tag::BitString }.into()),
        };
        let last = if bits.value().len() == 2 { first } else { second };
        // A list of named bits ends at its last one (X.690, 11.2.2); so no octet is empty, and no bit after it is set.
        if last == 0 || (u32::from(unused) != last.trailing_zeros() && value != Self::AMD) {
            return refuse();
        }
        Ok(Self(u16::from_be_bytes([first, second])))
    }

    const fn bit(self, number: u16) -> bool {
        self.0 & (0x8000 >> number) != 0
    }

    /// Bit 0: signatures other than those on certificates and CRLs.
    pub const fn digital_signature(self) -> bool {
        self.bit(0)
    }

    /// Bit 2: encrypting keys.
    pub const fn key_encipherment(self) -> bool {
        self.bit(2)
    }

    /// Bit 4: key agreement.
    pub const fn key_agreement(self) -> bool {
        self.bit(4)
    }

    /// Bit 5: signatures on certificates.
    pub const fn key_cert_sign(self) -> bool {
        self.bit(5)
    }

    /// Bit 6: signatures on CRLs.
    pub const fn crl_sign(self) -> bool {
        self.bit(6)
    }
}

/// basicConstraints: whether the subject is an authority, and how many authorities may follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BasicConstraints {
    /// cA.
    pub ca: bool,
    /// pathLenConstraint.
    pub path_len: Option<u32>,
}

impl BasicConstraints {
    pub(super) fn read(value: &[u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(value)?;
        let constraints = reader.sequence(|r| {
            let ca = matches!(Tag::peek(r), Ok(Tag::Boolean));
            // FALSE is the default, so DER leaves it out.
            if ca && !bool::decode(r)? {
                return Err(ErrorKind::Noncanonical { tag: Tag::Boolean }.into());
            }
            // A path length of what is no authority means nothing, and is not allowed.
            let path_len = if ca && !r.is_finished() { Some(u32::decode(r)?) } else { None };
            Ok::<_, der::Error>(Self { ca, path_len })
        })?;
        reader.finish()?;
        Ok(constraints)
    }
}

/// extKeyUsage: at least one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purposes<'a>(&'a [u8]);

impl<'a> Purposes<'a> {
    pub(super) fn read(value: &'a [u8]) -> der::Result<Self> {
        let list = AnyRef::try_from(value)?;
        list.tag().assert_eq(Tag::Sequence)?;
        let mut reader = SliceReader::new(list.value())?;
        if reader.is_finished() {
            return Err(ErrorKind::Length { tag: Tag::Sequence }.into());
        }
        while !reader.is_finished() {
            AnyRef::decode(&mut reader)?.tag().assert_eq(Tag::ObjectIdentifier)?;
        }
        Ok(Self(list.value()))
    }

    /// Each purpose, as content octets of its object identifier.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        // `read` has walked the list once.
        let mut reader = SliceReader::new(self.0).ok();
        core::iter::from_fn(move || Some(AnyRef::decode(reader.as_mut()?).ok()?.value()))
    }

    /// Whether this purpose is among them; anyExtendedKeyUsage is a purpose like any other.
    pub fn contains(&self, purpose: &[u8]) -> bool {
        self.iter().any(|listed| listed == purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_bits_end_at_the_last_one() {
        let usage = KeyUsage::read(&[3, 2, 1, 6]).unwrap();
        assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
        let all = KeyUsage::read(&[3, 3, 7, 0xff, 0x80]).unwrap();
        assert!(all.digital_signature() && all.key_encipherment() && all.key_agreement());
        assert!(KeyUsage::read(&[3, 2, 1, 4]).unwrap().key_cert_sign(), "as AMD writes it");
        for bad in [
            &[3, 2, 0, 6][..],
            &[3, 2, 2, 6],
            &[3, 2, 0, 4],
            &[3, 2, 1, 0],
            &[3, 2, 8, 0],
            &[3, 3, 0, 6, 0],
            &[3, 1, 0],
            &[3, 0],
            &[3, 4, 0, 1, 1, 1],
            &[4, 2, 1, 6],
            &[3, 2, 1, 6, 0],
        ] {
            assert!(KeyUsage::read(bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn constraints_are_der() {
        let read = |bytes: &[u8]| BasicConstraints::read(bytes).ok().map(|read| (read.ca, read.path_len));
        assert_eq!(read(&[0x30, 0]), Some((false, None)));
        assert_eq!(read(&[0x30, 3, 1, 1, 0xff]), Some((true, None)));
        assert_eq!(read(&[0x30, 6, 1, 1, 0xff, 2, 1, 0]), Some((true, Some(0))));
        for bad in [
            &[0x30, 3, 1, 1, 0][..],
            &[0x30, 3, 1, 1, 1],
            &[0x30, 3, 2, 1, 0],
            &[0x30, 6, 1, 1, 0xff, 2, 1, 0x80],
            &[0x30, 7, 1, 1, 0xff, 2, 2, 0, 1],
            &[0x30, 9, 1, 1, 0xff, 2, 1, 0, 2, 1, 0],
            &[0x30, 0, 0],
            &[],
        ] {
            assert_eq!(read(bad), None, "{bad:02x?}");
        }
    }

    #[test]
    fn purposes_are_object_identifiers() {
        let purposes = Purposes::read(&[0x30, 7, 6, 2, 0x2a, 3, 6, 1, 0x2a]).unwrap();
        assert!(purposes.iter().eq([&[0x2a, 3][..], &[0x2a]]));
        for bad in [&[0x30, 0][..], &[0x30, 2, 5, 0], &[0x30, 3, 6, 1, 0x2a, 0], &[]] {
            assert!(Purposes::read(bad).is_err(), "{bad:02x?}");
        }
    }
}
