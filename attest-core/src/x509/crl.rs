//! Certificate revocation lists of RFC 5280, version 2, complete and direct ones only.

use der::{AnyRef, Decode, ErrorKind, Reader as _, SliceReader, Tag};

use super::{Extensions, MAX_CRL, Name, SignatureScheme, explicit, id, malformed, serial, signed, time};
use crate::error::Malformed;

const STRUCTURE: &str = "CRL";
/// cRLNumber and authorityKeyIdentifier: the only extensions that vendors use. Others may stand there if not critical.
const KNOWN: [&[u8]; 2] = [id::CRL_NUMBER, id::AUTHORITY_KEY_IDENTIFIER];

/// A revocation list, borrowed from the bytes received.
#[derive(Clone, Copy, Debug)]
pub struct CertificateList<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    scheme: Option<SignatureScheme>,
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
                if r.tlv_bytes()? != [0x02, 0x01, 0x01] {
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
                    // Where nothing is revoked, the list must be absent (RFC 5280, 5.1.2.6), and vendors leave it out.
                    Ok(Tag::Sequence) => match AnyRef::decode(r)?.value() {
                        [] => return Err(ErrorKind::Length { tag: Tag::Sequence }.into()),
                        revoked => revoked,
                    },
                    _ => &[],
                };
                *field = "crlExtensions";
                let extensions = explicit(r, 0)?.map(AnyRef::value);
                let list = Self {
                    der: bytes,
                    tbs: signed.tbs,
                    scheme: SignatureScheme::from_identifier(signed.algorithm),
                    issuer: Name::EMPTY,
                    this_update,
                    next_update,
                    revoked,
                    number: None,
                    signature: signed.signature,
                };
                Ok::<_, der::Error>((list, issuer, extensions))
            })?;
            reader.finish()?;
            Ok::<_, der::Error>(list)
        };
        let (mut list, issuer, extensions) =
            read(&mut field).map_err(|error| malformed(STRUCTURE, field, error))?;
        list.issuer = Name::parse(issuer)?;
        if let Some(extensions) = extensions {
            list.number = number(extensions)?;
        }
        // Reads every entry once, so that a later look-up cannot meet a malformed one.
        list.read_revoked(|_| (), |extensions| understood("crlEntryExtensions", extensions, &[]).map(drop))?;
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

    /// How it is signed; `None` for a scheme that is not understood. The curve is that of the issuer's key.
    pub const fn signature_scheme(&self) -> Option<SignatureScheme> {
        self.scheme
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
        self.read_revoked(f, |_| Ok(()))
    }

    fn read_revoked(
        &self,
        mut serials: impl FnMut(&'a [u8]),
        mut extensions: impl FnMut(&'a [u8]) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let error = |error| malformed(STRUCTURE, "revokedCertificates", error);
        let mut reader = SliceReader::new(self.revoked).map_err(error)?;
        while !reader.is_finished() {
            let (revoked, list) = reader
                .sequence(|r| {
                    let revoked = serial(r)?;
                    time(r)?;
                    let list = if r.is_finished() { None } else { Some(r.tlv_bytes()?) };
                    Ok::<_, der::Error>((revoked, list))
                })
                .map_err(error)?;
            list.map_or(Ok(()), &mut extensions)?;
            serials(revoked);
        }
        Ok(())
    }
}

/// The cRLNumber's content octets, out of a list of extensions that says nothing we do not understand.
fn number(list: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    for extension in understood("crlExtensions", list, &KNOWN)? {
        let extension = extension?;
        if extension.id == id::CRL_NUMBER {
            let read = || {
                let mut reader = SliceReader::new(extension.value)?;
                let octets = serial(&mut reader)?;
                reader.finish()?;
                Ok(octets)
            };
            return read().map(Some).map_err(|error| malformed(STRUCTURE, "cRLNumber", error));
        }
    }
    Ok(None)
}

/// Reads a list of extensions of which none is critical but the known ones.
fn understood<'a>(field: &'static str, list: &'a [u8], known: &[&[u8]]) -> Result<Extensions<'a>, Malformed> {
    let extensions = Extensions::read(STRUCTURE, field, list)?;
    for extension in extensions.clone() {
        let extension = extension?;
        if extension.critical && !known.contains(&extension.id) {
            let error = ErrorKind::Value { tag: Tag::Boolean }.into();
            return Err(Malformed { offset: extension.offset, ..malformed(STRUCTURE, field, error) });
        }
    }
    Ok(extensions)
}
