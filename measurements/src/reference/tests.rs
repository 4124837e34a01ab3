//! Tests of the document: what it may say, what it must not, and that both spellings say the same.

use alloc::format;
use alloc::string::{String, ToString};

use super::*;

const DIGEST: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn good() -> String {
    let long = format!("{DIGEST}{}", &DIGEST[..32]);
    format!(
        r#"{{"format":"attestrap-reference-values/1","name":"node","serial":7,"issued":"2026-11-24T00:00:00Z","sets":[
        {{"name":"a","not_before":"2026-11-01T00:00:00Z","not_after":"any","registers":{{
          "tpm.sha256.4":{{"equals":"{DIGEST}"}},
          "tpm.sha256.9":{{"any_of":["{DIGEST}","{}"],"warn_only":true}},
          "snp.measurement":{{"equals":"{long}"}},"tdx.rtmr.3":{{"equals":"{long}"}},"tdx.mrtd":{{"equals":"{long}"}},
          "nitro.pcr.31":{{"equals":"{long}"}},"tpm.sha1.23":{{"equals":"{}"}}}},
          "minimums":{{"snp.guest_svn":3,"snp.reported_tcb":"0xff00000000000004"}}}}]}}"#,
        DIGEST.replace("00", "ff"),
        &DIGEST[..40],
    )
}

fn refused(text: &str) -> String {
    ReferenceValues::from_json(text.as_bytes(), &Consent::NONE).unwrap_err().to_string()
}

#[test]
fn both_spellings_are_read_and_written() {
    let values = ReferenceValues::from_json(good().as_bytes(), &Consent::NONE).unwrap();
    assert_eq!((values.name(), values.serial(), values.issued()), ("node", 7, 1_795_478_400));
    let set = &values.sets()[0];
    assert_eq!(set.registers().len(), 7);
    assert!(set.registers()[&Register::TpmPcr(attest_core::crypto::HashAlgorithm::Sha256, 9)].warns_only());
    assert_eq!(set.minimums()[&Minimum::SnpReportedTcb], 0xff00_0000_0000_0004);
    for again in [
        ReferenceValues::from_json(values.to_json().as_bytes(), &Consent::NONE).unwrap(),
        ReferenceValues::from_toml(values.to_toml().as_bytes(), &Consent::NONE).unwrap(),
    ] {
        assert_eq!(again, values);
    }
}

#[test]
fn what_the_form_does_not_allow_is_refused_where_it_stands() {
    let long = format!("{DIGEST}00");
    let many = format!("[{}]", (0..257).map(|n| format!("\"{n:064x}\"")).collect::<Vec<_>>().join(","));
    let cases = [
        ("\"serial\":7", "\"serial\":-7", "$.serial: expected an unsigned integer"),
        ("\"serial\":7", "\"serial\":7,\"serial\":8", "stands twice"),
        ("\"serial\":7,", "", "$: has no \"serial\""),
        ("\"serial\":7", "\"serial\":7,\"note\":1", "$: unknown key \"note\""),
        ("reference-values/1", "reference-values/2", "$.format: expected"),
        ("\"name\":\"node\"", "\"name\":\"\"", "$.name: is empty"),
        ("2026-11-24T00:00:00Z", "2026-11-24T00:00:00+01:00", "$.issued: expected a time"),
        ("2026-11-24T00:00:00Z", "2026-11-24t00:00:00z", "$.issued: expected a time"),
        ("2026-11-24T00:00:00Z", "2026-13-24T00:00:00Z", "$.issued: expected a time"),
        ("\"not_after\":\"any\",", "", "$.sets[0]: has no \"not_after\""),
        ("\"not_after\":\"any\"", "\"not_after\":null", "$.sets[0].not_after: expected text"),
        ("\"not_after\":\"any\"", "\"not_after\":\"\"", "$.sets[0].not_after: expected a time"),
        (
            "\"not_after\":\"any\"",
            "\"not_after\":\"2026-10-31T23:59:59Z\"",
            "an end that is not before the beginning",
        ),
        ("tpm.sha256.4", "tpm.sha256.24", "[\"tpm.sha256.24\"]: expected a register"),
        ("tpm.sha256.4", "tpm.sha256.04", "expected a register"),
        ("tpm.sha256.4", "tpm.md5.4", "expected a register"),
        ("tdx.rtmr.3", "tdx.rtmr.4", "expected a register"),
        ("nitro.pcr.31", "nitro.pcr.32", "expected a register"),
        ("snp.measurement", "snp.measurement.0", "expected a register"),
        (&format!("{{\"equals\":\"{DIGEST}\"}}"), "{}", "[\"tpm.sha256.4\"]: has no \"equals\""),
        (
            &format!("{{\"equals\":\"{DIGEST}\"}}"),
            &format!("{{\"equals\":\"{long}\"}}"),
            "a digest of 32 bytes is due, this one has 33",
        ),
        (
            &format!("{{\"equals\":\"{DIGEST}\"}}"),
            "{\"equals\":\"\"}",
            "a digest of 32 bytes is due, this one has 0",
        ),
        (
            &format!("{{\"equals\":\"{DIGEST}\"}}"),
            &format!("{{\"equals\":\"{}\"}}", &DIGEST[1..]),
            "equals: expected hexadecimal",
        ),
        (&format!("{{\"equals\":\"{DIGEST}\"}}"), "{\"any_of\":[]}", "[\"tpm.sha256.4\"].any_of: is empty"),
        (
            &format!("{{\"equals\":\"{DIGEST}\"}}"),
            &format!("{{\"any_of\":[\"{DIGEST}\",\"{DIGEST}\"]}}"),
            "stands twice",
        ),
        (
            &format!("{{\"equals\":\"{DIGEST}\"}}"),
            &format!("{{\"any_of\":{many}}}"),
            "at most 256 values, is 257",
        ),
        (
            &format!("{{\"equals\":\"{DIGEST}\"}}"),
            &format!("{{\"equals\":\"{DIGEST}\",\"any_of\":[\"{DIGEST}\"]}}"),
            "either equals or any_of",
        ),
        ("\"warn_only\":true", "\"warn_only\":1", "warn_only: expected true or false"),
        ("\"snp.guest_svn\":3", "\"snp.guest_svn\":4294967296", "expected a number of the field's width"),
        ("\"snp.guest_svn\":3", "\"snp.guest_svn\":null", "expected a number"),
        ("\"snp.guest_svn\":3", "\"snp.guest_svn\":\"0x+3\"", "expected a number"),
        ("\"snp.guest_svn\":3", "\"snp.vmpl\":3", "expected snp.guest_svn"),
    ];
    for (from, to, word) in cases {
        let text = good().replacen(from, to, 1);
        assert_ne!(text, good(), "{from}");
        let error = refused(&text);
        assert!(error.contains(word), "{from} -> {to}: {error}");
    }
}

#[test]
fn a_set_that_refuses_nothing_must_be_asked_for_by_name() {
    let text = r#"{"format":"attestrap-reference-values/1","name":"n","serial":1,"issued":"2026-11-24T00:00:00Z","sets":[
        {"name":"a","not_before":"any","not_after":"any","registers":{"tpm.sha1.4":{"equals":"0000000000000000000000000000000000000000","warn_only":true}}}]}"#;
    assert!(refused(text).contains("$.sets[0]: set \"a\" refuses nothing"));
    let named = |names| ReferenceValues::from_json(text.as_bytes(), &Consent::to_warn_only(names));
    assert!(named(&["a"]).is_ok());
    assert!(named(&["b", "A"]).is_err());
    let empty = text.replace(
        "\"tpm.sha1.4\":{\"equals\":\"0000000000000000000000000000000000000000\",\"warn_only\":true}",
        "",
    );
    assert!(refused(&empty).contains("$.sets[0]: is empty"));
}

#[test]
fn sets_of_one_name_follow_each_other() {
    let set = |from: Limit<u64>, until: Limit<u64>| {
        let rule = Rule::equals(Digest::filled(1, 48));
        let registers = BTreeMap::from([(Register::SnpMeasurement, rule)]);
        let window = Window::new(from, until).unwrap();
        Set::new("a", window, registers, BTreeMap::new(), &Consent::NONE).unwrap()
    };
    let document = |sets| ReferenceValues::new("n", 1, 0, sets);
    assert!(document(Vec::from([set(Limit::Any, Limit::To(9)), set(Limit::To(10), Limit::Any)])).is_ok());
    for (first, second) in [
        (set(Limit::Any, Limit::To(10)), set(Limit::To(10), Limit::Any)),
        (set(Limit::Any, Limit::Any), set(Limit::To(10), Limit::To(10))),
        (set(Limit::To(5), Limit::To(6)), set(Limit::Any, Limit::To(5))),
    ] {
        assert_eq!(document(Vec::from([first, second])), Err(FormProblem::Overlap("a".to_string())));
    }
    assert_eq!(document(Vec::new()), Err(FormProblem::Empty));
    let many = |count| document((0..count).map(|n| set(Limit::To(n), Limit::To(n))).collect());
    assert!(many(256).is_ok());
    assert!(matches!(many(257), Err(FormProblem::TooLarge { max: 256, actual: 257, .. })));
}

#[test]
fn a_register_that_there_is_not_has_no_rule() {
    let make = |register: Register, len| {
        let registers = BTreeMap::from([(register, Rule::equals(Digest::filled(1, len)))]);
        Set::new("a", Window::ALWAYS, registers, BTreeMap::new(), &Consent::NONE)
    };
    let sha256 = attest_core::crypto::HashAlgorithm::Sha256;
    assert!(make(Register::TpmPcr(sha256, 23), 32).is_ok());
    for (register, len) in [
        (Register::TpmPcr(sha256, 24), 32),
        (Register::TdxRtmr(4), 48),
        (Register::NitroPcr(32), 48),
        (Register::SnpMeasurement, 32),
        (Register::TpmPcr(sha256, 23), 48),
    ] {
        assert!(make(register, len).is_err(), "{register:?}");
    }
}

#[test]
fn a_window_holds_at_its_ends() {
    let at = |seconds| UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds));
    let window = Window::new(Limit::To(10), Limit::To(20)).unwrap();
    let held: Vec<bool> = [9, 10, 20, 21].map(|second| window.holds_at(at(second))).into();
    assert_eq!(held, [false, true, true, false]);
    assert!(Window::ALWAYS.holds_at(at(0)) && Window::ALWAYS.holds_at(at(u64::MAX)));
    assert!(Window::new(Limit::To(10), Limit::To(10)).is_ok());
    assert!(Window::new(Limit::To(10), Limit::To(9)).is_err());
}

#[test]
fn the_schema_names_what_the_reader_knows() {
    let schema = document_keys(SCHEMA);
    for key in
        ["format", "name", "serial", "issued", "sets", "not_before", "not_after", "registers", "minimums"]
    {
        assert!(schema.contains(key), "{key}");
    }
    Minimum::ALL.iter().for_each(|minimum| assert!(schema.contains(minimum.name())));
}

fn document_keys(schema: &str) -> String {
    serde_json::from_str::<serde_json::Value>(schema).unwrap().to_string()
}
