//! The manifest of TPM vectors that the caller has, from `ATTESTRAP_REAL_VECTORS`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use vectors::unhex;

/// The entries of one kind, with their folder; none if there are no vectors.
pub(crate) fn entries(kind: &str) -> Vec<(PathBuf, Value)> {
    let Some(folder) = vectors::real().map(|folder| folder.join("tpm")) else {
        println!("skipped: ATTESTRAP_REAL_VECTORS is not set ({kind})");
        return Vec::new();
    };
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let all = manifest["vectors"].as_array().unwrap();
    let of: Vec<_> = all.iter().filter(|entry| entry["kind"] == kind).cloned().collect();
    assert!(!of.is_empty(), "no {kind} in the manifest");
    println!("{kind}: {} entries", of.len());
    of.into_iter().map(|entry| (folder.clone(), entry)).collect()
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

pub(crate) fn bytes(value: &Value, key: &str) -> Vec<u8> {
    unhex(text(value, key)).unwrap()
}

/// A file that an entry names.
pub(crate) fn file(folder: &std::path::Path, entry: &Value, name: &str) -> Vec<u8> {
    fs::read(folder.join(text(&entry["files"], name))).unwrap()
}
