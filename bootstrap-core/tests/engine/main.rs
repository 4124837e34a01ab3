//! Whole flows between byte buffers: real TLS, real reports, the real key ring and statements, and devices in memory.

#![expect(clippy::wildcard_enum_match_arm, reason = "what a test does not expect fails it")]

mod cast;
mod flows;
mod refusals;
mod rig;
