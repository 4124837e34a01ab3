//! Strings of the rules, each a type with its bounds.

use attest_core::cbor::{Decoder, Encoder};
use attest_core::error::{Malformed, Problem};
use attest_core::values::Hex;

use super::error::Error;
use super::field::Field;
use crate::keys::CheckValue;

/// What a string of `actual` units does against its bounds: too long is a bound that was passed, too short is another type.
const fn fits(min: usize, max: usize, actual: usize) -> Result<(), Problem> {
    if actual > max {
        return Err(Problem::TooLarge { max, actual });
    }
    match actual < min {
        true => Err(Problem::TooFew { min, actual }),
        false => Ok(()),
    }
}

macro_rules! byte_strings {
    ($($(#[$doc:meta])* $name:ident($min:literal..=$max:literal);)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(Vec<u8>);

            impl $name {
                /// The most bytes that it has.
                pub const MAX: usize = $max;

                /// One with these bytes.
                ///
                /// # Errors
                /// [`Error::Count`] for a size that the rule does not allow.
                pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
                    match fits($min, $max, bytes.len()) {
                        Ok(()) => Ok(Self(bytes)),
                        Err(_) => Err(Error::Count { min: $min, max: $max, actual: bytes.len() }),
                    }
                }

                /// Its bytes.
                pub fn as_bytes(&self) -> &[u8] {
                    &self.0
                }
            }

            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    write!(f, concat!(stringify!($name), "({})"), Hex(&self.0))
                }
            }

            impl Field for $name {
                fn encode(&self, encoder: &mut Encoder<'_>) {
                    encoder.bytes(&self.0);
                }

                fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
                    let here = decoder.clone();
                    let bytes = decoder.bytes(field)?;
                    fits($min, $max, bytes.len()).map_err(|problem| here.malformed(field, problem))?;
                    Ok(Self(bytes.to_vec()))
                }
            }
        )*
    };
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($min:literal..=$max:literal);)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(String);

            impl $name {
                /// The most bytes that it has, in UTF-8.
                pub const MAX: usize = $max;

                /// One with this text.
                ///
                /// # Errors
                /// [`Error::Count`] for a size in bytes that the rule does not allow.
                pub fn new(text: &str) -> Result<Self, Error> {
                    match fits($min, $max, text.len()) {
                        Ok(()) => Ok(Self(text.to_owned())),
                        Err(_) => Err(Error::Count { min: $min, max: $max, actual: text.len() }),
                    }
                }

                /// Its text.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl Field for $name {
                fn encode(&self, encoder: &mut Encoder<'_>) {
                    encoder.text(&self.0);
                }

                fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
                    let here = decoder.clone();
                    let text = decoder.text(field)?;
                    fits($min, $max, text.len()).map_err(|problem| here.malformed(field, problem))?;
                    Ok(Self(text.to_owned()))
                }
            }
        )*
    };
}

byte_strings! {
    /// The part of a measured configuration that only the agent reads (node-config 0).
    AgentConfig(0..=65536);
    /// SubjectPublicKeyInfo of the cluster's CA, in DER (genesis 2, transition 6).
    CaKey(1..=256);
    /// The evidence itself, or the proof of a key (item 3).
    Cmw(1..=131072);
    /// What a slot commits to beside its binder (item 2).
    Companions(0..=4096);
    /// A certificate or a CSR, in DER.
    Der(1..=8192);
    /// What an operator tells the cluster driver (init-claims 5).
    DriverConfig(0..=65536);
    /// What one driver tells another: join parameters, a kubeconfig.
    DriverPayload(0..=262144);
    /// Claims as they were sent: their hash is in the binder (evidence 1).
    EncodedClaims(1..=131072);
    /// What proves the same node again: an id or a key, by the class beside it (enrol 1).
    Enrolled(1..=1024);
    /// Rules of a reference value set: an attest-core policy as JSON (refset 2).
    SetRules(1..=65536);
    /// A statement as it is signed and hashed (signed 2).
    StatementPayload(1..=131072);
}

texts! {
    /// Where a node takes its data root from, when no operator sends it (init-grant 7).
    KeySource(1..=2048);
    /// A kind of evidence: `snp`, `tdx`, `tpm`, `nitro`, `azure-snp`, `azure-tdx`, `key`, `mac`.
    Kind(1..=32);
    /// The name of a node or a cluster.
    Name(1..=253);
    /// How a rule names a node (rule 5).
    NamePattern(1..=253);
    /// What a driver says, redacted (progress 3).
    ProgressText(0..=256);
}

impl Field for CheckValue {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.as_bytes().encode(encoder);
    }

    fn decode(field: &'static str, decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Field::decode(field, decoder).map(Self::new)
    }
}
