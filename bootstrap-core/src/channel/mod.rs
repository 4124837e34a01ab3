//! The attested channel: rustls inside, driven by bytes; evidence bound to the session before any message (protocol section 5).

pub mod batch;
pub mod binding;
pub mod error;
pub mod evidence;
mod guard;
pub mod judge;
pub mod legacy;
pub mod machine;
pub mod proof;
#[cfg(any(test, feature = "sim"))]
pub mod pump;
pub mod record;
pub mod session;
pub mod terms;
pub mod tls;

#[cfg(test)]
mod tests;
