//! Sigstore bundles of version 0.3, verified offline.
//!
//! 1. The bundle has the kind of signer that was asked for: a key, or a certificate.
//! 2. What was signed is the artifact, or a statement about it.
//! 3. The signature verifies.
//! 4. Every log entry is about this signature, and a log of the root has it. There is at least one.
//! 5. Every timestamp is about this signature, if the root has timestamp authorities. Without, none counts.
//! 6. Somebody of the root vouches for a time. No such time is in the future, and the logs' keys were in use.
//! 7. A certificate was issued, logged and valid at each of these times, and names the signer that was asked for.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use attest_core::UnixTime;
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::values::Digest;
use attest_core::x509::Certificate;

use super::certificate::{self, Identity};
use super::entry::{Entry, MAX_SIGNATURE, Subject, Verifier};
use super::root::TrustRoot;
use super::timestamp::{self, MAX_RESPONSE};
use super::{MAX_SKEW, Step, TrustError, Trusted, VerifyingKey};
use crate::document::{self, MAX_BYTES, Node};
use crate::error::{FormError, FormProblem};

const FORMAT: &str = "sigstore bundle";
const STATEMENT: &str = "in-toto statement";

/// The most log entries, and the most timestamps.
const MAX_WITNESSES: usize = 8;

/// The largest certificate in a bundle, in bytes.
const MAX_CERTIFICATE: usize = 16 * 1024;

/// Media types of bundles of version 0.3: as it is written, and as drafts wrote it.
const MEDIA_TYPES: [&str; 2] =
    ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"];

/// Who must have signed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Signer<'a> {
    /// Somebody whom an authority of the root vouches for.
    Identity(&'a Identity),
    /// The holder of this key.
    Key(&'a VerifyingKey),
}

/// Verifies that `signer` signed `artifact` and that a log of `root` has it.
///
/// # Errors
/// [`TrustError`], with the step.
pub fn verify<'a>(
    bundle: &[u8],
    artifact: &'a [u8],
    signer: Signer<'_>,
    root: &TrustRoot,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Result<Trusted<'a>, TrustError> {
    let bundle = Bundle::read(bundle)?;
    // 1.
    let certificate = match (&bundle.material, signer) {
        (Material::Certificate(der), Signer::Identity(identity)) => {
            Some((Certificate::parse(der)?, identity))
        }
        (Material::Key, Signer::Key(_)) => None,
        (Material::Certificate(_), Signer::Key(_)) => {
            return Err(TrustError::refused(Step::Identity, "a certificate, where a key was asked for"));
        }
        (Material::Key, Signer::Identity(_)) => {
            return Err(TrustError::refused(Step::Identity, "a key, where a certificate was asked for"));
        }
    };
    let of_certificate =
        certificate.as_ref().map(|(leaf, _)| VerifyingKey::from_der(leaf.spki())).transpose()?;
    let (key, verifier) = match (signer, &certificate, &of_certificate) {
        (_, Some((leaf, _)), Some(key)) => (key, Verifier::Certificate(leaf.as_der())),
        (Signer::Key(key), _, _) => (key, Verifier::Key(key.as_der())),
        (Signer::Identity(_), _, _) => return Err(TrustError::refused(Step::Identity, "no certificate")),
    };
    // 2.
    let digest = provider.digest(HashAlgorithm::Sha256, &[artifact])?;
    let (message, digest) = bundle.content.signed(artifact, digest, provider)?;
    // 3.
    let signature = bundle.content.signature();
    key.verify(Step::Signature, &message, signature, provider)?;
    // 4.
    let enveloped = matches!(bundle.content, Content::Envelope { .. });
    let subject = Subject { digest, enveloped, signature, verifier };
    let mut logged = Vec::new();
    for entry in &bundle.entries {
        logged.push(entry.verify(&subject, root, provider)?);
    }
    if logged.is_empty() {
        return Err(TrustError::refused(Step::LogEntry, "none"));
    }
    // 5.
    let mut times: Vec<u64> = logged.iter().filter_map(|logged| logged.time).collect();
    if !root.timestamp_authorities.is_empty() {
        for response in &bundle.timestamps {
            times.push(timestamp::verify(response, signature, root, provider)?);
        }
    }
    // 6.
    let Some(earliest) = times.iter().min().copied() else {
        return Err(TrustError::refused(Step::Time, "nobody of the root vouches for one"));
    };
    for time in &times {
        if *time > now.as_secs().saturating_add(MAX_SKEW) {
            return Err(TrustError::refused(Step::Time, format!("{time}, which is after {}", now.as_secs())));
        }
        if !logged.iter().all(|logged| logged.validity.holds_at(*time)) {
            return Err(TrustError::refused(Step::Log, format!("its key was not in use at {time}")));
        }
    }
    // 7.
    if let Some((leaf, identity)) = &certificate {
        certificate::verify(leaf, &times, identity, root, provider)?;
    }
    Ok(Trusted::assertion(artifact, Some(earliest)))
}

struct Bundle {
    material: Material,
    entries: Vec<Entry>,
    timestamps: Vec<Vec<u8>>,
    content: Content,
}

enum Material {
    Certificate(Vec<u8>),
    /// Whose hint is nobody's word, and is not looked at.
    Key,
}

enum Content {
    /// A signature over a statement.
    Envelope { kind: String, payload: Vec<u8>, signature: Vec<u8> },
    /// A signature over the artifact.
    Message { digest: Vec<u8>, signature: Vec<u8> },
}

impl Bundle {
    fn read(bytes: &[u8]) -> Result<Self, FormError> {
        let tree = document::json(FORMAT, bytes, MAX_BYTES)?;
        let root = Node::root(FORMAT, &tree);
        let fields =
            root.fields(&["mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"])?;
        let media_type = fields.required("mediaType")?;
        if !MEDIA_TYPES.contains(&media_type.text()?) {
            return Err(media_type.unexpected("a bundle of version 0.3"));
        }
        let node = fields.required("verificationMaterial")?;
        let material =
            node.fields(&["publicKey", "certificate", "tlogEntries", "timestampVerificationData"])?;
        let content = match (fields.optional("messageSignature"), fields.optional("dsseEnvelope")) {
            (Some(message), None) => read_message(&message)?,
            (None, Some(envelope)) => read_envelope(&envelope)?,
            _ => return Err(root.unexpected("either messageSignature or dsseEnvelope")),
        };
        let signer = match (material.optional("publicKey"), material.optional("certificate")) {
            (Some(key), None) => key.fields(&["hint"]).map(|_| Material::Key)?,
            (None, Some(certificate)) => {
                let der = certificate.fields(&["rawBytes"])?.required("rawBytes")?;
                Material::Certificate(der.base64(MAX_CERTIFICATE)?)
            }
            _ => return Err(node.unexpected("either publicKey or certificate")),
        };
        let entries = match material.optional("tlogEntries") {
            None => Vec::new(),
            Some(list) => bounded(&list)?.iter().map(Entry::read).collect::<Result<_, _>>()?,
        };
        let timestamps = match material.optional("timestampVerificationData") {
            None => None,
            Some(data) => data.fields(&["rfc3161Timestamps"])?.optional("rfc3161Timestamps"),
        };
        let timestamps = match timestamps {
            None => Vec::new(),
            Some(list) => {
                let read = |node: &Node<'_>| {
                    node.fields(&["signedTimestamp"])?.required("signedTimestamp")?.base64(MAX_RESPONSE)
                };
                bounded(&list)?.iter().map(read).collect::<Result<_, _>>()?
            }
        };
        Ok(Self { material: signer, entries, timestamps, content })
    }
}

fn bounded<'t>(list: &Node<'t>) -> Result<Vec<Node<'t>>, FormError> {
    match list.list()? {
        items if items.len() > MAX_WITNESSES => {
            let problem =
                FormProblem::TooLarge { what: "witnesses", max: MAX_WITNESSES, actual: items.len() };
            Err(list.error(problem))
        }
        items => Ok(items),
    }
}

fn read_message(node: &Node<'_>) -> Result<Content, FormError> {
    let fields = node.fields(&["messageDigest", "signature"])?;
    let digest = fields.required("messageDigest")?.fields(&["algorithm", "digest"])?;
    let algorithm = digest.required("algorithm")?;
    if algorithm.text()? != "SHA2_256" {
        return Err(algorithm.unexpected("SHA2_256"));
    }
    Ok(Content::Message {
        digest: digest.required("digest")?.base64(64)?,
        signature: fields.required("signature")?.base64(MAX_SIGNATURE)?,
    })
}

fn read_envelope(node: &Node<'_>) -> Result<Content, FormError> {
    let fields = node.fields(&["payload", "payloadType", "signatures"])?;
    let kind = fields.required("payloadType")?;
    if kind.text()? != "application/vnd.in-toto+json" {
        return Err(kind.unexpected("application/vnd.in-toto+json"));
    }
    let list = fields.required("signatures")?;
    let signatures = list.some()?;
    let [one] = signatures.as_slice() else { return Err(list.unexpected("one signature")) };
    let signature = one.fields(&["sig", "keyid"])?.required("sig")?;
    Ok(Content::Envelope {
        kind: kind.text()?.into(),
        payload: fields.required("payload")?.base64(MAX_BYTES)?,
        signature: signature.base64(MAX_SIGNATURE)?,
    })
}

impl Content {
    fn signature(&self) -> &[u8] {
        match self {
            Self::Envelope { signature, .. } | Self::Message { signature, .. } => signature,
        }
    }

    /// The bytes that were signed, and the digest that the log has, once it is known that they are about the artifact.
    fn signed(
        &self,
        artifact: &[u8],
        of_artifact: Digest,
        provider: &CryptoProvider,
    ) -> Result<(Vec<u8>, Digest), TrustError> {
        match self {
            Self::Message { digest, .. } if digest != of_artifact.as_bytes() => {
                Err(TrustError::refused(Step::ArtifactDigest, "that of another artifact"))
            }
            Self::Message { .. } => Ok((artifact.into(), of_artifact)),
            Self::Envelope { kind, payload, .. } => {
                names(payload, &of_artifact)?;
                let digest = provider.digest(HashAlgorithm::Sha256, &[payload])?;
                Ok((pre_authentication_encoding(kind, payload), digest))
            }
        }
    }
}

/// What DSSE signs (DSSE v1.0.2, protocol).
fn pre_authentication_encoding(kind: &str, payload: &[u8]) -> Vec<u8> {
    let front = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [front.as_bytes(), payload].concat()
}

/// Whether a statement of in-toto has the artifact among its subjects.
fn names(payload: &[u8], digest: &Digest) -> Result<(), TrustError> {
    let tree = document::json(STATEMENT, payload, MAX_BYTES)?;
    let root = Node::root(STATEMENT, &tree);
    let fields = root.fields(&["_type", "subject", "predicateType", "predicate"])?;
    let kind = fields.required("_type")?;
    let known = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
    if !known.contains(&kind.text()?) {
        return Err(kind.unexpected("a statement of in-toto").into());
    }
    for subject in fields.required("subject")?.some()? {
        let subject = subject.fields(&[
            "name",
            "digest",
            "uri",
            "content",
            "downloadLocation",
            "mediaType",
            "annotations",
        ])?;
        for (algorithm, value) in subject.required("digest")?.entries()? {
            if algorithm == "sha256"
                && document::hex(value.text()?).is_some_and(|hash| hash == digest.as_bytes())
            {
                return Ok(());
            }
        }
    }
    Err(TrustError::refused(Step::Statement, "it is about other artifacts"))
}
