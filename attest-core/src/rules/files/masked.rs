//! Bit fields under a mask in policy files: `"any"`, or `{ mask = "0x3", value = "0x1" }`.

use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Item;
use crate::rules::{Mask, Masked};

impl Serialize for Masked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::To { mask, value } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("mask", &Item(&Mask(*mask)))?;
                map.serialize_entry("value", &Item(&Mask(*value)))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Masked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Masked;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"any\", or a mask and a value")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "any" => Ok(Masked::Any),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                const NAMES: &[&str] = &["mask", "value"];
                let (mut mask, mut value) = (None, None);
                while let Some(name) = entries.next_key::<alloc::string::String>()? {
                    let slot = match name.as_str() {
                        "mask" => &mut mask,
                        "value" => &mut value,
                        _ => return Err(A::Error::unknown_field(&name, NAMES)),
                    };
                    let Item(Mask(bits)) = entries.next_value()?;
                    if slot.replace(bits).is_some() {
                        return Err(A::Error::custom(alloc::format!("{name} stands twice")));
                    }
                }
                let mask: u64 = mask.ok_or_else(|| A::Error::missing_field("mask"))?;
                let value = value.ok_or_else(|| A::Error::missing_field("value"))?;
                match (mask, value & !mask) {
                    (0, _) => Err(A::Error::custom("an empty mask; write \"any\" to look at no bit")),
                    (_, 0) => Ok(Masked::To { mask, value }),
                    _ => Err(A::Error::custom("a value with bits outside of the mask, which none can have")),
                }
            }
        }
        deserializer.deserialize_any(Parts)
    }
}
