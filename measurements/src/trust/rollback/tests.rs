//! Tests of the watermark.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use attest_core::crypto::aws_lc_rs::PROVIDER;

use super::*;
use crate::reference::{Consent, Register, Rule, Set, Window};

fn document(name: &str, serial: u64, issued: u64) -> ReferenceValues {
    let registers = BTreeMap::from([(Register::SnpMeasurement, Rule::equals(Digest::filled(1, 48)))]);
    let set = Set::new("a", Window::ALWAYS, registers, BTreeMap::new(), &Consent::NONE).unwrap();
    ReferenceValues::new(name, serial, issued, Vec::from([set])).unwrap()
}

fn advance(
    last: Option<&Watermark>,
    document: &ReferenceValues,
    bytes: &[u8],
) -> Result<Watermark, RollbackError> {
    let now = UnixTime::since_unix_epoch(core::time::Duration::from_secs(1000));
    Watermark::advance(last, document, &Trusted::assertion(bytes, None), now, &PROVIDER)
}

#[test]
fn nothing_goes_back() {
    let first = advance(None, &document("n", 5, 500), b"five").unwrap();
    let last = Some(&first);
    assert_eq!(advance(last, &document("n", 5, 500), b"five").unwrap(), first, "the same once more");
    assert_eq!(advance(last, &document("n", 6, 500), b"six").unwrap().serial(), 6);
    assert_eq!(
        advance(last, &document("n", 4, 600), b"four"),
        Err(RollbackError::LowerSerial { serial: 4, last: 5 })
    );
    assert_eq!(
        advance(last, &document("n", 5, 500), b"other"),
        Err(RollbackError::SerialTwice { serial: 5 })
    );
    assert_eq!(
        advance(last, &document("n", 6, 499), b"six"),
        Err(RollbackError::Older { issued: 499, last: 500 })
    );
    assert!(matches!(advance(last, &document("m", 6, 600), b"six"), Err(RollbackError::OtherSeries { .. })));
    for (issued, accepted) in [(1300, true), (1301, false), (u64::MAX, false)] {
        let outcome = advance(None, &document("n", 1, issued), b"one");
        assert_eq!(outcome.is_ok(), accepted, "{issued}");
    }
}

#[test]
fn a_mark_is_kept_as_json() {
    let mark = advance(None, &document("a \"name\"\n", u64::MAX, 7), b"x").unwrap();
    assert_eq!(Watermark::from_json(mark.to_json().as_bytes()), Ok(mark.clone()));
    for (from, to) in [
        ("\"serial\":18446744073709551615", "\"serial\":18446744073709551616"),
        ("\"serial\":18446744073709551615,", ""),
        ("\"sha256\":\"", "\"sha256\":\"00"),
        ("\"issued\":7", "\"issued\":null"),
        ("\"issued\":7", "\"issued\":7,\"issued\":7"),
        ("{", ""),
    ] {
        let text = mark.to_json().replacen(from, to, 1);
        assert_ne!(text, mark.to_json());
        assert!(Watermark::from_json(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Watermark::from_json(b"").is_err());
}
