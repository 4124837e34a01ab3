//! NitroTPM attestation documents, each under the root that its entry names.
//!
//! The policy takes documents of instances and refuses those of enclaves, which are genuine too. Where the manifest states what
//! a document carries, that is what is expected of it.

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::checks::{Checks, Outcome};
use attest_core::crypto::CryptoProvider;
use attest_core::rules::OneOf;
use attest_core::tee::nitro::{Anchors, Claims, Document, Expectation, Expected, Kind, Policy};
use attest_core::x509::Certificate;
use serde_json::{Map, Value};

use super::certificate::{bound, distinguished};
use super::{Entry, Judge, Judged, LACKS, NOBODY};
use crate::{hex, unhex};

/// The most telling check that refuses, and all that do.
#[derive(Default, PartialEq)]
struct Refusal {
    check: Option<&'static str>,
    failed: Vec<String>,
}

/// What a document may be expected to carry, as the manifest states it; `None` where it states nothing.
struct Stated([Option<Option<Vec<u8>>>; 3]);

impl Judge<'_> {
    pub(super) fn nitrotpm_document(&self, entry: &Entry<'_>) -> Judged {
        let mut anchors = Anchors::none();
        anchors.add_root(entry.file("root")?).map_err(|error| error.to_string())?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(entry.time(&[])?));
        let stated = Stated::read(entry)?;
        let mut first: Option<(Refusal, Option<Claims>)> = None;
        for provider in self.providers {
            let answer = judge(entry, &anchors, provider, now, stated.expectation())?;
            match &first {
                _ if answer.0.check == Some(LACKS) => {}
                None => first = Some(answer),
                Some((refusal, _)) if *refusal == answer.0 => {}
                Some(_) => return Err("the providers disagree".into()),
            }
        }
        let (refusal, claims) = first.ok_or(NOBODY)?;
        self.reasons.judge_tpm(entry.verdict, refusal.check, &refusal.failed)?;
        match &claims {
            Some(claims) => facts(entry, claims)?,
            None => crate::facts::all(entry.expected(), |_, _| Ok(None))?,
        }
        Ok(refusal.check.map_or_else(|| "accepted".to_owned(), |check| format!("{check} refuses")))
    }
}

impl Stated {
    fn read(entry: &Entry<'_>) -> Result<Self, String> {
        let of = |name: &str| match entry.expected().get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(text) => unhex(text.as_str().unwrap_or_default()).map(|bytes| Some(Some(bytes))),
        };
        let nonce = match entry.files.get("nonce") {
            Some(bytes) => Some(Some(bytes.clone())),
            None => of("nonce")?,
        };
        Ok(Self([nonce, of("user_data")?, of("public_key")?]))
    }

    fn expectation(&self) -> Expectation<'_> {
        let [nonce, user_data, public_key] = self.0.each_ref().map(|field| match field {
            None => Expected::Any,
            Some(None) => Expected::Absent,
            Some(Some(bytes)) => Expected::Exactly(bytes),
        });
        Expectation::new(nonce, user_data, public_key)
    }
}

fn judge(
    entry: &Entry<'_>,
    anchors: &Anchors,
    provider: &CryptoProvider,
    now: UnixTime,
    expectation: Expectation<'_>,
) -> Result<(Refusal, Option<Claims>), String> {
    let failed = |checks: &Checks| {
        let failed = checks.iter().filter(|entry| entry.outcome == Outcome::Failed);
        failed.map(|entry| entry.check.id.to_owned()).collect()
    };
    let document = match Document::parse(entry.file("document")?) {
        Ok(document) => document,
        Err(error) => {
            return Ok((Refusal { check: Some(error.check_id()), failed: Vec::new() }, None));
        }
    };
    let verified = match document.verify(anchors, provider, now, expectation) {
        Ok(verified) => verified,
        Err(refused) => {
            let check = refused.error.check_id();
            return Ok((Refusal { check, failed: failed(&refused.checks) }, None));
        }
    };
    let mut policy = Policy::dangerously_any();
    policy.kinds = OneOf::only(Kind::NitroTpm);
    let mut checks = Checks::new();
    policy.judge(verified.claims(), &mut checks);
    let check = checks.gravest().map(|entry| entry.check.id);
    let claims = check.is_none().then(|| verified.claims().clone());
    Ok((Refusal { check, failed: failed(&checks) }, claims))
}

fn facts(entry: &Entry<'_>, claims: &Claims) -> Result<(), String> {
    let document = Document::parse(entry.file("document")?).map_err(|error| error.to_string())?;
    let leaf = Certificate::parse(document.certificate()).map_err(|error| error.to_string())?;
    let octets = |field: Option<&[u8]>| field.map_or(Value::Null, |bytes| hex(bytes).into());
    crate::facts::all(entry.expected(), |name, _| {
        Ok(Some(match name {
            "module_id" => claims.module_id().as_str().into(),
            "timestamp_ms" => claims.timestamp().into(),
            // The only one that is read.
            "digest" => "SHA384".into(),
            "nitrotpm_pcrs" => {
                let registers = claims.pcrs().iter();
                let registers = registers.map(|(index, value)| (index.to_string(), hex(value).into()));
                Value::Object(registers.collect::<Map<_, _>>())
            }
            "nonce" => octets(claims.nonce()),
            "user_data" => octets(claims.user_data()),
            "public_key" => octets(claims.public_key()),
            "chain_subjects_root_first" => {
                let parse = |der| Certificate::parse(der).map_err(|error| error.to_string());
                let above = document.cabundle().iter().map(|der| parse(der));
                let all = above.chain([Ok(leaf)]).map(|certificate| distinguished(certificate?.subject()));
                all.collect::<Result<Vec<_>, String>>()?.into()
            }
            "leaf_not_before" => bound(leaf.validity().not_before)?,
            "leaf_not_after" => bound(leaf.validity().not_after)?,
            _ => return Ok(None),
        }))
    })
}
