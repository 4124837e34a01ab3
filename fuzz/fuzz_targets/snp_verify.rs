//! The whole line behind the cryptography: a provider that believes every signature lets any bytes reach every check.
//! Input: a report, then blobs for the store, each behind two bytes of length; one of eight bytes is the time. The same question
//! gets the same bytes.
#![no_main]

use std::time::Duration;

use attest_core::crypto::{BadSignature, CryptoProvider, SignatureAlgorithm, SignatureVerifier};
use attest_core::explain::{self, Detail, Style};
use attest_core::tee::snp::REPORT_LEN;
use attest_core::{
    Context, Evidence, Expect, Format, Store, UnixTime, Verifier, refused_to_json, verdict_to_json,
};
use attestrap_fuzz::{PINNED_ANCHORS, POLICIES, TEST_ANCHORS, blobs};
use libfuzzer_sys::fuzz_target;

/// NO SECURITY: believes everything.
static CREDULOUS: CryptoProvider = CryptoProvider::new(
    "credulous",
    &[&Credulous(SignatureAlgorithm::EcdsaP384Sha384), &Credulous(SignatureAlgorithm::RsaPssSha384)],
    &[],
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

fn answer(evidence: &Evidence, store: &Store, context: &Context<'_>) -> Vec<String> {
    match Verifier::new().verify(evidence, store, context) {
        Ok(verified) => POLICIES
            .iter()
            .flat_map(|policy| {
                let verdict = policy.judge(verified.clone());
                let short = explain::verdict(&verdict, Style::Plain, Detail::Short);
                [verdict_to_json(&verdict), explain::verdict(&verdict, Style::Colour, Detail::Full), short]
            })
            .collect(),
        Err(refused) => {
            let short = explain::refused(&refused, Format::Snp, Style::Plain, Detail::Short);
            let full = explain::refused(&refused, Format::Snp, Style::Colour, Detail::Full);
            vec![refused_to_json(&refused, Format::Snp), full, short]
        }
    }
}

fn ask(evidence: &Evidence, store: &mut Store, context: &Context<'_>) {
    let cold = answer(evidence, store, context);
    assert!(cold.iter().all(|text| !text.is_empty()));
    assert_eq!(cold, answer(evidence, store, context));
    if Verifier::new().warm(evidence, store, context).is_ok() {
        assert_eq!(cold, answer(evidence, store, context), "a warm store gives another answer");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (report, rest) = bytes.split_at(bytes.len().min(REPORT_LEN));
    let evidence = Evidence::new(Format::Snp, report.to_vec());
    for (anchors, expect) in
        [(&*TEST_ANCHORS, Expect::ReportData([0x5a; 64])), (&*PINNED_ANCHORS, Expect::AnyReportData)]
    {
        let mut store = Store::new();
        let mut now = 1_768_478_400;
        for blob in blobs(rest) {
            match blob.try_into() {
                Ok(time) => now = u64::from_le_bytes(time),
                Err(_) => drop(store.add(blob)),
            }
        }
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        ask(&evidence, &mut store, &Context::new(&CREDULOUS, anchors, now, expect));
    }
});
