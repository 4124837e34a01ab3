//! Judgement.

use serde_json::{Value, json};

use super::{KINDS, Suite, chain, forms, spec};
use crate::cbor_out::{NULL, bytes, text, uint};
use crate::nitro::{DocumentSpec, Kind, pcrs, register};

pub(super) fn add(suite: &mut Suite) {
    origin(suite);
    age(suite);
    debug(suite);
    names(suite);
    unknown_fields(suite);
    registers(suite);
}

fn origin(suite: &mut Suite) {
    let check = "nitro.policy.kind";
    for (name, kind) in KINDS {
        let (why, other) =
            ("the other kind", KINDS.iter().find(|(other, _)| *other != name).map(|(other, _)| *other));
        let mut case = |case: &str, why: &str, rule: Value, exit| {
            suite
                .document(check, &format!("{name}-{case}"), why, &spec(kind))
                .rule("nitro.kinds", rule)
                .exit(exit);
        };
        case("listed", "the kind that is asked for", json!([name]), 0);
        case("either", "either kind", json!(["enclave", "nitrotpm"]), 0);
        case("other", why, json!([other]), 10);
        case("none", "no kind at all", json!([]), 10);
    }
    for (name, form) in forms().into_iter().filter(|(name, _)| name.contains('-')) {
        let other = if name.starts_with("enclave") { "nitrotpm" } else { "enclave" };
        suite
            .document(check, &format!("{name}-other"), "the other kind", &form)
            .rule("nitro.kinds", json!([other]))
            .exit(10);
    }

    let check = "nitro.policy.root";
    for root in ["hardware", "cloud-hypervisor", "cloud-vtpm", "discrete-tpm", "software"] {
        suite
            .document(check, root, "a root of the caller's", &spec(Kind::Enclave))
            .rule("nitro.roots", json!([root]))
            .exit(10);
    }
    suite
        .document(check, "none", "no root at all", &spec(Kind::NitroTpm))
        .rule("nitro.roots", json!([]))
        .exit(10);
    suite
        .document(check, "caller", "a root of the caller's", &spec(Kind::NitroTpm))
        .rule("nitro.roots", json!(["caller"]))
        .accepted();

    let check = "nitro.policy.freshness";
    let refuse = "nitro.stale_evidence";
    for (name, kind) in KINDS {
        let fresh = format!("{name}-fresh");
        suite
            .document(check, &fresh, "a nonce that was compared", &spec(kind))
            .rule(refuse, "refuse")
            .accepted();
        let why = "a nonce that nobody compared";
        suite
            .document(check, &format!("{name}-uncompared"), why, &spec(kind))
            .expecting(None)
            .rule(refuse, "refuse")
            .exit(10);
        for nonce in [&b""[..], b"7 bytes"] {
            let document = spec(kind).field("nonce", bytes(nonce));
            suite
                .document(check, &format!("{name}-{}-bytes", nonce.len()), "a nonce met by chance", &document)
                .expecting_nonce(nonce)
                .rule(refuse, "refuse")
                .exit(10);
        }
    }
    let document = spec(Kind::Enclave).field("nonce", NULL.to_vec());
    suite
        .document(check, "null", "no nonce, and none expected", &document)
        .expecting(None)
        .rule(refuse, "refuse")
        .exit(10);
    let document = spec(Kind::Enclave).field("nonce", bytes(b"8 bytes!"));
    suite
        .document(check, "8-bytes", "the shortest that counts", &document)
        .expecting_nonce(b"8 bytes!")
        .rule(refuse, "refuse")
        .accepted();
}

fn age(suite: &mut Suite) {
    let check = "nitro.policy.age";
    let rule = "nitro.max_age_seconds";
    for (name, most, time, exit) in [
        ("at-once", 0, "2026-01-01T00:00:03Z", 0),
        ("before", 0, "2026-01-01T00:00:02Z", 0),
        ("a-second", 0, "2026-01-01T00:00:04Z", 10),
        ("minute", 60, "2026-01-01T00:01:03Z", 0),
        ("over-a-minute", 60, "2026-01-01T00:01:04Z", 10),
        ("over-five-minutes", 300, "2026-01-01T00:05:04Z", 10),
        ("an-hour", 300, "2026-01-01T01:00:03Z", 10),
        ("last-second", 10_799, "2026-01-01T03:00:03Z", 10),
        ("whole-life", 10_800, "2026-01-01T03:00:03Z", 0),
    ] {
        suite
            .document(check, name, "a document by its own time", &spec(Kind::Enclave))
            .at(time)
            .rule(rule, most)
            .exit(exit);
    }
    let old = spec(Kind::NitroTpm).field("timestamp", uint(1));
    suite
        .document(check, "1970", "a time long before its certificate", &old)
        .rule(rule, u32::MAX - 1)
        .accepted();
    suite
        .document(check, "1970-refused", "a time long before its certificate", &old)
        .rule(rule, 10_800)
        .exit(10);
}

/// An enclave with these registers.
fn enclave(listed: impl IntoIterator<Item = (u8, [u8; 48])>) -> DocumentSpec {
    spec(Kind::Enclave).field("pcrs", pcrs(&listed.into_iter().collect::<Vec<_>>()))
}

fn debug(suite: &mut Suite) {
    let check = "nitro.policy.debug";
    let rule = "nitro.debug_mode";
    let zero = |zeros: &[u8]| {
        enclave((0..16).map(|at| (at, if zeros.contains(&at) { [0; 48] } else { register(at) })))
    };
    for (name, zeros) in [("all", &[0, 1, 2][..]), ("first", &[0]), ("second", &[1]), ("third", &[2])] {
        suite
            .document(check, name, "registers that are zero in debug mode alone", &zero(zeros))
            .rule(rule, "refuse")
            .exit(10);
    }
    for left_out in 0..=2 {
        let listed = enclave((0..16).filter(|at| *at != left_out).map(|at| (at, register(at))));
        suite
            .document(
                check,
                &format!("without-{left_out}"),
                "a register that would tell is not there",
                &listed,
            )
            .rule(rule, "refuse")
            .exit(10);
    }
    suite.document(check, "good", "no debug mode", &zero(&[])).rule(rule, "refuse").accepted();
    suite
        .document(check, "others", "zeros that mean nothing", &zero(&[3, 4, 8]))
        .rule(rule, "refuse")
        .accepted();
    suite
        .document("nitro.policy.kind", "debug-any", "debug mode, which may be", &zero(&[0, 1, 2]))
        .rule("nitro.kinds", json!(["enclave"]))
        .accepted();
}

fn names(suite: &mut Suite) {
    for (check, rule, good, others) in [
        (
            "nitro.policy.module-id",
            "nitro.module_ids",
            Kind::NitroTpm.module_id(),
            [
                Kind::Enclave.module_id(),
                "i-0123456789abcdef0",
                "i-0123456789abcdef0-tpm0000000000000001",
                "I-0123456789ABCDEF0-TPM0000000000000000",
                "",
            ],
        ),
        (
            "nitro.policy.instance",
            "nitro.instances",
            "i-0123456789abcdef0",
            [
                "i-0123456789abcdef1",
                "0123456789abcdef0",
                "i-0123456789abcdef",
                Kind::NitroTpm.module_id(),
                "",
            ],
        ),
    ] {
        for (number, other) in others.into_iter().enumerate() {
            suite
                .document(check, &format!("other-{number}"), "somebody else is listed", &spec(Kind::NitroTpm))
                .rule(rule, json!([other]))
                .exit(10);
        }
        suite
            .document(check, "none", "nobody is listed", &spec(Kind::NitroTpm))
            .rule(rule, json!([]))
            .exit(10);
        suite
            .document(check, "listed", "one of two that are listed", &spec(Kind::NitroTpm))
            .rule(rule, json!([others[0], good]))
            .accepted();
    }
}

fn unknown_fields(suite: &mut Suite) {
    let check = "nitro.policy.unknown-fields";
    let rule = "nitro.unknown_fields";
    for (name, kind) in KINDS {
        let other = KINDS.iter().find(|(other, _)| *other != name).map_or("", |(_, kind)| kind.pcr_field());
        let beside = spec(kind).field(other, pcrs(&[(0, [0; 48])]));
        let numbered = spec(kind).with(|spec| spec.fields.push((uint(1), uint(1))));
        for (case, why, document) in [
            ("named", "a field that is not known", spec(kind).field("new", bytes(b"?"))),
            ("numbered", "a field without a name", numbered),
            ("other-registers", "registers of the other kind as well", beside),
            ("two", "two fields", spec(kind).field("new", bytes(b"?")).field("newer", text("?"))),
        ] {
            suite.document(check, &format!("{name}-{case}"), why, &document).rule(rule, "refuse").exit(10);
        }
        let why = "known fields only";
        suite.document(check, &format!("{name}-good"), why, &spec(kind)).rule(rule, "refuse").accepted();
    }
    let tolerated = spec(Kind::Enclave).field("new", bytes(b"?"));
    suite.document("nitro.document.signature", "unknown-field", "a field that may be", &tolerated).accepted();
}

fn registers(suite: &mut Suite) {
    let rule = "nitro.pcrs";
    let hex = |index: u8| vectors::hex(&register(index));
    let listed = |index: u8, values: Value| json!({ index.to_string(): values });
    // More registers than a TPM has, so that each check has something to look at.
    let all = |left_out: Option<u8>| {
        let entries: Vec<_> =
            (0..32).filter(|index| Some(*index) != left_out).map(|index| (index, register(index))).collect();
        DocumentSpec::new(Kind::NitroTpm, &chain(Kind::NitroTpm)).field("nitrotpm_pcrs", pcrs(&entries))
    };
    for index in 0..32 {
        let check = format!("nitro.policy.pcr-{index}");
        let next = (index + 1) % 32;
        let (mut first, mut last) = (register(index), register(index));
        first[0] ^= 0x80;
        last[47] ^= 1;
        for (name, why, values) in [
            ("other", "another register's value", json!([hex(next)])),
            ("zero", "zero", json!(["00".repeat(48)])),
            ("first-bit", "the first bit differs", json!([vectors::hex(&first)])),
            ("last-bit", "the last bit differs", json!([vectors::hex(&last)])),
            ("none", "a list without a value", json!([])),
        ] {
            suite.document(&check, name, why, &all(None)).rule(rule, listed(index, values)).exit(10);
        }
        for (name, values) in [("absent", json!([hex(index)])), ("absent-any", json!("any"))] {
            let why = "a register that the document does not have";
            suite.document(&check, name, why, &all(Some(index))).rule(rule, listed(index, values)).exit(10);
        }
        let two = listed(index, json!([hex(next), hex(index)]));
        suite.document(&check, "listed", "one of two values", &all(None)).rule(rule, two).accepted();
    }
}
