//! `policy`: policy files written, checked and described. The texts come from the JSON Schema, so there is one set of them.

use attest_core::policy::POLICY_SCHEMA;
use attest_core::rules::OneOf;
use attest_core::tee::snp::{self, ProductLine};
use serde_json::Value;

use crate::answer::Answer;
use crate::args::Policy;
use crate::exit::{Exit, Failure};
use crate::{collateral, input};

/// How long a comment's line becomes.
const WIDTH: usize = 100;

impl Policy {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        match self {
            Self::Check { file } => {
                input::policy(file)?;
                Ok(Answer::text(format!("{}: ok\n", file.display())))
            }
            Self::Init { product_line, measurement, output } => {
                let text = commented(&strict(product_line, measurement))?;
                match output {
                    None => Ok(Answer::text(text)),
                    Some(path) => {
                        collateral::write(path, text.as_bytes())?;
                        Ok(Answer::text(format!("{}: written\n", path.display())))
                    }
                }
            }
            Self::Schema => Ok(Answer::text(POLICY_SCHEMA)),
        }
    }
}

/// The strict policy with what the caller chose.
fn strict(lines: &[ProductLine], measurements: &[[u8; 48]]) -> attest_core::Policy {
    let measurements =
        if measurements.is_empty() { OneOf::Any } else { OneOf::Listed(measurements.to_vec()) };
    let mut policy = snp::Policy::strict(snp::MARCH_2026, measurements);
    if !lines.is_empty() {
        policy.product_lines = OneOf::Listed(lines.to_vec());
    }
    attest_core::Policy::for_snp(policy)
}

/// A policy as TOML with the schema's description above every key and table; each is said once.
fn commented(policy: &attest_core::Policy) -> Result<String, Failure> {
    let schema: Value =
        serde_json::from_str(POLICY_SCHEMA).map_err(|error| Failure::new(Exit::Internal, error))?;
    let mut text = String::from(
        "# A policy for attestrap. Every rule is written out: one that is left out is an error.\n\
         # Minima: snp::MARCH_2026, what one integrator demanded of its fleet in March 2026. Judge them for yourself.\n",
    );
    let mut table: Vec<String> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for line in policy.to_toml().lines() {
        let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let path = match (header, line.split_once(" = ")) {
            (Some(name), _) => {
                table = name.split('.').map(Into::into).collect();
                table.clone()
            }
            (None, Some((key, _))) => table.iter().cloned().chain([key.into()]).collect(),
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
    use super::{commented, strict};

    #[test]
    fn comments_change_no_rule() {
        let policy = strict(&[], &[[7; 48]]);
        let text = commented(&policy).unwrap();
        assert_eq!(attest_core::Policy::from_toml(&text).unwrap(), policy);
    }
}
