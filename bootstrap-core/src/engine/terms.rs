//! What each flow demands, and what each end shows (protocol section 4, the table of flows).

use super::Error;
use crate::channel::proof::{KEY, MAC};
use crate::channel::terms::{Demand, OneOf, Terms};
use crate::wire::{Flow, Kind, List, Order};

/// The kinds of evidence of this end's devices, and those of the machines that it accepts. Kinds `key` and `mac` come by the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) shows: Vec<Kind>,
    pub(super) accepts: Vec<Kind>,
}

impl Kinds {
    /// The terms of the end that dials.
    pub(super) fn dialling(&self, flow: Flow) -> Result<Terms, Error> {
        let proofs = proofs()?;
        let devices = || OneOf::Kinds(self.accepts.clone());
        let (shows, accepts, demand) = match flow {
            Flow::Init | Flow::Recover => (proofs, with(&self.accepts, KEY)?, vec![devices()]),
            Flow::Join | Flow::Rejoin | Flow::Renew => {
                (with_all(&self.shows, &proofs), self.accepts.clone(), vec![devices(), OneOf::Chain])
            }
            Flow::Statement | Flow::Rotate => {
                (vec![kind(KEY)?], self.accepts.clone(), vec![devices(), OneOf::Chain])
            }
            Flow::Probe => (Vec::new(), self.accepts.clone(), vec![devices()]),
        };
        terms(flow, shows, accepts, Demand::All(demand))
    }

    /// The terms of the end that is dialled.
    pub(super) fn dialled(&self, flow: Flow) -> Result<Terms, Error> {
        let proofs = proofs()?;
        let devices = || OneOf::Kinds(self.accepts.clone());
        let (accepts, demand) = match flow {
            Flow::Init => (proofs.clone(), Demand::All(vec![OneOf::Kinds(proofs)])),
            Flow::Recover | Flow::Statement | Flow::Rotate => {
                (vec![kind(KEY)?], Demand::All(vec![OneOf::Kinds(vec![kind(KEY)?])]))
            }
            Flow::Join | Flow::Rejoin => (with_all(&self.accepts, &proofs), Demand::All(vec![devices()])),
            Flow::Renew => (with_all(&self.accepts, &proofs), Demand::All(vec![devices(), OneOf::Chain])),
            Flow::Probe => (Vec::new(), Demand::Nothing),
        };
        let shows = match flow {
            // A member's key of the same node, to whoever brings its disk back.
            Flow::Recover => with(&self.shows, KEY)?,
            _ => self.shows.clone(),
        };
        terms(flow, shows, accepts, demand)
    }
}

/// The kind of this name.
pub(super) fn kind(name: &str) -> Result<Kind, Error> {
    Ok(Kind::new(name)?)
}

fn proofs() -> Result<Vec<Kind>, Error> {
    Ok(vec![kind(KEY)?, kind(MAC)?])
}

fn with(kinds: &[Kind], more: &str) -> Result<Vec<Kind>, Error> {
    Ok(with_all(kinds, &[kind(more)?]))
}

fn with_all(kinds: &[Kind], more: &[Kind]) -> Vec<Kind> {
    kinds.iter().chain(more).cloned().collect()
}

fn terms(flow: Flow, shows: Vec<Kind>, accepts: Vec<Kind>, demand: Demand) -> Result<Terms, Error> {
    let order = match flow {
        Flow::Init | Flow::Recover => Order::ServerFirst,
        _ => Order::Both,
    };
    Ok(Terms { flow, shows: List::new(shows)?, accepts: List::new(accepts)?, demand, order })
}
