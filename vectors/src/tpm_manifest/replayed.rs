//! Event logs beside quotes.
//!
//! The policy demands that the log replays each quoted register of the firmware, and each other quoted register that it has
//! events for. `flags` name claims that must not be made although it does.

use attest_core::crypto::HashAlgorithm;
use attest_core::eventlog::{Boot, Compared, Coverage, Log, Outcome, Register, Replay, State};
use attest_core::rules::{AllOf, Bit, OneOf};
use attest_core::{Error, Policy};
use serde_json::Value;

use super::facts::{LOG, of_log};
use super::quote::{Question, Registers, allowing, handed_over, registers};
use super::{Entry, Judge, Judged, Wrong};

/// How flags end that name such a claim.
const REFUSED: &str = "-claim-must-be-refused";
/// The verdict on a log that replays and of which a claim is refused.
const SEMANTICS: &str = "eventlog-semantics";

impl Judge<'_> {
    pub(super) fn quote_and_log(&self, entry: &Entry<'_>) -> Judged {
        let question = self.question(entry, vec![handed_over(entry, "")?])?;
        self.quote_facts(entry, entry.expected(), &["event_log"])?;
        let policy = allowing(&self.policy, entry.words("policy_allow"))?;
        let wanted = &entry.expected()["event_log"];
        let log = match Log::parse(entry.file("event_log")?) {
            Ok(log) => log,
            Err(error) => {
                // Its facts cannot be compared; the refusal must be the one that is asked for.
                let word = wanted["parse"].as_str().unwrap_or(entry.verdict);
                self.reasons.judge_tpm(word, Some(error.check_id()), &[])?;
                crate::facts::all(wanted, |name, value| Ok(LOG.contains(&name).then(|| value.clone())))?;
                return Ok(self.judge_quote(entry, &question, &policy, entry.verdict)?);
            }
        };
        let claims = self.claims(&question)?.ok_or("verification leaves nothing")?;
        let registers = registers(entry, Some(&claims))?;
        self.log_facts(wanted, &log, &registers)?;
        let bank = banks(wanted, &registers).pop().ok_or("no quoted bank is in the log")?;
        let policy = demanding(policy, self.demanded(&log, bank, &registers)?);
        let verdict = if entry.verdict == SEMANTICS { "valid" } else { entry.verdict };
        let answer = self.judge_quote(entry, &question, &policy, verdict)?;
        for bank in banks(wanted, &registers) {
            self.outcomes(entry, &log, bank, &registers)?;
        }
        let boot = Boot::new(self.compared(&log, bank, &registers)?, self.provider()?);
        for flag in entry.words("flags") {
            self.flag(entry, flag, &boot, &question, &policy)?;
        }
        // Of a valid entry no claim of its own is refused.
        if (entry.verdict == SEMANTICS) != entry.words("flags").any(|flag| flag.ends_with(REFUSED)) {
            return Err(Wrong::Fails("the verdict is another than that of its flags".to_owned()));
        }
        Ok(format!("{answer}; {}", said(&boot)))
    }

    /// Facts of a log; beside quoted registers also those that it does not explain.
    pub(super) fn log_facts(
        &self,
        wanted: &Value,
        log: &Log<'_>,
        registers: &Registers,
    ) -> Result<(), String> {
        crate::facts::all(wanted, |name, value| {
            if name != "quoted_pcrs_without_events" {
                return of_log(name, log, value, self.provider()?);
            }
            for bank in banks(wanted, registers) {
                let compared = self.compared(log, bank, registers)?;
                let unexplained =
                    compared.outcomes().filter(|(_, outcome)| matches!(outcome, Outcome::Unexplained { .. }));
                let unexplained: Vec<u8> = unexplained.map(|(pcr, _)| pcr).collect();
                crate::facts::equal(name, value, &unexplained.into())?;
            }
            Ok(Some(value.clone()))
        })
    }

    fn compared<'a>(
        &self,
        log: &Log<'a>,
        bank: HashAlgorithm,
        registers: &Registers,
    ) -> Result<Compared<'a>, String> {
        let replay = Replay::new(log, bank, self.provider()?);
        Ok(replay.compare(|bank, index| registers.get(&(bank, index)).copied()))
    }

    /// Quoted registers that the log must replay: the firmware's, and those that it has events for.
    fn demanded(&self, log: &Log<'_>, bank: HashAlgorithm, registers: &Registers) -> Result<Vec<u8>, String> {
        let replay = Replay::new(log, bank, self.provider()?);
        let quoted = registers.keys().filter(|(of, _)| *of == bank).map(|(_, index)| *index);
        let told = |index: u8| matches!(replay.register(index), Some(Register::Value(_)));
        Ok(quoted.filter(|index| Compared::FIRMWARE.contains(index) || told(*index)).collect())
    }

    /// How the log stands to one quoted bank.
    fn outcomes(
        &self,
        entry: &Entry<'_>,
        log: &Log<'_>,
        bank: HashAlgorithm,
        registers: &Registers,
    ) -> Result<(), String> {
        let compared = self.compared(log, bank, registers)?;
        let result = compared.require(&self.demanded(log, bank, registers)?);
        let mismatch = compared.outcomes().any(|(_, outcome)| matches!(outcome, Outcome::Mismatch { .. }));
        if mismatch != (entry.verdict == "eventlog-replay-mismatch") {
            return Err(format!("{}: a register that is a mismatch: {mismatch}", bank.name()));
        }
        let verdict = match entry.verdict {
            // Not about the log, or about what it claims.
            SEMANTICS | "pcr-bank-not-allowed" => "valid",
            other => other,
        };
        self.reasons.judge_tpm(verdict, id(&result), &[])?;
        for event in compared.judge(self.provider()?) {
            let explained = event.register().is_some_and(|pcr| compared.is_replayed(pcr));
            let proven = matches!(event.coverage(), Coverage::Covered(_) | Coverage::Uncovered);
            if explained != proven {
                return Err(format!("event {}: {:?}", event.number(), event.coverage()));
            }
        }
        Ok(())
    }

    /// A claim that must not be made.
    fn flag(
        &self,
        entry: &Entry<'_>,
        flag: &str,
        boot: &Boot<'_>,
        question: &Question,
        policy: &Policy,
    ) -> Result<(), String> {
        let refused = |found: Option<&str>| self.reasons.judge_tpm(SEMANTICS, found, &[]);
        let holds = match flag {
            "secure-boot-claim-must-be-refused" => {
                refused(id(&boot.secure_boot()))?;
                // The policy's rule comes to the same.
                let answer = self.answer(question, &secure(policy.clone()))?;
                self.reasons.judge_tpm(entry.verdict, answer.check.as_deref(), &answer.failed)?;
                true
            }
            "boot-chain-claim-must-be-refused" => refused(id(&boot.boot_chain())).map(|()| true)?,
            "unmeasured-event-present" => {
                boot.events().iter().any(|event| event.coverage() == Coverage::Unmeasured)
            }
            "event-data-unverified:EV_IPL in PCR 9" => {
                let mut files = boot.events().iter().filter(|event| event.register() == Some(9)).peekable();
                files.peek().is_some() && files.all(|event| event.coverage() == Coverage::Uncovered)
            }
            // Nothing is said of the order between registers, nor of a bank that was not quoted: there is no call for it.
            "cross-pcr-order-unprotected" | "banks-not-quoted-are-unverified" => true,
            other => return Err(format!("a flag that is not known: {other}")),
        };
        if holds { Ok(()) } else { Err(format!("{flag}: it is not so")) }
    }
}

/// Quoted banks of which the manifest states the replay, weakest first. One machine also quotes a bank of which it does not.
fn banks(wanted: &Value, registers: &Registers) -> Vec<HashAlgorithm> {
    let both = |bank: &HashAlgorithm| {
        wanted["replay"].get(bank.name()).is_some() && registers.keys().any(|(quoted, _)| quoted == bank)
    };
    HashAlgorithm::ALL.iter().copied().filter(both).collect()
}

fn id<T>(result: &Result<T, Error>) -> Option<&'static str> {
    result.as_ref().err().and_then(Error::check_id)
}

fn demanding(mut policy: Policy, registers: Vec<u8>) -> Policy {
    if let Some(policy) = &mut policy.vtpm {
        policy.replayed = AllOf(OneOf::Listed(registers));
    }
    policy
}

fn secure(mut policy: Policy) -> Policy {
    if let Some(policy) = &mut policy.vtpm {
        policy.secure_boot = Bit::Set;
    }
    policy
}

/// What the log proves, for the line.
fn said(boot: &Boot<'_>) -> String {
    let secure_boot = match boot.secure_boot() {
        Ok(claim) if claim.state() == State::Enabled => "Secure Boot on".to_owned(),
        Ok(_) => "Secure Boot off".to_owned(),
        Err(error) => format!("Secure Boot not proven ({})", error.check_id().unwrap_or_default()),
    };
    match boot.boot_chain() {
        Ok(chain) => format!("{secure_boot}; {} images", chain.images().count()),
        Err(error) => format!("{secure_boot}; images not proven ({})", error.check_id().unwrap_or_default()),
    }
}
