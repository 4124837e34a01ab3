//! IMA's list of measured files (`binary_runtime_measurements`, little-endian), templates `ima`, `ima-ng`, `ima-sig` and others.
//!
//! The list grows while it is read, so that it may be longer than what a quote saw: what is proven is its longest beginning
//! that replays to the verified register. A record's template digest is SHA-1. Kernels from 5.8 on extend other banks with
//! that bank's own hash of the template data, older ones with the SHA-1 digest padded with zeros, which proves no more than
//! SHA-1 does. A violation (a file changed while it was measured) extends ones and covers nothing.
//!
//! Bounds: [`MAX_IMA_LOG`] bytes and [`MAX_IMA_RECORDS`] records; nothing is copied. One or two hashes a record.

use super::Untrusted;
use super::checks::ima as checks;
use super::replay::refusal;
use crate::checks::holds;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Error, Malformed, Problem, Unsupported};
use crate::reader::Reader;
use crate::values::{Digest, Value};

/// The longest list that is read, in bytes. A record has some hundred.
pub const MAX_IMA_LOG: usize = 32 * 1024 * 1024;
/// The most records that are read.
pub const MAX_IMA_RECORDS: usize = 262_144;

const STRUCTURE: &str = "IMA measurement list";
/// Longest name of a template, and of a file in the template `ima` with its NUL.
const MAX_TEMPLATE: usize = 64;
const IMA_NAME_LEN: usize = 256;
/// Where the kernel measures to unless it was built otherwise.
pub const IMA_REGISTER: u8 = 10;

/// A list whose every record has been read once.
#[derive(Clone, Debug)]
pub struct ImaLog<'a> {
    bytes: &'a [u8],
    len: usize,
}

/// One record. Everything in it is the list's own word.
#[derive(Clone, Copy, Debug)]
pub struct ImaRecord<'a> {
    register: u8,
    template_digest: &'a [u8; 20],
    template: &'a [u8],
    body: Body<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Body<'a> {
    /// Template `ima`: a digest, and a name that is padded to 256 bytes for hashing.
    Ima { digest: &'a [u8; 20], name: &'a [u8] },
    /// Any other template: what follows its length is what is hashed.
    Data(&'a [u8]),
}

/// How a bank other than SHA-1 was extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "kernels did one or do the other")]
pub enum ImaHashing {
    /// With the bank's own hash of the template data (Linux 5.8 and later).
    PerBank,
    /// With the SHA-1 template digest, padded with zeros (before).
    Sha1Padded,
}

impl<'a> ImaLog<'a> {
    /// Reads a whole list and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for a list past the stated bounds, cut short, or with a record that names no register. Templates that are not
    /// known here are values.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(STRUCTURE, bytes);
        if bytes.len() > MAX_IMA_LOG {
            let problem = Problem::TooLarge { max: MAX_IMA_LOG, actual: bytes.len() };
            return Err(r.malformed("list", problem));
        }
        let mut len = 0_usize;
        while r.left() > 0 {
            if len >= MAX_IMA_RECORDS {
                let actual = len.saturating_add(1);
                return Err(r.malformed("records", Problem::TooLarge { max: MAX_IMA_RECORDS, actual }));
            }
            ImaRecord::read(&mut r)?;
            len = len.saturating_add(1);
        }
        Ok(Self { bytes, len })
    }

    /// How many records there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = ImaRecord<'a>> + use<'a> {
        let mut r = Reader::new(STRUCTURE, self.bytes);
        core::iter::from_fn(move || (r.left() > 0).then(|| ImaRecord::read(&mut r).ok()).flatten())
    }

    /// Replays the whole list for `register`.
    ///
    /// # Errors
    /// [`Unsupported::Hash`] if the provider lacks the hash function.
    pub fn replay(
        &self,
        register: u8,
        bank: HashAlgorithm,
        hashing: ImaHashing,
        provider: &CryptoProvider,
    ) -> Result<ImaReplay, Unsupported> {
        let mut replay = ImaReplay::new(bank);
        for record in self.records().filter(|record| record.register == register) {
            replay.extend(&record, bank, hashing, provider)?;
        }
        Ok(replay)
    }

    /// Looks for the longest beginning of the list that replays to a *verified* register.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if no beginning does, or if a template digest in it is not the hash of its data;
    /// [`Error::Unsupported`] if the provider lacks the hash function.
    pub fn compare(
        &self,
        register: u8,
        verified: &Digest,
        bank: HashAlgorithm,
        hashing: ImaHashing,
        provider: &CryptoProvider,
    ) -> Result<ImaProven<'a>, Error> {
        let mut replay = ImaReplay::new(bank);
        let mut found = (replay.value == *verified).then_some((0, replay));
        for (position, record) in self.records().enumerate().filter(|(_, record)| record.register == register)
        {
            replay.extend(&record, bank, hashing, provider)?;
            if replay.value == *verified {
                found = Some((position.saturating_add(1), replay));
            }
        }
        let Some((len, replay)) = found else {
            return Err(refusal(&checks::REPLAYED, (*verified).into(), replay.value.into()));
        };
        if let Some(record) = replay.first_mismatch
            && !holds(&checks::TEMPLATE_DIGEST, false)
        {
            let actual = Value::Number(u64::try_from(record).unwrap_or(u64::MAX));
            return Err(refusal(&checks::TEMPLATE_DIGEST, "the hash of the data".into(), actual));
        }
        Ok(ImaProven { log: self.clone(), register, len, violations: replay.violations })
    }
}

/// What replaying a list gives. The list's word, until it is compared with a verified register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImaReplay {
    value: Digest,
    records: usize,
    violations: usize,
    mismatches: usize,
    first_mismatch: Option<usize>,
}

impl ImaReplay {
    fn new(bank: HashAlgorithm) -> Self {
        let value = Digest::filled(0, bank.digest_len());
        Self { value, records: 0, violations: 0, mismatches: 0, first_mismatch: None }
    }

    /// The register after the last record.
    pub const fn value(&self) -> Digest {
        self.value
    }

    /// How many records extend ones because a file changed while it was measured.
    pub const fn violations(&self) -> usize {
        self.violations
    }

    /// How many records have a template digest that is not the SHA-1 hash of their data.
    pub const fn template_mismatches(&self) -> usize {
        self.mismatches
    }

    fn extend(
        &mut self,
        record: &ImaRecord<'_>,
        bank: HashAlgorithm,
        hashing: ImaHashing,
        provider: &CryptoProvider,
    ) -> Result<(), Unsupported> {
        let len = bank.digest_len();
        let extended = if record.is_violation() {
            self.violations = self.violations.saturating_add(1);
            Digest::filled(0xff, len)
        } else {
            if record.hash(HashAlgorithm::Sha1, provider)?.as_bytes() != record.template_digest {
                self.mismatches = self.mismatches.saturating_add(1);
                self.first_mismatch = self.first_mismatch.or(Some(self.records));
            }
            match (bank, hashing) {
                (HashAlgorithm::Sha1, _) | (_, ImaHashing::Sha1Padded) => {
                    let mut padded = [0; 64];
                    for (slot, octet) in padded.iter_mut().zip(record.template_digest) {
                        *slot = *octet;
                    }
                    let padded = padded.get(..len).and_then(Digest::new);
                    padded.unwrap_or_else(|| Digest::filled(0, len))
                }
                (_, ImaHashing::PerBank) => record.hash(bank, provider)?,
            }
        };
        self.value = provider.digest(bank, &[self.value.as_bytes(), extended.as_bytes()])?;
        self.records = self.records.saturating_add(1);
        Ok(())
    }
}

/// The beginning of a list that a verified register vouches for.
#[derive(Clone, Debug)]
pub struct ImaProven<'a> {
    log: ImaLog<'a>,
    register: u8,
    len: usize,
    violations: usize,
}

impl<'a> ImaProven<'a> {
    /// Its records.
    pub fn records(&self) -> impl Iterator<Item = ImaJudged<'a>> + use<'a> {
        let register = self.register;
        self.log.records().take(self.len).filter(move |record| record.register == register).map(ImaJudged)
    }

    /// How many records of the list follow it, unproven.
    pub const fn unproven(&self) -> usize {
        self.log.len.saturating_sub(self.len)
    }

    /// How many records are violations.
    pub const fn violations(&self) -> usize {
        self.violations
    }
}

/// A record that a verified register vouches for.
#[derive(Clone, Copy, Debug)]
pub struct ImaJudged<'a>(ImaRecord<'a>);

impl<'a> ImaJudged<'a> {
    /// The fields, which are proven: `d-ng`, `n-ng`, `sig` for `ima-sig`; digest and name for `ima`. `None` for a violation, whose
    /// every word is the list's own.
    pub fn fields(&self) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        (!self.0.is_violation()).then(|| self.0.raw_fields())
    }

    /// The record with what is not proven of it: the template's name, and all of a violation.
    pub const fn record(&self) -> &ImaRecord<'a> {
        &self.0
    }
}

impl<'a> ImaRecord<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let index = r.u32_le("pcr")?;
        let register = u8::try_from(index).ok().filter(|index| usize::from(*index) < super::REGISTERS);
        let Some(register) = register else {
            return Err(r.unexpected(&checks::PCR_INDEX, "pcr", 4, Value::OneOf(super::REGISTERS), index));
        };
        let template_digest = r.take("template_hash")?;
        let template = read_sized(r, "template_name", MAX_TEMPLATE)?;
        let body = match template {
            b"ima" => Body::Ima {
                digest: r.take("digest")?,
                name: read_sized(r, "event_name", IMA_NAME_LEN.saturating_sub(1))?,
            },
            _ => Body::Data(read_sized(r, "template_data", MAX_IMA_LOG)?),
        };
        Ok(Self { register, template_digest, template, body })
    }

    /// The register that it extends: 10 unless the kernel was built otherwise.
    pub const fn register(&self) -> u8 {
        self.register
    }

    /// The template's name, which no digest covers.
    pub const fn template(&self) -> Untrusted<&'a [u8]> {
        Untrusted::new(self.template)
    }

    /// Whether this is a violation: nothing of it is covered.
    pub fn is_violation(&self) -> bool {
        *self.template_digest == [0; 20]
    }

    /// The fields as [`ImaJudged::fields`] gives them, with nothing that proves them. They end early where the data does not have
    /// that form.
    pub fn fields(&self) -> impl Iterator<Item = Untrusted<&'a [u8]>> + use<'a> {
        self.raw_fields().map(Untrusted::new)
    }

    fn raw_fields(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (head, data): ([Option<&'a [u8]>; 2], &[u8]) = match self.body {
            Body::Ima { digest, name } => ([Some(digest), Some(name)], &[]),
            Body::Data(data) => ([None; 2], data),
        };
        let mut r = Reader::new(STRUCTURE, data);
        let rest = core::iter::from_fn(move || {
            (r.left() > 0).then(|| read_sized(&mut r, "field", MAX_IMA_LOG).ok()).flatten()
        });
        head.into_iter().flatten().chain(rest)
    }

    fn hash(&self, algorithm: HashAlgorithm, provider: &CryptoProvider) -> Result<Digest, Unsupported> {
        match self.body {
            Body::Ima { digest, name } => {
                let zeros = [0; IMA_NAME_LEN];
                let padding = zeros.get(name.len()..).unwrap_or_default();
                provider.digest(algorithm, &[digest, name, padding])
            }
            Body::Data(data) => provider.digest(algorithm, &[data]),
        }
    }
}

fn read_sized<'a>(r: &mut Reader<'a>, field: &'static str, max: usize) -> Result<&'a [u8], Malformed> {
    let len = usize::try_from(r.u32_le(field)?).unwrap_or(usize::MAX);
    match len <= max {
        true => r.bytes(field, len),
        false => Err(r.malformed(field, Problem::TooLarge { max, actual: len })),
    }
}

/// What the first record, `boot_aggregate`, must name: the hash of PCR 0 to 7 for SHA-1, of PCR 0 to 9 for other functions (Linux
/// 5.8 and later). `verified` answers as for [`super::Replay::compare`].
///
/// # Errors
/// [`Error::Missing`] if one of these registers has no verified value; [`Error::Unsupported`] if the provider lacks the hash.
pub fn boot_aggregate(
    bank: HashAlgorithm,
    verified: impl Fn(HashAlgorithm, u8) -> Option<Digest>,
    provider: &CryptoProvider,
) -> Result<Digest, Error> {
    let count = if bank == HashAlgorithm::Sha1 { 8 } else { 10 };
    let mut values = [Digest::filled(0, 0); 10];
    for (pcr, value) in (0..count).zip(&mut values) {
        let missing =
            || refusal(&super::checks::registers::VERIFIED, "a verified value".into(), u32::from(pcr).into());
        *value = verified(bank, pcr).ok_or_else(missing)?;
    }
    Ok(provider.digest(bank, &values.each_ref().map(Digest::as_bytes))?)
}
