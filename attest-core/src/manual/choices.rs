//! Choices, with their reasons.
//!
//! **DER and X.509.** The primitives are those of `der`: strict, `no_std`, without a heap. The structures are ours:
//!
//! - `x509-cert` decodes into owned values and drops the signed bytes, so that a signature could be checked over a
//!   re-encoding only, and it allocates for every name and extension;
//! - `rustls-webpki` builds WebPKI paths. AMD's leaves have the serial number 0, no key usage, and one extension whose value is
//!   not DER; they fail there for good reasons.
//!
//! Signature algorithms are compared as whole DER values. That leaves no parameter unread, and it takes in a form that is not
//! DER: until 2024 AMD wrote the default trailerField of the PSS parameters out. The other one is AMD's keyCertSign, a BIT STRING
//! with a zero bit too many, and it too is compared as a whole.
//!
//! **Providers.** [`crate::crypto::CryptoProvider`] is a struct of trait objects; a table in [`crate::crypto`] says who has which
//! scheme. Keys and signatures have one form, demanded before a library sees them, because libraries differ in what else they
//! take: `ring` an exponent of 3 and a modulus of 2041 bits, `aws-lc-rs` a whole SubjectPublicKeyInfo, RustCrypto a compressed point.
//!
//! **PSS of a TPM.** What a TPM signs does not say how long its salt is. A scheme of its own takes the two lengths that TPMs make,
//! the digest's and the largest, and no other, although RustCrypto could find out any: the answer must not depend on the provider.
//!
//! **Paths.** [`crate::x509::chain`] asks more than RFC 5280 where no vendor needs the leave: keyUsage in every authority,
//! self-issued ones counted by pathLenConstraint, a leaf that is no authority, and names compared as bytes.
//!
//! **Chains of AMD.** ARK, ASK and ASVK of each line are pinned. An intermediate that is supplied is judged as supplied: a wrong one is
//! not papered over by the pinned one. The pinned one is used where none of the chain's line was supplied.
//!
//! **CRL.** Every VEK has the serial number 0, and the CRL's issuer is the ARK, so the list can speak about intermediates only.
//! A list by the intermediate itself is looked at too; AMD issues none. Every list of the chain that is supplied counts: its
//! signature must verify and what it revokes is revoked; but only the newest of an issuer must be in date. If that one is overdue
//! the verdict is *missing collateral*, even where the policy would go without a list.
//!
//! **Whose trust.** A proof that a store remembers counts for a caller only if that caller's own anchors carry it: the same root,
//! and an intermediate whose signature was looked at or that this caller pins as well. `root` is *hardware* only where the root,
//! and the intermediate if it was not signed for, are the ones that this crate pins.
//!
//! **S and n - S.** ECDSA takes both; so do we, since REPORT_ID and the whole report are what is compared, never the signature.
//!
//! **Unknown but genuine.** Newer versions, CPU families and bits are values, and policy judges them. What is refused is what
//! cannot be told apart from damage: another length, reserved bytes of a version whose layout is known.
//!
//! **JSON of vendors.** Intel's TCB info and identities are JSON, so `serde_json`, without `std`, is always there; the feature
//! `json` adds policy files and verdicts. A statement is cut out of its document unread ([`crate::document`]), its signature is
//! verified over those bytes, and only then is it read: no member twice, at most twelve deep, members that are not known left alone.
//!
//! **TDX collateral.** Certificates of signers are one pool, so the chain that Intel's service sends along with one statement serves
//! the other. Of several statements on a platform the newest that is proven counts; one that is not proven, beside it, counts for
//! nothing. Both revocation lists are demanded, and no policy goes without: a list that is missing says nothing. What a proof keeps
//! is proven at the time at which the last of its certificates began to be valid; dates are judged at every use.
//!
//! **TDX levels.** A platform below every level is a claim and not an error, because clouds run such platforms, and only a policy can
//! name them: by FMSPC, component values and TEE_TCB_SVN, with a name and an end. Every policy refuses them otherwise, and a
//! revoked level always; neither can be turned into a warning. Statuses of platform, module and quoting enclave are joined as
//! Intel's library joins them, whatever the order of the file.
//!
//! **Bytes behind a quote.** Real quotes come with up to 3065 zeros behind them, and one with 39 other bytes. At most 16 KiB are
//! read, none is hashed or believed; their number, and whether they are zero, are claims.
//!
//! **CBOR.** What we write has one encoding, and only that is read. What AWS's hypervisor writes is read by rules of its own: maps
//! of indefinite length in any order, but the shortest heads, no key twice, bounds on every count, nothing left over.
//!
//! **Nitro documents.** What a document attests, its module id says; the field of that kind has the registers. The other kind's field
//! beside it is never read: it counts as a field that is not known, and a strict policy refuses it. The bundle must be the path,
//! root first; a path that is found in another order is refused, since what
//! lies beside it was not looked at. The bundle's root must be the one that the caller trusts, byte for byte, and is no reason to
//! trust anything. The certificate must name the document's module. Of AWS's two bounds on user_data and nonce, 512 and 1024
//! bytes, the larger holds. AWS's root is not in the crate but its fingerprint is: documents bring a copy, which counts if it has it.
