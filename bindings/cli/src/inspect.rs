//! `inspect`: what bytes say, decoded and believed by nobody.

use attest_core::collateral::Collateral;
use attest_core::tee::snp::{Cpuid, Fields, ProductLine, Report, TcbLayout};
use attest_core::values::{Hex, Value};
use attest_core::x509::{Certificate, CertificateList, Name};
use attest_core::{Evidence, Format, Verifier};
use serde_json::{Map, json};

use crate::answer::Answer;
use crate::args::Inspect;
use crate::exit::{Exit, Failure};
use crate::flags::{self, KEY_INFO, PLATFORM_INFO, POLICY};
use crate::{collateral, input, layout};

const WARNING: &str = "NOT VERIFIED: this is what the bytes say";

impl Inspect {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let bytes = input::read(&self.file)?;
        let text = match Verifier::new().detect(&bytes) {
            Ok(evidence) => self.show_evidence(&evidence)?,
            Err(error) => {
                // Whatever is no evidence may be certificates; if it is neither, what it is not evidence for is the answer.
                let about = Failure::about(self.file.display(), error);
                let collateral = match collateral::parse(&self.file, &bytes) {
                    Ok(collateral) => collateral,
                    Err(_) if about.exit != Exit::Unsupported => return Err(about),
                    Err(other) if bytes.first() == Some(&0x30) || bytes.starts_with(b"-----") => {
                        return Err(other);
                    }
                    Err(_) => return Err(about),
                };
                self.show_collateral(&collateral)
            }
        };
        Ok(Answer::text(text))
    }

    fn show_evidence(&self, evidence: &Evidence) -> Result<String, Failure> {
        let about = |error| Failure::about(self.file.display(), error);
        // The core may grow: a format of a newer core is not decoded here yet.
        let report = match evidence.format {
            Format::Snp => Report::parse(&evidence.bytes).map_err(about)?,
            other => {
                return Err(Failure::new(
                    Exit::Unsupported,
                    format_args!("cannot show format {}", other.id()),
                ));
            }
        };
        let decoded = Decoded::of(report.fields());
        if self.json {
            let fields: Map<_, _> =
                decoded.fields.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
            let flags: Map<_, _> =
                decoded.flags.iter().map(|(name, set)| ((*name).into(), json!(set))).collect();
            let document = json!({
                "version": 1,
                "verified": false,
                "format": evidence.format.id(),
                "tcb_layout": decoded.layout,
                "fields": fields,
                "flags": flags,
                "certificates": certificates(&evidence.carried),
                "crls": crls(&evidence.carried),
            });
            return Ok(document.to_string() + "\n");
        }
        let mut text = format!("{WARNING}\n");
        if self.hex {
            text += &layout::dump(report.as_bytes());
        } else {
            let width = decoded.fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
            for (name, value) in &decoded.fields {
                text += &format!("{name:width$}  {value}\n");
                if let Some((_, set)) = decoded.flags.iter().find(|(flag, _)| flag == name) {
                    let names = if set.is_empty() { "no flag is set".into() } else { set.join(" ") };
                    text += &format!("{:width$}  {names}\n", "");
                }
            }
            text += &format!("{:width$}  {}\n", "tcb layout", decoded.layout);
        }
        Ok(text + &listing(&evidence.carried))
    }

    fn show_collateral(&self, collateral: &Collateral) -> String {
        if self.json {
            let document = json!({
                "version": 1,
                "verified": false,
                "certificates": certificates(collateral),
                "crls": crls(collateral),
            });
            return document.to_string() + "\n";
        }
        format!("{WARNING}\n{}", listing(collateral))
    }
}

/// A report's fields and flags as text.
struct Decoded {
    fields: Vec<(&'static str, String)>,
    flags: Vec<(&'static str, Vec<String>)>,
    layout: String,
}

impl Decoded {
    fn of(report: &Fields) -> Self {
        let line = report.cpuid().and_then(Cpuid::line);
        let (layout, name) = match line {
            Some(line) => (line.tcb_layout(), line.name().into()),
            // Milan's layout is Genoa's too; only those two wrote reports without CPUID bytes.
            None => (
                TcbLayout::Milan,
                format!("{}, assumed: the report names no known CPU", ProductLine::Milan.name()),
            ),
        };
        let mut fields = Vec::new();
        report.for_each(|name, value| fields.push((name, value.to_string())), layout);
        let policy = flags::names(report.policy(), POLICY, 0xffff);
        let key_info = flags::names(u64::from(report.key_info()), KEY_INFO, 0b1_1100);
        let flags = Vec::from([
            ("policy", policy),
            ("platform_info", flags::names(report.platform_info(), PLATFORM_INFO, 0)),
            ("key_info", key_info),
        ]);
        Self { fields, flags, layout: name }
    }
}

fn listing(collateral: &Collateral) -> String {
    let mut text = String::new();
    for (kind, list) in [("certificate", certificates(collateral)), ("crl", crls(collateral))] {
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

fn certificates(collateral: &Collateral) -> Vec<Map<String, serde_json::Value>> {
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

fn crls(collateral: &Collateral) -> Vec<Map<String, serde_json::Value>> {
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
