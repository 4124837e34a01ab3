//! Certificate revocation lists of RFC 5280, version 2, complete and direct ones only.

use der::{AnyRef, Decode, ErrorKind, Reader as _, SliceReader, Tag, Tagged};

use super::{MAX_CRL, Name, explicit, malformed, serial, signature_algorithm, signed, time};
use crate::crypto::SignatureAlgorithm;
use crate::error::Malformed;

const STRUCTURE: &str = "CRL";
/// cRLNumber and authorityKeyIdentifier: the only extensions that vendors use. Others may stand there if not critical.
const KNOWN: [&[u8]; 2] = [&[0x55, 0x1d, 0x14], &[0x55, 0x1d, 0x23]];

/// A revocation list, borrowed from the bytes received.
#[derive(Clone, Copy, Debug)]
pub struct CertificateList<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    algorithm: Option<SignatureAlgorithm>,
    issuer: Name<'a>,
    this_update: u64,
    next_update: Option<u64>,
    revoked: &'a [u8],
    number: Option<&'a [u8]>,
    signature: &'a [u8],
}

impl<'a> CertificateList<'a> {
    /// Reads one list and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for anything that is not DER, not version 2, over [`MAX_CRL`] bytes, or has a critical extension that is
    /// not understood: a delta or an indirect list says less than it seems to.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let signed = signed(STRUCTURE, bytes, MAX_CRL)?;
        let mut field = "tbsCertList";
        let read = |field: &mut &'static str| {
            let mut reader = SliceReader::new(signed.tbs)?;
            let list = reader.sequence(|r| {
                *field = "version";
                if AnyRef::decode(r)?.value() != [0x01] {
                    return Err(ErrorKind::Value { tag: Tag::Integer }.into());
                }
                *field = "signature";
                if r.tlv_bytes()? != signed.algorithm {
                    return Err(ErrorKind::Value { tag: Tag::Sequence }.into());
                }
                *field = "issuer";
                let issuer = r.tlv_bytes()?;
                *field = "thisUpdate";
                let this_update = time(r)?;
                *field = "nextUpdate";
                let next_update = match Tag::peek(r) {
                    Ok(Tag::UtcTime | Tag::GeneralizedTime) => Some(time(r)?),
                    _ => None,
                };
                *field = "revokedCertificates";
                let revoked = match Tag::peek(r) {
                    Ok(Tag::Sequence) => AnyRef::decode(r)?.value(),
                    _ => &[],
                };
                *field = "crlExtensions";
                let number = match explicit(r, 0)? {
                    Some(list) => crl_number(list)?,
                    None => None,
                };
                let list = Self {
                    der: bytes,
                    tbs: signed.tbs,
                    algorithm: signature_algorithm(signed.algorithm),
                    issuer: Name::EMPTY,
                    this_update,
                    next_update,
                    revoked,
                    number,
                    signature: signed.signature,
                };
                Ok::<_, der::Error>((list, issuer))
            })?;
            reader.finish()?;
            Ok::<_, der::Error>(list)
        };
        let (mut list, issuer) = read(&mut field).map_err(|error| malformed(STRUCTURE, field, error))?;
        list.issuer = Name::parse(issuer)?;
        // Reads every entry once, so that a later look-up cannot meet a malformed one.
        list.for_each_revoked(|_| ())?;
        Ok(list)
    }

    /// The whole list, as received.
    pub const fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// The signed part, as received.
    pub const fn signed_bytes(&self) -> &'a [u8] {
        self.tbs
    }

    /// How it is signed; `None` for a scheme that is not understood.
    pub const fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        self.algorithm
    }

    /// Who signed it, by its own word.
    pub const fn issuer(&self) -> Name<'a> {
        self.issuer
    }

    /// When it was made, in Unix seconds.
    pub const fn this_update(&self) -> u64 {
        self.this_update
    }

    /// When the next one is due, in Unix seconds.
    pub const fn next_update(&self) -> Option<u64> {
        self.next_update
    }

    /// The cRLNumber's content octets, if it has one.
    pub const fn number(&self) -> Option<&'a [u8]> {
        self.number
    }

    /// The signature, as the BIT STRING holds it.
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// Whether the list names this serial number (content octets, minimal).
    pub fn revokes(&self, wanted: &[u8]) -> bool {
        let mut found = false;
        // `parse` has read every entry, so this cannot fail; if it did, the answer must be the safe one.
        let read = self.for_each_revoked(|serial| found |= serial == wanted);
        found || read.is_err()
    }

    /// Calls `f` with each revoked serial number's content octets.
    ///
    /// # Errors
    /// Never on a list that [`CertificateList::parse`] returned.
    pub fn for_each_revoked(&self, f: impl FnMut(&'a [u8])) -> Result<(), Malformed> {
        self.read_revoked(f).map_err(|error| malformed(STRUCTURE, "revokedCertificates", error))
    }

    fn read_revoked(&self, mut f: impl FnMut(&'a [u8])) -> der::Result<()> {
        let mut reader = SliceReader::new(self.revoked)?;
        while !reader.is_finished() {
            let revoked = reader.sequence(|r| {
                let revoked = serial(r)?;
                time(r)?;
                if !r.is_finished() {
                    r.sequence(|entries| extensions(entries, &[], |_, _| ()))?;
                }
                Ok::<_, der::Error>(revoked)
            })?;
            f(revoked);
        }
        Ok(())
    }
}

fn crl_number(list: AnyRef<'_>) -> der::Result<Option<&[u8]>> {
    let mut reader = SliceReader::new(list.value())?;
    let mut number = None;
    reader.sequence(|r| {
        extensions(r, &KNOWN, |id, value| {
            if Some(&id) == KNOWN.first() {
                number = Some(value);
            }
        })
    })?;
    reader.finish()?;
    number
        .map(|value| {
            let mut reader = SliceReader::new(value)?;
            let octets = serial(&mut reader)?;
            reader.finish()?;
            Ok(octets)
        })
        .transpose()
}

fn extensions<'a>(
    reader: &mut SliceReader<'a>,
    known: &[&[u8]],
    mut f: impl FnMut(&'a [u8], &'a [u8]),
) -> der::Result<()> {
    while !reader.is_finished() {
        reader.sequence(|r| {
            let id = AnyRef::decode(r)?;
            id.tag().assert_eq(Tag::ObjectIdentifier)?;
            let critical = matches!(Tag::peek(r)?, Tag::Boolean) && bool::decode(r)?;
            let value = AnyRef::decode(r)?;
            value.tag().assert_eq(Tag::OctetString)?;
            if critical && !known.contains(&id.value()) {
                return Err(ErrorKind::Value { tag: Tag::Boolean }.into());
            }
            f(id.value(), value.value());
            Ok::<_, der::Error>(())
        })?;
    }
    Ok(())
}
