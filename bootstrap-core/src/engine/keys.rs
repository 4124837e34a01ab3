//! Work on secrets that machines ask for, done in the key ring at once.

use core::net::IpAddr;

use super::party::{Owner, Party};
use super::{Engine, Given, Work};
use crate::error::Code;
use crate::ids::ClusterId;
use crate::keyring::Host;
use crate::keys::cluster_id;
use crate::machine::facts::Custody;
use crate::machine::{ActionId, Input, KeyAction, KeyOutcome, Outcome};
use crate::wire::{Claims, Der, DriverPayload, Grant, List, Statement};

impl Engine {
    pub(super) fn keys(&mut self, owner: Owner, action: ActionId, work: KeyAction, given: Given<'_>) {
        if self.must_be_signed_first(&work) {
            self.unsigned.push((owner, action, work));
            return;
        }
        if let KeyAction::CheckTicket { cluster, .. } = &work {
            self.learn_from_services(cluster);
        }
        let outcome = self.execute(owner, &work, given);
        self.remember(&work, &outcome, given);
        self.input(owner, Input::Done(action, Outcome::Keys(outcome)), given);
    }

    fn execute(&mut self, owner: Owner, work: &KeyAction, given: Given<'_>) -> KeyOutcome {
        let Ok(nothing) = DriverPayload::new(Vec::new()) else { return KeyOutcome::Refused(Code::INTERNAL) };
        let addresses = self.addresses(owner);
        let (cluster_name, payload, share) = match &self.party {
            Party::Operator(setup, _) => (setup.cluster_name.as_ref(), &nothing, None),
            Party::Node(setup, _) => (None, &setup.payload, None),
            Party::Pusher(setup, _) => (None, &nothing, setup.share.map(|(share, _)| share)),
            Party::Publisher(..) => (None, &nothing, None),
        };
        let host = Host {
            now: given.wall,
            cluster_name,
            first_policy: self.first_policy.as_ref(),
            payload,
            addresses: &addresses,
            voucher_secret: false,
            share,
        };
        self.keyring.execute(work, &host, &given.entropy())
    }

    /// Under a node-born custody the grant brings the first policy, which names the cluster that the node completed.
    fn must_be_signed_first(&mut self, work: &KeyAction) -> bool {
        let (KeyAction::InitGrant(grant), Party::Operator(setup, _)) = (work, &self.party) else {
            return false;
        };
        if setup.machine.custody != Custody::NodeBorn || self.first_policy.is_some() {
            return false;
        }
        self.out.push_back(Work::SignPolicy(grant.cluster()));
        true
    }

    /// Addresses for a certificate are a voucher's, and nobody else's.
    fn addresses(&self, owner: Owner) -> Vec<IpAddr> {
        let Owner::Service(channel) = owner else { return Vec::new() };
        let claims = self.lines.get(&channel).and_then(|line| line.claims.as_ref());
        let voucher = match claims {
            Some(Claims::Join(claims)) => claims.voucher.as_ref(),
            Some(Claims::Rejoin(claims)) => claims.voucher.as_ref(),
            _ => None,
        };
        match voucher.map(|signed| Statement::from_payload(&signed.payload)) {
            Some(Ok(Statement::Voucher(voucher))) => {
                voucher.addresses.iter().filter_map(|name| name.as_str().parse().ok()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The genesis of the service whose ticket is to be checked: its id is the cluster's, so it is that cluster's.
    fn learn_from_services(&mut self, cluster: &ClusterId) {
        if self.keyring.genesis(cluster).is_some() {
            return;
        }
        let genesis = self.lines.values().find_map(|line| match &line.claims {
            Some(Claims::Service(claims)) => {
                let id = cluster_id(claims.genesis.bytes()).ok()?;
                (id == *cluster).then(|| claims.genesis.clone())
            }
            _ => None,
        });
        if let Some(genesis) = genesis {
            // What is not learned is missing when the ticket is checked, and says so there.
            self.keyring.learn(genesis).ok();
        }
    }

    /// What follows from work that was done.
    fn remember(&mut self, work: &KeyAction, outcome: &KeyOutcome, given: Given<'_>) {
        match (work, outcome) {
            (KeyAction::OwnCertificate { .. }, KeyOutcome::Chain(chain)) => {
                let chain: Result<Vec<Der>, _> = chain.iter().cloned().map(Der::new).collect();
                self.chain = chain.ok().and_then(|chain| List::new(chain).ok());
            }
            (KeyAction::CheckTicket { grant, cluster, .. }, KeyOutcome::Policy(_)) => {
                let chain = match self.keyring.grant(*grant) {
                    Ok(Grant::Join(ticket)) => Some(ticket.chain.clone()),
                    Ok(Grant::Rejoin(ticket)) => Some(ticket.chain.clone()),
                    Ok(Grant::Renew(ticket)) => Some(ticket.chain.clone()),
                    _ => None,
                };
                self.chain = chain.or_else(|| self.chain.take());
                // A seat's ticket brings roots, compared by now; a worker's has none.
                self.keyring.adopt(*cluster, *grant).ok();
                self.learn_seat_sets(given);
            }
            (KeyAction::CheckPolicies { .. }, KeyOutcome::Policy(_)) => self.learn_seat_sets(given),
            (KeyAction::NewMaster { .. }, KeyOutcome::Cluster { genesis, .. }) => {
                self.out.extend(genesis.cluster().map(Work::SignPolicy));
                self.genesis = Some(genesis.clone());
            }
            _ => {}
        }
    }

    /// A seat that finds its roots on its disk makes grants by them.
    pub(super) fn mounted(&mut self, outcome: &Outcome) -> Result<(), super::Error> {
        if let Outcome::Mounted { member: Some(member), .. } = outcome
            && let Some(roots) = member.roots
        {
            self.keyring.adopt(member.cluster, roots)?;
        }
        Ok(())
    }
}
