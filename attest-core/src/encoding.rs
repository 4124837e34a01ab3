//! Text forms of bytes inside JSON, each in its one canonical form.

use alloc::vec::Vec;

/// Which two digits close the alphabet, and whether padding is written (RFC 4648, 4 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base64 {
    /// `+` and `/`, padded with `=`.
    Standard,
    /// `-` and `_`, without padding, as JOSE writes it (RFC 7515, 2).
    Url,
}

impl Base64 {
    /// At most `max` octets; `None` for a strange digit, wrong padding, or bits left over that are not zero.
    pub(crate) fn decode(self, text: &str, max: usize) -> Option<Vec<u8>> {
        let digits = match self {
            Self::Standard => text.trim_end_matches('='),
            Self::Url => text,
        };
        let padding = text.len().checked_sub(digits.len())?;
        let padded = match self {
            Self::Standard => text.len().is_multiple_of(4) && padding <= 2,
            Self::Url => digits.len().checked_rem(4)? != 1,
        };
        if !padded || digits.len() > max.saturating_mul(2) {
            return None;
        }
        let mut out = Vec::new();
        let (mut held, mut bits) = (0_u32, 0_u32);
        for octet in digits.bytes() {
            held = held << 6 | u32::from(self.digit(octet)?);
            bits = bits.saturating_add(6);
            if bits >= 8 {
                bits = bits.saturating_sub(8);
                let [.., low] = (held >> bits).to_be_bytes();
                out.push(low);
                held &= (1_u32 << bits).wrapping_sub(1);
            }
        }
        (held == 0 && out.len() <= max).then_some(out)
    }

    const fn digit(self, digit: u8) -> Option<u8> {
        match (self, digit) {
            (_, b'A'..=b'Z') => Some(digit.wrapping_sub(b'A')),
            (_, b'a'..=b'z') => Some(digit.wrapping_sub(b'a').wrapping_add(26)),
            (_, b'0'..=b'9') => Some(digit.wrapping_sub(b'0').wrapping_add(52)),
            (Self::Standard, b'+') | (Self::Url, b'-') => Some(62),
            (Self::Standard, b'/') | (Self::Url, b'_') => Some(63),
            _ => None,
        }
    }
}
