//! A paravisor's reports, written by hand, and the report data that a paravisor would ask for.

use attest_core::crypto::{HashAlgorithm, ring};

/// Where the runtime data start.
const RUNTIME: usize = 1236;

/// The report with report data that commit to its runtime data. `bytes` is a report that was read.
pub fn committed(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let runtime = &bytes[RUNTIME..RUNTIME + number(1232) as usize];
    let digest = ring::PROVIDER.digest(HashAlgorithm::Sha256, &[runtime]).expect("a hash");
    // REPORT_DATA of an ATTESTATION_REPORT, REPORTDATA of a TDREPORT.
    let at = 32 + if number(1224) == 2 { 0x50 } else { 128 };
    out[at..at + 64].fill(0);
    out[at..at + 32].copy_from_slice(digest.as_bytes());
    out
}

/// A report of this header version and type.
fn report(version: u32, kind: u32, runtime: &str, padding: usize) -> Vec<u8> {
    let len = runtime.len() as u32;
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut hardware = vec![0; 1184];
    hardware[0] = if kind == 2 { 2 } else { 0x81 };
    let header = [b"HCLA".to_vec(), words(&[version, 1236 + len, 2, 0, 0, 0, 0])].concat();
    let request = words(&[20 + len, 1, kind, 1, len]);
    committed(&[header, hardware, request, runtime.into(), vec![0; padding]].concat())
}

fn key(id: &str, operation: &str) -> String {
    let n = ["_", &"A".repeat(341)].concat();
    format!(r#"{{"kid":"{id}","key_ops":["{operation}"],"kty":"RSA","e":"AQAB","n":"{n}"}}"#)
}

/// The corpus: reports old and new, of both kinds, and runtime data alone.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let (ak, ek) = (key("HCLAkPub", "sign"), key("HCLEkPub", "encrypt"));
    let old = format!(
        r#"{{"keys":[{}],"vm-configuration":{{"current-time":1700000000,"secure-boot":true}}}}"#,
        key("HCLAkPub", "encrypt")
    );
    let user_data = "5A".repeat(64);
    let new = format!(
        r#"{{"keys":[{ak},{ek}],"vm-configuration":{{"tpm-persisted":false,"vmUniqueId":"1-2"}},"user-data":"{user_data}"}}"#
    );
    let strange =
        format!(r#"{{"keys":[{ak}],"x":[1,-1,1.5,null,{{"y":[]}}],"vm-configuration":{{"a":[]}}}}"#);
    vec![
        ("snp-1", report(1, 2, &old, 229)),
        ("snp-2", report(2, 2, &new, 64)),
        ("tdx-2", report(2, 4, &new, 0)),
        ("no-key", report(2, 4, &format!(r#"{{"keys":[{ek}]}}"#), 16)),
        ("runtime-data", new.into_bytes()),
        ("runtime-data-strange", strange.into_bytes()),
    ]
}
