//! Vectors of protocol section 2, every subset of small sets, and a share that is wrong in every way.

use super::*;
use crate::ids::NodeId;
use crate::keys::tests::{cluster, counted, hex, master};
use sha2::Sha256;

fn split(threshold: u8, count: u8) -> Split {
    Split {
        secret: SecretKind::Master,
        cluster: cluster(),
        set: ShareSetId::new(counted(0xc0)),
        epoch: KeyEpoch::FIRST,
        threshold,
        count,
    }
}

/// Coefficients that look random and are the same each time.
fn entropy(split: &Split, seed: u8) -> Vec<u8> {
    (0..split.entropy().div_ceil(32))
        .flat_map(|at| <[u8; 32]>::from(Sha256::digest([seed, at as u8])))
        .collect()
}

fn shares(threshold: u8, count: u8) -> Vec<Share> {
    let split = split(threshold, count);
    split.make(master(1).secret(), &entropy(&split, 0)).unwrap()
}

/// The same share with one thing changed, and a checksum to match: what a liar would send, not a bad typist.
fn forged(share: &Share, change: impl FnOnce(&mut Share)) -> Share {
    let mut forged = Share::from_bytes(&share.to_bytes()).unwrap();
    change(&mut forged);
    forged.checksum = checksum(&forged).unwrap();
    forged
}

fn fault(result: Result<impl Sized, KeyError>) -> ShareFault {
    match result {
        Err(KeyError::Share(fault)) => fault,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("no fault"),
    }
}

#[test]
fn shares_are_as_published() {
    let coefficient = Sha256::digest(b"attestrap share vector");
    let shares = split(2, 3).make(master(1).secret(), &coefficient).unwrap();
    let values: Vec<String> = shares.iter().map(|share| hex(share.value.expose())).collect();
    let expected = [
        "60047b082ccd20aa48c68e59596d0ffbafa8c9ab863b07de2603ed64925a29a5",
        "c00bf015548e4a46888c19afa6cd0cfc7578bf782b49349e642defe51b937070",
        "a00e891e7c466cebc8439dfdf3ad0d08cac164c0b96725575a37189a95d447ca",
    ];
    assert_eq!(values, expected);
    let commitment = "3c563ba7c1ac5cf0539a58338fbd6b6f77775b334834f9f7bd3c33b2f8e9ed84";
    assert_eq!(hex(shares[0].commitments[0]), commitment);
    assert_eq!(hex(shares[0].checksum), "b01a757523f070d5");
    assert_eq!(shares[0].to_bytes().len(), 215);
}

#[test]
fn any_k_give_the_secret_and_fewer_do_not() {
    for (threshold, count) in [(2, 2), (2, 3), (3, 5), (4, 4), (5, 6)] {
        let shares = shares(threshold, count);
        for chosen in 0_u32..1 << count {
            let chosen: Vec<&Share> =
                (0..count).filter(|at| chosen >> at & 1 == 1).map(|at| &shares[usize::from(at)]).collect();
            let combined = combine(&chosen);
            if chosen.len() >= usize::from(threshold) {
                assert!(combined.unwrap() == *master(1).secret(), "{threshold} of {count}");
            } else {
                let needed = if chosen.is_empty() { 2 } else { usize::from(threshold) };
                assert_eq!(fault(combined), ShareFault::Few { held: chosen.len(), needed });
            }
        }
    }
}

#[test]
fn the_order_does_not_matter_and_the_largest_set_works() {
    let shares = shares(3, 255);
    let chosen = [&shares[254], &shares[0], &shares[127]];
    assert!(combine(&chosen).unwrap() == *master(1).secret());
}

#[test]
fn k_minus_one_shares_fit_every_secret() {
    // For any other secret there are coefficients that give the very same k - 1 shares: here 1 of 2, all 256 values of a byte.
    let first = &shares(2, 2)[0];
    for octet in 0..=255 {
        let other = Secret::new("other", &core::array::from_fn::<u8, 32, _>(|at| octet ^ (at as u8) ^ 1));
        let Ok(other) = other else { continue };
        // y1 = secret + coefficient, so coefficient = secret + y1.
        let mut coefficient = [0; 32];
        let pairs = other.expose().iter().zip(first.value.expose());
        coefficient.iter_mut().zip(pairs).for_each(|(c, (s, y))| *c = s ^ y);
        let again = split(2, 2).make(&other, &coefficient).unwrap();
        assert!(again[0].value == first.value);
    }
}

#[test]
fn a_wrong_share_is_named() {
    let shares = shares(3, 5);
    let wrong = forged(&shares[3], |share| share.value = Secret::new("y", &[9; 32]).unwrap());
    assert_eq!(fault(check(&wrong)), ShareFault::Commitment { index: 4 });
    assert_eq!(fault(combine(&[&shares[0], &wrong, &shares[1]])), ShareFault::Commitment { index: 4 });
    let moved = forged(&shares[3], |share| share.index = Bounded::new(5).unwrap());
    assert_eq!(fault(check(&moved)), ShareFault::Commitment { index: 5 });
    let twice = combine(&[&shares[0], &shares[1], &shares[0]]);
    assert_eq!(fault(twice), ShareFault::Duplicate { index: 1 });
    assert_eq!(ShareFault::Commitment { index: 4 }.code(), Code::SHARE_WRONG);
}

#[test]
fn a_share_of_another_set_is_told_from_a_wrong_one() {
    let shares = shares(2, 3);
    let other = Split { set: ShareSetId::new([0xee; 16]), ..split(2, 3) };
    let foreign = other.make(master(1).secret(), &entropy(&other, 0)).unwrap();
    assert!(check(&foreign[1]).is_ok());
    let expected = ShareFault::Foreign { index: 2, expected: split(2, 3).set, actual: other.set };
    assert_eq!(fault(combine(&[&shares[0], &foreign[1]])), expected);
    assert_eq!(expected.code(), Code::SHARE_FOREIGN);
    // The same set id, and anything else different: another deal under a name that was used before.
    let again = split(2, 3).make(master(1).secret(), &entropy(&split(2, 3), 1)).unwrap();
    let mut odd = vec![forged(&again[1], |_| {})];
    odd.push(forged(&shares[1], |share| share.epoch = KeyEpoch::new(2).unwrap()));
    odd.push(forged(&shares[1], |share| share.cluster = ClusterId::new([1; 32])));
    odd.push(forged(&shares[1], |share| share.secret = SecretKind::Data));
    odd.push(forged(&shares[1], |share| share.threshold = Bounded::new(3).unwrap()));
    for odd in odd {
        assert_eq!(check(&odd), Ok(()));
        let same = split(2, 3).set;
        let expected = ShareFault::Foreign { index: 2, expected: same, actual: same };
        assert_eq!(fault(combine(&[&shares[0], &odd])), expected);
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let shares = shares(2, 3);
    let field = |share: &Share| {
        let ShareFault::Shape { field, .. } = fault(check(share)) else { panic!("another fault") };
        field
    };
    assert_eq!(field(&forged(&shares[0], |share| share.count = Bounded::new(4).unwrap())), "commitments");
    assert_eq!(field(&forged(&shares[0], |share| share.threshold = Bounded::new(4).unwrap())), "threshold");
    assert_eq!(field(&forged(&shares[0], |share| share.index = Bounded::new(4).unwrap())), "index");
    let made = |threshold, count| {
        let split = split(threshold, count);
        let made = split.make(master(1).secret(), &vec![1; split.entropy()]);
        let ShareFault::Shape { field, .. } = fault(made) else { panic!("another fault") };
        field
    };
    assert_eq!(made(0, 3), "threshold");
    assert_eq!(made(1, 3), "threshold");
    assert_eq!(made(3, 2), "count");
}

#[test]
fn coefficients_must_have_been_drawn() {
    let make = |coefficients: &[u8]| split(3, 3).make(master(1).secret(), coefficients).err();
    let length = |actual| KeyError::Length { what: "share coefficients", expected: 64, actual };
    assert_eq!(make(&[1; 63]), Some(length(63)));
    assert_eq!(make(&[1; 65]), Some(length(65)));
    let mut half = [0; 64];
    half[..32].fill(1);
    assert_eq!(make(&half), Some(KeyError::Zero { what: "share coefficients" }));
}

#[test]
fn a_printed_share_is_read_back_and_typing_errors_show() {
    let share = &shares(2, 3)[1];
    let printed = to_printed(share);
    assert!(printed.starts_with("attestrap-share-1:qwAB AQEC "), "{}", &printed[..30]);
    assert_eq!(from_printed(&printed).unwrap().to_bytes(), share.to_bytes());
    let lines = printed.replace(' ', "\n  ");
    assert_eq!(from_printed(&lines).unwrap().to_bytes(), share.to_bytes());
    assert_eq!(from_printed(&printed.replace(' ', "")).unwrap().to_bytes(), share.to_bytes());

    assert!(matches!(fault(from_printed(&printed[1..])), ShareFault::Printed(_)));
    assert!(matches!(fault(from_printed(&printed.replacen(' ', "!", 1))), ShareFault::Printed(_)));
    assert!(from_printed(&printed[..printed.len() - 5]).is_err());
    // Every single digit, mistyped: none passes, and one in the value is called a typing error.
    let digits = printed.strip_prefix("attestrap-share-1:").unwrap().replace(' ', "");
    for at in 0..digits.len() {
        let other = if &digits[at..=at] == "A" { "B" } else { "A" };
        let mistyped = format!("attestrap-share-1:{}{other}{}", &digits[..at], &digits[at + 1..]);
        assert!(from_printed(&mistyped).is_err(), "digit {at}");
    }
    let mut value = share.to_bytes();
    value[100] ^= 1;
    let mistyped = format!(
        "attestrap-share-1:{}",
        <base64ct::Base64UrlUnpadded as base64ct::Encoding>::encode_string(&value)
    );
    assert_eq!(fault(from_printed(&mistyped)), ShareFault::Checksum { index: 2 });
    let long = "A".repeat(20_001);
    assert!(matches!(from_printed(&long), Err(KeyError::TooLong { .. })));
    // Another rule of the wire is no share.
    let node = NodeId::new([1; 16]);
    let other = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::encode_string(node.as_bytes());
    assert!(matches!(from_printed(&format!("attestrap-share-1:{other}")), Err(KeyError::Wire(_))));
}
