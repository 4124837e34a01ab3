//! The lock of a boot to one cluster (protocol section 5, table `Lock`), shared by every machine of a node.
//!
//! The order is the security argument, and it is in the types: the intent to lock is written before the register is extended, because
//! [`Intent`] is made by the one and used up by the other; and a `Locked` is only made of a [`Held`], which only a register that reads
//! back as it must leads to. Neither can be copied, and neither is ever part of a state.

use crate::error::Code;
use crate::ids::{AttemptId, BootId, ClusterId};

use super::Event;
use super::action::{Action, ActionId, ChannelId, Outcome};
use super::facts::{Genesis, LockRegister, register_event};
use super::guard::{Guard, removed};
use super::message::{Flow, Locked};
use super::outbox::Outbox;
use super::record::{LockFile, Record};

/// The lock of one boot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lock {
    boot: BootId,
    register: LockRegister,
    state: State,
    /// Channels that want the token once the register is extended.
    waiting: Vec<ChannelId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// L0.
    Open,
    /// L1: the intent is written, the register is being extended.
    Extending { file: LockFile, action: ActionId },
    /// L2.
    Held(ClusterId),
    /// L9.
    Failed,
}

/// What a start finds of earlier work in the same boot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "protocol section 5, the four start rows")]
pub struct LockFound {
    /// The lock file, if there is one.
    pub file: Option<LockFile>,
    /// The register as it reads; `None` where it has none, or does not answer.
    pub register: Option<Vec<u8>>,
}

/// Who wants the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) cluster: ClusterId,
    pub(super) flow: Flow,
    pub(super) attempt: Option<AttemptId>,
    pub(super) channel: ChannelId,
}

/// What came of wanting it.
#[derive(Debug)]
pub(super) enum Taken {
    Held(Held),
    Refused(Code),
    Waiting,
}

/// Proof that this boot is of one cluster. Used up by the one `Locked` that says so.
#[derive(Debug)]
pub(super) struct Held {
    cluster: ClusterId,
    class: u8,
}

impl Held {
    /// Says so to a peer.
    pub(super) fn into_message(self, genesis: Option<Genesis>) -> Locked {
        Locked { cluster: self.cluster, class: self.class, genesis }
    }
}

/// Proof that the intent stands in the lock file, ahead of everything that follows in the outbox. Used up by the extension.
struct Intent(LockFile);

impl Lock {
    /// The start rows. `hints` are the clusters of the disk header and of the configuration: a register that was extended for one of
    /// them, with no file to say so, is that one's.
    pub(super) fn start(
        boot: BootId,
        register: LockRegister,
        found: &LockFound,
        hints: &[ClusterId],
        out: &mut Outbox,
    ) -> Self {
        let mut lock = Self { boot, register, state: State::Failed, waiting: Vec::new() };
        let read = found.register.as_deref();
        let is_open = read == register.open();
        let is_locked_to = |cluster: &ClusterId| match register.locked_to(cluster) {
            None => true,
            Some(wanted) => read == Some(wanted.as_slice()),
        };
        match &found.file {
            None if is_open => lock.state = State::Open,
            None => {
                if let Some(cluster) = hints.iter().copied().find(|hint| is_locked_to(hint)) {
                    lock.hold(LockFile { boot, cluster, flow: Flow::Probe, attempt: None, held: true }, out);
                }
            }
            Some(file) if file.boot != boot => {}
            Some(file) if is_locked_to(&file.cluster) && (read.is_some() || register.open().is_none()) => {
                if file.held {
                    lock.state = State::Held(file.cluster);
                } else {
                    lock.hold(*file, out);
                }
            }
            Some(file) if is_open => lock.extend(Intent(*file), out),
            Some(_) => {}
        }
        if lock.state == State::Failed {
            out.event(Event::LockFailed);
        }
        lock
    }

    /// The cluster that this boot is of, from the moment that the intent is written.
    pub(super) const fn cluster(&self) -> Option<ClusterId> {
        match &self.state {
            State::Extending { file, .. } => Some(file.cluster),
            State::Held(cluster) => Some(*cluster),
            State::Open | State::Failed => None,
        }
    }

    pub(super) fn is_held(&self, cluster: &ClusterId) -> bool {
        self.state == State::Held(*cluster)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    pub(super) const fn class(&self) -> u8 {
        self.register.class()
    }

    /// `take(c)`: L0 to L1, or what the other rows say.
    pub(super) fn take(&mut self, want: Want, out: &mut Outbox) -> Taken {
        let Want { cluster, flow, attempt, channel } = want;
        match &self.state {
            State::Open => {
                let intent =
                    self.write(LockFile { boot: self.boot, cluster, flow, attempt, held: false }, out);
                if self.register.open().is_none() {
                    let Intent(file) = intent;
                    return Taken::Held(self.hold(file, out));
                }
                self.waiting.push(channel);
                self.extend(intent, out);
                Taken::Waiting
            }
            State::Extending { file, .. } if file.cluster == cluster || removed(Guard::LockOneCluster) => {
                self.waiting.push(channel);
                Taken::Waiting
            }
            State::Held(held) if *held == cluster || removed(Guard::LockOneCluster) => {
                Taken::Held(Held { cluster, class: self.class() })
            }
            State::Extending { .. } | State::Held(_) => Taken::Refused(Code::LOCKED),
            State::Failed => Taken::Refused(Code::LOCK_STATE),
        }
    }

    /// The register's answer: for each channel that waited, its token or the refusal. `None` if the answer is to something else.
    pub(super) fn answered(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        out: &mut Outbox,
    ) -> Option<Vec<(ChannelId, Result<Held, Code>)>> {
        let State::Extending { file, action } = &self.state else { return None };
        if *action != id {
            return None;
        }
        let file = *file;
        let waiting = core::mem::take(&mut self.waiting);
        let wanted = self.register.locked_to(&file.cluster);
        let reads_back = matches!(outcome, Outcome::Register(read) if Some(read) == wanted.as_ref());
        if !reads_back && !removed(Guard::LockReadBack) {
            self.state = State::Failed;
            out.event(Event::LockFailed);
            return Some(waiting.into_iter().map(|channel| (channel, Err(Code::LOCK_STATE))).collect());
        }
        let Held { cluster, class } = self.hold(file, out);
        Some(waiting.into_iter().map(|channel| (channel, Ok(Held { cluster, class }))).collect())
    }

    /// A channel that is gone wants no token.
    pub(super) fn forget(&mut self, channel: ChannelId) {
        self.waiting.retain(|waiting| *waiting != channel);
    }

    fn write(&self, file: LockFile, out: &mut Outbox) -> Intent {
        out.persist(Record::Lock(file));
        Intent(file)
    }

    fn extend(&mut self, intent: Intent, out: &mut Outbox) {
        let Intent(file) = intent;
        let event = register_event(&file.cluster);
        let action = out.perform(Action::ExtendRegister { cluster: file.cluster, event });
        self.state = State::Extending { file, action };
    }

    fn hold(&mut self, file: LockFile, out: &mut Outbox) -> Held {
        out.persist(Record::Lock(LockFile { held: true, ..file }));
        out.event(Event::Locked(file.cluster));
        self.state = State::Held(file.cluster);
        Held { cluster: file.cluster, class: self.class() }
    }
}
