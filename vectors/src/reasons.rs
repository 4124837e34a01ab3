//! Which of our checks may stand for the reason that a foreign manifest gives.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A reason, and the checks that may stand for it.
pub type Table = BTreeMap<String, Vec<String>>;

/// The table of `reasons.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasons {
    /// Of manifests of SEV-SNP reports; a reason is matched by its beginning.
    pub snp: Table,
    /// Of manifests of TPM evidence; a reason is a word.
    pub tpm: Table,
    /// Checks that may fail along with those of [`Reasons::tpm`].
    #[serde(rename = "tpm-also")]
    pub tpm_also: Table,
}

impl Reasons {
    /// Reads the table of this source tree.
    ///
    /// # Errors
    /// If it is not what it should be.
    pub fn read() -> Result<Self, String> {
        toml::from_str(include_str!("../reasons.toml")).map_err(|error| error.to_string())
    }

    /// Holds a refusal against the verdict of a manifest of TPM evidence. `check` is the most telling one that refuses, `None`
    /// if nothing does; `failed` are all.
    ///
    /// # Errors
    /// How they differ.
    pub fn judge_tpm(&self, verdict: &str, check: Option<&str>, failed: &[String]) -> Result<(), String> {
        let Some(check) = check else {
            return if verdict == "valid" { Ok(()) } else { Err("accepted".to_owned()) };
        };
        if verdict == "valid" {
            return Err(format!("{check} refuses"));
        }
        let named = self.tpm.get(verdict).ok_or_else(|| format!("no check is mapped to {verdict:?}"))?;
        let also = self.tpm_also.get(verdict).map(Vec::as_slice).unwrap_or_default();
        let mut all = failed.iter().map(String::as_str).chain([check]);
        let stranger = all.clone().find(|id| !named.iter().chain(also).any(|known| known == id));
        match stranger {
            Some(stranger) => Err(format!("refused for another reason: {stranger}")),
            None if !all.any(|id| named.iter().any(|known| known == id)) => {
                Err(format!("refused only for what may come along: {check}"))
            }
            None => Ok(()),
        }
    }
}
