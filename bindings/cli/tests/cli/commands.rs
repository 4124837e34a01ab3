//! What the other commands say.

use std::fs;
use std::process::{Command, Stdio};

use crate::tool::{attestrap, directory, file, report, vector, verify, with_input};

fn path(name: &str) -> String {
    vector(name).to_str().unwrap().into()
}

#[test]
fn demo_comes_out_as_it_should() {
    let ran = attestrap(["demo"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let (strict, named) = ran.out.split_once("2. A policy").unwrap();
    assert!(strict.contains("REJECTED by policy") && strict.contains("2026-11-24T00:00:00Z"), "{strict}");
    assert!(named.contains("ACCEPTED") && named.contains("pass  snp.report.signature"), "{named}");
}

#[test]
fn inspect_names_fields_and_flags() {
    let ran = with_input(["inspect"], &report());
    assert_eq!(ran.code, 0);
    for text in [
        "NOT VERIFIED",
        "SMT RESERVED_ONE",
        "SMT_EN",
        "bootloader 3 tee 0 snp 8 microcode 115",
        "Milan, assumed",
    ] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let json = attestrap(["inspect", "--json", &path("real/milan/report.bin")]).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fields"]["current_version"], "1.52.4");
    assert_eq!(json["flags"]["platform_info"], serde_json::json!(["SMT_EN"]));
    assert_eq!(json["verified"], false);
    let hex = attestrap(["inspect", "--hex", &path("real/milan/report.bin")]).out;
    assert!(hex.contains("0x090  MEASUREMENT\n       7a1e5c266c0108db"), "{hex}");
}

#[test]
fn inspect_lists_certificates() {
    let ran = attestrap(["inspect", &path("real/milan/vcek.der")]);
    assert!(ran.out.contains("CN=SEV-VCEK") && ran.out.contains("2030-04-03T19:23:43Z"), "{}", ran.out);
    assert_eq!(with_input(["inspect"], b"a letter").code, 20);
    assert_eq!(with_input(["inspect"], &[0x30, 0x03, 1, 2]).code, 30);
}

/// A certificate table with one entry, the VCEK.
fn table() -> Vec<u8> {
    let vcek = fs::read(vector("real/milan/vcek.der")).unwrap();
    let mut table = b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd".to_vec();
    table.extend_from_slice(&48_u32.to_le_bytes());
    table.extend_from_slice(&u32::try_from(vcek.len()).unwrap().to_le_bytes());
    table.resize(48, 0);
    table.extend_from_slice(&vcek);
    table
}

#[test]
fn certificates_come_in_every_form() {
    let policy = path("policies/real-milan.toml");
    let table = file("table.bin", table());
    let bundle = directory().join("offline.bundle");
    let made = attestrap([
        "bundle",
        "-o",
        bundle.to_str().unwrap(),
        table.to_str().unwrap(),
        &path("real/milan/vcek.der"),
    ]);
    assert!(made.out.contains("1 certificates, 0 CRLs"), "{}{}", made.out, made.err);
    for certs in [table, bundle.clone(), vector("real/milan")] {
        let ran = verify(&vector("real/milan/report.bin"), &certs, &["--policy", &policy]);
        assert_eq!(ran.code, 0, "{}: {}{}", certs.display(), ran.out, ran.err);
    }
    assert!(attestrap(["inspect", bundle.to_str().unwrap()]).out.contains("CN=SEV-Milan"));
    let again = directory().join("again.bundle");
    attestrap(["bundle", "-o", again.to_str().unwrap(), bundle.to_str().unwrap()]);
    assert_eq!(fs::read(bundle).unwrap(), fs::read(again).unwrap());
}

#[test]
fn a_report_may_carry_its_table() {
    let bytes = [report(), table()].concat();
    let ran =
        with_input(["verify", "--at", "2026-11-24", "--policy", &path("policies/real-milan.toml")], &bytes);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(with_input(["inspect"], &bytes).out.contains("CN=SEV-VCEK"));
}

#[test]
fn needs_lists_what_is_missing() {
    let report = path("real/milan/report.bin");
    let ran = attestrap(["needs", "--json", &report]);
    assert_eq!(ran.code, 12);
    let needs: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(needs["needs"][0]["kind"], "endorsement-key");
    let ran = attestrap(["needs", &report, "--certs", &path("real/milan/vcek.der")]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("https://kdsintf.amd.com/vcek/v1/Milan/crl"), "{}", ran.out);
}

#[test]
fn help_and_manual_hold_the_exit_codes() {
    for arguments in [&["--help"][..], &["verify", "--help"], &["man"]] {
        let ran = attestrap(arguments);
        assert_eq!(ran.code, 0);
        for exit in attestrap::exit::Exit::ALL {
            let (code, meaning) = exit.code();
            let said = ran.out.replace("\\-", "-");
            assert!(said.contains(meaning) && said.contains(&code.to_string()), "{arguments:?}: {meaning}");
        }
    }
    let readme = include_str!("../../README.md");
    for exit in attestrap::exit::Exit::ALL {
        let (code, meaning) = exit.code();
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "README: {code}");
    }
    let man = attestrap(["man"]).out.replace("\\-", "-");
    let completions = attestrap(["completions", "bash"]).out;
    for option in
        ["--event-log", "--tpm-root", "--ak-name", "--ak-spki-sha256", "--nonce", "--pcrs", "--from"]
    {
        assert!(man.contains(option) && completions.contains(option), "{option}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attestrap"))
        .arg("demo")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn every_provider_that_is_built_in_agrees() {
    let policy = path("policies/real-milan.toml");
    for (provider, built_in) in [
        ("aws-lc-rs", cfg!(feature = "aws-lc-rs")),
        ("ring", cfg!(feature = "ring")),
        ("rustcrypto", cfg!(feature = "rustcrypto")),
    ] {
        let more = ["--policy", &policy, "--provider", provider, "--explain"];
        let ran = verify(&vector("real/milan/report.bin"), &vector("real/milan/vcek.der"), &more);
        assert_eq!(ran.code, if built_in { 0 } else { 2 }, "{provider}: {}{}", ran.out, ran.err);
        assert_eq!(built_in, ran.out.contains("never checked:"), "{provider}: {}", ran.out);
    }
}

#[test]
fn colour_is_for_whoever_asks() {
    assert!(!attestrap(["demo"]).out.contains('\u{1b}'));
    assert!(attestrap(["demo", "--color", "always"]).out.contains("\u{1b}[32mACCEPTED"));
}
