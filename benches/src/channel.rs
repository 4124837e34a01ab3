//! One attested mutual handshake between two SNP guests, and the bare arithmetic that it cannot do without.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use attest_core::claims::Root;
use attest_core::crypto::CryptoProvider;
use attest_core::rules::OneOf as Listed;
use attest_core::tee::snp;
use attest_core::{Context, Evidence, Expect, Format, Policy, Store, TrustAnchors, UnixTime, Verifier};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_FIXED, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use bootstrap_core::channel::evidence::{OwnEvidence, item};
use bootstrap_core::channel::judge::{Judge, ReferenceSet, SNP};
use bootstrap_core::channel::machine::Judgement;
use bootstrap_core::channel::pump::pump;
use bootstrap_core::channel::record::Record;
use bootstrap_core::channel::session::{ChannelEvent, Session};
use bootstrap_core::channel::terms::{Config, Demand, OneOf, Terms};
use bootstrap_core::channel::tls::Identity;
use bootstrap_core::ids::{BootId, ClusterId, ConfigDigest, ReferenceSetId};
use bootstrap_core::time::Instant;
use bootstrap_core::wire::{
    AuthorClaims, Bounded, Claims, EncodedClaims, Expected, Flow, Kind, List, LockState, NodeClaims, Order,
};
use rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
use vectors_generate::{CertSpec, CrlSpec, Platform, Product, Role, time};

thread_local! {
    /// Nanoseconds in which a guest's firmware signed: no work of the ends.
    static FIRMWARE: Cell<f64> = const { Cell::new(0.0) };
}

/// This thread's own time but for the firmware's.
pub fn cpu_without_firmware() -> f64 {
    crate::cpu() - FIRMWARE.get()
}

/// Two guests that know each other's chip, so that their chains are warm.
#[derive(Debug)]
pub struct ChannelFixture {
    guests: [Guest; 2],
    identities: [Identity; 2],
    claims: [EncodedClaims; 2],
    anchors: TrustAnchors,
    store: Store,
    sets: Vec<ReferenceSet>,
    /// A report with its key and signature, for the arithmetic alone.
    report: Vec<u8>,
    key: Vec<u8>,
    tls_key: Vec<u8>,
}

fn wall() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time::unix(time::NOW)))
}

fn kind() -> Kind {
    Kind::new(SNP).expect("a kind")
}

/// A chip with its certificates.
#[derive(Debug)]
struct Guest {
    chip: Platform,
    certificates: [Vec<u8>; 2],
}

impl Guest {
    fn new(number: u32) -> Self {
        let chip = Platform::numbered(Product::Genoa, number);
        let certificates = [chip.vcek().build(), CertSpec::ca(chip.product.line(), Role::Ask).build()];
        Self { chip, certificates }
    }

    fn quote(&self, report_data: [u8; 64]) -> Evidence {
        let start = crate::cpu();
        let report = self.chip.report(5).with(|report| report.report_data = report_data);
        let report = report.signed_with(&self.chip.vcek_key());
        FIRMWARE.set(FIRMWARE.get() + crate::cpu() - start);
        let mut evidence = Evidence::new(Format::Snp, report);
        for certificate in &self.certificates {
            evidence.carried.add(certificate).expect("our own certificate");
        }
        evidence
    }
}

impl ChannelFixture {
    /// The guests, their chains proven.
    ///
    /// # Panics
    /// If the generator and the verifier do not agree.
    pub fn new(provider: &CryptoProvider) -> Self {
        let line = Product::Genoa.line();
        let mut roots = snp::Anchors::none();
        let ark = CertSpec::ca(line, Role::Ark).build();
        roots.add_root(snp::ProductLine::Genoa, &ark).expect("our own root");
        let anchors = TrustAnchors::new(roots);
        let mut store = Store::new();
        store.add(&CrlSpec::new(line).build()).expect("our own list");
        let guests = [1, 2].map(Guest::new);
        for guest in &guests {
            let context = Context::new(provider, &anchors, wall(), Expect::AnyReportData);
            Verifier::new().warm(&guest.quote([0; 64]), &mut store, &context).expect("the chain holds");
        }
        let mut policy = snp::Policy::strict(snp::MARCH_2026, Listed::Any);
        policy.roots = Listed::only(Root::Caller);
        let not_after = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX / 2));
        let set = ReferenceSet {
            id: ReferenceSetId::new([1; 32]),
            kind: kind(),
            policy: Policy::for_snp(policy),
            not_after,
        };
        let client = Claims::Author(AuthorClaims { cluster: ClusterId::new([1; 32]) });
        let server = Claims::Node(NodeClaims {
            lock: LockState::Open,
            config: ConfigDigest::new([2; 32]),
            boot: BootId::new([3; 16]),
            header: None,
            generation: None,
        });
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("entropy");
        Self {
            report: guests[0].quote([0; 64]).bytes,
            key: guests[0].chip.vcek_key().sec1(),
            identities: [(); 2].map(|()| Identity::ephemeral().expect("entropy")),
            claims: [client, server].map(|claims| claims.encode_bytes().expect("short")),
            tls_key: key.to_pkcs8v1().expect("a key").as_ref().to_vec(),
            sets: vec![set],
            guests,
            anchors,
            store,
        }
    }

    /// One connection from its first byte until both ends believe each other.
    ///
    /// # Panics
    /// If it does not open.
    pub fn handshake(&self, provider: &CryptoProvider) {
        let now = Instant::from_millis(0);
        let kinds = || List::new(vec![kind()]).expect("one kind");
        let terms = Terms {
            flow: Flow::Probe,
            shows: kinds(),
            accepts: kinds(),
            demand: Demand::All(vec![OneOf::Kinds(vec![kind()])]),
            order: Order::Both,
        };
        let nobody = Expected::default;
        let [one, two] = &self.identities;
        let client = Config::client(terms.clone(), nobody(), nobody(), [1; 32]).expect("terms");
        let server = Config::server(vec![terms], nobody(), nobody(), [2; 32]).expect("terms");
        let mut ends = [
            Session::new(client, one, now, wall()).expect("a client"),
            Session::new(server, two, now, wall()).expect("a server"),
        ];
        let judge = Judge {
            provider,
            anchors: &self.anchors,
            store: &self.store,
            now: wall(),
            sets: &self.sets,
            lifetime: Duration::from_secs(600),
            secrets: &|_| None,
            cluster: None,
        };
        let mut opened = 0;
        pump(&mut ends, now, |at, end, event| match event {
            ChannelEvent::ProduceEvidence(request) => {
                let claims = &self.claims[at];
                let slot = request.binding(claims).slot(0, SNP, b"");
                let record = Record::Plain(self.guests[at].quote(*slot.as_bytes()));
                let item = item(Bounded::clamped(0), kind(), Vec::new(), record.to_bytes());
                let items = List::new(vec![item.expect("short")]).expect("one item");
                let evidence = OwnEvidence { claims: claims.clone(), items, chain: None };
                end.evidence(evidence, now).expect("it was asked for");
            }
            ChannelEvent::Judge(request) => {
                let peer = judge.judge(&request).expect("the peer is genuine");
                end.judged(Judgement::accepted(peer, now, wall()), now).expect("it was asked for");
            }
            ChannelEvent::Opened { .. } => opened += 1,
            ChannelEvent::Closed(ended) => panic!("{ended:?}"),
            ChannelEvent::Reopened { .. } | ChannelEvent::Message(_) | ChannelEvent::Wait(_) | _ => {}
        });
        assert_eq!(opened, 2, "both ends open");
    }

    /// What both ends must compute, whatever surrounds it: one key exchange, a signature of each end and its check, and the
    /// check of each end's report.
    ///
    /// # Panics
    /// If a signature does not hold.
    pub fn arithmetic(&self) {
        let client = X25519MLKEM768.start().expect("entropy");
        let server = X25519MLKEM768.start_and_complete(client.pub_key()).expect("a share");
        black_box(client.complete(&server.pub_key).expect("a share"));
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.tls_key).expect("a key");
        // What TLS 1.3 signs: 64 spaces, a label, a zero and a hash.
        let message = [0x20; 64 + 33 + 1 + 48];
        for _ in 0..2 {
            let signature = key.sign(&SystemRandom::new(), black_box(&message)).expect("entropy");
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
            public.verify(&message, signature.as_ref()).expect("it was signed just now");
        }
        let report = snp::Report::parse(&self.report).expect("our own report");
        let (signed, signature) = (report.signed_bytes(), report.signature());
        for _ in 0..2 {
            let public = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &self.key);
            public.verify(black_box(signed), &signature).expect("the report is signed");
        }
    }
}
