//! What a verified document vouches for.

use alloc::boxed::Box;
use alloc::string::String;

use super::module::{Kind, ModuleId};
use super::pcr::Pcrs;
use super::wire::Document;
use crate::claims::Root;
use crate::values::Value;

/// Claims of one enclave or instance: what the document's signature and the chain above it cover, and how the verification was
/// asked for.
#[derive(Clone, Debug)]
pub struct Claims {
    module_id: ModuleId,
    region: String,
    timestamp: u64,
    pcrs: Pcrs,
    public_key: Option<Box<[u8]>>,
    user_data: Option<Box<[u8]>>,
    nonce: Option<Box<[u8]>>,
    unknown_fields: u64,
    root: Root,
    valid_until: u64,
    verified_at: u64,
    fresh: bool,
}

impl Claims {
    pub(super) fn new(
        document: &Document<'_>,
        region: &str,
        root: Root,
        valid_until: u64,
        verified_at: u64,
        fresh: bool,
    ) -> Self {
        Self {
            module_id: document.module_id().clone(),
            region: region.into(),
            timestamp: document.timestamp(),
            pcrs: document.pcrs().clone(),
            public_key: document.public_key().map(Box::from),
            user_data: document.user_data().map(Box::from),
            nonce: document.nonce().map(Box::from),
            unknown_fields: document.unknown_fields(),
            root,
            valid_until,
            verified_at,
            fresh,
        }
    }

    /// Whether an enclave or an instance is attested.
    pub const fn kind(&self) -> Kind {
        self.module_id.kind()
    }

    /// Which one.
    pub const fn module_id(&self) -> &ModuleId {
        &self.module_id
    }

    /// The AWS region, as the document's certificate names it.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// When the document was made, in milliseconds since 1970.
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// How old the document was when it was verified, in seconds. One from the future is new: how far clocks may differ, the
    /// validity of its certificate bounds.
    pub const fn age(&self) -> u64 {
        self.verified_at.saturating_sub(self.timestamp.wrapping_div(1000))
    }

    /// The registers.
    pub const fn pcrs(&self) -> &Pcrs {
        &self.pcrs
    }

    /// Whether this is an enclave that its host can read: started in debug mode, its documents have zeros for PCR 0, 1 and 2.
    /// One that does not list all three, or has a zero among them, counts as such too: none of them is ever zero otherwise.
    pub fn debug_mode(&self) -> bool {
        match self.kind() {
            Kind::Enclave => !(0..=2).all(|index| self.pcrs.is_measured(index)),
            Kind::NitroTpm => false,
        }
    }

    /// The key that the requester put in.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    /// What the requester put in.
    pub fn user_data(&self) -> Option<&[u8]> {
        self.user_data.as_deref()
    }

    /// The nonce that the requester put in.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// How many fields the document has that are not known.
    pub const fn unknown_fields(&self) -> u64 {
        self.unknown_fields
    }

    /// How deep the trust is rooted: [`Root::CloudHypervisor`] below AWS's root, [`Root::Caller`] below another.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The first second, in Unix time, at which a certificate of the chain is no longer valid. A session should not outlive it.
    pub const fn valid_until(&self) -> u64 {
        self.valid_until
    }

    /// The time of verification, in Unix seconds.
    pub const fn verified_at(&self) -> u64 {
        self.verified_at
    }

    /// Whether the caller gave a nonce of [`crate::context::Expect::MIN_NONCE`] bytes or more, and it was compared.
    pub const fn fresh(&self) -> bool {
        self.fresh
    }

    /// Calls `f` with each claim's name and value, in a fixed order.
    pub fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        f("kind", self.kind().name().into());
        f("module_id", Value::text(self.module_id.as_str()));
        f("region", Value::text(&self.region));
        f("root", self.root.name().into());
        f("timestamp", Value::Time(self.timestamp.wrapping_div(1000)));
        f("valid_until", Value::Time(self.valid_until));
        f("debug_mode", if self.debug_mode() { "yes" } else { "no" }.into());
        for (name, field) in
            [("nonce", self.nonce()), ("user_data", self.user_data()), ("public_key", self.public_key())]
        {
            f(name, field.map_or(Value::Phrase("none"), Value::bytes));
        }
        f("unknown_fields", self.unknown_fields.into());
        self.pcrs.for_each(f);
    }
}
