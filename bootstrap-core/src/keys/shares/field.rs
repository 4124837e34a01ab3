//! GF(2^8) with the polynomial 11B, and Shamir's scheme over it, byte by byte (protocol section 2, shares).
//!
//! Ours, because no kept crate has the pieces: `sharks` and `blahaj` work over the polynomial 11D and with tables that secrets index;
//! `vsss-rs` has this field in constant time, but draws the coefficients from a generator and gives the secret back in vectors that
//! nobody clears. Here the coefficients are an argument, nothing branches on a secret or indexes by one, and `vsss-rs` is what the tests
//! compare with.

use zeroize::Zeroizing;

use crate::keys::error::KeyError;
use crate::keys::secret::Secret;

/// The product of two elements. The loop is over the bits of one, always all eight.
fn multiply(a: u8, b: u8) -> u8 {
    let (mut product, mut shifted) = (0, a);
    for bit in 0..8 {
        product ^= shifted & mask(b >> bit);
        shifted = (shifted << 1) ^ (0x1b & mask(shifted >> 7));
    }
    product
}

/// All ones if the lowest bit is one, else zero.
const fn mask(bit: u8) -> u8 {
    (bit & 1).wrapping_neg()
}

/// 1 / a, which is a^254; 0 for 0, which no caller has.
fn invert(a: u8) -> u8 {
    // 254 = 2 + 4 + 8 + 16 + 32 + 64 + 128.
    let (mut power, mut inverse) = (a, 1);
    for _ in 0..7 {
        power = multiply(power, power);
        inverse = multiply(inverse, power);
    }
    inverse
}

/// The share at `x` of `secret`. `coefficients` are random: those of x, of x^2, and so on.
pub(super) fn evaluate(secret: &Secret, coefficients: &[&Secret], x: u8) -> Result<Secret, KeyError> {
    Secret::filled("share", |y| {
        // Horner, from the highest power down.
        for coefficient in coefficients.iter().rev().copied().chain([secret]) {
            y.iter_mut().zip(coefficient.expose()).for_each(|(y, c)| *y = multiply(*y, x) ^ c);
        }
        Ok(())
    })
}

/// The value at 0 of the polynomial through these points, whose x are all different and none of them 0.
pub(super) fn interpolate(points: &[(u8, &Secret)]) -> Result<Secret, KeyError> {
    Secret::filled("combined secret", |secret| {
        for (x, y) in points {
            // The product over all others of x_j / (x_j - x); subtraction is exclusive or.
            let mut weight = Zeroizing::new(1);
            for (other, _) in points.iter().filter(|(other, _)| other != x) {
                *weight = multiply(*weight, multiply(*other, invert(other ^ x)));
            }
            secret.iter_mut().zip(y.expose()).for_each(|(sum, y)| *sum ^= multiply(*y, *weight));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vsss_rs::Gf256;

    #[test]
    fn the_field_is_that_of_another_implementation() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(multiply(a, b), (Gf256(a) * Gf256(b)).0, "{a} * {b}");
            }
        }
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1, "1 / {a}");
        }
        assert_eq!(multiply(0x53, 0xca), 1, "FIPS 197's pair of inverses");
    }

    #[test]
    fn another_implementation_combines_ours() {
        let secret = Secret::new("secret", &core::array::from_fn::<u8, 32, _>(|at| at as u8 + 1)).unwrap();
        let (one, two) = (Secret::new("c1", &[0x5a; 32]).unwrap(), Secret::new("c2", &[0xc3; 32]).unwrap());
        let all: Vec<Vec<u8>> = (1..=5)
            .map(|x| {
                let y = evaluate(&secret, &[&one, &two], x).unwrap();
                [&[x], y.expose().as_slice()].concat()
            })
            .collect();
        for chosen in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
            let shares: Vec<Vec<u8>> = chosen.map(|at: usize| all[at].clone()).into();
            assert_eq!(Gf256::combine_bytes(&shares).unwrap(), secret.expose());
        }
    }
}
