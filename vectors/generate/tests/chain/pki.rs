//! A small PKI of any shape: every authority's key follows from its name.

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_core::x509::Certificate;
use attest_core::x509::chain::{self, Anchor, ChainError, ChainFault, Path, Rule, Rules};
use vectors_generate::{CertSpec, Ext, P384Key, RsaKey, Scheme, time};

pub(crate) const LEAF: &str = "leaf";
pub(crate) const CA_B: &str = "Authority B";
pub(crate) const CA_A: &str = "Authority A";
pub(crate) const ROOT: &str = "Root";

/// A certificate before it is signed.
#[derive(Clone)]
pub(crate) struct Spec(pub(crate) CertSpec);

impl Spec {
    fn new(subject: &str, issuer: &str, extensions: Vec<Ext>) -> Self {
        let spec = CertSpec::labelled(subject, issuer, extensions);
        Self(spec.valid("2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"))
    }

    /// An authority that may have any number of others below it.
    pub(crate) fn ca(subject: &str, issuer: &str) -> Self {
        Self::new(subject, issuer, vec![Ext::ca(None), Ext::key_usage([1, 6])])
    }

    /// A leaf that signs.
    pub(crate) fn leaf(subject: &str, issuer: &str) -> Self {
        Self::new(subject, issuer, vec![Ext::key_usage([7, 0x80])])
    }

    pub(crate) fn with(self, change: impl FnOnce(CertSpec) -> CertSpec) -> Self {
        Self(change(self.0))
    }

    /// The key of another label.
    pub(crate) fn key(self, label: &str) -> Self {
        self.with(|spec| CertSpec { spki: P384Key::from_label(label).spki(), ..spec })
    }

    pub(crate) fn signed_by(self, label: &str) -> Self {
        self.with(|spec| spec.signed_by(&P384Key::from_label(label)))
    }

    /// Signed by an RSA key.
    pub(crate) fn signed_by_rsa(self, key: &'static RsaKey, scheme: Scheme) -> Self {
        self.with(|spec| spec.scheme(scheme).signed_by(key))
    }

    /// Any SubjectPublicKeyInfo.
    pub(crate) fn spki(self, spki: Vec<u8>) -> Self {
        self.with(|spec| CertSpec { spki, ..spec })
    }

    pub(crate) fn valid(self, from: &str, to: &str) -> Self {
        self.with(|spec| spec.valid(from, to))
    }

    pub(crate) fn extensions(self, extensions: Vec<Ext>) -> Self {
        self.with(|spec| CertSpec { extensions, ..spec })
    }

    pub(crate) fn adding(self, extension: Ext) -> Self {
        self.with(|spec| spec.adding(extension))
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        self.0.build()
    }
}

/// The leaf of the usual chain, below [`CA_B`].
pub(crate) fn leaf() -> Spec {
    Spec::leaf(LEAF, CA_B)
}

pub(crate) fn parse(der: &[u8]) -> Certificate<'_> {
    Certificate::parse(der).expect("a certificate that can be read")
}

pub(crate) fn at(text: &str) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time::unix(text)))
}

pub(crate) fn find<'a>(
    leaf: &'a [u8],
    supplied: &[&'a Vec<u8>],
    anchors: &[Anchor<'a>],
) -> Result<Path<'a>, ChainError> {
    find_by(leaf, supplied, anchors, &Rules::new(&PROVIDER, at(time::NOW), &[]))
}

pub(crate) fn find_by<'a>(
    leaf: &'a [u8],
    supplied: &[&'a Vec<u8>],
    anchors: &[Anchor<'a>],
    rules: &Rules<'_>,
) -> Result<Path<'a>, ChainError> {
    let supplied: Vec<_> = supplied.iter().map(|der| parse(der)).collect();
    chain::find(&parse(leaf), &supplied, anchors, rules)
}

/// The common names of a path that must hold.
pub(crate) fn hold(leaf: &[u8], supplied: &[&Vec<u8>], root: &[u8]) -> Vec<String> {
    let path = find(leaf, supplied, &[Anchor::certificate(parse(root))]).expect("a path");
    let names = path.certificates().iter().map(|certificate| certificate.subject().common_name());
    names.map(|name| name.unwrap_or_default().to_owned()).collect()
}

/// The fault of a search that must find nothing.
pub(crate) fn fault(found: Result<Path<'_>, ChainError>) -> ChainFault {
    match found {
        Err(ChainError::Fault(fault)) => *fault,
        other => panic!("no fault: {other:?}"),
    }
}

/// Which rule a chain of leaf, B, A and root breaks, and where; the root is a whole certificate.
pub(crate) fn broken(leaf: &Spec, b: &Spec, a: &Spec, root: &Spec) -> (Rule, usize) {
    let [leaf, b, a, root] = [leaf, b, a, root].map(Spec::build);
    let fault = fault(find(&leaf, &[&b, &a], &[Anchor::certificate(parse(&root))]));
    assert!(!fault.expected.to_string().is_empty() && !fault.actual.to_string().is_empty());
    (fault.rule, fault.at)
}
