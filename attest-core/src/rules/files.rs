//! Reading and writing rules, with errors that say what the file must say.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Abi, Firmware, Floors, Instant, Limit, Mask, Octets, OneOf};
use crate::crypto::HashAlgorithm;
use crate::tee::snp::Part;

mod masked;
mod registers;

/// A value that stands in a policy file as text or as a number.
trait Written: Sized {
    /// What the file must say, for errors.
    const FORM: &'static str;

    /// Reads text; `None` if it is not of the form.
    fn read(text: &str) -> Option<Self>;

    /// Reads a number, for values that are written as one.
    fn read_number(_number: u64) -> Option<Self> {
        None
    }

    /// Writes the value back: a number as `Ok`, text as `Err`.
    fn write(&self) -> Result<u64, String>;
}

/// One written value.
struct Item<T>(T);

impl<T: Written> Serialize for Item<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.write() {
            Ok(number) => serializer.serialize_u64(number),
            Err(text) => serializer.serialize_str(&text),
        }
    }
}

impl<'de, T: Written> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One<T>(PhantomData<T>);
        impl<T: Written> Visitor<'_> for One<T> {
            type Value = Item<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::FORM)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                T::read(text)
                    .map(Item)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                let unexpected = serde::de::Unexpected::Unsigned(number);
                T::read_number(number).map(Item).ok_or_else(|| E::invalid_value(unexpected, &self))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                let unexpected = serde::de::Unexpected::Signed(number);
                let read = u64::try_from(number).ok().and_then(T::read_number);
                read.map(Item).ok_or_else(|| E::invalid_value(unexpected, &self))
            }
        }
        deserializer.deserialize_any(One(PhantomData))
    }
}

impl<T: Written> Serialize for OneOf<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::Listed(listed) => {
                let mut list = serializer.serialize_seq(Some(listed.len()))?;
                listed.iter().try_for_each(|value| list.serialize_element(&Item(value)))?;
                list.end()
            }
        }
    }
}

impl<'de, T: Written> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Written> Visitor<'de> for List<T> {
            type Value = OneOf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"any\", or a list of {}", T::FORM)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "any" => Ok(OneOf::Any),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut listed = Vec::new();
                while let Some(Item(value)) = items.next_element()? {
                    listed.push(value);
                }
                Ok(OneOf::Listed(listed))
            }
        }
        deserializer.deserialize_any(List(PhantomData))
    }
}

impl<T: Written> Serialize for Limit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::To(bound) => Item(bound).serialize(serializer),
        }
    }
}

/// A bound as it is written: `any`, or a value.
struct Bound<T>(Option<T>);

impl<T: Written> Written for Bound<T> {
    const FORM: &'static str = T::FORM;

    fn read(text: &str) -> Option<Self> {
        if text == "any" { Some(Self(None)) } else { T::read(text).map(Some).map(Self) }
    }

    fn read_number(number: u64) -> Option<Self> {
        T::read_number(number).map(Some).map(Self)
    }

    fn write(&self) -> Result<u64, String> {
        self.0.as_ref().map_or_else(|| Err("any".to_string()), T::write)
    }
}

impl<'de, T: Written> Deserialize<'de> for Limit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Item(Bound(bound)) = Item::<Bound<T>>::deserialize(deserializer)?;
        Ok(bound.map_or(Self::Any, Self::To))
    }
}

impl<T: Serialize> Serialize for Floors<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::PerPart(floors) => {
                let mut map = serializer.serialize_map(Some(floors.len()))?;
                floors.iter().try_for_each(|(part, floor)| map.serialize_entry(part.name(), floor))?;
                map.end()
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Floors<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Floors<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"any\", or a minimum for each part")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "any" => Ok(Floors::Any),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                const NAMES: &[&str] =
                    &["milan", "milan-x", "genoa", "genoa-x", "siena", "turin", "turin-dense"];
                let mut floors = BTreeMap::new();
                while let Some(name) = entries.next_key::<String>()? {
                    let part = Part::from_name(&name).ok_or_else(|| A::Error::unknown_field(&name, NAMES))?;
                    if floors.insert(part, entries.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field(part.name()));
                    }
                }
                Ok(Floors::PerPart(floors))
            }
        }
        deserializer.deserialize_any(Parts(PhantomData))
    }
}

/// For single values inside other structures.
macro_rules! single {
    ($([$($generic:tt)*] $type:ty),*) => {$(
        impl<$($generic)*> Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Item(self).serialize(serializer)
            }
        }

        impl<'de, $($generic)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Item::deserialize(deserializer).map(|Item(value)| value)
            }
        }
    )*};
}

single!([] Firmware, [] Instant, [] crate::tee::tdx::ExceptionName, [const N: usize] Octets<N>);

impl Written for Instant {
    const FORM: &'static str = "a time in UTC such as \"2026-12-31T00:00:00Z\"";

    fn read(text: &str) -> Option<Self> {
        text.parse::<der::DateTime>().ok().map(|time| Self(time.unix_duration().as_secs()))
    }

    fn write(&self) -> Result<u64, String> {
        Err(alloc::format!("{}", crate::values::Value::Time(self.0)))
    }
}

impl Written for crate::tee::tdx::ExceptionName {
    const FORM: &'static str = "a name of 1 to 64 bytes";

    fn read(text: &str) -> Option<Self> {
        Self::new(text)
    }

    fn write(&self) -> Result<u64, String> {
        Err(self.as_str().into())
    }
}

impl<const N: usize> Written for Octets<N> {
    const FORM: &'static str = <[u8; N]>::FORM;

    fn read(text: &str) -> Option<Self> {
        <[u8; N]>::read(text).map(Self)
    }

    fn write(&self) -> Result<u64, String> {
        self.0.write()
    }
}

impl Written for Firmware {
    const FORM: &'static str = "a version such as \"1.55.35\"";

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(number);
        let version = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(Self(version))
    }

    fn write(&self) -> Result<u64, String> {
        let [major, minor, build] = self.0;
        Err(alloc::format!("{major}.{minor}.{build}"))
    }
}

/// A part of a version: `parse` alone would take a sign.
fn number(digits: &str) -> Option<u8> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

impl Written for Abi {
    const FORM: &'static str = "a version such as \"1.51\"";

    fn read(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self([number(major)?, number(minor)?]))
    }

    fn write(&self) -> Result<u64, String> {
        let [major, minor] = self.0;
        Err(alloc::format!("{major}.{minor}"))
    }
}

impl Written for Mask {
    const FORM: &'static str = "a bit mask such as \"0xb\"";

    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x")?;
        // `from_str_radix` would take a sign.
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        plain.then(|| u64::from_str_radix(digits, 16).ok().map(Self)).flatten()
    }

    fn write(&self) -> Result<u64, String> {
        Err(alloc::format!("{:#x}", self.0))
    }
}

impl<const N: usize> Written for [u8; N] {
    const FORM: &'static str = "hexadecimal digits, two for each byte of the field";

    fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        if text.len() != N.checked_mul(2)? {
            return None;
        }
        for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits =
                core::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|d| d.is_ascii_hexdigit()))?;
            *slot = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(bytes)
    }

    fn write(&self) -> Result<u64, String> {
        Err(alloc::format!("{}", crate::values::Hex(self)))
    }
}

impl Written for u32 {
    const FORM: &'static str = "a number from 0 to 4294967295";

    fn read(_text: &str) -> Option<Self> {
        None
    }

    fn read_number(number: u64) -> Option<Self> {
        Self::try_from(number).ok()
    }

    fn write(&self) -> Result<u64, String> {
        Ok(u64::from(*self))
    }
}

impl Written for u64 {
    const FORM: &'static str = "a number, or one in hexadecimal such as \"0x20190106\"";

    fn read(text: &str) -> Option<Self> {
        Mask::read(text).map(|Mask(bits)| bits)
    }

    fn read_number(number: u64) -> Option<Self> {
        Some(number)
    }

    fn write(&self) -> Result<u64, String> {
        // TOML has no numbers above i64::MAX.
        Mask(*self).write()
    }
}

impl Written for String {
    const FORM: &'static str = "text";

    fn read(text: &str) -> Option<Self> {
        Some(Self::from(text))
    }

    fn write(&self) -> Result<u64, String> {
        Err(self.clone())
    }
}

/// Names from a closed set.
macro_rules! written_by_name {
    ($type:ty, $form:literal) => {
        impl Written for $type {
            const FORM: &'static str = $form;

            fn read(text: &str) -> Option<Self> {
                Self::from_name(text)
            }

            fn write(&self) -> Result<u64, String> {
                Err(String::from(self.name()))
            }
        }
    };
}

written_by_name!(crate::tee::snp::ProductLine, "\"Milan\", \"Genoa\" or \"Turin\"");
written_by_name!(crate::tee::snp::KeyKind, "\"VCEK\" or \"VLEK\"");
written_by_name!(
    crate::claims::Root,
    "\"hardware\", \"cloud-hypervisor\", \"cloud-vtpm\", \"discrete-tpm\", \"software\" or \"caller\""
);
written_by_name!(HashAlgorithm, "\"sha1\", \"sha256\", \"sha384\" or \"sha512\"");
written_by_name!(
    crate::tee::vtpm::AkPath,
    "\"activation\", \"certificate\", \"certify\", \"pinned\" or \"tee\""
);
written_by_name!(crate::tee::vtpm::Hierarchy, "\"endorsement\", \"owner\", \"platform\" or \"null\"");
written_by_name!(
    crate::tee::tdx::TcbStatus,
    "a TCB status such as \"UpToDate\", \"SWHardeningNeeded\" or \"OutOfDate\""
);
written_by_name!(crate::tee::nitro::Kind, "\"enclave\" or \"nitrotpm\"");
