//! Event logs and IMA lists by themselves.
//!
//! What other readers said of the same logs is compared too, beside registers as the log gives them: a log alone proves nothing.

use std::collections::BTreeMap;

use attest_core::crypto::HashAlgorithm;
use attest_core::error::Malformed;
use attest_core::eventlog::{
    Boot, Event, EventKind, GrubLine, IMA_REGISTER, ImaHashing, ImaLog, Log, MemoryEncryption, Register,
    Replay, SecureBoot, Signatures, State, Variable,
};
use attest_core::values::Digest;
use attest_core::x509::Certificate;
use serde_json::Value;

use super::facts::of_log;
use super::{Entry, Judge, Judged, Wrong};
use crate::hex;

impl Judge<'_> {
    pub(super) fn event_log(&self, entry: &Entry<'_>) -> Judged {
        let log = Log::parse(entry.file("event_log")?);
        self.reasons.judge_tpm(entry.verdict, log.as_ref().err().map(Malformed::check_id), &[])?;
        let log = match log {
            Ok(log) => log,
            Err(error) => {
                no_facts(entry)?;
                return Ok(error.to_string());
            }
        };
        let boot = self.as_told(&log, |registers| registers.contains_key(&7))?;
        crate::facts::all(entry.expected(), |name, value| match name {
            "go_eventlog_extract" => self.extracted(value, &log, boot.as_ref()).map(|()| Some(value.clone())),
            "go_eventlog_grub" => grub(value, boot.as_ref()).map(|()| Some(value.clone())),
            "go_attestation_secure_boot_enabled" => {
                // It says false where it says nothing.
                let secure_boot = boot.as_ref().and_then(|boot| boot.secure_boot().ok());
                Ok(Some(secure_boot.is_some_and(|claim| claim.state() == State::Enabled).into()))
            }
            _ => of_log(name, &log, value, self.provider()?),
        })?;
        Ok(format!("{} events", log.len()))
    }

    /// The log beside registers as it gives them, in the strongest bank of which `fits` holds.
    fn as_told<'a>(
        &self,
        log: &Log<'a>,
        fits: impl Fn(&BTreeMap<u8, Digest>) -> bool,
    ) -> Result<Option<Boot<'a>>, String> {
        let provider = self.provider()?;
        let mut banks: Vec<HashAlgorithm> = log.banks().iter().filter_map(|bank| bank.algorithm()).collect();
        banks.sort_unstable();
        for bank in banks.into_iter().rev() {
            let replay = Replay::new(log, bank, provider);
            let values = (0..24).filter_map(|pcr| match replay.register(pcr) {
                Some(Register::Value(value)) => Some((pcr, value)),
                _ => None,
            });
            let registers: BTreeMap<_, _> = values.collect();
            if fits(&registers) {
                let compared = replay.compare(|_, index| registers.get(&index).copied());
                return Ok(Some(Boot::new(compared, provider)));
            }
        }
        Ok(None)
    }

    /// What go-eventlog reads out of a log. Where a log has nothing in register 7, it says that Secure Boot is off.
    fn extracted(&self, wanted: &Value, log: &Log<'_>, boot: Option<&Boot<'_>>) -> Result<(), String> {
        let claim = boot.map(Boot::secure_boot).transpose().map_err(|error| format!("Secure Boot: {error}"));
        // What it lists of Secure Boot is in the manifest only where it took the log for understood.
        let claim = || claim.as_ref().map(Option::as_ref).map_err(Clone::clone);
        let firmware = boot.and_then(Boot::firmware);
        crate::facts::all(wanted, |name, value| {
            Ok(Some(match name {
                // Without those that extend nothing.
                "events" => {
                    let silent =
                        |event: &Event<'_>| event.kind().dangerous_unproven() == EventKind::NO_ACTION;
                    log.events().filter(|event| !silent(event)).count().into()
                }
                "secure_boot_enabled" => claim()?.is_some_and(|claim| claim.state() == State::Enabled).into(),
                "db_certs" => match claim()? {
                    Some(claim) => signatures(claim.db())?.certificates.len().into(),
                    None => 0.into(),
                },
                "dbx_hashes" => match claim()? {
                    Some(claim) => signatures(claim.dbx())?.sha256.len().into(),
                    None => 0.into(),
                },
                "authority_certs" => {
                    let authorities = claim()?.into_iter().flat_map(SecureBoot::authorities);
                    authorities.filter(|authority| is_certified(authority.data())).count().into()
                }
                "efi_apps" => match value.as_array() {
                    Some(apps) => self.images(log, apps)?,
                    None => Value::Null,
                },
                "gce_firmware" => match firmware.and_then(|firmware| firmware.version) {
                    Some(version) => format!("&{{{version}}}").into(),
                    // The bytes of a version that is not Google's, as Go prints them.
                    None => format!("&{{[{}]}}", version(log)).into(),
                },
                "gce_technology" => match firmware.and_then(|firmware| firmware.technology) {
                    // It says NONE where nothing is said.
                    None | Some(MemoryEncryption::None) => "NONE".into(),
                    Some(MemoryEncryption::Sev) => "AMD_SEV".into(),
                    Some(MemoryEncryption::SevEs) => "AMD_SEV_ES".into(),
                    Some(MemoryEncryption::SevSnp) => "AMD_SEV_SNP".into(),
                    Some(MemoryEncryption::Tdx) => "INTEL_TDX".into(),
                    Some(other) => format!("{other:?}").into(),
                },
                _ => return Ok(None),
            }))
        })
    }

    /// The images of the boot chain, in the bank whose digests have the length of those that are listed.
    fn images(&self, log: &Log<'_>, apps: &[Value]) -> Result<Value, String> {
        let len = apps.first().and_then(Value::as_str).map_or(0, str::len) / 2;
        let of_len = |registers: &BTreeMap<u8, Digest>| {
            registers.get(&4).is_some_and(|value| value.as_bytes().len() == len)
        };
        let boot = self.as_told(log, of_len)?.ok_or("efi_apps: register 4 is not replayed in that bank")?;
        let chain = boot.boot_chain().map_err(|error| format!("efi_apps: {error}"))?;
        Ok(chain.images().map(hex).collect::<Vec<_>>().into())
    }

    pub(super) fn ima_log(&self, entry: &Entry<'_>) -> Judged {
        let provider = self.provider()?;
        let log = match ImaLog::parse(entry.file("ima")?) {
            Ok(log) => log,
            Err(error) => {
                self.reasons.judge_tpm(entry.verdict, Some(error.check_id()), &[])?;
                no_facts(entry)?;
                return Ok(error.to_string());
            }
        };
        let (sha1, sha256) = (HashAlgorithm::Sha1, HashAlgorithm::Sha256);
        let replay = |bank, hashing| {
            log.replay(IMA_REGISTER, bank, hashing, provider).map_err(|error| error.to_string())
        };
        let plain = replay(sha1, ImaHashing::PerBank)?;
        let value = |bank, hashing| Ok::<_, String>(hex(replay(bank, hashing)?.value().as_bytes()).into());
        crate::facts::all(entry.expected(), |name, _| {
            Ok(Some(match name {
                "records" => log.len().into(),
                "templates" => {
                    let mut templates = BTreeMap::<String, u64>::new();
                    for record in log.records() {
                        let name = record.template().dangerous_unproven();
                        *templates.entry(String::from_utf8_lossy(name).into_owned()).or_default() += 1;
                    }
                    serde_json::to_value(templates).map_err(|error| error.to_string())?
                }
                "violations" => plain.violations().into(),
                "template_digest_mismatches" => plain.template_mismatches().into(),
                "pcr10_sha1" => value(sha1, ImaHashing::PerBank)?,
                "pcr10_sha256" => value(sha256, ImaHashing::PerBank)?,
                "pcr10_sha256_zero_padded" => value(sha256, ImaHashing::Sha1Padded)?,
                _ => return Ok(None),
            }))
        })?;
        for (bank, hashing) in
            [(sha1, ImaHashing::PerBank), (sha256, ImaHashing::PerBank), (sha256, ImaHashing::Sha1Padded)]
        {
            let verified = replay(bank, hashing)?.value();
            let proven = self.agree(entry, |provider| {
                log.compare(IMA_REGISTER, &verified, bank, hashing, provider).map(|proven| proven.unproven())
            })?;
            if proven.is_some_and(|unproven| unproven != 0) {
                return Err(Wrong::Fails("not all records are proven".to_owned()));
            }
        }
        Ok(format!("{} records", log.len()))
    }
}

/// The data of the first EV_S_CRTM_VERSION, octet by octet.
fn version(log: &Log<'_>) -> String {
    let event = log.events().find(|event| event.kind().dangerous_unproven() == EventKind::S_CRTM_VERSION);
    let octets = event.map(|event| event.label().dangerous_unproven()).unwrap_or_default();
    octets.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
}

/// Whether an authority is a certificate, bare or behind its owner's GUID, and not a hash or a list.
fn is_certified(data: &[u8]) -> bool {
    let certificate = |bytes: &[u8]| match bytes {
        // Old versions of shim log one byte too many.
        [0x30, 0x82, high, low, ..] => {
            let len = 4 + usize::from(u16::from_be_bytes([*high, *low]));
            bytes.get(..len).is_some_and(|der| Certificate::parse(der).is_ok())
        }
        _ => false,
    };
    certificate(data) || data.get(16..).is_some_and(certificate)
}

fn signatures<'a>(variable: &Variable<'a>) -> Result<Signatures<'a>, String> {
    variable.signatures().map_err(|error| error.to_string())
}

/// What is not read has no facts.
fn no_facts(entry: &Entry<'_>) -> Result<(), String> {
    crate::facts::all(entry.expected(), |_, _| Ok(None))
}

/// What go-eventlog reads out of GRUB's events.
fn grub(wanted: &Value, boot: Option<&Boot<'_>>) -> Result<(), String> {
    let boot = boot.ok_or("go_eventlog_grub: register 7 is not replayed in any bank")?;
    let lines = boot.grub_lines();
    crate::facts::all(wanted, |name, value| {
        Ok(match name {
            "commands" => Some(lines.len().into()),
            "files" => Some(boot.loaded_files().len().into()),
            "kernel_cmdline" => {
                let text = value.as_str().unwrap_or_default().trim_end_matches('\0').as_bytes();
                let kernel = |line: &&GrubLine<'_>| line.prefix.dangerous_unproven() == b"kernel_cmdline: ";
                let found = lines.iter().filter(kernel).any(|line| line.text == text);
                Some(if found { value.clone() } else { Value::Null })
            }
            _ => None,
        })
    })
}
