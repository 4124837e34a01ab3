//! COSE (RFC 9052): the shape, and the bytes that were signed. Whose key it is and whether the signature holds, the caller asks.
//!
//! [`Sign`] is what we write, several signatures over one payload, in the strict form of [`crate::cbor`]. COSE_Sign1 (4.2)
//! is what firmware and vendors write: which headers may stand where, and which algorithm, is the format's to say there, and its reader
//! sees each header as it comes.

use alloc::vec::Vec;

use crate::cbor::foreign::{Foreign, Key, Lengths};
use crate::cbor::{Decoder, Encoder};
use crate::error::{Malformed, Problem};

const STRUCTURE: &str = "COSE_Sign1";

/// The tag that may stand in front (RFC 9052, 2).
const TAG: u64 = 18;

/// How many headers one map may have.
const MAX_HEADERS: usize = 16;

/// Labels of header parameters (RFC 9052, 3.1).
pub mod label {
    use super::Key;

    /// alg.
    pub const ALGORITHM: Key<'static> = Key::Int(1);
}

/// Something signed by one key, borrowed from the bytes received.
#[derive(Clone, Copy, Debug)]
pub struct Sign1<'a> {
    /// Content of the protected header's byte string; empty if it has no parameters.
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Sign1<'a> {
    /// Reads one COSE_Sign1 of at most `max` bytes, tagged or not, with its payload inside, and nothing else. `protected` and
    /// `unprotected` read the value of each header, and refuse those that do not belong there.
    ///
    /// Nothing outside the protected header and the payload is signed, so here lengths are definite: one document has one form.
    ///
    /// # Errors
    /// [`Malformed`] for another shape, and in the words of the two readers.
    pub fn parse(
        bytes: &'a [u8],
        max: usize,
        mut protected: impl FnMut(&mut Foreign<'a>, Key<'a>) -> Result<(), Malformed>,
        mut unprotected: impl FnMut(&mut Foreign<'a>, Key<'a>) -> Result<(), Malformed>,
    ) -> Result<Self, Malformed> {
        let mut r = Foreign::new(STRUCTURE, bytes, max, Lengths::Definite)?;
        if r.tag("tag")?.is_some_and(|tag| tag != TAG) {
            return Err(Foreign::new(STRUCTURE, bytes, max, Lengths::Definite)?
                .malformed("tag", Problem::Encoding("another tag than 18")));
        }
        let start = r.clone();
        let mut parts: [&'a [u8]; 3] = [&[]; 3];
        let [header, payload, signature] = &mut parts;
        let mut labels: Vec<Key<'a>> = Vec::new();
        let mut part = 0_usize;
        let count = r.array(STRUCTURE, 4, |r| {
            match part {
                0 => {
                    *header = r.bytes("protected")?;
                    read_protected(header, |r, label| {
                        labels.push(label);
                        protected(r, label)
                    })?;
                }
                1 => {
                    r.map("unprotected", MAX_HEADERS, |r, label| match labels.contains(&label) {
                        // RFC 9052, 3: a label stands in one of the two maps only.
                        true => Err(r.malformed("unprotected", Problem::Duplicate)),
                        false => unprotected(r, label),
                    })?;
                }
                2 => *payload = r.bytes("payload")?,
                _ => *signature = r.bytes("signature")?,
            }
            part = part.saturating_add(1);
            Ok(())
        })?;
        r.finish(STRUCTURE)?;
        if count != 4 {
            return Err(start.malformed(STRUCTURE, Problem::Encoding("an array of another size than 4")));
        }
        // RFC 9052, 4.4: no parameters are signed as an empty string, however they are written.
        let protected = if labels.is_empty() { &[] } else { *header };
        Ok(Self { protected, payload, signature })
    }

    /// What the signature is over: the Sig_structure of RFC 9052, 4.4, around the bytes received.
    pub fn signed_bytes(&self, external_aad: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.array(4).text("Signature1").bytes(self.protected).bytes(external_aad).bytes(self.payload);
        encoder.into_bytes()
    }

    /// The payload, as received.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The signature: for ECDSA r, then s, each as long as the field (RFC 9053, 2.1).
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }
}

/// The protected header is a map in a byte string, or no byte at all (RFC 9052, 3).
fn read_protected<'a>(
    content: &'a [u8],
    each: impl FnMut(&mut Foreign<'a>, Key<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if content.is_empty() {
        return Ok(());
    }
    let mut r = Foreign::new("protected header", content, content.len(), Lengths::Definite)?;
    r.map("protected", MAX_HEADERS, each)?;
    r.finish("protected")
}

/// Something signed by several keys (COSE_Sign, RFC 9052, 4.1), in the one form that we write: deterministic, untagged, the content type
/// in the protected header of the body, algorithm and key id in the protected header of each signature, nothing unprotected.
///
/// So bytes that are written again are the bytes received, and there is nothing to say about a header that is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the parts of RFC 9052 that this form has")]
pub struct Sign<'a> {
    /// What the payload is (content type, label 3).
    pub content_type: &'a str,
    /// What is signed.
    pub payload: &'a [u8],
    /// The signatures, in the order received.
    pub signers: Vec<Signer<'a>>,
}

/// One signature of a [`Sign`]: nothing says yet that it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the parts of RFC 9052 that this form has")]
pub struct Signer<'a> {
    /// alg, label 1.
    pub algorithm: i64,
    /// kid, label 4.
    pub key_id: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> Sign<'a> {
    /// Reads one COSE_Sign of at most `max` bytes whose payload is of this content type, with 1 to `signers` signatures, and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for anything else.
    pub fn parse(
        structure: &'static str,
        bytes: &'a [u8],
        max: usize,
        content_type: &'a str,
        signers: usize,
    ) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(structure, bytes, max)?;
        let sign = decoder.tuple("COSE_Sign", 4, |decoder| {
            if *body_header(content_type) != *decoder.bytes("body protected")? {
                return Err(
                    decoder.malformed("body protected", Problem::Type("the content type asked for, alone"))
                );
            }
            decoder.map("body unprotected", 0)?;
            let payload = decoder.bytes("payload")?;
            let mut read = Vec::new();
            decoder.items("signatures", 1..=signers, |decoder| {
                read.push(decoder.tuple("COSE_Signature", 3, Signer::read)?);
                Ok(())
            })?;
            Ok(Self { content_type, payload, signers: read })
        })?;
        decoder.finish("COSE_Sign")?;
        Ok(sign)
    }

    /// The bytes that [`Sign::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.array(4).bytes(&body_header(self.content_type)).map(0).bytes(self.payload);
        encoder.array(self.signers.len());
        for signer in &self.signers {
            encoder.array(3).bytes(&signer.header()).map(0).bytes(signer.signature);
        }
        encoder.into_bytes()
    }

    /// What the signature of this signer is over: the Sig_structure of RFC 9052, 4.4. Its signature may be missing yet.
    pub fn signed_bytes(&self, signer: &Signer<'_>, external_aad: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.array(5).text("Signature").bytes(&body_header(self.content_type)).bytes(&signer.header());
        encoder.bytes(external_aad).bytes(self.payload);
        encoder.into_bytes()
    }
}

impl<'a> Signer<'a> {
    fn read(decoder: &mut Decoder<'a>) -> Result<Self, Malformed> {
        let header = decoder.bytes("signer protected")?;
        let mut inner = Decoder::new("signer protected", header, header.len())?;
        inner.map("signer protected", 2)?;
        inner.key("alg", 1)?;
        let here = inner.clone();
        let algorithm = i64::try_from(inner.int("alg")?)
            .map_err(|_| here.malformed("alg", Problem::Type("an algorithm of COSE")))?;
        inner.key("kid", 4)?;
        let key_id = inner.bytes("kid")?;
        inner.finish("signer protected")?;
        decoder.map("signer unprotected", 0)?;
        Ok(Self { algorithm, key_id, signature: decoder.bytes("signature")? })
    }

    fn header(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.map(2).uint(1).int(self.algorithm).uint(4).bytes(self.key_id);
        encoder.into_bytes()
    }
}

fn body_header(content_type: &str) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.map(1).uint(3).text(content_type);
    encoder.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Sign1<'_>, Malformed> {
        Sign1::parse(bytes, 64, |r, _| r.skip("header"), |r, _| r.skip("header"))
    }

    #[test]
    fn a_tag_may_stand_in_front() {
        for bytes in [&b"\x84\x43\xa1\x01\x26\xa0\x41p\x41s"[..], b"\xd2\x84\x43\xa1\x01\x26\xa0\x41p\x41s"] {
            let signed = parse(bytes).unwrap();
            assert_eq!((signed.payload(), signed.signature()), (&b"p"[..], &b"s"[..]));
            assert_eq!(signed.signed_bytes(b"aad"), b"\x84\x6aSignature1\x43\xa1\x01\x26\x43aad\x41p");
        }
    }

    #[test]
    fn no_parameters_are_signed_as_an_empty_string() {
        for bytes in [&b"\x84\x40\xa0\x41p\x41s"[..], b"\x84\x41\xa0\xa0\x41p\x41s"] {
            assert_eq!(parse(bytes).unwrap().signed_bytes(&[]), b"\x84\x6aSignature1\x40\x40\x41p");
        }
    }

    #[test]
    fn another_shape_is_refused() {
        for (bytes, id) in [
            (&b"\xd1\x84\x40\xa0\x41p\x41s"[..], "form.encoding"),
            (b"\xd2\xd2\x84\x40\xa0\x41p\x41s", "form.encoding"),
            (b"\x83\x40\xa0\x41p", "form.encoding"),
            (b"\x80", "form.encoding"),
            (b"\x85\x40\xa0\x41p\x41s\x00", "form.budget"),
            (b"\x9f\x40\xa0\x41p\x41s\xff", "form.encoding"),
            (b"\x84\xa0\xa0\x41p\x41s", "form.encoding"),
            (b"\x84\x40\x40\x41p\x41s", "form.encoding"),
            (b"\x84\x40\xbf\xff\x41p\x41s", "form.encoding"),
            // Detached content.
            (b"\x84\x40\xa0\xf6\x41s", "form.encoding"),
            (b"\x84\x40\xa0\x41p\x41s\x00", "form.length"),
            (b"\x84\x42\xa0\x00\xa0\x41p\x41s", "form.length"),
            (b"\x84\x43\xa1\x01\x26\xa1\x01\x26\x41p\x41s", "form.duplicate"),
            (b"\x84\x45\xa2\x01\x26\x01\x26\xa0\x41p\x41s", "form.duplicate"),
        ] {
            assert_eq!(parse(bytes).unwrap_err().check_id(), id, "{bytes:02x?}");
        }
        let long = [&b"\x84\x40\xa0\x58\x40"[..], &[0; 64], b"\x41s"].concat();
        assert_eq!(parse(&long).unwrap_err().check_id(), "form.budget");
    }

    const TYPE: &str = "text/x";

    /// Two signatures over `p`; the body header is {3: "text/x"}, each signer's {1: -8, 4: kid}.
    const SIGNED: &[u8] = b"\x84\x49\xa1\x03\x66text/x\xa0\x41p\x82\x83\x46\xa2\x01\x27\x04\x41a\xa0\x41s\x83\x46\xa2\x01\x27\x04\x41b\xa0\x41t";

    fn sign(bytes: &[u8]) -> Result<Sign<'_>, Malformed> {
        Sign::parse("test", bytes, 128, TYPE, 2)
    }

    #[test]
    fn several_signatures_are_read_and_written_in_one_form() {
        let read = sign(SIGNED).unwrap();
        let signers = [(-8, &b"a"[..], &b"s"[..]), (-8, b"b", b"t")]
            .map(|(algorithm, key_id, signature)| Signer { algorithm, key_id, signature });
        assert_eq!((read.payload, read.signers.as_slice()), (&b"p"[..], &signers[..]));
        assert_eq!(read.to_bytes(), SIGNED);
        // RFC 9052, 4.4: context, body_protected, sign_protected, external_aad, payload.
        let signed = b"\x85\x69Signature\x49\xa1\x03\x66text/x\x46\xa2\x01\x27\x04\x41a\x43aad\x41p";
        assert_eq!(read.signed_bytes(&signers[0], b"aad"), signed);
    }

    #[test]
    fn another_form_of_several_signatures_is_refused() {
        let replaced = |from: &[u8], to: &[u8]| {
            let at = SIGNED.windows(from.len()).position(|window| window == from).unwrap();
            [&SIGNED[..at], to, &SIGNED[at + from.len()..]].concat()
        };
        for (what, bytes) in [
            ("a tag", [b"\xd8\x62", SIGNED].concat()),
            ("a byte behind", [SIGNED, b"\x00"].concat()),
            ("another content type", replaced(b"text/x", b"text/y")),
            ("an unprotected header of the body", replaced(b"\xa0\x41p", b"\xa1\x01\x27\x41p")),
            ("no payload", replaced(b"\x41p", b"\xf6")),
            ("no signature", [&SIGNED[..14], b"\x80"].concat()),
            ("an unprotected header of a signer", replaced(b"\xa0\x41s", b"\xa1\x01\x27\x41s")),
            ("headers out of order", replaced(b"\xa2\x01\x27\x04\x41a", b"\xa2\x04\x41a\x01\x27")),
            ("no key id", replaced(b"\x46\xa2\x01\x27\x04\x41a", b"\x43\xa1\x01\x27")),
            ("one more header", replaced(b"\x46\xa2\x01\x27\x04\x41a", b"\x48\xa3\x01\x27\x04\x41a\x05\x00")),
            (
                "a byte behind a header",
                replaced(b"\x46\xa2\x01\x27\x04\x41a", b"\x47\xa2\x01\x27\x04\x41a\x00"),
            ),
            ("an indefinite length", replaced(b"\x82\x83", b"\x9f\x83")),
        ] {
            assert!(sign(&bytes).is_err(), "{what}");
        }
        for len in 0..SIGNED.len() {
            assert!(sign(&SIGNED[..len]).is_err(), "cut to {len}");
        }
        assert_eq!(Sign::parse("test", SIGNED, 128, TYPE, 1).unwrap_err().check_id(), "form.budget");
        assert_eq!(Sign::parse("test", SIGNED, 16, TYPE, 2).unwrap_err().check_id(), "form.budget");
    }
}
