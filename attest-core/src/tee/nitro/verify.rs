//! Belief: the chain above the document's certificate, the document's signature, and what the caller expects it to carry.
//!
//! The order is that of `checks::verify`. A failed check does not stop the ones after it, so that a refusal names all that is
//! wrong; only a chain that does not hold does, because then there is no key to ask.

use rustls_pki_types::UnixTime;

use super::anchors::{Anchors, root_of};
use super::checks::verify as checks;
use super::claims::Claims;
use super::endorsement::Endorsement;
use super::wire::Document;
use crate::checks::{Check, Checks};
use crate::collateral::Store;
use crate::context::Expect;
use crate::crypto::{CryptoProvider, Curve, SignatureAlgorithm};
use crate::error::Refused;
use crate::values::Value;
use crate::verified::Verified;
use crate::x509::{Certificate, KeyUsage};

/// What one field of the document must be. There is no default: who compares nothing says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected<'a> {
    /// Null, or left out.
    Absent,
    /// Anything, or nothing: it is not compared, and the verdict says so.
    Any,
    /// Exactly these bytes, all of them.
    Exactly(&'a [u8]),
}

/// What the document must carry, so that it is fresh and meant for this caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expectation<'a> {
    /// `nonce`: what makes a document fresh.
    pub nonce: Expected<'a>,
    /// `user_data`: what the attester is to commit to.
    pub user_data: Expected<'a>,
    /// `public_key`: a key that the attester holds, for example a TPM's attestation key.
    pub public_key: Expected<'a>,
}

impl<'a> Expectation<'a> {
    /// All three, by name.
    pub const fn new(nonce: Expected<'a>, user_data: Expected<'a>, public_key: Expected<'a>) -> Self {
        Self { nonce, user_data, public_key }
    }

    /// What a caller of any TEE expects, in the field that Nitro has for it: `nonce`. The other two are claims.
    pub(super) fn of(expect: &'a Expect) -> Self {
        let nonce = expect.bytes().map_or(Expected::Any, Expected::Exactly);
        Self { nonce, user_data: Expected::Any, public_key: Expected::Any }
    }

    /// Whether a nonce is compared that can tell this document from an older one.
    pub(super) const fn is_fresh(&self) -> bool {
        match self.nonce {
            Expected::Absent | Expected::Any => false,
            Expected::Exactly(nonce) => nonce.len() >= Expect::MIN_NONCE,
        }
    }
}

impl Document<'_> {
    /// Verifies this document under one of `anchors`, at `now`. For a document that was stored, that is the time at which it
    /// was made; for a live one, the time of day: its certificate lives for three hours.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made and the most telling failure.
    pub fn verify(
        &self,
        anchors: &Anchors,
        provider: &CryptoProvider,
        now: UnixTime,
        expectation: Expectation<'_>,
    ) -> Result<Verified<Claims>, Refused> {
        self.verify_with(&Store::new(), anchors, provider, now, expectation)
    }

    /// The same under a chain that `store` may have proven.
    pub(super) fn verify_with(
        &self,
        store: &Store,
        anchors: &Anchors,
        provider: &CryptoProvider,
        now: UnixTime,
        expectation: Expectation<'_>,
    ) -> Result<Verified<Claims>, Refused> {
        let mut checks = Checks::new();
        let known = store.proofs::<Endorsement>().find(|proof| proof.is_of(self));
        let proven;
        let endorsement = match known {
            Some(known) if known.holds(anchors, provider, now)? => {
                known.record(&mut checks);
                known
            }
            _ => {
                proven = Endorsement::prove(self, anchors, provider, now, &mut checks)?;
                &proven
            }
        };
        let leaf = Certificate::parse(self.certificate())?;
        let region = self.judge_leaf(&leaf, &mut checks);
        self.judge_signature(&leaf, provider, &mut checks)?;
        for (check, expected, actual) in [
            (&checks::NONCE, expectation.nonce, self.nonce()),
            (&checks::USER_DATA, expectation.user_data, self.user_data()),
            (&checks::PUBLIC_KEY, expectation.public_key, self.public_key()),
        ] {
            judge_field(check, expected, actual, &mut checks);
        }
        match Refused::of(&checks) {
            Some(refused) => Err(refused),
            None => {
                let root =
                    root_of(endorsement.root(), provider).map_err(|error| Refused::with(error, &checks))?;
                let (until, fresh) = (endorsement.valid_until(), expectation.is_fresh());
                let claims = Claims::new(self, region, root, until, now.as_secs(), fresh);
                Ok(Verified::assertion(claims, checks))
            }
        }
    }

    /// The leaf's own rules; its region, as its name has it.
    fn judge_leaf<'a>(&self, leaf: &Certificate<'a>, checks: &mut Checks) -> &'a str {
        let signs = leaf.key_usage().is_some_and(KeyUsage::digital_signature);
        let actual = if signs { "digitalSignature" } else { "not digitalSignature" };
        checks.require(&checks::LEAF_USAGE, signs, "digitalSignature", actual);

        let name = leaf.subject().common_name().unwrap_or_default();
        let rest = name.strip_prefix(self.module_id().as_str()).and_then(|rest| rest.strip_prefix('.'));
        let region = rest.and_then(|rest| rest.split_once('.')).and_then(|(region, partition)| {
            let plain = partition.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            (!region.is_empty() && plain && partition.starts_with("aws")).then_some(region)
        });
        let expected = Value::text(&alloc::format!("{}.REGION.aws", self.module_id().as_str()));
        checks.require(&checks::LEAF_SUBJECT, region.is_some(), expected, Value::text(name));
        region.unwrap_or_default()
    }

    fn judge_signature(
        &self,
        leaf: &Certificate<'_>,
        provider: &CryptoProvider,
        checks: &mut Checks,
    ) -> Result<(), Refused> {
        let key = leaf.public_key();
        if key.curve() != Some(Curve::P384) {
            checks.not_applicable(&checks::SIGNATURE, "the certificate's key is not on P-384");
            return Ok(());
        }
        let algorithm = SignatureAlgorithm::EcdsaP384Sha384;
        let verified = provider
            .verify(algorithm, key.as_bytes(), &self.signed_bytes(), self.signature())
            .map_err(|error| Refused::with(error, checks))?;
        let actual =
            if verified.is_ok() { "a signature that verifies" } else { "a signature that does not verify" };
        checks.require(&checks::SIGNATURE, verified.is_ok(), "a signature that verifies", actual);
        Ok(())
    }
}

fn judge_field(check: &'static Check, expected: Expected<'_>, actual: Option<&[u8]>, checks: &mut Checks) {
    let shown = actual.map_or(Value::Phrase("none"), Value::bytes);
    match expected {
        Expected::Absent => {
            checks.require(check, actual.is_none(), "none", shown);
        }
        Expected::Any => checks.not_applicable(check, "the caller gave nothing to compare"),
        Expected::Exactly(expected) => {
            checks.require(check, actual == Some(expected), expected, shown);
        }
    }
}
