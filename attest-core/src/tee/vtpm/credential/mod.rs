//! Credential activation: proof that a key with *this name*, and so with these attributes, sits in the TPM that holds *this*
//! endorsement key (TPM 2.0 Part 1, 24; Part 3, 12.5 and 12.6).
//!
//! ```text
//! TrustedEk, AK public ──Activation::start──▶ Challenge ──TPM2_ActivateCredential──▶ Response ──answer──▶ ActivatedAk
//! ```
//!
//! Nothing here draws randomness or reads a clock: both are arguments. The arithmetic is outside of
//! [`crate::crypto::CryptoProvider`], whose schemes only ever see what is public; this one keeps secrets, and clears them.
//!
//! A [`TrustedEk`] is one that the caller pinned by its name ([`TrustedEk::pinned`]), or one whose certificate was verified
//! ([`TrustedEk::certified`]); there is no third way. What vouches for it goes along, to the claims of the quotes of the key that
//! is activated: its certificate's subject, serial number and TPM attributes, and what stands behind the root.
//!
//! **Not checked here:** that a pinned key is a TPM's. Whoever pins it has looked. And [`encapsulate`] encrypts to any public area:
//! it is the primitive under imported objects and salted sessions, and proves nothing of its receiver.

mod ek;
pub mod kdf;
mod machine;
mod make;
mod primitives;
mod wire;

pub use ek::TrustedEk;
pub use machine::{ActivatedAk, Activation, CONTEXT, Form, Response, Start};
pub use make::{Encapsulation, Label, RANDOM_LEN, Randomness, encapsulate, make_credential};
pub use wire::{Challenge, EncryptedSecret, IdObject};

use alloc::vec::Vec;

use zeroize::Zeroizing;

/// Bytes that are cleared when dropped, never shown, and compared in constant time.
pub struct Sensitive(Zeroizing<Vec<u8>>);

impl Sensitive {
    /// Takes a copy. The caller's own is the caller's to clear.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Sensitive {
    fn eq(&self, other: &Self) -> bool {
        primitives::equal(&self.0, &other.0)
    }
}

impl Eq for Sensitive {}
