//! TCG's Canonical Event Log, version 1.1, in its three encodings: TLV (Google's COS content), JSON (systemd's log) and CBOR.
//!
//! As with every log, digests and their order inside one register are what a quote can vouch for. The log grows while it is
//! read: what is proven is its longest beginning that replays to the verified register. COS content says how it is hashed, as the
//! whole TLV, and must be. systemd's `string`, the data of a firmware event and of an IMA template are proven where they hash to
//! their digest; often they are mere descriptions. All other content is a label.
//!
//! Bounds: [`MAX_CEL`] bytes and [`MAX_CEL_RECORDS`] records; a record is kept with its digests, content is borrowed from TLV
//! and CBOR and copied once from JSON.

mod cbor;
#[cfg(feature = "json")]
mod json;

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::checks::cel as checks;
use super::header::Bank;
use super::replay::refusal;
use super::{MAX_DIGESTS, REGISTERS, Untrusted};
use crate::checks::holds;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Error, Malformed, Problem};
use crate::reader::Reader;
use crate::values::{Digest, Value};

/// The longest log that is read, in bytes.
pub const MAX_CEL: usize = 1024 * 1024;
/// The most records that are read.
pub const MAX_CEL_RECORDS: usize = 16_384;

const STRUCTURE: &str = "canonical event log";
const SEQUENCE: u8 = 0;
const PCR: u8 = 1;
const DIGESTS: u8 = 3;
const COS: u8 = 80;
const CC_REGISTER: u8 = 108;

/// Which register a record extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CelRegister {
    /// A register of a TPM.
    Pcr(u8),
    /// A run-time register of a confidential machine, counted from 1: on TDX RTMR 0 is 1.
    Cc(u8),
    /// Another: an NV index that is extended.
    Other,
}

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content<'a> {
    /// COS content, with its head.
    Cos(&'a [u8]),
    /// What may be the preimage of the digest: a `string` of systemd, the data of a firmware event or of an IMA template.
    Preimage(Cow<'a, [u8]>),
    /// Something else.
    Label(Cow<'a, [u8]>),
}

/// One record. Everything in it is the log's own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CelRecord<'a> {
    register: CelRegister,
    digests: Vec<(HashAlgorithm, Digest)>,
    content: Content<'a>,
    measured: bool,
}

/// A log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CelLog<'a> {
    records: Vec<CelRecord<'a>>,
}

impl<'a> CelLog<'a> {
    /// Reads a whole log in TLV form: for each record a sequence number, a register, digests, content.
    ///
    /// # Errors
    /// [`Malformed`] for a log past the stated bounds, cut short, out of sequence, or against a rule of [`super::checks::cel`].
    pub fn parse_tlv(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(STRUCTURE, bytes);
        bounded(&r, "log", MAX_CEL, bytes.len())?;
        let mut log = Self::default();
        while r.left() > 0 {
            bounded(&r, "records", MAX_CEL_RECORDS, log.records.len().saturating_add(1))?;
            let record = CelRecord::read_tlv(&mut r, log.records.len())?;
            log.records.push(record);
        }
        Ok(log)
    }

    /// The records, in order.
    pub fn records(&self) -> &[CelRecord<'a>] {
        &self.records
    }

    /// The records that extend one register, in order.
    fn records_of(&self, register: CelRegister) -> impl Iterator<Item = &CelRecord<'a>> {
        self.records.iter().filter(move |record| record.register == register && record.measured)
    }

    /// Replays the whole log for one register; `None` if one of its records lacks a digest of this bank, or it has no record.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider lacks the hash function.
    pub fn replay(
        &self,
        register: CelRegister,
        bank: HashAlgorithm,
        provider: &CryptoProvider,
    ) -> Result<Option<Digest>, Error> {
        let mut value = None;
        for record in self.records_of(register) {
            let Some(digest) = record.digest_in(bank) else { return Ok(None) };
            let before = value.unwrap_or_else(|| Digest::filled(0, bank.digest_len()));
            value = Some(provider.digest(bank, &[before.as_bytes(), digest.as_bytes()])?);
        }
        Ok(value)
    }

    /// Looks for the longest beginning of the log that replays to a *verified* register, which held `start` before it: zero, or
    /// what the firmware's log left there.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if no beginning does, or if COS content in it does not hash to its digest; [`Error::Unsupported`] if
    /// the provider lacks the hash function.
    pub fn compare(
        &self,
        register: CelRegister,
        bank: HashAlgorithm,
        start: Digest,
        verified: &Digest,
        provider: &CryptoProvider,
    ) -> Result<CelProven<'_, 'a>, Error> {
        let mut value = start;
        let mut records = Vec::new();
        let mut proven = (value == *verified).then_some(0);
        for record in self.records_of(register) {
            // Nothing behind a record without a digest of this bank can be replayed.
            let Some(digest) = record.digest_in(bank) else { break };
            value = provider.digest(bank, &[value.as_bytes(), digest.as_bytes()])?;
            let covered = match record.hashed() {
                Some(bytes) => provider.digest(bank, &[bytes])? == digest,
                None => false,
            };
            records.push(CelJudged { record, digest, covered });
            if value == *verified {
                proven = Some(records.len());
            }
        }
        let Some(proven) = proven else {
            return Err(refusal(&checks::REPLAYED, (*verified).into(), value.into()));
        };
        let unproven = records.len().saturating_sub(proven);
        records.truncate(proven);
        let false_content =
            |judged: &CelJudged<'_, '_>| !judged.covered && matches!(judged.record.content, Content::Cos(_));
        if let Some(position) = records.iter().position(false_content)
            && !holds(&checks::CONTENT, false)
        {
            let actual = Value::Number(u64::try_from(position).unwrap_or(u64::MAX));
            return Err(refusal(&checks::CONTENT, "the hash of the content".into(), actual));
        }
        Ok(CelProven { records, unproven })
    }
}

/// The beginning of a log that a verified register vouches for.
#[derive(Clone, Debug)]
pub struct CelProven<'l, 'a> {
    records: Vec<CelJudged<'l, 'a>>,
    unproven: usize,
}

impl<'l, 'a> CelProven<'l, 'a> {
    /// Its records.
    pub fn records(&self) -> &[CelJudged<'l, 'a>] {
        &self.records
    }

    /// How many records of the register follow it, unproven.
    pub const fn unproven(&self) -> usize {
        self.unproven
    }
}

/// A record whose digest is proven.
#[derive(Clone, Copy, Debug)]
pub struct CelJudged<'l, 'a> {
    record: &'l CelRecord<'a>,
    digest: Digest,
    covered: bool,
}

impl<'l, 'a> CelJudged<'l, 'a> {
    /// The digest that the register was extended with, which is proven.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The record with what is not proven of it.
    pub const fn record(&self) -> &'l CelRecord<'a> {
        self.record
    }

    /// The bytes that were hashed, if the log gives them: COS content without its head, or systemd's string.
    pub fn proven(&self) -> Option<&'l [u8]> {
        let content = self.record.content().dangerous_unproven();
        self.covered.then_some(content)
    }

    /// COS content as its type and value; `None` if this is another record.
    pub fn cos(&self) -> Option<(u8, &'l [u8])> {
        let Content::Cos(tlv) = self.record.content else { return None };
        let mut inner = Reader::new(STRUCTURE, tlv.get(5..)?);
        let (kind, value) = read_tlv(&mut inner, "COS content").ok()?;
        (self.covered && inner.left() == 0).then_some((kind, value))
    }
}

impl<'a> CelRecord<'a> {
    fn read_tlv(r: &mut Reader<'a>, expected: usize) -> Result<Self, Malformed> {
        let mut sequence = read_field(r, "recnum", &[SEQUENCE])?.1;
        let number = sequence.u64_be("recnum")?;
        let expected = u64::try_from(expected).unwrap_or(u64::MAX);
        if !holds(&checks::SEQUENCE, number == expected) {
            return Err(r.unexpected(&checks::SEQUENCE, "recnum", 8, expected, number));
        }
        sequence.finish("recnum")?;
        let (kind, mut index) = read_field(r, "pcr", &[PCR, CC_REGISTER])?;
        let number = index.u8("pcr")?;
        let register = if kind == PCR { CelRegister::Pcr(number) } else { CelRegister::Cc(number) };
        if !holds(&checks::REGISTER, register.exists()) {
            return Err(r.unexpected(
                &checks::REGISTER,
                "pcr",
                1,
                Value::OneOf(REGISTERS),
                u32::from(number),
            ));
        }
        index.finish("pcr")?;
        let (_, mut list) = read_field(r, "digests", &[DIGESTS])?;
        let mut digests = Vec::new();
        while list.left() > 0 {
            let (id, bytes) = read_tlv(&mut list, "digest")?;
            let bank = Bank::unsized_of(u16::from(id)).algorithm();
            add_digest(r, &mut digests, bank, bytes)?;
        }
        let whole = r.clone();
        let (kind, value) = read_tlv(r, "content")?;
        let content = match kind {
            COS => Content::Cos(whole.clone().bytes("content", value.len().saturating_add(5))?),
            _ => Content::Label(value.into()),
        };
        Ok(Self { register, digests, content, measured: true })
    }

    /// Which register it extends.
    pub const fn register(&self) -> CelRegister {
        self.register
    }

    /// Whether it extends its register, by the log's own word: EV_NO_ACTION, the log's version and the end of firmware do not.
    pub const fn is_measured(&self) -> bool {
        self.measured
    }

    /// The digest for a bank.
    pub fn digest(&self, bank: HashAlgorithm) -> Option<Untrusted<Digest>> {
        self.digest_in(bank).map(Untrusted::new)
    }

    fn digest_in(&self, bank: HashAlgorithm) -> Option<Digest> {
        self.digests.iter().find(|(listed, _)| *listed == bank).map(|(_, digest)| *digest)
    }

    /// The content, without the head of a TLV.
    pub fn content(&self) -> Untrusted<&[u8]> {
        Untrusted::new(match &self.content {
            Content::Cos(tlv) => tlv.get(5..).unwrap_or_default(),
            Content::Label(bytes) | Content::Preimage(bytes) => bytes,
        })
    }

    /// The type of TLV content that this is, where it says how it is hashed: 80 for COS.
    pub const fn is_cos(&self) -> bool {
        matches!(self.content, Content::Cos(_))
    }

    fn hashed(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Cos(tlv) => Some(tlv),
            Content::Preimage(bytes) => Some(bytes),
            Content::Label(_) => None,
        }
    }
}

impl CelRegister {
    fn exists(self) -> bool {
        match self {
            Self::Pcr(index) => usize::from(index) < REGISTERS,
            Self::Cc(index) => (1..=4).contains(&index),
            Self::Other => true,
        }
    }
}

fn bounded(r: &Reader<'_>, field: &'static str, max: usize, actual: usize) -> Result<(), Malformed> {
    match actual <= max {
        true => Ok(()),
        false => Err(r.malformed(field, Problem::TooLarge { max, actual })),
    }
}

/// Adds a digest: of its algorithm's length, once each. Algorithms that are not known here are left out.
fn add_digest(
    at: &Reader<'_>,
    digests: &mut Vec<(HashAlgorithm, Digest)>,
    bank: Option<HashAlgorithm>,
    bytes: &[u8],
) -> Result<(), Malformed> {
    let Some(bank) = bank else { return Ok(()) };
    bounded(at, "digests", MAX_DIGESTS, digests.len().saturating_add(1))?;
    let sized = bytes.len() == bank.digest_len();
    if !holds(&checks::DIGEST, sized && digests.iter().all(|(listed, _)| *listed != bank)) {
        return Err(at.unexpected(&checks::DIGEST, "digest", 0, "one of its algorithm's length", bytes));
    }
    let digest = Digest::new(bytes);
    digests.extend(digest.map(|digest| (bank, digest)));
    Ok(())
}

/// Type, length (big-endian), value.
fn read_tlv<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<(u8, &'a [u8]), Malformed> {
    let kind = r.u8(field)?;
    let len = usize::try_from(r.u32_be(field)?).unwrap_or(usize::MAX);
    Ok((kind, r.bytes(field, len)?))
}

/// A field of one of these types. Errors inside it are told from its own front.
fn read_field<'a>(
    r: &mut Reader<'a>,
    field: &'static str,
    kinds: &[u8],
) -> Result<(u8, Reader<'a>), Malformed> {
    let at = r.clone();
    let (kind, value) = read_tlv(r, field)?;
    if !kinds.contains(&kind) {
        let expected = Value::Number(kinds.first().copied().unwrap_or_default().into());
        return Err(at.unexpected(&checks::ORDER, field, 0, expected, u32::from(kind)));
    }
    Ok((kind, Reader::new(STRUCTURE, value)))
}
