//! The devices of a host: what survives a crash, and what survives a boot.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::ids::{BootId, ClusterId, KeyEpoch, NodeId};
use crate::machine::facts::{DiskHeader, Genesis};
use crate::machine::record::{LockFile, MemberRecord, OperatorRecord};

use super::entropy::Entropy;
use super::plan::Crash;
use super::ring::Material;
use super::symbol::Roots;

/// All devices of one host.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an attacker owns the host, and sets any of it")]
pub struct Devices {
    /// The boot that runs.
    pub boot: BootId,
    /// The lock file, on a file system in memory.
    pub lock_file: Option<LockFile>,
    /// The lock register, where there is one.
    pub register: Option<Register>,
    /// The disk.
    pub disk: Disk,
    /// The counter of the TPM, where there is one.
    pub counter: Option<u32>,
    /// What an operator keeps; `None` on a host that is none.
    pub desk: Option<Box<Desk>>,
}

/// A register that can only be extended, as the firmware leaves it at a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an attacker owns the host, and sets any of it")]
pub struct Register {
    /// Its value at a boot.
    pub open: [u8; 32],
    /// Its value now.
    pub value: [u8; 32],
}

/// A disk with a clear header and an encrypted part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an attacker owns the host, and sets any of it")]
pub struct Disk {
    /// The clear header, written last.
    pub header: Option<DiskHeader>,
    /// The genesis in the clear area.
    pub genesis: Option<Genesis>,
    /// Key slots: of each epoch, the hash of the key that opens it.
    pub slots: Vec<(KeyEpoch, [u8; 32])>,
    /// The record inside.
    pub member: Option<Box<MemberRecord>>,
    /// The roots beside it, on a seat.
    pub roots: Option<Roots>,
    /// Whether it is open.
    pub mounted: bool,
}

/// An operator's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever plays the operator writes it out")]
pub struct Desk {
    /// The master secret, or the roots of a split custody.
    pub master: Option<Material>,
    /// The state file.
    pub record: Option<OperatorRecord>,
    /// The generation that a pusher last saw on each node's disk.
    pub seen: BTreeMap<NodeId, u32>,
}

impl Devices {
    /// Of a host that never ran.
    pub fn blank(entropy: &mut Entropy) -> Self {
        Self {
            boot: BootId::new(entropy.bytes()),
            lock_file: None,
            register: None,
            disk: Disk::default(),
            counter: None,
            desk: None,
        }
    }

    /// What a crash leaves of them.
    pub fn crash(&mut self, crash: Crash, entropy: &mut Entropy) {
        self.disk.mounted = false;
        if crash == Crash::Machine {
            self.boot = BootId::new(entropy.bytes());
            self.lock_file = None;
            if let Some(register) = &mut self.register {
                register.value = register.open;
            }
        }
    }
}

impl Register {
    /// A register that opens at zero.
    pub const fn zero() -> Self {
        Self { open: [0; 32], value: [0; 32] }
    }

    /// Extends it, as a TPM does its SHA-256 bank.
    pub fn extend(&mut self, event: &[u8]) {
        let digest = Sha256::digest(event);
        self.value = Sha256::new().chain_update(self.value).chain_update(digest).finalize().into();
    }
}

impl Disk {
    /// Makes a new volume. Everything before is gone.
    pub fn format(&mut self, header: DiskHeader, keys: &[(KeyEpoch, [u8; 32])]) {
        *self = Self {
            slots: keys.iter().map(|(epoch, key)| (*epoch, Sha256::digest(key).into())).collect(),
            header: Some(header),
            genesis: None,
            member: None,
            roots: None,
            mounted: true,
        };
    }

    /// Whether one of these keys opens it.
    pub fn opens(&self, keys: &[(KeyEpoch, [u8; 32])]) -> bool {
        keys.iter().any(|(epoch, key)| self.slots.contains(&(*epoch, Sha256::digest(key).into())))
    }

    /// The cluster that its header names.
    pub fn cluster(&self) -> Option<ClusterId> {
        self.header.as_ref().map(|header| header.cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DiskId;

    fn header() -> DiskHeader {
        DiskHeader {
            cluster: ClusterId::new([1; 32]),
            node: NodeId::new([2; 16]),
            disk: DiskId::new([3; 16]),
            epochs: vec![KeyEpoch::FIRST],
        }
    }

    #[test]
    fn a_disk_opens_with_its_key_only() {
        let mut disk = Disk::default();
        assert!(!disk.opens(&[(KeyEpoch::FIRST, [7; 32])]));
        disk.format(header(), &[(KeyEpoch::FIRST, [7; 32])]);
        assert!(disk.opens(&[(KeyEpoch::FIRST, [7; 32])]));
        assert!(!disk.opens(&[(KeyEpoch::FIRST, [8; 32])]));
        assert!(!disk.opens(&[(KeyEpoch::new(2).unwrap(), [7; 32])]));
    }

    #[test]
    fn a_crashed_process_keeps_its_boot_and_a_crashed_machine_does_not() {
        let mut entropy = Entropy::new(1);
        let mut devices = Devices { register: Some(Register::zero()), ..Devices::blank(&mut entropy) };
        devices.disk.format(header(), &[(KeyEpoch::FIRST, [7; 32])]);
        devices.register.as_mut().unwrap().extend(b"event");
        let before = devices.clone();
        devices.crash(Crash::Process, &mut entropy);
        assert_eq!((devices.boot, devices.register), (before.boot, before.register));
        assert!(!devices.disk.mounted);
        devices.crash(Crash::Machine, &mut entropy);
        assert_ne!(devices.boot, before.boot);
        assert_eq!(devices.register, Some(Register::zero()));
        assert_eq!(devices.disk.header, before.disk.header);
    }
}
