//! Merkle trees of transparency logs (RFC 9162, 2.1; the same as RFC 6962's).

use alloc::vec::Vec;

use attest_core::crypto::{CryptoProvider, HashAlgorithm};
use attest_core::error::Unsupported;
use attest_core::values::Digest;

/// The longest proof: a tree has at most 2^64 leaves.
pub const MAX_PROOF: usize = 64;

/// A proof that does not lead where it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The index is not in the tree, or a tree of this size has no such proof.
    #[error("no tree has this index, size and length of proof")]
    Shape,
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    Root,
    /// The provider lacks SHA-256.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// The hash of a leaf: SHA-256 over 00 and its bytes.
///
/// # Errors
/// [`Unsupported`] if the provider lacks SHA-256.
pub fn leaf(bytes: &[u8], provider: &CryptoProvider) -> Result<Digest, Unsupported> {
    provider.digest(HashAlgorithm::Sha256, &[&[0], bytes])
}

fn node(left: &[u8], right: &[u8], provider: &CryptoProvider) -> Result<Vec<u8>, Unsupported> {
    Ok(provider.digest(HashAlgorithm::Sha256, &[&[1], left, right])?.as_bytes().into())
}

/// Proves that the leaf with this hash is number `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_inclusion(
    leaf: &[u8],
    index: u64,
    size: u64,
    proof: &[Vec<u8>],
    root: &[u8],
    provider: &CryptoProvider,
) -> Result<(), ProofError> {
    if index >= size || [leaf, root].iter().any(|hash| hash.len() != 32) || odd(proof) {
        return Err(ProofError::Shape);
    }
    let (mut at, mut last, mut hash) = (index, size.saturating_sub(1), Vec::from(leaf));
    for step in proof {
        if last == 0 {
            return Err(ProofError::Shape);
        }
        if at & 1 == 1 || at == last {
            hash = node(step, &hash, provider)?;
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, step, provider)?;
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match (last, hash == root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Shape),
    }
}

/// Proves that the tree of `first` leaves is the beginning of the tree of `second` leaves (RFC 9162, 2.1.4.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_consistency(
    first: u64,
    second: u64,
    proof: &[Vec<u8>],
    first_root: &[u8],
    second_root: &[u8],
    provider: &CryptoProvider,
) -> Result<(), ProofError> {
    let sizes = first > 0 && first <= second;
    if !sizes || [first_root, second_root].iter().any(|hash| hash.len() != 32) || odd(proof) {
        return Err(ProofError::Shape);
    }
    if first == second {
        return match (proof.is_empty(), first_root == second_root) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
            (false, _) => Err(ProofError::Shape),
        };
    }
    // A tree that is full is a node of the other one, and is left out of the proof.
    let (begin, rest) = match (first.is_power_of_two(), proof) {
        (true, [_, ..]) => (first_root, proof),
        (false, [begin, rest @ ..]) => (begin.as_slice(), rest),
        (_, []) => return Err(ProofError::Shape),
    };
    let (mut at, mut last) = (first.saturating_sub(1), second.saturating_sub(1));
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut old, mut new) = (Vec::from(begin), Vec::from(begin));
    for step in rest {
        if last == 0 {
            return Err(ProofError::Shape);
        }
        if at & 1 == 1 || at == last {
            old = node(step, &old, provider)?;
            new = node(step, &new, provider)?;
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node(&new, step, provider)?;
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match (last, old == first_root && new == second_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Shape),
    }
}

fn odd(proof: &[Vec<u8>]) -> bool {
    proof.len() > MAX_PROOF || proof.iter().any(|step| step.len() != 32)
}
