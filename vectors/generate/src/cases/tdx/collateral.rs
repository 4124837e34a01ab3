//! What Intel says of platforms and enclaves, who signed it, and what was taken back.

use super::{Suite, collateral, forms};
use crate::tdx::{
    CollateralSpec, IdentitySpec, PLATFORM_CA, PROCESSOR_CA, QuoteSpec, ROOT, TCB_SIGNER, TcbInfoSpec, crl,
    document, intel_name, key, signer,
};
use crate::{CertSpec, oid};

pub(super) fn add(suite: &mut Suite) {
    absent(suite);
    signature(suite);
    chain(suite);
    role(suite);
    dates(suite);
    platform(suite);
    lists(suite);
    revoked(suite);
    list_dates(suite);
}

fn v4() -> QuoteSpec {
    QuoteSpec::new(4, 2)
}

/// Both documents signed by one certificate of the caller's making.
fn signed_by(certificate: CertSpec, by: &str) -> CollateralSpec {
    collateral().with(|spec| {
        spec.tcb = document("tcbInfo", &TcbInfoSpec::default().body(), by);
        spec.identity = document("enclaveIdentity", &IdentitySpec::default().body(), by);
        spec.signers = vec![certificate];
    })
}

fn absent(suite: &mut Suite) {
    let check = "collateral.absent";
    for (form, quote) in forms() {
        suite.case(check, &format!("nothing-{form}"), "no collateral at all", quote.build()).exit(12);
    }
    let without = |change: fn(&mut CollateralSpec)| collateral().with(change);
    for (name, spec) in [
        ("tcb-info", without(|spec| spec.tcb.clear())),
        ("identity", without(|spec| spec.identity.clear())),
        ("signer", without(|spec| spec.signers.clear())),
    ] {
        suite.quote(check, name, "a piece is missing", &v4(), &spec).exit(12);
    }
}

fn signature(suite: &mut Suite) {
    let check = "tdx.collateral.signature";
    suite.good_quotes(&[check]);
    let tcb = TcbInfoSpec::default();
    let turned = |bytes: Vec<u8>, from: &str, to: &str| {
        let text = String::from_utf8(bytes).expect("JSON is text");
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let zeros = |member: &str, body: &str| {
        format!("{{\"{member}\":{body},\"signature\":\"{}\"}}", "0".repeat(128)).into_bytes()
    };
    let identity = IdentitySpec::default();
    for (name, spec) in [
        (
            "tcb-info-changed",
            collateral().with(|spec| spec.tcb = turned(tcb.build(), "\"pcesvn\":11", "\"pcesvn\":10")),
        ),
        (
            "tcb-info-spaced",
            collateral().with(|spec| spec.tcb = turned(tcb.build(), "\"version\":3", "\"version\": 3")),
        ),
        ("tcb-info-by-another", collateral().with(|spec| spec.tcb = document("tcbInfo", &tcb.body(), ROOT))),
        ("tcb-info-zeros", collateral().with(|spec| spec.tcb = zeros("tcbInfo", &tcb.body()))),
        (
            "identity-changed",
            collateral().with(|spec| {
                spec.identity = turned(identity.build(), "\"isvprodid\":2", "\"isvprodid\":1");
            }),
        ),
        (
            "identity-by-another",
            collateral().with(|spec| {
                spec.identity = document("enclaveIdentity", &identity.body(), PLATFORM_CA);
            }),
        ),
        (
            "identity-zeros",
            collateral().with(|spec| spec.identity = zeros("enclaveIdentity", &identity.body())),
        ),
    ] {
        suite.quote(check, name, "a signature over something else", &v4(), &spec);
    }
    // What a forger adds beside the genuine statement changes nothing.
    let mut forged = collateral().build();
    forged.insert(0, document("tcbInfo", &tcb.body(), "a rogue's"));
    suite
        .case(check, "beside-a-forged-one", "a forged statement beside it", v4().build())
        .store(forged)
        .accepted();
}

fn chain(suite: &mut Suite) {
    let check = "tdx.collateral.chain";
    suite.good_quotes(&[check]);
    let rogue = key("a rogue's");
    let below = |issuer: &str| {
        signer(TCB_SIGNER).with(|spec| spec.issuer = intel_name(issuer)).signed_by(&key(issuer))
    };
    for (name, why, certificate) in [
        ("rogue-root", "a signer of a stranger's", signer(TCB_SIGNER).signed_by(&rogue)),
        ("flipped", "a certificate with a bit turned", signer(TCB_SIGNER).flip_signature(30, 4)),
        ("below-platform-ca", "a signer below a PCK CA", below(PLATFORM_CA)),
        ("below-processor-ca", "a signer below a PCK CA", below(PROCESSOR_CA)),
        ("unknown-issuer", "a signer of nobody's", below("Intel SGX Somebody")),
        ("self-signed", "a signer of its own", below(TCB_SIGNER)),
    ] {
        suite.quote(check, name, why, &v4(), &signed_by(certificate, TCB_SIGNER));
    }
}

fn role(suite: &mut Suite) {
    let check = "tdx.collateral.signer";
    suite.good_quotes(&[check]);
    for name in
        ["Intel SGX PCK Certificate", "intel sgx tcb signing", "Intel SGX TCB Signing 2", "Intel SGX", "TCB"]
    {
        let spec = signed_by(signer(name), name);
        let name = format!("named-{}", name.replace(' ', "-"));
        suite.quote(check, &name, "somebody else below the root", &v4(), &spec);
    }
    for (name, certificate) in [
        ("no-usage", signer(TCB_SIGNER).without(oid::KEY_USAGE)),
        ("other-usage", signer(TCB_SIGNER).replacing(oid::KEY_USAGE, vec![3, 2, 6, 0x40])),
    ] {
        suite.quote(check, name, "a signer that may not sign", &v4(), &signed_by(certificate, TCB_SIGNER));
    }
}

fn dates(suite: &mut Suite) {
    let check = "tdx.collateral.signer-validity";
    suite.good_quotes(&[check, "tdx.collateral.issued", "tdx.collateral.next-update"]);
    for (name, from, to) in [
        ("ended", "2025-05-06T09:25:00Z", "2025-12-31T00:00:00Z"),
        ("just-ended", "2025-05-06T09:25:00Z", "2026-01-15T11:59:59Z"),
        ("not-yet", "2026-05-06T09:25:00Z", "2032-05-06T09:25:00Z"),
        ("almost", "2026-01-15T12:00:01Z", "2032-05-06T09:25:00Z"),
        ("long-ended", "2019-05-06T09:25:00Z", "2020-05-06T09:25:00Z"),
    ] {
        let spec = signed_by(signer(TCB_SIGNER).valid(from, to), TCB_SIGNER);
        suite.quote(check, name, "a signer out of its time", &v4(), &spec);
    }
    let range = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    for (check, exit, name, from, to) in [
        ("tdx.collateral.issued", 11, "tomorrow", "2026-01-16T12:00:00Z", "2026-02-01T00:00:00Z"),
        ("tdx.collateral.issued", 11, "in-a-second", "2026-01-15T12:00:01Z", "2026-02-01T00:00:00Z"),
        ("tdx.collateral.issued", 11, "next-year", "2027-01-15T12:00:01Z", "2027-02-01T00:00:00Z"),
        ("tdx.collateral.next-update", 12, "yesterday", "2026-01-02T00:00:00Z", "2026-01-14T12:00:00Z"),
        ("tdx.collateral.next-update", 12, "now", "2026-01-02T00:00:00Z", "2026-01-15T12:00:00Z"),
        ("tdx.collateral.next-update", 12, "last-year", "2025-01-02T00:00:00Z", "2025-02-01T00:00:00Z"),
    ] {
        let dates = range(from, to);
        let why = "a statement out of its time";
        let spec = collateral().tcb(|spec| spec.dates = dates.clone());
        suite.quote(check, &format!("tcb-info-{name}"), why, &v4(), &spec).exit(exit);
        let spec = collateral().identity(|spec| spec.dates = dates);
        suite.quote(check, &format!("identity-{name}"), why, &v4(), &spec).exit(exit);
    }
    // Of two statements the newer one counts, whatever the order.
    let old = TcbInfoSpec {
        dates: range("2025-12-01T00:00:00Z", "2026-01-31T00:00:00Z"),
        ..TcbInfoSpec::default()
    };
    for (name, first) in [("older-first", true), ("newer-first", false)] {
        let mut pieces = collateral().build();
        pieces.insert(usize::from(!first), TcbInfoSpec { levels: Vec::new(), ..old.clone() }.build());
        suite
            .case("tdx.collateral.issued", name, "an older statement beside it, without levels", v4().build())
            .store(pieces)
            .accepted();
    }
}

fn platform(suite: &mut Suite) {
    suite.good_quotes(&["tdx.tcb-info.fmspc", "tdx.tcb-info.pce-id"]);
    for fmspc in ["50806F000000", "00806F050000", "90C06F000000", "000000000000", "FFFFFFFFFFFF"] {
        let spec = collateral().tcb(|spec| spec.fmspc = fmspc.into());
        suite.quote("tdx.tcb-info.fmspc", fmspc, "a statement on other platforms", &v4(), &spec).exit(12);
    }
    let spec = collateral().tcb(|spec| spec.fmspc = spec.fmspc.to_lowercase());
    suite.quote("tdx.tcb-info.fmspc", "lower-case", "the same in other digits", &v4(), &spec).accepted();
    for pce_id in ["0001", "0100", "FFFF", "0002", "8000"] {
        let spec = collateral().tcb(|spec| spec.pce_id = pce_id.into());
        suite.quote("tdx.tcb-info.pce-id", pce_id, "a statement on another PCE", &v4(), &spec);
    }
}

fn lists(suite: &mut Suite) {
    suite.good_quotes(&["tdx.crl.root", "tdx.crl.pck", "tdx.crl.signature"]);
    let only = |issuers: &[&str]| {
        collateral().with(|spec| spec.crls = issuers.iter().map(|name| crl(name)).collect())
    };
    let why = "a list is missing";
    for (name, issuers) in [
        ("none", &[][..]),
        ("pck-only", &[PLATFORM_CA]),
        ("processor-too", &[PLATFORM_CA, PROCESSOR_CA]),
        ("signers", &[PLATFORM_CA, TCB_SIGNER]),
        ("another-root", &[PLATFORM_CA, "Intel SGX Root CA 2"]),
    ] {
        let also: &[&str] = if name == "none" { &["tdx.crl.pck"] } else { &[] };
        suite.quote("tdx.crl.root", name, why, &v4(), &only(issuers)).exit(12).also(also);
    }
    for (name, issuers) in [
        ("none", &[][..]),
        ("root-only", &[ROOT]),
        ("processor", &[ROOT, PROCESSOR_CA]),
        ("signers", &[ROOT, TCB_SIGNER]),
        ("another", &[ROOT, "Intel SGX PCK Platform CA 2"]),
    ] {
        let also: &[&str] = if name == "none" { &["tdx.crl.root"] } else { &[] };
        suite.quote("tdx.crl.pck", name, why, &v4(), &only(issuers)).exit(12).also(also);
    }
    let rogue = key("a rogue's");
    for (name, at, list) in [
        ("root-flipped", 0, crl(ROOT).flip_signature(20, 2)),
        ("root-rogue", 0, crl(ROOT).signed_by(&rogue)),
        ("root-by-platform-ca", 0, crl(ROOT).signed_by(&key(PLATFORM_CA))),
        ("pck-flipped", 1, crl(PLATFORM_CA).flip_signature(20, 2)),
        ("pck-rogue", 1, crl(PLATFORM_CA).signed_by(&rogue)),
        ("pck-by-root", 1, crl(PLATFORM_CA).signed_by(&key(ROOT))),
    ] {
        let spec = collateral().with(|spec| spec.crls[at] = list);
        let also: &[&str] = if at == 0 { &["tdx.crl.root"] } else { &["tdx.crl.pck"] };
        suite
            .quote("tdx.crl.signature", name, "a list that its issuer did not sign", &v4(), &spec)
            .also(also);
    }
}

fn revoked(suite: &mut Suite) {
    let check = "tdx.crl.revoked";
    suite.good_quotes(&[check]);
    let old = || crl(PLATFORM_CA).updates("2025-06-01T00:00:00Z", Some("2025-07-01T00:00:00Z"));
    for (name, why, lists) in [
        ("pck", "the platform's certificate", vec![crl(ROOT), crl(PLATFORM_CA).revoking(4)]),
        (
            "pck-among-others",
            "the platform's certificate",
            vec![crl(ROOT), crl(PLATFORM_CA).revoking(9).revoking(4).revoking(10)],
        ),
        ("authority", "the PCK CA", vec![crl(ROOT).revoking(2), crl(PLATFORM_CA)]),
        ("signer", "who signed collateral", vec![crl(ROOT).revoking(3), crl(PLATFORM_CA)]),
        (
            "older-list",
            "the platform's certificate, in an older list",
            vec![crl(ROOT), crl(PLATFORM_CA), old().revoking(4)],
        ),
    ] {
        let spec = collateral().with(|spec| spec.crls = lists);
        suite.quote(check, name, why, &v4(), &spec);
    }
    let others = vec![crl(ROOT).revoking(4).revoking(9), crl(PLATFORM_CA).revoking(2).revoking(3)];
    let spec = collateral().with(|spec| spec.crls = others);
    suite.quote(check, "of-other-issuers", "the same numbers under other issuers", &v4(), &spec).accepted();
}

fn list_dates(suite: &mut Suite) {
    suite.good_quotes(&["tdx.crl.this-update", "tdx.crl.next-update"]);
    for (name, at, issuer) in [("root", 0, ROOT), ("pck", 1, PLATFORM_CA)] {
        let mut case = |check: &str, what: &str, this: &str, next: Option<&str>, exit: u8| {
            let spec = collateral().with(|spec| spec.crls[at] = crl(issuer).updates(this, next));
            let name = format!("{name}-{what}");
            suite.quote(check, &name, "a list out of its time", &v4(), &spec).exit(exit);
        };
        let check = "tdx.crl.this-update";
        case(check, "tomorrow", "2026-01-16T00:00:00Z", Some("2026-02-16T00:00:00Z"), 11);
        case(check, "in-a-second", "2026-01-15T12:00:01Z", Some("2026-02-16T00:00:00Z"), 11);
        case(check, "next-year", "2027-01-15T12:00:01Z", Some("2027-02-16T00:00:00Z"), 11);
        let check = "tdx.crl.next-update";
        case(check, "yesterday", "2026-01-01T00:00:00Z", Some("2026-01-14T00:00:00Z"), 12);
        case(check, "now", "2026-01-01T00:00:00Z", Some("2026-01-15T12:00:00Z"), 12);
        case(check, "never", "2026-01-01T00:00:00Z", None, 12);
    }
}
