//! Measurements of Constellation: both manifests, and both forms of the bare map that came before them.
//!
//! | form | what it is |
//! | --- | --- |
//! | manifest v2 | `{version, ref, stream, list: [{csp, attestationVariant, measurements}]}` |
//! | manifest v1 | `{csp, image, measurements}`, one file for each provider |
//! | map | `{"4": {"expected": HEX, "warnOnly": BOOL}}` |
//! | legacy map | `{"4": HEX}` or `{"4": BASE64}`; every value is enforced |
//!
//! Constellation takes the first entry of a list that fits. A second one for the same provider and variant would be a value that
//! nobody compares, so it is refused here.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::{Converted, ExportError, Loss, Lost, Numbering, Origin, digest};
use crate::document::{self, MAX_BYTES, Node, Tree};
use crate::error::{FormError, FormProblem};
use crate::reference::{Consent, ReferenceValues, Register, Rule, Set, Window, hex_of};

const MANIFEST: &str = "Constellation manifest";
const MEASUREMENTS: &str = "Constellation measurements";

/// Providers as the manifests spell them; read in any case, because the lists of both spellings exist.
const PROVIDERS: [&str; 5] = ["AWS", "Azure", "GCP", "OpenStack", "QEMU"];

/// Variants and what the numbers of their measurements are.
const VARIANTS: [(&str, Numbering); 9] = [
    ("aws-nitro-tpm", Numbering::TpmSha256),
    ("aws-sev-snp", Numbering::TpmSha256),
    ("azure-sev-snp", Numbering::TpmSha256),
    ("azure-tdx", Numbering::TpmSha256),
    ("azure-trustedlaunch", Numbering::TpmSha256),
    ("gcp-sev-es", Numbering::TpmSha256),
    ("gcp-sev-snp", Numbering::TpmSha256),
    ("qemu-tdx", Numbering::Tdx),
    ("qemu-vtpm", Numbering::TpmSha256),
];

/// The release that a manifest must be of: the one that was asked for, never what the file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release<'a> {
    /// `vX.Y.Z`, or the name of a nightly build.
    pub version: &'a str,
    /// The branch; `-` for releases.
    pub reference: &'a str,
    /// `stable`, `console`, `debug` or `nightly`.
    pub stream: &'a str,
}

impl<'a> Release<'a> {
    /// All three, by name.
    pub const fn new(version: &'a str, reference: &'a str, stream: &'a str) -> Self {
        Self { version, reference, stream }
    }
}

/// Reads a manifest v2. Its sets are named `PROVIDER/VARIANT`.
///
/// # Errors
/// [`FormError`], also for a manifest of another release and for two entries of one provider and variant.
pub fn read_manifest(
    bytes: &[u8],
    release: &Release<'_>,
    origin: &Origin<'_>,
    consent: &Consent<'_>,
) -> Result<ReferenceValues, FormError> {
    let tree = document::json(MANIFEST, bytes, MAX_BYTES)?;
    let root = Node::root(MANIFEST, &tree);
    let fields = root.fields(&["version", "ref", "stream", "list"])?;
    for (key, wanted) in
        [("version", release.version), ("ref", release.reference), ("stream", release.stream)]
    {
        let node = fields.required(key)?;
        if node.text()? != wanted {
            return Err(node.unexpected("what was asked for"));
        }
    }
    let list = fields.required("list")?;
    let mut sets: Vec<Set> = Vec::new();
    for entry in list.some()? {
        let fields = entry.fields(&["csp", "attestationVariant", "measurements"])?;
        let provider = provider(&fields.required("csp")?)?;
        let variant = fields.required("attestationVariant")?;
        let known = VARIANTS.iter().find(|(name, _)| variant.text().is_ok_and(|text| text == *name));
        let (variant, numbering) = known.ok_or_else(|| variant.unexpected("a variant of Constellation"))?;
        let name = format!("{provider}/{variant}");
        if sets.iter().any(|set| set.name() == name) {
            return Err(entry.error(FormProblem::Duplicate(name)));
        }
        sets.push(read_map(&fields.required("measurements")?, &name, *numbering, Form::Objects, consent)?);
    }
    document_of(&root, origin, sets)
}

/// Reads a manifest v1. Its one set is named for the provider; its numbers are registers of the SHA-256 bank, which was all that
/// its time knew.
///
/// # Errors
/// [`FormError`], also for a manifest of another image.
pub fn read_manifest_v1(
    bytes: &[u8],
    image: &str,
    origin: &Origin<'_>,
    consent: &Consent<'_>,
) -> Result<ReferenceValues, FormError> {
    let tree = document::json(MANIFEST, bytes, MAX_BYTES)?;
    let root = Node::root(MANIFEST, &tree);
    let fields = root.fields(&["csp", "image", "measurements"])?;
    let named = fields.required("image")?;
    if named.text()? != image {
        return Err(named.unexpected("what was asked for"));
    }
    let provider = provider(&fields.required("csp")?)?;
    let map = fields.required("measurements")?;
    let set = read_map(&map, provider, Numbering::TpmSha256, Form::Any, consent)?;
    document_of(&root, origin, Vec::from([set]))
}

/// Reads a bare map, with values of either form. Its one set has the name of the origin.
///
/// # Errors
/// [`FormError`].
pub fn read_measurements(
    bytes: &[u8],
    numbering: Numbering,
    origin: &Origin<'_>,
    consent: &Consent<'_>,
) -> Result<ReferenceValues, FormError> {
    let tree = document::json(MEASUREMENTS, bytes, MAX_BYTES)?;
    let root = Node::root(MEASUREMENTS, &tree);
    let set = read_map(&root, origin.name, numbering, Form::Any, consent)?;
    document_of(&root, origin, Vec::from([set]))
}

fn document_of(root: &Node<'_>, origin: &Origin<'_>, sets: Vec<Set>) -> Result<ReferenceValues, FormError> {
    ReferenceValues::new(origin.name, origin.serial, origin.issued, sets)
        .map_err(|problem| root.error(problem))
}

fn provider(node: &Node<'_>) -> Result<&'static str, FormError> {
    let text = node.text()?;
    let known = PROVIDERS.iter().find(|known| known.eq_ignore_ascii_case(text));
    known.copied().ok_or_else(|| node.unexpected("AWS, Azure, GCP, OpenStack or QEMU"))
}

/// Which values a map may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Objects, and the plain strings of old.
    Any,
    /// Objects only.
    Objects,
}

pub(super) fn read_map(
    node: &Node<'_>,
    name: &str,
    numbering: Numbering,
    form: Form,
    consent: &Consent<'_>,
) -> Result<Set, FormError> {
    let mut registers = BTreeMap::new();
    for (number, value) in node.entries()? {
        let Some(register) = numbering.register(number) else {
            return Err(value.error(FormProblem::unexpected("the number of a register", number)));
        };
        registers.insert(register, read_value(&value, register, form)?);
    }
    Set::new(name, Window::ALWAYS, registers, BTreeMap::new(), consent).map_err(|problem| node.error(problem))
}

fn read_value(node: &Node<'_>, register: Register, form: Form) -> Result<Rule, FormError> {
    if let (Tree::Text(_), Form::Any) = (node.tree(), form) {
        return digest(node, register).map(Rule::equals);
    }
    let fields = node.fields(&["expected", "warnOnly"])?;
    let warn_only = fields.optional("warnOnly").map(|node| node.boolean()).transpose()?.unwrap_or(false);
    let value = digest(&fields.required("expected")?, register)?;
    Rule::new([value], warn_only).map_err(|problem| node.error(problem))
}

/// Writes a manifest v2. The sets must be named `PROVIDER/VARIANT`.
///
/// # Errors
/// [`ExportError`] for a set of another name, a register that its variant does not number, and several values of one register.
pub fn write_manifest(
    values: &ReferenceValues,
    release: &Release<'_>,
) -> Result<Converted<String>, ExportError> {
    let mut losses = Vec::new();
    let mut list = Vec::new();
    for set in values.sets() {
        let name_of = |(provider, variant): (&str, &str)| {
            let provider = PROVIDERS.iter().find(|known| **known == provider)?;
            VARIANTS.iter().find(|(known, _)| *known == variant).map(|(name, of)| (*provider, *name, *of))
        };
        let Some((provider, variant, numbering)) = set.name().split_once('/').and_then(name_of) else {
            return Err(ExportError::SetName { set: set.name().into(), expected: "PROVIDER/VARIANT" });
        };
        // Constellation would never look at a second one.
        if list.iter().any(|entry: &Value| entry["csp"] == provider && entry["attestationVariant"] == variant)
        {
            return Err(ExportError::SetName {
                set: set.name().into(),
                expected: "one set for each variant",
            });
        }
        let entry = [
            ("csp".to_string(), provider.into()),
            ("attestationVariant".to_string(), variant.into()),
            ("measurements".to_string(), write_map(set, numbering)?),
        ];
        list.push(Value::Object(entry.into_iter().collect()));
        losses.extend(losses_of(set));
    }
    losses.push(description(values));
    let manifest: Map<String, Value> = [
        ("version".to_string(), release.version.into()),
        ("ref".to_string(), release.reference.into()),
        ("stream".to_string(), release.stream.into()),
        ("list".to_string(), list.into()),
    ]
    .into_iter()
    .collect();
    Ok(Converted::new(Value::Object(manifest).to_string(), losses))
}

/// The map of one set.
pub(super) fn write_map(set: &Set, numbering: Numbering) -> Result<Value, ExportError> {
    let mut map = Map::new();
    for (register, rule) in set.registers() {
        let Some(number) = numbering.number(*register) else {
            return Err(ExportError::Register { set: set.name().into(), register: register.name() });
        };
        let mut values = rule.values().iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            let (set, register, count) = (set.name().into(), register.name(), rule.values().len());
            return Err(ExportError::SeveralValues { set, register, count });
        };
        let entry: Map<String, Value> = [
            ("expected".to_string(), hex_of(value).into()),
            ("warnOnly".to_string(), rule.warns_only().into()),
        ]
        .into_iter()
        .collect();
        map.insert(number.to_string(), entry.into());
    }
    Ok(map.into())
}

/// What a map of measurements does not hold.
pub(super) fn losses_of(set: &Set) -> impl Iterator<Item = Loss> {
    let window = (set.window() != Window::ALWAYS).then(|| Loss::new(set.name(), Lost::Window));
    let minimums = set.minimums().keys().map(|minimum| Loss::new(set.name(), Lost::Minimum(minimum.name())));
    window.into_iter().chain(minimums)
}

/// What a list says nothing about.
pub(super) fn description(values: &ReferenceValues) -> Loss {
    let what = format!("serial number {} and time of issue", values.serial());
    Loss::new(values.name(), Lost::Description(what))
}
