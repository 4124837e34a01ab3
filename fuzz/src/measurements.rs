//! What the targets over reference values and over trust in them share: every reader, a good bundle whose parts can be replaced, and
//! seeds. Bundles and roots are those of `vectors/measurements`.

use std::fs;
use std::sync::LazyLock;

use attest_core::crypto::ring;
use attest_core::rules::Limit;
use attest_core::transition::Transition;
use attest_core::values::Digest;
use attest_measurements::error::FormError;
use attest_measurements::formats::constellation::{self, Release};
use attest_measurements::formats::corim::{self, Environment, Kind, Label};
use attest_measurements::formats::{Numbering, Origin, flashbots, rvps};
use attest_measurements::reference::{Consent, Minimum, ReferenceValues, Register, Rule, Set, Window};
use attest_measurements::trust::{TrustRoot, VerifyingKey};
use serde_json::Value;

/// What formats do not say about themselves.
pub const ORIGIN: Origin<'_> = Origin::new("node", 1, 1_790_000_000);
/// The release that manifests must be of.
pub const RELEASE: Release<'_> = Release::new("v2.17.0", "-", "stable");

/// Reads with every reader of text.
pub fn read_all(bytes: &[u8]) -> Vec<Result<ReferenceValues, FormError>> {
    let none = &Consent::NONE;
    let mut all = vec![
        ReferenceValues::from_json(bytes, none),
        ReferenceValues::from_toml(bytes, none),
        constellation::read_manifest(bytes, &RELEASE, &ORIGIN, none),
        constellation::read_manifest_v1(bytes, "v2.3.0", &ORIGIN, none),
        flashbots::read(bytes, &ORIGIN, none),
    ];
    for numbering in [Numbering::Nitro, Numbering::Tdx, Numbering::TpmSha256] {
        all.push(constellation::read_measurements(bytes, numbering, &ORIGIN, none));
    }
    match rvps::read(bytes, &ORIGIN, none) {
        Ok(read) => all.extend(read.complete().ok().map(Ok)),
        Err(error) => all.push(Err(error)),
    }
    all
}

/// Environments as we write them.
pub fn kind_of(environment: &Environment<'_>) -> Option<Kind> {
    match environment.class {
        Some(Label::Bytes(b"nitro")) => Some(Kind::Nitro),
        Some(Label::Bytes(b"snp")) => Some(Kind::Snp),
        Some(Label::Bytes(b"tdx")) => Some(Kind::Tdx),
        Some(Label::Bytes(b"tpm")) => Some(Kind::Tpm),
        _ => None,
    }
}

fn file(name: &str) -> Vec<u8> {
    fs::read(vectors::folder("measurements").join(name)).expect("a generated file")
}

/// The artifact of every bundle.
pub static ARTIFACT: LazyLock<Vec<u8>> = LazyLock::new(|| file("artifact.txt"));
/// The key of managed bundles.
pub static KEY: LazyLock<VerifyingKey> =
    LazyLock::new(|| VerifyingKey::from_pem(&file("key.pub")).expect("a key"));
/// Everybody of the test PKI.
pub static ROOT: LazyLock<TrustRoot> =
    LazyLock::new(|| TrustRoot::from_json(&file("roots/all.json"), &ring::PROVIDER).expect("a root"));

/// The generated bundles that are valid, by name.
const GOOD: [&str; 6] = [
    "keyless",
    "keyless-statement",
    "keyless-timestamp",
    "managed",
    "managed-statement",
    "managed-timestamp",
];

/// Parts of a bundle that have a form of their own, and whether they stand there in base64.
const PARTS: [(&str, bool); 8] = [
    ("/dsseEnvelope/payload", true),
    ("/messageSignature/signature", true),
    ("/verificationMaterial/certificate/rawBytes", true),
    ("/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp", true),
    ("/verificationMaterial/tlogEntries/0/canonicalizedBody", true),
    ("/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp", true),
    ("/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope", false),
    ("/verificationMaterial/tlogEntries/0/inclusionProof/hashes/0", true),
];

static BUNDLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let read = |name: &&str| serde_json::from_slice(&file(&format!("bundles/{name}.json"))).expect("JSON");
    GOOD.iter().map(read).collect()
});

/// The bundle that an input stands for: itself, if it begins like JSON; else a good one with one part replaced, which of both by
/// the first byte.
pub fn bundle_of(bytes: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = bytes.split_first() else { return Vec::new() };
    let (bundle, part) = (usize::from(first >> 4), usize::from(first & 7));
    let Some(mut bundle) = BUNDLES.get(bundle).cloned().filter(|_| *first != b'{') else {
        return bytes.into();
    };
    let (path, encoded) = PARTS[part];
    let text = if encoded { crate::base64(rest) } else { String::from_utf8_lossy(rest).into_owned() };
    match bundle.pointer_mut(path) {
        Some(place) => *place = text.into(),
        None => return bytes.into(),
    }
    bundle.to_string().into_bytes()
}

/// Whether an input reaches what lies behind the form of a bundle.
pub fn is_bundle(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(&bundle_of(bytes)).is_ok_and(|bundle| bundle.is_object())
}

/// Inputs of `sigstore_bundle`: each good bundle, and each of their parts.
pub fn bundle_seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (at, (name, bundle)) in GOOD.iter().zip(BUNDLES.iter()).enumerate() {
        seeds.push((name.to_string(), bundle.to_string().into_bytes()));
        for (part, (path, encoded)) in PARTS.iter().enumerate() {
            let Some(text) = bundle.pointer(path).and_then(Value::as_str) else { continue };
            let bytes = if *encoded { crate::unbase64(text) } else { text.as_bytes().to_vec() };
            let first = u8::try_from(at << 4 | part).expect("few bundles");
            seeds.push((format!("{name}-{part}"), [&[first][..], &bytes].concat()));
        }
    }
    seeds
}

/// A document with a register of every kind.
fn values() -> ReferenceValues {
    let rule = |name: &str, octet: u8| {
        let register = Register::from_name(name).expect("a register");
        let values = [octet, octet + 1].map(|octet| Digest::filled(octet, register.digest_len()));
        (register, Rule::new(values, name == "tpm.sha384.7").expect("a rule"))
    };
    let names = ["nitro.pcr.0", "snp.measurement", "tdx.mrtd", "tdx.rtmr.2", "tpm.sha256.4", "tpm.sha384.7"];
    let registers = (1..).step_by(2).zip(names).map(|(octet, name)| rule(name, octet)).collect();
    let window = Window::new(Limit::To(1_700_000_000), Limit::To(1_900_000_000)).expect("a window");
    let minimums = [(Minimum::SnpGuestSvn, 3), (Minimum::SnpReportedTcb, 4)].into();
    let set = Set::new("image", window, registers, minimums, &Consent::NONE).expect("a set");
    ReferenceValues::new("node", 1, ORIGIN.issued, vec![set]).expect("a document")
}

/// Inputs of `reference_values`: a document in every format.
pub fn value_seeds() -> Vec<(String, Vec<u8>)> {
    let digest = |octet: &str| octet.repeat(32);
    let objects = format!(
        r#"{{"11":{{"expected":"{}","warnOnly":false}},"4":{{"expected":"{}","warnOnly":true}}}}"#,
        digest("0b"),
        digest("04"),
    );
    let hex = format!(r#"{{"11":"{}","4":"{}"}}"#, digest("0b"), digest("04"));
    let base64 = format!(r#"{{"4":"{}"}}"#, crate::base64(&[4; 32]));
    let manifest = format!(
        r#"{{"version":"v2.17.0","ref":"-","stream":"stable","list":[{{"csp":"Azure","attestationVariant":"azure-sev-snp","measurements":{objects}}}]}}"#
    );
    let v1 = format!(r#"{{"csp":"azure","image":"v2.3.0","measurements":{objects}}}"#);
    let list = format!(
        r#"[{{"measurement_id":"a","attestation_type":"azure-tdx","measurements":{{"4":{{"expected_any":["{}","{}"]}}}}}},{{"measurement_id":"b","attestation_type":"qemu-tdx","measurements":{{"0":{{"expected":"{}"}}}}}}]"#,
        digest("04"),
        digest("05"),
        "01".repeat(48),
    );
    let stored = format!(
        r#"[{{"version":"0.1.0","name":"snp_launch_measurement","expiration":"2027-01-01T00:00:00Z","value":["{}"]}}]"#,
        "02".repeat(48),
    );
    let older = format!(
        r#"[{{"version":"0.1.0","name":"mr_td","expiration":"2027-01-01T00:00:00Z","hash-value":[{{"alg":"sha384","value":"{}"}}]}}]"#,
        "03".repeat(48),
    );
    let sent = format!(r#"{{"tdx_pcr04":["{}"]}}"#, digest("04"));
    let named = [
        ("native.json", values().to_json()),
        ("native.toml", values().to_toml()),
        ("constellation", manifest),
        ("constellation-v1", v1),
        ("constellation-map", objects),
        ("constellation-hex", hex),
        ("constellation-base64", base64),
        ("flashbots", list),
        ("rvps-stored", stored),
        ("rvps-older", older),
        ("rvps-sent", sent),
    ];
    named.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect()
}

/// Inputs of `corim`: a manifest, its module, and both signed with a signature of zeros.
pub fn corim_seeds() -> Vec<(String, Vec<u8>)> {
    let whole = corim::write(&values(), "vendor").expect("a manifest");
    let places: Vec<String> = whole.losses().iter().map(|loss| loss.at.clone()).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let whole = whole.despite(&places).expect("a manifest");
    // {1: -7, 3: "application/rim+cbor", 8: << {0: {0: "a"}} >>}
    let protected =
        [b"\xa3\x01\x26\x03\x74application/rim+cbor\x08\x46".as_slice(), b"\xa1\x00\xa1\x00\x61a"].concat();
    let mut out = attest_core::cbor::Encoder::default();
    out.tag(18).array(4).bytes(&protected).map(0).bytes(&whole).bytes(&[0; 64]);
    let signed = out.into_bytes();
    // The module of the TPM is the last one; it ends where the validity begins.
    let comid = whole.windows(4).position(|window| window == b"node").map(|at| whole[at..].to_vec());
    let mut seeds = vec![("manifest".to_owned(), whole.clone()), ("signed".to_owned(), signed)];
    seeds.extend(comid.map(|bytes| ("cut".to_owned(), bytes)));
    seeds
}

/// A signature file of the artifact.
pub static SIGNATURE_FILE: LazyLock<String> = LazyLock::new(|| {
    let cases: Value = serde_json::from_slice(&file("signatures.json")).expect("JSON");
    cases["cases"][0]["signature_base64"].as_str().expect("text").to_owned()
});

/// Inputs of `trust_files`.
pub fn trust_seeds() -> Vec<(String, Vec<u8>)> {
    let mark = format!(r#"{{"name":"node","serial":7,"issued":1790000000,"sha256":"{}"}}"#, "07".repeat(32));
    let transition =
        Transition::new("node", [1; 32], [2; 32], 1_700_000_000, 1_900_000_000).expect("a transition");
    let id: [u8; 32] = KEY.id(&ring::PROVIDER).expect("SHA-256").as_bytes().try_into().expect("32 bytes");
    vec![
        ("key.pub".to_owned(), file("key.pub")),
        ("key.der".to_owned(), KEY.as_der().to_vec()),
        ("root".to_owned(), file("roots/all.json")),
        ("root-ed25519".to_owned(), file("roots/root-log-ed25519.json")),
        ("root-over".to_owned(), file("roots/root-timestamp-second.json")),
        ("signature".to_owned(), SIGNATURE_FILE.clone().into_bytes()),
        ("statement".to_owned(), transition.to_statement(&id, &[0; 64])),
        ("watermark".to_owned(), mark.into_bytes()),
    ]
}

/// Whether any file of `trust_files` is read.
pub fn is_trust_file(bytes: &[u8]) -> bool {
    use attest_measurements::trust::rollback::Watermark;

    TrustRoot::from_json(bytes, &ring::PROVIDER).is_ok()
        || VerifyingKey::from_pem(bytes).is_ok()
        || VerifyingKey::from_der(bytes).is_ok()
        || Watermark::from_json(bytes).is_ok()
}
