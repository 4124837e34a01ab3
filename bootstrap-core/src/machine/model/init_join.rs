//! Two operators and a join service compete for two blank nodes: init against join lock, one genesis against two nodes.

use super::world::{Budget, NodeParty, OperatorParty, World};
use super::{Guard, Question, breaks, exhaust};
use crate::machine::NodeConfig;
use crate::machine::facts::LockRegister;
use crate::machine::symbolic::*;

/// A node that takes whoever knows the init secret, and joins cluster 2 if that comes first.
fn node(number: u8, endpoints: u16) -> NodeParty {
    let host = Host::blank(PCR, 1);
    let config = NodeConfig { authority: None, init_secret: Some([9; 16]), endpoints, ..node_config(&host) };
    NodeParty::new(number, host, config)
}

/// One operator, two nodes, one service.
fn one_operator(budget: Budget) -> World {
    let mut world = World::new(budget);
    world.nodes = vec![node(1, 1), node(2, 0)];
    world.operators = vec![OperatorParty::new(1, true)];
    world.services = vec![(2, Store::empty())];
    world
}

/// Two operators for one node; the second one does not know the secret, or does.
fn two_operators(trusted: bool, budget: Budget) -> World {
    let mut world = World::new(budget);
    world.nodes = vec![node(1, 0)];
    world.operators = vec![OperatorParty::new(1, true), OperatorParty::new(3, trusted)];
    world
}

const BUDGET: Budget = Budget { connects: 2, failed_dials: 0, drops: 0, ticks: 2, crashes: 1, rollbacks: 0 };

#[test]
fn init_and_join_never_both_win() {
    let states = exhaust("init against join", Question { start: one_operator(BUDGET), removed: None });
    assert!(states > 100_000, "{states}");
}

#[test]
fn two_operators_never_share_a_node() {
    let budget = Budget { ticks: 1, ..BUDGET };
    exhaust("two operators", Question { start: two_operators(true, budget), removed: None });
    exhaust("a stranger's init", Question { start: two_operators(false, budget), removed: None });
}

#[test]
fn each_guard_is_needed() {
    let small = Budget { crashes: 0, drops: 0, ..BUDGET };
    // Where a register shows the lock, the operator's own check would still stop a second cluster: so, without one.
    let mut software = two_operators(true, Budget { drops: 1, ..small });
    software.nodes[0].host = Host::blank(LockRegister::Software, 1);
    software.nodes[0].config.register = LockRegister::Software;
    for operator in &mut software.operators {
        operator.config.register = LockRegister::Software;
        operator.config.least_lock = 1;
    }
    assert!(breaks(&software, Guard::LockOneCluster).contains("before the lock"));
    assert_eq!(breaks(&two_operators(false, small), Guard::InitKey), "I5: only a proven peer is followed");
    assert_eq!(
        breaks(&one_operator(Budget { drops: 1, ticks: 3, connects: 3, ..small }), Guard::OperatorBound),
        "I2: one genesis, one init node"
    );
    // Somebody extended the register before this boot's agent did.
    let mut broken = two_operators(true, small);
    broken.nodes[0].host.value = Some(vec![0; 32]);
    broken.nodes[0].host.extends_to_nonsense = true;
    assert_eq!(breaks(&broken, Guard::LockReadBack), "I3: a lock that is held is in the register");
    broken.expects_member = false;
    exhaust("a register that does not do as it is told", Question { start: broken, removed: None });
}
