//! A member's boot: its peers, an operator, an operator with the wrong secret and a stranger at once; crashes at every durable write,
//! and a host that puts an older disk under it.

use super::world::{Budget, NodeParty, PusherParty, World};
use super::{Guard, Question, breaks, exhaust};
use crate::machine::facts::Source;
use crate::machine::symbolic::*;

/// Node 3 of cluster 2, at generation 4; the store has confirmed that, in its last boot.
fn member(generation: u32, pushers: &[(u8, u8)], peers: bool, budget: Budget) -> World {
    let mut world = World::new(budget);
    let host = Host { counter: None, ..Host::member(PCR, 2, 2, 3, generation) };
    let config = crate::machine::NodeConfig { endpoints: u16::from(peers), ..node_config(&host) };
    let mut node = NodeParty::new(3, host.clone(), config);
    node.old_disk = (budget.rollbacks > 0).then(|| Box::new(host));
    world.nodes = vec![node];
    world.services = vec![(2, Store::with_member(2, 3, 4, 1))];
    world.pushers = pushers
        .iter()
        .map(|(key, secret)| {
            PusherParty::new(pusher_config(2, 3, Source::Operator), operator_key(*key), *secret, false)
        })
        .collect();
    world
}

const BUDGET: Budget = Budget { connects: 1, failed_dials: 0, drops: 0, ticks: 1, crashes: 1, rollbacks: 0 };

#[test]
fn rejoin_and_recovery_keep_every_promise() {
    let world = member(4, &[(2, 2), (2, 1)], true, BUDGET);
    let states = exhaust("rejoin and recovery", Question { start: world, removed: None });
    assert!(states > 100_000, "{states}");
}

#[test]
fn a_disk_that_was_rolled_back_is_never_up() {
    let budget = Budget { rollbacks: 1, connects: 3, crashes: 0, ticks: 4, ..BUDGET };
    exhaust("rollback", Question { start: member(4, &[], true, budget), removed: None });
}

/// A pusher with the right keys of the disk and the key of another cluster's operator.
fn stranger(budget: Budget) -> World {
    let mut world = member(4, &[(1, 2)], false, budget);
    world.foreign = Some(2);
    world.expects_member = false;
    world
}

#[test]
fn a_stranger_gets_nowhere() {
    exhaust("a stranger pushes", Question { start: stranger(BUDGET), removed: None });
}

#[test]
fn each_guard_is_needed() {
    let small = Budget { crashes: 0, ticks: 4, connects: 2, ..BUDGET };
    assert_eq!(breaks(&stranger(small), Guard::PusherKey), "I5: only a proven peer is followed");
    let two = member(4, &[(2, 2), (2, 2)], true, small);
    assert_eq!(breaks(&two, Guard::RecoveryFirst), "I6: opened once");
    assert_eq!(
        breaks(&two, Guard::RecoveryShut),
        "I6b: services open only when confirmed, by a quorum, or alone"
    );
    assert_eq!(
        breaks(&member(2, &[], true, small), Guard::RecoveryGeneration),
        "I6: no disk older than its last confirmation is up"
    );
}
