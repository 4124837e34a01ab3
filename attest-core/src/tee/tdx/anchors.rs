//! Intel's root, pinned, and roots of the caller's choice.

use alloc::vec::Vec;

use crate::claims::Root;
use crate::crypto::Curve;
use crate::error::Malformed;
use crate::x509::Roots;
use crate::x509::chain::Anchor;

/// Intel SGX Root CA. Provenance: `anchors/README.md`.
pub(super) const INTEL: &[u8] = include_bytes!("anchors/intel-sgx-root-ca.der");

/// The root certificates that the caller trusts.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    roots: Roots,
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
        Self { roots: Roots::none() }
    }

    /// Adds a root: a whole certificate, whose dates and constraints count.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a self-issued certificate of an authority with a key on P-256.
    pub fn add_root(&mut self, der: &[u8]) -> Result<(), Malformed> {
        self.roots.add(der, Curve::P256)
    }

    /// The roots, read again.
    pub(super) fn roots(&self) -> Vec<Anchor<'_>> {
        self.roots.anchors()
    }

    /// Whether this certificate is one of them.
    pub(super) fn trusts(&self, root: &[u8]) -> bool {
        self.roots.contain(root)
    }
}

/// How deep trust that ends at this certificate is rooted.
pub(super) fn root_of(der: &[u8]) -> Root {
    if der == INTEL { Root::Hardware } else { Root::Caller }
}
