//! The runtime data: `{"keys": [JWK, ...], "vm-configuration": {...}, "user-data": hex}`, as the paravisor writes them.
//!
//! Members that are not known are read and left alone: all bytes are hashed, so nobody but the paravisor can add one. No member
//! of any object may stand twice.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::checks::wire as checks;
use crate::checks::{Check, holds};
use crate::encoding::Base64;
use crate::error::{Malformed, Problem};
use crate::json_tree::{Bounds, Node, offset};
use crate::tee::vtpm::{Public, template};
use crate::values::Value;

/// The largest runtime data that are read, in bytes. Azure's have 1202.
pub const MAX_RUNTIME_DATA: usize = 8 * 1024;
/// Azure's nest three deep.
const BOUNDS: Bounds = Bounds { depth: 8, items: 64 };

const STRUCTURE: &str = "runtime data";
const AK: &str = "HCLAkPub";

/// Runtime data, read. They say what their author likes until a hardware report commits to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeData {
    keys: Vec<HclKey>,
    ak: HclAk,
    vm_configuration: Vec<(String, Setting)>,
    user_data: Option<[u8; 64]>,
}

/// What is said of a key, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HclKey {
    /// `kid`.
    pub id: String,
    /// `key_ops`. Older paravisors write `encrypt` for the attestation key, so nothing is judged by it.
    pub operations: Vec<String>,
}

/// The attestation key in the template of Azure's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HclAk(Vec<u8>);

/// A setting of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// true or false.
    Flag(bool),
    /// A whole number that is not negative.
    Number(u64),
    /// Anything else; only that it is there is known.
    Other,
    /// Text.
    Text(String),
}

impl From<&Node> for Setting {
    fn from(node: &Node) -> Self {
        match node {
            Node::Flag(flag) => Self::Flag(*flag),
            Node::Number(number) => Self::Number(*number),
            Node::Text(text) => Self::Text(text.clone()),
            Node::List(_) | Node::Object(_) | Node::Other => Self::Other,
        }
    }
}

impl From<&Setting> for Value {
    fn from(setting: &Setting) -> Self {
        match setting {
            Setting::Flag(flag) => if *flag { "true" } else { "false" }.into(),
            Setting::Number(number) => (*number).into(),
            Setting::Other => "of another form".into(),
            Setting::Text(text) => Self::text(text),
        }
    }
}

impl HclAk {
    /// TPMT_PUBLIC: what a TPM that holds the key in this template says of it.
    pub fn public_area(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn public(&self) -> Result<Public<'_>, Malformed> {
        Public::parse(&self.0)
    }
}

impl RuntimeData {
    /// Reads runtime data.
    ///
    /// # Errors
    /// [`Malformed`] for what is no JSON of this form, a member or a kid that stands twice, no key HCLAkPub, a key whose numbers
    /// are not canonical, and more than the stated bounds.
    pub fn from_json(document: &[u8]) -> Result<Self, Malformed> {
        if document.len() > MAX_RUNTIME_DATA {
            let problem = Problem::TooLarge { max: MAX_RUNTIME_DATA, actual: document.len() };
            return Err(Malformed { structure: STRUCTURE, field: "document", offset: 0, problem });
        }
        let root = Node::read(document, BOUNDS).map_err(|error| {
            let actual = Value::text(&error.to_string());
            let problem = Problem::value(&checks::RUNTIME_JSON, "JSON of the known form", actual);
            Malformed { structure: STRUCTURE, field: "document", offset: offset(document, &error), problem }
        })?;
        let list = root.member("keys").and_then(Node::list).ok_or_else(|| form("keys"))?;
        let mut keys: Vec<HclKey> = Vec::new();
        let mut ak = None;
        for key in list {
            let id = key.member("kid").and_then(Node::text).ok_or_else(|| form("keys.kid"))?;
            if !holds(&checks::KEY_ID, keys.iter().all(|earlier| earlier.id != id)) {
                return Err(refused(&checks::KEY_ID, "keys.kid", "once", Value::text(id)));
            }
            if id == AK && ak.is_none() {
                ak = Some(rsa(key).ok_or_else(|| {
                    refused(&checks::AK_KEY, "keys.HCLAkPub", "an RSA key", "a key of another form")
                })?);
            }
            keys.push(HclKey { id: id.to_owned(), operations: operations(key)? });
        }
        // Without the key there is no way on; the check cannot be taken away.
        let ak = ak.ok_or_else(|| refused(&checks::AK, "keys", AK, "no key of this kid"))?;
        let vm_configuration = match root.member("vm-configuration") {
            None => Vec::new(),
            Some(Node::Object(members)) => {
                members.iter().map(|(name, node)| (name.clone(), node.into())).collect()
            }
            Some(_) => return Err(form("vm-configuration")),
        };
        let user_data = match root.member("user-data") {
            None => None,
            Some(node) => Some(node.hex().ok_or_else(|| form("user-data"))?),
        };
        Ok(Self { keys, ak, vm_configuration, user_data })
    }

    /// All keys, in their order; no two have one kid.
    pub fn keys(&self) -> &[HclKey] {
        &self.keys
    }

    /// HCLAkPub.
    pub const fn ak(&self) -> &HclAk {
        &self.ak
    }

    /// The machine's settings as the paravisor tells them, by name, in their order.
    pub fn vm_configuration(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.vm_configuration.iter().map(|(name, setting)| (name.as_str(), setting))
    }

    /// The machine's id, `vmUniqueId` of the settings; `None` on older machines.
    pub fn vm_unique_id(&self) -> Option<&str> {
        self.vm_configuration.iter().find_map(|(name, setting)| match setting {
            Setting::Text(text) if name == "vmUniqueId" => Some(text.as_str()),
            Setting::Flag(_) | Setting::Number(_) | Setting::Other | Setting::Text(_) => None,
        })
    }

    /// What the guest wrote into NV index 01400002h before the report was made; `None` on older machines.
    pub const fn user_data(&self) -> Option<&[u8; 64]> {
        self.user_data.as_ref()
    }

    /// Calls `f` with each claim's name and value, in a fixed order; settings by the paravisor's own names.
    pub fn for_each(&self, mut f: impl FnMut(&str, Value)) {
        self.keys.iter().for_each(|key| f("key", Value::text(&key.id)));
        self.vm_configuration().for_each(|(name, setting)| f(name, setting.into()));
        f("user-data", self.user_data.as_ref().map_or(Value::None, |data| data[..].into()));
    }
}

fn refused(
    check: &'static Check,
    field: &'static str,
    expected: impl Into<Value>,
    actual: impl Into<Value>,
) -> Malformed {
    let problem = Problem::value(check, expected, actual);
    Malformed { structure: STRUCTURE, field, offset: 0, problem }
}

fn form(field: &'static str) -> Malformed {
    refused(&checks::RUNTIME_JSON, field, "a value of the known form", "missing, or of another form")
}

/// An RSA JWK (RFC 7518, 6.3.1) as the public area of Azure's template: numbers without leading zeros, the modulus of full length.
fn rsa(key: &Node) -> Option<HclAk> {
    let number = |name, max| Base64::Url.decode(key.member(name)?.text()?, max);
    let (modulus, exponent) = (number("n", 512)?, number("e", 4)?);
    let whole = modulus.len() >= 256 && modulus.first()? & 0x80 != 0 && *exponent.first()? != 0;
    let right = holds(&checks::AK_KEY, whole && key.member("kty")?.text()? == "RSA");
    let exponent = exponent.iter().fold(0_u32, |number, octet| number << 8 | u32::from(*octet));
    template::azure(&modulus, exponent).filter(|_| right).map(HclAk)
}

fn operations(key: &Node) -> Result<Vec<String>, Malformed> {
    let Some(node) = key.member("key_ops") else { return Ok(Vec::new()) };
    let texts = node.list().and_then(|list| list.iter().map(|node| node.text().map(str::to_owned)).collect());
    texts.ok_or_else(|| form("keys.key_ops"))
}
