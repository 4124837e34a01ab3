//! Nitro documents under the test PKI: those that hold, and for each check of verification documents that break it and nothing
//! else, so that without the check they would be believed.

mod chain;
mod document;

use std::sync::LazyLock;
use std::time::Duration;

use attest_core::checks::Outcome;
use attest_core::claims::Root;
use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_core::error::Refused;
use attest_core::tee::nitro::{Anchors, Claims, Document, Expectation, Expected, Kind, checks};
use attest_core::{UnixTime, Verified};
use vectors_generate::cbor_out::{bytes, text, uint};
use vectors_generate::nitro::{self, Chain, DocumentSpec, MADE, NONCE, register};
use vectors_generate::time;

pub(crate) const ANY: Expectation<'_> = Expectation::new(Expected::Any, Expected::Any, Expected::Any);

pub(crate) const KIND: nitro::Kind = nitro::Kind::NitroTpm;

pub(crate) fn chain() -> Chain {
    Chain::new(KIND.module_id())
}

pub(crate) fn spec() -> DocumentSpec {
    DocumentSpec::new(KIND, &chain())
}

pub(crate) fn anchors(root: &[u8]) -> Anchors {
    let mut anchors = Anchors::none();
    anchors.add_root(root).expect("a root");
    anchors
}

pub(crate) fn verify_at(
    document: &[u8],
    root: &[u8],
    at: &str,
    expectation: Expectation<'_>,
) -> Result<Verified<Claims>, Box<Refused>> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(time::unix(at)));
    let document = Document::parse(document).map_err(|error| Box::new(error.into()))?;
    document.verify(&anchors(root), &PROVIDER, now, expectation).map_err(Box::new)
}

pub(crate) fn verify(document: &[u8]) -> Result<Verified<Claims>, Box<Refused>> {
    static ROOT: LazyLock<Vec<u8>> = LazyLock::new(|| chain().root());
    verify_at(document, &ROOT, MADE, ANY)
}

/// The ids of the checks that failed; one of shape alone if it is not a document.
pub(crate) fn failed(result: Result<Verified<Claims>, Box<Refused>>) -> Vec<&'static str> {
    let refused = result.expect_err("a document that must not be believed");
    let failed = refused.checks.iter().filter(|entry| entry.outcome == Outcome::Failed);
    let failed: Vec<_> = failed.map(|entry| entry.check.id).collect();
    if failed.is_empty() { vec![refused.error.check_id().expect("an id")] } else { failed }
}

#[test]
fn genuine_documents_are_believed() {
    for (kind, ours) in [(nitro::Kind::Enclave, Kind::Enclave), (nitro::Kind::NitroTpm, Kind::NitroTpm)] {
        let chain = Chain::new(kind.module_id());
        let spec = DocumentSpec::new(kind, &chain);
        for spec in [
            spec.clone(),
            spec.clone().with(|spec| spec.tag = Some(18)),
            spec.clone().with(|spec| spec.indefinite = !spec.indefinite),
            spec.clone().with(|spec| spec.fields.reverse()),
        ] {
            let expectation =
                Expectation::new(Expected::Exactly(&NONCE), Expected::Absent, Expected::Exactly(b"a key"));
            let verified = verify_at(&spec.build(), &chain.root(), MADE, expectation).expect("a document");
            let claims = verified.claims();
            assert_eq!((claims.kind(), claims.module_id().as_str()), (ours, kind.module_id()));
            assert_eq!((claims.region(), claims.root()), ("eu-test-1", Root::Caller));
            assert_eq!((claims.timestamp(), claims.age()), (time::unix(MADE) * 1_000 + 437, 0));
            assert!(claims.fresh() && !claims.debug_mode());
            assert!(claims.pcrs().iter().all(|(index, value)| *value == register(index)));
            assert_eq!(verified.checks().len(), checks::verify::ALL.len(), "every check has a line");
            let order: Vec<_> = verified.checks().iter().map(|entry| entry.check.id).collect();
            let declared: Vec<_> = checks::verify::ALL.iter().map(|check| check.id).collect();
            assert_eq!(order, declared);
        }
    }
}

#[test]
fn no_anchor_believes_nothing() {
    let document = spec().build();
    let document = Document::parse(&document).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(time::unix(MADE)));
    let refused = document.verify(&Anchors::none(), &PROVIDER, now, ANY).expect_err("no anchor");
    assert_eq!(refused.error.check_id(), Some("nitro.chain.issuer"));
}

#[test]
fn an_anchor_is_a_root_on_p384() {
    let mut anchors = Anchors::none();
    let region = chain().bundle().swap_remove(1);
    let leaf = chain().leaf.build();
    let selfish = chain().with(4, |root| root.without(vectors_generate::oid::BASIC_CONSTRAINTS)).root();
    let p256 = vectors_generate::keys::P256_SPKI.clone();
    let other = chain().with(4, |root| root.with(|root| root.spki = p256)).root();
    for (why, der) in [
        ("an intermediate", &region[..]),
        ("a leaf", &leaf),
        ("no authority", &selfish),
        ("another curve", &other),
        ("no certificate", &[]),
    ] {
        assert!(anchors.add_root(der).is_err(), "{why}");
    }
}

/// Debug mode is what an enclave's first three registers say, and nothing else.
#[test]
fn debug_mode_is_seen() {
    let kind = nitro::Kind::Enclave;
    let chain = Chain::new(kind.module_id());
    let debug = |zero: &[u8], left_out: &[u8]| {
        let listed = (0..16).filter(|index| !left_out.contains(index));
        let entries: Vec<_> = listed
            .map(|index| (index, if zero.contains(&index) { [0; 48] } else { register(index) }))
            .collect();
        let spec = DocumentSpec::new(kind, &chain).field("pcrs", nitro::pcrs(&entries));
        verify_at(&spec.build(), &chain.root(), MADE, ANY).expect("a document").claims().debug_mode()
    };
    assert!(debug(&[0, 1, 2], &[]) && debug(&[0], &[]) && debug(&[2], &[]) && debug(&[], &[1]));
    assert!(!debug(&[], &[]) && !debug(&[3, 4, 8], &[5]));
    let entries: Vec<_> = (0..24).map(|index| (index, [0; 48])).collect();
    let tpm = spec().field("nitrotpm_pcrs", nitro::pcrs(&entries)).build();
    assert!(!verify(&tpm).expect("a document").claims().debug_mode(), "an instance has no such mode");
}

#[test]
fn fields_that_are_not_known_are_counted() {
    let document = spec().field("new", bytes(b"?")).field("newer", text("?")).build();
    assert_eq!(verify(&document).expect("a document").claims().unknown_fields(), 2);
    let numbered = spec().with(|spec| spec.fields.push((uint(1), uint(1)))).build();
    assert_eq!(verify(&numbered).expect("a document").claims().unknown_fields(), 1);
}
