//! Revocation: the root's list speaks of authorities and of who signs collateral, a PCK CA's list of PCK certificates. Both are
//! needed: without a list nothing says that a key is still to be trusted.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::checks::verify as checks;
use super::collateral::Sources;
use super::endorsement::{Link, SCHEME};
use crate::checks::{Check, Checks};
use crate::collateral::Proof;
use crate::crypto::CryptoProvider;
use crate::error::{Malformed, Problem, Refused};
use crate::values::Value;
use crate::x509::CertificateList;

/// How many lists of one chain are looked at, each at the cost of a signature.
const MAX_LISTS: usize = 8;

/// A list whose signature was proven.
#[derive(Clone, Debug)]
pub(super) struct Revocations {
    der: Box<[u8]>,
    /// The key that signed it.
    signer: Box<[u8]>,
}

impl Proof for Revocations {}

/// Who must have a list.
pub(super) struct Issuer<'a> {
    link: &'a Link,
    present: &'static Check,
}

impl<'a> Issuer<'a> {
    pub(super) const fn root(link: &'a Link) -> Self {
        Self { link, present: &checks::CRL_ROOT }
    }

    pub(super) const fn authority(link: &'a Link) -> Self {
        Self { link, present: &checks::CRL_PCK }
    }
}

/// Looks at every list of these issuers. `certificates` are those that must not be revoked: their issuer's name, and their
/// serial number. Returns when the first of the newest lists is due again.
pub(super) fn judge(
    issuers: &[Issuer<'_>],
    certificates: &[(&[u8], &[u8])],
    sources: &Sources<'_>,
    provider: &CryptoProvider,
    now: u64,
    checks: &mut Checks,
) -> Result<u64, Refused> {
    let mut lists: Vec<(usize, CertificateList<'_>)> = Vec::new();
    let mut seen = 0_usize;
    for der in sources.store.supplied().crls().chain(sources.carried.crls()) {
        let crl = CertificateList::parse(der)?;
        let of = issuers.iter().position(|issuer| *issuer.link.subject == *crl.issuer().as_der());
        let Some((at, issuer)) = of.and_then(|at| Some((at, issuers.get(at)?))) else { continue };
        seen = seen.saturating_add(1);
        if seen > MAX_LISTS {
            let problem = Problem::TooLarge { max: MAX_LISTS, actual: seen };
            let error = Malformed { structure: "collateral", field: "CRLs of one chain", offset: 0, problem };
            return Err(Refused::with(error, checks));
        }
        let proven = is_proven(&crl, issuer.link, sources, provider, checks)?;
        let actual = if proven { "a signature that verifies" } else { "a signature that does not verify" };
        if checks.require_again(&checks::CRL_SIGNATURE, proven, "a signature that verifies", actual) {
            lists.push((at, crl));
        }
    }
    let mut due = u64::MAX;
    for (at, issuer) in issuers.iter().enumerate() {
        let own = || lists.iter().filter(move |(of, _)| *of == at).map(|(_, crl)| crl);
        let newest = own().max_by_key(|crl| crl.this_update());
        let actual = if newest.is_some() { "a list" } else { "none" };
        checks.require(issuer.present, newest.is_some(), "a list", actual);
        for crl in own() {
            // An older list beside a newer one still revokes; only the newest must be in date.
            let revoked =
                certificates.iter().any(|(by, serial)| **by == *issuer.link.subject && crl.revokes(serial));
            let actual = if revoked { "its serial number is listed" } else { "not listed" };
            checks.require_again(&checks::CRL_REVOKED, !revoked, "not listed", actual);
        }
        if let Some(newest) = newest {
            due = due.min(judge_dates(newest, now, checks));
        }
    }
    for check in
        [&checks::CRL_SIGNATURE, &checks::CRL_REVOKED, &checks::CRL_THIS_UPDATE, &checks::CRL_NEXT_UPDATE]
    {
        checks.not_applicable_again(check, "there is no list to look at");
    }
    Ok(due)
}

fn is_proven(
    crl: &CertificateList<'_>,
    issuer: &Link,
    sources: &Sources<'_>,
    provider: &CryptoProvider,
    checks: &Checks,
) -> Result<bool, Refused> {
    let same = |proof: &&Revocations| *proof.der == *crl.as_der() && proof.signer == issuer.key;
    if sources.store.proofs::<Revocations>().any(|proof| same(&proof)) {
        return Ok(true);
    }
    Ok(prove(crl, issuer, provider).map_err(|error| Refused::with(error, checks))?.is_some())
}

fn prove(
    crl: &CertificateList<'_>,
    issuer: &Link,
    provider: &CryptoProvider,
) -> Result<Option<Revocations>, crate::error::Unsupported> {
    let Some(scheme) = crl.signature_scheme().filter(|scheme| *scheme == SCHEME) else { return Ok(None) };
    let verified = issuer.public_key().verify(scheme, provider, crl.signed_bytes(), crl.signature())?;
    let proof = || Revocations { der: crl.as_der().into(), signer: issuer.key.clone() };
    Ok(verified.is_ok().then(proof))
}

/// Proves the lists of `issuers` that the store has and has not proven yet.
pub(super) fn prove_all(
    issuers: &[&Link],
    sources: &Sources<'_>,
    provider: &CryptoProvider,
) -> Result<Vec<Revocations>, Refused> {
    let mut proven: Vec<Revocations> = Vec::new();
    for der in sources.store.supplied().crls() {
        let crl = CertificateList::parse(der)?;
        for issuer in issuers.iter().filter(|issuer| *issuer.subject == *crl.issuer().as_der()) {
            let same = |proof: &Revocations| *proof.der == *der && proof.signer == issuer.key;
            if proven.len() < MAX_LISTS && !sources.store.proofs().chain(&proven).any(same) {
                proven.extend(prove(&crl, issuer, provider)?);
            }
        }
    }
    Ok(proven)
}

/// Holds the dates of an issuer's newest list; when it is due again.
fn judge_dates(crl: &CertificateList<'_>, now: u64, checks: &mut Checks) -> u64 {
    let made = crl.this_update();
    checks.require_again(&checks::CRL_THIS_UPDATE, made <= now, Value::Time(now), Value::Time(made));
    let next = crl.next_update();
    let due = next.is_some_and(|next| now < next);
    let actual = next.map_or(Value::None, Value::Time);
    checks.require_again(&checks::CRL_NEXT_UPDATE, due, Value::After(now), actual);
    next.unwrap_or_default()
}
