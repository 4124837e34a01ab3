//! From a set to a policy of attest-core.
//!
//! Reference values say what a machine measured, and nothing else. The rest of a policy, from product lines to freshness, is the
//! operator's: the *ground*. A set narrows it. Sections of the ground that the set says nothing about are taken out, because
//! reference values of a TPM are no reason to believe a bare SNP report.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use attest_core::UnixTime;
use attest_core::checks::Check;
use attest_core::policy::Policy;
use attest_core::rules::{Floors, Limit, OneOf, Registers};
use attest_core::tee::snp::{self, Part, RawTcb, Tcb};
use attest_core::tee::vtpm::checks::policy::PCRS;
use attest_core::tee::{nitro, tdx};
use attest_core::values::Digest;

use crate::reference::{Minimum, ReferenceValues, Register, Rule, Set, bound_of};

#[cfg(test)]
mod tests;

/// Why a set does not become a policy. Nothing of a set is left out in silence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// The ground lists values of its own for this register, and none of them is in the set.
    #[error("set {set:?}: the ground allows none of the values of {register}")]
    Conflict {
        /// The set.
        set: String,
        /// The register.
        register: String,
    },
    /// The set has no value that this kind of policy judges.
    #[error("set {set:?} has no register of {tee}")]
    Empty {
        /// The set.
        set: String,
        /// What was asked for.
        tee: &'static str,
    },
    /// One check stands for a register in all its banks, so that it cannot warn in one and refuse in another.
    #[error("set {set:?}: {register} only warns, and another bank of that register refuses")]
    MixedBanks {
        /// The set.
        set: String,
        /// The register.
        register: String,
    },
    /// The ground has no section for this register.
    #[error("set {set:?}: the ground has no section for {register}")]
    NoSection {
        /// The set.
        set: String,
        /// The register, or the least number.
        register: String,
    },
    /// The set is not valid now.
    #[error("set {set:?} is not valid at {now}")]
    OutsideWindow {
        /// The set.
        set: String,
        /// When it was asked, in Unix seconds.
        now: u64,
    },
    /// A raw TCB has a meaning only where all product lines lay it out alike.
    #[error(
        "set {set:?}: a least TCB needs a ground that lists product lines of one layout (Milan and Genoa, or Turin)"
    )]
    TcbLayout {
        /// The set.
        set: String,
    },
    /// The policy of this TEE cannot warn.
    #[error("set {set:?}: {register} only warns, and a policy for that TEE cannot")]
    WarnOnly {
        /// The set.
        set: String,
        /// The register.
        register: String,
    },
}

impl ReferenceValues {
    /// One policy for each set that is valid at `now`, by the set's name. A machine must match one of them as a whole.
    ///
    /// # Errors
    /// The first [`ConversionError`].
    pub fn to_policies(
        &self,
        ground: &Policy,
        now: UnixTime,
    ) -> Result<Vec<(String, Policy)>, ConversionError> {
        self.valid_at(now).map(|set| Ok((set.name().into(), set.to_policy(ground, now)?))).collect()
    }
}

impl Set {
    /// The ground, narrowed to the values of this set.
    ///
    /// # Errors
    /// [`ConversionError`] if the set is not valid at `now`, or if the ground cannot hold one of its rules.
    pub fn to_policy(&self, ground: &Policy, now: UnixTime) -> Result<Policy, ConversionError> {
        self.judge_window(now)?;
        let mut policy = Policy::empty();
        policy.warn_only.clone_from(&ground.warn_only);
        let mut pcrs: BTreeMap<_, OneOf<Digest>> = BTreeMap::new();
        for (register, rule) in self.registers() {
            let none = || self.no_section(register.name());
            let check = match register {
                Register::NitroPcr(_) => return Err(none()),
                Register::SnpMeasurement => {
                    let snp = section(&mut policy.snp, ground.snp.as_ref(), none)?;
                    snp.measurements = self.narrowed(&snp.measurements, register, rule)?;
                    &snp::checks::policy::MEASUREMENT
                }
                Register::TdxMrtd | Register::TdxRtmr(_) => {
                    let tdx = section(&mut policy.tdx, ground.tdx.as_ref(), none)?;
                    let number = if let Register::TdxRtmr(number) = register { Some(number) } else { None };
                    let (values, check) = match number {
                        None => (&mut tdx.mr_td, &tdx::checks::policy::MR_TD),
                        Some(0) => (&mut tdx.rtmr0, &tdx::checks::policy::RTMR0),
                        Some(1) => (&mut tdx.rtmr1, &tdx::checks::policy::RTMR1),
                        Some(2) => (&mut tdx.rtmr2, &tdx::checks::policy::RTMR2),
                        Some(3) => (&mut tdx.rtmr3, &tdx::checks::policy::RTMR3),
                        Some(_) => return Err(none()),
                    };
                    *values = self.narrowed(values, register, rule)?;
                    check
                }
                Register::TpmPcr(bank, index) => {
                    let vtpm = section(&mut policy.vtpm, ground.vtpm.as_ref(), none)?;
                    let check = *PCRS.get(usize::from(*index)).ok_or_else(none)?;
                    let of_ground = if let Registers::Listed(listed) = &vtpm.pcrs {
                        listed.get(&(*bank, *index))
                    } else {
                        None
                    };
                    let values = rule.values().iter().copied().collect();
                    let allowed = both(of_ground.unwrap_or(&OneOf::Any), values);
                    pcrs.insert((*bank, *index), OneOf::Listed(self.not_empty(allowed, register)?));
                    self.judge_banks(*index, rule, register)?;
                    check
                }
            };
            warn(&mut policy, rule, check);
        }
        if let Some(vtpm) = &mut policy.vtpm {
            // Registers that only the ground names stay.
            if let Registers::Listed(listed) = &vtpm.pcrs {
                listed.iter().for_each(|(key, rule)| {
                    pcrs.entry(*key).or_insert_with(|| rule.clone());
                });
            }
            vtpm.pcrs = Registers::Listed(pcrs);
        }
        for (minimum, number) in self.minimums() {
            let snp = policy.snp.as_mut().ok_or_else(|| self.no_section(minimum.name().into()))?;
            self.raise(snp, *minimum, *number)?;
        }
        Ok(policy)
    }

    /// A ground for Nitro documents, narrowed to the values of this set.
    ///
    /// # Errors
    /// [`ConversionError`] if the set is not valid at `now`, has a register of another TEE, or a rule that only warns.
    pub fn to_nitro_policy(
        &self,
        ground: &nitro::Policy,
        now: UnixTime,
    ) -> Result<nitro::Policy, ConversionError> {
        self.judge_window(now)?;
        let mut policy = ground.clone();
        let mut pcrs = if let nitro::policy::Registers::Listed(listed) = &ground.pcrs {
            listed.clone()
        } else {
            BTreeMap::new()
        };
        for (register, rule) in self.registers() {
            let Register::NitroPcr(index) = register else { return Err(self.no_section(register.name())) };
            if rule.warns_only() {
                return Err(ConversionError::WarnOnly { set: self.name().into(), register: register.name() });
            }
            let allowed = self.narrowed(pcrs.get(index).unwrap_or(&OneOf::Any), register, rule)?;
            pcrs.insert(*index, allowed);
        }
        if let Some(minimum) = self.minimums().keys().next() {
            return Err(self.no_section(minimum.name().into()));
        }
        policy.pcrs = nitro::policy::Registers::Listed(pcrs);
        Ok(policy)
    }

    /// What the ground and the set both allow of a register of 48 bytes.
    fn narrowed(
        &self,
        ground: &OneOf<[u8; 48]>,
        register: &Register,
        rule: &Rule,
    ) -> Result<OneOf<[u8; 48]>, ConversionError> {
        let values = rule.values().iter().filter_map(|value| value.as_bytes().try_into().ok()).collect();
        Ok(OneOf::Listed(self.not_empty(both(ground, values), register)?))
    }

    fn judge_window(&self, now: UnixTime) -> Result<(), ConversionError> {
        match self.window().holds_at(now) {
            true => Ok(()),
            false => Err(ConversionError::OutsideWindow { set: self.name().into(), now: now.as_secs() }),
        }
    }

    fn no_section(&self, register: String) -> ConversionError {
        ConversionError::NoSection { set: self.name().into(), register }
    }

    fn not_empty<T>(&self, values: Vec<T>, register: &Register) -> Result<Vec<T>, ConversionError> {
        match values.is_empty() {
            true => Err(ConversionError::Conflict { set: self.name().into(), register: register.name() }),
            false => Ok(values),
        }
    }

    fn judge_banks(&self, index: u8, rule: &Rule, register: &Register) -> Result<(), ConversionError> {
        let refuses = |(other, of_other): (&Register, &Rule)| {
            matches!(other, Register::TpmPcr(_, other) if *other == index) && !of_other.warns_only()
        };
        match rule.warns_only() && self.registers().iter().any(refuses) {
            true => Err(ConversionError::MixedBanks { set: self.name().into(), register: register.name() }),
            false => Ok(()),
        }
    }

    fn raise(&self, snp: &mut snp::Policy, minimum: Minimum, number: u64) -> Result<(), ConversionError> {
        match minimum {
            Minimum::SnpGuestSvn => {
                let least = u32::try_from(number).unwrap_or(u32::MAX);
                let of_ground = bound_of(snp.guest_svn).unwrap_or(0);
                snp.guest_svn = Limit::To(of_ground.max(least));
            }
            Minimum::SnpReportedTcb => {
                let OneOf::Listed(lines) = &snp.product_lines else { return Err(self.tcb_layout()) };
                let mut layouts = lines.iter().map(|line| line.tcb_layout());
                let layout = layouts.next().ok_or_else(|| self.tcb_layout())?;
                if layouts.any(|other| other != layout) {
                    return Err(self.tcb_layout());
                }
                let raw = RawTcb::from_bytes(number.to_le_bytes());
                // A byte without a meaning cannot be compared, so it must not be demanded.
                if raw.reserved(layout) != 0 {
                    return Err(self.tcb_layout());
                }
                let floor = raw.components(layout);
                let parts = Part::ALL.iter().filter(|part| lines.contains(&part.line()));
                let raised = parts.map(|part| {
                    let of_ground = if let Floors::PerPart(floors) = &snp.tcb.reported {
                        floors.get(part).copied()
                    } else {
                        Some(floor)
                    };
                    // A part that the ground refuses stays refused.
                    of_ground.map(|of_ground| (*part, higher(of_ground, floor)))
                });
                snp.tcb.reported = Floors::PerPart(raised.flatten().collect());
            }
        }
        Ok(())
    }

    fn tcb_layout(&self) -> ConversionError {
        ConversionError::TcbLayout { set: self.name().into() }
    }
}

fn warn(policy: &mut Policy, rule: &Rule, check: &Check) {
    if rule.warns_only() {
        policy.warn_only.insert(check.id.into());
    } else {
        // A warning of the ground's does not weaken a rule of the set.
        policy.warn_only.remove(check.id);
    }
}

/// Each component the higher of both.
fn higher(a: Tcb, b: Tcb) -> Tcb {
    Tcb::new(
        a.fmc.max(b.fmc),
        a.bootloader.max(b.bootloader),
        a.tee.max(b.tee),
        a.snp.max(b.snp),
        a.microcode.max(b.microcode),
    )
}

/// What both allow.
fn both<T: PartialEq>(ground: &OneOf<T>, values: Vec<T>) -> Vec<T> {
    if let OneOf::Listed(listed) = ground {
        values.into_iter().filter(|value| listed.contains(value)).collect()
    } else {
        values
    }
}

/// The section of the policy under way, begun with the ground's.
fn section<'p, T: Clone>(
    begun: &'p mut Option<T>,
    ground: Option<&T>,
    none: impl FnOnce() -> ConversionError,
) -> Result<&'p mut T, ConversionError> {
    match begun {
        Some(section) => Ok(section),
        None => Ok(begun.insert(ground.ok_or_else(none)?.clone())),
    }
}
