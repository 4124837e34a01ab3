//! What the targets of bootstrap-core share: the rules of the wire, and a cluster whose one operator signs all that it is given.

#[path = "../../bootstrap-core/tests/samples/mod.rs"]
mod samples;

use std::sync::LazyLock;
use std::time::Duration;

use attest_core::UnixTime;
use attest_core::error::Malformed;
use bootstrap_core::authority::PolicyChain;
use bootstrap_core::ids::{ReferenceSetId, Role, StatementHash, VoucherId};
use bootstrap_core::keys::{OperatorKey, Secret};
use bootstrap_core::peer::SameNodeClass;
use bootstrap_core::wire::{
    Algorithm, Authority, Bounded, CaKey, Encoded, Frame, FrameKind, FrameReader, Genesis, Kind, LeastLock,
    Limits, List, NamePattern, PolicyStatement, ReferenceSet, Revoked, Rule, SetRules, Signature, Signed,
    Statement, StatementPayload, Voucher, VoucherMachine, VoucherUse,
};
use samples::{Again, Sample};

use crate::blobs;

/// The number in front of a stream of frames; smaller ones are of rules.
pub const FRAMES: u8 = 0xff;

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(samples::all);

/// Every rule once.
static RULES: LazyLock<Vec<(&str, Again)>> = LazyLock::new(|| {
    let mut rules: Vec<_> = SAMPLES.iter().map(|sample| (sample.rule, sample.again)).collect();
    rules.sort_by_key(|(rule, _)| *rule);
    rules.dedup_by_key(|(rule, _)| *rule);
    rules
});

/// What bytes become when they are read and written again, and how many unknown pairs were skipped on the way.
pub type Read = Result<(Vec<u8>, usize), Malformed>;

/// Reads a value of the rule that the first byte numbers, and writes it; `None` if the input is no value's.
pub fn again(input: &[u8]) -> Option<Read> {
    let (number, bytes) = input.split_first()?;
    let (_, again) = RULES.get(usize::from(*number))?;
    Some(again(bytes))
}

/// The frames that a stream has, read in two pieces; whether it ends in an error.
///
/// # Panics
/// If a reader takes nothing and gives nothing.
pub fn frames(stream: &[u8], first: usize) -> (Vec<Frame>, bool) {
    let mut reader = FrameReader::new(FrameKind::MESSAGE_WITH_POLICIES);
    let (one, two) = stream.split_at(first.min(stream.len()));
    let mut frames = Vec::new();
    for mut piece in [one, two] {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break assert!(piece.is_empty()),
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

fn list<T, const MIN: usize, const MAX: usize>(items: Vec<T>) -> List<T, MIN, MAX> {
    List::new(items).unwrap_or_else(|error| panic!("{error}"))
}

/// Samples of every rule, and streams of frames.
///
/// # Panics
/// If there are more rules than numbers.
pub fn wire_seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (at, sample) in SAMPLES.iter().enumerate() {
        let number = RULES.iter().position(|(rule, _)| *rule == sample.rule).expect("a rule of a sample");
        let number = u8::try_from(number).expect("less than 255 rules");
        seeds.push((format!("{at:03}-{}", sample.rule), [&[number], &sample.bytes[..]].concat()));
    }
    let mut stream = vec![FRAMES, 7];
    for kind in FrameKind::ALL {
        let frame = Frame { kind: *kind, body: b"body".to_vec().into() };
        stream.extend_from_slice(&frame.to_bytes().expect("a short body"));
    }
    seeds.push(("frames".to_owned(), stream.clone()));
    stream.extend_from_slice(&[FrameKind::Verdict.number(), 0, 0, 1, 0]);
    seeds.push(("frames-then-too-large".to_owned(), stream));
    seeds
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000 + seconds))
}

/// When statements are published.
pub static NOW: LazyLock<UnixTime> = LazyLock::new(|| at(100));

/// The one operator.
static OPERATOR: LazyLock<OperatorKey> =
    LazyLock::new(|| OperatorKey::from_seed(&Secret::new("seed", &[1; 32]).expect("a seed")));

fn authority() -> Authority {
    Authority {
        operators: list(vec![OPERATOR.public_key()]),
        threshold: Bounded::new(1).expect("one"),
        custodians: List::default(),
    }
}

/// The cluster before its first policy.
///
/// # Panics
/// If its genesis is none.
pub static CHAIN: LazyLock<PolicyChain> = LazyLock::new(|| {
    let genesis = Genesis {
        salt: [0x20; 32],
        ca: CaKey::new(vec![0x30]).expect("a key"),
        authority: authority(),
        created: at(0),
        data_check: None,
        name: None,
    };
    PolicyChain::of(&Encoded::new(genesis)).expect("our own genesis")
});

/// Signs a payload, whatever it says. `None` if it is none by its length.
pub fn sign(payload: &[u8]) -> Option<Signed> {
    let payload = StatementPayload::new(payload.to_vec()).ok()?;
    let key = OPERATOR.public_key();
    let algorithm = Algorithm::of(&key);
    let bytes = OPERATOR.sign(&Signed::signed_bytes(&payload, algorithm, key.id()));
    let signatures = list(vec![Signature { algorithm, key: key.id(), bytes }]);
    Some(Signed { payload, signatures })
}

/// The payloads of an input, each behind two bytes of length.
pub fn payloads(input: &[u8]) -> Vec<Signed> {
    blobs(input).into_iter().filter_map(sign).collect()
}

fn policy(epoch: u32, previous: StatementHash) -> PolicyStatement {
    let set = ReferenceSetId::new([1; 32]);
    PolicyStatement {
        cluster: CHAIN.cluster(),
        epoch,
        previous,
        not_before: at(u64::from(epoch)),
        not_after: at(500_000),
        authority: authority(),
        sets: list(vec![ReferenceSet {
            id: set,
            kind: Kind::new("snp").expect("a kind"),
            rules: SetRules::new(b"{}".to_vec()).expect("rules"),
            not_after: at(1_000_000),
            security_version: 3,
            roles: list(vec![Role::Worker]),
        }]),
        replacements: List::default(),
        rules: list(vec![Rule {
            id: 10,
            role: Role::Worker,
            sets: list(vec![set]),
            same_node: SameNodeClass::Platform,
            machines: None,
            name: Some(NamePattern::new("worker-{machine8}").expect("a pattern")),
            voucher: None,
            token: None,
            lock: LeastLock::Any,
        }]),
        revoked: Revoked {
            sets: List::default(),
            nodes: List::default(),
            machines: List::default(),
            urgent: false,
        },
        limits: Limits {
            certificate: Bounded::new(86_400).expect("a day"),
            policy: Bounded::new(604_800).expect("a week"),
            evidence: Bounded::new(7).expect("a week"),
        },
    }
}

/// A chain of three policies with a voucher, statements of every rule, and one as it travels.
///
/// # Panics
/// If the chain does not hold.
pub fn statement_seeds() -> Vec<(String, Vec<u8>)> {
    let payload = |statement: Statement| statement.to_payload().expect("a payload").as_bytes().to_vec();
    let voucher = Voucher {
        cluster: CHAIN.cluster(),
        id: VoucherId::new([9; 16]),
        machine: VoucherMachine::Any,
        role: Role::Worker,
        name: None,
        addresses: List::default(),
        not_before: at(0),
        not_after: at(1_000),
        usage: VoucherUse::Join,
        node: None,
    };
    let mut chain = CHAIN.clone();
    let mut statements = Vec::new();
    let mut previous = StatementHash::new(*CHAIN.cluster().as_bytes());
    for epoch in 1..=3 {
        let next = payload(Statement::Policy(policy(epoch, previous)));
        chain = chain.publish(&sign(&next).expect("short"), *NOW).expect("the chain holds");
        previous = chain.tip().expect("it has a policy").hash;
        statements.push(next);
    }
    statements.push(payload(Statement::Voucher(voucher)));
    let signed = sign(&statements[0]).expect("short");
    let voucher = sign(&statements[3]).expect("short");
    assert!(chain.voucher(&voucher, *NOW).is_ok());
    let with_lengths = |payloads: &[Vec<u8>]| -> Vec<u8> {
        let length = |payload: &Vec<u8>| u16::try_from(payload.len()).expect("short").to_le_bytes();
        payloads.iter().flat_map(|payload| [&length(payload)[..], payload].concat()).collect()
    };
    let mut seeds = vec![
        ("chain".to_owned(), with_lengths(&statements)),
        ("gap".to_owned(), with_lengths(&[statements[0].clone(), statements[2].clone()])),
        ("signed".to_owned(), signed_by_a_stranger(signed)),
    ];
    let of_rules = SAMPLES.iter().filter(|sample| sample.rule == "statement");
    seeds.extend(
        of_rules.enumerate().map(|(at, s)| (format!("sample-{at}"), with_lengths(&[s.bytes.clone()]))),
    );
    seeds
}

/// The form of a signed statement, and no signature.
fn signed_by_a_stranger(signed: Signed) -> Vec<u8> {
    let signatures: Vec<_> =
        signed.signatures.iter().map(|one| Signature { bytes: [7; 64], ..one.clone() }).collect();
    Signed { signatures: list(signatures), ..signed }.to_bytes()
}
