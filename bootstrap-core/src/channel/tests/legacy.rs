//! Evidence in certificates: bound to the certificate's key, and to nothing else.

use sha2::{Digest, Sha256};
use vectors_generate::{Ext, P384Key};

use super::*;
use crate::channel::legacy::{Carried, LegacyError, Scheme, Unbound, Variant};

const RA_TLS: &str = "1.2.840.113741.1337.6";

fn certificate(extensions: Vec<Ext>) -> Vec<u8> {
    CertSpec::labelled("legacy", "legacy", extensions).build()
}

/// RA-TLS with a quote over the SHA-256 of `key`.
fn ra_tls(key: &[u8]) -> Result<Unbound, LegacyError> {
    let mut data = [0; 64];
    data[..32].copy_from_slice(&Sha256::digest(key));
    let quote = Guest::new(1).quote(data);
    let der = certificate(vec![Ext::new(RA_TLS, quote.bytes.as_slice())]);
    let carried = Carried::read(&der)?;
    assert_eq!(carried.evidence(), quote.bytes);
    WORLD.with(|world| {
        let policy = &world.sets[0].policy;
        let provider = &crypto::aws_lc_rs::PROVIDER;
        carried.judge(&quote, (None, None), policy, &world.store, provider, &world.anchors, world.now)
    })
}

#[test]
fn evidence_must_be_over_the_certificates_key() {
    let unbound = ra_tls(&P384Key::from_label("legacy").spki()).unwrap();
    assert_eq!(unbound.scheme(), Scheme::RaTls);
    assert_eq!(unbound.accepted().claims().format(), Format::Snp);
    let foreign = ra_tls(&P384Key::from_label("another").spki()).unwrap_err();
    let LegacyError::Refused(refused) = foreign else { panic!("{foreign}") };
    assert_eq!(refused.error.check_id(), Some("snp.report.report-data"));
}

#[test]
fn constellations_nonce_is_hashed_behind_the_key() {
    let der = certificate(vec![Ext::new("1.3.9900.5.1", b"{}".as_slice())]);
    let carried = Carried::read(&der).unwrap();
    assert_eq!(carried.scheme(), Scheme::Constellation(Variant::QemuVtpm));
    assert_eq!(carried.evidence(), b"{}");
    let key = Sha256::digest(P384Key::from_label("legacy").spki());
    let digest = Sha256::new().chain_update(key).chain_update([7; 32]).finalize();
    let expects = carried.expects((Some(&[7; 32]), None)).unwrap();
    assert_eq!(expects.bytes(), Some(&digest[..]));
    let newer = Sha256::new().chain_update(b"info").chain_update(digest).finalize();
    let expects = carried.expects((Some(&[7; 32]), Some(b"info"))).unwrap();
    assert_eq!(expects.bytes(), Some(&newer[..]));
    let tdx = certificate(vec![Ext::new("1.3.9900.5.99", b"{}".as_slice())]);
    let expects = Carried::read(&tdx).unwrap().expects((Some(&[7; 32]), None)).unwrap();
    assert_eq!(expects.bytes(), Some(&[&digest[..], &[0; 32]].concat()[..]));
    // An empty nonce would make old evidence fresh: their server issues for one, and here it is refused.
    for nonce in [None, Some(&b""[..])] {
        assert!(matches!(carried.expects((nonce, None)), Err(LegacyError::Nonce(_))));
    }
}

#[test]
fn evidence_is_carried_once_or_not_read() {
    assert!(matches!(Carried::read(&certificate(Vec::new())), Err(LegacyError::NoEvidence)));
    let both = vec![Ext::new("1.3.9900.5.1", b"{}".as_slice()), Ext::new(RA_TLS, b"x".as_slice())];
    assert!(matches!(Carried::read(&certificate(both)), Err(LegacyError::Ambiguous(2))));
    let twice = vec![Ext::new(RA_TLS, b"x".as_slice()), Ext::new(RA_TLS, b"x".as_slice())];
    assert!(matches!(Carried::read(&certificate(twice)), Err(LegacyError::Malformed(_))));
    assert!(matches!(Carried::read(b""), Err(LegacyError::Malformed(_))));
}
