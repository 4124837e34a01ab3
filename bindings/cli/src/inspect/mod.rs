//! `inspect`: what bytes say, decoded and believed by nobody.

mod certificates;
mod flags;
mod layout;
mod log;
mod nitro;
mod snp;
mod tdx;
mod tpm;

use attest_core::collateral::Collateral;
use attest_core::{Evidence, Format, Verifier};
use serde_json::json;

use crate::answer::Answer;
use crate::args::Inspect;
use crate::exit::{Exit, Failure};
use crate::{collateral, input};

const WARNING: &str = "NOT VERIFIED: this is what the bytes say";

impl Inspect {
    pub(crate) fn run(&self) -> Result<Answer, Failure> {
        let bytes = input::read(&self.file)?;
        let about = |error| Failure::about(self.file.display(), error);
        // A log's first register number looks like a report's version, so it is looked for first.
        if log::is_one(&bytes) {
            self.fits("an event log")?;
            return log::show(self, &bytes).map(Answer::text);
        }
        self.only_for_logs()?;
        if let Some(part) = tpm::Part::of(&bytes) {
            self.fits(part.name())?;
            return part.show(self, &bytes).map(Answer::text).map_err(about);
        }
        let text = match Verifier::new().detect(&bytes) {
            Ok(evidence) => self.show_evidence(&evidence)?,
            Err(error) => {
                // Whatever is no evidence may be certificates; if it is neither, what it is not evidence for is the answer.
                let about = about(error);
                let collateral = match collateral::parse(&self.file, &bytes) {
                    Ok(collateral) => collateral,
                    Err(_) if about.exit != Exit::Unsupported => return Err(about),
                    Err(other) if bytes.first() == Some(&0x30) || bytes.starts_with(b"-----") => {
                        return Err(other);
                    }
                    Err(_) => return Err(about),
                };
                self.fits("certificates or CRLs")?;
                self.show_collateral(&collateral)
            }
        };
        Ok(Answer::text(text))
    }

    fn show_evidence(&self, evidence: &Evidence) -> Result<String, Failure> {
        let about = |error| Failure::about(self.file.display(), error);
        match evidence.format {
            Format::Nitro => {
                self.fits("a Nitro document")?;
                nitro::show(self, evidence).map_err(about)
            }
            Format::Snp => snp::show(self, evidence).map_err(about),
            Format::Tdx => {
                self.fits("a TDX quote")?;
                tdx::show(self, evidence).map_err(about)
            }
            Format::Vtpm => {
                self.fits("TPM evidence")?;
                tpm::show(self, evidence).map_err(about)
            }
            // The core may grow: a format of a newer core is not decoded here yet.
            other => Err(Failure::new(Exit::Unsupported, format_args!("cannot show format {}", other.id()))),
        }
    }

    fn show_collateral(&self, collateral: &Collateral) -> String {
        if self.json {
            let document = json!({
                "version": 1,
                "verified": false,
                "certificates": certificates::certificates(collateral),
                "crls": certificates::crls(collateral),
                "documents": certificates::documents(collateral),
            });
            return document.to_string() + "\n";
        }
        format!("{WARNING}\n{}", certificates::listing(collateral))
    }

    /// Fields are marked in the bytes of SNP reports and nowhere else.
    fn fits(&self, what: &str) -> Result<(), Failure> {
        match self.hex {
            false => Ok(()),
            true => Err(Failure::usage(format_args!(
                "--hex is for SNP reports, and {} is {what}",
                self.file.display()
            ))),
        }
    }

    fn only_for_logs(&self) -> Result<(), Failure> {
        match self.pcrs {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format_args!(
                "--pcrs is for event logs, and {} is none",
                self.file.display()
            ))),
        }
    }
}
