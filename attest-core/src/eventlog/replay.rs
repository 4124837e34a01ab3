//! Replay of one bank, and comparison with registers that a quote vouches for. A result stands per register: real firmware
//! gets PCR 0 wrong now and then, and that says nothing about PCR 7.
//!
//! One pass over the log, one hash of two digests an event; what is kept is 24 registers, whatever the log holds.

use super::checks::registers as checks;
use super::{Log, REGISTERS, Startup};
use crate::checks::{Check, Class, Entry, Outcome as Made, holds};
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Error, Missing, Unsupported};
use crate::values::{Digest, Value};

/// What replaying one bank gives for one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Register {
    /// The log has no event for it.
    NoEvents,
    /// Its events cannot be replayed in this bank.
    Unreplayable(Unreplayable),
    /// Its value after the last event.
    Value(Digest),
}

/// Why events of a register cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreplayable {
    /// The header does not announce the bank.
    NoBank,
    /// An event carries no digest of this bank, as Windows' loaders write them.
    NoDigest {
        /// Position of the first such event.
        event: usize,
    },
    /// The provider does not have the hash function.
    NoHash,
}

/// One bank of a log, replayed.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    log: Log<'a>,
    bank: HashAlgorithm,
    registers: [Register; REGISTERS],
}

impl<'a> Replay<'a> {
    /// Replays `bank`.
    pub fn new(log: &Log<'a>, bank: HashAlgorithm, provider: &CryptoProvider) -> Self {
        let mut registers = [Register::NoEvents; REGISTERS];
        let hash = provider.hash(bank);
        let announced = log.banks().iter().any(|listed| listed.algorithm() == Some(bank));
        for event in log.events() {
            let Some(pcr) = event.register() else { continue };
            let Some(slot) = registers.get_mut(usize::from(pcr)) else { continue };
            let first;
            let before = match slot {
                Register::NoEvents => {
                    first = start(pcr, log.startup(), bank);
                    &first
                }
                Register::Unreplayable(_) => continue,
                Register::Value(value) => &*value,
            };
            *slot = match (event.digest_in(bank), hash) {
                (None, _) if !announced => Register::Unreplayable(Unreplayable::NoBank),
                (None, _) => Register::Unreplayable(Unreplayable::NoDigest { event: event.number() }),
                (Some(_), None) => Register::Unreplayable(Unreplayable::NoHash),
                (Some(digest), Some(hash)) => Register::Value(hash.digest(&[before.as_bytes(), digest])),
            };
        }
        Self { log: log.clone(), bank, registers }
    }

    /// The bank that was replayed.
    pub const fn bank(&self) -> HashAlgorithm {
        self.bank
    }

    /// What the replay gives for a register; `None` past the last one. It is the log's word until it is compared.
    pub fn register(&self, pcr: u8) -> Option<Register> {
        self.registers.get(usize::from(pcr)).copied()
    }

    /// Compares with *verified* register values: those that a quote which verified covers, and no others. `verified` answers
    /// for a bank and a register, and says `None` for what the quote does not cover.
    pub fn compare(self, verified: impl Fn(HashAlgorithm, u8) -> Option<Digest>) -> Compared<'a> {
        let mut outcomes = [Outcome::Unverified; REGISTERS];
        for (pcr, (outcome, register)) in (0..).zip(outcomes.iter_mut().zip(&self.registers)) {
            let Some(expected) = verified(self.bank, pcr) else { continue };
            *outcome = match *register {
                Register::NoEvents if expected == reset(pcr, self.bank) => Outcome::Untouched,
                Register::NoEvents => Outcome::Unexplained { verified: expected },
                Register::Unreplayable(reason) => Outcome::UnsupportedBank(reason),
                Register::Value(actual) if holds(&checks::REPLAYED, actual == expected) => Outcome::Replayed,
                Register::Value(actual) => Outcome::Mismatch { expected, actual },
            };
        }
        Compared { log: self.log, bank: self.bank, outcomes }
    }
}

/// What a register holds when its first event comes. PCR 17 to 22 hold ones until a dynamic launch sets them to zero, so that
/// events there mean zero.
fn start(pcr: u8, startup: Startup, bank: HashAlgorithm) -> Digest {
    let mut value = [0; 64];
    let value = value.get_mut(..bank.digest_len()).unwrap_or_default();
    if let (0, Some(last)) = (pcr, value.last_mut()) {
        *last = startup.last_octet();
    }
    Digest::new(value).unwrap_or_else(|| Digest::filled(0, bank.digest_len()))
}

/// What a register holds that was never extended.
fn reset(pcr: u8, bank: HashAlgorithm) -> Digest {
    Digest::filled(if matches!(pcr, 17..=22) { 0xff } else { 0 }, bank.digest_len())
}

/// How a log stands to one verified register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Replay gives another value than the verified one.
    Mismatch {
        /// The verified value.
        expected: Digest,
        /// What replay gives.
        actual: Digest,
    },
    /// Replay gives the verified value: these digests, in this order, and no others went into the register.
    Replayed,
    /// The log has no event for it, and something was extended.
    Unexplained {
        /// The verified value.
        verified: Digest,
    },
    /// The log has events for it that cannot be replayed in this bank.
    UnsupportedBank(Unreplayable),
    /// The log has no event for it, and nothing was extended. (PCR 16 and 23 can be set back by anybody.)
    Untouched,
    /// No verified value was given for it.
    Unverified,
}

/// A log next to verified registers.
#[derive(Clone, Debug)]
pub struct Compared<'a> {
    log: Log<'a>,
    bank: HashAlgorithm,
    outcomes: [Outcome; REGISTERS],
}

impl<'a> Compared<'a> {
    /// The registers that firmware always extends: a log that does not explain them is not one of this boot.
    pub const FIRMWARE: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

    /// The bank that was replayed.
    pub const fn bank(&self) -> HashAlgorithm {
        self.bank
    }

    /// The log.
    pub const fn log(&self) -> &Log<'a> {
        &self.log
    }

    /// How the log stands to a register; `None` past the last one.
    pub fn outcome(&self, pcr: u8) -> Option<Outcome> {
        self.outcomes.get(usize::from(pcr)).copied()
    }

    /// Whether the register is replayed to its verified value.
    pub fn is_replayed(&self, pcr: u8) -> bool {
        self.outcome(pcr) == Some(Outcome::Replayed)
    }

    /// All registers and how the log stands to them.
    pub fn outcomes(&self) -> impl Iterator<Item = (u8, Outcome)> + '_ {
        (0..).zip(self.outcomes.iter().copied())
    }

    /// Demands that each of `pcrs` is replayed to its verified value. A register without events is not.
    ///
    /// # Errors
    /// For the first register that is not: [`Error::Missing`] without a verified value, [`Error::Unsupported`] if it cannot be
    /// replayed, [`Error::Mismatch`] if the log explains it not at all or wrongly.
    pub fn require(&self, pcrs: &[u8]) -> Result<(), Error> {
        pcrs.iter().try_for_each(|pcr| self.require_one(*pcr))
    }

    fn require_one(&self, pcr: u8) -> Result<(), Error> {
        let (check, expected, actual) = match self.outcome(pcr).unwrap_or(Outcome::Unverified) {
            Outcome::Replayed => return Ok(()),
            Outcome::Mismatch { expected, actual } => (&checks::REPLAYED, expected.into(), actual.into()),
            Outcome::Unexplained { verified } => (&checks::EXPLAINED, "events".into(), verified.into()),
            Outcome::Untouched => (&checks::EXPLAINED, "events".into(), "nothing was extended".into()),
            Outcome::UnsupportedBank(reason) => {
                let actual = match reason {
                    Unreplayable::NoBank => "the log does not have the bank".into(),
                    Unreplayable::NoDigest { event } => {
                        Value::Number(u64::try_from(event).unwrap_or(u64::MAX))
                    }
                    Unreplayable::NoHash => "the provider lacks the hash".into(),
                };
                (&checks::BANK, "a digest in every event".into(), actual)
            }
            Outcome::Unverified => (&checks::VERIFIED, "a verified value".into(), Value::None),
        };
        if holds(check, false) {
            return Ok(());
        }
        Err(refusal(check, expected, actual))
    }
}

/// The error of a check, by whose fault it is.
pub(super) fn refusal(check: &'static Check, expected: Value, actual: Value) -> Error {
    let entry = Entry { check, outcome: Made::Failed, expected, actual }.into();
    match check.class {
        Class::Missing => Missing::Stale(entry).into(),
        Class::Unsupported => Unsupported::Check(entry).into(),
        Class::Policy | Class::Mismatch => Error::Mismatch(entry),
        Class::Untrusted | Class::Malformed => Error::Untrusted(entry),
    }
}
