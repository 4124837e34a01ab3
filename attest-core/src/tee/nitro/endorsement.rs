//! Whose key: the document's certificate, and the chain above it up to a root that the caller trusts.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::anchors::Anchors;
use super::checks::verify as checks;
use super::wire::Document;
use crate::checks::{Check, Checks};
use crate::collateral::Proof;
use crate::crypto::{CryptoProvider, Curve, HashAlgorithm};
use crate::error::{Malformed, Problem, Refused, Unsupported};
use crate::x509::chain::{self, ChainError, ChainFault, Path, Rule, Rules};
use crate::x509::{Certificate, SignatureScheme};

/// What chains are signed with, all of them: ECDSA on P-384 with SHA-384.
const SCHEME: SignatureScheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha384);

const PATH: &str = "a path that holds";
const KEYS: &str = "P-384 with SHA-384";
const ORDER: &str = "the path, root first";

/// The checks that a path stands for: [`chain::find`] returns one only if all of them hold.
static CHAIN: [&Check; 7] = [
    &checks::CHAIN_BUDGET,
    &checks::CHAIN_ISSUER,
    &checks::CHAIN_SIGNATURE,
    &checks::CHAIN_VALIDITY,
    &checks::CHAIN_LEAF,
    &checks::CHAIN_AUTHORITY,
    &checks::CHAIN_EXTENSION,
];

/// A chain that was proven: the same certificates hold again while all of them are valid and the caller trusts their root.
#[derive(Debug)]
pub(super) struct Endorsement {
    leaf: Box<[u8]>,
    bundle: Vec<Box<[u8]>>,
    root: Box<[u8]>,
    /// The seconds at which every certificate is valid, both ends included.
    valid: (u64, u64),
}

impl Proof for Endorsement {}

impl Endorsement {
    /// Finds the path and records what it is judged by. A check that fails behind it is in the record alone.
    pub(super) fn prove(
        document: &Document<'_>,
        anchors: &Anchors,
        provider: &CryptoProvider,
        now: UnixTime,
        checks: &mut Checks,
    ) -> Result<Self, Refused> {
        let leaf = Certificate::parse(document.certificate())?;
        let bundle: Vec<Certificate<'_>> =
            document.cabundle().iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
        let roots = anchors.roots(document.cabundle(), provider)?;
        let path = match chain::find(&leaf, &bundle, &roots, &Rules::new(provider, now, &[])) {
            Ok(path) => path,
            Err(ChainError::Unsupported(unsupported)) => return Err(Refused::with(unsupported, checks)),
            Err(ChainError::Fault(fault)) => return Err(refuse(&fault, checks)),
        };
        for check in CHAIN {
            checks.require(check, true, PATH, PATH);
        }
        judge_keys(&path, checks);
        let root = path.anchor().as_certificate();
        let root_der = root.map(Certificate::as_der).unwrap_or_default();
        judge_order(&path, root_der, document.cabundle(), checks);

        let dates = path.certificates().iter().chain(root).map(Certificate::validity);
        let valid = dates
            .fold((0, u64::MAX), |(from, to), dates| (dates.not_before.max(from), dates.not_after.min(to)));
        let bundle = document.cabundle().iter().map(|der| Box::from(*der)).collect();
        Ok(Self { leaf: document.certificate().into(), bundle, root: root_der.into(), valid })
    }

    /// Whether this is the chain of `document`, down to the byte.
    pub(super) fn is_of(&self, document: &Document<'_>) -> bool {
        *self.leaf == *document.certificate()
            && self.bundle.iter().map(|der| &**der).eq(document.cabundle().iter().copied())
    }

    /// Whether [`Self::prove`] would find again what it found: nothing else of it depends on the time or on the caller.
    pub(super) fn holds(
        &self,
        anchors: &Anchors,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<bool, Unsupported> {
        let (from, to) = self.valid;
        Ok((from..=to).contains(&now.as_secs()) && anchors.trusts(&self.root, provider)?)
    }

    /// Records what [`Self::prove`] recorded.
    pub(super) fn record(&self, checks: &mut Checks) {
        for check in CHAIN {
            checks.require(check, true, PATH, PATH);
        }
        checks.require(&checks::CHAIN_KEY, true, KEYS, KEYS);
        checks.require(&checks::CHAIN_ORDER, true, ORDER, ORDER);
    }

    /// The root's certificate, in DER.
    pub(super) fn root(&self) -> &[u8] {
        &self.root
    }

    /// The first second at which one of the certificates is no longer valid.
    pub(super) const fn valid_until(&self) -> u64 {
        self.valid.1.saturating_add(1)
    }
}

fn refuse(fault: &ChainFault, checks: &mut Checks) -> Refused {
    let check = match fault.rule {
        Rule::Budget | Rule::Depth => &checks::CHAIN_BUDGET,
        Rule::Issuer => &checks::CHAIN_ISSUER,
        Rule::Key | Rule::Algorithm => &checks::CHAIN_KEY,
        Rule::Signature => &checks::CHAIN_SIGNATURE,
        Rule::Validity => &checks::CHAIN_VALIDITY,
        Rule::Leaf => &checks::CHAIN_LEAF,
        Rule::Authority | Rule::KeyUsage | Rule::PathLength => &checks::CHAIN_AUTHORITY,
        Rule::CriticalExtension => &checks::CHAIN_EXTENSION,
    };
    checks.require(check, false, fault.expected, fault.actual);
    // A check that a unit test takes away makes no path where there is none.
    Refused::of(checks).unwrap_or_else(|| {
        let problem = Problem::Encoding("no path to a root that the caller trusts");
        Malformed { structure: "cabundle", field: "path", offset: fault.at, problem }.into()
    })
}

/// Every key on P-384, the root's too, and every signature with SHA-384: no other was ever seen, and a weaker one in between
/// would be as good as the whole chain.
fn judge_keys(path: &Path<'_>, checks: &mut Checks) {
    let root = path.anchor().public_key();
    let stranger = path
        .certificates()
        .iter()
        .map(|certificate| (certificate.public_key(), certificate.signature_scheme()))
        .chain([(root, Some(SCHEME))])
        .find(|(key, scheme)| key.curve() != Some(Curve::P384) || *scheme != Some(SCHEME));
    let actual = match stranger {
        None => KEYS,
        Some((key, _)) if key.curve() != Some(Curve::P384) => key.name(),
        Some(_) => "another scheme",
    };
    checks.require(&checks::CHAIN_KEY, stranger.is_none(), KEYS, actual);
}

/// The bundle must be the path that was found: the root, whom the caller already trusts, then down to the leaf's issuer. A
/// search finds its way in any order, so without this rule a bundle could carry what nobody looked at.
fn judge_order(path: &Path<'_>, root: &[u8], bundle: &[&[u8]], checks: &mut Checks) {
    let below = path.certificates().iter().skip(1).rev().map(Certificate::as_der);
    let ok = core::iter::once(root).chain(below).eq(bundle.iter().copied());
    let actual = if ok { ORDER } else { "another order, or other certificates" };
    checks.require(&checks::CHAIN_ORDER, ok, ORDER, actual);
}
