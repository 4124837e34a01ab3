//! What an event log adds to quoted registers, kept with the claims: how it stands to each register, and what it proves.

use alloc::vec::Vec;

use super::pcr::VerifiedPcrs;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::Malformed;
use crate::eventlog::{Compared, Log, Outcome, REGISTERS, Replay, State};

/// A log next to quoted registers, bank by bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogClaims {
    banks: Vec<BankClaims>,
    events: usize,
}

/// A log next to the registers of one quoted bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankClaims {
    bank: HashAlgorithm,
    /// Whether the log says that it has this bank at all.
    announced: bool,
    /// Of the registers that were quoted.
    outcomes: Vec<(u8, Outcome)>,
    secure_boot: Option<State>,
}

impl BankClaims {
    /// The bank.
    pub const fn bank(&self) -> HashAlgorithm {
        self.bank
    }

    /// Whether the log has this bank. Firmware does not extend a bank that its log leaves out, but the guest can.
    pub const fn is_announced(&self) -> bool {
        self.announced
    }

    /// How the log stands to each register, by number.
    pub fn outcomes(&self) -> impl Iterator<Item = (u8, Outcome)> + '_ {
        (0..).take(REGISTERS).map(|index| (index, self.outcome(index)))
    }

    /// How the log stands to one register.
    pub fn outcome(&self, index: u8) -> Outcome {
        let quoted = self.outcomes.iter().find(|(of, _)| *of == index);
        quoted.map_or(Outcome::Unverified, |(_, outcome)| *outcome)
    }

    /// Secure Boot, if register 7 is understood as a whole.
    pub const fn secure_boot(&self) -> Option<State> {
        self.secure_boot
    }
}

impl LogClaims {
    /// Reads a log and replays it in every quoted bank; `None` for no log.
    ///
    /// # Errors
    /// [`Malformed`], with the rule, for bytes that are no log.
    pub(super) fn read(
        bytes: &[u8],
        pcrs: &VerifiedPcrs,
        provider: &CryptoProvider,
    ) -> Result<Option<Self>, Malformed> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let log = Log::parse(bytes)?;
        let quoted = |(_, outcome): &(u8, Outcome)| !matches!(outcome, Outcome::Unverified);
        let of = |bank| {
            let compared =
                Replay::new(&log, bank, provider).compare(|bank, index| pcrs.get(bank, index).copied());
            BankClaims {
                bank,
                announced: log.banks().iter().any(|of| of.algorithm() == Some(bank)),
                outcomes: compared.outcomes().filter(quoted).collect(),
                secure_boot: compared.secure_boot(provider).ok().map(|claim| claim.state()),
            }
        };
        Ok(Some(Self { banks: pcrs.banks().map(of).collect(), events: log.len() }))
    }

    /// The quoted banks, each once, the weakest hash first.
    pub fn banks(&self) -> impl Iterator<Item = &BankClaims> {
        self.banks.iter()
    }

    /// The log in one bank; `None` if the bank was not quoted.
    pub fn in_bank(&self, bank: HashAlgorithm) -> Option<&BankClaims> {
        self.banks().find(|of| of.bank == bank)
    }

    /// How many events the log has.
    pub const fn events(&self) -> usize {
        self.events
    }

    /// The first quoted register that the log contradicts: it replays to another value than was quoted.
    pub fn contradiction(&self) -> Option<(HashAlgorithm, u8)> {
        self.banks.iter().find_map(|of| {
            let mismatch = |(_, outcome): &(u8, Outcome)| matches!(outcome, Outcome::Mismatch { .. });
            of.outcomes.iter().find(|entry| mismatch(entry)).map(|(index, _)| (of.bank, *index))
        })
    }

    /// The banks that count for a policy: all those in which it names values. If it names none, the strongest that the log has:
    /// then nothing says which bank the machine's firmware extends.
    fn counted<'a>(&'a self, named: &'a [HashAlgorithm]) -> impl Iterator<Item = &'a BankClaims> {
        let strongest = self.banks.iter().rev().find(|of| of.announced).map(|of| of.bank);
        self.banks.iter().filter(move |of| match named.is_empty() {
            true => Some(of.bank) == strongest,
            false => named.contains(&of.bank),
        })
    }

    /// How the log stands to a register in all banks that count: replayed only if in each that is quoted.
    pub(super) fn outcome(&self, index: u8, named: &[HashAlgorithm]) -> Outcome {
        let quoted =
            || self.counted(named).map(|of| of.outcome(index)).filter(|of| *of != Outcome::Unverified);
        quoted()
            .find(|of| *of != Outcome::Replayed)
            .or_else(|| quoted().next())
            .unwrap_or(Outcome::Unverified)
    }

    /// Secure Boot, if all banks that count prove the same.
    pub(super) fn secure_boot(&self, named: &[HashAlgorithm]) -> Option<State> {
        let mut states = self.counted(named).map(BankClaims::secure_boot);
        let first = states.next()??;
        states.all(|state| state == Some(first)).then_some(first)
    }
}

/// The log next to registers in the strongest bank that both have.
pub fn compare<'a>(log: &Log<'a>, pcrs: &VerifiedPcrs, provider: &CryptoProvider) -> Option<Compared<'a>> {
    let quoted: Vec<HashAlgorithm> = pcrs.banks().collect();
    let bank =
        quoted.into_iter().rev().find(|bank| log.banks().iter().any(|of| of.algorithm() == Some(*bank)))?;
    Some(Replay::new(log, bank, provider).compare(|bank, index| pcrs.get(bank, index).copied()))
}
