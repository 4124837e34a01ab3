//! Keys that other keys vouch for: certification and attested creation, with every provider of this build.

#[path = "credential/manifest.rs"]
mod manifest;

use attest_core::crypto::BUILT_IN;
use attest_core::error::Error;
use attest_core::tee::vtpm::AlgorithmId;
use attest_core::tee::vtpm::Signature;
use attest_core::tee::vtpm::certify::CertifiedKey;
use attest_core::tee::vtpm::creation::{CreatedKey, CreationData, ExpectedCreation, Locality};
use attest_core::tee::vtpm::signed::SignedBy;
use attest_core::tee::vtpm::{Attested, TYPE_CERTIFY, TYPE_CREATION};
use attest_core::tee::vtpm::{Attributes, Hierarchy, Name, Public, TrustedAk};
use manifest::{bytes, entries, file, text};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What the manifest says of every attestation: the fields outside the union, the signature and the key that signed.
fn compare(signed: &SignedBy<'_>, signature: &Signature<'_>, expected: &Value) {
    let (attest, signer) = (signed.attest(), signed.signer());
    let (clock, number) = (attest.clock(), |key: &str| expected[key].as_u64().unwrap());
    assert_eq!(format!("{:#06x}", attest.kind()), text(expected, "type"));
    assert_eq!(attest.qualified_signer(), bytes(expected, "qualified_signer"));
    assert_eq!(attest.extra_data(), bytes(expected, "extra_data"));
    assert_eq!(clock.clock, number("clock_ms"));
    assert_eq!(u64::from(clock.reset_count), number("reset_count"));
    assert_eq!(u64::from(clock.restart_count), number("restart_count"));
    assert_eq!(u64::from(clock.safe), number("safe"));
    assert_eq!(format!("{:#018x}", attest.firmware_version()), text(expected, "firmware_version"));
    assert_eq!(signature.scheme.to_string(), text(&expected["signature"], "scheme"));
    assert_eq!(signature.hash.to_string(), text(&expected["signature"], "hash"));
    let (provider, ak) = (BUILT_IN[0], &expected["ak"]);
    let name = signer.name(provider).unwrap();
    assert_eq!(name.as_bytes(), bytes(ak, "name"));
    assert_eq!(signer.name_alg().to_string(), text(ak, "name_alg"));
    assert_eq!(format!("{:?}", signer.attributes()), text(ak, "attributes"));
    let named: Vec<&str> = Attributes::NAMES
        .iter()
        .filter(|(bit, _)| signer.attributes().0 >> bit & 1 == 1)
        .map(|(_, name)| *name)
        .collect();
    assert_eq!(serde_json::json!(named), ak["attribute_names"]);
    let hierarchy = Hierarchy::ALL.into_iter().find(|hierarchy| {
        name.qualified(&hierarchy.handle(), provider).unwrap().as_bytes() == attest.qualified_signer()
    });
    assert_eq!(
        hierarchy.map(Hierarchy::name),
        ak["qualified_signer_is_primary_of"].as_str(),
        "the hierarchy of the key that signed"
    );
}

/// The caller stands for the key that signs.
fn pinned(ak: Public<'_>) -> TrustedAk {
    TrustedAk::pinned(ak.name(BUILT_IN[0]).unwrap())
}

/// The manifest's word for a refusal.
fn verdict(error: &Error) -> &'static str {
    match error.check_id().unwrap() {
        "vtpm.certify.name" | "vtpm.creation.name" => "name-mismatch",
        "vtpm.creation.hash" => "creation-hash-mismatch",
        other => panic!("{other}"),
    }
}

#[test]
fn certifications_end_as_the_manifest_says() {
    for (folder, entry) in entries("certify") {
        let file = |name: &str| file(&folder, &entry, name);
        let (attest, sig, ak, subject) = (file("attest"), file("sig"), file("ak"), file("subject"));
        let (ak, subject) = (Public::parse(&ak).unwrap(), Public::parse(&subject).unwrap());
        for provider in BUILT_IN {
            let trusted = pinned(ak);
            let signed = SignedBy::verify(&attest, TYPE_CERTIFY, &sig, ak, &trusted, provider).unwrap();
            compare(&signed, &Signature::parse(&sig).unwrap(), &entry["expected"]);
            let Attested::Certify { name, qualified_name } = signed.attest().attested() else { panic!() };
            assert_eq!(*name, bytes(&entry["expected"], "certified_name"));
            assert_eq!(*qualified_name, bytes(&entry["expected"], "certified_qualified_name"));
            let outcome = CertifiedKey::check(&signed, subject, &file("nonce"), provider);
            match &outcome {
                Ok(certified) => {
                    assert_eq!(text(&entry, "verdict"), "valid");
                    assert_eq!(certified.name().as_bytes(), *name);
                    assert_eq!(certified.qualified_name().as_bytes(), *qualified_name);
                    assert_eq!(certified.primary_of(provider).unwrap(), Some(Hierarchy::Endorsement));
                    let other = CertifiedKey::check(&signed, subject, &[0; 32], provider).unwrap_err();
                    assert_eq!(other.check_id(), Some("vtpm.certify.extra-data"));
                    // Whom nobody trusts, or whose numbers only are known, certifies nobody.
                    let spki = <[u8; 32]>::try_from(Sha256::digest(ak.spki().unwrap()).as_slice()).unwrap();
                    for stranger in [
                        TrustedAk::pinned(subject.name(provider).unwrap()),
                        TrustedAk::pinned(Name::from_bytes(&[&[0, 0x0b][..], &[7; 32]].concat()).unwrap()),
                        TrustedAk::pinned_spki(spki),
                    ] {
                        let refused = SignedBy::verify(&attest, TYPE_CERTIFY, &sig, ak, &stranger, provider);
                        assert_eq!(refused.unwrap_err().check_id(), Some("vtpm.attested.signer"));
                    }
                    assert_eq!(certified.certifier(), &trusted);
                    // A signature over a certification says nothing of a creation.
                    let creation =
                        SignedBy::verify(&attest, TYPE_CREATION, &sig, ak, &trusted, provider).unwrap_err();
                    assert_eq!(creation.check_id(), Some("vtpm.wire.type"));
                    every_octet_is_signed(&attest, &sig, ak, TYPE_CERTIFY, provider);
                }
                Err(error) => assert_eq!(text(&entry, "verdict"), verdict(error)),
            }
        }
    }
}

#[test]
fn attested_creations_end_as_the_manifest_says() {
    for (folder, entry) in entries("creation") {
        let file = |name: &str| file(&folder, &entry, name);
        let (attest, sig, ak_bytes, data) = (file("attest"), file("sig"), file("ak"), file("creation_data"));
        let ak = Public::parse(&ak_bytes).unwrap();
        // Where no other is named, the key attests its own creation.
        let subject_bytes =
            entry["files"]["subject"].as_str().map_or_else(|| ak_bytes.clone(), |_| file("subject"));
        let subject = Public::parse(&subject_bytes).unwrap();
        for provider in BUILT_IN {
            let trusted = pinned(ak);
            let signed = SignedBy::verify(&attest, TYPE_CREATION, &sig, ak, &trusted, provider).unwrap();
            compare(&signed, &Signature::parse(&sig).unwrap(), &entry["expected"]);
            let Attested::Creation { object_name, creation_hash } = signed.attest().attested() else {
                panic!()
            };
            assert_eq!(*object_name, bytes(&entry["expected"], "created_name"));
            assert_eq!(*creation_hash, bytes(&entry["expected"], "creation_hash"));
            let nonce = file("nonce");
            let check = |nonce: &[u8], outside: &[u8], localities: &[Locality]| {
                let expect = ExpectedCreation::new(nonce, outside, localities);
                CreatedKey::check(&signed, subject, &data, &expect, provider)
            };
            match check(&nonce, b"", &[Locality(0)]) {
                Ok(created) => {
                    assert_eq!(text(&entry, "verdict"), "valid");
                    assert_eq!(created.name().as_bytes(), *object_name);
                    assert_eq!(created.qualified_name().as_bytes(), signed.attest().qualified_signer());
                    assert_eq!(created.data().hierarchy(), Some(Hierarchy::Endorsement));
                    assert_eq!(created.data().as_bytes(), data);
                    let refusal = |outcome: Result<CreatedKey<'_>, Error>| outcome.unwrap_err().check_id();
                    assert_eq!(refusal(check(b"x", b"", &[Locality(0)])), Some("vtpm.creation.extra-data"));
                    assert_eq!(refusal(check(b"", b"x", &[Locality(0)])), Some("vtpm.creation.outside-info"));
                    assert_eq!(refusal(check(b"", b"", &[Locality(3)])), Some("vtpm.creation.locality"));
                    assert_eq!(refusal(check(b"", b"", &[])), Some("vtpm.creation.locality"));
                }
                Err(error) => assert_eq!(text(&entry, "verdict"), verdict(&error)),
            }
        }
    }
}

fn every_octet_is_signed(
    attest: &[u8],
    sig: &[u8],
    ak: Public<'_>,
    kind: u16,
    provider: &attest_core::crypto::CryptoProvider,
) {
    let trusted = pinned(ak);
    for index in 0..attest.len() {
        let mut changed = attest.to_vec();
        changed[index] ^= 1;
        assert!(SignedBy::verify(&changed, kind, sig, ak, &trusted, provider).is_err(), "attest {index}");
    }
    for index in 0..sig.len() {
        let mut changed = sig.to_vec();
        changed[index] ^= 1;
        assert!(SignedBy::verify(attest, kind, &changed, ak, &trusted, provider).is_err(), "sig {index}");
    }
}

/// TPMS_CREATION_DATA: no registers, an empty digest, then the given locality and parent, no outsideInfo.
fn creation_data(locality: u8, parent_alg: u16, parent: &[u8], qualified: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 0, 0, 0, locality];
    out.extend(parent_alg.to_be_bytes());
    for name in [parent, qualified, &[]] {
        out.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        out.extend(name);
    }
    out
}

#[test]
fn creation_data_have_one_form() {
    let owner = Hierarchy::Owner.handle();
    let name = [&[0, 0x0b][..], &[7; 32]].concat();
    let good = creation_data(1, 0x10, &owner, &owner);
    let data = CreationData::parse(&good).unwrap();
    assert_eq!((data.locality(), data.hierarchy()), (Locality(0), Some(Hierarchy::Owner)));
    assert_eq!(data.parent_name_alg(), AlgorithmId::NULL);
    for len in 0..good.len() {
        assert!(CreationData::parse(&good[..len]).is_err(), "{len}");
    }
    assert!(CreationData::parse(&[&good[..], &[0]].concat()).is_err());
    let keyed = creation_data(0x20, 0x0b, &name, &name);
    let data = CreationData::parse(&keyed).unwrap();
    assert_eq!((data.locality(), data.hierarchy()), (Locality(32), None));
    assert!(Name::from_bytes(data.parent_name()).is_some());

    let refused = |bytes: Vec<u8>| CreationData::parse(&bytes).unwrap_err().check_id();
    for locality in [0, 3, 5, 0x1f] {
        assert_eq!(refused(creation_data(locality, 0x10, &owner, &owner)), "vtpm.creation.wire-locality");
    }
    for (parent, qualified) in
        [(&owner[..3], &owner[..]), (&owner, &name), (&name, &owner), (&[0x40, 0, 0, 9], &owner)]
    {
        assert_eq!(refused(creation_data(1, 0x10, parent, qualified)), "vtpm.creation.wire-parent");
    }
    for alg in [0x0c, 0x04] {
        assert_eq!(refused(creation_data(1, alg, &name, &name)), "vtpm.creation.wire-parent");
    }
    assert_eq!(refused(creation_data(1, 0x0b, &name[..33], &name)), "vtpm.creation.wire-parent");
}
