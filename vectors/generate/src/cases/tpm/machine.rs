//! Rules that ask whose machine it is, and whether its log tells of the boot that was quoted.

use serde_json::{Value, json};

use super::{INDICES, Machine, SHA256, Suite, evidence, leaf};
use crate::eventlog::{Header, LogWriter};
use crate::tpm::{ECDSA, GCE_INSTANCE, Key, QuoteSpec, gce_instance};
use crate::{CertSpec, Ext, Hash};

pub(super) fn add(suite: &mut Suite) {
    named(suite);
    contradiction(suite);
}

fn named(suite: &mut Suite) {
    let machine = Machine::new(Key::p384("certified"), ECDSA, Hash::Sha384);
    let ca = CertSpec::authority("TPM authority", "TPM root").build();
    let certified = |info: Option<Vec<u8>>| {
        let leaf = info
            .map(|value| Ext::new(GCE_INSTANCE, value))
            .into_iter()
            .fold(leaf(&machine.key), CertSpec::adding);
        machine.carrying(&[leaf.build(), ca.clone()])
    };
    let google = certified(Some(gce_instance(&[5], true)));
    let testing = certified(Some(gce_instance(&[5], false)));
    let silent = certified(None);
    let (number, other) = (json!("0x7fffffffffffffff"), json!(["zone-b", "TPM", ""]));
    for (rule, yes, no) in [
        ("certificate-subject", json!(["other", "TPM key"]), other.clone()),
        ("gce-zone", json!(["zone-b", "zone-a"]), json!(["zone-b", "zone-a "])),
        ("gce-project-number", json!([5]), json!([0, 50])),
        ("gce-project-id", json!(["project"]), json!(["Project", "project-a"])),
        ("gce-instance-id", json!([number]), json!([5, 0])),
        ("gce-instance-name", json!(["name"]), json!(["names"])),
    ] {
        let (check, key) = (format!("vtpm.policy.{rule}"), key_of(rule));
        let mut case = |name: &str, why: &str, evidence: &[u8], value: &Value, exit: u8| {
            drop(suite.case(&check, name, why, evidence.to_vec()).rule(&key, value.clone()).exit(exit));
        };
        case("yes", "the certificate names it", &google, &yes, 0);
        case("no", "the certificate names another", &google, &no, 10);
        case("no-empty", "an empty list", &google, &json!([]), 10);
        if rule == "certificate-subject" {
            continue;
        }
        case("not-production", "an authority that is none of production", &testing, &yes, 10);
        case("silent", "the certificate names nothing", &silent, &yes, 10);
    }
    // A key that is trusted by itself has no certificate that anybody believed, even if one travels along.
    for (name, machine) in Machine::all() {
        let machine = machine.pinned(suite);
        let bare = machine.evidence(&machine.attest());
        let beside = Ext::new(GCE_INSTANCE, gce_instance(&[5], true));
        let beside = machine.carrying(&[leaf(&machine.key).adding(beside).build(), ca.clone()]);
        for (rule, value) in [
            ("certificate-subject", json!(["TPM key"])),
            ("gce-zone", json!(["zone-a"])),
            ("gce-project-number", json!([5])),
            ("gce-project-id", json!(["project"])),
            ("gce-instance-id", json!(["0x7fffffffffffffff"])),
            ("gce-instance-name", json!(["name"])),
            ("azure-vm-id", json!(["7e3f1ae0-b0f6-4d8d-a9a2-2d1c0a4f5a11"])),
            ("ek-spki-sha256", json!(["5a".repeat(32)])),
        ] {
            let (check, key) = (format!("vtpm.policy.{rule}"), key_of(rule));
            for (name, evidence) in [(name.to_owned(), &bare), (format!("{name}-beside"), &beside)] {
                drop(
                    suite
                        .case(
                            &check,
                            &format!("pinned-{name}"),
                            "nothing that is believed names it",
                            evidence.clone(),
                        )
                        .rule(&key, value.clone())
                        .exit(10),
                );
            }
        }
    }
}

/// The key of a rule in a policy file, from the last part of its check's id.
fn key_of(rule: &str) -> String {
    let key = rule.replace('-', "_");
    let plural = if rule == "ek-spki-sha256" { "" } else { "s" };
    format!("vtpm.machine.{key}{plural}")
}

/// Logs beside a quote of registers 0, 4 and 7 that are as two events each left them.
fn contradiction(suite: &mut Suite) {
    let machine = Machine::p384().pinned(suite);
    let event = |index: u32, number: u8| Hash::Sha256.digest(&[index as u8, number]);
    let sound: Vec<(u32, Vec<u8>)> =
        [0, 4, 7].iter().flat_map(|index| [0, 1].map(|number| (*index, event(*index, number)))).collect();
    let write = |events: &[(u32, Vec<u8>)]| {
        let log = LogWriter::agile(&Header::new(&[(SHA256, 32)]));
        let add = |log: LogWriter, (index, digest): &(u32, Vec<u8>)| {
            log.event(*index, 4, &[(SHA256, digest)], b"x")
        };
        events.iter().fold(log, add).into_bytes()
    };
    let extend = |before: Vec<u8>, digest: &[u8]| Hash::Sha256.digest(&[before.as_slice(), digest].concat());
    let values: Vec<_> = INDICES
        .iter()
        .map(|index| {
            let value =
                [0, 1].iter().fold(vec![0; 32], |v, number| extend(v, &event(u32::from(*index), *number)));
            (SHA256, *index, value)
        })
        .collect();
    let mut attest = machine.attest();
    attest.digest =
        machine.hash.digest(&values.iter().flat_map(|(_, _, value)| value.clone()).collect::<Vec<_>>());
    let quote = QuoteSpec { values, ..machine.quote(&attest) };
    let with = |log: &[u8]| evidence(std::slice::from_ref(&quote), &machine.ak(), log);
    let mut case = |name: &str, why: &str, events: &[(u32, Vec<u8>)], exit: u8| {
        let case = suite.case("vtpm.policy.log-contradiction", name, why, with(&write(events)));
        drop(case.rule("vtpm.log_contradiction", "refuse").exit(exit));
    };
    let changed = |change: fn(&mut Vec<(u32, Vec<u8>)>)| {
        let mut events = sound.clone();
        change(&mut events);
        events
    };
    case("yes", "the log of this boot", &sound, 0);
    case("yes-unexplained", "no event of one register", &sound[..4], 0);
    case("yes-other", "events of a register that is not quoted", &changed(|e| e.push((9, vec![1; 32]))), 0);
    case("yes-order", "registers in another order", &changed(|e| e.rotate_left(2)), 0);
    case("invented", "an event too many", &changed(|e| e.push((4, vec![9; 32]))), 10);
    case("invented-0", "an event too many in register 0", &changed(|e| e.insert(0, (0, vec![9; 32]))), 10);
    case("dropped", "an event is missing", &changed(|e| drop(e.remove(3))), 10);
    case("swapped", "two events of a register in another order", &changed(|e| e.swap(4, 5)), 10);
    case("digest", "the digest of an event differs", &changed(|e| e[1].1[31] ^= 1), 10);
    case("moved", "an event in another register", &changed(|e| e[5].0 = 4), 10);
}
