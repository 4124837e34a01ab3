//! A key ring of symbols: it answers every [`KeyAction`] as `keys::Keyring` does, with hashes in place of cryptography.

use std::collections::BTreeMap;

use crate::error::Code;
use crate::ids::{ClusterId, DiskId, KeyEpoch, NodeId, Role, ShareSetId};
use crate::keys::Handle;
use crate::machine::facts::{Authority, Custody, Genesis, PolicyTip};
use crate::machine::message::{GrantFacts, GrantRef, TicketFacts};
use crate::machine::{KeyAction, KeyOutcome};
use crate::peer::Member;
use crate::ticket::{Holding, Receiver};

use super::entropy::Entropy;
use super::symbol::{self, GenesisParts, Policy, Roots};

/// Secret material, by what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an attacker in a test makes what it holds")]
pub enum Material {
    /// A master secret.
    Master([u8; 32]),
    /// Roots.
    Roots(Roots),
    /// Keys of one disk.
    DiskKeys(Vec<(KeyEpoch, [u8; 32])>),
    /// A grant as it was received, or as it is to be sent.
    Grant(Box<Grant>),
    /// A share of a master secret.
    Share(Share),
}

/// A grant with its secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an attacker in a test makes what it sends")]
pub struct Grant {
    /// Its public fields.
    pub facts: GrantFacts,
    /// Roots.
    pub roots: Option<Roots>,
    /// Keys of the receiver's disk.
    pub disk_keys: Vec<(KeyEpoch, [u8; 32])>,
    /// Certificates.
    pub chain: Vec<Vec<u8>>,
    /// Policies.
    pub policies: Vec<Vec<u8>>,
    /// A share.
    pub share: Option<Share>,
}

/// A share. A wrong one says what the right one says, and holds something else.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever plays the custodian writes it out")]
pub struct Share {
    /// The cluster that it is of.
    pub cluster: ClusterId,
    /// The split that it comes from.
    pub set: ShareSetId,
    /// Which.
    pub index: u8,
    /// How many are needed.
    pub needed: u8,
    /// The secret; whoever has fewer than `needed` does not look.
    pub secret: [u8; 32],
    /// Whether it fits its commitment.
    pub fits: bool,
}

/// What a ring must know that is no secret.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written out by the host")]
pub struct Known<'a> {
    /// The genesis of the cluster, once the host has seen it.
    pub genesis: Option<&'a Genesis>,
    /// All policies of the cluster, where the host has a store.
    pub policies: &'a [Vec<u8>],
    /// The request for this boot's certificate.
    pub csr: &'a [u8],
    /// Until when a certificate lives that is made now, in Unix seconds.
    pub certified_until: u64,
    /// The first policy, where this is the operator's.
    pub first_policy: Option<Vec<u8>>,
}

/// A key ring.
#[derive(Clone, Debug)]
pub struct Ring {
    entropy: Entropy,
    next: u32,
    held: BTreeMap<Handle, Material>,
    /// The roots of this seat, or of this operator, that tickets are made of.
    pub roots: Option<Roots>,
    /// A master secret whose file a crash left without a state file.
    pub orphan: Option<[u8; 32]>,
    /// The share of this custodian.
    pub share: Option<Share>,
}

impl Ring {
    /// An empty one.
    pub const fn new(entropy: Entropy) -> Self {
        Self { entropy, next: 1, held: BTreeMap::new(), roots: None, orphan: None, share: None }
    }

    /// Takes material in.
    pub fn put(&mut self, material: Material) -> Handle {
        let handle = Handle::new(self.next);
        self.next = self.next.wrapping_add(1);
        self.held.insert(handle, material);
        handle
    }

    /// What a handle stands for.
    pub fn material(&self, handle: Handle) -> Option<&Material> {
        self.held.get(&handle)
    }

    /// Takes a grant out, to be sent.
    pub fn send(&mut self, handle: Handle) -> Option<Grant> {
        match self.held.remove(&handle)? {
            Material::Grant(grant) => Some(*grant),
            other => {
                self.held.insert(handle, other);
                None
            }
        }
    }

    /// Takes a grant in that was received.
    pub fn receive(&mut self, grant: Grant) -> GrantRef {
        let facts = grant.facts.clone();
        GrantRef { handle: self.put(Material::Grant(Box::new(grant))), facts }
    }

    /// The disk keys behind a handle.
    pub fn disk_keys(&self, handle: Handle) -> Option<&[(KeyEpoch, [u8; 32])]> {
        match self.held.get(&handle)? {
            Material::DiskKeys(keys) => Some(keys),
            Material::Grant(grant) if !grant.disk_keys.is_empty() => Some(&grant.disk_keys),
            _ => None,
        }
    }

    /// The roots behind a handle.
    pub fn roots_of(&self, handle: Handle) -> Option<Roots> {
        match self.held.get(&handle)? {
            Material::Master(master) => Some(Roots::of_master(master)),
            Material::Roots(roots) => Some(*roots),
            Material::Grant(grant) => grant.roots,
            Material::DiskKeys(_) | Material::Share(_) => None,
        }
    }

    /// How many secrets it holds.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Does what is asked.
    pub fn perform(&mut self, action: &KeyAction, known: &Known<'_>) -> KeyOutcome {
        self.answer(action, known).unwrap_or(KeyOutcome::Refused(Code::KEY_EPOCH))
    }

    fn answer(&mut self, action: &KeyAction, known: &Known<'_>) -> Option<KeyOutcome> {
        Some(match action {
            KeyAction::NewMaster { authority, custody } => self.new_master(authority, *custody),
            KeyAction::MakeIdentityRoot { genesis } => self.identity_root(genesis)?,
            KeyAction::CheckPolicies { genesis, held, statements } => {
                check_policies(genesis.cluster()?, &genesis.authority, *held, statements)
            }
            KeyAction::CheckAuthority { cluster, genesis, statements } => {
                if genesis.cluster() != Some(*cluster) {
                    return Some(KeyOutcome::Refused(Code::STATEMENT));
                }
                match check_policies(*cluster, &genesis.authority, None, statements) {
                    KeyOutcome::Refused(code) if !statements.is_empty() => KeyOutcome::Refused(code),
                    _ => KeyOutcome::Authority {
                        operators: genesis.authority.operators.clone(),
                        custodians: genesis.authority.custodians.clone(),
                    },
                }
            }
            KeyAction::OwnCertificate { roots, cluster, node, name } => {
                let ca = self.roots_of(*roots)?.ca()?;
                let member = Member {
                    cluster: *cluster,
                    node: *node,
                    role: Role::Seat,
                    ca_epoch: KeyEpoch::FIRST,
                    policy_epoch: 1,
                    generation: 1,
                    name: name.as_str().to_owned(),
                    not_after: known.certified_until,
                };
                KeyOutcome::Chain(vec![symbol::certificate(ca, &member, known.csr)])
            }
            KeyAction::InitGrant(grant) => self.grant(Grant {
                facts: GrantFacts::Init {
                    cluster: grant.cluster(),
                    attempt: grant.attempt(),
                    node: grant.node(),
                    name: grant.name().clone(),
                    epochs: vec![KeyEpoch::FIRST],
                    // The genesis that a node completed could have no policy before.
                    policy: known
                        .first_policy
                        .clone()
                        .filter(|_| self.roots.is_some_and(|own| own.identity.is_none())),
                },
                roots: Some(self.roots?),
                disk_keys: Vec::new(),
                chain: Vec::new(),
                policies: Vec::new(),
                share: None,
            }),
            KeyAction::CheckRoots { grant, identity, genesis } => {
                let roots = self.roots_of(*grant)?;
                let identity = identity.map_or(Some(roots), |own| self.roots_of(own))?;
                let GenesisParts { ca, check, .. } = GenesisParts::of(genesis)?;
                if identity.ca().is_some() && identity.ca() == ca && roots.check() == check {
                    if let Some(Material::Grant(grant)) = self.held.get_mut(grant) {
                        grant.roots = Some(Roots { identity: identity.identity, data: roots.data });
                    }
                    KeyOutcome::Matches
                } else {
                    KeyOutcome::Refused(Code::WRONG_SECRET)
                }
            }
            KeyAction::DeriveDiskKeys { roots, node, disk, epochs } => {
                let roots = self.roots_of(*roots)?;
                KeyOutcome::Made(self.put(Material::DiskKeys(disk_keys(&roots, *node, *disk, epochs)?)))
            }
            KeyAction::JoinTicket(ticket) => {
                self.ticket(ticket.cluster(), ticket.receiver(), known, |facts, receiver| GrantFacts::Join {
                    ticket: facts,
                    role: receiver.holding.role(),
                    name: receiver.name.clone(),
                })?
            }
            KeyAction::RejoinTicket(ticket) => {
                let provisional = ticket.is_provisional();
                self.ticket(ticket.cluster(), ticket.receiver(), known, |facts, _| GrantFacts::Rejoin {
                    ticket: facts,
                    provisional,
                })?
            }
            KeyAction::RenewTicket(ticket) => {
                self.ticket(ticket.cluster(), ticket.receiver(), known, |facts, _| GrantFacts::Renew {
                    ticket: facts,
                })?
            }
            KeyAction::RecoverGrant(grant) => {
                let roots = self.roots?;
                self.grant(Grant {
                    facts: GrantFacts::Recover {
                        cluster: grant.cluster(),
                        node: grant.node(),
                        epochs: grant.epochs().to_vec(),
                    },
                    roots: matches!(grant.holding(), Holding::Seat { .. }).then_some(roots),
                    disk_keys: disk_keys(&roots, grant.node(), grant.disk(), grant.epochs())?,
                    chain: Vec::new(),
                    policies: Vec::new(),
                    share: None,
                })
            }
            KeyAction::ShareGrant(_) => {
                let share = self.share.clone()?;
                self.grant(Grant {
                    facts: GrantFacts::Share {
                        cluster: share.cluster,
                        set: share.set,
                        epoch: KeyEpoch::FIRST,
                        index: share.index,
                        needed: share.needed,
                    },
                    roots: None,
                    disk_keys: Vec::new(),
                    chain: Vec::new(),
                    policies: Vec::new(),
                    share: Some(share),
                })
            }
            KeyAction::CheckTicket { grant, cluster, node, held } => {
                self.check_ticket(*grant, *cluster, *node, *held, known)?
            }
            KeyAction::CheckResult { genesis, node, chain } => {
                let GenesisParts { ca, .. } = GenesisParts::of(genesis)?;
                let leaf = chain.first().and_then(|leaf| symbol::read_certificate(leaf));
                match leaf {
                    Some((by, member, _))
                        if Some(by) == ca
                            && member.node == *node
                            && Some(member.cluster) == genesis.cluster() =>
                    {
                        KeyOutcome::Matches
                    }
                    _ => KeyOutcome::Refused(Code::KEY_PROOF),
                }
            }
            KeyAction::CheckShare { share, cluster, with } => {
                let share = self.share_of(*share)?;
                let set = with.and_then(|with| self.share_of(with)).map(|with| with.set);
                if share.cluster != *cluster || set.is_some_and(|set| set != share.set) {
                    KeyOutcome::Refused(Code::SHARE_FOREIGN)
                } else if share.fits {
                    KeyOutcome::Matches
                } else {
                    KeyOutcome::Refused(Code::SHARE_WRONG)
                }
            }
            KeyAction::CombineShares { shares, genesis } => self.combine(shares, genesis)?,
            KeyAction::Forget(handle) => {
                self.held.remove(handle);
                KeyOutcome::Matches
            }
        })
    }

    fn new_master(&mut self, authority: &Authority, custody: Custody) -> KeyOutcome {
        // A master file without a state file: nothing was sent yet, and a master file is never overwritten.
        let drawn = self.entropy.bytes();
        let master: [u8; 32] = self.orphan.take().unwrap_or(drawn);
        let mut roots = Roots::of_master(&master);
        if custody == Custody::NodeBorn {
            roots.identity = None;
        }
        self.roots = Some(roots);
        let salt = self.entropy.bytes();
        let genesis = symbol::genesis(salt, authority.clone(), roots.ca(), roots.check());
        let material =
            if custody == Custody::Joint { Material::Master(master) } else { Material::Roots(roots) };
        KeyOutcome::Cluster { genesis, roots: self.put(material) }
    }

    fn identity_root(&mut self, genesis: &Genesis) -> Option<KeyOutcome> {
        let GenesisParts { salt, check, .. } = GenesisParts::of(genesis)?;
        let roots = Roots { identity: Some(self.entropy.bytes()), data: None };
        let genesis = symbol::genesis(salt, genesis.authority.clone(), roots.ca(), check);
        Some(KeyOutcome::Cluster { genesis, roots: self.put(Material::Roots(roots)) })
    }

    fn ticket(
        &mut self,
        cluster: ClusterId,
        receiver: &Receiver,
        known: &Known<'_>,
        facts: impl FnOnce(TicketFacts, &Receiver) -> GrantFacts,
    ) -> Option<KeyOutcome> {
        let roots = self.roots?;
        let held = receiver.held.map_or(0, |tip| tip.epoch);
        let member = Member {
            cluster,
            node: receiver.node,
            role: receiver.holding.role(),
            ca_epoch: KeyEpoch::FIRST,
            policy_epoch: u32::try_from(known.policies.len()).unwrap_or(u32::MAX),
            generation: receiver.generation,
            name: receiver.name.as_str().to_owned(),
            not_after: known.certified_until,
        };
        let with_roots = matches!(receiver.holding, Holding::Seat { .. });
        let ticket = TicketFacts {
            cluster,
            node: receiver.node,
            generation: receiver.generation,
            epochs: receiver.epochs.clone(),
            roots: with_roots,
        };
        Some(self.grant(Grant {
            facts: facts(ticket, receiver),
            roots: with_roots.then_some(roots),
            disk_keys: disk_keys(&roots, receiver.node, receiver.disk, &receiver.epochs)?,
            chain: vec![symbol::certificate(roots.ca()?, &member, &receiver.csr)],
            policies: known.policies.iter().skip(usize::try_from(held).ok()?).cloned().collect(),
            share: None,
        }))
    }

    fn check_ticket(
        &self,
        grant: Handle,
        cluster: ClusterId,
        node: NodeId,
        held: Option<PolicyTip>,
        known: &Known<'_>,
    ) -> Option<KeyOutcome> {
        let Material::Grant(grant) = self.held.get(&grant)? else { return None };
        let genesis = known.genesis.filter(|genesis| genesis.cluster() == Some(cluster))?;
        let GenesisParts { ca, .. } = GenesisParts::of(genesis)?;
        let Some((by, member, csr)) = grant.chain.first().and_then(|leaf| symbol::read_certificate(leaf))
        else {
            return Some(KeyOutcome::Refused(Code::KEY_PROOF));
        };
        if Some(by) != ca || member.cluster != cluster || member.node != node {
            return Some(KeyOutcome::Refused(Code::KEY_PROOF));
        }
        if csr != known.csr {
            return Some(KeyOutcome::Refused(Code::CSR));
        }
        match (grant.policies.is_empty(), held) {
            (true, Some(tip)) => Some(KeyOutcome::Policy(tip)),
            _ => Some(check_policies(cluster, &genesis.authority, held, &grant.policies)),
        }
    }

    fn combine(&mut self, shares: &[Handle], genesis: &Genesis) -> Option<KeyOutcome> {
        let shares: Vec<&Share> = shares.iter().map(|share| self.share_of(*share)).collect::<Option<_>>()?;
        let first = *shares.first()?;
        let mut indices: Vec<u8> =
            shares.iter().filter(|share| share.set == first.set).map(|share| share.index).collect();
        indices.sort_unstable();
        indices.dedup();
        let roots = Roots::of_master(&first.secret);
        let GenesisParts { ca, check, .. } = GenesisParts::of(genesis)?;
        if indices.len() < usize::from(first.needed) || roots.ca() != ca || roots.check() != check {
            return Some(KeyOutcome::Refused(Code::SHARE_WRONG));
        }
        Some(KeyOutcome::Made(self.put(Material::Roots(roots))))
    }

    fn share_of(&self, handle: Handle) -> Option<&Share> {
        match self.held.get(&handle)? {
            Material::Share(share) => Some(share),
            Material::Grant(grant) => grant.share.as_ref(),
            Material::Master(_) | Material::Roots(_) | Material::DiskKeys(_) => None,
        }
    }

    fn grant(&mut self, grant: Grant) -> KeyOutcome {
        KeyOutcome::Grant(self.receive(grant))
    }
}

fn disk_keys(
    roots: &Roots,
    node: NodeId,
    disk: DiskId,
    epochs: &[KeyEpoch],
) -> Option<Vec<(KeyEpoch, [u8; 32])>> {
    epochs.iter().map(|epoch| Some((*epoch, roots.disk_key(node, disk, *epoch)?))).collect()
}

fn check_policies(
    cluster: ClusterId,
    authority: &Authority,
    held: Option<PolicyTip>,
    statements: &[Vec<u8>],
) -> KeyOutcome {
    let mut tip = held;
    for statement in statements {
        let Some(policy) = Policy::from_bytes(statement) else {
            return KeyOutcome::Refused(Code::STATEMENT);
        };
        // A statement that is held already says nothing new; another one of its epoch is a fork.
        if tip.is_some_and(|tip| policy.epoch <= tip.epoch) {
            if tip == Some(policy.tip()) {
                continue;
            }
            return KeyOutcome::Refused(Code::FORKED);
        }
        if !policy.follows(cluster, authority, tip) {
            return KeyOutcome::Refused(Code::STATEMENT);
        }
        tip = Some(policy.tip());
    }
    tip.map_or(KeyOutcome::Refused(Code::STATEMENT), KeyOutcome::Policy)
}
