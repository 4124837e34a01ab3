//! Dated minima, as data with their source.

use alloc::collections::BTreeMap;

use super::tcb::{Part, Tcb};
use crate::rules::Firmware;

/// The lowest security patch levels and firmware version that a relying party takes from one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Minimum {
    /// The part.
    pub part: Part,
    /// Levels by component.
    pub tcb: Tcb,
    /// Firmware version: major, minor, build.
    pub firmware: Firmware,
}

impl Minimum {
    /// A minimum for one part.
    pub const fn new(part: Part, tcb: Tcb, firmware: Firmware) -> Self {
        Self { part, tcb, firmware }
    }
}

/// What one integrator demanded of its live fleet in March 2026.
///
/// Source: the published attestation policy of yaxitech's routex client, read in March 2026: committed firmware, SNP level and
/// microcode. It states no boot loader, TEE or FMC level, so those are zero here. AMD publishes no such table.
pub const MARCH_2026: &[Minimum] = &[
    minimum(Part::Milan, None, 0x1b, 0xde, 35),
    minimum(Part::MilanX, None, 0x1b, 0x45, 35),
    minimum(Part::Genoa, None, 0x1b, 0x56, 49),
    minimum(Part::GenoaX, None, 0x1b, 0x51, 49),
    minimum(Part::Siena, None, 0x1b, 0x1b, 49),
    minimum(Part::Turin, Some(0), 0x04, 0x50, 65),
    minimum(Part::TurinDense, Some(0), 0x04, 0x4d, 65),
];

const fn minimum(part: Part, fmc: Option<u8>, snp: u8, microcode: u8, build: u8) -> Minimum {
    Minimum::new(part, Tcb::new(fmc, 0, 0, snp, microcode), Firmware([1, 55, build]))
}

pub(super) fn tcb_floors(minima: &[Minimum]) -> BTreeMap<Part, Tcb> {
    minima.iter().map(|minimum| (minimum.part, minimum.tcb)).collect()
}

pub(super) fn firmware_floors(minima: &[Minimum]) -> BTreeMap<Part, Firmware> {
    minima.iter().map(|minimum| (minimum.part, minimum.firmware)).collect()
}
