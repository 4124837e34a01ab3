//! Adapter for manifests of Nitro documents: `format` 1 with a `root_sha256_fingerprint`.
//!
//! Two questions are asked of every document: whether it is genuine (`crypto`: every rule is "any"), and whether the manifest's
//! own policy takes it (`strict`). The root is trusted by its fingerprint, as the manifest states it, and once more as the
//! certificate that the entry names: both must say the same. Every fact of `fields` is compared; one with a name that is not known
//! fails its entry.

mod quote;

use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::crypto::CryptoProvider;
use attest_core::tee::nitro::{Anchors, Claims, Document, Expectation, Expected, Kind};
use attest_core::tee::snp;
use attest_core::values::Nonce;
use attest_core::x509::Certificate;
use attest_core::{Context, Evidence, Expect, Format, Policy, Store, TrustAnchors, UnixTime, Verifier};
use serde_json::{Map, Value, json};

use crate::reasons::Reasons;
use crate::run::{Answer, Line, Mark, Sum, answer, answer_from};
use crate::tpm_manifest::certificate::{bound, distinguished};
use crate::{facts, hex, unhex};

/// Whether a manifest is of this format.
pub fn is(manifest: &Value) -> bool {
    manifest["format"] == 1
        && manifest["root_sha256_fingerprint"].is_string()
        && manifest["entries"].is_array()
}

/// Judges every entry.
///
/// # Errors
/// If our own policies or table of reasons cannot be read.
pub fn run(dir: &Path, manifest: &Value, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let policy = |text| Policy::from_toml(text).map_err(|error| error.to_string());
    let fingerprint = unhex(manifest["root_sha256_fingerprint"].as_str().unwrap_or_default())?;
    let judge = Judge {
        dir,
        any: policy(include_str!("../policies/any.toml"))?,
        strict: policy(include_str!("../policies/nitro-manifest.toml"))?,
        reasons: Reasons::read()?,
        providers,
        fingerprint: fingerprint.try_into().map_err(|_| "a fingerprint has 32 bytes")?,
    };
    let mut sum = Sum::default();
    for entry in manifest["entries"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let id = entry["id"].as_str().unwrap_or("entry without an id").to_owned();
        let judged = judge.document(entry);
        let mark = Mark::of(judged.is_ok());
        let wanted = &entry["expect"];
        let expected = format!("crypto {}, strict {}", wanted["crypto"], wanted["strict"]);
        let got = judged.unwrap_or_else(|error| error);
        sum.lines.push(Line { id, expected, got, mark });
    }
    Ok(sum)
}

struct Judge<'a> {
    dir: &'a Path,
    any: Policy,
    strict: Policy,
    reasons: Reasons,
    providers: &'a [&'a CryptoProvider],
    fingerprint: [u8; 32],
}

/// One entry's document, and what it is judged with.
struct Case {
    bytes: Vec<u8>,
    /// The root by its fingerprint, and whole.
    anchors: [TrustAnchors; 2],
    now: UnixTime,
    expect: Expect,
}

impl Judge<'_> {
    fn file(&self, name: &Value) -> Result<Vec<u8>, String> {
        let name = name.as_str().ok_or("a file without a name")?;
        fs::read(self.dir.join(name)).map_err(|error| format!("{name}: {error}"))
    }

    fn case(&self, entry: &Value) -> Result<Case, String> {
        let with = |nitro| {
            let mut anchors = TrustAnchors::new(snp::Anchors::none());
            anchors.nitro = nitro;
            anchors
        };
        let (mut by_fingerprint, mut whole) = (Anchors::none(), Anchors::none());
        by_fingerprint.add_root_sha256(self.fingerprint);
        whole.add_root(&self.file(&entry["root"])?).map_err(|error| error.to_string())?;
        // The caller expects the nonce that the document has, so that this check is made too. One that is longer than what a caller
        // of any TEE can expect is compared below, with the other two fields.
        let nonce = match entry["fields"]["nonce"].as_str() {
            None => Expect::AnyReportData,
            Some(text) => Nonce::new(&unhex(text)?).map_or(Expect::AnyReportData, Expect::Nonce),
        };
        let seconds = entry["time"].as_u64().ok_or("an entry without a time")?;
        Ok(Case {
            bytes: self.file(&entry["document"])?,
            anchors: [with(by_fingerprint), with(whole)],
            now: UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            expect: nonce,
        })
    }

    /// What all providers say, which must be the same, under each way to trust the root. What is believed under one is believed
    /// under the other, in the same words; a refusal may differ, for a bundle without the root brings nothing with its fingerprint.
    fn answers(&self, case: &Case, policy: &Policy) -> Result<[Answer; 2], String> {
        let [one, other] = case.anchors.each_ref().map(|anchors| {
            let mut first: Option<Answer> = None;
            for provider in self.providers {
                let context = Context::new(provider, anchors, case.now, case.expect);
                let answer = answer(&case.bytes, &[], &context, policy);
                match &first {
                    Some(first) if first.json != answer.json => {
                        return Err("the providers give different bytes".to_owned());
                    }
                    _ => first = Some(answer),
                }
            }
            first.ok_or_else(|| "no provider".to_owned())
        });
        match [one?, other?] {
            [one, other] if one.exit != other.exit || (one.exit == 0 && one.json != other.json) => {
                Err(format!("by fingerprint: {one}; by certificate: {other}"))
            }
            both => Ok(both),
        }
    }

    /// Holds refusals against a reason.
    fn refused(&self, reason: &str, answers: &[Answer; 2]) -> Result<(), String> {
        answers.iter().try_for_each(|answer| {
            let check = answer.check.as_deref().ok_or("accepted")?;
            self.reasons.judge_nitro(&[reason], check, &answer.failed)
        })
    }

    /// The same from a store that was warmed.
    fn warm(&self, case: &Case, policy: &Policy) -> Result<Answer, String> {
        let provider = self.providers.first().ok_or("no provider")?;
        let evidence = Evidence::new(Format::Nitro, case.bytes.clone());
        let [anchors, _] = &case.anchors;
        let context = Context::new(provider, anchors, case.now, case.expect);
        let mut store = Store::new();
        Verifier::new().warm(&evidence, &mut store, &context).map_err(|refused| refused.to_string())?;
        Ok(answer_from(&evidence, &store, &context, policy))
    }

    fn document(&self, entry: &Value) -> Result<String, String> {
        let (case, wanted) = (self.case(entry)?, &entry["expect"]);
        let any = self.answers(&case, &self.any)?;
        match wanted["crypto"].as_str().unwrap_or_default() {
            "accept" if any[0].exit == 0 => {
                if any[0].json != self.warm(&case, &self.any)?.json {
                    return Err("a warm store says something else".to_owned());
                }
            }
            // What the maker's own script says is finer than the category.
            "reject" => {
                let reason = wanted["independent_script"].as_str().ok_or("a refusal without a reason")?;
                self.refused(reason, &any)?;
            }
            word => return Err(format!("crypto: {word} expected, {}", any[0])),
        }
        let strict = self.answers(&case, &self.strict)?;
        match wanted["strict"].as_str() {
            None => {}
            Some("accept") if strict[0].exit == 0 => {}
            Some("reject (debug mode)") => self.refused("debug mode", &strict)?,
            Some(word) => return Err(format!("strict: {word} expected, {}", strict[0])),
        }
        if !entry["fields"].is_null() {
            self.facts(entry, &case)?;
        }
        Ok(format!("any: {}; strict: {}", any[0], strict[0]))
    }

    fn facts(&self, entry: &Value, case: &Case) -> Result<(), String> {
        let provider = self.providers.first().ok_or("no provider")?;
        let [anchors, _] = &case.anchors;
        let context = Context::new(provider, anchors, case.now, case.expect);
        let evidence = Verifier::new().detect(&case.bytes).map_err(|error| error.to_string())?;
        let verified = Verifier::new().verify(&evidence, &Store::new(), &context);
        let verified = verified.map_err(|refused| refused.to_string())?;
        let attest_core::Claims::Nitro(claims) = verified.claims() else {
            return Err(format!("claims of {}", verified.claims().format().id()));
        };
        if entry["expect"]["debug_mode"].as_bool().is_some_and(|debug| debug != claims.debug_mode()) {
            return Err(format!("debug mode: {}", claims.debug_mode()));
        }
        let tagged = case.bytes.first() == Some(&0xd2);
        if entry["tagged"].as_bool().is_some_and(|expected| expected != tagged) {
            return Err(format!("tagged: {tagged}"));
        }
        let document = Document::parse(&case.bytes).map_err(|error| error.to_string())?;
        let octets = |name: &str| entry["fields"][name].as_str().map(unhex).transpose();
        let stated = [octets("nonce")?, octets("user_data")?, octets("public_key")?];
        let [nonce, user_data, public_key] =
            stated.each_ref().map(|field| field.as_deref().map_or(Expected::Absent, Expected::Exactly));
        let expectation = Expectation::new(nonce, user_data, public_key);
        document
            .verify(&anchors.nitro, provider, case.now, expectation)
            .map_err(|refused| format!("the fields as stated: {refused}"))?;
        facts::all(&entry["fields"], |name, _| Ok(fact(name, claims, &document)))?;
        if !entry["chain"].is_null() {
            chain(&entry["chain"], claims, &document)?;
        }
        let quote = &entry["tpm_quote"];
        if quote.is_null() { Ok(()) } else { self.quote(quote, claims) }
    }
}

/// A fact as the manifest writes it; `None` for a name that is not known.
fn fact(name: &str, claims: &Claims, document: &Document<'_>) -> Option<Value> {
    let octets = |field: Option<&[u8]>| field.map_or(Value::Null, |bytes| hex(bytes).into());
    Some(match name {
        "module_id" => claims.module_id().as_str().into(),
        // The only one that is read.
        "digest" => "SHA384".into(),
        "timestamp_ms" => claims.timestamp().into(),
        "pcr_field" => if claims.kind() == Kind::Enclave { "pcrs" } else { "nitrotpm_pcrs" }.into(),
        "pcrs" => {
            let registers = claims.pcrs().iter();
            let registers = registers.map(|(index, value)| (index.to_string(), hex(value).into()));
            Value::Object(registers.collect::<Map<_, _>>())
        }
        "nonce" => octets(claims.nonce()),
        "user_data" => octets(claims.user_data()),
        "public_key" => octets(claims.public_key()),
        "cabundle_len" => document.cabundle().len().into(),
        // Their names are not kept, their number is: an empty list is what it can be held against.
        "extra_keys" => {
            vec![Value::Null; usize::try_from(claims.unknown_fields()).unwrap_or(usize::MAX)].into()
        }
        _ => return None,
    })
}

/// The certificates, leaf first, each with its name and dates; and the end of the claims, which is that of the first to end.
fn chain(wanted: &Value, claims: &Claims, document: &Document<'_>) -> Result<(), String> {
    let parse = |der| Certificate::parse(der).map_err(|error| error.to_string());
    let above = document.cabundle().iter().rev().copied();
    let all: Vec<_> =
        std::iter::once(document.certificate()).chain(above).map(parse).collect::<Result<_, _>>()?;
    let found = all.iter().map(|certificate| {
        let validity = certificate.validity();
        Ok(json!({
            "subject": distinguished(certificate.subject())?,
            "not_before": bound(validity.not_before)?,
            "not_after": bound(validity.not_after)?,
        }))
    });
    facts::equal("chain", wanted, &found.collect::<Result<Vec<_>, String>>()?.into())?;
    let end = all.iter().map(|certificate| certificate.validity().not_after + 1).min();
    if end != Some(claims.valid_until()) {
        return Err(format!(
            "valid until {}, and the first certificate ends at {end:?}",
            claims.valid_until()
        ));
    }
    Ok(())
}
