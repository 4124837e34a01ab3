//! Roots by epoch, as they are held.

use super::{Error, list};
use crate::authority::CaChain;
use crate::ids::{DiskId, KeyEpoch, NodeId};
use crate::keys::{DataRoot, IdentityRoot, KeyError, MasterSecret, Salt};
use crate::wire::{DiskKey, List, Root};

/// The roots of one epoch. One of them may be elsewhere: with another custodian, or in a key source.
#[expect(clippy::exhaustive_structs, reason = "a pair for one epoch")]
pub struct EpochRoots {
    /// The identity root.
    pub identity: Option<IdentityRoot>,
    /// The data root.
    pub data: Option<DataRoot>,
}

/// The roots of the live epochs of one cluster, and the master secret that they come from, if that is here.
pub struct Roots {
    salt: Salt,
    master: Option<MasterSecret>,
    epochs: Vec<(KeyEpoch, EpochRoots)>,
}

impl Roots {
    /// The most epochs whose roots live at once (section 10).
    pub const MAX: usize = 4;

    /// Roots without a master secret: made apart, received and checked, or unwrapped.
    pub const fn new(salt: Salt) -> Self {
        Self { salt, master: None, epochs: Vec::new() }
    }

    /// Both roots of a master secret, which is kept beside them for the master file.
    ///
    /// # Errors
    /// [`Error`] if a derivation fails.
    pub fn of_master(master: MasterSecret, salt: Salt) -> Result<Self, Error> {
        let roots = EpochRoots { identity: Some(master.identity_root()?), data: Some(master.data_root()?) };
        let mut all = Self { salt, epochs: vec![(master.epoch(), roots)], master: None };
        all.master = Some(master);
        Ok(all)
    }

    /// The cluster's salt.
    pub const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The master secret, if it is here.
    pub const fn master(&self) -> Option<&MasterSecret> {
        self.master.as_ref()
    }

    /// The epochs, in the order in which they were added.
    pub fn epochs(&self) -> impl Iterator<Item = KeyEpoch> {
        self.epochs.iter().map(|(epoch, _)| *epoch)
    }

    /// Adds roots, which say their epoch themselves.
    ///
    /// # Errors
    /// [`Error::Key`] for two roots of different epochs; [`Error::Full`] beyond [`Self::MAX`] epochs, or for an epoch that is
    /// there.
    pub fn add(&mut self, roots: EpochRoots) -> Result<(), Error> {
        let identity = roots.identity.as_ref().map(IdentityRoot::epoch);
        let data = roots.data.as_ref().map(DataRoot::epoch);
        let epoch = match (identity, data) {
            (Some(expected), Some(actual)) if expected != actual => {
                return Err(KeyError::Epoch { what: "data root", expected, actual }.into());
            }
            (Some(epoch), _) | (None, Some(epoch)) => epoch,
            (None, None) => return Ok(()),
        };
        if self.epochs.len() >= Self::MAX || self.at(epoch).is_some() {
            return Err(Error::Full { held: self.epochs.len() });
        }
        self.epochs.push((epoch, roots));
        Ok(())
    }

    /// The identity root of an epoch.
    ///
    /// # Errors
    /// [`Error::Unknown`] if it is not here.
    pub fn identity(&self, epoch: KeyEpoch) -> Result<&IdentityRoot, Error> {
        let found = self.at(epoch).and_then(|roots| roots.identity.as_ref());
        found.ok_or(Error::Unknown { what: "identity root", epoch })
    }

    /// The data root of an epoch.
    ///
    /// # Errors
    /// [`Error::Unknown`] if it is not here.
    pub fn data(&self, epoch: KeyEpoch) -> Result<&DataRoot, Error> {
        let found = self.at(epoch).and_then(|roots| roots.data.as_ref());
        found.ok_or(Error::Unknown { what: "data root", epoch })
    }

    /// With an identity root that was made here, for an epoch whose other root came from elsewhere.
    pub(super) fn with_identity(mut self, root: IdentityRoot) -> Result<Self, Error> {
        let epoch = root.epoch();
        let slot = self.epochs.iter_mut().find(|(known, _)| *known == epoch);
        let (_, roots) = slot.ok_or(Error::Unknown { what: "roots", epoch })?;
        if roots.identity.is_some() {
            return Err(Error::Wrong { what: "identity root" });
        }
        roots.identity = Some(root);
        Ok(self)
    }

    pub(super) fn at(&self, epoch: KeyEpoch) -> Option<&EpochRoots> {
        self.epochs.iter().find(|(known, _)| *known == epoch).map(|(_, roots)| roots)
    }

    pub(super) fn disk_keys(
        &self,
        node: &NodeId,
        disk: &DiskId,
        epochs: &[KeyEpoch],
    ) -> Result<List<DiskKey, 1, 4>, Error> {
        let key =
            |epoch: &KeyEpoch| Ok(DiskKey { epoch: *epoch, key: self.data(*epoch)?.disk_key(node, disk)? });
        list(epochs.iter().map(key).collect::<Result<_, Error>>()?)
    }

    /// Roots as they travel. Only what is here: for an init, where one of them may be the node's own.
    pub(super) fn to_wire(&self, epochs: &[KeyEpoch]) -> Result<List<Root, 1, 4>, Error> {
        let root = |epoch: &KeyEpoch| {
            let roots = self.at(*epoch).ok_or(Error::Unknown { what: "roots", epoch: *epoch })?;
            let identity = roots.identity.as_ref().map(|root| root.secret().duplicate());
            let data = roots.data.as_ref().map(|root| root.secret().duplicate());
            Ok(Root { epoch: *epoch, identity, data })
        };
        list(epochs.iter().map(root).collect::<Result<_, Error>>()?)
    }

    /// Roots that came from somebody else, once they are those that genesis and transitions fix: the CA key for an identity root, the
    /// check value for a data root. What nothing fixes is refused.
    pub(super) fn believed(roots: &[Root], salt: Salt, fixed: &CaChain) -> Result<Self, Error> {
        let mut believed = Self::new(salt);
        for Root { epoch, identity, data } in roots {
            let identity = identity.as_ref().map(|root| {
                let root = IdentityRoot::new(root.duplicate(), salt, *epoch);
                check_identity(&root, fixed).map(|()| root)
            });
            let data = data.as_ref().map(|root| {
                let root = DataRoot::new(root.duplicate(), salt, *epoch);
                check_data(&root, fixed).map(|()| root)
            });
            believed.add(EpochRoots { identity: identity.transpose()?, data: data.transpose()? })?;
        }
        Ok(believed)
    }
}

/// CA(identity root) is the key of that epoch.
pub(super) fn check_identity(root: &IdentityRoot, fixed: &CaChain) -> Result<(), Error> {
    const WRONG: Error = Error::Wrong { what: "identity root" };
    let keys = fixed.ca_keys().map_err(|_| WRONG)?;
    let key = keys.iter().find(|key| key.epoch() == root.epoch());
    let key = key.ok_or_else(|| Error::Unknown { what: "CA key", epoch: root.epoch() })?;
    match root.cluster_ca()?.spki()? == key.spki() {
        true => Ok(()),
        false => Err(WRONG),
    }
}

/// check(data root) is the one of that epoch.
pub(super) fn check_data(root: &DataRoot, fixed: &CaChain) -> Result<(), Error> {
    let known = fixed.data_check(root.epoch());
    let known = known.ok_or_else(|| Error::Unknown { what: "data check", epoch: root.epoch() })?;
    match root.check()? == known {
        true => Ok(()),
        false => Err(Error::Wrong { what: "data root" }),
    }
}
