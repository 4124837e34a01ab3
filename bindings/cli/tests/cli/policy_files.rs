//! Policy files and their schema say the same.

use std::collections::BTreeSet;

use attest_core::Policy;
use attest_core::policy::POLICY_SCHEMA;
use attest_core::rules::{Floors, OneOf};
use attest_core::tee::snp;
use serde_json::Value;

use crate::tool::{attestrap, file, vector};

/// Keys that a file may leave out.
const OPTIONAL: &[&str] = &["fmc", "snp", "warn_only"];

/// The strict policy with a minimum in every place that can have one.
fn full() -> Policy {
    let mut policy = snp::Policy::strict(snp::MARCH_2026, OneOf::Any);
    policy.tcb.current = policy.tcb.reported.clone();
    policy.tcb.launch = policy.tcb.reported.clone();
    policy.firmware.current = policy.firmware.committed.clone();
    assert!(matches!(&policy.tcb.current, Floors::PerPart(parts) if parts.len() == snp::Part::ALL.len()));
    Policy::for_snp(policy)
}

/// Paths of all keys in a file; a part counts as `*` below itself, because FMC is Turin's only.
fn keys(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        into.insert(format!("{at}{key}"));
        let part = snp::Part::from_name(key).is_some();
        keys(value, &if part { format!("{at}*.") } else { format!("{at}{key}.") }, into);
    }
}

/// Paths of all keys that the schema knows, by the same rule.
fn schema_keys(schema: &Value, node: &Value, at: &str, into: &mut BTreeSet<String>) {
    if let Some(name) = node["$ref"].as_str() {
        schema_keys(schema, schema.pointer(&name[1..]).expect(name), at, into);
    }
    for other in node["anyOf"].as_array().into_iter().flatten() {
        schema_keys(schema, other, at, into);
    }
    for (key, node) in node["properties"].as_object().into_iter().flatten() {
        assert!(node["description"].is_string(), "{at}{key} has no description");
        into.insert(format!("{at}{key}"));
        let part = snp::Part::from_name(key).is_some();
        schema_keys(schema, node, &if part { format!("{at}*.") } else { format!("{at}{key}.") }, into);
    }
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let schema: Value = serde_json::from_str(POLICY_SCHEMA).unwrap();
    let written: Value = serde_json::from_str(&full().to_json()).unwrap();
    let (mut in_files, mut in_schema) = (BTreeSet::new(), BTreeSet::new());
    keys(&written, "", &mut in_files);
    schema_keys(&schema, &schema, "", &mut in_schema);
    assert_eq!(in_files, in_schema);
    assert!(in_schema.len() > 60, "{}", in_schema.len());
}

/// Every object of the schema.
fn objects<'a>(node: &'a Value, into: &mut Vec<&'a Value>) {
    if node["type"] == "object" {
        into.push(node);
    }
    let below = node.as_object().into_iter().flat_map(|map| map.values());
    below.chain(node.as_array().into_iter().flatten()).for_each(|value| objects(value, into));
}

#[test]
fn the_schema_is_closed_and_demands_what_the_reader_demands() {
    let schema: Value = serde_json::from_str(POLICY_SCHEMA).unwrap();
    let mut all = Vec::new();
    objects(&schema, &mut all);
    assert!(all.len() >= 9);
    for object in all {
        assert_eq!(object["additionalProperties"], false, "{object}");
        let known = object["properties"].as_object().unwrap().keys();
        let demanded: BTreeSet<&str> =
            object["required"].as_array().into_iter().flatten().map(|key| key.as_str().unwrap()).collect();
        let may_be_left_out = |key: &&str| OPTIONAL.contains(key) && !demanded.contains(key);
        // Parts are a list of the caller's: none is demanded.
        let part = |key: &&str| snp::Part::from_name(key).is_some();
        let expected: BTreeSet<&str> =
            known.map(String::as_str).filter(|key| !part(key) && !may_be_left_out(key)).collect();
        assert_eq!(demanded, expected);
    }
}

#[test]
fn the_reader_demands_what_the_schema_demands() {
    let text = full().to_json();
    let written: Value = serde_json::from_str(&text).unwrap();
    let mut paths = BTreeSet::new();
    pointers(&written, "", &mut paths);
    for pointer in paths {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut without = written.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
        let left_out_is_fine =
            OPTIONAL.contains(&key) && parent.split('/').next_back() != Some("tcb") && !is_level(parent, key)
                || snp::Part::from_name(key).is_some();
        assert_eq!(Policy::from_json(&without.to_string()).is_ok(), left_out_is_fine, "{pointer}");
        let mut with = written.clone();
        let object = with.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        object.insert(format!("{key}x"), Value::Null);
        assert!(Policy::from_json(&with.to_string()).is_err(), "{pointer}x");
    }
}

/// `snp` is a section at the front and a level inside a part.
fn is_level(parent: &str, key: &str) -> bool {
    key == "snp" && !parent.is_empty()
}

fn pointers(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        into.insert(format!("{at}/{key}"));
        pointers(value, &format!("{at}/{key}"), into);
    }
}

#[test]
fn init_comments_every_key_once() {
    let ran = attestrap(["policy", "init", "--product-line", "Milan"]);
    assert_eq!(ran.code, 0);
    let policy = Policy::from_toml(&ran.out).unwrap();
    assert_eq!(policy.snp.unwrap().product_lines, OneOf::only(snp::ProductLine::Milan));
    let (mut table, mut said, mut commented) = (String::new(), BTreeSet::new(), false);
    for line in ran.out.lines() {
        let key = match line.split_once(" = ") {
            _ if line.starts_with('#') => {
                commented = true;
                continue;
            }
            Some((key, _)) => format!("{table}.{key}"),
            None if line.starts_with('[') => {
                table = line.trim_matches(['[', ']']).into();
                table.clone()
            }
            None => continue,
        };
        // Levels mean the same in every part, and parts the same in every table: said at the first.
        let below: Vec<&str> = key.split('.').collect();
        let name = match below.iter().position(|key| snp::Part::from_name(key).is_some()) {
            Some(part) => below[part..].last().unwrap().to_string(),
            None => key,
        };
        assert!(commented || said.contains(&name), "{name} has no comment");
        said.insert(name);
        commented = false;
    }
}

#[test]
fn files_check_out() {
    let policy = vector("policies/real-milan.toml");
    let ran = attestrap(["policy", "check", policy.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let json = file("full.json", full().to_json());
    assert_eq!(attestrap(["policy", "check", json.to_str().unwrap()]).code, 0);
    assert_eq!(attestrap(["policy", "schema"]).out, POLICY_SCHEMA);
}
