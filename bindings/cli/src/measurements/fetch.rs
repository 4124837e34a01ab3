//! `measurements fetch`: nothing is replaced unless all of it holds.

use std::path::Path;

use attest_measurements::MAX_BYTES;
use attest_measurements::reference::Consent;
use attest_measurements::trust::rollback::Watermark;

use super::{about, native};
use crate::answer::Answer;
use crate::args::measurements::Fetch;
use crate::exit::{Exit, Failure};
use crate::fetch::Client;
use crate::{collateral, input};

impl Fetch {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        let suffix = if self.trust.trusted_root.is_some() { ".sigstore.json" } else { ".sig" };
        let last = self.last()?;
        let client = Client::new(Some(&self.url))?;
        let bytes = client.document("", MAX_BYTES)?;
        let signature = client.document(suffix, MAX_BYTES)?;
        let (now, name) = (input::now()?, Path::new(&self.url));
        let trusted = self.trust.verify(name, &bytes, &signature, now)?;
        let names: Vec<&str> = self.consent.warn_only.iter().map(String::as_str).collect();
        let values = native(trusted.bytes(), &Consent::to_warn_only(&names))
            .map_err(|error| about(name, Exit::Malformed, error))?;
        let mark = Watermark::advance(last.as_ref(), &values, &trusted, now, self.trust.provider.get())
            .map_err(|error| about(name, Exit::Untrusted, error))?;
        // The mark first: if this ends between the two, the old file stays and nothing older can follow.
        collateral::write(&self.watermark, mark.to_json().as_bytes())?;
        collateral::write(&self.output, trusted.bytes())?;
        let (path, serial) = (self.output.display(), mark.serial());
        Ok(Answer::text(format!("{path}: {} {serial}\n", values.name())))
    }

    /// What was accepted last. A mark that is gone is not taken for none.
    fn last(&self) -> Result<Option<Watermark>, Failure> {
        match (self.first, self.watermark.exists()) {
            (true, true) => {
                let message = format!("{}: is there; leave --first out", self.watermark.display());
                Err(Failure::usage(message))
            }
            (true, false) => Ok(None),
            (false, _) => {
                let mark = Watermark::from_json(&input::read(&self.watermark)?);
                mark.map(Some).map_err(|error| about(&self.watermark, Exit::Malformed, error))
            }
        }
    }
}
