//! A tiny DER writer.
//!
//! Functions return complete elements as bytes, so that a case can put any bytes, right or wrong, where an
//! element belongs. [`with_length`] and [`splice`] write what a DER encoder never would.

/// Tag of BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// Tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// Tag of BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// Tag of OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of NULL.
pub const NULL: u8 = 0x05;
/// Tag of OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// Tag of UTF8String.
pub const UTF8_STRING: u8 = 0x0C;
/// Tag of PrintableString.
pub const PRINTABLE_STRING: u8 = 0x13;
/// Tag of IA5String.
pub const IA5_STRING: u8 = 0x16;
/// Tag of UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// Tag of GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// Tag of SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// Tag of SET.
pub const SET: u8 = 0x31;

/// One element with the shortest length.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    with_length(tag, &length(content.len()), content)
}

/// One element with the given length octets, whatever the content's length is.
///
/// `[0x81, n]` below 128 is BER only, `[0x80]` is an indefinite length.
pub fn with_length(tag: u8, length: &[u8], content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + length.len() + content.len());
    out.push(tag);
    out.extend_from_slice(length);
    out.extend_from_slice(content);
    out
}

/// The shortest length octets for `len`.
pub fn length(len: usize) -> Vec<u8> {
    if len < 0x80 {
        return vec![len as u8];
    }
    let bytes = len.to_be_bytes();
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![0x80 | digits.len() as u8];
    out.extend_from_slice(digits);
    out
}

/// SEQUENCE of complete elements.
pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// SET of complete elements, in the given order.
pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SET, &parts.concat())
}

/// Constructed context tag `[number]` around complete elements.
pub fn context(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    tlv(0xA0 | number, &parts.concat())
}

/// Primitive context tag `[number]` around content octets.
pub fn context_primitive(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

/// INTEGER of a non-negative number, in the shortest form.
pub fn uint(value: u64) -> Vec<u8> {
    uint_bytes(&value.to_be_bytes())
}

/// INTEGER of a big-endian magnitude, in the shortest form.
pub fn uint_bytes(magnitude: &[u8]) -> Vec<u8> {
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let digits = &magnitude[zeros..];
    let mut content = Vec::with_capacity(digits.len() + 1);
    // A first octet with the top bit set would read as a negative number.
    if digits.first().is_none_or(|first| *first >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(digits);
    tlv(INTEGER, &content)
}

/// BOOLEAN TRUE.
pub fn boolean_true() -> Vec<u8> {
    tlv(BOOLEAN, &[0xFF])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(NULL, &[])
}

/// OCTET STRING.
pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(OCTET_STRING, content)
}

/// BIT STRING without unused bits.
pub fn bits(content: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], content].concat())
}

/// UTF8String.
pub fn utf8(text: &str) -> Vec<u8> {
    tlv(UTF8_STRING, text.as_bytes())
}

/// PrintableString. The alphabet is not checked.
pub fn printable(text: &str) -> Vec<u8> {
    tlv(PRINTABLE_STRING, text.as_bytes())
}

/// IA5String. The alphabet is not checked.
pub fn ia5(text: &str) -> Vec<u8> {
    tlv(IA5_STRING, text.as_bytes())
}

/// OBJECT IDENTIFIER from dotted text.
///
/// # Panics
///
/// When `dotted` is not at least two numbers with dots between.
pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().expect("an arc is a number")).collect();
    let [first, second, rest @ ..] = arcs.as_slice() else { panic!("an OID has two arcs or more: {dotted}") };
    let mut content = base128(first * 40 + second);
    for arc in rest {
        content.extend(base128(*arc));
    }
    tlv(OID, &content)
}

/// `bytes` with `remove` bytes from `at` replaced by `insert`. Lengths around the place are left as they are.
///
/// # Panics
///
/// When the removed range is out of bounds.
pub fn splice(bytes: &[u8], at: usize, remove: usize, insert: &[u8]) -> Vec<u8> {
    [&bytes[..at], insert, &bytes[at + remove..]].concat()
}

/// `bytes` with the only occurrence of `from` replaced by `to`. Lengths around the place are left as they are.
///
/// # Panics
///
/// When `from` does not occur exactly once: a case that alters nothing, or the wrong place, must not go unseen.
pub fn replace_once(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut places = bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from);
    let (Some((at, _)), None) = (places.next(), places.next()) else {
        panic!("the bytes to replace must occur exactly once");
    };
    splice(bytes, at, from.len(), to)
}

/// A PEM block with lines of 64 characters, as the KDS and hosts send it.
pub fn pem(label: &str, der: &[u8]) -> String {
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in base64(der).as_bytes().chunks(64) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_usize, |group, byte| (group << 8) | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let symbol = ALPHABET[(group >> (18 - 6 * place)) & 63];
            out.push(if place <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    out
}

fn base128(mut value: u64) -> Vec<u8> {
    let mut out = vec![(value & 0x7F) as u8];
    while value > 0x7F {
        value >>= 7;
        out.insert(0, 0x80 | (value & 0x7F) as u8);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_shortest_and_positive() {
        assert_eq!(uint(0), [2, 1, 0]);
        assert_eq!(uint(0x7F), [2, 1, 0x7F]);
        assert_eq!(uint(0xDB), [2, 2, 0, 0xDB]);
        assert_eq!(uint(0x01_0000), [2, 3, 1, 0, 0]);
    }

    #[test]
    fn lengths_are_shortest() {
        assert_eq!(length(0x7F), [0x7F]);
        assert_eq!(length(0x80), [0x81, 0x80]);
        assert_eq!(length(0x0502), [0x82, 0x05, 0x02]);
    }

    #[test]
    fn amd_arc() {
        assert_eq!(oid("1.3.6.1.4.1.3704.1.1"), [6, 9, 0x2B, 6, 1, 4, 1, 0x9C, 0x78, 1, 1]);
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }
}
