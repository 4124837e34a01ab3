//! Entries beside quotes: event logs, and the paravisor's report that a quote vouches for.

use attest_core::crypto::HashAlgorithm;
use attest_core::eventlog::{Log, Outcome, Register, Replay};
use attest_core::tee::azure::HclReport;
use attest_core::tee::tdx::{Quote, TdxEvidence};
use attest_core::values::Digest;
use attest_core::{Error, Evidence, Expect, Format};
use serde_json::{Value, json};

use super::Judge;
use crate::hex;

/// Members that say where an entry comes from, and not what it is.
const ABOUT: [&str; 8] = ["id", "kind", "file", "note", "source", "format", "quote_entry", "expect"];

impl Judge<'_> {
    /// Replays a log against the registers of its quote. Where the quote has collateral, the whole line is asked too: what
    /// travels with a quote, and a policy that demands the registers to be explained.
    pub(super) fn event_log(&self, entry: &Value) -> Result<String, String> {
        let area = self.file(&entry["file"])?;
        let of = self.entry(&entry["quote_entry"])?;
        let quote_bytes = self.file(&of["quote"])?;
        let quote = Quote::parse(&quote_bytes).map_err(|error| error.to_string())?;
        let rtmrs = quote.report().rtmrs();
        let log = Log::parse_cc(&area).map_err(|error| error.to_string())?;
        let mut outcomes = None;
        for provider in self.providers {
            let replay = Replay::new(&log, HashAlgorithm::Sha384, provider);
            facts(entry, &log, &replay, &rtmrs)?;
            let value = |index: u8| Digest::new(rtmrs.get(usize::from(index.checked_sub(1)?))?);
            let compared = replay.compare(|_, index| value(index));
            let found: Vec<Outcome> = (1..=4).filter_map(|index| compared.outcome(index)).collect();
            if outcomes.as_ref().is_some_and(|earlier| *earlier != found) {
                return Err("the providers disagree".to_owned());
            }
            outcomes = Some(found);
        }
        let outcomes = outcomes.ok_or("no provider")?;
        let wrong: Vec<String> = (0..)
            .zip(&outcomes)
            .filter(|(_, outcome)| matches!(outcome, Outcome::Mismatch { .. } | Outcome::Unexplained { .. }))
            .map(|(index, _)| format!("rtmr{index}"))
            .collect();
        let found =
            if wrong.is_empty() { "match".to_owned() } else { format!("mismatch: {}", wrong.join(" ")) };
        if entry["expect"] != found.as_str() {
            return Err(found);
        }
        // What fills the area up is no part of the log.
        for fill in [0, 0xff] {
            let filled = [area.as_slice(), &[fill; 512]].concat();
            let again = Log::parse_cc(&filled).map_err(|error| error.to_string())?;
            if again.len() != log.len() || Log::parse(&filled).is_ok() {
                return Err("an area that is filled up is read otherwise".to_owned());
            }
        }
        if !of["collateral"].is_null() {
            self.travels(of, quote_bytes, area, &outcomes)?;
        }
        Ok(found)
    }

    fn travels(&self, of: &Value, quote: Vec<u8>, log: Vec<u8>, outcomes: &[Outcome]) -> Result<(), String> {
        let mut case = self.case(of)?;
        case.evidence = Evidence::new(Format::Tdx, TdxEvidence::new(quote, log).to_bytes());
        for (index, outcome) in (0_u8..).zip(outcomes) {
            let mut policy = self.any.clone();
            let rules = policy.tdx.as_mut().ok_or("no rules for TDX")?;
            rules.replayed = attest_core::rules::AllOf(attest_core::rules::OneOf::only(index));
            let answer = self.answer(&case, Expect::AnyReportData, &policy)?;
            let explained = *outcome == Outcome::Replayed;
            let right = match explained {
                true => answer.exit == 0,
                false => answer.check.as_deref() == Some("tdx.policy.event-log"),
            };
            if !right {
                return Err(format!("register {index}: {answer}"));
            }
        }
        Ok(())
    }

    /// The binding of a paravisor's report to a quote over the same report data.
    pub(super) fn azure(&self, entry: &Value) -> Result<String, String> {
        let bytes = self.file(&entry["hcl_report"])?;
        let report = HclReport::parse(&bytes).map_err(|error| error.to_string())?;
        let of = self.entry(&entry["quote_entry"])?;
        let case = self.case(of)?;
        let answer = self.answer(&case, Expect::ReportData(*report.report_data()), &self.any)?;
        let mut bound: Option<Result<(), Error>> = None;
        for provider in self.providers {
            let compared = report.compare(provider);
            if bound.as_ref().is_some_and(|earlier| *earlier != compared) {
                return Err("the providers disagree".to_owned());
            }
            bound = Some(compared);
        }
        let wanted = entry["expect"].as_str().unwrap_or_default();
        match bound.ok_or("no provider")? {
            Ok(()) if wanted.starts_with("accept") && answer.exit == 0 => {}
            Err(error) if wanted.starts_with("reject") => {
                self.reasons.judge_tdx(&[wanted], error.check_id().unwrap_or_default(), &[])?;
            }
            other => return Err(format!("{other:?}; the quote: {answer}")),
        }
        Ok(wanted.to_owned())
    }
}

/// Facts of a log: how many events each register has, the first of them, and what they replay to.
fn facts(entry: &Value, log: &Log<'_>, replay: &Replay<'_>, rtmrs: &[[u8; 48]; 4]) -> Result<(), String> {
    let members = entry.as_object().into_iter().flatten().filter(|(name, _)| !ABOUT.contains(&name.as_str()));
    for (name, wanted) in members {
        let found = match name.as_str() {
            "event_count" => json!(log.len()),
            "events_per_mr" => {
                let mut counts = serde_json::Map::new();
                for event in log.events().filter(|event| event.register().is_some()) {
                    let index = event.index().dangerous_unproven().to_string();
                    let count = counts.get(&index).and_then(Value::as_u64).unwrap_or_default();
                    counts.insert(index, (count + 1).into());
                }
                Value::Object(counts)
            }
            "replayed" => registers(|index| match replay.register(index + 1) {
                Some(Register::Value(value)) => Some(hex(value.as_bytes())),
                Some(Register::NoEvents) => Some(hex(&[0; 48])),
                _ => None,
            })?,
            "quote" => registers(|index| rtmrs.get(usize::from(index)).map(|value| hex(value)))?,
            "first_events" => {
                let count = wanted.as_array().map_or(0, Vec::len);
                let events = log.events().filter(|event| event.register().is_some()).take(count);
                events
                    .map(|event| {
                        let digest = event.digest(HashAlgorithm::Sha384).ok_or("no SHA-384 digest")?;
                        Ok(json!({
                            "mr": event.index().dangerous_unproven(),
                            "type": format!("{:#010x}", event.kind().dangerous_unproven().0),
                            "digest": hex(digest.dangerous_unproven()),
                            "data_len": event.label().dangerous_unproven().len(),
                        }))
                    })
                    .collect::<Result<Vec<_>, String>>()?
                    .into()
            }
            other => return Err(format!("a fact that is not known: {other}")),
        };
        crate::facts::equal(name, wanted, &found)?;
    }
    Ok(())
}

fn registers(value: impl Fn(u8) -> Option<String>) -> Result<Value, String> {
    let mut map = serde_json::Map::new();
    for index in 0..4 {
        let value = value(index).ok_or_else(|| format!("register {index} has no value"))?;
        map.insert(format!("rtmr{index}"), value.into());
    }
    Ok(Value::Object(map))
}
