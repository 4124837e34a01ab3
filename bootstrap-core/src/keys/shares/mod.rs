//! k-of-n shares of a secret (protocol section 2): made, checked one by one, combined, printed.
//!
//! A share names its set and carries commitments to all shares of it, so that a wrong one is named the moment it arrives, and one of
//! another set is told from one that is wrong.

mod field;
mod printed;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::kdf::push_lp;
use super::secret::Secret;
use crate::error::Code;
use crate::ids::{ClusterId, KeyEpoch, ShareSetId};
use crate::wire::{Bounded, List, SecretKind, Share};

pub use printed::{from_printed, to_printed};

/// What is wrong with a share, and with which one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareFault {
    /// The checksum is not that of the share: mistyped, or cut.
    #[error("share {index}: the checksum differs, so it was mistyped or damaged")]
    Checksum {
        /// Which share, by its own word.
        index: u8,
    },
    /// A share of another cluster's secret.
    #[error("share {index}: expected cluster {expected}, got {actual}")]
    Cluster {
        /// Which share.
        index: u8,
        /// The cluster asked for.
        expected: ClusterId,
        /// The one that it names.
        actual: ClusterId,
    },
    /// The value is not the one that was committed to when the set was made.
    #[error("share {index}: wrong value, by the set's own commitment")]
    Commitment {
        /// Which share.
        index: u8,
    },
    /// One share, twice.
    #[error("share {index}: given twice")]
    Duplicate {
        /// Which share.
        index: u8,
    },
    /// Fewer shares than are needed.
    #[error("{held} shares, {needed} are needed")]
    Few {
        /// How many there are.
        held: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A share of another set, or one that says other things of the set than the first one does.
    #[error("share {index} of set {actual}: not of set {expected}, or it describes that set otherwise")]
    Foreign {
        /// Which share, by its own word.
        index: u8,
        /// The set of the shares held.
        expected: ShareSetId,
        /// Its set.
        actual: ShareSetId,
    },
    /// Not a printed share.
    #[error("not a printed share: {0}")]
    Printed(&'static str),
    /// Its numbers do not fit one another.
    #[error("share {index}: {field}: expected {expected}, got {actual}")]
    Shape {
        /// Which share, by its own word.
        index: u8,
        /// Which number.
        field: &'static str,
        /// What it can be.
        expected: &'static str,
        /// What it is.
        actual: usize,
    },
}

impl ShareFault {
    /// What the custodian is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::Cluster { .. } | Self::Foreign { .. } => Code::SHARE_FOREIGN,
            Self::Checksum { .. }
            | Self::Commitment { .. }
            | Self::Duplicate { .. }
            | Self::Few { .. }
            | Self::Printed(_)
            | Self::Shape { .. } => Code::SHARE_WRONG,
        }
    }
}

/// What is split, and how. Nothing of it is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "every part of it is a decision")]
pub struct Split {
    /// Which secret it is.
    pub secret: SecretKind,
    /// The cluster.
    pub cluster: ClusterId,
    /// The set: 16 random bytes.
    pub set: ShareSetId,
    /// The epoch of the secret.
    pub epoch: KeyEpoch,
    /// k.
    pub threshold: u8,
    /// n.
    pub count: u8,
}

impl Split {
    /// How many random bytes a split takes.
    pub const fn entropy(&self) -> usize {
        Secret::LEN.saturating_mul(self.degree())
    }

    const fn degree(&self) -> usize {
        // A cast, because conversions are not constant yet.
        #[expect(clippy::as_conversions, reason = "from u8 to usize nothing is lost")]
        let threshold = self.threshold as usize;
        threshold.saturating_sub(1)
    }

    /// The shares of `secret`. `coefficients` are [`Self::entropy`] random bytes: 32 for x, 32 for x^2, and so on.
    ///
    /// # Errors
    /// [`KeyError::Share`] unless 2 <= k <= n; [`KeyError::Length`] or [`KeyError::Zero`] for coefficients that were not drawn.
    pub fn make(&self, secret: &Secret, coefficients: &[u8]) -> Result<Vec<Share>, KeyError> {
        const WHAT: &str = "share coefficients";
        let shape = |field, expected, actual: u8| {
            KeyError::from(ShareFault::Shape { index: 0, field, expected, actual: actual.into() })
        };
        let bounded = |number: u8| Bounded::new(number.into());
        let threshold =
            bounded(self.threshold).ok_or_else(|| shape("threshold", "2 to 255", self.threshold))?;
        let count = bounded(self.count).filter(|_| self.count >= self.threshold);
        let count = count.ok_or_else(|| shape("count", "the threshold to 255", self.count))?;
        if coefficients.len() != self.entropy() {
            let (expected, actual) = (self.entropy(), coefficients.len());
            return Err(KeyError::Length { what: WHAT, expected, actual });
        }
        // A coefficient of 32 zeros would be the sign of a generator that failed.
        let coefficients: Vec<Secret> = coefficients
            .chunks_exact(Secret::LEN)
            .map(|chunk| Secret::new(WHAT, chunk))
            .collect::<Result<_, _>>()?;
        let coefficients: Vec<&Secret> = coefficients.iter().collect();
        let values: Vec<(u8, Secret)> = (1..=self.count)
            .map(|x| Ok((x, field::evaluate(secret, &coefficients, x)?)))
            .collect::<Result<_, KeyError>>()?;
        let commitments: Vec<[u8; 32]> =
            values.iter().map(|(x, y)| commitment(&self.set, *x, y)).collect::<Result<_, _>>()?;
        let commitments = List::new(commitments).map_err(|_| shape("count", "2 to 255", self.count))?;
        let share = |(x, value): (u8, Secret)| {
            let mut share = Share {
                secret: self.secret,
                cluster: self.cluster,
                set: self.set,
                epoch: self.epoch,
                threshold,
                count,
                index: Bounded::new(x.into()).ok_or_else(|| shape("index", "1 to 255", x))?,
                value,
                commitments: commitments.clone(),
                checksum: [0; 8],
            };
            share.checksum = checksum(&share)?;
            Ok(share)
        };
        values.into_iter().map(share).collect()
    }
}

/// Checks a share by itself: its numbers fit, its checksum holds, its value is the one committed to.
///
/// # Errors
/// [`KeyError::Share`] with what is wrong.
pub fn check(share: &Share) -> Result<(), KeyError> {
    let index = index_of(share);
    let shape =
        |field, expected, actual| Err(KeyError::from(ShareFault::Shape { index, field, expected, actual }));
    if share.checksum != checksum(share)? {
        return Err(ShareFault::Checksum { index }.into());
    }
    let count = size(share.count.number());
    if share.commitments.len() != count {
        return shape("commitments", "one for each share", share.commitments.len());
    }
    if size(share.threshold.number()) > count {
        return shape("threshold", "at most the count", size(share.threshold.number()));
    }
    let committed = share.commitments.get(usize::from(index).saturating_sub(1));
    let Some(committed) = committed.filter(|_| usize::from(index) <= count) else {
        return shape("index", "at most the count", index.into());
    };
    if *committed != commitment(&share.set, index, &share.value)? {
        return Err(ShareFault::Commitment { index }.into());
    }
    Ok(())
}

/// Checks that a share is of the set that `first` is of. Both were checked by themselves.
///
/// # Errors
/// [`KeyError::Share`] with [`ShareFault::Foreign`] if it is not.
pub fn check_same_set(share: &Share, first: &Share) -> Result<(), KeyError> {
    let same = share.set == first.set
        && share.secret == first.secret
        && share.cluster == first.cluster
        && share.epoch == first.epoch
        && share.threshold == first.threshold
        && share.count == first.count
        && share.commitments == first.commitments;
    let (expected, actual) = (first.set, share.set);
    match same {
        true => Ok(()),
        false => Err(ShareFault::Foreign { index: index_of(share), expected, actual }.into()),
    }
}

/// Checks that a share is of this cluster's secret.
///
/// # Errors
/// [`KeyError::Share`] with [`ShareFault::Cluster`] if it is not.
pub fn check_cluster(share: &Share, cluster: &ClusterId) -> Result<(), KeyError> {
    let (expected, actual) = (*cluster, share.cluster);
    match expected == actual {
        true => Ok(()),
        false => Err(ShareFault::Cluster { index: index_of(share), expected, actual }.into()),
    }
}

/// Combines shares. All of them are checked; the first k are used. What comes out is still to be compared with the genesis or with a
/// transition: the commitments are the dealer's word.
///
/// # Errors
/// [`KeyError::Share`] with the share that is to blame.
pub fn combine(shares: &[&Share]) -> Result<Secret, KeyError> {
    let Some(first) = shares.first() else {
        return Err(ShareFault::Few { held: 0, needed: 2 }.into());
    };
    let mut points: Vec<(u8, &Secret)> = Vec::with_capacity(shares.len());
    for share in shares {
        check(share)?;
        check_same_set(share, first)?;
        let index = index_of(share);
        if points.iter().any(|(x, _)| *x == index) {
            return Err(ShareFault::Duplicate { index }.into());
        }
        points.push((index, &share.value));
    }
    let needed = size(first.threshold.number());
    match points.get(..needed) {
        Some(points) => field::interpolate(points),
        None => Err(ShareFault::Few { held: points.len(), needed }.into()),
    }
}

/// `H(lp("attestrap/share-commit/1") || lp(set) || u8 x || y_x)`.
fn commitment(set: &ShareSetId, x: u8, y: &Secret) -> Result<[u8; 32], KeyError> {
    let mut prefix = Vec::new();
    push_lp(&mut prefix, "label", b"attestrap/share-commit/1")?;
    push_lp(&mut prefix, "set id", set.as_bytes())?;
    prefix.push(x);
    Ok(Sha256::new().chain_update(&prefix).chain_update(y.expose()).finalize().into())
}

/// `H(lp("attestrap/share/1") || lp(C(share without key 10)))[0..8]`.
fn checksum(share: &Share) -> Result<[u8; 8], KeyError> {
    // Keys ascend, so key 10 is the end of the map, and what is without it has a head of ten pairs instead of eleven.
    let whole = share.to_bytes();
    let body = whole.strip_prefix(&[0xab]).and_then(|pairs| pairs.get(..pairs.len().saturating_sub(10)));
    let body = body.ok_or(ShareFault::Printed("a map of eleven pairs"))?;
    let mut rest = Zeroizing::new(Vec::with_capacity(whole.len()));
    rest.push(0xaa);
    rest.extend_from_slice(body);
    let len = u16::try_from(rest.len());
    let len =
        len.map_err(|_| KeyError::TooLong { what: "share", max: u16::MAX.into(), actual: rest.len() })?;
    let mut label = Vec::new();
    push_lp(&mut label, "label", b"attestrap/share/1")?;
    let digest: [u8; 32] = Sha256::new()
        .chain_update(&label)
        .chain_update(len.to_be_bytes())
        .chain_update(&*rest)
        .finalize()
        .into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    Ok([a, b, c, d, e, f, g, h])
}

fn index_of(share: &Share) -> u8 {
    // The type holds 1 to 255.
    u8::try_from(share.index.number()).unwrap_or_default()
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
