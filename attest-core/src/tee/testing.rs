//! What every TEE's tests ask of its generated set: that each case comes out as written, and that each check is missed.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;
use std::{format, println};

use rustls_pki_types::UnixTime;
use vectors::set::{Case, Set};

use crate::checks::removal::without;
use crate::checks::{Check, Checks, Outcome};
use crate::collateral::Store;
use crate::context::{Context, Expect, TrustAnchors};
use crate::crypto::{BUILT_IN, CryptoProvider};
use crate::error::{Error, Refused};
use crate::policy::Policy;
use crate::tee::snp::{Anchors, ProductLine};
use crate::tee::vtpm::pcrsig::{PcrSignatures, SigningKey};
use crate::tee::vtpm::{Name, TrustedAk};
use crate::values::Nonce;
use crate::verifier::Verifier;

/// Trust in nobody.
pub(crate) fn nobody() -> TrustAnchors {
    TrustAnchors::new(Anchors::none())
}

/// A set's own anchors.
pub(crate) fn anchors_of(set: &Set) -> TrustAnchors {
    let mut anchors = nobody();
    let line = |name: &str| ProductLine::from_name(name).unwrap();
    for anchor in &set.manifest.roots {
        let der = set.blob(&anchor.file).unwrap();
        match set.manifest.tee.as_str() {
            "nitro" => anchors.nitro.add_root(&der).unwrap(),
            "tdx" => anchors.tdx.add_root(&der).unwrap(),
            "vtpm" => anchors.vtpm.add_root(&der).unwrap(),
            _ => anchors.snp.add_root(line(&anchor.line), &der).unwrap(),
        }
    }
    for anchor in &set.manifest.intermediates {
        anchors.snp.add_intermediate(line(&anchor.line), &set.blob(&anchor.file).unwrap()).unwrap();
    }
    for key in &set.manifest.keys {
        let bytes = vectors::unhex(key).unwrap();
        anchors.vtpm.add_key(match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(sha256) => TrustedAk::pinned_spki(sha256),
            Err(_) => TrustedAk::pinned(Name::from_bytes(&bytes).unwrap()),
        });
    }
    for signer in &set.manifest.pcr_signers {
        let key = SigningKey::from_spki(&set.blob(&signer.spki).unwrap(), provider()).unwrap();
        let signatures = PcrSignatures::from_json(&set.blob(&signer.signatures).unwrap()).unwrap();
        anchors.vtpm.add_pcr_signer(key, signatures);
    }
    anchors
}

/// What the caller of a case expects.
pub(crate) fn expectation(case: &Case) -> Expect {
    let Some(text) = &case.report_data else { return Expect::AnyReportData };
    let bytes = vectors::unhex(text).unwrap();
    match <[u8; 64]>::try_from(bytes.as_slice()) {
        Ok(data) => Expect::ReportData(data),
        Err(_) => Expect::Nonce(Nonce::new(&bytes).unwrap()),
    }
}

/// What the line says of a case: exit code, the telling check, and the record.
fn ask(
    set: &Set,
    case: &Case,
    anchors: &TrustAnchors,
    provider: &CryptoProvider,
) -> (u8, Option<&'static str>, Checks) {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(provider, anchors, now, expectation(case));
    let verify = || -> Result<_, Refused> {
        let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap())?;
        let mut store = Store::new();
        for blob in &case.store {
            store.add(&set.blob(blob).unwrap()).map_err(Error::from)?;
        }
        Verifier::new().verify(&evidence, &store, &context)
    };
    match verify() {
        Ok(verified) => {
            let verdict = Policy::from_toml(&case.policy_toml().unwrap()).unwrap().judge(verified);
            let check = verdict.checks().gravest().map(|entry| entry.check.id);
            (verdict.exit_code(), check, verdict.checks().clone())
        }
        Err(refused) => (refused.error.class().exit_code(), refused.error.check_id(), *refused.checks),
    }
}

fn failed(checks: &Checks) -> Vec<&'static str> {
    checks.iter().filter(|entry| entry.outcome == Outcome::Failed).map(|entry| entry.check.id).collect()
}

/// A provider that has what the sets need.
pub(crate) fn provider() -> &'static CryptoProvider {
    BUILT_IN.first().copied().unwrap()
}

/// The runner asks the same with every provider; here the answers guard each change of this crate alone.
pub(crate) fn every_case_comes_out_as_written(set: &Set) {
    let anchors = anchors_of(set);
    let mut wrong = Vec::new();
    for case in &set.manifest.cases {
        let (exit, check, record) = ask(set, case, &anchors, provider());
        if check == Some("provider.algorithm") && provider().name == "ring" {
            // It cannot tell a TPM's other salt from a wrong signature, and says so.
            continue;
        }
        let failed = failed(&record);
        let named = check == Some(case.check.as_str()) || failed.contains(&case.check.as_str());
        let strangers = failed.iter().any(|id| *id != case.check && !case.also.iter().any(|also| also == id));
        if exit != case.exit || (exit != 0 && !named) || strangers {
            wrong.push(format!("{}: {exit} {check:?} {failed:?}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), set.manifest.cases.len());
}

/// A finding that shows the same on both sides explains nothing.
pub(crate) fn a_finding_shows_two_sides_that_differ(set: &Set) {
    let anchors = anchors_of(set);
    let mut same = Vec::new();
    for case in set.manifest.cases.iter().filter(|case| case.exit != 0) {
        let (_, _, record) = ask(set, case, &anchors, provider());
        for entry in record.iter().filter(|entry| entry.outcome == Outcome::Failed) {
            if entry.expected.to_string() == entry.actual.to_string() {
                same.push(format!("{}: {} shows {} twice", case.id, entry.check.id, entry.actual));
            }
        }
    }
    assert!(same.is_empty(), "{same:#?}");
}

/// A record of a verdict has one line for each check: nothing is passed over, and nothing is said twice.
pub(crate) fn a_verdict_names_every_check_once(set: &Set, lists: &[&[&'static Check]]) {
    let anchors = anchors_of(set);
    let mut seen = 0;
    for case in set.manifest.cases.iter().filter(|case| matches!(case.exit, 0 | 10)) {
        let (_, _, record) = ask(set, case, &anchors, provider());
        for check in lists.iter().flat_map(|list| list.iter()) {
            let lines = record.iter().filter(|entry| entry.check == *check).count();
            assert_eq!(lines, 1, "{}: {}", case.id, check.id);
        }
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

/// Takes each check away and asks every negative case that is about it: at least one must come out otherwise. The table says
/// whether it would then have been accepted, or who else would have refused.
pub(crate) fn every_check_is_missed(set: &Set, lists: &[&[&'static Check]]) {
    let anchors = anchors_of(set);
    let mut about: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in set.manifest.cases.iter().filter(|case| case.exit != 0) {
        about.entry(case.check.as_str()).or_default().push(case);
    }
    let mut worthless = Vec::new();
    println!("{:46} negatives  without it", "check");
    for check in lists.iter().flat_map(|list| list.iter()) {
        let cases = about.get(check.id).map(Vec::as_slice).unwrap_or_default();
        let mut accepted = 0;
        let mut otherwise = 0;
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        for case in cases {
            let answer = || {
                let (exit, check, record) = ask(set, case, &anchors, provider());
                (exit, check, failed(&record))
            };
            let with = answer();
            let gone = without(check.id, answer);
            otherwise += usize::from(gone != with);
            accepted += usize::from(gone.0 == 0);
            if gone.0 != 0 {
                *others.entry(gone.1.unwrap_or("?").to_string()).or_default() += 1;
            }
        }
        let rest: Vec<String> = others.iter().map(|(id, count)| format!("{count} by {id}")).collect();
        println!("{:46} {:9}  {accepted} accepted {}", check.id, cases.len(), rest.join(", "));
        if otherwise == 0 || cases.len() < 5 {
            worthless.push(format!("{}: {} negatives, {otherwise} noticed", check.id, cases.len()));
        }
    }
    assert!(
        worthless.is_empty(),
        "checks that no vector misses, or with under five negatives: {worthless:#?}"
    );
}
