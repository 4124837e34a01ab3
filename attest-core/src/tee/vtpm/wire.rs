//! TPMS_ATTEST and TPML_PCR_SELECTION: shape only. All integers are big-endian (TPM 2.0 Part 2).

use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::checks::wire as checks;
use crate::checks::holds;
use crate::error::{Malformed, Problem};
use crate::reader::Reader;
use crate::values::Value;

const STRUCTURE: &str = "TPMS_ATTEST";

/// TPM_GENERATED_VALUE: only a TPM writes it in front of what a restricted key signs.
pub const MAGIC: u32 = 0xff54_4347;
/// The largest TPMS_ATTEST that is read, in bytes: a TPM's is under 600.
pub const MAX_ATTEST: usize = 4096;
/// The most entries of a selection list.
pub const MAX_SELECTIONS: usize = 16;
/// How many registers a PC client's bank has.
const REGISTERS: u8 = 24;

/// TPMS_ATTEST, borrowed from the bytes that were signed.
#[derive(Clone, Debug)]
pub struct Attest<'a> {
    raw: &'a [u8],
    kind: u16,
    qualified_signer: &'a [u8],
    extra_data: &'a [u8],
    clock: ClockInfo,
    firmware_version: u64,
    attested: Attested<'a>,
}

/// TPMS_CLOCK_INFO. Outside the endorsement and platform hierarchies a TPM obfuscates the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockInfo {
    /// Milliseconds that the TPM was powered.
    pub clock: u64,
    /// Resets since the last clear.
    pub reset_count: u32,
    /// Resumes since the last reset.
    pub restart_count: u32,
    /// Whether no higher clock value was lost at a power failure.
    pub safe: bool,
}

/// What is attested (TPMU_ATTEST).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Attested<'a> {
    /// TPMS_CERTIFY_INFO: a key that sits in the same TPM.
    Certify {
        /// Its name.
        name: &'a [u8],
        /// Its qualified name.
        qualified_name: &'a [u8],
    },
    /// TPMS_CREATION_INFO: how a key was made.
    Creation {
        /// Its name.
        object_name: &'a [u8],
        /// Digest of TPMS_CREATION_DATA.
        creation_hash: &'a [u8],
    },
    /// Another type; its body is not read.
    Other,
    /// TPMS_QUOTE_INFO: registers.
    Quote {
        /// Which.
        selection: Vec<Selection>,
        /// Digest of their values.
        pcr_digest: &'a [u8],
    },
}

/// TPMS_PCR_SELECTION: registers of one bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// The bank.
    pub bank: AlgorithmId,
    /// Bit `n` selects register `n`.
    pub registers: u32,
    /// sizeofSelect, as written.
    pub size: u8,
}

impl Selection {
    /// These registers of a bank, in three octets as a PC client's TPM has them; `None` for a register above 23.
    pub fn of(bank: AlgorithmId, indices: impl IntoIterator<Item = u8>) -> Option<Self> {
        let mut registers = 0;
        for index in indices {
            registers |= 1_u32.checked_shl(u32::from(index)).filter(|_| index < REGISTERS)?;
        }
        Some(Self { bank, registers, size: 3 })
    }

    /// The selected registers, ascending.
    pub fn indices(&self) -> impl Iterator<Item = u8> + use<> {
        let registers = self.registers;
        (0..REGISTERS).filter(move |index| (registers >> *index) & 1 == 1)
    }
}

/// TPM_ST_ATTEST_CERTIFY.
pub const TYPE_CERTIFY: u16 = 0x8017;
/// TPM_ST_ATTEST_QUOTE.
pub const TYPE_QUOTE: u16 = 0x8018;
/// TPM_ST_ATTEST_CREATION.
pub const TYPE_CREATION: u16 = 0x801a;

impl<'a> Attest<'a> {
    /// Reads one TPMS_ATTEST and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for another magic, a name or a flag that the specification does not allow, a selection list that is too
    /// long, and any length that does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(bytes, None)
    }

    /// The same for one type only; another is refused before its body is read.
    ///
    /// # Errors
    /// As [`Attest::parse`].
    pub fn parse_as(kind: u16, bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(bytes, Some(kind))
    }

    fn read(bytes: &'a [u8], wanted: Option<u16>) -> Result<Self, Malformed> {
        if bytes.len() > MAX_ATTEST {
            let problem = Problem::TooLarge { max: MAX_ATTEST, actual: bytes.len() };
            return Err(Malformed { structure: STRUCTURE, field: STRUCTURE, offset: 0, problem });
        }
        let mut r = Reader::new(STRUCTURE, bytes);
        let magic = r.u32_be("magic")?;
        if !holds(&checks::MAGIC, magic == MAGIC) {
            let (expected, actual) = (Value::Bits(u64::from(MAGIC)), Value::Bits(u64::from(magic)));
            return Err(r.unexpected(&checks::MAGIC, "magic", 4, expected, actual));
        }
        let kind = r.u16_be("type")?;
        if let Some(wanted) = wanted.filter(|wanted| !holds(&checks::TYPE, *wanted == kind)) {
            let (expected, actual) = (Value::Bits(u64::from(wanted)), Value::Bits(u64::from(kind)));
            return Err(r.unexpected(&checks::TYPE, "type", 2, expected, actual));
        }
        let qualified_signer = sized(&mut r, "qualifiedSigner")?;
        if !holds(&checks::SIGNER, is_name(qualified_signer)) {
            let width = qualified_signer.len();
            return Err(r.unexpected(&checks::SIGNER, "qualifiedSigner", width, "a name", qualified_signer));
        }
        let extra_data = sized(&mut r, "extraData")?;
        let clock = ClockInfo {
            clock: r.u64_be("clockInfo.clock")?,
            reset_count: r.u32_be("clockInfo.resetCount")?,
            restart_count: r.u32_be("clockInfo.restartCount")?,
            safe: yes_no(&mut r)?,
        };
        let firmware_version = r.u64_be("firmwareVersion")?;
        let attested = match kind {
            TYPE_CERTIFY => Attested::Certify {
                name: sized(&mut r, "name")?,
                qualified_name: sized(&mut r, "qualifiedName")?,
            },
            TYPE_QUOTE => {
                Attested::Quote { selection: selections(&mut r)?, pcr_digest: sized(&mut r, "pcrDigest")? }
            }
            TYPE_CREATION => Attested::Creation {
                object_name: sized(&mut r, "objectName")?,
                creation_hash: sized(&mut r, "creationHash")?,
            },
            // A union of another shape: nobody here reads it.
            _ => {
                r.bytes("attested", r.left())?;
                Attested::Other
            }
        };
        r.finish("attested")?;
        Ok(Self { raw: bytes, kind, qualified_signer, extra_data, clock, firmware_version, attested })
    }

    /// The bytes that were signed.
    pub const fn signed_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// type.
    pub const fn kind(&self) -> u16 {
        self.kind
    }

    /// qualifiedSigner: the qualified name of the key that signed.
    pub const fn qualified_signer(&self) -> &'a [u8] {
        self.qualified_signer
    }

    /// extraData: the caller's qualifying data.
    pub const fn extra_data(&self) -> &'a [u8] {
        self.extra_data
    }

    /// clockInfo.
    pub const fn clock(&self) -> ClockInfo {
        self.clock
    }

    /// firmwareVersion, as the vendor numbers it.
    pub const fn firmware_version(&self) -> u64 {
        self.firmware_version
    }

    /// attested.
    pub const fn attested(&self) -> &Attested<'a> {
        &self.attested
    }
}

/// A TPM2B: 16 bits of length, then so many bytes.
pub(super) fn sized<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], Malformed> {
    let len = r.u16_be(field)?;
    r.bytes(field, usize::from(len))
}

/// A name is the hash algorithm and a digest of its length (Part 1, 16).
pub(super) fn is_name(name: &[u8]) -> bool {
    match name {
        [high, low, digest @ ..] => {
            AlgorithmId(u16::from_be_bytes([*high, *low])).digest_len().is_some_and(|len| len == digest.len())
        }
        _ => false,
    }
}

fn yes_no(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8("clockInfo.safe")? {
        0 => Ok(false),
        1 => Ok(true),
        other if holds(&checks::SAFE, false) => Ok(other != 0),
        other => Err(r.unexpected(&checks::SAFE, "clockInfo.safe", 1, "0 or 1", u32::from(other))),
    }
}

/// TPML_PCR_SELECTION.
pub(super) fn selections(r: &mut Reader<'_>) -> Result<Vec<Selection>, Malformed> {
    let count = r.u32_be("pcrSelect.count")?;
    let fits = usize::try_from(count).is_ok_and(|count| count <= MAX_SELECTIONS);
    if !holds(&checks::SELECTION_COUNT, fits) {
        return Err(r.unexpected(&checks::SELECTION_COUNT, "pcrSelect.count", 4, "at most 16", count));
    }
    // Grown as entries are read, so that a count alone allocates nothing.
    let mut selections = Vec::new();
    for _ in 0..count {
        let bank = AlgorithmId(r.u16_be("pcrSelections.hash")?);
        let size = r.u8("pcrSelections.sizeofSelect")?;
        let octets = r.bytes("pcrSelections.pcrSelect", usize::from(size))?;
        let (low, high) = octets.split_at(octets.len().min(3));
        let beyond = high.iter().any(|octet| *octet != 0);
        if !holds(&checks::SELECTION_INDEX, !beyond) {
            let field = "pcrSelections.pcrSelect";
            return Err(r.unexpected(&checks::SELECTION_INDEX, field, octets.len(), "0 to 23", octets));
        }
        let registers = low.iter().rev().fold(0_u32, |registers, octet| (registers << 8) | u32::from(*octet));
        selections.push(Selection { bank, registers, size });
    }
    Ok(selections)
}
