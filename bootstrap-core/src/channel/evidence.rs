//! Evidence frames: what the host is asked to make, what it answers, and what its judge is given of the peer's.

use core::fmt;

use attest_core::x509::Certificate;
use sha2::{Digest, Sha256};

use super::binding::{Binding, Hellos, Side, Slot, finish_256};
use super::error::{Error, Misuse};
use super::guard::{self, holds};
use super::terms::Terms;
use crate::wire::{
    Bounded, Cmw, Companions, Der, EncodedClaims, Evidence, Flow, FrameKind, Item, Kind, List,
};

/// Evidence that this end owes: what to make, and what to bind it to. The claims are the host's to choose, so it computes the slots.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EvidenceRequest {
    pub(super) flow: Flow,
    pub(super) kinds: Vec<Kind>,
    pub(super) side: Side,
    pub(super) exported: [u8; 32],
    pub(super) own_key: Option<[u8; 32]>,
    pub(super) peer_key: Option<[u8; 32]>,
    pub(super) hellos: Hellos,
}

impl EvidenceRequest {
    /// The flow that it is for.
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// The kinds that this end can show and the peer accepts. Others are refused there.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The binding of evidence that goes with these claims; its slots are what items commit to.
    pub fn binding(&self, claims: &EncodedClaims) -> Binding {
        Binding::of(self.side, &self.exported, self.own_key, self.peer_key, &self.hellos, claims.as_bytes())
    }
}

impl fmt::Debug for EvidenceRequest {
    /// The exported value stays out: whoever has it can bind evidence to this session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvidenceRequest")
            .field("flow", &self.flow)
            .field("kinds", &self.kinds)
            .field("side", &self.side)
            .field("hellos", &self.hellos)
            .finish_non_exhaustive()
    }
}

/// What the host answers: the claims, items over the slots of their binding, and the chain of a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is what an Evidence frame carries")]
pub struct OwnEvidence {
    /// The claims that the slots were computed with.
    pub claims: EncodedClaims,
    /// The items; slots ascend.
    pub items: List<Item, 0, 8>,
    /// The certificate chain, leaf first. Its key is the TLS key of this end.
    pub chain: Option<List<Der, 1, 4>>,
}

impl OwnEvidence {
    pub(super) fn into_body(self) -> Result<Vec<u8>, Misuse> {
        let Self { claims, items, chain } = self;
        let body = Evidence { items, claims, chain }.to_bytes();
        match body.len() <= FrameKind::Evidence.limit() {
            true => Ok(body),
            false => Err(Misuse::TooLarge),
        }
    }
}

/// One item, from its parts.
///
/// # Errors
/// [`crate::wire::Error::Count`] for a part that is larger than the wire allows.
pub fn item(
    slot: Bounded<0, 7>,
    kind: Kind,
    companions: Vec<u8>,
    evidence: Vec<u8>,
) -> Result<Item, crate::wire::Error> {
    Ok(Item { slot, kind, companions: Companions::new(companions)?, cmw: Cmw::new(evidence)? })
}

/// What the peer showed, each item with the slot that it must commit to. Nothing in it is believed but the slots, which this end
/// computed, and that the chain's leaf has the TLS key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct JudgeRequest {
    /// The flow.
    pub flow: Flow,
    /// Which end showed it.
    pub side: Side,
    /// The items with their slots.
    pub items: Vec<(Item, Slot)>,
    /// The peer's request.
    pub claims: EncodedClaims,
    /// The chain, leaf first.
    pub chain: Option<List<Der, 1, 4>>,
}

/// The guards of C2: shape, kinds, slots in order, what is demanded, and the chain's key. `asked` is whether this end wants evidence.
pub(super) fn read(
    body: &[u8],
    terms: &Terms,
    side: Side,
    asked: bool,
    peer_key: Option<[u8; 32]>,
    binding: impl FnOnce(&[u8]) -> Binding,
) -> Result<JudgeRequest, Error> {
    let Evidence { items, claims, chain } = Evidence::from_bytes(body)?;
    let mut last = None;
    for item in &items {
        let accepted = asked && terms.accepts.contains(&item.kind);
        if !holds(guard::KINDS, accepted) {
            return Err(Error::Kind(item.kind.as_str().to_owned()));
        }
        let ascends = last.is_none_or(|last| last < item.slot);
        if !holds(guard::SLOTS_ASCEND, ascends) {
            return Err(Error::SlotOrder(item.slot.number()));
        }
        last = Some(item.slot);
    }
    if asked
        && let Some(missing) = terms.demand.unmet(items.iter().map(|item| &item.kind), chain.is_some())
        && !holds(guard::DEMAND, false)
    {
        return Err(Error::Demand(missing));
    }
    if let Some([leaf, ..]) = chain.as_deref() {
        let key = Certificate::parse(leaf.as_bytes()).map_err(crate::wire::Error::Malformed)?;
        let key = finish_256(Sha256::new_with_prefix(key.spki()));
        if !holds(guard::CHAIN_KEY, peer_key == Some(key)) {
            return Err(Error::ChainKey);
        }
    }
    let binding = binding(claims.as_bytes());
    let slot = |item: Item| {
        let number = u8::try_from(item.slot.number()).unwrap_or(u8::MAX);
        let slot = binding.slot(number, item.kind.as_str(), item.companions.as_bytes());
        (item, slot)
    };
    let items = items.into_vec().into_iter().map(slot).collect();
    Ok(JudgeRequest { flow: terms.flow, side, items, claims, chain })
}
