//! TLS 1.3 with raw public keys, driven by bytes (architecture section 4, point 1).
//!
//! Who the peer is, TLS does not say here: it proves that the peer holds the key that it shows, and gives both ends an exporter. So
//! the verifiers below check the signature of the handshake and nothing else; belief comes from evidence over that exporter.
//! Raw keys (RFC 7250) on both sides, always: a cluster's certificate travels in the Evidence frame, where its key must be this one.
//! So no certificate of a stranger is parsed before there is a verdict.
//!
//! rustls draws entropy from its provider: the one exception from the rule that the core is given all its entropy.

use core::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, DistinguishedName, HandshakeKind,
    PeerIncompatible, ProtocolVersion, ServerConfig, ServerConnection, SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::binding::{Binder, Hellos, Side, finish_256};
use super::guard::{self, holds};

/// The protocol's name in ALPN (RFC 7301). A peer that does not speak it has no attestation to offer.
pub const ALPN: &[u8] = b"attestrap/1";

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

/// The TLS key of one end: one for each boot, and the key of the node's certificate where it has one (protocol section 2).
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
    spki_hash: [u8; 32],
    spki: Vec<u8>,
}

impl Identity {
    /// A new P-256 key from the provider's entropy.
    ///
    /// # Errors
    /// [`TlsError::Failed`] if the provider has none.
    pub fn ephemeral() -> Result<Self, TlsError> {
        let failed = |_| rustls::Error::FailedToGetRandomBytes;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;
        Self::from_pkcs8(key.to_pkcs8v1().map_err(failed)?.as_ref())
    }

    /// A key that the host made, P-256 or Ed25519, as PKCS #8.
    ///
    /// # Errors
    /// [`TlsError::Failed`] for anything else.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.to_vec()));
        let key = provider.key_provider.load_private_key(key)?;
        let spki = key.public_key().ok_or(rustls::Error::NoCertificatesPresented)?.to_vec();
        check_key(&spki)?;
        let certified = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki.clone())], key));
        let spki_hash = finish_256(Sha256::new_with_prefix(&spki));
        Ok(Self { certified, provider, spki_hash, spki })
    }

    /// The public key, as SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("spki", &attest_core::values::Hex(&self.spki))
            .finish_non_exhaustive()
    }
}

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
        let state = self.connection.process_new_packets()?;
        self.closed = state.peer_has_closed();
        self.drain(plaintext)
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
        change: impl FnOnce(&mut ClientConfig),
    ) -> Result<Connection, TlsError> {
        let mut config = client_config(identity, UnixTime::since_unix_epoch(core::time::Duration::ZERO))?;
        change(&mut config);
        Ok(connect(config)?.into())
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

/// The suites of TLS 1.3, and key exchange that a quantum computer does not undo where the peer has it.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1],
        ..default_provider()
    }
}

fn client(identity: &Identity, now: UnixTime) -> Result<ClientConnection, TlsError> {
    connect(client_config(identity, now)?)
}

fn client_config(identity: &Identity, now: UnixTime) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_details(Arc::clone(&identity.provider), Arc::new(At(now)));
    let mut config = builder
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey(Arc::clone(&identity.provider))))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(
            &identity.certified,
        ))));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

fn connect(config: ClientConfig) -> Result<ClientConnection, TlsError> {
    // Nobody reads it: whom the client expects stands in its Hello.
    let nobody = ServerName::try_from("attestrap.invalid").map_err(|_| TlsError::NoKey)?;
    Ok(ClientConnection::new(Arc::new(config), nobody)?)
}

fn server(identity: &Identity, now: UnixTime) -> Result<ServerConnection, TlsError> {
    let builder = ServerConfig::builder_with_details(Arc::clone(&identity.provider), Arc::new(At(now)));
    let mut config = builder
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(AnyKey(Arc::clone(&identity.provider))))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(
            &identity.certified,
        ))));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(ServerConnection::new(Arc::new(config))?)
}

/// The host's clock, as it stood when the connection began.
#[derive(Debug)]
struct At(UnixTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// Takes any key of which the peer proves that it holds it. See the head of this file.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

const SCHEMES: [SignatureScheme; 2] = [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519];

impl AnyKey {
    fn verify(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(
            message,
            &key,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }
}

/// DER of what stands before a P-256 point and before an Ed25519 key: one form for each key, so one hash.
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\0\x04";
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\0";

fn check_key(spki: &[u8]) -> Result<(), rustls::Error> {
    let p256 = spki.starts_with(P256) && spki.len() == 91;
    let ed25519 = spki.starts_with(ED25519) && spki.len() == 44;
    match p256 || ed25519 {
        true => Ok(()),
        false => Err(rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding)),
    }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        check_key(key).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        check_key(key).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
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

    #[test]
    fn a_key_has_one_form() {
        let identity = Identity::ephemeral().unwrap();
        let spki = identity.spki().to_vec();
        assert_eq!(check_key(&spki), Ok(()));
        assert!(check_key(&[&spki[..], &[0]].concat()).is_err());
        assert!(check_key(&spki[..90]).is_err());
        assert!(check_key(&[0x30; 91]).is_err());
        assert!(!format!("{identity:?}").contains("key:"), "no private part is shown");
    }
}
