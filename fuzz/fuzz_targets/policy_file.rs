//! A policy that was read can be written, in both forms, and is then the same policy.
#![no_main]

use attest_core::Policy;
use attestrap_fuzz::policy_files;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    for text in policy_files(input) {
        for policy in [Policy::from_toml(&text), Policy::from_json(&text)] {
            match policy {
                Ok(policy) => {
                    assert_eq!(Policy::from_toml(&policy.to_toml()).as_ref(), Ok(&policy));
                    assert_eq!(Policy::from_json(&policy.to_json()).as_ref(), Ok(&policy));
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
});
