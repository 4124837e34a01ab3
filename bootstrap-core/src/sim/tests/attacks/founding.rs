//! One genesis, one node; one node, one cluster.

use super::*;

/// One genesis meets two nodes: the operator crashes in the middle, and its host leads it to another node.
#[test]
fn double_init() {
    stopped_by(Guard::OperatorBound, || {
        let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), Casting::of(0, 0));
        let operator = cast.operator;
        let granting = cast.run_until(60, |cast| {
            let desk = cast.world.host(operator).unwrap().devices.desk.as_deref().unwrap();
            desk.record.as_ref().is_some_and(|record| record.phase == OperatorPhase::Granting)
        });
        assert!(granting);
        let program = cast.casting.node();
        let other = add_node(&mut cast, IMAGE, program, &[]);
        cast.world.host_mut(operator).unwrap().endpoints = Rc::from([other]);
        cast.world.crash(operator, Crash::Process);
        cast.run_for(60);
        happened(&cast, |entry| {
            entry.host == other && matches!(entry.what, What::Done(Action::Driver(DriverAction::Init { .. })))
        })
    });
}

/// A node is initialised by one and invited by another at once; under some timing each would win half.
#[test]
fn init_join_race() {
    stopped_by(Guard::LockOneCluster, || {
        (0..40).any(|seed| {
            // A lock in software: with a register, whoever is told Locked sees for himself.
            let casting = Casting { tpm: false, ..Casting::of(0, 0) };
            let mut cast = Cast::new(seed, Plan::calm(), Trace::whole(), casting);
            assert!(cast.settle(600));
            let mut program = cast.casting.node();
            program.authority.as_mut().unwrap().operators = vec![stranger()];
            let service = cast.first;
            let node = add_node(&mut cast, IMAGE, program, &[service]);
            // The first dial of the node comes within five seconds of its boot; the operator's comes at once.
            let until = cast.world.now().after(125_000 * seed);
            cast.world.run(until, 100_000).unwrap();
            cast.world.rest(until);
            add_operator(&mut cast, stranger(), node);
            cast.run_for(60);
            let broken = cast.broken();
            broken.iter().any(|broken| broken.host == node && broken.invariant != "I6")
        })
    });
}

#[test]
fn register_that_somebody_else_extended() {
    stopped_by(Guard::LockReadBack, || {
        let mut cast = founded(Casting::of(0, 0));
        let (program, service) = (cast.casting.node(), cast.first);
        let node = add_node(&mut cast, IMAGE, program, &[service]);
        cast.world.run(cast.world.now(), 1_000).unwrap();
        cast.world.host_mut(node).unwrap().devices.register.as_mut().unwrap().extend(b"somebody else");
        cast.run_for(60);
        sent_locked(&cast, node)
    });
}

/// The operator's host hands it another master file than the one of the genesis.
#[test]
fn wrong_roots() {
    stopped_by(Guard::InitRoots, || {
        let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), Casting::of(0, 0));
        let operator = cast.operator;
        let until = Time::from_secs(60);
        let unmade = |world: &World| world.host(operator).unwrap().ring.roots.is_none();
        cast.world.run_while(until, 100_000, unmade).unwrap();
        cast.world.host_mut(operator).unwrap().ring.roots = Some(Roots::of_master(&[0xdd; 32]));
        cast.run_for(60);
        cast.world.host(cast.first).unwrap().devices.disk.header.is_some()
    });
}
