//! COSE_Sign1 (RFC 9052, 4.2) as firmware and vendors write it: the shape, and the bytes that were signed.
//!
//! Which headers may stand where, and which algorithm, is the format's to say: its reader sees each header as it comes.

use alloc::vec::Vec;

use crate::cbor::Encoder;
use crate::cbor::foreign::{Foreign, Key, Lengths};
use crate::error::{Malformed, Problem};

const STRUCTURE: &str = "COSE_Sign1";

/// The tag that may stand in front (RFC 9052, 2).
const TAG: u64 = 18;

/// How many headers one map may have.
const MAX_HEADERS: usize = 16;

/// Labels of header parameters (RFC 9052, 3.1).
pub(crate) mod label {
    use super::Key;

    /// alg.
    pub(crate) const ALGORITHM: Key<'static> = Key::Int(1);
}

/// Something signed by one key, borrowed from the bytes received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sign1<'a> {
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
    pub(crate) fn parse(
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
    pub(crate) fn signed_bytes(&self, external_aad: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.array(4).text("Signature1").bytes(self.protected).bytes(external_aad).bytes(self.payload);
        encoder.into_bytes()
    }

    /// The payload, as received.
    pub(crate) const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The signature: for ECDSA r, then s, each as long as the field (RFC 9053, 2.1).
    pub(crate) const fn signature(&self) -> &'a [u8] {
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
}
