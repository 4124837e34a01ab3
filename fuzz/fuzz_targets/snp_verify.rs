//! The whole line behind the cryptography: a provider that believes every signature lets any bytes reach every check.
//! Input: a report, then blobs for the store, each behind two bytes of length. The same question gets the same bytes.
#![no_main]

use std::time::Duration;

use attest_core::crypto::{BadSignature, CryptoProvider, SignatureAlgorithm, SignatureVerifier};
use attest_core::explain::{self, Detail, Style};
use attest_core::rules::OneOf;
use attest_core::tee::snp::{self, MARCH_2026, REPORT_LEN};
use attest_core::{
    Context, Evidence, Expect, Format, Policy, Store, TrustAnchors, UnixTime, Verifier, refused_to_json,
    verdict_to_json,
};
use attestrap_fuzz::{PINNED_ANCHORS, TEST_ANCHORS, blobs};
use libfuzzer_sys::fuzz_target;

/// NO SECURITY: believes everything.
static CREDULOUS: CryptoProvider = CryptoProvider::new(
    "credulous",
    &[&Credulous(SignatureAlgorithm::EcdsaP384Sha384), &Credulous(SignatureAlgorithm::RsaPssSha384)],
);

#[derive(Debug)]
struct Credulous(SignatureAlgorithm);

impl SignatureVerifier for Credulous {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn verify(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), BadSignature> {
        Ok(())
    }
}

fn answer(evidence: &Evidence, store: &Store, context: &Context<'_>) -> [String; 3] {
    match Verifier::new().verify(evidence, store, context) {
        Ok(verified) => {
            let verdict = Policy::for_snp(snp::Policy::strict(MARCH_2026, OneOf::Any)).judge(verified);
            let short = explain::verdict(&verdict, Style::Plain, Detail::Short);
            [verdict_to_json(&verdict), explain::verdict(&verdict, Style::Colour, Detail::Full), short]
        }
        Err(refused) => {
            let short = explain::refused(&refused, Format::Snp, Style::Plain, Detail::Short);
            let full = explain::refused(&refused, Format::Snp, Style::Colour, Detail::Full);
            [refused_to_json(&refused, Format::Snp), full, short]
        }
    }
}

fn ask(evidence: &Evidence, store: &mut Store, anchors: &TrustAnchors, expect: Expect) {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
    let context = Context::new(&CREDULOUS, anchors, now, expect);
    let cold = answer(evidence, store, &context);
    assert!(cold.iter().all(|text| !text.is_empty()));
    assert_eq!(cold, answer(evidence, store, &context));
    if Verifier::new().warm(evidence, store, &context).is_ok() {
        assert_eq!(cold, answer(evidence, store, &context), "a warm store gives another answer");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (report, rest) = bytes.split_at(bytes.len().min(REPORT_LEN));
    let evidence = Evidence::new(Format::Snp, report.to_vec());
    for (anchors, expect) in
        [(&*TEST_ANCHORS, Expect::ReportData([0x5a; 64])), (&*PINNED_ANCHORS, Expect::AnyReportData)]
    {
        let mut store = Store::new();
        for blob in blobs(rest) {
            let _ = store.add(blob);
        }
        ask(&evidence, &mut store, anchors, expect);
    }
});
