//! `measurements transition`: which set may replace which, until when.

use attest_core::transition::{Transition as Words, TransitionError};
use attest_measurements::reference::{Consent, ReferenceValues, Set};
use attest_measurements::update;

use super::{SecretKey, about, native, public_key, trust};
use crate::answer::Answer;
use crate::args::measurements::{Sets, SignTransition, Transition, VerifyTransition};
use crate::exit::{Exit, Failure};
use crate::{collateral, input};

impl Transition {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        match self {
            Self::Sign(sign) => sign.run(),
            Self::Verify(verify) => verify.run(),
        }
    }
}

impl SignTransition {
    fn run(&self) -> Result<Answer, Failure> {
        let key = SecretKey::read(&self.key)?;
        let public = key.public().map_err(|error| trust(&self.key, error))?;
        let provider = self.sets.provider.get();
        let values = self.sets.read()?;
        let (from, to) = self.sets.of(&values)?;
        let begin = self.not_before.map_or_else(input::now, Ok)?;
        let window = (begin.as_secs(), self.not_after.as_secs());
        let words = update::transition(values.name(), from, to, window, provider).map_err(Failure::usage)?;
        let id = public.id(provider).map_err(|error| trust(&self.key, error))?;
        let id: [u8; 32] = id
            .as_bytes()
            .try_into()
            .map_err(|_| Failure::new(Exit::Internal, "an id of another length than 32"))?;
        let statement = words.to_statement(&id, &key.sign_fixed(&words.bytes_to_sign(&id))?);
        collateral::write(&self.output, &statement)?;
        Ok(Answer::text(format!("{}: written\n", self.output.display())))
    }
}

impl VerifyTransition {
    fn run(&self) -> Result<Answer, Failure> {
        let provider = self.sets.provider.get();
        let key = public_key(&self.key)?;
        let values = self.sets.read()?;
        let (from, to) = self.sets.of(&values)?;
        let now = self.at.map_or_else(input::now, Ok)?;
        let statement = input::read(&self.statement)?;
        let permitted = Words::verify(&statement, values.name(), &[key.as_der()], now, provider)
            .map_err(|error| self.refused(&error))?;
        let identity = |set: &Set| {
            update::identity(set, provider).map_err(|error| Failure::new(Exit::Unsupported, error))
        };
        if !permitted.allows(&identity(from)?, &identity(to)?, now) {
            let (from, to) = (&self.sets.from, &self.sets.to);
            let message = format!("it is about other sets than {from:?} and {to:?}");
            return Err(about(&self.statement, Exit::Untrusted, message));
        }
        let until = permitted.transition().not_after;
        Ok(Answer::text(format!("{}: ok until {until}\n", self.statement.display())))
    }

    fn refused(&self, error: &TransitionError) -> Failure {
        #[expect(clippy::wildcard_enum_match_arm, reason = "a refusal of a newer core is a refusal")]
        let exit = match error {
            TransitionError::Malformed(_) => Exit::Malformed,
            TransitionError::Unsupported(_) => Exit::Unsupported,
            _ => Exit::Untrusted,
        };
        about(&self.statement, exit, error)
    }
}

impl Sets {
    fn read(&self) -> Result<ReferenceValues, Failure> {
        let names: Vec<&str> = self.consent.warn_only.iter().map(String::as_str).collect();
        native(&input::read(&self.document)?, &Consent::to_warn_only(&names))
            .map_err(|error| about(&self.document, Exit::Malformed, error))
    }

    /// Both sets. Each name must be that of one set alone, because a statement may begin when neither is valid yet.
    fn of<'v>(&self, values: &'v ReferenceValues) -> Result<(&'v Set, &'v Set), Failure> {
        let only = |name: &String| {
            let mut found = values.sets().iter().filter(|set| set.name() == name);
            match (found.next(), found.next()) {
                (Some(set), None) => Ok(set),
                (None, _) => {
                    Err(Failure::usage(format_args!("{}: no set {name:?}", self.document.display())))
                }
                (Some(_), Some(_)) => {
                    Err(Failure::usage(format_args!("{}: several sets {name:?}", self.document.display())))
                }
            }
        };
        Ok((only(&self.from)?, only(&self.to)?))
    }
}
