//! A signed quote stands for nothing but itself: turn any bit of it, of its signature, its values or its key, cut it or add to it,
//! and it is refused. Over every quote of the generated set that verifies, with the arithmetic of a real provider.

use std::collections::BTreeSet;
use std::time::Duration;

use attest_core::crypto::{BUILT_IN, CryptoProvider, HashAlgorithm};
use attest_core::tee::snp;
use attest_core::tee::vtpm::{AttestationKey, Public, TpmEvidence, TrustedAk};
use attest_core::values::Nonce;
use attest_core::{
    Context, Error, Evidence, Expect, Format, Refused, Store, TrustAnchors, UnixTime, Verifier,
};
use vectors::set::{Case, Set};
use vectors::unhex;

/// Evidence without a log and without certificates, so that every byte of it is signed, is a key, or holds both together. Its own
/// key is the only one that is trusted: the set has keys that differ in one bit.
struct Quoted {
    id: String,
    bytes: Vec<u8>,
    anchors: TrustAnchors,
    expect: Expect,
}

fn provider() -> &'static CryptoProvider {
    BUILT_IN.first().expect("a provider")
}

/// All that verify.
fn quotes() -> Vec<Quoted> {
    let set = Set::vtpm().expect("the generated set");
    let mut seen = BTreeSet::new();
    let cases = set.manifest.cases.iter().filter(|case| case.exit == 0 && case.store.is_empty());
    let quotes = cases.filter(|case| seen.insert(case.evidence.clone())).filter_map(|case| {
        let bytes = set.blob(&case.evidence).expect("a blob");
        let parsed = TpmEvidence::parse(&bytes).ok().filter(|parsed| parsed.event_log.is_empty())?;
        let key = match &parsed.ak {
            AttestationKey::Public(public) => {
                let public = Public::parse(public).expect("a public area");
                TrustedAk::pinned(public.name(provider()).expect("a hash"))
            }
            AttestationKey::Spki(spki) => {
                let digest = provider().digest(HashAlgorithm::Sha256, &[spki]).expect("a hash");
                TrustedAk::pinned_spki(digest.as_bytes().try_into().expect("32 bytes"))
            }
        };
        let mut anchors = TrustAnchors::new(snp::Anchors::none());
        anchors.vtpm.add_key(key);
        Some(Quoted { id: case.id.clone(), bytes, anchors, expect: expect(case) })
    });
    quotes.collect()
}

fn expect(case: &Case) -> Expect {
    let nonce = case.report_data.as_ref().map(|hex| unhex(hex).expect("hexadecimal"));
    nonce.map_or(Expect::AnyReportData, |nonce| Expect::Nonce(Nonce::new(&nonce).expect("a nonce")))
}

impl Quoted {
    fn verify(&self, bytes: &[u8]) -> Result<(), Box<Refused>> {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
        let context = Context::new(provider(), &self.anchors, now, self.expect);
        let evidence = Evidence::new(Format::Vtpm, bytes.to_vec());
        Verifier::new().verify(&evidence, &Store::new(), &context).map(drop).map_err(Box::new)
    }

    /// Refused, by a check that has a name.
    fn refuses(&self, bytes: &[u8], what: &str) {
        let refused = self.verify(bytes).expect_err(&format!("{}: {what}", self.id));
        let named = refused.error.check_id().is_some_and(|id| !id.is_empty())
            // A curve or a bank that nobody has is named by its number.
            || matches!(refused.error, Error::Unsupported(_));
        assert!(named, "{}: {what}: {refused}", self.id);
    }
}

#[test]
fn no_turned_bit_verifies() {
    // One of each kind of key: the positive case of the first check.
    let quotes = quotes();
    let one_of_each = || quotes.iter().filter(|quoted| quoted.id.starts_with("vtpm.wire.magic/"));
    assert_eq!(one_of_each().count(), 5);
    for quoted in one_of_each() {
        quoted.verify(&quoted.bytes).expect("the quote as it is");
        let mut turned = quoted.bytes.clone();
        for bit in 0..turned.len() * 8 {
            turned[bit / 8] ^= 1 << (bit % 8);
            quoted.refuses(&turned, &format!("bit {bit}"));
            turned[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(turned, quoted.bytes);
    }
}

#[test]
fn no_turned_byte_of_any_quote_verifies() {
    let quotes = quotes();
    assert!(quotes.len() > 30, "{}", quotes.len());
    for quoted in &quotes {
        quoted.verify(&quoted.bytes).expect("the quote as it is");
        let mut turned = quoted.bytes.clone();
        for at in 0..turned.len() {
            turned[at] ^= 1 << (at % 8);
            quoted.refuses(&turned, &format!("byte {at}"));
            turned[at] ^= 1 << (at % 8);
        }
    }
}

#[test]
fn no_other_length_verifies() {
    for quoted in &quotes() {
        for len in 0..quoted.bytes.len() {
            quoted.refuses(&quoted.bytes[..len], &format!("{len} bytes"));
        }
        for octet in [0, 0xff] {
            quoted.refuses(&[quoted.bytes.as_slice(), &[octet]].concat(), "a byte more");
        }
    }
}

/// The same inside an envelope that is whole: each part is cut or grown, and the map written anew.
#[test]
fn no_part_of_another_length_verifies() {
    type Part = fn(&mut TpmEvidence) -> &mut Vec<u8>;
    let parts: [(&str, Part); 4] = [
        ("attest", |evidence| &mut evidence.quotes[0].attest),
        ("signature", |evidence| &mut evidence.quotes[0].signature),
        ("value", |evidence| &mut evidence.quotes[0].pcrs[0].value),
        ("key", |evidence| match &mut evidence.ak {
            AttestationKey::Public(key) | AttestationKey::Spki(key) => key,
        }),
    ];
    for quoted in &quotes() {
        let whole = TpmEvidence::parse(&quoted.bytes).expect("it parses");
        for (name, part) in parts {
            let mut changed = whole.clone();
            let content = part(&mut changed).clone();
            let cut = (0..content.len()).map(|len| content[..len].to_vec());
            let grown = [[content.as_slice(), &[0]].concat(), [&[0], content.as_slice()].concat()];
            for other in cut.chain(grown) {
                let len = other.len();
                *part(&mut changed) = other;
                quoted.refuses(&changed.to_bytes(), &format!("{name} of {len} bytes"));
            }
        }
    }
}
