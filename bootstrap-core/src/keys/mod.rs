//! Secrets and what is derived from them: the key schedule, shares, the cluster's certificates (protocol sections 2 and 7).
//!
//! Nothing here draws entropy or reads a clock: both are arguments.

mod audit;
mod ca;
mod certificate;
#[cfg(test)]
mod certificate_tests;
mod cluster;
mod csr;
mod error;
mod handle;
mod kdf;
pub mod legacy;
mod mac;
mod operator;
mod profile;
mod public_key;
mod schedule;
mod secret;
pub mod shares;
mod terms;
#[cfg(test)]
pub(crate) mod tests;
mod wrap;

pub use audit::{AuditKey, AuditMac};
pub use ca::ClusterCa;
pub use certificate::{CertificateFault, ClusterCaKey, Member, NodeCertificate};
pub use cluster::{RegisterEvent, cluster_id};
pub use csr::{CheckedCsr, CsrFault, MAX_CSR, NodeKey};
pub use error::KeyError;
pub use handle::Handle;
pub(crate) use operator::key_proof;
pub use operator::{OperatorKey, SameNodeKey};
pub use public_key::PublicKey;
pub use schedule::{CheckValue, DataRoot, IdentityRoot, MasterSecret, Salt};
pub use secret::Secret;
pub use shares::ShareFault;
pub use terms::{MAX_ADDRESSES, Terms};
pub use wrap::{WrapKey, Wrapped};
