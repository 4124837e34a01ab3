//! `completions` and `man`: generated from the arguments.

use clap::CommandFactory as _;

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

/// The manual page of the tool, followed by those of its commands.
pub(crate) fn man() -> Result<Answer, Failure> {
    let mut text = Vec::new();
    let mut root = Arguments::command();
    root.build();
    let failed = |error| Failure::new(Exit::Internal, error);
    clap_mangen::Man::new(root.clone()).render(&mut text).map_err(failed)?;
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        clap_mangen::Man::new(command.clone()).render(&mut text).map_err(failed)?;
    }
    Ok(Answer::text(text))
}
