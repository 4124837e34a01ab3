//! A bundle, or one part of a good one: with a provider that believes every signature, what is trusted is the artifact, at a time that
//! somebody vouches for; the same question gets the same answer; nothing is believed without a root; and what real signatures let
//! pass, this provider does as well.
#![no_main]

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::{CryptoProvider, ring};
use attest_measurements::trust::bundle::{self, Signer};
use attest_measurements::trust::{Identity, TrustError, TrustRoot};
use attestrap_fuzz::measurements::{ARTIFACT, KEY, ROOT, bundle_of};
use attestrap_fuzz::tpm::BELIEVING;
use libfuzzer_sys::fuzz_target;

/// After all seeds were signed.
const NOW: u64 = 1_790_000_000;

fn judge(
    text: &[u8],
    signer: Signer<'_>,
    root: &TrustRoot,
    provider: &CryptoProvider,
) -> Result<Option<u64>, TrustError> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let trusted = bundle::verify(text, &ARTIFACT, signer, root, now, provider)?;
    assert_eq!(trusted.bytes(), ARTIFACT.as_slice());
    Ok(trusted.signed_at())
}

fuzz_target!(|bytes: &[u8]| {
    let text = bundle_of(bytes);
    let anyone = Identity::DangerouslyAnyone;
    for signer in [Signer::Key(&KEY), Signer::Identity(&anyone)] {
        let believed = judge(&text, signer, &ROOT, &BELIEVING);
        assert_eq!(believed, judge(&text, signer, &ROOT, &BELIEVING));
        match &believed {
            Ok(time) => assert!(time.is_some_and(|time| time <= NOW + 300)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        assert!(judge(&text, signer, &TrustRoot::none(), &BELIEVING).is_err());
        if judge(&text, signer, &ROOT, &ring::PROVIDER).is_ok() {
            assert!(believed.is_ok());
        }
    }
});
