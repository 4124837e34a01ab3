//! Every check by name, and the record of those that were made.
//!
//! A [`Check`] is a constant: a stable id, what it asks, where the rule stands. [`Checks`] is the record that verification
//! and policy write into, an array of fixed size: nothing on the heap, text only when somebody asks for it.

use crate::values::Value;

/// One check: its stable id, what it asks, and where the rule is specified.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Stable id, for example `snp.report.signature`.
    pub id: &'static str,
    /// What holds when the check passes.
    pub title: &'static str,
    /// The clause of the specification, or the reason of our own rule.
    pub clause: &'static str,
    /// Whose fault a failure is.
    pub class: Class,
}

impl Check {
    /// Whether a policy may turn its failure into a warning: only what is a relying party's own to decide.
    pub(crate) const fn may_warn(&self) -> bool {
        matches!(self.class, Class::Missing | Class::Policy)
    }
}

/// Whose fault a failed check is. The exit codes of the command line derive from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a total match over it is what maps errors to codes")]
pub enum Class {
    /// Collateral is absent or too old; fetch it and ask again.
    Missing,
    /// Genuine perhaps, but nothing here can tell.
    Unsupported,
    /// The relying party's own rules refuse.
    Policy,
    /// The parts are genuine and do not belong together, or answer another question.
    Mismatch,
    /// A signature, a chain or a revocation says no.
    Untrusted,
    /// The bytes do not have the form that they claim.
    Malformed,
}

impl Class {
    /// The exit code of the command line. 0 is accepted, 1 an internal error, 2 a wrong call.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Policy => 10,
            Self::Mismatch | Self::Untrusted => 11,
            Self::Missing => 12,
            Self::Unsupported => 20,
            Self::Malformed => 30,
        }
    }
}

/// Declares checks as statics with a table of all of them, in the order in which they are made.
macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $class:ident $id:literal, $title:literal, $clause:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $title, ".")]
            $(#[$doc])*
            pub static $name: $crate::checks::Check = $crate::checks::Check {
                id: $id,
                title: $title,
                clause: $clause,
                class: $crate::checks::Class::$class,
            };
        )*
        /// All checks of this list, in the order in which they are made.
        pub static ALL: &[&$crate::checks::Check] = &[$(&$name),*];
    };
}
pub(crate) use checks;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reader of verdicts must not overlook an outcome")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It does not hold, and the policy asks only for a warning.
    Warned,
    /// It was not made, for this reason.
    NotApplicable(&'static str),
}

/// One line of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Which check.
    pub check: &'static Check,
    /// How it ended.
    pub outcome: Outcome,
    /// What it asked for.
    pub expected: Value,
    /// What it saw.
    pub actual: Value,
}

/// How many lines a record holds. A unit test adds up all lists and compares.
pub(crate) const CAPACITY: usize = 96;

static UNUSED: Check = Check { id: "", title: "unused line", clause: "", class: Class::Unsupported };

/// The record of checks made so far.
#[derive(Clone)]
pub struct Checks {
    entries: [Entry; CAPACITY],
    len: usize,
}

impl Checks {
    /// An empty record.
    pub const fn new() -> Self {
        let unused = Entry {
            check: &UNUSED,
            outcome: Outcome::NotApplicable(""),
            expected: Value::None,
            actual: Value::None,
        };
        Self { entries: [unused; CAPACITY], len: 0 }
    }

    /// The lines, in the order in which the checks were made.
    pub fn iter(&self) -> core::slice::Iter<'_, Entry> {
        self.entries.get(..self.len).unwrap_or_default().iter()
    }

    /// How many lines there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was recorded.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Checks of `all` without a line: verification ended before it reached them.
    pub fn not_reached<'a>(&'a self, all: &'a [&'static Check]) -> impl Iterator<Item = &'static Check> + 'a {
        all.iter().copied().filter(|check| !self.iter().any(|entry| entry.check == *check))
    }

    /// The most telling failure: the first of the gravest class.
    pub fn gravest(&self) -> Option<&Entry> {
        let failed = || self.iter().filter(|entry| entry.outcome == Outcome::Failed);
        let class = failed().map(|entry| entry.check.class).max()?;
        failed().find(|entry| entry.check.class == class)
    }

    /// Records a check that was made, and hands its result back.
    pub(crate) fn require(
        &mut self,
        check: &'static Check,
        ok: bool,
        expected: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> bool {
        let ok = holds(check, ok);
        let outcome = if ok { Outcome::Passed } else { Outcome::Failed };
        self.push(Entry { check, outcome, expected: expected.into(), actual: actual.into() });
        ok
    }

    /// Turns failures that `warns` into warnings.
    pub(crate) fn downgrade(&mut self, warns: impl Fn(&Check) -> bool) {
        for entry in self.entries.iter_mut().take(self.len) {
            if entry.outcome == Outcome::Failed && warns(entry.check) {
                entry.outcome = Outcome::Warned;
            }
        }
    }

    /// Records a check that may have been made before, on another CRL or for another caller: one line, and the graver outcome.
    pub(crate) fn require_again(
        &mut self,
        check: &'static Check,
        ok: bool,
        expected: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> bool {
        let ok = holds(check, ok);
        let outcome = if ok { Outcome::Passed } else { Outcome::Failed };
        let entry = Entry { check, outcome, expected: expected.into(), actual: actual.into() };
        match self.entries.iter_mut().take(self.len).find(|earlier| earlier.check == check) {
            Some(earlier) if earlier.outcome != Outcome::Failed => *earlier = entry,
            Some(_) => {}
            None => self.push(entry),
        }
        ok
    }

    /// Records that a check does not hold where the rule lets that pass, so that it is seen.
    pub(crate) fn warn(
        &mut self,
        check: &'static Check,
        expected: impl Into<Value>,
        actual: impl Into<Value>,
    ) {
        self.push(Entry {
            check,
            outcome: Outcome::Warned,
            expected: expected.into(),
            actual: actual.into(),
        });
    }

    /// Records that a check was not made, unless it was made before.
    pub(crate) fn not_applicable_again(&mut self, check: &'static Check, why: &'static str) {
        if !self.iter().any(|earlier| earlier.check == check) {
            self.not_applicable(check, why);
        }
    }

    /// Records a check that was not made, and why.
    pub(crate) fn not_applicable(&mut self, check: &'static Check, why: &'static str) {
        self.push(Entry {
            check,
            outcome: Outcome::NotApplicable(why),
            expected: Value::None,
            actual: Value::None,
        });
    }

    /// Appends the lines of another record.
    pub(crate) fn extend(&mut self, other: &Self) {
        other.iter().for_each(|entry| self.push(*entry));
    }

    fn push(&mut self, entry: Entry) {
        // A unit test adds up all lists: a record has room for every check. Were it full, a failure must not get lost.
        let last = CAPACITY.saturating_sub(1);
        if let Some(slot) = self.entries.get_mut(self.len.min(last)) {
            if self.len < CAPACITY || entry.outcome == Outcome::Failed {
                *slot = entry;
            }
            self.len = self.len.saturating_add(1).min(CAPACITY);
        }
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Checks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Whether a check holds. In this crate's own tests, and nowhere else, a check can be taken away to prove that it matters.
#[cfg(not(test))]
pub(crate) const fn holds(_check: &Check, ok: bool) -> bool {
    ok
}

#[cfg(test)]
pub(crate) use removal::holds;

#[cfg(test)]
pub(crate) mod removal {
    //! The list of removed checks: this thread's, in this crate's unit tests only.

    use super::Check;
    use std::cell::Cell;

    std::thread_local! {
        static REMOVED: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    pub(crate) fn holds(check: &Check, ok: bool) -> bool {
        ok || REMOVED.with(Cell::get) == Some(check.id)
    }

    /// Runs `judge` as if the check of this id were not there.
    pub(crate) fn without<T>(id: &'static str, judge: impl FnOnce() -> T) -> T {
        REMOVED.with(|removed| removed.set(Some(id)));
        let result = judge();
        REMOVED.with(|removed| removed.set(None));
        result
    }
}
