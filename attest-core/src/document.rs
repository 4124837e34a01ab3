//! Signed documents: a JSON object of two members, something and a signature over it, as Intel serves TCB info and identities.
//!
//! ```json
//! {"tcbInfo":{"id":"TDX",...},"signature":"7c2f..."}
//! ```
//!
//! What is signed are the bytes of the first member's value as they stand there. They are cut out and not read: what they say
//! is nobody's word until the signature holds.

use alloc::string::String;
use core::fmt;

use serde_core::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Malformed, Problem};
use crate::json_tree::{hex, offset};

/// The largest document that is read, in bytes. Intel's have 1 to 24 KB.
pub const MAX_DOCUMENT: usize = 128 * 1024;

const STRUCTURE: &str = "signed document";
const SIGNATURE: &str = "signature";

/// A signed document, cut into its parts. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDocument<'a> {
    name: String,
    body: &'a [u8],
    signature: [u8; 64],
}

impl<'a> SignedDocument<'a> {
    /// Cuts one document into its parts.
    ///
    /// # Errors
    /// [`Malformed`] for what is no JSON object of exactly two members, a signature that is not 128 hexadecimal digits, and more
    /// than [`MAX_DOCUMENT`] bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let malformed =
            |offset, problem| Malformed { structure: STRUCTURE, field: "document", offset, problem };
        if bytes.len() > MAX_DOCUMENT {
            return Err(malformed(0, Problem::TooLarge { max: MAX_DOCUMENT, actual: bytes.len() }));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let read = deserializer.deserialize_map(Parts);
        read.and_then(|document| deserializer.end().map(|()| document)).map_err(|error| {
            let problem = Problem::Encoding("not a JSON object of a value and its signature, 64 bytes");
            malformed(offset(bytes, &error), problem)
        })
    }

    /// What the document is, by the name of its member: `tcbInfo`, for example.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes that are signed, as received.
    pub const fn signed_bytes(&self) -> &'a [u8] {
        self.body
    }

    /// The signature: r then s.
    pub const fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = SignedDocument<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value and its signature")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut body, mut signature) = (None, None);
        while let Some(name) = members.next_key::<String>()? {
            if name == SIGNATURE {
                let digits = members.next_value::<String>()?;
                let octets = hex(&digits).ok_or_else(|| A::Error::custom("not 128 hexadecimal digits"))?;
                if signature.replace(octets).is_some() {
                    return Err(A::Error::duplicate_field(SIGNATURE));
                }
            } else {
                let value = members.next_value::<&'de RawValue>()?.get().as_bytes();
                if body.replace((name, value)).is_some() {
                    return Err(A::Error::custom("more than one value"));
                }
            }
        }
        let (name, body) = body.ok_or_else(|| A::Error::custom("no value"))?;
        let signature = signature.ok_or_else(|| A::Error::missing_field(SIGNATURE))?;
        Ok(SignedDocument { name, body, signature })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;

    fn zeros(count: usize) -> String {
        "0".repeat(count)
    }

    #[test]
    fn the_signed_bytes_are_those_received() {
        for body in ["{}", "{ \"a\" : [1, 2.50, \"\\u0041\"] }", "[1]", "\"text\"", "1e3"] {
            let text = format!(" {{ \"tcbInfo\" : {body} , \"signature\":\"{}\"}}\n", zeros(128));
            let document = SignedDocument::parse(text.as_bytes()).unwrap();
            assert_eq!((document.name(), document.signed_bytes()), ("tcbInfo", body.as_bytes()));
            let turned = format!("{{\"signature\":\"{}\",\"x\":{body}}}", "aB".repeat(64));
            assert_eq!(SignedDocument::parse(turned.as_bytes()).unwrap().signature(), &[0xab; 64]);
        }
    }

    #[test]
    fn a_document_has_two_members() {
        let sign = format!("\"signature\":\"{}\"", zeros(128));
        for bad in [
            String::new(),
            "[]".into(),
            "{}".into(),
            format!("{{{sign}}}"),
            "{\"a\":{}}".into(),
            format!("{{\"a\":{{}},{sign},{sign}}}"),
            format!("{{\"a\":{{}},\"b\":{{}},{sign}}}"),
            format!("{{\"a\":{{}},\"a\":{{}},{sign}}}"),
            format!("{{\"a\":{{}},{sign}}} {{}}"),
            format!("{{\"a\":{{,{sign}}}"),
            format!("{{\"a\":{{}},\"signature\":\"{}\"}}", zeros(126)),
            format!("{{\"a\":{{}},\"signature\":\"{}x\"}}", zeros(127)),
            format!("{{\"a\":{{}},\"signature\":\"{}\"}}", zeros(130)),
            "{\"a\":{},\"signature\":0}".into(),
            format!("{{\"a\":\"{}\",{sign}}}", zeros(MAX_DOCUMENT)),
        ] {
            assert!(SignedDocument::parse(bad.as_bytes()).is_err(), "{:.80}", bad);
        }
    }
}
