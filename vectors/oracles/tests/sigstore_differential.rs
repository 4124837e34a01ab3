//! Crate `sigstore-verify`, asked about the same bundles: the generated ones, those of other programs if ATTESTRAP_REAL_VECTORS names
//! them, and each valid one with every value in it altered in several ways.
//!
//! Every class of difference has a reason here; one without fails the test.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::BUILT_IN;
use attest_measurements::trust::bundle::{self, Signer};
use attest_measurements::trust::{Identity, TrustError, TrustRoot, VerifyingKey};
use serde_json::Value;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

/// After all of them were signed, and before those that claim to be signed in the future.
const NOW: u64 = 1_790_000_000;

/// Why we refuse what they accept: what our error contains, and the reason.
const WE_REFUSE: &[(&str, &str)] = &[
    ("expected base64 with padding", "they read base64 without its padding"),
    ("has no \"mediaType\"", "they read a bundle that does not say what it is"),
    ("has no \"messageDigest\"", "they pass over a digest of the artifact that is not there"),
    (
        " is not in the root",
        "they find the log by the hint in its checkpoint; its id counts only for a promise",
    ),
    ("a note without an end", "they read a note without its last line feed"),
    ("no signature of the log", "they find the log by the hint of its key, not by its name"),
    (
        "kind differs from that of the bundle",
        "they do not compare the kind in an entry with the one beside it",
    ),
    ("of another tree than the proof's", "they compare the root of a checkpoint, not its size"),
    ("a note of another origin", "they do not compare the first line of a checkpoint"),
    ("not one for signing code", "they take a certificate that does not say what its key may do"),
    ("its key was not in use", "they do not hold a timestamp against the time of the log's key"),
    ("the algorithm of its key", "they go by the key, not by what the root says that it is"),
    ("nobody of the root vouches for one", "they take a managed key without any time of signing"),
    ("which is after", "they do not hold a timestamp against the clock"),
    (
        "a signed attribute is missing",
        "they do not ask for the type and the certificate among what a timestamp signs",
    ),
    ("signed as something else", "they do not compare the type that a timestamp signs"),
    ("signed with another certificate", "they do not compare the certificate that a timestamp signs"),
    ("not version 1", "they do not look at the version of a timestamp"),
    ("expected a statement of in-toto", "they do not compare the type of a statement"),
    ("not one for timestamps alone", "they do not ask that the purpose of a timestamp's key is critical"),
];

/// Why they refuse what we accept: what their error contains, and the reason.
const THEY_REFUSE: &[(&str, &str)] = &[
    (
        "multiple SCTs, expected exactly one",
        "they take one log's promise in a certificate, and RFC 6962 a list of them",
    ),
    (
        "SET OF contains duplicate",
        "they take no element of a set twice, and X.690, 11.6 orders the elements only",
    ),
];

struct Case {
    id: String,
    bundle: Value,
    artifact: Vec<u8>,
    root: Vec<u8>,
    key: Option<String>,
    identity: Option<(String, String)>,
    valid: bool,
}

fn cases(folder: &Path, file: &str) -> Vec<Case> {
    let read =
        |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let all: Value = serde_json::from_slice(&read(file)).expect("JSON");
    let case = |case: &Value| {
        let text = |key: &str| case[key].as_str().map(str::to_owned);
        let file = |key: &str| read(case[key].as_str().unwrap_or_else(|| panic!("{key}")));
        Case {
            id: text("id").expect("an id"),
            bundle: serde_json::from_slice(&file("bundle")).expect("JSON"),
            artifact: file("artifact"),
            root: file("trusted_root"),
            key: (case["mode"] == "key").then(|| String::from_utf8(file("public_key")).expect("PEM")),
            identity: text("identity").zip(text("issuer")),
            valid: case["expect"]["valid"] == true,
        }
    };
    all["cases"].as_array().expect("cases").iter().map(case).collect()
}

impl Case {
    fn ours(&self, bundle: &str) -> Result<(), TrustError> {
        let provider = BUILT_IN[0];
        let root = TrustRoot::from_json(&self.root, provider)?;
        let key = self.key.as_ref().map(|pem| VerifyingKey::from_pem(pem.as_bytes())).transpose()?;
        let identity = self
            .identity
            .as_ref()
            .map_or(Identity::DangerouslyAnyone, |(subject, issuer)| Identity::exactly(subject, issuer));
        let signer = key.as_ref().map_or(Signer::Identity(&identity), Signer::Key);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
        bundle::verify(bundle.as_bytes(), &self.artifact, signer, &root, now, provider).map(drop)
    }

    fn theirs(&self, bundle: &str) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let root = std::str::from_utf8(&self.root).expect("UTF-8");
        let root = TrustedRoot::from_json(root).map_err(|error| text(&error))?;
        let verifier = Verifier::new(&root).map_err(|error| text(&error))?;
        let bundle = Bundle::from_json(bundle).map_err(|error| text(&error))?;
        let artifact = self.artifact.as_slice();
        let verified = match (&self.key, &self.identity) {
            (Some(pem), _) => {
                let key = DerPublicKey::from_pem(pem).map_err(|error| text(&error))?;
                verifier.verify(artifact, &bundle, &PublicKeyVerificationPolicy::new(key))
            }
            (None, Some((subject, issuer))) => {
                verifier.verify(artifact, &bundle, &VerificationPolicy::new(subject.clone(), issuer.clone()))
            }
            (None, None) => verifier.verify(artifact, &bundle, &VerificationPolicy::any_identity()),
        };
        verified.map(drop).map_err(|error| text(&error))
    }
}

/// Every bundle that differs from this one in one value: each text with its first, middle and last character another, cut, or
/// gone; each list emptied, cut or doubled; each field left out.
fn mutants(bundle: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let mut paths = vec![String::new()];
    while let Some(path) = paths.pop() {
        let at = bundle.pointer(&path).expect("a path");
        let mut put = |value: Value| {
            let mut mutant = bundle.clone();
            *mutant.pointer_mut(&path).expect("a path") = value;
            all.push(mutant);
        };
        match at {
            Value::Object(fields) => {
                for key in fields.keys() {
                    let mut without = fields.clone();
                    without.remove(key);
                    put(without.into());
                    paths.push(format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")));
                }
            }
            Value::Array(items) => {
                put(Vec::<Value>::new().into());
                put(items.iter().skip(1).cloned().collect::<Vec<_>>().into());
                put(items.iter().chain(items.first()).cloned().collect::<Vec<_>>().into());
                paths.extend((0..items.len()).map(|index| format!("{path}/{index}")));
            }
            Value::String(text) => {
                let characters: Vec<char> = text.chars().collect();
                let len = characters.len();
                for place in [0, len / 3, len / 2, len.saturating_sub(3), len.saturating_sub(1)] {
                    let mut altered = characters.clone();
                    if let Some(character) = altered.get_mut(place) {
                        *character = if *character == 'A' { 'B' } else { 'A' };
                        put(altered.into_iter().collect::<String>().into());
                        put(characters[..place].iter().collect::<String>().into());
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => put("1".into()),
        }
    }
    all
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<(&'static str, &'static str), usize>,
    unexplained: Vec<String>,
}

impl Table {
    fn judge(&mut self, case: &Case, bundle: &Value) {
        let text = bundle.to_string();
        let (kind, reason) = match (case.ours(&text), case.theirs(&text)) {
            (Ok(()), Ok(())) => ("both accept", ""),
            (Err(_), Err(_)) => ("both refuse", ""),
            (Err(ours), Ok(())) => ("we refuse", self.reason(&case.id, WE_REFUSE, &ours.to_string())),
            (Ok(()), Err(theirs)) => ("they refuse", self.reason(&case.id, THEY_REFUSE, &theirs)),
        };
        *self.rows.entry((kind, reason)).or_default() += 1;
    }

    fn reason(&mut self, id: &str, reasons: &[(&str, &'static str)], error: &str) -> &'static str {
        let known = reasons.iter().find(|(word, _)| error.contains(word));
        known.map_or_else(
            || {
                self.unexplained.push(format!("{id}: {error}"));
                "unexplained"
            },
            |(_, reason)| reason,
        )
    }
}

#[test]
fn bundles() {
    let mut all = cases(&vectors::folder("measurements"), "bundles.json");
    match vectors::real() {
        Some(root) => all.extend(cases(&root.join("measure"), "sigstore/cases.json")),
        None => println!("skipped: ATTESTRAP_REAL_VECTORS does not name the folder of real bundles"),
    }
    let (mut whole, mut altered) = (Table::default(), Table::default());
    for case in &all {
        whole.judge(case, &case.bundle);
        assert_eq!(case.ours(&case.bundle.to_string()).is_ok(), case.valid, "{}", case.id);
        if case.valid {
            mutants(&case.bundle).iter().for_each(|mutant| altered.judge(case, mutant));
        }
    }
    for (name, table) in [("bundles", &whole), ("altered", &altered)] {
        println!("{name}");
        table.rows.iter().for_each(|((kind, reason), count)| println!("{count:6}  {kind}  {reason}"));
    }
    let mut unexplained: Vec<&String> = whole.unexplained.iter().chain(&altered.unexplained).collect();
    unexplained.dedup();
    unexplained.iter().for_each(|line| println!("unexplained: {line}"));
    assert!(unexplained.is_empty());
    let count = |table: &Table, kind: &str| {
        table.rows.iter().filter(|((of, _), _)| *of == kind).map(|(_, count)| count).sum::<usize>()
    };
    assert!(count(&whole, "both accept") >= 8 && count(&whole, "both refuse") >= 50);
    assert!(count(&altered, "both refuse") >= 1000, "{}", count(&altered, "both refuse"));
}
