//! Whom this end believes, and by what: the sets of its newest policy, the keys of the clusters that it knows, secrets that a peer may
//! prove.

use std::sync::Arc;

use super::party::{Party, SERVICES};
use super::show::Trial;
use super::terms::Kinds;
use super::{Engine, Error, Given};
use crate::authority::{CaChain, PolicyChain};
use crate::channel::evidence::JudgeRequest;
use crate::channel::judge::ReferenceSet;
use crate::channel::proof::MAC;
use crate::channel::terms::Config;
use crate::ids::{ClusterId, Role, TokenId};
use crate::keys::{ClusterCaKey, Secret, cluster_id};
use crate::machine::message::Flow;
use crate::wire::{Claims, Expected};

impl Engine {
    pub(super) fn trial(&mut self, request: JudgeRequest, given: Given<'_>) -> Result<Trial, Error> {
        let claims = Claims::from_bytes(request.claims.as_bytes())?;
        let cluster = match (&request.chain, &claims) {
            (None, _) => None,
            (Some(_), Claims::Service(claims)) => {
                let id = cluster_id(claims.genesis.bytes())?;
                let known = self.keyring.ca(&id).map(|(ca, _)| ca.ca_keys());
                // One that nothing is known of is believed as far as its own genesis goes: the machine looks at its id.
                let keys = match known {
                    Some(keys) => keys,
                    None => CaChain::of(&claims.genesis).and_then(|ca| ca.ca_keys()),
                };
                Some((id, keys.map_err(crate::keyring::Error::from)?))
            }
            (Some(_), _) => self.own_ca()?,
        };
        let secrets = request.items.iter().filter(|(item, _)| item.kind.as_str() == MAC);
        let secrets = secrets.filter_map(|(item, _)| self.secret(item.companions.as_bytes())).collect();
        let (sets, lifetime) = self.belief(given)?;
        Ok(Trial { request, sets, lifetime, cluster, secrets })
    }

    fn own_ca(&self) -> Result<Option<(ClusterId, Vec<ClusterCaKey>)>, Error> {
        let Some(cluster) = self.cluster() else { return Ok(None) };
        let Some((ca, _)) = self.keyring.ca(&cluster) else { return Ok(None) };
        Ok(Some((cluster, ca.ca_keys().map_err(crate::keyring::Error::from)?)))
    }

    /// A secret that a peer may prove: the init secret of the configuration, or a join token of this cluster.
    fn secret(&self, companions: &[u8]) -> Option<([u8; 16], Secret)> {
        let id: [u8; 16] = *companions.last_chunk()?;
        let Party::Node(setup, node) = &self.party else { return None };
        if let Some((known, secret)) = setup.init_secret.as_ref().filter(|(known, _)| *known == id) {
            return Some((*known, secret.duplicate()));
        }
        let (cluster, _) = node.member()?;
        Some((id, self.keyring.join_token(&cluster, &TokenId::new(id)).ok()?))
    }

    /// The sets of the newest policy, and before the first those of the setup.
    fn belief(&mut self, given: Given<'_>) -> Result<(Arc<[ReferenceSet]>, core::time::Duration), Error> {
        let belief = match &self.party {
            Party::Operator(setup, _) => &setup.belief,
            Party::Node(setup, _) => &setup.belief,
            Party::Pusher(setup, _) => &setup.belief,
            Party::Publisher(setup, _) => &setup.belief,
        };
        let lifetime = belief.lifetime;
        let chain = self.cluster().and_then(|cluster| self.keyring.policies(&cluster));
        let tip = chain.and_then(PolicyChain::tip).filter(|_| matches!(self.party, Party::Node(..)));
        let (Some(chain), Some(tip)) = (chain, tip) else {
            return Ok((belief.sets.clone().into(), lifetime));
        };
        if self.read.as_ref().is_none_or(|(read, _)| *read != tip) {
            // Rules that this version cannot read accept nothing, and the other sets hold.
            let sets = chain.live_sets(given.wall).filter_map(|set| ReferenceSet::read(set).ok());
            self.read = Some((tip, sets.collect()));
        }
        let sets = self.read.as_ref().map(|(_, sets)| Arc::clone(sets)).unwrap_or_default();
        Ok((sets, lifetime))
    }

    fn kinds(&mut self, given: Given<'_>) -> Result<Kinds, Error> {
        let (sets, _) = self.belief(given)?;
        let mut accepts = Vec::new();
        for set in sets.iter() {
            if !accepts.contains(&set.kind) {
                accepts.push(set.kind.clone());
            }
        }
        let shows = match &self.party {
            Party::Node(setup, _) => setup.shows.clone(),
            Party::Operator(..) | Party::Pusher(..) | Party::Publisher(..) => Vec::new(),
        };
        Ok(Kinds { shows, accepts })
    }

    pub(super) fn dialling_config(&mut self, flow: Flow, given: Given<'_>) -> Result<Config, Error> {
        let terms = self.kinds(given)?.dialling(flow)?;
        let cluster = match flow {
            // The node has none yet.
            Flow::Init => None,
            _ => self.cluster(),
        };
        let expects = Expected { cluster, ..Expected::default() };
        Ok(Config::client(terms, expects, self.own_name(), given.drawn())?)
    }

    pub(super) fn dialled_config(&mut self, given: Given<'_>) -> Result<Config, Error> {
        let Party::Node(_, node) = &self.party else { return Err(Error::NotAsked { what: "connection" }) };
        let seat = self.open && node.member().is_some_and(|(cluster, _)| self.keyring.holds_roots(&cluster));
        let services = SERVICES.into_iter().filter(|_| seat);
        let flows = [Flow::Init, Flow::Recover, Flow::Probe].into_iter().chain(services);
        let kinds = self.kinds(given)?;
        let terms = flows.map(|flow| kinds.dialled(flow)).collect::<Result<_, _>>()?;
        Ok(Config::server(terms, Expected::default(), self.own_name(), given.drawn())?)
    }

    fn own_name(&self) -> Expected {
        let Party::Node(setup, node) = &self.party else { return Expected::default() };
        let header = setup.machine.header.as_ref().map(|header| header.node);
        Expected { cluster: self.cluster(), name: None, node: node.member().map(|(_, node)| node).or(header) }
    }

    /// Sets that a seat may have, of the newest policy.
    pub(super) fn learn_seat_sets(&mut self, given: Given<'_>) {
        let Some(cluster) = self.cluster() else { return };
        if let (Some(chain), Party::Node(_, node)) = (self.keyring.policies(&cluster), &mut self.party) {
            let seats = chain.live_sets(given.wall).filter(|set| set.roles.contains(&Role::Seat));
            node.learn_seat_sets(seats.map(|set| set.id).collect());
        }
    }
}
