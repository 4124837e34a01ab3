//! Whose signatures stand under a statement.

use std::collections::BTreeSet;

use p256::ecdsa::signature::Verifier;

use super::fault::Fault;
use crate::ids::StatementHash;
use crate::peer::PublicKey;
use crate::wire::{Algorithm, Authority, Signed, StatementPayload};
use sha2::{Digest, Sha256};

/// The hash by which statements name one another: SHA-256 of the payload as received.
pub(super) fn hash(payload: &StatementPayload) -> StatementHash {
    StatementHash::new(Sha256::digest(payload.as_bytes()).into())
}

/// Which of `keys` signed. Each counts once, however often it signs. A signature of a key that is not among them says nothing: it can be
/// added and taken away by anybody. One in the name of a key that is among them must hold.
pub(super) fn signers<'a>(
    signed: &Signed,
    keys: impl Iterator<Item = &'a PublicKey> + Clone,
) -> Result<BTreeSet<&'a PublicKey>, Fault> {
    let mut found = BTreeSet::new();
    for signature in &signed.signatures {
        // Two keys may share an id of eight bytes, so all of that id are asked.
        let named =
            keys.clone().filter(|key| key.id() == signature.key && Algorithm::of(key) == signature.algorithm);
        if named.clone().next().is_none() {
            continue;
        }
        let message = Signed::signed_bytes(&signed.payload, signature.algorithm, signature.key);
        let mut holding = named.filter(|key| holds(key, &message, &signature.bytes));
        found.insert(holding.next().ok_or(Fault::Signature { key: signature.key })?);
    }
    Ok(found)
}

/// Demands as many operators of `authority` as its threshold says.
pub(super) fn demand_threshold(signed: &Signed, authority: &Authority) -> Result<(), Fault> {
    let needed = usize::try_from(authority.threshold.number()).unwrap_or(usize::MAX);
    let actual = signers(signed, authority.operators.iter())?.len();
    match actual >= needed {
        true => Ok(()),
        false => Err(Fault::Threshold { needed, actual }),
    }
}

/// Whether a signature holds. Ed25519 in the strict reading: no key of small order, no second form of a signature.
pub(super) fn holds(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    match key {
        PublicKey::Ed25519(bytes) => ed25519_dalek::VerifyingKey::from_bytes(bytes).is_ok_and(|key| {
            key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
        }),
        PublicKey::P256(point) => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok_and(|key| {
            p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok())
        }),
    }
}

/// Refuses an authority that could never sign, or that fewer people could fulfil than it says.
pub(super) fn check_authority(authority: &Authority) -> Result<(), Fault> {
    let distinct: BTreeSet<_> = authority.operators.iter().collect();
    let custodians: BTreeSet<_> = authority.custodians.iter().collect();
    let threshold = usize::try_from(authority.threshold.number()).unwrap_or(usize::MAX);
    let problem =
        if distinct.len() != authority.operators.len() || custodians.len() != authority.custodians.len() {
            "a key stands twice"
        } else if threshold > distinct.len() {
            "the threshold is above the number of operators"
        } else if authority.operators.iter().chain(&authority.custodians).any(|key| !is_usable(key)) {
            "a key that no signature can hold under"
        } else {
            return Ok(());
        };
    Err(Fault::Content { field: "authority", problem })
}

/// Whether the bytes are a point that signatures are checked under.
fn is_usable(key: &PublicKey) -> bool {
    match key {
        PublicKey::Ed25519(bytes) => {
            ed25519_dalek::VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak())
        }
        PublicKey::P256(point) => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
    }
}
