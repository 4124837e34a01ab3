//! Disks in other machines, of other times, and twice.

use super::*;

/// Another machine boots with a copy of a node's disk, and asks for its keys.
#[test]
fn other_disk() {
    stopped_by(Guard::ServiceSameNode, || {
        let mut cast = founded(Casting::of(1, 0));
        let (victim, service) = (cast.nodes[0], cast.first);
        let thief = thief(&mut cast, victim, &[service]);
        cast.run_for(60);
        cast.world.host(thief).unwrap().devices.disk.mounted
    });
}

/// A worker's machine boots with a copy of a seat's disk: its ticket would bring the roots.
#[test]
fn worker_wants_seat() {
    stopped_by(Guard::ServiceSameNode, || {
        let mut cast = founded(Casting::of(2, 1));
        let (seat, service) = (cast.nodes[0], cast.first);
        let thief = thief(&mut cast, seat, &[service]);
        cast.run_for(60);
        cast.world.host(thief).unwrap().ring.roots.is_some()
    });
}

/// What a worker gets holds no roots, whatever it would like to be: the role comes from the machine list.
#[test]
fn worker_gets_no_roots() {
    let cast = founded(Casting::of(2, 1));
    let roots = |host: HostId| cast.world.host(host).unwrap().ring.roots.is_some();
    assert!(roots(cast.nodes[0]));
    assert!(!roots(cast.nodes[1]));
    assert_eq!(cast.broken(), Vec::new());
}

fn thief(cast: &mut Cast, victim: HostId, endpoints: &[HostId]) -> HostId {
    let disk = cast.world.host(victim).unwrap().devices.disk.clone();
    let program = cast.casting.node();
    let thief = add_node(cast, IMAGE, program, endpoints);
    let host = cast.world.host_mut(thief).unwrap();
    host.devices.disk = disk;
    host.devices.disk.mounted = false;
    thief
}

/// An operator is led to another machine that has a copy of the disk.
#[test]
fn divert_operator() {
    stopped_by(Guard::PusherSameNode, || {
        let mut cast = founded(Casting::of(1, 0));
        let victim = cast.nodes[0];
        let thief = thief(&mut cast, victim, &[]);
        let pusher = cast.push(victim, true, None).unwrap();
        cast.world.host_mut(pusher).unwrap().endpoints = Rc::from([thief]);
        cast.run_for(120);
        cast.world.host(thief).unwrap().devices.disk.mounted
    });
}

/// The host gives a node a disk of two boots ago.
#[test]
fn rollback_of_a_disk() {
    stopped_by(Guard::RecoveryGeneration, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = cast.nodes[0];
        let old = cast.world.host(node).unwrap().devices.disk.clone();
        for _ in 0..2 {
            cast.reboot(node, None);
            assert!(cast.settle(300));
        }
        cast.reboot(node, None);
        cast.world.host_mut(node).unwrap().devices.disk = old;
        cast.run_for(120);
        opened_services(&cast, node)
    });
}

/// The same with no peer, on an operator's word: the counter of the TPM is what remembers.
#[test]
fn rollback_without_peers() {
    stopped_by(Guard::RecoveryGeneration, || {
        let mut cast = founded(Casting::of(1, 0));
        let node = cast.nodes[0];
        let old = cast.world.host(node).unwrap().devices.disk.clone();
        for _ in 0..2 {
            cast.reboot(node, None);
            assert!(cast.settle(300));
        }
        let host = cast.world.host_mut(node).unwrap();
        host.endpoints = Rc::from([]);
        cast.reboot(node, None);
        cast.world.host_mut(node).unwrap().devices.disk = Disk { mounted: false, ..old };
        cast.run_for(10);
        cast.push(node, true, None).unwrap();
        cast.run_for(120);
        opened_services(&cast, node)
    });
}

/// Two boots of one machine with one disk: the older one must be out at its next renewal.
#[test]
fn clone_two_boots() {
    stopped_by(Guard::ServiceBoot, || {
        let mut cast = founded(Casting::of(1, 0));
        let (node, service) = (cast.nodes[0], cast.first);
        // Its certificate is fresh, and so is the renewal that says so.
        cast.run_for(60);
        let identity = cast.world.host(node).unwrap().identity.clone();
        let clone = thief(&mut cast, node, &[service]);
        cast.world.host_mut(clone).unwrap().identity = identity;
        assert!(
            cast.run_until(300, |cast| opened_services(cast, clone)),
            "the clone is as genuine as the node"
        );
        let since = cast.world.now();
        cast.run_for(60_000);
        cast.world.trace.entries().iter().any(|entry| {
            entry.at > since
                && entry.host == node
                && matches!(entry.what, What::Received(_, _, Message::Grant(_)))
        })
    });
}

/// The clone is named where it is found, on both sides.
#[test]
fn clone_is_named() {
    let mut cast = founded(Casting::of(1, 0));
    let (node, service) = (cast.nodes[0], cast.first);
    cast.run_for(60);
    let identity = cast.world.host(node).unwrap().identity.clone();
    let clone = thief(&mut cast, node, &[service]);
    cast.world.host_mut(clone).unwrap().identity = identity;
    cast.run_for(60_000);
    for host in [node, service] {
        assert!(happened(&cast, |entry| entry.host == host && entry.what == What::Event(Event::Clone)));
    }
}
