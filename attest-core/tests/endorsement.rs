//! Certificates of endorsement keys as clouds and simulators issue them.

#[path = "credential/manifest.rs"]
mod manifest;

use std::collections::BTreeMap;
use std::time::Duration;

use attest_core::claims::Root;
use attest_core::collateral::Collateral;
use attest_core::crypto::BUILT_IN;
use attest_core::rules::Unusual;
use attest_core::tee::vtpm::{EkCertificate, Revocation, TpmKind};
use attest_core::x509::Certificate;
use attest_core::{Context, Expect, Store, TrustAnchors, UnixTime};
use manifest::{bytes, entries, file, text};

#[test]
fn certificates_say_whose_tpm_it_is() {
    let mut seen = BTreeMap::new();
    for (folder, entry) in entries("ek-certificate") {
        let id = text(&entry, "id");
        let file = |name: &str| file(&folder, &entry, name);
        let (leaf, root) = (file("leaf"), file("root_0"));
        let mut carried = Collateral::new();
        carried.add(&file("intermediate_0")).unwrap();
        // All are valid from their first second on.
        let now = Certificate::parse(&leaf).unwrap().validity().not_before;
        let verify = |kind: Option<TpmKind>, unlisted| {
            let mut anchors = TrustAnchors::pinned();
            match kind {
                None => anchors.vtpm.add_root(&root).unwrap(),
                Some(kind) => anchors.vtpm.add_vendor_root(&root, kind).unwrap(),
            }
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
            let context = Context::new(BUILT_IN[0], &anchors, now, Expect::AnyReportData);
            EkCertificate::verify(&leaf, &carried, &Store::new(), unlisted, &context)
        };
        let certificate = verify(None, Unusual::Any).expect(id);
        let google = id.starts_with("gcp");
        assert_eq!(certificate.root(), if google { Root::CloudVtpm } else { Root::Caller }, "{id}");
        // A cloud's root stays a cloud's, whatever is said of it.
        let labelled = verify(Some(TpmKind::Discrete), Unusual::Any).unwrap().root();
        assert_eq!(labelled, if google { Root::CloudVtpm } else { Root::DiscreteTpm }, "{id}");
        let unlisted = verify(None, Unusual::Refuse).unwrap_err();
        assert_eq!(unlisted.error.check_id(), Some("vtpm.ek.crl-present"), "{id}");
        let claims = certificate.claims();
        assert_eq!(claims.revocation(), Some(Revocation::Unchecked), "{id}");
        assert_eq!(claims.spki_sha256().as_bytes(), bytes(&entry["expected"], "spki_sha256"), "{id}");
        let identity = claims.identity().unwrap();
        let attributes = [identity.manufacturer(), identity.model(), identity.version()];
        seen.insert(id.to_owned(), attributes.map(|text| text.map(str::to_owned)));
    }
    for (id, found) in &seen {
        let expected = match id.as_str() {
            "gcp-uca-ecc-ek" => [Some("id:474F4F47"), Some("vTPM"), Some("id:20160511")],
            id if id.starts_with("swtpm") => [Some("id:00001014"), Some("swtpm"), Some("id:20191023")],
            _ => [None; 3],
        };
        assert_eq!(found.each_ref().map(|text| text.as_deref()), expected, "{id}");
    }
}
