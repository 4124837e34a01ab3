//! HMAC-SHA256 with a secret for its key, and the proof of such a secret over a channel's slot (protocol section 4, additions c).

use hmac::Hmac;
use hmac::digest::{Key, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use super::error::KeyError;
use super::kdf::push_lp;
use super::secret::Secret;

/// A running HMAC-SHA256.
pub(super) fn hmac(key: &Secret) -> Hmac<Sha256> {
    // A key shorter than a block is filled with zeros (FIPS 198-1, table 1, step 3). Done here, because the constructor that takes
    // any length has an error that cannot happen.
    let mut block = Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key.expose()).for_each(|(slot, octet)| *slot = *octet);
    let mac = <Hmac<Sha256> as KeyInit>::new(&block);
    block.as_mut_slice().zeroize();
    mac
}

impl Secret {
    /// Proves, over the slot of a channel, that one knows this secret: a join token, a voucher secret, an init secret.
    ///
    /// # Errors
    /// [`KeyError`] if the label does not fit, which it does.
    pub fn prove(&self, slot: &[u8; 64]) -> Result<[u8; 32], KeyError> {
        Ok(self.proof(slot)?.finalize().into_bytes().into())
    }

    /// Checks a proof in constant time.
    ///
    /// # Errors
    /// [`KeyError::Wrong`] if it is another secret's, or was made over another slot.
    pub fn check_proof(&self, slot: &[u8; 64], proof: &[u8]) -> Result<(), KeyError> {
        let mac = self.proof(slot)?;
        mac.verify_slice(proof).map_err(|_| KeyError::Wrong { what: "secret behind a mac proof" })
    }

    fn proof(&self, slot: &[u8; 64]) -> Result<Hmac<Sha256>, KeyError> {
        let mut label = Vec::new();
        push_lp(&mut label, "label", b"attestrap/token-proof/1")?;
        let mut mac = hmac(self);
        mac.update(&label);
        mac.update(slot);
        Ok(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_that_of_another_implementation() {
        let key = Secret::new("key", &[0x0b; 32]).unwrap();
        let mut mac = hmac(&key);
        mac.update(b"Hi There");
        // Python: hmac.new(b"\x0b" * 32, b"Hi There", "sha256").
        let expected = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
        assert_eq!(base16ct::lower::encode_string(&mac.finalize().into_bytes()), expected);
    }

    #[test]
    fn a_proof_is_of_one_secret_and_one_slot() {
        let secret = Secret::new("token", &[7; 32]).unwrap();
        let proof = secret.prove(&[1; 64]).unwrap();
        assert_eq!(secret.check_proof(&[1; 64], &proof), Ok(()));
        let wrong = Err(KeyError::Wrong { what: "secret behind a mac proof" });
        assert_eq!(secret.check_proof(&[2; 64], &proof), wrong);
        assert_eq!(Secret::new("token", &[8; 32]).unwrap().check_proof(&[1; 64], &proof), wrong);
        assert_eq!(secret.check_proof(&[1; 64], &proof[..31]), wrong);
        assert_eq!(secret.check_proof(&[1; 64], b""), wrong);
    }
}
