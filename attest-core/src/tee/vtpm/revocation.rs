//! Revocation: what lists of the caller's and of the evidence's say of a path's certificates (RFC 5280, 5 and 6.3).
//!
//! Every list that an issuer of the path signed counts: what it names is revoked, and the newest must be in date. Lists of others
//! are passed over: a store holds many. But where there are lists of an issuer's name, one at least must be the issuer's own.

use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::checks::{certificate as ek, verify as ak};
use super::claims::Revocation;
use crate::checks::{Check, Checks, holds};
use crate::crypto::CryptoProvider;
use crate::error::{Malformed, Problem, Refused};
use crate::values::Value;
use crate::x509::chain::Path;
use crate::x509::{Certificate, CertificateList, KeyUsage, PublicKey};

/// How many lists of one path are looked at: each costs a signature.
const MAX_LISTS: usize = 16;

/// The checks of one kind of key.
pub(super) struct Lists {
    signature: &'static Check,
    dates: &'static Check,
    revoked: &'static Check,
}

/// Those of attestation keys.
pub(super) static AK_LISTS: Lists =
    Lists { signature: &ak::AK_CRL_SIGNATURE, dates: &ak::AK_CRL_DATES, revoked: &ak::AK_REVOKED };
/// Those of endorsement keys.
pub(super) static EK_LISTS: Lists =
    Lists { signature: &ek::EK_CRL_SIGNATURE, dates: &ek::EK_CRL_DATES, revoked: &ek::EK_REVOKED };

/// What came of it.
pub(super) struct LookedUp {
    pub(super) revocation: Revocation,
    /// The first second at which one of the lists is overdue.
    due: Option<u64>,
}

impl LookedUp {
    /// The last second at which every certificate of the path is valid, that of its root included, and no list is overdue.
    pub(super) fn last_second(&self, path: &Path<'_>) -> u64 {
        let certificates = path.certificates().iter().chain(path.anchor().as_certificate());
        let ends = certificates.map(|certificate| certificate.validity().not_after);
        ends.chain(self.due.map(|due| due.saturating_sub(1))).min().unwrap_or_default()
    }
}

/// Records that nothing was looked up.
pub(super) fn not_looked_up(lists: &Lists, why: &'static str, checks: &mut Checks) {
    [lists.signature, lists.dates, lists.revoked]
        .iter()
        .for_each(|check| checks.not_applicable_again(check, why));
}

/// Holds every certificate of a path that holds against its issuer's lists.
pub(super) fn judge_revocation<'l>(
    path: &Path<'_>,
    supplied: impl Iterator<Item = &'l [u8]>,
    lists: &Lists,
    provider: &CryptoProvider,
    now: UnixTime,
    checks: &mut Checks,
) -> Result<LookedUp, Refused> {
    let supplied = supplied.map(CertificateList::parse).collect::<Result<Vec<_>, _>>();
    let supplied = supplied.map_err(|error| Refused::with(error, checks))?;
    let mut looked_at = 0..MAX_LISTS;
    let mut all = true;
    let mut due: Option<u64> = None;
    let below = path.certificates();
    for (at, certificate) in below.iter().enumerate() {
        let issuer = below.get(at.saturating_add(1)).or_else(|| path.anchor().as_certificate());
        let key = issuer.map_or_else(|| path.anchor().public_key(), Certificate::public_key);
        let of_issuer =
            || supplied.iter().filter(|list| list.issuer().as_der() == certificate.issuer().as_der());
        let mut signed = Vec::new();
        for list in of_issuer() {
            if looked_at.next().is_none() {
                let problem = Problem::TooLarge { max: MAX_LISTS, actual: MAX_LISTS.saturating_add(1) };
                let field = "CRLs of one path";
                let error = Malformed { structure: "collateral", field, offset: 0, problem };
                return Err(Refused::with(error, checks));
            }
            let verified = is_signed(list, &key, issuer, provider);
            if holds(lists.signature, verified.map_err(|error| Refused::with(error, checks))?) {
                signed.push(list);
            }
        }
        if of_issuer().next().is_some() {
            // Authorities of one name have a key each; of the lists of that name one at least must be of this key.
            let actual = if signed.is_empty() { "none of this key" } else { "a list of this key" };
            checks.require_again(lists.signature, !signed.is_empty(), "a list of this key", actual);
        }
        let newest = signed.iter().map(|list| list.this_update()).max();
        all &= newest.is_some();
        for list in signed {
            let revoked = list.revokes(certificate.serial());
            let actual = if revoked { Value::bytes(certificate.serial()) } else { "not listed".into() };
            checks.require_again(lists.revoked, !revoked, "not listed", actual);
            // An older list beside a newer one still revokes, but need not be in date.
            if newest == Some(list.this_update()) {
                judge_dates(list, now.as_secs(), lists.dates, checks);
                due = due.into_iter().chain(list.next_update()).min();
            }
        }
    }
    not_looked_up(lists, "no list of an issuer of the path was supplied", checks);
    let revocation = if all { Revocation::Checked } else { Revocation::Unchecked };
    Ok(LookedUp { revocation, due })
}

/// Whether the issuer signed the list, and may: a keyUsage that is there must say so (RFC 5280, 6.3.3 f).
fn is_signed(
    list: &CertificateList<'_>,
    key: &PublicKey<'_>,
    issuer: Option<&Certificate<'_>>,
    provider: &CryptoProvider,
) -> Result<bool, crate::error::Unsupported> {
    let may = issuer.and_then(Certificate::key_usage).is_none_or(KeyUsage::crl_sign);
    let Some(scheme) = list.signature_scheme().filter(|_| may) else { return Ok(false) };
    Ok(key.verify(scheme, provider, list.signed_bytes(), list.signature())?.is_ok())
}

/// In date: made by now, and the next one not yet due. A list that names no next one is never in date.
fn judge_dates(list: &CertificateList<'_>, now: u64, check: &'static Check, checks: &mut Checks) {
    let (made, next) = (list.this_update(), list.next_update());
    if made > now {
        checks.require_again(check, false, Value::Time(now), Value::Time(made));
        return;
    }
    let due = next.is_some_and(|next| now < next);
    checks.require_again(check, due, Value::After(now), next.map_or(Value::None, Value::Time));
}
