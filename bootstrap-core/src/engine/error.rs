//! What went wrong between a channel, the key ring and a machine.

use crate::channel::error::{Error as ChannelError, Misuse};
use crate::channel::tls::TlsError;
use crate::error::Code;
use crate::keys::KeyError;
use crate::machine::ChannelId;
use crate::{keyring, wire};

/// What went wrong between a channel, the key ring and a machine.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A channel cannot be opened.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Work on a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key ring refused.
    #[error(transparent)]
    Keyring(#[from] keyring::Error),
    /// A call that does not fit the state of a channel.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// No channel has this number, or nobody asked for work with it.
    #[error("{what}: not one that waits for this")]
    NotAsked {
        /// What was named.
        what: &'static str,
    },
    /// The transport refuses a key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The number of channels that one engine holds is reached.
    #[error("{channels} channels are open, and no more are held")]
    TooMany {
        /// How many there are.
        channels: usize,
    },
    /// A value that the wire has no form for, or no machine a name for.
    #[error("a {what} that the protocol has no form for")]
    Unsayable {
        /// What it is.
        what: &'static str,
    },
    /// Bytes, or a count of them, that the protocol does not allow.
    #[error(transparent)]
    Wire(#[from] wire::Error),
}

impl Error {
    /// What the peer is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::Channel(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Keyring(error) => error.code(),
            Self::TooMany { .. } => Code::BUSY,
            Self::Unsayable { .. } => Code::WRONG_VALUE,
            Self::Wire(error) => error.code(),
            Self::Misuse(_) | Self::NotAsked { .. } | Self::Tls(_) => Code::INTERNAL,
        }
    }
}

impl From<ChannelId> for Error {
    fn from(_: ChannelId) -> Self {
        Self::NotAsked { what: "channel" }
    }
}
