//! What is bounded, and what no report can prove.
//!
//! Memory. A report is 1184 bytes and is read in place. Certificates are at most [`crate::x509::MAX_CERTIFICATE`] bytes, CRLs at
//! most [`crate::x509::MAX_CRL`], a collection at most [`crate::collateral::MAX_OBJECTS`] of each, a bundle or envelope at most
//! [`crate::collateral::MAX_BUNDLE`]. A certificate table is at most 64 KiB with 32 entries. A [`crate::checks::Checks`] is a
//! fixed array of about 18 KiB. Verification under a remembered chain takes nothing from the heap.
//!
//! Work. Per verification at most four certificates are tried for a report, and as many remembered chains. Each costs at most four
//! RSA verifications for the leaf, one for the intermediate, one for each of at most eight CRLs of the chain, and one ECDSA
//! verification.
//!
//! What no SNP report proves: [`crate::tee::snp::NOT_CHECKED`].
