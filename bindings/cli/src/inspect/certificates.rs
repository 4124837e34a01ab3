//! What certificates and CRLs say.

use attest_core::collateral::Collateral;
use attest_core::document::SignedDocument;
use attest_core::values::{Hex, Value};
use attest_core::x509::{Certificate, CertificateList, Name};
use serde_json::{Map, json};

/// Certificates and CRLs as text.
pub(super) fn listing(collateral: &Collateral) -> String {
    let mut text = String::new();
    let lists = [
        ("certificate", certificates(collateral)),
        ("crl", crls(collateral)),
        ("document", documents(collateral)),
    ];
    for (kind, list) in lists {
        for object in list {
            text += &format!("\n{kind}\n");
            for (name, value) in &object {
                let value = value.as_str().map_or_else(|| value.to_string(), Into::into);
                text += &format!("  {name:12}  {value}\n");
            }
        }
    }
    text
}

/// Certificates by what they say.
pub(super) fn certificates(collateral: &Collateral) -> Vec<Map<String, serde_json::Value>> {
    let parsed = collateral.certificates().filter_map(|der| Certificate::parse(der).ok());
    parsed
        .map(|certificate| {
            let validity = certificate.validity();
            Map::from_iter([
                ("subject".into(), json!(name(certificate.subject()))),
                ("issuer".into(), json!(name(certificate.issuer()))),
                ("serial".into(), json!(Hex(certificate.serial()).to_string())),
                ("not_before".into(), json!(Value::Time(validity.not_before).to_string())),
                ("not_after".into(), json!(Value::Time(validity.not_after).to_string())),
            ])
        })
        .collect()
}

/// CRLs by what they say.
pub(super) fn crls(collateral: &Collateral) -> Vec<Map<String, serde_json::Value>> {
    let parsed = collateral.crls().filter_map(|der| CertificateList::parse(der).ok());
    parsed
        .map(|crl| {
            let mut revoked = Vec::new();
            // The list was parsed when it was added, so it can be walked.
            drop(crl.for_each_revoked(|serial| revoked.push(Hex(serial).to_string())));
            Map::from_iter([
                ("issuer".into(), json!(name(crl.issuer()))),
                ("this_update".into(), json!(Value::Time(crl.this_update()).to_string())),
                ("next_update".into(), json!(crl.next_update().map(|time| Value::Time(time).to_string()))),
                ("revoked".into(), json!(revoked)),
            ])
        })
        .collect()
}

/// Signed documents by their names. What they say is shown as it stands there.
pub(super) fn documents(collateral: &Collateral) -> Vec<Map<String, serde_json::Value>> {
    let parsed = collateral.documents().filter_map(|bytes| SignedDocument::parse(bytes).ok());
    parsed
        .map(|document| {
            let body = document.signed_bytes();
            Map::from_iter([
                ("name".into(), json!(document.name().escape_default().to_string())),
                ("bytes".into(), json!(body.len())),
                ("says".into(), json!(body.escape_ascii().to_string())),
            ])
        })
        .collect()
}

/// A name as `CN=..., O=...`, with anything but printable ASCII escaped: it comes from outside.
fn name(name: Name<'_>) -> String {
    let mut parts = Vec::new();
    let read = name.for_each(|id, text| {
        let key = match id {
            b"\x55\x04\x03" => "CN".into(),
            b"\x55\x04\x06" => "C".into(),
            b"\x55\x04\x07" => "L".into(),
            b"\x55\x04\x08" => "ST".into(),
            b"\x55\x04\x0a" => "O".into(),
            b"\x55\x04\x0b" => "OU".into(),
            other => Hex(other).to_string(),
        };
        parts.push(format!("{key}={}", text.escape_default()));
    });
    if read.is_ok() { parts.join(", ") } else { "(not readable)".into() }
}
