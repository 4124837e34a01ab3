//! A share on paper: `attestrap-share-1:` and base64url, in groups that a person can type.

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use super::ShareFault;
use crate::keys::error::KeyError;
use crate::wire::Share;

const PREFIX: &str = "attestrap-share-1:";
/// The largest share has under 9000 bytes; a group of four digits takes five characters.
const MAX: usize = 20_000;

/// The printed form, in groups of four.
pub fn to_printed(share: &Share) -> Zeroizing<String> {
    let bytes = share.to_bytes();
    let digits = Zeroizing::new(Base64UrlUnpadded::encode_string(&bytes));
    // Once and for all, because a string that grows leaves copies behind.
    let len = digits.len().saturating_mul(2).saturating_add(PREFIX.len());
    let mut printed = Zeroizing::new(String::with_capacity(len));
    printed.push_str(PREFIX);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at.is_multiple_of(4) {
            printed.push(' ');
        }
        printed.push(digit);
    }
    printed
}

/// Reads a printed share, with any white space between digits, and checks it by itself.
///
/// # Errors
/// [`KeyError::Share`], which tells a mistyped share from a wrong one; [`KeyError::Malformed`] for digits of something else.
pub fn from_printed(text: &str) -> Result<Share, KeyError> {
    if text.len() > MAX {
        return Err(KeyError::TooLong { what: "printed share", max: MAX, actual: text.len() });
    }
    let digits = text.trim().strip_prefix(PREFIX).ok_or(ShareFault::Printed("another prefix"))?;
    let mut joined = Zeroizing::new(String::with_capacity(digits.len()));
    digits.chars().filter(|digit| !digit.is_ascii_whitespace()).for_each(|digit| joined.push(digit));
    let mut bytes = Zeroizing::new(vec![0; joined.len()]);
    let decoded = Base64UrlUnpadded::decode(joined.as_bytes(), bytes.as_mut_slice());
    let decoded =
        decoded.map_err(|_| ShareFault::Printed("a character that is no digit, or a digit missing"))?;
    let share = Share::from_bytes(decoded)?;
    super::check(&share)?;
    Ok(share)
}
