//! Known answers where Wycheproof has none, and the forms that a provider's library must not get to see: every provider of the
//! build gives the same answer.

use attest_core::crypto::{BUILT_IN, SignatureAlgorithm};

const MESSAGE: &[u8] = b"attestrap";

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// One line of the file.
struct Answer {
    holds: bool,
    algorithm: SignatureAlgorithm,
    key: Vec<u8>,
    signature: Vec<u8>,
    name: &'static str,
}

fn answers() -> Vec<Answer> {
    let lines = include_str!("signatures.txt").lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let (fields, name) = line.split_once(" # ").expect("a name");
        let [outcome, algorithm, key, signature] = fields.split(' ').collect::<Vec<_>>()[..] else {
            panic!("four fields: {name}");
        };
        let algorithm = SignatureAlgorithm::ALL
            .iter()
            .find(|known| format!("{known:?}") == algorithm)
            .unwrap_or_else(|| panic!("no algorithm {algorithm}"));
        let holds = outcome == "holds";
        assert!(holds || outcome == "fails", "{outcome}");
        Answer { holds, algorithm: *algorithm, key: unhex(key), signature: unhex(signature), name }
    };
    lines.map(read).collect()
}

#[test]
fn every_provider_gives_the_known_answers() {
    let answers = answers();
    for provider in BUILT_IN {
        let mut asked = 0;
        for answer in answers.iter().filter(|answer| provider.supports(answer.algorithm)) {
            let verify = |key: &[u8], message, signature: &[u8]| {
                provider.verify(answer.algorithm, key, message, signature).expect("it is supported").is_ok()
            };
            let what = format!("{}, {:?}: {}", provider.name, answer.algorithm, answer.name);
            assert_eq!(verify(&answer.key, MESSAGE, &answer.signature), answer.holds, "{what}");
            asked += 1;
            if !answer.holds {
                continue;
            }
            assert!(!verify(&answer.key, b"attestrap!", &answer.signature), "{what}: another message");
            assert!(!verify(&[], MESSAGE, &answer.signature), "{what}: no key");
            assert!(!verify(&answer.key, MESSAGE, &[]), "{what}: no signature");
            assert!(!verify(&answer.key[1..], MESSAGE, &answer.signature), "{what}: half a key");
            let longer = [&answer.key[..], &[0]].concat();
            assert!(!verify(&longer, MESSAGE, &answer.signature), "{what}: a byte behind the key");
            for at in [0, answer.signature.len() / 2, answer.signature.len() - 1] {
                let mut turned = answer.signature.clone();
                turned[at] ^= 1;
                assert!(!verify(&answer.key, MESSAGE, &turned), "{what}: bit turned in byte {at}");
            }
        }
        println!("{}: {asked} of {} answers", provider.name, answers.len());
    }
}

/// A file that forgot one would prove nothing about it.
#[test]
fn every_scheme_has_an_answer_that_holds() {
    let answers = answers();
    for algorithm in SignatureAlgorithm::ALL {
        assert!(answers.iter().any(|answer| answer.holds && answer.algorithm == *algorithm), "{algorithm:?}");
    }
}
