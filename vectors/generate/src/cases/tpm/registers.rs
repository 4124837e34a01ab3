//! Registers: what was selected, what was handed over, and what the digest covers.

use super::{INDICES, Machine, SHA256, SHA384, Suite, evidence, value};
use crate::tpm::{AttestSpec, QuoteSpec, Value};

pub(super) fn add(suite: &mut Suite) {
    selections(suite);
    values(suite);
    digests(suite);
    several(suite);
}

/// Concatenates the registers of a selection as a TPM does.
fn covered(selection: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let indices = |bitmap: &[u8]| {
        (0..24_u8)
            .filter(|at| bitmap.get(usize::from(at / 8)).is_some_and(|o| o >> (at % 8) & 1 == 1))
            .collect::<Vec<_>>()
    };
    selection
        .iter()
        .flat_map(|(bank, bitmap)| indices(bitmap).into_iter().flat_map(|index| value(*bank, index)))
        .collect()
}

/// Each register of a selection once, with its value.
fn handed(selection: &[(u16, Vec<u8>)]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for (bank, bitmap) in selection {
        for index in 0..24_u8 {
            let set = bitmap.get(usize::from(index / 8)).is_some_and(|octet| octet >> (index % 8) & 1 == 1);
            if set && !out.iter().any(|(of, at, _)| of == bank && *at == index) {
                out.push((*bank, index, value(*bank, index)));
            }
        }
    }
    out
}

fn selections(suite: &mut Suite) {
    suite.good(&["vtpm.quote.selection-empty", "vtpm.quote.selection-bank", "vtpm.quote.bank"]);
    let machine = Machine::p256().pinned(suite);
    let mut case = |check: &str, name: &str, why: &str, selection: Vec<(u16, Vec<u8>)>, exit: u8| {
        let mut attest = machine.attest();
        attest.digest = machine.hash.digest(&covered(&selection));
        let values = handed(&selection);
        attest.selection = selection;
        suite.case(check, name, why, machine.evidence_with(&attest, values)).exit(exit);
    };
    let some = || vec![0x91, 0, 0];
    let check = "vtpm.quote.selection-empty";
    case(check, "count-0", "a quote over nothing", vec![], 11);
    case(check, "bitmap", "a bank without a register", vec![(SHA256, vec![0, 0, 0])], 11);
    case(check, "size-0", "a bank without room for a register", vec![(SHA256, vec![])], 11);
    case(
        check,
        "one-of-two",
        "one bank of two is empty",
        vec![(SHA256, some()), (SHA384, vec![0, 0, 0])],
        11,
    );
    case(check, "first-of-two", "the first of two", vec![(SHA384, vec![0, 0, 0]), (SHA256, some())], 11);
    case(check, "wide", "an empty bitmap of 32 bits", vec![(SHA256, vec![0, 0, 0, 0])], 11);
    let check = "vtpm.quote.selection-bank";
    case(check, "same", "a bank twice", vec![(SHA256, some()), (SHA256, some())], 11);
    case(
        check,
        "splice",
        "PCR 16 where PCR 7 is read",
        vec![(SHA256, vec![0x11, 0, 0]), (SHA256, vec![0, 0, 1])],
        11,
    );
    let three = vec![(SHA256, vec![1, 0, 0]), (SHA256, vec![0x10, 0, 0]), (SHA256, vec![0, 0, 0x80])];
    case(check, "three", "a bank three times", three, 11);
    case(check, "sha384", "another bank twice", vec![(SHA384, some()), (SHA384, vec![0, 1, 0])], 11);
    case(
        check,
        "apart",
        "twice, with another between",
        vec![(SHA256, some()), (SHA384, some()), (SHA256, vec![0, 1, 0])],
        11,
    );
    let check = "vtpm.quote.bank";
    for bank in [0x0012_u16, 0x0027, 0x0028, 0x0029] {
        case(check, &format!("{bank:04x}"), "a bank that no provider has", vec![(bank, some())], 20);
    }
    case(check, "beside", "beside one that is known", vec![(SHA256, some()), (0x0012, some())], 20);
    case(check, "two-banks", "two banks that are known", vec![(SHA384, some()), (SHA256, some())], 0);
    case(check, "sha1", "SHA-1's, which policy judges", vec![(0x0004, some())], 0);
    case(check, "sha512", "SHA-512's", vec![(0x000d, some())], 0);
    case(check, "all-24", "all registers", vec![(SHA256, vec![0xff, 0xff, 0xff])], 0);
}

fn values(suite: &mut Suite) {
    suite.good(&["vtpm.pcr.duplicate", "vtpm.pcr.selected", "vtpm.pcr.length"]);
    let machine = Machine::rsa().pinned(suite);
    let attest = machine.attest();
    let plain =
        || -> Vec<Value> { INDICES.iter().map(|index| (SHA256, *index, value(SHA256, *index))).collect() };
    let forged = |index: u8| (SHA256, index, vec![0xee; 32]);
    let mut case = |check: &str, name: &str, why: &str, values: Vec<Value>, also: &[&str]| {
        suite.case(check, name, why, machine.evidence_with(&attest, values)).also(also);
    };
    let check = "vtpm.pcr.duplicate";
    let again = |value: Value, first: bool| {
        let mut values = plain();
        values.insert(if first { 0 } else { values.len() }, value);
        values
    };
    let same = (SHA256, 4, value(SHA256, 4));
    case(check, "same-last", "a value twice", again(same.clone(), false), &[]);
    case(check, "same-first", "a value twice", again(same, true), &[]);
    case(check, "forged-last", "a second value, forged", again(forged(4), false), &[]);
    let also = ["vtpm.pcr.digest"];
    case(check, "forged-first", "a first value, forged", again(forged(4), true), &also);
    let thrice = [again(forged(7), false), vec![forged(7)]].concat();
    case(check, "three", "a value three times", thrice, &also);
    let check = "vtpm.pcr.selected";
    let without = |index: u8| plain().into_iter().filter(move |(_, at, _)| *at != index).collect::<Vec<_>>();
    case(check, "missing-first", "a quoted register without a value", without(0), &also);
    case(check, "missing-last", "a quoted register without a value", without(7), &also);
    case(check, "surplus", "a value that is not quoted", again((SHA256, 9, value(SHA256, 9)), false), &[]);
    case(check, "surplus-bank", "a value of another bank", again((SHA384, 4, value(SHA384, 4)), false), &[]);
    let moved = |from: u8, to: u8| {
        plain()
            .into_iter()
            .map(|(bank, at, value)| (bank, if at == from { to } else { at }, value))
            .collect::<Vec<_>>()
    };
    case(check, "relabelled", "a value under another number", moved(7, 8), &also);
    let banked = plain().into_iter().map(|(_, at, value)| (0x0027, at, value)).collect();
    case(check, "relabelled-bank", "values under another bank", banked, &also);
    case(check, "none", "no value at all", Vec::new(), &also);
    let check = "vtpm.pcr.length";
    let resized = |lengths: [usize; 3]| {
        let whole: Vec<u8> = plain().into_iter().flat_map(|(_, _, value)| value).collect();
        let mut rest = whole.as_slice();
        INDICES
            .iter()
            .zip(lengths)
            .map(|(index, len)| {
                let (value, after) = rest.split_at(len);
                rest = after;
                (SHA256, *index, value.to_vec())
            })
            .collect::<Vec<_>>()
    };
    case(check, "shifted", "the same bytes, other borders", resized([31, 33, 32]), &[]);
    case(check, "shifted-far", "the same bytes, other borders", resized([64, 0, 32]), &[]);
    case(check, "short", "a value of 20 bytes", resized([20, 32, 32]), &also);
    case(check, "empty", "a value of no bytes", resized([0, 32, 32]), &also);
    case(check, "last-short", "the last value is cut", resized([32, 32, 31]), &also);
}

fn digests(suite: &mut Suite) {
    let check = "vtpm.pcr.digest";
    suite.good(&[check]);
    let machine = Machine::rsa().pinned(suite);
    let parts: Vec<u8> = INDICES.iter().flat_map(|index| value(SHA256, *index)).collect();
    let turned: Vec<u8> = INDICES.iter().rev().flat_map(|index| value(SHA256, *index)).collect();
    let whole = machine.hash.digest(&parts);
    let mut flipped = whole.clone();
    flipped[31] ^= 1;
    for (name, why, digest) in [
        ("empty", "no digest", Vec::new()),
        ("half", "half of it", whole[..16].to_vec()),
        ("flipped", "a bit of it", flipped),
        ("sha384", "by another hash than the signature's", crate::Hash::Sha384.digest(&parts)),
        ("turned", "in another order", machine.hash.digest(&turned)),
        ("padded", "it and a zero", [whole.as_slice(), &[0]].concat()),
    ] {
        let mut attest = machine.attest();
        attest.digest = digest;
        let evidence = machine.evidence(&attest);
        suite.case(check, name, why, evidence);
    }
    let mut changed: Vec<Value> =
        INDICES.iter().map(|index| (SHA256, *index, value(SHA256, *index))).collect();
    changed[1].2[0] ^= 1;
    let evidence = machine.evidence_with(&machine.attest(), changed);
    suite.case(check, "value", "a value was changed", evidence);
}

/// Several quotes of one key: each must hold, and no register may be in two.
fn several(suite: &mut Suite) {
    let machine = Machine::p256().pinned(suite);
    let of = |bank: u16| {
        let selection = vec![(bank, super::BITMAP.to_vec())];
        let mut attest = machine.attest();
        attest.digest = machine.hash.digest(&covered(&selection));
        attest.selection = selection.clone();
        QuoteSpec { values: handed(&selection), ..machine.quote(&attest) }
    };
    let mut case = |check: &str, name: &str, why: &str, quotes: &[QuoteSpec], also: &[&str]| {
        let evidence = evidence(quotes, &machine.ak(), &[]);
        let draft = suite.case(check, name, why, evidence).also(also);
        if name.starts_with("good") {
            drop(draft.accepted());
        }
    };
    let (first, second) = (of(SHA256), of(SHA384));
    case(
        "vtpm.pcr.digest",
        "good-two-quotes",
        "two quotes of two banks",
        &[first.clone(), second.clone()],
        &[],
    );
    let mut invented = second.clone();
    invented.values[0].2 = vec![0xee; 48];
    case(
        "vtpm.pcr.digest",
        "second-invented",
        "values of the second are invented",
        &[first.clone(), invented],
        &[],
    );
    let mut forged = second;
    *forged.signature.last_mut().expect("a signature") ^= 1;
    case("vtpm.quote.signature", "second-forged", "the second is forged", &[first.clone(), forged], &[]);
    // A bare key is read in the template that the first quote gives; the second must name the same key.
    let bare = Machine { bare: true, ..machine.clone() };
    let mut attest = machine.attest();
    attest.signer = [&[0, 0x0b], [7; 32].as_slice()].concat();
    attest.selection = vec![(SHA384, super::BITMAP.to_vec())];
    attest.digest = machine.hash.digest(&covered(&attest.selection));
    let stranger = QuoteSpec { values: handed(&attest.selection), ..machine.quote(&attest) };
    let evidence = evidence(&[first.clone(), stranger], &bare.ak(), &[]);
    suite
        .case(
            "vtpm.ak.qualified-signer",
            "second-of-a-bare-key",
            "the second quote names another key",
            evidence,
        )
        .also(&["vtpm.quote.same-boot"]);
    // The register bank of one boot beside that of another.
    let check = "vtpm.quote.same-boot";
    suite.good(&[check]);
    let both = crate::tpm::evidence(&[first.clone(), of(SHA384)], &machine.ak(), &[]);
    suite.case(check, "good-two-quotes", "two quotes of one boot", both).accepted();
    type Change = fn(&mut AttestSpec);
    let changes: [(&str, Change); 6] = [
        ("reset", |attest| attest.reset_count += 1),
        ("reset-back", |attest| attest.reset_count = 0),
        ("restart", |attest| attest.restart_count += 1),
        ("firmware", |attest| attest.firmware_version ^= 1),
        ("firmware-high", |attest| attest.firmware_version ^= 1 << 63),
        ("signer", |attest| attest.signer = [&[0, 0x0b], [7; 32].as_slice()].concat()),
    ];
    for (name, change) in changes {
        let mut attest = machine.attest();
        attest.selection = vec![(SHA384, super::BITMAP.to_vec())];
        attest.digest = machine.hash.digest(&covered(&attest.selection));
        change(&mut attest);
        let other = QuoteSpec { values: handed(&attest.selection), ..machine.quote(&attest) };
        let evidence = crate::tpm::evidence(&[first.clone(), other], &machine.ak(), &[]);
        suite.case(check, name, "the second quote is of another boot", evidence);
    }
    // A clock is safe only if each quote says so.
    for (name, unsafe_first) in [("first-unsafe", true), ("second-unsafe", false)] {
        let quote = |bank, safe: bool| {
            let mut attest = machine.attest();
            attest.selection = vec![(bank, super::BITMAP.to_vec())];
            attest.digest = machine.hash.digest(&covered(&attest.selection));
            attest.safe = u8::from(safe);
            QuoteSpec { values: handed(&attest.selection), ..machine.quote(&attest) }
        };
        let quotes = [quote(SHA256, !unsafe_first), quote(SHA384, unsafe_first)];
        let evidence = crate::tpm::evidence(&quotes, &machine.ak(), &[]);
        suite
            .case("vtpm.policy.clock-safe", name, "one of two quotes of an unsafe clock", evidence)
            .rule("vtpm.clock_safe", "set")
            .exit(10);
    }
    let mut case = |check: &str, name: &str, why: &str, quotes: &[QuoteSpec], also: &[&str]| {
        let evidence = crate::tpm::evidence(quotes, &machine.ak(), &[]);
        suite.case(check, name, why, evidence).also(also);
    };
    case("vtpm.pcr.duplicate", "two-quotes", "registers in two quotes", &[first.clone(), first], &[]);
}
