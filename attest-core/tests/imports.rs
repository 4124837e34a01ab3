//! The house's arrows: which file of a TEE folder may use which, read from the `use` lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// For each file of a TEE folder, the files of the same folder that it may use. `mod` ties all together and may use any.
type Arrows = &'static [(&'static str, &'static [&'static str])];

const FOLDERS: &[(&str, Arrows)] = &[("snp", SNP), ("nitro", NITRO)];

const NITRO: Arrows = &[
    ("anchors", &[]),
    ("checks", &["checks"]),
    ("claims", &["anchors", "module", "pcr", "wire"]),
    ("judge", &["checks", "claims", "module", "policy"]),
    ("module", &[]),
    ("pcr", &[]),
    ("policy", &["anchors", "module", "pcr"]),
    ("verify", &["anchors", "checks", "claims", "wire"]),
    ("wire", &["checks", "module", "pcr"]),
];

const SNP: Arrows = &[
    ("anchors", &["tcb", "vek"]),
    ("checks", &["checks"]),
    ("claims", &["endorsement", "tcb", "vek", "wire"]),
    ("endorsement", &["anchors", "checks", "tcb", "vek"]),
    ("judge", &["checks", "claims", "policy", "tcb", "vek"]),
    ("minima", &["tcb"]),
    ("needs", &["leaves", "tcb", "wire"]),
    ("policy", &["minima", "tcb", "vek"]),
    ("revocation", &["anchors", "checks", "endorsement"]),
    ("table", &["checks"]),
    ("tcb", &[]),
    ("vek", &["checks", "tcb", "wire"]),
    ("verify", &["checks", "claims", "endorsement", "revocation", "tcb", "vek", "wire"]),
    ("wire", &["checks", "tcb"]),
];

/// Shape knows no signatures, judgement knows no bytes.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("wire", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("table", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("policy", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("judge", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("verify", &["crate::policy", "crate::rules"]),
];

fn uses(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter_map(|line| line.trim_start_matches("pub ").strip_prefix("use "))
}

#[test]
fn arrows_point_one_way() {
    FOLDERS.iter().for_each(|(tee, arrows)| point_one_way(tee, arrows));
}

fn point_one_way(tee: &str, arrows: Arrows) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tee").join(tee);
    let arrows: BTreeMap<_, _> = arrows.iter().copied().collect();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|kind| kind != "rs") || matches!(name.as_str(), "mod" | "tests") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let allowed =
            arrows.get(name.as_str()).unwrap_or_else(|| panic!("{name}.rs is not in the table of arrows"));
        for line in uses(&text) {
            let sibling = line.strip_prefix("super::").and_then(|rest| rest.split([':', ';', ' ']).next());
            if let Some(sibling) = sibling.filter(|sibling| !allowed.contains(sibling)) {
                wrong.push(format!("{name} uses {sibling}"));
            }
            let bans = FORBIDDEN.iter().filter(|(file, _)| *file == name).flat_map(|(_, bans)| *bans);
            wrong.extend(bans.filter(|ban| line.starts_with(**ban)).map(|ban| format!("{name} uses {ban}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A TEE's folder is whole by itself; composites tie several together.
const COMPOSITES: &[&str] = &["azure"];

#[test]
fn only_composites_know_their_neighbours() {
    fn walk(folder: &Path, own: &str, others: &[String], wrong: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, own, others, wrong);
                continue;
            }
            if path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let strangers = others.iter().filter(|other| *other != own);
            wrong.extend(
                strangers
                    .filter(|other| text.contains(&format!("tee::{other}")))
                    .map(|other| format!("{} uses {other}", path.display())),
            );
            // A list of folders would hide one.
            if text.contains("crate::tee::{") {
                wrong.push(format!("{}: name each folder on its own line", path.display()));
            }
        }
    }
    let tee = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tee");
    let folders: Vec<String> = fs::read_dir(&tee)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut wrong = Vec::new();
    for own in folders.iter().filter(|own| !COMPOSITES.contains(&own.as_str())) {
        walk(&tee.join(own), own, &folders, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A core has no clock, no file, no socket, no thread and no randomness. `std` itself is linked for tests only.
#[test]
fn the_core_asks_nothing_of_its_host() {
    fn walk(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && !path.ends_with("snp/tests.rs")
                && !path.ends_with("tee/testing.rs")
                && !path.ends_with("vtpm/tests.rs")
                && !path.ends_with("nitro/tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let lines =
                    text.lines().filter(|line| line.contains("std::") && !line.contains("std::thread_local"));
                found.extend(
                    lines
                        .filter(|line| {
                            !line.trim_start().starts_with("//") && !line.contains("use std::cell::Cell")
                        })
                        .map(|line| format!("{}: {line}", path.display())),
                );
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.is_empty(), "{found:#?}");
}
