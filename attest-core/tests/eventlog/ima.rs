//! IMA's lists: published ones where their folder is given, and lists written here.

use attest_core::eventlog::{IMA_REGISTER, ImaHashing, ImaLog, boot_aggregate};

use super::real::{cases, file, json, root};
use super::*;

const SHA1: HashAlgorithm = HashAlgorithm::Sha1;
const SHA256: HashAlgorithm = HashAlgorithm::Sha256;

/// `expected`: `records`, `templates` by name, `violations`, `template_digest_mismatches`, and PCR 10 in the SHA-1 bank, in the
/// SHA-256 bank of kernels that hash per bank, and in that of kernels that pad.
#[test]
fn lists_of_real_machines_come_out_as_published() {
    let Some(root) = root() else { return };
    let mut seen = 0;
    for case in cases(&root, "ima-log") {
        let (id, bytes) = (case["id"].as_str().unwrap(), file(&root, &case, "ima"));
        let (verdict, expected) = (case["verdict"].as_str().unwrap(), &case["expected"]);
        seen += 1;
        if verdict == "ima-truncated" {
            assert_eq!(ImaLog::parse(&bytes).unwrap_err().check_id(), "form.length", "{id}");
            continue;
        }
        let log = ImaLog::parse(&bytes).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(expected["records"], log.len(), "{id}");
        let mut templates = BTreeMap::<String, u64>::new();
        for record in log.records() {
            let name = record.template().dangerous_unproven();
            *templates.entry(String::from_utf8(name.to_vec()).unwrap()).or_default() += 1;
        }
        assert_eq!(expected["templates"], serde_json::to_value(templates).unwrap(), "{id}");
        for (bank, hashing, name) in [
            (SHA1, ImaHashing::PerBank, "pcr10_sha1"),
            (SHA256, ImaHashing::PerBank, "pcr10_sha256"),
            (SHA256, ImaHashing::Sha1Padded, "pcr10_sha256_zero_padded"),
        ] {
            let replay = log.replay(IMA_REGISTER, bank, hashing, provider()).unwrap();
            assert_eq!(expected[name], vectors::hex(replay.value().as_bytes()), "{id} {name}");
            assert_eq!(expected["violations"], replay.violations(), "{id}");
            assert_eq!(expected["template_digest_mismatches"], replay.template_mismatches(), "{id}");
            match log.compare(IMA_REGISTER, &replay.value(), bank, hashing, provider()) {
                Ok(proven) => {
                    assert_eq!(verdict, "valid", "{id}");
                    assert_eq!((proven.records().count(), proven.unproven()), (log.len(), 0), "{id}");
                }
                Err(error) => {
                    assert_eq!(verdict, "ima-template-digest-mismatch", "{id}");
                    assert_eq!(error.check_id(), Some("vtpm.log.ima.template-digest"), "{id}");
                }
            }
        }
    }
    assert!(seen > 5, "{seen}");
}

/// The kernel's own line in the recorded boots: `10 <template digest> ima-sig sha256:<aggregate> boot_aggregate`.
#[test]
fn the_boot_aggregate_is_the_hash_of_the_firmwares_registers() {
    let Some(root) = root() else { return };
    for name in ["base", "cmdline-changed", "secure-boot", "tpm-tis"] {
        let folder = root.join("boot").join(name);
        let text = std::fs::read_to_string(folder.join("ima_ascii_runtime_measurements.txt")).unwrap();
        let aggregate = text.split("sha256:").nth(1).unwrap().split(' ').next().unwrap();
        let registers = json(folder.join("pcrs.json"));
        let verified = |bank: HashAlgorithm, pcr: u8| {
            Some(digest(registers[bank.name()][pcr.to_string()].as_str().unwrap()))
        };
        let computed = boot_aggregate(SHA256, verified, provider()).unwrap();
        assert_eq!(vectors::hex(computed.as_bytes()), aggregate, "{name}");
        let missing = |bank, pcr| (pcr != 9).then(|| verified(bank, pcr)).flatten();
        let error = boot_aggregate(SHA256, missing, provider()).unwrap_err();
        assert_eq!(error.check_id(), Some("vtpm.log.verified"));
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat()
}

/// A record of template `ima-ng`, with the digest of its data or another.
fn record(pcr: u32, name: &str, digest: Option<[u8; 20]>) -> Vec<u8> {
    let file = [b"sha256:\0".to_vec(), hash(SHA256, name.as_bytes())].concat();
    let data = [sized(&file), sized(&[name.as_bytes(), b"\0"].concat())].concat();
    let digest = digest.unwrap_or_else(|| hash(SHA1, &data).try_into().unwrap());
    [&pcr.to_le_bytes()[..], &digest, &sized(b"ima-ng"), &sized(&data)].concat()
}

#[test]
fn the_longest_beginning_that_replays_is_proven() {
    let records: Vec<_> =
        ["boot_aggregate", "/init", "/bin/sh"].iter().map(|name| record(10, name, None)).collect();
    let (whole, some) = (records.concat(), records[..2].concat());
    let quoted = ImaLog::parse(&some).unwrap();
    let verified = quoted.replay(10, SHA256, ImaHashing::PerBank, provider()).unwrap().value();
    let log = ImaLog::parse(&whole).unwrap();
    let proven = log.compare(10, &verified, SHA256, ImaHashing::PerBank, provider()).unwrap();
    assert_eq!((proven.records().count(), proven.unproven(), proven.violations()), (2, 1, 0));
    let names: Vec<_> = proven.records().map(|record| record.fields().unwrap().nth(1).unwrap()).collect();
    assert_eq!(names, [&b"boot_aggregate\0"[..], b"/init\0"]);
    // No beginning replays: nothing is proven, not even the first record.
    let other = Digest::filled(7, 32);
    let error = log.compare(10, &other, SHA256, ImaHashing::PerBank, provider()).unwrap_err();
    assert_eq!(error.check_id(), Some("vtpm.log.ima.replay"));
    // A false template digest is no matter to the register of a kernel that hashes per bank, and is refused.
    let forged = [records[0].clone(), record(10, "/init", Some([9; 20]))].concat();
    let error =
        ImaLog::parse(&forged).unwrap().compare(10, &verified, SHA256, ImaHashing::PerBank, provider());
    assert_eq!(error.unwrap_err().check_id(), Some("vtpm.log.ima.template-digest"));
    // A violation extends ones.
    let violated = [records[0].clone(), record(10, "/init", Some([0; 20]))].concat();
    let log = ImaLog::parse(&violated).unwrap();
    let replay = log.replay(10, SHA256, ImaHashing::PerBank, provider()).unwrap();
    assert_eq!((replay.violations(), replay.template_mismatches()), (1, 0));
    let proven = log.compare(10, &replay.value(), SHA256, ImaHashing::PerBank, provider()).unwrap();
    assert_eq!(proven.records().map(|record| record.fields().is_some()).collect::<Vec<_>>(), [true, false]);
    for cut in 0..whole.len() {
        match ImaLog::parse(&whole[..cut]) {
            Ok(log) => assert!(log.len() < 3 && [0, records[0].len(), some.len()].contains(&cut)),
            Err(error) => assert!(error.offset <= cut, "{cut}: {error}"),
        }
    }
    for bad in [record(24, "x", None), record(u32::MAX, "x", None)] {
        assert_eq!(ImaLog::parse(&bad).unwrap_err().check_id(), "vtpm.log.ima.pcr-index");
    }
    let long = [&10_u32.to_le_bytes()[..], &[1; 20], &u32::MAX.to_le_bytes(), &[0; 80]].concat();
    assert_eq!(ImaLog::parse(&long).unwrap_err().check_id(), "form.budget");
}
