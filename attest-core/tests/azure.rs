//! Azure's reports: those of real machines end as their manifest says, and with the chip's certificate their quotes verify.

#[path = "credential/manifest.rs"]
mod manifest;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use attest_core::claims::Root;
use attest_core::crypto::{BUILT_IN, HashAlgorithm};
use attest_core::error::Error;
use attest_core::policy::Accepted;
use attest_core::rules::OneOf;
use attest_core::tee::azure::{
    HclReport, MAX_HCL_REPORT, MAX_RUNTIME_DATA, ReportType, RuntimeData, Setting,
};
use attest_core::tee::snp;
use attest_core::tee::vtpm::{
    AkPath, AlgorithmId, AttestationKey, PcrValue, Public, TpmEvidence, TpmQuote, TrustedAk,
};
use attest_core::values::Nonce;
use attest_core::{
    Claims, Context, Evidence, Expect, Format, Policy, Store, TrustAnchors, UnixTime, Verdict, Verifier,
};
use manifest::{bytes, entries, file, text};
use serde_json::{Value, json};
use vectors::hex;

/// The check that a verdict of the manifest stands for.
fn check_of(verdict: &str) -> &'static str {
    match verdict {
        "ak-not-found" => "azure.hcl.ak",
        "bad-magic" => "azure.hcl.magic",
        "hash-type-not-supported" => "azure.hcl.hash-type",
        "report-type-unknown" => "azure.hcl.report-type",
        "runtime-data-hash-mismatch" => "azure.hcl.runtime-data",
        "truncated" => "azure.hcl.length",
        other => panic!("{other}"),
    }
}

#[test]
fn reports_end_as_the_manifest_says() {
    for (folder, entry) in entries("hcl-report") {
        let (id, expected) = (text(&entry, "id"), &entry["expected"]);
        let report = file(&folder, &entry, "hcl_report");
        let parsed = HclReport::parse(&report);
        if let Ok(hcl) = &parsed {
            header_is(hcl, expected, report.len());
        }
        for provider in BUILT_IN {
            let outcome = parsed.clone().and_then(|hcl| hcl.dangerous_unproven(provider));
            match (text(&entry, "verdict"), outcome) {
                ("valid", outcome) => {
                    let hcl = parsed.as_ref().unwrap();
                    let digest = provider.digest(HashAlgorithm::Sha256, &[hcl.runtime_data()]).unwrap();
                    assert_eq!(digest.as_bytes(), bytes(expected, "runtime_data_sha256"), "{id}");
                    let runtime = outcome.expect(id);
                    let public = Public::parse(runtime.ak().public_area()).unwrap();
                    let spki = provider.digest(HashAlgorithm::Sha256, &[&public.spki().unwrap()]).unwrap();
                    assert_eq!(spki.as_bytes(), bytes(expected, "ak_spki_sha256"), "{id}");
                    runtime_is(&runtime, expected);
                }
                (verdict, outcome) => {
                    assert_eq!(outcome.expect_err(id).check_id(), Some(check_of(verdict)), "{id}");
                }
            }
        }
    }
}

fn header_is(hcl: &HclReport<'_>, expected: &Value, len: usize) {
    let number = |key: &str| expected[key].as_u64().unwrap();
    assert_eq!(u64::from(hcl.version()), number("header_version"));
    assert_eq!(u64::from(hcl.report_size()), number("header_report_size"));
    assert_eq!(u64::from(hcl.request_type()), number("header_request_type"));
    assert_eq!(u64::from(hcl.data_size()), number("igvm_data_size"));
    assert_eq!((1, "sha256"), (number("igvm_version"), text(expected, "hash_type")));
    assert_eq!(hcl.report_type().name(), text(expected, "report_type"));
    assert_eq!(u64::try_from(hcl.runtime_data().len()).unwrap(), number("variable_data_size"));
    assert_eq!(u64::try_from(len).unwrap(), number("total_len"));
    if expected["report_data"].is_string() {
        assert_eq!(hcl.report_data()[..], bytes(expected, "report_data"));
    }
}

fn runtime_is(runtime: &RuntimeData, expected: &Value) {
    let ids: Vec<&str> = runtime.keys().iter().map(|key| key.id.as_str()).collect();
    assert_eq!(json!(ids), expected["key_ids"]);
    let ak = runtime.keys().iter().find(|key| key.id == "HCLAkPub").unwrap();
    assert_eq!(json!(ak.operations), expected["ak_key_ops"]);
    assert_eq!(json!(runtime.user_data().map(|data| hex(data))), expected["user_data"]);
    let settings: BTreeMap<&str, Value> = runtime
        .vm_configuration()
        .map(|(name, setting)| match setting {
            Setting::Flag(flag) => (name, json!(flag)),
            Setting::Number(number) => (name, json!(number)),
            Setting::Text(text) => (name, json!(text)),
            other @ (Setting::Other | _) => panic!("{name}: {other:?}"),
        })
        .collect();
    assert_eq!(json!(settings), expected["vm_configuration"]);
    let mut names = Vec::new();
    runtime.for_each(|name, _| names.push(name.to_owned()));
    assert_eq!(names.len(), ids.len() + settings.len() + 1);
}

/// Real reports with their chip's certificate, as the SNP manifest has them: id, report, certificate, a time when it held.
fn certified() -> Vec<(String, Vec<u8>, Vec<u8>, UnixTime)> {
    let Some(folder) = vectors::real().map(|folder| folder.join("snp")) else {
        println!("skipped: ATTESTRAP_REAL_VECTORS is not set (snp)");
        return Vec::new();
    };
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let with_blob = manifest["vectors"].as_array().unwrap().iter().filter(|entry| entry["hcl"].is_object());
    // 15 January 2026: every certificate of the list is valid.
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
    let found: Vec<_> = with_blob
        .map(|entry| {
            let of = folder.join(text(entry, "id"));
            let read = |name: &str| fs::read(of.join(name)).unwrap();
            (text(entry, "id").to_owned(), read("hcl.bin"), read("vek.der"), now)
        })
        .collect();
    assert!(!found.is_empty());
    found
}

fn verify_hardware(
    hcl: &HclReport<'_>,
    vek: &[u8],
    now: UnixTime,
    provider: &attest_core::crypto::CryptoProvider,
) -> Accepted {
    let anchors = TrustAnchors::pinned();
    let mut store = Store::new();
    store.add(vek).unwrap();
    let context = Context::new(provider, &anchors, now, Expect::AnyReportData);
    let evidence = Evidence::new(Format::Snp, hcl.hardware_report().to_vec());
    let verified = Verifier::new().verify(&evidence, &store, &context).unwrap();
    let mut policy = snp::Policy::dangerously_any();
    // The paravisor must be listed.
    policy.measurements = OneOf::only(hcl.hardware_report()[0x90..0xc0].try_into().unwrap());
    match Policy::for_snp(policy).judge(verified) {
        Verdict::Accepted(accepted) => accepted,
        Verdict::Rejected(rejected) => panic!("{rejected:?}"),
    }
}

#[test]
fn quotes_verify_by_the_key_that_the_chip_vouches_for() {
    let quotes = entries("quote");
    let mut verified = 0;
    for (id, blob, vek, now) in certified() {
        for provider in BUILT_IN {
            let hcl = HclReport::parse(&blob).unwrap();
            let hardware = verify_hardware(&hcl, &vek, now, provider);
            let bound = hcl.bind_snp(&hardware, &Expect::AnyReportData, provider).expect(&id);
            assert!(!bound.fresh(), "{id}");
            if let Some(user_data) = bound.runtime_data().user_data() {
                let expect = Expect::ReportData(*user_data);
                assert!(hcl.bind_snp(&hardware, &expect, provider).expect(&id).fresh(), "{id}");
            }
            let other = hcl.bind_snp(&hardware, &Expect::ReportData([0x5a; 64]), provider);
            assert_eq!(other.unwrap_err().check_id(), Some("azure.hcl.user-data"), "{id}");
            assert_eq!((bound.ak().path(), bound.ak().root()), (AkPath::Tee, Root::Hardware), "{id}");
            for (folder, entry) in &quotes {
                let blob_of =
                    entry["files"]["hcl_report"].as_str().map(|_| file(folder, entry, "hcl_report"));
                if blob_of.as_deref() == Some(&blob) {
                    quote_verifies(folder, entry, bound.ak(), now, provider);
                    verified += 1;
                }
            }
        }
    }
    println!("{verified} quotes");
    assert!(quotes.is_empty() || verified >= 3 * BUILT_IN.len());
}

/// A quote of the manifest, by the public area and by the bare key, under this trusted key and under none.
fn quote_verifies(
    folder: &std::path::Path,
    entry: &Value,
    ak: &TrustedAk,
    now: UnixTime,
    provider: &attest_core::crypto::CryptoProvider,
) {
    let id = text(entry, "id");
    let values: Value = serde_json::from_slice(&file(folder, entry, "pcrs")).unwrap();
    let pcrs = values["pcrs"].as_array().unwrap().iter().map(|value| PcrValue {
        bank: AlgorithmId::of(HashAlgorithm::from_name(text(value, "bank")).unwrap()),
        index: u8::try_from(value["index"].as_u64().unwrap()).unwrap(),
        value: bytes(value, "value"),
    });
    let quote = TpmQuote {
        attest: file(folder, entry, "attest"),
        signature: file(folder, entry, "sig"),
        pcrs: pcrs.collect(),
    };
    let nonce = Nonce::new(&file(folder, entry, "nonce")).unwrap();
    let mut anchors = TrustAnchors::pinned();
    for key in [
        AttestationKey::Public(file(folder, entry, "ak")),
        AttestationKey::Spki(file(folder, entry, "ak_spki")),
    ] {
        let evidence = TpmEvidence::new(vec![quote.clone()], key, Vec::new());
        let evidence = Evidence::new(Format::Vtpm, evidence.to_bytes());
        anchors.vtpm = attest_core::tee::vtpm::Anchors::none();
        let verify = |anchors: &TrustAnchors| {
            let context = Context::new(provider, anchors, now, Expect::Nonce(nonce));
            Verifier::new().verify(&evidence, &Store::new(), &context)
        };
        assert_eq!(verify(&anchors).unwrap_err().error.check_id(), Some("vtpm.ak.trusted"), "{id}");
        anchors.vtpm.add_key(ak.clone());
        let verified = verify(&anchors).expect(id);
        let Claims::Vtpm(claims) = verified.claims() else { panic!("{id}") };
        assert_eq!((claims.ak_path(), claims.root()), (AkPath::Tee, Root::Hardware), "{id}");
        let name = bytes(&entry["expected"]["ak"], "name");
        assert_eq!(claims.ak_name().unwrap().as_bytes(), name, "{id}");
    }
}

#[test]
fn a_report_binds_itself_and_no_other() {
    let all = certified();
    let provider = BUILT_IN[0];
    for ((id, blob, vek, now), (_, other, ..)) in all.iter().zip(all.iter().skip(1)) {
        let hcl = HclReport::parse(blob).unwrap();
        let hardware = verify_hardware(&hcl, vek, *now, provider);
        let any = Expect::AnyReportData;
        // Another machine's runtime data under this report, and this machine's data around another machine's report.
        let refused = HclReport::parse(other).unwrap().bind_snp(&hardware, &any, provider).unwrap_err();
        assert_eq!(refused.check_id(), Some("azure.hcl.runtime-data"), "{id}");
        let mut swapped = blob.clone();
        swapped[32..32 + 1184].copy_from_slice(&other[32..32 + 1184]);
        let refused = HclReport::parse(&swapped).unwrap().bind_snp(&hardware, &any, provider).unwrap_err();
        assert_eq!(refused.check_id(), Some("azure.hcl.hardware-report"), "{id}");
        let mut tdx = blob.clone();
        tdx[1224] = 4;
        let refused = HclReport::parse(&tdx).unwrap().bind_snp(&hardware, &any, provider).unwrap_err();
        assert_eq!(refused.check_id(), Some("azure.hcl.hardware-type"), "{id}");
        // Every bit outside the hardware report counts, but for a request's type and status.
        for at in (0..32).chain(1216..blob.len()) {
            let mut turned = blob.clone();
            turned[at] ^= 1;
            let outcome = HclReport::parse(&turned).and_then(|hcl| hcl.bind_snp(&hardware, &any, provider));
            let free = matches!(at, 12..20);
            assert_eq!(outcome.is_ok(), free, "{id}: byte {at}");
        }
        for len in 0..blob.len().min(1236 + hcl.runtime_data().len()) {
            let cut = HclReport::parse(&blob[..len]).unwrap_err();
            assert_eq!(cut.check_id(), Some("azure.hcl.length"), "{id}: {len} bytes");
        }
    }
}

fn jwk(kid: &str) -> Value {
    json!({"kid": kid, "kty": "RSA", "e": "AQAB", "n": format!("_{}", "A".repeat(341)), "key_ops": ["sign"]})
}

fn refusal(document: &str) -> &'static str {
    RuntimeData::from_json(document.as_bytes())
        .map(|runtime| panic!("{runtime:?}"))
        .map_err(|error| error.check_id())
        .unwrap_err()
}

#[test]
fn runtime_data_have_one_form() {
    let good = json!({"keys": [jwk("HCLAkPub")], "later": {"x": [1, -1, 1.5, null]}});
    let runtime = RuntimeData::from_json(good.to_string().as_bytes()).unwrap();
    assert_eq!((runtime.user_data(), runtime.vm_configuration().count()), (None, 0));
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        document.to_string()
    };
    for (check, document) in [
        ("azure.hcl.ak", with("keys", json!([]))),
        ("azure.hcl.ak", with("keys", json!([jwk("HCLEkPub")]))),
        ("azure.hcl.key-id", with("keys", json!([jwk("HCLAkPub"), jwk("HCLAkPub")]))),
        ("azure.hcl.key-id", with("keys", json!([jwk("HCLAkPub"), jwk("x"), jwk("x")]))),
        ("azure.hcl.runtime-json", with("keys", json!({}))),
        ("azure.hcl.runtime-json", with("keys", json!([{}]))),
        ("azure.hcl.runtime-json", with("keys", json!(vec![1; 65]))),
        ("azure.hcl.runtime-json", with("vm-configuration", json!([]))),
        ("azure.hcl.runtime-json", with("user-data", json!("00"))),
        ("azure.hcl.runtime-json", with("user-data", json!("0g".repeat(64)))),
        ("azure.hcl.runtime-json", with("user-data", json!(0))),
        ("azure.hcl.runtime-json", "{}".into()),
        ("azure.hcl.runtime-json", "[]".into()),
        ("azure.hcl.runtime-json", String::new()),
        ("azure.hcl.runtime-json", format!("{good}{{}}")),
        ("azure.hcl.runtime-json", format!("{good}\0")),
        ("azure.hcl.runtime-json", good.to_string().replacen('{', r#"{"keys":[],"#, 1)),
        ("azure.hcl.runtime-json", good.to_string().replace(r#""later""#, r#""k\u0065ys""#)),
        ("azure.hcl.runtime-json", good.to_string().replace(r#""kty""#, r#""kid":"HCLAkPub","kty""#)),
        ("azure.hcl.runtime-json", good.to_string().replace(r#"{"x""#, r#"{"y":1,"y":1,"x""#)),
        ("azure.hcl.runtime-json", with("deep", (0..9).fold(json!(1), |inner, _| json!([inner])))),
        ("form.budget", with("long", json!("x".repeat(MAX_RUNTIME_DATA)))),
    ] {
        assert_eq!(refusal(&document), check, "{document:.300}");
    }
    for (name, value) in [
        ("kty", json!("EC")),
        ("kty", json!(1)),
        ("e", json!("")),
        ("e", json!("AAEAAQ")),
        ("e", json!("AQAB=")),
        ("e", json!("AQAB\n")),
        ("e", json!("AQABAQAB")),
        ("e", json!("AR")),
        ("n", json!("_w")),
        ("n", json!(format!("A{}", "A".repeat(341)))),
        ("n", json!(format!("/{}", "A".repeat(341)))),
        ("n", json!(format!("_{}B", "A".repeat(340)))),
        ("n", json!(format!("_{}", "A".repeat(340)))),
        ("n", json!(format!("_{}", "A".repeat(800)))),
    ] {
        let mut key = jwk("HCLAkPub");
        key[name] = value;
        let document = with("keys", json!([key]));
        assert_eq!(refusal(&document), "azure.hcl.ak-key", "{document:.300}");
    }
}

#[test]
fn other_reports_are_refused() {
    let error = |bytes: &[u8]| HclReport::parse(bytes).unwrap_err();
    assert_eq!(error(&[]).check_id(), Some("azure.hcl.length"));
    assert_eq!(error(b"HCLX").check_id(), Some("azure.hcl.magic"));
    assert_eq!(error(&vec![0; MAX_HCL_REPORT + 1]).check_id(), Some("form.budget"));
    let mut report = vec![0; 1236];
    report[..5].copy_from_slice(b"HCLA\x01");
    report[1220] = 1;
    report[1224] = 4;
    report[1228] = 1;
    assert_eq!(HclReport::parse(&report).unwrap().report_type(), ReportType::Tdx);
    for (at, value, check) in [
        (4, 3, "azure.hcl.version"),
        (4, 0, "azure.hcl.version"),
        (20, 1, "azure.hcl.reserved"),
        (31, 1, "azure.hcl.reserved"),
        (1220, 2, "azure.hcl.request-version"),
        (1224, 1, "azure.hcl.report-type"),
        (1228, 3, "azure.hcl.hash-type"),
        (1232, 1, "azure.hcl.length"),
    ] {
        let mut changed = report.clone();
        changed[at] = value;
        let refused = error(&changed);
        assert_eq!(refused.check_id(), Some(check));
        let known = !matches!(check, "azure.hcl.reserved" | "azure.hcl.length");
        assert_eq!(matches!(refused, Error::Unsupported(_)), known, "{refused}");
    }
}
