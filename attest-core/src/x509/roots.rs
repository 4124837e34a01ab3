//! Root certificates of a caller's choice, for the TEEs whose roots have keys on one curve.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Certificate;
use super::chain::Anchor;
use crate::crypto::Curve;
use crate::error::{Malformed, Problem};

/// Whole certificates, whose dates and constraints count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots(Vec<Box<[u8]>>);

impl Roots {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds one: a self-issued certificate of an authority with a key on `curve`.
    pub(crate) fn add(&mut self, der: &[u8], curve: Curve) -> Result<(), Malformed> {
        Self::read(der, curve)?;
        self.0.push(der.into());
        Ok(())
    }

    /// Reads what may be such a root. It is none by that: somebody must trust it.
    pub(crate) fn read(der: &[u8], curve: Curve) -> Result<Certificate<'_>, Malformed> {
        let certificate = Certificate::parse(der)?;
        let refuse = |expected| {
            let problem = Problem::Encoding(expected);
            Err(Malformed { structure: "anchor", field: "certificate", offset: 0, problem })
        };
        if certificate.subject() != certificate.issuer() {
            return refuse("not a self-issued certificate");
        }
        if certificate.public_key().curve() != Some(curve) {
            return refuse("not a key on the curve of these roots");
        }
        if certificate.authority().is_none() {
            return refuse("not an authority's certificate");
        }
        Ok(certificate)
    }

    /// The roots, read again. Each was read when it was added, so none is lost.
    pub(crate) fn anchors(&self) -> Vec<Anchor<'_>> {
        let certificates = self.0.iter().filter_map(|der| Certificate::parse(der).ok());
        certificates.map(Anchor::certificate).collect()
    }

    /// Whether this certificate is one of them.
    pub(crate) fn contain(&self, root: &[u8]) -> bool {
        self.0.iter().any(|own| **own == *root)
    }
}
