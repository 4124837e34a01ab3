//! Policy: for each rule, guests that satisfy it and guests that do not.

use serde_json::{Value, json};

use super::{PRODUCTS, Suite, chip, lower};
use crate::crl::CrlSpec;
use crate::platform::{Platform, Product, Tcb};
use crate::report::ReportSpec;

pub(super) fn add(suite: &mut Suite) {
    for product in PRODUCTS {
        let (chip, report) = chip(product);
        bits(suite, &chip, &report);
        identity(suite, &chip, &report);
        unusual(suite, &chip, &report);
        floors(suite, &chip, &report);
        origin(suite, &chip, &report);
    }
}

#[expect(clippy::too_many_arguments, reason = "a row of a table")]
/// A case with one rule, under the chip's own VCEK.
fn ruled(
    suite: &mut Suite,
    chip: &Platform,
    report: &ReportSpec,
    check: &str,
    what: &str,
    path: &str,
    rule: &Value,
    exit: u8,
) {
    let why = if exit == 0 { "the rule holds" } else { "the rule does not hold" };
    suite
        .case(check, &format!("{}-{what}", lower(chip.product)), why, report.signed_with(&chip.vcek_key()))
        .store([chip.vcek().build()])
        .rule(path, rule.clone())
        .exit(exit);
}

fn bits(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let guest = [
        ("smt", 16),
        ("migrate_ma", 18),
        ("debug", 19),
        ("single_socket", 20),
        ("cxl_allow", 21),
        ("mem_aes_256_xts", 22),
        ("rapl_dis", 23),
        ("ciphertext_hiding_dram", 24),
        ("page_swap_disable", 25),
    ];
    let platform = [
        ("smt_en", 0),
        ("tsme_en", 1),
        ("ecc_en", 2),
        ("rapl_dis", 3),
        ("ciphertext_hiding_dram_en", 4),
        ("alias_check_complete", 5),
        ("iommu_write_safe", 6),
        ("tio_en", 7),
    ];
    let registers = [("guest", "guest_policy", &guest[..]), ("platform", "platform_info", &platform[..])];
    for (group, section, names) in registers {
        for (name, bit) in names {
            let check = format!("snp.policy.{group}.{}", name.replace('_', "-"));
            let path = format!("snp.{section}.{name}");
            for (rule, set, exit) in
                [("set", true, 0), ("set", false, 10), ("clear", false, 0), ("clear", true, 10)]
            {
                let report = report.clone().with(|spec| {
                    let register = if group == "guest" { &mut spec.policy } else { &mut spec.platform_info };
                    *register = (*register & !(1 << bit)) | (u64::from(set) << bit);
                });
                let what = format!("{rule}-is-{}", if set { "set" } else { "clear" });
                ruled(suite, chip, &report, &check, &what, &path, &json!(rule), exit);
            }
        }
    }
    for (what, least, exit) in
        [("equal", "1.51", 0), ("lower", "1.50", 0), ("minor", "1.52", 10), ("major", "2.0", 10)]
    {
        let report = ReportSpec { policy: 0x3_0133, ..report.clone() };
        ruled(
            suite,
            chip,
            &report,
            "snp.policy.guest.minimum-abi",
            what,
            "snp.guest_policy.minimum_abi",
            &json!(least),
            exit,
        );
    }
}

/// Rules that list values: the value, the value among others, a near miss, nothing.
fn identity(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let hex = |bytes: &[u8]| bytes.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let report = report.clone().with(|spec| {
        spec.host_data = [0x11; 32];
        spec.family_id = [0x22; 16];
        spec.image_id = [0x33; 16];
        spec.id_key_digest = [0x44; 48];
        spec.author_key_digest = [0x55; 48];
        spec.key_info = 1;
        spec.guest_svn = 7;
    });
    let lists = [
        ("measurement", "measurements", hex(&report.measurement)),
        ("host-data", "host_data", hex(&report.host_data)),
        ("family-id", "family_ids", hex(&report.family_id)),
        ("image-id", "image_ids", hex(&report.image_id)),
        ("id-key-digest", "id_key_digests", hex(&report.id_key_digest)),
        ("author-key-digest", "author_key_digests", hex(&report.author_key_digest)),
        ("chip-id", "chip_ids", hex(&report.chip_id)),
    ];
    for (id, path, value) in lists {
        let check = format!("snp.policy.{id}");
        let path = format!("snp.{path}");
        let zero = "0".repeat(value.len());
        let mut near = value.clone();
        let last = if near.pop() == Some('0') { '1' } else { '0' };
        near.push(last);
        for (what, rule, exit) in [
            ("listed", json!([value]), 0),
            ("among-others", json!([near, value]), 0),
            ("near-miss", json!([near]), 10),
            ("nothing-listed", json!([]), 10),
            ("zero-listed", json!([zero]), 10),
        ] {
            ruled(suite, chip, &report, &check, what, &path, &rule, exit);
        }
    }
    // AUTHOR_KEY_DIGEST says nothing unless AUTHOR_KEY_EN is set, even if it has the listed value.
    let unused = ReportSpec { key_info: 0, ..report.clone() };
    let listed = json!([hex(&unused.author_key_digest)]);
    ruled(
        suite,
        chip,
        &unused,
        "snp.policy.author-key-digest",
        "not-in-use",
        "snp.author_key_digests",
        &listed,
        10,
    );
    for (what, least, exit) in
        [("equal", 7, 0), ("lower", 1, 0), ("higher", 8, 10), ("highest", u32::MAX, 10)]
    {
        ruled(suite, chip, &report, "snp.policy.guest-svn", what, "snp.guest_svn", &json!(least), exit);
    }
    for (what, vmpl, rule, exit) in [
        ("zero", 0, json!([0]), 0),
        ("one-of", 1, json!([0, 1]), 0),
        ("one", 1, json!([0]), 10),
        ("three", 3, json!([0, 1, 2]), 10),
        ("host", u32::MAX, json!([0, 1, 2, 3]), 10),
    ] {
        let report = ReportSpec { vmpl, ..report.clone() };
        ruled(suite, chip, &report, "snp.policy.vmpl", what, "snp.vmpl", &rule, exit);
    }
}

fn unusual(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let refuse = json!("refuse");
    let product = chip.product;
    for (bit, what) in [(26, "lowest"), (63, "highest")] {
        let report = ReportSpec { policy: report.policy | (1 << bit), ..report.clone() };
        ruled(
            suite,
            chip,
            &report,
            "snp.policy.guest.unknown",
            what,
            "snp.guest_policy.unknown",
            &refuse,
            10,
        );
    }
    for (bit, what) in [(8, "lowest"), (63, "highest")] {
        let report = ReportSpec { platform_info: report.platform_info | (1 << bit), ..report.clone() };
        ruled(
            suite,
            chip,
            &report,
            "snp.policy.platform.unknown",
            what,
            "snp.platform_info.unknown",
            &refuse,
            10,
        );
    }
    for (bit, what) in [(5, "lowest"), (31, "highest")] {
        let report = ReportSpec { key_info: 1 << bit, ..report.clone() };
        ruled(suite, chip, &report, "snp.policy.key-info.unknown", what, "snp.key_info_unknown", &refuse, 10);
    }
    // Offsets of CURRENT, LAUNCH and COMMITTED TCB; bytes 4 and 5 are reserved in either layout.
    for (what, offset) in [("current", 0x3c), ("launch", 0x1f4), ("committed", 0x1e5)] {
        let report = report.clone().patch(offset, &[1]);
        ruled(suite, chip, &report, "snp.policy.tcb.unknown", what, "snp.tcb.unknown", &refuse, 10);
    }
    // The same bit twice: it must not cancel itself out.
    let twice = report.clone().patch(0x3c, &[1]).patch(0x1f4, &[1]);
    ruled(suite, chip, &twice, "snp.policy.tcb.unknown", "twice", "snp.tcb.unknown", &refuse, 10);
    for (what, at) in [("first", 0), ("last", 31)] {
        let report = report.clone().with(|spec| spec.report_id_ma[at] = 0);
        ruled(suite, chip, &report, "snp.policy.migration-agent", what, "snp.migration_agent", &refuse, 10);
    }
    let cpu = |cpuid: [u8; 3]| ReportSpec { cpuid, ..report.clone() };
    for (what, cpuid) in [("venice", [0x1a, 0x50, 0]), ("later", [0x1b, 0, 0]), ("zero", [0, 0, 0])] {
        ruled(suite, chip, &cpu(cpuid), "snp.policy.unknown-cpu", what, "snp.unknown_cpu", &refuse, 10);
    }
    let [build, minor, major] = report.current_firmware;
    let line = product.line();
    let below = Tcb { snp: product.tcb().snp - 1, ..product.tcb() }.bytes(line);
    let provisional = "snp.policy.provisional-firmware";
    let rule = "snp.provisional_firmware";
    for (what, report) in [
        ("tcb", ReportSpec { committed_tcb: below, ..report.clone() }),
        ("build", ReportSpec { committed_firmware: [build - 1, minor, major], ..report.clone() }),
    ] {
        ruled(suite, chip, &report, provisional, what, rule, &refuse, 10);
    }
    for (check, path) in [
        ("snp.policy.guest.unknown", "snp.guest_policy.unknown"),
        ("snp.policy.platform.unknown", "snp.platform_info.unknown"),
        ("snp.policy.key-info.unknown", "snp.key_info_unknown"),
        ("snp.policy.tcb.unknown", "snp.tcb.unknown"),
        ("snp.policy.migration-agent", "snp.migration_agent"),
        ("snp.policy.unknown-cpu", "snp.unknown_cpu"),
        (provisional, rule),
    ] {
        ruled(suite, chip, report, check, "usual", path, &refuse, 0);
    }
    for (name, id) in [("launch", "launch"), ("current", "current")] {
        let check = format!("snp.policy.mitigations.{id}");
        let path = format!("snp.mitigations.{name}");
        for (what, mask, exit) in [
            ("all", "0xb", 0),
            ("none-asked", "0x0", 0),
            ("one-missing", "0x80", 10),
            ("highest", "0x8000000000000000", 10),
        ] {
            ruled(suite, chip, report, &check, what, &path, &json!(mask), exit);
        }
        ruled(suite, chip, &chip.report(4), &check, "no-vector", &path, &json!("0x0"), 10);
    }
}

fn floors(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let part = lower(chip.product);
    let tcb = chip.product.tcb();
    let turin = chip.product == Product::Turin;
    let floor = |tcb: Tcb| {
        let mut levels =
            json!({"bootloader": tcb.bootloader, "tee": tcb.tee, "snp": tcb.snp, "microcode": tcb.microcode});
        if turin {
            levels["fmc"] = json!(tcb.fmc);
        }
        let mut floors = json!({});
        floors[&part] = levels;
        floors
    };
    for name in ["current", "reported", "committed", "launch"] {
        let check = format!("snp.policy.tcb.{name}");
        let path = format!("snp.tcb.{name}");
        let mut asks = vec![
            ("equal", floor(tcb), 0),
            ("bootloader", floor(Tcb { bootloader: tcb.bootloader + 1, ..tcb }), 10),
            ("tee", floor(Tcb { tee: tcb.tee + 1, ..tcb }), 10),
            ("snp", floor(Tcb { snp: tcb.snp + 1, bootloader: 0, ..tcb }), 10),
            ("microcode", floor(Tcb { microcode: tcb.microcode + 1, snp: 0, ..tcb }), 10),
            ("no-part", json!({"genoa-x": {"bootloader": 0, "tee": 0, "snp": 0, "microcode": 0}}), 10),
        ];
        if turin {
            asks.push(("fmc", floor(Tcb { fmc: tcb.fmc + 1, ..tcb }), 10));
        } else {
            let mut levels = floor(tcb);
            levels[&part]["fmc"] = json!(0);
            asks.push(("fmc-asked", levels, 10));
        }
        for (what, rule, exit) in asks {
            ruled(suite, chip, report, &check, what, &path, &rule, exit);
        }
    }
    let [build, minor, major] = report.current_firmware;
    let version = |major: u8, minor: u8, build: u8| {
        let mut floors = json!({});
        floors[&part] = json!(format!("{major}.{minor}.{build}"));
        floors
    };
    for name in ["current", "committed"] {
        let check = format!("snp.policy.firmware.{name}");
        let path = format!("snp.firmware.{name}");
        for (what, rule, exit) in [
            ("equal", version(major, minor, build), 0),
            ("lower", version(0, 255, 255), 0),
            ("build", version(major, minor, build + 1), 10),
            ("minor", version(major, minor + 1, 0), 10),
            ("major", version(major + 1, 0, 0), 10),
        ] {
            ruled(suite, chip, report, &check, what, &path, &rule, exit);
        }
    }
}

fn origin(suite: &mut Suite, chip: &Platform, report: &ReportSpec) {
    let line = chip.product.line().name();
    let others: Vec<&str> = ["Milan", "Genoa", "Turin"].into_iter().filter(|other| *other != line).collect();
    for (what, rule, exit) in
        [("listed", json!([line]), 0), ("others", json!(others), 10), ("nothing", json!([]), 10)]
    {
        ruled(suite, chip, report, "snp.policy.product", what, "snp.product_lines", &rule, exit);
    }
    for (version, rule, exit) in [(5, json!([3, 4, 5]), 0), (6, json!([2, 3, 4, 5]), 10), (3, json!([5]), 10)]
    {
        let what = format!("v{version}");
        ruled(
            suite,
            chip,
            &chip.report(version),
            "snp.policy.report-version",
            &what,
            "snp.report_versions",
            &rule,
            exit,
        );
    }
    for (what, rule, exit) in [("vcek", json!(["VCEK"]), 0), ("vlek-only", json!(["VLEK"]), 10)] {
        ruled(suite, chip, report, "snp.policy.signing-key", what, "snp.signing_keys", &rule, exit);
    }
    for (what, rule, exit) in
        [("caller", json!(["caller"]), 0), ("hardware", json!(["hardware"]), 10), ("nothing", json!([]), 10)]
    {
        ruled(suite, chip, report, "snp.policy.root", what, "snp.roots", &rule, exit);
    }
    let listed = json!(["CN=cc-us-east-2.amazonaws.com"]);
    ruled(suite, chip, report, "snp.policy.csp-id", "vcek", "snp.csp_ids", &listed, 10);
    let evidence = report.signed_with(&chip.vcek_key());
    let named = |what: &str| format!("{}-{what}", lower(chip.product));
    let fresh = "snp.policy.freshness";
    for (what, expected, exit) in [("compared", Some([0x5a; 64]), 0), ("not-compared", None, 10)] {
        suite
            .case(fresh, &named(what), "whether the caller compares report data", evidence.clone())
            .store([chip.vcek().build()])
            .expecting(expected)
            .rule("snp.stale_evidence", "refuse")
            .exit(exit);
    }
    suite
        .case(
            fresh,
            &named("vlek-not-compared"),
            "the same with a VLEK",
            chip.vlek_report(5).signed_with(&chip.vlek_key()),
        )
        .store([chip.vlek().build()])
        .expecting(None)
        .rule("snp.stale_evidence", "refuse")
        .exit(10);
    revocation(suite, chip, &evidence);
    provider(suite, chip);
}

fn revocation(suite: &mut Suite, chip: &Platform, evidence: &[u8]) {
    let list =
        |this: &str| CrlSpec::new(chip.product.line()).updates(this, Some("2027-01-01T00:00:00Z")).build();
    // Judged at 2026-01-15 12:00:00.
    for (what, crl, exit) in [
        ("young", Some(list("2026-01-01T00:00:00Z")), 0),
        ("on-the-day", Some(list("2025-12-16T12:00:00Z")), 0),
        ("a-second-old", Some(list("2025-12-16T11:59:59Z")), 12),
        ("years-old", Some(list("2020-01-01T00:00:00Z")), 12),
        ("none", None, 12),
    ] {
        suite
            .case(
                "snp.policy.crl",
                &format!("{}-{what}", lower(chip.product)),
                "a list of at most 30 days",
                evidence.to_vec(),
            )
            .store([chip.vcek().build()].into_iter().chain(crl))
            .rule("snp.crl_max_age_days", 30)
            .exit(exit);
    }
}

fn provider(suite: &mut Suite, chip: &Platform) {
    let evidence = chip.vlek_report(5).signed_with(&chip.vlek_key());
    let mut ruled = |check: &str, what: &str, path: &str, rule: Value, exit: u8| {
        suite
            .case(
                check,
                &format!("{}-{what}", lower(chip.product)),
                "a VLEK and its provider",
                evidence.clone(),
            )
            .store([chip.vlek().build()])
            .rule(path, rule)
            .exit(exit);
    };
    for (what, rule, exit) in [
        ("listed", json!(["CN=cc-us-east-2.amazonaws.com"]), 0),
        ("other-region", json!(["CN=cc-us-east-1.amazonaws.com"]), 10),
        ("other-case", json!(["cn=cc-us-east-2.amazonaws.com"]), 10),
        ("nothing", json!([]), 10),
    ] {
        ruled("snp.policy.csp-id", what, "snp.csp_ids", rule, exit);
    }
    ruled("snp.policy.signing-key", "vlek", "snp.signing_keys", json!(["VLEK"]), 0);
    ruled("snp.policy.signing-key", "vcek-only", "snp.signing_keys", json!(["VCEK"]), 10);
}
