//! What a relying party can demand of an SNP guest. `judge` holds every rule against the claims.

use alloc::string::String;
use alloc::vec::Vec;

use super::minima::{Minimum, firmware_floors, tcb_floors};
use super::tcb::{ProductLine, Tcb};
use super::vek::KeyKind;
use crate::claims::Root;
use crate::rules::{Abi, Bit, Firmware, Floors, Limit, Mask, OneOf, Unusual};

/// Declares a group of rules: public fields, all of them required in a file.
macro_rules! rules {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
        #[non_exhaustive]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

rules! {
    /// Rules for SNP guests. [`Policy::strict`] is the documented start; each field may then be changed.
    Policy {
        /// Product lines. Milan must be named on purpose: its chips' root seeds can be extracted in software
        /// (arXiv 2605.12990).
        product_lines: OneOf<ProductLine>,
        /// CPUs whose family and model are not known.
        unknown_cpu: Unusual,
        /// Versions of the report. 6 and above are read as if they were 5.
        report_versions: OneOf<u32>,
        /// Kinds of endorsement key.
        signing_keys: OneOf<KeyKind>,
        /// Cloud providers, as VLEKs name them. With a list, a VCEK is refused: it names none.
        csp_ids: OneOf<String>,
        /// Chips. With a VLEK, or masked, CHIP_ID is zero.
        chip_ids: OneOf<[u8; 64]>,
        /// How deep the trust must be rooted.
        roots: OneOf<Root>,
        /// Evidence whose report data was not compared.
        stale_evidence: Unusual,
        /// Greatest age of the root's CRL in days. `Any` goes without a CRL.
        crl_max_age_days: Limit<u32>,
        /// Privilege levels that may have asked for the report.
        vmpl: OneOf<u32>,
        /// Reports of guests that a migration agent looks after.
        migration_agent: Unusual,
        /// Firmware that is not committed: the host can go back.
        provisional_firmware: Unusual,
        /// Minimum of GUEST_SVN. The host chooses it unless a key digest below is listed: it comes from the ID block.
        guest_svn: Limit<u32>,
        /// Launch measurements.
        measurements: OneOf<[u8; 48]>,
        /// HOST_DATA.
        host_data: OneOf<[u8; 32]>,
        /// FAMILY_ID. The host chooses it unless a key digest below is listed.
        family_ids: OneOf<[u8; 16]>,
        /// IMAGE_ID. The host chooses it unless a key digest below is listed.
        image_ids: OneOf<[u8; 16]>,
        /// Digests of the key that signed the ID block.
        id_key_digests: OneOf<[u8; 48]>,
        /// Digests of the author key, which must then be in use.
        author_key_digests: OneOf<[u8; 48]>,
        /// Bits of POLICY.
        guest_policy: GuestPolicy,
        /// Bits of PLATFORM_INFO.
        platform_info: PlatformInfo,
        /// Bits of the key information that are not known.
        key_info_unknown: Unusual,
        /// Minima of the four TCB versions.
        tcb: TcbFloors,
        /// Minima of the firmware versions.
        firmware: FirmwareFloors,
        /// Mitigations that must be in force.
        mitigations: Mitigations,
    }
}

rules! {
    /// Bits of POLICY: what the guest's owner allowed the host.
    GuestPolicy {
        /// Bit 16: simultaneous multithreading is allowed.
        smt: Bit,
        /// Bit 18: a migration agent is allowed.
        migrate_ma: Bit,
        /// Bit 19: the host may read and write the guest's memory.
        debug: Bit,
        /// Bit 20: one socket only.
        single_socket: Bit,
        /// Bit 21: CXL devices may hold guest memory.
        cxl_allow: Bit,
        /// Bit 22: memory must be encrypted with AES-256-XTS.
        mem_aes_256_xts: Bit,
        /// Bit 23: RAPL must be off.
        rapl_dis: Bit,
        /// Bit 24: ciphertext must be hidden.
        ciphertext_hiding_dram: Bit,
        /// Bit 25: pages cannot be moved or swapped.
        page_swap_disable: Bit,
        /// Bits 63 to 26.
        unknown: Unusual,
        /// Bits 15 to 0: least ABI that the guest itself demands of the firmware.
        minimum_abi: Limit<Abi>,
    }
}

rules! {
    /// Bits of PLATFORM_INFO: how the host is set up.
    PlatformInfo {
        /// Bit 0: simultaneous multithreading is on.
        smt_en: Bit,
        /// Bit 1: transparent memory encryption is on.
        tsme_en: Bit,
        /// Bit 2: ECC memory.
        ecc_en: Bit,
        /// Bit 3: RAPL is off.
        rapl_dis: Bit,
        /// Bit 4: ciphertext is hidden.
        ciphertext_hiding_dram_en: Bit,
        /// Bit 5: memory aliases were looked for at boot (AMD-SB-3015).
        alias_check_complete: Bit,
        /// Bit 6: the IOMMU keeps devices from guest memory. The name is not in AMD's published table.
        iommu_write_safe: Bit,
        /// Bit 7: SEV-TIO is on.
        tio_en: Bit,
        /// Bits 63 to 8.
        unknown: Unusual,
    }
}

rules! {
    /// Minima by part, for each of the report's TCB versions. Only COMMITTED and REPORTED bind the host.
    TcbFloors {
        /// Reserved bytes that are set.
        unknown: Unusual,
        /// CURRENT_TCB.
        current: Floors<Tcb>,
        /// REPORTED_TCB.
        reported: Floors<Tcb>,
        /// COMMITTED_TCB.
        committed: Floors<Tcb>,
        /// LAUNCH_TCB.
        launch: Floors<Tcb>,
    }
}

rules! {
    /// Minima by part of the firmware versions.
    FirmwareFloors {
        /// CURRENT_MAJOR, _MINOR, _BUILD.
        current: Floors<Firmware>,
        /// COMMITTED_MAJOR, _MINOR, _BUILD.
        committed: Floors<Firmware>,
    }
}

rules! {
    /// Bits of the mitigation vectors that must be set. A report before version 5 has no vectors.
    Mitigations {
        /// LAUNCH_MIT_VECTOR.
        launch: Limit<Mask>,
        /// CURRENT_MIT_VECTOR.
        current: Limit<Mask>,
    }
}

impl Policy {
    /// The documented default: hardware roots, Genoa and Turin, a fresh report at VMPL 0, a CRL of at most 90 days, no debug,
    /// no migration, no CXL, the alias check done, committed firmware at `minima` and above, and one of `measurements`.
    ///
    /// `minima` and `measurements` have no default: [`super::MARCH_2026`] is a dated table, and `OneOf::Any` says that any
    /// guest will do.
    pub fn strict(minima: &[Minimum], measurements: OneOf<[u8; 48]>) -> Self {
        let tcb = || Floors::PerPart(tcb_floors(minima));
        Self {
            product_lines: OneOf::Listed(Vec::from([ProductLine::Genoa, ProductLine::Turin])),
            unknown_cpu: Unusual::Refuse,
            report_versions: OneOf::Listed(Vec::from([3, 4, 5])),
            signing_keys: OneOf::Listed(Vec::from([KeyKind::Vcek, KeyKind::Vlek])),
            csp_ids: OneOf::Any,
            chip_ids: OneOf::Any,
            roots: OneOf::only(Root::Hardware),
            stale_evidence: Unusual::Refuse,
            crl_max_age_days: Limit::To(90),
            vmpl: OneOf::only(0),
            migration_agent: Unusual::Refuse,
            provisional_firmware: Unusual::Any,
            guest_svn: Limit::Any,
            measurements,
            host_data: OneOf::Any,
            family_ids: OneOf::Any,
            image_ids: OneOf::Any,
            id_key_digests: OneOf::Any,
            author_key_digests: OneOf::Any,
            guest_policy: GuestPolicy {
                debug: Bit::Clear,
                migrate_ma: Bit::Clear,
                cxl_allow: Bit::Clear,
                unknown: Unusual::Refuse,
                ..GuestPolicy::any()
            },
            platform_info: PlatformInfo {
                alias_check_complete: Bit::Set,
                tio_en: Bit::Clear,
                unknown: Unusual::Refuse,
                ..PlatformInfo::any()
            },
            key_info_unknown: Unusual::Refuse,
            tcb: TcbFloors {
                unknown: Unusual::Refuse,
                current: Floors::Any,
                reported: tcb(),
                committed: tcb(),
                launch: Floors::Any,
            },
            firmware: FirmwareFloors {
                current: Floors::Any,
                committed: Floors::PerPart(firmware_floors(minima)),
            },
            mitigations: Mitigations { launch: Limit::Any, current: Limit::Any },
        }
    }

    /// Every rule is `any`: whatever is genuine passes. For looking at a report, and for tests.
    pub const fn dangerously_any() -> Self {
        Self {
            product_lines: OneOf::Any,
            unknown_cpu: Unusual::Any,
            report_versions: OneOf::Any,
            signing_keys: OneOf::Any,
            csp_ids: OneOf::Any,
            chip_ids: OneOf::Any,
            roots: OneOf::Any,
            stale_evidence: Unusual::Any,
            crl_max_age_days: Limit::Any,
            vmpl: OneOf::Any,
            migration_agent: Unusual::Any,
            provisional_firmware: Unusual::Any,
            guest_svn: Limit::Any,
            measurements: OneOf::Any,
            host_data: OneOf::Any,
            family_ids: OneOf::Any,
            image_ids: OneOf::Any,
            id_key_digests: OneOf::Any,
            author_key_digests: OneOf::Any,
            guest_policy: GuestPolicy::any(),
            platform_info: PlatformInfo::any(),
            key_info_unknown: Unusual::Any,
            tcb: TcbFloors {
                unknown: Unusual::Any,
                current: Floors::Any,
                reported: Floors::Any,
                committed: Floors::Any,
                launch: Floors::Any,
            },
            firmware: FirmwareFloors { current: Floors::Any, committed: Floors::Any },
            mitigations: Mitigations { launch: Limit::Any, current: Limit::Any },
        }
    }
}

impl GuestPolicy {
    const fn any() -> Self {
        Self {
            smt: Bit::Any,
            migrate_ma: Bit::Any,
            debug: Bit::Any,
            single_socket: Bit::Any,
            cxl_allow: Bit::Any,
            mem_aes_256_xts: Bit::Any,
            rapl_dis: Bit::Any,
            ciphertext_hiding_dram: Bit::Any,
            page_swap_disable: Bit::Any,
            unknown: Unusual::Any,
            minimum_abi: Limit::Any,
        }
    }
}

impl PlatformInfo {
    const fn any() -> Self {
        Self {
            smt_en: Bit::Any,
            tsme_en: Bit::Any,
            ecc_en: Bit::Any,
            rapl_dis: Bit::Any,
            ciphertext_hiding_dram_en: Bit::Any,
            alias_check_complete: Bit::Any,
            iommu_write_safe: Bit::Any,
            tio_en: Bit::Any,
            unknown: Unusual::Any,
        }
    }
}
