//! What is known of a cluster, all of it public: its genesis, its policies, its CA keys. Held here, because it is what secrets are
//! compared with, and what certificates are issued by.

use attest_core::UnixTime;

use super::{Error, Keyring};
use crate::authority::{CaChain, PolicyChain, PolicyTip};
use crate::ids::{ClusterId, KeyEpoch};
use crate::keys::cluster_id;
use crate::wire::{Encoded, Genesis, Signed, Statement};

/// One cluster.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) genesis: Encoded<Genesis>,
    pub(super) policies: PolicyChain,
    /// The statements of the policies, in order.
    pub(super) statements: Vec<Signed>,
    pub(super) ca: CaChain,
    /// The transitions that led to the CA keys, in order.
    pub(super) transitions: Vec<Signed>,
}

/// How many clusters are known at once. A node has one, and meets no other that is not pinned or chosen.
const MAX_KNOWN: usize = 64;

impl Known {
    /// A cluster of which nothing but the genesis is known.
    pub(super) fn of(genesis: Encoded<Genesis>) -> Result<Self, Error> {
        Ok(Self {
            policies: PolicyChain::of(&genesis)?,
            ca: CaChain::of(&genesis)?,
            statements: Vec::new(),
            transitions: Vec::new(),
            genesis,
        })
    }

    /// Policies that come next, each by one.
    pub(super) fn publish(&self, statements: &[Signed], now: UnixTime) -> Result<Self, Error> {
        let mut next = self.clone();
        for signed in statements {
            let before = next.policies.tip();
            next.policies = next.policies.publish(signed, now)?;
            if next.policies.tip() != before {
                next.statements.push(signed.clone());
            }
        }
        Ok(next)
    }

    /// Policies and transitions that somebody shows, of which some may be known.
    pub(super) fn catch_up(&self, statements: &[Signed], now: UnixTime) -> Result<Self, Error> {
        let mut next = self.clone();
        for signed in statements {
            if let Statement::Transition(_) = Statement::from_payload(&signed.payload)? {
                let before = next.ca.counter();
                next.ca = next.ca.follow(signed, &next.policies)?;
                if next.ca.counter() != before {
                    next.transitions.push(signed.clone());
                }
                continue;
            }
            let before = next.policies.tip();
            next.policies = next.policies.catch_up([signed], now)?;
            if next.policies.tip() != before {
                next.statements.push(signed.clone());
            }
        }
        Ok(next)
    }

    /// The cluster as it was at this policy; `None` says before the first.
    pub(super) fn at(&self, held: Option<PolicyTip>) -> Result<Self, Error> {
        match held {
            None => Self::of(self.genesis.clone()),
            held if held == self.policies.tip() => Ok(self.clone()),
            Some(_) => Err(Error::Missing { what: "chain of policies up to the one that is held" }),
        }
    }
}

impl Keyring {
    /// Takes in a genesis: of the claims of a service that was believed, of a disk, of a state file.
    ///
    /// # Errors
    /// [`Error::Statement`] for one that could never lead anywhere; [`Error::Full`] if too many clusters are known.
    pub fn learn(&mut self, genesis: Encoded<Genesis>) -> Result<ClusterId, Error> {
        let cluster = cluster_id(genesis.bytes())?;
        if !self.known.contains_key(&cluster) {
            if self.known.len() >= MAX_KNOWN {
                return Err(Error::Full { held: self.known.len() });
            }
            self.known.insert(cluster, Known::of(genesis)?);
        }
        Ok(cluster)
    }

    /// Takes in policies and transitions of a cluster that is known: of a node's disk when it starts, of the store.
    ///
    /// # Errors
    /// [`Error::Statement`], and all is as it was.
    pub fn learn_statements(
        &mut self,
        cluster: &ClusterId,
        statements: &[Signed],
        now: UnixTime,
    ) -> Result<(), Error> {
        let next = self.known(cluster)?.catch_up(statements, now)?;
        self.known.insert(*cluster, next);
        Ok(())
    }

    /// The genesis of a cluster that is known.
    pub fn genesis(&self, cluster: &ClusterId) -> Option<&Encoded<Genesis>> {
        self.known.get(cluster).map(|known| &known.genesis)
    }

    /// The CA keys of a cluster that is known, and the transitions that led to them.
    pub fn ca(&self, cluster: &ClusterId) -> Option<(&CaChain, &[Signed])> {
        self.known.get(cluster).map(|known| (&known.ca, known.transitions.as_slice()))
    }

    /// The statements of a cluster's policies, as far as they are known, in order.
    pub fn statements(&self, cluster: &ClusterId) -> &[Signed] {
        self.known.get(cluster).map_or(&[], |known| &known.statements)
    }

    /// The policies of a cluster, as far as they are known.
    pub fn policies(&self, cluster: &ClusterId) -> Option<&PolicyChain> {
        self.known.get(cluster).map(|known| &known.policies)
    }

    pub(super) fn known(&self, cluster: &ClusterId) -> Result<&Known, Error> {
        self.known.get(cluster).ok_or(Error::Missing { what: "genesis of that cluster" })
    }

    /// Takes up roots that were made before their cluster had an id: those of a node-born custody, whose genesis the node completed.
    /// It must be the one that was sent, but for the CA key.
    pub(super) fn adopt_born(&mut self, cluster: &ClusterId) -> Result<(), Error> {
        let Some((request, roots)) = &self.unborn else { return Ok(()) };
        let roots = *roots;
        let genesis = self.known(cluster)?.genesis.value();
        let completed = request.complete(genesis.ca.clone());
        let check = self.roots(roots)?.data(KeyEpoch::FIRST)?.check()?;
        let same = completed.as_ref() == Some(genesis) && genesis.data_check == Some(check);
        if !same {
            return Err(Error::Wrong { what: "genesis" });
        }
        self.adopt(*cluster, roots)
    }
}
