//! Registers: values as they were handed over, and values that a verified quote covers.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::checks::verify as checks;
use super::wire::Selection;
use crate::checks::Checks;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Refused, Unsupported};
use crate::values::{Digest, Value};

/// One register's value as somebody handed it over. It proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "three facts and no rule")]
pub struct PcrValue {
    /// The bank.
    pub bank: AlgorithmId,
    /// The register.
    pub index: u8,
    /// Its value.
    pub value: Vec<u8>,
}

/// The same where it was received.
#[derive(Clone, Copy, Debug)]
pub(super) struct PcrBytes<'a> {
    pub(super) bank: AlgorithmId,
    pub(super) index: u8,
    pub(super) value: &'a [u8],
}

impl PcrValue {
    pub(super) fn as_bytes(&self) -> PcrBytes<'_> {
        PcrBytes { bank: self.bank, index: self.index, value: &self.value }
    }
}

impl PcrBytes<'_> {
    pub(super) fn to_value(self) -> PcrValue {
        PcrValue { bank: self.bank, index: self.index, value: self.value.to_vec() }
    }
}

/// Values that a quote covers: one for each bank and register, in no other way to be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedPcrs(BTreeMap<(HashAlgorithm, u8), Digest>);

impl VerifiedPcrs {
    /// The value of a register; `None` if no verified quote covers it.
    pub fn get(&self, bank: HashAlgorithm, index: u8) -> Option<&Digest> {
        self.0.get(&(bank, index))
    }

    /// All values: by bank, then by register.
    pub fn iter(&self) -> impl Iterator<Item = (HashAlgorithm, u8, &Digest)> {
        self.0.iter().map(|((bank, index), value)| (*bank, *index, value))
    }

    /// The banks, each once.
    pub fn banks(&self) -> impl Iterator<Item = HashAlgorithm> + '_ {
        HashAlgorithm::ALL.iter().copied().filter(|bank| self.0.keys().any(|(of, _)| of == bank))
    }

    /// Takes in what another quote covers; `false` if a register is in both.
    pub(super) fn merge(&mut self, other: Self) -> bool {
        if self.0.is_empty() {
            *self = other;
            return true;
        }
        let twice = other.0.keys().any(|key| self.0.contains_key(key));
        self.0.extend(other.0);
        !twice
    }
}

impl super::pcrsig::Registers for VerifiedPcrs {
    fn register(&self, bank: HashAlgorithm, index: u8) -> Option<Digest> {
        self.get(bank, index).copied()
    }
}

/// Holds the values that were handed over against what was quoted. Nothing comes out unless every rule holds.
///
/// # Errors
/// [`Refused`] if the provider lacks the hash function of the signature.
pub(super) fn judge(
    selection: &[Selection],
    pcr_digest: &[u8],
    values: &[PcrBytes<'_>],
    hash: HashAlgorithm,
    provider: &CryptoProvider,
    checks: &mut Checks,
) -> Result<VerifiedPcrs, Refused> {
    let empty = selection.is_empty() || selection.iter().any(|entry| entry.registers == 0);
    let actual = if empty { "no register" } else { "registers" };
    checks.require_again(&checks::SELECTION_EMPTY, !empty, "registers", actual);

    let twice = selection
        .iter()
        .enumerate()
        .find(|(at, entry)| selection.iter().take(*at).any(|earlier| earlier.bank == entry.bank));
    let actual = twice.map_or(Value::Phrase("each once"), |(_, entry)| entry.bank.into());
    checks.require_again(&checks::SELECTION_BANK, twice.is_none(), "each once", actual);

    let stranger = selection.iter().find(|entry| entry.bank.hash().is_none());
    let actual = stranger.map_or(Value::Phrase("known banks"), |entry| entry.bank.into());
    checks.require_again(&checks::BANK_KNOWN, stranger.is_none(), "known banks", actual);

    let repeated = values.iter().enumerate().find(|(at, value)| {
        let same = |earlier: &PcrBytes<'_>| earlier.bank == value.bank && earlier.index == value.index;
        values.iter().take(*at).any(same)
    });
    let actual = repeated.map_or(Value::Phrase("each once"), |(_, value)| u64::from(value.index).into());
    checks.require_again(&checks::PCR_DUPLICATE, repeated.is_none(), "each once", actual);

    // In the order of the selection, as the TPM hashed them.
    let wanted = || selection.iter().flat_map(|entry| entry.indices().map(|index| (entry.bank, index)));
    let find = |(bank, index)| values.iter().find(move |value| value.bank == bank && value.index == index);
    let absent = wanted().find(|wanted| find(*wanted).is_none());
    let surplus = values.iter().find(|value| !wanted().any(|wanted| wanted == (value.bank, value.index)));
    let actual = match (absent, surplus) {
        (Some(_), _) => Value::Phrase("a quoted register without a value"),
        (None, Some(_)) => Value::Phrase("a value of a register that is not quoted"),
        (None, None) => Value::Phrase("the quoted registers"),
    };
    let same = absent.is_none() && surplus.is_none();
    checks.require_again(&checks::PCR_SELECTED, same, "the quoted registers", actual);

    let wrong = values.iter().find(|value| value.bank.digest_len() != Some(value.value.len()));
    let actual = wrong.map_or(Value::Phrase("that of the bank"), |value| {
        Value::Number(u64::try_from(value.value.len()).unwrap_or(u64::MAX))
    });
    checks.require_again(&checks::PCR_LENGTH, wrong.is_none(), "that of the bank", actual);

    let parts: Vec<&[u8]> = wanted().filter_map(find).map(|value| value.value).collect();
    let digest = provider.digest(hash, &parts).map_err(|error: Unsupported| Refused::with(error, checks))?;
    checks.require_again(&checks::PCR_DIGEST, digest.as_bytes() == pcr_digest, pcr_digest, digest);

    let covered = wanted().filter_map(|(bank, index)| {
        let value = Digest::new(find((bank, index))?.value)?;
        Some(((bank.hash()?, index), value))
    });
    Ok(VerifiedPcrs(covered.collect()))
}
