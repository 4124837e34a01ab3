//! ATTESTATION_REPORT: shape only.

use super::checks::wire as checks;
use super::tcb::{Cpuid, RawTcb};
use crate::checks::holds;
use crate::error::{Error, Malformed, Unsupported};
use crate::reader::Reader;
use crate::values::Value;

/// Length of an ATTESTATION_REPORT.
pub const REPORT_LEN: usize = 0x4a0;
/// Length of the part that is signed.
pub const SIGNED_LEN: usize = 0x2a0;
/// The newest version whose layout is known. Newer ones are read like it, without a word on reserved bytes.
pub const NEWEST_VERSION: u32 = 5;

const STRUCTURE: &str = "ATTESTATION_REPORT";

/// ATTESTATION_REPORT, 4A0h bytes, little-endian (AMD 56860, table of that name).
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    raw: &'a [u8; REPORT_LEN],
    fields: Fields,
}

/// The fields of a report, owned. They exist only if bytes said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    pub(crate) version: u32,
    pub(crate) guest_svn: u32,
    pub(crate) policy: u64,
    pub(crate) family_id: [u8; 16],
    pub(crate) image_id: [u8; 16],
    pub(crate) vmpl: u32,
    pub(crate) signature_algo: u32,
    pub(crate) current_tcb: RawTcb,
    pub(crate) platform_info: u64,
    pub(crate) key_info: u32,
    pub(crate) report_data: [u8; 64],
    pub(crate) measurement: [u8; 48],
    pub(crate) host_data: [u8; 32],
    pub(crate) id_key_digest: [u8; 48],
    pub(crate) author_key_digest: [u8; 48],
    pub(crate) report_id: [u8; 32],
    pub(crate) report_id_ma: [u8; 32],
    pub(crate) reported_tcb: RawTcb,
    pub(crate) cpuid: Option<Cpuid>,
    pub(crate) chip_id: [u8; 64],
    pub(crate) committed_tcb: RawTcb,
    pub(crate) current_version: [u8; 3],
    pub(crate) committed_version: [u8; 3],
    pub(crate) launch_tcb: RawTcb,
    pub(crate) launch_mit_vector: Option<u64>,
    pub(crate) current_mit_vector: Option<u64>,
}

/// Declares getters named after the specification's fields.
macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl Fields {
            $($(#[$doc])* pub const fn $name(&self) -> $type { self.$name })*
        }
    };
}

getters! {
    /// VERSION, offset 0h.
    version: u32;
    /// GUEST_SVN, 4h: security version of the guest, from the ID block; 0 without one.
    guest_svn: u32;
    /// POLICY, 8h.
    policy: u64;
    /// FAMILY_ID, 10h: from the ID block; zero without one.
    family_id: [u8; 16];
    /// IMAGE_ID, 20h: from the ID block; zero without one.
    image_id: [u8; 16];
    /// VMPL, 30h: 0 to 3 for a guest's request, FFFFFFFFh for the host's.
    vmpl: u32;
    /// SIGNATURE_ALGO, 34h: 1 is ECDSA P-384 with SHA-384.
    signature_algo: u32;
    /// CURRENT_TCB, 38h.
    current_tcb: RawTcb;
    /// PLATFORM_INFO, 40h.
    platform_info: u64;
    /// Key information, 48h: AUTHOR_KEY_EN, MASK_CHIP_KEY, SIGNING_KEY.
    key_info: u32;
    /// REPORT_DATA, 50h: the guest's own bytes.
    report_data: [u8; 64];
    /// MEASUREMENT, 90h: launch digest.
    measurement: [u8; 48];
    /// HOST_DATA, C0h: the host's bytes at launch.
    host_data: [u8; 32];
    /// ID_KEY_DIGEST, E0h; zero without an ID block.
    id_key_digest: [u8; 48];
    /// AUTHOR_KEY_DIGEST, 110h; without meaning unless AUTHOR_KEY_EN is set.
    author_key_digest: [u8; 48];
    /// REPORT_ID, 140h.
    report_id: [u8; 32];
    /// REPORT_ID_MA, 160h: all ones without a migration agent.
    report_id_ma: [u8; 32];
    /// REPORTED_TCB, 180h: what the signing key was derived for.
    reported_tcb: RawTcb;
    /// CPUID bytes, 188h, from version 3 on.
    cpuid: Option<Cpuid>;
    /// CHIP_ID, 1A0h; all zero when the host masks it.
    chip_id: [u8; 64];
    /// COMMITTED_TCB, 1E0h: below this the host cannot go back.
    committed_tcb: RawTcb;
    /// CURRENT_MAJOR, CURRENT_MINOR, CURRENT_BUILD, 1E8h.
    current_version: [u8; 3];
    /// COMMITTED_MAJOR, COMMITTED_MINOR, COMMITTED_BUILD, 1ECh.
    committed_version: [u8; 3];
    /// LAUNCH_TCB, 1F0h: CURRENT_TCB at launch or import.
    launch_tcb: RawTcb;
    /// LAUNCH_MIT_VECTOR, 1F8h, from version 5 on.
    launch_mit_vector: Option<u64>;
    /// CURRENT_MIT_VECTOR, 200h, from version 5 on.
    current_mit_vector: Option<u64>;
}

impl Fields {
    /// SIGNING_KEY, 48h, bits 4:2.
    pub const fn signing_key(&self) -> u32 {
        (self.key_info >> 2) & 0b111
    }

    /// AUTHOR_KEY_EN, 48h, bit 0.
    pub const fn author_key_en(&self) -> bool {
        self.key_info & 1 != 0
    }

    /// MASK_CHIP_KEY, 48h, bit 1: firmware signed with nothing.
    pub const fn mask_chip_key(&self) -> bool {
        self.key_info & 0b10 != 0
    }

    /// Whether CHIP_ID is masked (all zero).
    pub fn chip_id_is_masked(&self) -> bool {
        self.chip_id == [0; 64]
    }
}

impl<'a> Report<'a> {
    /// Reads one report and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for another length, a reserved byte that is set in a version whose layout is known, or padding of the
    /// signature that is set; [`Unsupported::Version`] for versions 0 and 1.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut whole = Reader::new(STRUCTURE, bytes);
        let raw = whole.take::<REPORT_LEN>("report")?;
        whole.finish("report")?;

        let mut r = Reader::new(STRUCTURE, raw);
        let version = read_version(&mut r)?;
        // A newer version may give meaning to any byte that is reserved today.
        let known = version <= NEWEST_VERSION;
        let zero = |r: &mut Reader<'_>, field, len| match known {
            true => r.zero(&checks::RESERVED, field, len),
            false => r.bytes(field, len).map(drop),
        };
        let guest_svn = r.u32_le("GUEST_SVN")?;
        let policy = r.u64_le("POLICY")?;
        let family_id = *r.take("FAMILY_ID")?;
        let image_id = *r.take("IMAGE_ID")?;
        let vmpl = r.u32_le("VMPL")?;
        let signature_algo = r.u32_le("SIGNATURE_ALGO")?;
        let current_tcb = RawTcb(*r.take("CURRENT_TCB")?);
        let platform_info = r.u64_le("PLATFORM_INFO")?;
        let key_info = r.u32_le("KEY_INFO")?;
        zero(&mut r, "reserved@04C", 4)?;
        let report_data = *r.take("REPORT_DATA")?;
        let measurement = *r.take("MEASUREMENT")?;
        let host_data = *r.take("HOST_DATA")?;
        let id_key_digest = *r.take("ID_KEY_DIGEST")?;
        let author_key_digest = *r.take("AUTHOR_KEY_DIGEST")?;
        let report_id = *r.take("REPORT_ID")?;
        let report_id_ma = *r.take("REPORT_ID_MA")?;
        let reported_tcb = RawTcb(*r.take("REPORTED_TCB")?);
        let cpuid = if version >= 3 {
            let family = r.u8("CPUID_FAM_ID")?;
            Some(Cpuid { family, model: r.u8("CPUID_MOD_ID")?, stepping: r.u8("CPUID_STEP")? })
        } else {
            zero(&mut r, "reserved@188", 3)?;
            None
        };
        zero(&mut r, "reserved@18B", 21)?;
        let chip_id = *r.take("CHIP_ID")?;
        let committed_tcb = RawTcb(*r.take("COMMITTED_TCB")?);
        let current_version = read_firmware(&mut r, "CURRENT_BUILD")?;
        zero(&mut r, "reserved@1EB", 1)?;
        let committed_version = read_firmware(&mut r, "COMMITTED_BUILD")?;
        zero(&mut r, "reserved@1EF", 1)?;
        let launch_tcb = RawTcb(*r.take("LAUNCH_TCB")?);
        let (launch_mit_vector, current_mit_vector) = if version >= 5 {
            (Some(r.u64_le("LAUNCH_MIT_VECTOR")?), Some(r.u64_le("CURRENT_MIT_VECTOR")?))
        } else {
            zero(&mut r, "reserved@1F8", 16)?;
            (None, None)
        };
        zero(&mut r, "reserved@208", 152)?;
        // Nothing signs the padding of the signature, so a set byte would make the report malleable.
        r.take::<48>("SIGNATURE.R")?;
        r.zero(&checks::SIGNATURE_PADDING, "SIGNATURE.R padding", 24)?;
        r.take::<48>("SIGNATURE.S")?;
        r.zero(&checks::SIGNATURE_PADDING, "SIGNATURE.S padding", 24)?;
        r.zero(&checks::SIGNATURE_PADDING, "SIGNATURE reserved", 368)?;
        r.finish("report")?;

        let fields = Fields {
            version,
            guest_svn,
            policy,
            family_id,
            image_id,
            vmpl,
            signature_algo,
            current_tcb,
            platform_info,
            key_info,
            report_data,
            measurement,
            host_data,
            id_key_digest,
            author_key_digest,
            report_id,
            report_id_ma,
            reported_tcb,
            cpuid,
            chip_id,
            committed_tcb,
            current_version,
            committed_version,
            launch_tcb,
            launch_mit_vector,
            current_mit_vector,
        };
        Ok(Self { raw, fields })
    }

    /// The fields.
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The whole report, as received.
    pub const fn as_bytes(&self) -> &'a [u8; REPORT_LEN] {
        self.raw
    }

    /// The bytes that the firmware signed, as received (0h to 29Fh).
    pub fn signed_bytes(&self) -> &'a [u8] {
        self.raw.get(..SIGNED_LEN).unwrap_or_default()
    }

    /// R and S as the providers want them: 48 bytes each, big-endian.
    pub fn signature(&self) -> [u8; 96] {
        let mut out = [0; 96];
        let (r, s) = out.split_at_mut(48);
        for (half, at) in [(r, SIGNED_LEN), (s, SIGNED_LEN + 72)] {
            let little = self.raw.get(at..).unwrap_or_default();
            half.iter_mut().rev().zip(little).for_each(|(slot, octet)| *slot = *octet);
        }
        out
    }
}

fn read_version(r: &mut Reader<'_>) -> Result<u32, Error> {
    let version = r.u32_le("VERSION")?;
    match version {
        0 => {
            Err(Unsupported::Version { structure: STRUCTURE, version, reason: "no firmware writes it" }
                .into())
        }
        1 => Err(Unsupported::Version {
            structure: STRUCTURE,
            version,
            reason: "pre-production firmware, whose layout AMD does not publish",
        }
        .into()),
        _ if (1..=NEWEST_VERSION).contains(&version.swap_bytes()) && !holds(&checks::VERSION, false) => {
            let expected = Value::Number(u64::from(version.swap_bytes()));
            Err(r.unexpected(&checks::VERSION, "VERSION", 4, expected, version).into())
        }
        _ => Ok(version),
    }
}

/// BUILD, MINOR, MAJOR in the order of the report; major first in ours, so that versions compare as arrays.
fn read_firmware(r: &mut Reader<'_>, field: &'static str) -> Result<[u8; 3], Malformed> {
    let [build, minor, major] = *r.take(field)?;
    Ok([major, minor, build])
}
