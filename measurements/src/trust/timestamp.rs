//! RFC 3161 timestamps: an authority's word that a signature existed at a time.
//!
//! Certificates inside a response are not looked at: the authority's own comes from the root, like its issuer's.

use alloc::vec::Vec;
use core::time::Duration;

use attest_core::UnixTime;
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::x509::chain::{self, Anchor, Rules};
use attest_core::x509::{Certificate, SignatureScheme, id};
use der::asn1::GeneralizedTime;
use der::{AnyRef, Decode, Reader as _, SliceReader, Tag};

use super::der_form::{content, context, explicit, hash, next_is, whole};
use super::root::{Authority, TrustRoot};
use super::{Step, TrustError};

/// The largest response that a bundle may carry, in bytes. Those with certificates inside have some 6 KiB.
pub(super) const MAX_RESPONSE: usize = 16 * 1024;

/// The most attributes that a signer signs.
const MAX_ATTRIBUTES: usize = 16;

const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const TST_INFO: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04";
const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const SIGNING_CERTIFICATE_V2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f";
/// id-kp-timeStamping.
const TIME_STAMPING: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x08";

fn refused(found: &'static str) -> TrustError {
    TrustError::refused(Step::Timestamp, found)
}

/// The time that an authority of the root vouches for, in Unix seconds.
pub(super) fn verify(
    response: &[u8],
    signature: &[u8],
    root: &TrustRoot,
    provider: &CryptoProvider,
) -> Result<u64, TrustError> {
    let token = Token::parse(response)?;
    let info = Info::parse(token.content)?;
    let imprint = provider.digest(info.hash, &[signature])?;
    if imprint.as_bytes() != info.imprint {
        return Err(refused("it is about another signature"));
    }
    let mut last = refused("no authority of the root signed it");
    for authority in &root.timestamp_authorities {
        match token.verify(authority, info.time, provider) {
            Ok(()) => return Ok(info.time),
            // Of several failures that of the authority which the response names says most.
            Err(Candidate::Named(error)) => last = error,
            Err(Candidate::Other) => {}
        }
    }
    Err(last)
}

/// Why an authority did not sign.
enum Candidate {
    /// The response names it, and this is wrong.
    Named(TrustError),
    /// The response names another.
    Other,
}

/// TimeStampResp (RFC 3161, 2.4.2) around SignedData with one signer (RFC 5652, 5).
struct Token<'a> {
    content: &'a [u8],
    issuer: &'a [u8],
    serial: &'a [u8],
    hash: HashAlgorithm,
    attributes: &'a [u8],
    scheme: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Token<'a> {
    fn parse(response: &'a [u8]) -> Result<Self, TrustError> {
        let (status, kind, signed) = whole(Step::Timestamp, response, |r| {
            r.sequence(|r| {
                let mut status = SliceReader::new(content(r, Tag::Sequence)?)?;
                let status = content(&mut status, Tag::Integer)?;
                let (kind, signed) = r.sequence(|r| {
                    Ok::<_, der::Error>((content(r, Tag::ObjectIdentifier)?, explicit(r, 0)?))
                })?;
                Ok::<_, der::Error>((status, kind, signed))
            })
        })?;
        // granted, or granted with modifications.
        if !matches!(status, [0 | 1]) {
            return Err(refused("the authority refused"));
        }
        if kind != SIGNED_DATA {
            return Err(refused("not signed data"));
        }
        let (kind, content_of, signer) = whole(Step::Timestamp, signed, |r| {
            r.sequence(|r| {
                content(r, Tag::Integer)?;
                content(r, Tag::Set)?;
                let (kind, inner) = r.sequence(|r| {
                    Ok::<_, der::Error>((content(r, Tag::ObjectIdentifier)?, explicit(r, 0)?))
                })?;
                // Certificates and CRLs.
                context(r, 0)?;
                context(r, 1)?;
                Ok::<_, der::Error>((kind, inner, content(r, Tag::Set)?))
            })
        })?;
        if kind != TST_INFO {
            return Err(refused("not about a time"));
        }
        let content_of = whole(Step::Timestamp, content_of, |r| content(r, Tag::OctetString))?;
        whole(Step::Timestamp, signer, |r| r.sequence(|r| Self::signer(r, content_of)))?.ok_or_else(|| {
            TrustError::unsupported(Step::Timestamp, "a digest other than SHA-256, SHA-384 and SHA-512")
        })
    }

    /// SignerInfo with signed attributes; `None` for a digest that is not known.
    fn signer(r: &mut SliceReader<'a>, content_of: &'a [u8]) -> der::Result<Option<Self>> {
        content(r, Tag::Integer)?;
        let (issuer, serial) =
            r.sequence(|r| Ok::<_, der::Error>((r.tlv_bytes()?, content(r, Tag::Integer)?)))?;
        let hash = hash(r)?;
        let attributes = explicit(r, 0)?;
        let scheme = r.tlv_bytes()?;
        let signature = content(r, Tag::OctetString)?;
        context(r, 1)?;
        Ok(hash.map(|hash| Self { content: content_of, issuer, serial, hash, attributes, scheme, signature }))
    }

    fn verify(&self, authority: &Authority, time: u64, provider: &CryptoProvider) -> Result<(), Candidate> {
        let certificates: Vec<Certificate<'_>> = authority
            .certificates
            .iter()
            .map(|der| Certificate::parse(der))
            .collect::<Result<_, _>>()
            .map_err(|error| Candidate::Named(error.into()))?;
        let [leaf, between @ .., anchor] = certificates.as_slice() else { return Err(Candidate::Other) };
        if leaf.issuer().as_der() != self.issuer || leaf.serial() != self.serial {
            return Err(Candidate::Other);
        }
        let named = |found| Candidate::Named(refused(found));
        if !authority.validity.holds_at(time) {
            return Err(named("the authority was not in use at that time"));
        }
        self.verify_attributes(leaf, provider).map_err(Candidate::Named)?;
        let scheme = SignatureScheme::from_identifier(self.scheme).ok_or_else(|| {
            Candidate::Named(TrustError::unsupported(Step::Timestamp, "the signature's algorithm"))
        })?;
        // RFC 5652, 5.4: signed as a SET OF, not with the tag that they travel with.
        let signed = super::der_form::tlv(0x31, self.attributes);
        leaf.public_key()
            .verify(scheme, provider, &signed, self.signature)
            .map_err(|error| Candidate::Named(error.into()))?
            .map_err(|_| named("the signature does not verify"))?;
        // RFC 3161, 2.3: one purpose, and critical.
        let purpose = leaf.purposes().is_some_and(|purposes| purposes.iter().eq([TIME_STAMPING]));
        if !purpose || !leaf.extension(id::EXTENDED_KEY_USAGE).is_some_and(|extension| extension.critical) {
            return Err(named("the key is not one for timestamps alone"));
        }
        let now = UnixTime::since_unix_epoch(Duration::from_secs(time));
        let rules = Rules::new(provider, now, &[id::EXTENDED_KEY_USAGE]);
        chain::find(leaf, between, &[Anchor::certificate(*anchor)], &rules)
            .map(drop)
            .map_err(|error| Candidate::Named(TrustError::Chain { step: Step::Timestamp, error }))
    }

    /// What the signer signed beside the content: its type, its digest, and which certificate is the signer's own (RFC 5816).
    fn verify_attributes(&self, leaf: &Certificate<'_>, provider: &CryptoProvider) -> Result<(), TrustError> {
        let attributes: Vec<(&[u8], &[u8])> = whole(Step::Timestamp, self.attributes, |r| {
            let mut found = Vec::new();
            while !r.is_finished() {
                if found.len() == MAX_ATTRIBUTES {
                    return Err(der::ErrorKind::Overlength.into());
                }
                let pair = r.sequence(|r| {
                    Ok::<_, der::Error>((content(r, Tag::ObjectIdentifier)?, content(r, Tag::Set)?))
                })?;
                found.push(pair);
            }
            Ok(found)
        })?;
        let only = |wanted: &[u8]| {
            let mut values = attributes.iter().filter(|(id, _)| *id == wanted);
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Ok(*value),
                (None, _) => Err(refused("a signed attribute is missing")),
                (Some(_), Some(_)) => Err(refused("a signed attribute stands twice")),
            }
        };
        let kind = whole(Step::Timestamp, only(CONTENT_TYPE)?, |r| content(r, Tag::ObjectIdentifier))?;
        if kind != TST_INFO {
            return Err(refused("signed as something else"));
        }
        let digest = whole(Step::Timestamp, only(MESSAGE_DIGEST)?, |r| content(r, Tag::OctetString))?;
        if provider.digest(self.hash, &[self.content])?.as_bytes() != digest {
            return Err(refused("the content is not what was signed"));
        }
        // SigningCertificateV2 { certs { ESSCertIDv2 { hashAlgorithm DEFAULT SHA-256, certHash, ... } ... } ... }
        let (hash, certificate) = whole(Step::Timestamp, only(SIGNING_CERTIFICATE_V2)?, |r| {
            let mut all = SliceReader::new(content(r, Tag::Sequence)?)?;
            let mut ids = SliceReader::new(content(&mut all, Tag::Sequence)?)?;
            let mut first = SliceReader::new(content(&mut ids, Tag::Sequence)?)?;
            let hash = match next_is(&first, Tag::Sequence) {
                true => hash(&mut first)?,
                false => Some(HashAlgorithm::Sha256),
            };
            Ok((hash, content(&mut first, Tag::OctetString)?))
        })?;
        let hash =
            hash.ok_or_else(|| TrustError::unsupported(Step::Timestamp, "the digest of a certificate"))?;
        match provider.digest(hash, &[leaf.as_der()])?.as_bytes() == certificate {
            true => Ok(()),
            false => Err(refused("signed with another certificate")),
        }
    }
}

/// TSTInfo (RFC 3161, 2.4.2).
struct Info<'a> {
    hash: HashAlgorithm,
    imprint: &'a [u8],
    time: u64,
}

impl<'a> Info<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, TrustError> {
        let (version, hash, imprint, time) = whole(Step::Timestamp, bytes, |r| {
            r.sequence(|r| {
                let version = content(r, Tag::Integer)?;
                content(r, Tag::ObjectIdentifier)?;
                let (hash, imprint) =
                    r.sequence(|r| Ok::<_, der::Error>((hash(r)?, content(r, Tag::OctetString)?)))?;
                content(r, Tag::Integer)?;
                let time = GeneralizedTime::decode(r)?.to_unix_duration().as_secs();
                // accuracy, ordering, nonce and tsa say nothing that is used; extensions are refused, because they could.
                for tag in [Tag::Sequence, Tag::Boolean, Tag::Integer] {
                    if next_is(r, tag) {
                        AnyRef::decode(r)?;
                    }
                }
                context(r, 0)?;
                Ok::<_, der::Error>((version, hash, imprint, time))
            })
        })?;
        if version != [1] {
            return Err(refused("not version 1"));
        }
        let hash =
            hash.ok_or_else(|| TrustError::unsupported(Step::Timestamp, "the digest of the signature"))?;
        Ok(Self { hash, imprint, time })
    }
}
