//! Sets of reference values: which of them accept an evidence.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use attest_core::evidence::Format;
use attest_core::policy::Accepted;
use attest_core::{Claims, Policy, UnixTime, Verdict, Verified};

use crate::ids::ReferenceSetId;
use crate::wire::{Kind, ReferenceSet};

/// A set that accepts an evidence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Acceptance {
    /// The set.
    pub set: ReferenceSetId,
    /// The verdict by its rules.
    pub accepted: Accepted,
}

/// A set with its rules as they are read here.
#[derive(Clone, Debug)]
pub(super) struct Readable {
    pub(super) set: ReferenceSet,
    /// `None` if this version cannot read them: the set accepts nothing then, and the rest of the policy holds.
    policy: Option<Arc<Policy>>,
}

// The rules are what their bytes say, so the bytes stand for both.
impl PartialEq for Readable {
    fn eq(&self, other: &Self) -> bool {
        self.set == other.set
    }
}

impl Eq for Readable {}

impl Hash for Readable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.set.hash(state);
    }
}

impl Readable {
    pub(super) fn new(set: ReferenceSet) -> Self {
        let policy =
            std::str::from_utf8(set.rules.as_bytes()).ok().and_then(|json| Policy::from_json(json).ok());
        let policy =
            policy.filter(|policy| format_of(&set.kind).is_some_and(|format| has_section(policy, format)));
        Self { set, policy: policy.map(Arc::new) }
    }

    pub(super) const fn is_readable(&self) -> bool {
        self.policy.is_some()
    }

    /// Whether it still stands at `now`.
    pub(super) fn is_live(&self, now: UnixTime) -> bool {
        now < self.set.not_after
    }

    /// The verdict by its rules, if they accept.
    pub(super) fn judge(&self, verified: &Verified<Claims>) -> Option<Acceptance> {
        let policy = self.policy.as_ref()?;
        if format_of(&self.set.kind) != Some(verified.claims().format()) {
            return None;
        }
        match policy.judge(verified.clone()) {
            Verdict::Accepted(accepted) => Some(Acceptance { set: self.set.id, accepted }),
            Verdict::Rejected(_) => None,
        }
    }
}

/// The format of attest-core for a kind of evidence on the wire.
fn format_of(kind: &Kind) -> Option<Format> {
    match kind.as_str() {
        "snp" => Some(Format::Snp),
        "tdx" => Some(Format::Tdx),
        "tpm" => Some(Format::Vtpm),
        "nitro" => Some(Format::Nitro),
        _ => None,
    }
}

/// A set of one kind with the rules of another would be a set that accepts nothing, unseen.
fn has_section(policy: &Policy, format: Format) -> bool {
    match format {
        Format::Snp => policy.snp.is_some(),
        Format::Tdx => policy.tdx.is_some(),
        Format::Vtpm => policy.vtpm.is_some(),
        Format::Nitro => policy.nitro.is_some(),
        _ => false,
    }
}
