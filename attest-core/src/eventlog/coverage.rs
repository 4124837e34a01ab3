//! Which bytes of an event are proven: those whose hash *is* a digest that a replayed register was extended with.
//!
//! Several rules are tried, because firmware and loaders hash different parts of what they log. Which are tried depends on
//! the event's type, which is the log's own word; that is harmless, for whatever rule fits, exactly the bytes that were hashed
//! are proven and no others. A name before the hashed part, a prefix, a tag number stay labels.
//!
//! Work: at most three hashes of an event's data, so at most three times [`super::MAX_LOG`] bytes for a log.

use core::fmt;

use super::{Compared, Event, EventKind, Untrusted};
use crate::crypto::{CryptoProvider, HashFunction};
use crate::reader::Reader;

/// Which part of an event's data the digest is the hash of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// All of it.
    Whole,
    /// All but the last byte: old shim versions log an authority with one byte too many.
    AllButLast,
    /// The contents of a variable without its name: EV_EFI_VARIABLE_BOOT.
    VariableContents,
    /// What follows a tag's number and size: EV_EVENT_TAG.
    TagContents,
    /// The text that follows GRUB's prefix (`grub_cmd: `), without the NUL that ends it: EV_IPL.
    GrubText,
    /// The same, with the NUL.
    GrubTextWithNul,
}

impl Rule {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::AllButLast => "all-but-last",
            Self::VariableContents => "variable-contents",
            Self::TagContents => "tag-contents",
            Self::GrubText => "grub-text",
            Self::GrubTextWithNul => "grub-text-with-nul",
        }
    }

    /// The rules that are tried for a type, the likeliest first. The order costs time and changes nothing: two rules fit only
    /// where they name the same bytes.
    const fn of(kind: EventKind) -> &'static [Self] {
        match kind {
            EventKind::EFI_VARIABLE_BOOT => &[Self::VariableContents, Self::Whole],
            EventKind::EFI_VARIABLE_AUTHORITY => &[Self::Whole, Self::AllButLast],
            EventKind::EVENT_TAG => &[Self::TagContents, Self::Whole],
            EventKind::IPL => &[Self::GrubText, Self::GrubTextWithNul, Self::Whole],
            _ => &[Self::Whole],
        }
    }

    /// The part of `data` that this rule says was hashed; `None` if the data does not have that form.
    fn part(self, data: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Whole => Some(data),
            Self::AllButLast => data.split_last().map(|(_, rest)| rest),
            Self::VariableContents => {
                let mut r = Reader::new("UEFI_VARIABLE_DATA", data);
                r.take::<16>("VariableName").ok()?;
                let name = usize::try_from(r.u64_le("UnicodeNameLength").ok()?).ok()?;
                let len = usize::try_from(r.u64_le("VariableDataLength").ok()?).ok()?;
                r.bytes("UnicodeName", name.checked_mul(2)?).ok()?;
                r.bytes("VariableData", len).ok()
            }
            Self::TagContents => {
                let mut r = Reader::new("TCG_PCClientTaggedEvent", data);
                r.u32_le("taggedEventID").ok()?;
                let len = usize::try_from(r.u32_le("taggedEventDataSize").ok()?).ok()?;
                r.bytes("taggedEventData", len).ok()
            }
            Self::GrubText => {
                let text = Self::GrubTextWithNul.part(data)?;
                Some(text.strip_suffix(b"\0").unwrap_or(text))
            }
            Self::GrubTextWithNul => GRUB.iter().find_map(|prefix| data.strip_prefix(*prefix)),
        }
    }
}

/// What GRUB writes before the text that it hashes.
pub(super) const GRUB: [&[u8]; 3] = [b"grub_cmd: ", b"kernel_cmdline: ", b"module_cmdline: "];

/// Bytes that a verified register vouches for: their hash is one of the digests that it was extended with, at this place in
/// its order. There is one way to get one: [`Compared::judge`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProvenData<'a> {
    bytes: &'a [u8],
    rule: Rule,
}

impl<'a> ProvenData<'a> {
    /// The bytes that were hashed, and no byte more.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Which part of the event's data they are.
    pub const fn rule(&self) -> Rule {
        self.rule
    }
}

impl fmt::Debug for ProvenData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.bytes.escape_ascii(), self.rule.name())
    }
}

/// What is proven of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reader must not overlook a degree of proof")]
pub enum Coverage<'a> {
    /// The register is replayed, and these bytes are the preimage of the digest.
    Covered(ProvenData<'a>),
    /// The register is replayed, so that the digest is proven; the data is a label.
    Uncovered,
    /// The register is not replayed to a verified value: nothing is proven.
    Unexplained,
    /// EV_NO_ACTION: extends nothing, so that anybody may have added it.
    Unmeasured,
}

impl Coverage<'_> {
    /// One word: `covered`, `UNCOVERED`, `unexplained`, `unmeasured`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Covered(_) => "covered",
            Self::Uncovered => "UNCOVERED",
            Self::Unexplained => "unexplained",
            Self::Unmeasured => "unmeasured",
        }
    }
}

/// An event next to what is proven of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    number: usize,
    index: u32,
    register: Option<u8>,
    kind: EventKind,
    digest: &'a [u8],
    label: &'a [u8],
    coverage: Coverage<'a>,
}

impl<'a> Judged<'a> {
    /// Position in the log. The order between registers is proven by nothing.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The register that this event extends; `None` for EV_NO_ACTION.
    pub const fn register(&self) -> Option<u8> {
        self.register
    }

    /// pcrIndex as it stands there.
    pub const fn index(&self) -> Untrusted<u32> {
        Untrusted::new(self.index)
    }

    /// eventType, which no digest covers even where the data is proven.
    pub const fn kind(&self) -> Untrusted<EventKind> {
        Untrusted::new(self.kind)
    }

    /// The event data, proven or not.
    pub const fn label(&self) -> Untrusted<&'a [u8]> {
        Untrusted::new(self.label)
    }

    /// What is proven.
    pub const fn coverage(&self) -> Coverage<'a> {
        self.coverage
    }

    /// The data, if it is proven.
    pub const fn proven(&self) -> Option<ProvenData<'a>> {
        match self.coverage {
            Coverage::Covered(data) => Some(data),
            Coverage::Uncovered | Coverage::Unexplained | Coverage::Unmeasured => None,
        }
    }

    /// The digest, if the register vouches for it.
    pub const fn proven_digest(&self) -> Option<&'a [u8]> {
        match self.coverage {
            Coverage::Covered(_) | Coverage::Uncovered => Some(self.digest),
            Coverage::Unexplained | Coverage::Unmeasured => None,
        }
    }

    /// The digest of the replayed bank as the log gives it; empty if the event carries none.
    pub const fn digest(&self) -> Untrusted<&'a [u8]> {
        Untrusted::new(self.digest)
    }

    /// The bytes of the data if all of it is proven, by the kinds of the profile that hash all they log.
    pub(super) const fn whole(&self) -> Option<&'a [u8]> {
        match self.coverage {
            Coverage::Covered(ProvenData { bytes, rule: Rule::Whole | Rule::AllButLast }) => Some(bytes),
            Coverage::Covered(_) | Coverage::Uncovered | Coverage::Unexplained | Coverage::Unmeasured => None,
        }
    }

    pub(super) const fn raw_kind(&self) -> EventKind {
        self.kind
    }
}

impl<'a> Compared<'a> {
    /// All events, in the log's order, each next to what is proven of it.
    pub fn judge<'b>(&'b self, provider: &'b CryptoProvider) -> impl Iterator<Item = Judged<'a>> + 'b {
        let hash = provider.hash(self.bank());
        self.log().events().map(move |event| self.judge_one(&event, hash))
    }

    /// The events of one register, in order, each next to what is proven of it. No other event's data is hashed.
    pub fn judge_register<'b>(
        &'b self,
        pcr: u8,
        provider: &'b CryptoProvider,
    ) -> impl Iterator<Item = Judged<'a>> + 'b {
        let hash = provider.hash(self.bank());
        self.log().events_of(pcr).map(move |event| self.judge_one(&event, hash))
    }

    fn judge_one(&self, event: &Event<'a>, hash: Option<&dyn HashFunction>) -> Judged<'a> {
        let kind = event.kind().dangerous_unproven();
        let label = event.label().dangerous_unproven();
        let digest = event.digest_in(self.bank()).unwrap_or_default();
        let register = event.register();
        let fits = |rule: &Rule| {
            let bytes = rule.part(label)?;
            let hashed = hash?.digest(&[bytes]);
            (hashed.as_bytes() == digest).then_some(ProvenData { bytes, rule: *rule })
        };
        let coverage = match register {
            None => Coverage::Unmeasured,
            Some(pcr) if !self.is_replayed(pcr) => Coverage::Unexplained,
            Some(_) => match Rule::of(kind).iter().find_map(fits) {
                Some(data) => Coverage::Covered(data),
                None => Coverage::Uncovered,
            },
        };
        let index = event.index().dangerous_unproven();
        Judged { number: event.number(), index, register, kind, digest, label, coverage }
    }
}
