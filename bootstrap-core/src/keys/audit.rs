//! The chain over verdict records (protocol section 2): each record's code covers the one before it.

use hmac::Hmac;
use hmac::digest::Mac;
use sha2::Sha256;

use super::error::KeyError;
use super::mac::hmac;
use super::secret::Secret;

/// Makes and checks the chain. Whoever lacks it can neither change a record nor drop one from the middle unseen.
pub struct AuditKey(Secret);

/// The code of one record, and all that is needed to go on after it. Public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuditMac([u8; Self::LEN]);

impl AuditMac {
    /// How many bytes it has.
    pub const LEN: usize = 32;

    /// What stands before the first record.
    pub const START: Self = Self([0; Self::LEN]);

    /// The code with these bytes.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl AuditKey {
    pub(super) const fn new(key: Secret) -> Self {
        Self(key)
    }

    #[cfg(test)]
    pub(super) const fn key(&self) -> &Secret {
        &self.0
    }

    /// The code of `record`, which follows the record with the code `before`.
    pub fn next(&self, before: &AuditMac, record: &[u8]) -> AuditMac {
        AuditMac(self.mac(before, record).finalize().into_bytes().into())
    }

    /// Checks a record of the chain, in constant time.
    ///
    /// # Errors
    /// [`KeyError::Audit`] if `mac` is not the code of `record` after `before`.
    pub fn check(&self, before: &AuditMac, record: &[u8], mac: &AuditMac) -> Result<(), KeyError> {
        self.mac(before, record).verify_slice(mac.as_bytes()).map_err(|_| KeyError::Audit)
    }

    fn mac(&self, before: &AuditMac, record: &[u8]) -> Hmac<Sha256> {
        let mut mac = hmac(&self.0);
        mac.update(before.as_bytes());
        mac.update(record);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_shows_what_was_changed_dropped_or_moved() {
        let key = AuditKey::new(Secret::new("audit key", &[7; 32]).unwrap());
        let first = key.next(&AuditMac::START, b"first");
        let second = key.next(&first, b"second");
        assert_eq!(key.check(&AuditMac::START, b"first", &first), Ok(()));
        assert_eq!(key.check(&first, b"second", &second), Ok(()));
        // Changed; the record before it dropped; another key.
        assert_eq!(key.check(&first, b"zecond", &second), Err(KeyError::Audit));
        assert_eq!(key.check(&AuditMac::START, b"second", &second), Err(KeyError::Audit));
        let other = AuditKey::new(Secret::new("audit key", &[8; 32]).unwrap());
        assert_eq!(other.check(&first, b"second", &second), Err(KeyError::Audit));
    }
}
