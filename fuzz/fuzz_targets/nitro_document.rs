//! A document is read or refused; behind a provider that believes every signature, whatever is read reaches every check, and the
//! same question gets the same answer. Nothing is believed without an anchor.
#![no_main]

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::checks::Checks;
use attest_core::crypto::{
    BadSignature, CryptoProvider, HashAlgorithm, HashFunction, SignatureAlgorithm, SignatureVerifier,
};
use attest_core::tee::nitro::{
    Anchors, Document, Expectation, Expected, Kind, Policy, REGISTERS, checks, policy::Registers,
};
use attest_core::values::Digest;
use attestrap_fuzz::NITRO_ANCHORS;
use libfuzzer_sys::fuzz_target;

/// NO SECURITY: believes everything.
static CREDULOUS: CryptoProvider = CryptoProvider::new("credulous", &[&Credulous], &[&Credulous]);

#[derive(Debug)]
struct Credulous;

impl SignatureVerifier for Credulous {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP384Sha384
    }

    fn verify(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), BadSignature> {
        Ok(())
    }
}

impl HashFunction for Credulous {
    fn algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::Sha256
    }

    fn digest(&self, _: &[&[u8]]) -> Digest {
        Digest::filled(0, 32)
    }
}

/// 2026-01-01 00:00:03 UTC, when the seeds were made.
const NOW: u64 = 1_767_225_603;

const ANY: Expectation<'_> = Expectation::new(Expected::Any, Expected::Any, Expected::Any);
const NONE: Expectation<'_> =
    Expectation::new(Expected::Exactly(&[0x5a; 64]), Expected::Absent, Expected::Absent);

fn answer(document: &Document<'_>, anchors: &Anchors, expectation: Expectation<'_>) -> String {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    match document.verify(anchors, &CREDULOUS, now, expectation) {
        Ok(verified) => {
            let claims = verified.claims();
            assert_eq!(claims.kind(), document.kind());
            assert!(claims.module_id().as_str().starts_with(claims.module_id().instance()));
            assert!(!claims.pcrs().is_empty() && claims.pcrs().iter().all(|(index, _)| index < REGISTERS));
            assert!(claims.timestamp() > 0 && !claims.region().is_empty());
            let mut text = format!("{claims:?}");
            claims.for_each(|name, value| text.push_str(&format!("{name} {value}\n")));
            for policy in [Policy::strict(Kind::Enclave, Registers::Any), Policy::dangerously_any()] {
                let mut judged = Checks::new();
                policy.judge(claims, &mut judged);
                assert_eq!(judged.len(), checks::policy::ALL.len());
                text.push_str(&format!("{judged:?}"));
            }
            text
        }
        Err(refused) => {
            assert!(refused.error.check_id().is_some());
            refused.to_string()
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    match Document::parse(bytes) {
        Ok(document) => {
            assert_eq!(document.signature().len(), 96);
            assert!(document.signed_bytes().starts_with(b"\x84\x6aSignature1"));
            for expectation in [ANY, NONE] {
                let first = answer(&document, &NITRO_ANCHORS, expectation);
                assert_eq!(first, answer(&document, &NITRO_ANCHORS, expectation));
            }
            let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
            assert!(document.verify(&Anchors::none(), &CREDULOUS, now, ANY).is_err());
        }
        Err(error) => {
            assert!(
                error.offset <= bytes.len() && !error.check_id().is_empty() && !error.to_string().is_empty()
            );
        }
    }
});
