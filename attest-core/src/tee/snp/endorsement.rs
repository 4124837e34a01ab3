//! Whose key: the chain ARK, ASK or ASVK, VCEK or VLEK, proven apart from any report.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::anchors::{Anchors, Authority};
use super::checks::verify as checks;
use super::tcb::{ProductLine, Tcb};
use super::vek::{KeyKind, Vek, is_leaf, judge_extensions, judge_leaf};
use crate::checks::Checks;
use crate::claims::Root;
use crate::collateral::{Collateral, Proof};
use crate::context::Context;
use crate::crypto::{CryptoProvider, SignatureAlgorithm};
use crate::error::{Malformed, Refused, Unsupported};
use crate::values::Value;
use crate::x509::Certificate;

/// How many supplied intermediates of the right name are tried: each costs an RSA verification.
const MAX_INTERMEDIATES: usize = 4;

/// Larger keys are not tried: AMD's have 4096 bits, and a verification with twice as many costs four times as much.
const MAX_RSA_BITS: u32 = 4096;

/// A chain that was proven: its signatures, names and extensions hold. Dates and revocation are looked at with each report.
#[derive(Clone, Debug)]
pub struct Endorsement {
    pub(super) vek: Vek,
    /// The certificate itself: a proof counts for these bytes only.
    pub(crate) vek_der: Box<[u8]>,
    pub(crate) vek_serial: Box<[u8]>,
    pub(crate) ca: Arc<Authority>,
    pub(crate) ark: Arc<Authority>,
    /// Whether the root's signature on the intermediate was looked at; if not, the intermediate was pinned.
    ca_signed: bool,
    pub(crate) checks: Checks,
}

impl Proof for Endorsement {}

impl Endorsement {
    /// Proves the chain of one VEK certificate. Intermediates and roots in `supplied` are judged as supplied; where there are
    /// none, the anchors' own are used.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made.
    pub fn prove(
        vek_der: &[u8],
        supplied: &[&Collateral],
        anchors: &Anchors,
        provider: &CryptoProvider,
    ) -> Result<Self, Refused> {
        Self::prove_parsed(Certificate::parse(vek_der)?, supplied, anchors, provider)
    }

    /// The same for a certificate that was parsed.
    pub(super) fn prove_parsed(
        vek: Certificate<'_>,
        supplied: &[&Collateral],
        anchors: &Anchors,
        provider: &CryptoProvider,
    ) -> Result<Self, Refused> {
        let mut checks = Checks::new();
        let kind = judge_leaf(&vek, &mut checks)?;
        let chain = Chain::find(&vek, supplied, anchors)?;

        let root = chain.roots.iter().find(|root| !anchors.knows(root.spki()));
        let stranger =
            root.map(|root| Value::text(root.subject().common_name().unwrap_or("a root without a name")));
        let actual = match (stranger, &chain.ark) {
            (Some(stranger), _) => stranger,
            (None, Some(_)) => Value::Phrase("the anchor"),
            (None, None) => issuer_name(&vek),
        };
        let known = stranger.is_none() && chain.ark.is_some();
        checks.require(&checks::ANCHOR_KNOWN, known, "a root that the caller trusts", actual);
        let Some(ark) = chain.ark.clone() else { return Err(refused(&checks)) };

        let issued = chain.candidates.iter().any(|ca| ca.subject.as_ref() == vek.issuer().as_der());
        checks.require(&checks::VEK_ISSUER, issued, chain.subject(), issuer_name(&vek));
        let Some(ca) = chain.signer(&vek, provider, &mut checks)? else { return Err(refused(&checks)) };
        let ca_signed = judge_intermediate(&ca, &ark, kind, &chain, provider, &mut checks)?;
        let decoded = judge_extensions(&vek, kind, ark.line, &mut checks)?;
        match Refused::of(&checks) {
            Some(refused) => Err(refused),
            None => Ok(Self {
                vek: decoded,
                vek_der: vek.as_der().into(),
                vek_serial: vek.serial().into(),
                ca,
                ark,
                ca_signed,
                checks,
            }),
        }
    }

    /// How deep the trust is rooted for a caller with these anchors.
    pub(super) fn root(&self, anchors: &Anchors) -> Root {
        let root = anchors.same_root(&self.ark).is_some_and(|root| root.vendor);
        let ca = self.ca_signed || anchors.same_intermediate(&self.ca).is_some_and(|ca| ca.vendor);
        if root && ca { Root::Hardware } else { Root::Caller }
    }

    /// Which kind of key.
    pub const fn kind(&self) -> KeyKind {
        self.vek.kind
    }

    /// The product line that the chain vouches for.
    pub const fn product_line(&self) -> ProductLine {
        self.vek.line
    }

    /// The TCB that the key was derived for.
    pub const fn tcb(&self) -> Tcb {
        self.vek.tcb
    }
}

pub(super) fn refused(checks: &Checks) -> Refused {
    Refused::of(checks).unwrap_or_else(|| Unsupported::Format(Value::Phrase("chain")).into())
}

fn issuer_name(certificate: &Certificate<'_>) -> Value {
    certificate.issuer().common_name().map_or(Value::None, Value::text)
}

/// The parts of a chain, found by name.
struct Chain<'a> {
    /// Whether the intermediates were supplied, rather than pinned.
    supplied: bool,
    candidates: Vec<Arc<Authority>>,
    /// Supplied self-issued certificates.
    roots: Vec<Certificate<'a>>,
    ark: Option<Arc<Authority>>,
}

impl<'a> Chain<'a> {
    fn find(
        vek: &Certificate<'_>,
        supplied: &[&'a Collateral],
        anchors: &Anchors,
    ) -> Result<Self, Malformed> {
        let issuer = vek.issuer().as_der();
        let pinned = anchors.intermediate(issuer);
        let mut roots = Vec::new();
        let mut candidates = Vec::new();
        for der in supplied.iter().flat_map(|collateral| collateral.certificates()) {
            if der == vek.as_der() {
                continue;
            }
            let certificate = Certificate::parse(der)?;
            let (subject, by) = (certificate.subject(), certificate.issuer());
            if subject == by {
                roots.push(certificate);
            } else if subject.as_der() == issuer || pinned.is_some_and(|ca| *ca.issuer == *by.as_der()) {
                // Of this line: what was supplied is judged as supplied, and a wrong one is not papered over by a pinned one.
                candidates.extend(Authority::supplied(&certificate, anchors).map(Arc::new));
            }
        }
        candidates.retain(|ca| !is_leaf(&ca.name));
        let supplied = !candidates.is_empty();
        if !supplied {
            candidates.extend(pinned.cloned());
        }
        // The right name first; if there is none, a stranger is kept so that the refusal can name it.
        candidates.sort_by_key(|ca| *ca.subject != *issuer);
        candidates.truncate(MAX_INTERMEDIATES);
        let by = candidates.first().map(|ca| ca.issuer.clone()).unwrap_or_default();
        roots.retain(|root| *root.subject().as_der() == *by);
        Ok(Self { supplied, candidates, roots, ark: anchors.root(&by).cloned() })
    }

    fn subject(&self) -> Value {
        let subject = self.candidates.first().map(|ca| &*ca.name);
        subject.map_or(Value::Phrase("an intermediate that was supplied or is pinned"), Value::text)
    }

    /// The intermediate that signed the VEK certificate.
    fn signer(
        &self,
        vek: &Certificate<'_>,
        provider: &CryptoProvider,
        checks: &mut Checks,
    ) -> Result<Option<Arc<Authority>>, Refused> {
        let algorithm = SignatureAlgorithm::RsaPssSha384;
        let mut signer = None;
        for ca in self.candidates.iter().filter(|ca| ca.rsa_bits <= MAX_RSA_BITS) {
            let verified = provider
                .verify(algorithm, &ca.public_key, vek.signed_bytes(), vek.signature())
                .map_err(|error| Refused::with(error, checks))?;
            if verified.is_ok() {
                signer = Some(ca);
                break;
            }
        }
        let by = signer.or_else(|| self.candidates.first());
        let made = signer.is_some();
        let name = by.map_or(Value::None, |ca| Value::text(&ca.name));
        let actual = if made { name } else { Value::Phrase("a signature that does not verify") };
        let ok = checks.require(&checks::VEK_SIGNATURE, made, name, actual);
        Ok(by.filter(|_| ok).cloned())
    }
}

fn judge_intermediate(
    ca: &Authority,
    ark: &Authority,
    kind: KeyKind,
    chain: &Chain<'_>,
    provider: &CryptoProvider,
    checks: &mut Checks,
) -> Result<bool, Refused> {
    let expected = match kind {
        KeyKind::Vcek => "an ASK",
        KeyKind::Vlek => "an ASVK",
    };
    let actual = if ca.issues == Some(KeyKind::Vlek) { "an ASVK" } else { "an ASK" };
    let of_kind = ca.issues == Some(kind);
    checks.require(&checks::CA_KIND, of_kind, expected, if ca.issues.is_some() { actual } else { "neither" });
    checks.require(
        &checks::CA_ISSUER,
        ca.issuer == ark.subject,
        Value::text(&ark.name),
        Value::text(&ca.issuer_name),
    );
    let constraints = if ca.may_sign_leaves { "keyCertSign, CA, path length 0" } else { "something else" };
    checks.require(
        &checks::CA_CONSTRAINTS,
        ca.may_sign_leaves,
        "keyCertSign, CA, path length 0",
        constraints,
    );
    checks.require(&checks::CA_KEY, ca.rsa_bits == 4096, Value::Number(4096), u64::from(ca.rsa_bits));
    if !chain.supplied || ca.pinned {
        checks.not_applicable(&checks::CA_SIGNATURE, "the intermediate is pinned beside its root");
        return Ok(false);
    }
    let verified = provider
        .verify(SignatureAlgorithm::RsaPssSha384, &ark.public_key, &ca.tbs, &ca.signature)
        .map_err(|error| Refused::with(error, checks))?;
    let actual =
        if verified.is_ok() { "a signature that verifies" } else { "a signature that does not verify" };
    checks.require(&checks::CA_SIGNATURE, verified.is_ok() && ca.pss, "a signature that verifies", actual);
    Ok(true)
}

/// Dates of a chain that was proven, at the time of this verification; and the anchors of this caller.
pub(crate) fn judge_dates(endorsement: &Endorsement, context: &Context<'_>, checks: &mut Checks) {
    let now = context.now.as_secs();
    // The chain may have been proven for a caller who trusts other roots, or who pinned an intermediate whose signature nobody
    // has looked at since.
    let anchors = &context.anchors.snp;
    let root = anchors.same_root(&endorsement.ark).is_some();
    let ca = endorsement.ca_signed || anchors.same_intermediate(&endorsement.ca).is_some();
    let known = root && ca;
    let actual = if known { "the anchor" } else { "a root or an intermediate of another caller" };
    checks.require_again(&checks::ANCHOR_KNOWN, known, "a root that the caller trusts", actual);
    for (check, validity) in [
        (&checks::ANCHOR_VALIDITY, endorsement.ark.validity),
        (&checks::CA_VALIDITY, endorsement.ca.validity),
        (&checks::VEK_VALIDITY, endorsement.vek.validity),
    ] {
        let bound = if now < validity.not_before { validity.not_before } else { validity.not_after };
        checks.require(check, validity.holds_at(now), Value::Time(bound), Value::Time(now));
    }
}
