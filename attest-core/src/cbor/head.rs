//! The front of every item (RFC 8949, 3): one reader of it for the strict layer and for what others write.

use crate::error::{Malformed, Problem};
use crate::reader::Reader;

/// Major types (RFC 8949, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Major {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Simple,
}

impl Major {
    const fn of(first: u8) -> Self {
        match first >> 5 {
            0 => Self::Unsigned,
            1 => Self::Negative,
            2 => Self::Bytes,
            3 => Self::Text,
            4 => Self::Array,
            5 => Self::Map,
            6 => Self::Tag,
            _ => Self::Simple,
        }
    }
}

/// The front of an item: its type and its argument; `None` is an indefinite length, or a break.
pub(super) struct Head {
    pub(super) major: Major,
    pub(super) argument: Option<u64>,
}

impl Head {
    /// Reads one head, which must be the shortest (4.1): so equal values have equal bytes.
    pub(super) fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, Malformed> {
        let here = r.clone();
        let first = r.u8(field)?;
        let major = Major::of(first);
        let (value, least) = match first & 0x1f {
            small @ 0..=23 => (u64::from(small), 0),
            24 => (u64::from(r.u8(field)?), 24),
            25 => (u64::from(r.u16_be(field)?), 0x100),
            26 => (u64::from(r.u32_be(field)?), 0x1_0000),
            27 => (r.u64_be(field)?, 0x1_0000_0000),
            31 => return Ok(Self { major, argument: None }),
            _ => return Err(here.malformed(field, Problem::Encoding("a head that RFC 8949 reserves"))),
        };
        let shortest = match (major, least) {
            // Simple values below 32 have one byte only (3.3); what is longer is a float, of any value.
            (Major::Simple, 24) => value >= 32,
            (Major::Simple, _) => true,
            (_, least) => value >= least,
        };
        match shortest {
            true => Ok(Self { major, argument: Some(value) }),
            false => Err(here.malformed(field, Problem::Encoding("a head that is not the shortest"))),
        }
    }
}
