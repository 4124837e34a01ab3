//! Tests of the Nitro line that need its insides: names, the size of the record, and what each rule of shape is worth.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::policy::Registers;
use super::{Anchors, Document, Expectation, Expected, Kind, MAX_DOCUMENT, ModuleId, Policy, checks};
use crate::cbor::Encoder;
use crate::checks::CAPACITY;
use crate::checks::removal::without;
use crate::claims::Root;
use crate::collateral::Store;
use crate::context::{Context, Expect};
use crate::crypto::{BUILT_IN, HashAlgorithm};
use crate::error::Error;
use crate::evidence::{Evidence, Format};
use crate::rules::{Limit, OneOf, Unusual};
use crate::tee::testing;
use crate::verifier::Verifier;
use rustls_pki_types::UnixTime;
use vectors::set::Set;

#[test]
fn a_record_has_room_for_every_check() {
    assert!(checks::verify::ALL.len() + checks::policy::ALL.len() <= CAPACITY);
    for (index, check) in checks::policy::PCRS.iter().enumerate() {
        assert_eq!(check.id.rsplit('-').next(), Some(&*index.to_string()));
    }
}

#[test]
fn module_ids_have_one_form() {
    let id = ModuleId::parse("i-01cfb383223e42522-tpm0000000000000000").unwrap();
    assert_eq!((id.kind(), id.instance()), (Kind::NitroTpm, "i-01cfb383223e42522"));
    let id = ModuleId::parse("i-0827e799ec9232d44-enc019b55a68bd2ed4b").unwrap();
    assert_eq!((id.kind(), id.instance()), (Kind::Enclave, "i-0827e799ec9232d44"));
    for bad in [
        "",
        "i-",
        "i-01cfb383223e42522",
        "01cfb383223e42522-tpm0000000000000000",
        "i--tpm0000000000000000",
        "i-01cfb383223e42522-tpm000000000000000",
        "i-01cfb383223e42522-tpm00000000000000000",
        "i-01cfb383223e42522-tpm000000000000000g",
        "i-01cfb383223e42522-tpm000000000000000A",
        "i-01CFB383223e42522-tpm0000000000000000",
        "i-01cfb383223e42522-vtm0000000000000000",
        "i-01cfb383-enc0000000000000000-tpm0000000000000000",
        "i-01cfb383223e42522-tpm0000000000000000 ",
        "i-0123456789012345678901234567890123456789012345-tpm0000000000000000",
    ] {
        assert!(ModuleId::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn names_are_stable() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(*kind));
    }
}

/// A document of the right shape under no signature, field by field as encoded.
struct Draft {
    protected: Vec<u8>,
    unprotected: Vec<u8>,
    signature: usize,
    fields: Vec<(&'static str, Vec<u8>)>,
}

fn encoded(write: impl for<'a, 'b> FnOnce(&'a mut Encoder<'b>) -> &'a mut Encoder<'b>) -> Vec<u8> {
    let mut encoder = Encoder::default();
    write(&mut encoder);
    encoder.into_bytes()
}

fn text(text: &str) -> Vec<u8> {
    encoded(|e| e.text(text))
}

fn bytes(len: usize) -> Vec<u8> {
    encoded(|e| e.bytes(&alloc::vec![7; len]))
}

fn uint(value: u64) -> Vec<u8> {
    encoded(|e| e.uint(value))
}

fn pcrs(entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    let entries: Vec<_> = entries.into_iter().collect();
    let head = encoded(|e| e.map(entries.len()));
    entries.into_iter().fold(head, |out, (index, value)| [out, index, value].concat())
}

fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [encoded(|e| e.array(items.len())), items.concat()].concat()
}

impl Draft {
    fn new() -> Self {
        Self {
            protected: b"\xa1\x01\x38\x22".to_vec(),
            unprotected: b"\xa0".to_vec(),
            signature: 96,
            fields: Vec::from([
                ("module_id", text("i-01cfb383223e42522-tpm0000000000000000")),
                ("digest", text("SHA384")),
                ("timestamp", uint(1)),
                ("nitrotpm_pcrs", pcrs([(uint(0), bytes(48)), (uint(31), bytes(48))])),
                ("certificate", bytes(1024)),
                ("cabundle", array(&alloc::vec![bytes(1); 7])),
                ("public_key", bytes(1024)),
                ("user_data", bytes(0)),
                ("nonce", b"\xf6".to_vec()),
            ]),
        }
    }

    fn with(mut self, name: &'static str, value: Vec<u8>) -> Self {
        match self.fields.iter_mut().find(|(field, _)| *field == name) {
            Some((_, field)) => *field = value,
            None => self.fields.push((name, value)),
        }
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| *field != name);
        self
    }

    fn build(&self) -> Vec<u8> {
        let head = encoded(|e| e.map(self.fields.len()));
        let fields = self.fields.iter().map(|(name, value)| [text(name), value.clone()].concat());
        let payload = [head, fields.collect::<Vec<_>>().concat()].concat();
        let wrap = |content: &[u8]| encoded(|e| e.bytes(content));
        let parts = [&wrap(&self.protected), &self.unprotected, &wrap(&payload), &bytes(self.signature)];
        [b"\x84".to_vec(), parts.map(Vec::clone).concat()].concat()
    }
}

#[test]
fn a_document_of_the_right_shape_is_read() {
    let whole = Draft::new().build();
    let document = Document::parse(&whole).unwrap();
    assert_eq!((document.kind(), document.timestamp()), (Kind::NitroTpm, 1));
    assert_eq!((document.certificate().len(), document.cabundle().len()), (1024, 7));
    assert_eq!(document.public_key().map(<[u8]>::len), Some(1024));
    assert_eq!((document.user_data(), document.nonce()), (Some(&[][..]), None));
    assert!(document.pcrs().value(31).is_some() && document.pcrs().value(1).is_none());
    // Left out is the same as null, and what is not known is counted.
    let bare = Draft::new().without("nonce").without("public_key").with("new", array(&[uint(1)])).build();
    let document = Document::parse(&bare).unwrap();
    assert_eq!((document.nonce(), document.public_key(), document.unknown_fields()), (None, None, 1));
    let huge = alloc::vec![0; MAX_DOCUMENT + 1];
    assert_eq!(Document::parse(&huge).unwrap_err().check_id(), "form.budget");
    for len in 0..whole.len() {
        let error = Document::parse(&whole[..len]).unwrap_err();
        assert_eq!(error.check_id(), "form.length", "cut to {len}");
    }
}

/// Each document breaks one rule: it is refused by that rule, and would be read if the rule were not there.
#[test]
fn each_rule_of_shape_is_what_refuses() {
    let many = |count: u64| pcrs((0..count).map(|index| (uint(index), bytes(48))));
    let enclave = || Draft::new().without("nitrotpm_pcrs");
    let header = |protected: &[u8]| Draft { protected: protected.to_vec(), ..Draft::new() };
    let one = |index, value| Draft::new().with("nitrotpm_pcrs", pcrs([(index, value)]));
    for (check, draft) in [
        (&checks::wire::ALGORITHM, header(b"\xa1\x01\x26")),
        (&checks::wire::ALGORITHM, header(b"\xa1\x01\x38\x23")),
        (&checks::wire::ALGORITHM, header(b"\xa1\x01\x18\x22")),
        (&checks::wire::ALGORITHM, header(b"\xa0")),
        (&checks::wire::ALGORITHM, header(b"")),
        (&checks::wire::PROTECTED, header(b"\xa2\x01\x38\x22\x02\x81\x04")),
        (&checks::wire::PROTECTED, header(b"\xa2\x01\x38\x22\x04\x41k")),
        (&checks::wire::PROTECTED, header(b"\xa2\x01\x38\x22\x61a\x00")),
        (&checks::wire::UNPROTECTED, Draft { unprotected: b"\xa1\x04\x41k".to_vec(), ..Draft::new() }),
        (&checks::wire::UNPROTECTED, Draft { unprotected: b"\xa1\x20\x00".to_vec(), ..Draft::new() }),
        (&checks::wire::SIGNATURE_LENGTH, Draft { signature: 95, ..Draft::new() }),
        (&checks::wire::SIGNATURE_LENGTH, Draft { signature: 97, ..Draft::new() }),
        (&checks::wire::SIGNATURE_LENGTH, Draft { signature: 0, ..Draft::new() }),
        (&checks::wire::DIGEST, Draft::new().with("digest", text("SHA256"))),
        (&checks::wire::DIGEST, Draft::new().with("digest", text("sha384"))),
        (&checks::wire::DIGEST, Draft::new().with("digest", text(""))),
        (&checks::wire::TIMESTAMP, Draft::new().with("timestamp", uint(0))),
        (&checks::wire::KIND, enclave().with("pcrs", many(16))),
        (
            &checks::wire::KIND,
            Draft::new().with("module_id", text("i-01cfb383223e42522-enc0000000000000000")),
        ),
        (&checks::wire::PCR_COUNT, Draft::new().with("nitrotpm_pcrs", many(0))),
        (&checks::wire::PCR_INDEX, one(uint(32), bytes(48))),
        (&checks::wire::PCR_INDEX, one(uint(u64::MAX), bytes(48))),
        (&checks::wire::PCR_INDEX, one(b"\x20".to_vec(), bytes(48))),
        (&checks::wire::PCR_INDEX, one(text("0"), bytes(48))),
        (&checks::wire::PCR_INDEX, one(bytes(1), bytes(48))),
        (&checks::wire::PCR_LENGTH, one(uint(0), bytes(32))),
        (&checks::wire::PCR_LENGTH, one(uint(0), bytes(64))),
        (&checks::wire::PCR_LENGTH, one(uint(0), bytes(47))),
        (&checks::wire::PCR_LENGTH, one(uint(0), bytes(0))),
        (&checks::wire::CERTIFICATE, Draft::new().with("certificate", bytes(0))),
        (&checks::wire::CERTIFICATE, Draft::new().with("certificate", bytes(1025))),
        (&checks::wire::CERTIFICATE, Draft::new().with("cabundle", array(&[bytes(1), bytes(0)]))),
        (&checks::wire::CERTIFICATE, Draft::new().with("cabundle", array(&[bytes(1025)]))),
        (&checks::wire::CABUNDLE, Draft::new().with("cabundle", array(&[]))),
        (&checks::wire::CABUNDLE, Draft::new().with("cabundle", array(&alloc::vec![bytes(1); 8]))),
        (&checks::wire::OPTIONAL, Draft::new().with("public_key", bytes(1025))),
        (&checks::wire::OPTIONAL, Draft::new().with("user_data", bytes(1025))),
        (&checks::wire::OPTIONAL, Draft::new().with("nonce", bytes(1025))),
    ] {
        let document = draft.build();
        let error = Document::parse(&document).expect_err(check.id);
        assert_eq!(error.check_id(), check.id, "{error}");
        let outcome = without(check.id, || Document::parse(&document).map(drop));
        assert_eq!(outcome, Ok(()), "{}", check.id);
    }
    // One index cannot stand for 33 registers, so this one would be refused for another reason.
    let error = Document::parse(&Draft::new().with("nitrotpm_pcrs", many(33)).build()).expect_err("33");
    assert_eq!(error.check_id(), checks::wire::PCR_INDEX.id);
    for id in ["", "i-1", "i-01cfb383223e42522-tpm0", "i-01cfb383223e42522-TPM0000000000000000"] {
        let error = Document::parse(&Draft::new().with("module_id", text(id)).build()).expect_err(id);
        assert_eq!(error.check_id(), checks::wire::MODULE_ID.id, "{id}");
    }
    for field in ["module_id", "digest", "timestamp", "nitrotpm_pcrs", "certificate", "cabundle"] {
        let error = Document::parse(&Draft::new().without(field).build()).expect_err(field);
        assert_eq!((error.check_id(), error.offset > 0), (checks::wire::FIELDS.id, true), "{field}");
    }
}

/// Another type than the field's, for every field.
#[test]
fn every_field_has_one_type() {
    for field in Draft::new().fields.into_iter().map(|(name, _)| name) {
        let taken = |value: &[u8]| Document::parse(&Draft::new().with(field, value.to_vec()).build()).is_ok();
        for other in
            [&b"\xf6"[..], b"\xf5", b"\x20", b"\x00", b"\x60", b"\x40", b"\x80", b"\xa0", b"\xc0\x40"]
        {
            let may_be = match field {
                "public_key" | "user_data" | "nonce" => matches!(other, b"\xf6" | b"\x40"),
                _ => false,
            };
            assert_eq!(taken(other), may_be, "{field} {other:02x?}");
        }
    }
}

/// Genuine documents of the set, of an enclave and of an instance.
fn genuine(set: &Set) -> [Vec<u8>; 2] {
    ["nitro.document.signature/good-enclave", "nitro.document.signature/good-nitrotpm"].map(|id| {
        let case = set.manifest.cases.iter().find(|case| case.id == id).unwrap();
        set.blob(&case.evidence).unwrap()
    })
}

/// 2026-01-01 00:00:03 UTC, when the set's documents were made.
fn made() -> UnixTime {
    UnixTime::since_unix_epoch(core::time::Duration::from_secs(1_767_225_603))
}

/// Verifies with each provider: the answer is the same.
fn verify(document: &[u8], anchors: &Anchors, expectation: Expectation<'_>) -> Option<&'static str> {
    let document = Document::parse(document).unwrap();
    let mut answers = BUILT_IN.iter().map(|provider| {
        let refused = document.verify(anchors, provider, made(), expectation).err();
        refused.map(|refused| refused.error.check_id().unwrap())
    });
    let first = answers.next().unwrap();
    assert!(answers.all(|answer| answer == first));
    first
}

/// What a document is held against is what refuses: without the check it would be believed.
#[test]
fn each_comparison_is_what_refuses() {
    const ANY: Expected<'_> = Expected::Any;
    let set = Set::nitro().unwrap();
    let anchors = testing::anchors_of(&set).nitro;
    for good in genuine(&set) {
        let mut turned = good.clone();
        *turned.last_mut().unwrap() ^= 1;
        let wrong = Expected::Exactly(b"another");
        for (check, document, expectation) in [
            (&checks::verify::SIGNATURE, &turned, Expectation::new(ANY, ANY, ANY)),
            (&checks::verify::NONCE, &good, Expectation::new(wrong, ANY, ANY)),
            (&checks::verify::NONCE, &good, Expectation::new(Expected::Absent, ANY, ANY)),
            (&checks::verify::USER_DATA, &good, Expectation::new(ANY, wrong, ANY)),
            (&checks::verify::PUBLIC_KEY, &good, Expectation::new(ANY, ANY, wrong)),
            (&checks::verify::PUBLIC_KEY, &good, Expectation::new(ANY, ANY, Expected::Absent)),
        ] {
            assert_eq!(verify(document, &anchors, expectation), Some(check.id));
            assert_eq!(without(check.id, || verify(document, &anchors, expectation)), None, "{}", check.id);
        }
        let all =
            Expectation::new(Expected::Exactly(&[0x5a; 64]), Expected::Absent, Expected::Exactly(b"a key"));
        assert_eq!(verify(&good, &anchors, all), None);
    }
}

#[test]
fn every_case_comes_out_as_written() {
    testing::every_case_comes_out_as_written(&Set::nitro().unwrap());
}

#[test]
fn a_finding_shows_two_sides_that_differ() {
    testing::a_finding_shows_two_sides_that_differ(&Set::nitro().unwrap());
}

#[test]
fn a_verdict_names_every_check_once() {
    testing::a_verdict_names_every_check_once(
        &Set::nitro().unwrap(),
        &[checks::verify::ALL, checks::policy::ALL],
    );
}

/// A caller of any TEE expects a nonce and no more; [`each_comparison_is_what_refuses`] takes the other two away.
#[test]
fn every_check_is_missed() {
    let beyond = [&checks::verify::USER_DATA, &checks::verify::PUBLIC_KEY];
    let verify: Vec<_> =
        checks::verify::ALL.iter().copied().filter(|check| !beyond.contains(check)).collect();
    testing::every_check_is_missed(
        &Set::nitro().unwrap(),
        &[checks::wire::ALL, &verify, checks::policy::ALL],
    );
}

/// What a policy refuses unless somebody says otherwise.
#[test]
fn the_strict_policy_refuses_what_it_says() {
    let strict = Policy::strict(Kind::Enclave, Registers::Any);
    assert_eq!((strict.kinds, strict.pcrs), (OneOf::only(Kind::Enclave), Registers::Any));
    assert_eq!(strict.roots, OneOf::only(Root::CloudHypervisor));
    assert_eq!([strict.stale_evidence, strict.debug_mode, strict.unknown_fields], [Unusual::Refuse; 3]);
    assert_eq!(strict.max_age_seconds, Limit::To(300));
}

/// A root that is known by its fingerprint is as good as its certificate, and no other certificate is.
#[test]
fn a_fingerprint_is_enough() {
    let set = Set::nitro().unwrap();
    let root = set.blob(&set.manifest.roots[0].file).unwrap();
    let digest = testing::provider().digest(HashAlgorithm::Sha256, &[&root]).unwrap();
    let any = Expectation::new(Expected::Any, Expected::Any, Expected::Any);
    for good in genuine(&set) {
        let mut anchors = Anchors::none();
        assert_eq!(verify(&good, &anchors, any), Some(checks::verify::CHAIN_ISSUER.id));
        anchors.add_root_sha256([0; 32]);
        assert_eq!(verify(&good, &anchors, any), Some(checks::verify::CHAIN_ISSUER.id));
        assert_eq!(verify(&good, &Anchors::aws(), any), Some(checks::verify::CHAIN_ISSUER.id));
        anchors.add_root_sha256(digest.as_bytes().try_into().unwrap());
        assert_eq!(verify(&good, &anchors, any), None);
        // Whose root it is does not depend on how it was named.
        let document = Document::parse(&good).unwrap();
        let verified = document.verify(&anchors, testing::provider(), made(), any).unwrap();
        assert_eq!(verified.claims().root(), Root::Caller);
    }
    // A fingerprint of what is no root names nobody.
    let [good, _] = genuine(&set);
    let document = Document::parse(&good).unwrap();
    let region = document.cabundle()[1];
    let digest = testing::provider().digest(HashAlgorithm::Sha256, &[region]).unwrap();
    let mut anchors = Anchors::none();
    anchors.add_root_sha256(digest.as_bytes().try_into().unwrap());
    assert_eq!(verify(&good, &anchors, any), Some(checks::verify::CHAIN_ISSUER.id));
    let refused = anchors.roots(&[region], testing::provider()).unwrap_err();
    assert!(matches!(refused, Error::Malformed(_)), "{refused}");
}

/// A chain that a store remembers is believed for as long as it is valid, and for callers who trust its root; the record is the same.
#[test]
fn a_warm_store_says_the_same() {
    let set = Set::nitro().unwrap();
    let (trusting, nobody) = (testing::anchors_of(&set), testing::nobody());
    let [good, other] = genuine(&set).map(|bytes| Evidence::new(Format::Nitro, bytes));
    let at = |seconds| UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds));
    let ask = |store: &Store, evidence: &Evidence, anchors, now| {
        let context = Context::new(testing::provider(), anchors, now, Expect::AnyReportData);
        let answer = Verifier::new().verify(evidence, store, &context);
        answer.map(|verified| verified.checks().clone()).map_err(|refused| refused.checks)
    };
    let mut store = Store::new();
    let context = Context::new(testing::provider(), &trusting, made(), Expect::AnyReportData);
    Verifier::new().warm(&good, &mut store, &context).unwrap();
    Verifier::new().warm(&good, &mut store, &context).unwrap();
    assert_eq!(store.proofs::<super::Endorsement>().count(), 1);
    // The chain's hours are those of the instance's and the leaf's certificates.
    let (first, last) = (1_767_225_600, 1_767_236_403);
    for evidence in [&good, &other] {
        for now in [0, first - 1, first, last, last + 1, u64::MAX].map(at) {
            for anchors in [&trusting, &nobody] {
                let (cold, warm) =
                    (ask(&Store::new(), evidence, anchors, now), ask(&store, evidence, anchors, now));
                assert_eq!(format!("{cold:?}"), format!("{warm:?}"));
                let inside = (first..=last).contains(&now.as_secs());
                assert_eq!(warm.is_ok(), inside && core::ptr::eq(anchors, &trusting), "{}", now.as_secs());
            }
        }
    }
    // Under a chain that is remembered the document's own signature still counts.
    let mut turned = good.clone();
    *turned.bytes.last_mut().unwrap() ^= 1;
    assert!(ask(&store, &turned, &trusting, made()).is_err());
    // What is refused is not remembered.
    let reversed = set.manifest.cases.iter().find(|case| case.id == "nitro.chain.order/reversed").unwrap();
    let reversed = Evidence::new(Format::Nitro, set.blob(&reversed.evidence).unwrap());
    let mut store = Store::new();
    let refused = Verifier::new().warm(&reversed, &mut store, &context).unwrap_err();
    assert_eq!(refused.error.check_id(), Some(checks::verify::CHAIN_ORDER.id));
    assert_eq!(store.proofs::<super::Endorsement>().count(), 0);
}

/// Raw documents are told from everything else by how they begin, and what they lack is then said.
#[test]
fn documents_are_detected() {
    let set = Set::nitro().unwrap();
    let store = Store::new();
    for good in genuine(&set) {
        for document in [good.clone(), [&[0xd2], &good[..]].concat()] {
            let evidence = Verifier::new().detect(&document).unwrap();
            assert_eq!((evidence.format, &evidence.bytes), (Format::Nitro, &document));
            assert!(Verifier::new().needs(&evidence, &store, made()).unwrap().is_empty());
            assert_eq!(Evidence::from_envelope(&evidence.to_envelope()).unwrap(), evidence);
        }
        let cut = Verifier::new().detect(&good[..200]).unwrap();
        assert!(matches!(Verifier::new().needs(&cut, &store, made()), Err(Error::Malformed(_))));
        for stranger in [&good[1..], &[&[0xd1], &good[..]].concat(), &good[..16], b"\x84module_id", b""] {
            assert!(Verifier::new().detect(stranger).is_err(), "{stranger:02x?}");
        }
    }
}

/// Files refuse a list of no register and a register that no document has; a caller of the library is refused as well.
#[test]
fn a_list_of_no_register_accepts_nothing() {
    let set = Set::nitro().unwrap();
    let anchors = testing::anchors_of(&set).nitro;
    let any = Expectation::new(Expected::Any, Expected::Any, Expected::Any);
    let [good, _] = genuine(&set);
    let document = Document::parse(&good).unwrap();
    let verified = document.verify(&anchors, testing::provider(), made(), any).unwrap();
    for listed in [[].into(), [(32, OneOf::Any)].into()] {
        let mut policy = Policy::dangerously_any();
        policy.pcrs = Registers::Listed(listed);
        let mut judged = crate::checks::Checks::new();
        policy.judge(verified.claims(), &mut judged);
        let failed = judged.iter().filter(|entry| entry.outcome == crate::checks::Outcome::Failed);
        assert_eq!(failed.count(), checks::policy::PCRS.len());
    }
    #[cfg(feature = "json")]
    {
        let text = serde_json::to_string(&Policy::strict(Kind::Enclave, Registers::Any)).unwrap();
        assert!(serde_json::from_str::<Policy>(&text).is_ok());
        assert!(serde_json::from_str::<Policy>(&text.replace("\"pcrs\":\"any\"", "\"pcrs\":{}")).is_err());
    }
}
