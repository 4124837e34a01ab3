//! Adapter for manifests of real SEV-SNP reports: `schema` 1, with pinned roots by the digest of their keys.
//!
//! Fields, certificate facts, table entries and CRL facts are compared as well as verdicts; a fact with a name that is not known
//! here fails its entry, so that nothing goes unread. Facts about the paravisor's blob (`hcl`, `tpm_quote`) belong to the
//! composites; of `hcl.bin` only the report inside is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::crypto::CryptoProvider;
use attest_core::tee::snp::{
    Anchors, Cpuid, Fields, ProductLine, RawTcb, Report, Revocations, Tcb, parse_table,
};
use attest_core::x509::{Certificate, CertificateList};
use attest_core::{Context, Expect, Policy, TrustAnchors, UnixTime};
use serde_json::Value;

use crate::facts::{equal, seconds, time};
use crate::reasons::{Reasons, Table};
use crate::run::{Answer, Line, Mark, Sum, answer};
use crate::{hex, unhex};

/// Files of an entry that are collateral, in the order in which they are supplied.
const COLLATERAL: [&str; 5] = ["vek.der", "ask.pem", "asvk.pem", "ark.pem", "crl.der"];

/// Whether a manifest is of this format.
pub fn is(manifest: &Value) -> bool {
    manifest["schema"] == 1
        && manifest["trusted_ark_spki_sha256"].is_object()
        && manifest["vectors"].is_array()
}

/// Judges every entry.
///
/// # Errors
/// If our own policy or table of reasons cannot be read.
pub fn run(dir: &Path, manifest: &Value, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let policy = Policy::from_toml(include_str!("../policies/snp-manifest.toml"))
        .map_err(|error| error.to_string())?;
    let reasons = Reasons::read()?.snp;
    let anchors = TrustAnchors::pinned();
    let judge = Judge { policy, reasons, anchors, providers };
    let mut sum = Sum::default();
    for entry in manifest["vectors"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let id = entry["id"].as_str().unwrap_or("entry without an id").to_owned();
        let names = entry["files"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut files = BTreeMap::new();
        let mut complete = true;
        for name in names.iter().filter_map(Value::as_str) {
            match fs::read(dir.join(&id).join(name)) {
                Ok(bytes) => drop(files.insert(name.to_owned(), bytes)),
                Err(error) => {
                    complete = false;
                    sum.missing_files.push(format!("{id}/{name}: {error}"));
                }
            }
        }
        let expected = format!("crypto {}, verdict {}", entry["crypto_verdict"], entry["verdict"]);
        let outcome = match (complete, files.contains_key("report.bin"), files.contains_key("crl.der")) {
            (false, ..) => Err("a file is missing".to_owned()),
            (true, true, _) => judge.report(entry, &files),
            (true, false, true) => judge.crl(entry, &files),
            (true, false, false) => Err("neither a report nor a CRL".to_owned()),
        };
        let mark = Mark::of(outcome.is_ok());
        let got = outcome.unwrap_or_else(|error| error);
        sum.lines.push(Line { id, expected, got, mark });
    }
    Ok(sum)
}

struct Judge<'a> {
    policy: Policy,
    reasons: Table,
    anchors: TrustAnchors,
    providers: &'a [&'a CryptoProvider],
}

impl Judge<'_> {
    fn report(&self, entry: &Value, files: &BTreeMap<String, Vec<u8>>) -> Result<String, String> {
        let bytes = files.get("report.bin").map(Vec::as_slice).unwrap_or_default();
        // An entry without a time has no certificate, so any time will do.
        let at = entry["verify_at"].as_str().map_or(Ok(0), seconds)?;
        let blobs: Vec<Vec<u8>> = COLLATERAL.iter().filter_map(|name| files.get(*name).cloned()).collect();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(at));
        let expect = match entry["fields"]["report_data"].as_str() {
            Some(text) => {
                Expect::ReportData(unhex(text)?.try_into().map_err(|_| "report_data has not 64 bytes")?)
            }
            None => Expect::AnyReportData,
        };
        let mut answers: Vec<Answer> = Vec::new();
        for provider in self.providers {
            let context = Context::new(provider, &self.anchors, now, expect);
            answers.push(answer(bytes, &blobs, &context, &self.policy));
        }
        if answers.windows(2).any(|pair| pair[0].json != pair[1].json) {
            return Err("the providers give different bytes".to_owned());
        }
        let answer = answers.first().ok_or("no provider")?;
        // 0 and 10 both mean that verification ran to its end.
        self.compare("crypto_verdict", &entry["crypto_verdict"], matches!(answer.exit, 0 | 10), answer)?;
        self.compare("verdict", &entry["verdict"], answer.exit == 0, answer)?;
        if let Ok(report) = Report::parse(bytes) {
            fields(&entry["fields"], report.fields(), line(entry)?)?;
        } else if entry["report_version"].as_u64().is_some_and(|version| version >= 2) {
            return Err(format!("the report is not read: {answer}"));
        }
        if let Some(vek) = files.get("vek.der") {
            endorsement(&entry["endorsement"], vek)?;
        }
        if let Some(table) = files.get("cert_table.bin") {
            table_entries(&entry["cert_table"]["entries"], table)?;
        }
        if let Some(hcl) = files.get("hcl.bin") {
            // The paravisor's header has 32 bytes; the report stands behind it.
            if hcl.get(0x20..0x20 + bytes.len()) != Some(bytes) {
                return Err("hcl.bin holds another report".to_owned());
            }
        }
        Ok(answer.to_string())
    }

    /// Holds an answer against `"valid"` or a list of reasons.
    fn compare(&self, what: &str, wanted: &Value, holds: bool, answer: &Answer) -> Result<(), String> {
        if wanted == "valid" && holds {
            return Ok(());
        }
        let reasons = wanted.as_array().filter(|reasons| !holds && !reasons.is_empty());
        let reasons = reasons.ok_or_else(|| format!("{what}: {answer}"))?;
        let check = answer.check.as_deref().unwrap_or_default();
        let mut known = false;
        for reason in reasons.iter().filter_map(Value::as_str) {
            let ids = self.reasons.iter().find(|(prefix, _)| reason.starts_with(prefix.as_str()));
            let (_, ids) =
                ids.ok_or_else(|| format!("{what}: no check is mapped to the reason {reason:?}"))?;
            known |= ids.iter().any(|id| id == check);
        }
        if known { Ok(()) } else { Err(format!("{what}: refused for another reason: {answer}")) }
    }

    fn crl(&self, entry: &Value, files: &BTreeMap<String, Vec<u8>>) -> Result<String, String> {
        let der = files.get("crl.der").map(Vec::as_slice).unwrap_or_default();
        if entry["verdict"] != "valid" {
            return Err("a CRL with another verdict than valid".to_owned());
        }
        let supplied = der_of(files.get("ark.pem").ok_or("no ark.pem")?)?;
        for provider in self.providers {
            Revocations::prove(der, &self.anchors.snp, provider).map_err(|refused| refused.to_string())?;
            // The same under the root that the entry brings, which must then be the pinned one.
            let mut own = Anchors::none();
            own.add_root(line(entry)?, &supplied).map_err(|error| error.to_string())?;
            Revocations::prove(der, &own, provider).map_err(|refused| refused.to_string())?;
        }
        let crl = CertificateList::parse(der).map_err(|error| error.to_string())?;
        equal("this_update", &entry["this_update"], &time(crl.this_update())?)?;
        equal("next_update", &entry["next_update"], &time(crl.next_update().ok_or("no nextUpdate")?)?)?;
        let number = crl.number().map(hex).unwrap_or_default();
        let wanted = text(&entry["crl_number"]);
        if u64::from_str_radix(&number, 16).ok() != wanted.parse().ok()
            && wanted.trim_start_matches("0x") != number
        {
            return Err(format!("crl_number: {number}"));
        }
        let mut revoked = Vec::new();
        crl.for_each_revoked(|serial| revoked.push(hex(serial).trim_start_matches('0').to_owned()))
            .map_err(|error| error.to_string())?;
        let listed = entry["revoked_serials"].as_array().map(Vec::as_slice).unwrap_or_default();
        let listed: Vec<String> = listed
            .iter()
            .map(|serial| text(serial).trim_start_matches("0x").trim_start_matches('0').to_owned())
            .collect();
        if listed != revoked {
            return Err(format!("revoked_serials: {revoked:?}"));
        }
        for (file, wanted) in [("ask_revoked.pem", true), ("ask_current.pem", false)] {
            if let Some(pem) = files.get(file) {
                let der = der_of(pem)?;
                let certificate = Certificate::parse(&der).map_err(|error| error.to_string())?;
                if crl.revokes(certificate.serial()) != wanted {
                    return Err(format!("{file}: revoked is {}", !wanted));
                }
            }
        }
        Ok("valid".to_owned())
    }
}

fn fields(wanted: &Value, report: &Fields, line: ProductLine) -> Result<(), String> {
    let parts = |raw: RawTcb| parts(raw.components(line.tcb_layout()));
    let version = |[major, minor, build]: [u8; 3]| format!("{major}.{minor}.{build}");
    let optional = |vector: Option<u64>| vector.map_or(Value::Null, |bits| format!("{bits:#x}").into());
    let fms = |cpuid: Cpuid| format!("{:02x}{:02x}{:02x}", cpuid.family, cpuid.model, cpuid.stepping);
    let signing_key = match report.signing_key() {
        0 => "VCEK".to_owned(),
        1 => "VLEK".to_owned(),
        7 => "NONE".to_owned(),
        other => other.to_string(),
    };
    for (name, value) in wanted.as_object().into_iter().flatten() {
        let found: Value = match name.as_str() {
            "version" => report.version().into(),
            "guest_svn" => report.guest_svn().into(),
            "policy" => format!("{:#x}", report.policy()).into(),
            "family_id" => hex(&report.family_id()).into(),
            "image_id" => hex(&report.image_id()).into(),
            "vmpl" => report.vmpl().into(),
            "signature_algo" => report.signature_algo().into(),
            "current_tcb" => hex(report.current_tcb().as_bytes()).into(),
            "platform_info" => format!("{:#x}", report.platform_info()).into(),
            "key_info" => format!("{:#x}", report.key_info()).into(),
            "report_data" => hex(&report.report_data()).into(),
            "measurement" => hex(&report.measurement()).into(),
            "host_data" => hex(&report.host_data()).into(),
            "id_key_digest" => hex(&report.id_key_digest()).into(),
            "author_key_digest" => hex(&report.author_key_digest()).into(),
            "report_id" => hex(&report.report_id()).into(),
            "report_id_ma" => hex(&report.report_id_ma()).into(),
            "reported_tcb" => hex(report.reported_tcb().as_bytes()).into(),
            "cpuid_fms" => report.cpuid().map_or(Value::Null, |cpuid| fms(cpuid).into()),
            "chip_id" => hex(&report.chip_id()).into(),
            "chip_id_masked" => report.chip_id_is_masked().into(),
            "committed_tcb" => hex(report.committed_tcb().as_bytes()).into(),
            "current_version" => version(report.current_version()).into(),
            "committed_version" => version(report.committed_version()).into(),
            "launch_tcb" => hex(report.launch_tcb().as_bytes()).into(),
            "launch_mit_vector" => optional(report.launch_mit_vector()),
            "current_mit_vector" => optional(report.current_mit_vector()),
            "signing_key" => signing_key.clone().into(),
            "author_key_en" => report.author_key_en().into(),
            "mask_chip_key" => report.mask_chip_key().into(),
            "reported_tcb_parts" => parts(report.reported_tcb()),
            "current_tcb_parts" => parts(report.current_tcb()),
            "committed_tcb_parts" => parts(report.committed_tcb()),
            "launch_tcb_parts" => parts(report.launch_tcb()),
            other => return Err(format!("a field that is not known: {other}")),
        };
        equal(name, value, &found)?;
    }
    Ok(())
}

fn parts(tcb: Tcb) -> Value {
    let mut parts = serde_json::Map::new();
    let levels = [("fmc", tcb.fmc), ("bl", Some(tcb.bootloader)), ("tee", Some(tcb.tee))];
    for (name, level) in levels.into_iter().chain([("snp", Some(tcb.snp)), ("ucode", Some(tcb.microcode))]) {
        if let Some(level) = level {
            parts.insert(name.to_owned(), level.into());
        }
    }
    Value::Object(parts)
}

fn endorsement(wanted: &Value, der: &[u8]) -> Result<(), String> {
    let vek = Certificate::parse(der).map_err(|error| error.to_string())?;
    // Content octets of 1.3.6.1.4.1.3704.1, then the arc.
    let amd = |arc: &[u8]| vek.extension(&[&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01], arc].concat());
    let ia5 = |arc: &[u8]| {
        amd(arc).map_or(Value::Null, |found| {
            String::from_utf8_lossy(found.value.get(2..).unwrap_or_default()).into()
        })
    };
    let number = |arc: &[u8]| amd(arc).and_then(|found| found.value.last().copied());
    let name = |name: attest_core::x509::Name<'_>| name.common_name().map_or(Value::Null, Value::from);
    let tcb = || {
        let levels = [("fmc", 9), ("bl", 1), ("tee", 2), ("snp", 3), ("ucode", 8)];
        let found =
            levels.iter().filter_map(|(name, arc)| Some(((*name).to_owned(), number(&[3, *arc])?.into())));
        Value::Object(found.collect())
    };
    for (field, value) in wanted.as_object().into_iter().flatten() {
        let found = match field.as_str() {
            "subject" => name(vek.subject()),
            "issuer" => name(vek.issuer()),
            "not_before" => time(vek.validity().not_before)?,
            "not_after" => time(vek.validity().not_after)?,
            "serial" => {
                hex(vek.serial()).trim_start_matches('0').parse::<u64>().unwrap_or(0).to_string().into()
            }
            "csp_id" => ia5(&[5]),
            "product_name" => ia5(&[2]),
            "struct_version" => number(&[1]).map_or(Value::Null, Value::from),
            "tcb" => tcb(),
            "hwid" => amd(&[4]).map_or(Value::Null, |found| hex(found.value).into()),
            other => return Err(format!("a certificate fact that is not known: {other}")),
        };
        equal(field, value, &found)?;
    }
    Ok(())
}

fn table_entries(wanted: &Value, table: &[u8]) -> Result<(), String> {
    let entries = parse_table(table).map_err(|error| error.to_string())?;
    let found: Vec<(String, u64, u64)> = entries
        .iter()
        .map(|entry| (guid(&entry.guid), u64::from(entry.offset), entry.data.len() as u64))
        .collect();
    let wanted: Vec<(String, u64, u64)> = wanted
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|entry| {
            let number = |key: &str| entry[key].as_u64().unwrap_or(u64::MAX);
            (text(&entry["guid"]), number("offset"), number("length"))
        })
        .collect();
    if found == wanted { Ok(()) } else { Err(format!("cert_table: {found:?}")) }
}

fn guid(bytes: &[u8; 16]) -> String {
    let digits = hex(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn line(entry: &Value) -> Result<ProductLine, String> {
    let product = text(&entry["product"]);
    ProductLine::from_name(&product).ok_or_else(|| format!("product: {product}"))
}

fn der_of(pem: &[u8]) -> Result<Vec<u8>, String> {
    let mut one = attest_core::collateral::Collateral::new();
    one.add(pem).map_err(|error| error.to_string())?;
    one.certificates().next().map(<[u8]>::to_vec).ok_or_else(|| "no certificate".to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
