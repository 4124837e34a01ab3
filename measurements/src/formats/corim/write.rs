//! Manifests as we write them: one CoMID for each TEE, in the forms that [`super::Kind`] reads.

use alloc::vec::Vec;

use attest_core::cbor::Encoder;
use attest_core::crypto::HashAlgorithm;

use super::import::ALGORITHMS;
use super::{Kind, tag};
use crate::formats::constellation::description;
use crate::formats::{Converted, ExportError, Loss, Lost};
use crate::reference::{Minimum, ReferenceValues, Register, Rule, Set, bound_of};

/// Writes a document's one set as an unsigned manifest, in the deterministic encoding. Its environments have the vendor `vendor`,
/// the document's name as their model, and the TEE's name as the text of their class: `snp`, `tpm`, `tdx` or `nitro`, in bytes.
///
/// # Errors
/// [`ExportError`] for several sets, whose values would mix, and for a register of the SHA-1 bank.
pub fn write(values: &ReferenceValues, vendor: &str) -> Result<Converted<Vec<u8>>, ExportError> {
    let [set] = values.sets() else {
        let set = values.name().into();
        return Err(ExportError::SetName { set, expected: "one set alone: several would mix" });
    };
    let mut losses = Vec::from([description(values)]);
    let mut comids = Vec::new();
    for (kind, class) in [(Kind::Nitro, "nitro"), (Kind::Snp, "snp"), (Kind::Tdx, "tdx"), (Kind::Tpm, "tpm")]
    {
        let measurements = measurements(set, kind, &mut losses)?;
        if !measurements.is_empty() {
            comids.push(comid(
                &[values.name(), "/", class].concat(),
                class,
                (vendor, values.name()),
                &measurements,
            ));
        }
    }
    if set.minimums().contains_key(&Minimum::SnpGuestSvn)
        && !set.registers().contains_key(&Register::SnpMeasurement)
    {
        losses.push(Loss::new(set.name(), Lost::Minimum(Minimum::SnpGuestSvn.name())));
    }
    let (from, until) = (bound_of(set.window().from()), bound_of(set.window().until()));
    // The format has no beginning without an end.
    let validity = until.map(|until| (from, until));
    if validity.is_none() && from.is_some() {
        losses.push(Loss::new(set.name(), Lost::Window));
    }
    let mut out = Encoder::default();
    out.tag(tag::CORIM).map(if validity.is_some() { 3 } else { 2 });
    out.uint(0).text(values.name());
    out.uint(1).array(comids.len());
    for comid in comids {
        out.tag(tag::COMID).bytes(&comid);
    }
    if let Some((from, until)) = validity {
        out.uint(4).map(if from.is_some() { 2 } else { 1 });
        if let Some(from) = from {
            out.uint(0).tag(tag::EPOCH).uint(from);
        }
        out.uint(1).tag(tag::EPOCH).uint(until);
    }
    Ok(Converted::new(out.into_bytes(), losses))
}

/// One measurement as it is written.
enum Written<'a> {
    /// mkey, digests, svn.
    Digests(Option<&'static str>, Option<u64>, &'a Rule, Option<u64>),
    /// Registers by number, each with its digests by algorithm.
    Registers(Vec<(u8, Vec<(HashAlgorithm, &'a Rule)>)>),
    /// mkey and svn.
    Svn(u64, u64),
}

fn measurements<'a>(
    set: &'a Set,
    kind: Kind,
    losses: &mut Vec<Loss>,
) -> Result<Vec<Written<'a>>, ExportError> {
    let mut written = Vec::new();
    let mut registers: Vec<(u8, Vec<(HashAlgorithm, &Rule)>)> = Vec::new();
    for (register, rule) in set.registers() {
        let number = match (kind, register) {
            (Kind::Snp, Register::SnpMeasurement) => {
                let svn = set.minimums().get(&Minimum::SnpGuestSvn).copied();
                written.push(Written::Digests(None, Some(0), rule, svn));
                None
            }
            (Kind::Tdx, Register::TdxMrtd) => {
                written.push(Written::Digests(Some("mrtd"), None, rule, None));
                None
            }
            (Kind::Tpm, Register::TpmPcr(bank, _)) if number_of(*bank).is_none() => {
                return Err(ExportError::Register { set: set.name().into(), register: register.name() });
            }
            (Kind::Tpm, Register::TpmPcr(bank, number)) => Some((*number, *bank)),
            (Kind::Tdx, Register::TdxRtmr(number)) | (Kind::Nitro, Register::NitroPcr(number)) => {
                Some((*number, HashAlgorithm::Sha384))
            }
            _ => continue,
        };
        if rule.warns_only() {
            losses.push(Loss::new(set.name(), Lost::Warning(register.name())));
        }
        let Some((number, bank)) = number else { continue };
        match registers.iter_mut().find(|(known, _)| *known == number) {
            Some((_, banks)) => banks.push((bank, rule)),
            None => registers.push((number, Vec::from([(bank, rule)]))),
        }
    }
    if !registers.is_empty() {
        registers.sort_by_key(|(number, _)| *number);
        written.push(Written::Registers(registers));
    }
    if let (Kind::Snp, Some(tcb)) = (kind, set.minimums().get(&Minimum::SnpReportedTcb)) {
        written.push(Written::Svn(7, *tcb));
    }
    Ok(written)
}

fn comid(id: &str, class: &str, (vendor, model): (&str, &str), measurements: &[Written<'_>]) -> Vec<u8> {
    let mut out = Encoder::default();
    out.map(2).uint(1).map(1).uint(0).text(id);
    out.uint(4).map(1).uint(0).array(1).array(2);
    out.map(1).uint(0).map(3).uint(0).tag(tag::BYTES).bytes(class.as_bytes());
    out.uint(1).text(vendor).uint(2).text(model);
    out.array(measurements.len());
    for measurement in measurements {
        match measurement {
            Written::Digests(text, number, rule, svn) => {
                out.map(2).uint(0);
                match (text, number) {
                    (Some(text), _) => out.text(text),
                    (None, number) => out.uint(number.unwrap_or_default()),
                };
                out.uint(1).map(if svn.is_some() { 2 } else { 1 });
                if let Some(svn) = svn {
                    out.uint(1).tag(tag::LEAST_SVN).uint(*svn);
                }
                out.uint(2);
                digests(&mut out, &[(HashAlgorithm::Sha384, *rule)]);
            }
            Written::Registers(registers) => {
                out.map(1).uint(1).map(1).uint(14).map(registers.len());
                for (number, banks) in registers {
                    out.uint(u64::from(*number));
                    digests(&mut out, banks);
                }
            }
            Written::Svn(key, svn) => {
                out.map(2).uint(0).uint(*key);
                out.uint(1).map(1).uint(1).tag(tag::LEAST_SVN).uint(*svn);
            }
        }
    }
    out.into_bytes()
}

fn digests(out: &mut Encoder<'_>, banks: &[(HashAlgorithm, &Rule)]) {
    out.array(banks.iter().map(|(_, rule)| rule.values().len()).sum());
    for (bank, rule) in banks {
        let Some(algorithm) = number_of(*bank) else { continue };
        for value in rule.values() {
            out.array(2).uint(algorithm).bytes(value.as_bytes());
        }
    }
}

/// The number of a bank's algorithm; `None` for one that the registry does not have, as it has no SHA-1.
fn number_of(bank: HashAlgorithm) -> Option<u64> {
    ALGORITHMS.iter().find(|(_, _, hash)| *hash == bank).map(|(number, _, _)| *number)
}
