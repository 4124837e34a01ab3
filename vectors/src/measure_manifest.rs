//! Adapter for manifests of measurements: `topic` "measurement prediction", with groups of cases. Judged here: signature files
//! (`manifest-sig`) and sigstore bundles (`sigstore`).

use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::CryptoProvider;
use attest_measurements::trust::bundle::{self, Signer};
use attest_measurements::trust::{Identity, TrustError, TrustRoot, VerifyingKey, blob};
use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use crate::run::{Line, Mark, Sum};

/// When bundles are judged: after the newest of them was signed.
const NOW: u64 = 1_790_000_000;

/// Whether a manifest is of this format.
pub fn is(manifest: &Value) -> bool {
    manifest["topic"] == "measurement prediction" && manifest["groups"].is_object()
}

/// Judges every case of every group.
///
/// # Errors
/// If a file of cases cannot be read.
pub fn run(dir: &Path, manifest: &Value, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let mut sum = Sum::default();
    for (group, of) in manifest["groups"].as_object().into_iter().flatten() {
        let file = text(of, "cases_file")?;
        let cases: Value =
            serde_json::from_slice(&read(dir, file)?).map_err(|error| format!("{file}: {error}"))?;
        for case in cases["cases"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let id = case["id"].as_str().unwrap_or("case without an id").to_owned();
            let judge: Option<Judge> = match group.as_str() {
                "manifest-sig" => Some(signature_file),
                "sigstore" => Some(signed_bundle),
                _ => None,
            };
            let line = match judge {
                Some(judge) => judged(id, case, |provider| judge(dir, case, provider), providers),
                None => {
                    Line { id, expected: group.clone(), got: "no judge".to_owned(), mark: Mark::Unsupported }
                }
            };
            sum.lines.push(line);
        }
    }
    Ok(sum)
}

/// Who judges a case of one group.
type Judge = fn(&Path, &Value, &CryptoProvider) -> Result<Result<(), TrustError>, String>;

fn judged(
    id: String,
    case: &Value,
    judge: impl Fn(&CryptoProvider) -> Result<Result<(), TrustError>, String>,
    providers: &[&CryptoProvider],
) -> Line {
    let (wanted, step) = (&case["expect"]["valid"], &case["expect"]["step"]);
    let mut got = Vec::new();
    let mut passed = wanted.is_boolean();
    for provider in providers {
        let answer = judge(provider).map(|outcome| match outcome {
            Ok(()) => (true, "valid".to_owned()),
            Err(error) => {
                // Our own cases name the step that must refuse.
                passed &= case["expect"]["form"] != true || matches!(error, TrustError::Form(_));
                passed &= step.is_null() || error.step().is_some_and(|found| *step == found.to_string());
                (false, error.to_string())
            }
        });
        let (valid, word) = match answer {
            Ok((valid, word)) => (Value::Bool(valid), word),
            Err(error) => (Value::Null, error),
        };
        passed &= valid == *wanted;
        if !got.contains(&word) {
            got.push(word);
        }
    }
    // All providers must say the same.
    let by = step.as_str().map_or_else(String::new, |step| format!(", by {step}"));
    Line {
        id,
        expected: format!("valid: {wanted}{by}"),
        mark: Mark::of(passed && got.len() == 1),
        got: got.join(" / "),
    }
}

fn signature_file(
    _dir: &Path,
    case: &Value,
    provider: &CryptoProvider,
) -> Result<Result<(), TrustError>, String> {
    let manifest = Base64::decode_vec(text(case, "manifest_base64")?).map_err(|error| error.to_string())?;
    let (key, file) = (text(case, "public_key_pem")?, text(case, "signature_base64")?);
    Ok(VerifyingKey::from_pem(key.as_bytes())
        .and_then(|key| blob::verify(&manifest, file.as_bytes(), &key, provider).map(drop)))
}

fn signed_bundle(
    dir: &Path,
    case: &Value,
    provider: &CryptoProvider,
) -> Result<Result<(), TrustError>, String> {
    let [bundle, artifact, root] =
        ["bundle", "artifact", "trusted_root"].map(|key| read(dir, text(case, key)?));
    let (bundle, artifact, root) = (bundle?, artifact?, root?);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let key = match text(case, "mode")? {
        "key" => Some(read(dir, text(case, "public_key")?)?),
        "keyless" => None,
        mode => return Err(format!("a mode that is not known: {mode}")),
    };
    // Manifests of others name nobody.
    let identity = match (case["identity"].as_str(), case["issuer"].as_str()) {
        (Some(subject), Some(issuer)) => Identity::exactly(subject, issuer),
        _ => Identity::DangerouslyAnyone,
    };
    let judge = || {
        let root = TrustRoot::from_json(&root, provider)?;
        let key = key.map(|pem| VerifyingKey::from_pem(&pem)).transpose()?;
        let signer = key.as_ref().map_or(Signer::Identity(&identity), Signer::Key);
        bundle::verify(&bundle, &artifact, signer, &root, now, provider).map(drop)
    };
    Ok(judge())
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, String> {
    value[key].as_str().ok_or_else(|| format!("{key} is no text"))
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = dir.join(name);
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}
