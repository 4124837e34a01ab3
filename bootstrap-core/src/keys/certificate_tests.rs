//! Requests and certificates: that the right ones pass, and that each rule refuses what it is for.

use core::net::IpAddr;

use der::asn1::BitStringRef;
use der::{AnyRef, Encode, Tag};
use ed25519_dalek::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};

use super::tests::{NODE, cluster, counted, hex, master};
use super::*;
use crate::ids::{ClusterId, KeyEpoch, Role};

const NOW: u64 = 1_790_000_000;
const DAY: u64 = 86_400;

fn authority(epoch: u32) -> ClusterCa {
    master(epoch).identity_root().unwrap().cluster_ca().unwrap()
}

fn trusted() -> Vec<ClusterCaKey> {
    [1, 2]
        .map(|epoch| {
            ClusterCaKey::new(KeyEpoch::new(epoch).unwrap(), &authority(epoch).spki().unwrap()).unwrap()
        })
        .into()
}

fn node_key() -> NodeKey {
    NodeKey::make(&counted(0x11)).unwrap()
}

fn terms() -> Terms<'static> {
    Terms {
        cluster: cluster(),
        node: NODE,
        role: Role::Worker,
        name: "worker-7",
        addresses: &[],
        policy_epoch: 3,
        generation: 5,
        not_before: NOW,
        not_after: NOW + DAY,
        longest_life: 86_400,
    }
}

fn issue(terms: &Terms<'_>) -> Vec<u8> {
    let request = CheckedCsr::check(&node_key().request().unwrap()).unwrap();
    authority(1).issue(&request, terms, [7; 16]).unwrap()
}

fn refusal(certificate: &[u8], now: u64) -> CertificateFault {
    match NodeCertificate::verify(certificate, &cluster(), &trusted(), now) {
        Err(KeyError::Certificate(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_says_what_the_service_said() {
    let addresses: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let certificate = issue(&Terms { addresses: &addresses, role: Role::Seat, ..terms() });
    let read = NodeCertificate::verify(&certificate, &cluster(), &trusted(), NOW).unwrap();
    let member = Member {
        cluster: cluster(),
        node: NODE,
        role: Role::Seat,
        ca_epoch: KeyEpoch::FIRST,
        policy_epoch: 3,
        generation: 5,
        name: "worker-7".to_owned(),
        not_after: NOW + DAY,
    };
    assert_eq!(read.member, member);
    assert_eq!(read.key, node_key().public_key());
    assert_eq!(read.not_before, NOW);
}

#[test]
fn issuing_is_deterministic_and_the_serial_is_the_callers() {
    assert_eq!(issue(&terms()), issue(&terms()));
    let request = CheckedCsr::check(&node_key().request().unwrap()).unwrap();
    let high = authority(1).issue(&request, &terms(), [0xff; 16]).unwrap();
    let read = attest_core::x509::Certificate::parse(&high).unwrap();
    assert_eq!(hex(read.serial()), format!("00{}", "ff".repeat(16)));
    let zero = authority(1).issue(&request, &terms(), [0; 16]);
    assert_eq!(zero.err(), Some(KeyError::Zero { what: "serial number" }));
}

#[test]
fn a_certificate_holds_from_its_first_second_to_its_last() {
    let certificate = issue(&terms());
    let fault = |now| CertificateFault::Validity { not_before: NOW, not_after: NOW + DAY, now };
    assert_eq!(refusal(&certificate, NOW - 1), fault(NOW - 1));
    assert!(NodeCertificate::verify(&certificate, &cluster(), &trusted(), NOW + DAY).is_ok());
    assert_eq!(refusal(&certificate, NOW + DAY + 1), fault(NOW + DAY + 1));
}

#[test]
fn only_a_trusted_epoch_of_the_same_cluster_is_believed() {
    let certificate = issue(&terms());
    let second = &trusted()[1..];
    let verify = |cluster: &ClusterId, trusted: &[ClusterCaKey]| {
        NodeCertificate::verify(&certificate, cluster, trusted, NOW).err()
    };
    assert_eq!(verify(&cluster(), second), Some(CertificateFault::Issuer.into()));
    assert_eq!(verify(&cluster(), &[]), Some(CertificateFault::Issuer.into()));
    assert_eq!(verify(&ClusterId::new([1; 32]), &trusted()), Some(CertificateFault::Issuer.into()));
    // The right name over the wrong key: epoch 2's key said to be epoch 1's.
    let posed = ClusterCaKey::new(KeyEpoch::FIRST, trusted()[1].spki()).unwrap();
    assert_eq!(verify(&cluster(), &[posed]), Some(CertificateFault::Signature.into()));
}

#[test]
fn a_changed_certificate_is_not_believed() {
    let certificate = issue(&terms());
    for index in 0..certificate.len() {
        let mut changed = certificate.clone();
        changed[index] ^= 1;
        let verified = NodeCertificate::verify(&changed, &cluster(), &trusted(), NOW);
        assert!(verified.is_err(), "byte {index}");
    }
    let longer = [certificate.as_slice(), &[0]].concat();
    assert!(matches!(refusal(&longer, NOW), CertificateFault::Malformed(_)));
}

/// ECDSA with SHA-384 is said, inside and outside, of a signature that the CA made with SHA-256.
#[test]
fn a_certificate_says_truly_how_it_was_signed() {
    const SHA256: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03\x02";
    const SHA384: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03\x03";
    let sign = |hash: &[u8]| {
        let good = issue(&terms());
        let mut info = attest_core::x509::Certificate::parse(&good).unwrap().signed_bytes().to_vec();
        let at = info.windows(SHA256.len()).position(|part| part == SHA256).unwrap();
        info[at..at + SHA256.len()].copy_from_slice(hash);
        let algorithm = sequence(&[b"\x06\x08", hash].concat());
        let signature = p256::ecdsa::Signature::from_slice(&authority(1).sign(&info)).unwrap().to_der();
        sequence(&[info, algorithm, bits(signature.as_bytes())].concat())
    };
    assert!(NodeCertificate::verify(&sign(SHA256), &cluster(), &trusted(), NOW).is_ok());
    assert_eq!(refusal(&sign(SHA384), NOW), CertificateFault::Signature);
}

#[test]
fn the_authoritys_own_certificate_is_no_nodes() {
    let own = authority(1).certificate(&cluster(), NOW).unwrap();
    assert_eq!(own, authority(1).certificate(&cluster(), NOW).unwrap());
    assert_eq!(refusal(&own, NOW), CertificateFault::Subject);
    let read = attest_core::x509::Certificate::parse(&own).unwrap();
    assert_eq!(read.authority(), Some(Some(0)));
    assert_eq!(read.spki(), authority(1).spki().unwrap());
    let node = issue(&terms());
    let leaf = attest_core::x509::Certificate::parse(&node).unwrap();
    // A TLS stack's verifier, which knows nothing of us, builds the same chain.
    let now = rustls_pki_types::UnixTime::since_unix_epoch(core::time::Duration::from_secs(NOW));
    let critical: &[&[u8]] = &[attest_core::x509::id::SUBJECT_ALT_NAME];
    let rules =
        attest_core::x509::chain::Rules::new(&attest_core::crypto::aws_lc_rs::PROVIDER, now, critical);
    let anchor = attest_core::x509::chain::Anchor::certificate(read);
    let path = attest_core::x509::chain::find(&leaf, &[], &[anchor], &rules).unwrap();
    assert_eq!(path.certificates().len(), 1);
}

#[test]
fn terms_that_no_service_may_issue_are_refused() {
    let request = CheckedCsr::check(&node_key().request().unwrap()).unwrap();
    let refused = |terms: Terms<'_>| match authority(1).issue(&request, &terms, [7; 16]) {
        Err(KeyError::Terms { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let many = [IpAddr::from([192, 0, 2, 1]); 9];
    assert_eq!(refused(Terms { name: "Worker", ..terms() }), "name");
    assert_eq!(refused(Terms { name: "", ..terms() }), "name");
    assert_eq!(refused(Terms { addresses: &many, ..terms() }), "addresses");
    assert_eq!(refused(Terms { policy_epoch: 0, ..terms() }), "policy epoch");
    assert_eq!(refused(Terms { generation: 0, ..terms() }), "generation");
    assert_eq!(refused(Terms { not_after: NOW, ..terms() }), "validity");
    assert_eq!(refused(Terms { not_after: NOW - 1, ..terms() }), "validity");
    assert_eq!(refused(Terms { not_after: NOW + DAY + 1, ..terms() }), "validity");
    let far = Terms { not_before: u64::MAX - 10, not_after: u64::MAX, ..terms() };
    assert_eq!(refused(far), "validity");
    let in_2050 = Terms { not_before: 2_524_608_000, not_after: 2_524_608_000 + DAY, ..terms() };
    let certificate = authority(1).issue(&request, &in_2050, [7; 16]).unwrap();
    assert!(NodeCertificate::verify(&certificate, &cluster(), &trusted(), 2_524_608_001).is_ok());
}

// --- requests, built by hand so that each rule can be broken alone

struct Request {
    version: &'static [u8],
    subject: &'static [u8],
    attributes: &'static [u8],
    algorithm: &'static [u8],
    inside: &'static [u8],
    outside: &'static [u8],
}

const GOOD: Request = Request {
    version: b"\x02\x01\x00",
    subject: b"\x30\x00",
    attributes: b"\xa0\x00",
    algorithm: b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
    inside: b"",
    outside: b"",
};

fn sequence(content: &[u8]) -> Vec<u8> {
    AnyRef::new(Tag::Sequence, content).unwrap().to_der().unwrap()
}

fn bits(content: &[u8]) -> Vec<u8> {
    BitStringRef::from_bytes(content).unwrap().to_der().unwrap()
}

impl Request {
    fn info(&self, spki: &[u8]) -> Vec<u8> {
        sequence(&[self.version, self.subject, spki, self.attributes, self.inside].concat())
    }

    fn whole(&self, info: &[u8], signature: &[u8]) -> Vec<u8> {
        sequence(&[info, self.algorithm, &bits(signature), self.outside].concat())
    }

    fn sign(&self) -> Vec<u8> {
        let key = SigningKey::from(&ca::scalar(&counted(0x11)).unwrap());
        let node = node_key();
        let PublicKey::P256(point) = node.public_key() else { panic!("a P-256 key") };
        let header = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
        let info = self.info(&[header.as_slice(), &point].concat());
        let signature: DerSignature = key.sign(&info);
        self.whole(&info, signature.as_bytes())
    }
}

#[test]
fn a_bare_request_is_taken() {
    let made = node_key().request().unwrap();
    assert_eq!(made, GOOD.sign(), "what a node makes is what the test builds by hand");
    let checked = CheckedCsr::check(&made).unwrap();
    assert_eq!(checked.public_key(), &node_key().public_key());
}

#[test]
fn a_request_for_more_is_refused() {
    let check = |request: Request| CheckedCsr::check(&request.sign()).unwrap_err();
    assert_eq!(check(Request { version: b"\x02\x01\x01", ..GOOD }), CsrFault::Version);
    let named = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01a";
    assert_eq!(check(Request { subject: named, ..GOOD }), CsrFault::Subject);
    // extensionRequest (RFC 2985, 5.4.2) with an empty list.
    let asks = b"\xa0\x11\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e\x31\x02\x30\x00";
    assert_eq!(check(Request { attributes: asks, ..GOOD }), CsrFault::Attributes);
    let inside = CsrFault::LeftOver("certificationRequestInfo");
    assert_eq!(check(Request { inside: b"\x05\x00", ..GOOD }), inside);
    assert_eq!(check(Request { outside: b"\x05\x00", ..GOOD }), CsrFault::LeftOver("request"));
    let longer = [GOOD.sign().as_slice(), b"\x00"].concat();
    assert_eq!(CheckedCsr::check(&longer), Err(CsrFault::LeftOver("request")));
    // SHA-384 over a P-256 key; Ed25519's identifier over it; parameters where there are none.
    for algorithm in [
        b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03".as_slice(),
        b"\x30\x05\x06\x03\x2b\x65\x70",
        b"\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00",
    ] {
        assert_eq!(check(Request { algorithm, ..GOOD }), CsrFault::Algorithm);
    }
}

#[test]
fn a_changed_or_cut_request_is_refused() {
    let good = GOOD.sign();
    for index in 0..good.len() {
        let mut changed = good.clone();
        changed[index] ^= 1;
        assert!(CheckedCsr::check(&changed).is_err(), "byte {index}");
        assert!(CheckedCsr::check(&good[..index]).is_err(), "cut at {index}");
    }
    let large = vec![0x30; MAX_CSR + 1];
    assert_eq!(CheckedCsr::check(&large), Err(CsrFault::TooLarge(MAX_CSR + 1)));
    // Long-form lengths are BER, not DER.
    let mut ber = vec![0x30, 0x82, 0x00, u8::try_from(good.len() - 3).unwrap()];
    ber.extend_from_slice(&good[3..]);
    assert!(matches!(CheckedCsr::check(&ber), Err(CsrFault::Form(_))));
}

#[test]
fn another_keys_signature_is_refused() {
    let spki = |key: &NodeKey| CheckedCsr::check(&key.request().unwrap()).unwrap().spki().to_vec();
    let other = NodeKey::make(&counted(0x22)).unwrap();
    let info = GOOD.info(&spki(&other));
    let key = SigningKey::from(&ca::scalar(&counted(0x11)).unwrap());
    let signature: DerSignature = key.sign(&info);
    assert_eq!(CheckedCsr::check(&GOOD.whole(&info, signature.as_bytes())), Err(CsrFault::Signature));
}

#[test]
fn ed25519_is_taken_and_weak_keys_are_not() {
    const ED25519: Request = Request { algorithm: b"\x30\x05\x06\x03\x2b\x65\x70", ..GOOD };
    let header = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let key = ed25519_dalek::SigningKey::from_bytes(&counted(0x33));
    let public = key.verifying_key().to_bytes();
    let info = ED25519.info(&[header.as_slice(), &public].concat());
    let request = ED25519.whole(&info, &key.sign(&info).to_bytes());
    let checked = CheckedCsr::check(&request).unwrap();
    assert_eq!(checked.public_key(), &PublicKey::Ed25519(public));
    let certificate = authority(1).issue(&checked, &terms(), [7; 16]).unwrap();
    let read = NodeCertificate::verify(&certificate, &cluster(), &trusted(), NOW).unwrap();
    assert_eq!(read.key, PublicKey::Ed25519(public));

    // The neutral element: R = 1 and s = 0 are a signature of everything, unless the check is strict.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let info = ED25519.info(&[header.as_slice(), &neutral].concat());
    let mut signature = [0; 64];
    signature[0] = 1;
    assert_eq!(CheckedCsr::check(&ED25519.whole(&info, &signature)), Err(CsrFault::Signature));
}

#[test]
fn a_key_of_another_kind_is_refused() {
    // X25519; a point that is not on the curve; a compressed point.
    let x25519 = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00".as_slice(), &[9; 32]].concat();
    let header = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let off = [header.as_slice(), &[4], &[1; 64]].concat();
    let short = b"\x30\x39\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x22\x00";
    let compressed = [short.as_slice(), &[2], &[1; 32]].concat();
    for spki in [x25519, off, compressed] {
        let info = GOOD.info(&spki);
        assert_eq!(CheckedCsr::check(&GOOD.whole(&info, &[1; 64])), Err(CsrFault::Key));
        assert_eq!(ClusterCaKey::new(KeyEpoch::FIRST, &spki).err(), Some(CertificateFault::Key));
    }
}

#[test]
fn a_node_key_is_its_entropys() {
    assert!(NodeKey::make(&[0; 48]).is_err_and(|error| error == KeyError::Zero { what: "node key" }));
    let key = node_key();
    let pkcs8 = key.to_pkcs8().unwrap();
    let read = <SigningKey as p256::pkcs8::DecodePrivateKey>::from_pkcs8_der(&pkcs8).unwrap();
    assert_eq!(
        PublicKey::P256(read.verifying_key().to_sec1_point(false).as_bytes().try_into().unwrap()),
        key.public_key()
    );
}

#[test]
fn transitions_are_signed_by_the_epochs_own_key() {
    let signature = authority(2).sign(b"transition");
    assert_eq!(trusted()[1].verify(b"transition", &signature), Ok(()));
    assert_eq!(trusted()[0].verify(b"transition", &signature), Err(CertificateFault::Signature));
    assert_eq!(trusted()[1].verify(b"another", &signature), Err(CertificateFault::Signature));
}

// --- certificates that the right CA signed and that are no node's: what a seat with a hole would make

struct Odd {
    subject: &'static str,
    extensions: Vec<x509_cert::ext::Extension>,
}

impl x509_cert::builder::profile::BuilderProfile for Odd {
    fn get_issuer(&self, _: &x509_cert::name::Name) -> x509_cert::name::Name {
        profile::authority_name(&cluster(), KeyEpoch::FIRST).unwrap()
    }

    fn get_subject(&self) -> x509_cert::name::Name {
        if self.subject.is_empty() { x509_cert::name::Name::default() } else { self.subject.parse().unwrap() }
    }

    fn build_extensions(
        &self,
        _: x509_cert::spki::SubjectPublicKeyInfoRef<'_>,
        _: x509_cert::spki::SubjectPublicKeyInfoRef<'_>,
        _: &x509_cert::certificate::TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<x509_cert::ext::Extension>> {
        Ok(self.extensions.clone())
    }
}

/// A node's certificate with its extensions, or its subject, changed; the CA's signature holds.
fn odd(subject: &'static str, change: impl FnOnce(&mut Vec<x509_cert::ext::Extension>)) -> Vec<u8> {
    use der::Decode;
    let good = x509_cert::Certificate::from_der(&issue(&terms())).unwrap();
    let tbs = good.tbs_certificate();
    let mut extensions = tbs.extensions().unwrap().clone();
    change(&mut extensions);
    let key = tbs.subject_public_key_info().clone();
    authority(1).build(Odd { subject, extensions }, &[7; 16], *tbs.validity(), key).unwrap()
}

fn at_oid(extensions: &mut [x509_cert::ext::Extension], oid: &str) -> usize {
    extensions.iter().position(|extension| extension.extn_id.to_string() == oid).unwrap()
}

#[test]
fn what_the_ca_signed_is_still_read_strictly() {
    const CONSTRAINTS: &str = "2.5.29.19";
    const USAGE: &str = "2.5.29.15";
    const PURPOSES: &str = "2.5.29.37";
    const NAMES: &str = "2.5.29.17";
    const ISSUED: &str = "2.25.649059241";
    let content = |bytes: &[u8]| der::asn1::OctetString::new(bytes).unwrap();
    let set = |oid: &'static str, bytes: &'static [u8]| {
        odd("", |all| {
            let at = at_oid(all, oid);
            all[at].extn_value = content(bytes);
        })
    };
    let without = |oid: &'static str| {
        odd("", |all| {
            let at = at_oid(all, oid);
            all.remove(at);
        })
    };
    assert!(NodeCertificate::verify(&odd("", |_| {}), &cluster(), &trusted(), NOW).is_ok());
    assert_eq!(refusal(&odd("CN=worker-7", |_| {}), NOW), CertificateFault::Subject);
    // CA:true; no constraints at all; keyCertSign; no digitalSignature.
    assert_eq!(refusal(&set(CONSTRAINTS, b"\x30\x03\x01\x01\xff"), NOW), CertificateFault::Authority);
    assert_eq!(refusal(&without(CONSTRAINTS), NOW), CertificateFault::Authority);
    assert_eq!(refusal(&set(USAGE, b"\x03\x02\x02\x84"), NOW), CertificateFault::Authority);
    assert_eq!(refusal(&set(USAGE, b"\x03\x02\x05\x20"), NOW), CertificateFault::Authority);
    assert_eq!(refusal(&without(USAGE), NOW), CertificateFault::Authority);
    // clientAuth alone, serverAuth alone, none.
    let client = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02";
    let server = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
    assert_eq!(refusal(&set(PURPOSES, client), NOW), CertificateFault::Purposes);
    assert_eq!(refusal(&set(PURPOSES, server), NOW), CertificateFault::Purposes);
    assert_eq!(refusal(&without(PURPOSES), NOW), CertificateFault::Purposes);
    // Policy epoch and generation: missing, three numbers, a negative one.
    assert_eq!(refusal(&without(ISSUED), NOW), CertificateFault::IssuedAt);
    let three = b"\x30\x09\x02\x01\x03\x02\x01\x05\x02\x01\x01";
    assert_eq!(refusal(&set(ISSUED, three), NOW), CertificateFault::IssuedAt);
    assert_eq!(refusal(&set(ISSUED, b"\x30\x06\x02\x01\xff\x02\x01\x05"), NOW), CertificateFault::IssuedAt);
    // nameConstraints, critical, which nobody here reads.
    let critical = odd("", |all| {
        all.push(x509_cert::ext::Extension {
            extn_id: der::asn1::ObjectIdentifier::new_unwrap("2.5.29.30"),
            critical: true,
            extn_value: content(b"\x30\x00"),
        });
    });
    assert_eq!(refusal(&critical, NOW), CertificateFault::Critical);
    assert_eq!(refusal(&without(NAMES), NOW), CertificateFault::Names("missing"));
    let names = |uri: String, name: &str, more: &[u8]| {
        let value = |tag: u8, text: &[u8]| [&[tag, u8::try_from(text.len()).unwrap()], text].concat();
        let inner = [value(0x86, uri.as_bytes()), value(0x82, name.as_bytes()), more.to_vec()].concat();
        odd("", |all| {
            let at = at_oid(all, NAMES);
            all[at].extn_value = content(&sequence(&inner));
        })
    };
    // URIs over 127 bytes need a long length, so the shortest forms are used: c and node id make 118.
    let uri = |cluster: &str, tail: &str| format!("attestrap://{cluster}/node/{NODE}/{tail}");
    let own = cluster().to_string();
    assert!(uri(&own, "worker").len() < 128);
    let good = names(uri(&own, "worker"), "worker-7", b"");
    assert!(NodeCertificate::verify(&good, &cluster(), &trusted(), NOW).is_ok());
    let other = "11".repeat(32);
    let fault = CertificateFault::Cluster { expected: cluster(), actual: ClusterId::new([0x11; 32]) };
    assert_eq!(refusal(&names(uri(&other, "worker"), "worker-7", b""), NOW), fault);
    let bad = CertificateFault::Names("not a node's URI");
    for tail in ["king", "worker/", "", "Seat"] {
        assert_eq!(refusal(&names(uri(&own, tail), "worker-7", b""), NOW), bad, "{tail}");
    }
    assert_eq!(refusal(&names(uri(&own.to_uppercase(), "seat"), "worker-7", b""), NOW), bad);
    let dns = CertificateFault::Names("not a DNS name");
    assert_eq!(refusal(&names(uri(&own, "worker"), "*.example", b""), NOW), dns);
    let behind = CertificateFault::Names("more than at most eight addresses behind");
    assert_eq!(refusal(&names(uri(&own, "worker"), "a", b"\x82\x01b"), NOW), behind, "a second name");
    let nine = b"\x87\x04\x7f\x00\x00\x01".repeat(9);
    assert_eq!(refusal(&names(uri(&own, "worker"), "a", &nine), NOW), behind);
}
