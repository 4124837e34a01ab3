//! Runs the binary, and finds the files it is run on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `attestrap` with these arguments.
pub(crate) fn attestrap<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    with_input(arguments, &[])
}

/// Runs `attestrap` with these arguments and these bytes on standard input.
pub(crate) fn with_input<A: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    input: &[u8],
) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attestrap"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it early.
    drop(child.stdin.take().unwrap().write_all(input));
    let output = child.wait_with_output().unwrap();
    let ran = Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(ran.err.lines().all(|line| line.starts_with("attestrap: ")), "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    ran
}

/// A file under `vectors/`.
pub(crate) fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name)
}

/// The real Milan report.
pub(crate) fn report() -> Vec<u8> {
    fs::read(vector("real/milan/report.bin")).unwrap()
}

/// A file with these bytes, for one test.
pub(crate) fn file(name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = directory().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A directory for the files of this run.
pub(crate) fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}", process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// `verify` of the real report with its VCEK at a fixed time, and `more` arguments.
pub(crate) fn verify_real(more: &[&str]) -> Ran {
    verify(&vector("real/milan/report.bin"), &vector("real/milan/vcek.der"), more)
}

/// `verify` of any report with certificates at a fixed time, and `more` arguments.
pub(crate) fn verify(report: &Path, certs: &Path, more: &[&str]) -> Ran {
    let fixed = ["--at", "2026-11-24T00:00:00Z", "--certs"].map(Into::into);
    let arguments = ["verify".into(), report.as_os_str().to_owned()].into_iter().chain(fixed);
    attestrap(arguments.chain([certs.as_os_str().to_owned()]).chain(more.iter().map(Into::into)))
}
