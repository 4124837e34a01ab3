//! The one strict CBOR layer: RFC 8949, core deterministic encoding (4.2.1), without tags, floats and undefined.
//!
//! [`Decoder`] reads it and nothing else, item by item, and says where it stopped. Maps have integer keys in order. There are two ways
//! to read one, and its format says which:
//!
//! - [`Decoder::map`] and [`Decoder::key`]: exactly these keys. [`strict`] reads a whole structure so, and believes the result only
//!   if writing it again gives the bytes received.
//! - [`Decoder::fields`]: these keys, some of them optional, and room for later versions. The sign of a key is its critical bit: an
//!   unknown key of zero or more is skipped, an unknown negative key is refused.
//!
//! That is for formats that we write. What firmware and vendors write is read by [`foreign`], which demands less.

mod decoder;
mod encoder;
pub mod foreign;
mod head;
#[cfg(test)]
mod tests;

pub use decoder::{Decoder, Fields, MAX_DEPTH};
pub use encoder::Encoder;

use crate::error::{Malformed, Problem};

/// Reads `bytes`, of which there are at most `max`, with `decode` and believes the result only if `encode` gives the same bytes again.
///
/// # Errors
/// [`Malformed`] in the words of `decode`, and for an encoding that is not the one that `encode` gives.
pub fn strict<'a, T>(
    structure: &'static str,
    bytes: &'a [u8],
    max: usize,
    decode: impl FnOnce(&mut Decoder<'a>) -> Result<T, Malformed>,
    encode: impl FnOnce(&T, &mut Encoder<'_>),
) -> Result<T, Malformed> {
    let value = decode(&mut Decoder::new(structure, bytes, max)?)?;
    let mut again = Encoder::comparing(bytes);
    encode(&value, &mut again);
    match again.compared() {
        Ok(()) => Ok(value),
        Err(offset) => {
            let problem = Problem::Encoding("not the one deterministic encoding");
            Err(Malformed { structure, field: "encoding", offset, problem })
        }
    }
}
