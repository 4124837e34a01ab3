//! Crate `x509-cert` reads the same certificates: names, serial numbers, dates and keys must be the same.

use std::collections::BTreeMap;
use std::fs;

use attest_core::x509::Certificate;
use der::{Decode, Encode};
use x509_cert::Certificate as Other;

/// The common name of the subject as the other crate reads it: the first one.
fn common_name(other: &Other) -> Option<String> {
    const CN: der::oid::ObjectIdentifier = der::oid::ObjectIdentifier::new_unwrap("2.5.4.3");
    let subject = other.tbs_certificate().subject();
    let found = subject.iter().find(|attribute| attribute.oid == CN)?;
    Some(String::from_utf8_lossy(found.value.value()).into_owned())
}

fn compare(name: &str, bytes: &[u8], wrong: &mut Vec<String>) -> bool {
    let Ok(ours) = Certificate::parse(bytes) else { return false };
    let other = match Other::from_der(bytes) {
        Ok(other) => other,
        Err(error) => {
            wrong.push(format!("{name}: x509-cert refuses what we read: {error}"));
            return true;
        }
    };
    let tbs = other.tbs_certificate();
    let validity = tbs.validity();
    let same = [
        ("CN", ours.subject().common_name().map(str::to_owned) == common_name(&other)),
        ("serial", ours.serial() == tbs.serial_number().as_bytes()),
        ("notBefore", ours.validity().not_before == validity.not_before.to_unix_duration().as_secs()),
        ("notAfter", ours.validity().not_after == validity.not_after.to_unix_duration().as_secs()),
        ("SPKI", tbs.subject_public_key_info().to_der().is_ok_and(|spki| ours.spki() == spki)),
        ("signature", ours.signature() == other.signature().raw_bytes()),
        ("signed bytes", tbs.to_der().is_ok_and(|tbs| ours.signed_bytes() == tbs)),
    ];
    wrong.extend(same.iter().filter(|(_, same)| !same).map(|(field, _)| format!("{name}: {field} differs")));
    true
}

#[test]
fn x509_cert_reads_the_same() {
    let mut files = BTreeMap::new();
    let anchors = vectors::folder("../attest-core/src/tee/snp/anchors");
    for folder in [anchors, vectors::folder("snp/blobs"), vectors::folder("real/milan")] {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.extension().is_some_and(|kind| kind == "der" || kind == "bin") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).expect("it can be read"));
            }
        }
    }
    let mut wrong = Vec::new();
    let read = files.iter().filter(|(name, bytes)| compare(name, bytes, &mut wrong)).count();
    println!("certificates read by both: {read}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 9, "the pinned nine and more");
}
