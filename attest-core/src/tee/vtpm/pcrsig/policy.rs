//! TPM2_PolicyPCR: the policy that a key or a secret is sealed to (TPM 2.0 Part 3, 23.7).

use alloc::vec::Vec;

use super::checks::REGISTER;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::Error;
use crate::tee::vtpm::wire::Selection;
use crate::values::{Digest, Value};

/// TPM_CC_PolicyPCR.
const COMMAND: [u8; 4] = [0, 0, 0x01, 0x7f];

/// Register values to compute a policy over: those of a verified quote ([`VerifiedPcrs`](crate::tee::vtpm::VerifiedPcrs)), or those
/// that an image will have. A policy is arithmetic and proves nothing; only
/// [`PcrSignatures::accept`](super::PcrSignatures::accept) speaks of a machine, and it takes quoted values alone.
pub trait Registers {
    /// The value of one register of a bank; `None` if no quote covers it.
    fn register(&self, bank: HashAlgorithm, index: u8) -> Option<Digest>;
}

/// The policy digest of a session that was fresh, and in which TPM2_PolicyPCR was called once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcrPolicy {
    pcr_digest: Digest,
    policy: Digest,
}

impl PcrPolicy {
    /// H(zeros || TPM_CC_PolicyPCR || selection || H(values)), H being the session's hash, whatever the banks are. Values stand
    /// in the order of the selection, ascending inside an entry.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a selected register has no value, or one of another length than its bank's digests;
    /// [`Error::Unsupported`] if the provider lacks the hash function.
    pub fn of(
        hash: HashAlgorithm,
        selection: &[Selection],
        registers: &dyn Registers,
        provider: &CryptoProvider,
    ) -> Result<Self, Error> {
        let mut values = Vec::new();
        for entry in selection {
            for index in entry.indices() {
                let value = entry.bank.hash().and_then(|bank| registers.register(bank, index));
                let fits = value.filter(|value| Some(value.as_bytes().len()) == entry.bank.digest_len());
                let Some(value) = fits else {
                    let register = Value::Number(u64::from(index));
                    return Err(Error::refusal(&REGISTER, register, "no value of that register"));
                };
                values.extend_from_slice(value.as_bytes());
            }
        }
        let pcr_digest = provider.digest(hash, &[&values])?;
        let fresh = Digest::filled(0, hash.digest_len());
        let list = list(selection);
        let parts = [fresh.as_bytes(), &COMMAND, &list, pcr_digest.as_bytes()];
        Ok(Self { pcr_digest, policy: provider.digest(hash, &parts)? })
    }

    /// pcrDigest: the digest of the values.
    pub const fn pcr_digest(&self) -> Digest {
        self.pcr_digest
    }

    /// The policy digest.
    pub const fn policy(&self) -> Digest {
        self.policy
    }
}

/// TPML_PCR_SELECTION (Part 2, 10.9.7).
fn list(selection: &[Selection]) -> Vec<u8> {
    let count = u32::try_from(selection.len()).unwrap_or(u32::MAX);
    let mut out = Vec::from(count.to_be_bytes());
    for entry in selection {
        out.extend_from_slice(&entry.bank.0.to_be_bytes());
        out.push(entry.size);
        // As many octets as the entry says; registers above 31 do not exist.
        let octets = entry.registers.to_le_bytes();
        out.extend(octets.into_iter().chain(core::iter::repeat(0)).take(usize::from(entry.size)));
    }
    out
}
