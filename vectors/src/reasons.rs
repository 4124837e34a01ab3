//! Which of our checks may stand for the reason that a foreign manifest gives.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A reason, and the checks that may stand for it.
pub type Table = BTreeMap<String, Vec<String>>;

/// The table of `reasons.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasons {
    /// Of manifests of Nitro documents; a reason is matched as a whole.
    pub nitro: Table,
    /// Checks that may fail along with those of [`Reasons::nitro`].
    #[serde(rename = "nitro-also")]
    pub nitro_also: Table,
    /// Of manifests of SEV-SNP reports; a reason is matched by its beginning.
    pub snp: Table,
    /// Of manifests of TDX quotes; a reason is matched as a whole.
    pub tdx: Table,
    /// Checks that may fail along with those of [`Reasons::tdx`].
    #[serde(rename = "tdx-also")]
    pub tdx_also: Table,
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
        refused_for(&[verdict], (&self.tpm, &self.tpm_also), check, failed)
    }

    /// Holds a refusal against the reasons of a manifest of Nitro documents: each must refuse, and nothing else may.
    ///
    /// # Errors
    /// How they differ.
    pub fn judge_nitro(&self, reasons: &[&str], check: &str, failed: &[String]) -> Result<(), String> {
        refused_for(reasons, (&self.nitro, &self.nitro_also), check, failed)
    }

    /// Holds a refusal against the reasons of a manifest of TDX quotes: each must refuse, and nothing else may.
    ///
    /// # Errors
    /// How they differ.
    pub fn judge_tdx(&self, reasons: &[&str], check: &str, failed: &[String]) -> Result<(), String> {
        refused_for(reasons, (&self.tdx, &self.tdx_also), check, failed)
    }
}

/// Holds a refusal against reasons: for each, one of its checks must be among those that refuse; and all that refuse must be
/// among the checks of a reason, or among those that may come along. `check` is the most telling one, `failed` are all.
fn refused_for(
    reasons: &[&str],
    (named, also): (&Table, &Table),
    check: &str,
    failed: &[String],
) -> Result<(), String> {
    let all = || failed.iter().map(String::as_str).chain([check]);
    let mut known: Vec<&str> = Vec::new();
    for reason in reasons {
        let named = named.get(*reason).ok_or_else(|| format!("no check is mapped to {reason:?}"))?;
        if !all().any(|id| named.iter().any(|known| known == id)) {
            return Err(format!("refused, but not for {reason:?}: {check}"));
        }
        known.extend(named.iter().chain(also.get(*reason).into_iter().flatten()).map(String::as_str));
    }
    match all().find(|id| !known.contains(id)) {
        Some(stranger) => Err(format!("refused for another reason: {stranger}")),
        None => Ok(()),
    }
}
