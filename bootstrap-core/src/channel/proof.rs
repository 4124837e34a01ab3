//! Evidence that is no TEE's: that the peer holds a key, or knows a secret, shown over a slot (protocol section 4, additions c).
//! Nothing is sent that a relay, or a peer that was not believed, could use elsewhere.

use attest_core::reader::Reader;
use ed25519_dalek::VerifyingKey;
use p256::ecdsa::signature::Verifier;

use super::binding::{Slot, companions};
use super::guard::{self, holds};
use crate::keys::{Secret, key_proof};
use crate::peer::PublicKey;

/// The kind of an item that proves a key.
pub const KEY: &str = "key";
/// The kind of an item that proves a secret.
pub const MAC: &str = "mac";

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadProof {
    /// The companions are not those of the kind.
    #[error("the companions do not name a key or secret in their one form")]
    Companions,
    /// The signature or the MAC does not hold over the slot.
    #[error("it does not hold over this channel's slot")]
    Proof,
    /// Nobody here knows a secret of this id.
    #[error("no secret of this id is known here")]
    UnknownSecret,
}

/// The companions of a `key` item.
pub fn key_companions(key: &PublicKey) -> Vec<u8> {
    companions(&[&[&[key.algorithm()], key.as_bytes()].concat()])
}

/// The companions of a `mac` item.
pub fn mac_companions(id: &[u8; 16]) -> Vec<u8> {
    companions(&[id])
}

/// What a key signs: `lp("attestrap/key-proof/1") || slot`. For keys that live in the host's devices; those of
/// [`crate::keys::OperatorKey`] and [`crate::keys::SameNodeKey`] prove by themselves.
///
/// # Errors
/// [`crate::keys::KeyError`] if the label does not fit, which it does.
pub fn key_message(slot: &Slot) -> Result<Vec<u8>, crate::keys::KeyError> {
    key_proof(slot.as_bytes())
}

/// Checks a `key` item: the key that it proves.
pub(super) fn check_key(companions: &[u8], proof: &[u8], slot: &Slot) -> Result<PublicKey, BadProof> {
    let [algorithm, bytes @ ..] = only_part(companions)? else { return Err(BadProof::Companions) };
    let key = PublicKey::new(*algorithm, bytes).ok_or(BadProof::Companions)?;
    let message = key_message(slot).map_err(|_| BadProof::Proof)?;
    let ok = match &key {
        // Strict: no key of small order, whose signatures hold for messages that nobody signed.
        PublicKey::Ed25519(bytes) => VerifyingKey::from_bytes(bytes).is_ok_and(|key| {
            ed25519_dalek::Signature::from_slice(proof)
                .is_ok_and(|signature| key.verify_strict(&message, &signature).is_ok())
        }),
        PublicKey::P256(bytes) => p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).is_ok_and(|key| {
            p256::ecdsa::Signature::from_slice(proof)
                .is_ok_and(|signature| key.verify(&message, &signature).is_ok())
        }),
    };
    if holds(guard::PROOF, ok) { Ok(key) } else { Err(BadProof::Proof) }
}

/// Checks a `mac` item: the id of the secret that it proves. `secrets` finds a secret by its id.
pub(super) fn check_mac(
    companions: &[u8],
    proof: &[u8],
    slot: &Slot,
    secrets: &dyn Fn(&[u8; 16]) -> Option<Secret>,
) -> Result<[u8; 16], BadProof> {
    let id: [u8; 16] = only_part(companions)?.try_into().map_err(|_| BadProof::Companions)?;
    let secret = secrets(&id).ok_or(BadProof::UnknownSecret)?;
    let ok = secret.check_proof(slot.as_bytes(), proof).is_ok();
    if holds(guard::PROOF, ok) { Ok(id) } else { Err(BadProof::Proof) }
}

/// The only part of companions that have one.
pub(super) fn only_part(companions: &[u8]) -> Result<&[u8], BadProof> {
    let read = || {
        let mut reader = Reader::new("companions", companions);
        let length = usize::try_from(reader.u32_be("length")?).unwrap_or(usize::MAX);
        let part = reader.bytes("part", length)?;
        reader.finish("end")?;
        Ok::<_, attest_core::error::Malformed>(part)
    };
    read().map_err(|_| BadProof::Companions)
}

#[cfg(test)]
mod tests {
    use attest_core::values::Hex;

    use super::*;
    use crate::keys::OperatorKey;

    const SLOT: Slot = Slot::from_bytes([7; 64]);
    const OTHER: Slot = Slot::from_bytes([8; 64]);

    #[test]
    fn a_key_is_proven_over_one_slot() {
        let key = OperatorKey::from_seed(&Secret::new("seed", &[3; 32]).unwrap());
        let companions = key_companions(&key.public_key());
        let proof = key.prove(SLOT.as_bytes()).unwrap();
        assert_eq!(check_key(&companions, &proof, &SLOT), Ok(key.public_key()));
        assert_eq!(check_key(&companions, &proof, &OTHER), Err(BadProof::Proof));
        assert_eq!(check_key(&companions, &proof[..63], &SLOT), Err(BadProof::Proof));
        assert_eq!(check_key(&companions, b"", &SLOT), Err(BadProof::Proof));
        assert_eq!(check_key(&companions[..36], &proof, &SLOT), Err(BadProof::Companions));
        assert_eq!(check_key(&[&companions[..], &[0]].concat(), &proof, &SLOT), Err(BadProof::Companions));
        assert_eq!(check_key(b"", &proof, &SLOT), Err(BadProof::Companions));
    }

    #[test]
    fn a_p256_key_is_proven_as_cose_writes_it() {
        use p256::ecdsa::signature::Signer;
        let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let public = PublicKey::new(2, point.as_bytes()).unwrap();
        let proof: p256::ecdsa::Signature = key.sign(&key_message(&SLOT).unwrap());
        assert_eq!(check_key(&key_companions(&public), &proof.to_bytes(), &SLOT), Ok(public.clone()));
        assert_eq!(check_key(&key_companions(&public), &proof.to_bytes(), &OTHER), Err(BadProof::Proof));
    }

    #[test]
    fn a_key_of_small_order_proves_nothing() {
        // The neutral element: R = identity and S = 0 satisfy the plain equation for any message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let companions = key_companions(&PublicKey::Ed25519(neutral));
        let proof = [&neutral[..], &[0; 32]].concat();
        assert_eq!(check_key(&companions, &proof, &SLOT), Err(BadProof::Proof));
    }

    #[test]
    fn a_secret_is_proven_over_one_slot_and_must_be_known() {
        let secret = || Secret::new("token", &[5; 32]).unwrap();
        let known = |id: &[u8; 16]| (*id == [1; 16]).then(secret);
        let proof = secret().prove(SLOT.as_bytes()).unwrap();
        let companions = mac_companions(&[1; 16]);
        assert_eq!(check_mac(&companions, &proof, &SLOT, &known), Ok([1; 16]));
        assert_eq!(check_mac(&companions, &proof, &OTHER, &known), Err(BadProof::Proof));
        assert_eq!(check_mac(&companions, &proof[..31], &SLOT, &known), Err(BadProof::Proof));
        let stranger = mac_companions(&[2; 16]);
        assert_eq!(check_mac(&stranger, &proof, &SLOT, &known), Err(BadProof::UnknownSecret));
    }

    #[test]
    fn the_known_answer_of_the_protocol_holds() {
        // Section 2, vector "`key` item in slot 1".
        let bytes = |hex: &str| base16ct::lower::decode_vec(hex).unwrap();
        let slot = "d5f3f370b06c894dd766df6734658576d7246fc956d9991c0554958331713a6f46ebea9fa53e7634f7bb12f0aba3202849ff089effa927c2556b2760d9cbd079";
        let proof = "174f9c94c3d0368c832289b1d7d8cc4f0242807d73efc4ed2dc767301e67e908137d13a75ab06f876179fc6ea093b441a0e7312bd95dde0807b2899bc26fc402";
        let key = bytes("7ed626995859aabb13ab1511dccaaadb706c7bfdfef9607e92d06f238b3c563c");
        let key = PublicKey::new(1, &key).unwrap();
        let slot = Slot::from_bytes(bytes(slot).try_into().unwrap());
        assert_eq!(check_key(&key_companions(&key), &bytes(proof), &slot), Ok(key.clone()));
        assert_eq!(Hex(&key_companions(&key)[..5]).to_string(), "0000002101");
    }
}
