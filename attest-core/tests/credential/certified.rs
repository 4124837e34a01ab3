//! From a vendor's root to the claims of a quote: certificate, activation, quote, and a key that the activated one certifies.

use std::collections::BTreeMap;

use attest_core::claims::Root;
use attest_core::collateral::Collateral;
use attest_core::crypto::BUILT_IN;
use attest_core::rules::{OneOf, Registers, Unusual};
use attest_core::tee::vtpm::certify::CertifiedKey;
use attest_core::tee::vtpm::credential::{
    Activation, Form, RANDOM_LEN, Randomness, Response, Sensitive, Start, TrustedEk,
};
use attest_core::tee::vtpm::signed::SignedBy;
use attest_core::tee::vtpm::{
    self, AkPath, AttestationKey, EkCertificate, Public, Revocation, TYPE_CERTIFY, TpmEvidence, TpmKind,
    TrustedAk,
};
use attest_core::{
    Claims, Context, Evidence, Expect, Format, Policy, Store, TrustAnchors, UnixTime, Verdict, Verified,
    Verifier,
};
use sha2::{Digest, Sha256};
use vectors_generate::der_out::{context, oid, seq, set, utf8};
use vectors_generate::tpm::{AkSpec, AttestSpec, ECDSA, Key, PublicSpec, QuoteSpec, evidence, sized};
use vectors_generate::{CertSpec, Ext, Hash};

use super::device::Private;

/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

/// 2026-01-15T12:00:00Z.
const NOW: u64 = 1_768_478_400;

/// The endorsement key, its certificate checked against a vendor's root.
fn endorsed() -> TrustedEk {
    let key = Key::p256("ek");
    let maker = seq(&[&context(4, &[&seq(&[&set(&[&seq(&[&oid("2.23.133.2.1"), &utf8("id:54455354")])])])])]);
    let extensions = vec![Ext::key_usage([3, 0x08]), Ext::critical("2.5.29.17", maker)];
    let leaf = CertSpec { spki: key.spki(), ..CertSpec::labelled("TPM", "vendor", extensions) };
    let mut anchors = TrustAnchors::pinned();
    let root = CertSpec::authority("vendor", "vendor").build();
    anchors.vtpm.add_vendor_root(&root, TpmKind::Discrete).unwrap();
    let cx = Context::new(BUILT_IN[0], &anchors, at(NOW), Expect::AnyReportData);
    let (carried, store) = (Collateral::new(), Store::new());
    let certificate = EkCertificate::verify(&leaf.build(), &carried, &store, Unusual::Any, &cx).unwrap();
    TrustedEk::certified(&PublicSpec::ek(&key).build(), &certificate, BUILT_IN[0]).unwrap()
}

fn ak() -> (Key, PublicSpec) {
    let key = Key::p256("ak");
    let public = PublicSpec::ak(&key, Some((ECDSA, Hash::Sha256)));
    (key, public)
}

/// The attestation key in the TPM of that endorsement key.
fn activated() -> TrustedAk {
    let (ek, (_, public)) = (endorsed(), ak());
    let public = public.build();
    let start = Start::new(&ek, &public, b"session", Form::Mac, at(NOW));
    let random = Randomness::new([7; RANDOM_LEN]);
    let (mut activation, challenge) = Activation::start(start, &random, BUILT_IN[0]).unwrap();
    let device = Private::P256(p256::SecretKey::from_slice(&Sha256::digest("ek")).unwrap());
    let ak_name = Public::parse(&public).unwrap().name(BUILT_IN[0]).unwrap();
    let secret =
        device.activate(&Public::parse(ek.as_bytes()).unwrap(), &ak_name, &challenge).unwrap().secret;
    let proof = Response::prove(&Sensitive::new(&secret), ek.name(), &ak_name, b"session");
    let activated = activation.answer(&proof, at(NOW)).unwrap();
    assert_eq!((activated.ek(), activated.root()), (ek.claims(), Root::DiscreteTpm));
    TrustedAk::activated(&activated)
}

/// Verifies a quote by a key that is trusted.
fn quote((key, public): &(Key, PublicSpec), trusted: TrustedAk) -> Verified<vtpm::Claims> {
    let value = vec![7; 32];
    let digest = Hash::Sha256.digest(&value);
    let attest = AttestSpec::quote(&public.qualified_name(), &[], (SHA256, [0x80, 0, 0]), &digest).build();
    let signature = key.sign(ECDSA, Hash::Sha256, &attest);
    let quote = QuoteSpec { attest, signature, values: vec![(SHA256, 7, value)] };
    let bytes = evidence(&[quote], &AkSpec::Public(public.build()), &[]);
    let evidence = TpmEvidence::parse(&bytes).unwrap();
    assert!(matches!(evidence.ak, AttestationKey::Public(_)));
    let mut anchors = TrustAnchors::pinned();
    anchors.vtpm.add_key(trusted);
    let cx = Context::new(BUILT_IN[0], &anchors, at(NOW), Expect::AnyReportData);
    evidence.verify(&Collateral::new(), &Store::new(), &cx).unwrap()
}

fn said(claims: &vtpm::Claims) -> BTreeMap<&'static str, String> {
    let mut said = BTreeMap::new();
    claims.for_each(|name, value| drop(said.insert(name, value.to_string())));
    said
}

#[test]
fn the_certificate_of_the_tpm_comes_out_of_the_quote() {
    let trusted = activated();
    assert_eq!((trusted.path(), trusted.root()), (AkPath::Activation, Root::DiscreteTpm));
    let verified = quote(&ak(), trusted);
    let claims = verified.claims();
    assert_eq!((claims.ak_path(), claims.root()), (AkPath::Activation, Root::DiscreteTpm));
    assert_eq!(claims.revocation(), Some(Revocation::Unchecked));
    let all = said(claims);
    for (name, value) in [("ek_manufacturer", "id:54455354"), ("ek_subject", "TPM"), ("ek_serial", "07")] {
        assert_eq!(all.get(name).map(String::as_str), Some(value), "{name}");
    }
    let spki = Sha256::digest(Key::p256("ek").spki());
    assert_eq!(claims.ek().unwrap().spki_sha256().as_bytes(), spki.as_slice());
}

/// A policy that lists TPMs takes this one, and no other; one that demands lists of revoked certificates misses them.
#[test]
fn a_policy_can_list_tpms() {
    let spki: [u8; 32] = Sha256::digest(Key::p256("ek").spki()).into();
    let judge = |change: fn(&mut vtpm::Policy, [u8; 32]), spki| {
        let mut policy = vtpm::Policy::strict(OneOf::only(Root::DiscreteTpm), Registers::Any);
        policy.stale_evidence = Unusual::Any;
        change(&mut policy, spki);
        let (key, public) = ak();
        let digest = Hash::Sha256.digest(&[7; 32]);
        let attest =
            AttestSpec::quote(&public.qualified_name(), &[], (SHA256, [0x80, 0, 0]), &digest).build();
        let signature = key.sign(ECDSA, Hash::Sha256, &attest);
        let quote = QuoteSpec { attest, signature, values: vec![(SHA256, 7, vec![7; 32])] };
        let bytes = evidence(&[quote], &AkSpec::Public(public.build()), &[]);
        let mut anchors = TrustAnchors::pinned();
        anchors.vtpm.add_key(activated());
        let cx = Context::new(BUILT_IN[0], &anchors, at(NOW), Expect::AnyReportData);
        let verified =
            Verifier::new().verify(&Evidence::new(Format::Vtpm, bytes), &Store::new(), &cx).unwrap();
        assert!(matches!(verified.claims(), Claims::Vtpm(_)));
        match Policy::for_vtpm(policy).judge(verified) {
            Verdict::Accepted(_) => None,
            Verdict::Rejected(rejected) => rejected.checks().gravest().map(|entry| entry.check.id),
        }
    };
    let listed = |policy: &mut vtpm::Policy, spki| policy.machine.ek_spki_sha256 = OneOf::only(spki);
    assert_eq!(judge(listed, spki), None);
    assert_eq!(judge(listed, [7; 32]), Some("vtpm.policy.ek-spki-sha256"));
    let lists = |policy: &mut vtpm::Policy, _| policy.unchecked_revocation = Unusual::Refuse;
    assert_eq!(judge(lists, spki), Some("vtpm.policy.revocation"));
    let root =
        |policy: &mut vtpm::Policy, _| policy.roots = OneOf::Listed(vec![Root::Software, Root::Hardware]);
    assert_eq!(judge(root, spki), Some("vtpm.policy.root"));
}

/// What vouches for a certifier goes on to what it certifies; the certifier may be an activated key, or the key of a quote.
#[test]
fn a_certified_key_is_of_its_certifier_s_tpm() {
    let (key, public) = ak();
    let second = Key::p256("second");
    let second = (second.clone(), PublicSpec::ak(&second, Some((ECDSA, Hash::Sha256))));
    let subject = second.1.build();
    // TPMS_ATTEST of TPM2_Certify: its union is two names.
    let mut attest = AttestSpec::quote(&public.qualified_name(), b"nonce", (SHA256, [0; 3]), &[]);
    attest.kind = TYPE_CERTIFY;
    (attest.count, attest.selection) = (None, vec![]);
    let head = attest.build();
    let head = &head[..head.len() - 4 - 2];
    let attest = [head, &sized(&second.1.name()), &sized(&second.1.qualified_name())].concat();
    let signature = key.sign(ECDSA, Hash::Sha256, &attest);
    let ak_public = public.build();
    let of_quote = TrustedAk::of_quote(&quote(&ak(), activated())).unwrap();
    assert_eq!(of_quote, activated());
    for certifier in [activated(), of_quote] {
        let signer = Public::parse(&ak_public).unwrap();
        let signed =
            SignedBy::verify(&attest, TYPE_CERTIFY, &signature, signer, &certifier, BUILT_IN[0]).unwrap();
        let subject = Public::parse(&subject).unwrap();
        let certified = CertifiedKey::check(&signed, subject, b"nonce", BUILT_IN[0]).unwrap();
        let trusted = TrustedAk::certified(&certified);
        let verified = quote(&second, trusted);
        let claims = verified.claims();
        assert_eq!((claims.ak_path(), claims.root()), (AkPath::Certify, Root::DiscreteTpm));
        assert_eq!(claims.ek(), Some(endorsed().claims()));
    }
}
