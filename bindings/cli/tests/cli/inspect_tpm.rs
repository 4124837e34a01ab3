//! What `inspect` says of TPM evidence, of its parts, and of event logs. None of it is believed, and each first line says so.

use std::path::Path;

use serde_json::{Value, json};

use crate::parts::{SELECTED, attest, hex, log, public, replayed, signature, sized_public, unsigned, value};
use crate::tool::{Ran, attestrap, file, with_input};

fn json_of(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&document["version"], &document["verified"]), (&json!(1), &json!(false)));
    document
}

#[test]
fn evidence_is_shown_part_by_part() {
    let path = unsigned("shown.bin");
    let ran = attestrap(["inspect", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("NOT VERIFIED"), "{}", ran.out);
    for text in [
        "extra_data        c0ffee",
        "reset_count       2",
        "selection         sha256:0,4 sha1:23",
        "register values that came along, UNVERIFIED\n  sha256:0  0101",
        "attribute_names  fixedTPM fixedParent sensitiveDataOrigin userWithAuth restricted sign\n",
        "bits             2048",
        "4 events, ",
    ] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let document = json_of(&attestrap(["inspect", "--json", path.to_str().unwrap()]));
    assert_eq!(document["format"], "vtpm");
    let quote = &document["quotes"][0];
    assert_eq!(quote["fields"]["firmware_version"], "0x2026112400000001");
    for (bank, index) in SELECTED {
        let name = format!("{}:{index}", bank.name());
        assert_eq!(quote["unverified_registers"][name], hex(value(bank, index)));
    }
    assert_eq!(document["event_log"], json!({ "bytes": log().len(), "events": 4 }));
}

#[test]
fn parts_are_shown_alone() {
    for (bytes, structure, field, value) in [
        (attest(), "TPMS_ATTEST", "attested", json!("quote")),
        (signature(), "TPMT_SIGNATURE", "signature_scheme", json!("rsassa")),
        (public(), "TPMT_PUBLIC", "attributes", json!("0x00050072")),
        (sized_public(), "TPMT_PUBLIC", "exponent", json!(65_537)),
    ] {
        let document = json_of(&with_input(["inspect", "--json"], &bytes));
        assert_eq!((&document["structure"], &document["fields"][field]), (&json!(structure), &value));
        let ran = with_input(["inspect"], &bytes);
        assert!(ran.out.starts_with("NOT VERIFIED") && ran.out.contains(structure), "{}", ran.out);
        let cut = with_input(["inspect"], &bytes[..bytes.len() - 1]);
        assert_eq!(cut.code, 30, "{structure}: {}{}", cut.out, cut.err);
        let said = with_input(["inspect", "--hex"], &bytes);
        assert_eq!(said.code, 2);
        assert!(
            said.err.contains(&format!("--hex is for SNP reports, and - is {structure}")),
            "{}",
            said.err
        );
    }
}

#[test]
fn other_types_of_attestation_are_named() {
    let mut certify = attest()[..6].to_vec();
    certify[5] = 0x17;
    certify.extend_from_slice(&attest()[6..42 + 5 + 25]);
    certify.extend_from_slice(&[0, 2, 0xaa, 0xbb, 0, 1, 0xcc]);
    let fields = &json_of(&with_input(["inspect", "--json"], &certify))["fields"];
    assert_eq!((&fields["attested"], &fields["name"]), (&json!("certify"), &json!("aabb")));
}

#[test]
fn a_log_alone_proves_nothing() {
    let ran = with_input(["inspect"], &log());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let first = ran.out.lines().next().unwrap();
    assert!(first.starts_with("NOT VERIFIED") && first.contains("nothing here is proven"), "{first}");
    assert!(ran.out.contains(&format!("PCR  0 by the log {:?}  unverified", replayed(0))), "{}", ran.out);
    assert!(
        ran.out.contains("said: version 1") && ran.out.contains("said to be an application"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains(" covered"), "{}", ran.out);
    let document = json_of(&with_input(["inspect", "--json"], &log()));
    assert_eq!((&document["compared_with"], &document["bank"]), (&json!("nothing"), &json!("sha1")));
    let covered: Vec<_> =
        document["events"].as_array().unwrap().iter().map(|event| &event["coverage"]).collect();
    assert_eq!(covered, ["unexplained", "unexplained", "unmeasured", "unexplained"]);
}

fn compare(name: &str, values: &[(u32, String)], more: &[&str]) -> Ran {
    let entries =
        values.iter().map(|(index, value)| json!({ "bank": "sha1", "index": index, "value": value }));
    let pcrs = file(&format!("{name}.json"), json!(entries.collect::<Vec<_>>()).to_string());
    let log = file(&format!("{name}.log"), log());
    let base = ["inspect", log.to_str().unwrap(), "--pcrs", pcrs.to_str().unwrap()];
    attestrap(base.iter().chain(more))
}

#[test]
fn a_log_is_held_against_values_that_are_given() {
    let right = [(0, hex(replayed(0).as_bytes())), (4, hex(replayed(4).as_bytes())), (9, "00".repeat(20))];
    let ran = compare("right", &right, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.lines().next().unwrap().contains("given by you, not quoted"), "{}", ran.out);
    for text in [
        "covered     version 1",
        "UNCOVERED   said to be an application",
        "unmeasured  said: nobody measured",
    ] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let document = json_of(&compare("right", &right, &["--json"]));
    assert_eq!(document["registers"]["sha1:4"]["outcome"], "as given");
    assert_eq!(document["registers"]["sha1:9"]["outcome"], "as given: never extended");
    assert_eq!(document["events"][0]["covered_data"], hex("version 1"));

    let wrong = [(0, "01".repeat(20)), (4, hex(replayed(4).as_bytes())), (9, "02".repeat(20))];
    let ran = compare("wrong", &wrong, &[]);
    assert_eq!(ran.code, 0);
    for text in
        ["OTHER THAN GIVEN", "PCR  0 MISMATCH", "NO EVENT EXPLAINS", "PCR  9 unexplained", "UNCOVERED"]
    {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    assert!(!ran.out.contains("covered     version 1"), "{}", ran.out);
}

#[test]
fn what_does_not_fit_a_log_is_said() {
    let sha256 = json!([{ "bank": "sha256", "index": 0, "value": "00".repeat(32) }]).to_string();
    let log_file = file("misfit.log", log());
    let run = |arguments: &[&str]| attestrap(["inspect", log_file.to_str().unwrap()].iter().chain(arguments));
    for (ran, code, said) in [
        (
            run(&["--pcrs", file("sha256.json", sha256).to_str().unwrap()]),
            2,
            "a bank of the log are expected (sha1)",
        ),
        (run(&["--pcrs", "no-such-file"]), 2, "no-such-file"),
        (run(&["--hex"]), 2, "is an event log"),
        (with_input(["inspect"], &log()[..40]), 30, "TCG event log"),
        (with_input(["inspect", "--pcrs", "x"], &attest()), 2, "--pcrs is for event logs"),
    ] {
        assert_eq!((ran.code, ran.err.lines().count()), (code, 1), "{said}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
}

#[test]
fn hex_is_for_reports_only() {
    let evidence = unsigned("hex.bin");
    let certificate = crate::tool::vector("real/milan/vcek.der");
    let say = |path: &Path| attestrap(["inspect", "--hex", path.to_str().unwrap()]);
    for (path, what) in [(&evidence, "TPM evidence"), (&certificate, "certificates or CRLs")] {
        let ran = say(path);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(what), "{}", ran.err);
    }
}
