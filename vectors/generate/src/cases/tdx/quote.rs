//! The quoting enclave, its key, the quote, the TDX module.

use super::{Suite, collateral, forms};
use crate::tdx::{QuoteSpec, svn_level};

pub(super) fn add(suite: &mut Suite) {
    suite.good_quotes(&["tdx.qe.signature", "tdx.qe.attestation-key", "tdx.quote.signature"]);
    signatures(suite);
    attestation_key(suite);
    identity(suite);
    module(suite);
    report_data(suite);
}

fn signatures(suite: &mut Suite) {
    for (form, quote) in forms() {
        let (at, qe) = (quote.signature_offset(), quote.qe_report_offset());
        for (name, why, place) in [
            ("version-data", "a bit of the header turned", 30),
            ("mrtd", "a bit of the body turned", at - 300),
            ("report-data", "a bit of the body turned", at - 5),
            ("r", "a bit of the signature turned", at + 3),
            ("s", "a bit of the signature turned", at + 40),
        ] {
            let turned = quote.clone().with(|quote| quote.flips.push((place, 0x10)));
            let also: &[&str] = match (name, form) {
                ("report-data", "v4" | "v5-1.0") => &["tdx.quote.report-data"],
                _ => &[],
            };
            suite
                .quote("tdx.quote.signature", &format!("{form}-{name}"), why, &turned, &collateral())
                .also(also);
        }
        for (name, place) in [("cpu-svn", qe + 1), ("mr-enclave", qe + 70), ("r", qe + 384), ("s", qe + 430)]
        {
            let turned = quote.clone().with(|quote| quote.flips.push((place, 1)));
            let why = "a bit of what the platform signed turned";
            suite.quote("tdx.qe.signature", &format!("{form}-{name}"), why, &turned, &collateral());
        }
    }
    let quote = QuoteSpec::new(4, 2).with(|quote| quote.platform = "another platform".into());
    suite.quote("tdx.qe.signature", "another-platform", "another platform's key", &quote, &collateral());
}

fn attestation_key(suite: &mut Suite) {
    let check = "tdx.qe.attestation-key";
    let zeros = [0; 64];
    let bound = |quote: &QuoteSpec| -> [u8; 64] {
        use sha2::Digest as _;
        let point = crate::tdx::key(&quote.attester).sec1()[1..].to_vec();
        let mut data = [0; 64];
        data[..32].copy_from_slice(&sha2::Sha256::digest([point, quote.authentication.clone()].concat()));
        data
    };
    for (form, quote) in forms() {
        let own = bound(&quote);
        let mut tail = own;
        tail[63] = 1;
        let mut middle = own;
        middle[32] = 0x80;
        let mut head = own;
        head[0] ^= 1;
        let other = bound(&quote.clone().with(|quote| quote.attester = "another key".into()));
        let plain = bound(&quote.clone().with(|quote| quote.authentication = Vec::new()));
        for (name, data) in [
            ("zeros", zeros),
            ("tail", tail),
            ("middle", middle),
            ("head", head),
            ("other", other),
            ("plain", plain),
        ] {
            let quote = quote.clone().with(|quote| quote.qe_report_data = Some(data));
            let why = "a QE that speaks of another key, or of more";
            suite.quote(check, &format!("{form}-{name}"), why, &quote, &collateral());
        }
    }
    for len in [0, 16, 64, 1000] {
        let quote = QuoteSpec::new(4, 2).with(|quote| quote.authentication = vec![7; len]);
        suite
            .quote(
                check,
                &format!("data-{len}"),
                "authentication data of another length",
                &quote,
                &collateral(),
            )
            .accepted();
    }
}

fn identity(suite: &mut Suite) {
    suite.good_quotes(&[
        "tdx.qe.debug",
        "tdx.qe.misc-select",
        "tdx.qe.attributes",
        "tdx.qe.mr-signer",
        "tdx.qe.isv-prod-id",
        "tdx.qe.level",
    ]);
    // A mask that leaves DEBUG out: the rule does not depend on Intel's word.
    let lax = || {
        collateral().identity(|spec| spec.attributes.1 = format!("F9{}{}", "FF".repeat(7), "00".repeat(8)))
    };
    for (form, quote) in forms() {
        let quote = quote.with(|quote| quote.qe_attributes[0] |= 0b10);
        let why = "a quoting enclave that a debugger reads";
        suite.quote("tdx.qe.debug", form, why, &quote, &lax());
        let name = format!("{form}-masked");
        suite.quote("tdx.qe.debug", &name, why, &quote, &collateral()).also(&["tdx.qe.attributes"]);
    }
    let v4 = || QuoteSpec::new(4, 2);
    for at in 0..4 {
        let quote = v4().with(|quote| quote.misc[at] = 1);
        let name = format!("octet-{at}");
        suite.quote("tdx.qe.misc-select", &name, "another MISCSELECT", &quote, &collateral());
    }
    let spec = collateral().identity(|spec| spec.misc.0 = "00000080".into());
    suite.quote("tdx.qe.misc-select", "identity", "an identity with another", &v4(), &spec);
    for (name, at, mask) in
        [("init", 0, 0x01), ("provision", 0, 0x10), ("token", 0, 0x20), ("flags", 1, 0x80), ("high", 7, 0x01)]
    {
        let quote = v4().with(|quote| quote.qe_attributes[at] ^= mask);
        suite.quote("tdx.qe.attributes", name, "other attributes", &quote, &collateral());
    }
    for (name, at, mask) in [("mode-64", 0, 0x04), ("xfrm", 8, 0x01)] {
        let quote = v4().with(|quote| quote.qe_attributes[at] ^= mask);
        suite.quote("tdx.qe.attributes", name, "a bit outside of the mask", &quote, &collateral()).accepted();
    }
    for at in [0, 1, 15, 30, 31] {
        let quote = v4().with(|quote| quote.qe_signer[at] ^= 1);
        suite.quote(
            "tdx.qe.mr-signer",
            &format!("octet-{at}"),
            "an enclave of another signer",
            &quote,
            &collateral(),
        );
    }
    for product in [0, 1, 3, 0x0200, 0xffff] {
        let quote = v4().with(|quote| quote.qe_product.0 = product);
        suite.quote("tdx.qe.isv-prod-id", &format!("{product}"), "another enclave", &quote, &collateral());
    }
    for svn in 0..4 {
        let quote = v4().with(|quote| quote.qe_product.1 = svn);
        suite.quote("tdx.qe.level", &format!("{svn}"), "an enclave below every level", &quote, &collateral());
    }
    let spec = collateral().identity(|spec| spec.levels = Vec::new());
    suite.quote("tdx.qe.level", "no-level", "an identity without levels", &v4(), &spec);
    let levels =
        vec![svn_level(2, "OutOfDate", &[]), svn_level(4, "UpToDate", &[]), svn_level(9, "UpToDate", &[])];
    let spec = collateral().identity(|spec| spec.levels = levels);
    suite.quote("tdx.qe.level", "unsorted", "levels in any order", &v4(), &spec).accepted();
}

fn module(suite: &mut Suite) {
    suite.good_quotes(&[
        "tdx.module.known",
        "tdx.module.mr-signer",
        "tdx.module.attributes",
        "tdx.module.level",
    ]);
    let v4 = || QuoteSpec::new(4, 2);
    for version in [2, 3, 9, 0x10, 0xff] {
        let quote = v4().with(|quote| quote.report.tee_tcb_svn[1] = version);
        suite
            .quote(
                "tdx.module.known",
                &format!("{version}"),
                "a version without an identity",
                &quote,
                &collateral(),
            )
            .also(&["tdx.module.level"]);
    }
    let quote = v4().with(|quote| quote.report.tee_tcb_svn[1] = 0x0a);
    let spec =
        collateral().tcb(|spec| spec.modules.push(("TDX_0A".into(), vec![svn_level(0, "UpToDate", &[])])));
    suite.quote("tdx.module.known", "hexadecimal", "version 10", &quote, &spec).accepted();
    for at in [0, 1, 23, 46, 47] {
        let quote = v4().with(|quote| quote.report.mr_signer_seam[at] = 1);
        let name = format!("octet-{at}");
        suite.quote("tdx.module.mr-signer", &name, "a module of another signer", &quote, &collateral());
    }
    for at in [0, 1, 3, 6, 7] {
        let quote = v4().with(|quote| quote.report.seam_attributes[at] = 1);
        let name = format!("octet-{at}");
        suite.quote("tdx.module.attributes", &name, "a module with attributes", &quote, &collateral());
    }
    let quote = v4().with(|quote| quote.report.seam_attributes[0] = 1);
    let spec = collateral().tcb(|spec| spec.module.2 = format!("FE{}", "FF".repeat(7)));
    suite.quote("tdx.module.attributes", "masked", "a bit outside of the mask", &quote, &spec).accepted();
    for (form, quote) in forms() {
        for svn in [0, 2] {
            let quote = quote.clone().with(|quote| quote.report.tee_tcb_svn[0] = svn);
            let name = format!("{form}-{svn}");
            suite.quote("tdx.module.level", &name, "a module below every level", &quote, &collateral());
        }
    }
}

fn report_data(suite: &mut Suite) {
    let check = "tdx.quote.report-data";
    suite.good_quotes(&[check]);
    for (form, quote) in forms() {
        for at in [0, 63] {
            let quote = quote.clone().with(|quote| quote.report.report_data[at] ^= 1);
            let name = format!("{form}-{at}");
            suite.quote(check, &name, "report data of somebody else's", &quote, &collateral());
        }
    }
}
