//! Shares, roots and handles.

use super::*;

#[test]
fn shares_are_checked_combined_and_compared() {
    let mut cast = Cast::new(1);
    let split = |cluster, secret| Split {
        secret,
        cluster,
        set: ShareSetId::new([3; 16]),
        epoch: FIRST,
        threshold: 2,
        count: 3,
    };
    let roots = cast.ring.roots(cast.roots).unwrap();
    let secrets = [
        (SecretKind::Master, roots.master().unwrap().secret().duplicate()),
        (SecretKind::Identity, roots.identity(FIRST).unwrap().secret().duplicate()),
        (SecretKind::Data, roots.data(FIRST).unwrap().secret().duplicate()),
    ];
    for (kind, secret) in secrets {
        let mut node = Keyring::new();
        let deal = split(cast.cluster, kind).make(&secret, &[0x5a; 32]).unwrap();
        let handles: Vec<Handle> = deal
            .into_iter()
            .map(|share| {
                let pushed = cast.ring.hold_share(share).unwrap();
                let push = ticket::ShareGrant::new(shown(cast.cluster));
                let grant = cast.ring.share_grant(&push, pushed).unwrap();
                node.receive(cast.ring.release(grant).unwrap()).unwrap()
            })
            .collect();
        assert_eq!(node.check_share(handles[0], &cast.cluster, None), Ok(()));
        assert_eq!(node.check_share(handles[2], &cast.cluster, Some(handles[0])), Ok(()));
        let few = node.combine_shares(&handles[..1], &cast.genesis, &cast.ca).err();
        assert_eq!(few, Some(ShareFault::Few { held: 1, needed: 2 }.into()));
        let combined = node.combine_shares(&handles[1..], &cast.genesis, &cast.ca).unwrap();
        let keys = node.derive_disk_keys(combined, &NODE, &DISK, &[FIRST]);
        if kind == SecretKind::Identity {
            assert_eq!(keys.err(), Some(Error::Unknown { what: "data root", epoch: FIRST }));
        } else {
            let derived = cast.ring.derive_disk_keys(cast.roots, &NODE, &DISK, &[FIRST]).unwrap();
            assert_eq!(keys_of(&node, keys.unwrap()), keys_of(&cast.ring, derived));
        }
        let elsewhere = ClusterId::new([9; 32]);
        let foreign = split(elsewhere, kind).make(&secret, &[0x5a; 32]).unwrap().remove(0);
        let foreign = cast.ring.hold_share(foreign).unwrap();
        let refused = cast.ring.share_grant(&ticket::ShareGrant::new(shown(cast.cluster)), foreign).err();
        assert_eq!(refused, Some(Error::OtherCluster { expected: cast.cluster, actual: elsewhere }));
        let other = ShareFault::Cluster { index: 1, expected: elsewhere, actual: cast.cluster };
        assert_eq!(node.check_share(handles[0], &elsewhere, None), Err(other.into()));
    }
    // A dealer who dealt something else: every share fits its set, and the secret does not fit the genesis.
    for (kind, what) in [
        (SecretKind::Master, "identity root"),
        (SecretKind::Identity, "identity root"),
        (SecretKind::Data, "data root"),
    ] {
        let other = Secret::new("other", &[9; 32]).unwrap();
        let deal = split(cast.cluster, kind).make(&other, &[0x5a; 32]).unwrap();
        let handles: Vec<Handle> =
            deal.into_iter().map(|share| cast.ring.hold_share(share).unwrap()).collect();
        let combined = cast.ring.combine_shares(&handles, &cast.genesis, &cast.ca).err();
        assert_eq!(combined, Some(Error::Wrong { what }));
    }
}

#[test]
fn a_seats_roots_are_sealed_to_its_machine() {
    let mut cast = Cast::new(1);
    let sealed_key = Secret::new("node-sealed key", &[4; 32]).unwrap();
    let place = (&cast.cluster, &NODE);
    let seal = |ring: &Keyring, nonces| ring.seal_roots(cast.roots, FIRST, place, &sealed_key, nonces);
    let sealed = seal(&cast.ring, [[1; 12], [2; 12]]).unwrap();
    let salt = *cast.ring.roots(cast.roots).unwrap().salt();
    let mut seat = Keyring::new();
    let opened = seat.open_roots(core::slice::from_ref(&sealed), salt, place, &sealed_key).unwrap();
    let (there, here) = (seat.roots(opened).unwrap(), cast.ring.roots(cast.roots).unwrap());
    assert!(there.identity(FIRST).unwrap().secret() == here.identity(FIRST).unwrap().secret());
    assert!(there.data(FIRST).unwrap().secret() == here.data(FIRST).unwrap().secret());
    let one = core::slice::from_ref(&sealed);
    let another = Secret::new("node-sealed key", &[5; 32]).unwrap();
    assert_eq!(seat.open_roots(one, salt, place, &another).err(), Some(KeyError::Unwrap.into()));
    let elsewhere = (&cast.cluster, &NodeId::new([9; 16]));
    assert_eq!(seat.open_roots(one, salt, elsewhere, &sealed_key).err(), Some(KeyError::Unwrap.into()));
    assert!(seal(&cast.ring, [[1; 12], [1; 12]]).is_err(), "one nonce for two secrets");
    assert!(seal(&cast.ring, [[0; 12], [1; 12]]).is_err(), "a nonce that was not drawn");
    let _ = cast.init_grant();
}

#[test]
fn a_handle_is_never_given_out_twice() {
    let mut cast = Cast::new(1);
    let first = cast.init_grant();
    cast.ring.forget(first);
    let second = cast.init_grant();
    assert_ne!(first, second);
    let gone = Error::Handle { handle: first, expected: "grant", actual: "nothing" };
    assert_eq!(cast.ring.grant(first).err(), Some(gone));
    cast.ring.forget(first);
    let grant = cast.ring.release(second).unwrap();
    assert!(cast.ring.grant(second).is_err(), "what was sent is not held");
    drop(grant);
    assert!(cast.ring.disk_keys(cast.roots).is_err());
    let unknown = Handle::new(9999);
    assert!(cast.ring.adopt(cast.cluster, unknown).is_err());
}

#[test]
fn roots_of_one_epoch_belong_together() {
    let salt = *Cast::new(1).ring.roots(Handle::new(1)).unwrap().salt();
    let secret = |octet| Secret::new("root", &[octet; 32]).unwrap();
    let second = FIRST.next().unwrap();
    let mut roots = Roots::new(salt);
    let mixed = roots.add(EpochRoots {
        identity: Some(crate::keys::IdentityRoot::new(secret(1), salt, FIRST)),
        data: Some(crate::keys::DataRoot::new(secret(2), salt, second)),
    });
    assert!(matches!(mixed, Err(Error::Key(KeyError::Epoch { .. }))));
    let data = |epoch| EpochRoots {
        identity: None,
        data: Some(crate::keys::DataRoot::new(secret(2), salt, KeyEpoch::new(epoch).unwrap())),
    };
    for epoch in 1..=4 {
        roots.add(data(epoch)).unwrap();
    }
    assert_eq!(roots.add(data(4)).err(), Some(Error::Full { held: 4 }));
    assert_eq!(roots.add(data(5)).err(), Some(Error::Full { held: 4 }));
    assert_eq!(roots.epochs().count(), 4);
}
