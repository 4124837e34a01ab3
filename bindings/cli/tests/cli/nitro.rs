//! Nitro documents: generated ones here, and real ones from a directory that the environment names.

use std::path::PathBuf;

use serde_json::Value;

use crate::tool::{Ran, attestrap, file, vector};

/// A document of the generated set, and the root above it, as files.
fn document(id: &str) -> (PathBuf, PathBuf) {
    let text = std::fs::read(vector("nitro/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    let case = manifest["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap();
    let blob = |name: &Value| vector("nitro/blobs").join(name.as_str().unwrap());
    (blob(&case["evidence"]), blob(&manifest["roots"][0]["file"]))
}

fn run(command: &str, document: &std::path::Path, more: &[&str]) -> Ran {
    let base = [command, document.to_str().unwrap()];
    attestrap(base.iter().chain(more))
}

#[test]
fn a_document_is_verified_and_needs_nothing() {
    let (enclave, root) = document("nitro.document.signature/good-enclave");
    let nonce = "5a".repeat(64);
    let at = ["--at", "2026-01-01T00:00:03Z"];
    let with_root = ["--nitro-root", root.to_str().unwrap(), "--nonce", &nonce];
    let all = [&at[..], &with_root].concat();
    let needs = run("needs", &enclave, &at);
    assert_eq!((needs.code, needs.out.as_str()), (0, "nothing is missing\n"), "{}", needs.err);

    // The built-in policy asks for AWS's root, whoever is trusted.
    let ran = run("verify", &enclave, &all);
    assert!(ran.code == 10 && ran.out.contains("nitro.policy.root"), "{}{}", ran.out, ran.err);
    // AWS's root is the one that is trusted unless another is named.
    let ran = run("verify", &enclave, &at);
    assert!(ran.code == 11 && ran.out.contains("nitro.chain.issuer"), "{}{}", ran.out, ran.err);
    // The leaf lives for hours, so the time decides.
    let late = [&["--at", "2026-01-02T00:00:03Z"][..], &with_root].concat();
    let ran = run("verify", &enclave, &late);
    assert!(ran.code == 11 && ran.out.contains("nitro.chain.validity"), "{}{}", ran.out, ran.err);
    let ran = run("verify", &enclave, &["--report-data", &nonce]);
    assert!(ran.code == 2 && ran.err.contains("--report-data"), "{}", ran.err);
    let ran = run("verify", &enclave, &["--ak-spki-sha256", &"5a".repeat(32)]);
    assert!(ran.code == 2 && ran.err.contains("--ak-spki-sha256"), "{}", ran.err);

    // A policy of the caller's, written by the tool for another root.
    let mut init = vec!["policy", "init", "--format", "nitro", "--kind", "enclave"];
    assert_eq!(attestrap(["policy", "init", "--format", "nitro"]).code, 2, "a kind has no default");
    let any = attestrap(&init);
    assert!(any.code == 0 && any.out.contains("ANY REGISTER VALUE PASSES"), "{}{}", any.out, any.err);
    let shown = run("inspect", &enclave, &["--json"]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!((&shown["format"], &shown["verified"]), (&"nitro".into(), &false.into()));
    let register = format!("0={}", shown["fields"]["pcr0"].as_str().unwrap());
    init.extend(["--pcr", &register]);
    let made = attestrap(&init);
    assert_eq!(made.code, 0, "{}", made.err);
    let own = |text: &str| text.replace("cloud-hypervisor\"]", "caller\"]");
    let policy = file("nitro.toml", own(&made.out).as_bytes());
    let ran = run("verify", &enclave, &[&all[..], &["--policy", policy.to_str().unwrap()]].concat());
    assert!(
        ran.code == 0 && ran.out.starts_with("ACCEPTED  (nitro, root: caller)"),
        "{}{}",
        ran.out,
        ran.err
    );
    let (instance, _) = document("nitro.document.signature/good-nitrotpm");
    let ran = run("verify", &instance, &[&all[..], &["--policy", policy.to_str().unwrap()]].concat());
    assert!(ran.code == 10 && ran.out.contains("nitro.policy.kind"), "{}{}", ran.out, ran.err);
    for bad in ["32=00", "4", "04=00", "4=00"] {
        let last = init.len() - 1;
        init[last] = bad;
        assert_eq!(attestrap(&init).code, 2, "{bad}");
    }
}

#[test]
fn a_document_is_shown() {
    let (instance, _) = document("nitro.document.signature/good-nitrotpm");
    let ran = run("inspect", &instance, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        "NOT VERIFIED",
        "nitrotpm",
        "i-0123456789abcdef0-tpm0000000000000000",
        "pcr23",
        "test.nitro-enclaves",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(run("inspect", &instance, &["--hex"]).code, 2);
    let bytes = std::fs::read(&instance).unwrap();
    let cut = file("cut.cbor", &bytes[..700]);
    assert_eq!(run("inspect", &cut, &[]).code, 30);
}

#[test]
fn a_real_document_is_accepted_at_its_time() {
    let Some(set) = std::env::var_os("ATTESTRAP_REAL_VECTORS").map(|set| PathBuf::from(set).join("nitro"))
    else {
        println!("skipped: ATTESTRAP_REAL_VECTORS is not set");
        return;
    };
    let instance = set.join("nitrotpm-2026-ak.cbor");
    let nonce = "230af3f7c0ec43ccf99a4cab47ac61469a36ea74b1e79740fdf8ccfc8f56161a";
    let at = ["--at", "2026-02-03T10:12:02Z", "--nonce", nonce];
    let ran = run("verify", &instance, &at);
    assert!(ran.code == 0 && ran.out.starts_with("ACCEPTED  (nitro, root: cloud-hypervisor)"), "{}", ran.out);
    // Without a time it is the time of day, at which this one is long past.
    assert_eq!(run("verify", &instance, &["--nonce", nonce]).code, 11);
    let debug = run("verify", &set.join("enclave-2025-debug.cbor"), &["--at", "2025-12-25T08:20:46Z"]);
    assert!(debug.code == 10 && debug.out.contains("nitro.policy.debug"), "{}", debug.out);
}
