//! Each exit code, from a run that must end with it.

use std::fs;

use crate::tool::{attestrap, file, report, vector, verify, verify_real, with_input};

fn policy() -> String {
    vector("policies/real-milan.toml").to_str().unwrap().into()
}

#[test]
fn accepted_is_0() {
    let ran = verify_real(&["--policy", &policy()]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.starts_with("ACCEPTED"), "{}", ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn bad_arguments_are_2() {
    for arguments in
        [&["verify", "--at", "tomorrow"][..], &["verify", "--report-data", "a7a7"], &["nothing"], &[]]
    {
        let ran = attestrap(arguments);
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{arguments:?}: {}", ran.err);
    }
    assert!(attestrap(["verify", "--report-data", "a7a7"]).err.contains("exactly 64 bytes are expected"));
}

#[test]
fn an_absent_file_is_2() {
    let ran = attestrap(["verify", "no-such-file"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no-such-file"), "{}", ran.err);
}

#[test]
fn a_misspelt_rule_is_2_and_named() {
    let text = fs::read_to_string(policy()).unwrap();
    let bad = file("misspelt.toml", text.replace("debug = ", "debugg = "));
    let ran = verify_real(&["--policy", bad.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1));
    assert!(ran.err.contains("debugg"), "{}", ran.err);
}

#[test]
fn a_rule_left_out_is_2_and_named() {
    let text = fs::read_to_string(policy()).unwrap();
    let bad = file("left-out.toml", text.replace("debug = \"clear\"\n", ""));
    let ran = attestrap(["policy", "check", bad.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("debug"), "{}", ran.err);
}

#[test]
fn rejected_by_the_strict_policy_is_10() {
    let ran = verify_real(&[]);
    assert_eq!(ran.code, 10);
    for id in [
        "product",
        "report-version",
        "freshness",
        "crl",
        "tcb.reported",
        "tcb.committed",
        "firmware.committed",
    ] {
        assert!(ran.out.contains(&format!("FAIL  snp.policy.{id} ")), "{id}: {}", ran.out);
    }
    assert!(ran.out.contains("no --policy: judged by the built-in strict policy"), "{}", ran.out);
}

#[test]
fn rejected_by_policy_in_json_is_10_with_a_note() {
    let ran = verify_real(&["--json"]);
    assert_eq!(ran.code, 10);
    let verdict: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(verdict["verdict"], "rejected");
    assert!(ran.err.contains("built-in strict policy"), "{}", ran.err);
}

#[test]
fn one_changed_byte_is_11() {
    let mut bytes = report();
    bytes[0x90] ^= 1;
    let ran = verify(&file("changed.bin", bytes), &vector("real/milan/vcek.der"), &["--json"]);
    assert_eq!(ran.code, 11);
    let refused: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&refused["verdict"], &refused["error_check"]),
        (&"refused".into(), &"snp.report.signature".into())
    );
}

#[test]
fn another_nonce_is_11_and_the_right_one_is_compared() {
    let right: String = report()[0x50..0x90].iter().map(|octet| format!("{octet:02x}")).collect();
    let wrong = "00".repeat(64);
    assert_eq!(verify_real(&["--policy", &policy(), "--report-data", &right]).code, 0);
    let ran = verify_real(&["--policy", &policy(), "--report-data", &wrong]);
    assert_eq!(ran.code, 11);
    assert!(ran.out.contains("snp.report.report-data"), "{}", ran.out);
}

#[test]
fn without_the_certificate_is_12() {
    let ran = with_input(["verify", "--at", "1795478400"], &report());
    assert_eq!(ran.code, 12);
    assert!(ran.out.contains("https://kdsintf.amd.com/vcek/v1/Milan/"), "{}", ran.out);
}

#[test]
fn without_a_demanded_crl_is_12() {
    let text = fs::read_to_string(policy()).unwrap();
    let stricter = text.replace("crl_max_age_days = \"any\"", "crl_max_age_days = 90");
    let stricter = file("with-crl.toml", stricter);
    let ran = verify_real(&["--policy", stricter.to_str().unwrap()]);
    assert_eq!(ran.code, 12);
    assert!(ran.out.contains("snp.policy.crl"), "{}", ran.out);
}

#[test]
fn a_form_that_nobody_reads_is_20() {
    assert_eq!(with_input(["verify"], b"a letter").code, 20);
    let mut version_1 = report();
    version_1[0] = 1;
    assert_eq!(with_input(["verify"], &version_1).code, 20);
}

#[test]
fn malformed_is_30() {
    let mut reserved = report();
    reserved[0x4c] = 1;
    let ran = with_input(["verify"], &reserved);
    assert_eq!(ran.code, 30);
    assert!(ran.out.contains("reserved@04C at offset 0x4c"), "{}", ran.out);
    let broken = verify(&vector("real/milan/report.bin"), &file("broken.der", [0x30, 0x03, 1, 2]), &[]);
    assert_eq!(broken.code, 30, "{}", broken.err);
}

#[test]
fn no_root_of_the_caller_means_no_trust_in_amds() {
    let anchors =
        file("genoa-ark.der", fs::read(vector("../attest-core/src/tee/snp/anchors/genoa-ark.der")).unwrap());
    let roots = anchors.parent().unwrap().join("roots");
    fs::create_dir_all(&roots).unwrap();
    fs::rename(&anchors, roots.join("genoa-ark.der")).unwrap();
    let ran = verify_real(&["--policy", &policy(), "--anchors", roots.to_str().unwrap()]);
    assert_eq!(ran.code, 11);
    assert!(ran.out.contains("snp.anchor.known"), "{}", ran.out);
}

#[test]
fn the_callers_own_roots_are_no_hardware() {
    let roots = vector("../attest-core/src/tee/snp/anchors");
    let ran = verify_real(&["--policy", &policy(), "--anchors", roots.to_str().unwrap()]);
    assert_eq!(ran.code, 10);
    assert!(ran.out.contains("FAIL  snp.policy.root"), "{}", ran.out);
}
