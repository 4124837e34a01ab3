//! Whom the caller trusts: logs, certificate authorities, their logs, and timestamp authorities.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use attest_core::crypto::CryptoProvider;
use attest_core::rules::Limit;
use attest_core::x509::Certificate;

use super::{Step, TrustError, VerifyingKey};
use crate::document::{self, MAX_BYTES, Node};
use crate::error::FormError;
use crate::reference::seconds;

const FORMAT: &str = "trusted root";

/// The largest key or certificate in a root, in bytes.
const MAX_ITEM: usize = 16 * 1024;

/// When a key of a root was in use, in Unix seconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validity {
    /// The first second.
    pub from: u64,
    /// The last second; `Any` if the key is in use still.
    pub until: Limit<u64>,
}

impl Validity {
    /// Both ends.
    pub const fn new(from: u64, until: Limit<u64>) -> Self {
        Self { from, until }
    }

    pub(super) fn holds_at(&self, time: u64) -> bool {
        let over = matches!(self.until, Limit::To(until) if until < time);
        self.from <= time && !over
    }
}

/// A transparency log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Log {
    /// How its checkpoints call it: the host of its address.
    pub(super) name: String,
    pub(super) key: VerifyingKey,
    pub(super) validity: Validity,
}

impl Log {
    /// The first four bytes of the key's id.
    pub(super) fn hint(&self, provider: &CryptoProvider) -> Result<[u8; 4], TrustError> {
        let id = self.key.id(provider)?;
        let hint = id.as_bytes().first_chunk().copied();
        hint.ok_or_else(|| TrustError::refused(Step::Log, "a provider whose SHA-256 is too short"))
    }
}

/// An authority: its certificates, the last of which is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) validity: Validity,
}

/// Whom the caller trusts. It comes from the caller, with the same care as a key: nothing in it is verified here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustRoot {
    pub(super) logs: Vec<Log>,
    pub(super) authorities: Vec<Authority>,
    pub(super) certificate_logs: Vec<Log>,
    pub(super) timestamp_authorities: Vec<Authority>,
    /// Logs whose keys nothing here can use: their entries are unsupported, not unknown.
    pub(super) unsupported_logs: Vec<Vec<u8>>,
}

impl TrustRoot {
    /// Nobody.
    pub fn none() -> Self {
        Self::default()
    }

    /// Trusts a transparency log. `name` is how its checkpoints call it: `rekor.sigstore.dev`.
    pub fn add_log(&mut self, name: &str, key: VerifyingKey, validity: Validity) {
        self.logs.push(Log { name: name.to_string(), key, validity });
    }

    /// Trusts a timestamp authority by its chain in DER, its own certificate first, its root last.
    ///
    /// # Errors
    /// [`TrustError`] if one is no certificate, or there are none.
    pub fn add_timestamp_authority(&mut self, chain: &[&[u8]], validity: Validity) -> Result<(), TrustError> {
        if chain.len() < 2 {
            return Err(TrustError::refused(Step::Timestamp, "a chain without a root"));
        }
        chain.iter().try_for_each(|der| Certificate::parse(der).map(drop))?;
        let certificates = chain.iter().map(|der| Vec::from(*der)).collect();
        self.timestamp_authorities.push(Authority { certificates, validity });
        Ok(())
    }

    /// Reads a `trusted_root.json` of sigstore. Keys of algorithms that are not supported here make their logs *unsupported*.
    ///
    /// # Errors
    /// [`TrustError`] for anything that is not of that form, and for a log whose id is not that of its key.
    pub fn from_json(bytes: &[u8], provider: &CryptoProvider) -> Result<Self, TrustError> {
        let tree = document::json(FORMAT, bytes, MAX_BYTES)?;
        let document = Node::root(FORMAT, &tree);
        let fields = document.fields(&[
            "mediaType",
            "tlogs",
            "certificateAuthorities",
            "ctlogs",
            "timestampAuthorities",
        ])?;
        let media_type = fields.required("mediaType")?;
        let known = [
            "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "application/vnd.dev.sigstore.trustedroot.v0.2+json",
        ];
        if !known.contains(&media_type.text()?) {
            return Err(media_type.unexpected("a trusted root of version 0.1 or 0.2").into());
        }
        let list = |key| fields.optional(key).map_or_else(|| Ok(Vec::new()), |node| node.list());
        let mut root = Self::none();
        for node in list("tlogs")? {
            match read_log(&node, provider)? {
                Ok(log) => root.logs.push(log),
                Err(id) => root.unsupported_logs.push(id),
            }
        }
        for node in list("ctlogs")? {
            // A certificate needs one log that is known; others are passed over.
            root.certificate_logs.extend(read_log(&node, provider)?.ok());
        }
        for (key, authorities) in [
            ("certificateAuthorities", &mut root.authorities),
            ("timestampAuthorities", &mut root.timestamp_authorities),
        ] {
            for node in list(key)? {
                authorities.push(read_authority(&node)?);
            }
        }
        Ok(root)
    }
}

/// A log, or the id of one whose key is of an algorithm that is not supported.
fn read_log(node: &Node<'_>, provider: &CryptoProvider) -> Result<Result<Log, Vec<u8>>, TrustError> {
    let fields =
        node.fields(&["baseUrl", "hashAlgorithm", "publicKey", "logId", "checkpointKeyId", "operator"])?;
    let hash = fields.required("hashAlgorithm")?;
    if hash.text()? != "SHA2_256" {
        return Err(hash.unexpected("SHA2_256").into());
    }
    let id_node = fields.required("logId")?.fields(&["keyId"])?.required("keyId")?;
    let id = id_node.base64(64)?;
    let key = fields.required("publicKey")?.fields(&["rawBytes", "keyDetails", "validFor"])?;
    let validity = read_validity(&key.required("validFor")?)?;
    if key.required("keyDetails")?.text()? != "PKIX_ECDSA_P256_SHA_256" {
        return Ok(Err(id));
    }
    let key = VerifyingKey::from_der(&key.required("rawBytes")?.base64(MAX_ITEM)?)?;
    if key.id(provider)?.as_bytes() != id {
        return Err(id_node.unexpected("SHA-256 of the key").into());
    }
    let url = fields.required("baseUrl")?;
    let rest =
        url.text()?.strip_prefix("https://").ok_or_else(|| url.unexpected("an address with https://"))?;
    let name = rest.split(['/', ':']).next().unwrap_or_default().to_string();
    Ok(Ok(Log { name, key, validity }))
}

fn read_authority(node: &Node<'_>) -> Result<Authority, TrustError> {
    let fields = node.fields(&["subject", "uri", "certChain", "validFor", "operator"])?;
    let chain = fields.required("certChain")?.fields(&["certificates"])?.required("certificates")?;
    let mut certificates = Vec::new();
    for item in chain.some()? {
        let der = item.fields(&["rawBytes"])?.required("rawBytes")?.base64(MAX_ITEM)?;
        Certificate::parse(&der)?;
        certificates.push(der);
    }
    Ok(Authority { certificates, validity: read_validity(&fields.required("validFor")?)? })
}

fn read_validity(node: &Node<'_>) -> Result<Validity, FormError> {
    let fields = node.fields(&["start", "end"])?;
    let from = timestamp(&fields.required("start")?)?;
    let until = fields.optional("end").map(|end| timestamp(&end)).transpose()?;
    Ok(Validity { from, until: until.map_or(Limit::Any, Limit::To) })
}

/// RFC 3339 in UTC as protobuf writes it: a fraction of a second may stand there, and is cut off.
fn timestamp(node: &Node<'_>) -> Result<u64, FormError> {
    let text = node.text()?;
    let whole = match text.split_once('.') {
        Some((whole, fraction)) => {
            let digits = fraction.strip_suffix('Z').filter(|digits| (1..=9).contains(&digits.len()));
            let plain = digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
            plain.then(|| [whole, "Z"].concat())
        }
        None => Some(text.to_string()),
    };
    let time = whole.and_then(|whole| seconds(&whole));
    time.ok_or_else(|| node.unexpected("a time such as 2026-11-24T00:00:00Z"))
}
