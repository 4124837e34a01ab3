//! Two documents made one: union, override, intersection. What they disagree on is reported, never settled in silence.
//!
//! Sets belong together if they have one name and are valid at one time.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::FormProblem;
use crate::formats::Origin;
use crate::reference::{Consent, Minimum, ReferenceValues, Register, Rule, Set};

/// A register, or a least number, on which two sets of one name disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("set {set:?}: {what} differs")]
#[non_exhaustive]
pub struct Conflict {
    /// The set.
    pub set: String,
    /// The register or the least number, by name; `window` for the window of validity.
    pub what: String,
}

/// Why there is no merged document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The documents disagree.
    #[error("{} conflicts, the first: {}", .0.len(), .0.first().map_or_else(String::new, alloc::string::ToString::to_string))]
    Conflicts(Vec<Conflict>),
    /// The result is no document.
    #[error(transparent)]
    Form(#[from] FormProblem),
}

/// A merged document, and what was settled to make it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Merged {
    /// The document.
    pub values: ReferenceValues,
    /// Where the second document overrode the first.
    pub overridden: Vec<Conflict>,
}

/// All sets of both. Sets that belong together must be equal.
///
/// # Errors
/// [`MergeError::Conflicts`], with every difference.
pub fn union(
    first: &ReferenceValues,
    second: &ReferenceValues,
    origin: &Origin<'_>,
) -> Result<Merged, MergeError> {
    let mut sets: Vec<Set> = first.sets().into();
    let mut conflicts = Vec::new();
    for set in second.sets() {
        let mut fellows = first.sets().iter().filter(|fellow| together(fellow, set)).peekable();
        if fellows.peek().is_none() {
            sets.push(set.clone());
        }
        fellows.for_each(|fellow| conflicts.extend(differences(fellow, set)));
    }
    finish(sets, conflicts, origin)
}

/// The first, with what the second says instead: its registers and least numbers replace those of the set they belong to, the
/// others stay, and its other sets are added. The window of a set that is changed is that of the second.
///
/// # Errors
/// [`MergeError::Form`] if a set would belong to two others.
pub fn override_with(
    first: &ReferenceValues,
    second: &ReferenceValues,
    origin: &Origin<'_>,
    consent: &Consent<'_>,
) -> Result<Merged, MergeError> {
    let mut sets: Vec<Set> = first.sets().into();
    let mut overridden = Vec::new();
    for set in second.sets() {
        match sets.iter().position(|fellow| together(fellow, set)) {
            None => sets.push(set.clone()),
            Some(at) => {
                let Some(fellow) = sets.get_mut(at) else { continue };
                let (mut registers, mut minimums) = (fellow.registers().clone(), fellow.minimums().clone());
                registers.extend(set.registers().iter().map(|(register, rule)| (*register, rule.clone())));
                minimums.extend(set.minimums());
                // What only the first has is not overridden.
                let replaced = differences(fellow, set).filter(|conflict| !only_in_first(conflict, set));
                overridden.extend(replaced);
                *fellow = Set::new(set.name(), set.window(), registers, minimums, consent)?;
            }
        }
    }
    let values = ReferenceValues::new(origin.name, origin.serial, origin.issued, sets)?;
    Ok(Merged { values, overridden })
}

/// What both accept: sets that belong together, in the window of both, with the rules of both. Sets that only one has are gone.
///
/// # Errors
/// [`MergeError::Conflicts`], if a register has no value that both allow.
pub fn intersection(
    first: &ReferenceValues,
    second: &ReferenceValues,
    origin: &Origin<'_>,
    consent: &Consent<'_>,
) -> Result<Merged, MergeError> {
    let mut sets = Vec::new();
    let mut conflicts = Vec::new();
    for one in first.sets() {
        for other in second.sets().iter().filter(|other| together(one, other)) {
            let Some(window) = one.window().intersection(&other.window()) else { continue };
            let (registers, empty) = rules_of_both(one, other)?;
            let conflict = |register: Register| Conflict { set: one.name().into(), what: register.name() };
            conflicts.extend(empty.into_iter().map(conflict));
            if registers.is_empty() {
                continue;
            }
            let minimums = higher(one.minimums(), other.minimums());
            sets.push(Set::new(one.name(), window, registers, minimums, consent)?);
        }
    }
    finish(sets, conflicts, origin)
}

/// The rules of both sets, and the registers for which there is no value that both allow.
pub(crate) fn rules_of_both(
    one: &Set,
    other: &Set,
) -> Result<(BTreeMap<Register, Rule>, Vec<Register>), FormProblem> {
    let mut registers = one.registers().clone();
    let mut empty = Vec::new();
    for (register, rule) in other.registers() {
        let Some(of_one) = registers.remove(register) else {
            registers.insert(*register, rule.clone());
            continue;
        };
        // A rule that refuses is not weakened by one that warns.
        let joint = match (of_one.warns_only(), rule.warns_only()) {
            (true, false) => rule.clone(),
            (false, true) => of_one,
            (warns, _) => {
                let values: Vec<_> = of_one.values().intersection(rule.values()).copied().collect();
                if values.is_empty() {
                    empty.push(*register);
                    continue;
                }
                Rule::new(values, warns)?
            }
        };
        registers.insert(*register, joint);
    }
    Ok((registers, empty))
}

/// The higher number of both for each field.
pub(crate) fn higher(one: &BTreeMap<Minimum, u64>, other: &BTreeMap<Minimum, u64>) -> BTreeMap<Minimum, u64> {
    let mut all = one.clone();
    for (minimum, number) in other {
        let least = all.entry(*minimum).or_default();
        *least = minimum.higher(*least, *number);
    }
    all
}

fn together(one: &Set, other: &Set) -> bool {
    one.name() == other.name() && one.window().overlaps(&other.window())
}

fn differences(one: &Set, other: &Set) -> impl Iterator<Item = Conflict> {
    let mut names = Vec::new();
    if one.window() != other.window() {
        names.push("window".into());
    }
    let registers = one.registers().keys().chain(other.registers().keys());
    names.extend(
        registers
            .filter(|register| one.registers().get(register) != other.registers().get(register))
            .map(|register| register.name()),
    );
    let minimums = one.minimums().keys().chain(other.minimums().keys());
    names.extend(
        minimums
            .filter(|minimum| one.minimums().get(minimum) != other.minimums().get(minimum))
            .map(|minimum| minimum.name().into()),
    );
    names.sort();
    names.dedup();
    let set = String::from(one.name());
    names.into_iter().map(move |what| Conflict { set: set.clone(), what })
}

fn only_in_first(conflict: &Conflict, second: &Set) -> bool {
    let register = Register::from_name(&conflict.what);
    let minimum = Minimum::from_name(&conflict.what);
    register.is_some_and(|register| !second.registers().contains_key(&register))
        || minimum.is_some_and(|minimum| !second.minimums().contains_key(&minimum))
}

fn finish(sets: Vec<Set>, mut conflicts: Vec<Conflict>, origin: &Origin<'_>) -> Result<Merged, MergeError> {
    if !conflicts.is_empty() {
        conflicts.dedup();
        return Err(MergeError::Conflicts(conflicts));
    }
    let values = ReferenceValues::new(origin.name, origin.serial, origin.issued, sets)?;
    Ok(Merged { values, overridden: Vec::new() })
}

#[cfg(test)]
mod tests;
