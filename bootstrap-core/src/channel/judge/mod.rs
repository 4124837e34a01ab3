//! From evidence to belief: attest-core over this channel's slots, proofs of keys, a member's chain. The only place that makes a
//! [`Peer`].
//!
//! Order of work, cheapest first (protocol section 11): claims, slots by comparison of bytes, then signatures, then policy.

mod claimed;
mod composite;
mod disbelief;
mod facts;

use std::time::Duration;

use attest_core::checks::Outcome;
use attest_core::crypto::CryptoProvider;
use attest_core::policy::{Accepted, Policy, PolicyError, Verdict};
use attest_core::tee::snp::Report;
use attest_core::tee::snp::checks::verify::REPORT_DATA;
use attest_core::tee::vtpm::checks::verify::EXTRA_DATA;
use attest_core::values::Nonce;
use attest_core::{Context, Expect, Format, Store, TrustAnchors, UnixTime, Verifier};

use super::binding::Slot;
use super::evidence::JudgeRequest;
use super::guard::{self, holds};
use super::proof::{KEY, MAC, check_key, check_mac};
use super::record::Record;
use crate::ids::{ClusterId, ReferenceSetId};
use crate::keys::{ClusterCaKey, NodeCertificate, Secret};
use crate::peer::{Facts, Peer};
use crate::wire::{self, Item, Kind};
use claimed::Claimed;
use composite::{MOST_DEVICES, check_composite};
pub use disbelief::Disbelief;

/// The kind of an item with an SNP report.
pub const SNP: &str = "snp";
/// The kind of an item with TPM quotes.
pub const TPM: &str = "tpm";

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
                // Told before the signatures of one more device are checked.
                _ if tees.len() >= MOST_DEVICES => return Err(Disbelief::Composite),
                _ => tees.push((item, self.verify(item, slot, &mut facts)?)),
            }
        }
        check_composite(&tees)?;
        tees.iter().for_each(|(_, accepted)| facts::take_claims(accepted.claims(), &mut facts));
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
                    add_warnings(&verdict, facts);
                    accepted = accepted.or(Some(verdict));
                }
                Verdict::Rejected(rejected) => rejections.push((set.id, Box::new(rejected))),
            }
        }
        accepted.ok_or_else(|| Disbelief::Policy { kind: kind.to_owned(), rejections })
    }
}

/// Whichever of the accepting sets a rule names later, what it warned of is known.
fn add_warnings(accepted: &Accepted, facts: &mut Facts) {
    for entry in accepted.checks().iter().filter(|entry| entry.outcome == Outcome::Warned) {
        if !facts.warnings.contains(&entry.check.id) {
            facts.warnings.push(entry.check.id);
        }
    }
}
