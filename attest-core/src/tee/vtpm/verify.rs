//! Belief: what vouches for the attestation key, its signature on each quote, and the registers that the quotes cover.
//!
//! The order is that of `checks::verify`. A failed check does not stop the ones after it, so that a refusal names all that is
//! wrong. Of several quotes each must hold: there is one line for each check, with the graver outcome.

use alloc::format;
use alloc::vec::Vec;

use super::body::{MAX_QUOTES, MAX_VALUES, Parts, QuoteBytes, TpmEvidence};
use super::checks::verify as checks;
use super::claims::{Claims, Facts};
use super::endorsement::{Ak, Trust, judge_trust};
use super::key::SigningKey;
use super::log::LogClaims;
use super::pcr::{self, VerifiedPcrs};
use super::signature::Signature;
use super::wire::{Attest, Attested, ClockInfo, TYPE_QUOTE};
use crate::checks::Checks;
use crate::collateral::{Collateral, Store};
use crate::context::Context;
use crate::crypto::HashAlgorithm;
use crate::error::{Error, Malformed, Problem, Refused, Unsupported};
use crate::values::{Nonce, Value};
use crate::verified::Verified;

impl TpmEvidence {
    /// Verifies every quote, under a key that something vouches for.
    ///
    /// # Errors
    /// [`Refused`], with every check that was made and the most telling failure.
    pub fn verify(
        &self,
        carried: &Collateral,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<Claims>, Refused> {
        self.parts().verify_as(carried, store, context, |claims| claims)
    }
}

impl Parts<'_> {
    /// The same, with the claims in the form that the caller wants: the record of checks is large, and is moved once.
    pub(super) fn verify_as<C>(
        &self,
        carried: &Collateral,
        store: &Store,
        context: &Context<'_>,
        form: impl FnOnce(Claims) -> C,
    ) -> Result<Verified<C>, Refused> {
        verify(self, (carried, store), context, form)
    }
}

fn verify<C>(
    parts: &Parts<'_>,
    (carried, store): (&Collateral, &Store),
    context: &Context<'_>,
    form: impl FnOnce(Claims) -> C,
) -> Result<Verified<C>, Refused> {
    let quotes = parts.quotes.iter().map(Quote::parse).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = quotes.first() else { return Err(no_quote()) };
    for (field, max, actual) in quotes
        .iter()
        .map(|quote| ("pcrs", MAX_VALUES, quote.parts.pcrs.len()))
        .chain([("quotes", MAX_QUOTES, quotes.len())])
    {
        if actual > max {
            let problem = Problem::TooLarge { max, actual };
            return Err(Malformed { structure: "TPM evidence", field, offset: 0, problem }.into());
        }
    }
    let mut checks = Checks::new();
    let ak = Ak::read(parts.ak, first.attest.qualified_signer(), context)?;
    let trust = judge_trust(&ak, carried, store, context, &mut checks)?;
    let signer = first.attest.qualified_signer();
    let proven = trust.named || ak.is_of_a_template(signer, context)?;
    judge_key(&ak, proven, &mut checks);
    let mut pcrs = VerifiedPcrs::default();
    for quote in &quotes {
        quote.judge_signer(&ak, context, &mut checks)?;
        let covered = quote.judge(&ak.key, context, &mut checks)?;
        if !pcrs.merge(covered) {
            checks.require_again(&checks::PCR_DUPLICATE, false, "each once", "a register in two quotes");
        }
    }
    judge_boot(&quotes, &mut checks);
    let log = LogClaims::read(parts.event_log, &pcrs, context.provider)
        .map_err(|error| Refused::with(error, &checks))?;
    match Refused::of(&checks) {
        Some(refused) => Err(refused),
        None => {
            let claims = claims(&ak, (trust, proven), &quotes, pcrs, log, context)?;
            Ok(Verified::assertion(form(claims), checks))
        }
    }
}

/// `parse` refuses evidence without a quote; made by hand, it is told the same.
fn no_quote() -> Refused {
    Attest::parse_as(TYPE_QUOTE, &[])
        .map_or_else(Refused::from, |_| Error::from(Unsupported::Format(Value::None)).into())
}

fn claims(
    ak: &Ak,
    (trust, proven): (Trust, bool),
    quotes: &[Quote<'_>],
    pcrs: VerifiedPcrs,
    log: Option<LogClaims>,
    context: &Context<'_>,
) -> Result<Claims, Refused> {
    let Some(Quote { attest, .. }) = quotes.first() else { return Err(no_quote()) };
    // What only evidence says of its key is no claim.
    let public = ak.public.as_ref().filter(|_| proven);
    let hierarchy = match proven {
        true => ak.hierarchy(attest.qualified_signer(), context)?,
        false => None,
    };
    let signed_pcrs = context.anchors.vtpm.signed_states(&pcrs, context.provider)?;
    let safe = quotes.iter().all(|quote| quote.attest.clock().safe);
    Ok(Claims::new(Facts {
        path: trust.path,
        root: trust.root,
        name: public.map(|public| public.name.clone()),
        attributes: public.map(|public| public.attributes),
        spki_sha256: ak.spki_sha256,
        hierarchy,
        said: trust.said,
        revocation: trust.revocation,
        extra_data: Nonce::new(attest.extra_data()),
        clock: ClockInfo { safe, ..attest.clock() },
        firmware_version: attest.firmware_version(),
        fresh: context.expect.is_fresh(),
        pcrs,
        signed_pcrs,
        log,
    }))
}

/// Several quotes tell of one state only if the TPM was not reset between them.
fn judge_boot(quotes: &[Quote<'_>], checks: &mut Checks) {
    let of = |quote: &Quote<'_>| {
        let clock = quote.attest.clock();
        (clock.reset_count, clock.restart_count, quote.attest.firmware_version())
    };
    let same = |quote: &&Quote<'_>, first: &Quote<'_>| {
        of(quote) == of(first) && quote.attest.qualified_signer() == first.attest.qualified_signer()
    };
    let shown = |quote: &Quote<'_>| {
        let (reset, restart, firmware) = of(quote);
        Value::text(&format!("reset {reset}, restart {restart}, firmware {firmware:#x}"))
    };
    let Some(first) = quotes.first() else { return };
    let other = quotes.iter().find(|quote| !same(quote, first));
    let expected = shown(first);
    let actual = match other {
        None => expected,
        Some(other) if of(other) == of(first) => Value::Phrase("another qualifiedSigner"),
        Some(other) => shown(other),
    };
    checks.require(&checks::SAME_BOOT, other.is_none(), expected, actual);
}

/// What can be said of the key alone. `proven`: whether what vouches for the key vouches for its attributes.
fn judge_key(ak: &Ak, proven: bool, checks: &mut Checks) {
    match &ak.public {
        None => checks.not_applicable(
            &checks::AK_ATTRIBUTES,
            "only the bare key is known, in no known template; policy judges",
        ),
        Some(public) if !proven && public.attributes.are_an_attestation_keys() => checks.not_applicable(
            &checks::AK_ATTRIBUTES,
            "what vouches for the key vouches for its numbers only; policy judges",
        ),
        Some(public) => {
            let ok = public.attributes.are_an_attestation_keys();
            let expected = "restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin, not decrypt";
            let actual = Value::Bits(u64::from(public.attributes.0));
            checks.require(&checks::AK_ATTRIBUTES, ok, expected, actual);
        }
    }
    match &ak.key {
        SigningKey::Ecc { curve, .. } => {
            checks.require(&checks::AK_STRENGTH, true, "P-256 or stronger", curve.name());
        }
        SigningKey::Rsa { bits, exponent, .. } => {
            let strong = *bits >= 2048 && *exponent >= 65_537;
            let actual = Value::text(&format!("{bits} bits and {exponent}"));
            checks.require(&checks::AK_STRENGTH, strong, "2048 bits and 65537 at least", actual);
        }
    }
}

/// One quote, parsed.
struct Quote<'a> {
    attest: Attest<'a>,
    signature: Signature<'a>,
    parts: &'a QuoteBytes<'a>,
}

impl<'a> Quote<'a> {
    fn parse(parts: &'a QuoteBytes<'a>) -> Result<Self, Error> {
        let attest = Attest::parse_as(TYPE_QUOTE, parts.attest)?;
        Ok(Self { attest, signature: Signature::parse(parts.signature)?, parts })
    }

    /// Whether the signature is of the kind that the key makes, and whether the quote names the key.
    fn judge_signer(&self, ak: &Ak, context: &Context<'_>, checks: &mut Checks) -> Result<(), Refused> {
        let Signature { scheme, hash, .. } = self.signature;
        let fixed = ak.public.as_ref().map(|public| public.scheme).filter(|fixed| !fixed.is_null());
        let named = fixed.is_none_or(|fixed| fixed.scheme == scheme) && ak.key.takes(scheme);
        let expected = match (fixed, &ak.key) {
            (Some(fixed), _) => fixed.scheme.into(),
            (None, SigningKey::Ecc { .. }) => Value::Phrase("ecdsa"),
            (None, SigningKey::Rsa { .. }) => Value::Phrase("rsassa or rsapss"),
        };
        checks.require_again(&checks::AK_SCHEME, named, expected, scheme);
        match fixed {
            None => checks.not_applicable_again(&checks::AK_HASH, "the key is fixed to no hash"),
            Some(fixed) => {
                checks.require_again(&checks::AK_HASH, fixed.hash == hash, fixed.hash, hash);
            }
        }
        let signer = self.attest.qualified_signer();
        match &ak.public {
            None => checks.not_applicable_again(&checks::AK_NAME, "only the bare key is known"),
            Some(public) if public.rebuilt => {
                let same = ak.hierarchy(signer, context)?.is_some();
                let actual = if same { "a primary key's" } else { "another key's" };
                checks.require_again(&checks::AK_NAME, same, "that of the key in its template", actual);
            }
            Some(public) => {
                // A qualified name is made with the key's own nameAlg, whatever its parent.
                let algorithm = |name: &[u8]| Value::bytes(name.get(..2).unwrap_or_default());
                let (expected, actual) = (algorithm(public.name.as_bytes()), algorithm(signer));
                let same = expected == actual;
                match ak.hierarchy(signer, context)? {
                    Some(hierarchy) => {
                        checks.require_again(&checks::AK_NAME, true, "a primary key's", hierarchy.name());
                    }
                    None if same => checks.not_applicable_again(
                        &checks::AK_NAME,
                        "the key's parent is not known; policy judges",
                    ),
                    None => drop(checks.require_again(&checks::AK_NAME, false, expected, actual)),
                }
            }
        }
        Ok(())
    }

    /// Signature, freshness and registers.
    fn judge(
        &self,
        key: &SigningKey,
        context: &Context<'_>,
        checks: &mut Checks,
    ) -> Result<VerifiedPcrs, Refused> {
        let hash = self.signature.hash.hash().filter(|hash| *hash != HashAlgorithm::Sha1);
        checks.require_again(
            &checks::SIGNATURE_HASH,
            hash.is_some(),
            "sha256, sha384 or sha512",
            self.signature.hash,
        );
        match hash {
            None => checks.not_applicable_again(&checks::SIGNATURE, "nothing is believed on this hash"),
            Some(hash) => {
                let verified = key
                    .verify(self.attest.signed_bytes(), &self.signature, hash, context.provider)
                    .map_err(|error| Refused::with(error, checks))?
                    .is_ok();
                let actual =
                    if verified { "a signature that verifies" } else { "a signature that does not verify" };
                checks.require_again(&checks::SIGNATURE, verified, "a signature that verifies", actual);
            }
        }
        let extra_data = self.attest.extra_data();
        match context.expect.bytes() {
            None => checks.not_applicable_again(&checks::EXTRA_DATA, "the caller gave no data to compare"),
            Some(expected) => {
                checks.require_again(&checks::EXTRA_DATA, extra_data == expected, expected, extra_data);
            }
        }
        let Attested::Quote { selection, pcr_digest } = self.attest.attested() else {
            return Ok(VerifiedPcrs::default());
        };
        let Some(hash) = hash.or_else(|| self.signature.hash.hash()) else {
            return Ok(VerifiedPcrs::default());
        };
        pcr::judge(selection, pcr_digest, &self.parts.pcrs, hash, context.provider, checks)
    }
}
