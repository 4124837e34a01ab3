//! The runner: one line for every entry, and a sum that can be believed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::checks::{Checks, Outcome};
use attest_core::crypto::{BUILT_IN, CryptoProvider};
use attest_core::tee::nitro::checks as nitro;
use attest_core::tee::snp::{Anchors, ProductLine, checks as snp};
use attest_core::tee::tdx::checks as tdx;
use attest_core::tee::vtpm::pcrsig::{PcrSignatures, SigningKey};
use attest_core::tee::vtpm::{Name, TrustedAk, checks as vtpm};
use attest_core::values::Nonce;
use attest_core::{
    Context, Error, Evidence, Expect, Format, Policy, Refused, Store, TrustAnchors, UnixTime, Verifier,
    refused_to_json, verdict_to_json,
};

use crate::set::{Case, FORMAT, Set};
use crate::{
    boot_manifest, measure_manifest, nitro_manifest, rats_manifest, snp_manifest, tdx_manifest, tpm_manifest,
    unhex,
};

/// How one entry came out.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// What the manifest says.
    pub expected: String,
    /// What was found.
    pub got: String,
    /// Whether they agree.
    pub mark: Mark,
}

/// Whether an entry came out as its manifest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It did not.
    Failed,
    /// It did.
    Passed,
    /// Nothing here judges entries of its kind.
    Unsupported,
}

impl Mark {
    /// Of a judgement that was made.
    pub const fn of(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }

    /// As printed in front of a line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "FAIL",
            Self::Passed => "ok  ",
            Self::Unsupported => "----",
        }
    }
}

/// How a set came out.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// One for every entry of the manifest.
    pub lines: Vec<Line>,
    /// Files that the manifest names and that are not there.
    pub missing_files: Vec<String>,
}

impl Sum {
    /// How many entries agree.
    pub fn passed(&self) -> usize {
        self.count(Mark::Passed)
    }

    /// How many do not.
    pub fn failed(&self) -> usize {
        self.count(Mark::Failed)
    }

    /// How many no adapter judges.
    pub fn unsupported(&self) -> usize {
        self.count(Mark::Unsupported)
    }

    fn count(&self, mark: Mark) -> usize {
        self.lines.iter().filter(|line| line.mark == mark).count()
    }

    /// Whether none failed, no file was missing, and at least 97 % of all entries passed.
    pub fn holds(&self) -> bool {
        let all = self.lines.len();
        self.failed() == 0 && self.missing_files.is_empty() && all > 0 && self.passed() * 100 >= all * 97
    }
}

/// A manifest in a format that no adapter reads.
#[derive(Debug)]
pub struct UnknownFormat(pub String);

/// Judges the set in `dir` with each of `providers`; all must give the same bytes.
///
/// # Errors
/// `Ok(Err)` for a format that is not known, `Err` if the manifest cannot be read.
pub fn run(dir: &Path, providers: &[&CryptoProvider]) -> Result<Result<Sum, UnknownFormat>, String> {
    let path = dir.join("manifest.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let manifest: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if manifest["format"] == FORMAT {
        return ours(&Set::read(dir)?, providers).map(Ok);
    }
    if nitro_manifest::is(&manifest) {
        return nitro_manifest::run(dir, &manifest, providers).map(Ok);
    }
    if snp_manifest::is(&manifest) {
        return snp_manifest::run(dir, &manifest, providers).map(Ok);
    }
    if tdx_manifest::is(&manifest) {
        return tdx_manifest::run(dir, &manifest, providers).map(Ok);
    }
    if tpm_manifest::is(&manifest) {
        return tpm_manifest::run(dir, &manifest, providers).map(Ok);
    }
    if boot_manifest::is(&manifest) {
        return boot_manifest::run(dir, &manifest, providers).map(Ok);
    }
    if measure_manifest::is(&manifest) {
        return measure_manifest::run(dir, &manifest, providers).map(Ok);
    }
    if rats_manifest::is(&manifest) {
        return rats_manifest::run(dir, &manifest, providers).map(Ok);
    }
    let named = |key: &str| {
        Some(&manifest[key]).filter(|value| !value.is_null()).map(|value| format!("{key} {value}"))
    };
    let name = ["format", "about", "schema"].into_iter().find_map(named);
    Ok(Err(UnknownFormat(name.unwrap_or_else(|| "no name".to_owned()))))
}

fn ours(set: &Set, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let anchors = anchors(set)?;
    let mut sum = Sum::default();
    let mut seen = BTreeSet::new();
    for case in &set.manifest.cases {
        let blobs = case.store.iter().chain([&case.evidence]);
        let missing: Vec<String> = blobs.filter_map(|blob| set.blob(blob).err()).collect();
        sum.missing_files.extend(missing.clone());
        let expected = match case.exit {
            0 => format!("exit 0, {} holds", case.check),
            exit => format!("exit {exit}, {} refuses", case.check),
        };
        let judged = judge_with_all(set, case, &anchors, providers);
        let (got, mut passed) = match judged {
            Ok(answer) => (answer.to_string(), agrees(case, &answer)),
            Err(error) => (error, false),
        };
        passed &= missing.is_empty() && seen.insert(case.id.clone());
        sum.lines.push(Line { id: case.id.clone(), expected, got, mark: Mark::of(passed) });
    }
    Ok(sum)
}

/// The anchors that a set of ours names.
///
/// # Errors
/// If one is missing or is no certificate authority.
pub fn anchors(set: &Set) -> Result<TrustAnchors, String> {
    let mut anchors = TrustAnchors::new(Anchors::none());
    if set.manifest.tee == "nitro" {
        for anchor in &set.manifest.roots {
            anchors.nitro.add_root(&set.blob(&anchor.file)?).map_err(|error| error.to_string())?;
        }
        return Ok(anchors);
    }
    if set.manifest.tee == "tdx" {
        for anchor in &set.manifest.roots {
            anchors.tdx.add_root(&set.blob(&anchor.file)?).map_err(|error| error.to_string())?;
        }
        return Ok(anchors);
    }
    if set.manifest.tee == "vtpm" {
        for anchor in &set.manifest.roots {
            anchors.vtpm.add_root(&set.blob(&anchor.file)?).map_err(|error| error.to_string())?;
        }
        for key in &set.manifest.keys {
            anchors.vtpm.add_key(pinned(key)?);
        }
        for signer in &set.manifest.pcr_signers {
            let provider = BUILT_IN.first().ok_or("no provider")?;
            let key = SigningKey::from_spki(&set.blob(&signer.spki)?, provider);
            let signatures = PcrSignatures::from_json(&set.blob(&signer.signatures)?);
            anchors.vtpm.add_pcr_signer(
                key.map_err(|error| error.to_string())?,
                signatures.map_err(|error| error.to_string())?,
            );
        }
        return Ok(anchors);
    }
    let line = |name: &str| ProductLine::from_name(name).ok_or_else(|| format!("no product line {name}"));
    for anchor in &set.manifest.roots {
        let (line, der) = (line(&anchor.line)?, set.blob(&anchor.file)?);
        anchors.snp.add_root(line, &der).map_err(|error| error.to_string())?;
    }
    for anchor in &set.manifest.intermediates {
        let (line, der) = (line(&anchor.line)?, set.blob(&anchor.file)?);
        anchors.snp.add_intermediate(line, &der).map_err(|error| error.to_string())?;
    }
    Ok(anchors)
}

/// A key by its name, or by the SHA-256 digest of its SubjectPublicKeyInfo, which has no algorithm in front.
fn pinned(key: &str) -> Result<TrustedAk, String> {
    let bytes = unhex(key)?;
    if let Ok(sha256) = <[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(TrustedAk::pinned_spki(sha256));
    }
    Name::from_bytes(&bytes).map(TrustedAk::pinned).ok_or_else(|| format!("not a name: {key}"))
}

/// What a case expects evidence to commit to.
fn expectation(case: &Case) -> Result<Expect, String> {
    let Some(text) = &case.report_data else { return Ok(Expect::AnyReportData) };
    let bytes = unhex(text)?;
    match <[u8; 64]>::try_from(bytes.as_slice()) {
        Ok(data) => Ok(Expect::ReportData(data)),
        Err(_) => Nonce::new(&bytes).map(Expect::Nonce).ok_or_else(|| "a nonce over 66 bytes".to_owned()),
    }
}

/// What a verifier said of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Exit code of the command line.
    pub exit: u8,
    /// The most telling check, if one refuses.
    pub check: Option<String>,
    /// All checks that failed.
    pub failed: Vec<String>,
    /// The checks that passed.
    pub passed: Vec<String>,
    /// The whole verdict as JSON.
    pub json: String,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}", self.exit)?;
        if let Some(check) = &self.check {
            write!(f, ", {check} refuses")?;
        }
        let others: Vec<&str> =
            self.failed.iter().map(String::as_str).filter(|id| self.check.as_deref() != Some(*id)).collect();
        if !others.is_empty() {
            write!(f, ", also {}", others.join(" "))?;
        }
        Ok(())
    }
}

/// Whether an answer is the one that the case asks for.
pub fn agrees(case: &Case, answer: &Answer) -> bool {
    if answer.exit != case.exit {
        return false;
    }
    if case.exit == 0 {
        // Shape is not in the record: a report that is judged at all has it.
        let lists = [
            nitro::verify::ALL,
            nitro::policy::ALL,
            snp::verify::ALL,
            snp::policy::ALL,
            tdx::verify::ALL,
            tdx::policy::ALL,
            vtpm::verify::ALL,
            vtpm::policy::ALL,
        ];
        let shape = !lists.iter().any(|list| list.iter().any(|check| check.id == case.check));
        return answer.failed.is_empty() && (shape || answer.passed.contains(&case.check));
    }
    let named = answer.failed.contains(&case.check) || answer.check.as_ref() == Some(&case.check);
    named && answer.failed.iter().all(|id| *id == case.check || case.also.contains(id))
}

fn judge_with_all(
    set: &Set,
    case: &Case,
    anchors: &TrustAnchors,
    providers: &[&CryptoProvider],
) -> Result<Answer, String> {
    let mut judged: Option<(&str, Answer)> = None;
    for provider in providers {
        let answer = judge(set, case, anchors, provider)?;
        // A provider without the algorithm says so; those that have it must say the same.
        if answer.check.as_deref() == Some("provider.algorithm") && providers.len() > 1 {
            continue;
        }
        match &judged {
            Some((first, earlier)) if earlier.json != answer.json => {
                return Err(format!("{first} and {} give different bytes", provider.name));
            }
            Some(_) => {}
            None => judged = Some((provider.name, answer)),
        }
    }
    judged.map(|(_, answer)| answer).ok_or_else(|| "no provider has the algorithm".to_owned())
}

/// Asks the verifier.
///
/// # Errors
/// If the case itself cannot be read.
pub fn judge(
    set: &Set,
    case: &Case,
    anchors: &TrustAnchors,
    provider: &CryptoProvider,
) -> Result<Answer, String> {
    let policy = Policy::from_toml(&case.policy_toml()?).map_err(|error| error.to_string())?;
    let expect = expectation(case)?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(provider, anchors, now, expect);
    let evidence = set.blob(&case.evidence)?;
    let blobs = case.store.iter().map(|blob| set.blob(blob)).collect::<Result<Vec<_>, _>>()?;
    Ok(answer(&evidence, &blobs, &context, &policy))
}

/// The whole line: detect, verify, judge.
pub fn answer(evidence: &[u8], blobs: &[Vec<u8>], context: &Context<'_>, policy: &Policy) -> Answer {
    match Verifier::new().detect(evidence) {
        Ok(evidence) => answer_to(&evidence, blobs, context, policy),
        Err(error) => of_refused(&error.into(), Format::Snp),
    }
}

/// The same for evidence whose format is known.
pub fn answer_to(evidence: &Evidence, blobs: &[Vec<u8>], context: &Context<'_>, policy: &Policy) -> Answer {
    let mut store = Store::new();
    match blobs.iter().try_for_each(|blob| store.add(blob).map(drop)) {
        Ok(()) => answer_from(evidence, &store, context, policy),
        Err(error) => of_refused(&Error::from(error).into(), evidence.format),
    }
}

/// The same with a store, which may have been warmed.
pub fn answer_from(evidence: &Evidence, store: &Store, context: &Context<'_>, policy: &Policy) -> Answer {
    match Verifier::new().verify(evidence, store, context) {
        Ok(verified) => {
            let verdict = policy.judge(verified);
            let exit = verdict.exit_code();
            let check = verdict.checks().gravest().map(|entry| entry.check.id.to_owned());
            of_checks(exit, check, verdict.checks(), verdict_to_json(&verdict))
        }
        Err(refused) => of_refused(&refused, evidence.format),
    }
}

fn of_refused(refused: &Refused, format: Format) -> Answer {
    let exit = refused.error.class().exit_code();
    let check = refused.error.check_id().map(str::to_owned);
    of_checks(exit, check, &refused.checks, refused_to_json(refused, format))
}

fn of_checks(exit: u8, check: Option<String>, checks: &Checks, json: String) -> Answer {
    let ids = |outcome: Outcome| {
        checks
            .iter()
            .filter(|entry| entry.outcome == outcome)
            .map(|entry| entry.check.id.to_owned())
            .collect()
    };
    Answer { exit, check, failed: ids(Outcome::Failed), passed: ids(Outcome::Passed), json }
}

/// The built-in providers, or the one of this name.
///
/// # Errors
/// If there is none of this name.
pub fn providers(name: Option<&str>) -> Result<Vec<&'static CryptoProvider>, String> {
    let chosen: Vec<_> =
        BUILT_IN.iter().copied().filter(|provider| name.is_none_or(|name| name == provider.name)).collect();
    if chosen.is_empty() { Err(format!("no provider {}", name.unwrap_or_default())) } else { Ok(chosen) }
}
