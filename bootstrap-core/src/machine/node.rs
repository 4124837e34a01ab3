//! What one node runs at once: init and join on a blank disk, rejoin, recover and init on one that has a header, renewals once it is a
//! member. They share one lock and one outbox; a channel belongs to the machine whose flow it was opened for.

use core::time::Duration;

use crate::error::Code;
use crate::ids::{BootId, ClusterId, DiskId, NodeId, ReferenceSetId, Role};
use crate::keys::Handle;
use crate::peer::Peer;
use crate::time::{Deadline, Instant};

use super::facts::{Authority, Claims, DiskHeader, Genesis, LockRegister, ServiceClaims};
use super::init_node::{After, InitNode};
use super::join_node::JoinNode;
use super::lock::{Held, Lock, LockFound};
use super::message::{Flow, GrantRef};
use super::outbox::{Answer, Outbox};
use super::record::MemberRecord;
use super::rejoin::Rejoin;
use super::renew::Renew;
use super::{Action, ActionId, ChannelId, Event, Input, KeyAction, Message, Opened, Outcome, Output, Step};

/// What a node knows when it starts: its measured configuration, what it drew, and what it found.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "all of it is the host's to say")]
pub struct NodeConfig {
    /// This boot. Random, once a boot.
    pub boot: BootId,
    /// This node's lock register.
    pub register: LockRegister,
    /// The lock register of the services that it may believe.
    pub service_register: LockRegister,
    /// Sets of reference values that a seat may have.
    pub seat_sets: Vec<ReferenceSetId>,
    /// Who may init this node, of the measured configuration.
    pub authority: Option<Authority>,
    /// The id of the init secret; counts only where no authority is configured.
    pub init_secret: Option<[u8; 16]>,
    /// The only cluster that this node may be of, of the measured configuration.
    pub pinned: Option<ClusterId>,
    /// The most that this node may become.
    pub largest_role: Role,
    /// How many endpoints of services the host knows.
    pub endpoints: u16,
    /// The clear header of the disk; `None` for a blank one.
    pub header: Option<DiskHeader>,
    /// The genesis in the header's clear area.
    pub genesis: Option<Genesis>,
    /// The id of the disk that will be formatted. Random.
    pub fresh_disk: DiskId,
    /// The life of a certificate, for the time of renewals.
    pub certificate_life: Duration,
}

/// One node, in one boot.
///
/// ```
/// use std::time::Duration;
/// use bootstrap_core::ids::{BootId, DiskId, Role};
/// use bootstrap_core::machine::facts::LockRegister;
/// use bootstrap_core::machine::{Action, LockFound, Node, NodeConfig, Outcome, Output, Input};
/// use bootstrap_core::time::Instant;
///
/// let config = NodeConfig {
///     boot: BootId::new([1; 16]),
///     register: LockRegister::Software,
///     service_register: LockRegister::Software,
///     seat_sets: Vec::new(),
///     authority: None,
///     init_secret: None,
///     pinned: None,
///     largest_role: Role::Worker,
///     endpoints: 1,
///     header: None,
///     genesis: None,
///     fresh_disk: DiskId::new([2; 16]),
///     certificate_life: Duration::from_secs(86_400),
/// };
/// let mut node = Node::start(config, &LockFound { file: None, register: None }, [7; 32], Instant::from_millis(0));
/// // Nothing to say before the first dial is due, which is within five seconds.
/// let Output::Wait(Some(deadline)) = node.poll() else { panic!() };
/// node.handle(Input::Tick, deadline.at);
/// let Output::Do(id, Action::Dial { .. }) = node.poll() else { panic!() };
/// node.handle(Input::Done(id, Outcome::Failed), deadline.at);
/// assert!(matches!(node.poll(), Output::Wait(Some(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    shared: Shared,
    init: InitNode,
    join: Option<JoinNode>,
    rejoin: Option<Rejoin>,
    renew: Option<Renew>,
    /// Of which cluster it is a member, and as which node.
    member: Option<(ClusterId, NodeId)>,
    seed: [u8; 32],
}

/// What the machines of a node have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shared {
    pub(super) config: NodeConfig,
    pub(super) lock: Lock,
    pub(super) out: Outbox,
    /// Whose grant this node's disk is being worked on with: one flow of one boot, so that no two format or open it.
    claimed: Option<Flow>,
}

impl Node {
    /// A boot, or a restart of the agent in the same boot: the start rows of the lock, of init, join and rejoin.
    pub fn start(config: NodeConfig, found: &LockFound, seed: [u8; 32], now: Instant) -> Self {
        let mut out = Outbox::default();
        let hints: Vec<ClusterId> =
            config.header.iter().map(|header| header.cluster).chain(config.pinned).collect();
        let lock = Lock::start(config.boot, config.register, found, &hints, &mut out);
        let shared = Shared { config, lock, out, claimed: None };
        let dead = shared.lock.has_failed();
        let header = shared.config.header.clone();
        let rejoin = header.filter(|_| !dead).map(|header| Rejoin::start(header, seed, &shared, now));
        let join = (rejoin.is_none() && !dead).then(|| JoinNode::start(seed, &shared, now));
        Self { shared, init: InitNode::default(), join, rejoin, renew: None, member: None, seed }
    }

    /// One input.
    pub fn handle(&mut self, input: Input, now: Instant) {
        if self.shared.out.is_stopped() {
            return;
        }
        match input {
            Input::Opened(opened) => self.opened(*opened, now),
            // What a service shows again is judged by its channel; no row of a node's tables waits for it.
            Input::Reopened(..) => {}
            Input::Message(channel, message) => self.message(channel, message, now),
            Input::Closed(channel, code, hint) => self.closed(channel, code, hint, now),
            Input::Done(id, outcome) => self.done(id, &outcome, now),
            Input::Step(id, step) => self.step(id, &step, now),
            Input::Tick => self.tick(now),
        }
    }

    /// What `poll` would hand out, unless that is to wait.
    #[cfg(test)]
    pub(super) fn peek(&self) -> Option<&Output> {
        self.shared.out.peek()
    }

    /// The next output.
    pub fn poll(&mut self) -> Output {
        self.shared.out.poll().unwrap_or_else(|| self.shared.out.wait(self.deadline()))
    }

    /// The cluster that this boot is locked to, for claims.
    pub const fn cluster(&self) -> Option<ClusterId> {
        self.shared.lock.cluster()
    }

    /// The lock to be claimed: who holds it, once the register does.
    pub fn lock_claim(&self) -> crate::peer::LockClaim {
        self.cluster()
            .filter(|cluster| self.shared.lock.is_held(cluster))
            .map_or(crate::peer::LockClaim::Open, |cluster| self.shared.config.register.claim(&cluster))
    }

    /// Of which cluster it is a member, and as which node.
    pub const fn member(&self) -> Option<(ClusterId, NodeId)> {
        self.member
    }

    /// What its renewals are made of, once they have begun.
    pub fn record(&self) -> Option<&MemberRecord> {
        self.renew.as_ref().map(Renew::record)
    }

    /// Sets that a seat may have, of a policy that holds now: the configured ones serve until the first.
    pub fn learn_seat_sets(&mut self, sets: Vec<ReferenceSetId>) {
        self.shared.config.seat_sets = sets;
    }

    fn opened(&mut self, opened: Opened, now: Instant) {
        let Opened { channel, peer, claims } = opened;
        if self.owner(channel).is_some_and(|owner| matches!(owner, Owner::Init)) {
            return self.shared.out_of_order(Some(channel), "open", "Opened");
        }
        match claims {
            Claims::Init(claims) => self.init.opened(channel, &peer, claims, &mut self.shared, now),
            Claims::Service(claims) => self.opened_service(channel, &peer, &claims, now),
            Claims::Recover(claims) => match &mut self.rejoin {
                Some(rejoin) => rejoin.opened_pusher(channel, &peer, claims, &mut self.shared, now),
                None => self.shared.turn_away(channel, Code::NOT_SERVED, "V0: a disk with a header"),
            },
            // A probe has its answer: the verdict was it.
            Claims::Author(_) => self.shared.out.close(channel, Code::ACCEPTED),
            Claims::Node(_) | Claims::Join(_) | Claims::Rejoin(_) | Claims::Renew(_) => {
                self.shared.turn_away(channel, Code::NOT_SERVED, "a flow that a node serves");
            }
        }
    }

    fn opened_service(&mut self, channel: ChannelId, peer: &Peer, claims: &ServiceClaims, now: Instant) {
        match self.owner(channel) {
            Some(Owner::Join) => {
                if let Some(join) = &mut self.join {
                    join.opened(channel, peer, claims, &mut self.shared, now);
                }
            }
            Some(Owner::Rejoin) => {
                if let Some(rejoin) = &mut self.rejoin {
                    let held = rejoin.core.policy();
                    rejoin.opened_peer(channel, peer, claims, held, &mut self.shared, now);
                }
            }
            Some(Owner::Renew) => {
                if let Some(renew) = &mut self.renew {
                    renew.opened(channel, peer, claims, &mut self.shared, now);
                }
            }
            Some(Owner::Init) | None => self.shared.out_of_order(Some(channel), "no dial", "Opened"),
        }
    }

    fn message(&mut self, channel: ChannelId, message: Message, now: Instant) {
        let shared = &mut self.shared;
        match (
            owner(&self.init, self.join.as_ref(), self.rejoin.as_ref(), self.renew.as_ref(), channel),
            message,
        ) {
            (Some(Owner::Init), message) => self.init.message(message, shared),
            (Some(Owner::Join), message) => {
                if let Some(join) = &mut self.join {
                    join.message(channel, message, shared, now);
                }
            }
            (Some(Owner::Rejoin), message) => {
                if let Some(rejoin) = &mut self.rejoin {
                    rejoin.message(channel, message, shared, now);
                }
            }
            (Some(Owner::Renew), message) => {
                if let Some(renew) = &mut self.renew {
                    renew.message(channel, message, shared);
                }
            }
            (None, Message::Grant(grant)) => {
                shared.refuse_grant(channel, &grant, Code::OUT_OF_ORDER, "an open channel");
            }
            (None, message) => shared.out_of_order(Some(channel), "no channel", message.word()),
        }
    }

    fn closed(&mut self, channel: ChannelId, code: Code, hint: u32, now: Instant) {
        let shared = &mut self.shared;
        self.init.closed(channel, shared);
        if let Some(join) = &mut self.join {
            join.closed(channel, code, hint, shared, now);
        }
        if let Some(rejoin) = &mut self.rejoin {
            rejoin.closed(channel, code, hint, shared, now);
        }
        if let Some(renew) = &mut self.renew {
            renew.closed(channel, code, hint, shared, now);
        }
    }

    /// An answer goes to whoever asked. One that nobody waits for any more changes nothing.
    fn done(&mut self, id: ActionId, outcome: &Outcome, now: Instant) {
        let shared = &mut self.shared;
        match shared.out.answered(id, outcome) {
            Answer::NotMine => {}
            Answer::Written | Answer::Stopped => return,
        }
        if let Some(settled) = shared.lock.answered(id, outcome, &mut shared.out) {
            for (channel, result) in settled {
                self.settled(channel, result, now);
            }
            return;
        }
        if let Some(after) = self.init.done(id, outcome, shared, now) {
            return self.after_init(after, now);
        }
        if let Some(join) = &mut self.join
            && let Some(member) = join.done(id, outcome, shared, now)
        {
            if let Some(record) = member {
                self.is_member(record, now);
            }
            return;
        }
        if let Some(rejoin) = &mut self.rejoin
            && rejoin.done(id, outcome, shared, now)
        {
            return self.after_rejoin(now);
        }
        if let Some(renew) = &mut self.renew {
            renew.done(id, outcome, shared, now);
        }
    }

    fn settled(&mut self, channel: ChannelId, result: Result<Held, Code>, now: Instant) {
        let owner = self.owner(channel);
        let shared = &mut self.shared;
        match (owner, result) {
            (Some(Owner::Init), Ok(held)) => self.init.locked(held, shared, now),
            (Some(Owner::Init), Err(code)) => self.init.lock_refused(code, shared),
            (Some(Owner::Join), result) => {
                if let Some(join) = &mut self.join {
                    match result {
                        Ok(held) => join.locked(channel, held, shared, now),
                        Err(code) => join.lock_refused(channel, code, shared, now),
                    }
                }
            }
            (Some(Owner::Rejoin), result) => {
                if let Some(rejoin) = &mut self.rejoin {
                    match result {
                        Ok(held) => rejoin.locked(channel, held, shared, now),
                        Err(code) => rejoin.lock_refused(channel, code, shared),
                    }
                }
            }
            (Some(Owner::Renew) | None, _) => {}
        }
    }

    fn after_init(&mut self, after: After, now: Instant) {
        match after {
            After::Nothing => {}
            After::Member(record) => self.is_member(record, now),
            After::Recover { member, counter } => {
                if let Some(rejoin) = &mut self.rejoin {
                    rejoin.opened_by_init(member, counter, &mut self.shared, now);
                    self.after_rejoin(now);
                }
            }
        }
    }

    fn after_rejoin(&mut self, now: Instant) {
        let up = self.rejoin.as_ref().filter(|rejoin| rejoin.core.is_settled());
        if let Some(record) = up.and_then(|rejoin| rejoin.core.record()).cloned()
            && self.renew.is_none()
        {
            self.is_member(record, now);
        }
    }

    fn is_member(&mut self, record: MemberRecord, now: Instant) {
        self.member = Some((record.cluster, record.node));
        if let Some(join) = &mut self.join {
            join.give_up(&mut self.shared);
        }
        if self.shared.config.endpoints > 0 {
            self.renew = Some(Renew::start(record, self.seed, now));
        }
    }

    fn step(&mut self, id: ActionId, step: &Step, now: Instant) {
        match step {
            Step::Progress(progress) => {
                self.init.progress(id, progress, &mut self.shared);
            }
            Step::Quorum => {
                if let Some(rejoin) = &mut self.rejoin
                    && rejoin.quorum(id, &mut self.shared, now)
                {
                    self.after_rejoin(now);
                }
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        let shared = &mut self.shared;
        self.init.tick(shared, now);
        if let Some(join) = &mut self.join {
            join.tick(shared, now);
        }
        if let Some(rejoin) = &mut self.rejoin {
            rejoin.tick(shared, now);
        }
        if let Some(renew) = &mut self.renew {
            renew.tick(shared, now);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let join = self.join.as_ref().and_then(JoinNode::deadline);
        let rejoin = self.rejoin.as_ref().and_then(Rejoin::deadline);
        let renew = self.renew.as_ref().and_then(Renew::deadline);
        [self.init.deadline(), join, rejoin, renew].into_iter().flatten().reduce(Deadline::min_by_time)
    }

    fn owner(&self, channel: ChannelId) -> Option<Owner> {
        owner(&self.init, self.join.as_ref(), self.rejoin.as_ref(), self.renew.as_ref(), channel)
    }
}

/// The machine of a node that a channel belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Init,
    Join,
    Rejoin,
    Renew,
}

fn owner(
    init: &InitNode,
    join: Option<&JoinNode>,
    rejoin: Option<&Rejoin>,
    renew: Option<&Renew>,
    channel: ChannelId,
) -> Option<Owner> {
    if init.owns(channel) {
        Some(Owner::Init)
    } else if join.is_some_and(|join| join.owns(channel)) {
        Some(Owner::Join)
    } else if rejoin.is_some_and(|rejoin| rejoin.owns(channel)) {
        Some(Owner::Rejoin)
    } else if renew.is_some_and(|renew| renew.owns(channel)) {
        Some(Owner::Renew)
    } else {
        None
    }
}

impl Shared {
    pub(super) fn keys(&mut self, action: KeyAction) -> ActionId {
        self.out.perform(Action::Keys(action))
    }

    pub(super) fn forget(&mut self, handle: Handle) {
        self.keys(KeyAction::Forget(handle));
    }

    /// The disk is this flow's to work on, if it is nobody else's.
    pub(super) fn claim(&mut self, flow: Flow) -> bool {
        *self.claimed.get_or_insert(flow) == flow
    }

    pub(super) fn is_claimed_by_other(&self, flow: Flow) -> bool {
        self.claimed.is_some_and(|claimed| claimed != flow)
    }

    /// Nothing came of it: another flow may try.
    pub(super) const fn release(&mut self) {
        self.claimed = None;
    }

    pub(super) fn turn_away(&mut self, channel: ChannelId, code: Code, guard: &'static str) {
        self.out.event(Event::Refused { code, guard });
        self.out.close(channel, code);
    }

    pub(super) fn refuse_grant(
        &mut self,
        channel: ChannelId,
        grant: &GrantRef,
        code: Code,
        guard: &'static str,
    ) {
        self.out.event(Event::Refused { code, guard });
        self.out.refuse(channel, code);
        self.forget(grant.handle);
    }

    /// A message that no row has. A grant is in the key ring by then, and nobody will use it.
    pub(super) fn unexpected(&mut self, channel: ChannelId, state: &'static str, message: &Message) {
        self.out_of_order(Some(channel), state, message.word());
        if let Message::Grant(grant) = message {
            self.forget(grant.handle);
        }
    }

    pub(super) fn out_of_order(
        &mut self,
        channel: Option<ChannelId>,
        state: &'static str,
        input: &'static str,
    ) {
        self.out.event(Event::OutOfOrder { state, input });
        if let Some(channel) = channel {
            self.out.refuse(channel, Code::OUT_OF_ORDER);
        }
    }

    /// J2, N1, V2: re-attest where the lock is to be shown, then Locked.
    pub(super) fn say_locked(
        &mut self,
        channel: ChannelId,
        held: Held,
        genesis: Option<Genesis>,
        evidence: bool,
    ) {
        if evidence && self.lock.class() > 1 {
            self.out.perform(Action::Reattest { channel });
        }
        self.out.send(channel, Message::Locked(held.into_message(genesis)));
    }
}
