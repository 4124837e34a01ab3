//! Made and activated with keys of our own: every kind, every octet changed, every length; one attempt, in time, in one form.

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::{BUILT_IN, CryptoProvider};
use attest_core::error::Error;
use attest_core::tee::vtpm::credential::{
    ActivatedAk, Activation, Challenge, Form, IdObject, RANDOM_LEN, Randomness, Response, Sensitive, Start,
    TrustedEk, kdf,
};
use attest_core::tee::vtpm::{Name, Public};

use super::device::{Private, Why, push};
use super::primes::PRIMES;

const SESSION: &[u8] = b"a session's transcript";

fn provider() -> &'static CryptoProvider {
    BUILT_IN[0]
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn randomness() -> Randomness {
    let mut octets = [0; RANDOM_LEN];
    (0_u8..).zip(octets.iter_mut()).for_each(|(index, slot)| *slot = index.wrapping_mul(37) ^ 0x5a);
    Randomness::new(octets)
}

/// TPMT_PUBLIC of a P-256 key that signs with ECDSA. Its point is another's to check.
fn ak_public(name_alg: u16, attributes: u32) -> Vec<u8> {
    let mut out = vec![0, 0x23];
    out.extend(name_alg.to_be_bytes());
    out.extend(attributes.to_be_bytes());
    out.extend([0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10]);
    push(&mut out, &[7; 32]);
    push(&mut out, &[9; 32]);
    out
}

fn rsa(bits: u16) -> Private {
    let (_, p, q) = PRIMES.iter().find(|(of, _, _)| *of == bits).unwrap();
    Private::rsa(p, q)
}

fn p256() -> Private {
    Private::P256(p256::SecretKey::from_slice(&[0x11; 32]).unwrap())
}

/// Every kind of key with its nameAlg and AES size.
fn kinds() -> Vec<(&'static str, Private, u16, u16)> {
    vec![
        ("rsa-2048", rsa(2048), 0x0b, 128),
        ("rsa-3072", rsa(3072), 0x0c, 256),
        ("rsa-4096", rsa(4096), 0x0c, 256),
        ("p-256", p256(), 0x0b, 128),
        ("p-384", Private::P384(p384::SecretKey::from_slice(&[0x12; 48]).unwrap()), 0x0c, 256),
        (
            "p-521",
            Private::P521(p521::SecretKey::from_slice(&[[0; 2].as_slice(), &[0x13; 64]].concat()).unwrap()),
            0x0d,
            256,
        ),
        ("p-256, other sizes", p256(), 0x0c, 256),
    ]
}

/// An endorsement key with its device's private part, and a challenge for an attestation key.
struct Scene {
    private: Private,
    ek: TrustedEk,
    ak: Name,
    activation: Activation,
    challenge: Challenge,
}

fn trusted(public: &[u8]) -> Result<TrustedEk, Error> {
    let name = Public::parse(public).unwrap().name(provider()).unwrap();
    TrustedEk::pinned(public, &name, provider())
}

fn scene(private: Private, name_alg: u16, bits: u16, ak_name_alg: u16, form: Form) -> Scene {
    let ek = trusted(&private.ek_public(name_alg, bits)).unwrap();
    let ak_public = ak_public(ak_name_alg, 0x0005_0072);
    let ak = Public::parse(&ak_public).unwrap().name(provider()).unwrap();
    let start = Start::new(&ek, &ak_public, SESSION, form, at(100));
    let (activation, challenge) = Activation::start(start, &randomness(), provider()).unwrap();
    Scene { private, ek, ak, activation, challenge }
}

impl Scene {
    fn device(&self, ak: &Name, challenge: &Challenge) -> Result<Sensitive, Why> {
        let public = Public::parse(self.ek.as_bytes()).unwrap();
        Ok(Sensitive::new(&self.private.activate(&public, ak, challenge)?.secret))
    }

    fn secret(&self) -> Sensitive {
        self.device(&self.ak, &self.challenge).unwrap()
    }

    fn proof(&self, session: &[u8]) -> Response {
        Response::prove(&self.secret(), self.ek.name(), &self.ak, session)
    }
}

fn check(outcome: Result<ActivatedAk, Error>) -> Option<&'static str> {
    outcome.err().map(|error| error.check_id().unwrap())
}

#[test]
fn every_kind_of_key_goes_round() {
    for ak_name_alg in [0x0b, 0x0c] {
        for (kind, private, name_alg, bits) in kinds() {
            for form in [Form::Mac, Form::Secret] {
                let mut scene = scene(clone(&private), name_alg, bits, ak_name_alg, form);
                let response = match form {
                    Form::Mac => scene.proof(SESSION),
                    Form::Secret => Response::secret(scene.secret().as_bytes()),
                };
                let activated = scene.activation.answer(&response, at(100)).expect(kind);
                assert_eq!(activated.ak_name(), &scene.ak);
                assert_eq!(activated.ek(), scene.ek.claims());
                assert_eq!(activated.ek().name(), Some(scene.ek.name()));
                assert_eq!(activated.ak_public().unwrap().name(provider()).unwrap(), scene.ak);
            }
        }
    }
}

fn clone(private: &Private) -> Private {
    match private {
        Private::P256(key) => Private::P256(key.clone()),
        Private::P384(key) => Private::P384(key.clone()),
        Private::P521(key) => Private::P521(key.clone()),
        Private::Rsa(key) => Private::Rsa(key.clone()),
    }
}

#[test]
fn every_octet_matters() {
    for (kind, private, name_alg, bits) in kinds() {
        let scene = scene(private, name_alg, bits, 0x0b, Form::Mac);
        // RSA's private operation is dear: its ciphertext is one number, so some octets stand for all.
        let step = match (&scene.private, kind) {
            (Private::Rsa(_), "rsa-2048") => 5,
            (Private::Rsa(_), _) => 47,
            _ => 1,
        };
        for index in 0..scene.challenge.id_object.len() {
            if index % step.min(7) != 0 {
                continue;
            }
            let mut challenge = scene.challenge.clone();
            challenge.id_object[index] ^= 1;
            assert!(scene.device(&scene.ak, &challenge).is_err(), "{kind}: id_object {index}");
        }
        for index in (0..scene.challenge.encrypted_secret.len()).step_by(step) {
            let mut challenge = scene.challenge.clone();
            challenge.encrypted_secret[index] ^= 1;
            assert!(scene.device(&scene.ak, &challenge).is_err(), "{kind}: encrypted_secret {index}");
        }
    }
}

#[test]
fn every_length_but_the_right_one_is_refused() {
    let scene = scene(p256(), 0x0b, 128, 0x0b, Form::Mac);
    let challenge = &scene.challenge;
    for len in 0..challenge.id_object.len() {
        let mut cut = challenge.clone();
        cut.id_object.truncate(len);
        assert!(matches!(scene.device(&scene.ak, &cut), Err(Why::Truncated)), "{len}");
    }
    for len in 0..challenge.encrypted_secret.len() {
        let mut cut = challenge.clone();
        cut.encrypted_secret.truncate(len);
        assert!(matches!(scene.device(&scene.ak, &cut), Err(Why::Truncated)), "{len}");
    }
    let (mut longer, mut other) = (challenge.clone(), challenge.clone());
    longer.id_object.push(0);
    other.encrypted_secret.push(0);
    for challenge in [longer, other] {
        assert!(matches!(scene.device(&scene.ak, &challenge), Err(Why::Trailing)));
    }
}

#[test]
fn another_key_s_name_does_not_open_it() {
    for (kind, private, name_alg, bits) in kinds() {
        let scene = scene(private, name_alg, bits, 0x0b, Form::Mac);
        let public = ak_public(0x0b, 0x0005_0472);
        let other = Public::parse(&public).unwrap().name(provider()).unwrap();
        assert!(matches!(scene.device(&other, &scene.challenge), Err(Why::Integrity)), "{kind}");
    }
}

#[test]
fn an_answer_counts_once_in_time_and_in_its_form() {
    let make = |form| scene(p256(), 0x0b, 128, 0x0b, form);
    let mut first = make(Form::Mac);
    let proof = first.proof(SESSION);
    assert!(first.activation.answer(&proof, at(99)).is_ok());
    assert_eq!(check(first.activation.answer(&proof, at(99))), Some("vtpm.credential.attempt"));

    let mut late = make(Form::Mac);
    assert_eq!(check(late.activation.answer(&proof, at(101))), Some("vtpm.credential.deadline"));
    assert_eq!(check(late.activation.answer(&proof, at(99))), Some("vtpm.credential.attempt"));

    // A wrong answer ends the attempt too.
    let mut wrong = make(Form::Mac);
    assert_eq!(
        check(wrong.activation.answer(&Response::mac(&[0; 32]), at(1))),
        Some("vtpm.credential.response")
    );
    assert_eq!(check(wrong.activation.answer(&proof, at(1))), Some("vtpm.credential.attempt"));

    let mut plain = make(Form::Mac);
    let secret = Response::secret(plain.secret().as_bytes());
    assert_eq!(check(plain.activation.answer(&secret, at(1))), Some("vtpm.credential.form"));
    let mut mac = make(Form::Secret);
    assert_eq!(check(mac.activation.answer(&proof, at(1))), Some("vtpm.credential.form"));
}

#[test]
fn a_proof_is_of_one_session_and_one_pair_of_keys() {
    let reference = scene(p256(), 0x0b, 128, 0x0b, Form::Mac);
    let (secret, ek, ak) = (reference.secret(), reference.ek.name(), &reference.ak);
    let good = reference.proof(SESSION);
    let mut wrong = vec![
        Response::prove(&secret, ek, ak, b"another session"),
        Response::prove(&secret, ak, ek, SESSION),
        Response::prove(&secret, ek, ek, SESSION),
        Response::prove(&Sensitive::new(&[0; 32]), ek, ak, SESSION),
    ];
    for index in 0..good.as_bytes().len() {
        let mut mac = good.as_bytes().to_vec();
        wrong.push(Response::mac(&mac[..index]));
        mac[index] ^= 0x80;
        wrong.push(Response::mac(&mac));
    }
    wrong.push(Response::mac(&[good.as_bytes(), &[0]].concat()));
    for response in wrong {
        let mut scene = scene(p256(), 0x0b, 128, 0x0b, Form::Mac);
        assert_eq!(check(scene.activation.answer(&response, at(1))), Some("vtpm.credential.response"));
    }
    // The same in every run and on every machine.
    let spelled = attest_core::tee::vtpm::credential::CONTEXT;
    assert_eq!(spelled, b"attest-tpm/1 activation\0");
}

#[test]
fn the_keys_are_judged_first() {
    let ek_refusal = |public: &[u8]| trusted(public).unwrap_err().check_id().unwrap();
    let good = p256().ek_public(0x0b, 128);
    for (bit, id) in [
        (1, "attributes"),
        (4, "attributes"),
        (5, "attributes"),
        (16, "attributes"),
        (17, "attributes"),
        (18, "attributes"),
    ] {
        let mut public = good.clone();
        let flipped = u32::from_be_bytes(public[4..8].try_into().unwrap()) ^ (1 << bit);
        public[4..8].copy_from_slice(&flipped.to_be_bytes());
        assert_eq!(ek_refusal(&public), format!("vtpm.ek.{id}"));
    }
    assert_eq!(ek_refusal(&p256().ek_public(0x04, 128)), "vtpm.ek.name-alg");
    assert_eq!(ek_refusal(&p256().ek_public(0x0b, 192)), "vtpm.ek.symmetric");
    let other = Name::from_bytes(&[[0, 0x0b].as_slice(), &[1; 32]].concat()).unwrap();
    let unpinned = TrustedEk::pinned(&good, &other, provider()).unwrap_err();
    assert_eq!(unpinned.check_id(), Some("vtpm.ek.name"));

    let ek = trusted(&good).unwrap();
    let start = |ek: &TrustedEk, ak: &[u8], random: &Randomness| {
        let start = Start::new(ek, ak, SESSION, Form::Mac, at(1));
        Activation::start(start, random, provider()).unwrap_err().check_id().unwrap()
    };
    for bit in [1, 4, 5, 16, 17, 18] {
        let ak = ak_public(0x0b, 0x0005_0072 ^ (1 << bit));
        assert_eq!(start(&ek, &ak, &randomness()), "vtpm.ak.attributes");
    }
    assert_eq!(start(&ek, &ak_public(0x04, 0x0005_0072), &randomness()), "vtpm.ak.name-alg");
    let ak = ak_public(0x0b, 0x0005_0072);
    for octet in [0, 0xff] {
        assert_eq!(start(&ek, &ak, &Randomness::new([octet; RANDOM_LEN])), "vtpm.credential.ephemeral");
    }
    // A point beside the curve is a way to learn an ephemeral key bit by bit.
    let mut beside = good;
    *beside.last_mut().unwrap() ^= 1;
    assert_eq!(start(&trusted(&beside).unwrap(), &ak, &randomness()), "vtpm.ek.point");
    // Arithmetic modulo an even number is another arithmetic; no library may be asked for it.
    let mut even = rsa(2048).ek_public(0x0b, 128);
    *even.last_mut().unwrap() ^= 1;
    assert_eq!(start(&trusted(&even).unwrap(), &ak, &randomness()), "vtpm.ek.point");
    let mut small = rsa(2048).ek_public(0x0b, 128);
    let at = small.len() - 256 - 2 - 4;
    small[at..at + 4].copy_from_slice(&[0, 0, 0, 3]);
    assert_eq!(ek_refusal(&small), "vtpm.ek.exponent");
}

#[test]
fn a_challenge_has_the_form_that_the_specification_draws() {
    let scene = scene(p256(), 0x0b, 128, 0x0b, Form::Mac);
    let id_object = IdObject::parse(&scene.challenge.id_object).unwrap();
    assert_eq!((id_object.integrity.len(), id_object.identity.len()), (32, 34));
    assert_eq!(scene.challenge.encrypted_secret.len(), 2 + 2 + 32 + 2 + 32);
}

/// Both derivations, spelled out with the crates' own HMAC and hash over octets written by hand.
#[test]
fn the_derivations_give_what_is_known() {
    use attest_core::crypto::HashAlgorithm::Sha256;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Digest;

    let derived = kdf::kdfa(Sha256, b"key", "STORAGE", b"u", b"v", 256);
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(b"key").unwrap();
    mac.update(b"\0\0\0\x01STORAGE\0uv\0\0\x01\0");
    assert_eq!(derived.as_bytes(), mac.finalize().into_bytes().as_slice());

    let derived = kdf::kdfe(Sha256, b"z", "IDENTITY", b"u", b"v", 521);
    let blocks = [1_u8, 2, 3]
        .map(|count| sha2::Sha256::digest([&[0, 0, 0, count], b"zIDENTITY\0uv".as_slice()].concat()));
    let mut expected = blocks.concat();
    expected.truncate(66);
    expected[0] &= 1;
    assert_eq!(derived.as_bytes(), expected);
}
