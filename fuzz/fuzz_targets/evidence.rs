//! An envelope has one form; whatever is taken for evidence can be put into one.
#![no_main]

use attest_core::{Evidence, Store, UnixTime, Verifier};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Evidence::from_envelope(bytes) {
        Ok(evidence) => {
            assert_eq!(evidence.to_envelope(), bytes);
            assert_eq!(Verifier::new().detect(bytes), Ok(evidence));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match Verifier::new().detect(bytes) {
        Ok(evidence) => {
            assert_eq!(Evidence::from_envelope(&evidence.to_envelope()).as_ref(), Ok(&evidence));
            let now = UnixTime::since_unix_epoch(core::time::Duration::from_secs(1_768_478_400));
            let _ = Verifier::new().needs(&evidence, &Store::new(), now).map(|needs| needs.to_string());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
