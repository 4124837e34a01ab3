//! AMD's roots, pinned, and roots of the caller's choice.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::tcb::ProductLine;
use super::vek::KeyKind;
use crate::crypto::HashAlgorithm;
use crate::error::{Malformed, Problem};
use crate::x509::{Certificate, PublicKey, SignatureScheme, Validity};

/// Root, VCEK authority, VLEK authority of each line. Provenance: `anchors/README.md`.
pub(super) const AMD: [(ProductLine, [&[u8]; 3]); 3] = [
    (
        ProductLine::Milan,
        [
            include_bytes!("anchors/milan-ark.der"),
            include_bytes!("anchors/milan-ask.der"),
            include_bytes!("anchors/milan-asvk.der"),
        ],
    ),
    (
        ProductLine::Genoa,
        [
            include_bytes!("anchors/genoa-ark.der"),
            include_bytes!("anchors/genoa-ask.der"),
            include_bytes!("anchors/genoa-asvk.der"),
        ],
    ),
    (
        ProductLine::Turin,
        [
            include_bytes!("anchors/turin-ark.der"),
            include_bytes!("anchors/turin-ask.der"),
            include_bytes!("anchors/turin-asvk.der"),
        ],
    ),
];

/// The roots (ARK) that the caller trusts, with the intermediates that are known beside them.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    roots: Vec<Arc<Authority>>,
    intermediates: Vec<Arc<Authority>>,
}

/// A certificate authority, parsed once.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) der: Box<[u8]>,
    pub(crate) line: ProductLine,
    pub(crate) name: Box<str>,
    pub(crate) subject: Box<[u8]>,
    pub(crate) issuer_name: Box<str>,
    pub(crate) issuer: Box<[u8]>,
    pub(crate) serial: Box<[u8]>,
    pub(crate) spki: Box<[u8]>,
    pub(crate) public_key: Box<[u8]>,
    pub(crate) rsa_bits: u32,
    pub(crate) validity: Validity,
    pub(crate) may_sign_leaves: bool,
    pub(crate) issues: Option<KeyKind>,
    /// Trusted by the caller beside its root, so that its signature need not be looked at.
    pub(crate) pinned: bool,
    /// The vendor's own, as this crate pins it.
    pub(crate) vendor: bool,
    pub(crate) pss: bool,
    pub(crate) tbs: Box<[u8]>,
    pub(crate) signature: Box<[u8]>,
}

impl Anchors {
    /// AMD's own: Milan, Genoa, Turin.
    pub fn amd() -> Self {
        let mut anchors = Self::default();
        for (line, [ark, ask, asvk]) in AMD {
            // A unit test holds that all nine parse; were one broken, its line would be without an anchor.
            let added = anchors.add_root(line, ark).and_then(|()| anchors.add_intermediate(line, ask));
            drop(added.and_then(|()| anchors.add_intermediate(line, asvk)));
        }
        for authority in anchors.roots.iter_mut().chain(&mut anchors.intermediates) {
            if let Some(authority) = Arc::get_mut(authority) {
                authority.vendor = true;
            }
        }
        anchors
    }

    /// No root at all: nothing verifies until one is added.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a root for a product line.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a self-issued certificate with an RSA key.
    pub fn add_root(&mut self, line: ProductLine, der: &[u8]) -> Result<(), Malformed> {
        let certificate = Certificate::parse(der)?;
        if certificate.subject() != certificate.issuer() {
            return Err(not_an_authority("a self-issued certificate"));
        }
        let root = Authority::new(&certificate, line).ok_or_else(|| not_an_authority("an RSA key"))?;
        self.roots.push(Arc::new(root));
        Ok(())
    }

    /// Adds an intermediate that is trusted as the root is: chains that end at it cost one RSA verification less.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a certificate with an RSA key.
    pub fn add_intermediate(&mut self, line: ProductLine, der: &[u8]) -> Result<(), Malformed> {
        let certificate = Certificate::parse(der)?;
        let mut authority =
            Authority::new(&certificate, line).ok_or_else(|| not_an_authority("an RSA key"))?;
        authority.pinned = true;
        self.intermediates.push(Arc::new(authority));
        Ok(())
    }

    /// Whether a key is a root's.
    pub(crate) fn knows(&self, spki: &[u8]) -> bool {
        self.roots.iter().any(|root| *root.spki == *spki)
    }

    /// The root of this caller that is the same as `ark`, which may have been another caller's: same key, same line.
    pub(crate) fn same_root(&self, ark: &Authority) -> Option<&Arc<Authority>> {
        self.roots.iter().find(|root| root.spki == ark.spki && root.line == ark.line)
    }

    /// The intermediate of this caller that is `ca`, byte for byte.
    pub(crate) fn same_intermediate(&self, ca: &Authority) -> Option<&Arc<Authority>> {
        self.intermediates.iter().find(|known| known.der == ca.der)
    }

    pub(crate) fn root(&self, subject: &[u8]) -> Option<&Arc<Authority>> {
        self.roots.iter().find(|root| *root.subject == *subject)
    }

    pub(crate) fn intermediate(&self, subject: &[u8]) -> Option<&Arc<Authority>> {
        self.intermediates.iter().find(|ca| *ca.subject == *subject)
    }

    fn line(&self, subject: &[u8]) -> Option<ProductLine> {
        self.root(subject).map(|root| root.line)
    }
}

const fn not_an_authority(expected: &'static str) -> Malformed {
    Malformed { structure: "anchor", field: "certificate", offset: 0, problem: Problem::Encoding(expected) }
}

impl Authority {
    fn new(certificate: &Certificate<'_>, line: ProductLine) -> Option<Self> {
        let PublicKey::Rsa { der: public_key, bits, .. } = certificate.public_key() else { return None };
        let common_name = certificate.subject().common_name().unwrap_or_default();
        let issues = match common_name.strip_prefix("SEV-") {
            Some(rest) if rest.strip_prefix("VLEK-") == Some(line.name()) => Some(KeyKind::Vlek),
            Some(rest) if rest == line.name() => Some(KeyKind::Vcek),
            _ => None,
        };
        Some(Self {
            der: certificate.as_der().into(),
            line,
            name: common_name.into(),
            subject: certificate.subject().as_der().into(),
            issuer_name: certificate.issuer().common_name().unwrap_or_default().into(),
            issuer: certificate.issuer().as_der().into(),
            serial: certificate.serial().into(),
            spki: certificate.spki().into(),
            public_key: public_key.into(),
            rsa_bits: bits,
            validity: certificate.validity(),
            may_sign_leaves: certificate.authority() == Some(Some(0)),
            issues,
            pinned: false,
            vendor: false,
            pss: certificate.signature_scheme() == Some(SignatureScheme::RsaPss(HashAlgorithm::Sha384)),
            tbs: certificate.signed_bytes().into(),
            signature: certificate.signature().into(),
        })
    }

    /// An intermediate that came with the evidence or from the caller. Its line is its issuer's; one that is pinned, byte for
    /// byte, counts as pinned.
    pub(crate) fn supplied(certificate: &Certificate<'_>, anchors: &Anchors) -> Option<Self> {
        let line = anchors.line(certificate.issuer().as_der()).unwrap_or(ProductLine::Milan);
        let mut authority = Self::new(certificate, line)?;
        if let Some(known) = anchors.same_intermediate(&authority) {
            authority.pinned = true;
            authority.vendor = known.vendor;
        }
        Some(authority)
    }
}
