//! Certificates of a TPM's keys, under the roots that each entry names.

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::tee::vtpm::{Anchors, KeyCertificate, KeyPurpose};
use attest_core::x509::{Certificate, Name};
use der::asn1::ObjectIdentifier;
use der::{AnyRef, Decode, Reader, SliceReader, Tag, Tagged};
use serde_json::{Map, Value};

use super::facts::digest;
use super::{Entry, Judge, Judged, valid_from};
use crate::facts::time;

/// Google's extension on the machine of a key: 1.3.6.1.4.1.11129.2.1.21.
const GCE_INSTANCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.1.21");

impl Judge<'_> {
    pub(super) fn certificate(&self, entry: &Entry<'_>) -> Judged {
        let purpose = match entry.value["usage"].as_str() {
            Some("ak") => KeyPurpose::Attestation,
            Some("ek") => KeyPurpose::Endorsement,
            other => return Err(format!("a usage that is not known: {other:?}").into()),
        };
        let mut anchors = Anchors::none();
        for (_, der) in entry.files.iter().filter(|(name, _)| name.starts_with("root_")) {
            anchors.add_root(der).map_err(|error| error.to_string())?;
        }
        let certificates = entry.certificates("leaf")?;
        let (leaf, above) = certificates.split_first().ok_or("no leaf")?;
        let judge = |provider: &CryptoProvider, now: u64| {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
            KeyCertificate::judge(leaf, above, purpose, &anchors, provider, now)
                .map_err(|refused| refused.error)
        };
        let now = entry.time(&certificates)?;
        let path = self.agree(entry, |provider| judge(provider, now))?;
        if entry.verdict == "certificate-expired" {
            // So that it is the time, and nothing else of the chain.
            judge(self.provider()?, valid_from(&certificates)).map_err(|error| error.to_string())?;
        }
        crate::facts::all(entry.expected(), |name, _| {
            let Some(found) = &path else { return Err(format!("{name}: refused, and has facts")) };
            fact(name, leaf, found, self.provider()?)
        })?;
        Ok(match path {
            Some(found) => format!("root: {}", found.root().name()),
            None => "refused".to_owned(),
        })
    }
}

fn fact(
    name: &str,
    leaf: &Certificate<'_>,
    found: &KeyCertificate<'_>,
    provider: &CryptoProvider,
) -> Result<Option<Value>, String> {
    Ok(Some(match name {
        "path" => {
            let below = found.path().certificates().iter().map(Certificate::subject);
            let names = below.chain([found.path().anchor().subject()]).map(distinguished);
            names.collect::<Result<Vec<_>, _>>()?.into()
        }
        "spki_sha256" => digest(provider, HashAlgorithm::Sha256, leaf.spki())?,
        "not_before" => bound(leaf.validity().not_before)?,
        "not_after" => bound(leaf.validity().not_after)?,
        "eku" => {
            let purposes = leaf.purposes().into_iter().flat_map(|purposes| purposes.iter());
            purposes.map(dotted).collect::<Result<Vec<_>, _>>()?.into()
        }
        "critical_extensions" => {
            let critical = leaf.extensions().filter_map(Result::ok).filter(|extension| extension.critical);
            critical.map(|extension| dotted(extension.id)).collect::<Result<Vec<_>, _>>()?.into()
        }
        "gce_instance" => match leaf.extension(GCE_INSTANCE.as_bytes()) {
            Some(extension) => gce_instance(extension.value).map_err(|error| error.to_string())?,
            None => Value::Null,
        },
        _ => return Ok(None),
    }))
}

/// A time with its offset written out.
pub(crate) fn bound(seconds: u64) -> Result<Value, String> {
    let text = time(seconds)?;
    Ok(text.as_str().unwrap_or_default().replace('Z', "+00:00").into())
}

fn dotted(id: &[u8]) -> Result<String, String> {
    ObjectIdentifier::from_bytes(id).map(|id| id.to_string()).map_err(|error| error.to_string())
}

/// A name as RFC 4514 writes it: the last attribute first.
pub(crate) fn distinguished(name: Name<'_>) -> Result<String, String> {
    let mut parts = Vec::new();
    name.for_each(|id, text| {
        let id = dotted(id).unwrap_or_default();
        let short = match id.as_str() {
            "2.5.4.3" => "CN",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            other => other,
        };
        let escaped = text.replace('\\', "\\\\").replace(',', "\\,").replace('+', "\\+").replace('"', "\\\"");
        parts.push(format!("{short}={escaped}"));
    })
    .map_err(|error| error.to_string())?;
    parts.reverse();
    Ok(parts.join(","))
}

/// zone, projectNumber, projectId, instanceId, instanceName, [0] securityProperties {[0] version, [1] isProduction}.
fn gce_instance(value: &[u8]) -> Result<Value, der::Error> {
    let parts = sequence(value)?;
    let text =
        |at: usize| parts.get(at).map_or(Value::Null, |part| String::from_utf8_lossy(part.value()).into());
    let mut found = Map::new();
    found.insert("zone".to_owned(), text(0));
    found.insert("project_number".to_owned(), parts.get(1).map_or(Value::Null, number));
    found.insert("project_id".to_owned(), text(2));
    found.insert("instance_id".to_owned(), parts.get(3).map_or(Value::Null, number));
    found.insert("instance_name".to_owned(), text(4));
    let mut properties = match parts.get(5) {
        Some(properties) => items(properties.value())?,
        None => Vec::new(),
    };
    // Some are wrapped in a SEQUENCE of their own.
    if let [only] = properties.as_slice()
        && only.tag() == Tag::Sequence
    {
        properties = items(only.value())?;
    }
    // [2] and above are flags that the manifest does not list.
    for property in properties {
        let inner = items(property.value())?;
        let inner = inner.first();
        match (property.tag().number().value(), inner) {
            (0, Some(version)) => found.insert("security_version".to_owned(), number(version)),
            (1, Some(flag)) => found.insert("is_production".to_owned(), (flag.value() == [0xff]).into()),
            _ => None,
        };
    }
    Ok(Value::Object(found))
}

fn sequence(value: &[u8]) -> Result<Vec<AnyRef<'_>>, der::Error> {
    items(AnyRef::from_der(value)?.value())
}

fn items(content: &[u8]) -> Result<Vec<AnyRef<'_>>, der::Error> {
    let mut reader = SliceReader::new(content)?;
    let mut items = Vec::new();
    while !reader.is_finished() {
        items.push(AnyRef::decode(&mut reader)?);
    }
    Ok(items)
}

/// A number that is not negative and has 64 bits at most.
fn number(integer: &AnyRef<'_>) -> Value {
    match integer.value() {
        [first, ..] if *first >= 0x80 => Value::Null,
        octets if octets.len() <= 9 => {
            octets.iter().fold(0_u64, |number, octet| (number << 8) | u64::from(*octet)).into()
        }
        _ => Value::Null,
    }
}
