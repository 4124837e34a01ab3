//! What one end wants of a channel: local policy, told to the peer and never negotiated.

use super::binding::Side;
use super::error::Misuse;
use crate::wire::{Expected, Flow, Kind, List, Order};

/// The wire versions of this crate, ascending.
pub const VERSIONS: [u16; 1] = [1];

/// What the other end must show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between a demand and none")]
pub enum Demand {
    /// Nothing. Written out: it is a decision.
    Nothing,
    /// All of these.
    All(Vec<OneOf>),
}

/// One demand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "evidence and chain are all that an Evidence frame has")]
pub enum OneOf {
    /// Evidence of at least one of these kinds.
    Kinds(Vec<Kind>),
    /// The certificate chain of a cluster's member.
    Chain,
}

/// The terms of one flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "whoever opens a channel must say all of it")]
pub struct Terms {
    /// The flow.
    pub flow: Flow,
    /// Kinds of evidence that this end can show.
    pub shows: List<Kind, 0, 8>,
    /// Kinds of evidence that this end accepts.
    pub accepts: List<Kind, 0, 8>,
    /// What the peer must show.
    pub demand: Demand,
    /// Who shows first.
    pub order: Order,
}

/// All that a channel needs to know of its own end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    pub(super) side: Side,
    pub(super) versions: List<u16, 1, 8>,
    pub(super) terms: Vec<Terms>,
    pub(super) expects: Expected,
    pub(super) own: Expected,
    pub(super) seed: [u8; 32],
}

impl Config {
    /// The dialling end of one flow.
    ///
    /// `expects` is whom it wants, `own` is who it is: a peer that expects somebody else is refused. `seed` must be fresh: the
    /// nonces of all Hellos come from it.
    ///
    /// # Errors
    /// [`Misuse::Terms`] if the terms contradict each other.
    pub fn client(terms: Terms, expects: Expected, own: Expected, seed: [u8; 32]) -> Result<Self, Misuse> {
        Self::new(Side::Client, vec![terms], expects, own, seed)
    }

    /// The end that was dialled, with the terms of each flow that it serves.
    ///
    /// # Errors
    /// [`Misuse::Terms`] if there are none, two for one flow, or if they contradict each other.
    pub fn server(
        terms: Vec<Terms>,
        expects: Expected,
        own: Expected,
        seed: [u8; 32],
    ) -> Result<Self, Misuse> {
        Self::new(Side::Server, terms, expects, own, seed)
    }

    fn new(
        side: Side,
        terms: Vec<Terms>,
        expects: Expected,
        own: Expected,
        seed: [u8; 32],
    ) -> Result<Self, Misuse> {
        let twice = |at: usize, terms: &[Terms], flow| {
            terms.iter().skip(at.saturating_add(1)).any(|t| t.flow == flow)
        };
        if terms.is_empty() || terms.iter().enumerate().any(|(at, one)| twice(at, &terms, one.flow)) {
            return Err(Misuse::Terms("each flow has terms once, and there is at least one"));
        }
        terms.iter().try_for_each(Terms::check)?;
        let versions = List::new(VERSIONS.to_vec()).map_err(|_| Misuse::Terms("versions"))?;
        Ok(Self { side, versions, terms, expects, own, seed })
    }
}

impl Terms {
    /// What is demanded must be accepted, and what is accepted and not demanded is no demand at all.
    fn check(&self) -> Result<(), Misuse> {
        // Protocol section 4, additions e: an operator shows who it is only to a node that it believes.
        if matches!(self.flow, Flow::Init | Flow::Recover) && self.order != Order::ServerFirst {
            return Err(Misuse::Terms("init and recover: the server shows first"));
        }
        let demands = match &self.demand {
            Demand::Nothing => return Ok(()),
            Demand::All(demands) => demands,
        };
        if demands.is_empty() {
            return Err(Misuse::Terms("a demand for nothing is written `Nothing`"));
        }
        let accepted = |demand: &OneOf| match demand {
            OneOf::Chain => true,
            OneOf::Kinds(kinds) => !kinds.is_empty() && kinds.iter().all(|kind| self.accepts.contains(kind)),
        };
        match demands.iter().all(accepted) {
            true => Ok(()),
            false => Err(Misuse::Terms("a kind is demanded that is not accepted, or one of no kinds")),
        }
    }
}

impl Demand {
    /// The first demand that neither these kinds nor a chain meet. A Hello cannot promise a chain, so it is not asked for one.
    pub(super) fn unmet<'a>(
        &self,
        shown: impl Iterator<Item = &'a Kind> + Clone,
        chain: bool,
    ) -> Option<&'static str> {
        let Self::All(demands) = self else { return None };
        demands.iter().find_map(|demand| match demand {
            OneOf::Chain => (!chain).then_some("a certificate chain"),
            OneOf::Kinds(kinds) => {
                let met = shown.clone().any(|kind| kinds.contains(kind));
                (!met).then_some("evidence of another kind")
            }
        })
    }
}
