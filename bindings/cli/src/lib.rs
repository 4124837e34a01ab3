//! The operator's tool: verify, inspect and explain the evidence of confidential machines.
//!
//! No rule lives here. Each command converts its arguments, calls [`attest_core`], and converts the answer; [`exit`] holds
//! the one table of exit codes.

#![forbid(unsafe_code)]

mod answer;
mod args;
mod bundle;
mod collateral;
mod demo;
pub mod exit;
#[cfg(feature = "fetch")]
mod fetch;
mod input;
mod inspect;
mod measurements;
mod needs;
mod pack;
mod policy_file;
mod shell;
mod tpm_files;
mod verify;

use std::ffi::OsString;

use clap::Parser as _;

pub use answer::Answer;
use args::{Arguments, Command};

/// Runs the tool on arguments, the first of which is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Answer {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return Answer::usage(&error),
    };
    let done = match &arguments.command {
        Command::Bundle(bundle) => bundle.run(),
        Command::Completions(completions) => completions.run(),
        Command::Demo(demo) => demo.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Man => shell::man(),
        Command::Measurements(measurements) => measurements.run(),
        Command::Needs(needs) => needs.run(),
        Command::Pack(pack) => pack.run(),
        Command::Policy(policy) => policy.run(),
        Command::Verify(verify) => verify.run(),
    };
    done.unwrap_or_else(Answer::from)
}
