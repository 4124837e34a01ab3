//! Shares of a secret as they come in, from several custodians in any order (protocol section 5, V3, Grant 5).
//!
//! Sets are kept apart: one custodian that lies about its set delays nobody but itself. A share that does not fit is named by its
//! custodian, and five of them bar that key for ten minutes.

use crate::error::Code;
use crate::ids::{KeyId, ShareSetId};
use crate::keys::Handle;
use crate::time::{Deadline, Instant, Timer};

use super::disk::{Basis, Generation};
use super::facts::{DiskHeader, Floors, Genesis, RecoverClaims};
use super::message::{GrantFacts, GrantRef, Held};
use super::node::Shared;
use super::outbox::Outbox;
use super::{ActionId, ChannelId, Event, KeyAction, KeyOutcome, Message, Outcome};

/// Shares held at once, of all sets.
const MOST: usize = 64;
/// Custodians that are counted; a list of custodians is no longer than 16.
const CUSTODIANS: usize = 16;
/// Wrong shares until a custodian has to wait.
const WRONG: u8 = 5;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shares {
    held: Vec<Share>,
    until: Option<Deadline>,
    work: Option<Work>,
    wrong: Vec<Wrong>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Share {
    handle: Handle,
    set: ShareSetId,
    index: u8,
    needed: u8,
    custodian: KeyId,
    channel: ChannelId,
    floors: Floors,
    alone: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Work {
    Combining(ActionId, ShareSetId, ChannelId, Basis),
    Deriving(ActionId, ShareSetId, ChannelId, Basis, Handle),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wrong {
    custodian: KeyId,
    count: u8,
    barred: Option<Deadline>,
}

/// What came of a share.
#[derive(Debug)]
pub(super) enum Put {
    /// More are needed, or the work on them goes on.
    Working,
    /// Keys to be tried, and the channel of the last share.
    Keys(ChannelId, Handle, Basis),
    /// They do not make the secret of the genesis: these channels gave them.
    Wrong(Vec<ChannelId>),
}

impl Shares {
    /// The guards that need no keys. The answer is a share of the same set, to compare commitments with.
    pub(super) fn may_put(
        &self,
        grant: &GrantRef,
        header: &DiskHeader,
        claims: &RecoverClaims,
        custodian: KeyId,
    ) -> Result<Option<Handle>, Code> {
        let GrantFacts::Share { cluster, set, epoch, index, needed } = &grant.facts else {
            return Err(Code::OUT_OF_ORDER);
        };
        if *cluster != header.cluster || !header.epochs.contains(epoch) || claims.shares != Some(*set) {
            return Err(Code::SHARE_FOREIGN);
        }
        if *index == 0 || *needed < 2 {
            return Err(Code::SHARE_WRONG);
        }
        let same_set = self.held.iter().find(|share| share.set == *set);
        if same_set.is_some_and(|share| share.needed != *needed) {
            return Err(Code::SHARE_FOREIGN);
        }
        let mine = self.held.iter().filter(|share| share.custodian == custodian).count();
        if self.held.len() >= MOST || mine >= MOST / CUSTODIANS {
            return Err(Code::BUSY);
        }
        Ok(same_set.map(|share| share.handle))
    }

    /// A share that was checked.
    pub(super) fn put(
        &mut self,
        grant: &GrantRef,
        custodian: KeyId,
        basis: Basis,
        genesis: Option<Genesis>,
        shared: &mut Shared,
        now: Instant,
    ) -> Put {
        let (GrantFacts::Share { set, index, needed, .. }, Some(channel), Generation::Floor(floors)) =
            (&grant.facts, basis.channel, basis.generation)
        else {
            return Put::Working;
        };
        if self.held.iter().any(|share| share.set == *set && share.index == *index) {
            shared.forget(grant.handle);
        } else {
            self.held.push(Share {
                handle: grant.handle,
                set: *set,
                index: *index,
                needed: *needed,
                custodian,
                channel,
                floors,
                alone: basis.alone,
            });
            self.until.get_or_insert_with(|| Deadline::start(Timer::Shares, now));
        }
        let of_set: Vec<&Share> = self.held.iter().filter(|share| share.set == *set).collect();
        let held = u8::try_from(of_set.len()).unwrap_or(u8::MAX);
        shared.out.send(channel, Message::Held(Held { set: *set, held, needed: *needed }));
        let (Some(genesis), None, true) = (genesis, &self.work, held >= *needed) else { return Put::Working };
        // Everybody's floors count, and nobody is alone unless all say so.
        let floors = of_set.iter().fold(Floors::default(), |all, share| all.max(share.floors));
        let alone = of_set.iter().all(|share| share.alone);
        let shares = of_set.iter().take(usize::from(*needed)).map(|share| share.handle).collect();
        let action = shared.keys(KeyAction::CombineShares { shares, genesis });
        self.work = Some(Work::Combining(action, *set, channel, Basis::pushed(channel, floors, alone)));
        Put::Working
    }

    /// The answer to an action; `None` if it is not one of these.
    pub(super) fn done(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        header: &DiskHeader,
        shared: &mut Shared,
    ) -> Option<Put> {
        match (self.work.take()?, outcome) {
            (Work::Combining(action, set, channel, basis), outcome) if action == id => Some(match outcome {
                Outcome::Keys(KeyOutcome::Made(roots)) => {
                    let derive = KeyAction::DeriveDiskKeys {
                        roots: *roots,
                        node: header.node,
                        disk: header.disk,
                        epochs: header.epochs.clone(),
                    };
                    self.work = Some(Work::Deriving(shared.keys(derive), set, channel, basis, *roots));
                    Put::Working
                }
                _ => Put::Wrong(self.drop_set(set, shared)),
            }),
            (Work::Deriving(action, set, channel, basis, roots), outcome) if action == id => {
                shared.forget(roots);
                let gave = self.drop_set(set, shared);
                Some(match outcome {
                    Outcome::Keys(KeyOutcome::Made(keys)) => Put::Keys(channel, *keys, basis),
                    _ => Put::Wrong(gave),
                })
            }
            (other, _) => {
                self.work = Some(other);
                None
            }
        }
    }

    /// One more wrong share of this custodian.
    pub(super) fn wrong(&mut self, custodian: KeyId, code: Code, now: Instant, out: &mut Outbox) {
        if code == Code::BUSY {
            return;
        }
        out.event(Event::CustodianWrong { custodian, code });
        let at = self.wrong.iter().position(|wrong| wrong.custodian == custodian);
        if at.is_none() && self.wrong.len() < CUSTODIANS {
            self.wrong.push(Wrong { custodian, count: 0, barred: None });
        }
        if let Some(wrong) = self.wrong.iter_mut().find(|wrong| wrong.custodian == custodian) {
            wrong.count = wrong.count.saturating_add(1);
            if wrong.count >= WRONG {
                wrong.count = 0;
                wrong.barred = Some(Deadline::start(Timer::Penalty, now));
            }
        }
    }

    pub(super) fn is_barred(&self, custodian: &KeyId, now: Instant) -> bool {
        self.wrong.iter().any(|wrong| {
            wrong.custodian == *custodian && wrong.barred.is_some_and(|deadline| !deadline.is_over(now))
        })
    }

    pub(super) fn tick(&mut self, shared: &mut Shared, now: Instant) {
        if self.until.is_some_and(|until| until.is_over(now)) {
            self.clear(shared);
        }
    }

    pub(super) const fn deadline(&self) -> Option<Deadline> {
        self.until
    }

    pub(super) fn clear(&mut self, shared: &mut Shared) {
        for share in core::mem::take(&mut self.held) {
            shared.forget(share.handle);
        }
        self.until = None;
        self.work = None;
    }

    fn drop_set(&mut self, set: ShareSetId, shared: &mut Shared) -> Vec<ChannelId> {
        let mut gave = Vec::new();
        for share in core::mem::take(&mut self.held) {
            if share.set == set {
                shared.forget(share.handle);
                gave.push(share.channel);
            } else {
                self.held.push(share);
            }
        }
        if self.held.is_empty() {
            self.until = None;
        }
        gave.dedup();
        gave
    }
}

impl Floors {
    /// The higher of each.
    fn max(self, other: Self) -> Self {
        Self {
            policy: self.policy.max(other.policy),
            generation: self.generation.max(other.generation),
            recovery: self.recovery.max(other.recovery),
            time: self.time.max(other.time),
        }
    }
}
