//! Bundles and signature files: generated ones, and those that other programs made with altered copies of them. The folder of the
//! others is named by ATTESTRAP_REAL_VECTORS; none of it is kept here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::{BUILT_IN, CryptoProvider};
use attest_measurements::trust::bundle::{self, Signer};
use attest_measurements::trust::merkle::{verify_consistency, verify_inclusion};
use attest_measurements::trust::{Identity, Step, TrustError, TrustRoot, VerifyingKey, blob};
use base64ct::{Base64, Encoding as _};
use serde_json::Value;

/// After all of them were signed.
const NOW: u64 = 1_790_000_000;

fn root() -> Option<PathBuf> {
    let root = vectors::real().map(|root| root.join("measure"));
    if root.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS does not name the folder of real documents");
    }
    root
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn cases(root: &Path, file: &str) -> Vec<Value> {
    let cases: Value = serde_json::from_slice(&read(&root.join(file))).expect("JSON");
    cases["cases"].as_array().expect("cases").clone()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{}: {key}", case["id"]))
}

fn unbase64(text: &str) -> Vec<u8> {
    Base64::decode_vec(text).expect("base64")
}

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW))
}

fn trusted_root(file: &Path, provider: &CryptoProvider) -> TrustRoot {
    TrustRoot::from_json(&read(file), provider).expect("a trusted root")
}

fn judge(root: &Path, case: &Value, provider: &CryptoProvider) -> Result<Option<u64>, TrustError> {
    let artifact = read(&root.join(text(case, "artifact")));
    let bundle = read(&root.join(text(case, "bundle")));
    let trust = trusted_root(&root.join(text(case, "trusted_root")), provider);
    let identity = match (case["identity"].as_str(), case["issuer"].as_str()) {
        (Some(subject), Some(issuer)) => Identity::exactly(subject, issuer),
        _ => Identity::DangerouslyAnyone,
    };
    let key;
    let signer = match text(case, "mode") {
        "key" => {
            key = VerifyingKey::from_pem(&read(&root.join(text(case, "public_key"))))?;
            Signer::Key(&key)
        }
        "keyless" => Signer::Identity(&identity),
        mode => panic!("{mode}"),
    };
    let trusted = bundle::verify(&bundle, &artifact, signer, &trust, now(), provider)?;
    assert_eq!(trusted.bytes(), artifact);
    Ok(trusted.signed_at())
}

#[test]
fn generated_bundles_are_refused_by_their_steps() {
    let root = vectors::folder("measurements");
    let all = cases(&root, "bundles.json");
    for provider in BUILT_IN {
        for case in &all {
            let (id, outcome) = (text(case, "id"), judge(&root, case, provider));
            match case["expect"]["step"].as_str() {
                None if case["expect"]["form"] == true => {
                    assert!(matches!(outcome, Err(TrustError::Form(_))), "{id}: {outcome:?}");
                }
                None => assert_eq!(outcome, Ok(Some(1_767_225_603)), "{id}"),
                Some(step) => {
                    let error = outcome.expect_err(id);
                    let found = error.step().map(|step| step.to_string());
                    assert_eq!(found.as_deref(), Some(step), "{id}: {error}");
                }
            }
        }
    }
    let valid = all.iter().filter(|case| case["expect"]["valid"] == true).count();
    assert!(valid >= 10 && all.len() >= valid + 60, "{valid} of {}", all.len());
}

#[test]
fn a_trusted_root_has_one_form() {
    let json: Value =
        serde_json::from_slice(&read(&vectors::folder("measurements").join("roots/all.json"))).expect("JSON");
    let provider = BUILT_IN[0];
    let with = |path: &str, value: Value| {
        let mut json = json.clone();
        *json.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
        TrustRoot::from_json(json.to_string().as_bytes(), provider).map(drop)
    };
    assert_eq!(with("/tlogs", json["tlogs"].clone()), Ok(()));
    let other_id = json["ctlogs"][0]["logId"]["keyId"].clone();
    for (path, value, word) in [
        ("/mediaType", "application/json".into(), "version 0.1 or 0.2"),
        ("/tlogs/0/hashAlgorithm", "SHA2_384".into(), "expected SHA2_256"),
        ("/tlogs/0/logId/keyId", other_id, "expected SHA-256 of the key"),
        ("/tlogs/0/baseUrl", "http://log.test".into(), "an address with https://"),
        ("/tlogs/0/publicKey/validFor/start", "2025-01-01T00:00:00+00:00".into(), "expected a time"),
        ("/tlogs/0/publicKey/validFor/start", "2025-01-01T00:00:00.Z".into(), "expected a time"),
        ("/tlogs/0/publicKey/validFor/start", Value::Null, "expected text"),
        ("/certificateAuthorities/0/certChain/certificates", Value::Array(Vec::new()), "is empty"),
        ("/timestampAuthorities/0", serde_json::json!({"more": 1}), "unknown key"),
    ] {
        let error = with(path, value).expect_err(path).to_string();
        assert!(error.contains(word), "{path}: {error}");
    }
    for path in ["/certificateAuthorities", "/timestampAuthorities"] {
        let path = format!("{path}/0/certChain/certificates/0/rawBytes");
        assert!(matches!(with(&path, "MAA=".into()), Err(TrustError::Malformed(_))), "{path}");
    }
    let unused = with("/tlogs/0/publicKey/keyDetails", "PKIX_ED25519".into());
    assert_eq!(unused, Ok(()), "a log that nothing here can use is in the root all the same");
    let root = vectors::folder("measurements");
    let case = cases(&root, "bundles.json").into_iter().find(|case| case["id"] == "root-log-ed25519");
    let error = judge(&root, &case.expect("the case"), provider).expect_err("refused");
    assert!(matches!(error, TrustError::UnsupportedForm { step: Step::Log, .. }), "{error}");

    let chain: Vec<Vec<u8>> = json["timestampAuthorities"][0]["certChain"]["certificates"]
        .as_array()
        .expect("certificates")
        .iter()
        .map(|item| unbase64(text(item, "rawBytes")))
        .collect();
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    let validity = attest_measurements::trust::Validity::new(0, attest_core::rules::Limit::Any);
    let add = |chain: &[&[u8]]| TrustRoot::none().add_timestamp_authority(chain, validity);
    assert_eq!(add(&chain), Ok(()));
    assert_eq!(add(&chain[..1]).expect_err("no root").step(), Some(Step::Timestamp));
    assert_eq!(add(&[]).expect_err("nothing").step(), Some(Step::Timestamp));
    assert!(matches!(add(&[chain[0], b"x"]), Err(TrustError::Malformed(_))));
}

#[test]
fn bundles_are_judged_as_their_makers_say() {
    let Some(root) = root() else { return };
    let steps = [
        ("sigstore-managed-key-signature-flip", Step::Signature),
        ("sigstore-managed-key-set-flip", Step::Promise),
        ("sigstore-managed-key-integrated-time", Step::Promise),
        ("sigstore-managed-key-proof-node", Step::InclusionProof),
        ("sigstore-managed-key-checkpoint-size", Step::Checkpoint),
        ("sigstore-managed-key-body-other-hash", Step::LogEntry),
        ("sigstore-managed-key-no-tlog", Step::LogEntry),
        ("sigstore-managed-key-other-artifact", Step::ArtifactDigest),
        ("sigstore-managed-key-other-key", Step::Signature),
        ("sigstore-keyless-other-artifact", Step::Statement),
        ("sigstore-keyless-with-key-policy", Step::Identity),
        ("sigstore-keyless-no-tlog", Step::LogEntry),
    ];
    for provider in BUILT_IN {
        let mut valid = 0;
        for case in cases(&root, "sigstore/cases.json") {
            let id = text(&case, "id");
            let outcome = judge(&root, &case, provider);
            if case["expect"]["valid"] == true {
                valid += 1;
                let time = outcome.unwrap_or_else(|error| panic!("{id}: {error}"));
                assert!(time == Some(1_766_077_479) || time == Some(1_756_728_839), "{id}: {time:?}");
                continue;
            }
            let error = outcome.expect_err(id);
            let step = steps.iter().find(|(known, _)| *known == id).unwrap_or_else(|| panic!("{id}"));
            assert_eq!(error.step(), Some(step.1), "{id}: {error}");
        }
        assert_eq!(valid, 2);
    }
}

#[test]
fn an_identity_is_compared() {
    let Some(root) = root() else { return };
    let provider = BUILT_IN[0];
    let (bundle, artifact) = ("sigstore/keyless-good.json", "sigstore/pkg.conda");
    let (bundle, artifact) = (read(&root.join(bundle)), read(&root.join(artifact)));
    let trust = trusted_root(&root.join("sigstore/trusted-root-public-good.json"), provider);
    let subject =
        "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main";
    let issuer = "https://token.actions.githubusercontent.com";
    let judge = |subject: &str, issuer: &str| {
        let identity = Identity::exactly(subject, issuer);
        bundle::verify(&bundle, &artifact, Signer::Identity(&identity), &trust, now(), provider).map(drop)
    };
    assert_eq!(judge(subject, issuer), Ok(()));
    for (subject, issuer) in [
        ("", issuer),
        (&subject[1..], issuer),
        (&subject[..subject.len() - 1], issuer),
        (&format!("{subject}x"), issuer),
        (subject, ""),
        (subject, "https://accounts.example"),
    ] {
        assert_eq!(judge(subject, issuer).unwrap_err().step(), Some(Step::Identity), "{subject} {issuer}");
    }
}

/// What the root does not have, nobody vouches for.
#[test]
fn a_root_without_its_parts_believes_nothing() {
    let Some(root) = root() else { return };
    let provider = BUILT_IN[0];
    let json: Value =
        serde_json::from_slice(&read(&root.join("sigstore/trusted-root-public-good.json"))).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut json = json.clone();
        change(&mut json);
        TrustRoot::from_json(json.to_string().as_bytes(), provider).expect("a trusted root")
    };
    let (bundle, artifact) =
        (read(&root.join("sigstore/keyless-good.json")), read(&root.join("sigstore/pkg.conda")));
    let keyless = |trust: &TrustRoot, now: u64| {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let signer = Signer::Identity(&Identity::DangerouslyAnyone);
        bundle::verify(&bundle, &artifact, signer, trust, now, provider).map(drop)
    };
    assert_eq!(keyless(&with(&|_| {}), NOW), Ok(()));
    let end = |index: usize, list: &'static str, end: &'static str| {
        move |json: &mut Value| {
            let entry = &mut json[list][index];
            let holder = if entry["publicKey"].is_null() { entry } else { &mut entry["publicKey"] };
            holder["validFor"]["end"] = end.into();
        }
    };
    let without = |list: &'static str| move |json: &mut Value| json[list] = Value::Array(Vec::new());
    // The other authority, whose names are the same.
    let exchanged = |json: &mut Value| {
        let other = json["certificateAuthorities"][0].clone();
        json["certificateAuthorities"][1]["certChain"] = other["certChain"].clone();
    };
    let refused = |change: &dyn Fn(&mut Value), step: Step| {
        let error = keyless(&with(change), NOW).expect_err("refused");
        assert_eq!(error.step(), Some(step), "{error}");
    };
    refused(&without("tlogs"), Step::Log);
    refused(&|json| drop(json.as_object_mut().unwrap().remove("tlogs")), Step::Log);
    refused(&end(0, "tlogs", "2025-08-31T00:00:00Z"), Step::Log);
    refused(&without("certificateAuthorities"), Step::Certificate);
    refused(&end(1, "certificateAuthorities", "2025-08-31T00:00:00Z"), Step::Certificate);
    refused(&exchanged, Step::Certificate);
    refused(&without("ctlogs"), Step::CertificateLog);
    refused(&end(1, "ctlogs", "2025-08-31T00:00:00.999Z"), Step::CertificateLog);
    assert_eq!(keyless(&with(&|_| {}), 1_756_728_839 - 301).unwrap_err().step(), Some(Step::Time));
    assert_eq!(keyless(&with(&|_| {}), 1_756_728_839 - 300), Ok(()));

    let (bundle, artifact, key) = (
        read(&root.join("sigstore/managed-key-good.json")),
        read(&root.join("sigstore/artifact.txt")),
        VerifyingKey::from_pem(&read(&root.join("sigstore/key.pub"))).unwrap(),
    );
    let managed = |bundle: &[u8], trust: &TrustRoot| {
        bundle::verify(bundle, &artifact, Signer::Key(&key), trust, now(), provider).map(drop)
    };
    let good = with(&|_| {});
    assert_eq!(managed(&bundle, &good), Ok(()));
    // The bundle has a timestamp: with an authority that did not sign it, it is refused; without any, it does not count.
    let late = with(&end(0, "timestampAuthorities", "2025-08-31T00:00:00Z"));
    assert_eq!(managed(&bundle, &late).unwrap_err().step(), Some(Step::Timestamp));
    let foreign = with(&|json| {
        let other = json["certificateAuthorities"][1]["certChain"].clone();
        json["timestampAuthorities"][0]["certChain"] = other;
    });
    assert_eq!(managed(&bundle, &foreign).unwrap_err().step(), Some(Step::Timestamp));
    assert_eq!(
        managed(&bundle, &with(&|json| json["timestampAuthorities"] = Value::Array(Vec::new()))),
        Ok(())
    );

    // Without a promise the timestamp is the time; without both there is none.
    let json: Value = serde_json::from_slice(&bundle).unwrap();
    let mut unpromised = json.clone();
    let entry = &mut unpromised["verificationMaterial"]["tlogEntries"][0];
    entry.as_object_mut().unwrap().remove("inclusionPromise");
    assert_eq!(managed(unpromised.to_string().as_bytes(), &good), Ok(()));
    unpromised["verificationMaterial"].as_object_mut().unwrap().remove("timestampVerificationData");
    let error = managed(unpromised.to_string().as_bytes(), &good).unwrap_err();
    assert_eq!(error.step(), Some(Step::Time), "{error}");
    let mut unproven = json.clone();
    let entry = &mut unproven["verificationMaterial"]["tlogEntries"][0];
    entry.as_object_mut().unwrap().remove("inclusionProof");
    assert!(matches!(managed(unproven.to_string().as_bytes(), &good), Err(TrustError::Form(_))));
}

/// Each octet of a timestamp counts, but for those in the structure around it that nothing depends on.
#[test]
fn an_altered_timestamp_is_refused() {
    let Some(root) = root() else { return };
    let provider = BUILT_IN[0];
    let json: Value = serde_json::from_slice(&read(&root.join("sigstore/managed-key-good.json"))).unwrap();
    let artifact = read(&root.join("sigstore/artifact.txt"));
    let key = VerifyingKey::from_pem(&read(&root.join("sigstore/key.pub"))).unwrap();
    let trust = trusted_root(&root.join("sigstore/trusted-root-public-good.json"), provider);
    let path = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    let response = unbase64(json.pointer(path).unwrap().as_str().unwrap());
    let judge = |response: &[u8]| {
        let mut json = json.clone();
        *json.pointer_mut(path).unwrap() = Base64::encode_string(response).into();
        let bundle = json.to_string();
        bundle::verify(bundle.as_bytes(), &artifact, Signer::Key(&key), &trust, now(), provider).map(drop)
    };
    assert_eq!(judge(&response), Ok(()));
    let mut passed = Vec::new();
    for at in 0..response.len() {
        let mut altered = response.clone();
        altered[at] ^= 1;
        match judge(&altered) {
            Ok(()) => passed.push(at),
            Err(error) => assert_eq!(error.step(), Some(Step::Timestamp), "{at}: {error}"),
        }
    }
    // granted or granted with modifications; version of SignedData; digestAlgorithms; no certificates or no CRLs; version of
    // SignerInfo.
    let free: Vec<usize> = [8, 34].into_iter().chain(37..50).chain([236, 248]).collect();
    assert!(passed.iter().all(|at| free.contains(at)), "{passed:?}");
    for len in 0..response.len() {
        assert_eq!(judge(&response[..len]).unwrap_err().step(), Some(Step::Timestamp), "cut to {len}");
    }
}

#[test]
fn signature_files_are_judged_as_openssl_does() {
    let Some(root) = root() else { return };
    for provider in BUILT_IN {
        let mut valid = 0;
        for case in cases(&root, "manifest-sig/cases.json") {
            let id = text(&case, "id");
            let manifest = unbase64(text(&case, "manifest_base64"));
            let key = VerifyingKey::from_pem(text(&case, "public_key_pem").as_bytes()).expect(id);
            let outcome = blob::verify(&manifest, text(&case, "signature_base64").as_bytes(), &key, provider);
            match case["expect"]["valid"] == true {
                true => {
                    valid += 1;
                    assert_eq!(outcome.unwrap_or_else(|error| panic!("{id}: {error}")).bytes(), manifest);
                }
                false => assert_eq!(outcome.expect_err(id).step(), Some(Step::Signature), "{id}"),
            }
        }
        assert_eq!(valid, 3);
    }
}

#[test]
fn proofs_are_judged_as_their_makers_say() {
    let Some(root) = root() else { return };
    let provider = BUILT_IN[0];
    let list = |value: &Value| -> Vec<Vec<u8>> {
        value.as_array().into_iter().flatten().map(|hash| unbase64(hash.as_str().expect("text"))).collect()
    };
    let mut judged = [0_usize; 2];
    let hash = |case: &Value, key: &str| unbase64(text(case, key));
    let number = |case: &Value, key: &str| case[key].as_u64().expect("a number");
    let count = |file: &str, judged: &mut usize, judge: &dyn Fn(&Value) -> bool| {
        let cases: Value = serde_json::from_slice(&read(&root.join("sigstore").join(file))).expect("JSON");
        for case in cases["cases"].as_array().expect("cases") {
            // Two empty trees with roots that are no digests: RFC 9162, 2.1.4 proves trees from one leaf on.
            let empty = case["size1"] == 0 && case["size2"] == 0;
            assert_eq!(judge(case), case["wantErr"] == false && !empty, "{}", case["name"]);
            *judged += 1;
        }
    };
    let [inclusion, consistency] = &mut judged;
    count("merkle-inclusion.json", inclusion, &|case| {
        let (index, size) = (number(case, "leafIdx"), number(case, "treeSize"));
        let (leaf, root) = (hash(case, "leafHash"), hash(case, "root"));
        verify_inclusion(&leaf, index, size, &list(&case["proof"]), &root, provider).is_ok()
    });
    count("merkle-consistency.json", consistency, &|case| {
        let (first, second) = (number(case, "size1"), number(case, "size2"));
        let (one, two) = (hash(case, "root1"), hash(case, "root2"));
        verify_consistency(first, second, &list(&case["proof"]), &one, &two, provider).is_ok()
    });
    println!("{inclusion} inclusion proofs, {consistency} consistency proofs");
    assert!(*inclusion > 10 && *consistency > 10);
}
