//! Certificates of RFC 5280, version 3, read once from front to back.

use der::{ErrorKind, Reader as _, SliceReader, Tag};

use super::{
    BasicConstraints, Extension, Extensions, KeyUsage, MAX_CERTIFICATE, Name, PublicKey, Purposes,
    SignatureScheme, explicit, id, malformed, serial, signed, time,
};
use crate::error::Malformed;

const STRUCTURE: &str = "certificate";

/// A certificate, borrowed from the bytes received.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    serial: &'a [u8],
    scheme: Option<SignatureScheme>,
    issuer: Name<'a>,
    validity: Validity,
    subject: Name<'a>,
    spki: &'a [u8],
    public_key: PublicKey<'a>,
    /// Content of the list, read once; empty if there is none.
    extensions: &'a [u8],
    key_usage: Option<KeyUsage>,
    constraints: Option<BasicConstraints>,
    purposes: Option<Purposes<'a>>,
    signature: &'a [u8],
}

/// When a certificate holds, in Unix seconds, both ends included (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validity {
    /// From here on.
    pub not_before: u64,
    /// Up to and including this second.
    pub not_after: u64,
}

impl Validity {
    /// Whether `now` lies inside.
    pub const fn holds_at(&self, now: u64) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

impl<'a> Certificate<'a> {
    /// Reads one certificate and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for anything that is not DER, not version 3, over [`MAX_CERTIFICATE`] bytes, has an extension twice, or
    /// names one signature algorithm inside and another outside.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let signed = signed(STRUCTURE, bytes, MAX_CERTIFICATE)?;
        let mut field = "tbsCertificate";
        let read = |field: &mut &'static str| {
            let mut reader = SliceReader::new(signed.tbs)?;
            let certificate = reader.sequence(|r| {
                *field = "version";
                let version = explicit(r, 0)?.ok_or(ErrorKind::Value { tag: Tag::Integer })?;
                if version.value() != [0x02, 0x01, 0x02] {
                    return Err(ErrorKind::Value { tag: Tag::Integer }.into());
                }
                *field = "serialNumber";
                let serial = serial(r)?;
                *field = "signature";
                if r.tlv_bytes()? != signed.algorithm {
                    return Err(ErrorKind::Value { tag: Tag::Sequence }.into());
                }
                *field = "issuer";
                let issuer = r.tlv_bytes()?;
                *field = "validity";
                let validity = r.sequence(|r| {
                    Ok::<_, der::Error>(Validity { not_before: time(r)?, not_after: time(r)? })
                })?;
                *field = "subject";
                let subject = r.tlv_bytes()?;
                *field = "subjectPublicKeyInfo";
                let spki = r.tlv_bytes()?;
                *field = "extensions";
                let extensions = explicit(r, 3)?.map(der::AnyRef::value);
                let certificate = Self {
                    der: bytes,
                    tbs: signed.tbs,
                    serial,
                    scheme: SignatureScheme::from_identifier(signed.algorithm),
                    issuer: Name::EMPTY,
                    validity,
                    subject: Name::EMPTY,
                    spki,
                    public_key: PublicKey::Other,
                    extensions: &[],
                    key_usage: None,
                    constraints: None,
                    purposes: None,
                    signature: signed.signature,
                };
                Ok::<_, der::Error>((certificate, issuer, subject, extensions))
            })?;
            reader.finish()?;
            Ok::<_, der::Error>(certificate)
        };
        let (mut certificate, issuer, subject, extensions) =
            read(&mut field).map_err(|error| malformed(STRUCTURE, field, error))?;
        certificate.public_key = PublicKey::read(certificate.spki)
            .map_err(|error| malformed(STRUCTURE, "subjectPublicKeyInfo", error))?;
        certificate.issuer = Name::parse(issuer)?;
        certificate.subject = Name::parse(subject)?;
        if let Some(list) = extensions {
            certificate.extensions = Extensions::read(STRUCTURE, "extensions", list)?.content();
        }
        certificate.read_known()?;
        Ok(certificate)
    }

    /// Reads the extensions that have a meaning here, so that no later question about them can fail.
    fn read_known(&mut self) -> Result<(), Malformed> {
        for extension in self.extensions() {
            let extension = extension?;
            let mut read = || {
                match extension.id {
                    id::KEY_USAGE => self.key_usage = Some(KeyUsage::read(extension.value)?),
                    id::BASIC_CONSTRAINTS => {
                        self.constraints = Some(BasicConstraints::read(extension.value)?)
                    }
                    id::EXTENDED_KEY_USAGE => self.purposes = Some(Purposes::read(extension.value)?),
                    _ => {}
                }
                Ok(())
            };
            read().map_err(|error| {
                let field = match extension.id {
                    id::KEY_USAGE => "keyUsage",
                    id::BASIC_CONSTRAINTS => "basicConstraints",
                    _ => "extKeyUsage",
                };
                Malformed { offset: extension.offset, ..malformed(STRUCTURE, field, error) }
            })?;
        }
        Ok(())
    }

    /// The whole certificate, as received.
    pub const fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// The signed part, as received.
    pub const fn signed_bytes(&self) -> &'a [u8] {
        self.tbs
    }

    /// The serial number's content octets: big-endian, minimal.
    pub const fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// How it is signed; `None` for a scheme that is not understood. The curve is that of the issuer's key.
    pub const fn signature_scheme(&self) -> Option<SignatureScheme> {
        self.scheme
    }

    /// Who signed it, by its own word.
    pub const fn issuer(&self) -> Name<'a> {
        self.issuer
    }

    /// Whose key it is.
    pub const fn subject(&self) -> Name<'a> {
        self.subject
    }

    /// When it holds.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The SubjectPublicKeyInfo in DER.
    pub const fn spki(&self) -> &'a [u8] {
        self.spki
    }

    /// The key itself.
    pub const fn public_key(&self) -> PublicKey<'a> {
        self.public_key
    }

    /// The signature, as the BIT STRING holds it.
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// The extensions in order.
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::over(STRUCTURE, "extensions", self.extensions)
    }

    /// The extension of this id (content octets of the object identifier).
    pub fn extension(&self, id: &[u8]) -> Option<Extension<'a>> {
        self.extensions().filter_map(Result::ok).find(|extension| extension.id == id)
    }

    /// keyUsage, if there is one.
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.key_usage
    }

    /// basicConstraints, if there are any.
    pub const fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.constraints
    }

    /// extKeyUsage, if there is one.
    pub const fn purposes(&self) -> Option<Purposes<'a>> {
        self.purposes
    }

    /// subjectAltName: a GeneralNames in DER, unread.
    pub fn subject_alt_name(&self) -> Option<&'a [u8]> {
        self.extension(id::SUBJECT_ALT_NAME).map(|extension| extension.value)
    }

    /// BasicConstraints and KeyUsage of a certificate authority (RFC 5280, 4.2.1.9 and 4.2.1.3): whether both are there and
    /// critical, say CA and keyCertSign, and what path length they allow.
    pub fn authority(&self) -> Option<Option<u32>> {
        let critical = |id| self.extension(id).is_some_and(|extension| extension.critical);
        let signs = self.key_usage.is_some_and(KeyUsage::key_cert_sign) && critical(id::KEY_USAGE);
        let constraints = self.constraints.filter(|_| signs && critical(id::BASIC_CONSTRAINTS))?;
        constraints.ca.then_some(constraints.path_len)
    }
}
