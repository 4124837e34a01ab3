//! Measurement transitions: who may say so, for how long, and in which one form.

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::{BUILT_IN, CryptoProvider, HashAlgorithm};
use attest_core::transition::{Permitted, Transition, TransitionError};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

const FROM: [u8; 32] = [1; 32];
const TO: [u8; 32] = [2; 32];

struct Key(SigningKey);

impl Key {
    fn new(octet: u8) -> Self {
        Self(SigningKey::from_slice(&[octet; 32]).unwrap())
    }

    fn spki(&self) -> Vec<u8> {
        let front = vectors::unhex("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        [&front[..], self.0.verifying_key().to_sec1_point(false).as_bytes()].concat()
    }

    fn id(&self) -> [u8; 32] {
        let id = BUILT_IN[0].digest(HashAlgorithm::Sha256, &[&self.spki()]).unwrap();
        id.as_bytes().try_into().unwrap()
    }

    fn sign(&self, transition: &Transition) -> Vec<u8> {
        let signature: Signature = self.0.sign(&transition.bytes_to_sign(&self.id()));
        transition.to_statement(&self.id(), signature.to_bytes().as_slice().try_into().unwrap())
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn transition() -> Transition {
    Transition::new("node", FROM, TO, 10, 20).unwrap()
}

fn verify(statement: &[u8], now: u64, provider: &CryptoProvider) -> Result<Permitted, TransitionError> {
    let (key, other) = (Key::new(7).spki(), Key::new(8).spki());
    Transition::verify(statement, "node", &[&other, &key], at(now), provider)
}

#[test]
fn a_statement_permits_one_step_in_its_time() {
    let statement = Key::new(7).sign(&transition());
    for provider in BUILT_IN {
        for (now, valid) in [(9, false), (10, true), (20, true), (21, false)] {
            assert_eq!(verify(&statement, now, provider).is_ok(), valid, "{now}");
        }
        let permitted = verify(&statement, 15, provider).unwrap();
        assert_eq!(permitted.transition(), &transition());
        assert!(permitted.allows(&FROM, &TO, at(20)));
        for (from, to, now) in
            [(TO, FROM, 15), (FROM, FROM, 15), (TO, TO, 15), (FROM, [3; 32], 15), (FROM, TO, 21)]
        {
            assert!(!permitted.allows(&from, &to, at(now)));
        }
    }
}

#[test]
fn a_statement_is_somebodys_and_about_something() {
    let provider = BUILT_IN[0];
    assert_eq!(verify(&Key::new(9).sign(&transition()), 15, provider), Err(TransitionError::OtherKey));
    let statement = Key::new(7).sign(&transition());
    let nobody = Transition::verify(&statement, "node", &[], at(15), provider);
    assert_eq!(nobody, Err(TransitionError::OtherKey));
    let other = Transition::verify(&statement, "edon", &[&Key::new(7).spki()], at(15), provider);
    assert_eq!(other, Err(TransitionError::OtherSeries));
    // Signed with one key under the id of another.
    let signature: Signature = Key::new(9).0.sign(&transition().bytes_to_sign(&Key::new(7).id()));
    let forged =
        transition().to_statement(&Key::new(7).id(), signature.to_bytes().as_slice().try_into().unwrap());
    assert_eq!(verify(&forged, 15, provider), Err(TransitionError::Signature));
}

#[test]
fn there_is_one_form() {
    let statement = Key::new(7).sign(&transition());
    for octet in 0..statement.len() {
        for bit in 0..8 {
            let mut altered = statement.clone();
            altered[octet] ^= 1 << bit;
            assert!(verify(&altered, 15, BUILT_IN[0]).is_err(), "octet {octet} bit {bit}");
        }
        assert!(verify(&statement[..octet], 15, BUILT_IN[0]).is_err(), "cut to {octet}");
    }
    assert!(verify(&[&statement[..], &[0]].concat(), 15, BUILT_IN[0]).is_err());
}

#[test]
fn a_statement_does_not_contradict_itself() {
    let long = "x".repeat(257);
    for (series, from, to, first, last) in [
        ("", FROM, TO, 1, 2),
        (long.as_str(), FROM, TO, 1, 2),
        ("node", FROM, FROM, 1, 2),
        ("node", FROM, TO, 2, 1),
    ] {
        assert_eq!(Transition::new(series, from, to, first, last), Err(TransitionError::Contradiction));
    }
    // Signed all the same, by somebody whose tool does not look.
    let mut bent = transition();
    bent.not_after = 9;
    assert_eq!(verify(&Key::new(7).sign(&bent), 9, BUILT_IN[0]), Err(TransitionError::Contradiction));
    bent = transition();
    bent.to = FROM;
    assert_eq!(verify(&Key::new(7).sign(&bent), 15, BUILT_IN[0]), Err(TransitionError::Contradiction));
}
