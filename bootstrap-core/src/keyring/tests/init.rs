//! The first secrets of a cluster, by each custody.

use super::*;

#[test]
fn an_init_ends_with_the_keys_that_the_operator_could_derive_as_well() {
    let mut cast = Cast::new(1);
    let grant = cast.init_grant();
    let mut node = Keyring::new();
    let held = node.receive(cast.ring.release(grant).unwrap()).unwrap();
    // Before the check nothing is derived of it.
    let early = node.derive_disk_keys(held, &NODE, &DISK, &[FIRST]);
    let grant = Error::Handle { handle: held, expected: "roots", actual: "grant" };
    assert_eq!(early.err(), Some(grant));
    node.check_roots(held, None, &cast.genesis).unwrap();
    let keys = node.derive_disk_keys(held, &NODE, &DISK, &[FIRST]).unwrap();
    let operators = cast.ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
    assert_eq!(keys_of(&node, keys), keys_of(&cast.ring, operators));

    node.make_node_key(&counted(0x11)).unwrap();
    let terms = Terms {
        cluster: cast.cluster,
        node: NODE,
        role: Role::Seat,
        name: "seat-1",
        addresses: &[],
        policy_epoch: 1,
        generation: 1,
        not_before: START,
        not_after: START + 86_400,
        longest_life: 86_400,
    };
    let chain = [Der::new(node.own_certificate(held, &terms, &entropy(3)).unwrap()).unwrap()];
    assert_eq!(check_result(&cast.genesis, &NODE, &chain, at(10)), Ok(()));
    let other = check_result(&cast.genesis, &NodeId::new([9; 16]), &chain, at(10));
    assert_eq!(other, Err(Error::NotMine { what: "certificate" }));
    let foreign = check_result(&Cast::new(50).genesis, &NODE, &chain, at(10));
    assert_eq!(foreign, Err(CertificateFault::Issuer.into()));
    assert_eq!(check_result(&cast.genesis, &NODE, &[], at(10)), Err(Error::NotMine { what: "certificate" }));
}

#[test]
fn roots_that_the_genesis_does_not_fix_are_refused_and_nothing_changes() {
    let mut cast = Cast::new(1);
    let mut other = Cast::new(60);
    // A stranger's roots under the right cluster id.
    let cluster = cast.cluster;
    let adopted = other.roots;
    other.ring.adopt(cluster, adopted).unwrap();
    other.cluster = cluster;
    let grant = other.init_grant();
    let mut node = Keyring::new();
    let held = node.receive(other.ring.release(grant).unwrap()).unwrap();
    let refused = node.check_roots(held, None, &cast.genesis);
    assert_eq!(refused, Err(Error::Wrong { what: "identity root" }));
    assert_eq!(refused.unwrap_err().code(), crate::error::Code::WRONG_SECRET);
    assert!(node.grant(held).is_ok(), "still a grant, and no roots");

    // The right identity root beside a stranger's data root.
    let grant = cast.init_grant();
    let mut right = cast.ring.release(grant).unwrap();
    let stranger = other.ring.roots(other.roots).unwrap().data(FIRST).unwrap().secret().duplicate();
    if let Grant::Init(init) = &mut right
        && let InitKeys::Roots(roots) = &init.keys
    {
        let identity = roots[0].identity.as_ref().map(Secret::duplicate);
        let root = crate::wire::Root { epoch: FIRST, identity, data: Some(stranger) };
        init.keys = InitKeys::Roots(list(vec![root]).unwrap());
    }
    let held = node.receive(right).unwrap();
    let wrong = Err(Error::Wrong { what: "data root" });
    assert_eq!(node.check_roots(held, None, &cast.genesis), wrong);
    // The grant of another cluster, under this genesis.
    let mut third = Cast::new(90);
    let grant = third.init_grant();
    let held = node.receive(third.ring.release(grant).unwrap()).unwrap();
    let wrong = Err(Error::Wrong { what: "cluster" });
    assert_eq!(node.check_roots(held, None, &cast.genesis), wrong);
}

#[test]
fn a_node_born_identity_root_completes_the_genesis() {
    let mut operator = Keyring::new();
    let (request, roots) = operator.new_master(&plan(Custody::NodeBorn), &entropy(1)).unwrap();
    assert!(request.value().ca.is_none() && request.as_genesis().is_none());
    let mut node = Keyring::new();
    let (genesis, born) = node.make_identity_root(request.value(), &entropy(5)).unwrap();
    let cluster = cluster_id_of(&genesis);
    operator.adopt(cluster, roots).unwrap();
    let name = crate::wire::Name::new("seat-1").unwrap();
    let grant = operator.make_init_grant(cluster, AttemptId::new([1; 16]), (NODE, name), None).unwrap();
    let grant = node.receive(operator.release(grant).unwrap()).unwrap();
    // Without the root that was born here, one is missing.
    let missing = Err(Error::Wrong { what: "pair of roots" });
    assert_eq!(node.check_roots(grant, None, &genesis), missing);
    // An operator that has it already: nobody but the node may.
    let identity = node.roots(born).unwrap().identity(FIRST).unwrap().secret().duplicate();
    let data = operator.roots(roots).unwrap().data(FIRST).unwrap().secret().duplicate();
    let known = crate::wire::Root { epoch: FIRST, identity: Some(identity), data: Some(data) };
    let name = crate::wire::Name::new("seat-1").unwrap();
    let made = operator.make_init_grant(cluster, AttemptId::new([1; 16]), (NODE, name), None).unwrap();
    let mut changed = operator.release(made).unwrap();
    if let Grant::Init(init) = &mut changed {
        init.keys = InitKeys::Roots(list(vec![known]).unwrap());
    }
    let changed = node.receive(changed).unwrap();
    let wrong = Err(Error::Wrong { what: "identity root" });
    assert_eq!(node.check_roots(changed, Some(born), &genesis), wrong);
    node.check_roots(grant, Some(born), &genesis).unwrap();
    assert!(node.roots(grant).unwrap().identity(FIRST).is_ok());
    // Another node's birth does not fit this genesis.
    let mut other = Keyring::new();
    let (_, born) = other.make_identity_root(request.value(), &entropy(6)).unwrap();
    let name = crate::wire::Name::new("seat-1").unwrap();
    let grant = operator.make_init_grant(cluster, AttemptId::new([1; 16]), (NODE, name), None).unwrap();
    let grant = other.receive(operator.release(grant).unwrap()).unwrap();
    let wrong = Err(Error::Wrong { what: "identity root" });
    assert_eq!(other.check_roots(grant, Some(born), &genesis), wrong);
    let complete = GenesisRequest::from(genesis.value().clone());
    assert!(node.make_identity_root(&complete, &entropy(5)).is_err());
}

#[test]
fn split_custody_draws_two_roots_that_have_nothing_in_common() {
    let mut ring = Keyring::new();
    let (request, handle) = ring.new_master(&plan(Custody::Split), &entropy(1)).unwrap();
    let roots = ring.roots(handle).unwrap();
    assert!(roots.master().is_none());
    assert!(roots.identity(FIRST).unwrap().secret() != roots.data(FIRST).unwrap().secret());
    assert!(request.as_genesis().is_some());
    for custody in Custody::ALL {
        let zero = ring.new_master(&plan(*custody), &Entropy::new([0; 96])).err();
        assert_eq!(zero, Some(KeyError::Zero { what: "salt" }.into()));
    }
}
