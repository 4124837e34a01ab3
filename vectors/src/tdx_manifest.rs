//! Adapter for manifests of Intel TDX quotes: `format` 1 with a `strict_policy` and a `collateral_format`.
//!
//! Two questions are asked of every quote: whether anybody could accept it (`crypto`: everything that is not verification is
//! "any"), and whether the manifest's own policy does (`strict`). Every fact of `fields`, `tcb` and `pck` is compared; one with
//! a name that is not known fails its entry, so that nothing goes unread.
//!
//! In this format a statement and the chain of who signed it are one piece. So one whose chain is empty is not supplied,
//! although our store would find the signer in another piece's chain.

mod facts;
mod other;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::crypto::CryptoProvider;
use attest_core::tee::snp;
use attest_core::tee::tdx::{Anchors, Claims, Endorsement, Quote};
use attest_core::{
    Context, Error, Evidence, Expect, Format, Policy, Refused, Store, TrustAnchors, UnixTime, Verified,
    Verifier,
};
use serde_json::Value;

use crate::reasons::Reasons;
use crate::run::{Answer, Line, Mark, Sum, answer_to};
use crate::unhex;

/// Whether a manifest is of this format.
pub fn is(manifest: &Value) -> bool {
    manifest["format"] == 1
        && manifest["strict_policy"].is_string()
        && manifest["collateral_format"].is_string()
        && manifest["entries"].is_array()
}

/// Judges every entry.
///
/// # Errors
/// If our own policies or table of reasons cannot be read.
pub fn run(dir: &Path, manifest: &Value, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let policy = |text| Policy::from_toml(text).map_err(|error| error.to_string());
    let judge = Judge {
        dir,
        any: policy(include_str!("../policies/any.toml"))?,
        strict: policy(include_str!("../policies/tdx-manifest.toml"))?,
        reasons: Reasons::read()?,
        providers,
        entries: manifest["entries"].as_array().map(Vec::as_slice).unwrap_or_default(),
    };
    let mut sum = Sum::default();
    for entry in judge.entries {
        let id = entry["id"].as_str().unwrap_or("entry without an id").to_owned();
        let judged = match entry["kind"].as_str().unwrap_or_default() {
            "real" | "mutation" | "synthetic" => judge.quote(entry),
            "eventlog" => judge.event_log(entry),
            "azure-vtpm" => judge.azure(entry),
            kind => Err(format!("a kind that nothing here judges: {kind}")),
        };
        let mark = Mark::of(judged.is_ok());
        let expect = &entry["expect"];
        let expected = expect.as_str().map_or_else(
            || format!("crypto {}, strict {}", expect["crypto"], expect["strict"]),
            str::to_owned,
        );
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
    entries: &'a [Value],
}

/// One entry's evidence and what it is judged with.
struct Case {
    evidence: Evidence,
    blobs: Vec<Vec<u8>>,
    anchors: TrustAnchors,
    now: UnixTime,
}

impl Judge<'_> {
    fn file(&self, name: &Value) -> Result<Vec<u8>, String> {
        let name = name.as_str().ok_or("a file without a name")?;
        fs::read(self.dir.join(name)).map_err(|error| format!("{name}: {error}"))
    }

    fn entry(&self, id: &Value) -> Result<&Value, String> {
        self.entries.iter().find(|entry| entry["id"] == *id).ok_or_else(|| format!("no entry {id}"))
    }

    fn case(&self, entry: &Value) -> Result<Case, String> {
        let mut anchors = TrustAnchors::new(snp::Anchors::none());
        anchors.tdx = Anchors::none();
        anchors.tdx.add_root(&self.file(&entry["root"])?).map_err(|error| error.to_string())?;
        // An entry without a time has no collateral, so the first moment of its leaf will do.
        let now = entry["time"].as_u64().unwrap_or(1_790_000_000);
        Ok(Case {
            evidence: Evidence::new(Format::Tdx, self.file(&entry["quote"])?),
            blobs: if entry["collateral"].is_null() { Vec::new() } else { self.collateral(entry)? },
            anchors,
            now: UnixTime::since_unix_epoch(Duration::from_secs(now)),
        })
    }

    /// The pieces of a collateral file as a store takes them.
    fn collateral(&self, entry: &Value) -> Result<Vec<Vec<u8>>, String> {
        let text = self.file(&entry["collateral"])?;
        let pieces: BTreeMap<String, String> =
            serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let piece = |name: &str| {
            pieces.get(name).map(String::as_str).ok_or_else(|| format!("collateral without {name}"))
        };
        let mut blobs = vec![unhex(piece("root_ca_crl")?)?, unhex(piece("pck_crl")?)?];
        blobs.push(piece("pck_crl_issuer_chain")?.as_bytes().to_vec());
        for (name, member) in [("tcb_info", "tcbInfo"), ("qe_identity", "enclaveIdentity")] {
            let chain = piece(&format!("{name}_issuer_chain"))?;
            if chain.is_empty() {
                continue;
            }
            let (body, signature) = (piece(name)?, piece(&format!("{name}_signature"))?);
            blobs.push(format!("{{\"{member}\":{body},\"signature\":\"{signature}\"}}").into_bytes());
            blobs.push(chain.as_bytes().to_vec());
        }
        Ok(blobs)
    }

    /// What all providers say, which must be the same.
    fn answer(&self, case: &Case, expect: Expect, policy: &Policy) -> Result<Answer, String> {
        let mut first: Option<Answer> = None;
        for provider in self.providers {
            let context = Context::new(provider, &case.anchors, case.now, expect);
            let answer = answer_to(&case.evidence, &case.blobs, &context, policy);
            match &first {
                Some(first) if first.json != answer.json => {
                    return Err("the providers give different bytes".to_owned());
                }
                _ => first = Some(answer),
            }
        }
        first.ok_or_else(|| "no provider".to_owned())
    }

    fn provider(&self) -> Result<&CryptoProvider, String> {
        self.providers.first().copied().ok_or_else(|| "no provider".to_owned())
    }

    /// The claims, cold; and once more from a store that has been warmed, which must say the same.
    fn claims(&self, case: &Case) -> Result<Claims, String> {
        let context = Context::new(self.provider()?, &case.anchors, case.now, Expect::AnyReportData);
        let mut store = Store::new();
        for blob in &case.blobs {
            store.add(blob).map_err(|error| error.to_string())?;
        }
        let verify = |store: &Store| Verifier::new().verify(&case.evidence, store, &context);
        let cold = verify(&store).map_err(|refused| refused.to_string())?;
        let warmed = Verifier::new().warm(&case.evidence, &mut store, &context);
        warmed.map_err(|refused| refused.to_string())?;
        let warm = verify(&store).map_err(|refused| refused.to_string())?;
        let shown = |verified: &Verified<attest_core::Claims>| format!("{:?}", verified.checks());
        if shown(&cold) != shown(&warm) {
            return Err("a warm store says something else".to_owned());
        }
        let attest_core::Claims::Tdx(claims) = cold.claims() else {
            return Err(format!("claims of {}", cold.claims().format().id()));
        };
        Ok((**claims).clone())
    }

    fn quote(&self, entry: &Value) -> Result<String, String> {
        let (case, wanted) = (self.case(entry)?, &entry["expect"]);
        let quote = Quote::parse(&case.evidence.bytes);
        if !entry["fields"].is_null() {
            let quote = quote.as_ref().map_err(|error: &Error| error.to_string())?;
            facts::fields(&entry["fields"], quote)?;
        }
        // The caller expects what the quote says, so that this check is made too.
        let expect = quote
            .as_ref()
            .map_or(Expect::AnyReportData, |quote| Expect::ReportData(quote.report().report_data()));
        let any = self.answer(&case, expect, &self.any)?;
        let refused = |reasons: &[&str], answer: &Answer| {
            let check = answer.check.as_deref().ok_or("accepted")?;
            self.reasons.judge_tdx(reasons, check, &answer.failed)
        };
        let text = |key: &str| wanted[key].as_str();
        match text("crypto").unwrap_or_default() {
            "accept" if any.exit == 0 => {}
            "accept" => return Err(format!("crypto: {any}")),
            word if word.starts_with("accept-never") => refused(&["tcb-status:Revoked"], &any)?,
            "reject" => {
                let reason = ["category", "reason", "crypto_reason"].into_iter().find_map(text);
                refused(&[reason.ok_or("a refusal without a reason")?], &any)?;
            }
            "no-collateral" => {
                refused(&["no-collateral"], &any)?;
                let quote = quote.as_ref().map_err(|error: &Error| error.to_string())?;
                let proven = Endorsement::prove(quote.pck_chain(), &case.anchors.tdx, self.provider()?);
                proven.map_err(|refused: Refused| refused.to_string())?;
            }
            other => return Err(format!("crypto: a word that is not known: {other}")),
        }
        let strict = self.answer(&case, expect, &self.strict)?;
        match text("strict") {
            None => {}
            Some("accept") if strict.exit == 0 => {}
            Some("reject") => match text("strict_reason") {
                Some(reasons) => refused(&reasons.split(';').collect::<Vec<_>>(), &strict)?,
                None if strict.exit != 0 => {}
                None => return Err("strict: accepted".to_owned()),
            },
            Some(word) => return Err(format!("strict: {word} expected, {strict}")),
        }
        for name in ["tcb", "pck"] {
            if !wanted[name].is_null() {
                let claims = self.claims(&case)?;
                match name {
                    "tcb" => facts::tcb(&wanted[name], &claims, &case.blobs)?,
                    _ => facts::pck(&wanted[name], claims.pck())?,
                }
            }
        }
        Ok(format!("any: {any}; strict: {strict}"))
    }
}
