//! A report is read or refused; what is read is the bytes received.
#![no_main]

use attest_core::tee::snp::Report;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Report::parse(bytes) {
        Ok(report) => {
            assert_eq!(report.as_bytes().as_slice(), bytes);
            assert_eq!(report.signed_bytes(), &bytes[..0x2a0]);
            assert!(report.fields().version() >= 2);
            assert_eq!(report.signature().len(), 96);
            let _ =
                format!("{:?} {:?}", report.fields(), report.fields().cpuid().and_then(|cpuid| cpuid.line()));
        }
        Err(error) => assert!(error.check_id().is_some() && !error.to_string().is_empty()),
    }
});
