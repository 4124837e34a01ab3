//! Product lines, parts and TCB versions.

use crate::values::Value;

/// The lines that AMD issues separate roots for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProductLine {
    /// EPYC 7003.
    Milan,
    /// EPYC 9004 and 8004: Genoa, Genoa-X, Bergamo, Siena.
    Genoa,
    /// EPYC 9005.
    Turin,
}

impl ProductLine {
    /// All lines, oldest first.
    pub const ALL: &[Self] = &[Self::Milan, Self::Genoa, Self::Turin];

    /// The name in AMD's certificates and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Genoa => "Genoa",
            Self::Milan => "Milan",
            Self::Turin => "Turin",
        }
    }

    /// The line of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|line| line.name() == name)
    }

    /// How TCB_VERSION is laid out on this line.
    pub const fn tcb_layout(self) -> TcbLayout {
        match self {
            Self::Genoa | Self::Milan => TcbLayout::Milan,
            Self::Turin => TcbLayout::Turin,
        }
    }

    /// Octets of CHIP_ID that are in use; the rest is zero.
    pub const fn chip_id_len(self) -> usize {
        match self {
            Self::Genoa | Self::Milan => 64,
            Self::Turin => 8,
        }
    }
}

/// Family, model and stepping as the report's CPUID bytes give them; the family with its extension added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cpuid {
    /// CPUID_FAM_ID.
    pub family: u8,
    /// CPUID_MOD_ID.
    pub model: u8,
    /// CPUID_STEP.
    pub stepping: u8,
}

impl Cpuid {
    /// The line that this CPU belongs to; `None` for one that was not known when this was written.
    pub const fn line(self) -> Option<ProductLine> {
        match (self.family, self.model) {
            (0x19, 0x00..=0x0f) => Some(ProductLine::Milan),
            (0x19, 0x10..=0x1f | 0xa0..=0xaf) => Some(ProductLine::Genoa),
            (0x1a, 0x00..=0x11) => Some(ProductLine::Turin),
            _ => None,
        }
    }

    /// The part, for minima that differ inside a line.
    pub const fn part(self) -> Option<Part> {
        match (self.family, self.model, self.stepping) {
            (0x19, 0x01, 0x02) => Some(Part::MilanX),
            (0x19, 0x11, 0x02) => Some(Part::GenoaX),
            (0x19, 0xa0..=0xaf, _) => Some(Part::Siena),
            (0x1a, 0x10..=0x11, _) => Some(Part::TurinDense),
            _ => match self.line() {
                Some(line) => Some(Part::of(line)),
                None => None,
            },
        }
    }
}

/// What microcode levels are comparable within: a line's plain parts and its variants count separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// Milan, and any report of its line without CPUID bytes.
    Milan,
    /// Milan-X: family 19h, model 1, stepping 2.
    MilanX,
    /// Genoa, and any report of its line without CPUID bytes.
    Genoa,
    /// Genoa-X: family 19h, model 11h, stepping 2.
    GenoaX,
    /// Bergamo and Siena: family 19h, models A0h to AFh.
    Siena,
    /// Turin: family 1Ah.
    Turin,
    /// Turin dense: family 1Ah, models 10h and 11h.
    TurinDense,
}

impl Part {
    /// All parts.
    pub const ALL: &[Self] =
        &[Self::Milan, Self::MilanX, Self::Genoa, Self::GenoaX, Self::Siena, Self::Turin, Self::TurinDense];

    /// The plain part of a line.
    pub const fn of(line: ProductLine) -> Self {
        match line {
            ProductLine::Genoa => Self::Genoa,
            ProductLine::Milan => Self::Milan,
            ProductLine::Turin => Self::Turin,
        }
    }

    /// The line that the part belongs to.
    pub const fn line(self) -> ProductLine {
        match self {
            Self::Milan | Self::MilanX => ProductLine::Milan,
            Self::Genoa | Self::GenoaX | Self::Siena => ProductLine::Genoa,
            Self::Turin | Self::TurinDense => ProductLine::Turin,
        }
    }

    /// The name in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Genoa => "genoa",
            Self::GenoaX => "genoa-x",
            Self::Milan => "milan",
            Self::MilanX => "milan-x",
            Self::Siena => "siena",
            Self::Turin => "turin",
            Self::TurinDense => "turin-dense",
        }
    }

    /// The part of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|part| part.name() == name)
    }
}

/// Which byte of TCB_VERSION means what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TcbLayout {
    /// Milan and Genoa: boot loader, TEE, 4 reserved, SNP, microcode.
    Milan,
    /// Turin: FMC, boot loader, TEE, SNP, 3 reserved, microcode.
    Turin,
}

/// TCB_VERSION as it stands in a report: eight bytes whose meaning depends on the product line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTcb(pub(crate) [u8; 8]);

impl RawTcb {
    /// Eight bytes in the order of the report, from a document that names a level.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The eight bytes in the order of the report.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The components.
    pub const fn components(self, layout: TcbLayout) -> Tcb {
        let [b0, b1, b2, b3, _, _, b6, microcode] = self.0;
        match layout {
            TcbLayout::Milan => Tcb { fmc: None, bootloader: b0, tee: b1, snp: b6, microcode },
            TcbLayout::Turin => Tcb { fmc: Some(b0), bootloader: b1, tee: b2, snp: b3, microcode },
        }
    }

    /// The reserved bytes, as one number: zero unless a byte is set that the layout gives no meaning.
    pub const fn reserved(self, layout: TcbLayout) -> u64 {
        let [_, _, b2, b3, b4, b5, b6, _] = self.0;
        let [r2, r3, r6] = match layout {
            TcbLayout::Milan => [b2, b3, 0],
            TcbLayout::Turin => [0, 0, b6],
        };
        u64::from_le_bytes([0, 0, r2, r3, b4, b5, r6, 0])
    }
}

/// Security patch levels by component. They compare one by one, never as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Tcb {
    /// First-stage boot loader, Turin only.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub fmc: Option<u8>,
    /// Boot loader of the secure processor.
    pub bootloader: u8,
    /// Its operating system.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode of all cores.
    pub microcode: u8,
}

impl Tcb {
    /// Levels by component.
    pub const fn new(fmc: Option<u8>, bootloader: u8, tee: u8, snp: u8, microcode: u8) -> Self {
        Self { fmc, bootloader, tee, snp, microcode }
    }

    /// Whether every component reaches `floor`'s. An FMC level on one side only reaches nothing.
    pub fn reaches(&self, floor: &Self) -> bool {
        let fmc = match (self.fmc, floor.fmc) {
            (Some(have), Some(want)) => have >= want,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        fmc && self.bootloader >= floor.bootloader
            && self.tee >= floor.tee
            && self.snp >= floor.snp
            && self.microcode >= floor.microcode
    }
}

impl From<Tcb> for Value {
    fn from(tcb: Tcb) -> Self {
        let Tcb { fmc, bootloader, tee, snp, microcode } = tcb;
        Self::Tcb { fmc, bootloader, tee, snp, microcode }
    }
}
