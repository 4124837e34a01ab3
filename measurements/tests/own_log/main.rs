//! Bundles of a log of our own: what it takes to believe one, and what any step that is bent does.

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::rules::Limit;
use attest_measurements::trust::bundle::{self, Signer};
use attest_measurements::trust::merkle::{ProofError, verify_consistency, verify_inclusion};
use attest_measurements::trust::{Step, TrustError, TrustRoot, Validity, blob};
use serde_json::{Value, json};

mod log;

use log::{ARTIFACT, Bundle, Key, NAME, TIME, encode, provider, root_with, sha256};
use vectors_generate::sigstore::{head, proof};

fn judge_with(made: &Value, root: &TrustRoot) -> Result<Option<u64>, TrustError> {
    let (key, now) = (Key::new(1).public(), UnixTime::since_unix_epoch(Duration::from_secs(TIME)));
    let text = made.to_string();
    bundle::verify(text.as_bytes(), ARTIFACT, Signer::Key(&key), root, now, provider())
        .map(|trusted| trusted.signed_at())
}

fn judge(made: &Value) -> Result<Option<u64>, TrustError> {
    judge_with(made, &root_with(&Key::new(2)))
}

#[track_caller]
fn refused(made: &Value, step: Step) {
    let error = judge(made).expect_err("refused");
    assert_eq!(error.step(), Some(step), "{error}");
}

#[track_caller]
fn malformed(made: &Value, word: &str) {
    match judge(made) {
        Err(TrustError::Form(error)) => assert!(error.to_string().contains(word), "{error}"),
        other => panic!("{other:?}"),
    }
}

fn bent(bend: impl FnOnce(&mut Bundle)) -> Value {
    let mut bundle = Bundle::new();
    bend(&mut bundle);
    bundle.make()
}

/// A bundle that is good but for what `change` does to its one entry afterwards.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut made = Bundle::new().make();
    change(&mut made["verificationMaterial"]["tlogEntries"][0]);
    made
}

#[test]
fn a_good_bundle_is_believed() {
    assert_eq!(judge(&Bundle::new().make()), Ok(Some(TIME)));
    for index in 0..11 {
        assert_eq!(judge(&bent(|bundle| bundle.index = index)), Ok(Some(TIME)), "{index}");
    }
    // A tree of one leaf has an empty proof, and protobuf leaves out numbers that are zero.
    let mut alone = bent(|bundle| (bundle.leaves, bundle.index) = (vec![vec![0]], 0));
    let proof = &mut alone["verificationMaterial"]["tlogEntries"][0]["inclusionProof"];
    proof.as_object_mut().unwrap().remove("logIndex");
    proof.as_object_mut().unwrap().remove("hashes");
    assert_eq!(judge(&alone), Ok(Some(TIME)));
}

#[test]
fn an_entry_must_be_about_this_signature() {
    let body = |change: &dyn Fn(&mut Value)| {
        bent(|bundle| {
            let mut body = bundle.standard_body();
            change(&mut body);
            (bundle.body, bundle.own_body) = (body, true);
        })
    };
    assert_eq!(judge(&body(&|_| {})), Ok(Some(TIME)));
    let other = encode(Key::new(3).pem().as_bytes());
    let signature = encode(&Key::new(1).sign(b"something else"));
    for change in [
        &|body: &mut Value| body["spec"]["data"]["hash"]["value"] = vectors::hex(&[7; 32]).into(),
        &|body: &mut Value| body["spec"]["data"]["hash"]["value"] = "".into(),
        &|body: &mut Value| body["spec"]["signature"]["content"] = signature.clone().into(),
        &|body: &mut Value| body["spec"]["signature"]["content"] = "".into(),
        &|body: &mut Value| body["spec"]["signature"]["publicKey"]["content"] = other.clone().into(),
        &|body: &mut Value| body["spec"]["signature"]["publicKey"]["content"] = "".into(),
        &|body: &mut Value| body["kind"] = "rekord".into(),
        &|body: &mut Value| body["apiVersion"] = "0.0.2".into(),
    ] as [&dyn Fn(&mut Value); 8]
    {
        refused(&body(change), Step::LogEntry);
    }
    malformed(&body(&|body| body["spec"]["data"]["hash"]["algorithm"] = "sha1".into()), "expected sha256");
    malformed(&body(&|body| body["spec"]["data"]["hash"]["second"] = 1.into()), "unknown key");
    malformed(&body(&|body| body["spec"]["data"] = Value::Null), "expected a map");
    let renamed = |kind: &str, version: &str| {
        bent(|bundle| {
            let mut body = bundle.standard_body();
            (body["kind"], body["apiVersion"]) = (kind.into(), version.into());
            (bundle.kind, bundle.body, bundle.own_body) = ((kind.into(), version.into()), body, true);
        })
    };
    for (kind, version) in
        [("dsse", "0.0.1"), ("hashedrekord", "0.0.2"), ("intoto", "0.0.2"), ("rekord", "0.0.1")]
    {
        refused(&renamed(kind, version), Step::LogEntry);
    }
    // The entry of another artifact, which the same log has.
    let mut other = Bundle::new();
    other.artifact = b"another".into();
    let mut made = Bundle::new().make();
    made["verificationMaterial"]["tlogEntries"][0] = other.entry();
    refused(&made, Step::LogEntry);
}

#[test]
fn the_log_must_have_it() {
    refused(&bent(|bundle| bundle.log = Key::new(3)), Step::Log);
    refused(&changed(|entry| entry["logId"]["keyId"] = encode(&Key::new(3).id()).into()), Step::Log);
    refused(&changed(|entry| entry["logId"]["keyId"] = "".into()), Step::Log);
    let proof = |change: &dyn Fn(&mut Value)| changed(|entry| change(&mut entry["inclusionProof"]));
    for change in [
        &|proof: &mut Value| proof["logIndex"] = "5".into(),
        &|proof: &mut Value| proof["logIndex"] = "11".into(),
        &|proof: &mut Value| proof["logIndex"] = u64::MAX.to_string().into(),
        &|proof: &mut Value| proof["hashes"] = json!([]),
        &|proof: &mut Value| proof["hashes"].as_array_mut().unwrap().push(encode(&[0; 32]).into()),
        &|proof: &mut Value| proof["hashes"].as_array_mut().unwrap().truncate(3),
        &|proof: &mut Value| proof["hashes"].as_array_mut().unwrap().swap(0, 1),
        &|proof: &mut Value| proof["hashes"][0] = encode(&[0; 32]).into(),
        &|proof: &mut Value| proof["hashes"][0] = encode(&[0; 31]).into(),
        &|proof: &mut Value| proof["hashes"] = vec![encode(&[0; 32]); 200].into(),
    ] as [&dyn Fn(&mut Value); 10]
    {
        refused(&proof(change), Step::InclusionProof);
    }
    for change in [
        &|proof: &mut Value| proof["treeSize"] = "12".into(),
        &|proof: &mut Value| proof["treeSize"] = "0".into(),
        &|proof: &mut Value| proof["rootHash"] = encode(&[0; 32]).into(),
        &|proof: &mut Value| proof["rootHash"] = "".into(),
    ] as [&dyn Fn(&mut Value); 4]
    {
        refused(&proof(change), Step::Checkpoint);
    }
    malformed(
        &proof(&|proof| drop(proof.as_object_mut().unwrap().remove("checkpoint"))),
        "has no \"checkpoint\"",
    );
    malformed(
        &proof(&|proof| drop(proof.as_object_mut().unwrap().remove("treeSize"))),
        "has no \"treeSize\"",
    );
    malformed(&proof(&|proof| proof["hashes"][0] = encode(&[0; 33]).into()), "at most 32 bytes");
    malformed(
        &changed(|entry| drop(entry.as_object_mut().unwrap().remove("inclusionProof"))),
        "has no \"inclusionProof\"",
    );
    malformed(&changed(|entry| entry["inclusionProof"] = Value::Null), "expected a map");
}

#[test]
fn the_head_must_be_signed_by_the_log() {
    let envelope = |change: &dyn Fn(&str) -> String| {
        changed(|entry| {
            let note = &mut entry["inclusionProof"]["checkpoint"]["envelope"];
            *note = change(note.as_str().unwrap()).into();
        })
    };
    assert_eq!(judge(&envelope(&|note| note.into())), Ok(Some(TIME)));
    // The signature of a witness stands beside the log's.
    let witness = format!("\u{2014} witness.example {}\n", encode(&[1, 2, 3, 4, 5]));
    assert_eq!(judge(&envelope(&|note| format!("{note}{witness}"))), Ok(Some(TIME)));
    // Room for fifteen witnesses with keys of today, and not for fifteen of any size.
    let witness_of = |octets: usize| format!("\u{2014} witness.example {}\n", encode(&vec![1; octets]));
    let crowd = |octets: usize| envelope(&|note| format!("{note}{}", witness_of(octets).repeat(15)));
    assert_eq!(judge(&crowd(100)), Ok(Some(TIME)));
    refused(&crowd(400), Step::Checkpoint);
    for change in [
        &|note: &str| note.replace("\n11\n", "\n12\n"),
        &|note: &str| note.replace(" - 42", " - 43"),
        &|note: &str| note.replace("\n\n", "\nmore\n\n"),
        &|note: &str| note.replace("\n\n", "\n"),
        &|note: &str| note.trim_end().into(),
        &|note: &str| format!("{note}\n"),
        &|note: &str| note.replace('\u{2014}', "-"),
        &|note: &str| note.split_once("\n\n").unwrap().0.to_owned() + "\n\n",
        &|note: &str| note.split_once("\n\n").unwrap().0.to_owned() + "\n\n" + &witness,
        &|note: &str| note.replace("\u{2014} log.example ", "\u{2014} log.example"),
        &|note: &str| note.replace("\u{2014} log.example ", "\u{2014} other.example "),
        &|note: &str| format!("{note}{}", witness.repeat(16)),
        &|note: &str| format!("{note}{}", "x".repeat(9000)),
        &|_: &str| "x".into(),
    ] as [&dyn Fn(&str) -> String; 14]
    {
        refused(&envelope(change), Step::Checkpoint);
    }
    // Signed by the log, and the head of something else.
    refused(&bent(|bundle| bundle.origin = "other.example".into()), Step::Checkpoint);
    refused(&bent(|bundle| bundle.origin = "log.example.org - 42".into()), Step::Checkpoint);
    assert_eq!(judge(&bent(|bundle| bundle.origin = NAME.into())), Ok(Some(TIME)));
    refused(&bent(|bundle| bundle.name = "other.example".into()), Step::Checkpoint);
    let bundle = Bundle::new();
    let foreign = bundle.checkpoint(11, &[0; 32]);
    refused(&envelope(&|_| foreign.clone()), Step::Checkpoint);
    let leaves: Vec<_> = bundle.leaves.iter().map(|leaf| sha256(&[&[0], leaf])).collect();
    let of_another_tree = bundle.checkpoint(11, &head(&leaves));
    refused(&envelope(&|_| of_another_tree.clone()), Step::Checkpoint);
}

#[test]
fn somebody_must_vouch_for_the_time() {
    for change in [
        &|entry: &mut Value| entry["integratedTime"] = (TIME + 1).to_string().into(),
        &|entry: &mut Value| entry["integratedTime"] = "0".into(),
        &|entry: &mut Value| drop(entry.as_object_mut().unwrap().remove("integratedTime")),
        &|entry: &mut Value| entry["logIndex"] = "1008".into(),
        &|entry: &mut Value| {
            entry["inclusionPromise"]["signedEntryTimestamp"] = encode(&Key::new(2).sign(b"x")).into()
        },
        &|entry: &mut Value| entry["inclusionPromise"]["signedEntryTimestamp"] = "".into(),
    ] as [&dyn Fn(&mut Value); 6]
    {
        refused(&changed(change), Step::Promise);
    }
    refused(&bent(|bundle| bundle.promise = false), Step::Time);
    malformed(&changed(|entry| entry["inclusionPromise"] = json!({})), "has no \"signedEntryTimestamp\"");
    malformed(&changed(|entry| entry["integratedTime"] = "-1".into()), "expected decimal digits");
    // A good signature over a time that cannot be.
    refused(&bent(|bundle| bundle.time = TIME + 301), Step::Time);
    refused(&bent(|bundle| bundle.time = TIME - 101), Step::Log);
    refused(&bent(|bundle| bundle.time = TIME + 101), Step::Log);
    assert_eq!(judge(&bent(|bundle| bundle.time = TIME + 100)), Ok(Some(TIME + 100)));
    assert_eq!(judge(&bent(|bundle| bundle.time = TIME - 100)), Ok(Some(TIME - 100)));
    // Nobody here has a timestamp authority, so a timestamp is nobody's word.
    let mut stamped = bent(|bundle| bundle.promise = false);
    stamped["verificationMaterial"]["timestampVerificationData"] =
        json!({"rfc3161Timestamps": [{"signedTimestamp": "MAA="}]});
    refused(&stamped, Step::Time);
}

#[test]
fn every_entry_counts() {
    let mut made = Bundle::new().make();
    let good = made["verificationMaterial"]["tlogEntries"][0].clone();
    let entries = |entries: Value, made: &mut Value| made["verificationMaterial"]["tlogEntries"] = entries;
    let mut bad = good.clone();
    bad["integratedTime"] = "5".into();
    for list in [json!([bad, good]), json!([good, bad])] {
        entries(list, &mut made);
        refused(&made, Step::Promise);
    }
    entries(json!([good, good]), &mut made);
    assert_eq!(judge(&made), Ok(Some(TIME)));
    entries(vec![good.clone(); 9].into(), &mut made);
    malformed(&made, "at most 8 witnesses");
    entries(json!([]), &mut made);
    refused(&made, Step::LogEntry);
    made["verificationMaterial"].as_object_mut().unwrap().remove("tlogEntries");
    refused(&made, Step::LogEntry);
}

#[test]
fn the_bundle_must_have_the_one_form() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut made = Bundle::new().make();
        change(&mut made);
        made
    };
    for (change, word) in [
        (
            &(|made: &mut Value| made["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.2+json".into())
                as &dyn Fn(&mut Value),
            "version 0.3",
        ),
        (&|made| made["mediaType"] = Value::Null, "expected text"),
        (&|made| made["extra"] = 1.into(), "unknown key"),
        (
            &|made| made["verificationMaterial"]["certificate"] = json!({"rawBytes": ""}),
            "either publicKey or certificate",
        ),
        (&|made| made["dsseEnvelope"] = json!({}), "either messageSignature or dsseEnvelope"),
        (
            &|made| drop(made.as_object_mut().unwrap().remove("messageSignature")),
            "either messageSignature or dsseEnvelope",
        ),
        (
            &|made| drop(made["verificationMaterial"].as_object_mut().unwrap().remove("publicKey")),
            "either publicKey or certificate",
        ),
        (&|made| made["messageSignature"]["messageDigest"]["algorithm"] = "SHA2_512".into(), "SHA2_256"),
        (&|made| made["messageSignature"]["signature"] = "MEU".into(), "base64 with padding"),
        (
            &|made| drop(made["messageSignature"].as_object_mut().unwrap().remove("messageDigest")),
            "has no \"messageDigest\"",
        ),
        (
            &|made| {
                made["verificationMaterial"]["timestampVerificationData"] =
                    json!({"rfc3161Timestamps": vec![json!({}); 9]})
            },
            "at most 8",
        ),
    ] {
        malformed(&changed(change), word);
    }
    refused(
        &changed(&|made| made["messageSignature"]["messageDigest"]["digest"] = "".into()),
        Step::ArtifactDigest,
    );
    refused(
        &changed(&|made| made["messageSignature"]["messageDigest"]["digest"] = encode(&[0; 32]).into()),
        Step::ArtifactDigest,
    );
    refused(&changed(&|made| made["messageSignature"]["signature"] = "".into()), Step::Signature);
    refused(&bent(|bundle| bundle.signer = Key::new(3)), Step::Signature);
    // Signed by the right key over something else, with an entry that fits the artifact.
    let other = encode(&Key::new(1).sign(b"other"));
    refused(&changed(&|made| made["messageSignature"]["signature"] = other.clone().into()), Step::Signature);
    let text = Bundle::new().make().to_string();
    let doubled = text.replacen("{\"mediaType\"", "{\"mediaType\":1,\"mediaType\"", 1);
    assert_ne!(doubled, text);
    let root = root_with(&Key::new(2));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(TIME));
    let judge = |bytes: &[u8]| {
        bundle::verify(bytes, ARTIFACT, Signer::Key(&Key::new(1).public()), &root, now, provider())
    };
    assert!(matches!(judge(doubled.as_bytes()), Err(TrustError::Form(_))));
    assert!(judge(text.as_bytes()).is_ok());
    for len in (0..text.len()).step_by(7) {
        assert!(matches!(judge(&text.as_bytes()[..len]), Err(TrustError::Form(_))), "cut to {len}");
    }
}

#[test]
fn a_log_counts_in_its_time_and_under_its_name() {
    let made = Bundle::new().make();
    let with = |name: &str, from, until| {
        let mut root = TrustRoot::none();
        root.add_log(name, Key::new(2).public(), Validity::new(from, until));
        judge_with(&made, &root)
    };
    assert_eq!(with(NAME, TIME, Limit::Any), Ok(Some(TIME)));
    assert_eq!(with(NAME, 0, Limit::To(TIME)), Ok(Some(TIME)));
    for outcome in [with(NAME, TIME + 1, Limit::Any), with(NAME, 0, Limit::To(TIME - 1))] {
        assert_eq!(outcome.unwrap_err().step(), Some(Step::Log));
    }
    assert_eq!(with("other.example", 0, Limit::Any).unwrap_err().step(), Some(Step::Checkpoint));
    assert_eq!(judge_with(&made, &TrustRoot::none()).unwrap_err().step(), Some(Step::Log));
}

#[test]
fn proofs_of_all_small_trees_hold_and_no_other_index_does() {
    for size in 1..=17 {
        let leaves: Vec<Vec<u8>> = (0..size).map(|leaf| sha256(&[&[leaf]])).collect();
        let root = head(&leaves);
        for index in 0..leaves.len() {
            let path = proof(&leaves, index);
            for (other, leaf) in leaves.iter().enumerate() {
                let outcome = verify_inclusion(leaf, index as u64, u64::from(size), &path, &root, provider());
                assert_eq!(outcome.is_ok(), other == index, "{size} {index} {other}");
                let outcome =
                    verify_inclusion(&leaves[index], other as u64, u64::from(size), &path, &root, provider());
                assert_eq!(outcome.is_ok(), other == index, "{size} {index} {other}");
            }
        }
    }
    let leaf = sha256(&[b"x"]);
    let long = vec![leaf.clone(); 65];
    let outcome = verify_inclusion(&leaf, 0, u64::MAX, &long, &leaf, provider());
    assert_eq!(outcome, Err(ProofError::Shape));
    assert_eq!(verify_inclusion(&leaf, 0, 0, &[], &leaf, provider()), Err(ProofError::Shape));
    // A proof that goes on above the head of its tree, to a head that fits it.
    let above = sha256(&[&[1], &leaf, &leaf]);
    let outcome = verify_inclusion(&leaf, 0, 1, std::slice::from_ref(&leaf), &above, provider());
    assert_eq!(outcome, Err(ProofError::Shape));
}

#[test]
fn consistency_of_three_and_four_leaves() {
    let leaves: Vec<Vec<u8>> = (0..4).map(|leaf| sha256(&[&[leaf]])).collect();
    let pair = |left: &[u8], right: &[u8]| sha256(&[&[1], left, right]);
    let (three, four) = (head(&leaves[..3]), head(&leaves));
    let proof = vec![leaves[2].clone(), leaves[3].clone(), pair(&leaves[0], &leaves[1])];
    let judge = |proof: &[Vec<u8>], three: &[u8], four: &[u8]| {
        verify_consistency(3, 4, proof, three, four, provider())
    };
    assert_eq!(judge(&proof, &three, &four), Ok(()));
    assert_eq!(judge(&proof, &four, &three), Err(ProofError::Root));
    assert_eq!(judge(&proof[..2], &three, &four), Err(ProofError::Shape));
    // One step above both heads, to heads that fit it.
    let step = sha256(&[b"x"]);
    let longer = [proof, vec![step.clone()]].concat();
    assert_eq!(judge(&longer, &pair(&step, &three), &pair(&step, &four)), Err(ProofError::Shape));
}

#[test]
fn a_signature_file_is_written_only_if_it_verifies() {
    let key = Key::new(1);
    let file = blob::encode(ARTIFACT, &key.sign(ARTIFACT), &key.public(), provider()).unwrap();
    assert!(file.ends_with('\n'));
    let verify =
        |bytes: &[u8], file: &[u8], key: &Key| blob::verify(bytes, file, &key.public(), provider()).map(drop);
    assert_eq!(verify(ARTIFACT, file.as_bytes(), &key), Ok(()));
    assert_eq!(verify(ARTIFACT, file.replace('\n', "\r\n").as_bytes(), &key), Ok(()));
    for (bytes, file, key) in [
        (&b"other"[..], file.as_bytes(), Key::new(1)),
        (ARTIFACT, file.as_bytes(), Key::new(3)),
        (ARTIFACT, b"", Key::new(1)),
        (ARTIFACT, b"\n", Key::new(1)),
        (ARTIFACT, &[file.as_bytes(), b"\n"].concat(), Key::new(1)),
        (ARTIFACT, &[b" ", file.as_bytes()].concat(), Key::new(1)),
        (ARTIFACT, &file.as_bytes()[4..], Key::new(1)),
        (ARTIFACT, &key.sign(ARTIFACT), Key::new(1)),
        (ARTIFACT, &[0x41; 200], Key::new(1)),
    ] {
        assert_eq!(verify(bytes, file, &key).unwrap_err().step(), Some(Step::Signature));
    }
    let long = verify(ARTIFACT, &[0x41; 200], &key).unwrap_err().to_string();
    assert!(long.contains("too long"), "{long}");
    let wrong = blob::encode(b"other", &key.sign(ARTIFACT), &key.public(), provider());
    assert_eq!(wrong.unwrap_err().step(), Some(Step::Signature));
}

#[test]
fn a_key_file_has_one_form() {
    use attest_measurements::trust::VerifyingKey;
    let pem = Key::new(1).pem();
    assert!(VerifyingKey::from_pem(pem.as_bytes()).is_ok());
    for other in [
        String::new(),
        pem.replace("PUBLIC KEY", "PRIVATE KEY"),
        pem.replace("PUBLIC KEY", "EC PUBLIC KEY"),
        pem.replace("-----END PUBLIC KEY-----\n", ""),
        format!("{pem}{pem}"),
        "x".repeat(5000),
    ] {
        assert_eq!(VerifyingKey::from_pem(other.as_bytes()).unwrap_err().step(), Some(Step::Key), "{other}");
    }
    let long = VerifyingKey::from_pem("x".repeat(4097).as_bytes()).unwrap_err().to_string();
    assert!(long.contains("a file of 4097 bytes"), "{long}");
    let der = Key::new(1).public().as_der().to_vec();
    assert!(VerifyingKey::from_der(&[&der[..], &[0]].concat()).is_err());
    assert!(VerifyingKey::from_der(&der[..90]).is_err());
    // A point of P-384.
    let p384 = "3076301006072a8648ce3d020106052b8104002203620004".to_owned() + &"01".repeat(96);
    let error = VerifyingKey::from_der(&vectors::unhex(&p384).unwrap()).unwrap_err();
    assert!(matches!(error, TrustError::UnsupportedForm { step: Step::Key, .. }), "{error}");
}
