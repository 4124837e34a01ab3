//! Endorsement keys that somebody vouches for.

use alloc::vec::Vec;

use crate::claims::Root;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Error, Malformed};
use crate::tee::vtpm::algorithm::AlgorithmId;
use crate::tee::vtpm::checks::credential as checks;
use crate::tee::vtpm::ek_certificate::{EkCertificate, EkClaims};
use crate::tee::vtpm::public::{Attributes, Key, Name, Public};
use crate::values::Value;

/// What an endorsement key must have: fixedTPM, fixedParent, sensitiveDataOrigin, restricted, decrypt (EK Credential Profile, B.3).
const EK: u32 = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 16) | (1 << 17);
/// What it must not have: sign.
const NOT_EK: u32 = 1 << 18;

/// An endorsement key that is trusted, and fit for credentials: its attributes, hash, size and symmetric algorithm are checked.
///
/// It comes from a caller that pins it by name, or from a certificate that was verified; bytes alone make none.
#[derive(Clone, Debug)]
pub struct TrustedEk {
    public: Vec<u8>,
    name: Name,
    claims: EkClaims,
    root: Root,
}

impl TrustedEk {
    /// The endorsement key whose name the caller knows, from an inventory or a first meeting. `public` is a TPMT_PUBLIC and may
    /// come from the device: the name covers all of it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it has another name, [`Error::Malformed`] if it is no public area, [`Error::Untrusted`] for
    /// attributes or a key that are not an endorsement key's, [`Error::Unsupported`] for algorithms that are not ours.
    pub fn pinned(public: &[u8], name: &Name, provider: &CryptoProvider) -> Result<Self, Error> {
        let parsed = Public::parse(public)?;
        judge(&parsed)?;
        let own = parsed.name(provider)?;
        Error::unless(&checks::EK_NAME, own == *name, name.as_bytes(), own.as_bytes())?;
        let claims = EkClaims {
            name: Some(own.clone()),
            spki_sha256: provider.digest(HashAlgorithm::Sha256, &[&parsed.spki()?])?,
            identity: None,
            revocation: None,
        };
        Ok(Self { public: public.to_vec(), name: own, claims, root: Root::Caller })
    }

    /// The endorsement key of a certificate that was verified. `public` is a TPMT_PUBLIC and comes from the device; its numbers must be
    /// those of the certificate. The certificate does not cover the rest of it: a device that lies there cannot answer, or changes
    /// the key's name, so that the name is no identity here ([`EkClaims::spki_sha256`] is).
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it is another key; otherwise as [`TrustedEk::pinned`], but for the name.
    pub fn certified(
        public: &[u8],
        certificate: &EkCertificate,
        provider: &CryptoProvider,
    ) -> Result<Self, Error> {
        let parsed = Public::parse(public)?;
        certificate.certifies(&parsed)?;
        judge(&parsed)?;
        let (claims, root) = (certificate.claims().clone(), certificate.root());
        Ok(Self { public: public.to_vec(), name: parsed.name(provider)?, claims, root })
    }

    /// The name of the public area, which the proof of [`super::Form::Mac`] commits to.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Who the TPM is.
    pub const fn claims(&self) -> &EkClaims {
        &self.claims
    }

    /// What stands behind it: the root of its certificate, or the caller who pinned it.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The TPMT_PUBLIC.
    pub fn as_bytes(&self) -> &[u8] {
        &self.public
    }

    /// It was parsed once and is kept as bytes, so that nothing borrows.
    pub(super) fn public(&self) -> Result<Public<'_>, Malformed> {
        Public::parse(&self.public)
    }
}

fn judge(public: &Public<'_>) -> Result<(), Error> {
    let Attributes(bits) = public.attributes();
    let fit = bits & EK == EK && bits & NOT_EK == 0;
    Error::unless(&checks::EK_ATTRIBUTES, fit, Value::Bits(u64::from(EK)), Value::Bits(u64::from(bits)))?;

    let hash = public.name_alg();
    let strong = matches!(hash, AlgorithmId::SHA256 | AlgorithmId::SHA384 | AlgorithmId::SHA512);
    Error::unless(&checks::EK_HASH, strong, "sha256, sha384 or sha512", hash)?;

    let symmetric = public.symmetric();
    let aes = symmetric.algorithm == AlgorithmId::AES
        && symmetric.mode == AlgorithmId::CFB
        && matches!(symmetric.bits, 128 | 256);
    let actual = if symmetric.algorithm == AlgorithmId::AES {
        Value::Number(u64::from(symmetric.bits))
    } else {
        symmetric.algorithm.into()
    };
    Error::unless(&checks::EK_SYMMETRIC, aes, "aes-128 or aes-256, cfb", actual)?;

    if let Key::Rsa { exponent, .. } = public.key() {
        let expected = Value::Number(65_537);
        Error::unless(&checks::EK_EXPONENT, exponent == 65_537, expected, exponent)?;
    }
    Ok(())
}
