//! Verifies evidence that the host wrote into memory. It must link without importing anything.

use std::time::Duration;

use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::{
    Context, Evidence, Expect, Format, Store, TrustAnchors, UnixTime, Verifier, refused_to_json,
};

/// The length of the answer for `length` bytes of a pattern: enough to keep the whole verifier alive in the module.
#[unsafe(no_mangle)]
pub extern "C" fn verify(length: u32, now: u32) -> u32 {
    let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
    let anchors = TrustAnchors::pinned();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::from(now)));
    let context = Context::new(&PROVIDER, &anchors, now, Expect::AnyReportData);
    let mut store = Store::new();
    let _ = store.add(&bytes);
    match Verifier::new().verify(&Evidence::new(Format::Snp, bytes), &store, &context) {
        Ok(verified) => verified.checks().len() as u32,
        Err(refused) => refused_to_json(&refused, Format::Snp).len() as u32,
    }
}
