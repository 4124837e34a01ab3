//! The report: signature, binding to its certificate, what firmware guarantees, freshness.

use super::{PRODUCTS, Suite, chip, lower};
use crate::keys::P384Key;
use crate::platform::{Platform, Product, Tcb};
use crate::report::{ReportSpec, SigEdit};

pub(super) fn add(suite: &mut Suite) {
    positives(suite);
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        signature(suite, &chip, &report);
        kinds(suite, &chip);
        binding(suite, &chip, &report);
        candidates(suite, &chip, &report);
        firmware(suite, &chip, &report);
        freshness(suite, &chip, &report);
    }
}

/// Every product in every version, with either kind of key.
fn positives(suite: &mut Suite) {
    let checks = [
        "snp.report.signature-algo",
        "snp.report.signing-key",
        "snp.report.mask-chip-key",
        "snp.report.signature-range",
        "snp.report.signature",
        "snp.report.key-kind",
        "snp.vek.tcb",
        "snp.report.policy-bit-17",
        "snp.report.committed-tcb",
        "snp.report.reported-tcb",
        "snp.report.committed-version",
        "snp.report.report-data",
    ];
    for product in Product::ALL {
        let chip = Platform::new(product);
        for version in 2..=6 {
            if product == Product::Turin && version == 2 {
                continue; // no Turin firmware writes version 2
            }
            let why =
                if version == 6 { "a version newer than any that is known" } else { "as firmware writes it" };
            let report = chip.report(version).signed_with(&chip.vcek_key());
            for check in checks.into_iter().chain(["snp.vek.hwid"]) {
                suite
                    .case(check, &format!("{}-v{version}", lower(product)), why, report.clone())
                    .store([chip.vcek().build()])
                    .accepted();
            }
        }
        for version in [3, 5] {
            suite
                .case(
                    "snp.report.cpuid-product",
                    &format!("{}-v{version}", lower(product)),
                    "the CPUID bytes of the product",
                    chip.report(version).signed_with(&chip.vcek_key()),
                )
                .store([chip.vcek().build()])
                .accepted();
        }
        let vlek = chip.vlek_report(5).signed_with(&chip.vlek_key());
        for check in checks {
            suite
                .case(check, &format!("{}-vlek", lower(product)), "signed by a VLEK", vlek.clone())
                .store([chip.vlek().build()])
                .accepted();
        }
    }
}

fn signature(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    let vek = chip.vcek().build();
    let mut bad = |check: &str, what: &str, why: &str, report: Vec<u8>, exit: u8, also: &[&str]| {
        suite.case(check, &named(what), why, report).store([vek.clone()]).exit(exit).also(also);
    };
    let sign = |spec: &ReportSpec| spec.signed_with(&chip.vcek_key());
    for algorithm in [0, 2, 0x0100_0000, u32::MAX] {
        let spec = ReportSpec { signature_algo: algorithm, ..report.clone() };
        bad(
            "snp.report.signature-algo",
            &format!("{algorithm:x}"),
            "an algorithm that is not defined",
            sign(&spec),
            20,
            &[],
        );
    }
    for key in 2..=7 {
        let spec = ReportSpec { key_info: key << 2, ..report.clone() };
        bad(
            "snp.report.signing-key",
            &key.to_string(),
            "reserved, or none",
            sign(&spec),
            11,
            &["snp.report.key-kind"],
        );
    }
    for (what, key_info) in [("masked", 2), ("masked-with-author", 3)] {
        let spec = ReportSpec { key_info, ..report.clone() };
        bad("snp.report.mask-chip-key", what, "says that it is not signed", sign(&spec), 11, &[]);
    }
    let range = "snp.report.signature-range";
    for (what, edit) in [
        ("r-zero", SigEdit::ZeroR),
        ("s-zero", SigEdit::ZeroS),
        ("r-order", SigEdit::OrderR),
        ("s-order", SigEdit::OrderS),
    ] {
        let spec = report.clone().edit_signature(edit);
        bad(range, what, "zero, or the order of the curve", sign(&spec), 11, &["snp.report.signature"]);
    }
    let check = "snp.report.signature";
    for (what, edit) in [
        ("r-bit-0", SigEdit::FlipR(0)),
        ("r-bit-200", SigEdit::FlipR(200)),
        ("s-bit-0", SigEdit::FlipS(0)),
        ("s-bit-200", SigEdit::FlipS(200)),
        ("swapped", SigEdit::Swap),
        ("big-endian", SigEdit::BigEndian),
    ] {
        let spec = report.clone().edit_signature(edit);
        bad(check, what, "another R or S", sign(&spec), 11, &[range]);
    }
    for (what, offset) in
        [("report-data", 0x50), ("measurement", 0x90), ("host-data", 0xc0), ("report-id", 0x140)]
    {
        let spec = report.clone().patch_late(offset, &[0xee]);
        bad(check, what, "a byte changed after signing", sign(&spec), 11, &["snp.report.report-data"]);
    }
    let other = report.signed_with(&P384Key::from_label("another chip"));
    bad(check, "other-key", "another key's signature", other, 11, &[]);
    suite
        .case(
            check,
            &named("negated-s"),
            "n - S verifies as S does, and nothing here tells reports apart by it",
            sign(&report.clone().edit_signature(SigEdit::NegateS)),
        )
        .store([vek])
        .accepted();
}

fn kinds(suite: &mut Suite, chip: &Platform) {
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    for version in [3, 5] {
        let says_vlek = chip.vlek_report(version).signed_with(&chip.vcek_key());
        suite
            .case(
                "snp.report.key-kind",
                &named(&format!("says-vlek-v{version}")),
                "names a VLEK and has a VCEK",
                says_vlek,
            )
            .store([chip.vcek().build()]);
        let says_vcek = chip.report(version).signed_with(&chip.vlek_key());
        suite
            .case(
                "snp.report.key-kind",
                &named(&format!("says-vcek-v{version}")),
                "names a VCEK and has a VLEK",
                says_vcek,
            )
            .store([chip.vlek().build()]);
    }
}

fn binding(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    let vek = chip.vcek().build();
    for other in PRODUCTS.into_iter().filter(|other| other.line() != chip.product.line()) {
        let spec = ReportSpec { cpuid: other.cpuid(), ..report.clone() };
        suite
            .case(
                "snp.report.cpuid-product",
                &named(&lower(other)),
                "another line's CPUID bytes",
                spec.signed_with(&chip.vcek_key()),
            )
            .store([vek.clone()]);
    }
    // One component of REPORTED_TCB below the certificate's; CURRENT stays, so nothing else is wrong.
    let tcb = chip.product.tcb();
    let changed = [
        ("bootloader", Tcb { bootloader: tcb.bootloader - 1, ..tcb }),
        ("snp", Tcb { snp: tcb.snp - 1, ..tcb }),
        ("microcode", Tcb { microcode: tcb.microcode - 1, ..tcb }),
        ("tee", Tcb { tee: tcb.tee.saturating_sub(1), ..tcb }),
        ("fmc", Tcb { fmc: tcb.fmc.saturating_sub(1), ..tcb }),
    ];
    for (what, reported) in changed.into_iter().filter(|(_, reported)| *reported != tcb) {
        let spec = ReportSpec { reported_tcb: reported.bytes(chip.product.line()), ..report.clone() };
        suite
            .case("snp.vek.tcb", &named(what), "one component differs", spec.signed_with(&chip.vcek_key()))
            .store([vek.clone()]);
    }
    let last = chip.hwid.len() - 1;
    for (what, at) in [("first", 0), ("last", last)] {
        let spec = report.clone().with(|spec| spec.chip_id[at] ^= 1);
        suite
            .case("snp.vek.hwid", &named(what), "another chip", spec.signed_with(&chip.vcek_key()))
            .store([vek.clone()]);
    }
    if chip.product == Product::Turin {
        let spec = report.clone().with(|spec| spec.chip_id[63] = 1);
        suite
            .case(
                "snp.vek.hwid",
                "turin-tail",
                "a byte behind the eight in use",
                spec.signed_with(&chip.vcek_key()),
            )
            .store([vek.clone()]);
    }
    let masked = ReportSpec { chip_id: [0; 64], ..report.clone() };
    suite
        .case(
            "snp.report.signature",
            &named("masked-chip-id"),
            "the host masks CHIP_ID",
            masked.signed_with(&chip.vcek_key()),
        )
        .store([vek])
        .accepted();
}

/// Several certificates fit: the one whose key signed counts, wherever it stands.
fn candidates(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    let other = Platform::numbered(chip.product, 1);
    let masked = ReportSpec { chip_id: [0; 64], ..report.clone() }.signed_with(&chip.vcek_key());
    suite
        .case(
            "snp.report.signature",
            &named("masked-of-two"),
            "two VCEKs of the same TCB, CHIP_ID masked",
            masked,
        )
        .store([other.vcek().build(), chip.vcek().build()])
        .accepted();
    let vlek = chip.vlek_report(5).signed_with(&chip.vlek_key());
    let expired = other.vlek().valid("2024-07-17T17:04:46Z", "2025-07-17T17:04:46Z").build();
    suite
        .case("snp.vek.validity", &named("renewed-vlek"), "last year's VLEK beside this year's", vlek)
        .store([expired, chip.vlek().build()])
        .accepted();
}

fn firmware(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    let line = chip.product.line();
    let vek = chip.vcek().build();
    let mut bad = |check: &str, what: &str, why: &str, spec: ReportSpec| {
        suite.case(check, &named(what), why, spec.signed_with(&chip.vcek_key())).store([vek.clone()]);
    };
    for policy in [0, 0x1_001f] {
        let spec = ReportSpec { policy, ..report.clone() };
        bad("snp.report.policy-bit-17", &format!("{policy:x}"), "a reserved one is zero", spec);
    }
    let tcb = chip.product.tcb();
    let higher = [
        ("bootloader", Tcb { bootloader: tcb.bootloader + 1, ..tcb }),
        ("tee", Tcb { tee: tcb.tee + 1, ..tcb }),
        ("snp", Tcb { snp: tcb.snp + 1, ..tcb }),
        ("microcode", Tcb { microcode: tcb.microcode + 1, ..tcb }),
    ];
    for (what, committed) in higher {
        let spec = ReportSpec { committed_tcb: committed.bytes(line), ..report.clone() };
        bad("snp.report.committed-tcb", what, "committed above current", spec);
    }
    let lower = [
        ("bootloader", Tcb { bootloader: tcb.bootloader - 1, ..tcb }),
        ("snp", Tcb { snp: tcb.snp - 1, ..tcb }),
        ("microcode", Tcb { microcode: tcb.microcode - 1, ..tcb }),
    ];
    for (what, current) in lower {
        let current = current.bytes(line);
        let spec = ReportSpec { current_tcb: current, committed_tcb: current, ..report.clone() };
        bad("snp.report.reported-tcb", what, "reported above current", spec);
    }
    let [build, minor, major] = report.current_firmware;
    for (what, committed) in [
        ("build", [build + 1, minor, major]),
        ("minor", [build, minor + 1, major]),
        ("major", [0, 0, major + 1]),
    ] {
        let spec = ReportSpec { committed_firmware: committed, ..report.clone() };
        bad("snp.report.committed-version", what, "committed above current", spec);
    }
}

fn freshness(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    let evidence = report.signed_with(&chip.vcek_key());
    let mut first = [0x5a; 64];
    first[0] ^= 1;
    let mut last = [0x5a; 64];
    last[63] ^= 0x80;
    let mut half = [0x5a; 64];
    half[32..].fill(0);
    for (what, why, expected) in [
        ("first-byte", "the first byte differs", first),
        ("last-byte", "the last byte differs", last),
        ("half", "the second half differs", half),
        ("zero", "zero is a value, not a wildcard", [0; 64]),
    ] {
        suite
            .case("snp.report.report-data", &named(what), why, evidence.clone())
            .store([chip.vcek().build()])
            .expecting(Some(expected));
    }
}
