//! Tests of the TPM line that need its insides: the size of the record, and what each check is worth.

use vectors::set::Set;

use super::{Policy, checks};
use crate::checks::CAPACITY;
use crate::claims::Root;
use crate::crypto::HashAlgorithm;
use crate::rules::{AllOf, Bit, OneOf, Registers, Unusual};
use crate::tee::testing;

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

/// What a policy refuses unless somebody says otherwise.
#[test]
fn the_strict_policy_refuses_what_it_says() {
    let strict = Policy::strict(OneOf::only(Root::CloudVtpm), Registers::Any);
    assert_eq!(strict.roots, OneOf::only(Root::CloudVtpm));
    assert_eq!([strict.unknown_attributes, strict.stale_evidence], [Unusual::Refuse; 2]);
    assert!(!strict.banks.allows(&HashAlgorithm::Sha1) && strict.banks.allows(&HashAlgorithm::Sha256));
    assert_eq!((strict.replayed, strict.secure_boot), (AllOf(OneOf::Any), Bit::Any));
}
