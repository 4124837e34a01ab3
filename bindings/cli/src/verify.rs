//! `verify`: evidence, collateral, time and a policy in; a verdict out.

use attest_core::explain::{self, Detail, Style};
use attest_core::{
    Context, Evidence, Expect, Format, Policy, Refused, Store, Verdict, Verifier, refused_to_json,
    verdict_to_json,
};

use crate::answer::Answer;
use crate::args::Verify;
use crate::collateral;
use crate::exit::{Exit, Failure};
use crate::input;

/// What is said when no policy was named.
const BUILT_IN: &str =
    "no --policy: judged by the built-in strict policy (minima of March 2026, any measurement)";

impl Verify {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let policy = self.policy.as_deref().map_or_else(|| Ok(input::strict()), input::policy)?;
        let anchors = collateral::anchors(self.anchors.as_deref())?;
        let now = self.supplied.time()?;
        let evidence = input::evidence(&self.evidence)?;
        let mut store = self.supplied.store(self.network.wanted())?;
        let notes = self.network.fill(&evidence, &mut store, now, self.supplied.bundle.as_deref())?;
        let expect = self.report_data.map_or(Expect::AnyReportData, Expect::ReportData);
        let context = Context::new(self.provider.get(), &anchors, now, expect);
        let outcome = judge(&evidence, &store, &context, &policy);
        let mut answer = match self.json {
            true => Answer::new(outcome.to_json(evidence.format), outcome.exit()),
            false => {
                let detail = if self.explain { Detail::Full } else { Detail::Short };
                Answer::new(outcome.to_text(evidence.format, self.color.style(), detail), outcome.exit())
            }
        };
        if self.policy.is_none() {
            // JSON keeps its one form on standard output, so there the note goes to standard error.
            match self.json {
                true => answer = answer.note(BUILT_IN),
                false => answer.text.extend_from_slice(format!("{BUILT_IN}\n").as_bytes()),
            }
        }
        Ok(notes.into_iter().fold(answer, Answer::note))
    }
}

/// How a verification ended: with a verdict, or before there could be one.
pub(crate) struct Outcome(Result<Verdict, Refused>);

/// Verifies and judges.
pub(crate) fn judge(evidence: &Evidence, store: &Store, context: &Context<'_>, policy: &Policy) -> Outcome {
    Outcome(Verifier::new().verify(evidence, store, context).map(|claims| policy.judge(claims)))
}

impl Outcome {
    pub(crate) fn exit(&self) -> Exit {
        self.0.as_ref().map_or_else(Exit::from, Exit::from)
    }

    pub(crate) fn to_text(&self, format: Format, style: Style, detail: Detail) -> String {
        match &self.0 {
            Ok(verdict) => explain::verdict(verdict, style, detail),
            Err(refused) => explain::refused(refused, format, style, detail),
        }
    }

    fn to_json(&self, format: Format) -> String {
        let line = match &self.0 {
            Ok(verdict) => verdict_to_json(verdict),
            Err(refused) => refused_to_json(refused, format),
        };
        line + "\n"
    }
}
