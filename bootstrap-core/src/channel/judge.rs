//! From evidence to belief: attest-core over this channel's slots, proofs of keys, a member's chain. The only place that makes a
//! [`Peer`].
//!
//! Order of work, cheapest first (protocol section 11): claims, slots by comparison of bytes, then signatures, then policy.

use std::time::Duration;

use attest_core::checks::{Class, Outcome};
use attest_core::claims::{Claims as TeeClaims, Root};
use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::policy::{Accepted, Policy, PolicyError, Rejected, Verdict};
use attest_core::tee::snp::Report;
use attest_core::tee::snp::checks::verify::REPORT_DATA;
use attest_core::tee::vtpm::checks::verify::EXTRA_DATA;
use attest_core::values::Nonce;
use attest_core::{Context, Expect, Format, Store, TrustAnchors, UnixTime, Verifier};
use sha2::{Digest, Sha256};

use super::batch::BadPlace;
use super::binding::{Side, Slot, companions, finish_256};
use super::evidence::JudgeRequest;
use super::guard::{self, holds};
use super::proof::{BadProof, KEY, MAC, check_key, check_mac};
use super::record::Record;
use crate::error::Code;
use crate::ids::{BootId, ClusterId, ConfigDigest, MachineId, ReferenceSetId};
use crate::keys::{ClusterCaKey, KeyError, NodeCertificate, Secret};
use crate::peer::{Facts, LockClaim, Peer, SameNode, SameNodeClass};
use crate::wire::{self, Claims, Flow, Item, Kind, LockClass, LockState};

/// The kind of an item with an SNP report.
pub const SNP: &str = "snp";
/// The kind of an item with TPM quotes.
pub const TPM: &str = "tpm";

/// The PCR that locks a node to its cluster (protocol section 5, registers).
const LOCK_PCR: u8 = 15;

/// One set of reference values, with its rules read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a set of the policy statement, as far as a judge needs it")]
pub struct ReferenceSet {
    /// Its id.
    pub id: ReferenceSetId,
    /// The kind of evidence that it is for.
    pub kind: Kind,
    /// Its rules.
    pub policy: Policy,
    /// It accepts nothing from here on.
    pub not_after: UnixTime,
}

impl ReferenceSet {
    /// The set of a policy statement.
    ///
    /// # Errors
    /// [`PolicyError`] if its rules are no policy.
    pub fn read(set: &wire::ReferenceSet) -> Result<Self, PolicyError> {
        // Bytes that are no text have no policy either: the reader says what it misses.
        let rules = std::str::from_utf8(set.rules.as_bytes()).unwrap_or_default();
        let policy = Policy::from_json(rules)?;
        Ok(Self { id: set.id, kind: set.kind.clone(), policy, not_after: set.not_after })
    }
}

/// A cluster whose members are believed by their chain. From genesis and transitions; a joiner takes them from the peer's claims once
/// the genesis has the cluster id that it knows.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an id and its keys")]
pub struct Cluster<'a> {
    /// Its id.
    pub id: &'a ClusterId,
    /// Its CA keys, by epoch.
    pub keys: &'a [ClusterCaKey],
}

/// All that a verdict depends on besides the evidence. All of it is required.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "whoever judges must say all of it")]
pub struct Judge<'a> {
    /// Who does the arithmetic.
    pub provider: &'a CryptoProvider,
    /// Whom the host trusts.
    pub anchors: &'a TrustAnchors,
    /// The collateral at hand.
    pub store: &'a Store,
    /// The wall clock.
    pub now: UnixTime,
    /// The sets that are accepted. None accepts nothing.
    pub sets: &'a [ReferenceSet],
    /// How long a verdict lives at most.
    pub lifetime: Duration,
    /// Finds a secret that a `mac` item may prove, by its id.
    pub secrets: &'a dyn Fn(&[u8; 16]) -> Option<Secret>,
    /// The cluster whose chains are believed; without one, a chain is refused.
    pub cluster: Option<Cluster<'a>>,
}

/// Why a peer is not believed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Disbelief {
    /// A chain came, and no cluster is known here.
    #[error("a certificate chain came, and no cluster is known here")]
    ChainUnasked,
    /// The chain does not hold.
    #[error("certificate chain: {0}")]
    Chain(#[from] KeyError),
    /// The claims are not those of the flow and the side.
    #[error("claims: not those that the {side:?} of flow {flow:?} makes")]
    ClaimsKind {
        /// The flow.
        flow: Flow,
        /// Who made them.
        side: Side,
    },
    /// Items of several TEEs that are not tied to one another.
    #[error("evidence of several devices, and nothing ties them together")]
    Composite,
    /// The evidence carries another configuration than the claims.
    #[error("configuration: claimed {claimed}, the evidence carries {shown}")]
    Configuration {
        /// What the claims say.
        claimed: ConfigDigest,
        /// What HOST_DATA says.
        shown: ConfigDigest,
    },
    /// Evidence of another format than its kind says, or of a kind that nobody reads.
    #[error("evidence of kind `{0}` is not read here, or is another one's")]
    Kind(String),
    /// The evidence stands over something else than this channel's slot.
    #[error("`{kind}`: not over this channel's slot")]
    NotBound {
        /// The kind of the item.
        kind: String,
    },
    /// A place in a batch that no batch has.
    #[error(transparent)]
    Place(#[from] BadPlace),
    /// The policy refuses: the first set of this kind, or none has the kind.
    #[error("no set accepts the `{kind}` evidence")]
    Policy {
        /// The kind of the item.
        kind: String,
        /// What the sets found, in their order.
        rejections: Vec<(ReferenceSetId, Box<Rejected>)>,
    },
    /// A key or a secret is not proven.
    #[error("`{kind}`: {why}")]
    Proof {
        /// The kind of the item.
        kind: &'static str,
        /// What is wrong.
        why: BadProof,
    },
    /// The evidence is not genuine, or cannot be judged.
    #[error(transparent)]
    Refused(#[from] attest_core::Refused),
    /// Claims or a record are not what the protocol says.
    #[error(transparent)]
    Wire(#[from] wire::Error),
}

impl Disbelief {
    /// What the peer is told.
    pub fn code(&self) -> Code {
        match self {
            Self::ChainUnasked | Self::Chain(_) => Code::NO_MEMBER,
            Self::ClaimsKind { .. } | Self::Place(_) => Code::WRONG_VALUE,
            Self::Composite | Self::NotBound { .. } => Code::NOT_BOUND,
            Self::Configuration { .. } => Code::CONFIGURATION,
            Self::Kind(_) => Code::KIND,
            Self::Policy { rejections, .. } => {
                let fresher = |(_, rejected): &(_, Box<Rejected>)| rejected.only_collateral_is_missing();
                if rejections.iter().any(fresher) { Code::COLLATERAL } else { Code::POLICY }
            }
            Self::Proof { .. } => Code::KEY_PROOF,
            Self::Refused(refused) => match refused.error.class() {
                Class::Missing => Code::COLLATERAL,
                Class::Unsupported => Code::KIND,
                Class::Policy => Code::POLICY,
                Class::Mismatch | Class::Untrusted | Class::Malformed => Code::UNTRUSTED,
            },
            Self::Wire(error) => error.code(),
        }
    }
}

impl Judge<'_> {
    /// Judges what a peer showed on one channel.
    ///
    /// # Errors
    /// [`Disbelief`], the first that is found.
    pub fn judge(&self, request: &JudgeRequest) -> Result<Peer, Disbelief> {
        let mut facts = Facts::nothing(self.now.as_secs().saturating_add(self.lifetime.as_secs()));
        let claimed = Claimed::read(request)?;
        let mut tees = Vec::new();
        for (item, slot) in &request.items {
            let proof = |kind, why| Disbelief::Proof { kind, why };
            match item.kind.as_str() {
                KEY => {
                    let key = check_key(item.companions.as_bytes(), item.cmw.as_bytes(), slot);
                    facts.keys.push(key.map_err(|why| proof(KEY, why))?);
                }
                MAC => {
                    let (named, shown) = (item.companions.as_bytes(), item.cmw.as_bytes());
                    let id = check_mac(named, shown, slot, self.secrets);
                    facts.macs.push(id.map_err(|why| proof(MAC, why))?);
                }
                _ => tees.push((item, self.verify(item, slot, &mut facts)?)),
            }
        }
        check_composite(&tees)?;
        tees.iter().for_each(|(_, accepted)| take_claims(accepted.claims(), &mut facts));
        if let Some(chain) = &request.chain {
            let cluster = self.cluster.ok_or(Disbelief::ChainUnasked)?;
            let leaf = chain.first().map_or(&[][..], |leaf| leaf.as_bytes());
            let member = NodeCertificate::verify(leaf, cluster.id, cluster.keys, self.now.as_secs())?.member;
            // The last second of a certificate still counts.
            facts.valid_until = facts.valid_until.min(member.not_after.saturating_add(1));
            facts.member = Some(member);
        }
        claimed.add_to(&mut facts, &tees)?;
        Ok(Peer::assertion(facts))
    }

    fn verify(&self, item: &Item, slot: &Slot, facts: &mut Facts) -> Result<Accepted, Disbelief> {
        let kind = item.kind.as_str();
        let read = Record::read(item.cmw.as_bytes()).map_err(wire::Error::from)?;
        let (data, evidence) = match &read {
            Record::Plain(evidence) => (*slot.as_bytes(), evidence),
            Record::Batch(place, evidence) => (place.report_data(slot)?, evidence),
        };
        let not_bound = || Disbelief::NotBound { kind: kind.to_owned() };
        let expect = match (kind, evidence.format) {
            (SNP, Format::Snp) => {
                // Asked before any signature is checked, because anybody can dial and send a report.
                let carried = Report::parse(&evidence.bytes).map_err(attest_core::Refused::from)?;
                let carried = carried.fields().report_data();
                if !holds(guard::SLOT, carried == data) {
                    return Err(not_bound());
                }
                Expect::ReportData(carried)
            }
            (TPM, Format::Vtpm) => {
                let nonce = Nonce::new(&Slot::from_bytes(data).short()).ok_or_else(not_bound)?;
                Expect::Nonce(nonce)
            }
            _ => return Err(Disbelief::Kind(kind.to_owned())),
        };
        let context = Context::new(self.provider, self.anchors, self.now, expect);
        let verified =
            Verifier::new().verify(evidence, self.store, &context).map_err(|refused| {
                match refused.error.check_id() {
                    Some(id) if id == REPORT_DATA.id || id == EXTRA_DATA.id => not_bound(),
                    _ => Disbelief::Refused(refused),
                }
            })?;
        let mut accepted = None;
        let mut rejections = Vec::new();
        let live = |set: &&ReferenceSet| set.kind == item.kind && self.now < set.not_after;
        for set in self.sets.iter().filter(live) {
            match set.policy.judge(verified.clone()) {
                Verdict::Accepted(verdict) => {
                    facts.sets.push(set.id);
                    facts.valid_until = facts.valid_until.min(set.not_after.as_secs());
                    accepted = accepted.or(Some(verdict));
                }
                Verdict::Rejected(rejected) => rejections.push((set.id, Box::new(rejected))),
            }
        }
        accepted.ok_or_else(|| Disbelief::Policy { kind: kind.to_owned(), rejections })
    }
}

/// Several devices are one machine only if the hardware's report names the TPM's key, in companions that its slot commits to.
fn check_composite(tees: &[(&Item, Accepted)]) -> Result<(), Disbelief> {
    let name = |accepted: &Accepted| match accepted.claims() {
        TeeClaims::Vtpm(claims) => claims.ak_name().map(|name| companions(&[name.as_bytes()])),
        TeeClaims::Snp(_) | TeeClaims::Tdx(_) | _ => None,
    };
    match tees {
        [] => Ok(()),
        // Companions of one device alone would name a key that nobody shows.
        [(only, _)] if only.companions.as_bytes().is_empty() => Ok(()),
        [(one, a), (two, b)] => {
            let (hardware, key) = if one.kind.as_str() == TPM { (two, name(a)) } else { (one, name(b)) };
            let tied =
                hardware.kind.as_str() == SNP && key.is_some_and(|key| key == hardware.companions.as_bytes());
            if holds(guard::COMPOSITE, tied) { Ok(()) } else { Err(Disbelief::Composite) }
        }
        _ => Err(Disbelief::Composite),
    }
}

fn take_claims(claims: &TeeClaims, facts: &mut Facts) {
    let root = claims.root();
    facts.root = Some(facts.root.map_or(root, |other| weaker(other, root)));
    let mut until = u64::MAX;
    match claims {
        TeeClaims::Snp(claims) => {
            until = claims.valid_until();
            let chip = claims.chip_id();
            if chip.iter().any(|octet| *octet != 0) {
                let machine = MachineId::new(finish_256(Sha256::new_with_prefix(chip)));
                facts.machine = Some(machine);
                let id = machine.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::Platform, id });
            }
            for key in &facts.keys {
                let id = key.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::SnpKey, id });
            }
        }
        TeeClaims::Tdx(claims) => {
            until = claims.valid_until();
            if let Some(platform) = claims.pck().piid() {
                let machine = MachineId::new(finish_256(Sha256::new_with_prefix(platform)));
                facts.machine = Some(machine);
                let id = machine.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::Platform, id });
            }
        }
        TeeClaims::Vtpm(claims) => {
            if let Some(certificate) = claims.certificate() {
                until = certificate.not_after().saturating_add(1);
            }
            if let Some(name) = claims.ak_name() {
                // The hardware's chip says more than a TPM that it hosts.
                let machine = MachineId::new(finish_256(Sha256::new_with_prefix(name.as_bytes())));
                facts.machine = facts.machine.or(Some(machine));
                let id = name.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::Tpm, id });
            }
            let register = claims.pcrs().get(HashAlgorithm::Sha256, LOCK_PCR);
            facts.register = register.and_then(|value| value.as_bytes().try_into().ok());
        }
        _ => {}
    }
    facts.valid_until = facts.valid_until.min(until);
}

/// Which of two roots the peer must answer for.
const fn weaker(one: Root, other: Root) -> Root {
    const fn rank(root: Root) -> u8 {
        match root {
            Root::Hardware => 2,
            Root::CloudVtpm => 1,
            Root::Caller | _ => 0,
        }
    }
    if rank(one) < rank(other) { one } else { other }
}

/// What the claims say of the node that makes them.
struct Claimed {
    lock: Option<LockState>,
    configuration: Option<ConfigDigest>,
    boot: Option<BootId>,
}

impl Claimed {
    fn read(request: &JudgeRequest) -> Result<Self, Disbelief> {
        let JudgeRequest { flow, side, .. } = *request;
        let claims = Claims::from_bytes(request.claims.as_bytes())?;
        if !holds(guard::CLAIMS, fits(flow, side, &claims)) {
            return Err(Disbelief::ClaimsKind { flow, side });
        }
        let node =
            |lock, config, boot| Self { lock: Some(lock), configuration: Some(config), boot: Some(boot) };
        Ok(match claims {
            Claims::Node(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Join(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Rejoin(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Renew(claims) => node(claims.lock, claims.config, claims.boot),
            Claims::Service(claims) => Self { lock: Some(claims.lock), configuration: None, boot: None },
            Claims::Init(_) | Claims::Recover(_) | Claims::Author(_) => {
                Self { lock: None, configuration: None, boot: None }
            }
        })
    }

    fn add_to(self, facts: &mut Facts, tees: &[(&Item, Accepted)]) -> Result<(), Disbelief> {
        facts.lock = self.lock.map(|lock| match lock {
            LockState::Open => LockClaim::Open,
            LockState::Locked { class: LockClass::Software, cluster } => LockClaim::Software(cluster),
            LockState::Locked { class: LockClass::TpmPcr, cluster } => LockClaim::Pcr(cluster),
            LockState::Locked { class: LockClass::Rtmr, cluster } => LockClaim::Rtmr(cluster),
        });
        (facts.configuration, facts.boot) = (self.configuration, self.boot);
        for (_, accepted) in tees {
            for entry in accepted.checks().iter().filter(|entry| entry.outcome == Outcome::Warned) {
                facts.warnings.push(entry.check.id);
            }
            let TeeClaims::Snp(claims) = accepted.claims() else { continue };
            let shown = ConfigDigest::new(claims.report().host_data());
            // All zero is a VM that was started without: the digest is then the image's word, and the facts say so.
            let Some(claimed) = self.configuration.filter(|_| *shown.as_bytes() != [0; 32]) else { continue };
            if !holds(guard::CONFIGURATION, shown == claimed) {
                return Err(Disbelief::Configuration { claimed, shown });
            }
            facts.configuration_in_evidence = true;
        }
        Ok(())
    }
}

/// The table of flows in protocol section 4: who claims what.
const fn fits(flow: Flow, side: Side, claims: &Claims) -> bool {
    match (flow, side) {
        (Flow::Init, Side::Client) => matches!(claims, Claims::Init(_)),
        (Flow::Join, Side::Client) => matches!(claims, Claims::Join(_)),
        (Flow::Rejoin, Side::Client) => matches!(claims, Claims::Rejoin(_)),
        (Flow::Recover, Side::Client) => matches!(claims, Claims::Recover(_)),
        (Flow::Renew, Side::Client) => matches!(claims, Claims::Renew(_)),
        (Flow::Statement | Flow::Probe | Flow::Rotate, Side::Client) => matches!(claims, Claims::Author(_)),
        (Flow::Init | Flow::Recover, Side::Server) => matches!(claims, Claims::Node(_)),
        (Flow::Probe, Side::Server) => matches!(claims, Claims::Node(_) | Claims::Service(_)),
        (Flow::Join | Flow::Rejoin | Flow::Statement | Flow::Renew | Flow::Rotate, Side::Server) => {
            matches!(claims, Claims::Service(_))
        }
    }
}
