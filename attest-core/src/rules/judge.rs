//! One rule held against one value, with one line in the record: what every `judge.rs` of a TEE does.

use super::{Bit, OneOf, Unusual};
use crate::checks::{Check, Checks};
use crate::values::Value;

/// Why a rule that takes any has no outcome.
pub(crate) const ANY: &str = "the policy takes any";

/// `shown` is `actual` as the record shows it.
pub(crate) fn listed<T: PartialEq>(
    out: &mut Checks,
    check: &'static Check,
    rule: &OneOf<T>,
    actual: &T,
    shown: impl Into<Value>,
) {
    match rule {
        OneOf::Any => out.not_applicable(check, ANY),
        OneOf::Listed(_) => {
            out.require(check, rule.allows(actual), rule.expected(), shown);
        }
    }
}

/// The same for a value that evidence may not have: what is not there is not listed.
pub(crate) fn listed_if_known<T: PartialEq>(
    out: &mut Checks,
    check: &'static Check,
    rule: &OneOf<T>,
    actual: Option<(T, Value)>,
) {
    match rule {
        OneOf::Any => out.not_applicable(check, ANY),
        OneOf::Listed(_) => {
            let allowed = actual.as_ref().is_some_and(|(actual, _)| rule.allows(actual));
            out.require(
                check,
                allowed,
                rule.expected(),
                actual.map_or(Value::Phrase("not known"), |(_, shown)| shown),
            );
        }
    }
}

pub(crate) fn bit(out: &mut Checks, check: &'static Check, rule: Bit, set: bool) {
    match rule {
        Bit::Any => out.not_applicable(check, ANY),
        Bit::Clear | Bit::Set => {
            out.require(check, rule.allows(set), rule.expected(), if set { "set" } else { "clear" });
        }
    }
}

/// `usual` says what stands there when nothing is out of the ordinary.
pub(crate) fn unusual(
    out: &mut Checks,
    check: &'static Check,
    rule: Unusual,
    is: bool,
    usual: &'static str,
    shown: impl Into<Value>,
) {
    match rule {
        Unusual::Any => out.not_applicable(check, ANY),
        Unusual::Refuse => {
            out.require(check, rule.allows(is), usual, shown);
        }
    }
}
