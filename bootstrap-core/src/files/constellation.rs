//! The files of abandoned Constellation clusters, three generations of them: read, never written.

use attest_core::values::Hex;
use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::error::FileError;
use super::json::Object;
use super::yaml::Yaml;
use crate::keys::legacy::{LegacyMaster, MAX_KEY};

/// The largest old file that is read. Real ones have under 4 KiB.
pub const MAX_OLD_FILE: usize = 64 * 1024;

const MASTER: &str = "constellation-mastersecret.json";
const ID: &str = "constellation-id.json";
const STATE_JSON: &str = "constellation-state.json";
const STATE_YAML: &str = "constellation-state.yaml";

/// Reads `constellation-mastersecret.json`: key and salt in base64.
///
/// # Errors
/// [`FileError`].
pub fn read_master_secret(bytes: &[u8]) -> Result<LegacyMaster, FileError> {
    let mut object = bounded_object(MASTER, bytes)?;
    let key = base64(&mut object, "key")?;
    let salt = base64(&mut object, "salt")?;
    LegacyMaster::new(&key, &salt).map_err(|error| FileError::Key { file: MASTER, error })
}

/// What the old files tell of a cluster. A field that a generation does not have, or that was still empty, is `None`.
#[derive(Default)]
#[non_exhaustive]
pub struct OldCluster {
    /// The cluster id: 32 bytes, once it was initialised.
    pub cluster_id: Option<[u8; 32]>,
    /// The public salt that it comes from.
    pub measurement_salt: Option<Vec<u8>>,
    /// The secret that an init had to show.
    pub init_secret: Option<Zeroizing<Vec<u8>>>,
    /// The id in the names of its cloud resources.
    pub uid: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The cloud, in the old JSON generations.
    pub provider: Option<String>,
    /// Where it is reached.
    pub endpoint: Option<String>,
    /// Further names in the API server's certificate.
    pub api_server_names: Vec<String>,
    /// Azure's attestation provider.
    pub attestation_url: Option<String>,
}

impl core::fmt::Debug for OldCluster {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let id = self.cluster_id.as_ref();
        f.debug_struct("OldCluster")
            .field("cluster_id", &id.map(|id| Hex(id)))
            .field("measurement_salt", &self.measurement_salt.as_deref().map(Hex))
            .field("uid", &self.uid)
            .field("name", &self.name)
            .field("provider", &self.provider)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Reads `constellation-id.json` (July 2022 to October 2023).
///
/// # Errors
/// [`FileError`].
pub fn read_id(bytes: &[u8]) -> Result<OldCluster, FileError> {
    let mut object = bounded_object(ID, bytes)?;
    let cluster_id = optional_text(&mut object, "clusterID")?;
    let cluster_id = cluster_id.map(|text| cluster_id_of(ID, &text)).transpose()?;
    Ok(OldCluster {
        cluster_id,
        measurement_salt: optional_base64(&mut object, "measurementSalt")?.map(|salt| salt.to_vec()),
        init_secret: optional_base64(&mut object, "initsecret")?,
        uid: optional_text(&mut object, "uid")?,
        name: None,
        provider: optional_text(&mut object, "cloudprovider")?,
        endpoint: optional_text(&mut object, "ip")?,
        api_server_names: match object.optional("apiServerCertSANs") {
            // Go writes an empty list as null.
            Some(raw) if raw.get() == "null" => Vec::new(),
            Some(raw) => serde_json::from_str(raw.get())
                .map_err(|_| object.refuse("apiServerCertSANs", "not an array of strings"))?,
            None => Vec::new(),
        },
        attestation_url: optional_text(&mut object, "attestationURL")?,
    })
}

/// Reads `constellation-state.json` (until October 2022), which tells of cloud resources only.
///
/// # Errors
/// [`FileError`].
pub fn read_state_json(bytes: &[u8]) -> Result<OldCluster, FileError> {
    let mut object = bounded_object(STATE_JSON, bytes)?;
    Ok(OldCluster {
        uid: optional_text(&mut object, "uid")?,
        name: optional_text(&mut object, "name")?,
        provider: optional_text(&mut object, "cloudprovider")?,
        endpoint: optional_text(&mut object, "bootstrapperhost")?,
        ..OldCluster::default()
    })
}

/// Reads `constellation-state.yaml`, version 1.
///
/// # Errors
/// [`FileError`].
pub fn read_state_yaml(bytes: &[u8]) -> Result<OldCluster, FileError> {
    let file = STATE_YAML;
    if bytes.len() > MAX_OLD_FILE {
        return Err(FileError::TooLarge { file, max: MAX_OLD_FILE, actual: bytes.len() });
    }
    let problem = "not UTF-8";
    let text = core::str::from_utf8(bytes);
    let text = text.map_err(|_| FileError::Form { file, line: 1, column: 1, problem })?;
    let document = Yaml::read(file, text)?;
    match document.get("version").and_then(Yaml::scalar) {
        Some("v1") => {}
        _ => return Err(FileError::Field { file, field: "version", problem: "not v1" }),
    }
    let cluster_id = in_yaml(&document, "clusterValues", "clusterID", "clusterValues.clusterID")?;
    let cluster_id = cluster_id.and_then(yaml_text).map(|text| cluster_id_of(file, &text)).transpose()?;
    let salt = in_yaml(&document, "clusterValues", "measurementSalt", "clusterValues.measurementSalt")?;
    let salt = salt.map(|salt| yaml_bytes(salt, "clusterValues.measurementSalt")).transpose()?.flatten();
    let secret = in_yaml(&document, "infrastructure", "initSecret", "infrastructure.initSecret")?;
    let secret = secret.map(|secret| yaml_bytes(secret, "infrastructure.initSecret")).transpose()?.flatten();
    let text = |key, path| Ok(in_yaml(&document, "infrastructure", key, path)?.and_then(yaml_text));
    let names = document.get("infrastructure").and_then(|part| part.get("apiServerCertSANs"));
    let names = names.and_then(Yaml::sequence).unwrap_or_default().iter().map(|name| {
        let problem = "not a list of strings";
        let field = "infrastructure.apiServerCertSANs";
        name.scalar().map(str::to_owned).ok_or(FileError::Field { file, field, problem })
    });
    let azure = document.get("infrastructure").and_then(|part| part.get("azure"));
    Ok(OldCluster {
        cluster_id,
        measurement_salt: salt.map(|salt| salt.to_vec()),
        init_secret: secret,
        uid: text("uid", "infrastructure.uid")?,
        name: text("name", "infrastructure.name")?,
        provider: None,
        endpoint: text("clusterEndpoint", "infrastructure.clusterEndpoint")?,
        api_server_names: names.collect::<Result<_, _>>()?,
        attestation_url: azure.and_then(|azure| azure.get("attestationURL")).and_then(yaml_text),
    })
}

fn bounded_object<'a>(file: &'static str, bytes: &'a [u8]) -> Result<Object<'a>, FileError> {
    match bytes.len() > MAX_OLD_FILE {
        true => Err(FileError::TooLarge { file, max: MAX_OLD_FILE, actual: bytes.len() }),
        false => Object::plain(file, bytes),
    }
}

/// A string that may be missing or empty: Go writes both for "not set".
fn optional_text(object: &mut Object<'_>, field: &'static str) -> Result<Option<String>, FileError> {
    let Some(raw) = object.optional(field) else { return Ok(None) };
    let text: String = serde_json::from_str(raw.get()).map_err(|_| object.refuse(field, "not a string"))?;
    Ok((!text.is_empty()).then_some(text))
}

fn base64(object: &mut Object<'_>, field: &'static str) -> Result<Zeroizing<Vec<u8>>, FileError> {
    optional_base64(object, field)?.ok_or_else(|| object.refuse(field, "missing or empty"))
}

/// Bytes in base64, straight out of the text: it may be a secret.
fn optional_base64(
    object: &mut Object<'_>,
    field: &'static str,
) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let Some(raw) = object.optional(field) else { return Ok(None) };
    let digits = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let refuse = || object.refuse(field, "not base64 of at most 1024 bytes");
    let digits = match digits {
        Some("") => return Ok(None),
        None if raw.get() == "null" => return Ok(None),
        Some(digits) if digits.len() <= MAX_KEY.saturating_mul(2) => digits,
        Some(_) | None => return Err(refuse()),
    };
    let mut bytes = Zeroizing::new(vec![0; digits.len()]);
    let len = Base64::decode(digits.as_bytes(), bytes.as_mut_slice()).map_err(|_| refuse())?.len();
    bytes.truncate(len);
    Ok(Some(bytes))
}

/// Hexadecimal as the code wrote it, or base64 as its documentation said.
fn cluster_id_of(file: &'static str, text: &str) -> Result<[u8; 32], FileError> {
    let mut id = [0; 32];
    let read = match text.len() {
        64 => base16ct::mixed::decode(text, &mut id).is_ok_and(|read| read.len() == 32),
        _ => Base64::decode(text, &mut id).is_ok_and(|read| read.len() == 32),
    };
    let problem = "neither 64 hexadecimal digits nor base64 of 32 bytes";
    read.then_some(id).ok_or(FileError::Field { file, field: "clusterID", problem })
}

/// A value two levels down. A part that is there and is no map is refused.
fn in_yaml<'a>(
    document: &'a Yaml,
    part: &str,
    key: &str,
    field: &'static str,
) -> Result<Option<&'a Yaml>, FileError> {
    match document.get(part) {
        Some(part @ Yaml::Map(_)) => Ok(part.get(key)),
        None => Ok(None),
        Some(Yaml::Scalar(_) | Yaml::Sequence(_)) => {
            Err(FileError::Field { file: STATE_YAML, field, problem: "not in a map" })
        }
    }
}

fn yaml_text(value: &Yaml) -> Option<String> {
    value.scalar().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Hexadecimal, or the list of numbers that early releases wrote.
fn yaml_bytes(value: &Yaml, field: &'static str) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let refuse = || FileError::Field {
        file: STATE_YAML,
        field,
        problem: "neither hexadecimal nor a list of bytes, of at most 1024",
    };
    let bytes = match value {
        Yaml::Scalar(digits) => {
            if digits.len() > MAX_KEY.saturating_mul(2) {
                return Err(refuse());
            }
            let mut bytes = Zeroizing::new(vec![0; digits.len()]);
            let read = base16ct::mixed::decode(digits.as_bytes(), bytes.as_mut_slice());
            let len = read.map_err(|_| refuse())?.len();
            bytes.truncate(len);
            bytes
        }
        Yaml::Sequence(items) => {
            let mut bytes = Zeroizing::new(Vec::with_capacity(items.len()));
            for item in items.iter().take(MAX_KEY.saturating_add(1)) {
                let octet = item.scalar().and_then(|text| text.parse().ok());
                bytes.push(octet.ok_or_else(refuse)?);
            }
            if bytes.len() > MAX_KEY {
                return Err(refuse());
            }
            bytes
        }
        Yaml::Map(_) => return Err(refuse()),
    };
    Ok((!bytes.is_empty()).then_some(bytes))
}
