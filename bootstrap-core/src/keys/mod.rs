//! Secrets and what is derived from them: the key schedule, shares, the cluster's certificates (protocol sections 2 and 7).
//!
//! Nothing here draws entropy or reads a clock: both are arguments.

mod error;
mod handle;
mod secret;

pub use error::KeyError;
pub use handle::Handle;
pub use secret::Secret;
