//! Tests of the SNP line that need its insides: pins, the size of the record, and what each check is worth.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;
use std::{format, println};

use sha2::{Digest, Sha256};
use vectors::set::{Case, Set};

use super::{Anchors, ProductLine, checks};
use crate::checks::removal::without;
use crate::checks::{CAPACITY, Outcome};
use crate::collateral::Store;
use crate::context::{Context, Expect, TrustAnchors};
use crate::crypto::{BUILT_IN, CryptoProvider};
use crate::error::{Error, Refused};
use crate::policy::Policy;
use crate::verifier::Verifier;
use crate::x509::Certificate;
use rustls_pki_types::UnixTime;

#[test]
fn the_pinned_roots_are_amds() {
    let pins = [
        (ProductLine::Milan, "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"),
        (ProductLine::Genoa, "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831"),
        (ProductLine::Turin, "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08"),
    ];
    let anchors = Anchors::amd();
    for (line, pin) in pins {
        let [ark, ask, asvk] = super::anchors::AMD.iter().find(|(of, _)| *of == line).unwrap().1;
        let [ark, ask, asvk] = [ark, ask, asvk].map(|der| Certificate::parse(der).unwrap());
        assert_eq!(vectors::hex(&Sha256::digest(ark.spki())), pin);
        for ca in [ask, asvk] {
            assert!(anchors.intermediate(ca.subject().as_der()).unwrap().pinned);
            for provider in BUILT_IN {
                let crate::x509::PublicKey::Rsa { der, bits: 4096 } = ark.public_key() else { panic!() };
                let algorithm = ca.signature_algorithm().unwrap();
                provider.verify(algorithm, der, ca.signed_bytes(), ca.signature()).unwrap().unwrap();
            }
        }
    }
}

#[test]
fn a_record_has_room_for_every_check() {
    assert!(checks::verify::ALL.len() + checks::policy::ALL.len() <= CAPACITY);
}

/// What the line says of a case: exit code, the telling check, all failed checks.
fn judge(
    set: &Set,
    case: &Case,
    anchors: &TrustAnchors,
    provider: &CryptoProvider,
) -> (u8, Option<&'static str>, Vec<&'static str>) {
    let expect = match &case.report_data {
        None => Expect::AnyReportData,
        Some(text) => Expect::ReportData(vectors::unhex(text).unwrap().try_into().unwrap()),
    };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(provider, anchors, now, expect);
    let verify = || -> Result<_, Refused> {
        let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap())?;
        let mut store = Store::new();
        for blob in &case.store {
            store.add(&set.blob(blob).unwrap()).map_err(Error::from)?;
        }
        Verifier::new().verify(&evidence, &store, &context)
    };
    let failed = |checks: &crate::checks::Checks| {
        checks.iter().filter(|entry| entry.outcome == Outcome::Failed).map(|entry| entry.check.id).collect()
    };
    match verify() {
        Ok(verified) => {
            let verdict = Policy::from_toml(&case.policy_toml().unwrap()).unwrap().judge(verified);
            let check = verdict.checks().gravest().map(|entry| entry.check.id);
            (verdict.exit_code(), check, failed(verdict.checks()))
        }
        Err(refused) => {
            (refused.error.class().exit_code(), refused.error.check_id(), failed(&refused.checks))
        }
    }
}

/// What one caller pinned must not count for another: a store that was warmed with other anchors.
#[test]
fn a_proof_counts_only_for_anchors_that_carry_it() {
    let set = Set::snp().unwrap();
    let own = anchors_of(&set);
    let provider = BUILT_IN.first().copied().unwrap();
    let case = set.manifest.cases.iter().find(|case| case.id == "snp.vek.hwid/genoa-v5").unwrap();
    let mut store = Store::new();
    for blob in &case.store {
        store.add(&set.blob(blob).unwrap()).unwrap();
    }
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).unwrap();
    let mut roots_alone = Anchors::none();
    let mut beside_amd = Anchors::amd();
    for anchor in &set.manifest.roots {
        let line = ProductLine::from_name(&anchor.line).unwrap();
        roots_alone.add_root(line, &set.blob(&anchor.file).unwrap()).unwrap();
        beside_amd.add_root(line, &set.blob(&anchor.file).unwrap()).unwrap();
    }
    fn context<'a>(anchors: &'a TrustAnchors, now: UnixTime, provider: &'a CryptoProvider) -> Context<'a> {
        Context::new(provider, anchors, now, Expect::AnyReportData)
    }
    Verifier::new().warm(&evidence, &mut store, &context(&own, now, provider)).unwrap();
    let verified = Verifier::new().verify(&evidence, &store, &context(&own, now, provider)).unwrap();
    assert_eq!(verified.claims().root(), crate::claims::Root::Caller);
    // Without the pinned intermediate nobody has looked at its signature, and its certificate is not here.
    for strangers in [roots_alone, beside_amd, Anchors::none(), Anchors::amd()] {
        let strangers = TrustAnchors::new(strangers);
        let refused =
            Verifier::new().verify(&evidence, &store, &context(&strangers, now, provider)).unwrap_err();
        // Without a root, or because the intermediate of the same name that this caller has did not sign.
        let id = refused.error.check_id().unwrap();
        assert!([checks::verify::ANCHOR_KNOWN.id, checks::verify::VEK_SIGNATURE.id].contains(&id), "{id}");
    }
}

#[test]
fn an_empty_policy_accepts_nothing_whatever_it_warns_of() {
    let set = Set::snp().unwrap();
    let own = anchors_of(&set);
    let case = set.manifest.cases.iter().find(|case| case.id == "snp.vek.hwid/genoa-v5").unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(BUILT_IN.first().unwrap(), &own, now, Expect::AnyReportData);
    let mut store = Store::new();
    store.add(&set.blob(&case.store[0]).unwrap()).unwrap();
    let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).unwrap();
    let verified = Verifier::new().verify(&evidence, &store, &context).unwrap();
    let mut empty = Policy::empty();
    empty.warn_only.insert("policy.section".into());
    assert!(!empty.judge(verified).is_accepted());
}

/// A set's own anchors.
fn anchors_of(set: &Set) -> TrustAnchors {
    let mut snp = Anchors::none();
    let line = |name: &str| ProductLine::from_name(name).unwrap();
    for anchor in &set.manifest.roots {
        snp.add_root(line(&anchor.line), &set.blob(&anchor.file).unwrap()).unwrap();
    }
    for anchor in &set.manifest.intermediates {
        snp.add_intermediate(line(&anchor.line), &set.blob(&anchor.file).unwrap()).unwrap();
    }
    TrustAnchors::new(snp)
}

/// The runner asks the same with every provider; here the answers guard each change of this crate alone.
#[test]
fn every_case_comes_out_as_written() {
    let set = Set::snp().unwrap();
    let anchors = anchors_of(&set);
    let provider = BUILT_IN.first().copied().unwrap();
    let mut wrong = Vec::new();
    for case in &set.manifest.cases {
        let (exit, check, failed) = judge(&set, case, &anchors, provider);
        let named = check == Some(case.check.as_str()) || failed.contains(&case.check.as_str());
        let strangers = failed.iter().any(|id| *id != case.check && !case.also.iter().any(|also| also == id));
        if exit != case.exit || (exit != 0 && !named) || strangers {
            wrong.push(format!("{}: {exit} {check:?} {failed:?}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), set.manifest.cases.len());
}

/// Takes each check away and asks every negative case that is about it: at least one must come out otherwise. The table says
/// whether it would then have been accepted, or who else would have refused.
#[test]
fn every_check_is_missed() {
    let set = Set::snp().unwrap();
    let anchors = anchors_of(&set);
    let provider = BUILT_IN.first().copied().unwrap();
    let mut about: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in set.manifest.cases.iter().filter(|case| case.exit != 0) {
        about.entry(case.check.as_str()).or_default().push(case);
    }
    let mut worthless = Vec::new();
    println!("{:46} negatives  without it", "check");
    for check in checks::wire::ALL.iter().chain(checks::verify::ALL).chain(checks::policy::ALL) {
        let cases = about.get(check.id).map(Vec::as_slice).unwrap_or_default();
        let mut accepted = 0;
        let mut otherwise = 0;
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        for case in cases {
            let with = judge(&set, case, &anchors, provider);
            let gone = without(check.id, || judge(&set, case, &anchors, provider));
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
