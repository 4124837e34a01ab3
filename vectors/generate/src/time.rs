//! Times as text, as X.509 and as Unix seconds.

use crate::der_out;

/// A time inside the validity of every default certificate and CRL of the test PKI.
pub const NOW: &str = "2026-01-01T00:00:00Z";

/// An X.509 Time of text like `2025-07-17T17:04:46Z`: UTCTime to 2049, GeneralizedTime from 2050.
///
/// # Panics
///
/// When the text has another form.
pub fn x509(text: &str) -> Vec<u8> {
    if text < "2050" { utc(text) } else { generalized(text) }
}

/// A UTCTime, whatever the year is.
///
/// # Panics
///
/// When the text has another form.
pub fn utc(text: &str) -> Vec<u8> {
    der_out::tlv(der_out::UTC_TIME, &digits(text).as_bytes()[2..])
}

/// A GeneralizedTime, whatever the year is.
///
/// # Panics
///
/// When the text has another form.
pub fn generalized(text: &str) -> Vec<u8> {
    der_out::tlv(der_out::GENERALIZED_TIME, digits(text).as_bytes())
}

/// Seconds since 1970 of text like `2025-07-17T17:04:46Z`.
///
/// # Panics
///
/// When the text has another form, or lies before 1970.
pub fn unix(text: &str) -> u64 {
    let digits = digits(text);
    let part =
        |range: core::ops::Range<usize>| -> u64 { digits[range].parse().expect("digits are a number") };
    let (year, month, day) = (part(0..4), part(4..6), part(6..8));
    // Years that start in March put the leap day last, so that one formula gives the days before each month.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = 365 * shifted_year + leap_days + (153 * shifted_month + 2) / 5 + day - 1;
    const DAYS_TO_1970: u64 = 719_468;
    (days - DAYS_TO_1970) * 86_400 + part(8..10) * 3_600 + part(10..12) * 60 + part(12..14)
}

fn digits(text: &str) -> String {
    let well_formed = text.len() == 20
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            19 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    assert!(well_formed, "a time is written 2025-07-17T17:04:46Z, not {text}");
    text.chars().filter(|char| char.is_ascii_digit() || *char == 'Z').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_seconds() {
        assert_eq!(unix("1970-01-01T00:00:00Z"), 0);
        assert_eq!(unix("2024-02-29T23:59:59Z"), 1_709_251_199);
        assert_eq!(unix(NOW), 1_767_225_600);
    }

    #[test]
    fn form_follows_the_year() {
        assert_eq!(x509("2049-12-31T23:59:59Z"), b"\x17\x0D491231235959Z");
        assert_eq!(x509("2050-01-01T00:00:00Z"), b"\x18\x0F20500101000000Z");
    }
}
