//! Nitro documents of real enclaves and instances, and altered copies of them. The folder is named by ATTESTRAP_REAL_VECTORS;
//! none of it is kept here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attest_core::checks::{Checks, Outcome};
use attest_core::claims::Root;
use attest_core::crypto::{BUILT_IN, CryptoProvider};
use attest_core::error::{Error, Refused};
use attest_core::rules::{Limit, OneOf};
use attest_core::tee::nitro::{
    Anchors, Claims, Document, Expectation, Expected, Kind, Policy, policy::Registers,
};
use attest_core::{UnixTime, Verified};
use serde_json::Value;

const ANY: Expectation<'_> = Expectation::new(Expected::Any, Expected::Any, Expected::Any);

fn provider() -> &'static CryptoProvider {
    BUILT_IN.first().expect("a provider")
}

fn root() -> Option<PathBuf> {
    let root = vectors::real();
    if root.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS does not name the folder of real documents");
    }
    root
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn anchors(der: &[u8]) -> Anchors {
    let mut anchors = Anchors::none();
    anchors.add_root(der).expect("a root");
    anchors
}

fn verify(
    document: &[u8],
    root: &[u8],
    now: u64,
    expectation: Expectation<'_>,
) -> Result<Verified<Claims>, Refused> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    Document::parse(document)?.verify(&anchors(root), provider(), now, expectation)
}

fn refused_by(result: Result<Verified<Claims>, Refused>, id: &str) -> &'static str {
    let Err(refused) = result else { panic!("{id} is believed") };
    assert!(!refused.error.to_string().is_empty());
    refused.error.check_id().unwrap_or_else(|| panic!("{id}: {refused}"))
}

fn failed(checks: &Checks) -> Vec<&'static str> {
    let failed = checks.iter().filter(|entry| entry.outcome == Outcome::Failed);
    failed.map(|entry| entry.check.id).collect()
}

fn field<'a>(bytes: &'a Option<Vec<u8>>) -> Expected<'a> {
    bytes.as_deref().map_or(Expected::Absent, Expected::Exactly)
}

fn octets(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(|text| vectors::unhex(text).expect("hex"))
}

/// Every value that the manifest has, held against the claims; and the three fields expected as they are.
fn check_claims(id: &str, document: &[u8], root: &[u8], now: u64, fields: &Value, pcrs: &Value) {
    let [nonce, user_data, public_key] =
        ["nonce", "user_data", "public_key"].map(|name| octets(&fields[name]));
    let expectation = Expectation::new(field(&nonce), field(&user_data), field(&public_key));
    let verified =
        verify(document, root, now, expectation).unwrap_or_else(|refused| panic!("{id}: {refused}"));
    let claims = verified.claims();
    assert_eq!(Some(claims.module_id().as_str()), fields["module_id"].as_str(), "{id}");
    assert_eq!(Some(claims.timestamp()), fields["timestamp_ms"].as_u64(), "{id}");
    assert_eq!(fields["digest"], "SHA384", "{id}");
    assert_eq!(claims.nonce().map(<[u8]>::to_vec), nonce, "{id}");
    assert_eq!(claims.user_data().map(<[u8]>::to_vec), user_data, "{id}");
    assert_eq!(claims.public_key().map(<[u8]>::to_vec), public_key, "{id}");
    assert_eq!(claims.fresh(), nonce.is_some_and(|nonce| nonce.len() >= 8), "{id}");
    // One of them has the other kind's registers beside its own: not read, and counted.
    assert_eq!(claims.unknown_fields(), u64::from(id.ends_with("both-pcr-fields")), "{id}");
    let listed = pcrs.as_object().expect("registers");
    assert_eq!(claims.pcrs().len(), listed.len(), "{id}");
    for (index, value) in listed {
        let actual = claims.pcrs().value(index.parse().expect("an index")).expect("a value");
        assert_eq!(Some(vectors::hex(actual)).as_deref(), value.as_str(), "{id} PCR {index}");
    }
    // What is not expected is refused: one byte less, none, or some where there are none.
    let fields = [claims.nonce(), claims.user_data(), claims.public_key()];
    let ids = ["nitro.document.nonce", "nitro.document.user-data", "nitro.document.public-key"];
    for (at, (value, check)) in fields.into_iter().zip(ids).enumerate() {
        let shorter = value.and_then(|value| value.split_last()).map(|(_, rest)| rest);
        for wrong in
            [Expected::Exactly(b"another"), shorter.map_or(Expected::Exactly(b""), Expected::Exactly)]
                .into_iter()
                .chain(value.map(|_| Expected::Absent))
        {
            let mut expectation = ANY;
            match at {
                0 => expectation.nonce = wrong,
                1 => expectation.user_data = wrong,
                _ => expectation.public_key = wrong,
            }
            let refused = verify(document, root, now, expectation).expect_err(id);
            assert!(matches!(refused.error, Error::Mismatch(_)), "{id}");
            assert_eq!(failed(&refused.checks), [check], "{id}");
        }
    }
}

/// Which rule of ours refuses what the manifest says must be refused.
const REFUSALS: &[(&str, &str)] = &[
    ("nitrotpm-alg-es256", "nitro.wire.algorithm"),
    ("nitrotpm-alg-only-unprotected", "nitro.wire.unprotected"),
    ("nitrotpm-before-window", "nitro.chain.validity"),
    ("nitrotpm-expired-now", "nitro.chain.validity"),
    ("nitrotpm-own-against-aws-root", "nitro.chain.issuer"),
    ("nitrotpm-own-bundle-order-reversed", "nitro.chain.order"),
    ("nitrotpm-own-duplicate-pcr-key", "form.duplicate"),
    ("nitrotpm-own-field-pcrs-only", "nitro.wire.kind"),
    ("nitrotpm-own-intermediate-expired", "nitro.chain.validity"),
    ("nitrotpm-own-no-module-id", "nitro.wire.module-id"),
    ("nitrotpm-own-pcr-32-bytes", "nitro.wire.pcr-length"),
    ("nitrotpm-own-pcr-empty-map", "nitro.wire.pcr-count"),
    ("nitrotpm-own-pcr-index-32", "nitro.wire.pcr-index"),
    ("nitrotpm-own-pcr-text-key", "nitro.wire.pcr-index"),
    ("nitrotpm-sig-flipped", "nitro.document.signature"),
    ("nitrotpm-truncated", "form.length"),
];

#[test]
fn nitrotpm_documents_come_out_as_published() {
    let Some(folder) = root().map(|root| root.join("tpm")) else { return };
    let manifest = json(&folder.join("manifest.json"));
    let cases = manifest["vectors"].as_array().expect("a list").iter();
    let mut seen = 0;
    for case in cases.filter(|case| case["kind"] == "nitrotpm-document") {
        let id = case["id"].as_str().unwrap();
        let [document, root] = ["document", "root"]
            .map(|name| read(&folder.join(case["files"][name].as_str().expect("a file"))));
        let now = case["verify_at_ms"].as_u64().unwrap_or_default() / 1000;
        let refusal = REFUSALS.iter().find(|(name, _)| *name == id).map(|(_, rule)| *rule);
        match (case["verdict"].as_str().unwrap(), refusal) {
            ("valid", None) => {
                let expected = &case["expected"];
                check_claims(id, &document, &root, now, expected, &expected["nitrotpm_pcrs"]);
                let verified = verify(&document, &root, now, ANY).unwrap();
                let ours = id.starts_with("nitrotpm-own");
                let root = if ours { Root::Caller } else { Root::CloudHypervisor };
                assert_eq!(
                    (verified.claims().kind(), verified.claims().root()),
                    (Kind::NitroTpm, root),
                    "{id}"
                );
                assert!(!verified.claims().debug_mode() && !verified.claims().fresh(), "{id}");
            }
            // A genuine enclave, where an instance is asked for.
            ("not-a-nitrotpm-document", None) => {
                let verified = verify(&document, &root, now, ANY).unwrap();
                assert_eq!(verified.claims().kind(), Kind::Enclave, "{id}");
                let policy = Policy::strict(Kind::NitroTpm, Registers::Any);
                let mut checks = Checks::new();
                policy.judge(verified.claims(), &mut checks);
                assert_eq!(failed(&checks), ["nitro.policy.kind", "nitro.policy.freshness"], "{id}");
            }
            (_, refusal) => {
                let actual = refused_by(verify(&document, &root, now, ANY), id);
                assert_eq!(Some(actual), refusal, "{id}");
            }
        }
        seen += 1;
    }
    println!("NitroTPM documents: {seen}");
    assert!(seen >= 20, "{seen}");
}

/// As above, for the second folder.
const ENCLAVE_REFUSALS: &[(&str, &str)] = &[
    ("m-alg-in-unprotected", "nitro.wire.unprotected"),
    ("m-cabundle-own-root-first", "nitro.chain.order"),
    ("m-cabundle-reversed", "nitro.chain.order"),
    ("m-crit-header", "nitro.wire.protected"),
    ("m-digest-sha256", "nitro.wire.digest"),
    ("m-expired", "nitro.chain.validity"),
    ("m-no-digest", "nitro.wire.fields"),
    ("m-nonce-bit", "nitro.document.signature"),
    ("m-pcr0-bit", "nitro.document.signature"),
    ("m-signature-zero", "nitro.document.signature"),
    ("m-timestamp-zero", "nitro.wire.timestamp"),
    ("m-trailing-byte", "form.length"),
    ("m-truncated", "form.length"),
    // The document specification allows 1024 bytes, so here it is the signature that refuses.
    ("m-user-data-513", "nitro.document.signature"),
];

#[test]
fn documents_of_enclaves_come_out_as_published() {
    let Some(folder) = root().map(|root| root.join("nitro")) else { return };
    let manifest = json(&folder.join("manifest.json"));
    let mut seen = 0;
    for case in manifest["entries"].as_array().expect("a list") {
        let id = case["id"].as_str().unwrap();
        let [document, root] =
            ["document", "root"].map(|name| read(&folder.join(case[name].as_str().unwrap())));
        let now = case["time"].as_u64().expect("a time");
        if case["expect"]["crypto"] == "accept" {
            let verified =
                verify(&document, &root, now, ANY).unwrap_or_else(|refused| panic!("{id}: {refused}"));
            assert_eq!(verified.claims().root(), Root::CloudHypervisor, "{id}");
            if let Some(debug) = case["expect"]["debug_mode"].as_bool() {
                assert_eq!(verified.claims().debug_mode(), debug, "{id}");
                check_claims(id, &document, &root, now, &case["fields"], &case["fields"]["pcrs"]);
                let nonce = octets(&case["fields"]["nonce"]);
                let expectation = Expectation::new(field(&nonce), Expected::Any, Expected::Any);
                let verified = verify(&document, &root, now, expectation).unwrap();
                let policy = Policy::strict(verified.claims().kind(), Registers::Any);
                let mut checks = Checks::new();
                policy.judge(verified.claims(), &mut checks);
                let expected = [
                    nonce.is_none().then_some("nitro.policy.freshness"),
                    debug.then_some("nitro.policy.debug"),
                ];
                assert_eq!(failed(&checks), expected.into_iter().flatten().collect::<Vec<_>>(), "{id}");
            }
        } else {
            let expected = ENCLAVE_REFUSALS.iter().find(|(name, _)| *name == id).map(|(_, rule)| *rule);
            assert_eq!(Some(refused_by(verify(&document, &root, now, ANY), id)), expected, "{id}");
        }
        seen += 1;
    }
    println!("documents of enclaves: {seen}");
    assert!(seen >= 20, "{seen}");
}

/// A genuine document stands for nothing but itself: turn a bit of any byte, cut or add any byte, and it is refused.
#[test]
fn no_altered_document_is_believed() {
    let Some(folder) = root().map(|root| root.join("tpm")) else { return };
    let document = read(&folder.join("nitrotpm-document/nitrotpm-vaportpm/document.cbor"));
    let root = read(&folder.join("roots/aws_nitro_root_g1.der"));
    let now = 1_770_113_522;
    verify(&document, &root, now, ANY).expect("the document as it is");
    let mut turned = document.clone();
    for at in 0..document.len() {
        turned[at] ^= 1 << (at % 8);
        assert!(verify(&turned, &root, now, ANY).is_err(), "byte {at}");
        turned[at] = document[at];
        let error = Document::parse(&document[..at]).expect_err("a document that is cut");
        assert!(error.offset <= at, "{at}: {error}");
    }
    let longer = [&document[..], &[0]].concat();
    assert_eq!(Document::parse(&longer).expect_err("one byte more").check_id(), "form.length");
}

#[test]
fn rules_of_a_policy_refuse_one_by_one() {
    let Some(folder) = root().map(|root| root.join("tpm")) else { return };
    let document = read(&folder.join("nitrotpm-document/nitrotpm-vaportpm/document.cbor"));
    let nonce = read(&folder.join("nitrotpm-document/nitrotpm-vaportpm/nonce.bin"));
    let root = read(&folder.join("roots/aws_nitro_root_g1.der"));
    let expectation = Expectation::new(Expected::Exactly(&nonce), Expected::Absent, Expected::Any);
    let verified = verify(&document, &root, 1_770_113_522 + 60, expectation).expect("a genuine document");
    let claims = verified.claims();
    let [four, seven] = [4, 7].map(|index| *claims.pcrs().value(index).unwrap());
    let registers = |four, seven| Registers::Listed([(4, four), (7, seven)].into_iter().collect());
    let strict = || Policy::strict(Kind::NitroTpm, registers(OneOf::only(four), OneOf::only(seven)));
    let judge = |policy: &Policy| {
        let mut checks = Checks::new();
        policy.judge(claims, &mut checks);
        assert_eq!(checks.len(), attest_core::tee::nitro::checks::policy::ALL.len(), "every rule has a line");
        failed(&checks)
    };
    assert_eq!(judge(&strict()), [""; 0]);
    assert_eq!(judge(&Policy::dangerously_any()), [""; 0]);
    type Change = fn(&mut Policy);
    let changes: [(&str, Change); 6] = [
        ("nitro.policy.kind", |policy| policy.kinds = OneOf::only(Kind::Enclave)),
        ("nitro.policy.root", |policy| policy.roots = OneOf::only(Root::Caller)),
        ("nitro.policy.age", |policy| policy.max_age_seconds = Limit::To(59)),
        ("nitro.policy.module-id", |policy| policy.module_ids = OneOf::only("i-0".into())),
        ("nitro.policy.instance", |policy| policy.instances = OneOf::Listed(Vec::new())),
        ("nitro.policy.pcr-24", |policy| {
            policy.pcrs = Registers::Listed([(24, OneOf::only([0; 48]))].into_iter().collect());
        }),
    ];
    for (check, change) in changes {
        let mut policy = strict();
        change(&mut policy);
        assert_eq!(judge(&policy), [check]);
    }
    let swapped = Policy::strict(Kind::NitroTpm, registers(OneOf::only(seven), OneOf::only(four)));
    assert_eq!(judge(&swapped), ["nitro.policy.pcr-4", "nitro.policy.pcr-7"]);
    let mut near = strict();
    near.max_age_seconds = Limit::To(60);
    near.instances = OneOf::only(claims.module_id().instance().into());
    near.module_ids = OneOf::only(claims.module_id().as_str().into());
    assert_eq!(judge(&near), [""; 0]);
}

/// A policy of JSON is the same when written and read again; an index that is none, or stands twice, is an error.
#[cfg(feature = "json")]
#[test]
fn a_policy_has_one_form() {
    let listed =
        |index| Registers::Listed([(index, OneOf::only([0xab; 48])), (7, OneOf::Any)].into_iter().collect());
    for policy in [Policy::strict(Kind::Enclave, listed(0)), Policy::strict(Kind::NitroTpm, Registers::Any)] {
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy, "{text}");
    }
    let good = serde_json::to_string(&Policy::strict(Kind::Enclave, listed(31))).unwrap();
    assert!(
        good.contains("\"31\"")
            && good.contains("cloud-hypervisor")
            && good.contains("\"kinds\":[\"enclave\"]"),
        "{good}"
    );
    for bad in ["\"32\"", "\"031\"", "\"+3\"", "\"-1\"", "\"\"", "\"pcr31\"", "\"7\""] {
        let text = good.replace("\"31\"", bad);
        assert!(serde_json::from_str::<Policy>(&text).is_err(), "{bad}");
    }
    for (from, to) in [
        ("\"debug_mode\":\"refuse\",", ""),
        ("\"enclave\"", "\"Enclave\""),
        ("{\"kinds", "{\"new\":1,\"kinds"),
    ] {
        assert!(good.contains(from));
        assert!(serde_json::from_str::<Policy>(&good.replace(from, to)).is_err(), "{from}");
    }
}
