//! A bare event log: the boot as it tells it, next to register values or to none.

use attest_core::crypto::HashAlgorithm;
use attest_core::eventlog::{Boot, Coverage, EventKind, Judged, Log, Outcome, REGISTERS, Register, Replay};
use attest_core::values::{Digest, Hex};
use serde_json::{Map, Value, json};

use crate::args::{Inspect, Provider};
use crate::exit::{Exit, Failure};
use crate::tpm_files;

const NOTHING: &str = "NOT VERIFIED: no register values were given, so that nothing here is proven (--pcrs compares with yours)";
const GIVEN: &str =
    "NOT VERIFIED: compared with register values given by you, not quoted; `covered` is worth what they are";

/// Whether `bytes` begin like a log: with an event of register 0 and of a type that has a name, or with whatever can be read to
/// the end. A report's version is never 0.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let begins = match bytes {
        [0, 0, 0, 0, a, b, c, d, ..] => {
            let kind = EventKind(u32::from_le_bytes([*a, *b, *c, *d]));
            kind != EventKind::PREBOOT_CERT && kind.name().is_some()
        }
        _ => false,
    };
    begins || Log::parse(bytes).is_ok_and(|log| !log.is_empty())
}

/// The log as JSON or as text.
pub(super) fn show(how: &Inspect, bytes: &[u8]) -> Result<String, Failure> {
    let log = Log::parse(bytes).map_err(|error| Failure::about(how.file.display(), error))?;
    let given = how.pcrs.as_deref().map(|path| tpm_files::Registers::read([path])).transpose()?;
    let bank = bank(how, &log, given.as_ref())?;
    let provider = Provider::FIRST.get();
    let replay = Replay::new(&log, bank, provider);
    let value = |bank, index| Digest::new(given.as_ref()?.get(bank, index)?);
    let boot = Boot::new(replay.clone().compare(value), provider);
    let indices = 0..u8::try_from(REGISTERS).unwrap_or(u8::MAX);
    let registers: Vec<_> = indices
        .map(|index| (index, replayed(&replay, index), value(bank, index), stands(&boot, index)))
        .filter(|(_, log, given, _)| log.is_some() || given.is_some())
        .collect();
    if how.json {
        let shown = |digest: Option<Digest>| digest.map(|digest| format!("{digest:?}"));
        let registers: Map<_, _> = registers
            .into_iter()
            .map(|(index, log, given, stands)| {
                let entry = json!({ "log": shown(log), "given": shown(given), "outcome": stands });
                (format!("{}:{index}", bank.name()), entry)
            })
            .collect();
        let document = json!({
            "version": 1,
            "verified": false,
            "structure": "event log",
            "compared_with": given.map_or("nothing", |_| "given by the caller, not quoted"),
            "bank": bank.name(),
            "registers": registers,
            "events": boot.events().iter().map(event).collect::<Vec<_>>(),
        });
        return Ok(document.to_string() + "\n");
    }
    let mut text = format!("{}\n", if given.is_some() { GIVEN } else { NOTHING });
    for (index, log, _, stands) in registers {
        let log = log.map_or_else(|| "no value".into(), |digest| format!("{digest:?}"));
        text += &format!("PCR {index:2} by the log {log}  {stands}\n");
    }
    Ok(text + &boot.story(provider).to_string())
}

/// The strongest bank that the log has, of those that were given if some were.
fn bank(
    how: &Inspect,
    log: &Log<'_>,
    given: Option<&tpm_files::Registers>,
) -> Result<HashAlgorithm, Failure> {
    let has = |bank: &HashAlgorithm| log.banks().iter().any(|of| of.algorithm() == Some(*bank));
    let names: Vec<_> = HashAlgorithm::ALL.iter().filter(|bank| has(bank)).map(|bank| bank.name()).collect();
    let found = match given {
        None => HashAlgorithm::ALL.iter().copied().rev().find(has),
        Some(given) => given.banks().rev().find(has),
    };
    found.ok_or_else(|| match given {
        None => {
            let file = how.file.display();
            Failure::new(Exit::Unsupported, format_args!("{file}: no bank of the log is known"))
        }
        Some(_) => Failure::usage(format_args!(
            "--pcrs: values of a bank of the log are expected ({}), got none",
            names.join(", ")
        )),
    })
}

fn replayed(replay: &Replay<'_>, index: u8) -> Option<Digest> {
    match replay.register(index) {
        Some(Register::Value(digest)) => Some(digest),
        // Nothing to show: without events, or with events that have no digest of this bank.
        _ => None,
    }
}

/// How the log stands to the value that was given.
fn stands(boot: &Boot<'_>, index: u8) -> &'static str {
    match boot.registers().outcome(index) {
        Some(Outcome::Mismatch { .. }) => "OTHER THAN GIVEN",
        Some(Outcome::Replayed) => "as given",
        Some(Outcome::Unexplained { .. }) => "NO EVENT EXPLAINS WHAT WAS GIVEN",
        Some(Outcome::UnsupportedBank(_)) => "cannot be replayed in this bank",
        Some(Outcome::Untouched) => "as given: never extended",
        // No value was given, or a newer core knows more.
        _ => "unverified",
    }
}

fn event(event: &Judged<'_>) -> Value {
    let (rule, proven) = match event.coverage() {
        Coverage::Covered(data) => (Some(data.rule().name()), Some(Hex(data.as_bytes()).to_string())),
        Coverage::Uncovered | Coverage::Unexplained | Coverage::Unmeasured => (None, None),
    };
    json!({
        "number": event.number(),
        "register": event.register(),
        "type": event.kind().dangerous_unproven().to_string(),
        "digest": Hex(event.digest().dangerous_unproven()).to_string(),
        "coverage": event.coverage().word(),
        "rule": rule,
        "covered_data": proven,
        "data": Hex(event.label().dangerous_unproven()).to_string(),
    })
}
