//! Shape: the COSE_Sign1, and the map in it. All of these are signed by the right key.

use super::{KINDS, Suite, forms, spec};
use crate::cbor_out::{NULL, array, bytes, int, map, text, uint};
use crate::nitro::{DocumentSpec, Kind, pcrs, register};

pub(super) fn add(suite: &mut Suite) {
    envelope(suite);
    fields(suite);
    registers(suite);
    certificates(suite);
    cbor(suite);
}

/// The default document of an instance, with a change.
fn with(change: impl FnOnce(&mut DocumentSpec)) -> DocumentSpec {
    spec(Kind::NitroTpm).with(change)
}

fn field(name: &str, value: Vec<u8>) -> DocumentSpec {
    spec(Kind::NitroTpm).field(name, value)
}

fn envelope(suite: &mut Suite) {
    let check = "nitro.wire.algorithm";
    suite.good_documents(&[check]);
    for (name, why, protected) in [
        ("es256", "ECDSA with SHA-256", map(&[(int(1), int(-7))])),
        ("es512", "ECDSA with SHA-512", map(&[(int(1), int(-36))])),
        ("ps384", "RSA-PSS", map(&[(int(1), int(-38))])),
        ("mac", "a symmetric algorithm", map(&[(int(1), int(5))])),
        ("empty-map", "a header without an algorithm", map(&[])),
        ("no-header", "no header at all", Vec::new()),
    ] {
        suite.document(check, name, why, &with(|spec| spec.protected = protected)).exit(30);
    }

    let check = "nitro.wire.protected";
    suite.good_documents(&[check]);
    for (name, why, more) in [
        ("key-id", "a key identifier", (int(4), bytes(b"k"))),
        ("critical", "a list of critical headers", (int(2), array(&[int(-99)]))),
        ("content-type", "a content type", (int(3), uint(60))),
        ("chain", "certificates", (int(33), bytes(b"der"))),
        ("private", "a private header", (int(-99), uint(1))),
        ("named", "a header with a name", (text("kid"), bytes(b"k"))),
    ] {
        let protected = map(&[(int(1), int(-35)), more]);
        suite.document(check, name, why, &with(|spec| spec.protected = protected)).exit(30);
    }

    let check = "nitro.wire.unprotected";
    suite.good_documents(&[check]);
    for (name, why, more) in [
        ("key-id", "a key identifier", (int(4), bytes(b"k"))),
        ("content-type", "a content type", (int(3), uint(60))),
        ("chain", "certificates", (int(33), bytes(b"der"))),
        ("private", "a private header", (int(-99), uint(1))),
        ("named", "a header with a name", (text("alg"), int(-35))),
    ] {
        suite.document(check, name, why, &with(|spec| spec.unprotected = map(&[more]))).exit(30);
    }
    let moved = with(|spec| {
        spec.protected = Vec::new();
        spec.unprotected = map(&[(int(1), int(-35))]);
    });
    suite.document(check, "algorithm", "the algorithm where nobody signed it", &moved).exit(30);

    let check = "nitro.wire.signature-length";
    suite.good_documents(&[check]);
    for len in [0, 48, 64, 95, 97, 192] {
        let good = spec(Kind::NitroTpm);
        let signature: Vec<u8> = good.signature().into_iter().cycle().take(len).collect();
        let document = good.build_with(&signature);
        suite.document_as(check, &format!("{len}-bytes"), "a signature of another length", document).exit(30);
    }
}

fn fields(suite: &mut Suite) {
    let check = "nitro.wire.fields";
    suite.good_documents(&[check]);
    for name in ["digest", "timestamp", "nitrotpm_pcrs", "certificate", "cabundle"] {
        let left_out = with(|spec| spec.fields.retain(|(field, _)| *field != text(name)));
        suite.document(check, name, "a document without it", &left_out).exit(30);
    }
    let optional = ["public_key", "user_data"].map(text);
    let left_out = with(|spec| spec.fields.retain(|(field, _)| !optional.contains(field)));
    suite.document(check, "optional", "optional fields left out", &left_out).accepted();

    let check = "nitro.wire.module-id";
    suite.good_documents(&[check]);
    for (name, id) in [
        ("no-kind", "i-0123456789abcdef0"),
        ("other-kind", "i-0123456789abcdef0-vtm0000000000000000"),
        ("short", "i-0123456789abcdef0-tpm000000000000000"),
        ("long", "i-0123456789abcdef0-tpm00000000000000000"),
        ("upper-case", "i-0123456789ABCDEF0-tpm0000000000000000"),
        ("no-instance", "i--tpm0000000000000000"),
        ("both", "i-0123456789abcdef0-enc0000000000000000-tpm0000000000000000"),
    ] {
        suite.document(check, name, "an id of another form", &field("module_id", text(id))).exit(30);
    }

    let check = "nitro.wire.digest";
    suite.good_documents(&[check]);
    for (name, digest) in [
        ("sha256", "SHA256"),
        ("sha512", "SHA512"),
        ("lower-case", "sha384"),
        ("longer", "SHA384 "),
        ("empty", ""),
    ] {
        suite.document(check, name, "another digest", &field("digest", text(digest))).exit(30);
    }

    let check = "nitro.wire.timestamp";
    suite.good_documents(&[check]);
    for (name, form) in forms() {
        suite.document(check, &name, "no time", &form.field("timestamp", uint(0))).exit(30);
    }

    let check = "nitro.wire.optional";
    suite.good_documents(&[check]);
    for name in ["public_key", "user_data", "nonce"] {
        for len in [1025, 4096] {
            let why = "more than AWS's larger bound";
            suite.document(check, &format!("{name}-{len}"), why, &field(name, bytes(&vec![7; len]))).exit(30);
        }
    }
    suite.document(check, "public_key-1024", "the bound", &field("public_key", bytes(&[7; 1024]))).accepted();
    suite.document(check, "public_key-null", "none", &field("public_key", NULL.to_vec())).accepted();
}

fn registers(suite: &mut Suite) {
    let check = "nitro.wire.kind";
    suite.good_documents(&[check]);
    for (name, form) in forms() {
        let other = |field: &[u8]| match field {
            b"\x64pcrs" => text("nitrotpm_pcrs"),
            _ => text("pcrs"),
        };
        let swapped = form.with(|spec| {
            let is = |name: &Vec<u8>| *name == text("pcrs") || *name == text("nitrotpm_pcrs");
            spec.fields.iter_mut().filter(|(name, _)| is(name)).for_each(|(name, _)| *name = other(name));
        });
        suite.document(check, &name, "registers of the other kind", &swapped).exit(30);
    }

    let check = "nitro.wire.pcr-count";
    suite.good_documents(&[check]);
    for (name, form) in forms() {
        let kind = if name.starts_with("enclave") { Kind::Enclave } else { Kind::NitroTpm };
        let none = form.field(kind.pcr_field(), map(&[]));
        suite.document(check, &name, "no register", &none).exit(30);
    }
    let all: Vec<_> = (0..32).map(|index| (index, register(index))).collect();
    suite.document(check, "all", "all registers that can be", &field("nitrotpm_pcrs", pcrs(&all))).accepted();

    let check = "nitro.wire.pcr-index";
    suite.good_documents(&[check]);
    for (name, index) in [
        ("32", uint(32)),
        ("255", uint(255)),
        ("256", uint(256)),
        ("largest", uint(u64::MAX)),
        ("negative", int(-1)),
        ("text", text("4")),
        ("bytes", bytes(&[4])),
    ] {
        let value = map(&[(index, bytes(&register(4)))]);
        suite.document(check, name, "no number of a register", &field("nitrotpm_pcrs", value)).exit(30);
    }

    let check = "nitro.wire.pcr-length";
    suite.good_documents(&[check]);
    for len in [0, 20, 32, 47, 49, 64] {
        let value = map(&[(uint(4), bytes(&vec![7; len]))]);
        let why = "a value of another length";
        suite.document(check, &format!("{len}-bytes"), why, &field("nitrotpm_pcrs", value)).exit(30);
    }
}

fn certificates(suite: &mut Suite) {
    let check = "nitro.wire.certificate";
    suite.good_documents(&[check]);
    for (name, len) in [("none", 0), ("1025", 1025), ("4096", 4096)] {
        let why = "a certificate of a length that none has";
        let der = bytes(&vec![7; len]);
        suite.document(check, &format!("leaf-{name}"), why, &field("certificate", der.clone())).exit(30);
        suite.document(check, &format!("bundle-{name}"), why, &field("cabundle", array(&[der]))).exit(30);
    }

    let check = "nitro.wire.cabundle";
    suite.good_documents(&[check]);
    for (name, kind) in KINDS {
        for (count, why) in [(0, "no certificate"), (8, "more certificates than a path has")] {
            for (form, tag) in [("", None), ("-tagged", Some(18))] {
                let bundle = array(&vec![bytes(&[0x30, 0]); count]);
                let spec = spec(kind).field("cabundle", bundle).with(|spec| spec.tag = tag);
                suite.document(check, &format!("{name}-{count}{form}"), why, &spec).exit(30);
            }
        }
    }
}

/// What CBOR itself forbids, or what another reader would take.
fn cbor(suite: &mut Suite) {
    let twice = |name: &str, value: Vec<u8>| with(|spec| spec.fields.push((text(name), value)));
    for (name, why, spec) in [
        ("nonce", "two nonces", twice("nonce", bytes(b"another"))),
        ("registers", "two maps of registers", twice("nitrotpm_pcrs", pcrs(&[(0, [0; 48])]))),
        ("module-id", "two modules", twice("module_id", text(Kind::Enclave.module_id()))),
        ("register", "two values of a register", field("nitrotpm_pcrs", pcrs(&[(4, [0; 48]), (4, [1; 48])]))),
        ("header", "one header in both places", with(|spec| spec.unprotected = map(&[(int(1), int(-35))]))),
    ] {
        suite.document("form.duplicate", name, why, &spec).exit(30);
    }
    for (name, why, spec) in [
        ("long-index", "a number in more bytes than it needs", {
            field("nitrotpm_pcrs", map(&[(vec![0x18, 4], bytes(&register(4)))]))
        }),
        ("negative-time", "a time before 1970", field("timestamp", int(-1))),
        ("nonce-text", "text where bytes belong", field("nonce", text("a nonce"))),
        ("digest-bytes", "bytes where text belongs", field("digest", bytes(b"SHA384"))),
        ("registers-list", "a list where a map belongs", field("nitrotpm_pcrs", array(&[]))),
        ("bundle-bytes", "bytes where a list belongs", field("cabundle", bytes(&[0x30, 0]))),
    ] {
        suite.document("form.encoding", name, why, &spec).exit(30);
    }
    let whole = spec(Kind::Enclave).build();
    for (name, why, bytes) in [
        ("behind", "a byte behind the document", [&whole[..], &[0]].concat()),
        ("signature-cut", "a signature that is cut", whole[..whole.len() - 1].to_vec()),
        ("payload-cut", "a payload that is cut", whole[..whole.len() / 2].to_vec()),
        ("no-signature", "no signature", whole[..whole.len() - 98].to_vec()),
        ("twice", "a document behind a document", [&whole[..], &whole[..]].concat()),
    ] {
        suite.document_as("form.length", name, why, bytes).exit(30);
    }
}
