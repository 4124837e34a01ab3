//! Measurement registers in policy files: their names, their numbers, their values.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Written, number};
use crate::crypto::HashAlgorithm;
use crate::rules::{OneOf, Registers};
use crate::values::Digest;

impl Serialize for Registers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::Listed(rules) => {
                let mut map = serializer.serialize_map(Some(rules.len()))?;
                for ((bank, index), rule) in rules {
                    map.serialize_entry(&alloc::format!("{}:{index}", bank.name()), rule)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Registers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rules;
        impl<'de> Visitor<'de> for Rules {
            type Value = Registers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"any\", or lists of values by register, such as \"sha256:4\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "any" => Ok(Registers::Any),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut rules = BTreeMap::new();
                while let Some(name) = entries.next_key::<String>()? {
                    let Some((bank, index)) = register(&name) else {
                        let unexpected = serde::de::Unexpected::Str(&name);
                        return Err(A::Error::invalid_value(unexpected, &"a register such as \"sha256:4\""));
                    };
                    let rule: OneOf<Digest> = entries.next_value()?;
                    let OneOf::Listed(values) = &rule else {
                        let wrong = "a register without values; leave it out instead";
                        return Err(A::Error::custom(alloc::format!("{name}: {wrong}")));
                    };
                    if values.iter().any(|value| value.as_bytes().len() != bank.digest_len()) {
                        let length = bank.digest_len();
                        return Err(A::Error::custom(alloc::format!("{name}: a value has {length} bytes")));
                    }
                    if rules.insert((bank, index), rule).is_some() {
                        return Err(A::Error::custom(alloc::format!("{name} stands twice")));
                    }
                }
                match rules.is_empty() {
                    true => Err(A::Error::custom("no register; write \"any\" to look at none")),
                    false => Ok(Registers::Listed(rules)),
                }
            }
        }
        deserializer.deserialize_any(Rules)
    }
}

/// `sha256:4`: a bank and one of its 24 registers.
fn register(name: &str) -> Option<(HashAlgorithm, u8)> {
    let (bank, index) = name.split_once(':')?;
    let index = number(index).filter(|index| *index < 24)?;
    Some((HashAlgorithm::from_name(bank)?, index))
}

/// The only octets that a rule lists are numbers of registers.
impl Written for u8 {
    const FORM: &'static str = "a register, from 0 to 23";

    fn read(_text: &str) -> Option<Self> {
        None
    }

    fn read_number(number: u64) -> Option<Self> {
        Self::try_from(number).ok().filter(|index| *index < 24)
    }

    fn write(&self) -> Result<u64, String> {
        Ok(u64::from(*self))
    }
}

impl Written for Digest {
    const FORM: &'static str = "hexadecimal digits, two for each byte of a digest";

    fn read(text: &str) -> Option<Self> {
        let mut bytes = Vec::new();
        if !text.len().is_multiple_of(2) || text.is_empty() {
            return None;
        }
        for pair in text.as_bytes().chunks_exact(2) {
            let [octet] = <[u8; 1]>::read(core::str::from_utf8(pair).ok()?)?;
            bytes.push(octet);
        }
        Self::new(&bytes)
    }

    fn write(&self) -> Result<u64, String> {
        Err(alloc::format!("{}", crate::values::Hex(self.as_bytes())))
    }
}
