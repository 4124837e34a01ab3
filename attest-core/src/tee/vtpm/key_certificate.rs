//! Certificates of a TPM's keys: a chain to a root of the caller's, and a usage that fits the key.

use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::anchors::Anchors;
use super::checks::{certificate as ek, verify as ak};
use crate::checks::{Check, Checks};
use crate::claims::Root;
use crate::crypto::CryptoProvider;
use crate::error::Refused;
use crate::values::Value;
use crate::x509::chain::{ChainError, MAX_SUPPLIED, Path, Rules, find};
use crate::x509::{Certificate, KeyUsage, id};

/// tcg-kp-EKCertificate, 2.23.133.8.1, by its content octets.
const EK_PURPOSE: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x01];
/// tcg-kp-AIKCertificate, 2.23.133.8.3.
const AK_PURPOSE: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x03];

/// What a key of a TPM is certified for. Some clouds write the endorsement key's purpose into the certificates of both keys: only
/// keyUsage tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a TPM's identity has two keys")]
pub enum KeyPurpose {
    /// Signs: digitalSignature and no transport of keys.
    Attestation,
    /// Unwraps: keyEncipherment (RSA) or keyAgreement (ECC), and no digitalSignature.
    Endorsement,
}

impl KeyPurpose {
    const fn checks(self) -> (&'static Check, &'static Check) {
        match self {
            Self::Attestation => (&ak::AK_CHAIN, &ak::AK_USAGE),
            Self::Endorsement => (&ek::EK_CHAIN, &ek::EK_USAGE),
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Attestation => "digitalSignature, and a TPM's purpose if it names one",
            Self::Endorsement => "keyEncipherment or keyAgreement, and an endorsement key's purpose if any",
        }
    }

    /// extKeyUsage, where there is one: Google's attestation keys have an endorsement key's purpose, or none.
    fn allows(self, leaf: &Certificate<'_>) -> bool {
        let Some(purposes) = leaf.purposes() else { return true };
        match self {
            Self::Attestation => purposes.contains(AK_PURPOSE) || purposes.contains(EK_PURPOSE),
            Self::Endorsement => purposes.contains(EK_PURPOSE),
        }
    }

    fn fits(self, usage: KeyUsage) -> bool {
        let transport = usage.key_encipherment() || usage.key_agreement();
        match self {
            Self::Attestation => usage.digital_signature() && !transport,
            Self::Endorsement => transport && !usage.digital_signature(),
        }
    }
}

/// A key's certificate whose chain and whose usage hold.
#[derive(Clone, Debug)]
pub struct KeyCertificate<'a> {
    path: Path<'a>,
    root: Root,
}

impl<'a> KeyCertificate<'a> {
    /// Judges the certificate of one key, without evidence of that key: whose key it is, the caller compares.
    ///
    /// # Errors
    /// [`Refused`], with both checks, if the chain or the usage does not hold.
    pub fn judge(
        leaf: &Certificate<'a>,
        supplied: &[Certificate<'a>],
        purpose: KeyPurpose,
        anchors: &'a Anchors,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, Refused> {
        let mut checks = Checks::new();
        let held = Self::find(leaf, supplied, purpose, anchors, provider, now, &mut checks)?;
        match (held, Refused::of(&checks)) {
            (_, Some(refused)) => Err(refused),
            (Some(certificate), None) => Ok(certificate),
            // What is not there has left a failed check.
            (None, None) => Err(Refused::from(crate::error::Unsupported::Format(Value::None))),
        }
    }

    /// The same as a part of a longer record; `None` if a check failed.
    pub(super) fn find(
        leaf: &Certificate<'a>,
        supplied: &[Certificate<'a>],
        purpose: KeyPurpose,
        anchors: &'a Anchors,
        provider: &CryptoProvider,
        now: UnixTime,
        checks: &mut Checks,
    ) -> Result<Option<Self>, Refused> {
        let (chain, usable) = purpose.checks();
        // A TPM's certificate may have an empty subject and its names in a critical subjectAltName (EK Credential Profile, 3.2).
        let critical = [id::SUBJECT_ALT_NAME];
        let rules = Rules::new(provider, now, &critical);
        // Only what may lead upwards from here: a fleet's store holds many leaves.
        let authority = |certificate: &&Certificate<'a>| {
            certificate.basic_constraints().is_some_and(|constraints| constraints.ca)
        };
        let above: Vec<Certificate<'a>> =
            supplied.iter().filter(authority).take(MAX_SUPPLIED).copied().collect();
        let path = match find(leaf, &above, &anchors.roots(), &rules) {
            Ok(path) => path,
            Err(ChainError::Unsupported(unsupported)) => return Err(Refused::with(unsupported, checks)),
            Err(ChainError::Fault(fault)) => {
                checks.require(chain, false, fault.expected, fault.actual);
                checks.not_applicable(usable, "the chain does not hold");
                return Ok(None);
            }
        };
        let anchor = path.anchor().subject().common_name().map_or(Value::None, Value::text);
        checks.require(chain, true, "a root that the caller trusts", anchor);
        let fits = leaf.key_usage().is_some_and(|usage| purpose.fits(usage)) && purpose.allows(leaf);
        let actual = if fits { purpose.expected() } else { "another usage" };
        let usable = checks.require(usable, fits, purpose.expected(), actual);
        let root =
            anchors.stands_behind(path.anchor(), provider).map_err(|error| Refused::with(error, checks))?;
        Ok(usable.then_some(Self { path, root }))
    }

    /// The leaf, its issuers, and the root.
    pub const fn path(&self) -> &Path<'a> {
        &self.path
    }

    /// What stands behind the root.
    pub const fn root(&self) -> Root {
        self.root
    }
}
