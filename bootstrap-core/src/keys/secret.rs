//! The one type for 32 secret bytes.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::error::KeyError;

/// 32 secret bytes: cleared when dropped, compared in constant time, never shown.
///
/// ```
/// # use bootstrap_core::keys::Secret;
/// let secret = Secret::new("master secret", &[7; 32])?;
/// assert!(secret == secret.duplicate());
/// # Ok::<_, bootstrap_core::keys::KeyError>(())
/// ```
///
/// There is no `Debug`, no `Display`, no `Clone` and no `Copy`:
///
/// ```compile_fail,E0277
/// fn show(secret: &bootstrap_core::keys::Secret) -> String {
///     format!("{secret:?}")
/// }
/// ```
///
/// ```compile_fail,E0599
/// fn copy(secret: &bootstrap_core::keys::Secret) -> bootstrap_core::keys::Secret {
///     bootstrap_core::keys::Secret::clone(secret)
/// }
/// ```
// In a box, because a move of the bytes themselves would leave a copy behind that nothing clears.
pub struct Secret(Box<Zeroizing<[u8; Self::LEN]>>);

impl Secret {
    /// How many bytes it has.
    pub const LEN: usize = 32;

    /// A copy of `bytes`. The caller's own is the caller's to clear. `what` names the secret in errors.
    ///
    /// # Errors
    /// [`KeyError::Length`] unless there are 32; [`KeyError::Zero`] if all of them are zero.
    pub fn new(what: &'static str, bytes: &[u8]) -> Result<Self, KeyError> {
        Self::filled(what, |secret| {
            if bytes.len() != Self::LEN {
                return Err(KeyError::Length { what, expected: Self::LEN, actual: bytes.len() });
            }
            secret.copy_from_slice(bytes);
            Ok(())
        })
    }

    /// A secret that `fill` writes in place.
    ///
    /// # Errors
    /// What `fill` gives; [`KeyError::Zero`] if it leaves all bytes zero.
    pub(crate) fn filled(
        what: &'static str,
        fill: impl FnOnce(&mut [u8; Self::LEN]) -> Result<(), KeyError>,
    ) -> Result<Self, KeyError> {
        let mut secret = Self(Box::new(Zeroizing::new([0; Self::LEN])));
        fill(&mut secret.0)?;
        if bool::from(secret.0.as_slice().ct_eq(&[0; Self::LEN])) {
            return Err(KeyError::Zero { what });
        }
        Ok(secret)
    }

    /// The bytes. Whoever asks for them owns what becomes of them: they must not reach a log, an error or a buffer that is not
    /// cleared.
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// A second copy, spelled out so that none comes about by accident.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_lengths_are_refused() {
        for len in [0, 16, 31, 33, 64] {
            let error = Secret::new("master secret", &vec![7; len]).err();
            assert_eq!(error, Some(KeyError::Length { what: "master secret", expected: 32, actual: len }));
        }
    }

    #[test]
    fn zero_is_no_secret() {
        assert_eq!(Secret::new("data root", &[0; 32]).err(), Some(KeyError::Zero { what: "data root" }));
        assert!(
            Secret::new("data root", &{
                let mut one = [0; 32];
                one[31] = 1;
                one
            })
            .is_ok()
        );
    }

    #[test]
    fn equality_looks_at_every_byte() {
        let of = |bytes: [u8; 32]| Secret::new("secret", &bytes).unwrap();
        let first = of([7; 32]);
        assert!(first == first.duplicate());
        for index in 0..32 {
            let mut other = [7; 32];
            other[index] ^= 1;
            assert!(first != of(other), "byte {index}");
        }
    }
}
