//! Our own format: a `manifest.json` beside a folder of blobs. One case is one question with its answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What the `format` key of a manifest of ours says.
pub const FORMAT: &str = "attestrap-vectors/1";

/// The manifest.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// What the set is, in one sentence.
    pub about: String,
    /// The evidence format of all cases.
    pub tee: String,
    /// The roots that a verifier of this set trusts.
    pub roots: Vec<Anchor>,
    /// The intermediates that it knows beside them.
    pub intermediates: Vec<Anchor>,
    /// Attestation keys that it pins: names, or SHA-256 digests of SubjectPublicKeyInfos, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Signers of register policies that it trusts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pcr_signers: Vec<PcrSigner>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A certificate authority of a test PKI.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Product line.
    pub line: String,
    /// Blob with the certificate in DER.
    pub file: String,
}

/// A key that signs register policies, and what it is said to have signed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PcrSigner {
    /// Blob with the SubjectPublicKeyInfo.
    pub spki: String,
    /// Blob with the document, in systemd's form.
    pub signatures: String,
}

/// One question with its answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique id.
    pub id: String,
    /// The check that this case is about: it must trip it, or, if the case passes, satisfy it.
    pub check: String,
    /// What is wrong, or why nothing is.
    pub why: String,
    /// Blob that is offered as evidence.
    pub evidence: String,
    /// Blobs that are added to the store, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub store: Vec<String>,
    /// Time of verification in Unix seconds.
    pub now: u64,
    /// What the caller expects evidence to commit to, in hexadecimal: report data of 64 bytes, or a nonce; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_data: Option<String>,
    /// Rules that differ from `policies/any.toml`, by dotted path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policy: BTreeMap<String, serde_json::Value>,
    /// The exit code of the command line: 0 accepted, 10 rejected, 11 untrusted, 12 missing, 20 unsupported, 30 malformed.
    pub exit: u8,
    /// Other checks that may fail along with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// A set, read.
#[derive(Clone, Debug)]
pub struct Set {
    dir: PathBuf,
    /// The manifest.
    pub manifest: Manifest,
}

impl Set {
    /// Reads the set in `dir`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(dir: &Path) -> Result<Self, String> {
        let path = dir.join("manifest.json");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { dir: dir.to_path_buf(), manifest })
    }

    /// The generated Nitro set of this source tree.
    ///
    /// # Errors
    /// As [`Set::read`].
    pub fn nitro() -> Result<Self, String> {
        Self::read(&crate::folder("nitro"))
    }

    /// The generated SNP set of this source tree.
    ///
    /// # Errors
    /// As [`Set::read`].
    pub fn snp() -> Result<Self, String> {
        Self::read(&crate::folder("snp"))
    }

    /// The generated TDX set of this source tree.
    ///
    /// # Errors
    /// As [`Set::read`].
    pub fn tdx() -> Result<Self, String> {
        Self::read(&crate::folder("tdx"))
    }

    /// The generated TPM set of this source tree.
    ///
    /// # Errors
    /// As [`Set::read`].
    pub fn vtpm() -> Result<Self, String> {
        Self::read(&crate::folder("vtpm"))
    }

    /// A blob's bytes.
    ///
    /// # Errors
    /// The path, and why it cannot be read.
    pub fn blob(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.dir.join("blobs").join(name);
        fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    }
}

impl Case {
    /// The policy of this case as a TOML document.
    ///
    /// # Errors
    /// If a path does not lead to a rule of `policies/any.toml`.
    pub fn policy_toml(&self) -> Result<String, String> {
        let text = include_str!("../policies/any.toml");
        let mut root: toml::Value = toml::from_str(text).map_err(|error| error.to_string())?;
        for (path, value) in &self.policy {
            let value = toml::Value::try_from(value).map_err(|error| error.to_string())?;
            let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
            let mut table = &mut root;
            for key in parents.split('.').filter(|key| !key.is_empty()) {
                table = table.get_mut(key).ok_or_else(|| format!("{path}: no such rule"))?;
            }
            let table = table.as_table_mut().ok_or_else(|| format!("{path}: no such rule"))?;
            if !table.contains_key(last) {
                return Err(format!("{path}: no such rule"));
            }
            table.insert(last.to_owned(), value);
        }
        toml::to_string(&root).map_err(|error| error.to_string())
    }
}
