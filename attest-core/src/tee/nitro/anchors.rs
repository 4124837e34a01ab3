//! Roots that the caller trusts. None is in this crate: AWS's is known by its fingerprint.

use alloc::vec::Vec;

use crate::crypto::{CryptoProvider, Curve, HashAlgorithm};
use crate::error::{Malformed, Unsupported};
use crate::x509::Roots;
use crate::x509::chain::Anchor;

/// SHA-256 of AWS's root certificate "aws.nitro-enclaves", G1, in DER (Nitro Enclaves User Guide, "Verifying the root of
/// trust"). The 8cf60e2b... of "Attestation Process", 2.1 is the hash of the archive that it comes in.
pub const AWS_ROOT_SHA256: [u8; 32] =
    *b"\x64\x1a\x03\x21\xa3\xe2\x44\xef\xe4\x56\x46\x31\x95\xd6\x06\x31\x7e\xd7\xcd\xcc\x3c\x17\x56\xe0\x98\x93\xf3\xc6\
    \x8f\x79\xbb\x5b";

/// Where the trust in a document ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Root {
    /// AWS's root of the commercial partition, by its fingerprint: a Nitro hypervisor. Other partitions have roots of their own,
    /// which are the caller's.
    Aws,
    /// Another root of the caller's: a test PKI, a simulator.
    Caller,
}

impl Root {
    /// Stable name: `aws-nitro`, `caller`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws-nitro",
            Self::Caller => "caller",
        }
    }

    /// The root of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Aws, Self::Caller].into_iter().find(|root| root.name() == name)
    }

    /// What the root is whose certificate this is.
    pub(super) fn of(der: &[u8], provider: &CryptoProvider) -> Result<Self, Unsupported> {
        let digest = provider.digest(HashAlgorithm::Sha256, &[der])?;
        Ok(if digest.as_bytes() == AWS_ROOT_SHA256 { Self::Aws } else { Self::Caller })
    }
}

/// The root certificates that the caller trusts.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    roots: Roots,
}

impl Anchors {
    /// No root at all: nothing verifies until one is added.
    pub const fn none() -> Self {
        Self { roots: Roots::none() }
    }

    /// Adds a root: a whole certificate, whose dates and constraints count. Which one it is does not matter here; claims say
    /// whether a document ended at AWS's or at another.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a self-issued certificate of an authority with a key on P-384.
    pub fn add_root(&mut self, der: &[u8]) -> Result<(), Malformed> {
        self.roots.add(der, Curve::P384)
    }

    /// The roots, read again.
    pub(super) fn roots(&self) -> Vec<Anchor<'_>> {
        self.roots.anchors()
    }
}
