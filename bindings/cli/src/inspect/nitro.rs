//! Nitro documents: what the map in them says, and the certificates that they bring.

use attest_core::collateral::Collateral;
use attest_core::tee::nitro::Document;
use attest_core::values::Value;
use attest_core::{Error, Evidence};
use serde_json::{Map, json};

use super::WARNING;
use super::certificates::{certificates, crls, listing};
use crate::args::Inspect;

/// A document as JSON or as text.
pub(super) fn show(how: &Inspect, evidence: &Evidence) -> Result<String, Error> {
    let document = Document::parse(&evidence.bytes)?;
    let mut fields: Vec<(&str, String)> = Vec::new();
    document.for_each(|name, value: Value| fields.push((name, value.to_string())));
    let chain = chain(&document)?;
    if how.json {
        let fields: Map<_, _> = fields.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
        let document = json!({
            "version": 1,
            "verified": false,
            "format": evidence.format.id(),
            "fields": fields,
            "chain": certificates(&chain),
            "certificates": certificates(&evidence.carried),
            "crls": crls(&evidence.carried),
        });
        return Ok(document.to_string() + "\n");
    }
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = format!("{WARNING}\n");
    for (name, value) in &fields {
        text += &format!("{name:width$}  {value}\n");
    }
    Ok(text + &listing(&chain) + &listing(&evidence.carried))
}

/// The certificates that the document brings, leaf first, to be shown and no more.
fn chain(document: &Document<'_>) -> Result<Collateral, Error> {
    let mut chain = Collateral::new();
    let above = document.cabundle().iter().rev().copied();
    for der in std::iter::once(document.certificate()).chain(above) {
        chain.add(der)?;
    }
    Ok(chain)
}
