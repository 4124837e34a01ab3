//! What Google's certificates of attestation keys say of the machine: the extension 1.3.6.1.4.1.11129.2.1.21.
//!
//! ```text
//! GceInstanceInfo ::= SEQUENCE {
//!     zone UTF8String, projectNumber INTEGER, projectId UTF8String, instanceId INTEGER, instanceName UTF8String,
//!     securityProperties [0] SEQUENCE { securityVersion [0] INTEGER, isProduction [1] BOOLEAN, ... } OPTIONAL }
//! ```
//!
//! All tags are explicit. Some issuers leave the SEQUENCE inside `[0]` out: both forms are read. The properties may be followed
//! by others that Google does not name.
//!
//! Source: google/go-tpm-tools, server/instance_info.go.

use alloc::borrow::ToOwned;
use alloc::string::String;

use der::asn1::Utf8StringRef;
use der::{AnyRef, Decode, ErrorKind, Reader as _, SliceReader, Tag, Tagged};

use super::checks::certificate as checks;
use crate::error::{Malformed, Problem};
use crate::values::Value;
use crate::x509::reason;

/// Content octets of 1.3.6.1.4.1.11129.2.1.21.
pub const GCE_INSTANCE_ID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x15];

const STRUCTURE: &str = "GCE instance information";

/// The extension, read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GceInfo {
    /// The instance that a production authority names.
    Instance(GceInstance),
    /// The authority says that it is not a production one, or does not say that it is: whom it names means nothing.
    NotProduction,
}

/// One instance, by all its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GceInstance {
    zone: String,
    project_number: u64,
    project_id: String,
    instance_id: u64,
    instance_name: String,
    security_version: Option<u64>,
}

/// Security properties, as far as anything is made of them.
#[derive(Default)]
struct Properties {
    security_version: Option<u64>,
    production: bool,
}

impl GceInfo {
    /// Reads the extension's value.
    ///
    /// # Errors
    /// [`Malformed`] for what is not DER of this form, a negative number, and properties that stand twice or out of order.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        // The field that is read, and where it starts.
        let (mut field, mut at) = ("sequence", der::Length::ZERO);
        let mut read = || {
            let mut reader = SliceReader::new(value)?;
            let info = reader.sequence(|r| {
                (field, at) = ("zone", r.position());
                let zone = text(r)?;
                (field, at) = ("projectNumber", r.position());
                let project_number = u64::decode(r)?;
                (field, at) = ("projectId", r.position());
                let project_id = text(r)?;
                (field, at) = ("instanceId", r.position());
                let instance_id = u64::decode(r)?;
                (field, at) = ("instanceName", r.position());
                let instance_name = text(r)?;
                (field, at) = ("securityProperties", r.position());
                let Properties { security_version, production } =
                    if r.is_finished() { Properties::default() } else { properties(r)? };
                let instance = GceInstance {
                    zone,
                    project_number,
                    project_id,
                    instance_id,
                    instance_name,
                    security_version,
                };
                Ok::<_, der::Error>(if production { Self::Instance(instance) } else { Self::NotProduction })
            })?;
            (field, at) = ("end", reader.position());
            reader.finish()?;
            Ok::<_, der::Error>(info)
        };
        read().map_err(|error| {
            let offset = usize::try_from(at).unwrap_or_default();
            let problem =
                Problem::value(&checks::GCE_INSTANCE, "DER of the known form", reason(error.kind()));
            Malformed { structure: STRUCTURE, field, offset, problem }
        })
    }

    /// The instance, if a production authority names it.
    pub const fn instance(&self) -> Option<&GceInstance> {
        match self {
            Self::Instance(instance) => Some(instance),
            Self::NotProduction => None,
        }
    }

    /// Calls `f` with each claim's name and value, in a fixed order. Nobody is named who is not vouched for.
    pub(super) fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        let instance = match self {
            Self::Instance(instance) => instance,
            Self::NotProduction => return f("gce_production", "no".into()),
        };
        f("gce_production", "yes".into());
        f("gce_zone", Value::text(&instance.zone));
        f("gce_project_number", instance.project_number.into());
        f("gce_project_id", Value::text(&instance.project_id));
        f("gce_instance_id", instance.instance_id.into());
        f("gce_instance_name", Value::text(&instance.instance_name));
        f("gce_security_version", instance.security_version.map_or(Value::None, Value::from));
    }
}

impl GceInstance {
    /// zone.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// projectNumber: the project, for ever.
    pub const fn project_number(&self) -> u64 {
        self.project_number
    }

    /// projectId: the project's name.
    pub fn project_id(&self) -> &str {
        &self.project_id
    }

    /// instanceId: the instance, for ever.
    pub const fn instance_id(&self) -> u64 {
        self.instance_id
    }

    /// instanceName: another instance may have it later.
    pub fn instance_name(&self) -> &str {
        &self.instance_name
    }

    /// securityVersion.
    pub const fn security_version(&self) -> Option<u64> {
        self.security_version
    }
}

fn text(reader: &mut SliceReader<'_>) -> der::Result<String> {
    Ok(Utf8StringRef::decode(reader)?.as_str().to_owned())
}

/// `[0]`, with a SEQUENCE around its content or without.
fn properties(reader: &mut SliceReader<'_>) -> der::Result<Properties> {
    let tagged = AnyRef::decode(reader)?;
    if number(tagged.tag())? != 0 {
        return Err(ErrorKind::TagUnexpected { expected: None, actual: tagged.tag() }.into());
    }
    let mut content = SliceReader::new(tagged.value())?;
    if !content.is_finished() && Tag::peek(&content)? == Tag::Sequence {
        let wrapped = AnyRef::decode(&mut content)?;
        content.finish()?;
        content = SliceReader::new(wrapped.value())?;
    }
    let mut properties = Properties::default();
    let mut last = None;
    while !content.is_finished() {
        let property = AnyRef::decode(&mut content)?;
        let number = number(property.tag())?;
        // Ascending, so that none stands twice.
        if last.is_some_and(|last| last >= number) {
            return Err(ErrorKind::SetOrdering.into());
        }
        last = Some(number);
        let mut value = SliceReader::new(property.value())?;
        match number {
            0 => properties.security_version = Some(u64::decode(&mut value)?),
            1 => properties.production = bool::decode(&mut value)?,
            _ => drop(AnyRef::decode(&mut value)?),
        }
        value.finish()?;
    }
    Ok(properties)
}

/// The number of an explicit tag.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other tags are wrong here")]
fn number(tag: Tag) -> der::Result<u32> {
    match tag {
        Tag::ContextSpecific { constructed: true, number } => Ok(number.value()),
        actual => Err(ErrorKind::TagUnexpected { expected: None, actual }.into()),
    }
}
