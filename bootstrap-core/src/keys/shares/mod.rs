//! k-of-n shares.
use crate::error::Code;
/// Why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareFault {}
impl ShareFault {
    /// Code.
    pub const fn code(&self) -> Code {
        match *self {}
    }
}
