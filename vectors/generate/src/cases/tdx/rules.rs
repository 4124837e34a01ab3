//! Judgement: TCB levels and what a policy makes of them, attributes, measurements.

use serde_json::{Value, json};

use super::{Suite, collateral, forms};
use crate::eventlog::{Header, LogWriter, NO_ACTION};
use crate::tdx::{CollateralSpec, FMSPC, QuoteSpec, SgxSpec, level, svn_level};
use crate::{cbor_out, sign::Hash};

pub(super) fn add(suite: &mut Suite) {
    levels(suite);
    revoked(suite);
    statuses(suite);
    tcb_rules(suite);
    origin(suite);
    attributes(suite);
    measurements(suite);
    event_log(suite);
}

fn v4() -> QuoteSpec {
    QuoteSpec::new(4, 2)
}

/// SVNs of the default platform.
fn svns() -> ([u8; 16], [u8; 16]) {
    let mut tdx = [0; 16];
    [tdx[0], tdx[2]] = [5, 6];
    (SgxSpec::default().components, tdx)
}

/// TCB info with these platform levels: SGX, PCESVN, TDX, status.
fn with_levels(levels: &[([u8; 16], u16, [u8; 16], &str)]) -> CollateralSpec {
    let levels =
        levels.iter().map(|(sgx, pce, tdx, status)| level(*sgx, *pce, *tdx, status, &["INTEL-SA-90001"]));
    collateral().tcb(|spec| spec.levels = levels.collect())
}

/// TCB info whose only level has this status.
fn with_status(status: &str) -> CollateralSpec {
    let (sgx, tdx) = svns();
    with_levels(&[(sgx, 11, tdx, status)])
}

/// An exception for the default platform.
fn exception(until: &str) -> Value {
    let (sgx, _) = svns();
    json!([{
        "name": "ticket 7",
        "fmspc": vectors::hex(&FMSPC),
        "sgx_components": vectors::hex(&sgx),
        "pce_svn": 11,
        "tee_tcb_svn": "05010600000000000000000000000000",
        "until": until,
    }])
}

const LATER: &str = "2026-03-01T00:00:00Z";
const EXCEPTIONS: &str = "tdx.tcb.exceptions";

fn levels(suite: &mut Suite) {
    let check = "tdx.policy.tcb.level";
    suite.good_quotes(&[check]);
    let (sgx, tdx) = svns();
    let above = |mut svns: [u8; 16], at: usize| {
        svns[at] += 1;
        svns
    };
    for (name, why, levels) in [
        ("sgx-first", "one component below", vec![(above(sgx, 0), 11, tdx, "UpToDate")]),
        ("sgx-last", "one component below", vec![(above(sgx, 15), 0, tdx, "UpToDate")]),
        ("pce", "PCESVN below", vec![(sgx, 12, tdx, "UpToDate")]),
        ("microcode", "late microcode below", vec![(sgx, 11, above(tdx, 2), "UpToDate")]),
        ("tdx-last", "the last TDX component below", vec![(sgx, 11, above(tdx, 15), "UpToDate")]),
        ("none", "no level at all", vec![]),
        (
            "two",
            "two levels, each above in one component",
            vec![(above(sgx, 1), 11, tdx, "UpToDate"), (above(sgx, 2), 5, [0; 16], "OutOfDate")],
        ),
    ] {
        suite.quote(check, name, why, &v4(), &with_levels(&levels)).exit(10);
    }
    // A module of version 0 has no levels of its own: its two components count here.
    let old = v4().with(|quote| quote.report.tee_tcb_svn = [4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    suite.quote(check, "version-0", "a module below, of version 0", &old, &collateral()).exit(10);
    let newer = with_levels(&[(sgx, 11, [9, 9, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "UpToDate")]);
    suite
        .quote(check, "module-apart", "components of the module, which has levels of its own", &v4(), &newer)
        .accepted();
    let unsorted = with_levels(&[([0; 16], 0, [0; 16], "OutOfDate"), (sgx, 11, tdx, "UpToDate")]);
    suite
        .quote(check, "unsorted", "levels in any order", &v4(), &unsorted)
        .rule("tdx.tcb.statuses", json!(["UpToDate"]))
        .accepted();
    // Exceptions.
    let below = || with_levels(&[(above(sgx, 0), 11, tdx, "UpToDate")]);
    suite
        .quote(check, "excepted", "a platform that the policy names", &v4(), &below())
        .rule(EXCEPTIONS, exception(LATER))
        .accepted();
    suite
        .quote(check, "exception-ended", "an exception that has ended", &v4(), &below())
        .rule(EXCEPTIONS, exception("2026-01-15T12:00:00Z"))
        .exit(10);
    for (member, value) in [
        ("fmspc", json!("50806f000002")),
        ("sgx_components", json!("07070202030100060000000000000000")),
        ("pce_svn", json!(12)),
        ("tee_tcb_svn", json!("05010700000000000000000000000000")),
    ] {
        let mut other = exception(LATER);
        other[0][member] = value;
        let name = format!("exception-other-{}", member.replace('_', "-"));
        suite
            .quote(check, &name, "an exception for others", &v4(), &below())
            .rule(EXCEPTIONS, other)
            .exit(10);
    }
}

fn revoked(suite: &mut Suite) {
    let check = "tdx.policy.tcb.revoked";
    suite.good_quotes(&[check]);
    for (form, quote) in forms() {
        suite
            .quote(check, &format!("{form}-platform"), "a revoked level", &quote, &with_status("Revoked"))
            .exit(10);
    }
    let module = collateral().tcb(|spec| spec.modules[0].1 = vec![svn_level(3, "Revoked", &[])]);
    suite.quote(check, "module", "a revoked module", &v4(), &module).exit(10);
    let qe = collateral().identity(|spec| spec.levels = vec![svn_level(4, "Revoked", &[])]);
    suite.quote(check, "qe", "a revoked quoting enclave", &v4(), &qe).exit(10);
    // Now, though not at launch.
    let now = QuoteSpec::new(5, 3)
        .with(|quote| quote.report.tee_tcb_svn_2 = [9, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let newer = collateral().tcb(|spec| {
        spec.modules[0].1 = vec![svn_level(9, "Revoked", &[]), svn_level(3, "OutOfDate", &[])];
    });
    suite.quote(check, "now", "a module that is revoked now", &now, &newer).exit(10);
    suite
        .quote(check, "excepted", "a revoked level, and an exception", &v4(), &with_status("Revoked"))
        .rule(EXCEPTIONS, exception(LATER))
        .exit(10);
}

fn statuses(suite: &mut Suite) {
    let check = "tdx.policy.tcb.status";
    let rule = "tdx.tcb.statuses";
    let days = "tdx.tcb.out_of_date_days";
    for (form, quote) in forms() {
        suite
            .quote(check, &format!("good-{form}"), "up to date", &quote, &collateral())
            .rule(rule, json!(["UpToDate"]))
            .accepted();
    }
    for status in [
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
    ] {
        suite
            .quote(check, status, "a status that is not listed", &v4(), &with_status(status))
            .rule(rule, json!(["UpToDate"]))
            .rule(days, 0)
            .exit(10);
        suite
            .quote(check, &format!("{status}-listed"), "a status that is listed", &v4(), &with_status(status))
            .rule(rule, json!(["UpToDate", status]))
            .rule(days, 0)
            .accepted();
    }
    let module = |status: &str| collateral().tcb(|spec| spec.modules[0].1 = vec![svn_level(3, status, &[])]);
    let qe = |status: &str| collateral().identity(|spec| spec.levels = vec![svn_level(4, status, &[])]);
    for (name, spec) in [("module", module("OutOfDate")), ("qe", qe("OutOfDate"))] {
        suite
            .quote(check, name, "a part that is out of date", &v4(), &spec)
            .rule(rule, json!(["UpToDate"]))
            .rule(days, 0)
            .exit(10);
    }
    // The levels are of 1 December; it is 15 January, noon.
    for (name, granted, exit) in
        [("grace-44", 44, 10), ("grace-45", 45, 10), ("grace-46", 46, 0), ("grace-400", 400, 0)]
    {
        suite
            .quote(check, name, "out of date for 45 days and a half", &v4(), &with_status("OutOfDate"))
            .rule(rule, json!(["UpToDate"]))
            .rule(days, granted)
            .exit(exit);
    }
    suite
        .quote(
            check,
            "grace-configuration",
            "no grace for what no update ends",
            &v4(),
            &with_status("ConfigurationNeeded"),
        )
        .rule(rule, json!(["UpToDate"]))
        .rule(days, 400)
        .exit(10);
    // Launched before the module was replaced.
    let newer = |status: &str| {
        let (sgx, tdx) = svns();
        let levels = vec![level(sgx, 11, tdx, status, &[])];
        collateral().tcb(|spec| {
            spec.levels = levels;
            spec.modules[0].1 = vec![svn_level(9, "UpToDate", &[]), svn_level(3, "OutOfDate", &[])];
        })
    };
    for (name, kind) in [("1.5", 3), ("extended", 4)] {
        let quote = QuoteSpec::new(5, kind)
            .with(|quote| quote.report.tee_tcb_svn_2 = [9, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for (platform, status) in [
            ("UpToDate", "TDRelaunchAdvised"),
            ("ConfigurationNeeded", "TDRelaunchAdvisedConfigurationNeeded"),
        ] {
            let why = "a module that was replaced under a running TD";
            let (spec, name) = (newer(platform), format!("{name}-{status}"));
            suite
                .quote(check, &name, why, &quote, &spec)
                .rule(rule, json!(["OutOfDate", "UpToDate"]))
                .rule(days, 0)
                .exit(10);
            suite
                .quote(check, &format!("{name}-listed"), why, &quote, &spec)
                .rule(rule, json!([status]))
                .accepted();
        }
    }
    suite
        .quote(check, "excepted", "a platform that the policy names", &v4(), &with_status("OutOfDate"))
        .rule(rule, json!(["UpToDate"]))
        .rule(days, 0)
        .rule(EXCEPTIONS, exception(LATER))
        .accepted();
}

fn tcb_rules(suite: &mut Suite) {
    let check = "tdx.policy.tcb.advisories";
    let rule = "tdx.tcb.advisories";
    let (sgx, tdx) = svns();
    let with = |platform: &[&str], module: &[&str], qe: &[&str]| {
        let levels = vec![level(sgx, 11, tdx, "SWHardeningNeeded", platform)];
        let own = vec![svn_level(3, "UpToDate", module)];
        collateral()
            .tcb(|spec| {
                spec.levels = levels;
                spec.modules[0].1 = own;
            })
            .identity(|spec| spec.levels = vec![svn_level(4, "UpToDate", qe)])
    };
    let (a, b, c) = ("INTEL-SA-90001", "INTEL-SA-90002", "INTEL-SA-90003");
    for (name, spec, listed) in [
        ("platform", with(&[a], &[], &[]), json!([b])),
        ("module", with(&[], &[b], &[]), json!([a])),
        ("qe", with(&[], &[], &[c]), json!([a])),
        ("one-of-three", with(&[a], &[b], &[c]), json!([a, b])),
        ("empty-list", with(&[a], &[], &[]), json!([])),
        ("case", with(&[a], &[], &[]), json!(["intel-sa-90001"])),
    ] {
        suite.quote(check, name, "an advisory that is not listed", &v4(), &spec).rule(rule, listed).exit(10);
    }
    for (form, quote) in forms() {
        let spec = with(&[a, b], &[b], &[c]);
        suite
            .quote(check, &format!("good-{form}"), "all listed", &quote, &spec)
            .rule(rule, json!([a, b, c]))
            .accepted();
    }
    let check = "tdx.policy.tcb.evaluation-number";
    let rule = "tdx.tcb.minimum_evaluation_number";
    for (name, tcb, qe, least, exit) in [
        ("both", 17, 17, 18, 10),
        ("tcb-info", 17, 18, 18, 10),
        ("identity", 18, 17, 18, 10),
        ("far", 1, 1, 4_000_000_000_u32, 10),
        ("by-one", 18, 18, 19, 10),
        ("equal", 18, 18, 18, 0),
        ("zero", 0, 0, 0, 0),
    ] {
        let spec = collateral().tcb(|spec| spec.evaluation = tcb).identity(|spec| spec.evaluation = qe);
        suite
            .quote(check, name, "statements of an older TCB recovery", &v4(), &spec)
            .rule(rule, least)
            .exit(exit);
    }
    let check = "tdx.policy.tcb.collateral-age";
    let rule = "tdx.tcb.collateral_max_age_days";
    // Issued on 2 January, or as the case says; it is 15 January, noon.
    for (name, tcb, qe, days, exit) in [
        ("both", "2026-01-02", "2026-01-02", 13, 12),
        ("tcb-info", "2026-01-02", "2026-01-15", 13, 12),
        ("identity", "2026-01-15", "2026-01-02", 13, 12),
        ("zero", "2026-01-15", "2026-01-15", 0, 12),
        ("year", "2025-01-02", "2026-01-02", 300, 12),
        ("good", "2026-01-02", "2026-01-02", 14, 0),
        ("today", "2026-01-15", "2026-01-15", 1, 0),
    ] {
        let dates = |day: &str| (format!("{day}T00:00:00Z"), "2026-02-01T00:00:00Z".to_owned());
        let spec = collateral().tcb(|spec| spec.dates = dates(tcb)).identity(|spec| spec.dates = dates(qe));
        suite.quote(check, name, "statements of this age", &v4(), &spec).rule(rule, days).exit(exit);
    }
}

fn origin(suite: &mut Suite) {
    for (form, quote) in forms() {
        let mut case = |check: &str, name: &str, why: &str, rule: &str, value: Value, good: bool| {
            let draft =
                suite.quote(check, &format!("{form}-{name}"), why, &quote, &collateral()).rule(rule, value);
            drop(if good { draft.accepted() } else { draft.exit(10) });
        };
        case(
            "tdx.policy.root",
            "hardware",
            "a test PKI is no hardware",
            "tdx.roots",
            json!(["hardware"]),
            false,
        );
        case("tdx.policy.root", "none", "a list of nothing", "tdx.roots", json!([]), false);
        case("tdx.policy.root", "caller", "the caller's own root", "tdx.roots", json!(["caller"]), true);
        let own = vectors::hex(&FMSPC);
        case(
            "tdx.policy.fmspc",
            "other",
            "another kind of platform",
            "tdx.fmspcs",
            json!(["50806f000002"]),
            false,
        );
        case("tdx.policy.fmspc", "none", "a list of nothing", "tdx.fmspcs", json!([]), false);
        case("tdx.policy.fmspc", "own", "this kind", "tdx.fmspcs", json!([own]), true);
        let machine = "77".repeat(16);
        case(
            "tdx.policy.platform",
            "other",
            "another machine",
            "tdx.platforms",
            json!(["78".repeat(16)]),
            false,
        );
        case("tdx.policy.platform", "none", "a list of nothing", "tdx.platforms", json!([]), false);
        case(
            "tdx.policy.platform",
            "own",
            "this machine",
            "tdx.platforms",
            json!(["00".repeat(16), machine]),
            true,
        );
        suite
            .quote("tdx.policy.freshness", form, "report data that nobody compared", &quote, &collateral())
            .expecting(None)
            .rule("tdx.stale_evidence", "refuse")
            .exit(10);
        suite
            .quote(
                "tdx.policy.freshness",
                &format!("good-{form}"),
                "report data that were compared",
                &quote,
                &collateral(),
            )
            .rule("tdx.stale_evidence", "refuse")
            .accepted();
    }
    suite
        .quote(
            "tdx.policy.freshness",
            "empty-policy",
            "report data that nobody compared",
            &v4(),
            &with_status("OutOfDate"),
        )
        .expecting(None)
        .rule("tdx.stale_evidence", "refuse")
        .exit(10);
    // A machine without an id is on no list.
    let nameless = SgxSpec { piid: None, ..SgxSpec::default() }.build();
    let chain = crate::tdx::chain(&[
        crate::tdx::pck(nameless),
        crate::tdx::authority(crate::tdx::PLATFORM_CA),
        crate::tdx::root(),
    ]);
    let quote = v4().with(|quote| quote.chain = chain);
    suite
        .quote("tdx.policy.platform", "nameless", "a machine without an id", &quote, &collateral())
        .rule("tdx.platforms", json!(["77".repeat(16)]))
        .exit(10);
}

fn attributes(suite: &mut Suite) {
    for (name, number) in [
        ("icssd", 16),
        ("servtd_ext", 17),
        ("lass", 27),
        ("sept_ve_disable", 28),
        ("migratable", 29),
        ("pks", 30),
        ("kl", 31),
        ("tpa", 62),
        ("perfmon", 63),
    ] {
        let check = format!("tdx.policy.attributes.{}", name.replace('_', "-"));
        let rule = format!("tdx.attributes.{name}");
        for (form, quote) in forms() {
            for (set, wanted, good) in
                [(true, "clear", false), (false, "set", false), (true, "set", true), (false, "clear", true)]
            {
                let quote = quote.clone().with(|quote| {
                    let bit = 1 << number;
                    quote.report.attributes =
                        if set { quote.report.attributes | bit } else { quote.report.attributes & !bit };
                });
                let case = format!("{form}-{}-{wanted}", if set { "set" } else { "clear" });
                let draft = suite
                    .quote(&check, &case, "a bit of TDATTRIBUTES", &quote, &collateral())
                    .rule(&rule, wanted);
                drop(if good { draft.accepted() } else { draft.exit(10) });
            }
        }
    }
    for (check, rule, bits) in [
        ("tdx.policy.attributes.under-debug", "tdx.attributes.under_debug", [0, 1, 4, 5, 6, 7]),
        ("tdx.policy.attributes.unknown", "tdx.attributes.unknown", [8, 15, 23, 26, 32, 61]),
    ] {
        for number in bits {
            let quote = v4().with(|quote| quote.report.attributes |= 1 << number);
            suite
                .quote(check, &format!("bit-{number}"), "a bit that is set", &quote, &collateral())
                .rule(rule, "refuse")
                .exit(10);
        }
        for (form, quote) in forms() {
            suite
                .quote(check, &format!("good-{form}"), "no such bit", &quote, &collateral())
                .rule(rule, "refuse")
                .accepted();
        }
    }
    // Bits 1 to 3 of the debugging group have no meaning yet either.
    let quote = v4().with(|quote| quote.report.attributes |= 0b10);
    suite
        .quote("tdx.policy.attributes.unknown", "bit-1", "a bit that is set", &quote, &collateral())
        .rule("tdx.attributes.unknown", "refuse")
        .exit(10);
}

fn measurements(suite: &mut Suite) {
    let one = |octet: &str| json!([octet.repeat(48)]);
    for (check, rule, octet) in [
        ("mr-seam", "mr_seam", "11"),
        ("mr-signer-seam", "mr_signer_seam", "00"),
        ("mr-td", "mr_td", "a0"),
        ("mr-config-id", "mr_config_id", "a1"),
        ("mr-owner", "mr_owner", "a2"),
        ("mr-owner-config", "mr_owner_config", "a3"),
        ("rtmr.0", "rtmr0", "b0"),
        ("rtmr.1", "rtmr1", "b1"),
        ("rtmr.2", "rtmr2", "b2"),
        ("rtmr.3", "rtmr3", "b3"),
    ] {
        let (check, rule) = (format!("tdx.policy.{check}"), format!("tdx.{rule}"));
        for (form, quote) in forms() {
            let mut case = |name: &str, why: &str, value: Value, good: bool| {
                let draft = suite
                    .quote(&check, &format!("{form}-{name}"), why, &quote, &collateral())
                    .rule(&rule, value);
                drop(if good { draft.accepted() } else { draft.exit(10) });
            };
            case("other", "another value", one("99"), false);
            case("none", "a list of nothing", json!([]), false);
            case("listed", "the value", json!(["99".repeat(48), octet.repeat(48)]), true);
        }
    }
    let check = "tdx.policy.xfam";
    for (name, mask, value, good) in [
        ("mask-1", "0x3", "0x0", false),
        ("value", "0x602e7", "0x602e5", false),
        ("more", "0x602e7", "0x2e7", false),
        ("high", "0xffffffff00000000", "0x100000000", false),
        ("whole", "0xffffffffffffffff", "0x602e6", false),
        ("equal", "0xffffffffffffffff", "0x602e7", true),
        ("without-cet", "0xffffffffffffe7ff", "0x602e7", true),
    ] {
        let rule = json!({"mask": mask, "value": value});
        let draft =
            suite.quote(check, name, "XFAM under a mask", &v4(), &collateral()).rule("tdx.xfam", rule);
        drop(if good { draft.accepted() } else { draft.exit(10) });
    }
    let check = "tdx.policy.service-td";
    for (name, kind) in [("1.5", 3), ("extended", 4)] {
        for at in [0, 24, 47] {
            let quote = QuoteSpec::new(5, kind).with(|quote| quote.report.mr_service_td[at] = 1);
            suite
                .quote(check, &format!("{name}-{at}"), "a service TD", &quote, &collateral())
                .rule("tdx.service_td", "refuse")
                .exit(10);
        }
    }
    let check_trailer = "tdx.policy.trailer";
    for (form, quote) in forms() {
        suite
            .quote(check, &format!("good-{form}"), "no service TD", &quote, &collateral())
            .rule("tdx.service_td", "refuse")
            .accepted();
        for (name, trailer, good) in [
            ("one", vec![1], false),
            ("last", [vec![0; 69], vec![7]].concat(), false),
            ("zeros", vec![0; 3065], true),
            ("none", vec![], true),
        ] {
            let quote = quote.clone().with(|quote| quote.trailer = trailer);
            let why = "what stands behind the quote";
            let draft = suite
                .quote(check_trailer, &format!("{form}-{name}"), why, &quote, &collateral())
                .rule("tdx.trailer", "refuse");
            drop(if good { draft.accepted() } else { draft.exit(10) });
        }
    }
}

/// Evidence of a quote and a log.
fn evidence(quote: &[u8], log: &[u8]) -> Vec<u8> {
    use cbor_out::{bytes, map, text, uint};
    map(&[
        (uint(0), text("attestrap/tdx-quote")),
        (uint(1), uint(1)),
        (uint(2), bytes(quote)),
        (uint(3), bytes(log)),
    ])
}

fn event_log(suite: &mut Suite) {
    let check = "tdx.policy.event-log";
    let header = Header { pcr: 1, ..Header::new(&[(0x000c, 48)]) };
    let digest = |label: &str| Hash::Sha384.digest(label.as_bytes());
    let log = |events: &[(u32, &str)]| {
        let log = events.iter().fold(LogWriter::agile(&header), |log, (register, label)| {
            log.event(*register, 1, &[(0x000c, &digest(label))], label.as_bytes())
        });
        log.event(1, NO_ACTION, &[(0x000c, &[0; 48])], b"nothing is extended").into_bytes()
    };
    let extend = |labels: &[&str]| -> [u8; 48] {
        let value = labels
            .iter()
            .fold(vec![0; 48], |value, label| Hash::Sha384.digest(&[value, digest(label)].concat()));
        value.try_into().expect("48 bytes")
    };
    let own = [(1, "firmware"), (2, "loader"), (1, "tables"), (3, "command line")];
    let area = |fill: u8| [log(&own), vec![fill; 300]].concat();
    for (form, quote) in forms() {
        let quote = quote.with(|quote| {
            quote.report.measurements[4] = extend(&["firmware", "tables"]);
            quote.report.measurements[5] = extend(&["loader"]);
            quote.report.measurements[6] = extend(&["command line"]);
            quote.report.measurements[7] = [0; 48];
        });
        let bytes = quote.build();
        let mut case = |name: &str, why: &str, log: &[u8], registers: Value, exit: u8| {
            let evidence = evidence(&bytes, log);
            suite
                .case(check, &format!("{form}-{name}"), why, evidence)
                .store(collateral().build())
                .rule("tdx.replayed", registers)
                .exit(exit);
        };
        case("replayed", "a log that explains the registers", &log(&own), json!([0, 1, 2]), 0);
        case("zeros", "the same in an area of zeros", &area(0), json!([0, 1, 2]), 0);
        case("ones", "the same in an area of ones", &area(0xff), json!([0, 1, 2]), 0);
        case("untouched", "a register that nothing was extended into", &log(&own), json!([3]), 10);
        case("no-such", "a register that there is not", &log(&own), json!([4]), 10);
        case("none", "no log", &[], json!([0]), 10);
        case("short", "a log with an event left out", &log(&own[..3]), json!([2]), 10);
        case("order", "events in another order", &log(&[(1, "tables"), (1, "firmware")]), json!([0]), 10);
        case("more", "a log with an event too many", &log(&[(2, "loader"), (2, "more")]), json!([1]), 10);
    }
    let quote = v4().build();
    for (name, bytes) in
        [("cut", &log(&own)[..70]), ("mixed-fill", &[log(&own), vec![0, 0xff, 0, 0xff]].concat()[..])]
    {
        suite
            .case("form.length", &format!("log-{name}"), "bytes that are no log", evidence(&quote, bytes))
            .store(collateral().build())
            .exit(30);
    }
}
