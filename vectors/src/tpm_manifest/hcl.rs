//! Reports of Azure's paravisor. The hardware report inside is not judged here: the entries carry no certificate of its chip, so
//! what is asked is the binding and the runtime data, which vouch for nothing alone.

use attest_core::Error;
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::tee::azure::{HclReport, RuntimeData, Setting};
use attest_core::tee::vtpm::Public;
use serde_json::{Map, Value, json};

use super::{Entry, Judge, Judged, NOBODY};
use crate::{facts, hex};

impl Judge<'_> {
    pub(super) fn hcl_report(&self, entry: &Entry<'_>) -> Judged {
        let bytes = entry.file("hcl_report")?;
        let mut first: Option<Result<RuntimeData, Error>> = None;
        let parsed = HclReport::parse(bytes);
        for provider in self.providers {
            let read = parsed.clone().and_then(|report| report.dangerous_unproven(provider));
            let same = |earlier: &Result<RuntimeData, Error>| match (earlier, &read) {
                (Ok(_), Ok(_)) => true,
                (Err(earlier), Err(error)) => earlier.check_id() == error.check_id(),
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
            };
            if first.as_ref().is_some_and(|earlier| !same(earlier)) {
                return Err("the providers disagree".to_owned().into());
            }
            first = first.or(Some(read));
        }
        let (read, provider) = (first.ok_or(NOBODY)?, self.providers.first().ok_or(NOBODY)?);
        let check = read.as_ref().err().and_then(Error::check_id);
        self.reasons.judge_tpm(entry.verdict, check, &[])?;
        facts::all(entry.expected(), |name, wanted| match (&parsed, &read) {
            (Ok(report), read) => {
                let of_runtime = || read.as_ref().ok().map_or(Ok(None), |data| runtime(name, data, provider));
                header(name, report, bytes.len(), provider).map_or_else(of_runtime, |found| Ok(Some(found)))
            }
            // What could not be read is refused for that, and only its names count.
            (Err(_), _) => Ok(HEADER.contains(&name).then(|| wanted.clone())),
        })?;
        Ok(check.map_or_else(|| "accepted".to_owned(), |check| format!("{check} refuses")))
    }
}

/// Facts of the header.
const HEADER: [&str; 9] = [
    "header_version",
    "header_report_size",
    "header_request_type",
    "igvm_data_size",
    "igvm_version",
    "report_type",
    "hash_type",
    "variable_data_size",
    "total_len",
];

fn header(name: &str, report: &HclReport<'_>, len: usize, provider: &CryptoProvider) -> Option<Value> {
    Some(match name {
        "header_version" => report.version().into(),
        "header_report_size" => report.report_size().into(),
        "header_request_type" => report.request_type().into(),
        "igvm_data_size" => report.data_size().into(),
        // Other versions and hash algorithms are not read at all.
        "igvm_version" => 1.into(),
        "hash_type" => "sha256".into(),
        "report_type" => report.report_type().name().into(),
        "variable_data_size" => report.runtime_data().len().into(),
        "total_len" => len.into(),
        "runtime_data_sha256" => {
            hex(provider.digest(HashAlgorithm::Sha256, &[report.runtime_data()]).ok()?.as_bytes()).into()
        }
        "report_data" => hex(&report.report_data()[..]).into(),
        _ => return None,
    })
}

fn runtime(name: &str, data: &RuntimeData, provider: &CryptoProvider) -> Result<Option<Value>, String> {
    let ak = || data.keys().iter().find(|key| key.id == "HCLAkPub").ok_or("no HCLAkPub");
    Ok(Some(match name {
        "ak_spki_sha256" => {
            let public = Public::parse(data.ak().public_area()).map_err(|error| error.to_string())?;
            let spki = public.spki().map_err(|error| error.to_string())?;
            let digest =
                provider.digest(HashAlgorithm::Sha256, &[&spki]).map_err(|error| error.to_string())?;
            hex(digest.as_bytes()).into()
        }
        "ak_key_ops" => json!(ak()?.operations),
        "key_ids" => data.keys().iter().map(|key| Value::from(key.id.as_str())).collect::<Vec<_>>().into(),
        "user_data" => json!(data.user_data().map(|data| hex(&data[..]))),
        "vm_configuration" => settings(data)?,
        _ => return Ok(None),
    }))
}

fn settings(data: &RuntimeData) -> Result<Value, String> {
    let mut settings = Map::new();
    for (name, setting) in data.vm_configuration() {
        let value = match setting {
            Setting::Flag(flag) => json!(flag),
            Setting::Number(number) => json!(number),
            Setting::Text(text) => json!(text),
            other @ (Setting::Other | _) => return Err(format!("{name}: {other:?}")),
        };
        settings.insert(name.to_owned(), value);
    }
    Ok(Value::Object(settings))
}
