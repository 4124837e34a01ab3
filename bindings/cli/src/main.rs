//! The `attestrap` binary: arguments in, one answer out.

use std::process::ExitCode;

fn main() -> ExitCode {
    attestrap::run(std::env::args_os()).deliver()
}
