//! `demo`: one real report, judged twice. Everything it needs is inside the binary.

use std::time::Duration;

use attest_core::explain::Detail;
use attest_core::{Context, Error, Expect, Policy, Store, TrustAnchors, UnixTime, Verifier};

use crate::answer::Answer;
use crate::args::{Demo, Provider};
use crate::exit::{Exit, Failure};
use crate::{input, verify};

const REPORT: &[u8] = include_bytes!("../../../vectors/real/milan/report.bin");
const VCEK: &[u8] = include_bytes!("../../../vectors/real/milan/vcek.der");
const POLICY: &str = include_str!("../../../vectors/policies/real-milan.toml");
/// 2026-11-24T00:00:00Z: a fixed time gives the same verdicts for ever.
const AT: u64 = 1_795_478_400;

impl Demo {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let style = self.color.style();
        let evidence =
            Verifier::new().detect(REPORT).map_err(|error| Failure::about("demo report", error))?;
        let mut store = Store::new();
        store.add(VCEK).map_err(|error| Failure::about("demo certificate", Error::from(error)))?;
        let anchors = TrustAnchors::pinned();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(AT));
        let context = Context::new(Provider::FIRST.get(), &anchors, now, Expect::AnyReportData);
        let written = Policy::from_toml(POLICY).map_err(|error| Failure::new(Exit::Internal, error))?;

        let strict = verify::judge(&evidence, &store, &context, &input::strict());
        let named = verify::judge(&evidence, &store, &context, &written);
        let text = |outcome: &verify::Outcome, detail| outcome.to_text(evidence.format, style, detail);
        let said = format!(
            "A SEV-SNP report from a Milan machine, its VCEK, AMD's pinned roots.\n\
             Judged at {} with {}; no network, no clock.\n\n\
             1. The strict policy. It should refuse, and say why.\n\n{}\n\
             2. A policy written for this one report (vectors/policies/real-milan.toml). It should accept; every check:\n\n{}",
            attest_core::values::Value::Time(AT),
            context.provider.name,
            text(&strict, Detail::Short),
            text(&named, Detail::Full),
        );
        let as_it_should = (strict.exit(), named.exit()) == (Exit::Rejected, Exit::Accepted);
        let end = if as_it_should { "Both came out as they should." } else { "NOT as it should be." };
        let exit = if as_it_should { Exit::Accepted } else { Exit::Internal };
        Ok(Answer::new(format!("{said}\n{end}\n"), exit))
    }
}
