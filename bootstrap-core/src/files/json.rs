//! Objects read field by field, and written from parts, so that no secret passes through a string that nobody clears.

use attest_core::values::Value;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::error::FileError;
use crate::ids::{ClusterId, KeyEpoch, NotAnId};
use crate::keys::Secret;

/// The largest file that is read.
pub const MAX_FILE: usize = 4 * 1024 * 1024;

/// What a reader did not know, to be written back: it may have been written by a later version, and may hold secrets.
#[derive(Default)]
pub struct Kept {
    /// Minor version of the file, if it is above ours.
    minor: Option<u32>,
    fields: Vec<(String, Zeroizing<String>)>,
}

impl Kept {
    /// Names of the fields that were not known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }
}

/// A format of ours: `name/major.minor`.
pub(super) struct Format {
    /// The file, for errors.
    pub(super) file: &'static str,
    /// `name/1.`
    pub(super) family: &'static str,
    /// The format that is written.
    pub(super) current: &'static str,
}

/// Fields of one object, not yet looked at.
pub(super) struct Object<'a> {
    file: &'static str,
    fields: Vec<(String, &'a RawValue)>,
    minor: Option<u32>,
}

impl<'a> Object<'a> {
    /// The one object of a file.
    pub(super) fn file(format: &Format, bytes: &'a [u8]) -> Result<Self, FileError> {
        let mut object = Self::plain(format.file, bytes)?;
        let written: String = object.parsed("format", "not a string")?;
        let actual = || FileError::Format {
            file: format.file,
            expected: format.current,
            actual: Value::text(&written),
        };
        let minor = written.strip_prefix(format.family).ok_or_else(actual)?;
        let canonical = minor == "0" || !minor.starts_with('0');
        let digits = canonical && minor.bytes().all(|digit| digit.is_ascii_digit());
        let minor: u32 = minor.parse().ok().filter(|_| digits).ok_or_else(actual)?;
        object.minor = (minor > 0).then_some(minor);
        Ok(object)
    }

    /// The one object of a file without a format of ours.
    pub(super) fn plain(file: &'static str, bytes: &'a [u8]) -> Result<Self, FileError> {
        if bytes.len() > MAX_FILE {
            return Err(FileError::TooLarge { file, max: MAX_FILE, actual: bytes.len() });
        }
        let problem = "not UTF-8";
        let text = core::str::from_utf8(bytes);
        let text = text.map_err(|_| FileError::Form { file, line: 1, column: 1, problem })?;
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|error| FileError::Form {
            file,
            line: error.line(),
            column: error.column(),
            problem: "not one JSON object, or a key twice",
        })?;
        Ok(Self { file, fields: fields.0, minor: None })
    }

    /// An object inside.
    pub(super) fn inner(
        file: &'static str,
        field: &'static str,
        raw: &'a RawValue,
    ) -> Result<Self, FileError> {
        let fields: Fields<'a> = serde_json::from_str(raw.get()).map_err(|_| FileError::Field {
            file,
            field,
            problem: "not an object, or a key twice",
        })?;
        Ok(Self { file, fields: fields.0, minor: None })
    }

    pub(super) const fn refuse(&self, field: &'static str, problem: &'static str) -> FileError {
        FileError::Field { file: self.file, field, problem }
    }

    /// Takes a field that may be left out. `null` is a value like any other, and no field of ours has it.
    pub(super) fn optional(&mut self, field: &str) -> Option<&'a RawValue> {
        let at = self.fields.iter().position(|(name, _)| name == field)?;
        Some(self.fields.remove(at).1)
    }

    pub(super) fn required(&mut self, field: &'static str) -> Result<&'a RawValue, FileError> {
        self.optional(field).ok_or_else(|| self.refuse(field, "missing"))
    }

    /// A field that serde reads: nothing secret.
    pub(super) fn parsed<T: Deserialize<'a>>(
        &mut self,
        field: &'static str,
        problem: &'static str,
    ) -> Result<T, FileError> {
        let raw = self.required(field)?;
        serde_json::from_str(raw.get()).map_err(|_| self.refuse(field, problem))
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<String, FileError> {
        self.parsed(field, "not a string")
    }

    pub(super) fn number<N: TryFrom<u64>>(&mut self, field: &'static str) -> Result<N, FileError> {
        let number: u64 = self.parsed(field, "not a number of its size")?;
        N::try_from(number).map_err(|_| self.refuse(field, "not a number of its size"))
    }

    pub(super) fn epoch(&mut self, field: &'static str) -> Result<KeyEpoch, FileError> {
        KeyEpoch::new(self.number(field)?).ok_or_else(|| self.refuse(field, "0 is no epoch"))
    }

    /// The items of an array.
    pub(super) fn array(&mut self, field: &'static str) -> Result<Vec<&'a RawValue>, FileError> {
        self.parsed(field, "not an array")
    }

    /// An object in a field.
    pub(super) fn object(&mut self, field: &'static str) -> Result<Self, FileError> {
        let raw = self.required(field)?;
        Self::inner(self.file, field, raw)
    }

    /// An id in a field.
    pub(super) fn id<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&str) -> Result<T, NotAnId>,
    ) -> Result<T, FileError> {
        let text = self.text(field)?;
        read(&text).map_err(|_| self.refuse(field, "not hexadecimal of its length"))
    }

    pub(super) fn optional_cluster(&mut self) -> Result<Option<ClusterId>, FileError> {
        match self.fields.iter().any(|(name, _)| name == "cluster") {
            true => self.id("cluster", ClusterId::from_hex).map(Some),
            false => Ok(None),
        }
    }

    /// Bytes that are no secret.
    pub(super) fn bytes(&mut self, field: &'static str) -> Result<Vec<u8>, FileError> {
        let text = self.text(field)?;
        base16ct::lower::decode_vec(text).map_err(|_| self.refuse(field, "not lower-case hexadecimal"))
    }

    /// A secret, straight out of the text: two lower-case digits for each byte, no escapes.
    pub(super) fn secret(&mut self, field: &'static str, raw: &'a RawValue) -> Result<Secret, FileError> {
        let digits = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let refuse = || self.refuse(field, "not 64 lower-case hexadecimal digits");
        let digits = digits.filter(|digits| digits.len() == 64).ok_or_else(refuse)?;
        let mut bytes = Zeroizing::new([0; Secret::LEN]);
        base16ct::lower::decode(digits, bytes.as_mut_slice()).map_err(|_| refuse())?;
        Secret::new(field, bytes.as_slice()).map_err(|error| FileError::Key { file: self.file, error })
    }

    pub(super) fn required_secret(&mut self, field: &'static str) -> Result<Secret, FileError> {
        let raw = self.required(field)?;
        self.secret(field, raw)
    }

    pub(super) fn optional_secret(&mut self, field: &'static str) -> Result<Option<Secret>, FileError> {
        self.optional(field).map(|raw| self.secret(field, raw)).transpose()
    }

    /// All that is left is kept.
    pub(super) fn kept(self) -> Kept {
        let copy = |raw: &RawValue| {
            let mut text = Zeroizing::new(String::with_capacity(raw.get().len()));
            text.push_str(raw.get());
            text
        };
        let fields = self.fields.into_iter().map(|(name, raw)| (name, copy(raw))).collect();
        Kept { minor: self.minor, fields }
    }
}

/// 32 bytes from their hexadecimal form; none of them is a secret.
pub(super) fn hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let read = base16ct::lower::decode(text, &mut hash).is_ok_and(|read| read.len() == 32);
    read.then_some(hash)
}

/// Keys in order, each once, with the text of their values.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom("a key twice"));
                    }
                    // So that the search for doubles stays small.
                    if fields.len() >= 256 {
                        return Err(serde::de::Error::custom("more than 256 keys"));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A JSON value as text, in a buffer of its exact size, cleared when dropped.
pub(super) struct Json(Zeroizing<String>);

impl Json {
    pub(super) fn text(text: &str) -> Self {
        Self::joined(&[&serde_json::Value::from(text).to_string()])
    }

    pub(super) fn number(number: impl Into<u64>) -> Self {
        Self::joined(&[&number.into().to_string()])
    }

    /// Text that needs no escapes, and may be secret.
    pub(super) fn plain(text: &str) -> Self {
        Self::joined(&["\"", text, "\""])
    }

    /// Bytes in hexadecimal, secret or not.
    pub(super) fn hex(bytes: &[u8]) -> Self {
        let digits = Zeroizing::new(base16ct::lower::encode_string(bytes));
        Self::joined(&["\"", &digits, "\""])
    }

    pub(super) fn array(items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<Self> = items.into_iter().collect();
        let mut parts = vec!["["];
        for (at, item) in items.iter().enumerate() {
            parts.extend((at > 0).then_some(", "));
            parts.push(&item.0);
        }
        parts.push("]");
        Self::joined(&parts)
    }

    /// An object inside, on one line.
    pub(super) fn object(
        fields: impl IntoIterator<Item = Option<(&'static str, Self)>>,
        kept: &Kept,
    ) -> Self {
        Self::fields(("{", ", ", "}"), fields.into_iter().flatten().collect(), kept)
    }

    /// A whole file: one field a line, the format first.
    pub(super) fn file(
        format: &Format,
        fields: impl IntoIterator<Item = Option<(&'static str, Self)>>,
        kept: &Kept,
    ) -> Zeroizing<Vec<u8>> {
        let version = match kept.minor {
            Some(minor) => format!("{}{minor}", format.family),
            None => format.current.to_owned(),
        };
        let mut all = vec![("format", Self::text(&version))];
        all.extend(fields.into_iter().flatten());
        let text = Self::fields(("{\n  ", ",\n  ", "\n}\n"), all, kept);
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.0.len()));
        bytes.extend_from_slice(text.0.as_bytes());
        bytes
    }

    fn fields(
        (open, between, close): (&str, &str, &str),
        fields: Vec<(&'static str, Self)>,
        kept: &Kept,
    ) -> Self {
        let names: Vec<Self> = kept.names().map(Self::text).collect();
        let unknown = kept.fields.iter().map(|(_, value)| value.as_str());
        let unknown = names.iter().map(|name| name.0.as_str()).zip(unknown);
        let quoted: Vec<Self> = fields.iter().map(|(name, _)| Self::text(name)).collect();
        let known = quoted.iter().zip(&fields).map(|(name, (_, value))| (name.0.as_str(), value.0.as_str()));
        let mut parts = vec![open];
        for (at, (name, value)) in known.chain(unknown).enumerate() {
            parts.extend((at > 0).then_some(between));
            parts.extend([name, ": ", value]);
        }
        parts.push(close);
        Self::joined(&parts)
    }

    /// The one place where buffers are made: large enough from the start, so that none is left behind by growing.
    fn joined(parts: &[&str]) -> Self {
        let len = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let mut text = Zeroizing::new(String::with_capacity(len));
        parts.iter().for_each(|part| text.push_str(part));
        Self(text)
    }
}
