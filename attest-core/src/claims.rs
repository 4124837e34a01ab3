//! Claims of any TEE under one roof.

use crate::evidence::Format;
use crate::tee::snp;
use crate::values::Value;

/// How deep the trust in a verdict is rooted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Root {
    /// A hardware TEE whose vendor's root is pinned in this crate.
    Hardware,
    /// Anchors that the caller supplied instead of the vendor's: a test PKI, a simulator.
    Caller,
}

impl Root {
    /// The root of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hardware, Self::Caller].into_iter().find(|root| root.name() == name)
    }

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Hardware => "hardware",
        }
    }
}

/// Verified claims of one TEE.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Claims {
    /// AMD SEV-SNP.
    Snp(snp::Claims),
}

impl Claims {
    /// The format of the evidence.
    pub const fn format(&self) -> Format {
        match self {
            Self::Snp(_) => Format::Snp,
        }
    }

    /// How deep the trust is rooted.
    pub const fn root(&self) -> Root {
        match self {
            Self::Snp(claims) => claims.root(),
        }
    }

    /// Calls `f` with each claim's name and value, in a fixed order.
    pub fn for_each(&self, f: impl FnMut(&'static str, Value)) {
        match self {
            Self::Snp(claims) => claims.for_each(f),
        }
    }
}
