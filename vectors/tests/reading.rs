//! All that reads and judges bytes, without the arithmetic: every signature is believed, so that Miri can run it. No manifest
//! and no policy file is read: Miri is some thousand times slower.

use std::time::Duration;

use attest_core::claims::Root;
use attest_core::crypto::{
    BadSignature, CryptoProvider, HashAlgorithm, HashFunction, SignatureAlgorithm, SignatureVerifier,
};
use attest_core::explain::{Detail, Style};
use attest_core::rules::{OneOf, Registers};
use attest_core::tee::nitro::{self, Document, Expectation, Expected};
use attest_core::tee::{snp, vtpm};
use attest_core::values::{Digest, Nonce};
use attest_core::{
    Context, Expect, Policy, Store, TrustAnchors, UnixTime, Verifier, explain, verdict_to_json,
};
use vectors_generate::eventlog::{Header, LogWriter};
use vectors_generate::tpm::{AkSpec, AttestSpec, ECDSA, Numbers, PublicSpec, QuoteSpec, evidence, sized};

#[derive(Debug)]
struct Believer(SignatureAlgorithm);

impl SignatureVerifier for Believer {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn verify(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), BadSignature> {
        Ok(())
    }
}

/// Every digest is zero.
#[derive(Debug)]
struct Zeros(HashAlgorithm);

impl HashFunction for Zeros {
    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }

    fn digest(&self, _: &[&[u8]]) -> Digest {
        Digest::filled(0, self.0.digest_len())
    }
}

const BELIEVER: CryptoProvider = CryptoProvider::new(
    "believer",
    &[
        &Believer(SignatureAlgorithm::EcdsaP256Sha256),
        &Believer(SignatureAlgorithm::EcdsaP384Sha384),
        &Believer(SignatureAlgorithm::RsaPssSha384),
    ],
    &[&Zeros(HashAlgorithm::Sha256), &Zeros(HashAlgorithm::Sha384)],
);

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[test]
fn a_report_of_real_silicon_is_read_and_judged() {
    let file = |name: &str| std::fs::read(vectors::folder("real/milan").join(name)).unwrap();
    let anchors = TrustAnchors::pinned();
    let context = Context::new(&BELIEVER, &anchors, at(1_790_000_000), Expect::AnyReportData);
    let report = file("report.bin");
    let mut store = Store::new();
    store.add(&file("vcek.der")).unwrap();
    let verified = || {
        let evidence = Verifier::new().detect(&report).unwrap();
        Verifier::new().verify(&evidence, &store, &context).unwrap()
    };
    let any = Policy::for_snp(snp::Policy::dangerously_any()).judge(verified());
    assert!(any.is_accepted());
    let strict = Policy::for_snp(snp::Policy::strict(snp::MARCH_2026, OneOf::Any)).judge(verified());
    assert!(!strict.is_accepted());
    assert!(explain::verdict(&strict, Style::Plain, Detail::Full).contains("snp.policy.product"));
    assert!(verdict_to_json(&strict).contains("snp.policy.product"));
    for len in [0, 1, 0x2a0, 0x49f] {
        let evidence = Verifier::new().detect(&report[..len]);
        assert!(evidence.is_err() || Verifier::new().verify(&evidence.unwrap(), &store, &context).is_err());
    }
}

#[test]
fn a_nitro_document_is_read_and_judged() {
    // Named by what is in them: the manifest says that they are the root and an enclave's document as the hypervisor makes it.
    let file = |name: &str| std::fs::read(vectors::folder("nitro/blobs").join(name)).unwrap();
    let mut anchors = nitro::Anchors::none();
    anchors.add_root(&file("5db224617d6f7be4.bin")).unwrap();
    let bytes = file("121ed7c880284fc9.bin");
    let document = Document::parse(&bytes).unwrap();
    let any = Expectation::new(Expected::Any, Expected::Any, Expected::Any);
    let verified = document.verify(&anchors, &BELIEVER, at(1_767_225_603), any);
    // Within its hours or not: read to the end either way.
    assert!(verified.map_or_else(|refused| !refused.checks.is_empty(), |_| true));
    for len in [0, 1, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(Document::parse(&bytes[..len]).is_err());
    }
}

#[test]
fn a_quote_and_its_log_are_read_and_judged() {
    let public = PublicSpec {
        kind: None,
        name_alg: 0x000b,
        attributes: vtpm::Attributes::AK,
        auth_policy: Vec::new(),
        aes: None,
        scheme: Some((ECDSA, 0x000b)),
        numbers: Numbers::Ecc { curve: 3, x: vec![1; 32], y: vec![2; 32] },
    }
    .build();
    let name = vtpm::Name::from_bytes(&[&[0, 0x0b], [0; 32].as_slice()].concat()).unwrap();
    let attest = AttestSpec::quote(name.as_bytes(), &[7; 32], (0x000b, [0x81, 0, 0]), &[0; 32]).build();
    let log = LogWriter::agile(&Header::new(&[(0x000b, 32)]))
        .event(0, 8, &[(0x000b, &[0; 32])], b"version")
        .event(7, 4, &[(0x000b, &[0; 32])], &[0; 4])
        .into_bytes();
    let signature = [&[0, 0x18, 0, 0x0b], sized(&[3; 32]).as_slice(), &sized(&[4; 32])].concat();
    let values = [0, 7].map(|index| (0x000b, index, vec![0; 32])).to_vec();
    let quote = QuoteSpec { attest, signature, values };
    let bytes = evidence(&[quote], &AkSpec::Public(public), &log);

    let mut anchors = TrustAnchors::pinned();
    anchors.vtpm.add_key(vtpm::TrustedAk::pinned(name));
    let context = Context::new(&BELIEVER, &anchors, at(0), Expect::Nonce(Nonce::new(&[7; 32]).unwrap()));
    let detected = Verifier::new().detect(&bytes).unwrap();
    let verified = Verifier::new().verify(&detected, &Store::new(), &context).unwrap();
    let policy = vtpm::Policy::strict(OneOf::only(Root::Caller), Registers::Any);
    let verdict = Policy::for_vtpm(policy).judge(verified);
    assert!(verdict.is_accepted(), "{}", explain::verdict(&verdict, Style::Plain, Detail::Full));
    for len in (0..bytes.len()).step_by(if cfg!(miri) { 61 } else { 1 }) {
        let Ok(evidence) = Verifier::new().detect(&bytes[..len]) else { continue };
        assert!(Verifier::new().verify(&evidence, &Store::new(), &context).is_err(), "{len}");
    }
}
