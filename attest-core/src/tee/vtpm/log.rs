//! What an event log adds to quoted registers, kept with the claims: how it stands to each register, and what it proves.

use alloc::vec::Vec;

use super::eventlog::{Compared, Log, Outcome, Replay, State};
use super::pcr::VerifiedPcrs;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::Malformed;

/// A log next to quoted registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogClaims {
    bank: Option<HashAlgorithm>,
    outcomes: Vec<(u8, Outcome)>,
    secure_boot: Option<State>,
    events: usize,
}

impl LogClaims {
    /// Reads a log and replays it in the strongest bank that was quoted and that the log has; `None` for no log.
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
        let events = log.len();
        let Some(compared) = compare(&log, pcrs, provider) else {
            return Ok(Some(Self { bank: None, outcomes: Vec::new(), secure_boot: None, events }));
        };
        let bank = Some(compared.bank());
        let outcomes = compared.outcomes().collect();
        let secure_boot = compared.secure_boot(provider).ok().map(|claim| claim.state());
        Ok(Some(Self { bank, outcomes, secure_boot, events }))
    }

    /// The bank that was replayed; `None` if no quoted bank is in the log.
    pub const fn bank(&self) -> Option<HashAlgorithm> {
        self.bank
    }

    /// How the log stands to each register, by number.
    pub fn outcomes(&self) -> impl Iterator<Item = (u8, Outcome)> + '_ {
        self.outcomes.iter().copied()
    }

    /// How the log stands to one register.
    pub fn outcome(&self, index: u8) -> Outcome {
        self.outcomes().find(|(of, _)| *of == index).map_or(Outcome::Unverified, |(_, outcome)| outcome)
    }

    /// Secure Boot, if register 7 is understood as a whole.
    pub const fn secure_boot(&self) -> Option<State> {
        self.secure_boot
    }

    /// How many events the log has.
    pub const fn events(&self) -> usize {
        self.events
    }
}

/// The log next to registers in the strongest bank that both have.
pub fn compare<'a>(log: &Log<'a>, pcrs: &VerifiedPcrs, provider: &CryptoProvider) -> Option<Compared<'a>> {
    let quoted: Vec<HashAlgorithm> = pcrs.banks().collect();
    let bank =
        quoted.into_iter().rev().find(|bank| log.banks().iter().any(|of| of.algorithm() == Some(*bank)))?;
    Some(Replay::new(log, bank, provider).compare(|bank, index| pcrs.get(bank, index).copied()))
}
