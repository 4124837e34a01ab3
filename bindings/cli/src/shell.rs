//! `completions` and `man`: generated from the arguments.

use std::io;

use clap::{Command, CommandFactory as _};

use crate::answer::Answer;
use crate::args::{Arguments, Completions};
use crate::exit::{Exit, Failure};

impl Completions {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "attestrap", &mut text);
        Ok(Answer::text(text))
    }
}

/// The manual page of the tool, followed by those of its commands and of theirs.
pub(crate) fn man() -> Result<Answer, Failure> {
    let mut text = Vec::new();
    let mut root = Arguments::command();
    root.build();
    pages(&root, &mut text).map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(Answer::text(text))
}

fn pages(command: &Command, into: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(into)?;
    let mut below = command.get_subcommands().filter(|command| command.get_name() != "help");
    below.try_for_each(|command| pages(command, into))
}
