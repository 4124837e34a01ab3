//! The house's arrows: which room of this crate may use which, read from the paths that its files name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// For each room, the rooms that it may use. `channel` and `machine` never see each other: what is between them is a message, a peer
/// that was believed, and a code.
const ROOMS: &[(&str, &[&str])] = &[
    ("authority", &["error", "ids", "keys", "peer", "wire"]),
    ("channel", &["authority", "error", "ids", "keys", "peer", "time", "wire"]),
    // All of one host: what joins a channel, the key ring and a machine.
    (
        "engine",
        &["authority", "channel", "error", "ids", "keyring", "keys", "machine", "peer", "time", "wire"],
    ),
    ("error", &[]),
    ("files", &["error", "ids", "keys", "wire"]),
    ("ids", &[]),
    ("keyring", &["authority", "error", "ids", "keys", "machine", "peer", "ticket", "wire"]),
    ("keys", &["error", "ids", "wire"]),
    ("machine", &["authority", "error", "ids", "keys", "peer", "ticket", "time", "wire"]),
    ("peer", &["error", "ids", "keys", "wire"]),
    // A world of machines holds everything.
    (
        "sim",
        &[
            "authority",
            "channel",
            "error",
            "files",
            "ids",
            "keyring",
            "keys",
            "machine",
            "peer",
            "ticket",
            "time",
            "wire",
        ],
    ),
    // A ticket is made of what the machines know of a flow.
    ("ticket", &["authority", "error", "ids", "keys", "machine", "peer", "wire"]),
    ("time", &[]),
    ("wire", &["error", "ids", "keys"]),
];

/// What no core may name: devices, clocks, threads. (`channel` holds rustls, which draws its own entropy.)
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "getrandom",
    "OsRng",
    "println!",
    "eprintln!",
];

/// All files of a room but its tests and models, with the code of each.
fn files(path: &Path, found: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|kind| kind == "rs")
        && !path.components().any(|part| ["tests", "model"].iter().any(|name| part.as_os_str() == *name))
    {
        let text = fs::read_to_string(path).unwrap();
        // Tests stand last and may use anything.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(&text);
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        found.push((path.display().to_string(), code.join("\n")));
    }
}

/// The rooms that a file names by `crate::`.
fn rooms(code: &str) -> BTreeSet<String> {
    let of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let word = |text: &str| text.split(|letter| !of_name(letter)).next().unwrap_or("").to_owned();
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(of_name))
        .map(|(at, path)| word(&code[at + path.len()..]))
        .filter(|room| ROOMS.iter().any(|(name, _)| name == room))
        .collect()
}

#[test]
fn arrows_point_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_string_lossy().into_owned();
        if room == "lib" {
            continue;
        }
        let Some(allowed) = table.get(room.as_str()) else {
            wrong.push(format!("{room} is not in the table of rooms"));
            continue;
        };
        let mut found = Vec::new();
        files(&path, &mut found);
        for (file, code) in found {
            let strangers =
                rooms(&code).into_iter().filter(|used| *used != room && !allowed.contains(&used.as_str()));
            wrong.extend(strangers.map(|used| format!("{file} uses {used}")));
            let outside = OUTSIDE.iter().filter(|word| code.contains(**word));
            wrong.extend(outside.map(|word| format!("{file} names {word}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
