//! The lines of CA keys and of rescues.

use super::people::*;
use crate::authority::{CaChain, Draft, Fault, PolicyChain, RescueChain};
use crate::error::Code;
use crate::ids::{ClusterId, KeyEpoch, StatementHash};
use crate::keys::{ClusterCa, MasterSecret, Salt, Secret};
use crate::wire::{CaKey, Encoded, Genesis, Rescue, Signed, Statement, Transition, TransitionPhase};

fn epoch(number: u32) -> KeyEpoch {
    KeyEpoch::new(number).unwrap()
}

fn ca(number: u32) -> ClusterCa {
    let secret = Secret::new("master", &[number.to_be_bytes()[3]; 32]).unwrap();
    let master = MasterSecret::new(secret, Salt::new([0x20; 32]).unwrap(), epoch(number));
    master.identity_root().unwrap().cluster_ca().unwrap()
}

fn genesis() -> Encoded<Genesis> {
    genesis_of(ca(1).spki().unwrap())
}

fn start() -> (CaChain, PolicyChain) {
    (CaChain::of(&genesis()).unwrap(), PolicyChain::of(&genesis()).unwrap())
}

fn transition(counter: u32, from: u32, to: u32, phase: TransitionPhase) -> Transition {
    let begins = phase == TransitionPhase::Begin;
    Transition {
        cluster: PolicyChain::of(&genesis()).unwrap().cluster(),
        counter,
        from: epoch(from),
        to: epoch(to),
        phase,
        ca: begins.then(|| CaKey::new(ca(to).spki().unwrap()).unwrap()),
        data_check: None,
    }
}

fn by(transition: Transition, cas: &[u32], operators: &[u8]) -> Signed {
    let mut draft = Draft::new(&Statement::Transition(transition)).unwrap();
    cas.iter().for_each(|number| draft.sign_as_ca(&ca(*number)).unwrap());
    operators.iter().for_each(|number| draft.sign(&operator(*number)).unwrap());
    draft.finish().unwrap()
}

#[test]
fn a_rotation_runs_from_begin_to_retire() {
    use TransitionPhase::{Abort, Begin, Commit, Retire};
    let (mut line, policies) = start();
    let steps = [
        (Begin, 1, 2, vec![1, 2], 1),
        (Abort, 1, 2, vec![1], 1),
        (Begin, 1, 2, vec![1, 2], 1),
        (Commit, 1, 2, vec![1, 2], 2),
        (Begin, 2, 3, vec![1, 2, 3], 2),
        (Commit, 2, 3, vec![1, 2, 3], 3),
        (Retire, 1, 3, vec![2, 3], 3),
        (Retire, 2, 3, vec![3], 3),
    ];
    for (counter, (phase, from, to, live, committed)) in (1..).zip(steps) {
        let signed = by(transition(counter, from, to, phase), &[from, to], &[1, 2]);
        line = line.follow(&signed, &policies).unwrap_or_else(|fault| panic!("{counter}: {fault}"));
        assert_eq!(line.live(), live.into_iter().map(epoch).collect::<Vec<_>>(), "{counter}");
        assert_eq!((line.committed(), line.counter()), (epoch(committed), counter));
        assert_eq!(line.follow(&signed, &policies).as_ref(), Ok(&line), "a copy");
    }
    assert_eq!(line.ca_keys().unwrap()[0].spki(), ca(3).spki().unwrap());
}

#[test]
fn a_transition_is_by_the_operators_and_both_keys() {
    let (line, policies) = start();
    let begin = || transition(1, 1, 2, TransitionPhase::Begin);
    let missing = |number| Err(Fault::NotSigned { key: ca(number).public_key().id() });
    assert_eq!(line.follow(&by(begin(), &[2], &[1, 2]), &policies), missing(1));
    assert_eq!(line.follow(&by(begin(), &[1], &[1, 2]), &policies), missing(2));
    let alone = by(begin(), &[1, 2], &[1]);
    assert_eq!(line.follow(&alone, &policies), Err(Fault::Threshold { needed: 2, actual: 1 }));
    assert!(line.follow_ca_keys(&alone).is_ok(), "enough to tell a service from a stranger");
    assert_eq!(line.follow_ca_keys(&by(begin(), &[2], &[1, 2])), missing(1));
    let other = Transition { cluster: ClusterId::new([1; 32]), ..begin() };
    assert!(matches!(line.follow(&by(other, &[1, 2], &[1, 2]), &policies), Err(Fault::OtherCluster { .. })));
}

#[test]
fn a_transition_that_does_not_follow_is_refused() {
    use TransitionPhase::{Abort, Begin, Commit, Retire};
    let (line, policies) = start();
    let follow = |line: &CaChain, transition: Transition, cas: &[u32]| {
        line.follow(&by(transition, cas, &[1, 2]), &policies)
    };
    let begun = follow(&line, transition(1, 1, 2, Begin), &[1, 2]).unwrap();
    for (line, transition, cas) in [
        (&line, transition(1, 1, 2, Commit), vec![1]),
        (&line, transition(1, 1, 2, Abort), vec![1]),
        (&line, transition(1, 1, 1, Retire), vec![1]),
        (&line, transition(1, 1, 3, Begin), vec![1, 3]),
        (&line, transition(1, 2, 3, Begin), vec![2, 3]),
        (&line, Transition { ca: None, ..transition(1, 1, 2, Begin) }, vec![1, 2]),
        (&line, Transition { ca: transition(1, 1, 1, Begin).ca, ..transition(1, 1, 2, Begin) }, vec![1]),
        (&begun, transition(2, 2, 3, Begin), vec![2, 3]),
        (&begun, transition(2, 1, 2, Retire), vec![1, 2]),
        (&begun, Transition { ca: transition(1, 1, 2, Begin).ca, ..transition(2, 1, 2, Commit) }, vec![1, 2]),
    ] {
        let fault = follow(line, transition.clone(), &cas).expect_err(&format!("{transition:?}"));
        assert!(matches!(fault, Fault::Content { .. } | Fault::KeyEpoch { .. }), "{transition:?}: {fault}");
    }
    let sequence = follow(&line, transition(2, 1, 2, Begin), &[1, 2]).unwrap_err();
    assert_eq!(sequence, Fault::Sequence { what: "transition", expected: 1, actual: 2 });
    // Another transition with the counter of the last one, which the CA signed; and one that it did not.
    let fork =
        Transition { data_check: Some(crate::keys::CheckValue::new([1; 16])), ..transition(1, 1, 2, Begin) };
    let forked = follow(&begun, fork.clone(), &[1, 2]).unwrap_err();
    assert_eq!(forked.code(), Code::FORKED);
    assert!(matches!(forked, Fault::Forked { number: 1, .. }));
    assert!(matches!(follow(&begun, fork, &[3]), Err(Fault::Old { held: 1, actual: 1, .. })));
}

fn rescue(epoch: u32, previous: StatementHash, kept: &[u8], cast_out: &[u8]) -> Signed {
    let nodes = |numbers: &[u8]| numbers.iter().map(|number| node(*number)).collect();
    let rescue = Rescue {
        cluster: cluster(),
        epoch,
        previous,
        kept: list(nodes(kept)),
        cast_out: list(nodes(cast_out)),
    };
    signed(Statement::Rescue(rescue), &[1, 2])
}

#[test]
fn rescues_follow_one_another() {
    let policies = chain(first());
    let line = RescueChain::of(cluster());
    let one = rescue(1, line.last(), &[1, 2], &[3]);
    let held = line.follow(&one, &policies).unwrap();
    assert_eq!((held.epoch(), held.is_cast_out(&node(3)), held.is_cast_out(&node(1))), (1, true, false));
    assert_eq!(held.follow(&one, &policies).as_ref(), Ok(&held));
    let other = rescue(1, line.last(), &[3], &[1, 2]);
    assert_eq!(held.follow(&other, &policies).unwrap_err().code(), Code::FORKED);
    let code = |signed: &Signed| held.follow(signed, &policies).unwrap_err().code();
    assert_eq!(code(&rescue(2, StatementHash::new([1; 32]), &[1], &[])), Code::FORKED);
    assert_eq!(code(&rescue(3, held.last(), &[1], &[])), Code::OLD_POLICY);
    assert_eq!(code(&rescue(2, held.last(), &[1], &[1])), Code::STATEMENT);
    assert_eq!(code(&rescue(2, held.last(), &[1, 3], &[])), Code::STATEMENT);
    assert_eq!(code(&signed_policy(first())), Code::STATEMENT);
    let two = held.follow(&rescue(2, held.last(), &[1], &[2]), &policies).unwrap();
    assert!(two.is_cast_out(&node(3)) && two.is_cast_out(&node(2)));
    assert!(matches!(two.follow(&one, &policies), Err(Fault::Old { held: 2, actual: 1, .. })));
    let elsewhere = Rescue {
        cluster: ClusterId::new([1; 32]),
        epoch: 1,
        previous: line.last(),
        kept: list(vec![node(1)]),
        cast_out: list(Vec::new()),
    };
    let foreign = line.follow(&signed(Statement::Rescue(elsewhere), &[1, 2]), &policies).unwrap_err();
    assert_eq!(
        foreign,
        Fault::OtherCluster { expected: cluster(), actual: ClusterId::new([1; 32]) },
        "of people whom two clusters have in common"
    );
    let mut alone = rescue(1, line.last(), &[1], &[]);
    alone.signatures = list(vec![alone.signatures[0].clone()]);
    assert_eq!(line.follow(&alone, &policies), Err(Fault::Threshold { needed: 2, actual: 1 }));
}
