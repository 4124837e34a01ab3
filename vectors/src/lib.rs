//! Test cases as data, the one reader of them, and the runner that judges them.
//!
//! [`set`] reads our own format. The runner ([`run`]) judges sets of ours and of other makers through one adapter each; a
//! format that it does not know is an error with its name.

// The device of attest-core's tests, which the runner uses too, calls this crate by its name.
extern crate self as vectors;

pub mod set;

#[cfg(feature = "run")]
pub mod boot_manifest;
#[cfg(feature = "run")]
mod facts;
#[cfg(feature = "run")]
pub mod measure_manifest;
#[cfg(feature = "run")]
pub mod nitro_manifest;
#[cfg(feature = "run")]
pub mod rats_manifest;
#[cfg(feature = "run")]
pub mod reasons;
#[cfg(feature = "run")]
pub mod run;
#[cfg(feature = "run")]
pub mod snp_manifest;
#[cfg(feature = "run")]
pub mod tdx_manifest;
#[cfg(feature = "run")]
pub mod tpm_manifest;

use std::path::{Path, PathBuf};

/// A folder of this package in the source tree.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The folder with vectors of real machines that the caller has, from `ATTESTRAP_REAL_VECTORS`.
pub fn real() -> Option<PathBuf> {
    std::env::var_os("ATTESTRAP_REAL_VECTORS").map(PathBuf::from).filter(|path| path.is_dir())
}

/// Hexadecimal digits as bytes.
pub fn unhex(text: &str) -> Result<Vec<u8>, String> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(format!("not hexadecimal: {text}"));
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|error| error.to_string()))
        .collect()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}
