//! Manifests of other makers, held against what an independent reader says of them. The folder is named by
//! ATTESTRAP_REAL_VECTORS; none of it is kept here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::BUILT_IN;
use attest_core::rules::Limit;
use attest_measurements::formats::Origin;
use attest_measurements::formats::corim::{Comid, Corim, Environment, Kind, Label, write};
use attest_measurements::reference::{Consent, Minimum, ReferenceValues, Register, Rule, Set, Window};
use attest_measurements::trust::{Step, TrustError, VerifyingKey, corim};
use serde_json::Value;

const ORIGIN: Origin<'_> = Origin::new("image", 1, 1_790_000_000);

fn root() -> Option<PathBuf> {
    let root = vectors::real().map(|root| root.join("rats"));
    if root.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS does not name the folder of real documents");
    }
    root
}

fn entries(root: &Path, kinds: &[&str]) -> Vec<(Value, Vec<u8>)> {
    let text = std::fs::read(root.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    let wanted = |entry: &&Value| kinds.iter().any(|kind| entry["kind"] == *kind);
    let list = manifest["vectors"].as_array().expect("vectors").iter().filter(wanted);
    list.map(|entry| {
        let file = root.join(entry["file"].as_str().expect("a file"));
        (entry.clone(), std::fs::read(&file).unwrap_or_else(|error| panic!("{file:?}: {error}")))
    })
    .collect()
}

fn entry(root: &Path, id: &str) -> Vec<u8> {
    let mut all = entries(root, &["corim", "corim-signed", "comid"]).into_iter();
    all.find(|(entry, _)| entry["id"] == id).unwrap_or_else(|| panic!("{id}")).1
}

fn key(root: &Path) -> VerifyingKey {
    let jwk: Value =
        serde_json::from_slice(&std::fs::read(root.join("corim-test-key.jwk")).unwrap()).unwrap();
    let coordinate = |name: &str| {
        use base64ct::{Base64UrlUnpadded, Encoding as _};
        Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap()).unwrap()
    };
    let front = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
    let spki = [vectors::unhex(front).unwrap(), coordinate("x"), coordinate("y")].concat();
    VerifyingKey::from_der(&spki).unwrap()
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// The runner of the vectors judges the manifest itself.
#[test]
fn no_octet_of_a_signed_manifest_may_change() {
    let Some(root) = root() else { return };
    let key = key(&root);
    let mut judged = 0;
    for (entry, bytes) in entries(&root, &["corim-signed"]) {
        let id = entry["id"].as_str().expect("an id");
        let Some(from) = entry["expected"]["signature_validity"]["not_before"].as_u64() else { continue };
        for provider in BUILT_IN {
            assert!(corim::verify(&bytes, &key, at(from), provider).is_ok(), "{id}");
            for octet in 0..bytes.len() {
                let mut altered = bytes.clone();
                altered[octet] ^= 1;
                assert!(corim::verify(&altered, &key, at(from), provider).is_err(), "{id}: octet {octet}");
            }
            judged += 1;
        }
    }
    assert!(judged >= 9, "{judged}");
}

fn kind_of(environment: &Environment<'_>) -> Option<Kind> {
    match (environment.class, environment.model, environment.index) {
        (Some(Label::Uuid([0x89, 0xa7, 0xa1, 0xf0, ..])), None, None) => Some(Kind::Snp),
        (None, Some("node image 1"), None) => Some(Kind::Tpm),
        (None, Some("node image 1"), Some(0)) => Some(Kind::Tdx),
        _ => None,
    }
}

fn names(values: &ReferenceValues) -> Vec<String> {
    values.sets()[0].registers().keys().map(|register| register.name()).collect()
}

#[test]
fn values_are_imported_or_fail_closed() {
    let Some(root) = root() else { return };
    let import = |bytes: &[u8]| {
        Corim::parse(bytes).expect("a manifest").to_reference_values(&ORIGIN, &Consent::NONE, kind_of)
    };
    let tpm = import(&entry(&root, "corim-tpm-pcrs")).unwrap().complete().unwrap();
    assert_eq!(names(&tpm), [4, 7, 9, 11, 12, 15].map(|index| format!("tpm.sha256.{index}")));
    let four = Register::from_name("tpm.sha256.4").unwrap();
    let value = tpm.sets()[0].registers()[&four].values().first().unwrap();
    assert_eq!(
        vectors::hex(value.as_bytes()),
        "7b9d78970fb1536f78087006b136966cbc8ff2e59638edf1b2c8d7110b3557a7"
    );

    // The placeholder of a profile, and versions that must be exactly these, are constraints that nothing here holds.
    let snp = import(&entry(&root, "corim-snp-min")).unwrap();
    let places: Vec<String> = snp.losses().iter().map(|loss| loss.at.clone()).collect();
    assert_eq!(places, ["profile", "tags[0].references[0][1]", "tags[0].references[0][3]"]);
    assert_eq!(snp.clone().complete().unwrap_err().0.len(), 3);
    assert_eq!(snp.clone().despite(&["profile", "tags[0].references[0][1]"]).unwrap_err().0.len(), 1);
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let snp = snp.despite(&places).unwrap();
    assert_eq!(names(&snp), ["snp.measurement"]);
    let minimums = snp.sets()[0].minimums();
    assert_eq!(
        (minimums[&Minimum::SnpGuestSvn], minimums[&Minimum::SnpReportedTcb]),
        (1, 360_287_970_189_639_684)
    );

    let node = import(&entry(&root, "corim-node")).unwrap();
    let places: Vec<String> = node.losses().iter().map(|loss| loss.at.clone()).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let node = node.despite(&places).unwrap();
    assert_eq!(names(&node).len(), 11, "{:?}", names(&node));
    assert_eq!(node.sets()[0].window().until(), Limit::To(1_893_456_000));

    // Environments that nobody knows, and values that nobody reads, leave nothing.
    for (entry, bytes) in entries(&root, &["corim"]) {
        let id = entry["id"].as_str().expect("an id");
        let Ok(corim) = Corim::parse(&bytes) else { continue };
        let unknown = corim.to_reference_values(&ORIGIN, &Consent::NONE, |_| None);
        assert!(unknown.is_err(), "{id}: a set without registers");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let digest = |octet: u8, len: usize| attest_core::values::Digest::filled(octet, len);
    let rule = |register: Register| {
        let values = [1, 2].map(|octet| digest(octet, register.digest_len()));
        (register, Rule::new(values, false).unwrap())
    };
    let registers = [
        "snp.measurement",
        "tdx.mrtd",
        "tdx.rtmr.0",
        "tdx.rtmr.3",
        "tpm.sha256.4",
        "tpm.sha384.4",
        "tpm.sha512.23",
        "nitro.pcr.31",
    ];
    let registers = registers.map(|name| rule(Register::from_name(name).unwrap())).into();
    let window = Window::new(Limit::To(5), Limit::To(1_893_456_000)).unwrap();
    let minimums = [(Minimum::SnpGuestSvn, 3), (Minimum::SnpReportedTcb, u64::MAX)].into();
    let set = Set::new("image", window, registers, minimums, &Consent::NONE).unwrap();
    let values = ReferenceValues::new("image", 1, 1_790_000_000, vec![set]).unwrap();
    let bytes = write(&values, "Example").unwrap().complete().unwrap();
    let corim = Corim::parse(&bytes).unwrap();
    let kind = |environment: &Environment<'_>| match environment.class {
        Some(Label::Bytes(b"snp")) => Some(Kind::Snp),
        Some(Label::Bytes(b"tdx")) => Some(Kind::Tdx),
        Some(Label::Bytes(b"tpm")) => Some(Kind::Tpm),
        Some(Label::Bytes(b"nitro")) => Some(Kind::Nitro),
        _ => None,
    };
    let again = corim.to_reference_values(&ORIGIN, &Consent::NONE, kind).unwrap().complete().unwrap();
    assert_eq!(again, values);
    for len in 0..bytes.len() {
        assert!(Corim::parse(&bytes[..len]).is_err(), "cut to {len}");
    }
    assert!(Corim::parse(&[&bytes[..], &[0]].concat()).is_err());
    let sha1 = rule(Register::from_name("tpm.sha1.4").unwrap());
    let set = Set::new("image", window, [sha1].into(), [].into(), &Consent::NONE).unwrap();
    assert!(write(&ReferenceValues::new("image", 1, 0, vec![set]).unwrap(), "Example").is_err());
}

/// A value that says nothing, and a digest that is none.
#[test]
fn a_measurement_must_say_something() {
    let parse = |value: &str| {
        // {1: {0: "a"}, 4: {0: [[{1: 560(h'01')}, [{1: VALUE}]]]}}
        let text = format!("a201a100616104a10081 82 a101d9023041 01 81a101{value}").replace(' ', "");
        Comid::parse(&vectors::unhex(&text).expect("hex")).map(drop).map_err(|error| error.to_string())
    };
    let sha256 = "11".repeat(32);
    for good in [
        format!("a10281 82 01 5820{sha256}"),
        format!("a10ea1 04 81 82 01 5820{sha256}"),
        "a100a1006131".to_owned(),
    ] {
        assert_eq!(parse(&good), Ok(()), "{good}");
    }
    for (bad, word) in [
        ("a100a0".to_owned(), "version"),
        ("a100a1011a00004000".to_owned(), "version"),
        ("a10ea0".to_owned(), "integrity-registers"),
        ("a10280".to_owned(), "digests"),
        (format!("a10281 82 01 581f{}", "11".repeat(31)), "digest"),
        (format!("a10281 82 07 5820{sha256}"), "digest"),
        ("a10281 82 06 40".to_owned(), "digest"),
        ("a0".to_owned(), "mval"),
    ] {
        let error = parse(&bad).expect_err(&bad);
        assert!(error.contains(word), "{bad}: {error}");
    }
}

#[test]
fn a_signer_has_a_name_and_a_time() {
    for (signer, window, good) in
        [("a", (1, 1), true), ("", (1, 2), false), ("a", (2, 1), false), ("a", (0, u64::MAX), true)]
    {
        let outcome = corim::Statement::new(signer, window);
        assert_eq!(outcome.is_ok(), good, "{signer:?} {window:?}");
    }
}

#[test]
fn what_signs_must_say_so() {
    use p256::ecdsa::signature::Signer as _;
    let signer = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let point = signer.verifying_key().to_sec1_point(false);
    let front = vectors::unhex("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    let key = VerifyingKey::from_der(&[&front[..], point.as_bytes()].concat()).unwrap();
    // {1: -7, 3: "application/rim+cbor", 8: << {0: {0: "a"}, 1: {1: 1(1000)}} >>}
    let parts =
        ["0126", "0374", "6170706c69636174696f6e2f72696d2b63626f72", "084f", "a200a100616101a101c11903e8"];
    let good =
        format!("a3{}{}{}08{:02x}{}", parts[0], parts[1], parts[2], 0x40 + parts[4].len() / 2, parts[4]);
    let judge = |protected: &str, now: u64| {
        let protected = vectors::unhex(protected).unwrap();
        let mut encoder = attest_core::cbor::Encoder::default();
        encoder.array(4).text("Signature1").bytes(&protected).bytes(&[]).bytes(b"manifest");
        let signature: p256::ecdsa::Signature = signer.sign(&encoder.into_bytes());
        let mut encoder = attest_core::cbor::Encoder::default();
        encoder.tag(18).array(4).bytes(&protected).map(0).bytes(b"manifest").bytes(&signature.to_bytes());
        let bytes = encoder.into_bytes();
        corim::verify(&bytes, &key, at(now), BUILT_IN[0]).map(|trusted| trusted.bytes().to_vec())
    };
    assert_eq!(judge(&good, 1000), Ok(b"manifest".to_vec()));
    assert_eq!(judge(&good, 1001).unwrap_err().step(), Some(Step::Time));
    // CWT claims in place of corim-meta: {4: 1000, 5: 10}.
    let claims = format!("a3{}{}{}0fa2041903e8050a", parts[0], parts[1], parts[2]);
    for (now, valid) in [(9, false), (10, true), (999, true), (1000, false)] {
        assert_eq!(judge(&claims, now).is_ok(), valid, "{now}");
    }
    for (from, to) in [
        ("a30126", "a30127"),
        ("a30126", "a30126".replace("0126", "013822").as_str()),
        ("a30126", "a40126028101"),
        ("a30126", "a4012619010200"),
        ("72696d", "72696e"),
        ("00a1006161", "0200"),
    ] {
        let bent = good.replacen(from, to, 1);
        assert_ne!(bent, good, "{from}");
        let error = judge(&bent, 1000).unwrap_err();
        let other = matches!(error, TrustError::Malformed(_));
        assert!(error.step() == Some(Step::Signature) || other, "{to}: {error}");
    }
}
