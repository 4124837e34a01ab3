//! Revocation: lists whose signature was proven, and what they say of a chain.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::anchors::{Anchors, Authority};
use super::checks::verify as checks;
use super::endorsement::{Endorsement, refused};
use crate::checks::Checks;
use crate::collateral::{Collateral, Proof, Store};
use crate::context::Context;
use crate::crypto::{CryptoProvider, SignatureAlgorithm};
use crate::error::{Error, Malformed, Problem, Refused, Unsupported};
use crate::values::Value;
use crate::x509::{CertificateList, SignatureScheme};

/// How many CRLs of one chain are looked at: each may cost an RSA verification.
const MAX_LISTS: usize = 8;

/// A revocation list whose signature was proven.
#[derive(Clone, Debug)]
pub struct Revocations {
    pub(crate) der: Box<[u8]>,
    /// The key that signed it.
    pub(crate) signer: Box<[u8]>,
}

impl Proof for Revocations {}

impl Revocations {
    /// Proves a CRL of one of the anchors' roots apart from any report. Its dates are looked at with each report.
    ///
    /// # Errors
    /// [`Refused`] if no root of the anchors issued it, or if the signature does not verify.
    pub fn prove(der: &[u8], anchors: &Anchors, provider: &CryptoProvider) -> Result<Self, Refused> {
        let mut checks = Checks::new();
        let crl = CertificateList::parse(der)?;
        let issuer = crl.issuer().common_name().map_or(Value::None, Value::text);
        let root = anchors.root(crl.issuer().as_der());
        checks.require(&checks::CRL_ISSUER, root.is_some(), "a root that the caller trusts", issuer);
        let Some(root) = root else { return Err(refused(&checks)) };
        let proven = Self::prove_by(&crl, root, provider).map_err(|error| Refused::with(error, &checks))?;
        let actual =
            if proven.is_some() { "a signature that verifies" } else { "a signature that does not verify" };
        checks.require(&checks::CRL_SIGNATURE, proven.is_some(), "a signature that verifies", actual);
        proven.ok_or_else(|| refused(&checks))
    }

    /// Proves that `signer`, in its role as the CRL's issuer, signed it.
    pub(crate) fn prove_by(
        crl: &CertificateList<'_>,
        signer: &Authority,
        provider: &CryptoProvider,
    ) -> Result<Option<Self>, Unsupported> {
        let algorithm = SignatureAlgorithm::RsaPssSha384;
        let scheme = SignatureScheme::RsaPss(algorithm.hash());
        let verified = provider.verify(algorithm, &signer.public_key, crl.signed_bytes(), crl.signature())?;
        Ok((verified.is_ok() && crl.signature_scheme() == Some(scheme))
            .then(|| Self { der: crl.as_der().into(), signer: signer.public_key.clone() }))
    }
}

/// Proves the lists of `signers` that the store has and has not proven yet, at most [`MAX_LISTS`] of them.
pub(super) fn prove_all(
    store: &Store,
    signers: &[Arc<Authority>],
    provider: &CryptoProvider,
) -> Result<Vec<Revocations>, Error> {
    let mut proven: Vec<Revocations> = Vec::new();
    for der in store.supplied().crls() {
        let crl = CertificateList::parse(der)?;
        for signer in signers.iter().filter(|signer| *signer.subject == *crl.issuer().as_der()) {
            let same = |proof: &Revocations| *proof.der == *der && proof.signer == signer.public_key;
            if proven.len() < MAX_LISTS && !store.proofs().chain(&proven).any(same) {
                proven.extend(Revocations::prove_by(&crl, signer, provider)?);
            }
        }
    }
    Ok(proven)
}

/// What the lists that speak about a chain say of their own age, in Unix seconds.
pub(super) struct ListDates {
    /// When the ARK's newest one was made.
    pub(super) made: Option<u64>,
    /// When the first of the newest ones is due to be replaced.
    pub(super) due: Option<u64>,
}

/// Looks at every CRL that speaks about this chain.
pub(super) fn judge_revocation(
    endorsement: &Endorsement,
    carried: &Collateral,
    store: &Store,
    context: &Context<'_>,
    checks: &mut Checks,
) -> Result<ListDates, Refused> {
    let mut lists: [Option<(CertificateList<'_>, bool)>; MAX_LISTS] = [None; MAX_LISTS];
    let mut seen = 0_usize;
    let mut stranger = None;
    for der in carried.crls().chain(store.supplied().crls()) {
        let crl = CertificateList::parse(der)?;
        let Some(signer) = issuer_of(&crl, endorsement) else {
            let issuer = crl.issuer().common_name().unwrap_or_default();
            // Other vendors' lists may share the store.
            if issuer.starts_with("ARK-") || issuer.starts_with("SEV-") {
                stranger = Some(Value::text(issuer));
            }
            continue;
        };
        let Some(slot) = lists.get_mut(seen) else {
            let problem = Problem::TooLarge { max: MAX_LISTS, actual: seen.saturating_add(1) };
            let error = Malformed { structure: "collateral", field: "CRLs of one chain", offset: 0, problem };
            return Err(Refused::with(error, checks));
        };
        seen = seen.saturating_add(1);
        let about_ca = signer.subject == endorsement.ark.subject;
        checks.require_again(&checks::CRL_ISSUER, true, "the chain's root or intermediate", name(signer));
        let known = |proof: &&Revocations| *proof.der == *der && proof.signer == signer.public_key;
        let proven = store.proofs::<Revocations>().any(|proof| known(&proof))
            || Revocations::prove_by(&crl, signer, context.provider)
                .map_err(|error| Refused::with(error, checks))?
                .is_some();
        let actual = if proven { "a signature that verifies" } else { "a signature that does not verify" };
        if checks.require_again(&checks::CRL_SIGNATURE, proven, "a signature that verifies", actual) {
            *slot = Some((crl, about_ca));
        }
    }
    let newest = |of_root: bool| {
        let made =
            |(crl, about_ca): &(CertificateList<'_>, bool)| (*about_ca == of_root).then(|| crl.this_update());
        lists.iter().flatten().filter_map(made).max()
    };
    for (crl, about_ca) in lists.iter().flatten() {
        judge_serial(crl, endorsement, *about_ca, checks);
        // An older list beside a newer one of the same issuer still revokes, but only the newest must be in date.
        if newest(*about_ca) == Some(crl.this_update()) {
            judge_list_dates(crl, context.now.as_secs(), checks);
        }
    }
    if seen == 0 {
        let why = "no CRL of this chain was supplied";
        match stranger {
            // Somebody meant to check revocation and brought the wrong list.
            Some(issuer) => drop(checks.require(&checks::CRL_ISSUER, false, name(&endorsement.ark), issuer)),
            None => checks.not_applicable(&checks::CRL_ISSUER, why),
        }
        for check in [
            &checks::CRL_SIGNATURE,
            &checks::CRL_REVOKED_CA,
            &checks::CRL_REVOKED_VEK,
            &checks::CRL_THIS_UPDATE,
            &checks::CRL_NEXT_UPDATE,
        ] {
            checks.not_applicable(check, why);
        }
    }
    let current = lists.iter().flatten().filter(|(crl, of)| newest(*of) == Some(crl.this_update()));
    Ok(ListDates { made: newest(true), due: current.filter_map(|(crl, _)| crl.next_update()).min() })
}

fn judge_serial(crl: &CertificateList<'_>, endorsement: &Endorsement, about_ca: bool, checks: &mut Checks) {
    let (check, serial) = match about_ca {
        true => (&checks::CRL_REVOKED_CA, &endorsement.ca.serial),
        false => (&checks::CRL_REVOKED_VEK, &endorsement.vek_serial),
    };
    let revoked = crl.revokes(serial);
    let actual = if revoked { "its serial number is listed" } else { "not listed" };
    checks.require_again(check, !revoked, "not listed", actual);
    if about_ca {
        // Every VEK has the serial number 0 and another issuer than this list: it cannot speak about one.
        checks.not_applicable_again(
            &checks::CRL_REVOKED_VEK,
            "the root's list names intermediates; TCB levels retire a VEK",
        );
    } else {
        checks.not_applicable_again(
            &checks::CRL_REVOKED_CA,
            "the intermediate's own list names what it issued",
        );
    }
}

fn judge_list_dates(crl: &CertificateList<'_>, now: u64, checks: &mut Checks) {
    let made = crl.this_update();
    checks.require_again(&checks::CRL_THIS_UPDATE, made <= now, Value::Time(now), Value::Time(made));
    let next = crl.next_update();
    let due = next.is_some_and(|next| now < next);
    checks.require_again(
        &checks::CRL_NEXT_UPDATE,
        due,
        Value::After(now),
        next.map_or(Value::None, Value::Time),
    );
}

/// Which of the chain's authorities issued this list, by name.
fn issuer_of<'a>(crl: &CertificateList<'_>, endorsement: &'a Endorsement) -> Option<&'a Authority> {
    let issuer = crl.issuer().as_der();
    [&*endorsement.ark, &*endorsement.ca].into_iter().find(|authority| *authority.subject == *issuer)
}

fn name(authority: &Authority) -> Value {
    Value::text(&authority.name)
}
