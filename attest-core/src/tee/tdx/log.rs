//! What an event log (CCEL) adds to a TD's registers: how it stands to each of them.

use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::Malformed;
use crate::eventlog::{Log, Outcome, Replay};
use crate::values::Digest;

/// A log next to the run-time registers of a verified quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogClaims {
    outcomes: [Outcome; 4],
    events: usize,
}

impl LogClaims {
    /// Reads a log and replays it; `None` for no log.
    ///
    /// In a CCEL the register's number is one higher: 0 is MRTD, which nothing extends (Intel TDX virtual firmware design guide).
    ///
    /// # Errors
    /// [`Malformed`], with the rule, for bytes that are no log.
    pub(super) fn read(
        area: &[u8],
        rtmrs: &[[u8; 48]; 4],
        provider: &CryptoProvider,
    ) -> Result<Option<Self>, Malformed> {
        if area.is_empty() {
            return Ok(None);
        }
        let log = Log::parse_cc(area)?;
        let value =
            |index: u8| rtmrs.get(usize::from(index.checked_sub(1)?)).and_then(|value| Digest::new(value));
        let compared = Replay::new(&log, HashAlgorithm::Sha384, provider).compare(|_, index| value(index));
        let outcomes = [1, 2, 3, 4].map(|index| compared.outcome(index).unwrap_or(Outcome::Unverified));
        Ok(Some(Self { outcomes, events: log.len() }))
    }

    /// How the log stands to a register, 0 to 3; a later one is not verified.
    pub fn outcome(&self, rtmr: u8) -> Outcome {
        self.outcomes.get(usize::from(rtmr)).copied().unwrap_or(Outcome::Unverified)
    }

    /// How many events the log has.
    pub const fn events(&self) -> usize {
        self.events
    }
}
