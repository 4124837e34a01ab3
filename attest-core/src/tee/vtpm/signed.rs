//! A TPMS_ATTEST together with the proof that a key signed it: what certification and attested creation are judged from.

use super::algorithm::AlgorithmId;
use super::anchors::TrustedAk;
use super::checks::attested;
use super::checks::verify as checks;
use super::key::SigningKey;
use super::public::{Attributes, Key, Public};
use super::signature::Signature;
use super::wire::Attest;
use crate::crypto::CryptoProvider;
use crate::error::{Error, Unsupported};
use crate::values::Value;

/// An attestation whose signature was verified with this key. Search for `SignedBy::assertion` to audit every origin.
///
/// It says that *this key* signed, that the key signs nothing but what its TPM built, and that something vouches for the key: what is
/// certified is as good as its certifier.
#[derive(Clone, Debug)]
pub struct SignedBy<'a> {
    attest: Attest<'a>,
    signer: Public<'a>,
    trusted: &'a TrustedAk,
}

impl<'a> SignedBy<'a> {
    /// Reads an attestation of one type and verifies its signature: that the key is `trusted` by its name, its attributes and
    /// strength, scheme and hash that it is fixed to, then the signature over the bytes as received (TPM 2.0 Part 1, 25; Part 3, 18).
    ///
    /// A key that is trusted by its numbers only vouches for nobody: what it may sign is not known.
    ///
    /// # Errors
    /// [`Error::Malformed`] for either structure, [`Error::Untrusted`] for another key than the trusted one, for a key or a hash
    /// that is too weak and for a signature that does not verify, [`Error::Mismatch`] for another scheme than the key's, [`Error::Unsupported`] for one that the
    /// provider lacks.
    pub fn verify(
        attest: &'a [u8],
        kind: u16,
        signature: &[u8],
        signer: Public<'a>,
        trusted: &'a TrustedAk,
        provider: &CryptoProvider,
    ) -> Result<Self, Error> {
        let attest = Attest::parse_as(kind, attest)?;
        let name = signer.name(provider)?;
        let named = trusted.name().filter(|trusted| !trusted.can_collide());
        let expected = named.map_or(Value::Phrase("a trusted name"), |trusted| trusted.as_bytes().into());
        Error::unless(&attested::SIGNER, named == Some(&name), expected, name.as_bytes())?;
        let signature = Signature::parse(signature)?;
        let key = SigningKey::of_public(&signer)?;
        judge_key(&signer)?;
        judge_scheme(&signer, &key, &signature)?;
        let weak = matches!(signature.hash, AlgorithmId::SHA1);
        Error::unless(&checks::SIGNATURE_HASH, !weak, "sha256, sha384 or sha512", signature.hash)?;
        let hash = signature.hash.hash().ok_or_else(|| Unsupported::Format(signature.hash.into()))?;
        let verified = key.verify(attest.signed_bytes(), &signature, hash, provider)?;
        let actual =
            if verified.is_ok() { "a signature that verifies" } else { "a signature that does not verify" };
        Error::unless(&checks::SIGNATURE, verified.is_ok(), "a signature that verifies", actual)?;
        Ok(Self::assertion(attest, signer, trusted))
    }

    /// Says that the signature of `attest` was verified with `signer`, an attestation key by its attributes, which is `trusted`. Only
    /// to be called where that was done.
    const fn assertion(attest: Attest<'a>, signer: Public<'a>, trusted: &'a TrustedAk) -> Self {
        Self { attest, signer, trusted }
    }

    /// What vouches for the key that signed.
    pub const fn trusted(&self) -> &'a TrustedAk {
        self.trusted
    }

    /// What was signed.
    pub const fn attest(&self) -> &Attest<'a> {
        &self.attest
    }

    /// Who signed.
    pub const fn signer(&self) -> &Public<'a> {
        &self.signer
    }
}

fn judge_key(signer: &Public<'_>) -> Result<(), Error> {
    let attributes = signer.attributes();
    let (expected, actual) = (Value::Bits(u64::from(Attributes::AK)), Value::Bits(u64::from(attributes.0)));
    Error::unless(&checks::AK_ATTRIBUTES, attributes.are_an_attestation_keys(), expected, actual)?;
    match signer.key() {
        Key::Ecc { .. } => Ok(()),
        Key::Rsa { bits, exponent, .. } => {
            let strong = bits >= 2048 && exponent >= 65_537;
            Error::unless(&checks::AK_STRENGTH, strong, Value::AtLeast(2048), u32::from(bits))
        }
    }
}

fn judge_scheme(signer: &Public<'_>, key: &SigningKey, signature: &Signature<'_>) -> Result<(), Error> {
    let kind = match key {
        SigningKey::Ecc { .. } => "ecdsa",
        SigningKey::Rsa { .. } => "rsassa or rsapss",
    };
    Error::unless(&checks::AK_SCHEME, key.takes(signature.scheme), kind, signature.scheme)?;
    let fixed = signer.scheme();
    if fixed.is_null() {
        return Ok(());
    }
    Error::unless(&checks::AK_SCHEME, fixed.scheme == signature.scheme, fixed.scheme, signature.scheme)?;
    Error::unless(&checks::AK_HASH, fixed.hash == signature.hash, fixed.hash, signature.hash)
}
