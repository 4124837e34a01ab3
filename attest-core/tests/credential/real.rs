//! Vectors that the caller has, from `ATTESTRAP_REAL_VECTORS`: of software keys, and of another project's simulator.

use attest_core::crypto::{BUILT_IN, HashAlgorithm};
use attest_core::tee::vtpm::AlgorithmId;
use attest_core::tee::vtpm::credential::{
    Challenge, Label, RANDOM_LEN, Randomness, TrustedEk, encapsulate, kdf,
};
use attest_core::tee::vtpm::{CurveId, Key, Public};
use p256::pkcs8::DecodePrivateKey;
use serde_json::Value;

use super::device::{Private, belongs};
use super::manifest::{bytes, entries, file, text};

fn private(public: &Public<'_>, pkcs8: &[u8]) -> Private {
    match public.key() {
        Key::Rsa { .. } => Private::Rsa(Box::new(rsa::PrivateKey::from_pkcs8_der(pkcs8).unwrap())),
        Key::Ecc { curve: CurveId(3), .. } => Private::P256(p256::SecretKey::from_pkcs8_der(pkcs8).unwrap()),
        Key::Ecc { curve: CurveId(4), .. } => Private::P384(p384::SecretKey::from_pkcs8_der(pkcs8).unwrap()),
        Key::Ecc { curve, .. } => panic!("{curve:?}"),
    }
}

#[test]
fn activations_end_as_the_manifest_says() {
    for (folder, entry) in entries("credential-activation") {
        let id = text(&entry, "id");
        let file = |name: &str| file(&folder, &entry, name);
        let (ek_bytes, ak_bytes) = (file("ek"), file("ak"));
        let ek = Public::parse(&ek_bytes).unwrap();
        let private = private(&ek, &file("ek_private_pkcs8"));
        assert!(belongs(&private, &ek), "{id}");
        let ak = Public::parse(&ak_bytes).unwrap().name(BUILT_IN[0]).unwrap();
        let expected = &entry["expected"];
        assert_eq!(ak.as_bytes(), bytes(expected, "ak_name"), "{id}");
        // The key is one that we would make a credential for.
        TrustedEk::pinned(&ek_bytes, &ek.name(BUILT_IN[0]).unwrap(), BUILT_IN[0]).unwrap();

        let mut challenge = Challenge::new(file("id_object"), file("encrypted_secret"));
        match private.activate(&ek, &ak, &challenge) {
            Ok(activated) => {
                assert_eq!(text(&entry, "verdict"), "valid", "{id}");
                assert_eq!(activated.secret, file("secret"), "{id}");
                assert_eq!(activated.secret, bytes(expected, "secret"), "{id}");
                assert_eq!(activated.seed, bytes(expected, "seed"), "{id}");
                assert_eq!(activated.storage_key, bytes(expected, "storage_key"), "{id}");
                assert_eq!(activated.integrity_key, bytes(expected, "integrity_key"), "{id}");
                challenge.id_object[4] ^= 1;
                assert!(private.activate(&ek, &ak, &challenge).is_err(), "{id}");
            }
            Err(why) => assert_eq!(why.verdict(), text(&entry, "verdict"), "{id}"),
        }
    }
}

#[test]
fn derivations_and_encapsulations_give_the_known_answers() {
    for (folder, entry) in entries("kdf") {
        let id = text(&entry, "id");
        let list = file(&folder, &entry, "vectors");
        let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
        assert_eq!(u64::try_from(list.len()).unwrap(), entry["expected"]["count"].as_u64().unwrap());
        for case in list {
            let name = text(&case, "Name");
            match id {
                "kdf-kdfa" | "kdf-kdfe" => derivation(id, &case),
                "kdf-ecc-labeled-encaps" | "kdf-rsa-labeled-encaps" => encapsulation(&case),
                other => panic!("{other}: {name}"),
            }
        }
    }
}

fn derivation(id: &str, case: &Value) {
    let hash: HashAlgorithm =
        AlgorithmId(u16::try_from(case["HashAlg"].as_u64().unwrap()).unwrap()).hash().unwrap();
    let bits = u16::try_from(case["Bits"].as_u64().unwrap()).unwrap();
    let (label, u, v) = (text(case, "Label"), bytes(case, "ContextU"), bytes(case, "ContextV"));
    let derived = match id {
        "kdf-kdfa" => kdf::kdfa(hash, &bytes(case, "Key"), label, &u, &v, bits),
        _ => kdf::kdfe(hash, &bytes(case, "Z"), label, &u, &v, bits),
    };
    assert_eq!(vectors::hex(derived.as_bytes()), text(case, "Result"), "{}", text(case, "Name"));
}

fn encapsulation(case: &Value) {
    let name = text(case, "Name");
    let public = bytes(case, "PublicKey");
    let public = Public::parse(&public).unwrap();
    let label = match text(case, "Label") {
        "DUPLICATE" => Label::Duplicate,
        "IDENTITY" => Label::Identity,
        "SECRET" => Label::Secret,
        other => panic!("{other}"),
    };
    let mut octets = [0; RANDOM_LEN];
    let secret = bytes(case, "Secret");
    let (seed, blind) = match public.key() {
        Key::Rsa { .. } => (secret.clone(), bytes(case, "OAEPSalt")),
        Key::Ecc { .. } => (Vec::new(), bytes(case, "EphemeralPrivate")),
    };
    octets[32..][..seed.len()].copy_from_slice(&seed);
    octets[96..][..blind.len()].copy_from_slice(&blind);
    let made = encapsulate(&public, label, &Randomness::new(octets)).unwrap();
    assert_eq!(made.seed.as_bytes(), secret, "{name}");
    let mut ciphertext = bytes(case, "Ciphertext");
    // Some makers leave the outer size away.
    if ciphertext.len() + 2 == made.encrypted.len() {
        ciphertext.splice(0..0, u16::try_from(ciphertext.len()).unwrap().to_be_bytes());
    }
    assert_eq!(vectors::hex(&made.encrypted), vectors::hex(&ciphertext), "{name}");
}
