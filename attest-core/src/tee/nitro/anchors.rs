//! Whom the caller trusts. No root certificate is in this crate: AWS's is known by its fingerprint.

use alloc::vec::Vec;

use crate::claims::Root;
use crate::crypto::{CryptoProvider, Curve, HashAlgorithm};
use crate::error::{Error, Malformed, Unsupported};
use crate::x509::Roots;
use crate::x509::chain::Anchor;

/// SHA-256 of AWS's root certificate "aws.nitro-enclaves", G1, in DER (Nitro Enclaves User Guide, "Verifying the root of
/// trust"). The 8cf60e2b... of "Attestation Process", 2.1 is the hash of the archive that it comes in.
pub const AWS_ROOT_SHA256: [u8; 32] =
    *b"\x64\x1a\x03\x21\xa3\xe2\x44\xef\xe4\x56\x46\x31\x95\xd6\x06\x31\x7e\xd7\xcd\xcc\x3c\x17\x56\xe0\x98\x93\xf3\xc6\
    \x8f\x79\xbb\x5b";

/// The root certificates that the caller trusts, whole or by their fingerprints.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    roots: Roots,
    fingerprints: Vec<[u8; 32]>,
}

impl Anchors {
    /// AWS's root of the commercial partition, and no other. Other partitions have roots of their own.
    pub fn aws() -> Self {
        Self { roots: Roots::none(), fingerprints: Vec::from([AWS_ROOT_SHA256]) }
    }

    /// No root at all: nothing verifies until one is added.
    pub const fn none() -> Self {
        Self { roots: Roots::none(), fingerprints: Vec::new() }
    }

    /// Adds a root: a whole certificate, whose dates and constraints count. Which one it is does not matter here; claims say
    /// whether a document ended at AWS's or at another.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a self-issued certificate of an authority with a key on P-384.
    pub fn add_root(&mut self, der: &[u8]) -> Result<(), Malformed> {
        self.roots.add(der, Curve::P384)
    }

    /// Adds a root by SHA-256 of its certificate in DER. Documents bring a copy of their root; it is believed only if it has this
    /// fingerprint, and its dates and constraints then count as those of a certificate that the caller gave.
    pub fn add_root_sha256(&mut self, sha256: [u8; 32]) {
        self.fingerprints.push(sha256);
    }

    /// Whether the caller trusts this root certificate.
    pub(super) fn trusts(&self, root: &[u8], provider: &CryptoProvider) -> Result<bool, Unsupported> {
        Ok(self.roots.contain(root) || self.has_fingerprint_of(root, provider)?)
    }

    /// The roots, read again; and the first certificate of a document's bundle, if its fingerprint is one of ours.
    pub(super) fn roots<'a>(
        &'a self,
        bundle: &[&'a [u8]],
        provider: &CryptoProvider,
    ) -> Result<Vec<Anchor<'a>>, Error> {
        let mut roots = self.roots.anchors();
        if let Some(first) = bundle.first()
            && !self.roots.contain(first)
            && self.has_fingerprint_of(first, provider)?
        {
            roots.push(Anchor::certificate(Roots::read(first, Curve::P384)?));
        }
        Ok(roots)
    }

    fn has_fingerprint_of(&self, root: &[u8], provider: &CryptoProvider) -> Result<bool, Unsupported> {
        if self.fingerprints.is_empty() {
            return Ok(false);
        }
        let digest = provider.digest(HashAlgorithm::Sha256, &[root])?;
        Ok(self.fingerprints.iter().any(|own| digest.as_bytes() == own))
    }
}

/// How deep the trust is rooted that ends at this certificate.
pub(super) fn root_of(der: &[u8], provider: &CryptoProvider) -> Result<Root, Unsupported> {
    let digest = provider.digest(HashAlgorithm::Sha256, &[der])?;
    Ok(if digest.as_bytes() == AWS_ROOT_SHA256 { Root::CloudHypervisor } else { Root::Caller })
}
