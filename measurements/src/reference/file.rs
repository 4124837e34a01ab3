//! The document as JSON and as TOML: one form, two spellings.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use attest_core::rules::Limit;
use attest_core::values::{Digest, Hex};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Consent, MAX_SETS, MAX_VALUES, Minimum, ReferenceValues, Register, Rule, Set, Window, bound_of};
use crate::document::{self, MAX_BYTES, Node, Tree, hex};
use crate::error::{FormError, FormProblem};

/// The JSON Schema of reference values.
pub const SCHEMA: &str = include_str!("schema.json");

const FORMAT: &str = "reference values";

/// What `format` says.
const VERSION: &str = "attestrap-reference-values/1";

impl ReferenceValues {
    /// Reads JSON.
    ///
    /// # Errors
    /// [`FormError`], with the place, for anything that [`SCHEMA`] does not allow, for keys that stand twice, and for what
    /// [`ReferenceValues::new`] and [`Set::new`] refuse.
    pub fn from_json(bytes: &[u8], consent: &Consent<'_>) -> Result<Self, FormError> {
        read(&document::json(FORMAT, bytes, MAX_BYTES)?, consent)
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// As [`ReferenceValues::from_json`].
    pub fn from_toml(bytes: &[u8], consent: &Consent<'_>) -> Result<Self, FormError> {
        read(&document::toml(FORMAT, bytes, MAX_BYTES)?, consent)
    }

    /// Writes JSON, with a line feed at its end: the same bytes for the same document.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&Document(self)).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Writes TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(&Document(self)).unwrap_or_default()
    }
}

fn read(tree: &Tree, consent: &Consent<'_>) -> Result<ReferenceValues, FormError> {
    let root = Node::root(FORMAT, tree);
    let fields = root.fields(&["format", "name", "serial", "issued", "sets"])?;
    let version = fields.required("format")?;
    if version.text()? != VERSION {
        return Err(version.unexpected("attestrap-reference-values/1"));
    }
    let (name, serial) = (fields.required("name")?.name()?, fields.required("serial")?.unsigned()?);
    let issued = time(&fields.required("issued")?)?;
    let sets = fields.required("sets")?;
    let items = sets.some()?;
    if items.len() > MAX_SETS {
        let problem = FormProblem::TooLarge { what: "sets", max: MAX_SETS, actual: items.len() };
        return Err(sets.error(problem));
    }
    let read = items.iter().map(|set| read_set(set, consent)).collect::<Result<_, _>>()?;
    ReferenceValues::new(name, serial, issued, read).map_err(|problem| {
        let of_sets = matches!(problem, FormProblem::Overlap(_));
        if of_sets { sets.error(problem) } else { root.error(problem) }
    })
}

fn read_set(node: &Node<'_>, consent: &Consent<'_>) -> Result<Set, FormError> {
    let fields = node.fields(&["name", "not_before", "not_after", "registers", "minimums"])?;
    let name = fields.required("name")?.name()?;
    let until = fields.required("not_after")?;
    let window = Window::new(bound(&fields.required("not_before")?)?, bound(&until)?)
        .map_err(|problem| until.error(problem))?;
    let mut registers = BTreeMap::new();
    for (key, value) in fields.required("registers")?.entries()? {
        let Some(register) = Register::from_name(key) else {
            return Err(value.error(FormProblem::unexpected("a register such as tpm.sha256.4", key)));
        };
        registers.insert(register, read_rule(&value, register)?);
    }
    let mut minimums = BTreeMap::new();
    let written = fields.optional("minimums").map(|node| node.entries()).transpose()?;
    for (key, value) in written.unwrap_or_default() {
        let Some(minimum) = Minimum::from_name(key) else {
            return Err(value.error(FormProblem::unexpected("snp.guest_svn or snp.reported_tcb", key)));
        };
        minimums.insert(minimum, read_minimum(&value, minimum)?);
    }
    Set::new(name, window, registers, minimums, consent).map_err(|problem| node.error(problem))
}

fn read_rule(node: &Node<'_>, register: Register) -> Result<Rule, FormError> {
    let fields = node.fields(&["equals", "any_of", "warn_only"])?;
    let warn_only = fields.optional("warn_only").map(|node| node.boolean()).transpose()?.unwrap_or(false);
    let values = match (fields.optional("equals"), fields.optional("any_of")) {
        (Some(value), None) => Vec::from([digest(&value, register)?]),
        (None, Some(list)) => {
            let items = list.some()?;
            if items.len() > MAX_VALUES {
                let problem = FormProblem::TooLarge { what: "values", max: MAX_VALUES, actual: items.len() };
                return Err(list.error(problem));
            }
            items.iter().map(|value| digest(value, register)).collect::<Result<_, _>>()?
        }
        (Some(_), Some(_)) => return Err(node.unexpected("either equals or any_of")),
        (None, None) => return Err(node.error(FormProblem::Missing("equals"))),
    };
    let count = values.len();
    let rule = Rule::new(values, warn_only).map_err(|problem| node.error(problem))?;
    match rule.values().len() == count {
        true => Ok(rule),
        false => Err(node.error(FormProblem::Duplicate("a value".to_owned()))),
    }
}

/// Hexadecimal digits of the register's length.
fn digest(node: &Node<'_>, register: Register) -> Result<Digest, FormError> {
    let bytes = hex(node.text()?).ok_or_else(|| node.unexpected("hexadecimal digits"))?;
    let (expected, actual) = (register.digest_len(), bytes.len());
    Digest::new(&bytes)
        .filter(|_| actual == expected)
        .ok_or_else(|| node.error(FormProblem::Length { expected, actual }))
}

/// A number, or one in hexadecimal, because TOML has no numbers above 2^63 - 1.
fn read_minimum(node: &Node<'_>, minimum: Minimum) -> Result<u64, FormError> {
    let number = match node.tree() {
        Tree::Text(text) => {
            let digits = text.strip_prefix("0x").filter(|digits| (1..=16).contains(&digits.len()));
            let plain = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            plain.and_then(|digits| u64::from_str_radix(digits, 16).ok())
        }
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::List(_) | Tree::Map(_) => node.unsigned().ok(),
    };
    number
        .filter(|number| *number <= minimum.greatest())
        .ok_or_else(|| node.unexpected("a number of the field's width, or 0x and its digits"))
}

/// An end of a window: a time, or `any`, which must be written.
fn bound(node: &Node<'_>) -> Result<Limit<u64>, FormError> {
    match node.text()? {
        "any" => Ok(Limit::Any),
        _ => time(node).map(Limit::To),
    }
}

/// RFC 3339 in UTC and to the second, `2026-11-24T00:00:00Z`, as Unix seconds.
pub(crate) fn time(node: &Node<'_>) -> Result<u64, FormError> {
    seconds(node.text()?).ok_or_else(|| node.unexpected("a time such as 2026-11-24T00:00:00Z"))
}

pub(crate) fn seconds(text: &str) -> Option<u64> {
    let time: der::DateTime = text.parse().ok()?;
    // The parser takes lower-case letters as well.
    (time.to_string() == text).then(|| time.unix_duration().as_secs())
}

/// Unix seconds as RFC 3339; years past 9999 cannot be written and stop at the last one.
pub(crate) fn written_time(seconds: u64) -> String {
    der::DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map_or_else(|_| "9999-12-31T23:59:59Z".to_owned(), |time| time.to_string())
}

pub(crate) fn hex_of(digest: &Digest) -> String {
    Hex(digest.as_bytes()).to_string()
}

struct Document<'a>(&'a ReferenceValues);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format", VERSION)?;
        map.serialize_entry("name", self.0.name())?;
        map.serialize_entry("serial", &self.0.serial())?;
        map.serialize_entry("issued", &written_time(self.0.issued()))?;
        map.serialize_entry("sets", &self.0.sets().iter().map(WrittenSet).collect::<Vec<_>>())?;
        map.end()
    }
}

struct WrittenSet<'a>(&'a Set);

impl Serialize for WrittenSet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bound = |limit| bound_of(limit).map_or_else(|| "any".to_owned(), written_time);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.0.name())?;
        map.serialize_entry("not_before", &bound(self.0.window().from()))?;
        map.serialize_entry("not_after", &bound(self.0.window().until()))?;
        let rules = self.0.registers().iter();
        let rules: BTreeMap<_, _> =
            rules.map(|(register, rule)| (register.name(), WrittenRule(rule))).collect();
        map.serialize_entry("registers", &rules)?;
        if !self.0.minimums().is_empty() {
            let minimums = self.0.minimums().iter();
            let minimums: BTreeMap<_, _> =
                minimums.map(|(minimum, number)| (minimum.name(), format!("{number:#x}"))).collect();
            map.serialize_entry("minimums", &minimums)?;
        }
        map.end()
    }
}

struct WrittenRule<'a>(&'a Rule);

impl Serialize for WrittenRule<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let values: Vec<String> = self.0.values().iter().map(hex_of).collect();
        match values.as_slice() {
            [one] => map.serialize_entry("equals", one)?,
            several => map.serialize_entry("any_of", several)?,
        }
        if self.0.warns_only() {
            map.serialize_entry("warn_only", &true)?;
        }
        map.end()
    }
}
