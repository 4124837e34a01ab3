//! Logs next to a live TPM: what is written is extended too, so that it replays; then the log is altered and the TPM is not.

use std::slice::from_ref;

use attest_core::crypto::HashAlgorithm;
use attest_core::crypto::rustcrypto::PROVIDER;
use attest_core::eventlog::{Outcome, State, Unreplayable};
use attest_core::rules::{AllOf, Bit, OneOf, Registers};
use attest_core::tee::vtpm::{self, Name, TpmQuote, TrustedAk};
use attest_core::{Claims, Policy};
use vectors_generate::eventlog::{Header, LogWriter, NO_ACTION, STARTUP_LOCALITY};
use vectors_live::{AkKind, EkKind, Judge, KeyFiles, LiveTpm, evidence, failed};

const NONCE: &[u8] = &[0xa5; 32];
const KIND: AkKind = AkKind::ALL[5];
const SHA256: u16 = 0x000b;
const SHA384: u16 = 0x000c;
const SEPARATOR: u32 = 4;
const ACTION: u32 = 0x8000_0007;
const VARIABLE: u32 = 0x8000_0001;
const AUTHORITY: u32 = 0x8000_00e0;
const GLOBAL: &[u8; 16] = b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
const DATABASE: &[u8; 16] = b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

/// An event: what is hashed, and what is logged.
#[derive(Clone)]
struct Event {
    pcr: u8,
    kind: u32,
    hashed: Vec<u8>,
    data: Vec<u8>,
}

impl Event {
    /// One whose data is what is hashed.
    fn of(pcr: u8, kind: u32, data: &[u8]) -> Self {
        Self { pcr, kind, hashed: data.to_vec(), data: data.to_vec() }
    }

    fn digest(&self, bank: HashAlgorithm) -> Vec<u8> {
        PROVIDER.digest(bank, &[&self.hashed]).expect("a hash").as_bytes().to_vec()
    }
}

fn variable(guid: &[u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let lengths = [name.len(), data.len()].map(|len| (len as u64).to_le_bytes()).concat();
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&guid[..], &lengths, &name, data].concat()
}

/// A boot with Secure Boot as said, in registers 4 and 7.
fn boot(secure: u8) -> Vec<Event> {
    vec![
        Event::of(7, VARIABLE, &variable(GLOBAL, "SecureBoot", &[secure])),
        Event::of(7, VARIABLE, &variable(GLOBAL, "PK", b"")),
        Event::of(7, VARIABLE, &variable(GLOBAL, "KEK", b"")),
        Event::of(7, VARIABLE, &variable(DATABASE, "db", b"")),
        Event::of(7, VARIABLE, &variable(DATABASE, "dbx", b"")),
        Event::of(4, ACTION, b"Calling EFI Application from Boot Option"),
        Event::of(4, SEPARATOR, &[0; 4]),
        Event::of(7, SEPARATOR, &[0; 4]),
        Event::of(7, AUTHORITY, &variable(DATABASE, "db", b"key")),
        Event { pcr: 4, kind: 0x8000_0003, hashed: b"image".to_vec(), data: vec![0; 40] },
    ]
}

fn write(events: &[Event]) -> Vec<u8> {
    let log = LogWriter::agile(&Header::new(&[(SHA256, 32), (SHA384, 48)]));
    add(log, events).into_bytes()
}

fn add(log: LogWriter, events: &[Event]) -> LogWriter {
    events.iter().fold(log, |log, event| {
        let digests = [HashAlgorithm::Sha256, HashAlgorithm::Sha384].map(|bank| event.digest(bank));
        let listed: [(u16, &[u8]); 2] = [(SHA256, &digests[0]), (SHA384, &digests[1])];
        log.event(u32::from(event.pcr), event.kind, &listed, &event.data)
    })
}

/// A TPM into which these events went.
struct Booted {
    tpm: LiveTpm,
    ak: KeyFiles,
}

impl Booted {
    fn new(test: &str, events: &[Event]) -> Option<Self> {
        let tpm = LiveTpm::start(test)?;
        tpm.create_ek(EkKind::P256);
        let ak = tpm.create_ak(KIND);
        for event in events {
            for bank in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                tpm.extend(event.pcr, bank.name(), &event.digest(bank));
            }
        }
        Some(Self { tpm, ak })
    }

    fn quote(&self, selection: &str) -> TpmQuote {
        self.tpm.quoted(&self.ak, KIND, selection, NONCE)
    }

    /// Claims, and what the policy refuses that asks for registers 4 and 7 and for Secure Boot.
    fn judge(&self, quote: &TpmQuote, log: &[u8]) -> (vtpm::Claims, Vec<&'static str>) {
        let trusted = TrustedAk::pinned(Name::from_bytes(&self.ak.name).expect("a name"));
        let evidence = evidence(&self.ak, from_ref(quote), log);
        let verified = Judge::new(&[trusted], NONCE).verify(&evidence).expect("the quote verifies");
        let Claims::Vtpm(claims) = verified.claims().clone() else { panic!() };
        let mut policy = vtpm::Policy::strict(OneOf::Any, Registers::Any);
        policy.replayed = AllOf(OneOf::Listed(vec![4, 7]));
        policy.secure_boot = Bit::Set;
        let verdict = Policy::for_vtpm(policy).judge(verified);
        assert_eq!(verdict.is_accepted(), failed(verdict.checks()).is_empty());
        (*claims, failed(verdict.checks()))
    }
}

const CONTRADICTION: &str = "vtpm.policy.log-contradiction";

#[test]
fn a_log_replays_to_what_the_tpm_quotes() {
    let events = boot(1);
    let Some(booted) = Booted::new("a_log_replays_to_what_the_tpm_quotes", &events) else { return };
    let log = write(&events);
    for (selection, bank) in [
        ("sha256:0,4,7", HashAlgorithm::Sha256),
        ("sha384:0,4,7", HashAlgorithm::Sha384),
        // Either of the two.
        ("sha256:4,7+sha384:0,4,7", HashAlgorithm::Sha384),
    ] {
        let (claims, refused) = booted.judge(&booted.quote(selection), &log);
        assert_eq!(refused, [""; 0], "{selection}");
        let log = claims.log().expect("a log");
        assert_eq!((log.banks().count(), log.events()), (selection.matches("sha").count(), events.len()));
        let log = log.in_bank(bank).expect("a quoted bank");
        assert_eq!((log.outcome(4), log.outcome(7)), (Outcome::Replayed, Outcome::Replayed));
        assert_eq!((log.outcome(0), log.outcome(9)), (Outcome::Untouched, Outcome::Unverified));
        assert_eq!(log.secure_boot(), Some(State::Enabled));
    }
    // A bank that the log does not have, no log, and a register that is not quoted.
    let (claims, refused) = booted.judge(&booted.quote("sha512:4,7"), &log);
    let foreign = claims.log().expect("a log").in_bank(HashAlgorithm::Sha512).expect("quoted");
    assert!(!foreign.is_announced());
    assert_eq!(refused, ["vtpm.policy.event-log", "vtpm.policy.secure-boot"]);
    let quote = booted.quote("sha256:4,7");
    let (claims, refused) = booted.judge(&quote, &[]);
    assert!(claims.log().is_none());
    assert_eq!(refused, ["vtpm.policy.event-log", "vtpm.policy.secure-boot"]);
    let (_, refused) = booted.judge(&booted.quote("sha256:7"), &log);
    assert_eq!(refused, ["vtpm.policy.event-log"]);
}

#[test]
fn an_altered_log_does_not_replay() {
    let events = boot(0);
    let Some(booted) = Booted::new("an_altered_log_does_not_replay", &events) else { return };
    let quote = booted.quote("sha256:4,7");
    let (claims, refused) = booted.judge(&quote, &write(&events));
    let states = claims.log().expect("a log").banks().map(vtpm::BankClaims::secure_boot);
    assert!(states.eq([Some(State::Disabled)]));
    assert_eq!(refused, ["vtpm.policy.secure-boot"]);
    // Secure Boot was off. The log says that it was on, each time in another way.
    let invented = boot(1);
    let both = [CONTRADICTION, "vtpm.policy.event-log", "vtpm.policy.secure-boot"];
    let off = ["vtpm.policy.secure-boot"];
    let altered = |change: &dyn Fn(&mut Vec<Event>)| {
        let mut events = events.clone();
        change(&mut events);
        write(&events)
    };
    let label = |events: &mut Vec<Event>| events[0].data.clone_from(&invented[0].data);
    let no_action = Event { kind: NO_ACTION, ..invented[0].clone() };
    let image = Event::of(4, 0x8000_0003, b"image");
    for (what, log, expected) in [
        ("all of it", write(&invented), &both[..]),
        ("the first event", altered(&|events| events[0] = invented[0].clone()), &both),
        ("its label alone", altered(&label), &off),
        ("an event before", altered(&|events| events.insert(0, invented[0].clone())), &both),
        ("an event behind", altered(&|events| events.push(invented[0].clone())), &both),
        ("an event left out", altered(&|events| drop(events.remove(0))), &both),
        ("two exchanged", altered(&|events| events.swap(0, 1)), &both),
        ("an event that extends nothing", altered(&|events| events.insert(0, no_action.clone())), &off),
        ("another register", altered(&|events| events.push(image.clone())), &both),
        // Nothing proves the order between registers, and nothing depends on it.
        ("registers interleaved", altered(&|events| events.sort_by_key(|event| event.pcr)), &off),
    ] {
        let (claims, refused) = booted.judge(&quote, &log);
        assert_eq!(refused, expected, "{what}");
        let mut banks = claims.log().expect("a log").banks();
        assert!(banks.all(|of| of.secure_boot() != Some(State::Enabled)), "{what}");
    }
}

/// Events that are extended with digests of the attacker's choice replay. What they are said to be is still not proven.
#[test]
fn invented_events_that_replay_prove_no_label() {
    let mut events = boot(1);
    events[0] = Event { hashed: b"something else".to_vec(), ..events[0].clone() };
    let Some(booted) = Booted::new("invented_events_that_replay_prove_no_label", &events) else { return };
    let (claims, refused) = booted.judge(&booted.quote("sha384:4,7"), &write(&events));
    assert_eq!(of(&claims, HashAlgorithm::Sha384).outcome(7), Outcome::Replayed);
    assert_eq!(refused, ["vtpm.policy.secure-boot"]);
}

#[test]
fn what_a_register_began_with_is_the_logs_word_and_the_quote_judges_it() {
    let mut events = boot(1);
    events.insert(0, Event::of(0, 8, b"version"));
    let Some(booted) = Booted::new("what_a_register_began_with", &events) else { return };
    let quote = booted.quote("sha256:0,4,7");
    let zeros: [(u16, &[u8]); 2] = [(SHA256, &[0; 32]), (SHA384, &[0; 48])];
    for (locality, expected) in [(0, true), (3, false)] {
        let data = [STARTUP_LOCALITY, &[locality]].concat();
        let log = LogWriter::agile(&Header::new(&[(SHA256, 32), (SHA384, 48)]));
        let log = add(log.event(0, NO_ACTION, &zeros, &data), &events).into_bytes();
        let (claims, refused) = booted.judge(&quote, &log);
        // The policy names no register here, and still nothing that is quoted may be told otherwise.
        assert_eq!(refused, if expected { &[][..] } else { &[CONTRADICTION] });
        let outcome = of(&claims, HashAlgorithm::Sha256).outcome(0);
        assert_eq!(outcome == Outcome::Replayed, expected, "locality {locality}: {outcome:?}");
    }
    // Loaders that write one digest of two: the other bank is not replayed, and that is no mismatch.
    let one: [(u16, &[u8]); 1] = [(SHA384, &[7; 48])];
    let log = LogWriter::agile(&Header::new(&[(SHA256, 32), (SHA384, 48)]));
    let log = add(log, &events).event(4, 6, &one, b"boot").into_bytes();
    let (claims, refused) = booted.judge(&quote, &log);
    let unreplayable = Unreplayable::NoDigest { event: events.len() };
    assert_eq!(of(&claims, HashAlgorithm::Sha256).outcome(4), Outcome::UnsupportedBank(unreplayable));
    assert_eq!(refused, ["vtpm.policy.event-log"]);
}

/// What the log says of a quoted bank.
fn of(claims: &vtpm::Claims, bank: HashAlgorithm) -> &vtpm::BankClaims {
    claims.log().and_then(|log| log.in_bank(bank)).expect("a log and a quoted bank")
}
