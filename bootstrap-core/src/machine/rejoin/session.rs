//! What a rejoining node keeps of each channel.

use crate::ids::KeyId;
use crate::keys::Handle;
use crate::machine::disk::Basis;
use crate::machine::facts::RecoverClaims;
use crate::machine::message::{GrantRef, Offer};
use crate::machine::{ActionId, ChannelId};
use crate::peer::Peer;
use crate::time::Deadline;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Session {
    pub(super) channel: ChannelId,
    pub(super) source: From,
    pub(super) stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum From {
    Peer,
    Pusher { key: KeyId, claims: Box<RecoverClaims> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// V1, a peer's.
    AwaitOffer(Deadline),
    /// V1, a pusher's: the authority at the end of its chain is being checked, against the keys that it proved.
    Proving(ActionId, Box<Peer>),
    /// V1, a pusher with alone = true: peers have until then.
    Patience,
    /// V2.
    Locking(Option<Offer>),
    /// V3.
    AwaitGrant(Option<Offer>, Deadline),
    /// V3, a ticket is being checked.
    CheckingTicket(Offer, ActionId, GrantRef),
    /// V3, a share is being checked.
    CheckingShare(ActionId, GrantRef),
    /// V4.
    Testing(ActionId, Handle, Basis),
    /// V5, V6: the answer goes here.
    Waiting,
}

impl Stage {
    pub(super) const fn action(&self) -> Option<ActionId> {
        match self {
            Self::Proving(action, _)
            | Self::CheckingTicket(_, action, _)
            | Self::CheckingShare(action, _)
            | Self::Testing(action, ..) => Some(*action),
            Self::AwaitOffer(_)
            | Self::Patience
            | Self::Locking(_)
            | Self::AwaitGrant(..)
            | Self::Waiting => None,
        }
    }

    pub(super) const fn deadline(&self) -> Option<Deadline> {
        match self {
            Self::AwaitOffer(deadline) | Self::AwaitGrant(_, deadline) => Some(*deadline),
            Self::Proving(..)
            | Self::Patience
            | Self::Locking(_)
            | Self::CheckingTicket(..)
            | Self::CheckingShare(..)
            | Self::Testing(..)
            | Self::Waiting => None,
        }
    }

    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::AwaitOffer(_) | Self::Proving(..) | Self::Patience => "V1",
            Self::Locking(_) => "V2",
            Self::AwaitGrant(..) | Self::CheckingTicket(..) | Self::CheckingShare(..) => "V3",
            Self::Testing(..) => "V4",
            Self::Waiting => "V5",
        }
    }
}
