//! Sigstore of a test PKI: a transparency log, an authority for short certificates with its own log, a timestamp authority, and
//! bundles that they witness. Every step can be bent.

use serde_json::{Value, json};

use crate::der_out::{base64, pem};
use crate::keys::P256Key;
use crate::sign::{Hash, Scheme, Signer};
use crate::{CertSpec, time};

mod cases;
mod certificate;
mod timestamp;

pub use cases::files;
pub use certificate::{IDENTITY, ISSUER, authorities, leaf, logged};
pub use timestamp::{TimestampSpec, timestamp_authority};

/// What is signed.
pub const ARTIFACT: &[u8] = b"reference values of a node\n";
/// When it is signed.
pub const MADE: &str = "2026-01-01T00:00:03Z";
/// How checkpoints call the log.
pub const LOG: &str = "log.test";
/// When everybody of the root began.
const BEGAN: &str = "2025-01-01T00:00:00Z";
/// The number of the entry over all shards of the log.
const GLOBAL_INDEX: u64 = 1007;

/// The key of managed bundles.
pub fn signing_key() -> P256Key {
    P256Key::from_label("signer.test")
}

/// The key of the transparency log.
pub fn log_key() -> P256Key {
    P256Key::from_label(LOG)
}

/// The key of the certificate log.
pub fn certificate_log_key() -> P256Key {
    P256Key::from_label("certificates.test")
}

/// ECDSA with SHA-256 in DER.
pub(crate) fn sign(key: &P256Key, message: &[u8]) -> Vec<u8> {
    Signer::from(key).sign(Scheme::EcdsaP256, message)
}

pub(crate) fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    Hash::Sha256.digest(&parts.concat())
}

/// SHA-256 of the SubjectPublicKeyInfo: the id of a log.
pub(crate) fn id(key: &P256Key) -> Vec<u8> {
    sha256(&[&key.spki()])
}

/// A bundle before it is made.
#[derive(Clone, Debug)]
pub struct BundleSpec {
    /// What is signed.
    pub artifact: Vec<u8>,
    /// Who signs.
    pub signer: P256Key,
    /// The signer's certificate, with its key; `None` for a managed key.
    pub certificate: Option<CertSpec>,
    /// Whether a statement about the artifact is signed in its place.
    pub enveloped: bool,
    /// What kind of statement it claims to be.
    pub statement: &'static str,
    /// Who keeps the log.
    pub log: P256Key,
    /// First line of the checkpoint.
    pub origin: String,
    /// Leaves of the tree; that of the entry is replaced.
    pub leaves: Vec<Vec<u8>>,
    /// Which leaf is the entry.
    pub index: usize,
    /// When the log says that it took the entry, in Unix seconds.
    pub time: u64,
    /// Whether the log signed that.
    pub promise: bool,
    /// A timestamp of the signature.
    pub timestamp: Option<TimestampSpec>,
    /// The body of the entry, where it is not the true one.
    pub body: Option<String>,
    /// Kind and version of the entry, as the bundle says.
    pub kind: Option<(&'static str, &'static str)>,
}

impl BundleSpec {
    /// What `cosign sign-blob --key` makes: a promise of the log, and no timestamp.
    pub fn managed() -> Self {
        Self {
            artifact: ARTIFACT.into(),
            signer: signing_key(),
            certificate: None,
            enveloped: false,
            statement: "https://in-toto.io/Statement/v1",
            log: log_key(),
            origin: format!("{LOG} - 42"),
            leaves: (0..11_u8).map(|leaf| vec![leaf; 3]).collect(),
            index: 6,
            time: time::unix(MADE),
            promise: true,
            timestamp: None,
            body: None,
            kind: None,
        }
    }

    /// The same with a certificate for ten minutes.
    pub fn keyless() -> Self {
        let (leaf, signer) = leaf();
        Self { signer, certificate: Some(logged(&leaf, &certificate_log_key())), ..Self::managed() }
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The timestamp in place of the log's promise.
    pub fn stamped(self) -> Self {
        Self { promise: false, timestamp: Some(TimestampSpec::new()), ..self }
    }

    fn statement(&self) -> String {
        json!({
            "_type": self.statement,
            "predicate": {},
            "predicateType": "https://example.test/predicate",
            "subject": [{"digest": {"sha256": hex(&sha256(&[&self.artifact]))}, "name": "values"}],
        })
        .to_string()
    }

    /// What the signature is over (DSSE v1.0.2 for a statement).
    fn message(&self) -> Vec<u8> {
        match self.enveloped {
            false => self.artifact.clone(),
            true => {
                let (kind, statement) = (STATEMENT_TYPE, self.statement());
                format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len()).into_bytes()
            }
        }
    }

    /// The signature, in DER.
    pub fn signature(&self) -> Vec<u8> {
        sign(&self.signer, &self.message())
    }

    fn verifier_pem(&self) -> String {
        match &self.certificate {
            None => pem("PUBLIC KEY", &self.signer.spki()),
            Some(certificate) => pem("CERTIFICATE", &certificate.build()),
        }
    }

    /// The true body of the entry.
    pub fn true_body(&self) -> Value {
        let (signature, verifier) = (base64(&self.signature()), base64(self.verifier_pem().as_bytes()));
        let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex(&sha256(&[bytes]))});
        match self.enveloped {
            false => json!({
                "apiVersion": "0.0.1",
                "kind": "hashedrekord",
                "spec": {
                    "data": {"hash": hash(&self.artifact)},
                    "signature": {"content": signature, "publicKey": {"content": verifier}},
                },
            }),
            true => json!({
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": hash(self.envelope().to_string().as_bytes()),
                    "payloadHash": hash(self.statement().as_bytes()),
                    "signatures": [{"signature": signature, "verifier": verifier}],
                },
            }),
        }
    }

    fn envelope(&self) -> Value {
        json!({
            "payload": base64(self.statement().as_bytes()),
            "payloadType": STATEMENT_TYPE,
            "signatures": [{"sig": base64(&self.signature())}],
        })
    }

    /// A head of the log's tree as a signed note.
    pub fn checkpoint(&self, size: usize, root: &[u8]) -> String {
        let text = format!("{}\n{size}\n{}\n", self.origin, base64(root));
        let line = base64(&[&id(&self.log)[..4], &sign(&self.log, text.as_bytes())].concat());
        format!("{text}\n\u{2014} {LOG} {line}\n")
    }

    /// The entry of the log.
    pub fn entry(&self) -> Value {
        let body = self.body.clone().unwrap_or_else(|| self.true_body().to_string());
        let mut leaves: Vec<Vec<u8>> = self.leaves.iter().map(|leaf| sha256(&[&[0], leaf])).collect();
        leaves[self.index] = sha256(&[&[0], body.as_bytes()]);
        let root = head(&leaves);
        let hashes: Vec<String> = proof(&leaves, self.index).iter().map(|hash| base64(hash)).collect();
        let own = if self.enveloped { ("dsse", "0.0.1") } else { ("hashedrekord", "0.0.1") };
        let (kind, version) = self.kind.unwrap_or(own);
        let mut entry = json!({
            "canonicalizedBody": base64(body.as_bytes()),
            "inclusionProof": {
                "checkpoint": {"envelope": self.checkpoint(leaves.len(), &root)},
                "hashes": hashes,
                "logIndex": self.index.to_string(),
                "rootHash": base64(&root),
                "treeSize": leaves.len().to_string(),
            },
            "kindVersion": {"kind": kind, "version": version},
            "logId": {"keyId": base64(&id(&self.log))},
            "logIndex": GLOBAL_INDEX.to_string(),
        });
        if self.promise {
            let promised = format!(
                r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{GLOBAL_INDEX}}}"#,
                base64(body.as_bytes()),
                self.time,
                hex(&id(&self.log)),
            );
            entry["integratedTime"] = self.time.to_string().into();
            entry["inclusionPromise"] =
                json!({"signedEntryTimestamp": base64(&sign(&self.log, promised.as_bytes()))});
        }
        entry
    }

    /// The bundle.
    pub fn make(&self) -> Value {
        let signature = self.signature();
        let mut material = json!({"tlogEntries": [self.entry()]});
        match &self.certificate {
            None => material["publicKey"] = json!({"hint": base64(&id(&self.signer))}),
            Some(certificate) => material["certificate"] = json!({"rawBytes": base64(&certificate.build())}),
        }
        if let Some(timestamp) = &self.timestamp {
            material["timestampVerificationData"] = json!({
                "rfc3161Timestamps": [{"signedTimestamp": base64(&timestamp.make(&signature))}],
            });
        }
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
        });
        match self.enveloped {
            true => bundle["dsseEnvelope"] = self.envelope(),
            false => {
                bundle["messageSignature"] = json!({
                    "messageDigest": {"algorithm": "SHA2_256", "digest": base64(&sha256(&[&self.artifact]))},
                    "signature": base64(&signature),
                });
            }
        }
        bundle
    }
}

const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

/// `trusted_root.json` with everybody in it.
pub fn trusted_root() -> Value {
    let log = |url: &str, key: &P256Key| {
        json!({
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "logId": {"keyId": base64(&id(key))},
            "publicKey": {
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "rawBytes": base64(&key.spki()),
                "validFor": {"start": BEGAN},
            },
        })
    };
    let authority = |uri: &str, chain: &[CertSpec]| {
        let certificates: Vec<Value> =
            chain.iter().map(|spec| json!({"rawBytes": base64(&spec.build())})).collect();
        json!({
            "certChain": {"certificates": certificates},
            "subject": {"commonName": uri, "organization": "test"},
            "uri": format!("https://{uri}"),
            "validFor": {"start": BEGAN},
        })
    };
    json!({
        "certificateAuthorities": [authority("authority.test", &authorities())],
        "ctlogs": [log("https://certificates.test", &certificate_log_key())],
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "timestampAuthorities": [authority("time.test", &timestamp_authority())],
        "tlogs": [log(&format!("https://{LOG}"), &log_key())],
    })
}

/// The head of a tree (RFC 9162, 2.1.1).
pub fn head(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => sha256(&[]),
        [one] => one.clone(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            sha256(&[&[1], &head(left), &head(right)])
        }
    }
}

/// The path of a leaf (RFC 9162, 2.1.3.1).
pub fn proof(leaves: &[Vec<u8>], index: usize) -> Vec<Vec<u8>> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut path, other) = match index < at {
        true => (proof(left, index), head(right)),
        false => (proof(right, index - at), head(left)),
    };
    path.push(other);
    path
}

/// The largest power of two that is smaller.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn hex(bytes: &[u8]) -> String {
    vectors::hex(bytes)
}
