//! Register policies, and those that a vendor signs.

use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::tee::vtpm::pcrsig::{PcrPolicy, PcrSignatures, Registers, SigningKey};
use attest_core::tee::vtpm::{AlgorithmId, Selection};
use attest_core::values::Digest;
use serde_json::{Value, json};

use super::facts::word;
use super::quote::Registers as Values;
use super::{Entry, Judge, Judged, Wrong};
use crate::{hex, unhex};

/// Values as the manifest gives them.
struct Quoted(Values);

impl Registers for Quoted {
    fn register(&self, bank: HashAlgorithm, index: u8) -> Option<Digest> {
        self.0.get(&(bank, index)).copied()
    }
}

impl Judge<'_> {
    pub(super) fn pcr_policy(&self, entry: &Entry<'_>) -> Judged {
        let list: Vec<Value> =
            serde_json::from_slice(entry.file("vectors")?).map_err(|error| error.to_string())?;
        crate::facts::all(entry.expected(), |name, _| Ok((name == "count").then(|| list.len().into())))?;
        for case in &list {
            let hash = bank(&case["policy_hash"])?;
            let (mut selection, mut quoted) = (Vec::new(), Values::new());
            for of in case["selection"].as_array().into_iter().flatten() {
                let registers = of["pcrs"].as_array().into_iter().flatten().map(register);
                let registers = registers.collect::<Result<Vec<_>, _>>()?;
                let of = Selection::of(AlgorithmId::of(bank(&of["bank"])?), registers);
                selection.push(of.ok_or("a register that there is not")?);
            }
            for value in case["values"].as_array().into_iter().flatten() {
                let digest = digest(&value["value"])?;
                quoted.insert((bank(&value["bank"])?, register(&value["index"])?), digest);
            }
            let quoted = Quoted(quoted);
            let policy = self.agree(entry, |provider| PcrPolicy::of(hash, &selection, &quoted, provider))?;
            let policy = policy.ok_or("refused")?;
            let found = [policy.pcr_digest(), policy.policy()].map(|digest| hex(digest.as_bytes()));
            if case["pcr_digest"] != found[0] || case["policy"] != found[1] {
                return Err(Wrong::Fails(format!("{found:?} where the manifest says {case}")));
            }
        }
        Ok(format!("{} policies", list.len()))
    }

    /// Every entry of the document must hold. `pcr11` lists values that the document must accept.
    pub(super) fn pcr_signature(&self, entry: &Entry<'_>) -> Judged {
        let document = PcrSignatures::from_json(entry.file("pcrsig")?).map_err(|error| error.to_string())?;
        let spki = entry.file("pubkey")?;
        self.agree(entry, |provider| {
            let key = SigningKey::from_spki(spki, provider)?;
            document.entries().iter().try_for_each(|entry| entry.verify(&key, provider))
        })?;
        let provider = self.provider()?;
        let key = SigningKey::from_spki(spki, provider).map_err(|error| error.to_string())?;
        crate::facts::all(entry.expected(), |name, value| {
            Ok(Some(match name {
                "entries" => {
                    let entries = document.entries().iter().map(|entry| {
                        let pcrs: Vec<u8> = entry.selection().indices().collect();
                        let bank = word(entry.selection().bank);
                        json!({"bank": bank, "pcrs": pcrs, "policy": hex(entry.policy())})
                    });
                    entries.collect::<Vec<_>>().into()
                }
                "pkfp" => hex(key.fingerprint()).into(),
                "pcr11" => {
                    phases(&document, &key, value, provider)?;
                    value.clone()
                }
                _ => return Ok(None),
            }))
        })?;
        Ok(format!("{} entries", document.entries().len()))
    }
}

/// Every phase of a boot has a value of register 11, and every value a signature; another value has none.
fn phases(
    document: &PcrSignatures,
    key: &SigningKey,
    values: &Value,
    provider: &CryptoProvider,
) -> Result<(), String> {
    for (name, phases) in values.as_object().into_iter().flatten() {
        let bank = bank(&name.as_str().into())?;
        for value in phases.as_object().into_iter().flatten().map(|(_, value)| value) {
            let accept = |value: Digest| {
                let values = Quoted([((bank, 11), value)].into());
                document.dangerous_accept_unquoted(key, &values, &[11], provider)
            };
            let value = digest(value)?;
            accept(value).map_err(|error| format!("pcr11: {error}"))?;
            let mut other = value.as_bytes().to_vec();
            other.reverse();
            if accept(Digest::new(&other).ok_or("no digest")?).is_ok() {
                return Err("pcr11: another value is accepted".to_owned());
            }
        }
    }
    Ok(())
}

fn bank(name: &Value) -> Result<HashAlgorithm, String> {
    let name = name.as_str().unwrap_or_default();
    HashAlgorithm::from_name(name).ok_or_else(|| format!("a bank that is not known: {name}"))
}

fn register(index: &Value) -> Result<u8, String> {
    index.as_u64().and_then(|index| u8::try_from(index).ok()).ok_or_else(|| format!("no register: {index}"))
}

fn digest(value: &Value) -> Result<Digest, String> {
    Digest::new(&unhex(value.as_str().unwrap_or_default())?).ok_or_else(|| format!("no digest: {value}"))
}
