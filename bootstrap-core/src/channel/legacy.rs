//! Evidence in certificates, as other systems carry it: Constellation's attested TLS, RA-TLS. Read, never made.
//!
//! It proves that some genuine machine once held a key, not that this machine is at the other end of this session: whoever has the
//! TLS key of *any* machine that passes can relay it. So what comes out is [`Unbound`], a type of its own. There is no way from it
//! to a [`crate::peer::Peer`], and no machine of this crate takes it:
//!
//! ```compile_fail
//! use bootstrap_core::{channel::legacy::Unbound, peer::Peer};
//! fn promote(unbound: Unbound) -> Peer {
//!     unbound.into()
//! }
//! ```

use attest_core::crypto::CryptoProvider;
use attest_core::policy::{Accepted, Policy, Rejected, Verdict};
use attest_core::values::Nonce;
use attest_core::x509::Certificate;
use attest_core::{Context, Evidence, Expect, Store, TrustAnchors, UnixTime, Verifier};
use sha2::{Digest, Sha256};

use super::binding::finish_256;

/// By which system's rules a certificate carries evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Constellation and its forks: the extension's id names the variant, its content is a JSON document.
    Constellation(Variant),
    /// The extension of Gramine's RA-TLS, 1.2.840.113741.1337.6: a bare quote.
    RaTls,
}

/// What Constellation calls a variant: the id of its extension, below 1.3.9900.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the variants'")]
#[non_exhaustive]
pub enum Variant {
    AwsNitroTpm,
    AwsSevSnp,
    AzureSevSnp,
    AzureTdx,
    AzureTrustedLaunch,
    GcpSevEs,
    GcpSevSnp,
    QemuTdx,
    QemuVtpm,
}

/// Content octets of object identifiers.
const SCHEMES: [(&[u8], Scheme); 10] = [
    (b"\x2b\xcd\x2c\x02\x01", Scheme::Constellation(Variant::AwsNitroTpm)),
    (b"\x2b\xcd\x2c\x02\x02", Scheme::Constellation(Variant::AwsSevSnp)),
    (b"\x2b\xcd\x2c\x03\x01", Scheme::Constellation(Variant::GcpSevEs)),
    (b"\x2b\xcd\x2c\x03\x02", Scheme::Constellation(Variant::GcpSevSnp)),
    (b"\x2b\xcd\x2c\x04\x01", Scheme::Constellation(Variant::AzureSevSnp)),
    (b"\x2b\xcd\x2c\x04\x02", Scheme::Constellation(Variant::AzureTrustedLaunch)),
    (b"\x2b\xcd\x2c\x04\x03", Scheme::Constellation(Variant::AzureTdx)),
    (b"\x2b\xcd\x2c\x05\x01", Scheme::Constellation(Variant::QemuVtpm)),
    (b"\x2b\xcd\x2c\x05\x63", Scheme::Constellation(Variant::QemuTdx)),
    (b"\x2a\x86\x48\x86\xf8\x4d\x8a\x39\x06", Scheme::RaTls),
];

/// Why there is no verdict.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyError {
    /// The certificate carries no evidence that is known here.
    #[error("certificate: no extension with evidence")]
    NoEvidence,
    /// It carries more than one: which one counts would be the reader's choice.
    #[error("certificate: {0} extensions with evidence, one is read")]
    Ambiguous(usize),
    /// It is no certificate.
    #[error(transparent)]
    Malformed(#[from] attest_core::error::Malformed),
    /// A nonce where the scheme has none, or none where it has one.
    #[error("nonce: {0}")]
    Nonce(&'static str),
    /// The policy refuses.
    #[error("the policy refuses")]
    Policy(Box<Rejected>),
    /// The evidence is not genuine, or not for this key and nonce.
    #[error(transparent)]
    Refused(#[from] attest_core::Refused),
}

/// Evidence that a certificate carries, with the hash of the certificate's key. Nothing of it is believed.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    scheme: Scheme,
    evidence: &'a [u8],
    key: [u8; 32],
}

impl<'a> Carried<'a> {
    /// Finds the evidence in a certificate. Nobody issues these: a self-signed certificate says nothing beyond its key.
    ///
    /// # Errors
    /// [`LegacyError`] if it is no certificate, or if it does not carry evidence exactly once.
    pub fn read(certificate: &'a [u8]) -> Result<Self, LegacyError> {
        let certificate = Certificate::parse(certificate)?;
        let known = SCHEMES
            .iter()
            .filter_map(|(id, scheme)| Some((*scheme, certificate.extension(id)?)))
            .collect::<Vec<_>>();
        match known.as_slice() {
            [] => Err(LegacyError::NoEvidence),
            [(scheme, extension)] => Ok(Self {
                scheme: *scheme,
                evidence: extension.value,
                key: finish_256(Sha256::new_with_prefix(certificate.spki())),
            }),
            several => Err(LegacyError::Ambiguous(several.len())),
        }
    }

    /// By whose rules.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The evidence as it stands in the extension: a quote, or a document of the scheme that a reader of its own takes apart.
    pub const fn evidence(&self) -> &'a [u8] {
        self.evidence
    }

    /// What the evidence must commit to, for a nonce and the instance information that its document names.
    ///
    /// Constellation: extraData = SHA-256(SHA-256(SPKI) || nonce). Its TPM variants quote SHA-256(instance information || extraData),
    /// or extraData itself in releases that hash none (`None`); its bare TDX pads extraData with zeros. RA-TLS: SHA-256(SPKI), and
    /// zeros.
    ///
    /// # Errors
    /// [`LegacyError::Nonce`] for a nonce where the scheme has none, and for none, or an empty one, where it has one.
    pub fn expects(&self, (nonce, instance): (Option<&[u8]>, Option<&[u8]>)) -> Result<Expect, LegacyError> {
        match (self.scheme, nonce) {
            (Scheme::Constellation(variant), Some(nonce)) if !nonce.is_empty() => {
                let extra = finish_256(Sha256::new_with_prefix(self.key).chain_update(nonce));
                if variant == Variant::QemuTdx {
                    return Ok(padded(&extra));
                }
                let hashed = |info| finish_256(Sha256::new_with_prefix(info).chain_update(extra));
                let quoted = instance.map_or(extra, hashed);
                Nonce::new(&quoted).map(Expect::Nonce).ok_or(LegacyError::Nonce("too long"))
            }
            (Scheme::Constellation(_), _) => Err(LegacyError::Nonce("this scheme has one")),
            (Scheme::RaTls, None) => Ok(padded(&self.key)),
            (Scheme::RaTls, Some(_)) => Err(LegacyError::Nonce("this scheme has none")),
        }
    }

    /// Judges the evidence, in the form that attest-core reads, against the certificate's key and the `question` of
    /// [`Carried::expects`].
    ///
    /// # Errors
    /// [`LegacyError`], with what attest-core found.
    #[expect(clippy::too_many_arguments, reason = "all that a verdict depends on, by name")]
    pub fn judge(
        &self,
        evidence: &Evidence,
        question: (Option<&[u8]>, Option<&[u8]>),
        policy: &Policy,
        store: &Store,
        provider: &CryptoProvider,
        anchors: &TrustAnchors,
        now: UnixTime,
    ) -> Result<Unbound, LegacyError> {
        let context = Context::new(provider, anchors, now, self.expects(question)?);
        match policy.judge(Verifier::new().verify(evidence, store, &context)?) {
            Verdict::Accepted(accepted) => Ok(Unbound { scheme: self.scheme, accepted: Box::new(accepted) }),
            Verdict::Rejected(rejected) => Err(LegacyError::Policy(Box::new(rejected))),
        }
    }
}

/// Report data of a hash and zeros.
fn padded(digest: &[u8; 32]) -> Expect {
    let mut data = [0; 64];
    data.iter_mut().zip(digest).for_each(|(slot, octet)| *slot = *octet);
    Expect::ReportData(data)
}

/// A genuine machine of the policy once had the certificate's key. Whether it is the one at the other end, nobody can tell.
#[derive(Clone, Debug)]
pub struct Unbound {
    scheme: Scheme,
    accepted: Box<Accepted>,
}

impl Unbound {
    /// By whose rules the evidence was carried.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What was accepted of the machine.
    pub const fn accepted(&self) -> &Accepted {
        &self.accepted
    }
}
