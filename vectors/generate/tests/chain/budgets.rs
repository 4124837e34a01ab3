//! What hints can make the search do has bounds.

use attest_core::x509::chain::{Anchor, MAX_DEPTH, MAX_SIGNATURES, MAX_SUPPLIED, Rule};

use crate::pki::{CA_A, CA_B, ROOT, Spec, fault, find, leaf, parse};

/// A chain of `count` certificates, root included: leaf, intermediates, root.
fn chain(count: usize) -> (Vec<u8>, Vec<Vec<u8>>, Vec<u8>) {
    let name = |height: usize| if height + 1 == count { ROOT.to_owned() } else { format!("height {height}") };
    let leaf = Spec::leaf("leaf", &name(1)).build();
    let between = (1..count - 1).map(|height| Spec::ca(&name(height), &name(height + 1)).build()).collect();
    (leaf, between, Spec::ca(ROOT, ROOT).build())
}

#[test]
fn a_path_has_eight_certificates_at_most() {
    for count in 2..=MAX_DEPTH + 2 {
        let (leaf, between, root) = chain(count);
        let hints: Vec<_> = between.iter().collect();
        let found = find(&leaf, &hints, &[Anchor::certificate(parse(&root))]);
        if count <= MAX_DEPTH {
            assert_eq!(found.unwrap().certificates().len(), count - 1);
        } else {
            assert_eq!(fault(found).rule, Rule::Depth, "{count} certificates");
        }
    }
}

/// Authorities of the right name and of other keys each cost a signature.
#[test]
fn sixteen_signatures_are_verified_at_most() {
    let leaf = leaf().build();
    let (b, a, root) =
        (Spec::ca(CA_B, CA_A).build(), Spec::ca(CA_A, ROOT).build(), Spec::ca(ROOT, ROOT).build());
    // The path itself needs three.
    for decoys in [MAX_SIGNATURES - 3, MAX_SIGNATURES - 2, MAX_SIGNATURES] {
        let decoys: Vec<_> =
            (0..decoys).map(|number| Spec::ca(CA_B, CA_A).key(&format!("decoy {number}")).build()).collect();
        let hints: Vec<_> = decoys.iter().chain([&b, &a]).collect();
        let found = find(&leaf, &hints, &[Anchor::certificate(parse(&root))]);
        if decoys.len() + 3 <= MAX_SIGNATURES {
            found.unwrap();
        } else {
            assert_eq!(fault(found).rule, Rule::Budget, "{} decoys", decoys.len());
        }
    }
}

#[test]
fn so_many_hints_are_looked_at() {
    let leaf = leaf().build();
    let (b, a, root) =
        (Spec::ca(CA_B, CA_A).build(), Spec::ca(CA_A, ROOT).build(), Spec::ca(ROOT, ROOT).build());
    let stranger = Spec::ca("Stranger", "Stranger").build();
    let mut hints = vec![&stranger; MAX_SUPPLIED - 2];
    hints.extend([&b, &a]);
    let anchors = [Anchor::certificate(parse(&root))];
    find(&leaf, &hints, &anchors).unwrap();
    hints.push(&stranger);
    assert_eq!(fault(find(&leaf, &hints, &anchors)).rule, Rule::Budget);
}

/// Two authorities that vouch for each other lead nowhere, and the search ends.
#[test]
fn a_circle_ends() {
    let leaf = leaf().build();
    let circle = [Spec::ca(CA_B, CA_A).build(), Spec::ca(CA_A, CA_B).build()];
    let root = Spec::ca(ROOT, ROOT).build();
    let hints: Vec<_> = circle.iter().collect();
    let found = fault(find(&leaf, &hints, &[Anchor::certificate(parse(&root))]));
    assert_eq!((found.rule, found.at), (Rule::Issuer, 2));
}
