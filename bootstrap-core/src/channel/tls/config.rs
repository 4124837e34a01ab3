//! What rustls is told: TLS 1.3, raw keys on both sides, nothing that is resumed.

use std::sync::Arc;

use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

use super::ALPN;
use super::error::TlsError;
use super::identity::Identity;
use super::verifier::AnyKey;

/// The suites of TLS 1.3, and key exchange that a quantum computer does not undo where the peer has it.
pub(super) fn provider() -> CryptoProvider {
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

pub(super) fn client(identity: &Identity, now: UnixTime) -> Result<ClientConnection, TlsError> {
    connect(client_config(identity, now)?)
}

pub(super) fn client_config(identity: &Identity, now: UnixTime) -> Result<ClientConfig, TlsError> {
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

pub(super) fn connect(config: ClientConfig) -> Result<ClientConnection, TlsError> {
    // Nobody reads it: whom the client expects stands in its Hello.
    let nobody = ServerName::try_from("attestrap.invalid").map_err(|_| TlsError::NoKey)?;
    Ok(ClientConnection::new(Arc::new(config), nobody)?)
}

pub(super) fn server(identity: &Identity, now: UnixTime) -> Result<ServerConnection, TlsError> {
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
