//! Past failures of the field, each with its public reference, and the type or test that prevents it here.
//!
//! | failure | where | here |
//! | --- | --- | --- |
//! | trust anchors fell back to what the evidence carried | go-sev-guest pull request 190 | [`crate::Context`] takes anchors; carried roots are compared with them and never added |
//! | the first octet of a raw HWID was read as a DER tag | snpguest issue 38 | HWID is read by length: N raw octets, or `04 N` and N octets |
//! | documented maxima where minima were meant | go-sev-guest issue 195 | [`crate::rules::Bit`]: set, clear or any, for each bit |
//! | hosts write table GUIDs in mixed byte order | CCF pull request 8116 | both orders are read |
//! | a signature was checked over a re-encoding of what was parsed | a class of defects; see rustls-webpki's `SignedData` | [`crate::x509::Certificate`] and [`crate::tee::snp::Report`] keep the bytes received |
//! | "not checked if nil" | a class of defects | [`crate::rules::OneOf::Any`] must be written; a rule left out of a file is an error |
//! | `Ok(false)` that nobody read | a class of defects | failure is `Err`, success is [`crate::Verified`] |
