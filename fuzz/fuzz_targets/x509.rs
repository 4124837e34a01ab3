//! Certificates and CRLs are read or refused, and what was read can be walked without an error.
#![no_main]

use attest_core::x509::{Certificate, CertificateList, Name};
use libfuzzer_sys::fuzz_target;

fn walk(name: Name<'_>) {
    name.for_each(|_, _| ()).expect("a name that was read");
    let _ = name.common_name();
}

fuzz_target!(|bytes: &[u8]| {
    match Certificate::parse(bytes) {
        Ok(certificate) => {
            assert_eq!(certificate.as_der(), bytes);
            walk(certificate.issuer());
            walk(certificate.subject());
            for extension in certificate.extensions() {
                let extension = extension.expect("an extension that was read");
                assert_eq!(certificate.extension(extension.id), Some(extension));
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
