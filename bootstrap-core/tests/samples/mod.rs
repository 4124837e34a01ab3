//! One value of every rule of `protocol.cddl`, and more where a rule has several forms. The other parser of the rules is asked about the
//! same ones.

mod statements;

use std::time::Duration;

use attest_core::UnixTime;
use attest_core::cbor::{Decoder, Encoder};
use attest_core::error::Malformed;
use bootstrap_core::error::Code;
use bootstrap_core::ids::{
    AttemptId, BootId, ClusterId, ConfigDigest, DiskId, KeyEpoch, KeyId, MachineId, NodeId, ReferenceSetId,
    Role, ShareSetId, StatementHash, VoucherId,
};
use bootstrap_core::keys::{CheckValue, Secret};
use bootstrap_core::peer::{PublicKey, SameNodeClass};
use bootstrap_core::wire::*;

use statements::{rescue, statements};

/// The encoding of one value, and how to read it and write it again.
pub(crate) struct Sample {
    /// The rule that it is of.
    pub(crate) rule: &'static str,
    /// Its encoding.
    pub(crate) bytes: Vec<u8>,
    /// Reads and writes it again.
    pub(crate) again: Again,
}

/// What bytes become when they are read and written again, and how many unknown pairs were skipped on the way.
pub(crate) type Again = fn(&[u8]) -> Result<(Vec<u8>, usize), Malformed>;

fn written<T: Field>(value: &T) -> Vec<u8> {
    let mut encoder = Encoder::default();
    value.encode(&mut encoder);
    encoder.into_bytes()
}

fn again<T: Field>(bytes: &[u8]) -> Result<(Vec<u8>, usize), Malformed> {
    let mut decoder = Decoder::new("sample", bytes, 1 << 20)?;
    let value = T::decode("sample", &mut decoder)?;
    let skipped = decoder.skipped();
    decoder.finish("sample")?;
    Ok((written(&value), skipped))
}

fn of<T: Field>(rule: &'static str, value: T) -> Sample {
    Sample { rule, bytes: written(&value), again: again::<T> }
}

fn list<T, const MIN: usize, const MAX: usize>(items: Vec<T>) -> List<T, MIN, MAX> {
    match List::new(items) {
        Ok(list) => list,
        Err(error) => panic!("{error}"),
    }
}

fn secret(octet: u8) -> Secret {
    Secret::new("sample", &[octet; 32]).unwrap()
}

const CLUSTER: ClusterId = ClusterId::new([0xc0; 32]);
const NODE: NodeId = NodeId::new([0x40; 16]);
const DISK: DiskId = DiskId::new([0x50; 16]);
const BOOT: BootId = BootId::new([0x60; 16]);
const ATTEMPT: AttemptId = AttemptId::new([0x70; 16]);
const CONFIG: ConfigDigest = ConfigDigest::new([0x80; 32]);
const HASH: StatementHash = StatementHash::new([0x90; 32]);
const SHARES: ShareSetId = ShareSetId::new([0xa0; 16]);
const SET: ReferenceSetId = ReferenceSetId::new([0xb0; 32]);

fn time(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000 + seconds))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn der() -> Der {
    Der::new(vec![0x30, 0x00]).unwrap()
}

fn keys() -> [PublicKey; 2] {
    let mut point = [7; 65];
    point[0] = 4;
    [PublicKey::Ed25519([6; 32]), PublicKey::P256(point)]
}

fn authority() -> Authority {
    let [one, two] = keys();
    Authority {
        operators: list(vec![one.clone(), two]),
        threshold: Bounded::new(2).unwrap(),
        custodians: list(vec![one]),
    }
}

fn genesis() -> Genesis {
    Genesis {
        salt: [0x20; 32],
        ca: CaKey::new(vec![0x30; 91]).unwrap(),
        authority: authority(),
        created: time(0),
        data_check: Some(CheckValue::new([0x0d; 16])),
        name: Some(name("demo")),
    }
}

fn request() -> GenesisRequest {
    GenesisRequest { ca: None, data_check: None, name: None, ..GenesisRequest::from(genesis()) }
}

fn signed() -> Signed {
    Signed {
        payload: Statement::Rescue(rescue()).to_payload().unwrap(),
        signatures: list(vec![
            Signature { algorithm: Algorithm::Ed25519, key: KeyId::new([1; 8]), bytes: [2; 64] },
            Signature { algorithm: Algorithm::P256, key: KeyId::new([3; 8]), bytes: [4; 64] },
        ]),
    }
}

fn header() -> DiskHeader {
    let epochs = list(vec![KeyEpoch::FIRST, KeyEpoch::new(2).unwrap()]);
    DiskHeader { cluster: CLUSTER, node: NODE, disk: DISK, epochs }
}

fn locked() -> LockState {
    LockState::Locked { class: LockClass::TpmPcr, cluster: CLUSTER }
}

fn enrolment() -> Enrolment {
    Enrolment::Tpm(Enrolled::new(vec![0x0b; 34]).unwrap())
}

fn floors() -> Floors {
    Floors { policy_epoch: 3, generation: 2, recovery_epoch: 1, time: time(1) }
}

fn root(epoch: u32) -> Root {
    Root { epoch: KeyEpoch::new(epoch).unwrap(), identity: Some(secret(1)), data: Some(secret(2)) }
}

fn disk_keys() -> List<DiskKey, 1, 4> {
    list(vec![DiskKey { epoch: KeyEpoch::FIRST, key: secret(3) }])
}

fn share() -> Share {
    Share {
        secret: SecretKind::Master,
        cluster: CLUSTER,
        set: SHARES,
        epoch: KeyEpoch::FIRST,
        threshold: Bounded::new(2).unwrap(),
        count: Bounded::new(3).unwrap(),
        index: Bounded::new(1).unwrap(),
        value: secret(4),
        commitments: list(vec![[1; 32], [2; 32], [3; 32]]),
        checksum: [5; 8],
    }
}

fn item() -> Item {
    Item {
        slot: Bounded::new(0).unwrap(),
        kind: Kind::new("snp").unwrap(),
        companions: Companions::new(vec![1, 2]).unwrap(),
        cmw: Cmw::new(vec![3; 40]).unwrap(),
    }
}

fn claims() -> Vec<Claims> {
    let join = JoinClaims {
        lock: LockState::Open,
        config: CONFIG,
        boot: BOOT,
        csr: der(),
        enrolment: enrolment(),
        disk: DISK,
        name: Some(name("worker-7")),
        node: Some(NODE),
        voucher: Some(signed()),
    };
    vec![
        Claims::Init(InitClaims {
            genesis: Encoded::new(request()),
            attempt: ATTEMPT,
            epoch: KeyEpoch::FIRST,
            custody: Custody::NodeBorn,
            driver: DriverConfig::new(b"etcd".to_vec()).unwrap(),
            policy: None,
        }),
        Claims::Init(InitClaims {
            genesis: Encoded::new(genesis().into()),
            attempt: ATTEMPT,
            epoch: KeyEpoch::FIRST,
            custody: Custody::Joint,
            driver: DriverConfig::new(Vec::new()).unwrap(),
            policy: Some(signed()),
        }),
        Claims::Node(NodeClaims {
            lock: LockState::Open,
            config: CONFIG,
            boot: BOOT,
            header: Some(header()),
            generation: Some(4),
        }),
        Claims::Join(JoinClaims {
            enrolment: Enrolment::None,
            name: None,
            node: None,
            voucher: None,
            ..join.clone()
        }),
        Claims::Join(join),
        Claims::Rejoin(RejoinClaims {
            lock: locked(),
            config: CONFIG,
            boot: BOOT,
            csr: der(),
            disk: DISK,
            node: NODE,
            generation: 4,
            enrolment: Some(enrolment()),
            voucher: None,
        }),
        Claims::Service(ServiceClaims {
            lock: locked(),
            genesis: Encoded::new(genesis()),
            transitions: list(vec![signed()]),
            policy_epoch: 3,
            policy: HASH,
            node: NODE,
        }),
        Claims::Recover(RecoverClaims {
            cluster: CLUSTER,
            source: RecoverySource::Custodian,
            epoch: KeyEpoch::FIRST,
            floors: floors(),
            alone: true,
            shares: Some(SHARES),
            genesis: Some(Encoded::new(genesis())),
            authority: List::default(),
        }),
        Claims::Author(AuthorClaims { cluster: CLUSTER }),
        Claims::Renew(RenewClaims {
            lock: locked(),
            config: CONFIG,
            boot: BOOT,
            csr: der(),
            node: NODE,
            generation: 4,
            policy_epoch: 3,
            policy: HASH,
            epochs: list(vec![KeyEpoch::FIRST]),
        }),
    ]
}

fn ticket(place: Place) -> JoinTicket {
    JoinTicket {
        cluster: CLUSTER,
        node: NODE,
        place,
        name: name("worker-7"),
        generation: 1,
        disk_keys: disk_keys(),
        chain: list(vec![der(), der()]),
        policies: list(vec![signed()]),
        payload: DriverPayload::new(vec![]).unwrap(),
        voucher_secret: Some(secret(5)),
        transitions: List::default(),
    }
}

fn grants() -> Vec<Grant> {
    let init = |keys, policy| InitGrant {
        cluster: CLUSTER,
        attempt: ATTEMPT,
        node: NODE,
        name: name("seat-1"),
        epoch: KeyEpoch::FIRST,
        keys,
        policy,
    };
    vec![
        Grant::Init(init(InitKeys::Roots(list(vec![root(1)])), Some(signed()))),
        Grant::Init(init(InitKeys::Source(KeySource::new("kms:1").unwrap()), None)),
        Grant::Join(ticket(Place::Worker)),
        Grant::Join(ticket(Place::Seat(list(vec![root(1), root(2)])))),
        Grant::Rejoin(RejoinTicket {
            cluster: CLUSTER,
            node: NODE,
            generation: 2,
            disk_keys: disk_keys(),
            chain: list(vec![der()]),
            policies: list(vec![signed()]),
            roots: Some(list(vec![root(1)])),
            voucher_secret: None,
            transitions: list(vec![signed()]),
            provisional: Some(true),
        }),
        Grant::Recover(RecoverGrant { cluster: CLUSTER, node: NODE, disk_keys: disk_keys(), roots: None }),
        Grant::Share(ShareGrant { cluster: CLUSTER, share: share() }),
        Grant::Renew(RenewTicket {
            cluster: CLUSTER,
            node: NODE,
            generation: 2,
            disk_keys: None,
            chain: list(vec![der()]),
            policies: List::default(),
            roots: None,
            voucher_secret: None,
            transitions: List::default(),
        }),
        Grant::Rotate(RotateGrant {
            cluster: CLUSTER,
            epoch: KeyEpoch::new(2).unwrap(),
            roots: list(vec![Root { identity: None, ..root(2) }]),
            transitions: list(vec![signed()]),
        }),
    ]
}

fn messages() -> Vec<(&'static str, Message)> {
    let result = InitResult {
        cluster: CLUSTER,
        genesis: Encoded::new(genesis()),
        node: NODE,
        chain: list(vec![der()]),
        payload: DriverPayload::new(b"kubeconfig".to_vec()).unwrap(),
        generation: 1,
    };
    let progress = Progress {
        sequence: 9,
        stage: Bounded::new(15).unwrap(),
        per_mille: Bounded::new(1000).unwrap(),
        text: Some(ProgressText::new("pulling").unwrap()),
    };
    let offer = Offer {
        cluster: CLUSTER,
        node: NODE,
        role: Role::Seat,
        name: name("seat-2"),
        policy_epoch: 3,
        proof: LockProof::Evidence,
        generation: 1,
    };
    let lock = Locked { cluster: CLUSTER, class: LockClass::Rtmr, genesis: Some(Encoded::new(genesis())) };
    let held = Held { set: SHARES, held: Bounded::new(1).unwrap(), needed: Bounded::new(2).unwrap() };
    let mut all = vec![
        ("offer", Message::Offer(offer)),
        ("locked", Message::Locked(lock)),
        ("done", Message::Done(Done { code: Code::GENERATION, generation: 300 })),
        ("progress", Message::Progress(progress)),
        ("result", Message::Result(result)),
        ("publish", Message::Publish(Publish { statements: list(vec![signed()]) })),
        ("ack", Message::Ack(Acknowledged { policy_epoch: 3, policy: HASH })),
        ("held", Message::Held(held)),
    ];
    all.extend(grants().into_iter().map(|grant| ("grant", Message::Grant(grant))));
    all
}

/// The rule of a choice that a value is of.
fn claims_rule(claims: &Claims) -> &'static str {
    match claims {
        Claims::Init(_) => "init-claims",
        Claims::Node(_) => "node-claims",
        Claims::Join(_) => "join-claims",
        Claims::Rejoin(_) => "rejoin-claims",
        Claims::Service(_) => "service-claims",
        Claims::Recover(_) => "recover-claims",
        Claims::Author(_) => "author-claims",
        Claims::Renew(_) => "renew-claims",
    }
}

fn grant_rule(grant: &Grant) -> &'static str {
    match grant {
        Grant::Init(_) => "init-grant",
        Grant::Join(JoinTicket { place: Place::Worker, .. }) => "worker-ticket",
        Grant::Join(JoinTicket { place: Place::Seat(_), .. }) => "seat-ticket",
        Grant::Rejoin(_) => "rejoin-ticket",
        Grant::Recover(_) => "recover-grant",
        Grant::Share(_) => "share-grant",
        Grant::Renew(_) => "renew-ticket",
        Grant::Rotate(_) => "rotate-grant",
    }
}

fn statement_rule(statement: &Statement) -> &'static str {
    match statement {
        Statement::Policy(_) => "policy",
        Statement::Voucher(_) => "voucher",
        Statement::Transition(_) => "transition",
        Statement::Rescue(_) => "rescue",
    }
}

/// `[n, x]` without the head and the number: the message by its own rule.
fn bare(rule: &'static str, message: &Message) -> Option<Sample> {
    let bytes = written(message);
    let body = bytes.get(2..)?.to_vec();
    let again = match message {
        Message::Offer(_) => again::<Offer>,
        Message::Locked(_) => again::<Locked>,
        Message::Grant(_) => again::<Grant>,
        Message::Done(_) => again::<Done>,
        Message::Progress(_) => again::<Progress>,
        Message::Result(_) => again::<InitResult>,
        Message::Publish(_) => again::<Publish>,
        Message::Ack(_) => again::<Acknowledged>,
        Message::Held(_) => again::<Held>,
    };
    Some(Sample { rule, bytes: body, again })
}

/// All samples.
pub(crate) fn all() -> Vec<Sample> {
    let hello = Hello {
        versions: list(vec![1, 2]),
        nonce: [0x11; 32],
        flow: Flow::Join,
        shows: list(vec![Kind::new("snp").unwrap()]),
        accepts: List::default(),
        expects: Expected { cluster: Some(CLUSTER), name: Some(name("seat-1")), node: Some(NODE) },
        order: Order::ServerFirst,
        clock: Some(time(0)),
    };
    let evidence = Evidence {
        items: list(vec![item()]),
        claims: claims()[0].encode_bytes().unwrap(),
        chain: Some(list(vec![der()])),
    };
    let wait = Bounded::new(1500);
    let [ed25519, p256] = keys();
    let mut all = vec![
        of("u16", 65_535_u16),
        of("u32", u32::MAX),
        of("id16", NODE),
        of("h32", CLUSTER),
        of("secret32", secret(1)),
        of("der", der()),
        of("kind", Kind::new("azure-snp").unwrap()),
        of("name", name("n")),
        of("flow", Flow::Rotate),
        of("role", Role::Seat),
        of("epoch", KeyEpoch::FIRST),
        of("code", Code::INTERNAL),
        of("millis", Bounded::<0, 86_400_000>::new(86_400_000).unwrap()),
        of("utime", time(0)),
        of("pubkey", ed25519),
        of("pubkey", p256),
        of("lock", LockState::Open),
        of("lock", locked()),
        of("root", root(1)),
        of("root", Root { data: None, ..root(1) }),
        of("root", Root { identity: None, ..root(1) }),
        of("diskkey", DiskKey { epoch: KeyEpoch::FIRST, key: secret(1) }),
        of("header", header()),
        of("expect", Expected::default()),
        of("hello", hello),
        of("evidence", evidence),
        of("item", item()),
        of("verdict", Verdict { code: Code::ACCEPTED, transcript: [0xee; 32], retry_after: wait }),
        of("refusal", Refusal { code: Code::BUSY, retry_after: wait, policy_epoch: Some(7) }),
        of("refusal", Refusal { code: Code::TIMEOUT, retry_after: None, policy_epoch: None }),
        of("enrol", Enrolment::None),
        of("enrol", enrolment()),
        of("floors", floors()),
        of("genesis", genesis()),
        of("genesis-in", request()),
        of("genesis-in", GenesisRequest::from(genesis())),
        of("authority", authority()),
        of("share", share()),
        of(
            "node-config",
            NodeConfig {
                agent: AgentConfig::new(b"{}".to_vec()).unwrap(),
                authority: Some(authority()),
                cluster: Some(CLUSTER),
                register: 15,
            },
        ),
    ];
    for claims in claims() {
        all.push(of(claims_rule(&claims), claims.clone()));
        all.push(of("claims", claims));
    }
    for (rule, message) in messages() {
        all.extend(bare(rule, &message));
        all.push(of("message", message));
    }
    for grant in grants() {
        if matches!(grant, Grant::Join(_)) {
            all.push(Sample { rule: "join-ticket", bytes: written(&grant), again: again::<Grant> });
        }
        all.push(of(grant_rule(&grant), grant));
    }
    for statement in statements() {
        if let Statement::Policy(policy) = &statement {
            all.push(of("refset", policy.sets[0].clone()));
            all.push(of("replace", policy.replacements[0].clone()));
            all.extend(policy.rules.iter().map(|rule| of("rule", rule.clone())));
            all.push(of("revoked", policy.revoked.clone()));
            all.push(of("limits", policy.limits.clone()));
        }
        all.push(of(statement_rule(&statement), statement.clone()));
        all.push(of("statement", statement));
    }
    let signed_again = |bytes: &[u8]| match Signed::from_bytes(bytes) {
        Ok(signed) => Ok((signed.to_bytes(), 0)),
        Err(Error::Malformed(malformed)) => Err(malformed),
        Err(error) => panic!("{error}"),
    };
    all.push(Sample { rule: "signed", bytes: signed().to_bytes(), again: signed_again });
    all
}
