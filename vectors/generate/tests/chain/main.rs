//! The generic path check: chains that hold, and for each rule chains that break it and nothing else, so that without the rule
//! they would be accepted, or refused for another reason at another place.

mod budgets;
mod pki;
mod real;
mod rules;

use attest_core::x509::chain::Anchor;
use pki::{CA_A, CA_B, LEAF, ROOT, Spec, find, hold, leaf, parse};

/// Leaf, the two intermediates and the root, in that order.
fn three() -> [Vec<u8>; 4] {
    [leaf().build(), Spec::ca(CA_B, CA_A).build(), Spec::ca(CA_A, ROOT).build(), Spec::ca(ROOT, ROOT).build()]
}

#[test]
fn a_chain_holds_whatever_the_order_of_hints() {
    let [leaf, b, a, root] = three();
    let stranger = Spec::ca("Stranger", "Stranger").build();
    for supplied in [
        vec![&b, &a],
        vec![&a, &b],
        // Root first, as Nitro sends it, a root of nobody's, the leaf itself, and everything twice.
        vec![&root, &a, &b, &stranger, &leaf],
        vec![&b, &b, &a, &a, &root, &root],
    ] {
        let path = hold(&leaf, &supplied, &root);
        assert_eq!(path, [LEAF, CA_B, CA_A], "the leaf comes first, and the anchor is not among them");
    }
}

#[test]
fn an_anchor_is_a_certificate_or_a_name_and_a_key_at_any_height() {
    let [leaf, b, a, root] = three();
    let certificate = parse(&root);
    let key = Anchor::key(certificate.subject().as_der(), certificate.spki()).unwrap();
    let path = find(&leaf, &[&b, &a], &[key]).unwrap();
    assert_eq!(path.anchor().subject(), certificate.subject());
    assert!(path.anchor().as_certificate().is_none());
    // An intermediate is trusted as it is: nothing above it is looked at.
    let path = find(&leaf, &[&b, &a], &[Anchor::certificate(parse(&b))]).unwrap();
    assert_eq!(path.certificates().len(), 1);
    // Trusted directly, it needs no hint.
    assert_eq!(hold(&leaf, &[], &b), [LEAF]);
}

/// An anchor of the right name with another key is passed over, and so is an intermediate that is no longer valid.
#[test]
fn the_right_one_of_several_is_found() {
    let [leaf, b, a, root] = three();
    let twin = Spec::ca(ROOT, ROOT).key("another root").signed_by("another root").build();
    let anchors = [Anchor::certificate(parse(&twin)), Anchor::certificate(parse(&root))];
    assert_eq!(find(&leaf, &[&b, &a], &anchors).unwrap().anchor().public_key(), parse(&root).public_key());
    // The old certificate of the same authority, and a stranger's of the same name.
    let old = Spec::ca(CA_A, ROOT).valid("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z").build();
    let other = Spec::ca(CA_A, ROOT).key("somebody else").build();
    assert_eq!(hold(&leaf, &[&old, &other, &b, &a], &root), [LEAF, CA_B, CA_A]);
}
