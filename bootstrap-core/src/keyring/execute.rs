//! Answers the key work that machines ask for.

use core::net::IpAddr;

use attest_core::UnixTime;

use super::check::check_result;
use super::facts::{authority, genesis_facts, request_facts};
use super::known::Known;
use super::make::{GenesisPlan, Issuing};
use super::{Entropy, Error, Keyring, TicketCheck};
use crate::authority::Fault;
use crate::ids::{ClusterId, NodeId, Role};
use crate::keys::{Handle, Terms, cluster_id};
use crate::machine::facts::{Authority, Custody, Genesis, Name, PolicyTip};
use crate::machine::{KeyAction, KeyOutcome};
use crate::wire::{self, Der, DriverPayload, Encoded, GenesisRequest, Signed};

/// What the host adds to a machine's request. Nothing of it is secret.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "every part of it is asked for")]
pub struct Host<'a> {
    /// Wall time.
    pub now: UnixTime,
    /// Operator: the name of a new cluster.
    pub cluster_name: Option<&'a wire::Name>,
    /// Operator, node-born custody: the first policy, signed once the node had completed the genesis.
    pub first_policy: Option<&'a Signed>,
    /// Service: what the driver tells this receiver.
    pub payload: &'a DriverPayload,
    /// Service: IP addresses of this receiver, from its voucher.
    pub addresses: &'a [IpAddr],
    /// Service: whether this receiver gets a new voucher secret (same-node class 1).
    pub voucher_secret: bool,
    /// Pusher: the share that its custodian handed in.
    pub share: Option<Handle>,
}

impl Keyring {
    /// Does what a machine asks for. A refusal says by its code what the peer is told; what the host is told is [`Keyring::attempt`]'s
    /// error.
    pub fn execute(&mut self, action: &KeyAction, host: &Host<'_>, entropy: &Entropy) -> KeyOutcome {
        self.attempt(action, host, entropy).unwrap_or_else(|error| KeyOutcome::Refused(error.code()))
    }

    /// As [`Keyring::execute`], with the error by name.
    ///
    /// # Errors
    /// [`Error`], and nothing that is held was changed.
    pub fn attempt(
        &mut self,
        action: &KeyAction,
        host: &Host<'_>,
        entropy: &Entropy,
    ) -> Result<KeyOutcome, Error> {
        match action {
            KeyAction::NewMaster { authority, custody } => {
                self.execute_new_master(authority, *custody, host, entropy)
            }
            KeyAction::OwnCertificate { roots, cluster, node, name } => {
                let chain = self.first_certificate((*roots, cluster, node, name), host, entropy)?;
                self.adopt(*cluster, *roots)?;
                Ok(KeyOutcome::Chain(vec![chain]))
            }
            KeyAction::MakeIdentityRoot { genesis } => {
                let request = Encoded::<GenesisRequest>::from_bytes(&genesis.bytes)?;
                let (genesis, roots) = self.make_identity_root(request.value(), entropy)?;
                let facts = genesis_facts(&genesis);
                self.learn(genesis)?;
                Ok(KeyOutcome::Cluster { genesis: facts, roots })
            }
            KeyAction::CheckPolicies { genesis, held, statements } => {
                self.check_policies(genesis, *held, statements, host.now)
            }
            KeyAction::CheckAuthority { cluster, genesis, statements } => {
                let genesis = Encoded::from_bytes(&genesis.bytes)?;
                let actual = cluster_id(genesis.bytes())?;
                if actual != *cluster {
                    return Err(Error::OtherCluster { expected: *cluster, actual });
                }
                let known = Known::of(genesis)?.catch_up(&signed(statements)?, host.now)?;
                let authority = known.policies.authority();
                let (operators, custodians) = (authority.operators.to_vec(), authority.custodians.to_vec());
                Ok(KeyOutcome::Authority { operators, custodians })
            }
            KeyAction::InitGrant(grant) => {
                if !self.holds_roots(&grant.cluster()) {
                    self.adopt_born(&grant.cluster())?;
                }
                let made = self.init_grant(grant, host.first_policy)?;
                Ok(KeyOutcome::Grant(self.describe(made)?))
            }
            KeyAction::CheckRoots { grant, identity, genesis } => {
                let genesis = Encoded::from_bytes(&genesis.bytes)?;
                self.check_roots(*grant, *identity, &genesis)?;
                self.learn(genesis)?;
                Ok(KeyOutcome::Matches)
            }
            KeyAction::DeriveDiskKeys { roots, node, disk, epochs } => {
                Ok(KeyOutcome::Made(self.derive_disk_keys(*roots, node, disk, epochs)?))
            }
            KeyAction::JoinTicket(ticket) => {
                let known = self.known(&ticket.cluster())?.clone();
                let made = self.join_ticket(ticket, &known.issuing(host), entropy)?;
                Ok(KeyOutcome::Grant(self.describe(made)?))
            }
            KeyAction::RejoinTicket(ticket) => {
                let known = self.known(&ticket.cluster())?.clone();
                let made = self.rejoin_ticket(ticket, &known.issuing(host), entropy)?;
                Ok(KeyOutcome::Grant(self.describe(made)?))
            }
            KeyAction::RenewTicket(ticket) => {
                let known = self.known(&ticket.cluster())?.clone();
                let made = self.renew_ticket(ticket, &known.issuing(host), entropy)?;
                Ok(KeyOutcome::Grant(self.describe(made)?))
            }
            KeyAction::RecoverGrant(grant) => {
                let made = self.recover_grant(grant)?;
                Ok(KeyOutcome::Grant(self.describe(made)?))
            }
            KeyAction::ShareGrant(grant) => {
                let share = host.share.ok_or(Error::Missing { what: "share" })?;
                let made = self.share_grant(grant, share)?;
                Ok(KeyOutcome::Grant(self.describe(made)?))
            }
            KeyAction::CheckTicket { grant, cluster, node, held } => {
                let known = self.known(cluster)?.at(*held)?;
                let check = TicketCheck {
                    genesis: &known.genesis,
                    node: *node,
                    held: &known.policies,
                    now: host.now,
                };
                let policies = self.check_ticket(*grant, &check)?;
                let statements = self.statements_of(*grant)?;
                let tip = policies.tip().ok_or(Error::Missing { what: "policy" })?;
                let known = known.catch_up(&statements, host.now)?;
                self.known.insert(*cluster, known);
                Ok(KeyOutcome::Policy(tip))
            }
            KeyAction::CheckResult { genesis, node, chain } => {
                let genesis = Encoded::from_bytes(&genesis.bytes)?;
                let chain: Vec<Der> =
                    chain.iter().map(|der| Der::new(der.clone())).collect::<Result<_, _>>()?;
                check_result(&genesis, node, &chain, host.now)?;
                Ok(KeyOutcome::Matches)
            }
            KeyAction::CheckShare { share, cluster, with } => {
                self.check_share(*share, cluster, *with)?;
                Ok(KeyOutcome::Matches)
            }
            KeyAction::CombineShares { shares, genesis } => {
                let genesis = Encoded::from_bytes(&genesis.bytes)?;
                let cluster = cluster_id(genesis.bytes())?;
                // Transitions, as far as they are known: shares may be of a later epoch than the genesis.
                let fixed = match self.known.get(&cluster) {
                    Some(known) => known.ca.clone(),
                    None => Known::of(genesis.clone())?.ca,
                };
                Ok(KeyOutcome::Made(self.combine_shares(shares, &genesis, &fixed)?))
            }
            KeyAction::Forget(handle) => {
                self.forget(*handle);
                Ok(KeyOutcome::Matches)
            }
        }
    }

    fn execute_new_master(
        &mut self,
        wanted: &Authority,
        custody: Custody,
        host: &Host<'_>,
        entropy: &Entropy,
    ) -> Result<KeyOutcome, Error> {
        let (authority, name) = (authority(wanted)?, host.cluster_name.cloned());
        let plan = GenesisPlan { authority, custody, created: host.now, name };
        let (request, roots) = self.new_master(&plan, entropy)?;
        let facts = request_facts(&request);
        match request.as_genesis() {
            Some(genesis) => {
                let cluster = self.learn(genesis)?;
                self.adopt(cluster, roots)?;
            }
            None => self.unborn = Some((request.value().clone(), roots)),
        }
        Ok(KeyOutcome::Cluster { genesis: facts, roots })
    }

    fn check_policies(
        &mut self,
        genesis: &Genesis,
        held: Option<PolicyTip>,
        statements: &[Vec<u8>],
        now: UnixTime,
    ) -> Result<KeyOutcome, Error> {
        let genesis = Encoded::from_bytes(&genesis.bytes)?;
        let cluster = cluster_id(genesis.bytes())?;
        let known = match self.known.get(&cluster) {
            Some(known) => known.at(held)?,
            None if held.is_none() => Known::of(genesis.clone())?,
            None => return Err(Error::Missing { what: "genesis of that cluster" }),
        };
        let next = known.publish(&signed(statements)?, now)?;
        let tip = next.policies.tip().ok_or(Error::Missing { what: "policy" })?;
        self.learn(genesis)?;
        // What goes on from a held policy holds once the store has it, and is learned then. A check from the start must not take back
        // what is known since.
        if held.is_none()
            && self.known(&cluster)?.policies.tip().is_none_or(|newest| newest.epoch <= tip.epoch)
        {
            self.known.insert(cluster, next);
        }
        Ok(KeyOutcome::Policy(tip))
    }

    fn first_certificate(
        &self,
        (roots, cluster, node, name): (Handle, &ClusterId, &NodeId, &Name),
        host: &Host<'_>,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, Error> {
        let known = self.known(cluster)?;
        let policy = known.policies.tip().ok_or(Error::Missing { what: "policy" })?;
        let limits = known.policies.limits().ok_or(Error::Missing { what: "policy" })?;
        let (not_before, longest_life) = (host.now.as_secs(), limits.certificate.number());
        let terms = Terms {
            cluster: *cluster,
            node: *node,
            role: Role::Seat,
            name: name.as_str(),
            addresses: host.addresses,
            policy_epoch: policy.epoch,
            generation: 1,
            not_before,
            not_after: not_before.saturating_add(u64::from(longest_life)),
            longest_life,
        };
        self.own_certificate(roots, &terms, entropy)
    }
}

impl Known {
    fn issuing<'a>(&'a self, host: &Host<'a>) -> Issuing<'a> {
        Issuing {
            policies: &self.policies,
            statements: &self.statements,
            ca: &self.ca,
            transitions: &self.transitions,
            payload: host.payload,
            addresses: host.addresses,
            voucher_secret: host.voucher_secret,
            now: host.now,
        }
    }
}

/// Statements as they came. One that is none is an invalid statement, whatever is wrong with its bytes.
fn signed(statements: &[Vec<u8>]) -> Result<Vec<Signed>, Error> {
    let read = |bytes: &Vec<u8>| Signed::from_bytes(bytes).map_err(|error| Fault::Wire(error).into());
    statements.iter().map(read).collect()
}
