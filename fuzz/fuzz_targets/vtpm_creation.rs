//! One key that vouches for another, with a provider that believes every signature. Input: blobs behind two bytes of length: an
//! attestation, its signature, who signed, the key, its creation data. What is vouched for is the key and the data handed in.
#![no_main]

use attest_core::tee::vtpm::certify::CertifiedKey;
use attest_core::tee::vtpm::creation::{CreatedKey, CreationData, ExpectedCreation, Locality};
use attest_core::tee::vtpm::signed::SignedBy;
use attest_core::tee::vtpm::{Public, TYPE_CERTIFY, TYPE_CREATION, TrustedAk};
use attestrap_fuzz::blobs;
use attestrap_fuzz::tpm::CREDULOUS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let parts = blobs(bytes);
    let [attest, signature, signer, subject, data] = *parts else { return };
    if let Ok(read) = CreationData::parse(data) {
        assert_eq!(read.as_bytes(), data);
        assert!(read.selection().iter().all(|entry| entry.indices().all(|index| index < 24)));
    }
    let (Ok(signer), Ok(subject)) = (Public::parse(signer), Public::parse(subject)) else { return };
    let Ok(name) = signer.name(&CREDULOUS) else { return };
    let trusted = TrustedAk::pinned(name);
    if let Ok(signed) = SignedBy::verify(attest, TYPE_CREATION, signature, signer, &trusted, &CREDULOUS) {
        assert!(signer.attributes().are_an_attestation_keys());
        let expect = ExpectedCreation::new(b"", b"", &[Locality(0), Locality(3)]);
        if let Ok(created) = CreatedKey::check(&signed, subject, data, &expect, &CREDULOUS) {
            assert_eq!((created.public(), created.data().as_bytes()), (&subject, data));
            assert!(signed.attest().extra_data().is_empty() && created.data().outside_info().is_empty());
        }
    }
    if let Ok(signed) = SignedBy::verify(attest, TYPE_CERTIFY, signature, signer, &trusted, &CREDULOUS) {
        if let Ok(certified) = CertifiedKey::check(&signed, subject, b"", &CREDULOUS) {
            assert_eq!(certified.public(), &subject);
            let algorithm = subject.name_alg().0.to_be_bytes();
            assert!(certified.qualified_name().as_bytes().starts_with(&algorithm));
            let _ = certified.primary_of(&CREDULOUS);
        }
    }
});
