//! Joins, on a network that diverts any dial to a foreign cluster of genuine machines, and ends or delays whatever it likes. What an
//! attacker with a TLS key does below an open channel is the subject of the channel's own tests.

use super::world::{Budget, NodeParty, World};
use super::{Guard, Question, breaks, exhaust};
use crate::machine::NodeConfig;
use crate::machine::symbolic::*;

fn joiners(count: u8, budget: Budget) -> World {
    let mut world = World::new(budget);
    world.nodes = (1..=count)
        .map(|number| {
            let host = Host::blank(PCR, 1);
            let config = NodeConfig { authority: None, pinned: Some(cluster(2)), ..node_config(&host) };
            NodeParty::new(number, host, config)
        })
        .collect();
    // Cluster 3 is the attacker's: genuine machines, its own certificates.
    world.services = vec![(2, Store::empty()), (3, Store::empty())];
    world
}

/// A node that is pinned to cluster 2, where only cluster 3 answers.
fn diverted(budget: Budget) -> World {
    let mut world = joiners(1, budget);
    world.services.remove(0);
    world.foreign = Some(3);
    world
}

const BUDGET: Budget = Budget { connects: 2, failed_dials: 1, drops: 0, ticks: 3, crashes: 1, rollbacks: 0 };

#[test]
fn joins_keep_every_promise() {
    let states = exhaust("join", Question { start: joiners(2, BUDGET), removed: None });
    assert!(states > 100_000, "{states}");
}

#[test]
fn a_diverted_joiner_stays_blank() {
    let mut world = diverted(BUDGET);
    world.expects_member = false;
    exhaust("diverted join", Question { start: world, removed: None });
}

#[test]
fn each_guard_is_needed() {
    let small = Budget { crashes: 0, drops: 0, ..BUDGET };
    assert_eq!(
        breaks(&joiners(1, small), Guard::ServiceReserved),
        "I4: reserved and granted before it is said"
    );
    assert_eq!(breaks(&diverted(small), Guard::JoinerCluster), "I5: only a proven peer is followed");
}
