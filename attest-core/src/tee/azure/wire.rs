//! The report that the paravisor keeps in the TPM's NV index 01400001h: shape only.

use super::checks::wire as checks;
use crate::checks::holds;
use crate::error::{Error, Malformed, Problem};
use crate::reader::Reader;
use crate::tee::snp;
use crate::values::Value;

/// The largest report that is read, in bytes. The NV index holds 2600.
pub const MAX_HCL_REPORT: usize = 16 * 1024;

const STRUCTURE: &str = "HCL report";
const MAGIC: &[u8; 4] = b"HCLA";
/// Where the hardware report starts.
const HARDWARE: usize = 32;
/// The room for it: ATTESTATION_REPORT fills it.
const HARDWARE_LEN: usize = snp::REPORT_LEN;
/// Where the request data start, and where the runtime data do.
const REQUEST: usize = HARDWARE + HARDWARE_LEN;
const RUNTIME: usize = REQUEST + REQUEST_LEN;
/// Length of the request data without the runtime data.
const REQUEST_LEN: usize = 20;
/// TDREPORT_STRUCT (Intel TDX Module ABI).
const TDREPORT_LEN: usize = 1024;

/// Which hardware report is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportType {
    /// 2: AMD's ATTESTATION_REPORT, signed.
    Snp,
    /// 4: Intel's TDREPORT. Only its own chip can tell a genuine one.
    Tdx,
}

impl ReportType {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snp => "snp",
            Self::Tdx => "tdx",
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::Snp => HARDWARE_LEN,
            Self::Tdx => TDREPORT_LEN,
        }
    }

    /// REPORT_DATA of an ATTESTATION_REPORT, REPORTMACSTRUCT.REPORTDATA of a TDREPORT.
    const fn report_data(self) -> usize {
        match self {
            Self::Snp => 0x50,
            Self::Tdx => 128,
        }
    }
}

/// Header, hardware report, request data, runtime data; little-endian. Nothing in it is believed: [`HclReport::bind_snp`].
#[derive(Clone, Copy, Debug)]
pub struct HclReport<'a> {
    version: u32,
    report_size: u32,
    request_type: u32,
    status: u32,
    data_size: u32,
    report_type: ReportType,
    hardware: &'a [u8],
    report_data: &'a [u8; 64],
    runtime_data: &'a [u8],
    raw: &'a [u8],
}

impl<'a> HclReport<'a> {
    /// Reads one report. An NV index is longer than what stands in it: what follows is looked at when the report is bound, since
    /// where the runtime data end, only their hash can tell.
    ///
    /// # Errors
    /// [`Malformed`] for another magic, reserved bytes that are set, and sizes beyond the end;
    /// [`Unsupported`](crate::error::Unsupported) for a version, a type of report or a hash that is not known.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(STRUCTURE, bytes);
        if bytes.len() > MAX_HCL_REPORT {
            let problem = Problem::TooLarge { max: MAX_HCL_REPORT, actual: bytes.len() };
            return Err(r.malformed("report", problem).into());
        }
        if !holds(&checks::MAGIC, bytes.get(..MAGIC.len()).is_none_or(|magic| magic == MAGIC)) {
            let actual = Value::bytes(bytes.get(..MAGIC.len()).unwrap_or_default());
            return Err(r.unexpected(&checks::MAGIC, "signature", 0, &MAGIC[..], actual).into());
        }
        reaches(&r, "request data", RUNTIME, bytes.len())?;
        r.take::<4>("signature")?;
        let version = r.u32_le("version")?;
        Error::unless(&checks::VERSION, matches!(version, 1 | 2), "1 or 2", version)?;
        let report_size = r.u32_le("report size")?;
        let request_type = r.u32_le("request type")?;
        let status = r.u32_le("status")?;
        r.zero(&checks::RESERVED, "reserved", 12)?;
        let area = r.take::<HARDWARE_LEN>("hardware report")?;

        let data_size = r.u32_le("data size")?;
        let request_version = r.u32_le("request version")?;
        Error::unless(&checks::REQUEST_VERSION, request_version == 1, Value::Number(1), request_version)?;
        let report_type = match r.u32_le("report type")? {
            2 => ReportType::Snp,
            4 => ReportType::Tdx,
            // Without a known type there is no way on; the check cannot be taken away.
            other => return Err(Error::refusal(&checks::REPORT_TYPE, "2 (SNP) or 4 (TDX)", other)),
        };
        let hash_type = r.u32_le("hash type")?;
        Error::unless(&checks::HASH_TYPE, hash_type == 1, "1 (SHA-256)", hash_type)?;
        let runtime_len = usize::try_from(r.u32_le("variable data size")?).unwrap_or(usize::MAX);
        reaches(&r, "runtime data", runtime_len, r.left())?;
        let runtime_data = r.bytes("runtime data", runtime_len)?;

        let mut hardware = Reader::new("hardware report", area);
        let hardware = hardware.bytes("hardware report", report_type.len())?;
        let mut data = Reader::new("hardware report", hardware);
        data.bytes("before the report data", report_type.report_data())?;
        let report_data = data.take::<64>("report data")?;
        Ok(Self {
            version,
            report_size,
            request_type,
            status,
            data_size,
            report_type,
            hardware,
            report_data,
            runtime_data,
            raw: bytes,
        })
    }

    /// The header's version: 1 on older machines, 2 on newer ones, of one layout.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The report's size as its header has it. Nothing signs it.
    pub const fn report_size(&self) -> u32 {
        self.report_size
    }

    /// Which request made the report; 2 in all that are known. Nothing signs it.
    pub const fn request_type(&self) -> u32 {
        self.request_type
    }

    /// How the request ended. Nothing signs it.
    pub const fn status(&self) -> u32 {
        self.status
    }

    /// Size of the request data with the runtime data, as written. Nothing signs it.
    pub const fn data_size(&self) -> u32 {
        self.data_size
    }

    /// Which hardware report is inside.
    pub const fn report_type(&self) -> ReportType {
        self.report_type
    }

    /// The hardware report: give an ATTESTATION_REPORT to [`crate::tee::snp`].
    pub const fn hardware_report(&self) -> &'a [u8] {
        self.hardware
    }

    /// REPORT_DATA of the hardware report, not yet believed.
    pub const fn report_data(&self) -> &'a [u8; 64] {
        self.report_data
    }

    /// The runtime data, the exact bytes that are hashed.
    pub const fn runtime_data(&self) -> &'a [u8] {
        self.runtime_data
    }

    /// The whole report, as received, with what stands behind it in the NV index.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// What no signature covers has one form: sizes that agree, zeros behind. It is the last question, since a size that is
    /// wrong shows in the hash first.
    #[cfg(feature = "json")]
    pub(super) fn closed(&self) -> Result<(), Malformed> {
        let sizes = [
            ("data size", REQUEST, self.data_size, REQUEST_LEN),
            ("report size", MAGIC.len().saturating_mul(2), self.report_size, RUNTIME),
        ];
        for (field, offset, actual, before) in sizes {
            let expected = self.runtime_data.len().saturating_add(before);
            if !holds(&checks::SIZES, usize::try_from(actual) == Ok(expected)) {
                let expected = u64::try_from(expected).unwrap_or(u64::MAX);
                let problem = Problem::value(&checks::SIZES, expected, actual);
                return Err(Malformed { structure: STRUCTURE, field, offset, problem });
            }
        }
        let end = RUNTIME.saturating_add(self.runtime_data.len());
        let unused = HARDWARE.saturating_add(self.report_type.len());
        for (field, from, to) in [
            ("behind the hardware report", unused, REQUEST),
            ("behind the runtime data", end, self.raw.len()),
        ] {
            let mut r = Reader::new(STRUCTURE, self.raw.get(..to).unwrap_or_default());
            r.bytes(field, from)?;
            r.zero(&checks::PADDING, field, r.left())?;
        }
        Ok(())
    }
}

fn reaches(r: &Reader<'_>, field: &'static str, needed: usize, there: usize) -> Result<(), Malformed> {
    if holds(&checks::LENGTH, needed <= there) {
        return Ok(());
    }
    let number = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    let expected = Value::AtLeast(number(needed));
    Err(r.unexpected(&checks::LENGTH, field, 0, expected, number(there)))
}
