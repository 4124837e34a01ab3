//! The line of the cluster's CA keys: from the genesis over each transition (section 10).

use super::chain::{PolicyChain, kind_of};
use super::fault::Fault;
use super::signers::{demand_threshold, hash, signers};
use crate::ids::{ClusterId, KeyEpoch, StatementHash};
use crate::keys::{CheckValue, ClusterCaKey, cluster_id};
use crate::peer::PublicKey;
use crate::wire::{CaKey, Encoded, Genesis, Signed, Statement, Transition, TransitionPhase};

/// The most epochs whose roots live at once (section 10).
const MAX_LIVE: usize = 4;

/// The CA keys that stand, and where a rotation is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CaChain {
    cluster: ClusterId,
    /// The live epochs, ascending; the last one is a rotation's until it is committed.
    live: Vec<CaEpoch>,
    committed: KeyEpoch,
    counter: u32,
    last: StatementHash,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CaEpoch {
    epoch: KeyEpoch,
    ca: CaKey,
    data_check: Option<CheckValue>,
}

impl CaChain {
    /// The line at genesis: epoch 1.
    ///
    /// # Errors
    /// [`Fault::Content`] for a genesis without a key of P-256.
    pub fn of(genesis: &Encoded<Genesis>) -> Result<Self, Fault> {
        let cluster = cluster_id(genesis.bytes())
            .map_err(|_| Fault::Content { field: "genesis", problem: "longer than 65535 bytes" })?;
        let Genesis { ca, data_check, .. } = genesis.value().clone();
        let first = CaEpoch { epoch: KeyEpoch::FIRST, ca, data_check };
        first.public_key()?;
        let last = StatementHash::new(*cluster.as_bytes());
        Ok(Self { cluster, live: vec![first], committed: KeyEpoch::FIRST, counter: 0, last })
    }

    /// A transition by the operators and both CA keys. The very transition that came last changes nothing.
    ///
    /// # Errors
    /// [`Fault`], and this line stays as it is.
    pub fn follow(&self, signed: &Signed, policies: &PolicyChain) -> Result<Self, Fault> {
        let next = self.follow_ca_keys(signed)?;
        demand_threshold(signed, policies.authority())?;
        Ok(next)
    }

    /// A transition by both CA keys alone. For whoever has no policy yet and must tell a service of the cluster from a stranger: the
    /// operators' signatures are demanded by [`CaChain::follow`] once the policies have come, before a key is used.
    ///
    /// # Errors
    /// [`Fault`], and this line stays as it is.
    pub fn follow_ca_keys(&self, signed: &Signed) -> Result<Self, Fault> {
        let statement = Statement::from_payload(&signed.payload)?;
        let actual = kind_of(&statement);
        let Statement::Transition(transition) = statement else {
            return Err(Fault::Kind { expected: "transition", actual });
        };
        if transition.cluster != self.cluster {
            return Err(Fault::OtherCluster { expected: self.cluster, actual: transition.cluster });
        }
        let shown = hash(&signed.payload);
        if transition.counter == self.counter && shown == self.last {
            return Ok(self.clone());
        }
        if transition.counter <= self.counter {
            return Err(self.not_next(signed, &transition, shown));
        }
        let expected = self.counter.saturating_add(1);
        if transition.counter != expected {
            return Err(Fault::Sequence { what: "transition", expected, actual: transition.counter });
        }
        let (from, to) = (self.at(transition.from).cloned(), self.after(&transition));
        let next = Self { counter: transition.counter, last: shown, ..self.step(&transition)? };
        for epoch in [from, to] {
            let key = epoch
                .ok_or(Fault::KeyEpoch { expected: self.committed, actual: transition.to })?
                .public_key()?;
            if signers(signed, [&key].into_iter())?.is_empty() {
                return Err(Fault::NotSigned { key: key.id() });
            }
        }
        Ok(next)
    }

    /// Why a transition with a counter of old is refused: a fork, if the CA signed it.
    fn not_next(&self, signed: &Signed, transition: &Transition, shown: StatementHash) -> Fault {
        let (held, number) = (self.last, transition.counter);
        let key = self.at(transition.from).map(CaEpoch::public_key);
        match key {
            Some(Ok(key))
                if number == self.counter
                    && signers(signed, [&key].into_iter()).is_ok_and(|by| !by.is_empty()) =>
            {
                Fault::Forked { what: "transition", number, held, shown }
            }
            _ => Fault::Old { what: "transition", held: self.counter, actual: number },
        }
    }

    /// The line behind a transition whose counter is the next one.
    fn step(&self, transition: &Transition) -> Result<Self, Fault> {
        let content = |field, problem| Err(Fault::Content { field, problem });
        let mut next = self.clone();
        let pending = self.live.last().map(|last| last.epoch).filter(|last| *last != self.committed);
        let brings_key = transition.ca.is_some() || transition.data_check.is_some();
        if brings_key != (transition.phase == TransitionPhase::Begin) {
            return content("CA key", "it stands in the beginning of a rotation, and only there");
        }
        let due = |expected: KeyEpoch, actual: KeyEpoch| match expected == actual {
            true => Ok(()),
            false => Err(Fault::KeyEpoch { expected, actual }),
        };
        match (transition.phase, pending) {
            (TransitionPhase::Begin, None) => {
                due(self.committed, transition.from)?;
                let following = self.committed.next();
                due(following.unwrap_or(self.committed), transition.to)?;
                let Some(ca) = transition.ca.clone().filter(|_| following.is_some()) else {
                    return content("CA key", "there is none");
                };
                if self.live.iter().any(|epoch| epoch.ca == ca) {
                    return content("CA key", "another epoch has it");
                }
                if self.live.len() >= MAX_LIVE {
                    return content("phase", "four epochs live: one must be retired first");
                }
                next.live.push(CaEpoch { epoch: transition.to, ca, data_check: transition.data_check });
            }
            (TransitionPhase::Commit, Some(pending)) => {
                due(self.committed, transition.from)?;
                due(pending, transition.to)?;
                next.committed = pending;
            }
            (TransitionPhase::Abort, Some(pending)) => {
                due(self.committed, transition.from)?;
                due(pending, transition.to)?;
                next.live.pop();
            }
            (TransitionPhase::Retire, None) => {
                due(self.committed, transition.to)?;
                let oldest = self.live.first().map_or(self.committed, |oldest| oldest.epoch);
                due(oldest, transition.from)?;
                if oldest == self.committed {
                    return content("phase", "the only epoch cannot be retired");
                }
                next.live.remove(0);
            }
            (TransitionPhase::Begin | TransitionPhase::Retire, Some(_)) => {
                return content("phase", "a rotation is under way: commit it or abort it first");
            }
            (TransitionPhase::Commit | TransitionPhase::Abort, None) => {
                return content("phase", "no rotation is under way");
            }
        }
        Ok(next)
    }

    /// The epoch after a transition: a live one, or the one that it begins.
    fn after(&self, transition: &Transition) -> Option<CaEpoch> {
        let begun = transition.ca.clone().map(|ca| CaEpoch { epoch: transition.to, ca, data_check: None });
        begun.or_else(|| self.at(transition.to).cloned())
    }

    fn at(&self, epoch: KeyEpoch) -> Option<&CaEpoch> {
        self.live.iter().find(|live| live.epoch == epoch)
    }

    /// The epoch that new certificates and secrets come from.
    pub const fn committed(&self) -> KeyEpoch {
        self.committed
    }

    /// The live epochs, ascending.
    pub fn live(&self) -> Vec<KeyEpoch> {
        self.live.iter().map(|live| live.epoch).collect()
    }

    /// The counter of the last transition; 0 before the first.
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// The CA keys of the live epochs: certificates of any of them hold.
    ///
    /// # Errors
    /// [`Fault::Content`] never, as each key was read when it came.
    pub fn ca_keys(&self) -> Result<Vec<ClusterCaKey>, Fault> {
        self.live.iter().map(CaEpoch::key).collect()
    }

    /// The check of an epoch's data root, if one is known.
    pub fn data_check(&self, epoch: KeyEpoch) -> Option<CheckValue> {
        self.at(epoch)?.data_check
    }
}

impl CaEpoch {
    fn key(&self) -> Result<ClusterCaKey, Fault> {
        let problem = "no SubjectPublicKeyInfo of P-256";
        ClusterCaKey::new(self.epoch, self.ca.as_bytes())
            .map_err(|_| Fault::Content { field: "CA key", problem })
    }

    fn public_key(&self) -> Result<PublicKey, Fault> {
        Ok(self.key()?.public_key())
    }
}
