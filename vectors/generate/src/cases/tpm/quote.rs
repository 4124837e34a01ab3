//! The signature, and what it is fresh for.

use super::{Machine, Suite, evidence};
use crate::tpm::QuoteSpec;

pub(super) fn add(suite: &mut Suite) {
    signature_hash(suite);
    signature(suite);
    extra_data(suite);
}

fn signature_hash(suite: &mut Suite) {
    let check = "vtpm.quote.signature-hash";
    suite.good(&[check]);
    let machine = Machine::rsa().free().pinned(suite);
    let quote = machine.quote(&machine.attest());
    for hash in [0x0004_u16, 0x0012, 0x0027, 0x0028, 0x0010] {
        let signature = [&quote.signature[..2], &hash.to_be_bytes(), &quote.signature[4..]].concat();
        let evidence = evidence(&[QuoteSpec { signature, ..quote.clone() }], &machine.ak(), &[]);
        suite
            .case(check, &format!("{hash:04x}"), "a hash that nothing is believed on", evidence)
            .also(&["vtpm.pcr.digest"]);
    }
}

fn signature(suite: &mut Suite) {
    let check = "vtpm.quote.signature";
    suite.good(&[check]);
    for (name, machine) in Machine::all() {
        let machine = machine.pinned(suite);
        let quote = machine.quote(&machine.attest());
        let of = |quote: QuoteSpec| evidence(&[quote], &machine.ak(), &[]);
        let mut flipped = quote.clone();
        *flipped.signature.last_mut().expect("a signature") ^= 1;
        suite.case(check, &format!("{name}-flipped"), "a bit of the signature", of(flipped));
        let mut flipped = quote.clone();
        // restartCount, in front of safe, firmwareVersion, one selection and the digest: no other rule looks at it.
        let at = flipped.attest.len() - (1 + 8 + 4 + 6 + 2 + machine.attest().digest.len()) - 1;
        flipped.attest[at] ^= 1;
        suite.case(check, &format!("{name}-attest"), "a bit of what was signed", of(flipped));
        let mut other = machine.attest();
        other.safe = 0;
        let replaced = QuoteSpec { signature: machine.quote(&other).signature, ..quote };
        suite.case(check, &format!("{name}-another"), "the signature of another quote", of(replaced));
    }
}

fn extra_data(suite: &mut Suite) {
    let check = "vtpm.quote.extra-data";
    suite.good(&[check]);
    let machine = Machine::p384().pinned(suite);
    let plain = machine.evidence(&machine.attest());
    let mut last = [0x5a; 32];
    last[31] = 0x5b;
    for (name, why, expected) in [
        ("prefix", "half of it", vec![0x5a; 16]),
        ("longer", "more than it", vec![0x5a; 33]),
        ("padded", "it and zeros", [[0x5a; 32].as_slice(), &[0; 32]].concat()),
        ("empty", "nothing", Vec::new()),
        ("last-bit", "it with a bit changed", last.to_vec()),
        ("66", "the longest there is", vec![0x5a; 66]),
    ] {
        suite.case(check, name, why, plain.clone()).expecting_nonce(&expected);
    }
    for len in [0, 1, 64, 66] {
        let mut attest = machine.attest();
        attest.extra_data = vec![0x5a; len];
        let evidence = machine.evidence(&attest);
        let why = "compared in full";
        suite.case(check, &format!("good-{len}"), why, evidence).expecting_nonce(&vec![0x5a; len]).accepted();
    }
    suite.case("vtpm.ak.trusted", "no-nonce", "the caller asks for none", plain).expecting(None).accepted();
}
