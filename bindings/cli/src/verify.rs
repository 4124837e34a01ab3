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
fn built_in(format: Format) -> String {
    let lax = match format {
        Format::Nitro => "enclaves and instances, any register value",
        Format::Snp => "minima of March 2026, any measurement",
        Format::Tdx => "up to date at any TCB recovery, any MRTD",
        Format::Vtpm => "any root that you name, any register value",
        // The core may grow: a section that this build lacks refuses everything.
        _ => "no section for this format",
    };
    format!("no --policy: judged by the built-in strict policy ({lax})")
}

impl Verify {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let policy = self.policy.as_deref().map_or_else(|| Ok(input::strict()), input::policy)?;
        let mut anchors = collateral::anchors(self.anchors.as_deref())?;
        self.trust.add_to(&mut anchors)?;
        collateral::tdx_roots(&self.tdx_root, &mut anchors)?;
        collateral::nitro_roots(&self.nitro_root, &mut anchors)?;
        let now = self.supplied.time()?;
        let evidence = input::evidence(&self.evidence)?;
        self.fits(evidence.format)?;
        let mut store = self.supplied.store(self.network.wanted())?;
        let notes = self.network.fill(&evidence, &mut store, now, self.supplied.bundle.as_deref())?;
        let expect = match (self.report_data, self.nonce) {
            (Some(data), _) => Expect::ReportData(data),
            (None, Some(nonce)) => Expect::Nonce(nonce),
            (None, None) => Expect::AnyReportData,
        };
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
            let said = built_in(evidence.format);
            match self.json {
                true => answer = answer.note(said),
                false => answer.text.extend_from_slice(format!("{said}\n").as_bytes()),
            }
        }
        Ok(notes.into_iter().fold(answer, Answer::note))
    }

    /// Refuses options that say nothing about evidence of this format: who gives one believes that it counts.
    fn fits(&self, format: Format) -> Result<(), Failure> {
        let options = [
            (Format::Nitro, "--nitro-root", !self.nitro_root.is_empty()),
            (Format::Snp, "--anchors", self.anchors.is_some()),
            (Format::Tdx, "--tdx-root", !self.tdx_root.is_empty()),
            (
                Format::Vtpm,
                "--tpm-root, --discrete-tpm-root, --software-tpm-root",
                self.trust.roots().next().is_some(),
            ),
            (Format::Vtpm, "--ak-name", !self.trust.ak_name.is_empty()),
            (Format::Vtpm, "--ak-spki-sha256", !self.trust.ak_spki_sha256.is_empty()),
            (Format::Vtpm, "--pcr-signer", !self.trust.pcr_signer.is_empty()),
        ];
        let (snp_or_tdx, is_nonce) = (matches!(format, Format::Snp | Format::Tdx), self.nonce.is_some());
        for (option, of, wrong) in [
            ("--report-data", "snp or tdx", self.report_data.is_some() && !snp_or_tdx),
            ("--nonce", "nitro or vtpm", is_nonce && !matches!(format, Format::Nitro | Format::Vtpm)),
        ] {
            if wrong {
                let (file, format) = (self.evidence.display(), format.id());
                let message =
                    format!("{option} is for evidence of format {of}, and {file} is of format {format}");
                return Err(Failure::usage(message));
            }
        }
        match options.iter().find(|(of, _, given)| *given && *of != format) {
            None => Ok(()),
            Some((of, option, _)) => Err(Failure::usage(format_args!(
                "{option} is for evidence of format {}, and {} is of format {}",
                of.id(),
                self.evidence.display(),
                format.id()
            ))),
        }
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
