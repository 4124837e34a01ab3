//! The Spec ID event: which banks a crypto-agile log has, and how long their digests are.

use super::checks::wire as checks;
use crate::checks::holds;
use crate::crypto::HashAlgorithm;
use crate::error::Malformed;
use crate::reader::Reader;
use crate::values::Value;

/// The most digests of one event, and algorithms of one header. TPMs have at most four banks.
pub const MAX_DIGESTS: usize = 8;
/// The longest digest that a TPM has (TPMU_HA).
const MAX_DIGEST: u16 = 64;

pub(super) const STRUCTURE: &str = "TCG event log";
pub(super) const SPEC_ID: &[u8; 16] = b"Spec ID Event03\0";

/// A bank that the header announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bank {
    id: u16,
    size: u16,
}

impl Bank {
    pub(super) const SHA1: Self = Self { id: 0x0004, size: 20 };

    /// TPM_ALG_ID. An unknown one is a value: its events can be read, because the header says how long its digests are.
    pub const fn id(self) -> u16 {
        self.id
    }

    /// Length of its digests, in bytes.
    pub fn digest_len(self) -> usize {
        usize::from(self.size)
    }

    /// The hash function, where it is one that can be computed here. SM3 and SHA-3 cannot.
    pub const fn algorithm(self) -> Option<HashAlgorithm> {
        match self.id {
            0x0004 => Some(HashAlgorithm::Sha1),
            0x000b => Some(HashAlgorithm::Sha256),
            0x000c => Some(HashAlgorithm::Sha384),
            0x000d => Some(HashAlgorithm::Sha512),
            _ => None,
        }
    }

    /// A bank by its number alone, where the log gives the length beside each digest.
    pub(super) const fn unsized_of(id: u16) -> Self {
        Self { id, size: 0 }
    }

    /// The size that the TCG Algorithm Registry gives; `None` for an algorithm that is not known here.
    const fn registered_size(self) -> Option<u16> {
        match self.id {
            0x0004 => Some(20),
            0x000b | 0x0012 | 0x0027 => Some(32),
            0x000c | 0x0028 => Some(48),
            0x000d | 0x0029 => Some(64),
            _ => None,
        }
    }
}

/// TCG_EfiSpecIDEvent, the header of a crypto-agile log. Not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpecId<'a> {
    /// platformClass: 0 client, 1 server.
    pub platform_class: u32,
    /// specErrata.
    pub errata: u8,
    /// uintnSize: 1 for 32 bits, 2 for 64.
    pub uintn_size: u8,
    /// vendorInfo.
    pub vendor: &'a [u8],
}

/// What the header says, with its banks.
pub(super) struct Header<'a> {
    pub(super) banks: [Bank; MAX_DIGESTS],
    pub(super) bank_count: usize,
    pub(super) spec_id: SpecId<'a>,
}

impl<'a> Header<'a> {
    /// Reads the data of the first event. `zero` says that its digest is.
    pub(super) fn read(data: &'a [u8], index: u32, zero: bool) -> Result<Self, Malformed> {
        let mut r = Reader::new(STRUCTURE, data);
        r.take::<16>("signature")?;
        if !holds(&checks::HEADER, index == 0 && zero) {
            return Err(r.unexpected(&checks::HEADER, "pcrIndex", 16, "PCR 0 and a zero digest", index));
        }
        let platform_class = r.u32_le("platformClass")?;
        let [minor, major, errata, uintn_size] = *r.take("specVersion")?;
        if !holds(&checks::HEADER, (major, minor) == (2, 0) && matches!(uintn_size, 1 | 2)) {
            let expected = "major 2, minor 0, uintnSize 1 or 2";
            let actual: &[u8] = &[minor, major, errata, uintn_size];
            return Err(r.unexpected(&checks::HEADER, "specVersion", 4, expected, actual));
        }
        let count = r.u32_le("numberOfAlgorithms")?;
        let Ok(bank_count @ 1..=MAX_DIGESTS) = usize::try_from(count) else {
            let expected = Value::OneOf(MAX_DIGESTS);
            return Err(r.unexpected(&checks::ALGORITHM_COUNT, "numberOfAlgorithms", 4, expected, count));
        };
        let mut banks = [Bank::default(); MAX_DIGESTS];
        for slot in 0..bank_count {
            let bank = Bank { id: r.u16_le("algorithmId")?, size: r.u16_le("digestSize")? };
            let earlier = banks.get(..slot).unwrap_or_default();
            if !holds(&checks::ALGORITHM_ONCE, earlier.iter().all(|other| other.id != bank.id)) {
                let expected = "an algorithm of its own";
                let actual = u32::from(bank.id);
                return Err(r.unexpected(&checks::ALGORITHM_ONCE, "algorithmId", 4, expected, actual));
            }
            let sized = match bank.registered_size() {
                Some(size) => bank.size == size,
                None => (1..=MAX_DIGEST).contains(&bank.size),
            };
            if !holds(&checks::ALGORITHM_SIZE, sized) {
                let expected = u32::from(bank.registered_size().unwrap_or(MAX_DIGEST));
                let actual = u32::from(bank.size);
                return Err(r.unexpected(&checks::ALGORITHM_SIZE, "digestSize", 2, expected, actual));
            }
            if let Some(place) = banks.get_mut(slot) {
                *place = bank;
            }
        }
        let size = r.u8("vendorInfoSize")?;
        if !holds(&checks::VENDOR, r.left() == usize::from(size)) {
            let left = u64::try_from(r.left()).unwrap_or(u64::MAX);
            return Err(r.unexpected(&checks::VENDOR, "vendorInfoSize", 1, left, u32::from(size)));
        }
        let vendor = r.bytes("vendorInfo", r.left())?;
        Ok(Self { banks, bank_count, spec_id: SpecId { platform_class, errata, uintn_size, vendor } })
    }
}
