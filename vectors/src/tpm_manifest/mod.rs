//! Adapter for manifests of TPM evidence: `format` 1 with a default policy and roots by the digest of their certificates.
//!
//! One function judges each kind of entry. Every fact of `expected` is compared, of refused entries too; a fact with a name
//! that is not known fails its entry, so that nothing goes unread. Only the facts of a structure that our own reader refuses
//! cannot be compared: then the refusal must be the one that the manifest asks for.
//!
//! Who vouches for an attestation key: if the entry brings its certificate, that one, carried by the evidence, under the
//! self-issued certificates of the manifest's `roots` (its other roots are intermediates, and are supplied as such); if not, the
//! key is pinned, by its name if its public area is there, else by the digest of its SubjectPublicKeyInfo. Time is the entry's
//! own, else the moment from which all its certificates are valid, else zero.

mod attested;
mod cel;
pub(crate) mod certificate;
mod credential;
mod facts;
mod hcl;
mod log;
mod nitro;
mod policy;
mod quote;
mod replayed;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::tee::vtpm::Anchors;
use attest_core::x509::Certificate;
use attest_core::{Error, Policy};
use serde_json::Value;

use crate::hex;
use crate::reasons::Reasons;
use crate::run::{Line, Mark, Sum};

/// A root that is no TPM's.
const NITRO_ROOT: &str = "roots/aws_nitro_root_g1.der";

/// Whether a manifest is of this format.
pub fn is(manifest: &Value) -> bool {
    manifest["format"] == 1
        && manifest["default_policy"].is_object()
        && manifest["roots"].is_object()
        && manifest["vectors"].is_array()
}

/// Judges every entry.
///
/// # Errors
/// If our own policy or table of reasons cannot be read.
pub fn run(dir: &Path, manifest: &Value, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let policy = Policy::from_toml(include_str!("../../policies/tpm-manifest.toml"))
        .map_err(|error| error.to_string())?;
    let mut sum = Sum::default();
    let mut judge =
        Judge { policy, reasons: Reasons::read()?, providers, roots: Vec::new(), intermediates: Vec::new() };
    judge.read_roots(dir, &manifest["roots"], &mut sum)?;
    for value in manifest["vectors"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let text = |key: &str| value[key].as_str().unwrap_or_default();
        let id = if text("id").is_empty() { "entry without an id" } else { text("id") };
        let mut files = BTreeMap::new();
        let missing = sum.missing_files.len();
        for (name, path) in value["files"].as_object().into_iter().flatten() {
            match read(dir, path.as_str().unwrap_or_default()) {
                Ok(bytes) => drop(files.insert(name.clone(), bytes)),
                Err(error) => sum.missing_files.push(format!("{id} {name}: {error}")),
            }
        }
        let entry = Entry { value, verdict: text("verdict"), files };
        let judged = if sum.missing_files.len() > missing {
            Err(Wrong::Fails("a file is missing".to_owned()))
        } else {
            judge.entry(text("kind"), &entry)
        };
        let (mark, got) = match judged {
            Ok(got) => (Mark::Passed, got),
            // Asked alone, a provider may lack an algorithm; of all, one must judge.
            Err(Wrong::Fails(error)) if error == NOBODY && providers.len() == 1 => (Mark::Unsupported, error),
            Err(Wrong::Fails(error)) => (Mark::Failed, error),
            Err(Wrong::Unsupported(why)) => (Mark::Unsupported, format!("unsupported: {why}")),
        };
        let id = format!("{} {id}", text("kind"));
        sum.lines.push(Line { id, expected: text("verdict").to_owned(), got, mark });
    }
    Ok(sum)
}

fn read(dir: &Path, path: &str) -> Result<Vec<u8>, String> {
    fs::read(dir.join(path)).map_err(|error| format!("{path}: {error}"))
}

/// What an entry came to: a line on what was found, or why it does not pass.
type Judged = Result<String, Wrong>;

/// Why an entry does not pass.
enum Wrong {
    /// It came out otherwise than the manifest says.
    Fails(String),
    /// Nothing here judges it.
    Unsupported(&'static str),
}

impl From<String> for Wrong {
    fn from(error: String) -> Self {
        Self::Fails(error)
    }
}

impl From<&str> for Wrong {
    fn from(error: &str) -> Self {
        Self::Fails(error.to_owned())
    }
}

/// One entry, with its files by name.
struct Entry<'a> {
    value: &'a Value,
    verdict: &'a str,
    files: BTreeMap<String, Vec<u8>>,
}

impl Entry<'_> {
    fn file(&self, name: &str) -> Result<&[u8], String> {
        self.files.get(name).map(Vec::as_slice).ok_or_else(|| format!("no file {name}"))
    }

    fn expected(&self) -> &Value {
        &self.value["expected"]
    }

    /// The words of a list.
    fn words(&self, key: &str) -> impl Iterator<Item = &str> {
        self.value[key].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Files that are certificates: the leaf first.
    fn certificates(&self, leaf: &str) -> Result<Vec<Certificate<'_>>, String> {
        let above = self.files.iter().filter(|(name, _)| name.starts_with("intermediate_"));
        let all = self.files.get_key_value(leaf).into_iter().chain(above);
        all.map(|(name, der)| Certificate::parse(der).map_err(|error| format!("{name}: {error}"))).collect()
    }

    /// The entry's own time, else the first at which `certificates` are all valid, else zero.
    fn time(&self, certificates: &[Certificate<'_>]) -> Result<u64, String> {
        if let Some(millis) = self.value["verify_at_ms"].as_u64() {
            return Ok(millis / 1000);
        }
        match self.value["verify_at"].as_str() {
            Some(text) => crate::facts::seconds(text),
            None => Ok(valid_from(certificates)),
        }
    }
}

/// The first moment at which all of them have begun to be valid.
fn valid_from(certificates: &[Certificate<'_>]) -> u64 {
    certificates.iter().map(|certificate| certificate.validity().not_before).max().unwrap_or_default()
}

struct Judge<'a> {
    policy: Policy,
    reasons: Reasons,
    providers: &'a [&'a CryptoProvider],
    roots: Vec<Vec<u8>>,
    intermediates: Vec<Vec<u8>>,
}

impl Judge<'_> {
    /// The files under `roots`, each against its digest: self-issued ones are trusted, the others are hints.
    fn read_roots(&mut self, dir: &Path, listed: &Value, sum: &mut Sum) -> Result<(), String> {
        for (path, digest) in listed.as_object().into_iter().flatten() {
            let bytes = match read(dir, path) {
                Ok(bytes) => bytes,
                Err(error) => {
                    sum.missing_files.push(error);
                    continue;
                }
            };
            let found = self.provider()?.digest(HashAlgorithm::Sha256, &[&bytes]);
            let found = found.map_err(|error| error.to_string())?;
            if *digest != hex(found.as_bytes()) {
                sum.missing_files.push(format!("{path}: has another digest"));
                continue;
            }
            let certificate = Certificate::parse(&bytes).map_err(|error| format!("{path}: {error}"))?;
            let own = certificate.subject() == certificate.issuer();
            match (path == NITRO_ROOT, own) {
                (true, _) => {}
                (false, true) => self.roots.push(bytes),
                (false, false) => self.intermediates.push(bytes),
            }
        }
        Ok(())
    }

    /// The provider that reads facts, where it is all the same.
    fn provider(&self) -> Result<&CryptoProvider, String> {
        self.providers.first().copied().ok_or_else(|| "no provider".to_owned())
    }

    fn entry(&self, kind: &str, entry: &Entry<'_>) -> Judged {
        match kind {
            "quote" => self.quote(entry),
            "quote+eventlog" => self.quote_and_log(entry),
            "quote-set" => self.quote_set(entry),
            "attest-parse" => self.attest(entry),
            "eventlog" => self.event_log(entry),
            "ima-log" => self.ima_log(entry),
            "ak-certificate" | "ek-certificate" => self.certificate(entry),
            "cel" => self.cel(entry),
            "certify" => self.certify(entry),
            "creation" => self.creation(entry),
            "credential-activation" => self.credential_activation(entry),
            "hcl-report" => self.hcl_report(entry),
            "kdf" => self.kdf(entry),
            "nitrotpm-document" => self.nitrotpm_document(entry),
            "pcr-policy" => self.pcr_policy(entry),
            "pcr-signature" => self.pcr_signature(entry),
            _ => Err(Wrong::Unsupported("a kind that nothing here judges")),
        }
    }

    /// Holds the answer of each provider against the manifest's verdict. One that lacks an algorithm is left out; the others
    /// must say the same, and one of them must say something.
    fn agree<T>(
        &self,
        entry: &Entry<'_>,
        judge: impl Fn(&CryptoProvider) -> Result<T, Error>,
    ) -> Result<Option<T>, Wrong> {
        let mut first: Option<Result<T, Error>> = None;
        for provider in self.providers {
            let answer = judge(provider);
            if answer.as_ref().is_err_and(|error| error.check_id() == Some(LACKS)) {
                continue;
            }
            match &first {
                None => first = Some(answer),
                Some(first) if first.as_ref().err() == answer.as_ref().err() => {}
                Some(_) => return Err(Wrong::Fails("the providers disagree".to_owned())),
            }
        }
        let first = first.ok_or(NOBODY)?;
        let check = first.as_ref().err().map(|error| error.check_id().unwrap_or_default());
        self.reasons.judge_tpm(entry.verdict, check, &[])?;
        Ok(first.ok())
    }

    /// The roots of quotes.
    fn anchors(&self) -> Result<Anchors, String> {
        let mut anchors = Anchors::none();
        for der in &self.roots {
            anchors.add_root(der).map_err(|error| error.to_string())?;
        }
        Ok(anchors)
    }
}

/// Why an entry was judged by no provider.
const NOBODY: &str = "no provider has the algorithm";
/// What a provider answers that does not have an algorithm.
const LACKS: &str = "provider.algorithm";
