//! Adapter for the manifest of RATS formats: `title` "RATS message formats", with `vectors`. Judged here: CoRIM, unsigned and signed,
//! and CoMID. What is read is written down in the manifest's notation and compared as a whole.

use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::CryptoProvider;
use attest_core::rules::Limit;
use attest_measurements::formats::corim::{
    Comid, Corim, Environment, Label, Measurement, Name, Reference, RimDigest, Svn,
};
use attest_measurements::trust::{Step, VerifyingKey, corim};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Map, Value, json};

use crate::hex;
use crate::run::{Line, Mark, Sum};

/// Two times at which a manifest that must be refused is refused.
const TIMES: [u64; 2] = [1_700_000_000, 1_780_000_000];

/// Whether a manifest is of this format.
pub fn is(manifest: &Value) -> bool {
    manifest["title"].as_str().is_some_and(|title| title.starts_with("RATS message formats"))
        && manifest["vectors"].is_array()
}

/// Judges every entry.
///
/// # Errors
/// If the key of signed manifests cannot be read.
pub fn run(dir: &Path, manifest: &Value, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let key = key(dir)?;
    let mut sum = Sum::default();
    for entry in manifest["vectors"].as_array().into_iter().flatten() {
        let id = entry["id"].as_str().unwrap_or("entry without an id").to_owned();
        let (kind, expected) = (entry["kind"].as_str().unwrap_or_default(), &entry["expected"]);
        if !["comid", "corim", "corim-signed"].contains(&kind) {
            let got = "no judge".to_owned();
            sum.lines.push(Line { id, expected: kind.to_owned(), got, mark: Mark::Unsupported });
            continue;
        }
        let path = dir.join(entry["file"].as_str().unwrap_or_default());
        let Ok(bytes) = fs::read(&path) else {
            sum.missing_files.push(path.display().to_string());
            continue;
        };
        let read = match kind {
            "comid" => Comid::parse(&bytes)
                .map(|read| compared(&comid(&read, &expected["comid"]), &expected["comid"]))
                .map_err(|error| error.to_string()),
            "corim" => Corim::parse(&bytes)
                .map(|read| compared(&whole(&read, &expected["corim"]), &expected["corim"]))
                .map_err(|error| error.to_string()),
            _ => signed(&bytes, &key, expected, providers),
        };
        let verdict = expected["verdict"].as_str().unwrap_or_default();
        let (passed, got) = match (read, verdict) {
            (Err(refused), "reject") => (true, refused),
            (Ok(Ok(())), "accept") => (true, "accept".to_owned()),
            (Ok(Err(difference)), _) => (false, difference),
            (Err(refused), _) => (false, refused),
            (Ok(Ok(())), _) => (false, "accept".to_owned()),
        };
        sum.lines.push(Line { id, expected: verdict.to_owned(), got, mark: Mark::of(passed) });
    }
    Ok(sum)
}

fn compared(found: &Value, wanted: &Value) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{found}, and expected {wanted}")) }
}

fn key(dir: &Path) -> Result<VerifyingKey, String> {
    let path = dir.join("corim-test-key.jwk");
    let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let jwk: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let coordinate = |name: &str| {
        Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap_or_default())
            .map_err(|error| error.to_string())
    };
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    VerifyingKey::from_p256_point(&point).map_err(|error| error.to_string())
}

/// A signed manifest: `Err` is a refusal; `Ok(Err)` is a manifest that is taken, and is not what was expected.
fn signed(
    bytes: &[u8],
    key: &VerifyingKey,
    expected: &Value,
    providers: &[&CryptoProvider],
) -> Result<Result<(), String>, String> {
    let mut refusal = None;
    for provider in providers {
        let verify = |now: u64| {
            corim::verify(bytes, key, UnixTime::since_unix_epoch(Duration::from_secs(now)), provider)
        };
        let bound = |name: &str| expected["signature_validity"][name].as_u64();
        let (Some(from), Some(until)) = (bound("not_before"), bound("not_after")) else {
            for now in TIMES {
                match verify(now) {
                    Ok(_) => return Ok(Err("accept".to_owned())),
                    Err(error) => refusal = Some(error.to_string()),
                }
            }
            continue;
        };
        for now in [from, until] {
            let trusted = verify(now).map_err(|error| error.to_string())?;
            let manifest = Corim::parse(trusted.bytes()).map_err(|error| error.to_string())?;
            if let Err(difference) = compared(&whole(&manifest, &expected["corim"]), &expected["corim"]) {
                return Ok(Err(difference));
            }
        }
        for now in [from.saturating_sub(1), until.saturating_add(1)] {
            if !verify(now).is_err_and(|error| error.step() == Some(Step::Time)) {
                return Ok(Err(format!("not refused for its time at {now}")));
            }
        }
    }
    refusal.map_or(Ok(Ok(())), Err)
}

// What was read, in the notation of the manifest. What is not read is taken from it.

fn name(name: &Name<'_>) -> Value {
    match name {
        Name::Bytes(bytes) => format!("h:{}", hex(bytes)).into(),
        Name::Text(text) => (*text).into(),
        _ => Value::Null,
    }
}

fn label(label: &Label<'_>) -> Value {
    match label {
        Label::Bytes(bytes) => json!({"tag": 560, "value": format!("h:{}", hex(bytes))}),
        Label::Int(number) => i64::try_from(*number).map_or(Value::Null, Value::from),
        Label::Oid(bytes) => format!("oid-ber:{}", hex(bytes)).into(),
        Label::Text(text) => (*text).into(),
        Label::Uuid(bytes) => {
            let hex = hex(bytes);
            let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
            format!("uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
                .into()
        }
        _ => Value::Null,
    }
}

fn environment(of: &Environment<'_>) -> Value {
    let mut class = Map::new();
    let mut put = |key: &str, value: Option<Value>| drop(value.map(|value| class.insert(key.into(), value)));
    put("0", of.class.as_ref().map(label));
    put("1", of.vendor.map(Value::from));
    put("2", of.model.map(Value::from));
    put("3", of.layer.map(Value::from));
    put("4", of.index.map(Value::from));
    let mut all = Map::new();
    if !class.is_empty() {
        all.insert("0".into(), class.into());
    }
    all.extend(of.instance.as_ref().map(|instance| ("1".to_owned(), label(instance))));
    all.extend(of.group.as_ref().map(|group| ("2".to_owned(), label(group))));
    all.into()
}

fn digests(of: &[RimDigest<'_>]) -> Value {
    of.iter().map(|digest| json!([label(&digest.algorithm), format!("h:{}", hex(digest.value))])).collect()
}

fn values(of: &Measurement<'_>, wanted: &Value) -> Value {
    let mut all = Map::new();
    if let Some(version) = of.version {
        let mut map = Map::from_iter([("0".to_owned(), Value::from(version))]);
        // The scheme is passed over.
        map.extend(wanted["0"].get("1").map(|scheme| ("1".to_owned(), scheme.clone())));
        all.insert("0".into(), map.into());
    }
    all.extend(of.svn.map(|svn| {
        let value = match svn {
            Svn::AtLeast(number) => json!({"tag": 553, "value": number}),
            Svn::Exactly(number) => json!({"tag": 552, "value": number}),
            _ => Value::Null,
        };
        ("1".to_owned(), value)
    }));
    if !of.digests.is_empty() {
        all.insert("2".into(), digests(&of.digests));
    }
    if !of.registers.is_empty() {
        let key = |name: &Label<'_>| {
            if let Label::Text(text) = name { (*text).to_owned() } else { label(name).to_string() }
        };
        let registers = of.registers.iter().map(|(name, list)| (key(name), digests(list)));
        all.insert("14".into(), registers.collect::<Map<_, _>>().into());
    }
    all.extend(of.unread.iter().map(|key| (key.clone(), wanted[key].clone())));
    all.into()
}

fn references(of: &[Reference<'_>], wanted: &Value) -> Value {
    let mut all = Vec::new();
    for reference in of {
        for measurement in &reference.measurements {
            let values = values(measurement, &wanted[all.len()]["mval"]);
            let key = measurement.key.as_ref().map_or(Value::Null, label);
            all.push(json!({"env": environment(&reference.environment), "mkey": key, "mval": values}));
        }
    }
    all.into()
}

fn comid(of: &Comid<'_>, wanted: &Value) -> Value {
    let triples: Map<String, Value> =
        of.triples.iter().map(|(kind, count)| (kind.to_string(), (*count).into())).collect();
    let mut all = json!({"tag_id": name(&of.id), "triples": triples});
    if !of.references.is_empty() {
        all["reference_values"] = references(&of.references, &wanted["reference_values"]);
    }
    all
}

fn whole(of: &Corim<'_>, wanted: &Value) -> Value {
    let profile =
        of.profile.as_ref().map_or(Value::Null, |profile| json!({"tag": 32, "value": label(profile)}));
    let comids: Vec<Value> =
        of.comids.iter().enumerate().map(|(index, of)| comid(of, &wanted["comids"][index])).collect();
    let mut all = json!({"id": name(&of.id), "profile": profile, "comids": comids});
    let bounds = [("not_before", of.not_before), ("not_after", of.not_after)];
    let bounds = bounds.into_iter().filter_map(|(key, limit)| {
        if let Limit::To(seconds) = limit { Some((key.to_owned(), Value::from(seconds))) } else { None }
    });
    let validity: Map<String, Value> = bounds.collect();
    if !validity.is_empty() {
        all["validity"] = validity.into();
    }
    all
}
