//! What RFC 5280 and DER leave no choice about, in certificates and CRLs: one deviation a case, and the field it is named by.

use attest_core::x509::{Certificate, CertificateList};
use vectors_generate::crl::revoked;
use vectors_generate::der_out::{
    BIT_STRING, BOOLEAN, INTEGER, boolean_true, context, null, octets, oid, seq, tlv, uint,
};
use vectors_generate::{CertSpec, CrlSpec, Ext, Line, Role, keys, oid as ext, time};

/// One extension with any octets where the critical flag belongs.
fn flagged(id: &str, flag: &[u8], value: &[u8]) -> Vec<u8> {
    seq(&[&oid(id), flag, &octets(value)])
}

/// The field that a certificate with these octets in the place of its extensions is refused by.
fn certificate(extensions: Vec<u8>) -> Option<&'static str> {
    let mut spec = CertSpec::ca(Line::Milan, Role::Ask);
    spec.extensions.clear();
    spec.before_extensions = extensions;
    Certificate::parse(&spec.build()).err().map(|error| {
        assert_eq!(error.structure, "certificate");
        error.field
    })
}

/// The same for a list of extensions.
fn listed(extensions: &[&[u8]]) -> Option<&'static str> {
    certificate(context(3, &[&seq(extensions)]))
}

#[test]
fn the_list_of_extensions_is_there_or_not() {
    assert_eq!(certificate(Vec::new()), None);
    assert_eq!(certificate(context(3, &[])), Some("extensions"), "a tag around nothing");
    assert_eq!(listed(&[]), Some("extensions"), "an empty list");
    let one = Ext::ski(&[7; 20]).der();
    assert_eq!(listed(&[&one]), None);
    assert_eq!(certificate(context(3, &[&seq(&[&one]), &null()])), Some("extensions"), "something after it");
    assert_eq!(certificate(context(3, &[&one])), Some("extensions"), "no list");
    assert_eq!(listed(&[&one, &one]), Some("extensions"), "twice");
    let many: Vec<_> = (0..33).map(|number| Ext::new(&format!("1.2.3.{number}"), null()).der()).collect();
    let many: Vec<_> = many.iter().map(Vec::as_slice).collect();
    assert_eq!(listed(&many[..32]), None);
    assert_eq!(listed(&many), Some("extensions"), "too many");
}

#[test]
fn critical_is_true_or_absent() {
    let value = Ext::ski(&[7; 20]).value;
    let with = |flag: &[u8]| listed(&[&flagged(ext::SKI, flag, &value)]);
    assert_eq!(with(&[]), None);
    assert_eq!(with(&boolean_true()), None);
    assert_eq!(with(&tlv(BOOLEAN, &[0])), Some("extensions"), "the default, written");
    assert_eq!(with(&tlv(BOOLEAN, &[1])), Some("extensions"), "a TRUE of BER");
    assert_eq!(with(&null()), Some("extensions"), "another type");
}

#[test]
fn extensions_that_are_read_are_read_when_parsed() {
    let with = |id, value: &[u8]| listed(&[&flagged(id, &boolean_true(), value)]);
    let usage = |content: &[u8]| with(ext::KEY_USAGE, &tlv(BIT_STRING, content));
    assert_eq!(usage(&[1, 6]), None);
    assert_eq!(usage(&[1, 4]), None, "as AMD writes keyCertSign");
    for bad in [&[0, 6][..], &[0, 4], &[2, 6], &[0, 0], &[0], &[0, 6, 0], &[8, 6]] {
        assert_eq!(usage(bad), Some("keyUsage"), "{bad:02x?}");
    }
    let constraints = |parts: &[&[u8]]| with(ext::BASIC_CONSTRAINTS, &seq(parts));
    assert_eq!(constraints(&[]), None);
    assert_eq!(constraints(&[&boolean_true(), &uint(3)]), None);
    for bad in [
        &[&tlv(BOOLEAN, &[0])[..]][..],
        &[&uint(0)],
        &[&boolean_true(), &tlv(INTEGER, &[0x80])],
        &[&boolean_true(), &tlv(INTEGER, &[0, 1])],
        &[&boolean_true(), &uint(0), &null()],
    ] {
        assert_eq!(constraints(bad), Some("basicConstraints"), "{bad:02x?}");
    }
    let purposes = |parts: &[&[u8]]| with("2.5.29.37", &seq(parts));
    assert_eq!(purposes(&[&oid("2.23.133.8.1")]), None);
    assert_eq!(purposes(&[]), Some("extKeyUsage"));
    assert_eq!(purposes(&[&null()]), Some("extKeyUsage"));
}

/// The field that a CRL is refused by; its parts are complete DER, in order.
fn crl(parts: &[&[u8]]) -> Option<&'static str> {
    let spec = CrlSpec::new(Line::Genoa);
    CertificateList::parse(&spec.build_around(&seq(parts))).err().map(|error| {
        assert_eq!(error.structure, "CRL");
        error.field
    })
}

/// The same with the usual front and these octets from revokedCertificates on.
fn from_revoked(rest: &[&[u8]]) -> Option<&'static str> {
    let spec = CrlSpec::new(Line::Genoa);
    let front = [&spec.version, &spec.inner_algorithm, &spec.issuer, &spec.this_update, &spec.next_update];
    let parts: Vec<&[u8]> = front.into_iter().map(Vec::as_slice).chain(rest.iter().copied()).collect();
    crl(&parts)
}

#[test]
fn a_crls_version_is_the_integer_one() {
    let spec = CrlSpec::new(Line::Genoa);
    let with = |version: &[u8]| crl(&[version, &spec.inner_algorithm, &spec.issuer, &spec.this_update]);
    assert_eq!(with(&uint(1)), None);
    for bad in [uint(0), uint(2), tlv(BOOLEAN, &[1]), octets(&[1]), tlv(INTEGER, &[0, 1]), Vec::new()] {
        assert_eq!(with(&bad), Some("version"), "{bad:02x?}");
    }
}

#[test]
fn a_crl_that_revokes_nothing_has_no_list() {
    let last = context(0, &[&seq(&[&Ext::new(ext::CRL_NUMBER, uint(6)).der()])]);
    assert_eq!(from_revoked(&[&last]), None);
    assert_eq!(from_revoked(&[&seq(&[]), &last]), Some("revokedCertificates"));
    assert_eq!(from_revoked(&[&seq(&[&revoked(5)]), &last]), None);
}

#[test]
fn a_crls_extensions_are_der_and_stand_once() {
    let number = Ext::new(ext::CRL_NUMBER, uint(6)).der();
    let with = |list: &[&[u8]]| from_revoked(&[&context(0, &[&seq(list)])]);
    let field = Some("crlExtensions");
    assert_eq!(with(&[&number]), None);
    assert_eq!(from_revoked(&[&context(0, &[])]), field, "a tag around nothing");
    assert_eq!(with(&[]), field, "an empty list");
    assert_eq!(with(&[&number, &number]), field, "twice");
    assert_eq!(with(&[&flagged(ext::CRL_NUMBER, &tlv(BOOLEAN, &[0]), &uint(6))]), field, "critical FALSE");
    // issuingDistributionPoint and deltaCRLIndicator make the list say less than it seems to.
    for id in ["2.5.29.28", "2.5.29.27"] {
        assert_eq!(with(&[&Ext::critical(id, null()).der()]), field, "{id}");
        assert_eq!(with(&[&Ext::new(id, null()).der()]), None, "{id}");
    }
    assert_eq!(with(&[&Ext::new(ext::CRL_NUMBER, null()).der()]), Some("cRLNumber"));
}

#[test]
fn an_entrys_extensions_are_der_and_stand_once() {
    let reason = Ext::new("2.5.29.21", tlv(0x0a, &[1])).der();
    let with = |rest: &[&[u8]]| {
        let entry = [&uint(5), &time::x509("2022-10-31T12:00:00Z")];
        let parts: Vec<&[u8]> = entry.into_iter().map(Vec::as_slice).chain(rest.iter().copied()).collect();
        from_revoked(&[&seq(&[&seq(&parts)])])
    };
    let field = Some("crlEntryExtensions");
    assert_eq!(with(&[]), None);
    assert_eq!(with(&[&seq(&[&reason])]), None);
    assert_eq!(with(&[&seq(&[])]), field, "an empty list");
    assert_eq!(with(&[&seq(&[&reason, &reason])]), field, "twice");
    assert_eq!(with(&[&seq(&[&flagged("2.5.29.21", &tlv(BOOLEAN, &[0]), &[5, 0])])]), field, "FALSE");
    // certificateIssuer: the entry is about somebody else's certificate.
    assert_eq!(with(&[&seq(&[&Ext::critical("2.5.29.29", null()).der()])]), field);
    assert_eq!(with(&[&seq(&[&reason]), &null()]), Some("revokedCertificates"), "something after it");
}

#[test]
fn a_name_may_be_empty() {
    let spec =
        CertSpec { subject: seq(&[]), ..CertSpec::ca(Line::Milan, Role::Ask) }.signed_by(&keys::ARK_ROGUE);
    let der = spec.build();
    let certificate = Certificate::parse(&der).unwrap();
    assert!(certificate.subject().is_empty() && !certificate.issuer().is_empty());
    assert_eq!(certificate.subject().common_name(), None);
}
