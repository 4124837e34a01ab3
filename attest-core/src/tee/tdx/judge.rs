//! Judgement: each rule of a policy held against verified claims.

use alloc::string::String;

use super::checks::policy as checks;
use super::claims::{Claims, word};
use super::policy::{Attributes, Policy, TcbException, TcbRules};
use super::tcb::TcbStatus;
use crate::checks::Checks;
use crate::eventlog::Outcome;
use crate::rules::judge::{ANY, bit, listed, unusual};
use crate::rules::{Limit, Masked, OneOf};
use crate::values::Value;

/// Bits of TDATTRIBUTES that have a meaning: the debugging group, and those that [`Attributes`] names.
const KNOWN: u64 = 0b1111_0001 | 1 << 16 | 1 << 17 | 0b1_1111 << 27 | 0b11 << 62;

impl Policy {
    /// Judges every rule, in the order of the checks' list.
    pub(crate) fn judge(&self, claims: &Claims, out: &mut Checks) {
        self.tcb.judge(claims, out);
        self.judge_origin(claims, out);
        self.attributes.judge(claims.report().td_attributes(), out);
        self.judge_measurements(claims, out);
    }

    /// On what it runs, and how fresh the quote is.
    fn judge_origin(&self, claims: &Claims, out: &mut Checks) {
        listed(out, &checks::ROOT, &self.roots, &claims.root(), claims.root().name());
        let actual = if claims.fresh() { "compared" } else { "not compared" };
        unusual(out, &checks::FRESHNESS, self.stale_evidence, !claims.fresh(), "compared", actual);
        let fmspc = claims.pck().fmspc();
        listed(out, &checks::FMSPC, &self.fmspcs, &fmspc, &fmspc[..]);
        match (&self.platforms, claims.pck().piid()) {
            (OneOf::Any, _) => out.not_applicable(&checks::PLATFORM, ANY),
            (rule, Some(piid)) => listed(out, &checks::PLATFORM, rule, &piid, &piid[..]),
            // A list of machines is not satisfied by one that has no id.
            (rule @ OneOf::Listed(_), None) => {
                out.require(&checks::PLATFORM, false, rule.expected(), "a platform without an instance id");
            }
        }
    }

    /// What was launched, and what has been measured since.
    fn judge_measurements(&self, claims: &Claims, out: &mut Checks) {
        let report = claims.report();
        match self.xfam {
            Masked::Any => out.not_applicable(&checks::XFAM, ANY),
            Masked::To { mask, value } => {
                let masked = report.xfam() & mask;
                out.require(&checks::XFAM, masked == value, Value::Bits(value), Value::Bits(masked));
            }
        }
        let [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmrs();
        for (check, rule, value) in [
            (&checks::MR_SEAM, &self.mr_seam, report.mr_seam()),
            (&checks::MR_SIGNER_SEAM, &self.mr_signer_seam, report.mr_signer_seam()),
            (&checks::MR_TD, &self.mr_td, report.mr_td()),
            (&checks::MR_CONFIG_ID, &self.mr_config_id, report.mr_config_id()),
            (&checks::MR_OWNER, &self.mr_owner, report.mr_owner()),
            (&checks::MR_OWNER_CONFIG, &self.mr_owner_config, report.mr_owner_config()),
            (&checks::RTMR0, &self.rtmr0, rtmr0),
            (&checks::RTMR1, &self.rtmr1, rtmr1),
            (&checks::RTMR2, &self.rtmr2, rtmr2),
            (&checks::RTMR3, &self.rtmr3, rtmr3),
        ] {
            listed(out, check, rule, &value, &value[..]);
        }
        // Version 1.0 knows no service TDs.
        let service = report.mr_service_td().unwrap_or([0; 48]);
        let bound = service != [0; 48];
        unusual(out, &checks::SERVICE_TD, self.service_td, bound, "none", &service[..]);
        self.judge_log(claims, out);
        let zero = claims.trailer().zero;
        let actual = if zero { "zeros, or nothing" } else { "other bytes" };
        unusual(out, &checks::TRAILER, self.trailer, !zero, "zeros, or nothing", actual);
    }

    fn judge_log(&self, claims: &Claims, out: &mut Checks) {
        let OneOf::Listed(registers) = &self.replayed.0 else {
            let why = "the policy demands no register to be explained";
            return out.not_applicable(&checks::EVENT_LOG, why);
        };
        let outcome = |index| claims.log().map_or(Outcome::Unverified, |log| log.outcome(index));
        let failed = registers.iter().find(|index| outcome(**index) != Outcome::Replayed);
        let actual = match (claims.log(), failed) {
            (None, _) => Value::Phrase("no event log"),
            (Some(_), None) => Value::Phrase("all replayed"),
            (Some(_), Some(index)) => {
                Value::text(&alloc::format!("register {index}: {}", word(outcome(*index))))
            }
        };
        // An empty list demands a log, and no more.
        let ok = failed.is_none() && claims.log().is_some();
        out.require(&checks::EVENT_LOG, ok, "all replayed", actual);
    }
}

impl TcbRules {
    fn judge(&self, claims: &Claims, out: &mut Checks) {
        let tcb = claims.tcb();
        let excepted = self.exceptions.iter().find(|exception| exception.covers(claims));
        let named = excepted.map(|exception| Value::text(exception.name.as_str()));
        let level = match (tcb.platform(), named) {
            (Some(level), _) => Value::Time(level.date()),
            (None, Some(name)) => name,
            (None, None) => Value::Phrase("below every level, and no exception names it"),
        };
        let known = tcb.platform().is_some() || excepted.is_some();
        out.require(&checks::TCB_LEVEL, known, "a level, or an exception", level);
        let revoked = tcb.is_revoked();
        let actual = if revoked { "revoked" } else { "not revoked" };
        out.require(&checks::TCB_REVOKED, !revoked, "not revoked", actual);
        match (&self.statuses, tcb.status()) {
            (OneOf::Any, _) => out.not_applicable(&checks::TCB_STATUS, ANY),
            (rule, status) => {
                let listed = status.is_some_and(|status| rule.allows(&status));
                let allowed = listed || self.in_grace(claims) || excepted.is_some();
                let shown = status.map_or("below every level", TcbStatus::name);
                let actual = if listed { shown.into() } else { named.unwrap_or_else(|| shown.into()) };
                out.require(&checks::TCB_STATUS, allowed, rule.expected(), actual);
            }
        }
        match &self.advisories {
            OneOf::Any => out.not_applicable(&checks::ADVISORIES, ANY),
            rule @ OneOf::Listed(_) => {
                let stranger = tcb.advisories().into_iter().find(|id| !rule.allows(&String::from(*id)));
                let actual = stranger.map_or(Value::Phrase("only those"), Value::text);
                out.require(&checks::ADVISORIES, stranger.is_none(), rule.expected(), actual);
            }
        }
        match self.minimum_evaluation_number {
            Limit::Any => out.not_applicable(&checks::EVALUATION, ANY),
            Limit::To(least) => {
                let (least, number) = (u64::from(least), claims.evaluation_number());
                out.require(&checks::EVALUATION, number >= least, Value::AtLeast(least), number);
            }
        }
        match self.collateral_max_age_days {
            Limit::Any => out.not_applicable(&checks::COLLATERAL_AGE, ANY),
            Limit::To(days) => {
                let (most, age) = (u64::from(days).saturating_mul(DAY), claims.collateral_age());
                out.require(&checks::COLLATERAL_AGE, age <= most, Value::Seconds(most), Value::Seconds(age));
            }
        }
    }

    /// Whether the platform has not been out of date for too long: from the date of its oldest level on.
    fn in_grace(&self, claims: &Claims) -> bool {
        let out_of_date = claims.tcb().status().is_some_and(TcbStatus::is_out_of_date);
        let since = claims.verified_at().saturating_sub(claims.tcb().date());
        let granted = match self.out_of_date_days {
            Limit::Any => true,
            Limit::To(0) => false,
            Limit::To(days) => since <= u64::from(days).saturating_mul(DAY),
        };
        out_of_date && granted
    }
}

const DAY: u64 = 86_400;

impl TcbException {
    fn covers(&self, claims: &Claims) -> bool {
        let pck = claims.pck();
        claims.verified_at() < self.until.0
            && self.fmspc.0 == pck.fmspc()
            && self.sgx_components.0 == pck.components()
            && self.pce_svn == u32::from(pck.pce_svn())
            && self.tee_tcb_svn.0 == claims.report().tee_tcb_svn()
    }
}

impl Attributes {
    fn judge(&self, attributes: u64, out: &mut Checks) {
        let under_debug = attributes & 0xff;
        let (shown, rule) = (Value::Bits(under_debug), self.under_debug);
        unusual(out, &checks::UNDER_DEBUG, rule, under_debug != 0, "0x0", shown);
        for (check, rule, number) in [
            (&checks::ICSSD, self.icssd, 16),
            (&checks::SERVTD_EXT, self.servtd_ext, 17),
            (&checks::LASS, self.lass, 27),
            (&checks::SEPT_VE_DISABLE, self.sept_ve_disable, 28),
            (&checks::MIGRATABLE, self.migratable, 29),
            (&checks::PKS, self.pks, 30),
            (&checks::KL, self.kl, 31),
            (&checks::TPA, self.tpa, 62),
            (&checks::PERFMON, self.perfmon, 63_u32),
        ] {
            bit(out, check, rule, attributes.checked_shr(number).unwrap_or_default() & 1 == 1);
        }
        let unknown = attributes & !KNOWN;
        unusual(out, &checks::ATTRIBUTES_UNKNOWN, self.unknown, unknown != 0, "0x0", Value::Bits(unknown));
    }
}
