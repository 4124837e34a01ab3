//! Registers and least numbers, and how files name them.

use alloc::format;
use alloc::string::{String, ToString};

use attest_core::crypto::HashAlgorithm;

use crate::document::decimal;

/// A measurement register of some TEE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Register {
    /// `nitro.pcr.N`: a register of an AWS Nitro document, 0 to 31, SHA-384.
    NitroPcr(u8),
    /// `snp.measurement`: MEASUREMENT of an SEV-SNP report, SHA-384.
    SnpMeasurement,
    /// `tdx.mrtd`: MRTD of a TDX quote, SHA-384.
    TdxMrtd,
    /// `tdx.rtmr.N`: a run-time register of TDX, 0 to 3, SHA-384.
    TdxRtmr(u8),
    /// `tpm.BANK.N`: a platform configuration register, 0 to 23.
    TpmPcr(HashAlgorithm, u8),
}

impl Register {
    /// The register of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let (tee, rest) = name.split_once('.')?;
        match (tee, rest.split_once('.')) {
            ("snp", None) if rest == "measurement" => Some(Self::SnpMeasurement),
            ("tdx", None) if rest == "mrtd" => Some(Self::TdxMrtd),
            ("tdx", Some(("rtmr", number))) => index(number, 4).map(Self::TdxRtmr),
            ("nitro", Some(("pcr", number))) => index(number, 32).map(Self::NitroPcr),
            ("tpm", Some((bank, number))) => {
                Some(Self::TpmPcr(HashAlgorithm::from_name(bank)?, index(number, 24)?))
            }
            _ => None,
        }
    }

    /// Its name in files.
    pub fn name(self) -> String {
        match self {
            Self::NitroPcr(index) => format!("nitro.pcr.{index}"),
            Self::SnpMeasurement => "snp.measurement".to_string(),
            Self::TdxMrtd => "tdx.mrtd".to_string(),
            Self::TdxRtmr(index) => format!("tdx.rtmr.{index}"),
            Self::TpmPcr(bank, index) => format!("tpm.{}.{index}", bank.name()),
        }
    }

    /// Length of its values, in bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::NitroPcr(_) | Self::SnpMeasurement | Self::TdxMrtd | Self::TdxRtmr(_) => 48,
            Self::TpmPcr(bank, _) => bank.digest_len(),
        }
    }
}

/// A number that must be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Minimum {
    /// `snp.guest_svn`: GUEST_SVN of an SEV-SNP report, 32 bits.
    SnpGuestSvn,
    /// `snp.reported_tcb`: REPORTED_TCB as one little-endian number. What its bytes mean depends on the product line, and they
    /// compare one by one.
    SnpReportedTcb,
}

impl Minimum {
    /// All of them.
    pub const ALL: &[Self] = &[Self::SnpGuestSvn, Self::SnpReportedTcb];

    /// The number of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|minimum| minimum.name() == name)
    }

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SnpGuestSvn => "snp.guest_svn",
            Self::SnpReportedTcb => "snp.reported_tcb",
        }
    }

    /// A number that reaches both: of a TCB each byte, because they compare one by one.
    pub(crate) fn higher(self, one: u64, other: u64) -> u64 {
        match self {
            Self::SnpGuestSvn => one.max(other),
            Self::SnpReportedTcb => {
                let mut bytes = one.to_le_bytes();
                bytes
                    .iter_mut()
                    .zip(other.to_le_bytes())
                    .for_each(|(byte, other)| *byte = (*byte).max(other));
                u64::from_le_bytes(bytes)
            }
        }
    }

    /// The greatest number that the field holds.
    pub(crate) const fn greatest(self) -> u64 {
        match self {
            Self::SnpGuestSvn => 0xffff_ffff,
            Self::SnpReportedTcb => u64::MAX,
        }
    }
}

/// The number of a register, below `count`, in its one decimal form.
pub(crate) fn index(digits: &str, count: u8) -> Option<u8> {
    decimal(digits).and_then(|number| u8::try_from(number).ok()).filter(|number| *number < count)
}
