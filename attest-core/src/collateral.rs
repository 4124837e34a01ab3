//! Collateral: what evidence alone does not carry. A need is a list, never a fetch; the host brings bytes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use rustls_pki_types::pem::{PemObject, SectionKind};

use crate::cbor::{Decoder, Encoder, strict};
use crate::document::SignedDocument;
use crate::error::{Malformed, Problem};
use crate::x509::{Certificate, CertificateList, MAX_CRL};

/// How many certificates, CRLs and documents one collection holds, of each: a fleet's VCEKs, one for each chip and TCB.
pub const MAX_OBJECTS: usize = 1024;

/// The largest bundle or PEM text that is read, in bytes. With [`MAX_OBJECTS`] it bounds the memory of a collection.
pub const MAX_BUNDLE: usize = 4 * 1024 * 1024;

/// How many proofs a store keeps; the oldest goes first.
const MAX_PROOFS: usize = 256;

const BUNDLE: &str = "bundle";
const BUNDLE_TYPE: &str = "attestrap/bundle";

/// Certificates, CRLs and signed documents as bytes. Being in here says nothing about being believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collateral {
    certificates: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    documents: Vec<Vec<u8>>,
}

impl Collateral {
    /// An empty collection.
    pub const fn new() -> Self {
        Self { certificates: Vec::new(), crls: Vec::new(), documents: Vec::new() }
    }

    /// The certificates in the order of arrival, in DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }

    /// The CRLs in the order of arrival, in DER.
    pub fn crls(&self) -> impl Iterator<Item = &[u8]> {
        self.crls.iter().map(Vec::as_slice)
    }

    /// The signed documents in the order of arrival, as received.
    pub fn documents(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.documents.iter().map(Vec::as_slice)
    }

    /// Whether nothing is in here.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.crls.is_empty() && self.documents.is_empty()
    }

    /// Adds certificates and CRLs from PEM text, from DER, or from DER values one after the other; or one signed document
    /// ([`SignedDocument`]). Returns how many were new; one that is here already is not added again.
    ///
    /// # Errors
    /// [`Malformed`] if anything in `bytes` is none of these, or if a bound is passed: [`crate::x509::MAX_CERTIFICATE`],
    /// [`MAX_CRL`], [`crate::document::MAX_DOCUMENT`], [`MAX_OBJECTS`], [`MAX_BUNDLE`]. Then nothing was added.
    pub fn add(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut more = Self::new();
        if bytes.starts_with(b"{") {
            more.add_document(bytes)?;
        } else if is_pem(bytes) {
            more.add_pem(bytes)?;
        } else {
            more.add_der(bytes)?;
        }
        more.certificates.retain(|der| !self.certificates.contains(der));
        more.crls.retain(|der| !self.crls.contains(der));
        more.documents.retain(|text| !self.documents.contains(text));
        for (have, new, field) in [
            (&self.certificates, &more.certificates, "certificates"),
            (&self.crls, &more.crls, "CRLs"),
            (&self.documents, &more.documents, "documents"),
        ] {
            let actual = have.len().saturating_add(new.len());
            if actual > MAX_OBJECTS {
                return Err(too_many(field, actual));
            }
        }
        let added = [&more.certificates, &more.crls, &more.documents].map(Vec::len);
        let added = added.into_iter().fold(0, usize::saturating_add);
        self.certificates.append(&mut more.certificates);
        self.crls.append(&mut more.crls);
        self.documents.append(&mut more.documents);
        Ok(added)
    }

    /// Adds everything that `other` holds.
    ///
    /// # Errors
    /// [`Malformed`] if [`MAX_OBJECTS`] is passed.
    pub fn merge(&mut self, other: &Self) -> Result<(), Malformed> {
        other.certificates().try_for_each(|der| push(&mut self.certificates, "certificates", der))?;
        other.crls().try_for_each(|der| push(&mut self.crls, "CRLs", der))?;
        other.documents().try_for_each(|text| push(&mut self.documents, "documents", text))
    }

    /// Drops every CRL of which a later one of the same issuer is here: verification looks at each, and refuses one that is
    /// overdue. Nothing is believed; for a host that adds what it fetches to what it has.
    pub fn keep_newest_crls(&mut self) {
        let all = self.crls.clone();
        let parsed = || all.iter().filter_map(|der| CertificateList::parse(der).ok());
        self.crls.retain(|der| {
            CertificateList::parse(der).is_ok_and(|crl| {
                let later = |other: CertificateList<'_>| {
                    other.issuer() == crl.issuer() && other.this_update() > crl.this_update()
                };
                !parsed().any(later)
            })
        });
    }

    fn add_pem(&mut self, text: &[u8]) -> Result<(), Malformed> {
        if text.len() > MAX_BUNDLE {
            return Err(pem_error(Problem::TooLarge { max: MAX_BUNDLE, actual: text.len() }));
        }
        let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text).peekable();
        // Text without a section is some other file, for example a server's page that says no.
        if sections.peek().is_none() {
            return Err(pem_error(Problem::Encoding("no certificate and no CRL")));
        }
        for section in sections {
            let (kind, der) = section.map_err(|_| pem_error(Problem::Encoding("not PEM (RFC 7468)")))?;
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "keys and the like are refused whatever they are"
            )]
            match kind {
                SectionKind::Certificate => self.add_certificate(&der)?,
                SectionKind::Crl => self.add_crl(&der)?,
                _ => return Err(pem_error(Problem::Encoding("a section that is no certificate and no CRL"))),
            }
        }
        Ok(())
    }

    fn add_der(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut rest = bytes;
        loop {
            let (one, after) = split_der(rest)?;
            match Certificate::parse(one) {
                Ok(_) => push(&mut self.certificates, "certificates", one)?,
                // The certificate's error is the telling one, unless it is a list.
                Err(error) => match CertificateList::parse(one) {
                    Ok(_) => push(&mut self.crls, "CRLs", one)?,
                    Err(other) => return Err(if is_list(one) { other } else { error }),
                },
            }
            if after.is_empty() {
                return Ok(());
            }
            rest = after;
        }
    }

    fn add_certificate(&mut self, der: &[u8]) -> Result<(), Malformed> {
        Certificate::parse(der)?;
        push(&mut self.certificates, "certificates", der)
    }

    fn add_crl(&mut self, der: &[u8]) -> Result<(), Malformed> {
        CertificateList::parse(der)?;
        push(&mut self.crls, "CRLs", der)
    }

    fn add_document(&mut self, text: &[u8]) -> Result<(), Malformed> {
        SignedDocument::parse(text)?;
        push(&mut self.documents, "documents", text)
    }

    /// How many members [`Collateral::encode`] writes: documents are left out where there are none.
    pub(crate) fn members(&self) -> usize {
        if self.documents.is_empty() { 2 } else { 3 }
    }

    /// Writes certificates, CRLs and documents as CBOR arrays of byte strings under the keys 4, 5 and 6.
    pub(crate) fn encode(&self, encoder: &mut Encoder<'_>) {
        let lists = [(4, &self.certificates), (5, &self.crls), (6, &self.documents)];
        for (key, objects) in lists.into_iter().take(self.members()) {
            encoder.uint(key).array(objects.len());
            objects.iter().for_each(|der| {
                encoder.bytes(der);
            });
        }
    }

    /// Reads what [`Collateral::encode`] wrote, with documents or without; each object is parsed before it is kept.
    pub(crate) fn decode(decoder: &mut Decoder<'_>, documents: bool) -> Result<Self, Malformed> {
        let mut collateral = Self::new();
        decoder.key("certificates", 4)?;
        for _ in 0..decoder.array("certificates", MAX_OBJECTS)? {
            collateral.add_certificate(decoder.bytes("certificates")?)?;
        }
        decoder.key("crls", 5)?;
        for _ in 0..decoder.array("crls", MAX_OBJECTS)? {
            collateral.add_crl(decoder.bytes("crls")?)?;
        }
        if documents {
            decoder.key("documents", 6)?;
            for _ in 0..decoder.array("documents", MAX_OBJECTS)? {
                collateral.add_document(decoder.bytes("documents")?)?;
            }
        }
        Ok(collateral)
    }
}

const fn too_many(field: &'static str, actual: usize) -> Malformed {
    let problem = Problem::TooLarge { max: MAX_OBJECTS, actual };
    Malformed { structure: "collateral", field, offset: 0, problem }
}

fn push(list: &mut Vec<Vec<u8>>, field: &'static str, der: &[u8]) -> Result<(), Malformed> {
    if list.iter().any(|known| known == der) {
        return Ok(());
    }
    if list.len() >= MAX_OBJECTS {
        return Err(too_many(field, list.len().saturating_add(1)));
    }
    list.push(der.to_vec());
    Ok(())
}

fn is_pem(bytes: &[u8]) -> bool {
    // DER starts with a SEQUENCE. Anything else is judged as text, so that the error speaks of PEM.
    bytes.first().is_some_and(|first| *first != 0x30)
}

/// Whether a signed structure starts as a CRL does: with a bare version number, where a certificate's is tagged.
fn is_list(der: &[u8]) -> bool {
    use der::Reader as _;
    let read = || {
        let mut outer = der::SliceReader::new(der)?;
        outer.sequence(|r| r.sequence(|r| der::Tag::peek(r)))
    };
    read().is_ok_and(|tag: der::Tag| tag == der::Tag::Integer)
}

const fn pem_error(problem: Problem) -> Malformed {
    Malformed { structure: "PEM text", field: "section", offset: 0, problem }
}

/// The first DER value and what follows it.
fn split_der(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    use der::Reader as _;
    let read = || {
        let mut reader = der::SliceReader::new(bytes.get(..bytes.len().min(MAX_CRL)).unwrap_or_default())?;
        reader.tlv_bytes()
    };
    let error = |problem| Malformed { structure: "collateral", field: "DER value", offset: 0, problem };
    let one = read().map_err(|_| error(Problem::Der("not a whole DER value, or one over 1 MiB")))?;
    Ok((one, bytes.get(one.len()..).unwrap_or_default()))
}

/// What the caller supplied, and what was proven from it: a warm verification costs one signature.
#[derive(Debug, Default)]
pub struct Store {
    supplied: Collateral,
    proofs: Vec<Box<dyn Proof>>,
}

/// A fact that was proven once and holds for the same bytes: a chain, a CRL. Each TEE has its own.
pub(crate) trait Proof: Any + fmt::Debug + Send + Sync {}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store over what the caller already has.
    pub fn with(supplied: Collateral) -> Self {
        Self { supplied, proofs: Vec::new() }
    }

    /// What the caller supplied.
    pub const fn supplied(&self) -> &Collateral {
        &self.supplied
    }

    /// Adds certificates, CRLs and documents; see [`Collateral::add`].
    ///
    /// # Errors
    /// As [`Collateral::add`].
    pub fn add(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        self.supplied.add(bytes)
    }

    /// Reads an offline bundle file.
    ///
    /// # Errors
    /// [`Malformed`] unless `bytes` is exactly one bundle as [`Store::to_bundle`] writes it.
    pub fn from_bundle(bytes: &[u8]) -> Result<Self, Malformed> {
        let decode = |decoder: &mut Decoder<'_>| {
            let documents = decoder.map_with_optional("bundle", 4)?;
            header(decoder, BUNDLE_TYPE)?;
            Collateral::decode(decoder, documents)
        };
        strict(BUNDLE, bytes, MAX_BUNDLE, decode, bundle).map(Self::with)
    }

    /// Everything that was supplied as one offline bundle file. The same collateral in the same order gives the same bytes.
    pub fn to_bundle(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        bundle(&self.supplied, &mut encoder);
        encoder.into_bytes()
    }

    pub(crate) fn proofs<P: Proof>(&self) -> impl Iterator<Item = &P> {
        self.proofs.iter().filter_map(|proof| {
            let any: &dyn Any = &**proof;
            any.downcast_ref()
        })
    }

    pub(crate) fn remember(&mut self, proof: impl Proof) {
        if self.proofs.len() >= MAX_PROOFS {
            self.proofs.remove(0);
        }
        self.proofs.push(Box::new(proof));
    }
}

fn bundle(supplied: &Collateral, encoder: &mut Encoder<'_>) {
    encoder.map(supplied.members().saturating_add(2)).uint(0).text(BUNDLE_TYPE).uint(1).uint(1);
    supplied.encode(encoder);
}

/// The two fields that every file of ours starts with: what it is, and its version.
pub(crate) fn header(decoder: &mut Decoder<'_>, kind: &'static str) -> Result<(), Malformed> {
    decoder.key("type", 0)?;
    if decoder.text("type")? != kind {
        return Err(decoder.malformed("type", Problem::Encoding("another type of file")));
    }
    decoder.key("version", 1)?;
    match decoder.uint("version")? {
        1 => Ok(()),
        _ => Err(decoder
            .malformed("version", Problem::Encoding("a version that is not known, the known one is 1"))),
    }
}

/// What is missing, each with the address where its maker serves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs(pub(crate) Vec<Need>);

/// One missing piece of collateral.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// What it is.
    pub kind: NeedKind,
    /// Where its maker serves it; empty where only the host can have it.
    pub url: String,
    /// The header of the answer in which the chain of who signed it stands, as PEM with percent signs; empty where there is none.
    pub chain_header: &'static str,
    /// Why it is needed.
    pub why: &'static str,
    /// Whether verification fails without it.
    pub required: bool,
}

/// What kind of collateral is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NeedKind {
    /// A revocation list.
    Crl,
    /// A signed document: what the vendor says of a platform's TCB.
    Document,
    /// The certificate of the key that signs evidence (VCEK, VLEK).
    EndorsementKey,
}

impl NeedKind {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crl => "crl",
            Self::Document => "document",
            Self::EndorsementKey => "endorsement-key",
        }
    }
}

impl Needs {
    /// The missing pieces, most needed first.
    pub fn iter(&self) -> core::slice::Iter<'_, Need> {
        self.0.iter()
    }

    /// Whether nothing is missing.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, need) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let url = if need.url.is_empty() { "only the host has it" } else { &need.url };
            write!(f, "{comma}{} ({url})", need.kind.name())?;
        }
        Ok(())
    }
}
