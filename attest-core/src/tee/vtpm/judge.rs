//! Judgement: each rule of a policy held against verified claims.

use alloc::format;

use super::checks::policy as checks;
use super::claims::{Claims, word};
use super::eventlog::{Outcome, State};
use super::policy::Policy;
use crate::checks::Checks;
use crate::rules::{Bit, OneOf, Registers, Unusual};
use crate::values::Value;

const ANY: &str = "the policy takes any";

impl Policy {
    /// Judges every rule, in the order of the checks' list.
    pub(crate) fn judge(&self, claims: &Claims, out: &mut Checks) {
        self.judge_origin(claims, out);
        let safe = claims.clock().safe;
        match self.clock_safe {
            Bit::Any => out.not_applicable(&checks::CLOCK_SAFE, ANY),
            rule @ (Bit::Clear | Bit::Set) => {
                let word = |bit| if bit { "set" } else { "clear" };
                out.require(&checks::CLOCK_SAFE, rule.allows(safe), rule.expected(), word(safe));
            }
        }
        let version = claims.firmware_version();
        match &self.firmware_versions {
            OneOf::Any => out.not_applicable(&checks::FIRMWARE_VERSION, ANY),
            rule @ OneOf::Listed(_) => {
                let allowed = rule.allows(&version);
                out.require(&checks::FIRMWARE_VERSION, allowed, rule.expected(), Value::Bits(version));
            }
        }
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
        let root = claims.root();
        match &self.roots {
            OneOf::Any => out.not_applicable(&checks::ROOT, ANY),
            rule @ OneOf::Listed(_) => {
                out.require(&checks::ROOT, rule.allows(&root), rule.expected(), root.name());
            }
        }
        let path = claims.ak_path();
        match &self.ak_paths {
            OneOf::Any => out.not_applicable(&checks::AK_PATH, ANY),
            rule @ OneOf::Listed(_) => {
                out.require(&checks::AK_PATH, rule.allows(&path), rule.expected(), path.name());
            }
        }
        let known = claims.ak_attributes().is_some();
        match self.unknown_attributes {
            Unusual::Any => out.not_applicable(&checks::AK_ATTRIBUTES, ANY),
            rule @ Unusual::Refuse => {
                let actual = if known { "known" } else { "not known" };
                out.require(&checks::AK_ATTRIBUTES, rule.allows(!known), "known", actual);
            }
        }
        match &self.hierarchies {
            OneOf::Any => out.not_applicable(&checks::HIERARCHY, ANY),
            rule @ OneOf::Listed(_) => {
                let hierarchy = claims.hierarchy();
                let allowed = hierarchy.is_some_and(|hierarchy| rule.allows(&hierarchy));
                let actual = hierarchy.map_or("another parent", |hierarchy| hierarchy.name());
                out.require(&checks::HIERARCHY, allowed, rule.expected(), actual);
            }
        }
        match self.stale_evidence {
            Unusual::Any => out.not_applicable(&checks::FRESHNESS, ANY),
            rule @ Unusual::Refuse => {
                let fresh = claims.fresh();
                let actual = if fresh { "compared" } else { "not compared" };
                out.require(&checks::FRESHNESS, rule.allows(!fresh), "compared", actual);
            }
        }
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
