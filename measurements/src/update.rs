//! Updates: what a machine may look like while its parts move, each on a boot of its own.
//!
//! A machine is made of components, each with a document: firmware, boot loader, image. During an update more than one set of a
//! component is valid. A machine that has rebooted into the new image with the old firmware is one of the combinations, and they
//! multiply: the product is bounded, and its factors are shown.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use attest_core::UnixTime;
use attest_core::cbor::Encoder;
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::error::Unsupported;
use attest_core::transition::{Transition, TransitionError};

use crate::error::FormProblem;
use crate::merge::{higher, rules_of_both};
use crate::reference::{Consent, ReferenceValues, Register, Rule, Set, Window};

/// All combinations of sets that are valid at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Product {
    /// How many sets each component has that are valid, by the component's name: what was multiplied.
    pub factors: Vec<(String, usize)>,
    /// One set for each combination. Its name has the names of its parts in order, with ` + ` between them; its window is the time
    /// for which all of them are valid.
    pub sets: Vec<Set>,
}

/// Why there is no product.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProductError {
    /// Two components name one register, and allow no value in common.
    #[error("{first:?} and {second:?} allow no value of {register} in common")]
    Conflict {
        /// The combination so far.
        first: String,
        /// The set that does not fit it.
        second: String,
        /// The register.
        register: String,
    },
    /// A combination is no set.
    #[error("{name:?}: {problem}")]
    Form {
        /// The combination.
        name: String,
        /// What is wrong.
        problem: FormProblem,
    },
    /// There is no component.
    #[error("no component")]
    Nothing,
    /// No set of a component is valid.
    #[error("no set of {0:?} is valid at that time")]
    NothingValid(String),
    /// There are too many combinations.
    #[error("{size} combinations, at most {max} are allowed")]
    TooMany {
        /// How many there are; [`usize::MAX`] stands for all that are more.
        size: usize,
        /// The caller's bound.
        max: usize,
    },
}

/// The combinations of one valid set of each component, of which there are at most `max`.
///
/// # Errors
/// [`ProductError`]. The size is known, and refused, before anything is combined.
pub fn combinations(
    components: &[&ReferenceValues],
    now: UnixTime,
    max: usize,
    consent: &Consent<'_>,
) -> Result<Product, ProductError> {
    let mut factors = Vec::new();
    for component in components {
        match component.valid_at(now).count() {
            0 => return Err(ProductError::NothingValid(component.name().into())),
            count => factors.push((component.name().into(), count)),
        }
    }
    let size = factors.iter().fold(1_usize, |size, (_, count)| size.saturating_mul(*count));
    if size > max {
        return Err(ProductError::TooMany { size, max });
    }
    let mut components = components.iter();
    let first = components.next().ok_or(ProductError::Nothing)?;
    let mut sets: Vec<Set> = first.valid_at(now).cloned().collect();
    for component in components {
        let mut combined = Vec::new();
        for set in &sets {
            for other in component.valid_at(now) {
                combined.push(combine(set, other, consent)?);
            }
        }
        sets = combined;
    }
    Ok(Product { factors, sets })
}

/// The statement that machines of the set `from` may give way to machines of the set `to`, for its signer to sign.
///
/// # Errors
/// [`TransitionError`] for sets that say the same, and for a window that ends before it begins.
pub fn transition(
    series: &str,
    from: &Set,
    to: &Set,
    (not_before, not_after): (u64, u64),
    provider: &CryptoProvider,
) -> Result<Transition, TransitionError> {
    let (from, to) = (identity(from, provider)?, identity(to, provider)?);
    Transition::new(series, from, to, not_before, not_after)
}

/// What statements call a set: SHA-256 over what it says of registers, in deterministic CBOR. Name and window are no part of it.
///
/// ```text
/// [[* [register name, values only warn, [* value]]], [* [name of the least number, number]]]      each list in the order of names
/// ```
///
/// # Errors
/// [`Unsupported`] if the provider lacks SHA-256.
pub fn identity(set: &Set, provider: &CryptoProvider) -> Result<[u8; 32], Unsupported> {
    let by_name = |(register, rule): (&Register, &Rule)| (register.name(), rule.clone());
    let registers: BTreeMap<String, Rule> = set.registers().iter().map(by_name).collect();
    let minimums: BTreeMap<&str, u64> =
        set.minimums().iter().map(|(minimum, number)| (minimum.name(), *number)).collect();
    let mut out = Encoder::default();
    out.array(2).array(registers.len());
    for (name, rule) in &registers {
        out.array(3).text(name).boolean(rule.warns_only()).array(rule.values().len());
        for value in rule.values() {
            out.bytes(value.as_bytes());
        }
    }
    out.array(minimums.len());
    for (name, number) in &minimums {
        out.array(2).text(name).uint(*number);
    }
    let digest = provider.digest(HashAlgorithm::Sha256, &[&out.into_bytes()])?;
    let lacks = Unsupported::Hash { provider: provider.name, algorithm: HashAlgorithm::Sha256 };
    digest.as_bytes().try_into().map_err(|_| lacks)
}

fn combine(one: &Set, other: &Set, consent: &Consent<'_>) -> Result<Set, ProductError> {
    let name = [one.name(), " + ", other.name()].concat();
    let form = |problem| ProductError::Form { name: name.clone(), problem };
    let (registers, empty) = rules_of_both(one, other).map_err(form)?;
    if let Some(register) = empty.first() {
        let (first, second) = (one.name().into(), other.name().into());
        return Err(ProductError::Conflict { first, second, register: register.name() });
    }
    // Both hold now, so that a window of both there is.
    let window = one.window().intersection(&other.window()).unwrap_or(Window::ALWAYS);
    let minimums: BTreeMap<_, _> = higher(one.minimums(), other.minimums());
    // Each part refuses something, or was asked for by its name.
    let consented = consent.warn_only.contains(&one.name()) || consent.warn_only.contains(&other.name());
    let named = [name.as_str()];
    let consent = if consented { Consent::to_warn_only(&named) } else { Consent::NONE };
    Set::new(&name, window, registers, minimums, &consent).map_err(form)
}

#[cfg(test)]
mod tests;
