//! Constellation's key derivation, to read the disks and to know the cluster ids of clusters that were abandoned. Nothing here makes
//! anything new, and nothing of [`crate::keys`] leads here.
//!
//! One HKDF-SHA256 with `"key-" ++ id` for its info string: no epochs, no branches.

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::error::KeyError;
use super::secret::Secret;

/// The shortest master secret that Constellation took.
pub const MIN_KEY: usize = 16;
/// More than any file of it holds.
pub const MAX_KEY: usize = 1024;

/// A master secret and its salt, as `constellation-mastersecret.json` has them.
pub struct LegacyMaster {
    key: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
}

impl LegacyMaster {
    /// Takes copies. The caller's own are the caller's to clear.
    ///
    /// # Errors
    /// [`KeyError::Length`] for a key under [`MIN_KEY`] bytes or an empty salt; [`KeyError::TooLong`] over [`MAX_KEY`];
    /// [`KeyError::Zero`] for a key of zeros.
    pub fn new(key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        for (what, bytes, least) in [("legacy master secret", key, MIN_KEY), ("legacy salt", salt, 1)] {
            if bytes.len() < least {
                return Err(KeyError::Length { what, expected: least, actual: bytes.len() });
            }
            if bytes.len() > MAX_KEY {
                return Err(KeyError::TooLong { what, max: MAX_KEY, actual: bytes.len() });
            }
        }
        if key.iter().all(|octet| *octet == 0) {
            return Err(KeyError::Zero { what: "legacy master secret" });
        }
        Ok(Self { key: Zeroizing::new(key.to_vec()), salt: salt.to_vec() })
    }

    /// The passphrase of a state disk, by the UUID in its LUKS header. It is written in lower case there, whatever a tool shows.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn disk_key(&self, luks_uuid: &str) -> Result<Secret, KeyError> {
        self.data_key("legacy disk key", &luks_uuid.to_ascii_lowercase())
    }

    /// The key of a volume of the CSI driver, by the volume's id.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn volume_key(&self, id: &str) -> Result<Secret, KeyError> {
        self.data_key("legacy volume key", id)
    }

    /// What the cluster id comes from.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn measurement_secret(&self) -> Result<Secret, KeyError> {
        self.data_key("legacy measurement secret", "measurementSecret")
    }

    /// Ed25519 seed of the emergency SSH authority.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn ssh_ca_seed(&self) -> Result<Secret, KeyError> {
        self.data_key("legacy SSH CA seed", "ca_emergency_ssh")
    }

    /// The key-encryption key of the S3 proxy.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives no secret.
    pub fn s3_proxy_key(&self) -> Result<Secret, KeyError> {
        self.data_key("legacy S3 proxy key", "s3proxy-kek")
    }

    fn data_key(&self, what: &'static str, id: &str) -> Result<Secret, KeyError> {
        derive(what, &self.key, &self.salt, id)
    }
}

/// A cluster's id, which every node of it extended into its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegacyClusterId([u8; 32]);

impl LegacyClusterId {
    /// From the measurement secret and the public measurement salt in the cluster's state file.
    ///
    /// # Errors
    /// [`KeyError`] if the derivation gives nothing.
    pub fn derive(measurement_secret: &Secret, measurement_salt: &[u8]) -> Result<Self, KeyError> {
        let id = derive("legacy cluster id", measurement_secret.expose(), measurement_salt, "clusterID")?;
        Ok(Self(*id.expose()))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What PCR 15 of the SHA-256 bank shows on an initialised node.
    pub fn pcr_sha256(&self) -> [u8; 32] {
        Sha256::new().chain_update([0; 32]).chain_update(Sha256::digest(self.0)).finalize().into()
    }
}

fn derive(what: &'static str, key: &[u8], salt: &[u8], id: &str) -> Result<Secret, KeyError> {
    let (mut copy, extracted) = Hkdf::<Sha256>::extract(Some(salt), key);
    copy.as_mut_slice().zeroize();
    Secret::filled(what, |out| {
        let info: [&[u8]; 2] = [b"key-", id.as_bytes()];
        let failed = |_| KeyError::TooLong { what, max: 255 * 32, actual: Secret::LEN };
        extracted.expand_multi_info(&info, out).map_err(failed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::{counted, hex};

    /// The four vectors that Constellation publishes with its source.
    #[test]
    fn published_vectors_hold() {
        let of = |key: &[u8], salt: &[u8], id: &str| hex(derive("key", key, salt, id).unwrap().expose());
        assert_eq!(
            of(&[0; 32], &[0; 32], "00000000-0000-0000-0000-000000000000"),
            "2b5c829f691bfd4232f8aac464bccc07e605c7c8e82cbca09837e86d0b6d0665"
        );
        assert_eq!(
            of(&[0xff; 32], &[0xff; 32], "ffffffff-ffff-ffff-ffff-ffffffffffff"),
            "1484aa39d3415e906e07940ff215d8b1eee705d3027dba93306af4abff4f70be"
        );
        let master = LegacyMaster::new(&counted::<32>(0x40), &counted::<32>(0x60)).unwrap();
        let expected = "4790578891f3fe6cc22cb661ecdc1b7e33121b1287546a52ba33a9136719c213";
        assert_eq!(hex(master.measurement_secret().unwrap().expose()), expected);
        let secret = Secret::new("measurement secret", &counted::<32>(0)).unwrap();
        let id = LegacyClusterId::derive(&secret, &counted::<32>(0x20)).unwrap();
        let expected = "128c164378fe8767f998fbdfe4b4d6463ec5ae1b664ea5999bc27417607ae9b6";
        assert_eq!(hex(id.as_bytes()), expected);
    }

    #[test]
    fn a_uuid_is_read_in_lower_case_and_ids_differ() {
        let master = LegacyMaster::new(&[0xff; 32], &[0xff; 32]).unwrap();
        let upper = master.disk_key("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF").unwrap();
        assert_eq!(hex(upper.expose()), "1484aa39d3415e906e07940ff215d8b1eee705d3027dba93306af4abff4f70be");
        assert!(master.volume_key("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF").unwrap() != upper);
        assert!(master.ssh_ca_seed().unwrap() != master.s3_proxy_key().unwrap());
        assert!(master.ssh_ca_seed().unwrap() == master.volume_key("ca_emergency_ssh").unwrap());
        assert!(master.s3_proxy_key().unwrap() == master.volume_key("s3proxy-kek").unwrap());
    }

    #[test]
    fn short_and_empty_masters_are_refused() {
        let refused = |key: &[u8], salt: &[u8]| LegacyMaster::new(key, salt).err();
        let what = "legacy master secret";
        let short = KeyError::Length { what, expected: 16, actual: 15 };
        assert_eq!(refused(&[1; 15], &[1; 32]), Some(short));
        assert_eq!(refused(&[0; 32], &[1; 32]), Some(KeyError::Zero { what }));
        let empty = KeyError::Length { what: "legacy salt", expected: 1, actual: 0 };
        assert_eq!(refused(&[1; 32], &[]), Some(empty));
        assert!(LegacyMaster::new(&[1; 16], &[1]).is_ok());
        assert!(LegacyMaster::new(&[1; 1025], &[1]).is_err());
    }
}
