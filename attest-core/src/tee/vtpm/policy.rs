//! What a relying party can demand of a TPM. `judge` holds every rule against the claims.

use alloc::string::String;
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
    /// Certificates that vouch for the key and that were not looked up in lists of revoked ones.
    pub unchecked_revocation: Unusual,
    /// Whose machine.
    pub machine: MachineRules,
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
    /// Registers whose quoted values a signer of the caller's ([`Anchors::add_pcr_signer`](super::Anchors::add_pcr_signer)) signed, all
    /// of them by one signature, so that no values need be listed. An empty list asks for a signature, whatever it covers.
    pub signed_pcrs: AllOf<u8>,
    /// An event log that contradicts a register that is quoted. Where it passes, it is a warning. What extends registers without
    /// the firmware's log (Linux' IMA register 10, systemd 11 to 15) makes a genuine log contradict them: quote others.
    pub log_contradiction: Unusual,
    /// Registers that the event log must replay to their quoted values.
    pub replayed: AllOf<u8>,
    /// Secure Boot, proven by the event log. With `set` or `clear`, a log that does not prove it is refused.
    pub secure_boot: Bit,
}

/// Whose machine it must be, by what vouches for the key. With a list, evidence that does not name one is refused: a pinned key has
/// no certificate that anybody believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct MachineRules {
    /// Common names of the key's certificate. Azure's is the machine's id with a suffix, Google's the instance's number.
    pub certificate_subjects: OneOf<String>,
    /// Google's zones.
    pub gce_zones: OneOf<String>,
    /// Google's projects by their numbers, which are never given to another.
    pub gce_project_numbers: OneOf<u64>,
    /// Google's projects by their ids.
    pub gce_project_ids: OneOf<String>,
    /// Google's instances by their numbers, which are never given to another.
    pub gce_instance_ids: OneOf<u64>,
    /// Google's instances by their names, which another instance may have later.
    pub gce_instance_names: OneOf<String>,
    /// Azure's machines by the paravisor's word.
    pub azure_vm_ids: OneOf<String>,
    /// TPMs by SHA-256 of the endorsement key's SubjectPublicKeyInfo.
    pub ek_spki_sha256: OneOf<[u8; 32]>,
}

impl MachineRules {
    /// Any machine.
    pub const ANY: Self = Self {
        certificate_subjects: OneOf::Any,
        gce_zones: OneOf::Any,
        gce_project_numbers: OneOf::Any,
        gce_project_ids: OneOf::Any,
        gce_instance_ids: OneOf::Any,
        gce_instance_names: OneOf::Any,
        azure_vm_ids: OneOf::Any,
        ek_spki_sha256: OneOf::Any,
    };
}

impl Policy {
    /// The documented default: a key whose attributes are known, fresh evidence, no SHA-1, a log that contradicts nothing, these registers. What the trust is
    /// rooted in, the caller must say: no default is right for a discrete TPM and for a cloud's.
    pub fn strict(roots: OneOf<Root>, pcrs: Registers) -> Self {
        Self {
            roots,
            ak_paths: OneOf::Any,
            unknown_attributes: Unusual::Refuse,
            hierarchies: OneOf::Any,
            unchecked_revocation: Unusual::Any,
            machine: MachineRules::ANY,
            stale_evidence: Unusual::Refuse,
            clock_safe: Bit::Any,
            firmware_versions: OneOf::Any,
            banks: OneOf::Listed(Vec::from([
                HashAlgorithm::Sha256,
                HashAlgorithm::Sha384,
                HashAlgorithm::Sha512,
            ])),
            pcrs,
            signed_pcrs: AllOf(OneOf::Any),
            log_contradiction: Unusual::Refuse,
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
            unchecked_revocation: Unusual::Any,
            machine: MachineRules::ANY,
            stale_evidence: Unusual::Any,
            clock_safe: Bit::Any,
            firmware_versions: OneOf::Any,
            banks: OneOf::Any,
            pcrs: Registers::Any,
            signed_pcrs: AllOf(OneOf::Any),
            log_contradiction: Unusual::Any,
            replayed: AllOf(OneOf::Any),
            secure_boot: Bit::Any,
        }
    }
}
