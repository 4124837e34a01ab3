//! Tests of the product.

use alloc::format;

use attest_core::crypto::HashAlgorithm::Sha256;
use attest_core::rules::Limit;
use attest_core::values::Digest;

use super::*;
use crate::reference::Minimum;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds))
}

/// A component that moves from one value of its register to another, with both valid from 10 to 20.
fn component(name: &str, index: u8) -> ReferenceValues {
    let set = |suffix: &str, octet: u8, from: Limit<u64>, until: Limit<u64>| {
        let registers = [(Register::TpmPcr(Sha256, index), Rule::equals(Digest::filled(octet, 32)))].into();
        let window = Window::new(from, until).unwrap();
        Set::new(&format!("{name} {suffix}"), window, registers, BTreeMap::new(), &Consent::NONE).unwrap()
    };
    let sets = [set("old", 1, Limit::Any, Limit::To(20)), set("new", 2, Limit::To(10), Limit::Any)];
    ReferenceValues::new(name, 1, 1, sets.into()).unwrap()
}

#[test]
fn every_combination_is_there_during_an_update_and_only_then() {
    let (firmware, image) = (component("firmware", 0), component("image", 4));
    let product = |now, max| combinations(&[&firmware, &image], at(now), max, &Consent::NONE);
    assert_eq!(product(9, 1).unwrap().sets.len(), 1);
    assert_eq!(product(21, 1).unwrap().sets[0].name(), "firmware new + image new");
    let during = product(15, 4).unwrap();
    assert_eq!(during.factors, [("firmware".into(), 2), ("image".into(), 2)]);
    let names: Vec<&str> = during.sets.iter().map(Set::name).collect();
    let wanted = [
        "firmware old + image old",
        "firmware old + image new",
        "firmware new + image old",
        "firmware new + image new",
    ];
    assert_eq!(names, wanted);
    assert!(during.sets.iter().all(|set| set.registers().len() == 2));
    assert_eq!(during.sets[1].window(), Window::new(Limit::To(10), Limit::To(20)).unwrap());
    assert_eq!(product(15, 3), Err(ProductError::TooMany { size: 4, max: 3 }));
    let many: Vec<ReferenceValues> = (0..24).map(|index| component("c", index)).collect();
    let many: Vec<&ReferenceValues> = many.iter().collect();
    let size = 1 << 24;
    assert_eq!(combinations(&many, at(15), 64, &Consent::NONE), Err(ProductError::TooMany { size, max: 64 }));
}

#[test]
fn components_that_cannot_be_combined_are_refused() {
    let image = component("image", 4);
    assert_eq!(combinations(&[], at(0), 9, &Consent::NONE), Err(ProductError::Nothing));
    let other = component("other", 4);
    let error = combinations(&[&image, &other], at(15), 9, &Consent::NONE).unwrap_err();
    assert!(matches!(error, ProductError::Conflict { register, .. } if register == "tpm.sha256.4"));
    let ended = {
        let window = Window::new(Limit::Any, Limit::To(5)).unwrap();
        let registers = [(Register::SnpMeasurement, Rule::equals(Digest::filled(1, 48)))].into();
        let set = Set::new("a", window, registers, BTreeMap::new(), &Consent::NONE).unwrap();
        ReferenceValues::new("ended", 1, 1, [set].into()).unwrap()
    };
    let error = combinations(&[&image, &ended], at(15), 9, &Consent::NONE).unwrap_err();
    assert_eq!(error, ProductError::NothingValid("ended".into()));
}

#[test]
fn a_set_is_what_it_says_of_registers() {
    let provider = &attest_core::crypto::aws_lc_rs::PROVIDER;
    let set = |name: &str, values: &[u8], warn_only: bool, svn: Option<u64>, until: u64| {
        let rule = Rule::new(values.iter().map(|octet| Digest::filled(*octet, 48)), warn_only).unwrap();
        let minimums = svn.map(|svn| (Minimum::SnpGuestSvn, svn)).into_iter().collect();
        let window = Window::new(Limit::Any, Limit::To(until)).unwrap();
        let consent = Consent::to_warn_only(&["a", "b"]);
        Set::new(name, window, [(Register::SnpMeasurement, rule)].into(), minimums, &consent).unwrap()
    };
    let one = set("a", &[1, 2], false, None, 9);
    let id = |set: &Set| identity(set, provider).unwrap();
    assert_eq!(id(&one), id(&set("b", &[2, 1], false, None, 10)), "a name and a window change nothing");
    let others = [
        set("a", &[1], false, None, 9),
        set("a", &[1, 3], false, None, 9),
        set("a", &[1, 2], true, None, 9),
        set("a", &[1, 2], false, Some(0), 9),
        set("a", &[1, 2], false, Some(1), 9),
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(id(&one), id(other), "{index}");
        assert!(others.iter().take(index).all(|earlier| id(earlier) != id(other)), "{index}");
        let statement = transition("node", &one, other, (1, 2), provider).unwrap();
        assert_eq!((statement.from, statement.to), (id(&one), id(other)));
    }
    let same = set("b", &[2, 1], false, None, 10);
    assert_eq!(transition("node", &one, &same, (1, 2), provider), Err(TransitionError::Contradiction));
}
