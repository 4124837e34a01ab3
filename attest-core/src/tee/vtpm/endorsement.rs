//! Whose key: what vouches for the attestation key that evidence brings.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::anchors::AkPath;
use super::body::AkBytes;
use super::checks::verify as checks;
use super::claims::{CertificateClaims, Revocation, Said};
use super::ek_certificate::EkClaims;
use super::gce::{GCE_INSTANCE_ID, GceInfo};
use super::key::{SigningKey, read_spki};
use super::key_certificate::{KeyCertificate, KeyPurpose};
use super::public::{Attributes, Hierarchy, Name, Public, Scheme};
use super::revocation::{AK_LISTS, judge_revocation, not_looked_up};
use super::template::rebuild;
use crate::checks::Checks;
use crate::claims::Root;
use crate::collateral::{Collateral, Store};
use crate::context::Context;
use crate::crypto::HashAlgorithm;
use crate::error::{Error, Malformed, Refused};
use crate::values::Digest;
use crate::x509::Certificate;

/// The attestation key, and all that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Ak {
    pub(super) key: SigningKey,
    pub(super) spki_sha256: Digest,
    /// Name, attributes and scheme: as evidence says them, or rebuilt; `None` for a bare key of an unknown template.
    pub(super) public: Option<AkPublic>,
}

/// What a public area says.
#[derive(Clone, Debug)]
pub(super) struct AkPublic {
    pub(super) name: Name,
    pub(super) attributes: Attributes,
    pub(super) scheme: Scheme,
    /// Whether it was rebuilt from a bare key, so that qualifiedSigner agrees by construction.
    pub(super) rebuilt: bool,
}

/// What vouches for it.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) path: AkPath,
    pub(super) root: Root,
    /// Whether it vouches for the whole public area, by its name, and not for the bare key alone.
    pub(super) named: bool,
    /// What it says of the machine.
    pub(super) said: Said,
    /// Whether its certificates were looked up, if it has any.
    pub(super) revocation: Option<Revocation>,
}

impl Ak {
    /// Reads the key, and rebuilds the public area of a bare one.
    pub(super) fn read(
        ak: AkBytes<'_>,
        qualified_signer: &[u8],
        context: &Context<'_>,
    ) -> Result<Self, Error> {
        let provider = context.provider;
        let of = |public: &Public<'_>, rebuilt| -> Result<AkPublic, Error> {
            let (attributes, scheme) = (public.attributes(), public.scheme());
            Ok(AkPublic { name: public.name(provider)?, attributes, scheme, rebuilt })
        };
        let (key, public) = match ak {
            AkBytes::Public(bytes) => {
                let public = Public::parse(bytes)?;
                (SigningKey::of_public(&public)?, Some(of(&public, false)?))
            }
            AkBytes::Spki(spki) => {
                let key = read_spki(spki)?;
                let public = match rebuild(&key, qualified_signer, provider)? {
                    Some(bytes) => Some(of(&Public::parse(&bytes)?, true)?),
                    None => None,
                };
                (key, public)
            }
        };
        let spki_sha256 = provider.digest(HashAlgorithm::Sha256, &[&key.spki()])?;
        Ok(Self { key, spki_sha256, public })
    }

    /// Whether the public area is that of a known template whose qualified name the quote bears: consistent, and all that can be
    /// had for a key that is vouched for without its name.
    pub(super) fn is_of_a_template(
        &self,
        qualified_signer: &[u8],
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        let Some(public) = &self.public else { return Ok(false) };
        if public.rebuilt {
            return Ok(true);
        }
        let Some(bytes) = rebuild(&self.key, qualified_signer, context.provider)? else { return Ok(false) };
        Ok(Public::parse(&bytes)?.name(context.provider)? == public.name)
    }

    /// The hierarchy that it is a primary key of, by the quote's qualifiedSigner; `None` for a parent that is not known.
    pub(super) fn hierarchy(
        &self,
        qualified_signer: &[u8],
        context: &Context<'_>,
    ) -> Result<Option<Hierarchy>, Error> {
        let Some(public) = &self.public else { return Ok(None) };
        for hierarchy in Hierarchy::ALL {
            let name = public.name.qualified(&hierarchy.handle(), context.provider)?;
            if name.as_bytes() == qualified_signer {
                return Ok(Some(hierarchy));
            }
        }
        Ok(None)
    }
}

/// Finds what vouches for the key: a key of the caller's first, then a certificate.
pub(super) fn judge_trust(
    ak: &Ak,
    carried: &Collateral,
    store: &Store,
    context: &Context<'_>,
    checks: &mut Checks,
) -> Result<Trust, Refused> {
    let anchors = &context.anchors.vtpm;
    let name = ak.public.as_ref().map(|public| &public.name);
    let trusted = anchors.key(name, ak.spki_sha256.as_bytes());
    let certificates = parsed(carried, store, checks)?;
    let leaves = leaves_of(carried, checks)?;
    let is_of_key = |certificate: &&Certificate<'_>| {
        SigningKey::of_spki(&certificate.public_key()).as_ref() == Some(&ak.key)
    };
    // Evidence that brings leaves must bring the one of its key: a certificate of another machine is not passed over.
    let of_key = match leaves.is_empty() {
        true => certificates.iter().find(is_of_key),
        false => leaves.iter().find(is_of_key),
    };
    match (leaves.is_empty(), of_key.is_some()) {
        (true, false) => {
            checks.not_applicable(&checks::AK_CERTIFICATE, "evidence brings no certificate of a key");
        }
        (_, found) => {
            let actual = if found { "the key that signs" } else { "another key" };
            checks.require(&checks::AK_CERTIFICATE, found, "the key that signs", actual);
        }
    }
    let trust = match (trusted, of_key) {
        (Some(trusted), _) => {
            let why = "the key itself is trusted";
            checks.not_applicable(&checks::AK_CHAIN, why);
            checks.not_applicable(&checks::AK_USAGE, why);
            not_looked_up(&AK_LISTS, why, checks);
            Some(Trust {
                path: trusted.path,
                root: trusted.root,
                named: trusted.is_named(),
                said: trusted.said.clone(),
                revocation: trusted.said.ek.as_ref().and_then(EkClaims::revocation),
            })
        }
        (None, Some(leaf)) => {
            let lists = carried.crls().chain(store.supplied().crls());
            judge_chain(leaf, &certificates, lists, context, checks)?
        }
        (None, None) => {
            let why = "no certificate of this key was supplied";
            checks.not_applicable(&checks::AK_CHAIN, why);
            checks.not_applicable(&checks::AK_USAGE, why);
            not_looked_up(&AK_LISTS, why, checks);
            None
        }
    };
    let actual = trust.as_ref().map_or("nothing that the caller trusts", |trust| trust.path.name());
    checks.require(&checks::AK_TRUSTED, trust.is_some(), "a trusted key, or a certificate of it", actual);
    // Without anything that vouches, the key is judged on as if the caller stood for it: the refusal is on record.
    Ok(trust.unwrap_or(Trust {
        path: AkPath::Pinned,
        root: Root::Caller,
        named: false,
        said: Said::NOTHING,
        revocation: None,
    }))
}

/// Certificates, of which those that came with the evidence come first.
fn parsed<'a>(
    carried: &'a Collateral,
    store: &'a Store,
    checks: &Checks,
) -> Result<Vec<Certificate<'a>>, Refused> {
    let all = carried.certificates().chain(store.supplied().certificates());
    all.map(Certificate::parse).collect::<Result<_, _>>().map_err(|error| Refused::with(error, checks))
}

/// The certificates that came with the evidence and are nobody's issuer.
fn leaves_of<'a>(carried: &'a Collateral, checks: &Checks) -> Result<Vec<Certificate<'a>>, Refused> {
    let mut leaves = Vec::new();
    for der in carried.certificates() {
        let certificate = Certificate::parse(der).map_err(|error| Refused::with(error, checks))?;
        if !certificate.basic_constraints().is_some_and(|constraints| constraints.ca) {
            leaves.push(certificate);
        }
    }
    Ok(leaves)
}

fn judge_chain<'l>(
    leaf: &Certificate<'_>,
    certificates: &[Certificate<'_>],
    lists: impl Iterator<Item = &'l [u8]>,
    context: &Context<'_>,
    checks: &mut Checks,
) -> Result<Option<Trust>, Refused> {
    let (anchors, purpose) = (&context.anchors.vtpm, KeyPurpose::Attestation);
    let found =
        KeyCertificate::find(leaf, certificates, purpose, anchors, context.provider, context.now, checks)?;
    let Some(found) = found else {
        not_looked_up(&AK_LISTS, "the chain or the usage does not hold", checks);
        return Ok(None);
    };
    let looked_up = judge_revocation(found.path(), lists, &AK_LISTS, context.provider, context.now, checks)?;
    let not_after = looked_up.last_second(found.path());
    let certificate = said_of_the_machine(leaf, not_after).map_err(|error| Refused::with(error, checks))?;
    let (path, root) = (AkPath::Certificate, found.root());
    let said = Said { certificate: Some(certificate), ..Said::NOTHING };
    Ok(Some(Trust { path, root, named: false, said, revocation: Some(looked_up.revocation) }))
}

/// What a certificate says that was believed. An extension that cannot be read is an error: its issuer meant something by it.
fn said_of_the_machine(leaf: &Certificate<'_>, not_after: u64) -> Result<CertificateClaims, Malformed> {
    let gce = leaf.extension(GCE_INSTANCE_ID).map(|extension| GceInfo::parse(extension.value)).transpose()?;
    Ok(CertificateClaims { subject: leaf.subject().common_name().map(str::to_owned), gce, not_after })
}
