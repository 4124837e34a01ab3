//! `attestrap-root-identity.json` and `attestrap-root-data.json`: what each custodian of a split custody holds.

use zeroize::Zeroizing;

use super::error::FileError;
use super::json::{Format, Json, Kept, Object};
use super::master::{EpochState, read_salt, read_state};
use crate::ids::{ClusterId, KeyEpoch};
use crate::keys::{DataRoot, IdentityRoot, Salt, Secret};

const FORMAT: Format =
    Format { file: "root file", family: "attestrap-root/1.", current: "attestrap-root/1.0" };

/// Which of the two files it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 3")]
pub enum RootKind {
    /// `attestrap-root-data.json`.
    Data,
    /// `attestrap-root-identity.json`.
    Identity,
}

impl RootKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Identity => "identity",
        }
    }
}

/// The content of a root file: one root, of one epoch.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct RootFile {
    /// Which root.
    pub kind: RootKind,
    /// The cluster, once there is one.
    pub cluster: Option<ClusterId>,
    /// Its salt.
    pub salt: Salt,
    /// The epoch of the root.
    pub epoch: KeyEpoch,
    /// How far it is in its life.
    pub state: EpochState,
    /// The root.
    pub root: Secret,
    /// When it was made, in Unix seconds.
    pub created: u64,
    /// What was not known.
    pub kept: Kept,
}

impl RootFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        let mut object = Object::file(&FORMAT, bytes)?;
        let kind = object.text("branch")?;
        let kind = [RootKind::Data, RootKind::Identity].into_iter().find(|known| known.word() == kind);
        let kind = kind.ok_or_else(|| object.refuse("branch", "not identity or data"))?;
        Ok(Self {
            kind,
            cluster: object.optional_cluster()?,
            salt: read_salt(&mut object)?,
            epoch: object.epoch("epoch")?,
            state: read_state(&mut object)?,
            root: object.required_secret("root")?,
            created: object.number("created")?,
            kept: object.kept(),
        })
    }

    /// Writes the file.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let fields = [
            Some(("branch", Json::text(self.kind.word()))),
            self.cluster.map(|cluster| ("cluster", Json::hex(cluster.as_bytes()))),
            Some(("salt", Json::hex(self.salt.as_bytes()))),
            Some(("epoch", Json::number(self.epoch.number()))),
            Some(("state", Json::text(self.state.word()))),
            Some(("root", Json::hex(self.root.expose()))),
            Some(("created", Json::number(self.created))),
        ];
        Json::file(&FORMAT, fields, &self.kept)
    }

    /// The identity root, if it is one.
    pub fn identity_root(&self) -> Option<IdentityRoot> {
        (self.kind == RootKind::Identity)
            .then(|| IdentityRoot::new(self.root.duplicate(), self.salt, self.epoch))
    }

    /// The data root, if it is one.
    pub fn data_root(&self) -> Option<DataRoot> {
        (self.kind == RootKind::Data).then(|| DataRoot::new(self.root.duplicate(), self.salt, self.epoch))
    }
}
