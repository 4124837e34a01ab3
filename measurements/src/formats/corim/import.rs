//! From a manifest to reference values.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use attest_core::crypto::HashAlgorithm;
use attest_core::values::Digest;

use super::{Corim, Environment, Label, Measurement, RimDigest, Svn};
use crate::error::{FormError, FormProblem};
use crate::formats::{Converted, Loss, Lost, Origin};
use crate::reference::{Consent, Minimum, ReferenceValues, Register, Rule, Set, Window};

/// What an environment is, in the caller's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Integrity registers are those of an AWS Nitro document.
    Nitro,
    /// Keys of measurements are those of AMD's draft (draft-deeglaze-amd-sev-snp-corim-profile): 0 the guest, 7 the reported TCB.
    Snp,
    /// Integrity registers are RTMRs; the key `mrtd` is MRTD.
    Tdx,
    /// Integrity registers are platform configuration registers, in the bank of each digest's algorithm.
    Tpm,
}

/// Hash functions by number and name (IANA, Named Information Hash Algorithm Registry).
pub(super) const ALGORITHMS: [(u64, &str, HashAlgorithm); 3] = [
    (1, "sha-256", HashAlgorithm::Sha256),
    (7, "sha-384", HashAlgorithm::Sha384),
    (8, "sha-512", HashAlgorithm::Sha512),
];

/// The hash function of a digest's algorithm.
pub(super) fn hash(algorithm: &Label<'_>) -> Option<HashAlgorithm> {
    let known = ALGORITHMS
        .iter()
        .find(|(id, name, _)| *algorithm == Label::Int(i128::from(*id)) || *algorithm == Label::Text(name));
    known.map(|(_, _, hash)| *hash)
}

const FORMAT: &str = "CoRIM";

impl Corim<'_> {
    /// One set, in the name of the origin, with the values of all environments that `kind_of` knows: they are parts of one
    /// machine. Several values of one register are alternatives.
    ///
    /// # Errors
    /// [`FormError`] for a manifest that gives no value of a register, or two least numbers for one field.
    pub fn to_reference_values(
        &self,
        origin: &Origin<'_>,
        consent: &Consent<'_>,
        kind_of: impl Fn(&Environment<'_>) -> Option<Kind>,
    ) -> Result<Converted<ReferenceValues>, FormError> {
        let mut found = Found::default();
        if let Some(profile) = &self.profile {
            found.lose("profile", format!("profile {}", profile.shown()));
        }
        self.unread.iter().for_each(|unread| found.lose(unread, unread.clone()));
        for (index, comid) in self.comids.iter().enumerate() {
            for (kind, count) in comid.triples.iter().filter(|(kind, _)| *kind != 0) {
                let at = format!("tags[{index}].triples.{kind}");
                found.lose(&at, format!("{count} triples of kind {kind}"));
            }
            for (number, reference) in comid.references.iter().enumerate() {
                let at = format!("tags[{index}].references[{number}]");
                match kind_of(&reference.environment) {
                    None => found.lose(&at, String::from("an environment that the caller does not know")),
                    Some(kind) => {
                        for (number, measurement) in reference.measurements.iter().enumerate() {
                            found.measurement(&format!("{at}[{number}]"), kind, measurement)?;
                        }
                    }
                }
            }
        }
        let Found { registers, minimums, losses } = found;
        let rules = registers.into_iter().map(|(register, values)| Ok((register, Rule::new(values, false)?)));
        let values = || {
            let window = Window::new(self.not_before, self.not_after)?;
            let set = Set::new(origin.name, window, rules.collect::<Result<_, _>>()?, minimums, consent)?;
            ReferenceValues::new(origin.name, origin.serial, origin.issued, Vec::from([set]))
        };
        let values = values().map_err(|problem| FormError::new(FORMAT, "$", problem))?;
        Ok(Converted::new(values, losses))
    }
}

#[derive(Default)]
struct Found {
    registers: BTreeMap<Register, BTreeSet<Digest>>,
    minimums: BTreeMap<Minimum, u64>,
    losses: Vec<Loss>,
}

impl Found {
    fn lose(&mut self, at: &str, what: String) {
        self.losses.push(Loss::new(at, Lost::Constraint(what)));
    }

    fn measurement(&mut self, at: &str, kind: Kind, of: &Measurement<'_>) -> Result<(), FormError> {
        of.unread.iter().for_each(|key| self.lose(at, format!("value {key}")));
        if of.authorised {
            self.lose(at, String::from("an authority"));
        }
        if let Some(version) = of.version {
            self.lose(at, format!("version {}", crate::error::shown(version)));
        }
        self.svn(at, kind, of)?;
        for RimDigest { algorithm, value } in &of.digests {
            let register = match (kind, &of.key) {
                (Kind::Snp, Some(Label::Int(0))) => Some(Register::SnpMeasurement),
                (Kind::Tdx, Some(Label::Text("mrtd"))) => Some(Register::TdxMrtd),
                _ => None,
            };
            self.value(at, register, algorithm, value);
        }
        for (name, digests) in &of.registers {
            for RimDigest { algorithm, value } in digests {
                let number = match (name, &of.key) {
                    (Label::Int(number), None) => u8::try_from(*number).ok(),
                    _ => None,
                };
                let register = number.and_then(|number| match kind {
                    Kind::Nitro => (number < 32).then_some(Register::NitroPcr(number)),
                    Kind::Snp => None,
                    Kind::Tdx => (number < 4).then_some(Register::TdxRtmr(number)),
                    Kind::Tpm => {
                        let bank = hash(algorithm).filter(|_| number < 24)?;
                        Some(Register::TpmPcr(bank, number))
                    }
                });
                self.value(at, register, algorithm, value);
            }
        }
        Ok(())
    }

    fn svn(&mut self, at: &str, kind: Kind, of: &Measurement<'_>) -> Result<(), FormError> {
        let minimum = match (kind, &of.key) {
            (Kind::Snp, Some(Label::Int(0))) => Some(Minimum::SnpGuestSvn),
            (Kind::Snp, Some(Label::Int(7))) => Some(Minimum::SnpReportedTcb),
            _ => None,
        };
        match (of.svn, minimum) {
            (None, _) => Ok(()),
            (Some(Svn::AtLeast(number)), Some(minimum)) if number <= minimum.greatest() => {
                match self.minimums.insert(minimum, number) {
                    Some(earlier) if earlier != number => {
                        Err(FormError::new(FORMAT, at, FormProblem::Duplicate(minimum.name().into())))
                    }
                    _ => Ok(()),
                }
            }
            (Some(svn), _) => {
                self.lose(at, format!("{svn:?}"));
                Ok(())
            }
        }
    }

    fn value(&mut self, at: &str, register: Option<Register>, algorithm: &Label<'_>, value: &[u8]) {
        let of_register = register.filter(|register| {
            hash(algorithm).is_some_and(|hash| hash.digest_len() == register.digest_len())
        });
        match (of_register, Digest::new(value)) {
            (Some(register), Some(digest)) => {
                self.registers.entry(register).or_default().insert(digest);
            }
            _ => self.lose(at, format!("a digest of algorithm {}", algorithm.shown())),
        }
    }
}
