//! A tiny CBOR writer.
//!
//! Functions return complete items as bytes, so that a case can put any bytes, right or wrong, where an item belongs.

/// Null.
pub const NULL: &[u8] = &[0xF6];
/// What ends a container of indefinite length.
pub const BREAK: &[u8] = &[0xFF];

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// An integer, in its shortest form.
///
/// # Panics
///
/// When the number is below -2^63.
pub fn int(value: i64) -> Vec<u8> {
    match u64::try_from(value) {
        Ok(value) => head(UNSIGNED, value),
        Err(_) => head(NEGATIVE, value.unsigned_abs() - 1),
    }
}

/// An unsigned integer, in its shortest form.
pub fn uint(value: u64) -> Vec<u8> {
    head(UNSIGNED, value)
}

/// A byte string.
pub fn bytes(content: &[u8]) -> Vec<u8> {
    [head(BYTES, content.len() as u64), content.to_vec()].concat()
}

/// A text string.
pub fn text(content: &str) -> Vec<u8> {
    [head(TEXT, content.len() as u64), content.as_bytes().to_vec()].concat()
}

/// An array of complete items.
pub fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(ARRAY, items.len() as u64), items.concat()].concat()
}

/// A map of complete keys and values, in the given order.
pub fn map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    [head(MAP, pairs.len() as u64), flat(pairs)].concat()
}

/// The same map of indefinite length.
pub fn map_indefinite(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    [vec![0xBF], flat(pairs), BREAK.to_vec()].concat()
}

/// A tag around a complete item.
pub fn tag(number: u64, item: &[u8]) -> Vec<u8> {
    [head(TAG, number), item.to_vec()].concat()
}

fn flat(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    pairs.iter().flat_map(|(key, value)| [key.as_slice(), value].concat()).collect()
}

fn head(major: u8, value: u64) -> Vec<u8> {
    let octets = value.to_be_bytes();
    let (info, from) = match value {
        0..=23 => return vec![major << 5 | octets[7]],
        24..=0xFF => (24, 7),
        0x100..=0xFFFF => (25, 6),
        0x1_0000..=0xFFFF_FFFF => (26, 4),
        _ => (27, 0),
    };
    [&[major << 5 | info], &octets[from..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8949, appendix A.
    #[test]
    fn examples_of_the_rfc() {
        assert_eq!(uint(23), [0x17]);
        assert_eq!(uint(24), [0x18, 0x18]);
        assert_eq!(uint(1_000), [0x19, 0x03, 0xE8]);
        assert_eq!(uint(1_000_000), [0x1A, 0x00, 0x0F, 0x42, 0x40]);
        assert_eq!(uint(1_000_000_000_000), [0x1B, 0x00, 0x00, 0x00, 0xE8, 0xD4, 0xA5, 0x10, 0x00]);
        assert_eq!(int(-1), [0x20]);
        assert_eq!(int(-1_000), [0x39, 0x03, 0xE7]);
        assert_eq!(text("IETF"), b"\x64IETF");
        assert_eq!(array(&[uint(1), array(&[uint(2), uint(3)])]), [0x82, 1, 0x82, 2, 3]);
        assert_eq!(map_indefinite(&[(text("a"), uint(1))]), [0xBF, 0x61, 0x61, 1, 0xFF]);
        assert_eq!(tag(1, &uint(0)), [0xC1, 0]);
    }
}
