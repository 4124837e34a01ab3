//! Values in every format, made a policy, held against evidence of real machines: what matches is accepted, one digit more is
//! not. The folder is named by ATTESTRAP_REAL_VECTORS; none of it is kept here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_core::rules::{OneOf, Registers};
use attest_core::tee::vtpm::{
    AlgorithmId, AttestationKey, PcrValue, Public, TpmEvidence, TpmQuote, TrustedAk,
};
use attest_core::tee::{snp, vtpm};
use attest_core::values::Nonce;
use attest_core::x509::Certificate;
use attest_core::{Context, Evidence, Expect, Format, Policy, Store, TrustAnchors, UnixTime, Verifier};
use attest_measurements::formats::constellation::{self, Release};
use attest_measurements::formats::{Numbering, Origin, flashbots, rvps};
use attest_measurements::reference::{Consent, ReferenceValues};
use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};

const ORIGIN: Origin<'_> = Origin::new("image", 1, 1_790_000_000);
const NOW: u64 = 1_790_000_000;

fn folder(path: &str) -> Option<PathBuf> {
    let folder = vectors::real().map(|root| root.join(path));
    if folder.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS does not name the folder of real evidence");
    }
    folder
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{folder:?} {name}: {error}"))
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// A real machine, and how to ask whether a policy accepts it.
struct Machine {
    evidence: Evidence,
    store: Vec<Vec<u8>>,
    anchors: TrustAnchors,
    now: UnixTime,
    expect: Expect,
    ground: Policy,
}

impl Machine {
    fn tpm(folder: &Path) -> (Self, Vec<(u8, String)>) {
        let pcrs: Value = serde_json::from_slice(&read(folder, "pcrs.json")).expect("JSON");
        let pcrs: Vec<(u8, String)> = pcrs["pcrs"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|pcr| {
                (pcr["index"].as_u64().expect("an index") as u8, pcr["value"].as_str().expect("hex").into())
            })
            .collect();
        let value = |(index, value): &(u8, String)| PcrValue {
            bank: AlgorithmId(0x000b),
            index: *index,
            value: vectors::unhex(value).expect("hex"),
        };
        let (attest, signature) = (read(folder, "attest.bin"), read(folder, "sig.bin"));
        let quote = TpmQuote { attest, signature, pcrs: pcrs.iter().map(value).collect() };
        let ak = read(folder, "ak.tpmt");
        let name = Public::parse(&ak).expect("a public area").name(&PROVIDER).expect("a name");
        let mut anchors = TrustAnchors::pinned();
        anchors.vtpm.add_key(TrustedAk::pinned(name));
        let parts = TpmEvidence::new(vec![quote], AttestationKey::Public(ak), Vec::new());
        let mut rules = vtpm::Policy::strict(OneOf::Any, Registers::Any);
        rules.stale_evidence = attest_core::rules::Unusual::Any;
        let machine = Self {
            evidence: Evidence::new(Format::Vtpm, parts.to_bytes()),
            store: Vec::new(),
            anchors,
            now: at(NOW),
            expect: Expect::Nonce(Nonce::new(&read(folder, "nonce.bin")).expect("a nonce")),
            ground: Policy::for_vtpm(rules),
        };
        (machine, pcrs)
    }

    fn snp(folder: &Path) -> (Self, String) {
        let report = read(folder, "report.bin");
        let measurement = vectors::hex(&report[0x90..0xc0]);
        let vek = read(folder, "vek.der");
        let issued = Certificate::parse(&vek).expect("a certificate").validity().not_before;
        let machine = Self {
            evidence: Verifier::new().detect(&report).expect("a report"),
            store: vec![vek, read(folder, "ask.pem"), read(folder, "ark.pem")],
            anchors: TrustAnchors::pinned(),
            now: at(issued + 86_400),
            expect: Expect::AnyReportData,
            ground: Policy::for_snp(snp::Policy::dangerously_any()),
        };
        (machine, measurement)
    }

    fn accepts(&self, policy: &Policy) -> bool {
        let mut store = Store::new();
        for blob in &self.store {
            store.add(blob).expect("collateral");
        }
        let context = Context::new(&PROVIDER, &self.anchors, self.now, self.expect);
        let verified = Verifier::new().verify(&self.evidence, &store, &context).expect("genuine");
        policy.judge(verified).is_accepted()
    }

    /// Reads `good`, which must be accepted, and then each text with one digit of `value` changed, which must not.
    fn hold(&self, good: &str, value: &str, read: impl Fn(&str) -> ReferenceValues) {
        let judge = |text: &str| {
            let policies = read(text).to_policies(&self.ground, at(NOW)).expect("policies");
            let [(_, policy)] = policies.as_slice() else { panic!("one set") };
            let again = Policy::from_json(&policy.to_json()).expect("a policy file");
            assert_eq!(again, *policy);
            self.accepts(policy)
        };
        assert!(judge(good), "what matches is accepted");
        for at in 0..value.len() {
            let digit = if value.as_bytes()[at] == b'0' { "1" } else { "0" };
            let changed = [&value[..at], digit, &value[at + 1..]].concat();
            let text = good.replace(value, &changed);
            assert_ne!(text, good);
            assert!(!judge(&text), "digit {at}");
        }
    }
}

fn map(pcrs: &[(u8, String)], wanted: &[u8], value: impl Fn(&str) -> Value) -> Value {
    let entries = pcrs.iter().filter(|(index, _)| wanted.contains(index));
    Value::Object(entries.map(|(index, digest)| (index.to_string(), value(digest))).collect())
}

const WANTED: [u8; 5] = [4, 8, 9, 11, 12];

#[test]
fn every_form_of_constellation() {
    let Some(folder) = folder("tpm/quote/azure-snp-trustee-v1") else { return };
    let (machine, pcrs) = Machine::tpm(&folder);
    let four = pcrs.iter().find(|(index, _)| *index == 4).expect("PCR 4").1.clone();
    let objects = map(&pcrs, &WANTED, |digest| json!({"expected": digest, "warnOnly": false}));
    let hex = map(&pcrs, &WANTED, |digest| digest.into());

    let release = Release::new("v2.17.0", "-", "stable");
    let manifest = json!({"version": "v2.17.0", "ref": "-", "stream": "stable", "list": [
        {"csp": "Azure", "attestationVariant": "azure-sev-snp", "measurements": objects},
    ]});
    machine.hold(&manifest.to_string(), &four, |text| {
        constellation::read_manifest(text.as_bytes(), &release, &ORIGIN, &Consent::NONE).expect("manifest v2")
    });
    let v1 = json!({"csp": "azure", "image": "v2.3.0", "measurements": objects});
    machine.hold(&v1.to_string(), &four, |text| {
        constellation::read_manifest_v1(text.as_bytes(), "v2.3.0", &ORIGIN, &Consent::NONE)
            .expect("manifest v1")
    });
    let bare = |text: &str| {
        constellation::read_measurements(text.as_bytes(), Numbering::TpmSha256, &ORIGIN, &Consent::NONE)
            .expect("measurements")
    };
    machine.hold(&objects.to_string(), &four, bare);
    machine.hold(&hex.to_string(), &four, bare);
    // Base64 of the same bytes: the digits are those of the hexadecimal form before it is encoded.
    let base64 = |text: &str| {
        let map: serde_json::Map<String, Value> = serde_json::from_str(text).expect("JSON");
        let encoded = map.into_iter().map(|(index, value)| {
            let bytes = vectors::unhex(value.as_str().expect("hex")).expect("hex");
            (index, Base64::encode_string(&bytes).into())
        });
        bare(&Value::Object(encoded.collect()).to_string())
    };
    machine.hold(&hex.to_string(), &four, base64);
}

#[test]
fn flashbots_list() {
    let Some(folder) = folder("tpm/quote/azure-tdx-flashbots-1780922561") else { return };
    let (machine, pcrs) = Machine::tpm(&folder);
    let eleven = pcrs.iter().find(|(index, _)| *index == 11).expect("PCR 11").1.clone();
    let list = json!([{"measurement_id": "image", "attestation_type": "azure-tdx",
        "measurements": map(&pcrs, &WANTED, |digest| json!({"expected": digest}))}]);
    machine.hold(&list.to_string(), &eleven, |text| {
        flashbots::read(text.as_bytes(), &ORIGIN, &Consent::NONE).expect("a list")
    });
}

#[test]
fn values_of_rvps() {
    let Some(folder) = folder("snp/genoa-v3-plain-a") else { return };
    let (machine, measurement) = Machine::snp(&folder);
    let list = json!([{"version": "0.1.0", "name": "snp_launch_measurement", "expiration": "2027-01-01T00:00:00Z",
        "value": ["00".repeat(48), measurement]}]);
    let read = |text: &str| {
        rvps::read(text.as_bytes(), &ORIGIN, &Consent::NONE)
            .expect("values")
            .complete()
            .expect("nothing lost")
    };
    machine.hold(&list.to_string(), &measurement, read);
    let sent = json!({"snp_launch_measurement": [measurement]});
    machine.hold(&sent.to_string(), &measurement, read);
}

#[test]
fn a_warning_accepts_and_is_seen() {
    let Some(folder) = folder("tpm/quote/azure-snp-trustee-v1") else { return };
    let (machine, pcrs) = Machine::tpm(&folder);
    let judge = |warn_only: bool| {
        let mut map = map(&pcrs, &WANTED, |digest| json!({"expected": digest, "warnOnly": false}));
        map["4"] = json!({"expected": "00".repeat(32), "warnOnly": warn_only});
        let text = map.to_string();
        let values =
            constellation::read_measurements(text.as_bytes(), Numbering::TpmSha256, &ORIGIN, &Consent::NONE);
        machine.accepts(
            &values.expect("measurements").sets()[0].to_policy(&machine.ground, at(NOW)).expect("a policy"),
        )
    };
    assert!(judge(true));
    assert!(!judge(false));
}

/// A machine with one register of the old image and another of the new one matches neither.
#[test]
fn sets_do_not_mix() {
    let Some(folder) = folder("tpm/quote/azure-snp-trustee-v1") else { return };
    let (machine, pcrs) = Machine::tpm(&folder);
    let with = |index: u8| {
        let mut map = map(&pcrs, &WANTED, |digest| json!({"expected": digest}));
        map[index.to_string()] = json!({"expected": "11".repeat(32)});
        map
    };
    let list = json!([
        {"measurement_id": "old", "attestation_type": "azure-tdx", "measurements": with(4)},
        {"measurement_id": "new", "attestation_type": "azure-tdx", "measurements": with(11)},
    ]);
    let values = flashbots::read(list.to_string().as_bytes(), &ORIGIN, &Consent::NONE).expect("a list");
    let policies = values.to_policies(&machine.ground, at(NOW)).expect("policies");
    assert_eq!(policies.len(), 2);
    assert!(policies.iter().all(|(_, policy)| !machine.accepts(policy)));
}
