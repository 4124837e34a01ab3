//! TPM evidence and its parts: quotes, signatures, keys, and values that nothing vouches for.

use attest_core::crypto::HashAlgorithm;
use attest_core::eventlog::Log;
use attest_core::tee::vtpm::{
    AlgorithmId, Attest, AttestationKey, Attested, Attributes, Key, MAGIC, Public, Scheme, Signature,
    SignatureValue, TpmEvidence,
};
use attest_core::values::Hex;
use attest_core::x509::PublicKey;
use attest_core::{Error, Evidence};
use serde_json::{Map, Value, json};

use super::WARNING;
use super::certificates::{certificates, crls, listing};
use crate::args::{Inspect, Provider};
use crate::tpm_files::unsized_public;

/// Named values in a fixed order.
type Fields = Map<String, Value>;

/// A structure that stands alone in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Attest,
    Public,
    Signature,
}

impl Part {
    /// What `bytes` begin like. Whether they hold what they promise, parsing says.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&MAGIC.to_be_bytes()) {
            return Some(Self::Attest);
        }
        // TPM2B_PUBLIC has its length in front; one that was cut is told so.
        let sized = bytes.get(2..).and_then(Self::by_numbers).filter(|part| *part == Self::Public);
        Self::by_numbers(bytes).or(sized)
    }

    /// By the two numbers that signatures and keys begin with: a scheme or a type, and a hash algorithm.
    fn by_numbers(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d, ..] = *bytes else { return None };
        AlgorithmId(u16::from_be_bytes([c, d])).digest_len()?;
        match AlgorithmId(u16::from_be_bytes([a, b])) {
            AlgorithmId::RSA | AlgorithmId::ECC => Some(Self::Public),
            AlgorithmId::RSASSA | AlgorithmId::RSAPSS | AlgorithmId::ECDSA => Some(Self::Signature),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Attest => "TPMS_ATTEST",
            Self::Public => "TPMT_PUBLIC",
            Self::Signature => "TPMT_SIGNATURE",
        }
    }

    pub(super) fn show(self, how: &Inspect, bytes: &[u8]) -> Result<String, Error> {
        let fields = match self {
            Self::Attest => attest(&Attest::parse(bytes)?),
            Self::Public => public(&Public::parse(unsized_public(bytes))?)?,
            Self::Signature => signature(&Signature::parse(bytes)?),
        };
        if how.json {
            let document = json!({
                "version": 1,
                "verified": false,
                "structure": self.name(),
                "fields": fields,
            });
            return Ok(document.to_string() + "\n");
        }
        Ok(format!("{WARNING}\n{}", section(self.name(), &fields)))
    }
}

/// Evidence as JSON or as text.
pub(super) fn show(how: &Inspect, evidence: &Evidence) -> Result<String, Error> {
    let parts = TpmEvidence::parse(&evidence.bytes)?;
    let mut quotes = Vec::new();
    for quote in &parts.quotes {
        let mut fields = attest(&Attest::parse(&quote.attest)?);
        fields.append(&mut signature(&Signature::parse(&quote.signature)?));
        let values = quote.pcrs.iter().map(|pcr| {
            let value = Hex(&pcr.value).to_string();
            (format!("{}:{}", pcr.bank, pcr.index), json!(value))
        });
        quotes.push((fields, values.collect::<Fields>()));
    }
    let ak = match &parts.ak {
        AttestationKey::Public(bytes) => public(&Public::parse(bytes)?)?,
        AttestationKey::Spki(spki) => bare(spki)?,
    };
    let events = match parts.event_log.as_slice() {
        [] => 0,
        log => Log::parse(log)?.len(),
    };
    if how.json {
        let quotes: Vec<_> = quotes
            .iter()
            .map(|(fields, values)| json!({ "fields": fields, "unverified_registers": values }))
            .collect();
        let document = json!({
            "version": 1,
            "verified": false,
            "format": evidence.format.id(),
            "quotes": quotes,
            "attestation_key": ak,
            "event_log": { "bytes": parts.event_log.len(), "events": events },
            "certificates": certificates(&evidence.carried),
            "crls": crls(&evidence.carried),
        });
        return Ok(document.to_string() + "\n");
    }
    let mut text = format!("{WARNING}\n");
    for (number, (fields, values)) in quotes.iter().enumerate() {
        text += &section(&format!("quote {number}"), fields);
        text += &section("  register values that came along, UNVERIFIED", values);
    }
    text += &section("attestation key", &ak);
    text += &match parts.event_log.len() {
        0 => "\nevent log\n  none\n".into(),
        bytes => format!("\nevent log\n  {events} events, {bytes} bytes, UNVERIFIED\n"),
    };
    Ok(text + &listing(&evidence.carried))
}

/// A headline and a line for each field.
fn section(title: &str, fields: &Fields) -> String {
    let width = fields.keys().map(String::len).max().unwrap_or_default();
    let mut text = format!("\n{title}\n");
    for (name, value) in fields {
        let value = match (value.as_str(), value.as_array()) {
            (Some(value), _) => value.into(),
            (None, Some(values)) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            (None, None) => value.to_string(),
        };
        text += &format!("  {name:width$}  {value}\n");
    }
    text
}

fn attest(attest: &Attest<'_>) -> Fields {
    let clock = attest.clock();
    let mut fields = Fields::from_iter([
        ("type".into(), json!(format!("{:#06x}", attest.kind()))),
        ("qualified_signer".into(), json!(Hex(attest.qualified_signer()).to_string())),
        ("extra_data".into(), json!(Hex(attest.extra_data()).to_string())),
        ("clock".into(), json!(clock.clock)),
        ("reset_count".into(), json!(clock.reset_count)),
        ("restart_count".into(), json!(clock.restart_count)),
        ("safe".into(), json!(clock.safe)),
        ("firmware_version".into(), json!(format!("{:#x}", attest.firmware_version()))),
    ]);
    let more: Vec<(&str, Value)> = match attest.attested() {
        Attested::Certify { name, qualified_name } => Vec::from([
            ("attested", json!("certify")),
            ("name", json!(Hex(name).to_string())),
            ("qualified_name", json!(Hex(qualified_name).to_string())),
        ]),
        Attested::Creation { object_name, creation_hash } => Vec::from([
            ("attested", json!("creation")),
            ("object_name", json!(Hex(object_name).to_string())),
            ("creation_hash", json!(Hex(creation_hash).to_string())),
        ]),
        Attested::Quote { selection, pcr_digest } => {
            let selected = selection.iter().map(|entry| {
                let indices: Vec<_> = entry.indices().map(|index| index.to_string()).collect();
                format!("{}:{}", entry.bank, indices.join(","))
            });
            Vec::from([
                ("attested", json!("quote")),
                ("selection", json!(selected.collect::<Vec<_>>())),
                ("pcr_digest", json!(Hex(pcr_digest).to_string())),
            ])
        }
        // The union's other arms, and whatever a newer core reads of them.
        Attested::Other | _ => Vec::from([("attested", json!("another type, not decoded"))]),
    };
    fields.extend(more.into_iter().map(|(name, value)| (name.into(), value)));
    fields
}

fn signature(signature: &Signature<'_>) -> Fields {
    let mut fields = Fields::from_iter([
        ("signature_scheme".into(), json!(signature.scheme.to_string())),
        ("signature_hash".into(), json!(signature.hash.to_string())),
    ]);
    match signature.value {
        SignatureValue::Ecdsa { r, s } => {
            fields.insert("signature_r".into(), json!(Hex(r).to_string()));
            fields.insert("signature_s".into(), json!(Hex(s).to_string()));
        }
        SignatureValue::Rsa(number) => {
            fields.insert("signature".into(), json!(Hex(number).to_string()));
        }
    }
    fields
}

fn public(public: &Public<'_>) -> Result<Fields, Error> {
    let Attributes(bits) = public.attributes();
    let set = Attributes::NAMES.iter().filter(|(bit, _)| bits >> bit & 1 == 1);
    let Scheme { scheme, hash, .. } = public.scheme();
    let mut fields = Fields::from_iter([
        // A name in a hash that no provider has is not shown; what the key is, the rest says.
        ("name".into(), json!(public.name(Provider::FIRST.get()).ok().map(|name| format!("{name:?}")))),
        ("name_alg".into(), json!(public.name_alg().to_string())),
        ("attributes".into(), json!(format!("{bits:#010x}"))),
        ("attribute_names".into(), json!(set.map(|(_, name)| *name).collect::<Vec<_>>())),
        ("auth_policy".into(), json!(Hex(public.auth_policy()).to_string())),
        ("symmetric".into(), json!(public.symmetric().algorithm.to_string())),
        ("scheme".into(), json!(scheme.to_string())),
        ("scheme_hash".into(), json!(hash.to_string())),
    ]);
    let key: Vec<(&str, Value)> = match public.key() {
        Key::Ecc { curve, x, y } => Vec::from([
            ("type", json!("ecc")),
            (
                "curve",
                json!(curve.curve().map_or_else(|| format!("{:#06x}", curve.0), |known| known.name().into())),
            ),
            ("x", json!(Hex(x).to_string())),
            ("y", json!(Hex(y).to_string())),
        ]),
        Key::Rsa { bits, exponent, modulus } => Vec::from([
            ("type", json!("rsa")),
            ("bits", json!(bits)),
            ("exponent", json!(exponent)),
            ("modulus", json!(Hex(modulus).to_string())),
        ]),
    };
    fields.extend(key.into_iter().map(|(name, value)| (name.into(), value)));
    Ok(fields)
}

/// A key of which only the numbers came: attributes and scheme are not known.
fn bare(spki: &[u8]) -> Result<Fields, Error> {
    let key = PublicKey::parse(spki)?;
    let digest = Provider::FIRST.get().digest(HashAlgorithm::Sha256, &[spki])?;
    Ok(Fields::from_iter([
        ("form".into(), json!("SubjectPublicKeyInfo: attributes and scheme are not known")),
        ("type".into(), json!(key.name())),
        ("spki_sha256".into(), json!(format!("{digest:?}"))),
    ]))
}
