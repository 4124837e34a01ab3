//! Reference values of every text format are read or refused. What was read is written and read again, in our own form as it is, in
//! the format it came from if that holds all of it; and its policies are policies.
#![no_main]

use std::time::Duration;

use attest_core::tee::nitro;
use attest_core::{Policy, UnixTime};
use attest_measurements::formats::constellation;
use attest_measurements::formats::{flashbots, rvps};
use attest_measurements::reference::{Consent, ReferenceValues};
use attest_measurements::update::combinations;
use attestrap_fuzz::ANY_POLICY;
use attestrap_fuzz::measurements::{ORIGIN, RELEASE, read_all};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static GROUND: LazyLock<Policy> = LazyLock::new(|| Policy::from_toml(ANY_POLICY).expect("our own policy"));

fn hold(values: &ReferenceValues) {
    let consent = Consent::NONE;
    assert_eq!(ReferenceValues::from_json(values.to_json().as_bytes(), &consent).as_ref(), Ok(values));
    assert_eq!(ReferenceValues::from_toml(values.to_toml().as_bytes(), &consent).as_ref(), Ok(values));
    for set in values.sets() {
        assert!(!set.registers().is_empty());
        assert!(set.registers().values().any(|rule| !rule.warns_only()), "a set that refuses nothing");
        for (register, rule) in set.registers() {
            assert!(!rule.values().is_empty());
            assert!(rule.values().iter().all(|value| value.as_bytes().len() == register.digest_len()));
        }
        let now = UnixTime::since_unix_epoch(Duration::from_secs(ORIGIN.issued));
        match set.to_policy(&GROUND, now) {
            Ok(policy) => assert_eq!(Policy::from_toml(&policy.to_toml()).as_ref(), Ok(&policy)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        let _ = set.to_nitro_policy(&nitro::Policy::dangerously_any(), now);
        if let Ok(product) = combinations(&[values, values], now, 64, &consent) {
            assert!(product.sets.len() <= 64);
        }
    }
    if let Ok(text) = flashbots::write(values).map(|written| written.complete()) {
        let Ok(text) = text else { return };
        let again = flashbots::read(text.as_bytes(), &ORIGIN, &consent).expect("what we wrote");
        assert_eq!(again.sets().len(), values.sets().len());
    }
    if let Ok(Ok(text)) = constellation::write_manifest(values, &RELEASE).map(|written| written.complete()) {
        let again = constellation::read_manifest(text.as_bytes(), &RELEASE, &ORIGIN, &consent);
        assert_eq!(again.expect("what we wrote").sets(), values.sets());
    }
    if let Ok(Ok(text)) = rvps::write(values, u64::from(u32::MAX)).map(|written| written.complete()) {
        let again = rvps::read(text.as_bytes(), &ORIGIN, &consent).expect("what we wrote");
        assert_eq!(
            again.complete().expect("nothing lost").sets()[0].registers().len(),
            values.sets()[0].registers().len()
        );
    }
}

fuzz_target!(|bytes: &[u8]| {
    for read in read_all(bytes) {
        match read {
            Ok(values) => hold(&values),
            Err(error) => {
                assert!(error.at.starts_with('$') && !error.to_string().is_empty());
            }
        }
    }
});
