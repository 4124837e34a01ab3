//! Quotes, alone and in sets.

use std::collections::BTreeMap;
use std::time::Duration;

use attest_core::crypto::HashAlgorithm;
use attest_core::error::Malformed;
use attest_core::eventlog::Log;
use attest_core::rules::OneOf;
use attest_core::tee::vtpm::{
    Attest, AttestationKey, Attested, Claims, PcrValue, Public, Signature, TpmEvidence, TpmQuote, TrustedAk,
};
use attest_core::values::{Digest, Nonce};
use attest_core::{Context, Evidence, Expect, Format, Policy, Store, TrustAnchors, UnixTime};
use serde_json::Value;

use super::facts::{Read, algorithm, digest, word};
use super::{Entry, Judge, Judged, LACKS, NOBODY, Wrong};
use crate::run::{Answer, answer_to};
use crate::unhex;

/// What an entry asks a verifier.
pub(super) struct Question {
    parts: TpmEvidence,
    evidence: Evidence,
    store: Vec<Vec<u8>>,
    anchors: TrustAnchors,
    now: UnixTime,
    expect: Expect,
}

/// Register values as they are handed over.
pub(super) type Registers = BTreeMap<(HashAlgorithm, u8), Digest>;

impl Judge<'_> {
    pub(super) fn quote(&self, entry: &Entry<'_>) -> Judged {
        let question = self.question(entry, vec![handed_over(entry, "")?])?;
        let policy = allowing(&self.policy, entry.words("policy_allow"))?;
        let answer = self.judge_quote(entry, &question, &policy, entry.verdict)?;
        self.quote_facts(entry, entry.expected(), &["event_log"])?;
        let wanted = &entry.expected()["event_log"];
        if !wanted.is_null() {
            let log = Log::parse(entry.file("event_log")?).map_err(|error| error.to_string())?;
            let claims = self.claims(&question)?;
            self.log_facts(wanted, &log, &registers(entry, claims.as_ref())?)?;
        }
        Ok(answer)
    }

    /// Every quote must verify, and a register is in one of them only.
    pub(super) fn quote_set(&self, entry: &Entry<'_>) -> Judged {
        let quotes = vec![handed_over(entry, "")?, handed_over(entry, "_2")?];
        let question = self.question(entry, quotes)?;
        let answer = self.judge_quote(entry, &question, &self.policy, entry.verdict)?;
        let second = Attest::parse(entry.file("attest_2")?).map_err(|error| error.to_string())?;
        crate::facts::all(entry.expected(), |name, value| match name {
            "first" => self.quote_facts(entry, value, &[]).map(|()| Some(value.clone())),
            "second_bank" => {
                let Attested::Quote { selection, .. } = second.attested() else { return Ok(None) };
                Ok(selection.first().map(|entry| word(entry.bank).into()))
            }
            _ => Ok(None),
        })?;
        Ok(answer)
    }

    /// An attestation of which only the shape can be judged, and the digest where its values are there.
    pub(super) fn attest(&self, entry: &Entry<'_>) -> Judged {
        let attest = Attest::parse(entry.file("attest")?);
        self.reasons.judge_tpm(entry.verdict, attest.as_ref().err().map(Malformed::check_id), &[])?;
        self.quote_facts(entry, entry.expected(), &[])?;
        let Ok(Attested::Quote { pcr_digest, .. }) = attest.as_ref().map(Attest::attested) else {
            return Ok("no quote".to_owned());
        };
        if !entry.files.contains_key("pcrs") {
            return Ok("read".to_owned());
        }
        let signature = Signature::parse(entry.file("sig")?).map_err(|error| error.to_string())?;
        let hash = signature.hash.hash().ok_or("no provider has the hash")?;
        let values: Vec<u8> = values(entry, "pcrs")?.into_iter().flat_map(|pcr| pcr.value).collect();
        if digest(self.provider()?, hash, &values)? != crate::hex(pcr_digest) {
            return Err(Wrong::Fails("pcrDigest is not that of the values".to_owned()));
        }
        Ok("read, and the digest is that of the values".to_owned())
    }

    /// Facts of a quote, its signature and its key. A key or a signature that is not read has none.
    pub(super) fn quote_facts(
        &self,
        entry: &Entry<'_>,
        wanted: &Value,
        apart: &[&str],
    ) -> Result<(), String> {
        let file = |name: &str| entry.files.get(name).map(Vec::as_slice);
        let read = Read {
            attest: file("attest").and_then(|bytes| Attest::parse(bytes).ok()),
            signature: file("sig").and_then(|bytes| Signature::parse(bytes).ok()),
            public: file("ak").and_then(|bytes| Public::parse(bytes).ok()),
        };
        self.attestation(entry, wanted, &read, apart)
    }

    pub(super) fn question(&self, entry: &Entry<'_>, quotes: Vec<TpmQuote>) -> Result<Question, String> {
        let certificates = entry.certificates("ak_cert")?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(entry.time(&certificates)?));
        let file = |name: &str| entry.files.get(name).cloned();
        let (ak, spki) = (file("ak"), file("ak_spki"));
        let mut anchors = TrustAnchors::pinned();
        anchors.vtpm = self.anchors()?;
        if !entry.files.contains_key("ak_cert") {
            // A public area that is not read has no name; the refusal to read it is then the answer.
            let public = ak.as_deref().map(Public::parse);
            match (public, &spki) {
                (Some(Ok(public)), _) => {
                    let name = public.name(self.provider()?).map_err(|error| error.to_string())?;
                    anchors.vtpm.add_key(TrustedAk::pinned(name));
                }
                (Some(Err(_)), _) => {}
                (None, Some(spki)) => {
                    let digest = self.provider()?.digest(HashAlgorithm::Sha256, &[spki]);
                    let digest = digest.map_err(|error| error.to_string())?;
                    let digest = digest.as_bytes().try_into().map_err(|_| "no SHA-256")?;
                    anchors.vtpm.add_key(TrustedAk::pinned_spki(digest));
                }
                (None, None) => return Err("no key".to_owned()),
            }
        }
        let key = match (ak, spki) {
            (Some(ak), _) => AttestationKey::Public(ak),
            (None, spki) => AttestationKey::Spki(spki.unwrap_or_default()),
        };
        let parts = TpmEvidence::new(quotes, key, file("event_log").unwrap_or_default());
        let mut evidence = Evidence::new(Format::Vtpm, parts.to_bytes());
        for certificate in &certificates {
            evidence.carried.add(certificate.as_der()).map_err(|error| error.to_string())?;
        }
        let nonce = Nonce::new(entry.file("nonce")?).ok_or("a nonce that is too long")?;
        let (store, expect) = (self.intermediates.clone(), Expect::Nonce(nonce));
        Ok(Question { parts, evidence, store, anchors, now, expect })
    }

    /// The whole line, with every provider. One that lacks an algorithm is left out; all others must give the same bytes.
    pub(super) fn answer(&self, question: &Question, policy: &Policy) -> Result<Answer, String> {
        let mut first: Option<Answer> = None;
        for provider in self.providers {
            let context = Context::new(provider, &question.anchors, question.now, question.expect);
            let answer = answer_to(&question.evidence, &question.store, &context, policy);
            match &first {
                _ if answer.check.as_deref() == Some(LACKS) => {}
                Some(first) if first.json == answer.json => {}
                Some(_) => return Err(format!("{} gives other bytes", provider.name)),
                None => first = Some(answer),
            }
        }
        first.ok_or_else(|| NOBODY.to_owned())
    }

    /// What verification leaves, whatever policy says of it; `None` if it leaves nothing.
    pub(super) fn claims(&self, question: &Question) -> Result<Option<Claims>, String> {
        let mut store = Store::new();
        for der in &question.store {
            store.add(der).map_err(|error| error.to_string())?;
        }
        let verified = self.providers.iter().find_map(|provider| {
            let context = Context::new(provider, &question.anchors, question.now, question.expect);
            question.parts.verify(&question.evidence.carried, &store, &context).ok()
        });
        Ok(verified.map(|verified| verified.claims().clone()))
    }

    /// Judges, holds the answer against `verdict`, and asks again with what `valid_if_allowed` names.
    pub(super) fn judge_quote(
        &self,
        entry: &Entry<'_>,
        question: &Question,
        policy: &Policy,
        verdict: &str,
    ) -> Result<String, String> {
        let answer = self.answer(question, policy)?;
        self.reasons
            .judge_tpm(verdict, answer.check.as_deref(), &answer.failed)
            .map_err(|error| format!("{error} ({answer})"))?;
        self.same_key(entry, question)?;
        if entry.value["valid_if_allowed"].is_null() {
            return Ok(answer.to_string());
        }
        let allowed = self.answer(question, &allowing(policy, entry.words("valid_if_allowed"))?)?;
        // Verification believes no SHA-1 signature, and no policy can have it otherwise: then that must be all that is left.
        let hash = entry.words("valid_if_allowed").any(|word| word == "sha1-signature");
        let left: &[&str] = if hash { &["vtpm.quote.signature-hash"] } else { &[] };
        if allowed.failed != left || (allowed.exit == 0) == hash {
            return Err(format!("with everything allowed: {allowed}"));
        }
        Ok(format!("{answer}; with the rest allowed: {allowed}"))
    }

    /// Where verification ends well, the key is the one whose digest the manifest gives.
    fn same_key(&self, entry: &Entry<'_>, question: &Question) -> Result<(), String> {
        let (Some(claims), Some(spki)) = (self.claims(question)?, entry.files.get("ak_spki")) else {
            return Ok(());
        };
        let wanted = digest(self.provider()?, HashAlgorithm::Sha256, spki)?;
        crate::facts::equal("ak_spki", &wanted, &crate::hex(claims.ak_spki_sha256().as_bytes()).into())
    }
}

/// A policy that also takes what `switches` name.
pub(super) fn allowing<'a>(
    policy: &Policy,
    switches: impl Iterator<Item = &'a str>,
) -> Result<Policy, String> {
    let mut policy = policy.clone();
    for switch in switches {
        match (switch, policy.vtpm.as_mut().map(|policy| &mut policy.banks)) {
            ("sha1-bank", Some(OneOf::Listed(banks))) => banks.push(HashAlgorithm::Sha1),
            // There is no such switch.
            ("sha1-signature", _) => {}
            _ => return Err(format!("a switch that is not known: {switch}")),
        }
    }
    Ok(policy)
}

/// A quote and its values; the files of the second of a set have names of their own.
pub(super) fn handed_over(entry: &Entry<'_>, which: &str) -> Result<TpmQuote, String> {
    let file = |name: &str| entry.file(&format!("{name}{which}")).map(<[u8]>::to_vec);
    Ok(TpmQuote {
        attest: file("attest")?,
        signature: file("sig")?,
        pcrs: values(entry, &format!("pcrs{which}"))?,
    })
}

/// Register values in the order of their file, whatever it repeats.
fn values(entry: &Entry<'_>, file: &str) -> Result<Vec<PcrValue>, String> {
    let list: Value = serde_json::from_slice(entry.file(file)?).map_err(|error| error.to_string())?;
    let list = list["pcrs"].as_array().ok_or("pcrs: no list")?;
    list.iter()
        .map(|pcr| {
            let bank = algorithm(pcr["bank"].as_str().unwrap_or_default())?;
            let index =
                pcr["index"].as_u64().and_then(|index| u8::try_from(index).ok()).ok_or("no register")?;
            Ok(PcrValue { bank, index, value: unhex(pcr["value"].as_str().unwrap_or_default())? })
        })
        .collect()
}

/// The registers that verification gave out; where it refused, those that were handed over.
pub(super) fn registers(entry: &Entry<'_>, claims: Option<&Claims>) -> Result<Registers, String> {
    if let Some(claims) = claims {
        return Ok(claims.pcrs().iter().map(|(bank, index, value)| ((bank, index), *value)).collect());
    }
    let known = values(entry, "pcrs")?.into_iter().filter_map(|pcr| {
        let value = Digest::new(&pcr.value)?;
        Some(((pcr.bank.hash()?, pcr.index), value))
    });
    Ok(known.collect())
}
