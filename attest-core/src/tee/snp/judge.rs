//! Judgement: each rule of a policy held against verified claims.

use alloc::string::String;

use super::checks::policy as checks;
use super::claims::Claims;
use super::policy::{GuestPolicy, PlatformInfo, Policy, TcbFloors};
use super::tcb::{Part, RawTcb, Tcb};
use super::vek::KeyKind;
use crate::checks::{Check, Checks};
use crate::rules::judge::{ANY, bit, listed, unusual};
use crate::rules::{Abi, Firmware, Floors, Limit, Mask, OneOf};
use crate::values::Value;

impl Policy {
    /// Judges every rule, in the order of the checks' list.
    pub(crate) fn judge(&self, claims: &Claims, out: &mut Checks) {
        self.judge_origin(claims, out);
        let report = claims.report();
        listed(out, &checks::VMPL, &self.vmpl, &report.vmpl(), Value::from(report.vmpl()));
        self.guest_policy.judge(report.policy(), out);
        self.platform_info.judge(report.platform_info(), out);
        let unknown = u64::from(report.key_info() & !0b1_1111);
        unusual(
            out,
            &checks::KEY_INFO_UNKNOWN,
            self.key_info_unknown,
            unknown != 0,
            "0x0",
            Value::Bits(unknown),
        );
        self.tcb.judge(claims, out);
        let committed = report.committed_tcb() == report.current_tcb()
            && report.committed_version() == report.current_version();
        let actual = if committed { "committed" } else { "current is ahead of committed" };
        unusual(out, &checks::PROVISIONAL, self.provisional_firmware, !committed, "committed", actual);
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
            "known",
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
            // A list of providers is not satisfied by evidence that names none.
            (KeyKind::Vcek, _) => match &self.csp_ids {
                OneOf::Any => out.not_applicable(&checks::CSP_ID, ANY),
                listed @ OneOf::Listed(_) => {
                    out.require(&checks::CSP_ID, false, listed.expected(), "a VCEK, which names no provider");
                }
            },
        }
        let chip_id = claims.chip_id();
        listed(out, &checks::CHIP_ID, &self.chip_ids, &chip_id, &chip_id[..]);
        listed(out, &checks::ROOT, &self.roots, &claims.root(), claims.root().name());
        let actual = if claims.fresh() { "compared" } else { "not compared" };
        unusual(out, &checks::FRESHNESS, self.stale_evidence, !claims.fresh(), "compared", actual);
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
        unusual(out, &checks::MIGRATION_AGENT, self.migration_agent, ma != [0xff; 32], "all ones", &ma[..]);
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

fn is_set(register: u64, number: u32) -> bool {
    register.checked_shr(number).unwrap_or_default() & 1 == 1
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
            claims.part().map_or("an unknown part", Part::name),
        ),
    };
}

impl GuestPolicy {
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
            bit(out, check, rule, is_set(policy, number));
        }
        let unknown = policy & !0x3ff_ffff;
        unusual(out, &checks::GUEST_UNKNOWN, self.unknown, unknown != 0, "0x0", Value::Bits(unknown));
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
            bit(out, check, rule, is_set(platform_info, number));
        }
        let unknown = platform_info & !0xff;
        unusual(out, &checks::PLATFORM_UNKNOWN, self.unknown, unknown != 0, "0x0", Value::Bits(unknown));
    }
}

impl TcbFloors {
    fn judge(&self, claims: &Claims, out: &mut Checks) {
        let report = claims.report();
        let layout = claims.product_line().tcb_layout();
        let all = [report.current_tcb(), report.reported_tcb(), report.committed_tcb(), report.launch_tcb()];
        let reserved = all.iter().fold(0, |bits, tcb: &RawTcb| bits | tcb.reserved(layout));
        unusual(out, &checks::TCB_UNKNOWN, self.unknown, reserved != 0, "0x0", Value::Bits(reserved));
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
