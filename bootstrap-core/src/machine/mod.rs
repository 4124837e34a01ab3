//! The machines of protocol section 5: plain values, told inputs, polled for outputs.
//!
//! The contract of each of them:
//!
//! 1. call `handle(input, now)` with one input;
//! 2. call `poll()` and do what it says, until it says [`Output::Wait`];
//! 3. come back with the next input, or with [`Input::Tick`] once the deadline of that `Wait` is over.
//!
//! An [`Output::Do`] is answered by one [`Input::Done`] with its number. Nothing behind an [`Action::Persist`] is handed out before
//! its answer, so whatever a peer has seen is durable, and a crash between any two outputs leaves a state of the tables.
//!
//! A machine sees no TLS, no socket and no secret. Facts about a peer come as a [`Peer`], which only a channel that judged its
//! evidence makes. Secrets are named by a handle. States are small, and `Clone + Eq + Hash`, so the handlers that ship are the ones
//! that the model checker explores.
//!
//! An input that no row of a table has is answered with refusal 16, and the state stays what it was.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a table names the rows that it has, and everything else is one row: out of order, nothing changed"
)]

pub mod action;
pub mod admission;
pub mod backoff;
mod dialler;
mod disk;
pub mod facts;
pub(crate) mod guard;
mod init_node;
mod init_operator;
mod join_node;
mod join_service;
mod lock;
pub mod message;
#[cfg(test)]
mod model;
mod node;
mod outbox;
pub mod record;
mod recover_pusher;
mod rejoin;
mod renew;
mod request;
pub mod rules;
mod shares;
mod statement;
pub mod store;
#[cfg(test)]
mod symbolic;
#[cfg(test)]
mod tests;

use crate::error::Code;
use crate::ids::{ClusterId, KeyId, NodeId};
use crate::peer::Peer;
use crate::time::Deadline;

pub use self::action::{
    Action, ActionId, ChannelId, DiskAction, DriverAction, KeyAction, KeyOutcome, Outcome, Step,
};
pub use self::facts::Claims;
pub use self::init_operator::{InitOperator, OperatorConfig};
pub use self::join_service::{JoinService, ServiceConfig};
pub use self::lock::LockFound;
pub use self::message::Message;
pub use self::node::{Node, NodeConfig};
pub use self::recover_pusher::{PusherConfig, RecoverPusher};
pub use self::statement::StatementService;

use self::facts::PolicyTip;
use self::message::Progress;

/// What a machine is told.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Input {
    /// A channel stands, and this is whom it was opened to.
    Opened(Box<Opened>),
    /// The peer of an open channel showed new evidence on it, and was believed again.
    Reopened(ChannelId, Box<Peer>),
    /// A message on an open channel. A grant is in the key ring already.
    Message(ChannelId, Message),
    /// A channel is gone, also one that never opened: for this reason, and with this hint in milliseconds of when to ask again.
    Closed(ChannelId, Code, u32),
    /// The answer to an action.
    Done(ActionId, Outcome),
    /// Something an unfinished action has to say.
    Step(ActionId, Step),
    /// Time has passed.
    Tick,
}

/// A channel that stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by whoever drives a channel")]
pub struct Opened {
    /// Which.
    pub channel: ChannelId,
    /// To whom.
    pub peer: Peer,
    /// What that peer asks, under its evidence.
    pub claims: Claims,
}

/// What a machine says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a run loop that ignores an output is wrong, so a new one must break it"
)]
pub enum Output {
    /// Send this message.
    Send(ChannelId, Message),
    /// Send this refusal. The channel stays: closing is an action of its own.
    Refuse(ChannelId, Code),
    /// Do this, and answer with the number.
    Do(ActionId, Action),
    /// For whoever watches.
    Event(Event),
    /// Nothing more to say until an input comes, or until then.
    Wait(Option<Deadline>),
}

/// What whoever watches a machine should know. Nothing follows from them; no peer sees them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Two boots use one disk; this one is out.
    Clone,
    /// A share of this custodian is wrong or of another set.
    CustodianWrong {
        /// Whose.
        custodian: KeyId,
        /// 51 or 52.
        code: Code,
    },
    /// The driver gave up for now.
    DriverFailed {
        /// How often it has been tried.
        tries: u8,
        /// Whether it waits for a person.
        last: bool,
    },
    /// Two statements of one epoch.
    Fork {
        /// The one held.
        held: PolicyTip,
        /// The other one.
        other: PolicyTip,
    },
    /// The lock register could not be extended, or says something else than it must: nothing but probes until the next boot.
    LockFailed,
    /// This boot is of this cluster and of no other.
    Locked(ClusterId),
    /// The node is a member.
    Member {
        /// Of which cluster.
        cluster: ClusterId,
        /// As which node.
        node: NodeId,
    },
    /// An input that no row has.
    OutOfOrder {
        /// In which state.
        state: &'static str,
        /// What came.
        input: &'static str,
    },
    /// A driver's progress.
    Progress(Progress),
    /// The disk is older than the last grant or the operator's floors: closed until a person decides.
    Rollback {
        /// What the disk says.
        found: u32,
        /// The least that was expected.
        least: u32,
    },
    /// The services are open.
    ServicesOpen {
        /// Without any peer, on an operator's word.
        alone: bool,
    },
    /// A record could not be made durable: this machine is over, and starts again from what is.
    StorageFailed,
    /// It is over: a person must mend something, or restart it.
    Stopped {
        /// Why.
        code: Code,
        /// What it was doing.
        state: &'static str,
    },
    /// A service holds what was published, or held it before.
    Published(PolicyTip),
    /// A peer was turned away, or turned away from.
    Refused {
        /// What it was told.
        code: Code,
        /// Which guard of which row.
        guard: &'static str,
    },
}

impl Input {
    /// What came, in the words of the tables.
    const fn word(&self) -> &'static str {
        match self {
            Self::Opened(_) => "Opened",
            Self::Reopened(..) => "Reopened",
            Self::Message(_, message) => message.word(),
            Self::Closed(..) => "Closed",
            Self::Done(..) => "Done of an action",
            Self::Step(..) => "a step of an action",
            Self::Tick => "Tick",
        }
    }
}
