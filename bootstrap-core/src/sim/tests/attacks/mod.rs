//! The attacks of protocol section 12 that are about machines. Each one is run twice: it fails as things are, and it succeeds once the
//! guard that stops it is taken out, so that none of them passes for another reason than its guard.

mod disks;
mod founding;
mod impostors;
mod recovery;

use std::rc::Rc;

use crate::error::Code;
use crate::ids::{ClusterId, ReferenceSetId};
use crate::machine::guard::{Guard, without};
use crate::machine::message::{Flow, GrantFacts, Locked};
use crate::machine::record::OperatorPhase;
use crate::machine::{
    Action, ActionId, ChannelId, Claims, DriverAction, Event, Input, KeyAction, Message, Output,
};
use crate::peer::PublicKey;
use crate::sim::cast::{Cast, Casting, IMAGE, OTHER_IMAGE, genuine};
use crate::sim::clock::Time;
use crate::sim::device::{Disk, Register};
use crate::sim::host::{Host, HostId, Identity, Machine, Program, Start};
use crate::sim::plan::{Crash, Plan};
use crate::sim::programs::{NodeProgram, Operator, shared};
use crate::sim::ring::Material;
use crate::sim::store::ClusterStore;
use crate::sim::symbol::Roots;
use crate::sim::trace::{Entry, Trace, What};
use crate::sim::world::World;
use crate::time::Instant;

/// The attack fails, and without the guard it does not.
fn stopped_by(guard: Guard, attack: impl Fn() -> bool) {
    assert!(!attack(), "the attack succeeds");
    assert!(without(Some(guard), &attack), "the attack fails without {guard:?} too");
}

fn founded(casting: Casting) -> Cast {
    let mut cast = Cast::new(7, Plan::calm(), Trace::whole(), casting);
    assert!(cast.settle(600), "{}", cast.world.trace.to_mermaid(|host| host.number().to_string()));
    cast
}

fn happened(cast: &Cast, what: impl Fn(&Entry) -> bool) -> bool {
    cast.world.trace.entries().iter().any(what)
}

fn sent_locked(cast: &Cast, host: HostId) -> bool {
    happened(cast, |entry| entry.host == host && matches!(entry.what, What::Sent(_, _, Message::Locked(_))))
}

fn opened_services(cast: &Cast, host: HostId) -> bool {
    cast.world.host(host).unwrap().memory.services
}

/// Adds a genuine node that the attacker tells where to dial.
fn add_node(cast: &mut Cast, image: ReferenceSetId, program: NodeProgram, endpoints: &[HostId]) -> HostId {
    let number = u32::try_from(cast.world.hosts().len()).unwrap();
    let now = cast.world.now();
    let tpm = cast.casting.tpm;
    let id = cast.world.add(genuine(number, image, tpm), shared(program), endpoints.into(), now);
    let host = cast.world.host_mut(id).unwrap();
    host.devices.register = tpm.then(Register::zero);
    host.devices.counter = tpm.then_some(0);
    id
}

/// Adds an operator of the attacker, with a genesis of its own, who means this node.
fn add_operator(cast: &mut Cast, key: PublicKey, target: HostId) -> HostId {
    let mut program: Operator = cast.casting.operator();
    program.authority.operators = vec![key.clone()];
    let identity = Identity::person(vec![key]);
    let id = cast.world.add(identity, shared(program), Rc::from([target]), cast.world.now());
    cast.world.host_mut(id).unwrap().devices.desk = Some(Box::default());
    id
}

fn stranger() -> PublicKey {
    PublicKey::Ed25519([0xbb; 32])
}

/// A second cluster, of a stranger, made of genuine machines with our image.
fn strange_cluster(cast: &mut Cast) -> HostId {
    let mut program = cast.casting.node();
    program.authority.as_mut().unwrap().operators = vec![stranger()];
    let first = add_node(cast, IMAGE, program, &[]);
    let operator = add_operator(cast, stranger(), first);
    let done = cast.run_until(300, |cast| {
        let desk = cast.world.host(operator).unwrap().devices.desk.as_deref().unwrap();
        desk.record.as_ref().is_some_and(|record| record.phase == OperatorPhase::Member)
    });
    assert!(done);
    first
}
