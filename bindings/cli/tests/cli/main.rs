//! The built binary, run as an operator runs it.

mod commands;
mod exit_codes;
#[cfg(feature = "fetch")]
mod fetching;
mod policy_files;
mod real_vectors;
mod tool;
