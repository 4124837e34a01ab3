//! What a TPM signs: quotes of both banks by every kind of attestation key, certifications, attested creations.

use attest_core::crypto::HashAlgorithm;
use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::tee::vtpm::Signature;
use attest_core::tee::vtpm::certify::CertifiedKey;
use attest_core::tee::vtpm::creation::{CreatedKey, ExpectedCreation, Locality};
use attest_core::tee::vtpm::signed::SignedBy;
use attest_core::tee::vtpm::{Attested, TYPE_CERTIFY, TYPE_CREATION, TYPE_QUOTE};
use attest_core::tee::vtpm::{Hierarchy, Public, TrustedAk};
use vectors_live::{AkKind, CERTIFY_NONCE, EkKind, LiveTpm};

const NONCE: &[u8] = &[0xa5; 32];

#[test]
fn quotes_of_every_key_read_and_verify() {
    let Some(tpm) = LiveTpm::start("quotes_of_every_key_read_and_verify") else { return };
    tpm.create_ek(EkKind::Rsa2048);
    tpm.extend(11, "sha256", &[1; 32]);
    tpm.extend(4, "sha384", &[2; 48]);
    for kind in AkKind::ALL {
        let ak = tpm.create_ak(kind);
        let public = Public::parse(&ak.public).unwrap();
        let trusted = TrustedAk::pinned(public.name(&PROVIDER).unwrap());
        assert_eq!(public.name(&PROVIDER).unwrap().as_bytes(), ak.name);
        assert!(public.attributes().are_an_attestation_keys(), "{kind:?}");
        for selection in ["sha256:0,7,11", "sha384:4,11", "sha384:4+sha256:0,11"] {
            let quote = tpm.quote(&ak, kind, selection, NONCE);
            let signature = Signature::parse(&quote.signature).unwrap();
            assert_eq!(signature.scheme.to_string(), kind.scheme);
            assert_eq!(signature.hash.to_string(), kind.hash);
            let signed =
                SignedBy::verify(&quote.attest, TYPE_QUOTE, &quote.signature, public, &trusted, &PROVIDER)
                    .unwrap();
            assert_eq!(signed.attest().extra_data(), NONCE);
            // The values, bank by bank in the order of the selection, by the hash of the signature.
            let Attested::Quote { selection: banks, pcr_digest } = signed.attest().attested() else {
                panic!()
            };
            let values: Vec<u8> = banks
                .iter()
                .flat_map(|bank| tpm.pcr_values(&bank.bank.to_string(), &bank.indices().collect::<Vec<_>>()))
                .collect();
            let hash = HashAlgorithm::from_name(kind.hash).unwrap();
            let digest = PROVIDER.digest(hash, &[&values]).unwrap();
            assert_eq!(*pcr_digest, digest.as_bytes(), "{kind:?} {selection}");
            let mut changed = quote.attest.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert!(
                SignedBy::verify(&changed, TYPE_QUOTE, &quote.signature, public, &trusted, &PROVIDER)
                    .is_err()
            );
        }
    }
}

#[test]
fn certified_and_created_keys_are_what_they_say() {
    let Some(tpm) = LiveTpm::start("certified_and_created_keys_are_what_they_say") else { return };
    tpm.create_ek(EkKind::Rsa2048);
    let kind = AkKind::ALL[4];
    let ak = tpm.create_ak(kind);
    let certifier = Public::parse(&ak.public).unwrap();
    let trusted = TrustedAk::pinned(certifier.name(&PROVIDER).unwrap());
    let attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign";
    let subject = tpm.create_primary("subject", "ecc256", attributes);
    let public = Public::parse(&subject.public).unwrap();

    let files = tpm.certify(&ak, kind, &subject);
    let signed =
        SignedBy::verify(&files.attest, TYPE_CERTIFY, &files.signature, certifier, &trusted, &PROVIDER)
            .unwrap();
    let certified = CertifiedKey::check(&signed, public, CERTIFY_NONCE, &PROVIDER).unwrap();
    assert_eq!(certified.name().as_bytes(), subject.name);
    assert_eq!(certified.primary_of(&PROVIDER).unwrap(), Some(Hierarchy::Owner));
    let other = CertifiedKey::check(&signed, certifier, CERTIFY_NONCE, &PROVIDER).unwrap_err();
    assert_eq!(other.check_id(), Some("vtpm.certify.name"));

    let (files, data) = tpm.certify_creation(&ak, kind, "subject", NONCE);
    let signed =
        SignedBy::verify(&files.attest, TYPE_CREATION, &files.signature, certifier, &trusted, &PROVIDER)
            .unwrap();
    let expect = ExpectedCreation::new(NONCE, &[], &[Locality(0)]);
    let created = CreatedKey::check(&signed, public, &data, &expect, &PROVIDER).unwrap();
    assert_eq!(created.data().hierarchy(), Some(Hierarchy::Owner));
    assert_eq!(created.qualified_name(), certified.qualified_name());
}
