//! The machines that ship, explored (protocol section 12): every order of deliveries, drops, timers and crashes within stated bounds.
//!
//! A channel is what section 12 calls C5 with I5 as its contract: what an end is told of its peer is true of that peer when the channel
//! opens. What an attacker does below that contract is the subject of `join`. A crash may come between any two durable effects.
//!
//! While a machine has something to say, only it (or its crash) moves: what it says goes to queues that nobody reads meanwhile, so the
//! orders that are left out lead to no other state.

mod init_join;
mod join;
mod recover;
mod world;

use core::time::Duration;
use std::time::Instant as Clock;

use stateright::{Checker, Model, Property};

use super::guard::{Guard, without};
use world::{Broken, Move, World};

/// A model that takes longer is no use in every run of the tests.
const LIMIT: Duration = Duration::from_secs(180);

/// One question: where it starts, and what may happen.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) start: World,
    pub(super) removed: Option<Guard>,
}

impl Model for Question {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        let mut start = self.start.clone();
        without(self.removed, || start.begin());
        vec![start]
    }

    fn actions(&self, world: &World, moves: &mut Vec<Move>) {
        world.moves(moves);
    }

    fn next_state(&self, world: &World, step: Move) -> Option<World> {
        let mut next = world.clone();
        without(self.removed, || next.step(&step));
        // A step without an effect is no step.
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties: Vec<Property<Self>> = vec![
            Property::always("I1, I3: no grant before the lock", |_, world| {
                holds(world, Broken::GrantUnlocked)
            }),
            Property::always("I2: one cluster in a boot", |_, world| holds(world, Broken::TwoClusters)),
            Property::always("I2: one genesis, one init node", |_, world| holds(world, Broken::TwoInitNodes)),
            Property::always("I3: no use of a secret before the lock", |_, world| {
                holds(world, Broken::UsedUnlocked)
            }),
            Property::always("I3: a lock that is held is in the register", |_, world| {
                holds(world, Broken::LockNotInRegister)
            }),
            Property::always("I4: reserved and granted before it is said", |_, world| {
                holds(world, Broken::NotWritten)
            }),
            Property::always("I5: only a proven peer is followed", |_, world| holds(world, Broken::Stranger)),
            Property::always("I6: confirmed means on the disk, in that boot", |_, world| {
                holds(world, Broken::FalseConfirmation)
            }),
            Property::always("I6: wrong input writes nothing", |_, world| {
                holds(world, Broken::WroteByWrongInput)
            }),
            Property::always("I6: opened once", |_, world| holds(world, Broken::OpenedTwice)),
            Property::always("I6: no disk older than its last confirmation is up", |_, world| {
                holds(world, Broken::RolledBack)
            }),
            Property::always("I6b: services open only when confirmed, by a quorum, or alone", |_, world| {
                holds(world, Broken::ServicesUnconfirmed)
            }),
        ];
        properties
            .push(Property::sometimes("somebody becomes a member", |_, world: &World| world.has_member()));
        properties
    }
}

fn holds(world: &World, what: Broken) -> bool {
    !world.is_broken(what)
}

/// Explores the whole of it; prints states and time; every property holds.
fn exhaust(what: &str, question: Question) -> usize {
    let started = Clock::now();
    let bounds = question.start.bounds();
    let checker = question.checker().threads(2).timeout(LIMIT).spawn_bfs().join();
    assert!(started.elapsed() < LIMIT, "not exhausted: {} states", checker.unique_state_count());
    let states = checker.unique_state_count();
    println!(
        "{what}: {states} unique states, depth {}, {:?}; {bounds}",
        checker.max_depth(),
        started.elapsed()
    );
    checker.assert_properties();
    states
}

/// With that guard taken out, a run is found that breaks a property.
fn breaks(start: &World, guard: Guard) -> String {
    let question = Question { start: start.clone(), removed: Some(guard) };
    let checker = question.checker().finish_when(stateright::HasDiscoveries::AnyFailures).spawn_dfs().join();
    let found: Vec<_> = checker.discoveries().into_iter().filter(|(name, _)| name.starts_with('I')).collect();
    let Some((name, path)) = found.first() else {
        panic!("{guard:?} taken out, and nothing breaks in {} states", checker.unique_state_count())
    };
    let steps = path.clone().into_actions().len();
    println!("{guard:?} taken out: {name} breaks after {steps} steps");
    (*name).to_owned()
}
