//! Strict X.509 (RFC 5280), as much of it as vendor chains need: certificates, names, extensions and CRLs.
//!
//! Values borrow the bytes received, so that a signature is always checked over those bytes and never over a re-encoding.
//! The DER primitives are those of the crate `der`; see [`crate::manual`] for why its sibling `x509-cert` and
//! `rustls-webpki` do not fit.

mod certificate;
pub mod chain;
mod crl;
mod extension;
mod keys;
mod name;
mod roots;

pub use certificate::{Certificate, Validity};
pub use crl::CertificateList;
pub use extension::{BasicConstraints, Extension, Extensions, KeyUsage, Purposes, id};
pub(crate) use keys::key_algorithm;
pub use keys::{PublicKey, SignatureScheme};
pub(crate) use name::COMMON_NAME;
pub use name::Name;
pub(crate) use roots::Roots;

use der::asn1::{GeneralizedTime, UtcTime};
use der::{AnyRef, Decode, ErrorKind, Length, Reader as _, SliceReader, Tag, Tagged};

use crate::error::{Malformed, Problem};

/// The largest certificate that is read, in bytes. Vendor certificates have 1 to 2 KiB.
pub const MAX_CERTIFICATE: usize = 16 * 1024;

/// The largest CRL that is read, in bytes. AMD's have under 1 KiB, Intel's under 100 KiB.
pub const MAX_CRL: usize = 1024 * 1024;

/// Something signed: `SEQUENCE { tbs, algorithm, signature BIT STRING }`, nothing after it.
pub(crate) struct Signed<'a> {
    /// The signed part, tag and length included, as received.
    pub(crate) tbs: &'a [u8],
    /// The AlgorithmIdentifier outside the signed part.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

fn signed<'a>(structure: &'static str, bytes: &'a [u8], max: usize) -> Result<Signed<'a>, Malformed> {
    if bytes.len() > max {
        let problem = Problem::TooLarge { max, actual: bytes.len() };
        return Err(Malformed { structure, field: structure, offset: 0, problem });
    }
    let read = || {
        let mut reader = SliceReader::new(bytes)?;
        let signed = reader.sequence(|r| {
            let tbs = r.tlv_bytes()?;
            let algorithm = r.tlv_bytes()?;
            Ok::<_, der::Error>(Signed { tbs, algorithm, signature: octets_of_bit_string(r)? })
        })?;
        reader.finish()?;
        Ok(signed)
    };
    read().map_err(|error| malformed(structure, structure, error))
}

/// A BIT STRING whose length is a whole number of octets.
fn octets_of_bit_string<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let bits = der::asn1::BitStringRef::decode(reader)?;
    bits.as_bytes().ok_or_else(|| ErrorKind::Value { tag: Tag::BitString }.into())
}

/// UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5), in Unix seconds.
fn time(reader: &mut SliceReader<'_>) -> der::Result<u64> {
    if Tag::peek(reader)? == Tag::GeneralizedTime {
        let time = GeneralizedTime::decode(reader)?;
        if time.to_date_time().year() < 2050 {
            return Err(ErrorKind::DateTime.into());
        }
        return Ok(time.to_unix_duration().as_secs());
    }
    Ok(UtcTime::decode(reader)?.to_unix_duration().as_secs())
}

/// A non-negative INTEGER's content octets, as written.
fn serial<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let any = AnyRef::decode(reader)?;
    any.tag().assert_eq(Tag::Integer)?;
    match any.value() {
        [] => Err(ErrorKind::Length { tag: Tag::Integer }.into()),
        [0, next, ..] if *next < 0x80 => Err(ErrorKind::Noncanonical { tag: Tag::Integer }.into()),
        [first, ..] if *first >= 0x80 => Err(ErrorKind::Value { tag: Tag::Integer }.into()),
        octets if octets.len() > 21 => Err(ErrorKind::Length { tag: Tag::Integer }.into()),
        octets => Ok(octets),
    }
}

/// `[number] EXPLICIT` around one value, if it comes next.
fn explicit<'a>(reader: &mut SliceReader<'a>, number: u8) -> der::Result<Option<AnyRef<'a>>> {
    match Tag::peek(reader) {
        Ok(Tag::ContextSpecific { constructed: true, number: found })
            if found.value() == u32::from(number) =>
        {
            AnyRef::decode(reader).map(Some)
        }
        _ => Ok(None),
    }
}

fn malformed(structure: &'static str, field: &'static str, error: der::Error) -> Malformed {
    let offset = error.position().unwrap_or(Length::ZERO);
    Malformed {
        structure,
        field,
        offset: usize::try_from(offset).unwrap_or_default(),
        problem: Problem::Der(reason(error.kind())),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum of crate `der` is not exhaustive")]
pub(crate) const fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::DateTime => "not a time as RFC 5280 writes it",
        ErrorKind::Incomplete { .. } => "the input ends inside a value",
        ErrorKind::IndefiniteLength => "indefinite length",
        ErrorKind::Length { .. } => "a value of the wrong length",
        ErrorKind::Noncanonical { .. } => "not the one canonical encoding",
        ErrorKind::OidMalformed => "not an object identifier",
        ErrorKind::Overlength | ErrorKind::Overflow => "a length beyond the input",
        ErrorKind::SetOrdering => "a SET out of order",
        ErrorKind::TagUnexpected { .. } => "another tag than the structure has here",
        ErrorKind::TagUnknown { .. } | ErrorKind::TagNumberInvalid => "an unknown tag",
        ErrorKind::TrailingData { .. } => "bytes are left over",
        ErrorKind::Value { .. } => "a value that its type cannot have",
        _ => "not DER",
    }
}
