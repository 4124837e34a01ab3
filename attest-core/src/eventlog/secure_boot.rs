//! Secure Boot, from PCR 7 alone. *Enabled* is said only when every event of the register is understood; anything unknown,
//! uncovered, missing or doubled takes the claim away and names the rule that did.
//!
//! What it does not say: that what was verified is what runs now, and whether the keys in db are good ones.

use alloc::vec::Vec;

use super::checks::claims as checks;
use super::replay::refusal;
use super::variables::{GLOBAL, SECURITY_DATABASE, Variable};
use super::{Compared, EventKind, Judged};
use crate::checks::{Check, holds};
use crate::crypto::CryptoProvider;
use crate::error::Error;
use crate::values::Value;

/// The variables that the profile has measured into PCR 7 once each, in the order in which they are kept here.
const REQUIRED: [(&str, [u8; 16]); 5] = [
    ("SecureBoot", GLOBAL),
    ("PK", GLOBAL),
    ("KEK", GLOBAL),
    ("db", SECURITY_DATABASE),
    ("dbx", SECURITY_DATABASE),
];
/// Others that firmware may measure there, and that take nothing away.
const OPTIONAL: [(&str, [u8; 16]); 2] = [("dbt", SECURITY_DATABASE), ("dbr", SECURITY_DATABASE)];
/// Actions that may stand in PCR 7. `UEFI Debug Mode` and whatever else is said there end the claim.
const ACTIONS: [&[u8]; 2] = [b"DMA Protection Disabled", b"DMA Protection Disabled\0"];

/// Whether firmware verified what it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a third state would be a claim that is not made")]
pub enum State {
    /// SecureBoot is 0 or not set, and PCR 7 is understood as a whole.
    Disabled,
    /// SecureBoot is 1, something was verified, and PCR 7 is understood as a whole.
    Enabled,
}

/// What PCR 7 says.
#[derive(Clone, Debug)]
pub struct SecureBoot<'a> {
    state: State,
    variables: [Variable<'a>; 5],
    authorities: Vec<Variable<'a>>,
}

impl<'a> Compared<'a> {
    /// Secure Boot, from the events of register 7 alone.
    ///
    /// # Errors
    /// The rule that takes the claim away ([`super::checks::claims`]).
    pub fn secure_boot(&self, provider: &CryptoProvider) -> Result<SecureBoot<'a>, Error> {
        SecureBoot::read(self, self.judge_register(7, provider))
    }
}

impl<'a> SecureBoot<'a> {
    /// Reads PCR 7 of judged events.
    ///
    /// # Errors
    /// The rule that takes the claim away ([`super::checks::claims`]).
    pub(super) fn read(
        compared: &Compared<'a>,
        events: impl Iterator<Item = Judged<'a>>,
    ) -> Result<Self, Error> {
        demand(
            &checks::SECURE_BOOT_REGISTER,
            compared.is_replayed(7),
            "a replayed register",
            "another or none",
        )?;
        let mut variables = [None::<Variable<'a>>; REQUIRED.len()];
        let mut authorities = Vec::new();
        let mut separators = 0_u32;
        for event in events.filter(|event| event.register() == Some(7)) {
            let covered = event.whole();
            let number = Value::Number(u64::try_from(event.number()).unwrap_or(u64::MAX));
            demand(&checks::SECURE_BOOT_COVERED, covered.is_some(), "covered data", number)?;
            let data = covered.unwrap_or_default();
            match event.raw_kind() {
                EventKind::SEPARATOR => {
                    separators = separators.saturating_add(1);
                    let sound = data == [0; 4] && separators == 1;
                    demand(&checks::SECURE_BOOT_SEPARATOR, sound, "one separator, 00000000", data)?;
                }
                EventKind::EFI_ACTION => {
                    let known = ACTIONS.contains(&data);
                    demand(&checks::SECURE_BOOT_ACTION, known, "a known action", data)?;
                }
                EventKind::EFI_VARIABLE_DRIVER_CONFIG => {
                    let fits = Variable::of(&event).is_some_and(|variable| {
                        let named =
                            |(name, guid): &(&str, _)| variable.is_named(name) && variable.guid() == guid;
                        match REQUIRED.iter().position(named).and_then(|place| variables.get_mut(place)) {
                            Some(slot) => slot.replace(variable).is_none() && separators == 0,
                            None => OPTIONAL.iter().any(named),
                        }
                    });
                    // In the profile's order and before anything that they verified: else an authority of the same name
                    // could be passed off as the database, for nothing covers types.
                    let kept = variables.iter().map(Option::is_some);
                    let fits = fits && authorities.is_empty() && kept.is_sorted_by_key(|kept| !kept);
                    demand(&checks::SECURE_BOOT_VARIABLES, fits, "a variable of its own", number)?;
                }
                EventKind::EFI_VARIABLE_AUTHORITY => {
                    let variable = Variable::of(&event);
                    demand(&checks::SECURE_BOOT_COVERED, variable.is_some(), "a variable", number)?;
                    authorities.extend(variable);
                }
                kind => {
                    let actual = Value::Bits(u64::from(kind.0));
                    demand(&checks::SECURE_BOOT_KIND, false, "a type of PCR 7", actual)?;
                }
            }
        }
        demand(&checks::SECURE_BOOT_SEPARATOR, separators == 1, "one separator", separators)?;
        let missing = REQUIRED.iter().zip(&variables).find(|(_, variable)| variable.is_none());
        let missing = missing.map_or("", |((name, _), _)| name);
        let [Some(secure_boot), Some(pk), Some(kek), Some(db), Some(dbx)] = variables else {
            return Err(refusal(&checks::SECURE_BOOT_VARIABLES, "all five".into(), missing.into()));
        };
        let state = match secure_boot.data() {
            [1] => State::Enabled,
            [0] | [] => State::Disabled,
            other => {
                return Err(refusal(&checks::SECURE_BOOT_VALUE, "0 or 1".into(), other.into()));
            }
        };
        let verified = state == State::Disabled || !authorities.is_empty();
        demand(&checks::SECURE_BOOT_AUTHORITY, verified, "an authority", "none")?;
        Ok(Self { state, variables: [secure_boot, pk, kek, db, dbx], authorities })
    }

    /// Whether firmware verified what it started.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The platform key.
    pub const fn pk(&self) -> &Variable<'a> {
        &self.variables[1]
    }

    /// The key exchange keys.
    pub const fn kek(&self) -> &Variable<'a> {
        &self.variables[2]
    }

    /// What may run.
    pub const fn db(&self) -> &Variable<'a> {
        &self.variables[3]
    }

    /// What may not.
    pub const fn dbx(&self) -> &Variable<'a> {
        &self.variables[4]
    }

    /// What verified something, in order: entries of db that firmware used, then what shim used and set (Shim, MokList,
    /// SbatLevel).
    pub fn authorities(&self) -> &[Variable<'a>] {
        &self.authorities
    }
}

/// An error under `check` unless `ok`.
pub(super) fn demand(
    check: &'static Check,
    ok: bool,
    expected: &'static str,
    actual: impl Into<Value>,
) -> Result<(), Error> {
    match holds(check, ok) {
        true => Ok(()),
        false => Err(refusal(check, expected.into(), actual.into())),
    }
}
