//! What a certificate says of the machine comes out of a quote by its key, and of no other.

use std::time::Duration;

use attest_core::collateral::Collateral;
use attest_core::crypto::BUILT_IN;
use attest_core::tee::vtpm::{AkPath, AttestationKey, Claims, GceInfo, TpmEvidence, TrustedAk};
use attest_core::{Context, Expect, Refused, Store, TrustAnchors, UnixTime, Verified};
use sha2::{Digest, Sha256};
use vectors_generate::der_out::seq;
use vectors_generate::pki::common_name;
use vectors_generate::tpm::{
    AkSpec, AttestSpec, ECDSA, GCE_INSTANCE, Key, PublicSpec, QuoteSpec, evidence, gce_instance as instance,
};
use vectors_generate::{CertSpec, Ext, Hash};

/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;

fn root() -> Vec<u8> {
    CertSpec::authority("authority", "authority").build()
}

/// The certificate of the key that quotes, with this extension of Google's.
fn leaf(subject: Vec<u8>, gce: Option<Vec<u8>>) -> Vec<u8> {
    let mut extensions = vec![Ext::key_usage([7, 0x80])];
    extensions.extend(gce.map(|value| Ext::new(GCE_INSTANCE, value)));
    let spki = Key::p384("ak").spki();
    CertSpec { subject, spki, ..CertSpec::labelled("", "authority", extensions) }.build()
}

fn verify(leaf: &[u8], pin: Option<[u8; 32]>) -> Result<Verified<Claims>, Refused> {
    let key = Key::p384("ak");
    let public = PublicSpec::ak(&key, Some((ECDSA, Hash::Sha384)));
    let value = vec![7; 32];
    let attest = AttestSpec::quote(
        &public.qualified_name(),
        &[],
        (SHA256, [0x80, 0, 0]),
        &Hash::Sha384.digest(&value),
    );
    let attest = attest.build();
    let signature = key.sign(ECDSA, Hash::Sha384, &attest);
    let quote = QuoteSpec { attest, signature, values: vec![(SHA256, 7, value)] };
    let bytes = evidence(&[quote], &AkSpec::Public(public.build()), &[]);
    let evidence = TpmEvidence::parse(&bytes).unwrap();
    assert!(matches!(evidence.ak, AttestationKey::Public(_)));
    let mut anchors = TrustAnchors::pinned();
    anchors.vtpm.add_root(&root()).unwrap();
    pin.into_iter().for_each(|spki| anchors.vtpm.add_key(TrustedAk::pinned_spki(spki)));
    let mut carried = Collateral::new();
    carried.add(leaf).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_768_478_400));
    let context = Context::new(BUILT_IN[0], &anchors, now, Expect::AnyReportData);
    evidence.verify(&carried, &Store::new(), &context)
}

/// The claims that speak of the certificate, as text.
fn said(claims: &Claims) -> Vec<String> {
    let mut out = Vec::new();
    claims.for_each(|name, value| {
        if name.starts_with("certificate") || name.starts_with("gce") {
            out.push(format!("{name}={value}"));
        }
    });
    out
}

#[test]
fn a_production_instance_is_named() {
    let verified = verify(&leaf(common_name("1234"), Some(instance(&[5], true))), None).unwrap();
    let claims = verified.claims();
    assert_eq!(claims.ak_path(), AkPath::Certificate);
    let certificate = claims.certificate().unwrap();
    let Some(GceInfo::Instance(instance)) = certificate.gce() else { panic!("{certificate:?}") };
    assert_eq!((instance.project_number(), instance.instance_id()), (5, u64::MAX >> 1));
    let expected = [
        "certificate_subject=1234",
        "gce_production=yes",
        "gce_zone=zone-a",
        "gce_project_number=5",
        "gce_project_id=project",
        "gce_instance_id=9223372036854775807",
        "gce_instance_name=name",
        "gce_security_version=9",
    ];
    assert_eq!(said(claims), expected);
}

#[test]
fn another_instance_is_not() {
    let verified = verify(&leaf(common_name("1234"), Some(instance(&[5], false))), None).unwrap();
    assert_eq!(said(verified.claims()), ["certificate_subject=1234", "gce_production=no"]);
    let verified = verify(&leaf(common_name("1234"), None), None).unwrap();
    assert_eq!(said(verified.claims()), ["certificate_subject=1234"]);
    // An empty subject, as older certificates of TPMs have it.
    let verified = verify(&leaf(seq(&[]), None), None).unwrap();
    assert_eq!(said(verified.claims()), ["certificate_subject=-"]);
}

#[test]
fn what_cannot_be_read_is_not_passed_over() {
    let good = instance(&[5], true);
    for value in [
        instance(&[0xff], true),
        instance(&[0x80, 0], false),
        instance(&[0, 1], true),
        instance(&[], true),
        [good.clone(), vec![0]].concat(),
        good[..good.len() - 1].to_vec(),
        Vec::new(),
    ] {
        let refused = verify(&leaf(common_name("1234"), Some(value)), None).unwrap_err();
        assert_eq!(refused.error.check_id(), Some("vtpm.certificate.gce-instance"));
        assert!(refused.checks.iter().any(|line| line.check.id == "vtpm.ak.chain"));
    }
}

#[test]
fn a_pinned_key_needs_no_certificate_and_says_nothing_of_it() {
    let pin = Sha256::digest(Key::p384("ak").spki()).into();
    for gce in [instance(&[5], true), instance(&[0xff], true)] {
        let verified = verify(&leaf(common_name("1234"), Some(gce)), Some(pin)).unwrap();
        assert_eq!((verified.claims().ak_path(), verified.claims().certificate()), (AkPath::Pinned, None));
        assert!(said(verified.claims()).is_empty());
    }
}
