//! Tests of the formats: what is read, what is written, what is lost, and what is refused.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use attest_core::rules::Limit;

use super::constellation::Release;
use super::*;
use crate::reference::{Consent, Minimum, ReferenceValues, Rule, Set, Window};

const RELEASE: Release<'_> = Release::new("v2.17.0", "-", "stable");
const ORIGIN: Origin<'_> = Origin::new("image", 3, 1_790_000_000);
const PCR: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const PCR_BASE64: &str = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";

fn long() -> String {
    format!("{PCR}{}", &PCR[..32])
}

fn manifest() -> String {
    format!(
        r#"{{"version":"v2.17.0","ref":"-","stream":"stable","list":[
        {{"csp":"Azure","attestationVariant":"azure-sev-snp","measurements":{{"4":{{"expected":"{PCR}","warnOnly":false}},"1":{{"expected":"{PCR}","warnOnly":true}}}}}},
        {{"csp":"qemu","attestationVariant":"qemu-tdx","measurements":{{"0":{{"expected":"{0}"}},"4":{{"expected":"{0}","warnOnly":false}}}}}}]}}"#,
        long()
    )
}

fn read(text: &str) -> Result<ReferenceValues, FormError> {
    constellation::read_manifest(text.as_bytes(), &RELEASE, &ORIGIN, &Consent::NONE)
}

#[test]
fn the_manifest_of_constellation_is_read_and_written() {
    let values = read(&manifest()).unwrap();
    let names: Vec<&str> = values.sets().iter().map(Set::name).collect();
    assert_eq!(names, ["Azure/azure-sev-snp", "QEMU/qemu-tdx"]);
    let [azure, qemu] = values.sets() else { panic!("two sets") };
    assert!(azure.registers()[&Register::TpmPcr(HashAlgorithm::Sha256, 1)].warns_only());
    assert!(!azure.registers()[&Register::TpmPcr(HashAlgorithm::Sha256, 4)].warns_only());
    let registers: Vec<String> = qemu.registers().keys().map(|register| register.name()).collect();
    assert_eq!(registers, ["tdx.mrtd", "tdx.rtmr.3"]);
    let written = constellation::write_manifest(&values, &RELEASE).unwrap();
    assert_eq!(written.losses().len(), 1);
    assert_eq!(read(&written.complete().unwrap()).unwrap(), values);
}

#[test]
fn a_manifest_with_anything_else_is_refused() {
    let long = long();
    for (from, to, word) in [
        ("v2.17.0", "v2.16.0", "$.version: expected what was asked for"),
        ("\"ref\":\"-\"", "\"ref\":\"main\"", "$.ref: expected what was asked for"),
        ("stable", "debug", "$.stream: expected what was asked for"),
        ("\"ref\":\"-\",", "", "has no \"ref\""),
        ("\"list\":[", "\"list\":[],\"other\":[", "unknown key \"other\""),
        ("\"csp\":\"Azure\"", "\"csp\":\"Azur\"", "$.list[0].csp: expected AWS"),
        ("azure-sev-snp", "azure-sev", "$.list[0].attestationVariant: expected a variant"),
        ("{\"expected\":\"0", "{\"expecte\":\"0", "unknown key \"expecte\""),
        ("\"warnOnly\":false", "\"warnOnly\":\"false\"", "expected true or false"),
        ("\"warnOnly\":false", "\"warnonly\":false", "unknown key \"warnonly\""),
        ("{\"4\":{\"expected\"", "{\"24\":{\"expected\"", "expected the number of a register"),
        ("{\"4\":{\"expected\"", "{\"04\":{\"expected\"", "expected the number of a register"),
        ("{\"4\":{\"expected\"", "{\"1\":{\"expected\"", "stands twice"),
        ("qemu-tdx", "qemu-vtpm", "a digest of 32 bytes is due, this one has 48"),
        ("\"azure-sev-snp\"", "\"qemu-tdx\"", "a digest of 48 bytes is due, this one has 32"),
        (&format!("{{\"expected\":\"{long}\"}}"), &format!("\"{long}\""), "expected a map"),
    ] {
        let text = manifest().replacen(from, to, 1);
        assert_ne!(text, manifest(), "{from}");
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(word), "{from} -> {to}: {error}");
    }
    let entry = format!(
        r#"{{"csp":"QEMU","attestationVariant":"qemu-vtpm","measurements":{{"4":{{"expected":"{PCR}"}}}}}}"#
    );
    let twice = format!(r#"{{"version":"v2.17.0","ref":"-","stream":"stable","list":[{entry},{entry}]}}"#);
    assert!(read(&twice).unwrap_err().to_string().contains("\"QEMU/qemu-vtpm\" stands twice"));
    let warns = manifest().replace("\"warnOnly\":false", "\"warnOnly\":true");
    assert!(read(&warns).unwrap_err().to_string().contains("refuses nothing"));
}

#[test]
fn older_forms_of_constellation_are_read() {
    let read = |text: &str| {
        constellation::read_measurements(text.as_bytes(), Numbering::TpmSha256, &ORIGIN, &Consent::NONE)
    };
    let [objects, hex, base64] = [
        format!(r#"{{"4":{{"expected":"{PCR}","warnOnly":false}}}}"#),
        format!(r#"{{"4":"{PCR}"}}"#),
        format!(r#"{{"4":"{PCR_BASE64}"}}"#),
    ];
    let values = read(&objects).unwrap();
    assert_eq!((read(&hex).unwrap(), read(&base64).unwrap()), (values.clone(), values.clone()));
    let v1 = format!(r#"{{"csp":"azure","image":"v2.3.0","measurements":{hex}}}"#);
    let v1 = |image| constellation::read_manifest_v1(v1.as_bytes(), image, &ORIGIN, &Consent::NONE);
    assert_eq!(v1("v2.3.0").unwrap().sets()[0].registers(), values.sets()[0].registers());
    assert!(v1("v2.4.0").unwrap_err().to_string().contains("$.image"));
    for (text, word) in [
        ("{}".into(), "is empty"),
        ("[]".into(), "expected a map"),
        (format!(r#"{{"4":"{}"}}"#, &PCR[2..]), "a digest of 32 bytes is due, this one has 31"),
        (format!(r#"{{"4":"{}"}}"#, &PCR_BASE64[..43]), "expected hexadecimal digits or base64"),
        (r#"{"4":""}"#.into(), "this one has 0"),
        (r#"{"4":null}"#.into(), "expected a map"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}

fn flashbots_list() -> String {
    format!(
        r#"[{{"measurement_id":"a","attestation_type":"azure-tdx","measurements":{{"4":{{"expected":"{PCR}"}},"11":{{"expected_any":["{PCR}","{1}"]}}}}}},
        {{"measurement_id":"b","attestation_type":"dcap-tdx","measurements":{{"0":{{"expected":"{0}"}},"1":{{"expected":"{0}"}}}}}}]"#,
        long(),
        PCR.replace('0', "1"),
    )
}

#[test]
fn flashbots_list_is_read_and_written() {
    let read = |text: &str| flashbots::read(text.as_bytes(), &ORIGIN, &Consent::NONE);
    let values = read(&flashbots_list()).unwrap();
    assert_eq!(values.sets()[0].registers()[&Register::TpmPcr(HashAlgorithm::Sha256, 11)].values().len(), 2);
    assert!(values.sets()[1].registers().contains_key(&Register::TdxRtmr(0)));
    let written = flashbots::write(&values).unwrap().complete().unwrap();
    assert_eq!(read(&written).unwrap(), values);
    for (from, to, word) in [
        ("azure-tdx", "none", "expected azure-tdx"),
        ("dcap-tdx", "azure-tdx", "a digest of 32 bytes is due"),
        ("\"measurement_id\":\"a\",", "", "has no \"measurement_id\""),
        ("\"measurement_id\":\"a\"", "\"measurement_id\":\"\"", "is empty"),
        ("expected_any\":[", "expected_any\":[],\"expected\":[", "either expected or expected_any"),
        ("\"expected\":", "\"expect\":", "unknown key"),
        ("{\"0\":", "{\"5\":", "expected the number of a register"),
        ("\"measurement_id\":\"a\"", "\"measurement_id\":\"a\",\"measurement_id\":\"b\"", "stands twice"),
    ] {
        let text = flashbots_list().replacen(from, to, 1);
        assert_ne!(text, flashbots_list(), "{from}");
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(word), "{from} -> {to}: {error}");
    }
    let twice = flashbots_list()
        .replace("\"b\",\"attestation_type\":\"dcap-tdx\"", "\"b\",\"attestation_type\":\"qemu-tdx\"");
    assert!(read(&twice).is_ok());
    assert!(read("[]").unwrap_err().to_string().contains("is empty"));
}

#[test]
fn values_of_rvps_are_read_and_written() {
    let read = |text: &str| rvps::read(text.as_bytes(), &ORIGIN, &Consent::NONE);
    let stored = |name: &str, value: &str| {
        format!(
            r#"{{"version":"0.1.0","name":"{name}","expiration":"2027-01-01T00:00:00Z","value":{value}}}"#
        )
    };
    let launch = stored("snp_launch_measurement", &format!("[\"{}\"]", long()));
    let pcr = stored("snp_pcr04", &format!("\"{PCR_BASE64}\""));
    let old = format!(
        r#"{{"version":"0.1","name":"snp_pcr11","expired":"2026-12-01T00:00:00Z","hash-value":[{{"alg":"sha256","value":"{PCR}"}}]}}"#
    );
    let values = read(&format!("[{launch},{pcr},{old}]")).unwrap().complete().unwrap();
    let set = &values.sets()[0];
    let names: Vec<String> = set.registers().keys().map(|register| register.name()).collect();
    assert_eq!(names, ["snp.measurement", "tpm.sha256.4", "tpm.sha256.11"]);
    assert_eq!(set.window().until(), Limit::To(1_796_083_200), "the first of its values to expire");
    let written = rvps::write(&values, 0).unwrap().complete().unwrap();
    assert_eq!(read(&written).unwrap().complete().unwrap(), values);
    let sent = format!(
        r#"{{"snp_launch_measurement":["{}"],"tdx_pcr04":["{PCR}"],"rtmr_2":["{0}"],"mr_td":["{0}"]}}"#,
        long()
    );
    assert_eq!(read(&sent).unwrap().complete().unwrap().sets()[0].registers().len(), 4);

    let lossy = read(&format!("[{launch},{}]", stored("snp_bootloader", "[4]"))).unwrap();
    assert_eq!(lossy.clone().complete().unwrap_err().0[0].at, "snp_bootloader");
    assert!(lossy.clone().despite(&["snp_microcode"]).is_err());
    assert_eq!(lossy.despite(&["snp_bootloader"]).unwrap().sets()[0].registers().len(), 1);
    let alone = format!("[{}]", stored("snp_bootloader", "[4]"));
    assert!(read(&alone).unwrap_err().to_string().contains("is empty"));
    for (text, word) in [
        (format!("[{launch},{launch}]"), "stands twice"),
        (format!("[{launch},{}]", stored("snp_pcr04", "[]")), "is empty"),
        (format!("[{}]", launch.replace("0.1.0", "0.2.0")), "$[0].version"),
        (
            format!("[{}]", launch.replace("\"expiration\":\"2027-01-01T00:00:00Z\",", "")),
            "has no \"expiration\"",
        ),
        (format!("[{}]", launch.replace("2027", "20270")), "expected a time"),
        (format!("[{}]", launch.replace("value", "values")), "unknown key"),
        (format!("[{}]", launch.replace(&long(), PCR)), "a digest of 48 bytes is due"),
        (format!("[{}]", old.replace("\"sha256\"", "\"sha1\"")), "expected sha256"),
        ("[]".into(), "is empty"),
        ("{}".into(), "is empty"),
        ("7".into(), "expected a map"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_said() {
    let set = |name: &str, register, rule| {
        let window = Window::new(Limit::To(1), Limit::To(2)).unwrap();
        let registers = [(register, rule)].into();
        let set = Set::new(name, window, registers, [(Minimum::SnpGuestSvn, 1)].into(), &Consent::NONE);
        ReferenceValues::new("n", 1, 0, Vec::from([set.unwrap()])).unwrap()
    };
    let four = Register::TpmPcr(HashAlgorithm::Sha256, 4);
    let one = Rule::equals(Digest::filled(1, 32));
    let two = Rule::new([1, 2].map(|octet| Digest::filled(octet, 32)), false).unwrap();
    let written = constellation::write_manifest(&set("QEMU/qemu-vtpm", four, one.clone()), &RELEASE).unwrap();
    let weakened = written.clone().complete().unwrap_err().0;
    assert_eq!(weakened.len(), 2, "window and least SVN: {weakened:?}");
    assert!(written.despite(&["QEMU/qemu-vtpm"]).is_ok());
    assert!(flashbots::write(&set("azure-tdx/a", four, two.clone())).unwrap().complete().is_err());
    assert!(rvps::write(&set("a", four, two.clone()), 0).unwrap().complete().is_err());

    let manifest = |name, register, rule| constellation::write_manifest(&set(name, register, rule), &RELEASE);
    assert!(matches!(
        manifest("QEMU/qemu-vtpm", four, two),
        Err(ExportError::SeveralValues { count: 2, .. })
    ));
    assert!(matches!(manifest("QEMU/qemu-tdx", four, one.clone()), Err(ExportError::Register { .. })));
    assert!(matches!(manifest("qemu-vtpm", four, one.clone()), Err(ExportError::SetName { .. })));
    let nitro = set("azure-tdx/a", Register::NitroPcr(4), Rule::equals(Digest::filled(1, 48)));
    assert!(matches!(flashbots::write(&nitro), Err(ExportError::Register { .. })));
    assert!(matches!(rvps::write(&nitro, 0), Err(ExportError::Register { .. })));
    assert!(matches!(flashbots::write(&set("a", four, one)), Err(ExportError::SetName { .. })));
}
