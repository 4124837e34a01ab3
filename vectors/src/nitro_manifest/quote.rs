//! A TPM's quote beside an instance's document: the document carries the key that signed the quote, both have one nonce, and the
//! quote covers the registers that the document lists.

use attest_core::crypto::SignatureAlgorithm;
use attest_core::tee::nitro::Claims;
use attest_core::tee::vtpm::{Attest, Attested, Selection};
use der::asn1::UintRef;
use der::{Reader, SliceReader};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Judge;
use crate::{facts, hex};

impl Judge<'_> {
    pub(super) fn quote(&self, wanted: &Value, claims: &Claims) -> Result<(), String> {
        let (bytes, signature) = (self.file(&wanted["tpms_attest"])?, self.file(&wanted["signature_der"])?);
        let attest = Attest::parse(&bytes).map_err(|error| error.to_string())?;
        let Attested::Quote { selection, pcr_digest } = attest.attested() else {
            return Err("not a quote".to_owned());
        };
        let key = claims.public_key().ok_or("a document without a key")?;
        let provider = self.providers.first().ok_or("no provider")?;
        let signed = raw(&signature).and_then(|signature| {
            provider.verify(SignatureAlgorithm::EcdsaP256Sha256, key, &bytes, &signature).ok()?.ok()
        });
        let quoted: Vec<[u8; 48]> = selection
            .iter()
            .flat_map(Selection::indices)
            .map(|index| claims.pcrs().value(index).copied().ok_or("a quoted register that is not listed"))
            .collect::<Result<_, _>>()?;
        // Digest of the values in order, by the hash of the key's scheme.
        let same = Sha256::digest(quoted.concat()).as_slice() == *pcr_digest;
        facts::all(wanted, |name, value| {
            Ok(Some(match name {
                "tpms_attest" | "signature_der" => value.clone(),
                "ak_p256_sec1" => hex(key).into(),
                "doc_public_key_len" => key.len().into(),
                "doc_public_key_equals_ak_sec1" => (wanted["ak_p256_sec1"] == *hex(key)).into(),
                "signature_verifies_with_ak" => signed.is_some().into(),
                "extra_data" => hex(attest.extra_data()).into(),
                "extra_data_equals_doc_nonce" => (claims.nonce() == Some(attest.extra_data())).into(),
                "pcr_digest_tail_equals_sha256_of_sha384_pcrs_in_order" | "pcrs_equal_doc_pcrs" => {
                    same.into()
                }
                _ => return Ok(None),
            }))
        })
    }
}

/// Ecdsa-Sig-Value as r, then s, 32 bytes each.
fn raw(der: &[u8]) -> Option<[u8; 64]> {
    let mut numbers = [0; 64];
    let (r, s) = numbers.split_at_mut(32);
    let read = |reader: &mut SliceReader<'_>| -> der::Result<()> {
        reader.sequence(|reader| {
            for half in [r, s] {
                let number: UintRef<'_> = reader.decode()?;
                let from = half.len().checked_sub(number.as_bytes().len()).ok_or(der::ErrorKind::Overflow)?;
                half[from..].copy_from_slice(number.as_bytes());
            }
            Ok(())
        })
    };
    read(&mut SliceReader::new(der).ok()?).ok()?;
    Some(numbers)
}
