//! The whole TDX line behind the cryptography: a provider that believes every signature lets any bytes reach every check. Input:
//! blobs behind two bytes of length, the evidence first, then pieces of collateral. The same question gets the same bytes, from a
//! cold store and from a warm one; what is claimed is what the quote says.
#![no_main]

use std::time::Duration;

use attest_core::crypto::CryptoProvider;
use attest_core::explain::{self, Detail, Style};
use attest_core::tee::tdx::{Quote, TdxEvidence};
use attest_core::{
    Claims, Context, Evidence, Expect, Format, Policy, Store, UnixTime, Verifier, refused_to_json,
    verdict_to_json,
};
use attestrap_fuzz::tpm::{BELIEVING, CREDULOUS};
use attestrap_fuzz::{POLICIES, TDX_ANCHORS, blobs};
use libfuzzer_sys::fuzz_target;

fn answer(evidence: &Evidence, store: &Store, context: &Context<'_>, policy: &Policy) -> Vec<String> {
    match Verifier::new().verify(evidence, store, context) {
        Ok(verified) => {
            let Claims::Tdx(claims) = verified.claims() else { panic!("claims of another format") };
            let parts = TdxEvidence::parse(&evidence.bytes).expect("evidence that verified");
            let quote = Quote::parse(&parts.quote).expect("a quote that verified");
            assert_eq!(claims.report(), quote.report());
            assert_eq!(claims.trailer().len, quote.trailer().len());
            assert!(claims.valid_until() > context.now.as_secs());
            let verdict = policy.judge(verified.clone());
            assert!(
                !verdict.is_accepted() || claims.tcb().platform().is_some() && !claims.tcb().is_revoked()
            );
            vec![verdict_to_json(&verdict), explain::verdict(&verdict, Style::Colour, Detail::Full)]
        }
        Err(refused) => vec![refused_to_json(&refused, Format::Tdx)],
    }
}

fuzz_target!(|bytes: &[u8]| {
    let blobs = blobs(bytes);
    let Some((first, pieces)) = blobs.split_first() else { return };
    let evidence = Evidence::new(Format::Tdx, first.to_vec());
    if let Ok(parts) = TdxEvidence::parse(first) {
        match Quote::parse(&parts.quote) {
            Ok(quote) => {
                assert!(parts.quote.starts_with(quote.signed_bytes()));
                assert_eq!(quote.as_bytes().len() + quote.trailer().len(), parts.quote.len());
            }
            Err(error) => assert!(error.check_id().is_some() && !error.to_string().is_empty()),
        }
    }
    let [_, policy] = &*POLICIES;
    // Noon of 15 January 2026, when the seeds are judged.
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
    let providers: [&CryptoProvider; 2] = [&CREDULOUS, &BELIEVING];
    for provider in providers {
        let context = Context::new(provider, &TDX_ANCHORS, now, Expect::AnyReportData);
        let mut store = Store::new();
        for piece in pieces {
            drop(store.add(piece));
        }
        drop(Verifier::new().needs(&evidence, &store, now));
        let cold = answer(&evidence, &store, &context, policy);
        assert_eq!(cold, answer(&evidence, &store, &context, policy));
        if Verifier::new().warm(&evidence, &mut store, &context).is_ok() {
            assert_eq!(cold, answer(&evidence, &store, &context, policy));
        }
    }
});
