//! Judgement: each rule of a policy held against verified claims.

use alloc::format;

use super::checks::policy as checks;
use super::claims::{Claims, word};
use super::policy::Policy;
use crate::checks::Checks;
use crate::eventlog::{Outcome, State};
use crate::rules::judge::{ANY, bit, listed, unusual};
use crate::rules::{Bit, OneOf, Registers};
use crate::values::Value;

impl Policy {
    /// Judges every rule, in the order of the checks' list.
    pub(crate) fn judge(&self, claims: &Claims, out: &mut Checks) {
        self.judge_origin(claims, out);
        bit(out, &checks::CLOCK_SAFE, self.clock_safe, claims.clock().safe);
        let version = claims.firmware_version();
        listed(out, &checks::FIRMWARE_VERSION, &self.firmware_versions, &version, Value::Bits(version));
        match &self.banks {
            OneOf::Any => out.not_applicable(&checks::BANKS, ANY),
            rule @ OneOf::Listed(_) => {
                let stranger = claims.pcrs().banks().find(|bank| !rule.allows(bank));
                let actual = stranger.map_or("only those", |bank| bank.name());
                out.require(&checks::BANKS, stranger.is_none(), rule.expected(), actual);
            }
        }
        self.judge_registers(claims, out);
        self.judge_log(claims, out);
    }

    /// Who vouches for the key, what the key is, and how fresh the quotes are.
    fn judge_origin(&self, claims: &Claims, out: &mut Checks) {
        let (root, path) = (claims.root(), claims.ak_path());
        listed(out, &checks::ROOT, &self.roots, &root, root.name());
        listed(out, &checks::AK_PATH, &self.ak_paths, &path, path.name());
        let known = claims.ak_attributes().is_some();
        let actual = if known { "known" } else { "not known" };
        unusual(out, &checks::AK_ATTRIBUTES, self.unknown_attributes, !known, "known", actual);
        match &self.hierarchies {
            OneOf::Any => out.not_applicable(&checks::HIERARCHY, ANY),
            rule @ OneOf::Listed(_) => {
                let hierarchy = claims.hierarchy();
                let allowed = hierarchy.is_some_and(|hierarchy| rule.allows(&hierarchy));
                let actual = hierarchy.map_or("another parent", |hierarchy| hierarchy.name());
                out.require(&checks::HIERARCHY, allowed, rule.expected(), actual);
            }
        }
        let actual = if claims.fresh() { "compared" } else { "not compared" };
        unusual(out, &checks::FRESHNESS, self.stale_evidence, !claims.fresh(), "compared", actual);
    }

    fn judge_registers(&self, claims: &Claims, out: &mut Checks) {
        let Registers::Listed(rules) = &self.pcrs else {
            checks::PCRS.iter().for_each(|check| out.not_applicable(check, ANY));
            return;
        };
        // Files refuse both: a list of nothing, and a register that a PC does not have.
        let stranger = rules.keys().find(|(_, index)| usize::from(*index) >= checks::PCRS.len());
        for (index, check) in (0_u8..).zip(checks::PCRS) {
            let mut named = rules.is_empty() || stranger.is_some();
            if named {
                out.require_again(check, false, "registers from 0 to 23", "none, or another");
            }
            // One line a register, with the graver outcome of its banks.
            for ((bank, _), rule) in rules.iter().filter(|((_, of), _)| *of == index) {
                named = true;
                let value = claims.pcrs().get(*bank, index);
                let allowed = value.is_some_and(|value| rule.allows(value));
                let actual = value.map_or(Value::Phrase("not quoted"), |value| (*value).into());
                out.require_again(check, allowed, rule.expected_one(), actual);
            }
            if !named {
                out.not_applicable(check, "the policy names no value of this register");
            }
        }
    }

    fn judge_log(&self, claims: &Claims, out: &mut Checks) {
        let log = claims.log();
        // A guest can extend a bank that firmware leaves alone (CVE-2021-42299): the log must hold where values are demanded.
        let named = self.pcrs.banks();
        match &self.replayed.0 {
            OneOf::Any => {
                out.not_applicable(&checks::EVENT_LOG, "the policy demands no register to be explained")
            }
            OneOf::Listed(registers) => {
                let outcome = |index| log.map_or(Outcome::Unverified, |log| log.outcome(index, &named));
                let failed = registers.iter().find(|index| outcome(**index) != Outcome::Replayed);
                let actual = match (log, failed) {
                    (None, _) => Value::Phrase("no event log"),
                    (Some(_), None) => Value::Phrase("all replayed"),
                    (Some(_), Some(index)) => {
                        Value::text(&format!("register {index}: {}", word(outcome(*index))))
                    }
                };
                // An empty list demands a log, and no more.
                let ok = failed.is_none() && log.is_some();
                out.require(&checks::EVENT_LOG, ok, "all replayed", actual);
            }
        }
        let state = log.and_then(|log| log.secure_boot(&named));
        match self.secure_boot {
            Bit::Any => out.not_applicable(&checks::SECURE_BOOT, ANY),
            rule @ (Bit::Clear | Bit::Set) => {
                let allowed = state.is_some_and(|state| rule.allows(state == State::Enabled));
                let actual = match state {
                    None => "not proven",
                    Some(State::Disabled) => "clear",
                    Some(State::Enabled) => "set",
                };
                out.require(&checks::SECURE_BOOT, allowed, rule.expected(), actual);
            }
        }
    }
}
