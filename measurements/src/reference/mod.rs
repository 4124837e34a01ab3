//! Reference values: named sets, each with its window of validity and the values that registers may have.
//!
//! A set describes one machine in full: all its rules hold at once. Several sets are alternatives, and they do not mix: a machine
//! with one register of the old image and another of the new one matches neither. That is why a set becomes a policy, and a
//! document becomes several.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use attest_core::UnixTime;
use attest_core::rules::Limit;
use attest_core::values::Digest;

use crate::error::FormProblem;

mod file;
mod register;
#[cfg(test)]
mod tests;

pub use file::SCHEMA;
pub(crate) use file::{hex_of, seconds, time, written_time};
pub(crate) use register::index;
pub use register::{Minimum, Register};

/// How many sets a document may have.
pub const MAX_SETS: usize = 256;

/// How many values a register may have in one set.
pub const MAX_VALUES: usize = 256;

/// How long a name may be, in bytes.
pub const MAX_NAME: usize = 256;

/// What a caller lets through that is refused otherwise.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Consent<'a> {
    /// Names of sets that may be without a rule that refuses.
    pub warn_only: &'a [&'a str],
}

impl<'a> Consent<'a> {
    /// Nothing.
    pub const NONE: Self = Self { warn_only: &[] };

    /// The sets of these names may be without a rule that refuses.
    pub const fn to_warn_only(names: &'a [&'a str]) -> Self {
        Self { warn_only: names }
    }
}

/// A document of reference values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceValues {
    name: String,
    serial: u64,
    issued: u64,
    sets: Vec<Set>,
}

impl ReferenceValues {
    /// A document: what it describes, its number in the series of that name, and when it was issued, in Unix seconds.
    ///
    /// # Errors
    /// [`FormProblem`] for a document without sets, with too many, or with two sets of one name that are valid at the same time.
    pub fn new(name: &str, serial: u64, issued: u64, sets: Vec<Set>) -> Result<Self, FormProblem> {
        let name = named(name)?;
        if sets.is_empty() {
            return Err(FormProblem::Empty);
        }
        if sets.len() > MAX_SETS {
            return Err(FormProblem::TooLarge { what: "sets", max: MAX_SETS, actual: sets.len() });
        }
        for (index, set) in sets.iter().enumerate() {
            let mut earlier = sets.iter().take(index).filter(|earlier| earlier.name == set.name);
            if earlier.any(|earlier| earlier.window.overlaps(&set.window)) {
                return Err(FormProblem::Overlap(set.name.clone()));
            }
        }
        Ok(Self { name, serial, issued, sets })
    }

    /// What the document describes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number in the series of that name; a later document has a higher one.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// When it was issued, in Unix seconds.
    pub const fn issued(&self) -> u64 {
        self.issued
    }

    /// The sets.
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// The sets that are valid at `now`.
    pub fn valid_at(&self, now: UnixTime) -> impl Iterator<Item = &Set> {
        self.sets.iter().filter(move |set| set.window.holds_at(now))
    }

    /// The set of this name that is valid at `now`; there is at most one.
    pub fn set(&self, name: &str, now: UnixTime) -> Option<&Set> {
        self.valid_at(now).find(|set| set.name == name)
    }
}

/// One machine: the values that its registers may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    name: String,
    window: Window,
    registers: BTreeMap<Register, Rule>,
    minimums: BTreeMap<Minimum, u64>,
}

impl Set {
    /// A set.
    ///
    /// # Errors
    /// [`FormProblem`] for a set without registers, or without one whose rule refuses, unless `consent` names it; for a register
    /// whose number there is not, and for a value of another length than its register.
    pub fn new(
        name: &str,
        window: Window,
        registers: BTreeMap<Register, Rule>,
        minimums: BTreeMap<Minimum, u64>,
        consent: &Consent<'_>,
    ) -> Result<Self, FormProblem> {
        let name = named(name)?;
        if registers.is_empty() {
            return Err(FormProblem::Empty);
        }
        for (register, rule) in &registers {
            let name = register.name();
            if Register::from_name(&name) != Some(*register) {
                return Err(FormProblem::unexpected("a register that there is", &name));
            }
            rule.fits(*register)?;
        }
        let refuses = registers.values().any(|rule| !rule.warn_only);
        if !refuses && !consent.warn_only.contains(&name.as_str()) {
            return Err(FormProblem::AllWarn(name));
        }
        Ok(Self { name, window, registers, minimums })
    }

    /// Its name: the machine, the image, the variant.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it is valid.
    pub const fn window(&self) -> Window {
        self.window
    }

    /// The rules by register.
    pub const fn registers(&self) -> &BTreeMap<Register, Rule> {
        &self.registers
    }

    /// The least numbers.
    pub const fn minimums(&self) -> &BTreeMap<Minimum, u64> {
        &self.minimums
    }
}

/// A name that is not empty and not over [`MAX_NAME`].
fn named(name: &str) -> Result<String, FormProblem> {
    match name.len() {
        0 => Err(FormProblem::Empty),
        actual if actual > MAX_NAME => {
            Err(FormProblem::TooLarge { what: "bytes of a name", max: MAX_NAME, actual })
        }
        _ => Ok(name.to_owned()),
    }
}

/// When a set is valid, in Unix seconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: Limit<u64>,
    until: Limit<u64>,
}

impl Window {
    /// Without ends.
    pub const ALWAYS: Self = Self { from: Limit::Any, until: Limit::Any };

    /// A window.
    ///
    /// # Errors
    /// [`FormProblem`] if it ends before it begins.
    pub fn new(from: Limit<u64>, until: Limit<u64>) -> Result<Self, FormProblem> {
        match (from, until) {
            (Limit::To(from), Limit::To(until)) if until < from => {
                Err(FormProblem::unexpected("an end that is not before the beginning", "an earlier one"))
            }
            _ => Ok(Self { from, until }),
        }
    }

    /// The first second; `Any` is since ever.
    pub const fn from(&self) -> Limit<u64> {
        self.from
    }

    /// The last second; `Any` is for ever.
    pub const fn until(&self) -> Limit<u64> {
        self.until
    }

    /// Whether `now` lies in it.
    pub fn holds_at(&self, now: UnixTime) -> bool {
        let now = now.as_secs();
        self.first() <= now && now <= self.last()
    }

    /// The seconds that lie in both; `None` if there are none.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let later = if self.first() >= other.first() { self.from } else { other.from };
        let earlier = if self.last() <= other.last() { self.until } else { other.until };
        Self::new(later, earlier).ok()
    }

    /// Whether a second lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.intersection(other).is_some()
    }

    fn first(&self) -> u64 {
        bound_of(self.from).unwrap_or(0)
    }

    fn last(&self) -> u64 {
        bound_of(self.until).unwrap_or(u64::MAX)
    }
}

/// The bound, if there is one.
pub(crate) const fn bound_of<T: Copy>(limit: Limit<T>) -> Option<T> {
    if let Limit::To(bound) = limit { Some(bound) } else { None }
}

/// What a register may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    values: BTreeSet<Digest>,
    warn_only: bool,
}

impl Rule {
    /// One of `values`. With `warn_only`, another value is reported and not refused.
    ///
    /// # Errors
    /// [`FormProblem`] for no values, or more than [`MAX_VALUES`].
    pub fn new(values: impl IntoIterator<Item = Digest>, warn_only: bool) -> Result<Self, FormProblem> {
        let values: BTreeSet<Digest> = values.into_iter().collect();
        match values.len() {
            0 => Err(FormProblem::Empty),
            actual if actual > MAX_VALUES => {
                Err(FormProblem::TooLarge { what: "values", max: MAX_VALUES, actual })
            }
            _ => Ok(Self { values, warn_only }),
        }
    }

    /// Exactly this value.
    pub fn equals(value: Digest) -> Self {
        Self { values: BTreeSet::from([value]), warn_only: false }
    }

    /// The values, in order, each once.
    pub const fn values(&self) -> &BTreeSet<Digest> {
        &self.values
    }

    /// Whether another value is reported only.
    pub const fn warns_only(&self) -> bool {
        self.warn_only
    }

    fn fits(&self, register: Register) -> Result<(), FormProblem> {
        let expected = register.digest_len();
        match self.values.iter().map(|value| value.as_bytes().len()).find(|len| *len != expected) {
            None => Ok(()),
            Some(actual) => Err(FormProblem::Length { expected, actual }),
        }
    }
}
