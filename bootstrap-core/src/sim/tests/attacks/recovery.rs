//! Pushers that nobody knows, wrong secrets and shares, and several sources at once.

use super::*;

fn down_without_peers(cast: &mut Cast) -> HostId {
    let node = cast.nodes[0];
    cast.world.host_mut(node).unwrap().endpoints = Rc::from([]);
    cast.reboot(node, None);
    cast.run_for(10);
    node
}

#[test]
fn unknown_pusher() {
    stopped_by(Guard::PusherKey, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = down_without_peers(&mut cast);
        let pusher = cast.push(node, false, Some(Material::Master([0xdd; 32]))).unwrap();
        cast.world.host_mut(pusher).unwrap().identity.keys = vec![stranger()];
        cast.run_for(120);
        cast.world.host(node).unwrap().devices.lock_file.is_some()
    });
}

/// Everything that a host keeps over a boot.
fn kept(cast: &Cast, host: HostId) -> (Disk, Option<u32>) {
    let devices = &cast.world.host(host).unwrap().devices;
    (devices.disk.clone(), devices.counter)
}

#[test]
fn wrong_secret_changes_nothing() {
    let mut cast = founded(Casting::of(1, 0));
    let node = down_without_peers(&mut cast);
    let before = kept(&cast, node);
    let pusher = cast.push(node, false, Some(Material::Master([0xdd; 32]))).unwrap();
    cast.run_for(120);
    assert_eq!(kept(&cast, node), before);
    assert!(happened(&cast, |entry| entry.host == pusher
        && entry.what == What::Event(Event::Stopped { code: Code::WRONG_SECRET, state: "U3" })));
    // The right one still opens it.
    cast.push(node, true, None).unwrap();
    assert!(cast.run_until(120, |cast| opened_services(cast, node)));
    assert_eq!(cast.broken(), Vec::new());
}

/// An operator beside live peers: the disk may open by its word, the services only by a peer's.
#[test]
fn services_stay_shut() {
    stopped_by(Guard::RecoveryShut, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = down_without_peers(&mut cast);
        // Its store is cut off too.
        let cut = crate::sim::plan::Partition {
            from: Time::default(),
            until: Time::from_secs(u64::MAX),
            hosts: vec![node, HostId::new(u32::try_from(cast.world.hosts().len()).unwrap())],
        };
        cast.world.plan.partitions.push(cut);
        cast.push(node, false, None).unwrap();
        cast.run_for(120);
        assert!(cast.world.host(node).unwrap().devices.disk.mounted);
        opened_services(&cast, node)
    });
}

/// Two sources at once: one opens the disk, and the other is told so.
#[test]
fn recover_race() {
    stopped_by(Guard::RecoveryFirst, || {
        (0..20).any(|seed| {
            let mut cast = Cast::new(seed, Plan::calm(), Trace::whole(), Casting::of(1, 0));
            assert!(cast.settle(600));
            let node = down_without_peers(&mut cast);
            for _ in 0..3 {
                cast.push(node, false, None).unwrap();
            }
            cast.run_for(120);
            cast.broken().iter().any(|broken| broken.invariant == "I6")
        })
    });
}

/// The late source is told 53, and whoever won gave the same key.
#[test]
fn recover_race_has_one_winner() {
    for seed in 0..20 {
        let mut cast = Cast::new(seed, Plan::calm(), Trace::whole(), Casting::of(1, 0));
        assert!(cast.settle(600));
        let node = cast.nodes[0];
        cast.reboot(node, None);
        cast.run_for(6);
        let pushers: Vec<_> = (0..2).map(|_| cast.push(node, false, None).unwrap()).collect();
        assert!(cast.run_until(300, |cast| opened_services(cast, node)), "seed {seed}");
        cast.run_for(60);
        assert_eq!(cast.broken(), Vec::new(), "seed {seed}");
        let late = pushers.iter().filter(|pusher| {
            happened(&cast, |entry| {
                entry.host == **pusher
                    && matches!(entry.what, What::Event(Event::Stopped { code: Code::ALREADY_UP, .. }))
            })
        });
        assert!(late.count() >= 1, "seed {seed}: three sources, and at most one of them a pusher's");
    }
}

/// A wrong share, and one of another split, are named by the custodian's key; the right ones still combine.
#[test]
fn share_named() {
    let mut cast = founded(Casting::of(1, 0));
    let node = down_without_peers(&mut cast);
    let before = kept(&cast, node);
    let right = |index| cast.share(index).unwrap();
    let (first, mut wrong, mut foreign, second) = (right(1), right(2), right(3), right(3));
    wrong.fits = false;
    foreign.cluster = ClusterId::new([0x72; 32]);
    cast.push_share(node, first).unwrap();
    cast.run_for(5);
    assert_eq!(cast.broken(), Vec::new());
    for (share, code) in [(wrong, Code::SHARE_WRONG), (foreign, Code::SHARE_FOREIGN)] {
        let named = crate::sim::cast::custodian_key(share.index).id();
        cast.push_share(node, share).unwrap();
        cast.run_for(5);
        assert_eq!(kept(&cast, node), before);
        let named = happened(&cast, |entry| {
            entry.host == node && entry.what == What::Event(Event::CustodianWrong { custodian: named, code })
        });
        assert!(named, "{code}");
    }
    cast.push_share(node, second).unwrap();
    cast.run_for(60);
    assert!(cast.world.host(node).unwrap().devices.disk.mounted);
}
