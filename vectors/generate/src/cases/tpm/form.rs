//! Shape: what is refused before anything is believed. Every attestation here is signed as it stands.

use super::{Machine, SHA256, Suite, evidence};
use crate::keys::SMALL;
use crate::tpm::{Numbers, QuoteSpec, sized};

pub(super) fn add(suite: &mut Suite) {
    attest(suite);
    selection(suite);
    signature(suite);
    public(suite);
    lengths(suite);
}

fn attest(suite: &mut Suite) {
    suite.good(&["vtpm.wire.magic", "vtpm.wire.type", "vtpm.wire.qualified-signer", "vtpm.wire.safe"]);
    let machine = Machine::rsa();
    let plain = machine.attest();
    for (name, magic) in [
        ("zero", 0),
        ("turned", 0x4743_54ff),
        ("one-bit", 0xff54_4346),
        ("ones", u32::MAX),
        ("shifted", 0x5443_4700),
    ] {
        let mut attest = plain.clone();
        attest.magic = magic;
        let evidence = machine.evidence(&attest);
        suite.malformed("vtpm.wire.magic", name, "not TPM_GENERATED_VALUE", evidence);
    }
    for kind in [0x8014, 0x8016, 0x8017, 0x8019, 0x801a, 0x0018] {
        let mut attest = plain.clone();
        attest.kind = kind;
        let evidence = machine.evidence(&attest);
        suite.malformed("vtpm.wire.type", &format!("{kind:04x}"), "another type, a quote's body", evidence);
    }
    let digest = machine.public.qualified_name()[2..].to_vec();
    for (name, signer) in [
        ("empty", Vec::new()),
        ("one-byte", vec![0]),
        ("unknown", [&[0, 0x55], digest.as_slice()].concat()),
        ("short", [&[0, 0x0b], &digest[1..]].concat()),
        ("long", [&[0, 0x0b, 0], digest.as_slice()].concat()),
        ("bare", digest.clone()),
    ] {
        let mut attest = plain.clone();
        attest.signer = signer;
        let evidence = machine.evidence(&attest);
        suite.malformed("vtpm.wire.qualified-signer", name, "no name", evidence);
    }
    for safe in [2, 3, 0x7f, 0x80, 0xff] {
        let mut attest = plain.clone();
        attest.safe = safe;
        let evidence = machine.evidence(&attest);
        suite.malformed("vtpm.wire.safe", &format!("{safe:02x}"), "neither YES nor NO", evidence);
    }
}

fn selection(suite: &mut Suite) {
    suite.good(&["vtpm.wire.selection-count", "vtpm.wire.selection-index"]);
    let machine = Machine::rsa();
    let plain = machine.attest();
    for (name, count, listed) in
        [("17", 17, 17), ("18", 18, 18), ("255", 255, 255), ("65536", 0x1_0000, 1), ("ones", u32::MAX, 1)]
    {
        let mut attest = plain.clone();
        attest.count = Some(count);
        attest.selection = vec![(SHA256, vec![0x91, 0, 0]); listed];
        let evidence = machine.evidence(&attest);
        suite.malformed("vtpm.wire.selection-count", name, "more entries than 16", evidence);
    }
    let wide = |at: usize, octet: u8, len: usize| {
        let mut bitmap = vec![0; len];
        bitmap[0] = 0x91;
        bitmap[at] = octet;
        bitmap
    };
    for (name, bitmap) in [
        ("24", wide(3, 1, 4)),
        ("31", wide(3, 0x80, 4)),
        ("32", wide(4, 1, 5)),
        ("63", wide(7, 0x80, 8)),
        ("2039", wide(254, 0x80, 255)),
    ] {
        let mut attest = plain.clone();
        attest.selection = vec![(SHA256, bitmap)];
        let evidence = machine.evidence(&attest);
        suite.malformed("vtpm.wire.selection-index", name, "a register that a PC does not have", evidence);
    }
    let mut attest = plain;
    attest.selection = vec![(SHA256, wide(3, 0, 4))];
    let machine = machine.pinned(suite);
    let evidence = machine.evidence(&attest);
    suite
        .case("vtpm.wire.selection-index", "wide", "room for 32 registers, none above 23", evidence)
        .accepted();
}

fn signature(suite: &mut Suite) {
    suite.good(&["vtpm.wire.signature-scheme", "vtpm.wire.signature-scalar"]);
    let machine = Machine::rsa();
    let quote = machine.quote(&machine.attest());
    let of = |signature: Vec<u8>, machine: &Machine, quote: &QuoteSpec| {
        evidence(&[QuoteSpec { signature, ..quote.clone() }], &machine.ak(), &[])
    };
    for scheme in [0x0005_u16, 0x0010, 0x0015, 0x001a, 0x001b, 0x001c] {
        let signature = [&scheme.to_be_bytes(), &quote.signature[2..]].concat();
        let evidence = of(signature, &machine, &quote);
        suite
            .case("vtpm.wire.signature-scheme", &format!("{scheme:04x}"), "another scheme", evidence)
            .exit(20);
    }
    let machine = Machine::p384().pinned(suite);
    let quote = machine.quote(&machine.attest());
    let (r, s) = (&quote.signature[6..54], &quote.signature[56..104]);
    let padded = |number: &[u8], zeros: usize| [vec![0; zeros], number.to_vec()].concat();
    for (name, r, s) in [
        ("r-49", padded(r, 1), s.to_vec()),
        ("s-49", r.to_vec(), padded(s, 1)),
        ("both-49", padded(r, 1), padded(s, 1)),
        ("r-64", padded(r, 16), s.to_vec()),
        ("s-66", r.to_vec(), padded(s, 18)),
    ] {
        let signature = [&quote.signature[..4], &sized(&r), &sized(&s)].concat();
        let evidence = of(signature, &machine, &quote);
        let why = "the right number, longer than the field";
        suite.malformed("vtpm.wire.signature-scalar", name, why, evidence);
    }
}

fn public(suite: &mut Suite) {
    suite.good(&["vtpm.wire.public-type", "vtpm.wire.name-alg", "vtpm.wire.attributes", "vtpm.wire.point"]);
    let machine = Machine::rsa();
    let mut refused = |check: &str, name: &str, why: &str, machine: Machine| {
        let evidence = machine.evidence(&machine.attest());
        suite.malformed(check, name, why, evidence);
    };
    for kind in [0x0000, 0x0008, 0x0010, 0x0025, 0xffff] {
        let machine = machine.clone().with(|public| public.kind = Some(kind));
        refused("vtpm.wire.public-type", &format!("{kind:04x}"), "neither RSA nor ECC", machine);
    }
    // The quote names the sound key: after the check there is no name to compare.
    for name_alg in [0x0000_u16, 0x0001, 0x0010, 0x0014, 0xffff] {
        let sound = machine.attest();
        let machine = machine.clone().with(|public| public.name_alg = name_alg);
        let evidence = machine.evidence(&sound);
        suite.malformed("vtpm.wire.name-alg", &format!("{name_alg:04x}"), "no hash algorithm", evidence);
    }
    let mut refused = |check: &str, name: &str, why: &str, machine: Machine| {
        let evidence = machine.evidence(&machine.attest());
        suite.malformed(check, name, why, evidence);
    };
    for bit in [0, 3, 12, 15, 20, 31] {
        let machine = machine.clone().with(|public| public.attributes |= 1 << bit);
        refused("vtpm.wire.attributes", &format!("bit-{bit}"), "a reserved bit is set", machine);
    }
    let modulus = SMALL.modulus();
    for (name, bits, modulus) in [
        ("rsa-short", 2048, modulus[1..].to_vec()),
        ("rsa-long", 2048, [&[0], modulus.as_slice()].concat()),
        ("rsa-zero", 2048, [&[0], &modulus[1..]].concat()),
        ("rsa-bits", 3072, modulus.clone()),
    ] {
        let machine =
            machine.clone().with(|public| public.numbers = Numbers::Rsa { bits, exponent: 0, modulus });
        refused("vtpm.wire.point", name, "a modulus of another length", machine);
    }
    for (name, x_len, y_len) in
        [("ecc-x-47", 47, 48), ("ecc-y-49", 48, 49), ("ecc-empty", 0, 0), ("ecc-x-66", 66, 48)]
    {
        let machine = Machine::p384().with(|public| {
            public.numbers = Numbers::Ecc { curve: 4, x: vec![1; x_len], y: vec![1; y_len] };
        });
        refused("vtpm.wire.point", name, "a coordinate of another length", machine);
    }
}

/// Every structure, cut and continued.
fn lengths(suite: &mut Suite) {
    let machine = Machine::p256();
    let quote = machine.quote(&machine.attest());
    let with = |quote: QuoteSpec| evidence(&[quote], &machine.ak(), &[]);
    let cut = |bytes: &[u8], by: usize| bytes[..bytes.len() - by].to_vec();
    let more = |bytes: &[u8]| [bytes, &[0]].concat();
    let check = "form.length";
    for (name, attest) in [
        ("attest-empty", Vec::new()),
        ("attest-magic", quote.attest[..4].to_vec()),
        ("attest-clock", quote.attest[..80].to_vec()),
        ("attest-digest", cut(&quote.attest, 1)),
        ("attest-trailing", more(&quote.attest)),
    ] {
        let evidence = with(QuoteSpec { attest, ..quote.clone() });
        suite.malformed(check, name, "TPMS_ATTEST of another length", evidence);
    }
    for (name, signature) in [
        ("signature-empty", Vec::new()),
        ("signature-cut", cut(&quote.signature, 1)),
        ("signature-trailing", more(&quote.signature)),
    ] {
        let evidence = with(QuoteSpec { signature, ..quote.clone() });
        suite.malformed(check, name, "TPMT_SIGNATURE of another length", evidence);
    }
    let public = machine.public.build();
    for (name, public) in
        [("public-empty", Vec::new()), ("public-cut", cut(&public, 1)), ("public-trailing", more(&public))]
    {
        let evidence = evidence(std::slice::from_ref(&quote), &crate::tpm::AkSpec::Public(public), &[]);
        suite.malformed(check, name, "TPMT_PUBLIC of another length", evidence);
    }
    let whole = with(quote.clone());
    suite.malformed("form.length", "evidence-cut", "the map ends too early", cut(&whole, 1));
    suite.malformed("form.encoding", "evidence-trailing", "a byte behind the map", more(&whole));
    suite.malformed("form.encoding", "no-quote", "no quote", evidence(&[], &machine.ak(), &[]));
    let many = vec![quote.clone(); 9];
    suite.malformed(
        "form.budget",
        "nine-quotes",
        "more quotes than eight",
        evidence(&many, &machine.ak(), &[]),
    );
    let values = vec![quote.values[0].clone(); 385];
    let evidence = with(QuoteSpec { values, ..quote });
    suite.malformed("form.budget", "385-values", "more values than 24 registers of 16 banks", evidence);
}
