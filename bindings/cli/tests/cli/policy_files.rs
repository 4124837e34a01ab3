//! Policy files and their schema say the same.

use std::collections::BTreeSet;

use attest_core::Policy;
use attest_core::claims::Root;
use attest_core::crypto::HashAlgorithm;
use attest_core::policy::POLICY_SCHEMA;
use attest_core::rules::{AllOf, Bit, Floors, Instant, Limit, OneOf, Registers};
use attest_core::tee::{nitro, snp, tdx, vtpm};
use attest_core::values::Digest;
use serde_json::{Value, json};

use crate::tool::{attestrap, file, vector};

/// Keys that a file may leave out.
const OPTIONAL: &[&str] = &["fmc", "nitro", "snp", "tdx", "vtpm", "warn_only"];

/// The strict policies with a minimum or a value in every place that can have one.
fn full() -> Policy {
    let mut policy = snp::Policy::strict(snp::MARCH_2026, OneOf::Any);
    policy.tcb.current = policy.tcb.reported.clone();
    policy.tcb.launch = policy.tcb.reported.clone();
    policy.firmware.current = policy.firmware.committed.clone();
    assert!(matches!(&policy.tcb.current, Floors::PerPart(parts) if parts.len() == snp::Part::ALL.len()));
    let mut both = Policy::for_snp(policy);
    both.nitro = Some(full_nitro());
    both.tdx = Some(full_tdx());
    both.vtpm = Some(full_vtpm());
    both
}

/// A list in every place that can have one, and values for three registers.
fn full_nitro() -> nitro::Policy {
    let values = |octets: [u8; 2]| OneOf::Listed(octets.map(|octet| [octet; 48]).into());
    let listed = [(0, values([0xa7, 0])), (9, OneOf::Any), (31, values([1, 2]))].into_iter().collect();
    let mut policy = nitro::Policy::strict(nitro::Kind::Enclave, nitro::policy::Registers::Listed(listed));
    policy.kinds = OneOf::Listed(nitro::Kind::ALL.to_vec());
    policy.roots = OneOf::Listed(Root::ALL.to_vec());
    let texts = || OneOf::Listed(vec!["i-0123456789abcdef0".to_owned(), String::new()]);
    (policy.module_ids, policy.instances) = (texts(), texts());
    policy
}

/// A list in every place that can have one, and an exception.
fn full_tdx() -> tdx::Policy {
    let listed = || OneOf::Listed(vec![[0xa7; 48], [0; 48]]);
    let mut policy = tdx::Policy::strict(Limit::To(18), listed());
    policy.fmspcs = OneOf::only([0x90, 0xc0, 0x6f, 0, 0, 0]);
    policy.platforms = OneOf::only([7; 16]);
    policy.replayed = AllOf(OneOf::Listed(vec![0, 3]));
    policy.tcb.statuses = OneOf::Listed(tdx::TcbStatus::ALL.to_vec());
    policy.tcb.advisories = OneOf::only("INTEL-SA-01036".to_owned());
    for rule in [&mut policy.mr_seam, &mut policy.mr_config_id, &mut policy.mr_owner, &mut policy.rtmr1] {
        *rule = listed();
    }
    let name = tdx::ExceptionName::new("ticket 1").unwrap();
    let until = Instant(1_798_675_200);
    let fmspc = [0x90, 0xc0, 0x6f, 0, 0, 0];
    policy.tcb.exceptions.push(tdx::TcbException::new(name, fmspc, [2; 16], 11, [3; 16], until));
    policy
}

/// A list in every place that can have one, and values for a register of each bank.
fn full_vtpm() -> vtpm::Policy {
    let rules = HashAlgorithm::ALL.iter().zip([0, 9, 10, 23]).map(|(bank, index)| {
        let values = [0xa7, 0x00].map(|octet| Digest::filled(octet, bank.digest_len()));
        ((*bank, index), OneOf::Listed(values.into()))
    });
    let roots = OneOf::Listed(Root::ALL.to_vec());
    let mut policy = vtpm::Policy::strict(roots, Registers::Listed(rules.collect()));
    policy.ak_paths = OneOf::Listed(vtpm::AkPath::ALL.to_vec());
    policy.hierarchies = OneOf::Listed(vtpm::Hierarchy::ALL.to_vec());
    policy.firmware_versions = OneOf::Listed(vec![0, 1, 0x2016_0511_0016_2800, u64::MAX]);
    policy.banks = OneOf::Listed(HashAlgorithm::ALL.to_vec());
    policy.signed_pcrs = AllOf(OneOf::Listed(vec![4, 11]));
    policy.replayed = AllOf(OneOf::Listed(vec![0, 7, 23]));
    policy.secure_boot = Bit::Set;
    let texts = || OneOf::Listed(vec!["a \"text\"".to_owned(), String::new()]);
    let machine = &mut policy.machine;
    for rule in [
        &mut machine.certificate_subjects,
        &mut machine.gce_zones,
        &mut machine.gce_project_ids,
        &mut machine.gce_instance_names,
        &mut machine.azure_vm_ids,
    ] {
        *rule = texts();
    }
    machine.gce_project_numbers = OneOf::Listed(vec![0, 218_557_372, u64::MAX]);
    machine.gce_instance_ids = OneOf::only(u64::MAX);
    machine.ek_spki_sha256 = OneOf::Listed(vec![[0xa7; 32], [0; 32]]);
    policy
}

/// Whether a key is the name of a register, such as `sha256:4` or `4`: one of the caller's list, and none is demanded.
fn is_register(key: &str) -> bool {
    key.contains(':') || key.parse::<u8>().is_ok()
}

/// Paths of all keys in a file; a part counts as `*` below itself, because FMC is Turin's only.
fn keys(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten().filter(|(key, _)| !is_register(key)) {
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
    assert!(in_schema.len() > 70, "{}", in_schema.len());
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
                || snp::Part::from_name(key).is_some()
                || is_register(key);
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

#[test]
fn what_is_written_is_read_back() {
    let policy = full();
    assert_eq!(Policy::from_json(&policy.to_json()).unwrap(), policy);
    assert_eq!(Policy::from_toml(&policy.to_toml()).unwrap(), policy);
    let lax = Policy::for_vtpm(vtpm::Policy::dangerously_any());
    assert_eq!(Policy::from_json(&lax.to_json()).unwrap(), lax);
    assert_eq!(Policy::from_toml(&lax.to_toml()).unwrap(), lax);
}

#[test]
fn numbers_have_two_forms() {
    let mut written: Value = serde_json::from_str(&full().to_json()).unwrap();
    assert_eq!(written["vtpm"]["firmware_versions"][3], "0xffffffffffffffff");
    written["vtpm"]["firmware_versions"] =
        json!([0, "0x1", 2_311_772_466_150_418_432_u64, "0xFFFFFFFFFFFFFFFF"]);
    let read = Policy::from_json(&written.to_string()).unwrap().vtpm.unwrap();
    assert_eq!(read.firmware_versions, OneOf::Listed(vec![0, 1, 2_311_772_466_150_418_432, u64::MAX]));
}

/// A value that the rule cannot have, by its pointer below `vtpm`.
fn wrong_values() -> Vec<(&'static str, Value)> {
    let digest = "a7".repeat(32);
    vec![
        ("roots", json!("all")),
        ("roots", json!(["firmware"])),
        ("ak_paths", json!(["trust me"])),
        ("ak_paths", json!(true)),
        ("unknown_attributes", json!("allow")),
        ("hierarchies", json!(["lockout"])),
        ("stale_evidence", json!(false)),
        ("clock_safe", json!("yes")),
        ("firmware_versions", json!(["20160511"])),
        ("firmware_versions", json!(["0x10000000000000000"])),
        ("firmware_versions", json!([-1])),
        ("banks", json!(["sha3-256"])),
        ("banks", json!("sha256")),
        ("pcrs", json!([])),
        ("pcrs", json!({})),
        ("pcrs", json!("none")),
        ("pcrs", json!({ "sha256:24": [digest] })),
        ("pcrs", json!({ "sha256:+4": [digest] })),
        ("pcrs", json!({ "sha256": [digest] })),
        ("pcrs", json!({ "SHA256:4": [digest] })),
        ("pcrs", json!({ "sha256:4": "any" })),
        ("pcrs", json!({ "sha256:4": digest })),
        ("pcrs", json!({ "sha256:4": [&digest[2..]] })),
        ("pcrs", json!({ "sha256:4": [&digest[1..]] })),
        ("pcrs", json!({ "sha384:4": [digest] })),
        ("pcrs", json!({ "sha256:4": [format!("0x{}", &digest[2..])] })),
        ("replayed", json!([24])),
        ("replayed", json!(["7"])),
        ("replayed", json!("all")),
        ("secure_boot", json!("enabled")),
        ("log_contradiction", json!("warn")),
        ("unchecked_revocation", json!(true)),
        ("machine", json!("any")),
        ("machine", json!({})),
        ("machine", json!({ "gce_zones": ["a"] })),
    ]
}

#[test]
fn a_wrong_value_is_an_error_that_names_the_key() {
    let right: Value = serde_json::from_str(&full().to_json()).unwrap();
    for (key, value) in wrong_values() {
        let mut wrong = right.clone();
        wrong["vtpm"][key] = value.clone();
        let text = serde_json::to_string_pretty(&wrong).unwrap();
        let error = Policy::from_json(&text).expect_err(&format!("{key} = {value}")).to_string();
        assert!(error.contains(&format!("vtpm.{key}")), "{key} = {value}: {error}");
        assert!(error.contains("line "), "{key} = {value}: {error}");
    }
}

#[test]
fn in_toml_it_does_too() {
    let right = full().to_toml();
    for (from, to) in [
        ("banks = [\"sha1\"", "banks = [\"sha0\""),
        ("\"sha256:9\" = [", "\"sha256:99\" = ["),
        ("\"sha256:9\" = [\"a7", "\"sha256:9\" = [\""),
        ("secure_boot = \"set\"", "secure_boot = \"on\""),
        ("replayed = [0, 7, 23]", "replayed = [0, 7, 24]"),
        ("firmware_versions = [\"0x0\"", "firmware_versions = [\"0y0\""),
    ] {
        let wrong = right.replacen(from, to, 1);
        assert_ne!(wrong, right, "{from} is not in {right}");
        let error = Policy::from_toml(&wrong).expect_err(to).to_string();
        let key = to.split(" = ").next().unwrap().trim_matches('"');
        assert!(error.contains(key), "{to}: {error}");
    }
}

#[test]
fn the_schema_knows_registers_by_their_names() {
    let schema: Value = serde_json::from_str(POLICY_SCHEMA).unwrap();
    let registers = &schema["$defs"]["registers"];
    assert_eq!((&registers["minProperties"], &registers["properties"]), (&json!(1), &json!({})));
    let patterns: Vec<&String> = registers["patternProperties"].as_object().unwrap().keys().collect();
    for (bank, pattern) in HashAlgorithm::ALL.iter().zip(&patterns) {
        assert!(pattern.starts_with(&format!("^{}:", bank.name())), "{pattern}");
        let values = &registers["patternProperties"][pattern.as_str()]["items"]["$ref"];
        assert_eq!(*values, json!(format!("#/$defs/hex{}", bank.digest_len())));
    }
    assert_eq!(patterns.len(), HashAlgorithm::ALL.len());
}

#[test]
fn what_warns_only_is_a_check_that_there_is() {
    let mut policy = full();
    for (id, known) in
        [("vtpm.policy.event-log", true), ("vtpm.policy.pcr.23", true), ("vtpm.quote.signature", false)]
    {
        policy.warn_only = [id.into()].into();
        assert_eq!(Policy::from_json(&policy.to_json()).is_ok(), known, "{id}");
        assert_eq!(Policy::from_toml(&policy.to_toml()).is_ok(), known, "{id}");
    }
}
