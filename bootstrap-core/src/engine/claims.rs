//! What this end asks, or says of itself, under its own evidence.

use super::Error;
use super::party::Party;
use super::setup::{NodeSetup, OperatorSetup, PusherSetup};
use crate::channel::binding::Side;
use crate::ids::{ClusterId, KeyEpoch};
use crate::keyring::Keyring;
use crate::machine::Node;
use crate::machine::facts::{Custody, Genesis};
use crate::peer::LockClaim;
use crate::wire::{
    AuthorClaims, Claims, Der, DiskHeader, Encoded, Flow, GenesisRequest, InitClaims, JoinClaims, List,
    LockClass, LockState, NodeClaims, RecoverClaims, RejoinClaims, RenewClaims, ServiceClaims, Signed,
};

/// What claims are made of, beside the party's own setup.
pub(super) struct Own<'a> {
    pub(super) keyring: &'a Keyring,
    /// The request for a certificate, of a node.
    pub(super) csr: &'a [u8],
    /// The genesis that an operator made.
    pub(super) genesis: Option<&'a Genesis>,
    /// The first policy that an operator signed.
    pub(super) first_policy: Option<&'a Signed>,
    /// The only cluster that the channel may be for: of a probe.
    pub(super) cluster: Option<ClusterId>,
}

impl Own<'_> {
    /// The claims of this end on a channel of this flow; `None` while they cannot be made: an operator's first policy is not signed yet,
    /// or a node is not what the flow asks for.
    pub(super) fn claims(&self, party: &Party, flow: Flow, side: Side) -> Result<Option<Claims>, Error> {
        match (party, side) {
            (_, Side::Client) if flow == Flow::Probe => {
                Ok(self.cluster.map(|cluster| Claims::Author(AuthorClaims { cluster })))
            }
            (Party::Operator(setup, _), _) => self.init(setup),
            (Party::Node(setup, node), Side::Client) => self.dialling(setup, node, flow),
            (Party::Node(setup, node), Side::Server) => self.dialled(setup, node, flow),
            (Party::Pusher(setup, _), _) => self.recover(setup).map(Some),
            (Party::Publisher(setup, _), _) => {
                Ok(Some(Claims::Author(AuthorClaims { cluster: setup.cluster })))
            }
        }
    }

    fn init(&self, setup: &OperatorSetup) -> Result<Option<Claims>, Error> {
        let Some(genesis) = self.genesis else { return Ok(None) };
        let born = setup.machine.custody == Custody::NodeBorn;
        if !born && self.first_policy.is_none() {
            return Ok(None);
        }
        let mut genesis = Encoded::<GenesisRequest>::from_bytes(&genesis.bytes)?;
        if born && genesis.value().ca.is_some() {
            // The node completes it, also when it is asked again.
            genesis = Encoded::new(GenesisRequest { ca: None, ..genesis.value().clone() });
        }
        Ok(Some(Claims::Init(InitClaims {
            genesis,
            attempt: setup.machine.attempt,
            epoch: KeyEpoch::FIRST,
            custody: setup.machine.custody,
            driver: setup.driver.clone(),
            policy: self.first_policy.filter(|_| !born).cloned(),
        })))
    }

    fn dialling(&self, setup: &NodeSetup, node: &Node, flow: Flow) -> Result<Option<Claims>, Error> {
        let (lock, config, boot) = (lock(node), setup.configuration, setup.machine.boot);
        let csr = Der::new(self.csr.to_vec())?;
        Ok(match flow {
            Flow::Join => Some(Claims::Join(JoinClaims {
                lock,
                config,
                boot,
                csr,
                enrolment: setup.enrolment.clone(),
                disk: setup.machine.fresh_disk,
                name: setup.wish.clone(),
                node: None,
                voucher: setup.voucher.clone(),
            })),
            Flow::Rejoin => setup.machine.header.as_ref().map(|header| {
                Claims::Rejoin(RejoinClaims {
                    lock,
                    config,
                    boot,
                    csr,
                    disk: header.disk,
                    node: header.node,
                    generation: setup.generation.unwrap_or_default(),
                    enrolment: Some(setup.enrolment.clone()).filter(|enrolment| enrolment.proof().is_some()),
                    voucher: setup.voucher.clone(),
                })
            }),
            Flow::Renew => match node.record().and_then(|record| Some((record, record.policy?))) {
                Some((record, policy)) => Some(Claims::Renew(RenewClaims {
                    lock,
                    config,
                    boot,
                    csr,
                    node: record.node,
                    generation: record.generation,
                    policy_epoch: policy.epoch,
                    policy: policy.hash,
                    epochs: List::new(vec![KeyEpoch::FIRST])?,
                })),
                None => None,
            },
            Flow::Init | Flow::Recover | Flow::Statement | Flow::Probe | Flow::Rotate => None,
        })
    }

    fn dialled(&self, setup: &NodeSetup, node: &Node, flow: Flow) -> Result<Option<Claims>, Error> {
        match flow {
            Flow::Init | Flow::Recover | Flow::Probe => Ok(Some(Claims::Node(NodeClaims {
                lock: lock(node),
                config: setup.configuration,
                boot: setup.machine.boot,
                header: setup.machine.header.as_ref().map(header).transpose()?,
                generation: setup.generation,
            }))),
            Flow::Join | Flow::Rejoin | Flow::Statement | Flow::Renew | Flow::Rotate => {
                Ok(self.service(node))
            }
        }
    }

    fn service(&self, node: &Node) -> Option<Claims> {
        let (cluster, own) = node.member()?;
        let genesis = self.keyring.genesis(&cluster)?;
        let tip = self.keyring.policies(&cluster)?.tip()?;
        let (_, transitions) = self.keyring.ca(&cluster)?;
        Some(Claims::Service(ServiceClaims {
            lock: lock(node),
            genesis: genesis.clone(),
            transitions: List::new(transitions.to_vec()).ok()?,
            policy_epoch: tip.epoch,
            policy: tip.hash,
            node: own,
        }))
    }

    fn recover(&self, setup: &PusherSetup) -> Result<Claims, Error> {
        Ok(Claims::Recover(RecoverClaims {
            cluster: setup.machine.cluster,
            source: setup.machine.source,
            epoch: KeyEpoch::FIRST,
            floors: setup.floors.clone(),
            alone: setup.alone,
            shares: setup.share.map(|(_, set)| set),
            genesis: setup.genesis.clone(),
            authority: List::new(setup.authority.clone())?,
        }))
    }
}

fn lock(node: &Node) -> LockState {
    let locked = |class, cluster: ClusterId| LockState::Locked { class, cluster };
    match node.lock_claim() {
        LockClaim::Open => LockState::Open,
        LockClaim::Software(cluster) => locked(LockClass::Software, cluster),
        LockClaim::Pcr(cluster) => locked(LockClass::TpmPcr, cluster),
        LockClaim::Rtmr(cluster) => locked(LockClass::Rtmr, cluster),
    }
}

fn header(header: &crate::machine::facts::DiskHeader) -> Result<DiskHeader, Error> {
    Ok(DiskHeader {
        cluster: header.cluster,
        node: header.node,
        disk: header.disk,
        epochs: List::new(header.epochs.clone())?,
    })
}
