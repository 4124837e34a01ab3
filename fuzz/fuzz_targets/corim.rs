//! Manifests in CBOR are read or refused within their bounds. With every environment known, what is imported is a document that can
//! be written, and no constraint is lost in silence. With a provider that believes every signature, what is trusted is the payload.
#![no_main]

use std::time::Duration;

use attest_core::UnixTime;
use attest_measurements::formats::corim::{Comid, Corim, Kind, write};
use attest_measurements::reference::{Consent, ReferenceValues};
use attest_measurements::trust::corim;
use attestrap_fuzz::measurements::{KEY, ORIGIN, kind_of};
use attestrap_fuzz::tpm::BELIEVING;
use libfuzzer_sys::fuzz_target;

fn import(manifest: &Corim<'_>, only: Option<Kind>) {
    let consent = Consent::NONE;
    let imported = manifest.to_reference_values(&ORIGIN, &consent, |environment| match only {
        Some(kind) => Some(kind),
        None => kind_of(environment),
    });
    let Ok(imported) = imported else { return };
    let foreign = manifest.comids.iter().any(|comid| comid.triples.iter().any(|(kind, _)| *kind != 0));
    let lossy = manifest.profile.is_some() || !manifest.unread.is_empty() || foreign;
    let places: Vec<String> = imported.losses().iter().map(|loss| loss.at.clone()).collect();
    assert!(!lossy || imported.clone().complete().is_err(), "a constraint was lost in silence");
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let values = imported.despite(&places).expect("every loss is named");
    assert_eq!(ReferenceValues::from_json(values.to_json().as_bytes(), &consent).as_ref(), Ok(&values));
    if let Ok(Ok(bytes)) = write(&values, "vendor").map(|written| written.complete()) {
        let again = Corim::parse(&bytes).expect("what we wrote");
        let again = again.to_reference_values(&ORIGIN, &consent, kind_of).expect("what we wrote");
        assert_eq!(again.complete().as_ref(), Ok(&values));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = Comid::parse(bytes) {
        assert!(error.offset <= bytes.len() && !error.to_string().is_empty());
    }
    let now = UnixTime::since_unix_epoch(Duration::from_secs(ORIGIN.issued));
    let signed = corim::verify(bytes, &KEY, now, &BELIEVING).map(|trusted| trusted.bytes());
    if let Ok(payload) = signed {
        assert!(bytes.windows(payload.len().max(1)).any(|window| window == payload) || payload.is_empty());
    }
    match Corim::parse(signed.unwrap_or(bytes)) {
        Ok(manifest) => {
            for only in [None, Some(Kind::Nitro), Some(Kind::Snp), Some(Kind::Tdx), Some(Kind::Tpm)] {
                import(&manifest, only);
            }
        }
        Err(error) => assert!(error.offset <= bytes.len() && !error.to_string().is_empty()),
    }
});
