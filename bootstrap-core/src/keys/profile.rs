//! How the cluster's two kinds of certificate look (RFC 5280; protocol section 7).

use core::net::IpAddr;

use der::asn1::{Ia5String, ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use der::{Encode, Sequence};
use sha2::{Digest, Sha256};
use x509_cert::builder::Result;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::terms::Terms;
use crate::ids::{ClusterId, KeyEpoch};

/// The private extension of a node certificate: policy epoch and generation at its issue.
///
/// Its identifier lies in the arc of UUIDs, where nobody needs to be asked (ITU-T X.667). The DER library holds arcs of 32 bits, so the
/// UUID is one of the low ones: the first 31 bits of SHA-256 over `attestrap/node-certificate/1`.
pub(super) const ISSUED_AT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.25.649059241");

/// Content of [`ISSUED_AT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub(super) struct IssuedAt {
    pub(super) policy_epoch: u32,
    pub(super) generation: u32,
}

/// The name of an authority: the cluster and the epoch, so that a verifier picks the key by the issuer's name.
pub(super) fn authority_name(cluster: &ClusterId, epoch: KeyEpoch) -> der::Result<Name> {
    format!("CN=attestrap cluster CA {epoch},O={cluster}").parse()
}

/// `attestrap://<c hex>/node/<node id hex>/<worker|seat>`.
pub(super) fn node_uri(terms: &Terms<'_>) -> String {
    format!("attestrap://{}/node/{}/{}", terms.cluster, terms.node, terms.role)
}

/// The first 160 bits of SHA-256 over a SubjectPublicKeyInfo (RFC 7093, 2, method 4).
pub(super) fn key_identifier(spki: &[u8]) -> [u8; 20] {
    let digest: [u8; 32] = Sha256::digest(spki).into();
    let mut identifier = [0; 20];
    identifier.iter_mut().zip(digest).for_each(|(slot, octet)| *slot = octet);
    // It serves as a serial number, which is positive, as well.
    identifier.first_mut().into_iter().for_each(|first| *first &= 0x7f);
    identifier
}

/// A node's certificate.
pub(super) struct NodeProfile<'a> {
    pub(super) terms: &'a Terms<'a>,
    pub(super) issuer: Name,
}

impl BuilderProfile for NodeProfile<'_> {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        Name::default()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        issuer: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> Result<Vec<Extension>> {
        let issuer = OctetString::new(key_identifier(&issuer.to_der()?))?;
        let mut names = vec![
            GeneralName::UniformResourceIdentifier(Ia5String::new(&node_uri(self.terms))?),
            GeneralName::DnsName(Ia5String::new(self.terms.name)?),
        ];
        for address in self.terms.addresses {
            names.push(GeneralName::IpAddress(match address {
                IpAddr::V4(address) => OctetString::new(address.octets())?,
                IpAddr::V6(address) => OctetString::new(address.octets())?,
            }));
        }
        let issued_at = IssuedAt { policy_epoch: self.terms.policy_epoch, generation: self.terms.generation };
        Ok(vec![
            extension(true, &BasicConstraints { ca: false, path_len_constraint: None })?,
            extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
            extension(false, &ExtendedKeyUsage(vec![ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH]))?,
            extension(
                false,
                &AuthorityKeyIdentifier { key_identifier: Some(issuer), ..AuthorityKeyIdentifier::default() },
            )?,
            // Critical, because the subject is empty (RFC 5280, 4.2.1.6).
            extension(true, &SubjectAltName(names))?,
            Extension {
                extn_id: ISSUED_AT,
                critical: false,
                extn_value: OctetString::new(issued_at.to_der()?)?,
            },
        ])
    }
}

/// The authority's own certificate.
pub(super) struct AuthorityProfile {
    pub(super) name: Name,
}

impl BuilderProfile for AuthorityProfile {
    fn get_issuer(&self, _: &Name) -> Name {
        self.name.clone()
    }

    fn get_subject(&self) -> Name {
        self.name.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        issuer: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> Result<Vec<Extension>> {
        let identifier = OctetString::new(key_identifier(&issuer.to_der()?))?;
        Ok(vec![
            // No authority stands between this one and a node.
            extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
            extension(true, &KeyUsage(KeyUsages::KeyCertSign.into()))?,
            extension(false, &SubjectKeyIdentifier(identifier))?,
        ])
    }
}

fn extension<T: AssociatedOid + Encode>(critical: bool, content: &T) -> Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(content.to_der()?)? })
}
