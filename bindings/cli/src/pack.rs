//! `pack`: one file of evidence from what the tools of a machine give. It believes nothing and leaves out nothing but register
//! values that no quote asks for.

use attest_core::collateral::Collateral;
use attest_core::tee::vtpm::{Attest, Attested, Signature, TYPE_QUOTE, TpmEvidence, TpmQuote};
use attest_core::{Evidence, Format};

use crate::answer::Answer;
use crate::args::{Pack, PackTpm};
use crate::exit::Failure;
use crate::tpm_files::{Registers, attestation_key};
use crate::{collateral, input};

impl Pack {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        match self {
            Self::Tpm(tpm) => tpm.run(),
        }
    }
}

impl PackTpm {
    fn run(&self) -> Result<Answer, Failure> {
        let registers = Registers::read(self.pcrs.iter().map(AsRef::as_ref))?;
        let mut quotes = Vec::new();
        for pair in self.quote.chunks(2) {
            // The arguments come in pairs: clap counts them.
            if let [attest, signature] = pair {
                quotes.push(quote(attest, signature, &registers)?);
            }
        }
        let event_log = self.event_log.as_deref().map(input::read).transpose()?.unwrap_or_default();
        let (count, log) = (quotes.len(), event_log.len());
        let evidence = TpmEvidence::new(quotes, attestation_key(&self.ak)?, event_log);
        let about = |error| Failure::about(self.output.display(), error);
        // What is too much for a reader is told now, not where the file arrives.
        let bytes = evidence.to_bytes();
        TpmEvidence::parse(&bytes).map_err(about)?;
        let mut envelope = Evidence::new(Format::Vtpm, bytes);
        let mut carried = Collateral::new();
        self.certs.iter().try_for_each(|path| collateral::add_path(&mut carried, path))?;
        let certificates = carried.certificates().count();
        envelope.carried = carried;
        let bytes = envelope.to_envelope();
        Evidence::from_envelope(&bytes).map_err(about)?;
        collateral::write(&self.output, &bytes)?;
        let covered = evidence.quotes.iter().map(|quote| quote.pcrs.len()).sum::<usize>();
        let file = self.output.display();
        let answer = Answer::text(format!(
            "{file}: {count} quotes, {covered} register values, {log} bytes of event log, {certificates} certificates, {} bytes\n",
            bytes.len()
        ));
        Ok(match registers.len().saturating_sub(covered) {
            0 => answer,
            surplus => answer.note(format!("{surplus} register values are left out: no quote asks for them")),
        })
    }
}

/// A quote with exactly the values that it selects.
fn quote(
    attest: &std::path::Path,
    signature: &std::path::Path,
    registers: &Registers,
) -> Result<TpmQuote, Failure> {
    let (message, signed) = (input::read(attest)?, input::read(signature)?);
    let parsed =
        Attest::parse_as(TYPE_QUOTE, &message).map_err(|error| Failure::about(attest.display(), error))?;
    Signature::parse(&signed).map_err(|error| Failure::about(signature.display(), error))?;
    let mut pcrs = Vec::new();
    if let Attested::Quote { selection, .. } = parsed.attested() {
        for entry in selection {
            for index in entry.indices() {
                let value = registers.value(entry.bank, index).ok_or_else(|| {
                    let wanted = format_args!("{} quotes {}:{index}", attest.display(), entry.bank);
                    Failure::usage(format_args!("--pcrs: {wanted}, and no value of it is given"))
                })?;
                // A bank that is selected twice is for the verifier to refuse; the value travels once.
                if !pcrs.contains(&value) {
                    pcrs.push(value);
                }
            }
        }
    }
    Ok(TpmQuote { attest: message, signature: signed, pcrs })
}
