//! The list of measurements that Flashbots' proxies read (`cvm-reverse-proxy`, `attested-tls`):
//! `[{measurement_id, attestation_type, measurements: {"4": {"expected": HEX}}}]`.
//!
//! Every entry is an alternative. Which registers the numbers stand for follows from the type: `azure-tdx` numbers registers of
//! the virtual TPM, the other types MRTD and the RTMRs.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::constellation::{description, losses_of};
use super::{Converted, ExportError, Loss, Lost, Numbering, Origin, digest};
use crate::document::{self, MAX_BYTES, Node};
use crate::error::{FormError, FormProblem};
use crate::reference::{Consent, ReferenceValues, Register, Rule, Set, Window, hex_of};

const FORMAT: &str = "Flashbots list";

const TYPES: [(&str, Numbering); 4] = [
    ("azure-tdx", Numbering::TpmSha256),
    ("dcap-tdx", Numbering::Tdx),
    ("gcp-tdx", Numbering::Tdx),
    ("qemu-tdx", Numbering::Tdx),
];

/// Reads a list. Its sets are named `TYPE/ID`. An entry of type `none`, which accepts machines without evidence, is refused.
///
/// # Errors
/// [`FormError`], also for two entries of one type and id.
pub fn read(bytes: &[u8], origin: &Origin<'_>, consent: &Consent<'_>) -> Result<ReferenceValues, FormError> {
    let tree = document::json(FORMAT, bytes, MAX_BYTES)?;
    let root = Node::root(FORMAT, &tree);
    let mut sets: Vec<Set> = Vec::new();
    for entry in root.some()? {
        let fields = entry.fields(&["measurement_id", "attestation_type", "measurements"])?;
        let kind = fields.required("attestation_type")?;
        let known = TYPES.iter().find(|(name, _)| kind.text().is_ok_and(|text| text == *name));
        let (kind, numbering) =
            known.ok_or_else(|| kind.unexpected("azure-tdx, dcap-tdx, gcp-tdx or qemu-tdx"))?;
        let name = format!("{kind}/{}", fields.required("measurement_id")?.name()?);
        let map = fields.required("measurements")?;
        let mut registers = BTreeMap::new();
        for (number, value) in map.entries()? {
            let Some(register) = numbering.register(number) else {
                return Err(value.error(FormProblem::unexpected("the number of a register", number)));
            };
            registers.insert(register, read_value(&value, register)?);
        }
        let set = Set::new(&name, Window::ALWAYS, registers, BTreeMap::new(), consent);
        sets.push(set.map_err(|problem| map.error(problem))?);
    }
    ReferenceValues::new(origin.name, origin.serial, origin.issued, sets)
        .map_err(|problem| root.error(problem))
}

/// One value, or several of which any will do.
fn read_value(node: &Node<'_>, register: Register) -> Result<Rule, FormError> {
    let fields = node.fields(&["expected", "expected_any"])?;
    match (fields.optional("expected"), fields.optional("expected_any")) {
        (Some(value), None) => digest(&value, register).map(Rule::equals),
        (None, Some(list)) => {
            let values: Vec<_> =
                list.some()?.iter().map(|value| digest(value, register)).collect::<Result<_, _>>()?;
            Rule::new(values, false).map_err(|problem| list.error(problem))
        }
        (Some(_), Some(_)) => Err(node.unexpected("either expected or expected_any")),
        (None, None) => Err(node.error(FormProblem::Missing("expected"))),
    }
}

/// Writes a list. The sets must be named `TYPE/ID`. The list cannot warn: such rules refuse.
///
/// # Errors
/// [`ExportError`] for a set of another name, or a register that its type does not number.
pub fn write(values: &ReferenceValues) -> Result<Converted<String>, ExportError> {
    let mut losses = Vec::new();
    let mut list = Vec::new();
    for set in values.sets() {
        let known = |(kind, id): (&str, &str)| {
            TYPES.iter().find(|(name, _)| *name == kind).map(|(name, of)| (*name, id.to_string(), *of))
        };
        let Some((kind, id, numbering)) = set.name().split_once('/').and_then(known) else {
            return Err(ExportError::SetName { set: set.name().into(), expected: "TYPE/ID" });
        };
        let mut map = Map::new();
        for (register, rule) in set.registers() {
            let Some(number) = numbering.number(*register) else {
                return Err(ExportError::Register { set: set.name().into(), register: register.name() });
            };
            let values: Vec<Value> = rule.values().iter().map(|value| hex_of(value).into()).collect();
            let (key, value) = match values.as_slice() {
                [one] => ("expected", one.clone()),
                _ => ("expected_any", values.into()),
            };
            map.insert(number.to_string(), Map::from_iter([(key.to_string(), value)]).into());
            if rule.warns_only() {
                losses.push(Loss::new(set.name(), Lost::Warning(register.name())));
            }
        }
        let entry = [
            ("measurement_id".to_string(), Value::from(id)),
            ("attestation_type".to_string(), kind.into()),
            ("measurements".to_string(), map.into()),
        ];
        list.push(Value::Object(entry.into_iter().collect()));
        losses.extend(losses_of(set));
    }
    losses.push(description(values));
    Ok(Converted::new(Value::Array(list).to_string(), losses))
}
