//! Everything that a verification depends on and that is not evidence. All of it is required; there is no default.

use rustls_pki_types::UnixTime;

use crate::crypto::CryptoProvider;
use crate::tee::{nitro, snp, tdx, vtpm};
use crate::values::Nonce;

/// What verification takes besides evidence and collateral.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// Who does the arithmetic.
    pub provider: &'a CryptoProvider,
    /// Whom the caller trusts. Never taken from evidence.
    pub anchors: &'a TrustAnchors,
    /// The time at which everything must be valid.
    pub now: UnixTime,
    /// What the evidence must commit to.
    pub expect: Expect,
}

impl<'a> Context<'a> {
    /// All four, by name.
    pub const fn new(
        provider: &'a CryptoProvider,
        anchors: &'a TrustAnchors,
        now: UnixTime,
        expect: Expect,
    ) -> Self {
        Self { provider, anchors, now, expect }
    }
}

/// What the evidence must commit to, so that it is fresh and meant for this caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Any report data: evidence may be old or somebody else's. The verdict says so, and a strict policy refuses it.
    AnyReportData,
    /// Exactly these bytes, in the field that the format has for it: no prefix, no padding. An empty nonce asks for an empty
    /// field.
    Nonce(Nonce),
    /// Exactly these 64 bytes.
    ReportData([u8; 64]),
}

impl Expect {
    /// The shortest nonce that counts as fresh, in bytes: a shorter one can be met again by chance, an empty one always.
    pub const MIN_NONCE: usize = 8;

    /// Whether what is expected is long enough that evidence with it was made for this caller.
    pub fn is_fresh(&self) -> bool {
        self.bytes().is_some_and(|bytes| bytes.len() >= Self::MIN_NONCE)
    }

    /// What must be there, in full; `None` if anything may.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::AnyReportData => None,
            Self::Nonce(nonce) => Some(nonce.as_bytes()),
            Self::ReportData(data) => Some(data),
        }
    }
}

/// Whom the caller trusts, for each TEE.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrustAnchors {
    /// AWS's root.
    pub nitro: nitro::Anchors,
    /// AMD's roots.
    pub snp: snp::Anchors,
    /// Intel's root.
    pub tdx: tdx::Anchors,
    /// Roots of attestation keys, and keys that are trusted by themselves. There are none until the caller adds some.
    pub vtpm: vtpm::Anchors,
}

impl TrustAnchors {
    /// The vendors' roots that this crate pins.
    pub fn pinned() -> Self {
        let (nitro, tdx) = (nitro::Anchors::aws(), tdx::Anchors::intel());
        Self { nitro, tdx, ..Self::new(snp::Anchors::amd()) }
    }

    /// AMD roots of the caller's own choice, and nobody for the rest.
    pub fn new(snp: snp::Anchors) -> Self {
        let (nitro, tdx, vtpm) = (nitro::Anchors::none(), tdx::Anchors::none(), vtpm::Anchors::none());
        Self { nitro, snp, tdx, vtpm }
    }
}
