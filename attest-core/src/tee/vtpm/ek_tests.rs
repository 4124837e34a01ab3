//! Takes each check of an endorsement key's certificate away: what only it refuses must then come out otherwise.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use std::collections::BTreeMap;

use rustls_pki_types::UnixTime;
use vectors_generate::der_out::{context, oid, printable, seq, set, tlv, utf8};
use vectors_generate::tpm::{Key, PublicSpec};
use vectors_generate::{CertSpec, CrlSpec, Ext, P384Key};

use super::checks::certificate as checks;
use super::credential::TrustedEk;
use super::{EkCertificate, Revocation, TpmKind};
use crate::checks::Check;
use crate::checks::removal::without;
use crate::claims::Root;
use crate::collateral::{Collateral, Store};
use crate::context::{Context, Expect, TrustAnchors};
use crate::error::Error;
use crate::rules::Unusual;
use crate::tee::testing::provider;

const AUTHORITY: &str = "TPM authority";
const ROOT: &str = "TPM root";
/// 2026-01-15T12:00:00Z.
const NOW: u64 = 1_768_478_400;
const SAN: &str = "2.5.29.17";
/// tpmManufacturer, tpmModel, tpmVersion.
const ATTRIBUTES: [(&str, &str); 3] =
    [("2.23.133.2.1", "id:54455354"), ("2.23.133.2.2", "model"), ("2.23.133.2.3", "id:00020001")];

/// A TPM's certificate, and what the caller has beside it.
#[derive(Clone)]
struct Tpm {
    leaf: CertSpec,
    authority: CertSpec,
    lists: Vec<CrlSpec>,
    public: PublicSpec,
    unlisted: Unusual,
    kind: Option<TpmKind>,
}

fn attribute((id, text): (&str, &str)) -> Vec<u8> {
    seq(&[&oid(id), &utf8(text)])
}

/// GeneralNames with one directoryName of these levels.
fn names(levels: &[Vec<u8>]) -> Vec<u8> {
    seq(&[&context(4, &[&seq(&[&levels.concat()])])])
}

/// All three attributes, one to a level.
fn levels() -> Vec<Vec<u8>> {
    ATTRIBUTES.iter().map(|of| set(&[&attribute(*of)])).collect()
}

fn purpose(id: &str) -> Ext {
    Ext::new("2.5.29.37", seq(&[&oid(id)]))
}

fn list(issuer: &str) -> CrlSpec {
    CrlSpec::labelled(issuer)
}

fn good() -> Tpm {
    let key = Key::p384("ek");
    let extensions =
        vec![Ext::key_usage([3, 0x08]), purpose("2.23.133.8.1"), Ext::critical(SAN, names(&levels()))];
    let leaf = CertSpec::labelled("TPM", AUTHORITY, extensions);
    Tpm {
        leaf: CertSpec { spki: key.spki(), ..leaf },
        authority: CertSpec::authority(AUTHORITY, ROOT),
        lists: vec![list(AUTHORITY), list(ROOT)],
        public: PublicSpec::ek(&key),
        unlisted: Unusual::Refuse,
        kind: Some(TpmKind::Discrete),
    }
}

impl Tpm {
    fn anchors(&self) -> TrustAnchors {
        let mut anchors = TrustAnchors::pinned();
        let root = CertSpec::authority(ROOT, ROOT).build();
        match self.kind {
            None => anchors.vtpm.add_root(&root).unwrap(),
            Some(kind) => anchors.vtpm.add_vendor_root(&root, kind).unwrap(),
        }
        anchors
    }

    fn certificate(&self) -> Result<EkCertificate, Error> {
        let anchors = self.anchors();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
        let context = Context::new(provider(), &anchors, now, Expect::AnyReportData);
        let (mut carried, mut store) = (Collateral::new(), Store::new());
        carried.add(&self.authority.build())?;
        for list in &self.lists {
            store.add(&list.build())?;
        }
        EkCertificate::verify(&self.leaf.build(), &carried, &store, self.unlisted, &context)
            .map_err(|refused| refused.error)
    }

    fn trusted(&self) -> Result<TrustedEk, Error> {
        TrustedEk::certified(&self.public.build(), &self.certificate()?, provider())
    }

    fn san(mut self, levels: &[Vec<u8>]) -> Self {
        self.leaf = self.leaf.replacing(SAN, names(levels));
        self
    }

    fn usage(mut self, usage: &[Ext]) -> Self {
        self.leaf.extensions = usage.to_vec();
        self
    }

    fn lists(self, lists: Vec<CrlSpec>) -> Self {
        Self { lists, ..self }
    }

    fn of_key(self, key: &Key) -> Self {
        Self { public: PublicSpec::ek(key), ..self }
    }
}

/// Five for each check at least.
fn cases() -> Vec<(&'static Check, &'static str, Tpm)> {
    let rogue = |issuer: &str| CrlSpec { signer: (&P384Key::from_label("nobody")).into(), ..list(issuer) };
    let flipped = |issuer: &str| list(issuer).with(|spec| spec.flips.push((9, 1)));
    let due = |issuer: &str| list(issuer).updates("2025-10-01T12:00:00Z", Some("2026-01-15T12:00:00Z"));
    let future = |issuer: &str| list(issuer).updates("2026-01-15T12:00:01Z", Some("2027-01-15T12:00:00Z"));
    let past = |spec: CertSpec| spec.valid("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z");
    let agreement = || Ext::key_usage([3, 0x08]);
    let twice = |at: usize| [levels(), vec![set(&[&attribute(ATTRIBUTES[at])])]].concat();
    let one_level = |parts: &[Vec<u8>]| vec![set(&[&parts.concat()])];
    let of_kind = |tag: u8| {
        let attribute = seq(&[&oid(ATTRIBUTES[0].0), &tlv(tag, b"id:54455354")]);
        vec![set(&[&attribute])]
    };
    let any = || Tpm { unlisted: Unusual::Any, ..good() };
    let foreign = Tpm { authority: CertSpec::authority(AUTHORITY, "Another root"), ..good() };
    let no_crl_sign = CertSpec::labelled(AUTHORITY, ROOT, vec![Ext::ca(None), Ext::key_usage([2, 4])]);
    vec![
        (&checks::EK_CHAIN, "foreign root", foreign),
        (&checks::EK_CHAIN, "leaf expired", Tpm { leaf: past(good().leaf), ..any() }),
        (&checks::EK_CHAIN, "authority expired", Tpm { authority: past(good().authority), ..any() }),
        (&checks::EK_CHAIN, "leaf signature", Tpm { leaf: good().leaf.flip_signature(20, 1), ..any() }),
        (
            &checks::EK_CHAIN,
            "issuer signature",
            Tpm { authority: good().authority.flip_signature(20, 1), ..any() },
        ),
        (&checks::EK_USAGE, "signs", good().usage(&[Ext::key_usage([7, 0x80])])),
        (&checks::EK_USAGE, "signs and agrees", good().usage(&[Ext::key_usage([3, 0x88])])),
        (&checks::EK_USAGE, "no usage", good().usage(&[])),
        (&checks::EK_USAGE, "a server", good().usage(&[agreement(), purpose("1.3.6.1.5.5.7.3.1")])),
        (&checks::EK_USAGE, "an attestation key", good().usage(&[agreement(), purpose("2.23.133.8.3")])),
        (&checks::EK_CRL_SIGNATURE, "flipped", any().lists(vec![flipped(AUTHORITY)])),
        (&checks::EK_CRL_SIGNATURE, "root's flipped", any().lists(vec![list(AUTHORITY), flipped(ROOT)])),
        (&checks::EK_CRL_SIGNATURE, "forged", any().lists(vec![rogue(AUTHORITY)])),
        (&checks::EK_CRL_SIGNATURE, "root's forged", any().lists(vec![rogue(ROOT)])),
        (&checks::EK_CRL_SIGNATURE, "may not sign lists", Tpm { authority: no_crl_sign, ..any() }),
        (&checks::EK_CRL_DATES, "due", good().lists(vec![due(AUTHORITY), list(ROOT)])),
        (&checks::EK_CRL_DATES, "root's due", good().lists(vec![list(AUTHORITY), due(ROOT)])),
        (&checks::EK_CRL_DATES, "future", good().lists(vec![future(AUTHORITY), list(ROOT)])),
        (
            &checks::EK_CRL_DATES,
            "newest of the future",
            any().lists(vec![list(AUTHORITY), future(AUTHORITY)]),
        ),
        (
            &checks::EK_CRL_DATES,
            "endless",
            any().lists(vec![list(AUTHORITY).updates("2025-12-01T12:00:00Z", None)]),
        ),
        (&checks::EK_REVOKED, "leaf", good().lists(vec![list(AUTHORITY).revoking(7), list(ROOT)])),
        (&checks::EK_REVOKED, "authority", good().lists(vec![list(AUTHORITY), list(ROOT).revoking(7)])),
        (&checks::EK_REVOKED, "nobody demands a list", any().lists(vec![list(AUTHORITY).revoking(7)])),
        (&checks::EK_REVOKED, "last of some", any().lists(vec![list(AUTHORITY).revoking(6).revoking(7)])),
        (
            &checks::EK_REVOKED,
            "by an older list",
            any().lists(vec![
                list(AUTHORITY).updates("2025-11-01T12:00:00Z", Some("2025-12-01T12:00:00Z")).revoking(7),
                list(AUTHORITY),
            ]),
        ),
        (&checks::EK_CRL_PRESENT, "none", good().lists(vec![])),
        (&checks::EK_CRL_PRESENT, "authority's only", good().lists(vec![list(AUTHORITY)])),
        (&checks::EK_CRL_PRESENT, "root's only", good().lists(vec![list(ROOT)])),
        (&checks::EK_CRL_PRESENT, "another's", good().lists(vec![list("Another")])),
        (&checks::EK_CRL_PRESENT, "another's beside", good().lists(vec![list(AUTHORITY), list("Another")])),
        (&checks::EK_SAN, "manufacturer twice", good().san(&twice(0))),
        (&checks::EK_SAN, "model twice", good().san(&twice(1))),
        (&checks::EK_SAN, "version twice", good().san(&twice(2))),
        (
            &checks::EK_SAN,
            "twice in one level",
            good().san(&one_level(&[attribute(ATTRIBUTES[1]), attribute(("2.23.133.2.2", "other"))])),
        ),
        (
            &checks::EK_SAN,
            "twice in two names",
            Tpm {
                leaf: good().leaf.replacing(
                    SAN,
                    seq(&[
                        &context(4, &[&seq(&[&levels().concat()])]),
                        &context(4, &[&seq(&[&levels().concat()])]),
                    ]),
                ),
                ..good()
            },
        ),
        (&checks::EK_SAN, "octets for text", good().san(&of_kind(4))),
        (&checks::EK_CERTIFICATE, "another key", good().of_key(&Key::p384("another"))),
        (&checks::EK_CERTIFICATE, "the issuer's key", good().of_key(&Key::p384(AUTHORITY))),
        (&checks::EK_CERTIFICATE, "another curve", good().of_key(&Key::p256("ek"))),
        (&checks::EK_CERTIFICATE, "an RSA key", good().of_key(&Key::Rsa(&vectors_generate::keys::SMALL))),
        (
            &checks::EK_CERTIFICATE,
            "another's certificate",
            Tpm { leaf: CertSpec { spki: Key::p384("other").spki(), ..good().leaf }, ..good() },
        ),
    ]
}

#[test]
fn every_check_is_missed() {
    good().trusted().unwrap();
    let (mut negatives, mut noticed) = (BTreeMap::<&str, usize>::new(), BTreeMap::<&str, usize>::new());
    for (check, name, tpm) in cases() {
        let with = tpm.trusted().map(drop).unwrap_err();
        assert_eq!(with.check_id(), Some(check.id), "{name}: {with}");
        *negatives.entry(check.id).or_default() += 1;
        let missed = without(check.id, || tpm.trusted().map(drop));
        *noticed.entry(check.id).or_default() += usize::from(missed != Err(with));
    }
    for check in checks::ALL.iter().filter(|check| check.id.starts_with("vtpm.ek.")) {
        let count = |of: &BTreeMap<&str, usize>| of.get(check.id).copied().unwrap_or_default();
        assert!(count(&negatives) >= 5, "{}: {} negatives", check.id, count(&negatives));
        assert!(count(&noticed) > 0, "{}: nobody misses it", check.id);
    }
}

#[test]
fn who_the_tpm_is_comes_out() {
    let said = |tpm: &Tpm| {
        let mut said = BTreeMap::new();
        let ek = tpm.trusted().unwrap();
        ek.claims().for_each(|name, value| assert!(said.insert(name, value.to_string()).is_none()));
        (ek, said)
    };
    let (ek, all) = said(&good());
    assert_eq!(ek.root(), Root::DiscreteTpm);
    assert_eq!(ek.claims().revocation(), Some(Revocation::Checked));
    for (name, value) in [
        ("ek_manufacturer", "id:54455354"),
        ("ek_model", "model"),
        ("ek_version", "id:00020001"),
        ("ek_subject", "TPM"),
        ("ek_serial", "07"),
    ] {
        assert_eq!(all.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!all.contains_key("ek_name"), "a certificate covers no name");
    // The device chooses what a certificate does not cover; who it is does not change.
    let mut renamed = good();
    renamed.public.auth_policy = vec![7; 32];
    let (other, same) = said(&renamed);
    assert_ne!(other.name(), ek.name());
    assert_eq!(same, all);
    // All in one level, in printable text; other names are passed over; none at all.
    let printed = ATTRIBUTES.map(|(id, text)| seq(&[&oid(id), &printable(text)])).concat();
    assert_eq!(said(&good().san(&[set(&[&printed])])).1, all);
    let none = said(&good().usage(&[Ext::key_usage([3, 0x08])])).1;
    assert_eq!(none.get("ek_manufacturer").map(String::as_str), Some("-"));
    for (kind, root) in [
        (None, Root::Caller),
        (Some(TpmKind::Software), Root::Software),
        (Some(TpmKind::Discrete), Root::DiscreteTpm),
    ] {
        let tpm = Tpm { kind, lists: vec![], unlisted: Unusual::Any, ..good() };
        let ek = tpm.trusted().unwrap();
        assert_eq!((ek.root(), ek.claims().revocation()), (root, Some(Revocation::Unchecked)));
    }
}

/// A verdict does not outlive what it was made of: the first certificate that ends, the first list that is due.
#[test]
fn it_holds_as_long_as_certificates_and_lists_do() {
    let last = |tpm: &Tpm| tpm.trusted().unwrap().claims().identity().unwrap().not_after();
    // 2026-12-08T00:00:00Z, less a second; 2045-01-01T00:00:00Z.
    let (due, end) = (1_796_687_999, 2_366_841_600);
    assert_eq!(last(&good()), due);
    let without = Tpm { lists: vec![], unlisted: Unusual::Any, ..good() };
    assert_eq!(last(&without), end);
    let sooner = good().leaf.valid("2025-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    assert_eq!(last(&Tpm { leaf: sooner, ..good() }), 1_769_904_000);
    let soon = list(ROOT).updates("2025-12-01T12:00:00Z", Some("2026-01-15T12:00:01Z"));
    assert_eq!(last(&good().lists(vec![list(AUTHORITY), soon])), NOW);
}

#[test]
fn what_is_said_of_a_root_last_holds() {
    let root = CertSpec::authority(ROOT, ROOT).build();
    let mut tpm = good();
    tpm.kind = Some(TpmKind::Software);
    let mut anchors = tpm.anchors();
    anchors.vtpm.add_vendor_root(&root, TpmKind::Discrete).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let context = Context::new(provider(), &anchors, now, Expect::AnyReportData);
    let mut carried = Collateral::new();
    carried.add(&tpm.authority.build()).unwrap();
    let verify = |context: &Context<'_>| {
        EkCertificate::verify(&tpm.leaf.build(), &carried, &Store::new(), Unusual::Any, context)
    };
    assert_eq!(verify(&context).unwrap().root(), Root::DiscreteTpm);
    let nobody = TrustAnchors::pinned();
    let refused = verify(&Context::new(provider(), &nobody, now, Expect::AnyReportData)).unwrap_err();
    assert_eq!(refused.error.check_id(), Some(checks::EK_CHAIN.id));
}
