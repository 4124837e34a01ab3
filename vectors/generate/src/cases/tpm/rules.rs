//! Judgement: each rule of a policy, on the ground where every other takes anything.

use serde_json::json;

use super::{Machine, SHA256, SHA384, Suite, evidence, leaf, signed, value};
use crate::CertSpec;
use crate::eventlog::{Header, LogWriter};
use crate::tpm::{Key, QuoteSpec};
use crate::{Hash, tpm};

pub(super) fn add(suite: &mut Suite) {
    origin(suite);
    counters(suite);
    banks(suite);
    registers(suite);
    signed::add(suite);
    log(suite);
}

/// The same question of each kind of key.
fn each(suite: &mut Suite, check: &str, rule: &str, yes: &serde_json::Value, no: &serde_json::Value) {
    for (name, machine) in Machine::all() {
        let machine = machine.pinned(suite);
        let evidence = machine.evidence(&machine.attest());
        suite
            .case(check, &format!("{name}-yes"), "allowed", evidence.clone())
            .rule(rule, yes.clone())
            .accepted();
        suite.case(check, &format!("{name}-no"), "not allowed", evidence).rule(rule, no.clone()).exit(10);
    }
}

fn origin(suite: &mut Suite) {
    each(suite, "vtpm.policy.root", "vtpm.roots", &json!(["caller"]), &json!(["hardware", "cloud-vtpm"]));
    each(suite, "vtpm.policy.ak-path", "vtpm.ak_paths", &json!(["pinned"]), &json!(["certificate", "tee"]));
    let machine = Machine::new(Key::p384("certified"), tpm::ECDSA, Hash::Sha384);
    let ca = CertSpec::authority("TPM authority", "TPM root").build();
    let certified = machine.carrying(&[leaf(&machine.key).build(), ca]);
    for (name, paths, exit) in
        [("certified-yes", json!(["certificate"]), 0), ("certified-no", json!(["pinned", "activation"]), 10)]
    {
        suite
            .case("vtpm.policy.ak-path", name, "a key by its certificate", certified.clone())
            .rule("vtpm.ak_paths", paths)
            .exit(exit);
    }
    each(
        suite,
        "vtpm.policy.hierarchy",
        "vtpm.hierarchies",
        &json!(["endorsement"]),
        &json!(["owner", "platform", "null"]),
    );
    let machine = Machine::p256().pinned(suite);
    let mut attest = machine.attest();
    attest.signer = [&[0, 0x0b], [7; 32].as_slice()].concat();
    suite
        .case("vtpm.policy.hierarchy", "a-parent", "a parent that is not known", machine.evidence(&attest))
        .rule("vtpm.hierarchies", json!(["endorsement", "owner", "platform", "null"]))
        .exit(10);
    // A bare key in no known template.
    for (number, label) in ["bare", "bare-1", "bare-2", "bare-3", "bare-4"].iter().enumerate() {
        let machine = Machine { bare: true, ..Machine::new(Key::p384(label), tpm::ECDSA, Hash::Sha384) };
        suite.keys.push(vectors::hex(&<sha2::Sha256 as sha2::Digest>::digest(machine.key.spki())));
        let evidence = machine.evidence(&machine.attest());
        suite
            .case(
                "vtpm.policy.ak-attributes",
                &format!("{number}-no"),
                "only the bare key is known",
                evidence,
            )
            .rule("vtpm.unknown_attributes", "refuse")
            .exit(10);
    }
    // A public area that evidence brings beside a key that is vouched for by its numbers: the signer's own word.
    let machine = Machine::new(Key::p384("bare"), tpm::ECDSA, Hash::Sha384);
    let claimed = machine.evidence(&machine.attest());
    for (name, why, evidence) in [
        ("claimed-no", "only evidence says the attributes", claimed),
        ("certified-no", "a certificate speaks for the numbers", certified),
    ] {
        suite
            .case("vtpm.policy.ak-attributes", name, why, evidence)
            .rule("vtpm.unknown_attributes", "refuse")
            .exit(10);
    }
    for (name, machine) in Machine::all() {
        let machine = machine.pinned(suite);
        let evidence = machine.evidence(&machine.attest());
        suite
            .case(
                "vtpm.policy.ak-attributes",
                &format!("{name}-yes"),
                "attributes are known",
                evidence.clone(),
            )
            .rule("vtpm.unknown_attributes", "refuse")
            .accepted();
        suite
            .case("vtpm.policy.freshness", &format!("{name}-yes"), "compared", evidence.clone())
            .rule("vtpm.stale_evidence", "refuse")
            .accepted();
        suite
            .case("vtpm.policy.freshness", &format!("{name}-no"), "not compared", evidence)
            .expecting(None)
            .rule("vtpm.stale_evidence", "refuse")
            .exit(10);
        let mut attest = machine.attest();
        attest.extra_data = Vec::new();
        suite
            .case(
                "vtpm.policy.freshness",
                &format!("{name}-empty"),
                "an empty nonce",
                machine.evidence(&attest),
            )
            .expecting_nonce(&[])
            .rule("vtpm.stale_evidence", "refuse")
            .exit(10);
    }
}

fn counters(suite: &mut Suite) {
    for (name, machine) in Machine::all() {
        let machine = machine.pinned(suite);
        for (safe, rule, exit) in [(1, "set", 0), (1, "clear", 10), (0, "clear", 0), (0, "set", 10)] {
            let mut attest = machine.attest();
            attest.safe = safe;
            suite
                .case(
                    "vtpm.policy.clock-safe",
                    &format!("{name}-{safe}-{rule}"),
                    "clockInfo.safe",
                    machine.evidence(&attest),
                )
                .rule("vtpm.clock_safe", rule)
                .exit(exit);
        }
    }
    each(
        suite,
        "vtpm.policy.firmware-version",
        "vtpm.firmware_versions",
        &json!(["0x2019010600163636", 1]),
        &json!([1, "0x2019010600163637"]),
    );
}

fn banks(suite: &mut Suite) {
    each(suite, "vtpm.policy.banks", "vtpm.banks", &json!(["sha256"]), &json!(["sha384", "sha512"]));
}

fn registers(suite: &mut Suite) {
    let machine = Machine::p256().pinned(suite);
    let mut attest = machine.attest();
    attest.selection = vec![(SHA256, vec![0xff; 3]), (SHA384, vec![0xff; 3])];
    let all = |bank: u16| (0..24_u8).map(move |index| (bank, index, value(bank, index)));
    let values: Vec<_> = all(SHA256).chain(all(SHA384)).collect();
    attest.digest =
        machine.hash.digest(&values.iter().flat_map(|(_, _, value)| value.clone()).collect::<Vec<_>>());
    let evidence = machine.evidence_with(&attest, values);
    for index in 0..24_u8 {
        let check = format!("vtpm.policy.pcr.{index}");
        let right = vectors::hex(&value(SHA256, index));
        let right_384 = vectors::hex(&value(SHA384, index));
        let other = vectors::hex(&value(SHA256, index ^ 1));
        let last = format!("{}{}", &right[..62], "00");
        let (name, name_384) = (format!("sha256:{index}"), format!("sha384:{index}"));
        for (what, rule, exit) in [
            ("yes", json!({ &name: [right] }), 0),
            ("yes-second", json!({ &name: [other, right] }), 0),
            ("yes-both", json!({ &name: [right], &name_384: [right_384] }), 0),
            ("no", json!({ &name: [other] }), 10),
            ("no-last-byte", json!({ &name: [last] }), 10),
            ("no-empty", json!({ &name: [] }), 10),
            ("no-second-bank", json!({ &name: [right], &name_384: ["00".repeat(48)] }), 10),
            ("no-not-quoted", json!({ format!("sha512:{index}"): ["00".repeat(64)] }), 10),
        ] {
            suite
                .case(&check, what, "a register's value", evidence.clone())
                .rule("vtpm.pcrs", rule)
                .exit(exit);
        }
    }
}

/// A log that explains registers 0, 4 and 7, quoted as it replays.
fn log(suite: &mut Suite) {
    let machine = Machine::p384().pinned(suite);
    let event = |index: u32| Hash::Sha256.digest(&[index as u8; 4]);
    let writer = |skip: Option<u32>| {
        let header = Header::new(&[(SHA256, 32)]);
        [0, 4, 7]
            .iter()
            .filter(|index| Some(**index) != skip)
            .fold(LogWriter::agile(&header), |log, index| {
                log.event(*index, 4, &[(SHA256, &event(*index))], &[*index as u8; 4])
            })
    };
    let replayed = |index: u8| Hash::Sha256.digest(&[[0; 32].as_slice(), &event(u32::from(index))].concat());
    let values: Vec<_> = super::INDICES.iter().map(|index| (SHA256, *index, replayed(*index))).collect();
    let mut attest = machine.attest();
    attest.digest =
        machine.hash.digest(&values.iter().flat_map(|(_, _, value)| value.clone()).collect::<Vec<_>>());
    let quote = QuoteSpec { values, ..machine.quote(&attest) };
    let with = |log: &[u8]| evidence(std::slice::from_ref(&quote), &machine.ak(), log);
    let good = writer(None).into_bytes();
    let invented = writer(None).event(4, 4, &[(SHA256, &[9; 32])], b"more").into_bytes();
    let check = "vtpm.policy.event-log";
    for (name, why, log, registers, exit) in [
        ("yes", "all three are explained", &good[..], json!([0, 4, 7]), 0),
        ("yes-none", "a log is there, and no register is asked for", &good, json!([]), 0),
        ("no-log", "no log", &[][..], json!([0, 4, 7]), 10),
        ("no-log-none", "no log, and no register is asked for", &[], json!([]), 10),
        ("missing", "the log has no event for one", &writer(Some(4)).into_bytes(), json!([0, 4, 7]), 10),
        ("invented", "the log has an event too many", &invented, json!([4]), 10),
        ("not-quoted", "a register that is not quoted", &good, json!([0, 9]), 10),
    ] {
        suite.case(check, name, why, with(log)).rule("vtpm.replayed", registers).exit(exit);
    }
    suite
        .case(check, "elsewhere", "another register is not explained", with(&writer(Some(4)).into_bytes()))
        .rule("vtpm.replayed", json!([0, 7]))
        .accepted();
    let check = "vtpm.policy.secure-boot";
    for (name, log) in [
        ("no-log", &[][..]),
        ("not-proven", &good),
        ("invented", &invented),
        ("missing", &writer(Some(7)).into_bytes()),
    ] {
        for rule in ["set", "clear"] {
            suite
                .case(check, &format!("{name}-{rule}"), "nothing proves it", with(log))
                .rule("vtpm.secure_boot", rule)
                .exit(10);
        }
    }
    for (name, value, rule, exit) in [
        ("enabled-set", 1, "set", 0),
        ("enabled-clear", 1, "clear", 10),
        ("disabled-clear", 0, "clear", 0),
        ("disabled-set", 0, "set", 10),
        ("enabled-any", 1, "any", 0),
    ] {
        // With `any` the rule is not judged: the case is about the log then.
        let (check, rules) = match rule {
            "any" => ("vtpm.policy.event-log", "vtpm.replayed"),
            _ => (check, "vtpm.secure_boot"),
        };
        let rule = if rule == "any" { json!([7]) } else { json!(rule) };
        suite
            .case(check, name, "a boot whose register 7 is understood", secure_boot(&machine, value))
            .rule(rules, rule)
            .exit(exit);
    }
}

/// Evidence of a boot with Secure Boot on or off: register 7 alone, as the profile has it measured.
fn secure_boot(machine: &Machine, value: u8) -> Vec<u8> {
    const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
    const DATABASE: [u8; 16] = *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";
    let variable = |guid: [u8; 16], name: &str, data: &[u8]| {
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let lengths = [(name.len() as u64).to_le_bytes(), (data.len() as u64).to_le_bytes()].concat();
        [guid.as_slice(), &lengths, &units, data].concat()
    };
    // EV_EFI_VARIABLE_DRIVER_CONFIG, EV_SEPARATOR, EV_EFI_VARIABLE_AUTHORITY.
    let (config, separator, authority) = (0x8000_0001, 4, 0x8000_00e0);
    let mut events = vec![
        (config, variable(GLOBAL, "SecureBoot", &[value])),
        (config, variable(GLOBAL, "PK", &[1])),
        (config, variable(GLOBAL, "KEK", &[2])),
        (config, variable(DATABASE, "db", &[3])),
        (config, variable(DATABASE, "dbx", &[])),
        (separator, vec![0; 4]),
    ];
    if value == 1 {
        events.push((authority, variable(DATABASE, "db", &[3])));
    }
    let digest = |data: &[u8]| Hash::Sha256.digest(data);
    let log = events.iter().fold(LogWriter::agile(&Header::new(&[(SHA256, 32)])), |log, (kind, data)| {
        log.event(7, *kind, &[(SHA256, &digest(data))], data)
    });
    let register = events
        .iter()
        .fold(vec![0; 32], |register, (_, data)| digest(&[register.as_slice(), &digest(data)].concat()));
    let mut attest = machine.attest();
    attest.selection = vec![(SHA256, vec![0x80, 0, 0])];
    attest.digest = machine.hash.digest(&register);
    let quote = QuoteSpec { values: vec![(SHA256, 7, register)], ..machine.quote(&attest) };
    evidence(&[quote], &machine.ak(), &log.into_bytes())
}
