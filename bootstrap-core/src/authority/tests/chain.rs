//! The chain of policies.

use super::people::*;
use crate::authority::{Draft, Fault, PolicyChain};
use crate::error::Code;
use crate::ids::{ClusterId, Role, StatementHash};
use crate::wire::{
    Authority, Bounded, List, NamePattern, PolicyStatement, Replacement, Signature, Signed, Statement, Uses,
};

#[track_caller]
fn refused(result: Result<PolicyChain, Fault>, code: Code) -> Fault {
    let fault = result.unwrap_err();
    assert_eq!(fault.code(), code, "{fault}");
    fault
}

#[test]
fn a_signed_policy_has_one_hash() {
    let signed = signed_policy(first());
    let hash = Draft::resume(&signed).hash();
    assert_eq!(chain(first()).tip().map(|tip| (tip.epoch, tip.hash)), Some((1, hash)));
    assert_eq!(Signed::from_bytes(&signed.to_bytes()), Ok(signed.clone()));
    // Ed25519 signs without a random number, so all of the file is known. Both values are Python's (hashlib, cryptography).
    assert_eq!(hash.to_string(), "ec8a227e0ef016cb5d5e7b0421803d56bf23a62d91ed7f7c9ab07aa675fb9fa8");
    let file = StatementHash::new(
        sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(signed.to_bytes())).into(),
    );
    assert_eq!(file.to_string(), "44e93296efd96b2646efdda3c42445bb8a2078f55f6876ecdbe016a3b598c7b8");
}

#[test]
fn a_chain_goes_on_by_one_and_a_copy_changes_nothing() {
    let (chain, next) = second();
    let signed = signed_policy(next);
    let after = chain.publish(&signed, at(100)).unwrap();
    assert_eq!(after.tip().map(|tip| tip.epoch), Some(2));
    assert_eq!(after.publish(&signed, at(100)).as_ref(), Ok(&after));
    // Also one that is not the newest.
    assert_eq!(after.publish(&signed_policy(first()), at(100)).as_ref(), Ok(&after));
    assert_ne!(chain, after);
}

#[test]
fn the_threshold_is_of_people() {
    let (chain, next) = second();
    let statement = Statement::Policy(next);
    let needed = Fault::Threshold { needed: 2, actual: 1 };
    assert_eq!(refused(chain.publish(&signed(statement.clone(), &[3]), at(100)), Code::STATEMENT), needed);
    // The same operator twice is one operator.
    let one = signed(statement.clone(), &[3]);
    let mut twice = one.clone();
    twice.signatures = list(vec![one.signatures[0].clone(), one.signatures[0].clone()]);
    assert_eq!(refused(chain.publish(&twice, at(100)), Code::STATEMENT), needed);
    // One who is no operator is nobody.
    assert_eq!(refused(chain.publish(&signed(statement.clone(), &[3, 4]), at(100)), Code::STATEMENT), needed);
    assert!(chain.publish(&signed(statement.clone(), &[3, 4, 1]), at(100)).is_ok());
    // One in an operator's name must hold, even where two others would do.
    let mut forged = signed(statement, &[1, 2, 3]);
    let mut signatures = forged.signatures.to_vec();
    signatures[1].bytes[40] ^= 1;
    forged.signatures = list(signatures);
    let key = operator(2).public_key().id();
    assert_eq!(refused(chain.publish(&forged, at(100)), Code::STATEMENT), Fault::Signature { key });
}

#[test]
fn a_signature_is_of_this_statement_and_of_this_protocol() {
    let (chain, next) = second();
    let other =
        signed(Statement::Policy(PolicyStatement { not_after: at(400_000), ..next.clone() }), &[1, 2]);
    let mut moved = signed(Statement::Policy(next.clone()), &[1, 2]);
    moved.signatures = other.signatures;
    refused(chain.publish(&moved, at(100)), Code::STATEMENT);
    // The bare payload, as another use of the key would sign it.
    let statement = Statement::Policy(next);
    let draft = Draft::new(&statement).unwrap();
    let (key, bytes) = (operator(1).public_key(), operator(1).sign(draft.payload().as_bytes()));
    let bare = Signed {
        payload: draft.payload().clone(),
        signatures: list(vec![Signature {
            algorithm: crate::wire::Algorithm::Ed25519,
            key: key.id(),
            bytes,
        }]),
    };
    assert_eq!(refused(chain.publish(&bare, at(100)), Code::STATEMENT), Fault::Signature { key: key.id() });
    assert_eq!(Draft::new(&statement).unwrap().add(&key, bytes), Err(Fault::Signature { key: key.id() }));
}

#[test]
fn p256_signs_as_ed25519_does() {
    let (scalar, public) = p256_scalar();
    let mut mixed = authority(2, &[1, 2, 3]);
    mixed.operators = list(vec![operator(1).public_key(), public.clone()]);
    let chain = chain(PolicyStatement { authority: mixed, ..first() });
    let next = Statement::Policy(policy(2, chain.tip().unwrap().hash));
    let mut draft = Draft::new(&next).unwrap();
    draft.sign_p256(&scalar).unwrap();
    refused(chain.publish(&draft.clone().finish().unwrap(), at(100)), Code::STATEMENT);
    draft.sign(&operator(1)).unwrap();
    assert!(chain.publish(&draft.clone().finish().unwrap(), at(100)).is_ok());
    // The key signs under its own algorithm only.
    let mut other = draft.finish().unwrap();
    let mut signatures = other.signatures.to_vec();
    signatures[0].algorithm = crate::wire::Algorithm::Ed25519;
    other.signatures = list(signatures);
    refused(chain.publish(&other, at(100)), Code::STATEMENT);
}

#[test]
fn an_authority_that_left_signs_no_more() {
    let mut change = first();
    change.authority = authority(1, &[4]);
    let chain = chain(change);
    let next = Statement::Policy(policy(2, chain.tip().unwrap().hash));
    refused(chain.publish(&signed(next.clone(), &[1, 2]), at(100)), Code::STATEMENT);
    assert!(chain.publish(&signed(next, &[4]), at(100)).is_ok());
}

#[test]
fn two_payloads_of_one_epoch_are_a_fork() {
    let (chain, next) = second();
    let held = chain.publish(&signed_policy(next.clone()), at(100)).unwrap();
    let other = PolicyStatement { not_after: at(400_000), ..next };
    let fault = refused(held.publish(&signed_policy(other.clone()), at(100)), Code::FORKED);
    assert!(matches!(fault, Fault::Forked { number: 2, .. }), "{fault}");
    // An older epoch that is held tells as well.
    let older = PolicyStatement { not_after: at(400_000), ..first() };
    let fault = refused(held.publish(&signed_policy(older), at(100)), Code::FORKED);
    assert!(matches!(fault, Fault::Forked { number: 1, .. }), "{fault}");
    // What nobody with authority signed is no fork.
    refused(held.publish(&signed(Statement::Policy(other), &[1, 4]), at(100)), Code::STATEMENT);
    // One that follows another policy 1.
    let astray = policy(2, StatementHash::new([1; 32]));
    let fault = refused(chain.publish(&signed_policy(astray), at(100)), Code::FORKED);
    assert!(matches!(fault, Fault::Forked { number: 1, .. }), "{fault}");
}

#[test]
fn the_first_policy_follows_the_genesis() {
    let astray = PolicyStatement { previous: StatementHash::new([0; 32]), ..first() };
    refused(PolicyChain::first(&genesis(), &signed_policy(astray), at(100)), Code::FORKED);
    let late = PolicyStatement { epoch: 2, ..first() };
    refused(PolicyChain::first(&genesis(), &signed_policy(late), at(100)), Code::OLD_POLICY);
    let zero = PolicyStatement { epoch: 0, ..first() };
    refused(PolicyChain::first(&genesis(), &signed_policy(zero), at(100)), Code::FORKED);
    let other = PolicyStatement { cluster: ClusterId::new([1; 32]), ..first() };
    refused(PolicyChain::first(&genesis(), &signed_policy(other), at(100)), Code::STATEMENT);
}

#[test]
fn policies_in_between_may_be_missing_while_the_authority_stays() {
    let (chain, next) = second();
    let third = |previous| signed_policy(policy(3, previous));
    let two = Draft::resume(&signed_policy(next.clone())).hash();
    assert_eq!(
        refused(chain.publish(&third(two), at(100)), Code::OLD_POLICY),
        Fault::Sequence { what: "policy", expected: 2, actual: 3 }
    );
    let after = chain.catch_up([&third(two)], at(100)).unwrap();
    assert_eq!(after.tip().map(|tip| tip.epoch), Some(3));
    // Epoch 2 was never held, so nothing tells a copy of it from a fork.
    refused(after.publish(&signed_policy(next), at(100)), Code::FORKED);
    // Where the authority changed in between, the new one signed, and is not known here.
    let changed = PolicyStatement { authority: authority(1, &[4]), ..policy(2, chain.tip().unwrap().hash) };
    let (two, three) = (signed_policy(changed), signed(Statement::Policy(policy(3, two)), &[4]));
    refused(chain.catch_up([&three], at(100)), Code::STATEMENT);
    let three = signed(Statement::Policy(policy(3, Draft::resume(&two).hash())), &[4]);
    assert!(chain.catch_up([&two, &three], at(100)).is_ok());
}

#[test]
fn the_clock_may_not_stand_before_a_policy() {
    let (chain, next) = second();
    let signed = signed_policy(next);
    assert_eq!(
        refused(chain.publish(&signed, at(1)), Code::INTERNAL),
        Fault::Clock { floor: at(2), now: at(1) }
    );
    let after = chain.publish(&signed, at(2)).unwrap();
    assert_eq!(after.check_clock(at(2)), Ok(()));
    assert!(after.check_clock(at(1)).is_err());
}

#[test]
fn a_policy_that_would_not_do_what_it_says_is_refused() {
    type Change = fn(&mut PolicyStatement);
    let cases: [(&str, Change); 13] = [
        ("threshold", |policy| policy.authority = authority(3, &[1, 2])),
        ("operator twice", |policy| policy.authority = authority(1, &[1, 1])),
        ("weak key", |policy| {
            policy.authority = Authority {
                operators: list(vec![crate::peer::PublicKey::Ed25519([0; 32])]),
                threshold: Bounded::new(1).unwrap(),
                custodians: List::default(),
            };
        }),
        ("no point", |policy| {
            let mut point = [4; 65];
            point[64] = 1;
            policy.authority.custodians = list(vec![crate::peer::PublicKey::P256(point)]);
        }),
        ("times", |policy| policy.not_after = policy.not_before),
        ("set twice", |policy| {
            policy.sets = list(vec![set(1, 3, &[Role::Worker]), set(1, 3, &[Role::Worker])])
        }),
        ("version down", |policy| policy.sets = list(vec![set(1, 2, &[Role::Worker])])),
        ("rule twice", |policy| {
            policy.rules = list(vec![rule(10, Role::Worker, &[1]), rule(10, Role::Worker, &[1])]);
        }),
        ("unknown set", |policy| policy.rules = list(vec![rule(10, Role::Worker, &[2])])),
        ("role of the set", |policy| policy.rules = list(vec![rule(10, Role::Seat, &[1])])),
        ("pattern", |policy| {
            let mut one = rule(10, Role::Worker, &[1]);
            one.name = Some(NamePattern::new("worker").unwrap());
            policy.rules = list(vec![one]);
        }),
        ("replacement", |policy| {
            policy.replacements = list(vec![Replacement {
                from: list(vec![set_id(1)]),
                to: list(vec![set_id(9)]),
                uses: Uses::DISK,
                not_after: at(1000),
            }]);
        }),
        ("custodian twice", |policy| {
            let key = operator(5).public_key();
            policy.authority.custodians = list(vec![key.clone(), key]);
        }),
    ];
    for (what, change) in cases {
        let (chain, mut next) = second();
        change(&mut next);
        let fault = chain.publish(&signed_policy(next), at(100)).expect_err(what);
        assert!(matches!(fault, Fault::Content { .. }), "{what}: {fault}");
        assert_eq!(fault.code(), Code::STATEMENT);
    }
}

#[test]
fn rules_that_cannot_be_read_accept_nothing_and_say_so() {
    let chain = chain(first());
    assert_eq!(chain.unreadable_sets(), [set_id(1)]);
}

#[test]
fn a_voucher_is_the_operators_word_for_its_time() {
    let chain = chain(first());
    let signed = |voucher| signed(Statement::Voucher(voucher), &[1, 3]);
    assert_eq!(chain.voucher(&signed(voucher()), at(100)), Ok(voucher()));
    assert_eq!(chain.voucher(&signed(voucher()), at(1000)), Err(Fault::Voucher { field: "time" }));
    assert_eq!(Fault::Voucher { field: "time" }.code(), Code::VOUCHER);
    let other = crate::wire::Voucher { cluster: ClusterId::new([1; 32]), ..voucher() };
    assert_eq!(chain.voucher(&signed(other), at(100)).unwrap_err().code(), Code::STATEMENT);
    let astray = crate::wire::Voucher { node: Some(node(1)), ..voucher() };
    assert!(matches!(chain.voucher(&signed(astray), at(100)), Err(Fault::Content { .. })));
    let alone = super::people::signed(Statement::Voucher(voucher()), &[1]);
    assert_eq!(chain.voucher(&alone, at(100)), Err(Fault::Threshold { needed: 2, actual: 1 }));
    let kind = chain.voucher(&signed_policy(first()), at(100));
    assert_eq!(kind, Err(Fault::Kind { expected: "voucher", actual: "policy" }));
    assert!(chain.publish(&signed(voucher()), at(100)).is_err());
}
