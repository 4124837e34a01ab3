//! Belief: the chain above the document's certificate, the document's signature, and what the caller expects it to carry.
//!
//! The order is that of `checks::verify`. A failed check does not stop the ones after it, so that a refusal names all that is
//! wrong; only a chain that does not hold does, because then there is no key to ask.

use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::anchors::{Anchors, Root};
use super::checks::verify as checks;
use super::claims::Claims;
use super::wire::Document;
use crate::checks::{Check, Checks};
use crate::crypto::{CryptoProvider, Curve, HashAlgorithm, SignatureAlgorithm};
use crate::error::{Malformed, Problem, Refused};
use crate::values::Value;
use crate::verified::Verified;
use crate::x509::chain::{self, ChainError, ChainFault, Path, Rule, Rules};
use crate::x509::{Certificate, KeyUsage, SignatureScheme};

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

    /// Whether a nonce is compared that can tell this document from an older one.
    pub(super) const fn is_fresh(&self) -> bool {
        matches!(self.nonce, Expected::Exactly([_, ..]))
    }
}

/// What chains are signed with, all of them: ECDSA on P-384 with SHA-384.
const SCHEME: SignatureScheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha384);

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
        let leaf = Certificate::parse(self.certificate())?;
        let bundle: Vec<Certificate<'_>> =
            self.cabundle().iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
        let mut checks = Checks::new();
        let roots = anchors.roots();
        let rules = Rules::new(provider, now, &[]);
        let path = match chain::find(&leaf, &bundle, &roots, &rules) {
            Ok(path) => path,
            Err(ChainError::Unsupported(unsupported)) => return Err(Refused::with(unsupported, &checks)),
            Err(ChainError::Fault(fault)) => return Err(refuse(&fault, &mut checks)),
        };
        for check in CHAIN {
            checks.require(check, true, "a path that holds", "a path that holds");
        }
        judge_keys(&path, &mut checks);
        let root = path.anchor().as_certificate().map(Certificate::as_der).unwrap_or_default();
        judge_order(&path, root, self.cabundle(), &mut checks);
        let region = self.judge_leaf(&leaf, &mut checks);
        self.judge_signature(&leaf, provider, &mut checks)?;
        let root = Root::of(root, provider).map_err(|error| Refused::with(error, &checks))?;
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
                let claims = Claims::new(self, region, root, now.as_secs(), expectation.is_fresh());
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
        let expected = Value::text(self.module_id().as_str());
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

/// The checks that a path stands for: [`chain::find`] returns one only if all of them hold.
static CHAIN: [&Check; 7] = [
    &checks::CHAIN_BUDGET,
    &checks::CHAIN_ISSUER,
    &checks::CHAIN_SIGNATURE,
    &checks::CHAIN_VALIDITY,
    &checks::CHAIN_LEAF,
    &checks::CHAIN_AUTHORITY,
    &checks::CHAIN_EXTENSION,
];

fn refuse(fault: &ChainFault, checks: &mut Checks) -> Refused {
    let check = match fault.rule {
        Rule::Budget | Rule::Depth => &checks::CHAIN_BUDGET,
        Rule::Issuer => &checks::CHAIN_ISSUER,
        Rule::Key | Rule::Algorithm => &checks::CHAIN_KEY,
        Rule::Signature => &checks::CHAIN_SIGNATURE,
        Rule::Validity => &checks::CHAIN_VALIDITY,
        Rule::Leaf => &checks::CHAIN_LEAF,
        Rule::Authority | Rule::KeyUsage | Rule::PathLength => &checks::CHAIN_AUTHORITY,
        Rule::CriticalExtension => &checks::CHAIN_EXTENSION,
    };
    checks.require(check, false, fault.expected, fault.actual);
    // A check that a unit test takes away makes no path where there is none.
    Refused::of(checks).unwrap_or_else(|| {
        let problem = Problem::Encoding("no path to a root that the caller trusts");
        Malformed { structure: "cabundle", field: "path", offset: fault.at, problem }.into()
    })
}

/// Every key on P-384, the root's too, and every signature with SHA-384: no other was ever seen, and a weaker one in between
/// would be as good as the whole chain.
fn judge_keys(path: &Path<'_>, checks: &mut Checks) {
    let root = path.anchor().public_key();
    let stranger = path
        .certificates()
        .iter()
        .map(|certificate| (certificate.public_key(), certificate.signature_scheme()))
        .chain([(root, Some(SCHEME))])
        .find(|(key, scheme)| key.curve() != Some(Curve::P384) || *scheme != Some(SCHEME));
    let actual = match stranger {
        None => "P-384 with SHA-384",
        Some((key, _)) if key.curve() != Some(Curve::P384) => key.name(),
        Some(_) => "another scheme",
    };
    checks.require(&checks::CHAIN_KEY, stranger.is_none(), "P-384 with SHA-384", actual);
}

/// The bundle must be the path that was found: the root, whom the caller already trusts, then down to the leaf's issuer. A
/// search finds its way in any order, so without this rule a bundle could carry what nobody looked at.
fn judge_order(path: &Path<'_>, root: &[u8], bundle: &[&[u8]], checks: &mut Checks) {
    let below = path.certificates().iter().skip(1).rev().map(Certificate::as_der);
    let ok = core::iter::once(root).chain(below).eq(bundle.iter().copied());
    let actual = if ok { "the path, root first" } else { "another order, or other certificates" };
    checks.require(&checks::CHAIN_ORDER, ok, "the path, root first", actual);
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
