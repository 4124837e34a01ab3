//! What a relying party can demand of a TD. `judge` holds every rule against the claims.

use alloc::string::String;
use alloc::vec::Vec;

use super::tcb::TcbStatus;
use crate::claims::Root;
use crate::rules::{AllOf, Bit, Instant, Limit, Masked, Octets, OneOf, Unusual};

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
    /// Rules for TDs. [`Policy::strict`] is the documented start; each field may then be changed.
    Policy {
        /// How deep the trust must be rooted.
        roots: OneOf<Root>,
        /// Quotes whose report data was not compared.
        stale_evidence: Unusual,
        /// FMSPCs: kinds of platforms.
        fmspcs: OneOf<[u8; 6]>,
        /// Platform instance ids: machines. With a list, a machine without one is refused.
        platforms: OneOf<[u8; 16]>,
        /// MRSEAM: the TDX module, by its hash.
        mr_seam: OneOf<[u8; 48]>,
        /// MRSIGNERSEAM. Verification compares it with what Intel says; zero is Intel.
        mr_signer_seam: OneOf<[u8; 48]>,
        /// MRTD: what the TD was built of.
        mr_td: OneOf<[u8; 48]>,
        /// MRCONFIGID. The host chooses it.
        mr_config_id: OneOf<[u8; 48]>,
        /// MROWNER. The host chooses it, and it names no signer.
        mr_owner: OneOf<[u8; 48]>,
        /// MROWNERCONFIG. The host chooses it.
        mr_owner_config: OneOf<[u8; 48]>,
        /// RTMR0: firmware configuration. It depends on the host's memory size and tables.
        rtmr0: OneOf<[u8; 48]>,
        /// RTMR1: boot loader and kernel.
        rtmr1: OneOf<[u8; 48]>,
        /// RTMR2: command line, initrd.
        rtmr2: OneOf<[u8; 48]>,
        /// RTMR3: the guest's own.
        rtmr3: OneOf<[u8; 48]>,
        /// Run-time registers, 0 to 3, that the event log must explain. An empty list demands a log.
        replayed: AllOf<u8>,
        /// XFAM: features that the TD may use.
        xfam: Masked,
        /// TDs to which a service TD is bound, for migration: it takes part in the trust.
        service_td: Unusual,
        /// Bytes that are not zero behind the quote. Nobody signed them.
        trailer: Unusual,
        /// Bits of TDATTRIBUTES.
        attributes: Attributes,
        /// What Intel must say of the platform.
        tcb: TcbRules,
    }
}

rules! {
    /// Bits of TDATTRIBUTES.
    Attributes {
        /// Bits 7 to 0: the host can read the TD, for debugging or profiling.
        under_debug: Unusual,
        /// Bit 16.
        icssd: Bit,
        /// Bit 17: the TD reports on service TDs in its extended form.
        servtd_ext: Bit,
        /// Bit 27: linear address space separation.
        lass: Bit,
        /// Bit 28: the host cannot raise #VE on private memory.
        sept_ve_disable: Bit,
        /// Bit 29: the TD may be migrated.
        migratable: Bit,
        /// Bit 30: supervisor protection keys.
        pks: Bit,
        /// Bit 31: key locker.
        kl: Bit,
        /// Bit 62.
        tpa: Bit,
        /// Bit 63: the TD may use performance monitoring.
        perfmon: Bit,
        /// Bits that have no meaning yet.
        unknown: Unusual,
    }
}

rules! {
    /// What Intel must say of the platform's TCB. Two things no rule allows: a revoked level, and a platform below every level,
    /// unless an exception names it.
    TcbRules {
        /// Statuses that pass.
        statuses: OneOf<TcbStatus>,
        /// For how many days after its date a level that is out of date passes as well. 0 grants none.
        out_of_date_days: Limit<u32>,
        /// Advisories that may apply.
        advisories: OneOf<String>,
        /// Lowest tcbEvaluationDataNumber: it grows with each TCB recovery, so a floor keeps older statements out.
        minimum_evaluation_number: Limit<u32>,
        /// Greatest age of TCB info and QE identity in days. Intel issues them for 30.
        collateral_max_age_days: Limit<u32>,
        /// Platforms that pass although the rules above on level and status refuse them. Each has a name and an end.
        exceptions: Vec<TcbException>,
    }
}

rules! {
    /// A platform whose TCB is known, and let through until a date: these very component values, and no others. It never covers
    /// a revoked level.
    TcbException {
        /// What verdicts call it: a ticket's number, say. Not empty, and at most 64 bytes.
        name: ExceptionName,
        /// FMSPC of the platform.
        fmspc: Octets<6>,
        /// The SVNs of its 16 SGX components, as the PCK certificate has them.
        sgx_components: Octets<16>,
        /// PCESVN, as the PCK certificate has it.
        pce_svn: u32,
        /// TEE_TCB_SVN, as the quote has it.
        tee_tcb_svn: Octets<16>,
        /// The first second at which it no longer holds.
        until: Instant,
    }
}

/// The name of an exception: 1 to 64 bytes of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionName(String);

impl ExceptionName {
    /// A name; `None` if it is empty or over 64 bytes.
    pub fn new(name: &str) -> Option<Self> {
        (1..=64).contains(&name.len()).then(|| Self(name.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TcbException {
    /// An exception, by its parts.
    pub const fn new(
        name: ExceptionName,
        fmspc: [u8; 6],
        sgx_components: [u8; 16],
        pce_svn: u16,
        tee_tcb_svn: [u8; 16],
        until: Instant,
    ) -> Self {
        let [low, high] = pce_svn.to_le_bytes();
        Self {
            name,
            fmspc: Octets(fmspc),
            sgx_components: Octets(sgx_components),
            pce_svn: u32::from_le_bytes([low, high, 0, 0]),
            tee_tcb_svn: Octets(tee_tcb_svn),
            until,
        }
    }
}

/// Which bits of XFAM [`Policy::strict`] lets a TD use: what TDX module and processors have, without what differs between hosts
/// being demanded (Intel TDX Module ABI, XFAM).
const XFAM_ALLOWED: u64 = 0x6dbe7;

impl Policy {
    /// The documented default: Intel's root, a fresh quote, the platform up to date with statements of at most 30 days, no
    /// debugging, no migration, no #VE by the host, and one of `mr_td`.
    ///
    /// What the guest runs has no default: MRTD is its firmware alone, and its kernel and command line are in RTMR1 and RTMR2,
    /// which this leaves open. `minimum_evaluation_number` has none either; [`Limit::Any`] says that any recovery will do.
    pub fn strict(minimum_evaluation_number: Limit<u32>, mr_td: OneOf<[u8; 48]>) -> Self {
        Self {
            roots: OneOf::only(Root::Hardware),
            stale_evidence: Unusual::Refuse,
            mr_signer_seam: OneOf::only([0; 48]),
            mr_td,
            xfam: Masked::To { mask: !XFAM_ALLOWED | 0b11, value: 0b11 },
            service_td: Unusual::Refuse,
            trailer: Unusual::Refuse,
            attributes: Attributes {
                under_debug: Unusual::Refuse,
                sept_ve_disable: Bit::Set,
                migratable: Bit::Clear,
                unknown: Unusual::Refuse,
                ..Attributes::any()
            },
            tcb: TcbRules {
                statuses: OneOf::only(TcbStatus::UpToDate),
                out_of_date_days: Limit::To(0),
                advisories: OneOf::Any,
                minimum_evaluation_number,
                collateral_max_age_days: Limit::To(30),
                exceptions: Vec::new(),
            },
            ..Self::dangerously_any()
        }
    }

    /// Every rule is `any`: whatever is genuine passes, unless it is revoked or below every level. For looking at a quote, and
    /// for tests.
    pub const fn dangerously_any() -> Self {
        Self {
            roots: OneOf::Any,
            stale_evidence: Unusual::Any,
            fmspcs: OneOf::Any,
            platforms: OneOf::Any,
            mr_seam: OneOf::Any,
            mr_signer_seam: OneOf::Any,
            mr_td: OneOf::Any,
            mr_config_id: OneOf::Any,
            mr_owner: OneOf::Any,
            mr_owner_config: OneOf::Any,
            rtmr0: OneOf::Any,
            rtmr1: OneOf::Any,
            rtmr2: OneOf::Any,
            rtmr3: OneOf::Any,
            replayed: AllOf(OneOf::Any),
            xfam: Masked::Any,
            service_td: Unusual::Any,
            trailer: Unusual::Any,
            attributes: Attributes::any(),
            tcb: TcbRules {
                statuses: OneOf::Any,
                out_of_date_days: Limit::Any,
                advisories: OneOf::Any,
                minimum_evaluation_number: Limit::Any,
                collateral_max_age_days: Limit::Any,
                exceptions: Vec::new(),
            },
        }
    }
}

impl Attributes {
    const fn any() -> Self {
        Self {
            under_debug: Unusual::Any,
            icssd: Bit::Any,
            servtd_ext: Bit::Any,
            lass: Bit::Any,
            sept_ve_disable: Bit::Any,
            migratable: Bit::Any,
            pks: Bit::Any,
            kl: Bit::Any,
            tpa: Bit::Any,
            perfmon: Bit::Any,
            unknown: Unusual::Any,
        }
    }
}
