//! The certificates.

use super::{KINDS, Suite, chain, spec};
use crate::cbor_out::{array, bytes};
use crate::der_out::{oid as der_oid, seq};
use crate::nitro::{AUTHORITIES, Chain, DocumentSpec, Kind};
use crate::pki::common_name;
use crate::{CertSpec, Ext, Hash, P384Key, Scheme, keys, oid};

/// What a certificate is in the chain, by its place; the root, which has place 4, the verifier has itself.
const PLACES: [&str; 4] = ["leaf", "instance", "zone", "region"];

const KIND: Kind = Kind::NitroTpm;

pub(super) fn add(suite: &mut Suite) {
    budget(suite);
    path(suite);
    validity(suite);
    roles(suite);
    keys_and_schemes(suite);
    order(suite);
    leaf(suite);
}

fn genuine() -> Chain {
    chain(KIND)
}

fn under(chain: &Chain) -> DocumentSpec {
    DocumentSpec::new(KIND, chain)
}

fn with_bundle(bundle: &[&[u8]]) -> DocumentSpec {
    let items: Vec<_> = bundle.iter().map(|der| bytes(der)).collect();
    spec(KIND).field("cabundle", array(&items))
}

impl Suite {
    /// The same change on the certificates of these places.
    fn each(
        &mut self,
        (check, name, why): (&str, &str, &str),
        places: impl IntoIterator<Item = usize>,
        change: impl Fn(CertSpec) -> CertSpec,
    ) {
        for at in places {
            let spec = under(&genuine().with(at, &change));
            self.document(check, &format!("{}-{name}", PLACES[at]), why, &spec);
        }
    }
}

/// Authorities of one name and one key, each of which could have issued all others: there are more ways than are tried.
fn budget(suite: &mut Suite) {
    let check = "nitro.chain.budget";
    suite.good_documents(&[check]);
    for (name, kind) in KINDS {
        for count in 4..=7 {
            let [_, _, _, instance] = AUTHORITIES;
            let twins: Vec<_> = (0..count)
                .map(|number| {
                    let extensions = vec![Ext::ca(None), Ext::key_usage([1, 6])];
                    let twin = CertSpec::labelled(instance, instance, extensions).serial(number + 2);
                    bytes(&twin.valid("2025-12-31T12:00:00Z", "2026-01-01T12:00:00Z").build())
                })
                .collect();
            let spec = spec(kind).field("cabundle", array(&twins));
            let why = "authorities that issued each other, and a path without end";
            suite.document(check, &format!("{name}-{count}"), why, &spec);
        }
    }
}

fn path(suite: &mut Suite) {
    let check = "nitro.chain.issuer";
    suite.good_documents(&[check]);
    let why = "an issuer that is not there";
    suite.each((check, "renamed", why), 0..=3, |spec| CertSpec { issuer: common_name("nobody"), ..spec });
    for left_out in 1..AUTHORITIES.len() {
        let mut bundle = genuine().bundle();
        bundle.remove(left_out);
        let bundle: Vec<&[u8]> = bundle.iter().map(Vec::as_slice).collect();
        suite.document(check, &format!("without-{left_out}"), why, &with_bundle(&bundle));
    }
    let name = "a root of somebody's own";
    let rogue = P384Key::from_label(name);
    let own = genuine()
        .with(4, |spec| {
            let name = common_name(name);
            CertSpec { issuer: name.clone(), subject: name, spki: rogue.spki(), ..spec }.signed_by(&rogue)
        })
        .with(3, |spec| CertSpec { issuer: common_name(name), ..spec }.signed_by(&rogue));
    suite.document(check, "rogue-root", "a chain of somebody's own, which is whole", &under(&own));

    let check = "nitro.chain.signature";
    suite.good_documents(&[check]);
    suite.each((check, "rogue", "somebody else signed it"), 0..=3, |spec| {
        spec.signed_by(&P384Key::from_label("rogue"))
    });
    suite.each((check, "flipped", "a signature with a bit turned"), 0..=3, |spec| spec.flip_signature(20, 1));
    let twin = P384Key::from_label("twin");
    let own = genuine()
        .with(4, |spec| CertSpec { spki: twin.spki(), ..spec }.signed_by(&twin))
        .with(3, |spec| spec.signed_by(&twin));
    suite.document(check, "twin-root", "a root of the same name with another key", &under(&own));
}

fn validity(suite: &mut Suite) {
    let check = "nitro.chain.validity";
    suite.good_documents(&[check]);
    let late = |spec: CertSpec| spec.valid("2025-01-01T00:00:00Z", "2026-01-01T00:00:02Z");
    let early = |spec: CertSpec| spec.valid("2026-01-01T00:00:04Z", "2027-01-01T00:00:00Z");
    suite.each((check, "ended", "it ended a second ago"), 0..=3, late);
    suite.each((check, "not-yet", "it begins in a second"), 0..=3, early);
    for (name, time, exit) in [
        ("before", "2025-12-31T23:59:59Z", 11),
        ("first-second", "2026-01-01T00:00:00Z", 0),
        ("last-second", "2026-01-01T03:00:03Z", 0),
        ("after", "2026-01-01T03:00:04Z", 11),
        ("a-day-later", "2026-01-02T00:00:03Z", 11),
        ("1970", "1970-01-01T00:00:00Z", 11),
    ] {
        suite.document(check, name, "the hours of the leaf", &spec(KIND)).at(time).exit(exit);
    }
}

fn roles(suite: &mut Suite) {
    let check = "nitro.chain.leaf";
    suite.good_documents(&[check]);
    for (name, kind) in KINDS {
        for (form, below) in [("unbounded", None), ("last", Some(0)), ("first", Some(3))] {
            let chain = chain(kind).with(0, |leaf| leaf.adding(Ext::ca(below)));
            let spec = DocumentSpec::new(kind, &chain);
            suite.document(check, &format!("{name}-{form}"), "an authority that signs a document", &spec);
        }
    }

    let check = "nitro.chain.authority";
    suite.good_documents(&[check]);
    suite.each((check, "no-constraints", "an issuer that is no authority"), 1..=3, |spec| {
        spec.without(oid::BASIC_CONSTRAINTS)
    });
    suite
        .each((check, "no-usage", "an issuer that may not sign"), 1..=3, |spec| spec.without(oid::KEY_USAGE));
    suite.each((check, "other-usage", "an issuer that may not sign certificates"), 1..=3, |spec| {
        spec.replacing(oid::KEY_USAGE, Ext::key_usage([7, 0x80]).value)
    });
    for at in 2..=3 {
        let fewer = Ext::ca(Some(at as u64 - 2)).value;
        suite.each((check, "fewer", "one authority more below it than it allows"), [at], |spec| {
            spec.replacing(oid::BASIC_CONSTRAINTS, fewer.clone())
        });
    }

    let check = "nitro.chain.extension";
    suite.good_documents(&[check]);
    let unknown = |spec: CertSpec| spec.adding(Ext::critical("1.3.6.1.4.1.3704.99", [5, 0]));
    suite.each((check, "unknown", "a critical extension that nobody reads"), 0..=3, unknown);
    suite.each((check, "names", "names that the leaf is critical about"), [0], |spec| {
        spec.adding(Ext::critical("2.5.29.17", [0x30, 0]))
    });
    let lenient = genuine().with(0, |leaf| leaf.adding(Ext::new("1.3.6.1.4.1.3704.99", [5, 0])));
    suite
        .document(check, "not-critical", "an extension that may be left unread", &under(&lenient))
        .accepted();
}

fn keys_and_schemes(suite: &mut Suite) {
    let check = "nitro.chain.key";
    suite.good_documents(&[check]);
    let rsa = |spec: CertSpec| CertSpec { spki: keys::SMALL.spki(), ..spec };
    for (at, place) in PLACES.iter().enumerate().skip(1) {
        let weaker = genuine()
            .with(at, rsa)
            .with(at - 1, |spec| spec.scheme(Scheme::Pkcs1v15(Hash::Sha384)).signed_by(&keys::SMALL));
        let why = "a chain that holds, over a key of another kind";
        suite.document(check, &format!("{place}-rsa"), why, &under(&weaker));
    }
    for (name, spki) in [("rsa", keys::SMALL.spki()), ("p256", keys::P256_SPKI.clone())] {
        let other = genuine().with(0, |leaf| CertSpec { spki, ..leaf });
        suite.document(check, &format!("leaf-{name}"), "a key that signs no such document", &under(&other));
    }
    suite.each((check, "unknown", "signed in a way that nobody reads"), 0..=3, |spec| {
        let algorithm = seq(&[&der_oid("1.3.101.112")]);
        CertSpec { inner_algorithm: algorithm.clone(), outer_algorithm: algorithm, ..spec }
    });
}

fn order(suite: &mut Suite) {
    let check = "nitro.chain.order";
    suite.good_documents(&[check]);
    let good = genuine().bundle();
    let [root, region, zone, instance] = [&good[0][..], &good[1], &good[2], &good[3]];
    let stranger = genuine().with(4, |root| root.serial(8)).root();
    let leaf = genuine().leaf.build();
    for (name, why, bundle) in [
        ("reversed", "issuer first", vec![instance, zone, region, root]),
        ("swapped-above", "two certificates swapped", vec![region, root, zone, instance]),
        ("swapped-below", "two certificates swapped", vec![root, region, instance, zone]),
        ("no-root", "without the root", vec![region, zone, instance]),
        ("root-twice", "the root twice", vec![root, root, region, zone, instance]),
        ("zone-twice", "an authority twice", vec![root, region, zone, zone, instance]),
        ("leaf", "the leaf as well", vec![root, region, zone, instance, &leaf]),
        ("other-root", "the same root, issued anew", vec![&stranger, region, zone, instance]),
        ("stranger", "a certificate beside the path", vec![root, &stranger, region, zone, instance]),
    ] {
        suite.document(check, name, why, &with_bundle(&bundle));
    }
}

fn leaf(suite: &mut Suite) {
    let check = "nitro.leaf.usage";
    suite.good_documents(&[check]);
    suite.each((check, "no-usage", "a key for nothing in particular"), [0], |leaf| {
        leaf.without(oid::KEY_USAGE)
    });
    for (name, content) in [
        ("cert-sign", [2, 4]),
        ("key-agreement", [3, 8]),
        ("content-commitment", [6, 0x40]),
        ("key-encipherment", [5, 0x20]),
    ] {
        suite.each((check, name, "a key for something else"), [0], |leaf| {
            leaf.replacing(oid::KEY_USAGE, Ext::key_usage(content).value)
        });
    }

    let check = "nitro.leaf.subject";
    suite.good_documents(&[check]);
    let id = KIND.module_id();
    for (name, subject) in [
        ("other-module", "i-0123456789abcdef0-tpm0000000000000001.eu-test-1.aws".to_owned()),
        ("other-kind", format!("{}.eu-test-1.aws", Kind::Enclave.module_id())),
        ("in-front", format!("x{id}.eu-test-1.aws")),
        ("longer", format!("{id}0.eu-test-1.aws")),
        ("no-partition", format!("{id}.eu-test-1")),
        ("no-region", format!("{id}..aws")),
        ("nothing-between", format!("{id}.aws")),
        ("more", format!("{id}.eu-test-1.aws.nitro-enclaves")),
        ("other-partition", format!("{id}.eu-test-1.test")),
        ("module-alone", id.to_owned()),
        ("empty", String::new()),
    ] {
        suite.each((check, name, "a certificate of another module"), [0], |leaf| CertSpec {
            subject: common_name(&subject),
            ..leaf
        });
    }
    let name = common_name(&format!("{id}.eu-test-1.aws-test"));
    let other = genuine().with(0, |leaf| CertSpec { subject: name, ..leaf });
    suite.document(check, "partition", "another partition of AWS", &under(&other)).accepted();
}
