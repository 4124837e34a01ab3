//! What hosts run: the shipping machines, with what each of them is told when it starts.

use core::time::Duration;
use std::rc::Rc;

use crate::error::Code;
use crate::ids::{AttemptId, ClusterId, ConfigDigest, KeyEpoch, NodeId, ReferenceSetId, Role, StatementHash};
use crate::machine::facts::{
    Authority, Custody, Floors, InitClaims, JoinClaims, LockRegister, Name, NodeClaims, RecoverClaims,
    RejoinClaims, RenewClaims, ServiceClaims,
};
use crate::machine::message::Flow;
use crate::machine::{
    Action, ActionId, ChannelId, Claims, InitOperator, Input, JoinService, LockFound, Message, Node,
    NodeConfig, OperatorConfig, Outcome, Output, PusherConfig, RecoverPusher, ServiceConfig,
    StatementService,
};
use crate::peer::PublicKey;
use crate::time::Instant;

use super::host::{Host, Machine, Program, Start};
use super::law::Content;
use super::ring::Material;
use super::store::ClusterStore;
use super::symbol::{Policy, Roots};

/// How long a certificate lives.
const LIFE: Duration = Duration::from_secs(86_400);

/// An operator that makes a cluster.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Operator {
    /// Who will have authority.
    pub authority: Authority,
    /// How secrets are kept.
    pub custody: Custody,
    /// Configurations of the first node.
    pub configurations: Vec<ConfigDigest>,
    /// Its lock register.
    pub register: LockRegister,
    /// The least class of lock.
    pub least_lock: u8,
    /// The run of init.
    pub attempt: AttemptId,
    /// The first node's id.
    pub node: NodeId,
    /// The first node's name; without one there is no init.
    pub name: Option<Name>,
    /// What the first policy says.
    pub content: Content,
}

/// A node, and once it is a seat, the services of one.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct NodeProgram {
    /// Its lock register, and that of all others.
    pub register: LockRegister,
    /// Sets that a seat may have, before it holds a policy that says so.
    pub seat_sets: Vec<ReferenceSetId>,
    /// Who may init it.
    pub authority: Option<Authority>,
    /// The only cluster that it may be of.
    pub pinned: Option<ClusterId>,
    /// The most that it may become.
    pub largest_role: Role,
}

/// An operator or a custodian that brings a disk back.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Pusher {
    /// What it pushes.
    pub config: PusherConfig,
    /// The least that the disk must show.
    pub floors: Floors,
    /// No peer will come.
    pub alone: bool,
    /// The sets that it accepts.
    pub sets: Vec<ReferenceSetId>,
}

/// An operator that publishes statements to a service.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plans a run writes it out")]
pub struct Publisher {
    /// The cluster.
    pub cluster: ClusterId,
    /// What to publish.
    pub statements: Vec<Vec<u8>>,
    /// The sets that it accepts.
    pub sets: Vec<ReferenceSetId>,
}

/// The first policy of a cluster, signed by these.
pub fn first_policy(cluster: ClusterId, content: &Content, signers: &[PublicKey]) -> Policy {
    Policy {
        cluster,
        epoch: 1,
        previous: StatementHash::new(*cluster.as_bytes()),
        content: content.to_bytes(),
        signers: signers.to_vec(),
    }
}

impl Program for Operator {
    fn boot(&self, start: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        let desk = start.devices.desk.as_deref()?;
        let config = OperatorConfig {
            attempt: self.attempt,
            authority: self.authority.clone(),
            custody: self.custody,
            configurations: self.configurations.clone(),
            register: self.register,
            least_lock: self.least_lock,
            node: self.node,
            name: self.name.clone()?,
        };
        if let (None, Some(Material::Master(master))) = (&desk.record, &desk.master) {
            start.ring.orphan = Some(*master);
        }
        let found = desk.record.clone().zip(desk.master.clone()).map(|(record, master)| {
            start.memory.genesis = Some(record.genesis.clone());
            start.ring.roots = roots(&master);
            (record, start.ring.put(master))
        });
        Some(Box::new(InitOperator::start(config, found, start.seed, start.now)))
    }

    fn serve(&self, _: &mut Start<'_>, _: Flow, _: ChannelId) -> Option<Box<dyn Machine>> {
        None
    }

    fn serves(&self, _: &Host, _: Flow) -> bool {
        false
    }

    fn claims(&self, host: &Host, _: Flow, _: bool, _: Option<&ClusterStore>) -> Option<Claims> {
        let record = host.devices.desk.as_deref()?.record.as_ref()?;
        let policy = record.genesis.cluster().filter(|_| self.custody != Custody::NodeBorn);
        Some(Claims::Init(InitClaims {
            genesis: record.genesis.clone(),
            attempt: record.attempt,
            custody: self.custody,
            policy: policy.and_then(|cluster| self.first_policy(host, cluster)),
        }))
    }

    fn sets(&self, _: &Host, image: ReferenceSetId, _: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        only(&self.content.seat_sets, image)
    }

    fn first_policy(&self, host: &Host, cluster: ClusterId) -> Option<Vec<u8>> {
        Some(first_policy(cluster, &self.content, &host.identity.keys).to_bytes())
    }
}

impl Program for NodeProgram {
    fn boot(&self, start: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        let devices = start.devices;
        let config = NodeConfig {
            boot: devices.boot,
            register: self.register,
            service_register: self.register,
            seat_sets: self.seat_sets.clone(),
            authority: self.authority.clone(),
            init_secret: None,
            pinned: self.pinned,
            largest_role: self.largest_role,
            endpoints: start.endpoints,
            header: devices.disk.header.clone(),
            genesis: devices.disk.genesis.clone(),
            fresh_disk: start.memory.fresh_disk?,
            certificate_life: LIFE,
        };
        let found = LockFound {
            file: devices.lock_file,
            register: devices.register.map(|register| register.value.to_vec()),
        };
        Some(Box::new(Node::start(config, &found, start.seed, start.now)))
    }

    fn serve(&self, start: &mut Start<'_>, flow: Flow, channel: ChannelId) -> Option<Box<dyn Machine>> {
        let genesis = start.memory.genesis.clone()?;
        let cluster = genesis.cluster()?;
        match flow {
            Flow::Join | Flow::Rejoin | Flow::Renew => {
                let [seed, ..] = start.seed.as_chunks::<16>().0 else { return None };
                let config = ServiceConfig {
                    cluster,
                    register: self.register,
                    epochs: vec![KeyEpoch::FIRST],
                    fresh: NodeId::new(*seed),
                    up: start.memory.services,
                };
                Some(Box::new(JoinService::start(config, channel)))
            }
            Flow::Statement => {
                let held = start.store?.tip()?;
                Some(Box::new(StatementService::start(cluster, genesis, held, channel)))
            }
            Flow::Init | Flow::Recover | Flow::Probe | Flow::Rotate => None,
        }
    }

    fn serves(&self, host: &Host, flow: Flow) -> bool {
        match flow {
            Flow::Init | Flow::Recover | Flow::Probe => true,
            Flow::Join | Flow::Rejoin | Flow::Renew | Flow::Statement => {
                host.memory.driver && host.ring.roots.is_some()
            }
            Flow::Rotate => false,
        }
    }

    fn claims(&self, host: &Host, flow: Flow, dialled: bool, store: Option<&ClusterStore>) -> Option<Claims> {
        let header = host.devices.disk.header.as_ref();
        let csr = host.memory.csr.clone();
        let enrol = host.identity.same_node.first().cloned();
        Some(match (flow, dialled) {
            (Flow::Join, true) => Claims::Join(JoinClaims {
                csr,
                enrol: enrol?,
                disk: host.memory.fresh_disk?,
                wish: None,
                node: None,
                voucher: None,
            }),
            (Flow::Rejoin, true) => Claims::Rejoin(RejoinClaims {
                csr,
                disk: header?.disk,
                node: header?.node,
                generation: 0,
                enrol: None,
            }),
            (Flow::Renew, true) => {
                let member = host.devices.disk.member.as_deref()?;
                Claims::Renew(RenewClaims {
                    csr,
                    node: member.node,
                    generation: member.generation,
                    policy: member.policy?,
                    epochs: header?.epochs.clone(),
                })
            }
            (Flow::Join | Flow::Rejoin | Flow::Renew | Flow::Statement, false) => {
                Claims::Service(ServiceClaims {
                    genesis: host.memory.genesis.clone()?,
                    policy: store?.tip()?,
                    node: host.devices.disk.member.as_deref()?.node,
                })
            }
            _ => Claims::Node(NodeClaims { header: header.cloned(), generation: None }),
        })
    }

    fn sets(&self, _: &Host, image: ReferenceSetId, store: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        match store.and_then(ClusterStore::law) {
            Some(law) => only(&law.content().sets, image),
            None => only(&self.seat_sets, image),
        }
    }

    fn first_policy(&self, _: &Host, _: ClusterId) -> Option<Vec<u8>> {
        None
    }
}

impl Program for Pusher {
    fn boot(&self, start: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        if let Some(master) = start.devices.desk.as_deref().and_then(|desk| desk.master.as_ref()) {
            start.ring.roots = roots(master);
        }
        Some(Box::new(Pushing { config: self.config.clone(), stage: Stage::ToDial }))
    }

    fn serve(&self, _: &mut Start<'_>, _: Flow, _: ChannelId) -> Option<Box<dyn Machine>> {
        None
    }

    fn serves(&self, _: &Host, _: Flow) -> bool {
        false
    }

    fn claims(&self, host: &Host, _: Flow, _: bool, _: Option<&ClusterStore>) -> Option<Claims> {
        let record = host.devices.desk.as_deref()?.record.as_ref();
        Some(Claims::Recover(RecoverClaims {
            cluster: self.config.cluster,
            source: self.config.source,
            floors: self.floors,
            alone: self.alone,
            shares: host.ring.share.as_ref().map(|share| share.set),
            genesis: record.map(|record| record.genesis.clone()),
            statements: Vec::new(),
        }))
    }

    fn sets(&self, _: &Host, image: ReferenceSetId, _: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        only(&self.sets, image)
    }

    fn first_policy(&self, _: &Host, _: ClusterId) -> Option<Vec<u8>> {
        None
    }
}

impl Program for Publisher {
    fn boot(&self, _: &mut Start<'_>) -> Option<Box<dyn Machine>> {
        Some(Box::new(Publishing { statements: self.statements.clone(), stage: Stage::ToDial }))
    }

    fn serve(&self, _: &mut Start<'_>, _: Flow, _: ChannelId) -> Option<Box<dyn Machine>> {
        None
    }

    fn serves(&self, _: &Host, _: Flow) -> bool {
        false
    }

    fn claims(&self, _: &Host, _: Flow, _: bool, _: Option<&ClusterStore>) -> Option<Claims> {
        Some(Claims::Author(self.cluster))
    }

    fn sets(&self, _: &Host, image: ReferenceSetId, _: Option<&ClusterStore>) -> Vec<ReferenceSetId> {
        only(&self.sets, image)
    }

    fn first_policy(&self, _: &Host, _: ClusterId) -> Option<Vec<u8>> {
        None
    }
}

impl Machine for InitOperator {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, now: Instant) {
        self.handle(input, now);
    }

    fn poll(&mut self) -> Output {
        self.poll()
    }
}

impl Machine for Node {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, now: Instant) {
        self.handle(input, now);
    }

    fn poll(&mut self) -> Output {
        self.poll()
    }
}

impl Machine for JoinService {
    /// Without a policy there is no service: the channel closes by itself.
    fn handle(&mut self, input: Input, store: Option<&ClusterStore>, now: Instant) {
        if let Some(law) = store.and_then(ClusterStore::law) {
            self.handle(input, &law, now);
        }
    }

    fn poll(&mut self) -> Output {
        self.poll()
    }
}

impl Machine for StatementService {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, now: Instant) {
        self.handle(input, now);
    }

    fn poll(&mut self) -> Output {
        self.poll()
    }
}

/// The dial that a pusher's or a publisher's host makes for its machine.
const DIAL: ActionId = ActionId::new(u32::MAX);

#[derive(Debug)]
enum Stage<M> {
    ToDial,
    Dialling,
    Running(M),
    Over,
}

/// A pusher, and the dial ahead of it.
#[derive(Debug)]
struct Pushing {
    config: PusherConfig,
    stage: Stage<RecoverPusher>,
}

impl Machine for Pushing {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, now: Instant) {
        match (&mut self.stage, input) {
            (Stage::Dialling, Input::Done(DIAL, Outcome::Dialled(channel))) => {
                self.stage = Stage::Running(RecoverPusher::start(self.config.clone(), channel, now));
            }
            (Stage::Dialling, Input::Done(DIAL, _)) => self.stage = Stage::Over,
            (Stage::Running(pusher), input) => pusher.handle(input, now),
            (Stage::ToDial | Stage::Dialling | Stage::Over, _) => {}
        }
    }

    fn poll(&mut self) -> Output {
        match &mut self.stage {
            Stage::ToDial => {
                self.stage = Stage::Dialling;
                Output::Do(DIAL, Action::Dial { endpoint: 0, flow: Flow::Recover })
            }
            Stage::Running(pusher) => pusher.poll(),
            Stage::Dialling | Stage::Over => Output::Wait(None),
        }
    }
}

/// The client's side of flow 5, which has no table: publish, and wait for the answer.
#[derive(Debug)]
struct Publishing {
    statements: Vec<Vec<u8>>,
    stage: Stage<Option<Output>>,
}

impl Machine for Publishing {
    fn handle(&mut self, input: Input, _: Option<&ClusterStore>, _: Instant) {
        match (&self.stage, input) {
            (Stage::Dialling, Input::Done(DIAL, Outcome::Dialled(_))) => self.stage = Stage::Running(None),
            (Stage::Running(_), Input::Opened(opened)) => {
                let publish = Message::Publish(core::mem::take(&mut self.statements));
                self.stage = Stage::Running(Some(Output::Send(opened.channel, publish)));
            }
            (Stage::Running(_), Input::Message(channel, Message::Ack(_))) => {
                let close = Action::Close { channel, code: Code::ACCEPTED, retry: 0 };
                self.stage = Stage::Running(Some(Output::Do(DIAL, close)));
            }
            (Stage::Dialling, Input::Done(..)) | (_, Input::Closed(..)) => self.stage = Stage::Over,
            _ => {}
        }
    }

    fn poll(&mut self) -> Output {
        match &mut self.stage {
            Stage::ToDial => {
                self.stage = Stage::Dialling;
                Output::Do(DIAL, Action::Dial { endpoint: 0, flow: Flow::Statement })
            }
            Stage::Running(output) => output.take().unwrap_or(Output::Wait(None)),
            Stage::Dialling | Stage::Over => Output::Wait(None),
        }
    }
}

fn only(sets: &[ReferenceSetId], image: ReferenceSetId) -> Vec<ReferenceSetId> {
    sets.iter().copied().filter(|set| *set == image).collect()
}

fn roots(material: &Material) -> Option<Roots> {
    match material {
        Material::Master(master) => Some(Roots::of_master(master)),
        Material::Roots(roots) => Some(*roots),
        Material::DiskKeys(_) | Material::Grant(_) | Material::Share(_) => None,
    }
}

/// Programs are shared among hosts.
pub fn shared(program: impl Program + 'static) -> Rc<dyn Program> {
    Rc::new(program)
}
