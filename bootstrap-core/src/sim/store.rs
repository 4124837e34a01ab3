//! The store behind the join services of one cluster. It stands for an etcd: a transaction is one step here; what a real one adds is time
//! and the loss of a quorum, and both are the world's to give.

use core::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::machine::facts::PolicyTip;
use crate::machine::store::{MemoryStore, Stored, Transaction};

use super::law::{Content, Law};
use super::symbol::Policy;

/// The store of one cluster, with what its newest policy says.
#[derive(Clone, Debug, Default)]
pub struct ClusterStore {
    store: MemoryStore,
    content: Option<Rc<Content>>,
}

impl ClusterStore {
    /// Applies a transaction, or says why not.
    pub fn apply(&mut self, transaction: &Transaction, quorum: bool) -> Stored {
        let stored = self.store.apply(transaction, quorum);
        if matches!((transaction, &stored), (Transaction::Publish { .. }, Stored::Applied(_))) {
            self.read();
        }
        stored
    }

    /// Puts policies in that were checked.
    pub fn publish(&mut self, tip: PolicyTip, statements: impl IntoIterator<Item = Vec<u8>>) {
        self.store.publish(tip, statements);
        self.read();
    }

    /// The newest policy, as services judge by it.
    pub fn law(&self) -> Option<Law> {
        Some(Law { tip: self.store.tip()?, content: self.content.clone()? })
    }

    fn read(&mut self) {
        let newest = self.store.policies().last().and_then(|bytes| Policy::from_bytes(bytes));
        self.content = newest.and_then(|policy| Content::from_bytes(&policy.content)).map(Rc::new);
    }
}

impl Deref for ClusterStore {
    type Target = MemoryStore;

    fn deref(&self) -> &MemoryStore {
        &self.store
    }
}

impl DerefMut for ClusterStore {
    fn deref_mut(&mut self) -> &mut MemoryStore {
        &mut self.store
    }
}
