//! Files that say whom to trust and what was accepted: a trusted root, a key, a signature file, a watermark, a statement. Each is read or
//! refused; what is written again is the same; no signature file and no statement is believed that was not signed.
#![no_main]

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::ring;
use attest_core::transition::Transition;
use attest_measurements::trust::rollback::Watermark;
use attest_measurements::trust::{TrustRoot, VerifyingKey, blob};
use attestrap_fuzz::measurements::{KEY, SIGNATURE_FILE};
use attestrap_fuzz::tpm::BELIEVING;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_603));
    for provider in [&*BELIEVING, &ring::PROVIDER] {
        if let Ok(root) = TrustRoot::from_json(bytes, provider) {
            assert_eq!(TrustRoot::from_json(bytes, provider).as_ref(), Ok(&root));
        }
    }
    for key in
        [VerifyingKey::from_pem(bytes), VerifyingKey::from_der(bytes), VerifyingKey::from_p256_point(bytes)]
    {
        match key {
            Ok(key) => assert_eq!(VerifyingKey::from_der(key.as_der()).as_ref(), Ok(&key)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if let Ok(mark) = Watermark::from_json(bytes) {
        assert_eq!(Watermark::from_json(mark.to_json().as_bytes()).as_ref(), Ok(&mark));
    }
    let _ = blob::verify(b"a file", bytes, &KEY, &BELIEVING);
    assert!(blob::verify(b"a file", bytes, &KEY, &ring::PROVIDER).is_err(), "nobody signed this file");
    assert!(!SIGNATURE_FILE.is_empty());
    if let Ok(permitted) = Transition::verify(bytes, "node", &[KEY.as_der()], now, &BELIEVING) {
        let transition = permitted.transition();
        assert!(transition.from != transition.to && transition.not_before <= transition.not_after);
        assert!(permitted.allows(&transition.from, &transition.to, now));
    }
    assert!(Transition::verify(bytes, "node", &[KEY.as_der()], now, &ring::PROVIDER).is_err());
});
