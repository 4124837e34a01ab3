//! Logs of real machines, and altered copies of them. The folder is named by ATTESTRAP_REAL_VECTORS; none of it is kept here.

use super::*;

pub(super) fn root() -> Option<PathBuf> {
    let root = vectors::real();
    if root.is_none() {
        println!("skipped: ATTESTRAP_REAL_VECTORS does not name the folder of real logs");
    }
    root
}

pub(super) fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|_| panic!("{path:?}"))).expect("JSON")
}

pub(super) fn cases(root: &std::path::Path, kind: &str) -> Vec<Value> {
    let manifest = json(root.join("tpm/manifest.json"));
    let cases = manifest["vectors"].as_array().expect("a list").iter();
    cases.filter(|case| case["kind"] == kind).cloned().collect()
}

pub(super) fn file(root: &std::path::Path, case: &Value, name: &str) -> Vec<u8> {
    std::fs::read(root.join("tpm").join(case["files"][name].as_str().expect("a file"))).expect("a file")
}

/// `expected` of a log: `format`, `banks` by name in the header's order, `events` without the header, `replay` bank by register
/// (registers and banks that cannot be replayed are left out), `startup_locality` of PCR 0, `event_types` by name.
fn check_log(id: &str, log: &Log<'_>, expected: &Value) {
    let format = if log.spec_id().is_some() { "crypto-agile" } else { "sha1-legacy" };
    assert_eq!(expected["format"], format, "{id}");
    assert_eq!(expected["events"], log.len(), "{id}");
    assert_eq!(log.events().count(), log.len(), "{id}");
    let banks = log.banks().iter().map(|bank| match (bank.algorithm(), bank.id()) {
        (Some(algorithm), _) => algorithm.name().to_owned(),
        (None, 0x12) => "sm3_256".to_owned(),
        (None, id) => format!("{id:#x}"),
    });
    let listed: Vec<_> = expected["banks"].as_array().unwrap().iter().map(|b| b.as_str().unwrap()).collect();
    assert_eq!(banks.collect::<Vec<_>>(), listed, "{id}");
    for (bank, registers) in expected["replay"].as_object().unwrap() {
        let Some(algorithm) = HashAlgorithm::from_name(bank) else { continue };
        let replay = Replay::new(log, algorithm, provider());
        for pcr in 0..24 {
            let value = match replay.register(pcr) {
                Some(Register::Value(value)) => Some(vectors::hex(value.as_bytes())),
                _ => None,
            };
            assert_eq!(value.as_deref(), registers[pcr.to_string()].as_str(), "{id} {bank} PCR {pcr}");
        }
    }
    if let Some(locality) = expected.get("startup_locality") {
        assert_eq!(log.startup(), Startup::Locality(locality.as_u64().unwrap().try_into().unwrap()), "{id}");
    }
    if let Some(types) = expected["event_types"].as_object() {
        let mut seen = BTreeMap::<String, u64>::new();
        for event in log.events() {
            *seen.entry(event.kind().dangerous_unproven().to_string()).or_default() += 1;
        }
        let wanted = types.iter().map(|(name, count)| (name.clone(), count.as_u64().unwrap()));
        assert_eq!(seen, wanted.collect(), "{id}");
    }
}

/// Which rule of ours refuses what the manifest says must be refused.
const REFUSALS: &[(&str, &str)] = &[
    ("evlog-digest-count-huge", "vtpm.log.digest-count"),
    ("evlog-duplicate-digest-alg", "vtpm.log.digest-once"),
    ("evlog-event-size-huge", "form.length"),
    ("evlog-header-alg-count-zero", "vtpm.log.header.algorithm-count"),
    ("evlog-header-alg-duplicate", "vtpm.log.header.algorithm-once"),
    ("evlog-header-alg-size-wrong", "vtpm.log.header.algorithm-size"),
    ("evlog-header-missing", "form.length"),
    ("evlog-header-vendor-overrun", "vtpm.log.header.vendor"),
    ("evlog-header-version-1", "vtpm.log.header"),
    ("evlog-pcr-index-24", "vtpm.log.pcr-index"),
    ("evlog-pcr-index-ffffffff", "vtpm.log.pcr-index"),
    ("evlog-startup-locality-255", "vtpm.log.startup-locality"),
    ("evlog-startup-locality-late", "vtpm.log.startup-locality-early"),
    ("evlog-startup-locality-twice", "vtpm.log.startup-locality-once"),
    ("evlog-unknown-digest-alg", "vtpm.log.digest-listed"),
    // Text, not a log: "bogus" read as a number is no register.
    ("log-keylime-bogus", "vtpm.log.pcr-index"),
    ("log-tpm2tools-specid-vendordata", "vtpm.log.header.vendor"),
];

#[test]
fn logs_of_real_machines_come_out_as_published() {
    let Some(root) = root() else { return };
    let mut seen = 0;
    for case in cases(&root, "eventlog") {
        let (id, bytes) = (case["id"].as_str().unwrap(), file(&root, &case, "event_log"));
        match (Log::parse(&bytes), case["verdict"].as_str().unwrap()) {
            (Ok(log), "valid") => check_log(id, &log, &case["expected"]),
            (Err(error), verdict) if verdict != "valid" => {
                let rule = REFUSALS.iter().find(|(name, _)| *name == id).map(|(_, rule)| *rule);
                assert_eq!(Some(error.check_id()), rule, "{id}: {error}");
            }
            (Ok(_), verdict) => panic!("{id} is read, and is {verdict}"),
            (Err(error), _) => panic!("{id}: {error}"),
        }
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

fn pcrs(root: &std::path::Path, case: &Value) -> Pcrs {
    let list: Value = serde_json::from_slice(&file(root, case, "pcrs")).unwrap();
    let entries = list["pcrs"].as_array().unwrap().iter().map(|entry| {
        let bank = HashAlgorithm::from_name(entry["bank"].as_str().unwrap()).unwrap();
        let index = u8::try_from(entry["index"].as_u64().unwrap()).unwrap();
        ((bank, index), digest(entry["value"].as_str().unwrap()))
    });
    Pcrs(entries.collect())
}

/// `pcrs` are taken as verified values. `verdict` is that of the whole evidence: "valid" and "pcr-bank-not-allowed" (a policy
/// that is not ours) mean that every quoted register with events is replayed, "eventlog-semantics" that it is replayed and that
/// the claims named in `flags` are refused.
#[test]
fn logs_next_to_quotes_come_out_as_published() {
    let Some(root) = root() else { return };
    let mut seen = 0;
    for case in cases(&root, "quote+eventlog") {
        let (id, bytes) = (case["id"].as_str().unwrap(), file(&root, &case, "event_log"));
        let verdict = case["verdict"].as_str().unwrap();
        let pcrs = pcrs(&root, &case);
        seen += 1;
        let log = match (Log::parse(&bytes), REFUSALS.iter().find(|(name, _)| *name == id)) {
            (Err(error), Some((_, rule))) => {
                assert_eq!(error.check_id(), *rule, "{id}: {error}");
                continue;
            }
            (Ok(_), Some(_)) => panic!("{id} is read"),
            (Ok(log), None) => log,
            (Err(error), None) => panic!("{id}: {error}"),
        };
        check_log(id, &log, &case["expected"]["event_log"]);
        // Quoted banks whose replay is published. One machine also quotes a SHA-1 bank that its log does not give.
        let published = case["expected"]["event_log"]["replay"].as_object().unwrap();
        let published = published.keys().filter_map(|bank| HashAlgorithm::from_name(bank));
        let quoted = published.filter(|bank| pcrs.0.keys().any(|(quoted, _)| quoted == bank));
        let outcomes: Vec<_> = quoted.map(|bank| judge_quoted(&case, &compare(&log, bank, &pcrs))).collect();
        assert!(!outcomes.is_empty(), "{id}");
        assert_eq!(outcomes.contains(&false), verdict == "eventlog-replay-mismatch", "{id}");
    }
    assert!(seen > 40, "{seen}");
}

/// One quoted bank; whether no register is a mismatch.
fn judge_quoted(case: &Value, compared: &Compared<'_>) -> bool {
    let (id, verdict) = (case["id"].as_str().unwrap(), case["verdict"].as_str().unwrap());
    let unexplained: Vec<u64> = compared
        .outcomes()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Unexplained { .. }))
        .map(|(pcr, _)| pcr.into())
        .collect();
    let listed = case["expected"]["event_log"]["quoted_pcrs_without_events"].as_array().unwrap();
    let listed: Vec<_> = listed.iter().map(|pcr| pcr.as_u64().unwrap()).collect();
    assert_eq!(unexplained, listed, "{id}");
    let firmware = compared.outcomes().filter(|(pcr, outcome)| *pcr < 8 && *outcome != Outcome::Unverified);
    let firmware: Vec<_> = firmware.map(|(pcr, _)| pcr).collect();
    let mismatch = compared.outcomes().any(|(_, outcome)| matches!(outcome, Outcome::Mismatch { .. }));
    match (compared.require(&firmware), verdict) {
        (Ok(()), "valid" | "pcr-bank-not-allowed" | "eventlog-semantics") => {}
        // A register outside the firmware's.
        (Ok(()), "eventlog-replay-mismatch") => {}
        (Err(error), "eventlog-replay-mismatch") => {
            assert_eq!(error.check_id(), Some("vtpm.log.replay"), "{id}: {error}");
        }
        (Err(error), "eventlog-missing-events") => {
            assert_eq!(error.check_id(), Some("vtpm.log.explained"), "{id}: {error}");
        }
        (result, _) => panic!("{id} is {verdict}: {result:?}"),
    }
    for event in compared.judge(provider()) {
        let explained = event.register().is_some_and(|pcr| compared.is_replayed(pcr));
        let proven = matches!(event.coverage(), Coverage::Covered(_) | Coverage::Uncovered);
        assert_eq!(explained, proven, "{id} {event:?}");
    }
    let boot = Boot::new(compared.clone(), provider());
    let flags = case["flags"].as_array().into_iter().flatten().map(|flag| flag.as_str().unwrap());
    for flag in flags {
        match flag {
            "secure-boot-claim-must-be-refused" => assert!(boot.secure_boot().is_err(), "{id}"),
            "boot-chain-claim-must-be-refused" => assert!(boot.boot_chain().is_err(), "{id}"),
            "unmeasured-event-present" => {
                let unmeasured = boot.events().iter().any(|event| event.coverage() == Coverage::Unmeasured);
                assert!(unmeasured, "{id}");
            }
            "event-data-unverified:EV_IPL in PCR 9" => {
                let files = boot.events().iter().filter(|event| event.register() == Some(9));
                assert!(files.into_iter().all(|event| event.coverage() == Coverage::Uncovered), "{id}");
            }
            // Nothing is said of the order between registers, nor of a bank that was not quoted: there is no call for it.
            "cross-pcr-order-unprotected" | "banks-not-quoted-are-unverified" => {}
            other => panic!("{id}: {other}"),
        }
    }
    assert_eq!(
        boot.story(provider()).to_string(),
        Boot::new(compared.clone(), provider()).story(provider()).to_string()
    );
    !mismatch
}

/// Recorded boots with all registers read afterwards: three banks, every register that the log accounts for.
#[test]
fn recorded_boots_replay_in_every_bank() {
    let Some(root) = root() else { return };
    let boots = json(root.join("boot/manifest.json"));
    let mut boots: Vec<_> = boots["cases"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| {
            let folder = root.join("boot").join(name);
            let replayed: Vec<u8> = (0..24).filter(|pcr| *pcr != 10).collect();
            (folder.join("binary_bios_measurements.bin"), json(folder.join("pcrs.json")), replayed)
        })
        .collect();
    let cases = json(root.join("measure/eventlog/cases.json"));
    boots.extend(cases["cases"].as_array().unwrap().iter().map(|case| {
        let matches = case["replay_matches"].as_array().unwrap().iter();
        let replayed = matches.map(|pcr| u8::try_from(pcr.as_u64().unwrap()).unwrap()).collect();
        let path = root.join("measure").join(case["file"].as_str().unwrap());
        (path, case["final_pcrs"].clone(), replayed)
    }));
    assert!(boots.len() > 12);
    for (path, registers, replayed) in boots {
        let bytes = std::fs::read(&path).unwrap();
        let log = Log::parse(&bytes).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        for (bank, values) in registers.as_object().unwrap() {
            let bank = HashAlgorithm::from_name(bank).unwrap();
            let values = values.as_object().unwrap().iter();
            let values =
                values.map(|(pcr, value)| ((bank, pcr.parse().unwrap()), digest(value.as_str().unwrap())));
            let compared = compare(&log, bank, &Pcrs(values.collect()));
            compared.require(&Compared::FIRMWARE).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            for pcr in &replayed {
                let outcome = compared.outcome(*pcr).unwrap();
                assert!(
                    matches!(outcome, Outcome::Replayed | Outcome::Untouched),
                    "{path:?} PCR {pcr} {outcome:?}"
                );
            }
        }
    }
}

/// Claims of other readers over the same logs, with registers as the log gives them. `secure_boot_enabled`, `db_certs`,
/// `dbx_hashes`, `gce_firmware` and `gce_technology`, `efi_apps` (images after the call of the boot option), GRUB's `commands`
/// and `files` and its `kernel_cmdline` are compared; their counts of authorities leave out what is no certificate.
#[test]
fn claims_agree_with_those_of_other_readers() {
    let Some(root) = root() else { return };
    let mut compared_claims = [0; 5];
    for case in cases(&root, "eventlog") {
        let (id, bytes) = (case["id"].as_str().unwrap(), file(&root, &case, "event_log"));
        let Ok(log) = Log::parse(&bytes) else { continue };
        // The strongest bank in which PCR 7 can be replayed.
        let banks = log.banks().iter().filter_map(|bank| bank.algorithm());
        let bank = banks.filter(|bank| Pcrs::of(&log, *bank).0.contains_key(&(*bank, 7))).max();
        let Some(bank) = bank else { continue };
        let boot = Boot::new(compare(&log, bank, &Pcrs::of(&log, bank)), provider());
        let (go, grub) = (&case["expected"]["go_eventlog_extract"], &case["expected"]["go_eventlog_grub"]);
        if let Some(enabled) = go["secure_boot_enabled"].as_bool() {
            let secure_boot = boot.secure_boot().unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(secure_boot.state() == State::Enabled, enabled, "{id}");
            assert_eq!(go["db_certs"], secure_boot.db().signatures().unwrap().certificates.len(), "{id}");
            assert_eq!(go["dbx_hashes"], secure_boot.dbx().signatures().unwrap().sha256.len(), "{id}");
            compared_claims[0] += 1;
        }
        if let Some(enabled) = case["expected"]["go_attestation_secure_boot_enabled"].as_bool() {
            assert_eq!(boot.secure_boot().is_ok_and(|said| said.state() == State::Enabled), enabled, "{id}");
        }
        if let Some(apps) = go["efi_apps"].as_array() {
            let apps: Vec<_> = apps.iter().map(|app| app.as_str().unwrap()).collect();
            let of = |bank: &HashAlgorithm| bank.digest_len() * 2 == apps[0].len();
            let bank = *HashAlgorithm::ALL.iter().find(|bank| of(bank)).unwrap();
            let boot = Boot::new(compare(&log, bank, &Pcrs::of(&log, bank)), provider());
            let chain = boot.boot_chain().unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(chain.images().map(vectors::hex).collect::<Vec<_>>(), apps, "{id}");
            compared_claims[1] += 1;
        }
        let numbered =
            go["gce_firmware"].as_str().and_then(|said| said[2..said.len() - 1].parse::<u32>().ok());
        let firmware = boot.firmware();
        assert_eq!(firmware.and_then(|firmware| firmware.version), numbered, "{id}");
        if numbered.is_some() {
            let technology = match firmware.unwrap().technology.unwrap() {
                MemoryEncryption::None => "NONE",
                MemoryEncryption::Sev => "AMD_SEV",
                MemoryEncryption::Tdx => "INTEL_TDX",
                MemoryEncryption::SevSnp => "AMD_SEV_SNP",
                MemoryEncryption::SevEs | MemoryEncryption::Other(_) | _ => panic!("{id}: {firmware:?}"),
            };
            assert_eq!(go["gce_technology"], technology, "{id}");
            compared_claims[2] += 1;
        }
        if grub.is_object() {
            let lines = boot.grub_lines();
            assert_eq!(grub["commands"], lines.len(), "{id}");
            assert_eq!(grub["files"], boot.loaded_files().len(), "{id}");
            compared_claims[3] += 1;
            if let Some(text) = grub["kernel_cmdline"].as_str() {
                let text = text.trim_end_matches('\0').as_bytes();
                let kernel = |line: &&GrubLine<'_>| line.prefix.dangerous_unproven() == b"kernel_cmdline: ";
                assert!(lines.iter().filter(kernel).any(|line| line.text == text), "{id}");
                compared_claims[4] += 1;
            }
        }
    }
    assert!(
        compared_claims.iter().zip([20, 7, 5, 12, 8]).all(|(seen, least)| *seen >= least),
        "{compared_claims:?}"
    );
}

/// Recorded boots: whether Secure Boot was on, which sections the stub measured, which images were started, what was loaded.
#[test]
fn claims_agree_with_what_was_booted() {
    let Some(root) = root() else { return };
    let bank = HashAlgorithm::Sha256;
    let boots = json(root.join("boot/manifest.json"));
    for (name, case) in boots["cases"].as_object().unwrap() {
        let folder = root.join("boot").join(name);
        let bytes = std::fs::read(folder.join("binary_bios_measurements.bin")).unwrap();
        let log = Log::parse(&bytes).unwrap();
        let registers = json(folder.join("pcrs.json"));
        let values = registers["sha256"].as_object().unwrap().iter();
        let values =
            values.map(|(pcr, value)| ((bank, pcr.parse().unwrap()), digest(value.as_str().unwrap())));
        let boot = Boot::new(compare(&log, bank, &Pcrs(values.collect())), provider());
        let on = boot.secure_boot().unwrap().state() == State::Enabled;
        assert_eq!(if on { "on" } else { "off" }, case["secure_boot"], "{name}");
        let sections = boot.sections().unwrap();
        let names: Vec<_> = sections.iter().map(|section| section.name).collect();
        assert_eq!(names, [".linux", ".osrel", ".cmdline", ".initrd"], "{name}");
        for section in sections {
            let listed = &case["uki"]["sections"][section.name]["sha256"];
            assert_eq!(*listed, vectors::hex(section.digest), "{name} {}", section.name);
        }
        let images: Vec<_> = boot.boot_chain().unwrap().images().map(vectors::hex).collect();
        let (uki, kernel) = (&case["uki"]["authenticode_sha256"], &case["kernel_authenticode_sha256"]);
        let expected: Vec<_> = [uki, kernel].into_iter().take(if on { 1 } else { 2 }).collect();
        assert_eq!(images.iter().collect::<Vec<_>>(), expected, "{name}");
        let loads = boot.stub_loads();
        assert_eq!(loads.len(), 2, "{name}");
        assert_eq!(case["uki"]["sections"][".initrd"]["sha256"], vectors::hex(loads[1].digest), "{name}");
    }
    let cases = json(root.join("measure/eventlog/cases.json"));
    for case in cases["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let bytes = std::fs::read(root.join("measure").join(case["file"].as_str().unwrap())).unwrap();
        let log = Log::parse(&bytes).unwrap();
        let boot = Boot::new(compare(&log, bank, &Pcrs::of(&log, bank)), provider());
        let sequence = case["predicted"]["4"]["sequence"].as_array().unwrap().iter();
        let images: Vec<_> =
            sequence.filter_map(|step| step.as_str().unwrap().strip_prefix("image ")).collect();
        let chain = boot.boot_chain().unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(chain.images().map(vectors::hex).collect::<Vec<_>>(), images, "{id}");
        let state = boot.secure_boot().unwrap_or_else(|error| panic!("{id}: {error}")).state();
        assert_eq!(state == State::Enabled, id.starts_with("secureboot"), "{id}");
        for pcr in [4_u8, 5, 9, 12] {
            let Some(sequence) = case["predicted"][pcr.to_string()]["sequence"].as_array() else { continue };
            let digests = sequence.iter().map(|step| step.as_str().unwrap().split(' ').next_back().unwrap());
            assert_eq!(
                boot.digests(pcr).map(vectors::hex).collect::<Vec<_>>(),
                digests.collect::<Vec<_>>(),
                "{id}"
            );
        }
    }
}
