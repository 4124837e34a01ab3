//! JSON of others, read strictly into a tree: no member twice, nothing left over, bounded in depth and in number.
//!
//! A tree, and not a form for each document: what must be there is asked by name, so that an error can say what was asked for,
//! and members that are not known are read by the same rules as those that are.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How much of a tree is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How deep objects and lists may nest.
    pub(crate) depth: u8,
    /// The most members of one object, and items of one list.
    pub(crate) items: usize,
}

/// A value, as far as anything is made of it.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// true or false.
    #[cfg_attr(
        not(feature = "json"),
        expect(dead_code, reason = "Azure's runtime data have flags, Intel's none")
    )]
    Flag(bool),
    /// A list.
    List(Vec<Self>),
    /// A whole number that is not negative.
    Number(u64),
    /// An object's members in their order.
    Object(Vec<(String, Self)>),
    /// null, and every other number.
    Other,
    /// Text.
    Text(String),
}

impl Node {
    /// Reads one document and nothing else.
    ///
    /// # Errors
    /// What is wrong, with the place.
    pub(crate) fn read(document: &[u8], bounds: Bounds) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(document);
        let node = bounds.deserialize(&mut deserializer)?;
        deserializer.end().map(|()| node)
    }

    /// A member of an object.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            Self::Flag(_) | Self::List(_) | Self::Number(_) | Self::Other | Self::Text(_) => None,
        }
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// A number.
    pub(crate) const fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// Text.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Text of `2 * N` hexadecimal digits of either case.
    pub(crate) fn hex<const N: usize>(&self) -> Option<[u8; N]> {
        hex(self.text()?)
    }
}

/// `2 * N` hexadecimal digits of either case.
pub(crate) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut octets = [0; N];
    if text.len() != N.checked_mul(2)? {
        return None;
    }
    for (slot, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *slot = digit(high)? << 4 | digit(low)?;
    }
    Some(octets)
}

/// Where serde_json stopped, by octets; it counts lines and columns.
pub(crate) fn offset(document: &[u8], error: &serde_json::Error) -> usize {
    let before = document.split_inclusive(|octet| *octet == b'\n').take(error.line().saturating_sub(1));
    before.fold(error.column().saturating_sub(1), |offset, line| offset.saturating_add(line.len()))
}

impl Bounds {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Bounds {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounds {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number))
    }

    fn visit_i64<E>(self, _number: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        let inner = self.inner()?;
        while let Some(node) = list.next_element_seed(inner)? {
            if nodes.len() >= self.items {
                return Err(A::Error::custom("a list too long"));
            }
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Node, A::Error> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let inner = self.inner()?;
        while let Some(name) = object.next_key::<String>()? {
            if members.len() >= self.items {
                return Err(A::Error::custom("too many members"));
            }
            if members.iter().any(|(earlier, _)| *earlier == name) {
                return Err(A::Error::custom("a member stands twice"));
            }
            members.push((name, object.next_value_seed(inner)?));
        }
        Ok(Node::Object(members))
    }
}
