//! What a command says and how it ends; written out in one place.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::error::ErrorKind as Parse;

use crate::exit::{Exit, Failure};

/// What goes to standard output and to standard error, and the code to end with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    /// For standard output.
    pub text: Vec<u8>,
    /// For standard error, each on one line.
    pub notes: Vec<String>,
    /// How to end.
    pub exit: Exit,
}

impl Answer {
    /// Text, and the code to end with.
    pub fn new(text: impl Into<Vec<u8>>, exit: Exit) -> Self {
        Self { text: text.into(), notes: Vec::new(), exit }
    }

    /// An answer that is only text.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::new(text, Exit::Accepted)
    }

    /// With a note for standard error.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Help and version are answers; anything else that clap says is one line on standard error.
    pub(crate) fn usage(error: &clap::Error) -> Self {
        let text = error.to_string();
        if matches!(error.kind(), Parse::DisplayHelp | Parse::DisplayVersion) {
            return Self::text(text);
        }
        if error.kind() == Parse::DisplayHelpOnMissingArgumentOrSubcommand {
            return Failure::usage("a command is missing (see attestrap --help)").into();
        }
        let said = text.split("\n\nUsage:").next().unwrap_or_default();
        let words: Vec<&str> = said.split_whitespace().collect();
        let line = words.join(" ");
        let line = line.strip_prefix("error: ").unwrap_or(&line);
        Failure::usage(line.trim_end_matches(" For more information, try '--help'.")).into()
    }

    /// Writes everything. A reader that went away changes nothing about the code.
    pub fn deliver(&self) -> ExitCode {
        let notes = self.notes.iter().try_for_each(|note| {
            // One line, and nothing that a terminal would obey.
            let line: Vec<&str> = note
                .split(|c: char| c.is_whitespace() || c.is_control())
                .filter(|word| !word.is_empty())
                .collect();
            writeln!(io::stderr().lock(), "attestrap: {}", line.join(" "))
        });
        let mut out = io::stdout().lock();
        let written = out.write_all(&self.text).and_then(|()| out.flush());
        let failed =
            |result: io::Result<()>| result.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe);
        let exit = if failed(notes) || failed(written) { Exit::Internal } else { self.exit };
        ExitCode::from(exit.code().0)
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        Self::new(Vec::new(), failure.exit).note(failure.message)
    }
}
