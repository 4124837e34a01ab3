//! The line of rescues: who is left after a loss (section 9).

use std::collections::BTreeSet;

use super::chain::{PolicyChain, kind_of};
use super::fault::Fault;
use super::signers::{demand_threshold, hash};
use crate::ids::{ClusterId, NodeId, StatementHash};
use crate::wire::{Rescue, Signed, Statement};

/// What the rescues of a cluster have said so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RescueChain {
    cluster: ClusterId,
    epoch: u32,
    last: StatementHash,
    /// All nodes that a rescue cast out: none comes back under its id.
    cast_out: BTreeSet<NodeId>,
}

impl RescueChain {
    /// The line before the first rescue: recovery epoch 0.
    pub const fn of(cluster: ClusterId) -> Self {
        Self { cluster, epoch: 0, last: StatementHash::new(*cluster.as_bytes()), cast_out: BTreeSet::new() }
    }

    /// A rescue by the operators of the policies that are held. The very rescue that came last changes nothing.
    ///
    /// # Errors
    /// [`Fault`], and this line stays as it is.
    pub fn follow(&self, signed: &Signed, policies: &PolicyChain) -> Result<Self, Fault> {
        let statement = Statement::from_payload(&signed.payload)?;
        let actual = kind_of(&statement);
        let Statement::Rescue(rescue) = statement else {
            return Err(Fault::Kind { expected: "rescue", actual });
        };
        if rescue.cluster != self.cluster {
            return Err(Fault::OtherCluster { expected: self.cluster, actual: rescue.cluster });
        }
        let shown = hash(&signed.payload);
        if rescue.epoch == self.epoch && shown == self.last {
            return Ok(self.clone());
        }
        demand_threshold(signed, policies.authority())?;
        let (held, number) = (self.last, rescue.epoch);
        let expected = self.epoch.saturating_add(1);
        if number == self.epoch {
            return Err(Fault::Forked { what: "rescue", number, held, shown });
        }
        if number < self.epoch {
            return Err(Fault::Old { what: "rescue", held: self.epoch, actual: number });
        }
        if number != expected {
            return Err(Fault::Sequence { what: "rescue", expected, actual: number });
        }
        if rescue.previous != self.last {
            return Err(Fault::Forked { what: "rescue", number: self.epoch, held, shown: rescue.previous });
        }
        Ok(Self { epoch: number, last: shown, cast_out: self.left(&rescue)?, ..self.clone() })
    }

    fn left(&self, rescue: &Rescue) -> Result<BTreeSet<NodeId>, Fault> {
        let kept: BTreeSet<_> = rescue.kept.iter().copied().collect();
        let out: BTreeSet<_> = rescue.cast_out.iter().copied().collect();
        if !kept.is_disjoint(&out) {
            return Err(Fault::Content { field: "rescue", problem: "a node is kept and cast out" });
        }
        if !kept.is_disjoint(&self.cast_out) {
            return Err(Fault::Content { field: "rescue", problem: "a node that was cast out is kept" });
        }
        Ok(self.cast_out.union(&out).copied().collect())
    }

    /// The recovery epoch; 0 before the first rescue.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The hash of the last rescue; the cluster id before the first.
    pub const fn last(&self) -> StatementHash {
        self.last
    }

    /// Whether a rescue cast this node out.
    pub fn is_cast_out(&self, node: &NodeId) -> bool {
        self.cast_out.contains(node)
    }
}
