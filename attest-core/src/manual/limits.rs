//! What is bounded, and what no report and no quote can prove.
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
//! TPM evidence is at most [`crate::evidence::MAX_EVIDENCE`] bytes, with [`crate::tee::vtpm::MAX_QUOTES`] quotes of
//! [`crate::tee::vtpm::MAX_VALUES`] register values each; a TPMS_ATTEST has at most [`crate::tee::vtpm::MAX_ATTEST`] bytes and
//! [`crate::tee::vtpm::MAX_SELECTIONS`] entries in its selection. An event log has at most
//! [`crate::eventlog::MAX_LOG`] bytes, [`crate::eventlog::MAX_EVENTS`] events and
//! [`crate::eventlog::MAX_DIGESTS`] digests an event; IMA's list
//! [`crate::eventlog::MAX_IMA_LOG`] bytes, a canonical log [`crate::eventlog::MAX_CEL`]. Memory is three
//! copies of the evidence, and one entry of fixed size for each event of register 7 (of all events, where a caller asks for the
//! story). Work is one signature for each quote (two for RSASSA-PSS, by the salt), one search of at most
//! [`crate::x509::chain::MAX_SIGNATURES`] signatures for a chain, and for an event and each quoted bank two digests of register
//! size and at most three hashes of its data.
//!
//! A TDX quote has at most [`crate::tee::tdx::MAX_QUOTE`] bytes, with [`crate::tee::tdx::MAX_TRAILER`] behind it, and is read in place;
//! a signed document at most [`crate::document::MAX_DOCUMENT`], its lists at most 256 items. Work is at most four documents of a
//! kind under four signers, eight lists, and for each quote the two signatures of the quoting enclave and of the attestation key;
//! under remembered proofs those two are all.
//!
//! What no TDX quote proves: [`crate::tee::tdx::NOT_CHECKED`].
//!
//! Of a path of certificates of a TPM's key at most 16 lists of revoked ones are looked at, one signature each.
//!
//! Signed register policies. [`crate::tee::vtpm::pcrsig::PcrSignatures::accept`] takes quoted registers and no others, but no rule of a
//! policy file asks for a signer: evidence has no place for the vendor's document. So a verdict says nothing of it. Whoever trusts a
//! vendor's key for register 11 leaves that register out of `pcrs`, calls `accept` with the registers of the claims of an accepted
//! verdict and with the registers that must be covered, and takes an error for a refusal. Nothing revokes an older signed image.
//!
//! Endorsement keys. Their certificates are read as X.509 with an rsaEncryption or an EC key; those of id-RSAES-OAEP, which some
//! makers of TPM 1.2 wrote, are not. Nothing asks for a platform certificate, so that a TPM is not tied to a machine. The template
//! index and nonce of an endorsement key are not read: the device brings the public area, and its numbers must be the certified ones.
//!
//! No machine is known that writes canonical logs in CBOR. The reader follows the specification's map as another implementation
//! quotes it, with its one example: at second hand, keys 9 and 10 by one author; see [`crate::eventlog::CelLog::parse_cbor`].
//!
//! What no quote proves, and what a verdict over one lists as not checked: [`crate::tee::vtpm::NOT_CHECKED`].
//!
//! What no SNP report proves: [`crate::tee::snp::NOT_CHECKED`].
