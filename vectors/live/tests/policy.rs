//! Register policies, as a TPM computes them.

use attest_core::crypto::HashAlgorithm;
use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::tee::vtpm::AlgorithmId;
use attest_core::tee::vtpm::Selection;
use attest_core::tee::vtpm::pcrsig::{PcrPolicy, Registers};
use attest_core::values::Digest;
use vectors_live::LiveTpm;

/// The registers as they are read; a verifier takes them from a quote.
struct Read<'a>(&'a LiveTpm);

impl Registers for Read<'_> {
    fn register(&self, bank: HashAlgorithm, index: u8) -> Option<Digest> {
        Digest::new(&self.0.pcr_values(bank.name(), &[index]))
    }
}

#[test]
fn a_policy_is_what_the_tpm_computes() {
    let Some(tpm) = LiveTpm::start("a_policy_is_what_the_tpm_computes") else { return };
    tpm.extend(11, "sha256", &[1; 32]);
    tpm.extend(11, "sha384", &[2; 48]);
    let select = |bank: HashAlgorithm, indices: &[u8]| {
        Selection::of(AlgorithmId::of(bank), indices.iter().copied()).unwrap()
    };
    let (sha256, sha384) = (HashAlgorithm::Sha256, HashAlgorithm::Sha384);
    for (text, selection) in [
        ("sha256:11", vec![select(sha256, &[11])]),
        ("sha384:0,11", vec![select(sha384, &[0, 11])]),
        ("sha384:11+sha256:4,7,11", vec![select(sha384, &[11]), select(sha256, &[4, 7, 11])]),
    ] {
        for hash in [sha256, sha384] {
            let policy = PcrPolicy::of(hash, &selection, &Read(&tpm), &PROVIDER).unwrap();
            assert_eq!(policy.policy().as_bytes(), tpm.pcr_policy(hash.name(), text), "{text}");
        }
    }
}
