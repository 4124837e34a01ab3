//! Logs of all forms are read within their bounds or refused; what is read replays, and replays to what it says; a story is plain text.
#![no_main]

use attest_core::crypto::{HashAlgorithm, ring};
use attest_core::eventlog::{
    Boot, CelLog, CelRegister, Coverage, ImaHashing, ImaLog, Log, Outcome, Register, Replay,
};
use attest_core::values::Digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let provider = &ring::PROVIDER;
    match Log::parse(bytes) {
        Ok(log) => {
            assert_eq!(log.events().count(), log.len());
            for bank in HashAlgorithm::ALL {
                let replay = Replay::new(&log, *bank, provider);
                let own = replay.clone();
                let compared = replay.compare(|_, pcr| match own.register(pcr)? {
                    Register::Value(value) => Some(value),
                    _ => None,
                });
                assert!(
                    compared
                        .outcomes()
                        .all(|(_, outcome)| matches!(outcome, Outcome::Replayed | Outcome::Unverified))
                );
                let boot = Boot::new(compared, provider);
                for event in boot.events() {
                    if let Coverage::Covered(data) = event.coverage() {
                        let digest = provider.digest(*bank, &[data.as_bytes()]).expect("a hash");
                        assert_eq!(event.proven_digest(), Some(digest.as_bytes()));
                    }
                }
                let _ =
                    (boot.secure_boot().is_ok(), boot.boot_chain().is_ok(), boot.firmware(), boot.sections());
                let story = boot.story(provider).to_string();
                assert!(story.bytes().all(|octet| octet == b'\n' || (0x20..0x7f).contains(&octet)));
            }
        }
        Err(error) => assert!(error.offset <= bytes.len() && !error.to_string().is_empty()),
    }
    if let Ok(log) = ImaLog::parse(bytes) {
        assert_eq!(log.records().count(), log.len());
        let replay = log.replay(10, HashAlgorithm::Sha256, ImaHashing::PerBank, provider).expect("a hash");
        let compared = log.compare(10, &replay.value(), HashAlgorithm::Sha256, ImaHashing::PerBank, provider);
        assert_eq!(compared.is_ok(), replay.template_mismatches() == 0);
    }
    let cel = [CelLog::parse_tlv(bytes), CelLog::parse_json(bytes), CelLog::parse_cbor(bytes)];
    for log in cel.into_iter().flatten() {
        let register = CelRegister::Pcr(11);
        if let Some(value) = log.replay(register, HashAlgorithm::Sha256, provider).expect("a hash") {
            let start = Digest::filled(0, 32);
            let compared = log.compare(register, HashAlgorithm::Sha256, start, &value, provider);
            // All of it is proven, unless COS content is not what was hashed.
            assert!(compared.map_or(true, |proven| proven.unproven() == 0));
        }
    }
});
