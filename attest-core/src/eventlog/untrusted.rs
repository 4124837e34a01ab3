//! What a log says, kept apart from what is proven.

use core::fmt;

/// A value that nothing vouches for: whoever hands over a log writes it as he likes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Untrusted<T>(T);

impl<T> Untrusted<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, which is the log's own word. Show it; do not decide by it.
    pub fn dangerous_unproven(self) -> T {
        self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "untrusted {:?}", self.0)
    }
}
