//! Tests of the TDX line that need its insides: the size of the record, and what each check is worth.

use core::time::Duration;
use std::string::ToString;
use std::vec::Vec;

use rustls_pki_types::UnixTime;
use vectors::set::{Case, Set};

use super::anchors::INTEL;
use super::{Anchors, Collateral, Policy, Quote, TcbStatus, checks};
use crate::checks::CAPACITY;
use crate::claims::Root;
use crate::collateral;
use crate::crypto::HashAlgorithm;
use crate::evidence::Evidence;
use crate::rules::{Bit, Limit, OneOf, Unusual};
use crate::tee::testing;
use crate::values::Hex;
use crate::verifier::Verifier;
use crate::x509::Certificate;

#[test]
fn a_record_has_room_for_every_check() {
    assert!(checks::verify::ALL.len() + checks::policy::ALL.len() <= CAPACITY);
}

#[test]
fn every_case_comes_out_as_written() {
    testing::every_case_comes_out_as_written(&Set::tdx().unwrap());
}

#[test]
fn a_finding_shows_two_sides_that_differ() {
    testing::a_finding_shows_two_sides_that_differ(&Set::tdx().unwrap());
}

#[test]
fn a_verdict_names_every_check_once() {
    testing::a_verdict_names_every_check_once(
        &Set::tdx().unwrap(),
        &[checks::verify::ALL, checks::policy::ALL],
    );
}

#[test]
fn every_check_is_missed() {
    testing::every_check_is_missed(
        &Set::tdx().unwrap(),
        &[checks::wire::ALL, checks::verify::ALL, checks::policy::ALL],
    );
}

/// The pinned root is the one whose digests its README states.
#[test]
fn the_pinned_root_is_intels() {
    let sha256 = |bytes: &[u8]| {
        let digest = testing::provider().digest(HashAlgorithm::Sha256, &[bytes]).unwrap();
        Hex(digest.as_bytes()).to_string()
    };
    assert_eq!(sha256(INTEL), "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");
    let root = Certificate::parse(INTEL).unwrap();
    assert_eq!(sha256(root.spki()), "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e");
    assert_eq!(root.subject().common_name(), Some("Intel SGX Root CA"));
    assert!(Anchors::intel().trusts(INTEL) && !Anchors::none().trusts(INTEL));
}

/// What a policy refuses unless somebody says otherwise.
#[test]
fn the_strict_policy_refuses_what_it_says() {
    let strict = Policy::strict(Limit::To(18), OneOf::only([7; 48]));
    assert_eq!((strict.roots, strict.mr_td), (OneOf::only(Root::Hardware), OneOf::only([7; 48])));
    assert_eq!([strict.stale_evidence, strict.service_td, strict.trailer], [Unusual::Refuse; 3]);
    assert_eq!([strict.attributes.under_debug, strict.attributes.unknown], [Unusual::Refuse; 2]);
    assert_eq!([strict.attributes.sept_ve_disable, strict.attributes.migratable], [Bit::Set, Bit::Clear]);
    assert_eq!(strict.tcb.statuses, OneOf::only(TcbStatus::UpToDate));
    assert_eq!(
        [strict.tcb.out_of_date_days, strict.tcb.collateral_max_age_days],
        [Limit::To(0), Limit::To(30)]
    );
    assert_eq!(strict.tcb.minimum_evaluation_number, Limit::To(18));
    assert!(strict.tcb.exceptions.is_empty());
}

fn case(set: &Set, id: &str) -> Case {
    set.manifest.cases.iter().find(|case| case.id == id).unwrap().clone()
}

fn supplied(set: &Set, case: &Case) -> collateral::Collateral {
    let mut supplied = collateral::Collateral::new();
    for blob in &case.store {
        supplied.add(&set.blob(blob).unwrap()).unwrap();
    }
    supplied
}

/// Collateral is checked before any quote comes, and says until when it holds.
#[test]
fn collateral_is_checked_by_itself() {
    let set = Set::tdx().unwrap();
    let anchors = testing::anchors_of(&set).tdx;
    let good = case(&set, "tdx.tcb-info.fmspc/good-v4");
    let fmspc = [0x50, 0x80, 0x6f, 0, 0, 1];
    let check = |case: &Case, fmspc, now: u64| {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        Collateral::check(fmspc, &supplied(&set, case), &anchors, testing::provider(), now)
    };
    let checked = check(&good, fmspc, good.now).unwrap();
    // The lists are due on 31 January; the statements a day later.
    assert_eq!(checked.valid_until(), 1_769_817_600);
    assert_eq!(checked.evaluation_number(), 18);
    assert!(check(&good, fmspc, checked.valid_until() - 1).is_ok());
    for (id, fmspc, now, wanted) in [
        ("tdx.tcb-info.fmspc/good-v4", fmspc, checked.valid_until(), "tdx.crl.next-update"),
        ("tdx.tcb-info.fmspc/good-v4", [0; 6], good.now, "tdx.tcb-info.fmspc"),
        ("tdx.collateral.signature/tcb-info-changed", fmspc, good.now, "tdx.collateral.signature"),
        ("tdx.crl.root/pck-only", fmspc, good.now, "tdx.crl.root"),
        ("tdx.crl.revoked/signer", fmspc, good.now, "tdx.crl.revoked"),
        ("collateral.absent/identity", fmspc, good.now, "collateral.absent"),
        ("tdx.collateral.next-update/identity-now", fmspc, good.now, "tdx.collateral.next-update"),
    ] {
        let refused = check(&case(&set, id), fmspc, now).unwrap_err();
        assert_eq!(refused.error.check_id(), Some(wanted), "{id}");
    }
}

/// Zeros behind a quote are nobody's word, and are not kept; other bytes are, so that they can be told.
#[test]
fn filling_is_left_where_it_is() {
    let set = Set::tdx().unwrap();
    let quote = |id: &str| set.blob(&case(&set, id).evidence).unwrap();
    let detect = |bytes: &[u8]| -> Evidence { Verifier::new().detect(bytes).unwrap() };
    let zeros = quote("tdx.policy.trailer/v4-zeros");
    let parsed = Quote::parse(&zeros).unwrap();
    assert_eq!(parsed.trailer().len(), 3065);
    assert_eq!(detect(&zeros).bytes, parsed.as_bytes());
    let other = quote("tdx.policy.trailer/v4-last");
    assert_eq!(detect(&other).bytes, other);
}

/// No bit of a quote can be turned but those behind it, and those of the chain's text that mean nothing.
#[test]
fn no_turned_bit_verifies() {
    let set = Set::tdx().unwrap();
    let case = case(&set, "tdx.quote.signature/good-v5-extended");
    let whole = set.blob(&case.evidence).unwrap();
    let supplied = collateral::Store::with(supplied(&set, &case));
    let anchors = testing::anchors_of(&set);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(case.now));
    let context =
        crate::context::Context::new(testing::provider(), &anchors, now, testing::expectation(&case));
    let chain = Quote::parse(&whole).unwrap().pck_chain().len();
    let verifies = |bytes: &[u8]| {
        let evidence = Evidence::new(crate::evidence::Format::Tdx, bytes.to_vec());
        Verifier::new().verify(&evidence, &supplied, &context).is_ok()
    };
    assert!(verifies(&whole));
    let mut survivors = Vec::new();
    for at in 0..whole.len() - chain {
        let mut turned = whole.clone();
        turned[at] ^= 1 << (at % 8);
        if verifies(&turned) {
            survivors.push(at);
        }
    }
    assert!(survivors.is_empty(), "{survivors:?}");
    for cut in 0..whole.len() {
        assert!(!verifies(&whole[..cut]), "{cut}");
    }
}
