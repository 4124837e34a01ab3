//! `tpm2-pcr-signature.json`, as systemd-measure writes it: `{"sha256": [{"pcrs": [11], "pkfp": hex, "pol": hex, "sig": base64}]}`.
//!
//! Keys that are not known, and banks that are not known, are ignored as systemd ignores them: the document is signed nowhere,
//! only `pol` is, and `pol` covers bank, registers and values. What is ignored cannot make an entry cover more. A key that stands
//! twice is refused, so that two readers never read two things.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::{MAX_ENTRIES, PcrSignature, PcrSignatures};
use crate::crypto::HashAlgorithm;
use crate::encoding::Base64;
use crate::error::{Malformed, Problem};
use crate::json_tree::offset;
use crate::tee::vtpm::algorithm::AlgorithmId;
use crate::tee::vtpm::wire::Selection;

const STRUCTURE: &str = "tpm2-pcr-signature.json";
/// The largest document that is read, in bytes: [`MAX_ENTRIES`] entries of RSA-4096 are less. Depth costs no stack: what is
/// ignored is walked by a loop, and nothing that is read nests.
const MAX_DOCUMENT: usize = 256 * 1024;
/// The longest signature, in bytes: RSA-8192.
const MAX_SIGNATURE: usize = 1024;

impl PcrSignatures {
    /// Reads a document.
    ///
    /// # Errors
    /// [`Malformed`] for what is no JSON of this form, a key or a bank that stands twice, a register above 23 or none, hexadecimal
    /// or base64 digits that are not canonical, and more than [`MAX_ENTRIES`] entries.
    pub fn from_json(document: &[u8]) -> Result<Self, Malformed> {
        let malformed =
            |offset, problem| Malformed { structure: STRUCTURE, field: "document", offset, problem };
        if document.len() > MAX_DOCUMENT {
            let problem = Problem::TooLarge { max: MAX_DOCUMENT, actual: document.len() };
            return Err(malformed(0, problem));
        }
        let Banks(entries) = serde_json::from_slice(document).map_err(|error| {
            malformed(offset(document, &error), Problem::Encoding("not JSON of the form that systemd writes"))
        })?;
        Self::new(entries)
    }
}

/// The entries of all known banks.
struct Banks(Vec<PcrSignature>);

impl<'de> Deserialize<'de> for Banks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BanksVisitor)
    }
}

struct BanksVisitor;

impl<'de> Visitor<'de> for BanksVisitor {
    type Value = Banks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("banks")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Banks, A::Error> {
        let mut seen: Vec<String> = Vec::new();
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if seen.contains(&name) || seen.len() >= MAX_ENTRIES {
                return Err(A::Error::custom("a bank stands twice, or too many do"));
            }
            match HashAlgorithm::from_name(&name) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(bank) => {
                    for entry in map.next_value::<Vec<Entry>>()? {
                        entries.push(entry.read(bank).ok_or_else(|| A::Error::custom("an entry"))?);
                    }
                }
            }
            seen.push(name);
        }
        Ok(Banks(entries))
    }
}

/// One entry as written. A field that stands twice is refused by the derived reader.
#[derive(Deserialize)]
struct Entry {
    pcrs: Vec<u8>,
    pkfp: String,
    pol: String,
    sig: String,
}

impl Entry {
    fn read(&self, bank: HashAlgorithm) -> Option<PcrSignature> {
        // Ascending, so that no register stands twice; as systemd writes them.
        let ascending = self.pcrs.is_sorted_by(|a, b| a < b) && !self.pcrs.is_empty();
        let selection =
            Selection::of(AlgorithmId::of(bank), self.pcrs.iter().copied()).filter(|_| ascending)?;
        Some(PcrSignature::new(
            selection,
            hex(&self.pkfp)?,
            hex(&self.pol)?,
            Base64::Standard.decode(&self.sig, MAX_SIGNATURE)?,
        ))
    }
}

/// Thirty-two octets in lower-case hexadecimal.
fn hex(text: &str) -> Option<[u8; 32]> {
    let digit = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    };
    let mut octets = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (slot, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = digit(high)? << 4 | digit(low)?;
    }
    Some(octets)
}
