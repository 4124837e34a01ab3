//! The house's arrows: which file of a TEE folder may use which, read from the `use` lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// For each file of a TEE folder, the files that it may use. `mod` ties its own folder together and may use any file of it; a file in
/// a folder below uses `NAME/mod` where it takes what that folder hands out.
type Arrows = &'static [(&'static str, &'static [&'static str])];

const NITRO: Arrows = &[
    ("anchors", &[]),
    ("checks", &["checks"]),
    ("claims", &["module", "pcr", "wire"]),
    ("endorsement", &["anchors", "checks", "wire"]),
    ("judge", &["checks", "claims", "module", "pcr", "policy"]),
    ("module", &[]),
    ("pcr", &[]),
    // Its forms in files stand in a module inside, which names the file itself.
    ("policy", &["mod", "module", "pcr", "policy"]),
    ("verify", &["anchors", "checks", "claims", "endorsement", "wire"]),
    ("wire", &["checks", "module", "pcr"]),
];

const SNP: Arrows = &[
    ("anchors", &["tcb", "vek"]),
    ("checks", &["checks"]),
    ("claims", &["endorsement", "revocation", "tcb", "vek", "wire"]),
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

const TDX: Arrows = &[
    ("anchors", &[]),
    ("body", &["wire"]),
    ("checks", &["checks"]),
    ("claims", &["log", "pck", "report", "tcb"]),
    ("collateral", &["anchors", "checks", "endorsement", "needs", "revocation", "statement", "wire"]),
    ("endorsement", &["anchors", "checks", "pck"]),
    ("judge", &["checks", "claims", "policy", "tcb"]),
    // What an event log adds, and nothing of the quote.
    ("log", &[]),
    ("needs", &["body", "endorsement", "statement", "wire"]),
    // The certificate's extension and the report are structures of their own.
    ("pck", &[]),
    ("policy", &["tcb"]),
    ("report", &[]),
    ("revocation", &["checks", "collateral", "endorsement"]),
    // What Intel signs as JSON.
    ("statement", &["checks", "tcb"]),
    ("tcb", &["tcb"]),
    (
        "verify",
        &["checks", "claims", "collateral", "endorsement", "log", "revocation", "statement", "tcb", "wire"],
    ),
    ("wire", &["checks", "report"]),
];

const VTPM: Arrows = &[
    ("algorithm", &[]),
    ("anchors", &["claims", "certify", "credential", "pcr", "pcrsig", "public"]),
    ("body", &["algorithm", "pcr", "wire"]),
    ("certify", &["algorithm", "anchors", "checks", "public", "signed", "wire"]),
    ("checks", &["checks"]),
    ("claims", &["anchors", "ek_certificate", "gce", "log", "pcr", "pcrsig", "public", "wire"]),
    ("creation", &["algorithm", "certify", "checks", "public", "signed", "wire"]),
    (
        "endorsement",
        &[
            "anchors",
            "body",
            "checks",
            "claims",
            "ek_certificate",
            "gce",
            "key",
            "key_certificate",
            "public",
            "revocation",
            "template",
        ],
    ),
    ("ek_certificate", &["checks", "claims", "key", "key_certificate", "public", "revocation"]),
    ("gce", &["checks"]),
    ("judge", &["checks", "claims", "ek_certificate", "gce", "log", "pcrsig", "policy"]),
    ("key_certificate", &["anchors", "checks"]),
    ("key", &["algorithm", "public", "signature"]),
    ("log", &["pcr"]),
    ("pcr", &["algorithm", "checks", "wire"]),
    ("policy", &["anchors", "public"]),
    ("public", &["algorithm", "checks", "wire"]),
    ("revocation", &["checks", "claims"]),
    ("signature", &["algorithm", "checks", "wire"]),
    ("signed", &["algorithm", "anchors", "checks", "key", "public", "signature", "wire"]),
    ("template", &["algorithm", "key", "public"]),
    ("verify", &["body", "checks", "claims", "endorsement", "key", "log", "pcr", "signature", "wire"]),
    ("wire", &["algorithm", "checks"]),
    // Policies over registers, and who signed them.
    ("pcrsig/json", &["algorithm", "pcrsig/mod", "wire"]),
    ("pcrsig/mod", &["algorithm", "checks", "pcr", "wire"]),
    ("pcrsig/policy", &["pcrsig/checks", "wire"]),
    // Credential activation, which keeps secrets and stands apart.
    ("credential/ek", &["algorithm", "checks", "ek_certificate", "public"]),
    ("credential/kdf", &["credential/mod", "credential/primitives"]),
    (
        "credential/machine",
        &[
            "algorithm",
            "checks",
            "credential/ek",
            "credential/make",
            "credential/mod",
            "credential/primitives",
            "credential/wire",
            "ek_certificate",
            "public",
        ],
    ),
    (
        "credential/make",
        &[
            "algorithm",
            "checks",
            "credential/ek",
            "credential/kdf",
            "credential/mod",
            "credential/primitives",
            "credential/wire",
            "public",
        ],
    ),
    ("credential/mod", &[]),
    ("credential/primitives", &["credential/mod", "public"]),
    ("credential/wire", &["wire"]),
];

/// Event logs of any machine: what a log says, then what is proven of it.
const EVENTLOG: Arrows = &[
    ("boot_chain", &["checks", "mod", "secure_boot"]),
    ("cel/cbor", &["cel/checks", "cel/mod", "header", "mod"]),
    ("cel/json", &["cel/checks", "cel/mod", "mod"]),
    ("cel/mod", &["checks", "header", "mod", "replay"]),
    ("checks", &["checks"]),
    ("coverage", &["mod"]),
    ("header", &["checks"]),
    ("ima", &["checks", "mod", "replay"]),
    ("kinds", &[]),
    ("loaders", &["coverage", "mod"]),
    ("replay", &["checks", "mod"]),
    ("secure_boot", &["checks", "mod", "replay", "variables"]),
    ("signatures", &[]),
    ("story", &["loaders", "mod", "variables"]),
    ("tcg", &["checks", "header", "mod"]),
    ("untrusted", &[]),
    ("variables", &["mod", "signatures"]),
];

/// Shape knows no signatures, judgement knows no bytes. A public area has a name, which is a digest, and hashing is all that it may
/// ask of a provider: see [`HASHES_ONLY`].
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("nitro/wire", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("nitro/policy", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("nitro/judge", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("nitro/verify", &["crate::policy", "crate::rules"]),
    ("snp/wire", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("snp/table", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("snp/policy", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("snp/judge", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("snp/verify", &["crate::policy", "crate::rules"]),
    ("tdx/wire", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("tdx/report", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("tdx/statement", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("tdx/tcb", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("tdx/policy", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("tdx/judge", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("tdx/verify", &["crate::policy", "crate::rules"]),
    ("vtpm/wire", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("vtpm/signature", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("vtpm/body", &["crate::crypto", "crate::x509", "crate::policy"]),
    ("vtpm/public", &["crate::x509", "crate::policy"]),
    // Banks are named by their hash; that is all that judgement knows of them.
    (
        "vtpm/policy",
        &["crate::crypto::{", "crate::crypto::C", "crate::x509", "crate::reader", "crate::collateral"],
    ),
    ("vtpm/judge", &["crate::crypto", "crate::x509", "crate::reader", "crate::collateral"]),
    ("vtpm/verify", &["crate::policy", "crate::rules"]),
    ("eventlog/header", &["crate::crypto::{", "crate::crypto::C", "crate::x509", "crate::policy"]),
    ("eventlog/tcg", &["crate::crypto::{", "crate::crypto::C", "crate::x509", "crate::policy"]),
];

/// Files that take a provider for digests and must not verify with it.
const HASHES_ONLY: &[&str] = &["vtpm/public", "vtpm/pcr", "vtpm/template", "vtpm/log"];

fn uses(text: &str) -> impl Iterator<Item = &str> {
    // Tests stand last and may use anything.
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    code.lines().map(str::trim).filter_map(|line| {
        let line = ["pub(crate) ", "pub(super) ", "pub "]
            .iter()
            .find_map(|prefix| line.strip_prefix(prefix))
            .unwrap_or(line);
        line.strip_prefix("use ")
    })
}

/// Which file of the TEE a `use` line names, by its path in the TEE's folder; `None` for one of another part of the crate.
fn sibling(path: &str, file: &str, line: &str) -> Option<String> {
    let (folder, rest) = match line.strip_prefix(&format!("crate::{}::", path.replace('/', "::"))) {
        Some(rest) => ("", rest),
        None => {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            // `super` of `NAME/mod` is the TEE's own folder.
            (if file.ends_with("/mod") { "" } else { folder }, line.strip_prefix("super::")?)
        }
    };
    let first = rest.split([':', ';', ' ']).next().unwrap_or(rest);
    let is_file = first.starts_with(|letter: char| letter.is_ascii_lowercase());
    let first = if is_file { first } else { "mod" };
    Some(if folder.is_empty() { first.to_owned() } else { format!("{folder}/{first}") })
}

/// All files of a TEE but the root's `mod` and tests, by their path in the TEE's folder.
fn files(root: &Path, below: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        if path.is_dir() {
            files(root, &name, found);
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && name != "mod"
            && !name.ends_with("tests")
        {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn arrows_point_one_way() {
    let mut wrong = Vec::new();
    let tees = [
        ("eventlog", EVENTLOG),
        ("tee/nitro", NITRO),
        ("tee/snp", SNP),
        ("tee/tdx", TDX),
        ("tee/vtpm", VTPM),
    ];
    for (path, arrows) in tees {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
        let tee = path.strip_prefix("tee/").unwrap_or(path);
        let mut arrows: BTreeMap<_, _> = arrows.iter().copied().collect();
        let mut found = Vec::new();
        files(&root, "", &mut found);
        for (name, text) in found {
            let allowed = arrows
                .remove(name.as_str())
                .unwrap_or_else(|| panic!("{tee}/{name}.rs is not in the table of arrows"));
            let file = format!("{tee}/{name}");
            for line in uses(&text) {
                let sibling = sibling(path, &name, line);
                if let Some(sibling) = sibling.filter(|sibling| !allowed.contains(&sibling.as_str())) {
                    wrong.push(format!("{file} uses {sibling}"));
                }
                let bans = FORBIDDEN.iter().filter(|(of, _)| *of == file).flat_map(|(_, bans)| *bans);
                wrong.extend(
                    bans.filter(|ban| line.starts_with(**ban)).map(|ban| format!("{file} uses {ban}")),
                );
            }
            if HASHES_ONLY.contains(&file.as_str()) && text.contains("provider.verify(") {
                wrong.push(format!("{file} verifies a signature"));
            }
        }
        wrong
            .extend(arrows.keys().map(|name| format!("{tee}/{name}.rs is in the table and not in the tree")));
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
                && !path.ends_with("tdx/tests.rs")
                && !path.ends_with("vtpm/tests.rs")
                && !path.ends_with("vtpm/ek_tests.rs")
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
