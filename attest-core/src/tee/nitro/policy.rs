//! What a relying party can demand of a Nitro document. `judge` holds every rule against the claims.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::module::Kind;
use crate::claims::Root;
use crate::rules::{Limit, OneOf, Unusual};

/// Rules for Nitro documents. [`Policy::strict`] is the documented start; each field may then be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Policy {
    /// Enclaves, instances, or both.
    pub kinds: OneOf<Kind>,
    /// How deep the trust must be rooted.
    pub roots: OneOf<Root>,
    /// Documents whose nonce was not compared.
    pub stale_evidence: Unusual,
    /// Greatest age of the document in seconds, by the hypervisor's clock and the caller's.
    pub max_age_seconds: Limit<u32>,
    /// Enclaves in debug mode: their host can read them.
    pub debug_mode: Unusual,
    /// Modules, by their whole id.
    pub module_ids: OneOf<String>,
    /// EC2 instances, by their id: `i-` and hexadecimal digits.
    pub instances: OneOf<String>,
    /// Fields that are not known.
    pub unknown_fields: Unusual,
    /// Values of registers.
    pub pcrs: Registers,
}

/// Which values registers may have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registers {
    /// Any: whatever was measured passes.
    Any,
    /// By index. A register that has no entry is not looked at, and the verdict says so; one that has an entry must be in the
    /// document. A list without an entry refuses everything.
    Listed(BTreeMap<u8, OneOf<[u8; 48]>>),
}

/// Greatest age that [`Policy::strict`] allows, in seconds.
const STRICT_AGE: u32 = 300;

impl Policy {
    /// The documented default: AWS's root, one kind of document, a nonce that was compared, at most five minutes old, no debug
    /// mode, no unknown fields, and the registers that the caller lists.
    ///
    /// `kind` and `pcrs` have no default. For enclaves list PCR 0, or 1, 2 and 8; for instances those that the image's tools
    /// publish, such as 4, 7 and 12. [`Registers::Any`] says that any software will do.
    pub fn strict(kind: Kind, pcrs: Registers) -> Self {
        Self {
            kinds: OneOf::only(kind),
            roots: OneOf::only(Root::CloudHypervisor),
            stale_evidence: Unusual::Refuse,
            max_age_seconds: Limit::To(STRICT_AGE),
            debug_mode: Unusual::Refuse,
            module_ids: OneOf::Any,
            instances: OneOf::Any,
            unknown_fields: Unusual::Refuse,
            pcrs,
        }
    }

    /// Every rule is `any`: whatever is genuine passes. For looking at a document, and for tests.
    pub const fn dangerously_any() -> Self {
        Self {
            kinds: OneOf::Any,
            roots: OneOf::Any,
            stale_evidence: Unusual::Any,
            max_age_seconds: Limit::Any,
            debug_mode: Unusual::Any,
            module_ids: OneOf::Any,
            instances: OneOf::Any,
            unknown_fields: Unusual::Any,
            pcrs: Registers::Any,
        }
    }
}

#[cfg(feature = "serde")]
mod form {
    use alloc::collections::BTreeMap;
    use alloc::string::{String, ToString};
    use core::fmt;

    use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
    use serde::ser::{Serialize, SerializeMap, Serializer};

    use crate::tee::nitro::REGISTERS;
    use crate::tee::nitro::policy::Registers;

    impl Serialize for Registers {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::Any => serializer.serialize_str("any"),
                Self::Listed(listed) => {
                    let mut map = serializer.serialize_map(Some(listed.len()))?;
                    listed
                        .iter()
                        .try_for_each(|(index, rule)| map.serialize_entry(&index.to_string(), rule))?;
                    map.end()
                }
            }
        }
    }

    /// An index as it is written: no sign, no leading zero, so that none can be written twice.
    fn index(text: &str) -> Option<u8> {
        let index: u8 = text.parse().ok().filter(|index| *index < REGISTERS)?;
        (index.to_string() == text).then_some(index)
    }

    impl<'de> Deserialize<'de> for Registers {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Indices;
            impl<'de> Visitor<'de> for Indices {
                type Value = Registers;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("\"any\", or values for registers by index, \"0\" to \"31\"")
                }

                fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                    match text {
                        "any" => Ok(Registers::Any),
                        _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                    }
                }

                fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                    let mut listed = BTreeMap::new();
                    while let Some(key) = entries.next_key::<String>()? {
                        let unexpected = serde::de::Unexpected::Str(&key);
                        let index = index(&key).ok_or_else(|| A::Error::invalid_value(unexpected, &self))?;
                        if listed.insert(index, entries.next_value()?).is_some() {
                            return Err(A::Error::custom(alloc::format!("register {index} stands twice")));
                        }
                    }
                    match listed.is_empty() {
                        true => Err(A::Error::invalid_length(0, &self)),
                        false => Ok(Registers::Listed(listed)),
                    }
                }
            }
            deserializer.deserialize_any(Indices)
        }
    }
}
