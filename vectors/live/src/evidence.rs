//! Evidence of a live TPM, and the whole line over it: bytes, verification, policy.

use attest_core::crypto::HashAlgorithm;
use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::tee::vtpm::{self, Attest, Attested, PcrValue, TYPE_QUOTE, TpmEvidence, TpmQuote};
use attest_core::tee::vtpm::{AttestationKey, TrustedAk};
use attest_core::values::Nonce;
use attest_core::{
    Claims, Context, Error, Expect, Policy, Refused, Store, TrustAnchors, UnixTime, Verdict, Verified,
    Verifier,
};

use crate::{AkKind, KeyFiles, LiveTpm, QuoteFiles};

impl LiveTpm {
    /// A quote, with each register that it selects as TPM2_PCR_Read gives it.
    pub fn quoted(&self, ak: &KeyFiles, kind: AkKind, selection: &str, nonce: &[u8]) -> TpmQuote {
        let QuoteFiles { attest, signature } = self.quote(ak, kind, selection, nonce);
        let pcrs = self.selected(&attest);
        TpmQuote { attest, signature, pcrs }
    }

    /// The registers that a quote selects, each as often as it is selected, as they are now.
    ///
    /// # Panics
    /// For bytes that are no quote.
    pub fn selected(&self, attest: &[u8]) -> Vec<PcrValue> {
        let attest = Attest::parse_as(TYPE_QUOTE, attest).expect("a quote");
        let Attested::Quote { selection, .. } = attest.attested() else { return Vec::new() };
        let mut out = Vec::new();
        for entry in selection {
            let len = entry.bank.hash().map(HashAlgorithm::digest_len).expect("a bank");
            let indices: Vec<u8> = entry.indices().collect();
            let values = self.pcr_values(&entry.bank.to_string(), &indices);
            assert_eq!(values.len(), indices.len() * len);
            let all = indices.into_iter().zip(values.chunks(len));
            out.extend(all.map(|(index, value)| PcrValue { bank: entry.bank, index, value: value.to_vec() }));
        }
        out
    }
}

/// Evidence of quotes by one key.
pub fn evidence(ak: &KeyFiles, quotes: &[TpmQuote], event_log: &[u8]) -> TpmEvidence {
    TpmEvidence::new(quotes.to_vec(), AttestationKey::Public(ak.public.clone()), event_log.to_vec())
}

/// A relying party: whom it trusts, and what it asked for.
#[derive(Clone, Debug)]
pub struct Judge {
    anchors: TrustAnchors,
    nonce: Nonce,
}

impl Judge {
    /// One that trusts these keys and nobody else.
    ///
    /// # Panics
    /// For more bytes than a nonce has.
    pub fn new(keys: &[TrustedAk], nonce: &[u8]) -> Self {
        let mut anchors = TrustAnchors::pinned();
        keys.iter().for_each(|key| anchors.vtpm.add_key(key.clone()));
        Self { anchors, nonce: Nonce::new(nonce).expect("a nonce") }
    }

    /// From the bytes on the wire to verified claims.
    ///
    /// # Errors
    /// The refusal.
    pub fn verify(&self, evidence: &TpmEvidence) -> Result<Verified<Claims>, Box<Refused>> {
        let now = UnixTime::since_unix_epoch(core::time::Duration::from_secs(1_768_478_400));
        let context = Context::new(&PROVIDER, &self.anchors, now, Expect::Nonce(self.nonce));
        let verifier = Verifier::new();
        let evidence = verifier.detect(&evidence.to_bytes()).map_err(Refused::from)?;
        Ok(verifier.verify(&evidence, &Store::new(), &context)?)
    }

    /// Verifies what holds, and judges it.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn judge(&self, evidence: &TpmEvidence, policy: vtpm::Policy) -> Verdict {
        Policy::for_vtpm(policy).judge(self.verify(evidence).expect("the evidence verifies"))
    }

    /// The checks that refuse evidence, or the one that its form fails.
    ///
    /// # Panics
    /// If it is not refused.
    pub fn refuses(&self, evidence: &TpmEvidence) -> Vec<&'static str> {
        let refused = self.verify(evidence).expect_err("the evidence is refused");
        if let Error::Malformed(malformed) = &refused.error {
            return vec![malformed.check_id()];
        }
        failed(&refused.checks)
    }
}

/// The checks that failed.
pub fn failed(checks: &attest_core::checks::Checks) -> Vec<&'static str> {
    let failed = checks.iter().filter(|entry| entry.outcome == attest_core::checks::Outcome::Failed);
    failed.map(|entry| entry.check.id).collect()
}
