//! The built binary, run as an operator runs it.

mod commands;
mod exit_codes;
#[cfg(feature = "fetch")]
mod fetching;
mod inspect_tpm;
mod measurements;
mod nitro;
mod parts;
mod policy_files;
mod policy_init;
mod real_tpm;
mod real_vectors;
mod tdx;
mod tool;
mod tpm;
