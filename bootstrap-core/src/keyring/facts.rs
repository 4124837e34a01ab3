//! What machines are told of material: the public fields, and a handle.

use std::sync::Arc;

use super::{Error, Keyring};
use crate::ids::KeyEpoch;
use crate::keys::Handle;
use crate::machine::facts::{Authority, Genesis, Name};
use crate::machine::message::{GrantFacts, GrantRef, TicketFacts};
use crate::wire::{self, Bounded, DiskKey, Encoded, GenesisRequest, Grant, InitKeys, List, Root};

impl Keyring {
    /// A grant as machines see it: one that was received, or that is to be sent.
    ///
    /// # Errors
    /// [`Error::Handle`] unless the handle stands for a grant.
    pub fn describe(&self, handle: Handle) -> Result<GrantRef, Error> {
        Ok(GrantRef { handle, facts: facts(self.grant(handle)?)? })
    }
}

/// A complete genesis as machines see it.
pub fn genesis_facts(genesis: &Encoded<wire::Genesis>) -> Genesis {
    facts_of(genesis.bytes(), &genesis.value().authority, true)
}

/// A genesis as machines see it, with or without the CA key.
pub fn request_facts(request: &Encoded<GenesisRequest>) -> Genesis {
    facts_of(request.bytes(), &request.value().authority, request.value().ca.is_some())
}

fn facts_of(bytes: &[u8], authority: &wire::Authority, complete: bool) -> Genesis {
    let authority = Authority {
        operators: authority.operators.to_vec(),
        threshold: u8::try_from(authority.threshold.number()).unwrap_or(u8::MAX),
        custodians: authority.custodians.to_vec(),
    };
    Genesis { bytes: Arc::from(bytes), authority, complete }
}

/// An authority as it travels.
///
/// # Errors
/// [`Error::Key`] for more or fewer keys than the rule allows.
pub(super) fn authority(authority: &Authority) -> Result<wire::Authority, Error> {
    let threshold = Bounded::new(authority.threshold.into());
    Ok(wire::Authority {
        operators: List::new(authority.operators.clone())?,
        threshold: threshold.ok_or(Error::Missing { what: "threshold of 1 to 8" })?,
        custodians: List::new(authority.custodians.clone())?,
    })
}

fn facts(grant: &Grant) -> Result<GrantFacts, Error> {
    let epochs = |keys: &[DiskKey]| keys.iter().map(|key| key.epoch).collect::<Vec<KeyEpoch>>();
    Ok(match grant {
        Grant::Init(grant) => GrantFacts::Init {
            cluster: grant.cluster,
            attempt: grant.attempt,
            node: grant.node,
            name: name(&grant.name)?,
            epochs: match &grant.keys {
                InitKeys::Roots(roots) => roots.iter().map(|root: &Root| root.epoch).collect(),
                InitKeys::Source(_) => vec![grant.epoch],
            },
            policy: grant.policy.as_ref().map(wire::Signed::to_bytes),
        },
        Grant::Join(ticket) => GrantFacts::Join {
            ticket: TicketFacts {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                epochs: epochs(&ticket.disk_keys),
                roots: matches!(ticket.place, wire::Place::Seat(_)),
            },
            role: ticket.place.role(),
            name: name(&ticket.name)?,
        },
        Grant::Rejoin(ticket) => GrantFacts::Rejoin {
            ticket: TicketFacts {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                epochs: epochs(&ticket.disk_keys),
                roots: ticket.roots.is_some(),
            },
            provisional: ticket.provisional == Some(true),
        },
        Grant::Recover(grant) => {
            GrantFacts::Recover { cluster: grant.cluster, node: grant.node, epochs: epochs(&grant.disk_keys) }
        }
        Grant::Share(grant) => GrantFacts::Share {
            cluster: grant.cluster,
            set: grant.share.set,
            epoch: grant.share.epoch,
            index: octet(grant.share.index.number()),
            needed: octet(grant.share.threshold.number()),
        },
        Grant::Renew(ticket) => GrantFacts::Renew {
            ticket: TicketFacts {
                cluster: ticket.cluster,
                node: ticket.node,
                generation: ticket.generation,
                epochs: ticket.disk_keys.as_deref().map(epochs).unwrap_or_default(),
                roots: ticket.roots.is_some(),
            },
        },
        Grant::Rotate(grant) => GrantFacts::Rotate { cluster: grant.cluster, epoch: grant.epoch },
    })
}

fn name(name: &wire::Name) -> Result<Name, Error> {
    Name::new(name.as_str()).ok_or(Error::Missing { what: "name of 1 to 253 bytes" })
}

fn octet(number: u32) -> u8 {
    // The rule's numbers go to 255.
    u8::try_from(number).unwrap_or(u8::MAX)
}
