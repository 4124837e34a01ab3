//! What a restarted node's disk has come to, once for the node (protocol section 5, V4 to V9): closed, open with services shut, up, or
//! quarantined.

use crate::error::Code;
use crate::ids::Role;
use crate::keys::Handle;

use super::facts::{DiskHeader, Floors, Name, PolicyTip};
use super::guard::{Guard, removed};
use super::message::Done;
use super::node::Shared;
use super::record::{MemberPhase, MemberRecord, Record};
use super::{Action, ActionId, ChannelId, DiskAction, DriverAction, Event, KeyAction, Message, Outcome};

/// What the generation on a disk is judged by (protocol section 6, Generation).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Generation {
    /// A ticket t: the disk has t - 1, or t.
    Ticket(u32),
    /// A recovery: the disk has at least what its operator last saw.
    Floor(Floors),
}

/// On whose word a disk is opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Basis {
    /// Where the Done goes.
    pub(super) channel: Option<ChannelId>,
    pub(super) generation: Generation,
    /// A peer with a quorum says that this node is a member.
    pub(super) confirmed: bool,
    /// An operator says that no peer will come.
    pub(super) alone: bool,
    pub(super) policy: Option<PolicyTip>,
    /// Role and name, where a peer said them: for a disk whose record was not written yet.
    pub(super) seat: Option<(Role, Name)>,
    pub(super) roots: Option<Handle>,
}

impl Basis {
    /// Of nobody who waits for a Done.
    pub(super) const fn unasked(floors: Floors) -> Self {
        Self {
            channel: None,
            generation: Generation::Floor(floors),
            confirmed: false,
            alone: false,
            policy: None,
            seat: None,
            roots: None,
        }
    }

    /// Of a pusher.
    pub(super) fn pushed(channel: ChannelId, floors: Floors, alone: bool) -> Self {
        Self { channel: Some(channel), alone, ..Self::unasked(floors) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Core {
    /// V0 to V4.
    Closed,
    /// V5.
    Opening(ActionId, Basis),
    /// V6 while `open` is false, V7 then.
    /// `certified`: the node has a certificate of this boot. A recovery brings none, and without one there is no renewal.
    Running { record: MemberRecord, open: bool, certified: bool, driver: Option<ActionId> },
    /// V9.
    Quarantined,
}

impl Core {
    pub(super) fn opening(keys: Handle, basis: Basis, shared: &mut Shared) -> Self {
        Self::Opening(shared.out.perform(Action::Disk(DiskAction::Open { keys })), basis)
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Quarantined)
    }

    pub(super) const fn is_up(&self) -> bool {
        matches!(self, Self::Running { open: true, .. })
    }

    /// Whether nothing more is written here: from then on, renewals write the record.
    pub(super) const fn is_settled(&self) -> bool {
        matches!(self, Self::Running { open: true, certified: true, driver: None, .. })
    }

    /// Whether a peer's ticket would help: the disk is closed, the services are shut, or there is no certificate.
    pub(super) const fn wants_peer(&self) -> bool {
        matches!(
            self,
            Self::Closed | Self::Running { open: false, .. } | Self::Running { certified: false, .. }
        )
    }

    pub(super) fn policy(&self) -> Option<PolicyTip> {
        self.record().and_then(|record| record.policy)
    }

    pub(super) const fn record(&self) -> Option<&MemberRecord> {
        match self {
            Self::Running { record, .. } => Some(record),
            Self::Closed | Self::Opening(..) | Self::Quarantined => None,
        }
    }

    /// The answer to an action; whether it is one of the disk's.
    pub(super) fn done(
        &mut self,
        id: ActionId,
        outcome: &Outcome,
        header: &DiskHeader,
        shared: &mut Shared,
    ) -> bool {
        match self {
            Self::Opening(action, basis) if *action == id => {
                let basis = basis.clone();
                match outcome {
                    Outcome::Mounted { member, counter } => {
                        self.mounted(member.clone(), *counter, basis, header, shared);
                    }
                    _ => self.back(&basis, Code::INTERNAL, shared),
                }
                true
            }
            Self::Running { driver, .. } if *driver == Some(id) => {
                *driver = None;
                match outcome {
                    Outcome::Driven { payload, quorum } => {
                        self.driven(payload, shared);
                        if *quorum {
                            self.open_services(false, shared);
                        }
                    }
                    _ => shared.out.event(Event::DriverFailed { tries: 1, last: true }),
                }
                true
            }
            Self::Closed | Self::Opening(..) | Self::Running { .. } | Self::Quarantined => false,
        }
    }

    /// The driver's store has a quorum; whether the action was the disk's driver.
    pub(super) fn quorum(&mut self, id: ActionId, shared: &mut Shared) -> bool {
        let mine = matches!(self, Self::Running { driver, .. } if *driver == Some(id));
        if mine {
            self.open_services(false, shared);
        }
        mine
    }

    /// V5.
    pub(super) fn mounted(
        &mut self,
        member: Option<MemberRecord>,
        counter: Option<u32>,
        basis: Basis,
        header: &DiskHeader,
        shared: &mut Shared,
    ) {
        let record = match (member, &basis.seat) {
            (Some(member), _) => member,
            // The crash came between the format and the first record: generation 0, which only a first ticket may follow.
            (None, Some((role, name))) => MemberRecord {
                cluster: header.cluster,
                node: header.node,
                disk: header.disk,
                role: *role,
                name: name.clone(),
                generation: 0,
                policy: None,
                recovery: 0,
                time: 0,
                phase: MemberPhase::Driver,
                attempt: None,
                payload: std::sync::Arc::from([]),
                roots: None,
            },
            // Nobody here knows what the node is: a peer must say.
            (None, None) => return self.back(&basis, Code::FLOOR, shared),
        };
        if (record.cluster, record.node, record.disk) != (header.cluster, header.node, header.disk) {
            return self.quarantine(&basis, Code::SAME_NODE, shared);
        }
        let found = record.generation;
        if let Err((code, least)) = generation_rule(&record, counter, &basis.generation)
            && !removed(Guard::RecoveryGeneration)
        {
            shared.out.event(Event::Rollback { found, least });
            return self.quarantine(&basis, code, shared);
        }
        // Nobody but a peer's ticket brings a certificate, and a seat without one could serve nobody: it makes its own.
        let certified = match (&basis.generation, basis.channel, record.role, record.roots) {
            // A ticket has one; an init makes one.
            (Generation::Ticket(_), ..) | (_, None, ..) => true,
            (_, _, Role::Seat, Some(roots)) => {
                let (cluster, node, name) = (record.cluster, record.node, record.name.clone());
                shared.keys(KeyAction::OwnCertificate { roots, cluster, node, name });
                true
            }
            _ => false,
        };
        let driver = match (record.phase, record.attempt) {
            (MemberPhase::Member, _) => DriverAction::Resume,
            (MemberPhase::Driver | MemberPhase::Failed, Some(attempt)) => DriverAction::Init { attempt },
            (MemberPhase::Driver | MemberPhase::Failed, None) => DriverAction::Join,
        };
        let record = self.write(record, &basis, shared);
        let driver = Some(shared.out.perform(Action::Driver(driver)));
        *self = Self::Running { record, open: false, certified, driver };
        if basis.confirmed || basis.alone || removed(Guard::RecoveryShut) {
            self.open_services(basis.alone, shared);
        }
    }

    /// V6, a peer's ticket for a disk that is open already: whether it was for this state.
    pub(super) fn confirm(&mut self, basis: Basis, header: &DiskHeader, shared: &mut Shared) -> bool {
        if !self.wants_peer() {
            return false;
        }
        let Self::Running { record, open, driver, .. } = self else { return false };
        let (record, open, driver) = (record.clone(), *open, *driver);
        if let Err((code, least)) = generation_rule(&record, None, &basis.generation) {
            shared.out.event(Event::Rollback { found: record.generation, least });
            self.quarantine(&basis, code, shared);
            return true;
        }
        debug_assert_eq!(record.disk, header.disk);
        let record = self.write(record, &basis, shared);
        *self = Self::Running { record, open, certified: true, driver };
        if basis.confirmed {
            self.open_services(false, shared);
        }
        true
    }

    /// V5 to V6: the record first, then the counter, then the peer is told.
    fn write(&self, record: MemberRecord, basis: &Basis, shared: &mut Shared) -> MemberRecord {
        let (generation, floors) = match &basis.generation {
            Generation::Ticket(ticket) => (*ticket, Floors::default()),
            Generation::Floor(floors) => (record.generation, *floors),
        };
        let record = MemberRecord {
            generation,
            policy: basis.policy.or(record.policy),
            time: record.time.max(floors.time),
            roots: basis.roots,
            ..record
        };
        shared.out.persist(Record::Member(record.clone()));
        shared.out.perform(Action::Nv { generation });
        self.tell(basis, Code::ACCEPTED, generation, shared);
        record
    }

    /// V6 to V7.
    /// J5 to J6 and N4 to N5, for a driver that a crash had interrupted.
    fn driven(&mut self, payload: &[u8], shared: &mut Shared) {
        let Self::Running { record, .. } = self else { return };
        if record.phase == MemberPhase::Member {
            return;
        }
        record.phase = MemberPhase::Member;
        if record.attempt.is_some() {
            record.payload = payload.into();
        }
        record.roots = None;
        shared.out.persist(Record::Member(record.clone()));
    }

    fn open_services(&mut self, alone: bool, shared: &mut Shared) {
        let Self::Running { record, open, .. } = self else { return };
        if *open {
            return;
        }
        *open = true;
        shared.out.perform(Action::Driver(DriverAction::OpenServices));
        shared.out.event(Event::ServicesOpen { alone });
        shared.out.event(Event::Member { cluster: record.cluster, node: record.node });
    }

    /// A disk that could not be judged: closed again, for the next source.
    fn back(&mut self, basis: &Basis, code: Code, shared: &mut Shared) {
        shared.out.perform(Action::Disk(DiskAction::Close));
        self.tell(basis, code, 0, shared);
        shared.release();
        *self = Self::Closed;
    }

    /// V9.
    fn quarantine(&mut self, basis: &Basis, code: Code, shared: &mut Shared) {
        shared.out.perform(Action::Disk(DiskAction::Close));
        self.tell(basis, code, 0, shared);
        shared.out.event(Event::Stopped { code, state: "V9" });
        *self = Self::Quarantined;
    }

    fn tell(&self, basis: &Basis, code: Code, generation: u32, shared: &mut Shared) {
        if let Some(channel) = basis.channel {
            shared.out.send(channel, Message::Done(Done { code, generation }));
        }
    }
}

/// Protocol section 6, Generation. The error says what was the least, for the event.
fn generation_rule(
    record: &MemberRecord,
    counter: Option<u32>,
    generation: &Generation,
) -> Result<(), (Code, u32)> {
    let found = record.generation;
    match generation {
        Generation::Ticket(ticket) => {
            if found != *ticket && found.checked_add(1) != Some(*ticket) {
                return Err((Code::GENERATION, ticket.saturating_sub(1)));
            }
        }
        Generation::Floor(floors) => {
            let policy = record.policy.map_or(0, |policy| policy.epoch);
            if found < floors.generation || policy < floors.policy || record.recovery < floors.recovery {
                return Err((Code::FLOOR, floors.generation));
            }
        }
    }
    // The counter is set after the disk, so it is equal or one behind.
    match counter {
        Some(counter) if found != counter && counter.checked_add(1) != Some(found) => {
            Err((Code::GENERATION, counter))
        }
        Some(_) | None => Ok(()),
    }
}
