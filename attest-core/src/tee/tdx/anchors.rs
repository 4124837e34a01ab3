//! Intel's root, pinned, and roots of the caller's choice.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::claims::Root;
use crate::error::{Malformed, Problem};
use crate::x509::chain::Anchor;
use crate::x509::{Certificate, PublicKey};

/// Intel SGX Root CA. Provenance: `anchors/README.md`.
pub(super) const INTEL: &[u8] = include_bytes!("anchors/intel-sgx-root-ca.der");

/// The root certificates that the caller trusts.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    roots: Vec<Box<[u8]>>,
}

impl Anchors {
    /// Intel's own: the Intel SGX Root CA.
    pub fn intel() -> Self {
        let mut anchors = Self::none();
        // A unit test holds that it parses; were it broken, there would be no anchor.
        drop(anchors.add_root(INTEL));
        anchors
    }

    /// No root at all: nothing verifies until one is added.
    pub const fn none() -> Self {
        Self { roots: Vec::new() }
    }

    /// Adds a root: a whole certificate, whose dates and constraints count.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a self-issued certificate of an authority with a key on P-256.
    pub fn add_root(&mut self, der: &[u8]) -> Result<(), Malformed> {
        let certificate = Certificate::parse(der)?;
        let refuse = |expected| {
            let problem = Problem::Encoding(expected);
            Err(Malformed { structure: "anchor", field: "certificate", offset: 0, problem })
        };
        if certificate.subject() != certificate.issuer() {
            return refuse("not a self-issued certificate");
        }
        if !matches!(certificate.public_key(), PublicKey::P256(_)) {
            return refuse("not a key on P-256");
        }
        if certificate.authority().is_none() {
            return refuse("not an authority's certificate");
        }
        self.roots.push(der.into());
        Ok(())
    }

    /// The roots, read again. Each was read when it was added, so none is lost.
    pub(super) fn roots(&self) -> Vec<Anchor<'_>> {
        self.certificates().map(Anchor::certificate).collect()
    }

    /// Whether this certificate is one of them.
    pub(super) fn trusts(&self, root: &[u8]) -> bool {
        self.roots.iter().any(|own| **own == *root)
    }

    fn certificates(&self) -> impl Iterator<Item = Certificate<'_>> {
        self.roots.iter().filter_map(|der| Certificate::parse(der).ok())
    }
}

/// How deep trust that ends at this certificate is rooted.
pub(super) fn root_of(der: &[u8]) -> Root {
    if der == INTEL { Root::Hardware } else { Root::Caller }
}
