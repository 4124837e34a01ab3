//! A share of k-of-n as it travels and as it is kept (section 2, shares).

use attest_core::error::{Malformed, Problem};
use attest_core::reader::Reader;
use zeroize::Zeroizing;

use super::error::Error;
use super::field::{List, Record, whole, written};
use super::number::{Bounded, SecretKind};
use super::record::record;
use crate::ids::{ClusterId, KeyEpoch, ShareSetId};
use crate::keys::Secret;

/// The largest share, in bytes: 255 commitments of 34, and the rest.
const MAX_SHARE: usize = 255 * 34 + 256;

record! {
    secret
    /// One share. Its checksum is over all the rest, so nothing may be added to version 1.
    pub struct Share = "share" [1] {
        /// Which secret was split.
        1 => secret: SecretKind,
        /// The cluster.
        2 => cluster: ClusterId,
        /// The set: all shares of one split.
        3 => set: ShareSetId,
        /// The epoch of the secret.
        4 => epoch: KeyEpoch,
        /// k: how many shares give the secret.
        5 => threshold: Bounded<2, 255>,
        /// n: how many shares there are.
        6 => count: Bounded<2, 255>,
        /// x: which one this is.
        7 => index: Bounded<1, 255>,
        /// y.
        8 => value: Secret,
        /// A commitment to each share, in the order of x.
        9 => commitments: List<[u8; 32], 2, 255>,
        /// A checksum over keys 0 to 9.
        10 => checksum: [u8; 8],
    }
}

impl Share {
    /// The bytes of a share file's printed form, and of its byte string in a grant.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(written(self))
    }

    /// Reads what [`Share::to_bytes`] writes. The checksum is the key module's to check.
    ///
    /// # Errors
    /// [`Error`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::read_bytes(bytes)?)
    }

    pub(super) fn read_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let share: Self = whole(Self::RULE, bytes, MAX_SHARE)?;
        // A field that is not known could not be part of the checksum, so there is none.
        match *share.to_bytes() == bytes {
            true => Ok(share),
            false => {
                let problem = Problem::Encoding("more than the fields of a share");
                Err(Reader::new(Self::RULE, bytes).malformed("share", problem))
            }
        }
    }
}
