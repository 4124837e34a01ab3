//! What goes wrong below the frames.

use core::fmt;

/// What went wrong below the frames.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The peer did not choose our protocol.
    #[error("TLS: expected the protocol attestrap/1, got {}", .0.as_deref().map_or("none", |_| "another"))]
    Alpn(Option<Vec<u8>>),
    /// The peer's bytes ended without a close_notify: somebody may have cut them.
    #[error("TLS: the connection ended without close_notify")]
    CutOff,
    /// rustls refuses, with its reason.
    #[error("TLS: {0}")]
    Failed(TlsFailure),
    /// Not a full handshake.
    #[error("TLS: expected a full handshake, got a resumed one")]
    Resumed,
    /// No raw public key of the peer is known after the handshake.
    #[error("TLS: the peer showed no raw public key")]
    NoKey,
    /// Another version than 1.3.
    #[error("TLS: expected version 1.3")]
    Version,
}

/// An error of rustls, shown and compared, not taken apart.
#[derive(Clone, PartialEq)]
pub struct TlsFailure(rustls::Error);

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Failed(TlsFailure(error))
    }
}
