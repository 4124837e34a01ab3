//! All of one host in one value: its channels, its key ring, its machines. What is left to the host is bytes, devices, and time.
//!
//! ```text
//! bytes ──Session──▶ wire::Message ──▶ machine::Message ──machine──▶ Action ──▶ the host's devices
//!                         │ grant                                      │ keys
//!                         └────────────▶ Keyring ◀─────────────────────┘
//! ```
//!
//! The contract of an [`Engine`]: after each call, do what [`Engine::poll`] says, until it says [`Work::Wait`].
//!
//! | work | answer |
//! | --- | --- |
//! | [`Work::Dial`] | [`Engine::dialled`], or [`Engine::done`] with [`Outcome::Failed`] |
//! | [`Work::Send`], [`Work::Close`] | bytes out; what comes in goes to [`Engine::receive`], the end to [`Engine::disconnected`] |
//! | [`Work::Show`] | [`Engine::show`], once the devices have made the items |
//! | [`Work::Judge`] | [`Engine::judged`], with what [`Trial::judge`] says |
//! | [`Work::Do`] | [`Engine::done`] |
//! | [`Work::SignPolicy`] | [`Engine::sign_policy`] |
//!
//! Work may be done anywhere and in any order; an engine never waits for one piece before it hands out the next, but where a durable
//! write must come first (protocol section 5).
//!
//! # Example
//!
//! An operator makes a cluster of one machine, and a second machine joins it, between byte buffers. Devices and store are in memory; the
//! chips are those of the test PKI.
//!
#![cfg_attr(feature = "sim", doc = "```")]
#![cfg_attr(not(feature = "sim"), doc = "```ignore")]
//! use attest_core::{Evidence, Policy, Store, TrustAnchors, UnixTime, claims::Root, crypto::aws_lc_rs::PROVIDER, rules::OneOf, tee::snp};
//! use bootstrap_core::channel::judge::{ReferenceSet, SNP};
//! use bootstrap_core::engine::wires::{Wires, in_memory};
//! use bootstrap_core::engine::{Belief, Engine, Given, NodeSetup, OperatorSetup, Work};
//! use bootstrap_core::machine::{Event, facts::{Authority, LockRegister}, store::MemoryStore};
//! use bootstrap_core::{authority::Draft, ids::*, keyring::Keyring, keys::*, time::Instant, wire, wire::*};
//! use std::time::Duration;
//! use vectors_generate::{CertSpec, CrlSpec, Platform, Product, Role as Tier, time};
//! let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(time::unix(time::NOW) + seconds));
//! let given = Given { now: Instant::default(), wall: at(0), draw: &|bytes| aws_lc_rs::rand::fill(bytes).unwrap() };
//! // Whom everybody believes: one root, its revocation list, and whatever image runs on such a chip.
//! let (mut roots, mut collateral) = (snp::Anchors::none(), Store::new());
//! roots.add_root(snp::ProductLine::Genoa, &CertSpec::ca(Product::Genoa.line(), Tier::Ark).build())?;
//! collateral.add(&CrlSpec::new(Product::Genoa.line()).build())?;
//! let anchors = TrustAnchors::new(roots);
//! let mut rules = snp::Policy::strict(snp::MARCH_2026, OneOf::Any);
//! rules.roots = OneOf::only(Root::Caller);
//! let (id, rules) = (ReferenceSetId::new([1; 32]), SetRules::new(Policy::for_snp(rules).to_json().into_bytes())?);
//! let (kind, roles) = (Kind::new(SNP)?, List::new(vec![Role::Worker, Role::Seat])?);
//! let set = wire::ReferenceSet { id, kind, rules, not_after: at(86_400), security_version: 1, roles };
//! let belief = Belief { sets: vec![ReferenceSet::read(&set)?], lifetime: Duration::from_secs(600) };
//! // An operator, and two machines of which the second knows the first.
//! let key = OperatorKey::from_seed(&Secret::new("seed", &[7; 32])?);
//! let authority = Authority { operators: vec![key.public_key()], threshold: 1, custodians: Vec::new() };
//! let (configuration, lock) = (ConfigDigest::new([2; 32]), LockRegister::Software);
//! let chips = [1, 2].map(|number| Platform::numbered(Product::Genoa, number));
//! let report = |node: usize, slot| Evidence::from_envelope(&chips[node - 1].evidence(slot)).unwrap();
//! let node = |number: usize| -> Result<Engine, Box<dyn std::error::Error>> {
//!     let chip = Enrolment::Platform(Enrolled::new(chips[number].machine().to_vec())?);
//!     let mut setup = NodeSetup::blank(configuration, lock, belief.clone(), vec![Kind::new(SNP)?], chip, given)?;
//!     (setup.machine.authority, setup.machine.endpoints) = (Some(authority.clone()), number.try_into()?);
//!     Ok(Engine::node(setup, Keyring::new(), given)?)
//! };
//! let operator = OperatorSetup::new(authority.clone(), configuration, lock, belief.clone(), given)?;
//! let mut hosts = [Engine::operator(operator, Keyring::new(), given)?, node(0)?, node(1)?];
//! let (mut store, mut members) = (MemoryStore::default(), Vec::new());
//! Wires::default().run(&mut hosts, given, Duration::from_secs(30), |_, _| 1, |host, engine, work, given| match work {
//!     Work::Show(channel, mut ask) => {
//!         match (host, *ask.slot(SNP, b"").as_bytes()) {
//!             (0, _) => ask.prove(&key).unwrap(),
//!             (node, slot) => ask.add_evidence(SNP, report(node, slot)).unwrap(),
//!         }
//!         engine.show(channel, *ask, given).unwrap();
//!     }
//!     Work::Judge(channel, trial) => engine
//!         .judged(channel, trial.judge(&PROVIDER, &anchors, &collateral, given.wall).as_ref(), given)
//!         .unwrap(),
//!     Work::SignPolicy(cluster) => {
//!         let genesis = engine.keyring().genesis(&cluster).unwrap().value().clone();
//!         let first = PolicyStatement::first(&genesis, cluster, at(86_400), set.clone()).unwrap();
//!         engine.sign_policy(Draft::signed(&Statement::Policy(first), &key).unwrap(), given);
//!     }
//!     Work::Do(id, action) => engine.done(id, in_memory(&action, &mut store), given).unwrap(),
//!     Work::Event(Event::Member { node, .. }) => members.push((host, node)),
//!     _ => {}
//! });
//! // The operator hears of the first node, that node of itself and of the second, and the second of itself.
//! assert_eq!(members.iter().map(|(host, _)| *host).collect::<Vec<_>>(), [1, 0, 2, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what an engine routes by name is named, and all else goes one way"
)]

mod alarms;
mod asked;
mod belief;
mod claims;
mod error;
mod keys;
mod line;
mod message;
mod party;
mod route;
mod setup;
mod show;
mod standing;
mod terms;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "sim"))]
pub mod wires;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::authority::PolicyTip;
use crate::channel::binding::Side;
use crate::channel::judge::{Disbelief, ReferenceSet};
use crate::channel::machine::Judgement;
use crate::channel::session::Session;
use crate::channel::terms::Config;
use crate::channel::tls::Identity;
use crate::error::Code;
use crate::ids::ClusterId;
use crate::keyring::Keyring;
use crate::keys::NodeKey;
use crate::machine::facts::Genesis;
use crate::machine::message::Flow;
use crate::machine::store::Stored;
use crate::machine::{
    Action, ActionId, ChannelId, Event, InitOperator, Input, KeyAction, Node, Outcome, RecoverPusher, Step,
};
use crate::peer::Peer;
use crate::time::Instant;
use crate::wire::{Der, List, Refusal, Signed};

use alarms::{Alarms, Waiter};
use line::Line;
use party::{Owner, Party, Publisher, Service};

pub use error::Error;
pub use setup::{Belief, Given, NodeSetup, OperatorSetup, PublisherSetup, PusherSetup};
pub use show::{Ask, Trial};

/// How many channels are open at once. The host should admit fewer, by `machine::admission`.
pub const MAX_CHANNELS: usize = 16_384;

/// Work that an engine asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WorkId(u64);

/// What an engine wants of its host.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a host that leaves work undone is wrong, so new work must break it"
)]
pub enum Work {
    /// Connect to this endpoint of the host's list, for this flow.
    Dial {
        /// The number that the answer carries.
        id: WorkId,
        /// Index into the list of endpoints.
        endpoint: u16,
        /// What for.
        flow: Flow,
    },
    /// Send these bytes.
    Send(ChannelId, Vec<u8>),
    /// All was sent: close the connection. Nothing comes after it on this channel.
    Close(ChannelId),
    /// Make evidence.
    Show(ChannelId, Box<Ask>),
    /// Judge the peer's evidence.
    Judge(ChannelId, Box<Trial>),
    /// Work for a device, or for the store. `Action::Keys`, `Action::Close`, `Action::Dial` and `Action::Reattest` never come here.
    Do(WorkId, Box<Action>),
    /// Sign the first policy of this cluster, which names it by its id.
    SignPolicy(ClusterId),
    /// For whoever watches.
    Event(Event),
    /// Nothing to do until something comes, or until then.
    Wait(Option<Instant>),
}

/// One host: an operator, a node, a pusher or a publisher.
pub struct Engine {
    party: Party,
    keyring: Keyring,
    identity: Identity,
    /// The request for a certificate, of a node.
    csr: Vec<u8>,
    /// The certificate of this boot.
    chain: Option<List<Der, 1, 4>>,
    /// The genesis that an operator made.
    genesis: Option<Genesis>,
    first_policy: Option<Signed>,
    /// Key work that waits for the first policy.
    unsigned: Vec<(Owner, ActionId, KeyAction)>,
    /// The sets of the newest policy, as they were read.
    read: Option<(PolicyTip, Arc<[ReferenceSet]>)>,
    lines: BTreeMap<ChannelId, Line>,
    services: BTreeMap<ChannelId, Service>,
    /// Whether the services of this node are open.
    open: bool,
    asked: BTreeMap<WorkId, Asked>,
    works: u64,
    channels: u32,
    alarms: Alarms,
    /// What something was done to since all was settled.
    stirred: BTreeSet<Owner>,
    stirred_lines: BTreeSet<ChannelId>,
    out: VecDeque<Work>,
}

/// Work that is out.
struct Asked {
    owner: Owner,
    action: ActionId,
    /// The flow, of a dial.
    dial: Option<Flow>,
    /// What follows once it is done.
    follows: Follows,
}

/// What follows from work of a device, beside what its machine makes of it.
enum Follows {
    Nothing,
    /// The services are open.
    Open,
    /// The store has these statements, so they hold here too.
    Published(Vec<Vec<u8>>),
}

impl Engine {
    /// An operator. The key ring is empty, or has what `setup.found` names.
    ///
    /// # Errors
    /// [`Error::Tls`] without entropy.
    pub fn operator(setup: OperatorSetup, keyring: Keyring, given: Given<'_>) -> Result<Self, Error> {
        let found = setup.found.clone();
        let genesis = found.as_ref().map(|(record, _)| record.genesis.clone());
        let machine = InitOperator::start(setup.machine.clone(), found, given.drawn(), given.now);
        let party = Party::Operator(Box::new(setup), Box::new(machine));
        let mut engine = Self::new(party, keyring, Identity::ephemeral()?);
        let cluster = genesis.as_ref().and_then(Genesis::cluster);
        engine.genesis = genesis;
        engine.out.extend(cluster.map(Work::SignPolicy));
        engine.settle(given);
        Ok(engine)
    }

    /// A node. The key ring knows what its disk's clear area says: genesis, policies.
    ///
    /// # Errors
    /// [`Error::Key`] for entropy that was not drawn.
    pub fn node(setup: NodeSetup, mut keyring: Keyring, given: Given<'_>) -> Result<Self, Error> {
        let csr = keyring.make_node_key(&given.drawn())?;
        let key = keyring.node_key().map(NodeKey::to_pkcs8).transpose()?;
        let identity = Identity::from_pkcs8(key.as_deref().map_or(&[], Vec::as_slice))?;
        let machine = Node::start(setup.machine.clone(), &setup.found, given.drawn(), given.now);
        let mut engine = Self::new(Party::Node(Box::new(setup), Box::new(machine)), keyring, identity);
        engine.csr = csr;
        engine.settle(given);
        Ok(engine)
    }

    /// Somebody who brings a disk back, once [`Engine::connect`]ed. The key ring has the roots or the share.
    ///
    /// # Errors
    /// [`Error::Tls`] without entropy.
    pub fn pusher(setup: PusherSetup, keyring: Keyring) -> Result<Self, Error> {
        Ok(Self::new(Party::Pusher(Box::new(setup), None), keyring, Identity::ephemeral()?))
    }

    /// Somebody who publishes statements, once [`Engine::connect`]ed.
    ///
    /// # Errors
    /// [`Error::Tls`] without entropy.
    pub fn publisher(setup: PublisherSetup) -> Result<Self, Error> {
        let party = Party::Publisher(Box::new(setup), Publisher::default());
        Ok(Self::new(party, Keyring::new(), Identity::ephemeral()?))
    }

    fn new(party: Party, keyring: Keyring, identity: Identity) -> Self {
        Self {
            party,
            keyring,
            identity,
            csr: Vec::new(),
            chain: None,
            genesis: None,
            first_policy: None,
            unsigned: Vec::new(),
            read: None,
            lines: BTreeMap::new(),
            services: BTreeMap::new(),
            open: false,
            asked: BTreeMap::new(),
            works: 0,
            channels: 0,
            alarms: Alarms::default(),
            stirred: BTreeSet::from([Owner::Main]),
            stirred_lines: BTreeSet::new(),
            out: VecDeque::new(),
        }
    }

    /// The key ring, for the files and devices of the host.
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The key ring, to take in what was found on a disk before the answer that it was mounted.
    pub const fn keyring_mut(&mut self) -> &mut Keyring {
        &mut self.keyring
    }

    /// The cluster of this node's lock or disk.
    pub fn cluster(&self) -> Option<ClusterId> {
        match &self.party {
            Party::Operator(..) => self.genesis.as_ref().and_then(Genesis::cluster),
            Party::Node(setup, node) => {
                node.cluster().or_else(|| setup.machine.header.as_ref().map(|header| header.cluster))
            }
            Party::Pusher(setup, _) => Some(setup.machine.cluster),
            Party::Publisher(setup, _) => Some(setup.cluster),
        }
    }

    /// A connection that a peer made.
    ///
    /// # Errors
    /// [`Error`] if this end serves nobody, or has too many channels.
    pub fn accept(&mut self, given: Given<'_>) -> Result<ChannelId, Error> {
        let config = self.dialled_config(given)?;
        self.line(config, Side::Server, given)
    }

    /// A connection that this end made, as a dial asked for it.
    ///
    /// # Errors
    /// [`Error::NotAsked`] for a number that no dial has; [`Error`] if the channel cannot be opened.
    pub fn dialled(&mut self, id: WorkId, given: Given<'_>) -> Result<ChannelId, Error> {
        let flow = self.asked.get(&id).and_then(|asked| asked.dial);
        let flow = flow.ok_or(Error::NotAsked { what: "dial" })?;
        let config = self.dialling_config(flow, given)?;
        let channel = self.line(config, Side::Client, given)?;
        self.done(id, Outcome::Dialled(channel), given)?;
        Ok(channel)
    }

    /// A connection that a pusher or a publisher made.
    ///
    /// # Errors
    /// [`Error::NotAsked`] for somebody whose machine dials by itself; [`Error`] if the channel cannot be opened.
    pub fn connect(&mut self, given: Given<'_>) -> Result<ChannelId, Error> {
        let flow = match &self.party {
            Party::Pusher(..) => Flow::Recover,
            Party::Publisher(..) => Flow::Statement,
            Party::Operator(..) | Party::Node(..) => return Err(Error::NotAsked { what: "dial" }),
        };
        let config = self.dialling_config(flow, given)?;
        let channel = self.line(config, Side::Client, given)?;
        if let Party::Pusher(setup, machine) = &mut self.party {
            let pusher = RecoverPusher::start(setup.machine.clone(), channel, given.now);
            *machine = Some(Box::new(pusher));
            self.stirred.insert(Owner::Main);
        }
        self.settle(given);
        Ok(channel)
    }

    /// Bytes of the peer. What is wrong with them ends the channel. Bytes for a channel that has ended are late, and dropped.
    pub fn receive(&mut self, channel: ChannelId, bytes: &[u8], given: Given<'_>) {
        if let Some(line) = self.stir_line(channel) {
            line.session.receive(bytes, given.now);
            self.settle(given);
        }
    }

    /// The connection below is gone.
    pub fn disconnected(&mut self, channel: ChannelId, given: Given<'_>) {
        if let Some(line) = self.stir_line(channel) {
            line.session.disconnected();
            self.settle(given);
        }
    }

    /// Evidence is ready. A channel that has ended meanwhile needs none.
    ///
    /// # Errors
    /// [`Error`] for evidence that the channel does not take.
    pub fn show(&mut self, channel: ChannelId, ask: Ask, given: Given<'_>) -> Result<(), Error> {
        let evidence = ask.finish()?;
        if let Some(line) = self.stir_line(channel) {
            line.session.evidence(evidence, given.now)?;
            self.settle(given);
        }
        Ok(())
    }

    /// The devices cannot make the evidence that is asked for: the channel ends.
    pub fn cannot_show(&mut self, channel: ChannelId, given: Given<'_>) {
        self.refuse(channel, Code::INTERNAL, 0, given);
        self.settle(given);
    }

    /// A peer's evidence was judged. A channel that has ended meanwhile needs no verdict.
    ///
    /// # Errors
    /// [`Error::Misuse`] if nothing waits to be judged.
    pub fn judged(
        &mut self,
        channel: ChannelId,
        verdict: Result<&Peer, &Disbelief>,
        given: Given<'_>,
    ) -> Result<(), Error> {
        let judgement = match verdict {
            Ok(peer) => Judgement::accepted(peer.clone(), given.now, given.wall),
            Err(disbelief) => Judgement::Rejected { code: disbelief.code(), retry_after: None },
        };
        if let Some(line) = self.stir_line(channel) {
            line.session.judged(judgement, given.now)?;
            self.settle(given);
        }
        Ok(())
    }

    /// Work of a device, or a dial that came to nothing.
    ///
    /// # Errors
    /// [`Error::NotAsked`] for a number that nobody waits for.
    pub fn done(&mut self, id: WorkId, outcome: Outcome, given: Given<'_>) -> Result<(), Error> {
        let asked = self.asked.remove(&id).ok_or(Error::NotAsked { what: "work" })?;
        self.mounted(&outcome)?;
        match (asked.follows, &outcome) {
            (Follows::Open, Outcome::Applied) => self.open = true,
            (Follows::Published(statements), Outcome::Store(Stored::Applied(_))) => {
                let statements: Result<Vec<_>, _> =
                    statements.iter().map(|bytes| Signed::from_bytes(bytes)).collect();
                self.learn(&statements?, given)?;
            }
            (Follows::Nothing | Follows::Open | Follows::Published(_), _) => {}
        }
        self.input(asked.owner, Input::Done(asked.action, outcome), given);
        self.settle(given);
        Ok(())
    }

    /// Something that unfinished work has to say.
    ///
    /// # Errors
    /// [`Error::NotAsked`] for a number that nobody waits for.
    pub fn step(&mut self, id: WorkId, step: Step, given: Given<'_>) -> Result<(), Error> {
        let asked = self.asked.get(&id).ok_or(Error::NotAsked { what: "work" })?;
        let (owner, action) = (asked.owner, asked.action);
        self.input(owner, Input::Step(action, step), given);
        self.settle(given);
        Ok(())
    }

    /// Statements of this end's cluster that are held elsewhere: in the store, which a service watches, or on a node's disk. They hold
    /// here from now on.
    ///
    /// # Errors
    /// [`Error::Keyring`] for what does not go on from what is held, and nothing has changed then.
    pub fn learn(&mut self, statements: &[Signed], given: Given<'_>) -> Result<(), Error> {
        let cluster = self.cluster().ok_or(Error::NotAsked { what: "statement" })?;
        self.keyring.learn_statements(&cluster, statements, given.wall)?;
        self.learn_seat_sets(given);
        Ok(())
    }

    /// The first policy of the operator's cluster, signed.
    pub fn sign_policy(&mut self, signed: Signed, given: Given<'_>) {
        self.first_policy = Some(signed);
        for (owner, action, work) in core::mem::take(&mut self.unsigned) {
            self.keys(owner, action, work, given);
        }
        for channel in self.lines.keys().copied().collect::<Vec<_>>() {
            self.show_owed(channel, given);
        }
        self.settle(given);
    }

    /// Time has passed.
    pub fn tick(&mut self, given: Given<'_>) {
        for waiter in self.alarms.due(given.now) {
            match waiter {
                Waiter::Line(channel) => {
                    if let Some(line) = self.stir_line(channel) {
                        line.session.handle_timeout(given.now);
                    }
                }
                Waiter::Machine(owner) => self.input(owner, Input::Tick, given),
            }
        }
        self.settle(given);
    }

    /// What is next.
    pub fn poll(&mut self) -> Work {
        self.out.pop_front().unwrap_or_else(|| Work::Wait(self.alarms.first()))
    }

    fn ask(&mut self, asked: Asked) -> WorkId {
        self.works = self.works.wrapping_add(1);
        let id = WorkId(self.works);
        self.asked.insert(id, asked);
        id
    }

    fn line(&mut self, config: Config, side: Side, given: Given<'_>) -> Result<ChannelId, Error> {
        if self.lines.len() >= MAX_CHANNELS {
            return Err(Error::TooMany { channels: self.lines.len() });
        }
        let session = Session::new(config, &self.identity, given.now, given.wall)?;
        let channel = ChannelId::new(self.channels);
        self.channels = self.channels.wrapping_add(1);
        self.lines.insert(channel, Line::new(session, side));
        self.stirred_lines.insert(channel);
        self.settle(given);
        Ok(channel)
    }

    /// Ends a channel with a reason for the peer. Its end comes as an input.
    fn refuse(&mut self, channel: ChannelId, code: Code, retry: u32, given: Given<'_>) {
        if let Some(line) = self.stir_line(channel) {
            let refusal = Refusal {
                code,
                retry_after: crate::wire::Bounded::new(retry).filter(|_| retry > 0),
                policy_epoch: None,
            };
            // One that has ended needs no reason.
            line.session.refuse(refusal, given.now).ok();
        }
    }
}
