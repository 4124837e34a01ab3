//! Parts of TPM evidence, made by hand. There is no signer here: what must be accepted comes from real vectors.

use std::path::PathBuf;

use attest_core::crypto::{self, CryptoProvider, HashAlgorithm};
use attest_core::tee::vtpm::{AlgorithmId, AttestationKey, PcrValue, TpmEvidence, TpmQuote};
use attest_core::values::{Digest, Hex};
use attest_core::{Evidence, Format};

use crate::tool::file;

/// Registers that [`attest`] selects, in its order.
pub(crate) const SELECTED: [(HashAlgorithm, u8); 3] =
    [(HashAlgorithm::Sha256, 0), (HashAlgorithm::Sha256, 4), (HashAlgorithm::Sha1, 23)];

pub(crate) fn provider() -> &'static CryptoProvider {
    crypto::BUILT_IN.first().unwrap()
}

pub(crate) fn digest(hash: HashAlgorithm, parts: &[&[u8]]) -> Digest {
    provider().digest(hash, parts).unwrap()
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    Hex(bytes.as_ref()).to_string()
}

/// A register's value: its number, over and over.
pub(crate) fn value(bank: HashAlgorithm, index: u8) -> Vec<u8> {
    vec![index + 1; bank.digest_len()]
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A name as a TPM makes it, of nothing in particular.
pub(crate) fn name() -> Vec<u8> {
    [&[0, 0x0b][..], &[0x11; 32]].concat()
}

/// TPMS_ATTEST: a quote of [`SELECTED`] with the extraData c0ffee.
pub(crate) fn attest() -> Vec<u8> {
    let values: Vec<_> = SELECTED.iter().map(|(bank, index)| value(*bank, *index)).collect();
    let parts: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let pcr_digest = digest(HashAlgorithm::Sha256, &parts);
    [
        b"\xffTCG\x80\x18".to_vec(),
        sized(&name()),
        sized(&[0xc0, 0xff, 0xee]),
        // clock 1000, two resets, three restarts, safe; firmware version.
        b"\0\0\0\0\0\0\x03\xe8\0\0\0\x02\0\0\0\x03\x01\x20\x26\x11\x24\0\0\0\x01".to_vec(),
        b"\0\0\0\x02\0\x0b\x03\x11\0\0\0\x04\x03\0\0\x80".to_vec(),
        sized(pcr_digest.as_bytes()),
    ]
    .concat()
}

/// TPMT_SIGNATURE: RSASSA with SHA-256, signed by nobody.
pub(crate) fn signature() -> Vec<u8> {
    [b"\0\x14\0\x0b".to_vec(), sized(&[0x5a; 256])].concat()
}

/// TPMT_PUBLIC: an attestation key that nobody holds.
pub(crate) fn public() -> Vec<u8> {
    let mut modulus = [0xa7; 256];
    modulus[255] = 1;
    let head = b"\0\x01\0\x0b\0\x05\0\x72\0\0\0\x10\0\x14\0\x0b\x08\0\0\0\0\0";
    [head.to_vec(), sized(&modulus)].concat()
}

/// TPM2B_PUBLIC of the same.
pub(crate) fn sized_public() -> Vec<u8> {
    sized(&public())
}

/// What `tpm2_pcrread` prints of all registers of two banks.
pub(crate) fn printed() -> String {
    let mut text = String::new();
    for bank in [HashAlgorithm::Sha1, HashAlgorithm::Sha256] {
        text += &format!("  {}:\n", bank.name());
        for index in 0..24 {
            text += &format!("    {index:<2}: 0x{}\n", hex(value(bank, index)).to_uppercase());
        }
    }
    text
}

/// Evidence as an envelope, from parts that may be anything.
pub(crate) fn envelope(attest: Vec<u8>, signature: Vec<u8>, ak: Vec<u8>, log: Vec<u8>) -> Vec<u8> {
    let pcrs = SELECTED.iter().map(|(bank, index)| PcrValue {
        bank: AlgorithmId::of(*bank),
        index: *index,
        value: value(*bank, *index),
    });
    let quote = TpmQuote { attest, signature, pcrs: pcrs.collect() };
    let evidence = TpmEvidence::new(vec![quote], AttestationKey::Public(ak), log);
    Evidence::new(Format::Vtpm, evidence.to_bytes()).to_envelope()
}

/// A file with evidence that no key has signed.
pub(crate) fn unsigned(name: &str) -> PathBuf {
    file(name, envelope(attest(), signature(), public(), log()))
}

/// Events of a log in the SHA-1 form: register, type, data, and whether the digest is the data's.
const EVENTS: [(u32, u32, &[u8], bool); 4] = [
    (0, 8, b"version 1", true),
    (4, 0x8000_0003, b"where it lies", false),
    (0, 3, b"nobody measured this", true),
    (0, 4, &[0; 4], true),
];

/// An event log in the SHA-1 form.
pub(crate) fn log() -> Vec<u8> {
    let mut log = Vec::new();
    for (pcr, kind, data, covered) in EVENTS {
        log.extend([pcr.to_le_bytes(), kind.to_le_bytes()].concat());
        log.extend_from_slice(event_digest(data, covered).as_bytes());
        log.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        log.extend_from_slice(data);
    }
    log
}

fn event_digest(data: &[u8], covered: bool) -> Digest {
    if covered { digest(HashAlgorithm::Sha1, &[data]) } else { Digest::filled(0x44, 20) }
}

/// What a register holds after the log.
pub(crate) fn replayed(register: u32) -> Digest {
    let extends = EVENTS.iter().filter(|(pcr, kind, ..)| *pcr == register && *kind != 3);
    extends.fold(Digest::filled(0, 20), |before, (.., data, covered)| {
        digest(HashAlgorithm::Sha1, &[before.as_bytes(), event_digest(data, *covered).as_bytes()])
    })
}
