//! All that reads and judges bytes, without the arithmetic: every signature is believed, so that Miri can run it.

use attest_core::crypto::{BadSignature, CryptoProvider, SignatureAlgorithm, SignatureVerifier};
use vectors::run::{agrees, anchors, judge};
use vectors::set::{Case, Set};

/// Miri is some thousand times slower: there so many cases of each kind must do, taken from all over the set.
const AT_MOST: usize = if cfg!(miri) { 3 } else { usize::MAX };

#[derive(Debug)]
struct Believer(SignatureAlgorithm);

impl SignatureVerifier for Believer {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn verify(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), BadSignature> {
        Ok(())
    }
}

const BELIEVER: CryptoProvider = CryptoProvider::new(
    "believer",
    &[
        &Believer(SignatureAlgorithm::EcdsaP384Sha384),
        &Believer(SignatureAlgorithm::RsaPssSha256),
        &Believer(SignatureAlgorithm::RsaPssSha384),
    ],
    &[],
);

/// Accepted, rejected by policy and malformed do not depend on a signature that is wrong.
#[test]
fn believing_every_signature_changes_no_answer_that_is_not_about_one() {
    let set = Set::snp().unwrap();
    let anchors = anchors(&set).unwrap();
    for exit in [0, 10, 30] {
        let cases: Vec<&Case> = set.manifest.cases.iter().filter(|case| case.exit == exit).collect();
        assert!(!cases.is_empty(), "exit {exit}");
        let step = cases.len().div_ceil(AT_MOST);
        for case in cases.into_iter().step_by(step) {
            let answer = judge(&set, case, &anchors, &BELIEVER).unwrap();
            assert!(agrees(case, &answer), "{}: {answer}", case.id);
        }
    }
}
