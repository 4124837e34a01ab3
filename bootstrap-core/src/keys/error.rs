//! Why key work was refused. No variant carries a byte of a secret.

/// Why key work was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Secret material of the wrong length.
    #[error("{what}: expected {expected} bytes, got {actual}")]
    Length {
        /// Which secret.
        what: &'static str,
        /// How many bytes it has.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// Secret material whose bytes are all zero: never drawn, only ever forgotten.
    #[error("{what}: all bytes are zero")]
    Zero {
        /// Which secret.
        what: &'static str,
    },
}
