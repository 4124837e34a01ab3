//! Tests of the TPM line that need its insides: the size of the record, and what each check is worth.

use std::vec::Vec;

use rustls_pki_types::UnixTime;
use vectors::set::Set;

use super::key::SigningKey;
use super::pcrsig::Registers as _;
use super::{Policy, TpmEvidence, checks};
use crate::checks::CAPACITY;
use crate::claims::Root;
use crate::collateral::{Collateral, Store};
use crate::context::{Context, Expect};
use crate::crypto::{Curve, HashAlgorithm};
use crate::rules::{AllOf, Bit, OneOf, Registers, Unusual};
use crate::tee::testing;
use crate::values::Digest;
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
