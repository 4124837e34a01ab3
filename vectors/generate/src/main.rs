//! Writes the generated vectors, or says whether those in the tree are what it would write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use vectors_generate::cases::{Built, Suite};
use vectors_generate::sigstore;

const USAGE: &str = "usage: vectors-generate [--check]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let check = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut differences = Vec::new();
    let sets = [
        ("nitro", Suite::nitro as fn() -> Built),
        ("snp", Suite::snp),
        ("tdx", Suite::tdx),
        ("vtpm", Suite::vtpm),
    ];
    for (name, set) in sets {
        let dir = vectors::folder(name);
        let done = files(set())
            .map_err(io::Error::from)
            .and_then(|files| if check { compare(&dir, &files) } else { write(&dir, &files) });
        match done {
            Ok(found) => differences.extend(found.into_iter().map(|found| format!("{name}: {found}"))),
            Err(error) => {
                eprintln!("vectors-generate: {}: {error}", dir.display());
                return ExitCode::FAILURE;
            }
        }
    }
    match documents("measurements", &sigstore::files(), check) {
        Ok(found) => differences.extend(found.into_iter().map(|found| format!("measurements: {found}"))),
        Err(error) => {
            eprintln!("vectors-generate: measurements: {error}");
            return ExitCode::FAILURE;
        }
    }
    if differences.is_empty() {
        return ExitCode::SUCCESS;
    }
    differences.iter().for_each(|difference| eprintln!("{difference}"));
    eprintln!("vectors-generate: {} files differ; run it without --check", differences.len());
    ExitCode::FAILURE
}

fn files((manifest, blobs): Built) -> Result<BTreeMap<String, Vec<u8>>, serde_json::Error> {
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    let blobs = blobs.into_iter().map(|(name, bytes)| (format!("blobs/{name}"), bytes));
    Ok(blobs.chain([("manifest.json".to_owned(), text)]).collect())
}

/// Documents of a folder that is no set, by their paths in it.
fn documents(name: &str, files: &BTreeMap<String, Vec<u8>>, check: bool) -> io::Result<Vec<String>> {
    let (mut differences, dir) = (Vec::new(), vectors::folder(name));
    if !check && dir.is_dir() {
        fs::remove_dir_all(&dir)?;
    }
    for (name, bytes) in files {
        let path = dir.join(name);
        match check {
            true if fs::read(&path).is_ok_and(|found| found == *bytes) => {}
            true => differences.push(format!("differs: {name}")),
            false => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(path, bytes)?;
            }
        }
    }
    let folders: BTreeSet<&Path> = files.keys().filter_map(|name| Path::new(name).parent()).collect();
    for folder in folders {
        for entry in fs::read_dir(dir.join(folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name()).to_string_lossy().into_owned();
            if entry.file_type()?.is_file() && !files.contains_key(&name) {
                differences.push(format!("nobody wrote: {name}"));
            }
        }
    }
    Ok(differences)
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
