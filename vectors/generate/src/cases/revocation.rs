//! Revocation: lists of the root, and lists of the intermediate that AMD may issue one day.

use super::{PRODUCTS, Suite, chip, lower};
use crate::crl::CrlSpec;
use crate::keys;
use crate::pki::ca_name;
use crate::platform::{Line, Platform, Product, Role};
use crate::sign::{Hash, Scheme};

const CHECKS: [&str; 4] =
    ["snp.crl.issuer", "snp.crl.signature", "snp.crl.this-update", "snp.crl.next-update"];

pub(super) fn add(suite: &mut Suite) {
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        let line = product.line();
        let evidence = report.signed_with(&chip.vcek_key());
        let named = |what: &str| format!("{}-{what}", lower(product));
        let vek = chip.vcek().build();
        for check in CHECKS.into_iter().chain(["snp.crl.intermediate"]) {
            suite
                .case(check, &named("good"), "the root's list as AMD publishes it", evidence.clone())
                .store([vek.clone(), CrlSpec::new(line).build()])
                .accepted();
        }
        let mut bad = |check: &str, what: &str, why: &str, crl: CrlSpec, exit: u8, also: &[&str]| {
            suite
                .case(check, &named(what), why, evidence.clone())
                .store([vek.clone(), crl.build()])
                .exit(exit)
                .also(also);
        };
        for other in Line::ALL.into_iter().filter(|other| *other != line) {
            bad("snp.crl.issuer", other.name(), "another line's list", CrlSpec::new(other), 12, &[]);
        }
        let list = || CrlSpec::new(line);
        let signature = "snp.crl.signature";
        bad(signature, "flipped", "a flipped bit", list().flip_signature(3, 1), 11, &[]);
        bad(signature, "rogue", "another root's signature", list().signed_by(&keys::ARK_ROGUE), 11, &[]);
        bad(
            signature,
            "by-ask",
            "the intermediate's signature",
            list().signed_by(keys::ca(line, Role::Ask)),
            11,
            &[],
        );
        bad(
            signature,
            "salt-hidden",
            "32 bytes of salt, and says 48",
            list().with(|spec| spec.scheme = Scheme::salt(32)),
            11,
            &[],
        );
        bad(signature, "pkcs1", "RSASSA-PKCS1-v1_5", list().scheme(Scheme::Pkcs1v15(Hash::Sha384)), 11, &[]);

        let serial =
            [0x1_0001, 0x2_0002, 0x3_0001][Line::ALL.iter().position(|of| *of == line).expect("a line")];
        bad("snp.crl.intermediate", "ask", "the ASK is revoked", list().revoking(serial), 11, &[]);
        let also_others = list().revoking(0x1234).revoking(serial).revoking(0x99);
        bad(
            "snp.crl.intermediate",
            "ask-among-others",
            "the ASK is revoked, among others",
            also_others,
            11,
            &[],
        );

        for (what, this) in [("one-second", "2026-01-15T12:00:01Z"), ("a-year", "2027-01-15T12:00:00Z")] {
            bad(
                "snp.crl.this-update",
                what,
                "made in the future",
                list().updates(this, Some("2028-01-01T00:00:00Z")),
                11,
                &[],
            );
        }
        let made = "2025-01-01T00:00:00Z";
        let due = list().updates(made, Some("2026-01-15T12:00:00Z"));
        bad("snp.crl.next-update", "due-now", "due this very second", due, 12, &[]);
        let overdue = list().updates(made, Some("2025-06-01T00:00:00Z"));
        bad("snp.crl.next-update", "overdue", "overdue for months", overdue, 12, &[]);
        bad(
            "snp.crl.next-update",
            "never",
            "does not say when the next is due",
            list().updates(made, None),
            12,
            &[],
        );

        vlek(suite, &chip);
        of_the_intermediate(suite, &chip, &evidence);
    }
    budgets(suite);
}

fn vlek(suite: &mut Suite, chip: &Platform) {
    let line = chip.product.line();
    let serial = [0x1_0101, 0x2_0101, 0x3_0101][Line::ALL.iter().position(|of| *of == line).expect("a line")];
    suite
        .case(
            "snp.crl.intermediate",
            &format!("{}-asvk", lower(chip.product)),
            "the ASVK is revoked",
            chip.vlek_report(5).signed_with(&chip.vlek_key()),
        )
        .store([chip.vlek().build(), CrlSpec::new(line).revoking(serial).build()]);
}

fn of_the_intermediate(suite: &mut Suite, chip: &Platform, evidence: &[u8]) {
    let line = chip.product.line();
    let ask = || {
        let list = CrlSpec::new(line).with(|spec| spec.revoked.clear());
        list.issuer(&ca_name(line, Role::Ask)).signed_by(keys::ca(line, Role::Ask))
    };
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    suite
        .case(
            "snp.crl.vek",
            &named("good"),
            "a list of the intermediate that names another leaf",
            evidence.to_vec(),
        )
        .store([chip.vcek().build(), ask().revoking(5).build()])
        .accepted();
    suite
        .case(
            "snp.crl.vek",
            &named("revoked"),
            "a list of the intermediate that names the leaf",
            evidence.to_vec(),
        )
        .store([chip.vcek().build(), ask().revoking(0).build()]);
    suite
        .case(
            "snp.crl.vek",
            &named("serial-9"),
            "the same, with a leaf that has a serial number",
            evidence.to_vec(),
        )
        .store([chip.vcek().serial(9).build(), ask().revoking(9).build()]);
}

fn budgets(suite: &mut Suite) {
    let (genoa, report) = chip(Product::Genoa);
    let lists = (0..9).map(|number| CrlSpec::new(Line::Genoa).number(100 + number).build());
    let store: Vec<Vec<u8>> = [genoa.vcek().build()].into_iter().chain(lists).collect();
    suite
        .case("form.budget", "crls", "nine lists of one chain", report.signed_with(&genoa.vcek_key()))
        .store(store)
        .exit(30);
    let delta = CrlSpec::new(Line::Genoa).adding(crate::Ext::critical("2.5.29.27", crate::der_out::uint(1)));
    suite
        .case(
            "form.der",
            "delta-crl",
            "a delta CRL says less than it seems to",
            report.signed_with(&genoa.vcek_key()),
        )
        .store([genoa.vcek().build(), delta.build()])
        .exit(30);
}
