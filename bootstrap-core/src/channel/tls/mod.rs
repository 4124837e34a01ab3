//! TLS 1.3 with raw public keys, driven by bytes (architecture section 4, point 1).
//!
//! Who the peer is, TLS does not say here: it proves that the peer holds the key that it shows, and gives both ends an exporter. So
//! the verifiers below check the signature of the handshake and nothing else; belief comes from evidence over that exporter.
//! Raw keys (RFC 7250) on both sides, always: a cluster's certificate travels in the Evidence frame, where its key must be this one.
//! So no certificate of a stranger is parsed before there is a verdict.
//!
//! rustls draws entropy from its provider: the one exception from the rule that the core is given all its entropy.

mod config;
mod error;
mod identity;
mod verifier;

use std::io::{self, Read as _, Write as _};

use rustls::pki_types::UnixTime;
use rustls::{Connection, HandshakeKind, ProtocolVersion};
use sha2::{Digest, Sha256};

use super::binding::{Binder, Hellos, Side, finish_256};
use super::guard::{self, holds};
use config::{client, server};
pub use error::{TlsError, TlsFailure};
pub use identity::Identity;

/// The protocol's name in ALPN (RFC 7301). A peer that does not speak it has no attestation to offer.
pub const ALPN: &[u8] = b"attestrap/1";

/// One connection. It buffers at most what rustls does: one record of plaintext that was received, a handshake flight, and what was
/// written and not taken.
pub(super) struct Tls {
    connection: Connection,
    own_key: [u8; 32],
    peer_key: Option<[u8; 32]>,
    closed: bool,
}

impl Tls {
    /// One end of a connection. `now` is the host's wall clock: raw keys have no dates, so it decides nothing, and rustls asks.
    pub(super) fn new(identity: &Identity, side: Side, now: UnixTime) -> Result<Self, TlsError> {
        let mut connection = match side {
            Side::Client => Connection::from(client(identity, now)?),
            Side::Server => Connection::from(server(identity, now)?),
        };
        // What may wait to be sent is bounded by whoever writes: `Session` counts frames, and a limit here would cut them.
        connection.set_buffer_limit(None);
        Ok(Self { connection, own_key: identity.spki_hash, peer_key: None, closed: false })
    }

    /// Takes bytes from the front of `input`, one read of rustls at a time; `plaintext` gets what they carry.
    pub(super) fn receive(&mut self, input: &mut &[u8], plaintext: &mut Vec<u8>) -> Result<(), TlsError> {
        // A reader over a slice fails only where rustls has no room, which it has after each call of `drain`.
        let taken = self.connection.read_tls(input).map_err(|_| rustls::Error::General("no room".into()))?;
        if taken == 0 {
            *input = &[];
        }
        let state = self.connection.process_new_packets();
        // Records before one that is wrong were right, and what they carry counts.
        let drained = self.drain(plaintext);
        self.closed = state?.peer_has_closed();
        drained
    }

    fn drain(&mut self, plaintext: &mut Vec<u8>) -> Result<(), TlsError> {
        let mut piece = [0; 4096];
        loop {
            match self.connection.reader().read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(len) => plaintext.extend_from_slice(piece.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(TlsError::CutOff),
            }
        }
    }

    /// Whether the handshake is complete and is what the protocol demands. What is not, is an error, not a `false`.
    pub(super) fn is_established(&mut self) -> Result<bool, TlsError> {
        if self.connection.is_handshaking() {
            return Ok(false);
        }
        if self.peer_key.is_none() {
            check_session(
                self.connection.protocol_version(),
                self.connection.handshake_kind(),
                self.connection.alpn_protocol(),
            )?;
            let [key] = self.connection.peer_certificates().unwrap_or_default() else {
                return Err(TlsError::NoKey);
            };
            self.peer_key = Some(finish_256(Sha256::new_with_prefix(key)));
        }
        Ok(true)
    }

    /// Writes plaintext. Before the handshake is complete there is none.
    pub(super) fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        let written = self.connection.writer().write_all(plaintext);
        written.map_err(|_| rustls::Error::General("no room".into()).into())
    }

    /// Moves everything that is to be sent to `out`.
    pub(super) fn transmit(&mut self, out: &mut Vec<u8>) {
        // A Vec takes all that it is given.
        while self.connection.wants_write() && self.connection.write_tls(out).is_ok_and(|sent| sent > 0) {}
    }

    /// Says that nothing more will be sent.
    pub(super) fn close(&mut self) {
        self.connection.send_close_notify();
    }

    /// Whether the peer said so.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// A bare client of our own kind, with another configuration.
    #[cfg(test)]
    pub(super) fn odd_client(
        identity: &Identity,
        change: impl FnOnce(&mut rustls::ClientConfig),
    ) -> Result<Connection, TlsError> {
        let mut config =
            config::client_config(identity, UnixTime::since_unix_epoch(core::time::Duration::ZERO))?;
        change(&mut config);
        Ok(config::connect(config)?.into())
    }

    /// The group that the keys were exchanged in, as TLS names it.
    pub(super) fn key_exchange(&self) -> Option<String> {
        self.connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()))
    }
}

impl Binder for Tls {
    fn export(&self, side: Side, hellos: &Hellos) -> Option<[u8; 32]> {
        let context = Some(hellos.as_bytes().as_slice());
        self.connection.export_keying_material([0; 32], side.exporter_label(), context).ok()
    }

    fn own_key(&self) -> Option<[u8; 32]> {
        Some(self.own_key)
    }

    fn peer_key(&self) -> Option<[u8; 32]> {
        self.peer_key
    }
}

/// What rustls was told not to allow, asked again of the session that came out of it.
fn check_session(
    version: Option<ProtocolVersion>,
    kind: Option<HandshakeKind>,
    alpn: Option<&[u8]>,
) -> Result<(), TlsError> {
    if !holds(guard::TLS_VERSION, version == Some(ProtocolVersion::TLSv1_3)) {
        return Err(TlsError::Version);
    }
    let full = matches!(kind, Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest));
    if !holds(guard::FULL_HANDSHAKE, full) {
        return Err(TlsError::Resumed);
    }
    match holds(guard::ALPN, alpn == Some(ALPN)) {
        true => Ok(()),
        false => Err(TlsError::Alpn(alpn.map(<[u8]>::to_vec))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Option<HandshakeKind> = Some(HandshakeKind::Full);
    const V13: Option<ProtocolVersion> = Some(ProtocolVersion::TLSv1_3);

    #[test]
    fn a_session_is_checked_once_more() {
        let retried = Some(HandshakeKind::FullWithHelloRetryRequest);
        assert_eq!(check_session(V13, FULL, Some(ALPN)), Ok(()));
        assert_eq!(check_session(V13, retried, Some(ALPN)), Ok(()));
        let resumed = Some(HandshakeKind::Resumed);
        assert_eq!(check_session(V13, resumed, Some(ALPN)), Err(TlsError::Resumed));
        assert_eq!(check_session(V13, None, Some(ALPN)), Err(TlsError::Resumed));
        let v12 = Some(ProtocolVersion::TLSv1_2);
        assert_eq!(check_session(v12, FULL, Some(ALPN)), Err(TlsError::Version));
        assert_eq!(check_session(None, FULL, Some(ALPN)), Err(TlsError::Version));
        assert_eq!(check_session(V13, FULL, None), Err(TlsError::Alpn(None)));
        let other = Err(TlsError::Alpn(Some(b"h2".to_vec())));
        assert_eq!(check_session(V13, FULL, Some(b"h2")), other);
    }
}
