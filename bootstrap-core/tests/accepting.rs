//! Which sets of a signed policy accept a real line's evidence: rules as JSON inside a statement, judged by attest-core.

use std::time::Duration;

use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_core::rules::OneOf;
use attest_core::{Claims, Context, Expect, Policy, Store, UnixTime, Verified, Verifier};
use bootstrap_core::authority::{Draft, PolicyChain};
use bootstrap_core::ids::{ReferenceSetId, Role, StatementHash};
use bootstrap_core::keys::{OperatorKey, Secret};
use bootstrap_core::peer::SameNodeClass;
use bootstrap_core::wire::*;
use vectors::set::Set;

fn seconds(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// The first accepted case of the generated set: its claims, a policy that accepts them and has a section for each kind, and its time.
fn accepted() -> (Verified<Claims>, Policy, u64) {
    let set = Set::snp().unwrap();
    let case = set.manifest.cases.iter().find(|case| case.exit == 0).unwrap();
    let anchors = vectors::run::anchors(&set).unwrap();
    let expect = match &case.report_data {
        Some(text) => Expect::ReportData(vectors::unhex(text).unwrap().try_into().unwrap()),
        None => Expect::AnyReportData,
    };
    let mut store = Store::new();
    for blob in &case.store {
        store.add(&set.blob(blob).unwrap()).unwrap();
    }
    let evidence = Verifier::new().detect(&set.blob(&case.evidence).unwrap()).unwrap();
    let context = Context::new(&PROVIDER, &anchors, seconds(case.now), expect);
    let verified = Verifier::new().verify(&evidence, &store, &context).unwrap();
    (verified, Policy::from_toml(&case.policy_toml().unwrap()).unwrap(), case.now)
}

fn list<T, const MIN: usize, const MAX: usize>(items: Vec<T>) -> List<T, MIN, MAX> {
    List::new(items).ok().unwrap()
}

#[test]
fn a_set_accepts_by_its_rules_its_kind_its_time_and_unless_it_is_revoked() {
    let (verified, several, now) = accepted();
    assert!(several.snp.is_some() && several.vtpm.is_some());
    let policy = Policy::for_snp(several.snp.clone().unwrap());
    let mut stranger = policy.clone();
    stranger.snp.as_mut().unwrap().measurements = OneOf::only([0; 48]);
    let set = |number: u8, kind: &str, rules: &Policy, end: u64| ReferenceSet {
        id: ReferenceSetId::new([number; 32]),
        kind: Kind::new(kind).unwrap(),
        rules: SetRules::new(rules.to_json().into_bytes()).unwrap(),
        not_after: seconds(end),
        security_version: 1,
        roles: list(vec![Role::Worker]),
    };
    let key = OperatorKey::from_seed(&Secret::new("seed", &[1; 32]).unwrap());
    let authority = Authority {
        operators: list(vec![key.public_key()]),
        threshold: Bounded::new(1).unwrap(),
        custodians: List::default(),
    };
    let genesis = Encoded::new(Genesis {
        salt: [1; 32],
        ca: CaKey::new(vec![1]).unwrap(),
        authority: authority.clone(),
        created: seconds(now),
        data_check: None,
        name: None,
    });
    let chain = PolicyChain::of(&genesis).unwrap();
    assert!(chain.accepting(&verified, seconds(now)).unwrap().is_empty(), "no policy, no set");
    let id = |number| ReferenceSetId::new([number; 32]);
    let statement = Statement::Policy(PolicyStatement {
        cluster: chain.cluster(),
        epoch: 1,
        previous: StatementHash::new(*chain.cluster().as_bytes()),
        not_before: seconds(now),
        not_after: seconds(now + 1000),
        authority,
        sets: list(vec![
            set(1, "snp", &policy, now + 500),
            set(2, "snp", &stranger, now + 500),
            set(3, "tpm", &policy, now + 500),
            set(4, "snp", &policy, now),
            set(5, "snp", &policy, now + 500),
            set(6, "snp", &policy, now + 500),
            set(7, "tpm", &several, now + 500),
            set(8, "snp", &several, now + 500),
        ]),
        replacements: List::default(),
        rules: list(vec![Rule {
            id: 1,
            role: Role::Worker,
            sets: list(vec![id(1)]),
            same_node: SameNodeClass::None,
            machines: None,
            name: None,
            voucher: None,
            token: None,
            lock: LeastLock::Any,
        }]),
        revoked: Revoked {
            sets: list(vec![id(5)]),
            nodes: List::default(),
            machines: List::default(),
            urgent: false,
        },
        limits: Limits {
            certificate: Bounded::new(1).unwrap(),
            policy: Bounded::new(1).unwrap(),
            evidence: Bounded::new(1).unwrap(),
        },
    });
    let mut draft = Draft::new(&statement).unwrap();
    draft.sign(&key).unwrap();
    let chain = chain.publish(&draft.finish().unwrap(), seconds(now)).unwrap();
    let accepting = |at: u64| -> Vec<_> {
        chain.accepting(&verified, seconds(at)).unwrap().iter().map(|acceptance| acceptance.set).collect()
    };
    assert_eq!(chain.unreadable_sets(), [id(3)], "rules of another kind");
    assert_eq!(
        accepting(now),
        [id(1), id(6), id(8)],
        "a set of another kind accepts none, whatever else its rules say"
    );
    assert!(accepting(now + 500).is_empty());
    assert!(chain.accepting(&verified, seconds(now - 1)).is_err(), "a clock that stands before the policy");
}
