//! Certificates for a few minutes: that a given authority issued one, that a given log has it, and whose it is.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::reader::Reader;
use attest_core::x509::chain::{self, Anchor, Path, Rules};
use attest_core::x509::{Certificate, KeyUsage, id};
use der::{Reader as _, SliceReader, Tag};

use super::der_form::{content, explicit, tlv, whole};
use super::root::TrustRoot;
use super::{Step, TrustError};

/// id-kp-codeSigning.
const CODE_SIGNING: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x03";
/// Signed certificate timestamps (RFC 6962, 3.3).
const SCT_LIST: &[u8] = b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02";
/// Fulcio's issuer: first as bare text, now as a UTF8String.
const ISSUER_V1: &[u8] = b"\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x01";
const ISSUER_V2: &[u8] = b"\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x08";

/// Whom a certificate must name. Anybody can have one in somebody's name of their own, so that a name is always asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// Anybody: for looking at a bundle, and for tests.
    DangerouslyAnyone,
    /// Exactly this subject, as this issuer of identities knows it.
    Exactly {
        /// Subject alternative name: an address of a workflow, or of a mailbox.
        subject: String,
        /// The issuer: `https://token.actions.githubusercontent.com`.
        issuer: String,
    },
}

impl Identity {
    /// Exactly this subject, as this issuer knows it.
    pub fn exactly(subject: &str, issuer: &str) -> Self {
        Self::Exactly { subject: subject.into(), issuer: issuer.into() }
    }
}

/// Proves that `leaf` was issued, logged and valid at each of `times`, and that it names `identity`.
pub(super) fn verify(
    leaf: &Certificate<'_>,
    times: &[u64],
    identity: &Identity,
    root: &TrustRoot,
    provider: &CryptoProvider,
) -> Result<(), TrustError> {
    let refused = |found: &'static str| TrustError::refused(Step::Certificate, found);
    let purpose = leaf.purposes().is_some_and(|purposes| purposes.contains(CODE_SIGNING));
    if !purpose || !leaf.key_usage().is_some_and(KeyUsage::digital_signature) {
        return Err(refused("not one for signing code"));
    }
    for time in times {
        verify_at(leaf, *time, root, provider)?;
    }
    judge_identity(leaf, identity)
}

/// Finds a path at `time`, and with the issuer that it names a certificate timestamp.
fn verify_at(
    leaf: &Certificate<'_>,
    time: u64,
    root: &TrustRoot,
    provider: &CryptoProvider,
) -> Result<(), TrustError> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(time));
    let rules = Rules::new(provider, now, &[id::SUBJECT_ALT_NAME, id::EXTENDED_KEY_USAGE]);
    let mut last = TrustError::refused(Step::Certificate, "no authority of the root was in use at that time");
    for authority in root.authorities.iter().filter(|authority| authority.validity.holds_at(time)) {
        let certificates: Vec<Certificate<'_>> =
            authority.certificates.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
        let [between @ .., anchor] = certificates.as_slice() else { continue };
        match chain::find(leaf, between, &[Anchor::certificate(*anchor)], &rules) {
            Ok(path) => return verify_logged(leaf, issuer_key(&path), time, root, provider),
            Err(error) => last = TrustError::Chain { step: Step::Certificate, error },
        }
    }
    Err(last)
}

/// SubjectPublicKeyInfo of whoever signed the first certificate of a path.
fn issuer_key<'a>(path: &Path<'a>) -> &'a [u8] {
    let issuer = path.certificates().get(1).or_else(|| path.anchor().as_certificate());
    issuer.map_or(&[], Certificate::spki)
}

/// Verifies one certificate timestamp of a log of the root (RFC 6962, 3.2). Those of other logs are passed over; a wrong one of a
/// known log is refused.
fn verify_logged(
    leaf: &Certificate<'_>,
    issuer: &[u8],
    time: u64,
    root: &TrustRoot,
    provider: &CryptoProvider,
) -> Result<(), TrustError> {
    let refused = |found: &'static str| TrustError::refused(Step::CertificateLog, found);
    let list = leaf.extension(SCT_LIST).ok_or_else(|| refused("the certificate names no log"))?;
    let list = whole(Step::CertificateLog, list.value, |r| content(r, Tag::OctetString))?;
    let unlogged = without_list(leaf)?;
    let issuer = provider.digest(HashAlgorithm::Sha256, &[issuer])?;
    let mut known = false;
    for timestamp in Timestamps::read(list)? {
        for log in &root.certificate_logs {
            if log.key.id(provider)?.as_bytes() != timestamp.log || !log.validity.holds_at(time) {
                continue;
            }
            let signed = timestamp.signed(issuer.as_bytes(), &unlogged)?;
            log.key.verify(Step::CertificateLog, &signed, timestamp.signature, provider)?;
            known = true;
        }
    }
    if known { Ok(()) } else { Err(refused("no log of the root has the certificate")) }
}

/// SignedCertificateTimestamp.
struct Timestamp<'a> {
    log: &'a [u8],
    time: u64,
    extensions: &'a [u8],
    signature: &'a [u8],
}

impl Timestamp<'_> {
    /// What the log signed: the certificate as it was before the timestamps were put into it.
    fn signed(&self, issuer: &[u8], unlogged: &[u8]) -> Result<Vec<u8>, TrustError> {
        let long = |_| TrustError::refused(Step::CertificateLog, "a certificate that is too long");
        let len = u32::try_from(unlogged.len()).map_err(long)?.to_be_bytes();
        let extensions = u16::try_from(self.extensions.len()).map_err(long)?.to_be_bytes();
        let [0, len @ ..] = len else {
            return Err(TrustError::refused(Step::CertificateLog, "a certificate that is too long"));
        };
        // v1, certificate_timestamp, the time, precert_entry.
        Ok([
            &[0, 0][..],
            &self.time.to_be_bytes(),
            &[0, 1],
            issuer,
            &len,
            unlogged,
            &extensions,
            self.extensions,
        ]
        .concat())
    }
}

struct Timestamps<'a>(Reader<'a>);

impl<'a> Timestamps<'a> {
    /// The most timestamps in one certificate.
    const MAX: usize = 8;

    fn read(list: &'a [u8]) -> Result<Vec<Timestamp<'a>>, TrustError> {
        let mut outer = Reader::new("SignedCertificateTimestampList", list);
        let len = usize::from(outer.u16_be("length")?);
        let inner = outer.bytes("list", len)?;
        outer.finish("list")?;
        let mut items = Self(Reader::new("SignedCertificateTimestampList", inner));
        let mut found = Vec::new();
        while items.0.left() > 0 {
            if found.len() == Self::MAX {
                return Err(TrustError::refused(Step::CertificateLog, "too many timestamps"));
            }
            found.push(items.item()?);
        }
        Ok(found)
    }

    fn item(&mut self) -> Result<Timestamp<'a>, TrustError> {
        let len = usize::from(self.0.u16_be("length")?);
        let mut r = Reader::new("SignedCertificateTimestamp", self.0.bytes("timestamp", len)?);
        if r.u8("version")? != 0 {
            return Err(TrustError::unsupported(Step::CertificateLog, "another version than v1"));
        }
        let log = r.bytes("log_id", 32)?;
        let time = r.u64_be("timestamp")?;
        let len = usize::from(r.u16_be("extensions length")?);
        let extensions = r.bytes("extensions", len)?;
        // SHA-256 and ECDSA (RFC 5246, 7.4.1.4.1).
        if r.u16_be("algorithm")? != 0x0403 {
            return Err(TrustError::unsupported(
                Step::CertificateLog,
                "an algorithm other than ECDSA with SHA-256",
            ));
        }
        let len = usize::from(r.u16_be("signature length")?);
        let signature = r.bytes("signature", len)?;
        r.finish("timestamp")?;
        Ok(Timestamp { log, time, extensions, signature })
    }
}

/// The signed part of a certificate without its list of timestamps (RFC 6962, 3.2).
fn without_list(leaf: &Certificate<'_>) -> Result<Vec<u8>, TrustError> {
    let fields = whole(Step::CertificateLog, leaf.signed_bytes(), |r| content(r, Tag::Sequence))?;
    whole(Step::CertificateLog, fields, |r| {
        let mut kept = Vec::new();
        while !r.is_finished() {
            let mut ahead = r.clone();
            let Ok(extensions) = explicit(&mut ahead, 3) else {
                kept.extend_from_slice(r.tlv_bytes()?);
                continue;
            };
            *r = ahead;
            let mut list = SliceReader::new(extensions)?;
            let mut items = SliceReader::new(content(&mut list, Tag::Sequence)?)?;
            let mut others = Vec::new();
            while !items.is_finished() {
                let item = items.tlv_bytes()?;
                let mut inner = SliceReader::new(item)?;
                let mut inner = SliceReader::new(content(&mut inner, Tag::Sequence)?)?;
                if content(&mut inner, Tag::ObjectIdentifier)? != SCT_LIST {
                    others.extend_from_slice(item);
                }
            }
            kept.extend(tlv(0xa3, &tlv(0x30, &others)));
        }
        Ok(tlv(0x30, &kept))
    })
}

fn judge_identity(leaf: &Certificate<'_>, identity: &Identity) -> Result<(), TrustError> {
    let Identity::Exactly { subject, issuer } = identity else { return Ok(()) };
    let found = subject_of(leaf)?;
    if found != *subject {
        return Err(TrustError::refused(Step::Identity, format!("subject {}", crate::error::shown(&found))));
    }
    let found = issuer_of(leaf)?;
    if found != *issuer {
        return Err(TrustError::refused(Step::Identity, format!("issuer {}", crate::error::shown(&found))));
    }
    Ok(())
}

/// The one subject alternative name: a URI or a mailbox.
fn subject_of(leaf: &Certificate<'_>) -> Result<String, TrustError> {
    let names = leaf
        .subject_alt_name()
        .ok_or_else(|| TrustError::refused(Step::Identity, "the certificate names nobody"))?;
    let names = whole(Step::Identity, names, |r| content(r, Tag::Sequence))?;
    let [0x81 | 0x86, name @ ..] = names else {
        return Err(TrustError::unsupported(Step::Identity, "a name that is neither URI nor mailbox"));
    };
    // An implicit tag over IA5String: read as what it stands for.
    let explicit = [&[0x16], name].concat();
    let text = whole(Step::Identity, &explicit, |r| content(r, Tag::Ia5String))
        .map_err(|_| TrustError::refused(Step::Identity, "not exactly one name"))?;
    String::from_utf8(text.into()).map_err(|_| TrustError::refused(Step::Identity, "a name that is no text"))
}

fn issuer_of(leaf: &Certificate<'_>) -> Result<String, TrustError> {
    let text = match (leaf.extension(ISSUER_V2), leaf.extension(ISSUER_V1)) {
        (Some(extension), _) => whole(Step::Identity, extension.value, |r| content(r, Tag::Utf8String))?,
        (None, Some(extension)) => extension.value,
        (None, None) => return Err(TrustError::refused(Step::Identity, "the certificate names no issuer")),
    };
    String::from_utf8(text.into())
        .map_err(|_| TrustError::refused(Step::Identity, "an issuer that is no text"))
}
