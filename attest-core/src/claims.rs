//! Claims of any TEE under one roof.

use alloc::boxed::Box;

use crate::evidence::Format;
use crate::tee::{nitro, snp, tdx, vtpm};
use crate::values::Value;

/// How deep the trust in a verdict is rooted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Root {
    /// A hardware TEE whose vendor's root is pinned in this crate.
    Hardware,
    /// A hypervisor of a cloud's own, on hardware of its own, by the root that it publishes: AWS Nitro. Nothing shows a TEE of the
    /// processor.
    CloudHypervisor,
    /// A virtual TPM whose key a cloud's root vouches for: software that the cloud runs.
    CloudVtpm,
    /// A TPM in a chip of its own, by the root of a vendor that the caller calls one of such chips. It can be carried away, and
    /// its bus be spoken for.
    DiscreteTpm,
    /// A TPM in software, by a root that the caller calls one of such: a simulator, a hypervisor of the caller's own.
    Software,
    /// Anchors that the caller supplied, and that it says no more of: a pinned key, a test PKI.
    Caller,
}

impl Root {
    /// All roots, in no order: which one is enough, a policy says.
    pub const ALL: &[Self] = &[
        Self::Hardware,
        Self::CloudHypervisor,
        Self::CloudVtpm,
        Self::DiscreteTpm,
        Self::Software,
        Self::Caller,
    ];

    /// The root of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|root| root.name() == name)
    }

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::CloudHypervisor => "cloud-hypervisor",
            Self::CloudVtpm => "cloud-vtpm",
            Self::DiscreteTpm => "discrete-tpm",
            Self::Hardware => "hardware",
            Self::Software => "software",
        }
    }
}

/// Verified claims of one TEE.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "the warm SNP line allocates nothing")]
pub enum Claims {
    /// AWS Nitro.
    Nitro(Box<nitro::Claims>),
    /// AMD SEV-SNP.
    Snp(snp::Claims),
    /// Intel TDX.
    Tdx(Box<tdx::Claims>),
    /// TPM 2.0.
    Vtpm(Box<vtpm::Claims>),
}

impl Claims {
    /// The format of the evidence.
    pub const fn format(&self) -> Format {
        match self {
            Self::Nitro(_) => Format::Nitro,
            Self::Snp(_) => Format::Snp,
            Self::Tdx(_) => Format::Tdx,
            Self::Vtpm(_) => Format::Vtpm,
        }
    }

    /// How deep the trust is rooted.
    pub fn root(&self) -> Root {
        match self {
            Self::Nitro(claims) => claims.root(),
            Self::Snp(claims) => claims.root(),
            Self::Tdx(claims) => claims.root(),
            Self::Vtpm(claims) => claims.root(),
        }
    }

    /// Calls `f` with each claim's name and value, in a fixed order.
    pub fn for_each(&self, f: impl FnMut(&'static str, Value)) {
        match self {
            Self::Nitro(claims) => claims.for_each(f),
            Self::Snp(claims) => claims.for_each(f),
            Self::Tdx(claims) => claims.for_each(f),
            Self::Vtpm(claims) => claims.for_each(f),
        }
    }
}
