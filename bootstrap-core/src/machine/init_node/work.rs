//! The work that a grant starts (N3 to N7): keys, disk, driver, certificate, result.

use std::sync::Arc;

use crate::error::Code;
use crate::ids::{AttemptId, ClusterId, DiskId, KeyEpoch, NodeId, Role};
use crate::keys::Handle;
use crate::machine::facts::{DiskHeader, Genesis, Name, PolicyTip};
use crate::machine::message::{InitResult, Progress};
use crate::machine::node::Shared;
use crate::machine::record::{MemberPhase, MemberRecord, Record};
use crate::machine::{
    Action, ActionId, DiskAction, DriverAction, Event, KeyAction, KeyOutcome, Message, Outcome,
};
use crate::time::{Deadline, Instant, Timer};

use super::{After, InitNode, Stage};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Work {
    #[default]
    None,
    /// N3, the disk key is being derived.
    Deriving(ActionId, Job),
    /// N3.
    Preparing(ActionId, Job),
    /// N4.
    Driving(ActionId, Job),
    /// N5, the node's own certificate is being made.
    Certifying(ActionId, Job),
    /// N5 once more: the same, for a member that is asked again.
    Repeating(ActionId, Job),
    /// N5, N7.
    Member(Job, Vec<Vec<u8>>),
    /// N6.
    Failed(Job),
}

/// What the work is about, as a grant that was checked gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Job {
    pub(super) cluster: ClusterId,
    pub(super) attempt: AttemptId,
    pub(super) genesis: Genesis,
    pub(super) node: NodeId,
    pub(super) name: Name,
    pub(super) disk: DiskId,
    pub(super) epochs: Vec<KeyEpoch>,
    pub(super) roots: Handle,
    pub(super) policy: Option<PolicyTip>,
    pub(super) payload: Arc<[u8]>,
    /// Of the disk.
    pub(super) generation: u32,
}

impl InitNode {
    pub(super) fn work_done(&mut self, outcome: &Outcome, shared: &mut Shared, now: Instant) -> After {
        match (core::mem::take(&mut self.work), outcome) {
            (Work::Deriving(_, job), Outcome::Keys(KeyOutcome::Made(keys))) => {
                let keys = *keys;
                let disk = if shared.config.header.is_some() {
                    DiskAction::Open { keys }
                } else {
                    let header = DiskHeader {
                        cluster: job.cluster,
                        node: job.node,
                        disk: job.disk,
                        epochs: job.epochs.clone(),
                    };
                    DiskAction::Format { keys, header }
                };
                self.work = Work::Preparing(shared.out.perform(Action::Disk(disk)), job);
            }
            (Work::Preparing(_, job), Outcome::Applied) => self.drive(job, shared),
            (Work::Preparing(_, job), Outcome::Mounted { member: None, .. }) => self.drive(job, shared),
            (Work::Preparing(_, job), Outcome::Mounted { member: Some(member), counter }) => {
                let same = member.cluster == job.cluster
                    && member.node == job.node
                    && member.disk == job.disk
                    && member.attempt == Some(job.attempt);
                if !same {
                    shared.release();
                    shared.out.perform(Action::Disk(DiskAction::Close));
                    self.end(Code::OTHER_ATTEMPT, "N3: the record is of this attempt", shared);
                } else if member.phase == MemberPhase::Member {
                    // The operator has no result yet, or lost it. The disk goes on as after any boot.
                    let job = Job { payload: member.payload.clone(), generation: member.generation, ..job };
                    self.work = Work::Repeating(Self::certify(&job, shared), job);
                    return After::Recover { member: member.clone(), counter: *counter };
                } else {
                    self.drive(job, shared);
                }
            }
            (Work::Driving(_, mut job), Outcome::Driven { payload, .. }) => {
                job.payload = payload.clone().into();
                self.work = Work::Certifying(Self::certify(&job, shared), job);
            }
            (Work::Repeating(_, job), Outcome::Keys(KeyOutcome::Chain(chain))) => {
                self.work = Work::Member(job, chain.clone());
                self.send_result(shared);
                self.await_done(now);
            }
            (Work::Repeating(action, job), _) => {
                self.work = Work::Repeating(action, job);
                self.end(Code::INTERNAL, "N5: the node's own certificate", shared);
            }
            (Work::Certifying(_, job), Outcome::Keys(KeyOutcome::Chain(chain))) => {
                let record = job.record(MemberPhase::Member);
                shared.out.persist(Record::Member(record.clone()));
                shared.out.perform(Action::Driver(DriverAction::OpenServices));
                shared.out.event(Event::ServicesOpen { alone: false });
                shared.out.event(Event::Member { cluster: job.cluster, node: job.node });
                self.work = Work::Member(job, chain.clone());
                self.send_result(shared);
                self.await_done(now);
                return After::Member(record);
            }
            (Work::Driving(_, job) | Work::Certifying(_, job), _) => {
                shared.out.persist(Record::Member(job.record(MemberPhase::Failed)));
                shared.out.event(Event::DriverFailed { tries: 1, last: true });
                self.work = Work::Failed(job);
                self.end(Code::DRIVER, "N4: the driver", shared);
            }
            // The disk could be neither formatted nor opened: nothing is on it that counts.
            (_, _) => {
                shared.release();
                self.end(Code::INTERNAL, "N3: the disk", shared);
            }
        }
        After::Nothing
    }

    /// N3 to N4.
    pub(super) fn drive(&mut self, job: Job, shared: &mut Shared) {
        shared.out.persist(Record::Member(job.record(MemberPhase::Driver)));
        shared.out.perform(Action::Nv { generation: 1 });
        let run = DriverAction::Init { attempt: job.attempt };
        self.work = Work::Driving(shared.out.perform(Action::Driver(run)), job);
    }

    pub(super) fn certify(job: &Job, shared: &mut Shared) -> ActionId {
        shared.keys(KeyAction::OwnCertificate {
            roots: job.roots,
            cluster: job.cluster,
            node: job.node,
            name: job.name.clone(),
        })
    }

    pub(super) fn send_result(&mut self, shared: &mut Shared) {
        let (Some(session), Work::Member(job, chain)) = (&self.session, &self.work) else { return };
        let result = InitResult {
            cluster: job.cluster,
            genesis: job.genesis.clone(),
            node: job.node,
            chain: chain.clone(),
            payload: job.payload.to_vec(),
            generation: job.generation,
        };
        shared.out.send(session.channel, Message::Result(result));
    }

    pub(super) fn await_done(&mut self, now: Instant) {
        if let Some(session) = &mut self.session {
            session.stage = Stage::AwaitDone(Deadline::start(Timer::Done, now));
        }
    }

    /// N4: driver progress; whether the action is this machine's.
    pub(in crate::machine) fn progress(
        &mut self,
        id: ActionId,
        progress: &Progress,
        shared: &mut Shared,
    ) -> bool {
        if !matches!(&self.work, Work::Driving(action, _) if *action == id) {
            return false;
        }
        if let Some(session) = self.session.as_ref().filter(|session| session.stage == Stage::Attached) {
            shared.out.progress(session.channel, progress.clone());
        }
        true
    }

    pub(super) fn job(&self) -> Option<&Job> {
        self.work.job()
    }
}

impl Work {
    pub(super) const fn job(&self) -> Option<&Job> {
        match self {
            Self::None => None,
            Self::Deriving(_, job)
            | Self::Preparing(_, job)
            | Self::Driving(_, job)
            | Self::Certifying(_, job)
            | Self::Repeating(_, job)
            | Self::Member(job, _)
            | Self::Failed(job) => Some(job),
        }
    }
}

impl Job {
    pub(super) fn record(&self, phase: MemberPhase) -> MemberRecord {
        MemberRecord {
            cluster: self.cluster,
            node: self.node,
            disk: self.disk,
            role: Role::Seat,
            name: self.name.clone(),
            generation: 1,
            policy: self.policy,
            recovery: 0,
            time: 0,
            phase,
            attempt: Some(self.attempt),
            payload: self.payload.clone(),
            roots: Some(self.roots),
        }
    }
}
