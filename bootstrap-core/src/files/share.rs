//! `attestrap-share-<x>.json`: a custodian's share.

use zeroize::Zeroizing;

use super::error::FileError;
use super::json::{Format, Json, Kept, Object, hash};
use crate::ids::{ClusterId, ShareSetId};
use crate::keys::shares;
use crate::wire::{Bounded, List, SecretKind, Share};

const FORMAT: Format =
    Format { file: "share file", family: "attestrap-share/1.", current: "attestrap-share/1.0" };

/// The content of a share file.
#[expect(clippy::exhaustive_structs, reason = "whoever makes one must say all of it")]
pub struct ShareFile {
    /// The share.
    pub share: Share,
    /// Who holds it: free text, no secret.
    pub holder: Option<String>,
    /// What was not known.
    pub kept: Kept,
}

impl ShareFile {
    /// Reads the file and checks the share by itself. The printed form in the file is there for people, and is not read.
    ///
    /// # Errors
    /// [`FileError`]; [`FileError::Key`] for a share that is mistyped or wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        let mut object = Object::file(&FORMAT, bytes)?;
        let secret = object.text("secret")?;
        let secret = SecretKind::ALL.iter().copied().find(|known| word(*known) == secret);
        let secret = secret.ok_or_else(|| object.refuse("secret", "not master, identity or data"))?;
        let share = Share {
            secret,
            cluster: object.id("cluster", ClusterId::from_hex)?,
            set: object.id("set", ShareSetId::from_hex)?,
            epoch: object.epoch("epoch")?,
            threshold: bounded(&mut object, "threshold")?,
            count: bounded(&mut object, "count")?,
            index: bounded(&mut object, "index")?,
            value: object.required_secret("value")?,
            commitments: commitments(&mut object)?,
            checksum: {
                let bytes = object.bytes("checksum")?;
                bytes.as_slice().try_into().map_err(|_| object.refuse("checksum", "not eight bytes"))?
            },
        };
        shares::check(&share).map_err(|error| FileError::Key { file: FORMAT.file, error })?;
        let holder = object.optional("holder").map(|raw| {
            let text = serde_json::from_str(raw.get());
            text.map_err(|_| object.refuse("holder", "not a string"))
        });
        let holder = holder.transpose()?;
        object.optional("printed");
        Ok(Self { share, holder, kept: object.kept() })
    }

    /// Writes the file.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let share = &self.share;
        let printed = shares::to_printed(share);
        let fields = [
            Some(("secret", Json::text(word(share.secret)))),
            Some(("cluster", Json::hex(share.cluster.as_bytes()))),
            Some(("set", Json::hex(share.set.as_bytes()))),
            Some(("epoch", Json::number(share.epoch.number()))),
            Some(("threshold", Json::number(share.threshold.number()))),
            Some(("count", Json::number(share.count.number()))),
            Some(("index", Json::number(share.index.number()))),
            Some(("value", Json::hex(share.value.expose()))),
            Some(("commitments", Json::array(share.commitments.iter().map(|hash| Json::hex(hash))))),
            Some(("checksum", Json::hex(&share.checksum))),
            self.holder.as_ref().map(|holder| ("holder", Json::text(holder))),
            Some(("printed", Json::plain(&printed))),
        ];
        Json::file(&FORMAT, fields, &self.kept)
    }
}

fn bounded<const MIN: u32, const MAX: u32>(
    object: &mut Object<'_>,
    field: &'static str,
) -> Result<Bounded<MIN, MAX>, FileError> {
    Bounded::new(object.number(field)?).ok_or_else(|| object.refuse(field, "not a number of its size"))
}

fn commitments(object: &mut Object<'_>) -> Result<List<[u8; 32], 2, 255>, FileError> {
    let texts: Vec<String> = object.parsed("commitments", "not an array of strings")?;
    let hashes: Option<Vec<[u8; 32]>> = texts.iter().map(|text| hash(text)).collect();
    let hashes = hashes.ok_or_else(|| object.refuse("commitments", "not hexadecimal of its length"))?;
    List::new(hashes).map_err(|_| object.refuse("commitments", "not 2 to 255"))
}

const fn word(secret: SecretKind) -> &'static str {
    match secret {
        SecretKind::Master => "master",
        SecretKind::Identity => "identity",
        SecretKind::Data => "data",
    }
}
