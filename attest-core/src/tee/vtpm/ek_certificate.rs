//! Certificates of endorsement keys: from a vendor's root to *this TPM*, and to whom the vendor says that it is.
//!
//! ```text
//! leaf (DER), issuers, CRLs ──EkCertificate::verify──▶ EkCertificate ──credential::TrustedEk::certified──▶ TrustedEk
//! ```
//!
//! Source: TCG EK Credential Profile for TPM Family 2.0, 3.1 (fields) and 3.2 (extensions); RFC 5280.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use der::{AnyRef, Decode, ErrorKind, Length, Reader as _, SliceReader, Tag, Tagged};

use super::checks::certificate as checks;
use super::claims::Revocation;
use super::key::SigningKey;
use super::key_certificate::{KeyCertificate, KeyPurpose};
use super::public::{Name, Public};
use super::revocation::{EK_LISTS, judge_revocation, not_looked_up};
use crate::checks::{Checks, holds};
use crate::claims::Root;
use crate::collateral::{Collateral, Store};
use crate::context::Context;
use crate::crypto::HashAlgorithm;
use crate::error::{Error, Malformed, Problem, Refused, Unsupported};
use crate::rules::Unusual;
use crate::values::{Digest, Value};
use crate::x509::{Certificate, reason};

/// tcg-at-tpmManufacturer, tcg-at-tpmModel and tcg-at-tpmVersion: 2.23.133.2.1 to 2.23.133.2.3, by their content octets.
const ATTRIBUTES: [&[u8]; 3] =
    [&[0x67, 0x81, 0x05, 0x02, 0x01], &[0x67, 0x81, 0x05, 0x02, 0x02], &[0x67, 0x81, 0x05, 0x02, 0x03]];
/// The most names of a subjectAltName that are read.
const MAX_NAMES: usize = 16;

/// Who a TPM is, by its endorsement key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EkClaims {
    pub(super) name: Option<Name>,
    pub(super) spki_sha256: Digest,
    pub(super) identity: Option<EkIdentity>,
    pub(super) revocation: Option<Revocation>,
}

/// What a certificate says of a TPM: its issuer's word, as good as the root that it chains to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EkIdentity {
    subject: Option<String>,
    serial: Vec<u8>,
    attributes: [Option<String>; 3],
    not_after: u64,
}

impl EkClaims {
    /// SHA-256 of the key's SubjectPublicKeyInfo: the identity of the TPM. Bind a machine to it at the first meeting, and refuse
    /// another later.
    pub const fn spki_sha256(&self) -> &Digest {
        &self.spki_sha256
    }

    /// The key's name, where the caller pinned it; `None` where a certificate vouches for the key. That covers the key's numbers
    /// only: the same TPM can be shown under several names.
    pub const fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// What its certificate says; `None` where the caller pinned it.
    pub const fn identity(&self) -> Option<&EkIdentity> {
        self.identity.as_ref()
    }

    /// Whether its certificates were looked up in lists of revoked ones; `None` where the caller pinned it.
    pub const fn revocation(&self) -> Option<Revocation> {
        self.revocation
    }

    /// Calls `f` with each claim's name and value, in a fixed order.
    pub(super) fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        self.name.iter().for_each(|name| f("ek_name", name.as_bytes().into()));
        f("ek_spki_sha256", self.spki_sha256.into());
        let Some(identity) = &self.identity else { return };
        let text = |text: Option<&str>| text.map_or(Value::None, Value::text);
        f("ek_subject", text(identity.subject_common_name()));
        f("ek_serial", identity.serial().into());
        f("ek_manufacturer", text(identity.manufacturer()));
        f("ek_model", text(identity.model()));
        f("ek_version", text(identity.version()));
    }
}

impl EkIdentity {
    /// The subject's common name; many have an empty subject.
    pub fn subject_common_name(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The certificate's serial number: content octets of an INTEGER.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The last Unix second at which every certificate of the chain is valid and no list that was looked up is overdue.
    pub const fn not_after(&self) -> u64 {
        self.not_after
    }

    /// tpmManufacturer: `id:` and the vendor's four characters in hexadecimal; `None` where a cloud leaves it out.
    pub fn manufacturer(&self) -> Option<&str> {
        self.attributes[0].as_deref()
    }

    /// tpmModel.
    pub fn model(&self) -> Option<&str> {
        self.attributes[1].as_deref()
    }

    /// tpmVersion: `id:` and the firmware's version.
    pub fn version(&self) -> Option<&str> {
        self.attributes[2].as_deref()
    }
}

/// The certificate of an endorsement key whose chain, usage and revocation hold.
#[derive(Clone, Debug)]
pub struct EkCertificate {
    key: SigningKey,
    claims: EkClaims,
    root: Root,
    checks: Checks,
}

impl EkCertificate {
    /// Verifies the certificate of an endorsement key against the caller's roots.
    ///
    /// `leaf` is what the TPM's NV index or the host gives; issuers and lists come from `carried`, which the device may have sent,
    /// and from `store`. With [`Unusual::Refuse`], `unlisted` refuses a chain of which an issuer's list is not there. Nothing of
    /// [`Context::expect`] is asked: a certificate is never fresh.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made and the most telling failure.
    pub fn verify(
        leaf: &[u8],
        carried: &Collateral,
        store: &Store,
        unlisted: Unusual,
        context: &Context<'_>,
    ) -> Result<Self, Refused> {
        let (provider, now) = (context.provider, context.now);
        let leaf = Certificate::parse(leaf)?;
        let all = carried.certificates().chain(store.supplied().certificates());
        let supplied = all.map(Certificate::parse).collect::<Result<Vec<_>, _>>()?;
        let mut checks = Checks::new();
        let (anchors, purpose) = (&context.anchors.vtpm, KeyPurpose::Endorsement);
        let found = KeyCertificate::find(&leaf, &supplied, purpose, anchors, provider, now, &mut checks)?;
        let (revocation, not_after) = match &found {
            None => {
                not_looked_up(&EK_LISTS, "the chain or the usage does not hold", &mut checks);
                (Revocation::Unchecked, 0)
            }
            Some(found) => {
                let lists = carried.crls().chain(store.supplied().crls());
                let looked_up = judge_revocation(found.path(), lists, &EK_LISTS, provider, now, &mut checks)?;
                (looked_up.revocation, looked_up.last_second(found.path()))
            }
        };
        match unlisted {
            Unusual::Any => checks.not_applicable(&checks::EK_CRL_PRESENT, "the caller goes without"),
            Unusual::Refuse => {
                let all = revocation == Revocation::Checked;
                let actual = if all { "of each" } else { "not of each" };
                checks.require(&checks::EK_CRL_PRESENT, all, "of each issuer", actual);
            }
        }
        let attributes = match leaf.subject_alt_name() {
            None => [None, None, None],
            Some(names) => attributes(names).map_err(|error| Refused::with(error, &checks))?,
        };
        let key = SigningKey::of_spki(&leaf.public_key());
        let (Some(found), Some(key), None) = (found, key, Refused::of(&checks)) else {
            // Without a path or a key there is a failed check.
            let nothing = || Refused::with(Unsupported::Format(Value::None), &checks);
            return Err(Refused::of(&checks).unwrap_or_else(nothing));
        };
        let spki = provider.digest(HashAlgorithm::Sha256, &[leaf.spki()]);
        let claims = EkClaims {
            name: None,
            spki_sha256: spki.map_err(|error| Refused::with(error, &checks))?,
            identity: Some(EkIdentity {
                subject: leaf.subject().common_name().map(str::to_owned),
                serial: leaf.serial().to_vec(),
                attributes,
                not_after,
            }),
            revocation: Some(revocation),
        };
        Ok(Self { key, claims, root: found.root(), checks })
    }

    /// Who the TPM is.
    pub const fn claims(&self) -> &EkClaims {
        &self.claims
    }

    /// What stands behind the root.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// Every check that was made.
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }

    /// That this is the certificate of the key of that public area. It covers the key's numbers and nothing else of it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it is another key, [`Error::Unsupported`] for a curve that no provider has.
    pub fn certifies(&self, public: &Public<'_>) -> Result<(), Error> {
        let same = SigningKey::of_public(public)? == self.key;
        let actual = if same { "that key" } else { "another key" };
        Error::unless(&checks::EK_CERTIFICATE, same, "the certified key", actual)
    }
}

/// The three attributes of a TPM out of a GeneralNames: in a directoryName, each once, one or several to a level. Other names are
/// passed over.
fn attributes(names: &[u8]) -> Result<[Option<String>; 3], Malformed> {
    let mut found = [None, None, None];
    let mut at = Length::ZERO;
    let mut read = || {
        let mut reader = SliceReader::new(names)?;
        reader.sequence(|names| {
            let mut count = 0..MAX_NAMES;
            while !names.is_finished() {
                at = names.position();
                if count.next().is_none() {
                    return Err(ErrorKind::Overlength.into());
                }
                let name = AnyRef::decode(names)?;
                if matches!(name.tag(), Tag::ContextSpecific { constructed: true, number } if number.value() == 4) {
                    directory_name(name.value(), &mut found)?;
                }
            }
            Ok::<_, der::Error>(())
        })?;
        reader.finish()
    };
    read().map_err(|error: der::Error| {
        let offset = usize::try_from(at).unwrap_or_default();
        let problem = Problem::value(&checks::EK_SAN, "each attribute once, as text", reason(error.kind()));
        Malformed { structure: "subjectAltName", field: "directoryName", offset, problem }
    })?;
    Ok(found)
}

/// RDNSequence (RFC 5280, 4.1.2.4).
fn directory_name(name: &[u8], found: &mut [Option<String>; 3]) -> der::Result<()> {
    let mut reader = SliceReader::new(name)?;
    reader.sequence(|levels| {
        while !levels.is_finished() {
            let set = AnyRef::decode(levels)?;
            set.tag().assert_eq(Tag::Set)?;
            let mut level = SliceReader::new(set.value())?;
            while !level.is_finished() {
                level.sequence(|attribute| {
                    let kind = AnyRef::decode(attribute)?;
                    kind.tag().assert_eq(Tag::ObjectIdentifier)?;
                    let value = AnyRef::decode(attribute)?;
                    let slots = ATTRIBUTES.iter().zip(found.iter_mut());
                    let Some((_, slot)) = slots.into_iter().find(|(id, _)| **id == kind.value()) else {
                        return Ok(());
                    };
                    let text = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString);
                    if !text {
                        return Err(ErrorKind::Value { tag: value.tag() }.into());
                    }
                    let value = core::str::from_utf8(value.value())?.to_owned();
                    if !holds(&checks::EK_SAN, slot.replace(value).is_none()) {
                        return Err(ErrorKind::SetOrdering.into());
                    }
                    Ok::<_, der::Error>(())
                })?;
            }
        }
        Ok::<_, der::Error>(())
    })?;
    reader.finish()
}
