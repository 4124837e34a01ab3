//! Facts of attestations, signatures, keys and logs.

use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::eventlog::{Log, Register, Replay, Startup};
use attest_core::tee::vtpm::{
    AlgorithmId, Attest, Attested, Attributes, Hierarchy, Public, Selection, Signature,
};
use serde_json::{Map, Value, json};

use super::{Entry, Judge};
use crate::{facts, hex};

/// Facts of a quote that cannot be compared where our reader refuses it.
const QUOTE: [&str; 10] = [
    "type",
    "qualified_signer",
    "extra_data",
    "clock_ms",
    "reset_count",
    "restart_count",
    "safe",
    "firmware_version",
    "pcr_selection",
    "pcr_digest",
];
/// The same of a log.
pub(super) const LOG: [&str; 6] =
    ["banks", "events", "format", "parse", "quoted_pcrs_without_events", "replay"];

/// What of an entry's evidence our readers take.
pub(super) struct Read<'a> {
    pub(super) attest: Option<Attest<'a>>,
    pub(super) signature: Option<Signature<'a>>,
    pub(super) public: Option<Public<'a>>,
}

impl Judge<'_> {
    /// Compares the facts of an attestation with the entry's: `wanted` is `expected`, or a part of it. Names in `apart` are
    /// compared elsewhere.
    ///
    /// An attestation that our reader refuses has no facts. Then the manifest must have wanted it refused, either as a parse
    /// (`attest_parse`) or, where it reads on and judges later, as its verdict.
    pub(super) fn attestation(
        &self,
        entry: &Entry<'_>,
        wanted: &Value,
        read: &Read<'_>,
        apart: &[&str],
    ) -> Result<(), String> {
        let refused = match &read.attest {
            Some(_) => None,
            None => Attest::parse(entry.file("attest")?).err(),
        };
        if let (Some(error), true) = (&refused, wanted["attest_parse"].is_null()) {
            let found = self.reasons.judge_tpm(entry.verdict, Some(error.check_id()), &[]);
            found.map_err(|other| format!("attest: {error}: {other}"))?;
        }
        let provider = self.provider()?;
        facts::all(wanted, |name, value| {
            if apart.contains(&name) {
                return Ok(Some(value.clone()));
            }
            let found = match name {
                "attest_parse" => {
                    let error = refused.as_ref().ok_or("attest: it is read")?;
                    let word = value.as_str().unwrap_or_default();
                    self.reasons.judge_tpm(word, Some(error.check_id()), &[])?;
                    Some(value.clone())
                }
                "signature" => read.signature.as_ref().map(signature),
                "ak" => read.public.map(|public| key(&public, read, value, provider)).transpose()?,
                "ak_spki_sha256" => Some(digest(provider, HashAlgorithm::Sha256, entry.file("ak_spki")?)?),
                _ if refused.is_some() => QUOTE.contains(&name).then(|| value.clone()),
                _ => read.attest.as_ref().and_then(|attest| of_attest(name, attest)),
            };
            Ok(found)
        })
    }
}

/// A digest in hexadecimal digits.
pub(super) fn digest(provider: &CryptoProvider, hash: HashAlgorithm, bytes: &[u8]) -> Result<Value, String> {
    let digest = provider.digest(hash, &[bytes]).map_err(|error| error.to_string())?;
    Ok(hex(digest.as_bytes()).into())
}

/// A fact of an attestation by its name in the manifest; `None` for a name that is not known, or that its type does not have.
fn of_attest(name: &str, attest: &Attest<'_>) -> Option<Value> {
    let clock = attest.clock();
    Some(match (name, attest.attested()) {
        ("type", _) => format!("{:#06x}", attest.kind()).into(),
        ("qualified_signer", _) => hex(attest.qualified_signer()).into(),
        ("extra_data", _) => hex(attest.extra_data()).into(),
        ("clock_ms", _) => clock.clock.into(),
        ("reset_count", _) => clock.reset_count.into(),
        ("restart_count", _) => clock.restart_count.into(),
        ("safe", _) => u8::from(clock.safe).into(),
        ("firmware_version", _) => format!("{:#018x}", attest.firmware_version()).into(),
        ("pcr_selection", Attested::Quote { selection, .. }) => {
            selection.iter().map(selected).collect::<Vec<Value>>().into()
        }
        ("pcr_digest", Attested::Quote { pcr_digest, .. }) => hex(pcr_digest).into(),
        ("certified_name", Attested::Certify { name, .. }) => hex(name).into(),
        ("certified_qualified_name", Attested::Certify { qualified_name, .. }) => hex(qualified_name).into(),
        ("created_name", Attested::Creation { object_name, .. }) => hex(object_name).into(),
        ("creation_hash", Attested::Creation { creation_hash, .. }) => hex(creation_hash).into(),
        _ => return None,
    })
}

fn selected(entry: &Selection) -> Value {
    let registers: Vec<u8> = entry.indices().collect();
    json!({"bank": word(entry.bank), "pcrs": registers, "size_of_select": entry.size})
}

fn signature(signature: &Signature<'_>) -> Value {
    json!({"scheme": word(signature.scheme), "hash": word(signature.hash)})
}

fn key(
    public: &Public<'_>,
    read: &Read<'_>,
    wanted: &Value,
    provider: &CryptoProvider,
) -> Result<Value, String> {
    let name = public.name(provider).map_err(|error| error.to_string())?;
    let attributes = public.attributes().0;
    let set = Attributes::NAMES.iter().filter(|(bit, _)| (attributes >> bit) & 1 == 1);
    let mut found = Map::new();
    found.insert("name".to_owned(), hex(name.as_bytes()).into());
    found.insert("name_alg".to_owned(), word(public.name_alg()).into());
    found.insert("attributes".to_owned(), format!("{attributes:#010x}").into());
    found.insert("attribute_names".to_owned(), set.map(|(_, name)| *name).collect::<Vec<_>>().into());
    // The manifest leaves it out where the signer is nobody's primary, or was made up.
    let signer = read.attest.as_ref().map(Attest::qualified_signer).unwrap_or_default();
    for hierarchy in Hierarchy::ALL {
        let qualified = name.qualified(&hierarchy.handle(), provider).map_err(|error| error.to_string())?;
        if qualified.as_bytes() == signer {
            found.insert("qualified_signer_is_primary_of".to_owned(), hierarchy.name().into());
        }
    }
    // Without an attestation that is read there is no signer to compare.
    if let (None, Some(stated)) = (&read.attest, wanted.get("qualified_signer_is_primary_of")) {
        found.insert("qualified_signer_is_primary_of".to_owned(), stated.clone());
    }
    Ok(Value::Object(found))
}

/// The manifest's word for an algorithm.
pub(super) fn word(algorithm: AlgorithmId) -> String {
    algorithm.to_string().replace('-', "_")
}

/// The algorithm of a word.
pub(super) fn algorithm(word: &str) -> Result<AlgorithmId, String> {
    let digits = word.strip_prefix("0x").map(|digits| u16::from_str_radix(digits, 16));
    match digits {
        Some(number) => number.map(AlgorithmId).map_err(|error| error.to_string()),
        None => (0..0x100)
            .map(AlgorithmId)
            .find(|id| id.name().is_some_and(|name| name.replace('-', "_") == word))
            .ok_or_else(|| format!("an algorithm that is not known: {word}")),
    }
}

/// A fact of a log by its name; `None` for a name that is not known. Banks and registers that cannot be replayed are left out.
pub(super) fn of_log(
    name: &str,
    log: &Log<'_>,
    wanted: &Value,
    provider: &CryptoProvider,
) -> Result<Option<Value>, String> {
    Ok(Some(match name {
        "format" => if log.spec_id().is_some() { "crypto-agile" } else { "sha1-legacy" }.into(),
        "banks" => log.banks().iter().map(|bank| word(AlgorithmId(bank.id()))).collect::<Vec<_>>().into(),
        "events" => log.len().into(),
        "replay" => replay(log, wanted, provider)?,
        "startup_locality" => match log.startup() {
            Startup::Locality(locality) => locality.into(),
            Startup::HCrtm | Startup::Unsaid => Value::Null,
        },
        "event_types" => {
            let mut types = Map::new();
            for event in log.events() {
                let count = types.entry(event.kind().dangerous_unproven().to_string()).or_insert(0.into());
                *count = (count.as_u64().unwrap_or_default() + 1).into();
            }
            Value::Object(types)
        }
        _ => return Ok(None),
    }))
}

fn replay(log: &Log<'_>, wanted: &Value, provider: &CryptoProvider) -> Result<Value, String> {
    let mut banks = Map::new();
    for (name, stated) in wanted.as_object().into_iter().flatten() {
        let Some(bank) = HashAlgorithm::from_name(name) else {
            // A bank that no provider has: it is read, and cannot be replayed.
            let listed = log.banks().iter().any(|bank| word(AlgorithmId(bank.id())) == *name);
            if !listed {
                return Err(format!("replay: the log has no bank {name}"));
            }
            banks.insert(name.clone(), stated.clone());
            continue;
        };
        let replay = Replay::new(log, bank, provider);
        let registers = (0..24).filter_map(|pcr| match replay.register(pcr) {
            Some(Register::Value(value)) => Some((pcr.to_string(), hex(value.as_bytes()).into())),
            _ => None,
        });
        banks.insert(name.clone(), Value::Object(registers.collect()));
    }
    Ok(Value::Object(banks))
}
