//! Key work by handles that say what they stand for.

use super::*;

const ROOTS: u8 = 1;
const DISK: u8 = 2;
const SHARE: u8 = 3;

fn handle(parts: [u8; 4]) -> Handle {
    Handle::new(u32::from_be_bytes(parts))
}

fn parts(handle: Handle) -> [u8; 4] {
    handle.number().to_be_bytes()
}

pub(in crate::machine) fn roots(cluster: u8) -> Handle {
    handle([ROOTS, cluster, 0, 0])
}

pub(in crate::machine) fn disk_keys(cluster: u8, node: u8) -> Handle {
    handle([DISK, cluster, node, 0])
}

/// The cluster whose secret a handle stands for.
pub(in crate::machine) fn secret_of(handle: Handle) -> u8 {
    parts(handle)[1]
}

/// A share; a damaged one does not fit its commitment.
pub(in crate::machine) fn share(cluster_number: u8, set: ShareSetId, index: u8, damaged: bool) -> GrantRef {
    GrantRef {
        handle: handle([SHARE, cluster_number, u8::from(damaged) << 7 | index, set.as_bytes()[0]]),
        facts: GrantFacts::Share {
            cluster: cluster(cluster_number),
            set,
            epoch: KeyEpoch::FIRST,
            index,
            needed: 2,
        },
    }
}

pub(in crate::machine) fn number_of(id: ClusterId) -> u8 {
    (1..=9).find(|number| cluster(*number) == id).unwrap_or(0)
}

fn number_of_genesis(genesis: &Genesis) -> u8 {
    genesis.bytes.first().copied().unwrap_or(0)
}

fn ticket_facts(cluster: ClusterId, receiver: &crate::ticket::Receiver) -> TicketFacts {
    TicketFacts {
        cluster,
        node: receiver.node,
        generation: receiver.generation,
        epochs: receiver.epochs.clone(),
        roots: receiver.holding.role() == Role::Seat,
    }
}

fn ticket_handle(cluster: ClusterId, receiver: &crate::ticket::Receiver) -> Handle {
    disk_keys(number_of(cluster), receiver.node.as_bytes()[0])
}

/// A Grant 1 for node 1.
pub(in crate::machine) fn init_grant(secret_of: u8, named: u8) -> GrantRef {
    GrantRef {
        handle: roots(secret_of),
        facts: GrantFacts::Init {
            cluster: cluster(named),
            attempt: attempt(named),
            node: node_id(1),
            name: name("seat-1"),
            epochs: vec![KeyEpoch::FIRST],
            policy: None,
        },
    }
}

pub(in crate::machine) fn recover_grant(secret_of: u8, named: u8, node: u8) -> GrantRef {
    GrantRef {
        handle: disk_keys(secret_of, node),
        facts: GrantFacts::Recover {
            cluster: cluster(named),
            node: node_id(node),
            epochs: vec![KeyEpoch::FIRST],
        },
    }
}

/// What a key ring of the party that works for cluster `own` answers, in boot `boot`.
pub(in crate::machine) fn keys(action: &KeyAction, own: u8, boot: BootId) -> KeyOutcome {
    match action {
        KeyAction::NewMaster { custody, .. } => {
            let complete = *custody != Custody::NodeBorn;
            KeyOutcome::Cluster { genesis: Genesis { complete, ..genesis(own) }, roots: roots(own) }
        }
        KeyAction::MakeIdentityRoot { genesis } => {
            let number = number_of_genesis(genesis);
            KeyOutcome::Cluster { genesis: born(number, boot), roots: roots(number) }
        }
        KeyAction::CheckPolicies { genesis, held, statements } => {
            let number = number_of_genesis(genesis);
            let newest = statements.last().filter(|statement| statement.first() == Some(&number));
            match newest.map(|statement| u32::from(statement[1])) {
                Some(epoch) if epoch >= held.map_or(1, |held| held.epoch) => {
                    let fork = newest.is_some_and(|statement| statement.len() > 2);
                    KeyOutcome::Policy(if fork { tip(0xff, epoch) } else { tip(number, epoch) })
                }
                _ => KeyOutcome::Refused(Code::STATEMENT),
            }
        }
        KeyAction::CheckAuthority { cluster, genesis, .. } => {
            if genesis.cluster() == Some(*cluster) {
                let Authority { operators, custodians, .. } = genesis.authority.clone();
                KeyOutcome::Authority { operators, custodians }
            } else {
                KeyOutcome::Refused(Code::STATEMENT)
            }
        }
        KeyAction::InitGrant(grant) => {
            let GrantRef { handle, facts } = init_grant(own, own);
            match facts {
                GrantFacts::Init { epochs, policy, .. } => KeyOutcome::Grant(GrantRef {
                    handle,
                    facts: GrantFacts::Init {
                        cluster: grant.cluster(),
                        attempt: grant.attempt(),
                        node: grant.node(),
                        name: grant.name().clone(),
                        epochs,
                        policy,
                    },
                }),
                _ => KeyOutcome::Refused(Code::INTERNAL),
            }
        }
        KeyAction::CheckRoots { grant, genesis, .. } => {
            if secret_of(*grant) == number_of_genesis(genesis) {
                KeyOutcome::Matches
            } else {
                KeyOutcome::Refused(Code::WRONG_SECRET)
            }
        }
        KeyAction::DeriveDiskKeys { roots, node, .. } => {
            KeyOutcome::Made(disk_keys(secret_of(*roots), node.as_bytes()[0]))
        }
        KeyAction::OwnCertificate { cluster, node, .. } => {
            KeyOutcome::Chain(vec![vec![number_of(*cluster), node.as_bytes()[0]]])
        }
        KeyAction::CheckResult { genesis, node, chain } => {
            if *chain == [vec![number_of_genesis(genesis), node.as_bytes()[0]]] {
                KeyOutcome::Matches
            } else {
                KeyOutcome::Refused(Code::KEY_PROOF)
            }
        }
        KeyAction::JoinTicket(ticket) => KeyOutcome::Grant(GrantRef {
            handle: ticket_handle(ticket.cluster(), ticket.receiver()),
            facts: GrantFacts::Join {
                ticket: ticket_facts(ticket.cluster(), ticket.receiver()),
                role: ticket.receiver().holding.role(),
                name: ticket.receiver().name.clone(),
            },
        }),
        KeyAction::RejoinTicket(ticket) => KeyOutcome::Grant(GrantRef {
            handle: ticket_handle(ticket.cluster(), ticket.receiver()),
            facts: GrantFacts::Rejoin {
                ticket: ticket_facts(ticket.cluster(), ticket.receiver()),
                provisional: ticket.is_provisional(),
            },
        }),
        KeyAction::RenewTicket(ticket) => KeyOutcome::Grant(GrantRef {
            handle: ticket_handle(ticket.cluster(), ticket.receiver()),
            facts: GrantFacts::Renew { ticket: ticket_facts(ticket.cluster(), ticket.receiver()) },
        }),
        KeyAction::RecoverGrant(grant) => {
            KeyOutcome::Grant(recover_grant(own, number_of(grant.cluster()), grant.node().as_bytes()[0]))
        }
        KeyAction::ShareGrant(grant) => KeyOutcome::Grant(share(number_of(grant.cluster()), SET, own, false)),
        KeyAction::CheckTicket { grant, cluster, node, .. } => {
            if *grant == disk_keys(number_of(*cluster), node.as_bytes()[0]) {
                KeyOutcome::Policy(tip(number_of(*cluster), 1))
            } else {
                KeyOutcome::Refused(Code::KEY_PROOF)
            }
        }
        KeyAction::CheckShare { share, .. } => {
            if parts(*share)[2] & 0x80 == 0 {
                KeyOutcome::Matches
            } else {
                KeyOutcome::Refused(Code::SHARE_WRONG)
            }
        }
        KeyAction::CombineShares { shares, genesis } => {
            let number = number_of_genesis(genesis);
            let fit = |share: &Handle| secret_of(*share) == number && parts(*share)[3] == SET.as_bytes()[0];
            if shares.len() >= 2 && shares.iter().all(fit) {
                KeyOutcome::Made(roots(number))
            } else {
                KeyOutcome::Refused(Code::SHARE_WRONG)
            }
        }
        KeyAction::Forget(_) => KeyOutcome::Matches,
    }
}
