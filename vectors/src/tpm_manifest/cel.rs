//! Canonical event logs, beside registers as the log gives them.

use std::collections::{BTreeMap, BTreeSet};

use attest_core::crypto::HashAlgorithm;
use attest_core::eventlog::{CelLog, CelRecord, CelRegister};
use attest_core::values::Digest;
use serde_json::{Map, Value};

use super::{Entry, Judge, Judged, Wrong};
use crate::hex;

/// The only bank that the published log has.
const BANK: HashAlgorithm = HashAlgorithm::Sha384;

impl Judge<'_> {
    pub(super) fn cel(&self, entry: &Entry<'_>) -> Judged {
        let log = match CelLog::parse_tlv(entry.file("cel")?) {
            Ok(log) => log,
            Err(error) => {
                self.reasons.judge_tpm(entry.verdict, Some(error.check_id()), &[])?;
                crate::facts::all(entry.expected(), |_, _| Ok(None))?;
                return Ok(error.to_string());
            }
        };
        let registers: BTreeSet<CelRegister> = log.records().iter().map(CelRecord::register).collect();
        if registers.is_empty() {
            return Err("no record".into());
        }
        let start = Digest::filled(0, BANK.digest_len());
        for register in &registers {
            let value = log.replay(*register, BANK, self.provider()?).map_err(|error| error.to_string())?;
            let value = value.ok_or("a record without a digest of the bank")?;
            let unproven = self.agree(entry, |provider| {
                log.compare(*register, BANK, start, &value, provider).map(|proven| proven.unproven())
            })?;
            if unproven.is_some_and(|unproven| unproven != 0) {
                return Err(Wrong::Fails("not all records are proven".to_owned()));
            }
        }
        crate::facts::all(entry.expected(), |name, value| {
            Ok(Some(match name {
                "records" => log.records().len().into(),
                "content_types" => {
                    // Of TLV content only COS's type, 80, says how it is hashed.
                    let mut types = BTreeMap::<&str, u64>::new();
                    for record in log.records() {
                        *types.entry(if record.is_cos() { "80" } else { "other" }).or_default() += 1;
                    }
                    serde_json::to_value(types).map_err(|error| error.to_string())?
                }
                "replay" => self.replayed(&log, &registers, value)?,
                _ => return Ok(None),
            }))
        })?;
        Ok(format!("{} records", log.records().len()))
    }

    /// The value of every register, in the banks that are stated of it.
    fn replayed(
        &self,
        log: &CelLog<'_>,
        registers: &BTreeSet<CelRegister>,
        stated: &Value,
    ) -> Result<Value, String> {
        let mut found = Map::new();
        for register in registers {
            let name = match register {
                CelRegister::Cc(index) => format!("ccmr{index}"),
                CelRegister::Pcr(index) => format!("pcr{index}"),
                CelRegister::Other | _ => "other".to_owned(),
            };
            let mut values = Map::new();
            for bank in stated[&name].as_object().into_iter().flatten().map(|(bank, _)| bank) {
                let hash = HashAlgorithm::from_name(bank).ok_or_else(|| format!("no bank: {bank}"))?;
                let value =
                    log.replay(*register, hash, self.provider()?).map_err(|error| error.to_string())?;
                let value = value.map_or(Value::Null, |value| hex(value.as_bytes()).into());
                values.insert(bank.clone(), value);
            }
            found.insert(name, Value::Object(values));
        }
        Ok(Value::Object(found))
    }
}
