//! What a relying party can demand of an SNP guest. Every rule is always judged.

use alloc::string::String;
use alloc::vec::Vec;

use super::checks::policy as checks;
use super::claims::Claims;
use super::endorsement::KeyKind;
use super::minima::{Minimum, firmware_floors, tcb_floors};
use super::tcb::{ProductLine, RawTcb, Tcb};
use crate::checks::{Check, Checks};
use crate::claims::Root;
use crate::rules::{Abi, Bit, Firmware, Floors, Limit, Mask, OneOf, Unusual};
use crate::values::Value;

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
        /// Cloud providers, as VLEKs name them. Says nothing about a VCEK.
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
        /// Minimum of GUEST_SVN.
        guest_svn: Limit<u32>,
        /// Launch measurements.
        measurements: OneOf<[u8; 48]>,
        /// HOST_DATA.
        host_data: OneOf<[u8; 32]>,
        /// FAMILY_ID.
        family_ids: OneOf<[u8; 16]>,
        /// IMAGE_ID.
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
        /// Bit 25: pages cannot be moved.
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
        /// Bit 6: the IOMMU keeps devices from guest memory.
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

    /// Judges every rule, in the order of the checks' list.
    pub(crate) fn judge(&self, claims: &Claims, out: &mut Checks) {
        self.judge_origin(claims, out);
        let report = claims.report();
        listed(out, &checks::VMPL, &self.vmpl, &report.vmpl(), Value::from(report.vmpl()));
        self.guest_policy.judge(report.policy(), out);
        self.platform_info.judge(report.platform_info(), out);
        let unknown = u64::from(report.key_info() & !0b1_1111);
        unusual(out, &checks::KEY_INFO_UNKNOWN, self.key_info_unknown, unknown != 0, Value::Bits(unknown));
        self.tcb.judge(claims, out);
        let committed = report.committed_tcb() == report.current_tcb()
            && report.committed_version() == report.current_version();
        let actual = if committed { "committed" } else { "current is ahead of committed" };
        unusual(out, &checks::PROVISIONAL, self.provisional_firmware, !committed, actual);
        floor(
            out,
            &checks::FIRMWARE_CURRENT,
            &self.firmware.current,
            claims,
            Firmware(report.current_version()),
        );
        floor(
            out,
            &checks::FIRMWARE_COMMITTED,
            &self.firmware.committed,
            claims,
            Firmware(report.committed_version()),
        );
        mitigated(out, &checks::MITIGATION_LAUNCH, self.mitigations.launch, report.launch_mit_vector());
        mitigated(out, &checks::MITIGATION_CURRENT, self.mitigations.current, report.current_mit_vector());
        self.judge_identity(claims, out);
    }

    /// Who signed, on what, and how fresh.
    fn judge_origin(&self, claims: &Claims, out: &mut Checks) {
        let report = claims.report();
        let line = claims.product_line();
        listed(out, &checks::PRODUCT, &self.product_lines, &line, line.name());
        let known = claims.part().is_some();
        unusual(
            out,
            &checks::UNKNOWN_CPU,
            self.unknown_cpu,
            !known,
            if known { "known" } else { "not known" },
        );
        listed(out, &checks::VERSION, &self.report_versions, &report.version(), report.version());
        let kind = claims.signing_key();
        listed(out, &checks::KEY_KIND, &self.signing_keys, &kind, kind.name());
        match (kind, claims.csp_id()) {
            (KeyKind::Vlek, csp_id) => {
                let csp_id = String::from(csp_id.unwrap_or_default());
                listed(out, &checks::CSP_ID, &self.csp_ids, &csp_id, Value::text(&csp_id));
            }
            (KeyKind::Vcek, _) => out.not_applicable(&checks::CSP_ID, "a VCEK names no cloud provider"),
        }
        let chip_id = report.chip_id();
        listed(out, &checks::CHIP_ID, &self.chip_ids, &chip_id, &chip_id[..]);
        listed(out, &checks::ROOT, &self.roots, &claims.root(), claims.root().name());
        let actual = if claims.fresh() { "compared" } else { "not compared" };
        unusual(out, &checks::FRESHNESS, self.stale_evidence, !claims.fresh(), actual);
        match self.crl_max_age_days {
            Limit::Any => out.not_applicable(&checks::CRL, "the policy goes without a CRL"),
            Limit::To(days) => {
                let most = u64::from(days).saturating_mul(86_400);
                let age = claims.crl_made().map(|made| claims.verified_at().saturating_sub(made));
                let young = age.is_some_and(|age| age <= most);
                let actual = age.map_or(Value::Phrase("no CRL was supplied"), Value::Seconds);
                out.require(&checks::CRL, young, Value::Seconds(most), actual);
            }
        }
    }

    /// What was launched, and for whom.
    fn judge_identity(&self, claims: &Claims, out: &mut Checks) {
        let report = claims.report();
        let ma = report.report_id_ma();
        unusual(out, &checks::MIGRATION_AGENT, self.migration_agent, ma != [0xff; 32], &ma[..]);
        let measurement = report.measurement();
        listed(out, &checks::MEASUREMENT, &self.measurements, &measurement, &measurement[..]);
        listed(out, &checks::HOST_DATA, &self.host_data, &report.host_data(), &report.host_data()[..]);
        listed(out, &checks::FAMILY_ID, &self.family_ids, &report.family_id(), &report.family_id()[..]);
        listed(out, &checks::IMAGE_ID, &self.image_ids, &report.image_id(), &report.image_id()[..]);
        match self.guest_svn {
            Limit::Any => out.not_applicable(&checks::GUEST_SVN, ANY),
            Limit::To(least) => {
                let svn = report.guest_svn();
                out.require(&checks::GUEST_SVN, svn >= least, Value::AtLeast(u64::from(least)), svn);
            }
        }
        let id_key = report.id_key_digest();
        listed(out, &checks::ID_KEY_DIGEST, &self.id_key_digests, &id_key, &id_key[..]);
        match (&self.author_key_digests, report.author_key_en()) {
            // Without AUTHOR_KEY_EN the digest says nothing, so no list can hold it.
            (OneOf::Listed(_), false) => {
                out.require(
                    &checks::AUTHOR_KEY_DIGEST,
                    false,
                    self.author_key_digests.expected(),
                    "no author key in use",
                );
            }
            (rule, _) => {
                let digest = report.author_key_digest();
                listed(out, &checks::AUTHOR_KEY_DIGEST, rule, &digest, &digest[..]);
            }
        }
    }
}

const ANY: &str = "the policy takes any";

fn listed<T: PartialEq>(
    out: &mut Checks,
    check: &'static Check,
    rule: &OneOf<T>,
    actual: &T,
    shown: impl Into<Value>,
) {
    match rule {
        OneOf::Any => out.not_applicable(check, ANY),
        OneOf::Listed(_) => {
            out.require(check, rule.allows(actual), rule.expected(), shown);
        }
    }
}

fn bit(out: &mut Checks, check: &'static Check, rule: Bit, register: u64, number: u32) {
    let set = register.checked_shr(number).unwrap_or_default() & 1 == 1;
    match rule {
        Bit::Any => out.not_applicable(check, ANY),
        Bit::Clear | Bit::Set => {
            out.require(check, rule.allows(set), rule.expected(), if set { "set" } else { "clear" });
        }
    }
}

fn unusual(out: &mut Checks, check: &'static Check, rule: Unusual, is: bool, shown: impl Into<Value>) {
    match rule {
        Unusual::Any => out.not_applicable(check, ANY),
        Unusual::Refuse => {
            out.require(check, rule.allows(is), "nothing out of the ordinary", shown);
        }
    }
}

fn mitigated(out: &mut Checks, check: &'static Check, rule: Limit<Mask>, vector: Option<u64>) {
    match rule {
        Limit::Any => out.not_applicable(check, ANY),
        Limit::To(Mask(bits)) => {
            let actual = vector.map_or(Value::Phrase("no vector before version 5"), Value::Bits);
            out.require(check, vector.is_some_and(|vector| vector & bits == bits), Value::Bits(bits), actual);
        }
    }
}

/// What a floor compares: levels and versions.
trait Level: Copy + Into<Value> {
    fn reaches(&self, floor: &Self) -> bool;
}

impl Level for Tcb {
    fn reaches(&self, floor: &Self) -> bool {
        Self::reaches(self, floor)
    }
}

impl Level for Firmware {
    fn reaches(&self, floor: &Self) -> bool {
        self >= floor
    }
}

impl From<Firmware> for Value {
    fn from(firmware: Firmware) -> Self {
        Self::Version(firmware.0)
    }
}

fn floor<T: Level>(out: &mut Checks, check: &'static Check, rule: &Floors<T>, claims: &Claims, actual: T) {
    let Floors::PerPart(floors) = rule else { return out.not_applicable(check, ANY) };
    match claims.part().and_then(|part| floors.get(&part)) {
        Some(floor) => out.require(check, actual.reaches(floor), *floor, actual),
        None => out.require(
            check,
            false,
            "a part that the policy has a minimum for",
            claims.part().map_or("an unknown part", super::tcb::Part::name),
        ),
    };
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

    fn judge(&self, policy: u64, out: &mut Checks) {
        for (check, rule, number) in [
            (&checks::SMT, self.smt, 16),
            (&checks::MIGRATE_MA, self.migrate_ma, 18),
            (&checks::DEBUG, self.debug, 19),
            (&checks::SINGLE_SOCKET, self.single_socket, 20),
            (&checks::CXL_ALLOW, self.cxl_allow, 21),
            (&checks::MEM_AES_256_XTS, self.mem_aes_256_xts, 22),
            (&checks::RAPL_DIS, self.rapl_dis, 23),
            (&checks::CIPHERTEXT_HIDING, self.ciphertext_hiding_dram, 24),
            (&checks::PAGE_SWAP_DISABLE, self.page_swap_disable, 25),
        ] {
            bit(out, check, rule, policy, number);
        }
        let unknown = policy & !0x3ff_ffff;
        unusual(out, &checks::GUEST_UNKNOWN, self.unknown, unknown != 0, Value::Bits(unknown));
        let [minor, major, ..] = policy.to_le_bytes();
        match self.minimum_abi {
            Limit::Any => out.not_applicable(&checks::MINIMUM_ABI, ANY),
            Limit::To(Abi(least)) => {
                let [least_major, least_minor] = least;
                let expected = Value::Version([least_major, least_minor, 0]);
                let actual = Value::Version([major, minor, 0]);
                out.require(&checks::MINIMUM_ABI, [major, minor] >= least, expected, actual);
            }
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

    fn judge(&self, platform_info: u64, out: &mut Checks) {
        for (check, rule, number) in [
            (&checks::PLATFORM_SMT, self.smt_en, 0),
            (&checks::PLATFORM_TSME, self.tsme_en, 1),
            (&checks::PLATFORM_ECC, self.ecc_en, 2),
            (&checks::PLATFORM_RAPL, self.rapl_dis, 3),
            (&checks::PLATFORM_HIDING, self.ciphertext_hiding_dram_en, 4),
            (&checks::PLATFORM_ALIAS, self.alias_check_complete, 5),
            (&checks::PLATFORM_IOMMU, self.iommu_write_safe, 6),
            (&checks::PLATFORM_TIO, self.tio_en, 7),
        ] {
            bit(out, check, rule, platform_info, number);
        }
        let unknown = platform_info & !0xff;
        unusual(out, &checks::PLATFORM_UNKNOWN, self.unknown, unknown != 0, Value::Bits(unknown));
    }
}

impl TcbFloors {
    fn judge(&self, claims: &Claims, out: &mut Checks) {
        let report = claims.report();
        let layout = claims.product_line().tcb_layout();
        let all = [report.current_tcb(), report.reported_tcb(), report.committed_tcb(), report.launch_tcb()];
        let reserved = all.iter().fold(0, |bits, tcb: &RawTcb| bits | tcb.reserved(layout));
        unusual(out, &checks::TCB_UNKNOWN, self.unknown, reserved != 0, Value::Bits(reserved));
        for (check, rule, raw) in [
            (&checks::TCB_CURRENT, &self.current, report.current_tcb()),
            (&checks::TCB_REPORTED, &self.reported, report.reported_tcb()),
            (&checks::TCB_COMMITTED, &self.committed, report.committed_tcb()),
            (&checks::TCB_LAUNCH, &self.launch, report.launch_tcb()),
        ] {
            floor(out, check, rule, claims, claims.tcb(raw));
        }
    }
}
