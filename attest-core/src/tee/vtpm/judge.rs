//! Judgement: each rule of a policy held against verified claims.

use alloc::format;
use alloc::string::String;

use super::checks::policy as checks;
use super::claims::{CertificateClaims, Claims, Revocation, word};
use super::ek_certificate::EkClaims;
use super::gce::{GceInfo, GceInstance};
use super::log::LogClaims;
use super::pcrsig::SignedState;
use super::policy::{MachineRules, Policy};
use crate::checks::Checks;
use crate::eventlog::{Outcome, State};
use crate::rules::judge::{ANY, bit, listed, listed_if_known, unusual};
use crate::rules::{Bit, OneOf, Registers, Unusual};
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
        self.judge_signed(claims, out);
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
        let unchecked = claims.revocation() == Some(Revocation::Unchecked);
        let actual = if unchecked { "not checked" } else { "checked, or nothing to check" };
        unusual(out, &checks::REVOCATION, self.unchecked_revocation, unchecked, "checked", actual);
        self.machine.judge(claims, out);
        let (usual, none) = ("8 bytes or more were compared", "none, or fewer");
        let actual = if claims.fresh() { usual } else { none };
        unusual(out, &checks::FRESHNESS, self.stale_evidence, !claims.fresh(), usual, actual);
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

    fn judge_signed(&self, claims: &Claims, out: &mut Checks) {
        let OneOf::Listed(registers) = &self.signed_pcrs.0 else {
            out.not_applicable(&checks::SIGNED_PCRS, "the policy demands no signed registers");
            return;
        };
        let states = claims.signed_pcrs();
        let covers = |state: &SignedState| registers.iter().all(|index| state.covers(*index));
        let ok = states.iter().any(covers);
        let actual = match (states, ok) {
            (_, true) => "signed",
            ([], false) => "no signature of these values",
            (_, false) => "a signature that does not cover them all",
        };
        out.require(&checks::SIGNED_PCRS, ok, "signed", actual);
    }

    fn judge_log(&self, claims: &Claims, out: &mut Checks) {
        let log = claims.log();
        // A guest can extend a bank that firmware leaves alone (CVE-2021-42299): the log must hold where values are demanded.
        let named = self.pcrs.banks();
        let contradicted = log
            .and_then(LogClaims::contradiction)
            .map(|(bank, index)| Value::text(&format!("{} register {index}: mismatch", bank.name())));
        match (self.log_contradiction, contradicted) {
            (_, None) if log.is_none() => {
                out.not_applicable(&checks::LOG_CONTRADICTION, "no event log came along");
            }
            (Unusual::Any, None) => out.not_applicable(&checks::LOG_CONTRADICTION, ANY),
            (Unusual::Any, Some(actual)) => out.warn(&checks::LOG_CONTRADICTION, "no contradiction", actual),
            (rule @ Unusual::Refuse, actual) => {
                let allowed = rule.allows(actual.is_some());
                let actual = actual.unwrap_or(Value::Phrase("no contradiction"));
                out.require(&checks::LOG_CONTRADICTION, allowed, "no contradiction", actual);
            }
        }
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

impl MachineRules {
    fn judge(&self, claims: &Claims, out: &mut Checks) {
        let certificate = claims.certificate();
        let text = |text: &str| (String::from(text), Value::text(text));
        let subject = certificate.and_then(CertificateClaims::subject_common_name).map(text);
        listed_if_known(out, &checks::CERTIFICATE_SUBJECT, &self.certificate_subjects, subject);
        // Only an authority that says to be a production one names anybody.
        let instance = certificate.and_then(CertificateClaims::gce).and_then(GceInfo::instance);
        let named = |name: fn(&GceInstance) -> &str| instance.map(|instance| text(name(instance)));
        let numbered = |number: fn(&GceInstance) -> u64| {
            instance.map(|instance| (number(instance), Value::from(number(instance))))
        };
        listed_if_known(out, &checks::GCE_ZONE, &self.gce_zones, named(GceInstance::zone));
        let number = numbered(GceInstance::project_number);
        listed_if_known(out, &checks::GCE_PROJECT_NUMBER, &self.gce_project_numbers, number);
        listed_if_known(out, &checks::GCE_PROJECT_ID, &self.gce_project_ids, named(GceInstance::project_id));
        let number = numbered(GceInstance::instance_id);
        listed_if_known(out, &checks::GCE_INSTANCE_ID, &self.gce_instance_ids, number);
        let name = named(GceInstance::instance_name);
        listed_if_known(out, &checks::GCE_INSTANCE_NAME, &self.gce_instance_names, name);
        listed_if_known(out, &checks::AZURE_VM_ID, &self.azure_vm_ids, claims.azure_vm_id().map(text));
        let spki = claims
            .ek()
            .map(EkClaims::spki_sha256)
            .and_then(|digest| Some((<[u8; 32]>::try_from(digest.as_bytes()).ok()?, Value::from(*digest))));
        listed_if_known(out, &checks::EK_SPKI, &self.ek_spki_sha256, spki);
    }
}
