//! What a verified quote vouches for.

use alloc::collections::BTreeSet;

use super::log::LogClaims;
use super::pck::Pck;
use super::report::TdReport;
use super::tcb::{Level, TcbStatus};
use crate::claims::Root;
use crate::eventlog::Outcome;
use crate::values::Value;

/// Claims of one TD: what the quote's signature and the chain above it cover, what Intel says of the platform, and how the
/// verification was asked for.
#[derive(Clone, Debug)]
pub struct Claims(Facts);

/// The claims by name, as verification collects them.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) version: u16,
    pub(super) report: TdReport,
    pub(super) pck: Pck,
    pub(super) tcb: Tcb,
    pub(super) evaluation_number: u64,
    pub(super) issued: u64,
    pub(super) valid_until: u64,
    pub(super) root: Root,
    pub(super) verified_at: u64,
    pub(super) fresh: bool,
    pub(super) trailer: Trailer,
    pub(super) log: Option<LogClaims>,
}

/// What Intel says of the platform, its TDX module and its quoting enclave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcb {
    pub(super) status: Option<TcbStatus>,
    pub(super) platform: Option<Level>,
    pub(super) module: Option<Level>,
    pub(super) qe: Level,
    pub(super) revoked: bool,
}

/// The unsigned bytes behind the quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "two facts and no rule")]
pub struct Trailer {
    /// How many there are.
    pub len: usize,
    /// Whether all are zero.
    pub zero: bool,
}

impl Tcb {
    /// What it all comes to; `None` if the platform is below every level that Intel knows.
    pub const fn status(&self) -> Option<TcbStatus> {
        self.status
    }

    /// The platform's level at launch of the TD; `None` if it is below all.
    pub const fn platform(&self) -> Option<&Level> {
        self.platform.as_ref()
    }

    /// The TDX module's level at launch of the TD; `None` for a module of version 0, which the platform's level covers.
    pub const fn module(&self) -> Option<&Level> {
        self.module.as_ref()
    }

    /// The quoting enclave's level.
    pub const fn qe(&self) -> &Level {
        &self.qe
    }

    /// Whether any of them is revoked, now or at launch.
    pub const fn is_revoked(&self) -> bool {
        self.revoked
    }

    fn levels(&self) -> impl Iterator<Item = &Level> {
        self.platform.iter().chain(&self.module).chain([&self.qe])
    }

    /// Ids of all advisories that apply, each once, sorted.
    pub fn advisories(&self) -> BTreeSet<&str> {
        self.levels().flat_map(Level::advisories).collect()
    }

    /// tcbDate of the oldest of the levels.
    pub fn date(&self) -> u64 {
        self.levels().map(Level::date).fold(u64::MAX, u64::min)
    }
}

impl Claims {
    pub(super) const fn new(facts: Facts) -> Self {
        Self(facts)
    }

    /// Version of the quote: 4 or 5.
    pub const fn version(&self) -> u16 {
        self.0.version
    }

    /// The TD's report.
    pub const fn report(&self) -> &TdReport {
        &self.0.report
    }

    /// What Intel certifies of the platform.
    pub const fn pck(&self) -> &Pck {
        &self.0.pck
    }

    /// What Intel says of its TCB.
    pub const fn tcb(&self) -> &Tcb {
        &self.0.tcb
    }

    /// tcbEvaluationDataNumber: that of TCB info, or of the identity if it is lower. It grows with each TCB recovery.
    pub const fn evaluation_number(&self) -> u64 {
        self.0.evaluation_number
    }

    /// How old TCB info and identity were when they were used, the older one, in seconds.
    pub const fn collateral_age(&self) -> u64 {
        self.0.verified_at.saturating_sub(self.0.issued)
    }

    /// The first second, in Unix time, at which collateral or a certificate that the verdict rests on is overdue or no longer
    /// valid. A session should not outlive it.
    pub const fn valid_until(&self) -> u64 {
        self.0.valid_until
    }

    /// How deep the trust is rooted.
    pub const fn root(&self) -> Root {
        self.0.root
    }

    /// The time of verification, in Unix seconds.
    pub const fn verified_at(&self) -> u64 {
        self.0.verified_at
    }

    /// Whether the caller gave report data and they were compared.
    pub const fn fresh(&self) -> bool {
        self.0.fresh
    }

    /// The unsigned bytes behind the quote.
    pub const fn trailer(&self) -> Trailer {
        self.0.trailer
    }

    /// What the event log adds; `None` if none travelled.
    pub const fn log(&self) -> Option<&LogClaims> {
        self.0.log.as_ref()
    }

    /// Calls `f` with each claim's name and value, in a fixed order. An advisory is a claim of its own.
    pub fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        let facts = &self.0;
        let status = |level: Option<&Level>| level.map_or("none", |level| level.status().name());
        f("quote_version", u64::from(facts.version).into());
        f("report_form", facts.report.form().into());
        f("root", facts.root.name().into());
        f("fmspc", facts.pck.fmspc()[..].into());
        f("platform_instance", facts.pck.piid().map_or(Value::Phrase("none"), |piid| piid[..].into()));
        f("pck_components", facts.pck.components()[..].into());
        f("pce_svn", u64::from(facts.pck.pce_svn()).into());
        f("tcb_status", facts.tcb.status.map_or("below every level", TcbStatus::name).into());
        f("tcb_status_platform", status(facts.tcb.platform()).into());
        f("tcb_status_module", status(facts.tcb.module()).into());
        f("tcb_status_qe", status(Some(facts.tcb.qe())).into());
        f("tcb_date", Value::Time(facts.tcb.date()));
        facts.tcb.advisories().into_iter().for_each(|id| f("advisory", Value::text(id)));
        f("tcb_evaluation_number", facts.evaluation_number.into());
        f("collateral_issued", Value::Time(facts.issued));
        f("valid_until", Value::Time(facts.valid_until));
        let len = u64::try_from(facts.trailer.len).unwrap_or(u64::MAX);
        f("trailer_bytes", len.into());
        f("trailer_zero", if facts.trailer.zero { "yes" } else { "no" }.into());
        facts.report.for_each(&mut f);
        let Some(log) = &facts.log else { return f("event_log", "none".into()) };
        f("event_log", u64::try_from(log.events()).unwrap_or(u64::MAX).into());
        for (name, index) in LOG.into_iter().zip(0..) {
            f(name, word(log.outcome(index)).into());
        }
    }
}

const LOG: [&str; 4] = ["event_log.rtmr0", "event_log.rtmr1", "event_log.rtmr2", "event_log.rtmr3"];

/// How a log stands to a register, in a word.
pub(super) const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Mismatch { .. } => "mismatch",
        Outcome::Replayed => "replayed",
        Outcome::Unexplained { .. } => "unexplained",
        Outcome::UnsupportedBank(_) => "not in this bank",
        Outcome::Untouched => "untouched",
        Outcome::Unverified => "no such register",
    }
}
