//! A bundle has one form.
#![no_main]

use attest_core::Store;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Store::from_bundle(bytes) {
        Ok(store) => assert_eq!(store.to_bundle(), bytes),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
