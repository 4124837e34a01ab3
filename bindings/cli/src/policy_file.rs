//! `policy`: policy files written, checked and described. The texts come from the JSON Schema, so there is one set of them.

use std::collections::BTreeMap;
use std::path::Path;

use attest_core::checks::Outcome;
use attest_core::claims::Root;
use attest_core::policy::POLICY_SCHEMA;
use attest_core::rules::{Limit, OneOf, Registers};
use attest_core::tee::{nitro, snp, tdx, vtpm};
use attest_core::values::Value as Shown;
use attest_core::{Claims, Context, Expect, TrustAnchors, Verifier};
use serde_json::Value;

use crate::answer::Answer;
use crate::args::{Init, Policy, PolicyFormat, Provider, RootName};
use crate::exit::{Exit, Failure};
use crate::{collateral, input};

/// How long a comment's line becomes.
const WIDTH: usize = 100;
/// What stands in front of every file.
const HEAD: &str = "A policy for attestrap. Every rule is written out: one that is left out is an error.";

impl Policy {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        match self {
            Self::Check { file } => {
                input::policy(file)?;
                Ok(Answer::text(format!("{}: ok\n", file.display())))
            }
            Self::Init(init) => {
                init.fits()?;
                let made = match init.format {
                    PolicyFormat::Nitro => init.nitro()?,
                    PolicyFormat::Snp => init.snp(),
                    PolicyFormat::Tdx => init.tdx(),
                    PolicyFormat::Vtpm => init.vtpm()?,
                };
                let text = made.head + &commented(&made.policy)?;
                let answer = match &init.output {
                    None => Answer::text(text),
                    Some(path) => {
                        collateral::write(path, text.as_bytes())?;
                        Answer::text(format!("{}: written\n", path.display()))
                    }
                };
                Ok(made.note.into_iter().fold(answer, Answer::note))
            }
            Self::Schema => Ok(Answer::text(POLICY_SCHEMA)),
        }
    }
}

/// A policy, the comment in front of it, and what the caller should know besides.
struct Made {
    head: String,
    policy: attest_core::Policy,
    note: Option<String>,
}

impl Init {
    /// Refuses options of the other format, and those that would go unheard.
    fn fits(&self) -> Result<(), Failure> {
        let trust = self.trust.roots().next().is_some()
            || !self.trust.ak_name.is_empty()
            || !self.trust.ak_spki_sha256.is_empty()
            || !self.trust.pcr_signer.is_empty();
        let supplied = !self.supplied.certs.is_empty()
            || !self.supplied.crl.is_empty()
            || self.supplied.bundle.is_some()
            || self.supplied.at.is_some();
        let (nitro, snp) = (PolicyFormat::Nitro, PolicyFormat::Snp);
        let (tdx, vtpm) = (PolicyFormat::Tdx, PolicyFormat::Vtpm);
        let options = [
            (nitro, "--kind", self.kind.is_some()),
            (nitro, "--pcr", !self.pcr.is_empty()),
            (snp, "--product-line", !self.product_line.is_empty()),
            (snp, "--measurement", !self.measurement.is_empty()),
            (tdx, "--mr-td", !self.mr_td.is_empty()),
            (tdx, "--evaluation-number", self.evaluation_number.is_some()),
            (vtpm, "--root", !self.root.is_empty()),
            (vtpm, "--from", self.from.is_some()),
            (
                vtpm,
                "--tpm-root, --discrete-tpm-root, --software-tpm-root, --ak-name, --ak-spki-sha256, --pcr-signer",
                trust,
            ),
            (vtpm, "--certs, --crl, --bundle, --at", supplied),
        ];
        if let Some((of, option, _)) = options.iter().find(|(of, _, given)| *given && *of != self.format) {
            let other = match of {
                PolicyFormat::Nitro => "nitro",
                PolicyFormat::Snp => "snp",
                PolicyFormat::Tdx => "tdx",
                PolicyFormat::Vtpm => "vtpm",
            };
            return Err(Failure::usage(format_args!("{option}: only with --format {other}")));
        }
        if self.format == vtpm && self.root.is_empty() {
            let message = "--root is missing: what a TPM's trust must be rooted in has no default (hardware, cloud-vtpm, discrete-tpm, software, caller, any)";
            return Err(Failure::usage(message));
        }
        if self.from.is_none() && (trust || supplied) {
            return Err(Failure::usage("--from is missing: without it there is nothing to verify"));
        }
        Ok(())
    }

    /// The strict policy for Nitro documents with what the caller chose.
    fn nitro(&self) -> Result<Made, Failure> {
        let missing =
            "--kind is missing: what a document proves differs, so it has no default (enclave, nitrotpm)";
        let kind = self.kind.ok_or_else(|| Failure::usage(missing))?;
        let mut listed: BTreeMap<u8, Vec<[u8; 48]>> = BTreeMap::new();
        for (index, value) in &self.pcr {
            listed.entry(*index).or_default().push(*value);
        }
        let rules = listed.into_iter().map(|(index, values)| (index, OneOf::Listed(values)));
        let pcrs = match self.pcr.is_empty() {
            true => nitro::policy::Registers::Any,
            false => nitro::policy::Registers::Listed(rules.collect()),
        };
        let why = match (&pcrs, kind) {
            (nitro::policy::Registers::Any, _) => {
                "ANY REGISTER VALUE PASSES: this file accepts every document of this kind, whatever was measured. List values under \"pcrs\"."
            }
            (_, nitro::Kind::NitroTpm) => {
                "What the registers mean, the instance's event log says: the document has values only."
            }
            _ => {
                "Register 0 is the enclave's image. Whose enclave it is, registers 3, 4 and 8 or a list of instances say."
            }
        };
        let policy = attest_core::Policy::for_nitro(nitro::Policy::strict(kind, pcrs));
        Ok(Made { head: format!("# {HEAD}\n") + &comment(why), policy, note: None })
    }

    /// The strict policy for SNP guests with what the caller chose.
    fn snp(&self) -> Made {
        let measurements = match self.measurement.as_slice() {
            [] => OneOf::Any,
            listed => OneOf::Listed(listed.to_vec()),
        };
        let mut policy = snp::Policy::strict(snp::MARCH_2026, measurements);
        if !self.product_line.is_empty() {
            policy.product_lines = OneOf::Listed(self.product_line.clone());
        }
        let minima = "Minima: snp::MARCH_2026, what one integrator demanded of its fleet in March 2026. Judge them for yourself.";
        let head = format!("# {HEAD}\n# {minima}\n");
        Made { head, policy: attest_core::Policy::for_snp(policy), note: None }
    }

    /// The strict policy for TDX quotes with what the caller chose.
    fn tdx(&self) -> Made {
        let mr_td = match self.mr_td.as_slice() {
            [] => OneOf::Any,
            listed => OneOf::Listed(listed.to_vec()),
        };
        let least = self.evaluation_number.map_or(Limit::Any, Limit::To);
        let open = "MRTD is the firmware alone: what it boots is in RTMR1 and RTMR2, and this file leaves them open.";
        let head = format!("# {HEAD}\n# {open}\n");
        Made { head, policy: attest_core::Policy::for_tdx(tdx::Policy::strict(least, mr_td)), note: None }
    }

    /// The strict policy for TPM quotes with what the caller chose.
    fn vtpm(&self) -> Result<Made, Failure> {
        let roots = match self.root.iter().map(|RootName(root)| *root).collect::<Option<Vec<_>>>() {
            Some(listed) => OneOf::Listed(listed),
            None => OneOf::Any,
        };
        if let Some(path) = &self.from {
            return self.vtpm_from(path, roots);
        }
        let why = "ANY REGISTER VALUE PASSES: this file accepts every boot of a machine whose key is trusted, whatever was \
             booted. List values under \"pcrs\", or take them from evidence that verifies (--from).";
        let policy = attest_core::Policy::for_vtpm(vtpm::Policy::strict(roots, Registers::Any));
        Ok(Made { head: format!("# {HEAD}\n") + &comment(why), policy, note: None })
    }

    /// The same with the registers of evidence that verifies, and a comment that says where they come from.
    fn vtpm_from(&self, path: &Path, roots: OneOf<Root>) -> Result<Made, Failure> {
        let evidence = input::evidence(path)?;
        let store = self.supplied.store(false)?;
        let mut anchors = TrustAnchors::pinned();
        self.trust.add_to(&mut anchors)?;
        let now = self.supplied.time()?;
        let expect = self.nonce.map_or(Expect::AnyReportData, Expect::Nonce);
        let context = Context::new(Provider::FIRST.get(), &anchors, now, expect);
        let verified = Verifier::new().verify(&evidence, &store, &context).map_err(|refused| {
            Failure::new((&refused).into(), format_args!("--from: {}: {}", path.display(), refused.error))
        })?;
        let Claims::Vtpm(claims) = verified.claims() else {
            let (file, id) = (path.display(), evidence.format.id());
            return Err(Failure::usage(format_args!("--from: {file}: format vtpm is expected, got {id}")));
        };
        let values = claims.pcrs().iter().map(|(bank, index, value)| ((bank, index), OneOf::only(*value)));
        let policy = vtpm::Policy::strict(roots, Registers::Listed(values.collect()));
        let fresh = if claims.fresh() { "with your nonce" } else { "NOT compared with a nonce" };
        let why = format!(
            "Register values: quoted by {:?}, which verified at {}, {fresh}, under the key with SPKI SHA-256 {:?} ({}, \
             root {}). That machine booted so; whether it should have is for you to judge. Take out the registers \
             that change from boot to boot.",
            path.display().to_string(),
            Shown::Time(now.as_secs()),
            claims.ak_spki_sha256(),
            claims.ak_path().name(),
            claims.root().name(),
        );
        let policy = attest_core::Policy::for_vtpm(policy);
        // The other rules are strict whatever this machine is like; better told now than at the first verification.
        let verdict = policy.judge(verified);
        let failed = verdict.checks().iter().filter(|entry| entry.outcome == Outcome::Failed);
        let failed: Vec<_> = failed.map(|entry| entry.check.id).collect();
        let note = (!failed.is_empty())
            .then(|| format!("this policy refuses {}: {}", path.display(), failed.join(", ")));
        Ok(Made { head: format!("# {HEAD}\n") + &comment(&why), policy, note })
    }
}

/// A policy as TOML with the schema's description above every key and table; each is said once.
fn commented(policy: &attest_core::Policy) -> Result<String, Failure> {
    let schema: Value =
        serde_json::from_str(POLICY_SCHEMA).map_err(|error| Failure::new(Exit::Internal, error))?;
    let mut text = String::new();
    let mut table: Vec<String> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for line in policy.to_toml().lines() {
        let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let path = match (header, line.split_once(" = ")) {
            (Some(name), _) => {
                table = name.split('.').map(Into::into).collect();
                table.clone()
            }
            // A register's name has a colon in it, and so stands in quotes.
            (None, Some((key, _))) => table.iter().cloned().chain([key.trim_matches('"').into()]).collect(),
            (None, None) => Vec::new(),
        };
        if !path.is_empty() {
            // A header may be the first to name the tables around it.
            let first = if header.is_some() { 1 } else { path.len() };
            for length in first..=path.len() {
                let Some(part) = path.get(..length) else { continue };
                match describe(&schema, part) {
                    Some(description) if !said.contains(&description) => {
                        text += &comment(&description);
                        said.push(description);
                    }
                    _ => {}
                }
            }
        }
        text += line;
        text.push('\n');
    }
    Ok(text)
}

/// The description of a key, by its path from the front of a policy.
fn describe(schema: &Value, path: &[String]) -> Option<String> {
    let node = path.iter().try_fold(schema, |node, key| property(schema, node, key))?;
    node.get("description").and_then(Value::as_str).map(Into::into)
}

/// The schema of one key of `node`, through references and alternatives.
fn property<'a>(schema: &'a Value, node: &'a Value, key: &str) -> Option<&'a Value> {
    if let Some(found) = node.get("properties").and_then(|properties| properties.get(key)) {
        return Some(found);
    }
    // Registers: all patterns say the same of a name.
    let patterns = node.get("patternProperties").and_then(Value::as_object);
    let named = key.contains(':') || key.bytes().all(|digit| digit.is_ascii_digit());
    if let Some(found) = patterns.filter(|_| named).and_then(|patterns| patterns.values().next()) {
        return Some(found);
    }
    let referred = node.get("$ref").and_then(Value::as_str);
    let referred = referred.and_then(|name| schema.pointer(name.strip_prefix('#')?));
    let others = node.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    referred.into_iter().chain(others).find_map(|other| property(schema, other, key))
}

fn comment(description: &str) -> String {
    let mut lines = Vec::from([String::from("#")]);
    for word in description.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => *line += &format!(" {word}"),
            _ => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use attest_core::rules::{Limit, OneOf, Registers};
    use attest_core::tee::{nitro, snp, tdx, vtpm};

    use super::commented;

    #[test]
    fn comments_change_no_rule() {
        let snp = snp::Policy::strict(snp::MARCH_2026, OneOf::only([7; 48]));
        let vtpm = vtpm::Policy::strict(OneOf::Any, Registers::Any);
        let tdx = tdx::Policy::strict(Limit::To(18), OneOf::only([7; 48]));
        let listed = [(4, OneOf::only([7; 48])), (31, OneOf::Any)].into_iter().collect();
        let nitro = nitro::Policy::strict(nitro::Kind::NitroTpm, nitro::policy::Registers::Listed(listed));
        let policies = [
            attest_core::Policy::for_nitro(nitro),
            attest_core::Policy::for_snp(snp),
            attest_core::Policy::for_tdx(tdx),
            attest_core::Policy::for_vtpm(vtpm),
        ];
        for policy in policies {
            let text = commented(&policy).unwrap();
            assert_eq!(attest_core::Policy::from_toml(&text).unwrap(), policy);
        }
    }
}
