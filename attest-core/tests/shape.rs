//! A genuine report and its genuine certificate stand for nothing but themselves: turn any bit, cut or add any byte, and they
//! are refused with an error that says where.

use std::time::Duration;

use attest_core::error::{Malformed, Problem};
use attest_core::tee::snp::{REPORT_LEN, Report};
use attest_core::{
    Context, Error, Evidence, Expect, Format, Refused, Store, TrustAnchors, UnixTime, Verifier, crypto,
};

/// Verifies as the chain's own relying party would, at a time when the chain held.
fn verify(report: &[u8], store: &Store, anchors: &TrustAnchors) -> Result<(), Box<Refused>> {
    let provider = crypto::BUILT_IN.first().expect("a provider");
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
    let context = Context::new(provider, anchors, now, Expect::AnyReportData);
    let evidence = Evidence::new(Format::Snp, report.to_vec());
    Verifier::new().verify(&evidence, store, &context).map(drop).map_err(Box::new)
}

fn real(name: &str) -> Vec<u8> {
    std::fs::read(vectors::folder("real/milan").join(name)).expect("a real vector")
}

fn store(vcek: &[u8]) -> Store {
    let mut store = Store::new();
    store.add(vcek).expect("a certificate");
    store
}

#[test]
fn no_turned_bit_of_a_report_verifies() {
    let (report, store, anchors) = (real("report.bin"), store(&real("vcek.der")), TrustAnchors::pinned());
    assert_eq!(report.len(), REPORT_LEN);
    verify(&report, &store, &anchors).expect("the report as it is");
    let mut turned = report.clone();
    for bit in 0..REPORT_LEN * 8 {
        turned[bit / 8] ^= 1 << (bit % 8);
        let refused = verify(&turned, &store, &anchors).expect_err(&format!("bit {bit}"));
        assert!(refused.error.check_id().is_some_and(|id| !id.is_empty()), "bit {bit}: {refused}");
        if let Error::Malformed(Malformed { offset, .. }) = refused.error {
            assert!(offset <= bit / 8 && bit / 8 < offset + 4, "bit {bit} is said to be at {offset:#x}");
        }
        turned[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(turned, report);
}

#[test]
fn every_other_length_is_refused_by_name() {
    let report = [real("report.bin"), vec![0]].concat();
    for len in 0..=REPORT_LEN + 1 {
        let (offset, problem) = match len.checked_sub(REPORT_LEN) {
            None => (0, Problem::TooShort { needed: REPORT_LEN, left: len }),
            Some(0) => {
                assert!(Report::parse(&report[..len]).is_ok());
                continue;
            }
            Some(left) => (REPORT_LEN, Problem::TooLong { left }),
        };
        let Err(Error::Malformed(malformed)) = Report::parse(&report[..len]) else {
            panic!("{len} bytes are not refused as malformed");
        };
        assert_eq!((malformed.structure, malformed.field), ("ATTESTATION_REPORT", "report"), "{len} bytes");
        assert_eq!((malformed.offset, &malformed.problem), (offset, &problem), "{len} bytes");
        assert_eq!(malformed.check_id(), "form.length");
    }
}

#[test]
fn no_turned_byte_of_a_certificate_verifies() {
    let (report, vcek, anchors) = (real("report.bin"), real("vcek.der"), TrustAnchors::pinned());
    for at in 0..vcek.len() {
        let mut turned = vcek.clone();
        for octet in [vcek[at] ^ 0xff, vcek[at] ^ 0x01] {
            turned[at] = octet;
            let mut store = Store::new();
            match store.add(&turned) {
                Ok(_) => {
                    drop(verify(&report, &store, &anchors).expect_err(&format!("byte {at} is {octet:#04x}")))
                }
                // What cannot be read is not kept, and the error points into it.
                Err(error) => {
                    assert!(error.offset <= vcek.len() && store.supplied().is_empty(), "byte {at}: {error}")
                }
            }
        }
    }
}
