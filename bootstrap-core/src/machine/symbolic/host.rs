//! A host of symbols: its disk, its register, its records.

use super::*;

/// What a node's host keeps, and what of it outlives a boot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::machine) struct Host {
    pub(in crate::machine) register: LockRegister,
    pub(in crate::machine) value: Option<Vec<u8>>,
    pub(in crate::machine) file: Option<LockFile>,
    pub(in crate::machine) header: Option<DiskHeader>,
    pub(in crate::machine) opens_with: Option<Handle>,
    pub(in crate::machine) member: Option<MemberRecord>,
    pub(in crate::machine) counter: Option<u32>,
    pub(in crate::machine) boot: BootId,
    /// Every cluster that the register was extended for in this boot.
    pub(in crate::machine) extended: Vec<ClusterId>,
    pub(in crate::machine) services: bool,
    /// A register that reads as nobody asked for.
    pub(in crate::machine) extends_to_nonsense: bool,
}

impl Host {
    pub(in crate::machine) fn blank(register: LockRegister, boot: u8) -> Self {
        Self {
            register,
            value: register.open().map(<[u8]>::to_vec),
            file: None,
            header: None,
            opens_with: None,
            member: None,
            counter: register.open().map(|_| 0),
            boot: boot_id(boot),
            extended: Vec::new(),
            services: false,
            extends_to_nonsense: false,
        }
    }

    /// With the disk of a member.
    pub(in crate::machine) fn member(
        register: LockRegister,
        boot: u8,
        cluster: u8,
        node: u8,
        generation: u32,
    ) -> Self {
        Self {
            header: Some(header(cluster, node)),
            opens_with: Some(disk_keys(cluster, node)),
            member: Some(member_record(cluster, node, generation)),
            counter: register.open().map(|_| generation),
            ..Self::blank(register, boot)
        }
    }

    pub(in crate::machine) fn found(&self) -> crate::machine::LockFound {
        crate::machine::LockFound { file: self.file, register: self.value.clone() }
    }

    /// A new boot: what is not on the disk or in the TPM is gone.
    pub(in crate::machine) fn reboot(&mut self, boot: u8) {
        self.value = self.register.open().map(<[u8]>::to_vec);
        self.file = None;
        self.boot = boot_id(boot);
        self.extended.clear();
        self.services = false;
    }

    /// Does it, and answers; `None` for what has no answer, or is answered by the world.
    pub(in crate::machine) fn perform(&mut self, action: &Action) -> Option<Outcome> {
        Some(match action {
            Action::Persist(record) => {
                match record {
                    Record::Lock(file) => self.file = Some(*file),
                    Record::Member(member) => self.member = Some(member.clone()),
                    Record::Operator(_) | Record::Master(_) | Record::Seen { .. } => {}
                }
                Outcome::Written
            }
            Action::ExtendRegister { cluster, .. } => {
                self.extended.push(*cluster);
                // What is extended twice, or from another value, reads as something that no machine expects.
                self.value = if self.value.as_deref() == self.register.open() && !self.extends_to_nonsense {
                    self.register.locked_to(cluster)
                } else {
                    Some(vec![0xbb; 32])
                };
                Outcome::Register(self.value.clone().unwrap_or_default())
            }
            Action::Keys(action) => Outcome::Keys(keys(action, 0, self.boot)),
            Action::Disk(DiskAction::Format { keys, header }) => {
                self.header = Some(header.clone());
                self.opens_with = Some(*keys);
                self.member = None;
                Outcome::Applied
            }
            Action::Disk(DiskAction::TestOpen { keys }) => {
                if self.opens_with == Some(*keys) {
                    Outcome::Applied
                } else {
                    Outcome::Failed
                }
            }
            Action::Disk(DiskAction::Open { keys }) => {
                if self.opens_with == Some(*keys) {
                    Outcome::Mounted { member: self.member.clone(), counter: self.counter }
                } else {
                    Outcome::Failed
                }
            }
            Action::Disk(DiskAction::Close) => Outcome::Applied,
            Action::Nv { generation } => {
                self.counter = self.counter.map(|counter| counter.max(*generation));
                Outcome::Applied
            }
            Action::Driver(DriverAction::OpenServices) => {
                self.services = true;
                Outcome::Applied
            }
            Action::Driver(DriverAction::Init { .. } | DriverAction::Join | DriverAction::Resume) => {
                Outcome::Driven { payload: vec![0xda], quorum: false }
            }
            Action::Driver(DriverAction::Promote { .. } | DriverAction::Remove { .. }) => Outcome::Applied,
            Action::Reattest { .. } | Action::Store(_) | Action::Dial { .. } | Action::Close { .. } => {
                return None;
            }
        })
    }
}
