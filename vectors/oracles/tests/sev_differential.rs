//! Crate `sev`, asked the same questions: fields where both read a report, verdicts over real, generated and mutated reports.
//!
//! `sev`'s `verify` looks at signatures; names, dates, extensions, TCB and HWID are left to its caller. So most differences are
//! checks that we make and it does not claim to. Every class of difference has a reason here; one without fails the test.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use attest_core::collateral::Collateral;
use attest_core::crypto::{BUILT_IN, CryptoProvider};
use attest_core::tee::snp::{self, Anchors, Endorsement, Fields, ProductLine, RawTcb, Report};
use attest_core::x509::Certificate as Ours;
use attest_core::{Context, Expect, Store, TrustAnchors, UnixTime};
use sev::certs::snp::{Certificate, Chain, Verifiable, builtin, ca};
use sev::firmware::guest::AttestationReport;
use sev::firmware::host::TcbVersion;
use sev::parser::ByteParser;
use vectors::set::Set;

/// Why we refuse what `sev` accepts, by the check that refuses. Ids are matched by their beginning.
const WE_REFUSE: &[(&str, &str)] = &[
    (
        "snp.wire.signature-padding",
        "sev reads 48 of the 72 bytes of R and of S and none of the 368 behind; nothing signs the rest, so we demand zero",
    ),
    (
        "re-encoded",
        "sev verifies the signature over its re-encoding, which does not keep reserved bytes of a TCB_VERSION",
    ),
    ("snp.anchor", "sev takes the root that it is given; the caller compares it"),
    ("snp.ca", "sev checks the intermediate's signature, not its dates, constraints or key"),
    ("snp.vek", "sev's verify does not look at names, dates, extensions, TCB or HWID of the leaf"),
    ("form.duplicate", "an extension that stands twice"),
    (
        "snp.report",
        "sev's verify looks at the signature; kinds of key, TCB order and freshness are its caller's",
    ),
    ("snp.crl", "sev has no revocation lists"),
    ("form.budget", "a bound of ours"),
];

/// Why `sev` refuses what we accept, by its own error.
const THEY_REFUSE: &[(&str, &str)] = &[
    (
        "re-encoded",
        "sev verifies the signature over its re-encoding, which loses reserved bytes of a TCB_VERSION or guesses its layout; policy judges them here",
    ),
    ("masked", "sev 8.0.0 cannot tell the layout of a version 2 report with a masked CHIP_ID"),
    ("cpuid", "sev refuses a CPU family or model that it does not know; we leave it to policy"),
    (
        "newer",
        "sev demands zero in the reserved bytes of a version newer than it knows; we leave it to policy",
    ),
    ("parse", "sev's certificate parser refuses an encoding that we take"),
];

#[derive(Default)]
struct Table {
    rows: BTreeMap<(&'static str, String), usize>,
    unexplained: Vec<String>,
}

impl Table {
    fn count(&mut self, kind: &'static str, class: &str) {
        *self.rows.entry((kind, class.to_owned())).or_default() += 1;
    }

    fn sum(&self, kind: &str) -> usize {
        self.rows.iter().filter(|((of, _), _)| *of == kind).map(|(_, count)| count).sum()
    }
}

/// What `sev` said before, by what its verdict depends on: the re-encoded signed bytes, R and S, and the leaf.
#[derive(Default)]
struct Memory(HashMap<(Vec<u8>, Vec<u8>), bool>);

struct Bench {
    anchors: TrustAnchors,
    provider: &'static CryptoProvider,
    table: Table,
    memory: Memory,
    compared: usize,
}

/// A chain as both sides hold it.
struct Both {
    endorsement: Result<Endorsement, String>,
    chain: Result<Chain, String>,
    chain_holds: bool,
    vek: Vec<u8>,
    now: u64,
}

impl Bench {
    fn chain(&self, ark: &[u8], ca_der: &[u8], vek: &[u8], now: Option<u64>) -> Both {
        let mut supplied = Collateral::new();
        let added = supplied.add(ca_der).and_then(|_| supplied.add(ark));
        let endorsement = added.map_err(|error| error.check_id().to_owned()).and_then(|_| {
            Endorsement::prove(vek, &[&supplied], &self.anchors.snp, self.provider)
                .map_err(|refused| refused.error.check_id().unwrap_or("?").to_owned())
        });
        let chain = || -> std::io::Result<Chain> {
            let (ark, ask) = (Certificate::from_der(ark)?, Certificate::from_der(ca_der)?);
            Ok(Chain { ca: ca::Chain { ark, ask }, vek: Certificate::from_der(vek)? })
        };
        let chain = chain().map_err(|error| error.to_string());
        let chain_holds = chain.as_ref().is_ok_and(|chain| chain.verify().is_ok());
        let inside = Ours::parse(vek).map_or(0, |vek| vek.validity().not_before + 86_400);
        Both { endorsement, chain, chain_holds, vek: vek.to_vec(), now: now.unwrap_or(inside) }
    }

    /// Our verdict without policy: `Err` has the check that refuses.
    fn ours(&self, report: &[u8], both: &Both) -> Result<(), String> {
        let endorsement = both.endorsement.as_ref().map_err(Clone::clone)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(both.now));
        let context = Context::new(self.provider, &self.anchors, now, Expect::AnyReportData);
        let report = Report::parse(report).map_err(|error| error.check_id().unwrap_or("?").to_owned())?;
        match report.verify(endorsement, &Collateral::new(), &Store::new(), &context) {
            Ok(_) => Ok(()),
            Err(refused) => Err(refused.error.check_id().unwrap_or("?").to_owned()),
        }
    }

    fn theirs(&mut self, report: &[u8], both: &Both) -> (Result<(), String>, Option<AttestationReport>) {
        let parsed = match AttestationReport::from_bytes(report) {
            Ok(parsed) => parsed,
            Err(error) => return (Err(error.to_string()), None),
        };
        let chain = match &both.chain {
            Ok(chain) => chain,
            Err(error) => return (Err(format!("parse {error}")), Some(parsed)),
        };
        if !both.chain_holds {
            return (Err("the chain's signatures".to_owned()), Some(parsed));
        }
        let mut key = encoded(&parsed)[..snp::SIGNED_LEN].to_vec();
        key.extend_from_slice(&report[0x2a0..0x2a0 + 48]);
        key.extend_from_slice(&report[0x2e8..0x2e8 + 48]);
        let holds = *self
            .memory
            .0
            .entry((key, both.vek.clone()))
            .or_insert_with(|| (&chain.vek, &parsed).verify().is_ok());
        (if holds { Ok(()) } else { Err("the report's signature".to_owned()) }, Some(parsed))
    }

    fn compare(&mut self, name: &str, report: &[u8], both: &Both) {
        self.compared += 1;
        let ours = self.ours(report, both);
        let (theirs, parsed) = self.theirs(report, both);
        if let (Ok(mine), Some(other)) = (Report::parse(report), &parsed) {
            let line = both.endorsement.as_ref().map(Endorsement::product_line).ok();
            same_fields(name, mine.fields(), other, line);
        }
        match (ours, theirs) {
            (Ok(()), Ok(())) => self.table.count("both accept", "-"),
            (Err(_), Err(_)) => self.table.count("both refuse", "-"),
            (Err(check), Ok(())) => {
                let kept = parsed
                    .is_some_and(|parsed| encoded(&parsed)[..snp::SIGNED_LEN] == report[..snp::SIGNED_LEN]);
                let class =
                    if check == "snp.report.signature" && !kept { "re-encoded".to_owned() } else { check };
                self.explain("we refuse", name, &class, WE_REFUSE);
            }
            (Ok(()), Err(error)) => {
                let lower = error.to_lowercase();
                let kept = parsed
                    .is_some_and(|parsed| encoded(&parsed)[..snp::SIGNED_LEN] == report[..snp::SIGNED_LEN]);
                let version = report.first().copied().unwrap_or_default();
                let class = if lower.contains("mask") {
                    "masked"
                } else if lower.contains("parse ") {
                    "parse"
                } else if parsed.is_some() && !kept {
                    "re-encoded"
                } else if version > 5 {
                    "newer"
                } else if lower.contains("cpuid") || lower.contains("generation") || lower.contains("family")
                {
                    "cpuid"
                } else {
                    &lower
                };
                self.explain("they refuse", name, class, THEY_REFUSE);
            }
        }
    }

    fn explain(&mut self, kind: &'static str, name: &str, class: &str, reasons: &[(&str, &str)]) {
        // A signature that `sev` accepts over the very bytes received must be accepted here too.
        let known =
            class != "snp.report.signature" && reasons.iter().any(|(prefix, _)| class.starts_with(prefix));
        self.table.count(kind, class);
        if !known {
            self.table.unexplained.push(format!("{kind}: {class} ({name})"));
        }
    }
}

fn encoded(report: &AttestationReport) -> Vec<u8> {
    report.to_bytes().expect("a report that was read can be written").to_vec()
}

fn same_fields(name: &str, ours: &Fields, theirs: &AttestationReport, line: Option<ProductLine>) {
    assert_eq!(ours.version(), theirs.version, "{name}");
    assert_eq!(ours.guest_svn(), theirs.guest_svn, "{name}");
    // `sev` writes bit 17, reserved and one, whatever it read.
    assert_eq!(ours.policy() | 1 << 17, u64::from(theirs.policy) | 1 << 17, "{name}");
    assert_eq!(ours.family_id(), theirs.family_id, "{name}");
    assert_eq!(ours.image_id(), theirs.image_id, "{name}");
    assert_eq!(ours.vmpl(), theirs.vmpl, "{name}");
    assert_eq!(ours.signature_algo(), theirs.sig_algo, "{name}");
    assert_eq!(ours.platform_info(), u64::from(theirs.plat_info), "{name}");
    assert_eq!(ours.author_key_en(), theirs.key_info.author_key_en(), "{name}");
    assert_eq!(ours.signing_key(), theirs.key_info.signing_key(), "{name}");
    assert_eq!(ours.mask_chip_key(), theirs.key_info.mask_chip_key(), "{name}");
    assert_eq!(ours.report_data(), theirs.report_data, "{name}");
    assert_eq!(ours.measurement(), theirs.measurement, "{name}");
    assert_eq!(ours.host_data(), theirs.host_data, "{name}");
    assert_eq!(ours.id_key_digest(), theirs.id_key_digest, "{name}");
    assert_eq!(ours.author_key_digest(), theirs.author_key_digest, "{name}");
    assert_eq!(ours.report_id(), theirs.report_id, "{name}");
    assert_eq!(ours.report_id_ma(), theirs.report_id_ma, "{name}");
    assert_eq!(ours.chip_id(), theirs.chip_id, "{name}");
    assert_eq!(
        ours.current_version(),
        [theirs.current.major, theirs.current.minor, theirs.current.build],
        "{name}"
    );
    assert_eq!(
        ours.committed_version(),
        [theirs.committed.major, theirs.committed.minor, theirs.committed.build],
        "{name}"
    );
    let cpuid = ours.cpuid();
    assert_eq!(cpuid.map(|cpuid| cpuid.family), theirs.cpuid_fam_id, "{name}");
    assert_eq!(cpuid.map(|cpuid| cpuid.model), theirs.cpuid_mod_id, "{name}");
    assert_eq!(cpuid.map(|cpuid| cpuid.stepping), theirs.cpuid_step, "{name}");
    assert_eq!(ours.launch_mit_vector(), theirs.launch_mit_vector, "{name}");
    assert_eq!(ours.current_mit_vector(), theirs.current_mit_vector, "{name}");
    // The layout of a TCB is the CPU's; without CPUID bytes `sev` guesses it from CHIP_ID, so only agreeing lines compare.
    let Some(line) = cpuid.and_then(snp::Cpuid::line).filter(|found| line.is_none_or(|line| line == *found))
    else {
        return;
    };
    let same = |raw: RawTcb, tcb: &TcbVersion| {
        let mine = raw.components(line.tcb_layout());
        assert_eq!(
            (mine.fmc, mine.bootloader, mine.tee, mine.snp, mine.microcode),
            (tcb.fmc, tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode),
            "{name}"
        );
    };
    same(ours.current_tcb(), &theirs.current_tcb);
    same(ours.reported_tcb(), &theirs.reported_tcb);
    same(ours.committed_tcb(), &theirs.committed_tcb);
    same(ours.launch_tcb(), &theirs.launch_tcb);
}

/// The data that the crate ships in its package.
fn shipped() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()
        .expect("cargo is there");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list").iter();
    let sev = packages.clone().find(|package| package["name"] == "sev").expect("sev is a dependency");
    PathBuf::from(sev["manifest_path"].as_str().expect("a path")).with_file_name("tests/certs_data")
}

fn anchor_der(certificate: std::io::Result<Certificate>) -> Vec<u8> {
    certificate.expect("built in").to_der().expect("it can be written")
}

/// Deterministic noise (xorshift64).
struct Noise(u64);

impl Noise {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

fn mutated(noise: &mut Noise, base: &[u8]) -> Vec<u8> {
    let mut report = base.to_vec();
    match noise.next(10) {
        0 => report.truncate(noise.next(report.len())),
        1 => report.extend(std::iter::repeat_n(0, 1 + noise.next(16))),
        2 => report[0] = noise.next(9) as u8,
        3 => {
            let (from, to) = (noise.next(0x290), noise.next(0x290));
            let piece: Vec<u8> = report[from..from + 16].to_vec();
            report[to..to + 16].copy_from_slice(&piece);
        }
        4 => report[0x2a0 + noise.next(0x200)] ^= 1 << noise.next(8),
        // The padding of R and S and what follows them.
        5 => {
            let at =
                [0x2d0 + noise.next(24), 0x318 + noise.next(24), 0x330 + noise.next(0x170)][noise.next(3)];
            report[at] = 1 + noise.next(255) as u8;
        }
        // Reserved bytes of the four TCB versions.
        6 => {
            let tcb = [0x38, 0x180, 0x1e0, 0x1f0][noise.next(4)];
            report[tcb + 2 + noise.next(4)] ^= 1 << noise.next(8);
        }
        7 => report[0x188 + noise.next(3)] = noise.next(256) as u8,
        _ => report[noise.next(0x2a0)] ^= 1 << noise.next(8),
    }
    report
}

#[test]
fn sev_and_we_differ_only_where_a_reason_is_known() {
    let provider = BUILT_IN.first().copied().expect("a provider");
    let set = Set::snp().expect("the set is in the tree");
    let mut own = Anchors::none();
    for (roots, list) in [(true, &set.manifest.roots), (false, &set.manifest.intermediates)] {
        for anchor in list {
            let line = ProductLine::from_name(&anchor.line).expect("a line");
            let der = set.blob(&anchor.file).expect("a blob");
            if roots { own.add_root(line, &der) } else { own.add_intermediate(line, &der) }
                .expect("an authority");
        }
    }
    let mut bench = Bench {
        anchors: TrustAnchors::pinned(),
        provider,
        table: Table::default(),
        memory: Memory::default(),
        compared: 0,
    };
    // Real silicon: what `sev` ships, and what the caller has.
    let data = shipped();
    let hex = std::fs::read_to_string(data.join("report_milan.hex")).expect("shipped");
    let milan_report = vectors::unhex(hex.trim()).expect("hexadecimal");
    let milan = [anchor_der(builtin::milan::ark()), anchor_der(builtin::milan::ask())];
    let turin = [anchor_der(builtin::turin::ark()), anchor_der(builtin::turin::ask())];
    let milan_vek = std::fs::read(data.join("vcek_milan.der")).expect("shipped");
    let turin_vek = std::fs::read(data.join("vcek_turin.der")).expect("shipped");
    let real = bench.chain(&milan[0], &milan[1], &milan_vek, None);
    bench.compare("real Milan", &milan_report, &real);
    // It ships no Turin report: its chain alone.
    let turin = bench.chain(&turin[0], &turin[1], &turin_vek, None);
    assert!(turin.chain_holds && turin.endorsement.is_ok(), "the Turin chain: {:?}", turin.endorsement.err());
    bench.compare("Milan report, Turin chain", &milan_report, &turin);
    let mut bases = vec![(milan_report, real)];
    match vectors::real() {
        None => println!("skipped: ATTESTRAP_REAL_VECTORS is not set"),
        Some(folder) => {
            for entry in std::fs::read_dir(folder.join("snp")).expect("a folder").flatten() {
                let read = |name: &str| std::fs::read(entry.path().join(name)).ok();
                let ca = read("ask.pem").or_else(|| read("asvk.pem"));
                if let (Some(report), Some(vek), Some(ca), Some(ark)) =
                    (read("report.bin"), read("vek.der"), ca, read("ark.pem"))
                {
                    let der = |pem: &[u8]| {
                        let mut one = Collateral::new();
                        one.add(pem).expect("PEM");
                        one.certificates().next().expect("one").to_vec()
                    };
                    let both = bench.chain(&der(&ark), &der(&ca), &vek, None);
                    bench.compare(&entry.file_name().to_string_lossy(), &report, &both);
                }
            }
        }
    }
    let real_only = bench.compared;
    // The generated set, under its own roots.
    bench.anchors = TrustAnchors::new(own);
    let mut chains: HashMap<Vec<String>, Both> = HashMap::new();
    for case in &set.manifest.cases {
        let report = set.blob(&case.evidence).expect("a blob");
        let blobs: Vec<Vec<u8>> = case.store.iter().map(|blob| set.blob(blob).expect("a blob")).collect();
        let parsed: Vec<(usize, Ours<'_>)> =
            blobs.iter().enumerate().filter_map(|(at, blob)| Some((at, Ours::parse(blob).ok()?))).collect();
        let leaf =
            parsed.iter().find(|(_, of)| of.issuer().common_name().is_some_and(|cn| cn.starts_with("SEV-")));
        let Some((at, leaf)) = leaf else { continue };
        let anchor = |list: &[vectors::set::Anchor], name: &str| {
            let mut blobs = list.iter().map(|anchor| set.blob(&anchor.file).expect("a blob"));
            blobs.find(|der| Ours::parse(der).expect("parses").subject().common_name() == Some(name))
        };
        let issuer = leaf.issuer().common_name().unwrap_or_default().to_owned();
        let supplied = parsed.iter().find(|(_, of)| of.subject().common_name() == Some(issuer.as_str()));
        let Some(ca) = supplied
            .map(|(at, _)| blobs[*at].clone())
            .or_else(|| anchor(&set.manifest.intermediates, &issuer))
        else {
            continue;
        };
        let root = Ours::parse(&ca).expect("parses").issuer().common_name().unwrap_or_default().to_owned();
        let own_root = parsed.iter().find(|(_, of)| of.subject().common_name() == Some(root.as_str()));
        let Some(ark) =
            own_root.map(|(at, _)| blobs[*at].clone()).or_else(|| anchor(&set.manifest.roots, &root))
        else {
            continue;
        };
        let key =
            vec![vectors::hex(&blobs[*at]), vectors::hex(&ca), vectors::hex(&ark), case.now.to_string()];
        let both = chains.remove(&key).unwrap_or_else(|| bench.chain(&ark, &ca, &blobs[*at], Some(case.now)));
        bench.compare(&case.id, &report, &both);
        if case.exit == 0 && bases.len() < 40 && case.check == "snp.report.signature" {
            bases.push((report, bench.chain(&ark, &ca, &blobs[*at], Some(case.now))));
        }
        chains.insert(key, both);
    }
    let generated = bench.compared - real_only;
    // Mutations of good reports.
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let pinned = TrustAnchors::pinned();
    let test_anchors = std::mem::replace(&mut bench.anchors, pinned);
    for round in 0..10_500 {
        let (report, both) = &bases[round % bases.len()];
        bench.anchors = if round % bases.len() == 0 { TrustAnchors::pinned() } else { test_anchors.clone() };
        let report = mutated(&mut noise, report);
        bench.compare(&format!("mutation {round}"), &report, both);
    }
    println!("{real_only} real, {generated} generated, 10500 mutated");
    for kind in ["both accept", "both refuse", "we refuse", "they refuse"] {
        println!("{kind}: {}", bench.table.sum(kind));
        for ((_, class), count) in
            bench.table.rows.iter().filter(|((of, class), _)| *of == kind && class != "-")
        {
            let reasons = WE_REFUSE.iter().chain(THEY_REFUSE);
            let reason =
                reasons.clone().find(|(prefix, _)| class.starts_with(prefix)).map_or("?", |(_, why)| why);
            println!("  {count:6}  {class}: {reason}");
        }
    }
    assert!(
        bench.table.unexplained.is_empty(),
        "{:#?}",
        &bench.table.unexplained[..bench.table.unexplained.len().min(20)]
    );
}
