//! The attested channel: rustls inside, driven by bytes; evidence bound to the session before any message (protocol section 5).

pub mod batch;
pub mod binding;
