//! Shape: of quotes, and of what Intel signs as JSON.

use super::{Suite, collateral, forms};
use crate::tdx::{
    IdentitySpec, PLATFORM_CA, QuoteSpec, SgxSpec, TCB_SIGNER, TcbInfoSpec, authority, chain, document, pck,
    root,
};

pub(super) fn add(suite: &mut Suite) {
    header(suite);
    body(suite);
    certification(suite);
    lengths(suite);
    tcb_info(suite);
    identity(suite);
}

fn header(suite: &mut Suite) {
    suite.good_quotes(&["tdx.wire.key-type", "tdx.wire.tee-type", "tdx.wire.vendor"]);
    for number in [1, 3, 4, 5, 0xffff] {
        let quote = QuoteSpec::new(4, 2).with(|quote| quote.key_type = number);
        let name = format!("{number:x}");
        suite.quote("tdx.wire.key-type", &name, "a key of another type", &quote, &collateral()).exit(20);
    }
    for number in [0, 1, 0x80, 0x82, 0x8100_0000] {
        let quote = QuoteSpec::new(4, 2).with(|quote| quote.tee_type = number);
        let name = format!("{number:x}");
        suite.quote("tdx.wire.tee-type", &name, "a quote of another TEE", &quote, &collateral()).exit(20);
    }
    for at in [0, 3, 7, 8, 15] {
        let quote = QuoteSpec::new(5, 3).with(|quote| quote.vendor[at] ^= 1);
        let name = format!("octet-{at}");
        suite.quote("tdx.wire.vendor", &name, "another quoting enclave", &quote, &collateral()).exit(20);
    }
    for version in [3, 6, 7, 8, 15] {
        let quote = QuoteSpec::new(4, 2).with(|quote| quote.version = version);
        let name = format!("{version}");
        suite.quote("evidence.version", &name, "a version that is not read", &quote, &collateral()).exit(20);
    }
}

fn body(suite: &mut Suite) {
    suite.good_quotes(&["tdx.wire.body-type", "tdx.wire.body-size"]);
    for number in [0, 1, 5, 9, 0xffff] {
        let quote = QuoteSpec::new(5, 3).with(|quote| quote.descriptor.0 = Some(number));
        let name = format!("{number:x}");
        suite.quote("tdx.wire.body-type", &name, "a body that is not read", &quote, &collateral()).exit(20);
    }
    for (name, kind, size) in [
        ("nothing", 2, 0),
        ("short", 2, 583),
        ("long", 2, 585),
        ("of-1.5", 2, 648),
        ("of-1.0", 3, 584),
        ("of-sgx", 3, 384),
        ("of-extended", 3, 885),
        ("huge", 4, u32::MAX),
    ] {
        let quote = QuoteSpec::new(5, kind).with(|quote| quote.descriptor.1 = Some(size));
        suite.quote("tdx.wire.body-size", name, "a size of another type", &quote, &collateral()).exit(30);
    }
}

fn certification(suite: &mut Suite) {
    suite.good_quotes(&["tdx.wire.certification-type", "tdx.wire.pck-type", "tdx.wire.pck-chain"]);
    for number in [0, 1, 5, 7, 0xffff] {
        let quote = QuoteSpec::new(4, 2).with(|quote| quote.certification.0 = number);
        let why = "certification data of another type";
        suite
            .quote("tdx.wire.certification-type", &format!("{number:x}"), why, &quote, &collateral())
            .exit(30);
    }
    for number in [1, 2, 3, 4, 7] {
        let quote = QuoteSpec::new(5, 4).with(|quote| quote.certification.1 = number);
        let why = "a platform that is named, and not certified";
        suite.quote("tdx.wire.pck-type", &format!("{number:x}"), why, &quote, &collateral()).exit(20);
    }
    let leaf = || pck(SgxSpec::default().build());
    let whole = || chain(&[leaf(), authority(PLATFORM_CA), root()]);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("PEM is text");
    for (name, bytes) in [
        ("one", chain(&[leaf()])),
        ("four", chain(&[leaf(), authority(PLATFORM_CA), root(), root()])),
        ("none", Vec::new()),
        ("zeros", vec![0; 8]),
        ("text", b"no certificate at all".to_vec()),
        ("half", whole()[..700].to_vec()),
        ("crl", text(&whole()).replace("CERTIFICATE", "X509 CRL").into_bytes()),
        ("key", text(&whole()).replace("CERTIFICATE", "PRIVATE KEY").into_bytes()),
    ] {
        let quote = QuoteSpec::new(4, 2).with(|quote| quote.chain = bytes);
        suite.quote("tdx.wire.pck-chain", name, "no chain of certificates", &quote, &collateral()).exit(30);
    }
    // Two certificates are a chain: the root is the caller's.
    let quote = QuoteSpec::new(4, 2).with(|quote| quote.chain = chain(&[leaf(), authority(PLATFORM_CA)]));
    suite.quote("tdx.wire.pck-chain", "without-root", "the root left out", &quote, &collateral()).accepted();
}

fn lengths(suite: &mut Suite) {
    let check = "form.length";
    for (form, quote) in forms() {
        let whole = quote.build();
        for cut in [49, 300, quote.signature_offset() + 1, quote.qe_report_offset() + 2, whole.len() - 1] {
            let name = format!("{form}-cut-{cut}");
            suite.case(check, &name, "a quote that was cut", whole[..cut].to_vec()).exit(30);
        }
        // The nested lengths: signature data, QE authentication data, certification data.
        let at = quote.qe_report_offset();
        for (name, place, mask) in [
            ("data", quote.signature_offset() - 4, 1),
            ("outer", at - 4, 1),
            ("auth", at + 449, 0x80),
            ("inner", at + 484, 1),
        ] {
            let longer = quote.clone().with(|quote| quote.flips.push((place, mask)));
            let name = format!("{form}-{name}-length");
            suite.quote(check, &name, "a length that does not fit", &longer, &collateral()).exit(30);
        }
    }
    let quote = QuoteSpec::new(4, 2).with(|quote| quote.trailer = vec![0; 16 * 1024 + 1]);
    let why = "more behind the quote than anybody fills up";
    suite.quote("form.budget", "trailer", why, &quote, &collateral()).exit(30);
}

fn tcb_info(suite: &mut Suite) {
    let check = "tdx.wire.tcb-info";
    suite.good_quotes(&[check]);
    let body = TcbInfoSpec::default().body();
    let edit = |from: &str, to: &str| {
        assert!(body.contains(from), "{from}");
        body.replacen(from, to, 1)
    };
    for (name, text) in [
        ("of-sgx", edit("\"id\":\"TDX\"", "\"id\":\"SGX\"")),
        ("version-2", edit("\"version\":3", "\"version\":2")),
        ("version-text", edit("\"version\":3", "\"version\":\"3\"")),
        ("type-1", edit("\"tcbType\":0", "\"tcbType\":1")),
        ("twice", edit("\"tcbType\":0", "\"tcbType\":0,\"tcbType\":0")),
        ("twice-unknown", edit("\"tcbType\":0", "\"tcbType\":0,\"x\":1,\"x\":1")),
        ("twice-below", edit("\"pcesvn\":11", "\"pcesvn\":11,\"pcesvn\":0")),
        ("no-date", edit("\"issueDate\"", "\"issuedate\"")),
        ("a-date-of-another-form", edit("2026-01-02T00:00:00Z", "2026-01-02 00:00:00Z")),
        ("fifteen", edit("[{\"svn\":7},{\"svn\":7}", "[{\"svn\":7}")),
        ("seventeen", edit("[{\"svn\":7}", "[{\"svn\":7},{\"svn\":7}")),
        ("svn-256", edit("{\"svn\":7}", "{\"svn\":256}")),
        ("svn-negative", edit("{\"svn\":7}", "{\"svn\":-1}")),
        ("status", edit("UpToDate", "uptodate")),
        ("concluded-status", edit("UpToDate", "TDRelaunchAdvised")),
        ("advisories", edit("\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"UpToDate\",\"advisoryIDs\":[1]")),
        ("deep", edit("\"tcbType\":0", &format!("\"tcbType\":0,\"x\":{}{}", "[".repeat(20), "]".repeat(20)))),
        ("no-module", edit("\"tdxModule\"", "\"tdxmodule\"")),
        (
            "one-module-twice",
            edit("\"tdxModuleIdentities\":[", &format!("\"tdxModuleIdentities\":[{},", module(&body))),
        ),
    ] {
        let spec = collateral().with(|spec| spec.tcb = document("tcbInfo", &text, TCB_SIGNER));
        suite.quote(check, name, "signed, and of another form", &QuoteSpec::new(4, 2), &spec).exit(30);
    }
    // What Intel may add is none of our business.
    let more = edit("\"tcbType\":0", "\"tcbType\":0,\"new\":{\"a\":[1.5,null,true]}");
    let spec = collateral().with(|spec| spec.tcb = document("tcbInfo", &more, TCB_SIGNER));
    suite.quote(check, "more", "a member that is not known", &QuoteSpec::new(4, 2), &spec).accepted();
}

/// The first module identity of a body.
fn module(body: &str) -> String {
    let from = body.find("{\"id\":\"TDX_01\"").expect("an identity");
    let to = body.find("],\"tcbLevels\":[{\"tcb\":{\"sgx").expect("levels");
    body[from..to].to_owned()
}

fn identity(suite: &mut Suite) {
    let check = "tdx.wire.qe-identity";
    suite.good_quotes(&[check]);
    let body = IdentitySpec::default().body();
    let edit = |from: &str, to: &str| {
        assert!(body.contains(from), "{from}");
        body.replacen(from, to, 1)
    };
    for (name, text) in [
        ("of-sgx", edit("\"id\":\"TD_QE\"", "\"id\":\"QE\"")),
        ("version-1", edit("\"version\":2", "\"version\":1")),
        ("twice", edit("\"isvprodid\":2", "\"isvprodid\":2,\"isvprodid\":2")),
        ("product-65536", edit("\"isvprodid\":2", "\"isvprodid\":65536")),
        ("no-signer", edit("\"mrsigner\"", "\"MRSIGNER\"")),
        ("short-signer", edit("DCDC", "DC")),
        ("status", edit("UpToDate", "TDRelaunchAdvised")),
        ("levels", edit("\"tcbLevels\":[", "\"tcbLevels\":[1,")),
    ] {
        let spec = collateral().with(|spec| spec.identity = document("enclaveIdentity", &text, TCB_SIGNER));
        suite.quote(check, name, "signed, and of another form", &QuoteSpec::new(4, 2), &spec).exit(30);
    }
}
