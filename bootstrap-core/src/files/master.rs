//! `attestrap-master.json`: what restores a cluster. Never overwritten, never sent.

use zeroize::Zeroizing;

use super::error::FileError;
use super::json::{Format, Json, Kept, Object};
use crate::ids::{ClusterId, KeyEpoch};
use crate::keys::{DataRoot, IdentityRoot, MasterSecret, OperatorKey, Salt, Secret};
use crate::wire::Custody;

const FORMAT: Format =
    Format { file: "master file", family: "attestrap-master/1.", current: "attestrap-master/1.0" };

/// The content of the master file.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct MasterFile {
    /// The cluster, once there is one.
    pub cluster: Option<ClusterId>,
    /// Its salt.
    pub salt: Salt,
    /// Who holds what.
    pub custody: Custody,
    /// Secrets by epoch, ascending.
    pub epochs: Vec<MasterEpoch>,
    /// Where the operator's signing key is.
    pub operator: OperatorSource,
    /// When it was made, in Unix seconds.
    pub created: u64,
    /// What was not known.
    pub kept: Kept,
}

/// The secrets of one epoch.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct MasterEpoch {
    /// Which.
    pub epoch: KeyEpoch,
    /// How far it is in its life.
    pub state: EpochState,
    /// The secrets.
    pub material: Material,
    /// What was not known.
    pub kept: Kept,
}

/// Where an epoch is in its life (section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 3")]
pub enum EpochState {
    /// Made, and not yet the cluster's.
    Next,
    /// The cluster's.
    Live,
    /// Not the cluster's any more; old backups still need it.
    Retired,
}

impl EpochState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Next, Self::Live, Self::Retired].into_iter().find(|state| state.word() == word)
    }
}

/// The master secret, or the roots where there is none.
#[expect(clippy::exhaustive_enums, reason = "protocol section 3")]
pub enum Material {
    /// Custody joint.
    Master(Secret),
    /// Custody split, before the files of the custodians are made, or node-born.
    Roots {
        /// The identity root.
        identity: Option<Secret>,
        /// The data root.
        data: Option<Secret>,
    },
}

/// Where the operator's signing key is.
#[expect(clippy::exhaustive_enums, reason = "protocol section 3")]
pub enum OperatorSource {
    /// Derived from the master secret of the first epoch.
    Derived,
    /// A PKCS#11 token.
    Pkcs11 {
        /// Its URI (RFC 7512).
        uri: String,
        /// What was not known.
        kept: Kept,
    },
    /// An Ed25519 seed of its own.
    Seed {
        /// The seed.
        seed: Secret,
        /// What was not known.
        kept: Kept,
    },
}

impl MasterFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        let mut object = Object::file(&FORMAT, bytes)?;
        let cluster = object.optional_cluster()?;
        let salt = read_salt(&mut object)?;
        let custody = object.text("custody")?;
        let custody = Custody::ALL.iter().copied().find(|known| custody_word(*known) == custody);
        let custody = custody.ok_or_else(|| object.refuse("custody", "not joint, split or node-born"))?;
        let epochs = object.array("epochs")?;
        let epochs: Vec<MasterEpoch> = epochs
            .into_iter()
            .map(|raw| read_epoch(Object::inner(FORMAT.file, "epochs", raw)?, custody))
            .collect::<Result<_, _>>()?;
        if epochs.is_empty() || !epochs.is_sorted_by(|a, b| a.epoch < b.epoch) {
            return Err(object.refuse("epochs", "empty, or not in ascending order"));
        }
        let operator = read_operator(object.object("operator")?, custody)?;
        let created = object.number("created")?;
        Ok(Self { cluster, salt, custody, epochs, operator, created, kept: object.kept() })
    }

    /// Writes the file.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let epochs = self.epochs.iter().map(|epoch| {
            let material = match &epoch.material {
                Material::Master(secret) => [Some(("master", Json::hex(secret.expose()))), None],
                Material::Roots { identity, data } => [
                    identity.as_ref().map(|root| ("identity", Json::hex(root.expose()))),
                    data.as_ref().map(|root| ("data", Json::hex(root.expose()))),
                ],
            };
            let head = [
                Some(("epoch", Json::number(epoch.epoch.number()))),
                Some(("state", Json::text(epoch.state.word()))),
            ];
            Json::object(head.into_iter().chain(material), &epoch.kept)
        });
        let operator = match &self.operator {
            OperatorSource::Derived => Json::object([Some(("alg", Json::text("derived")))], &Kept::default()),
            OperatorSource::Pkcs11 { uri, kept } => {
                Json::object([Some(("alg", Json::text("pkcs11"))), Some(("uri", Json::text(uri)))], kept)
            }
            OperatorSource::Seed { seed, kept } => Json::object(
                [Some(("alg", Json::text("ed25519"))), Some(("seed", Json::hex(seed.expose())))],
                kept,
            ),
        };
        let fields = [
            self.cluster.map(|cluster| ("cluster", Json::hex(cluster.as_bytes()))),
            Some(("salt", Json::hex(self.salt.as_bytes()))),
            Some(("custody", Json::text(custody_word(self.custody)))),
            Some(("epochs", Json::array(epochs))),
            Some(("operator", operator)),
            Some(("created", Json::number(self.created))),
        ];
        Json::file(&FORMAT, fields, &self.kept)
    }

    /// The roots of an epoch, as far as this file has or makes them.
    ///
    /// # Errors
    /// [`FileError::Field`] for an epoch that is not there; [`FileError::Key`] if a derivation fails.
    pub fn roots(&self, epoch: KeyEpoch) -> Result<(Option<IdentityRoot>, Option<DataRoot>), FileError> {
        let found = self.epochs.iter().find(|found| found.epoch == epoch);
        let Some(found) = found else {
            let problem = "no secret of that epoch";
            return Err(FileError::Field { file: FORMAT.file, field: "epochs", problem });
        };
        let failed = |error| FileError::Key { file: FORMAT.file, error };
        match &found.material {
            Material::Master(secret) => {
                let master = MasterSecret::new(secret.duplicate(), self.salt, epoch);
                let (identity, data) = (master.identity_root(), master.data_root());
                Ok((Some(identity.map_err(failed)?), Some(data.map_err(failed)?)))
            }
            Material::Roots { identity, data } => Ok((
                identity.as_ref().map(|root| IdentityRoot::new(root.duplicate(), self.salt, epoch)),
                data.as_ref().map(|root| DataRoot::new(root.duplicate(), self.salt, epoch)),
            )),
        }
    }

    /// The operator's key, unless a token has it.
    ///
    /// # Errors
    /// [`FileError::Field`] if it is to be derived and the first epoch is gone; [`FileError::Key`] if the derivation fails.
    pub fn operator_key(&self) -> Result<Option<OperatorKey>, FileError> {
        match &self.operator {
            OperatorSource::Pkcs11 { .. } => Ok(None),
            OperatorSource::Seed { seed, .. } => Ok(Some(OperatorKey::from_seed(seed))),
            OperatorSource::Derived => {
                let first = self.epochs.iter().find(|epoch| epoch.epoch == KeyEpoch::FIRST);
                let Some(MasterEpoch { material: Material::Master(secret), .. }) = first else {
                    let problem = "derived, and the master secret of epoch 1 is not there";
                    return Err(FileError::Field { file: FORMAT.file, field: "operator", problem });
                };
                let master = MasterSecret::new(secret.duplicate(), self.salt, KeyEpoch::FIRST);
                let key = master.operator_key();
                key.map(Some).map_err(|error| FileError::Key { file: FORMAT.file, error })
            }
        }
    }
}

fn read_epoch(mut object: Object<'_>, custody: Custody) -> Result<MasterEpoch, FileError> {
    let epoch = object.epoch("epoch")?;
    let state = read_state(&mut object)?;
    let material = match custody {
        Custody::Joint => Material::Master(object.required_secret("master")?),
        Custody::Split | Custody::NodeBorn => {
            let (identity, data) = (object.optional_secret("identity")?, object.optional_secret("data")?);
            if identity.is_none() && data.is_none() {
                return Err(object.refuse("epochs", "an epoch without a root"));
            }
            if identity.is_some() && custody == Custody::NodeBorn {
                return Err(object.refuse("identity", "a root that was born in a node never leaves seats"));
            }
            Material::Roots { identity, data }
        }
    };
    Ok(MasterEpoch { epoch, state, material, kept: object.kept() })
}

fn read_operator(mut object: Object<'_>, custody: Custody) -> Result<OperatorSource, FileError> {
    match object.text("alg")?.as_str() {
        "derived" if custody == Custody::Joint => Ok(OperatorSource::Derived),
        "pkcs11" => {
            let uri = object.text("uri")?;
            if !uri.starts_with("pkcs11:") {
                return Err(object.refuse("uri", "not a PKCS#11 URI"));
            }
            Ok(OperatorSource::Pkcs11 { uri, kept: object.kept() })
        }
        "ed25519" => {
            let seed = object.required_secret("seed")?;
            Ok(OperatorSource::Seed { seed, kept: object.kept() })
        }
        _ => Err(object.refuse("alg", "not ed25519 or pkcs11, nor derived from a joint master secret")),
    }
}

pub(super) fn read_state(object: &mut Object<'_>) -> Result<EpochState, FileError> {
    let state = object.text("state")?;
    EpochState::from_word(&state).ok_or_else(|| object.refuse("state", "not next, live or retired"))
}

pub(super) fn read_salt(object: &mut Object<'_>) -> Result<Salt, FileError> {
    let salt = object.bytes("salt")?;
    let salt = salt.as_slice().try_into().ok().and_then(|salt| Salt::new(salt).ok());
    salt.ok_or_else(|| object.refuse("salt", "not 32 bytes, or all of them zero"))
}

const fn custody_word(custody: Custody) -> &'static str {
    match custody {
        Custody::Joint => "joint",
        Custody::Split => "split",
        Custody::NodeBorn => "node-born",
    }
}
