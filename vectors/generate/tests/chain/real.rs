//! Certificates of clouds' TPMs and of a software TPM, and Nitro documents' bundles, as they came.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use attest_core::UnixTime;
use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_core::x509::chain::{self, Anchor, ChainError, Path, Rule, Rules};
use attest_core::x509::{Certificate, KeyUsage, id};
use serde_json::Value;
use vectors_generate::time;

fn folder() -> Option<PathBuf> {
    let folder = env::var_os("ATTESTRAP_REAL_VECTORS").map(|folder| PathBuf::from(folder).join("tpm"));
    if folder.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS is not set");
    }
    folder
}

fn find<'a>(files: &'a [(String, Vec<u8>)], now: UnixTime) -> Result<Path<'a>, ChainError> {
    let named = |start: &str| -> Vec<Certificate<'a>> {
        let files = files.iter().filter(|(name, _)| name.starts_with(start));
        files
            .map(|(name, der)| Certificate::parse(der).unwrap_or_else(|error| panic!("{name}: {error}")))
            .collect()
    };
    let anchors: Vec<_> = named("root").into_iter().map(Anchor::certificate).collect();
    let leaf = named("leaf").pop().expect("a leaf");
    let rules = Rules::new(&PROVIDER, now, &[id::SUBJECT_ALT_NAME]);
    chain::find(&leaf, &named("intermediate"), &anchors, &rules)
}

#[test]
fn certificates_of_tpms() {
    let Some(folder) = folder() else { return };
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let mut seen = 0;
    for vector in manifest["vectors"].as_array().unwrap() {
        let kind = vector["kind"].as_str().unwrap();
        if !matches!(kind, "ak-certificate" | "ek-certificate") {
            continue;
        }
        let id = vector["id"].as_str().unwrap();
        let files: Vec<(String, Vec<u8>)> = vector["files"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, path)| (name.clone(), fs::read(folder.join(path.as_str().unwrap())).unwrap()))
            .collect();
        let now = vector["verify_at"].as_str().unwrap().replace("+00:00", "Z");
        let found = find(&files, UnixTime::since_unix_epoch(Duration::from_secs(time::unix(&now))));
        match vector["verdict"].as_str().unwrap() {
            // What the key is for, the caller asks.
            "valid" | "key-usage" => {
                let path = found.unwrap_or_else(|error| panic!("{id}: {error}"));
                if let Some(names) = vector["expected"]["path"].as_array() {
                    assert_eq!(path.certificates().len() + 1, names.len(), "{id}");
                }
                let leaf = path.certificates()[0];
                let usage = leaf.key_usage().expect("keyUsage");
                assert_eq!(
                    usage.digital_signature(),
                    kind == "ak-certificate" && !id.contains("ek-presented"),
                    "{id}"
                );
                let purposes = leaf.purposes().map_or(0, |purposes| purposes.iter().count());
                if let Some(expected) = vector["expected"]["eku"].as_array() {
                    assert_eq!(purposes, expected.len(), "{id}");
                }
            }
            verdict => {
                let Err(ChainError::Fault(fault)) = found else { panic!("{id}: {found:?}") };
                let expected = match verdict {
                    "untrusted-root" => Rule::Issuer,
                    "certificate-expired" => Rule::Validity,
                    other => panic!("{id}: {other}"),
                };
                assert_eq!(fault.rule, expected, "{id}");
            }
        }
        seen += 1;
    }
    println!("chains of TPM certificates: {seen}");
    assert!(seen >= 14);
}

/// The certificates in a Nitro document, found by their headers: the CBOR around them is read elsewhere.
fn certificates(document: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some([0x30, 0x82, high, low]) = document.get(at..at + 4) {
        let end = at + 4 + usize::from(u16::from_be_bytes([*high, *low]));
        match document.get(at..end).filter(|der| Certificate::parse(der).is_ok()) {
            Some(der) => {
                found.push(der);
                at = end;
            }
            None => at += 1,
        }
        at += document[at..].windows(2).position(|pair| pair == [0x30, 0x82]).unwrap_or(document.len());
    }
    found
}

#[test]
fn bundles_of_nitro_documents() {
    let Some(folder) = folder() else { return };
    let root = fs::read(folder.join("roots/aws_nitro_root_g1.der")).unwrap();
    let mut seen = 0;
    for name in ["nitrotpm-2026-ak.cbor", "enclave-2025-a.cbor", "enclave-2022-debug.cbor"] {
        let document = fs::read(folder.join("../nitro").join(name)).unwrap();
        let start = document.windows(2).position(|pair| pair == [0x30, 0x82]).unwrap();
        let found = certificates(&document[start..]);
        let [leaf, bundle @ ..] = found.as_slice() else { panic!("{name}: no certificates") };
        assert!(bundle.len() >= 4, "{name}: root, region, zone and instance");
        let leaf = Certificate::parse(leaf).unwrap();
        let bundle: Vec<_> = bundle.iter().map(|der| Certificate::parse(der).unwrap()).collect();
        let anchors = [Anchor::certificate(Certificate::parse(&root).unwrap())];
        let at = |now| {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
            chain::find(&leaf, &bundle, &anchors, &Rules::new(&PROVIDER, now, &[]))
        };
        let path = at(leaf.validity().not_before).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(path.certificates().len(), 4, "{name}: the root of the bundle is not needed");
        assert!(leaf.key_usage().is_some_and(KeyUsage::digital_signature));
        let Err(ChainError::Fault(fault)) = at(leaf.validity().not_after + 1) else { panic!("{name}: late") };
        assert_eq!((fault.rule, fault.at), (Rule::Validity, 0));
        seen += 1;
    }
    println!("chains of Nitro documents: {seen}");
}
