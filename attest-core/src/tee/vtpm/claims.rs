//! What verified quotes vouch for.

use alloc::string::String;
use alloc::vec::Vec;

use super::anchors::AkPath;
use super::ek_certificate::{EkClaims, EkIdentity};
use super::gce::GceInfo;
use super::log::LogClaims;
use super::pcr::VerifiedPcrs;
use super::pcrsig::SignedState;
use super::public::{Attributes, Hierarchy, Name};
use super::wire::ClockInfo;
use crate::claims::Root;
use crate::crypto::HashAlgorithm;
use crate::eventlog::{Outcome, State};
use crate::values::{Digest, Nonce, Value};

/// Claims of one TPM: what the quotes' signatures cover, what vouches for the key, and how the verification was asked for.
#[derive(Clone, Debug)]
pub struct Claims(Facts);

/// The claims by name, as verification collects them.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) path: AkPath,
    pub(super) root: Root,
    pub(super) name: Option<Name>,
    pub(super) attributes: Option<Attributes>,
    pub(super) spki_sha256: Digest,
    pub(super) hierarchy: Option<Hierarchy>,
    pub(super) said: Said,
    pub(super) revocation: Option<Revocation>,
    pub(super) extra_data: Option<Nonce>,
    pub(super) clock: ClockInfo,
    pub(super) firmware_version: u64,
    pub(super) fresh: bool,
    pub(super) pcrs: VerifiedPcrs,
    pub(super) signed_pcrs: Vec<SignedState>,
    pub(super) log: Option<LogClaims>,
}

/// Whose machine it is, as far as what vouches for the key says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) certificate: Option<CertificateClaims>,
    pub(super) ek: Option<EkClaims>,
    pub(super) azure_vm_id: Option<String>,
}

impl Said {
    /// A key that is vouched for by itself is nobody's.
    pub(super) const NOTHING: Self = Self { certificate: None, ek: None, azure_vm_id: None };
}

/// Whether the certificates that vouch for a key were looked up in lists of revoked ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must not overlook that nobody looked")]
pub enum Revocation {
    /// In a list of every issuer, in date.
    Checked,
    /// At least one issuer's list was not there.
    Unchecked,
}

impl Revocation {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Unchecked => "not checked",
        }
    }
}

/// What the certificate says that vouches for the attestation key: its issuer's word, as good as the root that it chains to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateClaims {
    pub(super) subject: Option<String>,
    pub(super) gce: Option<GceInfo>,
    pub(super) not_after: u64,
}

impl CertificateClaims {
    /// The subject's common name, the last if there are several. Older certificates of TPMs have an empty subject.
    pub fn subject_common_name(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The last Unix second at which every certificate of the chain is valid and no list that was looked up is overdue.
    pub const fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Google's instance information; `None` in a certificate without it.
    pub const fn gce(&self) -> Option<&GceInfo> {
        self.gce.as_ref()
    }
}

impl Claims {
    pub(super) const fn new(facts: Facts) -> Self {
        Self(facts)
    }

    /// What vouches for the attestation key.
    pub const fn ak_path(&self) -> AkPath {
        self.0.path
    }

    /// How deep the trust is rooted.
    pub const fn root(&self) -> Root {
        self.0.root
    }

    /// The key's name; `None` if only the bare key is known.
    pub const fn ak_name(&self) -> Option<&Name> {
        self.0.name.as_ref()
    }

    /// The key's attributes; `None` if only the bare key is known.
    pub const fn ak_attributes(&self) -> Option<Attributes> {
        self.0.attributes
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub const fn ak_spki_sha256(&self) -> &Digest {
        &self.0.spki_sha256
    }

    /// The hierarchy that the key is a primary of; `None` for another parent. The counters are true in the endorsement and
    /// platform hierarchies only.
    pub const fn hierarchy(&self) -> Option<Hierarchy> {
        self.0.hierarchy
    }

    /// What the key's certificate says; `None` if something else vouches for the key.
    pub const fn certificate(&self) -> Option<&CertificateClaims> {
        self.0.said.certificate.as_ref()
    }

    /// The endorsement key of the key's TPM; `None` unless credential activation is what vouches for the key, or for its certifier.
    pub const fn ek(&self) -> Option<&EkClaims> {
        self.0.said.ek.as_ref()
    }

    /// The machine's id by the word of Azure's paravisor (`vmUniqueId`); `None` if no Azure report vouches for the key.
    pub fn azure_vm_id(&self) -> Option<&str> {
        self.0.said.azure_vm_id.as_deref()
    }

    /// Whether the certificates that vouch were looked up in lists of revoked ones; `None` if no certificate vouches.
    pub const fn revocation(&self) -> Option<Revocation> {
        self.0.revocation
    }

    /// The last Unix second at which every certificate that vouches is valid; `None` if no certificate vouches.
    pub fn not_after(&self) -> Option<u64> {
        let certificate = self.certificate().map(CertificateClaims::not_after);
        let ek = self.ek().and_then(EkClaims::identity).map(EkIdentity::not_after);
        certificate.into_iter().chain(ek).min()
    }

    pub(super) const fn said(&self) -> &Said {
        &self.0.said
    }

    /// clockInfo of the first quote.
    pub const fn clock(&self) -> ClockInfo {
        self.0.clock
    }

    /// firmwareVersion of the first quote.
    pub const fn firmware_version(&self) -> u64 {
        self.0.firmware_version
    }

    /// Whether the caller gave qualifying data and they were compared.
    pub const fn fresh(&self) -> bool {
        self.0.fresh
    }

    /// The registers that the quotes cover.
    pub const fn pcrs(&self) -> &VerifiedPcrs {
        &self.0.pcrs
    }

    /// The states of these registers that signers of the caller's signed.
    pub fn signed_pcrs(&self) -> &[SignedState] {
        &self.0.signed_pcrs
    }

    /// What the event log adds; `None` if none travelled.
    pub const fn log(&self) -> Option<&LogClaims> {
        self.0.log.as_ref()
    }

    /// Calls `f` with each claim's name and value, in a fixed order.
    pub fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        let facts = &self.0;
        f("ak_path", facts.path.name().into());
        f("root", facts.root.name().into());
        f("ak_name", facts.name.as_ref().map_or(Value::Phrase("unknown"), |name| name.as_bytes().into()));
        f(
            "ak_attributes",
            facts.attributes.map_or(Value::Phrase("unknown"), |bits| Value::Bits(u64::from(bits.0))),
        );
        f("ak_spki_sha256", facts.spki_sha256.into());
        f("ak_hierarchy", facts.hierarchy.map_or("unknown", Hierarchy::name).into());
        if let Some(certificate) = &facts.said.certificate {
            f("certificate_subject", certificate.subject_common_name().map_or(Value::None, Value::text));
            certificate.gce.iter().for_each(|gce| gce.for_each(&mut f));
        }
        facts.said.ek.iter().for_each(|ek| ek.for_each(&mut f));
        facts.said.azure_vm_id.iter().for_each(|id| f("azure_vm_id", Value::text(id)));
        facts.revocation.iter().for_each(|revocation| f("revocation", revocation.name().into()));
        f("extra_data", facts.extra_data.as_ref().map_or(Value::None, |data| data.as_bytes().into()));
        f("clock", facts.clock.clock.into());
        f("reset_count", facts.clock.reset_count.into());
        f("restart_count", facts.clock.restart_count.into());
        f("safe", if facts.clock.safe { "yes" } else { "no" }.into());
        f("firmware_version", Value::Bits(facts.firmware_version));
        for (bank, index, value) in facts.pcrs.iter() {
            f(register_name(&PCRS, bank, index), (*value).into());
        }
        for state in &facts.signed_pcrs {
            f("pcr_signer", Value::bytes(state.signer()));
            f("signed_pcrs", Value::text(&state.to_text()));
        }
        let Some(log) = &facts.log else {
            f("event_log", "none".into());
            return;
        };
        f("event_log", u64::try_from(log.events()).unwrap_or(u64::MAX).into());
        for of in log.banks() {
            for (index, outcome) in of.outcomes() {
                f(register_name(&LOG, of.bank(), index), word(outcome).into());
            }
            let state = match of.secure_boot() {
                None => "not proven",
                Some(State::Disabled) => "disabled",
                Some(State::Enabled) => "enabled",
            };
            let name = match of.bank() {
                HashAlgorithm::Sha1 => "secure_boot.sha1",
                HashAlgorithm::Sha256 => "secure_boot.sha256",
                HashAlgorithm::Sha384 => "secure_boot.sha384",
                HashAlgorithm::Sha512 => "secure_boot.sha512",
            };
            f(name, state.into());
        }
    }
}

/// How a log stands to a register, in a word.
pub(super) const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Mismatch { .. } => "mismatch",
        Outcome::Replayed => "replayed",
        Outcome::Unexplained { .. } => "unexplained",
        Outcome::UnsupportedBank(_) => "not in this bank",
        Outcome::Untouched => "untouched",
        Outcome::Unverified => "not quoted",
    }
}

/// Names of claims are static: one table for registers, one for what the log says of them.
type Names = [(HashAlgorithm, [&'static str; 24]); 4];

fn register_name(names: &Names, bank: HashAlgorithm, index: u8) -> &'static str {
    let row = names.iter().find(|(of, _)| *of == bank).map_or(&[][..], |(_, names)| &names[..]);
    row.get(usize::from(index)).copied().unwrap_or("pcr")
}

macro_rules! names {
    ($prefix:literal) => {
        [
            (HashAlgorithm::Sha1, names!(@row $prefix, "sha1")),
            (HashAlgorithm::Sha256, names!(@row $prefix, "sha256")),
            (HashAlgorithm::Sha384, names!(@row $prefix, "sha384")),
            (HashAlgorithm::Sha512, names!(@row $prefix, "sha512")),
        ]
    };
    (@row $prefix:literal, $bank:literal) => {
        names!(@row $prefix, $bank; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23)
    };
    (@row $prefix:literal, $bank:literal; $($index:literal)*) => {
        [$(concat!($prefix, ".", $bank, ".", $index)),*]
    };
}

static PCRS: Names = names!("pcr");
static LOG: Names = names!("event_log");
