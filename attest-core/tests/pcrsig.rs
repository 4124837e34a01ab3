//! Register policies and who signed them: documents of systemd and of Talos, and our own with every way to be wrong.

#[path = "credential/manifest.rs"]
mod manifest;
#[path = "credential/primes.rs"]
mod primes;

use std::collections::BTreeMap;

use attest_core::crypto::{BUILT_IN, HashAlgorithm};
use attest_core::error::Error;
use attest_core::tee::vtpm::AlgorithmId;
use attest_core::tee::vtpm::Selection;
use attest_core::tee::vtpm::pcrsig::{MAX_ENTRIES, PcrPolicy, PcrSignatures, Registers, SigningKey};
use attest_core::values::Digest;
use manifest::{bytes, entries, file, text};
use rsa::pkcs8::EncodePublicKey;
use rsa::{BoxedUint, Pkcs1v15Sign};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use vectors::{hex, unhex};

/// Values as a verified quote would give them.
#[derive(Default)]
struct Quoted(BTreeMap<(HashAlgorithm, u8), Vec<u8>>);

impl Registers for Quoted {
    fn register(&self, bank: HashAlgorithm, index: u8) -> Option<Digest> {
        self.0.get(&(bank, index)).and_then(|value| Digest::new(value))
    }
}

fn bank(name: &str) -> HashAlgorithm {
    HashAlgorithm::from_name(name).unwrap()
}

fn indices(list: &Value) -> Vec<u8> {
    list.as_array().unwrap().iter().map(|index| u8::try_from(index.as_u64().unwrap()).unwrap()).collect()
}

#[test]
fn policies_are_those_of_a_tpm() {
    for (folder, entry) in entries("pcr-policy") {
        let cases: Vec<Value> = serde_json::from_slice(&file(&folder, &entry, "vectors")).unwrap();
        assert_eq!(u64::try_from(cases.len()).unwrap(), entry["expected"]["count"].as_u64().unwrap());
        for case in cases {
            let selection: Vec<Selection> = case["selection"]
                .as_array()
                .unwrap()
                .iter()
                .map(|of| {
                    Selection::of(AlgorithmId::of(bank(text(of, "bank"))), indices(&of["pcrs"])).unwrap()
                })
                .collect();
            let mut quoted = Quoted::default();
            for value in case["values"].as_array().unwrap() {
                let index = u8::try_from(value["index"].as_u64().unwrap()).unwrap();
                quoted.0.insert((bank(text(value, "bank")), index), bytes(value, "value"));
            }
            for provider in BUILT_IN {
                let hash = bank(text(&case, "policy_hash"));
                let policy = PcrPolicy::of(hash, &selection, &quoted, provider).unwrap();
                assert_eq!(policy.pcr_digest().as_bytes(), bytes(&case, "pcr_digest"));
                assert_eq!(policy.policy().as_bytes(), bytes(&case, "policy"));
                let nothing = PcrPolicy::of(hash, &selection, &Quoted::default(), provider).unwrap_err();
                assert_eq!(nothing.check_id(), Some("vtpm.policy.register"));
            }
        }
    }
}

#[test]
fn documents_end_as_the_manifest_says() {
    for (folder, entry) in entries("pcr-signature") {
        let id = text(&entry, "id");
        let document = PcrSignatures::from_json(&file(&folder, &entry, "pcrsig")).unwrap();
        let (spki, expected) = (file(&folder, &entry, "pubkey"), &entry["expected"]);
        for provider in BUILT_IN {
            let key = SigningKey::from_spki(&spki, provider).unwrap();
            let outcomes: Vec<_> =
                document.entries().iter().map(|entry| entry.verify(&key, provider)).collect();
            match text(&entry, "verdict") {
                "valid" => {
                    outcomes.into_iter().for_each(|outcome| outcome.expect(id));
                    assert_eq!(key.fingerprint()[..], bytes(expected, "pkfp"), "{id}");
                    let listed: Vec<Value> = document
                        .entries()
                        .iter()
                        .map(|entry| {
                            let pcrs: Vec<u8> = entry.selection().indices().collect();
                            json!({
                                "bank": entry.selection().bank.to_string(),
                                "pcrs": pcrs,
                                "policy": hex(entry.policy()),
                            })
                        })
                        .collect();
                    assert_eq!(Value::from(listed), expected["entries"], "{id}");
                    phases(&document, &key, &expected["pcr11"], provider);
                }
                verdict => {
                    let id = match verdict {
                        "key-fingerprint-mismatch" => "vtpm.pcrsig.key",
                        "signature-invalid" => "vtpm.pcrsig.signature",
                        other => panic!("{other}"),
                    };
                    assert!(outcomes.iter().any(|outcome| {
                        outcome.as_ref().is_err_and(|error| error.check_id() == Some(id))
                    }));
                }
            }
        }
    }
}

/// Every phase of a boot has a value of register 11, and every value a signature; another value has none.
fn phases(
    document: &PcrSignatures,
    key: &SigningKey,
    values: &Value,
    provider: &attest_core::crypto::CryptoProvider,
) {
    let Some(banks) = values.as_object() else { return };
    for (name, phases) in banks {
        for value in phases.as_object().unwrap().values() {
            let value = unhex(value.as_str().unwrap()).unwrap();
            let quoted = Quoted([((bank(name), 11), value.clone())].into());
            let state = document.dangerous_accept_unquoted(key, &quoted, &[11], provider).unwrap();
            assert_eq!(state.bank, AlgorithmId::of(bank(name)));
            assert_eq!(state.indices().collect::<Vec<_>>(), [11]);
            for index in 0..value.len() {
                let mut other = value.clone();
                other[index] ^= 1;
                let quoted = Quoted([((bank(name), 11), other)].into());
                let refused = document.dangerous_accept_unquoted(key, &quoted, &[11], provider).unwrap_err();
                assert_eq!(refused.check_id(), Some("vtpm.pcrsig.policy"));
            }
        }
    }
}

fn private() -> rsa::PrivateKey {
    let (_, p, q) = primes::PRIMES[0];
    let number = |hex: &str| BoxedUint::from_be_slice_vartime(&unhex(hex).unwrap());
    rsa::PrivateKey::from_p_q(number(p), number(q), BoxedUint::from(65_537_u64)).unwrap()
}

fn key() -> SigningKey {
    let spki = private().to_public_key().to_public_key_der().unwrap();
    SigningKey::from_spki(spki.as_bytes(), BUILT_IN[0]).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, index| number << 8 | u32::from(*chunk.get(index).unwrap_or(&0)));
        for index in 0..4 {
            let digit = usize::try_from(number >> (18 - 6 * index) & 63).unwrap();
            out.push(if index <= chunk.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    out
}

fn quoted(bank: HashAlgorithm) -> Quoted {
    Quoted((0..24).map(|index| ((bank, index), vec![index; bank.digest_len()])).collect())
}

/// An entry over registers as `quoted` has them.
fn signed(bank: HashAlgorithm, pcrs: &[u8]) -> Value {
    let selection = Selection::of(AlgorithmId::of(bank), pcrs.iter().copied()).unwrap();
    let policy = PcrPolicy::of(HashAlgorithm::Sha256, &[selection], &quoted(bank), BUILT_IN[0]).unwrap();
    let policy = policy.policy();
    let policy = policy.as_bytes();
    let signature = match bank.name() {
        "sha256" => private().sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(policy)),
        "sha384" => private().sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(policy)),
        _ => private().sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(policy)),
    };
    json!({
        "pcrs": pcrs,
        "pkfp": hex(key().fingerprint()),
        "pol": hex(policy),
        "sig": base64(&signature.unwrap()),
    })
}

fn read(document: &Value) -> PcrSignatures {
    PcrSignatures::from_json(document.to_string().as_bytes()).unwrap()
}

fn accept(document: &Value, bank: HashAlgorithm, required: &[u8]) -> Result<Selection, Error> {
    read(document).dangerous_accept_unquoted(&key(), &quoted(bank), required, BUILT_IN[0])
}

fn refusal(document: &Value, bank: HashAlgorithm, required: &[u8]) -> &'static str {
    accept(document, bank, required).unwrap_err().check_id().unwrap()
}

#[test]
fn an_entry_counts_for_its_key_its_bank_and_its_registers() {
    let (sha256, sha384) = (bank("sha256"), bank("sha384"));
    let good = signed(sha256, &[11, 12]);
    let document = json!({"sha256": [good], "sha384": [signed(sha384, &[11])]});
    assert_eq!(accept(&document, sha256, &[11]).unwrap().indices().collect::<Vec<_>>(), [11, 12]);
    assert_eq!(accept(&document, sha384, &[11]).unwrap().bank, AlgorithmId::SHA384);
    assert_eq!(refusal(&document, sha256, &[7]), "vtpm.pcrsig.covers");
    assert_eq!(refusal(&json!({}), sha256, &[11]), "vtpm.pcrsig.key");
    assert_eq!(refusal(&document, bank("sha512"), &[11]), "vtpm.pcrsig.policy");
    // One bank's entry under another's name.
    assert_eq!(refusal(&json!({"sha384": [good]}), sha384, &[11]), "vtpm.pcrsig.policy");

    let with = |key: &str, value: Value| {
        let mut entry = good.clone();
        entry[key] = value;
        json!({"sha256": [entry]})
    };
    assert_eq!(refusal(&with("pkfp", json!("00".repeat(32))), sha256, &[11]), "vtpm.pcrsig.key");
    assert_eq!(refusal(&with("pol", json!("00".repeat(32))), sha256, &[11]), "vtpm.pcrsig.policy");
    assert_eq!(refusal(&with("pcrs", json!([11])), sha256, &[11]), "vtpm.pcrsig.policy");
    for signature in [vec![0; 256], vec![1; 255], Vec::new(), vec![0xff; 256]] {
        let document = with("sig", json!(base64(&signature)));
        assert_eq!(refusal(&document, sha256, &[11]), "vtpm.pcrsig.signature");
    }
    // A good entry behind bad ones is found, but not behind any number of them.
    let bad = with("sig", json!(base64(&[1; 256])))["sha256"][0].clone();
    let behind = |count: usize| {
        let mut list = vec![bad.clone(); count];
        list.push(good.clone());
        json!({"sha256": list})
    };
    assert!(accept(&behind(7), sha256, &[11]).is_ok());
    assert_eq!(refusal(&behind(8), sha256, &[11]), "vtpm.pcrsig.signature");
}

#[test]
fn a_document_has_one_form() {
    let good = signed(bank("sha256"), &[11]);
    let with = |key: &str, value: Value| {
        let mut entry = good.clone();
        entry[key] = value;
        json!({"sha256": [entry]}).to_string()
    };
    let refused = |text: &str| {
        PcrSignatures::from_json(text.as_bytes()).expect_err(&text[..text.len().min(80)]).check_id()
    };
    // What is not known is ignored: it cannot make an entry cover more.
    for text in [
        with("later", json!({"x": [1, 2]})),
        json!({"sha256": [good], "sha3-256": [{"other": 1}]}).to_string(),
    ] {
        assert_eq!(PcrSignatures::from_json(text.as_bytes()).unwrap().entries().len(), 1);
    }
    for pcrs in
        [json!([]), json!([24]), json!([11, 11]), json!([12, 11]), json!([256]), json!([-1]), json!("11")]
    {
        assert_eq!(refused(&with("pcrs", pcrs)), "form.encoding");
    }
    let pol = good["pol"].as_str().unwrap();
    for text in
        [pol.to_uppercase(), pol[2..].into(), format!("{pol}00"), format!("{}0x", &pol[2..]), String::new()]
    {
        assert_eq!(refused(&with("pol", json!(text))), "form.encoding");
    }
    for text in ["A", "AA", "AAA", "AAA=\n", "A===", "AB==", "AAB=", "=AAA", "A-AA", "AA=A", "AA==AAAA"] {
        assert_eq!(refused(&with("sig", json!(text))), "form.encoding");
    }
    assert_eq!(refused(&with("sig", json!("A".repeat(4096)))), "form.encoding");
    for text in [
        "",
        "[]",
        "{",
        "null",
        r#"{"sha256": [], "sha256": []}"#,
        r#"{"sha256": {}}"#,
        r#"{"sha256": [{}]}"#,
        r#"{"x": 1, "x": 1}"#,
        "{} {}",
        r#"{"sha256": [{"pcrs": [11], "pcrs": [11], "pkfp": "", "pol": "", "sig": ""}]}"#,
    ] {
        assert_eq!(refused(text), "form.encoding");
    }
    // Depth costs no stack: what is ignored is walked by a loop, and nothing that is read nests.
    let deep = |key: &str| format!("{{\"{key}\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(PcrSignatures::from_json(deep("x").as_bytes()).unwrap().entries().is_empty());
    assert_eq!(refused(&deep("sha256")), "form.encoding");
    assert_eq!(refused(&" ".repeat(256 * 1024)), "form.encoding");
    assert_eq!(refused(&" ".repeat(256 * 1024 + 1)), "form.budget");
    let many = |count: usize| {
        let mut entry = good.clone();
        entry["sig"] = json!("");
        json!({"sha256": vec![entry; count]}).to_string()
    };
    assert!(PcrSignatures::from_json(many(MAX_ENTRIES).as_bytes()).is_ok());
    assert_eq!(refused(&many(MAX_ENTRIES + 1)), "form.budget");
    // Where it stops, by octets.
    let broken = PcrSignatures::from_json(b"{\n \"sha256\": [\n  x").unwrap_err();
    assert_eq!(broken.offset, 17);
}
