//! The YAML of one old state file, as a tree of text: no anchors, no aliases, no tags, one document. What is not there cannot blow up.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, Span};
use zeroize::Zeroizing;

use super::error::FileError;

/// How deep the old file may be nested. It has three levels.
const MAX_DEPTH: usize = 16;

/// A value. Scalars are text, whatever YAML's schemas would make of them: the reader of a field knows its type.
pub(super) enum Yaml {
    Map(Vec<(String, Self)>),
    Scalar(Zeroizing<String>),
    Sequence(Vec<Self>),
}

impl Yaml {
    /// Reads one document. The caller has bounded its length.
    pub(super) fn read(file: &'static str, text: &str) -> Result<Self, FileError> {
        let mut events = Events { file, parser: Parser::new_from_str(text) };
        events.skip(|event| matches!(event, Event::StreamStart))?;
        events.skip(|event| matches!(event, Event::DocumentStart(_)))?;
        let first = events.next()?;
        let document = events.value(first, 0)?;
        events.skip(|event| matches!(event, Event::DocumentEnd))?;
        events.skip(|event| matches!(event, Event::StreamEnd))?;
        Ok(document)
    }

    /// The value of a key; `None` for anything but a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            Self::Scalar(_) | Self::Sequence(_) => None,
        }
    }

    pub(super) fn scalar(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            Self::Map(_) | Self::Sequence(_) => None,
        }
    }

    pub(super) fn sequence(&self) -> Option<&[Self]> {
        match self {
            Self::Sequence(items) => Some(items),
            Self::Map(_) | Self::Scalar(_) => None,
        }
    }
}

struct Events<'a> {
    file: &'static str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), FileError> {
        let file = self.file;
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let at = error.marker();
                let column = at.col().saturating_add(1);
                Err(FileError::Form { file, line: at.line(), column, problem: "not YAML" })
            }
            None => Err(FileError::Form { file, line: 1, column: 1, problem: "the end, too early" }),
        }
    }

    fn skip(&mut self, expected: impl FnOnce(&Event<'_>) -> bool) -> Result<(), FileError> {
        let (event, span) = self.next()?;
        match expected(&event) {
            true => Ok(()),
            false => Err(self.refuse(span, "more or less than one document")),
        }
    }

    fn refuse(&self, span: Span, problem: &'static str) -> FileError {
        let column = span.start.col().saturating_add(1);
        FileError::Form { file: self.file, line: span.start.line(), column, problem }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "events that are not named here are refused, also later ones"
    )]
    fn value(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Yaml, FileError> {
        if depth > MAX_DEPTH {
            return Err(self.refuse(span, "nested too deeply"));
        }
        let depth = depth.saturating_add(1);
        match event {
            Event::Scalar(text, _, 0, None) => Ok(Yaml::Scalar(cleared(text))),
            Event::SequenceStart(0, None) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Yaml::Sequence(items)),
                        next => items.push(self.value(next, depth)?),
                    }
                }
            }
            Event::MappingStart(0, None) => {
                let mut pairs: Vec<(String, Yaml)> = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    let key = match event {
                        Event::MappingEnd => return Ok(Yaml::Map(pairs)),
                        Event::Scalar(key, _, 0, None) => key.into_owned(),
                        _ => return Err(self.refuse(span, "a key that is no plain text")),
                    };
                    if pairs.iter().any(|(known, _)| *known == key) {
                        return Err(self.refuse(span, "a key twice"));
                    }
                    if pairs.len() >= 256 {
                        return Err(self.refuse(span, "more than 256 keys"));
                    }
                    let value = self.next()?;
                    pairs.push((key, self.value(value, depth)?));
                }
            }
            _ => Err(self.refuse(span, "an anchor, an alias or a tag")),
        }
    }
}

/// The parser's own copy, cleared with ours: it hands over strings that it made. Its buffers inside it does not clear.
fn cleared(text: Cow<'_, str>) -> Zeroizing<String> {
    Zeroizing::new(text.into_owned())
}
