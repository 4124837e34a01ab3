//! What a relying party can demand of a TPM. `judge` holds every rule against the claims.

use alloc::vec::Vec;

use super::anchors::AkPath;
use super::public::Hierarchy;
use crate::claims::Root;
use crate::crypto::HashAlgorithm;
use crate::rules::{AllOf, Bit, OneOf, Registers, Unusual};

/// Rules for TPM quotes. [`Policy::strict`] is the documented start; each field may then be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Policy {
    /// How deep the trust must be rooted. A cloud's virtual TPM is software that the cloud runs.
    pub roots: OneOf<Root>,
    /// What may vouch for the attestation key.
    pub ak_paths: OneOf<AkPath>,
    /// Keys of which only the numbers are known: nothing says that they sign no other data.
    pub unknown_attributes: Unusual,
    /// Hierarchies that the key may be a primary of. With a list, a key with another parent is refused.
    pub hierarchies: OneOf<Hierarchy>,
    /// Evidence whose qualifying data was not compared.
    pub stale_evidence: Unusual,
    /// clockInfo.safe: clear after a power failure that may have lost a higher clock value.
    pub clock_safe: Bit,
    /// firmwareVersion, as the vendor numbers it.
    pub firmware_versions: OneOf<u64>,
    /// Banks that may be quoted. SHA-1's collide.
    pub banks: OneOf<HashAlgorithm>,
    /// Registers by bank and number, each with the values that it may have. One that is not quoted is refused.
    pub pcrs: Registers,
    /// Registers that the event log must replay to their quoted values.
    pub replayed: AllOf<u8>,
    /// Secure Boot, proven by the event log. With `set` or `clear`, a log that does not prove it is refused.
    pub secure_boot: Bit,
}

impl Policy {
    /// The documented default: a key whose attributes are known, fresh evidence, no SHA-1, these registers. What the trust is
    /// rooted in, the caller must say: no default is right for a discrete TPM and for a cloud's.
    pub fn strict(roots: OneOf<Root>, pcrs: Registers) -> Self {
        Self {
            roots,
            ak_paths: OneOf::Any,
            unknown_attributes: Unusual::Refuse,
            hierarchies: OneOf::Any,
            stale_evidence: Unusual::Refuse,
            clock_safe: Bit::Any,
            firmware_versions: OneOf::Any,
            banks: OneOf::Listed(Vec::from([
                HashAlgorithm::Sha256,
                HashAlgorithm::Sha384,
                HashAlgorithm::Sha512,
            ])),
            pcrs,
            replayed: AllOf(OneOf::Any),
            secure_boot: Bit::Any,
        }
    }

    /// Every rule is `any`: whatever is genuine passes. For looking at evidence, and for tests.
    pub const fn dangerously_any() -> Self {
        Self {
            roots: OneOf::Any,
            ak_paths: OneOf::Any,
            unknown_attributes: Unusual::Any,
            hierarchies: OneOf::Any,
            stale_evidence: Unusual::Any,
            clock_safe: Bit::Any,
            firmware_versions: OneOf::Any,
            banks: OneOf::Any,
            pcrs: Registers::Any,
            replayed: AllOf(OneOf::Any),
            secure_boot: Bit::Any,
        }
    }
}
