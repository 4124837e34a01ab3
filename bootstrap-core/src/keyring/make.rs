//! What is made of roots that are one's own: a genesis, certificates, grants.

use core::net::IpAddr;

use attest_core::UnixTime;

use super::roots::{EpochRoots, Roots};
use super::{Entropy, Error, Keyring, list};
use crate::authority::{CaChain, PolicyChain};
use crate::ids::{AttemptId, ClusterId, KeyEpoch, NodeId, Role};
use crate::keys::{CheckedCsr, DataRoot, Handle, IdentityRoot, MasterSecret, Salt, Secret, Terms};
use crate::ticket;
use crate::wire::{
    Authority, CaKey, Custody, Der, DriverPayload, Encoded, GenesisRequest, Grant, InitGrant, InitKeys,
    JoinTicket, Name, Place, RecoverGrant, RejoinTicket, RenewTicket, ShareGrant, Signed, Statement,
};

/// What a genesis says besides what is drawn for it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "every part of it is a decision")]
pub struct GenesisPlan {
    /// Who has authority.
    pub authority: Authority,
    /// How secrets are kept.
    pub custody: Custody,
    /// When.
    pub created: UnixTime,
    /// The name of the cluster.
    pub name: Option<Name>,
}

/// What a service knows when it makes a ticket, all of it public.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "every part of it is asked for")]
pub struct Issuing<'a> {
    /// The policies that hold.
    pub policies: &'a PolicyChain,
    /// Their statements, from the first on.
    pub statements: &'a [Signed],
    /// The CA keys that hold.
    pub ca: &'a CaChain,
    /// The transitions that led to them.
    pub transitions: &'a [Signed],
    /// What the driver tells the receiver.
    pub payload: &'a DriverPayload,
    /// IP addresses, from a voucher.
    pub addresses: &'a [IpAddr],
    /// Whether the receiver gets a new voucher secret (same-node class 1).
    pub voucher_secret: bool,
    /// Wall time.
    pub now: UnixTime,
}

impl Keyring {
    /// Operator: draws the salt and the secrets of a new cluster. The genesis lacks the CA key where the node will make the identity
    /// root. The host writes the master file, from [`Keyring::roots`], before anything else happens.
    ///
    /// # Errors
    /// [`Error::Key`] for entropy that was not drawn.
    pub fn new_master(
        &mut self,
        plan: &GenesisPlan,
        entropy: &Entropy,
    ) -> Result<(Encoded<GenesisRequest>, Handle), Error> {
        let salt = Salt::new(entropy.secret(0).try_into().unwrap_or_default())?;
        let epoch = KeyEpoch::FIRST;
        let data = |bytes| Secret::new("data root", bytes).map(|root| DataRoot::new(root, salt, epoch));
        let mut roots = Roots::new(salt);
        match plan.custody {
            Custody::Joint => {
                let master = Secret::new("master secret", entropy.secret(1))?;
                roots = Roots::of_master(MasterSecret::new(master, salt, epoch), salt)?;
            }
            Custody::Split => {
                let identity = Secret::new("identity root", entropy.secret(1))?;
                let identity = Some(IdentityRoot::new(identity, salt, epoch));
                roots.add(EpochRoots { identity, data: Some(data(entropy.secret(2))?) })?;
            }
            Custody::NodeBorn => {
                roots.add(EpochRoots { identity: None, data: Some(data(entropy.secret(1))?) })?;
            }
        }
        let ca = match plan.custody {
            Custody::Joint | Custody::Split => Some(ca_key(roots.identity(epoch)?)?),
            Custody::NodeBorn => None,
        };
        let genesis = GenesisRequest {
            salt: *salt.as_bytes(),
            ca,
            authority: plan.authority.clone(),
            created: plan.created,
            data_check: Some(roots.data(epoch)?.check()?),
            name: plan.name.clone(),
        };
        Ok((Encoded::new(genesis), self.hold_roots(roots)?))
    }

    /// Node, node-born custody: makes the identity root here and completes the genesis by its CA key.
    ///
    /// # Errors
    /// [`Error::Key`] for entropy that was not drawn; [`Error::Wrong`] for a genesis that has a CA key already.
    pub fn make_identity_root(
        &mut self,
        request: &GenesisRequest,
        entropy: &Entropy,
    ) -> Result<(Encoded<crate::wire::Genesis>, Handle), Error> {
        let salt = Salt::new(request.salt)?;
        if request.ca.is_some() {
            return Err(Error::Wrong { what: "genesis, which has a CA key already" });
        }
        let root = Secret::new("identity root", entropy.secret(0))?;
        let root = IdentityRoot::new(root, salt, KeyEpoch::FIRST);
        let genesis = request.complete(ca_key(&root)?);
        let genesis = genesis.ok_or(Error::Wrong { what: "genesis, which has a CA key already" })?;
        let mut roots = Roots::new(salt);
        roots.add(EpochRoots { identity: Some(root), data: None })?;
        Ok((Encoded::new(genesis), self.hold_roots(roots)?))
    }

    /// First node: the certificate of itself, for the key of this boot.
    ///
    /// # Errors
    /// [`Error`] if the handle has no identity root of the first epoch, or if the terms cannot be issued.
    pub fn own_certificate(
        &self,
        roots: Handle,
        terms: &Terms<'_>,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, Error> {
        let key = self.node_key.as_ref().ok_or(Error::Missing { what: "node key" })?;
        let request = CheckedCsr::check(&key.request()?)?;
        let ca = self.roots(roots)?.identity(KeyEpoch::FIRST)?.cluster_ca()?;
        Ok(ca.issue(&request, terms, entropy.serial())?)
    }

    /// Operator: Grant 1, of one's own roots. Under a node-born custody it has the data root only, and the first policy.
    ///
    /// # Errors
    /// [`Error::NoRoots`] if there are none for that cluster.
    pub fn init_grant(
        &mut self,
        grant: &ticket::InitGrant,
        first_policy: Option<&Signed>,
    ) -> Result<Handle, Error> {
        let (cluster, attempt, node) = (grant.cluster(), grant.attempt(), grant.node());
        let name = Name::new(grant.name().as_str())?;
        self.make_init_grant(cluster, attempt, (node, name), first_policy)
    }

    pub(super) fn make_init_grant(
        &mut self,
        cluster: ClusterId,
        attempt: AttemptId,
        (node, name): (NodeId, Name),
        first_policy: Option<&Signed>,
    ) -> Result<Handle, Error> {
        let epoch = KeyEpoch::FIRST;
        let own = self.own(&cluster)?;
        // Where the node makes the identity root, the claims came before c, so the first policy comes with the roots.
        let policy = first_policy.filter(|_| own.identity(epoch).is_err()).cloned();
        let keys = InitKeys::Roots(own.to_wire(&[epoch])?);
        let grant = InitGrant { cluster, attempt, node, name, epoch, keys, policy };
        self.receive(Grant::Init(grant))
    }

    /// Service: Grant 2.
    ///
    /// # Errors
    /// [`Error::Key`] for the request; [`Error`] if roots are missing or the terms cannot be issued.
    pub fn join_ticket(
        &mut self,
        ticket: &ticket::JoinTicket,
        issuing: &Issuing<'_>,
        entropy: &Entropy,
    ) -> Result<Handle, Error> {
        let (cluster, receiver) = (ticket.cluster(), ticket.receiver());
        let own = self.own(&cluster)?;
        let place = match &receiver.holding {
            ticket::Holding::Seat { roots } => Place::Seat(own.to_wire(roots)?),
            ticket::Holding::Worker => Place::Worker,
        };
        let grant = JoinTicket {
            cluster,
            node: receiver.node,
            place,
            name: Name::new(receiver.name.as_str())?,
            generation: receiver.generation,
            disk_keys: own.disk_keys(&receiver.node, &receiver.disk, &receiver.epochs)?,
            chain: list(vec![self.certificate(&cluster, receiver, issuing, entropy)?])?,
            policies: list(issuing.statements_after(receiver, true)?)?,
            payload: issuing.payload.clone(),
            voucher_secret: issuing.secret(entropy)?,
            transitions: list(issuing.transitions.to_vec())?,
        };
        self.receive(Grant::Join(grant))
    }

    /// Service: Grant 3. Roots go with it where the receiver lost its own.
    ///
    /// # Errors
    /// As [`Keyring::join_ticket`].
    pub fn rejoin_ticket(
        &mut self,
        ticket: &ticket::RejoinTicket,
        issuing: &Issuing<'_>,
        entropy: &Entropy,
    ) -> Result<Handle, Error> {
        let (cluster, receiver) = (ticket.cluster(), ticket.receiver());
        let own = self.own(&cluster)?;
        let grant = RejoinTicket {
            cluster,
            node: receiver.node,
            generation: receiver.generation,
            disk_keys: own.disk_keys(&receiver.node, &receiver.disk, &receiver.epochs)?,
            chain: list(vec![self.certificate(&cluster, receiver, issuing, entropy)?])?,
            policies: list(issuing.statements_after(receiver, true)?)?,
            roots: seat_roots(own, &receiver.holding)?,
            voucher_secret: issuing.secret(entropy)?,
            transitions: list(issuing.transitions.to_vec())?,
            provisional: ticket.is_provisional().then_some(true),
        };
        self.receive(Grant::Rejoin(grant))
    }

    /// Service: Grant 6.
    ///
    /// # Errors
    /// As [`Keyring::join_ticket`].
    pub fn renew_ticket(
        &mut self,
        ticket: &ticket::RenewTicket,
        issuing: &Issuing<'_>,
        entropy: &Entropy,
    ) -> Result<Handle, Error> {
        let (cluster, receiver) = (ticket.cluster(), ticket.receiver());
        let own = self.own(&cluster)?;
        let disk_keys = match receiver.epochs.as_slice() {
            [] => None,
            epochs => Some(own.disk_keys(&receiver.node, &receiver.disk, epochs)?),
        };
        let grant = RenewTicket {
            cluster,
            node: receiver.node,
            generation: receiver.generation,
            disk_keys,
            chain: list(vec![self.certificate(&cluster, receiver, issuing, entropy)?])?,
            policies: list(issuing.statements_after(receiver, false)?)?,
            roots: seat_roots(own, &receiver.holding)?,
            voucher_secret: issuing.secret(entropy)?,
            transitions: list(issuing.transitions.to_vec())?,
        };
        self.receive(Grant::Renew(grant))
    }

    /// Pusher: Grant 4.
    ///
    /// # Errors
    /// [`Error::NoRoots`] or [`Error::Unknown`] if a root is missing.
    pub fn recover_grant(&mut self, grant: &ticket::RecoverGrant) -> Result<Handle, Error> {
        let own = self.own(&grant.cluster())?;
        let grant = RecoverGrant {
            cluster: grant.cluster(),
            node: grant.node(),
            disk_keys: own.disk_keys(&grant.node(), &grant.disk(), grant.epochs())?,
            roots: seat_roots(own, grant.holding())?,
        };
        self.receive(Grant::Recover(grant))
    }

    /// Pusher: Grant 5, of the share that this process holds for that cluster.
    ///
    /// # Errors
    /// [`Error::Handle`] unless the handle stands for a share; [`Error::OtherCluster`] if it is another cluster's.
    pub fn share_grant(&mut self, grant: &ticket::ShareGrant, share: Handle) -> Result<Handle, Error> {
        let (expected, held) = (grant.cluster(), self.share(share)?);
        if held.cluster != expected {
            return Err(Error::OtherCluster { expected, actual: held.cluster });
        }
        let share = crate::wire::Share::from_bytes(&held.to_bytes())?;
        self.receive(Grant::Share(ShareGrant { cluster: expected, share }))
    }

    /// The receiver's certificate, from the newest epoch that is committed.
    fn certificate(
        &self,
        cluster: &ClusterId,
        receiver: &ticket::Receiver,
        issuing: &Issuing<'_>,
        entropy: &Entropy,
    ) -> Result<Der, Error> {
        let request = CheckedCsr::check(&receiver.csr)?;
        let policy = issuing.policies.tip().ok_or(Error::Missing { what: "policy that holds" })?;
        let limits = issuing.policies.limits().ok_or(Error::Missing { what: "policy that holds" })?;
        // Past its end a policy grants nothing (section 8).
        let holds = issuing.policies.policy().is_some_and(|policy| issuing.now <= policy.not_after);
        if !holds {
            return Err(Error::Missing { what: "policy that holds" });
        }
        let longest_life = limits.certificate.number();
        let not_before = issuing.now.as_secs();
        let terms = Terms {
            cluster: *cluster,
            node: receiver.node,
            role: receiver.holding.role(),
            name: receiver.name.as_str(),
            addresses: issuing.addresses,
            policy_epoch: policy.epoch,
            generation: receiver.generation,
            not_before,
            not_after: not_before.saturating_add(u64::from(longest_life)),
            longest_life,
        };
        let ca = self.own(cluster)?.identity(issuing.ca.committed())?.cluster_ca()?;
        Ok(Der::new(ca.issue(&request, &terms, entropy.serial())?)?)
    }
}

impl Issuing<'_> {
    /// The statements behind the one that the receiver holds, at most as many as a ticket takes: it asks for the rest at a renew. With
    /// `some`, the newest one if it holds that already, for a ticket that brings one at least.
    fn statements_after(&self, receiver: &ticket::Receiver, some: bool) -> Result<Vec<Signed>, Error> {
        let held = receiver.held.map_or(0, |held| held.epoch);
        let mut after = Vec::new();
        for signed in self.statements {
            if let Statement::Policy(policy) = Statement::from_payload(&signed.payload)?
                && policy.epoch > held
                && after.len() < 64
            {
                after.push(signed.clone());
            }
        }
        if after.is_empty() && some {
            after.extend(self.statements.last().cloned());
        }
        Ok(after)
    }

    fn secret(&self, entropy: &Entropy) -> Result<Option<Secret>, Error> {
        Ok(self.voucher_secret.then(|| Secret::new("voucher secret", entropy.secret(0))).transpose()?)
    }
}

/// Roots for whom they are for: a seat that lost its own. A worker's holding names none.
fn seat_roots(
    own: &Roots,
    holding: &ticket::Holding,
) -> Result<Option<crate::wire::List<crate::wire::Root, 1, 4>>, Error> {
    match (holding.role(), holding) {
        (Role::Seat, ticket::Holding::Seat { roots }) if !roots.is_empty() => own.to_wire(roots).map(Some),
        (Role::Seat | Role::Worker, _) => Ok(None),
    }
}

fn ca_key(root: &IdentityRoot) -> Result<CaKey, Error> {
    Ok(CaKey::new(root.cluster_ca()?.spki()?)?)
}
