//! Past failures of the field, each with its public reference, and the type or test that prevents it here.
//!
//! | failure | where | here |
//! | --- | --- | --- |
//! | trust anchors fell back to what the evidence carried | go-sev-guest pull request 190 | [`crate::Context`] takes anchors; carried roots are compared with them and never added |
//! | the first octet of a raw HWID was read as a DER tag | snpguest issue 38 | HWID is read by length: N raw octets, or `04 N` and N octets |
//! | documented maxima where minima were meant | go-sev-guest issue 195 | [`crate::rules::Bit`]: set, clear or any, for each bit |
//! | hosts write table GUIDs in mixed byte order | CCF pull request 8116 | both orders are read |
//! | a signature was checked over a re-encoding of what was parsed | a class of defects; see rustls-webpki's `SignedData` | [`crate::x509::Certificate`] and [`crate::tee::snp::Report`] keep the bytes received |
//! | a quote was believed without its magic, so that a key that signs anything could write one | CVE-2024-29038, tpm2-tools | [`crate::tee::vtpm::Attest::parse_as`] reads the magic and the type before anything else, and an attestation key must be restricted (`vtpm.ak.attributes`) |
//! | the selection of the quote was not compared with the values next to it, so that a resettable register could stand for another | CVE-2024-29039, tpm2-tools | the selection is compared entry by entry (`vtpm.pcr.selected`), no bank may stand in it twice (`vtpm.quote.selection-bank`), and only [`crate::tee::vtpm::VerifiedPcrs`] leads to values |
//! | a quote was rebuilt from JSON, whose magic could be any number | CVE-2024-29040, tpm2-tss | there is one parser, over the signed bytes; [`crate::tee::vtpm::Attest::signed_bytes`] is what it read |
//! | a quote that covers no register, or values outside of it, counted as verified | CVE-2022-0317, go-attestation | `vtpm.quote.selection-empty`; every quote must hold, and a register that none covers has no value to ask for |
//! | attributes of a key were believed because they stood beside it | a class of defects in TPM clients | they are claims only where the key's name is vouched for, or where a known template gives the quote's qualifiedSigner; else policy is told that they are not known (`vtpm.policy.ak-attributes`) |
//! | quotes of two boots were read as one state | a class of defects in TPM clients | `vtpm.quote.same-boot` compares the counters of all quotes |
//! | a certificate of an endorsement key was taken to cover the name of the key, so that one TPM could enrol as several | a class of defects in enrolment services | [`crate::tee::vtpm::EkClaims`] names the TPM by the digest of its SubjectPublicKeyInfo; a name stands there only where the caller pinned it |
//! | what an attestation key certified was believed, whoever the certifier was | a class of defects in TPM clients | [`crate::tee::vtpm::signed::SignedBy::verify`] takes a [`crate::tee::vtpm::TrustedAk`], by its name (`vtpm.attested.signer`) |
//! | lists of revoked certificates that were handed in and that nobody looked at | a class of defects | every list of an issuer of the path counts (`vtpm.ak.revoked`, `vtpm.ek.revoked`), and the claim `revocation` says whether all were there |
//! | any guest's report at VMPL 0 was taken for the paravisor's | a class of defects in verifiers of composites | the policy that accepted the report must have listed the paravisor (`azure.hcl.paravisor`), and the guest must not be debuggable (`azure.hcl.debug`) |
//! | a bank that firmware left alone was extended by the guest, with a log to match | CVE-2021-42299, "TPM Carte Blanche" | a log counts in every bank in which the policy names values; the rest is said in [`crate::tee::vtpm::NOT_CHECKED`] |
//! | event types and labels of a replayed log were taken for measured | a class of defects in log readers | [`crate::eventlog::Untrusted`] and [`crate::eventlog::Coverage`] |
//! | "not checked if nil" | a class of defects | [`crate::rules::OneOf::Any`] must be written; a rule left out of a file is an error |
//! | `Ok(false)` that nobody read | a class of defects | failure is `Err`, success is [`crate::Verified`] |
//! | report data of a quoting enclave compared in its first half only | a class of defects in TDX verifiers | `tdx.qe.attestation-key` compares all 64 bytes |
//! | two components that belong to the TDX module compared with the platform's levels, so that genuine machines had no level | dcap-qvl 0.5.2 | [`crate::tee::tdx::TcbStatus`]: from module version 1 on the module has levels of its own |
//! | PCEID of TCB info and certificate not compared; upper case of an FMSPC refused | dcap-qvl 0.7.1; go-tdx-guest 0.3.1 | `tdx.tcb-info.pce-id`; both are compared as bytes |
//! | no lower bound on issueDate and thisUpdate, so that a clock set back revives what was taken back | go-tdx-guest 0.3.1 | `tdx.collateral.issued`, `tdx.crl.this-update` |
//! | any key below the root could sign TCB info | a class of defects | `tdx.collateral.signer`: Intel's signer, directly below the root |
