//! The place that holds secrets, so that machines never see any: they name material by [`Handle`] and ask for work on it.
//!
//! ```text
//! Grant ──receive──▶ Handle ──check──▶ Handle (roots that the genesis fixes) ──derive──▶ Handle (disk keys) ──▶ the host's disk
//! roots ──adopt──▶ tickets ──▶ Handle ──grant──▶ Grant, to be sent
//! ```
//!
//! A key source outside (PKCS#11, a KMS) is the host's: it answers the same requests, and hands in what it was given as material.
//! Roots that came from somebody else are of no use before they were compared with the genesis or with a transition: no function here
//! derives from a grant.

mod check;
mod error;
mod execute;
mod facts;
mod known;
mod make;
mod roots;
mod seal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::ids::{ClusterId, DiskId, KeyEpoch, NodeId, TokenId};
use crate::keys::{Handle, NodeKey, Secret};
use crate::wire::{DiskKey, GenesisRequest, Grant, List, Share};

use known::Known;

pub use check::{TicketCheck, check_result};
pub use error::Error;
pub use execute::Host;
pub use facts::{genesis_facts, request_facts};
pub use make::{GenesisPlan, Issuing};
pub use roots::{EpochRoots, Roots};
pub use seal::SealedRoots;

/// Random bytes for one request: drawn by the host, used once, cleared when dropped.
pub struct Entropy(Zeroizing<[u8; Self::LEN]>);

impl Entropy {
    /// Enough for every request: three secrets.
    pub const LEN: usize = 96;

    /// Bytes of a cryptographic generator.
    pub fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes of the secret at this place, 0 to 2.
    fn secret(&self, place: usize) -> &[u8] {
        self.0.chunks_exact(32).nth(place).unwrap_or_default()
    }

    /// 16 bytes of the last secret's place, for requests that make one secret at most.
    fn serial(&self) -> [u8; 16] {
        self.secret(2).first_chunk().copied().unwrap_or_default()
    }
}

/// What a handle stands for.
enum Material {
    /// Keys of one disk.
    DiskKeys(Vec<DiskKey>),
    /// A grant as it came or as it will be sent.
    Grant {
        grant: Box<Grant>,
        /// Roots in it, once they were compared.
        believed: Option<Roots>,
    },
    /// Roots that are believed, or were made here.
    Roots(Roots),
    /// A share that was handed in by its custodian.
    Share(Box<Share>),
}

impl Material {
    const fn what(&self) -> &'static str {
        match self {
            Self::DiskKeys(_) => "disk keys",
            Self::Grant { .. } => "grant",
            Self::Roots(_) => "roots",
            Self::Share(_) => "share",
        }
    }
}

/// All secret material of one process.
#[derive(Default)]
pub struct Keyring {
    material: BTreeMap<Handle, Material>,
    last: u32,
    /// The roots by which this process makes grants, by cluster.
    own: BTreeMap<ClusterId, Handle>,
    node_key: Option<NodeKey>,
    known: BTreeMap<ClusterId, Known>,
    /// A genesis that a node is to complete, and the operator's part of its roots.
    unborn: Option<(GenesisRequest, Handle)>,
}

/// How much material is held at once. A seat holds a few pieces for each open channel; whoever reaches this has forgotten to forget.
const MAX_HELD: usize = 65_536;

impl Keyring {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a grant that arrived, or was made elsewhere.
    ///
    /// # Errors
    /// [`Error::Full`] if too much is held.
    pub fn receive(&mut self, grant: Grant) -> Result<Handle, Error> {
        self.hold(Material::Grant { grant: Box::new(grant), believed: None })
    }

    /// Takes in roots: of a master file, or unwrapped from a seat's disk.
    ///
    /// # Errors
    /// [`Error::Full`] if too much is held.
    pub fn hold_roots(&mut self, roots: Roots) -> Result<Handle, Error> {
        self.hold(Material::Roots(roots))
    }

    /// Takes in a share that this process is to push.
    ///
    /// # Errors
    /// [`Error::Full`] if too much is held; [`Error::Key`] for one that is wrong.
    pub fn hold_share(&mut self, share: Share) -> Result<Handle, Error> {
        crate::keys::shares::check(&share)?;
        self.hold(Material::Share(Box::new(share)))
    }

    /// Says that grants of this cluster are made of these roots.
    ///
    /// # Errors
    /// [`Error::Handle`] unless the handle stands for roots.
    pub fn adopt(&mut self, cluster: ClusterId, roots: Handle) -> Result<(), Error> {
        self.roots(roots)?;
        self.own.insert(cluster, roots);
        Ok(())
    }

    /// The roots behind a handle. Those in a grant are none before they were compared.
    ///
    /// # Errors
    /// [`Error::Handle`] unless the handle stands for roots.
    pub fn roots(&self, handle: Handle) -> Result<&Roots, Error> {
        match self.material.get(&handle) {
            Some(Material::Roots(roots) | Material::Grant { believed: Some(roots), .. }) => Ok(roots),
            other => Err(missing(handle, "roots", other)),
        }
    }

    /// A grant that is to be sent.
    ///
    /// # Errors
    /// [`Error::Handle`] unless the handle stands for a grant.
    pub fn grant(&self, handle: Handle) -> Result<&Grant, Error> {
        match self.material.get(&handle) {
            Some(Material::Grant { grant, .. }) => Ok(grant),
            other => Err(missing(handle, "grant", other)),
        }
    }

    /// Takes a grant out, to send it: what was sent is not held any more.
    ///
    /// # Errors
    /// [`Error::Handle`] unless the handle stands for a grant.
    pub fn release(&mut self, handle: Handle) -> Result<Grant, Error> {
        self.grant(handle)?;
        match self.material.remove(&handle) {
            Some(Material::Grant { grant, .. }) => Ok(*grant),
            other => Err(missing(handle, "grant", other.as_ref())),
        }
    }

    /// The disk keys behind a handle, newest epoch first: derived here, or those of a grant.
    ///
    /// # Errors
    /// [`Error::Handle`] if there are none behind it.
    pub fn disk_keys(&self, handle: Handle) -> Result<Vec<&DiskKey>, Error> {
        let material = self.material.get(&handle);
        let keys: Option<&[DiskKey]> = match material {
            Some(Material::DiskKeys(keys)) => Some(keys),
            Some(Material::Grant { grant, .. }) => keys_in(grant),
            Some(Material::Roots(_) | Material::Share(_)) | None => None,
        };
        let mut keys: Vec<&DiskKey> =
            keys.ok_or_else(|| missing(handle, "disk keys", material))?.iter().collect();
        keys.sort_by_key(|key| core::cmp::Reverse(key.epoch));
        Ok(keys)
    }

    /// Derives the keys of one disk, for each of these epochs.
    ///
    /// # Errors
    /// [`Error::Handle`] unless the handle stands for roots; [`Error::Unknown`] for an epoch without a data root.
    pub fn derive_disk_keys(
        &mut self,
        roots: Handle,
        node: &NodeId,
        disk: &DiskId,
        epochs: &[KeyEpoch],
    ) -> Result<Handle, Error> {
        let keys = self.roots(roots)?.disk_keys(node, disk, epochs)?;
        self.hold(Material::DiskKeys(keys.into_vec()))
    }

    /// Makes the key of this node's certificates for this boot, and the request for one. The key of before is forgotten.
    ///
    /// # Errors
    /// [`Error::Key`] for entropy that was not drawn.
    pub fn make_node_key(&mut self, entropy: &[u8; NodeKey::ENTROPY]) -> Result<Vec<u8>, Error> {
        let key = NodeKey::make(entropy)?;
        let request = key.request()?;
        self.node_key = Some(key);
        Ok(request)
    }

    /// The key of this node's certificates, for the TLS stack.
    pub const fn node_key(&self) -> Option<&NodeKey> {
        self.node_key.as_ref()
    }

    /// Overwrites what a handle stands for. A handle that stands for nothing is no error: forgetting twice is forgetting.
    pub fn forget(&mut self, handle: Handle) {
        self.material.remove(&handle);
        self.own.retain(|_, own| *own != handle);
        self.unborn.take_if(|(_, roots)| *roots == handle);
    }

    /// How many pieces are held.
    pub fn len(&self) -> usize {
        self.material.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.material.is_empty()
    }

    /// Whether grants of this cluster can be made here.
    pub fn holds_roots(&self, cluster: &ClusterId) -> bool {
        self.own.contains_key(cluster)
    }

    /// The secret of a join token, which whoever was handed it may prove.
    ///
    /// # Errors
    /// [`Error::NoRoots`] or [`Error::Unknown`] without the identity root.
    pub fn join_token(&self, cluster: &ClusterId, token: &TokenId) -> Result<Secret, Error> {
        Ok(self.own(cluster)?.identity(KeyEpoch::FIRST)?.join_token(token)?)
    }

    fn own(&self, cluster: &ClusterId) -> Result<&Roots, Error> {
        let handle = self.own.get(cluster).ok_or(Error::NoRoots { cluster: *cluster })?;
        self.roots(*handle)
    }

    fn share(&self, handle: Handle) -> Result<&Share, Error> {
        match self.material.get(&handle) {
            Some(Material::Share(share)) => Ok(share),
            Some(Material::Grant { grant, .. }) => match grant.as_ref() {
                Grant::Share(grant) => Ok(&grant.share),
                Grant::Init(_)
                | Grant::Join(_)
                | Grant::Rejoin(_)
                | Grant::Recover(_)
                | Grant::Renew(_)
                | Grant::Rotate(_) => Err(missing(handle, "share", self.material.get(&handle))),
            },
            other => Err(missing(handle, "share", other)),
        }
    }

    /// Gives out each number once, so that a stale handle names nothing instead of something else.
    fn hold(&mut self, material: Material) -> Result<Handle, Error> {
        let next = self.last.checked_add(1).filter(|_| self.material.len() < MAX_HELD);
        self.last = next.ok_or(Error::Full { held: self.material.len() })?;
        let handle = Handle::new(self.last);
        self.material.insert(handle, material);
        Ok(handle)
    }

    /// Puts other material behind a handle that is in use.
    fn replace(&mut self, handle: Handle, material: Material) {
        self.material.insert(handle, material);
    }
}

fn keys_in(grant: &Grant) -> Option<&[DiskKey]> {
    match grant {
        Grant::Join(ticket) => Some(&ticket.disk_keys),
        Grant::Rejoin(ticket) => Some(&ticket.disk_keys),
        Grant::Recover(grant) => Some(&grant.disk_keys),
        Grant::Renew(ticket) => ticket.disk_keys.as_deref(),
        Grant::Init(_) | Grant::Share(_) | Grant::Rotate(_) => None,
    }
}

fn missing(handle: Handle, expected: &'static str, found: Option<&Material>) -> Error {
    Error::Handle { handle, expected, actual: found.map_or("nothing", Material::what) }
}

/// A list of the wire from what was made here.
fn list<T, const MIN: usize, const MAX: usize>(items: Vec<T>) -> Result<List<T, MIN, MAX>, Error> {
    Ok(List::new(items)?)
}
