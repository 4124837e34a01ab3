//! Writes the generated vectors: a deterministic test PKI and a report signer.
//!
//! Everything here is built to look like what AMD issues, then to be altered one detail at a time. Two rules hold:
//! the same input gives the same bytes, always, and nothing here shares code with the verifier under test.
//!
//! ```no_run
//! use vectors_generate::{Ext, Platform, Product, oid};
//!
//! let chip = Platform::new(Product::Turin);
//! let vcek = chip.vcek().without(oid::SPL_FMC).build();
//! let report = chip.report(5).signed_with(&chip.vcek_key());
//! ```

pub mod cases;
pub mod cbor_out;
pub mod crl;
pub mod der_out;
pub mod eventlog;
pub mod ext;
pub mod keys;
pub mod nitro;
pub mod pki;
pub mod platform;
pub mod report;
pub mod sign;
pub mod sigstore;
pub mod table;
pub mod tdx;
pub mod time;
pub mod tpm;

pub use crl::CrlSpec;
pub use ext::{Ext, oid};
pub use keys::{P256Key, P384Key, RsaKey};
pub use pki::CertSpec;
pub use platform::{Line, Platform, Product, Role, Tcb};
pub use report::{ReportSpec, SigEdit};
pub use sign::{Hash, Scheme, Signer};
pub use table::TableSpec;
