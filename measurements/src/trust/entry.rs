//! One entry of a transparency log, as a bundle carries it: that the log has it, and that it is about this signature.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use attest_core::crypto::CryptoProvider;
use attest_core::values::{Digest, Hex};

use super::checkpoint::Checkpoint;
use super::key::decode_pem;
use super::root::{TrustRoot, Validity};
use super::{Step, TrustError, merkle};
use crate::document::{self, Node, to_base64};
use crate::error::FormError;

const BODY: &str = "log entry";

/// The largest body, in bytes. Those with a certificate have some 5 KiB.
const MAX_BODY: usize = 64 * 1024;

/// The longest signature in a bundle, in bytes.
pub(super) const MAX_SIGNATURE: usize = 1024;

/// What an entry must be about.
pub(super) struct Subject<'a> {
    /// SHA-256 of the artifact, or of the payload of an envelope.
    pub(super) digest: Digest,
    /// Whether the signature is over an envelope.
    pub(super) enveloped: bool,
    pub(super) signature: &'a [u8],
    pub(super) verifier: Verifier<'a>,
}

/// What verifies the signature.
#[derive(Clone, Copy)]
pub(super) enum Verifier<'a> {
    /// A certificate in DER.
    Certificate(&'a [u8]),
    /// A SubjectPublicKeyInfo in DER.
    Key(&'a [u8]),
}

/// An entry that was believed.
pub(super) struct Logged {
    /// When the log took it, in Unix seconds, if it signed that.
    pub(super) time: Option<u64>,
    /// When the log's key was in use.
    pub(super) validity: Validity,
}

pub(super) struct Entry {
    index: u64,
    log: Vec<u8>,
    kind: String,
    version: String,
    /// Signed by [`Entry::promise`] alone.
    time: u64,
    promise: Option<Vec<u8>>,
    proof: Proof,
    body: Vec<u8>,
}

struct Proof {
    index: u64,
    size: u64,
    root: Vec<u8>,
    hashes: Vec<Vec<u8>>,
    checkpoint: String,
}

impl Entry {
    /// Reads TransparencyLogEntry. Protobuf leaves numbers out that are zero.
    pub(super) fn read(node: &Node<'_>) -> Result<Self, FormError> {
        let fields = node.fields(&[
            "logIndex",
            "logId",
            "kindVersion",
            "integratedTime",
            "inclusionPromise",
            "inclusionProof",
            "canonicalizedBody",
        ])?;
        let number = |key| fields.optional(key).map_or(Ok(0), |node| node.int64());
        let kind = fields.required("kindVersion")?.fields(&["kind", "version"])?;
        let promise = fields.optional("inclusionPromise").map(|node| {
            node.fields(&["signedEntryTimestamp"])?.required("signedEntryTimestamp")?.base64(MAX_SIGNATURE)
        });
        Ok(Self {
            index: number("logIndex")?,
            log: fields.required("logId")?.fields(&["keyId"])?.required("keyId")?.base64(64)?,
            kind: kind.required("kind")?.name()?.into(),
            version: kind.required("version")?.name()?.into(),
            time: number("integratedTime")?,
            promise: promise.transpose()?,
            proof: Proof::read(&fields.required("inclusionProof")?)?,
            body: fields.required("canonicalizedBody")?.base64(MAX_BODY)?,
        })
    }

    /// Proves that a log of the root has this entry, and that it is about `subject`.
    pub(super) fn verify(
        &self,
        subject: &Subject<'_>,
        root: &TrustRoot,
        provider: &CryptoProvider,
    ) -> Result<Logged, TrustError> {
        self.verify_body(subject)?;
        if root.unsupported_logs.contains(&self.log) {
            return Err(TrustError::unsupported(Step::Log, "the algorithm of its key"));
        }
        for log in &root.logs {
            if log.key.id(provider)?.as_bytes() != self.log {
                continue;
            }
            let checkpoint = Checkpoint::verify(&self.proof.checkpoint, log, provider)?;
            self.proof.verify(&self.body, &checkpoint, provider)?;
            let time = match &self.promise {
                None => None,
                Some(promise) => {
                    let signed = self.promised();
                    log.key.verify(Step::Promise, signed.as_bytes(), promise, provider)?;
                    Some(self.time)
                }
            };
            return Ok(Logged { time, validity: log.validity });
        }
        Err(TrustError::refused(Step::Log, format!("{} is not in the root", Hex(&self.log))))
    }

    /// What a signed entry timestamp is over: canonical JSON (RFC 8785) of four fields.
    fn promised(&self) -> String {
        format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            to_base64(&self.body),
            self.time,
            Hex(&self.log),
            self.index
        )
    }

    fn verify_body(&self, subject: &Subject<'_>) -> Result<(), TrustError> {
        let tree = document::json(BODY, &self.body, MAX_BODY)?;
        let root = Node::root(BODY, &tree);
        let fields = root.fields(&["apiVersion", "kind", "spec"])?;
        for (key, outside) in [("kind", &self.kind), ("apiVersion", &self.version)] {
            let node = fields.required(key)?;
            if node.text()? != outside {
                return Err(TrustError::refused(
                    Step::LogEntry,
                    format!("{key} differs from that of the bundle"),
                ));
            }
        }
        let spec = fields.required("spec")?;
        match (self.kind.as_str(), self.version.as_str(), subject.enveloped) {
            ("hashedrekord", "0.0.1", false) => hashed_record(&spec, subject),
            ("dsse", "0.0.1", true) => envelope(&spec, subject),
            ("hashedrekord", "0.0.1", true) | ("dsse", "0.0.1", false) => {
                Err(TrustError::refused(Step::LogEntry, "of another kind than what was signed"))
            }
            ("hashedrekord" | "dsse", "0.0.2", _) => Err(TrustError::unsupported(
                Step::LogEntry,
                "an entry of Rekor v2, whose logs have Ed25519 keys and sign no time",
            )),
            (kind, version, _) => Err(TrustError::unsupported(
                Step::LogEntry,
                format!("{} {}", crate::error::shown(kind), crate::error::shown(version)),
            )),
        }
    }
}

impl Proof {
    fn read(node: &Node<'_>) -> Result<Self, FormError> {
        let fields = node.fields(&["logIndex", "rootHash", "treeSize", "hashes", "checkpoint"])?;
        let hashes = fields.optional("hashes").map_or_else(|| Ok(Vec::new()), |list| list.list())?;
        let checkpoint = fields.required("checkpoint")?.fields(&["envelope"])?.required("envelope")?;
        Ok(Self {
            index: fields.optional("logIndex").map_or(Ok(0), |node| node.int64())?,
            size: fields.required("treeSize")?.int64()?,
            root: fields.required("rootHash")?.base64(64)?,
            hashes: hashes
                .iter()
                .take(merkle::MAX_PROOF.saturating_add(1))
                .map(|hash| hash.base64(32))
                .collect::<Result<_, _>>()?,
            checkpoint: checkpoint.name()?.into(),
        })
    }

    fn verify(
        &self,
        body: &[u8],
        checkpoint: &Checkpoint,
        provider: &CryptoProvider,
    ) -> Result<(), TrustError> {
        if (checkpoint.size, &checkpoint.root) != (self.size, &self.root) {
            return Err(TrustError::refused(Step::Checkpoint, "of another tree than the proof's"));
        }
        let leaf = merkle::leaf(body, provider)?;
        merkle::verify_inclusion(leaf.as_bytes(), self.index, self.size, &self.hashes, &self.root, provider)
            .map_err(|error| match error {
                merkle::ProofError::Unsupported(error) => error.into(),
                error @ (merkle::ProofError::Root | merkle::ProofError::Shape) => {
                    TrustError::refused(Step::InclusionProof, format!("{error}"))
                }
            })
    }
}

/// hashedrekord 0.0.1: digest of the artifact, signature, key or certificate in PEM.
fn hashed_record(spec: &Node<'_>, subject: &Subject<'_>) -> Result<(), TrustError> {
    let fields = spec.fields(&["data", "signature"])?;
    let hash = fields.required("data")?.fields(&["hash"])?.required("hash")?;
    same_hash(&hash, &subject.digest, "another artifact")?;
    let signature = fields.required("signature")?.fields(&["content", "publicKey"])?;
    let content = signature.required("content")?.base64(MAX_SIGNATURE)?;
    let key = signature.required("publicKey")?.fields(&["content"])?.required("content")?;
    same_signature(&content, &key.base64(MAX_BODY)?, subject)
}

/// dsse 0.0.1: digests of envelope and payload, and each signature with its certificate. The digest of the envelope is over a
/// text that the bundle does not carry; payload and signature are all that the envelope has.
fn envelope(spec: &Node<'_>, subject: &Subject<'_>) -> Result<(), TrustError> {
    let fields = spec.fields(&["envelopeHash", "payloadHash", "signatures"])?;
    same_hash(&fields.required("payloadHash")?, &subject.digest, "another payload")?;
    let list = fields.required("signatures")?.some()?;
    let [one] = list.as_slice() else {
        return Err(TrustError::refused(Step::LogEntry, format!("{} signatures", list.len())));
    };
    let signature = one.fields(&["signature", "verifier"])?;
    let content = signature.required("signature")?.base64(MAX_SIGNATURE)?;
    same_signature(&content, &signature.required("verifier")?.base64(MAX_BODY)?, subject)
}

fn same_hash(node: &Node<'_>, digest: &Digest, other: &'static str) -> Result<(), TrustError> {
    let fields = node.fields(&["algorithm", "value"])?;
    let algorithm = fields.required("algorithm")?;
    if algorithm.text()? != "sha256" {
        return Err(algorithm.unexpected("sha256").into());
    }
    match document::hex(fields.required("value")?.text()?) {
        Some(value) if value == digest.as_bytes() => Ok(()),
        _ => Err(TrustError::refused(Step::LogEntry, format!("about {other}"))),
    }
}

fn same_signature(content: &[u8], pem: &[u8], subject: &Subject<'_>) -> Result<(), TrustError> {
    if content != subject.signature {
        return Err(TrustError::refused(Step::LogEntry, "about another signature"));
    }
    let (label, verifier) = match subject.verifier {
        Verifier::Certificate(der) => ("CERTIFICATE", der),
        Verifier::Key(spki) => ("PUBLIC KEY", spki),
    };
    match decode_pem(pem, label, Step::LogEntry)? == verifier {
        true => Ok(()),
        false => Err(TrustError::refused(Step::LogEntry, "about another key")),
    }
}
