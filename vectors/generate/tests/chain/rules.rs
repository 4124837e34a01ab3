//! One rule a test, broken at every height where it can be.

use attest_core::crypto::aws_lc_rs::PROVIDER;
use attest_core::crypto::{CryptoProvider, SignatureAlgorithm};
use attest_core::error::Unsupported;
use attest_core::x509::chain::{Anchor, ChainError, Rule, Rules};
use attest_core::x509::id;
use vectors_generate::der_out::{bits, context, null, oid, printable, seq, uint, uint_bytes};
use vectors_generate::pki::{common_name, name};
use vectors_generate::{CertSpec, Ext, Hash, Scheme, keys, oid as ext, time};

use crate::pki::{CA_A, CA_B, LEAF, ROOT, Spec, at, broken, fault, find, find_by, hold, leaf, parse};

fn b() -> Spec {
    Spec::ca(CA_B, CA_A)
}

fn a() -> Spec {
    Spec::ca(CA_A, ROOT)
}

fn root() -> Spec {
    Spec::ca(ROOT, ROOT)
}

/// The same change on each of the four, one at a time.
fn each(change: impl Fn(Spec) -> Spec) -> [(Rule, usize); 4] {
    [
        broken(&change(leaf()), &b(), &a(), &root()),
        broken(&leaf(), &change(b()), &a(), &root()),
        broken(&leaf(), &b(), &change(a()), &root()),
        broken(&leaf(), &b(), &a(), &change(root())),
    ]
}

/// The same change on each authority.
fn each_authority(change: impl Fn(Spec) -> Spec, rule: Rule) {
    assert_eq!(broken(&leaf(), &change(b()), &a(), &root()), (rule, 1));
    assert_eq!(broken(&leaf(), &b(), &change(a()), &root()), (rule, 2));
    assert_eq!(broken(&leaf(), &b(), &a(), &change(root())), (rule, 3));
}

#[test]
fn every_signature_is_verified() {
    for (at, [leaf, b, a]) in [
        (0, [leaf().signed_by("rogue"), b(), a()]),
        (1, [leaf(), b().signed_by("rogue"), a()]),
        (2, [leaf(), b(), a().signed_by("rogue")]),
    ] {
        assert_eq!(broken(&leaf, &b, &a, &root()), (Rule::Signature, at));
    }
    // The anchor's own signature says nothing: whom one trusts, one need not ask.
    let unsigned = root().signed_by("rogue").build();
    assert_eq!(hold(&leaf().build(), &[&b().build(), &a().build()], &unsigned).len(), 3);
    // A root of the right name and another key.
    assert_eq!(broken(&leaf(), &b(), &a(), &root().key("rogue").signed_by("rogue")), (Rule::Signature, 2));
}

/// DER in the bit string, and nothing after it.
#[test]
fn an_ecdsa_signature_has_one_encoding() {
    let good = leaf().build();
    let tail = parse(&good).signature().to_vec();
    let at = good.len() - tail.len();
    let wrapped = |signature: &[u8]| {
        let spec = leaf().0;
        seq(&[&spec.tbs(), &spec.outer_algorithm, &bits(signature)])
    };
    assert_eq!(wrapped(&good[at..]), good);
    let longer = [&tail[..], &[0]].concat();
    let leaf = wrapped(&longer);
    let (b, a, root) = (b().build(), a().build(), root().build());
    let found = find(&leaf, &[&b, &a], &[Anchor::certificate(parse(&root))]);
    assert_eq!(fault(found).rule, Rule::Signature);
}

#[test]
fn names_are_the_next_ones_down_to_the_byte() {
    let named = |spec: Spec, issuer| spec.with(|spec| CertSpec { issuer, ..spec });
    assert_eq!(broken(&named(leaf(), common_name("B")), &b(), &a(), &root()), (Rule::Issuer, 0));
    assert_eq!(broken(&leaf(), &named(b(), common_name("A")), &a(), &root()), (Rule::Issuer, 1));
    assert_eq!(broken(&leaf(), &b(), &named(a(), common_name("R")), &root()), (Rule::Issuer, 2));
    // The same text in another kind of string.
    let twin = name(&[("2.5.4.3", printable(CA_B))]);
    assert_eq!(broken(&named(leaf(), twin), &b(), &a(), &root()), (Rule::Issuer, 0));
}

#[test]
fn an_issuer_has_a_name() {
    let empty = seq(&[]);
    let leaf = leaf().with(|spec| CertSpec { issuer: empty.clone(), ..spec });
    let b = b().with(|spec| CertSpec { subject: empty, ..spec });
    assert_eq!(broken(&leaf, &b, &a(), &root()), (Rule::Issuer, 0));
}

/// A root that came with the evidence is a hint like any other, and so is a chain of a stranger's.
#[test]
fn an_anchor_is_never_taken_from_the_hints() {
    let [leaf, b, a, root] = [leaf(), b(), a(), root()].map(|spec| spec.build());
    let other = Spec::ca("Other", "Other").build();
    let hints = [&b, &a, &root];
    let found = fault(find(&leaf, &hints, &[Anchor::certificate(parse(&other))]));
    assert_eq!((found.rule, found.at), (Rule::Issuer, 3));
    assert_eq!(fault(find(&leaf, &hints, &[])).rule, Rule::Issuer);
    // Even the leaf's own certificate, trusted and supplied, signs nothing.
    let alone = Spec::leaf(LEAF, LEAF).build();
    let found = fault(find(&alone, &[&alone], &[Anchor::certificate(parse(&alone))]));
    assert_eq!((found.rule, found.at), (Rule::Authority, 1));
}

#[test]
fn every_certificate_is_valid_now() {
    let past = each(|spec| spec.valid("2020-01-01T00:00:00Z", "2025-12-31T23:59:59Z"));
    let future = each(|spec| spec.valid("2026-01-01T00:00:01Z", "2030-01-01T00:00:00Z"));
    for places in [past, future] {
        assert_eq!(places, [0, 1, 2, 3].map(|at| (Rule::Validity, at)));
    }
    // Both ends are included.
    for (from, to) in [(time::NOW, "2030-01-01T00:00:00Z"), ("2020-01-01T00:00:00Z", time::NOW)] {
        let [leaf, b, a, root] = [leaf(), b(), a(), root()].map(|spec| spec.valid(from, to).build());
        hold(&leaf, &[&b, &a], &root);
    }
}

#[test]
fn a_leaf_is_no_authority() {
    assert_eq!(broken(&leaf().adding(Ext::ca(None)), &b(), &a(), &root()), (Rule::Leaf, 0));
    assert_eq!(broken(&Spec::ca(LEAF, CA_B), &b(), &a(), &root()), (Rule::Leaf, 0));
    // What says that it is none may say so.
    let says = leaf().adding(Ext::critical(ext::BASIC_CONSTRAINTS, seq(&[]))).build();
    hold(&says, &[&b().build(), &a().build()], &root().build());
}

#[test]
fn who_issues_is_an_authority() {
    let usage = || Ext::key_usage([1, 6]);
    each_authority(|spec| spec.extensions(vec![usage()]), Rule::Authority);
    each_authority(|spec| spec.extensions(Vec::new()), Rule::Authority);
    let not = Ext::critical(ext::BASIC_CONSTRAINTS, seq(&[]));
    each_authority(|spec| spec.extensions(vec![not.clone(), usage()]), Rule::Authority);
    let lenient = Ext::new(ext::BASIC_CONSTRAINTS, Ext::ca(None).value);
    each_authority(|spec| spec.extensions(vec![lenient.clone(), usage()]), Rule::Authority);
}

#[test]
fn who_issues_may_sign_certificates() {
    each_authority(|spec| spec.extensions(vec![Ext::ca(None)]), Rule::KeyUsage);
    // cRLSign alone, and digitalSignature alone.
    for usage in [[1, 2], [7, 0x80]] {
        each_authority(|spec| spec.extensions(vec![Ext::ca(None), Ext::key_usage(usage)]), Rule::KeyUsage);
    }
    // Need not be critical: one of Microsoft's is not.
    let usage = Ext::new(ext::KEY_USAGE, Ext::key_usage([1, 6]).value);
    let lenient = a().extensions(vec![Ext::ca(None), usage]).build();
    hold(&leaf().build(), &[&b().build(), &lenient], &root().build());
}

#[test]
fn authorities_that_follow_are_counted() {
    let allowing = |spec: Spec, length| spec.extensions(vec![Ext::ca(Some(length)), Ext::key_usage([1, 6])]);
    let [leaf, b, a, root] = [leaf(), allowing(b(), 0), allowing(a(), 1), allowing(root(), 2)];
    let built = [&leaf, &b, &a, &root].map(Spec::build);
    hold(&built[0], &[&built[1], &built[2]], &built[3]);
    assert_eq!(broken(&leaf, &b, &allowing(self::a(), 0), &root), (Rule::PathLength, 2));
    assert_eq!(broken(&leaf, &b, &a, &allowing(self::root(), 1)), (Rule::PathLength, 3));
    assert_eq!(broken(&leaf, &b, &a, &allowing(self::root(), 0)), (Rule::PathLength, 3));
}

#[test]
fn critical_extensions_are_read_by_somebody() {
    let places = each(|spec| spec.adding(Ext::critical("1.2.3.4", null())));
    assert_eq!(places, [0, 1, 2, 3].map(|at| (Rule::CriticalExtension, at)));
    // Not critical, nobody need know it.
    let leaf = leaf().adding(Ext::new("1.2.3.4", null())).build();
    hold(&leaf, &[&b().build(), &a().build()], &root().build());
}

/// A TPM's certificate: an empty subject, and who it is in a critical subjectAltName that the caller reads.
#[test]
fn an_empty_subject_with_a_critical_alternative_holds_if_the_caller_reads_it() {
    let directory = context(4, &[&name(&[("2.23.133.2.1", printable("id:00001014"))])]);
    let san = || Ext::critical("2.5.29.17", seq(&[&directory]));
    let spec = leaf().with(|spec| CertSpec { subject: seq(&[]), ..spec }).adding(san());
    let [leaf, b, a, root] = [spec, b(), a(), root()].map(|spec| spec.build());
    assert!(parse(&leaf).subject().is_empty());
    assert_eq!(parse(&leaf).subject_alt_name(), Some(&san().value[..]));
    let anchors = [Anchor::certificate(parse(&root))];
    assert_eq!(fault(find(&leaf, &[&b, &a], &anchors)).rule, Rule::CriticalExtension);
    let rules = Rules::new(&PROVIDER, at(time::NOW), &[id::SUBJECT_ALT_NAME]);
    find_by(&leaf, &[&b, &a], &anchors, &rules).unwrap();
    // The caller reads the leaf's, and no other's.
    let critical = self::a().adding(san()).build();
    let found = fault(find_by(&leaf, &[&b, &critical], &anchors, &rules));
    assert_eq!((found.rule, found.at), (Rule::CriticalExtension, 2));
}

fn rsa(modulus: &[u8], exponent: u64) -> Vec<u8> {
    let key = seq(&[&uint_bytes(modulus), &uint(exponent)]);
    seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &null()]), &bits(&key)])
}

#[test]
fn keys_are_strong_and_understood() {
    let unknown = seq(&[&seq(&[&oid("1.3.101.112")]), &bits(&[7; 32])]);
    for spki in [
        rsa(&[0x7f; 256], 65_537),
        rsa(&[0xff; 128], 65_537),
        rsa(&[0xff; 256], 3),
        rsa(&[0xff; 1025], 65_537),
        unknown,
        keys::ec_spki("1.3.132.0.10", &[4; 65]),
    ] {
        let places = each(|spec| spec.spki(spki.clone()));
        assert_eq!(places, [0, 1, 2, 3].map(|at| (Rule::Key, at)));
    }
    let leaf = leaf().spki(rsa(&[0xff; 256], 65_537)).build();
    hold(&leaf, &[&b().build(), &a().build()], &root().build());
}

#[test]
fn the_scheme_is_known_and_fits_the_issuers_key() {
    let named = |spec: Spec, algorithm: Vec<u8>| {
        let inner_algorithm = algorithm.clone();
        spec.with(|spec| CertSpec { inner_algorithm, outer_algorithm: algorithm, ..spec })
    };
    // ecdsa-with-SHA1, SHA-384 with a NULL that does not belong there, and RSA's scheme under a curve's key.
    for algorithm in [
        seq(&[&oid("1.2.840.10045.4.1")]),
        seq(&[&oid("1.2.840.10045.4.3.3"), &null()]),
        Scheme::Pkcs1v15(Hash::Sha384).algorithm(),
    ] {
        let wrong = named(leaf(), algorithm.clone());
        assert_eq!(broken(&wrong, &b(), &a(), &root()), (Rule::Algorithm, 0));
        let wrong = named(a(), algorithm);
        assert_eq!(broken(&leaf(), &b(), &wrong, &root()), (Rule::Algorithm, 2));
    }
    // And the other way round.
    let wrong = b().spki(keys::SMALL.spki());
    assert_eq!(broken(&leaf(), &wrong, &a(), &root()), (Rule::Algorithm, 0));
}

#[test]
fn rsa_signs_with_every_hash_function() {
    let [b, a, root] = [b().spki(keys::SMALL.spki()), a(), root()].map(|spec| spec.build());
    for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        let leaf = leaf().signed_by_rsa(&keys::SMALL, Scheme::Pkcs1v15(hash)).build();
        hold(&leaf, &[&b, &a], &root);
    }
    for scheme in [Scheme::AMD, Scheme::AMD_TRAILER] {
        hold(&leaf().signed_by_rsa(&keys::SMALL, scheme).build(), &[&b, &a], &root);
    }
    // Made with one hash function, named with another.
    let crossed = Spec(leaf().0.scheme(Scheme::Pkcs1v15(Hash::Sha256)).signed_by(&keys::SMALL));
    let crossed = Spec(crossed.0.signed_as(Scheme::Pkcs1v15(Hash::Sha512))).build();
    let found = find(&crossed, &[&b, &a], &[Anchor::certificate(parse(&root))]);
    assert_eq!(fault(found).rule, Rule::Signature);
}

/// Nothing here can tell: that is not the chain's fault.
#[test]
fn a_scheme_that_the_provider_lacks_is_unsupported() {
    let lacking = CryptoProvider::new("lacking", &[], &[]);
    let [leaf, b, a, root] = [leaf(), b(), a(), root()].map(|spec| spec.build());
    let rules = Rules::new(&lacking, at(time::NOW), &[]);
    let found = find_by(&leaf, &[&b, &a], &[Anchor::certificate(parse(&root))], &rules);
    let algorithm = SignatureAlgorithm::EcdsaP384Sha384;
    let expected = ChainError::Unsupported(Unsupported::Algorithm { provider: "lacking", algorithm });
    assert_eq!(found.unwrap_err(), expected);
}
