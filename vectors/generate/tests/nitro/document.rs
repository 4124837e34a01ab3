//! The document itself: its signature, and what the caller expects it to carry.

use attest_core::tee::nitro::{Document, Expectation, Expected};
use vectors_generate::P384Key;
use vectors_generate::cbor_out::{NULL, bytes, int, map, text, uint};
use vectors_generate::der_out::replace_once;
use vectors_generate::nitro::{self, DocumentSpec, MADE, NONCE, register};

use crate::{KIND, chain, failed, spec, verify, verify_at};

#[test]
fn the_leafs_key_signed_the_document() {
    let good = spec();
    let signature = good.signature();
    let (r, s) = signature.split_at(48);
    let altered: Vec<Vec<u8>> = vec![
        good.clone().with(|spec| spec.signer = P384Key::from_label("rogue")).build(),
        // The issuer's key, and a signature for another purpose.
        good.clone().with(|spec| spec.signer = P384Key::from_label(nitro::AUTHORITIES[3])).build(),
        good.clone().with(|spec| spec.context = "Signature").build(),
        good.build_with(&[0; 96]),
        good.build_with(&[0xFF; 96]),
        good.build_with(&[s, r].concat()),
        good.build_with(&[r, &[0; 48]].concat()),
        good.build_with(&[&[0; 48], s].concat()),
        // Another document's signature.
        good.build_with(&good.clone().field("nonce", bytes(b"another")).signature()),
        good.clone().field("timestamp", uint(1)).build_with(&signature),
        good.clone().with(|spec| spec.indefinite = false).build_with(&signature),
        good.clone().with(|spec| spec.fields.reverse()).build_with(&signature),
    ];
    for (number, document) in altered.iter().enumerate() {
        assert_eq!(failed(verify(document)), ["nitro.document.signature"], "{number}");
    }
    // Each register.
    for index in 0..24 {
        let entries: Vec<_> =
            (0..24).map(|at| (at, if at == index { [0; 48] } else { register(at) })).collect();
        let document = good.clone().field("nitrotpm_pcrs", nitro::pcrs(&entries)).build_with(&signature);
        assert_eq!(failed(verify(&document)), ["nitro.document.signature"], "PCR {index}");
    }
}

#[test]
fn what_is_expected_is_compared_in_full() {
    let document = spec().field("user_data", bytes(b"some data")).build();
    let judge = |at: usize, expected: Expected<'_>| {
        let only = |number| if number == at { expected } else { Expected::Any };
        let expectation = Expectation::new(only(0), only(1), only(2));
        verify_at(&document, &chain().root(), MADE, expectation)
    };
    let ids = ["nitro.document.nonce", "nitro.document.user-data", "nitro.document.public-key"];
    for (at, value) in [&NONCE[..], b"some data", b"a key"].into_iter().enumerate() {
        judge(at, Expected::Exactly(value)).expect("what is there");
        let longer = [value, &[0]].concat();
        let mut turned = value.to_vec();
        turned[value.len() - 1] ^= 1;
        for wrong in [&b""[..], &value[..1], &value[1..], &value[..value.len() - 1], &longer, &turned] {
            assert_eq!(failed(judge(at, Expected::Exactly(wrong))), [ids[at]], "{wrong:?}");
        }
        assert_eq!(failed(judge(at, Expected::Absent)), [ids[at]]);
    }
    // None is not an empty string, and an empty string is not none.
    for (value, wrong) in [(NULL.to_vec(), Expected::Exactly(&[][..])), (bytes(&[]), Expected::Absent)] {
        let document = spec().field("nonce", value).build();
        let expectation = Expectation::new(wrong, Expected::Any, Expected::Any);
        assert_eq!(failed(verify_at(&document, &chain().root(), MADE, expectation)), [ids[0]]);
    }
    // A nonce of no bytes makes nothing fresh.
    let empty = spec().field("nonce", bytes(&[])).build();
    let expectation = Expectation::new(Expected::Exactly(b""), Expected::Any, Expected::Any);
    let verified = verify_at(&empty, &chain().root(), MADE, expectation).expect("a document");
    assert!(!verified.claims().fresh());
}

/// Signed by the right key, and refused for their shape: a reader that is less strict would believe them.
#[test]
fn shape_is_refused_although_it_is_signed() {
    let twice = |name: &str, value: Vec<u8>| spec().with(|spec| spec.fields.push((text(name), value)));
    let entry = |index: Vec<u8>, value: &[u8]| map(&[(index, bytes(value))]);
    let cases: Vec<(&str, DocumentSpec)> = vec![
        ("form.duplicate", twice("nonce", bytes(b"another"))),
        ("form.duplicate", twice("nitrotpm_pcrs", nitro::pcrs(&[(0, [0; 48])]))),
        ("form.duplicate", twice("module_id", text(KIND.module_id()))),
        ("form.duplicate", spec().field("nitrotpm_pcrs", nitro::pcrs(&[(4, [0; 48]), (4, [1; 48])]))),
        ("nitro.wire.pcr-count", spec().field("nitrotpm_pcrs", map(&[]))),
        ("nitro.wire.pcr-index", spec().field("nitrotpm_pcrs", entry(uint(32), &[0; 48]))),
        ("nitro.wire.pcr-index", spec().field("nitrotpm_pcrs", entry(int(-1), &[0; 48]))),
        ("nitro.wire.pcr-index", spec().field("nitrotpm_pcrs", entry(uint(256), &[0; 48]))),
        ("nitro.wire.pcr-index", spec().field("nitrotpm_pcrs", entry(text("4"), &[0; 48]))),
        ("nitro.wire.pcr-length", spec().field("nitrotpm_pcrs", entry(uint(4), &[0; 32]))),
        ("nitro.wire.pcr-length", spec().field("nitrotpm_pcrs", entry(uint(4), &[0; 64]))),
        ("form.encoding", spec().field("nitrotpm_pcrs", entry(vec![0x18, 4], &[0; 48]))),
        ("nitro.wire.digest", spec().field("digest", text("SHA256"))),
        ("nitro.wire.timestamp", spec().field("timestamp", uint(0))),
        ("form.encoding", spec().field("timestamp", int(-1))),
        ("form.encoding", spec().field("module_id", bytes(KIND.module_id().as_bytes()))),
        ("nitro.wire.module-id", spec().field("module_id", text("i-0123456789abcdef0"))),
        ("nitro.wire.kind", spec().field("module_id", text(nitro::Kind::Enclave.module_id()))),
        ("nitro.wire.optional", spec().field("nonce", bytes(&[0; 1025]))),
        ("form.encoding", spec().field("nonce", text("a nonce"))),
        ("nitro.wire.unprotected", spec().with(|spec| spec.unprotected = map(&[(int(4), bytes(b"k"))]))),
        ("form.duplicate", spec().with(|spec| spec.unprotected = map(&[(int(1), int(-35))]))),
        ("nitro.wire.algorithm", spec().with(|spec| spec.protected = map(&[(int(1), int(-7))]))),
        ("nitro.wire.algorithm", spec().with(|spec| spec.protected = Vec::new())),
        (
            "nitro.wire.protected",
            spec().with(|spec| spec.protected = map(&[(int(1), int(-35)), (int(4), bytes(b"k"))])),
        ),
        ("form.encoding", spec().with(|spec| spec.tag = Some(98))),
        ("form.encoding", spec().with(|spec| spec.tag = Some(17))),
    ];
    for (check, spec) in cases {
        assert_eq!(failed(verify(&spec.build())), [check]);
    }
    // Bytes after the map, inside what is signed.
    let longer = [spec().payload(), vec![0]].concat();
    let whole = spec().build();
    let payload = bytes(&spec().payload());
    let document = replace_once(&whole, &payload, &bytes(&longer));
    assert_eq!(Document::parse(&document).expect_err("bytes left over").check_id(), "form.length");
}

/// Cut anywhere, it is refused as cut; a bit of any byte turned, and any bit outside the payload, it is not believed.
#[test]
fn no_altered_document_is_believed() {
    let good = spec().with(|spec| spec.tag = Some(18)).build();
    verify(&good).expect("the document as it is");
    for len in 0..good.len() {
        assert_eq!(Document::parse(&good[..len]).expect_err("cut").check_id(), "form.length", "{len}");
    }
    let payload = 16..good.len() - 98;
    let mut turned = good.clone();
    for at in 0..good.len() {
        let bits = if payload.contains(&at) { at % 8..at % 8 + 1 } else { 0..8 };
        for bit in bits {
            turned[at] ^= 1 << bit;
            assert!(verify(&turned).is_err(), "bit {bit} of byte {at}");
            turned[at] = good[at];
        }
    }
}
