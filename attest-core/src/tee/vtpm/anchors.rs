//! Whom the caller trusts to vouch for an attestation key. Nothing is trusted unless the caller says so.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::claims::{Claims, Said};
use super::pcr::VerifiedPcrs;
use super::pcrsig::{PcrSignatures, SignedState, SigningKey};
use super::public::Name;
use crate::claims::Root;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Error, Malformed, Unsupported};
use crate::verified::Verified;
use crate::x509::Certificate;
use crate::x509::chain::Anchor;

/// Roots that sign certificates of cloud-operated TPMs, by the SHA-256 digest of the whole certificate. The caller supplies the
/// certificate; this only says what it is.
///
/// Sources: the certificates that Google and Microsoft publish for their virtual TPMs.
const CLOUD_ROOTS: [(&[u8; 32], &str); 4] = [
    (
        b"\x59\x47\x59\x59\x4b\x9b\x61\x52\x4f\x6c\x8e\xf6\x68\xf7\x17\x7f\x7b\x90\x66\xbc\x06\x74\xf2\xf4\x9f\xe9\xe0\x52\
          \xbe\x78\xbe\xb2",
        "Google EK/AK CA Root",
    ),
    (
        b"\x9b\xd5\x28\x5f\x8f\xb1\x85\x02\xa7\x94\x7e\x62\x1f\xfd\x47\x02\x66\xf4\x9f\xcd\x3b\x73\xe1\x9a\x19\x0f\x69\x0a\
          \xd3\x2a\x7c\xaf",
        "Google tpm_ek_v1_cloud_host_root",
    ),
    (
        b"\xe6\xc5\x96\xb1\x7f\x8f\xfe\xfb\xa5\xc3\x00\xf7\x14\xcf\xb1\x26\x0c\x60\x28\x70\x4e\xcf\x7b\xec\xc4\xab\x50\x18\
          \xef\xb0\x0e\x95",
        "Azure Virtual TPM Root Certificate Authority 2023",
    ),
    (
        b"\x8c\x2b\xb9\x14\x4d\x49\x70\xc9\x4f\xb8\x10\x5c\xc5\xd8\x60\xa5\x8e\x2e\x67\x5e\xb3\x60\xfd\xd8\xc1\x4b\x30\x83\
          \x3a\xaa\xec\x1d",
        "Microsoft RSA Devices Root CA 2021",
    ),
];

/// Roots of certificates of TPMs' keys, and attestation keys that are trusted by themselves.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    roots: Vec<TrustedRoot>,
    keys: Vec<TrustedAk>,
    pcr_signers: Vec<(SigningKey, PcrSignatures)>,
}

/// A root certificate, and what the caller says of its owner.
#[derive(Clone, Debug)]
struct TrustedRoot {
    der: Box<[u8]>,
    kind: Option<TpmKind>,
}

/// What kind of TPM the owner of a root certifies, by the caller's word: no certificate says it in a form that can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TpmKind {
    /// A chip of its own, by a vendor of such.
    Discrete,
    /// Software: a simulator, a hypervisor of the caller's own.
    Software,
}

impl TpmKind {
    /// All kinds.
    pub const ALL: &[Self] = &[Self::Discrete, Self::Software];

    /// Where the trust in such a TPM is rooted.
    pub const fn root(self) -> Root {
        match self {
            Self::Discrete => Root::DiscreteTpm,
            Self::Software => Root::Software,
        }
    }
}

/// An attestation key that something vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedAk {
    pub(super) id: AkId,
    pub(super) path: AkPath,
    pub(super) root: Root,
    pub(super) said: Said,
}

/// How a trusted key is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AkId {
    /// By its name: public area, attributes and all.
    Name(Name),
    /// By the SHA-256 digest of its SubjectPublicKeyInfo: its attributes stay unknown.
    Spki([u8; 32]),
}

/// What vouches for an attestation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AkPath {
    /// Credential activation: the key sits in the TPM that holds the endorsement key.
    Activation,
    /// A certificate that chains to a root of the caller's.
    Certificate,
    /// A key of the same TPM that was trusted before (TPM2_Certify).
    Certify,
    /// The caller, who pinned it.
    Pinned,
    /// A hardware report that names it.
    Tee,
}

impl AkPath {
    /// All paths.
    pub const ALL: &[Self] = &[Self::Activation, Self::Certificate, Self::Certify, Self::Pinned, Self::Tee];

    /// The name in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::Certificate => "certificate",
            Self::Certify => "certify",
            Self::Pinned => "pinned",
            Self::Tee => "tee",
        }
    }

    /// The path of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|path| path.name() == name)
    }
}

impl TrustedAk {
    /// What vouches for it.
    pub const fn path(&self) -> AkPath {
        self.path
    }

    /// How deep the trust is rooted.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// A key that the caller pins by its name. The name stands for the whole public area, attributes included. A name by SHA-1
    /// could be two keys', and vouches for none.
    pub const fn pinned(name: Name) -> Self {
        Self { id: AkId::Name(name), path: AkPath::Pinned, root: Root::Caller, said: Said::NOTHING }
    }

    /// A key that the caller pins by the SHA-256 digest of its SubjectPublicKeyInfo. Its attributes stay unknown unless a known
    /// template gives the quote's qualifiedSigner.
    pub const fn pinned_spki(sha256: [u8; 32]) -> Self {
        Self { id: AkId::Spki(sha256), path: AkPath::Pinned, root: Root::Caller, said: Said::NOTHING }
    }

    /// A key that answered a challenge: it sits in the TPM of the endorsement key, and is rooted as that is.
    #[cfg(feature = "credential")]
    pub fn activated(key: &super::credential::ActivatedAk) -> Self {
        let said = Said { ek: Some(key.ek().clone()), ..Said::NOTHING };
        Self { id: AkId::Name(key.ak_name().clone()), path: AkPath::Activation, root: key.root(), said }
    }

    /// A key that a hardware report names, of a TPM that lives inside what the report measures. It is rooted as the report is.
    #[cfg(feature = "json")]
    pub(crate) fn of_report(name: Name, root: Root, azure_vm_id: Option<alloc::string::String>) -> Self {
        let said = Said { azure_vm_id, ..Said::NOTHING };
        Self { id: AkId::Name(name), path: AkPath::Tee, root, said }
    }

    /// A key that a trusted key of the same TPM certified. It is rooted as its certifier is, and is of the machine that its
    /// certifier is of.
    pub fn certified(key: &super::certify::CertifiedKey<'_>) -> Self {
        let certifier = key.certifier();
        let (root, said) = (certifier.root, certifier.said.clone());
        Self { id: AkId::Name(key.name().clone()), path: AkPath::Certify, root, said }
    }

    /// The key of quotes that verified, if its name is vouched for or follows from a known template: what it certifies is as
    /// good as it is.
    pub fn of_quote(verified: &Verified<Claims>) -> Option<Self> {
        let claims = verified.claims();
        let id = AkId::Name(claims.ak_name()?.clone());
        Some(Self { id, path: claims.ak_path(), root: claims.root(), said: claims.said().clone() })
    }

    /// The name that it is trusted by; `None` for a key that is known by its numbers only.
    pub const fn name(&self) -> Option<&Name> {
        match &self.id {
            AkId::Name(name) => Some(name),
            AkId::Spki(_) => None,
        }
    }
}

impl TrustedAk {
    /// Whether it stands for a whole public area.
    pub(super) const fn is_named(&self) -> bool {
        matches!(self.id, AkId::Name(_))
    }
}

impl Anchors {
    /// Nobody: nothing verifies until something is added.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the root certificate of TPMs' keys, in DER. What is rooted there is rooted in [`Root::Caller`], or in
    /// [`Root::CloudVtpm`] for the roots of Google's and Microsoft's virtual TPMs, which this crate knows.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a certificate.
    pub fn add_root(&mut self, der: &[u8]) -> Result<(), Malformed> {
        self.push_root(der, None)
    }

    /// Adds the root certificate of a maker of TPMs, and says what kind it makes: what is rooted there is rooted in
    /// [`TpmKind::root`]. A known root of a cloud stays a cloud's, whatever is said of it.
    ///
    /// # Errors
    /// [`Malformed`] if `der` is not a certificate.
    pub fn add_vendor_root(&mut self, der: &[u8], kind: TpmKind) -> Result<(), Malformed> {
        self.push_root(der, Some(kind))
    }

    /// One certificate is one root: what is said of it last holds, so that no order of search decides.
    fn push_root(&mut self, der: &[u8], kind: Option<TpmKind>) -> Result<(), Malformed> {
        Certificate::parse(der)?;
        self.roots.retain(|root| *root.der != *der);
        self.roots.push(TrustedRoot { der: der.into(), kind });
        Ok(())
    }

    /// Adds a key that something vouches for.
    pub fn add_key(&mut self, key: TrustedAk) {
        self.keys.push(key);
    }

    /// Adds a key that signs policies of register values, a vendor's of images, and what it is said to have signed: the `.pcrsig`
    /// of images, or systemd's `tpm2-pcr-signature.json`. The document may come from anywhere, the machine itself included: only
    /// what the key signed counts, and only where it is a policy of the values that are quoted. A vendor's older images count as
    /// well, as long as their signatures are given here.
    pub fn add_pcr_signer(&mut self, key: SigningKey, signatures: PcrSignatures) {
        self.pcr_signers.push((key, signatures));
    }

    /// The states of quoted registers that signers signed.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider lacks an algorithm.
    pub(super) fn signed_states(
        &self,
        pcrs: &VerifiedPcrs,
        provider: &CryptoProvider,
    ) -> Result<Vec<SignedState>, Error> {
        let mut states = Vec::new();
        for (key, signatures) in &self.pcr_signers {
            states.extend(signatures.states(key, pcrs, provider)?);
        }
        Ok(states)
    }

    pub(super) fn key(&self, name: Option<&Name>, spki: &[u8]) -> Option<&TrustedAk> {
        let named = self.keys.iter().find(|key| match &key.id {
            AkId::Name(trusted) => Some(trusted) == name && !trusted.can_collide(),
            AkId::Spki(_) => false,
        });
        // A name says more than a bare key, whichever was added first.
        named.or_else(|| {
            self.keys.iter().find(|key| match &key.id {
                AkId::Name(_) => false,
                AkId::Spki(trusted) => trusted == spki,
            })
        })
    }

    /// The roots, parsed. `add_root` has parsed each, so none is lost.
    pub(super) fn roots(&self) -> Vec<Anchor<'_>> {
        let parsed = self.roots.iter().filter_map(|root| Certificate::parse(&root.der).ok());
        parsed.map(Anchor::certificate).collect()
    }

    /// What stands behind one of the roots.
    ///
    /// # Errors
    /// [`Unsupported`] if the provider lacks SHA-256.
    pub(super) fn stands_behind(
        &self,
        anchor: &Anchor<'_>,
        provider: &CryptoProvider,
    ) -> Result<Root, Unsupported> {
        let Some(certificate) = anchor.as_certificate() else { return Ok(Root::Caller) };
        let digest = provider.digest(HashAlgorithm::Sha256, &[certificate.as_der()])?;
        if CLOUD_ROOTS.iter().any(|(sha256, _)| sha256.as_slice() == digest.as_bytes()) {
            return Ok(Root::CloudVtpm);
        }
        let same = self.roots.iter().find(|root| *root.der == *certificate.as_der());
        Ok(same.and_then(|root| root.kind).map_or(Root::Caller, TpmKind::root))
    }
}
