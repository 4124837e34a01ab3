//! `measurements`: reference values read, written, merged, signed, verified, fetched, and made a policy.

use std::path::{Path, PathBuf};

use attest_core::UnixTime;
use attest_measurements::formats::constellation::{self, Release};
use attest_measurements::formats::corim::{self, Corim, Environment, Kind, Label};
use attest_measurements::formats::{Converted, ExportError, Numbering, Origin, flashbots, rvps};
use attest_measurements::merge::{intersection, override_with, union};
use attest_measurements::reference::{Consent, ReferenceValues, SCHEMA};
use attest_measurements::trust::bundle::Signer;
use attest_measurements::trust::{
    Identity, TrustError, TrustRoot, Trusted, VerifyingKey, blob, bundle, corim as corim_trust,
};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;

use crate::answer::Answer;
use crate::args::measurements::{
    ConsentArgs, Convert, Format, How, Measurements, Merge, OriginArgs, Registers, Sign, ToPolicy, TrustArgs,
    Verify,
};
use crate::exit::{Exit, Failure};
use crate::{collateral, input};

#[cfg(feature = "fetch")]
mod fetch;
mod transition;

impl Measurements {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        match self {
            Self::Convert(convert) => convert.run(),
            #[cfg(feature = "fetch")]
            Self::Fetch(fetch) => fetch.run(),
            Self::Merge(merge) => merge.run(),
            Self::Policy(policy) => policy.run(),
            Self::Schema => Ok(Answer::text(SCHEMA)),
            Self::Sign(sign) => sign.run(),
            Self::Transition(transition) => transition.run(),
            Self::Verify(verify) => verify.run(),
        }
    }
}

impl Convert {
    fn run(&self) -> Result<Answer, Failure> {
        let bytes = input::read(&self.file)?;
        let names: Vec<&str> = self.consent.warn_only.iter().map(String::as_str).collect();
        let consent = Consent::to_warn_only(&names);
        let issued = self.origin.issued()?;
        let origin = Origin::new(&self.origin.name, self.origin.serial, issued);
        let form = |error| about(&self.file, Exit::Malformed, error);
        let read = match self.from {
            Format::Native | Format::Toml => native(&bytes, &consent).map_err(form)?,
            Format::Constellation => {
                constellation::read_manifest(&bytes, &self.release()?, &origin, &consent).map_err(form)?
            }
            Format::ConstellationV1 => {
                constellation::read_manifest_v1(&bytes, &self.release, &origin, &consent).map_err(form)?
            }
            Format::ConstellationMap => {
                let numbering = match self.registers {
                    Registers::Nitro => Numbering::Nitro,
                    Registers::Tdx => Numbering::Tdx,
                    Registers::Tpm => Numbering::TpmSha256,
                };
                constellation::read_measurements(&bytes, numbering, &origin, &consent).map_err(form)?
            }
            Format::Flashbots => flashbots::read(&bytes, &origin, &consent).map_err(form)?,
            Format::Rvps => self.consent.take(rvps::read(&bytes, &origin, &consent).map_err(form)?)?,
            Format::Corim => {
                let corim =
                    Corim::parse(&bytes).map_err(|error| about(&self.file, Exit::Malformed, error))?;
                let values = corim.to_reference_values(&origin, &consent, kind_of).map_err(form)?;
                self.consent.take(values)?
            }
        };
        let written = match self.to {
            Format::Native => read.to_json().into_bytes(),
            Format::Toml => read.to_toml().into_bytes(),
            Format::Constellation => {
                self.export(constellation::write_manifest(&read, &self.release()?))?.into_bytes()
            }
            Format::Flashbots => self.export(flashbots::write(&read))?.into_bytes(),
            Format::Rvps => {
                let expires = self.expires.ok_or_else(|| Failure::usage("--to rvps needs --expires"))?;
                self.export(rvps::write(&read, expires.as_secs()))?.into_bytes()
            }
            Format::Corim => self.export(corim::write(&read, &self.vendor))?,
            Format::ConstellationMap | Format::ConstellationV1 => {
                return Err(Failure::usage("--to: this form is read only; write constellation"));
            }
        };
        deliver(written, self.output.as_deref())
    }

    fn release(&self) -> Result<Release<'_>, Failure> {
        let mut parts = self.release.split(',');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(version), Some(reference), Some(stream), None) => {
                Ok(Release::new(version, reference, stream))
            }
            _ => Err(Failure::usage("--release: VERSION,REF,STREAM is expected")),
        }
    }

    fn export<T>(&self, written: Result<Converted<T>, ExportError>) -> Result<T, Failure> {
        self.consent.take(written.map_err(Failure::usage)?)
    }
}

impl OriginArgs {
    fn issued(&self) -> Result<u64, Failure> {
        Ok(self.issued.map_or_else(input::now, Ok)?.as_secs())
    }
}

impl ConsentArgs {
    /// What was converted, if every constraint that was lost is named.
    fn take<T>(&self, converted: Converted<T>) -> Result<T, Failure> {
        let places: Vec<&str> = self.accept_loss.iter().map(String::as_str).collect();
        converted.despite(&places).map_err(|weakened| {
            let lost: Vec<String> = weakened.0.iter().map(ToString::to_string).collect();
            Failure::usage(format_args!("name with --accept-loss what may be lost: {}", lost.join("; ")))
        })
    }
}

impl Merge {
    fn run(&self) -> Result<Answer, Failure> {
        let names: Vec<&str> = self.consent.warn_only.iter().map(String::as_str).collect();
        let consent = Consent::to_warn_only(&names);
        let [first, second] = [&self.first, &self.second].map(|path| {
            let values = native(&input::read(path)?, &consent);
            values.map_err(|error| about(path, Exit::Malformed, error))
        });
        let (first, second) = (first?, second?);
        let origin = Origin::new(&self.origin.name, self.origin.serial, self.origin.issued()?);
        let merged = match self.how {
            How::Union => union(&first, &second, &origin),
            How::Override => override_with(&first, &second, &origin, &consent),
            How::Intersection => intersection(&first, &second, &origin, &consent),
        };
        let merged = merged.map_err(|error| Failure::new(Exit::Rejected, error))?;
        let answer = deliver(merged.values.to_json().into_bytes(), self.output.as_deref())?;
        let notes = merged.overridden.iter().map(|conflict| format!("overridden: {conflict}"));
        Ok(notes.fold(answer, Answer::note))
    }
}

impl ToPolicy {
    fn run(&self) -> Result<Answer, Failure> {
        let names: Vec<&str> = self.consent.warn_only.iter().map(String::as_str).collect();
        let values = native(&input::read(&self.file)?, &Consent::to_warn_only(&names))
            .map_err(|error| about(&self.file, Exit::Malformed, error))?;
        let now = self.at.map_or_else(input::now, Ok)?;
        let set = values.set(&self.set, now).ok_or_else(|| {
            let message = format!("{}: no set {:?} is valid then", self.file.display(), self.set);
            Failure::new(Exit::Rejected, message)
        })?;
        let policy = set.to_policy(&input::policy(&self.ground)?, now).map_err(Failure::usage)?;
        deliver(policy.to_toml().into_bytes(), self.output.as_deref())
    }
}

impl Sign {
    fn run(&self) -> Result<Answer, Failure> {
        let bytes = input::read(&self.file)?;
        let key = SecretKey::read(&self.key)?;
        let public = key.public().map_err(|error| trust(&self.key, error))?;
        let provider = self.provider.get();
        let written = match (&self.corim, self.not_after) {
            (Some(signer), Some(until)) => {
                let from = self.not_before.map_or_else(input::now, Ok)?;
                let statement = corim_trust::Statement::new(signer, (from.as_secs(), until.as_secs()))
                    .map_err(Failure::usage)?;
                let signature = key.sign_fixed(&statement.bytes_to_sign(&bytes))?;
                statement.to_signed(&bytes, &signature, &public, provider)
            }
            _ => {
                let signature: p256::ecdsa::DerSignature = key.0.sign(&bytes);
                blob::encode(&bytes, signature.as_bytes(), &public, provider).map(String::into_bytes)
            }
        };
        let written = written.map_err(|error| trust(&self.file, error))?;
        let output = self.output.clone().unwrap_or_else(|| {
            let mut beside = self.file.clone().into_os_string();
            beside.push(".sig");
            PathBuf::from(beside)
        });
        deliver(written, Some(&output))
    }
}

/// A private key that signs.
struct SecretKey(p256::ecdsa::SigningKey);

impl SecretKey {
    fn read(path: &Path) -> Result<Self, Failure> {
        let unusable = || Failure::usage(format_args!("{}: no P-256 key in PKCS #8", path.display()));
        let pem = input::read(path)?;
        let pem = std::str::from_utf8(&pem).map_err(|_| unusable())?;
        p256::ecdsa::SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| unusable())
    }

    fn public(&self) -> Result<VerifyingKey, TrustError> {
        VerifyingKey::from_p256_point(self.0.verifying_key().to_sec1_point(false).as_bytes())
    }

    /// r, then s, 32 bytes each.
    fn sign_fixed(&self, message: &[u8]) -> Result<[u8; 64], Failure> {
        let signature: p256::ecdsa::Signature = self.0.sign(message);
        let fixed = signature.to_bytes().as_slice().try_into();
        fixed.map_err(|_| Failure::new(Exit::Internal, "a signature of another length than 64"))
    }
}

impl Verify {
    fn run(&self) -> Result<Answer, Failure> {
        let bytes = input::read(&self.file)?;
        let trusted = match (&self.signature, &self.corim, &self.trust.key) {
            (Some(signature), _, _) => {
                self.trust.verify(&self.file, &bytes, &input::read(signature)?, input::now()?)?
            }
            (None, Some(output), Some(key)) => {
                let key = public_key(key)?;
                let trusted = corim_trust::verify(&bytes, &key, input::now()?, self.trust.provider.get())
                    .map_err(|error| trust(&self.file, error))?;
                collateral::write(output, trusted.bytes())?;
                trusted
            }
            (None, _, _) => return Err(Failure::usage("a signed CoRIM needs --key")),
        };
        let when = trusted.signed_at().map_or_else(String::new, |time| format!(", signed at {time}"));
        Ok(Answer::text(format!("{}: ok{when}\n", self.file.display())))
    }
}

fn public_key(path: &Path) -> Result<VerifyingKey, Failure> {
    VerifyingKey::from_pem(&input::read(path)?).map_err(|error| trust(path, error))
}

impl TrustArgs {
    /// Verifies a signature file, or with a trusted root a bundle. Nothing falls back to the other.
    fn verify<'a>(
        &self,
        name: &Path,
        bytes: &'a [u8],
        signature: &[u8],
        now: UnixTime,
    ) -> Result<Trusted<'a>, Failure> {
        let provider = self.provider.get();
        let key = self.key.as_deref().map(public_key).transpose()?;
        let identity = match (&self.identity, &self.issuer) {
            (Some(subject), Some(issuer)) => Some(Identity::exactly(subject, issuer)),
            _ => None,
        };
        let signer = match (&key, &identity) {
            (Some(key), None) => Signer::Key(key),
            (None, Some(identity)) => Signer::Identity(identity),
            _ => return Err(Failure::usage("either --key, or --identity with --issuer")),
        };
        let verified = match (&self.trusted_root, &key) {
            (Some(path), _) => {
                let root = TrustRoot::from_json(&input::read(path)?, provider);
                let root = root.map_err(|error| trust(path, error))?;
                bundle::verify(signature, bytes, signer, &root, now, provider)
            }
            (None, Some(key)) => blob::verify(bytes, signature, key, provider),
            (None, None) => return Err(Failure::usage("--identity needs --trusted-root")),
        };
        verified.map_err(|error| trust(name, error))
    }
}

/// Our own format: JSON if it begins like it, else TOML.
fn native(
    bytes: &[u8],
    consent: &Consent<'_>,
) -> Result<ReferenceValues, attest_measurements::error::FormError> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => ReferenceValues::from_json(bytes, consent),
        _ => ReferenceValues::from_toml(bytes, consent),
    }
}

/// Environments as [`corim::write`] names them.
fn kind_of(environment: &Environment<'_>) -> Option<Kind> {
    match environment.class {
        Some(Label::Bytes(b"nitro")) => Some(Kind::Nitro),
        Some(Label::Bytes(b"snp")) => Some(Kind::Snp),
        Some(Label::Bytes(b"tdx")) => Some(Kind::Tdx),
        Some(Label::Bytes(b"tpm")) => Some(Kind::Tpm),
        _ => None,
    }
}

fn deliver(bytes: Vec<u8>, output: Option<&Path>) -> Result<Answer, Failure> {
    match output {
        None => Ok(Answer::text(bytes)),
        Some(path) => {
            collateral::write(path, &bytes)?;
            Ok(Answer::text(format!("{}: written\n", path.display())))
        }
    }
}

fn about(path: &Path, exit: Exit, error: impl std::fmt::Display) -> Failure {
    Failure::new(exit, format_args!("{}: {error}", path.display()))
}

fn trust(path: &Path, error: TrustError) -> Failure {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a refusal of a newer core is a refusal")]
    let exit = match error {
        TrustError::Form(_) | TrustError::Malformed(_) => Exit::Malformed,
        TrustError::Unsupported(_) | TrustError::UnsupportedForm { .. } => Exit::Unsupported,
        _ => Exit::Untrusted,
    };
    about(path, exit, error)
}
