//! The challenge and its answer: one endorsement key, one attestation key, one attempt.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::Sensitive;
use super::ek::TrustedEk;
use super::make::{Randomness, make_credential};
use super::primitives::{digest, equal, hmac};
use super::wire::Challenge;
use crate::claims::Root;
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::{Error, Malformed};
use crate::tee::vtpm::algorithm::AlgorithmId;
use crate::tee::vtpm::checks::credential as checks;
use crate::tee::vtpm::checks::verify::AK_ATTRIBUTES;
use crate::tee::vtpm::ek_certificate::EkClaims;
use crate::tee::vtpm::public::{Attributes, Name, Public};
use crate::values::Value;

/// What an answer starts with, so that it is no answer to anything else.
pub const CONTEXT: &[u8] = b"attest-tpm/1 activation\0";

/// What a challenge is made of.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Start<'a> {
    /// The endorsement key.
    pub ek: &'a TrustedEk,
    /// TPMT_PUBLIC of the attestation key, as the device sent it.
    pub ak_public: &'a [u8],
    /// What names this session on both sides: a channel binding, or a transcript's hash. [`Form::Mac`] commits to it.
    pub session: &'a [u8],
    /// How the device answers.
    pub form: Form,
    /// The last moment at which an answer is taken.
    pub deadline: UnixTime,
}

impl<'a> Start<'a> {
    /// All five.
    pub const fn new(
        ek: &'a TrustedEk,
        ak_public: &'a [u8],
        session: &'a [u8],
        form: Form,
        deadline: UnixTime,
    ) -> Self {
        Self { ek, ak_public, session, form, deadline }
    }
}

/// How a device proves that it has the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know which it asks for")]
pub enum Form {
    /// HMAC-SHA-256, keyed by the secret, over [`CONTEXT`], the endorsement key's name, the attestation key's name and SHA-256 of
    /// the session. Names are as long as their algorithm says, so nothing needs a length. The secret never travels, and an
    /// answer from another session is no answer.
    Mac,
    /// The secret itself, for devices that know nothing but TPM2_ActivateCredential. It binds no session: whoever carries
    /// challenge and answer between two sessions is not noticed.
    Secret,
}

/// A device's answer.
pub struct Response {
    form: Form,
    proof: Sensitive,
}

impl Response {
    /// [`Form::Mac`], as it was received.
    pub fn mac(mac: &[u8]) -> Self {
        Self { form: Form::Mac, proof: Sensitive::new(mac) }
    }

    /// [`Form::Secret`], as it was received.
    pub fn secret(secret: &[u8]) -> Self {
        Self { form: Form::Secret, proof: Sensitive::new(secret) }
    }

    /// The device's side of [`Form::Mac`]: `secret` is what TPM2_ActivateCredential gave.
    pub fn prove(secret: &Sensitive, ek: &Name, ak: &Name, session: &[u8]) -> Self {
        let session = digest(HashAlgorithm::Sha256, &[session]);
        let parts = [CONTEXT, ek.as_bytes(), ak.as_bytes(), session.as_bytes()];
        let proof = hmac(HashAlgorithm::Sha256, secret.as_bytes(), &parts);
        Self { form: Form::Mac, proof }
    }

    /// What goes to the verifier. For [`Form::Secret`] that is the secret.
    pub fn as_bytes(&self) -> &[u8] {
        self.proof.as_bytes()
    }

    /// Which form it has.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// So that the verifier keeps nothing that would answer its own challenge.
    fn fingerprint(&self) -> [u8; 32] {
        let mut fingerprint = [0; 32];
        let hashed = digest(HashAlgorithm::Sha256, &[self.proof.as_bytes()]);
        fingerprint.iter_mut().zip(hashed.as_bytes()).for_each(|(slot, octet)| *slot = *octet);
        fingerprint
    }
}

/// One challenge, from its start to its one answer.
///
/// 1. [`Activation::start`] hands out a [`Challenge`]; carry it to the device.
/// 2. [`Activation::answer`] takes the device's [`Response`], once. Any answer ends the attempt, good or bad; start again with
///    other randomness, and decide how often.
///
/// It holds nothing secret, and cannot be copied: two copies would be two attempts.
#[derive(Debug)]
pub struct Activation {
    state: State,
}

#[derive(Debug)]
enum State {
    Answered,
    AwaitAnswer(Box<AwaitAnswer>),
}

#[derive(Debug)]
struct AwaitAnswer {
    ek: EkClaims,
    root: Root,
    ak_name: Name,
    ak_public: Vec<u8>,
    form: Form,
    fingerprint: [u8; 32],
    deadline: UnixTime,
}

impl Activation {
    /// Checks the attestation key's attributes and makes its challenge. `randomness` serves this one challenge; a second made
    /// with the same has the same secret.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a public area that cannot be read, [`Error::Untrusted`] for attributes that are not an
    /// attestation key's, and those of [`super::make_credential`].
    pub fn start(
        start: Start<'_>,
        randomness: &Randomness,
        provider: &CryptoProvider,
    ) -> Result<(Self, Challenge), Error> {
        let Start { ek, ak_public, session, form, deadline } = start;
        let ak = Public::parse(ak_public)?;
        let Attributes(bits) = ak.attributes();
        let fit = ak.attributes().are_an_attestation_keys();
        let expected = Value::Bits(u64::from(Attributes::AK));
        Error::unless(&AK_ATTRIBUTES, fit, expected, Value::Bits(u64::from(bits)))?;
        let algorithm = ak.name_alg();
        let strong = matches!(algorithm, AlgorithmId::SHA256 | AlgorithmId::SHA384 | AlgorithmId::SHA512);
        Error::unless(&checks::AK_NAME_ALG, strong, "sha256, sha384 or sha512", algorithm)?;

        let ak_name = ak.name(provider)?;
        let secret = Sensitive::new(randomness.secret());
        let challenge = make_credential(ek, &ak_name, &secret, randomness)?;
        let expected = match form {
            Form::Mac => Response::prove(&secret, ek.name(), &ak_name, session),
            Form::Secret => Response::secret(secret.as_bytes()),
        };
        let state = State::AwaitAnswer(Box::new(AwaitAnswer {
            ek: ek.claims().clone(),
            root: ek.root(),
            ak_name,
            ak_public: ak_public.to_vec(),
            form,
            fingerprint: expected.fingerprint(),
            deadline,
        }));
        Ok((Self { state }, challenge))
    }

    /// Takes the one answer.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a second answer, a late one, or one of the other form; [`Error::Untrusted`] for one that does not
    /// prove the secret. None says more than that.
    pub fn answer(&mut self, response: &Response, now: UnixTime) -> Result<ActivatedAk, Error> {
        match core::mem::replace(&mut self.state, State::Answered) {
            State::Answered => Err(Error::refusal(&checks::ATTEMPT, "the first answer", "another")),
            State::AwaitAnswer(state) => state.answer(response, now),
        }
    }
}

impl AwaitAnswer {
    fn answer(self, response: &Response, now: UnixTime) -> Result<ActivatedAk, Error> {
        let (deadline, time) = (Value::Time(self.deadline.as_secs()), Value::Time(now.as_secs()));
        Error::unless(&checks::DEADLINE, now <= self.deadline, deadline, time)?;
        let form = |form: Form| match form {
            Form::Mac => "a MAC",
            Form::Secret => "the secret",
        };
        let same = self.form == response.form;
        Error::unless(&checks::FORM, same, form(self.form), form(response.form))?;
        let proven = equal(&self.fingerprint, &response.fingerprint());
        Error::unless(&checks::RESPONSE, proven, "a proof", "no proof")?;
        let Self { ek, root, ak_name, ak_public, .. } = self;
        Ok(ActivatedAk { ek, root, ak_name, ak_public })
    }
}

/// An attestation key that sits in the TPM of a trusted endorsement key. Only an answered [`Activation`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivatedAk {
    ek: EkClaims,
    root: Root,
    ak_name: Name,
    ak_public: Vec<u8>,
}

impl ActivatedAk {
    /// Which TPM it is, by its endorsement key.
    pub const fn ek(&self) -> &EkClaims {
        &self.ek
    }

    /// What stands behind the endorsement key.
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The attestation key's name.
    pub const fn ak_name(&self) -> &Name {
        &self.ak_name
    }

    /// The attestation key's public area, which that name covers.
    ///
    /// # Errors
    /// None that happens: it was parsed before the challenge was made.
    pub fn ak_public(&self) -> Result<Public<'_>, Malformed> {
        Public::parse(&self.ak_public)
    }
}
