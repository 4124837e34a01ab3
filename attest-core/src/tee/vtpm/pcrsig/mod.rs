//! Signed register policies, as systemd puts them into a UKI's `.pcrsig` section: the vendor of an image signs, ahead of time,
//! the policies of the register values that the image will have. A verifier needs no list of values, only the vendor's key.
//!
//! ```text
//! verified registers ──PcrPolicy::of──▶ policy ═══ pol of an entry, signed by a key of the caller's ──▶ SignedState
//! ```
//!
//! An entry is untrusted until it is verified, and which registers it covers is its author's choice: the caller says which it
//! must cover. Older images of the same vendor are accepted as well; nothing here revokes one.

#[cfg(feature = "json")]
mod json;
mod policy;

pub use policy::{PcrPolicy, Registers};

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::checks::pcrsig as checks;
use super::pcr::VerifiedPcrs;
use super::wire::Selection;
use crate::crypto::{CryptoProvider, Family, HashAlgorithm, SignatureAlgorithm};
use crate::error::{Error, Malformed, Problem};
use crate::values::{Digest, Value};
use crate::x509::PublicKey;

/// The most entries that are read: systemd signs four phases for each bank.
pub const MAX_ENTRIES: usize = 256;
/// The most signatures that are verified for one document. More than one entry for one policy is a maker's whim.
const MAX_SIGNATURES: usize = 8;

/// One entry: a policy that somebody says to have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcrSignature {
    selection: Selection,
    fingerprint: [u8; 32],
    policy: [u8; 32],
    signature: Vec<u8>,
}

impl PcrSignature {
    /// An entry of a document of another form. `fingerprint` is SHA-256 of the key's RSAPublicKey, `policy` a SHA-256 policy.
    pub const fn new(
        selection: Selection,
        fingerprint: [u8; 32],
        policy: [u8; 32],
        signature: Vec<u8>,
    ) -> Self {
        Self { selection, fingerprint, policy, signature }
    }

    /// The bank, and the registers of it.
    pub const fn selection(&self) -> Selection {
        self.selection
    }

    /// pkfp: SHA-256 of the key's RSAPublicKey.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// pol: the policy, SHA-256 whatever the bank.
    pub const fn policy(&self) -> &[u8; 32] {
        &self.policy
    }

    /// Verifies that `key` signed this policy, for the bank that the entry stands under. That says nothing of any machine:
    /// [`PcrSignatures::accept`] does.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the entry names another key, [`Error::Untrusted`] if the signature does not verify,
    /// [`Error::Unsupported`] for a bank whose hash signs nothing here.
    pub fn verify(&self, key: &SigningKey, provider: &CryptoProvider) -> Result<(), Error> {
        let named = self.fingerprint == key.fingerprint;
        Error::unless(&checks::KEY, named, &key.fingerprint[..], &self.fingerprint[..])?;
        let algorithm =
            self.algorithm().ok_or_else(|| crate::error::Unsupported::Format(self.selection.bank.into()))?;
        let verified = provider.verify(algorithm, &key.der, &self.policy, &self.signature)?;
        let actual =
            if verified.is_ok() { "a signature that verifies" } else { "a signature that does not verify" };
        Error::unless(&checks::SIGNATURE, verified.is_ok(), "a signature that verifies", actual)
    }

    /// The policy of these registers, if it is the one of this entry; `None` too for a bank without a value, and for one whose hash
    /// signs nothing here.
    fn policy_of(
        &self,
        registers: &dyn Registers,
        provider: &CryptoProvider,
    ) -> Result<Option<Digest>, Error> {
        if self.algorithm().is_none() {
            return Ok(None);
        }
        match PcrPolicy::of(HashAlgorithm::Sha256, &[self.selection], registers, provider) {
            Ok(policy) => Ok(Some(policy.policy()).filter(|policy| policy.as_bytes() == self.policy)),
            Err(Error::Mismatch(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// RSASSA-PKCS1-v1_5 with the bank's hash.
    fn algorithm(&self) -> Option<SignatureAlgorithm> {
        SignatureAlgorithm::of(Family::RsaPkcs1, self.selection.bank.hash()?)
    }
}

/// A key that the caller trusts to sign policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    der: Vec<u8>,
    fingerprint: [u8; 32],
}

impl SigningKey {
    /// A SubjectPublicKeyInfo in DER, the content of systemd's `tpm2-pcr-public-key.pem`. It comes from the caller's
    /// configuration; the one inside an image (`.pcrpkey`) proves nothing.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is no RSA key, [`Error::Unsupported`] if the provider lacks SHA-256.
    pub fn from_spki(spki: &[u8], provider: &CryptoProvider) -> Result<Self, Error> {
        let malformed =
            |problem| Malformed { structure: "SubjectPublicKeyInfo", field: "key", offset: 0, problem };
        let key = PublicKey::parse(spki)?;
        let PublicKey::Rsa { der, .. } = key else {
            return Err(malformed(Problem::Der("a key of another kind than RSA")).into());
        };
        let fingerprint = provider.digest(HashAlgorithm::Sha256, &[der])?;
        Ok(Self { der: der.to_vec(), fingerprint: sha256_octets(fingerprint) })
    }

    /// SHA-256 of the RSAPublicKey.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

/// The entries of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcrSignatures {
    entries: Vec<PcrSignature>,
}

impl PcrSignatures {
    /// Entries of a document of another form.
    ///
    /// # Errors
    /// [`Malformed`] for more than [`MAX_ENTRIES`].
    pub fn new(entries: Vec<PcrSignature>) -> Result<Self, Malformed> {
        if entries.len() > MAX_ENTRIES {
            let problem = Problem::TooLarge { max: MAX_ENTRIES, actual: entries.len() };
            let structure = "tpm2-pcr-signature.json";
            return Err(Malformed { structure, field: "entries", offset: 0, problem });
        }
        Ok(Self { entries })
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[PcrSignature] {
        &self.entries
    }

    /// Looks for an entry whose policy is that of the quoted registers, which covers all of `required`, and which `key` signed.
    ///
    /// Entries of banks without a quoted value, and of SHA-1's, are passed over.
    ///
    /// # Errors
    /// The first of these that no entry passes: [`Error::Mismatch`] for the key, the registers covered, and the policy;
    /// [`Error::Untrusted`] for the signature. [`Error::Unsupported`] if the provider lacks an algorithm.
    pub fn accept(
        &self,
        key: &SigningKey,
        registers: &VerifiedPcrs,
        required: &[u8],
        provider: &CryptoProvider,
    ) -> Result<SignedState, Error> {
        let (selection, policy) = self.find(key, registers, required, provider)?;
        Ok(SignedState { signer: key.fingerprint, selection, policy })
    }

    /// All entries whose policy is that of the quoted registers and which `key` signed, as a verification takes them: which registers
    /// must be covered, a policy says later. Entries that do not hold are passed over; so are those of banks without a quoted value,
    /// of SHA-1's, and of no register.
    pub(super) fn states(
        &self,
        key: &SigningKey,
        registers: &VerifiedPcrs,
        provider: &CryptoProvider,
    ) -> Result<Vec<SignedState>, Error> {
        let mut states = Vec::new();
        let mut attempts = 0..MAX_SIGNATURES;
        let named = self.entries.iter().filter(|entry| entry.fingerprint == key.fingerprint);
        for entry in named.filter(|entry| entry.selection.registers != 0) {
            let Some(policy) = entry.policy_of(registers, provider)? else { continue };
            if attempts.next().is_none() {
                break;
            }
            match entry.verify(key, provider) {
                Ok(()) => {
                    let (signer, selection) = (key.fingerprint, entry.selection);
                    states.push(SignedState { signer, selection, policy });
                }
                Err(error @ Error::Unsupported(_)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(states)
    }

    /// The same over values that nothing vouches for: for whoever signs documents and looks whether they fit the values that an
    /// image will have. The selection of the entry that fits says nothing of any machine.
    ///
    /// # Errors
    /// As [`PcrSignatures::accept`].
    pub fn dangerous_accept_unquoted(
        &self,
        key: &SigningKey,
        values: &dyn Registers,
        required: &[u8],
        provider: &CryptoProvider,
    ) -> Result<Selection, Error> {
        self.find(key, values, required, provider).map(|(selection, _)| selection)
    }

    fn find(
        &self,
        key: &SigningKey,
        registers: &dyn Registers,
        required: &[u8],
        provider: &CryptoProvider,
    ) -> Result<(Selection, Digest), Error> {
        let mut named = self.entries.iter().filter(|entry| entry.fingerprint == key.fingerprint).peekable();
        let actual = Value::Number(u64::try_from(self.entries.len()).unwrap_or(u64::MAX));
        if named.peek().is_none() {
            return Err(Error::refusal(&checks::KEY, &key.fingerprint[..], actual));
        }
        let covers = |entry: &PcrSignature| {
            // A caller that asks for no register takes what the vendor chose, but not nothing.
            entry.selection.registers != 0
                && required.iter().all(|index| entry.selection.indices().any(|covered| covered == *index))
        };
        let mut covering = named.filter(|entry| covers(entry)).peekable();
        if covering.peek().is_none() {
            return Err(Error::refusal(&checks::COVERS, required, "none that covers them"));
        }
        let mut signature = None;
        let mut attempts = 0..MAX_SIGNATURES;
        for entry in covering {
            let Some(policy) = entry.policy_of(registers, provider)? else { continue };
            if attempts.next().is_none() {
                break;
            }
            match entry.verify(key, provider) {
                Ok(()) => return Ok((entry.selection, policy)),
                Err(error @ Error::Unsupported(_)) => return Err(error),
                Err(error) => drop(signature.get_or_insert(error)),
            }
        }
        Err(signature
            .unwrap_or_else(|| Error::refusal(&checks::POLICY, "that of the verified registers", "none")))
    }
}

/// Registers whose values the vendor's key signed. Only [`PcrSignatures::accept`] makes one, and a verification of quotes under the
/// signers of [`Anchors`](super::Anchors::add_pcr_signer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedState {
    signer: [u8; 32],
    selection: Selection,
    policy: Digest,
}

impl SignedState {
    /// The bank.
    pub const fn bank(&self) -> AlgorithmId {
        self.selection.bank
    }

    /// The registers that the vendor vouches for. It says nothing of others.
    pub fn registers(&self) -> impl Iterator<Item = u8> + use<> {
        self.selection.indices()
    }

    /// The key that signed: SHA-256 of its RSAPublicKey.
    pub const fn signer(&self) -> &[u8; 32] {
        &self.signer
    }

    /// Whether the vendor vouches for this register.
    pub fn covers(&self, index: u8) -> bool {
        self.registers().any(|covered| covered == index)
    }

    /// Bank and registers, as tpm2-tools write them: `sha256:4,11`.
    pub(super) fn to_text(self) -> String {
        let mut text = self.bank().to_string();
        for (position, index) in self.registers().enumerate() {
            text.push(if position == 0 { ':' } else { ',' });
            text.push_str(&index.to_string());
        }
        text
    }

    /// The policy that was signed.
    pub const fn policy(&self) -> Digest {
        self.policy
    }
}

/// A SHA-256 digest has 32 octets.
fn sha256_octets(digest: Digest) -> [u8; 32] {
    let mut octets = [0; 32];
    octets.iter_mut().zip(digest.as_bytes()).for_each(|(slot, octet)| *slot = *octet);
    octets
}
