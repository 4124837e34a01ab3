//! Quotes, versions 4 and 5: shape only.
//!
//! Everything behind the signature data is unsigned, and real quotes come with 0 to 3065 such bytes: what hands a quote over
//! fills its buffer up. They are counted and looked at for one thing only, whether they are zero.

use super::checks::wire as checks;
use super::report::TdReport;
use crate::checks::holds;
use crate::error::{Error, Malformed, Problem, Unsupported};
use crate::reader::Reader;
use crate::values::Value;

/// The largest quote that is read, in bytes, without what stands behind it. Intel's have 5 KB, of which 4 are certificates.
pub const MAX_QUOTE: usize = 64 * 1024;
/// The most unsigned bytes behind a quote. The most that was seen is 3065 zeros.
pub const MAX_TRAILER: usize = 16 * 1024;

const STRUCTURE: &str = "TDX quote";
/// ECDSA-256-with-P-256 curve, the only key that is issued.
const KEY_TYPE_P256: u16 = 2;
/// TEE type of a TD.
const TEE_TDX: u32 = 0x81;
/// Intel's quoting enclave.
pub(super) const INTEL_QE: [u8; 16] = *b"\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07";
/// Certification data: a QE report with what certifies it.
const CERTIFICATION_QE_REPORT: u16 = 6;
/// Certification data: the PCK certificate's chain in PEM.
const CERTIFICATION_PCK_CHAIN: u16 = 5;
const QE_REPORT_LEN: usize = 384;

/// A quote, borrowed from the bytes received (Intel TDX DCAP Quoting Library API, A.3 and A.4).
#[derive(Clone, Copy, Debug)]
pub struct Quote<'a> {
    bytes: &'a [u8],
    signed: &'a [u8],
    version: u16,
    report: TdReport,
    signature: &'a [u8; 64],
    attestation_key: &'a [u8; 64],
    qe_report: QeReport,
    qe_report_bytes: &'a [u8; QE_REPORT_LEN],
    qe_report_signature: &'a [u8; 64],
    qe_authentication_data: &'a [u8],
    pck_chain: &'a [u8],
    trailer: &'a [u8],
}

/// The report of the quoting enclave, an SGX report body: what is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QeReport {
    /// MISCSELECT.
    pub misc_select: [u8; 4],
    /// ATTRIBUTES: flags, then XFRM.
    pub attributes: [u8; 16],
    /// MRENCLAVE. Nothing is judged by it: identities name the signer.
    pub mr_enclave: [u8; 32],
    /// MRSIGNER.
    pub mr_signer: [u8; 32],
    /// ISVPRODID: 2 is the TD quoting enclave.
    pub isv_prod_id: u16,
    /// ISVSVN.
    pub isv_svn: u16,
    /// REPORTDATA.
    pub report_data: [u8; 64],
}

impl QeReport {
    /// Whether the enclave can be read by a debugger: ATTRIBUTES, bit 1.
    pub const fn debug(&self) -> bool {
        let [flags, ..] = self.attributes;
        flags & 0b10 != 0
    }
}

impl<'a> Quote<'a> {
    /// Reads one quote and what stands behind it.
    ///
    /// # Errors
    /// [`Malformed`] for lengths that do not fit each other and for more than [`MAX_QUOTE`] or [`MAX_TRAILER`] bytes;
    /// [`Unsupported`] for another version, TEE, key, quoting enclave, body or certification data than those that are read.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(STRUCTURE, bytes);
        let version = r.u16_le("version")?;
        if let Some(reason) = match version {
            4 | 5 => None,
            3 => Some("a quote of an SGX enclave"),
            _ => Some("its layout is not known"),
        } {
            let version = u32::from(version);
            return Err(Unsupported::Version { structure: STRUCTURE, version, reason }.into());
        }
        let key_type = r.u16_le("attestation key type")?;
        Error::unless(
            &checks::KEY_TYPE,
            key_type == KEY_TYPE_P256,
            u64::from(KEY_TYPE_P256),
            u64::from(key_type),
        )?;
        let tee = r.u32_le("TEE type")?;
        Error::unless(
            &checks::TEE_TYPE,
            tee == TEE_TDX,
            Value::Bits(u64::from(TEE_TDX)),
            Value::Bits(u64::from(tee)),
        )?;
        // In version 3 the SVNs of QE and PCE; those that count come from the QE report and the certificate.
        r.u32_le("reserved@008")?;
        let vendor = r.take::<16>("QE vendor id")?;
        Error::unless(&checks::VENDOR, *vendor == INTEL_QE, &INTEL_QE[..], &vendor[..])?;
        r.take::<20>("user data")?;
        let report = read_body(&mut r, version)?;
        let signed = bytes.get(..r.offset()).unwrap_or_default();
        let length = r.u32_le("signature data length")?;
        let data = nested(&mut r, "signature data", length)?;
        let quote_len = r.offset();
        if quote_len > MAX_QUOTE {
            let problem = Problem::TooLarge { max: MAX_QUOTE, actual: quote_len };
            return Err(r.malformed("signature data", problem).into());
        }
        let trailer = r.bytes("trailer", r.left())?;
        if trailer.len() > MAX_TRAILER {
            let problem = Problem::TooLarge { max: MAX_TRAILER, actual: trailer.len() };
            return Err(r.malformed("trailer", problem).into());
        }
        let base = quote_len.saturating_sub(data.len());
        let at =
            |malformed: Malformed| Malformed { offset: malformed.offset.saturating_add(base), ..malformed };

        let mut r = Reader::new(STRUCTURE, data);
        let signature = r.take("signature").map_err(at)?;
        let attestation_key = r.take("attestation key").map_err(at)?;
        let kind = r.u16_le("certification data type").map_err(at)?;
        if !holds(&checks::CERTIFICATION, kind == CERTIFICATION_QE_REPORT) {
            let (check, field) = (&checks::CERTIFICATION, "certification data type");
            let expected = u64::from(CERTIFICATION_QE_REPORT);
            return Err(at(r.unexpected(check, field, 2, expected, u64::from(kind))).into());
        }
        let length = r.u32_le("certification data length").map_err(at)?;
        let data = nested(&mut r, "certification data", length).map_err(at)?;
        let base = base.saturating_add(r.offset()).saturating_sub(data.len());
        r.finish("signature data").map_err(at)?;
        let at =
            |malformed: Malformed| Malformed { offset: malformed.offset.saturating_add(base), ..malformed };

        let mut r = Reader::new(STRUCTURE, data);
        let qe_report_bytes = r.take("QE report").map_err(at)?;
        let qe_report_signature = r.take("QE report signature").map_err(at)?;
        let length = r.u16_le("QE authentication data length").map_err(at)?;
        let qe_authentication_data =
            nested(&mut r, "QE authentication data", u32::from(length)).map_err(at)?;
        let kind = r.u16_le("inner certification data type").map_err(at)?;
        Error::unless(
            &checks::PCK_TYPE,
            kind == CERTIFICATION_PCK_CHAIN,
            u64::from(CERTIFICATION_PCK_CHAIN),
            u64::from(kind),
        )?;
        let length = r.u32_le("inner certification data length").map_err(at)?;
        let pck_chain = nested(&mut r, "inner certification data", length).map_err(at)?;
        r.finish("certification data").map_err(at)?;
        Ok(Self {
            bytes: bytes.get(..quote_len).unwrap_or_default(),
            signed,
            version,
            report,
            signature,
            attestation_key,
            qe_report: read_qe_report(qe_report_bytes)?,
            qe_report_bytes,
            qe_report_signature,
            qe_authentication_data,
            pck_chain,
            trailer,
        })
    }

    /// The quote as received, without what stands behind it: what identifies it.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes that the attestation key signed: header and body.
    pub const fn signed_bytes(&self) -> &'a [u8] {
        self.signed
    }

    /// 4 or 5.
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The TD's report.
    pub const fn report(&self) -> &TdReport {
        &self.report
    }

    /// The signature over [`Quote::signed_bytes`]: r, then s.
    pub const fn signature(&self) -> &'a [u8; 64] {
        self.signature
    }

    /// The attestation key on P-256: x, then y.
    pub const fn attestation_key(&self) -> &'a [u8; 64] {
        self.attestation_key
    }

    /// The quoting enclave's report.
    pub const fn qe_report(&self) -> &QeReport {
        &self.qe_report
    }

    /// The same as the platform signed it.
    pub const fn qe_report_bytes(&self) -> &'a [u8] {
        self.qe_report_bytes
    }

    /// The signature of the platform's key over the quoting enclave's report: r, then s.
    pub const fn qe_report_signature(&self) -> &'a [u8; 64] {
        self.qe_report_signature
    }

    /// What the quoting enclave hashed along with the attestation key.
    pub const fn qe_authentication_data(&self) -> &'a [u8] {
        self.qe_authentication_data
    }

    /// The chain of the PCK certificate, as PEM.
    pub const fn pck_chain(&self) -> &'a [u8] {
        self.pck_chain
    }

    /// The unsigned bytes behind the quote.
    pub const fn trailer(&self) -> &'a [u8] {
        self.trailer
    }
}

/// So many bytes, as a length field says. One that a `usize` does not hold is longer than any input.
fn nested<'a>(r: &mut Reader<'a>, field: &'static str, length: u32) -> Result<&'a [u8], Malformed> {
    r.bytes(field, usize::try_from(length).unwrap_or(usize::MAX))
}

/// The body; in version 5 behind its type and size.
fn read_body(r: &mut Reader<'_>, version: u16) -> Result<TdReport, Error> {
    if version == 4 {
        return Ok(TdReport::read(r, TdReport::V1_0)?);
    }
    let kind = r.u16_le("body type")?;
    let size = r.u32_le("body size")?;
    let known = TdReport::len_of(kind);
    let expected = "2 (TD 1.0), 3 (TD 1.5) or 4 (TD 1.5, extended)";
    Error::unless(&checks::BODY_TYPE, known.is_some(), expected, u64::from(kind))?;
    // Taken away in a test, the check leaves the oldest form.
    let (kind, len) = known.map_or((TdReport::V1_0, 584), |len| (kind, len));
    if !holds(&checks::BODY_SIZE, usize::try_from(size) == Ok(len)) {
        let expected = u64::try_from(len).unwrap_or(u64::MAX);
        return Err(r.unexpected(&checks::BODY_SIZE, "body size", 4, expected, size).into());
    }
    Ok(TdReport::read(r, kind)?)
}

fn read_qe_report(bytes: &[u8; QE_REPORT_LEN]) -> Result<QeReport, Malformed> {
    let mut r = Reader::new("QE report", bytes);
    r.bytes("CPUSVN", 16)?;
    let misc_select = *r.take("MISCSELECT")?;
    r.bytes("reserved@014", 28)?;
    let attributes = *r.take("ATTRIBUTES")?;
    let mr_enclave = *r.take("MRENCLAVE")?;
    r.bytes("reserved@060", 32)?;
    let mr_signer = *r.take("MRSIGNER")?;
    r.bytes("reserved@0A0", 96)?;
    let isv_prod_id = r.u16_le("ISVPRODID")?;
    let isv_svn = r.u16_le("ISVSVN")?;
    r.bytes("reserved@104", 60)?;
    let report_data = *r.take("REPORTDATA")?;
    r.finish("QE report")?;
    Ok(QeReport { misc_select, attributes, mr_enclave, mr_signer, isv_prod_id, isv_svn, report_data })
}
