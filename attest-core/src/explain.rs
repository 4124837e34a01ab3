//! Verdicts as text: aligned, complete, the same bytes for the same inputs.

use alloc::string::String;
use core::fmt::{self, Write};

use crate::checks::{Check, Checks, Entry, Outcome};
use crate::claims::Claims;
use crate::error::Refused;
use crate::evidence::Format;
use crate::policy::Verdict;
use crate::tee::{nitro, snp, tdx, vtpm};

/// How text is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// ANSI colours, for terminals.
    Colour,
    /// Nothing but text.
    Plain,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// Every check, with its clause, and all that was not checked.
    Full,
    /// The headline, and what failed or warns.
    Short,
}

/// The word for an outcome, and its colour.
const fn word(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Failed => ("FAIL", "31"),
        Outcome::NotApplicable(_) => ("skip", "90"),
        Outcome::Passed => ("pass", "32"),
        Outcome::Warned => ("WARN", "33"),
    }
}

/// The TEE's own lists: checks of verification, checks of policy, what is never checked.
pub(crate) fn lists(
    format: Format,
) -> (&'static [&'static Check], &'static [&'static Check], &'static [(&'static str, &'static str)]) {
    match format {
        Format::Nitro => (nitro::checks::verify::ALL, nitro::checks::policy::ALL, nitro::NOT_CHECKED),
        Format::Snp => (snp::checks::verify::ALL, snp::checks::policy::ALL, snp::NOT_CHECKED),
        Format::Tdx => (tdx::checks::verify::ALL, tdx::checks::policy::ALL, tdx::NOT_CHECKED),
        Format::Vtpm => (vtpm::checks::verify::ALL, vtpm::checks::policy::ALL, vtpm::NOT_CHECKED),
    }
}

/// Writes a verdict.
pub fn verdict(verdict: &Verdict, style: Style, detail: Detail) -> String {
    let mut out = Text { out: String::new(), style };
    let (headline, colour) = match (verdict, verdict.warnings()) {
        (Verdict::Accepted(_), 0) => ("ACCEPTED".into(), "32"),
        // Yellow and in other words: whoever reads only the first line must not miss it.
        (Verdict::Accepted(_), 1) => ("ACCEPTED with 1 warning".into(), "33"),
        (Verdict::Accepted(_), count) => (alloc::format!("ACCEPTED with {count} warnings"), "33"),
        (Verdict::Rejected(rejected), _) if rejected.only_collateral_is_missing() => {
            ("REJECTED: collateral is missing or too old".into(), "33")
        }
        (Verdict::Rejected(_), _) => (String::from("REJECTED by policy"), "31"),
    };
    let claims = verdict.claims();
    out.headline(&headline, colour, claims);
    out.checks(verdict.checks(), detail);
    if detail == Detail::Full {
        out.not_checked(claims.format());
    }
    out.out
}

/// Writes a refusal: evidence that is not believed.
pub fn refused(refused: &Refused, format: Format, style: Style, detail: Detail) -> String {
    let mut out = Text { out: String::new(), style };
    out.line(format_args!("{} {}: {}", out.dressed("REFUSED", "31"), format.id(), refused.error));
    if !refused.checks.is_empty() {
        out.checks(&refused.checks, detail);
    }
    if detail == Detail::Full {
        let (verify, policy, _) = lists(format);
        let not_reached = refused.checks.not_reached(verify).count();
        out.line(format_args!(
            "not reached: {not_reached} checks of verification, {} of policy",
            policy.len()
        ));
        refused.checks.not_reached(verify).for_each(|check| out.line(format_args!("  {}", check.id)));
    }
    out.out
}

struct Text {
    out: String,
    style: Style,
}

impl Text {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{text}");
    }

    fn dressed(&self, text: &str, colour: &str) -> String {
        match self.style {
            Style::Colour => alloc::format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
            Style::Plain => text.into(),
        }
    }

    fn headline(&mut self, text: &str, colour: &str, claims: &Claims) {
        let dressed = self.dressed(text, colour);
        self.line(format_args!("{dressed}  ({}, root: {})", claims.format().id(), claims.root().name()));
    }

    fn checks(&mut self, checks: &Checks, detail: Detail) {
        let shown = |entry: &&Entry| match entry.outcome {
            Outcome::Failed | Outcome::Warned => true,
            Outcome::NotApplicable(_) | Outcome::Passed => detail == Detail::Full,
        };
        let width = checks.iter().filter(shown).map(|entry| entry.check.id.len()).max().unwrap_or_default();
        for entry in checks.iter().filter(shown) {
            let (word, colour) = word(entry.outcome);
            let word = self.dressed(word, colour);
            let id = entry.check.id;
            match entry.outcome {
                Outcome::NotApplicable(why) => self.line(format_args!("{word}  {id:width$}  {why}")),
                Outcome::Failed | Outcome::Passed | Outcome::Warned => self.line(format_args!(
                    "{word}  {id:width$}  {}: expected {}, got {}",
                    entry.check.title, entry.expected, entry.actual
                )),
            }
            if entry.outcome != Outcome::Passed && detail == Detail::Full {
                self.line(format_args!("      {:width$}  see {}", "", entry.check.clause));
            }
        }
        let count = |f: fn(&Outcome) -> bool| checks.iter().filter(|entry| f(&entry.outcome)).count();
        self.line(format_args!(
            "{} passed, {} failed, {} warned, {} skipped",
            count(|outcome| *outcome == Outcome::Passed),
            count(|outcome| *outcome == Outcome::Failed),
            count(|outcome| *outcome == Outcome::Warned),
            count(|outcome| matches!(outcome, Outcome::NotApplicable(_))),
        ));
    }

    fn not_checked(&mut self, format: Format) {
        let (_, _, not_checked) = lists(format);
        self.line(format_args!("never checked:"));
        for (what, why) in not_checked {
            self.line(format_args!("  {what}: {why}"));
        }
    }
}
