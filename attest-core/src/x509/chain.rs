//! From a leaf to an anchor (RFC 5280, 6.1): the part of a chain's judgement that is the same for every vendor.
//!
//! [`find`] decides four things and no more: that every signature holds, that every name is the next one's, that every
//! certificate is valid now, and that whoever signs may. What the leaf's key is *for*, whether its subject is the right one and
//! whether something was revoked is the caller's to ask.
//!
//! An anchor comes from the caller, never from `supplied`: a self-signed certificate there is a hint like any other, and ends
//! nowhere. A hint is believed once the chain above it holds. Three bounds hold the work down, whatever the hints are:
//! [`MAX_DEPTH`], [`MAX_SUPPLIED`] and [`MAX_SIGNATURES`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::{Certificate, Extension, KeyUsage, Name, PublicKey, id};
use crate::crypto::CryptoProvider;
use crate::error::{Malformed, Unsupported};
use crate::values::Value;

/// How many certificates a path may have, leaf and anchor included. Nitro documents have five, clouds' TPMs four.
pub const MAX_DEPTH: usize = 8;

/// How many signatures are verified before the search gives up. A path of [`MAX_DEPTH`] needs seven.
pub const MAX_SIGNATURES: usize = 16;

/// How many certificates may be supplied.
pub const MAX_SUPPLIED: usize = 64;

/// Whom the caller trusts.
#[derive(Clone, Copy, Debug)]
pub struct Anchor<'a> {
    subject: Name<'a>,
    key: PublicKey<'a>,
    certificate: Option<Certificate<'a>>,
}

impl<'a> Anchor<'a> {
    /// A whole certificate: its dates and its constraints count as any other authority's, its signature is not looked at.
    pub const fn certificate(certificate: Certificate<'a>) -> Self {
        Self { subject: certificate.subject(), key: certificate.public_key(), certificate: Some(certificate) }
    }

    /// A name and a SubjectPublicKeyInfo, both in DER: without dates or constraints.
    ///
    /// # Errors
    /// [`Malformed`] if one of them is not what it should be.
    pub fn key(subject: &'a [u8], spki: &'a [u8]) -> Result<Self, Malformed> {
        let key = PublicKey::read(spki)
            .map_err(|error| super::malformed("anchor", "subjectPublicKeyInfo", error))?;
        Ok(Self { subject: Name::parse(subject)?, key, certificate: None })
    }

    /// Its name.
    pub const fn subject(&self) -> Name<'a> {
        self.subject
    }

    /// Its key.
    pub const fn public_key(&self) -> PublicKey<'a> {
        self.key
    }

    /// Its certificate, if the caller gave one.
    pub const fn as_certificate(&self) -> Option<&Certificate<'a>> {
        self.certificate.as_ref()
    }
}

/// What a path is judged by, besides the anchors.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rules<'a> {
    /// Who does the arithmetic.
    pub provider: &'a CryptoProvider,
    /// The time at which every certificate must be valid, both ends included.
    pub now: UnixTime,
    /// Critical extensions of the leaf that the caller will read itself, by content octets of their object identifiers. Those
    /// that are read here, keyUsage and basicConstraints, need not be listed.
    pub leaf_critical: &'a [&'a [u8]],
}

impl<'a> Rules<'a> {
    /// All three, by name.
    pub const fn new(provider: &'a CryptoProvider, now: UnixTime, leaf_critical: &'a [&'a [u8]]) -> Self {
        Self { provider, now, leaf_critical }
    }
}

/// A path that holds.
#[derive(Clone, Debug)]
pub struct Path<'a> {
    certificates: Vec<Certificate<'a>>,
    anchor: Anchor<'a>,
}

impl<'a> Path<'a> {
    /// The leaf, then each certificate's issuer; the anchor is not among them.
    pub fn certificates(&self) -> &[Certificate<'a>] {
        &self.certificates
    }

    /// Where it ends.
    pub const fn anchor(&self) -> &Anchor<'a> {
        &self.anchor
    }
}

/// A rule of [`find`]. A caller maps it onto a check of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// There are no more than [`MAX_SUPPLIED`] certificates, and [`MAX_SIGNATURES`] verifications find the path.
    Budget,
    /// The path has at most [`MAX_DEPTH`] certificates.
    Depth,
    /// The issuer has a name, and it is that of an anchor or of a supplied certificate, down to the byte.
    Issuer,
    /// The key is on P-256, P-384 or P-521, or RSA with 2048 to 8192 bits and an exponent of 65537 or more.
    Key,
    /// The certificate is signed with a scheme that is understood and fits its issuer's key.
    Algorithm,
    /// The issuer signed the certificate.
    Signature,
    /// The certificate is valid now.
    Validity,
    /// The first certificate is nobody's issuer.
    Leaf,
    /// An issuer says that it is an authority, in critical basicConstraints.
    Authority,
    /// An issuer may sign certificates, by its keyUsage.
    KeyUsage,
    /// No more authorities follow an issuer than it allows. A self-issued one counts, although RFC 5280 forgives it: no vendor
    /// has one.
    PathLength,
    /// No extension is critical that nobody reads.
    CriticalExtension,
}

/// Which certificate broke which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainFault {
    /// Which certificate: 0 is the leaf, 1 its issuer, and so on.
    pub at: usize,
    /// The common name of that certificate's subject, if it has one.
    pub subject: Value,
    /// The rule.
    pub rule: Rule,
    /// What it asks for.
    pub expected: Value,
    /// What is there.
    pub actual: Value,
}

/// Why there is no path: of several failures the one that says most, as a rule the one furthest from the leaf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// A certificate breaks a rule.
    #[error("certificate {} of the chain ({}): {:?}: expected {}, got {}", .0.at, .0.subject, .0.rule, .0.expected, .0.actual)]
    Fault(Box<ChainFault>),
    /// The provider lacks a scheme, so that nothing can be said of a path that may well be there.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// Finds a path from `leaf` over some of `supplied` to one of `anchors`.
///
/// # Errors
/// [`ChainError`], if there is none.
pub fn find<'a>(
    leaf: &Certificate<'a>,
    supplied: &[Certificate<'a>],
    anchors: &[Anchor<'a>],
    rules: &Rules<'_>,
) -> Result<Path<'a>, ChainError> {
    if supplied.len() > MAX_SUPPLIED {
        let fault = fault(0, leaf, Rule::Budget, count(MAX_SUPPLIED), count(supplied.len()));
        return Err(ChainError::Fault(fault));
    }
    judge_leaf(leaf, rules).map_err(ChainError::Fault)?;
    let mut search = Search {
        supplied,
        anchors,
        rules,
        left: MAX_SIGNATURES,
        path: Vec::with_capacity(MAX_DEPTH),
        failure: None,
    };
    search.path.push(*leaf);
    match search.climb() {
        Some(anchor) => Ok(Path { certificates: search.path, anchor }),
        // Every branch that ends leaves its reason.
        None => Err(search.failure.unwrap_or_else(|| {
            ChainError::Fault(fault(0, leaf, Rule::Issuer, "an issuer that is known", Value::None))
        })),
    }
}

/// A search, depth first; each step up costs a signature, so the budget bounds it all.
struct Search<'s, 'a> {
    supplied: &'s [Certificate<'a>],
    anchors: &'s [Anchor<'a>],
    rules: &'s Rules<'s>,
    /// Signatures that may still be verified.
    left: usize,
    path: Vec<Certificate<'a>>,
    failure: Option<ChainError>,
}

impl<'a> Search<'_, 'a> {
    /// Goes on from the last certificate of the path.
    fn climb(&mut self) -> Option<Anchor<'a>> {
        let child = *self.path.last()?;
        let at = self.path.len().saturating_sub(1);
        let issuer = child.issuer();
        if issuer.is_empty() {
            self.note(fault(at, &child, Rule::Issuer, "a name", "an empty name"));
            return None;
        }
        let (anchors, supplied) = (self.anchors, self.supplied);
        let mut known = false;
        for anchor in anchors.iter().filter(|anchor| anchor.subject == issuer) {
            known = true;
            if self.issued(&child, at, &anchor.key, anchor.certificate.as_ref()) {
                return Some(*anchor);
            }
        }
        for issuer in supplied.iter().filter(|candidate| candidate.subject() == issuer) {
            // A certificate issues nothing that leads to itself: a stranger's root ends here.
            if self.path.iter().any(|below| below.as_der() == issuer.as_der()) {
                continue;
            }
            known = true;
            // The path, this one, and an anchor.
            if self.path.len().saturating_add(2) > MAX_DEPTH {
                self.note(fault(at, &child, Rule::Depth, count(MAX_DEPTH), "more"));
                return None;
            }
            if self.issued(&child, at, &issuer.public_key(), Some(issuer)) {
                self.path.push(*issuer);
                let anchor = self.climb();
                if anchor.is_some() {
                    return anchor;
                }
                self.path.pop();
            }
        }
        if !known {
            let name = issuer.common_name().map_or_else(|| Value::bytes(issuer.as_der()), Value::text);
            self.note(fault(at, &child, Rule::Issuer, "an issuer that is trusted or supplied", name));
        }
        None
    }

    /// Whether this key signed `child`, and whether its owner may: the signature first, so that what is said of an authority
    /// is said of the right one.
    fn issued(
        &mut self,
        child: &Certificate<'_>,
        at: usize,
        key: &PublicKey<'_>,
        issuer: Option<&Certificate<'_>>,
    ) -> bool {
        let above = at.saturating_add(1);
        let named = issuer.unwrap_or(child);
        let signed = match judge_key(key, named, above) {
            Ok(()) => self.signed(child, at, key),
            Err(fault) => Err(ChainError::Fault(fault)),
        };
        let held = signed.and_then(|()| match issuer {
            Some(issuer) => judge_authority(issuer, above, self.rules).map_err(ChainError::Fault),
            None => Ok(()),
        });
        match held {
            Ok(()) => true,
            Err(error) => {
                self.keep(error);
                false
            }
        }
    }

    fn signed(&mut self, child: &Certificate<'_>, at: usize, key: &PublicKey<'_>) -> Result<(), ChainError> {
        let scheme = child.signature_scheme().ok_or_else(|| {
            fault(at, child, Rule::Algorithm, "a scheme that is understood", "another scheme or parameters")
        });
        let scheme = scheme.map_err(ChainError::Fault)?;
        if scheme.with(key).is_none() {
            let fault = fault(at, child, Rule::Algorithm, key.name(), scheme.name());
            return Err(ChainError::Fault(fault));
        }
        let Some(left) = self.left.checked_sub(1) else {
            let fault = fault(at, child, Rule::Budget, count(MAX_SIGNATURES), "more signatures");
            return Err(ChainError::Fault(fault));
        };
        self.left = left;
        let verified = key.verify(scheme, self.rules.provider, child.signed_bytes(), child.signature())?;
        verified.map_err(|_| {
            let actual = "a signature that does not verify";
            ChainError::Fault(fault(at, child, Rule::Signature, "a signature that verifies", actual))
        })
    }

    fn note(&mut self, fault: Box<ChainFault>) {
        self.keep(ChainError::Fault(fault));
    }

    /// Keeps the failure that says most: that nothing here can tell, that the search was not finished, then the one furthest
    /// from the leaf, then the first.
    fn keep(&mut self, error: ChainError) {
        let rank = |error: &ChainError| match error {
            ChainError::Unsupported(_) => (2, 0),
            ChainError::Fault(fault) if fault.rule == Rule::Budget => (1, 0),
            ChainError::Fault(fault) => (0, fault.at),
        };
        if self.failure.as_ref().is_none_or(|kept| rank(kept) < rank(&error)) {
            self.failure = Some(error);
        }
    }
}

type Judged = Result<(), Box<ChainFault>>;

fn judge_leaf(leaf: &Certificate<'_>, rules: &Rules<'_>) -> Judged {
    judge_validity(leaf, 0, rules)?;
    judge_key(&leaf.public_key(), leaf, 0)?;
    if leaf.basic_constraints().is_some_and(|constraints| constraints.ca) {
        return Err(fault(0, leaf, Rule::Leaf, "a leaf", "an authority"));
    }
    judge_critical(leaf, 0, rules.leaf_critical)
}

fn judge_authority(issuer: &Certificate<'_>, at: usize, rules: &Rules<'_>) -> Judged {
    judge_validity(issuer, at, rules)?;
    let constraints = issuer.basic_constraints().filter(|constraints| constraints.ca);
    // RFC 5280, 4.2.1.9: critical, in every authority's certificate.
    let critical = issuer.extension(id::BASIC_CONSTRAINTS).is_some_and(|extension| extension.critical);
    let Some(constraints) = constraints.filter(|_| critical) else {
        return Err(fault(at, issuer, Rule::Authority, "critical basicConstraints of an authority", "none"));
    };
    // Microsoft's is not always critical, and RFC 5280, 4.2.1.3 only asks that it should be.
    if !issuer.key_usage().is_some_and(KeyUsage::key_cert_sign) {
        return Err(fault(at, issuer, Rule::KeyUsage, "keyCertSign", "not keyCertSign"));
    }
    // Authorities between this one and the leaf.
    let below = count(at.saturating_sub(1));
    if let Some(allowed) = constraints.path_len.map(u64::from).filter(|allowed| *allowed < below) {
        return Err(fault(at, issuer, Rule::PathLength, allowed, below));
    }
    judge_critical(issuer, at, &[])
}

fn judge_validity(certificate: &Certificate<'_>, at: usize, rules: &Rules<'_>) -> Judged {
    let (validity, now) = (certificate.validity(), rules.now.as_secs());
    if validity.holds_at(now) {
        return Ok(());
    }
    let bound = if now < validity.not_before { validity.not_before } else { validity.not_after };
    Err(fault(at, certificate, Rule::Validity, Value::Time(bound), Value::Time(now)))
}

fn judge_critical(certificate: &Certificate<'_>, at: usize, known: &[&[u8]]) -> Judged {
    let read = |id: &[u8]| id == id::KEY_USAGE || id == id::BASIC_CONSTRAINTS || known.contains(&id);
    let unread = |extension: &Extension<'_>| extension.critical && !read(extension.id);
    match certificate.extensions().filter_map(Result::ok).find(unread) {
        None => Ok(()),
        Some(unread) => {
            let expected = "critical extensions that are read";
            Err(fault(at, certificate, Rule::CriticalExtension, expected, Value::bytes(unread.id)))
        }
    }
}

/// What is asked of a key that signs or is vouched for.
fn judge_key(key: &PublicKey<'_>, owner: &Certificate<'_>, at: usize) -> Judged {
    let (expected, actual): (Value, Value) = match *key {
        PublicKey::Rsa { bits, .. } if bits < 2048 => (Value::AtLeast(2048), bits.into()),
        PublicKey::Rsa { bits, .. } if bits > 8192 => ("at most 8192 bits".into(), bits.into()),
        PublicKey::Rsa { exponent, .. } if exponent < 65_537 => (Value::AtLeast(65_537), exponent.into()),
        PublicKey::Other => ("RSA, P-256, P-384 or P-521".into(), "another key".into()),
        PublicKey::Rsa { .. } | PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => return Ok(()),
    };
    Err(fault(at, owner, Rule::Key, expected, actual))
}

fn fault(
    at: usize,
    certificate: &Certificate<'_>,
    rule: Rule,
    expected: impl Into<Value>,
    actual: impl Into<Value>,
) -> Box<ChainFault> {
    let subject = certificate.subject().common_name().map_or(Value::None, Value::text);
    Box::new(ChainFault { at, subject, rule, expected: expected.into(), actual: actual.into() })
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
