//! Adapter for manifests of recorded boots: `cases` by name, each with the log, the registers and two quotes of one machine.
//!
//! The attestation key is pinned by its name; the endorsement keys' certificates are judged under the root beside them, from the
//! moment from which all are valid. The second quote was made after register 15 was extended. What a manifest says of the files that
//! were booted can be compared where the log proves it; sizes only where the file itself is there.

use std::fs;
use std::path::Path;
use std::time::Duration;

use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::eventlog::{Boot, Compared, Log, Outcome, Replay, State, boot_aggregate};
use attest_core::rules::{AllOf, Bit, OneOf};
use attest_core::tee::vtpm::{
    AlgorithmId, Anchors, AttestationKey, KeyCertificate, KeyPurpose, PcrValue, Public, TpmEvidence,
    TpmQuote, TrustedAk,
};
use attest_core::values::{Digest, Nonce};
use attest_core::x509::Certificate;
use attest_core::{Context, Evidence, Expect, Format, Policy, TrustAnchors, UnixTime};
use serde_json::{Value, json};

use crate::run::{Answer, Line, Mark, Sum, answer_to};
use crate::{facts, hex, unhex};

/// The files of a case.
const FILES: [&str; 15] = [
    "ak_public.tpmt.bin",
    "binary_bios_measurements.bin",
    "cmdline",
    "console.log",
    "ek_ecc384_cert.der",
    "ek_issuer_cert.pem",
    "ek_root_cert.pem",
    "ek_rsa2048_cert.der",
    "ima_ascii_runtime_measurements.txt",
    "nonce.bin",
    "osrel",
    "pcrs.json",
    "quote.tpms_attest.bin",
    "quote.tpmt_signature.bin",
    "quote_locked.tpms_attest.bin",
];
const LOCKED_SIGNATURE: &str = "quote_locked.tpmt_signature.bin";

/// The bank that was quoted.
const QUOTED: HashAlgorithm = HashAlgorithm::Sha256;
/// The register that a node locks itself with.
const LOCK: u8 = 15;
/// The register that the kernel extends with more than the firmware's log says.
const IMA: u8 = 10;

/// Whether a manifest is of this format.
pub fn is(manifest: &Value) -> bool {
    manifest["cases"].is_object() && manifest["pcr_rules"].is_object()
}

/// Judges every case.
///
/// # Errors
/// If our own policy cannot be read.
pub fn run(dir: &Path, manifest: &Value, providers: &[&CryptoProvider]) -> Result<Sum, String> {
    let policy = Policy::from_toml(include_str!("../policies/tpm-manifest.toml"))
        .map_err(|error| error.to_string())?;
    let mut sum = Sum::default();
    for (name, stated) in manifest["cases"].as_object().into_iter().flatten() {
        let folder = dir.join(name);
        let missing = FILES.iter().chain([&LOCKED_SIGNATURE]).filter(|file| !folder.join(file).is_file());
        let missing: Vec<String> = missing.map(|file| format!("{name}/{file}: is not there")).collect();
        let outcome = if missing.is_empty() {
            Case::read(&folder, stated, &policy, providers).and_then(|case| case.judge())
        } else {
            Err("a file is missing".to_owned())
        };
        sum.missing_files.extend(missing);
        let mark = Mark::of(outcome.is_ok());
        let got = outcome.unwrap_or_else(|error| error);
        sum.lines.push(Line { id: name.clone(), expected: "valid".to_owned(), got, mark });
    }
    Ok(sum)
}

/// One boot.
struct Case<'a> {
    folder: &'a Path,
    stated: &'a Value,
    policy: &'a Policy,
    providers: &'a [&'a CryptoProvider],
    provider: &'a CryptoProvider,
    registers: Vec<(HashAlgorithm, u8, Vec<u8>)>,
}

impl<'a> Case<'a> {
    fn read(
        folder: &'a Path,
        stated: &'a Value,
        policy: &'a Policy,
        providers: &'a [&'a CryptoProvider],
    ) -> Result<Self, String> {
        let provider = providers.first().copied().ok_or("no provider")?;
        let text = fs::read(folder.join("pcrs.json")).map_err(|error| error.to_string())?;
        let banks: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let mut registers = Vec::new();
        for (bank, values) in banks.as_object().into_iter().flatten() {
            let bank = HashAlgorithm::from_name(bank).ok_or_else(|| format!("no bank: {bank}"))?;
            for (index, value) in values.as_object().into_iter().flatten() {
                let index = index.parse().map_err(|_| format!("no register: {index}"))?;
                registers.push((bank, index, unhex(value.as_str().unwrap_or_default())?));
            }
        }
        Ok(Self { folder, stated, policy, providers, provider, registers })
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        fs::read(self.folder.join(name)).map_err(|error| format!("{name}: {error}"))
    }

    fn value(&self, bank: HashAlgorithm, index: u8) -> Option<Digest> {
        let found = self.registers.iter().find(|(of, at, _)| *of == bank && *at == index);
        found.and_then(|(_, _, value)| Digest::new(value))
    }

    fn digest(&self, parts: &[&[u8]]) -> Result<Vec<u8>, String> {
        let digest = self.provider.digest(QUOTED, parts).map_err(|error| error.to_string())?;
        Ok(digest.as_bytes().to_vec())
    }

    fn judge(&self) -> Result<String, String> {
        let bytes = self.file("binary_bios_measurements.bin")?;
        let log = Log::parse(&bytes).map_err(|error| error.to_string())?;
        let compared =
            |bank| Replay::new(&log, bank, self.provider).compare(|bank, index| self.value(bank, index));
        // Only what the quote covers: it is verified first.
        let first = self.answer("quote", self.value(QUOTED, LOCK))?;
        if first.exit != 0 {
            return Err(format!("quote: {first}"));
        }
        let boot = Boot::new(compared(QUOTED), self.provider);
        self.aggregate()?;
        facts::all(self.stated, |name, value| {
            let predicted = |index: u8| {
                let value = self.value(QUOTED, index).map(|value| hex(value.as_bytes()));
                value.ok_or_else(|| format!("register {index} was not read"))
            };
            Ok(Some(match name {
                // Nothing that a machine proves.
                "about" | "tpm_device" | "kernel_version" => value.clone(),
                "secure_boot" => {
                    let claim = boot.secure_boot().map_err(|error| error.to_string())?;
                    if claim.state() == State::Enabled { "on" } else { "off" }.into()
                }
                "uki" => self.image(value, &boot).map(|()| value.clone())?,
                "kernel_authenticode_sha256" => self.kernel(value, &boot)?,
                "predicted_sha256" => {
                    let index = |name: &str| name.parse().map_err(|_| format!("no register: {name}"));
                    facts::all(value, |name, _| Ok(Some(predicted(index(name)?)?.into())))?;
                    value.clone()
                }
                "systemd_measure_pcr11" => predicted(11)?.into(),
                "checks" => {
                    facts::all(value, |name, _| self.check(name, &compared).map(|()| Some(true.into())))?;
                    value.clone()
                }
                "pcr15_after_lock" => hex(&self.locked()?).into(),
                // `locked` extends it.
                "cluster_id_digest_extended" => value.clone(),
                _ => return Ok(None),
            }))
        })?;
        let state = &self.stated["secure_boot"];
        Ok(format!("{} events, Secure Boot {state}, both quotes hold", log.len()))
    }

    /// What the manifest says was checked, checked again.
    fn check<'b>(&self, name: &str, compared: &impl Fn(HashAlgorithm) -> Compared<'b>) -> Result<(), String> {
        match name {
            // By `predicted_sha256`, and by the quotes.
            "pcr4" | "pcr9" | "pcr11" | "quote_signatures_verify" | "quote_pcr_digest_matches" => Ok(()),
            "event_log_replays_all_banks" => {
                let banks = HashAlgorithm::ALL.iter().filter(|bank| self.value(**bank, 0).is_some());
                for bank in banks {
                    let compared = compared(*bank);
                    compared.require(&Compared::FIRMWARE).map_err(|error| error.to_string())?;
                    let open = compared.outcomes().find(|(index, outcome)| {
                        *index != IMA && !matches!(outcome, Outcome::Replayed | Outcome::Untouched)
                    });
                    if let Some((index, outcome)) = open {
                        return Err(format!("{}, register {index}: {outcome:?}", bank.name()));
                    }
                }
                Ok(())
            }
            "ek_certs_issued_by_issuer" => self.endorsement(),
            other => Err(format!("a check that is not known: {other}")),
        }
    }

    /// The value of the lock register in the second quote: the first one's, extended. With any other the quote is refused.
    fn locked(&self) -> Result<Vec<u8>, String> {
        let before = self.value(QUOTED, LOCK).ok_or("register 15 was not read")?;
        let extended = unhex(self.stated["cluster_id_digest_extended"].as_str().unwrap_or_default())?;
        let after = self.digest(&[before.as_bytes(), &extended])?;
        let answer = self.answer("quote_locked", Digest::new(&after))?;
        if answer.exit != 0 {
            return Err(format!("quote_locked: {answer}"));
        }
        for (quote, value) in [("quote_locked", Some(before)), ("quote", Digest::new(&after))] {
            let answer = self.answer(quote, value)?;
            if answer.failed != ["vtpm.pcr.digest"] {
                return Err(format!("{quote} with another register 15: {answer}"));
            }
        }
        Ok(after)
    }

    /// The whole line for one of the quotes, with this value of the lock register.
    fn answer(&self, quote: &str, lock: Option<Digest>) -> Result<Answer, String> {
        let quoted = self.registers.iter().filter(|(bank, ..)| *bank == QUOTED);
        let mut pcrs = Vec::new();
        for (bank, index, value) in quoted {
            let lock = lock.filter(|_| *index == LOCK).map(|lock| lock.as_bytes().to_vec());
            let value = lock.unwrap_or_else(|| value.clone());
            pcrs.push(PcrValue { bank: AlgorithmId::of(*bank), index: *index, value });
        }
        let quote = TpmQuote {
            attest: self.file(&format!("{quote}.tpms_attest.bin"))?,
            signature: self.file(&format!("{quote}.tpmt_signature.bin"))?,
            pcrs,
        };
        let key = self.file("ak_public.tpmt.bin")?;
        let name = Public::parse(&key).map_err(|error| error.to_string())?.name(self.provider);
        let mut anchors = TrustAnchors::pinned();
        anchors.vtpm.add_key(TrustedAk::pinned(name.map_err(|error| error.to_string())?));
        let log = self.file("binary_bios_measurements.bin")?;
        let evidence = TpmEvidence::new(vec![quote], AttestationKey::Public(key), log);
        let evidence = Evidence::new(Format::Vtpm, evidence.to_bytes());
        let nonce = Nonce::new(&self.file("nonce.bin")?).ok_or("a nonce that is too long")?;
        let mut policy = self.policy.clone();
        if let Some(policy) = &mut policy.vtpm {
            let firmware = Compared::FIRMWARE.into_iter().chain([9, 11]);
            policy.replayed = AllOf(OneOf::Listed(firmware.collect()));
            policy.secure_boot = if self.stated["secure_boot"] == "on" { Bit::Set } else { Bit::Clear };
        }
        // The key is pinned: no time matters.
        let now = UnixTime::since_unix_epoch(Duration::ZERO);
        let mut first: Option<Answer> = None;
        for provider in self.providers {
            let context = Context::new(provider, &anchors, now, Expect::Nonce(nonce));
            let answer = answer_to(&evidence, &[], &context, &policy);
            match &first {
                None => first = Some(answer),
                Some(first) if first.json == answer.json => {}
                Some(_) => return Err(format!("{} gives other bytes", provider.name)),
            }
        }
        first.ok_or_else(|| "no provider".to_owned())
    }

    /// Sections that the stub measured, and the image that the firmware started.
    fn image(&self, stated: &Value, boot: &Boot<'_>) -> Result<(), String> {
        let measured = boot.sections().ok_or("register 11 is not the stub's")?;
        let files = [(".cmdline", "cmdline"), (".osrel", "osrel")];
        let chain = boot.boot_chain().map_err(|error| error.to_string())?;
        facts::all(stated, |name, value| {
            Ok(Some(match name {
                // Of the file as a whole, which is not there.
                "size" | "sha256" => value.clone(),
                "authenticode_sha256" => chain.images().next().map(hex).map_or(Value::Null, Value::from),
                "sections" => {
                    let mut sections = serde_json::Map::new();
                    for section in measured {
                        let of = files.iter().find(|(of, _)| *of == section.name);
                        let size = match of {
                            Some((_, file)) => {
                                let bytes = self.file(file)?;
                                if self.digest(&[&bytes])? != section.digest {
                                    return Err(format!("{}: another was measured", section.name));
                                }
                                bytes.len().into()
                            }
                            None => value[section.name]["size"].clone(),
                        };
                        let section_of = json!({"size": size, "sha256": hex(section.digest)});
                        sections.insert(section.name.to_owned(), section_of);
                    }
                    let loads = boot.stub_loads();
                    let initrd = loads.iter().any(|load| value[".initrd"]["sha256"] == hex(load.digest));
                    if !initrd || loads.len() != 2 {
                        return Err("register 9 is not options and initrd".to_owned());
                    }
                    Value::Object(sections)
                }
                _ => return Ok(None),
            }))
        })
    }

    /// The kernel inside the image: with Secure Boot on, the stub starts it without the firmware, which then measures nothing.
    fn kernel(&self, stated: &Value, boot: &Boot<'_>) -> Result<Value, String> {
        let chain = boot.boot_chain().map_err(|error| error.to_string())?;
        let images: Vec<String> = chain.images().map(hex).collect();
        match (images.as_slice(), self.stated["secure_boot"] == "on") {
            ([_], true) => Ok(stated.clone()),
            ([_, kernel], false) => Ok(kernel.clone().into()),
            _ => Err(format!("images: {images:?}")),
        }
    }

    /// The kernel's own line: `10 <template digest> ima-sig sha256:<aggregate> boot_aggregate`.
    fn aggregate(&self) -> Result<(), String> {
        let list = String::from_utf8_lossy(&self.file("ima_ascii_runtime_measurements.txt")?).into_owned();
        let said = list.split("sha256:").nth(1).and_then(|rest| rest.split(' ').next());
        let computed = boot_aggregate(QUOTED, |bank, index| self.value(bank, index), self.provider);
        let computed = computed.map_err(|error| error.to_string())?;
        facts::equal("boot_aggregate", &said.into(), &hex(computed.as_bytes()).into())
    }

    /// Both endorsement keys' certificates chain to the root beside them.
    fn endorsement(&self) -> Result<(), String> {
        let mut collateral = attest_core::collateral::Collateral::new();
        for file in ["ek_root_cert.pem", "ek_issuer_cert.pem", "ek_rsa2048_cert.der", "ek_ecc384_cert.der"] {
            collateral.add(&self.file(file)?).map_err(|error| format!("{file}: {error}"))?;
        }
        let parsed: Result<Vec<_>, _> = collateral.certificates().map(Certificate::parse).collect();
        let parsed = parsed.map_err(|error| error.to_string())?;
        let [root, issuer, leaves @ ..] = parsed.as_slice() else { return Err("no root".to_owned()) };
        let mut anchors = Anchors::none();
        anchors.add_root(root.as_der()).map_err(|error| error.to_string())?;
        let now = parsed.iter().map(|certificate| certificate.validity().not_before).max();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.unwrap_or_default()));
        for provider in self.providers {
            for leaf in leaves {
                KeyCertificate::judge(leaf, &[*issuer], KeyPurpose::Endorsement, &anchors, provider, now)
                    .map_err(|refused| refused.to_string())?;
            }
        }
        if leaves.len() == 2 { Ok(()) } else { Err("not two certificates".to_owned()) }
    }
}
