//! The report of a TD: 1.0, 1.5 and 1.5 extended.

use crate::error::Malformed;
use crate::reader::Reader;
use crate::values::Value;

/// A TD report as a quote's body holds it (Intel TDX DCAP Quoting Library API, A.3.2; TDX Module ABI, TDINFO_STRUCT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TdReport {
    tee_tcb_svn: [u8; 16],
    mr_seam: [u8; 48],
    mr_signer_seam: [u8; 48],
    seam_attributes: [u8; 8],
    td_attributes: u64,
    xfam: u64,
    mr_td: [u8; 48],
    mr_config_id: [u8; 48],
    mr_owner: [u8; 48],
    mr_owner_config: [u8; 48],
    rtmrs: [[u8; 48]; 4],
    report_data: [u8; 64],
    newer: Option<Newer>,
    extended: Option<Extended>,
}

/// What version 1.5 adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Newer {
    tee_tcb_svn_2: [u8; 16],
    mr_service_td: [u8; 48],
}

/// What the extended form of version 1.5 adds. It is shown, and nothing is judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extended {
    /// Which of the TD's virtual machines is speaking.
    pub vm_id: u8,
    /// The TD's id.
    pub td_id: [u8; 32],
    /// Hash of what is known of attached devices.
    pub device_info: [u8; 48],
    /// Hash of the service TDs bound at launch.
    pub init_service_td_hash: [u8; 48],
    /// Attributes of the service TDs bound at launch.
    pub init_service_td_attributes: [u8; 8],
    /// CPUSVN at launch.
    pub init_cpu_svn: [u8; 16],
    /// TEE_TCB_SVN at launch.
    pub init_tee_tcb_svn: [u8; 16],
    /// FMSPC at launch, of twelve bytes.
    pub init_fmspc: [u8; 12],
    /// Hash of the service TDs bound now.
    pub service_td_hash: [u8; 48],
    /// Attributes of the service TDs bound now.
    pub service_td_attributes: [u8; 8],
}

impl TdReport {
    /// Body type of a 1.0 report.
    pub(super) const V1_0: u16 = 2;

    /// Length of a body of this type; `None` for one that is no TD's, or not known.
    pub(super) const fn len_of(kind: u16) -> Option<usize> {
        match kind {
            2 => Some(584),
            3 => Some(648),
            4 => Some(885),
            _ => None,
        }
    }

    pub(super) fn read(r: &mut Reader<'_>, kind: u16) -> Result<Self, Malformed> {
        let mut report = Self {
            tee_tcb_svn: *r.take("TEE_TCB_SVN")?,
            mr_seam: *r.take("MRSEAM")?,
            mr_signer_seam: *r.take("MRSIGNERSEAM")?,
            seam_attributes: *r.take("SEAMATTRIBUTES")?,
            td_attributes: r.u64_le("TDATTRIBUTES")?,
            xfam: r.u64_le("XFAM")?,
            mr_td: *r.take("MRTD")?,
            mr_config_id: *r.take("MRCONFIGID")?,
            mr_owner: *r.take("MROWNER")?,
            mr_owner_config: *r.take("MROWNERCONFIG")?,
            rtmrs: [*r.take("RTMR0")?, *r.take("RTMR1")?, *r.take("RTMR2")?, *r.take("RTMR3")?],
            report_data: *r.take("REPORTDATA")?,
            newer: None,
            extended: None,
        };
        if kind > Self::V1_0 {
            let tee_tcb_svn_2 = *r.take("TEE_TCB_SVN_2")?;
            report.newer = Some(Newer { tee_tcb_svn_2, mr_service_td: *r.take("MRSERVICETD")? });
        }
        if kind > Self::V1_0.saturating_add(1) {
            report.extended = Some(Extended {
                vm_id: r.u8("VM_ID")?,
                td_id: *r.take("TD_ID")?,
                device_info: *r.take("DEVICE_INFO")?,
                init_service_td_hash: *r.take("INIT_SERVTD_HASH")?,
                init_service_td_attributes: *r.take("INIT_SERVTD_ATTRIBUTES")?,
                init_cpu_svn: *r.take("INIT_CPUSVN")?,
                init_tee_tcb_svn: *r.take("INIT_TEE_TCB_SVN")?,
                init_fmspc: *r.take("INIT_TEE_FMSPC")?,
                service_td_hash: *r.take("SERVTD_HASH")?,
                service_td_attributes: *r.take("SERVTD_ATTRIBUTES")?,
            });
        }
        Ok(report)
    }
}

/// Declares getters named after the specification's fields.
macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl TdReport {
            $($(#[$doc])* pub const fn $name(&self) -> $type { self.$name })*
        }
    };
}

getters! {
    /// TEE_TCB_SVN, offset 0 of the body: the TCB at launch. Byte 0 is the module's SVN, byte 1 its version, byte 2 late microcode.
    tee_tcb_svn: [u8; 16];
    /// MRSEAM, 16: hash of the TDX module.
    mr_seam: [u8; 48];
    /// MRSIGNERSEAM, 64: zero for a module that Intel signed.
    mr_signer_seam: [u8; 48];
    /// SEAMATTRIBUTES, 112: zero for a production module.
    seam_attributes: [u8; 8];
    /// TDATTRIBUTES, 120.
    td_attributes: u64;
    /// XFAM, 128: which extended features the TD may use.
    xfam: u64;
    /// MRTD, 136: hash of what the TD was built of.
    mr_td: [u8; 48];
    /// MRCONFIGID, 184: the host's word at launch, for configuration that is not the owner's.
    mr_config_id: [u8; 48];
    /// MROWNER, 232: the host's word at launch. It names no signer.
    mr_owner: [u8; 48];
    /// MROWNERCONFIG, 280: the host's word at launch.
    mr_owner_config: [u8; 48];
    /// RTMR0 to RTMR3, 328 to 519: run-time measurements.
    rtmrs: [[u8; 48]; 4];
    /// REPORTDATA, 520: the guest's own bytes.
    report_data: [u8; 64];
    /// What the extended form adds, from 648.
    extended: Option<Extended>;
}

impl TdReport {
    /// TEE_TCB_SVN_2, 584: the TCB now, where a module was replaced under a running TD; from version 1.5 on.
    pub fn tee_tcb_svn_2(&self) -> Option<[u8; 16]> {
        self.newer.map(|newer| newer.tee_tcb_svn_2)
    }

    /// MRSERVICETD, 600: hash of the service TDs bound to this one, zero if there are none; from version 1.5 on.
    pub fn mr_service_td(&self) -> Option<[u8; 48]> {
        self.newer.map(|newer| newer.mr_service_td)
    }

    /// The name of the form: 1.0, 1.5, or 1.5 extended.
    pub const fn form(&self) -> &'static str {
        match (self.newer, self.extended) {
            (None, _) => "1.0",
            (Some(_), None) => "1.5",
            (Some(_), Some(_)) => "1.5 extended",
        }
    }

    /// Calls `f` with each field's name and value, in the order of the body.
    pub fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        f("tee_tcb_svn", self.tee_tcb_svn[..].into());
        f("mr_seam", self.mr_seam[..].into());
        f("mr_signer_seam", self.mr_signer_seam[..].into());
        f("seam_attributes", self.seam_attributes[..].into());
        f("td_attributes", Value::Bits(self.td_attributes));
        f("xfam", Value::Bits(self.xfam));
        f("mr_td", self.mr_td[..].into());
        f("mr_config_id", self.mr_config_id[..].into());
        f("mr_owner", self.mr_owner[..].into());
        f("mr_owner_config", self.mr_owner_config[..].into());
        for (name, value) in ["rtmr0", "rtmr1", "rtmr2", "rtmr3"].into_iter().zip(&self.rtmrs) {
            f(name, value[..].into());
        }
        f("report_data", self.report_data[..].into());
        if let Some(newer) = &self.newer {
            f("tee_tcb_svn_2", newer.tee_tcb_svn_2[..].into());
            f("mr_service_td", newer.mr_service_td[..].into());
        }
        if let Some(extended) = &self.extended {
            f("vm_id", u64::from(extended.vm_id).into());
            f("td_id", extended.td_id[..].into());
            f("device_info", extended.device_info[..].into());
            f("init_service_td_hash", extended.init_service_td_hash[..].into());
            f("init_service_td_attributes", extended.init_service_td_attributes[..].into());
            f("init_cpu_svn", extended.init_cpu_svn[..].into());
            f("init_tee_tcb_svn", extended.init_tee_tcb_svn[..].into());
            f("init_fmspc", extended.init_fmspc[..].into());
            f("service_td_hash", extended.service_td_hash[..].into());
            f("service_td_attributes", extended.service_td_attributes[..].into());
        }
    }
}
