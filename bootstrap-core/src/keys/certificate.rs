//! Reads a node's certificate back and believes it only under a CA key of its cluster (protocol section 7).

use attest_core::error::Malformed;
use attest_core::x509::{self, Certificate};
use der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use der::{Decode, Encode};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use attest_core::crypto::HashAlgorithm;

use super::csr;
use super::error::KeyError;
use super::profile::{ISSUED_AT, IssuedAt, authority_name};
use super::public_key::PublicKey;
use super::terms::{MAX_ADDRESSES, is_dns_name};
use crate::ids::{ClusterId, KeyEpoch, NodeId, Role};

/// Why a node certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It says that its owner may issue certificates, or does not say that its owner may not.
    #[error("basicConstraints or keyUsage: not those of a node")]
    Authority,
    /// It names another cluster.
    #[error("expected cluster {expected}, got {actual}")]
    Cluster {
        /// The cluster asked for.
        expected: ClusterId,
        /// The one that it names.
        actual: ClusterId,
    },
    /// A critical extension that nobody reads.
    #[error("a critical extension that a node's certificate does not have")]
    Critical,
    /// Not for TLS in both directions.
    #[error("extKeyUsage: not client and server")]
    Purposes,
    /// Its issuer is not the authority of this cluster in any epoch that is trusted.
    #[error("issuer: no CA key of this cluster has that name")]
    Issuer,
    /// No policy epoch and generation.
    #[error("policy epoch and generation: missing, or not in their form")]
    IssuedAt,
    /// Its key is neither P-256 nor Ed25519.
    #[error("its key is neither P-256 nor Ed25519")]
    Key,
    /// Not a certificate.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its alternative names are not a node's: one URI, one DNS name, then addresses.
    #[error("subjectAltName: {0}")]
    Names(&'static str),
    /// The CA key did not sign it.
    #[error("the CA key did not sign it")]
    Signature,
    /// It has a subject besides its alternative names.
    #[error("it has a subject")]
    Subject,
    /// Not valid at this time.
    #[error("valid from {not_before} to {not_after}, asked at {now}")]
    Validity {
        /// Unix seconds.
        not_before: u64,
        /// Unix seconds.
        not_after: u64,
        /// Unix seconds.
        now: u64,
    },
}

/// A CA key that is trusted: that of a genesis, or of a transition since.
#[derive(Clone, Debug)]
pub struct ClusterCaKey {
    epoch: KeyEpoch,
    key: VerifyingKey,
    spki: Vec<u8>,
}

impl ClusterCaKey {
    /// The key of `epoch`, as a genesis or a transition has it in DER.
    ///
    /// # Errors
    /// [`CertificateFault::Key`] for anything but a SubjectPublicKeyInfo with a point of P-256.
    pub fn new(epoch: KeyEpoch, spki: &[u8]) -> Result<Self, CertificateFault> {
        match csr::public_key(spki) {
            Some(PublicKey::P256(point)) => {
                let key = VerifyingKey::from_sec1_bytes(&point).map_err(|_| CertificateFault::Key)?;
                Ok(Self { epoch, key, spki: spki.to_vec() })
            }
            Some(PublicKey::Ed25519(_)) | None => Err(CertificateFault::Key),
        }
    }

    /// Its epoch.
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// The SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key, as statements name it.
    pub fn public_key(&self) -> PublicKey {
        let point = self.key.to_sec1_point(false);
        PublicKey::P256(*point.as_bytes().first_chunk().unwrap_or(&[0; 65]))
    }

    /// Checks a signature of this key: ES256, r and s side by side (section 10).
    ///
    /// # Errors
    /// [`CertificateFault::Signature`] if it does not hold.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), CertificateFault> {
        let signature =
            p256::ecdsa::Signature::from_slice(signature).map_err(|_| CertificateFault::Signature)?;
        self.key.verify(message, &signature).map_err(|_| CertificateFault::Signature)
    }
}

/// What a cluster's certificate says of its member (protocol section 7). Its key is the TLS key of this channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the certificate's profile is closed")]
pub struct Member {
    /// Cluster id.
    pub cluster: ClusterId,
    /// Node id.
    pub node: NodeId,
    /// Its role.
    pub role: Role,
    /// The epoch of the CA key that signed.
    pub ca_epoch: KeyEpoch,
    /// Policy epoch at which it was issued.
    pub policy_epoch: u32,
    /// The disk generation at which it was issued.
    pub generation: u32,
    /// DNS name.
    pub name: String,
    /// Unix seconds after which it is no longer valid.
    pub not_after: u64,
}

/// A node's certificate that holds, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCertificate {
    /// What it says.
    pub member: Member,
    /// Its key: whoever shows the certificate must have it.
    pub key: PublicKey,
    /// Unix seconds from which it holds.
    pub not_before: u64,
}

impl NodeCertificate {
    /// Reads the first certificate of a chain and checks it: the CA keys sign nodes and nobody else, so there is nothing between, and
    /// what else a chain holds (the authority's own certificate, for TLS stacks) is not looked at.
    ///
    /// # Errors
    /// [`KeyError::Certificate`].
    pub fn verify(
        certificate: &[u8],
        cluster: &ClusterId,
        trusted: &[ClusterCaKey],
        now: u64,
    ) -> Result<Self, KeyError> {
        Ok(verify(certificate, cluster, trusted, now)?)
    }
}

fn verify(
    bytes: &[u8],
    cluster: &ClusterId,
    trusted: &[ClusterCaKey],
    now: u64,
) -> Result<NodeCertificate, CertificateFault> {
    let certificate = Certificate::parse(bytes)?;
    // 1. The authority of this cluster signed it.
    let issuer = certificate.issuer();
    let is_issuer = |ca: &&ClusterCaKey| {
        let name = authority_name(cluster, ca.epoch).and_then(|name| name.to_der());
        name.is_ok_and(|name| name == issuer.as_der())
    };
    let ca = trusted.iter().find(is_issuer).ok_or(CertificateFault::Issuer)?;
    let ecdsa = Some(x509::SignatureScheme::Ecdsa(HashAlgorithm::Sha256));
    if certificate.signature_scheme() != ecdsa {
        return Err(CertificateFault::Signature);
    }
    let signature =
        DerSignature::try_from(certificate.signature()).map_err(|_| CertificateFault::Signature)?;
    let signed = ca.key.verify(certificate.signed_bytes(), &signature);
    signed.map_err(|_| CertificateFault::Signature)?;
    // 2. It holds now.
    let validity = certificate.validity();
    let (not_before, not_after) = (validity.not_before, validity.not_after);
    if !validity.holds_at(now) {
        return Err(CertificateFault::Validity { not_before, not_after, now });
    }
    // 3. It is a node's, and says nothing that is not read here.
    judge_profile(&certificate)?;
    let (named, node, role, name) = names(&certificate)?;
    if named != *cluster {
        return Err(CertificateFault::Cluster { expected: *cluster, actual: named });
    }
    let key = csr::public_key(certificate.spki()).ok_or(CertificateFault::Key)?;
    let issued_at = certificate.extension(ISSUED_AT.as_bytes());
    let issued_at = issued_at.and_then(|extension| IssuedAt::from_der(extension.value).ok());
    let issued_at = issued_at.ok_or(CertificateFault::IssuedAt)?;
    let member = Member {
        cluster: *cluster,
        node,
        role,
        ca_epoch: ca.epoch,
        policy_epoch: issued_at.policy_epoch,
        generation: issued_at.generation,
        name,
        not_after,
    };
    Ok(NodeCertificate { member, key, not_before })
}

fn judge_profile(certificate: &Certificate<'_>) -> Result<(), CertificateFault> {
    if !certificate.subject().is_empty() {
        return Err(CertificateFault::Subject);
    }
    let no_authority = certificate.basic_constraints().is_some_and(|constraints| !constraints.ca)
        && certificate.key_usage().is_some_and(|usage| usage.digital_signature() && !usage.key_cert_sign());
    if !no_authority {
        return Err(CertificateFault::Authority);
    }
    let purposes = [ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH];
    let both = |found: x509::Purposes<'_>| purposes.iter().all(|purpose| found.contains(purpose.as_bytes()));
    if !certificate.purposes().is_some_and(both) {
        return Err(CertificateFault::Purposes);
    }
    const READ: [&[u8]; 5] = [
        x509::id::BASIC_CONSTRAINTS,
        x509::id::EXTENDED_KEY_USAGE,
        x509::id::KEY_USAGE,
        x509::id::SUBJECT_ALT_NAME,
        ISSUED_AT.as_bytes(),
    ];
    for extension in certificate.extensions() {
        let extension = extension?;
        if extension.critical && !READ.contains(&extension.id) {
            return Err(CertificateFault::Critical);
        }
    }
    Ok(())
}

type Names = (ClusterId, NodeId, Role, String);

/// One URI, one DNS name, then at most eight addresses.
fn names(certificate: &Certificate<'_>) -> Result<Names, CertificateFault> {
    let names = certificate.subject_alt_name().ok_or(CertificateFault::Names("missing"))?;
    let names = SubjectAltName::from_der(names).map_err(|_| CertificateFault::Names("not in DER"))?;
    let [GeneralName::UniformResourceIdentifier(uri), GeneralName::DnsName(name), addresses @ ..] =
        names.0.as_slice()
    else {
        return Err(CertificateFault::Names("not a URI and a DNS name in front"));
    };
    if addresses.len() > MAX_ADDRESSES
        || !addresses.iter().all(|address| matches!(address, GeneralName::IpAddress(_)))
    {
        return Err(CertificateFault::Names("more than at most eight addresses behind"));
    }
    if !is_dns_name(name.as_str()) {
        return Err(CertificateFault::Names("not a DNS name"));
    }
    let (cluster, node, role) = read_uri(uri.as_str()).ok_or(CertificateFault::Names("not a node's URI"))?;
    Ok((cluster, node, role, name.as_str().to_owned()))
}

/// Reads what `node_uri` writes.
fn read_uri(uri: &str) -> Option<(ClusterId, NodeId, Role)> {
    let (cluster, rest) = uri.strip_prefix("attestrap://")?.split_once("/node/")?;
    let (node, role) = rest.split_once('/')?;
    Some((ClusterId::from_hex(cluster).ok()?, NodeId::from_hex(node).ok()?, Role::from_word(role)?))
}
