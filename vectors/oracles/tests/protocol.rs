//! The protocol's shapes by another reader: crate `cddl` validates what our encoder writes against `protocol.cddl`, rule by rule, and
//! refuses what our decoder refuses.

#[path = "../../../bootstrap-core/tests/samples/mod.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet};

use bootstrap_core::wire::Error;
use samples::{Sample, all};

const RULES: &str = include_str!("../../../bootstrap-core/protocol.cddl");

/// Rules that are no values: the choice of all, and the room for later fields.
const NO_VALUE: &[&str] = &["start", "ext", "body-header", "sig-header"];

/// The rules with `rule` in front, which is the one that is asked for. A document that cannot be read would refuse all bytes, and so
/// pass every test of a refusal.
fn document(rule: &str) -> String {
    let text = format!("asked-for = {rule}\n{RULES}");
    assert!(cddl::cddl_from_str(&text, true).is_ok(), "{rule}");
    text
}

fn is_valid(document: &str, bytes: &[u8]) -> bool {
    cddl::validate_cbor_from_slice(document, bytes, None).is_ok()
}

/// The names of all rules: what stands before ` = ` at the start of a line or behind two spaces, outside of comments.
fn names() -> BTreeSet<&'static str> {
    let code = RULES.lines().map(|line| line.split(';').next().unwrap_or_default());
    let parts = code.filter(|line| !line.starts_with(' ')).flat_map(|line| line.split("  "));
    let names = parts.filter_map(|part| part.split_once(" = ")).map(|(name, _)| name.trim());
    names.filter(|name| !name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-')).collect()
}

#[test]
fn every_rule_has_a_sample() {
    let sampled: BTreeSet<_> = all().iter().map(|sample| sample.rule).collect();
    let names = names();
    assert!(names.len() > 60, "{names:?}");
    let missing: Vec<_> =
        names.iter().filter(|name| !sampled.contains(*name) && !NO_VALUE.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let strangers: Vec<_> = sampled.iter().filter(|rule| !names.contains(*rule)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn what_is_written_here_is_valid_there() {
    for Sample { rule, bytes, .. } in all() {
        assert!(is_valid(&document(rule), &bytes), "{rule}: {bytes:02x?}");
    }
}

#[test]
fn a_value_of_one_rule_is_none_of_another() {
    // A validator that says yes to all would pass the test above.
    let others = BTreeMap::from([
        ("hello", "verdict"),
        ("offer", "locked"),
        ("policy", "voucher"),
        ("genesis", "share"),
    ]);
    for (rule, other) in others {
        let sample = all().into_iter().find(|sample| sample.rule == rule).unwrap();
        assert!(!is_valid(&document(other), &sample.bytes), "{rule} as {other}");
    }
}

#[test]
fn what_is_refused_here_is_refused_there() {
    let (mut both, mut differ) = (0_u32, Vec::new());
    for Sample { rule, bytes, again } in all() {
        let document = document(rule);
        // Another length, another type, another number: at six places, as the other reader is slow.
        for at in (0..bytes.len()).step_by(bytes.len().div_ceil(6)) {
            let mut changed = bytes.clone();
            changed[at] ^= if at % 2 == 0 { 0x01 } else { 0x20 };
            match again(&changed) {
                Ok((_, 0)) => {
                    if !is_valid(&document, &changed) {
                        differ.push(format!("{rule} at {at}: read here, refused there"));
                    }
                    both += 1;
                }
                Ok(_) => {}
                Err(error) if Error::from(error.clone()).code().number() == 12 => {
                    // To `cddl`, undefined is as good as null; the wire has no undefined.
                    let undefined = (bytes[at], changed[at]) == (0xf6, 0xf7);
                    if is_valid(&document, &changed) && !undefined {
                        differ.push(format!("{rule} at {at}: {error}"));
                    }
                    both += 1;
                }
                Err(_) => {}
            }
        }
    }
    println!("{both} asked, {} differ", differ.len());
    assert!(differ.is_empty(), "{} of {both}: {differ:#?}", differ.len());
}
