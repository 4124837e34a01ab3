//! TDX quotes: the TD's report, the quoting enclave's, and who the platform says it is.

use attest_core::eventlog::Log;
use attest_core::tee::tdx::{Quote, TdxEvidence};
use attest_core::values::{Hex, Value};
use attest_core::{Error, Evidence};
use serde_json::{Map, json};

use super::WARNING;
use super::certificates::{certificates, crls, documents, listing};
use super::flags::{self, TD_ATTRIBUTES};
use crate::args::Inspect;

/// A quote as JSON or as text.
pub(super) fn show(how: &Inspect, evidence: &Evidence) -> Result<String, Error> {
    let parts = TdxEvidence::parse(&evidence.bytes)?;
    let quote = Quote::parse(&parts.quote)?;
    let fields = fields(&quote);
    let attributes = flags::names(quote.report().td_attributes(), TD_ATTRIBUTES, 0);
    let chain = chain(&quote)?;
    let events = match parts.event_log.as_slice() {
        [] => None,
        area => Some(Log::parse_cc(area)?.len()),
    };
    if how.json {
        let fields: Map<_, _> = fields.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
        let document = json!({
            "version": 1,
            "verified": false,
            "format": evidence.format.id(),
            "fields": fields,
            "flags": { "td_attributes": attributes },
            "events": events,
            "pck_chain": certificates(&chain),
            "certificates": certificates(&evidence.carried),
            "crls": crls(&evidence.carried),
            "documents": documents(&evidence.carried),
        });
        return Ok(document.to_string() + "\n");
    }
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = format!("{WARNING}\n");
    for (name, value) in &fields {
        text += &format!("{name:width$}  {value}\n");
        if *name == "td_attributes" {
            let names = if attributes.is_empty() { "no bit is set".into() } else { attributes.join(" ") };
            text += &format!("{:width$}  {names}\n", "");
        }
    }
    let events = events.map_or_else(|| "none".to_owned(), |count| format!("{count} events"));
    text += &format!("{:width$}  {events}\n", "event_log");
    Ok(text + &listing(&chain) + &listing(&evidence.carried))
}

fn fields(quote: &Quote<'_>) -> Vec<(&'static str, String)> {
    let qe = quote.qe_report();
    let mut fields = Vec::from([
        ("version", quote.version().to_string()),
        ("report_form", quote.report().form().to_owned()),
    ]);
    quote.report().for_each(|name, value: Value| fields.push((name, value.to_string())));
    fields.extend([
        ("qe_isv_prod_id", qe.isv_prod_id.to_string()),
        ("qe_isv_svn", qe.isv_svn.to_string()),
        ("qe_mr_signer", Hex(&qe.mr_signer).to_string()),
        ("qe_mr_enclave", Hex(&qe.mr_enclave).to_string()),
        ("qe_attributes", Hex(&qe.attributes).to_string()),
        ("quote_bytes", quote.as_bytes().len().to_string()),
        ("trailer_bytes", quote.trailer().len().to_string()),
    ]);
    fields
}

/// The certificates that the quote brings, to be shown and no more.
fn chain(quote: &Quote<'_>) -> Result<attest_core::collateral::Collateral, Error> {
    let mut chain = attest_core::collateral::Collateral::new();
    let pem = quote.pck_chain();
    chain.add(pem.strip_suffix(b"\0").unwrap_or(pem))?;
    Ok(chain)
}
