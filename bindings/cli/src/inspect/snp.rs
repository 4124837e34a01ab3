//! SNP reports: fields, and flags by name.

use attest_core::Evidence;
use attest_core::tee::snp::{Cpuid, Fields, ProductLine, Report, TcbLayout};
use serde_json::{Map, json};

use super::certificates::{certificates, crls, listing};
use super::flags::{self, KEY_INFO, PLATFORM_INFO, POLICY};
use super::{WARNING, layout};
use crate::args::Inspect;

/// A report as JSON, as marked bytes, or as text.
pub(super) fn show(how: &Inspect, evidence: &Evidence) -> Result<String, attest_core::Error> {
    let report = Report::parse(&evidence.bytes)?;
    let decoded = Decoded::of(report.fields());
    if how.json {
        let fields: Map<_, _> =
            decoded.fields.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
        let flags: Map<_, _> = decoded.flags.iter().map(|(name, set)| ((*name).into(), json!(set))).collect();
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
    if how.hex {
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
