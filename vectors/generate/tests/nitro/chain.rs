//! The certificates: five ways or more to break each check.

use vectors_generate::cbor_out::{array, bytes};
use vectors_generate::der_out::{oid as der_oid, seq};
use vectors_generate::nitro::{AUTHORITIES, Chain, DocumentSpec, MADE};
use vectors_generate::pki::common_name;
use vectors_generate::{CertSpec, Ext, Hash, P384Key, Scheme, keys, oid};

use crate::{ANY, KIND, chain, failed, spec, verify, verify_at};

/// What a document under an altered chain fails, with that chain's root trusted.
fn under(chain: &Chain) -> Vec<&'static str> {
    failed(verify_at(&DocumentSpec::new(KIND, chain).build(), &chain.root(), MADE, ANY))
}

/// The same change on each certificate, leaf first.
fn each(range: impl IntoIterator<Item = usize>, change: impl Fn(CertSpec) -> CertSpec, check: &str) {
    for at in range {
        assert_eq!(under(&chain().with(at, &change)), [check], "certificate {at}");
    }
}

#[test]
fn the_chain_ends_at_a_root_that_the_caller_trusts() {
    // A root of another name, and one of the same name with another key: the bundle brings its own, and that is no reason.
    let document = spec().build();
    let renamed = chain().with(4, |root| {
        let name = common_name("another root");
        CertSpec { issuer: name.clone(), subject: name, ..root }
    });
    assert_eq!(failed(verify_at(&document, &renamed.root(), MADE, ANY)), ["nitro.chain.issuer"]);
    let twin = chain().with(4, |root| CertSpec { spki: P384Key::from_label("twin").spki(), ..root });
    assert_eq!(failed(verify_at(&document, &twin.root(), MADE, ANY)), ["nitro.chain.signature"]);
    each([0, 1, 2, 3], |spec| CertSpec { issuer: common_name("nobody"), ..spec }, "nitro.chain.issuer");
    // An authority that is not in the bundle.
    for (left_out, authority) in AUTHORITIES.iter().enumerate().skip(1) {
        let mut bundle = chain().bundle();
        bundle.remove(left_out);
        let bundle: Vec<_> = bundle.iter().map(|der| bytes(der)).collect();
        let document = spec().field("cabundle", array(&bundle)).build();
        assert_eq!(failed(verify(&document)), ["nitro.chain.issuer"], "without {authority}");
    }
}

#[test]
fn every_certificate_is_signed_by_the_next() {
    each([0, 1, 2, 3], |spec| spec.signed_by(&P384Key::from_label("rogue")), "nitro.chain.signature");
    each([0, 1, 2, 3], |spec| spec.flip_signature(20, 1), "nitro.chain.signature");
}

#[test]
fn every_certificate_is_valid_now() {
    let late = |spec: CertSpec| spec.valid("2025-01-01T00:00:00Z", "2026-01-01T00:00:02Z");
    let early = |spec: CertSpec| spec.valid("2026-01-01T00:00:04Z", "2027-01-01T00:00:00Z");
    each(0..=4, late, "nitro.chain.validity");
    each(0..=4, early, "nitro.chain.validity");
    let document = spec().build();
    for (at, ok) in [
        ("2025-12-31T23:59:59Z", false),
        ("2026-01-01T00:00:00Z", true),
        ("2026-01-01T03:00:03Z", true),
        ("2026-01-01T03:00:04Z", false),
    ] {
        assert_eq!(verify_at(&document, &chain().root(), at, ANY).is_ok(), ok, "{at}");
    }
}

#[test]
fn who_issues_is_an_authority_and_the_leaf_is_none() {
    each([0], |leaf| leaf.adding(Ext::ca(None)), "nitro.chain.leaf");
    each([0], |leaf| leaf.adding(Ext::ca(Some(0))), "nitro.chain.leaf");
    each(1..=3, |spec| spec.without(oid::BASIC_CONSTRAINTS), "nitro.chain.authority");
    each(1..=3, |spec| spec.without(oid::KEY_USAGE), "nitro.chain.authority");
    each(
        1..=3,
        |spec| spec.replacing(oid::KEY_USAGE, Ext::key_usage([7, 0x80]).value),
        "nitro.chain.authority",
    );
    // One authority less below it than there are.
    for at in 2..=4 {
        let fewer = Ext::ca(Some(at as u64 - 2)).value;
        let change = |spec: CertSpec| spec.replacing(oid::BASIC_CONSTRAINTS, fewer.clone());
        each([at], change, "nitro.chain.authority");
    }
}

#[test]
fn critical_extensions_are_read() {
    let unknown = |spec: CertSpec| spec.adding(Ext::critical("1.3.6.1.4.1.3704.99", [5, 0]));
    each(0..=4, unknown, "nitro.chain.extension");
    let lenient = chain().with(0, |leaf| leaf.adding(Ext::new("1.3.6.1.4.1.3704.99", [5, 0])));
    verify_at(&DocumentSpec::new(KIND, &lenient).build(), &lenient.root(), MADE, ANY).expect("not critical");
}

/// RSA below P-384 would be a chain that holds, were all that is asked a chain.
#[test]
fn every_key_is_on_p384() {
    let rsa = |spec: CertSpec| CertSpec { spki: keys::SMALL.spki(), ..spec };
    for at in 1..=3 {
        let below = at - 1;
        let weaker = chain()
            .with(at, rsa)
            .with(below, |spec| spec.scheme(Scheme::Pkcs1v15(Hash::Sha384)).signed_by(&keys::SMALL));
        assert_eq!(under(&weaker), ["nitro.chain.key"], "certificate {at}");
    }
    // The leaf's own: nothing is left to verify the document with.
    for spki in [keys::SMALL.spki(), keys::P256_SPKI.clone()] {
        let other = chain().with(0, |leaf| CertSpec { spki, ..leaf });
        assert_eq!(under(&other), ["nitro.chain.key"]);
    }
    // An algorithm that nobody reads.
    let scheme = |spec: CertSpec| {
        let algorithm = seq(&[&der_oid("1.3.101.112")]);
        CertSpec { inner_algorithm: algorithm.clone(), outer_algorithm: algorithm, ..spec }
    };
    each([0, 1, 2, 3], scheme, "nitro.chain.key");
}

#[test]
fn the_bundle_is_the_path_root_first() {
    let good = chain().bundle();
    let stranger = chain().with(4, |root| root.serial(8)).root();
    let leaf = chain().leaf.build();
    let [root, region, zone, instance] = [&good[0], &good[1], &good[2], &good[3]];
    for bundle in [
        vec![instance, zone, region, root],
        vec![region, root, zone, instance],
        vec![root, region, instance, zone],
        vec![region, zone, instance],
        vec![root, root, region, zone, instance],
        vec![root, region, zone, zone, instance],
        vec![root, region, zone, instance, &leaf],
        // The same root, issued anew.
        vec![&stranger, region, zone, instance],
        vec![root, &stranger, region, zone, instance],
    ] {
        let items: Vec<_> = bundle.iter().map(|der| bytes(der)).collect();
        let document = spec().field("cabundle", array(&items)).build();
        assert_eq!(failed(verify(&document)), ["nitro.chain.order"], "{} certificates", bundle.len());
    }
}

#[test]
fn the_leaf_is_for_signatures() {
    for change in [
        |leaf: CertSpec| leaf.without(oid::KEY_USAGE),
        // keyCertSign, keyAgreement, contentCommitment, keyEncipherment.
        |leaf: CertSpec| leaf.replacing(oid::KEY_USAGE, Ext::key_usage([2, 4]).value),
        |leaf: CertSpec| leaf.replacing(oid::KEY_USAGE, Ext::key_usage([3, 8]).value),
        |leaf: CertSpec| leaf.replacing(oid::KEY_USAGE, Ext::key_usage([6, 0x40]).value),
        |leaf: CertSpec| leaf.replacing(oid::KEY_USAGE, Ext::key_usage([5, 0x20]).value),
    ] {
        assert_eq!(under(&chain().with(0, change)), ["nitro.leaf.usage"]);
    }
}

#[test]
fn the_leaf_is_the_modules() {
    let id = KIND.module_id();
    for name in [
        "i-0123456789abcdef0-tpm0000000000000001.eu-test-1.aws".to_owned(),
        format!("x{id}.eu-test-1.aws"),
        format!("{id}0.eu-test-1.aws"),
        format!("{id}.eu-test-1"),
        format!("{id}..aws"),
        format!("{id}.aws"),
        format!("{id}.eu-test-1.aws.nitro-enclaves"),
        format!("{id}.eu-test-1.test"),
        id.to_owned(),
        String::new(),
    ] {
        let renamed = chain().with(0, |leaf| CertSpec { subject: common_name(&name), ..leaf });
        assert_eq!(under(&renamed), ["nitro.leaf.subject"], "{name}");
    }
    // Another partition.
    let name = common_name(&format!("{id}.eu-test-1.aws-test"));
    let other = chain().with(0, |leaf| CertSpec { subject: name, ..leaf });
    verify_at(&DocumentSpec::new(KIND, &other).build(), &other.root(), MADE, ANY).expect("a document");
}

/// Certificates that are none, and work without end.
#[test]
fn what_is_no_certificate_is_refused_where_it_stands() {
    assert_eq!(failed(verify(&spec().field("certificate", bytes(&[0x30, 0])).build())), ["form.der"]);
    assert_eq!(failed(verify(&spec().field("cabundle", array(&[bytes(&[5, 0])])).build())), ["form.der"]);
}

/// Seven twins of the leaf's issuer, whose keys are all wrong, cost seven signatures and no more.
#[test]
fn work_is_bounded() {
    let twins: Vec<_> = (0..7)
        .map(|number| {
            let twin = chain().with(1, |instance| CertSpec {
                spki: P384Key::from_label(&format!("twin {number}")).spki(),
                ..instance
            });
            bytes(&twin.authorities[3].build())
        })
        .collect();
    let document = spec().field("cabundle", array(&twins)).build();
    assert_eq!(failed(verify(&document)), ["nitro.chain.signature"]);
}
