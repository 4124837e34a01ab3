//! The channel under honest hosts and under attack. Each attack is also made without the guard that stops it, and succeeds then.

mod attacks;
mod chain;
mod devices;
mod honest;
mod ladder;
mod legacy;
mod proofs;
mod relay;
mod symbolic;
mod transport;

use std::cell::RefCell;
use std::time::Duration;

use attest_core::checks::Outcome;
use attest_core::claims::Root;
use attest_core::policy::Policy;
use attest_core::rules::OneOf as Listed;
use attest_core::tee::snp;
use attest_core::{Evidence, Format, Store, TrustAnchors, UnixTime, crypto};
use vectors_generate::{CertSpec, CrlSpec, Platform, Product, Role, time};

use super::batch::Batch;
use super::binding::Binding;
use super::error::Misuse;
use super::evidence::{EvidenceRequest, JudgeRequest, OwnEvidence, item};
use super::guard;
use super::judge::{Cluster, Disbelief, Judge, ReferenceSet, SNP};
use super::machine::{Ended, Judgement};
use super::record::Record;
use super::session::{ChannelEvent, Session};
use super::terms::{Config, Demand, OneOf, Terms};
use super::tls::Identity;
use crate::ids::{BootId, ClusterId, ConfigDigest, ReferenceSetId};
use crate::keys::{ClusterCaKey, Secret};
use crate::peer::Peer;
use crate::time::Instant;
use crate::wire::{
    AuthorClaims, Bounded, Claims, Der, EncodedClaims, Expected, Flow, Item, Kind, List, LockState,
    NodeClaims, Order,
};

/// The set that accepts the test guests.
const SET: ReferenceSetId = ReferenceSetId::new([0x5e; 32]);
/// How long a verdict lives by the test policy.
const LIFETIME: Duration = Duration::from_secs(600);

fn wall() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time::unix(time::NOW)))
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn kind(name: &str) -> Kind {
    Kind::new(name).unwrap()
}

/// A genuine SNP guest that quotes what its own channel asks for.
#[derive(Clone)]
struct Guest {
    chip: Platform,
    host_data: [u8; 32],
}

impl Guest {
    fn new(number: u32) -> Self {
        Self { chip: Platform::numbered(Product::Genoa, number), host_data: [0; 32] }
    }

    fn quote(&self, report_data: [u8; 64]) -> Evidence {
        let report = self.chip.report(5).with(|report| {
            report.report_data = report_data;
            report.host_data = self.host_data;
        });
        let mut evidence = Evidence::new(Format::Snp, report.signed_with(&self.chip.vcek_key()));
        let line = self.chip.product.line();
        for certificate in [self.chip.vcek().build(), CertSpec::ca(line, Role::Ask).build()] {
            evidence.carried.add(&certificate).unwrap();
        }
        evidence
    }
}

/// What a host believes, and when.
struct World {
    anchors: TrustAnchors,
    store: Store,
    sets: Vec<ReferenceSet>,
    now: UnixTime,
    cluster: Option<(ClusterId, Vec<ClusterCaKey>)>,
    secrets: Vec<([u8; 16], [u8; 32])>,
}

impl World {
    fn new() -> Self {
        let line = Product::Genoa.line();
        let mut anchors = snp::Anchors::none();
        anchors.add_root(snp::ProductLine::Genoa, &CertSpec::ca(line, Role::Ark).build()).unwrap();
        let mut store = Store::new();
        store.add(&CrlSpec::new(line).build()).unwrap();
        let mut policy = snp::Policy::strict(snp::MARCH_2026, Listed::Any);
        policy.roots = Listed::only(Root::Caller);
        let set = ReferenceSet {
            id: SET,
            kind: kind(SNP),
            policy: Policy::for_snp(policy),
            not_after: UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX / 2)),
        };
        let mut anchors = TrustAnchors::new(anchors);
        anchors.vtpm.add_key(devices::trusted_ak());
        Self {
            anchors,
            store,
            sets: vec![set, devices::set()],
            now: wall(),
            cluster: Some(chain::known()),
            secrets: proofs::KNOWN.into(),
        }
    }

    fn judge(&self, request: &JudgeRequest) -> Result<Peer, Disbelief> {
        let secret = |id: &[u8; 16]| {
            let (_, secret) = self.secrets.iter().find(|(known, _)| known == id)?;
            Secret::new("secret", secret).ok()
        };
        let judge = Judge {
            provider: &crypto::aws_lc_rs::PROVIDER,
            anchors: &self.anchors,
            store: &self.store,
            now: self.now,
            sets: &self.sets,
            lifetime: LIFETIME,
            secrets: &secret,
            cluster: self.cluster.as_ref().map(|(id, keys)| Cluster { id, keys }),
        };
        judge.judge(request)
    }
}

thread_local! {
    // Built once: a chain has RSA signatures of 4096 bits.
    static WORLD: World = World::new();
}

/// Makes an item for the slot of this number.
type Show = dyn Fn(&Binding, u8) -> Item;

/// What one end's host does and has seen.
struct Host {
    guest: Option<Guest>,
    claims: EncodedClaims,
    /// Items beside the guest's report, each made for the slot of this number.
    more: Vec<Box<Show>>,
    chain: Option<List<Der, 1, 4>>,
    /// Where set, evidence waits here for one report over all of it.
    batch: Option<Vec<EvidenceRequest>>,
    opened: Vec<Peer>,
    reopened: Vec<(Peer, bool)>,
    closed: Option<Ended>,
    messages: usize,
    disbelief: RefCell<Option<Disbelief>>,
}

impl Host {
    fn new(guest: Option<Guest>, claims: &Claims) -> Self {
        Self {
            guest,
            claims: claims.encode_bytes().unwrap(),
            more: Vec::new(),
            chain: None,
            batch: None,
            opened: Vec::new(),
            reopened: Vec::new(),
            closed: None,
            messages: 0,
            disbelief: RefCell::new(None),
        }
    }

    fn on(&mut self, session: &mut Session, event: ChannelEvent, now: Instant) {
        match event {
            ChannelEvent::ProduceEvidence(request) => match &mut self.batch {
                Some(waiting) => waiting.push(request),
                None => answered(session.evidence(self.make(&request), now)),
            },
            ChannelEvent::Judge(request) => answered(session.judged(self.judge(&request, now), now)),
            ChannelEvent::Opened { peer, .. } => self.opened.push(peer),
            ChannelEvent::Reopened { peer, claims } => self.reopened.push((peer, claims.is_some())),
            ChannelEvent::Message(_) => self.messages += 1,
            ChannelEvent::Closed(ended) => self.closed = Some(ended),
            ChannelEvent::Wait(_) => {}
        }
    }

    fn make(&self, request: &EvidenceRequest) -> OwnEvidence {
        let binding = request.binding(&self.claims);
        let shows = request.kinds().contains(&kind(SNP));
        let report = self.guest.iter().filter(|_| shows).map(|guest| {
            let slot = binding.slot(0, SNP, b"");
            snp_item(&Record::Plain(guest.quote(*slot.as_bytes())))
        });
        let mut items: Vec<_> = report.collect();
        for make in &self.more {
            items.push(make(&binding, u8::try_from(items.len()).unwrap()));
        }
        self.evidence(items)
    }

    fn evidence(&self, items: Vec<Item>) -> OwnEvidence {
        let items = List::new(items).unwrap();
        OwnEvidence { claims: self.claims.clone(), items, chain: self.chain.clone() }
    }

    fn judge(&self, request: &JudgeRequest, now: Instant) -> Judgement {
        match WORLD.with(|world| world.judge(request)) {
            Ok(peer) => Judgement::accepted(peer, now, wall()),
            Err(disbelief) => {
                let code = disbelief.code();
                *self.disbelief.borrow_mut() = Some(disbelief);
                Judgement::Rejected { code, retry_after: None }
            }
        }
    }

    fn code(&self) -> Option<u8> {
        self.closed.as_ref().map(|ended| ended.code().number())
    }
}

/// An answer that comes after the end is lost, and that is all that may be wrong with it.
fn answered(result: Result<(), Misuse>) {
    assert!(matches!(result, Ok(()) | Err(Misuse::Ended)), "{result:?}");
}

fn snp_item(record: &Record) -> Item {
    item_at(0, SNP, b"", record.to_bytes())
}

fn item_at(number: u8, name: &str, companions: &[u8], evidence: Vec<u8>) -> Item {
    item(Bounded::clamped(number.into()), kind(name), companions.to_vec(), evidence).unwrap()
}

fn author() -> Claims {
    Claims::Author(AuthorClaims { cluster: ClusterId::new([0xc1; 32]) })
}

fn node() -> Claims {
    Claims::Node(NodeClaims {
        lock: LockState::Open,
        config: ConfigDigest::new([0xcf; 32]),
        boot: BootId::new([0xb0; 16]),
        header: None,
        generation: None,
    })
}

fn kinds(names: &[&str]) -> List<Kind, 0, 8> {
    List::new(names.iter().map(|name| kind(name)).collect()).unwrap()
}

/// Terms of a probe: the kinds that this end shows, and those that it demands of the other one, each of them.
fn showing(shows: &[&str], demands: &[&str], order: Order) -> Terms {
    let each = demands.iter().map(|name| OneOf::Kinds(vec![kind(name)]));
    let demand = if demands.is_empty() { Demand::Nothing } else { Demand::All(each.collect()) };
    Terms { flow: Flow::Probe, shows: kinds(shows), accepts: kinds(demands), demand, order }
}

/// Terms of a probe between SNP guests: who shows, and what is demanded of the other end.
fn terms(shows: bool, demands: bool, order: Order) -> Terms {
    let kinds = |yes: bool| if yes { &[SNP][..] } else { &[] };
    showing(kinds(shows), kinds(demands), order)
}

fn client(terms: Terms, seed: u8) -> Config {
    Config::client(terms, Expected::default(), Expected::default(), [seed; 32]).unwrap()
}

fn server(terms: Terms, seed: u8) -> Config {
    Config::server(vec![terms], Expected::default(), Expected::default(), [seed; 32]).unwrap()
}

fn session(config: Config, identity: &Identity) -> Session {
    Session::new(config, identity, at(0), wall()).unwrap()
}

/// Two ends of one connection, each with a host.
struct Pair {
    ends: [Session; 2],
    hosts: [Host; 2],
}

impl Pair {
    /// Mutual attestation in this order.
    fn mutual(order: Order) -> Self {
        Self::new(terms(true, true, order), terms(true, true, order))
    }

    fn new(client_terms: Terms, server_terms: Terms) -> Self {
        Self::with_server(client_terms, server_terms, &Identity::ephemeral().unwrap())
    }

    fn with_server(client_terms: Terms, server_terms: Terms, identity: &Identity) -> Self {
        Self {
            ends: [
                session(client(client_terms, 1), &Identity::ephemeral().unwrap()),
                session(server(server_terms, 2), identity),
            ],
            hosts: [Host::new(Some(Guest::new(1)), &author()), Host::new(Some(Guest::new(2)), &node())],
        }
    }

    fn run(&mut self, now: Instant) -> [usize; 2] {
        let hosts = &mut self.hosts;
        super::pump::pump(&mut self.ends, now, |at, session, event| hosts[at].on(session, event, now))
    }

    /// Both ends open, each to the other's chip.
    fn assert_open(&self) {
        for (at, host) in self.hosts.iter().enumerate() {
            assert_eq!(self.ends[at].state(), "C5", "end {at}: {:?} {:?}", host.closed, host.disbelief);
            assert_eq!(host.opened.len(), 1, "end {at}");
        }
    }
}
