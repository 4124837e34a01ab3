//! Certificates for ten minutes, as Fulcio issues them, and the log that has them (RFC 6962, 3).

use super::{MADE, certificate_log_key, id, sha256, sign};
use crate::der_out::{context_primitive, octets, oid, seq, utf8};
use crate::keys::{P256Key, P384Key};
use crate::{CertSpec, Ext, time};

/// Whom the certificate names.
pub const IDENTITY: &str = "https://example.test/release.yaml@refs/heads/main";
/// Who knows that name.
pub const ISSUER: &str = "https://identities.test";

const ROOT: &str = "root.authority.test";
const AUTHORITY: &str = "authority.test";
const SAN: &str = "2.5.29.17";
const EKU: &str = "2.5.29.37";
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
const FULCIO_ISSUER: &str = "1.3.6.1.4.1.57264.1.8";
const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";

/// The authority and its root.
pub fn authorities() -> [CertSpec; 2] {
    [CertSpec::authority(AUTHORITY, ROOT), CertSpec::authority(ROOT, ROOT)]
}

/// A certificate that no log has, and its key.
pub fn leaf() -> (CertSpec, P256Key) {
    let key = P256Key::from_label("short.test");
    let extensions = vec![
        Ext::key_usage([7, 0x80]),
        purposes(CODE_SIGNING),
        Ext::critical(SAN, seq(&[&context_primitive(6, IDENTITY.as_bytes())])),
        Ext::new(FULCIO_ISSUER, utf8(ISSUER)),
    ];
    let spec = CertSpec::labelled("short.test", AUTHORITY, extensions)
        .valid("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z")
        .with(|spec| {
            spec.spki = key.spki();
            // Fulcio's have no subject.
            spec.subject = seq(&[]);
        });
    (spec, key)
}

/// ExtendedKeyUsage with one purpose.
pub(crate) fn purposes(purpose: &str) -> Ext {
    Ext::new(EKU, seq(&[&oid(purpose)]))
}

/// The certificate with a timestamp of the log `key`, which it did not have when the log signed it.
pub fn logged(spec: &CertSpec, key: &P256Key) -> CertSpec {
    logged_often(spec, key, 1)
}

/// The certificate with that timestamp so many times.
pub(crate) fn logged_often(spec: &CertSpec, key: &P256Key, count: usize) -> CertSpec {
    let issuer = sha256(&[&P384Key::from_label(AUTHORITY).spki()]);
    let made = (time::unix(MADE) * 1000).to_be_bytes();
    let tbs = spec.tbs();
    let len = u32::try_from(tbs.len()).expect("a short certificate").to_be_bytes();
    // v1, certificate_timestamp, the time, precert_entry, and no extensions.
    let signed = [&[0, 0][..], &made, &[0, 1], &issuer, &len[1..], &tbs, &[0, 0]].concat();
    let signature = sign(key, &signed);
    let with_length = |bytes: &[u8]| {
        let len = u16::try_from(bytes.len()).expect("a short list").to_be_bytes();
        [&len, bytes].concat()
    };
    let timestamp = [&[0][..], &id(key), &made, &[0, 0], &[4, 3], &with_length(&signature)].concat();
    let list = with_length(&with_length(&timestamp).repeat(count));
    spec.clone().adding(Ext::new(SCT_LIST, octets(&list)))
}

/// The certificate as it is when its log has it, and bent before.
pub(crate) fn bent(change: impl FnOnce(CertSpec) -> CertSpec) -> CertSpec {
    logged(&change(leaf().0), &certificate_log_key())
}
