//! The document's signature, and the nonce that the caller expects in it.

use super::{Suite, forms, spec};
use crate::P384Key;
use crate::cbor_out::{NULL, bytes, uint};
use crate::nitro::{AUTHORITIES, Kind, NONCE, pcrs, register};

pub(super) fn add(suite: &mut Suite) {
    signature(suite);
    nonce(suite);
}

fn signature(suite: &mut Suite) {
    let check = "nitro.document.signature";
    for (name, form) in forms() {
        suite.document(check, &format!("good-{name}"), "a document as it may be", &form).accepted();
    }
    let good = spec(Kind::NitroTpm);
    let signed = good.signature();
    let (r, s) = signed.split_at(48);
    let by = |label: &str| good.clone().with(|spec| spec.signer = P384Key::from_label(label)).build();
    let zeros: Vec<_> =
        (0..24).map(|index| (index, if index == 4 { [0; 48] } else { register(index) })).collect();
    for (name, why, document) in [
        ("rogue", "somebody else's key", by("rogue")),
        ("issuer", "the issuer's key", by(AUTHORITIES[3])),
        (
            "context",
            "a signature for another purpose",
            good.clone().with(|spec| spec.context = "Signature").build(),
        ),
        ("zeros", "zeros", good.build_with(&[0; 96])),
        ("ones", "numbers above the order", good.build_with(&[0xFF; 96])),
        ("swapped", "r and s swapped", good.build_with(&[s, r].concat())),
        ("s-zero", "s of zero", good.build_with(&[r, &[0; 48]].concat())),
        ("r-zero", "r of zero", good.build_with(&[&[0; 48], s].concat())),
        (
            "other-document",
            "another document's signature",
            good.build_with(&good.clone().field("nonce", bytes(b"another")).signature()),
        ),
        ("time", "another time", good.clone().field("timestamp", uint(1)).build_with(&signed)),
        (
            "register",
            "another value of a register",
            good.clone().field("nitrotpm_pcrs", pcrs(&zeros)).build_with(&signed),
        ),
        (
            "map-form",
            "the same map in another form",
            good.clone().with(|spec| spec.indefinite = false).build_with(&signed),
        ),
        (
            "map-order",
            "the same map in another order",
            good.clone().with(|spec| spec.fields.reverse()).build_with(&signed),
        ),
    ] {
        suite.document_as(check, name, why, document);
    }
}

fn nonce(suite: &mut Suite) {
    let check = "nitro.document.nonce";
    suite.good_documents(&[check]);
    let mut last = NONCE;
    last[63] ^= 1;
    let mut first = NONCE;
    first[0] ^= 0x80;
    let longer = [&NONCE[..], &[0]].concat();
    for (name, why, expected) in [
        ("first-bit", "the first bit", &first[..]),
        ("last-bit", "the last bit", &last[..]),
        ("beginning", "the beginning of what is there", &NONCE[..63]),
        ("longer", "what is there and a zero", &longer),
        ("empty", "nothing", &[]),
    ] {
        suite.document(check, name, why, &spec(Kind::Enclave)).expecting_nonce(expected);
    }
    let null = spec(Kind::Enclave).field("nonce", NULL.to_vec());
    suite.document(check, "null", "no nonce at all", &null);
    suite.document(check, "null-empty", "no nonce is not an empty one", &null).expecting_nonce(&[]);
    let short = spec(Kind::NitroTpm).field("nonce", bytes(b"twenty bytes of nonc"));
    suite
        .document(check, "20-bytes", "a shorter nonce", &short)
        .expecting_nonce(b"twenty bytes of nonc")
        .accepted();
}
