//! Certificates and CRLs are read or refused, and what was read can be walked without an error. So is Google's extension.
#![no_main]

use attest_core::tee::vtpm::GceInfo;
use attest_core::x509::{Certificate, CertificateList, Name};
use libfuzzer_sys::fuzz_target;

fn walk(name: Name<'_>) {
    name.for_each(|_, _| ()).expect("a name that was read");
    let _ = name.common_name();
}

fn gce(value: &[u8]) {
    if let Err(error) = GceInfo::parse(value) {
        assert!(error.offset <= value.len() && !error.to_string().is_empty());
    }
}

fuzz_target!(|bytes: &[u8]| {
    gce(bytes);
    match Certificate::parse(bytes) {
        Ok(certificate) => {
            assert_eq!(certificate.as_der(), bytes);
            walk(certificate.issuer());
            walk(certificate.subject());
            for extension in certificate.extensions() {
                let extension = extension.expect("an extension that was read");
                assert_eq!(certificate.extension(extension.id), Some(extension));
                gce(extension.value);
            }
            let _ = (certificate.authority(), certificate.validity(), certificate.public_key());
            let _ =
                (certificate.key_usage(), certificate.basic_constraints(), certificate.subject_alt_name());
            for purpose in certificate.purposes().iter().flat_map(|purposes| purposes.iter()) {
                assert!(certificate.purposes().is_some_and(|purposes| purposes.contains(purpose)));
            }
            assert!(!certificate.serial().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match CertificateList::parse(bytes) {
        Ok(crl) => {
            assert_eq!(crl.as_der(), bytes);
            walk(crl.issuer());
            crl.for_each_revoked(|serial| assert!(crl.revokes(serial))).expect("a list that was read");
            let _ = (crl.number(), crl.next_update(), crl.this_update());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
