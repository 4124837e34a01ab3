//! A document of signed register policies, with a provider that believes every signature and whose digests are zeros: what is
//! accepted covers the registers that were asked for, in a bank that has values.
#![no_main]

use attest_core::crypto::HashAlgorithm;
use attest_core::tee::vtpm::pcrsig::{MAX_ENTRIES, PcrSignatures, Registers};
use attest_core::values::Digest;
use attestrap_fuzz::tpm::{CREDULOUS, VENDOR};
use libfuzzer_sys::fuzz_target;

/// Banks of SHA-256 and SHA-384, all zeros.
struct Quoted;

impl Registers for Quoted {
    fn register(&self, bank: HashAlgorithm, _: u8) -> Option<Digest> {
        let quoted = matches!(bank, HashAlgorithm::Sha256 | HashAlgorithm::Sha384);
        quoted.then(|| Digest::filled(0, bank.digest_len()))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let document = match PcrSignatures::from_json(bytes) {
        Ok(document) => document,
        Err(error) => return assert!(error.offset <= bytes.len() && !error.to_string().is_empty()),
    };
    assert!(document.entries().len() <= MAX_ENTRIES);
    assert!(document.entries().iter().all(|entry| entry.selection().indices().next().is_some()));
    for required in [&[][..], &[11], &[4, 7, 11]] {
        if let Ok(state) = document.dangerous_accept_unquoted(&VENDOR, &Quoted, required, &CREDULOUS) {
            assert!(required.iter().all(|index| state.indices().any(|covered| covered == *index)));
            assert!(state.bank.hash().is_some_and(|bank| Quoted.register(bank, 0).is_some()));
            assert_ne!(state.indices().count(), 0);
        }
    }
});
