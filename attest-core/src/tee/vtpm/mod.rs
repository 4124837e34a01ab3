//! TPM 2.0: quotes, attestation keys and event logs, of discrete, firmware and cloud-operated TPMs alike.
//!
//! Sources: TCG TPM 2.0 Library, Parts 1 to 3; PC Client Platform Firmware Profile; EK Credential Profile.

pub mod algorithm;
pub mod checks;
pub mod eventlog;
pub mod public;
pub mod signature;
pub mod wire;
