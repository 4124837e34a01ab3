//! Verdicts as JSON: one stable form, the same bytes for the same inputs, in every language.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::checks::{Checks, Entry, Outcome};
use crate::claims::Claims;
use crate::error::Refused;
use crate::evidence::Format;
use crate::explain::lists;
use crate::policy::Verdict;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    format: &'static str,
    verdict: &'static str,
    /// Rules that do not hold and only warn; a refusal has no rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_check: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Named<'a>>,
    checks: Vec<Line>,
    not_reached: Vec<&'static str>,
    never_checked: Vec<Never>,
}

#[derive(Serialize)]
struct Never {
    what: &'static str,
    why: &'static str,
}

#[derive(Serialize)]
struct Line {
    id: &'static str,
    outcome: &'static str,
    title: &'static str,
    clause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    expected: String,
    actual: String,
}

/// Claims as an object in their own order.
struct Named<'a>(&'a Claims);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut named = Vec::new();
        self.0.for_each(|name, value| named.push((name, value.to_string())));
        let mut map = serializer.serialize_map(Some(named.len()))?;
        named.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

fn line(entry: &Entry) -> Line {
    let (outcome, why) = match entry.outcome {
        Outcome::Failed => ("failed", None),
        Outcome::NotApplicable(why) => ("not-applicable", Some(why)),
        Outcome::Passed => ("passed", None),
        Outcome::Warned => ("warned", None),
    };
    Line {
        id: entry.check.id,
        outcome,
        title: entry.check.title,
        clause: entry.check.clause,
        why,
        expected: entry.expected.to_string(),
        actual: entry.actual.to_string(),
    }
}

fn document(format: Format, verdict: &'static str, checks: &Checks) -> Document<'static> {
    let (verify, policy, never) = lists(format);
    let not_reached = checks.not_reached(verify).chain(checks.not_reached(policy));
    Document {
        version: 1,
        format: format.id(),
        verdict,
        warnings: None,
        error: None,
        error_check: None,
        claims: None,
        checks: checks.iter().map(line).collect(),
        not_reached: not_reached.map(|check| check.id).collect(),
        never_checked: never.iter().map(|(what, why)| Never { what, why }).collect(),
    }
}

/// A verdict as JSON, on one line.
pub fn verdict_to_json(verdict: &Verdict) -> String {
    let word = match verdict {
        Verdict::Accepted(_) => "accepted",
        Verdict::Rejected(rejected) if rejected.only_collateral_is_missing() => "missing",
        Verdict::Rejected(_) => "rejected",
    };
    let claims = verdict.claims();
    let mut document = document(claims.format(), word, verdict.checks());
    document.warnings = Some(verdict.warnings());
    document.claims = Some(Named(claims));
    serde_json::to_string(&document).unwrap_or_default()
}

/// A refusal as JSON, on one line. It has no claims: nothing unverified is shown as one.
pub fn refused_to_json(refused: &Refused, format: Format) -> String {
    let mut document = document(format, "refused", &refused.checks);
    document.error = Some(refused.error.to_string());
    document.error_check = refused.error.check_id();
    serde_json::to_string(&document).unwrap_or_default()
}
