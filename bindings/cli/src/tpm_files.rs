//! Files that tools of a TPM write: register values and keys in each of their forms, brought into the core's one.
//!
//! Forms of tpm2-tools were taken from what version 5.4 writes.

use std::collections::BTreeMap;
use std::path::Path;

use attest_core::crypto::HashAlgorithm;
use attest_core::reader::Reader;
use attest_core::tee::vtpm::{AlgorithmId, AttestationKey, PcrValue, Public};
use attest_core::values::Hex;
use attest_core::x509::PublicKey;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

use crate::exit::{Exit, Failure};
use crate::input;

/// Register values by bank and number, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registers(BTreeMap<(HashAlgorithm, u8), Vec<u8>>);

impl Registers {
    /// Reads files of any form. Values of one register that differ are an error: the tool does not choose.
    pub(crate) fn read<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, Failure> {
        let mut registers = Self::default();
        for path in paths {
            let bytes = input::read(path)?;
            let malformed =
                |why: String| Failure::new(Exit::Malformed, format_args!("{}: {why}", path.display()));
            let values = match bytes.trim_ascii_start().first() {
                Some(b'[' | b'{') => json(&bytes).map_err(malformed)?,
                _ if is_serialized(&bytes) => {
                    serialized(&bytes).map_err(|error| Failure::about(path.display(), error))?
                }
                _ => text(&bytes).map_err(malformed)?,
            };
            for (bank, index, value) in values {
                registers.add(bank, index, value).map_err(malformed)?;
            }
        }
        Ok(registers)
    }

    fn add(&mut self, bank: HashAlgorithm, index: u8, value: Vec<u8>) -> Result<(), String> {
        let name = format!("{}:{index}", bank.name());
        if index > 23 {
            return Err(format!("{name}: a register from 0 to 23 is expected"));
        }
        if value.len() != bank.digest_len() {
            return Err(format!("{name}: {} bytes are expected, got {}", bank.digest_len(), value.len()));
        }
        match self.0.insert((bank, index), value.clone()) {
            Some(other) if other != value => {
                Err(format!("{name}: one value is expected, got {} and {}", Hex(&other), Hex(&value)))
            }
            _ => Ok(()),
        }
    }

    /// The value of a register.
    pub(crate) fn get(&self, bank: HashAlgorithm, index: u8) -> Option<&[u8]> {
        self.0.get(&(bank, index)).map(Vec::as_slice)
    }

    /// The value of a register as evidence carries it.
    pub(crate) fn value(&self, bank: AlgorithmId, index: u8) -> Option<PcrValue> {
        let value = self.get(bank.hash()?, index)?;
        Some(PcrValue { bank, index, value: value.to_vec() })
    }

    /// The banks, each once, the weakest first.
    pub(crate) fn banks(&self) -> impl DoubleEndedIterator<Item = HashAlgorithm> {
        HashAlgorithm::ALL.iter().copied().filter(|bank| self.0.keys().any(|(of, _)| of == bank))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

type Value = (HashAlgorithm, u8, Vec<u8>);

fn bank(name: &str) -> Result<HashAlgorithm, String> {
    let known = "sha1, sha256, sha384 or sha512";
    HashAlgorithm::from_name(name)
        .ok_or_else(|| format!("bank: {known} is expected, got {}", name.escape_default()))
}

/// A list of `{"bank", "index", "value"}`, or an object that has it under "pcrs".
fn json(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let document: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let list = document.get("pcrs").unwrap_or(&document).as_array();
    let list = list.ok_or("a list of {\"bank\", \"index\", \"value\"} is expected")?;
    let one = |(at, entry): (usize, &serde_json::Value)| {
        let field = |key: &str, form: &str| format!("entry {at}: {key}: {form} is expected");
        let name = entry["bank"].as_str().ok_or_else(|| field("bank", "the name of a bank"))?;
        let index = entry["index"].as_u64().and_then(|index| u8::try_from(index).ok());
        let index = index.ok_or_else(|| field("index", "a register from 0 to 23"))?;
        let value = entry["value"].as_str().and_then(|value| input::bytes(value).ok());
        let value = value.ok_or_else(|| field("value", "text of hexadecimal digits"))?;
        Ok((bank(name).map_err(|why| format!("entry {at}: {why}"))?, index, value))
    };
    list.iter().enumerate().map(one).collect()
}

/// What `tpm2_pcrread` prints: a bank on a line, then `number: 0xVALUE` on a line each.
fn text(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let text = std::str::from_utf8(bytes).map_err(
        |_| "register values are expected: text of tpm2_pcrread, a file of tpm2_quote -o, or JSON",
    )?;
    let mut values = Vec::new();
    let mut current = None;
    for (line, at) in text.lines().zip(1_usize..) {
        let wrong = |why: &str| format!("line {at}: {why}, got {}", line.trim().escape_default());
        let (key, value) = match line.trim() {
            // `tpm2_quote` prints this above the banks.
            "" | "pcrs:" => continue,
            other => {
                other.split_once(':').ok_or_else(|| wrong("`bank:` or `number: 0xVALUE` is expected"))?
            }
        };
        let (key, value) = (key.trim(), value.trim());
        if value.is_empty() {
            current = Some(bank(key).map_err(|why| format!("line {at}: {why}"))?);
            continue;
        }
        let index = key.parse().map_err(|_| wrong("a register from 0 to 23 is expected"))?;
        let digits = value.strip_prefix("0x").ok_or_else(|| wrong("a value such as 0x00 is expected"))?;
        let value = input::bytes(digits).map_err(|why| wrong(&why))?;
        values.push((
            current.ok_or_else(|| wrong("a bank such as `sha256:` is expected first"))?,
            index,
            value,
        ));
    }
    if values.is_empty() {
        return Err("register values are expected, got none".into());
    }
    Ok(values)
}

/// Entries of TPML_PCR_SELECTION in memory, and bytes of one: hash, sizeofSelect, four bytes of bits, one of padding.
const SELECTIONS: usize = 16;
/// Digests of TPML_DIGEST in memory, and bytes of the longest.
const DIGESTS: usize = 8;
const LONGEST: usize = 64;

/// The structures as they lie in memory begin with a small number in little-endian order; no text does.
fn is_serialized(bytes: &[u8]) -> bool {
    matches!(bytes, [0..=16, 0, 0, 0, ..])
}

/// What `tpm2_quote -o` writes: TPML_PCR_SELECTION, a count, and so many TPML_DIGEST, each as it lies in memory, little-endian.
/// The values stand in the order of the selection, registers ascending within an entry.
fn serialized(bytes: &[u8]) -> Result<Vec<Value>, attest_core::error::Malformed> {
    let mut r = Reader::new("tpm2_quote -o", bytes);
    let entries = usize::try_from(r.u32_le("selection.count")?).unwrap_or(usize::MAX);
    let mut selected = Vec::new();
    for entry in 0..SELECTIONS {
        let bank = AlgorithmId(r.u16_le("selection.hash")?);
        let size = usize::from(r.u8("selection.sizeofSelect")?);
        let bits = r.bytes("selection.pcrSelect", 4)?;
        r.u8("selection.padding")?;
        if entry < entries {
            let registers = (0_u8..)
                .zip(bits.iter().take(size).flat_map(|octet| (0..8).map(move |bit| octet >> bit & 1)));
            selected.extend(registers.filter(|(_, bit)| *bit == 1).map(|(index, _)| (bank, index)));
        }
    }
    let mut values = Vec::new();
    let lists = r.u32_le("values.count")?;
    for _ in 0..lists {
        let count = usize::try_from(r.u32_le("digests.count")?).unwrap_or(usize::MAX);
        for digest in 0..DIGESTS {
            let size = usize::from(r.u16_le("digest.size")?);
            let value = r.bytes("digest.buffer", LONGEST)?;
            if digest < count {
                values.push(value.get(..size).unwrap_or(value).to_vec());
            }
        }
    }
    let wrong = |problem| r.malformed("values", attest_core::error::Problem::Encoding(problem));
    if values.len() != selected.len() {
        return Err(wrong("another number of values than registers are selected"));
    }
    let known =
        selected.into_iter().map(|(bank, index)| Some((bank.hash()?, index))).collect::<Option<Vec<_>>>();
    let known = known.ok_or_else(|| wrong("a bank that is not known"))?;
    r.clone().finish("values")?;
    Ok(known.into_iter().zip(values).map(|((bank, index), value)| (bank, index, value)).collect())
}

/// An attestation key: TPM2B_PUBLIC, TPMT_PUBLIC, or SubjectPublicKeyInfo in DER or PEM.
pub(crate) fn attestation_key(path: &Path) -> Result<AttestationKey, Failure> {
    let bytes = input::read(path)?;
    let about = |error| Failure::about(path.display(), error);
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(&bytes).map_err(|_| {
            let why = "one section PUBLIC KEY is expected (RFC 7468, 13)";
            Failure::new(Exit::Malformed, format_args!("{}: {why}", path.display()))
        })?;
        PublicKey::parse(&spki).map_err(about)?;
        return Ok(AttestationKey::Spki(spki.to_vec()));
    }
    if bytes.first() == Some(&0x30) {
        PublicKey::parse(&bytes).map_err(about)?;
        return Ok(AttestationKey::Spki(bytes));
    }
    let public = unsized_public(&bytes);
    Public::parse(public).map_err(about)?;
    Ok(AttestationKey::Public(public.to_vec()))
}

/// TPMT_PUBLIC without the length that TPM2B_PUBLIC puts in front of it.
pub(crate) fn unsized_public(bytes: &[u8]) -> &[u8] {
    match bytes {
        [high, low, rest @ ..] if usize::from(u16::from_be_bytes([*high, *low])) == rest.len() => rest,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{json, serialized, text};

    /// What the tool writes for registers 0 and 4 of SHA-256 and register 0 of SHA-1.
    fn written() -> Vec<u8> {
        let mut bytes = b"\x02\0\0\0\x0b\0\x03\x11\0\0\0\0\x04\0\x03\x01\0\0\0\0".to_vec();
        bytes.resize(132, 0);
        bytes.extend_from_slice(b"\x01\0\0\0\x03\0\0\0");
        for (size, octet) in [(32, 0), (32, 0xa4), (20, 0x51)] {
            bytes.extend_from_slice(&[size, 0]);
            bytes.extend((0..64).map(|at| if at < size { octet } else { 0 }));
        }
        bytes.resize(132 + 4 + 4 + 8 * 66, 0);
        bytes
    }

    #[test]
    fn all_forms_say_the_same() {
        let (zero, four, one) = ("00".repeat(32), "A4".repeat(32), "51".repeat(20));
        let printed =
            format!("pcrs:\n  sha256:\n    0 : 0x{zero}\n    4 : 0x{four}\n\n  sha1:\n    0 : 0x{one}\n");
        let entry =
            |bank, index, value| format!("{{\"bank\":\"{bank}\",\"index\":{index},\"value\":\"{value}\"}}");
        let list = [entry("sha256", 0, &zero), entry("sha256", 4, &four), entry("sha1", 0, &one)].join(",");
        let values = serialized(&written()).unwrap();
        assert_eq!(values.len(), 3);
        assert_eq!(values, text(printed.as_bytes()).unwrap());
        assert_eq!(values, json(format!("[{list}]").as_bytes()).unwrap());
        assert_eq!(values, json(format!("{{\"pcrs\":[{list}]}}").as_bytes()).unwrap());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bad, said) in [
            ("sha256\n", "line 1"),
            ("sha999:\n", "line 1: bank"),
            ("0 : 0x00\n", "line 1: a bank"),
            ("sha256:\n  x : 0x00\n", "line 2: a register"),
            ("sha256:\n  0 : 00\n", "line 2: a value"),
            ("sha256:\n  0 : 0x0\n", "line 2: hexadecimal"),
            ("", "none"),
        ] {
            let error = text(bad.as_bytes()).unwrap_err();
            assert!(error.contains(said), "{bad:?}: {error}");
        }
        assert!(json(b"[{\"bank\":\"sha256\",\"index\":300}]").unwrap_err().contains("entry 0: index"));
        let whole = written();
        for len in [4, 131, 139, whole.len() - 1] {
            assert!(serialized(&whole[..len]).is_err(), "{len}");
        }
        assert!(serialized(&[whole.as_slice(), &[0]].concat()).is_err());
    }
}
