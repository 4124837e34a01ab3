//! Certificates of attestation keys as clouds issue them, and what Google's say of the machine.

#[path = "credential/manifest.rs"]
mod manifest;

use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::checks::Outcome;
use attest_core::claims::Root;
use attest_core::collateral::Collateral;
use attest_core::crypto::{BUILT_IN, HashAlgorithm};
use attest_core::tee::vtpm::{
    AkPath, AlgorithmId, Anchors, AttestationKey, GCE_INSTANCE_ID, GceInfo, PcrValue, TpmEvidence, TpmQuote,
};
use attest_core::values::Nonce;
use attest_core::x509::Certificate;
use attest_core::{Context, Expect, Refused, Store, TrustAnchors, UnixTime, Verified};
use manifest::{bytes, entries, file, text};
use serde_json::Value;

/// A quote of a machine whose key has a certificate; it stands in where only the certificate is judged.
const QUOTE: &str = "vaportpm-gcp-tdx";

fn seconds(text: &str) -> UnixTime {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days since 1970 by the civil calendar, years from March on.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let time = number(11..13) * 3600 + number(14..16) * 60 + number(17..19);
    UnixTime::since_unix_epoch(Duration::from_secs(days * 86_400 + time))
}

fn quote(folder: &Path, entry: &Value) -> TpmQuote {
    let values: Value = serde_json::from_slice(&file(folder, entry, "pcrs")).unwrap();
    let pcrs = values["pcrs"].as_array().unwrap().iter().map(|value| PcrValue {
        bank: AlgorithmId::of(HashAlgorithm::from_name(text(value, "bank")).unwrap()),
        index: u8::try_from(value["index"].as_u64().unwrap()).unwrap(),
        value: bytes(value, "value"),
    });
    TpmQuote {
        attest: file(folder, entry, "attest"),
        signature: file(folder, entry, "sig"),
        pcrs: pcrs.collect(),
    }
}

/// Verifies a quote by a bare key and the certificates that travel with it.
fn verify(
    quote: &TpmQuote,
    spki: &[u8],
    certificates: &[Vec<u8>],
    roots: &[Vec<u8>],
    now: UnixTime,
    expect: Expect,
) -> Result<Verified<attest_core::tee::vtpm::Claims>, Refused> {
    let mut anchors = TrustAnchors::pinned();
    anchors.vtpm = Anchors::none();
    roots.iter().for_each(|root| anchors.vtpm.add_root(root).unwrap());
    let mut carried = Collateral::new();
    for der in certificates {
        carried.add(der).unwrap();
    }
    let evidence = TpmEvidence::new(vec![quote.clone()], AttestationKey::Spki(spki.to_vec()), Vec::new());
    evidence.verify(&carried, &Store::new(), &Context::new(BUILT_IN[0], &anchors, now, expect))
}

fn files(folder: &Path, entry: &Value, prefix: &str) -> Vec<Vec<u8>> {
    let named = entry["files"].as_object().unwrap().keys().filter(|name| name.starts_with(prefix));
    named.map(|name| file(folder, entry, name)).collect()
}

#[test]
fn certificates_end_as_the_manifest_says() {
    let quotes = entries("quote");
    for (folder, entry) in entries("ak-certificate") {
        let id = text(&entry, "id");
        let (_, stand_in) = quotes.iter().find(|(_, entry)| entry["id"] == QUOTE).unwrap();
        let leaf = file(&folder, &entry, "leaf");
        let certificate = Certificate::parse(&leaf).unwrap();
        let mut chain = vec![leaf.clone()];
        chain.extend(files(&folder, &entry, "intermediate"));
        let refused = verify(
            &quote(&folder, stand_in),
            certificate.spki(),
            &chain,
            &files(&folder, &entry, "root"),
            seconds(text(&entry, "verify_at")),
            Expect::AnyReportData,
        );
        let outcome = |check: &str| {
            let record = match &refused {
                Ok(verified) => verified.checks(),
                Err(refused) => &refused.checks,
            };
            record.iter().find(|line| line.check.id == check).map(|line| line.outcome)
        };
        let (chain, usage) = (outcome("vtpm.ak.chain"), outcome("vtpm.ak.usage"));
        match text(&entry, "verdict") {
            "valid" => assert_eq!((chain, usage), (Some(Outcome::Passed), Some(Outcome::Passed)), "{id}"),
            "key-usage" => assert_eq!((chain, usage), (Some(Outcome::Passed), Some(Outcome::Failed)), "{id}"),
            "certificate-expired" | "untrusted-root" => assert_eq!(chain, Some(Outcome::Failed), "{id}"),
            other => panic!("{other}"),
        }
        let info = certificate.extension(GCE_INSTANCE_ID).map(|found| GceInfo::parse(found.value).unwrap());
        if let Some(expected) = entry["expected"].get("gce_instance") {
            instance_is(info.as_ref(), expected);
        }
        assert_eq!(info.is_some(), text(&entry, "platform").starts_with("gcp"), "{id}");
    }
}

fn instance_is(info: Option<&GceInfo>, expected: &Value) {
    let Some(GceInfo::Instance(instance)) = info else { panic!("{info:?}") };
    assert_eq!(expected["is_production"], true);
    assert_eq!(instance.zone(), text(expected, "zone"));
    assert_eq!(Some(instance.project_number()), expected["project_number"].as_u64());
    assert_eq!(instance.project_id(), text(expected, "project_id"));
    assert_eq!(Some(instance.instance_id()), expected["instance_id"].as_u64());
    assert_eq!(instance.instance_name(), text(expected, "instance_name"));
    assert_eq!(instance.security_version(), expected["security_version"].as_u64());
}

#[test]
fn a_quote_carries_what_its_certificate_says() {
    for (folder, entry) in entries("quote") {
        let id = text(&entry, "id");
        let (root, subject) = match id {
            "azure-tdx-flashbots-1780922561" => ("azure_virtual_tpm_root_2023", "2ede2d532aaf."),
            "vaportpm-gcp-amd" | "vaportpm-gcp-tdx" => ("gcp_ek_ak_ca_root", ""),
            _ => continue,
        };
        let roots = [fs::read(folder.join("roots").join(format!("{root}.der"))).unwrap()];
        let mut chain = files(&folder, &entry, "ak_cert");
        let leaf = chain[0].clone();
        chain.extend(files(&folder, &entry, "intermediate"));
        let nonce = Expect::Nonce(Nonce::new(&file(&folder, &entry, "nonce")).unwrap());
        let spki = file(&folder, &entry, "ak_spki");
        let now = seconds("2026-06-10T00:00:00");
        let verified = verify(&quote(&folder, &entry), &spki, &chain, &roots, now, nonce).expect(id);
        let claims = verified.claims();
        assert_eq!((claims.ak_path(), claims.root()), (AkPath::Certificate, Root::CloudVtpm), "{id}");
        let certificate = claims.certificate().unwrap();
        assert!(certificate.subject_common_name().unwrap().starts_with(subject), "{id}");
        let leaf = Certificate::parse(&leaf).unwrap();
        let info = leaf.extension(GCE_INSTANCE_ID).map(|found| GceInfo::parse(found.value).unwrap());
        assert_eq!(certificate.gce(), info.as_ref(), "{id}");
        let mut shown = Vec::new();
        claims.for_each(|name, value| shown.push((name, value.to_string())));
        let shown = |name: &str| shown.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_str());
        assert_eq!(shown("certificate_subject"), certificate.subject_common_name(), "{id}");
        match &info {
            Some(GceInfo::Instance(instance)) => {
                assert_eq!(shown("gce_production"), Some("yes"), "{id}");
                let number = instance.instance_id().to_string();
                assert_eq!(shown("gce_instance_id"), Some(number.as_str()), "{id}");
                assert_eq!(certificate.subject_common_name(), Some(number.as_str()), "{id}");
            }
            _ => assert_eq!(shown("gce_production"), None, "{id}"),
        }
    }
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&[tag, u8::try_from(content.len()).unwrap()][..], &content].concat()
}

/// The extension with these numbers, as INTEGER content, and these properties.
fn extension(project: &[u8], instance: &[u8], properties: &[u8]) -> Vec<u8> {
    let utf8 = |text: &str| tlv(0x0c, &[text.as_bytes()]);
    let names = [utf8("zone-a"), tlv(2, &[project]), utf8("project"), tlv(2, &[instance]), utf8("name")];
    tlv(0x30, &[&names.concat(), properties])
}

#[test]
fn instance_information_has_one_form() {
    let number = |number: u8, value: &[u8]| tlv(0xa0 | number, &[value]);
    let (version, yes, no) = (number(0, &[2, 1, 3]), number(1, &[1, 1, 0xff]), number(1, &[1, 1, 0]));
    let wrapped = |parts: &[&[u8]]| tlv(0xa0, &[&tlv(0x30, parts)]);
    let flat = |parts: &[&[u8]]| tlv(0xa0, parts);
    let read = |properties: Vec<u8>| GceInfo::parse(&extension(&[5], &[0, 0xff], &properties));
    let later = number(5, &[1, 1, 0]);
    for properties in
        [wrapped(&[&version, &yes]), flat(&[&version, &yes]), wrapped(&[&version, &yes, &later])]
    {
        let Ok(GceInfo::Instance(instance)) = read(properties) else { panic!() };
        assert_eq!((instance.project_number(), instance.instance_id()), (5, 0xff));
        assert_eq!((instance.zone(), instance.security_version()), ("zone-a", Some(3)));
    }
    // Nobody says that it is production: whom it names is not told.
    for properties in
        [Vec::new(), wrapped(&[]), flat(&[]), wrapped(&[&version]), flat(&[&version, &no]), wrapped(&[&no])]
    {
        assert_eq!(read(properties), Ok(GceInfo::NotProduction));
    }
    let good = wrapped(&[&version, &yes]);
    let negative = [&[0xff][..], &[0x80, 0], &[0, 1], &[0, 0x7f], &[], &[1; 9]];
    let mut refused: Vec<Vec<u8>> = negative.iter().map(|bytes| extension(bytes, &[1], &good)).collect();
    refused.extend(negative.iter().map(|bytes| extension(&[1], bytes, &good)));
    refused.extend(
        [
            wrapped(&[&number(0, &[2, 1, 0xff]), &yes]),
            wrapped(&[&number(0, &[2, 2, 0, 3]), &yes]),
            wrapped(&[&yes, &version]),
            wrapped(&[&yes, &yes]),
            wrapped(&[&no, &yes]),
            wrapped(&[&number(1, &[1, 1, 1])]),
            wrapped(&[&number(1, &[1, 1, 0xff, 1, 1, 0xff])]),
            wrapped(&[&number(1, &[])]),
            wrapped(&[&number(2, &[1, 1, 0, 5, 0])]),
            wrapped(&[&[0x81, 1, 0xff]]),
            tlv(0xa0, &[&tlv(0x30, &[&yes]), &yes]),
            tlv(0xa1, &[&tlv(0x30, &[&yes])]),
            tlv(0x30, &[&yes]),
            [&good[..], &good].concat(),
        ]
        .iter()
        .map(|properties| extension(&[1], &[1], properties)),
    );
    let sound = extension(&[1], &[1], &good);
    refused.push([&sound[..], &[0]].concat());
    refused.extend((0..sound.len()).map(|len| sound[..len].to_vec()));
    for value in refused {
        let error = GceInfo::parse(&value).expect_err(&format!("{value:02x?}"));
        assert_eq!(error.check_id(), "vtpm.certificate.gce-instance", "{value:02x?}");
        assert!(error.offset <= value.len());
    }
}
