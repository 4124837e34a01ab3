//! What is asked about material that came from somebody else.

use attest_core::UnixTime;

use super::roots::{Roots, check_data, check_identity};
use super::{Error, Keyring, Material, missing};
use crate::authority::{CaChain, PolicyChain};
use crate::ids::{ClusterId, NodeId};
use crate::keys::{DataRoot, Handle, IdentityRoot, MasterSecret, NodeCertificate, Salt, cluster_id, shares};
use crate::wire::{Der, Encoded, Genesis, Grant, InitKeys, List, Root, SecretKind, Signed};

/// What a ticket is compared with.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "every part of it is asked for")]
pub struct TicketCheck<'a> {
    /// The cluster's genesis.
    pub genesis: &'a Encoded<Genesis>,
    /// This node.
    pub node: NodeId,
    /// The policies held so far.
    pub held: &'a PolicyChain,
    /// Wall time.
    pub now: UnixTime,
}

impl Keyring {
    /// Node: do the roots of this Grant 1 belong to the genesis? For a node-born custody the identity root that was made here counts.
    /// From then on the grant's handle stands for both roots.
    ///
    /// # Errors
    /// [`Error::Wrong`] if they do not; [`Error::Handle`] for a handle that does not stand for a Grant 1 with roots.
    pub fn check_roots(
        &mut self,
        grant: Handle,
        identity: Option<Handle>,
        genesis: &Encoded<Genesis>,
    ) -> Result<(), Error> {
        let fixed = CaChain::of(genesis)?;
        let salt = Salt::new(genesis.value().salt)?;
        let found = self.material.get(&grant);
        let Some(Material::Grant { grant: held, .. }) = found else {
            return Err(missing(grant, "init grant", found));
        };
        let Grant::Init(init) = held.as_ref() else { return Err(missing(grant, "init grant", found)) };
        let cluster = cluster_id(genesis.bytes())?;
        if init.cluster != cluster {
            return Err(Error::Wrong { what: "cluster" });
        }
        let InitKeys::Roots(roots) = &init.keys else {
            return Err(missing(grant, "init grant with roots", found));
        };
        let mut believed = Roots::believed(roots, salt, &fixed)?;
        if let Some(born) = identity {
            let root = self.roots(born)?.identity(init.epoch)?.duplicate();
            check_identity(&root, &fixed)?;
            believed = believed.with_identity(root)?;
        }
        // Both, or the node could not go on.
        if believed.identity(init.epoch).is_err() || believed.data(init.epoch).is_err() {
            return Err(Error::Wrong { what: "pair of roots" });
        }
        self.replace(grant, Material::Roots(believed));
        Ok(())
    }

    /// Node: is this ticket's certificate one of the cluster, for this node and the key of this boot, and do its policies go on from
    /// those held? Gives the chain that they lead to. Roots that a seat's ticket brings are compared as well, and from then on the ticket's handle
    /// stands for them too.
    ///
    /// # Errors
    /// [`Error`] with the code 28, 31, 37, 38 or 50, by what does not hold.
    pub fn check_ticket(&mut self, grant: Handle, check: &TicketCheck<'_>) -> Result<PolicyChain, Error> {
        let held = self.grant(grant)?;
        let ticket = Ticket::of(held).ok_or_else(|| missing(grant, "ticket", self.material.get(&grant)))?;
        let cluster = cluster_id(check.genesis.bytes())?;
        if ticket.cluster != cluster {
            return Err(Error::NotMine { what: "cluster" });
        }
        let policies = check.held.catch_up(ticket.policies, check.now)?;
        // Each transition by the operators that the newest policy names, before a key of it is used.
        let fixed = ticket
            .transitions
            .iter()
            .try_fold(CaChain::of(check.genesis)?, |chain, signed| chain.follow(signed, &policies))?;
        let own = self.node_key.as_ref().ok_or(Error::Missing { what: "node key" })?;
        let certificate = certificate(ticket.chain, &cluster, &fixed, check.now)?;
        let said = &certificate.member;
        if certificate.key != own.public_key() || said.node != check.node || ticket.node != check.node {
            return Err(Error::NotMine { what: "certificate" });
        }
        if said.generation != ticket.generation {
            return Err(Error::NotMine { what: "generation" });
        }
        let salt = Salt::new(check.genesis.value().salt)?;
        let roots = ticket.roots.map(|roots| Roots::believed(roots, salt, &fixed)).transpose()?;
        if let Some(Material::Grant { believed, .. }) = self.material.get_mut(&grant) {
            *believed = roots;
        }
        Ok(policies)
    }

    /// The statements that a ticket brings: policies, then transitions.
    pub(super) fn statements_of(&self, grant: Handle) -> Result<Vec<Signed>, Error> {
        let ticket = Ticket::of(self.grant(grant)?);
        let ticket = ticket.ok_or_else(|| missing(grant, "ticket", self.material.get(&grant)))?;
        Ok([ticket.policies, ticket.transitions].concat())
    }

    /// Node: does this share belong to its set, and is it of this cluster and of the set of those that are held?
    ///
    /// # Errors
    /// [`Error::Key`], with the share that is to blame.
    pub fn check_share(&self, share: Handle, cluster: &ClusterId, with: Option<Handle>) -> Result<(), Error> {
        let share = self.share(share)?;
        shares::check(share)?;
        shares::check_cluster(share, cluster)?;
        match with {
            Some(with) => Ok(shares::check_same_set(share, self.share(with)?)?),
            None => Ok(()),
        }
    }

    /// Combines shares and compares what comes out with the genesis or a transition. The shares stay held.
    ///
    /// # Errors
    /// [`Error::Key`], with the share that is to blame; [`Error::Wrong`] if all of them fit and the secret does not.
    pub fn combine_shares(
        &mut self,
        handles: &[Handle],
        genesis: &Encoded<Genesis>,
        fixed: &CaChain,
    ) -> Result<Handle, Error> {
        let held: Vec<_> = handles.iter().map(|handle| self.share(*handle)).collect::<Result<_, _>>()?;
        let secret = shares::combine(&held)?;
        let Some(first) = held.first() else { return Err(Error::Wrong { what: "shares" }) };
        let (epoch, kind) = (first.epoch, first.secret);
        let cluster = cluster_id(genesis.bytes())?;
        shares::check_cluster(first, &cluster)?;
        let salt = Salt::new(genesis.value().salt)?;
        let mut roots = Roots::new(salt);
        match kind {
            SecretKind::Master => {
                let all = Roots::of_master(MasterSecret::new(secret, salt, epoch), salt)?;
                check_identity(all.identity(epoch)?, fixed)?;
                check_data(all.data(epoch)?, fixed)?;
                roots = all;
            }
            SecretKind::Identity => {
                let root = IdentityRoot::new(secret, salt, epoch);
                check_identity(&root, fixed)?;
                roots.add(super::EpochRoots { identity: Some(root), data: None })?;
            }
            SecretKind::Data => {
                let root = DataRoot::new(secret, salt, epoch);
                check_data(&root, fixed)?;
                roots.add(super::EpochRoots { identity: None, data: Some(root) })?;
            }
        }
        self.hold_roots(roots)
    }
}

/// Operator: is this the certificate of that node in the cluster of this genesis?
///
/// # Errors
/// [`Error`] with the code 28.
pub fn check_result(
    genesis: &Encoded<Genesis>,
    node: &NodeId,
    chain: &[Der],
    now: UnixTime,
) -> Result<(), Error> {
    let cluster = cluster_id(genesis.bytes())?;
    let certificate = certificate(chain, &cluster, &CaChain::of(genesis)?, now)?;
    match certificate.member.node == *node {
        true => Ok(()),
        false => Err(Error::NotMine { what: "certificate" }),
    }
}

fn certificate(
    chain: &[Der],
    cluster: &ClusterId,
    fixed: &CaChain,
    now: UnixTime,
) -> Result<NodeCertificate, Error> {
    let leaf = chain.first().ok_or(Error::NotMine { what: "certificate" })?;
    Ok(NodeCertificate::verify(leaf.as_bytes(), cluster, &fixed.ca_keys()?, now.as_secs())?)
}

/// What grants 2, 3 and 6 have in common.
struct Ticket<'a> {
    cluster: ClusterId,
    node: NodeId,
    generation: u32,
    chain: &'a List<Der, 1, 4>,
    policies: &'a [Signed],
    transitions: &'a [Signed],
    roots: Option<&'a [Root]>,
}

impl<'a> Ticket<'a> {
    fn of(grant: &'a Grant) -> Option<Self> {
        use crate::wire::Place;
        Some(match grant {
            Grant::Join(ticket) => Self {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                chain: &ticket.chain,
                policies: &ticket.policies,
                transitions: &ticket.transitions,
                roots: match &ticket.place {
                    Place::Worker => None,
                    Place::Seat(roots) => Some(roots),
                },
            },
            Grant::Rejoin(ticket) => Self {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                chain: &ticket.chain,
                policies: &ticket.policies,
                transitions: &ticket.transitions,
                roots: ticket.roots.as_deref(),
            },
            Grant::Renew(ticket) => Self {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                chain: &ticket.chain,
                policies: &ticket.policies,
                transitions: &ticket.transitions,
                roots: ticket.roots.as_deref(),
            },
            Grant::Init(_) | Grant::Recover(_) | Grant::Share(_) | Grant::Rotate(_) => return None,
        })
    }
}
