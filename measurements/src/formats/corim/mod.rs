//! CoRIM, the IETF's manifests in CBOR (draft-ietf-rats-corim, text of 2026): reference values of SNP, TPMs and TDX.
//!
//! A manifest names *environments*, in words that its writer chose; which of them is a TPM, the caller must say
//! ([`Corim::to_reference_values`]). Everything that is not understood is a constraint that would be lost: other kinds of triples
//! and of values, profiles, authorities, dependencies, and environments that the caller does not know. A manifest with any of
//! these is to be had only by naming each ([`Converted::despite`](super::Converted::despite)).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use attest_core::rules::Limit;

mod import;
mod read;
mod write;

pub use import::Kind;
pub(crate) use read::read_validity;
pub use write::write;

/// The largest manifest, in bytes.
pub const MAX_CORIM: usize = 1 << 20;

/// The most items of any list or map in a manifest.
pub const MAX_ITEMS: usize = 256;

/// Tags of CBOR that stand in manifests.
pub(crate) mod tag {
    pub(crate) const EPOCH: u64 = 1;
    pub(crate) const URI: u64 = 32;
    pub(crate) const UUID: u64 = 37;
    pub(crate) const OID: u64 = 111;
    pub(crate) const CORIM: u64 = 501;
    pub(crate) const COMID: u64 = 506;
    pub(crate) const SVN: u64 = 552;
    pub(crate) const LEAST_SVN: u64 = 553;
    pub(crate) const BYTES: u64 = 560;
}

/// A manifest that was read: its shape holds, and nothing says yet whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Corim<'a> {
    /// id.
    pub id: Name<'a>,
    /// profile; `None` if the manifest has none.
    pub profile: Option<Label<'a>>,
    /// rim-validity: not-before, in Unix seconds.
    pub not_before: Limit<u64>,
    /// rim-validity: not-after, in Unix seconds.
    pub not_after: Limit<u64>,
    /// Its CoMIDs, in order.
    pub comids: Vec<Comid<'a>>,
    /// What of the manifest nobody here reads, by place.
    pub unread: Vec<String>,
}

/// A name: text, or bytes, as a rule those of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Name<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
}

/// What a thing is called: one of the tagged or plain forms that CoRIM has for classes, instances, keys and algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Label<'a> {
    /// Bytes of no form of their own, tag 560, or untagged.
    Bytes(&'a [u8]),
    /// An integer.
    Int(i128),
    /// Content of an object identifier, tag 111.
    Oid(&'a [u8]),
    /// Text, or the URI of a profile.
    Text(&'a str),
    /// A UUID, tag 37.
    Uuid(&'a [u8]),
}

impl Label<'_> {
    /// The label for lists of losses.
    fn shown(&self) -> String {
        use attest_core::values::Hex;

        match self {
            Self::Bytes(bytes) | Self::Oid(bytes) | Self::Uuid(bytes) => Hex(bytes).to_string(),
            Self::Int(number) => number.to_string(),
            Self::Text(text) => crate::error::shown(text),
        }
    }
}

/// One module of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comid<'a> {
    /// tag-id.
    pub id: Name<'a>,
    /// How many triples of each kind there are; kind 0 are [`Comid::references`].
    pub triples: Vec<(i128, usize)>,
    /// Reference values.
    pub references: Vec<Reference<'a>>,
}

/// A triple of reference values: an environment, and what is measured there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reference<'a> {
    /// The environment.
    pub environment: Environment<'a>,
    /// What is measured there; at least one.
    pub measurements: Vec<Measurement<'a>>,
}

/// Where something is measured. At least one field is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environment<'a> {
    /// class-id.
    pub class: Option<Label<'a>>,
    /// vendor.
    pub vendor: Option<&'a str>,
    /// model.
    pub model: Option<&'a str>,
    /// layer.
    pub layer: Option<u64>,
    /// index.
    pub index: Option<u64>,
    /// instance.
    pub instance: Option<Label<'a>>,
    /// group.
    pub group: Option<Label<'a>>,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measurement<'a> {
    /// mkey.
    pub key: Option<Label<'a>>,
    /// version, without its scheme.
    pub version: Option<&'a str>,
    /// svn.
    pub svn: Option<Svn>,
    /// digests.
    pub digests: Vec<RimDigest<'a>>,
    /// integrity-registers: register, and digests of it.
    pub registers: Vec<(Label<'a>, Vec<RimDigest<'a>>)>,
    /// Keys of values that nobody here reads.
    pub unread: Vec<String>,
    /// Whether somebody must have authorised it.
    pub authorised: bool,
}

/// A digest. One of a known algorithm has its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RimDigest<'a> {
    /// alg.
    pub algorithm: Label<'a>,
    /// val.
    pub value: &'a [u8],
}

/// A security version number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Svn {
    /// This one or a higher one, tag 553.
    AtLeast(u64),
    /// This one, tag 552 or untagged.
    Exactly(u64),
}
