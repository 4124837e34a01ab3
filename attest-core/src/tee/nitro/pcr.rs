//! Registers as a document lists them.

use alloc::collections::BTreeMap;

use crate::values::Value;

/// How many registers a document may have: indices 0 to 31 ("Attestation Process", 2.2). A TPM has 24.
pub const REGISTERS: u8 = 32;

/// Length of a SHA-384 digest, in bytes.
pub(crate) const PCR_LEN: usize = 48;

/// Values of registers in the SHA-384 bank, one for each index. Whoever holds one got it from a document that was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pcrs(BTreeMap<u8, [u8; PCR_LEN]>);

impl Pcrs {
    /// The value of a register; `None` if the document does not list it.
    pub fn value(&self, index: u8) -> Option<&[u8; 48]> {
        self.0.get(&index)
    }

    /// All that are listed, by index.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8; 48])> {
        self.0.iter().map(|(index, value)| (*index, value))
    }

    /// How many are listed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is listed. No document that was read is such.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, index: u8, value: [u8; PCR_LEN]) {
        self.0.insert(index, value);
    }

    /// Whether this register shows a measurement: it is listed, and not zero.
    pub(super) fn is_measured(&self, index: u8) -> bool {
        self.value(index).is_some_and(|value| *value != [0; PCR_LEN])
    }

    /// Calls `f` with the name of each register that is listed, and its value.
    pub(super) fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        for (name, index) in NAMES.iter().zip(0..) {
            if let Some(value) = self.value(index) {
                f(name, value[..].into());
            }
        }
    }
}

static NAMES: [&str; 32] = [
    "pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5", "pcr6", "pcr7", "pcr8", "pcr9", "pcr10", "pcr11",
    "pcr12", "pcr13", "pcr14", "pcr15", "pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22",
    "pcr23", "pcr24", "pcr25", "pcr26", "pcr27", "pcr28", "pcr29", "pcr30", "pcr31",
];
