//! Tests of union, override and intersection.

use alloc::string::ToString;

use attest_core::rules::Limit;
use attest_core::values::Digest;

use super::*;
use crate::reference::Window;

const ORIGIN: Origin<'_> = Origin::new("merged", 9, 90);

fn rule(octets: &[u8], warn_only: bool) -> Rule {
    Rule::new(octets.iter().map(|octet| Digest::filled(*octet, 48)), warn_only).unwrap()
}

fn set(name: &str, until: u64, registers: &[(Register, Rule)], svn: Option<u64>) -> Set {
    let window = Window::new(Limit::Any, Limit::To(until)).unwrap();
    let minimums = svn.map(|svn| (Minimum::SnpGuestSvn, svn)).into_iter().collect();
    Set::new(name, window, registers.iter().cloned().collect(), minimums, &Consent::to_warn_only(&["w"]))
        .unwrap()
}

fn alone(set: &Set) -> &[Set] {
    core::slice::from_ref(set)
}

fn document(sets: &[Set]) -> ReferenceValues {
    ReferenceValues::new("n", 1, 1, sets.into()).unwrap()
}

const LAUNCH: Register = Register::SnpMeasurement;
const MRTD: Register = Register::TdxMrtd;

fn whats(error: MergeError) -> Vec<String> {
    let MergeError::Conflicts(conflicts) = error else { panic!("{error}") };
    conflicts.into_iter().map(|conflict| conflict.what).collect()
}

#[test]
fn a_union_has_all_sets_and_no_conflict() {
    let a = set("a", 9, &[(LAUNCH, rule(&[1], false))], Some(1));
    let b = set("b", 9, &[(LAUNCH, rule(&[2], false))], None);
    let merged = union(&document(alone(&a)), &document(&[a.clone(), b.clone()]), &ORIGIN).unwrap();
    assert_eq!(merged.values.sets(), [a.clone(), b]);
    assert_eq!((merged.values.name(), merged.values.serial(), merged.values.issued()), ("merged", 9, 90));
    let changed = [
        (set("a", 9, &[(LAUNCH, rule(&[2], false))], Some(1)), "snp.measurement"),
        (set("a", 9, &[(LAUNCH, rule(&[1, 2], false))], Some(1)), "snp.measurement"),
        (set("a", 8, &[(LAUNCH, rule(&[1], false))], Some(1)), "window"),
        (set("a", 9, &[(LAUNCH, rule(&[1], false))], Some(2)), "snp.guest_svn"),
        (set("a", 9, &[(LAUNCH, rule(&[1], false))], None), "snp.guest_svn"),
        (set("a", 9, &[(LAUNCH, rule(&[1], false)), (MRTD, rule(&[1], false))], Some(1)), "tdx.mrtd"),
    ];
    for (other, what) in changed {
        let error = union(&document(alone(&a)), &document(&[other]), &ORIGIN).unwrap_err();
        assert_eq!(whats(error), [what.to_string()]);
    }
}

#[test]
fn an_override_replaces_and_keeps_and_says_what() {
    let a = set("a", 9, &[(LAUNCH, rule(&[1], false)), (MRTD, rule(&[3], false))], Some(5));
    let over = set("a", 20, &[(LAUNCH, rule(&[2], false))], None);
    let merged = override_with(&document(&[a]), &document(&[over]), &ORIGIN, &Consent::NONE).unwrap();
    let wanted = set("a", 20, &[(LAUNCH, rule(&[2], false)), (MRTD, rule(&[3], false))], Some(5));
    assert_eq!(merged.values.sets(), [wanted]);
    let whats: Vec<&str> = merged.overridden.iter().map(|conflict| conflict.what.as_str()).collect();
    assert_eq!(whats, ["snp.measurement", "window"]);
}

#[test]
fn an_intersection_accepts_what_both_do() {
    let a = set("a", 9, &[(LAUNCH, rule(&[1, 2], false)), (MRTD, rule(&[3], false))], Some(5));
    let b = set("b", 9, &[(LAUNCH, rule(&[1], false))], None);
    let other = set("a", 7, &[(LAUNCH, rule(&[2, 4], false))], Some(6));
    let both =
        |one: &[Set], other: &[Set]| intersection(&document(one), &document(other), &ORIGIN, &Consent::NONE);
    let merged = both(&[a.clone(), b], &[other]).unwrap();
    let wanted = set("a", 7, &[(LAUNCH, rule(&[2], false)), (MRTD, rule(&[3], false))], Some(6));
    assert_eq!(merged.values.sets(), [wanted]);
    let none = set("a", 9, &[(LAUNCH, rule(&[4], false))], None);
    assert_eq!(whats(both(alone(&a), &[none]).unwrap_err()), ["snp.measurement"]);
    let stranger = set("c", 9, &[(LAUNCH, rule(&[1], false))], None);
    assert_eq!(both(alone(&a), &[stranger]), Err(MergeError::Form(FormProblem::Empty)));
    // A warning does not weaken a refusal, from either side.
    let warns = set("a", 9, &[(LAUNCH, rule(&[7], true)), (MRTD, rule(&[3], false))], None);
    for merged in [both(alone(&a), alone(&warns)), both(&[warns], &[a])] {
        assert_eq!(merged.unwrap().values.sets()[0].registers()[&LAUNCH], rule(&[1, 2], false));
    }
}

#[test]
fn levels_of_a_tcb_are_compared_byte_by_byte() {
    let tcb = |number: u64| BTreeMap::from([(Minimum::SnpReportedTcb, number)]);
    let (one, other) =
        (u64::from_le_bytes([4, 0, 0, 0, 0, 0, 20, 219]), u64::from_le_bytes([3, 1, 0, 0, 0, 0, 24, 200]));
    let wanted = u64::from_le_bytes([4, 1, 0, 0, 0, 0, 24, 219]);
    assert_eq!(higher(&tcb(one), &tcb(other)), tcb(wanted));
    assert_eq!(higher(&tcb(one), &BTreeMap::new()), tcb(one));
    assert_eq!(higher(&BTreeMap::new(), &tcb(one)), tcb(one));
}
