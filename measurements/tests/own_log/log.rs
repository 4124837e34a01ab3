//! A transparency log and a signer of our own, whose every step can be bent.

use attest_core::crypto::CryptoProvider;
use attest_core::rules::Limit;
use attest_measurements::trust::{TrustRoot, Validity, VerifyingKey};
use base64ct::{Base64, Encoding as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};
use vectors_generate::sigstore::{head, proof};

use attest_core::crypto::HashAlgorithm::Sha256;

pub(crate) const ARTIFACT: &[u8] = b"what was signed";
pub(crate) const TIME: u64 = 1_780_000_000;
pub(crate) const NAME: &str = "log.example";

pub(crate) fn provider() -> &'static CryptoProvider {
    &attest_core::crypto::aws_lc_rs::PROVIDER
}

pub(crate) fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    provider().digest(Sha256, parts).expect("SHA-256").as_bytes().into()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub(crate) struct Key(SigningKey);

impl Key {
    pub(crate) fn new(octet: u8) -> Self {
        Self(SigningKey::from_slice(&[octet; 32]).expect("a scalar"))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(message);
        signature.as_bytes().into()
    }

    pub(crate) fn public(&self) -> VerifyingKey {
        VerifyingKey::from_pem(self.pem().as_bytes()).expect("a key")
    }

    pub(crate) fn pem(&self) -> String {
        p256::PublicKey::from(self.0.verifying_key()).to_public_key_pem(LineEnding::LF).expect("PEM")
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        self.public().id(provider()).expect("SHA-256").as_bytes().into()
    }
}

/// What a bundle is made of; each field may be bent before it is made.
pub(crate) struct Bundle {
    pub(crate) signer: Key,
    pub(crate) log: Key,
    pub(crate) artifact: Vec<u8>,
    pub(crate) body: Value,
    /// Whether the body is made from the other fields.
    pub(crate) own_body: bool,
    pub(crate) kind: (String, String),
    pub(crate) leaves: Vec<Vec<u8>>,
    pub(crate) index: usize,
    pub(crate) origin: String,
    pub(crate) name: String,
    pub(crate) time: u64,
    pub(crate) promise: bool,
}

impl Bundle {
    pub(crate) fn new() -> Self {
        Self {
            signer: Key::new(1),
            log: Key::new(2),
            artifact: ARTIFACT.into(),
            body: Value::Null,
            own_body: false,
            kind: ("hashedrekord".into(), "0.0.1".into()),
            leaves: (0..11_u8).map(|leaf| vec![leaf; 3]).collect(),
            index: 6,
            origin: format!("{NAME} - 42"),
            name: NAME.into(),
            time: TIME,
            promise: true,
        }
    }

    pub(crate) fn signature(&self) -> Vec<u8> {
        self.signer.sign(&self.artifact)
    }

    pub(crate) fn standard_body(&self) -> Value {
        json!({
            "apiVersion": "0.0.1", "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": vectors::hex(&sha256(&[&self.artifact]))}},
                "signature": {"content": encode(&self.signature()), "publicKey": {"content": encode(self.signer.pem().as_bytes())}},
            },
        })
    }

    pub(crate) fn checkpoint(&self, size: usize, root: &[u8]) -> String {
        let text = format!("{}\n{size}\n{}\n", self.origin, encode(root));
        let signature = self.log.sign(text.as_bytes());
        let line = encode(&[&self.log.id()[..4], &signature].concat());
        format!("{text}\n\u{2014} {} {line}\n", self.name)
    }

    pub(crate) fn entry(&self) -> Value {
        let body = if self.own_body { self.body.clone() } else { self.standard_body() };
        let body = body.to_string();
        let mut leaves: Vec<Vec<u8>> = self.leaves.iter().map(|leaf| sha256(&[&[0], leaf])).collect();
        leaves[self.index] = sha256(&[&[0], body.as_bytes()]);
        let root = head(&leaves);
        let mut entry = json!({
            "logIndex": "1007", "logId": {"keyId": encode(&self.log.id())},
            "kindVersion": {"kind": self.kind.0, "version": self.kind.1},
            "integratedTime": self.time.to_string(),
            "inclusionProof": {
                "logIndex": self.index.to_string(), "treeSize": leaves.len().to_string(), "rootHash": encode(&root),
                "hashes": proof(&leaves, self.index).iter().map(|hash| encode(hash)).collect::<Vec<_>>(),
                "checkpoint": {"envelope": self.checkpoint(leaves.len(), &root)},
            },
            "canonicalizedBody": encode(body.as_bytes()),
        });
        if self.promise {
            let promised = format!(
                r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":1007}}"#,
                encode(body.as_bytes()),
                self.time,
                vectors::hex(&self.log.id())
            );
            entry["inclusionPromise"] =
                json!({"signedEntryTimestamp": encode(&self.log.sign(promised.as_bytes()))});
        }
        entry
    }

    pub(crate) fn make(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": "any"}, "tlogEntries": [self.entry()]},
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": encode(&sha256(&[&self.artifact]))},
                "signature": encode(&self.signature()),
            },
        })
    }
}

pub(crate) fn root_with(log: &Key) -> TrustRoot {
    let mut root = TrustRoot::none();
    root.add_log(NAME, log.public(), Validity::new(TIME - 100, Limit::To(TIME + 100)));
    root
}
