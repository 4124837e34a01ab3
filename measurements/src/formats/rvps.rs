//! Reference values of Confidential Containers' RVPS, as Trustee stores them and as its client sends them.
//!
//! A list of `{version, name, expiration, value}`, where older versions wrote `hash-value: [{alg, value}]`; or a map from names to
//! lists of values. The names are an agreement between whoever fills the service and the attestation policy. Those of Trustee's
//! own policies are known here; any other is a constraint that cannot be kept, and so are their lists of firmware levels: a level
//! must be *in* the list there, where a policy here knows a least one.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use attest_core::crypto::HashAlgorithm;
use attest_core::rules::Limit;
use serde_json::{Map, Value};

use super::constellation::description;
use super::{Converted, ExportError, Loss, Lost, Origin, digest};
use crate::document::{self, MAX_BYTES, Node, Tree};
use crate::error::{FormError, FormProblem, shown};
use crate::reference::{
    Consent, ReferenceValues, Register, Rule, Set, Window, bound_of, hex_of, index, time, written_time,
};

const FORMAT: &str = "RVPS reference values";

/// The version that Trustee writes.
const VERSION: &str = "0.1.0";

/// Reads a list, or a map. Their one set has the name of the origin; it is valid until the first of its values expires.
///
/// # Errors
/// [`FormError`].
pub fn read(
    bytes: &[u8],
    origin: &Origin<'_>,
    consent: &Consent<'_>,
) -> Result<Converted<ReferenceValues>, FormError> {
    let tree = document::json(FORMAT, bytes, MAX_BYTES)?;
    let root = Node::root(FORMAT, &tree);
    let mut collected = Collected::default();
    match &tree {
        Tree::List(_) => {
            for entry in root.some()? {
                collected.stored(&entry)?;
            }
        }
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) | Tree::Map(_) => {
            for (name, values) in root.entries()? {
                collected.add(name, &values, &values.some()?)?;
            }
        }
    }
    let Collected { registers, until, losses } = collected;
    let window = Window::new(Limit::Any, until.map_or(Limit::Any, Limit::To));
    let set = window
        .and_then(|window| Set::new(origin.name, window, registers, BTreeMap::new(), consent))
        .and_then(|set| ReferenceValues::new(origin.name, origin.serial, origin.issued, Vec::from([set])));
    Ok(Converted::new(set.map_err(|problem| root.error(problem))?, losses))
}

#[derive(Default)]
struct Collected {
    registers: BTreeMap<Register, Rule>,
    until: Option<u64>,
    losses: Vec<Loss>,
}

impl Collected {
    /// One entry as Trustee stores it.
    fn stored(&mut self, entry: &Node<'_>) -> Result<(), FormError> {
        let fields = entry.fields(&["version", "name", "expiration", "expired", "value", "hash-value"])?;
        if let Some(version) = fields.optional("version")
            && !["0.1", VERSION].contains(&version.text()?)
        {
            return Err(version.unexpected("0.1 or 0.1.0"));
        }
        let expiration = match (fields.optional("expiration"), fields.optional("expired")) {
            (Some(time), None) | (None, Some(time)) => time,
            (Some(_), Some(_)) => return Err(entry.unexpected("either expiration or expired")),
            (None, None) => return Err(entry.error(FormProblem::Missing("expiration"))),
        };
        let until = time(&expiration)?;
        self.until = Some(self.until.map_or(until, |earlier| earlier.min(until)));
        let name = fields.required("name")?.name()?;
        match (fields.optional("value"), fields.optional("hash-value")) {
            (Some(value), None) => match value.tree() {
                Tree::List(_) => self.add(name, &value, &value.some()?),
                Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) | Tree::Map(_) => {
                    self.add(name, &value, core::slice::from_ref(&value))
                }
            },
            (None, Some(list)) => {
                let pairs = list.some()?.into_iter().map(|pair| {
                    let fields = pair.fields(&["alg", "value"])?;
                    let algorithm = fields.required("alg")?;
                    if !["sha256", "sha384", "sha512"].contains(&algorithm.text()?) {
                        return Err(algorithm.unexpected("sha256, sha384 or sha512"));
                    }
                    fields.required("value")
                });
                self.add(name, &list, &pairs.collect::<Result<Vec<_>, _>>()?)
            }
            (Some(_), Some(_)) => Err(entry.unexpected("either value or hash-value")),
            (None, None) => Err(entry.error(FormProblem::Missing("value"))),
        }
    }

    fn add(&mut self, name: &str, at: &Node<'_>, values: &[Node<'_>]) -> Result<(), FormError> {
        let Some(register) = register(name) else {
            let what = format!("{} has no register here", shown(name));
            self.losses.push(Loss::new(shown(name), Lost::Constraint(what)));
            return Ok(());
        };
        let digests: Vec<_> = values.iter().map(|value| digest(value, register)).collect::<Result<_, _>>()?;
        let rule = Rule::new(digests, false).map_err(|problem| at.error(problem))?;
        match self.registers.insert(register, rule) {
            None => Ok(()),
            Some(_) => Err(at.error(FormProblem::Duplicate(register.name()))),
        }
    }
}

/// The register that a name of Trustee's policies stands for.
fn register(name: &str) -> Option<Register> {
    match name {
        "snp_launch_measurement" => Some(Register::SnpMeasurement),
        "mr_td" => Some(Register::TdxMrtd),
        _ => match name.split_once('_')? {
            ("rtmr", number) => index(number, 4).map(Register::TdxRtmr),
            // Registers of Azure's virtual TPM beside either TEE: snp_pcr03, tdx_pcr03.
            ("snp" | "tdx", rest) => {
                let digits = rest.strip_prefix("pcr").filter(|digits| digits.len() == 2)?;
                let number = index(digits.strip_prefix('0').unwrap_or(digits), 24)?;
                Some(Register::TpmPcr(HashAlgorithm::Sha256, number))
            }
            _ => None,
        },
    }
}

/// Writes a document's one set as a list. Values of a set without an end expire at `expiration`, because the format has no value
/// that does not.
///
/// # Errors
/// [`ExportError`] for several sets, whose values would mix, and for registers that have no name there.
pub fn write(values: &ReferenceValues, expiration: u64) -> Result<Converted<String>, ExportError> {
    let [set] = values.sets() else {
        let set = values.name().into();
        return Err(ExportError::SetName { set, expected: "one set alone: several would mix" });
    };
    let mut losses = Vec::from([description(values)]);
    if set.window().from() != Limit::Any {
        losses.push(Loss::new(set.name(), Lost::Window));
    }
    let minimums = set.minimums().keys();
    losses.extend(minimums.map(|minimum| Loss::new(set.name(), Lost::Minimum(minimum.name()))));
    let tdx =
        set.registers().keys().any(|register| matches!(register, Register::TdxMrtd | Register::TdxRtmr(_)));
    let until = bound_of(set.window().until()).unwrap_or(expiration);
    let mut list = Vec::new();
    for (register, rule) in set.registers() {
        let name = match register {
            Register::SnpMeasurement => "snp_launch_measurement".to_string(),
            Register::TdxMrtd => "mr_td".to_string(),
            Register::TdxRtmr(number) => format!("rtmr_{number}"),
            Register::TpmPcr(HashAlgorithm::Sha256, number) if tdx => format!("tdx_pcr{number:02}"),
            Register::TpmPcr(HashAlgorithm::Sha256, number) => format!("snp_pcr{number:02}"),
            Register::NitroPcr(_) | Register::TpmPcr(_, _) => {
                return Err(ExportError::Register { set: set.name().into(), register: register.name() });
            }
        };
        if rule.warns_only() {
            losses.push(Loss::new(set.name(), Lost::Warning(register.name())));
        }
        let digests: Vec<Value> = rule.values().iter().map(|value| hex_of(value).into()).collect();
        let entry: Map<String, Value> = [
            ("version".to_string(), VERSION.into()),
            ("name".to_string(), name.into()),
            ("expiration".to_string(), written_time(until).into()),
            ("value".to_string(), digests.into()),
        ]
        .into_iter()
        .collect();
        list.push(Value::Object(entry));
    }
    Ok(Converted::new(Value::Array(list).to_string(), losses))
}
