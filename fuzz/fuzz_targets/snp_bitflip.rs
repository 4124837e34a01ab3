//! A genuine report and its genuine certificate, one of them with one bit turned or cut short: nothing of the kind verifies.
//! Input: what to do (two bits), then where (two bytes).
#![no_main]

use std::time::Duration;

use attest_core::{Context, Evidence, Expect, Format, Store, UnixTime, Verifier, crypto};
use attestrap_fuzz::PINNED_ANCHORS;
use libfuzzer_sys::fuzz_target;

const REPORT: &[u8] = include_bytes!("../../vectors/real/milan/report.bin");
const VCEK: &[u8] = include_bytes!("../../vectors/real/milan/vcek.der");

fuzz_target!(|bytes: &[u8]| {
    let [what, low, high, ..] = *bytes else { return };
    let at = usize::from(u16::from_le_bytes([low, high]));
    let (mut report, mut vcek) = (REPORT.to_vec(), VCEK.to_vec());
    let changed = if what & 1 == 0 { &mut report } else { &mut vcek };
    if what & 2 == 0 {
        let index = at / 8 % changed.len();
        changed[index] ^= 1 << (at % 8);
    } else {
        changed.truncate(at % changed.len());
    }
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
    let context = Context::new(&crypto::ring::PROVIDER, &PINNED_ANCHORS, now, Expect::AnyReportData);
    let mut store = Store::new();
    // One that cannot be read is left out; then the evidence must lack it.
    let _ = store.add(&vcek);
    let verified = Verifier::new().verify(&Evidence::new(Format::Snp, report), &store, &context);
    assert!(verified.is_err(), "what {what}, at {at}");
});
