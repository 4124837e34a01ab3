//! Policy: what a relying party demands of verified claims, and the verdict.
//!
//! A policy judges every rule and reports every finding. It accepts nothing that it has no section for, and a rule that is
//! left out of a policy file is an error: `"any"` must be written.

use alloc::collections::BTreeSet;
use alloc::string::String;

use crate::checks::{Check, Checks, Class, Outcome};
use crate::claims::Claims;
use crate::error::{Error, Missing};
#[cfg(any(feature = "json", feature = "toml"))]
use crate::evidence::Format;
#[cfg(any(feature = "json", feature = "toml"))]
use crate::explain::lists;
use crate::tee::{nitro, snp, tdx, vtpm};
use crate::values::Value;
use crate::verified::Verified;

/// There is no section for this TEE.
static SECTION: Check = Check {
    id: "policy.section",
    title: "the policy has a section for this TEE",
    clause: "our rule: an empty policy accepts nothing",
    class: Class::Policy,
};

/// What is demanded, for each TEE.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Policy {
    /// Version of the policy file's form.
    pub version: FormVersion,
    /// Ids of policy checks that warn instead of refusing.
    #[cfg_attr(feature = "serde", serde(default))]
    pub warn_only: BTreeSet<String>,
    /// AWS Nitro.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub nitro: Option<nitro::Policy>,
    /// AMD SEV-SNP.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub snp: Option<snp::Policy>,
    /// Intel TDX.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub tdx: Option<tdx::Policy>,
    /// TPM 2.0 quotes.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub vtpm: Option<vtpm::Policy>,
}

/// Version of the policy file's form: 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormVersion;

impl Policy {
    /// A policy without a section: it accepts nothing.
    pub const fn empty() -> Self {
        let warn_only = BTreeSet::new();
        Self { version: FormVersion, warn_only, nitro: None, snp: None, tdx: None, vtpm: None }
    }

    /// A policy for Nitro documents only.
    pub fn for_nitro(nitro: nitro::Policy) -> Self {
        Self { nitro: Some(nitro), ..Self::empty() }
    }

    /// A policy for SNP guests only.
    pub fn for_snp(snp: snp::Policy) -> Self {
        Self { snp: Some(snp), ..Self::empty() }
    }

    /// A policy for TDX quotes only.
    pub fn for_tdx(tdx: tdx::Policy) -> Self {
        Self { tdx: Some(tdx), ..Self::empty() }
    }

    /// A policy for TPM quotes only.
    pub fn for_vtpm(vtpm: vtpm::Policy) -> Self {
        Self { vtpm: Some(vtpm), ..Self::empty() }
    }

    /// Looks at every rule. The verdict carries verification's checks and policy's.
    pub fn judge(&self, verified: Verified<Claims>) -> Verdict {
        let (claims, mut checks) = verified.into_parts();
        let mut judged = Checks::new();
        match (&claims, self) {
            (Claims::Nitro(claims), Self { nitro: Some(policy), .. }) => policy.judge(claims, &mut judged),
            (Claims::Snp(claims), Self { snp: Some(policy), .. }) => policy.judge(claims, &mut judged),
            (Claims::Vtpm(claims), Self { vtpm: Some(policy), .. }) => policy.judge(claims, &mut judged),
            (Claims::Tdx(claims), Self { tdx: Some(policy), .. }) => policy.judge(claims, &mut judged),
            (Claims::Nitro(_), Self { nitro: None, .. })
            | (Claims::Snp(_), Self { snp: None, .. })
            | (Claims::Tdx(_), Self { tdx: None, .. })
            | (Claims::Vtpm(_), Self { vtpm: None, .. }) => {
                // Not among the judged rules: nothing may turn this into a warning.
                checks.require(&SECTION, false, Value::Phrase(claims.format().id()), "no such section");
            }
        }
        judged.downgrade(|check| check.may_warn() && self.warn_only.contains(check.id));
        checks.extend(&judged);
        let failed = |checks: &Checks, f: fn(&Check) -> bool| {
            checks.iter().any(|entry| entry.outcome == Outcome::Failed && f(entry.check))
        };
        match (failed(&checks, |_| true), failed(&checks, |check| check.class != Class::Missing)) {
            (false, _) => Verdict::Accepted(Accepted { claims, checks }),
            (true, other) => Verdict::Rejected(Rejected { claims, checks, only_missing: !other }),
        }
    }

    #[cfg(any(feature = "json", feature = "toml"))]
    fn check_ids(self) -> Result<Self, PolicyError> {
        let all = || Format::ALL.iter().flat_map(|format| lists(*format).1);
        for id in &self.warn_only {
            match all().find(|check| check.id == id) {
                None => {
                    return Err(PolicyError(alloc::format!("warn_only: no policy check has the id `{id}`")));
                }
                Some(check) if !check.may_warn() => {
                    return Err(PolicyError(alloc::format!("warn_only: `{id}` is demanded of all evidence")));
                }
                Some(_) => {}
            }
        }
        Ok(self)
    }

    /// Reads a policy from JSON.
    ///
    /// # Errors
    /// [`PolicyError`], with key, line and column, for an unknown key, a missing rule, or a value that a rule cannot have.
    #[cfg(feature = "json")]
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        // serde_json says where, and in a long file that is not what: the key says it.
        let named = |error: serde_json::Error| match json_key::at(text, error.line(), error.column()) {
            key if key.is_empty() => PolicyError(alloc::format!("{error}")),
            key => PolicyError(alloc::format!("{key}: {error}")),
        };
        let policy: Self = serde_json::from_str(text).map_err(named)?;
        policy.check_ids()
    }

    /// Reads a policy from TOML.
    ///
    /// # Errors
    /// [`PolicyError`], with line and column, for an unknown key, a missing rule, or a value that a rule cannot have.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError(alloc::format!("{error}")))?;
        policy.check_ids()
    }

    /// Writes the policy as JSON.
    #[cfg(feature = "json")]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Writes the policy as TOML.
    #[cfg(feature = "toml")]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }
}

/// The JSON Schema of policy files.
pub const POLICY_SCHEMA: &str = include_str!("policy.schema.json");

/// A policy file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy file: {0}")]
pub struct PolicyError(pub(crate) String);

#[cfg(feature = "json")]
mod json_key;

#[cfg(feature = "serde")]
mod form {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::FormVersion;

    impl Serialize for FormVersion {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u32(1)
        }
    }

    impl<'de> Deserialize<'de> for FormVersion {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            match u32::deserialize(deserializer)? {
                1 => Ok(Self),
                other => {
                    Err(D::Error::custom(alloc::format!("version {other} is not known, the known one is 1")))
                }
            }
        }
    }
}

/// The answer.
#[derive(Clone, Debug)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Verdict {
    /// Every rule holds, or only warns.
    Accepted(Accepted),
    /// At least one rule refuses.
    Rejected(Rejected),
}

/// Claims that were verified and that the policy accepts. There is no other way to make one.
#[derive(Clone, Debug)]
pub struct Accepted {
    claims: Claims,
    checks: Checks,
}

impl Accepted {
    /// What is accepted.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Every check, with the warnings.
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }
}

/// Claims that were verified and that the policy refuses.
#[derive(Clone, Debug)]
pub struct Rejected {
    claims: Claims,
    checks: Checks,
    only_missing: bool,
}

impl Rejected {
    /// What is refused. Genuine, and not what was asked for.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Every check.
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }

    /// Whether fresher collateral alone could turn the verdict.
    pub const fn only_collateral_is_missing(&self) -> bool {
        self.only_missing
    }

    /// The refusal as an error, for callers that want one.
    pub fn to_error(&self) -> Option<Error> {
        let entry = self.checks.gravest()?;
        Some(match self.only_missing {
            true => Missing::Stale((*entry).into()).into(),
            false => Error::Mismatch((*entry).into()),
        })
    }
}

impl Verdict {
    /// Whether the verdict accepts.
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// The exit code of the command line: 0, 10, or 12 if fresher collateral alone could turn the verdict.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Accepted(_) => 0,
            Self::Rejected(rejected) if rejected.only_missing => Class::Missing.exit_code(),
            Self::Rejected(_) => Class::Policy.exit_code(),
        }
    }

    /// The claims, accepted or not.
    pub const fn claims(&self) -> &Claims {
        match self {
            Self::Accepted(accepted) => &accepted.claims,
            Self::Rejected(rejected) => &rejected.claims,
        }
    }

    /// How many rules do not hold and only warn.
    pub fn warnings(&self) -> usize {
        self.checks().iter().filter(|entry| entry.outcome == Outcome::Warned).count()
    }

    /// Every check of verification and policy.
    pub const fn checks(&self) -> &Checks {
        match self {
            Self::Accepted(accepted) => &accepted.checks,
            Self::Rejected(rejected) => &rejected.checks,
        }
    }
}
