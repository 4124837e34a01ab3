//! Certificates of RFC 5280, version 3, read once from front to back.

use der::asn1::{BitStringRef, OctetStringRef};
use der::{AnyRef, Decode, ErrorKind, Reader as _, SliceReader, Tag, Tagged};

use super::{
    MAX_CERTIFICATE, Name, explicit, malformed, octets_of_bit_string, serial, signature_algorithm, signed,
    time,
};
use crate::crypto::SignatureAlgorithm;
use crate::error::{Malformed, Problem};

const STRUCTURE: &str = "certificate";

/// How many extensions a certificate may have.
const MAX_EXTENSIONS: usize = 32;

/// Subject public key algorithms that are understood, compared as whole DER values.
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const P384: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";

/// A certificate, borrowed from the bytes received.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    serial: &'a [u8],
    algorithm: Option<SignatureAlgorithm>,
    issuer: Name<'a>,
    validity: Validity,
    subject: Name<'a>,
    spki: &'a [u8],
    public_key: PublicKey<'a>,
    extensions: &'a [u8],
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

/// A subject public key by its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey<'a> {
    /// A key of an algorithm that is not understood.
    Other,
    /// SEC 1 point of NIST P-384.
    P384(&'a [u8]),
    /// PKCS #1 RSAPublicKey in DER, and the length of its modulus in bits.
    Rsa {
        /// The key.
        der: &'a [u8],
        /// Length of the modulus.
        bits: u32,
    },
}

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// Content octets of the object identifier.
    pub id: &'a [u8],
    /// Whether a reader that does not know it must refuse.
    pub critical: bool,
    /// Content of the OCTET STRING.
    pub value: &'a [u8],
    /// Offset in the list of extensions.
    pub offset: usize,
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
                let extensions = match explicit(r, 3)? {
                    Some(list) => list.value(),
                    None => &[],
                };
                let certificate = Self {
                    der: bytes,
                    tbs: signed.tbs,
                    serial,
                    algorithm: signature_algorithm(signed.algorithm),
                    issuer: Name::EMPTY,
                    validity,
                    subject: Name::EMPTY,
                    spki,
                    public_key: PublicKey::Other,
                    extensions,
                    signature: signed.signature,
                };
                Ok::<_, der::Error>((certificate, issuer, subject))
            })?;
            reader.finish()?;
            Ok::<_, der::Error>(certificate)
        };
        let (mut certificate, issuer, subject) =
            read(&mut field).map_err(|error| malformed(STRUCTURE, field, error))?;
        certificate.public_key = public_key(certificate.spki)
            .map_err(|error| malformed(STRUCTURE, "subjectPublicKeyInfo", error))?;
        certificate.issuer = Name::parse(issuer)?;
        certificate.subject = Name::parse(subject)?;
        certificate.refuse_twice()?;
        Ok(certificate)
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

    /// How it is signed; `None` for a scheme that is not understood.
    pub const fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        self.algorithm
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
        let mut list = SliceReader::new(self.extensions).ok();
        // The outer SEQUENCE was read once by `parse`; an empty list has none.
        let inner = list.as_mut().and_then(|r| AnyRef::decode(r).ok()).map_or(&[][..], |list| list.value());
        Extensions { rest: inner, at: 0 }
    }

    /// The extension of this id (content octets of the object identifier).
    pub fn extension(&self, id: &[u8]) -> Option<Extension<'a>> {
        self.extensions().filter_map(Result::ok).find(|extension| extension.id == id)
    }

    /// BasicConstraints and KeyUsage of a certificate authority (RFC 5280, 4.2.1.9 and 4.2.1.3): whether both are there and
    /// critical, say CA and keyCertSign, and what path length they allow.
    pub fn authority(&self) -> Option<Option<u8>> {
        let usage = self.extension(&[0x55, 0x1d, 0x0f]).filter(|usage| usage.critical)?;
        let bits = BitStringRef::try_from(AnyRef::try_from(usage.value).ok()?).ok()?;
        let key_cert_sign = bits.raw_bytes().first().is_some_and(|octet| octet & 0x04 != 0);
        let constraints = self.extension(&[0x55, 0x1d, 0x13]).filter(|constraints| constraints.critical)?;
        match constraints.value {
            [0x30, 0x03, 0x01, 0x01, 0xff] if key_cert_sign => Some(None),
            [0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, length] if key_cert_sign && *length < 0x80 => {
                Some(Some(*length))
            }
            _ => None,
        }
    }

    fn refuse_twice(&self) -> Result<(), Malformed> {
        if self.extensions.is_empty() {
            return Ok(());
        }
        let whole =
            AnyRef::try_from(self.extensions).map_err(|error| malformed(STRUCTURE, "extensions", error))?;
        whole.tag().assert_eq(Tag::Sequence).map_err(|error| malformed(STRUCTURE, "extensions", error))?;
        // Vendors have at most 14 extensions.
        let mut ids: [&[u8]; MAX_EXTENSIONS] = [&[]; MAX_EXTENSIONS];
        for (index, extension) in self.extensions().enumerate() {
            let extension = extension?;
            let error = |problem| Malformed {
                structure: STRUCTURE,
                field: "extensions",
                offset: extension.offset,
                problem,
            };
            if ids.iter().take(index).any(|earlier| *earlier == extension.id) {
                return Err(error(Problem::Duplicate));
            }
            match ids.get_mut(index) {
                Some(slot) => *slot = extension.id,
                None => return Err(error(Problem::TooLarge { max: MAX_EXTENSIONS, actual: index })),
            }
        }
        Ok(())
    }
}

/// Reads extensions one by one.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.at;
        let mut read = || {
            let mut reader = SliceReader::new(self.rest)?;
            let extension = reader.sequence(|r| {
                let id = AnyRef::decode(r)?;
                id.tag().assert_eq(Tag::ObjectIdentifier)?;
                // FALSE is the default, so DER leaves it out.
                let critical = Tag::peek(r)? == Tag::Boolean;
                if critical && !bool::decode(r)? {
                    return Err(ErrorKind::Noncanonical { tag: Tag::Boolean }.into());
                }
                let value = <&OctetStringRef>::decode(r)?.as_bytes();
                Ok::<_, der::Error>(Extension { id: id.value(), critical, value, offset })
            })?;
            let used = usize::try_from(reader.position())?;
            self.rest = self.rest.get(used..).unwrap_or_default();
            self.at = self.at.saturating_add(used);
            Ok(extension)
        };
        let item = read();
        if item.is_err() {
            self.rest = &[];
        }
        Some(item.map_err(|error| malformed(STRUCTURE, "extensions", error)))
    }
}

fn public_key(spki: &[u8]) -> der::Result<PublicKey<'_>> {
    let mut reader = SliceReader::new(spki)?;
    reader.sequence(|r| {
        let algorithm = r.tlv_bytes()?;
        let key = octets_of_bit_string(r)?;
        Ok(match algorithm {
            RSA => PublicKey::Rsa { der: key, bits: modulus_bits(key)? },
            // Uncompressed points only: 04 || x || y.
            P384 if key.len() == 97 && key.first() == Some(&4) => PublicKey::P384(key),
            _ => PublicKey::Other,
        })
    })
}

fn modulus_bits(key: &[u8]) -> der::Result<u32> {
    let mut reader = SliceReader::new(key)?;
    let modulus = reader.sequence(|r| {
        let modulus = der::asn1::UintRef::decode(r)?;
        der::asn1::UintRef::decode(r)?;
        Ok::<_, der::Error>(modulus)
    })?;
    reader.finish()?;
    let octets = modulus.as_bytes();
    let unused = octets.first().map_or(0, |first| first.leading_zeros());
    let length = u32::try_from(octets.len()).map_err(|_| ErrorKind::Overlength)?;
    Ok(length.saturating_mul(8).saturating_sub(unused))
}
