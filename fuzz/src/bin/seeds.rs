//! Writes the seed corpora, or surveys corpora: how many of a target's inputs survive its first read.
//!
//! `seeds` writes `fuzz/corpus`; `seeds --survey [FOLDER]` prints one line a target: name, survivors, total.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use attest_core::collateral::Collateral;
use attest_core::rules::OneOf;
use attest_core::tee::snp::{self, MARCH_2026, REPORT_LEN};
use attest_core::{Policy, Store, Verifier};
use attestrap_fuzz::{ANY, ANY_POLICY, FIRST_READ, base64, channel, measurements, pairs, protocol, tpm};
use vectors::set::{Case, Set};

/// Google's instance information: zone z, project 1 named p, instance 2 named n, security version 0, production.
const GCE_INSTANCE: &[u8] =
    b"\x30\x1d\x0c\x01z\x02\x01\x01\x0c\x01p\x02\x01\x02\x0c\x01n\xa0\x0c\x30\x0a\xa0\x03\x02\x01\x00\xa1\x03\x01\x01\xff";

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => write_all(&corpus),
        ["--survey"] => survey(&corpus),
        ["--survey", folder] => survey(Path::new(folder)),
        _ => Err("usage: seeds [--survey [FOLDER]]".into()),
    }
}

fn survey(corpus: &Path) -> Outcome {
    for (target, reads) in FIRST_READ {
        let folder = corpus.join(target);
        if !folder.is_dir() {
            continue;
        }
        let (mut survivors, mut total) = (0, 0);
        for entry in fs::read_dir(folder)? {
            total += 1;
            survivors += usize::from(reads(&fs::read(entry?.path())?));
        }
        println!("{target} {survivors} {total}");
    }
    Ok(())
}

/// One target's folder, written anew.
struct Folder(PathBuf);

impl Folder {
    fn new(corpus: &Path, target: &str) -> Result<Self, Box<dyn Error>> {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            // Inputs that once failed stay: nobody could write them again.
            let kept = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kept-"));
            if !kept {
                fs::remove_file(path)?;
            }
        }
        Ok(Self(folder))
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Outcome {
        Ok(fs::write(self.0.join(name), bytes)?)
    }
}

fn write_all(corpus: &Path) -> Outcome {
    let set = Set::snp()?;
    let real = vectors::folder("real/milan");
    let (report, vcek) = (fs::read(real.join("report.bin"))?, fs::read(real.join("vcek.der"))?);
    let policies = vectors::folder("policies");

    // A case for each check that is accepted, and one for each that refuses, as long as the blobs are new.
    let mut seen = BTreeSet::new();
    let cases: Vec<&Case> = set.manifest.cases.iter().collect();
    let mut fresh = |wanted: &dyn Fn(&Case) -> bool, most: usize| -> Vec<&Case> {
        let mut checks = BTreeSet::new();
        let new = |case: &&&Case| wanted(case) && checks.insert((case.check.clone(), case.exit));
        cases
            .iter()
            .filter(|case| wanted(case))
            .filter(|case| seen.insert((case.evidence.clone(), case.store.clone())))
            .filter(new)
            .take(most)
            .copied()
            .collect()
    };
    let bare = |case: &Case| set.blob(&case.evidence).is_ok_and(|bytes| bytes.len() == REPORT_LEN);
    let tabled = |case: &Case| set.blob(&case.evidence).is_ok_and(|bytes| bytes.len() > REPORT_LEN + 24);
    let mut accepted = Vec::new();
    for line in ["milan", "genoa", "turin"] {
        accepted.extend(fresh(&|case| case.exit == 0 && case.id.contains(line) && bare(case), 3));
    }
    let refused = fresh(&|case| matches!(case.exit, 10..=20) && bare(case), 12);
    let shapes = fresh(&|case| case.exit == 30 && case.check.starts_with("snp.wire"), 4);
    let collateral_shapes = fresh(&|case| case.exit == 30 && case.check.starts_with("form."), 6);
    let tables = fresh(&|case| tabled(case), 6);
    let named = |case: &Case| case.id.replace(['/', '.'], "-");

    let folder = Folder::new(corpus, "snp_report")?;
    folder.put("real-milan", &report)?;
    for case in accepted.iter().chain(&shapes) {
        folder.put(&named(case), set.blob(&case.evidence)?)?;
    }

    let folder = Folder::new(corpus, "snp_table")?;
    folder.put("empty", [0; 24])?;
    for case in &tables {
        folder.put(&named(case), &set.blob(&case.evidence)?[REPORT_LEN..])?;
    }

    let (x509, collateral) = (Folder::new(corpus, "x509")?, Folder::new(corpus, "collateral")?);
    let bundle = Folder::new(corpus, "bundle")?;
    x509.put("real-vcek", &vcek)?;
    x509.put("gce-instance", GCE_INSTANCE)?;
    collateral.put("real-vcek", &vcek)?;
    collateral.put("real-vcek.pem", pem("CERTIFICATE", &vcek))?;
    bundle.put("empty", Store::new().to_bundle())?;
    let mut stored = BTreeSet::new();
    for case in accepted.iter().chain(&refused).chain(&collateral_shapes) {
        if !stored.insert(&case.store) {
            continue;
        }
        let mut store = Store::new();
        for blob in &case.store {
            let bytes = set.blob(blob)?;
            let name = blob.trim_end_matches(".bin");
            let mut one = Collateral::new();
            if one.add(&bytes).is_err() {
                x509.put(name, &bytes)?;
                continue;
            }
            store.add(&bytes)?;
            if stored.len() <= 8 {
                one.certificates().chain(one.crls()).take(1).try_for_each(|der| x509.put(name, der))?;
                one.crls().take(1).try_for_each(|der| collateral.put("crl.pem", pem("X509 CRL", der)))?;
            }
        }
        if stored.len() <= 6 {
            bundle.put(&named(case), store.to_bundle())?;
            let chained: Vec<&[u8]> =
                store.supplied().certificates().chain(store.supplied().crls()).collect();
            collateral.put(&named(case), chained.concat())?;
        }
    }

    let folder = Folder::new(corpus, "evidence")?;
    folder.put("real-milan", &report)?;
    folder.put("real-milan-envelope", Verifier::new().detect(&report)?.to_envelope())?;
    for (index, case) in tables.iter().take(3).enumerate() {
        let bytes = set.blob(&case.evidence)?;
        folder.put(&named(case), &bytes)?;
        if let (0 | 1, Ok(evidence)) = (index, Verifier::new().detect(&bytes)) {
            folder.put(&format!("{}-envelope", named(case)), evidence.to_envelope())?;
        }
    }

    let folder = Folder::new(corpus, "nitro_document")?;
    let nitro = Set::nitro()?;
    let mut checks = BTreeSet::new();
    // Rules of the policy are reached by any document.
    let wanted = |case: &&Case| !case.check.starts_with("nitro.policy.");
    for case in
        nitro.manifest.cases.iter().filter(wanted).filter(|case| checks.insert((&case.check, case.exit == 0)))
    {
        folder.put(&named(case), nitro.blob(&case.evidence)?)?;
    }

    let folder = Folder::new(corpus, "policy_file")?;
    for name in ["any.toml", "snp-manifest.toml"] {
        folder.put(name, fs::read(policies.join(name))?)?;
    }
    let strict = Policy::for_snp(snp::Policy::strict(MARCH_2026, OneOf::Any));
    folder.put("strict.toml", strict.to_toml())?;
    folder.put("strict.json", strict.to_json())?;
    let mut rules = BTreeSet::new();
    for (rule, value) in cases.iter().flat_map(|case| &case.policy) {
        if let (true, Some(number)) = (rules.insert(rule), number_of(rule)) {
            folder.put(rule, format!("{number} {}", toml_value(value)))?;
        }
    }

    let folder = Folder::new(corpus, "snp_verify")?;
    folder.put("real-milan", with_blobs(&report, &[vcek.clone()])?)?;
    // Before the VCEK's time, the last second that a date can have, and the end of time itself.
    for (name, now) in [("1970", 0_u64), ("9999", 253_402_300_799), ("end", u64::MAX)] {
        let time = now.to_le_bytes().to_vec();
        folder.put(&format!("real-milan-{name}"), with_blobs(&report, &[vcek.clone(), time])?)?;
    }
    for case in accepted.iter().chain(&refused) {
        let blobs = case.store.iter().map(|blob| set.blob(blob)).collect::<Result<Vec<_>, _>>()?;
        folder.put(&named(case), with_blobs(&set.blob(&case.evidence)?, &blobs)?)?;
    }

    let tdx = Set::tdx()?;
    let folder = Folder::new(corpus, "tdx")?;
    let mut checks = BTreeSet::new();
    // The target's policy asks for nothing, so that rules are reached by any quote; of them the log's brings other evidence.
    let wanted =
        |case: &&Case| !case.check.starts_with("tdx.policy.") || case.check == "tdx.policy.event-log";
    let cases = tdx.manifest.cases.iter().filter(wanted);
    for case in cases.filter(|case| checks.insert((&case.check, case.exit == 0))) {
        let blobs = case.store.iter().map(|blob| tdx.blob(blob)).collect::<Result<Vec<_>, _>>()?;
        let evidence = tdx.blob(&case.evidence)?;
        let all: Vec<Vec<u8>> = [evidence].into_iter().chain(blobs).collect();
        folder.put(&named(case), with_blobs(&[], &all)?)?;
    }

    let folder = Folder::new(corpus, "snp_bitflip")?;
    for (name, what, at) in [
        ("report-bit", 0_u8, 0x90_u16 * 8),
        ("vcek-bit", 1, 800 * 8),
        ("report-cut", 2, 1183),
        ("vcek-cut", 3, 1),
    ] {
        folder.put(name, [&[what][..], &at.to_le_bytes()].concat())?;
    }

    let folder = Folder::new(corpus, "azure_hcl")?;
    attestrap_fuzz::azure::seeds().iter().try_for_each(|(name, bytes)| folder.put(name, bytes))?;

    let folder = Folder::new(corpus, "vtpm_eventlog")?;
    attestrap_fuzz::eventlog::seeds().iter().try_for_each(|(name, bytes)| folder.put(name, bytes))?;

    for (target, seeds) in [
        ("channel_session", channel::seeds()),
        ("join_pair", pairs::seeds(false)),
        ("recover_pair", pairs::seeds(true)),
        ("statement", protocol::statement_seeds()),
        ("wire_message", protocol::wire_seeds()),
    ] {
        let folder = Folder::new(corpus, target)?;
        seeds.iter().try_for_each(|(name, bytes)| folder.put(name, bytes))?;
    }
    for (target, seeds) in [
        ("corim", measurements::corim_seeds()),
        ("reference_values", measurements::value_seeds()),
        ("sigstore_bundle", measurements::bundle_seeds()),
        ("trust_files", measurements::trust_seeds()),
        ("vtpm_creation", tpm::creation_seeds()),
        ("vtpm_evidence", tpm::evidence_seeds()),
        ("vtpm_pcrsig", tpm::pcrsig_seeds()),
        ("vtpm_public", tpm::public_seeds()),
    ] {
        let folder = Folder::new(corpus, target)?;
        seeds.iter().try_for_each(|(name, bytes)| folder.put(name, bytes))?;
    }
    Ok(())
}

/// Which `"any"` a rule is in the file of them.
fn number_of(rule: &str) -> Option<usize> {
    let (section, key) = rule.rsplit_once('.')?;
    let from = ANY_POLICY.find(&format!("[{section}]"))?;
    let at = from + ANY_POLICY[from..].find(&format!("\n{key} {ANY}"))?;
    Some(ANY_POLICY[..at].matches(ANY).count())
}

/// A rule's value in TOML.
fn toml_value(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(table) => {
            let pairs: Vec<String> =
                table.iter().map(|(key, v)| format!("{key} = {}", toml_value(v))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        serde_json::Value::Array(list) => {
            format!("[{}]", list.iter().map(toml_value).collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

/// The input of `snp_verify`.
fn with_blobs(report: &[u8], blobs: &[Vec<u8>]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut out = report.to_vec();
    for blob in blobs {
        out.extend_from_slice(&u16::try_from(blob.len())?.to_le_bytes());
        out.extend_from_slice(blob);
    }
    Ok(out)
}

/// DER as PEM text (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let text = base64(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
