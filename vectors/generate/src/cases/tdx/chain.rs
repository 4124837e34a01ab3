//! Whose key: the PCK certificate, its authority, the root.

use super::{Suite, collateral};
use crate::der_out::seq;
use crate::tdx::{
    PLATFORM_CA, PROCESSOR_CA, QuoteSpec, ROOT, SgxSpec, TCB_SIGNER, authority, chain, crl, intel_name, key,
    pck, root,
};
use crate::{CertSpec, Ext, oid};

pub(super) fn add(suite: &mut Suite) {
    path(suite);
    role(suite);
    extension(suite);
    validity(suite);
}

fn leaf() -> CertSpec {
    pck(SgxSpec::default().build())
}

fn ca() -> CertSpec {
    authority(PLATFORM_CA)
}

/// A quote with this chain.
fn with(certificates: &[CertSpec]) -> QuoteSpec {
    QuoteSpec::new(4, 2).with(|quote| quote.chain = chain(certificates))
}

fn path(suite: &mut Suite) {
    let check = "tdx.pck.chain";
    suite.good_quotes(&[check]);
    let rogue = key("a rogue's");
    let rogue_ca = || ca().with(|spec| spec.spki = rogue.spki());
    for (name, why, certificates) in [
        (
            "rogue-root",
            "a chain of somebody's own, with the same names",
            vec![
                leaf().signed_by(&rogue),
                rogue_ca().signed_by(&rogue),
                root().with(|spec| spec.spki = rogue.spki()).signed_by(&rogue),
            ],
        ),
        (
            "rogue-authority",
            "an authority that the root did not sign",
            vec![leaf().signed_by(&rogue), rogue_ca().signed_by(&rogue), root()],
        ),
        (
            "leaf-signature",
            "a leaf that its authority did not sign",
            vec![leaf().signed_by(&rogue), ca(), root()],
        ),
        ("leaf-flipped", "a signature with a bit turned", vec![leaf().flip_signature(20, 1), ca(), root()]),
        (
            "authority-flipped",
            "a signature with a bit turned",
            vec![leaf(), ca().flip_signature(20, 1), root()],
        ),
        ("no-authority", "a chain with a gap", vec![leaf(), root()]),
        (
            "other-authority",
            "the authority of other certificates",
            vec![leaf(), authority(PROCESSOR_CA), root()],
        ),
        (
            "no-constraints",
            "an authority that does not say so",
            vec![leaf(), ca().without(oid::BASIC_CONSTRAINTS), root()],
        ),
        ("no-usage", "an authority that may not sign", vec![leaf(), ca().without(oid::KEY_USAGE), root()]),
        ("authority-first", "an authority where the leaf belongs", vec![ca(), leaf(), root()]),
    ] {
        suite.quote(check, name, why, &with(&certificates), &collateral());
    }
    // A processor's chain.
    let certificate =
        leaf().with(|spec| spec.issuer = intel_name(PROCESSOR_CA)).signed_by(&key(PROCESSOR_CA));
    let quote = with(&[certificate, authority(PROCESSOR_CA), root()]);
    let spec = collateral().with(|spec| spec.crls[1] = crl(PROCESSOR_CA));
    suite.quote(check, "processor", "a chain by the authority of processors", &quote, &spec).accepted();
}

fn role(suite: &mut Suite) {
    let check = "tdx.pck.role";
    suite.good_quotes(&[check]);
    let named = |name: &str| leaf().with(|spec| spec.subject = intel_name(name));
    for (name, certificates) in [
        ("leaf-signer", vec![named(TCB_SIGNER), ca(), root()]),
        ("leaf-case", vec![named("intel sgx pck certificate"), ca(), root()]),
        ("leaf-more", vec![named("Intel SGX PCK Certificate 2"), ca(), root()]),
        ("leaf-usage", vec![leaf().replacing(oid::KEY_USAGE, vec![3, 2, 6, 0x40]), ca(), root()]),
        ("leaf-no-usage", vec![leaf().without(oid::KEY_USAGE), ca(), root()]),
    ] {
        suite.quote(check, name, "a leaf that is no PCK certificate", &with(&certificates), &collateral());
    }
    for name in ["Intel SGX PCK Platform", "Intel SGX Platform CA", "Intel SGX PCK Platform CA 2"] {
        let certificate = leaf().with(|spec| spec.issuer = intel_name(name)).signed_by(&key(name));
        let quote = with(&[certificate, authority(name), root()]);
        let spec = collateral().with(|spec| spec.crls[1] = crl(name));
        let name = name.replace(' ', "-").to_lowercase();
        suite.quote(check, &name, "an authority of another name", &quote, &spec);
    }
    // A leaf right below the root.
    let certificate = leaf().with(|spec| spec.issuer = intel_name(ROOT)).signed_by(&key(ROOT));
    suite.quote(check, "below-root", "a leaf of the root", &with(&[certificate, root()]), &collateral());
}

fn extension(suite: &mut Suite) {
    let check = "tdx.pck.extension";
    suite.good_quotes(&[check]);
    let without = |arc: &str| SgxSpec { without: vec![arc.into()], ..SgxSpec::default() };
    let twice = |arc: &str| SgxSpec { twice: vec![arc.into()], ..SgxSpec::default() };
    for (name, spec) in [
        ("no-ppid", without("1")),
        ("no-tcb", without("2")),
        ("no-component-16", without("2.16")),
        ("no-pce-svn", without("2.17")),
        ("no-cpu-svn", without("2.18")),
        ("no-pce-id", without("3")),
        ("no-fmspc", without("4")),
        ("no-type", without("5")),
        ("component-twice", twice("2.1")),
        ("fmspc-twice", twice("4")),
        ("pce-svn-large", SgxSpec { pce_svn: 65_536, ..SgxSpec::default() }),
        ("pce-id-short", SgxSpec { pce_id: vec![0], ..SgxSpec::default() }),
        ("fmspc-long", SgxSpec { fmspc: vec![0; 7], ..SgxSpec::default() }),
    ] {
        let quote = with(&[pck(spec.build()), ca(), root()]);
        suite.quote(check, name, "a platform that is not described", &quote, &collateral());
    }
    let bare = leaf().without(crate::tdx::SGX);
    suite.quote(check, "none", "no extension at all", &with(&[bare, ca(), root()]), &collateral());
    let empty = pck(seq(&[]));
    suite.quote(check, "empty", "an empty extension", &with(&[empty, ca(), root()]), &collateral());
    let own = leaf().adding(Ext::new("1.2.840.113741.1.13.2", vec![5, 0]));
    suite
        .quote(check, "more", "an extension that is not known", &with(&[own, ca(), root()]), &collateral())
        .accepted();
}

fn validity(suite: &mut Suite) {
    let check = "tdx.pck.validity";
    suite.good_quotes(&[check]);
    for (name, why, certificates) in [
        (
            "leaf-ended",
            "a leaf that has ended",
            vec![leaf().valid("2025-02-06T23:25:51Z", "2025-12-31T00:00:00Z"), ca(), root()],
        ),
        (
            "leaf-just-ended",
            "a leaf that ended a second ago",
            vec![leaf().valid("2025-02-06T23:25:51Z", "2026-01-15T11:59:59Z"), ca(), root()],
        ),
        (
            "leaf-not-yet",
            "a leaf that has not begun",
            vec![leaf().valid("2026-02-06T23:25:51Z", "2032-02-06T23:25:51Z"), ca(), root()],
        ),
        (
            "leaf-almost",
            "a leaf that begins in a second",
            vec![leaf().valid("2026-01-15T12:00:01Z", "2032-02-06T23:25:51Z"), ca(), root()],
        ),
        (
            "authority-ended",
            "an authority that has ended",
            vec![leaf(), ca().valid("2018-05-21T10:50:10Z", "2026-01-14T00:00:00Z"), root()],
        ),
        (
            "authority-not-yet",
            "an authority that has not begun",
            vec![leaf(), ca().valid("2026-01-16T00:00:00Z", "2033-05-21T10:50:10Z"), root()],
        ),
    ] {
        suite.quote(check, name, why, &with(&certificates), &collateral());
    }
    let last = leaf().valid("2025-02-06T23:25:51Z", "2026-01-15T12:00:00Z");
    suite
        .quote(check, "last-second", "the last second of a leaf", &with(&[last, ca(), root()]), &collateral())
        .accepted();
}
