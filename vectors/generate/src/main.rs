//! Writes the generated vectors, or says whether those in the tree are what it would write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use vectors_generate::cases::Suite;

const USAGE: &str = "usage: vectors-generate [--check] [DIRECTORY]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let (check, dir) = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => (false, vectors::folder("snp")),
        ["--check"] => (true, vectors::folder("snp")),
        ["--check", dir] => (true, PathBuf::from(dir)),
        [dir] if !dir.starts_with('-') => (false, PathBuf::from(dir)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let files = match files() {
        Ok(files) => files,
        Err(error) => {
            eprintln!("vectors-generate: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = if check { compare(&dir, &files) } else { write(&dir, &files) };
    match done {
        Ok(differences) if differences.is_empty() => ExitCode::SUCCESS,
        Ok(differences) => {
            differences.iter().for_each(|difference| eprintln!("{difference}"));
            eprintln!("vectors-generate: {} files differ; run it without --check", differences.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("vectors-generate: {}: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

fn files() -> Result<BTreeMap<String, Vec<u8>>, serde_json::Error> {
    let (manifest, blobs) = Suite::snp();
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    let blobs = blobs.into_iter().map(|(name, bytes)| (format!("blobs/{name}"), bytes));
    Ok(blobs.chain([("manifest.json".to_owned(), text)]).collect())
}

fn write(dir: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<String>> {
    let blobs = dir.join("blobs");
    if blobs.is_dir() {
        fs::remove_dir_all(&blobs)?;
    }
    fs::create_dir_all(&blobs)?;
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes)?;
    }
    Ok(Vec::new())
}

fn compare(dir: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<String>> {
    let mut differences = Vec::new();
    for (name, bytes) in files {
        match fs::read(dir.join(name)) {
            Ok(found) if found == *bytes => {}
            Ok(_) => differences.push(format!("differs: {name}")),
            Err(error) => differences.push(format!("{name}: {error}")),
        }
    }
    for entry in fs::read_dir(dir.join("blobs"))? {
        let name = format!("blobs/{}", entry?.file_name().to_string_lossy());
        if !files.contains_key(&name) {
            differences.push(format!("nobody wrote: {name}"));
        }
    }
    Ok(differences)
}
