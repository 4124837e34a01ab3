//! The attestation key: what vouches for it, and what it is.

use super::{Machine, Suite, certificate, leaf};
use crate::keys::SMALL;
use crate::tpm::{
    AK_ATTRIBUTES, ECDSA, Key, Numbers, PublicSpec, QuoteSpec, RSAPSS, RSASSA, evidence, sized,
};
use crate::{CertSpec, Ext, Hash, P384Key};

pub(super) fn add(suite: &mut Suite) {
    trusted(suite);
    chain(suite);
    usage(suite);
    super::lists::add(suite);
    another(suite);
    attributes(suite);
    strength(suite);
    scheme(suite);
    name(suite);
}

/// A key that nobody pinned.
pub(super) fn stranger(label: &str) -> Machine {
    Machine::new(Key::p384(label), ECDSA, Hash::Sha384)
}

fn trusted(suite: &mut Suite) {
    let check = "vtpm.ak.trusted";
    suite.good(&[check]);
    let bare = Machine { bare: true, ..Machine::p384() };
    for (name, why, machine) in [
        ("p384", "nobody knows the key", stranger("stranger")),
        ("p256", "nobody knows the key", Machine::new(Key::p256("stranger"), ECDSA, Hash::Sha256)),
        (
            "attributes",
            "the pinned key, with other attributes",
            Machine::p256().with(|p| p.attributes |= 1 << 7),
        ),
        (
            "scheme",
            "the pinned key, with another scheme",
            Machine::p256().with(|p| p.scheme = Some((ECDSA, 0x0c))),
        ),
        ("bare", "the bare key, in no template that gives the pinned name", bare),
    ] {
        let evidence = machine.evidence(&machine.attest());
        let also: &[&str] = if name == "scheme" { &["vtpm.ak.hash"] } else { &[] };
        suite.case(check, name, why, evidence).also(also);
    }
    // A bare key that is pinned by the digest of its SubjectPublicKeyInfo.
    let machine = Machine { bare: true, ..stranger("bare") };
    suite.keys.push(vectors::hex(&<sha2::Sha256 as sha2::Digest>::digest(machine.key.spki())));
    let evidence = machine.evidence(&machine.attest());
    suite.case(check, "bare-pinned", "a bare key, pinned by itself", evidence).accepted();
    // The same, where the template's name is the one that is pinned.
    let machine = Machine { bare: true, ..Machine::p256() };
    let evidence = machine.evidence(&machine.attest());
    suite.case(check, "bare-template", "a bare key whose template gives a pinned name", evidence).accepted();
    let no_da = |machine: Machine| machine.with(|public| public.attributes |= 1 << 10);
    for (name, machine) in [
        ("rsa", Machine::rsa()),
        ("rsa-no-da", no_da(Machine::rsa())),
        ("p256-no-da", no_da(Machine::p256())),
    ] {
        let machine = Machine { bare: true, ..machine.pinned(suite) };
        let evidence = machine.evidence(&machine.attest());
        let why = "a bare key whose template gives a pinned name";
        suite.case(check, &format!("bare-template-{name}"), why, evidence).accepted();
    }
}

fn chain(suite: &mut Suite) {
    let check = "vtpm.ak.chain";
    let machine = stranger("certified");
    let leaf = || leaf(&machine.key);
    let ca = || CertSpec::authority("TPM authority", "TPM root");
    let mut case = |name: &str, why: &str, certificates: &[CertSpec], good: bool| {
        let certificates: Vec<Vec<u8>> = certificates.iter().map(CertSpec::build).collect();
        let draft = suite.case(check, name, why, machine.carrying(&certificates)).also(&["vtpm.ak.trusted"]);
        if good {
            drop(draft.accepted());
        }
    };
    case("good", "a certificate, an authority, the root of the set", &[leaf(), ca()], true);
    case("good-turned", "in another order", &[ca(), leaf()], true);
    let root = CertSpec::authority("TPM root", "TPM root");
    case("good-with-root", "with the root itself", &[leaf(), ca(), root], true);
    case(
        "good-empty-subject",
        "names in a critical subjectAltName",
        &[
            leaf()
                .with(|spec| spec.subject = crate::pki::name(&[]))
                .adding(Ext::critical("2.5.29.17", crate::der_out::seq(&[]))),
            ca(),
        ],
        true,
    );
    case("no-authority", "the authority is missing", &[leaf()], false);
    let foreign = CertSpec::authority("TPM authority", "Another root");
    case("foreign-root", "a root that nobody trusts", &[leaf(), foreign.clone()], false);
    let own = CertSpec::authority("Another root", "Another root");
    case("own-root", "a root that it brings itself", &[leaf(), foreign, own], false);
    case("leaf-signature", "the leaf's signature is broken", &[leaf().flip_signature(20, 1), ca()], false);
    case("ca-signature", "the authority's signature is broken", &[leaf(), ca().flip_signature(20, 1)], false);
    let past = |spec: CertSpec| spec.valid("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z");
    let future = |spec: CertSpec| spec.valid("2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z");
    case("leaf-expired", "the leaf is over", &[past(leaf()), ca()], false);
    case("leaf-future", "the leaf has not begun", &[future(leaf()), ca()], false);
    case("ca-expired", "the authority is over", &[leaf(), past(ca())], false);
    let no_ca = certificate(
        "TPM authority",
        "TPM root",
        P384Key::from_label("TPM authority").spki(),
        vec![Ext::key_usage([1, 6])],
    );
    case("no-ca", "an authority that is none", &[leaf(), no_ca], false);
    let critical = leaf().adding(Ext::critical("1.2.3.4", vec![5, 0]));
    case("critical", "a critical extension that nobody reads", &[critical, ca()], false);
}

/// extKeyUsage of one purpose.
fn purpose(id: &str) -> Ext {
    Ext::new("2.5.29.37", crate::der_out::seq(&[&crate::der_out::oid(id)]))
}

fn usage(suite: &mut Suite) {
    let check = "vtpm.ak.usage";
    let machine = stranger("certified");
    let ca = CertSpec::authority("TPM authority", "TPM root").build();
    let of = |extensions: Vec<Ext>| certificate("TPM key", "TPM authority", machine.key.spki(), extensions);
    for (name, why, extensions) in [
        ("encipherment", "a key for key transport", vec![Ext::key_usage([5, 0x20])]),
        ("agreement", "a key for key agreement", vec![Ext::key_usage([3, 0x08])]),
        ("both", "a key for signatures and key transport", vec![Ext::key_usage([5, 0xa0])]),
        ("signs-and-agrees", "a key for signatures and key agreement", vec![Ext::key_usage([3, 0x88])]),
        ("none", "a key for anything", vec![]),
        ("commitment", "a key for another purpose", vec![Ext::key_usage([6, 0x40])]),
        ("server", "a server's key", vec![Ext::key_usage([7, 0x80]), purpose("1.3.6.1.5.5.7.3.1")]),
        ("code", "a key that signs code", vec![Ext::key_usage([7, 0x80]), purpose("1.3.6.1.5.5.7.3.3")]),
    ] {
        let evidence = machine.carrying(&[of(extensions).build(), ca.clone()]);
        suite.case(check, name, why, evidence).also(&["vtpm.ak.trusted"]);
    }
    for (name, id) in [("ak-purpose", "2.23.133.8.3"), ("ek-purpose", "2.23.133.8.1")] {
        let certificate = of(vec![Ext::key_usage([7, 0x80]), purpose(id)]).build();
        let evidence = machine.carrying(&[certificate, ca.clone()]);
        suite.case(check, name, "a key for signatures, with a TPM's purpose", evidence).accepted();
    }
    let evidence = machine.carrying(&[leaf(&machine.key).build(), ca]);
    suite.case(check, "good", "a key for signatures", evidence).accepted();
}

/// A certificate of another key beside a key that is trusted.
fn another(suite: &mut Suite) {
    let check = "vtpm.ak.certificate";
    let ca = CertSpec::authority("TPM authority", "TPM root").build();
    for (name, machine) in Machine::all() {
        let machine = machine.pinned(suite);
        let other = leaf(&Key::p384("another machine")).build();
        let own = leaf(&machine.key).build();
        suite.case(
            check,
            &format!("another-{name}"),
            "the genuine certificate of another machine",
            machine.carrying(&[other.clone(), ca.clone()]),
        );
        suite.case(
            check,
            &format!("another-alone-{name}"),
            "the certificate of another machine, without its authority",
            machine.carrying(std::slice::from_ref(&other)),
        );
        // Authorities alone say nothing of a key; nor do they speak against one that is trusted.
        suite
            .case(
                "vtpm.ak.trusted",
                &format!("authority-{name}"),
                "an authority, and no key's certificate",
                machine.carrying(std::slice::from_ref(&ca)),
            )
            .accepted();
        suite
            .case(check, &format!("own-{name}"), "its own, beside another's", machine.carrying(&[other, own]))
            .accepted();
    }
}

fn attributes(suite: &mut Suite) {
    let check = "vtpm.ak.attributes";
    suite.good(&[check]);
    for (name, attributes) in [
        ("not-restricted", AK_ATTRIBUTES & !(1 << 16)),
        ("not-sign", AK_ATTRIBUTES & !(1 << 18)),
        ("not-fixed-tpm", AK_ATTRIBUTES & !(1 << 1)),
        ("not-fixed-parent", AK_ATTRIBUTES & !(1 << 4)),
        ("not-origin", AK_ATTRIBUTES & !(1 << 5)),
        ("decrypt", AK_ATTRIBUTES | 1 << 17),
        ("none", 0),
    ] {
        let machine = Machine::rsa().with(|public| public.attributes = attributes).pinned(suite);
        let evidence = machine.evidence(&machine.attest());
        suite.case(check, name, "a key that may sign what no TPM made, or leave it", evidence);
    }
    let machine = Machine::rsa().with(|public| public.attributes |= 1 << 10).pinned(suite);
    let evidence = machine.evidence(&machine.attest());
    suite.case(check, "no-da", "an attribute that does not matter", evidence).accepted();
}

/// Keys that are too weak: nobody needs a signature of theirs.
fn strength(suite: &mut Suite) {
    let check = "vtpm.ak.strength";
    suite.good(&[check]);
    let modulus = SMALL.modulus();
    for (name, bits, exponent) in [
        ("1024", 1024, 0),
        ("2040", 2040, 0),
        ("e-3", 2048, 3),
        ("e-17", 2048, 17),
        ("e-65535", 2048, 65_535),
    ] {
        let mut modulus = modulus[..bits / 8].to_vec();
        modulus[0] |= 0x80;
        *modulus.last_mut().expect("a modulus") |= 1;
        let machine = Machine::rsa()
            .with(|public| public.numbers = Numbers::Rsa { bits: bits as u16, exponent, modulus })
            .pinned(suite);
        let evidence = machine.evidence(&machine.attest());
        suite.case(check, name, "an RSA key that is too weak", evidence).also(&["vtpm.quote.signature"]);
    }
}

fn scheme(suite: &mut Suite) {
    suite.good(&["vtpm.ak.scheme", "vtpm.ak.hash"]);
    let rsa = |scheme, hash| Machine::new(Key::Rsa(&SMALL), scheme, hash);
    let mut signed_as = |check: &str, name: &str, machine: Machine, scheme: u16, hash: Hash| {
        let machine = machine.pinned(suite);
        let signs = Machine { scheme, hash, ..machine.clone() };
        let evidence = signs.evidence(&signs.attest());
        suite.case(check, name, "signed in another way than the key is fixed to", evidence);
    };
    let check = "vtpm.ak.scheme";
    signed_as(check, "pss-for-rsassa", rsa(RSASSA, Hash::Sha256), RSAPSS, Hash::Sha256);
    signed_as(check, "rsassa-for-pss", rsa(RSAPSS, Hash::Sha256), RSASSA, Hash::Sha256);
    signed_as(check, "pss-for-rsassa-384", rsa(RSASSA, Hash::Sha384), RSAPSS, Hash::Sha384);
    signed_as(check, "rsassa-for-pss-384", rsa(RSAPSS, Hash::Sha384), RSASSA, Hash::Sha384);
    signed_as(check, "pss-for-rsassa-512", rsa(RSASSA, Hash::Sha512), RSAPSS, Hash::Sha512);
    let check = "vtpm.ak.hash";
    signed_as(check, "384-for-256", rsa(RSASSA, Hash::Sha256), RSASSA, Hash::Sha384);
    signed_as(check, "512-for-256", rsa(RSASSA, Hash::Sha256), RSASSA, Hash::Sha512);
    signed_as(check, "256-for-384", rsa(RSASSA, Hash::Sha384), RSASSA, Hash::Sha256);
    signed_as(check, "256-for-512", rsa(RSASSA, Hash::Sha512), RSASSA, Hash::Sha256);
    signed_as(check, "pss-384-for-256", rsa(RSAPSS, Hash::Sha256), RSAPSS, Hash::Sha384);
    signed_as(check, "p384-256-for-384", Machine::p384(), ECDSA, Hash::Sha256);
    for (name, machine) in Machine::all() {
        let machine = machine.free().pinned(suite);
        let evidence = machine.evidence(&machine.attest());
        suite
            .case("vtpm.ak.scheme", &format!("free-{name}"), "a key that is fixed to nothing", evidence)
            .accepted();
    }
    // A signature for another kind of key, by a key that is fixed to nothing.
    let machine = Machine::rsa().free().pinned(suite);
    let quote = machine.quote(&machine.attest());
    let signature = [&[0, 0x18, 0, 0x0b], sized(&[1; 32]).as_slice(), &sized(&[1; 32])].concat();
    let forged = evidence(&[QuoteSpec { signature, ..quote }], &machine.ak(), &[]);
    suite
        .case("vtpm.ak.scheme", "ecdsa-by-rsa", "ECDSA by an RSA key", forged)
        .also(&["vtpm.quote.signature"]);
}

fn name(suite: &mut Suite) {
    let check = "vtpm.ak.qualified-signer";
    suite.good(&[check]);
    let machine = Machine::p256().pinned(suite);
    let sizes = [("sha1", 0x0004_u16, 20), ("sha384", 0x000c, 48), ("sha512", 0x000d, 64)];
    let others = [("sm3", 0x0012, 32), ("sha3", 0x0027, 32), ("sha3-512", 0x0029, 64)];
    for (name, algorithm, len) in sizes.into_iter().chain(others) {
        let mut attest = machine.attest();
        attest.signer = [algorithm.to_be_bytes().as_slice(), &vec![7; len]].concat();
        let evidence = machine.evidence(&attest);
        suite.case(check, name, "a name by another algorithm than the key's", evidence);
    }
    let mut attest = machine.attest();
    attest.signer = [&[0, 0x0b], [7; 32].as_slice()].concat();
    let evidence = machine.evidence(&attest);
    suite.case("vtpm.ak.trusted", "a-parent", "a parent that is not known", evidence).accepted();
    let owner = PublicSpec::ak(&machine.key, Some((ECDSA, Hash::Sha256)));
    let digest = Hash::Sha256.digest(&[&[0x40, 0, 0, 1], owner.name().as_slice()].concat());
    attest.signer = [&[0, 0x0b], digest.as_slice()].concat();
    let evidence = machine.evidence(&attest);
    suite.case(check, "owner", "a primary key of the owner's hierarchy", evidence).accepted();
}
