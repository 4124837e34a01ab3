//! The whole TPM line behind the cryptography: a provider that believes every signature lets any bytes reach every check. Input: an
//! envelope, or the evidence alone. It has one form; the same question gets the same bytes; claims are what the quotes select.
#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::explain::{self, Detail, Style};
use attest_core::tee::vtpm::{Attest, Attested, Signature, TpmEvidence};
use attest_core::values::Nonce;
use attest_core::{
    Claims, Context, Evidence, Expect, Format, Store, UnixTime, Verifier, refused_to_json, verdict_to_json,
};
use attestrap_fuzz::tpm::{ANCHORS, BELIEVING, CREDULOUS, POLICIES};
use libfuzzer_sys::fuzz_target;

fn answer(evidence: &Evidence, context: &Context<'_>, quoted: &TpmEvidence) -> Vec<String> {
    match Verifier::new().verify(evidence, &Store::new(), context) {
        Ok(verified) => {
            let Claims::Vtpm(claims) = verified.claims() else { panic!("claims of another format") };
            let covered: BTreeSet<_> = claims.pcrs().iter().map(|(bank, index, _)| (bank, index)).collect();
            assert_eq!(covered, selected(quoted));
            for (bank, index, value) in claims.pcrs().iter() {
                let mut values = quoted.quotes.iter().flat_map(|quote| &quote.pcrs);
                let same = |of: HashAlgorithm| of == bank;
                let handed = values.find(|pcr| pcr.index == index && pcr.bank.hash().is_some_and(same));
                assert_eq!(handed.map(|pcr| pcr.value.as_slice()), Some(value.as_bytes()));
            }
            let verdicts = POLICIES.iter().map(|policy| policy.judge(verified.clone()));
            let both = verdicts.flat_map(|verdict| {
                [verdict_to_json(&verdict), explain::verdict(&verdict, Style::Colour, Detail::Full)]
            });
            both.collect()
        }
        Err(refused) => {
            let full = explain::refused(&refused, Format::Vtpm, Style::Plain, Detail::Full);
            vec![refused_to_json(&refused, Format::Vtpm), full]
        }
    }
}

/// Every register that a quote selects.
fn selected(evidence: &TpmEvidence) -> BTreeSet<(HashAlgorithm, u8)> {
    let mut out = BTreeSet::new();
    for quote in &evidence.quotes {
        let attest = Attest::parse(&quote.attest).expect("a quote that verified");
        let Attested::Quote { selection, .. } = attest.attested() else {
            panic!("not a quote, and verified")
        };
        for entry in selection {
            let bank = entry.bank.hash().expect("a bank of a quote that verified");
            assert!(entry.indices().all(|index| out.insert((bank, index))), "a register twice");
        }
    }
    out
}

fuzz_target!(|bytes: &[u8]| {
    let evidence = match Evidence::from_envelope(bytes) {
        Ok(evidence) if evidence.format == Format::Vtpm => evidence,
        _ => Evidence::new(Format::Vtpm, bytes.to_vec()),
    };
    let quoted = match TpmEvidence::parse(&evidence.bytes) {
        Ok(quoted) => quoted,
        Err(error) => return assert!(!error.check_id().is_empty() && !error.to_string().is_empty()),
    };
    assert_eq!(quoted.to_bytes(), evidence.bytes);
    for quote in &quoted.quotes {
        if let Ok(attest) = Attest::parse(&quote.attest) {
            assert_eq!(attest.signed_bytes(), quote.attest);
        }
        let _ = Signature::parse(&quote.signature);
    }
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
    let nonce = Nonce::new(&[0x5a; 32]).expect("a nonce");
    let providers: [(&CryptoProvider, Expect); 2] =
        [(&CREDULOUS, Expect::AnyReportData), (&BELIEVING, Expect::Nonce(nonce))];
    for (provider, expect) in providers {
        let context = Context::new(provider, &ANCHORS, now, expect);
        let first = answer(&evidence, &context, &quoted);
        assert!(first.iter().all(|text| !text.is_empty()));
        assert_eq!(first, answer(&evidence, &context, &quoted));
    }
});
