//! Tests of the SNP line that need its insides: pins, the size of the record, and what each check is worth.

use std::time::Duration;
use std::vec::Vec;

use sha2::{Digest, Sha256};
use vectors::set::{Case, Set};

use super::{Anchors, Policy as SnpPolicy, ProductLine, checks};
use crate::checks::CAPACITY;
use crate::claims::Root;
use crate::collateral::Store;
use crate::context::{Context, Expect, TrustAnchors};
use crate::crypto::{BUILT_IN, CryptoProvider};
use crate::policy::Policy;
use crate::rules::{Bit, Floors, Limit, OneOf, Unusual};
use crate::tee::testing;
use crate::values::Value;
use crate::verifier::Verifier;
use crate::x509::{Certificate, CertificateList};
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
                let crate::x509::PublicKey::Rsa { der, bits: 4096, .. } = ark.public_key() else { panic!() };
                let algorithm = ca.signature_scheme().unwrap().with(&ark.public_key()).unwrap();
                provider.verify(algorithm, der, ca.signed_bytes(), ca.signature()).unwrap().unwrap();
            }
        }
    }
}

#[test]
fn a_record_has_room_for_every_check() {
    assert!(checks::verify::ALL.len() + checks::policy::ALL.len() <= CAPACITY);
}

/// What one caller pinned must not count for another: a store that was warmed with other anchors.
#[test]
fn a_proof_counts_only_for_anchors_that_carry_it() {
    let set = Set::snp().unwrap();
    let own = testing::anchors_of(&set);
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
    assert_eq!(verified.claims().root(), Root::Caller);
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

/// Pinned or supplied, an intermediate of the caller's own PKI is no hardware; AMD's pinned one is.
#[test]
fn only_amds_anchors_are_hardware() {
    let set = Set::snp().unwrap();
    let own = testing::anchors_of(&set);
    let provider = BUILT_IN.first().copied().unwrap();
    let mut roots = Vec::new();
    for case in set.manifest.cases.iter().filter(|case| case.exit == 0) {
        roots.extend(root_of(&set, case, &own, provider));
    }
    assert!(roots.len() > 100 && roots.iter().all(|root| *root == Root::Caller), "{roots:?}");

    let milan = vectors::folder("real/milan");
    let read = |name: &str| std::fs::read(milan.join(name)).unwrap();
    let evidence = Verifier::new().detect(&read("report.bin")).unwrap();
    let mut store = Store::new();
    store.add(&read("vcek.der")).unwrap();
    let amd = TrustAnchors::pinned();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    let context = Context::new(provider, &amd, now, Expect::AnyReportData);
    let verified = Verifier::new().verify(&evidence, &store, &context).unwrap();
    assert_eq!(verified.claims().root(), Root::Hardware);
}

fn root_of(set: &Set, case: &Case, anchors: &TrustAnchors, provider: &CryptoProvider) -> Option<Root> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(provider, anchors, now, Expect::AnyReportData);
    let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).ok()?;
    let mut store = Store::new();
    for blob in &case.store {
        store.add(&set.blob(blob).unwrap()).unwrap();
    }
    let verified = Verifier::new().verify(&evidence, &store, &context).ok()?;
    Some(verified.claims().root())
}

/// Each list is proven once, whoever asks how often, and never more than a chain may have.
#[test]
fn a_store_remembers_each_list_once() {
    let set = Set::snp().unwrap();
    let own = testing::anchors_of(&set);
    let provider = BUILT_IN.first().copied().unwrap();
    let case = set.manifest.cases.iter().find(|case| case.id == "form.budget/crls").unwrap();
    let blobs: Vec<_> = case.store.iter().map(|blob| set.blob(blob).unwrap()).collect();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(provider, &own, now, Expect::AnyReportData);
    let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).unwrap();
    let proven = |store: &mut Store| {
        Verifier::new().warm(&evidence, store, &context).unwrap();
        store.proofs::<super::Revocations>().count()
    };
    let (mut nine, mut two) = (Store::new(), Store::new());
    for blob in &blobs {
        nine.add(blob).unwrap();
    }
    assert_eq!(nine.supplied().crls().count(), 9);
    assert_eq!(proven(&mut nine), 8);
    let mut left = 2;
    for blob in &blobs {
        let list = CertificateList::parse(blob).is_ok();
        if !list || left > 0 {
            two.add(blob).unwrap();
            left -= usize::from(list);
        }
    }
    assert_eq!(proven(&mut two), 2);
    assert_eq!(proven(&mut two), 2);
}

/// What was proven of one list says nothing of another, even of the same signer.
#[test]
fn a_proven_list_vouches_for_no_other() {
    let set = Set::snp().unwrap();
    let own = testing::anchors_of(&set);
    let provider = BUILT_IN.first().copied().unwrap();
    let case = set.manifest.cases.iter().find(|case| case.id == "form.budget/crls").unwrap();
    let blobs: Vec<_> = case.store.iter().map(|blob| set.blob(blob).unwrap()).collect();
    let lists: Vec<_> = blobs.iter().filter(|blob| CertificateList::parse(blob).is_ok()).collect();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context = Context::new(provider, &own, now, Expect::AnyReportData);
    let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).unwrap();
    let mut store = Store::new();
    for blob in blobs.iter().filter(|blob| CertificateList::parse(blob).is_err()).chain([lists[0]]) {
        store.add(blob).unwrap();
    }
    Verifier::new().warm(&evidence, &mut store, &context).unwrap();
    Verifier::new().verify(&evidence, &store, &context).unwrap();
    let mut forged = lists[1].clone();
    *forged.last_mut().unwrap() ^= 1;
    store.add(&forged).unwrap();
    let refused = Verifier::new().verify(&evidence, &store, &context).unwrap_err();
    assert_eq!(refused.error.check_id(), Some(checks::verify::CRL_SIGNATURE.id));
}

/// What a policy refuses unless somebody says otherwise.
#[test]
fn the_strict_policy_refuses_what_it_says() {
    let strict = SnpPolicy::strict(super::MARCH_2026, OneOf::Any);
    assert_eq!(strict.product_lines, OneOf::Listed(Vec::from([ProductLine::Genoa, ProductLine::Turin])));
    assert_eq!(strict.roots, OneOf::only(Root::Hardware));
    assert_eq!(strict.vmpl, OneOf::only(0));
    assert_eq!(strict.crl_max_age_days, Limit::To(90));
    let guest = &strict.guest_policy;
    assert_eq!([guest.debug, guest.migrate_ma, guest.cxl_allow], [Bit::Clear; 3]);
    let platform = &strict.platform_info;
    assert_eq!([platform.alias_check_complete, platform.tio_en], [Bit::Set, Bit::Clear]);
    for unusual in [
        strict.unknown_cpu,
        strict.stale_evidence,
        strict.migration_agent,
        strict.key_info_unknown,
        strict.tcb.unknown,
        guest.unknown,
        platform.unknown,
    ] {
        assert_eq!(unusual, Unusual::Refuse);
    }
    for floors in [&strict.tcb.reported, &strict.tcb.committed] {
        assert!(matches!(floors, Floors::PerPart(parts) if parts.len() == super::MARCH_2026.len()));
    }
}

/// A refused date shows the bound that it breaks: the end of what is over, the start of what has not begun.
#[test]
fn a_refused_date_shows_the_bound_that_it_breaks() {
    let set = Set::snp().unwrap();
    let anchors = testing::anchors_of(&set);
    let provider = BUILT_IN.first().copied().unwrap();
    let mut seen = 0;
    for case in set.manifest.cases.iter().filter(|case| case.check == checks::verify::VEK_VALIDITY.id) {
        let mut store = Store::new();
        for blob in &case.store {
            store.add(&set.blob(blob).unwrap()).unwrap();
        }
        let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
        let context = Context::new(provider, &anchors, now, Expect::AnyReportData);
        let Err(refused) = Verifier::new().verify(&evidence, &store, &context) else { continue };
        let entry = refused.checks.iter().find(|entry| entry.check == &checks::verify::VEK_VALIDITY).unwrap();
        let supplied = evidence.carried.certificates().chain(store.supplied().certificates());
        let validities = supplied.map(|der| Certificate::parse(der).unwrap().validity());
        let broken: Vec<_> = validities
            .filter(|validity| !validity.holds_at(case.now))
            .map(|validity| {
                let over = validity.not_after < case.now;
                Value::Time(if over { validity.not_after } else { validity.not_before })
            })
            .collect();
        assert!(broken.contains(&entry.expected), "{}: {:?} {broken:?}", case.id, entry.expected);
        seen += 1;
    }
    assert!(seen >= 5);
}

#[test]
fn an_empty_policy_accepts_nothing_whatever_it_warns_of() {
    let set = Set::snp().unwrap();
    let own = testing::anchors_of(&set);
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

#[test]
fn every_case_comes_out_as_written() {
    testing::every_case_comes_out_as_written(&Set::snp().unwrap());
}

#[test]
fn a_finding_shows_two_sides_that_differ() {
    testing::a_finding_shows_two_sides_that_differ(&Set::snp().unwrap());
}

#[test]
fn a_verdict_names_every_check_once() {
    testing::a_verdict_names_every_check_once(
        &Set::snp().unwrap(),
        &[checks::verify::ALL, checks::policy::ALL],
    );
}

#[test]
fn every_check_is_missed() {
    testing::every_check_is_missed(
        &Set::snp().unwrap(),
        &[checks::wire::ALL, checks::verify::ALL, checks::policy::ALL],
    );
}
