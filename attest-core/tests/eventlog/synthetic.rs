//! Logs written here: every refusal by its name, and what an attacker may write without being noticed.

use attest_core::error::{Malformed, Problem};
use attest_core::eventlog::{MAX_EVENTS, MAX_LOG, Rule};

use super::writer::{Header, LogWriter, NO_ACTION, STARTUP_LOCALITY};
use super::*;

const SHA1: (u16, u16) = (0x0004, 20);
const SHA256: (u16, u16) = (0x000b, 32);
const SHA3: (u16, u16) = (0x0027, 32);
pub(super) const BANK: HashAlgorithm = HashAlgorithm::Sha256;
pub(super) const ACTION: u32 = 0x8000_0007;
const IPL: u32 = 0xd;
pub(super) const SEPARATOR: u32 = 4;

pub(super) fn start() -> LogWriter {
    LogWriter::agile(&Header::new(&[SHA1, SHA256]))
}

/// An event that hashes `hashed` and logs `data`, in two banks.
pub(super) fn extend(log: LogWriter, pcr: u32, kind: u32, hashed: &[u8], data: &[u8]) -> LogWriter {
    let (sha1, sha256) = (hash(HashAlgorithm::Sha1, hashed), hash(BANK, hashed));
    log.event(pcr, kind, &[(SHA1.0, &sha1), (SHA256.0, &sha256)], data)
}

fn no_action(log: LogWriter, pcr: u32, data: &[u8]) -> LogWriter {
    log.event(pcr, NO_ACTION, &[(SHA1.0, &[0; 20]), (SHA256.0, &[0; 32])], data)
}

fn locality(octet: u8) -> Vec<u8> {
    [STARTUP_LOCALITY, &[octet]].concat()
}

/// A boot in few words.
fn boot() -> LogWriter {
    let mut log = no_action(start(), 0, &locality(3));
    for pcr in 0..8 {
        log = extend(log, pcr, SEPARATOR, &[0; 4], &[0; 4]);
    }
    log = extend(log, 8, IPL, b"linux /vmlinuz", b"grub_cmd: linux /vmlinuz\0");
    log = extend(log, 9, IPL, b"a kernel", b"/vmlinuz\0");
    extend(log, 4, ACTION, b"Calling", b"Calling")
}

fn refused(log: LogWriter) -> Malformed {
    Log::parse(&log.into_bytes()).expect_err("refused")
}

#[test]
fn a_cut_log_is_refused_or_has_fewer_events() {
    let whole = boot().into_bytes();
    let len = Log::parse(&whole).unwrap().len();
    let mut boundaries = 0;
    for cut in 0..whole.len() {
        match Log::parse(&whole[..cut]) {
            // A log may end after any event; then it lacks some, and registers do not come out.
            Ok(log) => {
                assert!(log.len() < len, "{cut}");
                boundaries += 1;
                let full = Log::parse(&whole).unwrap();
                let compared = compare(&log, BANK, &Pcrs::of(&full, BANK));
                assert!(compared.outcomes().any(|(_, outcome)| {
                    matches!(outcome, Outcome::Mismatch { .. } | Outcome::Unexplained { .. })
                }));
            }
            Err(error) => assert!(error.offset <= cut, "{cut}: {error}"),
        }
    }
    // Nothing, the header, and after each event but the last.
    assert_eq!(boundaries, len + 1);
}

#[test]
fn lengths_and_counts_are_bounded_before_they_are_used() {
    let huge = refused(start().u32(0).u32(ACTION).u32(1).raw(&[0xb, 0]).raw(&[0; 32]).u32(u32::MAX));
    assert!(matches!(huge.problem, Problem::TooShort { left: 0, .. }), "{huge}");
    for count in [0, 3, 9, u32::MAX] {
        let error = refused(start().u32(0).u32(ACTION).u32(count).raw(&[0; 200]));
        assert_eq!(error.check_id(), "vtpm.log.digest-count", "{count}");
    }
    for count in [0, 9, 0x4000_0001, u32::MAX] {
        let error = refused(LogWriter::agile(&Header { count: Some(count), ..Header::new(&[SHA256]) }));
        assert_eq!(error.check_id(), "vtpm.log.header.algorithm-count", "{count}");
    }
    let long = Log::parse(&vec![0; MAX_LOG + 1]).unwrap_err();
    assert_eq!(long.problem, Problem::TooLarge { max: MAX_LOG, actual: MAX_LOG + 1 });
    let mut many = LogWriter::new();
    for _ in 0..MAX_EVENTS {
        many = many.legacy(0, ACTION, &[0; 20], &[]);
    }
    assert_eq!(Log::parse(&many.clone().into_bytes()).unwrap().len(), MAX_EVENTS);
    let error = refused(many.legacy(0, ACTION, &[0; 20], &[]));
    assert_eq!(error.check_id(), "form.budget");
}

#[test]
fn headers_are_refused_by_name() {
    let header = || Header::new(&[SHA1, SHA256]);
    let cases = [
        (Header { pcr: 1, ..header() }, "vtpm.log.header"),
        (Header { digest: [1; 20], ..header() }, "vtpm.log.header"),
        (Header { version: [0, 1, 0, 2], ..header() }, "vtpm.log.header"),
        (Header { version: [1, 2, 0, 2], ..header() }, "vtpm.log.header"),
        (Header { version: [0, 2, 0, 3], ..header() }, "vtpm.log.header"),
        (Header::new(&[SHA256, SHA256]), "vtpm.log.header.algorithm-once"),
        (Header::new(&[(0x000b, 20)]), "vtpm.log.header.algorithm-size"),
        (Header::new(&[(0x1234, 0)]), "vtpm.log.header.algorithm-size"),
        (Header::new(&[(0x1234, 65)]), "vtpm.log.header.algorithm-size"),
        (Header { vendor_len: Some(1), ..header() }, "vtpm.log.header.vendor"),
        (Header { vendor: vec![7; 3], vendor_len: Some(2), ..header() }, "vtpm.log.header.vendor"),
    ];
    for (header, rule) in cases {
        assert_eq!(refused(LogWriter::agile(&header)).check_id(), rule, "{header:?}");
    }
    let vendor = Header { version: [0, 2, 105, 1], vendor: b"vendor".to_vec(), ..header() };
    let bytes = LogWriter::agile(&vendor).into_bytes();
    let log = Log::parse(&bytes).unwrap();
    let spec_id = log.spec_id().unwrap();
    assert_eq!((spec_id.vendor, spec_id.errata, spec_id.uintn_size), (&b"vendor"[..], 105, 1));
    assert_eq!((log.len(), log.is_empty()), (0, true));
}

#[test]
fn events_are_refused_by_name() {
    let event = |pcr, digests: &[(u16, &[u8])]| refused(start().event(pcr, ACTION, digests, &[]));
    assert_eq!(event(24, &[(0xb, &[0; 32])]).check_id(), "vtpm.log.pcr-index");
    assert_eq!(event(0x100, &[(0xb, &[0; 32])]).check_id(), "vtpm.log.pcr-index");
    assert_eq!(event(u32::MAX, &[(0xb, &[0; 32])]).check_id(), "vtpm.log.pcr-index");
    assert_eq!(event(0, &[(0xb, &[0; 32]), (0xb, &[1; 32])]).check_id(), "vtpm.log.digest-once");
    assert_eq!(event(0, &[(0xc, &[0; 48])]).check_id(), "vtpm.log.digest-listed");
    // Windows' entries that extend nothing, and one digest of two.
    let log = start().event(u32::MAX, NO_ACTION, &[(0xb, &[0; 32])], b"SIPA");
    let bytes = log.event(12, ACTION, &[(0xb, &hash(BANK, b"x"))], b"x").into_bytes();
    let log = Log::parse(&bytes).unwrap();
    assert_eq!(log.events().map(|event| event.register()).collect::<Vec<_>>(), [None, Some(12)]);
    assert!(matches!(Replay::new(&log, BANK, provider()).register(12), Some(Register::Value(_))));
    let absent = Register::Unreplayable(Unreplayable::NoDigest { event: 1 });
    assert_eq!(Replay::new(&log, HashAlgorithm::Sha1, provider()).register(12), Some(absent));
    let absent = Register::Unreplayable(Unreplayable::NoBank);
    assert_eq!(Replay::new(&log, HashAlgorithm::Sha512, provider()).register(12), Some(absent));
    assert_eq!(Replay::new(&log, BANK, provider()).register(24), None);
}

#[test]
fn unknown_algorithms_are_stepped_over() {
    let header = Header::new(&[SHA3, (0x7777, 5), SHA256]);
    let digest = hash(BANK, b"x");
    let log = LogWriter::agile(&header).event(
        0,
        ACTION,
        &[(SHA3.0, &[9; 32]), (0x7777, &[9; 5]), (SHA256.0, &digest)],
        b"x",
    );
    let bytes = log.into_bytes();
    let log = Log::parse(&bytes).unwrap();
    let event = log.events().next().unwrap();
    assert_eq!(event.digest(BANK).unwrap().dangerous_unproven(), digest);
    assert_eq!(log.banks().iter().map(|bank| bank.algorithm()).collect::<Vec<_>>(), [None, None, Some(BANK)]);
}

#[test]
fn startup_locality_is_said_once_and_first() {
    for (octet, startup) in [(0, Startup::Locality(0)), (3, Startup::Locality(3)), (4, Startup::Locality(4))]
    {
        let bytes =
            extend(no_action(start(), 0, &locality(octet)), 0, SEPARATOR, &[0; 4], &[0; 4]).into_bytes();
        let log = Log::parse(&bytes).unwrap();
        assert_eq!(log.startup(), startup);
        let mut before = [0; 32];
        before[31] = octet;
        let value = provider().digest(BANK, &[&before, &hash(BANK, &[0; 4])]).unwrap();
        assert_eq!(Replay::new(&log, BANK, provider()).register(0), Some(Register::Value(value)));
    }
    for data in [&locality(1)[..], &locality(255), STARTUP_LOCALITY, &[locality(3), vec![0]].concat()] {
        assert_eq!(refused(no_action(start(), 0, data)).check_id(), "vtpm.log.startup-locality");
    }
    let twice = no_action(no_action(start(), 0, &locality(3)), 0, &locality(3));
    assert_eq!(refused(twice).check_id(), "vtpm.log.startup-locality-once");
    let late = no_action(extend(start(), 0, SEPARATOR, &[0; 4], &[0; 4]), 0, &locality(3));
    assert_eq!(refused(late).check_id(), "vtpm.log.startup-locality-early");
    // In another register it is an entry like any other.
    let bytes = no_action(extend(start(), 0, SEPARATOR, &[0; 4], &[0; 4]), 1, &locality(3)).into_bytes();
    assert_eq!(Log::parse(&bytes).unwrap().startup(), Startup::Unsaid);
    // H-CRTM: as from locality 4, if it comes first.
    for (first, startup) in [(true, Startup::HCrtm), (false, Startup::Unsaid)] {
        let log = if first { start() } else { extend(start(), 0, SEPARATOR, &[0; 4], &[0; 4]) };
        let bytes = extend(log, 0, EventKind::EFI_HCRTM_EVENT.0, b"code", b"HCRTM").into_bytes();
        assert_eq!(Log::parse(&bytes).unwrap().startup(), startup);
    }
}

#[test]
fn dynamic_launch_registers_start_from_zero_or_hold_ones() {
    let bytes = extend(start(), 17, ACTION, b"launch", b"launch").into_bytes();
    let log = Log::parse(&bytes).unwrap();
    let value = provider().digest(BANK, &[&[0; 32], &hash(BANK, b"launch")]).unwrap();
    let mut pcrs = Pcrs::default();
    pcrs.0.insert((BANK, 17), value);
    for (pcr, octet) in [(15, 0), (16, 0), (18, 0xff), (22, 0xff), (23, 0)] {
        pcrs.0.insert((BANK, pcr), Digest::filled(octet, 32));
    }
    pcrs.0.insert((BANK, 19), Digest::filled(0, 32));
    let compared = compare(&log, BANK, &pcrs);
    assert!(compared.is_replayed(17));
    for pcr in [15, 16, 18, 22, 23] {
        assert_eq!(compared.outcome(pcr), Some(Outcome::Untouched), "{pcr}");
    }
    assert_eq!(compared.outcome(19), Some(Outcome::Unexplained { verified: Digest::filled(0, 32) }));
    assert_eq!(compared.outcome(14), Some(Outcome::Unverified));
    for (pcr, rule) in [(15, "vtpm.log.explained"), (19, "vtpm.log.explained"), (14, "vtpm.log.verified")] {
        assert_eq!(compared.require(&[17, pcr]).unwrap_err().check_id(), Some(rule), "{pcr}");
    }
}

#[test]
fn only_what_was_hashed_is_proven() {
    let bytes = boot().into_bytes();
    let log = Log::parse(&bytes).unwrap();
    let compared = compare(&log, BANK, &Pcrs::of(&log, BANK));
    compared.require(&Compared::FIRMWARE).unwrap();
    let events: Vec<_> = compared.judge(provider()).collect();
    let grub = events.iter().find(|event| event.register() == Some(8)).unwrap();
    let proven = grub.proven().unwrap();
    assert_eq!((proven.as_bytes(), proven.rule()), (&b"linux /vmlinuz"[..], Rule::GrubText));
    let file = events.iter().find(|event| event.register() == Some(9)).unwrap();
    assert_eq!(file.coverage(), Coverage::Uncovered);
    assert_eq!(file.proven_digest(), Some(&hash(BANK, b"a kernel")[..]));
    assert_eq!(events[0].coverage(), Coverage::Unmeasured);
    // The same log next to other registers proves nothing.
    let mut pcrs = Pcrs::of(&log, BANK);
    for value in pcrs.0.values_mut() {
        *value = Digest::filled(1, 32);
    }
    let compared = compare(&log, BANK, &pcrs);
    for event in compared.judge(provider()) {
        assert!(event.proven().is_none() && event.proven_digest().is_none(), "{event:?}");
    }
    assert_eq!(compared.require(&[7]).unwrap_err().check_id(), Some("vtpm.log.replay"));
}

#[test]
fn every_rule_of_coverage_proves_its_part() {
    let variable = |len: u64| {
        let head = [&[7; 16][..], &2u64.to_le_bytes(), &len.to_le_bytes(), b"d\0b\0"].concat();
        [&head[..], b"contents"].concat()
    };
    let tag = |len: u32| [&[1, 2, 3, 4][..], &len.to_le_bytes(), b"label"].concat();
    let (boot_variable, authority) = (EventKind::EFI_VARIABLE_BOOT.0, EventKind::EFI_VARIABLE_AUTHORITY.0);
    let event_tag = EventKind::EVENT_TAG.0;
    let long = variable(8);
    type Case<'a> = (u32, &'a [u8], &'a [u8], Option<Rule>);
    let cases: &[Case<'_>] = &[
        (boot_variable, &variable(8), &variable(8), Some(Rule::Whole)),
        (boot_variable, &variable(8), b"contents", Some(Rule::VariableContents)),
        (boot_variable, &variable(4), b"cont", Some(Rule::VariableContents)),
        (boot_variable, &variable(9), b"contents", None),
        (boot_variable, &variable(u64::MAX), b"contents", None),
        (EventKind::EFI_VARIABLE_DRIVER_CONFIG.0, &variable(8), b"contents", None),
        (authority, &long, &long[..long.len() - 1], Some(Rule::AllButLast)),
        (EventKind::EFI_VARIABLE_DRIVER_CONFIG.0, &long, &long[..long.len() - 1], None),
        (event_tag, &tag(5), b"label", Some(Rule::TagContents)),
        (event_tag, &tag(6), b"label", None),
        (event_tag, b"", b"x", None),
        (IPL, b"grub_cmd: set\0", b"set", Some(Rule::GrubText)),
        (IPL, b"grub_cmd: set\0", b"set\0", Some(Rule::GrubTextWithNul)),
        (IPL, b"kernel_cmdline: a: b", b"a: b", Some(Rule::GrubText)),
        (IPL, b"any_word: set\0", b"set", None),
        (ACTION, b"grub_cmd: set\0", b"set", None),
        (0xbeef, b"x", b"x", Some(Rule::Whole)),
        (EventKind::POST_CODE.0, b"POST CODE", b"code", None),
    ];
    for (kind, data, hashed, rule) in cases {
        let bytes = extend(start(), 5, *kind, hashed, data).into_bytes();
        let log = Log::parse(&bytes).unwrap();
        let compared = compare(&log, BANK, &Pcrs::of(&log, BANK));
        let event = compared.judge(provider()).next().unwrap();
        assert_eq!(event.proven().map(|proven| proven.rule()), *rule, "{kind:#x} {}", data.escape_ascii());
        assert_eq!(event.proven().map(|proven| proven.as_bytes()), rule.map(|_| *hashed));
    }
}

#[test]
fn an_invented_event_is_a_mismatch_in_its_register_alone() {
    let bytes = boot().into_bytes();
    let pcrs = Pcrs::of(&Log::parse(&bytes).unwrap(), BANK);
    let bytes = extend(boot(), 8, IPL, b"set x", b"grub_cmd: set x\0").into_bytes();
    let log = Log::parse(&bytes).unwrap();
    let compared = compare(&log, BANK, &pcrs);
    assert!(matches!(compared.outcome(8), Some(Outcome::Mismatch { .. })));
    compared.require(&Compared::FIRMWARE).unwrap();
    let unexplained = compared.judge(provider()).filter(|event| event.register() == Some(8));
    assert!(unexplained.into_iter().all(|event| event.coverage() == Coverage::Unexplained));
    // EV_NO_ACTION can be added by anybody, and moves nothing.
    let bytes = no_action(boot(), 7, b"SecureBoot is on").into_bytes();
    let log = Log::parse(&bytes).unwrap();
    let compared = compare(&log, BANK, &pcrs);
    assert_eq!(compared.judge(provider()).last().unwrap().coverage(), Coverage::Unmeasured);
    // An empty log explains nothing.
    let log = Log::parse(b"").unwrap();
    let error = compare(&log, BANK, &pcrs).require(&Compared::FIRMWARE).unwrap_err();
    assert_eq!(error.check_id(), Some("vtpm.log.explained"));
}
