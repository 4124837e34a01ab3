//! A key that another key certifies (TPM2_Certify; TPM 2.0 Part 3, 18.2): the way from one trusted key to more.

use super::algorithm::AlgorithmId;
use super::anchors::TrustedAk;
use super::checks::attested as checks;
use super::public::{Hierarchy, Name, Public};
use super::signed::SignedBy;
use super::wire::{Attested, TYPE_CERTIFY};
use crate::crypto::CryptoProvider;
use crate::error::{Error, Unsupported};
use crate::values::Value;

/// A key that sat in the certifier's TPM when that signed. As good as its certifier, for whom something vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedKey<'a> {
    certifier: TrustedAk,
    public: Public<'a>,
    name: Name,
    qualified_name: Name,
}

impl<'a> CertifiedKey<'a> {
    /// Judges an attestation of [`TYPE_CERTIFY`]: this key, under a qualified name that can be its own, for this `nonce`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another key, another nonce or a qualified name that is none; [`Error::Unsupported`] if the
    /// provider lacks the key's nameAlg.
    pub fn check(
        signed: &SignedBy<'_>,
        subject: Public<'a>,
        nonce: &[u8],
        provider: &CryptoProvider,
    ) -> Result<Self, Error> {
        let attest = signed.attest();
        let Attested::Certify { name: certified, qualified_name: qualified } = *attest.attested() else {
            let kind = Value::Bits(u64::from(attest.kind()));
            return Err(Error::refusal(
                &super::checks::wire::TYPE,
                Value::Bits(u64::from(TYPE_CERTIFY)),
                kind,
            ));
        };
        let extra = attest.extra_data();
        Error::unless(&checks::CERTIFY_EXTRA_DATA, extra == nonce, nonce, extra)?;
        judge_name_alg(&subject)?;
        let name = subject.name(provider)?;
        Error::unless(&checks::CERTIFY_NAME, certified == name.as_bytes(), name.as_bytes(), certified)?;
        let well_formed = Name::from_bytes(qualified)
            .filter(|_| qualified.starts_with(&subject.name_alg().0.to_be_bytes()));
        match well_formed {
            Some(qualified_name) => {
                let certifier = signed.trusted().clone();
                Ok(Self { certifier, public: subject, name, qualified_name })
            }
            None => {
                Err(Error::refusal(&checks::CERTIFY_QUALIFIED_NAME, "a name of the key's nameAlg", qualified))
            }
        }
    }

    /// The key that certified it, and what vouches for that.
    pub const fn certifier(&self) -> &TrustedAk {
        &self.certifier
    }

    /// Its public area.
    pub const fn public(&self) -> &Public<'a> {
        &self.public
    }

    /// Its name.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Its qualified name, by its TPM's word.
    pub const fn qualified_name(&self) -> &Name {
        &self.qualified_name
    }

    /// The hierarchy that it is a primary key of; `None` if another key is its parent.
    ///
    /// # Errors
    /// [`Unsupported`] if the provider lacks the key's nameAlg.
    pub fn primary_of(&self, provider: &CryptoProvider) -> Result<Option<Hierarchy>, Unsupported> {
        primary_of(&self.name, &self.qualified_name, provider)
    }
}

/// A SHA-1 name could be two keys' (FIPS 180-4; "SHA-1 is a Shambles", 2020).
pub(super) fn judge_name_alg(subject: &Public<'_>) -> Result<(), Error> {
    let algorithm = subject.name_alg();
    let strong = matches!(algorithm, AlgorithmId::SHA256 | AlgorithmId::SHA384 | AlgorithmId::SHA512);
    Error::unless(&checks::NAME_ALG, strong, "sha256, sha384 or sha512", algorithm)
}

/// The hierarchy whose primary key has this qualified name.
fn primary_of(
    name: &Name,
    qualified: &Name,
    provider: &CryptoProvider,
) -> Result<Option<Hierarchy>, Unsupported> {
    for hierarchy in Hierarchy::ALL {
        if name.qualified(&hierarchy.handle(), provider)? == *qualified {
            return Ok(Some(hierarchy));
        }
    }
    Ok(None)
}
