//! The one reader of JSON and TOML: a tree with strict rules, walked by cursors that know where they are.
//!
//! What is refused before any format looks: text over its bound, nesting over [`MAX_DEPTH`], more than [`MAX_NODES`] values, a
//! key that stands twice, a number that is no integer of 64 bits. A cursor adds the rest: a key that nobody asks for is an error,
//! and so is one that is not there.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{FormError, FormProblem, shown};

/// The largest document, in bytes. Real manifests have some tens of KiB, bundles with long certificates as well.
pub const MAX_BYTES: usize = 1 << 20;

/// How deep values may be nested. The deepest format that is read here has nine levels.
pub const MAX_DEPTH: usize = 16;

/// How many values a document may have, keys not counted.
pub const MAX_NODES: usize = 1 << 16;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(i128),
    Text(String),
    List(Vec<Self>),
    /// In the order of the document; no key stands twice.
    Map(Vec<(String, Self)>),
}

/// Reads one JSON document (RFC 8259) and nothing after it.
pub(crate) fn json(format: &'static str, bytes: &[u8], max: usize) -> Result<Tree, FormError> {
    let syntax = |error: serde_json::Error| {
        FormError::new(format, "$", FormProblem::Syntax(shown(&error.to_string())))
    };
    let text = text(format, bytes, max)?;
    let nodes = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let tree = Seed { depth: 0, nodes: &nodes }.deserialize(&mut deserializer).map_err(syntax)?;
    deserializer.end().map_err(syntax)?;
    Ok(tree)
}

/// Reads one TOML document.
pub(crate) fn toml(format: &'static str, bytes: &[u8], max: usize) -> Result<Tree, FormError> {
    let syntax = |error: toml::de::Error| {
        let place = error.span().map_or_else(String::new, |span| format!(" at byte {}", span.start));
        let problem = FormProblem::Syntax(format!("{}{place}", shown(error.message())));
        FormError::new(format, "$", problem)
    };
    let deserializer = toml::Deserializer::parse(text(format, bytes, max)?).map_err(syntax)?;
    let nodes = Cell::new(0);
    Seed { depth: 0, nodes: &nodes }.deserialize(deserializer).map_err(syntax)
}

fn text<'a>(format: &'static str, bytes: &'a [u8], max: usize) -> Result<&'a str, FormError> {
    let error = |problem| FormError::new(format, "$", problem);
    if bytes.len() > max {
        return Err(error(FormProblem::TooLarge { what: "bytes", max, actual: bytes.len() }));
    }
    core::str::from_utf8(bytes)
        .map_err(|fault| error(FormProblem::Syntax(format!("not UTF-8 at byte {}", fault.valid_up_to()))))
}

#[derive(Clone, Copy)]
struct Seed<'n> {
    depth: usize,
    nodes: &'n Cell<usize>,
}

impl Seed<'_> {
    /// The seed of what lies inside.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth {
            MAX_DEPTH => Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep"))),
            depth => Ok(Self { depth: depth.saturating_add(1), ..self }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        self.nodes.set(self.nodes.get().saturating_add(1));
        if self.nodes.get() > MAX_NODES {
            return Err(D::Error::custom(format_args!("more than {MAX_NODES} values")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, an integer, text, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(i128::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(i128::from(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let inside = self.inside()?;
        let mut keys = alloc::collections::BTreeSet::new();
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("key \"{}\" stands twice", shown(&key))));
            }
            map.push((key, entries.next_value_seed(inside)?));
        }
        Ok(Tree::Map(map))
    }
}

/// A value and the way to it.
#[derive(Clone, Debug)]
pub(crate) struct Node<'t> {
    format: &'static str,
    tree: &'t Tree,
    at: String,
}

impl<'t> Node<'t> {
    /// The root of a document.
    pub(crate) fn root(format: &'static str, tree: &'t Tree) -> Self {
        Self { format, tree, at: "$".to_owned() }
    }

    /// An error at this place.
    pub(crate) fn error(&self, problem: FormProblem) -> FormError {
        FormError::new(self.format, self.at.clone(), problem)
    }

    /// An error that says what may stand here.
    pub(crate) fn unexpected(&self, expected: &'static str) -> FormError {
        let actual = match self.tree {
            Tree::Null => "null".to_owned(),
            Tree::Bool(value) => value.to_string(),
            Tree::Number(value) => value.to_string(),
            Tree::Text(text) => format!("\"{text}\""),
            Tree::List(_) => "a list".to_owned(),
            Tree::Map(_) => "a map".to_owned(),
        };
        self.error(FormProblem::unexpected(expected, &actual))
    }

    pub(crate) const fn tree(&self) -> &'t Tree {
        self.tree
    }

    pub(crate) fn text(&self) -> Result<&'t str, FormError> {
        match self.tree {
            Tree::Text(text) => Ok(text),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::List(_) | Tree::Map(_) => {
                Err(self.unexpected("text"))
            }
        }
    }

    /// Text that is not empty.
    pub(crate) fn name(&self) -> Result<&'t str, FormError> {
        match self.text()? {
            "" => Err(self.error(FormProblem::Empty)),
            name => Ok(name),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, FormError> {
        match self.tree {
            Tree::Bool(value) => Ok(*value),
            Tree::Null | Tree::Text(_) | Tree::Number(_) | Tree::List(_) | Tree::Map(_) => {
                Err(self.unexpected("true or false"))
            }
        }
    }

    pub(crate) fn unsigned(&self) -> Result<u64, FormError> {
        let number = match self.tree {
            Tree::Number(value) => u64::try_from(*value).ok(),
            Tree::Null | Tree::Bool(_) | Tree::Text(_) | Tree::List(_) | Tree::Map(_) => None,
        };
        number.ok_or_else(|| self.unexpected("an unsigned integer"))
    }

    /// A 64-bit integer as protobuf's JSON writes it: a string of digits. A plain number is read as well.
    pub(crate) fn int64(&self) -> Result<u64, FormError> {
        match self.tree {
            Tree::Text(digits) => decimal(digits).ok_or_else(|| self.unexpected("decimal digits")),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::List(_) | Tree::Map(_) => self.unsigned(),
        }
    }

    /// Bytes in base64, padded, in the one canonical form (RFC 4648, 3.5 and 4).
    pub(crate) fn base64(&self, max: usize) -> Result<Vec<u8>, FormError> {
        let text = self.text()?;
        let bytes = base64(text).ok_or_else(|| self.unexpected("base64 with padding"))?;
        match bytes.len() {
            actual if actual > max => Err(self.error(FormProblem::TooLarge { what: "bytes", max, actual })),
            _ => Ok(bytes),
        }
    }

    pub(crate) fn list(&self) -> Result<Vec<Self>, FormError> {
        match self.tree {
            Tree::List(items) => {
                let node = |(index, tree)| self.inner(tree, &format!("[{index}]"));
                Ok(items.iter().enumerate().map(node).collect())
            }
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) | Tree::Map(_) => {
                Err(self.unexpected("a list"))
            }
        }
    }

    /// A list that is not empty.
    pub(crate) fn some(&self) -> Result<Vec<Self>, FormError> {
        match self.list()? {
            items if items.is_empty() => Err(self.error(FormProblem::Empty)),
            items => Ok(items),
        }
    }

    /// The entries of a map whose keys are data.
    pub(crate) fn entries(&self) -> Result<Vec<(&'t str, Self)>, FormError> {
        match self.tree {
            Tree::Map(entries) => Ok(entries
                .iter()
                .map(|(key, tree)| (key.as_str(), self.inner(tree, &format!("[\"{}\"]", shown(key)))))
                .collect()),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) | Tree::List(_) => {
                Err(self.unexpected("a map"))
            }
        }
    }

    /// A map whose keys are fields. Those that may stand there are listed; any other is refused.
    pub(crate) fn fields(&self, known: &[&str]) -> Result<Fields<'t>, FormError> {
        let Tree::Map(entries) = self.tree else { return Err(self.unexpected("a map")) };
        match entries.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => Err(self.error(FormProblem::UnknownKey(shown(key)))),
            None => Ok(Fields { node: self.clone(), entries }),
        }
    }

    fn inner(&self, tree: &'t Tree, step: &str) -> Self {
        Self { format: self.format, tree, at: format!("{}{step}", self.at) }
    }
}

/// A map whose keys are fields.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'t> {
    node: Node<'t>,
    entries: &'t [(String, Tree)],
}

impl<'t> Fields<'t> {
    /// The value of a key that may be left out.
    pub(crate) fn optional(&self, key: &str) -> Option<Node<'t>> {
        let (key, tree) = self.entries.iter().find(|(known, _)| known == key)?;
        Some(self.node.inner(tree, &format!(".{key}")))
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&self, key: &'static str) -> Result<Node<'t>, FormError> {
        self.optional(key).ok_or_else(|| self.node.error(FormProblem::Missing(key)))
    }
}

/// Decimal digits, without sign and without leading zeros.
pub(crate) fn decimal(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let canonical = plain && (digits == "0" || !digits.starts_with('0'));
    canonical.then(|| digits.parse().ok()).flatten()
}

/// Base64 with padding and without bits left over.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    <base64ct::Base64 as base64ct::Encoding>::decode_vec(text).ok()
}

/// Bytes as base64 with padding.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    <base64ct::Base64 as base64ct::Encoding>::encode_string(bytes)
}

/// Hexadecimal digits, two for each byte, in either case.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |octet: &u8| char::from(*octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
