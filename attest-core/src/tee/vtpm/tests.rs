//! Tests of the TPM line that need its insides: the size of the record, and what each check is worth.

use std::collections::BTreeMap;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use rustls_pki_types::UnixTime;
use vectors::set::Set;

use super::body::{MAX_QUOTES, MAX_VALUES};
use super::key::SigningKey;
use super::pcrsig::Registers as _;
use super::{Claims, Policy, TpmEvidence, TrustedAk, checks};
use crate::checks::{CAPACITY, Checks, Outcome};
use crate::claims::Root;
use crate::collateral::{Collateral, Store};
use crate::context::{Context, Expect, TrustAnchors};
use crate::crypto::{Curve, HashAlgorithm};
use crate::error::Refused;
use crate::rules::{AllOf, Bit, OneOf, Registers, Unusual};
use crate::tee::testing;
use crate::values::Digest;
use crate::verified::Verified;
use crate::x509::PublicKey;

#[test]
fn a_record_has_room_for_every_check() {
    assert!(checks::verify::ALL.len() + checks::policy::ALL.len() <= CAPACITY);
    assert_eq!(checks::policy::PCRS.len(), 24);
}

#[test]
fn every_case_comes_out_as_written() {
    testing::every_case_comes_out_as_written(&Set::vtpm().unwrap());
}

#[test]
fn a_finding_shows_two_sides_that_differ() {
    testing::a_finding_shows_two_sides_that_differ(&Set::vtpm().unwrap());
}

#[test]
fn a_verdict_names_every_check_once() {
    testing::a_verdict_names_every_check_once(
        &Set::vtpm().unwrap(),
        &[checks::verify::ALL, checks::policy::ALL],
    );
}

#[test]
fn every_check_is_missed() {
    testing::every_check_is_missed(
        &Set::vtpm().unwrap(),
        &[checks::wire::ALL, checks::verify::ALL, checks::policy::ALL],
    );
}

/// What other lines ask of registers is what the quote covers, and nothing else.
#[test]
fn verified_registers_are_the_quoted_ones() {
    let set = Set::vtpm().unwrap();
    let anchors = testing::anchors_of(&set);
    let case = set.manifest.cases.iter().find(|case| case.id == "vtpm.pcr.digest/good-p256").unwrap();
    let evidence = TpmEvidence::parse(&set.blob(&case.evidence).unwrap()).unwrap();
    let context = Context::new(
        testing::provider(),
        &anchors,
        UnixTime::since_unix_epoch(core::time::Duration::ZERO),
        Expect::AnyReportData,
    );
    let verified = evidence.verify(&Collateral::new(), &Store::new(), &context).unwrap();
    let pcrs = verified.claims().pcrs();
    for index in 0..24 {
        let quoted = evidence.quotes[0].pcrs.iter().find(|pcr| pcr.index == index);
        let value = pcrs.register(HashAlgorithm::Sha256, index);
        assert_eq!(value, quoted.map(|pcr| Digest::new(&pcr.value).unwrap()));
        assert_eq!(pcrs.register(HashAlgorithm::Sha384, index), None);
    }
}

/// A key that comes with its public area and one that comes bare have one digest.
#[test]
fn a_key_has_one_spki() {
    for (curve, len) in [(Curve::P256, 91), (Curve::P384, 120), (Curve::P521, 158)] {
        let point: Vec<u8> = core::iter::once(4).chain(0..=u8::MAX).take(curve.point_len()).collect();
        let spki = SigningKey::Ecc { curve, point: point.clone() }.spki();
        assert_eq!(spki.len(), len);
        let read = PublicKey::parse(&spki).unwrap();
        assert_eq!((read.curve(), read.as_bytes()), (Some(curve), point.as_slice()));
    }
}

/// What a policy refuses unless somebody says otherwise.
#[test]
fn the_strict_policy_refuses_what_it_says() {
    let strict = Policy::strict(OneOf::only(Root::CloudVtpm), Registers::Any);
    assert_eq!(strict.roots, OneOf::only(Root::CloudVtpm));
    assert_eq!([strict.unknown_attributes, strict.stale_evidence], [Unusual::Refuse; 2]);
    assert!(!strict.banks.allows(&HashAlgorithm::Sha1) && strict.banks.allows(&HashAlgorithm::Sha256));
    assert_eq!((strict.replayed, strict.secure_boot), (AllOf(OneOf::Any), Bit::Any));
}

/// The evidence of a case of the generated set, and the key that it is signed by.
fn evidence_of(set: &Set, id: &str) -> TpmEvidence {
    let case = set.manifest.cases.iter().find(|case| case.id == id).unwrap();
    TpmEvidence::parse(&set.blob(&case.evidence).unwrap()).unwrap()
}

fn verify(evidence: &TpmEvidence, anchors: &TrustAnchors) -> Result<Verified<Claims>, Refused> {
    let now = UnixTime::since_unix_epoch(core::time::Duration::ZERO);
    let context = Context::new(testing::provider(), anchors, now, Expect::AnyReportData);
    evidence.verify(&Collateral::new(), &Store::new(), &context)
}

/// Evidence that was put together by hand has the bounds of evidence that was read.
#[test]
fn evidence_made_by_hand_is_bounded() {
    let set = Set::vtpm().unwrap();
    let anchors = testing::anchors_of(&set);
    let good = evidence_of(&set, "vtpm.pcr.digest/good-p256");
    let quote = good.quotes[0].clone();
    let telling = |evidence: &TpmEvidence| {
        let refused = verify(evidence, &anchors).unwrap_err();
        refused.error.to_string()
    };
    let quotes = |count| TpmEvidence { quotes: vec![quote.clone(); count], ..good.clone() };
    assert!(telling(&quotes(MAX_QUOTES)).contains("vtpm.pcr.duplicate"), "{}", telling(&quotes(MAX_QUOTES)));
    assert!(telling(&quotes(MAX_QUOTES + 1)).contains("quotes"), "{}", telling(&quotes(MAX_QUOTES + 1)));
    let values = |count| {
        let mut quote = quote.clone();
        quote.pcrs = quote.pcrs.iter().cycle().take(count).cloned().collect();
        TpmEvidence { quotes: vec![quote], ..good.clone() }
    };
    assert!(!telling(&values(MAX_VALUES)).contains("at most"), "{}", telling(&values(MAX_VALUES)));
    assert!(telling(&values(MAX_VALUES + 1)).contains("at most"), "{}", telling(&values(MAX_VALUES + 1)));
}

/// Whoever vouches for a key's numbers alone does not vouch for what a public area says beside them; a template that the quote
/// confirms does.
#[test]
fn attributes_are_claimed_where_something_vouches_for_them() {
    let set = Set::vtpm().unwrap();
    let pinned = |evidence: &TpmEvidence| {
        let of_set = testing::anchors_of(&set);
        let claims = verify(evidence, &of_set).unwrap();
        let mut anchors = testing::nobody();
        let digest = claims.claims().ak_spki_sha256().as_bytes().try_into().unwrap();
        anchors.vtpm.add_key(TrustedAk::pinned_spki(digest));
        anchors
    };
    let outcome = |verified: &Verified<Claims>| {
        verified.checks().iter().find(|entry| entry.check == &checks::verify::AK_ATTRIBUTES).unwrap().outcome
    };
    for (id, vouched) in [
        ("vtpm.pcr.digest/good-rsassa", true),
        ("vtpm.pcr.digest/good-p256", true),
        ("vtpm.ak.attributes/no-da", true),
        ("vtpm.ak.trusted/bare-template", true),
        ("vtpm.pcr.digest/good-rsapss", false),
        ("vtpm.pcr.digest/good-p384", false),
        ("vtpm.ak.trusted/bare-pinned", false),
    ] {
        let evidence = evidence_of(&set, id);
        let verified = verify(&evidence, &pinned(&evidence)).unwrap();
        let claims = verified.claims();
        assert_eq!(claims.ak_name().is_some(), vouched, "{id}");
        assert_eq!(claims.ak_attributes().is_some(), vouched, "{id}");
        assert_eq!(claims.hierarchy().is_some(), vouched, "{id}");
        assert_eq!(outcome(&verified) == Outcome::Passed, vouched, "{id}");
    }
}

/// Of two quotes that differ, the finding shows what differs.
#[test]
fn another_boot_is_shown_as_what_it_is() {
    let set = Set::vtpm().unwrap();
    let anchors = testing::anchors_of(&set);
    for (id, shown) in [
        ("vtpm.quote.same-boot/reset", "reset "),
        ("vtpm.quote.same-boot/firmware", "firmware "),
        ("vtpm.quote.same-boot/signer", "another qualifiedSigner"),
    ] {
        let refused = verify(&evidence_of(&set, id), &anchors).unwrap_err();
        let entry = refused.checks.iter().find(|entry| entry.check == &checks::verify::SAME_BOOT).unwrap();
        let actual = entry.actual.to_string();
        assert!(actual.contains(shown), "{id}: {actual}");
    }
}

/// A list of no registers, and one of a register that a PC does not have: files refuse both, and so does the judge.
#[test]
fn rules_made_by_hand_name_registers_of_a_pc() {
    let set = Set::vtpm().unwrap();
    let anchors = testing::anchors_of(&set);
    let evidence = evidence_of(&set, "vtpm.pcr.digest/good-p256");
    let none = BTreeMap::new();
    let digest = Digest::new(&[0; 32]).unwrap();
    let stranger = BTreeMap::from([((HashAlgorithm::Sha256, 24), OneOf::only(digest))]);
    for rules in [none, stranger] {
        let policy = Policy { pcrs: Registers::Listed(rules), ..Policy::strict(OneOf::Any, Registers::Any) };
        let mut record = Checks::new();
        policy.judge(verify(&evidence, &anchors).unwrap().claims(), &mut record);
        for check in &checks::policy::PCRS {
            let entry = record.iter().find(|entry| entry.check.id == check.id).unwrap();
            assert_eq!(entry.outcome, Outcome::Failed, "{}", check.id);
        }
    }
}

/// What a policy lets pass is seen: a log that contradicts a quoted register is a warning.
#[test]
fn a_contradiction_is_never_silent() {
    let set = Set::vtpm().unwrap();
    let anchors = testing::anchors_of(&set);
    let warnings = |id: &str| {
        let verified = verify(&evidence_of(&set, id), &anchors).unwrap();
        let policy = crate::policy::Policy::for_vtpm(Policy::dangerously_any());
        let verdict = policy.judge(verified.map(|claims| crate::claims::Claims::Vtpm(claims.into())));
        assert!(verdict.is_accepted());
        let warned = verdict.checks().iter().filter(|entry| entry.outcome == Outcome::Warned);
        warned.map(|entry| (entry.check.id, entry.actual.to_string())).collect::<Vec<_>>()
    };
    let check = "vtpm.policy.log-contradiction";
    for (name, register) in [("swapped", 7), ("invented", 4), ("invented-0", 0), ("dropped", 4), ("moved", 4)]
    {
        let said = std::format!("sha256 register {register}: mismatch");
        assert_eq!(warnings(&std::format!("{check}/{name}")), [(check, said)], "{name}");
    }
    for name in ["yes", "yes-unexplained", "yes-other"] {
        assert_eq!(warnings(&std::format!("{check}/{name}")), [], "{name}");
    }
    assert_eq!(warnings("vtpm.policy.event-log/no-log"), []);
}
