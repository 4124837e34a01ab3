//! Whose key: the PCK certificate's chain, proven apart from any quote. Dates and revocation are looked at with each quote.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use rustls_pki_types::UnixTime;
use rustls_pki_types::pem::{PemObject, SectionKind};

use super::anchors::{Anchors, root_of};
use super::checks::verify as checks;
use super::checks::wire;
use super::pck::{EXTENSION, Pck};
use crate::checks::{Checks, holds};
use crate::claims::Root;
use crate::collateral::Proof;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Malformed, Problem, Refused};
use crate::values::Value;
use crate::x509::chain::{self, ChainError, Path, Rules};
use crate::x509::{Certificate, KeyUsage, PublicKey, SignatureScheme, Validity};

/// What Intel signs everything with: ECDSA on P-256 with SHA-256.
pub(super) const SCHEME: SignatureScheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha256);

const LEAF: &str = "Intel SGX PCK Certificate";
const AUTHORITIES: [&str; 2] = ["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"];

/// A certificate of a proven chain: what is asked of it later.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) subject: Box<[u8]>,
    pub(super) serial: Box<[u8]>,
    pub(super) validity: Validity,
    /// SEC 1 point on P-256, uncompressed.
    pub(super) key: Box<[u8]>,
}

impl Link {
    pub(super) fn of(certificate: &Certificate<'_>) -> Self {
        Self {
            subject: certificate.subject().as_der().into(),
            serial: certificate.serial().into(),
            validity: certificate.validity(),
            key: certificate.public_key().as_bytes().into(),
        }
    }

    pub(super) fn public_key(&self) -> PublicKey<'_> {
        PublicKey::P256(&self.key)
    }
}

/// A PCK certificate whose chain was proven.
#[derive(Clone, Debug)]
pub struct Endorsement {
    /// The chain as the quote has it: a proof counts for these bytes only.
    pub(super) pem: Box<[u8]>,
    pub(super) pck: Pck,
    pub(super) leaf: Link,
    pub(super) authority: Link,
    pub(super) root: Link,
    pub(super) root_der: Box<[u8]>,
}

impl Proof for Endorsement {}

impl Endorsement {
    /// Proves the chain of a PCK certificate: PEM, the leaf first.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made.
    pub fn prove(pem: &[u8], anchors: &Anchors, provider: &CryptoProvider) -> Result<Self, Refused> {
        let ders = read_pem(pem)?;
        let certificates: Vec<Certificate<'_>> =
            ders.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
        let [leaf, above @ ..] = certificates.as_slice() else {
            return Err(malformed("no certificate").into());
        };
        let mut checks = Checks::new();
        let path = prove_path(leaf, above, anchors, provider)
            .map_err(|error| refuse(error, &checks::PCK_CHAIN, &mut checks))?;
        checks.require(&checks::PCK_CHAIN, true, EXPECTED_PATH, EXPECTED_PATH);
        let broken = broken_role(&path);
        checks.require(&checks::PCK_ROLE, broken.is_none(), EXPECTED_ROLE, broken.unwrap_or(EXPECTED_ROLE));
        let pck = leaf.extension(EXTENSION).and_then(|extension| Pck::parse(extension.value));
        let actual = if pck.is_some() { EXPECTED_EXTENSION } else { "missing, or of another form" };
        checks.require(&checks::PCK_EXTENSION, pck.is_some(), EXPECTED_EXTENSION, actual);
        let root = path.anchor().as_certificate();
        let parts = (pck, path.certificates().get(1).copied().or_else(|| root.copied()), root);
        match (Refused::of(&checks), parts) {
            (None, (Some(pck), Some(authority), Some(root))) => Ok(Self {
                pem: pem.into(),
                pck,
                leaf: Link::of(leaf),
                authority: Link::of(&authority),
                root: Link::of(root),
                root_der: root.as_der().into(),
            }),
            (Some(refused), _) => Err(refused),
            // A check that a unit test takes away makes no extension where there is none.
            (None, _) => Err(malformed("no SGX extension").into()),
        }
    }

    /// What Intel certifies of the platform.
    pub const fn pck(&self) -> &Pck {
        &self.pck
    }

    /// How deep the trust is rooted.
    pub(super) fn root(&self) -> Root {
        root_of(&self.root_der)
    }

    /// Writes down the checks that a proof stands for, and those that depend on the caller and on the time.
    pub(super) fn judge(&self, anchors: &Anchors, now: u64, checks: &mut Checks) {
        let known = anchors.trusts(&self.root_der);
        let actual = if known { EXPECTED_PATH } else { "a root of another caller" };
        checks.require(&checks::PCK_CHAIN, known, EXPECTED_PATH, actual);
        checks.require(&checks::PCK_ROLE, true, EXPECTED_ROLE, EXPECTED_ROLE);
        checks.require(&checks::PCK_EXTENSION, true, EXPECTED_EXTENSION, EXPECTED_EXTENSION);
        for link in [&self.root, &self.authority, &self.leaf] {
            judge_validity(&checks::PCK_VALIDITY, link.validity, now, checks);
        }
    }
}

const EXPECTED_PATH: &str = "a path to a root that the caller trusts";
const EXPECTED_ROLE: &str = "a PCK certificate, a PCK CA, a root";
const EXPECTED_EXTENSION: &str = "the SGX extension, complete";

/// One line for several certificates: the first that is not valid, or the one that ends first.
pub(super) fn judge_validity(
    check: &'static crate::checks::Check,
    validity: Validity,
    now: u64,
    checks: &mut Checks,
) {
    let bound = if now < validity.not_before { validity.not_before } else { validity.not_after };
    checks.require_again(check, validity.holds_at(now), Value::Time(bound), Value::Time(now));
}

/// A path from a leaf to one of the anchors, at the time at which the last of its certificates began to be valid: the proof is
/// to hold at any later time, and dates are judged when it is used.
pub(super) fn prove_path<'a>(
    leaf: &Certificate<'a>,
    above: &[Certificate<'a>],
    anchors: &'a Anchors,
    provider: &CryptoProvider,
) -> Result<Path<'a>, ChainError> {
    let begins = |certificate: &Certificate<'_>| certificate.validity().not_before;
    let begin = above.iter().map(begins).fold(begins(leaf), u64::max);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(begin));
    chain::find(leaf, above, &anchors.roots(), &Rules::new(provider, at, &[]))
}

/// The refusal that a chain's fault stands for.
pub(super) fn refuse(
    error: ChainError,
    check: &'static crate::checks::Check,
    checks: &mut Checks,
) -> Refused {
    let fault = match error {
        ChainError::Unsupported(unsupported) => return Refused::with(unsupported, checks),
        ChainError::Fault(fault) => fault,
    };
    checks.require(check, false, fault.expected, fault.actual);
    // A check that a unit test takes away makes no path where there is none.
    Refused::of(checks).unwrap_or_else(|| malformed("no path to a root that the caller trusts").into())
}

const fn malformed(what: &'static str) -> Malformed {
    Malformed { structure: "certificate chain", field: "path", offset: 0, problem: Problem::Encoding(what) }
}

/// The first rule of a PCK chain that is broken.
fn broken_role(path: &Path<'_>) -> Option<&'static str> {
    let [leaf, authority] = path.certificates() else { return Some("a chain of another length") };
    let name = |certificate: &Certificate<'_>, names: &[&str]| {
        certificate.subject().common_name().is_some_and(|name| names.contains(&name))
    };
    let keys = [leaf.public_key(), authority.public_key(), path.anchor().public_key()];
    let schemes = [leaf.signature_scheme(), authority.signature_scheme()];
    let rules = [
        (name(leaf, &[LEAF]), "a leaf that is no PCK certificate"),
        (name(authority, &AUTHORITIES), "an authority that is no PCK CA"),
        (leaf.key_usage().is_some_and(KeyUsage::digital_signature), "a leaf that may not sign"),
        (keys.iter().all(|key| matches!(key, PublicKey::P256(_))), "a key that is not on P-256"),
        (schemes.iter().all(|scheme| *scheme == Some(SCHEME)), "a signature without SHA-256"),
    ];
    rules.iter().find(|(holds, _)| !holds).map(|(_, what)| *what)
}

/// Who a chain says that it is for, read and not believed: to list what is missing.
pub(super) struct Platform {
    pub(super) pck: Pck,
    /// The leaf's issuer, by name.
    pub(super) issuer: Vec<u8>,
    /// The issuer's own, by name.
    pub(super) root: Vec<u8>,
    pub(super) of_processor: bool,
}

impl Platform {
    pub(super) fn peek(pem: &[u8]) -> Result<Self, Malformed> {
        let ders = read_pem(pem)?;
        let certificates: Vec<Certificate<'_>> =
            ders.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
        let [leaf, authority, ..] = certificates.as_slice() else { return Err(malformed("no authority")) };
        let extension = leaf.extension(EXTENSION).and_then(|extension| Pck::parse(extension.value));
        Ok(Self {
            pck: extension.ok_or_else(|| malformed("no SGX extension"))?,
            issuer: leaf.issuer().as_der().into(),
            root: authority.issuer().as_der().into(),
            of_processor: leaf.issuer().common_name() == Some(AUTHORITIES[1]),
        })
    }
}

/// What Intel's service calls a PCK CA.
pub(super) const fn authority_of(processor: bool) -> &'static str {
    if processor { "processor" } else { "platform" }
}

/// Two or three certificates in PEM. Intel ends the text with a zero byte.
fn read_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let refuse = |actual: Value| {
        let problem = Problem::value(&wire::PCK_PEM, "two or three certificates in PEM", actual);
        Malformed { structure: "TDX quote", field: "PCK chain", offset: 0, problem }
    };
    let text = pem.strip_suffix(b"\0").unwrap_or(pem);
    let mut ders = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        match section {
            Ok((SectionKind::Certificate, der)) if ders.len() < 3 => ders.push(der),
            Ok((SectionKind::Certificate, _)) => return Err(refuse("more".into())),
            Ok(_) => return Err(refuse("another section".into())),
            Err(_) => return Err(refuse("not PEM (RFC 7468)".into())),
        }
    }
    let count = u64::try_from(ders.len()).unwrap_or(u64::MAX);
    if holds(&wire::PCK_PEM, (2..=3).contains(&ders.len())) { Ok(ders) } else { Err(refuse(count.into())) }
}
