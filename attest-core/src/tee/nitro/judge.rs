//! Judgement: each rule of a policy held against verified claims.

use alloc::string::String;

use super::checks::policy as checks;
use super::claims::Claims;
use super::module::Kind;
use super::pcr::REGISTERS;
use super::policy::{Policy, Registers};
use crate::checks::Checks;
use crate::rules::judge::{ANY, listed, unusual};
use crate::rules::{Limit, OneOf};
use crate::values::Value;

impl Policy {
    /// Judges every rule, in the order of the checks' list, and records each in `out`.
    pub fn judge(&self, claims: &Claims, out: &mut Checks) {
        let kind = claims.kind();
        listed(out, &checks::KIND, &self.kinds, &kind, kind.name());
        listed(out, &checks::ROOT, &self.roots, &claims.root(), claims.root().name());
        let actual = if claims.fresh() { "compared" } else { "not compared" };
        unusual(out, &checks::FRESHNESS, self.stale_evidence, !claims.fresh(), "compared", actual);
        match self.max_age_seconds {
            Limit::Any => out.not_applicable(&checks::AGE, ANY),
            Limit::To(most) => {
                let (most, age) = (u64::from(most), claims.age());
                out.require(&checks::AGE, age <= most, Value::Seconds(most), Value::Seconds(age));
            }
        }
        match kind {
            Kind::NitroTpm => out.not_applicable(&checks::DEBUG, "an instance has no debug mode"),
            Kind::Enclave => {
                let debug = claims.debug_mode();
                let actual = if debug { "debug mode" } else { "no debug mode" };
                unusual(out, &checks::DEBUG, self.debug_mode, debug, "no debug mode", actual);
            }
        }
        let (module, instance) = (claims.module_id().as_str(), claims.module_id().instance());
        listed(out, &checks::MODULE_ID, &self.module_ids, &String::from(module), Value::text(module));
        listed(out, &checks::INSTANCE, &self.instances, &String::from(instance), Value::text(instance));
        let unknown = claims.unknown_fields();
        unusual(out, &checks::UNKNOWN_FIELDS, self.unknown_fields, unknown != 0, "0", unknown);
        self.pcrs.judge(claims, out);
    }
}

impl Registers {
    fn judge(&self, claims: &Claims, out: &mut Checks) {
        for (check, index) in checks::PCRS.iter().copied().zip(0..) {
            let rule = match self {
                Self::Any => &OneOf::Any,
                // Files refuse both: a list of nothing, and a register that no document has.
                Self::Listed(listed) if listed.keys().next_back().is_none_or(|last| *last >= REGISTERS) => {
                    out.require(check, false, "registers from 0 to 31", "none, or another");
                    continue;
                }
                Self::Listed(listed) => match listed.get(&index) {
                    Some(rule) => rule,
                    None => {
                        out.not_applicable(check, "the policy has no entry for this register");
                        continue;
                    }
                },
            };
            match (rule, claims.pcrs().value(index)) {
                (rule, Some(value)) => listed(out, check, rule, value, &value[..]),
                (OneOf::Any, None) if *self == Self::Any => out.not_applicable(check, ANY),
                (OneOf::Any | OneOf::Listed(_), None) => {
                    out.require(check, false, rule.expected(), "a register that the document does not have");
                }
            }
        }
    }
}
